/* layernorm.c — (x - mean) / sqrt(variance + epsilon), then scale and shift, as exporters spell it
 * out. */
#include "passes/layernorm.h"

#include "passes/match.h"

/* v = mean of its source over the last axis, which stays as 1. */
static xi_value *layernorm_mean(const xi_graph *g, const xi_value *v)
{
    xi_node *n = xi_match_from(v, g, "ReduceMean");
    int64_t axis;
    if (!n || xi_node_int(n, "keepdims", 1) != 1 ||
        xi_match_ints(xi_node_input(n, 1), &axis, 1) != 1)
        return NULL;
    int32_t rank = n->inputs[0]->type.shape.rank;
    return rank > 0 && (axis == -1 || axis == rank - 1) ? n->inputs[0] : NULL;
}

/* x when d = x - mean(x). */
static xi_value *layernorm_centred(const xi_graph *g, const xi_value *d)
{
    xi_node *n = xi_match_from(d, g, "Sub");
    return n && layernorm_mean(g, n->inputs[1]) == n->inputs[0] ? n->inputs[0] : NULL;
}

/* v = sqrt(mean(q) + epsilon): q. */
static xi_value *layernorm_deviation(const xi_graph *g, const xi_value *v, double *epsilon)
{
    xi_node *root = xi_match_from(v, g, "Sqrt");
    if (!root) return NULL;
    xi_value *mean = xi_match_plus(g, root->inputs[0], epsilon);
    return mean && *epsilon >= 0 ? layernorm_mean(g, mean) : NULL;
}

/* q = d * d: d. */
static xi_value *layernorm_square(const xi_graph *g, xi_value *q)
{
    xi_match_product p;
    if (!xi_match_factors(&p, g, q) || p.constant != 1 || p.count != 2 ||
        p.factor[0] != p.factor[1])
        return NULL;
    return p.factor[0];
}

/* d / s or d * (1 / s). */
static bool layernorm_quotient(const xi_node *n, xi_value **d, xi_value **s)
{
    double one;
    if (xi_match_is(n, "Div")) {
        *d = n->inputs[0];
        *s = n->inputs[1];
        return true;
    }
    for (int32_t i = 0; i < 2 && xi_match_is(n, "Mul"); i++) {
        xi_node *inverse = xi_match_from(n->inputs[i], n->graph, "Reciprocal");
        xi_node *divided = xi_match_from(n->inputs[i], n->graph, "Div");
        *d = n->inputs[1 - i];
        if (inverse)
            *s = inverse->inputs[0];
        else if (divided && xi_match_scalar(divided->inputs[0], NULL, &one) && one == 1)
            *s = divided->inputs[1];
        else
            continue;
        return true;
    }
    return false;
}

static xi_value *layernorm_ones(xi_graph *g, xinf_dtype dtype, int64_t width)
{
    xi_shape shape = {.rank = 1, .dim = {width}};
    size_t size;
    if (xi_tensor_bytes(dtype, &shape, &size, NULL) != XINF_OK) return NULL;
    void *data = xi_arena_alloc(g->arena, size);
    xi_literal *l = data ? xi_arena_alloc(g->arena, sizeof *l) : NULL;
    if (!l) return NULL;
    for (int64_t i = 0; i < width; i++) xi_dtype_store_f64(data, dtype, i, 1);
    *l = (xi_literal){.dtype = dtype, .shape = shape, .count = width, .data = data, .size = size};
    return xi_graph_add_constant(g, XI_STR(""), l);
}

static bool layernorm_is_ones(const xi_value *v)
{
    if (!v->literal) return false;
    for (int64_t i = 0; i < v->literal->count; i++)
        if (xi_match_load(v->literal, i) != 1) return false;
    return true;
}

/* A node op(inputs) with axis -1 in the place of `last`. */
static xinf_status layernorm_put(xi_pass_context *c, xi_node *last, const char *op,
                                 xi_value *const *inputs, int32_t count, double epsilon)
{
    xi_node *m = xi_match_node(last, XI_STR(""), op, last->name, inputs, count, 1, 2);
    if (!m) return xi_fail_memory(c->err, sizeof *m);
    xi_node_set_int(m, "axis", -1);
    xi_node_set_float(m, "epsilon", (float)epsilon);
    xi_match_take(m, 0, last->outputs[0]);
    xi_match_remove(last);
    c->changes++;
    return XINF_OK;
}

