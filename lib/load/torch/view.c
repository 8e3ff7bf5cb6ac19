#include "load/torch/view.h"

#include "base/checked.h"

static bool view_extent(xi_torch_tensor *t, int64_t *last)
{
    int64_t reach = t->offset, dense = 1;
    bool empty = false;
    t->count = 1;
    t->contiguous = true;
    for (int32_t i = 0; i < t->rank; i++) empty = empty || t->shape[i] == 0;
    for (int32_t i = t->rank - 1; i >= 0; i--) {
        int64_t step;
        if (t->shape[i] < 0 || t->strides[i] < 0) return false;
        if (!xi_mul_i64(t->count, t->shape[i], &t->count)) return false;
        if (empty) continue;
        if (!xi_mul_i64(t->shape[i] - 1, t->strides[i], &step) || !xi_add_i64(reach, step, &reach))
            return false;
        if (t->shape[i] != 1 && t->strides[i] != dense) t->contiguous = false;
        if (!xi_mul_i64(dense, t->shape[i], &dense)) return false;
    }
    *last = empty ? -1 : reach;
    return t->offset >= 0;
}

xi_torch_view_fault xi_torch_view_set(xi_torch_tensor *t, int64_t *out_last, int64_t *out_room)
{
    int32_t size = xi_torch_dtype_size(t->dtype);
    *out_last = -1;
    *out_room = size ? (int64_t)(t->storage->size / (uint32_t)size) : 0;
    if (!view_extent(t, out_last)) return XI_TORCH_VIEW_IMPOSSIBLE;
    if (size == 0) return XI_TORCH_VIEW_DTYPE;
    if (*out_last >= *out_room) return XI_TORCH_VIEW_OUTSIDE;
    t->data = t->storage->data + (*out_last >= 0 ? (size_t)(t->offset * size) : 0);
    return XI_TORCH_VIEW_GOOD;
}
