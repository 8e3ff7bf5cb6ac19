/* control.c — If, Loop and Scan: steps whose work is the running of subgraphs, each in a frame of
 * its own. */
#include "base/allocator.h"
#include "base/checked.h"
#include "run/frame.h"

/* A growing list of values, one hold each. */
typedef struct flow_list {
    xinf_tensor **items;
    size_t count, capacity;
} flow_list;

typedef struct flow_state {
    xi_frame *frame;
    const xi_plan *plan;
    const xi_step *step;
    const xi_node *node;
    xi_operand *const *in;
    xinf_error *err;
} flow_state;

static void flow_list_end(const xinf_allocator *a, flow_list *l)
{
    for (size_t i = 0; i < l->count; i++) xinf_tensor_destroy(l->items[i]);
    xi_free(a, l->items, l->capacity * sizeof *l->items);
    *l = (flow_list){0};
}

/* Which of the step's subplans runs the attribute's graph, and where its captures start among the
 * hidden slots. */
static int32_t flow_sub(const flow_state *c, const char *attribute, int32_t *hidden)
{
    const xi_graph *g = xi_node_graph(c->node, attribute);
    *hidden = c->step->hidden;
    for (int32_t i = 0; i < c->step->sub_count; i++) {
        const xi_plan *sub = c->plan->subs[c->step->subs + i];
        if (sub->graph == g) return c->step->subs + i;
        *hidden += (int32_t)sub->capture_count;
    }
    return -1;
}

/* Runs a subgraph once. args: its inputs, borrowed. outs[k] gets a hold of its own on output k. */
static xinf_status flow_call(const flow_state *c, const char *attribute, const xi_operand *args,
                             int32_t arg_count, xinf_tensor **outs, int32_t out_count)
{
    xi_frame *sub;
    int32_t hidden, index = flow_sub(c, attribute, &hidden);
    xinf_status status = XINF_OK;
    const xinf_allocator *a = &c->frame->run->recycle;
    xi_operand *in = NULL;
    void **direct = NULL;
    size_t total = 0;
    for (int32_t k = 0; k < out_count; k++) outs[k] = NULL;
    if (index < 0)
        return xi_kernel_fail(c->node, c->err, XINF_MALFORMED, "it has no graph \"%s\"", attribute);
    XI_TRY(xi_frame_sub(c->frame, index, &sub, c->err));
    const xi_graph *g = sub->plan->graph;
    if (g->input_count != arg_count || g->output_count != out_count)
        return xi_kernel_fail(c->node, c->err, XINF_MALFORMED,
                              "its graph \"%s\" has %d inputs and %d outputs, %d and %d are wanted",
                              attribute, (int)g->input_count, (int)g->output_count, (int)arg_count,
                              (int)out_count);
    total = (size_t)arg_count + sub->plan->capture_count + 1;
    in = xi_calloc(a, total, sizeof *in);
    direct = xi_calloc(a, (size_t)out_count + 1, sizeof *direct);
    if (!in || !direct) XI_TRY(xi_fail_memory(c->err, total * sizeof *in));
    if (arg_count) memcpy(in, args, (size_t)arg_count * sizeof *in);
    for (size_t i = 0; i < sub->plan->capture_count; i++) {
        in[(size_t)arg_count + i] = c->frame->operands[c->plan->operands[hidden + (int32_t)i]];
        in[(size_t)arg_count + i].layout = XI_LAYOUT_ROW;
    }
    XI_TRY(xi_frame_bind(sub, in, c->err));
    for (int32_t k = 0; k < out_count; k++) {
        const xi_type *t = &sub->bound->slots[sub->plan->outputs[k]].type;
        if (!xi_frame_output_direct(sub, k)) continue;
        XI_TRY(xi_tensor_create(&outs[k], a, t->dtype, &t->shape, false, c->err));
        direct[k] = outs[k]->data;
    }
    XI_TRY(xi_frame_run(sub, direct, c->err));
    for (int32_t k = 0; k < out_count; k++)
        if (!outs[k]) XI_TRY(xi_frame_take_output(sub, k, a, &outs[k], c->err));
cleanup:
    if (index >= 0 && c->frame->subs[index]) xi_frame_release(c->frame->subs[index]);
    xi_free(a, in, total * sizeof *in);
    xi_free(a, direct, ((size_t)out_count + 1) * sizeof *direct);
    for (int32_t k = 0; k < out_count && status != XINF_OK; k++) {
        xinf_tensor_destroy(outs[k]);
        outs[k] = NULL;
    }
    return status;
}

