/* machine_exec.c — statements, as far as it is known which way they go. */
#include "import/torch/machine.h"

#include <stdio.h>

#include "import/torch/op.h"

/* "code/a.py:12: " + the sentence, which outlives the program. */
static xi_str exec_message(xi_machine *m, xi_str message)
{
    char at[300];
    int len = snprintf(at, sizeof at, "%.*s:%d: ", XI_STR_ARG(m->file), (int)m->line);
    size_t front = len < 0 ? 0 : (size_t)len < sizeof at ? (size_t)len : sizeof at - 1;
    char *text = xi_arena_array(m->x.arena, 1, front + message.len + 1);
    if (!text) return xi_aten_memory(&m->x), (xi_str){NULL, 0};
    memcpy(text, at, front);
    if (message.len) memcpy(text + front, message.ptr, message.len);
    return (xi_str){text, front + message.len};
}

void xi_machine_raise_if(xi_machine *m, xi_value *failed, xi_str message)
{
    if (xi_machine_good(m) && !xi_machine_dead(m))
        xi_aten_check_run(&m->x, failed, exec_message(m, message));
}

void xi_machine_raise(xi_machine *m, xi_str message)
{
    if (!xi_machine_good(m)) return;
    if (xi_machine_dead(m)) return;
    if (m->journal) {
        m->journal->raised = true;
        m->journal->message = exec_message(m, message);
        return;
    }
    xi_machine_fail(m, XINF_INVALID_ARGUMENT, "the program raises an error: %.*s",
                    XI_STR_ARG(message));
}

/* A raised branch goes no further. */
static bool exec_goes_on(const xi_machine *m)
{
    return xi_machine_good(m) && !m->frame->returned && !(m->journal && m->journal->raised);
}

static void exec_if(xi_machine *m, const xi_script_stmt *s)
{
    xi_aten_value c = xi_machine_eval(m, s->value);
    bool known = false;
    xi_value *truth = xi_machine_truth(m, &c, &known);
    if (!xi_machine_good(m)) return;
    if (truth)
        xi_machine_if(m, s, truth);
    else
        xi_machine_run(m, known ? &s->body : &s->orelse);
}

static void exec_while(xi_machine *m, const xi_script_stmt *s)
{
    for (int32_t trips = 0; exec_goes_on(m); trips++) {
        if (trips > XI_MACHINE_TRIPS) {
            xi_machine_fail(m, XINF_LIMIT, "a loop of more than %d rounds", XI_MACHINE_TRIPS);
            return;
        }
        xi_aten_value c = xi_machine_eval(m, s->value);
        bool known = false;
        xi_value *truth = xi_machine_truth(m, &c, &known);
        if (!xi_machine_good(m)) return;
        if (truth) {
            xi_machine_while(m, s, NULL, truth);
            return;
        }
        if (!known) return;
        xi_machine_run(m, &s->body);
    }
}

static bool exec_is_range(const xi_script_expr *e)
{
    return e->kind == XI_SCRIPT_CALL && e->items[0]->kind == XI_SCRIPT_NAME &&
           xi_str_is(e->items[0]->text, "range") && !e->named && e->count >= 2;
}

static void exec_for_range(xi_machine *m, const xi_script_stmt *s)
{
    const xi_script_expr *e = s->value;
    int64_t bound[3] = {0, 0, 1};
    xi_aten_value last = xi_aten_none();
    for (int32_t i = 1; i < e->count && i < 4; i++) {
        xi_aten_value v = xi_machine_eval(m, e->items[i]);
        if (!xi_machine_good(m)) return;
        if (v.kind == XI_ATEN_TENSOR) v = xi_machine_operator(m, XI_STR("Int"), &v, 1, NULL, 0);
        if (v.kind != XI_ATEN_INT && v.kind != XI_ATEN_BOOL) {
            xi_machine_fail(m, XINF_MALFORMED, "range of a %s", xi_aten_kind_name(&v));
            return;
        }
        if (v.scalar && e->count != 2) {
            xi_machine_fail(m, XINF_UNSUPPORTED, "range with a start that only a run knows");
            return;
        }
        last = v;
        bound[e->count == 2 ? 1 : i - 1] = v.kind == XI_ATEN_BOOL ? v.b : v.i;
    }
    if (!xi_machine_good(m)) return;
    if (last.scalar) {
        xi_machine_while(m, s, last.scalar, NULL);
        return;
    }
    if (!bound[2]) {
        xi_machine_fail(m, XINF_MALFORMED, "range with a step of 0");
        return;
    }
    int32_t trips = 0;
    for (int64_t i = bound[0]; (bound[2] > 0 ? i < bound[1] : i > bound[1]) && exec_goes_on(m);
         i += bound[2]) {
        if (trips++ > XI_MACHINE_TRIPS) {
            xi_machine_fail(m, XINF_LIMIT, "a loop of more than %d rounds", XI_MACHINE_TRIPS);
            return;
        }
        xi_machine_assign(m, s->targets, xi_aten_int(i));
        xi_machine_run(m, &s->body);
    }
}

