/* xinf.c — the public entry points: arguments checked, stages called in order.
 *
 * load (model.c): detect → tree → graph → load-time passes.
 * session: copy of the graph → session passes → plan → frame; run walks it. */
#include "xinf.h"

#include <string.h>

#include "base/allocator.h"
#include "base/cpu.h"
#include "device/builtin.h"
#include "export/onnx.h"
#include "graph/print.h"
#include "model.h"
#include "passes/pipeline.h"
#include "report.h"
#include "run/session.h"
#include "typed.h"

struct xinf_loader {
    xinf_env *env;
};

struct xinf_session {
    xinf_model *model;
    xi_family *family; /* of the session's own copy */
    xi_graph *graph;
    xi_session *session;
    uint32_t isa;
    xi_typed typed; /* what a program without declared inputs became for this session's runs */
    xinf_session_options *later; /* set: the session is made, or made anew, by a run; a copy with
                                    its texts behind it */
    size_t later_size;
    atomic_flag making; /* held while such a session is made and runs */
};

#define XINF_TEXT(x) #x
#define XINF_TEXT_OF(x) XINF_TEXT(x)

const char *xinf_version(void)
{
    return XINF_TEXT_OF(XINF_VERSION_MAJOR) "." XINF_TEXT_OF(XINF_VERSION_MINOR) "." XINF_TEXT_OF(
        XINF_VERSION_PATCH);
}

const char *xinf_status_name(xinf_status status)
{
    static const char *const names[] = {
        "XINF_OK",        "XINF_INVALID_ARGUMENT", "XINF_OUT_OF_MEMORY", "XINF_IO",
        "XINF_MALFORMED", "XINF_UNSUPPORTED",      "XINF_LIMIT",         "XINF_MISMATCH",
        "XINF_RUN_ERROR", "XINF_CANCELLED",        "XINF_DEADLINE",      "XINF_BUSY",
        "XINF_DEVICE",    "XINF_INTERNAL",
    };
    return status >= 0 && status < (xinf_status)(sizeof names / sizeof names[0]) ? names[status]
                                                                                 : "unknown status";
}

static xinf_status xinf_null(xinf_error *err, const char *function)
{
    return xi_fail(err, XINF_INVALID_ARGUMENT, "%s: an argument is NULL", function);
}

/* ---- tensors ---- */

static xinf_status xinf_shape(xi_shape *out, const int64_t *shape, int32_t rank, xinf_error *err)
{
    if (rank < 0 || rank > XI_MAX_RANK || (rank && !shape))
        return xi_fail(err, XINF_INVALID_ARGUMENT, "rank %d is outside 0…%d, or the shape is NULL",
                       (int)rank, (int)XI_MAX_RANK);
    *out = xi_shape_of(rank, shape);
    for (int32_t i = 0; i < rank; i++)
        if (shape[i] < 0)
            return xi_fail(err, XINF_INVALID_ARGUMENT, "dimension %d is %lld", (int)i,
                           (long long)shape[i]);
    return XINF_OK;
}

xinf_status xinf_tensor_create(xinf_tensor **out, xinf_env *env, xinf_dtype dtype,
                               const int64_t *shape, int32_t rank, xinf_error *err)
{
    xi_shape s;
    if (!out || !env) return xinf_null(err, "xinf_tensor_create");
    *out = NULL;
    xinf_status status = xinf_shape(&s, shape, rank, err);
    return status == XINF_OK ? xi_tensor_create(out, &env->alloc, dtype, &s, true, err) : status;
}

xinf_status xinf_tensor_wrap(xinf_tensor **out, xinf_env *env, xinf_dtype dtype,
                             const int64_t *shape, int32_t rank, void *data, size_t size,
                             void (*release)(void *self), void *self, xinf_error *err)
{
    xi_shape s;
    if (!out || !env) return xinf_null(err, "xinf_tensor_wrap");
    *out = NULL;
    xinf_status status = xinf_shape(&s, shape, rank, err);
    return status == XINF_OK
               ? xi_tensor_wrap(out, &env->alloc, dtype, &s, data, size, release, self, err)
               : status;
}

