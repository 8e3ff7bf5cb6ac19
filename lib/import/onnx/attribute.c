#include "import/onnx/importer.h"

#include "base/checked.h"

/* The kinds of attribute, as the format numbers them. */
enum {
    ATTRIBUTE_UNDEFINED = 0,
    ATTRIBUTE_FLOAT = 1,
    ATTRIBUTE_INT = 2,
    ATTRIBUTE_STRING = 3,
    ATTRIBUTE_TENSOR = 4,
    ATTRIBUTE_GRAPH = 5,
    ATTRIBUTE_FLOATS = 6,
    ATTRIBUTE_INTS = 7,
    ATTRIBUTE_STRINGS = 8,
    ATTRIBUTE_TENSORS = 9,
    ATTRIBUTE_GRAPHS = 10,
    ATTRIBUTE_SPARSE_TENSOR = 11,
    ATTRIBUTE_TYPE = 13
};

/* Files of IR version 1 may leave the kind out. */
static int32_t attribute_kind(const Onnx__Attribute *a)
{
    if (a->type != ATTRIBUTE_UNDEFINED) return a->type;
    if (a->has_f) return ATTRIBUTE_FLOAT;
    if (a->has_i) return ATTRIBUTE_INT;
    if (a->has_s) return ATTRIBUTE_STRING;
    if (a->t) return ATTRIBUTE_TENSOR;
    if (a->g) return ATTRIBUTE_GRAPH;
    if (a->n_floats) return ATTRIBUTE_FLOATS;
    if (a->n_ints) return ATTRIBUTE_INTS;
    if (a->n_strings) return ATTRIBUTE_STRINGS;
    if (a->n_tensors) return ATTRIBUTE_TENSORS;
    if (a->n_graphs) return ATTRIBUTE_GRAPHS;
    if (a->sparse_tensor) return ATTRIBUTE_SPARSE_TENSOR;
    return a->tp ? ATTRIBUTE_TYPE : ATTRIBUTE_UNDEFINED;
}

static const Onnx__Attribute *attribute_find(Onnx__Attribute *const *list, size_t count,
                                             xi_str name)
{
    for (size_t i = 0; i < count; i++)
        if (xi_str_eq(xi_onnx_str(list[i]->name), name)) return list[i];
    return NULL;
}

xinf_status xi_onnx_attribute_resolve(const Onnx__Attribute **out, const xi_onnx_scope **out_scope,
                                      xi_onnx_importer *im, const Onnx__Attribute *a,
                                      const xi_onnx_scope *scope)
{
    while (a && a->ref_attr_name.len) {
        const xi_onnx_call *call = scope->call;
        xi_str name = xi_onnx_str(a->ref_attr_name);
        if (!call)
            return xi_fail(
                im->err, XINF_MALFORMED,
                "attribute \"%.*s\" refers to a function's attribute \"%.*s\" outside any function",
                XI_STR_ARG(xi_onnx_str(a->name)), XI_STR_ARG(name));
        a = attribute_find(call->node->attribute, call->node->n_attribute, name);
        scope = call->caller;
        if (a) continue;
        a = attribute_find(call->function->attribute_proto, call->function->n_attribute_proto,
                           name);
        if (a && a->ref_attr_name.len)
            return xi_fail(im->err, XINF_MALFORMED,
                           "function \"%.*s\": the default of attribute \"%.*s\" is a reference",
                           XI_STR_ARG(xi_onnx_str(call->function->name)), XI_STR_ARG(name));
    }
    *out = a;
    *out_scope = scope;
    return XINF_OK;
}

static xinf_status attribute_copy(const void **out, xi_onnx_importer *im, const void *items,
                                  size_t count, size_t size)
{
    void *copy = xi_arena_array(&im->family->arena, count, size);
    if (!copy) return xi_onnx_no_memory(im);
    if (count) memcpy(copy, items, count * size);
    *out = copy;
    return XINF_OK;
}

static xinf_status attribute_strings(xi_attr *out, xi_onnx_importer *im, const Onnx__Attribute *a)
{
    xi_str *list = xi_arena_array(&im->family->arena, a->n_strings, sizeof *list);
    if (!list) return xi_onnx_no_memory(im);
    for (size_t i = 0; i < a->n_strings; i++) list[i] = xi_onnx_str(a->strings[i]);
    out->strings = list;
    return XINF_OK;
}

static xinf_status attribute_tensors(xi_attr *out, xi_onnx_importer *im, const Onnx__Attribute *a)
{
    const xi_literal **list = xi_arena_array(&im->family->arena, a->n_tensors, sizeof *list);
    if (!list) return xi_onnx_no_memory(im);
    for (size_t i = 0; i < a->n_tensors; i++) {
        xinf_status status = xi_onnx_literal(&list[i], im, a->tensors[i]);
        if (status) return status;
    }
    out->tensors = list;
    return XINF_OK;
}

