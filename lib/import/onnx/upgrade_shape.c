#include "import/onnx/upgrade.h"

/* Squeeze, Unsqueeze, Reduce…: attribute axes → input 1. No axes, or none in the list, means all,
 * as leaving the input out does. */
static xinf_status upgrade_axes(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    const xi_attr *a = xi_node_attr(n, "axes");
    if (a && a->count == 0) {
        xi_onnx_up_drop(n, "axes");
        return XINF_OK;
    }
    return xi_onnx_up_ints_attr(im, n, "axes", 1);
}

static xinf_status upgrade_reshape(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    return xi_onnx_up_ints_attr(im, n, "shape", 1);
}

static xinf_status upgrade_slice(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xinf_status status = xi_onnx_up_ints_attr(im, n, "starts", 1);
    if (!status) status = xi_onnx_up_ints_attr(im, n, "ends", 2);
    if (!status) status = xi_onnx_up_ints_attr(im, n, "axes", 3);
    return status;
}

static xinf_status upgrade_split(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xinf_status status = version < 13 ? xi_onnx_up_ints_attr(im, n, "split", 1) : XINF_OK;
    if (status || xi_node_input(n, 1)) return status;
    if (!xi_node_has(n, "num_outputs")) xi_node_set_int(n, "num_outputs", n->output_count);
    return XINF_OK;
}

static xinf_status upgrade_pad(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    double value = xi_node_float(n, "value", 0);
    xinf_status status = xi_onnx_up_ints_attr(im, n, version < 2 ? "paddings" : "pads", 1);
    if (status || !xi_onnx_up_drop(n, "value") || value == 0) return status;
    status = xi_onnx_up_inputs(im, n, 3);
    if (status) return status;
    n->inputs[2] = xi_onnx_up_scalar(n, n->inputs[0], value);
    return n->inputs[2] ? XINF_OK : xi_onnx_no_memory(im);
}

static bool upgrade_literal_int(const xi_value *v, int64_t *out)
{
    uint8_t bits[16];
    if (!v || !v->literal || v->literal->count != 1 || v->literal->size > sizeof bits ||
        v->literal->dtype == XINF_STRING)
        return false;
    memcpy(bits, v->literal->data, v->literal->size);
    *out = (int64_t)xi_dtype_load_f64(bits, v->literal->dtype, 0);
    return true;
}

/* Tile(input, tiles, axis) → Tile(input, repeats). */
static xinf_status upgrade_tile(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    int64_t repeats[XI_MAX_RANK], tiles, axis;
    int32_t rank = xi_onnx_up_rank(n, 0), at;
    if (!upgrade_literal_int(xi_node_input(n, 1), &tiles) ||
        !upgrade_literal_int(xi_node_input(n, 2), &axis) || rank < 0) {
        n->refused = "Tile of operator set 1 needs constant tiles and axis";
        return XINF_OK;
    }
    if (!xi_shape_axis(axis, rank, &at))
        return xi_fail(im->err, XINF_MALFORMED, "node %.*s (Tile): axis %lld is outside rank %d",
                       XI_STR_ARG(xi_node_label(n)), (long long)axis, (int)rank);
    for (int32_t i = 0; i < rank; i++) repeats[i] = 1;
    repeats[at] = tiles;
    n->input_count = 2;
    return xi_onnx_up_ints(im, n, 1, repeats, rank);
}

static xinf_status upgrade_concat(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    if (!xi_node_has(n, "axis")) xi_node_set_int(n, "axis", 1);
    return XINF_OK;
}

static xinf_status upgrade_topk(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    const xi_attr *a = xi_node_attr(n, "k");
    if (!a || a->type != XI_ATTR_INT)
        return xi_fail(im->err, XINF_MALFORMED, "node %.*s (TopK): attribute \"k\" is missing",
                       XI_STR_ARG(xi_node_label(n)));
    int64_t k = a->i;
    xi_onnx_up_drop(n, "k");
    return xi_onnx_up_ints(im, n, 1, &k, 1);
}

static xinf_status upgrade_scatter(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_onnx_up_rename(n, "ScatterElements");
    return XINF_OK;
}

/* DFT(axis attribute, default 1) → input 2. */
static xinf_status upgrade_dft(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    int64_t axis = xi_node_int(n, "axis", 1);
    xi_shape scalar = XI_SHAPE_SCALAR;
    xi_onnx_up_drop(n, "axis");
    xinf_status status = xi_onnx_up_inputs(im, n, 3);
    if (status) return status;
    xi_literal *l = xi_graph_literal(n->graph, XINF_INT64, &scalar, &axis);
    n->inputs[2] = l ? xi_graph_add_constant(n->graph, XI_STR(""), l) : NULL;
    return n->inputs[2] ? XINF_OK : xi_onnx_no_memory(im);
}

