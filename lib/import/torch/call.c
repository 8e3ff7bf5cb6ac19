/* call.c — from a name and arguments to a row of the operators' tables; in-place and out= forms are
 * made from the plain one. */
#include "import/torch/op.h"

#include <stdlib.h>

static const xi_aten_op *const call_tables[] = {
    xi_aten_ops_complex, /* first: its rows take complex tensors, which the others do not know */
    xi_aten_ops_unary,   xi_aten_ops_binary,  xi_aten_ops_reduce,    xi_aten_ops_conv,
    xi_aten_ops_pool,    xi_aten_ops_norm,    xi_aten_ops_shape,     xi_aten_ops_index,
    xi_aten_ops_create,  xi_aten_ops_matmul,  xi_aten_ops_resize,    xi_aten_ops_rnn,
    xi_aten_ops_scalar,  xi_aten_ops_special, xi_aten_ops_quantized, xi_aten_ops_transformer,
    xi_aten_ops_vision,  xi_aten_ops_linalg,
};
enum { CALL_TABLES = sizeof call_tables / sizeof *call_tables };

/* One argument of a row. */
typedef struct call_spec {
    char letter;
    bool none;             /* takes None */
    bool keyword;          /* by name only */
    xi_str name, fallback; /* fallback.ptr NULL: must be given */
} call_spec;

/* Reads the next argument; false at the end. */
static bool call_next_spec(call_spec *out, const char **at)
{
    const char *p = *at;
    while (*p == ' ') p++;
    if (!*p) return false;
    *out = (call_spec){.keyword = *p == '*'};
    if (*p == '*') p++;
    out->letter = *p++;
    out->none = out->letter == 't' || out->letter == 'd' || *p == '?';
    if (*p == '?') p++;
    const char *name = ++p; /* after the colon */
    while (*p && *p != ' ' && *p != '=') p++;
    out->name = (xi_str){name, (size_t)(p - name)};
    if (*p == '=') {
        const char *value = ++p;
        while (*p && *p != ' ') p++;
        out->fallback = (xi_str){value, (size_t)(p - value)};
    }
    *at = p;
    return true;
}

static bool call_is_list(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_LIST || v->kind == XI_ATEN_TUPLE;
}

static bool call_items_are(const xi_aten_value *v, bool (*good)(const xi_aten_value *))
{
    if (!call_is_list(v)) return false;
    for (int32_t i = 0; i < v->list->count; i++)
        if (!good(&v->list->items[i])) return false;
    return true;
}

static bool call_is_tensor(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_TENSOR;
}

static bool call_is_tensor_or_none(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_TENSOR || v->kind == XI_ATEN_NONE;
}

/* A tensor of rank 0 stands for a number where a trace turned one into the other without a word. */
static bool call_is_number(const xi_aten_value *v)
{
    if (v->kind == XI_ATEN_TENSOR) return xi_aten_rank(v->tensor->value) == 0;
    return v->kind == XI_ATEN_INT || v->kind == XI_ATEN_DOUBLE || v->kind == XI_ATEN_BOOL;
}

static bool call_is_int(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_INT || v->kind == XI_ATEN_BOOL ||
           (v->kind == XI_ATEN_TENSOR && xi_aten_rank(v->tensor->value) == 0);
}

static bool call_takes(const call_spec *s, const xi_aten_value *v)
{
    if (v->kind == XI_ATEN_NONE) return s->none || s->letter == 'o';
    switch (s->letter) {
    case 'C': return v->kind == XI_ATEN_TENSOR && v->tensor->complex;
    case 'T':
    case 't': return v->kind == XI_ATEN_TENSOR;
    case 's':
    case 'f': return call_is_number(v);
    case 'i': return call_is_int(v);
    case 'd': return v->kind == XI_ATEN_INT;
    case 'b': return v->kind == XI_ATEN_BOOL || v->kind == XI_ATEN_INT;
    case 'S': return v->kind == XI_ATEN_STRING;
    case 'I': return call_is_int(v) || call_items_are(v, call_is_int);
    case 'F': return call_is_number(v) || call_items_are(v, call_is_number);
    case 'B': return v->kind == XI_ATEN_BOOL || call_items_are(v, call_is_number);
    case 'L': return call_items_are(v, call_is_tensor) || v->kind == XI_ATEN_SEQUENCE;
    case 'l': return call_items_are(v, call_is_tensor_or_none);
    default: return true;
    }
}

