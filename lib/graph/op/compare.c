/* compare.c — two tensors that broadcast together, bool out. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_compare[];

static xinf_status compare_infer(xi_infer *c, uint32_t set)
{
    xinf_status status;
    xi_shape shape;
    XI_TRY(xi_infer_among(c, 0, set));
    XI_TRY(xi_infer_among(c, 1, set));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    XI_TRY(xi_infer_broadcast(c, 0, 2, &shape));
    xi_infer_set(c, 0, XINF_BOOL, &shape);
cleanup:
    return status;
}

static xinf_status compare_numbers(xi_infer *c)
{
    return compare_infer(c, XI_DTYPES_NUMBER);
}

static xinf_status compare_equal(xi_infer *c)
{
    return compare_infer(c, XI_DTYPES_NUMBER | XI_DTYPES_BOOL | XI_DTYPE_BIT(XINF_STRING));
}

static xinf_status compare_bools(xi_infer *c)
{
    return compare_infer(c, XI_DTYPES_BOOL);
}

#define COMPARE(op, shape_rule)                                                           \
    {                                                                                     \
        .name = op, .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1, \
        .infer = shape_rule                                                               \
    }

const xi_op xi_ops_compare[] = {
    COMPARE("Equal", compare_equal),
    COMPARE("Less", compare_numbers),
    COMPARE("Greater", compare_numbers),
    COMPARE("LessOrEqual", compare_numbers),
    COMPARE("GreaterOrEqual", compare_numbers),
    COMPARE("And", compare_bools),
    COMPARE("Or", compare_bools),
    COMPARE("Xor", compare_bools),
    {0},
};

#undef COMPARE
