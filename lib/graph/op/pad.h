/* pad.h — how much Pad adds on both sides of each dimension: its rule and its kernel read its
 * inputs alike. */
#ifndef XI_GRAPH_OP_PAD_H
#define XI_GRAPH_OP_PAD_H

#include "tensor/shape.h"

/* pads: 2 × axis_count numbers, all beginnings first; axes NULL: 0, 1, …. Fills before and after
 * for `rank` dimensions. NULL, or what is wrong with them. */
const char *xi_pad_resolve(int32_t rank, const int64_t *pads, int32_t pad_count,
                           const int64_t *axes, int32_t axis_count, int64_t *before,
                           int64_t *after);

#endif
