/* ref_attention.c — Attention and RotaryEmbedding, row by row. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "graph/op/attention.h"

extern const xi_kernel xk_ref_attention[];

typedef struct attention_params {
    float scale, softcap;
    int64_t left, right; /* -1: open */
    int32_t causal, scaled, mode, precision, kind;
    int64_t heads, kv_heads; /* of inputs of rank 3 */
    bool has_past;
} attention_params;

static const xi_operand *ref_attention_in(const xi_call *call, int32_t i)
{
    return i < call->in_count ? call->in[i] : NULL;
}

static void ref_attention_store(const xi_call *call, int32_t output, int64_t at, const void *src,
                                xk_kind kind, int64_t count)
{
    const xi_operand *o = output < call->out_count ? call->out[output] : NULL;
    if (o) xk_block_store(o->data, o->dtype, at, 1, src, kind, count);
}

/* The mask's row number for (item, head, query); axes of size 1 or left out are the same for all.
 */
static int64_t ref_attention_mask_row(const xi_operand *mask, int64_t b, int64_t h, int64_t i)
{
    const int64_t index[3] = {b, h, i};
    int64_t row = 0;
    for (int32_t k = 4 - mask->shape.rank; k < 3; k++) {
        int64_t dim = mask->shape.dim[k - (4 - mask->shape.rank)];
        row = row * dim + (dim == 1 ? 0 : index[k]);
    }
    return row;
}

/* Where row j of K or V (`which`) lies: in the past, or among the fresh ones. */
static const xi_operand *ref_attention_cache(const xi_call *call, const xi_attention *a,
                                             int32_t which, int64_t b, int64_t g, int64_t j,
                                             int64_t depth, int64_t *place)
{
    if (j < a->past) {
        *place = ((b * a->kv_heads + g) * a->past + j) * depth;
        return call->in[which == XI_ATTENTION_K ? XI_ATTENTION_PAST_K : XI_ATTENTION_PAST_V];
    }
    j -= a->past;
    *place = (a->flat ? (b * a->keys + j) * a->kv_heads + g : (b * a->kv_heads + g) * a->keys + j) *
             depth;
    return call->in[which];
}

#define REAL float
#define FN(name) ref_attention_##name##_f32
#define KIND XK_F32
#define M(function) function##f
#include "backend/cpu/ref/attention_tmpl.h"

#define REAL double
#define FN(name) ref_attention_##name##_f64
#define KIND XK_F64
#define M(function) function
#include "backend/cpu/ref/attention_tmpl.h"

static xinf_status ref_attention_prepare(xi_prepare *p, xinf_error *err)
{
    attention_params *q = p->params;
    q->scale = xi_node_float(p->node, "scale", 1);
    q->scaled = xi_node_has(p->node, "scale");
    q->softcap = xi_node_float(p->node, "softcap", 0);
    q->causal = xi_node_int(p->node, "is_causal", 0) != 0;
    q->mode = (int32_t)xi_node_int(p->node, "qk_matmul_output_mode", 0);
    q->precision = (int32_t)xi_node_int(p->node, "softmax_precision", 0);
    q->left = xi_node_int(p->node, "left_window_size", -1);
    q->right = xi_node_int(p->node, "right_window_size", -1);
    if (q->left > INT64_MAX / 4) q->left = -1;
    if (q->right > INT64_MAX / 4) q->right = -1;
    q->heads = xi_node_int(p->node, "q_num_heads", 1);
    q->kv_heads = xi_node_int(p->node, "kv_num_heads", 1);
    q->has_past = p->in_count > XI_ATTENTION_PAST_K && p->in[XI_ATTENTION_PAST_K];
    q->kind = (int32_t)xk_kind_of(p->in[0]->dtype);
    if (q->kind == XK_F32 && xk_kind_of(p->in[2]->dtype) == XK_F64) q->kind = XK_F64;
    if (q->kind != XK_F32 && q->kind != XK_F64)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return XINF_OK;
}

/* Elements of work space for one row. */
static size_t ref_attention_work(int64_t depth, int64_t v_depth, int64_t total)
{
    return (size_t)depth + 2 * (size_t)total + (size_t)v_depth +
           (size_t)(depth > v_depth ? depth : v_depth);
}

