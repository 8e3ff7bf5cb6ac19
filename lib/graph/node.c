/* node.c — reading nodes, finding operators, checking a graph. */
#include "base/allocator.h"
#include "graph/op.h"

extern const xi_op *const xi_ops_builtin[];

const xi_op *xi_op_find(xi_str domain, xi_str name)
{
    for (const xi_op *const *family = xi_ops_builtin; *family; family++)
        for (const xi_op *op = *family; op->name; op++)
            if (xi_str_is(name, op->name) && xi_str_is(domain, op->domain ? op->domain : ""))
                return op;
    return NULL;
}

const xi_attr *xi_node_attr(const xi_node *n, const char *name)
{
    for (int32_t i = 0; i < n->attr_count; i++)
        if (xi_str_is(n->attrs[i].name, name)) return &n->attrs[i];
    return NULL;
}

bool xi_node_has(const xi_node *n, const char *name)
{
    return xi_node_attr(n, name) != NULL;
}

int64_t xi_node_int(const xi_node *n, const char *name, int64_t fallback)
{
    const xi_attr *a = xi_node_attr(n, name);
    return a && a->type == XI_ATTR_INT ? a->i : fallback;
}

float xi_node_float(const xi_node *n, const char *name, float fallback)
{
    const xi_attr *a = xi_node_attr(n, name);
    return a && a->type == XI_ATTR_FLOAT ? a->f : fallback;
}

xi_str xi_node_string(const xi_node *n, const char *name, const char *fallback)
{
    const xi_attr *a = xi_node_attr(n, name);
    return a && a->type == XI_ATTR_STRING ? a->s : xi_str_of(fallback);
}

int32_t xi_node_ints(const xi_node *n, const char *name, const int64_t **out)
{
    const xi_attr *a = xi_node_attr(n, name);
    *out = a && a->type == XI_ATTR_INTS ? a->ints : NULL;
    return *out ? a->count : 0;
}

int32_t xi_node_floats(const xi_node *n, const char *name, const float **out)
{
    const xi_attr *a = xi_node_attr(n, name);
    *out = a && a->type == XI_ATTR_FLOATS ? a->floats : NULL;
    return *out ? a->count : 0;
}

xi_graph *xi_node_graph(const xi_node *n, const char *name)
{
    const xi_attr *a = xi_node_attr(n, name);
    return a && a->type == XI_ATTR_GRAPH ? a->graph : NULL;
}

xi_str xi_node_label(const xi_node *n)
{
    if (n->name.len) return n->name;
    for (int32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i] && n->outputs[i]->name.len) return n->outputs[i]->name;
    return n->op_name;
}

/* An attribute must be in the operator's table, with its type. An empty list has whatever list type
 * the table wants. */
static xinf_status node_check_attrs(const xi_node *n, xinf_error *err)
{
    for (int32_t i = 0; i < n->attr_count; i++) {
        const xi_attr *a = &n->attrs[i];
        const xi_attr_rule *r = n->op->attrs;
        while (r && r->name && !xi_str_is(a->name, r->name)) r++;
        if (!r || !r->name)
            return xi_fail(err, XINF_MALFORMED, "node %.*s (%s): there is no attribute \"%.*s\"",
                           XI_STR_ARG(xi_node_label(n)), n->op->name, XI_STR_ARG(a->name));
        if (a->type != r->type)
            return xi_fail(err, XINF_MALFORMED, "node %.*s (%s): attribute \"%s\" has a wrong type",
                           XI_STR_ARG(xi_node_label(n)), n->op->name, r->name);
    }
    for (const xi_attr_rule *r = n->op->attrs; r && r->name; r++)
        if (r->required && !xi_node_has(n, r->name))
            return xi_fail(err, XINF_MALFORMED, "node %.*s (%s): attribute \"%s\" is missing",
                           XI_STR_ARG(xi_node_label(n)), n->op->name, r->name);
    return XINF_OK;
}

