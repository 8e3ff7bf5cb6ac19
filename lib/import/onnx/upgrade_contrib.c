/* upgrade_contrib.c — com.microsoft: activations, products and what has a standard operator of the
 * same meaning. */
#include "import/onnx/formula.h"

/* ---- activations ---- */

static xinf_status contrib_gelu(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_value *x = xi_formula_plus(&f, xi_formula_in(&f, 0), xi_formula_in(&f, 1));
    if (xi_str_is(n->op_name, "FastGelu")) xi_formula_string(&f, "approximate", "tanh");
    xi_formula_give(&f, 0, XI_PUT(&f, "Gelu", x));
    return xi_formula_end(&f);
}

static xinf_status contrib_quick_gelu(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_formula_float(&f, "alpha", xi_node_float(n, "alpha", 1.702f));
    xi_formula_give(&f, 0, XI_PUT(&f, "Swish", xi_formula_in(&f, 0)));
    return xi_formula_end(&f);
}

/* X + bias in two halves: the first times Gelu of the second. */
static xinf_status contrib_split_gelu(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_value *x = xi_formula_plus(&f, xi_formula_in(&f, 0), xi_formula_in(&f, 1));
    xi_formula_int(&f, "axis", -1);
    xi_formula_int(&f, "num_outputs", 2);
    xi_node *halves = XI_PUT_NODE(&f, "Split", 2, x);
    xi_value *gate = XI_PUT(&f, "Gelu", xi_formula_output(&f, halves, 1));
    xi_formula_give(&f, 0, XI_PUT(&f, "Mul", xi_formula_output(&f, halves, 0), gate));
    return xi_formula_end(&f);
}

/* The activation that a fused operator names, with its parameters; NULL and *known false when there
 * is no such. */
static xi_value *contrib_activate(xi_formula *f, xi_value *x, xi_str name, const float *params,
                                  int32_t count, bool *known)
{
    static const struct {
        const char *name, *first, *second;
    } with[] = {{"LeakyRelu", "alpha", NULL},
                {"Elu", "alpha", NULL},
                {"ThresholdedRelu", "alpha", NULL},
                {"HardSigmoid", "alpha", "beta"},
                {"Relu", NULL, NULL},
                {"Sigmoid", NULL, NULL},
                {"Tanh", NULL, NULL},
                {"Softplus", NULL, NULL},
                {"Softsign", NULL, NULL},
                {"Gelu", NULL, NULL},
                {"HardSwish", NULL, NULL}};
    *known = true;
    if (name.len == 0) return x;
    if (xi_str_is(name, "Clip") && count == 2) {
        xi_value *low = xi_formula_scalar(f, x, (double)params[0]),
                 *high = xi_formula_scalar(f, x, (double)params[1]);
        return XI_PUT(f, "Clip", x, low, high);
    }
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        if (!xi_str_is(name, with[i].name)) continue;
        if (with[i].first && count > 0) xi_formula_float(f, with[i].first, params[0]);
        if (with[i].second && count > 1) xi_formula_float(f, with[i].second, params[1]);
        return XI_PUT(f, with[i].name, x);
    }
    *known = false;
    return NULL;
}

static xinf_status contrib_fused_gemm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    float params[2] = {xi_node_float(n, "activation_alpha", 0),
                       xi_node_float(n, "activation_beta", 0)};
    int32_t count = xi_node_has(n, "activation_beta")    ? 2
                    : xi_node_has(n, "activation_alpha") ? 1
                                                         : 0;
    bool known;
    static const char *const kept[] = {"alpha", "beta", "transA", "transB"};
    for (int32_t i = 0; i < 4; i++) xi_formula_pass(&f, kept[i]);
    xi_value *y = XI_PUT(&f, "Gemm", xi_formula_in(&f, 0), xi_formula_in(&f, 1),
                         xi_formula_in(&f, 2));
    y = contrib_activate(&f, y, xi_node_string(n, "activation", ""), params, count, &known);
    if (!known) return xi_formula_refuse(n, "its activation is not supported");
    xi_formula_give(&f, 0, y);
    return xi_formula_end(&f);
}

static void contrib_window(xi_formula *f)
{
    static const char *const kept[] = {"auto_pad",     "dilations", "group",
                                       "kernel_shape", "pads",      "strides"};
    for (int32_t i = 0; i < 6; i++) xi_formula_pass(f, kept[i]);
}

static xinf_status contrib_fused_conv(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    const float *params;
    int32_t count = xi_node_floats(n, "activation_params", &params), rank = xi_onnx_up_rank(n, 0);
    bool known, last = xi_str_is(n->op_name, "NhwcFusedConv");
    xi_value *x = xi_formula_in(&f, 0), *z = xi_formula_in(&f, 3);
    if (last && rank < 3)
        return xi_formula_refuse(n, "channels in the last axis need an input of known rank");
    if (last) x = xi_formula_layout(&f, x, rank, true);
    if (last && z) z = xi_formula_layout(&f, z, rank, true);
    contrib_window(&f);
    xi_value *y = XI_PUT(&f, "Conv", x, xi_formula_in(&f, 1), xi_formula_in(&f, 2));
    y = contrib_activate(&f, xi_formula_plus(&f, y, z), xi_node_string(n, "activation", ""), params,
                         count, &known);
    if (!known) return xi_formula_refuse(n, "its activation is not supported");
    xi_formula_give(&f, 0, last ? xi_formula_layout(&f, y, rank, false) : y);
    return xi_formula_end(&f);
}

/* ---- products ---- */

