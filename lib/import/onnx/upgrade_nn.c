#include "import/onnx/upgrade.h"

/* Before operator set 13 these saw a matrix: dimensions before `axis` times the rest. */
static xinf_status upgrade_softmax(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    int64_t axis = xi_node_int(n, "axis", 1);
    int32_t rank = xi_onnx_up_rank(n, 0), at;
    bool out_of_range = rank >= 0 && !xi_shape_axis(axis, rank, &at);
    if (n->input_count < 1 || n->output_count < 1 || !n->inputs[0] || !n->outputs[0] ||
        out_of_range)
        return XINF_OK;
    xi_onnx_up_drop(n, "axis");
    if (rank >= 0 && at == rank - 1) {
        xi_node_set_int(n, "axis", -1);
        return XINF_OK;
    }
    xi_value *x = n->inputs[0];
    xi_node *flat = xi_onnx_up_node(n, false, "Flatten", x, NULL, 1);
    xi_node *shape = xi_onnx_up_node(n, false, "Shape", x, NULL, 0);
    if (!flat || !shape) return xi_onnx_no_memory(im);
    xi_node_set_int(flat, "axis", axis);
    xi_node_set_int(n, "axis", 1);
    n->inputs[0] = xi_onnx_up_result(im, flat);
    n->outputs[0]->type = x->type;
    xi_node *back = xi_onnx_up_node(n, true, "Reshape", x, xi_onnx_up_result(im, shape), 0);
    xinf_status status = xi_onnx_up_take_output(im, n, back);
    if (!status) back->inputs[0] = n->outputs[0];
    return status;
}

/* Outputs of training became other outputs; without any wanted one this is inference. */
static xinf_status upgrade_batch_norm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    bool test = version < 7 ? xi_node_int(n, "is_test", 0) != 0 : false, wanted = false;
    if (version < 9 && xi_node_int(n, "spatial", 1) == 0)
        n->refused = "BatchNormalization per activation (spatial=0) is not supported";
    xi_onnx_up_drop(n, "is_test");
    xi_onnx_up_drop(n, "spatial");
    for (int32_t i = 1; i < n->output_count; i++) wanted |= n->outputs[i] != NULL;
    if (!wanted || test) {
        if (n->output_count > 1) n->output_count = 1;
        return XINF_OK;
    }
    for (int32_t i = 3; i < n->output_count; i++)
        if (n->outputs[i])
            n->refused = "BatchNormalization with saved_mean or saved_var is not supported";
    if (n->output_count > 3) n->output_count = 3;
    xi_node_set_int(n, "training_mode", 1);
    return XINF_OK;
}

/* The mask of these versions says nothing at inference: engines of their time give zeros, of the
 * input's type before version 10. */
static xinf_status upgrade_dropout(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const uint8_t zero[16] = {0};
    xi_shape one = {.rank = 1, .dim = {1}};
    xi_onnx_up_drop(n, "ratio");
    xi_onnx_up_drop(n, "is_test");
    if (n->output_count < 2) return XINF_OK;
    xi_value *mask = n->outputs[1], *x = xi_node_input(n, 0);
    n->output_count = 1;
    if (!mask || !x) return XINF_OK;
    xi_literal *value = xi_graph_literal(n->graph, version < 10 ? x->type.dtype : XINF_BOOL, &one,
                                         zero);
    xi_node *shape = xi_onnx_up_node(n, false, "Shape", x, NULL, 0);
    xi_node *fill = xi_onnx_up_node(n, true, "ConstantOfShape", xi_onnx_up_result(im, shape), NULL,
                                    1);
    if (!value || !fill) return xi_onnx_no_memory(im);
    fill->attrs[fill->attr_count++] = (xi_attr){
        .name = XI_STR("value"), .type = XI_ATTR_TENSOR, .count = 1, .tensor = value};
    xi_node_set_output(fill, 0, mask);
    return XINF_OK;
}

/* Before operator set 17 it was onnxruntime's own, which passes over attributes that it does not
 * know. */
static xinf_status upgrade_layer_norm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < n->attr_count; i++) {
        xi_str name = n->attrs[i].name;
        if (xi_str_is(name, "axis") || xi_str_is(name, "epsilon") || xi_str_is(name, "stash_type"))
            n->attrs[kept++] = n->attrs[i];
    }
    n->attr_count = kept;
    return XINF_OK;
}

