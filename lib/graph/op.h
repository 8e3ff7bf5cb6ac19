/* op.h — what an operator is: a row of its family's table in graph/op/. */
#ifndef XI_GRAPH_OP_H
#define XI_GRAPH_OP_H

#include "graph/graph.h"

/* One attribute that an operator may have. */
typedef struct xi_attr_rule {
    const char *name; /* NULL ends the list */
    xi_attr_type type;
    bool required;
} xi_attr_rule;

/* What a shape rule sees. It fills out[i] for every output i that is not NULL in node->outputs;
 * out[i] starts as unknown. A rule must also work when dimensions, ranks or dtypes of inputs are
 * unknown (rank -1, negative dimension): it then leaves out what it cannot tell. It must check
 * everything that its kernels rely on, and refuse with xi_infer_fail. */
typedef struct xi_infer {
    const xi_node *node;
    int32_t input_count, output_count;
    const xi_type *const *in;       /* NULL: input left out */
    const xi_literal *const *known; /* the contents of an input when they are known, else NULL */
    xi_type *out;
    xi_arena *arena; /* for element types */
    xinf_error *err;
} xi_infer;

/* Flags of an operator. */
enum {
    XI_OP_RANDOM = 1,     /* not to be folded or merged */
    XI_OP_DATA_SHAPE = 2, /* the output's shape depends on the contents of tensors that are not
                             small shapes (NonZero): the kernel sizes it */
    XI_OP_CONTROL = 4,    /* has subgraphs; run by the engine itself */
    XI_OP_HANDLE = 8,     /* takes or gives sequences, optionals or maps */
    XI_OP_CUSTOM = 16     /* the application's: an xi_custom; any attributes */
};

struct xi_op {
    const char *domain, *name;
    int32_t min_inputs, max_inputs; /* max -1: any number */
    int32_t min_outputs, max_outputs;
    const xi_attr_rule *attrs; /* NULL: none */
    xinf_status (*infer)(xi_infer *c);
    uint32_t flags;
    float tolerance; /* of a fast kernel against ref, relative to the largest output; 0: exact */
    /* For domain "xinf": replaces the node by standard ONNX nodes. NULL for standard operators. */
    xinf_status (*expand)(xi_node *n, xinf_error *err);
};

/* NULL when this build has no such operator. "ai.onnx" is the default domain "". */
const xi_op *xi_op_find(xi_str domain, xi_str name);

/* ---- for shape rules ---- */
/* "node Conv_12 (Conv): " + the sentence; always XINF_MALFORMED. */
xinf_status xi_infer_fail(xi_infer *c, const char *fmt, ...) XI_PRINTF(2, 3);
xinf_status xi_infer_unsupported(xi_infer *c, const char *fmt, ...) XI_PRINTF(2, 3);
static inline const xi_type *xi_infer_in(const xi_infer *c, int32_t i)
{
    return i < c->input_count ? c->in[i] : NULL;
}
static inline xinf_dtype xi_infer_dtype(const xi_infer *c, int32_t i)
{
    const xi_type *t = xi_infer_in(c, i);
    return t ? t->dtype : XINF_UNDEFINED;
}
/* -1 when absent or unknown. */
static inline int32_t xi_infer_rank(const xi_infer *c, int32_t i)
{
    const xi_type *t = xi_infer_in(c, i);
    return t ? t->shape.rank : -1;
}
/* The contents of input i as int64 (any integer dtype, at most `max` of them); -1 when not known.
 */
int32_t xi_infer_ints(const xi_infer *c, int32_t i, int64_t *out, int32_t max);
void xi_infer_set(xi_infer *c, int32_t output, xinf_dtype dtype, const xi_shape *shape);
/* Broadcast of inputs first … last-1 into *out; refuses what does not fit. */
xinf_status xi_infer_broadcast(xi_infer *c, int32_t first, int32_t last, xi_shape *out);
/* Axis attribute or value against a rank; refuses one outside. rank must be known. */
xinf_status xi_infer_axis(xi_infer *c, int64_t axis, int32_t rank, int32_t *out);
/* Refuses unless the dtype of input i is unknown or one of the list (ended by 0). */
xinf_status xi_infer_want(xi_infer *c, int32_t i, const xinf_dtype *allowed);
/* Refuses when both are known and differ. */
xinf_status xi_infer_same_dtype(xi_infer *c, int32_t i, int32_t j);

/* ---- inference over graphs (infer.c) ---- */

/* Runs the shape rules over a graph and its subgraphs once, writing xi_value.type: symbols are
 * kept. Contents of small integer values (Shape → Gather → Concat → Reshape) are followed. A node
 * without operator leaves its outputs unknown. */
xinf_status xi_graph_infer(xi_graph *g, xinf_error *err);

/* One node: types of the outputs from types and known contents of the inputs (arrays as in
 * xi_infer). Checks that every known shape can be counted. Nodes without operator give unknown
 * types. */
xinf_status xi_node_infer(const xi_node *n, const xi_type *const *in,
                          const xi_literal *const *known, xi_type *out, xi_arena *arena,
                          xinf_error *err);

#endif
