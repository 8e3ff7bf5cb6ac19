/* einsum.h — an Einsum equation taken apart. */
#ifndef XI_GRAPH_OP_EINSUM_H
#define XI_GRAPH_OP_EINSUM_H

#include "graph/op.h"

/* Labels: 0 … 51 for A–Z a–z; the dimensions of an ellipsis are 52 … 63, counted from its right
 * end. */
enum { XI_EINSUM_TERMS = 8, XI_EINSUM_LABELS = 52 + XI_MAX_RANK };

typedef struct xi_einsum {
    int32_t terms, out_rank;
    int32_t rank[XI_EINSUM_TERMS];
    int8_t label[XI_EINSUM_TERMS][XI_MAX_RANK], out[XI_MAX_RANK];
    int64_t dim[XI_EINSUM_LABELS]; /* of each label: -1 unknown, -2 unused */
} xi_einsum;

/* Reads the equation against the shapes of `terms` inputs, all of known rank. Gives NULL, or the
 * sentence why not. */
const char *xi_einsum_parse(xi_einsum *e, xi_str equation, int32_t terms,
                            const xi_shape *const *shapes);

#endif
