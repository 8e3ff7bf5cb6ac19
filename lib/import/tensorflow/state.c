/* state.c — variables: constants as long as nothing writes them, else values that a session carries
 * from run to run. */
#include "base/allocator.h"
#include "import/tensorflow/importer.h"

int32_t xi_tf_resource(xi_tf_importer *im, xi_str name, const Tf__Node *node)
{
    const xi_onnx_name *found = xi_onnx_names_find(&im->resource_names, name);
    if (found) return (int32_t)found->index + 1;
    if (im->variable_count >= INT32_MAX - 1) return 0;
    if (!xi_grow(&im->alloc, (void **)&im->variables, &im->variable_capacity,
                 im->variable_count + 1, sizeof *im->variables))
        return 0;
    xi_onnx_name *entry = xi_onnx_names_add(&im->resource_names, name);
    if (!entry) return 0;
    entry->index = (uint32_t)im->variable_count;
    im->variables[im->variable_count++] = (xi_tf_variable){.name = name, .node = node};
    return (int32_t)im->variable_count;
}

static bool state_is_ref(const Tf__Node *n)
{
    xi_str op = xi_tf_str(n->op);
    return xi_str_is(op, "VariableV2") || xi_str_is(op, "Variable") ||
           xi_str_is(op, "TemporaryVariable");
}

static bool state_is_handle(const Tf__Node *n)
{
    return xi_str_is(xi_tf_str(n->op), "VarHandleOp") || xi_str_is(xi_tf_str(n->op), "VarHandle");
}

/* Handles of one shared name are one variable. */
static xi_str state_key(const Tf__Node *n)
{
    const Tf__Attr *a = xi_tf_node_attr(n, "shared_name");
    return a && a->has_s && a->s.len ? xi_tf_str(a->s) : xi_tf_str(n->name);
}

static void state_op_variable(xi_tf_call *c)
{
    int32_t resource = xi_tf_resource(c->im, state_key(c->node), c->node);
    if (!resource) c->status = xi_tf_no_memory(c->im);
    xi_tf_give_value(c, 0, &(xi_tf_value){.resource = resource});
}

static xi_tf_variable *state_of(xi_tf_call *c, int32_t i)
{
    if (i < c->in_count && c->in[i]->resource) return &c->im->variables[c->in[i]->resource - 1];
    xi_tf_refuse(c, "it reads or writes something that is no variable");
    return NULL;
}

static xi_value *state_first(xi_tf_call *c, xi_tf_variable *v)
{
    xi_tf_importer *im = c->im;
    if (v->now) return v->now;
    if (!v->initial) {
        xi_tf_refuse(c, "the variable it reads has no saved contents");
        return NULL;
    }
    if (im->effects) {
        xi_type type = {
            .kind = XINF_KIND_TENSOR, .dtype = v->initial->dtype, .shape = v->initial->shape};
        v->now = v->read = xi_graph_add_value(im->graph, v->name, &type);
    } else {
        v->now = xi_graph_add_constant(im->graph, v->name, v->initial);
    }
    if (!v->now) c->status = xi_tf_no_memory(im);
    return v->now;
}

xi_value *xi_tf_variable_read(xi_tf_call *c, int32_t resource)
{
    xi_tf_variable *v = &c->im->variables[resource - 1];
    return state_is_ref(v->node) ? state_first(c, v) : NULL;
}

static void state_op_read(xi_tf_call *c)
{
    xi_tf_variable *v = state_of(c, 0);
    if (v) xi_tf_give(c, 0, state_first(c, v));
}

/* A subgraph cannot hand a new value out by itself; control.c refuses what was written in one. */
static void state_write(xi_tf_call *c, xi_tf_variable *v, xi_value *now)
{
    if (!now) return;
    v->now = now;
    v->written = true;
}

static void state_op_assign(xi_tf_call *c)
{
    xi_tf_variable *v = state_of(c, 0);
    xi_value *x = v ? xi_tf_in(c, 1) : NULL;
    if (!x) return;
    if (c->row->to) x = xi_tf_op2(c, c->row->to, state_first(c, v), x);
    state_write(c, v, x);
    if (c->row->how && x) xi_tf_give(c, 0, x);
}

