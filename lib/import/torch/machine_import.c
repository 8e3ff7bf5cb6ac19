/* machine_import.c — a TorchScript module becomes a graph: its method is run once over inputs that
 * only a run knows.
 *
 * The file does not say what ranks and dtypes its inputs have. The caller's hints are taken;
 * without them the program is tried with unknown ranks first, and when that leaves a question open,
 * with likely ones. */
#include "import/torch/machine.h"

#include <stdio.h>

#include "base/allocator.h"
#include "import/torch/op.h"
#include "import/torch/torch.h"

enum { IMPORT_MAX_INPUTS = 64, IMPORT_ROUNDS = 6, IMPORT_TRIES = 400 };

/* What an input tensor is taken to be. */
typedef struct import_guess {
    xinf_dtype dtype;
    int32_t rank;
} import_guess;

typedef struct import_job {
    xi_torch_archive *archive;
    const xi_import_source *source;
    import_guess guesses[IMPORT_MAX_INPUTS];
    bool dims;            /* sizes of hints are taken too */
    int32_t tensors;      /* input tensors without a hint, as the program has them */
    const xi_type *types; /* of the graph's inputs, in order; NULL: they are guessed */
    int32_t type_count;
    bool wants_types;
    bool declared; /* only what the program declares: inputs, and how many outputs */
    uint64_t nodes;
    struct xi_machine_states states;
} import_job;

typedef struct import_inputs {
    xi_value *values[IMPORT_MAX_INPUTS];
    int32_t count, tensors, order; /* order: of parameters, for hints without names */
} import_inputs;

/* ---- inputs ---- */

static const xinf_value_info *import_hint(const import_job *job, xi_str name, int32_t order)
{
    const xi_import_source *s = job->source;
    for (int32_t i = 0; i < s->hint_count; i++)
        if (s->hints[i].name && xi_str_is(name, s->hints[i].name)) return &s->hints[i];
    if (order < s->hint_count && !s->hints[order].name) return &s->hints[order];
    return NULL;
}

static xi_value *import_input(xi_machine *m, import_inputs *in, xi_str name, const xi_type *type)
{
    if (in->count == IMPORT_MAX_INPUTS) {
        xi_machine_fail(m, XINF_LIMIT, "more than %d inputs", IMPORT_MAX_INPUTS);
        return NULL;
    }
    xi_value *v = xi_graph_add_value(m->x.graph, name, type);
    if (!v) return xi_aten_memory(&m->x), NULL;
    return in->values[in->count++] = v;
}

static xi_type import_tensor_type(xi_machine *m, import_job *job, import_inputs *in, xi_str name,
                                  const xinf_value_info *hint)
{
    import_guess g = {XINF_FLOAT32, -1};
    xi_type t = XI_TYPE_UNKNOWN;
    const xi_type *given = job->types && in->count < job->type_count &&
                                   job->types[in->count].kind == XINF_KIND_TENSOR
                               ? &job->types[in->count]
                               : NULL;
    if (given)
        g = (import_guess){given->dtype, given->shape.rank};
    else if (hint)
        g = (import_guess){hint->dtype, hint->rank};
    else if (in->tensors < IMPORT_MAX_INPUTS)
        g = job->guesses[in->tensors++];
    t.dtype = g.dtype;
    t.shape.rank = g.rank > XI_MAX_RANK ? -1 : g.rank;
    for (int32_t i = 0; i < t.shape.rank; i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d", (int)i);
        xi_str number = {xi_arena_strndup(m->x.arena, text, (size_t)len), (size_t)len};
        t.shape.dim[i] = number.ptr
                             ? xi_family_symbol(m->x.family, xi_machine_join(m, name, number))
                             : 0;
        if (!t.shape.dim[i]) xi_aten_memory(&m->x);
        if (job->dims && given && given->shape.dim[i] >= 0) t.shape.dim[i] = given->shape.dim[i];
        if (job->dims && hint && hint->shape && hint->shape[i] >= 0)
            t.shape.dim[i] = hint->shape[i];
    }
    return t;
}

static xi_aten_value import_number(xi_machine *m, import_inputs *in, xi_str name, xi_aten_kind kind)
{
    xinf_dtype dtype = kind == XI_ATEN_INT    ? XINF_INT64
                       : kind == XI_ATEN_BOOL ? XINF_BOOL
                                              : XINF_FLOAT64;
    xi_type type = {.kind = XINF_KIND_TENSOR, .dtype = dtype, .shape = XI_SHAPE_SCALAR};
    return xi_aten_dynamic(kind, import_input(m, in, name, &type));
}