static xinf_status attribute_graphs(xi_attr *out, xi_onnx_importer *im, const Onnx__Attribute *a,
                                    const xi_onnx_scope *scope)
{
    xi_graph **list = xi_arena_array(&im->family->arena, a->n_graphs, sizeof *list);
    if (!list) return xi_onnx_no_memory(im);
    for (size_t i = 0; i < a->n_graphs; i++) {
        xinf_status status = xi_onnx_graph_import(&list[i], im, a->graphs[i], scope);
        if (status) return status;
    }
    out->graphs = list;
    return XINF_OK;
}

static xinf_status attribute_type(xi_attr *out, xi_onnx_importer *im, const Onnx__Attribute *a)
{
    xi_type *type = xi_arena_alloc(&im->family->arena, sizeof *type);
    if (!type) return xi_onnx_no_memory(im);
    out->value_type = type;
    return xi_onnx_type(type, im, a->tp, xi_onnx_str(a->name));
}

static xinf_status attribute_list(xi_attr *out, xi_onnx_importer *im, const Onnx__Attribute *a,
                                  const xi_onnx_scope *scope, int32_t kind)
{
    size_t count;
    switch (kind) {
    case ATTRIBUTE_FLOATS: out->type = XI_ATTR_FLOATS, count = a->n_floats; break;
    case ATTRIBUTE_INTS: out->type = XI_ATTR_INTS, count = a->n_ints; break;
    case ATTRIBUTE_STRINGS: out->type = XI_ATTR_STRINGS, count = a->n_strings; break;
    case ATTRIBUTE_TENSORS: out->type = XI_ATTR_TENSORS, count = a->n_tensors; break;
    default: out->type = XI_ATTR_GRAPHS, count = a->n_graphs; break;
    }
    if (count > INT32_MAX)
        return xi_fail(im->err, XINF_LIMIT, "attribute \"%.*s\" is too long",
                       XI_STR_ARG(xi_onnx_str(a->name)));
    out->count = (int32_t)count;
    switch (kind) {
    case ATTRIBUTE_FLOATS:
        return attribute_copy((const void **)&out->floats, im, a->floats, count, sizeof *a->floats);
    case ATTRIBUTE_INTS:
        return attribute_copy((const void **)&out->ints, im, a->ints, count, sizeof *a->ints);
    case ATTRIBUTE_STRINGS: return attribute_strings(out, im, a);
    case ATTRIBUTE_TENSORS: return attribute_tensors(out, im, a);
    default: return attribute_graphs(out, im, a, scope);
    }
}

xinf_status xi_onnx_attribute_import(xi_attr *out, xi_onnx_importer *im, const Onnx__Attribute *a,
                                     const xi_onnx_scope *scope, xi_str label)
{
    int32_t kind = attribute_kind(a);
    *out = (xi_attr){.name = xi_onnx_str(a->name), .count = 1};
    switch (kind) {
    case ATTRIBUTE_FLOAT: out->type = XI_ATTR_FLOAT, out->f = a->f; return XINF_OK;
    case ATTRIBUTE_INT: out->type = XI_ATTR_INT, out->i = a->i; return XINF_OK;
    case ATTRIBUTE_STRING: out->type = XI_ATTR_STRING, out->s = xi_onnx_str(a->s); return XINF_OK;
    case ATTRIBUTE_TENSOR:
        out->type = XI_ATTR_TENSOR;
        if (a->t) return xi_onnx_literal(&out->tensor, im, a->t);
        break;
    case ATTRIBUTE_GRAPH:
        out->type = XI_ATTR_GRAPH;
        if (a->g) return xi_onnx_graph_import(&out->graph, im, a->g, scope);
        break;
    case ATTRIBUTE_TYPE:
        out->type = XI_ATTR_TYPE;
        if (a->tp) return attribute_type(out, im, a);
        break;
    case ATTRIBUTE_FLOATS:
    case ATTRIBUTE_INTS:
    case ATTRIBUTE_STRINGS:
    case ATTRIBUTE_TENSORS:
    case ATTRIBUTE_GRAPHS: return attribute_list(out, im, a, scope, kind);
    default:
        return xi_fail(im->err, XINF_UNSUPPORTED,
                       "node %.*s: attribute \"%.*s\" is of kind %d, which is not supported",
                       XI_STR_ARG(label), XI_STR_ARG(xi_onnx_str(a->name)), kind);
    }
    return xi_fail(im->err, XINF_MALFORMED, "node %.*s: attribute \"%.*s\" holds nothing",
                   XI_STR_ARG(label), XI_STR_ARG(xi_onnx_str(a->name)));
}
