#include "import/torch/torch.h"

static void torch_end_owner(void *owner)
{
    xi_torch_archive_close(owner);
}

static xinf_status torch_program(xi_import *out, xi_torch_archive *a, const xi_import_source *source, xinf_error *err)
{
    switch (a->content) {
    case XI_TORCH_EXPORTED: return xi_import_torch_exported(out, a, source, err);
    case XI_TORCH_PROGRAM: return xi_fail(err, XINF_UNSUPPORTED, "this build does not import TorchScript");
    default: return xi_torch_archive_refuse_weights(a, err);
    }
}

xinf_status xi_import_torch(xi_import *out, const xi_import_source *source, xinf_error *err)
{
    xi_torch_archive *a = NULL;
    *out = (xi_import){0};
    xinf_status status = xi_torch_archive_open(&a, source->alloc, source->file, source->limits.max_bytes, err);
    if (status == XINF_OK) status = torch_program(out, a, source, err);
    if (status != XINF_OK) {
        xi_torch_archive_close(a);
        *out = (xi_import){0};
        return status;
    }
    out->mapped_bytes = source->file->mapped ? source->file->size : 0;
    out->owner = a;
    out->end_owner = torch_end_owner;
    return XINF_OK;
}
