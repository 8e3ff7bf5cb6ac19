/* machine_invoke.c — calls: of the program's functions, methods and classes, of words of the
 * language, of operators. */
#include "import/torch/machine.h"

#include "base/allocator.h"
#include "import/torch/op.h"

/* ---- functions of the program ---- */

static void invoke_bind(xi_machine *m, const xi_script_function *f, const xi_aten_value *args,
                        int32_t count, const xi_aten_named *named, int32_t named_count)
{
    if (count > f->param_count) {
        xi_machine_fail(m, XINF_MALFORMED, "%.*s takes %d arguments and is given %d",
                        XI_STR_ARG(f->name), (int)f->param_count, (int)count);
        return;
    }
    for (int32_t i = 0; i < f->param_count && xi_machine_good(m); i++) {
        const xi_script_param *p = &f->params[i];
        const xi_aten_value *given = i < count ? &args[i] : NULL;
        for (int32_t k = 0; k < named_count && !given; k++)
            if (xi_str_eq(named[k].name, p->name)) given = &named[k].value;
        if (given)
            xi_machine_set(m, p->name, *given);
        else if (p->value)
            xi_machine_set(m, p->name, xi_machine_eval(m, p->value));
        else
            xi_machine_fail(m, XINF_MALFORMED, "%.*s is not given its argument \"%.*s\"",
                            XI_STR_ARG(f->name), XI_STR_ARG(p->name));
    }
}

xi_aten_value xi_machine_invoke(xi_machine *m, const xi_machine_symbol *symbol,
                                const xi_script_function *f, const xi_aten_value *args,
                                int32_t count, const xi_aten_named *named, int32_t named_count)
{
    xi_machine_frame frame = {.caller = m->frame, .symbol = symbol};
    xi_str file = m->file, location = m->x.location;
    int32_t line = m->line;
    if (!xi_machine_good(m)) return xi_aten_none();
    if (m->calls >= XI_MACHINE_CALLS)
        return xi_machine_fail(m, XINF_LIMIT,
                               "more than %d calls within each other: does %.*s call itself?",
                               XI_MACHINE_CALLS, XI_STR_ARG(f->name));
    m->calls++;
    m->frame = &frame;
    m->file = symbol->file->name;
    xi_machine_at(m, f->line);
    invoke_bind(m, f, args, count, named, named_count);
    xi_machine_run(m, &f->body);
    m->frame = frame.caller;
    m->calls--;
    if (!xi_machine_good(m)) return xi_aten_none();
    m->file = file;
    m->line = line;
    m->x.location = location;
    return frame.returned ? frame.result
                          : (xi_aten_value){m->journal && m->journal->raised ? XI_MACHINE_NOTHING
                                                                             : XI_ATEN_NONE,
                                            NULL,
                                            {.i = 0}};
}

/* Fields of a named tuple are its declared names, in order; of any other class the work of
 * __init__. */
static xi_aten_value invoke_construct(xi_machine *m, const xi_machine_symbol *symbol,
                                      const xi_aten_value *args, int32_t count,
                                      const xi_aten_named *named, int32_t named_count)
{
    xi_aten_value out = xi_machine_new_object(m, symbol);
    const xi_script_function *init = xi_machine_method(symbol, XI_STR("__init__"));
    if (!xi_machine_good(m)) return out;
    if (init) {
        xi_aten_value *all = xi_arena_array(m->x.arena, (size_t)count + 1, sizeof *all);
        if (!all) return xi_aten_memory(&m->x), xi_aten_none();
        all[0] = out;
        if (count) memcpy(all + 1, args, (size_t)count * sizeof *args);
        xi_machine_invoke(m, symbol, init, all, count + 1, named, named_count);
        return out;
    }
    int32_t fields = symbol->type->field_count;
    for (int32_t i = 0; i < fields && xi_machine_good(m); i++) {
        const xi_script_field *f = &symbol->type->fields[i];
        const xi_aten_value *given = i < count ? &args[i] : NULL;
        for (int32_t k = 0; k < named_count && !given; k++)
            if (xi_str_eq(named[k].name, f->name)) given = &named[k].value;
        if (given)
            xi_machine_set_attribute(m, out.pointer, f->name, *given);
        else if (f->value)
            xi_machine_set_attribute(m, out.pointer, f->name, xi_machine_eval(m, f->value));
    }
    return out;
}

