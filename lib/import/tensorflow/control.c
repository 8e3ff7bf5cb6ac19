/* control.c — calls, If, Case and While over functions. */
#include "base/allocator.h"
#include "import/tensorflow/importer.h"

xi_value *xi_tf_carried(xi_tf_importer *im, xi_graph *g, const xi_value *initial)
{
    xi_type type = initial->type;
    (void)im;
    for (int32_t i = 0; i < type.shape.rank; i++) type.shape.dim[i] = XI_DIM_UNKNOWN;
    return xi_graph_add_value(g, XI_STR(""), &type);
}

xinf_status xi_tf_graph_outputs(xi_tf_importer *im, xi_graph *g, xi_value *const *values,
                                int32_t count)
{
    g->outputs = xi_arena_array(g->arena, (size_t)count + 1, sizeof *g->outputs);
    if (!g->outputs) return xi_tf_no_memory(im);
    for (int32_t i = 0; i < count; i++) {
        xi_value *v = values[i];
        if (v->graph != g || !v->producer) {
            xi_node *n = xi_graph_add_node(g, NULL, XI_STR(""), XI_STR("Identity"), XI_STR(""), 1,
                                           1, 0);
            if (!n || !xi_node_new_output(n, 0)) return xi_tf_no_memory(im);
            n->inputs[0] = v;
            n->outputs[0]->type = v->type;
            v = n->outputs[0];
        }
        g->outputs[i] = v;
    }
    g->output_count = count;
    return XINF_OK;
}

xi_node *xi_tf_if(xi_tf_call *c, xi_value *condition, xi_graph *yes, xi_graph *no)
{
    xi_node *n = condition ? xi_tf_node(c, "If", yes->output_count, 2, &condition, 1) : NULL;
    if (!n) return NULL;
    n->attrs[n->attr_count++] = (xi_attr){
        .name = XI_STR("then_branch"), .type = XI_ATTR_GRAPH, .count = 1, .graph = yes};
    n->attrs[n->attr_count++] = (xi_attr){
        .name = XI_STR("else_branch"), .type = XI_ATTR_GRAPH, .count = 1, .graph = no};
    for (int32_t i = 0; i < n->output_count; i++)
        if (!xi_node_new_output(n, i)) c->status = xi_tf_no_memory(c->im);
    if (c->status) return NULL;
    xi_tf_infer(c->im, n);
    return n;
}

xi_value *xi_tf_truth(xi_tf_call *c, xi_value *v)
{
    v = xi_tf_cast(c, v, XINF_BOOL);
    return v && xi_tf_rank(v) > 0 ? xi_tf_reshape(c, v, NULL, 0) : v;
}

static const Tf__Function *tf_control_function(xi_tf_call *c, const char *name)
{
    const Tf__Attr *a = xi_tf_attr(c, name);
    if (a && a->func) return a->func;
    xi_tf_fail(c, "attribute \"%s\" names no function", name);
    return NULL;
}

/* A copy of inputs first …, in the arena. */
static xi_tf_value *tf_control_args(xi_tf_call *c, int32_t first)
{
    xi_tf_value *args = xi_arena_array(&c->im->family->arena, (size_t)c->in_count + 1,
                                       sizeof *args);
    if (!args) c->status = xi_tf_no_memory(c->im);
    for (int32_t i = first; args && i < c->in_count; i++) args[i - first] = *c->in[i];
    return args;
}

static void tf_control_op_call(xi_tf_call *c)
{
    xi_tf_value *results;
    int32_t count;
    const Tf__Function *f = tf_control_function(c, "f");
    xi_tf_value *args = f ? tf_control_args(c, 0) : NULL;
    if (!args) return;
    c->status = xi_tf_inline(&results, &count, c->im, c->scope, c->node, f, c->scope->graph, args,
                             c->in_count);
    for (int32_t i = 0; i < count && !c->status; i++) xi_tf_give_value(c, i, &results[i]);
}

/* ---- subgraphs ---- */

/* Contents of variables at the beginning of a subgraph: what it writes could not be seen outside.
 */
static xi_value **tf_control_variables(xi_tf_call *c)
{
    xi_value **now = xi_arena_array(&c->im->family->arena, c->im->variable_count + 1, sizeof *now);
    for (size_t i = 0; now && i < c->im->variable_count; i++) now[i] = c->im->variables[i].now;
    if (!now) c->status = xi_tf_no_memory(c->im);
    return now;
}

