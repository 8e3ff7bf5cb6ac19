/* forward.c — nodes that give what they are given leave the graph, all in one walk. */
#include "base/allocator.h"
#include "passes/match.h"

typedef struct forward_state {
    xi_pass_context *context;
    xi_value *(*source)(const xi_node *n);
    xi_value **to; /* per value id: what stands for it now; an output, which keeps its name, stands
                      for itself */
} forward_state;

static void forward_move(forward_state *s, xi_value **use)
{
    xi_value *to = *use ? s->to[(*use)->id] : NULL;
    if (!to || to == *use) return;
    to->uses++;
    (*use)->uses--;
    *use = to;
}

static bool forward_others_unused(const xi_node *n)
{
    for (int32_t i = 1; i < n->output_count; i++)
        if (n->outputs[i] && n->outputs[i]->uses) return false;
    return n->output_count > 0 && n->outputs[0];
}

static void forward_graph(forward_state *s, xi_graph *g)
{
    for (int32_t i = 0; i < g->output_count; i++) {
        forward_move(s, &g->outputs[i]); /* a branch may give a value of the graph around it */
        s->to[g->outputs[i]->id] = g->outputs[i];
    }
    for (int32_t i = 0; i < g->state_count; i++)
        if (g->states[i].written) s->to[g->states[i].written->id] = g->states[i].written;
    for (xi_node *n = g->first, *next; n; n = next) {
        next = n->next;
        for (int32_t i = 0; i < n->input_count; i++) forward_move(s, &n->inputs[i]);
        for (int32_t a = 0; a < n->attr_count; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) forward_graph(s, n->attrs[a].graph);
        if (!n->op || n->refused || !forward_others_unused(n)) continue;
        xi_value *from = s->to[n->outputs[0]->id] ? NULL : s->source(n);
        if (!from) continue;
        s->to[n->outputs[0]->id] = from;
        for (int32_t i = 0; i < n->input_count; i++)
            if (n->inputs[i]) n->inputs[i]->uses--;
        xi_node_remove(n);
        s->context->changes++;
    }
}

xinf_status xi_match_forward(xi_pass_context *c, xi_value *(*source)(const xi_node *n))
{
    const xinf_allocator *alloc = &c->graph->arena->alloc;
    size_t size = (size_t)c->graph->family->next_value + 1;
    forward_state s = {.context = c, .source = source};
    s.to = xi_calloc(alloc, size, sizeof *s.to);
    if (!s.to) return xi_fail_memory(c->err, size * sizeof *s.to);
    forward_graph(&s, c->graph);
    xi_free(alloc, s.to, size * sizeof *s.to);
    return XINF_OK;
}
