/* layout.h — how a tensor's elements lie in memory. */
#ifndef XI_TENSOR_LAYOUT_H
#define XI_TENSOR_LAYOUT_H

#include <stdbool.h>

#include "tensor/shape.h"

/* ROW: dense row-major. C8, C16: shape [N, C, spatial…] stored as [N, ceil(C/b), spatial…, b]; the
 * channels past C are zero. */
enum { XI_LAYOUT_ROW = 0, XI_LAYOUT_C8 = 1, XI_LAYOUT_C16 = 2 };

static inline int64_t xi_layout_block(int32_t layout)
{
    return layout == XI_LAYOUT_C8 ? 8 : layout == XI_LAYOUT_C16 ? 16 : 1;
}
/* Elements that a shape takes in a layout, padding included; false on overflow or unknown
 * dimensions. */
bool xi_layout_count(int32_t layout, const xi_shape *s, int64_t *out);

#endif