static void tf_control_variables_back(xi_tf_call *c, xi_value **now, size_t count)
{
    for (size_t i = 0; i < c->im->variable_count && now; i++) {
        xi_tf_variable *v = &c->im->variables[i];
        xi_value *before = i < count ? now[i] : NULL;
        if (v->now == before) continue;
        if (v->written && !c->status)
            c->status = xi_fail(c->im->err, XINF_UNSUPPORTED,
                                "node %.*s (%.*s): a branch or loop writes the variable \"%.*s\"",
                                XI_STR_ARG(xi_tf_str(c->node->name)),
                                XI_STR_ARG(xi_tf_str(c->node->op)), XI_STR_ARG(v->name));
        v->now = before;
    }
}

static bool tf_control_tensors(xi_tf_call *c, xi_graph *g, xi_tf_value *results, int32_t count,
                               xi_value **out)
{
    xi_tf_scope inner = *c->scope;
    xi_tf_call in = *c;
    inner.graph = g;
    in.scope = &inner;
    for (int32_t i = 0; i < count && !in.status; i++) {
        out[i] = xi_tf_tensor(&in, &results[i]);
        if (!out[i]) xi_tf_fail(&in, "result %d of its branch or body is no tensor", (int)i);
    }
    c->status = in.status;
    return !c->status;
}

static xi_graph *tf_control_branch(xi_tf_call *c, const Tf__Function *f, const xi_tf_value *args,
                                   int32_t arg_count)
{
    xi_tf_value *results;
    int32_t count;
    xi_graph *g = xi_graph_create(c->im->family, c->scope->graph, XI_STR("branch"));
    size_t variables = c->im->variable_count;
    xi_value **now = tf_control_variables(c);
    if (!g) c->status = xi_tf_no_memory(c->im);
    if (c->status) return NULL;
    c->status = xi_tf_inline(&results, &count, c->im, c->scope, c->node, f, g, args, arg_count);
    tf_control_variables_back(c, now, variables);
    if (c->status) return NULL;
    xi_value **values = xi_arena_array(&c->im->family->arena, (size_t)count + 1, sizeof *values);
    if (!values) c->status = xi_tf_no_memory(c->im);
    if (c->status || !tf_control_tensors(c, g, results, count, values)) return NULL;
    c->status = xi_tf_graph_outputs(c->im, g, values, count);
    return c->status ? NULL : g;
}

static void tf_control_give(xi_tf_call *c, xi_node *n)
{
    for (int32_t i = 0; n && i < n->output_count; i++) xi_tf_give(c, i, n->outputs[i]);
}

static void tf_control_same_outputs(xi_tf_call *c, const xi_graph *a, const xi_graph *b)
{
    if (a && b && a->output_count != b->output_count)
        xi_tf_fail(c, "its branches give %d and %d results", (int)a->output_count,
                   (int)b->output_count);
}

static void tf_control_op_if(xi_tf_call *c)
{
    const Tf__Function *yes = tf_control_function(c, "then_branch"),
                       *no = tf_control_function(c, "else_branch");
    xi_tf_value *args = yes && no && c->in_count ? tf_control_args(c, 1) : NULL;
    xi_value *condition = args ? xi_tf_truth(c, xi_tf_in(c, 0)) : NULL;
    int64_t known;
    if (!condition) {
        xi_tf_refuse(c, "its condition is not a tensor");
        return;
    }
    if (xi_tf_known(condition, &known, 1) == 1) {
        xi_tf_value *results;
        int32_t count;
        c->status = xi_tf_inline(&results, &count, c->im, c->scope, c->node, known ? yes : no,
                                 c->scope->graph, args, c->in_count - 1);
        for (int32_t i = 0; i < count && !c->status; i++) xi_tf_give_value(c, i, &results[i]);
        return;
    }
    xi_graph *a = tf_control_branch(c, yes, args, c->in_count - 1);
    xi_graph *b = a ? tf_control_branch(c, no, args, c->in_count - 1) : NULL;
    tf_control_same_outputs(c, a, b);
    if (b && !c->status) tf_control_give(c, xi_tf_if(c, condition, a, b));
}