/* Before version 7 zeros of the padding counted, and nothing could say otherwise. */
static xinf_status upgrade_average_pool(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_node_set_int(n, "count_include_pad", 1);
    return XINF_OK;
}

static xinf_status upgrade_recurrent(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    const xi_attr *direction = xi_node_attr(n, "direction");
    xi_onnx_up_drop(n, "output_sequence");
    /* The first version's own spelling. */
    if (direction && direction->type == XI_ATTR_STRING && xi_str_is(direction->s, "foward"))
        xi_onnx_up_drop(n, "direction");
    return XINF_OK;
}

static xinf_status upgrade_lp(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    const xi_attr *p = xi_node_attr(n, "p");
    if (!p || p->type != XI_ATTR_FLOAT) return XINF_OK;
    float value = p->f;
    xi_onnx_up_drop(n, "p");
    if (value != (float)(int32_t)(value > 0 && value < 1000 ? value : 0))
        n->refused = "a fractional p-norm is not supported";
    xi_node_set_int(n, "p", value > 0 && value < 1000 ? (int64_t)value : 0);
    return XINF_OK;
}

/* GroupNormalization 18–20 had one scale per group: repeats it for the group's channels. */
static xi_value *upgrade_per_channel(xi_onnx_importer *im, xi_node *n, xi_value *per_group,
                                     xi_value *repeat)
{
    static const int64_t one[] = {1}, all[] = {-1};
    xi_node *column = xi_onnx_up_node(n, false, "Unsqueeze", per_group,
                                      xi_graph_constant_ints(n->graph, one, 1), 0);
    xi_node *wide = xi_onnx_up_node(n, false, "Expand", xi_onnx_up_result(im, column), repeat, 0);
    return xi_onnx_up_result(im, xi_onnx_up_node(n, false, "Reshape", xi_onnx_up_result(im, wide),
                                                 xi_graph_constant_ints(n->graph, all, 1), 0));
}

static xinf_status upgrade_group_norm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const int64_t one[] = {1};
    int64_t groups = xi_node_int(n, "num_groups", 0);
    if (n->input_count != 3 || !n->inputs[0] || !n->inputs[1] || !n->inputs[2] || groups <= 0)
        return XINF_OK;
    xi_node *channels = xi_onnx_up_node(n, false, "Shape", n->inputs[0], NULL, 2);
    if (!channels) return xi_onnx_no_memory(im);
    xi_node_set_int(channels, "start", 1);
    xi_node_set_int(channels, "end", 2);
    xi_node *each = xi_onnx_up_node(n, false, "Div", xi_onnx_up_result(im, channels),
                                    xi_graph_constant_ints(n->graph, &groups, 1), 0);
    xi_node *repeat = xi_onnx_up_node(n, false, "Concat", xi_graph_constant_ints(n->graph, one, 1),
                                      xi_onnx_up_result(im, each), 1);
    if (!repeat) return xi_onnx_no_memory(im);
    xi_node_set_int(repeat, "axis", 0);
    xi_value *times = xi_onnx_up_result(im, repeat);
    n->inputs[1] = upgrade_per_channel(im, n, n->inputs[1], times);
    n->inputs[2] = upgrade_per_channel(im, n, n->inputs[2], times);
    return n->inputs[1] && n->inputs[2] ? XINF_OK : xi_onnx_no_memory(im);
}

const xi_onnx_upgrade_row xi_onnx_upgrade_nn[] = {
    {"Softmax", 1, 12, upgrade_softmax},
    {"LogSoftmax", 1, 12, upgrade_softmax},
    {"Hardmax", 1, 12, upgrade_softmax},
    {"BatchNormalization", 1, 13, upgrade_batch_norm},
    {"Dropout", 1, 11, upgrade_dropout},
    {"LayerNormalization", 1, 16, upgrade_layer_norm},
    {"AveragePool", 1, 6, upgrade_average_pool},
    {"RNN", 1, 6, upgrade_recurrent},
    {"LSTM", 1, 6, upgrade_recurrent},
    {"GRU", 1, 6, upgrade_recurrent},
    {"LpPool", 1, 1, upgrade_lp},
    {"GlobalLpPool", 1, 1, upgrade_lp},
    {"GroupNormalization", 18, 20, upgrade_group_norm},
    {NULL, 0, 0, NULL},
};
