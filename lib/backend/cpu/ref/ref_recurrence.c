/* ref_recurrence.c — LinearAttention (a task is one head of one sequence), CausalConvWithState (one
 * channel), SwiGLU (a block). */
#include "graph/op/recurrence.h"

#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "backend/cpu/ref/ref_map.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_recurrence[];

static const xi_operand *ref_recurrence_in(const xi_call *call, int32_t i)
{
    return i < call->in_count ? call->in[i] : NULL;
}

static xinf_status ref_recurrence_dtype(xi_prepare *p, xk_kind wide, xinf_error *err)
{
    xk_kind kind = xk_kind_of(p->in[0]->dtype);
    if (kind == XK_F32 || kind == wide) return XINF_OK;
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                          xinf_dtype_name(p->in[0]->dtype));
}

/* ---- LinearAttention ---- */

typedef struct linear_params {
    int64_t heads, kv;
    float scale;
    xi_linear_rule rule;
} linear_params;

static xinf_status ref_recurrence_linear_prepare(xi_prepare *p, xinf_error *err)
{
    linear_params *q = p->params;
    q->heads = xi_node_int(p->node, "q_num_heads", 1);
    q->kv = xi_node_int(p->node, "kv_num_heads", 1);
    q->scale = xi_node_float(p->node, "scale", 0);
    xi_linear_rule_of(p->node, &q->rule);
    return ref_recurrence_dtype(p, XK_F32, err);
}

/* state [depth][v_depth], q, k, decay [depth], v, recalled [v_depth] */
static xinf_status ref_recurrence_linear_extent(const void *params, xi_operand *const *in,
                                                xi_operand *const *out, int32_t width, xi_extent *e,
                                                xinf_error *err)
{
    const linear_params *p = params;
    const xi_shape *k = &in[XI_LINEAR_K]->shape, *v = &in[XI_LINEAR_V]->shape;
    int64_t depth = k->dim[2] / p->kv, v_depth = v->dim[2] / p->kv;
    size_t cells;
    if (k->dim[0] == 0) return XINF_OK;
    e->chunks[0] = xk_split_chunks(k->dim[0] * p->kv, 1, width);
    if (!xi_mul_size((size_t)depth, (size_t)v_depth, &cells) ||
        !xi_add_size(cells, (size_t)(3 * depth + 2 * v_depth), &cells) ||
        !xi_mul_size(cells, sizeof(float), &e->scratch))
        return xi_fail_memory(err, SIZE_MAX);
    e->flops = 6 * (uint64_t)(k->dim[0] * k->dim[1] * p->kv) * (uint64_t)(depth * v_depth);
    return XINF_OK;
}

typedef struct linear_head {
    int64_t b, g, length, depth, v_depth;
    float *state, *q, *k, *decay, *v, *recalled;
} linear_head;

/* The state after token `token`, whose k, v and decay are loaded. */
static void ref_recurrence_update(const linear_params *p, const linear_head *h, float beta)
{
    memset(h->recalled, 0, (size_t)h->v_depth * sizeof(float));
    for (int64_t d = 0; d < h->depth; d++) {
        float *row = h->state + d * h->v_depth;
        for (int64_t e = 0; p->rule.decays && e < h->v_depth; e++) row[e] *= h->decay[d];
        for (int64_t e = 0; p->rule.corrects && e < h->v_depth; e++)
            h->recalled[e] += row[e] * h->k[d];
    }
    for (int64_t e = 0; e < h->v_depth; e++) h->recalled[e] = (h->v[e] - h->recalled[e]) * beta;
    for (int64_t d = 0; d < h->depth; d++)
        for (int64_t e = 0; e < h->v_depth; e++)
            h->state[d * h->v_depth + e] += h->k[d] * h->recalled[e];
}