/* Branch i when the index is i, else the rest; the last one when nothing fits. */
static void tf_control_case(xi_tf_call *c, const Tf__AttrList *list, xi_value *index, size_t i,
                            const xi_tf_value *args)
{
    xi_graph *here = tf_control_branch(c, list->func[i], args, c->in_count - 1), *rest;
    if (!here) return;
    if (i + 2 >= list->n_func) {
        rest = tf_control_branch(c, list->func[list->n_func - 1], args, c->in_count - 1);
    } else {
        xi_tf_scope inner = *c->scope;
        xi_tf_outputs out = {0};
        xi_tf_call in = *c;
        rest = xi_graph_create(c->im->family, c->scope->graph, XI_STR("branch"));
        inner.graph = rest;
        in.scope = &inner;
        in.out = &out;
        if (rest) tf_control_case(&in, list, index, i + 1, args);
        xi_value **values = xi_arena_array(&c->im->family->arena, (size_t)out.count + 1,
                                           sizeof *values);
        c->status = !rest || !values ? xi_tf_no_memory(c->im) : in.status;
        for (int32_t k = 0; k < here->output_count && !c->status && k < out.count; k++)
            values[k] = out.items[k].v;
        if (!c->status && out.count < here->output_count)
            xi_tf_fail(c, "its branches give different numbers of results");
        if (!c->status) c->status = xi_tf_graph_outputs(c->im, rest, values, here->output_count);
    }
    tf_control_same_outputs(c, here, rest);
    if (!rest || c->status) return;
    tf_control_give(
        c, xi_tf_if(c, xi_tf_op2(c, "Equal", index, xi_tf_like(c, index, (double)i)), here, rest));
}

static void tf_control_op_case(xi_tf_call *c)
{
    const Tf__Attr *a = xi_tf_attr(c, "branches");
    xi_tf_value *args = a && a->list && a->list->n_func && c->in_count ? tf_control_args(c, 1)
                                                                       : NULL;
    xi_value *index = args ? xi_tf_in(c, 0) : NULL;
    if (!index || a->list->n_func > 32 || a->list->n_func < 2) {
        xi_tf_refuse(c, "it has no index, or fewer than 2 or more than 32 branches");
        return;
    }
    tf_control_case(c, a->list, index, 0, args);
}

/* ---- While ---- */

typedef struct tf_control_loop {
    const Tf__Function *cond, *body;
    xi_tf_value *args;
    int32_t *carried; /* which arguments are carried */
    int32_t carried_count;
    xi_value **initial, **results; /* results[0]: whether to go on */
    xi_graph *graph;
} tf_control_loop;

static xi_value *tf_control_while_condition(xi_tf_call *c, const tf_control_loop *l, xi_graph *g,
                                            const xi_tf_value *args)
{
    xi_tf_value *results;
    int32_t count;
    c->status = xi_tf_inline(&results, &count, c->im, c->scope, c->node, l->cond, g, args,
                             c->in_count);
    if (c->status) return NULL;
    xi_tf_scope inner = *c->scope;
    xi_tf_call in = *c;
    inner.graph = g;
    in.scope = &inner;
    xi_value *v = count ? xi_tf_truth(&in, xi_tf_tensor(&in, &results[0])) : NULL;
    if (!v && !in.status) xi_tf_fail(&in, "its condition gives no tensor");
    c->status = in.status;
    return v;
}

static bool tf_control_prepare(xi_tf_call *c, tf_control_loop *l)
{
    xi_arena *arena = &c->im->family->arena;
    xi_tf_body *b = xi_tf_function_find(c->im, xi_tf_str(l->body->name));
    size_t room = (size_t)c->in_count + 3;
    l->carried = xi_arena_array(arena, room, sizeof *l->carried);
    l->initial = xi_arena_array(arena, room, sizeof *l->initial);
    l->results = xi_arena_array(arena, room, sizeof *l->results);
    l->graph = xi_graph_create(c->im->family, c->scope->graph, XI_STR("body"));
    if (l->graph) l->graph->inputs = xi_arena_array(arena, room, sizeof *l->graph->inputs);
    if (!l->carried || !l->initial || !l->results || !l->graph || !l->graph->inputs) {
        c->status = xi_tf_no_memory(c->im);
        return false;
    }
    xi_graph *g = l->graph;
    g->inputs[0] = xi_graph_add_value(g, XI_STR(""),
                                      &(xi_type){.kind = XINF_KIND_TENSOR, .dtype = XINF_INT64});
    g->inputs[1] = xi_graph_add_value(g, XI_STR(""),
                                      &(xi_type){.kind = XINF_KIND_TENSOR, .dtype = XINF_BOOL});
    g->input_count = 2;
    for (int32_t i = 0; i < c->in_count; i++) {
        if (c->in[i]->resource || (b && xi_tf_function_passes(c->im, b, i))) continue;
        if (c->im->refs_status) c->status = c->im->refs_status;
        xi_value *v = xi_tf_in(c, i);
        if (!v) xi_tf_fail(c, "argument %d is no tensor", (int)i);
        xi_value *inner = v ? xi_tf_carried(c->im, g, v) : NULL;
        if (!inner) return false;
        l->carried[l->carried_count] = i;
        l->initial[l->carried_count++] = v;
        g->inputs[g->input_count++] = inner;
    }
    return true;
}