/* ---- words of the language ---- */

static bool invoke_type_is(const xi_machine *m, const xi_script_expr *type, const xi_aten_value *v)
{
    xi_str name = type->kind == XI_SCRIPT_SUBSCRIPT ? type->items[0]->text : type->text;
    if (type->kind == XI_SCRIPT_TUPLE || type->kind == XI_SCRIPT_LIST) {
        for (int32_t i = 0; i < type->count; i++)
            if (invoke_type_is(m, type->items[i], v)) return true;
        return false;
    }
    if (xi_str_is(name, "Optional") && type->kind == XI_SCRIPT_SUBSCRIPT)
        return v->kind == XI_ATEN_NONE || invoke_type_is(m, type->items[1], v);
    if (xi_str_is(name, "Union") && type->kind == XI_SCRIPT_SUBSCRIPT) {
        for (int32_t i = 1; i < type->count; i++)
            if (invoke_type_is(m, type->items[i], v)) return true;
        return false;
    }
    switch (v->kind) {
    case XI_ATEN_TENSOR: return xi_str_is(name, "Tensor");
    case XI_ATEN_INT: return xi_str_is(name, "int");
    case XI_ATEN_DOUBLE: return xi_str_is(name, "float");
    case XI_ATEN_BOOL: return xi_str_is(name, "bool");
    case XI_ATEN_STRING: return xi_str_is(name, "str");
    case XI_ATEN_NONE: return xi_str_is(name, "NoneType") || type->kind == XI_SCRIPT_NONE;
    case XI_ATEN_LIST:
    case XI_ATEN_SEQUENCE:
        if (!xi_str_is(name, "List") && !xi_str_is(name, "list")) return false;
        return type->kind != XI_SCRIPT_SUBSCRIPT || v->kind == XI_ATEN_SEQUENCE ||
               !v->list->count || invoke_type_is(m, type->items[1], &v->list->items[0]);
    case XI_ATEN_TUPLE: return xi_str_is(name, "Tuple") || xi_str_is(name, "tuple");
    case XI_ATEN_DICT: return xi_str_is(name, "Dict") || xi_str_is(name, "dict");
    case XI_ATEN_OBJECT: {
        const xi_machine_object *o = v->pointer;
        return o->symbol && o->symbol->type && xi_str_eq(o->symbol->type->name, type->text);
    }
    default: return false;
    }
}

/* bool(x), float(x), int(x) of a tensor of one element or of a number. */
static xi_aten_value invoke_convert(xi_machine *m, xi_str word, const xi_script_expr *e)
{
    xi_aten_value v = xi_machine_eval(m, e->items[1]);
    const char *name = xi_str_is(word, "int") ? "Int" : xi_str_is(word, "float") ? "Float" : "Bool";
    return xi_machine_operator(m, xi_str_of(name), &v, 1, NULL, 0);
}

/* annotate, unchecked_cast: the value itself, as an empty list knows no other type here. True: it
 * was one of these. */
static bool invoke_typed_word(xi_machine *m, xi_str word, const xi_script_expr *e,
                              xi_aten_value *out)
{
    int32_t count = e->count - 1;
    if (xi_str_is(word, "annotate") || xi_str_is(word, "unchecked_cast")) {
        if (count != 2) return false;
        *out = xi_machine_eval(m, e->items[2]);
        return true;
    }
    if (xi_str_is(word, "uninitialized")) {
        *out = (xi_aten_value){XI_MACHINE_NOTHING, NULL, {.i = 0}};
        return true;
    }
    if (xi_str_is(word, "isinstance") && count == 2) {
        xi_aten_value v = xi_machine_eval(m, e->items[1]);
        *out = xi_aten_bool(invoke_type_is(m, e->items[2], &v));
        return true;
    }
    if ((xi_str_is(word, "getattr") || xi_str_is(word, "hasattr")) && count >= 2 &&
        e->items[2]->kind == XI_SCRIPT_STRING) {
        xi_aten_value o = xi_machine_eval(m, e->items[1]);
        xi_aten_value *at = o.kind == XI_ATEN_OBJECT
                                ? xi_machine_attribute(o.pointer, e->items[2]->text)
                                : NULL;
        bool found = at && at->kind != XI_MACHINE_NOTHING;
        if (word.ptr[0] == 'h')
            *out = xi_aten_bool(found);
        else
            *out = found ? *at
                         : xi_machine_fail(m, XINF_MALFORMED, "there is no attribute \"%.*s\"",
                                           XI_STR_ARG(e->items[2]->text));
        return true;
    }
    return false;
}

