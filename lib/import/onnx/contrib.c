/* contrib.c — see contrib.h. */
#include "import/onnx/contrib.h"

#include <stdio.h>

#include "graph/op.h"

xi_node *xi_contrib_node(xi_contrib *c, const char *op, int32_t outputs, int32_t attrs, xi_value *const *inputs, int32_t count)
{
    while (count > 0 && !inputs[count - 1]) count--;
    xi_node *made = c->failed ? NULL
                              : xi_graph_add_node(c->node->graph, c->node, XI_STR(""), xi_str_of(op), c->node->name, count, outputs, attrs);
    if (!made) {
        c->failed = true;
        return NULL;
    }
    for (int32_t i = 0; i < count; i++) made->inputs[i] = inputs[i];
    return made;
}

xi_value *xi_contrib_value(xi_contrib *c, xi_node *made, int32_t output)
{
    if (!made || c->failed) return NULL;
    if (!made->outputs[output] && !xi_node_new_output(made, output)) {
        c->failed = true;
        return NULL;
    }
    xi_onnx_infer(c->im, made);
    return made->outputs[output];
}

xi_value *xi_contrib_op(xi_contrib *c, const char *op, xi_value *a, xi_value *b)
{
    return xi_contrib_value(c, xi_contrib_node(c, op, 1, 0, (xi_value *[]){a, b}, 2), 0);
}

xi_value *xi_contrib_sum(xi_contrib *c, xi_value *a, xi_value *b)
{
    return a && b ? xi_contrib_op(c, "Add", a, b) : a ? a : b;
}

xi_value *xi_contrib_transpose(xi_contrib *c, xi_value *x, const int64_t *perm, int32_t rank)
{
    xi_node *t = xi_contrib_node(c, "Transpose", 1, 1, &x, 1);
    if (t && !xi_node_set_ints(t, "perm", perm, rank)) c->failed = true;
    return xi_contrib_value(c, t, 0);
}

xi_value *xi_contrib_ints(xi_contrib *c, const int64_t *values, int32_t count)
{
    xi_value *v = c->failed ? NULL : xi_graph_constant_ints(c->node->graph, values, count);
    if (!v) c->failed = true;
    return v;
}

xi_value *xi_contrib_scalar(xi_contrib *c, const xi_value *like, double number)
{
    xi_value *v = c->failed ? NULL : xi_onnx_up_scalar(c->node, like, number);
    if (!v) c->failed = true;
    return v;
}

xi_value *xi_contrib_reshape(xi_contrib *c, xi_value *x, const int64_t *dims, int32_t rank)
{
    return xi_contrib_op(c, "Reshape", x, xi_contrib_ints(c, dims, rank));
}

xi_value *xi_contrib_cast(xi_contrib *c, xi_value *x, xinf_dtype dtype)
{
    if (x && x->type.dtype == dtype) return x;
    xi_node *n = xi_contrib_node(c, "Cast", 1, 1, &x, 1);
    if (n) xi_node_set_int(n, "to", dtype);
    return xi_contrib_value(c, n, 0);
}

xi_value *xi_contrib_slice(xi_contrib *c, xi_value *x, int64_t axis, int64_t start, int64_t end)
{
    xi_value *inputs[] = {x, xi_contrib_ints(c, &start, 1), xi_contrib_ints(c, &end, 1), xi_contrib_ints(c, &axis, 1)};
    return xi_contrib_value(c, xi_contrib_node(c, "Slice", 1, 0, inputs, 4), 0);
}

void xi_contrib_give(xi_contrib *c, int32_t index, xi_value *v)
{
    if (index >= c->node->output_count || !c->node->outputs[index]) return;
    xi_node *n = v ? xi_contrib_node(c, "Identity", 1, 0, &v, 1) : NULL;
    if (!n) {
        c->failed = true;
        return;
    }
    xi_node_set_output(n, 0, c->node->outputs[index]);
    c->node->outputs[index] = NULL;
    xi_onnx_infer(c->im, n);
}

xinf_status xi_contrib_end(xi_contrib *c)
{
    if (c->failed) return xi_onnx_no_memory(c->im);
    for (int32_t i = 0; i < c->node->output_count; i++)
        if (c->node->outputs[i]) return xi_contrib_refuse(c, "one of its optional outputs is not supported");
    xi_node_remove(c->node);
    return XINF_OK;
}

xinf_status xi_contrib_refuse(xi_contrib *c, const char *why)
{
    xi_node *n = c->node;
    size_t size = 200 + strlen(why) + xi_node_label(n).len + n->op_name.len;
    char *sentence = xi_arena_alloc(n->graph->arena, size);
    if (!sentence) return xi_onnx_no_memory(c->im);
    snprintf(sentence, size, "node %.*s (com.microsoft.%.*s): %s", XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name), why);
    n->refused = sentence;
    return XINF_OK;
}
