/* exported.c — a torch.export program, node by node: each is one call of an operator on values by
 * name. */
#include <math.h>

#include "base/allocator.h"
#include "import/onnx/names.h"
#include "import/torch/aten.h"
#include "import/torch/op.h"
#include "import/torch/torch.h"
#include "load/torch/exported.h"

enum { EXPORTED_MAX_ARGS = 32 };

typedef struct exported_import {
    xi_aten x;
    xi_torch_exported program;
    xi_torch_archive *archive;
    xi_onnx_names names; /* index: into values */
    xi_onnx_names types; /* input: none; index: into metas */
    xi_aten_value *values;
    size_t value_count, value_capacity;
    const xi_json **metas;
    xi_graph *graph;
    xinf_allocator alloc;
} exported_import;

static xinf_status exported_fail(exported_import *e, const char *what, xi_str name)
{
    return xi_aten_fail(&e->x, XINF_MALFORMED, "the exported program %s \"%.*s\"", what,
                        XI_STR_ARG(name));
}

/* ---- names ---- */

static bool exported_define(exported_import *e, xi_str name, xi_aten_value value)
{
    if (e->x.status != XINF_OK) return false;
    xi_onnx_name *slot = xi_onnx_names_find(&e->names, name);
    if (!slot) slot = xi_onnx_names_add(&e->names, name);
    if (!slot || !xi_grow(&e->alloc, (void **)&e->values, &e->value_capacity, e->value_count + 1,
                          sizeof *e->values))
        return xi_aten_memory(&e->x), false;
    slot->index = (uint32_t)e->value_count;
    e->values[e->value_count++] = value;
    return true;
}

static const xi_aten_value *exported_lookup(exported_import *e, xi_str name)
{
    xi_onnx_name *slot = xi_onnx_names_find(&e->names, name);
    if (!slot) exported_fail(e, "uses a value that nothing gives:", name);
    return slot ? &e->values[slot->index] : NULL;
}

/* ---- types of inputs ---- */

/* Descriptions of tensors by name: looked up once per input. */
static bool exported_index_types(exported_import *e)
{
    const xi_json *all = xi_json_get_kind(e->program.graph, "tensor_values", XI_JSON_OBJECT);
    uint32_t at = 0;
    if (!all) return true;
    e->metas = xi_arena_array(e->x.arena, (size_t)all->count + 1, sizeof *e->metas);
    if (!e->metas) return xi_aten_memory(&e->x), false;
    for (const xi_json *m = all->first; m; m = m->next) {
        if (xi_onnx_names_find(&e->types, m->key)) continue;
        xi_onnx_name *slot = xi_onnx_names_add(&e->types, m->key);
        if (!slot) return xi_aten_memory(&e->x), false;
        slot->index = at;
        e->metas[at++] = m;
    }
    return true;
}

static int64_t exported_dimension(exported_import *e, const xi_json *d)
{
    const xi_json *known = xi_json_get_kind(d, "as_int", XI_JSON_INT);
    if (known) return known->i >= 0 ? known->i : XI_DIM_UNKNOWN;
    xi_str expression = xi_json_text(xi_json_get(d, "as_expr"), "expr_str");
    /* "s35", or "Symbol('s35', positive=True, integer=True)"; a formula is no name. */
    if (expression.len > 9 && memcmp(expression.ptr, "Symbol('", 8) == 0) {
        const char *end = memchr(expression.ptr + 8, '\'', expression.len - 8);
        expression = (xi_str){expression.ptr + 8, end ? (size_t)(end - expression.ptr - 8) : 0};
    }
    for (size_t i = 0; i < expression.len; i++)
        if (expression.ptr[i] == '(' || expression.ptr[i] == '*' || expression.ptr[i] == '+' ||
            expression.ptr[i] == ' ')
            return XI_DIM_UNKNOWN;
    if (!expression.len) return XI_DIM_UNKNOWN;
    int64_t symbol = xi_family_symbol(e->x.family, expression);
    if (!symbol) xi_aten_memory(&e->x);
    return symbol;
}