static bool invoke_word(xi_machine *m, xi_str word, const xi_script_expr *e, xi_aten_value *out)
{
    if (invoke_typed_word(m, word, e, out)) return true;
    if (e->count == 2 && !e->named &&
        (xi_str_is(word, "int") || xi_str_is(word, "float") || xi_str_is(word, "bool"))) {
        *out = invoke_convert(m, word, e);
        return true;
    }
    static const char *const names[][2] = {
        {"len", "len"},           {"str", "str"},       {"list", "list"},
        {"min", "prim::min"},     {"max", "prim::max"}, {"abs", "prim::abs"},
        {"round", "round"},       {"sorted", "sorted"}, {"sum", "sum"},
        {"print", "prim::Print"}, {"range", "range"},   {"ord", "ord"},
        {"chr", "chr"},           {"divmod", "divmod"}, {"device", "prim::device_of"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!xi_str_is(word, names[i][0])) continue;
        xi_aten_value *args = xi_arena_array(m->x.arena, (size_t)e->count, sizeof *args);
        if (!args) return xi_aten_memory(&m->x), true;
        for (int32_t k = 1; k < e->count; k++) args[k - 1] = xi_machine_eval(m, e->items[k]);
        *out = xi_machine_operator(m, xi_str_of(names[i][1]), args, e->count - 1, NULL, 0);
        return true;
    }
    return false;
}

/* ---- which one is meant ---- */

typedef struct invoke_args {
    xi_aten_value *args; /* one place is free in front of the first */
    xi_aten_named *named;
    int32_t count, named_count;
} invoke_args;

static bool invoke_evaluate(xi_machine *m, const xi_script_expr *e, invoke_args *a)
{
    xi_aten_value *args = xi_arena_array(m->x.arena, (size_t)e->count + 1, sizeof *args);
    a->named = xi_arena_array(m->x.arena, (size_t)e->named, sizeof *a->named);
    if (!args || !a->named) return xi_aten_memory(&m->x), false;
    a->args = args + 1;
    a->count = e->count - 1 - e->named;
    a->named_count = e->named;
    for (int32_t i = 0; i < a->count && xi_machine_good(m); i++) {
        const xi_script_expr *item = e->items[i + 1];
        if (item->kind == XI_SCRIPT_STAR)
            return xi_machine_fail(m, XINF_UNSUPPORTED, "a starred argument"), false;
        a->args[i] = xi_machine_eval(m, item);
    }
    for (int32_t i = 0; i < a->named_count && xi_machine_good(m); i++)
        a->named[i] = (xi_aten_named){e->names[i], xi_machine_eval(m, e->items[1 + a->count + i])};
    return xi_machine_good(m) && !xi_machine_dead(m);
}

static xi_aten_value invoke_callable(xi_machine *m, const xi_machine_callable *c, invoke_args *a)
{
    if (c->self) {
        a->args[-1] = (xi_aten_value){XI_ATEN_OBJECT, NULL, {.pointer = c->self}};
        return xi_machine_invoke(m, c->symbol, c->method, a->args - 1, a->count + 1, a->named,
                                 a->named_count);
    }
    if (c->symbol->function)
        return xi_machine_invoke(m, c->symbol, c->symbol->function, a->args, a->count, a->named,
                                 a->named_count);
    return invoke_construct(m, c->symbol, a->args, a->count, a->named, a->named_count);
}

