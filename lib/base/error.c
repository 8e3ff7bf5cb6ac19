/* error.c — sentences into the caller's xinf_error, never past what the caller's struct_size
 * covers. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/string.h"

/* How many bytes of message this caller's struct has; 0 when not even one. */
static size_t error_capacity(const xinf_error *err)
{
    size_t room;
    if (err->struct_size <= offsetof(xinf_error, message)) return 0;
    room = err->struct_size - offsetof(xinf_error, message);
    return room < sizeof err->message ? room : sizeof err->message;
}

/* Copies `text` into the message: whole UTF-8 characters only; control characters and broken UTF-8
 * become '?'. */
static void error_copy(xinf_error *err, const char *text)
{
    size_t capacity = error_capacity(err), left = strlen(text), used = 0;
    if (capacity == 0) return;
    while (left) {
        size_t n = xi_str_utf8(text, left);
        bool plain = n > 1 || (n == 1 && (unsigned char)*text >= 0x20 && *text != 0x7f);
        /* U+0080 to U+009F are control characters too. */
        if (n == 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0)
            plain = false;
        if (n == 0) n = 1;
        if (used + (plain ? n : 1) >= capacity) break;
        if (plain) {
            memcpy(err->message + used, text, n);
            used += n;
        } else {
            err->message[used++] = '?';
        }
        text += n;
        left -= n;
    }
    err->message[used] = 0;
}

/* Formats into a buffer of its own, because the arguments may point into err->message. Returns the
 * text's length, cut at the buffer's; a character cut in two at the end is taken away. */
static size_t error_format(char *buffer, size_t size, const char *fmt, va_list args)
{
    int n = vsnprintf(buffer, size, fmt, args);
    size_t len, tail;
    if (n < 0) {
        buffer[0] = 0;
        return 0;
    }
    if ((size_t)n < size) return (size_t)n;
    len = size - 1;
    for (tail = 1; tail <= 3 && tail <= len; tail++) {
        unsigned char c = (unsigned char)buffer[len - tail];
        if (c < 0x80) break;
        if (c >= 0xc0) {
            if (xi_str_utf8(buffer + len - tail, tail) != tail) len -= tail;
            break;
        }
    }
    buffer[len] = 0;
    return len;
}

xinf_status xi_fail_v(xinf_error *err, xinf_status status, const char *fmt, va_list args)
{
    char text[sizeof err->message];
    if (!err) return status;
    if (err->struct_size < offsetof(xinf_error, message)) return status;
    err->status = status;
    if (error_capacity(err) == 0) return status;
    error_format(text, sizeof text, fmt, args);
    error_copy(err, text);
    return status;
}

xinf_status xi_fail(xinf_error *err, xinf_status status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    xi_fail_v(err, status, fmt, args);
    va_end(args);
    return status;
}

xinf_status xi_fail_memory(xinf_error *err, size_t size)
{
    return xi_fail(err, XINF_OUT_OF_MEMORY, "out of memory: %llu bytes could not be allocated",
                   (unsigned long long)size);
}

void xi_error_prefix(xinf_error *err, const char *fmt, ...)
{
    char text[sizeof err->message * 2];
    size_t len, old;
    va_list args;
    if (!err || error_capacity(err) == 0) return;
    va_start(args, fmt);
    len = error_format(text, sizeof err->message, fmt, args);
    va_end(args);
    old = strnlen(err->message, error_capacity(err) - 1);
    memcpy(text + len, err->message, old);
    text[len + old] = 0;
    error_copy(err, text);
}
