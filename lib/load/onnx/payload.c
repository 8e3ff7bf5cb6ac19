#include "load/onnx/payload.h"

#include "base/checked.h"
#include "load/onnx/onnx.pb-c.h"
#include "load/protobuf.h"
#include "tensor/dtype.h"

enum { ONNX_LOCATION_EXTERNAL = 1, PAYLOAD_MAX_RANK = 12 };

/* One way of storing: the slices of a payload field and what an element takes in it. */
typedef struct payload_source {
    const ProtobufCBinaryData *slices;
    size_t count;
    size_t fixed;    /* bytes of a fixed-size element; 0: varints */
    size_t elements; /* expected */
} payload_source;

xinf_status xi_onnx_dims_count(int64_t *out, const int64_t *dims, size_t rank, size_t max_rank,
                               xi_str name, xinf_error *err)
{
    int64_t count = 1;
    bool empty = false;
    if (rank > max_rank)
        return xi_fail(err, XINF_UNSUPPORTED,
                       "tensor \"%.*s\": %zu dimensions, at most %zu are supported",
                       XI_STR_ARG(name), rank, max_rank);
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return xi_fail(err, XINF_MALFORMED, "tensor \"%.*s\": dimension %zu is %lld",
                           XI_STR_ARG(name), i, (long long)dims[i]);
        if (dims[i] == 0)
            empty = true;
        else if (!xi_mul_i64(count, dims[i], &count))
            return xi_fail(err, XINF_MALFORMED,
                           "tensor \"%.*s\": its dimensions multiply to more than fits",
                           XI_STR_ARG(name));
    }
    *out = empty ? 0 : count;
    return XINF_OK;
}

static xinf_status payload_fail(xinf_error *err, const xi_onnx_payload *p, xi_str name,
                                const char *what, size_t got, size_t want)
{
    return xi_fail(err, XINF_MALFORMED, "tensor \"%.*s\" (%s, %lld elements): %s %zu, expected %zu",
                   XI_STR_ARG(name), xinf_dtype_name(p->dtype), (long long)p->count, what, got,
                   want);
}

/* A decimal number, nothing else. */
static bool payload_number(ProtobufCBinaryData text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 19) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = value;
    return true;
}

static xinf_status payload_external(const uint8_t **out, const xi_file **out_file, xi_onnx_model *m,
                                    const Onnx__Tensor *t, size_t want, xi_str name,
                                    xinf_error *err)
{
    xi_str location = {NULL, 0};
    uint64_t offset = 0, length = want;
    const xi_file *file;
    for (size_t i = 0; i < t->n_external_data; i++) {
        xi_str key = xi_str_of_bytes(t->external_data[i]->key);
        ProtobufCBinaryData value = t->external_data[i]->value;
        if (xi_str_is(key, "location")) location = xi_str_of_bytes(value);
        if ((xi_str_is(key, "offset") && !payload_number(value, &offset)) ||
            (xi_str_is(key, "length") && !payload_number(value, &length)))
            return xi_fail(err, XINF_MALFORMED,
                           "tensor \"%.*s\": %.*s of its external data is not a number: \"%.*s\"",
                           XI_STR_ARG(name), XI_STR_ARG(key), XI_STR_ARG(xi_str_of_bytes(value)));
    }
    xinf_status status = xi_onnx_model_file(&file, m, location, err);
    if (status) {
        xi_error_prefix(err, "tensor \"%.*s\": ", XI_STR_ARG(name));
        return status;
    }
    if (length != want || offset > file->size || want > file->size - offset)
        return xi_fail(err, XINF_MALFORMED,
                       "tensor \"%.*s\": external data \"%.*s\" has %zu bytes; %llu at offset %llu "
                       "are asked for, %zu are needed",
                       XI_STR_ARG(name), XI_STR_ARG(location), file->size,
                       (unsigned long long)length, (unsigned long long)offset, want);
    *out = file->data + offset;
    *out_file = file;
    return XINF_OK;
}

