/* loss.c — losses of class scores [N, C, …] against labels [N, …]. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_loss[];

static xinf_status loss_infer_shared(xi_infer *c)
{
    xinf_status status;
    const xi_shape *x = &c->in[0]->shape, *labels = &c->in[1]->shape, scalar = XI_SHAPE_SCALAR;
    xi_str how = xi_node_string(c->node, "reduction", "mean");
    bool none = xi_str_is(how, "none");
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    XI_TRY(xi_infer_among(c, 1, XI_DTYPES_INDEX));
    XI_TRY(xi_infer_same_dtype(c, 0, 2));
    if (!none && !xi_str_is(how, "mean") && !xi_str_is(how, "sum"))
        return xi_infer_fail(c, "reduction is %.*s", XI_STR_ARG(how));
    if (x->rank >= 0 && x->rank < 2)
        return xi_infer_fail(c, "the scores need a batch and a class axis");
    if (x->rank >= 0 && labels->rank >= 0) {
        bool fits = labels->rank == x->rank - 1;
        for (int32_t i = 0; fits && i < labels->rank; i++) {
            int64_t want = x->dim[i ? i + 1 : 0];
            fits = want < 0 || labels->dim[i] < 0 || want == labels->dim[i];
        }
        if (!fits) return xi_infer_fail(c, "scores and labels do not fit together");
    }
    const xi_type *w = xi_infer_in(c, 2);
    if (w && w->shape.rank >= 0 &&
        (w->shape.rank != 1 ||
         (x->rank > 1 && x->dim[1] >= 0 && w->shape.dim[0] >= 0 && w->shape.dim[0] != x->dim[1])))
        return xi_infer_fail(c, "the weights are not one for each class");
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), none ? labels : &scalar);
cleanup:
    return status;
}

static xinf_status loss_infer(xi_infer *c)
{
    xinf_status status = loss_infer_shared(c);
    if (status == XINF_OK) xi_infer_set(c, 1, xi_infer_dtype(c, 0), &c->in[0]->shape);
    return status;
}

static const xi_attr_rule loss_attrs[] = {
    {"ignore_index", XI_ATTR_INT, false}, {"reduction", XI_ATTR_STRING, false}, {NULL}};

const xi_op xi_ops_loss[] = {
    {.name = "NegativeLogLikelihoodLoss",
     .min_inputs = 2,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = loss_attrs,
     .infer = loss_infer,
     .tolerance = 1e-5f},
    {.name = "SoftmaxCrossEntropyLoss",
     .min_inputs = 2,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 2,
     .attrs = loss_attrs,
     .infer = loss_infer,
     .tolerance = 1e-5f},
    {0},
};
