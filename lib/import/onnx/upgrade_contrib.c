/* upgrade_contrib.c — operators of domain com.microsoft as standard nodes: elementwise, products, quantised arithmetic. */
#include "import/onnx/contrib.h"

#define CONTRIB_BEGIN(im, n) xi_contrib c = {.im = im, .node = n}

/* ---- activations ---- */

static xi_value *contrib_gelu(xi_contrib *c, xi_value *x, bool tanh)
{
    xi_node *g = xi_contrib_node(c, "Gelu", 1, 1, &x, 1);
    if (g && tanh) xi_node_set_string(g, "approximate", XI_STR("tanh"));
    return xi_contrib_value(c, g, 0);
}

/* Gelu(X), BiasGelu(A, B), FastGelu(X, bias): the last by its tanh form. */
static xinf_status contrib_gelu_family(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    xi_contrib_give(&c, 0, contrib_gelu(&c, xi_contrib_sum(&c, xi_contrib_in(&c, 0), xi_contrib_in(&c, 1)), xi_str_is(n->op_name, "FastGelu")));
    return xi_contrib_end(&c);
}

static xinf_status contrib_quick_gelu(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    xi_node *swish = xi_contrib_node(&c, "Swish", 1, 1, n->inputs, n->input_count);
    if (swish) xi_node_set_float(swish, "alpha", xi_node_float(n, "alpha", 1.702f));
    xi_contrib_give(&c, 0, xi_contrib_value(&c, swish, 0));
    return xi_contrib_end(&c);
}

/* The activation that fused operators name, with up to two parameters. NULL and a refusal when it is none of ours. */
static xi_value *contrib_activation(xi_contrib *c, xi_value *x, xi_str name, const float *params, int32_t count)
{
    static const struct contrib_activation_row {
        const char *name, *first, *second;
    } rows[] = {
        {"Relu", NULL, NULL},          {"Sigmoid", NULL, NULL},    {"Tanh", NULL, NULL},     {"LeakyRelu", "alpha", NULL},
        {"HardSigmoid", "alpha", "beta"}, {"Softplus", NULL, NULL}, {"Softsign", NULL, NULL}, {"Elu", "alpha", NULL},
        {"ThresholdedRelu", "alpha", NULL}, {"Gelu", NULL, NULL},
    };
    if (!name.len) return x;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!xi_str_is(name, rows[i].name)) continue;
        xi_node *m = xi_contrib_node(c, rows[i].name, 1, 2, &x, 1);
        if (m && rows[i].first && count > 0) xi_node_set_float(m, rows[i].first, params[0]);
        if (m && rows[i].second && count > 1) xi_node_set_float(m, rows[i].second, params[1]);
        return xi_contrib_value(c, m, 0);
    }
    if (!xi_str_is(name, "Clip")) return NULL;
    xi_value *inputs[] = {x, count > 0 ? xi_contrib_scalar(c, x, (double)params[0]) : NULL,
                          count > 1 ? xi_contrib_scalar(c, x, (double)params[1]) : NULL};
    return xi_contrib_value(c, xi_contrib_node(c, "Clip", 1, 0, inputs, 3), 0);
}

/* ---- products ---- */

/* The last two axes exchanged; with batch, the first to the place before the last: (B0, …, Bn, M) of onnxruntime's transBatch. */
static xi_value *contrib_turned(xi_contrib *c, xi_value *x, bool turn, bool batch)
{
    int64_t perm[XI_MAX_RANK];
    int32_t rank = x->type.shape.rank;
    if ((!turn && !batch) || rank < 2) return x;
    for (int32_t i = 0; i < rank; i++) perm[i] = i;
    if (batch) { /* [M, batch…, K] → [batch…, M, K] */
        for (int32_t i = 0; i + 2 < rank; i++) perm[i] = i + 1;
        perm[rank - 2] = 0;
    }
    if (turn) {
        int64_t last = perm[rank - 1];
        perm[rank - 1] = perm[rank - 2];
        perm[rank - 2] = last;
    }
    return xi_contrib_transpose(c, x, perm, rank);
}

