/* gelu.c — the product of one half, x and (1 + something), in any order and nesting. */
#include "passes/gelu.h"

#include "passes/match.h"

#define GELU_SQRT_HALF 0.70710678118654752
#define GELU_SQRT_2_PI 0.79788456080286536
#define GELU_CUBIC 0.044715

/* u = x / √2. */
static bool gelu_is_erf(const xi_graph *g, xi_value *u, const xi_value *x)
{
    xi_match_product p;
    return xi_match_factors(&p, g, u) && p.count == 1 && p.factor[0] == x &&
           xi_match_near(x, p.constant, GELU_SQRT_HALF);
}

/* v = x³ · 0.044715 */
static bool gelu_is_cube(const xi_graph *g, xi_value *v, const xi_value *x)
{
    xi_match_product p;
    if (!xi_match_factors(&p, g, v) || p.count != 3 || !xi_match_near(x, p.constant, GELU_CUBIC))
        return false;
    return p.factor[0] == x && p.factor[1] == x && p.factor[2] == x;
}

/* v = 1 + 0.044715 x² */
static bool gelu_is_square(const xi_graph *g, xi_value *v, const xi_value *x)
{
    xi_match_product p;
    double one;
    xi_value *rest = xi_match_plus(g, v, &one);
    return rest && one == 1 && xi_match_factors(&p, g, rest) && p.count == 2 && p.factor[0] == x &&
           p.factor[1] == x && xi_match_near(x, p.constant, GELU_CUBIC);
}

/* u = √(2/π) (x + 0.044715 x³), or with x outside the sum. */
static bool gelu_is_tanh(const xi_graph *g, xi_value *u, const xi_value *x)
{
    xi_match_product p;
    if (!xi_match_factors(&p, g, u) || !xi_match_near(x, p.constant, GELU_SQRT_2_PI)) return false;
    if (p.count == 2)
        return (p.factor[0] == x && gelu_is_square(g, p.factor[1], x)) ||
               (p.factor[1] == x && gelu_is_square(g, p.factor[0], x));
    xi_node *sum = p.count == 1 ? xi_match_from(p.factor[0], g, "Add") : NULL;
    if (!sum) return false;
    return (sum->inputs[0] == x && gelu_is_cube(g, sum->inputs[1], x)) ||
           (sum->inputs[1] == x && gelu_is_cube(g, sum->inputs[0], x));
}

/* f = 1 + erf(…x) or 1 + tanh(…x): the name of the approximation. */
static const char *gelu_form(const xi_graph *g, const xi_value *f, const xi_value *x)
{
    double one;
    xi_value *v = xi_match_plus(g, f, &one);
    if (!v || one != 1) return NULL;
    xi_node *erf = xi_match_from(v, g, "Erf"), *tanh = xi_match_from(v, g, "Tanh");
    if (erf && gelu_is_erf(g, erf->inputs[0], x)) return "none";
    if (tanh && gelu_is_tanh(g, tanh->inputs[0], x)) return "tanh";
    return NULL;
}

static xinf_status gelu_node(xi_pass_context *c, xi_node *n)
{
    xi_match_product p;
    if ((!xi_match_is(n, "Mul") && !xi_match_is(n, "Div")) || !n->outputs[0] ||
        !xi_match_fusable(n->outputs[0]))
        return XINF_OK;
    if (!xi_match_factors(&p, n->graph, n->outputs[0]) || p.count != 2 || p.constant != 0.5)
        return XINF_OK;
    for (int32_t i = 0; i < 2; i++) {
        xi_value *x = p.factor[i];
        const char *form = gelu_form(n->graph, p.factor[1 - i], x);
        if (!form || !xi_match_same_shape(x, n->outputs[0])) continue;
        xi_node *m = xi_match_node(n, XI_STR(""), "Gelu", n->name, &x, 1, 1, 1);
        if (!m) return xi_fail_memory(c->err, sizeof *m);
        xi_node_set_string(m, "approximate", xi_str_of(form));
        xi_match_take(m, 0, n->outputs[0]);
        xi_match_remove(n);
        c->changes++;
        return XINF_OK;
    }
    return XINF_OK;
}

xinf_status xi_pass_gelu(xi_pass_context *c)
{
    return xi_match_each(c, gelu_node);
}

#undef GELU_SQRT_HALF
#undef GELU_SQRT_2_PI
#undef GELU_CUBIC
