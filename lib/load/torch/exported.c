#include "load/torch/exported.h"

#include <stdlib.h>

#include "load/torch/view.h"

enum { EXPORTED_MAJOR = 8 };

xi_torch_dtype xi_torch_exported_dtype(int64_t number)
{
    switch (number) {
    case 13: return XI_TORCH_BFLOAT16;
    case 28: return XI_TORCH_UINT16;
    case 29: return XI_TORCH_FLOAT8_E4M3FN;
    case 30: return XI_TORCH_FLOAT8_E5M2;
    case 31: return XI_TORCH_FLOAT8_E4M3FNUZ;
    case 32: return XI_TORCH_FLOAT8_E5M2FNUZ;
    default:
        return number >= 1 && number <= 12 ? (xi_torch_dtype)(number - 1) : XI_TORCH_DTYPE_UNKNOWN;
    }
}

/* ---- weights ---- */

typedef struct exported_weights {
    xi_torch_archive *archive;
    xi_torch_named_tensor *list;
    size_t count, capacity;
    const char *folder; /* "data/weights/" */
    xinf_error *err;
} exported_weights;

/* [{"as_int": 3}, …] */
static bool exported_sizes(int64_t *out, int32_t rank, const xi_json *list)
{
    const xi_json *item = list->first;
    for (int32_t i = 0; i < rank; i++, item = item->next) {
        const xi_json *number = xi_json_get_kind(item, "as_int", XI_JSON_INT);
        if (!number) return false;
        out[i] = number->i;
    }
    return true;
}

static const xi_torch_storage *exported_storage(const exported_weights *w, xi_str path,
                                                xi_torch_dtype dtype)
{
    char name[512];
    size_t folder = strlen(w->folder);
    if (path.len == 0 || path.len > sizeof name - folder) return NULL;
    memcpy(name, w->folder, folder);
    memcpy(name + folder, path.ptr, path.len);
    const xi_torch_record *record = xi_torch_archive_record(w->archive,
                                                            (xi_str){name, folder + path.len});
    xi_torch_storage *s = record ? xi_arena_alloc(&w->archive->arena, sizeof *s) : NULL;
    int32_t size = xi_torch_dtype_size(dtype);
    if (s)
        *s = (xi_torch_storage){.key = path,
                                .dtype = dtype,
                                .data = record->data,
                                .size = record->size,
                                .count = size ? (int64_t)(record->size / (uint32_t)size) : 0,
                                .in_file = record->in_file};
    return s;
}

static xinf_status exported_weight_fail(const exported_weights *w, xi_str name, const char *why)
{
    return xi_fail(w->err, XINF_MALFORMED, "weight \"%.*s\" of the exported program: %s",
                   XI_STR_ARG(name), why);
}

static xinf_status exported_add_weight(exported_weights *w, const xi_json *entry)
{
    const xi_json *meta = xi_json_get(entry, "tensor_meta"),
                  *sizes = xi_json_get_kind(meta, "sizes", XI_JSON_ARRAY);
    const xi_json *strides = xi_json_get_kind(meta, "strides", XI_JSON_ARRAY),
                  *pickled = xi_json_get_kind(entry, "use_pickle", XI_JSON_BOOL);
    xi_arena *arena = &w->archive->arena;
    int64_t last, room;
    if (pickled && pickled->b)
        return xi_fail(
            w->err, XINF_UNSUPPORTED,
            "weight \"%.*s\" of the exported program is a pickled object, not a plain tensor",
            XI_STR_ARG(entry->key));
    if (!sizes || !strides || sizes->count != strides->count || sizes->count > XI_TORCH_MAX_RANK)
        return exported_weight_fail(w, entry->key, "it has no shape and strides of one length");
    xi_torch_tensor *t = xi_arena_alloc(arena, sizeof *t);
    int64_t *dims = xi_arena_array(arena, 2 * (size_t)sizes->count, sizeof *dims);
    if (!t || !dims) return xi_fail_memory(w->err, sizeof *t);
    if (!exported_sizes(dims, sizes->count, sizes) ||
        !exported_sizes(dims + sizes->count, sizes->count, strides))
        return exported_weight_fail(w, entry->key, "its shape or strides are no integers");
    *t = (xi_torch_tensor){.dtype = xi_torch_exported_dtype(xi_json_int(meta, "dtype", 0)),
                           .rank = sizes->count,
                           .shape = dims,
                           .strides = dims + sizes->count,
                           .offset = xi_json_int(xi_json_get(meta, "storage_offset"), "as_int", 0)};
    t->parameter = xi_json_get_kind(entry, "is_param", XI_JSON_BOOL) &&
                   xi_json_get(entry, "is_param")->b;
    t->storage = exported_storage(w, xi_json_text(entry, "path_name"), t->dtype);
    if (!t->storage) return exported_weight_fail(w, entry->key, "the archive has no record for it");
    switch (xi_torch_view_set(t, &last, &room)) {
    case XI_TORCH_VIEW_GOOD: break;
    case XI_TORCH_VIEW_DTYPE:
        return exported_weight_fail(w, entry->key, "a dtype that is not known");
    case XI_TORCH_VIEW_OUTSIDE:
        return exported_weight_fail(w, entry->key,
                                    "its record is shorter than its shape and strides reach");
    default: return exported_weight_fail(w, entry->key, "impossible shape, strides or offset");
    }
    w->list[w->count++] = (xi_torch_named_tensor){.name = entry->key, .tensor = t};
    return XINF_OK;
}

