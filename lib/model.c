/* model.c — bytes → tree → graph, and the answers about it. */
#include "model.h"

#include "base/allocator.h"
#include "graph/op.h"
#include "import/builtin.h"
#include "passes/pipeline.h"

/* ---- what the public structs point to ---- */

static bool model_describe(xinf_model *m, xinf_value_info *out, const xi_value *v, xi_str name)
{
    const xi_type *t = &v->type;
    xi_arena *arena = &m->import.family->arena;
    int32_t rank = t->kind == XINF_KIND_TENSOR ? t->shape.rank : -1;
    int64_t *shape = xi_arena_array(arena, XI_MAX_RANK, sizeof *shape);
    const char **symbols = xi_arena_array(arena, XI_MAX_RANK, sizeof *symbols);
    char *copy = xi_arena_strndup(arena, name.ptr, name.len);
    if (!shape || !symbols || !copy) return false;
    for (int32_t i = 0; i < rank; i++) {
        const xi_str *symbol = xi_family_symbol_name(m->import.family, t->shape.dim[i]);
        shape[i] = t->shape.dim[i] < 0 ? -1 : t->shape.dim[i];
        if (symbol && !(symbols[i] = xi_arena_strndup(arena, symbol->ptr, symbol->len)))
            return false;
    }
    *out = (xinf_value_info){.struct_size = sizeof *out,
                             .kind = t->kind,
                             .name = copy,
                             .dtype = t->dtype,
                             .rank = rank,
                             .shape = shape,
                             .symbols = symbols,
                             .optional = t->optional};
    return true;
}

static xinf_status model_describe_all(xinf_model *m, xinf_error *err)
{
    const xi_graph *g = m->import.graph;
    xi_arena *arena = &m->import.family->arena;
    arena->limit = 0; /* the importer's budget has served its purpose */
    m->inputs = xi_arena_array(arena, (size_t)g->input_count + 1, sizeof *m->inputs);
    m->outputs = xi_arena_array(arena, (size_t)g->output_count + 1, sizeof *m->outputs);
    m->states = xi_arena_array(arena, (size_t)g->state_count + 1, sizeof *m->states);
    bool done = m->inputs && m->outputs && m->states;
    for (int32_t i = 0; i < g->input_count && done; i++) {
        done = model_describe(m, &m->inputs[i], g->inputs[i], g->inputs[i]->name);
        m->inputs[i].optional |= m->import.defaults && m->import.defaults[i];
    }
    for (int32_t i = 0; i < g->output_count && done; i++)
        done = model_describe(m, &m->outputs[i], g->outputs[i], g->outputs[i]->name);
    for (int32_t i = 0; i < g->state_count && done; i++)
        done = model_describe(m, &m->states[i], g->states[i].read, g->states[i].name);
    return done ? XINF_OK : xi_fail_memory(err, sizeof(xinf_value_info));
}

/* ---- loading ---- */

/* used: only what a node reads. */
static void model_count_weights(const xi_graph *g, bool used, uint64_t *bytes)
{
    for (size_t i = 0; i < g->value_count; i++)
        if (g->values[i]->literal && (!used || g->values[i]->uses))
            *bytes += g->values[i]->literal->size;
    for (const xi_node *n = g->first; n; n = n->next)
        for (int32_t a = 0; a < n->attr_count; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH)
                model_count_weights(n->attrs[a].graph, used, bytes);
}

static xinf_status model_import(xinf_model *m, const char *folder, const xinf_load_options *o,
                                xinf_error *err)
{
    xinf_status status;
    const xi_importer *importer;
    xi_import_source source = {
        .alloc = &m->alloc,
        .file = &m->file,
        .folder = folder,
        .map = o->map != XINF_MAP_NEVER,
        .customs = &m->env->customs,
        .limits = {.max_bytes = o->max_bytes, .max_steps = o->max_steps, .max_depth = o->max_depth},
        .method = o->method,
        .hints = o->inputs,
        .hint_count = o->inputs ? o->input_count : 0,
        .signature = o->signature,
        .outputs = o->outputs,
        .output_count = o->outputs ? o->output_count : 0};
    XI_TRY(xi_importer_choose(&importer, &m->file, o->format, err));
    m->format = importer->name;
    XI_TRY(importer->import(&m->import, &source, err));
    XI_TRY(xi_graph_verify(m->import.graph, err));
    XI_TRY(xi_graph_infer(m->import.graph, err));
    model_count_weights(m->import.graph, false, &m->weight_bytes);
    XI_TRY(xi_passes_run(m->import.graph, XI_STAGE_LOAD, NULL, NULL, err));
    XI_TRY(model_describe_all(m, err));
cleanup:
    return status;
}