static xi_str import_type_name(const xi_script_expr *type)
{
    if (!type) return XI_STR("Tensor");
    if (type->kind == XI_SCRIPT_SUBSCRIPT) return type->items[0]->text;
    return type->text;
}

static xi_aten_value import_param(xi_machine *m, import_job *job, import_inputs *in, xi_str name,
                                  const xi_script_expr *type, const xinf_value_info *hint);

/* Each part of a tuple is an input of its own: "h.0". */
static xi_aten_value import_tuple(xi_machine *m, import_job *job, import_inputs *in, xi_str name,
                                  const xi_script_expr *type)
{
    xi_aten_value out = xi_aten_new_list(&m->x, XI_ATEN_TUPLE, type->count - 1);
    for (int32_t i = 1; i < type->count && xi_machine_good(m); i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d", (int)(i - 1));
        xi_str part = xi_machine_join(
            m, name, (xi_str){xi_arena_strndup(m->x.arena, text, (size_t)len), (size_t)len});
        xi_aten_append(
            &m->x, out.list,
            import_param(m, job, in, part, type->items[i], import_hint(job, part, INT32_MAX)));
    }
    return out;
}

static xi_aten_value import_sequence(xi_machine *m, import_job *job, import_inputs *in, xi_str name,
                                     const xinf_value_info *hint)
{
    xi_type *element = xi_arena_alloc(m->x.arena, sizeof *element);
    if (!element) return xi_aten_memory(&m->x), xi_aten_none();
    *element = import_tensor_type(m, job, in, name, hint && hint->dtype ? hint : NULL);
    xi_type type = {.kind = XINF_KIND_SEQUENCE, .shape = XI_SHAPE_UNKNOWN, .element = element};
    return xi_aten_dynamic(XI_ATEN_SEQUENCE, import_input(m, in, name, &type));
}

static xi_aten_value import_param(xi_machine *m, import_job *job, import_inputs *in, xi_str name,
                                  const xi_script_expr *type, const xinf_value_info *hint)
{
    xi_str word = import_type_name(type);
    if (!xi_machine_good(m)) return xi_aten_none();
    if (m->depth++ > 64) return xi_machine_fail(m, XINF_LIMIT, "types nest too deeply");
    xi_aten_value out = xi_aten_none();
    if (xi_str_is(word, "Optional") && type->kind == XI_SCRIPT_SUBSCRIPT && type->count == 2)
        out = import_param(m, job, in, name, type->items[1], hint);
    else if (xi_str_is(word, "Tuple") && type->kind == XI_SCRIPT_SUBSCRIPT)
        out = import_tuple(m, job, in, name, type);
    else if (xi_str_is(word, "List") && type->kind == XI_SCRIPT_SUBSCRIPT &&
             xi_str_is(import_type_name(type->items[1]), "Tensor"))
        out = import_sequence(m, job, in, name, hint);
    else if (xi_str_is(word, "int"))
        out = import_number(m, in, name, XI_ATEN_INT);
    else if (xi_str_is(word, "float") || xi_str_is(word, "number"))
        out = import_number(m, in, name, XI_ATEN_DOUBLE);
    else if (xi_str_is(word, "bool"))
        out = import_number(m, in, name, XI_ATEN_BOOL);
    else if (xi_str_is(word, "Tensor")) {
        xi_type t = import_tensor_type(m, job, in, name, hint);
        xi_value *v = xi_machine_good(m) ? import_input(m, in, name, &t) : NULL;
        if (v) out = xi_aten_tensor_of(&m->x, v);
    } else {
        xi_machine_fail(m, XINF_UNSUPPORTED, "input \"%.*s\" is a %.*s", XI_STR_ARG(name),
                        XI_STR_ARG(word));
    }
    m->depth--;
    return out;
}

/* ---- outputs ---- */

typedef struct import_outputs {
    xi_value **values;
    size_t count, capacity;
} import_outputs;

