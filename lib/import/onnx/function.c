#include "import/onnx/importer.h"

xinf_status xi_onnx_functions_index(xi_onnx_importer *im)
{
    size_t count = im->proto->n_functions;
    if (!count) return XINF_OK;
    im->function_next = xi_calloc(&im->alloc, count, sizeof *im->function_next);
    if (!im->function_next || count > UINT32_MAX - 1)
        return xi_fail_memory(im->err, count * sizeof *im->function_next);
    for (size_t i = 0; i < count; i++) {
        xi_str name = xi_onnx_str(im->proto->functions[i]->name);
        xi_onnx_name *entry = xi_onnx_names_find(&im->functions, name);
        if (!entry && !(entry = xi_onnx_names_add(&im->functions, name)))
            return xi_fail_memory(im->err, sizeof *entry);
        im->function_next[i] = entry->index == UINT32_MAX ? 0 : entry->index;
        entry->index = (uint32_t)i + 1;
    }
    return XINF_OK;
}

static bool import_function_same_domain(xi_str a, xi_str b)
{
    if (xi_str_is(a, "ai.onnx")) a = XI_STR("");
    if (xi_str_is(b, "ai.onnx")) b = XI_STR("");
    return xi_str_eq(a, b);
}

const Onnx__Function *xi_onnx_function_find(const xi_onnx_importer *im, const Onnx__Node *n)
{
    const xi_onnx_name *entry = xi_onnx_names_find(&im->functions, xi_onnx_str(n->op_type));
    for (uint32_t i = entry ? entry->index : 0; i; i = im->function_next[i - 1]) {
        const Onnx__Function *f = im->proto->functions[i - 1];
        if (import_function_same_domain(xi_onnx_str(f->domain), xi_onnx_str(n->domain)) &&
            xi_str_eq(xi_onnx_str(f->overload), xi_onnx_str(n->overload)))
            return f;
    }
    return NULL;
}

/* The calls around this place, innermost first. */
static const xi_onnx_call *import_function_outer(const xi_onnx_call *call)
{
    return call->caller->call;
}

static xinf_status import_function_enter(xi_onnx_importer *im, const xi_onnx_scope *scope,
                                         const Onnx__Node *n, const Onnx__Function *f)
{
    xi_str label = xi_onnx_label(n), name = xi_onnx_str(f->name);
    for (const xi_onnx_call *c = scope->call; c; c = import_function_outer(c))
        if (c->function == f)
            return xi_fail(im->err, XINF_MALFORMED, "node %.*s: function \"%.*s\" calls itself",
                           XI_STR_ARG(label), XI_STR_ARG(name));
    if (scope->depth + 1 > im->limits.max_depth)
        return xi_fail(im->err, XINF_LIMIT,
                       "node %.*s: graphs and functions are nested deeper than %u",
                       XI_STR_ARG(label), (unsigned)im->limits.max_depth);
    if (n->n_input > f->n_input || n->n_output > f->n_output)
        return xi_fail(
            im->err, XINF_MALFORMED,
            "node %.*s: function \"%.*s\" has %zu inputs and %zu outputs, the call has %zu and %zu",
            XI_STR_ARG(label), XI_STR_ARG(name), f->n_input, f->n_output, n->n_input, n->n_output);
    return XINF_OK;
}

static xinf_status import_function_bind_inputs(xi_onnx_importer *im, xi_onnx_scope *inner,
                                               const xi_onnx_scope *outer, const Onnx__Node *n,
                                               const Onnx__Function *f)
{
    for (size_t i = 0; i < f->n_input; i++) {
        xi_str name = xi_onnx_str(f->input[i]),
               actual = i < n->n_input ? xi_onnx_str(n->input[i]) : (xi_str){NULL, 0};
        xi_value *v = NULL;
        xinf_status status = actual.len ? xi_onnx_resolve(&v, im, outer, actual, xi_onnx_label(n))
                                        : XINF_OK;
        if (status) return status;
        if (xi_onnx_names_find(&inner->names, name))
            return xi_fail(im->err, XINF_MALFORMED,
                           "function \"%.*s\": input \"%.*s\" stands there twice",
                           XI_STR_ARG(xi_onnx_str(f->name)), XI_STR_ARG(name));
        xi_onnx_name *entry = xi_onnx_names_add(&inner->names, name);
        if (!entry) return xi_fail_memory(im->err, sizeof *entry);
        entry->value = v;
        entry->state = v ? XI_NAME_MADE : XI_NAME_ABSENT;
    }
    return XINF_OK;
}

static xinf_status import_function_bind_outputs(xi_onnx_importer *im, const xi_onnx_scope *inner,
                                                xi_onnx_scope *outer, const Onnx__Node *n,
                                                const Onnx__Function *f)
{
    for (size_t i = 0; i < n->n_output; i++) {
        xi_str actual = xi_onnx_str(n->output[i]);
        xi_value *v;
        if (!actual.len) continue;
        xinf_status status = xi_onnx_resolve(&v, im, inner, xi_onnx_str(f->output[i]),
                                             xi_onnx_str(f->name));
        if (status) {
            xi_error_prefix(im->err, "node %.*s: function ", XI_STR_ARG(xi_onnx_label(n)));
            return status;
        }
        xi_onnx_name *entry = xi_onnx_names_find(&outer->names, actual);
        entry->value = v;
        entry->state = v ? XI_NAME_MADE : XI_NAME_ABSENT;
    }
    return XINF_OK;
}

xinf_status xi_onnx_function_inline(xi_onnx_importer *im, xi_onnx_scope *scope, const Onnx__Node *n,
                                    const Onnx__Function *f)
{
    xinf_status status = import_function_enter(im, scope, n, f);
    if (status) return status;
    xi_onnx_call call = {.function = f,
                         .node = n,
                         .caller = scope,
                         .prefix = xi_onnx_scoped_name(im, scope, xi_onnx_label(n))};
    xi_onnx_scope inner = {.call = &call,
                           .graph = scope->graph,
                           .depth = scope->depth + 1,
                           .opsets = f->opset_import,
                           .opset_count = f->n_opset_import};
    xi_onnx_names_init(&inner.names, &im->alloc);
    XI_TRY(import_function_bind_inputs(im, &inner, scope, n, f));
    XI_TRY(xi_onnx_nodes_import(im, &inner, f->node, f->n_node));
    XI_TRY(import_function_bind_outputs(im, &inner, scope, n, f));
cleanup:
    xi_onnx_names_free(&inner.names);
    return status;
}
