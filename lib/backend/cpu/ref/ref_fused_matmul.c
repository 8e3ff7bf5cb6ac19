/* ref_fused_matmul.c — xinf.FusedMatMul and xinf.Attention, plainly: one output row at a time. */
#include <math.h>

#include "backend/cpu/ref/ref_activation.h"
#include "backend/cpu/ref/ref_block.h"

extern const xi_kernel xk_ref_fused_matmul[];

typedef struct fused_matmul_params {
    xi_activation activation;
    float alpha;
    int32_t trans_a, trans_b;
} fused_matmul_params;

/* dst[j] = sum over k of a[k] * b[k, j], or b[j, k] when `trans`; b begins at element `base`. `row`
 * holds max(depth, n) floats. */
static void ref_fused_row(float *dst, const float *a, const xi_operand *b, int64_t base,
                          int64_t depth, int64_t n, bool trans, float *row)
{
    if (trans) {
        for (int64_t j = 0; j < n; j++) {
            const float *src = xk_block_read(row, XK_F32, b->data, b->dtype, base + j * depth,
                                             depth);
            float sum = 0;
            for (int64_t k = 0; k < depth; k++) sum += a[k] * src[k];
            dst[j] = sum;
        }
        return;
    }
    for (int64_t j = 0; j < n; j++) dst[j] = 0;
    for (int64_t k = 0; k < depth; k++) {
        const float *src = xk_block_read(row, XK_F32, b->data, b->dtype, base + k * n, n);
        float w = a[k];
        for (int64_t j = 0; j < n; j++) dst[j] += w * src[j];
    }
}

/* The first element of the part of an operand that output row `row` sees: all axes of `out` but the
 * last `skip` are broadcast. */
static int64_t ref_fused_place(const xi_operand *o, const xi_shape *out, int64_t row, int32_t skip)
{
    int64_t at = 0;
    for (int32_t axis = out->rank - skip - 1; axis >= 0; axis--) {
        int64_t index = row % out->dim[axis];
        int32_t own = axis - (out->rank - o->shape.rank);
        row /= out->dim[axis];
        if (own >= 0 && o->shape.dim[own] != 1)
            at += index * xi_shape_span(&o->shape, own + 1, o->shape.rank);
    }
    return at;
}

/* dst += the row of a bias, residual or mask. */
static void ref_fused_plus(float *dst, const xi_operand *o, const xi_shape *out, int64_t row,
                           float *buffer)
{
    if (!o) return;
    int64_t n = out->dim[out->rank - 1], at = ref_fused_place(o, out, row, 1);
    bool wide = o->shape.rank > 0 && o->shape.dim[o->shape.rank - 1] == n;
    const float *src = xk_block_read(buffer, XK_F32, o->data, o->dtype, at, wide ? n : 1);
    for (int64_t j = 0; j < n; j++) dst[j] += src[wide ? j : 0];
}

static xinf_status ref_fused_floats(xi_prepare *p, xinf_error *err)
{
    if (xk_kind_of(p->in[0]->dtype) == XK_F32) return XINF_OK;
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                          xinf_dtype_name(p->in[0]->dtype));
}

static xinf_status ref_fused_matmul_prepare(xi_prepare *p, xinf_error *err)
{
    fused_matmul_params *f = p->params;
    f->alpha = xi_node_float(p->node, "alpha", 1);
    f->trans_a = xi_node_int(p->node, "transA", 0) != 0;
    f->trans_b = xi_node_int(p->node, "transB", 0) != 0;
    xinf_status status = ref_fused_floats(p, err);
    return status ? status : xi_activation_read(&f->activation, p->node, err);
}

static int64_t ref_fused_depth(const fused_matmul_params *f, const xi_operand *a)
{
    return a->shape.dim[a->shape.rank - (f->trans_a ? 2 : 1)];
}

static xinf_status ref_fused_matmul_extent(const void *params, xi_operand *const *in,
                                           xi_operand *const *out, int32_t width, xi_extent *e,
                                           xinf_error *err)
{
    int64_t n = out[0]->shape.dim[out[0]->shape.rank - 1], depth = ref_fused_depth(params, in[0]);
    if (out[0]->count == 0) return XINF_OK;
    e->chunks[0] = xk_split_chunks(out[0]->count / n, 1, width);
    e->scratch = (size_t)(n + depth + (n > depth ? n : depth)) * sizeof(float);
    e->flops = 2 * (uint64_t)out[0]->count * (uint64_t)depth;
    return XINF_OK;
}

