/* token.c — characters become tokens. */
#include "load/torch/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

xinf_status xi_script_lexer_fail(const xi_script_lexer *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    xi_fail_v(l->err, XINF_MALFORMED, fmt, args);
    va_end(args);
    xi_error_prefix(l->err, "%.*s:%d: ", XI_STR_ARG(l->name), (int)l->token_line);
    return XINF_MALFORMED;
}

static bool token_is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool token_is_word(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || token_is_digit(c) ||
           (c & 0x80);
}

static int token_peek(const xi_script_lexer *l, size_t ahead)
{
    return (size_t)(l->end - l->at) > ahead ? (unsigned char)l->at[ahead] : 0;
}

/* Blanks and comments; inside brackets ends of lines too. */
static void token_skip(xi_script_lexer *l)
{
    for (; l->at < l->end; l->at++) {
        char c = *l->at;
        if (c == '#') {
            while (l->at < l->end && *l->at != '\n') l->at++;
            if (l->at == l->end) return;
            c = '\n';
        }
        if (c == '\\' && token_peek(l, 1) == '\n') {
            l->at++;
            l->line++;
            continue;
        }
        if (c == '\n') {
            if (!l->brackets) return;
            l->line++;
            continue;
        }
        if (c != ' ' && c != '\t' && c != '\r' && c != '\f') return;
    }
}

/* The width of a line's indentation; lines without a statement are passed over. */
static int32_t token_indentation(xi_script_lexer *l)
{
    for (;;) {
        const char *start = l->at;
        while (l->at < l->end && (*l->at == ' ' || *l->at == '\t')) l->at++;
        size_t width = (size_t)(l->at - start);
        token_skip(l);
        if (l->at == l->end) return 0;
        if (*l->at != '\n') return width > 100000 ? 100000 : (int32_t)width;
        l->at++;
        l->line++;
    }
}

static xinf_status token_begin_line(xi_script_lexer *l)
{
    int32_t width = token_indentation(l), top = l->indents[l->indent_count - 1];
    l->line_start = false;
    l->token_line = l->line;
    if (width > top) {
        if (l->indent_count > XI_SCRIPT_MAX_BLOCKS)
            return xi_script_lexer_fail(l, "blocks nest deeper than %d", XI_SCRIPT_MAX_BLOCKS);
        l->indents[l->indent_count++] = width;
        l->token = XI_SCRIPT_TOKEN_INDENT;
        return XINF_OK;
    }
    while (width < l->indents[l->indent_count - 1]) {
        l->indent_count--;
        l->dedents++;
    }
    if (width != l->indents[l->indent_count - 1])
        return xi_script_lexer_fail(l, "the indentation fits no block");
    return XINF_OK;
}

/* strtod wants the locale's point. */
static double token_double(char *text, size_t len)
{
    char point[8], local[400];
    size_t at = 0;
    snprintf(point, sizeof point, "%.1f", 0.5);
    for (size_t i = 0; i < len && at + 8 < sizeof local; i++) {
        if (text[i] != '.') {
            local[at++] = text[i];
            continue;
        }
        for (const char *p = point + 1; *p && *p != '5'; p++) local[at++] = *p;
    }
    local[at] = 0;
    return strtod(local, NULL);
}

static xinf_status token_number(xi_script_lexer *l)
{
    char text[400];
    size_t len = 0;
    bool real = false, hex = token_peek(l, 0) == '0' && (token_peek(l, 1) | 32) == 'x';
    for (; l->at < l->end; l->at++) {
        char c = *l->at;
        bool sign = len > 0 && !hex && (text[len - 1] | 32) == 'e' && (c == '-' || c == '+');
        if (!token_is_digit(c) && c != '.' && !sign && !(hex ? token_is_word(c) : (c | 32) == 'e'))
            break;
        if (len + 2 > sizeof text)
            return xi_script_lexer_fail(l, "a number of more than %zu characters", sizeof text);
        real = real || (!hex && (c == '.' || (c | 32) == 'e'));
        text[len++] = c;
    }
    text[len] = 0;
    if (token_peek(l, 0) == 'j') {
        l->at++;
        l->token = XI_SCRIPT_TOKEN_IMAGINARY;
        l->d = token_double(text, len);
    } else if (real) {
        l->token = XI_SCRIPT_TOKEN_FLOAT;
        l->d = token_double(text, len);
    } else {
        char *stop;
        errno = 0;
        /* 9223372036854775808 stands behind the minus of the smallest one. */
        unsigned long long bits = strtoull(text, &stop, hex ? 16 : 10);
        if (errno || *stop || bits > 1ull << 63)
            return xi_script_lexer_fail(l, "the number %s fits no int", text);
        l->token = XI_SCRIPT_TOKEN_INT;
        l->i = (int64_t)bits;
    }
    if (token_is_word(token_peek(l, 0)))
        return xi_script_lexer_fail(l, "a number runs into a word");
    return XINF_OK;
}

