/* ref_random.c — random tensors. Number i of a node depends on the seed and i alone, so chunks may
 * be computed in any order. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"

extern const xi_kernel xk_ref_random[];

enum { RANDOM_GRAIN = 4096 };

typedef enum random_kind {
    RANDOM_NORMAL,
    RANDOM_UNIFORM,
    RANDOM_BERNOULLI,
    RANDOM_MULTINOMIAL
} random_kind;

typedef struct random_params {
    uint64_t seed;
    float a, b; /* mean and scale, or low and high */
    int32_t kind;
} random_params;

static uint64_t ref_random_bits(uint64_t seed, uint64_t i)
{
    uint64_t x = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* In [0, 1), 53 bits. */
static double ref_random_unit(uint64_t seed, uint64_t i)
{
    return (double)(ref_random_bits(seed, i) >> 11) * 0x1p-53;
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
    float seed = xi_node_float(n, "seed", 0);
    uint32_t bits;
    memcpy(&bits, &seed, sizeof bits);
    /* Nodes without a seed of their own differ by their names. */
    r->seed = xi_node_has(n, "seed") ? bits : xi_str_hash(xi_node_label(n));
    if (r->kind >= RANDOM_BERNOULLI && xk_kind_of(p->in[0]->dtype) == XK_NONE)
        return xi_kernel_fail(n, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return XINF_OK;
}

static xinf_status ref_random_extent(const void *params, xi_operand *const *in,
                                     xi_operand *const *out, int32_t width, xi_extent *e,
                                     xinf_error *err)
{
    e->chunks[0] = xk_split_chunks(out[0]->count, RANDOM_GRAIN, width);
    e->flops = 20 * (uint64_t)out[0]->count;
    return XINF_OK;
}

static double ref_random_normal(uint64_t seed, uint64_t i)
{
    double radius = sqrt(-2 * log(1 - ref_random_unit(seed, 2 * i)));
    return radius * cos(6.283185307179586477 * ref_random_unit(seed, 2 * i + 1));
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
    int64_t first, last, samples = r->kind == RANDOM_MULTINOMIAL ? y->shape.dim[1] : 1;
    xk_split_range(y->count, RANDOM_GRAIN, call->width, chunk, &first, &last);
    for (int64_t i = first; i < last; i++) {
        double unit = ref_random_unit(r->seed, (uint64_t)i), v = 0;
        if (r->kind == RANDOM_NORMAL) {
            v = r->a + (double)r->b * ref_random_normal(r->seed, (uint64_t)i);
        } else if (r->kind == RANDOM_UNIFORM) {
            v = r->a + ((double)r->b - r->a) * unit;
            if (y->dtype == XINF_FLOAT32 && (float)v >= r->b)
                v = r->a; /* high itself is left out */
        } else if (r->kind == RANDOM_BERNOULLI) {
            v = unit < xi_dtype_load_f64(x->data, x->dtype, i);
        } else {
            v = (double)ref_random_class(x, i / samples, unit);
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
