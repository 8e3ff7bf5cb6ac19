/* skipnorm.c — the sum of two values of one shape is computed where its normalization needs it;
 * other readers get it too. */
#include "passes/skipnorm.h"

#include "passes/match.h"

/* One number for each element of the last axis: the operator does not broadcast, LayerNormalization
 * does. */
static bool skipnorm_factor(const xi_value *x, const xi_literal *l)
{
    return l && l->shape.rank == 1 && l->dtype == x->type.dtype &&
           (l->shape.dim[0] != 1 || x->type.shape.dim[x->type.shape.rank - 1] == 1);
}

static bool skipnorm_takes(const xi_node *n)
{
    const xi_value *x = n->inputs[0], *bias = xi_node_input(n, 2);
    int32_t rank = x->type.shape.rank;
    int64_t axis = xi_node_int(n, "axis", -1);
    if (rank < 1 || (axis != -1 && axis != rank - 1) || xi_node_int(n, "stash_type", 1) != 1 ||
        !xi_match_fusable(x))
        return false;
    for (int32_t i = 1; i < n->output_count; i++)
        if (n->outputs[i] && n->outputs[i]->uses) return false;
    return skipnorm_factor(x, n->inputs[1]->literal) &&
           (!bias || skipnorm_factor(x, bias->literal));
}

static xinf_status skipnorm_node(xi_pass_context *c, xi_node *n)
{
    if (!xi_match_is(n, "LayerNormalization") || !n->outputs[0] || !skipnorm_takes(n))
        return XINF_OK;
    xi_value *sum = n->inputs[0];
    xi_node *add = xi_match_from(sum, n->graph, "Add");
    if (!add || !xi_match_same_shape(add->inputs[0], add->inputs[1]) ||
        !xi_match_fusable(add->inputs[0]))
        return XINF_OK;
    xi_value *inputs[4] = {add->inputs[0], add->inputs[1], n->inputs[1], xi_node_input(n, 2)};
    bool wanted = sum->uses >
                  1; /* then the node stands where the sum stood: before its other readers */
    xi_node *m = xi_match_node(add, XI_STR("xinf"), "SkipLayerNormalization", n->name, inputs, 4, 2,
                               1);
    if (!m) return xi_fail_memory(c->err, sizeof *m);
    xi_node_set_float(m, "epsilon", xi_node_float(n, "epsilon", 1e-5f));
    xi_match_take(m, 0, n->outputs[0]);
    if (wanted) xi_match_take(m, 1, sum);
    xi_match_remove(n);
    if (wanted) xi_match_remove(add);
    c->changes++;
    return XINF_OK;
}

xinf_status xi_pass_skipnorm(xi_pass_context *c)
{
    return xi_match_each(c, skipnorm_node);
}