/* "torch.add" → add, "ops.quantized.linear" → quantized::linear, "ops.prim.min" → prim::min; false:
 * none of these. */
static bool invoke_operator_name(xi_machine *m, const xi_script_expr *callee, xi_str *out)
{
    const xi_script_expr *root = callee->items[0];
    if (root->kind == XI_SCRIPT_NAME && xi_str_is(root->text, "torch")) {
        *out = callee->text;
        return true;
    }
    if (root->kind != XI_SCRIPT_ATTRIBUTE || root->items[0]->kind != XI_SCRIPT_NAME) return false;
    bool ops = xi_str_is(root->items[0]->text, "ops"),
         torch = xi_str_is(root->items[0]->text, "torch");
    if (!ops && !torch) return false;
    if (ops && xi_str_is(root->text, "aten")) {
        *out = callee->text;
        return true;
    }
    size_t len = root->text.len + 2 + callee->text.len;
    char *text = xi_arena_array(m->x.arena, 1, len + 1);
    if (!text) return xi_aten_memory(&m->x), false;
    memcpy(text, root->text.ptr, root->text.len);
    memcpy(text + root->text.len, "::", 2);
    memcpy(text + root->text.len + 2, callee->text.ptr, callee->text.len);
    *out = (xi_str){text, len};
    return true;
}

/* fork(f, …) is the call itself; wait(x) is x. */
static xi_aten_value invoke_fork(xi_machine *m, const xi_script_expr *e)
{
    invoke_args a;
    if (e->count < 2 || !invoke_evaluate(m, e, &a)) return xi_aten_none();
    if (a.args[0].kind != XI_ATEN_FUNCTION) return a.args[0];
    const xi_machine_callable *c = a.args[0].pointer;
    a.args++;
    a.count--;
    return invoke_callable(m, c, &a);
}

xi_aten_value xi_machine_call_expr(xi_machine *m, const xi_script_expr *e)
{
    const xi_script_expr *callee = e->items[0];
    xi_aten_value out;
    xi_str name;
    invoke_args a;
    int32_t line = m->line;
    if (callee->kind == XI_SCRIPT_NAME) {
        const xi_machine_variable *v = xi_machine_variable_of(m->frame, callee->text);
        if (!v || !v->set) {
            if (xi_str_is(callee->text, "fork") || xi_str_is(callee->text, "wait"))
                return invoke_fork(m, e);
            if (invoke_word(m, callee->text, e, &out))
                return xi_machine_good(m) ? out : xi_aten_none();
        }
    }
    if (callee->kind == XI_SCRIPT_ATTRIBUTE && invoke_operator_name(m, callee, &name)) {
        if (!invoke_evaluate(m, e, &a)) return xi_aten_none();
        xi_machine_at(m, line);
        return xi_machine_operator(m, name, a.args, a.count, a.named, a.named_count);
    }
    xi_aten_value f = xi_machine_eval(m, callee);
    if (!xi_machine_good(m) || !invoke_evaluate(m, e, &a)) return xi_aten_none();
    if (f.kind == XI_ATEN_FUNCTION) return invoke_callable(m, f.pointer, &a);
    if (f.kind == XI_ATEN_OBJECT) {
        const xi_machine_object *o = f.pointer;
        const xi_script_function *method = xi_machine_method(o->symbol, XI_STR("__call__"));
        if (!method) method = xi_machine_method(o->symbol, XI_STR("forward"));
        if (method)
            return invoke_callable(m, &(xi_machine_callable){o->symbol, f.pointer, method}, &a);
    }
    return xi_machine_fail(m, XINF_MALFORMED, "a %s cannot be called", xi_aten_kind_name(&f));
}

/* ---- operators ---- */

static bool invoke_starts(xi_str s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len > len && memcmp(s.ptr, prefix, len) == 0;
}