static void state_op_nothing(xi_tf_call *c)
{
    (void)c;
}

static void state_op_true(xi_tf_call *c)
{
    xi_tf_give(c, 0, xi_tf_scalar(c, XINF_BOOL, 1));
}

/* ---- what the file's restore operators say ---- */

static bool state_source(xi_tf_ref *out, xi_tf_importer *im, xi_tf_body *b, xi_tf_ref ref)
{
    for (int hops = 0; hops < 16; hops++) {
        *out = ref;
        if (ref.node == UINT32_MAX || !xi_str_is(xi_tf_str(b->nodes[ref.node]->op), "Identity"))
            return true;
        const xi_tf_ref *refs = xi_tf_body_refs(im, b, ref.node);
        if (!refs || !b->nodes[ref.node]->n_input) return false;
        ref = refs[0];
    }
    return false;
}

static xinf_status state_restore_one(xi_tf_importer *im, xi_tf_body *b, const Tf__Node *handle,
                                     xi_tf_ref value)
{
    xi_tf_ref source, names;
    xi_tf_constant list, data;
    if (!state_source(&source, im, b, value) || source.node == UINT32_MAX) return XINF_OK;
    const Tf__Node *restore = b->nodes[source.node];
    const xi_tf_ref *refs = xi_str_is(xi_tf_str(restore->op), "RestoreV2")
                                ? xi_tf_body_refs(im, b, source.node)
                                : NULL;
    if (!refs || restore->n_input < 2 || !state_source(&names, im, b, refs[1]) ||
        names.node == UINT32_MAX)
        return XINF_OK;
    const Tf__Attr *a = xi_tf_node_attr(b->nodes[names.node], "value");
    if (!a || !a->tensor) return XINF_OK;
    xinf_status status = xi_tf_constant_read(&list, im->tree, a->tensor,
                                             xi_tf_str(b->nodes[names.node]->name), im->err);
    if (status) return status;
    if (list.dtype != XINF_STRING || source.output >= list.count) return XINF_OK;
    int32_t resource = xi_tf_resource(im, state_key(handle), handle);
    if (!resource) return xi_tf_no_memory(im);
    if (im->variables[resource - 1].initial) return XINF_OK;
    status = xi_tf_bundle_find(&data, im->tree->bundle, ((const xi_str *)list.data)[source.output],
                               im->err);
    if (status) return status;
    xi_literal *l = xi_arena_alloc(&im->family->arena, sizeof *l);
    if (!l) return xi_tf_no_memory(im);
    *l = (xi_literal){.dtype = data.dtype,
                      .shape = xi_shape_of(data.rank, data.dims),
                      .count = data.count,
                      .data = data.data,
                      .size = data.size,
                      .file = data.file};
    im->variables[resource - 1].initial = l;
    return XINF_OK;
}

/* Every assignment of restored contents in a body; its arguments are handles of the main graph
 * (call's inputs). */
static xinf_status state_restore_body(xi_tf_importer *im, xi_tf_body *b, const xi_tf_ref *call,
                                      size_t call_count)
{
    xinf_status status = xi_tf_body_prepare(im, b);
    for (uint32_t i = 0; i < b->count && !status; i++) {
        xi_str op = xi_tf_str(b->nodes[i]->op);
        xi_tf_ref handle;
        if (!xi_str_is(op, "AssignVariableOp") && !xi_str_is(op, "Assign")) continue;
        const xi_tf_ref *refs = xi_tf_body_refs(im, b, i);
        if (!refs) return im->refs_status;
        if (b->nodes[i]->n_input < 2 || !state_source(&handle, im, b, refs[0])) continue;
        const Tf__Node *n = handle.node == UINT32_MAX ? NULL : b->nodes[handle.node];
        if (!n && call && (size_t)handle.output < call_count &&
            state_source(&handle, im, &im->main, call[handle.output]) && handle.node != UINT32_MAX)
            n = im->main.nodes[handle.node];
        if (n && (state_is_handle(n) || state_is_ref(n)))
            status = state_restore_one(im, b, n, refs[1]);
    }
    return status;
}

