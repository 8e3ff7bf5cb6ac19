#include "import/onnx/upgrade.h"

#include "graph/op.h"

bool xi_onnx_up_drop(xi_node *n, const char *name)
{
    for (int32_t i = 0; i < n->attr_count; i++) {
        if (!xi_str_is(n->attrs[i].name, name)) continue;
        for (int32_t k = i + 1; k < n->attr_count; k++) n->attrs[k - 1] = n->attrs[k];
        n->attr_count--;
        return true;
    }
    return false;
}

xinf_status xi_onnx_up_inputs(xi_onnx_importer *im, xi_node *n, int32_t count)
{
    if (count <= n->input_count) return XINF_OK;
    xi_value **wider = xi_arena_array(n->graph->arena, (size_t)count, sizeof *wider);
    if (!wider) return xi_onnx_no_memory(im);
    for (int32_t i = 0; i < n->input_count; i++) wider[i] = n->inputs[i];
    n->inputs = wider;
    n->input_count = count;
    return XINF_OK;
}

xinf_status xi_onnx_up_ints(xi_onnx_importer *im, xi_node *n, int32_t index, const int64_t *values,
                            int32_t count)
{
    xinf_status status = xi_onnx_up_inputs(im, n, index + 1);
    if (status) return status;
    n->inputs[index] = xi_graph_constant_ints(n->graph, values, count);
    return n->inputs[index] ? XINF_OK : xi_onnx_no_memory(im);
}

xinf_status xi_onnx_up_ints_attr(xi_onnx_importer *im, xi_node *n, const char *name, int32_t index)
{
    const xi_attr *a = xi_node_attr(n, name);
    if (!a) return XINF_OK;
    /* An empty list may carry any kind, and some tools write a list of one as a number. */
    int64_t single = a->type == XI_ATTR_INT ? a->i : 0;
    const int64_t *values = a->type == XI_ATTR_INTS  ? a->ints
                            : a->type == XI_ATTR_INT ? &single
                                                     : NULL;
    if (!values && a->count != 0)
        return xi_fail(im->err, XINF_MALFORMED,
                       "node %.*s (%.*s): attribute \"%s\" has a wrong type",
                       XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name), name);
    int32_t count = values ? a->count : 0;
    xi_onnx_up_drop(n, name);
    return xi_onnx_up_ints(im, n, index, values, count);
}

xi_value *xi_onnx_up_scalar(xi_node *n, const xi_value *like, double number)
{
    uint8_t bits[16] = {0};
    xinf_dtype dtype = like ? like->type.dtype : XINF_UNDEFINED;
    xi_shape scalar = XI_SHAPE_SCALAR;
    if (!xi_dtype_is_float(dtype) && !xi_dtype_is_int(dtype)) dtype = XINF_FLOAT32;
    xi_dtype_store_f64(bits, dtype, 0, number);
    xi_literal *l = xi_graph_literal(n->graph, dtype, &scalar, bits);
    return l ? xi_graph_add_constant(n->graph, XI_STR(""), l) : NULL;
}

void xi_onnx_up_rename(xi_node *n, const char *op)
{
    n->domain = XI_STR("");
    n->op_name = xi_str_of(op);
    n->op = xi_op_find(n->domain, n->op_name);
}

xi_node *xi_onnx_up_node(xi_node *n, bool after, const char *op, xi_value *a, xi_value *b,
                         int32_t attr_capacity)
{
    xi_node *made = a ? xi_graph_add_node(n->graph, after ? NULL : n, XI_STR(""), xi_str_of(op),
                                          n->name, b ? 2 : 1, 1, attr_capacity)
                      : NULL;
    if (!made || (!after && !xi_node_new_output(made, 0))) return NULL;
    made->inputs[0] = a;
    if (b) made->inputs[1] = b;
    return made;
}

xi_value *xi_onnx_up_result(xi_onnx_importer *im, xi_node *made)
{
    if (!made) return NULL;
    xi_onnx_infer(im, made);
    return made->outputs[0];
}

xinf_status xi_onnx_up_take_output(xi_onnx_importer *im, xi_node *n, xi_node *last)
{
    if (!last) return xi_onnx_no_memory(im);
    xi_node_set_output(last, 0, n->outputs[0]);
    return xi_node_new_output(n, 0) ? XINF_OK : xi_onnx_no_memory(im);
}

static const xi_onnx_upgrade_row *const upgrade_tables[] = {
    xi_onnx_upgrade_shape,  xi_onnx_upgrade_math,         xi_onnx_upgrade_nn,
    xi_onnx_upgrade_resize, xi_onnx_upgrade_experimental,
};

static const xi_onnx_upgrade_row *const upgrade_contrib_tables[] = {
    xi_onnx_upgrade_contrib,           xi_onnx_upgrade_contrib_norm,
    xi_onnx_upgrade_contrib_quantized, xi_onnx_upgrade_contrib_attention,
    xi_onnx_upgrade_contrib_gqa,       xi_onnx_upgrade_contrib_beam};

/* What stands in for a standard operator's name without being one: onnxruntime's own, from before
 * there was a domain for them. */
static bool upgrade_is_contrib(xi_str domain, xi_str op)
{
    return xi_str_is(domain, "com.microsoft") ||
           (domain.len == 0 && (xi_str_is(op, "SimplifiedLayerNormalization")));
}

static xinf_status upgrade_apply(xi_onnx_importer *im, xi_node *n, const xi_onnx_upgrade_row *row,
                                 xi_str op, int64_t version)
{
    for (; row->op; row++)
        if (version >= row->since && version <= row->until && xi_str_is(op, row->op))
            return row->fn(im, n, version);
    return XINF_OK;
}

static xinf_status upgrade_node(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_str op = n->op_name;
    if (xi_str_is(n->domain, "ai.onnx.ml"))
        return upgrade_apply(im, n, xi_onnx_upgrade_ml, op, version);
    if (upgrade_is_contrib(n->domain, op)) {
        for (size_t i = 0;
             i < sizeof upgrade_contrib_tables / sizeof *upgrade_contrib_tables && !n->op; i++) {
            xinf_status status = upgrade_apply(im, n, upgrade_contrib_tables[i], op, 1);
            if (status) return status;
        }
        return XINF_OK;
    }
    if (n->domain.len != 0) return XINF_OK;
    /* Before version 6 operators could say that they overwrite inputs; nothing follows from it. */
    if (version < 6) xi_onnx_up_drop(n, "consumed_inputs");
    for (size_t i = 0; i < sizeof upgrade_tables / sizeof *upgrade_tables; i++) {
        xinf_status status = upgrade_apply(im, n, upgrade_tables[i], op, version);
        if (status) return status;
    }
    return XINF_OK;
}

xinf_status xi_onnx_upgrade(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_str op = n->op_name;
    xinf_status status = upgrade_node(im, n, version);
    if (status == XINF_OK && im->exhausted) return xi_onnx_no_memory(im);
    if (status || !n->refused) return status;
    xi_text text; /* the reason with the name of the file's own operator */
    xi_text_init(&text, &im->alloc);
    xi_text_addf(&text, "node %.*s (%.*s): %s", XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(op),
                 n->refused);
    n->refused = text.failed ? NULL : xi_arena_strndup(n->graph->arena, text.ptr, text.len);
    xi_text_free(&text);
    return n->refused ? XINF_OK : xi_onnx_no_memory(im);
}
