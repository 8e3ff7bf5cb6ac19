/* ref_quantize.c — QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear, run by run of
 * elements. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "graph/op/quantize.h"

extern const xi_kernel xk_ref_quantize[];

enum { QUANTIZE_GRAIN = 8192 };

typedef struct quantize_params {
    int64_t axis, block_size;
    int32_t to;        /* dtype written */
    int32_t precision; /* dtype that quotients are rounded to */
    int32_t back, saturate, wide;
} quantize_params;

/* Elements first … of x with the scales scale, scale + step, … */
typedef struct quantize_run {
    int64_t first, count, scale, step;
} quantize_run;

static const xi_operand *ref_quantize_zero(const xi_call *call)
{
    return call->in_count > 2 ? call->in[2] : NULL;
}

static xinf_status ref_quantize_prepare(xi_prepare *p, xinf_error *err)
{
    quantize_params *q = p->params;
    xinf_dtype x = p->in[0]->dtype, scale = p->in[1]->dtype;
    q->axis = xi_node_int(p->node, "axis", 1);
    q->block_size = xi_node_int(p->node, "block_size", 0);
    q->back = xi_node_is(p->node, "DequantizeLinear");
    q->to = p->out[0]->dtype;
    q->saturate = xi_node_int(p->node, "saturate", 1) != 0;
    q->precision = (int32_t)xi_node_int(p->node, "precision", 0);
    q->wide = !q->back && q->precision == 0 && (x == XINF_INT32 || scale == XINF_INT32);
    if (q->precision == 0)
        q->precision = scale == XINF_FLOAT16 || scale == XINF_BFLOAT16 ? scale : XINF_FLOAT32;
    if (q->to == XINF_UNDEFINED || x == XINF_UNDEFINED || scale == XINF_UNDEFINED)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "an element type is not known");
    return XINF_OK;
}

static float ref_quantize_round(float v, int32_t precision)
{
    return precision == XINF_FLOAT16    ? xi_f16_to_f32(xi_f32_to_f16(v))
           : precision == XINF_BFLOAT16 ? xi_bf16_to_f32(xi_f32_to_bf16(v))
                                        : v;
}

/* v[i] = x / scale, rounded to the precision. */
static void ref_quantize_divide(const quantize_params *q, const xi_call *call,
                                const quantize_run *r, int64_t n, float *v)
{
    const xi_operand *x = call->in[0], *s = call->in[1];
    if (q->wide) {
        double a[XK_BLOCK], b[XK_BLOCK];
        xk_block_load(a, XK_F64, x->data, x->dtype, r->first, 1, n);
        xk_block_load(b, XK_F64, s->data, s->dtype, r->scale, r->step, n);
        for (int64_t i = 0; i < n; i++) v[i] = (float)nearbyint(a[i] / b[i]);
        return;
    }
    float scale[XK_BLOCK];
    xk_block_load(v, XK_F32, x->data, x->dtype, r->first, 1, n);
    xk_block_load(scale, XK_F32, s->data, s->dtype, r->scale, r->step, n);
    if (q->precision == XINF_FLOAT32)
        for (int64_t i = 0; i < n; i++) v[i] /= scale[i];
    else
        for (int64_t i = 0; i < n; i++)
            v[i] = ref_quantize_round(ref_quantize_round(v[i], q->precision) /
                                          ref_quantize_round(scale[i], q->precision),
                                      q->precision);
}

static void ref_quantize_ints(const quantize_params *q, const xi_call *call, const quantize_run *r,
                              int64_t n, float *v)
{
    const xi_operand *z = ref_quantize_zero(call), *y = call->out[0];
    int32_t zero[XK_BLOCK] = {0};
    int64_t low, high;
    xi_quantized_range(y->dtype, &low, &high);
    if (z) xk_block_load(zero, XK_I32, z->data, z->dtype, r->scale, r->step, n);
    for (int64_t i = 0; i < n; i++) {
        float most = (float)(high - zero[i]), least = (float)(low - zero[i]),
              rounded = nearbyintf(v[i]);
        rounded = rounded > least ? rounded : least; /* NaN becomes the least */
        zero[i] += (int32_t)(rounded < most ? rounded : most);
    }
    xk_block_store(y->data, y->dtype, r->first, 1, zero, XK_I32, n);
}

