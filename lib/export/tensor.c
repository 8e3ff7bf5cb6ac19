#include "base/allocator.h"
#include "base/checked.h"
#include "export/exporter.h"

enum { TENSOR_EXTERNAL_FROM = 1024, TENSOR_EXTERNAL_ALIGN = 4096 };

/* Elements below a byte lie one per byte here and packed in files, first element lowest. */
static xinf_status export_packed(const void **out, size_t *out_size, xi_exporter *x,
                                 const xi_literal *l, int32_t bits)
{
    size_t per = 8 / (size_t)bits, size = ((size_t)l->count + per - 1) / per;
    const uint8_t *src = l->data;
    uint8_t *dst = xi_arena_alloc(&x->arena, size);
    if (!dst) return xi_export_no_memory(x);
    for (size_t i = 0; i < (size_t)l->count; i++)
        dst[i / per] |= (uint8_t)((src[i] & ((1u << bits) - 1)) << ((size_t)bits * (i % per)));
    *out = dst;
    *out_size = size;
    return XINF_OK;
}

static bool export_beside_piece(xi_exporter *x, const void *data, size_t size)
{
    if (size == 0) return true;
    if (!xi_grow(&x->arena.alloc, (void **)&x->pieces, &x->piece_capacity, x->piece_count + 1,
                 sizeof *x->pieces))
        return false;
    x->pieces[x->piece_count++] = (xi_file_piece){data, size};
    x->data_size += size;
    return true;
}

static void export_pair(xi_exporter *x, uint32_t field, const char *key, xi_str value)
{
    uint64_t mark = x->file.total;
    xi_writer_bytes(&x->file, 2, value);
    xi_writer_text(&x->file, 1, key);
    xi_writer_close(&x->file, field, mark);
}

static void export_pair_number(xi_exporter *x, uint32_t field, const char *key, uint64_t value)
{
    char text[24];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    export_pair(x, field, key, (xi_str){text + at, sizeof text - at});
}

static xinf_status export_beside(xi_exporter *x, const void *data, size_t size)
{
    static const uint8_t zeros[TENSOR_EXTERNAL_ALIGN];
    size_t rest = (size_t)(x->data_size % TENSOR_EXTERNAL_ALIGN);
    bool fits = rest == 0 || export_beside_piece(x, zeros, TENSOR_EXTERNAL_ALIGN - rest);
    uint64_t offset = x->data_size;
    if (!fits || !export_beside_piece(x, data, size)) return xi_export_no_memory(x);
    xi_writer_int(&x->file, 14, 1);
    export_pair_number(x, 13, "length", size);
    export_pair_number(x, 13, "offset", offset);
    export_pair(x, 13, "location", x->data_name);
    return XINF_OK;
}

static xinf_status export_contents(xi_exporter *x, const xi_literal *l, bool may_leave)
{
    const void *data = l->data;
    size_t size = l->size;
    if (l->dtype == XINF_STRING) {
        const xi_str *strings = l->data;
        for (int64_t i = l->count - 1; i >= 0; i--) xi_writer_bytes(&x->file, 6, strings[i]);
        return XINF_OK;
    }
    int32_t bits = xi_dtype_bits(l->dtype);
    xinf_status status = bits < 8 ? export_packed(&data, &size, x, l, bits) : XINF_OK;
    if (status) return status;
    if (x->external && may_leave && size >= TENSOR_EXTERNAL_FROM)
        return export_beside(x, data, size);
    xi_writer_payload(&x->file, 9, data, size);
    return XINF_OK;
}

xinf_status xi_export_tensor(xi_exporter *x, uint32_t field, const xi_literal *l, xi_str name,
                             bool may_leave)
{
    uint64_t mark = x->file.total;
    xinf_status status = export_contents(x, l, may_leave);
    if (status) return status;
    xi_export_version_dtype(x, l->dtype);
    if (name.len) xi_writer_bytes(&x->file, 8, name);
    xi_writer_int(&x->file, 2, l->dtype);
    for (int32_t i = l->shape.rank - 1; i >= 0; i--) xi_writer_int(&x->file, 1, l->shape.dim[i]);
    xi_writer_close(&x->file, field, mark);
    return XINF_OK;
}
