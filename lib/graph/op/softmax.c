/* softmax.c — Softmax, LogSoftmax and Hardmax along one axis. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_softmax[];

static xinf_status softmax_infer(xi_infer *c)
{
    xinf_status status;
    int32_t axis, rank = xi_infer_rank(c, 0);
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    if (rank >= 0)
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", -1), rank ? rank : 1, &axis));
    xi_infer_set(c, 0, c->in[0]->dtype, &c->in[0]->shape);
cleanup:
    return status;
}

static const xi_attr_rule softmax_attrs[] = {{"axis", XI_ATTR_INT, false}, {NULL}};

#define SOFTMAX(op, tol)                                                                  \
    {                                                                                     \
        .name = op, .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1, \
        .attrs = softmax_attrs, .infer = softmax_infer, .tolerance = tol                  \
    }

const xi_op xi_ops_softmax[] = {
    SOFTMAX("Softmax", 1e-6f),
    SOFTMAX("LogSoftmax", 1e-6f),
    SOFTMAX("Hardmax", 0),
    {0},
};

#undef SOFTMAX
