/* lexer.c — tokens of a graph's text form. */
#include "graph/lexer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    xinf_dtype dtype;
} lexer_dtypes[] = {
    {"f32", XINF_FLOAT32},
    {"f64", XINF_FLOAT64},
    {"f16", XINF_FLOAT16},
    {"bf16", XINF_BFLOAT16},
    {"i8", XINF_INT8},
    {"i16", XINF_INT16},
    {"i32", XINF_INT32},
    {"i64", XINF_INT64},
    {"u8", XINF_UINT8},
    {"u16", XINF_UINT16},
    {"u32", XINF_UINT32},
    {"u64", XINF_UINT64},
    {"bool", XINF_BOOL},
    {"string", XINF_STRING},
    {"c64", XINF_COMPLEX64},
    {"c128", XINF_COMPLEX128},
    {"f8e4m3fn", XINF_FLOAT8E4M3FN},
    {"f8e4m3fnuz", XINF_FLOAT8E4M3FNUZ},
    {"f8e5m2", XINF_FLOAT8E5M2},
    {"f8e5m2fnuz", XINF_FLOAT8E5M2FNUZ},
    {"f8e8m0", XINF_FLOAT8E8M0},
    {"f4e2m1", XINF_FLOAT4E2M1},
    {"i4", XINF_INT4},
    {"u4", XINF_UINT4},
    {"i2", XINF_INT2},
    {"u2", XINF_UINT2},
};

const char *xi_dtype_short(xinf_dtype d)
{
    for (size_t i = 0; i < sizeof lexer_dtypes / sizeof *lexer_dtypes; i++)
        if (lexer_dtypes[i].dtype == d) return lexer_dtypes[i].name;
    return "?";
}

bool xi_dtype_from_short(xi_str name, xinf_dtype *out)
{
    for (size_t i = 0; i < sizeof lexer_dtypes / sizeof *lexer_dtypes; i++) {
        if (!xi_str_is(name, lexer_dtypes[i].name)) continue;
        *out = lexer_dtypes[i].dtype;
        return true;
    }
    return false;
}

static bool lexer_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool lexer_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool xi_lexer_plain(xi_str s)
{
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!lexer_letter(s.ptr[i]) && !lexer_digit(s.ptr[i]) && s.ptr[i] != '.') return false;
    return true;
}

bool xi_lexer_plain_word(xi_str s)
{
    return xi_lexer_plain(s) && lexer_letter(s.ptr[0]) && !xi_str_is(s, "_") &&
           !xi_str_is(s, "inf") && !xi_str_is(s, "nan");
}

