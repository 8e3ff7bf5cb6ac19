/* shape.c — a tensor's own dimensions and count: Shape, Size. */
#include "graph/op.h"

extern const xi_op xi_ops_shape[];

/* Shape's attributes start and end, clamped to the rank. */
static void shape_range(const xi_node *n, int32_t rank, int64_t *first, int64_t *last)
{
    int64_t start = xi_node_int(n, "start", 0), end = xi_node_int(n, "end", rank);
    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    *first = start < 0 ? 0 : start > rank ? rank : start;
    *last = end < *first ? *first : end > rank ? rank : end;
}

static xinf_status shape_infer(xi_infer *c)
{
    int32_t rank = xi_infer_rank(c, 0);
    xi_shape r = {.rank = 1, .dim = {XI_DIM_UNKNOWN}};
    if (rank >= 0) {
        int64_t first, last;
        shape_range(c->node, rank, &first, &last);
        r.dim[0] = last - first;
    }
    xi_infer_set(c, 0, XINF_INT64, &r);
    return XINF_OK;
}

static xinf_status shape_size(xi_infer *c)
{
    xi_shape r = XI_SHAPE_SCALAR;
    xi_infer_set(c, 0, XINF_INT64, &r);
    return XINF_OK;
}

static const xi_attr_rule shape_attrs[] = {
    {"start", XI_ATTR_INT, false}, {"end", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_shape[] = {
    {.name = "Shape",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = shape_attrs,
     .infer = shape_infer},
    {.name = "Size",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = shape_size},
    {0},
};