/* An output has a name of its own and is made by a node. */
static void import_output(xi_machine *m, import_outputs *o, xi_str name, xi_value *v)
{
    bool taken = v && (!v->producer || v->graph != m->x.graph);
    for (size_t i = 0; i < o->count && !taken; i++) taken = o->values[i] == v;
    if (taken) v = xi_aten_emit1(&m->x, "Identity", v);
    if (!xi_machine_good(m)) return;
    if (o->count == o->capacity) {
        size_t room = o->capacity ? o->capacity * 2 : 8;
        xi_value **values = xi_arena_array(m->x.arena, room, sizeof *values);
        if (!values) {
            xi_aten_memory(&m->x);
            return;
        }
        if (o->count) memcpy(values, o->values, o->count * sizeof *values);
        o->values = values;
        o->capacity = room;
    }
    v->name = name;
    o->values[o->count++] = v;
}

static xi_str import_numbered(xi_machine *m, xi_str name, int32_t i)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%d", (int)i);
    char *copy = xi_arena_strndup(m->x.arena, text, (size_t)len);
    return copy ? xi_machine_join(m, name, (xi_str){copy, (size_t)len}) : name;
}

static void import_result(xi_machine *m, import_outputs *o, xi_str name, const xi_aten_value *v,
                          int depth)
{
    if (!xi_machine_good(m)) return;
    if (depth > 8) {
        xi_machine_fail(m, XINF_LIMIT, "results nest too deeply");
        return;
    }
    switch (v->kind) {
    case XI_ATEN_NONE: return;
    case XI_ATEN_TENSOR: {
        xi_value *contents = xi_aten_arg(&m->x, v);
        if (v->tensor->scale && xi_machine_good(m)) {
            xi_aten_value plain = xi_machine_operator(m, XI_STR("dequantize"), v, 1, NULL, 0);
            contents = xi_aten_arg(&m->x, &plain);
        }
        import_output(m, o, name, contents);
        return;
    }
    case XI_ATEN_INT:
    case XI_ATEN_BOOL:
    case XI_ATEN_DOUBLE: import_output(m, o, name, xi_machine_scalar(m, v)); return;
    case XI_ATEN_SEQUENCE: import_output(m, o, name, v->scalar); return;
    case XI_ATEN_LIST: {
        xi_value **items = xi_arena_array(m->x.arena, (size_t)v->list->count, sizeof *items);
        bool tensors = items && v->list->count > 0;
        for (int32_t i = 0; tensors && i < v->list->count; i++) {
            tensors = v->list->items[i].kind == XI_ATEN_TENSOR && !v->list->items[i].tensor->scale;
            if (tensors) items[i] = xi_aten_arg(&m->x, &v->list->items[i]);
        }
        if (tensors) {
            import_output(m, o, name,
                          xi_aten_emit(&m->x, "SequenceConstruct", v->list->count, items, 0, NULL));
            return;
        }
        for (int32_t i = 0; i < v->list->count; i++)
            import_result(m, o, import_numbered(m, name, i), &v->list->items[i], depth + 1);
        return;
    }
    case XI_ATEN_TUPLE:
        for (int32_t i = 0; i < v->list->count; i++)
            import_result(m, o, import_numbered(m, name, i), &v->list->items[i], depth + 1);
        return;
    case XI_ATEN_DICT:
        for (int32_t i = 0; i < v->dict->count; i++)
            import_result(m, o,
                          v->dict->keys[i].kind == XI_ATEN_STRING ? v->dict->keys[i].s
                                                                  : import_numbered(m, name, i),
                          &v->dict->values[i], depth + 1);
        return;
    case XI_ATEN_OBJECT: {
        const xi_machine_object *object = v->pointer;
        for (int32_t i = 0; i < object->count; i++)
            import_result(m, o, object->names[i], &object->values[i], depth + 1);
        return;
    }
    default: xi_machine_fail(m, XINF_UNSUPPORTED, "a result that is a %s", xi_aten_kind_name(v));
    }
}

/* ---- state ---- */

static bool import_widen(xi_type *t, const xi_type *written)
{
    xi_type before = *t;
    if (t->dtype != written->dtype) t->dtype = XINF_UNDEFINED;
    if (t->shape.rank != written->shape.rank) t->shape = XI_SHAPE_UNKNOWN;
    for (int32_t i = 0; i < t->shape.rank; i++)
        if (t->shape.dim[i] != written->shape.dim[i]) t->shape.dim[i] = XI_DIM_UNKNOWN;
    return before.dtype != t->dtype || !xi_shape_eq(&before.shape, &t->shape);
}

