/* constant.c — the contents of TensorFlow's TensorProto. */
#include "base/checked.h"
#include "load/protobuf.h"
#include "load/tensorflow/tensorflow.pb-c.h"
#include "load/tensorflow/tree.h"
#include "tensor/dtype.h"

enum { TF_CONSTANT_RANK = 12 };

static const xinf_dtype constant_dtypes[] = {
    [1] = XINF_FLOAT32, [2] = XINF_FLOAT64,     [3] = XINF_INT32,         [4] = XINF_UINT8,
    [5] = XINF_INT16,   [6] = XINF_INT8,        [7] = XINF_STRING,        [8] = XINF_COMPLEX64,
    [9] = XINF_INT64,   [10] = XINF_BOOL,       [11] = XINF_INT8,         [12] = XINF_UINT8,
    [13] = XINF_INT32,  [14] = XINF_BFLOAT16,   [15] = XINF_INT16,        [16] = XINF_UINT16,
    [17] = XINF_UINT16, [18] = XINF_COMPLEX128, [19] = XINF_FLOAT16,      [22] = XINF_UINT32,
    [23] = XINF_UINT64, [24] = XINF_FLOAT8E5M2, [25] = XINF_FLOAT8E4M3FN,
};

xinf_dtype xi_tf_dtype(int32_t type)
{
    if (type > 100) type -= 100; /* a reference to a variable's contents */
    return type > 0 && type < (int32_t)(sizeof constant_dtypes / sizeof *constant_dtypes)
               ? constant_dtypes[type]
               : XINF_UNDEFINED;
}

static xinf_status constant_shape(xi_tf_constant *out, const Tf__Shape *s, xi_str name,
                                  xinf_error *err)
{
    bool empty = false;
    out->rank = s ? (int32_t)(s->n_dim > TF_CONSTANT_RANK ? TF_CONSTANT_RANK + 1 : s->n_dim) : 0;
    out->count = 1;
    if (out->rank > TF_CONSTANT_RANK || (s && s->unknown_rank))
        return xi_fail(err, XINF_MALFORMED, "constant \"%.*s\": its rank is unknown or above %d",
                       XI_STR_ARG(name), (int)TF_CONSTANT_RANK);
    for (int32_t i = 0; i < out->rank; i++) {
        int64_t d = out->dims[i] = s->dim[i]->size;
        if (d < 0)
            return xi_fail(err, XINF_MALFORMED, "constant \"%.*s\": dimension %d is %lld",
                           XI_STR_ARG(name), (int)i, (long long)d);
        if (d == 0)
            empty = true;
        else if (!xi_mul_i64(out->count, d, &out->count))
            return xi_fail(err, XINF_MALFORMED,
                           "constant \"%.*s\": its dimensions multiply to more than fits",
                           XI_STR_ARG(name));
    }
    if (empty) out->count = 0;
    return XINF_OK;
}

/* One way of storing: slices of a field; `fixed` bytes an element, 0 for varints. */
typedef struct constant_field {
    const ProtobufCBinaryData *slices;
    size_t count, fixed;
} constant_field;

static constant_field constant_choose(const Tf__Tensor *t, xinf_dtype dtype)
{
    switch (dtype) {
    case XINF_FLOAT32: return (constant_field){t->float_payload, t->n_float_payload, 4};
    case XINF_FLOAT64: return (constant_field){t->double_payload, t->n_double_payload, 8};
    case XINF_COMPLEX64: return (constant_field){t->complex_payload, t->n_complex_payload, 4};
    case XINF_INT64: return (constant_field){t->int64_payload, t->n_int64_payload, 0};
    case XINF_BOOL: return (constant_field){t->bool_payload, t->n_bool_payload, 0};
    case XINF_FLOAT16:
    case XINF_BFLOAT16: return (constant_field){t->half_payload, t->n_half_payload, 0};
    case XINF_UINT32: return (constant_field){t->uint32_payload, t->n_uint32_payload, 0};
    case XINF_UINT64: return (constant_field){t->uint64_payload, t->n_uint64_payload, 0};
    default: return (constant_field){t->int_payload, t->n_int_payload, 0};
    }
}

