/* gru_f32_avx2.c — GRU with constant weights and the usual activations, all directions.
 *
 * Phase 0 computes the input's part of all gates for all steps as one product; phase 1 walks the
 * steps, one chunk a direction and sequence of the batch. Gates lie as ONNX has them: update,
 * reset, hidden. Packed weights of a direction: panels of W, of R for update and reset, of R for
 * hidden; biases of the input's part, and of the hidden gate's recurrent part where that is apart.
 */
#include "base/checked.h"
#include "base/cpu.h"
#include "plan/kernel.h"

#include "backend/cpu/x86/gates_avx2.h"

typedef struct gru8_params {
    int32_t directions, reverse_first, hidden, input, has_bias,
        reset_after; /* reset_after: linear_before_reset */
} gru8_params;

typedef struct gru8_shape {
    int64_t steps, batch, rows;
    int64_t all, pair, one; /* floats of three, two and one gate, filled up to panels */
    int64_t direction;      /* packed floats */
} gru8_shape;

static xinf_status gru8_refuse(xi_prepare *p, xinf_error *err)
{
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                          "not a plain float32 GRU with constant weights");
}

static bool gru8_is_plain(const xi_node *n)
{
    const xi_attr *a = xi_node_attr(n, "activations");
    static const char *const usual[2] = {"Sigmoid", "Tanh"};
    for (int32_t i = 0; a && i < a->count; i++)
        if (a->type != XI_ATTR_STRINGS || !xi_str_is(a->strings[i], usual[i % 2])) return false;
    return !xi_node_has(n, "clip") && !xi_node_int(n, "layout", 0) &&
           !xi_node_has(n, "activation_alpha") && !xi_node_has(n, "activation_beta");
}

static gru8_shape gru8_sizes(const gru8_params *p)
{
    int64_t h = p->hidden;
    gru8_shape s = {
        .all = (3 * h + 63) / 64 * 64, .pair = (2 * h + 63) / 64 * 64, .one = (h + 63) / 64 * 64};
    s.direction = s.all * (p->input + 1) + (s.pair + s.one) * h + s.one;
    return s;
}

static gru8_shape gru8_of(const gru8_params *p, const xi_operand *x)
{
    gru8_shape s = gru8_sizes(p);
    s.steps = x->shape.dim[0];
    s.batch = x->shape.dim[1];
    s.rows = s.steps * s.batch;
    return s;
}

static xinf_status gru8_prepare(xi_prepare *p, xinf_error *err)
{
    gru8_params *c = p->params;
    const xi_operand *w = p->in[1], *r = p->in[2], *b = p->in_count > 3 ? p->in[3] : NULL;
    if (p->in[0]->dtype != XINF_FLOAT32 || !w->data || !r->data || (b && !b->data) ||
        w->shape.rank != 3 || r->shape.rank != 3 || !gru8_is_plain(p->node) ||
        (p->in_count > 4 && p->in[4]))
        return gru8_refuse(p, err);
    c->directions = (int32_t)w->shape.dim[0];
    c->reverse_first = xi_str_is(xi_node_string(p->node, "direction", "forward"), "reverse");
    c->hidden = (int32_t)r->shape.dim[2];
    c->input = (int32_t)w->shape.dim[2];
    c->has_bias = b != NULL;
    c->reset_after = xi_node_int(p->node, "linear_before_reset", 0) != 0;
    if (c->hidden % 8 || c->hidden < 8 || c->hidden > 16384 || c->input < 1 || c->input > 65536 ||
        w->shape.dim[1] != 3 * (int64_t)c->hidden)
        return gru8_refuse(p, err);
    if (!xi_mul_size((size_t)gru8_sizes(c).direction * 4, (size_t)c->directions, &p->packed_size))
        return xi_fail(err, XINF_LIMIT, "weights are too large");
    p->packed_inputs = b ? 14 : 6;
    return XINF_OK;
}

static xinf_status gru8_pack(const void *params, const xi_node *n, const xi_operand *const *in,
                             void *dst, xinf_error *err)
{
    const gru8_params *c = params;
    gru8_shape s = gru8_sizes(c);
    int64_t h = c->hidden;
    for (int64_t d = 0; d < c->directions; d++) {
        const char *r = (const char *)in[2]->data + 4 * d * 3 * h * h;
        float *at = xk_gates_pack((const char *)in[1]->data + 4 * d * 3 * h * c->input, 3 * h,
                                  c->input, (float *)dst + d * s.direction);
        at = xk_gates_pack(r, 2 * h, h, at);
        at = xk_gates_pack(r + 8 * h * h, h, h, at);
        for (int64_t g = 0; g < 3 * h && c->has_bias; g++) {
            float one, two;
            memcpy(&one, (const char *)in[3]->data + 4 * (6 * d * h + g), 4);
            memcpy(&two, (const char *)in[3]->data + 4 * (6 * d * h + 3 * h + g), 4);
            bool apart = c->reset_after && g >= 2 * h;
            at[g] = apart ? one : one + two;
            if (apart) at[s.all + g - 2 * h] = two;
        }
    }
    return XINF_OK;
}

