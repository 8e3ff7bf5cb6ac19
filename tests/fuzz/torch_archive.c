/* torch_archive.c — libFuzzer target: any bytes as a PyTorch archive. Bytes that are no zip archive
 * are taken as data.pkl of one that is made around them, so that the pickle machine is reached
 * without a checksum in the way. */
#include <stdlib.h>

#include "base/allocator.h"
#include "load/torch/archive.h"
#include "zip_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_open(const uint8_t *data, size_t size)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    xi_torch_archive *a = NULL;
    xi_file file;
    xi_file_borrow(&file, data, size);
    xinf_status status = xi_torch_archive_open(&a, &alloc, &file, 0, &err);
    if (status == XINF_OK) {
        const xi_torch_named_tensor *tensors;
        int32_t count;
        status = xi_torch_archive_tensors(&tensors, &count, a, &err);
        volatile uint8_t sum = 0;
        for (int32_t i = 0; status == XINF_OK && i < count; i++) {
            /* The last element that shape and strides reach must be there. */
            const xi_torch_tensor *t = tensors[i].tensor;
            int64_t last = 0;
            for (int32_t d = 0; d < t->rank; d++) last += (t->shape[d] - 1) * t->strides[d];
            if (t->count) sum = (uint8_t)(sum + t->data[last * xi_torch_dtype_size(t->dtype)]);
        }
    }
    if (status != XINF_OK && err.message[0] == 0) abort();
    if (status == XINF_INTERNAL) abort();
    xi_torch_archive_close(a);
    xi_file_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t storage[64] = {0};
    xi_crc crc;
    if (size >= 4 && memcmp(data, "PK\3\4", 4) == 0) {
        fuzz_open(data, size);
        return 0;
    }
    fuzz_zip z = {.data = malloc(size + 4096)};
    bool program = size && data[0] & 1;
    if (!z.data) return 0;
    xi_crc_init(&crc, XI_CRC_ZIP);
    fuzz_add(&z, &crc, "m/version", "3", 1);
    fuzz_add(&z, &crc, "m/data/0", storage, sizeof storage);
    if (program) fuzz_add(&z, &crc, "m/code/__torch__.py", "class M(Module):\n", 17);
    if (program) fuzz_add(&z, &crc, "m/constants.pkl", ").", 2);
    fuzz_add(&z, &crc, "m/data.pkl", data + (size > 0), size - (size > 0));
    fuzz_end(&z);
    fuzz_open(z.data, z.size);
    free(z.data);
    return 0;
}
