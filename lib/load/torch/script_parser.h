/* script_parser.h — what the two halves of the parser share: expressions, and statements with
 * declarations. */
#ifndef XI_LOAD_TORCH_SCRIPT_PARSER_H
#define XI_LOAD_TORCH_SCRIPT_PARSER_H

#include "load/torch/token.h"

typedef struct xi_script_parser {
    xi_script_lexer lex;
    xi_arena *arena;
    xinf_error *err;
    int32_t depth, blocks;
    /* Items that are collected before their number is known. */
    void **stack;
    size_t stack_count, stack_capacity;
    const xinf_allocator *alloc;
} xi_script_parser;

static inline bool xi_script_at_op(const xi_script_parser *p, const char *op)
{
    return p->lex.token == XI_SCRIPT_TOKEN_OP && xi_str_is(p->lex.text, op);
}
static inline bool xi_script_at_word(const xi_script_parser *p, const char *word)
{
    return p->lex.token == XI_SCRIPT_TOKEN_NAME && xi_str_is(p->lex.text, word);
}
/* The operator must stand here; goes on to the next token. */
xinf_status xi_script_take_op(xi_script_parser *p, const char *op);
xinf_status xi_script_take_word(xi_script_parser *p, const char *word);
xinf_status xi_script_push(xi_script_parser *p, void *item);
/* The items above `base` as an array of the arena; the stack ends at base again. */
xinf_status xi_script_pop(xi_script_parser *p, size_t base, void *out_items, int32_t *out_count);
/* A choice, or anything that binds tighter. */
xinf_status xi_script_expression(xi_script_expr **out, xi_script_parser *p);
/* One expression, or several with commas: then a tuple. */
xinf_status xi_script_expressions(xi_script_expr **out, xi_script_parser *p);

#endif
