/* script.c — statements, functions and classes. */
#include "load/torch/script.h"

#include "base/allocator.h"
#include "load/torch/script_parser.h"

static xinf_status script_memory(xi_script_parser *p)
{
    if (p->arena->limit && p->arena->used > p->arena->limit / 2)
        return xi_fail(p->err, XINF_LIMIT, "%.*s needs more memory than is allowed",
                       XI_STR_ARG(p->lex.name));
    return xi_fail_memory(p->err, sizeof(xi_script_stmt));
}

static xinf_status script_end_line(xi_script_parser *p)
{
    if (p->lex.token == XI_SCRIPT_TOKEN_END) return XINF_OK;
    if (p->lex.token != XI_SCRIPT_TOKEN_NEWLINE && !xi_script_at_op(p, ";"))
        return xi_script_lexer_fail(&p->lex, "the statement should end here");
    return xi_script_lexer_next(&p->lex);
}

static xinf_status script_block(xi_script_block *out, xi_script_parser *p);

/* ---- statements of one line ---- */

static bool script_is_target(const xi_script_expr *e)
{
    return e->kind == XI_SCRIPT_NAME || e->kind == XI_SCRIPT_ATTRIBUTE ||
           e->kind == XI_SCRIPT_SUBSCRIPT || e->kind == XI_SCRIPT_STAR;
}

static xinf_status script_check_target(xi_script_parser *p, const xi_script_expr *e)
{
    bool good = script_is_target(e);
    if (e->kind == XI_SCRIPT_TUPLE || e->kind == XI_SCRIPT_LIST) {
        good = true;
        for (int32_t i = 0; i < e->count; i++)
            good = good && (script_is_target(e->items[i]) || e->items[i]->kind == XI_SCRIPT_TUPLE);
    }
    return good ? XINF_OK : xi_script_lexer_fail(&p->lex, "nothing can be assigned to this");
}