static void flow_give(const flow_state *c, int32_t output, xinf_tensor *value)
{
    xi_frame_hold(c->frame, c->plan->operands[c->step->operands + c->step->in_count + output],
                  value);
}

static bool flow_truth(const xi_operand *o)
{
    return o->count > 0 && o->data && xi_dtype_load_i64(o->data, o->dtype, 0) != 0;
}

/* ---- If ---- */

static xinf_status flow_if(const flow_state *c)
{
    int32_t n = c->step->out_count;
    const xinf_allocator *a = &c->frame->run->recycle;
    if (c->in[0]->count != 1)
        return xi_kernel_fail(c->node, c->err, XINF_RUN_ERROR, "the condition has %lld elements",
                              (long long)c->in[0]->count);
    xinf_tensor **outs = xi_calloc(a, (size_t)n + 1, sizeof *outs);
    if (!outs) return xi_fail_memory(c->err, (size_t)n * sizeof *outs);
    xinf_status status = flow_call(c, flow_truth(c->in[0]) ? "then_branch" : "else_branch", NULL, 0,
                                   outs, n);
    for (int32_t k = 0; k < n && status == XINF_OK; k++) flow_give(c, k, outs[k]);
    xi_free(a, outs, ((size_t)n + 1) * sizeof *outs);
    return status;
}

/* ---- stacking per-iteration values ---- */

/* One tensor of the items side by side along a new axis. `reverse`: last item first. dtype and
 * shape tell an empty list's. */
static xinf_status flow_stack(const flow_state *c, const flow_list *l, int32_t axis, bool reverse,
                              const xi_type *empty, xinf_tensor **out)
{
    xi_shape item = l->count ? l->items[0]->shape : empty->shape, shape = {.rank = item.rank + 1};
    xinf_dtype dtype = l->count ? l->items[0]->dtype : empty->dtype;
    if (!l->count && (!xi_shape_known(&item) ||
                      dtype == XINF_UNDEFINED)) { /* nothing ran and nothing is declared */
        for (int32_t i = 0; i < item.rank; i++)
            if (item.dim[i] < 0) item.dim[i] = 0;
        if (item.rank < 0) item = XI_SHAPE_SCALAR;
        dtype = dtype == XINF_UNDEFINED ? XINF_FLOAT32 : dtype;
        shape.rank = item.rank + 1;
    }
    if (shape.rank > XI_MAX_RANK || axis > item.rank)
        return xi_kernel_fail(c->node, c->err, XINF_UNSUPPORTED, "its output has too many axes");
    for (int32_t i = 0; i < shape.rank; i++)
        shape.dim[i] = i < axis ? item.dim[i] : i == axis ? (int64_t)l->count : item.dim[i - 1];
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i]->kind != XINF_KIND_TENSOR || l->items[i]->dtype != dtype ||
            !xi_shape_eq(&l->items[i]->shape, &item))
            return xi_kernel_fail(c->node, c->err, XINF_RUN_ERROR,
                                  "a scan output changes its shape or type from turn to turn");
    xinf_status status = xi_tensor_create(out, &c->frame->run->recycle, dtype, &shape, false,
                                          c->err);
    if (status != XINF_OK || (*out)->count == 0) return status;
    int64_t outer = xi_shape_span(&item, 0, axis), inner = xi_shape_span(&item, axis, item.rank);
    for (size_t i = 0; i < l->count; i++) {
        const xinf_tensor *t = l->items[reverse ? l->count - 1 - i : i];
        size_t bytes = dtype == XINF_STRING ? 0 : (size_t)inner * xinf_dtype_size(dtype);
        for (int64_t o = 0; o < outer && bytes; o++)
            memcpy((char *)(*out)->data + ((size_t)o * l->count + i) * bytes,
                   (const char *)t->data + (size_t)o * bytes, bytes);
        for (int64_t k = 0; k < t->count && dtype == XINF_STRING; k++) {
            const xi_str *s = (const xi_str *)t->data + k;
            int64_t at = (k / inner * (int64_t)l->count + (int64_t)i) * inner + k % inner;
            status = xi_tensor_set_string(*out, at, s->ptr, s->len, c->err);
            if (status != XINF_OK) return status;
        }
    }
    return XINF_OK;
}