static int token_hex(int c)
{
    if (token_is_digit(c)) return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind a backslash: the byte that is meant; −1 when there is none. */
static int token_escape(xi_script_lexer *l)
{
    static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
    int c = token_peek(l, 0), value = 0;
    const char *at = c ? strchr(from, c) : NULL;
    if (at) return l->at++, (unsigned char)to[at - from];
    if (c == 'x' && token_hex(token_peek(l, 1)) >= 0 && token_hex(token_peek(l, 2)) >= 0) {
        value = token_hex(token_peek(l, 1)) * 16 + token_hex(token_peek(l, 2));
        l->at += 3;
        return value;
    }
    int digits = 0;
    for (; digits < 3 && token_peek(l, 0) >= '0' && token_peek(l, 0) <= '7'; digits++)
        value = value * 8 + (*l->at++ - '0');
    return digits ? value & 255 : -1;
}

static xinf_status token_string(xi_script_lexer *l)
{
    char quote = *l->at;
    bool triple = token_peek(l, 1) == quote && token_peek(l, 2) == quote, escaped = false;
    l->at += triple ? 3 : 1;
    const char *start = l->at;
    for (; l->at < l->end; l->at++) {
        if (*l->at == '\\' && l->at + 1 < l->end) {
            escaped = true;
            l->at++;
        } else if (*l->at == '\n' && !triple) {
            break;
        } else if (*l->at == quote &&
                   (!triple || (token_peek(l, 1) == quote && token_peek(l, 2) == quote))) {
            break;
        }
        l->line += *l->at == '\n';
    }
    if (l->at >= l->end || *l->at != quote) return xi_script_lexer_fail(l, "a string has no end");
    const char *stop = l->at, *after = l->at + (triple ? 3 : 1);
    l->token = XI_SCRIPT_TOKEN_STRING;
    l->text = (xi_str){start, (size_t)(stop - start)};
    if (escaped) {
        char *copy = xi_arena_strndup(l->arena, start, l->text.len);
        size_t len = 0;
        if (!copy) return xi_fail_memory(l->err, l->text.len);
        for (l->at = start; l->at < stop;) {
            if (*l->at != '\\') {
                copy[len++] = *l->at++;
                continue;
            }
            l->at++;
            int c = *l->at == '\n' ? (l->at++, -2) : token_escape(l);
            if (c == -1)
                copy[len++] = '\\'; /* Python keeps what it does not know */
            else if (c >= 0)
                copy[len++] = (char)c;
        }
        l->text = (xi_str){copy, len};
    }
    l->at = after;
    return XINF_OK;
}

static xinf_status token_operator(xi_script_lexer *l)
{
    static const char *const all[] = {
        "...", "**=", "//=", "<<=", ">>=", "->", "==", "!=", "<=", ">=", "//", "**",
        "<<",  ">>",  "+=",  "-=",  "*=",  "/=", "%=", "&=", "|=", "^=", "(",  ")",
        "[",   "]",   "{",   "}",   ",",   ":",  ".",  "=",  "+",  "-",  "*",  "/",
        "%",   "<",   ">",   "&",   "|",   "^",  "~",  "@",  ";"};
    size_t left = (size_t)(l->end - l->at);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t len = strlen(all[i]);
        if (left < len || memcmp(l->at, all[i], len) != 0) continue;
        char c = all[i][0];
        l->brackets += c == '(' || c == '[' || c == '{';
        l->brackets -= (c == ')' || c == ']' || c == '}') && l->brackets > 0;
        l->token = XI_SCRIPT_TOKEN_OP;
        l->text = xi_str_of(all[i]);
        l->at += len;
        return XINF_OK;
    }
    return xi_script_lexer_fail(l, "the character \"%c\" begins nothing", *l->at);
}

xinf_status xi_script_lexer_next(xi_script_lexer *l)
{
    if (l->line_start) {
        l->token = XI_SCRIPT_TOKEN_NEWLINE;
        xinf_status status = token_begin_line(l);
        if (status != XINF_OK || l->token == XI_SCRIPT_TOKEN_INDENT) return status;
    }
    if (l->dedents > 0) {
        l->dedents--;
        l->token = XI_SCRIPT_TOKEN_DEDENT;
        return XINF_OK;
    }
    token_skip(l);
    l->token_line = l->line;
    if (l->at == l->end) {
        bool open = l->token != XI_SCRIPT_TOKEN_NEWLINE && l->token != XI_SCRIPT_TOKEN_DEDENT &&
                    l->token != XI_SCRIPT_TOKEN_END;
        if (l->brackets) return xi_script_lexer_fail(l, "a bracket is not closed");
        l->dedents = l->indent_count - 1;
        l->indent_count = 1;
        if (open) {
            l->token = XI_SCRIPT_TOKEN_NEWLINE;
        } else if (l->dedents > 0) {
            l->dedents--;
            l->token = XI_SCRIPT_TOKEN_DEDENT;
        } else {
            l->token = XI_SCRIPT_TOKEN_END;
        }
        return XINF_OK;
    }
    int c = (unsigned char)*l->at;
    if (c == '\n') {
        l->at++;
        l->line++;
        l->line_start = true;
        l->token = XI_SCRIPT_TOKEN_NEWLINE;
        return XINF_OK;
    }
    if (token_is_digit(c) || (c == '.' && token_is_digit(token_peek(l, 1)))) return token_number(l);
    if (c == '"' || c == '\'') return token_string(l);
    if (token_is_word(c)) {
        const char *start = l->at;
        while (l->at < l->end && token_is_word((unsigned char)*l->at)) l->at++;
        l->token = XI_SCRIPT_TOKEN_NAME;
        l->text = (xi_str){start, (size_t)(l->at - start)};
        return XINF_OK;
    }
    return token_operator(l);
}

xinf_status xi_script_lexer_init(xi_script_lexer *l, xi_arena *arena, xi_str name, xi_str text,
                                 xinf_error *err)
{
    *l = (xi_script_lexer){.at = text.ptr,
                           .end = text.ptr + text.len,
                           .arena = arena,
                           .err = err,
                           .name = name,
                           .line = 1,
                           .token_line = 1,
                           .indent_count = 1,
                           .line_start = true};
    return xi_script_lexer_next(l);
}
