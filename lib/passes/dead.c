/* dead.c — dead code, last node first, so that one round is enough. */
#include "passes/dead.h"

static bool dead_used(const xi_node *n)
{
    for (int32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i] && n->outputs[i]->uses) return true;
    return false;
}

/* Values that a node's subgraphs used. */
static void dead_release_graph(xi_graph *g)
{
    for (xi_node *n = g->first; n; n = n->next) {
        for (int32_t i = 0; i < n->input_count; i++)
            if (n->inputs[i]) n->inputs[i]->uses--;
        for (int32_t a = 0; a < n->attr_count; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) dead_release_graph(n->attrs[a].graph);
    }
    for (int32_t i = 0; i < g->output_count; i++) g->outputs[i]->uses--;
}

static void dead_graph(xi_graph *g, int32_t *changes)
{
    for (xi_node *n = g->last, *before; n; n = before) {
        before = n->prev;
        for (int32_t a = 0; a < n->attr_count; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) dead_graph(n->attrs[a].graph, changes);
        if (dead_used(n)) continue;
        for (int32_t i = 0; i < n->input_count; i++)
            if (n->inputs[i]) n->inputs[i]->uses--;
        for (int32_t a = 0; a < n->attr_count; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) dead_release_graph(n->attrs[a].graph);
        xi_node_remove(n);
        ++*changes;
    }
}

xinf_status xi_pass_dead(xi_pass_context *c)
{
    dead_graph(c->graph, &c->changes);
    return XINF_OK;
}
