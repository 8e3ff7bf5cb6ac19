/* control.c — If, Loop, Scan and SequenceMap: what their subgraphs say about their results. The
 * engine runs them. */
#include "graph/op.h"

extern const xi_op xi_ops_control[];

/* The subgraph, with the numbers of inputs and outputs that the node asks for; -1: any. */
static xinf_status control_body(xi_infer *c, const char *name, int32_t inputs, int32_t outputs,
                                const xi_graph **out)
{
    const xi_graph *g = *out = xi_node_graph(c->node, name);
    if (!g) return xi_infer_fail(c, "it has no graph \"%s\"", name);
    if ((inputs >= 0 && g->input_count != inputs) || (outputs >= 0 && g->output_count != outputs))
        return xi_infer_fail(
            c, "its graph \"%s\" has %d inputs and %d outputs, %d and %d are wanted", name,
            (int)g->input_count, (int)g->output_count, (int)(inputs < 0 ? g->input_count : inputs),
            (int)(outputs < 0 ? g->output_count : outputs));
    return XINF_OK;
}

/* Symbols of a subgraph may stand for another size in each round. */
static void control_forget_symbols(xi_shape *s)
{
    for (int32_t i = 0; i < s->rank; i++)
        if (s->dim[i] < 0) s->dim[i] = XI_DIM_UNKNOWN;
}

/* What holds for a value that is either of the two. */
static xi_type control_meet(const xi_type *a, const xi_type *b)
{
    if (a->kind != b->kind) return XI_TYPE_UNKNOWN;
    xi_type t = *a;
    t.optional = a->optional || b->optional;
    if (a->dtype != b->dtype) t.dtype = XINF_UNDEFINED;
    if (a->shape.rank != b->shape.rank) t.shape.rank = -1;
    for (int32_t i = 0; i < t.shape.rank; i++)
        if (a->shape.dim[i] != b->shape.dim[i]) t.shape.dim[i] = XI_DIM_UNKNOWN;
    if (!a->element || !b->element) t.element = a->element ? a->element : b->element;
    return t;
}

static xinf_status control_if(xi_infer *c)
{
    xinf_status status;
    const xi_graph *yes, *no;
    int64_t condition = 0;
    if (xi_infer_dtype(c, 0) != XINF_UNDEFINED && xi_infer_dtype(c, 0) != XINF_BOOL)
        return xi_infer_fail(c, "the condition is %s", xinf_dtype_name(xi_infer_dtype(c, 0)));
    XI_TRY(control_body(c, "then_branch", 0, c->output_count, &yes));
    XI_TRY(control_body(c, "else_branch", 0, c->output_count, &no));
    bool known = xi_infer_ints(c, 0, &condition, 1) == 1;
    for (int32_t i = 0; i < c->output_count; i++)
        c->out[i] = known ? (condition ? yes : no)->outputs[i]->type
                          : control_meet(&yes->outputs[i]->type, &no->outputs[i]->type);
cleanup:
    return status;
}

/* A value that is carried from round to round: what it begins with, or what a round gave. */
static void control_carried(xi_infer *c, int32_t output, const xi_type *initial,
                            const xi_type *given)
{
    if (output >= c->output_count || !initial) return;
    c->out[output] = control_meet(initial, given);
    control_forget_symbols(&c->out[output].shape);
}

/* Results of all rounds side by side: `rounds` becomes axis `at` (-1: from the end). */
static xinf_status control_stacked(xi_infer *c, int32_t output, const xi_type *given,
                                   int64_t rounds, int64_t at)
{
    const xi_shape *s = &given->shape;
    xi_shape r = XI_SHAPE_UNKNOWN;
    int32_t axis = 0;
    if (given->kind != XINF_KIND_TENSOR)
        return xi_infer_fail(c, "result %d of its body is not a tensor", (int)output);
    if (s->rank == XI_MAX_RANK)
        return xi_infer_unsupported(c, "result %d would have rank %d", (int)output,
                                    (int)s->rank + 1);
    if (s->rank >= 0) {
        xinf_status status = xi_infer_axis(c, at, s->rank + 1, &axis);
        if (status) return status;
        r.rank = s->rank + 1;
        for (int32_t i = 0, from = 0; i < r.rank; i++)
            r.dim[i] = i == axis ? rounds : s->dim[from++];
        control_forget_symbols(&r);
    }
    xi_infer_set(c, output, given->dtype, &r);
    return XINF_OK;
}

static xinf_status control_loop(xi_infer *c)
{
    xinf_status status = XINF_OK;
    const xi_graph *body;
    int32_t carried = c->input_count - 2;
    XI_TRY(control_body(c, "body", c->input_count < 2 ? 2 : c->input_count, -1, &body));
    if (carried < 0) carried = 0;
    if (body->output_count < 1 + carried || c->output_count > body->output_count - 1)
        return xi_infer_fail(c, "its body gives %d values, for %d carried and %d results",
                             (int)body->output_count, (int)carried, (int)c->output_count);
    for (int32_t i = 0; i < carried; i++)
        control_carried(c, i, xi_infer_in(c, 2 + i), &body->outputs[1 + i]->type);
    for (int32_t i = carried; i < c->output_count; i++)
        XI_TRY(control_stacked(c, i, &body->outputs[1 + i]->type, XI_DIM_UNKNOWN, 0));
cleanup:
    return status;
}

