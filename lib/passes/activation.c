/* activation.c — Mul(x, Sigmoid(x)) → Swish;  x/√2 → Erf → +1 → ·x → ·½ (in any order of factors) → Gelu. */
#include "passes/activation.h"

#include "passes/pattern.h"

static xi_value *activation_other(const xi_node *n, const xi_value *v)
{
    return n->inputs[0] == v ? n->inputs[1] : n->inputs[0];
}

static bool activation_replace(xi_node *last, xi_value *x, const char *op_name)
{
    xi_node *n = xi_pattern_replace(last, XI_STR(""), xi_str_of(op_name), 1, 1);
    if (!n) return false;
    n->inputs[0] = x;
    return true;
}

/* n is the Sigmoid. */
static xi_node *activation_swish(const xi_consumers *c, xi_node *n)
{
    xi_node *mul = xi_consumers_only(c, n->outputs[0]);
    return mul && xi_node_is(mul, "Mul") && activation_other(mul, n->outputs[0]) == n->inputs[0] ? mul : NULL;
}

/* What is divided by √2, or multiplied by its inverse; NULL when v is something else. */
static xi_value *activation_halved_argument(const xi_value *v)
{
    const xi_node *n = v->producer;
    if (!n) return NULL;
    if (xi_node_is(n, "Div") && xi_pattern_scalar(n->inputs[1], 1.4142135623730951)) return n->inputs[0];
    if (!xi_node_is(n, "Mul")) return NULL;
    if (xi_pattern_scalar(n->inputs[1], 0.7071067811865476)) return n->inputs[0];
    return xi_pattern_scalar(n->inputs[0], 0.7071067811865476) ? n->inputs[1] : NULL;
}

static bool activation_is_half_of(const xi_value *v, const xi_value *x)
{
    const xi_node *n = v->producer;
    return n && xi_node_is(n, "Mul") &&
           ((n->inputs[0] == x && xi_pattern_scalar(n->inputs[1], 0.5)) || (n->inputs[1] == x && xi_pattern_scalar(n->inputs[0], 0.5)));
}

/* n is the Erf. The last node of the pattern, or NULL. */
static xi_node *activation_gelu(const xi_consumers *c, xi_node *n, xi_value **x)
{
    *x = activation_halved_argument(n->inputs[0]);
    xi_node *add = *x ? xi_consumers_only(c, n->outputs[0]) : NULL;
    if (!add || !xi_node_is(add, "Add") || !xi_pattern_scalar(activation_other(add, n->outputs[0]), 1)) return NULL;
    xi_node *mul = xi_consumers_only(c, add->outputs[0]);
    if (!mul || !xi_node_is(mul, "Mul")) return NULL;
    xi_value *factor = activation_other(mul, add->outputs[0]);
    if (activation_is_half_of(factor, *x)) return mul;
    xi_node *half = xi_consumers_only(c, mul->outputs[0]);
    if (!half || !xi_node_is(half, "Mul")) return NULL;
    if (factor == *x) return xi_pattern_scalar(activation_other(half, mul->outputs[0]), 0.5) ? half : NULL;
    return xi_pattern_scalar(factor, 0.5) && activation_other(half, mul->outputs[0]) == *x ? half : NULL;
}

static xinf_status activation_graph(xi_pass_context *context, xi_graph *g)
{
    xi_consumers c;
    xinf_status status;
    XI_TRY(xi_consumers_find(&c, g, context->err));
    for (xi_node *n = g->first, *next; n && status == XINF_OK; n = next) {
        xi_value *x = n->input_count ? n->inputs[0] : NULL;
        xi_node *last = NULL;
        next = n->next;
        for (int32_t a = 0; a < n->attr_count && status == XINF_OK; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) status = activation_graph(context, n->attrs[a].graph);
        bool sigmoid = xi_node_is(n, "Sigmoid"), erf = xi_node_is(n, "Erf");
        if ((!sigmoid && !erf) || !xi_pattern_float32(x)) continue;
        last = sigmoid ? activation_swish(&c, n) : activation_gelu(&c, n, &x);
        if (!last) continue;
        if (next == last) next = last->next;
        if (!activation_replace(last, x, sigmoid ? "Swish" : "Gelu")) status = xi_fail_memory(context->err, sizeof *n);
        context->changes++;
    }
    xi_consumers_end(&c);
cleanup:
    return status;
}

xinf_status xi_pass_activation(xi_pass_context *c)
{
    return activation_graph(c, c->graph);
}