/* "None", "True", "1", "-1", "1e-5", "'text'", "[]", "[1,0]" */
static xi_aten_value call_fallback(xi_aten *x, xi_str text)
{
    char number[32];
    if (xi_str_is(text, "None")) return xi_aten_none();
    if (xi_str_is(text, "True")) return xi_aten_bool(true);
    if (xi_str_is(text, "False")) return xi_aten_bool(false);
    if (text.ptr[0] == '\'') return xi_aten_string((xi_str){text.ptr + 1, text.len - 2});
    if (text.ptr[0] == '[') {
        xi_aten_value list = xi_aten_new_list(x, XI_ATEN_LIST, 4);
        for (const char *p = text.ptr + 1; list.kind == XI_ATEN_LIST && *p != ']'; p += *p == ',') {
            char *end;
            xi_aten_append(x, list.list, xi_aten_int(strtoll(p, &end, 10)));
            p = end;
        }
        return list;
    }
    if (text.len >= sizeof number) return xi_aten_none();
    memcpy(number, text.ptr, text.len);
    number[text.len] = 0;
    if (!strpbrk(number, ".eE")) return xi_aten_int(strtoll(number, NULL, 10));
    /* Written without a point, so that no locale matters: "1e-5", "5e-1". */
    return xi_aten_double(strtod(number, NULL));
}

typedef struct call_given {
    const xi_aten_value *args;
    int32_t count;
    const xi_aten_named *named;
    int32_t named_count;
} call_given;

static const xi_aten_value *call_find_named(const call_given *g, xi_str name)
{
    for (int32_t i = 0; i < g->named_count; i++)
        if (xi_str_eq(g->named[i].name, name)) return &g->named[i].value;
    return NULL;
}

/* Whether the row itself has an argument of this name. */
static bool call_names(const xi_aten_op *op, xi_str name)
{
    const char *at = op->args;
    call_spec s;
    while (call_next_spec(&s, &at))
        if (xi_str_eq(s.name, name)) return true;
    return false;
}

/* Arguments in the row's order; false when they do not fit it. */
static bool call_match(xi_aten *x, const xi_aten_op *op, const call_given *g, xi_aten_value *out)
{
    const char *at = op->args;
    call_spec s;
    int32_t count = 0, used = 0;
    for (; count < XI_ATEN_MAX_ARGS && call_next_spec(&s, &at); count++) {
        if (count < g->count && s.keyword) return false;
        const xi_aten_value *v = count < g->count ? &g->args[count] : call_find_named(g, s.name);
        if (count >= g->count && v) used++;
        if (v) {
            if (!call_takes(&s, v)) return false;
            out[count] = *v;
        } else {
            if (!s.fallback.ptr) return false;
            out[count] = call_fallback(x, s.fallback);
        }
    }
    if (count < g->count || call_next_spec(&s, &at)) return false;
    /* What says where and how results are kept is of no interest. */
    for (int32_t i = 0; i < g->named_count; i++) {
        xi_str n = g->named[i].name;
        if (xi_str_is(n, "out") || xi_str_is(n, "layout") || xi_str_is(n, "pin_memory") ||
            xi_str_is(n, "memory_format") || xi_str_is(n, "generator") || xi_str_is(n, "device") ||
            xi_str_is(n, "non_blocking"))
            used += !call_names(op, n);
    }
    return used == g->named_count;
}

static const xi_aten_op *call_find_row(xi_aten *x, xi_str name, const call_given *g,
                                       xi_aten_value *args, bool *known)
{
    *known = false;
    for (int t = 0; t < CALL_TABLES; t++)
        for (const xi_aten_op *op = call_tables[t]; op->name; op++) {
            if (!xi_str_is(name, op->name)) continue;
            *known = true;
            if (!x || call_match(x, op, g, args)) return op;
        }
    return NULL;
}

static bool call_is_inplace(xi_str name)
{
    return name.len > 2 && name.ptr[name.len - 1] == '_' && name.ptr[name.len - 2] != '_';
}

bool xi_aten_knows(xi_str name)
{
    bool known;
    call_find_row(NULL, name, NULL, NULL, &known);
    if (!known && call_is_inplace(name))
        call_find_row(NULL, (xi_str){name.ptr, name.len - 1}, NULL, NULL, &known);
    return known;
}

/* Puts a result into a tensor that exists: of its shape and dtype. */
static xinf_status call_store(xi_aten *x, xi_aten_tensor *t, const xi_aten_value *result)
{
    xi_value *old = xi_aten_read(x, t), *v = xi_aten_arg(x, result);
    if (x->status != XINF_OK) return x->status;
    if (!v) return xi_aten_fail(x, XINF_MALFORMED, "an operator's result cannot be put in place");
    v = xi_aten_cast_like(x, v, old);
    const xi_shape *a = &v->type.shape, *b = &old->type.shape;
    if (xi_aten_rank(v) >= 0 && xi_aten_rank(old) >= 0 && a->rank != b->rank)
        v = xi_aten_expand(x, v, xi_aten_shape(x, old));
    else if (xi_shape_known(a) && xi_shape_known(b) && !xi_shape_eq(a, b))
        v = xi_aten_expand(x, v, xi_aten_shape(x, old));
    return xi_aten_write(x, t, v);
}

