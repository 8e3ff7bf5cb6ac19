/* ref_random.c — random tensors. A node draws its numbers one after the other, so it is one task.
 */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "backend/cpu/ref/twister.h"

extern const xi_kernel xk_ref_random[];

typedef enum random_kind {
    RANDOM_NORMAL,
    RANDOM_UNIFORM,
    RANDOM_BERNOULLI,
    RANDOM_MULTINOMIAL
} random_kind;

typedef struct random_params {
    uint32_t seed;
    float a, b; /* mean and scale, or low and high */
    int32_t kind;
} random_params;

/* Nodes without a seed of their own differ by their names. A seed's whole part counts. */
static uint32_t ref_random_seed(const xi_node *n)
{
    double seed = xi_node_float(n, "seed", 0);
    bool given = xi_node_has(n, "seed") && seed > -0x1p63 && seed < 0x1p63;
    return (uint32_t)(given ? (uint64_t)(int64_t)seed : xi_str_hash(xi_node_label(n)));
}

static xinf_status ref_random_prepare(xi_prepare *p, xinf_error *err)
{
    random_params *r = p->params;
    const xi_node *n = p->node;
    r->kind = xi_node_is(n, "RandomNormal") || xi_node_is(n, "RandomNormalLike") ? RANDOM_NORMAL
              : xi_node_is(n, "RandomUniform") || xi_node_is(n, "RandomUniformLike")
                  ? RANDOM_UNIFORM
              : xi_node_is(n, "Bernoulli") ? RANDOM_BERNOULLI
                                           : RANDOM_MULTINOMIAL;
    r->a = r->kind == RANDOM_NORMAL ? xi_node_float(n, "mean", 0) : xi_node_float(n, "low", 0);
    r->b = r->kind == RANDOM_NORMAL ? xi_node_float(n, "scale", 1) : xi_node_float(n, "high", 1);
    r->seed = ref_random_seed(n);
    if (r->kind >= RANDOM_BERNOULLI && xk_kind_of(p->in[0]->dtype) == XK_NONE)
        return xi_kernel_fail(n, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return XINF_OK;
}

static xinf_status ref_random_extent(const void *params, xi_operand *const *in,
                                     xi_operand *const *out, int32_t width, xi_extent *e,
                                     xinf_error *err)
{
    e->scratch = sizeof(xk_twister);
    e->flops = 20 * (uint64_t)out[0]->count;
    return XINF_OK;
}

/* One number of a binomial distribution of one try, by inversion. */
static double ref_random_bernoulli(double p, double unit)
{
    return p <= 0.5 ? unit > 1 - p : unit <= p;
}

/* The class that a uniform number falls on, by probabilities exp(log-probability). */
static int64_t ref_random_class(const xi_operand *x, int64_t row, double unit)
{
    int64_t classes = x->shape.dim[1], chosen = 0;
    double most = -INFINITY, sum = 0, passed = 0;
    for (int64_t k = 0; k < classes; k++)
        most = fmax(most, xi_dtype_load_f64(x->data, x->dtype, row * classes + k));
    for (int64_t k = 0; k < classes; k++)
        sum += exp(xi_dtype_load_f64(x->data, x->dtype, row * classes + k) - most);
    for (int64_t k = 0; k < classes; k++) {
        double weight = exp(xi_dtype_load_f64(x->data, x->dtype, row * classes + k) - most);
        if (weight > 0) chosen = k;
        passed += weight;
        if (unit * sum < passed) break;
    }
    return chosen;
}

static xinf_status ref_random_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const random_params *r = call->params;
    const xi_operand *y = call->out[0], *x = call->in_count ? call->in[0] : NULL;
    int64_t samples = r->kind == RANDOM_MULTINOMIAL ? y->shape.dim[1] : 1;
    xk_twister *t = scratch;
    xk_twister_seed(t, r->seed);
    for (int64_t i = 0; i < y->count; i++) {
        double v;
        if (r->kind == RANDOM_NORMAL) {
            v = r->a + (double)r->b * xk_twister_normal(t);
        } else if (r->kind == RANDOM_UNIFORM) {
            v = r->a + ((double)r->b - r->a) * xk_twister_unit(t);
            if (y->dtype == XINF_FLOAT32 && (float)v >= r->b)
                v = r->a; /* high itself is left out */
        } else if (r->kind == RANDOM_BERNOULLI) {
            v = ref_random_bernoulli(xi_dtype_load_f64(x->data, x->dtype, i), xk_twister_unit(t));
        } else {
            v = (double)ref_random_class(x, i / samples, xk_twister_unit(t));
        }
        xi_dtype_store_f64(y->data, y->dtype, i, v);
    }
    return XINF_OK;
}

#define RANDOM_KERNEL(op_name, id)                                                        \
    {                                                                                     \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",               \
        .prepare = ref_random_prepare, .extent = ref_random_extent, .run = ref_random_run \
    }

const xi_kernel xk_ref_random[] = {
    RANDOM_KERNEL("RandomNormal", "random_normal"),
    RANDOM_KERNEL("RandomNormalLike", "random_normal_like"),
    RANDOM_KERNEL("RandomUniform", "random_uniform"),
    RANDOM_KERNEL("RandomUniformLike", "random_uniform_like"),
    RANDOM_KERNEL("Bernoulli", "bernoulli"),
    RANDOM_KERNEL("Multinomial", "multinomial"),
    {0},
};

#undef RANDOM_KERNEL
