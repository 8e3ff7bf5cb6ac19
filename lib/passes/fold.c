/* fold.c — constant folding by the evaluator, within a budget: a small file must not unfold into
 * gigabytes. */
#include "passes/fold.h"

enum { FOLD_INPUTS = 32, FOLD_OUTPUTS = 32 };
#define FOLD_BUDGET ((size_t)256 << 20)

typedef struct fold_state {
    xi_pass_context *context;
    size_t left;
} fold_state;

/* Nodes that only repeat what they are given take memory for little: up to this much each. */
#define FOLD_GROWTH ((size_t)16 << 20)

static xinf_status fold_node(fold_state *s, xi_node *n)
{
    const xi_literal *in[FOLD_INPUTS] = {NULL}, *out[FOLD_OUTPUTS] = {NULL};
    xinf_error quiet = XINF_ERROR_INIT;
    size_t in_bytes = 0, out_bytes = 0;
    if (!n->op || n->refused || n->op->flags || n->input_count == 0 ||
        n->input_count > FOLD_INPUTS || n->output_count > FOLD_OUTPUTS)
        return XINF_OK;
    for (int32_t i = 0; i < n->input_count; i++) {
        if (!n->inputs[i]) continue;
        if (!n->inputs[i]->literal || n->inputs[i]->literal->dtype == XINF_STRING) return XINF_OK;
        in[i] = n->inputs[i]->literal;
        in_bytes += in[i]->size;
    }
    size_t room = 2 * in_bytes > FOLD_GROWTH ? 2 * in_bytes : FOLD_GROWTH;
    if (room > s->left) room = s->left;
    const xi_evaluator *e = s->context->evaluator;
    xinf_status status = e->fn(e->self, n, in, out, n->graph->arena, room, &quiet);
    if (status == XINF_OUT_OF_MEMORY) return xi_fail(s->context->err, status, "%s", quiet.message);
    if (status != XINF_OK)
        return XINF_OK; /* what fails here fails in the run, where it is reported */
    for (int32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i] && !out[i]) return XINF_OK;
    for (int32_t i = 0; i < n->output_count; i++) {
        xi_value *v = n->outputs[i];
        if (!v) continue;
        out_bytes += out[i]->size;
        v->literal = out[i];
        v->producer = NULL;
        v->type = (xi_type){
            .kind = XINF_KIND_TENSOR, .dtype = out[i]->dtype, .shape = out[i]->shape};
    }
    s->left -= out_bytes < s->left ? out_bytes : s->left;
    xi_node_remove(n);
    s->context->changes++;
    return XINF_OK;
}

static xinf_status fold_graph(fold_state *s, xi_graph *g)
{
    xinf_status status = XINF_OK;
    for (xi_node *n = g->first, *next; n && status == XINF_OK; n = next) {
        next = n->next;
        for (int32_t a = 0; a < n->attr_count && status == XINF_OK; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) status = fold_graph(s, n->attrs[a].graph);
        if (status == XINF_OK) status = fold_node(s, n);
    }
    return status;
}

xinf_status xi_pass_fold(xi_pass_context *c)
{
    fold_state s = {c, FOLD_BUDGET};
    return c->evaluator ? fold_graph(&s, c->graph) : XINF_OK;
}