static xinf_status xinf_items(xinf_tensor *const *items, int64_t count, xinf_error *err)
{
    if (count < 0 || (count && !items))
        return xi_fail(err, XINF_INVALID_ARGUMENT, "%lld items", (long long)count);
    for (int64_t i = 0; i < count; i++)
        if (!items[i])
            return xi_fail(err, XINF_INVALID_ARGUMENT, "item %lld is NULL", (long long)i);
    return XINF_OK;
}

xinf_status xinf_tensor_create_sequence(xinf_tensor **out, xinf_env *env, xinf_tensor *const *items,
                                        int64_t count, xinf_error *err)
{
    if (!out || !env) return xinf_null(err, "xinf_tensor_create_sequence");
    *out = NULL;
    xinf_status status = xinf_items(items, count, err);
    return status == XINF_OK ? xi_tensor_create_items(out, &env->alloc, XINF_KIND_SEQUENCE, NULL,
                                                      items, count, err)
                             : status;
}

xinf_status xinf_tensor_create_map(xinf_tensor **out, xinf_env *env, xinf_tensor *keys,
                                   xinf_tensor *const *values, int64_t count, xinf_error *err)
{
    if (!out || !env || !keys) return xinf_null(err, "xinf_tensor_create_map");
    *out = NULL;
    xinf_status status = xinf_items(values, count, err);
    if (status != XINF_OK) return status;
    if (keys->kind != XINF_KIND_TENSOR || keys->shape.rank != 1 || keys->count != count ||
        (keys->dtype != XINF_INT64 && keys->dtype != XINF_STRING))
        return xi_fail(err, XINF_INVALID_ARGUMENT,
                       "the keys of a map are one int64 or string for each value");
    return xi_tensor_create_items(out, &env->alloc, XINF_KIND_MAP, keys, values, count, err);
}

xinf_status xinf_tensor_create_none(xinf_tensor **out, xinf_env *env, xinf_error *err)
{
    if (!out || !env) return xinf_null(err, "xinf_tensor_create_none");
    return xi_tensor_create_items(out, &env->alloc, XINF_KIND_NONE, NULL, NULL, 0, err);
}

xinf_status xinf_tensor_from_dlpack(xinf_tensor **out, xinf_env *env,
                                    struct DLManagedTensorVersioned *dl, xinf_error *err)
{
    if (!out || !env || !dl) return xinf_null(err, "xinf_tensor_from_dlpack");
    return xi_tensor_from_dlpack(out, &env->alloc, dl, err);
}

/* ---- loader ---- */

xinf_status xinf_loader_create(xinf_loader **out, xinf_env *env, const xinf_loader_options *options,
                               xinf_error *err)
{
    if (!out || !env) return xinf_null(err, "xinf_loader_create");
    *out = xi_calloc(&env->alloc, 1, sizeof **out);
    if (!*out) return xi_fail_memory(err, sizeof **out);
    (*out)->env = xi_env_retain(env);
    return XINF_OK;
}

void xinf_loader_destroy(xinf_loader *loader)
{
    if (!loader) return;
    xinf_env *env = loader->env;
    xi_free(&env->alloc, loader, sizeof *loader);
    xinf_env_destroy(env);
}

/* The folder part of a path, "." when it has none; freed by the caller with the returned size. */
static char *xinf_folder(const xinf_allocator *alloc, const char *path, size_t *size)
{
    const char *slash = strrchr(path, '/');
#ifdef _WIN32
    const char *back = strrchr(path, '\\');
    if (!slash || (back && back > slash)) slash = back;
#endif
    size_t length = slash ? (slash == path ? 1 : (size_t)(slash - path)) : 1;
    *size = length + 1;
    char *folder = xi_alloc(alloc, *size);
    if (!folder) return NULL;
    memcpy(folder, slash ? path : ".", length);
    folder[length] = 0;
    return folder;
}

static xinf_status xinf_open_folder(xinf_model **out, xinf_loader *loader, const char *path,
                                    const xinf_load_options *options, xinf_error *err)
{
    static const char name[] = "saved_model.pb";
    xi_file file;
    const xinf_allocator *alloc = &loader->env->alloc;
    xinf_status status = xi_file_open_below(&file, alloc, path, name, sizeof name - 1,
                                            !options || options->map != XINF_MAP_NEVER, err);
    if (status != XINF_OK) {
        xi_error_prefix(err, "this folder holds no SavedModel: ");
        return status;
    }
    return xi_model_open(out, loader->env, &file, path, options, NULL, err);
}

