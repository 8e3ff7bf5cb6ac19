#include "import/onnx/importer.h"

enum { NODE_MAX_ATTRS = 1024, NODE_SPARE_ATTRS = 4 /* room for translations */ };

xi_str xi_onnx_label(const Onnx__Node *n)
{
    if (n->name.len) return xi_onnx_str(n->name);
    for (size_t i = 0; i < n->n_output; i++)
        if (n->output[i].len) return xi_onnx_str(n->output[i]);
    return xi_onnx_str(n->op_type);
}

xinf_status xi_onnx_no_memory(xi_onnx_importer *im)
{
    const xi_arena *a = &im->family->arena;
    if (a->limit && a->used > a->limit / 2)
        return xi_fail(im->err, XINF_LIMIT,
                       "the model's graph takes more than the %zu bytes of memory allowed for it",
                       a->limit);
    return xi_fail_memory(im->err, a->used);
}

int64_t xi_onnx_version(const xi_onnx_scope *scope, xi_str domain)
{
    if (xi_str_is(domain, "ai.onnx")) domain = XI_STR("");
    for (size_t i = 0; i < scope->opset_count; i++) {
        xi_str have = xi_onnx_str(scope->opsets[i]->domain);
        if (xi_str_is(have, "ai.onnx")) have = XI_STR("");
        if (xi_str_eq(have, domain)) return scope->opsets[i]->version;
    }
    return 0;
}

xi_str xi_onnx_scoped_name(xi_onnx_importer *im, const xi_onnx_scope *scope, xi_str name)
{
    if (!scope->call || !name.len) return name;
    xi_str prefix = scope->call->prefix;
    char *joined = xi_arena_alloc(&im->family->arena, prefix.len + 1 + name.len);
    if (!joined) return name; /* the next allocation fails too and is reported */
    if (prefix.len) memcpy(joined, prefix.ptr, prefix.len);
    joined[prefix.len] = '/';
    memcpy(joined + prefix.len + 1, name.ptr, name.len);
    return (xi_str){joined, prefix.len + 1 + name.len};
}

xinf_status xi_onnx_resolve(xi_value **out, xi_onnx_importer *im, const xi_onnx_scope *scope,
                            xi_str name, xi_str user)
{
    *out = NULL;
    for (const xi_onnx_scope *s = scope; s; s = s->parent) {
        const xi_onnx_name *found = xi_onnx_names_find(&s->names, name);
        if (!found) continue;
        if (found->state == XI_NAME_PENDING)
            return xi_fail(im->err, XINF_MALFORMED, "%.*s uses \"%.*s\" before it is computed",
                           XI_STR_ARG(user), XI_STR_ARG(name));
        *out = found->value;
        return XINF_OK;
    }
    return xi_fail(im->err, XINF_MALFORMED, "%.*s uses \"%.*s\", which nothing in the graph makes",
                   XI_STR_ARG(user), XI_STR_ARG(name));
}

static bool import_node_is_constant(const Onnx__Node *n)
{
    xi_str domain = xi_onnx_str(n->domain);
    return (domain.len == 0 || xi_str_is(domain, "ai.onnx")) &&
           xi_str_is(xi_onnx_str(n->op_type), "Constant");
}

static xinf_status import_node_register(xi_onnx_importer *im, xi_onnx_scope *scope,
                                        Onnx__Node *const *nodes, uint32_t index)
{
    const Onnx__Node *n = nodes[index];
    for (size_t i = 0; i < n->n_output; i++) {
        xi_str name = xi_onnx_str(n->output[i]);
        if (!name.len) continue;
        xi_onnx_name *other = xi_onnx_names_find(&scope->names, name);
        /* Some tools write constants of the same name one after another; readers agree that the
         * last one counts. */
        if (other && other->index != UINT32_MAX && import_node_is_constant(n) &&
            import_node_is_constant(nodes[other->index])) {
            other->index = index;
            continue;
        }
        if (other)
            return xi_fail(im->err, XINF_MALFORMED,
                           "node %.*s (%.*s): its output \"%.*s\" is defined already",
                           XI_STR_ARG(xi_onnx_label(n)), XI_STR_ARG(xi_onnx_str(n->op_type)),
                           XI_STR_ARG(name));
        xi_onnx_name *entry = xi_onnx_names_add(&scope->names, name);
        if (!entry) return xi_fail_memory(im->err, sizeof *entry);
        entry->index = index;
        entry->state = XI_NAME_PENDING;
    }
    return XINF_OK;
}

static void import_node_bind(xi_onnx_scope *scope, xi_str name, xi_value *value)
{
    xi_onnx_name *entry = xi_onnx_names_find(&scope->names, name);
    entry->value = value;
    entry->state = XI_NAME_MADE;
}

static xinf_status import_node_inputs(xi_onnx_importer *im, const xi_onnx_scope *scope,
                                      xi_node *dst, const Onnx__Node *n)
{
    for (size_t i = 0; i < n->n_input; i++) {
        xi_str name = xi_onnx_str(n->input[i]);
        if (!name.len) continue;
        xinf_status status = xi_onnx_resolve(&dst->inputs[i], im, scope, name, (xi_str){NULL, 0});
        if (!status) continue;
        xi_error_prefix(im->err, "node %.*s (%.*s)", XI_STR_ARG(xi_onnx_label(n)),
                        XI_STR_ARG(xi_onnx_str(n->op_type)));
        return status;
    }
    return XINF_OK;
}

