#include "import/tensorflow/tensorflow.h"

#include <stdlib.h>

#include "base/allocator.h"
#include "import/tensorflow/importer.h"

enum { TF_MAX_ENDS = 4096 };

/* One input or output of the model. */
typedef struct tf_end {
    xi_str name;
    xi_tf_ref ref;
    const Tf__TensorInfo *info;
    const Tf__Node *node;
} tf_end;

typedef struct tf_ends {
    tf_end *inputs, *outputs;
    int32_t input_count, output_count;
} tf_ends;

/* ---- what a model reads and writes ---- */

typedef struct tf_reach {
    uint8_t *main;      /* per node of the graph */
    uint8_t *functions; /* per function */
    uint32_t *stack;
    size_t depth;
    bool writes;
} tf_reach;

static bool tf_writes(xi_str op)
{
    static const char *const ops[] = {"AssignVariableOp",    "AssignAddVariableOp",
                                      "AssignSubVariableOp", "Assign",
                                      "AssignAdd",           "AssignSub"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (xi_str_is(op, ops[i])) return true;
    return false;
}

static void tf_reach_function(xi_tf_importer *im, tf_reach *r, xi_str name);

static void tf_reach_node(xi_tf_importer *im, tf_reach *r, const Tf__Node *n)
{
    r->writes |= tf_writes(xi_tf_str(n->op));
    for (size_t i = 0; i < n->n_attr; i++) {
        const Tf__Attr *a = n->attr[i]->value;
        if (a && a->func) tf_reach_function(im, r, xi_tf_str(a->func->name));
        for (size_t k = 0; a && a->list && k < a->list->n_func; k++)
            tf_reach_function(im, r, xi_tf_str(a->list->func[k]->name));
    }
}

/* Marks the function; its nodes are looked at later, so that the depth of calls does not matter. */
static void tf_reach_function(xi_tf_importer *im, tf_reach *r, xi_str name)
{
    const xi_onnx_name *found = xi_onnx_names_find(&im->function_names, name);
    if (found && !r->functions[found->index]) r->functions[found->index] = 1;
}

static xinf_status tf_reach_main(xi_tf_importer *im, tf_reach *r, xi_tf_ref from)
{
    if (from.node == UINT32_MAX || r->main[from.node]) return XINF_OK;
    r->main[from.node] = 1;
    r->stack[r->depth++] = from.node;
    while (r->depth) {
        uint32_t at = r->stack[--r->depth];
        const xi_tf_ref *refs = xi_tf_body_refs(im, &im->main, at);
        if (!refs) return im->refs_status;
        tf_reach_node(im, r, im->main.nodes[at]);
        for (size_t i = 0; i < im->main.nodes[at]->n_input; i++) {
            uint32_t to = refs[i].node;
            if (to == UINT32_MAX || r->main[to]) continue;
            r->main[to] = 1;
            r->stack[r->depth++] = to;
        }
    }
    return XINF_OK;
}

/* 1: marked, 2: looked at. */
static void tf_reach_functions(xi_tf_importer *im, tf_reach *r)
{
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < im->function_count; i++) {
            if (r->functions[i] != 1) continue;
            r->functions[i] = 2;
            more = true;
            for (size_t k = 0; k < im->functions[i].count; k++)
                tf_reach_node(im, r, im->functions[i].nodes[k]);
        }
    }
}

static xinf_status tf_reach_all(xi_tf_importer *im, tf_reach *r, const tf_ends *e)
{
    xinf_status status = XINF_OK;
    r->main = xi_calloc(&im->alloc, im->main.count + 1, 1);
    r->functions = xi_calloc(&im->alloc, im->function_count + 1, 1);
    r->stack = xi_alloc(&im->alloc, (im->main.count + 1) * sizeof *r->stack);
    if (!r->main || !r->functions || !r->stack) return xi_fail_memory(im->err, im->main.count * 5);
    for (int32_t i = 0; i < e->output_count && !status; i++)
        status = tf_reach_main(im, r, e->outputs[i].ref);
    if (!status) tf_reach_functions(im, r);
    im->effects = r->writes;
    return status;
}

