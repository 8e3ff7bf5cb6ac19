/* ref_unpool.c — portable MaxUnpool and MaxRoiPool. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "graph/op/window.h"

extern const xi_kernel xk_ref_unpool[];

static xinf_status unpool_prepare(xi_prepare *p, xinf_error *err)
{
    if (!xi_dtype_is_float(p->in[0]->dtype))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return XINF_OK;
}

/* Places count in the tensor that was pooled, which lies in the corner of an output that is larger.
 */
static xinf_status unpool_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                              xinf_error *err)
{
    const xi_operand *x = call->in[0], *index = call->in[1], *out = call->out[0];
    size_t size = xinf_dtype_size(x->dtype);
    xi_window w;
    xinf_status status;
    int64_t total;
    if (out->count) memset(out->data, 0, (size_t)out->count * size);
    if (x->count == 0) return XINF_OK;
    XI_TRY(xi_window_resolve_transposed(&w, call->node, &x->shape, NULL, err));
    xi_shape pooled = x->shape;
    for (int32_t i = 0; i < w.rank; i++) pooled.dim[i + 2] = w.out[i];
    if (!xi_shape_count(&pooled, &total))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "the pooled shape is too large");
    for (int64_t i = 0; i < x->count; i++) {
        int64_t place = ((const int64_t *)index->data)[i], rest = place, at = 0, stride = 1;
        bool inside = place >= 0 && place < total;
        for (int32_t d = pooled.rank - 1; d >= 0 && inside; d--) {
            int64_t here = rest % pooled.dim[d];
            inside = here < out->shape.dim[d];
            at += here * stride;
            stride *= out->shape.dim[d];
            rest /= pooled.dim[d];
        }
        if (!inside)
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                  "index %lld is outside the output", (long long)place);
        memcpy((char *)out->data + (size_t)at * size, (const char *)x->data + (size_t)i * size,
               size);
    }
cleanup:
    return status;
}

/* First and last+1 of the input cells of bin `i` of `bins` over a region that begins at `start` and
 * is `length` cells long. */
static void roi_pool_bin(int64_t i, int64_t bins, int64_t start, int64_t length, int64_t limit,
                         int64_t *lo, int64_t *hi)
{
    double step = (double)length / (double)bins;
    double first = floor((double)i * step) + (double)start,
           last = ceil((double)(i + 1) * step) + (double)start;
    *lo = first < 0 ? 0 : first > (double)limit ? limit : (int64_t)first;
    *hi = last < 0 ? 0 : last > (double)limit ? limit : (int64_t)last;
}

static double roi_pool_cell(const xi_operand *x, int64_t plane, const int64_t *box)
{
    double top = -(double)INFINITY;
    if (box[0] >= box[1] || box[2] >= box[3]) return 0;
    for (int64_t y = box[0]; y < box[1]; y++)
        for (int64_t c = box[2]; c < box[3]; c++) {
            double v = xi_dtype_load_f64(x->data, x->dtype,
                                         (plane * x->shape.dim[2] + y) * x->shape.dim[3] + c);
            top = v > top ? v : top;
        }
    return top;
}

static int64_t roi_pool_round(double v)
{
    return v != v || fabs(v) > 1e15 ? 0 : (int64_t)round(v);
}

static xinf_status roi_pool_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const xi_operand *x = call->in[0], *rois = call->in[1], *out = call->out[0];
    double scale = (double)xi_node_float(call->node, "spatial_scale", 1);
    int64_t channels = x->shape.dim[1], high = out->shape.dim[2], wide = out->shape.dim[3];
    for (int64_t r = 0; r < out->shape.dim[0]; r++) {
        double box[5];
        xk_block_load(box, XK_F64, rois->data, rois->dtype, r * 5, 1, 5);
        if (!(box[0] >= 0 && box[0] < (double)x->shape.dim[0]))
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                  "region %lld is of an image outside the batch", (long long)r);
        int64_t image = (int64_t)box[0], left = roi_pool_round(box[1] * scale),
                top = roi_pool_round(box[2] * scale);
        int64_t width = roi_pool_round(box[3] * scale) - left + 1,
                height = roi_pool_round(box[4] * scale) - top + 1;
        if (width < 1) width = 1;
        if (height < 1) height = 1;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t i = 0; i < high * wide; i++) {
                int64_t cell[4];
                roi_pool_bin(i / wide, high, top, height, x->shape.dim[2], &cell[0], &cell[1]);
                roi_pool_bin(i % wide, wide, left, width, x->shape.dim[3], &cell[2], &cell[3]);
                xi_dtype_store_f64(out->data, out->dtype, (r * channels + c) * high * wide + i,
                                   roi_pool_cell(x, image * channels + c, cell));
            }
    }
    return XINF_OK;
}

const xi_kernel xk_ref_unpool[] = {
    {.op = "MaxUnpool",
     .domain = "",
     .name = "xk_max_unpool_any_ref__portable",
     .prepare = unpool_prepare,
     .run = unpool_run},
    {.op = "MaxRoiPool",
     .domain = "",
     .name = "xk_max_roi_pool_any_ref__portable",
     .prepare = unpool_prepare,
     .run = roi_pool_run},
    {0},
};