static xinf_status contrib_fused_matmul(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    xi_value *a = xi_contrib_in(&c, 0), *b = xi_contrib_in(&c, 1);
    bool turn_a = xi_node_int(n, "transA", 0) != 0, turn_b = xi_node_int(n, "transB", 0) != 0;
    bool batch_a = xi_node_int(n, "transBatchA", 0) != 0, batch_b = xi_node_int(n, "transBatchB", 0) != 0;
    float alpha = xi_node_float(n, "alpha", 1);
    if (!a || !b) return XINF_OK;
    if (((turn_a || batch_a) && a->type.shape.rank < 0) || ((turn_b || batch_b) && b->type.shape.rank < 0))
        return xi_contrib_refuse(&c, "the rank of what it transposes is not known");
    xi_value *y = xi_contrib_op(&c, "MatMul", contrib_turned(&c, a, turn_a, batch_a), contrib_turned(&c, b, turn_b, batch_b));
    if (alpha != 1) y = xi_contrib_op(&c, "Mul", y, xi_contrib_scalar(&c, a, (double)alpha));
    xi_contrib_give(&c, 0, y);
    return xi_contrib_end(&c);
}

/* Gemm and Conv with an activation; Conv may add a fourth input before it. */
static xinf_status contrib_fused_gemm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    xi_str activation = xi_node_string(n, "activation", "");
    float params[2] = {xi_node_float(n, "activation_alpha", 0), xi_node_float(n, "activation_beta", 0)};
    int32_t count = xi_node_has(n, "activation_beta") ? 2 : xi_node_has(n, "activation_alpha") ? 1 : 0;
    xi_node *gemm = xi_contrib_node(&c, "Gemm", 1, 4, n->inputs, n->input_count);
    if (gemm) {
        xi_node_set_float(gemm, "alpha", xi_node_float(n, "alpha", 1));
        xi_node_set_float(gemm, "beta", xi_node_float(n, "beta", 1));
        xi_node_set_int(gemm, "transA", xi_node_int(n, "transA", 0));
        xi_node_set_int(gemm, "transB", xi_node_int(n, "transB", 0));
    }
    xi_value *y = contrib_activation(&c, xi_contrib_value(&c, gemm, 0), activation, params, count);
    if (!y && !c.failed) return xi_contrib_refuse(&c, "its activation is not supported");
    xi_contrib_give(&c, 0, y);
    return xi_contrib_end(&c);
}

/* Copies attributes that both operators have. */
static void contrib_keep(const xi_node *from, xi_node *to, const char *const *names)
{
    for (; to && *names; names++) {
        const xi_attr *a = xi_node_attr(from, *names);
        if (a && to->attr_count < to->attr_capacity) to->attrs[to->attr_count++] = *a;
    }
}