static xinf_status flow_push(const flow_state *c, flow_list *l, xinf_tensor *t)
{
    if (!xi_grow(&c->frame->run->recycle, (void **)&l->items, &l->capacity, l->count + 1,
                 sizeof *l->items)) {
        xinf_tensor_destroy(t);
        return xi_fail_memory(c->err, sizeof *l->items);
    }
    l->items[l->count++] = t;
    return XINF_OK;
}

/* ---- Loop ---- */

typedef struct flow_loop {
    xinf_tensor **carried; /* condition, then the loop's own values: one hold each */
    xinf_tensor **outs;
    xi_operand *args;
    flow_list *scans;
    int32_t carried_count, scan_count;
} flow_loop;

/* A number where the body declares a vector of one, as some exporters write it. */
static xi_shape flow_declared_shape(const xi_graph *body, int32_t input)
{
    bool vector = body->inputs[input]->type.shape.rank == 1;
    return vector ? (xi_shape){.rank = 1, .dim = {1}} : XI_SHAPE_SCALAR;
}

static xinf_status flow_loop_once(const flow_state *c, flow_loop *w, int64_t turn)
{
    const xi_graph *body = xi_node_graph(c->node, "body");
    int32_t n = w->carried_count, outs = 1 + n + w->scan_count;
    xinf_status status;
    if (body->input_count != 2 + n)
        return xi_kernel_fail(c->node, c->err, XINF_MALFORMED,
                              "its body has %d inputs, %d are wanted", (int)body->input_count,
                              (int)n + 2);
    w->args[0] = (xi_operand){.data = &turn,
                              .dtype = XINF_INT64,
                              .shape = flow_declared_shape(body, 0),
                              .count = 1,
                              .kind = XINF_KIND_TENSOR};
    for (int32_t k = 0; k <= n; k++) w->args[1 + k] = xi_operand_of(w->carried[k]);
    if (w->args[1].count == 1) w->args[1].shape = flow_declared_shape(body, 1);
    XI_TRY(flow_call(c, "body", w->args, 2 + n, w->outs, outs));
    for (int32_t k = 0; k <= n; k++) {
        xinf_tensor_destroy(w->carried[k]);
        w->carried[k] = w->outs[k];
        w->outs[k] = NULL;
    }
    for (int32_t k = 0; k < w->scan_count; k++) {
        xinf_tensor *t = w->outs[1 + n + k];
        w->outs[1 + n + k] = NULL;
        XI_TRY(flow_push(c, &w->scans[k], t));
    }
cleanup:
    for (int32_t k = 0; k < outs; k++) {
        xinf_tensor_destroy(w->outs[k]);
        w->outs[k] = NULL;
    }
    return status;
}