static payload_source payload_pick(const Onnx__Tensor *t, xinf_dtype dtype, size_t elements)
{
    int32_t bits = xi_dtype_bits(dtype);
    switch (dtype) {
    case XINF_FLOAT32: return (payload_source){t->float_payload, t->n_float_payload, 4, elements};
    case XINF_COMPLEX64:
        return (payload_source){t->float_payload, t->n_float_payload, 4, 2 * elements};
    case XINF_FLOAT64: return (payload_source){t->double_payload, t->n_double_payload, 8, elements};
    case XINF_COMPLEX128:
        return (payload_source){t->double_payload, t->n_double_payload, 8, 2 * elements};
    case XINF_INT64: return (payload_source){t->int64_payload, t->n_int64_payload, 0, elements};
    case XINF_UINT32:
    case XINF_UINT64: return (payload_source){t->uint64_payload, t->n_uint64_payload, 0, elements};
    default: break;
    }
    if (bits == 4) elements = elements / 2 + elements % 2;
    if (bits == 2) elements = elements / 4 + (elements % 4 != 0);
    return (payload_source){t->int32_payload, t->n_int32_payload, 0, elements};
}

static size_t payload_stored(const payload_source *s)
{
    size_t stored = 0;
    for (size_t i = 0; i < s->count; i++) {
        const uint8_t *data = s->slices[i].data;
        if (s->fixed) {
            if (s->slices[i].len % s->fixed) return SIZE_MAX;
            stored += s->slices[i].len / s->fixed;
            continue;
        }
        for (size_t k = 0; k < s->slices[i].len; k++) stored += data[k] < 0x80;
        if (s->slices[i].len && data[s->slices[i].len - 1] >= 0x80) return SIZE_MAX;
    }
    return stored;
}

/* Writes the low `width` bytes of each varint. False when one is too long. */
static bool payload_varints(const payload_source *s, uint8_t *dst, size_t width)
{
    for (size_t i = 0; i < s->count; i++) {
        const uint8_t *p = s->slices[i].data, *end = p + s->slices[i].len;
        while (p < end) {
            uint64_t value;
            if (!xi_wire_varint(&value, &p, end)) return false;
            memcpy(dst, &value, width);
            dst += width;
        }
    }
    return true;
}

/* Spreads packed 4-bit or 2-bit elements to one per byte, in place or not: goes from the end.
 * Signed ones are extended. */
static void payload_unpack(uint8_t *dst, const uint8_t *packed, int64_t count, int32_t bits,
                           bool sign)
{
    int64_t per = 8 / bits;
    for (int64_t i = count - 1; i >= 0; i--) {
        int value = packed[i / per] >> (bits * (i % per)) & ((1 << bits) - 1);
        if (sign && value >> (bits - 1)) value -= 1 << bits;
        dst[i] = (uint8_t)value;
    }
}

static void payload_bools(uint8_t *dst, const uint8_t *src, size_t size)
{
    for (size_t i = 0; i < size; i++) dst[i] = src[i] != 0;
}

static bool payload_bools_clean(const uint8_t *src, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (src[i] > 1) return false;
    return true;
}

static xinf_status payload_alloc(void **out, xi_onnx_model *m, size_t size, xinf_error *err)
{
    *out = xi_arena_alloc(&m->contents, size);
    return *out ? XINF_OK : xi_fail_memory(err, size);
}

static xinf_status payload_strings(xi_onnx_payload *p, xi_onnx_model *m, const Onnx__Tensor *t,
                                   xi_str name, xinf_error *err)
{
    void *items;
    if (t->n_string_data != (size_t)p->count || t->data_location == ONNX_LOCATION_EXTERNAL)
        return payload_fail(err, p, name, "strings stored:", t->n_string_data, (size_t)p->count);
    xinf_status status = payload_alloc(&items, m, p->size, err);
    if (status) return status;
    for (size_t i = 0; i < t->n_string_data; i++)
        ((xi_str *)items)[i] = xi_str_of_bytes(t->string_data[i]);
    p->data = items;
    return XINF_OK;
}

/* Bytes as memory wants them, apart from bools and elements below a byte. */
static xinf_status payload_raw(xi_onnx_payload *p, xi_onnx_model *m, const uint8_t *raw,
                               const xi_file *file, xinf_error *err)
{
    int32_t bits = xi_dtype_bits(p->dtype);
    void *copy;
    if (bits >= 8 && (p->dtype != XINF_BOOL || payload_bools_clean(raw, p->size))) {
        p->data = raw;
        p->file = file;
        return XINF_OK;
    }
    xinf_status status = payload_alloc(&copy, m, p->size, err);
    if (status) return status;
    if (bits < 8)
        payload_unpack(copy, raw, p->count, bits, p->dtype == XINF_INT4 || p->dtype == XINF_INT2);
    else
        payload_bools(copy, raw, p->size);
    p->data = copy;
    return XINF_OK;
}

