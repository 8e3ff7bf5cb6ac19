/* tensors.c — the tensors of an archive by their dotted paths, and what is said when there are only
 * those. */
#include "base/checked.h"
#include "load/torch/archive.h"
#include "load/torch/pickle.h"

#include "base/allocator.h"

enum { TENSORS_NAME_MAX = 4096 };

typedef struct tensors_frame {
    const xi_torch_value *value;
    int64_t next;
    size_t name_len; /* of the path to this value */
} tensors_frame;

typedef struct tensors_walk {
    xi_torch_archive *archive;
    tensors_frame frames[XI_PICKLE_DEPTH + 1];
    size_t depth;
    char name[TENSORS_NAME_MAX];
    uint8_t *seen; /* by value id: containers that were walked */
    xi_torch_named_tensor *list;
    size_t count, capacity;
} tensors_walk;

/* Dictionaries that a pickled module keeps its parts in; their names are in no path. */
static bool tensors_is_silent(xi_str key)
{
    return xi_str_is(key, "_modules") || xi_str_is(key, "_parameters") ||
           xi_str_is(key, "_buffers");
}

/* The path's length with one more part; what does not fit is cut. */
static size_t tensors_extend(tensors_walk *w, size_t len, const xi_torch_value *key, int64_t index)
{
    char number[24];
    xi_str part = {number, 0};
    if (key && key->kind == XI_TORCH_STRING) {
        part = key->s;
        if (tensors_is_silent(part)) return len;
    } else {
        uint64_t n = key && key->kind == XI_TORCH_INT && key->i >= 0 ? (uint64_t)key->i
                                                                     : (uint64_t)index;
        char *p = number + sizeof number;
        do *--p = (char)('0' + n % 10);
        while (n /= 10);
        part = (xi_str){p, (size_t)(number + sizeof number - p)};
    }
    if (len && len < TENSORS_NAME_MAX) w->name[len++] = '.';
    if (part.len > TENSORS_NAME_MAX - len) part.len = TENSORS_NAME_MAX - len;
    if (part.len) memcpy(w->name + len, part.ptr, part.len);
    return len + part.len;
}

static bool tensors_add(tensors_walk *w, size_t name_len, const xi_torch_tensor *t)
{
    char *name = xi_arena_strndup(&w->archive->arena, w->name, name_len);
    if (!name || !xi_grow(&w->archive->alloc, (void **)&w->list, &w->capacity, w->count + 1,
                          sizeof *w->list))
        return false;
    w->list[w->count++] = (xi_torch_named_tensor){.name = {name, name_len}, .tensor = t};
    return true;
}

/* The child that the frame looks at next, and the length of its path; NULL at the end. */
static const xi_torch_value *tensors_next(tensors_walk *w, tensors_frame *f, size_t *name_len)
{
    const xi_torch_value *v = f->value;
    int64_t i = f->next++;
    *name_len = f->name_len;
    if (v->kind == XI_TORCH_OBJECT) return i == 0 ? v->object.state : NULL;
    if (v->kind == XI_TORCH_DICT) {
        if (i >= v->dict.count) return NULL;
        *name_len = tensors_extend(w, f->name_len, v->dict.keys[i], i);
        return v->dict.values[i];
    }
    if (v->kind != XI_TORCH_LIST && v->kind != XI_TORCH_TUPLE) return NULL;
    if (i >= v->seq.count) return NULL;
    *name_len = tensors_extend(w, f->name_len, NULL, i);
    return v->seq.items[i];
}

static bool tensors_walk_all(tensors_walk *w, const xi_torch_value *root)
{
    w->frames[w->depth++] = (tensors_frame){root, 0, 0};
    if (root->kind == XI_TORCH_TENSOR) return tensors_add(w, 0, root->tensor);
    while (w->depth) {
        size_t name_len;
        const xi_torch_value *child = tensors_next(w, &w->frames[w->depth - 1], &name_len);
        if (!child) {
            w->depth--;
        } else if (child->kind == XI_TORCH_TENSOR) {
            if (!tensors_add(w, name_len, child->tensor)) return false;
        } else if (!w->seen[child->id] && w->depth <= XI_PICKLE_DEPTH) {
            w->seen[child->id] = 1;
            w->frames[w->depth++] = (tensors_frame){child, 0, name_len};
        }
    }
    return true;
}

xinf_status xi_torch_archive_tensors(const xi_torch_named_tensor **out, int32_t *out_count,
                                     xi_torch_archive *a, xinf_error *err)
{
    tensors_walk *w = xi_calloc(&a->alloc, 1, sizeof *w);
    xinf_status status = XINF_OK;
    xi_torch_named_tensor *list = NULL;
    *out = NULL;
    *out_count = 0;
    if (!w) return xi_fail_memory(err, sizeof *w);
    w->archive = a;
    w->seen = xi_calloc(&a->alloc, (size_t)a->value_count + 1, 1);
    if (!w->seen || (a->root && !tensors_walk_all(w, a->root)))
        status = xi_fail_memory(err, a->value_count);
    if (status == XINF_OK && w->count) {
        list = xi_arena_array(&a->arena, w->count, sizeof *list);
        if (list)
            memcpy(list, w->list, w->count * sizeof *list);
        else
            status = xi_fail_memory(err, w->count * sizeof *list);
    }
    if (status == XINF_OK) {
        *out = list;
        *out_count = (int32_t)w->count;
    }
    xi_free(&a->alloc, w->list, w->capacity * sizeof *w->list);
    xi_free(&a->alloc, w->seen, (size_t)a->value_count + 1);
    xi_free(&a->alloc, w, sizeof *w);
    return status;
}

#define TENSORS_ADVICE                                                                        \
    "In Python: m = torch.jit.trace(model.eval(), example_inputs); m.save(\"model.pt\"), or " \
    "torch.export.save(torch.export.export("                                                  \
    "model.eval(), example_inputs), \"model.pt2\")"

xinf_status xi_torch_archive_refuse_weights(const xi_torch_archive *a, xinf_error *err)
{
    if (a->content == XI_TORCH_PICKLED_MODULE)
        return xi_fail(err, XINF_UNSUPPORTED,
                       "the file holds a pickled object of class %.*s, whose code is not in it, so "
                       "there is no program to run. " TENSORS_ADVICE,
                       XI_STR_ARG(a->foreign_class));
    return xi_fail(err, XINF_UNSUPPORTED,
                   "the file holds weights (a %s%s%.*s) and no program to run. " TENSORS_ADVICE,
                   a->root ? xi_torch_kind_name(a->root->kind) : "folder",
                   a->foreign_class.len ? ", with objects of class " : "",
                   XI_STR_ARG(a->foreign_class));
}

#undef TENSORS_ADVICE