static xinf_status xinf_open_path(xinf_model **out, xinf_loader *loader, const char *path,
                                  const xinf_load_options *options, xinf_error *err)
{
    xi_file file;
    size_t size = 0;
    const xinf_allocator *alloc = &loader->env->alloc;
    bool map = !options || options->map != XINF_MAP_NEVER;
    xinf_status status;
    if (xi_file_is_folder(path)) {
        status = xinf_open_folder(out, loader, path, options, err);
        if (status != XINF_OK) xi_error_prefix(err, "%s: ", path);
        return status;
    }
    status = xi_file_open(&file, alloc, path, map, err);
    if (status != XINF_OK) return status;
    char *folder = xinf_folder(alloc, path, &size);
    if (!folder) {
        xi_file_close(&file);
        return xi_fail_memory(err, size);
    }
    status = xi_model_open(out, loader->env, &file, folder, options, NULL, err);
    if (status != XINF_OK) xi_error_prefix(err, "%s: ", path);
    xi_free(alloc, folder, size);
    return status;
}

xinf_status xinf_loader_load(xinf_model **out, xinf_loader *loader, const char *path,
                             const xinf_load_options *options, xinf_error *err)
{
    if (!out || !loader || !path) return xinf_null(err, "xinf_loader_load");
    *out = NULL;
    return xinf_open_path(out, loader, path, options, err);
}

xinf_status xinf_loader_load_memory(xinf_model **out, xinf_loader *loader, const void *data,
                                    size_t size, const xinf_load_options *options, xinf_error *err)
{
    xi_file file;
    if (!out || !loader || (!data && size)) return xinf_null(err, "xinf_loader_load_memory");
    *out = NULL;
    xi_file_borrow(&file, data, size);
    return xi_model_open(out, loader->env, &file, NULL, options, NULL, err);
}

/* Reads a source whole, when it cannot show its bytes. */
static xinf_status xinf_read_source(xi_file *file, const xinf_allocator *alloc,
                                    const xinf_source *source, xinf_error *err)
{
    if (source->size > SIZE_MAX / 2) return xi_fail(err, XINF_LIMIT, "the source is too large");
    const void *shown = source->map ? source->map(source->self) : NULL;
    if (shown || source->size == 0) {
        xi_file_borrow(file, shown, (size_t)source->size);
        return XINF_OK;
    }
    uint8_t *bytes = xi_alloc(alloc, (size_t)source->size);
    if (!bytes) return xi_fail_memory(err, (size_t)source->size);
    if (source->read_at(source->self, 0, bytes, (size_t)source->size) != 0) {
        xi_free(alloc, bytes, (size_t)source->size);
        return xi_fail(err, XINF_IO, "the source could not be read");
    }
    *file = (xi_file){.alloc = *alloc, .data = bytes, .size = (size_t)source->size, .owned = true};
    return XINF_OK;
}

xinf_status xinf_loader_load_source(xinf_model **out, xinf_loader *loader,
                                    const xinf_source *source, const xinf_load_options *options,
                                    xinf_error *err)
{
    xi_file file;
    if (!out || !loader || !source || source->struct_size < sizeof *source ||
        (!source->read_at && !source->map))
        return xinf_null(err, "xinf_loader_load_source");
    *out = NULL;
    xinf_status status = xinf_read_source(&file, &loader->env->alloc, source, err);
    return status == XINF_OK ? xi_model_open(out, loader->env, &file, NULL, options, source, err)
                             : status;
}

xinf_status xinf_loader_inspect(xinf_report **out, xinf_loader *loader, const char *path,
                                const xinf_load_options *options, xinf_error *err)
{
    xinf_model *model;
    if (!out || !loader || !path) return xinf_null(err, "xinf_loader_inspect");
    *out = NULL;
    xinf_status status = xinf_open_path(&model, loader, path, options, err);
    if (status != XINF_OK) return status;
    status = xi_report_create(out, model, err);
    xinf_model_destroy(model);
    return status;
}

