/* machine_eval.c — expressions and assignments. */
#include "import/torch/machine.h"

#include "base/allocator.h"

#include <math.h>
#include <stdio.h>

void xi_machine_at(xi_machine *m, int32_t line)
{
    if (m->line == line && m->x.location.len) return;
    m->line = line;
    char text[300];
    int len = snprintf(text, sizeof text, "%.*s:%d", XI_STR_ARG(m->file), (int)line);
    char *copy = xi_arena_strndup(m->x.arena, text, (size_t)len);
    if (!copy) {
        xi_aten_memory(&m->x);
        return;
    }
    m->x.location = (xi_str){copy, (size_t)len};
}

/* ---- variables ---- */

xi_machine_variable *xi_machine_variable_of(xi_machine_frame *f, xi_str name)
{
    if (!f->capacity) return NULL;
    for (uint32_t at = (uint32_t)xi_str_hash(name) & (f->capacity - 1);;
         at = (at + 1) & (f->capacity - 1)) {
        xi_machine_variable *v = &f->variables[at];
        if (!v->name.ptr) return NULL;
        if (xi_str_eq(v->name, name)) return v;
    }
}

static xi_machine_variable *eval_insert(xi_machine_variable *table, uint32_t capacity, xi_str name)
{
    uint32_t at = (uint32_t)xi_str_hash(name) & (capacity - 1);
    while (table[at].name.ptr) at = (at + 1) & (capacity - 1);
    table[at].name = name;
    return &table[at];
}

static xi_machine_variable *eval_new_variable(xi_machine *m, xi_machine_frame *f, xi_str name)
{
    if (f->count * 2 >= f->capacity) {
        uint32_t capacity = f->capacity ? f->capacity * 2 : 32;
        xi_machine_variable *table = xi_arena_array(m->x.arena, capacity, sizeof *table);
        if (!table) return xi_aten_memory(&m->x), NULL;
        for (uint32_t i = 0; i < f->capacity; i++)
            if (f->variables[i].name.ptr)
                *eval_insert(table, capacity, f->variables[i].name) = f->variables[i];
        f->variables = table;
        f->capacity = capacity;
    }
    f->count++;
    return eval_insert(f->variables, f->capacity, name);
}

void xi_machine_set(xi_machine *m, xi_str name, xi_aten_value v)
{
    if (!xi_machine_good(m)) return;
    xi_machine_variable *at = xi_machine_variable_of(m->frame, name);
    if (!at) at = eval_new_variable(m, m->frame, name);
    if (!at) return;
    xi_machine_change *c = xi_machine_note(m, XI_MACHINE_VARIABLE, m->frame, name);
    if (c) {
        c->frame = m->frame;
        c->before = at->value;
        c->was_set = at->set;
    }
    at->value = v;
    at->set = true;
}

/* ---- parts of values ---- */

xi_aten_list *xi_machine_items(const xi_aten_value *v)
{
    if (v->kind == XI_ATEN_LIST || v->kind == XI_ATEN_TUPLE) return v->list;
    return NULL;
}

static void eval_unpack(xi_machine *m, const xi_script_expr *targets, const xi_aten_value *v)
{
    const xi_aten_list *list = xi_machine_items(v);
    if (!list && v->kind == XI_ATEN_OBJECT) {
        /* A named tuple. */
        const xi_machine_object *o = v->pointer;
        if (o->count != targets->count) {
            xi_machine_fail(m, XINF_MALFORMED, "%d values are taken from an object of %d",
                            (int)targets->count, (int)o->count);
            return;
        }
        for (int32_t i = 0; i < targets->count; i++)
            xi_machine_assign(m, targets->items[i], o->values[i]);
        return;
    }
    if (v->kind == XI_ATEN_SEQUENCE) {
        for (int32_t i = 0; i < targets->count && xi_machine_good(m); i++) {
            xi_aten_value at = xi_aten_int(i);
            xi_machine_assign(m, targets->items[i], xi_machine_index(m, v, &at));
        }
        return;
    }
    if (!list || list->count != targets->count) {
        xi_machine_fail(m, XINF_MALFORMED, "%d values are taken from a %s of %d",
                        (int)targets->count, xi_aten_kind_name(v), list ? (int)list->count : 1);
        return;
    }
    for (int32_t i = 0; i < targets->count; i++)
        xi_machine_assign(m, targets->items[i], list->items[i]);
}

