/* roi.c — regions of a feature map sampled to one size: RoiAlign. */
#include "graph/op.h"

extern const xi_op xi_ops_roi[];

static xinf_status roi_infer(xi_infer *c)
{
    static const xinf_dtype floats[] = {XINF_FLOAT32, XINF_FLOAT64, XINF_FLOAT16, XINF_BFLOAT16, 0},
                            integers[] = {XINF_INT64, 0};
    const xi_shape *x = &c->in[0]->shape, *rois = &c->in[1]->shape, *batch = &c->in[2]->shape;
    int64_t height = xi_node_int(c->node, "output_height", 1),
            width = xi_node_int(c->node, "output_width", 1);
    xi_shape r = {.rank = 4, .dim = {XI_DIM_UNKNOWN, XI_DIM_UNKNOWN, height, width}};
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 0, floats));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    XI_TRY(xi_infer_want(c, 2, integers));
    if (height < 1 || width < 1 || height > 1 << 20 || width > 1 << 20)
        return xi_infer_fail(c, "its output is %lld × %lld", (long long)height, (long long)width);
    if ((x->rank >= 0 && x->rank != 4) || (rois->rank >= 0 && rois->rank != 2) ||
        (batch->rank >= 0 && batch->rank != 1))
        return xi_infer_fail(c, "its inputs must have ranks 4, 2 and 1");
    if (rois->rank == 2 && rois->dim[1] >= 0 && rois->dim[1] != 4)
        return xi_infer_fail(c, "regions have %lld numbers, not 4", (long long)rois->dim[1]);
    if (rois->rank == 2 && batch->rank == 1 && rois->dim[0] >= 0 && batch->dim[0] >= 0 &&
        rois->dim[0] != batch->dim[0])
        return xi_infer_fail(c, "regions and batch_indices differ in number");
    if (x->rank == 4) r.dim[1] = x->dim[1];
    r.dim[0] = rois->rank == 2 && rois->dim[0] >= 0 ? rois->dim[0]
               : batch->rank == 1                   ? batch->dim[0]
                                                    : XI_DIM_UNKNOWN;
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static const xi_attr_rule roi_attrs[] = {
    {"coordinate_transformation_mode", XI_ATTR_STRING, false},
    {"mode", XI_ATTR_STRING, false},
    {"output_height", XI_ATTR_INT, false},
    {"output_width", XI_ATTR_INT, false},
    {"sampling_ratio", XI_ATTR_INT, false},
    {"spatial_scale", XI_ATTR_FLOAT, false},
    {NULL},
};

const xi_op xi_ops_roi[] = {
    {.name = "RoiAlign",
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = roi_attrs,
     .infer = roi_infer,
     .tolerance = 1e-5f},
    {0},
};