/* ---- model ---- */

static xinf_status xinf_write_text(xi_text *text, xinf_write_fn write, void *self, xinf_error *err)
{
    xinf_status status = XINF_OK;
    if (text->failed)
        status = xi_fail_memory(err, text->len);
    else if (text->len && write(self, text->ptr, text->len) != 0)
        status = xi_fail(err, XINF_IO, "the text was not taken");
    xi_text_free(text);
    return status;
}

xinf_status xinf_model_print(const xinf_model *model, xinf_write_fn write, void *self,
                             xinf_error *err)
{
    xi_text text;
    if (!model || !write) return xinf_null(err, "xinf_model_print");
    xi_text_init(&text, &model->alloc);
    xi_graph_print(model->import.graph, &text);
    return xinf_write_text(&text, write, self, err);
}

/* Notes of the file go along, except what the writer says itself. */
static xinf_status xinf_export(const xinf_model *m, const char *path, xinf_error *err)
{
    size_t size = ((size_t)m->import.note_count + 1) * sizeof(char *);
    const char **keys = xi_alloc(&m->alloc, size), **values = xi_alloc(&m->alloc, size);
    xinf_status status = keys && values ? XINF_OK : xi_fail_memory(err, size);
    xi_export_options o = {.defaults = m->import.defaults, .keys = keys, .values = values};
    for (int32_t i = 0; i < m->import.note_count && status == XINF_OK; i++) {
        static const char *const own[] = {"producer_name", "producer_version", "domain",
                                          "model_version", "ir_version",       "opset",
                                          "doc_string"};
        bool skip = false;
        for (size_t k = 0; k < sizeof own / sizeof own[0]; k++)
            skip = skip || strcmp(own[k], m->import.notes[i].key) == 0;
        if (skip) continue;
        keys[o.note_count] = m->import.notes[i].key;
        values[o.note_count++] = m->import.notes[i].value;
    }
    if (status == XINF_OK) status = xi_export_onnx(m->import.graph, path, &o, err);
    xi_free(&m->alloc, (void *)(uintptr_t)keys, size);
    xi_free(&m->alloc, (void *)(uintptr_t)values, size);
    return status;
}

xinf_status xinf_model_save(const xinf_model *model, const char *path, xinf_error *err)
{
    if (!model || !path) return xinf_null(err, "xinf_model_save");
    if (model->import.incomplete)
        return xi_fail(err, XINF_UNSUPPORTED,
                       "the file does not say what its inputs are: give their dtypes and ranks "
                       "when it is loaded");
    return xinf_export(model, path, err);
}

/* ---- session ---- */

typedef struct xinf_evaluation {
    const xi_device *device;
    uint32_t isa;
} xinf_evaluation;

static xinf_status xinf_evaluate(void *self, const xi_node *n, const xi_literal *const *in,
                                 const xi_literal **out, xi_arena *arena, size_t max_bytes,
                                 xinf_error *err)
{
    const xinf_evaluation *e = self;
    return e->device->evaluate(e->isa, n, in, out, arena, max_bytes, err);
}

/* Does a hinted shape fit what the model declares? */
static bool xinf_hint_fits(const xi_shape *declared, const xi_shape *hint)
{
    bool fits = declared->rank < 0 || declared->rank == hint->rank;
    for (int32_t k = 0; fits && k < declared->rank; k++)
        fits = declared->dim[k] < 0 || declared->dim[k] == hint->dim[k];
    return fits;
}

/* Writes the hinted shapes over the inputs' declared ones; xinf_restore_inputs takes them back once
 * kernels are chosen. */
