/* build.c — graph → steps: one pass in order, choosing kernels and layouts, packing weights, noting
 * lifetimes. */
#include <stdio.h>

#include "base/allocator.h"
#include "plan/plan.h"

typedef struct build_state {
    xi_plan *plan;
    struct build_state *outer;
    int32_t *slot_of; /* value id → slot + 1 */
    size_t value_count;
    int32_t *reordered; /* slot → slot of it in ROW, C8, C16; 3 each, 0 = none, else slot + 1 */
    size_t reordered_capacity;
    xi_packing *packing;
    xi_text *refusals;
    int32_t *refused_count;
    xinf_error *err;
} build_state;

static bool build_push(xi_plan *p, void **items, size_t *count, size_t *capacity, const void *item,
                       size_t size)
{
    if (!xi_grow(&p->arena.alloc, items, capacity, *count + 1, size)) return false;
    memcpy((char *)*items + *count * size, item, size);
    ++*count;
    return true;
}

#define BUILD_PUSH(p, list, count, capacity, item) \
    build_push(p, (void **)&(p)->list, &(p)->count, &(p)->capacity, &(item), sizeof(item))

/* -1 when memory ends. */
static int32_t build_add_slot(build_state *s, const xi_value *v, xi_slot slot)
{
    xi_plan *p = s->plan;
    const xi_literal *literal = slot.kind == XI_SLOT_CONST ? v->literal : NULL;
    size_t n = p->slot_count;
    if (!xi_grow(&p->arena.alloc, (void **)&p->values, &p->values_capacity, n + 1,
                 sizeof *p->values) ||
        !xi_grow(&p->arena.alloc, (void **)&p->literals, &p->literals_capacity, n + 1,
                 sizeof *p->literals) ||
        !xi_grow(&p->arena.alloc, (void **)&s->reordered, &s->reordered_capacity, 3 * n + 3,
                 sizeof *s->reordered) ||
        !BUILD_PUSH(p, slots, slot_count, slot_capacity, slot))
        return -1;
    p->values[n] = v;
    p->literals[n] = literal;
    memset(s->reordered + 3 * n, 0, 3 * sizeof *s->reordered);
    s->reordered[3 * n + (size_t)slot.layout] = (int32_t)n + 1;
    return (int32_t)n;
}

static int32_t build_bind_value(build_state *s, const xi_value *v, xi_slot_kind kind, int32_t index)
{
    xi_slot slot = {.kind = kind, .index = index, .first = -1, .last = -1, .output = -1};
    int32_t at = build_add_slot(s, v, slot);
    if (at >= 0) s->slot_of[v->id] = at + 1;
    return at;
}

/* The slot of a value in this plan; a value of a graph around becomes a capture, a constant gets a
 * slot on first use. */
static int32_t build_slot(build_state *s, const xi_value *v)
{
    xi_plan *p = s->plan;
    if (s->slot_of[v->id]) return s->slot_of[v->id] - 1;
    if (v->literal) return build_bind_value(s, v, XI_SLOT_CONST, -1);
    if (v->graph == p->graph || !s->outer) return -1;
    int32_t slot = build_bind_value(s, v, XI_SLOT_CAPTURE, (int32_t)p->capture_count);
    if (slot < 0 || !xi_grow(&p->arena.alloc, (void **)&p->captured, &p->captured_capacity,
                             p->capture_count + 1, sizeof *p->captured))
        return -1;
    p->captured[p->capture_count] = v;
    return BUILD_PUSH(p, captures, capture_count, capture_capacity, slot) ? slot : -1;
}

static void build_touch(build_state *s, int32_t slot)
{
    xi_slot *t = &s->plan->slots[slot];
    if (t->last < (int32_t)s->plan->step_count) t->last = (int32_t)s->plan->step_count;
}

/* ---- operands for prepare ---- */

typedef struct build_operands {
    xi_operand *storage;
    const xi_operand **in, **out;
    const xi_literal **literals;
    int32_t *in_layout, *out_layout;
    int32_t *in_slot;
} build_operands;

static xi_operand build_operand(const xi_plan *p, int32_t slot, const xi_value *v)
{
    xi_operand o = {.dtype = v->type.dtype,
                    .shape = v->type.shape,
                    .kind = v->type.kind,
                    .layout = XI_LAYOUT_ROW,
                    .count = -1};
    xi_shape_count(&o.shape, &o.count);
    if (slot >= 0) o.layout = p->slots[slot].layout;
    if (v->literal) o.data = (void *)(uintptr_t)v->literal->data;
    return o;
}