static bool upgrade_scan_body(xi_graph *outer, const xi_node *n, xi_node *inner)
{
    int32_t inputs = n->input_count - 1;
    outer->inputs = xi_arena_array(outer->arena, (size_t)inputs, sizeof *outer->inputs);
    outer->outputs = xi_arena_array(outer->arena, (size_t)n->output_count, sizeof *outer->outputs);
    if (!outer->inputs || !outer->outputs) return false;
    for (int32_t i = 0; i < inputs; i++) {
        xi_type type = XI_TYPE_UNKNOWN;
        if (n->inputs[1 + i]) type.dtype = n->inputs[1 + i]->type.dtype;
        outer->inputs[i] = inner->inputs[i] = xi_graph_add_value(outer, XI_STR(""), &type);
        if (!outer->inputs[i]) return false;
        outer->input_count++;
    }
    for (int32_t i = 0; i < n->output_count; i++) {
        outer->outputs[i] = xi_node_new_output(inner, i);
        if (!outer->outputs[i]) return false;
        outer->output_count++;
    }
    return true;
}

/* Version 8 scanned a batch of sequences: a Scan over the batch whose body is the Scan over one
 * sequence. */
static xinf_status upgrade_scan(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_graph *body = xi_node_graph(n, "body");
    int64_t scanned = xi_node_int(n, "num_scan_inputs", 0);
    const int64_t *directions;
    int32_t direction_count = xi_node_ints(n, "directions", &directions),
            inputs = n->input_count - 1;
    if (n->input_count && n->inputs[0]) {
        n->refused = "Scan of operator set 8 with sequence lengths is not supported";
        return XINF_OK;
    }
    if (!body || inputs < 1 || scanned < 1 || scanned > inputs || direction_count > scanned)
        return XINF_OK; /* refused by its shape rule */
    xi_graph *outer = xi_graph_create(im->family, n->graph, XI_STR("sequence"));
    xi_node *inner = outer ? xi_graph_add_node(outer, NULL, XI_STR(""), XI_STR("Scan"), n->name,
                                               inputs, n->output_count, 3)
                           : NULL;
    if (!inner || !upgrade_scan_body(outer, n, inner)) return xi_onnx_no_memory(im);
    body->parent = outer;
    inner->attrs[inner->attr_count++] = (xi_attr){
        .name = XI_STR("body"), .type = XI_ATTR_GRAPH, .count = 1, .graph = body};
    xi_node_set_int(inner, "num_scan_inputs", scanned);
    if (direction_count &&
        !xi_node_set_ints(inner, "scan_input_directions", directions, direction_count))
        return xi_onnx_no_memory(im);
    n->inputs++;
    n->input_count = inputs;
    n->attr_count = 0;
    n->attrs[n->attr_count++] = (xi_attr){
        .name = XI_STR("body"), .type = XI_ATTR_GRAPH, .count = 1, .graph = outer};
    xi_node_set_int(n, "num_scan_inputs", inputs);
    return XINF_OK;
}

const xi_onnx_upgrade_row xi_onnx_upgrade_shape[] = {
    {"Squeeze", 1, 12, upgrade_axes},
    {"Unsqueeze", 1, 12, upgrade_axes},
    {"ReduceSum", 1, 12, upgrade_axes},
    {"ReduceL1", 1, 17, upgrade_axes},
    {"ReduceL2", 1, 17, upgrade_axes},
    {"ReduceLogSum", 1, 17, upgrade_axes},
    {"ReduceLogSumExp", 1, 17, upgrade_axes},
    {"ReduceMax", 1, 17, upgrade_axes},
    {"ReduceMean", 1, 17, upgrade_axes},
    {"ReduceMin", 1, 17, upgrade_axes},
    {"ReduceProd", 1, 17, upgrade_axes},
    {"ReduceSumSquare", 1, 17, upgrade_axes},
    {"Reshape", 1, 4, upgrade_reshape},
    {"Slice", 1, 9, upgrade_slice},
    {"Split", 1, 17, upgrade_split},
    {"Pad", 1, 10, upgrade_pad},
    {"Tile", 1, 5, upgrade_tile},
    {"Concat", 1, 3, upgrade_concat},
    {"TopK", 1, 9, upgrade_topk},
    {"Scatter", 9, XI_ONNX_OPSET, upgrade_scatter},
    {"DFT", 17, 19, upgrade_dft},
    {"Scan", 8, 8, upgrade_scan},
    {NULL, 0, 0, NULL},
};