static xinf_status xinf_apply_hints(xi_graph *g, const xinf_session_options *o, xinf_error *err)
{
    for (int32_t h = 0; h < o->hint_count; h++) {
        const xinf_shape_hint *hint = &o->hints[h];
        xi_shape s;
        xi_value *input = NULL;
        xinf_status status = xinf_shape(&s, hint->shape, hint->rank, err);
        if (status != XINF_OK) return status;
        for (int32_t i = 0; i < g->input_count && hint->name; i++)
            if (xi_str_is(g->inputs[i]->name, hint->name)) input = g->inputs[i];
        if (!input)
            return xi_fail(err, XINF_INVALID_ARGUMENT, "shape hint: there is no input \"%s\"",
                           hint->name ? hint->name : "");
        if (!xinf_hint_fits(&input->type.shape, &s))
            return xi_fail(err, XINF_MISMATCH,
                           "the shape hint for \"%s\" is not what the model declares", hint->name);
        input->type.shape = s;
    }
    return o->hint_count ? xi_graph_infer(g, err) : XINF_OK;
}

static void xinf_restore_inputs(xi_graph *g, const xi_graph *declared)
{
    for (int32_t i = 0; i < g->input_count; i++)
        g->inputs[i]->type.shape = declared->inputs[i]->type.shape;
}

static xinf_status xinf_session_start(xinf_session *s, const xinf_session_options *o,
                                      xinf_error *err)
{
    xinf_status status;
    xinf_model *m = s->model;
    xinf_evaluation evaluation = {.device = xi_device_find(o->device)};
    xi_evaluator evaluator = {&evaluation, xinf_evaluate};
    s->isa = m->env->cpu.isa;
    if (!evaluation.device)
        return xi_fail(err, XINF_UNSUPPORTED, "there is no device \"%s\"", o->device);
    if (o->isa && !xi_cpu_isa_parse(xi_str_of(o->isa), m->env->cpu.isa, &s->isa))
        return xi_fail(err, XINF_INVALID_ARGUMENT, "there is no instruction set \"%s\"", o->isa);
    evaluation.isa = s->isa;
    const xi_import *import = s->typed.import.family ? &s->typed.import : &m->import;
    XI_TRY(xi_family_create(&s->family, &m->alloc, 0, err));
    XI_TRY(xi_graph_clone(&s->graph, s->family, import->graph, err));
    XI_TRY(xi_passes_run(s->graph, XI_STAGE_SESSION, o->passes_off, &evaluator, err));
    XI_TRY(xinf_apply_hints(s->graph, o, err));
    const xinf_executor *executor = o->executor                 ? o->executor
                                    : m->env->executor.parallel ? &m->env->executor
                                                                : NULL;
    xi_session_config config = {.alloc = m->alloc,
                                .graph = s->graph,
                                .defaults = import->defaults,
                                .weights = &m->weights,
                                .device = evaluation.device,
                                .isa = s->isa,
                                .options = o,
                                .executor = executor};
    XI_TRY(xi_session_create(&s->session, &config, err));
    /* A full disk takes nothing but the next start's speed. */
    xinf_error unsaved = XINF_ERROR_INIT;
    if (xi_weights_save(&m->weights, &unsaved) != XINF_OK) xi_env_log(m->env, 1, unsaved.message);
    status = xi_session_warm(s->session, err);
    xinf_restore_inputs(s->graph, import->graph);
cleanup:
    return status;
}

/* Keeps the options for the first run: texts are copied, shape hints have lost their meaning by
 * then. */
static xinf_status xinf_session_postpone(xinf_session *s, const xinf_session_options *o,
                                         xinf_error *err)
{
    const char *texts[3] = {o->device, o->isa, o->passes_off};
    s->later_size = sizeof *s->later + sizeof *o->executor;
    for (int i = 0; i < 3; i++) s->later_size += texts[i] ? strlen(texts[i]) + 1 : 0;
    s->later = xi_calloc(&s->model->alloc, 1, s->later_size);
    if (!s->later) return xi_fail_memory(err, s->later_size);
    *s->later = *o;
    char *at = (char *)(s->later + 1);
    if (o->executor) {
        memcpy(at, o->executor, sizeof *o->executor);
        s->later->executor = (const xinf_executor *)at;
    }
    at += sizeof *o->executor;
    const char **kept[3] = {&s->later->device, &s->later->isa, &s->later->passes_off};
    for (int i = 0; i < 3; i++) {
        if (!texts[i]) continue;
        *kept[i] = strcpy(at, texts[i]);
        at += strlen(texts[i]) + 1;
    }
    s->later->hints = NULL;
    s->later->hint_count = 0;
    return XINF_OK;
}