void xi_machine_assign(xi_machine *m, const xi_script_expr *target, xi_aten_value v)
{
    if (!xi_machine_good(m) || xi_machine_dead(m)) return;
    switch (target->kind) {
    case XI_SCRIPT_NAME: xi_machine_set(m, target->text, v); return;
    case XI_SCRIPT_TUPLE:
    case XI_SCRIPT_LIST: eval_unpack(m, target, &v); return;
    case XI_SCRIPT_ATTRIBUTE: {
        xi_aten_value o = xi_machine_eval(m, target->items[0]);
        if (o.kind == XI_ATEN_OBJECT)
            xi_machine_set_attribute(m, o.pointer, target->text, v);
        else
            xi_machine_fail(m, XINF_MALFORMED, "a %s has no attributes to set",
                            xi_aten_kind_name(&o));
        return;
    }
    case XI_SCRIPT_SUBSCRIPT: {
        xi_aten_value args[3] = {xi_machine_eval(m, target->items[0]), xi_aten_none(), v};
        if (target->count == 2) args[1] = xi_machine_eval(m, target->items[1]);
        xi_machine_operator(m, XI_STR("_set_item"), args, 3, NULL, 0);
        return;
    }
    default: xi_machine_fail(m, XINF_UNSUPPORTED, "an assignment of this kind");
    }
}

/* ---- expressions ---- */

static xi_aten_value eval_list(xi_machine *m, const xi_script_expr *e)
{
    xi_aten_value list = xi_aten_new_list(
        &m->x, e->kind == XI_SCRIPT_LIST ? XI_ATEN_LIST : XI_ATEN_TUPLE, e->count);
    for (int32_t i = 0; i < e->count && xi_machine_good(m); i++) {
        xi_aten_value item = xi_machine_eval(m, e->items[i]);
        if (xi_machine_good(m)) xi_aten_append(&m->x, list.list, item);
    }
    return xi_machine_good(m) ? list : xi_aten_none();
}

static xi_aten_value eval_dict(xi_machine *m, const xi_script_expr *e)
{
    xi_aten_value out = {XI_ATEN_DICT, NULL, {.i = 0}};
    out.dict = xi_arena_alloc(m->x.arena, sizeof *out.dict);
    if (!out.dict) return xi_aten_memory(&m->x), xi_aten_none();
    for (int32_t i = 0; i + 1 < e->count && xi_machine_good(m); i += 2) {
        xi_aten_value args[3] = {out, xi_machine_eval(m, e->items[i]),
                                 xi_machine_eval(m, e->items[i + 1])};
        xi_machine_operator(m, XI_STR("_set_item"), args, 3, NULL, 0);
    }
    return out;
}

static xi_aten_value eval_constant(xi_machine *m, xi_str name)
{
    int64_t index = 0;
    bool good = name.len > 1 && name.len < 9 && name.ptr[0] == 'c';
    for (size_t i = 1; i < name.len; i++) {
        good = good && name.ptr[i] >= '0' && name.ptr[i] <= '9';
        index = index * 10 + (name.ptr[i] - '0');
    }
    if (!good || index >= m->archive->constant_count)
        return xi_machine_fail(m, XINF_MALFORMED, "there is no constant CONSTANTS.%.*s",
                               XI_STR_ARG(name));
    xi_aten_value *at = &m->constants[index];
    if (at->kind == XI_ATEN_NONE)
        *at = xi_machine_value(m, m->archive->constants[index],
                               xi_machine_join(m, XI_STR("CONSTANTS"), name));
    return *at;
}

