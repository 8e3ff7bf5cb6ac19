/* pattern.c — the questions of fusing passes. */
#include "passes/pattern.h"

#include <math.h>

#include "base/allocator.h"

xinf_status xi_consumers_find(xi_consumers *c, xi_graph *g, xinf_error *err)
{
    *c = (xi_consumers){.alloc = g->arena->alloc, .size = (size_t)g->family->next_value + 1};
    c->of = xi_calloc(&c->alloc, c->size, sizeof *c->of);
    if (!c->of) return xi_fail_memory(err, c->size * sizeof *c->of);
    for (xi_node *n = g->first; n; n = n->next)
        for (int32_t i = 0; i < n->input_count; i++)
            if (n->inputs[i] && n->inputs[i]->graph == g) c->of[n->inputs[i]->id] = n;
    return XINF_OK;
}

void xi_consumers_end(xi_consumers *c)
{
    xi_free(&c->alloc, c->of, c->size * sizeof *c->of);
}

xi_node *xi_consumers_only(const xi_consumers *c, const xi_value *v)
{
    return v && v->uses == 1 && v->id < c->size ? c->of[v->id] : NULL;
}

bool xi_pattern_scalar(const xi_value *v, double want)
{
    float have;
    if (!v || !v->literal || v->literal->dtype != XINF_FLOAT32 || v->literal->count != 1) return false;
    memcpy(&have, v->literal->data, sizeof have);
    return fabs((double)have - want) <= 1e-4 * fabs(want);
}

bool xi_pattern_float32(const xi_value *v)
{
    return v && v->type.kind == XINF_KIND_TENSOR && v->type.dtype == XINF_FLOAT32;
}

bool xi_pattern_same_shape(const xi_value *a, const xi_value *b)
{
    const xi_shape *x = &a->type.shape, *y = &b->type.shape;
    if (x->rank < 0 || x->rank != y->rank) return false;
    for (int32_t i = 0; i < x->rank; i++)
        if (x->dim[i] != y->dim[i] || x->dim[i] == XI_DIM_UNKNOWN) return false;
    return true;
}

xi_node *xi_pattern_replace(xi_node *at, xi_str domain, xi_str op_name, int32_t inputs, int32_t attrs)
{
    xi_value *out = at->outputs[0];
    xi_node *n = xi_graph_add_node(at->graph, at, domain, op_name, at->name, inputs, 1, attrs);
    if (!n) return NULL;
    xi_node_remove(at);
    xi_node_set_output(n, 0, out);
    return n;
}

void xi_pattern_copy_attrs(xi_node *to, const xi_node *from)
{
    for (int32_t i = 0; i < from->attr_count && to->attr_count < to->attr_capacity; i++) to->attrs[to->attr_count++] = from->attrs[i];
}
