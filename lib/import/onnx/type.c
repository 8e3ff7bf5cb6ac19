#include "import/onnx/importer.h"

/* A symbol is found by going through all of them; no real model has so many. */
enum { IMPORT_MAX_SYMBOLS = 1024 };

static xinf_status import_type_shape(xi_shape *out, xi_onnx_importer *im, const Onnx__Shape *s,
                                     xi_str name)
{
    *out = XI_SHAPE_UNKNOWN;
    if (!s) return XINF_OK;
    if (s->n_dim > XI_MAX_RANK)
        return xi_fail(im->err, XINF_UNSUPPORTED,
                       "value \"%.*s\": %zu dimensions, at most %d are supported", XI_STR_ARG(name),
                       s->n_dim, (int)XI_MAX_RANK);
    out->rank = (int32_t)s->n_dim;
    for (size_t i = 0; i < s->n_dim; i++) {
        const Onnx__Dimension *d = s->dim[i];
        out->dim[i] = XI_DIM_UNKNOWN;
        if (d->value_case == ONNX__DIMENSION__VALUE_DIM_VALUE) {
            out->dim[i] = d->dim_value;
            if (d->dim_value < XI_DIM_UNKNOWN)
                return xi_fail(im->err, XINF_MALFORMED, "value \"%.*s\": dimension %zu is %lld",
                               XI_STR_ARG(name), i, (long long)d->dim_value);
        } else if (d->value_case == ONNX__DIMENSION__VALUE_DIM_PARAM && d->dim_param.len &&
                   im->family->symbol_count < IMPORT_MAX_SYMBOLS) {
            out->dim[i] = xi_family_symbol(im->family, xi_onnx_str(d->dim_param));
            if (out->dim[i] == 0) return xi_onnx_no_memory(im);
        }
    }
    return XINF_OK;
}

static xinf_status import_type_dtype(xi_onnx_importer *im, int32_t dtype, xi_str name)
{
    if (dtype == XINF_UNDEFINED || xi_dtype_known(dtype)) return XINF_OK;
    return xi_fail(im->err, dtype == 27 || dtype == 28 ? XINF_UNSUPPORTED : XINF_MALFORMED,
                   "value \"%.*s\": element type %d is unknown", XI_STR_ARG(name), dtype);
}

/* One level; *inner is the type inside it, to be done next, with its place in *inner_out. */
static xinf_status import_type_level(xi_type *out, xi_type **inner_out, const Onnx__Type **inner,
                                     xi_onnx_importer *im, const Onnx__Type *t, xi_str name)
{
    xi_type *element;
    xinf_status status;
    *inner = NULL;
    *inner_out = NULL;
    switch (t->value_case) {
    case ONNX__TYPE__VALUE_TENSOR_TYPE:
        out->kind = XINF_KIND_TENSOR;
        out->dtype = t->tensor_type->elem_type;
        status = import_type_dtype(im, out->dtype, name);
        return status ? status : import_type_shape(&out->shape, im, t->tensor_type->shape, name);
    case ONNX__TYPE__VALUE_OPTIONAL_TYPE:
        out->optional = true;
        *inner = t->optional_type->elem_type;
        *inner_out = out;
        return XINF_OK;
    case ONNX__TYPE__VALUE_SEQUENCE_TYPE:
        out->kind = XINF_KIND_SEQUENCE;
        *inner = t->sequence_type->elem_type;
        break;
    case ONNX__TYPE__VALUE_MAP_TYPE:
        out->kind = XINF_KIND_MAP;
        out->dtype = t->map_type->key_type;
        *inner = t->map_type->value_type;
        break;
    case ONNX__TYPE__VALUE__NOT_SET: return XINF_OK;
    default:
        return xi_fail(im->err, XINF_UNSUPPORTED,
                       "value \"%.*s\": sparse and opaque types are not supported",
                       XI_STR_ARG(name));
    }
    element = xi_arena_alloc(&im->family->arena, sizeof *element);
    if (!element) return xi_onnx_no_memory(im);
    *element = XI_TYPE_UNKNOWN;
    out->element = element;
    *inner_out = element;
    return XINF_OK;
}

xinf_status xi_onnx_type(xi_type *out, xi_onnx_importer *im, const Onnx__Type *t, xi_str name)
{
    xi_type *at = out;
    *out = XI_TYPE_UNKNOWN;
    while (t) {
        xi_type *inner_out;
        const Onnx__Type *inner;
        xinf_status status = import_type_level(at, &inner_out, &inner, im, t, name);
        if (status) return status;
        at = inner_out;
        t = inner;
    }
    return XINF_OK;
}