static void xinf_session_stop(xinf_session *s)
{
    xi_session_destroy(s->session);
    xi_family_destroy(s->family);
    s->session = NULL;
    s->family = NULL;
    s->graph = NULL;
}

/* Makes the session fit the inputs of a run, when their types are not declared. The caller holds
 * s->making. */
static xinf_status xinf_session_make(xinf_session *s, xinf_tensor *const *inputs, xinf_error *err)
{
    bool changed;
    xi_import old;
    xinf_status status = xi_typed_fit(&s->typed, &old, &changed, s->model, inputs,
                                      s->model->import.graph->input_count, err);
    if (status == XINF_OK && (changed || !s->session)) {
        xinf_session_stop(s);
        xi_family_destroy(old.family);
        status = xinf_session_start(s, s->later, err);
        if (status == XINF_OK && s->graph->output_count != s->model->import.graph->output_count)
            status = xi_fail(err, XINF_UNSUPPORTED,
                             "the program has %d outputs for these inputs; %d were declared",
                             (int)s->graph->output_count,
                             (int)s->model->import.graph->output_count);
        if (status != XINF_OK) xinf_session_stop(s);
    }
    return status;
}

/* Shapes that the caller tells make the session of a program ready before its first run, when they
 * say all that it wants to know. */
static xinf_status xinf_session_expect(xinf_session *s, const xinf_session_options *o,
                                       xinf_error *err)
{
    const xinf_model *m = s->model;
    const xi_graph *g = m->import.graph;
    bool known = o->hint_count && !m->import.incomplete;
    xi_type *types = known ? xi_alloc(&m->alloc, ((size_t)g->input_count + 1) * sizeof *types)
                           : NULL;
    xinf_status status = XINF_OK;
    if (!known) return XINF_OK;
    if (!types) return xi_fail_memory(err, sizeof *types);
    for (int32_t i = 0; i < g->input_count; i++) types[i] = g->inputs[i]->type;
    for (int32_t h = 0; h < o->hint_count && status == XINF_OK; h++) {
        const xinf_shape_hint *hint = &o->hints[h];
        int32_t at = 0;
        while (at < g->input_count && !(hint->name && xi_str_is(g->inputs[at]->name, hint->name)))
            at++;
        if (at == g->input_count)
            status = xi_fail(err, XINF_INVALID_ARGUMENT, "shape hint: there is no input \"%s\"",
                             hint->name ? hint->name : "");
        else
            status = xinf_shape(&types[at].shape, hint->shape, hint->rank, err);
    }
    for (int32_t i = 0; i < g->input_count; i++)
        known = known && types[i].kind == XINF_KIND_TENSOR && types[i].dtype != XINF_UNDEFINED &&
                xi_shape_known(&types[i].shape);
    if (status == XINF_OK && known) {
        status = xi_typed_expect(&s->typed, m, types, g->input_count, err);
        if (status == XINF_OK) status = xinf_session_start(s, s->later, err);
    }
    xi_free(&m->alloc, types, ((size_t)g->input_count + 1) * sizeof *types);
    return status;
}

xinf_status xinf_session_create(xinf_session **out, xinf_model *model,
                                const xinf_session_options *options, xinf_error *err)
{
    if (!out || !model) return xinf_null(err, "xinf_session_create");
    *out = NULL;
    xinf_session_options o = XINF_SESSION_OPTIONS_INIT;
    if (options && options->struct_size)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    xinf_session *s = xi_calloc(&model->alloc, 1, sizeof *s);
    if (!s) return xi_fail_memory(err, sizeof *s);
    s->model = xi_model_retain(model);
    atomic_flag_clear(&s->making);
    xinf_status status = model->import.retype ? xinf_session_postpone(s, &o, err)
                                              : xinf_session_start(s, &o, err);
    if (status == XINF_OK && model->import.retype) status = xinf_session_expect(s, &o, err);
    if (status == XINF_OK)
        *out = s;
    else
        xinf_session_destroy(s);
    return status;
}