/* Attributes that were bound anew and are read by the next run before it binds them. */
static void import_find_states(xi_machine *m)
{
    for (size_t k = 0; k < m->touched_count; k++) {
        const xi_machine_object *o = m->touched[k];
        for (int32_t i = 0; i < o->count && xi_machine_good(m); i++) {
            if (o->marks[i] != (XI_MACHINE_READ | XI_MACHINE_WRITTEN)) continue;
            /* Bound to the very tensor that it was: what was written is the tensor's memory. */
            const xi_torch_value *first = xi_machine_source(o->source, o->names[i]);
            if (first && first->kind == XI_TORCH_TENSOR && o->values[i].kind == XI_ATEN_TENSOR &&
                m->tensors[first->id].kind == XI_ATEN_TENSOR &&
                m->tensors[first->id].tensor == o->values[i].tensor)
                continue;
            xi_machine_add_state(m, o->source, o->names[i]);
        }
    }
}

static xi_value *import_written(xi_machine *m, const xi_machine_state *s)
{
    if (s->tensor) return xi_aten_read(&m->x, m->tensors[s->tensor->id].tensor);
    xi_aten_value *v = xi_machine_attribute(m->objects[s->owner->id], s->attribute);
    if (!v) return NULL;
    if (v->kind == XI_ATEN_TENSOR) return xi_aten_arg(&m->x, v);
    return xi_machine_scalar(m, v);
}

static void import_states(xi_machine *m)
{
    struct xi_machine_states *all = m->states;
    xi_graph *g = m->x.graph;
    g->states = xi_arena_array(m->x.arena, all->count, sizeof *g->states);
    if (!g->states) {
        xi_aten_memory(&m->x);
        return;
    }
    for (size_t i = 0; i < all->count && xi_machine_good(m); i++) {
        xi_machine_state *s = &all->items[i];
        if (!s->read) continue;
        xi_value *written = import_written(m, s);
        if (!written || !xi_machine_good(m)) continue;
        if (import_widen(&s->type, &written->type)) all->changed = true;
        g->states[g->state_count++] = (xi_state){
            .name = s->name, .read = s->read, .written = written, .initial = s->initial};
    }
}

/* ---- the checks that a run makes ---- */

static void import_checks(xi_machine *m, import_outputs *o)
{
    xi_value *failed = NULL;
    if (!m->check_count || !o->count || !xi_machine_good(m)) return;
    for (size_t i = 0; i < m->check_count; i++)
        failed = failed ? xi_aten_emit2(&m->x, "Or", failed, m->checks[i]) : m->checks[i];
    /* Item 1 of one item: the run ends there, and says so. */
    xi_value *at = xi_aten_cast(&m->x, failed, XINF_INT64);
    xi_value *zero = xi_aten_emit(&m->x, "Gather", 2, (xi_value *[]){xi_aten_int1(&m->x, 0), at}, 0,
                                  NULL);
    xi_value *first = o->values[0];
    if (first->type.kind != XINF_KIND_TENSOR) return;
    xi_str name = first->name;
    first->name = (xi_str){NULL, 0};
    xi_value *none = xi_aten_cast_like(&m->x, zero, first);
    xinf_dtype d = xi_aten_dtype(first);
    xi_value *out = d == XINF_BOOL ? xi_aten_emit2(&m->x, "Or", first, none)
                                   : xi_aten_emit2(&m->x, "Add", first, none);
    if (!out) return;
    out->name = name;
    o->values[0] = out;
}

/* As many outputs as the method's type says, without contents. */
static void import_declared(xi_machine *m, import_outputs *o, const xi_script_expr *type,
                            xi_str name, int depth)
{
    xi_str word = import_type_name(type);
    bool parts = type && type->kind == XI_SCRIPT_SUBSCRIPT && depth < 8;
    if (!xi_machine_good(m)) return;
    if (parts && xi_str_is(word, "Optional") && type->count == 2) {
        import_declared(m, o, type->items[1], name, depth + 1);
    } else if (parts && xi_str_is(word, "Tuple")) {
        for (int32_t i = 1; i < type->count; i++)
            import_declared(m, o, type->items[i], import_numbered(m, name, i - 1), depth + 1);
    } else if (xi_str_is(word, "Tensor") || xi_str_is(word, "int") || xi_str_is(word, "float") ||
               xi_str_is(word, "bool")) {
        import_output(m, o, name, xi_aten_number(&m->x, XINF_FLOAT32, 0));
        if (xi_machine_good(m)) o->values[o->count - 1]->type = XI_TYPE_UNKNOWN;
    } else {
        xi_machine_fail(m, XINF_UNSUPPORTED, "the method gives a %.*s", XI_STR_ARG(word));
    }
}

