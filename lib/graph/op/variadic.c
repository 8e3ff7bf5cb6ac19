/* variadic.c — any number of tensors that broadcast together. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_variadic[];

static xinf_status variadic_infer(xi_infer *c, uint32_t set)
{
    xinf_status status;
    xi_shape shape;
    xinf_dtype d = XINF_UNDEFINED;
    for (int32_t i = 0; i < c->input_count; i++) {
        if (!c->in[i]) return xi_infer_fail(c, "input %d is missing", (int)i);
        XI_TRY(xi_infer_among(c, i, set));
        XI_TRY(xi_infer_same_dtype(c, 0, i));
        if (d == XINF_UNDEFINED) d = c->in[i]->dtype;
    }
    XI_TRY(xi_infer_broadcast(c, 0, c->input_count, &shape));
    xi_infer_set(c, 0, d, &shape);
cleanup:
    return status;
}

static xinf_status variadic_floats(xi_infer *c)
{
    return variadic_infer(c, XI_DTYPES_FLOAT);
}

static xinf_status variadic_numbers(xi_infer *c)
{
    return variadic_infer(c, XI_DTYPES_NUMBER);
}

#define VARIADIC(op, shape_rule)                                                           \
    {                                                                                      \
        .name = op, .min_inputs = 1, .max_inputs = -1, .min_outputs = 1, .max_outputs = 1, \
        .infer = shape_rule                                                                \
    }

const xi_op xi_ops_variadic[] = {
    VARIADIC("Sum", variadic_floats),
    VARIADIC("Mean", variadic_floats),
    VARIADIC("Max", variadic_numbers),
    VARIADIC("Min", variadic_numbers),
    {0},
};

#undef VARIADIC
