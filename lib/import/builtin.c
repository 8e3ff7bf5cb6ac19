/* builtin.c — the table of formats: a new one is a row here and a folder beside. */
#include "import/builtin.h"

#include "import/onnx/onnx.h"
#include "import/tensorflow/tensorflow.h"
#include "import/torch/torch.h"

static const xi_importer importers[] = {
    {XI_FORMAT_ONNX, "onnx", xi_import_onnx},
    {XI_FORMAT_GRAPHDEF, "graphdef", xi_import_graphdef},
    {XI_FORMAT_SAVEDMODEL, "savedmodel", xi_import_savedmodel},
    {XI_FORMAT_TORCH, "torch", xi_import_torch},
};
enum { IMPORTER_COUNT = sizeof importers / sizeof importers[0] };

xinf_status xi_importer_choose(const xi_importer **out, const xi_file *file, const char *wanted,
                               xinf_error *err)
{
    *out = NULL;
    xi_format found = XI_FORMAT_UNKNOWN;
    if (file->size == 0) return xi_fail(err, XINF_MALFORMED, "the file is empty");
    if (!wanted) {
        xinf_status status = xi_format_tell(&found, file->data, file->size, err);
        if (status != XINF_OK) return status;
    }
    for (int i = 0; i < IMPORTER_COUNT && !*out; i++)
        if (wanted ? strcmp(wanted, importers[i].name) == 0 : importers[i].format == found)
            *out = &importers[i];
    if (*out) return XINF_OK;
    if (wanted) return xi_fail(err, XINF_UNSUPPORTED, "format \"%s\" is not supported", wanted);
    return xi_fail(err, XINF_UNSUPPORTED, "this is a %s, which this build does not import",
                   xi_format_name(found));
}