static xinf_status flow_loop_start(const flow_state *c, flow_loop *w)
{
    const xinf_allocator *a = &c->frame->run->recycle;
    xi_shape scalar = XI_SHAPE_SCALAR;
    xinf_status status = XINF_OK;
    if (c->step->in_count > 1 && c->in[1]) {
        XI_TRY(xi_operand_take(c->in[1], a, &w->carried[0], c->err));
    } else {
        XI_TRY(xi_tensor_create(&w->carried[0], a, XINF_BOOL, &scalar, true, c->err));
        *(uint8_t *)w->carried[0]->data = 1;
    }
    for (int32_t k = 0; k < w->carried_count; k++) {
        if (!c->in[2 + k])
            return xi_kernel_fail(c->node, c->err, XINF_MALFORMED, "loop value %d is missing",
                                  (int)k);
        XI_TRY(xi_operand_take(c->in[2 + k], a, &w->carried[1 + k], c->err));
    }
cleanup:
    return status;
}

static xinf_status flow_loop_finish(const flow_state *c, flow_loop *w)
{
    xinf_status status = XINF_OK;
    const xi_graph *body = xi_node_graph(c->node, "body");
    for (int32_t k = 0; k < c->step->out_count; k++) {
        xinf_tensor *value = NULL;
        if (k < w->carried_count) {
            value = xinf_tensor_retain(w->carried[1 + k]);
        } else {
            const flow_list *l = &w->scans[k - w->carried_count];
            status = flow_stack(c, l, 0, false, &body->outputs[1 + k]->type, &value);
        }
        if (status != XINF_OK) {
            xinf_tensor_destroy(value);
            return status;
        }
        flow_give(c, k, value);
    }
    return status;
}

static xinf_status flow_loop_run(const flow_state *c)
{
    const xinf_allocator *a = &c->frame->run->recycle;
    const xi_graph *body = xi_node_graph(c->node, "body");
    xinf_status status = XINF_OK;
    int32_t n = c->step->in_count > 2 ? c->step->in_count - 2 : 0;
    flow_loop w = {.carried_count = n, .scan_count = c->step->out_count - n};
    if (!body || w.scan_count < 0 || body->output_count != 1 + n + w.scan_count)
        return xi_kernel_fail(c->node, c->err, XINF_MALFORMED,
                              "its body does not have the outputs that the loop needs");
    size_t outs = 1 + (size_t)n + (size_t)w.scan_count;
    int64_t turns = c->in[0] && c->in[0]->count == 1
                        ? xi_dtype_load_i64(c->in[0]->data, c->in[0]->dtype, 0)
                        : INT64_MAX;
    w.carried = xi_calloc(a, outs + 1, sizeof *w.carried);
    w.outs = xi_calloc(a, outs + 1, sizeof *w.outs);
    w.args = xi_calloc(a, outs + 2, sizeof *w.args);
    w.scans = xi_calloc(a, outs + 1, sizeof *w.scans);
    if (!w.carried || !w.outs || !w.args || !w.scans)
        XI_TRY(xi_fail_memory(c->err, outs * sizeof *w.args));
    XI_TRY(flow_loop_start(c, &w));
    for (int64_t turn = 0; turn < turns; turn++) {
        xi_operand condition = xi_operand_of(w.carried[0]);
        if (!flow_truth(&condition)) break;
        XI_TRY(flow_loop_once(c, &w, turn));
    }
    status = flow_loop_finish(c, &w);
cleanup:
    for (size_t k = 0; k < outs && w.carried; k++) xinf_tensor_destroy(w.carried[k]);
    for (size_t k = 0; k < outs && w.scans; k++) flow_list_end(a, &w.scans[k]);
    xi_free(a, w.carried, (outs + 1) * sizeof *w.carried);
    xi_free(a, w.outs, (outs + 1) * sizeof *w.outs);
    xi_free(a, w.args, (outs + 2) * sizeof *w.args);
    xi_free(a, w.scans, (outs + 1) * sizeof *w.scans);
    return status;
}

