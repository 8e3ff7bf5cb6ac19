#include "load/torch/legacy.h"

#include <string.h>

#include "base/error.h"

/* PROTO 2, LONG1 of ten bytes: the number 0x1950a86a20f9469cfc6c. */
static bool legacy_is_pickles(const uint8_t *data, size_t size)
{
    static const uint8_t magic[12] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                      0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    return size >= 14 && data[0] == 0x80 && data[1] <= 5 &&
           memcmp(data + 2, magic, sizeof magic) == 0;
}

static bool legacy_is_tar(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"sys_info", "pickle", "storages", "tensors"};
    if (size < 512 || memcmp(data + 257, "ustar", 5) != 0) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp((const char *)data, names[i], 100) == 0) return true;
    return false;
}

bool xi_torch_legacy_is(const uint8_t *data, size_t size)
{
    return legacy_is_pickles(data, size) || legacy_is_tar(data, size);
}

xinf_status xi_torch_legacy_refuse(const uint8_t *data, size_t size, xinf_error *err)
{
    if (!xi_torch_legacy_is(data, size)) return XINF_OK;
    return xi_fail(err, XINF_UNSUPPORTED,
                   "this is a file of torch.save in the %s format before PyTorch 1.6: it holds "
                   "pickled objects and no program. In Python: "
                   "m = torch.jit.trace(model.eval(), example_inputs); m.save(\"model.pt\")",
                   legacy_is_tar(data, size) ? "tar" : "pickle");
}
