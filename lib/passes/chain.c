/* chain.c — the second of two nodes is made to read what the first one reads; the first one dies
 * when nobody else reads it. */
#include "passes/chain.h"

#include "passes/match.h"

static bool chain_is_view(const xi_node *n)
{
    return xi_match_is(n, "Reshape") || xi_match_is(n, "Squeeze") || xi_match_is(n, "Unsqueeze") ||
           xi_match_is(n, "Flatten");
}

/* The shape as Reshape's input: one dimension at most is left to it. */
static bool chain_target(int64_t *dims, const xi_shape *s)
{
    int32_t unknown = 0;
    for (int32_t i = 0; i < s->rank; i++) {
        dims[i] = s->dim[i] >= 0 ? s->dim[i] : -1;
        unknown += s->dim[i] < 0;
        if (s->dim[i] == 0) return false;
    }
    return s->rank >= 0 && unknown <= 1;
}

/* Reshape(from) to the type of n's output, in its place. */
static xinf_status chain_reshape(xi_pass_context *c, xi_node *n, xi_value *from)
{
    int64_t dims[XI_MAX_RANK];
    if (!chain_target(dims, &n->outputs[0]->type.shape)) return XINF_OK;
    xi_value *inputs[2] = {from,
                           xi_graph_constant_ints(n->graph, dims, n->outputs[0]->type.shape.rank)};
    xi_node *m = inputs[1] ? xi_match_node(n, XI_STR(""), "Reshape", n->name, inputs, 2, 1, 0)
                           : NULL;
    if (!m) return xi_fail_memory(c->err, sizeof *m);
    xi_match_take(m, 0, n->outputs[0]);
    xi_match_remove(n);
    c->changes++;
    return XINF_OK;
}

static xi_node *chain_view_before(const xi_node *n)
{
    xi_node *p = n->inputs[0]->producer;
    return p && p->graph == n->graph && n->inputs[0]->producer_output == 0 && chain_is_view(p)
               ? p
               : NULL;
}

/* The permutation of a Transpose; false when its rank is not known. */
static bool chain_perm(int64_t *perm, int32_t *rank, const xi_node *n)
{
    const int64_t *given;
    int32_t count = xi_node_ints(n, "perm", &given);
    *rank = n->inputs[0]->type.shape.rank;
    if (*rank < 0 || (count && count != *rank)) return false;
    for (int32_t i = 0; i < *rank; i++) perm[i] = count ? given[i] : *rank - 1 - i;
    return true;
}

/* Nothing but axes of size 1 move. */
static bool chain_keeps_order(const int64_t *perm, const xi_shape *s)
{
    int64_t last = -1;
    for (int32_t i = 0; i < s->rank; i++) {
        if (s->dim[perm[i]] == 1) continue;
        if (perm[i] < last) return false;
        last = perm[i];
    }
    return true;
}

static xinf_status chain_transpose(xi_pass_context *c, xi_node *n)
{
    int64_t outer[XI_MAX_RANK], inner[XI_MAX_RANK], both[XI_MAX_RANK];
    int32_t rank, inner_rank;
    if (!chain_perm(outer, &rank, n)) return XINF_OK;
    xi_node *before = xi_match_from(n->inputs[0], n->graph, "Transpose");
    if (!before || !chain_perm(inner, &inner_rank, before) || inner_rank != rank)
        return chain_keeps_order(outer, &n->inputs[0]->type.shape)
                   ? chain_reshape(c, n, n->inputs[0])
                   : XINF_OK;
    for (int32_t i = 0; i < rank; i++) both[i] = inner[outer[i]];
    xi_value *from = before->inputs[0];
    xi_node *m = xi_match_node(n, XI_STR(""), "Transpose", n->name, &from, 1, 1, 1);
    if (!m || !xi_node_set_ints(m, "perm", both, rank)) return xi_fail_memory(c->err, sizeof *m);
    xi_match_take(m, 0, n->outputs[0]);
    xi_match_remove(n);
    c->changes++;
    return XINF_OK;
}

static xinf_status chain_node(xi_pass_context *c, xi_node *n)
{
    if (!n->output_count || !n->outputs[0]) return XINF_OK;
    if (xi_match_is(n, "Transpose")) return chain_transpose(c, n);
    if (!chain_is_view(n)) return XINF_OK;
    xi_node *before = chain_view_before(n);
    return before ? chain_reshape(c, n, before->inputs[0]) : XINF_OK;
}

xinf_status xi_pass_chain(xi_pass_context *c)
{
    return xi_match_each(c, chain_node);
}