/* ---- one attempt ---- */

static bool import_tables(xi_machine *m)
{
    size_t values = (size_t)m->archive->value_count + 1;
    m->files = xi_arena_array(m->x.arena, (size_t)m->archive->source_count, sizeof *m->files);
    m->objects = xi_arena_array(m->x.arena, values, sizeof *m->objects);
    m->tensors = xi_arena_array(m->x.arena, values, sizeof *m->tensors);
    m->sources = xi_arena_array(m->x.arena, values, sizeof *m->sources);
    m->constants = xi_arena_array(m->x.arena, (size_t)m->archive->constant_count,
                                  sizeof *m->constants);
    return m->files && m->objects && m->tensors && m->sources && m->constants;
}

static const xi_script_function *import_method(xi_machine *m, const import_job *job,
                                               const xi_machine_object *root)
{
    xi_str name = job->source->method ? xi_str_of(job->source->method) : XI_STR("forward");
    const xi_script_function *f = xi_machine_method(root->symbol, name);
    if (!f)
        xi_machine_fail(m, XINF_UNSUPPORTED, "the module has no method \"%.*s\"", XI_STR_ARG(name));
    return f;
}

static void import_run(xi_machine *m, import_job *job)
{
    import_inputs in = {.count = 0};
    import_outputs outputs = {NULL, 0, 0};
    xi_graph *g = m->x.graph;
    xi_aten_value root = xi_machine_value(m, m->archive->root, (xi_str){NULL, 0});
    if (!xi_machine_good(m)) return;
    if (root.kind != XI_ATEN_OBJECT) {
        xi_machine_fail(m, XINF_MALFORMED, "data.pkl holds a %s, not a module",
                        xi_aten_kind_name(&root));
        return;
    }
    xi_machine_object *object = root.pointer;
    const xi_script_function *f = import_method(m, job, object);
    if (!f) return;
    m->file = object->symbol->file->name;
    m->line = f->line;
    xi_machine_frame defaults = {.symbol = object->symbol};
    xi_aten_value *args = xi_arena_array(m->x.arena, (size_t)f->param_count + 1, sizeof *args);
    if (!args) {
        xi_aten_memory(&m->x);
        return;
    }
    m->frame = &defaults;
    args[0] = root;
    for (int32_t i = 1; i < f->param_count && xi_machine_good(m); i++) {
        const xi_script_param *p = &f->params[i];
        const xinf_value_info *hint = import_hint(job, p->name, i - 1);
        bool left_out = (hint && hint->kind == XINF_KIND_NONE) || (p->value && !hint);
        if (left_out)
            args[i] = p->value ? xi_machine_eval(m, p->value) : xi_aten_none();
        else
            args[i] = import_param(m, job, &in, p->name, p->type, hint);
    }
    m->frame = NULL;
    job->tensors = in.tensors;
    if (job->declared) {
        import_declared(m, &outputs, f->result, XI_STR("output"), 0);
    } else {
        xi_aten_value result = xi_machine_invoke(m, object->symbol, f, args,
                                                 f->param_count > 0 ? f->param_count : 0, NULL, 0);
        import_result(m, &outputs, XI_STR("output"), &result, 0);
        import_checks(m, &outputs);
    }
    if (xi_machine_good(m)) import_find_states(m);
    if (xi_machine_good(m) && !m->states->changed) import_states(m);
    if (!xi_machine_good(m)) return;
    if (!outputs.count) {
        xi_machine_fail(m, XINF_UNSUPPORTED, "the method gives no tensor");
        return;
    }
    g->inputs = xi_arena_array(m->x.arena, (size_t)in.count, sizeof *g->inputs);
    if (!g->inputs) {
        xi_aten_memory(&m->x);
        return;
    }
    if (in.count) memcpy(g->inputs, in.values, (size_t)in.count * sizeof *g->inputs);
    g->input_count = in.count;
    g->outputs = outputs.values;
    g->output_count = (int32_t)outputs.count;
}

