/* view.h — a tensor as a view of a storage: every element that its shape and strides reach must
 * exist. */
#ifndef XI_LOAD_TORCH_VIEW_H
#define XI_LOAD_TORCH_VIEW_H

#include "load/torch/value.h"

typedef enum xi_torch_view_fault {
    XI_TORCH_VIEW_GOOD = 0,
    XI_TORCH_VIEW_IMPOSSIBLE, /* a negative number, or one too large to count with */
    XI_TORCH_VIEW_DTYPE,      /* a dtype whose elements have no size */
    XI_TORCH_VIEW_OUTSIDE
} xi_torch_view_fault;

/* Given storage, dtype, rank, shape, strides and offset: sets count, contiguous and data.
 * *out_last: index of the last element reached, −1 for none; *out_room: how many the storage has.
 */
xi_torch_view_fault xi_torch_view_set(xi_torch_tensor *t, int64_t *out_last, int64_t *out_room);

#endif
