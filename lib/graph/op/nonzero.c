/* nonzero.c — results as long as the data says: NonZero, Compress, Unique. */
#include "graph/op.h"

extern const xi_op xi_ops_nonzero[];

static xinf_status nonzero_infer(xi_infer *c)
{
    xi_shape r = {.rank = 2, .dim = {xi_infer_rank(c, 0), XI_DIM_UNKNOWN}};
    xi_infer_set(c, 0, XINF_INT64, &r);
    return XINF_OK;
}

static xinf_status nonzero_compress(xi_infer *c)
{
    static const xinf_dtype booleans[] = {XINF_BOOL, 0};
    xi_shape r = c->in[0]->shape;
    int32_t axis = 0;
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 1, booleans));
    if (xi_infer_rank(c, 1) >= 0 && xi_infer_rank(c, 1) != 1)
        return xi_infer_fail(c, "condition must have rank 1");
    if (!xi_node_has(c->node, "axis")) {
        r = (xi_shape){.rank = 1, .dim = {XI_DIM_UNKNOWN}};
    } else if (r.rank >= 0) {
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", 0), r.rank, &axis));
        r.dim[axis] = XI_DIM_UNKNOWN;
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static xinf_status nonzero_unique(xi_infer *c)
{
    xi_shape r = c->in[0]->shape, list = {.rank = 1, .dim = {XI_DIM_UNKNOWN}};
    int32_t axis = 0;
    xinf_status status = XINF_OK;
    if (!xi_node_has(c->node, "axis")) {
        r = list;
    } else if (r.rank >= 0) {
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", 0), r.rank, &axis));
        r.dim[axis] = XI_DIM_UNKNOWN;
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    for (int32_t i = 1; i < c->output_count; i++) xi_infer_set(c, i, XINF_INT64, &list);
cleanup:
    return status;
}

static const xi_attr_rule nonzero_axis[] = {{"axis", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule nonzero_unique_attrs[] = {
    {"axis", XI_ATTR_INT, false}, {"sorted", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_nonzero[] = {
    {.name = "NonZero",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = nonzero_infer,
     .flags = XI_OP_DATA_SHAPE},
    {.name = "Compress",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = nonzero_axis,
     .infer = nonzero_compress,
     .flags = XI_OP_DATA_SHAPE},
    {.name = "Unique",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 4,
     .attrs = nonzero_unique_attrs,
     .infer = nonzero_unique,
     .flags = XI_OP_DATA_SHAPE},
    {0},
};
