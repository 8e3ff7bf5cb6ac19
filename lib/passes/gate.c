/* gate.c — a value that is multiplied by a function of itself. */
#include "passes/gate.h"

#include "passes/match.h"

/* v = clip(x + 3, 0, 6) */
static bool gate_is_relu6(const xi_graph *g, const xi_value *v, const xi_value *x)
{
    double low, high, three;
    xi_node *clip = xi_match_from(v, g, "Clip");
    if (!clip || !xi_match_scalar(xi_node_input(clip, 1), NULL, &low) ||
        !xi_match_scalar(xi_node_input(clip, 2), NULL, &high))
        return false;
    return low == 0 && high == 6 && xi_match_plus(g, clip->inputs[0], &three) == x && three == 3;
}

/* v = clip(x/6 + 1/2, 0, 1), times `constant`. */
static bool gate_is_hard(const xi_graph *g, const xi_value *v, const xi_value *x, double constant)
{
    xi_node *n = xi_match_from(v, g, "HardSigmoid");
    if (n)
        return n->inputs[0] == x && constant == 1 && xi_node_float(n, "beta", 0.5f) == 0.5f &&
               xi_match_near(x, xi_node_float(n, "alpha", 0.2f), 1.0 / 6);
    return gate_is_relu6(g, v, x) && xi_match_near(x, constant, 1.0 / 6);
}

static bool gate_is_mish(const xi_graph *g, const xi_value *v, const xi_value *x)
{
    xi_node *tanh = xi_match_from(v, g, "Tanh"),
            *soft = tanh ? xi_match_from(tanh->inputs[0], g, "Softplus") : NULL;
    return soft && soft->inputs[0] == x;
}

/* v = sigmoid(alpha x) */
static bool gate_is_sigmoid(const xi_graph *g, const xi_value *v, const xi_value *x, double *alpha)
{
    xi_match_product p;
    xi_node *n = xi_match_from(v, g, "Sigmoid");
    *alpha = 1;
    if (!n) return false;
    if (n->inputs[0] == x) return true;
    if (!xi_match_factors(&p, g, n->inputs[0]) || p.count != 1 || p.factor[0] != x) return false;
    *alpha = p.constant;
    return true;
}

static xinf_status gate_put(xi_pass_context *c, xi_node *n, const char *op, xi_value *x,
                            double alpha)
{
    xi_node *m = xi_match_node(n, XI_STR(""), op, n->name, &x, 1, 1, 1);
    if (!m) return xi_fail_memory(c->err, sizeof *m);
    if (alpha != 1) xi_node_set_float(m, "alpha", (float)alpha);
    xi_match_take(m, 0, n->outputs[0]);
    xi_match_remove(n);
    c->changes++;
    return XINF_OK;
}

/* The two factors that n multiplies, when the result has the shape of both. */
static bool gate_product(xi_match_product *p, const xi_node *n)
{
    if ((!xi_match_is(n, "Mul") && !xi_match_is(n, "Div")) || !n->outputs[0] ||
        !xi_match_fusable(n->outputs[0]))
        return false;
    return xi_match_factors(p, n->graph, n->outputs[0]) && p->count == 2 &&
           xi_match_same_shape(p->factor[0], n->outputs[0]);
}

static xinf_status gate_hardswish(xi_pass_context *c, xi_node *n)
{
    xi_match_product p;
    if (!gate_product(&p, n)) return XINF_OK;
    for (int32_t i = 0; i < 2; i++)
        if (gate_is_hard(n->graph, p.factor[1 - i], p.factor[i], p.constant))
            return gate_put(c, n, "HardSwish", p.factor[i], 1);
    return XINF_OK;
}

static xinf_status gate_swish(xi_pass_context *c, xi_node *n)
{
    xi_match_product p;
    double alpha;
    if (!gate_product(&p, n) || p.constant != 1) return XINF_OK;
    for (int32_t i = 0; i < 2; i++) {
        xi_value *x = p.factor[i];
        if (gate_is_sigmoid(n->graph, p.factor[1 - i], x, &alpha))
            return gate_put(c, n, "Swish", x, alpha);
        if (gate_is_mish(n->graph, p.factor[1 - i], x)) return gate_put(c, n, "Mish", x, 1);
    }
    return XINF_OK;
}

xinf_status xi_pass_hardswish(xi_pass_context *c)
{
    return xi_match_each(c, gate_hardswish);
}

xinf_status xi_pass_swish(xi_pass_context *c)
{
    return xi_match_each(c, gate_swish);
}
