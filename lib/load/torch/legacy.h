/* legacy.h — PyTorch's older containers, recognised so that the refusal can help. */
#ifndef XI_LOAD_TORCH_LEGACY_H
#define XI_LOAD_TORCH_LEGACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xinf.h"

/* torch.save before 1.6 (a row of pickles that begins with a magic number), and its tar files of
 * 2016. */
bool xi_torch_legacy_is(const uint8_t *data, size_t size);
/* XINF_OK when the bytes are none of them. */
xinf_status xi_torch_legacy_refuse(const uint8_t *data, size_t size, xinf_error *err);

#endif
