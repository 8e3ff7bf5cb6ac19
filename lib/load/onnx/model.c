#include "load/onnx/model.h"

#include "base/allocator.h"
#include "load/onnx/onnx.pb-c.h"
#include "load/protobuf.h"

static xinf_status onnx_model_read(xi_onnx_model *m, uint64_t max_bytes, xinf_error *err)
{
    xi_protobuf_budget budget = XI_PROTOBUF_BUDGET;
    ProtobufCMessage *root;
    budget.fixed = max_bytes;
    xinf_status status = xi_protobuf_read(&root, &m->payload_size, &onnx__model__descriptor,
                                          m->file->data, m->file->size, &m->tree, &budget,
                                          "ONNX model", err);
    if (status) return status;
    m->proto = (const Onnx__Model *)root;
    if (!m->proto->graph) return xi_fail(err, XINF_MALFORMED, "ONNX model: it holds no graph");
    return XINF_OK;
}

xinf_status xi_onnx_model_open(xi_onnx_model **out, const xinf_allocator *alloc,
                               const xi_file *file, const char *folder, bool map,
                               uint64_t max_bytes, xinf_error *err)
{
    xinf_status status = XINF_OK;
    *out = NULL;
    xi_onnx_model *m = xi_calloc(alloc, 1, sizeof *m);
    if (!m) return xi_fail_memory(err, sizeof *m);
    m->alloc = *alloc;
    m->file = file;
    m->map = map;
    xi_arena_init(&m->tree, alloc, 0);
    xi_arena_init(&m->contents, alloc, 0);
    m->contents_limit = (64u << 20) + (file->size > SIZE_MAX / 32 ? SIZE_MAX / 2 : 16 * file->size);
    if (folder) {
        size_t size = strlen(folder) + 1;
        m->folder = xi_alloc(alloc, size);
        if (!m->folder) XI_TRY(xi_fail_memory(err, size));
        memcpy(m->folder, folder, size);
    }
    if (file->size == 0) XI_TRY(xi_fail(err, XINF_MALFORMED, "ONNX model: the file is empty"));
    XI_TRY(onnx_model_read(m, max_bytes, err));
    *out = m;
    m = NULL;
cleanup:
    xi_onnx_model_close(m);
    return status;
}

void xi_onnx_model_close(xi_onnx_model *m)
{
    if (!m) return;
    while (m->files) {
        xi_onnx_file *next = m->files->next;
        xi_file_close(&m->files->file);
        xi_free(&m->alloc, (void *)m->files->name.ptr, m->files->name.len + 1);
        xi_free(&m->alloc, m->files, sizeof *m->files);
        m->files = next;
    }
    if (m->folder) xi_free(&m->alloc, m->folder, strlen(m->folder) + 1);
    xi_arena_reset(&m->tree);
    xi_arena_reset(&m->contents);
    xinf_allocator alloc = m->alloc;
    xi_free(&alloc, m, sizeof *m);
}

void xi_onnx_model_drop_tree(xi_onnx_model *m)
{
    m->proto = NULL;
    xi_arena_reset(&m->tree);
}

size_t xi_onnx_model_limit(const xi_onnx_model *m)
{
    xi_protobuf_budget budget = XI_PROTOBUF_BUDGET;
    size_t described = m->file->size - m->payload_size;
    return (size_t)budget.base +
           (described > SIZE_MAX / 32 ? SIZE_MAX / 2 : (size_t)budget.factor * described);
}

uint64_t xi_onnx_model_mapped(const xi_onnx_model *m)
{
    uint64_t total = m->file->mapped ? m->file->size : 0;
    for (const xi_onnx_file *f = m->files; f; f = f->next)
        total += f->file.mapped ? f->file.size : 0;
    return total;
}

xinf_status xi_onnx_model_file(const xi_file **out, xi_onnx_model *m, xi_str name, xinf_error *err)
{
    *out = NULL;
    for (const xi_onnx_file *f = m->files; f; f = f->next) {
        if (!xi_str_eq(f->name, name)) continue;
        *out = &f->file;
        return XINF_OK;
    }
    if (!m->folder)
        return xi_fail(
            err, XINF_IO,
            "external data \"%.*s\": a model that was not opened from a file needs base_folder",
            XI_STR_ARG(name));
    xi_onnx_file *f = xi_calloc(&m->alloc, 1, sizeof *f);
    char *copy = xi_alloc(&m->alloc, name.len + 1);
    xinf_status status = f && copy ? XINF_OK : xi_fail_memory(err, name.len + sizeof *f);
    if (!status)
        status = xi_file_open_below(&f->file, &m->alloc, m->folder, name.ptr, name.len, m->map,
                                    err);
    if (status) {
        xi_free(&m->alloc, copy, name.len + 1);
        xi_free(&m->alloc, f, sizeof *f);
        return status;
    }
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = 0;
    f->name = (xi_str){copy, name.len};
    f->next = m->files;
    m->files = f;
    *out = &f->file;
    return XINF_OK;
}
