/* conv.c — a convolution takes in what follows it, one node at a time: Conv → FusedConv → FusedConv
 * with more. */
#include "passes/conv.h"

#include "passes/epilogue.h"

enum { CONV_X, CONV_W, CONV_BIAS, CONV_RESIDUAL, CONV_INPUTS };

/* The convolution that gives v to one reader only and has no activation yet. */
static xi_node *conv_of(const xi_value *v, const xi_graph *g)
{
    xi_node *n = xi_match_from(v, g, "Conv");
    if (!n) n = xi_match_from_own(v, g, "FusedConv");
    if (!n || !xi_match_single(v) || xi_epilogue_has(n) || !xi_match_fusable(v) ||
        n->inputs[0]->type.shape.rank < 3)
        return NULL;
    return n;
}

/* A FusedConv in the place of `last`, with the attributes and inputs of conv, but for input
 * `index`. */
static xinf_status conv_fuse(xi_pass_context *c, xi_node *last, xi_node *conv, int32_t index,
                             xi_value *input, const xi_epilogue *e)
{
    xi_value *inputs[CONV_INPUTS] = {NULL};
    for (int32_t i = 0; i < conv->input_count; i++) inputs[i] = conv->inputs[i];
    if (index >= 0) inputs[index] = input;
    xi_node *m = xi_match_node(last, XI_STR("xinf"), "FusedConv", conv->name, inputs, CONV_INPUTS,
                               1, conv->attr_count + 2);
    if (!m) return xi_fail_memory(c->err, sizeof *m);
    memcpy(m->attrs, conv->attrs, (size_t)conv->attr_count * sizeof *m->attrs);
    m->attr_count = conv->attr_count;
    if (e && !xi_epilogue_write(m, e)) return xi_fail_memory(c->err, sizeof *e);
    xi_match_take(m, 0, last->outputs[0]);
    xi_match_remove(last);
    c->changes++;
    return XINF_OK;
}

/* The sum of the bias there is and the constant added, as one constant. */
static xinf_status conv_pass_bias(xi_value **out, xi_pass_context *c, xi_node *conv,
                                  xi_value *added)
{
    xi_graph *g = conv->graph;
    xi_value *old = xi_node_input(conv, CONV_BIAS);
    *out = NULL;
    if (!old) {
        *out = xi_match_flat(g, added);
        return *out ? XINF_OK : xi_fail_memory(c->err, sizeof **out);
    }
    const xi_literal *a = old->literal, *b = added->literal;
    xi_literal *l = xi_graph_literal(g, a->dtype, &a->shape, a->data);
    if (!l) return xi_fail_memory(c->err, a->size);
    char *sums = (char *)(uintptr_t)l->data; /* fresh and ours until it is a constant */
    for (int64_t i = 0; i < a->count; i++)
        xi_dtype_store_f64(sums, a->dtype, i, xi_match_load(a, i) + xi_match_load(b, i));
    *out = xi_graph_add_constant(g, old->name, l);
    return *out ? XINF_OK : xi_fail_memory(c->err, sizeof **out);
}

/* A constant with one number for each channel. */
static bool conv_takes_bias(const xi_node *conv, const xi_value *v)
{
    const xi_shape *w = &conv->inputs[CONV_W]->type.shape;
    const xi_value *old = xi_node_input(conv, CONV_BIAS);
    if (w->rank < 3 || !xi_match_along(v, w->rank, 1, w->dim[0]) ||
        v->literal->dtype != conv->outputs[0]->type.dtype)
        return false;
    return !old || (old->literal && old->literal->dtype == v->literal->dtype &&
                    old->literal->count == v->literal->count);
}

static bool conv_takes_residual(const xi_node *conv, const xi_value *v)
{
    return !xi_node_input(conv, CONV_RESIDUAL) && v->type.dtype == conv->outputs[0]->type.dtype &&
           xi_match_same_shape(v, conv->outputs[0]);
}

/* Where two convolutions meet, the later one takes the other's result: it moves the shorter way. */
static int32_t conv_first(const xi_node *n)
{
    const xi_node *p = n->prev;
    for (int32_t steps = 0; p && steps < 64; steps++, p = p->prev) {
        if (p == n->inputs[0]->producer) return 0;
        if (p == n->inputs[1]->producer) return 1;
    }
    return 0;
}

static xinf_status conv_add(xi_pass_context *c, xi_node *n)
{
    int32_t first = conv_first(n);
    for (int32_t k = 0; k < 2; k++) {
        int32_t i = first ^ k;
        xi_node *conv = conv_of(n->inputs[i], n->graph);
        xi_value *other = n->inputs[1 - i], *bias;
        if (!conv || other == n->inputs[i]) continue;
        if (conv_takes_bias(conv, other)) {
            xinf_status status = conv_pass_bias(&bias, c, conv, other);
            return status ? status : conv_fuse(c, n, conv, CONV_BIAS, bias, NULL);
        }
        if (conv_takes_residual(conv, other))
            return conv_fuse(c, n, conv, CONV_RESIDUAL, other, NULL);
    }
    return XINF_OK;
}

static xinf_status conv_node(xi_pass_context *c, xi_node *n)
{
    xi_epilogue e;
    if (!n->output_count || !n->outputs[0] || !n->input_count || !n->inputs[0]) return XINF_OK;
    if (xi_match_is(n, "Add")) return conv_add(c, n);
    xi_node *conv = conv_of(n->inputs[0], n->graph);
    if (conv && xi_epilogue_read(&e, n)) return conv_fuse(c, n, conv, -1, NULL, &e);
    return XINF_OK;
}

xinf_status xi_pass_conv(xi_pass_context *c)
{
    return xi_match_each(c, conv_node);
}
