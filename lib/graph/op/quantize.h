/* quantize.h — how scales and zero points lie over a tensor: one for all, one for each index of an
 * axis, or one for each block. */
#ifndef XI_GRAPH_OP_QUANTIZE_H
#define XI_GRAPH_OP_QUANTIZE_H

#include "graph/op.h"

/* Element (a, i, b) of x, seen as [outer, size, inner], has scale number i / block; in blocks (a ·
 * groups + i / block) · inner + b. */
typedef struct xi_granularity {
    int64_t outer, size, inner; /* of x around the axis */
    int64_t groups, block;      /* scales along the axis, elements that share one */
    bool blocked;
} xi_granularity;

/* From the known shapes of x and its scale; false when they do not fit. */
bool xi_granularity_of(xi_granularity *out, const xi_shape *x, const xi_shape *scale, int64_t axis,
                       int64_t block_size);
/* The integers that a dtype holds; false for others. */
bool xi_quantized_range(xinf_dtype d, int64_t *low, int64_t *high);

#endif