static xinf_status ref_attention_extent(const void *params, xi_operand *const *in,
                                        xi_operand *const *out, int32_t width, xi_extent *e,
                                        xinf_error *err)
{
    const attention_params *p = params;
    const xi_shape *q = &in[0]->shape, *k = &in[1]->shape, *v = &in[2]->shape;
    bool flat = q->rank == 3;
    int64_t depth = flat ? q->dim[2] / p->heads : q->dim[3],
            v_depth = flat ? v->dim[2] / p->kv_heads : v->dim[3];
    int64_t total = k->dim[flat ? 1 : 2] +
                    (p->has_past ? in[XI_ATTENTION_PAST_K]->shape.dim[2] : 0);
    e->phases = 2;
    e->chunks[0] = 1;
    if (in[0]->count == 0) return XINF_OK;
    e->chunks[1] = xk_split_chunks(in[0]->count / depth, 1, width);
    e->flops = 2 * (uint64_t)(in[0]->count / depth) * (uint64_t)total * (uint64_t)(depth + v_depth);
    e->scratch = ref_attention_work(depth, v_depth, total) * xk_kind_size((xk_kind)p->kind);
    return XINF_OK;
}

/* present_key and present_value: the past and the fresh rows in one tensor. */
static void ref_attention_present(const xi_call *call, const xi_attention *a, int32_t which,
                                  int32_t output, int64_t depth)
{
    const xi_operand *o = output < call->out_count ? call->out[output] : NULL;
    if (!o || o->count == 0) return;
    size_t size = xinf_dtype_size(o->dtype);
    for (int64_t r = 0; r < a->batch * a->kv_heads * a->total; r++) {
        int64_t place;
        const xi_operand *from = ref_attention_cache(call, a, which, r / a->total / a->kv_heads,
                                                     r / a->total % a->kv_heads, r % a->total,
                                                     depth, &place);
        memcpy((char *)o->data + (size_t)(r * depth) * size,
               (const char *)from->data + (size_t)place * size, (size_t)depth * size);
    }
}

static xinf_status ref_attention_lengths(const xi_call *call, const xi_attention *a,
                                         xinf_error *err)
{
    const xi_operand *lengths = ref_attention_in(call, XI_ATTENTION_LENGTHS);
    for (int64_t b = 0; lengths && b < lengths->count; b++) {
        int64_t v = ((const int64_t *)lengths->data)[b];
        if (v < 0 || v > a->total)
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                  "nonpad_kv_seqlen[%lld] is %lld, there are %lld keys",
                                  (long long)b, (long long)v, (long long)a->total);
    }
    return XINF_OK;
}

static xinf_status ref_attention_run(const xi_call *call, int32_t phase, int32_t chunk,
                                     void *scratch, xinf_error *err)
{
    const attention_params *p = call->params;
    const xi_shape *shapes[XI_ATTENTION_INPUTS] = {0};
    xi_attention a;
    int64_t first, last;
    xinf_status status = XINF_OK;
    for (int32_t i = 0; i < XI_ATTENTION_INPUTS; i++)
        if (ref_attention_in(call, i)) shapes[i] = &call->in[i]->shape;
    XI_TRY(xi_attention_read(&a, call->node, shapes, err));
    if (phase == 0) {
        XI_TRY(ref_attention_lengths(call, &a, err));
        ref_attention_present(call, &a, XI_ATTENTION_K, 1, a.depth);
        ref_attention_present(call, &a, XI_ATTENTION_V, 2, a.v_depth);
        return XINF_OK;
    }
    if (call->in[0]->count == 0) { /* no queries, or none of any width: nothing is attended */
        if (call->out[0])
            memset(call->out[0]->data, 0,
                   (size_t)call->out[0]->count * xinf_dtype_size(call->out[0]->dtype));
        return XINF_OK;
    }
    xk_split_range(call->in[0]->count / a.depth, 1, call->width, chunk, &first, &last);
    for (int64_t r = first; r < last; r++) {
        if (p->kind == XK_F32)
            ref_attention_row_f32(p, call, &a, r, scratch);
        else
            ref_attention_row_f64(p, call, &a, r, scratch);
    }
cleanup:
    return status;
}

/* ---- RotaryEmbedding ---- */