/* Operators that move elements, or know of scales, take quantised tensors as they are. */
static bool call_takes_quantized(const xi_aten_op *op)
{
    const xi_aten_op *const tables[] = {xi_aten_ops_quantized, xi_aten_ops_shape};
    for (int t = 0; t < 2; t++)
        for (const xi_aten_op *at = tables[t]; at->name; at++)
            if (at == op) return true;
    return false;
}

/* Only the operators of complex numbers take complex tensors. */
static bool call_takes_complex(const xi_aten_op *op)
{
    for (const xi_aten_op *at = xi_aten_ops_complex; at->name; at++)
        if (at == op) return true;
    return false;
}

/* All others see the numbers; the result has the first argument's scale again. */
static xi_aten_value call_run(xi_aten *x, const xi_aten_op *op, xi_aten_value *args)
{
    const xi_aten_tensor *like = NULL;
    for (int i = 0; i < XI_ATEN_MAX_ARGS; i++) {
        if (args[i].kind == XI_ATEN_TENSOR && args[i].tensor->complex && !call_takes_complex(op))
            return xi_aten_fail(x, XINF_UNSUPPORTED, "operator aten::%s of a complex tensor",
                                op->name),
                   xi_aten_none();
        if (args[i].kind != XI_ATEN_TENSOR || !args[i].tensor->scale || call_takes_quantized(op))
            continue;
        if (!like) like = args[i].tensor;
        args[i] = xi_aten_result(x, xi_aten_dequantized(x, &args[i]));
    }
    xi_aten_value out = op->fn(x, args, op);
    xinf_dtype dtype = out.kind == XI_ATEN_TENSOR ? xi_aten_dtype(out.tensor->value)
                                                  : XINF_UNDEFINED;
    if (!like || dtype != XINF_FLOAT32 || like->axis >= 0) return out;
    return xi_aten_quantized(x, xi_aten_arg(x, &out), like->scale, like->zero_point, -1,
                             like->dtype);
}

static void call_describe(xi_text *text, const call_given *g)
{
    for (int32_t i = 0; i < g->count + g->named_count; i++) {
        const xi_aten_value *v = i < g->count ? &g->args[i] : &g->named[i - g->count].value;
        xi_text_addf(text, "%s", i ? ", " : "");
        if (i >= g->count) xi_text_addf(text, "%.*s=", XI_STR_ARG(g->named[i - g->count].name));
        xi_text_addf(text, "%s", xi_aten_kind_name(v));
        if (call_is_list(v) && v->list->count)
            xi_text_addf(text, "[%s]", xi_aten_kind_name(&v->list->items[0]));
    }
}

static xinf_status call_refuse(xi_aten *x, xi_str name, bool known, const call_given *g)
{
    if (x->status != XINF_OK) return x->status;
    if (!known)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "operator aten::%.*s is not supported",
                            XI_STR_ARG(name));
    xi_text text;
    xi_text_init(&text, &x->arena->alloc);
    call_describe(&text, g);
    xi_aten_fail(x, XINF_UNSUPPORTED, "operator aten::%.*s does not take (%s)", XI_STR_ARG(name),
                 text.ptr ? text.ptr : "");
    xi_text_free(&text);
    return x->status;
}

xinf_status xi_aten_call(xi_aten_value *out, xi_aten *x, xi_str name, const xi_aten_value *args,
                         int32_t count, const xi_aten_named *named, int32_t named_count)
{
    call_given g = {args, count, named, named_count};
    xi_aten_value full[XI_ATEN_MAX_ARGS] = {{XI_ATEN_NONE}};
    bool known, inplace = false;
    *out = xi_aten_none();
    if (x->status != XINF_OK) return x->status;
    const xi_aten_op *op = call_find_row(x, name, &g, full, &known);
    if (!op && call_is_inplace(name)) {
        bool plain_known;
        op = call_find_row(x, (xi_str){name.ptr, name.len - 1}, &g, full, &plain_known);
        known = known || plain_known;
        inplace = op != NULL;
    }
    if (!op) return call_refuse(x, name, known, &g);
    *out = call_run(x, op, full);
    if (x->status != XINF_OK) return x->status;
    const xi_aten_value *kept = call_find_named(&g, XI_STR("out"));
    if (inplace) kept = count ? &args[0] : call_find_named(&g, XI_STR("self"));
    if (kept && kept->kind == XI_ATEN_TENSOR && out->kind == XI_ATEN_TENSOR) {
        call_store(x, kept->tensor, out);
        *out = *kept;
    }
    return x->status;
}
