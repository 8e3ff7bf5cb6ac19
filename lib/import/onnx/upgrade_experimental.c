#include "import/onnx/upgrade.h"

/* Operators that early exporters wrote and no operator set ever held for good. */

/* ConstantFill → ConstantOfShape of the attribute shape, of the input's contents, or of the input's
 * shape. */
static xinf_status upgrade_constant_fill(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xinf_dtype dtype = (xinf_dtype)xi_node_int(n, "dtype", XINF_FLOAT32);
    uint8_t bits[16] = {0};
    xi_shape one = {.rank = 1, .dim = {1}};
    bool contents = xi_node_int(n, "input_as_shape", 0) != 0;
    if (xi_node_has(n, "extra_shape") ||
        (!xi_dtype_is_float(dtype) && !xi_dtype_is_int(dtype) && dtype != XINF_BOOL)) {
        n->refused = "ConstantFill with extra_shape or this dtype is not supported";
        return XINF_OK;
    }
    xi_dtype_store_f64(bits, dtype, 0, (double)xi_node_float(n, "value", 0));
    xi_literal *value = xi_graph_literal(n->graph, dtype, &one, bits);
    xinf_status status = xi_onnx_up_ints_attr(im, n, "shape", 0);
    if (!value || status) return status ? status : xi_onnx_no_memory(im);
    if (n->input_count == 1 && n->inputs[0] && !n->inputs[0]->literal && !contents) {
        n->inputs[0] = xi_onnx_up_result(im,
                                         xi_onnx_up_node(n, false, "Shape", n->inputs[0], NULL, 0));
        if (!n->inputs[0]) return xi_onnx_no_memory(im);
    }
    n->attr_count = 0;
    n->attrs[n->attr_count++] = (xi_attr){
        .name = XI_STR("value"), .type = XI_ATTR_TENSOR, .count = 1, .tensor = value};
    xi_onnx_up_rename(n, "ConstantOfShape");
    return XINF_OK;
}

static xinf_status upgrade_given_tensor(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    const float *values;
    const int64_t *dims;
    int32_t count = xi_node_floats(n, "values", &values), rank = xi_node_ints(n, "shape", &dims);
    int64_t elements;
    if (rank > XI_MAX_RANK || !dims || !values || n->input_count) {
        n->refused = "GivenTensorFill is supported with attributes values and shape only";
        return XINF_OK;
    }
    xi_shape shape = xi_shape_of(rank, dims);
    if (!xi_shape_known(&shape) || !xi_shape_count(&shape, &elements) || elements != count)
        return xi_fail(im->err, XINF_MALFORMED,
                       "node %.*s (GivenTensorFill): %d values do not fill its shape",
                       XI_STR_ARG(xi_node_label(n)), (int)count);
    xi_literal *l = xi_graph_literal(n->graph, XINF_FLOAT32, &shape, values);
    xi_value *v = l ? xi_graph_add_constant(n->graph, XI_STR(""), l) : NULL;
    xinf_status status = xi_onnx_up_inputs(im, n, 1);
    if (!v || status) return xi_onnx_no_memory(im);
    n->inputs[0] = v;
    n->attr_count = 0;
    xi_onnx_up_rename(n, "Identity");
    return XINF_OK;
}

/* n becomes `last`(`first`(x, a), b). */
static xinf_status upgrade_two(xi_onnx_importer *im, xi_node *n, const char *first, xi_value *a,
                               const char *last, xi_value *b)
{
    xi_node *inner = a ? xi_onnx_up_node(n, false, first, n->inputs[0], a, 0) : NULL;
    xinf_status status = xi_onnx_up_inputs(im, n, 2);
    if (status || !inner || !b) return xi_onnx_no_memory(im);
    n->inputs[0] = xi_onnx_up_result(im, inner);
    n->inputs[1] = b;
    n->attr_count = 0;
    xi_onnx_up_rename(n, last);
    return XINF_OK;
}

static xinf_status upgrade_affine(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    if (n->input_count != 1 || !n->inputs[0]) return XINF_OK;
    bool is_scale = xi_str_is(n->op_name, "Scale");
    xi_value *alpha = xi_onnx_up_scalar(n, n->inputs[0],
                                        (double)xi_node_float(n, is_scale ? "scale" : "alpha", 1));
    xi_value *beta = xi_onnx_up_scalar(n, n->inputs[0], (double)xi_node_float(n, "beta", 0));
    return upgrade_two(im, n, "Mul", alpha, "Add", beta);
}