/* ---- Scan ---- */

static int64_t flow_list_int(const xi_node *n, const char *name, int32_t i)
{
    const int64_t *v;
    int32_t count = xi_node_ints(n, name, &v);
    return i < count ? v[i] : 0;
}

/* Slice `at` of a tensor along an axis, as a tensor without that axis. */
static xinf_status flow_slice(const flow_state *c, const xi_operand *o, int32_t axis, int64_t at,
                              xinf_tensor **out)
{
    xi_shape shape = {.rank = o->shape.rank - 1};
    for (int32_t i = 0; i < shape.rank; i++) shape.dim[i] = o->shape.dim[i < axis ? i : i + 1];
    xinf_status status = xi_tensor_create(out, &c->frame->run->recycle, o->dtype, &shape, false,
                                          c->err);
    if (status != XINF_OK) return status;
    int64_t outer = xi_shape_span(&o->shape, 0, axis), length = o->shape.dim[axis];
    size_t bytes = (size_t)xi_shape_span(&o->shape, axis + 1, o->shape.rank) *
                   xinf_dtype_size(o->dtype);
    for (int64_t k = 0; k < outer && bytes; k++)
        memcpy((char *)(*out)->data + (size_t)k * bytes,
               (const char *)o->data + (size_t)(k * length + at) * bytes, bytes);
    return XINF_OK;
}

typedef struct flow_scan {
    int32_t states, inputs, outputs; /* counts: carried values, scanned inputs, stacked outputs */
    int64_t length;
    int32_t in_axis[64];
    xinf_tensor **carried, **args, **outs;
    xi_operand *operands;
    flow_list *stacks;
} flow_scan;

static xinf_status flow_scan_check(const flow_state *c, flow_scan *w)
{
    w->length = -1;
    for (int32_t k = 0; k < w->inputs; k++) {
        const xi_operand *o = c->in[w->states + k];
        if (!o || o->kind != XINF_KIND_TENSOR || o->dtype == XINF_STRING || o->shape.rank < 1 ||
            !xi_shape_axis(flow_list_int(c->node, "scan_input_axes", k), o->shape.rank,
                           &w->in_axis[k]))
            return xi_kernel_fail(c->node, c->err, XINF_MALFORMED,
                                  "scan input %d cannot be cut along its axis", (int)k);
        int64_t length = o->shape.dim[w->in_axis[k]];
        if (w->length >= 0 && w->length != length)
            return xi_kernel_fail(c->node, c->err, XINF_RUN_ERROR,
                                  "scan inputs have %lld and %lld slices", (long long)w->length,
                                  (long long)length);
        w->length = length;
    }
    return XINF_OK;
}

static xinf_status flow_scan_once(const flow_state *c, flow_scan *w, int64_t turn)
{
    xinf_status status = XINF_OK;
    for (int32_t k = 0; k < w->states; k++) w->operands[k] = xi_operand_of(w->carried[k]);
    for (int32_t k = 0; k < w->inputs; k++) {
        int64_t at = flow_list_int(c->node, "scan_input_directions", k) ? w->length - 1 - turn
                                                                        : turn;
        XI_TRY(flow_slice(c, c->in[w->states + k], w->in_axis[k], at, &w->args[k]));
        w->operands[w->states + k] = xi_operand_of(w->args[k]);
    }
    XI_TRY(
        flow_call(c, "body", w->operands, w->states + w->inputs, w->outs, w->states + w->outputs));
    for (int32_t k = 0; k < w->states; k++) {
        xinf_tensor_destroy(w->carried[k]);
        w->carried[k] = w->outs[k];
        w->outs[k] = NULL;
    }
    for (int32_t k = 0; k < w->outputs; k++) {
        xinf_tensor *t = w->outs[w->states + k];
        w->outs[w->states + k] = NULL;
        XI_TRY(flow_push(c, &w->stacks[k], t));
    }
cleanup:
    for (int32_t k = 0; k < w->inputs; k++) {
        xinf_tensor_destroy(w->args[k]);
        w->args[k] = NULL;
    }
    for (int32_t k = 0; k < w->states + w->outputs; k++) {
        xinf_tensor_destroy(w->outs[k]);
        w->outs[k] = NULL;
    }
    return status;
}

