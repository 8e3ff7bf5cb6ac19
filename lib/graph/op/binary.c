/* binary.c — arithmetic of two tensors that broadcast together. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_binary[];

static xinf_status binary_infer(xi_infer *c, uint32_t set)
{
    xinf_status status;
    xi_shape shape;
    xinf_dtype d = xi_infer_dtype(c, 0);
    XI_TRY(xi_infer_among(c, 0, set));
    XI_TRY(xi_infer_among(c, 1, set));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    XI_TRY(xi_infer_broadcast(c, 0, 2, &shape));
    xi_infer_set(c, 0, d == XINF_UNDEFINED ? xi_infer_dtype(c, 1) : d, &shape);
cleanup:
    return status;
}

static xinf_status binary_numbers(xi_infer *c)
{
    return binary_infer(c, XI_DTYPES_NUMBER);
}

static xinf_status binary_ints(xi_infer *c)
{
    return binary_infer(c, XI_DTYPES_INT);
}

static xinf_status binary_mod(xi_infer *c)
{
    return binary_infer(c, XI_DTYPES_NUMBER);
}

static xinf_status binary_shift(xi_infer *c)
{
    xi_str way = xi_node_string(c->node, "direction", "");
    if (!xi_str_is(way, "LEFT") && !xi_str_is(way, "RIGHT"))
        return xi_infer_fail(c, "direction is %.*s", XI_STR_ARG(way));
    return binary_infer(c, XI_DTYPES_INT);
}

/* The exponent may have another type than the base, which gives the result's. */
static xinf_status binary_pow(xi_infer *c)
{
    xinf_status status;
    xi_shape shape;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_NUMBER));
    XI_TRY(xi_infer_among(c, 1, XI_DTYPES_NUMBER));
    XI_TRY(xi_infer_broadcast(c, 0, 2, &shape));
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &shape);
cleanup:
    return status;
}

/* The slope broadcasts to the data, never the other way. */
static xinf_status binary_prelu(xi_infer *c)
{
    xinf_status status;
    xi_shape shape;
    const xi_shape *x = &c->in[0]->shape, *slope = &c->in[1]->shape;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT | XI_DTYPES_WIDE_INT));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    XI_TRY(xi_infer_broadcast(c, 0, 2, &shape));
    if (x->rank >= 0 && slope->rank > x->rank)
        return xi_infer_fail(c, "the slope has a higher rank than the data");
    if (xi_shape_known(x) && xi_shape_known(&shape) && !xi_shape_eq(x, &shape))
        return xi_infer_fail(c, "the slope does not broadcast to the data");
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), x);
cleanup:
    return status;
}

static const xi_attr_rule binary_fmod[] = {{"fmod", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule binary_direction[] = {{"direction", XI_ATTR_STRING, true}, {NULL}};

#define BINARY(op, rules, shape_rule, tol)                                                \
    {                                                                                     \
        .name = op, .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1, \
        .attrs = rules, .infer = shape_rule, .tolerance = tol                             \
    }

const xi_op xi_ops_binary[] = {
    BINARY("Add", NULL, binary_numbers, 0),
    BINARY("Sub", NULL, binary_numbers, 0),
    BINARY("Mul", NULL, binary_numbers, 0),
    BINARY("Div", NULL, binary_numbers, 0),
    BINARY("Mod", binary_fmod, binary_mod, 1e-6f),
    BINARY("Pow", NULL, binary_pow, 1e-6f),
    BINARY("PRelu", NULL, binary_prelu, 0),
    BINARY("BitShift", binary_direction, binary_shift, 0),
    BINARY("BitwiseAnd", NULL, binary_ints, 0),
    BINARY("BitwiseOr", NULL, binary_ints, 0),
    BINARY("BitwiseXor", NULL, binary_ints, 0),
    {0},
};

#undef BINARY