static xinf_status upgrade_image_scaler(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    const float *bias;
    int32_t count = xi_node_floats(n, "bias", &bias);
    xi_shape shape = {.rank = 4, .dim = {1, count, 1, 1}};
    if (n->input_count != 1 || !n->inputs[0] || !count) {
        n->refused = "ImageScaler without a bias is not supported";
        return XINF_OK;
    }
    xi_value *scale = xi_onnx_up_scalar(n, n->inputs[0], (double)xi_node_float(n, "scale", 1));
    xi_literal *l = xi_graph_literal(n->graph, XINF_FLOAT32, &shape, bias);
    return upgrade_two(im, n, "Mul", scale, "Add",
                       l ? xi_graph_add_constant(n->graph, XI_STR(""), l) : NULL);
}

static xinf_status upgrade_crop(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const int64_t axes[] = {2, 3};
    const int64_t *border, *scale;
    int32_t borders = xi_node_ints(n, "border", &border), scales = xi_node_ints(n, "scale", &scale);
    if (borders != 4 || (scales != 0 && scales != 2) || n->input_count != 1)
        return xi_fail(im->err, XINF_MALFORMED,
                       "node %.*s (Crop): border must have 4 numbers and scale 2",
                       XI_STR_ARG(xi_node_label(n)));
    int64_t starts[2] = {border[1], border[0]};
    int64_t ends[2] = {border[3] ? -border[3] : INT64_MAX, border[2] ? -border[2] : INT64_MAX};
    if (scales == 2 && scale[0] >= 0 && scale[0] < INT32_MAX && scale[1] >= 0 &&
        scale[1] < INT32_MAX && starts[0] < INT32_MAX && starts[1] < INT32_MAX) {
        ends[0] = starts[0] + scale[0];
        ends[1] = starts[1] + scale[1];
    }
    n->attr_count = 0;
    xi_onnx_up_rename(n, "Slice");
    xinf_status status = xi_onnx_up_ints(im, n, 1, starts, 2);
    if (!status) status = xi_onnx_up_ints(im, n, 2, ends, 2);
    return status ? status : xi_onnx_up_ints(im, n, 3, axes, 2);
}

/* ScaledTanh: alpha tanh(beta x). ParametricSoftplus: alpha ln(exp(beta x) + 1). */
static xinf_status upgrade_scaled(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    if (n->input_count != 1 || !n->inputs[0]) return XINF_OK;
    const char *inner = xi_str_is(n->op_name, "ScaledTanh") ? "Tanh" : "Softplus";
    xi_value *alpha = xi_onnx_up_scalar(n, n->inputs[0], (double)xi_node_float(n, "alpha", 1));
    xi_value *beta = xi_onnx_up_scalar(n, n->inputs[0], (double)xi_node_float(n, "beta", 1));
    xi_node *scaled = beta ? xi_onnx_up_node(n, false, "Mul", n->inputs[0], beta, 0) : NULL;
    xi_value *curve = xi_onnx_up_result(
        im, xi_onnx_up_node(n, false, inner, xi_onnx_up_result(im, scaled), NULL, 0));
    xinf_status status = xi_onnx_up_inputs(im, n, 2);
    if (status || !curve || !alpha) return xi_onnx_no_memory(im);
    n->inputs[0] = curve;
    n->inputs[1] = alpha;
    n->attr_count = 0;
    xi_onnx_up_rename(n, "Mul");
    return XINF_OK;
}

static xinf_status upgrade_dynamic_slice(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_onnx_up_rename(n, "Slice");
    return XINF_OK;
}

/* Before it became an operator of set 9: over space, or with across_channels over channels too. */
static xinf_status upgrade_mean_variance(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const int64_t axes[] = {1, 2, 3};
    bool across = xi_node_int(n, "across_channels", 0) != 0;
    if (xi_node_int(n, "normalize_variance", 1) == 0)
        n->refused = "MeanVarianceNormalization without variance is not supported";
    n->attr_count = 0;
    return xi_node_set_ints(n, "axes", across ? axes : axes + 1, across ? 3 : 2)
               ? XINF_OK
               : xi_onnx_no_memory(im);
}

const xi_onnx_upgrade_row xi_onnx_upgrade_experimental[] = {
    {"ConstantFill", 1, XI_ONNX_OPSET, upgrade_constant_fill},
    {"GivenTensorFill", 1, XI_ONNX_OPSET, upgrade_given_tensor},
    {"Affine", 1, XI_ONNX_OPSET, upgrade_affine},
    {"Scale", 1, XI_ONNX_OPSET, upgrade_affine},
    {"ImageScaler", 1, XI_ONNX_OPSET, upgrade_image_scaler},
    {"Crop", 1, XI_ONNX_OPSET, upgrade_crop},
    {"ScaledTanh", 1, XI_ONNX_OPSET, upgrade_scaled},
    {"ParametricSoftplus", 1, XI_ONNX_OPSET, upgrade_scaled},
    {"DynamicSlice", 1, XI_ONNX_OPSET, upgrade_dynamic_slice},
    {"MeanVarianceNormalization", 1, 8, upgrade_mean_variance},
    {NULL, 0, 0, NULL},
};