static xinf_status gru8_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                               int32_t width, xi_extent *e, xinf_error *err)
{
    const gru8_params *p = params;
    gru8_shape s = gru8_of(p, in[0]);
    e->phases = 2;
    e->chunks[0] = (int32_t)(p->directions * (s.all / 64));
    e->chunks[1] = (int32_t)(p->directions * s.batch);
    if (!xi_mul_size((size_t)(p->directions * s.all) * 4, (size_t)s.rows, &e->shared) ||
        !xi_add_size(e->shared, 256, &e->shared))
        return xi_fail(err, XINF_LIMIT, "a GRU is too large");
    e->scratch = (size_t)(s.pair + s.one + 2 * p->hidden) * 4;
    e->flops = (uint64_t)(6 * p->directions * s.rows * p->hidden * (p->input + p->hidden));
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

static void gru8_project(const gru8_params *p, const gru8_shape *s, const xi_call *call,
                         int64_t chunk)
{
    int64_t panels = s->all / 64, d = chunk / panels, panel = chunk % panels;
    const float *packed = (const float *)call->packed + d * s->direction,
                *bias = packed + s->all * p->input + (s->pair + s->one) * p->hidden;
    xk_gates_panel(call->in[0]->data, s->rows, p->input, packed + panel * 64 * p->input,
                   bias + panel * 64, (float *)call->shared + d * s->rows * s->all + panel * 64,
                   s->all);
}

static void gru8_products(const float *x, int64_t k, const float *w, const float *start, float *y,
                          int64_t count)
{
    for (int64_t panel = 0; panel < count; panel += 64)
        xk_gates_column(x, k, w + panel * k, start + panel, y + panel);
}

/* One step: z is the input's part of the gates; gates and candidate have room for filled-up panels.
 */
static void gru8_step(const gru8_params *p, const gru8_shape *s, const float *r, const float *bias,
                      const float *z, float *gates, float *candidate, float *kept, float *h)
{
    int64_t n = p->hidden;
    gru8_products(h, n, r, z, gates, s->pair);
    for (int64_t k = 0; k < 2 * n; k += 8)
        _mm256_storeu_ps(gates + k, xk_sigmoid8(_mm256_loadu_ps(gates + k)));
    for (int64_t k = 0; k < n; k += 8)
        _mm256_storeu_ps(kept + k,
                         _mm256_mul_ps(_mm256_loadu_ps(gates + n + k), _mm256_loadu_ps(h + k)));
    gru8_products(p->reset_after ? h : kept, n, r + s->pair * n, p->reset_after ? bias : z + 2 * n,
                  candidate, s->one);
    for (int64_t k = 0; k < n; k += 8) {
        __m256 c = _mm256_loadu_ps(candidate + k), update = _mm256_loadu_ps(gates + k),
               old = _mm256_loadu_ps(h + k);
        if (p->reset_after)
            c = _mm256_fmadd_ps(_mm256_loadu_ps(gates + n + k), c, _mm256_loadu_ps(z + 2 * n + k));
        c = xk_tanh8(c);
        _mm256_storeu_ps(h + k, _mm256_fmadd_ps(update, _mm256_sub_ps(old, c), c));
    }
}

static void gru8_walk(const gru8_params *p, const gru8_shape *s, const xi_call *call, int64_t chunk,
                      float *scratch)
{
    int64_t d = chunk / s->batch, b = chunk % s->batch, n = p->hidden;
    bool backwards = d == 1 || p->reverse_first;
    const float *r = (const float *)call->packed + d * s->direction + s->all * p->input,
                *bias = r + (s->pair + s->one) * n + s->all;
    const float *z = (const float *)call->shared + d * s->rows * s->all;
    float *gates = scratch, *candidate = gates + s->pair, *kept = candidate + s->one, *h = kept + n;
    xk_gates_start(call, 5, chunk * n, h, n);
    for (int64_t i = 0; i < s->steps; i++) {
        int64_t t = backwards ? s->steps - 1 - i : i;
        gru8_step(p, s, r, bias, z + (t * s->batch + b) * s->all, gates, candidate, kept, h);
        xk_gates_finish(call, 0, ((t * p->directions + d) * s->batch + b) * n, h, n);
    }
    xk_gates_finish(call, 1, chunk * n, h, n);
}

static xinf_status gru8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                            xinf_error *err)
{
    const gru8_params *p = call->params;
    gru8_shape s = gru8_of(p, call->in[0]);
    if (phase == 0)
        gru8_project(p, &s, call, chunk);
    else
        gru8_walk(p, &s, call, chunk, scratch);
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_gru[];

const xi_kernel xk_avx2_gru[] = {
    {.op = "GRU",
     .name = "xk_gru_f32_packed__avx2",
     .isa = XI_ISA_AVX2,
     .prepare = gru8_prepare,
     .pack = gru8_pack,
     .extent = gru8_extent,
     .run = gru8_run},
    {0},
};
