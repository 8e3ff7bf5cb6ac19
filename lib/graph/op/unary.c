/* unary.c — one tensor in, one tensor of the same shape out, element by element. */
#include "graph/op.h"

extern const xi_op xi_ops_unary[];

/* The output has the input's dtype and shape. */
static xinf_status unary_same(xi_infer *c)
{
    const xi_type *in = c->in[0];
    xi_infer_set(c, 0, in->dtype, &in->shape);
    return XINF_OK;
}

static xinf_status unary_to_bool(xi_infer *c)
{
    xi_infer_set(c, 0, XINF_BOOL, &c->in[0]->shape);
    return XINF_OK;
}

static const xi_attr_rule unary_alpha[] = {{"alpha", XI_ATTR_FLOAT, false}, {NULL}};

#define UNARY(op, rules, shape_rule, tol)                                                          \
    {.name = op, .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,             \
     .attrs = rules, .infer = shape_rule, .tolerance = tol}

const xi_op xi_ops_unary[] = {
    UNARY("Abs", NULL, unary_same, 0),
    UNARY("Relu", NULL, unary_same, 0),
    UNARY("LeakyRelu", unary_alpha, unary_same, 1e-6f),
    UNARY("Not", NULL, unary_to_bool, 0),
    {0},
};

#undef UNARY
