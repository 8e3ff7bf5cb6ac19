#include "import/onnx/importer.h"

static xinf_status import_graph_add_name(xi_onnx_importer *im, xi_onnx_scope *scope, xi_str name,
                                         xi_value *value, const char *what)
{
    if (name.len == 0)
        return xi_fail(im->err, XINF_MALFORMED, "graph \"%.*s\": %s without a name",
                       XI_STR_ARG(scope->graph->name), what);
    if (xi_onnx_names_find(&scope->names, name))
        return xi_fail(im->err, XINF_MALFORMED, "graph \"%.*s\": %s \"%.*s\" is defined twice",
                       XI_STR_ARG(scope->graph->name), what, XI_STR_ARG(name));
    xi_onnx_name *entry = xi_onnx_names_add(&scope->names, name);
    if (!entry) return xi_fail_memory(im->err, scope->names.capacity * 2 * sizeof *entry);
    entry->value = value;
    return XINF_OK;
}

static bool import_graph_is_scalar(const Onnx__ValueInfo *v)
{
    return v->type && v->type->value_case == ONNX__TYPE__VALUE_TENSOR_TYPE &&
           v->type->tensor_type->shape && v->type->tensor_type->shape->n_dim == 0;
}

/* Some exporters write an empty shape where they know none: then every input and output is declared
 * a scalar. */
static bool import_graph_is_bare(const Onnx__Graph *proto)
{
    bool bare = true;
    for (size_t i = 0; i < proto->n_input && bare; i++)
        bare = import_graph_is_scalar(proto->input[i]);
    for (size_t i = 0; i < proto->n_output && bare; i++)
        bare = import_graph_is_scalar(proto->output[i]);
    return bare;
}

static xinf_status import_graph_inputs(xi_onnx_importer *im, xi_onnx_scope *scope,
                                       const Onnx__Graph *proto, const xi_onnx_names *constants)
{
    xi_graph *g = scope->graph;
    bool bare = !scope->parent && import_graph_is_bare(proto);
    g->inputs = xi_arena_array(g->arena, proto->n_input, sizeof *g->inputs);
    if (!g->inputs || proto->n_input > INT32_MAX) return xi_onnx_no_memory(im);
    for (size_t i = 0; i < proto->n_input; i++) {
        xi_str name = xi_onnx_str(proto->input[i]->name);
        xi_type type;
        /* Before IR 4 every initialiser had to be an input too: such an input is a constant, not
         * something to be given. */
        if (constants && xi_onnx_names_find(constants, name)) continue;
        xinf_status status = xi_onnx_type(&type, im, proto->input[i]->type, name);
        if (status) return status;
        if (bare && type.shape.rank == 0) type.shape = XI_SHAPE_UNKNOWN;
        xi_value *v = xi_graph_add_value(g, xi_onnx_scoped_name(im, scope, name), &type);
        if (!v) return xi_onnx_no_memory(im);
        status = import_graph_add_name(im, scope, name, v, "input");
        if (status) return status;
        xi_onnx_names_find(&scope->names, name)->input = (uint32_t)g->input_count;
        g->inputs[g->input_count++] = v;
    }
    return XINF_OK;
}

/* An initialiser is a constant, or stands in for a graph input of the same name that the caller
 * leaves out. */
static xinf_status import_graph_initializer(xi_onnx_importer *im, xi_onnx_scope *scope, xi_str name,
                                            const xi_literal *literal)
{
    const xi_onnx_name *input = scope->parent ? NULL : xi_onnx_names_find(&scope->names, name);
    if (input && input->input != UINT32_MAX && !im->defaults[input->input]) {
        im->defaults[input->input] = literal;
        return XINF_OK;
    }
    xi_value *v = xi_graph_add_constant(scope->graph, xi_onnx_scoped_name(im, scope, name),
                                        literal);
    if (!v) return xi_onnx_no_memory(im);
    return import_graph_add_name(im, scope, name, v, "initialiser");
}

static xinf_status import_graph_initializers(xi_onnx_importer *im, xi_onnx_scope *scope,
                                             const Onnx__Graph *proto)
{
    const xi_literal *literal;
    for (size_t i = 0; i < proto->n_initializer; i++) {
        xinf_status status = xi_onnx_literal(&literal, im, proto->initializer[i]);
        if (!status)
            status = import_graph_initializer(im, scope, xi_onnx_str(proto->initializer[i]->name),
                                              literal);
        if (status) return status;
    }
    for (size_t i = 0; i < proto->n_sparse_initializer; i++) {
        const Onnx__SparseTensor *s = proto->sparse_initializer[i];
        xi_str name = s->values ? xi_onnx_str(s->values->name) : (xi_str){NULL, 0};
        xinf_status status = xi_onnx_sparse(&literal, im, s, name);
        if (!status) status = import_graph_initializer(im, scope, name, literal);
        if (status) return status;
    }
    return XINF_OK;
}

/* Gives output `name` a value of its own when the one it stands for carries another name or is an
 * output already. */