static xi_type exported_type(exported_import *e, xi_str name)
{
    xi_type type = XI_TYPE_UNKNOWN;
    xi_onnx_name *slot = xi_onnx_names_find(&e->types, name);
    const xi_json *meta = slot ? e->metas[slot->index] : NULL,
                  *sizes = xi_json_get_kind(meta, "sizes", XI_JSON_ARRAY);
    if (!sizes || sizes->count > XI_MAX_RANK) return type;
    type.dtype = xi_torch_dtype_element(xi_torch_exported_dtype(xi_json_int(meta, "dtype", 0)));
    type.shape.rank = sizes->count;
    int32_t i = 0;
    for (const xi_json *d = sizes->first; d; d = d->next)
        type.shape.dim[i++] = exported_dimension(e, d);
    return type;
}

/* ---- the signature ---- */

static bool exported_add_input(exported_import *e, xi_str name)
{
    xi_type type = exported_type(e, name);
    xi_value *v = e->x.status == XINF_OK ? xi_graph_add_value(e->graph, name, &type) : NULL;
    if (!v) return xi_aten_memory(&e->x), false;
    e->graph->inputs[e->graph->input_count++] = v;
    return exported_define(e, name, xi_aten_tensor_of(&e->x, v));
}

/* A buffer that a run changes is a state; its new contents are set when the outputs are read. */
static bool exported_is_mutated(const exported_import *e, xi_str buffer)
{
    const xi_json *specs = xi_json_get_kind(e->program.signature, "output_specs", XI_JSON_ARRAY);
    for (const xi_json *s = specs ? specs->first : NULL; s; s = s->next)
        if (xi_str_eq(xi_json_text(xi_json_get(s, "buffer_mutation"), "buffer_name"), buffer) &&
            buffer.len)
            return true;
    return false;
}

static bool exported_add_state(exported_import *e, xi_str name, xi_str buffer,
                               const xi_literal *initial)
{
    xi_type type = {.kind = XINF_KIND_TENSOR, .dtype = initial->dtype, .shape = initial->shape};
    xi_value *v = xi_graph_add_value(e->graph, name, &type);
    if (!v) return xi_aten_memory(&e->x), false;
    e->graph->states[e->graph->state_count++] = (xi_state){
        .name = buffer, .read = v, .initial = initial};
    return exported_define(e, name, xi_aten_tensor_of(&e->x, v));
}

static bool exported_bind_weight(exported_import *e, xi_str name, xi_str path)
{
    const xi_torch_tensor *t = xi_torch_exported_weight(&e->program, path);
    if (!t) return exported_fail(e, "has no contents for", path), false;
    xi_aten_value v = xi_aten_constant(&e->x, t, path);
    if (v.kind != XI_ATEN_TENSOR) return false;
    if (exported_is_mutated(e, path))
        return exported_add_state(e, name, path, v.tensor->value->literal);
    return exported_define(e, name, v);
}

static bool exported_input_spec(exported_import *e, const xi_json *spec)
{
    const xi_json *user = xi_json_get(spec, "user_input"), *p = xi_json_get(spec, "parameter"),
                  *b = xi_json_get(spec, "buffer");
    const xi_json *c = xi_json_get(spec, "tensor_constant"),
                  *k = xi_json_get(spec, "constant_input");
    if (user) {
        const xi_json *tensor = xi_json_get(xi_json_get(user, "arg"), "as_tensor");
        if (tensor) return exported_add_input(e, xi_json_text(tensor, "name"));
        return xi_aten_fail(&e->x, XINF_UNSUPPORTED,
                            "the exported program takes an input that is no tensor"),
               false;
    }
    if (p)
        return exported_bind_weight(e, xi_json_text(xi_json_get(p, "arg"), "name"),
                                    xi_json_text(p, "parameter_name"));
    if (b)
        return exported_bind_weight(e, xi_json_text(xi_json_get(b, "arg"), "name"),
                                    xi_json_text(b, "buffer_name"));
    if (c)
        return exported_bind_weight(e, xi_json_text(xi_json_get(c, "arg"), "name"),
                                    xi_json_text(c, "tensor_constant_name"));
    if (k) return true; /* a number that was fixed when the program was exported */
    return xi_aten_fail(&e->x, XINF_UNSUPPORTED,
                        "the exported program takes an input of kind \"%.*s\"",
                        XI_STR_ARG(spec->first ? spec->first->key : spec->key)),
           false;
}

