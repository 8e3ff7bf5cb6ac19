#include "import/torch/torch.h"

#include "base/allocator.h"
#include "import/torch/machine.h"

/* What a TorchScript model keeps for importing again. */
typedef struct torch_owner {
    xi_torch_archive *archive;
    xi_import_source source; /* without hints */
    char *method;            /* its copy in the archive's arena */
    const char **names;      /* of the graph's inputs, there too */
    int32_t count;
} torch_owner;

static void torch_end_owner(void *owner)
{
    torch_owner *o = owner;
    xi_torch_archive *a = o->archive;
    xinf_allocator alloc = a->alloc;
    xi_torch_archive_close(a);
    xi_free(&alloc, o, sizeof *o);
}

/* The same program for inputs of known types. Only reads the owner. */
static xinf_status torch_retype(xi_import *out, void *owner, const xi_type *inputs, int32_t count, xinf_error *err)
{
    const torch_owner *o = owner;
    xi_import_source source = o->source;
    xinf_value_info *hints = xi_calloc(&o->source.alloc[0], (size_t)count + 1, sizeof *hints);
    *out = (xi_import){0};
    if (!hints) return xi_fail_memory(err, sizeof *hints);
    for (int32_t i = 0; i < count; i++)
        hints[i] = (xinf_value_info){.struct_size = sizeof *hints, .kind = inputs[i].kind, .name = i < o->count ? o->names[i] : NULL,
                                     .dtype = inputs[i].dtype, .rank = inputs[i].shape.rank, .shape = inputs[i].shape.dim};
    source.hints = hints;
    source.hint_count = count;
    xinf_status status = xi_import_torch_script(out, o->archive, &source, err);
    xi_free(&o->source.alloc[0], hints, ((size_t)count + 1) * sizeof *hints);
    return status;
}

/* Fills what retype needs. The names live in the archive, like everything that the model keeps. */
static xinf_status torch_keep(torch_owner *o, const xi_import *made, const xi_import_source *source, xinf_error *err)
{
    xi_arena *arena = &o->archive->arena;
    o->source = *source;
    o->source.alloc = &o->archive->alloc;
    o->source.file = o->archive->file;
    o->source.folder = NULL;
    o->source.hints = NULL;
    o->source.hint_count = 0;
    if (source->method) o->source.method = o->method = xi_arena_strndup(arena, source->method, strlen(source->method));
    o->names = xi_arena_array(arena, (size_t)made->graph->input_count + 1, sizeof *o->names);
    if (!o->names || (source->method && !o->method)) return xi_fail_memory(err, sizeof *o->names);
    for (int32_t i = 0; i < made->graph->input_count; i++) {
        xi_str name = made->graph->inputs[i]->name;
        if (!(o->names[i] = xi_arena_strndup(arena, name.ptr, name.len))) return xi_fail_memory(err, name.len);
        o->count++;
    }
    return XINF_OK;
}

static xinf_status torch_program(xi_import *out, torch_owner *o, const xi_import_source *source, xinf_error *err)
{
    xinf_status status;
    switch (o->archive->content) {
    case XI_TORCH_EXPORTED: return xi_import_torch_exported(out, o->archive, source, err);
    case XI_TORCH_PROGRAM:
        status = xi_import_torch_script(out, o->archive, source, err);
        if (status != XINF_OK || source->hint_count) return status;
        out->retype = torch_retype;
        return torch_keep(o, out, source, err);
    default: return xi_torch_archive_refuse_weights(o->archive, err);
    }
}

xinf_status xi_import_torch(xi_import *out, const xi_import_source *source, xinf_error *err)
{
    xinf_status status;
    torch_owner *o = xi_calloc(source->alloc, 1, sizeof *o);
    *out = (xi_import){0};
    if (!o) return xi_fail_memory(err, sizeof *o);
    XI_TRY(xi_torch_archive_open(&o->archive, source->alloc, source->file, source->limits.max_bytes, err));
    XI_TRY(torch_program(out, o, source, err));
    out->mapped_bytes = source->file->mapped ? source->file->size : 0;
    out->owner = o;
    out->end_owner = torch_end_owner;
    return XINF_OK;
cleanup:
    xi_family_destroy(out->family);
    xi_torch_archive_close(o->archive);
    xi_free(source->alloc, o, sizeof *o);
    *out = (xi_import){0};
    return status;
}