typedef struct rotary_params {
    int64_t heads, part;
    int32_t interleaved;
} rotary_params;

static xinf_status ref_attention_rotary_prepare(xi_prepare *p, xinf_error *err)
{
    rotary_params *q = p->params;
    q->heads = xi_node_int(p->node, "num_heads", 0);
    q->part = xi_node_int(p->node, "rotary_embedding_dim", 0);
    q->interleaved = xi_node_int(p->node, "interleaved", 0) != 0;
    if (xk_kind_of(p->in[0]->dtype) == XK_F32) return XINF_OK;
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                          xinf_dtype_name(p->in[0]->dtype));
}

static int64_t ref_attention_rotary_width(const rotary_params *p, const xi_operand *x)
{
    return x->shape.rank == 4 ? x->shape.dim[3] : x->shape.dim[2] / p->heads;
}

static xinf_status ref_attention_rotary_extent(const void *params, xi_operand *const *in,
                                               xi_operand *const *out, int32_t width, xi_extent *e,
                                               xinf_error *err)
{
    if (in[0]->count == 0) return XINF_OK;
    int64_t wide = ref_attention_rotary_width(params, in[0]);
    e->chunks[0] = xk_split_chunks(in[0]->count / wide, 64, width);
    e->scratch = 3 * (size_t)wide * sizeof(float);
    e->flops = 3 * (uint64_t)in[0]->count;
    return XINF_OK;
}

static void ref_attention_rotate(const rotary_params *p, float *x, const float *cosine,
                                 const float *sine, int64_t half)
{
    int64_t step = p->interleaved ? 2 : 1, apart = p->interleaved ? 1 : half;
    for (int64_t i = 0; i < half; i++) {
        float a = x[i * step], b = x[i * step + apart];
        x[i * step] = cosine[i] * a - sine[i] * b;
        x[i * step + apart] = sine[i] * a + cosine[i] * b;
    }
}

static xinf_status ref_attention_rotary_run(const xi_call *call, int32_t phase, int32_t chunk,
                                            void *scratch, xinf_error *err)
{
    const rotary_params *p = call->params;
    const xi_operand *x = call->in[0], *cosine = call->in[1], *sine = call->in[2],
                     *ids = ref_attention_in(call, 3), *y = call->out[0];
    int64_t first, last;
    if (x->count == 0) return XINF_OK;
    bool flat = x->shape.rank == 3;
    int64_t wide = ref_attention_rotary_width(p, x), half = (p->part ? p->part : wide) / 2;
    int64_t heads = flat ? p->heads : x->shape.dim[1], length = x->shape.dim[flat ? 1 : 2];
    float *row = scratch, *c = row + wide, *s = c + wide;
    xk_split_range(x->count / wide, 64, call->width, chunk, &first, &last);
    for (int64_t r = first; r < last; r++) {
        int64_t token = flat ? r / heads : r / (heads * length) * length + r % length;
        if (ids) {
            int64_t at = ((const int64_t *)ids->data)[token];
            if (at < 0 || at >= cosine->shape.dim[0] || at >= sine->shape.dim[0])
                return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                      "position %lld is outside the table of %lld", (long long)at,
                                      (long long)cosine->shape.dim[0]);
            token = at;
        }
        xk_block_load(row, XK_F32, x->data, x->dtype, r * wide, 1, wide);
        xk_block_load(c, XK_F32, cosine->data, cosine->dtype, token * half, 1, half);
        xk_block_load(s, XK_F32, sine->data, sine->dtype, token * half, 1, half);
        ref_attention_rotate(p, row, c, s, half);
        xk_block_store(y->data, y->dtype, r * wide, 1, row, XK_F32, wide);
    }
    return XINF_OK;
}

const xi_kernel xk_ref_attention[] = {
    {.op = "Attention",
     .domain = "",
     .name = "xk_attention_any_ref__portable",
     .prepare = ref_attention_prepare,
     .extent = ref_attention_extent,
     .run = ref_attention_run},
    {.op = "RotaryEmbedding",
     .domain = "",
     .name = "xk_rotary_any_ref__portable",
     .prepare = ref_attention_rotary_prepare,
     .extent = ref_attention_rotary_extent,
     .run = ref_attention_rotary_run},
    {0},
};