static bool exported_read_inputs(exported_import *e)
{
    const xi_json *specs = xi_json_get_kind(e->program.signature, "input_specs", XI_JSON_ARRAY);
    size_t count = specs ? (size_t)specs->count : 0;
    e->graph->inputs = xi_arena_array(e->x.arena, count + 1, sizeof *e->graph->inputs);
    e->graph->states = xi_arena_array(e->x.arena, count + 1, sizeof *e->graph->states);
    if (!e->graph->inputs || !e->graph->states) return xi_aten_memory(&e->x), false;
    for (const xi_json *s = specs ? specs->first : NULL; s; s = s->next)
        if (!exported_input_spec(e, s)) return false;
    return true;
}

/* ---- arguments ---- */

static int64_t exported_memory_format(int64_t number)
{
    return number == 1 ? 0 : number == 2 ? 2 : number == 3 ? 3 : 1;
}

static xi_aten_value exported_number(exported_import *e, const xi_json *v, const char *what)
{
    if (v && v->kind == XI_JSON_INT) return xi_aten_int(v->i);
    if (v && v->kind == XI_JSON_BOOL) return xi_aten_bool(v->b);
    if (v && v->kind == XI_JSON_DOUBLE) return xi_aten_double(v->d);
    /* Infinities and NaN are written as text. */
    if (v && v->kind == XI_JSON_STRING)
        return xi_aten_double(xi_str_is(v->s, "Infinity")    ? (double)INFINITY
                              : xi_str_is(v->s, "-Infinity") ? -(double)INFINITY
                                                             : (double)NAN);
    return xi_aten_fail(&e->x, XINF_MALFORMED, "the exported program has an argument that is no %s",
                        what),
           xi_aten_none();
}

/* {"as_int": 3} or {"as_name": "sym_size_int"} */
static xi_aten_value exported_symbolic(exported_import *e, const xi_json *v)
{
    const xi_json *name = xi_json_get_kind(v, "as_name", XI_JSON_STRING);
    if (name) {
        const xi_aten_value *found = exported_lookup(e, name->s);
        return found ? *found : xi_aten_none();
    }
    const xi_json *known = v && v->kind == XI_JSON_OBJECT ? v->first : v;
    return exported_number(e, known, "number");
}

static xi_aten_value exported_tensor(exported_import *e, const xi_json *v)
{
    if (xi_json_get(v, "as_none")) return xi_aten_none();
    if (xi_json_get(v, "as_tensor")) v = xi_json_get(v, "as_tensor");
    const xi_aten_value *found = exported_lookup(e, xi_json_text(v, "name"));
    return found ? *found : xi_aten_none();
}

static xi_aten_value exported_list(exported_import *e, const xi_json *list,
                                   xi_aten_value (*item)(exported_import *, const xi_json *))
{
    xi_aten_value out = xi_aten_new_list(&e->x, XI_ATEN_LIST,
                                         list->kind == XI_JSON_ARRAY ? list->count : 0);
    for (const xi_json *i = list->kind == XI_JSON_ARRAY ? list->first : NULL;
         i && e->x.status == XINF_OK; i = i->next)
        xi_aten_append(&e->x, out.list, item(e, i));
    return e->x.status == XINF_OK ? out : xi_aten_none();
}

static xi_aten_value exported_plain(exported_import *e, const xi_json *v)
{
    return v->kind == XI_JSON_NULL ? xi_aten_none() : exported_number(e, v, "number");
}

static xi_aten_value exported_arg(exported_import *e, const xi_json *arg)
{
    const xi_json *v = arg && arg->kind == XI_JSON_OBJECT ? arg->first : NULL;
    if (!v) return xi_aten_none();
    xi_str kind = v->key;
    if (xi_str_is(kind, "as_none")) return xi_aten_none();
    if (xi_str_is(kind, "as_tensor") || xi_str_is(kind, "as_optional_tensor"))
        return exported_tensor(e, v);
    if (xi_str_is(kind, "as_tensors") || xi_str_is(kind, "as_optional_tensors"))
        return exported_list(e, v, exported_tensor);
    if (xi_str_is(kind, "as_int") || xi_str_is(kind, "as_float") || xi_str_is(kind, "as_bool"))
        return exported_number(e, v, "number");
    if (xi_str_is(kind, "as_ints") || xi_str_is(kind, "as_floats") || xi_str_is(kind, "as_bools"))
        return exported_list(e, v, exported_plain);
    if (xi_str_is(kind, "as_sym_int") || xi_str_is(kind, "as_sym_bool") ||
        xi_str_is(kind, "as_sym_float"))
        return exported_symbolic(e, v);
    if (xi_str_is(kind, "as_sym_ints") || xi_str_is(kind, "as_sym_floats"))
        return exported_list(e, v, exported_symbolic);
    if (xi_str_is(kind, "as_string"))
        return xi_aten_string(v->kind == XI_JSON_STRING ? v->s : (xi_str){NULL, 0});
    if (xi_str_is(kind, "as_scalar_type"))
        return xi_aten_int(v->kind == XI_JSON_INT ? (int64_t)xi_torch_exported_dtype(v->i) : 255);
    if (xi_str_is(kind, "as_layout")) return xi_aten_int(0);
    if (xi_str_is(kind, "as_memory_format"))
        return xi_aten_int(exported_memory_format(v->kind == XI_JSON_INT ? v->i : 0));
    if (xi_str_is(kind, "as_device"))
        return (xi_aten_value){XI_ATEN_DEVICE, NULL, {.s = xi_json_text(v, "type")}};
    return xi_aten_fail(&e->x, XINF_UNSUPPORTED,
                        "the exported program has an argument of kind \"%.*s\"", XI_STR_ARG(kind)),
           xi_aten_none();
}

