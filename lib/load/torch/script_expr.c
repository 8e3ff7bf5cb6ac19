/* script_expr.c — expressions: an operator's precedence decides how far it reaches; recursion is
 * bounded. */
#include "base/allocator.h"
#include "load/torch/script_parser.h"

xinf_status xi_script_take_op(xi_script_parser *p, const char *op)
{
    if (!xi_script_at_op(p, op)) return xi_script_lexer_fail(&p->lex, "\"%s\" is expected", op);
    return xi_script_lexer_next(&p->lex);
}

xinf_status xi_script_take_word(xi_script_parser *p, const char *word)
{
    if (!xi_script_at_word(p, word))
        return xi_script_lexer_fail(&p->lex, "\"%s\" is expected", word);
    return xi_script_lexer_next(&p->lex);
}

xinf_status xi_script_push(xi_script_parser *p, void *item)
{
    if (!xi_grow(p->alloc, (void **)&p->stack, &p->stack_capacity, p->stack_count + 1,
                 sizeof *p->stack))
        return xi_fail_memory(p->err, (p->stack_count + 1) * sizeof *p->stack);
    p->stack[p->stack_count++] = item;
    return XINF_OK;
}

static xinf_status expr_memory(xi_script_parser *p)
{
    if (p->arena->limit && p->arena->used > p->arena->limit / 2)
        return xi_fail(p->err, XINF_LIMIT, "%.*s needs more memory than is allowed",
                       XI_STR_ARG(p->lex.name));
    return xi_fail_memory(p->err, sizeof(xi_script_expr));
}

xinf_status xi_script_pop(xi_script_parser *p, size_t base, void *out_items, int32_t *out_count)
{
    size_t count = p->stack_count - base;
    void **items = xi_arena_array(p->arena, count, sizeof *items);
    if (!items || count > INT32_MAX / 2) return expr_memory(p);
    if (count) memcpy(items, p->stack + base, count * sizeof *items);
    memcpy(out_items, &items, sizeof items);
    *out_count = (int32_t)count;
    p->stack_count = base;
    return XINF_OK;
}

static xinf_status expr_new(xi_script_expr **out, xi_script_parser *p, xi_script_kind kind,
                            int32_t line)
{
    xi_script_expr *e = xi_arena_alloc(p->arena, sizeof *e);
    if (!e) return expr_memory(p);
    e->kind = kind;
    e->line = line;
    e->depth = 1;
    *out = e;
    return XINF_OK;
}

static xinf_status expr_too_deep(xi_script_parser *p)
{
    return xi_script_lexer_fail(&p->lex, "expressions nest deeper than %d", XI_SCRIPT_MAX_DEPTH);
}

/* Sets the depth from the items. */
static xinf_status expr_measure(xi_script_parser *p, xi_script_expr *e)
{
    for (int32_t i = 0; i < e->count; i++)
        if (e->items[i] && e->items[i]->depth >= e->depth) e->depth = e->items[i]->depth + 1;
    return e->depth > XI_SCRIPT_MAX_DEPTH ? expr_too_deep(p) : XINF_OK;
}

/* A node of one to three items. */
static xinf_status expr_of(xi_script_expr **out, xi_script_parser *p, xi_script_kind kind,
                           int32_t line, const char *op, int32_t count,
                           xi_script_expr *const *items)
{
    xi_script_expr *e = NULL;
    xinf_status status = expr_new(&e, p, kind, line);
    if (status != XINF_OK) return status;
    e->items = xi_arena_array(p->arena, (size_t)count, sizeof *e->items);
    if (!e->items) return expr_memory(p);
    memcpy(e->items, items, (size_t)count * sizeof *items);
    e->count = count;
    e->op = op;
    *out = e;
    return expr_measure(p, e);
}

/* ---- brackets ---- */

