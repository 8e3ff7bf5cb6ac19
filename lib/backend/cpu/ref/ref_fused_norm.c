/* ref_fused_norm.c — xinf.SkipLayerNormalization, plainly. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"

extern const xi_kernel xk_ref_fused_norm[];

typedef struct fused_norm_params {
    float epsilon;
} fused_norm_params;

static xinf_status ref_fused_norm_prepare(xi_prepare *p, xinf_error *err)
{
    fused_norm_params *f = p->params;
    f->epsilon = xi_node_float(p->node, "epsilon", 1e-5f);
    if (xk_kind_of(p->in[0]->dtype) == XK_F32) return XINF_OK;
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                          xinf_dtype_name(p->in[0]->dtype));
}

static xinf_status ref_fused_norm_extent(const void *params, xi_operand *const *in,
                                         xi_operand *const *out, int32_t width, xi_extent *e,
                                         xinf_error *err)
{
    int64_t n = in[0]->shape.dim[in[0]->shape.rank - 1];
    if (in[0]->count == 0) return XINF_OK;
    e->chunks[0] = xk_split_chunks(in[0]->count / n, 16, width);
    e->scratch = 2 * (size_t)n * sizeof(float);
    e->flops = 8 * (uint64_t)in[0]->count;
    return XINF_OK;
}

/* acc += n elements of o from `at`. */
static void ref_fused_norm_add(float *acc, const xi_operand *o, int64_t at, int64_t n,
                               float *buffer)
{
    if (!o) return;
    const float *src = xk_block_read(buffer, XK_F32, o->data, o->dtype, at, n);
    for (int64_t i = 0; i < n; i++) acc[i] += src[i];
}

static void ref_fused_norm_row(float *acc, int64_t n, float epsilon)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) sum += acc[i];
    float mean = (float)(sum / (double)n);
    for (int64_t i = 0; i < n; i++) {
        acc[i] -= mean;
        squares += (double)acc[i] * acc[i];
    }
    float scale = 1 / sqrtf((float)(squares / (double)n) + epsilon);
    for (int64_t i = 0; i < n; i++) acc[i] *= scale;
}

static xinf_status ref_fused_norm_run(const xi_call *call, int32_t phase, int32_t chunk,
                                      void *scratch, xinf_error *err)
{
    const fused_norm_params *f = call->params;
    const xi_operand *x = call->in[0];
    int64_t first, last, n = x->shape.dim[x->shape.rank - 1];
    xi_operand *y = call->out[0], *total = call->out_count > 1 ? call->out[1] : NULL;
    float *acc = scratch, *buffer = acc + n;
    if (x->count == 0) return XINF_OK;
    xk_split_range(x->count / n, 16, call->width, chunk, &first, &last);
    for (int64_t r = first; r < last; r++) {
        xk_block_load(acc, XK_F32, x->data, x->dtype, r * n, 1, n);
        ref_fused_norm_add(acc, call->in[1], r * n, n, buffer);
        ref_fused_norm_add(acc, call->in_count > 4 ? call->in[4] : NULL, 0, n, buffer);
        if (total) xk_block_store(total->data, total->dtype, r * n, 1, acc, XK_F32, n);
        if (!y) continue;
        ref_fused_norm_row(acc, n, f->epsilon);
        const float *scale = xk_block_read(buffer, XK_F32, call->in[2]->data, call->in[2]->dtype, 0,
                                           n);
        for (int64_t i = 0; i < n; i++) acc[i] *= scale[i];
        ref_fused_norm_add(acc, call->in_count > 3 ? call->in[3] : NULL, 0, n, buffer);
        xk_block_store(y->data, y->dtype, r * n, 1, acc, XK_F32, n);
    }
    return XINF_OK;
}

const xi_kernel xk_ref_fused_norm[] = {
    {.op = "SkipLayerNormalization",
     .domain = "xinf",
     .name = "xk_skip_layer_norm_any_ref__portable",
     .prepare = ref_fused_norm_prepare,
     .extent = ref_fused_norm_extent,
     .run = ref_fused_norm_run},
    {0},
};
