/* string.c — hash, UTF-8 and growing text. */
#include "base/string.h"

#include <stdio.h>

#include "base/allocator.h"
#include "base/checked.h"

uint64_t xi_str_hash(xi_str s)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.len; i++) {
        h ^= (unsigned char)s.ptr[i];
        h *= UINT64_C(1099511628211);
    }
    return h;
}

size_t xi_str_utf8(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;
    uint32_t code;
    size_t n;
    if (len == 0) return 0;
    if (u[0] < 0x80) return 1;
    if (u[0] < 0xc2 || u[0] > 0xf4) return 0;
    n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (len < n) return 0;
    code = u[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (u[i] & 0x3f);
    }
    if (n == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) return 0;
    if (n == 4 && (code < 0x10000 || code > 0x10ffff)) return 0;
    return n;
}

void xi_text_init(xi_text *t, const xinf_allocator *alloc)
{
    memset(t, 0, sizeof *t);
    t->alloc = alloc ? *alloc : xi_allocator_default();
}

void xi_text_free(xi_text *t)
{
    xi_free(&t->alloc, t->ptr, t->capacity);
    t->ptr = NULL;
    t->len = t->capacity = 0;
    t->failed = false;
}

/* Makes room for `more` bytes and the final NUL. */
static bool text_reserve(xi_text *t, size_t more)
{
    size_t want;
    void *grown = t->ptr;
    if (t->failed) return false;
    if (!xi_add_size(t->len, more, &want) || !xi_add_size(want, 1, &want) ||
        !xi_grow(&t->alloc, &grown, &t->capacity, want, 1)) {
        t->failed = true;
        return false;
    }
    t->ptr = grown;
    return true;
}

void xi_text_add(xi_text *t, const char *s, size_t len)
{
    if (!text_reserve(t, len)) return;
    if (len) memcpy(t->ptr + t->len, s, len);
    t->len += len;
    t->ptr[t->len] = 0;
}

void xi_text_addf(xi_text *t, const char *fmt, ...)
{
    va_list args;
    int n;
    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) t->failed = true;
    if (n < 0 || !text_reserve(t, (size_t)n)) return;
    va_start(args, fmt);
    vsnprintf(t->ptr + t->len, (size_t)n + 1, fmt, args);
    va_end(args);
    t->len += (size_t)n;
}

void xi_text_add_quoted(xi_text *t, xi_str s)
{
    xi_text_add(t, "\"", 1);
    for (size_t i = 0; i < s.len && !t->failed;) {
        unsigned char c = (unsigned char)s.ptr[i];
        size_t n = xi_str_utf8(s.ptr + i, s.len - i);
        if (c == '"' || c == '\\')
            xi_text_addf(t, "\\%c", c);
        else if (c == '\n')
            xi_text_add(t, "\\n", 2);
        else if (c == '\t')
            xi_text_add(t, "\\t", 2);
        else if (n == 0 || c < 0x20 || c == 0x7f)
            xi_text_addf(t, "\\x%02x", c);
        else
            xi_text_add(t, s.ptr + i, n);
        i += n ? n : 1;
    }
    xi_text_add(t, "\"", 1);
}
