/* content.c — the elements of a constant as text. */
#include "graph/content.h"

#include <inttypes.h>

#include "base/allocator.h"

enum { CONTENT_LIMIT = 1 << 28 }; /* bytes of a constant that is made up */

/* ---- printing ---- */

static bool content_complex(xinf_dtype d)
{
    return d == XINF_COMPLEX64 || d == XINF_COMPLEX128;
}

/* Eight bytes a step; the same on every machine. */
static uint64_t content_hash(const void *data, size_t size, uint64_t h)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t v = 0;
        memcpy(&v, p + i, size - i < 8 ? size - i : 8);
        h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h;
}

static uint64_t content_hash_literal(const xi_literal *l)
{
    uint64_t h = (uint64_t)l->dtype;
    if (l->dtype != XINF_STRING) return content_hash(l->data, l->size, h);
    for (int64_t i = 0; i < l->count; i++) {
        xi_str s;
        memcpy(&s, (const char *)l->data + (size_t)i * sizeof s, sizeof s);
        h = content_hash(s.ptr, s.len, h + s.len);
    }
    return h;
}

static void content_print_item(const void *item, xinf_dtype d, xi_text *text)
{
    xi_str s;
    if (d == XINF_STRING) {
        memcpy(&s, item, sizeof s);
        xi_text_add_quoted(text, s);
    } else if (d == XINF_UINT64) {
        xi_text_addf(text, "%" PRIu64, (uint64_t)xi_dtype_load_i64(item, d, 0));
    } else if (xi_dtype_is_float(d)) {
        xi_text_add_float(text, xi_dtype_load_f64(item, d, 0), d == XINF_FLOAT64 ? 17 : 9);
    } else {
        xi_text_addf(text, "%" PRId64, xi_dtype_load_i64(item, d, 0));
    }
}

void xi_content_print(const xi_literal *l, xi_text *text)
{
    uint64_t item[2]; /* literals may be unaligned */
    bool pairs = content_complex(l->dtype);
    xinf_dtype d = l->dtype == XINF_COMPLEX64    ? XINF_FLOAT32
                   : l->dtype == XINF_COMPLEX128 ? XINF_FLOAT64
                                                 : l->dtype;
    size_t size = d == XINF_STRING ? sizeof(xi_str) : xinf_dtype_size(d);
    if (l->count > XI_CONTENT_INLINE) {
        xi_text_addf(text, "hash(\"%016" PRIx64 "\")", content_hash_literal(l));
        return;
    }
    xi_text_addf(text, "[");
    for (int64_t i = 0; i < l->count * (pairs ? 2 : 1); i++) {
        memcpy(item, (const char *)l->data + (size_t)i * size, size);
        if (i) xi_text_addf(text, ", ");
        content_print_item(item, d, text);
    }
    xi_text_addf(text, "]");
}

/* ---- parsing ---- */

static uint64_t content_mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* The token's number as element i; goes on to the next token. */
static xinf_status content_parse_item(xi_lexer *l, void *data, xinf_dtype d, int64_t i)
{
    if (d == XINF_STRING) {
        if (l->token != XI_TOKEN_STRING) return xi_lexer_fail(l, "a string is missing");
        ((xi_str *)data)[i] = l->text;
    } else if (l->token == XI_TOKEN_INT && !xi_dtype_is_float(d)) {
        xi_dtype_store_i64(data, d, i, l->number);
    } else if ((l->token == XI_TOKEN_INT || l->token == XI_TOKEN_FLOAT) && xi_dtype_is_float(d)) {
        xi_dtype_store_f64(data, d, i, l->real);
    } else {
        return xi_lexer_fail(l, "a number of type %s is missing", xi_dtype_short(d));
    }
    return xi_lexer_next(l);
}

