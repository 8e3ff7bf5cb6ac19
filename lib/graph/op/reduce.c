/* reduce.c — sums, products, extremes and norms over axes; ArgMax and ArgMin. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_reduce[];

/* The shape where the axes cannot be told. */
static void reduce_unknown_axes(xi_infer *c, bool keep, xi_shape *out)
{
    int64_t count = -1;
    const xi_type *axes = xi_infer_in(c, 1);
    if (!keep &&
        (!axes || !xi_shape_count(&axes->shape, &count) || count < 1 || count > out->rank)) {
        *out = XI_SHAPE_UNKNOWN;
        return;
    }
    if (!keep) out->rank -= (int32_t)count;
    for (int32_t i = 0; i < out->rank; i++) out->dim[i] = XI_DIM_UNKNOWN;
}

static xinf_status reduce_shape(xi_infer *c, xi_shape *out)
{
    xinf_status status = XINF_OK;
    int64_t axes[XI_MAX_RANK];
    bool keep = xi_node_int(c->node, "keepdims", 1) != 0, gone[XI_MAX_RANK] = {false};
    bool given = xi_infer_in(c, 1) != NULL;
    int32_t count = given ? xi_infer_ints(c, 1, axes, XI_MAX_RANK) : 0, rank = 0;
    *out = c->in[0]->shape;
    if (given && c->known[1] && count < 0)
        return xi_infer_fail(c, "the axes are not a short list of integers");
    if (out->rank < 0) return XINF_OK;
    if (count < 0) {
        reduce_unknown_axes(c, keep, out);
        return XINF_OK;
    }
    bool all = count == 0 && !xi_node_int(c->node, "noop_with_empty_axes", 0);
    for (int32_t i = 0; i < count; i++) {
        int32_t axis;
        if (out->rank == 0 && (axes[i] == 0 || axes[i] == -1))
            continue; /* a scalar as a vector of one */
        XI_TRY(xi_infer_axis(c, axes[i], out->rank, &axis));
        if (gone[axis]) return xi_infer_fail(c, "axis %d is given twice", (int)axis);
        gone[axis] = true;
    }
    for (int32_t i = 0; i < out->rank; i++) {
        bool reduced = all || gone[i];
        if (!reduced || keep) out->dim[rank++] = reduced ? 1 : out->dim[i];
    }
    out->rank = rank;
cleanup:
    return status;
}

static xinf_status reduce_infer_set(xi_infer *c, uint32_t set)
{
    xinf_status status;
    xi_shape out;
    XI_TRY(xi_infer_among(c, 0, set));
    XI_TRY(xi_infer_among(c, 1, XI_DTYPES_INDEX));
    XI_TRY(reduce_shape(c, &out));
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

static xinf_status reduce_infer(xi_infer *c)
{
    return reduce_infer_set(c, XI_DTYPES_NUMBER);
}

static xinf_status reduce_extreme_infer(xi_infer *c)
{
    return reduce_infer_set(c, XI_DTYPES_NUMBER | XI_DTYPES_BOOL);
}

static xinf_status reduce_arg_infer(xi_infer *c)
{
    xinf_status status;
    xi_shape out = c->in[0]->shape;
    int32_t axis, rank = out.rank;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_NUMBER));
    if (rank > 0) {
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", 0), rank, &axis));
        if (out.dim[axis] == 0) return xi_infer_fail(c, "axis %d is empty", (int)axis);
        out.dim[axis] = 1;
        if (!xi_node_int(c->node, "keepdims", 1)) {
            for (int32_t i = axis; i + 1 < rank; i++) out.dim[i] = out.dim[i + 1];
            out.rank--;
        }
    } else if (rank == 0) {
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", 0), 1, &axis));
    }
    xi_infer_set(c, 0, XINF_INT64, &out);
cleanup:
    return status;
}

static const xi_attr_rule reduce_attrs[] = {
    {"keepdims", XI_ATTR_INT, false}, {"noop_with_empty_axes", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule reduce_arg_attrs[] = {{"axis", XI_ATTR_INT, false},
                                                {"keepdims", XI_ATTR_INT, false},
                                                {"select_last_index", XI_ATTR_INT, false},
                                                {NULL}};

#define REDUCE(op, rule, tol)                                                             \
    {                                                                                     \
        .name = op, .min_inputs = 1, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1, \
        .attrs = reduce_attrs, .infer = rule, .tolerance = tol                            \
    }

const xi_op xi_ops_reduce[] = {
    REDUCE("ReduceSum", reduce_infer, 1e-5f),
    REDUCE("ReduceMean", reduce_infer, 1e-5f),
    REDUCE("ReduceSumSquare", reduce_infer, 1e-5f),
    REDUCE("ReduceL1", reduce_infer, 1e-5f),
    REDUCE("ReduceL2", reduce_infer, 1e-5f),
    REDUCE("ReduceLogSum", reduce_infer, 1e-5f),
    REDUCE("ReduceLogSumExp", reduce_infer, 1e-5f),
    REDUCE("ReduceProd", reduce_infer, 1e-5f),
    REDUCE("ReduceMax", reduce_extreme_infer, 0),
    REDUCE("ReduceMin", reduce_extreme_infer, 0),
    {.name = "ArgMax",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = reduce_arg_attrs,
     .infer = reduce_arg_infer},
    {.name = "ArgMin",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = reduce_arg_attrs,
     .infer = reduce_arg_infer},
    {0},
};

#undef REDUCE