static const xi_torch_value *import_source_of(const xi_aten_value *object)
{
    return object->kind == XI_ATEN_OBJECT && object->pointer
               ? ((const xi_machine_object *)object->pointer)->source
               : NULL;
}

/* Runs the program with the job's guesses; again when it was found to write what it reads. */
static xinf_status import_attempt(xi_import *out, import_job *job, xinf_error *err)
{
    xinf_status status = XINF_OK;
    xi_family *family = NULL;
    xi_free(job->source->alloc, job->states.items,
            job->states.capacity * sizeof *job->states.items);
    job->states = (struct xi_machine_states){NULL, 0, 0, false};
    for (int round = 0; round < IMPORT_ROUNDS; round++) {
        xi_family_destroy(family);
        XI_TRY(xi_family_create(&family, job->source->alloc, job->archive->arena.limit, err));
        for (size_t i = 0; i < job->states.count; i++) job->states.items[i].read = NULL;
        job->states.changed = false;
        xi_graph *g = xi_graph_create(family, NULL, XI_STR("main"));
        if (!g) XI_TRY(xi_fail_memory(err, sizeof *g));
        xi_machine m = {.archive = job->archive, .states = &job->states};
        m.x = (xi_aten){.graph = g,
                        .family = family,
                        .arena = &family->arena,
                        .file = job->archive->file,
                        .err = err,
                        .version = job->archive->version,
                        .max_nodes = job->source->limits.max_steps ? job->source->limits.max_steps
                                                                   : 4000000,
                        .wrote = xi_machine_wrote};
        m.x.wrote_self = &m;
        m.x.source_of = import_source_of;
        if (import_tables(&m))
            import_run(&m, job);
        else
            xi_aten_memory(&m.x);
        job->wants_types = m.x.wants_types;
        job->nodes = m.x.nodes;
        XI_TRY(m.x.status);
        if (job->states.changed) continue;
        out->family = family;
        out->graph = g;
        return XINF_OK;
    }
    status = xi_fail(err, XINF_UNSUPPORTED,
                     "what the model carries from run to run changes its type without end");
cleanup:
    xi_family_destroy(family);
    return status;
}

/* ---- guesses ---- */

/* The n-th combination, likely ones first: false when there are no more. */
static bool import_next_guess(import_job *job, int32_t n)
{
    static const import_guess likely[] = {{XINF_FLOAT32, 4}, {XINF_FLOAT32, 3}, {XINF_FLOAT32, 2},
                                          {XINF_INT64, 2},   {XINF_FLOAT32, 5}, {XINF_FLOAT32, 1},
                                          {XINF_INT64, 1}};
    enum { LIKELY = sizeof likely / sizeof *likely };
    int32_t count = job->tensors < IMPORT_MAX_INPUTS ? job->tensors : IMPORT_MAX_INPUTS;
    if (n < LIKELY) {
        for (int32_t i = 0; i < count; i++) job->guesses[i] = likely[n];
        return count > 0;
    }
    if (count < 2) return false;
    n -= LIKELY;
    for (int32_t i = 0; i < count; i++, n /= LIKELY) job->guesses[i] = likely[n % LIKELY];
    return n == 0;
}

/* Whether a node tells the rank of an input: a convolution's weights do. −1: it does not. */
static int32_t import_told_rank(const xi_graph *g, const xi_value *input)
{
    for (const xi_node *n = g->first; n; n = n->next) {
        const int64_t *kernel;
        if (n->input_count < 1 || n->inputs[0] != input) continue;
        if ((xi_node_is(n, "Conv") || xi_node_is(n, "ConvTranspose")) && n->input_count > 1)
            return xi_aten_rank(n->inputs[1]);
        int32_t count = xi_node_ints(n, "kernel_shape", &kernel);
        if (count) return count + 2;
    }
    return -1;
}

/* Inputs of unknown rank whose readers know it: then the program is run again with these. False:
 * some stay open. */
static bool import_tell_ranks(import_job *job, const xi_graph *g)
{
    bool all = true;
    int32_t at = 0;
    for (int32_t i = 0; i < g->input_count && at < IMPORT_MAX_INPUTS; i++) {
        const xi_type *t = &g->inputs[i]->type;
        if (t->kind != XINF_KIND_TENSOR || t->shape.rank >= 0) {
            all = all && t->kind == XINF_KIND_TENSOR && t->shape.rank == 0;
            continue;
        }
        job->guesses[at].rank = import_told_rank(g, g->inputs[i]);
        all = all && job->guesses[at].rank >= 0;
        at++;
    }
    return all;
}

