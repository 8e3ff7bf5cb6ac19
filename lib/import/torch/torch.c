#include "import/torch/torch.h"

#include "base/allocator.h"
#include "import/torch/machine.h"

static void torch_end_owner(void *owner)
{
    xi_torch_program *p = owner;
    if (!p) return;
    xinf_allocator alloc = p->alloc;
    xi_torch_archive_close(p->archive);
    xi_free(&alloc, p, p->size);
}

/* What the caller says of inputs, with names and shapes behind it: sessions import again when the
 * caller's own is gone. */
static size_t torch_hints_size(const xi_import_source *source)
{
    size_t size = 0;
    for (int32_t i = 0; i < source->hint_count; i++) {
        const xinf_value_info *h = &source->hints[i];
        size += sizeof *h + (h->name ? strlen(h->name) + 1 : 0);
        size += h->shape && h->rank > 0 ? (size_t)h->rank * sizeof *h->shape : 0;
    }
    return size;
}

static void torch_copy_hints(xinf_value_info *out, const xi_import_source *source)
{
    int64_t *shapes = (int64_t *)(out + source->hint_count);
    for (int32_t i = 0; i < source->hint_count; i++) {
        out[i] = source->hints[i];
        bool shaped = out[i].shape && out[i].rank > 0;
        out[i].shape = shaped ? shapes : NULL;
        out[i].symbols = NULL;
        if (!shaped) continue;
        memcpy(shapes, source->hints[i].shape, (size_t)out[i].rank * sizeof *shapes);
        shapes += out[i].rank;
    }
    char *names = (char *)shapes;
    for (int32_t i = 0; i < source->hint_count; i++) {
        if (!out[i].name) continue;
        size_t size = strlen(out[i].name) + 1;
        out[i].name = memcpy(names, out[i].name, size);
        names += size;
    }
}

static xinf_status torch_create_owner(xi_torch_program **out, const xi_import_source *source,
                                      xinf_error *err)
{
    size_t text = source->method ? strlen(source->method) + 1 : 0, hints = torch_hints_size(source),
           size = sizeof **out + hints + text;
    xi_torch_program *p = *out = xi_calloc(source->alloc, 1, size);
    if (!p) return xi_fail_memory(err, size);
    p->alloc = *source->alloc;
    p->size = size;
    p->source = *source;
    p->source.alloc = &p->alloc;
    /* What the caller gave is gone when a session imports again. */
    p->source.folder = NULL;
    p->source.hints = source->hint_count ? (const xinf_value_info *)(p + 1) : NULL;
    if (source->hint_count) torch_copy_hints((xinf_value_info *)(p + 1), source);
    if (text) p->source.method = memcpy((char *)(p + 1) + hints, source->method, text);
    return xi_torch_archive_open(&p->archive, &p->alloc, source->file, source->limits.max_bytes,
                                 err);
}

static xinf_status torch_program(xi_import *out, xi_torch_archive *a,
                                 const xi_import_source *source, xinf_error *err)
{
    switch (a->content) {
    case XI_TORCH_EXPORTED: return xi_import_torch_exported(out, a, source, err);
    case XI_TORCH_PROGRAM: return xi_import_torch_script(out, a, source, err);
    default: return xi_torch_archive_refuse_weights(a, err);
    }
}

xinf_status xi_import_torch(xi_import *out, const xi_import_source *source, xinf_error *err)
{
    xi_torch_program *p = NULL;
    *out = (xi_import){0};
    xinf_status status = torch_create_owner(&p, source, err);
    if (status == XINF_OK) status = torch_program(out, p->archive, source, err);
    if (status != XINF_OK) {
        torch_end_owner(p);
        *out = (xi_import){0};
        return status;
    }
    out->mapped_bytes = source->file->mapped ? source->file->size : 0;
    out->owner = p;
    out->end_owner = torch_end_owner;
    return XINF_OK;
}
