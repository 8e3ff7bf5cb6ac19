/* attention.h — the sizes of Attention, from its inputs' shapes and attributes. */
#ifndef XI_GRAPH_OP_ATTENTION_H
#define XI_GRAPH_OP_ATTENTION_H

#include "graph/op.h"

enum {
    XI_ATTENTION_Q,
    XI_ATTENTION_K,
    XI_ATTENTION_V,
    XI_ATTENTION_MASK,
    XI_ATTENTION_PAST_K,
    XI_ATTENTION_PAST_V,
    XI_ATTENTION_LENGTHS,
    XI_ATTENTION_INPUTS
};

/* -1: not known. */
typedef struct xi_attention {
    int64_t batch, heads, kv_heads, length, keys, past, total, depth,
        v_depth; /* total: past + keys */
    bool flat;   /* Q, K, V are [batch, length, heads · depth] */
} xi_attention;

/* shapes[i] NULL: input left out. Ranks may be unknown. Everything that is known is checked. */
xinf_status xi_attention_read(xi_attention *out, const xi_node *n, const xi_shape *const *shapes,
                              xinf_error *err);

#endif