static void ref_recurrence_token(const linear_params *p, const xi_call *call, const linear_head *h,
                                 int64_t t)
{
    const xi_operand *q = call->in[XI_LINEAR_Q], *k = call->in[XI_LINEAR_K],
                     *v = call->in[XI_LINEAR_V], *y = call->out[0];
    const xi_operand *decay = ref_recurrence_in(call, XI_LINEAR_DECAY),
                     *beta = ref_recurrence_in(call, XI_LINEAR_BETA);
    int64_t token = h->b * h->length + t, each = p->heads / p->kv;
    float rate = 1, scale = p->scale != 0 ? p->scale : 1 / sqrtf((float)h->depth);
    xk_block_load(h->k, XK_F32, k->data, k->dtype, (token * p->kv + h->g) * h->depth, 1, h->depth);
    xk_block_load(h->v, XK_F32, v->data, v->dtype, (token * p->kv + h->g) * h->v_depth, 1,
                  h->v_depth);
    if (p->rule.decays) {
        bool one = decay->shape.dim[2] == p->kv && h->depth != 1;
        xk_block_load(h->decay, XK_F32, decay->data, decay->dtype,
                      (token * p->kv + h->g) * (one ? 1 : h->depth), one ? 0 : 1, h->depth);
        for (int64_t d = 0; d < h->depth; d++) h->decay[d] = expf(h->decay[d]);
    }
    if (p->rule.corrects) {
        int64_t wide = beta->shape.dim[2];
        xk_block_load(&rate, XK_F32, beta->data, beta->dtype, token * wide + (wide == 1 ? 0 : h->g),
                      1, 1);
    }
    ref_recurrence_update(p, h, rate);
    for (int64_t i = 0; y && i < each; i++) {
        int64_t head = h->g * each + i;
        xk_block_load(h->q, XK_F32, q->data, q->dtype, (token * p->heads + head) * h->depth, 1,
                      h->depth);
        memset(h->recalled, 0, (size_t)h->v_depth * sizeof(float));
        for (int64_t d = 0; d < h->depth; d++)
            for (int64_t e = 0; e < h->v_depth; e++)
                h->recalled[e] += h->q[d] * scale * h->state[d * h->v_depth + e];
        xk_block_store(y->data, y->dtype, (token * p->heads + head) * h->v_depth, 1, h->recalled,
                       XK_F32, h->v_depth);
    }
}

static xinf_status ref_recurrence_linear_run(const xi_call *call, int32_t phase, int32_t chunk,
                                             void *scratch, xinf_error *err)
{
    const linear_params *p = call->params;
    const xi_operand *k = call->in[XI_LINEAR_K], *v = call->in[XI_LINEAR_V],
                     *past = ref_recurrence_in(call, XI_LINEAR_PAST);
    const xi_operand *present = call->out_count > 1 ? call->out[1] : NULL;
    linear_head h = {.length = k->shape.dim[1],
                     .depth = k->shape.dim[2] / p->kv,
                     .v_depth = v->shape.dim[2] / p->kv};
    int64_t first, last, cells = h.depth * h.v_depth;
    if (k->shape.dim[0] == 0) return XINF_OK;
    h.state = scratch;
    h.q = h.state + cells;
    h.k = h.q + h.depth;
    h.decay = h.k + h.depth;
    h.v = h.decay + h.depth;
    h.recalled = h.v + h.v_depth;
    xk_split_range(k->shape.dim[0] * p->kv, 1, call->width, chunk, &first, &last);
    for (int64_t r = first; r < last; r++) {
        h.b = r / p->kv;
        h.g = r % p->kv;
        if (past)
            xk_block_load(h.state, XK_F32, past->data, past->dtype, r * cells, 1, cells);
        else if (cells)
            memset(h.state, 0, (size_t)cells * sizeof(float));
        for (int64_t t = 0; t < h.length; t++) ref_recurrence_token(p, call, &h, t);
        if (present)
            xk_block_store(present->data, present->dtype, r * cells, 1, h.state, XK_F32, cells);
    }
    return XINF_OK;
}

/* ---- CausalConvWithState ---- */

static xinf_status ref_recurrence_conv_prepare(xi_prepare *p, xinf_error *err)
{
    bool *silu = p->params;
    *silu = !xi_str_is(xi_node_string(p->node, "activation", "none"), "none");
    return ref_recurrence_dtype(p, XK_F32, err);
}

/* What stands before the input and the input, then the weights, then one row of results. */
static xinf_status ref_recurrence_conv_extent(const void *params, xi_operand *const *in,
                                              xi_operand *const *out, int32_t width, xi_extent *e,
                                              xinf_error *err)
{
    const xi_shape *x = &in[0]->shape;
    int64_t taps = in[1]->shape.dim[2];
    if (x->dim[0] * x->dim[1] == 0) return XINF_OK;
    e->chunks[0] = xk_split_chunks(x->dim[0] * x->dim[1], 1, width);
    e->scratch = (size_t)(2 * x->dim[2] + 2 * taps) * sizeof(float);
    e->flops = 2 * (uint64_t)in[0]->count * (uint64_t)taps;
    return XINF_OK;
}