static xinf_status contrib_fused_conv(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const char *const kept[] = {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides", NULL};
    static const int64_t to_nchw[] = {0, 3, 1, 2}, to_nhwc[] = {0, 2, 3, 1};
    CONTRIB_BEGIN(im, n);
    const float *params;
    int32_t count = xi_node_floats(n, "activation_params", &params);
    bool nhwc = xi_str_is(n->op_name, "NhwcFusedConv");
    xi_value *x = xi_contrib_in(&c, 0), *w = xi_contrib_in(&c, 1), *z = xi_contrib_in(&c, 3);
    if (!x || !w) return XINF_OK;
    if (nhwc) x = xi_contrib_transpose(&c, x, to_nchw, 4);
    xi_node *conv = xi_contrib_node(&c, "Conv", 1, 6, (xi_value *[]){x, w, xi_contrib_in(&c, 2)}, 3);
    contrib_keep(n, conv, kept);
    xi_value *y = xi_contrib_value(&c, conv, 0);
    if (z) y = xi_contrib_op(&c, "Add", y, nhwc ? xi_contrib_transpose(&c, z, to_nchw, 4) : z);
    y = contrib_activation(&c, y, xi_node_string(n, "activation", ""), params, count);
    if (!y && !c.failed) return xi_contrib_refuse(&c, "its activation is not supported");
    xi_contrib_give(&c, 0, nhwc ? xi_contrib_transpose(&c, y, to_nhwc, 4) : y);
    return xi_contrib_end(&c);
}

static xinf_status contrib_nhwc_conv(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const char *const kept[] = {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides", NULL};
    static const int64_t to_nchw[] = {0, 3, 1, 2}, to_nhwc[] = {0, 2, 3, 1};
    CONTRIB_BEGIN(im, n);
    xi_value *x = xi_contrib_in(&c, 0), *w = xi_contrib_in(&c, 1);
    if (!x || !w) return XINF_OK;
    xi_value *inputs[] = {xi_contrib_transpose(&c, x, to_nchw, 4), xi_contrib_transpose(&c, w, to_nchw, 4), xi_contrib_in(&c, 2)};
    xi_node *conv = xi_contrib_node(&c, "Conv", 1, 6, inputs, 3);
    contrib_keep(n, conv, kept);
    xi_contrib_give(&c, 0, xi_contrib_transpose(&c, xi_contrib_value(&c, conv, 0), to_nhwc, 4));
    return xi_contrib_end(&c);
}

/* MatMulNBits: B is [N][blocks][bytes] of packed unsigned integers; it becomes a constant [N, K] of that many bits behind DequantizeLinear. */
static xi_value *contrib_nbits_weight(xi_contrib *c, int64_t rows, int64_t k, int64_t bits, int64_t block)
{
    const xi_value *b = xi_contrib_in(c, 1), *z = xi_contrib_in(c, 3);
    xi_graph *g = c->node->graph;
    xinf_dtype dtype = bits == 4 ? XINF_UINT4 : bits == 2 ? XINF_UINT2 : XINF_UINT8;
    int64_t blocks = (k + block - 1) / block, per = 8 / bits, blob = block / per, zero_row = (blocks + per - 1) / per;
    xi_shape shape = xi_shape_of(2, (int64_t[]){rows, k}), zeros = xi_shape_of(2, (int64_t[]){rows, blocks});
    uint8_t *q = xi_arena_alloc(g->arena, (size_t)(rows * k)), *zp = xi_arena_alloc(g->arena, (size_t)(rows * blocks));
    if (!q || !zp) {
        c->failed = true;
        return NULL;
    }
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < k; i++) {
            uint8_t byte = ((const uint8_t *)b->literal->data)[(r * blocks + i / block) * blob + i % block / per];
            q[r * k + i] = (uint8_t)(byte >> (i % per * bits) & ((1 << bits) - 1));
        }
        for (int64_t i = 0; i < blocks; i++) {
            uint8_t byte = z ? ((const uint8_t *)z->literal->data)[r * zero_row + i / per] : 0;
            zp[r * blocks + i] = z ? (uint8_t)(byte >> (i % per * bits) & ((1 << bits) - 1)) : (uint8_t)(1 << (bits - 1));
        }
    }
    const xi_literal *ql = xi_graph_literal(g, dtype, &shape, q), *zl = xi_graph_literal(g, dtype, &zeros, zp);
    xi_value *qv = ql ? xi_graph_add_constant(g, XI_STR(""), ql) : NULL, *zv = zl ? xi_graph_add_constant(g, XI_STR(""), zl) : NULL;
    if (!qv || !zv) c->failed = true;
    xi_value *scales = xi_contrib_reshape(c, xi_contrib_in(c, 2), (int64_t[]){rows, blocks}, 2);
    xi_node *d = xi_contrib_node(c, "DequantizeLinear", 1, 2, (xi_value *[]){qv, scales, zv}, 3);
    if (d) {
        xi_node_set_int(d, "axis", 1);
        xi_node_set_int(d, "block_size", block);
    }
    return xi_contrib_value(c, d, 0);
}

static bool contrib_nbits_holds(const xi_value *v, int64_t bytes)
{
    return v && v->literal && v->literal->dtype == XINF_UINT8 && v->literal->count == bytes;
}

static xinf_status contrib_matmul_nbits(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    static const int64_t turn[] = {1, 0};
    int64_t k = xi_node_int(n, "K", 0), rows = xi_node_int(n, "N", 0), bits = xi_node_int(n, "bits", 4), block = xi_node_int(n, "block_size", 0);
    xi_value *x = xi_contrib_in(&c, 0), *z = xi_contrib_in(&c, 3), *bias = xi_contrib_in(&c, 5);
    const int64_t most = 1 << 24;
    if ((bits != 2 && bits != 4 && bits != 8) || block < 16 || block > 4096 || (block & (block - 1)) || k < 1 || rows < 1 || k > most || rows > most)
        return xi_contrib_refuse(&c, "its bits, block_size, N or K are out of range");
    int64_t blocks = (k + block - 1) / block, per = 8 / bits;
    if (!x || !contrib_nbits_holds(xi_contrib_in(&c, 1), rows * blocks * (block / per)) || !xi_contrib_in(&c, 2) ||
        (z && !contrib_nbits_holds(z, rows * ((blocks + per - 1) / per))))
        return xi_contrib_refuse(&c, "its weights or zero points are not constants of the size that N, K and block_size say");
    if (xi_contrib_in(&c, 4)) return xi_contrib_refuse(&c, "group indices are not supported");
    xi_value *w = contrib_nbits_weight(&c, rows, k, bits, block);
    xi_value *y = xi_contrib_op(&c, "MatMul", x, xi_contrib_transpose(&c, w, turn, 2));
    xi_contrib_give(&c, 0, xi_contrib_sum(&c, y, bias));
    return xi_contrib_end(&c);
}