static xinf_status constant_too_many(const xi_tf_constant *c, xi_str name, xinf_error *err)
{
    return xi_fail(err, XINF_MALFORMED,
                   "constant \"%.*s\" (%s): it holds more values than its shape's %lld",
                   XI_STR_ARG(name), xinf_dtype_name(c->dtype), (long long)c->count);
}

/* The values that are listed, then the last one again and again. */
static xinf_status constant_list(char *data, const xi_tf_constant *c, constant_field f, xi_str name,
                                 xinf_error *err)
{
    size_t have = 0, size = c->size / (size_t)c->count;
    for (size_t i = 0; i < f.count; i++) {
        const uint8_t *p = f.slices[i].data, *end = p + f.slices[i].len;
        if (f.fixed) {
            if (f.slices[i].len % f.fixed || f.slices[i].len > c->size - have)
                return constant_too_many(c, name, err);
            if (f.slices[i].len) memcpy(data + have, p, f.slices[i].len);
            have += f.slices[i].len;
            continue;
        }
        while (p < end) {
            uint64_t v;
            if (!xi_wire_varint(&v, &p, end))
                return xi_fail(err, XINF_MALFORMED, "constant \"%.*s\": a value is cut off",
                               XI_STR_ARG(name));
            if (c->dtype == XINF_BOOL) v = v != 0;
            if (have + size > c->size) return constant_too_many(c, name, err);
            memcpy(data + have, &v, size);
            have += size;
        }
    }
    if (have % size) return constant_too_many(c, name, err);
    for (; have && have < c->size; have += size) memcpy(data + have, data + have - size, size);
    return XINF_OK;
}

static xinf_status constant_strings(xi_str *data, const xi_tf_constant *c, const Tf__Tensor *t,
                                    xi_str name, xinf_error *err)
{
    if ((uint64_t)t->n_string_val > (uint64_t)c->count) return constant_too_many(c, name, err);
    for (size_t i = 0; i < (size_t)c->count && t->n_string_val; i++)
        data[i] = xi_str_of_bytes(t->string_val[i < t->n_string_val ? i : t->n_string_val - 1]);
    return XINF_OK;
}

xinf_status xi_tf_constant_read(xi_tf_constant *out, xi_tf_tree *t, const struct Tf__Tensor *tensor,
                                xi_str name, xinf_error *err)
{
    *out = (xi_tf_constant){.dtype = xi_tf_dtype(tensor->dtype)};
    xinf_status status = constant_shape(out, tensor->tensor_shape, name, err);
    if (status) return status;
    size_t element = out->dtype == XINF_STRING ? sizeof(xi_str)
                                               : (size_t)xi_dtype_bits(out->dtype) / 8;
    if (out->dtype == XINF_UNDEFINED || element == 0)
        return xi_fail(err, XINF_UNSUPPORTED, "constant \"%.*s\": element type %d is not supported",
                       XI_STR_ARG(name), (int)tensor->dtype);
    if (!xi_mul_size((size_t)out->count, element, &out->size) || (uint64_t)out->count > SIZE_MAX)
        return xi_fail(err, XINF_LIMIT, "constant \"%.*s\": it does not fit into memory",
                       XI_STR_ARG(name));
    if (tensor->has_content_payload && tensor->content_payload.len && out->dtype != XINF_STRING) {
        if (tensor->content_payload.len != out->size)
            return xi_fail(err, XINF_MALFORMED,
                           "constant \"%.*s\": %zu bytes of contents, its shape wants %zu",
                           XI_STR_ARG(name), tensor->content_payload.len, out->size);
        out->data = tensor->content_payload.data;
        out->file = t->file;
        return XINF_OK;
    }
    char *data = xi_arena_alloc(&t->contents, out->size);
    if (!data && t->contents.used + out->size < t->contents_limit)
        return xi_fail_memory(err, out->size);
    if (!data)
        return xi_fail(err, XINF_LIMIT,
                       "constant \"%.*s\": %zu bytes are more than the file's constants may take",
                       XI_STR_ARG(name), out->size);
    out->data = data;
    if (out->count == 0) return XINF_OK;
    if (out->dtype == XINF_STRING)
        return constant_strings((xi_str *)(void *)data, out, tensor, name, err);
    return constant_list(data, out, constant_choose(tensor, out->dtype), name, err);
}