/* ---- nodes ---- */

/* "torch.ops.aten.conv2d.default" → "conv2d"; of other libraries "quantized::linear". */
static xi_str exported_operator(exported_import *e, xi_str target)
{
    static const char prefix[] = "torch.ops.";
    if (target.len > 10 && memcmp(target.ptr, prefix, 10) == 0)
        target = (xi_str){target.ptr + 10, target.len - 10};
    const char *dot = target.len ? memchr(target.ptr, '.', target.len) : NULL;
    if (!dot) return target;
    xi_str library = {target.ptr, (size_t)(dot - target.ptr)},
           name = {dot + 1, target.len - (size_t)(dot - target.ptr) - 1};
    const char *overload = name.len ? memchr(name.ptr, '.', name.len) : NULL;
    if (overload) name.len = (size_t)(overload - name.ptr);
    if (xi_str_is(library, "aten")) return name;
    char *full = xi_arena_alloc(e->x.arena, library.len + 2 + name.len);
    if (!full) return xi_aten_memory(&e->x), name;
    memcpy(full, library.ptr, library.len);
    memcpy(full + library.len, "::", 2);
    if (name.len) memcpy(full + library.len + 2, name.ptr, name.len);
    return (xi_str){full, library.len + 2 + name.len};
}

/* What a graph sees to by itself: dtypes, and ranges that a check of their own stands beside. */
static bool exported_is_moot(xi_str name)
{
    static const char *const checks[] = {"_assert_tensor_metadata", "sym_constrain_range",
                                         "sym_constrain_range_for_size"};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (xi_str_is(name, checks[i])) return true;
    return false;
}

static xi_str exported_output_name(const xi_json *out)
{
    const xi_json *v = out && out->kind == XI_JSON_OBJECT ? out->first : NULL;
    xi_str name = xi_json_text(v, "name");
    return name.len ? name : xi_json_text(v, "as_name");
}

static bool exported_define_list(exported_import *e, const xi_json *names,
                                 const xi_aten_value *result)
{
    bool list = result->kind == XI_ATEN_LIST || result->kind == XI_ATEN_TUPLE;
    int32_t i = 0;
    for (const xi_json *n = names->kind == XI_JSON_ARRAY ? names->first : NULL; n;
         n = n->next, i++) {
        if (!list || i >= result->list->count)
            return xi_aten_fail(&e->x, XINF_MALFORMED,
                                "the exported program wants more results than an operator has"),
                   false;
        if (!exported_define(e, xi_json_text(n, "name"), result->list->items[i])) return false;
    }
    return true;
}

static bool exported_define_results(exported_import *e, const xi_json *outputs,
                                    const xi_aten_value *result)
{
    int32_t i = 0;
    bool several = outputs && outputs->count > 1,
         list = result->kind == XI_ATEN_LIST || result->kind == XI_ATEN_TUPLE;
    for (const xi_json *o = outputs ? outputs->first : NULL; o; o = o->next, i++) {
        const xi_aten_value *v = several ? list && i < result->list->count ? &result->list->items[i]
                                                                           : NULL
                                         : result;
        if (!v)
            return xi_aten_fail(&e->x, XINF_MALFORMED,
                                "the exported program wants more results than an operator has"),
                   false;
        const xi_json *tensors = xi_json_get(o, "as_tensors");
        if (tensors ? !exported_define_list(e, tensors, v)
                    : !exported_define(e, exported_output_name(o), *v))
            return false;
    }
    return true;
}

