/* identity.c — exporters share weights through Identity and leave Dropout in. */
#include "passes/identity.h"

static bool identity_is_output(const xi_graph *g, const xi_value *v)
{
    for (int32_t i = 0; i < g->output_count; i++)
        if (g->outputs[i] == v) return true;
    for (int32_t i = 0; i < g->state_count; i++)
        if (g->states[i].written == v) return true;
    return false;
}

/* Dropout passes its input through unless training_mode may be true or its mask is wanted. */
static bool identity_is_dropout(const xi_node *n)
{
    const xi_value *training = xi_node_input(n, 2);
    if (!xi_node_is(n, "Dropout") || (n->output_count > 1 && n->outputs[1] && n->outputs[1]->uses)) return false;
    if (!training) return true;
    return training->literal && training->literal->count == 1 && training->literal->dtype == XINF_BOOL && *(const uint8_t *)training->literal->data == 0;
}

static void identity_graph(xi_graph *g, int32_t *changes)
{
    for (xi_node *n = g->first, *next; n; n = next) {
        next = n->next;
        for (int32_t a = 0; a < n->attr_count; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) identity_graph(n->attrs[a].graph, changes);
        bool passes = xi_node_is(n, "Identity") && n->inputs[0] && n->inputs[0]->type.kind == XINF_KIND_TENSOR;
        if (n->refused || !n->op || (!passes && !identity_is_dropout(n))) continue;
        /* An output keeps its name; a value of a graph around may not become a branch's output by another road. */
        if (!n->outputs[0] || identity_is_output(g, n->outputs[0])) continue;
        xi_graph_replace_uses(g, n->outputs[0], n->inputs[0]);
        n->inputs[0]->uses--;
        xi_node_remove(n);
        ++*changes;
    }
}

xinf_status xi_pass_identity(xi_pass_context *c)
{
    identity_graph(c->graph, &c->changes);
    return XINF_OK;
}