static xinf_status import_graph_output_value(xi_value **inout, xi_onnx_importer *im,
                                             const xi_onnx_scope *scope, xi_str name,
                                             const xi_onnx_names *outputs)
{
    xi_graph *g = scope->graph;
    xi_value *v = *inout;
    bool taken = xi_onnx_names_find(outputs, v->name) != NULL;
    if (xi_str_eq(v->name, name)) return XINF_OK;
    if (v->producer && v->graph == g && !taken) {
        v->name = name;
        return XINF_OK;
    }
    xi_node *n = xi_graph_add_node(g, NULL, XI_STR(""), XI_STR("Identity"), (xi_str){NULL, 0}, 1, 1,
                                   0);
    xi_value *copy = n ? xi_graph_add_value(g, name, &v->type) : NULL;
    if (!copy) return xi_onnx_no_memory(im);
    n->inputs[0] = v;
    xi_node_set_output(n, 0, copy);
    *inout = copy;
    return XINF_OK;
}

static xinf_status import_graph_outputs(xi_onnx_importer *im, xi_onnx_scope *scope,
                                        const Onnx__Graph *proto)
{
    xi_graph *g = scope->graph;
    xi_onnx_names seen;
    xinf_status status = XINF_OK;
    xi_onnx_names_init(&seen, &im->alloc);
    g->outputs = xi_arena_array(g->arena, proto->n_output, sizeof *g->outputs);
    if (!g->outputs || proto->n_output > INT32_MAX) XI_TRY(xi_onnx_no_memory(im));
    for (size_t i = 0; i < proto->n_output; i++) {
        xi_str name = xi_onnx_str(proto->output[i]->name);
        xi_value *v;
        xi_type type;
        if (!scope->parent && xi_onnx_names_find(&seen, name))
            XI_TRY(xi_fail(im->err, XINF_MALFORMED, "output \"%.*s\" is declared twice",
                           XI_STR_ARG(name)));
        XI_TRY(xi_onnx_type(&type, im, proto->output[i]->type, name));
        XI_TRY(xi_onnx_resolve(&v, im, scope, name, XI_STR("the graph's output")));
        if (!v)
            XI_TRY(xi_fail(im->err, XINF_MALFORMED,
                           "output \"%.*s\" stands for an input that is left out",
                           XI_STR_ARG(name)));
        if (!scope->parent) XI_TRY(import_graph_output_value(&v, im, scope, name, &seen));
        if (!scope->parent && !xi_onnx_names_add(&seen, name))
            XI_TRY(xi_fail_memory(im->err, sizeof(xi_onnx_name)));
        if (v->producer && v->graph == g && v->type.kind == XINF_KIND_TENSOR &&
            v->type.dtype == XINF_UNDEFINED && v->type.shape.rank < 0)
            v->type = type; /* what the file says, until the shape rules say more */
        g->outputs[g->output_count++] = v;
    }
cleanup:
    xi_onnx_names_free(&seen);
    return status;
}

/* The initialisers' names, for files where they make inputs constant. */
static xinf_status import_graph_constant_names(xi_onnx_names *out, xi_onnx_importer *im,
                                               const Onnx__Graph *proto)
{
    for (size_t i = 0; i < proto->n_initializer; i++) {
        xi_str name = xi_onnx_str(proto->initializer[i]->name);
        if (!xi_onnx_names_find(out, name) && !xi_onnx_names_add(out, name))
            return xi_fail_memory(im->err, sizeof(xi_onnx_name));
    }
    return XINF_OK;
}

xinf_status xi_onnx_graph_import(xi_graph **out, xi_onnx_importer *im, const Onnx__Graph *proto,
                                 const xi_onnx_scope *parent)
{
    xinf_status status = XINF_OK;
    xi_onnx_names constants;
    xi_onnx_scope scope = {.parent = parent,
                           .opsets = im->proto->opset_import,
                           .opset_count = im->proto->n_opset_import};
    *out = NULL;
    xi_onnx_names_init(&constants, &im->alloc);
    xi_onnx_names_init(&scope.names, &im->alloc);
    if (parent) {
        scope.call = parent->call;
        scope.opsets = parent->opsets;
        scope.opset_count = parent->opset_count;
        scope.depth = parent->depth + 1;
    }
    if (scope.depth > im->limits.max_depth)
        XI_TRY(xi_fail(im->err, XINF_LIMIT,
                       "graph \"%.*s\": graphs and functions are nested deeper than %u",
                       XI_STR_ARG(xi_onnx_str(proto->name)), (unsigned)im->limits.max_depth));
    scope.graph = xi_graph_create(im->family, parent ? parent->graph : NULL,
                                  xi_onnx_str(proto->name));
    if (!scope.graph) XI_TRY(xi_onnx_no_memory(im));
    bool constant_inputs = parent || im->proto->ir_version < 4;
    if (constant_inputs) XI_TRY(import_graph_constant_names(&constants, im, proto));
    XI_TRY(import_graph_inputs(im, &scope, proto, constant_inputs ? &constants : NULL));
    if (!parent) {
        im->defaults = xi_arena_array(&im->family->arena, (size_t)scope.graph->input_count,
                                      sizeof *im->defaults);
        if (!im->defaults) XI_TRY(xi_onnx_no_memory(im));
    }
    XI_TRY(import_graph_initializers(im, &scope, proto));
    XI_TRY(xi_onnx_nodes_import(im, &scope, proto->node, proto->n_node));
    XI_TRY(import_graph_outputs(im, &scope, proto));
    *out = scope.graph;
cleanup:
    xi_onnx_names_free(&constants);
    xi_onnx_names_free(&scope.names);
    return status;
}
