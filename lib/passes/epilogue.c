/* epilogue.c — activations as attributes (docs/operators.md). */
#include "passes/epilogue.h"

#include <math.h>

typedef struct epilogue_row {
    const char *op;
    const char *attrs[2];
    float defaults[2];
} epilogue_row;

static const epilogue_row epilogue_rows[] = {
    {"Relu", {NULL}, {0}},      {"Sigmoid", {NULL}, {0}},
    {"HardSwish", {NULL}, {0}}, {"Tanh", {NULL}, {0}},
    {"Mish", {NULL}, {0}},      {"Softplus", {NULL}, {0}},
    {"Softsign", {NULL}, {0}},  {"LeakyRelu", {"alpha"}, {0.01f}},
    {"Elu", {"alpha"}, {1}},    {"ThresholdedRelu", {"alpha"}, {1}},
    {"Swish", {"alpha"}, {1}},  {"HardSigmoid", {"alpha", "beta"}, {0.2f, 0.5f}},
};

/* Clip with constant bounds; one that is absent is the dtype's largest, which for float32 is what
 * the activation has too. */
static bool epilogue_clip(xi_epilogue *e, const xi_node *n)
{
    double bound[2] = {-3.402823466e+38, 3.402823466e+38};
    for (int32_t i = 0; i < 2; i++) {
        const xi_value *v = xi_node_input(n, i + 1);
        if (v && !xi_match_scalar(v, NULL, &bound[i])) return false;
    }
    if (!(bound[0] <= bound[1]) || isinf(bound[0]) || isinf(bound[1])) return false;
    if (n->inputs[0]->type.dtype != XINF_FLOAT32 && (!xi_node_input(n, 1) || !xi_node_input(n, 2)))
        return false;
    *e = (xi_epilogue){"Clip", {(float)bound[0], (float)bound[1]}, 2};
    return true;
}

bool xi_epilogue_read(xi_epilogue *e, const xi_node *n)
{
    *e = (xi_epilogue){0};
    if (n->domain.len) return false;
    if (xi_node_is(n, "Clip")) return epilogue_clip(e, n);
    if (xi_node_is(n, "Gelu")) {
        e->name = xi_str_is(xi_node_string(n, "approximate", "none"), "tanh") ? "GeluTanh" : "Gelu";
        return true;
    }
    for (size_t r = 0; r < sizeof epilogue_rows / sizeof *epilogue_rows; r++) {
        const epilogue_row *row = &epilogue_rows[r];
        if (!xi_node_is(n, row->op)) continue;
        e->name = row->op;
        for (int32_t i = 0; i < 2 && row->attrs[i]; i++)
            e->params[e->param_count++] = xi_node_float(n, row->attrs[i], row->defaults[i]);
        return true;
    }
    return false;
}

bool xi_epilogue_has(const xi_node *n)
{
    return xi_node_has(n, "activation");
}

bool xi_epilogue_write(xi_node *n, const xi_epilogue *e)
{
    xi_node_set_string(n, "activation", xi_str_of(e->name));
    return !e->param_count ||
           xi_match_set_floats(n, "activation_params", e->params, e->param_count);
}