void xi_text_add_float(xi_text *t, double v, int32_t digits)
{
    char buf[40];
    if (isnan(v) || isinf(v)) {
        xi_text_addf(t, "%s", isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
        return;
    }
    int n = 0;
    bool whole = true, same = false;
    for (int32_t d = digits - 3; d <= digits && !same;
         d++) { /* the shortest that is the same number */
        n = snprintf(buf, sizeof buf, "%.*g", (int)d, v);
        same = digits > 9 ? strtod(buf, NULL) == v : strtof(buf, NULL) == (float)v;
    }
    for (int i = 0; i < n; i++) {
        if (lexer_digit(buf[i]) || buf[i] == '-' || buf[i] == '+') continue;
        whole = false;
        if (buf[i] != 'e') buf[i] = '.'; /* whatever point the locale has */
    }
    xi_text_addf(t, "%s%s", buf, whole ? ".0" : "");
}

xinf_status xi_lexer_fail(const xi_lexer *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    xi_fail_v(l->err, XINF_MALFORMED, fmt, args);
    va_end(args);
    xi_error_prefix(l->err, "line %d: ", (int)l->line);
    return XINF_MALFORMED;
}

static int lexer_hex(char c)
{
    return lexer_digit(c)         ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* at stands behind the opening quote. */
static xinf_status lexer_string(xi_lexer *l)
{
    const char *close = l->at;
    while (close < l->end && *close != '"' && *close != '\n')
        close += *close == '\\' && close + 1 < l->end ? 2 : 1;
    if (close >= l->end || *close != '"') return xi_lexer_fail(l, "a string has no end");
    char *out = xi_arena_alloc(l->arena, (size_t)(close - l->at) + 1);
    if (!out) return xi_fail_memory(l->err, (size_t)(close - l->at));
    l->text = (xi_str){out, 0};
    while (l->at < close) {
        char c = *l->at++;
        if (c == '\\') {
            char e = *l->at++;
            if (e == 'x' && close - l->at >= 2 && lexer_hex(l->at[0]) >= 0 &&
                lexer_hex(l->at[1]) >= 0) {
                c = (char)(unsigned char)(lexer_hex(l->at[0]) * 16 + lexer_hex(l->at[1]));
                l->at += 2;
            } else if (e == 'n' || e == 't' || e == '"' || e == '\\') {
                c = e == 'n' ? '\n' : e == 't' ? '\t' : e;
            } else {
                return xi_lexer_fail(l, "a string has an escape that is not known");
            }
        }
        out[l->text.len++] = c;
    }
    l->at = close + 1;
    return XINF_OK;
}

static xinf_status lexer_word(xi_lexer *l, bool any_start)
{
    const char *start = l->at;
    while (l->at < l->end && (lexer_letter(*l->at) || lexer_digit(*l->at) || *l->at == '.'))
        l->at++;
    size_t len = (size_t)(l->at - start);
    if (len == 0 || (!any_start && !lexer_letter(*start)))
        return xi_lexer_fail(l, "a name is missing");
    char *copy = xi_arena_strndup(l->arena, start, len);
    if (!copy) return xi_fail_memory(l->err, len);
    l->text = (xi_str){copy, len};
    return XINF_OK;
}

static bool lexer_special(xi_str s, double *out)
{
    bool minus = s.len > 0 && s.ptr[0] == '-';
    if (minus) s = (xi_str){s.ptr + 1, s.len - 1};
    if (!xi_str_is(s, "inf") && !xi_str_is(s, "nan")) return false;
    *out = xi_str_is(s, "nan") ? NAN : minus ? -INFINITY : INFINITY;
    return true;
}

static xinf_status lexer_number(xi_lexer *l)
{
    char buf[80], point[8], *stop = NULL;
    const char *start = l->at;
    size_t len = 0;
    bool real = false;
    while (l->at < l->end &&
           (lexer_letter(*l->at) || lexer_digit(*l->at) || *l->at == '.' ||
            ((*l->at == '-' || *l->at == '+') && (l->at == start || l->at[-1] == 'e'))))
        l->at++;
    xi_str s = {start, (size_t)(l->at - start)};
    if (lexer_special(s, &l->real)) {
        l->token = XI_TOKEN_FLOAT;
        return XINF_OK;
    }
    if (s.len >= sizeof buf) return xi_lexer_fail(l, "a number is too long");
    snprintf(point, sizeof point, "%.1f", 0.5); /* strtod wants the locale's point */
    for (size_t i = 0; i < s.len; i++) {
        if (lexer_letter(s.ptr[i]) && s.ptr[i] != 'e')
            return xi_lexer_fail(l, "\"%.*s\" is not a number", XI_STR_ARG(s));
        real = real || s.ptr[i] == '.' || s.ptr[i] == 'e';
        buf[len++] = s.ptr[i] == '.' ? point[1] : s.ptr[i];
    }
    buf[len] = 0;
    l->real = strtod(buf, &stop);
    l->token = real ? XI_TOKEN_FLOAT : XI_TOKEN_INT;
    if (stop != buf + len) return xi_lexer_fail(l, "\"%.*s\" is not a number", XI_STR_ARG(s));
    if (real) return XINF_OK;
    if (l->real >= 18446744073709551616.0 || l->real < -9223372036854775808.0)
        return xi_lexer_fail(l, "%s does not fit 64 bits", buf);
    l->number = buf[0] == '-' ? (int64_t)strtoll(buf, NULL, 10) : (int64_t)strtoull(buf, NULL, 10);
    return XINF_OK;
}

static void lexer_skip(xi_lexer *l)
{
    bool comment = false;
    for (; l->at < l->end; l->at++) {
        char c = *l->at;
        if (c == '\n') {
            l->line++;
            comment = false;
        } else if (c == '#') {
            comment = true;
        } else if (!comment && c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

xinf_status xi_lexer_next(xi_lexer *l)
{
    lexer_skip(l);
    l->text = (xi_str){0};
    if (l->at >= l->end) {
        l->token = XI_TOKEN_END;
        return XINF_OK;
    }
    char c = *l->at, next = l->at + 1 < l->end ? l->at[1] : 0;
    if (c == '"') {
        l->at++;
        l->token = XI_TOKEN_STRING;
        return lexer_string(l);
    }
    if (c == '%') {
        l->at += next == '"' ? 2 : 1;
        l->token = XI_TOKEN_VALUE;
        return next == '"' ? lexer_string(l) : lexer_word(l, true);
    }
    if (lexer_digit(c) || (c == '-' && next != '>')) return lexer_number(l);
    if (lexer_letter(c)) {
        xinf_status status = lexer_word(l, false);
        l->token = XI_TOKEN_WORD;
        if (status == XINF_OK && lexer_special(l->text, &l->real)) l->token = XI_TOKEN_FLOAT;
        return status;
    }
    l->token = XI_TOKEN_PUNCT;
    bool arrow = (c == '-' && next == '>') || (c == '<' && next == '-');
    l->punct = arrow ? (c == '-' ? '>' : '<') : c;
    l->at += arrow ? 2 : 1;
    return XINF_OK;
}

xinf_status xi_lexer_init(xi_lexer *l, xi_str text, xi_arena *arena, xinf_error *err)
{
    *l = (xi_lexer){
        .at = text.ptr, .end = text.ptr + text.len, .arena = arena, .err = err, .line = 1};
    return xi_lexer_next(l);
}

bool xi_lexer_is(const xi_lexer *l, char punct)
{
    return l->token == XI_TOKEN_PUNCT && l->punct == punct;
}

bool xi_lexer_is_word(const xi_lexer *l, const char *word)
{
    return l->token == XI_TOKEN_WORD && xi_str_is(l->text, word);
}

xinf_status xi_lexer_take(xi_lexer *l, char punct)
{
    if (xi_lexer_is(l, punct)) return xi_lexer_next(l);
    const char *name = punct == '>' ? "->" : punct == '<' ? "<-" : (char[2]){punct, 0};
    return xi_lexer_fail(l, "\"%s\" is missing", name);
}

xinf_status xi_lexer_accept(xi_lexer *l, char punct, bool *yes)
{
    *yes = xi_lexer_is(l, punct);
    return *yes ? xi_lexer_next(l) : XINF_OK;
}