static xinf_status content_parse_list(xi_lexer *l, void *data, xinf_dtype d, int64_t count)
{
    xinf_status status;
    XI_TRY(xi_lexer_take(l, '['));
    for (int64_t i = 0; i < count; i++) {
        if (i) XI_TRY(xi_lexer_take(l, ','));
        XI_TRY(content_parse_item(l, data, d, i));
    }
    XI_TRY(xi_lexer_take(l, ']'));
cleanup:
    return status;
}

/* Floats in -0.5 … 0.5, signed integers in -8 … 7, unsigned ones in 0 … 15, the narrowest their low
 * bits. */
static void content_random(void *data, xinf_dtype d, int64_t count, int64_t seed)
{
    for (int64_t i = 0; i < count; i++) {
        uint64_t r = content_mix((uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)i + 1);
        if (xi_dtype_is_float(d))
            xi_dtype_store_f64(data, d, i, (double)(r >> 40) / 16777216.0 - 0.5);
        else if (d == XINF_BOOL)
            xi_dtype_store_i64(data, d, i, (int64_t)(r >> 63));
        else
            xi_dtype_store_i64(data, d, i, (int64_t)(r >> 60) - (xi_dtype_is_unsigned(d) ? 0 : 8));
    }
}

static xinf_status content_parse_rule(xi_lexer *l, void *data, xinf_dtype d, int64_t count)
{
    xinf_status status;
    bool random = xi_lexer_is_word(l, "random"), fill = xi_lexer_is_word(l, "fill");
    if (xi_lexer_is_word(l, "hash"))
        return xi_lexer_fail(
            l, "the elements of a constant are not in the text: give a list, fill or random");
    if ((!random && !fill) || d == XINF_STRING)
        return xi_lexer_fail(l, "the elements of a constant are missing");
    XI_TRY(xi_lexer_next(l));
    XI_TRY(xi_lexer_take(l, '('));
    if (random) {
        if (l->token != XI_TOKEN_INT) return xi_lexer_fail(l, "random needs a seed");
        content_random(data, d, count, l->number);
        XI_TRY(xi_lexer_next(l));
    } else {
        uint64_t first = 0;
        size_t size = xinf_dtype_size(d);
        XI_TRY(content_parse_item(l, &first, d, 0));
        for (int64_t i = 0; i < count; i++) memcpy((char *)data + (size_t)i * size, &first, size);
    }
    XI_TRY(xi_lexer_take(l, ')'));
cleanup:
    return status;
}

xinf_status xi_content_parse(xi_literal **out, xi_lexer *l, xi_graph *g, xinf_dtype dtype,
                             const xi_shape *shape)
{
    size_t size;
    *out = NULL;
    if (!xi_dtype_known(dtype) || !xi_shape_known(shape))
        return xi_lexer_fail(l, "a constant needs a type whose sizes are known");
    if (xi_tensor_bytes(dtype, shape, &size, NULL) != XINF_OK || size > CONTENT_LIMIT)
        return xi_lexer_fail(l, "a constant is too large");
    xi_literal *made = xi_arena_alloc(g->arena, sizeof *made);
    char *data = xi_arena_alloc(g->arena, size + XI_ALIGN);
    if (!made || !data) return xi_fail_memory(l->err, size);
    data = (char *)(((uintptr_t)data + XI_ALIGN - 1) & ~(uintptr_t)(XI_ALIGN - 1));
    *made = (xi_literal){.dtype = dtype, .shape = *shape, .data = data, .size = size};
    xi_shape_count(shape, &made->count);
    bool pairs = content_complex(dtype);
    xinf_dtype d = dtype == XINF_COMPLEX64    ? XINF_FLOAT32
                   : dtype == XINF_COMPLEX128 ? XINF_FLOAT64
                                              : dtype;
    int64_t count = made->count * (pairs ? 2 : 1);
    xinf_status status = xi_lexer_is(l, '[') ? content_parse_list(l, data, d, count)
                                             : content_parse_rule(l, data, d, count);
    if (status == XINF_OK) *out = made;
    return status;
}
