/* matmul.c — a matrix product takes in what follows it, one node at a time. */
#include "passes/matmul.h"

#include "passes/epilogue.h"

enum { MATMUL_A, MATMUL_B, MATMUL_BIAS, MATMUL_RESIDUAL, MATMUL_INPUTS };

/* One row that is added to every row of y. */
static bool matmul_is_row(const xi_value *bias, const xi_value *y)
{
    const xi_shape *b = &bias->type.shape, *s = &y->type.shape;
    if (b->rank < 1 || b->rank > s->rank || bias->type.dtype != y->type.dtype) return false;
    for (int32_t i = 0; i < b->rank - 1; i++)
        if (b->dim[i] != 1) return false;
    return b->dim[b->rank - 1] > 0 && b->dim[b->rank - 1] == s->dim[s->rank - 1];
}

static bool matmul_is_full(const xi_value *v, const xi_value *y)
{
    return v->type.dtype == y->type.dtype && xi_match_same_shape(v, y);
}

/* A Gemm whose C is a bias or a residual as FusedMatMul has them. */
static bool matmul_gemm_fits(const xi_node *n)
{
    const xi_value *bias = xi_node_input(n, 2);
    return !bias || (xi_node_float(n, "beta", 1) == 1 &&
                     (matmul_is_row(bias, n->outputs[0]) || matmul_is_full(bias, n->outputs[0])));
}

/* The product that gives v to one reader only and has no activation yet. */
static xi_node *matmul_of(const xi_value *v, const xi_graph *g)
{
    xi_node *n = xi_match_from(v, g, "MatMul");
    if (!n) n = xi_match_from(v, g, "Gemm");
    if (!n) n = xi_match_from_own(v, g, "FusedMatMul");
    if (!n || !xi_match_single(v) || !xi_match_fusable(v) || xi_epilogue_has(n) ||
        v->type.shape.rank < 2)
        return NULL;
    if (n->inputs[0]->type.shape.rank < 2 || n->inputs[1]->type.shape.rank < 2) return NULL;
    return xi_node_is(n, "Gemm") && !matmul_gemm_fits(n) ? NULL : n;
}

static bool matmul_attrs(xi_node *m, const xi_node *n)
{
    float alpha = xi_node_float(n, "alpha", 1);
    if (alpha != 1) xi_node_set_float(m, "alpha", alpha);
    if (xi_node_int(n, "transA", 0)) xi_node_set_int(m, "transA", 1);
    if (xi_node_int(n, "transB", 0)) xi_node_set_int(m, "transB", 1);
    return true;
}

static xinf_status matmul_fuse(xi_pass_context *c, xi_node *last, xi_node *n, int32_t index,
                               xi_value *input, const xi_epilogue *e)
{
    xi_value *inputs[MATMUL_INPUTS] = {NULL};
    for (int32_t i = 0; i < n->input_count; i++) inputs[i] = n->inputs[i];
    if (index >= 0) inputs[index] = input;
    xi_node *m = xi_match_node(last, XI_STR("xinf"), "FusedMatMul", n->name, inputs, MATMUL_INPUTS,
                               1, 5);
    if (!m || !matmul_attrs(m, n) || (e && !xi_epilogue_write(m, e)))
        return xi_fail_memory(c->err, sizeof *m);
    xi_match_take(m, 0, last->outputs[0]);
    xi_match_remove(last);
    c->changes++;
    return XINF_OK;
}

/* Where `v` may be added to the result of n; -1: nowhere. */
static int32_t matmul_place(const xi_node *n, const xi_value *v)
{
    const xi_value *y = n->outputs[0];
    if (matmul_is_row(v, y) && !xi_node_input(n, MATMUL_BIAS)) return MATMUL_BIAS;
    if (matmul_is_full(v, y) && !xi_node_input(n, MATMUL_RESIDUAL)) return MATMUL_RESIDUAL;
    return -1;
}

static xinf_status matmul_add(xi_pass_context *c, xi_node *n)
{
    for (int32_t i = 0; i < 2; i++) {
        xi_node *product = matmul_of(n->inputs[i], n->graph);
        xi_value *other = n->inputs[1 - i];
        if (!product || other == n->inputs[i]) continue;
        int32_t place = matmul_place(product, other);
        if (place >= 0) return matmul_fuse(c, n, product, place, other, NULL);
    }
    return XINF_OK;
}

static xinf_status matmul_node(xi_pass_context *c, xi_node *n)
{
    xi_epilogue e;
    if (!n->output_count || !n->outputs[0] || !n->input_count || !n->inputs[0]) return XINF_OK;
    if (xi_match_is(n, "Add")) return matmul_add(c, n);
    xi_node *product = matmul_of(n->inputs[0], n->graph);
    if (product && xi_epilogue_read(&e, n)) return matmul_fuse(c, n, product, -1, NULL, &e);
    return XINF_OK;
}

xinf_status xi_pass_matmul(xi_pass_context *c)
{
    return xi_match_each(c, matmul_node);
}