static void tf_reach_free(xi_tf_importer *im, tf_reach *r)
{
    xi_free(&im->alloc, r->main, im->main.count + 1);
    xi_free(&im->alloc, r->functions, im->function_count + 1);
    xi_free(&im->alloc, r->stack, (im->main.count + 1) * sizeof *r->stack);
}

/* ---- inputs and outputs ---- */

static bool tf_is_placeholder(const Tf__Node *n)
{
    xi_str op = xi_tf_str(n->op);
    return xi_str_is(op, "Placeholder") || xi_str_is(op, "PlaceholderV2") ||
           xi_str_is(op, "PlaceholderWithDefault");
}

static xinf_status tf_tensor_name(xi_str *out, xi_tf_importer *im, xi_str node, int32_t output)
{
    char digits[16];
    size_t len = 0;
    for (int32_t v = output; v || !len; v /= 10) digits[len++] = (char)('0' + v % 10);
    char *text = xi_arena_alloc(&im->family->arena, node.len + len + 2);
    if (!text) return xi_tf_no_memory(im);
    if (node.len) memcpy(text, node.ptr, node.len);
    text[node.len] = ':';
    for (size_t i = 0; i < len; i++) text[node.len + 1 + i] = digits[len - 1 - i];
    *out = (xi_str){text, node.len + 1 + len};
    return XINF_OK;
}

/* Default: what nothing reads. */
static xinf_status tf_graph_outputs(tf_ends *e, xi_tf_importer *im)
{
    static const char *const silent[] = {"Const",
                                         "NoOp",
                                         "Assert",
                                         "Placeholder",
                                         "PlaceholderV2",
                                         "Assign",
                                         "AssignVariableOp",
                                         "VariableV2",
                                         "VarHandleOp",
                                         "SaveV2",
                                         "MergeV2Checkpoints",
                                         "Exit"};
    xinf_status status = XINF_OK;
    uint8_t *read = xi_calloc(&im->alloc, im->main.count + 1, 1);
    e->outputs = xi_arena_array(&im->family->arena, im->main.count + 1, sizeof *e->outputs);
    if (!read || !e->outputs) XI_TRY(xi_tf_no_memory(im));
    for (uint32_t i = 0; i < im->main.count; i++) {
        const xi_tf_ref *refs = xi_tf_body_refs(im, &im->main, i);
        if (!refs) XI_TRY(im->refs_status);
        for (size_t k = 0; k < im->main.nodes[i]->n_input; k++)
            if (refs[k].node != UINT32_MAX) read[refs[k].node] = 1;
    }
    for (uint32_t i = 0; i < im->main.count; i++) {
        bool wanted = !read[i];
        for (size_t k = 0; k < sizeof silent / sizeof *silent; k++)
            wanted = wanted && !xi_str_is(xi_tf_str(im->main.nodes[i]->op), silent[k]);
        if (!wanted) continue;
        tf_end *end = &e->outputs[e->output_count++];
        *end = (tf_end){.ref = {.node = i}};
        XI_TRY(tf_tensor_name(&end->name, im, xi_tf_str(im->main.nodes[i]->name), 0));
    }
cleanup:
    xi_free(&im->alloc, read, im->main.count + 1);
    return status;
}

static xinf_status tf_chosen_outputs(tf_ends *e, xi_tf_importer *im, const xi_import_source *source)
{
    if (source->output_count < 0 || source->output_count > TF_MAX_ENDS)
        return xi_fail(im->err, XINF_INVALID_ARGUMENT, "%d outputs are asked for",
                       (int)source->output_count);
    e->outputs = xi_arena_array(&im->family->arena, (size_t)source->output_count + 1,
                                sizeof *e->outputs);
    if (!e->outputs) return xi_tf_no_memory(im);
    for (int32_t i = 0; i < source->output_count; i++) {
        xi_str name = xi_str_of(source->outputs[i]);
        char *copy = xi_arena_strndup(&im->family->arena, name.ptr, name.len);
        if (!copy) return xi_tf_no_memory(im);
        e->outputs[i].name = (xi_str){copy, name.len};
        xinf_status status = xi_tf_ref_parse(&e->outputs[i].ref, im, &im->main, name,
                                             XI_STR("(the wanted outputs)"));
        if (status) return status;
    }
    e->output_count = source->output_count;
    return XINF_OK;
}