/* "[" … or "(" … up to `close`, which is taken. *comma: one stood behind the last item. */
static xinf_status expr_items(xi_script_parser *p, const char *close, bool *comma)
{
    xinf_status status = XINF_OK;
    *comma = false;
    while (!xi_script_at_op(p, close)) {
        xi_script_expr *item = NULL;
        XI_TRY(xi_script_expression(&item, p));
        XI_TRY(xi_script_push(p, item));
        *comma = xi_script_at_op(p, ",");
        if (!*comma) break;
        XI_TRY(xi_script_lexer_next(&p->lex));
    }
    XI_TRY(xi_script_take_op(p, close));
cleanup:
    return status;
}

static xinf_status expr_finish(xi_script_expr **out, xi_script_parser *p, xi_script_kind kind,
                               int32_t line, size_t base)
{
    xi_script_expr *e = NULL;
    xinf_status status = expr_new(&e, p, kind, line);
    if (status == XINF_OK) status = xi_script_pop(p, base, &e->items, &e->count);
    if (status == XINF_OK) status = expr_measure(p, e);
    if (status == XINF_OK) *out = e;
    return status;
}

static xinf_status expr_parentheses(xi_script_expr **out, xi_script_parser *p)
{
    int32_t line = p->lex.token_line;
    size_t base = p->stack_count;
    bool comma;
    xinf_status status = xi_script_lexer_next(&p->lex);
    if (status == XINF_OK) status = expr_items(p, ")", &comma);
    if (status != XINF_OK) return status;
    if (p->stack_count == base + 1 && !comma) {
        *out = p->stack[--p->stack_count];
        return XINF_OK;
    }
    return expr_finish(out, p, XI_SCRIPT_TUPLE, line, base);
}

static xinf_status expr_list(xi_script_expr **out, xi_script_parser *p)
{
    int32_t line = p->lex.token_line;
    size_t base = p->stack_count;
    bool comma;
    xinf_status status = xi_script_lexer_next(&p->lex);
    if (status == XINF_OK) status = expr_items(p, "]", &comma);
    return status == XINF_OK ? expr_finish(out, p, XI_SCRIPT_LIST, line, base) : status;
}

static xinf_status expr_dict(xi_script_expr **out, xi_script_parser *p)
{
    int32_t line = p->lex.token_line;
    size_t base = p->stack_count;
    xinf_status status = XINF_OK;
    XI_TRY(xi_script_lexer_next(&p->lex));
    while (!xi_script_at_op(p, "}")) {
        xi_script_expr *item = NULL;
        XI_TRY(xi_script_expression(&item, p));
        XI_TRY(xi_script_push(p, item));
        XI_TRY(xi_script_take_op(p, ":"));
        XI_TRY(xi_script_expression(&item, p));
        XI_TRY(xi_script_push(p, item));
        if (!xi_script_at_op(p, ",")) break;
        XI_TRY(xi_script_lexer_next(&p->lex));
    }
    XI_TRY(xi_script_take_op(p, "}"));
    XI_TRY(expr_finish(out, p, XI_SCRIPT_DICT, line, base));
cleanup:
    return status;
}

/* ---- atoms ---- */