static bool build_gather(build_state *s, const xi_node *n, build_operands *o, xi_arena *scratch)
{
    size_t in = (size_t)n->input_count, out = (size_t)n->output_count;
    o->storage = xi_arena_array(scratch, in + out + 1, sizeof *o->storage);
    o->in = xi_arena_array(scratch, in + 1, sizeof *o->in);
    o->out = xi_arena_array(scratch, out + 1, sizeof *o->out);
    o->literals = xi_arena_array(scratch, in + 1, sizeof *o->literals);
    o->in_layout = xi_arena_array(scratch, in + 1, sizeof *o->in_layout);
    o->out_layout = xi_arena_array(scratch, out + 1, sizeof *o->out_layout);
    o->in_slot = xi_arena_array(scratch, in + 1, sizeof *o->in_slot);
    if (!o->storage || !o->in || !o->out || !o->literals || !o->in_layout || !o->out_layout ||
        !o->in_slot)
        return false;
    for (size_t i = 0; i < in; i++) {
        const xi_value *v = n->inputs[i];
        o->in_slot[i] = -1;
        if (!v) continue;
        o->in_slot[i] = build_slot(s, v);
        if (o->in_slot[i] < 0) return false;
        o->storage[i] = build_operand(s->plan, o->in_slot[i], v);
        o->in[i] = &o->storage[i];
        o->literals[i] = v->literal;
    }
    for (size_t i = 0; i < out; i++) {
        if (!n->outputs[i]) continue;
        o->storage[in + i] = build_operand(s->plan, -1, n->outputs[i]);
        o->out[i] = &o->storage[in + i];
    }
    return true;
}

/* ---- steps ---- */

static int32_t build_kernel_index(xi_plan *p, const xi_kernel *k)
{
    for (size_t i = 0; i < p->kernel_count; i++)
        if (p->kernels[i] == k) return (int32_t)i;
    return BUILD_PUSH(p, kernels, kernel_count, kernel_capacity, k) ? (int32_t)p->kernel_count - 1
                                                                    : -1;
}

/* A slot that holds `slot`'s value in `layout`; adds a reorder step when there is none yet. -1 when
 * memory ends or no kernel reorders. */
static int32_t build_in_layout(build_state *s, int32_t slot, int32_t layout)
{
    xi_plan *p = s->plan;
    if (p->slots[slot].layout == layout) return slot;
    int32_t have = s->reordered[3 * (size_t)slot + (size_t)layout];
    if (have) return have - 1;
    if (!p->reorder) return -1;
    xi_slot fresh = {.kind = XI_SLOT_LOCAL,
                     .index = -1,
                     .layout = layout,
                     .first = (int32_t)p->step_count,
                     .last = -1,
                     .output = -1};
    int32_t kernel = build_kernel_index(p, p->reorder),
            to = build_add_slot(s, p->values[slot], fresh);
    xi_step step = {.node = -1,
                    .kernel = kernel,
                    .operands = (int32_t)p->operand_count,
                    .in_count = 1,
                    .out_count = 1,
                    .params = -1,
                    .packed = -1};
    if (kernel < 0 || to < 0 || !BUILD_PUSH(p, operands, operand_count, operand_capacity, slot) ||
        !BUILD_PUSH(p, operands, operand_count, operand_capacity, to))
        return -1;
    build_touch(s, slot);
    if (!BUILD_PUSH(p, steps, step_count, step_capacity, step)) return -1;
    s->reordered[3 * (size_t)slot + (size_t)layout] = to + 1;
    s->reordered[3 * (size_t)to + (size_t)p->slots[slot].layout] = slot + 1;
    return to;
}

static xinf_status build_graph(build_state *s, const xi_graph *g);

