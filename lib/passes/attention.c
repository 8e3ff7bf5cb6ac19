/* attention.c — softmax(scale · Q Kᵀ + mask) V over rank-4 tensors, with the scale in any of the
 * usual places. */
#include "passes/attention.h"

#include "passes/match.h"

typedef struct attention_parts {
    xi_value *q, *k, *v, *mask;
    double scale;
    bool k_transposed;
} attention_parts;

/* Takes constants off a value that is x · constant with one reader; *v becomes x. */
static void attention_unscale(const xi_graph *g, xi_value **v, double *scale)
{
    xi_match_product p;
    if (!xi_match_single(*v) || !xi_match_factors(&p, g, *v) || p.count != 1 || p.factor[0] == *v)
        return;
    if (p.factor[0]->type.dtype != (*v)->type.dtype) return;
    *scale *= p.constant;
    *v = p.factor[0];
}

/* kt = K with its last two axes exchanged: K itself; the exchange need not be done. */
static xi_value *attention_transposed(const xi_graph *g, const xi_value *kt)
{
    static const int64_t want[4] = {0, 1, 3, 2};
    const int64_t *perm;
    xi_node *n = xi_match_from(kt, g, "Transpose");
    if (!n || xi_node_ints(n, "perm", &perm) != 4 || memcmp(perm, want, sizeof want) != 0)
        return NULL;
    return n->inputs[0];
}

static bool attention_rank4(const xi_value *v)
{
    return v && v->type.kind == XINF_KIND_TENSOR && v->type.shape.rank == 4;
}

/* Batch and heads are the same for all three: nothing is broadcast. */
static bool attention_batches(const attention_parts *a)
{
    for (int32_t i = 0; i < 2; i++) {
        int64_t d = a->q->type.shape.dim[i];
        if (!xi_match_same_dim(d, a->k->type.shape.dim[i]) ||
            !xi_match_same_dim(d, a->v->type.shape.dim[i]))
            return false;
    }
    return true;
}

/* The scores: [mask +] scale · Q Kᵀ. */
static bool attention_scores(attention_parts *a, const xi_graph *g, xi_value *scores)
{
    xi_node *sum = xi_match_single(scores) ? xi_match_from(scores, g, "Add") : NULL;
    for (int32_t i = 0; i < (sum ? 2 : 1); i++) {
        xi_value *product = sum ? sum->inputs[i] : scores;
        a->mask = sum ? sum->inputs[1 - i] : NULL;
        a->scale = 1;
        attention_unscale(g, &product, &a->scale);
        xi_node *n = xi_match_single(product) ? xi_match_from(product, g, "MatMul") : NULL;
        if (!n || !attention_rank4(n->outputs[0]) ||
            (a->mask && !xi_match_fits(&n->outputs[0]->type.shape, &a->mask->type.shape)))
            continue;
        a->q = n->inputs[0];
        a->k = n->inputs[1];
        return true;
    }
    return false;
}

static void attention_operands(attention_parts *a, const xi_graph *g)
{
    attention_unscale(g, &a->q, &a->scale);
    attention_unscale(g, &a->k, &a->scale);
    xi_value *k = attention_transposed(g, a->k);
    a->k_transposed = !k;
    if (!k) return;
    a->k = k;
    attention_unscale(g, &a->k, &a->scale);
}

static bool attention_match(attention_parts *a, const xi_node *n)
{
    const xi_graph *g = n->graph;
    xi_node *softmax = xi_match_single(n->inputs[0]) ? xi_match_from(n->inputs[0], g, "Softmax")
                                                     : NULL;
    if (!softmax || !attention_rank4(softmax->inputs[0])) return false;
    int64_t axis = xi_node_int(softmax, "axis", -1);
    a->v = n->inputs[1];
    if ((axis != -1 && axis != 3) || !attention_scores(a, g, softmax->inputs[0])) return false;
    attention_operands(a, g);
    if (!attention_rank4(a->q) || !attention_rank4(a->k) || !attention_rank4(a->v) ||
        !attention_batches(a))
        return false;
    xinf_dtype d = n->outputs[0]->type.dtype;
    return a->q->type.dtype == d && a->k->type.dtype == d && a->v->type.dtype == d &&
           (!a->mask || a->mask->type.dtype == d);
}

static xinf_status attention_node(xi_pass_context *c, xi_node *n)
{
    attention_parts a;
    if (!xi_match_is(n, "MatMul") || !n->outputs[0] || !xi_match_fusable(n->outputs[0]) ||
        !attention_match(&a, n))
        return XINF_OK;
    xi_value *inputs[4] = {a.q, a.k, a.v, a.mask};
    xi_node *m = xi_match_node(n, XI_STR("xinf"), "Attention", n->name, inputs, 4, 1, 2);
    if (!m) return xi_fail_memory(c->err, sizeof *m);
    xi_node_set_float(m, "scale", (float)a.scale);
    if (a.k_transposed) xi_node_set_int(m, "k_transposed", 1);
    xi_match_take(m, 0, n->outputs[0]);
    xi_match_remove(n);
    c->changes++;
    return XINF_OK;
}

xinf_status xi_pass_attention(xi_pass_context *c)
{
    return xi_match_each(c, attention_node);
}
