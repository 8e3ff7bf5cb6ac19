/* op_vision.c — torchvision's own operators. */
#include "import/torch/op.h"

/* nms(boxes, scores, iou_threshold): the kept boxes' indices, best first */
static xi_aten_value op_vision_nms(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *boxes = xi_aten_unsqueeze(x, xi_aten_cast(x, xi_aten_arg(x, &a[0]), XINF_FLOAT32), 0);
    xi_value *scores = xi_aten_cast(x, xi_aten_arg(x, &a[1]), XINF_FLOAT32),
             *wide = xi_aten_unsqueeze(x, xi_aten_unsqueeze(x, scores, 0), 0);
    xi_value *in[5] = {
        boxes, wide, xi_aten_slice(x, xi_aten_shape(x, scores), 0, 0, 1, 1),
        xi_aten_reshape(x, xi_aten_scalar(x, &a[2], XINF_FLOAT32), (int64_t[]){1}, 1), NULL};
    xi_value *kept = xi_aten_emit(x, "NonMaxSuppression", 4, in, 0, NULL);
    return xi_aten_result(x, xi_aten_gather(x, kept, xi_aten_whole(x, XINF_INT64, 2), 1));
}

/* roi_align(input, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, aligned): rois
 * carry their image's index */
static xi_aten_value op_vision_roi_align(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *rois = xi_aten_arg(x, &a[1]), *boxes = xi_aten_slice(x, rois, 1, 1, 5, 1);
    xi_value *batch = xi_aten_cast(x, xi_aten_squeeze(x, xi_aten_slice(x, rois, 1, 0, 1, 1), 1),
                                   XINF_INT64);
    int64_t ratio = xi_aten_arg_int(x, &a[5], op->name);
    xi_attr attrs[6] = {
        XI_ATEN_ATTR_FLOAT("spatial_scale", xi_aten_arg_double(x, &a[2], op->name)),
        XI_ATEN_ATTR_INT("output_height", xi_aten_arg_int(x, &a[3], op->name)),
        XI_ATEN_ATTR_INT("output_width", xi_aten_arg_int(x, &a[4], op->name)),
        XI_ATEN_ATTR_INT("sampling_ratio", ratio > 0 ? ratio : 0),
        XI_ATEN_ATTR_TEXT("coordinate_transformation_mode", xi_aten_arg_bool(x, &a[6], op->name)
                                                                ? "half_pixel"
                                                                : "output_half_pixel"),
        XI_ATEN_ATTR_TEXT("mode", "avg")};
    return xi_aten_result(x, xi_aten_emit(x, "RoiAlign", 3,
                                          (xi_value *[]){xi_aten_arg(x, &a[0]), boxes, batch}, 6,
                                          attrs));
}

/* roi_pool(input, rois, spatial_scale, pooled_height, pooled_width) and its places, which nobody
 * may ask for */
static xi_aten_value op_vision_roi_pool(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t size[2] = {xi_aten_arg_int(x, &a[3], op->name), xi_aten_arg_int(x, &a[4], op->name)};
    xi_attr attrs[2] = {
        XI_ATEN_ATTR_INTS("pooled_shape", size, 2),
        XI_ATEN_ATTR_FLOAT("spatial_scale", xi_aten_arg_double(x, &a[2], op->name))};
    xi_aten_value out = xi_aten_new_list(x, XI_ATEN_TUPLE, 2);
    xi_aten_value y = xi_aten_result(
        x, xi_aten_emit(x, "MaxRoiPool", 2,
                        (xi_value *[]){xi_aten_arg(x, &a[0]), xi_aten_arg(x, &a[1])}, 2, attrs));
    if (x->status != XINF_OK) return xi_aten_none();
    xi_aten_append(x, out.list, y);
    xi_aten_append(x, out.list, xi_aten_none());
    return out;
}

/* deform_conv2d(input, weight, offset, mask, bias, stride_h, stride_w, pad_h, pad_w, dilation_h,
 * dilation_w, groups, offset_groups, use_mask) */
static xi_aten_value op_vision_deform(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t v[8];
    for (int i = 0; i < 8; i++) v[i] = xi_aten_arg_int(x, &a[5 + i], op->name);
    xi_value *weight = xi_aten_arg(x, &a[1]),
             *mask = xi_aten_arg_bool(x, &a[13], op->name) ? xi_aten_arg(x, &a[3]) : NULL;
    xi_value *in[5] = {xi_aten_arg(x, &a[0]), weight, xi_aten_arg(x, &a[2]), xi_aten_arg(x, &a[4]),
                       mask};
    xi_attr attrs[5] = {XI_ATEN_ATTR_INTS("strides", v, 2),
                        XI_ATEN_ATTR_INTS("pads", ((int64_t[]){v[2], v[3], v[2], v[3]}), 4),
                        XI_ATEN_ATTR_INTS("dilations", v + 4, 2), XI_ATEN_ATTR_INT("group", v[6]),
                        XI_ATEN_ATTR_INT("offset_group", v[7])};
    return xi_aten_result(x, xi_aten_emit(x, "DeformConv", mask ? 5 : in[3] ? 4 : 3, in, 5, attrs));
}

const xi_aten_op xi_aten_ops_vision[] = {
    {"torchvision::nms", "T:dets T:scores f:iou_threshold", op_vision_nms, NULL, 0},
    {"torchvision::roi_align",
     "T:input T:rois f:spatial_scale i:pooled_height i:pooled_width i:sampling_ratio "
     "b:aligned=False",
     op_vision_roi_align, NULL, 0},
    {"torchvision::roi_pool", "T:input T:rois f:spatial_scale i:pooled_height i:pooled_width",
     op_vision_roi_pool, NULL, 0},
    {"torchvision::deform_conv2d",
     "T:input T:weight T:offset T:mask T:bias i:stride_h i:stride_w i:pad_h i:pad_w i:dilation_h "
     "i:dilation_w i:groups i:offset_groups b:use_mask",
     op_vision_deform, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};