/* The configuration is {"config": {name: …}}; there may be none. */
static xinf_status exported_config(const xi_json **out, xi_torch_archive *a, const char *folder,
                                   xi_str model, const char *suffix, xinf_error *err)
{
    xi_text name;
    const xi_json *root = NULL;
    xinf_status status = XINF_OK;
    *out = NULL;
    xi_text_init(&name, &a->alloc);
    xi_text_addf(&name, "%s%.*s%s", folder, XI_STR_ARG(model), suffix);
    if (name.failed) status = xi_fail_memory(err, 256);
    const xi_torch_record *record = status == XINF_OK
                                        ? xi_torch_archive_record(a, (xi_str){name.ptr, name.len})
                                        : NULL;
    if (record)
        status = xi_json_read(&root, &a->arena, (xi_str){(const char *)record->data, record->size},
                              name.ptr, err);
    xi_text_free(&name);
    if (root) *out = xi_json_get_kind(root, "config", XI_JSON_OBJECT);
    return status;
}

static int exported_compare(const void *a, const void *b)
{
    const xi_str x = ((const xi_torch_named_tensor *)a)->name,
                 y = ((const xi_torch_named_tensor *)b)->name;
    size_t len = x.len < y.len ? x.len : y.len;
    int order = len ? memcmp(x.ptr, y.ptr, len) : 0;
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static xinf_status exported_read_weights(xi_torch_exported *e, xi_torch_archive *a, xinf_error *err)
{
    static const char *const folders[2] = {"data/weights/", "data/constants/"};
    static const char *const suffixes[2] = {"_weights_config.json", "_constants_config.json"};
    const xi_json *configs[2];
    exported_weights w = {.archive = a, .err = err};
    for (int i = 0; i < 2; i++) {
        xinf_status status = exported_config(&configs[i], a, folders[i], e->name, suffixes[i], err);
        if (status != XINF_OK) return status;
        w.capacity += configs[i] ? (size_t)configs[i]->count : 0;
    }
    w.list = xi_arena_array(&a->arena, w.capacity, sizeof *w.list);
    if (!w.list) return xi_fail_memory(err, w.capacity * sizeof *w.list);
    for (int i = 0; i < 2; i++) {
        w.folder = folders[i];
        for (const xi_json *entry = configs[i] ? configs[i]->first : NULL; entry;
             entry = entry->next) {
            xinf_status status = exported_add_weight(&w, entry);
            if (status != XINF_OK) return status;
        }
    }
    if (w.count) qsort(w.list, w.count, sizeof *w.list, exported_compare);
    e->weights = w.list;
    e->weight_count = (int32_t)w.count;
    return XINF_OK;
}

const xi_torch_tensor *xi_torch_exported_weight(const xi_torch_exported *e, xi_str name)
{
    xi_torch_named_tensor key = {.name = {name.ptr ? name.ptr : "", name.len}};
    const xi_torch_named_tensor *found = e->weight_count
                                             ? bsearch(&key, e->weights, (size_t)e->weight_count,
                                                       sizeof key, exported_compare)
                                             : NULL;
    return found ? found->tensor : NULL;
}

/* ---- the program ---- */

static bool exported_is_model(xi_str name)
{
    return name.len > 12 && memcmp(name.ptr, "models/", 7) == 0 &&
           memcmp(name.ptr + name.len - 5, ".json", 5) == 0 &&
           !memchr(name.ptr + 7, '/', name.len - 7);
}

xinf_status xi_torch_exported_read(xi_torch_exported *out, xi_torch_archive *a, xinf_error *err)
{
    const xi_torch_record *model = NULL;
    memset(out, 0, sizeof *out);
    for (int32_t i = 0; i < a->record_count; i++) {
        if (!exported_is_model(a->records[i].name)) continue;
        if (model)
            return xi_fail(err, XINF_UNSUPPORTED,
                           "the archive holds several exported programs; one is read");
        model = &a->records[i];
    }
    if (!model)
        return xi_fail(err, XINF_UNSUPPORTED,
                       "the archive holds no exported program (models/….json)");
    out->name = (xi_str){model->name.ptr + 7, model->name.len - 12};
    xinf_status status = xi_json_read(&out->program, &a->arena,
                                      (xi_str){(const char *)model->data, model->size},
                                      "models/….json", err);
    if (status != XINF_OK) return status;
    const xi_json *module = xi_json_get(out->program, "graph_module");
    int64_t major = xi_json_int(xi_json_get(out->program, "schema_version"), "major", 0);
    if (major > EXPORTED_MAJOR)
        return xi_fail(err, XINF_UNSUPPORTED,
                       "the exported program has version %lld of its schema; up to %d is read",
                       (long long)major, EXPORTED_MAJOR);
    out->graph = xi_json_get_kind(module, "graph", XI_JSON_OBJECT);
    out->signature = xi_json_get_kind(module, "signature", XI_JSON_OBJECT);
    out->opset = xi_json_int(xi_json_get(out->program, "opset_version"), "aten", 0);
    if (!out->graph || !out->signature || !xi_json_get_kind(out->graph, "nodes", XI_JSON_ARRAY))
        return xi_fail(err, XINF_MALFORMED, "the exported program has no graph or no signature");
    return exported_read_weights(out, a, err);
}