static xinf_status build_sub(build_state *s, xi_graph *g)
{
    xi_plan *p = s->plan, *sub;
    xinf_status status;
    sub = xi_calloc(&p->arena.alloc, 1, sizeof *sub);
    if (!sub) return xi_fail_memory(s->err, sizeof *sub);
    xi_arena_init(&sub->arena, &p->arena.alloc, 0);
    sub->graph = g;
    sub->list = p->list;
    sub->reorder = p->reorder;
    sub->isa = p->isa;
    sub->width = p->width;
    sub->store = p->store;
    if (!BUILD_PUSH(p, subs, sub_count, sub_capacity, sub)) {
        xi_free(&p->arena.alloc, sub, sizeof *sub);
        return xi_fail_memory(s->err, sizeof *sub);
    }
    build_state inner = {.plan = sub,
                         .outer = s,
                         .value_count = s->value_count,
                         .packing = s->packing,
                         .refusals = s->refusals,
                         .refused_count = s->refused_count,
                         .err = s->err};
    inner.slot_of = xi_calloc(&p->arena.alloc, s->value_count + 1, sizeof *inner.slot_of);
    status = inner.slot_of ? build_graph(&inner, g)
                           : xi_fail_memory(s->err, s->value_count * sizeof *inner.slot_of);
    xi_free(&p->arena.alloc, inner.slot_of, (s->value_count + 1) * sizeof *inner.slot_of);
    xi_free(&p->arena.alloc, inner.reordered, inner.reordered_capacity * sizeof *inner.reordered);
    p->node_total += sub->node_total;
    return status;
}

/* The slot of this plan that a capture of a subgraph reads, in ROW; may add a reorder step. */
static int32_t build_captured(build_state *s, const xi_value *v)
{
    int32_t slot = build_slot(s, v);
    return slot < 0 ? -1 : build_in_layout(s, slot, XI_LAYOUT_ROW);
}

/* Subgraphs of a control-flow node: their plans, and the slots of this plan that they read (sub by
 * sub, capture by capture). */
static xinf_status build_subs(build_state *s, const xi_node *n, xi_step *step)
{
    xinf_status status = XINF_OK;
    xi_plan *p = s->plan;
    size_t first = p->sub_count;
    for (int32_t a = 0; a < n->attr_count; a++)
        if (n->attrs[a].type == XI_ATTR_GRAPH) XI_TRY(build_sub(s, n->attrs[a].graph));
    step->subs = (int32_t)first;
    step->sub_count = (int32_t)(p->sub_count - first);
    /* Twice: reorder steps that the first round adds have operands of their own, the second round's
     * stand together. */
    for (int32_t round = 0; round < 2; round++) {
        step->hidden = (int32_t)p->operand_count;
        for (size_t k = first; k < p->sub_count; k++)
            for (size_t i = 0; i < p->subs[k]->capture_count; i++) {
                int32_t slot = build_captured(s, p->subs[k]->captured[i]);
                if (slot < 0) return xi_fail_memory(s->err, sizeof slot);
                if (round == 0) continue;
                if (!BUILD_PUSH(p, operands, operand_count, operand_capacity, slot))
                    return xi_fail_memory(s->err, sizeof slot);
                step->hidden_count++;
                build_touch(s, slot);
            }
    }
cleanup:
    return status;
}

static void build_refuse(build_state *s, const char *why)
{
    if (++*s->refused_count > 1) xi_text_add(s->refusals, "; ", 2);
    xi_text_add(s->refusals, why, strlen(why));
}

/* Are the dtypes of all present inputs known, so that a kernel can be chosen now? */
static bool build_typed(const xi_node *n)
{
    for (int32_t i = 0; i < n->input_count; i++) {
        const xi_value *v = n->inputs[i];
        if (v && v->type.kind == XINF_KIND_TENSOR && v->type.dtype == XINF_UNDEFINED) return false;
    }
    return true;
}

static xinf_status build_pack(build_state *s, const xi_node *n, const xi_kernel *k,
                              const xi_prepare *a, const build_operands *o, xi_step *step)
{
    const xi_weight *w;
    if (!a->packed_size) return XINF_OK;
    xi_pack pack = {.kernel = k,
                    .node = n,
                    .params = a->params,
                    .in = o->in,
                    .literals = o->literals,
                    .in_count = n->input_count,
                    .inputs = a->packed_inputs,
                    .size = a->packed_size};
    xinf_status status = xi_packing_add(s->packing, &w, &pack, s->err);
    if (status != XINF_OK) return status;
    if (!BUILD_PUSH(s->plan, weights, weight_count, weight_capacity, w)) {
        xi_weights_release(s->plan->store, w);
        return xi_fail_memory(s->err, sizeof w);
    }
    step->packed = (int32_t)s->plan->weight_count - 1;
    return XINF_OK;
}

/* An aligned form of a constant that a kernel reads itself: kernels need its elements' alignment
 * only. */