/* The same program for inputs that are known by now: with their sizes, or, where that fails, for
 * any. */
static xinf_status import_retype(xi_import *out, void *owner, const xi_type *inputs,
                                 int32_t input_count, xinf_error *err)
{
    const xi_torch_program *p = owner;
    import_job job = {.archive = p->archive,
                      .source = &p->source,
                      .types = inputs,
                      .type_count = input_count,
                      .dims = true};
    *out = (xi_import){0};
    xinf_status status = import_attempt(out, &job, err);
    if (status == XINF_OK && out->graph->state_count) {
        /* A session cannot import again without losing what it carries: better for all sizes at
         * once. */
        xi_import open = {0};
        job.dims = false;
        if (import_attempt(&open, &job, NULL) == XINF_OK) {
            xi_family_destroy(out->family);
            *out = open;
        }
    }
    xi_free(&p->alloc, job.states.items, job.states.capacity * sizeof *job.states.items);
    return status;
}

/* Without hints: unknown ranks first, then likely ones. *best: what to say when nothing fits. */
static xinf_status import_search(xi_import *out, import_job *job, xinf_status status,
                                 xinf_status *best, xinf_error *first)
{
    uint64_t most = job->nodes;
    bool hopeless = status == XINF_OUT_OF_MEMORY || status == XINF_LIMIT || !job->tensors;
    for (int32_t n = 0;
         status != XINF_OK && !hopeless && n < IMPORT_TRIES && import_next_guess(job, n); n++) {
        xinf_error next = XINF_ERROR_INIT;
        status = import_attempt(out, job, &next);
        if (status != XINF_OK && job->nodes > most) {
            /* Who came furthest knows best what is missing. */
            most = job->nodes;
            *best = status;
            *first = next;
        }
    }
    return status;
}

/* Nothing was said about the inputs: the graph is for what they seem to be, and sessions wait for
 * what they are. */
static xinf_status import_unhinted(xi_import *out, import_job *job, xinf_status *best,
                                   xinf_error *first)
{
    for (int i = 0; i < IMPORT_MAX_INPUTS; i++) job->guesses[i] = (import_guess){XINF_FLOAT32, -1};
    xinf_status status = *best = import_attempt(out, job, first);
    bool sure = status == XINF_OK && !job->tensors;
    if (status == XINF_OK && job->tensors) {
        xi_import better = {0};
        xinf_error ignored = XINF_ERROR_INIT;
        sure = import_tell_ranks(job, out->graph);
        if (import_attempt(&better, job, &ignored) == XINF_OK) {
            xi_family_destroy(out->family);
            out->family = better.family;
            out->graph = better.graph;
        } else {
            sure = false;
        }
    }
    bool wanted = job->wants_types;
    if (status != XINF_OK) status = import_search(out, job, status, best, first);
    /* Nothing that was guessed is right: what the program declares is enough until a run brings
     * inputs. */
    if (status != XINF_OK && wanted && status != XINF_OUT_OF_MEMORY && status != XINF_LIMIT) {
        job->declared = true;
        for (int i = 0; i < IMPORT_MAX_INPUTS; i++)
            job->guesses[i] = (import_guess){XINF_UNDEFINED, -1};
        status = import_attempt(out, job, NULL);
        out->incomplete = status == XINF_OK;
    }
    if (status == XINF_OK && !sure) out->retype = import_retype;
    return status;
}

xinf_status xi_import_torch_script(xi_import *out, xi_torch_archive *archive,
                                   const xi_import_source *source, xinf_error *err)
{
    import_job job = {.archive = archive, .source = source};
    xinf_error first = XINF_ERROR_INIT;
    xinf_status status, best;
    if (source->hint_count) {
        status = best = import_attempt(out, &job, &first);
        job.dims = true;
        if (status != XINF_OK) status = import_attempt(out, &job, err);
    } else {
        status = import_unhinted(out, &job, &best, &first);
    }
    xi_free(source->alloc, job.states.items, job.states.capacity * sizeof *job.states.items);
    return status == XINF_OK ? XINF_OK : xi_fail(err, best, "%s", first.message);
}