/* The quotient itself: a normalization with scale 1. */
static xinf_status layernorm_core(xi_pass_context *c, xi_node *n)
{
    xi_value *d, *s;
    double epsilon;
    if (!layernorm_quotient(n, &d, &s) || !xi_match_fusable(n->outputs[0])) return XINF_OK;
    xi_value *squares = layernorm_deviation(n->graph, s, &epsilon),
             *root = squares ? layernorm_square(n->graph, squares) : NULL;
    if (!root) return XINF_OK;
    xi_value *x = layernorm_centred(n->graph, d);
    if (root != d && (!x || layernorm_centred(n->graph, root) != x)) return XINF_OK;
    const xi_value *from = x ? x : d;
    int64_t width = from->type.shape.rank > 0 ? from->type.shape.dim[from->type.shape.rank - 1]
                                              : -1;
    if (width < 1 || from->type.dtype != n->outputs[0]->type.dtype) return XINF_OK;
    xi_value *inputs[2] = {x ? x : d, layernorm_ones(n->graph, from->type.dtype, width)};
    if (!inputs[1]) return xi_fail_memory(c->err, (size_t)width);
    return layernorm_put(c, n, x ? "LayerNormalization" : "RMSNormalization", inputs, 2, epsilon);
}

/* A normalization that pass or file made, whose result only n reads, over the last axis and with no
 * other output. */
static xi_node *layernorm_before(const xi_node *n, int32_t i, const char *op)
{
    xi_node *norm = xi_match_single(n->inputs[i]) ? xi_match_from(n->inputs[i], n->graph, op)
                                                  : NULL;
    if (!norm || xi_node_int(norm, "stash_type", 1) != 1) return NULL;
    int64_t axis = xi_node_int(norm, "axis", -1);
    if (axis != -1 && axis != norm->inputs[0]->type.shape.rank - 1) return NULL;
    for (int32_t k = 1; k < norm->output_count; k++)
        if (norm->outputs[k] && norm->outputs[k]->uses) return NULL;
    return norm;
}

/* A constant along the last axis of the normalization's input, of its dtype. */
static bool layernorm_fits(const xi_node *norm, const xi_value *v)
{
    const xi_shape *s = &norm->inputs[0]->type.shape;
    return s->rank > 0 && s->dim[s->rank - 1] > 0 &&
           xi_match_along(v, s->rank, s->rank - 1, s->dim[s->rank - 1]) &&
           v->type.dtype == norm->inputs[0]->type.dtype;
}

static xinf_status layernorm_scale(xi_pass_context *c, xi_node *n)
{
    for (int32_t i = 0; i < 2; i++) {
        xi_node *norm = layernorm_before(n, i, "LayerNormalization");
        const char *op = norm ? "LayerNormalization" : "RMSNormalization";
        if (!norm) norm = layernorm_before(n, i, op);
        if (!norm || xi_node_input(norm, 2) || !layernorm_fits(norm, n->inputs[1 - i]) ||
            !layernorm_is_ones(norm->inputs[1]))
            continue;
        xi_value *inputs[2] = {norm->inputs[0], xi_match_flat(n->graph, n->inputs[1 - i])};
        if (!inputs[1]) return xi_fail_memory(c->err, sizeof(xi_value));
        return layernorm_put(c, n, op, inputs, 2, xi_node_float(norm, "epsilon", 1e-5f));
    }
    return XINF_OK;
}

static xinf_status layernorm_shift(xi_pass_context *c, xi_node *n)
{
    for (int32_t i = 0; i < 2; i++) {
        xi_node *norm = layernorm_before(n, i, "LayerNormalization");
        if (!norm || xi_node_input(norm, 2) || !layernorm_fits(norm, n->inputs[1 - i])) continue;
        xi_value *inputs[3] = {norm->inputs[0], norm->inputs[1],
                               xi_match_flat(n->graph, n->inputs[1 - i])};
        if (!inputs[2]) return xi_fail_memory(c->err, sizeof(xi_value));
        return layernorm_put(c, n, "LayerNormalization", inputs, 3,
                             xi_node_float(norm, "epsilon", 1e-5f));
    }
    return XINF_OK;
}

static xinf_status layernorm_node(xi_pass_context *c, xi_node *n)
{
    bool mul = xi_match_is(n, "Mul");
    int32_t before = c->changes;
    if (!n->output_count || !n->outputs[0]) return XINF_OK;
    if (xi_match_is(n, "Add")) return layernorm_shift(c, n);
    if (!mul && !xi_match_is(n, "Div")) return XINF_OK;
    xinf_status status = layernorm_core(c, n);
    return status == XINF_OK && mul && c->changes == before ? layernorm_scale(c, n) : status;
}

xinf_status xi_pass_layernorm(xi_pass_context *c)
{
    return xi_match_each(c, layernorm_node);
}