/* _assert_scalar(condition, message) */
static bool exported_check(exported_import *e, const xi_aten_value *args, int32_t count)
{
    xi_str message = count > 1 && args[1].kind == XI_ATEN_STRING
                         ? args[1].s
                         : XI_STR("an assertion does not hold");
    if (!count) return exported_fail(e, "asserts nothing at", e->x.location), false;
    bool known = args[0].kind != XI_ATEN_TENSOR && xi_aten_is_known(&args[0]);
    if (known && (args[0].kind == XI_ATEN_BOOL || args[0].kind == XI_ATEN_INT)) {
        bool holds = args[0].kind == XI_ATEN_BOOL ? args[0].b : args[0].i != 0;
        if (holds) return true;
        return xi_aten_fail(&e->x, XINF_INVALID_ARGUMENT, "the program raises an error: %.*s",
                            XI_STR_ARG(message)),
               false;
    }
    xi_value *truth = args[0].kind == XI_ATEN_TENSOR ? xi_aten_arg(&e->x, &args[0])
                                                     : args[0].scalar;
    if (truth && xi_aten_rank(truth) != 0) truth = xi_aten_reshape(&e->x, truth, NULL, 0);
    xi_aten_check_run(&e->x, xi_aten_emit1(&e->x, "Not", xi_aten_cast(&e->x, truth, XINF_BOOL)),
                      message);
    return e->x.status == XINF_OK;
}

static bool exported_node(exported_import *e, const xi_json *node)
{
    xi_aten_value args[EXPORTED_MAX_ARGS], result;
    xi_aten_named named[EXPORTED_MAX_ARGS];
    int32_t count = 0, named_count = 0;
    const xi_json *inputs = xi_json_get_kind(node, "inputs", XI_JSON_ARRAY);
    xi_str name = exported_operator(e, xi_json_text(node, "target"));
    e->x.location = xi_json_text(node, "name");
    if (!e->x.location.len)
        e->x.location = exported_output_name(xi_json_get_kind(node, "outputs", XI_JSON_ARRAY)
                                                 ? xi_json_get(node, "outputs")->first
                                                 : NULL);
    if (exported_is_moot(name)) return true;
    for (const xi_json *i = inputs ? inputs->first : NULL; i && e->x.status == XINF_OK;
         i = i->next) {
        xi_aten_value v = exported_arg(e, xi_json_get(i, "arg"));
        if (count == EXPORTED_MAX_ARGS || named_count == EXPORTED_MAX_ARGS)
            return xi_aten_fail(&e->x, XINF_UNSUPPORTED, "an operator of more than %d arguments",
                                EXPORTED_MAX_ARGS),
                   false;
        if (xi_json_int(i, "kind", 1) == 2)
            named[named_count++] = (xi_aten_named){xi_json_text(i, "name"), v};
        else
            args[count++] = v;
    }
    if (e->x.status != XINF_OK) return false;
    if (xi_str_is(name, "_assert_scalar") || xi_str_is(name, "_assert_async"))
        return exported_check(e, args, count);
    if (xi_aten_call(&result, &e->x, name, args, count, named, named_count) != XINF_OK)
        return false;
    return exported_define_results(e, xi_json_get_kind(node, "outputs", XI_JSON_ARRAY), &result);
}

/* ---- outputs ---- */

static xi_value *exported_contents(exported_import *e, xi_str name)
{
    const xi_aten_value *v = exported_lookup(e, name);
    if (v && v->kind == XI_ATEN_TENSOR) return xi_aten_read(&e->x, v->tensor);
    if (v && (v->kind == XI_ATEN_INT || v->kind == XI_ATEN_DOUBLE || v->kind == XI_ATEN_BOOL))
        return xi_aten_scalar(&e->x, v,
                              v->kind == XI_ATEN_INT    ? XINF_INT64
                              : v->kind == XI_ATEN_BOOL ? XINF_BOOL
                                                        : XINF_FLOAT32);
    if (e->x.status == XINF_OK) exported_fail(e, "has an output that is no tensor:", name);
    return NULL;
}

/* An output is a value of its own, with its name, even when it is an input, a constant or another
 * output. */
