/* torch_import.c — libFuzzer target: any bytes as the code of a TorchScript module with a few
 * attributes (w [2,8], b [8], n 3, items [1,2], flag), which is imported. The first byte says
 * whether the input's type is told. */
#include <stdlib.h>

#include "base/allocator.h"
#include "graph/op.h"
#include "import/torch/torch.h"
#include "zip_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What torch.jit.save writes for such a module. */
static const char import_pickle[] =
    "\200\002c__torch__\n"
    "M\n"
    "q\000)\201}(X\001\000\000\000wq\001ctorch._utils\n"
    "_rebuild_tensor_v2\n"
    "q\002((X\007\000\000\000storageq\003ctorch\n"
    "FloatStorage\n"
    "q\004X\001\000\000\0000q\005X\003\000\000\000cpuq\006K\020tQq\007K\000(K\002K\010t(K\010"
    "K\001t\210ccollections\n"
    "OrderedDict\n"
    "q\010)RtRq\011X\001\000\000\000bq\n"
    "h\002((h\003h\004X\001\000\000\0001q\013h\006K\010tQq\014K\000(K\010t(K\001t\211h\010"
    ")RtRq\015X\010\000\000\000trainingq\016\210X\026\000\000\000_is_full_backward_hookq\017"
    "NX\001\000\000\000nq\020K\003X\005\000\000\000itemsq\021ctorch.jit._pickle\n"
    "build_intlist\n"
    "q\022(](K\001K\002etRX\004\000\000\000flagq\023\210ubq\024.";

static void import_bytes(const uint8_t *data, size_t size, bool told)
{
    static const int64_t shape[2] = {3, 8};
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    xinf_value_info hint = XINF_VALUE_INFO_INIT;
    xi_import out = {0};
    xi_file file;
    hint.kind = XINF_KIND_TENSOR;
    hint.dtype = XINF_FLOAT32;
    hint.rank = 2;
    hint.shape = shape;
    xi_file_borrow(&file, data, size);
    xi_import_source source = {.alloc = &alloc,
                               .file = &file,
                               .limits = {.max_steps = 2000},
                               .hints = &hint,
                               .hint_count = told};
    xinf_status status = xi_import_torch(&out, &source, &err);
    if (status != XINF_OK && (err.message[0] == 0 || status == XINF_INTERNAL || out.family))
        abort();
    if (status == XINF_OK) {
        status = xi_graph_verify(out.graph, &err);
        if (status != XINF_OK) abort();
        status = xi_graph_infer(out.graph, &err);
        if (status == XINF_INTERNAL) abort();
    }
    xi_family_destroy(out.family);
    if (out.end_owner) out.end_owner(out.owner);
    xi_file_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const float weights[16] = {0.5f, -1, 2};
    xi_crc crc;
    fuzz_zip z = {.data = malloc(size + 4096)};
    if (!z.data || !size) {
        free(z.data);
        return 0;
    }
    xi_crc_init(&crc, XI_CRC_ZIP);
    fuzz_add(&z, &crc, "m/version", "3", 1);
    fuzz_add(&z, &crc, "m/data/0", weights, 64);
    fuzz_add(&z, &crc, "m/data/1", weights, 32);
    fuzz_add(&z, &crc, "m/data.pkl", import_pickle, sizeof import_pickle - 1);
    fuzz_add(&z, &crc, "m/constants.pkl", "\200\002).", 4);
    fuzz_add(&z, &crc, "m/code/__torch__.py", data + 1, size - 1);
    fuzz_end(&z);
    import_bytes(z.data, z.size, data[0] & 1);
    free(z.data);
    return 0;
}