static xinf_status build_align(build_state *s, int32_t slot)
{
    xi_plan *p = s->plan;
    const xi_literal *l = p->literals[slot];
    const xi_weight *w;
    if (!l || p->slots[slot].index >= 0 || l->size == 0 || l->dtype == XINF_STRING ||
        (uintptr_t)l->data % xinf_dtype_size(l->dtype) == 0)
        return XINF_OK;
    xinf_status status = xi_packing_align(s->packing, &w, l, s->err);
    if (status != XINF_OK) return status;
    if (!BUILD_PUSH(p, weights, weight_count, weight_capacity, w)) {
        xi_weights_release(p->store, w);
        return xi_fail_memory(s->err, sizeof w);
    }
    p->slots[slot].index = (int32_t)p->weight_count - 1;
    return XINF_OK;
}

/* Chooses a kernel for a node whose input dtypes are known. A refusal is collected, not returned.
 */
static xinf_status build_choose(build_state *s, const xi_node *n, build_operands *o, xi_step *step)
{
    xi_plan *p = s->plan;
    xi_params params = {{0}};
    const xi_kernel *k;
    xinf_error why = XINF_ERROR_INIT;
    xi_prepare a = {.node = n,
                    .in_count = n->input_count,
                    .out_count = n->output_count,
                    .in = o->in,
                    .out = o->out,
                    .isa = p->isa,
                    .width = p->width,
                    .params = params.bytes,
                    .in_layout = o->in_layout,
                    .out_layout = o->out_layout};
    xinf_status status = xi_kernel_choose(&k, p->list, &a, &why);
    if (status == XINF_UNSUPPORTED) {
        build_refuse(s, why.message);
        return XINF_OK;
    }
    if (status != XINF_OK) return xi_fail(s->err, status, "%s", why.message);
    step->kernel = build_kernel_index(p, k);
    step->params = (int32_t)p->params_count;
    step->in_place = a.in_place;
    step->packed_inputs = a.packed_size ? a.packed_inputs : 0;
    step->view = a.view;
    if (step->kernel < 0 || !BUILD_PUSH(p, params, params_count, params_capacity, params))
        return xi_fail_memory(s->err, sizeof params);
    return build_pack(s, n, k, &a, o, step);
}

static xinf_status build_inputs(build_state *s, const xi_node *n, build_operands *o,
                                const xi_step *step)
{
    for (int32_t i = 0; i < n->input_count; i++) {
        if (o->in_slot[i] < 0) continue;
        if (step->packed_inputs >> i & 1 && i < 32) {
            o->in_slot[i] = -1;
            continue;
        }
        xinf_status status = build_align(s, o->in_slot[i]);
        if (status != XINF_OK) return status;
        o->in_slot[i] = build_in_layout(s, o->in_slot[i], o->in_layout[i]);
        if (o->in_slot[i] < 0)
            return xi_fail(s->err, XINF_OUT_OF_MEMORY,
                           "node %.*s (%.*s): out of memory, or no kernel turns its input's layout",
                           XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name));
    }
    return XINF_OK;
}

static xinf_status build_push_step(build_state *s, const xi_node *n, const build_operands *o,
                                   xi_step *step)
{
    xi_plan *p = s->plan;
    step->operands = (int32_t)p->operand_count;
    for (int32_t i = 0; i < n->input_count; i++) {
        if (!BUILD_PUSH(p, operands, operand_count, operand_capacity, o->in_slot[i]))
            return xi_fail_memory(s->err, 4);
        if (o->in_slot[i] >= 0) build_touch(s, o->in_slot[i]);
    }
    for (int32_t i = 0; i < n->output_count; i++) {
        xi_slot slot = {.kind = XI_SLOT_LOCAL,
                        .index = -1,
                        .layout = o->out_layout[i],
                        .first = (int32_t)p->step_count,
                        .last = (int32_t)p->step_count,
                        .output = -1};
        int32_t at = -1;
        if (n->outputs[i]) {
            at = build_add_slot(s, n->outputs[i], slot);
            if (at < 0) return xi_fail_memory(s->err, sizeof slot);
            s->slot_of[n->outputs[i]->id] = at + 1;
        }
        if (!BUILD_PUSH(p, operands, operand_count, operand_capacity, at))
            return xi_fail_memory(s->err, 4);
    }
    if (!BUILD_PUSH(p, steps, step_count, step_capacity, *step))
        return xi_fail_memory(s->err, sizeof *step);
    return XINF_OK;
}