void xinf_session_destroy(xinf_session *s)
{
    if (!s) return;
    xinf_model *model = s->model;
    xinf_session_stop(s);
    xi_typed_end(&s->typed, model);
    xi_free(&model->alloc, s->later, s->later_size);
    xi_free(&model->alloc, s, sizeof *s);
    xinf_model_destroy(model);
}

xinf_status xinf_session_run(xinf_session *s, xinf_tensor *const *inputs, int32_t input_count,
                             xinf_tensor **outputs, int32_t output_count,
                             const xinf_run_options *options, xinf_error *err)
{
    if (!s || (input_count && !inputs) || (output_count && !outputs))
        return xinf_null(err, "xinf_session_run");
    const xi_graph *declared = s->model->import.graph;
    if (input_count != declared->input_count || output_count != declared->output_count)
        return xi_fail(err, XINF_INVALID_ARGUMENT,
                       "the model has %d inputs and %d outputs; %d and %d came",
                       (int)declared->input_count, (int)declared->output_count, (int)input_count,
                       (int)output_count);
    xinf_run_options o = XINF_RUN_OPTIONS_INIT;
    if (options && options->struct_size)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    if (!s->later)
        return xi_session_run(s->session, inputs, outputs, &o, o.cancel ? &o.cancel->flag : NULL,
                              err);
    if (atomic_flag_test_and_set(&s->making))
        return xi_fail(err, XINF_BUSY, "the session is running on another thread");
    xinf_status status = xinf_session_make(s, inputs, err);
    if (status == XINF_OK)
        status = xi_session_run(s->session, inputs, outputs, &o, o.cancel ? &o.cancel->flag : NULL,
                                err);
    atomic_flag_clear(&s->making);
    return status;
}

xinf_status xinf_session_reset(xinf_session *s, xinf_error *err)
{
    if (!s) return xinf_null(err, "xinf_session_reset");
    return s->session ? xi_session_reset(s->session, err) : XINF_OK;
}

xinf_status xinf_session_memory(const xinf_session *s, xinf_memory_info *out, xinf_error *err)
{
    if (!s || !out) return xinf_null(err, "xinf_session_memory");
    xinf_memory_info info = XINF_MEMORY_INFO_INIT;
    xinf_status status = xinf_model_memory(s->model, &info, err);
    if (status != XINF_OK) return status;
    if (s->session) xi_session_memory(s->session, &info.arena_bytes, &info.other_bytes);
    if (s->family) info.graph_bytes += s->family->arena.used;
    info.peak_bytes = info.mapped_bytes + info.graph_bytes + info.weight_bytes + info.arena_bytes +
                      info.other_bytes;
    info.struct_size = out->struct_size;
    memcpy(out, &info, out->struct_size < sizeof info ? out->struct_size : sizeof info);
    return XINF_OK;
}

xinf_status xinf_session_print(xinf_session *s, xinf_dump what, xinf_write_fn write, void *self,
                               xinf_error *err)
{
    xi_text text;
    if (!s || !write) return xinf_null(err, "xinf_session_print");
    if (what < XINF_DUMP_GRAPH_BEFORE || what > XINF_DUMP_PLAN)
        return xi_fail(err, XINF_INVALID_ARGUMENT, "there is no dump %d", (int)what);
    if (!s->session && what != XINF_DUMP_GRAPH_BEFORE) {
        if (s->model->import.incomplete)
            return xi_fail(
                err, XINF_UNSUPPORTED,
                "the model does not declare its inputs' types: there is nothing to print "
                "before the first run");
        /* As far as it is known without a run: for inputs of any size. */
        if (atomic_flag_test_and_set(&s->making))
            return xi_fail(err, XINF_BUSY, "the session is running on another thread");
        xinf_status status = xinf_session_start(s, s->later, err);
        if (status != XINF_OK) xinf_session_stop(s);
        atomic_flag_clear(&s->making);
        if (status != XINF_OK) return status;
    }
    xi_text_init(&text, &s->model->alloc);
    if (what == XINF_DUMP_PLAN)
        xi_plan_print(xi_session_plan(s->session), &text);
    else
        xi_graph_print(what == XINF_DUMP_GRAPH ? s->graph : s->model->import.graph, &text);
    return xinf_write_text(&text, write, self, err);
}