/* trans: the last two axes change places. batch: axis 0 stands for the rows, the axes after it are
 * the batch. */
static xi_value *contrib_operand(xi_formula *f, xi_value *x, bool trans, bool batch, bool *ranked)
{
    int64_t perm[XI_MAX_RANK];
    int32_t rank = x ? x->type.shape.rank : -1;
    if (!trans && !batch) return x;
    if (rank < 0) *ranked = false;
    if (rank < 2) return x;
    for (int32_t i = 0; i < rank; i++) perm[i] = i;
    if (batch) {
        for (int32_t i = 0; i < rank - 2; i++) perm[i] = i + 1;
        perm[rank - 2] = 0;
    }
    if (trans) {
        int64_t last = perm[rank - 1];
        perm[rank - 1] = perm[rank - 2];
        perm[rank - 2] = last;
    }
    return xi_formula_transpose(f, x, perm, rank);
}

static xinf_status contrib_matmul(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    bool ranked = true;
    float alpha = xi_node_float(n, "alpha", 1);
    xi_value *a = contrib_operand(&f, xi_formula_in(&f, 0), xi_node_int(n, "transA", 0) != 0,
                                  xi_node_int(n, "transBatchA", 0) != 0, &ranked);
    xi_value *b = contrib_operand(&f, xi_formula_in(&f, 1), xi_node_int(n, "transB", 0) != 0,
                                  xi_node_int(n, "transBatchB", 0) != 0, &ranked);
    if (!ranked)
        return xi_formula_refuse(n, "transposed operands of unknown rank are not supported");
    xi_value *y = XI_PUT(&f, "MatMul", a, b);
    xi_formula_give(&f, 0,
                    alpha == 1 ? y : XI_PUT(&f, "Mul", y, xi_formula_scalar(&f, y, (double)alpha)));
    return xi_formula_end(&f);
}

static xinf_status contrib_matmul_int16(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_value *a = xi_formula_cast(&f, xi_formula_in(&f, 0), XINF_INT32),
             *b = xi_formula_cast(&f, xi_formula_in(&f, 1), XINF_INT32);
    xi_formula_give(&f, 0, XI_PUT(&f, "MatMul", a, b));
    return xi_formula_end(&f);
}

/* ---- channels in the last axis ---- */

static xinf_status contrib_nhwc(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    bool conv = xi_str_is(n->op_name, "NhwcConv");
    int32_t rank = xi_onnx_up_rank(n, 0);
    if (rank < 3)
        return xi_formula_refuse(n, "channels in the last axis need an input of known rank");
    xi_value *x = xi_formula_layout(&f, xi_formula_in(&f, 0), rank, true),
             *w = xi_formula_in(&f, 1);
    if (conv && xi_onnx_up_rank(n, 1) != rank)
        return xi_formula_refuse(n, "its weight's rank is not its input's");
    if (conv) w = xi_formula_layout(&f, w, rank, true);
    contrib_window(&f);
    if (!conv) xi_formula_pass(&f, "ceil_mode");
    x = conv ? XI_PUT(&f, "Conv", x, w, xi_formula_in(&f, 2)) : XI_PUT(&f, "MaxPool", x);
    xi_formula_give(&f, 0, xi_formula_layout(&f, x, rank, false));
    return xi_formula_end(&f);
}

/* ---- the same under another name ---- */

static xinf_status contrib_same(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_onnx_up_rename(n, xi_str_is(n->op_name, "GatherND") ? "GatherND"
                         : xi_str_is(n->op_name, "Trilu")  ? "Trilu"
                                                           : "Range");
    return XINF_OK;
}

static xinf_status contrib_expand_dims(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_value *axis = xi_formula_cast(&f, xi_formula_in(&f, 1), XINF_INT64);
    xi_formula_give(
        &f, 0,
        XI_PUT(&f, "Unsqueeze", xi_formula_in(&f, 0), XI_PUT(&f, "Reshape", axis, XI_LIST(&f, 1))));
    return xi_formula_end(&f);
}

static xinf_status contrib_bias_add(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_value *x = XI_PUT(&f, "Add", xi_formula_in(&f, 0), xi_formula_in(&f, 1));
    xi_formula_give(&f, 0, XI_PUT(&f, "Add", x, xi_formula_in(&f, 2)));
    return xi_formula_end(&f);
}

const xi_onnx_upgrade_row xi_onnx_upgrade_contrib[] = {
    {"Gelu", 1, 1, contrib_gelu},
    {"BiasGelu", 1, 1, contrib_gelu},
    {"FastGelu", 1, 1, contrib_gelu},
    {"QuickGelu", 1, 1, contrib_quick_gelu},
    {"BiasSplitGelu", 1, 1, contrib_split_gelu},
    {"FusedGemm", 1, 1, contrib_fused_gemm},
    {"FusedConv", 1, 1, contrib_fused_conv},
    {"NhwcFusedConv", 1, 1, contrib_fused_conv},
    {"FusedMatMul", 1, 1, contrib_matmul},
    {"TransposeMatMul", 1, 1, contrib_matmul},
    {"MatMulInteger16", 1, 1, contrib_matmul_int16},
    {"NhwcConv", 1, 1, contrib_nhwc},
    {"NhwcMaxPool", 1, 1, contrib_nhwc},
    {"GatherND", 1, 1, contrib_same},
    {"Trilu", 1, 1, contrib_same},
    {"Range", 1, 1, contrib_same},
    {"ExpandDims", 1, 1, contrib_expand_dims},
    {"BiasAdd", 1, 1, contrib_bias_add},
    {NULL, 0, 0, NULL},
};