static int tf_end_order(const void *a, const void *b)
{
    xi_str x = ((const tf_end *)a)->name, y = ((const tf_end *)b)->name;
    size_t n = x.len < y.len ? x.len : y.len;
    int order = n ? memcmp(x.ptr, y.ptr, n) : 0;
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static xinf_status tf_signature_side(tf_end **out, int32_t *out_count, xi_tf_importer *im,
                                     Tf__TensorInfoEntry *const *list, size_t count)
{
    tf_end *ends = xi_arena_array(&im->family->arena, count + 1, sizeof *ends);
    if (!ends || count > TF_MAX_ENDS)
        return xi_fail(im->err, XINF_LIMIT, "SavedModel: a signature has %zu tensors", count);
    for (size_t i = 0; i < count; i++) {
        ends[i] = (tf_end){.name = xi_tf_str(list[i]->key), .info = list[i]->value};
        if (!list[i]->value || !list[i]->value->name.len)
            return xi_fail(im->err, XINF_UNSUPPORTED,
                           "SavedModel: the signature's \"%.*s\" is no dense tensor",
                           XI_STR_ARG(ends[i].name));
        xinf_status status = xi_tf_ref_parse(&ends[i].ref, im, &im->main,
                                             xi_tf_str(list[i]->value->name),
                                             XI_STR("(the signature)"));
        if (status) return status;
    }
    if (count) qsort(ends, count, sizeof *ends, tf_end_order);
    *out = ends;
    *out_count = (int32_t)count;
    return XINF_OK;
}

static const Tf__SignatureEntry *tf_signature_find(const Tf__MetaGraph *m, const char *wanted)
{
    const Tf__SignatureEntry *found = NULL;
    for (size_t i = 0; i < m->n_signature_def; i++) {
        const Tf__SignatureEntry *s = m->signature_def[i];
        xi_str name = xi_tf_str(s->key);
        if (!s->value) continue;
        if (xi_str_is(name, wanted ? wanted : "serving_default")) return s;
        if (wanted || xi_str_is(name, "__saved_model_init_op") || !s->value->n_outputs) continue;
        tf_end a = {.name = name}, b = {.name = found ? xi_tf_str(found->key) : name};
        if (!found || tf_end_order(&a, &b) < 0) found = s;
    }
    return found;
}

static xinf_status tf_signature(tf_ends *e, xi_tf_importer *im, const char *wanted)
{
    const Tf__SignatureEntry *s = tf_signature_find(im->tree->meta, wanted);
    if (!s && wanted)
        return xi_fail(im->err, XINF_INVALID_ARGUMENT, "SavedModel: there is no signature \"%s\"",
                       wanted);
    if (!s)
        return xi_fail(im->err, XINF_UNSUPPORTED,
                       "SavedModel: it has no signature, so what goes in and out is not known");
    xinf_status status = tf_signature_side(&e->inputs, &e->input_count, im, s->value->inputs,
                                           s->value->n_inputs);
    return status ? status
                  : tf_signature_side(&e->outputs, &e->output_count, im, s->value->outputs,
                                      s->value->n_outputs);
}

/* ---- the graph ---- */

static xinf_status tf_functions(xi_tf_importer *im)
{
    const Tf__Library *l = im->tree->graph->library;
    im->function_count = l ? l->n_function : 0;
    im->functions = xi_calloc(&im->alloc, im->function_count + 1, sizeof *im->functions);
    if (!im->functions) return xi_fail_memory(im->err, im->function_count * sizeof *im->functions);
    for (size_t i = 0; i < im->function_count; i++) {
        const Tf__FunctionDef *f = l->function[i];
        xi_tf_body_init(&im->functions[i], &im->alloc, f->node_def, f->n_node_def, f);
        if (!f->signature || !f->signature->name.len)
            return xi_fail(im->err, XINF_MALFORMED, "TensorFlow graph: function %zu has no name",
                           i);
        if (xi_onnx_names_find(&im->function_names, xi_tf_str(f->signature->name)))
            return xi_fail(im->err, XINF_MALFORMED, "two functions have the name \"%.*s\"",
                           XI_STR_ARG(xi_tf_str(f->signature->name)));
        xi_onnx_name *entry = xi_onnx_names_add(&im->function_names, xi_tf_str(f->signature->name));
        if (!entry) return xi_fail_memory(im->err, sizeof *entry);
        entry->index = (uint32_t)i;
    }
    return XINF_OK;
}

static xinf_status tf_input_type(xi_type *type, xi_tf_importer *im, const tf_end *e)
{
    const Tf__Node *n = im->main.nodes[e->ref.node];
    const Tf__Attr *dtype = xi_tf_node_attr(n, "dtype"), *shape = xi_tf_node_attr(n, "shape");
    const Tf__Versions *versions = im->tree->graph->versions;
    *type = XI_TYPE_UNKNOWN;
    type->dtype = xi_tf_dtype(e->info                    ? e->info->dtype
                              : dtype && dtype->has_type ? dtype->type
                                                         : 0);
    if (!xi_tf_shape(&type->shape, e->info ? e->info->tensor_shape : shape ? shape->shape : NULL))
        return xi_fail(im->err, XINF_UNSUPPORTED, "input \"%.*s\" has too many dimensions",
                       XI_STR_ARG(e->name));
    /* Old files wrote an unknown shape as no dimensions. */
    if (!e->info && type->shape.rank == 0 && (!versions || versions->producer < 24))
        type->shape.rank = -1;
    return XINF_OK;
}

/* The default of a PlaceholderWithDefault, when it is a constant. */
static xinf_status tf_default(const xi_literal **out, xi_tf_importer *im, xi_tf_scope *s,
                              uint32_t node)
{
    xi_tf_value *v;
    const xi_tf_ref *refs = xi_tf_body_refs(im, &im->main, node);
    *out = NULL;
    if (!refs) return im->refs_status;
    if (!xi_str_is(xi_tf_str(im->main.nodes[node]->op), "PlaceholderWithDefault") ||
        !im->main.nodes[node]->n_input)
        return XINF_OK;
    xinf_status status = xi_tf_eval(&v, im, s, refs[0]);
    if (!status && v->v) *out = v->v->literal;
    return status;
}

static xinf_status tf_inputs(xi_import *out, xi_tf_importer *im, xi_tf_scope *s, tf_ends *e)
{
    xi_graph *g = im->graph;
    g->inputs = xi_arena_array(g->arena, (size_t)e->input_count + 1, sizeof *g->inputs);
    out->defaults = xi_arena_array(g->arena, (size_t)e->input_count + 1, sizeof *out->defaults);
    if (!g->inputs || !out->defaults) return xi_tf_no_memory(im);
    for (int32_t i = 0; i < e->input_count; i++) {
        xi_type type;
        if (e->inputs[i].ref.node == UINT32_MAX)
            return xi_fail(im->err, XINF_MALFORMED, "SavedModel: an input is no node");
        xinf_status status = tf_input_type(&type, im, &e->inputs[i]);
        if (!status) status = tf_default(&out->defaults[i], im, s, e->inputs[i].ref.node);
        if (status) return status;
        xi_value *v = xi_graph_add_value(g, e->inputs[i].name, &type);
        if (!v) return xi_tf_no_memory(im);
        g->inputs[g->input_count++] = v;
        status = xi_tf_scope_preset(im, s, e->inputs[i].ref.node, e->inputs[i].ref.output,
                                    (xi_tf_value){.v = v});
        if (status) return status;
    }
    return XINF_OK;
}

/* Placeholders that the outputs need, in the file's order. */
static xinf_status tf_graph_inputs(tf_ends *e, xi_tf_importer *im, const tf_reach *r)
{
    e->inputs = xi_arena_array(&im->family->arena, im->main.count + 1, sizeof *e->inputs);
    if (!e->inputs) return xi_tf_no_memory(im);
    for (uint32_t i = 0; i < im->main.count; i++) {
        const Tf__Node *n = im->main.nodes[i];
        const Tf__Attr *dtype = xi_tf_node_attr(n, "dtype");
        if (!r->main[i] || !tf_is_placeholder(n)) continue;
        /* Whether a net learns is not asked of who runs it. */
        if (xi_str_is(xi_tf_str(n->op), "PlaceholderWithDefault") && dtype && dtype->type == 10)
            continue;
        tf_end *end = &e->inputs[e->input_count++];
        *end = (tf_end){.ref = {.node = i}, .node = n};
        xinf_status status = tf_tensor_name(&end->name, im, xi_tf_str(n->name), 0);
        if (status) return status;
    }
    return XINF_OK;
}

/* Values of the graph's outputs go by their own names. */
static xinf_status tf_outputs(xi_tf_importer *im, xi_tf_scope *s, const tf_ends *e)
{
    xi_graph *g = im->graph;
    g->outputs = xi_arena_array(g->arena, (size_t)e->output_count + 1, sizeof *g->outputs);
    if (!g->outputs) return xi_tf_no_memory(im);
    if (!e->output_count)
        return xi_fail(im->err, XINF_MALFORMED, "TensorFlow graph: nothing in it is an output");
    for (int32_t i = 0; i < e->output_count; i++) {
        xi_tf_value *v;
        xi_tf_outputs none = {0};
        xinf_status status = xi_tf_eval(&v, im, s, e->outputs[i].ref);
        if (status) return status;
        xi_tf_call c = {.im = im,
                        .scope = s,
                        .out = &none,
                        .node = e->outputs[i].ref.node == UINT32_MAX
                                    ? NULL
                                    : im->main.nodes[e->outputs[i].ref.node]};
        xi_value *x = v ? xi_tf_tensor(&c, v) : NULL;
        if (c.status) return c.status;
        if (!x)
            return xi_fail(im->err, XINF_UNSUPPORTED, "output \"%.*s\" is no tensor",
                           XI_STR_ARG(e->outputs[i].name));
        xi_node *n = xi_graph_add_node(g, NULL, XI_STR(""), XI_STR("Identity"), e->outputs[i].name,
                                       1, 1, 0);
        xi_value *y = n ? xi_graph_add_value(g, e->outputs[i].name, &x->type) : NULL;
        if (!y) return xi_tf_no_memory(im);
        if (x->name.len && xi_str_eq(x->name, y->name) && x->producer) x->name = (xi_str){NULL, 0};
        n->inputs[0] = x;
        xi_node_set_output(n, 0, y);
        g->outputs[g->output_count++] = y;
    }
    return XINF_OK;
}

/* Variables that are written are carried from run to run, the others are constants. */
static xinf_status tf_states(xi_tf_importer *im)
{
    xi_graph *g = im->graph;
    g->states = xi_arena_array(g->arena, im->variable_count + 1, sizeof *g->states);
    if (!g->states) return xi_tf_no_memory(im);
    for (size_t i = 0; i < im->variable_count; i++) {
        xi_tf_variable *v = &im->variables[i];
        if (v->written && v->initial) {
            xi_type type = {
                .kind = XINF_KIND_TENSOR, .dtype = v->initial->dtype, .shape = v->initial->shape};
            if (!v->read) v->read = xi_graph_add_value(g, v->name, &type);
            if (!v->read) return xi_tf_no_memory(im);
            g->states[g->state_count++] = (xi_state){
                .name = v->name, .read = v->read, .written = v->now, .initial = v->initial};
        } else if (v->read) {
            xi_value *k = xi_graph_add_constant(g, v->name, v->initial);
            if (!k) return xi_tf_no_memory(im);
            xi_graph_replace_uses(g, v->read, k);
        }
    }
    return XINF_OK;
}

static xinf_status tf_import_ends(xi_import *out, xi_tf_importer *im, xi_tf_scope *s,
                                  const xi_import_source *source)
{
    xinf_status status;
    tf_ends e = {0};
    tf_reach r = {0};
    if (im->tree->meta)
        XI_TRY(tf_signature(&e, im, source->signature));
    else
        XI_TRY(source->output_count ? tf_chosen_outputs(&e, im, source) : tf_graph_outputs(&e, im));
    XI_TRY(tf_reach_all(im, &r, &e));
    if (!im->tree->meta) XI_TRY(tf_graph_inputs(&e, im, &r));
    XI_TRY(xi_tf_variables_restore(im));
    XI_TRY(tf_inputs(out, im, s, &e));
    XI_TRY(tf_outputs(im, s, &e));
    XI_TRY(tf_states(im));
cleanup:
    tf_reach_free(im, &r);
    return status;
}

static xi_import_limits tf_limits(const xi_tf_tree *t, const xi_import_limits *given)
{
    xi_import_limits l = *given;
    if (!l.max_bytes) l.max_bytes = xi_tf_tree_limit(t);
    if (!l.max_steps) l.max_steps = 4000000;
    if (!l.max_depth) l.max_depth = 32;
    l.max_bytes -= t->arena.used < l.max_bytes ? t->arena.used : l.max_bytes - 1;
    return l;
}

static xinf_status tf_import_tree(xi_import *out, xi_tf_tree *tree, const xi_import_source *source,
                                  xinf_error *err)
{
    xinf_status status;
    xi_tf_scope scope = {0};
    xi_tf_importer im = {.alloc = *source->alloc,
                         .tree = tree,
                         .limits = tf_limits(tree, &source->limits),
                         .err = err};
    xi_onnx_names_init(&im.function_names, &im.alloc);
    xi_onnx_names_init(&im.resource_names, &im.alloc);
    xi_tf_body_init(&im.main, &im.alloc, tree->graph->node, tree->graph->n_node, NULL);
    XI_TRY(xi_family_create(&im.family, &im.alloc, (size_t)im.limits.max_bytes, err));
    im.graph = xi_graph_create(im.family, NULL, XI_STR("tensorflow"));
    if (!im.graph) XI_TRY(xi_tf_no_memory(&im));
    XI_TRY(tf_functions(&im));
    XI_TRY(xi_tf_body_prepare(&im, &im.main));
    XI_TRY(xi_tf_scope_init(&scope, &im, &im.main, im.graph));
    XI_TRY(tf_import_ends(out, &im, &scope, source));
    out->family = im.family;
    out->graph = im.graph;
    im.family = NULL;
cleanup:
    if (scope.values) xi_tf_scope_free(&scope, &im);
    for (size_t i = 0; im.functions && i < im.function_count; i++)
        xi_tf_body_free(&im, &im.functions[i]);
    xi_free(&im.alloc, im.functions, (im.function_count + 1) * sizeof *im.functions);
    xi_tf_body_free(&im, &im.main);
    xi_onnx_names_free(&im.function_names);
    xi_onnx_names_free(&im.resource_names);
    xi_free(&im.alloc, im.variables, im.variable_capacity * sizeof *im.variables);
    if (status) {
        xi_family_destroy(im.family);
        *out = (xi_import){0};
    }
    return status;
}

static void tf_end_owner(void *owner)
{
    xi_tf_tree_close(owner);
}

static xinf_status tf_import(xi_import *out, const xi_import_source *source, bool saved,
                             xinf_error *err)
{
    xi_tf_tree *tree = NULL;
    *out = (xi_import){0};
    xinf_status status = xi_tf_tree_open(&tree, source->alloc, source->file, saved, source->folder,
                                         source->map, source->limits.max_bytes, err);
    if (!status) status = tf_import_tree(out, tree, source, err);
    if (status) {
        xi_tf_tree_close(tree);
        return status;
    }
    out->mapped_bytes = (source->file->mapped ? source->file->size : 0) +
                        xi_tf_bundle_mapped(tree->bundle);
    out->owner = tree;
    out->end_owner = tf_end_owner;
    return XINF_OK;
}

xinf_status xi_import_graphdef(xi_import *out, const xi_import_source *source, xinf_error *err)
{
    return tf_import(out, source, false, err);
}

xinf_status xi_import_savedmodel(xi_import *out, const xi_import_source *source, xinf_error *err)
{
    return tf_import(out, source, true, err);
}
