#include "load/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"

enum { JSON_NUMBER_MAX = 64 };

typedef struct json_reader {
    const char *start, *at, *end;
    const char *what;
    xi_arena *arena;
    xinf_error *err;
} json_reader;

static xinf_status json_fail(const json_reader *r, const char *why)
{
    return xi_fail(r->err, XINF_MALFORMED, "%s, byte %zu: %s", r->what, (size_t)(r->at - r->start),
                   why);
}

static void json_space(json_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

static bool json_word(json_reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0) return false;
    r->at += len;
    return true;
}

/* ---- strings ---- */

static bool json_hex(json_reader *r, uint32_t *out)
{
    *out = 0;
    if (r->end - r->at < 4) return false;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = *r->at;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

static char *json_put_utf8(char *p, uint32_t c)
{
    if (c < 0x80) {
        *p++ = (char)c;
    } else if (c < 0x800) {
        *p++ = (char)(0xc0 | c >> 6);
        *p++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *p++ = (char)(0xe0 | c >> 12);
        *p++ = (char)(0x80 | (c >> 6 & 63));
        *p++ = (char)(0x80 | (c & 63));
    } else {
        *p++ = (char)(0xf0 | c >> 18);
        *p++ = (char)(0x80 | (c >> 12 & 63));
        *p++ = (char)(0x80 | (c >> 6 & 63));
        *p++ = (char)(0x80 | (c & 63));
    }
    return p;
}

/* After a backslash. A pair of surrogates is one character; a lone one becomes U+FFFD. */
static bool json_escape(json_reader *r, char **out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint32_t c, low;
    char kind = *r->at++;
    const char *found = kind ? strchr(names, kind) : NULL;
    if (found) {
        *(*out)++ = values[found - names];
        return true;
    }
    if (kind != 'u' || !json_hex(r, &c)) return false;
    if (c >= 0xd800 && c < 0xdc00 && json_word(r, "\\u")) {
        if (!json_hex(r, &low)) return false;
        c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00)
                                          : 0xfffd;
    }
    *out = json_put_utf8(*out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
    return true;
}

static xinf_status json_string(xi_str *out, json_reader *r)
{
    const char *begin = ++r->at;
    bool escaped = false;
    for (; r->at < r->end && *r->at != '"'; r->at++) {
        if (*r->at == '\\') {
            escaped = true;
            if (++r->at == r->end) break;
        }
    }
    if (r->at >= r->end) return json_fail(r, "a string without its end");
    const char *close = r->at;
    *out = (xi_str){begin, (size_t)(close - begin)};
    r->at = close + 1;
    if (!escaped) return XINF_OK;
    /* No escape is shorter than what it stands for. */
    char *copy = xi_arena_alloc(r->arena, out->len), *p = copy;
    if (!copy) return xi_fail_memory(r->err, out->len);
    for (r->at = begin; r->at < close;) {
        if (*r->at != '\\') {
            *p++ = *r->at++;
            continue;
        }
        r->at++;
        if (!json_escape(r, &p)) return json_fail(r, "an escape that stands for nothing");
    }
    *out = (xi_str){copy, (size_t)(p - copy)};
    r->at = close + 1;
    return XINF_OK;
}

/* ---- numbers ---- */

static bool json_integer(const char *text, size_t len, int64_t *out)
{
    bool negative = len && text[0] == '-';
    *out = 0;
    if (len == negative) return false;
    for (size_t i = negative; i < len; i++) {
        int digit = text[i] - '0';
        if (digit < 0 || digit > 9 || !xi_mul_i64(*out, 10, out) ||
            !xi_add_i64(*out, negative ? -digit : digit, out))
            return false;
    }
    return true;
}

static xinf_status json_number(xi_json *v, json_reader *r)
{
    char text[JSON_NUMBER_MAX + 1], point[8], *stop;
    size_t len = 0;
    const char *begin = r->at;
    while (r->at < r->end && *r->at && strchr("+-0123456789.eE", *r->at)) r->at++;
    len = (size_t)(r->at - begin);
    if (len == 0 || len > JSON_NUMBER_MAX) return json_fail(r, "neither a value nor a number");
    if (json_integer(begin, len, &v->i)) {
        v->kind = XI_JSON_INT;
        return XINF_OK;
    }
    snprintf(point, sizeof point, "%.1f", 0.5); /* strtod wants the locale's point */
    for (size_t i = 0; i < len; i++) text[i] = begin[i] == '.' ? point[1] : begin[i];
    text[len] = 0;
    v->kind = XI_JSON_DOUBLE;
    v->d = strtod(text, &stop);
    return stop == text + len ? XINF_OK : json_fail(r, "a number that is none");
}

static xinf_status json_scalar(xi_json *v, json_reader *r)
{
    if (r->at == r->end) return json_fail(r, "the text ends early");
    if (*r->at == '"') {
        v->kind = XI_JSON_STRING;
        return json_string(&v->s, r);
    }
    if (json_word(r, "null")) return XINF_OK;
    v->kind = XI_JSON_BOOL;
    v->b = true;
    if (json_word(r, "true")) return XINF_OK;
    v->b = false;
    if (json_word(r, "false")) return XINF_OK;
    v->kind = XI_JSON_DOUBLE;
    v->d = NAN;
    if (json_word(r, "NaN")) return XINF_OK;
    v->d = INFINITY;
    if (json_word(r, "Infinity")) return XINF_OK;
    v->d = -INFINITY;
    if (json_word(r, "-Infinity")) return XINF_OK;
    return json_number(v, r);
}

/* ---- the tree ---- */

typedef struct json_open {
    xi_json *value, **link; /* where the next item goes */
} json_open;

/* Reads `"key":` of a member. */
static xinf_status json_key(xi_str *out, json_reader *r)
{
    json_space(r);
    if (r->at == r->end || *r->at != '"') return json_fail(r, "a member without a name");
    xinf_status status = json_string(out, r);
    if (status != XINF_OK) return status;
    json_space(r);
    return json_word(r, ":") ? XINF_OK : json_fail(r, "a member without a value");
}

/* After a value: closes what ends here, so that the next value can be read. True when the outermost
 * is closed. */
static xinf_status json_close(json_reader *r, json_open *open, size_t *depth, bool *done)
{
    *done = false;
    while (*depth) {
        bool array = open[*depth - 1].value->kind == XI_JSON_ARRAY;
        json_space(r);
        if (json_word(r, ",")) return XINF_OK;
        if (!json_word(r, array ? "]" : "}"))
            return json_fail(r, array ? "an array that goes on without a comma"
                                      : "an object that goes on without a comma");
        --*depth;
    }
    *done = true;
    return XINF_OK;
}

/* Reads one value. *opened: it is an array or object with something in it. */
static xinf_status json_value(xi_json *v, json_reader *r, bool *opened)
{
    *opened = false;
    json_space(r);
    if (r->at == r->end || (*r->at != '[' && *r->at != '{')) return json_scalar(v, r);
    v->kind = *r->at++ == '[' ? XI_JSON_ARRAY : XI_JSON_OBJECT;
    json_space(r);
    *opened = !json_word(r, v->kind == XI_JSON_ARRAY ? "]" : "}");
    return XINF_OK;
}

static xinf_status json_tree(xi_json **out, json_reader *r)
{
    json_open open[XI_JSON_DEPTH];
    size_t depth = 0;
    bool opened, done = false;
    xinf_status status = XINF_OK;
    while (!done) {
        xi_json *v = xi_arena_alloc(r->arena, sizeof *v);
        if (!v) return xi_fail_memory(r->err, sizeof *v);
        if (depth) {
            json_open *o = &open[depth - 1];
            *o->link = v;
            o->link = &v->next;
            o->value->count++;
            if (o->value->kind == XI_JSON_OBJECT && (status = json_key(&v->key, r)) != XINF_OK)
                return status;
        } else {
            *out = v;
        }
        status = json_value(v, r, &opened);
        if (status != XINF_OK) return status;
        if (opened) {
            if (depth == XI_JSON_DEPTH) return json_fail(r, "values nested too deep");
            open[depth++] = (json_open){v, &v->first};
            continue;
        }
        status = json_close(r, open, &depth, &done);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

xinf_status xi_json_read(const xi_json **out, xi_arena *arena, xi_str text, const char *what,
                         xinf_error *err)
{
    json_reader r = {.start = text.ptr ? text.ptr : "", .what = what, .arena = arena, .err = err};
    xi_json *root = NULL;
    *out = NULL;
    r.at = r.start;
    r.end = r.start + text.len;
    xinf_status status = json_tree(&root, &r);
    if (status != XINF_OK) return status;
    json_space(&r);
    if (r.at != r.end) return json_fail(&r, "text after the value");
    *out = root;
    return XINF_OK;
}

const xi_json *xi_json_get(const xi_json *v, const char *key)
{
    if (!v || v->kind != XI_JSON_OBJECT) return NULL;
    for (const xi_json *m = v->first; m; m = m->next)
        if (xi_str_is(m->key, key)) return m;
    return NULL;
}

const xi_json *xi_json_get_kind(const xi_json *v, const char *key, xi_json_kind kind)
{
    const xi_json *m = xi_json_get(v, key);
    return m && m->kind == kind ? m : NULL;
}

xi_str xi_json_text(const xi_json *v, const char *key)
{
    const xi_json *m = xi_json_get_kind(v, key, XI_JSON_STRING);
    return m ? m->s : (xi_str){NULL, 0};
}

int64_t xi_json_int(const xi_json *v, const char *key, int64_t fallback)
{
    const xi_json *m = xi_json_get_kind(v, key, XI_JSON_INT);
    return m ? m->i : fallback;
}