/* Properties: x.dtype, x.device … */
static bool invoke_property(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *v)
{
    xi_value *contents = xi_aten_arg(&m->x, v);
    if (!xi_machine_good(m)) return true;
    if (xi_str_is(name, "dtype")) {
        xinf_dtype d = xi_aten_dtype(contents);
        if (d == XINF_UNDEFINED) {
            m->x.wants_types = true;
            xi_machine_fail(m, XINF_UNSUPPORTED, "the dtype of a tensor is asked before it runs");
        }
        *out = xi_aten_int(v->tensor->scale ? v->tensor->dtype : xi_torch_dtype_of(d));
        return true;
    }
    if (xi_str_is(name, "device"))
        *out = (xi_aten_value){XI_ATEN_DEVICE, NULL, {.s = XI_STR("cpu")}};
    else if (xi_str_is(name, "layout"))
        *out = xi_aten_int(0);
    else if (xi_str_is(name, "is_cuda") || xi_str_is(name, "requires_grad") ||
             xi_str_is(name, "is_sparse") || xi_str_is(name, "is_mkldnn") ||
             xi_str_is(name, "is_mps") || xi_str_is(name, "is_meta") ||
             xi_str_is(name, "is_nested") || xi_str_is(name, "is_xpu"))
        *out = xi_aten_bool(false);
    else if (xi_str_is(name, "is_quantized"))
        *out = xi_aten_bool(v->tensor->scale != NULL);
    else if (xi_str_is(name, "data") || xi_str_is(name, "detach"))
        *out = *v;
    else if (xi_str_is(name, "T") || xi_str_is(name, "mT"))
        *out = xi_machine_operator(m, xi_str_is(name, "T") ? XI_STR("numpy_T") : XI_STR("mT"), v, 1,
                                   NULL, 0);
    else if (xi_str_is(name, "shape"))
        *out = xi_machine_operator(m, XI_STR("size"), v, 1, NULL, 0);
    else if (xi_str_is(name, "ndim"))
        *out = xi_machine_operator(m, XI_STR("dim"), v, 1, NULL, 0);
    else
        return false;
    return true;
}

static bool invoke_tensor_word(xi_aten_value *out, xi_machine *m, xi_str name,
                               const xi_aten_value *args, int32_t count)
{
    xi_value *v;
    if (count < 1 || args[0].kind != XI_ATEN_TENSOR) return false;
    if (count == 1 && xi_str_is(name, "size")) {
        v = xi_aten_arg(&m->x, &args[0]);
        int32_t rank = xi_aten_need_rank(&m->x, v, "the size");
        *out = xi_aten_new_list(&m->x, XI_ATEN_LIST, rank);
        for (int32_t i = 0; i < rank && xi_machine_good(m); i++)
            xi_aten_append(&m->x, out->list, xi_aten_size(&m->x, v, i));
        return true;
    }
    if (count == 2 && xi_str_is(name, "size")) {
        *out = xi_aten_size(&m->x, xi_aten_arg(&m->x, &args[0]),
                            xi_aten_arg_int(&m->x, &args[1], "size"));
        return true;
    }
    if (count == 1 && (xi_str_is(name, "dim") || xi_str_is(name, "ndimension"))) {
        v = xi_aten_arg(&m->x, &args[0]);
        if (!xi_machine_good(m)) return true;
        if (xi_aten_rank(v) >= 0)
            *out = xi_aten_int(xi_aten_rank(v));
        else
            *out = xi_aten_dynamic(
                XI_ATEN_INT,
                xi_aten_reshape(&m->x,
                                xi_aten_emit1(&m->x, "Size", xi_aten_emit1(&m->x, "Shape", v)),
                                NULL, 0));
        if (xi_aten_rank(v) < 0) m->x.wants_types = true;
        return true;
    }
    if (count == 1 && xi_str_is(name, "len")) {
        *out = xi_aten_size(&m->x, xi_aten_arg(&m->x, &args[0]), 0);
        return true;
    }
    if (count == 1 && xi_str_is(name, "numel")) {
        v = xi_aten_arg(&m->x, &args[0]);
        int64_t elements = 1;
        if (!xi_machine_good(m)) return true;
        if (!xi_shape_known(&v->type.shape)) {
            *out = xi_aten_dynamic(XI_ATEN_INT, xi_aten_emit1(&m->x, "Size", v));
            return true;
        }
        for (int32_t i = 0; i < v->type.shape.rank; i++) elements *= v->type.shape.dim[i];
        *out = xi_aten_int(elements);
        return true;
    }
    if (count == 1 && (xi_str_is(name, "is_floating_point") || xi_str_is(name, "is_complex"))) {
        xinf_dtype d = xi_aten_dtype(xi_aten_arg(&m->x, &args[0]));
        bool complex = d == XINF_COMPLEX64 || d == XINF_COMPLEX128;
        if (d == XINF_UNDEFINED) m->x.wants_types = true;
        *out = xi_aten_bool(name.ptr[3] == 'c' ? complex
                                               : xi_aten_is_float(xi_aten_arg(&m->x, &args[0])));
        return true;
    }
    return false;
}