/* a.b.c of names only, as one text; false: it is something else. */
static bool eval_dotted(xi_machine *m, const xi_script_expr *e, xi_str *out)
{
    const xi_script_expr *chain[64];
    int depth = 0;
    for (; e->kind == XI_SCRIPT_ATTRIBUTE && depth < 63; e = e->items[0]) chain[depth++] = e;
    if (e->kind != XI_SCRIPT_NAME) return false;
    *out = e->text;
    while (depth-- > 0) *out = xi_machine_join(m, *out, chain[depth]->text);
    return xi_machine_good(m);
}

static xi_aten_value eval_symbol(xi_machine *m, xi_str qualified)
{
    const xi_machine_symbol *s = xi_machine_find(m, qualified);
    if (!xi_machine_good(m)) return xi_aten_none();
    if (s) {
        xi_machine_callable *c = xi_arena_alloc(m->x.arena, sizeof *c);
        if (!c) return xi_aten_memory(&m->x), xi_aten_none();
        c->symbol = s;
        return (xi_aten_value){XI_ATEN_FUNCTION, NULL, {.pointer = c}};
    }
    return xi_machine_fail(m, XINF_MALFORMED, "no code declares %.*s", XI_STR_ARG(qualified));
}

/* A class's constant: "Final[int] = 3", an enumeration's member. */
static bool eval_class_constant(xi_machine *m, const xi_machine_symbol *s, xi_str name,
                                xi_aten_value *out)
{
    for (int32_t i = 0; s && s->type && i < s->type->field_count; i++)
        if (xi_str_eq(s->type->fields[i].name, name) && s->type->fields[i].value) {
            *out = xi_machine_eval(m, s->type->fields[i].value);
            return true;
        }
    return false;
}

static xi_aten_value eval_attribute_of(xi_machine *m, xi_aten_value o, xi_str name)
{
    if (!xi_machine_good(m)) return xi_aten_none();
    if (o.kind == XI_ATEN_OBJECT) {
        xi_machine_object *object = o.pointer;
        xi_aten_value *at = xi_machine_attribute(object, name), constant;
        if (at && at->kind != XI_MACHINE_NOTHING) {
            uint8_t *mark = &object->marks[at - object->values];
            if (!(*mark & XI_MACHINE_WRITTEN)) *mark |= XI_MACHINE_READ;
            return *at;
        }
        if (eval_class_constant(m, object->symbol, name, &constant)) return constant;
        const xi_script_function *method = xi_machine_method(object->symbol, name);
        if (method) {
            xi_machine_callable *c = xi_arena_alloc(m->x.arena, sizeof *c);
            if (!c) return xi_aten_memory(&m->x), xi_aten_none();
            *c = (xi_machine_callable){.symbol = object->symbol, .self = object, .method = method};
            return (xi_aten_value){XI_ATEN_FUNCTION, NULL, {.pointer = c}};
        }
        return xi_machine_fail(
            m, XINF_MALFORMED, "an object of class %.*s has no attribute \"%.*s\"",
            XI_STR_ARG(object->symbol && object->symbol->type ? object->symbol->type->name
                                                              : XI_STR("?")),
            XI_STR_ARG(name));
    }
    if (o.kind == XI_ATEN_FUNCTION) {
        const xi_machine_callable *c = o.pointer;
        xi_aten_value member;
        if (c->symbol && eval_class_constant(m, c->symbol, name, &member)) return member;
    }
    /* Properties of tensors; of an enumeration's member, which is its value here. */
    if (o.kind == XI_ATEN_TENSOR)
        return xi_machine_operator(m, xi_machine_join(m, XI_STR("prim:"), name), &o, 1, NULL, 0);
    if (xi_str_is(name, "value")) return o;
    return xi_machine_fail(m, XINF_UNSUPPORTED, "attribute \"%.*s\" of a %s", XI_STR_ARG(name),
                           xi_aten_kind_name(&o));
}

