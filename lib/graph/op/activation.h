/* activation.h — the element functions that may end a fused operator or stand inside a recurrent
 * one. */
#ifndef XI_GRAPH_OP_ACTIVATION_H
#define XI_GRAPH_OP_ACTIVATION_H

#include "graph/op.h"

typedef enum xi_activation_kind {
    XI_ACTIVATION_NONE,
    XI_ACTIVATION_RELU,
    XI_ACTIVATION_LEAKY_RELU, /* x < 0: alpha x */
    XI_ACTIVATION_CLIP,       /* alpha … beta */
    XI_ACTIVATION_SIGMOID,
    XI_ACTIVATION_HARD_SIGMOID, /* alpha x + beta, cut to 0 … 1 */
    XI_ACTIVATION_HARD_SWISH,
    XI_ACTIVATION_TANH,
    XI_ACTIVATION_GELU,
    XI_ACTIVATION_GELU_TANH, /* Gelu with approximate = tanh */
    XI_ACTIVATION_SWISH,     /* x sigmoid(alpha x) */
    XI_ACTIVATION_MISH,
    XI_ACTIVATION_ELU,
    XI_ACTIVATION_SOFTPLUS,
    XI_ACTIVATION_SOFTSIGN,
    XI_ACTIVATION_THRESHOLDED_RELU,
    XI_ACTIVATION_AFFINE,     /* alpha x + beta; recurrent operators only */
    XI_ACTIVATION_SCALED_TANH /* alpha tanh(beta x); recurrent operators only */
} xi_activation_kind;

typedef struct xi_activation {
    int32_t kind;
    float alpha, beta;
} xi_activation;

/* By name ("" is none), with default parameters. *params (may be NULL): how many it has. False when
 * the name is not known. */
bool xi_activation_find(xi_activation *out, xi_str name, int32_t *params);
/* Attributes activation and activation_params of a fused node; err may be NULL. */
xinf_status xi_activation_read(xi_activation *out, const xi_node *n, xinf_error *err);
/* The name that xi_activation_find takes. */
const char *xi_activation_name(xi_activation_kind kind);

#endif