static bool invoke_is_nothing(const xi_aten_value *v)
{
    return v->kind == XI_MACHINE_NOTHING;
}

/* None stands for itself whatever it is compared with. */
static bool invoke_identity(xi_aten_value *out, xi_str name, const xi_aten_value *args,
                            int32_t count)
{
    bool is = xi_str_is(name, "__is__"), isnt = xi_str_is(name, "__isnot__");
    if ((!is && !isnt) || count != 2) return false;
    bool same = args[0].kind == args[1].kind &&
                (args[0].kind == XI_ATEN_NONE ||
                 (!args[0].scalar && !args[1].scalar && args[0].i == args[1].i));
    *out = xi_aten_bool(same == is);
    return true;
}

static bool invoke_control(xi_aten_value *out, xi_machine *m, xi_str name,
                           const xi_aten_value *args, int32_t count)
{
    *out = xi_aten_none();
    if (xi_str_is(name, "prim::RaiseException")) {
        xi_machine_raise(m, count && args[0].kind == XI_ATEN_STRING ? args[0].s
                                                                    : XI_STR("an exception"));
        return true;
    }
    if (xi_str_is(name, "prim::Print") || xi_str_is(name, "warn") ||
        xi_str_is(name, "set_grad_enabled") || xi_str_is(name, "prim::TimePoint") ||
        xi_str_is(name, "manual_seed"))
        return true;
    if ((xi_str_is(name, "_assert_async") || xi_str_is(name, "_assert_scalar")) && count >= 1) {
        bool known = false;
        xi_value *truth = xi_machine_truth(m, &args[0], &known);
        xi_str message = count > 1 && args[1].kind == XI_ATEN_STRING
                             ? args[1].s
                             : XI_STR("an assertion does not hold");
        if (truth)
            xi_machine_raise_if(m, xi_aten_emit1(&m->x, "Not", truth), message);
        else if (!known && xi_machine_good(m))
            xi_machine_raise(m, message);
        return true;
    }
    if (xi_str_is(name, "is_grad_enabled") || xi_str_is(name, "prim::is_autocast_enabled") ||
        xi_str_is(name, "is_autocast_enabled") || xi_str_is(name, "is_scripting_disabled") ||
        xi_str_is(name, "prim::is_cuda_device")) {
        *out = xi_aten_bool(false);
        return true;
    }
    if (xi_str_is(name, "is_scripting") || xi_str_is(name, "prim::is_scripting")) {
        *out = xi_aten_bool(true);
        return true;
    }
    if (xi_str_is(name, "get_default_dtype")) {
        *out = xi_aten_int(XI_TORCH_FLOAT32);
        return true;
    }
    if ((xi_str_is(name, "unchecked_unwrap_optional") || xi_str_is(name, "_unwrap_optional") ||
         xi_str_is(name, "prim::unchecked_unwrap_optional") ||
         xi_str_is(name, "prim::unchecked_cast") || xi_str_is(name, "wait") ||
         xi_str_is(name, "prim::data") || xi_str_is(name, "prim::id")) &&
        count >= 1) {
        *out = args[count - 1];
        return true;
    }
    if (xi_str_is(name, "prim::device_of") || xi_str_is(name, "device")) {
        *out = (xi_aten_value){XI_ATEN_DEVICE, NULL, {.s = XI_STR("cpu")}};
        return true;
    }
    return false;
}