/* Keras saves copies: a variable that gave a saved one its first contents has the same. */
static xinf_status state_restore_copies(xi_tf_importer *im)
{
    xi_tf_body *b = &im->main;
    for (uint32_t i = 0; i < b->count; i++) {
        xi_tf_ref to, from, source;
        xi_str op = xi_tf_str(b->nodes[i]->op);
        if (!xi_str_is(op, "AssignVariableOp") || b->nodes[i]->n_input < 2) continue;
        const xi_tf_ref *refs = xi_tf_body_refs(im, b, i);
        if (!refs) return im->refs_status;
        if (!state_source(&to, im, b, refs[0]) || !state_source(&from, im, b, refs[1])) continue;
        if (to.node == UINT32_MAX || from.node == UINT32_MAX ||
            !xi_str_is(xi_tf_str(b->nodes[from.node]->op), "ReadVariableOp"))
            continue;
        refs = xi_tf_body_refs(im, b, from.node);
        if (!refs) return im->refs_status;
        if (!b->nodes[from.node]->n_input || !state_source(&source, im, b, refs[0]) ||
            source.node == UINT32_MAX)
            continue;
        if (!state_is_handle(b->nodes[to.node]) || !state_is_handle(b->nodes[source.node]))
            continue;
        int32_t a = xi_tf_resource(im, state_key(b->nodes[to.node]), b->nodes[to.node]);
        int32_t z = xi_tf_resource(im, state_key(b->nodes[source.node]), b->nodes[source.node]);
        if (!a || !z) return xi_tf_no_memory(im);
        if (!im->variables[z - 1].initial)
            im->variables[z - 1].initial = im->variables[a - 1].initial;
    }
    return XINF_OK;
}

xinf_status xi_tf_variables_restore(xi_tf_importer *im)
{
    xinf_status status = im->tree->bundle ? state_restore_body(im, &im->main, NULL, 0) : XINF_OK;
    for (uint32_t i = 0; i < im->main.count && im->tree->bundle && !status; i++) {
        const Tf__Node *n = im->main.nodes[i];
        const Tf__Attr *a = xi_str_is(xi_tf_str(n->op), "StatefulPartitionedCall")
                                ? xi_tf_node_attr(n, "f")
                                : NULL;
        xi_tf_body *b = a && a->func ? xi_tf_function_find(im, xi_tf_str(a->func->name)) : NULL;
        const xi_tf_ref *refs = b ? xi_tf_body_refs(im, &im->main, i) : NULL;
        if (b && !refs) return im->refs_status;
        if (b) status = state_restore_body(im, b, refs, n->n_input);
    }
    if (!status && im->tree->bundle) status = state_restore_copies(im);
    return status;
}

const xi_tf_row xi_tf_state[] = {
    {"VarHandleOp", state_op_variable, NULL, 0},
    {"VariableV2", state_op_variable, NULL, 0},
    {"Variable", state_op_variable, NULL, 0},
    {"ReadVariableOp", state_op_read, NULL, 0},
    {"AssignVariableOp", state_op_assign, NULL, 0},
    {"AssignAddVariableOp", state_op_assign, "Add", 0},
    {"AssignSubVariableOp", state_op_assign, "Sub", 0},
    {"Assign", state_op_assign, NULL, 1},
    {"AssignAdd", state_op_assign, "Add", 1},
    {"AssignSub", state_op_assign, "Sub", 1},
    {"NoOp", state_op_nothing, NULL, 0},
    {"Assert", state_op_nothing, NULL, 0},
    {"DisableCopyOnRead", state_op_nothing, NULL, 0},
    {"VarIsInitializedOp", state_op_true, NULL, 0},
    {"IsVariableInitialized", state_op_true, NULL, 0},
    {NULL, NULL, NULL, 0},
};
