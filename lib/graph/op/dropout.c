/* dropout.c — elements dropped at random when training; the data itself otherwise. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_dropout[];

static xinf_status dropout_infer(xi_infer *c)
{
    xinf_status status;
    int64_t count;
    uint32_t set = XI_DTYPES_FLOAT | XI_DTYPES_FLOAT8;
    XI_TRY(xi_infer_among(c, 0, set));
    XI_TRY(xi_infer_among(c, 1, set));
    XI_TRY(xi_infer_among(c, 2, XI_DTYPES_BOOL));
    for (int32_t i = 1; i < 3; i++)
        if (xi_infer_in(c, i) && xi_shape_count(&c->in[i]->shape, &count) && count != 1)
            return xi_infer_fail(c, "input %d is not a scalar", (int)i);
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &c->in[0]->shape);
    xi_infer_set(c, 1, XINF_BOOL, &c->in[0]->shape);
cleanup:
    return status;
}

static const xi_attr_rule dropout_attrs[] = {{"seed", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_dropout[] = {
    {.name = "Dropout",
     .min_inputs = 1,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 2,
     .attrs = dropout_attrs,
     .infer = dropout_infer,
     .flags = XI_OP_RANDOM},
    {0},
};
