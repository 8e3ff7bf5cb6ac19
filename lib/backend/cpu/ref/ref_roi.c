/* ref_roi.c — RoiAlign: bilinear samples of each cell of each region, averaged or the largest
 * weighted corner. */
#include <math.h>

#include "plan/kernel.h"

extern const xi_kernel xk_ref_roi[];

typedef struct ref_roi_params {
    bool largest, half_pixel;
    int32_t height, width, ratio;
    float scale;
} ref_roi_params;

/* Samples along one side of a cell past which a region is refused: no image is that large. */
enum { REF_ROI_GRID = 1 << 14 };

static xinf_status ref_roi_prepare(xi_prepare *p, xinf_error *err)
{
    ref_roi_params *r = p->params;
    xi_str mode = xi_node_string(p->node, "mode", "avg"),
           how = xi_node_string(p->node, "coordinate_transformation_mode", "half_pixel");
    int64_t ratio = xi_node_int(p->node, "sampling_ratio", 0);
    if (!xi_str_is(mode, "avg") && !xi_str_is(mode, "max"))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "mode \"%.*s\"", XI_STR_ARG(mode));
    if (!xi_str_is(how, "half_pixel") && !xi_str_is(how, "output_half_pixel"))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "coordinate_transformation_mode \"%.*s\"", XI_STR_ARG(how));
    if (ratio < 0 || ratio > REF_ROI_GRID)
        return xi_kernel_fail(p->node, err, XINF_MALFORMED, "sampling_ratio is %lld",
                              (long long)ratio);
    r->largest = xi_str_is(mode, "max");
    r->half_pixel = xi_str_is(how, "half_pixel");
    r->height = (int32_t)xi_node_int(p->node, "output_height", 1);
    r->width = (int32_t)xi_node_int(p->node, "output_width", 1);
    r->ratio = (int32_t)ratio;
    r->scale = xi_node_float(p->node, "spatial_scale", 1);
    return XINF_OK;
}

static xinf_status ref_roi_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                  int32_t width, xi_extent *e, xinf_error *err)
{
    int64_t regions = out[0]->shape.dim[0];
    e->chunks[0] = width > 1 && regions > 1 ? (int32_t)(regions < 4 * width ? regions : 4 * width)
                                            : 1;
    return XINF_OK;
}

/* One side of a sample: neighbouring places and the weight of the second. False: outside the image.
 */
static bool ref_roi_side(float at, int64_t length, int64_t *low, int64_t *high, float *weight)
{
    if (!(at >= -1 && at <= (float)length)) return false;
    at = at > 0 ? at : 0;
    *low = (int64_t)at;
    if (*low >= length - 1) {
        *low = *high = length - 1;
        *weight = 0;
    } else {
        *high = *low + 1;
        *weight = at - (float)*low;
    }
    return true;
}

typedef struct ref_roi_cell {
    float x, y, step_x, step_y; /* of the first sample */
    int32_t across, down;
} ref_roi_cell;

static float ref_roi_sample(const ref_roi_params *p, const xi_operand *src, int64_t plane,
                            int64_t height, int64_t width, const ref_roi_cell *cell)
{
    float sum = 0, best = 0;
    bool any = false;
    for (int32_t iy = 0; iy < cell->down; iy++)
        for (int32_t ix = 0; ix < cell->across; ix++) {
            int64_t y0, y1, x0, x1;
            float wy, wx, v[4] = {0};
            if (ref_roi_side(cell->y + (float)iy * cell->step_y, height, &y0, &y1, &wy) &&
                ref_roi_side(cell->x + (float)ix * cell->step_x, width, &x0, &x1, &wx)) {
                const int64_t at[4] = {y0 * width + x0, y0 * width + x1, y1 * width + x0,
                                       y1 * width + x1};
                const float weight[4] = {(1 - wy) * (1 - wx), (1 - wy) * wx, wy * (1 - wx),
                                         wy * wx};
                for (int32_t k = 0; k < 4; k++)
                    v[k] = weight[k] *
                           (float)xi_dtype_load_f64(src->data, src->dtype, plane + at[k]);
            }
            sum += v[0] + v[1] + v[2] + v[3];
            for (int32_t k = 0; k < 4; k++)
                if ((!any && k == 0) || v[k] > best) best = v[k];
            any = true;
        }
    int32_t count = cell->across * cell->down;
    return p->largest ? best : sum / (float)(count > 1 ? count : 1);
}

