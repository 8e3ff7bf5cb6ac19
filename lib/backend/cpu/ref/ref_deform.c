/* ref_deform.c — portable DeformConv of two spatial axes: samples between cells, then a
 * convolution's sums in double. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "base/checked.h"
#include "graph/op/window.h"

extern const xi_kernel xk_ref_deform[];

static xinf_status deform_prepare(xi_prepare *p, xinf_error *err)
{
    if (!xi_dtype_is_float(p->in[0]->dtype))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return XINF_OK;
}

/* Scratch: the samples of all channels under one output position. Chunks: output positions. */
static xinf_status deform_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                 int32_t width, xi_extent *e, xinf_error *err)
{
    size_t count = (size_t)(in[1]->shape.dim[2] * in[1]->shape.dim[3]);
    if (!xi_mul_size(count, (size_t)in[0]->shape.dim[1], &count) ||
        !xi_mul_size(count, sizeof(double), &e->scratch))
        return xi_fail_memory(err, SIZE_MAX);
    e->chunks[0] = xk_split_chunks(out[0]->shape.dim[0] * xi_shape_span(&out[0]->shape, 2, 4), 16,
                                   width);
    return XINF_OK;
}

/* Between the four cells around (y, x); cells outside are zero. */
static double deform_sample(const xi_operand *in, int64_t plane, double y, double x)
{
    int64_t high = in->shape.dim[2], wide = in->shape.dim[3];
    if (!(y > -1 && y < (double)high && x > -1 && x < (double)wide)) return 0;
    int64_t top = (int64_t)floor(y), left = (int64_t)floor(x);
    double dy = y - (double)top, dx = x - (double)left, sum = 0;
    for (int64_t k = 0; k < 4; k++) {
        int64_t row = top + (k >> 1), column = left + (k & 1);
        double share = ((k >> 1) ? dy : 1 - dy) * ((k & 1) ? dx : 1 - dx);
        if (row < 0 || row >= high || column < 0 || column >= wide) continue;
        sum += share * xi_dtype_load_f64(in->data, in->dtype, (plane * high + row) * wide + column);
    }
    return sum;
}

typedef struct deform_place {
    int64_t n, row, column, groups;
} deform_place;

static void deform_gather(const xi_call *call, const xi_window *w, const deform_place *o,
                          double *samples)
{
    const xi_operand *x = call->in[0], *offset = call->in[2],
                     *mask = call->in_count > 4 ? call->in[4] : NULL;
    int64_t channels = x->shape.dim[1], taps = w->kernel[0] * w->kernel[1],
            plane = w->out[0] * w->out[1];
    int64_t at = o->row * w->out[1] + o->column, each = channels / o->groups;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t k = 0; k < taps; k++) {
            int64_t tap = (o->n * o->groups + c / each) * taps + k;
            double y = (double)(o->row * w->stride[0] - w->begin[0] +
                                k / w->kernel[1] * w->dilation[0]);
            double s = (double)(o->column * w->stride[1] - w->begin[1] +
                                k % w->kernel[1] * w->dilation[1]);
            y += xi_dtype_load_f64(offset->data, offset->dtype, 2 * tap * plane + at);
            s += xi_dtype_load_f64(offset->data, offset->dtype, (2 * tap + 1) * plane + at);
            double v = deform_sample(x, o->n * channels + c, y, s);
            samples[c * taps + k] =
                mask ? v * xi_dtype_load_f64(mask->data, mask->dtype, tap * plane + at) : v;
        }
}

static xinf_status deform_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                              xinf_error *err)
{
    const xi_operand *x = call->in[0], *weight = call->in[1],
                     *bias = call->in_count > 3 ? call->in[3] : NULL, *out = call->out[0];
    int64_t group = xi_node_int(call->node, "group", 1), filters = weight->shape.dim[0], first,
            last;
    xi_window w;
    xinf_status status;
    if (out->count == 0) return XINF_OK;
    XI_TRY(xi_window_resolve(&w, call->node, &x->shape, weight->shape.dim + 2, err));
    int64_t plane = w.out[0] * w.out[1], length = weight->shape.dim[1] * w.kernel[0] * w.kernel[1];
    deform_place o = {.groups = xi_node_int(call->node, "offset_group", 1)};
    double *samples = scratch;
    xk_split_range(x->shape.dim[0] * plane, 16, call->width, chunk, &first, &last);
    for (; first < last; first++) {
        o.n = first / plane;
        o.row = first % plane / w.out[1];
        o.column = first % w.out[1];
        deform_gather(call, &w, &o, samples);
        for (int64_t m = 0; m < filters; m++) {
            const double *from = samples + m / (filters / group) * length;
            double sum = bias ? xi_dtype_load_f64(bias->data, bias->dtype, m) : 0;
            for (int64_t i = 0; i < length; i++)
                sum += from[i] * xi_dtype_load_f64(weight->data, weight->dtype, m * length + i);
            xi_dtype_store_f64(out->data, out->dtype, (o.n * filters + m) * plane + first % plane,
                               sum);
        }
    }
cleanup:
    return status;
}

const xi_kernel xk_ref_deform[] = {
    {.op = "DeformConv",
     .domain = "",
     .name = "xk_deform_conv_any_ref__portable",
     .prepare = deform_prepare,
     .extent = deform_extent,
     .run = deform_run},
    {0},
};
