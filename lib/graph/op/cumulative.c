/* cumulative.c — running sums and products along an axis. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_cumulative[];

static xinf_status cumulative_infer(xi_infer *c)
{
    xinf_status status;
    int64_t axis, count;
    int32_t at, rank = xi_infer_rank(c, 0);
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT | XI_DTYPES_WIDE_INT));
    XI_TRY(xi_infer_among(c, 1, XI_DTYPES_INDEX));
    if (xi_shape_count(&c->in[1]->shape, &count) && count != 1)
        return xi_infer_fail(c, "the axis is not one number");
    if (rank == 0) return xi_infer_fail(c, "a scalar has no axis");
    if (rank > 0 && xi_infer_ints(c, 1, &axis, 1) == 1) XI_TRY(xi_infer_axis(c, axis, rank, &at));
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &c->in[0]->shape);
cleanup:
    return status;
}

static const xi_attr_rule cumulative_attrs[] = {
    {"exclusive", XI_ATTR_INT, false}, {"reverse", XI_ATTR_INT, false}, {NULL}};

#define CUMULATIVE(op)                                                                    \
    {                                                                                     \
        .name = op, .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1, \
        .attrs = cumulative_attrs, .infer = cumulative_infer, .tolerance = 1e-5f          \
    }

const xi_op xi_ops_cumulative[] = {
    CUMULATIVE("CumSum"),
    CUMULATIVE("CumProd"),
    {0},
};

#undef CUMULATIVE