static xinf_status flow_scan_finish(const flow_state *c, flow_scan *w)
{
    const xi_graph *body = xi_node_graph(c->node, "body");
    for (int32_t k = 0; k < w->states; k++) flow_give(c, k, xinf_tensor_retain(w->carried[k]));
    for (int32_t k = 0; k < w->outputs; k++) {
        xinf_tensor *value = NULL;
        const flow_list *l = &w->stacks[k];
        const xi_type *type = &body->outputs[w->states + k]->type;
        int32_t rank = (l->count               ? l->items[0]->shape.rank
                        : type->shape.rank < 0 ? 0
                                               : type->shape.rank) +
                       1,
                axis = 0;
        if (!xi_shape_axis(flow_list_int(c->node, "scan_output_axes", k), rank, &axis))
            return xi_kernel_fail(c->node, c->err, XINF_MALFORMED, "scan output axis %d is outside",
                                  (int)k);
        xinf_status status = flow_stack(
            c, l, axis, flow_list_int(c->node, "scan_output_directions", k) != 0, type, &value);
        if (status != XINF_OK) {
            xinf_tensor_destroy(value);
            return status;
        }
        flow_give(c, w->states + k, value);
    }
    return XINF_OK;
}

static xinf_status flow_scan_run(const flow_state *c)
{
    const xinf_allocator *a = &c->frame->run->recycle;
    int64_t inputs = xi_node_int(c->node, "num_scan_inputs", 0);
    xinf_status status = XINF_OK;
    if (inputs < 1 || inputs > c->step->in_count || inputs > 64)
        return xi_kernel_fail(c->node, c->err, XINF_MALFORMED, "num_scan_inputs is %lld",
                              (long long)inputs);
    flow_scan w = {.inputs = (int32_t)inputs, .states = c->step->in_count - (int32_t)inputs};
    w.outputs = c->step->out_count - w.states;
    if (w.outputs < 0)
        return xi_kernel_fail(c->node, c->err, XINF_MALFORMED, "it has fewer outputs than states");
    size_t n = (size_t)c->step->in_count + (size_t)c->step->out_count + 1;
    w.carried = xi_calloc(a, n, sizeof *w.carried);
    w.args = xi_calloc(a, n, sizeof *w.args);
    w.outs = xi_calloc(a, n, sizeof *w.outs);
    w.operands = xi_calloc(a, n, sizeof *w.operands);
    w.stacks = xi_calloc(a, n, sizeof *w.stacks);
    if (!w.carried || !w.args || !w.outs || !w.operands || !w.stacks)
        XI_TRY(xi_fail_memory(c->err, n * sizeof *w.operands));
    XI_TRY(flow_scan_check(c, &w));
    for (int32_t k = 0; k < w.states; k++) {
        if (!c->in[k])
            XI_TRY(xi_kernel_fail(c->node, c->err, XINF_MALFORMED, "state %d is missing", (int)k));
        XI_TRY(xi_operand_take(c->in[k], a, &w.carried[k], c->err));
    }
    for (int64_t turn = 0; turn < w.length; turn++) XI_TRY(flow_scan_once(c, &w, turn));
    status = flow_scan_finish(c, &w);
cleanup:
    for (int32_t k = 0; w.carried && k < w.states; k++) xinf_tensor_destroy(w.carried[k]);
    for (int32_t k = 0; w.stacks && k < w.outputs; k++) flow_list_end(a, &w.stacks[k]);
    xi_free(a, w.carried, n * sizeof *w.carried);
    xi_free(a, w.args, n * sizeof *w.args);
    xi_free(a, w.outs, n * sizeof *w.outs);
    xi_free(a, w.operands, n * sizeof *w.operands);
    xi_free(a, w.stacks, n * sizeof *w.stacks);
    return status;
}

