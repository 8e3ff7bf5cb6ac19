#include "import/onnx/upgrade.h"

static xinf_status upgrade_replace_string(xi_node *n, const char *name, const char *value)
{
    xi_onnx_up_drop(n, name);
    xi_node_set_string(n, name, xi_str_of(value));
    return XINF_OK;
}

static xi_value *upgrade_scales(xi_node *n, const float *scales, int32_t count)
{
    xi_shape shape = {.rank = 1, .dim = {count}};
    xi_literal *l = xi_graph_literal(n->graph, XINF_FLOAT32, &shape, scales);
    return l ? xi_graph_add_constant(n->graph, XI_STR(""), l) : NULL;
}

/* The scales of Upsample, wherever its version keeps them. NULL: there are none. */
static xinf_status upgrade_upsample_scales(xi_value **out, xi_onnx_importer *im, xi_node *n,
                                           int64_t version)
{
    const float *list;
    int32_t count = xi_node_floats(n, "scales", &list);
    *out = xi_node_input(n, 1);
    if (version >= 9 && *out) return XINF_OK; /* some files keep the attribute of version 7 */
    float two[4] = {1, 1, xi_node_float(n, "height_scale", 1), xi_node_float(n, "width_scale", 1)};
    if (version < 7) {
        list = two;
        count = 4;
    }
    *out = upgrade_scales(n, list, count);
    xi_onnx_up_drop(n, "scales");
    xi_onnx_up_drop(n, "height_scale");
    xi_onnx_up_drop(n, "width_scale");
    return *out ? XINF_OK : xi_onnx_no_memory(im);
}

/* Upsample, and Resize of operator set 10: Resize(x, none, scales), sampled as they did. */
static xinf_status upgrade_upsample(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_value *scales = NULL;
    xinf_status status = xi_str_is(n->op_name, "Resize")
                             ? XINF_OK
                             : upgrade_upsample_scales(&scales, im, n, version);
    if (status) return status;
    if (xi_str_is(n->op_name, "Resize")) scales = xi_node_input(n, 1);
    xi_str mode = xi_node_string(n, "mode", "nearest");
    bool linear = xi_str_is(mode, "linear") || xi_str_is(mode, "bilinear");
    status = xi_onnx_up_inputs(im, n, 3);
    if (status) return status;
    n->input_count = 3;
    n->inputs[1] = NULL;
    n->inputs[2] = scales;
    xi_onnx_up_rename(n, "Resize");
    upgrade_replace_string(n, "mode", linear ? "linear" : "nearest");
    upgrade_replace_string(n, "coordinate_transformation_mode", "asymmetric");
    return upgrade_replace_string(n, "nearest_mode", "floor");
}

/* An input of no elements says the same as one that is left out. */
static xinf_status upgrade_resize(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    for (int32_t i = 1; i < n->input_count; i++)
        if (n->inputs[i] && n->inputs[i]->literal && n->inputs[i]->literal->count == 0)
            n->inputs[i] = NULL;
    return XINF_OK;
}

static xinf_status upgrade_grid_sample(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_str mode = xi_node_string(n, "mode", "bilinear");
    if (xi_str_is(mode, "bilinear")) return upgrade_replace_string(n, "mode", "linear");
    return xi_str_is(mode, "bicubic") ? upgrade_replace_string(n, "mode", "cubic") : XINF_OK;
}

static xinf_status upgrade_roi_align(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    return upgrade_replace_string(n, "coordinate_transformation_mode", "output_half_pixel");
}

const xi_onnx_upgrade_row xi_onnx_upgrade_resize[] = {
    {"Upsample", 1, XI_ONNX_OPSET, upgrade_upsample}, {"Resize", 10, 10, upgrade_upsample},
    {"Resize", 11, XI_ONNX_OPSET, upgrade_resize},    {"GridSample", 16, 19, upgrade_grid_sample},
    {"RoiAlign", 10, 15, upgrade_roi_align},          {NULL, 0, 0, NULL},
};