/* Numbers that a trace keeps in tensors: NumToTensor, and back. */
static bool invoke_between(xi_aten_value *out, xi_machine *m, xi_str name,
                           const xi_aten_value *args, int32_t count)
{
    if (count != 1) return false;
    if (xi_str_is(name, "prim::NumToTensor") || xi_str_is(name, "NumToTensor")) {
        if (args[0].kind == XI_ATEN_TENSOR)
            *out = args[0];
        else
            *out = xi_aten_tensor_of(&m->x, xi_machine_scalar(m, &args[0]));
        return true;
    }
    bool to_int = xi_str_is(name, "Int") || xi_str_is(name, "IntImplicit"),
         to_float = xi_str_is(name, "Float") || xi_str_is(name, "FloatImplicit");
    bool to_bool = xi_str_is(name, "Bool"),
         any = xi_str_is(name, "item") || xi_str_is(name, "Scalar") ||
               xi_str_is(name, "ScalarImplicit") || xi_str_is(name, "_local_scalar_dense");
    if (args[0].kind != XI_ATEN_TENSOR || (!to_int && !to_float && !to_bool && !any)) return false;
    xi_value *v = xi_aten_arg(&m->x, &args[0]);
    if (!xi_machine_good(m)) return true;
    xinf_dtype d = xi_aten_dtype(v);
    xi_aten_kind kind = to_int                 ? XI_ATEN_INT
                        : to_float             ? XI_ATEN_DOUBLE
                        : to_bool              ? XI_ATEN_BOOL
                        : d == XINF_BOOL       ? XI_ATEN_BOOL
                        : xi_dtype_is_float(d) ? XI_ATEN_DOUBLE
                                               : XI_ATEN_INT;
    const xi_literal *l = v->literal;
    if (l && l->count == 1 && l->dtype != XINF_STRING && l->dtype != XINF_COMPLEX64 &&
        l->dtype != XINF_COMPLEX128) {
        double real = xi_dtype_is_float(d) ? xi_dtype_load_f64(l->data, d, 0) : 0;
        int64_t whole = xi_dtype_is_float(d) ? (real > -9e18 && real < 9e18 ? (int64_t)real : 0)
                                             : xi_dtype_load_i64(l->data, d, 0);
        bool zero = xi_dtype_is_float(d) ? real == 0 : whole == 0;
        *out = kind == XI_ATEN_INT    ? xi_aten_int(whole)
               : kind == XI_ATEN_BOOL ? xi_aten_bool(!zero)
                                      : xi_aten_double(xi_dtype_is_float(d) ? real : (double)whole);
        return true;
    }
    xinf_dtype to = kind == XI_ATEN_INT    ? XINF_INT64
                    : kind == XI_ATEN_BOOL ? XINF_BOOL
                                           : XINF_FLOAT64;
    if (xi_aten_rank(v) != 0) v = xi_aten_reshape(&m->x, v, NULL, 0);
    *out = xi_aten_dynamic(kind, xi_aten_cast(&m->x, v, to));
    return true;
}

/* Traces give tensors where these operators take numbers. */
static void invoke_numbers(xi_machine *m, xi_str name, xi_aten_value *copy,
                           const xi_aten_value *args, int32_t count)
{
    static const char *const names[] = {"arange", "linspace", "logspace", "full", "range", "eye"};
    bool wanted = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        wanted = wanted || xi_str_is(name, names[i]);
    for (int32_t i = 0; i < count; i++) {
        copy[i] = args[i];
        if (wanted && args[i].kind == XI_ATEN_TENSOR)
            copy[i] = xi_machine_operator(m, XI_STR("Scalar"), &args[i], 1, NULL, 0);
    }
}

/* Whole numbers that stand in tensors of rank 0, as traces compute shapes: worked out when they are
 * known. */
