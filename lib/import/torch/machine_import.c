/* machine_import.c — a TorchScript module becomes a graph: its method is run once over inputs that
 * only a run knows.
 *
 * The file does not say what ranks and dtypes its inputs have. The caller's hints are taken;
 * without them the program is tried with unknown ranks first, and when that leaves a question open,
 * with likely ones. */
#include "import/torch/machine_signature.h"

#include "base/allocator.h"
#include "import/torch/op.h"
#include "import/torch/torch.h"

enum { IMPORT_ROUNDS = 6, IMPORT_TRIES = 400 };

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

static const xi_script_function *import_method(xi_machine *m, const xi_machine_job *job,
                                               const xi_machine_object *root)
{
    xi_str name = job->source->method ? xi_str_of(job->source->method) : XI_STR("forward");
    const xi_script_function *f = xi_machine_method(root->symbol, name);
    if (!f)
        xi_machine_fail(m, XINF_UNSUPPORTED, "the module has no method \"%.*s\"", XI_STR_ARG(name));
    return f;
}

static void import_run(xi_machine *m, xi_machine_job *job)
{
    xi_machine_inputs in = {.count = 0};
    xi_machine_outputs outputs = {NULL, 0, 0};
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
        const xinf_value_info *hint = xi_machine_hint(job, p->name, i - 1);
        in.order = i - 1;
        bool left_out = (hint && hint->kind == XINF_KIND_NONE) || (p->value && !hint);
        if (left_out)
            args[i] = p->value ? xi_machine_eval(m, p->value) : xi_aten_none();
        else
            args[i] = xi_machine_param(m, job, &in, f, p, hint);
    }
    m->frame = NULL;
    job->tensors = in.tensors;
    if (job->declared) {
        xi_machine_declared(m, &outputs, f->result, XI_STR("output"), 0);
    } else {
        xi_aten_value result = xi_machine_invoke(m, object->symbol, f, args,
                                                 f->param_count > 0 ? f->param_count : 0, NULL, 0);
        xi_machine_result(m, &outputs, XI_STR("output"), &result, 0);
        if (xi_machine_good(m)) xi_aten_end_checks(&m->x, outputs.values, (int32_t)outputs.count);
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
static xinf_status import_attempt(xi_import *out, xi_machine_job *job, xinf_error *err)
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
static bool import_next_guess(xi_machine_job *job, int32_t n)
{
    static const xi_machine_guess likely[] = {
        {XINF_FLOAT32, 4}, {XINF_FLOAT32, 3}, {XINF_FLOAT32, 2}, {XINF_INT64, 2},
        {XINF_FLOAT32, 5}, {XINF_FLOAT32, 1}, {XINF_INT64, 1}};
    enum { LIKELY = sizeof likely / sizeof *likely };
    int32_t count = job->tensors < XI_MACHINE_INPUTS ? job->tensors : XI_MACHINE_INPUTS;
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
static bool import_tell_ranks(xi_machine_job *job, const xi_graph *g)
{
    bool all = true;
    int32_t at = 0;
    for (int32_t i = 0; i < g->input_count && at < XI_MACHINE_INPUTS; i++) {
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
    xi_machine_job job = {.archive = p->archive,
                          .source = &p->source,
                          .types = inputs,
                          .type_count = input_count,
                          .dims = true};
    *out = (xi_import){0};
    for (int i = 0; i < XI_MACHINE_INPUTS; i++)
        job.guesses[i] = (xi_machine_guess){XINF_FLOAT32, -1};
    xinf_status status = import_attempt(out, &job, err);
    if (status != XINF_OK && status != XINF_OUT_OF_MEMORY) {
        job.dims = false;
        if (import_attempt(out, &job, NULL) == XINF_OK) status = XINF_OK;
    } else if (status == XINF_OK && out->graph->state_count) {
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
static xinf_status import_search(xi_import *out, xi_machine_job *job, xinf_status status,
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

/* Whether kernels and fusions can be chosen better when sizes are known: they are, at a session's
 * first run. A session that carries something is made once. */
static bool import_gains(const xi_graph *g)
{
    bool open = false;
    for (int32_t i = 0; i < g->input_count; i++)
        open = open || (g->inputs[i]->type.kind == XINF_KIND_TENSOR &&
                        !xi_shape_known(&g->inputs[i]->type.shape));
    return open && !g->state_count;
}

/* Nothing was said about the inputs: the graph is for what they seem to be, and sessions wait for
 * what they are. */
static xinf_status import_unhinted(xi_import *out, xi_machine_job *job, xinf_status *best,
                                   xinf_error *first)
{
    for (int i = 0; i < XI_MACHINE_INPUTS; i++)
        job->guesses[i] = (xi_machine_guess){XINF_FLOAT32, -1};
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
        for (int i = 0; i < XI_MACHINE_INPUTS; i++)
            job->guesses[i] = (xi_machine_guess){XINF_UNDEFINED, -1};
        status = import_attempt(out, job, NULL);
        out->incomplete = status == XINF_OK;
    }
    if (status == XINF_OK && (!sure || import_gains(out->graph))) out->retype = import_retype;
    return status;
}

xinf_status xi_import_torch_script(xi_import *out, xi_torch_archive *archive,
                                   const xi_import_source *source, xinf_error *err)
{
    xi_machine_job job = {.archive = archive, .source = source};
    xinf_error first = XINF_ERROR_INIT;
    xinf_status status, best;
    if (source->hint_count) {
        status = best = import_attempt(out, &job, &first);
        job.dims = true;
        if (status != XINF_OK) status = import_attempt(out, &job, err);
        if (status == XINF_OK && import_gains(out->graph)) out->retype = import_retype;
    } else {
        status = import_unhinted(out, &job, &best, &first);
    }
    xi_free(source->alloc, job.states.items, job.states.capacity * sizeof *job.states.items);
    return status == XINF_OK ? XINF_OK : xi_fail(err, best, "%s", first.message);
}
