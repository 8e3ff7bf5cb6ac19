/* lexer.h — tokens of a graph's text form (docs/graph-text.md), and the short names of element
 * types in it. */
#ifndef XI_GRAPH_LEXER_H
#define XI_GRAPH_LEXER_H

#include "base/arena.h"
#include "base/string.h"
#include "tensor/dtype.h"

typedef enum xi_token {
    XI_TOKEN_END,
    XI_TOKEN_WORD,   /* letters, digits, '_' and '.', beginning with a letter or '_' */
    XI_TOKEN_VALUE,  /* %name or %"name" */
    XI_TOKEN_STRING, /* "…" */
    XI_TOKEN_INT,
    XI_TOKEN_FLOAT, /* has a point or an exponent, or is inf, -inf, nan */
    XI_TOKEN_PUNCT  /* one character, or -> or <- as '>' and '<' */
} xi_token;

typedef struct xi_lexer {
    const char *at, *end;
    xi_arena *arena; /* decoded strings and names live here */
    xinf_error *err;
    int32_t line;
    /* The token that stands next. */
    xi_token token;
    xi_str text;    /* of WORD, VALUE (name), STRING (decoded) */
    int64_t number; /* of INT: its bits; a number above INT64_MAX keeps them as unsigned */
    double real;    /* of FLOAT and INT */
    char punct;
} xi_lexer;

/* Reads the first token. */
xinf_status xi_lexer_init(xi_lexer *l, xi_str text, xi_arena *arena, xinf_error *err);
/* Reads the next token. */
xinf_status xi_lexer_next(xi_lexer *l);
/* "line 7: " + the sentence; XINF_MALFORMED. */
xinf_status xi_lexer_fail(const xi_lexer *l, const char *fmt, ...) XI_PRINTF(2, 3);
bool xi_lexer_is(const xi_lexer *l, char punct);
bool xi_lexer_is_word(const xi_lexer *l, const char *word);
/* The token must be this one; goes on to the next. */
xinf_status xi_lexer_take(xi_lexer *l, char punct);
/* If it stands there: goes on and sets *yes. */
xinf_status xi_lexer_accept(xi_lexer *l, char punct, bool *yes);

/* "f32", "i64", …; "?" for an unknown one. */
const char *xi_dtype_short(xinf_dtype d);
bool xi_dtype_from_short(xi_str name, xinf_dtype *out);
/* May stand in the text without quotes: after '%', or as a word of its own. */
bool xi_lexer_plain(xi_str s);
bool xi_lexer_plain_word(xi_str s);
/* A float as text that reads back to the same bits (NaN: some NaN) and as FLOAT, in every locale.
 * digits: 9 or 17. */
void xi_text_add_float(xi_text *t, double v, int32_t digits);

#endif
