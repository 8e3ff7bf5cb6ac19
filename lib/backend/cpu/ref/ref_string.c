/* ref_string.c — StringConcat, StringSplit, StringNormalizer. Texts are UTF-8; case changes cover
 * ASCII, Latin-1, Greek and Cyrillic. */
#include "base/allocator.h"
#include "base/checked.h"
#include "plan/kernel.h"

extern const xi_kernel xk_ref_string[];

static xinf_status ref_string_join(const xi_call *call, xi_str a, xi_str b, int64_t to,
                                   xinf_error *err)
{
    size_t size;
    if (a.len == 0 || b.len == 0) {
        xi_str s = a.len ? a : b;
        return xi_tensor_set_string(call->out[0]->tensor, to, s.ptr, s.len, err);
    }
    if (!xi_add_size(a.len, b.len, &size))
        return xi_kernel_fail(call->node, err, XINF_LIMIT, "a text is too long");
    char *both = xi_alloc(call->alloc, size);
    if (!both) return xi_fail_memory(err, size);
    memcpy(both, a.ptr, a.len);
    memcpy(both + a.len, b.ptr, b.len);
    xinf_status status = xi_tensor_set_string(call->out[0]->tensor, to, both, size, err);
    xi_free(call->alloc, both, size);
    return status;
}

static xinf_status ref_string_concat(const xi_call *call, int32_t phase, int32_t chunk,
                                     void *scratch, xinf_error *err)
{
    const xi_shape *s = &call->out[0]->shape;
    int64_t stride[2][XI_MAX_RANK], own[XI_MAX_RANK], at[XI_MAX_RANK] = {0}, from[2] = {0};
    for (int32_t k = 0; k < 2; k++) {
        const xi_shape *in = &call->in[k]->shape;
        xi_shape_strides(in, own);
        for (int32_t i = 0; i < s->rank; i++) {
            int32_t d = i - (s->rank - in->rank);
            stride[k][i] = d < 0 || in->dim[d] == 1 ? 0 : own[d];
        }
    }
    for (int64_t i = 0; i < call->out[0]->count; i++) {
        xinf_status status = ref_string_join(call, ((const xi_str *)call->in[0]->data)[from[0]],
                                             ((const xi_str *)call->in[1]->data)[from[1]], i, err);
        if (status != XINF_OK) return status;
        for (int32_t d = s->rank - 1; d >= 0; d--) {
            for (int32_t k = 0; k < 2; k++) from[k] += stride[k][d];
            if (++at[d] < s->dim[d]) break;
            for (int32_t k = 0; k < 2; k++) from[k] -= stride[k][d] * s->dim[d];
            at[d] = 0;
        }
    }
    return XINF_OK;
}

/* ---- StringSplit ---- */

static bool ref_string_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

/* The next piece of `rest`, which is moved past it; false when there is none. */
static bool ref_string_next_word(xi_str *rest, bool last, xi_str *piece)
{
    while (rest->len && ref_string_space(*rest->ptr))
        *rest = (xi_str){rest->ptr + 1, rest->len - 1};
    if (!rest->len) return false;
    size_t n = 0;
    while (n < rest->len && (last || !ref_string_space(rest->ptr[n]))) n++;
    *piece = (xi_str){rest->ptr, n};
    *rest = (xi_str){rest->ptr + n, rest->len - n};
    while (last && piece->len && ref_string_space(piece->ptr[piece->len - 1])) piece->len--;
    return true;
}

/* Pieces of a text, written to output 0 from `to` on where that is not negative. */
static int64_t ref_string_pieces(const xi_call *call, xi_str text, xi_str delimiter, int64_t most,
                                 int64_t to, xinf_status *status, xinf_error *err)
{
    int64_t n = 0;
    xi_str rest = text, piece;
    bool more = true;
    while (more && *status == XINF_OK) {
        bool last = n == most;
        if (delimiter.len == 0) {
            if (!ref_string_next_word(&rest, last, &piece)) break;
        } else {
            size_t i = 0;
            if (last) i = rest.len;
            while (i + delimiter.len <= rest.len &&
                   memcmp(rest.ptr + i, delimiter.ptr, delimiter.len))
                i++;
            more = i + delimiter.len <= rest.len;
            piece = (xi_str){rest.ptr, more ? i : rest.len};
            if (more) rest = (xi_str){rest.ptr + i + delimiter.len, rest.len - i - delimiter.len};
        }
        if (to >= 0)
            *status = xi_tensor_set_string(call->out[0]->tensor, to + n, piece.ptr, piece.len, err);
        n++;
    }
    return n;
}

static xinf_status ref_string_split(const xi_call *call, int32_t phase, int32_t chunk,
                                    void *scratch, xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_str delimiter = xi_node_string(call->node, "delimiter", "");
    int64_t most = xi_node_has(call->node, "maxsplit") ? xi_node_int(call->node, "maxsplit", 0)
                                                       : -1,
            widest = 0;
    bool counts = call->out_count > 1 && call->out[1];
    xinf_status status = XINF_OK;
    if (counts) XI_TRY(call->resize(call, 1, XINF_INT64, &src->shape, err));
    for (int64_t i = 0; i < src->count; i++) {
        int64_t n = ref_string_pieces(call, ((const xi_str *)src->data)[i], delimiter, most, -1,
                                      &status, err);
        if (counts) ((int64_t *)call->out[1]->data)[i] = n;
        widest = n > widest ? n : widest;
    }
    if (!call->out[0]) return XINF_OK;
    xi_shape s = src->shape;
    s.dim[s.rank++] = widest;
    XI_TRY(call->resize(call, 0, XINF_STRING, &s, err));
    for (int64_t i = 0; i < src->count; i++) {
        ref_string_pieces(call, ((const xi_str *)src->data)[i], delimiter, most, i * widest,
                          &status, err);
        if (status != XINF_OK) goto cleanup;
    }
cleanup:
    return status;
}