static const char *script_augmented(const xi_script_parser *p)
{
    static const char *const ops[] = {
        "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "//=", "**=", "<<=", ">>="};
    static const char *const plain[] = {"+", "-", "*",  "/",  "%",  "&",
                                        "|", "^", "//", "**", "<<", ">>"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (xi_script_at_op(p, ops[i])) return plain[i];
    return NULL;
}

/* An expression, an assignment (also a = b = c), or a declaration. */
static xinf_status script_simple(xi_script_stmt *s, xi_script_parser *p)
{
    xi_script_expr *e = NULL;
    xinf_status status = XINF_OK;
    XI_TRY(xi_script_expressions(&e, p));
    s->what = XI_SCRIPT_EVALUATE;
    s->value = e;
    s->op = script_augmented(p);
    if (s->op) {
        s->what = XI_SCRIPT_AUGMENT;
        s->targets = e;
        XI_TRY(script_check_target(p, e));
        XI_TRY(xi_script_lexer_next(&p->lex));
        return xi_script_expressions(&s->value, p);
    }
    if (xi_script_at_op(p, ":")) {
        s->what = XI_SCRIPT_ASSIGN;
        s->targets = e;
        s->value = NULL;
        XI_TRY(script_check_target(p, e));
        XI_TRY(xi_script_lexer_next(&p->lex));
        XI_TRY(xi_script_expression(&s->type, p));
    }
    if (xi_script_at_op(p, "=")) {
        s->what = XI_SCRIPT_ASSIGN;
        s->targets = e;
        XI_TRY(script_check_target(p, e));
        XI_TRY(xi_script_lexer_next(&p->lex));
        XI_TRY(xi_script_expressions(&s->value, p));
        if (xi_script_at_op(p, "="))
            return xi_script_lexer_fail(&p->lex, "an assignment within an assignment");
    }
cleanup:
    return status;
}

static xinf_status script_word_statement(xi_script_stmt *s, xi_script_parser *p, bool *done)
{
    static const struct script_word {
        const char *word;
        xi_script_do what;
    } words[] = {{"return", XI_SCRIPT_RETURN},    {"raise", XI_SCRIPT_RAISE},
                 {"assert", XI_SCRIPT_ASSERT},    {"del", XI_SCRIPT_DELETE},
                 {"pass", XI_SCRIPT_PASS},        {"break", XI_SCRIPT_BREAK},
                 {"continue", XI_SCRIPT_CONTINUE}};
    xinf_status status = XINF_OK;
    *done = false;
    for (size_t i = 0; i < sizeof words / sizeof *words && !*done; i++) {
        *done = xi_script_at_word(p, words[i].word);
        s->what = words[i].what;
    }
    if (!*done) return XINF_OK;
    XI_TRY(xi_script_lexer_next(&p->lex));
    bool ends = p->lex.token == XI_SCRIPT_TOKEN_NEWLINE || p->lex.token == XI_SCRIPT_TOKEN_END;
    switch (s->what) {
    case XI_SCRIPT_RETURN:
    case XI_SCRIPT_RAISE:
        if (!ends) XI_TRY(xi_script_expressions(&s->value, p));
        break;
    case XI_SCRIPT_ASSERT:
        XI_TRY(xi_script_expression(&s->value, p));
        if (xi_script_at_op(p, ",")) {
            XI_TRY(xi_script_lexer_next(&p->lex));
            XI_TRY(xi_script_expression(&s->type, p));
        }
        break;
    case XI_SCRIPT_DELETE: XI_TRY(xi_script_expressions(&s->targets, p)); break;
    default: break;
    }
cleanup:
    return status;
}

/* ---- statements with blocks ---- */

static xinf_status script_if(xi_script_stmt *s, xi_script_parser *p);

/* "elif" is an if of its own within the other branch. */
static xinf_status script_else(xi_script_stmt *s, xi_script_parser *p)
{
    if (xi_script_at_word(p, "else")) {
        xinf_status status = xi_script_lexer_next(&p->lex);
        return status == XINF_OK ? script_block(&s->orelse, p) : status;
    }
    if (!xi_script_at_word(p, "elif")) return XINF_OK;
    if (++p->blocks > XI_SCRIPT_MAX_BLOCKS)
        return xi_script_lexer_fail(&p->lex, "blocks nest deeper than %d", XI_SCRIPT_MAX_BLOCKS);
    xi_script_stmt *inner = xi_arena_alloc(p->arena, sizeof *inner);
    s->orelse.items = xi_arena_alloc(p->arena, sizeof *s->orelse.items);
    if (!inner || !s->orelse.items) return script_memory(p);
    inner->line = p->lex.token_line;
    s->orelse.items[0] = inner;
    s->orelse.count = 1;
    xinf_status status = script_if(inner, p);
    p->blocks--;
    return status;
}

static xinf_status script_if(xi_script_stmt *s, xi_script_parser *p)
{
    xinf_status status = XINF_OK;
    s->what = XI_SCRIPT_IF;
    XI_TRY(xi_script_lexer_next(&p->lex));
    XI_TRY(xi_script_expression(&s->value, p));
    XI_TRY(script_block(&s->body, p));
    XI_TRY(script_else(s, p));
cleanup:
    return status;
}

static xinf_status script_while(xi_script_stmt *s, xi_script_parser *p)
{
    xinf_status status = XINF_OK;
    s->what = XI_SCRIPT_WHILE;
    XI_TRY(xi_script_lexer_next(&p->lex));
    XI_TRY(xi_script_expression(&s->value, p));
    XI_TRY(script_block(&s->body, p));
cleanup:
    return status;
}

static xinf_status script_for(xi_script_stmt *s, xi_script_parser *p)
{
    xinf_status status = XINF_OK;
    s->what = XI_SCRIPT_FOR;
    XI_TRY(xi_script_lexer_next(&p->lex));
    /* Only a name: anything longer would take the "in" for its own. */
    if (p->lex.token != XI_SCRIPT_TOKEN_NAME)
        return xi_script_lexer_fail(&p->lex, "a loop's variable is expected");
    s->targets = xi_arena_alloc(p->arena, sizeof *s->targets);
    if (!s->targets) return script_memory(p);
    *s->targets = (xi_script_expr){
        .kind = XI_SCRIPT_NAME, .line = p->lex.token_line, .depth = 1, .text = p->lex.text};
    XI_TRY(xi_script_lexer_next(&p->lex));
    XI_TRY(xi_script_take_word(p, "in"));
    XI_TRY(xi_script_expressions(&s->value, p));
    XI_TRY(script_block(&s->body, p));
cleanup:
    return status;
}

static xinf_status script_with(xi_script_stmt *s, xi_script_parser *p)
{
    xinf_status status = XINF_OK;
    s->what = XI_SCRIPT_WITH;
    XI_TRY(xi_script_lexer_next(&p->lex));
    XI_TRY(xi_script_expression(&s->value, p));
    if (xi_script_at_word(p, "as")) {
        XI_TRY(xi_script_lexer_next(&p->lex));
        XI_TRY(xi_script_expression(&s->targets, p));
        XI_TRY(script_check_target(p, s->targets));
    }
    XI_TRY(script_block(&s->body, p));
cleanup:
    return status;
}

static xinf_status script_statement(xi_script_parser *p)
{
    xi_script_stmt *s = xi_arena_alloc(p->arena, sizeof *s);
    xinf_status status = XINF_OK;
    bool done;
    if (!s) return script_memory(p);
    s->line = p->lex.token_line;
    XI_TRY(xi_script_push(p, s));
    if (xi_script_at_word(p, "if")) return script_if(s, p);
    if (xi_script_at_word(p, "while")) return script_while(s, p);
    if (xi_script_at_word(p, "for")) return script_for(s, p);
    if (xi_script_at_word(p, "with")) return script_with(s, p);
    XI_TRY(script_word_statement(s, p, &done));
    if (!done) XI_TRY(script_simple(s, p));
    XI_TRY(script_end_line(p));
cleanup:
    return status;
}

/* ":" and the indented statements behind it, or one statement on the same line. */
static xinf_status script_block(xi_script_block *out, xi_script_parser *p)
{
    size_t base = p->stack_count;
    xinf_status status = XINF_OK;
    if (++p->blocks > XI_SCRIPT_MAX_BLOCKS)
        return xi_script_lexer_fail(&p->lex, "blocks nest deeper than %d", XI_SCRIPT_MAX_BLOCKS);
    XI_TRY(xi_script_take_op(p, ":"));
    if (p->lex.token != XI_SCRIPT_TOKEN_NEWLINE) {
        XI_TRY(script_statement(p));
    } else {
        XI_TRY(xi_script_lexer_next(&p->lex));
        if (p->lex.token != XI_SCRIPT_TOKEN_INDENT)
            return xi_script_lexer_fail(&p->lex, "an indented block is expected");
        XI_TRY(xi_script_lexer_next(&p->lex));
        while (p->lex.token != XI_SCRIPT_TOKEN_DEDENT && p->lex.token != XI_SCRIPT_TOKEN_END)
            XI_TRY(script_statement(p));
        if (p->lex.token == XI_SCRIPT_TOKEN_DEDENT) XI_TRY(xi_script_lexer_next(&p->lex));
    }
    XI_TRY(xi_script_pop(p, base, &out->items, &out->count));
    p->blocks--;
cleanup:
    return status;
}

/* ---- functions ---- */

/* What a file or a class holds, in the order of the text. */
typedef enum script_what { SCRIPT_FIELD, SCRIPT_FUNCTION, SCRIPT_CLASS } script_what;
typedef struct script_member {
    script_what what;
    void *item;
} script_member;

static xinf_status script_push_member(xi_script_parser *p, void *item, script_what what)
{
    script_member *m = xi_arena_alloc(p->arena, sizeof *m);
    if (!m) return script_memory(p);
    *m = (script_member){what, item};
    return xi_script_push(p, m);
}

static xinf_status script_param(xi_script_parser *p)
{
    xi_script_param *param = xi_arena_alloc(p->arena, sizeof *param);
    xinf_status status = XINF_OK;
    if (!param) return script_memory(p);
    if (p->lex.token != XI_SCRIPT_TOKEN_NAME)
        return xi_script_lexer_fail(&p->lex, "a parameter's name is expected");
    param->name = p->lex.text;
    XI_TRY(xi_script_lexer_next(&p->lex));
    if (xi_script_at_op(p, ":")) {
        XI_TRY(xi_script_lexer_next(&p->lex));
        XI_TRY(xi_script_expression(&param->type, p));
    }
    if (xi_script_at_op(p, "=")) {
        XI_TRY(xi_script_lexer_next(&p->lex));
        XI_TRY(xi_script_expression(&param->value, p));
    }
    XI_TRY(xi_script_push(p, param));
cleanup:
    return status;
}

static xinf_status script_params(xi_script_function *f, xi_script_parser *p)
{
    size_t base = p->stack_count;
    xi_script_param **items = NULL;
    xinf_status status = XINF_OK;
    XI_TRY(xi_script_take_op(p, "("));
    while (!xi_script_at_op(p, ")")) {
        /* What follows a lone star is only given by name: no difference here. */
        if (xi_script_at_op(p, "*"))
            XI_TRY(xi_script_lexer_next(&p->lex));
        else
            XI_TRY(script_param(p));
        if (!xi_script_at_op(p, ",")) break;
        XI_TRY(xi_script_lexer_next(&p->lex));
    }
    XI_TRY(xi_script_take_op(p, ")"));
    XI_TRY(xi_script_pop(p, base, &items, &f->param_count));
    f->params = xi_arena_array(p->arena, (size_t)f->param_count, sizeof *f->params);
    if (!f->params) return script_memory(p);
    for (int32_t i = 0; i < f->param_count; i++) f->params[i] = *items[i];
cleanup:
    return status;
}

static xinf_status script_function(xi_script_parser *p)
{
    xi_script_function *f = xi_arena_alloc(p->arena, sizeof *f);
    xinf_status status = XINF_OK;
    if (!f) return script_memory(p);
    XI_TRY(script_push_member(p, f, SCRIPT_FUNCTION));
    f->line = p->lex.token_line;
    XI_TRY(xi_script_take_word(p, "def"));
    if (p->lex.token != XI_SCRIPT_TOKEN_NAME)
        return xi_script_lexer_fail(&p->lex, "a function's name is expected");
    f->name = p->lex.text;
    XI_TRY(xi_script_lexer_next(&p->lex));
    XI_TRY(script_params(f, p));
    if (xi_script_at_op(p, "->")) {
        XI_TRY(xi_script_lexer_next(&p->lex));
        XI_TRY(xi_script_expression(&f->result, p));
    }
    XI_TRY(script_block(&f->body, p));
cleanup:
    return status;
}

/* ---- classes ---- */

/* A field's name, also of __annotations__["0"]. */
static xinf_status script_field_name(xi_script_field *f, xi_script_parser *p,
                                     const xi_script_expr *target)
{
    if (target->kind == XI_SCRIPT_NAME) {
        f->name = target->text;
        return XINF_OK;
    }
    bool annotation = target->kind == XI_SCRIPT_SUBSCRIPT && target->count == 2 &&
                      target->items[0]->kind == XI_SCRIPT_NAME &&
                      xi_str_is(target->items[0]->text, "__annotations__") &&
                      target->items[1]->kind == XI_SCRIPT_STRING;
    if (!annotation || !f->value)
        return xi_script_lexer_fail(&p->lex, "a class holds attributes and methods only");
    f->name = target->items[1]->text;
    f->type = f->value;
    f->value = NULL;
    return XINF_OK;
}

static xinf_status script_class_line(xi_script_parser *p)
{
    xi_script_stmt s = {0};
    xi_script_field *f;
    xinf_status status = XINF_OK;
    if (xi_script_at_word(p, "pass")) {
        XI_TRY(xi_script_lexer_next(&p->lex));
        return script_end_line(p);
    }
    int32_t line = p->lex.token_line;
    XI_TRY(script_simple(&s, p));
    if (s.what == XI_SCRIPT_EVALUATE && s.value->kind == XI_SCRIPT_STRING)
        return script_end_line(p); /* a doc string */
    if (s.what != XI_SCRIPT_ASSIGN)
        return xi_script_lexer_fail(&p->lex, "a class holds attributes and methods only");
    f = xi_arena_alloc(p->arena, sizeof *f);
    if (!f) return script_memory(p);
    *f = (xi_script_field){.line = line, .type = s.type, .value = s.value};
    XI_TRY(script_field_name(f, p, s.targets));
    XI_TRY(script_push_member(p, f, SCRIPT_FIELD));
    XI_TRY(script_end_line(p));
cleanup:
    return status;
}

static xinf_status script_class_body(xi_script_class *c, xi_script_parser *p)
{
    size_t base = p->stack_count;
    script_member **members = NULL;
    int32_t count = 0;
    xinf_status status = XINF_OK;
    XI_TRY(xi_script_take_op(p, ":"));
    if (p->lex.token != XI_SCRIPT_TOKEN_NEWLINE) {
        XI_TRY(script_class_line(p));
    } else {
        XI_TRY(xi_script_lexer_next(&p->lex));
        if (p->lex.token != XI_SCRIPT_TOKEN_INDENT)
            return XINF_OK; /* torch writes classes without a body */
        XI_TRY(xi_script_lexer_next(&p->lex));
        while (p->lex.token != XI_SCRIPT_TOKEN_DEDENT && p->lex.token != XI_SCRIPT_TOKEN_END) {
            if (xi_script_at_word(p, "def"))
                XI_TRY(script_function(p));
            else
                XI_TRY(script_class_line(p));
        }
        if (p->lex.token == XI_SCRIPT_TOKEN_DEDENT) XI_TRY(xi_script_lexer_next(&p->lex));
    }
    XI_TRY(xi_script_pop(p, base, &members, &count));
    c->fields = xi_arena_array(p->arena, (size_t)count, sizeof *c->fields);
    c->methods = xi_arena_array(p->arena, (size_t)count, sizeof(void *));
    if (!c->fields || !c->methods) return script_memory(p);
    for (int32_t i = 0; i < count; i++) {
        if (members[i]->what == SCRIPT_FIELD)
            c->fields[c->field_count++] = *(xi_script_field *)members[i]->item;
        else
            c->methods[c->method_count++] = members[i]->item;
    }
cleanup:
    return status;
}

static xinf_status script_class(xi_script_class **out, xi_script_parser *p)
{
    xi_script_class *c = xi_arena_alloc(p->arena, sizeof *c);
    xi_script_expr *base = NULL;
    xinf_status status = XINF_OK;
    if (!c) return script_memory(p);
    c->line = p->lex.token_line;
    XI_TRY(xi_script_take_word(p, "class"));
    if (p->lex.token != XI_SCRIPT_TOKEN_NAME)
        return xi_script_lexer_fail(&p->lex, "a class's name is expected");
    c->name = p->lex.text;
    XI_TRY(xi_script_lexer_next(&p->lex));
    if (xi_script_at_op(p, "(")) {
        XI_TRY(xi_script_lexer_next(&p->lex));
        if (!xi_script_at_op(p, ")")) XI_TRY(xi_script_expressions(&base, p));
        if (base) c->base = base->text;
        XI_TRY(xi_script_take_op(p, ")"));
    }
    XI_TRY(script_class_body(c, p));
    *out = c;
cleanup:
    return status;
}

/* ---- the file ---- */

static xinf_status script_top(xi_script_file *f, xi_script_parser *p)
{
    xi_script_stmt s = {0};
    xi_script_class *c = NULL;
    xinf_status status = XINF_OK;
    if (xi_script_at_word(p, "class")) {
        XI_TRY(script_class(&c, p));
        return script_push_member(p, c, SCRIPT_CLASS);
    }
    if (xi_script_at_word(p, "def")) return script_function(p);
    if (xi_script_at_word(p, "import")) {
        /* Old files name what they use; qualified names tell the same. */
        while (p->lex.token != XI_SCRIPT_TOKEN_NEWLINE && p->lex.token != XI_SCRIPT_TOKEN_END)
            XI_TRY(xi_script_lexer_next(&p->lex));
        return script_end_line(p);
    }
    XI_TRY(script_simple(&s, p));
    if (s.what != XI_SCRIPT_ASSIGN || s.targets->kind != XI_SCRIPT_NAME ||
        !xi_str_is(s.targets->text, "op_version_set") || !s.value || s.value->kind != XI_SCRIPT_INT)
        return xi_script_lexer_fail(&p->lex, "a class or a function is expected");
    f->version = s.value->i;
    XI_TRY(script_end_line(p));
cleanup:
    return status;
}

xinf_status xi_script_parse(xi_script_file **out, xi_arena *arena, xi_str name, xi_str text,
                            xinf_error *err)
{
    xi_script_parser p = {.arena = arena, .err = err, .alloc = &arena->alloc};
    xi_script_file *f = xi_arena_alloc(arena, sizeof *f);
    script_member **members = NULL;
    int32_t count = 0;
    xinf_status status = XINF_OK;
    *out = NULL;
    p.lex.name = name;
    if (!f) XI_TRY(script_memory(&p));
    f->name = name;
    f->version = -1;
    XI_TRY(xi_script_lexer_init(&p.lex, arena, name, text, err));
    while (p.lex.token != XI_SCRIPT_TOKEN_END) {
        if (p.lex.token == XI_SCRIPT_TOKEN_NEWLINE)
            XI_TRY(xi_script_lexer_next(&p.lex));
        else
            XI_TRY(script_top(f, &p));
    }
    XI_TRY(xi_script_pop(&p, 0, &members, &count));
    f->classes = xi_arena_array(arena, (size_t)count, sizeof *f->classes);
    f->functions = xi_arena_array(arena, (size_t)count, sizeof *f->functions);
    if (!f->classes || !f->functions) XI_TRY(script_memory(&p));
    for (int32_t i = 0; i < count; i++) {
        if (members[i]->what == SCRIPT_CLASS)
            f->classes[f->class_count++] = members[i]->item;
        else
            f->functions[f->function_count++] = members[i]->item;
    }
    *out = f;
cleanup:
    xi_free(&arena->alloc, p.stack, p.stack_capacity * sizeof *p.stack);
    return status;
}

xinf_status xi_script_parse_expr(xi_script_expr **out, xi_arena *arena, xi_str text,
                                 xinf_error *err)
{
    xi_script_parser p = {.arena = arena, .err = err, .alloc = &arena->alloc};
    xi_script_expr *e = NULL;
    xinf_status status = XINF_OK;
    *out = NULL;
    XI_TRY(xi_script_lexer_init(&p.lex, arena, XI_STR("type"), text, err));
    XI_TRY(xi_script_expression(&e, &p));
    if (p.lex.token != XI_SCRIPT_TOKEN_NEWLINE && p.lex.token != XI_SCRIPT_TOKEN_END)
        XI_TRY(xi_script_lexer_fail(&p.lex, "one expression is expected"));
    *out = e;
cleanup:
    xi_free(&arena->alloc, p.stack, p.stack_capacity * sizeof *p.stack);
    return status;
}