static xi_aten_value eval_attribute(xi_machine *m, const xi_script_expr *e)
{
    const xi_script_expr *root = e;
    while (root->kind == XI_SCRIPT_ATTRIBUTE) root = root->items[0];
    if (root->kind == XI_SCRIPT_NAME) {
        const xi_machine_variable *v = xi_machine_variable_of(m->frame, root->text);
        xi_str dotted;
        if ((!v || !v->set) && eval_dotted(m, e, &dotted)) {
            if (xi_str_is(root->text, "CONSTANTS")) return eval_constant(m, e->text);
            /* An enumeration's member, or a name of its own. */
            if (e->items[0]->kind == XI_SCRIPT_ATTRIBUTE && !xi_machine_find(m, dotted) &&
                xi_machine_good(m)) {
                xi_str outer;
                if (eval_dotted(m, e->items[0], &outer) && xi_machine_find(m, outer))
                    return eval_attribute_of(m, eval_symbol(m, outer), e->text);
            }
            return eval_symbol(m, dotted);
        }
    }
    return eval_attribute_of(m, xi_machine_eval(m, e->items[0]), e->text);
}

static xi_aten_value eval_name(xi_machine *m, const xi_script_expr *e)
{
    const xi_machine_variable *v = xi_machine_variable_of(m->frame, e->text);
    if (v && v->set) {
        /* What never got a value may be carried along, as long as nobody looks at it. */
        return v->value;
    }
    if (xi_str_is(e->text, "inf")) return xi_aten_double((double)INFINITY);
    if (xi_str_is(e->text, "nan")) return xi_aten_double((double)NAN);
    if (xi_str_is(e->text, "infj") || xi_str_is(e->text, "nanj"))
        return xi_machine_fail(m, XINF_UNSUPPORTED, "complex numbers");
    return xi_machine_fail(m, XINF_MALFORMED, "nothing is named \"%.*s\"", XI_STR_ARG(e->text));
}

static xi_aten_value eval_slice(xi_machine *m, const xi_script_expr *e)
{
    xi_aten_value args[4] = {xi_machine_eval(m, e->items[0])};
    const xi_script_expr *s = e->items[1];
    for (int i = 0; i < 3; i++)
        args[i + 1] = s->items[i] ? xi_machine_eval(m, s->items[i]) : xi_aten_none();
    return xi_machine_operator(m, XI_STR("slice"), args, 4, NULL, 0);
}

static xi_aten_value eval_subscript(xi_machine *m, const xi_script_expr *e)
{
    if (e->count == 2 && e->items[1]->kind == XI_SCRIPT_SLICE) return eval_slice(m, e);
    if (e->count != 2) return xi_machine_fail(m, XINF_UNSUPPORTED, "an index of several parts");
    xi_aten_value v = xi_machine_eval(m, e->items[0]), index = xi_machine_eval(m, e->items[1]);
    return xi_machine_good(m) ? xi_machine_index(m, &v, &index) : xi_aten_none();
}

static const char *eval_operator_name(const char *op)
{
    static const char *const names[][2] = {
        {"+", "add"},         {"-", "sub"},       {"*", "mul"},
        {"/", "div"},         {"//", "floordiv"}, {"%", "remainder"},
        {"**", "pow"},        {"@", "matmul"},    {"==", "eq"},
        {"!=", "ne"},         {"<", "lt"},        {"<=", "le"},
        {">", "gt"},          {">=", "ge"},       {"&", "__and__"},
        {"|", "__or__"},      {"^", "__xor__"},   {"<<", "__lshift__"},
        {">>", "__rshift__"}, {"is", "__is__"},   {"is not", "__isnot__"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], op) == 0) return names[i][1];
    return NULL;
}

static xi_aten_value eval_logic(xi_machine *m, const xi_script_expr *e, bool is_or)
{
    xi_aten_value a = xi_machine_eval(m, e->items[0]);
    bool known = false;
    xi_value *truth = xi_machine_truth(m, &a, &known);
    if (!xi_machine_good(m)) return xi_aten_none();
    if (!truth) return known == is_or ? xi_aten_bool(known) : xi_machine_eval(m, e->items[1]);
    xi_aten_value args[2] = {xi_aten_dynamic(XI_ATEN_BOOL, truth), xi_machine_eval(m, e->items[1])};
    return xi_machine_operator(m, is_or ? XI_STR("__or__") : XI_STR("__and__"), args, 2, NULL, 0);
}

