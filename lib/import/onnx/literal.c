#include "import/onnx/importer.h"

#include "base/checked.h"

xinf_status xi_onnx_literal(const xi_literal **out, xi_onnx_importer *im, const Onnx__Tensor *t)
{
    xi_onnx_payload p;
    xinf_status status = xi_onnx_payload_load(&p, im->model, t, im->err);
    if (status) return status;
    xi_literal *l = xi_arena_alloc(&im->family->arena, sizeof *l);
    if (!l) return xi_onnx_no_memory(im);
    *l = (xi_literal){.dtype = p.dtype,
                      .shape = xi_shape_of(p.rank, p.dims),
                      .count = p.count,
                      .data = p.data,
                      .size = p.size,
                      .file = p.file};
    *out = l;
    return XINF_OK;
}

xinf_status xi_onnx_room(void **out, xi_onnx_importer *im, size_t size, xi_str name)
{
    xi_onnx_model *m = im->model;
    if (m->contents.used > m->contents_limit || size > m->contents_limit - m->contents.used)
        return xi_fail(im->err, XINF_LIMIT,
                       "tensor \"%.*s\": %zu bytes once expanded are more than is allowed",
                       XI_STR_ARG(name), size);
    *out = xi_arena_alloc(&m->contents, size);
    return *out ? XINF_OK : xi_fail_memory(im->err, size);
}

static bool import_literal_sparse_index(int64_t *out, const xi_shape *shape,
                                        const xi_literal *indices, int64_t item)
{
    const char *data = indices->data;
    int64_t offset = 0, at;
    if (indices->shape.rank == 1) {
        memcpy(&at, data + (size_t)item * sizeof at, sizeof at);
        *out = at;
        return at >= 0;
    }
    for (int32_t d = 0; d < shape->rank; d++) {
        memcpy(&at, data + ((size_t)item * (size_t)shape->rank + (size_t)d) * sizeof at, sizeof at);
        if (at < 0 || at >= shape->dim[d]) return false;
        offset = offset * shape->dim[d] + at;
    }
    *out = offset;
    return true;
}

static xinf_status import_literal_sparse_check(xi_onnx_importer *im, const xi_literal *values,
                                               const xi_literal *indices, const xi_shape *shape,
                                               xi_str name)
{
    bool flat = indices->shape.rank == 1 && indices->count == values->count;
    bool full = indices->shape.rank == 2 && indices->shape.dim[0] == values->count &&
                indices->shape.dim[1] == shape->rank;
    if (values->shape.rank != 1 || indices->dtype != XINF_INT64 || !(flat || full))
        return xi_fail(im->err, XINF_MALFORMED,
                       "sparse tensor \"%.*s\": its indices do not fit its %lld values",
                       XI_STR_ARG(name), (long long)values->count);
    if (values->dtype == XINF_STRING)
        return xi_fail(im->err, XINF_UNSUPPORTED,
                       "sparse tensor \"%.*s\": strings are not supported", XI_STR_ARG(name));
    return XINF_OK;
}

xinf_status xi_onnx_sparse(const xi_literal **out, xi_onnx_importer *im,
                           const Onnx__SparseTensor *s, xi_str name)
{
    const xi_literal *values, *indices;
    xi_literal *dense;
    void *data;
    int64_t count;
    size_t size;
    if (!s->values || !s->indices)
        return xi_fail(im->err, XINF_MALFORMED,
                       "sparse tensor \"%.*s\": values or indices are missing", XI_STR_ARG(name));
    xinf_status status = xi_onnx_literal(&values, im, s->values);
    if (!status) status = xi_onnx_literal(&indices, im, s->indices);
    if (!status)
        status = xi_onnx_dims_count(&count, s->dims, s->n_dims, XI_MAX_RANK, name, im->err);
    if (status) return status;
    xi_shape shape = xi_shape_of((int32_t)s->n_dims, s->dims);
    status = import_literal_sparse_check(im, values, indices, &shape, name);
    if (status) return status;
    size_t element = xinf_dtype_size(values->dtype);
    if ((uint64_t)count > SIZE_MAX / 2 || !xi_mul_size((size_t)count, element, &size))
        return xi_fail(im->err, XINF_MALFORMED,
                       "sparse tensor \"%.*s\": it is larger than memory can be", XI_STR_ARG(name));
    status = xi_onnx_room(&data, im, size, name);
    if (status) return status;
    for (int64_t i = 0; i < values->count; i++) {
        int64_t at;
        if (!import_literal_sparse_index(&at, &shape, indices, i) || at >= count)
            return xi_fail(im->err, XINF_MALFORMED,
                           "sparse tensor \"%.*s\": index %lld is outside its shape",
                           XI_STR_ARG(name), (long long)i);
        memcpy((char *)data + (size_t)at * element,
               (const char *)values->data + (size_t)i * element, element);
    }
    dense = xi_arena_alloc(&im->family->arena, sizeof *dense);
    if (!dense) return xi_onnx_no_memory(im);
    *dense = (xi_literal){
        .dtype = values->dtype, .shape = shape, .count = count, .data = data, .size = size};
    *out = dense;
    return XINF_OK;
}