static xinf_status payload_typed(xi_onnx_payload *p, xi_onnx_model *m, const Onnx__Tensor *t,
                                 xi_str name, xinf_error *err)
{
    int32_t bits = xi_dtype_bits(p->dtype);
    payload_source s = payload_pick(t, p->dtype, (size_t)p->count);
    size_t stored = payload_stored(&s);
    uint8_t *dst;
    if (stored == SIZE_MAX)
        return xi_fail(err, XINF_MALFORMED, "tensor \"%.*s\": its data ends inside an element",
                       XI_STR_ARG(name));
    if (stored != s.elements)
        return payload_fail(err, p, name, "elements stored:", stored, s.elements);
    if (s.fixed && s.count == 1) {
        p->data = s.slices[0].data;
        p->file = m->file;
        return XINF_OK;
    }
    xinf_status status = payload_alloc((void **)&dst, m, p->size, err);
    if (status) return status;
    p->data = dst;
    if (s.fixed) {
        for (size_t i = 0; i < s.count; i++) {
            if (s.slices[i].len) memcpy(dst, s.slices[i].data, s.slices[i].len);
            dst += s.slices[i].len;
        }
        return XINF_OK;
    }
    if (!payload_varints(&s, dst, bits < 8 ? 1 : (size_t)bits / 8))
        return xi_fail(err, XINF_MALFORMED, "tensor \"%.*s\": an integer is too long",
                       XI_STR_ARG(name));
    if (bits < 8)
        payload_unpack(dst, dst, p->count, bits, p->dtype == XINF_INT4 || p->dtype == XINF_INT2);
    else if (p->dtype == XINF_BOOL)
        payload_bools(dst, dst, p->size);
    return XINF_OK;
}

static xinf_status payload_sizes(xi_onnx_payload *out, size_t *out_raw, const Onnx__Tensor *t,
                                 xi_str name, xinf_error *err)
{
    if (t->data_type == 27 || t->data_type == 28)
        return xi_fail(err, XINF_UNSUPPORTED, "tensor \"%.*s\": 6-bit floats are not supported",
                       XI_STR_ARG(name));
    if (!xi_dtype_known(t->data_type))
        return xi_fail(err, XINF_MALFORMED, "tensor \"%.*s\": element type %d is unknown",
                       XI_STR_ARG(name), t->data_type);
    *out = (xi_onnx_payload){.dtype = t->data_type, .rank = (int32_t)t->n_dims, .dims = t->dims};
    xinf_status status = xi_onnx_dims_count(&out->count, t->dims, t->n_dims, PAYLOAD_MAX_RANK, name,
                                            err);
    if (status) return status;
    size_t element = t->data_type == XINF_STRING ? sizeof(xi_str) : xinf_dtype_size(t->data_type);
    size_t per = 8 / (size_t)(xi_dtype_bits(t->data_type) < 8 && t->data_type != XINF_STRING
                                  ? xi_dtype_bits(t->data_type)
                                  : 8);
    if ((uint64_t)out->count > SIZE_MAX / 2 ||
        !xi_mul_size((size_t)out->count, element, &out->size))
        return xi_fail(err, XINF_MALFORMED, "tensor \"%.*s\": it is larger than memory can be",
                       XI_STR_ARG(name));
    *out_raw = per == 1 ? out->size : ((size_t)out->count + per - 1) / per;
    return XINF_OK;
}

xinf_status xi_onnx_payload_load(xi_onnx_payload *out, xi_onnx_model *model, const Onnx__Tensor *t,
                                 xinf_error *err)
{
    static const uint8_t nothing[8];
    xi_str name = xi_str_of_bytes(t->name);
    const uint8_t *raw = t->raw_payload.data;
    const xi_file *file = model->file;
    size_t want = 0;
    xinf_status status = payload_sizes(out, &want, t, name, err);
    if (status) return status;
    if (out->dtype == XINF_STRING) return payload_strings(out, model, t, name, err);
    if (out->count == 0) {
        out->data = nothing;
        return XINF_OK;
    }
    if (t->data_location == ONNX_LOCATION_EXTERNAL) {
        status = payload_external(&raw, &file, model, t, want, name, err);
        return status ? status : payload_raw(out, model, raw, file, err);
    }
    if (!t->has_raw_payload) return payload_typed(out, model, t, name, err);
    if (t->raw_payload.len != want)
        return payload_fail(err, out, name, "bytes of raw data:", t->raw_payload.len, want);
    return payload_raw(out, model, raw, file, err);
}
