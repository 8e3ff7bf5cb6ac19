#include "export/exporter.h"

/* Operators, or attributes of them, that came or changed their form after operator set 18. */
static const struct {
    const char *op, *attr; /* attr: only when the node has it */
    int32_t opset;
} version_rows[] = {
    {"AveragePool", "dilations", 19},
    {"Cast", "saturate", 19},
    {"CastLike", "saturate", 19},
    {"Cast", "round_mode", 24},
    {"CastLike", "round_mode", 24},
    {"DeformConv", NULL, 19},
    {"Equal", NULL, 19},
    {"QuantizeLinear", NULL, 19},
    {"DequantizeLinear", NULL, 19},
    {"QuantizeLinear", "block_size", 21},
    {"QuantizeLinear", "output_dtype", 21},
    {"QuantizeLinear", "precision", 23},
    {"DequantizeLinear", "block_size", 21},
    {"DequantizeLinear", "output_dtype", 23},
    {"Resize", NULL, 19},
    {"AffineGrid", NULL, 20},
    {"DFT", NULL, 20},
    {"Gelu", NULL, 20},
    {"GridSample", NULL, 20},
    {"ImageDecoder", NULL, 20},
    {"IsInf", NULL, 20},
    {"IsNaN", NULL, 20},
    {"ReduceMax", NULL, 20},
    {"ReduceMin", NULL, 20},
    {"RegexFullMatch", NULL, 20},
    {"StringConcat", NULL, 20},
    {"StringSplit", NULL, 20},
    {"GroupNormalization", NULL, 21},
    {"Attention", NULL, 25},
    {"RMSNormalization", NULL, 23},
    {"RotaryEmbedding", NULL, 23},
    {"Swish", NULL, 24},
    {"TensorScatter", NULL, 24},
    {"BitCast", NULL, 26},
    {"CumProd", NULL, 26},
    {"CausalConvWithState", NULL, 27},
    {"LinearAttention", NULL, 27},
    {"Range", "stash_type", 27},
    {"SpaceToDepth", "mode", 28},
    {"SwiGLU", NULL, 28},
};

typedef enum export_class { EXPORT_NOT_FLOAT32, EXPORT_SIGNED, EXPORT_FLOAT } export_class;

/* Operators that later versions opened to more element types, by the type of input 0. */
static const struct {
    const char *op;
    export_class class;
    int32_t opset;
} version_class_rows[] = {
    {"BitShift", EXPORT_SIGNED, 28},
    {"Celu", EXPORT_NOT_FLOAT32, 28},
    {"Mod", EXPORT_FLOAT, 28},
    {"QLinearMatMul", EXPORT_NOT_FLOAT32, 21},
};

static bool export_in_class(xinf_dtype d, export_class class)
{
    if (class == EXPORT_NOT_FLOAT32) return d != XINF_FLOAT32;
    return class == EXPORT_FLOAT ? xi_dtype_is_float(d) : !xi_dtype_is_unsigned(d);
}

static void export_version_class(xi_exporter *x, const xi_node *n)
{
    const xi_value *v = xi_node_input(n, 0);
    for (size_t i = 0; v && i < sizeof version_class_rows / sizeof *version_class_rows; i++)
        if (version_class_rows[i].opset > x->opset &&
            xi_str_is(n->op_name, version_class_rows[i].op) &&
            export_in_class(v->type.dtype, version_class_rows[i].class))
            x->opset = version_class_rows[i].opset;
}

/* Integers of 16 bits came to quantisation after those of 8. */
static void export_version_quantized(xi_exporter *x, const xi_node *n)
{
    bool to = xi_str_is(n->op_name, "QuantizeLinear"),
         from = xi_str_is(n->op_name, "DequantizeLinear");
    const xi_value *v = to && n->output_count ? n->outputs[0] : from ? xi_node_input(n, 0) : NULL;
    if (v && (v->type.dtype == XINF_INT16 || v->type.dtype == XINF_UINT16) && x->opset < 21)
        x->opset = 21;
}

void xi_export_version_dtype(xi_exporter *x, xinf_dtype d)
{
    int64_t needed = 0;
    if (d >= XINF_FLOAT8E4M3FN && d <= XINF_FLOAT8E5M2FNUZ) needed = 19;
    if (d == XINF_UINT4 || d == XINF_INT4) needed = 21;
    if (d == XINF_FLOAT4E2M1) needed = 23;
    if (d == XINF_FLOAT8E8M0) needed = 24;
    if (d == XINF_UINT2 || d == XINF_INT2) needed = 25;
    if (needed > x->opset) x->opset = needed;
}

void xi_export_version(xi_exporter *x, const xi_node *n)
{
    if (xi_str_is(n->domain, "ai.onnx.ml")) {
        bool newest = xi_str_is(n->op_name, "TreeEnsemble");
        bool tensors = xi_str_is(n->op_name, "LabelEncoder") &&
                       (xi_node_has(n, "keys_tensor") || xi_node_has(n, "values_tensor"));
        int64_t needed = newest ? 5 : tensors ? 4 : 3;
        if (needed > x->ml_opset) x->ml_opset = needed;
    }
    for (int32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i] && n->outputs[i]->type.kind == XINF_KIND_TENSOR)
            xi_export_version_dtype(x, n->outputs[i]->type.dtype);
    for (int32_t i = 0; i < n->input_count; i++)
        if (n->inputs[i] && n->inputs[i]->type.kind == XINF_KIND_TENSOR)
            xi_export_version_dtype(x, n->inputs[i]->type.dtype);
    if (n->domain.len) return;
    export_version_class(x, n);
    export_version_quantized(x, n);
    for (size_t i = 0; i < sizeof version_rows / sizeof *version_rows; i++)
        if (version_rows[i].opset > x->opset && xi_str_is(n->op_name, version_rows[i].op) &&
            (!version_rows[i].attr || xi_node_has(n, version_rows[i].attr)))
            x->opset = version_rows[i].opset;
}

int64_t xi_export_ir_version(int64_t opset)
{
    static const struct {
        int32_t opset, ir;
    } rows[] = {{18, 8}, {20, 9}, {22, 10}, {23, 11}, {24, 12}, {27, 13}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (opset <= rows[i].opset) return rows[i].ir;
    return 14;
}
