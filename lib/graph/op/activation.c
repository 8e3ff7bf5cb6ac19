/* activation.c — names and parameters of activations. */
#include "graph/op/activation.h"

typedef struct activation_row {
    const char *name;
    int32_t params;
    float alpha, beta;
    bool recurrent_only;
} activation_row;

static const activation_row activation_rows[] = {
    [XI_ACTIVATION_NONE] = {"", 0, 0, 0, false},
    [XI_ACTIVATION_RELU] = {"Relu", 0, 0, 0, false},
    [XI_ACTIVATION_LEAKY_RELU] = {"LeakyRelu", 1, 0.01f, 0, false},
    [XI_ACTIVATION_CLIP] = {"Clip", 2, -3.402823466e+38f, 3.402823466e+38f, false},
    [XI_ACTIVATION_SIGMOID] = {"Sigmoid", 0, 0, 0, false},
    [XI_ACTIVATION_HARD_SIGMOID] = {"HardSigmoid", 2, 0.2f, 0.5f, false},
    [XI_ACTIVATION_HARD_SWISH] = {"HardSwish", 0, 0, 0, false},
    [XI_ACTIVATION_TANH] = {"Tanh", 0, 0, 0, false},
    [XI_ACTIVATION_GELU] = {"Gelu", 0, 0, 0, false},
    [XI_ACTIVATION_GELU_TANH] = {"GeluTanh", 0, 0, 0, false},
    [XI_ACTIVATION_SWISH] = {"Swish", 1, 1, 0, false},
    [XI_ACTIVATION_MISH] = {"Mish", 0, 0, 0, false},
    [XI_ACTIVATION_ELU] = {"Elu", 1, 1, 0, false},
    [XI_ACTIVATION_SOFTPLUS] = {"Softplus", 0, 0, 0, false},
    [XI_ACTIVATION_SOFTSIGN] = {"Softsign", 0, 0, 0, false},
    [XI_ACTIVATION_THRESHOLDED_RELU] = {"ThresholdedRelu", 1, 1, 0, false},
    [XI_ACTIVATION_AFFINE] = {"Affine", 2, 1, 0, true},
    [XI_ACTIVATION_SCALED_TANH] = {"ScaledTanh", 2, 1, 1, true},
};

bool xi_activation_find(xi_activation *out, xi_str name, int32_t *params)
{
    for (size_t i = 0; i < sizeof activation_rows / sizeof *activation_rows; i++) {
        const activation_row *r = &activation_rows[i];
        if (!xi_str_is(name, r->name)) continue;
        *out = (xi_activation){(int32_t)i, r->alpha, r->beta};
        if (params) *params = r->params;
        return true;
    }
    return false;
}

xinf_status xi_activation_read(xi_activation *out, const xi_node *n, xinf_error *err)
{
    const float *list;
    int32_t want, have = xi_node_floats(n, "activation_params", &list);
    xi_str name = xi_node_string(n, "activation", "");
    if (!xi_activation_find(out, name, &want) || activation_rows[out->kind].recurrent_only)
        return xi_fail(err, XINF_MALFORMED, "node %.*s (%.*s): activation \"%.*s\" is not known",
                       XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name), XI_STR_ARG(name));
    if (have > want || (out->kind == XI_ACTIVATION_CLIP && have != 2))
        return xi_fail(err, XINF_MALFORMED, "node %.*s (%.*s): %d activation_params for %.*s",
                       XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name), (int)have,
                       XI_STR_ARG(name));
    if (have > 0) out->alpha = list[0];
    if (have > 1) out->beta = list[1];
    return XINF_OK;
}

const char *xi_activation_name(xi_activation_kind kind)
{
    return activation_rows[kind].name;
}