static xinf_status ref_fused_matmul_run(const xi_call *call, int32_t phase, int32_t chunk,
                                        void *scratch, xinf_error *err)
{
    const fused_matmul_params *f = call->params;
    const xi_operand *a = call->in[0], *b = call->in[1], *y = call->out[0];
    if (y->count == 0) return XINF_OK;
    const xi_shape *s = &y->shape;
    int64_t rows = s->dim[s->rank - 2], n = s->dim[s->rank - 1], depth = ref_fused_depth(f, a),
            first, last;
    float *acc = scratch, *left = acc + n, *buffer = left + depth;
    xk_split_range(y->count / n, 1, call->width, chunk, &first, &last);
    for (int64_t r = first; r < last; r++) {
        int64_t i = r % rows, base = ref_fused_place(a, s, r / rows, 2);
        xk_block_load(left, XK_F32, a->data, a->dtype, base + (f->trans_a ? i : i * depth),
                      f->trans_a ? rows : 1, depth);
        ref_fused_row(acc, left, b, ref_fused_place(b, s, r / rows, 2), depth, n, f->trans_b,
                      buffer);
        if (f->alpha != 1)
            for (int64_t j = 0; j < n; j++) acc[j] *= f->alpha;
        ref_fused_plus(acc, call->in_count > 2 ? call->in[2] : NULL, s, r, buffer);
        ref_fused_plus(acc, call->in_count > 3 ? call->in[3] : NULL, s, r, buffer);
        xk_activation_run(&f->activation, acc, n);
        xk_block_store(y->data, y->dtype, r * n, 1, acc, XK_F32, n);
    }
    return XINF_OK;
}

/* ---- Attention ---- */

typedef struct fused_attention_params {
    float scale;
    int32_t k_transposed;
} fused_attention_params;

static xinf_status ref_fused_attention_prepare(xi_prepare *p, xinf_error *err)
{
    fused_attention_params *f = p->params;
    f->scale = xi_node_float(p->node, "scale", 1);
    f->k_transposed = xi_node_int(p->node, "k_transposed", 0) != 0;
    return ref_fused_floats(p, err);
}

static size_t ref_fused_attention_buffer(int64_t depth, int64_t keys, int64_t wide)
{
    int64_t most = depth > keys ? depth : keys;
    return (size_t)(most > wide ? most : wide);
}

static xinf_status ref_fused_attention_extent(const void *params, xi_operand *const *in,
                                              xi_operand *const *out, int32_t width, xi_extent *e,
                                              xinf_error *err)
{
    int64_t depth = in[0]->shape.dim[3], keys = in[2]->shape.dim[2], wide = in[2]->shape.dim[3];
    if (out[0]->count == 0) return XINF_OK;
    e->chunks[0] = xk_split_chunks(out[0]->count / wide, 1, width);
    e->scratch = ((size_t)(depth + keys + wide) + ref_fused_attention_buffer(depth, keys, wide)) *
                 sizeof(float);
    e->flops = 2 * (uint64_t)(out[0]->count / wide) * (uint64_t)keys * (uint64_t)(depth + wide);
    return XINF_OK;
}

static void ref_fused_softmax(float *x, int64_t count)
{
    float most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++) most = x[i] > most ? x[i] : most;
    for (int64_t i = 0; i < count; i++) {
        x[i] = expf(x[i] - most);
        sum += x[i];
    }
    for (int64_t i = 0; i < count; i++) x[i] /= sum;
}

static xinf_status ref_fused_attention_run(const xi_call *call, int32_t phase, int32_t chunk,
                                           void *scratch, xinf_error *err)
{
    const fused_attention_params *f = call->params;
    const xi_operand *q = call->in[0], *k = call->in[1], *v = call->in[2], *y = call->out[0];
    int64_t depth = q->shape.dim[3], keys = v->shape.dim[2], wide = v->shape.dim[3],
            length = q->shape.dim[2], first, last;
    if (y->count == 0) return XINF_OK;
    xi_shape scores = y->shape;
    scores.dim[3] = keys;
    float *left = scratch, *score = left + depth, *acc = score + keys, *buffer = acc + wide;
    xk_split_range(y->count / wide, 1, call->width, chunk, &first, &last);
    for (int64_t r = first; r < last; r++) {
        int64_t head = r / length;
        xk_block_load(left, XK_F32, q->data, q->dtype, r * depth, 1, depth);
        for (int64_t d = 0; d < depth; d++) left[d] *= f->scale;
        ref_fused_row(score, left, k, head * keys * depth, depth, keys, !f->k_transposed, buffer);
        ref_fused_plus(score, call->in_count > 3 ? call->in[3] : NULL, &scores, r, buffer);
        ref_fused_softmax(score, keys);
        ref_fused_row(acc, score, v, head * keys * wide, keys, wide, false, buffer);
        xk_block_store(y->data, y->dtype, r * wide, 1, acc, XK_F32, wide);
    }
    return XINF_OK;
}

const xi_kernel xk_ref_fused_matmul[] = {
    {.op = "FusedMatMul",
     .domain = "xinf",
     .name = "xk_fused_matmul_any_ref__portable",
     .prepare = ref_fused_matmul_prepare,
     .extent = ref_fused_matmul_extent,
     .run = ref_fused_matmul_run},
    {.op = "Attention",
     .domain = "xinf",
     .name = "xk_fused_attention_any_ref__portable",
     .prepare = ref_fused_attention_prepare,
     .extent = ref_fused_attention_extent,
     .run = ref_fused_attention_run},
    {0},
};