static bool tf_control_while_body(xi_tf_call *c, tf_control_loop *l)
{
    xi_tf_value *args = tf_control_args(c, 0), *results, *kept = NULL;
    int32_t count;
    if (!args) return false;
    for (int32_t k = 0; k < l->carried_count; k++)
        args[l->carried[k]] = (xi_tf_value){.v = l->graph->inputs[2 + k]};
    c->status = xi_tf_inline(&results, &count, c->im, c->scope, c->node, l->body, l->graph, args,
                             c->in_count);
    if (!c->status && count != c->in_count)
        xi_tf_fail(c, "its body gives %d results for %d arguments", (int)count, (int)c->in_count);
    kept = c->status ? NULL
                     : xi_arena_array(&c->im->family->arena, (size_t)count + 1, sizeof *kept);
    if (!kept) return false;
    for (int32_t k = 0; k < l->carried_count; k++) kept[k] = results[l->carried[k]];
    if (!tf_control_tensors(c, l->graph, kept, l->carried_count, l->results + 1)) return false;
    for (int32_t k = 0; k < l->carried_count; k++)
        args[l->carried[k]] = (xi_tf_value){.v = l->results[1 + k]};
    l->results[0] = tf_control_while_condition(c, l, l->graph, args);
    if (!l->results[0]) return false;
    c->status = xi_tf_graph_outputs(c->im, l->graph, l->results, l->carried_count + 1);
    return !c->status;
}

static void tf_control_op_while(xi_tf_call *c)
{
    tf_control_loop l = {.cond = tf_control_function(c, "cond"), .body = NULL};
    l.body = l.cond ? tf_control_function(c, "body") : NULL;
    if (!l.body || !tf_control_prepare(c, &l)) return;
    size_t variables = c->im->variable_count;
    xi_value **now = tf_control_variables(c);
    xi_tf_value *args = now ? tf_control_args(c, 0) : NULL;
    xi_value *condition = args ? tf_control_while_condition(c, &l, c->scope->graph, args) : NULL;
    if (condition) tf_control_while_body(c, &l);
    tf_control_variables_back(c, now, variables);
    if (c->status || !condition) return;
    xi_value **in = xi_arena_array(&c->im->family->arena, (size_t)l.carried_count + 2, sizeof *in);
    xi_node *n = in ? xi_tf_node(c, "Loop", l.carried_count, 1, NULL, 0) : NULL;
    if (!n) {
        c->status = xi_tf_no_memory(c->im);
        return;
    }
    in[1] = condition;
    for (int32_t k = 0; k < l.carried_count; k++) in[2 + k] = l.initial[k];
    n->inputs = in;
    n->input_count = l.carried_count + 2;
    n->attrs[n->attr_count++] = (xi_attr){
        .name = XI_STR("body"), .type = XI_ATTR_GRAPH, .count = 1, .graph = l.graph};
    for (int32_t k = 0; k < l.carried_count; k++)
        if (!xi_node_new_output(n, k)) c->status = xi_tf_no_memory(c->im);
    if (c->status) return;
    xi_tf_infer(c->im, n);
    for (int32_t i = 0; i < c->in_count; i++) xi_tf_give_value(c, i, c->in[i]);
    for (int32_t k = 0; k < l.carried_count; k++) xi_tf_give(c, l.carried[k], n->outputs[k]);
}

const xi_tf_row xi_tf_control[] = {
    {"PartitionedCall", tf_control_op_call, NULL, 0},
    {"StatefulPartitionedCall", tf_control_op_call, NULL, 0},
    {"If", tf_control_op_if, NULL, 0},
    {"StatelessIf", tf_control_op_if, NULL, 0},
    {"Case", tf_control_op_case, NULL, 0},
    {"StatelessCase", tf_control_op_case, NULL, 0},
    {"While", tf_control_op_while, NULL, 0},
    {"StatelessWhile", tf_control_op_while, NULL, 0},
    {NULL, NULL, NULL, 0},
};