static xinf_status import_node_attributes(xi_onnx_importer *im, const xi_onnx_scope *scope,
                                          xi_node *dst, const Onnx__Node *n)
{
    xi_str label = xi_onnx_label(n);
    for (size_t i = 0; i < n->n_attribute; i++) {
        const Onnx__Attribute *given;
        const xi_onnx_scope *where;
        xi_str name = xi_onnx_str(n->attribute[i]->name);
        xinf_status status = xi_onnx_attribute_resolve(&given, &where, im, n->attribute[i], scope);
        if (status) return status;
        if (!given) continue;
        for (int32_t k = 0; k < dst->attr_count; k++)
            if (xi_str_eq(dst->attrs[k].name, name))
                return xi_fail(im->err, XINF_MALFORMED,
                               "node %.*s (%.*s): attribute \"%.*s\" stands there twice",
                               XI_STR_ARG(label), XI_STR_ARG(xi_onnx_str(n->op_type)),
                               XI_STR_ARG(name));
        status = xi_onnx_attribute_import(&dst->attrs[dst->attr_count], im, given, where, label);
        if (status) return status;
        dst->attrs[dst->attr_count++].name = name;
    }
    return XINF_OK;
}

static xinf_status import_node_operator(xi_onnx_importer *im, xi_onnx_scope *scope,
                                        const Onnx__Node *n)
{
    xi_graph *g = scope->graph;
    if (n->n_attribute > NODE_MAX_ATTRS || n->n_input > INT32_MAX || n->n_output > INT32_MAX)
        return xi_fail(im->err, XINF_LIMIT,
                       "node %.*s has more attributes, inputs or outputs than any operator",
                       XI_STR_ARG(xi_onnx_label(n)));
    /* The label of an unnamed node is its first output's name, so only names of calls need the
     * prefix. */
    xi_node *dst = xi_graph_add_node(g, NULL, xi_onnx_str(n->domain), xi_onnx_str(n->op_type),
                                     xi_onnx_scoped_name(im, scope, xi_onnx_str(n->name)),
                                     (int32_t)n->n_input, (int32_t)n->n_output,
                                     (int32_t)n->n_attribute + NODE_SPARE_ATTRS);
    if (!dst) return xi_onnx_no_memory(im);
    xinf_status status = import_node_inputs(im, scope, dst, n);
    if (!status) status = import_node_attributes(im, scope, dst, n);
    if (status) return status;
    for (size_t i = 0; i < n->n_output; i++) {
        xi_str name = xi_onnx_str(n->output[i]);
        if (!name.len) continue;
        xi_value *v = xi_graph_add_value(g, xi_onnx_scoped_name(im, scope, name), NULL);
        if (!v) return xi_onnx_no_memory(im);
        xi_node_set_output(dst, (int32_t)i, v);
        import_node_bind(scope, name, v);
    }
    status = xi_onnx_upgrade(im, dst, xi_onnx_version(scope, dst->domain));
    if (!status && dst->graph == g && im->infer_early) xi_onnx_infer(im, dst);
    return !status && im->exhausted ? xi_onnx_no_memory(im) : status;
}

static xinf_status import_node_constant(xi_onnx_importer *im, xi_onnx_scope *scope,
                                        const Onnx__Node *n, uint32_t index)
{
    const xi_literal *literal;
    xi_str name = n->n_output ? xi_onnx_str(n->output[0]) : (xi_str){NULL, 0};
    if (n->n_input || n->n_output != 1)
        return xi_fail(im->err, XINF_MALFORMED,
                       "node %.*s (Constant): it must have no inputs and one output",
                       XI_STR_ARG(xi_onnx_label(n)));
    const xi_onnx_name *entry = name.len ? xi_onnx_names_find(&scope->names, name) : NULL;
    if (entry && entry->index != index) return XINF_OK;
    xinf_status status = xi_onnx_constant(&literal, im, n, scope);
    if (status) return status;
    xi_value *v = xi_graph_add_constant(scope->graph, xi_onnx_scoped_name(im, scope, name),
                                        literal);
    if (!v) return xi_onnx_no_memory(im);
    if (name.len) import_node_bind(scope, name, v);
    return XINF_OK;
}

static xinf_status import_node_import(xi_onnx_importer *im, xi_onnx_scope *scope,
                                      const Onnx__Node *n, uint32_t index)
{
    xi_str op = xi_onnx_str(n->op_type);
    const Onnx__Function *f = xi_onnx_function_find(im, n);
    if (++im->steps > im->limits.max_steps)
        return xi_fail(im->err, XINF_LIMIT, "the model has more than the %llu nodes allowed",
                       (unsigned long long)im->limits.max_steps);
    if (op.len == 0)
        return xi_fail(im->err, XINF_MALFORMED, "node %.*s has no operator",
                       XI_STR_ARG(xi_onnx_label(n)));
    if (n->n_output == 0) return XINF_OK; /* it computes nothing that anybody could see */
    if (f) return xi_onnx_function_inline(im, scope, n, f);
    if (import_node_is_constant(n)) return import_node_constant(im, scope, n, index);
    return import_node_operator(im, scope, n);
}

xinf_status xi_onnx_nodes_import(xi_onnx_importer *im, xi_onnx_scope *scope,
                                 Onnx__Node *const *nodes, size_t count)
{
    xinf_status status = XINF_OK;
    uint32_t *order = NULL;
    if (count > UINT32_MAX - 1) return xi_fail(im->err, XINF_LIMIT, "the model has too many nodes");
    for (size_t i = 0; i < count; i++) XI_TRY(import_node_register(im, scope, nodes, (uint32_t)i));
    XI_TRY(xi_onnx_order(&order, im, scope, nodes, count));
    for (size_t i = 0; i < count; i++) {
        uint32_t at = order ? order[i] : (uint32_t)i;
        XI_TRY(import_node_import(im, scope, nodes[at], at));
    }
cleanup:
    xi_free(&im->alloc, order, count * sizeof *order);
    return status;
}
