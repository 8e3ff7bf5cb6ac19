/* identity.c — exporters share weights through Identity and leave Dropout in. */
#include "passes/identity.h"

#include "passes/match.h"

/* Dropout passes its input through unless training_mode may be true or its mask is wanted. */
static bool identity_is_dropout(const xi_node *n)
{
    const xi_value *training = xi_node_input(n, 2);
    if (!xi_node_is(n, "Dropout")) return false;
    if (!training) return true;
    return training->literal && training->literal->count == 1 &&
           training->literal->dtype == XINF_BOOL && *(const uint8_t *)training->literal->data == 0;
}

static xi_value *identity_source(const xi_node *n)
{
    if (!xi_node_input(n, 0)) return NULL;
    bool passes = xi_node_is(n, "Identity") && n->inputs[0]->type.kind == XINF_KIND_TENSOR;
    return passes || identity_is_dropout(n) ? n->inputs[0] : NULL;
}

xinf_status xi_pass_identity(xi_pass_context *c)
{
    return xi_match_forward(c, identity_source);
}
