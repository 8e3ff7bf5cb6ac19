#include "import/onnx/formula.h"

static xi_attr *formula_attr(xi_formula *f, const char *name, xi_attr_type type)
{
    static const int32_t single = 1;
    if (f->attr_count == XI_FORMULA_ATTRS) {
        xi_formula_need(f, NULL);
        return &f->attrs[0];
    }
    xi_attr *a = &f->attrs[f->attr_count++];
    *a = (xi_attr){.name = xi_str_of(name), .type = type, .count = single};
    return a;
}

void xi_formula_int(xi_formula *f, const char *name, int64_t value)
{
    formula_attr(f, name, XI_ATTR_INT)->i = value;
}

void xi_formula_float(xi_formula *f, const char *name, float value)
{
    formula_attr(f, name, XI_ATTR_FLOAT)->f = value;
}

void xi_formula_string(xi_formula *f, const char *name, const char *value)
{
    formula_attr(f, name, XI_ATTR_STRING)->s = xi_str_of(value);
}

void xi_formula_int_list(xi_formula *f, const char *name, const int64_t *values, int32_t count)
{
    int64_t *kept = xi_arena_array(f->n->graph->arena, (size_t)count, sizeof *kept);
    if (!kept) {
        xi_formula_need(f, NULL);
        return;
    }
    for (int32_t i = 0; i < count; i++) kept[i] = values[i];
    xi_attr *a = formula_attr(f, name, XI_ATTR_INTS);
    a->ints = kept;
    a->count = count;
}

void xi_formula_pass(xi_formula *f, const char *name)
{
    const xi_attr *given = xi_node_attr(f->n, name);
    if (given) *formula_attr(f, name, given->type) = *given;
}

xi_node *xi_formula_node(xi_formula *f, const char *op, int32_t outputs, xi_value *const *inputs,
                         int32_t count)
{
    while (count > 0 && !inputs[count - 1]) count--;
    if (f->failed) return NULL;
    xi_node *made = xi_graph_add_node(f->n->graph, f->n, XI_STR(""), xi_str_of(op), f->n->name,
                                      count, outputs, f->attr_count);
    for (int32_t i = 0; made && i < outputs; i++)
        if (!xi_node_new_output(made, i)) made = NULL;
    if (!made) {
        xi_formula_need(f, NULL);
        return NULL;
    }
    for (int32_t i = 0; i < count; i++) made->inputs[i] = inputs[i];
    for (int32_t i = 0; i < f->attr_count; i++) made->attrs[made->attr_count++] = f->attrs[i];
    f->attr_count = 0;
    if (!f->first) f->first = made;
    xi_onnx_infer(f->im, made);
    return made;
}

xi_value *xi_formula_value(xi_formula *f, const char *op, xi_value *const *inputs, int32_t count)
{
    return xi_formula_output(f, xi_formula_node(f, op, 1, inputs, count), 0);
}

xi_value *xi_formula_output(const xi_formula *f, xi_node *made, int32_t index)
{
    return made ? made->outputs[index] : NULL;
}

xi_value *xi_formula_scalar(xi_formula *f, xi_value *like, double number)
{
    xi_value *v = f->failed ? NULL : xi_onnx_up_scalar(f->n, like, number);
    xi_formula_need(f, v);
    if (!like || like->type.dtype != XINF_UNDEFINED) return v;
    return XI_PUT(f, "CastLike", v, like);
}

xi_value *xi_formula_ints(xi_formula *f, const int64_t *values, int32_t count)
{
    xi_value *v = f->failed ? NULL : xi_graph_constant_ints(f->n->graph, values, count);
    xi_formula_need(f, v);
    return v;
}

xi_value *xi_formula_plus(xi_formula *f, xi_value *a, xi_value *b)
{
    return b ? XI_PUT(f, "Add", a, b) : a;
}

xi_value *xi_formula_transpose(xi_formula *f, xi_value *x, const int64_t *perm, int32_t rank)
{
    xi_formula_int_list(f, "perm", perm, rank);
    return XI_PUT(f, "Transpose", x);
}