/* ---- quantised arithmetic: the float operator between DequantizeLinear and QuantizeLinear ---- */

static xi_value *contrib_float(xi_contrib *c, int32_t x)
{
    xi_value *inputs[] = {xi_contrib_in(c, x), xi_contrib_in(c, x + 1), xi_contrib_in(c, x + 2)};
    return xi_contrib_value(c, xi_contrib_node(c, "DequantizeLinear", 1, 0, inputs, 3), 0);
}

static xinf_status contrib_quantized(xi_contrib *c, xi_value *y, int32_t scale)
{
    xi_value *inputs[] = {y, xi_contrib_in(c, scale), xi_contrib_in(c, scale + 1)};
    const xi_value *x = xi_contrib_in(c, 0);
    xi_node *q = xi_contrib_node(c, "QuantizeLinear", 1, 1, inputs, 3);
    if (q && !inputs[2] && x) xi_node_set_int(q, "output_dtype", x->type.dtype);
    xi_contrib_give(c, 0, xi_contrib_value(c, q, 0));
    return xi_contrib_end(c);
}

/* QLinearAdd, QLinearMul: A, its scale, its zero point, B …, C's scale, C's zero point. */
static xinf_status contrib_qlinear_binary(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    const char *op = xi_str_is(n->op_name, "QLinearAdd") ? "Add" : "Mul";
    return contrib_quantized(&c, xi_contrib_op(&c, op, contrib_float(&c, 0), contrib_float(&c, 3)), 6);
}

static xinf_status contrib_qlinear_unary(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    bool leaky = xi_str_is(n->op_name, "QLinearLeakyRelu");
    xi_value *x = contrib_float(&c, 0);
    xi_node *m = xi_contrib_node(&c, leaky ? "LeakyRelu" : "Sigmoid", 1, 1, &x, 1);
    if (m && leaky) xi_node_set_float(m, "alpha", xi_node_float(n, "alpha", 0.01f));
    return contrib_quantized(&c, xi_contrib_value(&c, m, 0), 3);
}

/* Before operator set 13 a Softmax was over all axes from `axis` on. */
static xinf_status contrib_qlinear_softmax(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    bool flat = xi_node_int(n, "opset", 13) < 13;
    int64_t axis = xi_node_int(n, "axis", -1);
    xi_value *x = contrib_float(&c, 0), *shape = NULL;
    if (flat) {
        shape = xi_contrib_op(&c, "Shape", x, NULL);
        xi_node *f = xi_contrib_node(&c, "Flatten", 1, 1, &x, 1);
        if (f) xi_node_set_int(f, "axis", axis);
        x = xi_contrib_value(&c, f, 0);
    }
    xi_node *s = xi_contrib_node(&c, "Softmax", 1, 1, &x, 1);
    if (s) xi_node_set_int(s, "axis", flat ? -1 : axis);
    xi_value *y = xi_contrib_value(&c, s, 0);
    return contrib_quantized(&c, flat ? xi_contrib_op(&c, "Reshape", y, shape) : y, 3);
}

