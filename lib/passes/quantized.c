/* quantized.c — see quantized.h. */
#include "passes/quantized.h"

#include "passes/match.h"

/* What x was before it was quantised and dequantised again. */
static xi_value *quantized_source(const xi_node *n)
{
    const xi_node *d = xi_match_from(n->inputs[0], n->graph, "DequantizeLinear");
    const xi_node *q = d && d->input_count == 3
                           ? xi_match_from(d->inputs[0], n->graph, "DynamicQuantizeLinear")
                           : NULL;
    if (!q || d->inputs[1] != q->outputs[1] || d->inputs[2] != q->outputs[2] ||
        xi_node_int(d, "block_size", 0))
        return NULL;
    return q->inputs[0];
}

/* The DequantizeLinear of constant weights with one scale, or one for each column of the product.
 */
static const xi_node *quantized_weights(const xi_node *n, int32_t column_axis)
{
    const xi_node *d = xi_match_from(n->inputs[1], n->graph, "DequantizeLinear");
    if (!d || xi_node_input(d, 2) || xi_node_int(d, "block_size", 0)) return NULL;
    const xi_literal *w = d->inputs[0] ? d->inputs[0]->literal : NULL,
                     *s = d->inputs[1] ? d->inputs[1]->literal : NULL;
    if (!w || !s || w->shape.rank != 2 || s->dtype != XINF_FLOAT32 || s->shape.rank > 1)
        return NULL;
    if (w->dtype != XINF_INT8 && w->dtype != XINF_INT4) return NULL;
    int64_t axis = xi_node_int(d, "axis", 1);
    if (axis < 0) axis += 2;
    if (s->shape.rank == 1 && (axis != column_axis || s->shape.dim[0] != w->shape.dim[column_axis]))
        return NULL;
    return d;
}

static bool quantized_gemm_plain(const xi_node *n)
{
    return xi_node_float(n, "alpha", 1) == 1 &&
           (n->input_count < 3 || xi_node_float(n, "beta", 1) == 1) && !xi_node_int(n, "transA", 0);
}

static bool quantized_bias(const xi_value *b, int64_t columns)
{
    return b && b->literal && b->literal->dtype == XINF_FLOAT32 && b->literal->shape.rank == 1 &&
           b->literal->shape.dim[0] == columns;
}

static xinf_status quantized_product(xi_pass_context *c, xi_node *n)
{
    bool gemm = xi_match_is(n, "Gemm"), turned = gemm && xi_node_int(n, "transB", 0) != 0;
    if (!n->outputs[0] || (gemm && !quantized_gemm_plain(n))) return XINF_OK;
    xi_value *x = quantized_source(n), *bias = gemm ? xi_node_input(n, 2) : NULL;
    const xi_node *w = x ? quantized_weights(n, turned ? 0 : 1) : NULL;
    if (!w || (bias && !quantized_bias(bias, w->inputs[0]->literal->shape.dim[turned ? 0 : 1])))
        return XINF_OK;
    xi_node *m = xi_match_node(n, XI_STR("xinf"), "QuantizedMatMul", n->name,
                               (xi_value *[]){x, w->inputs[0], w->inputs[1], bias}, 4, 1, 1);
    if (!m) return xi_fail_memory(c->err, sizeof *m);
    if (turned) xi_node_set_int(m, "transB", 1);
    xi_match_take(m, 0, n->outputs[0]);
    xi_match_remove(n);
    c->changes++;
    return XINF_OK;
}

/* A constant of one number for each column, added to a product that has none yet. */
static xinf_status quantized_add(xi_pass_context *c, xi_node *n)
{
    for (int32_t i = 0; i < 2; i++) {
        xi_node *m = xi_match_from_own(n->inputs[i], n->graph, "QuantizedMatMul");
        if (!m || !xi_match_single(n->inputs[i]) || xi_node_input(m, 3) || !n->outputs[0]) continue;
        const xi_literal *w = m->inputs[1]->literal;
        bool turned = xi_node_int(m, "transB", 0) != 0;
        if (!w || !quantized_bias(n->inputs[1 - i], w->shape.dim[turned ? 0 : 1])) continue;
        xi_value *inputs[4] = {m->inputs[0], m->inputs[1], m->inputs[2], n->inputs[1 - i]};
        xi_node *both = xi_match_node(n, XI_STR("xinf"), "QuantizedMatMul", m->name, inputs, 4, 1,
                                      1);
        if (!both) return xi_fail_memory(c->err, sizeof *both);
        if (turned) xi_node_set_int(both, "transB", 1);
        xi_match_take(both, 0, n->outputs[0]);
        xi_match_remove(n);
        c->changes++;
        return XINF_OK;
    }
    return XINF_OK;
}

static xinf_status quantized_visit(xi_pass_context *c, xi_node *n)
{
    if (xi_match_is(n, "MatMul") || xi_match_is(n, "Gemm")) return quantized_product(c, n);
    return xi_match_is(n, "Add") && n->input_count == 2 ? quantized_add(c, n) : XINF_OK;
}

xinf_status xi_pass_quantized(xi_pass_context *c)
{
    return xi_match_each(c, quantized_visit);
}