xi_value *xi_formula_layout(xi_formula *f, xi_value *x, int32_t rank, bool to_first)
{
    int64_t perm[XI_MAX_RANK];
    for (int32_t i = 0; i < rank; i++) perm[i] = to_first ? i - 1 : i + 1;
    perm[0] = 0;
    perm[to_first ? 1 : rank - 1] = to_first ? rank - 1 : 1;
    return xi_formula_transpose(f, x, perm, rank);
}

xi_value *xi_formula_cast(xi_formula *f, xi_value *x, xinf_dtype to)
{
    if (x && x->type.dtype == to) return x;
    xi_formula_int(f, "to", to);
    return XI_PUT(f, "Cast", x);
}

xi_value *xi_formula_unsqueeze(xi_formula *f, xi_value *x, int64_t axis)
{
    return XI_PUT(f, "Unsqueeze", x, XI_LIST(f, axis));
}

xi_value *xi_formula_slice(xi_formula *f, xi_value *x, int64_t from, int64_t to, int64_t axis)
{
    return XI_PUT(f, "Slice", x, XI_LIST(f, from), XI_LIST(f, to), XI_LIST(f, axis));
}

xi_value *xi_formula_size(xi_formula *f, xi_value *x, int64_t axis)
{
    xi_formula_int(f, "start", axis);
    if (axis != -1) xi_formula_int(f, "end", axis + 1);
    return XI_PUT(f, "Shape", x);
}

xi_value *xi_formula_range(xi_formula *f, xi_value *count)
{
    const int64_t none = 0;
    xi_value *last = XI_PUT(f, "Reshape", count, xi_formula_ints(f, &none, 0));
    xi_value *zero = XI_PUT(f, "Reshape", XI_LIST(f, 0), xi_formula_ints(f, &none, 0));
    return XI_PUT(f, "Range", zero, last,
                  XI_PUT(f, "Reshape", XI_LIST(f, 1), xi_formula_ints(f, &none, 0)));
}

xi_value *xi_formula_dequantize(xi_formula *f, xi_value *x, xi_value *scale, xi_value *zero)
{
    return XI_PUT(f, "DequantizeLinear", x, scale, zero);
}

xi_value *xi_formula_quantize(xi_formula *f, xi_value *x, xi_value *scale, xi_value *zero,
                              const xi_value *like)
{
    if (!zero && like && like->type.dtype != XINF_UNDEFINED)
        xi_formula_int(f, "output_dtype", like->type.dtype);
    return XI_PUT(f, "QuantizeLinear", x, scale, zero);
}

void xi_formula_give(xi_formula *f, int32_t index, xi_value *v)
{
    if (f->failed || !xi_formula_wants(f, index)) return;
    xi_value *own = f->n->outputs[index];
    bool fresh = v && v->producer && v->name.len == 0 && v->graph == f->n->graph;
    if (fresh && v->producer->outputs[v->producer_output] != v) { /* given once already */
        v = v->producer->outputs[v->producer_output];
        fresh = false;
    }
    if (!fresh) v = XI_PUT(f, "Identity", v);
    if (f->failed) return;
    own->type = v->type;
    for (xi_node *k = f->first; k && k != f->n;
         k = k->next) /* nodes made here that already read it */
        for (int32_t i = 0; i < k->input_count; i++)
            if (k->inputs[i] == v) k->inputs[i] = own;
    xi_node_set_output(v->producer, v->producer_output, own);
    f->n->outputs[index] = NULL;
}

xinf_status xi_formula_end(xi_formula *f)
{
    if (f->failed) return xi_onnx_no_memory(f->im);
    for (int32_t i = 0; i < f->n->output_count; i++)
        if (f->n->outputs[i])
            return xi_formula_refuse(f->n, "one of the outputs that are wanted is not supported");
    xi_node_remove(f->n);
    return XINF_OK;
}

xinf_status xi_formula_refuse(xi_node *n, const char *why)
{
    n->refused = why;
    return XINF_OK;
}