static xinf_status build_node(build_state *s, const xi_node *n)
{
    xinf_status status;
    xi_plan *p = s->plan;
    xinf_error why = XINF_ERROR_INIT;
    xi_arena scratch;
    build_operands o;
    xi_step step = {.node = (int32_t)p->node_count,
                    .kernel = -1,
                    .in_count = n->input_count,
                    .out_count = n->output_count,
                    .params = -1,
                    .packed = -1};
    xi_arena_init(&scratch, &p->arena.alloc, 0);
    if (!build_gather(s, n, &o, &scratch) || !BUILD_PUSH(p, nodes, node_count, node_capacity, n)) {
        status = xi_fail_memory(s->err, sizeof o);
        goto cleanup;
    }
    p->node_total++;
    if (xi_plan_refuses(n, &why)) {
        build_refuse(s, why.message);
    } else if (n->op->flags & XI_OP_CONTROL) {
        XI_TRY(build_subs(s, n, &step));
    } else if (build_typed(n)) {
        XI_TRY(build_choose(s, n, &o, &step));
    }
    XI_TRY(build_inputs(s, n, &o, &step));
    XI_TRY(build_push_step(s, n, &o, &step));
cleanup:
    xi_arena_reset(&scratch);
    return status;
}

/* Outputs in ROW; an output slot never dies. */
static xinf_status build_outputs(build_state *s, const xi_graph *g)
{
    xi_plan *p = s->plan;
    p->outputs = xi_arena_array(&p->arena, (size_t)g->output_count + 1, sizeof *p->outputs);
    p->state_written = xi_arena_array(&p->arena, (size_t)g->state_count + 1,
                                      sizeof *p->state_written);
    if (!p->outputs || !p->state_written) return xi_fail_memory(s->err, sizeof *p->outputs);
    for (int32_t i = 0; i < g->output_count + g->state_count; i++) {
        const xi_value *v = i < g->output_count ? g->outputs[i]
                                                : g->states[i - g->output_count].written;
        int32_t slot = build_slot(s, v);
        if (slot >= 0) {
            xinf_status status = build_align(s, slot);
            if (status != XINF_OK) return status;
            slot = build_in_layout(s, slot, XI_LAYOUT_ROW);
        }
        if (slot < 0)
            return xi_fail(s->err, XINF_OUT_OF_MEMORY, "output \"%.*s\": out of memory",
                           XI_STR_ARG(v->name));
        p->slots[slot].last = INT32_MAX;
        if (i < g->output_count) {
            p->outputs[i] = slot;
            if (p->slots[slot].output < 0) p->slots[slot].output = i;
        } else {
            p->state_written[i - g->output_count] = slot;
        }
    }
    return XINF_OK;
}

/* Lists, per step, the slots that nobody reads after it. Views keep their source alive: last uses
 * flow back first. */
static xinf_status build_deaths(build_state *s)
{
    xi_plan *p = s->plan;
    for (size_t i = p->step_count; i-- > 0;) {
        const xi_step *t = &p->steps[i];
        if (!t->view) continue;
        int32_t in = p->operands[t->operands], out = p->operands[t->operands + t->in_count];
        if (in >= 0 && out >= 0 && p->slots[in].last < p->slots[out].last)
            p->slots[in].last = p->slots[out].last;
    }
    int32_t *head = xi_calloc(&p->arena.alloc, p->step_count + 1,
                              sizeof *head); /* counts, then starts */
    if (!head) return xi_fail_memory(s->err, p->step_count * sizeof *head);
    for (size_t k = 0; k < p->slot_count; k++)
        if (p->slots[k].kind == XI_SLOT_LOCAL && p->slots[k].last >= 0 &&
            p->slots[k].last < (int32_t)p->step_count)
            head[p->slots[k].last]++;
    size_t total = p->operand_count;
    for (size_t i = 0; i < p->step_count; i++) {
        p->steps[i].dead = (int32_t)total;
        total += (size_t)head[i];
    }
    bool grown = xi_grow(&p->arena.alloc, (void **)&p->operands, &p->operand_capacity, total + 1,
                         sizeof *p->operands);
    for (size_t k = 0; k < p->slot_count && grown; k++) {
        int32_t last = p->slots[k].last;
        if (p->slots[k].kind != XI_SLOT_LOCAL || last < 0 || last >= (int32_t)p->step_count)
            continue;
        p->operands[p->steps[last].dead + p->steps[last].dead_count++] = (int32_t)k;
    }
    p->operand_count = total;
    xi_free(&p->arena.alloc, head, (p->step_count + 1) * sizeof *head);
    return grown ? XINF_OK : xi_fail_memory(s->err, total * sizeof *p->operands);
}