/* QLinearConcat: Y's scale and zero point, then tensor, scale, zero point for each part. */
static xinf_status contrib_qlinear_concat(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    enum { MOST = 256 };
    xi_value *parts[MOST];
    int32_t count = (n->input_count - 2) / 3;
    if (count < 1 || count > MOST || n->input_count != 2 + 3 * count) return xi_contrib_refuse(&c, "its inputs do not come in threes");
    for (int32_t i = 0; i < count; i++) parts[i] = contrib_float(&c, 2 + 3 * i);
    xi_node *m = xi_contrib_node(&c, "Concat", 1, 1, parts, count);
    if (m) xi_node_set_int(m, "axis", xi_node_int(n, "axis", 0));
    xi_value *inputs[] = {xi_contrib_value(&c, m, 0), xi_contrib_in(&c, 0), xi_contrib_in(&c, 1)};
    xi_contrib_give(&c, 0, xi_contrib_value(&c, xi_contrib_node(&c, "QuantizeLinear", 1, 0, inputs, 3), 0));
    return xi_contrib_end(&c);
}

/* QLinearAveragePool and QLinearGlobalAveragePool; channels_last turns the tensor around the pool. */
static xinf_status contrib_qlinear_pool(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const char *const kept[] = {"auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides", NULL};
    CONTRIB_BEGIN(im, n);
    bool global = xi_str_is(n->op_name, "QLinearGlobalAveragePool"), last = xi_node_int(n, "channels_last", 0) != 0;
    xi_value *x = contrib_float(&c, 0);
    int32_t rank = x ? x->type.shape.rank : -1;
    int64_t first[XI_MAX_RANK], back[XI_MAX_RANK];
    if (last && rank < 3 && !c.failed) return xi_contrib_refuse(&c, "channels_last with an unknown rank is not supported");
    for (int32_t i = 0; last && i < rank; i++) {
        first[i] = i == 0 ? 0 : i == 1 ? rank - 1 : i - 1;
        back[i] = i == 0 ? 0 : i == rank - 1 ? 1 : i + 1;
    }
    if (last) x = xi_contrib_transpose(&c, x, first, rank);
    xi_node *m = xi_contrib_node(&c, global ? "GlobalAveragePool" : "AveragePool", 1, 6, &x, 1);
    if (!global) contrib_keep(n, m, kept);
    xi_value *y = xi_contrib_value(&c, m, 0);
    return contrib_quantized(&c, last ? xi_contrib_transpose(&c, y, back, rank) : y, 3);
}

/* QGemm: A, B with scales and zero points, C int32 in units of alpha · scale A · scale B; the result quantised, or float without Y's scale. */
static xinf_status contrib_qgemm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    static const int64_t by_column[] = {-1};
    float alpha = xi_node_float(n, "alpha", 1);
    bool turn_b = xi_node_int(n, "transB", 0) != 0;
    xi_value *b_inputs[] = {xi_contrib_in(&c, 3), xi_contrib_in(&c, 4), xi_contrib_in(&c, 5)}, *bias = xi_contrib_in(&c, 6);
    xi_node *b = xi_contrib_node(&c, "DequantizeLinear", 1, 1, b_inputs, 3);
    if (b) xi_node_set_int(b, "axis", turn_b ? 0 : 1);
    xi_value *a = contrib_float(&c, 0), *scale = xi_contrib_op(&c, "Mul", xi_contrib_in(&c, 1), xi_contrib_in(&c, 4));
    if (scale && alpha != 1) scale = xi_contrib_op(&c, "Mul", scale, xi_contrib_scalar(&c, scale, (double)alpha));
    if (bias) bias = xi_contrib_op(&c, "Mul", xi_contrib_cast(&c, bias, XINF_FLOAT32), xi_contrib_reshape(&c, scale, by_column, 1));
    xi_node *gemm = xi_contrib_node(&c, "Gemm", 1, 3, (xi_value *[]){a, xi_contrib_value(&c, b, 0), bias}, 3);
    if (gemm) {
        xi_node_set_float(gemm, "alpha", alpha);
        xi_node_set_int(gemm, "transA", xi_node_int(n, "transA", 0));
        xi_node_set_int(gemm, "transB", turn_b);
    }
    xi_value *y = xi_contrib_value(&c, gemm, 0);
    if (xi_contrib_in(&c, 7)) return contrib_quantized(&c, y, 7);
    xi_contrib_give(&c, 0, y);
    return xi_contrib_end(&c);
}