static xi_aten_value eval_binary(xi_machine *m, const xi_script_expr *e)
{
    if (strcmp(e->op, "and") == 0 || strcmp(e->op, "or") == 0)
        return eval_logic(m, e, e->op[0] == 'o');
    xi_aten_value args[2] = {xi_machine_eval(m, e->items[0]), xi_machine_eval(m, e->items[1])};
    if (strcmp(e->op, "in") == 0 || strcmp(e->op, "not in") == 0) {
        xi_aten_value swapped[2] = {args[1], args[0]};
        xi_aten_value in = xi_machine_operator(m, XI_STR("__contains__"), swapped, 2, NULL, 0);
        return e->op[0] == 'n' ? xi_machine_operator(m, XI_STR("__not__"), &in, 1, NULL, 0) : in;
    }
    return xi_machine_operator(m, xi_str_of(eval_operator_name(e->op)), args, 2, NULL, 0);
}

static xi_aten_value eval_unary(xi_machine *m, const xi_script_expr *e)
{
    xi_aten_value v = xi_machine_eval(m, e->items[0]);
    if (e->op[0] == '+') return v;
    return xi_machine_operator(m,
                               e->op[0] == '-'   ? XI_STR("neg")
                               : e->op[0] == '~' ? XI_STR("bitwise_not")
                                                 : XI_STR("__not__"),
                               &v, 1, NULL, 0);
}

static xi_aten_value eval_choice(xi_machine *m, const xi_script_expr *e)
{
    xi_aten_value c = xi_machine_eval(m, e->items[0]);
    bool known = false;
    xi_value *truth = xi_machine_truth(m, &c, &known);
    if (!xi_machine_good(m)) return xi_aten_none();
    return truth ? xi_machine_choice(m, e, truth) : xi_machine_eval(m, e->items[known ? 1 : 2]);
}

static xi_aten_value eval_kind(xi_machine *m, const xi_script_expr *e)
{
    switch (e->kind) {
    case XI_SCRIPT_NAME: return eval_name(m, e);
    case XI_SCRIPT_NONE: return xi_aten_none();
    case XI_SCRIPT_BOOL: return xi_aten_bool(e->i != 0);
    case XI_SCRIPT_INT: return xi_aten_int(e->i);
    case XI_SCRIPT_FLOAT: return xi_aten_double(e->d);
    case XI_SCRIPT_STRING: return xi_aten_string(e->text);
    case XI_SCRIPT_TUPLE:
    case XI_SCRIPT_LIST: return eval_list(m, e);
    case XI_SCRIPT_DICT: return eval_dict(m, e);
    case XI_SCRIPT_ATTRIBUTE: return eval_attribute(m, e);
    case XI_SCRIPT_CALL: return xi_machine_call_expr(m, e);
    case XI_SCRIPT_SUBSCRIPT: return eval_subscript(m, e);
    case XI_SCRIPT_UNARY: return eval_unary(m, e);
    case XI_SCRIPT_BINARY: return eval_binary(m, e);
    case XI_SCRIPT_CHOICE: return eval_choice(m, e);
    case XI_SCRIPT_IMAGINARY: return xi_machine_fail(m, XINF_UNSUPPORTED, "complex numbers");
    default: return xi_machine_fail(m, XINF_UNSUPPORTED, "an expression of this kind");
    }
}

xi_aten_value xi_machine_eval(xi_machine *m, const xi_script_expr *e)
{
    if (!xi_machine_good(m)) return xi_aten_none();
    if (xi_machine_dead(m)) return (xi_aten_value){XI_MACHINE_NOTHING, NULL, {.i = 0}};
    if (++m->depth > XI_MACHINE_DEPTH)
        return xi_machine_fail(m, XINF_LIMIT, "calls and expressions nest too deeply");
    if (e->line != m->line) xi_machine_at(m, e->line);
    xi_aten_value v = eval_kind(m, e);
    m->depth--;
    return xi_machine_good(m) ? v : xi_aten_none();
}