static xinf_status build_graph(build_state *s, const xi_graph *g)
{
    xinf_status status;
    xi_plan *p = s->plan;
    p->inputs = xi_arena_array(&p->arena, (size_t)g->input_count + 1, sizeof *p->inputs);
    p->state_read = xi_arena_array(&p->arena, (size_t)g->state_count + 1, sizeof *p->state_read);
    if (!p->inputs || !p->state_read) return xi_fail_memory(s->err, sizeof *p->inputs);
    for (int32_t i = 0; i < g->input_count; i++) {
        p->inputs[i] = build_bind_value(s, g->inputs[i], XI_SLOT_INPUT, i);
        if (p->inputs[i] < 0) return xi_fail_memory(s->err, sizeof(xi_slot));
    }
    for (int32_t i = 0; i < g->state_count; i++) {
        p->state_read[i] = build_bind_value(s, g->states[i].read, XI_SLOT_STATE, i);
        if (p->state_read[i] < 0) return xi_fail_memory(s->err, sizeof(xi_slot));
    }
    for (const xi_node *n = g->first; n; n = n->next) XI_TRY(build_node(s, n));
    XI_TRY(build_outputs(s, g));
    XI_TRY(build_deaths(s));
cleanup:
    return status;
}

xinf_status xi_plan_build(xi_plan **out, const xi_graph *graph, xi_weights *store,
                          const xi_plan_options *options, xinf_error *err)
{
    *out = NULL;
    const xinf_allocator *alloc = &store->alloc;
    xinf_status status;
    int32_t refused = 0;
    xi_text refusals;
    xi_text_init(&refusals, alloc);
    xi_packing packing;
    xi_packing_init(&packing, store);
    build_state s = {.value_count = graph->family->next_value,
                     .packing = &packing,
                     .refusals = &refusals,
                     .refused_count = &refused,
                     .err = err};
    xi_plan *p = xi_calloc(alloc, 1, sizeof *p);
    if (!p) return xi_fail_memory(err, sizeof *p);
    xi_arena_init(&p->arena, alloc, 0);
    p->graph = graph;
    p->list = options->list;
    p->isa = options->isa;
    p->width = options->width;
    p->reorder = xi_kernel_find(options->list, "xinf", "Reorder", options->isa);
    p->store = store;
    s.plan = p;
    s.slot_of = xi_calloc(alloc, s.value_count + 1, sizeof *s.slot_of);
    if (!s.slot_of) {
        status = xi_fail_memory(err, s.value_count * sizeof *s.slot_of);
        goto cleanup;
    }
    XI_TRY(build_graph(&s, graph));
    if (refused) {
        status = xi_fail(err, XINF_UNSUPPORTED, "%d %s: %s", (int)refused,
                         refused == 1 ? "node cannot run" : "nodes cannot run",
                         refusals.failed ? "" : refusals.ptr);
        goto cleanup;
    }
    XI_TRY(xi_plan_verify(p, err));
    XI_TRY(xi_packing_run(&packing, options->pool, err));
    *out = p;
cleanup:
    xi_packing_end(&packing);
    xi_text_free(&refusals);
    xi_free(alloc, s.slot_of, (s.value_count + 1) * sizeof *s.slot_of);
    xi_free(alloc, s.reordered, s.reordered_capacity * sizeof *s.reordered);
    if (!*out) xi_plan_destroy(p);
    return status;
}

void xi_plan_destroy(xi_plan *p)
{
    if (!p) return;
    xinf_allocator alloc = p->arena.alloc;
    for (size_t i = 0; i < p->sub_count; i++) xi_plan_destroy(p->subs[i]);
    for (size_t i = 0; i < p->weight_count; i++) xi_weights_release(p->store, p->weights[i]);
#define BUILD_FREE(list, capacity) \
    xi_free(&alloc, (void *)(uintptr_t)p->list, p->capacity * sizeof *p->list)
    BUILD_FREE(steps, step_capacity);
    BUILD_FREE(slots, slot_capacity);
    BUILD_FREE(values, values_capacity);
    BUILD_FREE(literals, literals_capacity);
    BUILD_FREE(operands, operand_capacity);
    BUILD_FREE(nodes, node_capacity);
    BUILD_FREE(kernels, kernel_capacity);
    BUILD_FREE(params, params_capacity);
    BUILD_FREE(weights, weight_capacity);
    BUILD_FREE(subs, sub_capacity);
    BUILD_FREE(captures, capture_capacity);
    BUILD_FREE(captured, captured_capacity);
#undef BUILD_FREE
    xi_arena_reset(&p->arena);
    xi_free(&alloc, p, sizeof *p);
}

#undef BUILD_PUSH