/* An optional list of `count` ints; entry i of it, 0 when it is left out. */
static xinf_status control_scan_list(xi_infer *c, const char *name, int32_t count, bool directions,
                                     const int64_t **out)
{
    int32_t have = xi_node_ints(c->node, name, out);
    if (!xi_node_has(c->node, name) || have == 0) *out = NULL;
    if (*out && have != count)
        return xi_infer_fail(c, "%s has %d entries, not %d", name, (int)have, (int)count);
    for (int32_t i = 0; directions && *out && i < count; i++)
        if ((*out)[i] != 0 && (*out)[i] != 1)
            return xi_infer_fail(c, "%s has the entry %lld", name, (long long)(*out)[i]);
    return XINF_OK;
}

/* The length of the scanned axis; all inputs must have the same. */
static xinf_status control_scan_length(xi_infer *c, int32_t states, int32_t scanned,
                                       const int64_t *axes, int64_t *length)
{
    *length = XI_DIM_UNKNOWN;
    for (int32_t i = 0; i < scanned; i++) {
        const xi_type *t = xi_infer_in(c, states + i);
        int32_t axis;
        if (!t || t->shape.rank < 0) continue;
        xinf_status status = xi_infer_axis(c, axes ? axes[i] : 0, t->shape.rank, &axis);
        if (status) return status;
        int64_t dim = t->shape.dim[axis];
        if (dim >= 0 && *length >= 0 && dim != *length)
            return xi_infer_fail(c, "scanned inputs have %lld and %lld items", (long long)*length,
                                 (long long)dim);
        if (*length == XI_DIM_UNKNOWN || dim >= 0) *length = dim;
    }
    return XINF_OK;
}

static xinf_status control_scan(xi_infer *c)
{
    xinf_status status;
    const xi_graph *body;
    const int64_t *axes, *out_axes, *unused;
    int64_t scanned = xi_node_int(c->node, "num_scan_inputs", 0), length;
    if (scanned < 1 || scanned > c->input_count)
        return xi_infer_fail(c, "num_scan_inputs is %lld", (long long)scanned);
    int32_t states = c->input_count - (int32_t)scanned, results = c->output_count - states;
    XI_TRY(control_body(c, "body", c->input_count, c->output_count, &body));
    if (results < 0)
        return xi_infer_fail(c, "%d results for %d states", (int)c->output_count, (int)states);
    XI_TRY(control_scan_list(c, "scan_input_axes", (int32_t)scanned, false, &axes));
    XI_TRY(control_scan_list(c, "scan_input_directions", (int32_t)scanned, true, &unused));
    XI_TRY(control_scan_list(c, "scan_output_axes", results, false, &out_axes));
    XI_TRY(control_scan_list(c, "scan_output_directions", results, true, &unused));
    XI_TRY(control_scan_length(c, states, (int32_t)scanned, axes, &length));
    for (int32_t i = 0; i < states; i++)
        control_carried(c, i, xi_infer_in(c, i), &body->outputs[i]->type);
    for (int32_t i = 0; i < results; i++)
        XI_TRY(control_stacked(c, states + i, &body->outputs[states + i]->type, length,
                               out_axes ? out_axes[i] : 0));
cleanup:
    return status;
}

static xinf_status control_sequence_map(xi_infer *c)
{
    xinf_status status;
    const xi_graph *body;
    XI_TRY(control_body(c, "body", c->input_count, c->output_count, &body));
    const xi_type *first = xi_infer_in(c, 0);
    if (first->kind != XINF_KIND_SEQUENCE && first->dtype != XINF_UNDEFINED)
        return xi_infer_fail(c, "input 0 is not a sequence");
    for (int32_t i = 0; i < c->output_count; i++) {
        xi_type *element = xi_arena_alloc(c->arena, sizeof *element);
        if (!element) return xi_fail_memory(c->err, sizeof *element);
        *element = body->outputs[i]->type;
        control_forget_symbols(&element->shape);
        c->out[i] = (xi_type){
            .kind = XINF_KIND_SEQUENCE, .shape = {.rank = -1}, .element = element};
    }
cleanup:
    return status;
}

static const xi_attr_rule control_if_attrs[] = {
    {"then_branch", XI_ATTR_GRAPH, true}, {"else_branch", XI_ATTR_GRAPH, true}, {NULL}};
static const xi_attr_rule control_body_attrs[] = {{"body", XI_ATTR_GRAPH, true}, {NULL}};
static const xi_attr_rule control_scan_attrs[] = {{"body", XI_ATTR_GRAPH, true},
                                                  {"num_scan_inputs", XI_ATTR_INT, true},
                                                  {"scan_input_axes", XI_ATTR_INTS, false},
                                                  {"scan_input_directions", XI_ATTR_INTS, false},
                                                  {"scan_output_axes", XI_ATTR_INTS, false},
                                                  {"scan_output_directions", XI_ATTR_INTS, false},
                                                  {NULL}};

const xi_op xi_ops_control[] = {
    {.name = "If",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = -1,
     .attrs = control_if_attrs,
     .infer = control_if,
     .flags = XI_OP_CONTROL},
    {.name = "Loop",
     .min_inputs = 0,
     .max_inputs = -1,
     .min_outputs = 1,
     .max_outputs = -1,
     .attrs = control_body_attrs,
     .infer = control_loop,
     .flags = XI_OP_CONTROL},
    {.name = "Scan",
     .min_inputs = 1,
     .max_inputs = -1,
     .min_outputs = 1,
     .max_outputs = -1,
     .attrs = control_scan_attrs,
     .infer = control_scan,
     .flags = XI_OP_CONTROL},
    {.name = "SequenceMap",
     .min_inputs = 1,
     .max_inputs = -1,
     .min_outputs = 1,
     .max_outputs = -1,
     .attrs = control_body_attrs,
     .infer = control_sequence_map,
     .flags = XI_OP_CONTROL | XI_OP_HANDLE},
    {0},
};