/* The literal of a plain attribute, as the value_… forms of Constant give it. */
static xinf_status import_literal_plain(const xi_literal **out, xi_onnx_importer *im,
                                        const xi_attr *a, xi_graph *g)
{
    xi_shape scalar = XI_SHAPE_SCALAR, list = {.rank = 1, .dim = {a->count}};
    switch (a->type) {
    case XI_ATTR_INT: *out = xi_graph_literal(g, XINF_INT64, &scalar, &a->i); break;
    case XI_ATTR_FLOAT: *out = xi_graph_literal(g, XINF_FLOAT32, &scalar, &a->f); break;
    case XI_ATTR_STRING: *out = xi_graph_literal(g, XINF_STRING, &scalar, &a->s); break;
    case XI_ATTR_INTS: *out = xi_graph_literal(g, XINF_INT64, &list, a->ints); break;
    case XI_ATTR_FLOATS: *out = xi_graph_literal(g, XINF_FLOAT32, &list, a->floats); break;
    case XI_ATTR_STRINGS: *out = xi_graph_literal(g, XINF_STRING, &list, a->strings); break;
    default: *out = a->tensor; break;
    }
    return *out ? XINF_OK : xi_onnx_no_memory(im);
}

/* Which attributes may carry a constant, and their kinds. */
static const struct {
    const char *name;
    xi_attr_type type;
} import_literal_forms[] = {
    {"value", XI_ATTR_TENSOR},          {"value_float", XI_ATTR_FLOAT},
    {"value_floats", XI_ATTR_FLOATS},   {"value_int", XI_ATTR_INT},
    {"value_ints", XI_ATTR_INTS},       {"value_string", XI_ATTR_STRING},
    {"value_strings", XI_ATTR_STRINGS},
};

xinf_status xi_onnx_constant(const xi_literal **out, xi_onnx_importer *im, const Onnx__Node *n,
                             const xi_onnx_scope *scope)
{
    xi_str label = xi_onnx_label(n);
    *out = NULL;
    for (size_t i = 0; i < n->n_attribute; i++) {
        xi_str name = xi_onnx_str(n->attribute[i]->name);
        const Onnx__Attribute *given;
        const xi_onnx_scope *where;
        xi_attr a;
        bool known = false;
        xinf_status status = xi_onnx_attribute_resolve(&given, &where, im, n->attribute[i], scope);
        if (status) return status;
        if (!given) continue;
        if (*out)
            return xi_fail(im->err, XINF_MALFORMED,
                           "node %.*s (Constant): it has more than one value", XI_STR_ARG(label));
        if (xi_str_is(name, "sparse_value") && given->sparse_tensor) {
            status = xi_onnx_sparse(out, im, given->sparse_tensor, label);
        } else {
            status = xi_onnx_attribute_import(&a, im, given, where, label);
            for (size_t k = 0;
                 !status && k < sizeof import_literal_forms / sizeof *import_literal_forms; k++)
                known |= xi_str_is(name, import_literal_forms[k].name) &&
                         import_literal_forms[k].type == a.type;
            if (!status && !known)
                status = xi_fail(im->err, XINF_MALFORMED,
                                 "node %.*s (Constant): attribute \"%.*s\" is not one of its own",
                                 XI_STR_ARG(label), XI_STR_ARG(name));
            if (!status) status = import_literal_plain(out, im, &a, scope->graph);
        }
        if (status) return status;
    }
    return *out ? XINF_OK
                : xi_fail(im->err, XINF_MALFORMED, "node %.*s (Constant): it has no value",
                          XI_STR_ARG(label));
}