static xinf_status ref_roi_region(const xi_call *call, const ref_roi_params *p, int64_t n,
                                  xinf_error *err)
{
    const xi_operand *src = call->in[0], *rois = call->in[1];
    const xi_shape *s = &src->shape;
    float corner[4], offset = p->half_pixel ? 0.5f : 0;
    int64_t batch = xi_dtype_load_i64(call->in[2]->data, call->in[2]->dtype, n),
            to = n * s->dim[1] * p->height * p->width;
    if (batch < 0 || batch >= s->dim[0])
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "batch index %lld of %lld",
                              (long long)batch, (long long)s->dim[0]);
    for (int32_t k = 0; k < 4; k++)
        corner[k] = (float)xi_dtype_load_f64(rois->data, rois->dtype, n * 4 + k) * p->scale -
                    offset;
    float wide = corner[2] - corner[0], tall = corner[3] - corner[1];
    if (!p->half_pixel) {
        wide = wide > 1 ? wide : 1;
        tall = tall > 1 ? tall : 1;
    }
    float bin_w = wide / (float)p->width, bin_h = tall / (float)p->height;
    if (!(fabsf(bin_w) <= (float)REF_ROI_GRID && fabsf(bin_h) <= (float)REF_ROI_GRID))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "region %lld is %g × %g",
                              (long long)n, (double)wide, (double)tall);
    ref_roi_cell cell = {.across = p->ratio > 0 ? p->ratio : (int32_t)ceilf(bin_w),
                         .down = p->ratio > 0 ? p->ratio : (int32_t)ceilf(bin_h)};
    cell.step_x = bin_w / (float)cell.across;
    cell.step_y = bin_h / (float)cell.down;
    for (int64_t c = 0; c < s->dim[1]; c++)
        for (int32_t y = 0; y < p->height; y++)
            for (int32_t x = 0; x < p->width; x++) {
                cell.x = corner[0] + (float)x * bin_w + 0.5f * cell.step_x;
                cell.y = corner[1] + (float)y * bin_h + 0.5f * cell.step_y;
                float v = ref_roi_sample(p, src, (batch * s->dim[1] + c) * s->dim[2] * s->dim[3],
                                         s->dim[2], s->dim[3], &cell);
                xi_dtype_store_f64(call->out[0]->data, call->out[0]->dtype, to++, (double)v);
            }
    return XINF_OK;
}

static xinf_status ref_roi_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const ref_roi_params *p = call->params;
    int64_t regions = call->out[0]->shape.dim[0];
    int32_t chunks = call->width > 1 && regions > 1
                         ? (int32_t)(regions < 4 * call->width ? regions : 4 * call->width)
                         : 1;
    xinf_status status = XINF_OK;
    if (call->out[0]->count == 0) return XINF_OK;
    if (call->in[0]->count == 0)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "its image is empty");
    for (int64_t n = regions * chunk / chunks;
         n < regions * (chunk + 1) / chunks && status == XINF_OK; n++)
        status = ref_roi_region(call, p, n, err);
    return status;
}

const xi_kernel xk_ref_roi[] = {
    {.op = "RoiAlign",
     .domain = "",
     .name = "xk_roi_align_float_ref__portable",
     .prepare = ref_roi_prepare,
     .extent = ref_roi_extent,
     .run = ref_roi_run},
    {0},
};