static void ref_quantize_forward(const quantize_params *q, const xi_call *call,
                                 const quantize_run *r)
{
    const xi_operand *z = ref_quantize_zero(call), *y = call->out[0];
    for (quantize_run part = *r; part.count > 0;) {
        float v[XK_BLOCK], zero[XK_BLOCK];
        int64_t n = part.count < XK_BLOCK ? part.count : XK_BLOCK;
        ref_quantize_divide(q, call, &part, n, v);
        if (xi_dtype_is_int(y->dtype)) {
            ref_quantize_ints(q, call, &part, n, v);
        } else {
            if (z) xk_block_load(zero, XK_F32, z->data, z->dtype, part.scale, part.step, n);
            for (int64_t i = 0; i < n; i++)
                ((uint8_t *)y->data)[part.first + i] = xi_f32_to_f8(v[i] + (z ? zero[i] : 0),
                                                                    y->dtype, q->saturate != 0);
        }
        part.first += n;
        part.count -= n;
        part.scale += n * part.step;
    }
}

static void ref_quantize_backward(const quantize_params *q, const xi_call *call,
                                  const quantize_run *r)
{
    const xi_operand *x = call->in[0], *s = call->in[1], *z = ref_quantize_zero(call),
                     *y = call->out[0];
    bool whole = xi_dtype_is_int(x->dtype);
    for (quantize_run part = *r; part.count > 0;) {
        float v[XK_BLOCK], other[XK_BLOCK];
        int32_t a[XK_BLOCK], b[XK_BLOCK];
        int64_t n = part.count < XK_BLOCK ? part.count : XK_BLOCK;
        if (whole) {
            xk_block_load(a, XK_I32, x->data, x->dtype, part.first, 1, n);
            if (z) xk_block_load(b, XK_I32, z->data, z->dtype, part.scale, part.step, n);
            for (int64_t i = 0; i < n; i++) v[i] = (float)((int64_t)a[i] - (z ? b[i] : 0));
        } else {
            xk_block_load(v, XK_F32, x->data, x->dtype, part.first, 1, n);
            if (z) xk_block_load(other, XK_F32, z->data, z->dtype, part.scale, part.step, n);
            for (int64_t i = 0; z && i < n; i++) v[i] -= other[i];
        }
        xk_block_load(other, XK_F32, s->data, s->dtype, part.scale, part.step, n);
        for (int64_t i = 0; i < n; i++) v[i] *= other[i];
        xk_block_store(y->data, y->dtype, part.first, 1, v, XK_F32, n);
        part.first += n;
        part.count -= n;
        part.scale += n * part.step;
    }
}

/* Pieces that chunks are made of: elements with one scale, rows of `inner`, or lines along the last
 * axis. */
static int64_t ref_quantize_pieces(const xi_granularity *g, int64_t *grain)
{
    bool one = g->groups == 1 && !g->blocked;
    int64_t each = one ? 1 : g->inner == 1 ? g->size : g->inner;
    *grain = each >= QUANTIZE_GRAIN ? 1 : QUANTIZE_GRAIN / (each < 1 ? 1 : each);
    return one ? g->outer * g->size * g->inner : g->inner == 1 ? g->outer : g->outer * g->size;
}

static xinf_status ref_quantize_extent(const void *params, xi_operand *const *in,
                                       xi_operand *const *out, int32_t width, xi_extent *e,
                                       xinf_error *err)
{
    const quantize_params *q = params;
    xi_granularity g;
    int64_t grain, pieces;
    if (!xi_granularity_of(&g, &in[0]->shape, &in[1]->shape, q->axis, q->block_size))
        return XINF_OK;
    pieces = ref_quantize_pieces(&g, &grain);
    e->chunks[0] = xk_split_chunks(pieces, grain, width);
    e->flops = 2 * (uint64_t)in[0]->count;
    return XINF_OK;
}

static void ref_quantize_one(const quantize_params *q, const xi_call *call, quantize_run r)
{
    if (q->back)
        ref_quantize_backward(q, call, &r);
    else
        ref_quantize_forward(q, call, &r);
}

