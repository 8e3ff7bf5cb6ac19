/* string.h — views of bytes that somebody else owns, and a growing buffer of text. */
#ifndef XI_BASE_STRING_H
#define XI_BASE_STRING_H

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "xinf.h"

/* Not NUL-terminated; may hold any byte. {NULL, 0} is the empty string. */
typedef struct xi_str {
    const char *ptr;
    size_t len;
} xi_str;

#define XI_STR(literal) ((xi_str){(literal), sizeof(literal) - 1})
/* For "%.*s"; long names are cut so that a message keeps its end. */
#define XI_STR_ARG(s) (int)((s).len > 120 ? 120 : (s).len), ((s).ptr ? (s).ptr : "")

static inline xi_str xi_str_of(const char *z)
{
    return (xi_str){z, z ? strlen(z) : 0};
}
static inline bool xi_str_eq(xi_str a, xi_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline bool xi_str_is(xi_str a, const char *z)
{
    return xi_str_eq(a, xi_str_of(z));
}
/* FNV-1a, for tables of names. */
uint64_t xi_str_hash(xi_str s);
/* Bytes of the UTF-8 character that `s` begins with, 1 to 4; 0 when there is none or it is broken
 * (overlong, surrogate). */
size_t xi_str_utf8(const char *s, size_t len);

/* A growing text buffer. `failed` stays set after the first failed growth, so callers check once at
 * the end. */
typedef struct xi_text {
    xinf_allocator alloc;
    char *ptr; /* NUL-terminated when not NULL */
    size_t len, capacity;
    bool failed;
} xi_text;

void xi_text_init(xi_text *t, const xinf_allocator *alloc);
void xi_text_free(xi_text *t);
void xi_text_add(xi_text *t, const char *s, size_t len);
void xi_text_addf(xi_text *t, const char *fmt, ...) XI_PRINTF(2, 3);
/* Adds s between quotes, with \" \\ \n \t and \xNN escapes; \xNN for control bytes and for bytes
 * that are not UTF-8. */
void xi_text_add_quoted(xi_text *t, xi_str s);

#endif