/* ---- SequenceMap ---- */

static xinf_status flow_map_once(const flow_state *c, int64_t turn, xi_operand *args,
                                 xinf_tensor **outs, flow_list *lists)
{
    xinf_status status;
    for (int32_t k = 0; k < c->step->in_count; k++) {
        const xi_operand *o = c->in[k];
        if (o->kind != XINF_KIND_SEQUENCE) {
            args[k] = *o;
            continue;
        }
        if (o->tensor->count != c->in[0]->tensor->count)
            return xi_kernel_fail(c->node, c->err, XINF_RUN_ERROR,
                                  "its sequences differ in length");
        args[k] = xi_operand_of(o->tensor->items[turn]);
    }
    XI_TRY(flow_call(c, "body", args, c->step->in_count, outs, c->step->out_count));
    for (int32_t k = 0; k < c->step->out_count; k++) {
        xinf_tensor *t = outs[k];
        outs[k] = NULL;
        XI_TRY(flow_push(c, &lists[k], t));
    }
cleanup:
    for (int32_t k = 0; k < c->step->out_count; k++) {
        xinf_tensor_destroy(outs[k]);
        outs[k] = NULL;
    }
    return status;
}

static xinf_status flow_map_run(const flow_state *c)
{
    const xinf_allocator *a = &c->frame->run->recycle;
    size_t n = (size_t)c->step->in_count + (size_t)c->step->out_count + 1;
    xinf_status status = XINF_OK;
    if (c->in[0]->kind != XINF_KIND_SEQUENCE)
        return xi_kernel_fail(c->node, c->err, XINF_MALFORMED, "its first input is not a sequence");
    xi_operand *args = xi_calloc(a, n, sizeof *args);
    xinf_tensor **outs = xi_calloc(a, n, sizeof *outs);
    flow_list *lists = xi_calloc(a, n, sizeof *lists);
    if (!args || !outs || !lists) XI_TRY(xi_fail_memory(c->err, n * sizeof *args));
    for (int64_t turn = 0; turn < c->in[0]->tensor->count; turn++)
        XI_TRY(flow_map_once(c, turn, args, outs, lists));
    for (int32_t k = 0; k < c->step->out_count; k++) {
        xinf_tensor *sequence;
        XI_TRY(xi_tensor_create_items(&sequence, a, XINF_KIND_SEQUENCE, NULL, lists[k].items,
                                      (int64_t)lists[k].count, c->err));
        lists[k].count = 0; /* the holds moved in */
        flow_give(c, k, sequence);
    }
cleanup:
    for (int32_t k = 0; lists && k < c->step->out_count; k++) flow_list_end(a, &lists[k]);
    xi_free(a, args, n * sizeof *args);
    xi_free(a, outs, n * sizeof *outs);
    xi_free(a, lists, n * sizeof *lists);
    return status;
}

xinf_status xi_control_run(xi_frame *f, int32_t step, xi_operand *const *in, xinf_error *err)
{
    const xi_step *t = &f->plan->steps[step];
    flow_state c = {.frame = f,
                    .plan = f->plan,
                    .step = t,
                    .node = f->plan->nodes[t->node],
                    .in = in,
                    .err = err};
    if (xi_node_is(c.node, "If")) return flow_if(&c);
    if (xi_node_is(c.node, "Loop")) return flow_loop_run(&c);
    if (xi_node_is(c.node, "Scan")) return flow_scan_run(&c);
    if (xi_node_is(c.node, "SequenceMap")) return flow_map_run(&c);
    return xi_kernel_fail(c.node, err, XINF_UNSUPPORTED, "control flow of this kind does not run");
}