static xinf_status node_check(const xi_node *n, xinf_error *err)
{
    const xi_op *op = n->op;
    if (!op) return XINF_OK;
    if (n->input_count < op->min_inputs || (op->max_inputs >= 0 && n->input_count > op->max_inputs))
        return xi_fail(err, XINF_MALFORMED, "node %.*s (%s): %d inputs, %d to %d are allowed",
                       XI_STR_ARG(xi_node_label(n)), op->name, (int)n->input_count,
                       (int)op->min_inputs, (int)op->max_inputs);
    if (n->output_count < op->min_outputs ||
        (op->max_outputs >= 0 && n->output_count > op->max_outputs))
        return xi_fail(err, XINF_MALFORMED, "node %.*s (%s): %d outputs, %d to %d are allowed",
                       XI_STR_ARG(xi_node_label(n)), op->name, (int)n->output_count,
                       (int)op->min_outputs, (int)op->max_outputs);
    for (int32_t i = 0; i < op->min_inputs; i++)
        if (!n->inputs[i])
            return xi_fail(err, XINF_MALFORMED, "node %.*s (%s): input %d is missing",
                           XI_STR_ARG(xi_node_label(n)), op->name, (int)i);
    return op->flags & XI_OP_CUSTOM ? XINF_OK : node_check_attrs(n, err);
}

static bool node_visible(const xi_graph *g, const xi_value *v)
{
    for (; g; g = g->parent)
        if (v->graph == g) return true;
    return false;
}

/* seen[id]: the value has been defined before this point. */
static xinf_status graph_verify_one(const xi_graph *g, uint8_t *seen, xinf_error *err)
{
    xinf_status status;
    for (int32_t i = 0; i < g->input_count; i++) seen[g->inputs[i]->id] = 1;
    for (int32_t i = 0; i < g->state_count; i++) seen[g->states[i].read->id] = 1;
    for (const xi_node *n = g->first; n; n = n->next) {
        XI_TRY(node_check(n, err));
        for (int32_t i = 0; i < n->input_count; i++) {
            const xi_value *v = n->inputs[i];
            if (v && !v->literal && (!seen[v->id] || !node_visible(g, v)))
                return xi_fail(err, XINF_MALFORMED,
                               "node %.*s (%.*s): value \"%.*s\" is used before it is computed",
                               XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name),
                               XI_STR_ARG(v->name));
        }
        for (int32_t a = 0; a < n->attr_count; a++) {
            if (n->attrs[a].type == XI_ATTR_GRAPH)
                XI_TRY(graph_verify_one(n->attrs[a].graph, seen, err));
        }
        for (int32_t i = 0; i < n->output_count; i++) {
            const xi_value *v = n->outputs[i];
            if (!v) continue;
            if (seen[v->id] || v->producer != n || v->producer_output != i || v->graph != g)
                return xi_fail(
                    err, XINF_MALFORMED, "node %.*s (%.*s): value \"%.*s\" is computed twice",
                    XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name), XI_STR_ARG(v->name));
            seen[v->id] = 1;
        }
    }
    for (int32_t i = 0; i < g->output_count; i++) {
        const xi_value *v = g->outputs[i];
        if (!v->literal && (!seen[v->id] || !node_visible(g, v)))
            return xi_fail(err, XINF_MALFORMED, "output \"%.*s\" is never computed",
                           XI_STR_ARG(v->name));
    }
    status = XINF_OK;
cleanup:
    return status;
}

xinf_status xi_graph_verify(const xi_graph *g, xinf_error *err)
{
    const xinf_allocator *alloc = &g->arena->alloc;
    size_t size = (size_t)g->family->next_value + 1;
    uint8_t *seen = xi_calloc(alloc, size, 1);
    if (!seen) return xi_fail_memory(err, size);
    xinf_status status = graph_verify_one(g, seen, err);
    xi_free(alloc, seen, size);
    return status;
}
