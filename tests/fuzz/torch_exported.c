/* torch_exported.c — libFuzzer target: any bytes as the JSON of an exported program with one weight
 * "w" [2,8], which is imported. */
#include <stdlib.h>

#include "base/allocator.h"
#include "graph/op.h"
#include "import/torch/torch.h"
#include "zip_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char exported_config[] =
    "{\"config\": {\"w\": {\"path_name\": \"weight_0\", \"is_param\": true, \"use_pickle\": false, "
    "\"tensor_meta\": {\"dtype\": 7, \"sizes\": [{\"as_int\": 2}, {\"as_int\": 8}], \"strides\": "
    "[{\"as_int\": 8}, {\"as_int\": 1}], \"storage_offset\": {\"as_int\": 0}, \"layout\": 7}}}}";

static void exported_bytes(const uint8_t *data, size_t size)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    xi_import out = {0};
    xi_file file;
    xi_file_borrow(&file, data, size);
    xi_import_source source = {.alloc = &alloc, .file = &file, .limits = {.max_steps = 5000}};
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
    if (!z.data) return 0;
    xi_crc_init(&crc, XI_CRC_ZIP);
    fuzz_add(&z, &crc, "e/archive_format", "pt2", 3);
    fuzz_add(&z, &crc, "e/archive_version", "0", 1);
    fuzz_add(&z, &crc, "e/byteorder", "little", 6);
    fuzz_add(&z, &crc, "e/data/weights/weight_0", weights, sizeof weights);
    fuzz_add(&z, &crc, "e/data/weights/model_weights_config.json", exported_config,
             sizeof exported_config - 1);
    fuzz_add(&z, &crc, "e/models/model.json", data, size);
    fuzz_end(&z);
    exported_bytes(z.data, z.size);
    free(z.data);
    return 0;
}