static bool expr_is_keyword(xi_str s)
{
    static const char *const words[] = {"if",     "else",     "elif",   "for",    "in",     "while",
                                        "return", "def",      "class",  "and",    "or",     "is",
                                        "pass",   "with",     "as",     "raise",  "assert", "del",
                                        "break",  "continue", "lambda", "import", "from"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (xi_str_is(s, words[i])) return true;
    return false;
}

static xinf_status expr_name(xi_script_expr **out, xi_script_parser *p)
{
    xi_str s = p->lex.text;
    bool yes = xi_str_is(s, "True"), no = xi_str_is(s, "False");
    if (expr_is_keyword(s))
        return xi_script_lexer_fail(&p->lex, "an expression is expected before \"%.*s\"",
                                    XI_STR_ARG(s));
    xi_script_kind kind = yes || no              ? XI_SCRIPT_BOOL
                          : xi_str_is(s, "None") ? XI_SCRIPT_NONE
                                                 : XI_SCRIPT_NAME;
    xinf_status status = expr_new(out, p, kind, p->lex.token_line);
    if (status != XINF_OK) return status;
    (*out)->text = s;
    (*out)->i = yes;
    return xi_script_lexer_next(&p->lex);
}

/* Neighbouring strings are one, as in Python. */
static xinf_status expr_string(xi_script_expr **out, xi_script_parser *p)
{
    xinf_status status = expr_new(out, p, XI_SCRIPT_STRING, p->lex.token_line);
    if (status != XINF_OK) return status;
    (*out)->text = p->lex.text;
    status = xi_script_lexer_next(&p->lex);
    if (status == XINF_OK && p->lex.token == XI_SCRIPT_TOKEN_STRING)
        return xi_script_lexer_fail(&p->lex, "two strings stand beside each other");
    return status;
}

static xinf_status expr_atom(xi_script_expr **out, xi_script_parser *p)
{
    xi_script_token t = p->lex.token;
    if (t == XI_SCRIPT_TOKEN_NAME) return expr_name(out, p);
    if (t == XI_SCRIPT_TOKEN_STRING) return expr_string(out, p);
    if (xi_script_at_op(p, "(")) return expr_parentheses(out, p);
    if (xi_script_at_op(p, "[")) return expr_list(out, p);
    if (xi_script_at_op(p, "{")) return expr_dict(out, p);
    bool number = t == XI_SCRIPT_TOKEN_INT || t == XI_SCRIPT_TOKEN_FLOAT ||
                  t == XI_SCRIPT_TOKEN_IMAGINARY;
    if (!number && !xi_script_at_op(p, "..."))
        return xi_script_lexer_fail(&p->lex, "an expression is expected");
    xi_script_kind kind = t == XI_SCRIPT_TOKEN_INT     ? XI_SCRIPT_INT
                          : t == XI_SCRIPT_TOKEN_FLOAT ? XI_SCRIPT_FLOAT
                          : number                     ? XI_SCRIPT_IMAGINARY
                                                       : XI_SCRIPT_ELLIPSIS;
    xinf_status status = expr_new(out, p, kind, p->lex.token_line);
    if (status != XINF_OK) return status;
    (*out)->i = p->lex.i;
    (*out)->d = p->lex.d;
    return xi_script_lexer_next(&p->lex);
}

/* ---- what follows an atom ---- */

/* name=value; the name has been read as an expression. */
static xinf_status expr_named_argument(xi_script_parser *p, xi_script_expr **arg)
{
    if ((*arg)->kind != XI_SCRIPT_NAME)
        return xi_script_lexer_fail(&p->lex, "an argument's name is expected before \"=\"");
    xi_str *name = xi_arena_alloc(p->arena, sizeof *name);
    if (!name) return expr_memory(p);
    *name = (*arg)->text;
    xinf_status status = xi_script_lexer_next(&p->lex);
    if (status == XINF_OK) status = xi_script_expression(arg, p);
    if (status == XINF_OK) status = xi_script_push(p, *arg);
    return status == XINF_OK ? xi_script_push(p, name) : status;
}

/* Behind the stack's `base` stand the callee, then arguments, then pairs of argument and name. */
static xinf_status expr_call_finish(xi_script_expr **out, xi_script_parser *p, int32_t line,
                                    size_t base, int32_t named)
{
    xi_script_expr *e = NULL;
    xinf_status status = expr_new(&e, p, XI_SCRIPT_CALL, line);
    if (status != XINF_OK) return status;
    e->named = named;
    e->names = xi_arena_array(p->arena, (size_t)named, sizeof *e->names);
    if (!e->names) return expr_memory(p);
    void **pairs = p->stack + (p->stack_count - 2 * (size_t)named);
    for (int32_t i = 0; i < named; i++) {
        e->names[i] = *(xi_str *)pairs[2 * i + 1];
        pairs[i] = pairs[2 * i];
    }
    p->stack_count -= (size_t)named;
    status = xi_script_pop(p, base, &e->items, &e->count);
    if (status == XINF_OK) status = expr_measure(p, e);
    *out = e;
    return status;
}

static xinf_status expr_call(xi_script_expr **e, xi_script_parser *p)
{
    int32_t line = (*e)->line, named = 0;
    size_t base = p->stack_count;
    xinf_status status = XINF_OK;
    XI_TRY(xi_script_lexer_next(&p->lex));
    XI_TRY(xi_script_push(p, *e));
    while (!xi_script_at_op(p, ")")) {
        xi_script_expr *arg = NULL;
        XI_TRY(xi_script_expression(&arg, p));
        if (xi_script_at_op(p, "=")) {
            XI_TRY(expr_named_argument(p, &arg));
            named++;
        } else if (named) {
            XI_TRY(xi_script_lexer_fail(
                &p->lex, "an argument without a name stands behind one with a name"));
        } else {
            XI_TRY(xi_script_push(p, arg));
        }
        if (!xi_script_at_op(p, ",")) break;
        XI_TRY(xi_script_lexer_next(&p->lex));
    }
    XI_TRY(xi_script_take_op(p, ")"));
    XI_TRY(expr_call_finish(e, p, line, base, named));
cleanup:
    return status;
}

/* An index, or start:stop:step. */
static xinf_status expr_index(xi_script_expr **out, xi_script_parser *p)
{
    xi_script_expr *part[3] = {NULL, NULL, NULL};
    int32_t line = p->lex.token_line;
    xinf_status status = XINF_OK;
    bool slice = false;
    for (int k = 0; k < 3; k++) {
        if (!xi_script_at_op(p, ":") && !xi_script_at_op(p, "]") && !xi_script_at_op(p, ","))
            XI_TRY(xi_script_expression(&part[k], p));
        if (k == 2 || !xi_script_at_op(p, ":")) break;
        slice = true;
        XI_TRY(xi_script_lexer_next(&p->lex));
    }
    if (slice) return expr_of(out, p, XI_SCRIPT_SLICE, line, NULL, 3, part);
    if (!part[0]) return xi_script_lexer_fail(&p->lex, "an index is expected");
    *out = part[0];
cleanup:
    return status;
}

static xinf_status expr_subscript(xi_script_expr **e, xi_script_parser *p)
{
    size_t base = p->stack_count;
    int32_t line = (*e)->line;
    xinf_status status = XINF_OK;
    XI_TRY(xi_script_lexer_next(&p->lex));
    XI_TRY(xi_script_push(p, *e));
    do {
        xi_script_expr *index = NULL;
        XI_TRY(expr_index(&index, p));
        XI_TRY(xi_script_push(p, index));
        if (!xi_script_at_op(p, ",")) break;
        XI_TRY(xi_script_lexer_next(&p->lex));
    } while (!xi_script_at_op(p, "]"));
    XI_TRY(xi_script_take_op(p, "]"));
    XI_TRY(expr_finish(e, p, XI_SCRIPT_SUBSCRIPT, line, base));
cleanup:
    return status;
}

static xinf_status expr_attribute(xi_script_expr **e, xi_script_parser *p)
{
    xi_script_expr *item = *e;
    xinf_status status = xi_script_lexer_next(&p->lex);
    if (status != XINF_OK) return status;
    if (p->lex.token != XI_SCRIPT_TOKEN_NAME)
        return xi_script_lexer_fail(&p->lex, "a name is expected behind \".\"");
    status = expr_of(e, p, XI_SCRIPT_ATTRIBUTE, item->line, NULL, 1, &item);
    if (status != XINF_OK) return status;
    (*e)->text = p->lex.text;
    return xi_script_lexer_next(&p->lex);
}

static xinf_status expr_postfix(xi_script_expr **out, xi_script_parser *p)
{
    xinf_status status = expr_atom(out, p);
    while (status == XINF_OK) {
        if (xi_script_at_op(p, "."))
            status = expr_attribute(out, p);
        else if (xi_script_at_op(p, "("))
            status = expr_call(out, p);
        else if (xi_script_at_op(p, "["))
            status = expr_subscript(out, p);
        else
            break;
    }
    return status;
}

/* ---- operators ---- */

typedef struct expr_operator {
    const char *text;
    int precedence; /* higher binds tighter */
} expr_operator;

enum {
    EXPR_OR = 1,
    EXPR_AND,
    EXPR_NOT,
    EXPR_COMPARE,
    EXPR_BITOR,
    EXPR_XOR,
    EXPR_BITAND,
    EXPR_SHIFT,
    EXPR_SUM,
    EXPR_PRODUCT,
    EXPR_SIGN,
    EXPR_POWER
};

/* The binary operator that stands here; words of two parts are taken up to their last. precedence
 * 0: none. */
static xinf_status expr_binary_here(expr_operator *out, xi_script_parser *p)
{
    static const expr_operator ops[] = {
        {"==", EXPR_COMPARE}, {"!=", EXPR_COMPARE}, {"<", EXPR_COMPARE}, {"<=", EXPR_COMPARE},
        {">", EXPR_COMPARE},  {">=", EXPR_COMPARE}, {"|", EXPR_BITOR},   {"^", EXPR_XOR},
        {"&", EXPR_BITAND},   {"<<", EXPR_SHIFT},   {">>", EXPR_SHIFT},  {"+", EXPR_SUM},
        {"-", EXPR_SUM},      {"*", EXPR_PRODUCT},  {"/", EXPR_PRODUCT}, {"//", EXPR_PRODUCT},
        {"%", EXPR_PRODUCT},  {"@", EXPR_PRODUCT},  {"**", EXPR_POWER}};
    static const expr_operator words[] = {{"or", EXPR_OR},
                                          {"and", EXPR_AND},
                                          {"is", EXPR_COMPARE},
                                          {"in", EXPR_COMPARE},
                                          {"not", EXPR_COMPARE}};
    *out = (expr_operator){NULL, 0};
    if (p->lex.token == XI_SCRIPT_TOKEN_OP)
        for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
            if (xi_str_is(p->lex.text, ops[i].text)) *out = ops[i];
    if (p->lex.token == XI_SCRIPT_TOKEN_NAME)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (xi_str_is(p->lex.text, words[i].text)) *out = words[i];
    return XINF_OK;
}

static xinf_status expr_operators(xi_script_expr **out, xi_script_parser *p, int lowest);

static xinf_status expr_unary(xi_script_expr **out, xi_script_parser *p)
{
    const char *op = xi_script_at_op(p, "-")       ? "-"
                     : xi_script_at_op(p, "+")     ? "+"
                     : xi_script_at_op(p, "~")     ? "~"
                     : xi_script_at_op(p, "*")     ? "*"
                     : xi_script_at_word(p, "not") ? "not"
                                                   : NULL;
    int32_t line = p->lex.token_line;
    xi_script_expr *item = NULL;
    if (!op) return expr_postfix(out, p);
    if (++p->depth > XI_SCRIPT_MAX_DEPTH) return expr_too_deep(p);
    xinf_status status = xi_script_lexer_next(&p->lex);
    if (status == XINF_OK) status = expr_operators(&item, p, op[0] == 'n' ? EXPR_NOT : EXPR_SIGN);
    p->depth--;
    if (status != XINF_OK) return status;
    /* A negative number is a number. */
    if (op[0] == '-' && (item->kind == XI_SCRIPT_INT || item->kind == XI_SCRIPT_FLOAT)) {
        item->i = (int64_t)(0 - (uint64_t)item->i);
        item->d = -item->d;
        *out = item;
        return XINF_OK;
    }
    return expr_of(out, p, op[0] == '*' ? XI_SCRIPT_STAR : XI_SCRIPT_UNARY, line, op, 1, &item);
}

/* "is not" and "not in" are one operator. */
static xinf_status expr_take_binary(xi_script_parser *p, expr_operator *op)
{
    xinf_status status = xi_script_lexer_next(&p->lex);
    if (status != XINF_OK) return status;
    if (op->text[0] == 'n') {
        op->text = "not in";
        return xi_script_take_word(p, "in");
    }
    if (strcmp(op->text, "is") == 0 && xi_script_at_word(p, "not")) {
        op->text = "is not";
        return xi_script_lexer_next(&p->lex);
    }
    return XINF_OK;
}

static xinf_status expr_operators(xi_script_expr **out, xi_script_parser *p, int lowest)
{
    expr_operator op;
    xi_script_expr *pair[2] = {NULL, NULL};
    xinf_status status = XINF_OK;
    if (++p->depth > XI_SCRIPT_MAX_DEPTH) return expr_too_deep(p);
    XI_TRY(expr_unary(&pair[0], p));
    for (;;) {
        int32_t line = p->lex.token_line;
        XI_TRY(expr_binary_here(&op, p));
        if (op.precedence < lowest || !op.precedence) break;
        XI_TRY(expr_take_binary(p, &op));
        /* A power binds to the right, and its sign reaches over it: 2 ** -x. */
        XI_TRY(expr_operators(&pair[1], p,
                              op.precedence == EXPR_POWER ? EXPR_SIGN : op.precedence + 1));
        XI_TRY(expr_of(&pair[0], p, XI_SCRIPT_BINARY, line, op.text, 2, pair));
    }
    *out = pair[0];
cleanup:
    p->depth--;
    return status;
}

xinf_status xi_script_expression(xi_script_expr **out, xi_script_parser *p)
{
    xi_script_expr *part[3] = {NULL, NULL, NULL};
    xinf_status status = XINF_OK;
    int32_t line = p->lex.token_line;
    XI_TRY(expr_operators(&part[1], p, EXPR_OR));
    if (!xi_script_at_word(p, "if")) {
        *out = part[1];
        return XINF_OK;
    }
    if (++p->depth > XI_SCRIPT_MAX_DEPTH) return expr_too_deep(p);
    XI_TRY(xi_script_lexer_next(&p->lex));
    XI_TRY(expr_operators(&part[0], p, EXPR_OR));
    XI_TRY(xi_script_take_word(p, "else"));
    XI_TRY(xi_script_expression(&part[2], p));
    p->depth--;
    XI_TRY(expr_of(out, p, XI_SCRIPT_CHOICE, line, NULL, 3, part));
cleanup:
    return status;
}

xinf_status xi_script_expressions(xi_script_expr **out, xi_script_parser *p)
{
    size_t base = p->stack_count;
    int32_t line = p->lex.token_line;
    xinf_status status = XINF_OK;
    XI_TRY(xi_script_expression(out, p));
    if (!xi_script_at_op(p, ",")) return XINF_OK;
    XI_TRY(xi_script_push(p, *out));
    while (xi_script_at_op(p, ",")) {
        XI_TRY(xi_script_lexer_next(&p->lex));
        bool ends = p->lex.token == XI_SCRIPT_TOKEN_NEWLINE || xi_script_at_op(p, "=") ||
                    xi_script_at_op(p, ")") || xi_script_at_op(p, ":") ||
                    xi_script_at_word(p, "in");
        if (ends) break;
        xi_script_expr *item = NULL;
        XI_TRY(xi_script_expression(&item, p));
        XI_TRY(xi_script_push(p, item));
    }
    XI_TRY(expr_finish(out, p, XI_SCRIPT_TUPLE, line, base));
cleanup:
    return status;
}