static xinf_status ref_recurrence_conv_run(const xi_call *call, int32_t phase, int32_t chunk,
                                           void *scratch, xinf_error *err)
{
    const xi_operand *x = call->in[XI_CAUSAL_X], *w = call->in[XI_CAUSAL_WEIGHT],
                     *bias = ref_recurrence_in(call, XI_CAUSAL_BIAS);
    const xi_operand *past = ref_recurrence_in(call, XI_CAUSAL_PAST), *y = call->out[0],
                     *present = call->out_count > 1 ? call->out[1] : NULL;
    int64_t first, last, channels = x->shape.dim[1], length = x->shape.dim[2],
                         taps = w->shape.dim[2], before = taps - 1;
    float *line = scratch, *weight = line + before + length, *sum = weight + taps;
    if (x->shape.dim[0] * channels == 0) return XINF_OK;
    xk_split_range(x->shape.dim[0] * channels, 1, call->width, chunk, &first, &last);
    for (int64_t r = first; r < last; r++) {
        float start = 0;
        if (bias) xk_block_load(&start, XK_F32, bias->data, bias->dtype, r % channels, 1, 1);
        if (past)
            xk_block_load(line, XK_F32, past->data, past->dtype, r * before, 1, before);
        else
            memset(line, 0, (size_t)before * sizeof(float));
        xk_block_load(line + before, XK_F32, x->data, x->dtype, r * length, 1, length);
        xk_block_load(weight, XK_F32, w->data, w->dtype, r % channels * taps, 1, taps);
        for (int64_t i = 0; i < length; i++) {
            float s = 0;
            for (int64_t k = 0; k < taps; k++) s += line[i + k] * weight[k];
            s += start;
            sum[i] = *(const bool *)call->params ? s / (1 + expf(-s)) : s;
        }
        if (y) xk_block_store(y->data, y->dtype, r * length, 1, sum, XK_F32, length);
        if (present)
            xk_block_store(present->data, present->dtype, r * before, 1, line + length, XK_F32,
                           before);
    }
    return XINF_OK;
}

/* ---- SwiGLU ---- */

#define RECURRENCE_GATE(T, name, e)                                                                \
    static void ref_recurrence_gate_##name(void *dst, const void *const *src, const int64_t *step, \
                                           int64_t count, const void *arg)                         \
    {                                                                                              \
        const T *a = src[0], *b = src[1];                                                          \
        T *to = dst, alpha = (T) * (const float *)arg;                                             \
        for (int64_t i = 0; i < count; i++)                                                        \
            to[i] = a[i * step[0]] / (1 + e(-alpha * a[i * step[0]])) * b[i * step[1]];            \
    }

RECURRENCE_GATE(float, f32, expf)
RECURRENCE_GATE(double, f64, exp)

static xinf_status ref_recurrence_swiglu_prepare(xi_prepare *p, xinf_error *err)
{
    *(float *)p->params = xi_node_float(p->node, "alpha", 1);
    return ref_recurrence_dtype(p, XK_F64, err);
}

static xinf_status ref_recurrence_swiglu_run(const xi_call *call, int32_t phase, int32_t chunk,
                                             void *scratch, xinf_error *err)
{
    xk_kind kind = xk_kind_of(call->in[0]->dtype);
    xk_map m = {.inputs = 2,
                .in_kind = {kind, kind},
                .out_kind = kind,
                .arg = call->params,
                .fn = kind == XK_F64 ? ref_recurrence_gate_f64 : ref_recurrence_gate_f32};
    xk_map_chunk(&m, call, chunk);
    return XINF_OK;
}

const xi_kernel xk_ref_recurrence[] = {
    {.op = "LinearAttention",
     .domain = "",
     .name = "xk_linear_attention_any_ref__portable",
     .prepare = ref_recurrence_linear_prepare,
     .extent = ref_recurrence_linear_extent,
     .run = ref_recurrence_linear_run},
    {.op = "CausalConvWithState",
     .domain = "",
     .name = "xk_causal_conv_any_ref__portable",
     .prepare = ref_recurrence_conv_prepare,
     .extent = ref_recurrence_conv_extent,
     .run = ref_recurrence_conv_run},
    {.op = "SwiGLU",
     .domain = "",
     .name = "xk_swiglu_any_ref__portable",
     .prepare = ref_recurrence_swiglu_prepare,
     .extent = xk_map_extent,
     .run = ref_recurrence_swiglu_run},
    {0},
};

#undef RECURRENCE_GATE