static bool exported_add_output(exported_import *e, xi_str name)
{
    xi_value *v = exported_contents(e, name);
    xi_node *n = v ? xi_aten_node(&e->x, "Identity", 1, &v, 0, NULL, 1) : NULL;
    if (!n) return false;
    n->outputs[0]->name = name;
    e->graph->outputs[e->graph->output_count++] = n->outputs[0];
    return true;
}

static bool exported_mutation(exported_import *e, const xi_json *mutation)
{
    xi_str buffer = xi_json_text(mutation, "buffer_name");
    xi_value *v = exported_contents(e, xi_json_text(xi_json_get(mutation, "arg"), "name"));
    for (int32_t i = 0; v && i < e->graph->state_count; i++)
        if (xi_str_eq(e->graph->states[i].name, buffer)) e->graph->states[i].written = v;
    return v != NULL;
}

static bool exported_read_outputs(exported_import *e)
{
    const xi_json *specs = xi_json_get_kind(e->program.signature, "output_specs", XI_JSON_ARRAY);
    e->x.location = (xi_str){NULL, 0};
    e->graph->outputs = xi_arena_array(e->x.arena, (size_t)(specs ? specs->count : 0) + 1,
                                       sizeof *e->graph->outputs);
    if (!e->graph->outputs) return xi_aten_memory(&e->x), false;
    for (const xi_json *s = specs ? specs->first : NULL; s; s = s->next) {
        const xi_json *user = xi_json_get(s, "user_output"),
                      *buffer = xi_json_get(s, "buffer_mutation"), *arg = xi_json_get(user, "arg");
        if (buffer) {
            if (!exported_mutation(e, buffer)) return false;
        } else if (user && (xi_json_get(arg, "as_tensor") || xi_json_get(arg, "as_sym_int"))) {
            if (!exported_add_output(e, exported_output_name(arg))) return false;
        } else if (!user || !xi_json_get(arg, "as_none")) {
            return xi_aten_fail(&e->x, XINF_UNSUPPORTED,
                                "the exported program has an output of kind \"%.*s\"",
                                XI_STR_ARG(s->first ? s->first->key : s->key)),
                   false;
        }
    }
    return true;
}

static bool exported_notes(exported_import *e, xi_import *out)
{
    xi_str version = xi_json_text(e->program.program, "torch_version");
    out->notes = xi_arena_array(e->x.arena, 2, sizeof *out->notes);
    if (!out->notes) return xi_aten_memory(&e->x), false;
    if (version.len)
        out->notes[out->note_count++] = (xi_import_note){
            "torch_version", xi_arena_strndup(e->x.arena, version.ptr, version.len)};
    return true;
}

xinf_status xi_import_torch_exported(xi_import *out, xi_torch_archive *archive,
                                     const xi_import_source *source, xinf_error *err)
{
    exported_import e = {.archive = archive, .alloc = *source->alloc};
    xi_family *family = NULL;
    xinf_status status;
    xi_onnx_names_init(&e.names, source->alloc);
    xi_onnx_names_init(&e.types, source->alloc);
    XI_TRY(xi_torch_exported_read(&e.program, archive, err));
    XI_TRY(xi_family_create(&family, source->alloc, archive->arena.limit, err));
    e.graph = xi_graph_create(family, NULL, e.program.name);
    if (!e.graph) XI_TRY(xi_fail_memory(err, sizeof *e.graph));
    e.x = (xi_aten){.graph = e.graph,
                    .family = family,
                    .arena = &family->arena,
                    .file = archive->file,
                    .err = err,
                    .max_nodes = source->limits.max_steps ? source->limits.max_steps : 4000000};
    bool done = exported_index_types(&e) && exported_read_inputs(&e);
    const xi_json *nodes = xi_json_get(e.program.graph, "nodes");
    for (const xi_json *n = nodes->first; n && done; n = n->next) done = exported_node(&e, n);
    done = done && exported_read_outputs(&e) && exported_notes(&e, out);
    if (done) xi_aten_end_checks(&e.x, e.graph->outputs, e.graph->output_count);
    status = e.x.status;
    if (status == XINF_OK && !done)
        status = xi_fail(err, XINF_INTERNAL, "the exported program could not be imported");
    if (status == XINF_OK) {
        out->family = family;
        out->graph = e.graph;
        family = NULL;
    }
cleanup:
    xi_onnx_names_free(&e.names);
    xi_onnx_names_free(&e.types);
    xi_free(&e.alloc, e.values, e.value_capacity * sizeof *e.values);
    xi_family_destroy(family);
    return status;
}