xinf_status xi_model_open(xinf_model **out, xinf_env *env, xi_file *file, const char *folder,
                          const xinf_load_options *options, const xinf_source *source,
                          xinf_error *err)
{
    *out = NULL;
    xinf_status status;
    xinf_load_options o = XINF_LOAD_OPTIONS_INIT;
    if (options && options->struct_size)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    xinf_model *m = xi_calloc(&env->alloc, 1, sizeof *m);
    if (!m) {
        xi_file_close(file);
        return xi_fail_memory(err, sizeof *m);
    }
    m->env = xi_env_retain(env);
    m->alloc = env->alloc;
    m->file = *file;
    atomic_init(&m->refs, 1);
    XI_TRY(xi_weights_init(&m->weights, &m->alloc, err));
    m->weights_ready = true;
    XI_TRY(model_import(m, o.base_folder ? o.base_folder : folder, &o, err));
    if (env->weight_cache && m->file.identity)
        XI_TRY(xi_weights_use_cache(&m->weights, env->weight_cache, m->file.identity, err));
    if (source) m->source = *source;
    *out = m;
cleanup:
    if (!*out) xinf_model_destroy(m);
    return status;
}

static void model_release_source(void *owner)
{
    xinf_model_destroy(owner);
}

xinf_status xi_model_derive(xinf_model **out, xinf_model *source, xi_family *family,
                            xi_graph *graph, xinf_error *err)
{
    *out = NULL;
    xinf_status status;
    xinf_model *m = xi_calloc(&source->alloc, 1, sizeof *m);
    if (!m) {
        xi_family_destroy(family);
        return xi_fail_memory(err, sizeof *m);
    }
    m->env = xi_env_retain(source->env);
    m->alloc = source->alloc;
    m->format = source->format;
    m->import = source->import;
    m->import.family = family;
    m->import.graph = graph;
    m->import.retype = NULL; /* what was made of the graph has no program any more */
    m->import.incomplete = false;
    m->import.owner = xi_model_retain(source);
    m->import.end_owner = model_release_source;
    atomic_init(&m->refs, 1);
    XI_TRY(xi_weights_init(&m->weights, &m->alloc, err));
    m->weights_ready = true;
    xi_graph_count_uses(graph);
    model_count_weights(graph, true, &m->weight_bytes);
    XI_TRY(model_describe_all(m, err));
    *out = m;
cleanup:
    if (!*out) xinf_model_destroy(m);
    return status;
}

xinf_model *xi_model_retain(xinf_model *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void xinf_model_destroy(xinf_model *m)
{
    if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1) return;
    xinf_env *env = m->env;
    if (m->weights_ready) xi_weights_end(&m->weights);
    xi_family_destroy(m->import.family);
    if (m->import.end_owner) m->import.end_owner(m->import.owner);
    xi_file_close(&m->file);
    if (m->source.release) m->source.release(m->source.self);
    xi_free(&env->alloc, m, sizeof *m);
    xinf_env_destroy(env);
}

/* ---- answers ---- */

int32_t xinf_model_input_count(const xinf_model *m)
{
    return m ? m->import.graph->input_count : 0;
}

int32_t xinf_model_output_count(const xinf_model *m)
{
    return m ? m->import.graph->output_count : 0;
}

int32_t xinf_model_state_count(const xinf_model *m)
{
    return m ? m->import.graph->state_count : 0;
}

static xinf_status model_answer(const xinf_value_info *list, int32_t count, int32_t index,
                                xinf_value_info *out, xinf_error *err)
{
    if (!out || index < 0 || index >= count)
        return xi_fail(err, XINF_INVALID_ARGUMENT, "there is no value %d of %d", (int)index,
                       (int)count);
    uint32_t size = out->struct_size < sizeof *out ? out->struct_size : (uint32_t)sizeof *out;
    xinf_value_info info = list[index];
    info.struct_size = out->struct_size;
    memcpy(out, &info, size);
    return XINF_OK;
}

xinf_status xinf_model_input(const xinf_model *m, int32_t index, xinf_value_info *out,
                             xinf_error *err)
{
    return m ? model_answer(m->inputs, m->import.graph->input_count, index, out, err)
             : xi_fail(err, XINF_INVALID_ARGUMENT, "model is NULL");
}

xinf_status xinf_model_output(const xinf_model *m, int32_t index, xinf_value_info *out,
                              xinf_error *err)
{
    return m ? model_answer(m->outputs, m->import.graph->output_count, index, out, err)
             : xi_fail(err, XINF_INVALID_ARGUMENT, "model is NULL");
}

xinf_status xinf_model_state(const xinf_model *m, int32_t index, xinf_value_info *out,
                             xinf_error *err)
{
    return m ? model_answer(m->states, m->import.graph->state_count, index, out, err)
             : xi_fail(err, XINF_INVALID_ARGUMENT, "model is NULL");
}

const char *xinf_model_metadata(const xinf_model *m, int32_t index, const char **out_value)
{
    if (out_value) *out_value = NULL;
    if (!m || index < 0 || index >= m->import.note_count) return NULL;
    if (out_value) *out_value = m->import.notes[index].value;
    return m->import.notes[index].key;
}

xinf_status xinf_model_memory(const xinf_model *m, xinf_memory_info *out, xinf_error *err)
{
    if (!m || !out) return xi_fail(err, XINF_INVALID_ARGUMENT, "NULL argument");
    xinf_memory_info info = {.struct_size = out->struct_size,
                             .mapped_bytes = m->import.mapped_bytes,
                             .graph_bytes = m->import.family->arena.used,
                             .weight_bytes = m->weights.bytes};
    info.peak_bytes = info.mapped_bytes + info.graph_bytes + info.weight_bytes;
    memcpy(out, &info, out->struct_size < sizeof info ? out->struct_size : sizeof info);
    return XINF_OK;
}
