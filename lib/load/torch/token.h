/* token.h — tokens of TorchScript text: indentation counts outside brackets, as in Python. */
#ifndef XI_LOAD_TORCH_TOKEN_H
#define XI_LOAD_TORCH_TOKEN_H

#include "load/torch/script.h"

typedef enum xi_script_token {
    XI_SCRIPT_TOKEN_END = 0,
    XI_SCRIPT_TOKEN_NEWLINE,
    XI_SCRIPT_TOKEN_INDENT,
    XI_SCRIPT_TOKEN_DEDENT,
    XI_SCRIPT_TOKEN_NAME, /* keywords too */
    XI_SCRIPT_TOKEN_INT,
    XI_SCRIPT_TOKEN_FLOAT,
    XI_SCRIPT_TOKEN_IMAGINARY,
    XI_SCRIPT_TOKEN_STRING,
    XI_SCRIPT_TOKEN_OP /* text is the operator */
} xi_script_token;

typedef struct xi_script_lexer {
    const char *at, *end;
    xi_arena *arena;
    xinf_error *err;
    xi_str name; /* of the file */
    int32_t line, brackets;
    int32_t indents[XI_SCRIPT_MAX_BLOCKS + 2], indent_count,
        dedents; /* dedents: still to be told */
    bool line_start;
    /* The token that stands next. */
    xi_script_token token;
    int32_t token_line;
    xi_str text;
    int64_t i;
    double d;
} xi_script_lexer;

/* Reads the first token. */
xinf_status xi_script_lexer_init(xi_script_lexer *l, xi_arena *arena, xi_str name, xi_str text,
                                 xinf_error *err);
xinf_status xi_script_lexer_next(xi_script_lexer *l);
/* "code/__torch__.py:7: " + the sentence; XINF_MALFORMED. */
xinf_status xi_script_lexer_fail(const xi_script_lexer *l, const char *fmt, ...) XI_PRINTF(2, 3);

#endif
