/* walk.h — a copy between two strided arrangements of the same elements: what transposing, slicing,
 * expanding and tiling come down to. Works by size of element; strings are copied one by one. */
#ifndef XK_REF_WALK_H
#define XK_REF_WALK_H

#include "plan/kernel.h"

enum { XK_WALK_RANK = 2 * XI_MAX_RANK };

/* dim counts steps; src and dst are strides in elements, 0 and negative ones too. src_at, dst_at:
 * where the first element lies. */
typedef struct xk_walk {
    int32_t rank;
    int64_t dim[XK_WALK_RANK], src[XK_WALK_RANK], dst[XK_WALK_RANK];
    int64_t src_at, dst_at;
} xk_walk;

void xk_walk_add(xk_walk *w, int64_t dim, int64_t src, int64_t dst);
/* Copies part `chunk` of `chunks`; the parts together are the whole. dst's elements must not be
 * visited twice. */
xinf_status xk_walk_copy(xk_walk *w, const xi_operand *src, xi_operand *dst, int32_t chunk,
                         int32_t chunks, xinf_error *err);
/* The extent of a kernel that moves out[0]'s bytes: chunks for large tensors of numbers, one for
 * strings. */
xinf_status xk_walk_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                           int32_t width, xi_extent *e, xinf_error *err);
/* How many chunks that extent gives. */
int32_t xk_walk_chunks(const xi_operand *out, int32_t width);

#endif