/* ---- StringNormalizer ---- */

/* Simple case pairs of two-byte letters; others stay. */
static uint32_t ref_string_case(uint32_t c, bool upper)
{
    static const struct {
        uint16_t first, last, up; /* lower-case range and how far above its upper case lies */
    } pairs[] = {{0xe0, 0xf6, 32},   {0xf8, 0xfe, 32},   {0x3b1, 0x3c1, 32},
                 {0x3c3, 0x3cb, 32}, {0x430, 0x44f, 32}, {0x450, 0x45f, 80}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (upper && c >= pairs[i].first && c <= pairs[i].last) return c - pairs[i].up;
        if (!upper && c + pairs[i].up >= pairs[i].first && c + pairs[i].up <= pairs[i].last)
            return c + pairs[i].up;
    }
    bool even_upper = (c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) ||
                      (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
                      (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f);
    bool odd_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
    if (even_upper) return upper ? c & ~1u : c | 1u;
    if (odd_upper) return upper ? c - !(c & 1) : c + (c & 1);
    return c;
}

/* dst holds as many bytes as s. */
static void ref_string_change(xi_str s, bool upper, char *dst)
{
    for (size_t i = 0; i < s.len;) {
        unsigned char c = (unsigned char)s.ptr[i];
        size_t n = xi_str_utf8(s.ptr + i, s.len - i);
        if (n == 2) {
            uint32_t v = ref_string_case(
                (uint32_t)(c & 0x1f) << 6 | ((unsigned char)s.ptr[i + 1] & 0x3f), upper);
            dst[i] = (char)(0xc0 | v >> 6);
            dst[i + 1] = (char)(0x80 | (v & 0x3f));
            i += 2;
            continue;
        }
        bool letter = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        dst[i] = (char)(letter ? c ^ 0x20 : c);
        n = n ? n : 1;
        for (size_t k = 1; k < n; k++) dst[i + k] = s.ptr[i + k];
        i += n;
    }
}

typedef struct ref_string_stop {
    const xi_str *words;
    int32_t count;
    bool exact;
    char *a, *b; /* room for the longest text */
} ref_string_stop;

static bool ref_string_stopped(const ref_string_stop *s, xi_str text)
{
    for (int32_t i = 0; i < s->count; i++) {
        xi_str word = s->words[i];
        if (word.len != text.len) continue;
        if (xi_str_eq(word, text)) return true;
        if (s->exact) continue;
        ref_string_change(word, false, s->a);
        ref_string_change(text, false, s->b);
        if (memcmp(s->a, s->b, text.len) == 0) return true;
    }
    return false;
}

static xinf_status ref_string_normal(const xi_call *call, int32_t phase, int32_t chunk,
                                     void *scratch, xinf_error *err)
{
    const xi_operand *src = call->in[0];
    const xi_str *text = src->data;
    const xi_attr *list = xi_node_attr(call->node, "stopwords");
    xi_str change = xi_node_string(call->node, "case_change_action", "NONE");
    bool upper = xi_str_is(change, "UPPER"), same = xi_str_is(change, "NONE");
    ref_string_stop stop = {.exact = xi_node_int(call->node, "is_case_sensitive", 0) != 0};
    size_t longest = 1, room;
    int64_t kept = 0;
    xinf_status status;
    if (src->shape.rank < 1 || src->shape.rank > 2 ||
        (src->shape.rank == 2 && src->shape.dim[0] != 1))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "its input must be [C] or [1,C]");
    if (list && list->type == XI_ATTR_STRINGS) {
        stop.words = list->strings;
        stop.count = list->count;
    }
    for (int64_t i = 0; i < src->count; i++)
        longest = text[i].len > longest ? text[i].len : longest;
    if (!xi_mul_size(longest, 2, &room))
        return xi_kernel_fail(call->node, err, XINF_LIMIT, "a text is too long");
    stop.a = xi_alloc(call->alloc, room);
    if (!stop.a) return xi_fail_memory(err, room);
    stop.b = stop.a + longest;
    for (int64_t i = 0; i < src->count; i++) kept += !ref_string_stopped(&stop, text[i]);
    xi_shape s = src->shape;
    s.dim[s.rank - 1] = kept ? kept : 1; /* one empty text stands for none */
    XI_TRY(call->resize(call, 0, XINF_STRING, &s, err));
    for (int64_t i = 0, to = 0; i < src->count; i++) {
        if (ref_string_stopped(&stop, text[i])) continue;
        if (!same && text[i].len) ref_string_change(text[i], upper, stop.a);
        XI_TRY(xi_tensor_set_string(call->out[0]->tensor, to++, same ? text[i].ptr : stop.a,
                                    text[i].len, err));
    }
cleanup:
    xi_free(call->alloc, stop.a, room);
    return status;
}

const xi_kernel xk_ref_string[] = {
    {.op = "StringConcat",
     .domain = "",
     .name = "xk_string_concat_ref__portable",
     .run = ref_string_concat},
    {.op = "StringSplit",
     .domain = "",
     .name = "xk_string_split_ref__portable",
     .run = ref_string_split},
    {.op = "StringNormalizer",
     .domain = "",
     .name = "xk_string_normalizer_ref__portable",
     .run = ref_string_normal},
    {0},
};
