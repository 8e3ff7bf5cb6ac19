/* unary.c — one tensor in, one tensor of the same shape out, element by element. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_unary[];

static xinf_status unary_infer(xi_infer *c, uint32_t set, bool to_bool)
{
    xinf_status status;
    XI_TRY(xi_infer_among(c, 0, set));
    xi_infer_set(c, 0, to_bool ? XINF_BOOL : c->in[0]->dtype, &c->in[0]->shape);
cleanup:
    return status;
}

static xinf_status unary_floats(xi_infer *c)
{
    return unary_infer(c, XI_DTYPES_FLOAT, false);
}

static xinf_status unary_numbers(xi_infer *c)
{
    return unary_infer(c, XI_DTYPES_NUMBER, false);
}

static xinf_status unary_signed(xi_infer *c)
{
    return unary_infer(c, XI_DTYPES_FLOAT | XI_DTYPES_SIGNED, false);
}

static xinf_status unary_ints(xi_infer *c)
{
    return unary_infer(c, XI_DTYPES_INT, false);
}

static xinf_status unary_bools(xi_infer *c)
{
    return unary_infer(c, XI_DTYPES_BOOL, true);
}

static xinf_status unary_tests(xi_infer *c)
{
    return unary_infer(c, XI_DTYPES_FLOAT | XI_DTYPES_FLOAT8, true);
}

static xinf_status unary_gelu(xi_infer *c)
{
    xi_str how = xi_node_string(c->node, "approximate", "none");
    if (!xi_str_is(how, "none") && !xi_str_is(how, "tanh"))
        return xi_infer_fail(c, "approximate is %.*s", XI_STR_ARG(how));
    return unary_floats(c);
}

static const xi_attr_rule unary_alpha[] = {{"alpha", XI_ATTR_FLOAT, false}, {NULL}};
static const xi_attr_rule unary_alpha_beta[] = {
    {"alpha", XI_ATTR_FLOAT, false}, {"beta", XI_ATTR_FLOAT, false}, {NULL}};
static const xi_attr_rule unary_alpha_gamma[] = {
    {"alpha", XI_ATTR_FLOAT, false}, {"gamma", XI_ATTR_FLOAT, false}, {NULL}};
static const xi_attr_rule unary_shrink[] = {
    {"lambd", XI_ATTR_FLOAT, false}, {"bias", XI_ATTR_FLOAT, false}, {NULL}};
static const xi_attr_rule unary_approximate[] = {{"approximate", XI_ATTR_STRING, false}, {NULL}};
static const xi_attr_rule unary_infinities[] = {
    {"detect_negative", XI_ATTR_INT, false}, {"detect_positive", XI_ATTR_INT, false}, {NULL}};

#define UNARY(op, rules, shape_rule, tol)                                                 \
    {                                                                                     \
        .name = op, .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1, \
        .attrs = rules, .infer = shape_rule, .tolerance = tol                             \
    }

const xi_op xi_ops_unary[] = {
    UNARY("Abs", NULL, unary_numbers, 0),
    UNARY("Neg", NULL, unary_signed, 0),
    UNARY("Sign", NULL, unary_numbers, 0),
    UNARY("Ceil", NULL, unary_floats, 0),
    UNARY("Floor", NULL, unary_floats, 0),
    UNARY("Round", NULL, unary_floats, 0),
    UNARY("Sqrt", NULL, unary_floats, 0),
    UNARY("Reciprocal", NULL, unary_floats, 0),
    UNARY("Exp", NULL, unary_floats, 1e-6f),
    UNARY("Log", NULL, unary_floats, 1e-6f),
    UNARY("Sin", NULL, unary_floats, 1e-6f),
    UNARY("Cos", NULL, unary_floats, 1e-6f),
    UNARY("Tan", NULL, unary_floats, 1e-6f),
    UNARY("Asin", NULL, unary_floats, 1e-6f),
    UNARY("Acos", NULL, unary_floats, 1e-6f),
    UNARY("Atan", NULL, unary_floats, 1e-6f),
    UNARY("Sinh", NULL, unary_floats, 1e-6f),
    UNARY("Cosh", NULL, unary_floats, 1e-6f),
    UNARY("Tanh", NULL, unary_floats, 1e-6f),
    UNARY("Asinh", NULL, unary_floats, 1e-6f),
    UNARY("Acosh", NULL, unary_floats, 1e-6f),
    UNARY("Atanh", NULL, unary_floats, 1e-6f),
    UNARY("Erf", NULL, unary_numbers, 1e-6f),
    UNARY("Relu", NULL, unary_signed, 0),
    UNARY("LeakyRelu", unary_alpha, unary_floats, 1e-6f),
    UNARY("Elu", unary_alpha, unary_floats, 1e-6f),
    UNARY("Selu", unary_alpha_gamma, unary_floats, 1e-6f),
    UNARY("Celu", unary_alpha, unary_floats, 1e-6f),
    UNARY("Gelu", unary_approximate, unary_gelu, 1e-6f),
    UNARY("Sigmoid", NULL, unary_floats, 1e-6f),
    UNARY("HardSigmoid", unary_alpha_beta, unary_floats, 1e-6f),
    UNARY("HardSwish", NULL, unary_floats, 1e-6f),
    UNARY("Softplus", NULL, unary_floats, 1e-6f),
    UNARY("Softsign", NULL, unary_floats, 1e-6f),
    UNARY("Swish", unary_alpha, unary_floats, 1e-6f),
    UNARY("Mish", NULL, unary_floats, 1e-6f),
    UNARY("ThresholdedRelu", unary_alpha, unary_floats, 0),
    UNARY("Shrink", unary_shrink, unary_numbers, 1e-6f),
    UNARY("Not", NULL, unary_bools, 0),
    UNARY("BitwiseNot", NULL, unary_ints, 0),
    UNARY("IsNaN", NULL, unary_tests, 0),
    UNARY("IsInf", unary_infinities, unary_tests, 0),
    {0},
};

#undef UNARY
