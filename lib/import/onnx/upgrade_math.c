#include "import/onnx/upgrade.h"

/* Before operator set 7, B was laid over A from dimension `axis` on. */
static xinf_status upgrade_broadcast(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    int64_t axes[XI_MAX_RANK], axis = xi_node_int(n, "axis", 0);
    int32_t a = xi_onnx_up_rank(n, 0), b = xi_onnx_up_rank(n, 1), count;
    bool aligned = xi_onnx_up_drop(n, "axis"), broadcast = xi_node_int(n, "broadcast", 0) != 0;
    xi_onnx_up_drop(n, "broadcast");
    if (!aligned || !broadcast || b == 0) return XINF_OK;
    if (a < 0 || b < 0) {
        n->refused = "broadcasting from an axis, of an operator set before 7, needs known ranks";
        return XINF_OK;
    }
    if (axis < 0) axis += a;
    count = a - (int32_t)axis - b;
    if (axis < 0 || axis > a || count < 0)
        return xi_fail(im->err, XINF_MALFORMED,
                       "node %.*s (%.*s): rank %d does not fit into rank %d at axis %lld",
                       XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name), (int)b, (int)a,
                       (long long)axis);
    if (count == 0) return XINF_OK;
    for (int32_t i = 0; i < count; i++) axes[i] = b + i;
    xi_node *wide = xi_onnx_up_node(n, false, "Unsqueeze", n->inputs[1],
                                    xi_graph_constant_ints(n->graph, axes, count), 0);
    n->inputs[1] = xi_onnx_up_result(im, wide);
    return n->inputs[1] ? XINF_OK : xi_onnx_no_memory(im);
}

/* Before operator set 7, a slope per channel was a vector. */
static xinf_status upgrade_prelu(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    int64_t axes[XI_MAX_RANK];
    int32_t rank = xi_onnx_up_rank(n, 0);
    if (xi_onnx_up_rank(n, 1) != 1 || rank < 3 || n->inputs[1]->type.shape.dim[0] == 1)
        return XINF_OK;
    for (int32_t i = 0; i < rank - 2; i++) axes[i] = i + 1;
    xi_node *wide = xi_onnx_up_node(n, false, "Unsqueeze", n->inputs[1],
                                    xi_graph_constant_ints(n->graph, axes, rank - 2), 0);
    n->inputs[1] = xi_onnx_up_result(im, wide);
    return n->inputs[1] ? XINF_OK : xi_onnx_no_memory(im);
}

static xinf_status upgrade_bound(xi_onnx_importer *im, xi_node *n, const char *name, int32_t index)
{
    const xi_attr *a = xi_node_attr(n, name);
    if (!a) return XINF_OK;
    double bound = a->type == XI_ATTR_FLOAT ? (double)a->f : 0;
    xi_onnx_up_drop(n, name);
    xinf_status status = xi_onnx_up_inputs(im, n, index + 1);
    if (status) return status;
    n->inputs[index] = xi_onnx_up_scalar(n, n->inputs[0], bound);
    return n->inputs[index] ? XINF_OK : xi_onnx_no_memory(im);
}

static xinf_status upgrade_clip(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    if (n->input_count == 0) return XINF_OK;
    xinf_status status = upgrade_bound(im, n, "min", 1);
    return status ? status : upgrade_bound(im, n, "max", 2);
}

static xinf_status upgrade_cast(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const struct {
        const char *name;
        xinf_dtype dtype;
    } names[] = {
        {"FLOAT", XINF_FLOAT32},   {"UINT8", XINF_UINT8},         {"INT8", XINF_INT8},
        {"UINT16", XINF_UINT16},   {"INT16", XINF_INT16},         {"INT32", XINF_INT32},
        {"INT64", XINF_INT64},     {"STRING", XINF_STRING},       {"BOOL", XINF_BOOL},
        {"FLOAT16", XINF_FLOAT16}, {"DOUBLE", XINF_FLOAT64},      {"UINT32", XINF_UINT32},
        {"UINT64", XINF_UINT64},   {"COMPLEX64", XINF_COMPLEX64}, {"COMPLEX128", XINF_COMPLEX128}};
    const xi_attr *a = xi_node_attr(n, "to");
    if (!a || a->type != XI_ATTR_STRING) return XINF_OK;
    xi_str wanted = a->s;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!xi_str_is(wanted, names[i].name)) continue;
        xi_onnx_up_drop(n, "to");
        xi_node_set_int(n, "to", names[i].dtype);
        return XINF_OK;
    }
    return xi_fail(im->err, XINF_MALFORMED, "node %.*s (Cast): there is no type \"%.*s\"",
                   XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(wanted));
}

static xinf_status upgrade_gemm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_onnx_up_drop(n, "broadcast");
    return XINF_OK;
}

static xinf_status upgrade_selu(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    if (!xi_node_has(n, "alpha")) xi_node_set_float(n, "alpha", 1.6732f);
    if (!xi_node_has(n, "gamma")) xi_node_set_float(n, "gamma", 1.0507f);
    return XINF_OK;
}

const xi_onnx_upgrade_row xi_onnx_upgrade_math[] = {
    {"Add", 1, 6, upgrade_broadcast},
    {"Sub", 1, 6, upgrade_broadcast},
    {"Mul", 1, 6, upgrade_broadcast},
    {"Div", 1, 6, upgrade_broadcast},
    {"Pow", 1, 6, upgrade_broadcast},
    {"And", 1, 6, upgrade_broadcast},
    {"Or", 1, 6, upgrade_broadcast},
    {"Xor", 1, 6, upgrade_broadcast},
    {"Equal", 1, 6, upgrade_broadcast},
    {"Less", 1, 6, upgrade_broadcast},
    {"Greater", 1, 6, upgrade_broadcast},
    {"PRelu", 1, 6, upgrade_prelu},
    {"Clip", 1, 10, upgrade_clip},
    {"Cast", 1, 5, upgrade_cast},
    {"Gemm", 1, 6, upgrade_gemm},
    {"Selu", 1, 5, upgrade_selu},
    {NULL, 0, 0, NULL},
};