/* One line of `size` elements along the last axis. */
static void ref_quantize_line(const quantize_params *q, const xi_call *call,
                              const xi_granularity *g, int64_t a)
{
    int64_t scale = g->blocked ? a * g->groups : 0;
    if (g->block == 1) {
        ref_quantize_one(q, call, (quantize_run){a * g->size, g->size, scale, 1});
        return;
    }
    for (int64_t i = 0, n; i < g->size; i += n) {
        n = g->size - i < g->block ? g->size - i : g->block;
        ref_quantize_one(q, call, (quantize_run){a * g->size + i, n, scale++, 0});
    }
}

static xinf_status ref_quantize_run(const xi_call *call, int32_t phase, int32_t chunk,
                                    void *scratch, xinf_error *err)
{
    const quantize_params *q = call->params;
    xi_granularity g;
    int64_t grain, first, last;
    if (call->out[0]->count == 0) return XINF_OK;
    const xi_operand *z = ref_quantize_zero(call);
    if (!xi_granularity_of(&g, &call->in[0]->shape, &call->in[1]->shape, q->axis, q->block_size) ||
        (z && z->count != call->in[1]->count))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "the scales do not fit the tensor");
    int64_t pieces = ref_quantize_pieces(&g, &grain);
    xk_split_range(pieces, grain, call->width, chunk, &first, &last);
    if (g.groups == 1 && !g.blocked) {
        ref_quantize_one(q, call, (quantize_run){first, last - first, 0, 0});
        return XINF_OK;
    }
    for (int64_t r = first; r < last; r++) {
        if (g.inner == 1) {
            ref_quantize_line(q, call, &g, r);
            continue;
        }
        int64_t group = r % g.size / g.block;
        int64_t scale = g.blocked ? (r / g.size * g.groups + group) * g.inner : group;
        ref_quantize_one(q, call, (quantize_run){r * g.inner, g.inner, scale, g.blocked});
    }
    return XINF_OK;
}

/* ---- DynamicQuantizeLinear ---- */

static xinf_status ref_quantize_dynamic_run(const xi_call *call, int32_t phase, int32_t chunk,
                                            void *scratch, xinf_error *err)
{
    const float *x = call->in[0]->data;
    uint8_t *y = call->out[0]->data;
    int64_t count = call->in[0]->count;
    float low = 0, high = 0;
    for (int64_t i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    float scale = (high == low ? 1.0f : high - low) / 255.0f,
          zero = nearbyintf(fminf(255, fmaxf(0, -low / scale)));
    for (int64_t i = 0; i < count; i++) {
        float v = nearbyintf(x[i] / scale) + zero;
        y[i] = (uint8_t)(v > 0 ? (v < 255 ? v : 255) : 0);
    }
    *(float *)call->out[1]->data = scale;
    *(uint8_t *)call->out[2]->data = (uint8_t)zero;
    return XINF_OK;
}

static xinf_status ref_quantize_dynamic_prepare(xi_prepare *p, xinf_error *err)
{
    for (int32_t i = 0; i < 3; i++)
        if (!p->out[i])
            return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "output %d is left out", (int)i);
    if (p->in[0]->dtype == XINF_FLOAT32) return XINF_OK;
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                          xinf_dtype_name(p->in[0]->dtype));
}

const xi_kernel xk_ref_quantize[] = {
    {.op = "QuantizeLinear",
     .domain = "",
     .name = "xk_quantize_any_ref__portable",
     .prepare = ref_quantize_prepare,
     .extent = ref_quantize_extent,
     .run = ref_quantize_run},
    {.op = "DequantizeLinear",
     .domain = "",
     .name = "xk_dequantize_any_ref__portable",
     .prepare = ref_quantize_prepare,
     .extent = ref_quantize_extent,
     .run = ref_quantize_run},
    {.op = "DynamicQuantizeLinear",
     .domain = "",
     .name = "xk_dynamic_quantize_f32_ref__portable",
     .prepare = ref_quantize_dynamic_prepare,
     .run = ref_quantize_dynamic_run},
    {0},
};