/* MatMulIntegerToFloat: A, B, scale A, scale B, zero A, zero B, bias. */
static xinf_status contrib_matmul_integer(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    xi_value *inputs[] = {xi_contrib_in(&c, 0), xi_contrib_in(&c, 1), xi_contrib_in(&c, 4), xi_contrib_in(&c, 5)};
    xi_value *product = xi_contrib_value(&c, xi_contrib_node(&c, "MatMulInteger", 1, 0, inputs, 4), 0);
    xi_value *scale = xi_contrib_op(&c, "Mul", xi_contrib_in(&c, 2), xi_contrib_in(&c, 3));
    xi_value *y = xi_contrib_op(&c, "Mul", xi_contrib_cast(&c, product, XINF_FLOAT32), scale);
    xi_contrib_give(&c, 0, xi_contrib_sum(&c, y, xi_contrib_in(&c, 6)));
    return xi_contrib_end(&c);
}

/* DynamicQuantizeMatMul: A float, B, scale B, zero B, bias. */
static xinf_status contrib_dynamic_matmul(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    CONTRIB_BEGIN(im, n);
    xi_value *a = xi_contrib_in(&c, 0);
    xi_node *q = xi_contrib_node(&c, "DynamicQuantizeLinear", 3, 0, &a, 1);
    xi_value *qa = xi_contrib_value(&c, q, 0), *sa = xi_contrib_value(&c, q, 1), *za = xi_contrib_value(&c, q, 2);
    xi_value *inputs[] = {qa, xi_contrib_in(&c, 1), za, xi_contrib_in(&c, 3)};
    xi_value *product = xi_contrib_value(&c, xi_contrib_node(&c, "MatMulInteger", 1, 0, inputs, 4), 0);
    xi_value *y = xi_contrib_op(&c, "Mul", xi_contrib_cast(&c, product, XINF_FLOAT32), xi_contrib_op(&c, "Mul", sa, xi_contrib_in(&c, 2)));
    xi_contrib_give(&c, 0, xi_contrib_sum(&c, y, xi_contrib_in(&c, 4)));
    return xi_contrib_end(&c);
}

/* The same as in the default domain, with more types. */
static xinf_status contrib_same(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_onnx_up_rename(n, xi_str_is(n->op_name, "QuantizeLinear") ? "QuantizeLinear" : "DequantizeLinear");
    return XINF_OK;
}

#undef CONTRIB_BEGIN

/* Version 0: some files use the domain without importing it. */
const xi_onnx_upgrade_row xi_onnx_upgrade_contrib[] = {
    {"Gelu", 0, INT32_MAX, contrib_gelu_family},
    {"BiasGelu", 0, INT32_MAX, contrib_gelu_family},
    {"FastGelu", 0, INT32_MAX, contrib_gelu_family},
    {"QuickGelu", 0, INT32_MAX, contrib_quick_gelu},
    {"FusedMatMul", 0, INT32_MAX, contrib_fused_matmul},
    {"TransposeMatMul", 0, INT32_MAX, contrib_fused_matmul},
    {"FusedGemm", 0, INT32_MAX, contrib_fused_gemm},
    {"FusedConv", 0, INT32_MAX, contrib_fused_conv},
    {"NhwcFusedConv", 0, INT32_MAX, contrib_fused_conv},
    {"NhwcConv", 0, INT32_MAX, contrib_nhwc_conv},
    {"MatMulNBits", 0, INT32_MAX, contrib_matmul_nbits},
    {"QLinearAdd", 0, INT32_MAX, contrib_qlinear_binary},
    {"QLinearMul", 0, INT32_MAX, contrib_qlinear_binary},
    {"QLinearSigmoid", 0, INT32_MAX, contrib_qlinear_unary},
    {"QLinearLeakyRelu", 0, INT32_MAX, contrib_qlinear_unary},
    {"QLinearSoftmax", 0, INT32_MAX, contrib_qlinear_softmax},
    {"QLinearConcat", 0, INT32_MAX, contrib_qlinear_concat},
    {"QLinearAveragePool", 0, INT32_MAX, contrib_qlinear_pool},
    {"QLinearGlobalAveragePool", 0, INT32_MAX, contrib_qlinear_pool},
    {"QGemm", 0, INT32_MAX, contrib_qgemm},
    {"MatMulIntegerToFloat", 0, INT32_MAX, contrib_matmul_integer},
    {"DynamicQuantizeMatMul", 0, INT32_MAX, contrib_dynamic_matmul},
    {"QuantizeLinear", 0, INT32_MAX, contrib_same},
    {"DequantizeLinear", 0, INT32_MAX, contrib_same},
    {NULL, 0, 0, NULL},
};
