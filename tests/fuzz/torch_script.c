/* torch_script.c — libFuzzer target: any bytes as TorchScript text. */
#include <stdlib.h>

#include "base/allocator.h"
#include "load/torch/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    xi_script_file *file;
    xi_script_expr *type;
    xi_arena arena;
    xi_str text = {(const char *)data, size};
    xi_arena_init(&arena, &alloc, (size_t)64 << 20);
    xinf_status status = xi_script_parse(&file, &arena, XI_STR("code/fuzz.py"), text, &err);
    if (status != XINF_OK && (err.message[0] == 0 || status == XINF_INTERNAL || file)) abort();
    status = xi_script_parse_expr(&type, &arena, text, &err);
    if (status == XINF_OK && type->depth > XI_SCRIPT_MAX_DEPTH) abort();
    xi_arena_reset(&arena);
    return 0;
}
