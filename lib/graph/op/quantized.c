/* quantized.c — operators of domain xinf that compute with integers: x is brought to 8 bits in each
 * run, weights are constants of up to 8. */
#include "graph/op.h"
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_quantized[];

static const xi_attr_rule quantized_matmul_attrs[] = {{"transB", XI_ATTR_INT, false}, {NULL}};

/* x [..., K], weights [K, N] (transB: [N, K]), scales [] or [N], bias [N] → [..., N] */
static xinf_status quantized_matmul_infer(xi_infer *c)
{
    xinf_status status;
    const xi_type *x = xi_infer_in(c, 0), *w = xi_infer_in(c, 1), *s = xi_infer_in(c, 2),
                  *b = xi_infer_in(c, 3);
    bool turned = xi_node_int(c->node, "transB", 0) != 0;
    xi_shape out = x->shape;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPE_BIT(XINF_FLOAT32)));
    XI_TRY(xi_infer_among(c, 1, XI_DTYPE_BIT(XINF_INT8) | XI_DTYPE_BIT(XINF_INT4)));
    XI_TRY(xi_infer_among(c, 2, XI_DTYPE_BIT(XINF_FLOAT32)));
    XI_TRY(xi_infer_among(c, 3, XI_DTYPE_BIT(XINF_FLOAT32)));
    if (w->shape.rank >= 0 && w->shape.rank != 2)
        return xi_infer_fail(c, "weights have %d axes, not 2", (int)w->shape.rank);
    if (out.rank == 0) return xi_infer_fail(c, "a scalar has no axis to sum");
    if (w->shape.rank == 2) {
        int64_t k = w->shape.dim[turned ? 1 : 0], n = w->shape.dim[turned ? 0 : 1];
        int64_t have = out.rank > 0 ? out.dim[out.rank - 1] : XI_DIM_UNKNOWN;
        if (have >= 0 && k >= 0 && have != k)
            return xi_infer_fail(c, "%lld numbers meet %lld weights", (long long)have,
                                 (long long)k);
        if (out.rank > 0) out.dim[out.rank - 1] = n;
        for (int32_t i = 0; i < 2; i++) {
            const xi_type *t = i ? b : s;
            if (!t || t->shape.rank < 0 || (!i && t->shape.rank == 0)) continue;
            if (t->shape.rank != 1 || (t->shape.dim[0] >= 0 && n >= 0 && t->shape.dim[0] != n))
                return xi_infer_fail(
                    c, "scales and bias must have one number for each of %lld columns",
                    (long long)n);
        }
    }
    xi_infer_set(c, 0, XINF_FLOAT32, &out);
cleanup:
    return status;
}

/* A node before n, with its first output. */
static xi_node *quantized_node(xi_node *n, const char *op, int32_t outputs, int32_t attrs,
                               xi_value *const *in, int32_t count)
{
    xi_node *m = xi_graph_add_node(n->graph, n, XI_STR(""), xi_str_of(op), XI_STR(""), count,
                                   outputs, attrs);
    if (!m) return NULL;
    for (int32_t i = 0; i < count; i++) m->inputs[i] = in[i];
    for (int32_t i = 0; i < outputs; i++)
        if (!xi_node_new_output(m, i)) return NULL;
    return m;
}

/* DynamicQuantizeLinear, DequantizeLinear of both sides, MatMul, Add. */
static xinf_status quantized_matmul_expand(xi_node *n, xinf_error *err)
{
    static const int64_t turn[] = {1, 0};
    bool turned = xi_node_int(n, "transB", 0) != 0;
    xi_value *bias = xi_node_input(n, 3);
    xi_node *q = quantized_node(n, "DynamicQuantizeLinear", 3, 0, n->inputs, 1);
    xi_node *x = q ? quantized_node(n, "DequantizeLinear", 1, 0, q->outputs, 3) : NULL;
    xi_node *w = x ? quantized_node(n, "DequantizeLinear", 1, 1, n->inputs + 1, 2) : NULL;
    if (w) xi_node_set_int(w, "axis", turned ? 0 : 1);
    xi_node *t = w && turned ? quantized_node(n, "Transpose", 1, 1, w->outputs, 1) : w;
    if (t && turned && !xi_node_set_ints(t, "perm", turn, 2)) t = NULL;
    xi_node *y = t ? quantized_node(n, "MatMul", 1, 0, (xi_value *[]){x->outputs[0], t->outputs[0]},
                                    2)
                   : NULL;
    if (y && bias) y = quantized_node(n, "Add", 1, 0, (xi_value *[]){y->outputs[0], bias}, 2);
    if (!y) return xi_fail_memory(err, sizeof *y);
    xi_node_set_output(y, 0, n->outputs[0]);
    xi_node_remove(n);
    return XINF_OK;
}

const xi_op xi_ops_quantized[] = {
    {.domain = "xinf",
     .name = "QuantizedMatMul",
     .min_inputs = 3,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = quantized_matmul_attrs,
     .infer = quantized_matmul_infer,
     .tolerance = 0,
     .expand = quantized_matmul_expand},
    {0},
};
