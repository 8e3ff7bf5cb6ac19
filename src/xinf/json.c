/* json.c — see RFC 8259. */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Bytes of the UTF-8 character at s, 0 when it is none. */
static size_t json_character(const unsigned char *s, size_t size)
{
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    if (n == 0 || n > size) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90))
        return 0; /* too long a form */
    if ((s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90))
        return 0; /* surrogates, past the end */
    return n;
}

static void json_string(json *j, const char *bytes, size_t size)
{
    const unsigned char *s = (const unsigned char *)bytes;
    putc('"', j->to);
    for (size_t i = 0; i < size;) {
        size_t n = json_character(s + i, size - i);
        if (n == 0) {
            fputs("\\ufffd", j->to);
            n = 1;
        } else if (s[i] == '"' || s[i] == '\\') {
            fprintf(j->to, "\\%c", s[i]);
        } else if (s[i] == '\n') {
            fputs("\\n", j->to);
        } else if (s[i] < 0x20 || s[i] == 0x7f) {
            fprintf(j->to, "\\u%04x", s[i]);
        } else {
            fwrite(s + i, 1, n, j->to);
        }
        i += n;
    }
    putc('"', j->to);
}

static void json_begin(json *j, const char *key)
{
    if (j->used[j->depth]) fputs(", ", j->to);
    j->used[j->depth] = true;
    if (!key) return;
    json_string(j, key, strlen(key));
    fputs(": ", j->to);
}

void json_open(json *j, const char *key, char open)
{
    json_begin(j, key);
    putc(open, j->to);
    if (j->depth + 1 < JSON_DEPTH) j->depth++;
    j->used[j->depth] = false;
}

void json_close(json *j, char close)
{
    putc(close, j->to);
    if (j->depth) j->depth--;
    if (j->depth == 0) putc('\n', j->to);
}

void json_text(json *j, const char *key, const char *text)
{
    if (text)
        json_bytes(j, key, text, strlen(text));
    else
        json_null(j, key);
}

void json_bytes(json *j, const char *key, const char *bytes, size_t size)
{
    json_begin(j, key);
    json_string(j, bytes, size);
}

void json_integer(json *j, const char *key, int64_t value)
{
    json_begin(j, key);
    fprintf(j->to, "%" PRId64, value);
}

void json_number(json *j, const char *key, double value)
{
    json_begin(j, key);
    if (isfinite(value))
        fprintf(j->to, "%.6g", value);
    else
        fputs("null", j->to);
}

void json_bool(json *j, const char *key, bool value)
{
    json_begin(j, key);
    fputs(value ? "true" : "false", j->to);
}

void json_null(json *j, const char *key)
{
    json_begin(j, key);
    fputs("null", j->to);
}