static void exec_for(xi_machine *m, const xi_script_stmt *s)
{
    if (exec_is_range(s->value)) {
        exec_for_range(m, s);
        return;
    }
    xi_aten_value v = xi_machine_eval(m, s->value);
    const xi_aten_list *list = xi_machine_items(&v);
    if (!xi_machine_good(m)) return;
    if (!list) {
        xi_machine_fail(m, XINF_UNSUPPORTED, "a loop over a %s", xi_aten_kind_name(&v));
        return;
    }
    for (int32_t i = 0; i < list->count && exec_goes_on(m); i++) {
        xi_machine_assign(m, s->targets, list->items[i]);
        xi_machine_run(m, &s->body);
    }
}

static void exec_return(xi_machine *m, const xi_script_stmt *s)
{
    xi_aten_value v = s->value ? xi_machine_eval(m, s->value) : xi_aten_none();
    if (m->journal && m->journal->frame == m->frame) {
        xi_machine_fail(m, XINF_UNSUPPORTED, "a return within a branch that a run decides");
        return;
    }
    m->frame->result = v;
    m->frame->returned = true;
}

static void exec_assert(xi_machine *m, const xi_script_stmt *s)
{
    xi_aten_value c = xi_machine_eval(m, s->value);
    bool known = false;
    xi_value *truth = xi_machine_truth(m, &c, &known);
    if (!xi_machine_good(m) || (!truth && known)) return;
    xi_aten_value said = s->type ? xi_machine_eval(m, s->type) : xi_aten_none();
    xi_str message = said.kind == XI_ATEN_STRING ? said.s : XI_STR("an assertion does not hold");
    if (truth)
        xi_machine_raise_if(m, xi_aten_emit1(&m->x, "Not", truth), message);
    else
        xi_machine_raise(m, message);
}

static void exec_augment(xi_machine *m, const xi_script_stmt *s)
{
    static const char *const names[][2] = {
        {"+", "add"},       {"-", "sub"},  {"*", "mul"},     {"/", "div"},    {"//", "floordiv"},
        {"%", "remainder"}, {"**", "pow"}, {"&", "__and__"}, {"|", "__or__"}, {"^", "__xor__"}};
    xi_aten_value args[2] = {xi_machine_eval(m, s->targets), xi_machine_eval(m, s->value)},
                  v = xi_aten_none();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i][0], s->op) != 0) continue;
        bool in_place = args[0].kind == XI_ATEN_TENSOR && s->op[1] == 0 && strchr("+-*/", s->op[0]);
        char name[16];
        snprintf(name, sizeof name, "%s%s", names[i][1], in_place ? "_" : "");
        v = xi_machine_operator(m, xi_str_of(name), args, 2, NULL, 0);
        xi_machine_assign(m, s->targets, v);
        return;
    }
    xi_machine_fail(m, XINF_UNSUPPORTED, "the operator %s=", s->op);
}

static void exec_statement(xi_machine *m, const xi_script_stmt *s)
{
    xi_machine_at(m, s->line);
    switch (s->what) {
    case XI_SCRIPT_ASSIGN:
        if (s->value) xi_machine_assign(m, s->targets, xi_machine_eval(m, s->value));
        return;
    case XI_SCRIPT_AUGMENT: exec_augment(m, s); return;
    case XI_SCRIPT_EVALUATE: xi_machine_eval(m, s->value); return;
    case XI_SCRIPT_IF: exec_if(m, s); return;
    case XI_SCRIPT_WHILE: exec_while(m, s); return;
    case XI_SCRIPT_FOR: exec_for(m, s); return;
    case XI_SCRIPT_RETURN: exec_return(m, s); return;
    case XI_SCRIPT_RAISE: xi_machine_raise(m, XI_STR("raise")); return;
    case XI_SCRIPT_ASSERT: exec_assert(m, s); return;
    case XI_SCRIPT_WITH: xi_machine_run(m, &s->body); return;
    case XI_SCRIPT_PASS:
    case XI_SCRIPT_DELETE: return;
    default: xi_machine_fail(m, XINF_UNSUPPORTED, "break and continue"); return;
    }
}

void xi_machine_run(xi_machine *m, const xi_script_block *b)
{
    if (++m->depth > XI_MACHINE_DEPTH) {
        xi_machine_fail(m, XINF_LIMIT, "calls and expressions nest too deeply");
        return;
    }
    for (int32_t i = 0; i < b->count && exec_goes_on(m); i++) exec_statement(m, b->items[i]);
    m->depth--;
}