static bool invoke_folded(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *args,
                          int32_t count, int32_t named_count)
{
    static const char *const names[][2] = {{"add", "add"},
                                           {"sub", "sub"},
                                           {"mul", "mul"},
                                           {"floor_divide", "floordiv"},
                                           {"remainder", "remainder"},
                                           {"neg", "neg"},
                                           {"mul_", "mul"},
                                           {"rsub", "rsub"}};
    xi_aten_value known[2];
    const char *plain = NULL;
    bool tensor = false;
    if (count < 1 || count > 2 || named_count) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (xi_str_is(name, names[i][0])) plain = names[i][1];
    for (int32_t i = 0; i < count; i++) {
        int64_t value;
        if (!plain) return false;
        if (args[i].kind == XI_ATEN_INT && !args[i].scalar) {
            known[i] = args[i];
            continue;
        }
        const xi_value *v = args[i].kind == XI_ATEN_TENSOR ? args[i].tensor->value : NULL;
        if (!v || args[i].tensor->base || v->type.dtype != XINF_INT64 || v->type.shape.rank != 0 ||
            xi_aten_known_ints(v, &value, 1) != 1)
            return false;
        known[i] = xi_aten_int(value);
        tensor = true;
    }
    if (!tensor || strchr(plain, '_') || name.ptr[name.len - 1] == '_') return false;
    xi_aten_value r;
    if (!xi_machine_number_op(&r, m, xi_str_of(plain), known, count) || r.kind != XI_ATEN_INT ||
        r.scalar)
        return false;
    *out = xi_aten_tensor_of(&m->x, xi_aten_whole(&m->x, XINF_INT64, r.i));
    return true;
}

xi_aten_value xi_machine_operator(xi_machine *m, xi_str name, const xi_aten_value *args,
                                  int32_t count, const xi_aten_named *named, int32_t named_count)
{
    xi_aten_value out = xi_aten_none();
    if (!xi_machine_good(m)) return out;
    if (xi_machine_dead(m)) return (xi_aten_value){XI_MACHINE_NOTHING, NULL, {.i = 0}};
    for (int32_t i = 0; i < count; i++)
        if (invoke_is_nothing(&args[i]))
            return xi_machine_fail(m, XINF_UNSUPPORTED,
                                   "a value that only one of two branches sets is used");
    if (invoke_identity(&out, name, args, count) || invoke_control(&out, m, name, args, count))
        return out;
    if (invoke_starts(name, "prim:.")) {
        /* x.dtype, as an attribute. */
        xi_str property = {name.ptr + 6, name.len - 6};
        if (invoke_property(&out, m, property, &args[0])) return out;
        return xi_machine_fail(m, XINF_UNSUPPORTED, "attribute \"%.*s\" of a tensor",
                               XI_STR_ARG(property));
    }
    if (invoke_starts(name, "prim::") && count == 1 && args[0].kind == XI_ATEN_TENSOR) {
        xi_str property = {name.ptr + 6, name.len - 6};
        if (invoke_property(&out, m, property, &args[0])) return out;
    }
    if (invoke_tensor_word(&out, m, name, args, count) ||
        invoke_between(&out, m, name, args, count))
        return out;
    if (xi_machine_list_op(&out, m, name, args, count, named, named_count) || !xi_machine_good(m))
        return out;
    if (xi_machine_text_op(&out, m, name, args, count) || !xi_machine_good(m)) return out;
    if (!named_count && (xi_machine_number_op(&out, m, name, args, count) || !xi_machine_good(m)))
        return out;
    if (invoke_folded(&out, m, name, args, count, named_count)) return out;
    if (invoke_starts(name, "prim::")) name = (xi_str){name.ptr + 6, name.len - 6};
    if (invoke_starts(name, "aten::")) name = (xi_str){name.ptr + 6, name.len - 6};
    if (count > XI_ATEN_MAX_ARGS)
        return xi_machine_fail(m, XINF_MALFORMED, "an operator with %d arguments", (int)count);
    xi_aten_value numbers[XI_ATEN_MAX_ARGS];
    invoke_numbers(m, name, numbers, args, count);
    xi_aten_call(&out, &m->x, name, numbers, count, named, named_count);
    return out;
}
