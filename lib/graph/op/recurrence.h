/* recurrence.h — inputs of LinearAttention and CausalConvWithState, and how the former updates its
 * state. */
#ifndef XI_GRAPH_OP_RECURRENCE_H
#define XI_GRAPH_OP_RECURRENCE_H

#include "graph/op.h"

enum {
    XI_LINEAR_Q,
    XI_LINEAR_K,
    XI_LINEAR_V,
    XI_LINEAR_PAST,
    XI_LINEAR_DECAY,
    XI_LINEAR_BETA,
    XI_LINEAR_INPUTS
};
enum { XI_CAUSAL_X, XI_CAUSAL_WEIGHT, XI_CAUSAL_BIAS, XI_CAUSAL_PAST, XI_CAUSAL_INPUTS };

typedef struct xi_linear_rule {
    bool decays;   /* the state is multiplied by exp(decay) before each token */
    bool corrects; /* only what the state does not say of the value yet is written, times beta */
} xi_linear_rule;

/* False: update_rule names none. */
bool xi_linear_rule_of(const xi_node *n, xi_linear_rule *out);

#endif
