/* ref_fused_conv.c — xinf.FusedConv, plainly: one output plane at a time, one kernel tap after the
 * other. */
#include "backend/cpu/ref/ref_activation.h"
#include "backend/cpu/ref/ref_block.h"
#include "backend/cpu/ref/ref_tap.h"

extern const xi_kernel xk_ref_fused_conv[];

typedef struct fused_conv_params {
    xi_activation activation;
    int64_t group;
} fused_conv_params;

static xinf_status ref_fused_conv_prepare(xi_prepare *p, xinf_error *err)
{
    fused_conv_params *f = p->params;
    if (xk_kind_of(p->in[0]->dtype) != XK_F32)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    f->group = xi_node_int(p->node, "group", 1);
    return xi_activation_read(&f->activation, p->node, err);
}

static xinf_status ref_fused_conv_extent(const void *params, xi_operand *const *in,
                                         xi_operand *const *out, int32_t width, xi_extent *e,
                                         xinf_error *err)
{
    int64_t planes = out[0]->shape.dim[0] * out[0]->shape.dim[1];
    if (out[0]->count == 0) return XINF_OK;
    e->chunks[0] = xk_split_chunks(planes, 1, width);
    e->scratch = ((size_t)(out[0]->count / planes) +
                  (size_t)in[0]->shape.dim[in[0]->shape.rank - 1]) *
                 sizeof(float);
    e->flops = 2 * (uint64_t)out[0]->count *
               (uint64_t)xi_shape_span(&in[1]->shape, 1, in[1]->shape.rank);
    return XINF_OK;
}

/* acc += weight * x over the part of the plane that the tap reaches; x begins at element `base` of
 * the input. */
static void ref_fused_conv_add(xk_tap *k, float *acc, const xi_operand *x, int64_t base,
                               float weight, float *row)
{
    int32_t inner = k->w.rank - 1;
    int64_t to, from, n = k->count[inner], stride = k->w.stride[inner], span = (n - 1) * stride + 1;
    while (xk_tap_row(k, &to, &from)) {
        const float *src = xk_block_read(row, XK_F32, x->data, x->dtype, base + from, span);
        float *dst = acc + to;
        if (stride == 1)
            for (int64_t i = 0; i < n; i++) dst[i] += weight * src[i];
        else
            for (int64_t i = 0; i < n; i++) dst[i] += weight * src[i * stride];
    }
}

static void ref_fused_conv_plane(const fused_conv_params *f, xk_tap *k, const xi_call *call,
                                 int64_t plane, int64_t size, float *acc)
{
    const xi_operand *x = call->in[0], *weight = call->in[1],
                     *bias = call->in_count > 2 ? call->in[2] : NULL;
    const xi_operand *rest = call->in_count > 3 ? call->in[3] : NULL;
    xi_operand *y = call->out[0];
    int64_t features = y->shape.dim[1], m = plane % features, batch = plane / features,
            channels = weight->shape.dim[1];
    int64_t taps = xi_shape_span(&weight->shape, 2, weight->shape.rank),
            area = xi_shape_span(&x->shape, 2, x->shape.rank);
    int64_t first = batch * x->shape.dim[1] + m / (features / f->group) * channels;
    float start = 0, *row = acc + size;
    if (bias) xk_block_load(&start, XK_F32, bias->data, bias->dtype, m, 1, 1);
    for (int64_t i = 0; i < size; i++) acc[i] = start;
    for (int64_t t = 0; t < taps; t++) {
        for (int64_t c = 0; c < channels && xk_tap_set(k, t); c++) {
            float w;
            xk_block_load(&w, XK_F32, weight->data, weight->dtype, (m * channels + c) * taps + t, 1,
                          1);
            ref_fused_conv_add(k, acc, x, (first + c) * area, w, row);
        }
    }
    for (int64_t done = 0, n; rest && done < size; done += n) {
        float buffer[XK_BLOCK];
        n = size - done < XK_BLOCK ? size - done : XK_BLOCK;
        const float *r = xk_block_read(buffer, XK_F32, rest->data, rest->dtype, plane * size + done,
                                       n);
        for (int64_t i = 0; i < n; i++) acc[done + i] += r[i];
    }
    xk_activation_run(&f->activation, acc, size);
    xk_block_store(y->data, y->dtype, plane * size, 1, acc, XK_F32, size);
}

static xinf_status ref_fused_conv_run(const xi_call *call, int32_t phase, int32_t chunk,
                                      void *scratch, xinf_error *err)
{
    const fused_conv_params *f = call->params;
    const xi_operand *y = call->out[0];
    xk_tap k;
    int64_t first, last, planes = y->shape.dim[0] * y->shape.dim[1];
    if (y->count == 0) return XINF_OK;
    xinf_status status = xi_window_resolve(&k.w, call->node, &call->in[0]->shape,
                                           call->in[1]->shape.dim + 2, err);
    if (status) return status;
    xk_split_range(planes, 1, call->width, chunk, &first, &last);
    for (int64_t p = first; p < last; p++)
        ref_fused_conv_plane(f, &k, call, p, y->count / planes, scratch);
    return XINF_OK;
}

const xi_kernel xk_ref_fused_conv[] = {
    {.op = "FusedConv",
     .domain = "xinf",
     .name = "xk_fused_conv_any_ref__portable",
     .prepare = ref_fused_conv_prepare,
     .extent = ref_fused_conv_extent,
     .run = ref_fused_conv_run},
    {0},
};
