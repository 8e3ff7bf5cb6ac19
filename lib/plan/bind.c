/* bind.c — a plan for given input shapes: sizes, contents that follow from shapes, extents, places
 * in memory. */
#include "base/allocator.h"
#include "base/checked.h"
#include "plan/plan.h"

/* Values of more bytes than this are never computed at binding. */
enum { BIND_KNOWN_BYTES = 8192 };

typedef struct bind_state {
    const xi_plan *plan;
    xi_binding *b;
    xi_arena scratch; /* per step */
    xinf_error *err;
} bind_state;

static xi_operand bind_operand(const bind_state *s, int32_t slot)
{
    const xi_bound_slot *v = &s->b->slots[slot];
    xi_operand o = {.dtype = v->type.dtype,
                    .shape = v->type.shape,
                    .kind = v->type.kind,
                    .layout = s->plan->slots[slot].layout,
                    .count = -1};
    xi_shape_count(&o.shape, &o.count);
    if (v->known) o.data = (void *)(uintptr_t)v->known->data;
    return o;
}

static xinf_status bind_size(bind_state *s, int32_t slot)
{
    xi_bound_slot *v = &s->b->slots[slot];
    int64_t count;
    size_t item = xinf_dtype_size(v->type.dtype);
    if (v->type.kind != XINF_KIND_TENSOR || item == 0 || !xi_shape_known(&v->type.shape))
        return XINF_OK;
    if (!xi_layout_count(s->plan->slots[slot].layout, &v->type.shape, &count) ||
        (uint64_t)count > (SIZE_MAX >> 1) / item)
        return xi_fail(s->err, XINF_LIMIT, "value \"%.*s\" is too large",
                       XI_STR_ARG(s->plan->values[slot]->name));
    v->size = (size_t)count * item;
    v->sized = true;
    return XINF_OK;
}

/* Can a step be computed now? All its inputs known and it is a plain, small computation. */
static bool bind_all_known(const bind_state *s, const xi_step *t, const xi_node *n)
{
    if (xi_node_is(n, "Shape") || xi_node_is(n, "Size")) {
        int32_t in = s->plan->operands[t->operands];
        return in >= 0 && s->b->slots[in].type.kind == XINF_KIND_TENSOR &&
               xi_shape_known(&s->b->slots[in].type.shape);
    }
    if (n->op->flags || t->in_count > 16) return false;
    for (int32_t i = 0; i < t->in_count; i++) {
        int32_t slot = s->plan->operands[t->operands + i];
        const xi_value *v = n->inputs[i];
        if (slot < 0 && !v) continue;
        const xi_literal *l = slot < 0 ? v->literal : s->b->slots[slot].known;
        if (!l || l->size > BIND_KNOWN_BYTES) return false;
    }
    return true;
}

/* Shape and Size follow from the input's shape alone. */
static xinf_status bind_shape_of(bind_state *s, const xi_step *t, const xi_node *n,
                                 const xi_literal **out)
{
    const xi_shape *in = &s->b->slots[s->plan->operands[t->operands]].type.shape;
    int64_t first = 0, last = in->rank, total, values[XI_MAX_RANK + 1] = {0};
    xi_shape shape = XI_SHAPE_SCALAR;
    if (xi_node_is(n, "Size")) {
        if (!xi_shape_count(in, &total)) return xi_fail(s->err, XINF_LIMIT, "a shape is too large");
        values[0] = total;
    } else {
        first = xi_node_int(n, "start", 0);
        last = xi_node_int(n, "end", in->rank);
        first = first < 0 ? first + in->rank : first;
        last = last < 0 ? last + in->rank : last;
        first = first < 0 ? 0 : first > in->rank ? in->rank : first;
        last = last < first ? first : last > in->rank ? in->rank : last;
        shape = (xi_shape){.rank = 1, .dim = {last - first}};
        for (int64_t i = first; i < last; i++) values[i - first] = in->dim[i];
    }
    xi_literal *l = xi_arena_alloc(&s->b->arena, sizeof *l);
    int64_t *data = xi_arena_array(&s->b->arena, XI_MAX_RANK + 1, sizeof *data);
    if (!l || !data) return xi_fail_memory(s->err, sizeof *l);
    memcpy(data, values, sizeof values);
    int64_t count = shape.rank ? shape.dim[0] : 1;
    *l = (xi_literal){.dtype = XINF_INT64,
                      .shape = shape,
                      .count = count,
                      .data = data,
                      .size = (size_t)count * 8};
    *out = l;
    return XINF_OK;
}

static xinf_status bind_known(bind_state *s, const xi_step *t, const xi_node *n,
                              xi_bound_step *bound)
{
    const xi_literal *in[16] = {NULL}, *out[64] = {NULL};
    xinf_status status = XINF_OK;
    xinf_error quiet = XINF_ERROR_INIT;
    if (t->out_count > 64) return XINF_OK;
    if (xi_node_is(n, "Shape") || xi_node_is(n, "Size")) {
        XI_TRY(bind_shape_of(s, t, n, &out[0]));
    } else {
        for (int32_t i = 0; i < t->in_count; i++) {
            int32_t slot = s->plan->operands[t->operands + i];
            in[i] = slot >= 0      ? s->b->slots[slot].known
                    : n->inputs[i] ? n->inputs[i]->literal
                                   : NULL;
        }
        status = xi_plan_evaluate(s->plan->list, s->plan->isa, n, in, out, &s->b->arena,
                                  BIND_KNOWN_BYTES, &quiet);
        if (status == XINF_UNSUPPORTED) return XINF_OK; /* then it runs like any other */
        if (status != XINF_OK) return xi_fail(s->err, status, "%s", quiet.message);
    }
    bool all = true, blocked = false;
    for (int32_t i = 0; i < t->out_count; i++) {
        int32_t slot = s->plan->operands[t->operands + t->in_count + i];
        if (slot < 0) continue;
        all = all && out[i];
        blocked = blocked || s->plan->slots[slot].layout != XI_LAYOUT_ROW;
        if (!out[i]) continue;
        xi_bound_slot *v = &s->b->slots[slot];
        v->type = (xi_type){
            .kind = XINF_KIND_TENSOR, .dtype = out[i]->dtype, .shape = out[i]->shape};
        v->known = blocked ? NULL : out[i];
        XI_TRY(bind_size(s, slot));
    }
    if (all && !blocked) bound->mode = XI_MODE_KNOWN;
cleanup:
    return status;
}

static xinf_status bind_infer(bind_state *s, const xi_step *t, const xi_node *n)
{
    xinf_status status;
    const xi_type **in = xi_arena_array(&s->scratch, (size_t)t->in_count + 1, sizeof *in);
    xi_type *literal_types = xi_arena_array(&s->scratch, (size_t)t->in_count + 1,
                                            sizeof *literal_types);
    const xi_literal **known = xi_arena_array(&s->scratch, (size_t)t->in_count + 1, sizeof *known);
    xi_type *out = xi_arena_array(&s->scratch, (size_t)t->out_count + 1, sizeof *out);
    if (!in || !literal_types || !known || !out) return xi_fail_memory(s->err, sizeof *out);
    for (int32_t i = 0; i < t->in_count; i++) {
        int32_t slot = s->plan->operands[t->operands + i];
        if (slot >= 0) {
            in[i] = &s->b->slots[slot].type;
            known[i] = s->b->slots[slot].known;
        } else if (n->inputs[i]) { /* packed: only the weight's literal is left */
            in[i] = &n->inputs[i]->type;
            known[i] = n->inputs[i]->literal;
        }
    }
    XI_TRY(xi_node_infer(n, in, known, out, &s->b->arena, s->err));
    for (int32_t i = 0; i < t->out_count; i++) {
        int32_t slot = s->plan->operands[t->operands + t->in_count + i];
        if (slot < 0) continue;
        s->b->slots[slot].type = out[i];
        XI_TRY(bind_size(s, slot));
    }
cleanup:
    return status;
}

static xinf_status bind_extent(bind_state *s, const xi_step *t, xi_bound_step *bound)
{
    const xi_kernel *k = s->plan->kernels[t->kernel];
    int32_t n = t->in_count + t->out_count;
    bound->extent = (xi_extent){.phases = 1, .chunks = {1, 1, 1, 1}};
    if (!k->extent) return XINF_OK;
    xi_operand *storage = xi_arena_array(&s->scratch, (size_t)n + 1, sizeof *storage);
    xi_operand **list = xi_arena_array(&s->scratch, (size_t)n + 1, sizeof *list);
    if (!storage || !list) return xi_fail_memory(s->err, sizeof *storage);
    for (int32_t i = 0; i < n; i++) {
        int32_t slot = s->plan->operands[t->operands + i];
        const xi_node *node = t->node >= 0 ? s->plan->nodes[t->node] : NULL;
        if (slot >= 0) {
            storage[i] = bind_operand(s, slot);
        } else if (node && i < t->in_count && node->inputs[i]) {
            const xi_value *v = node->inputs[i];
            storage[i] = (xi_operand){.dtype = v->type.dtype,
                                      .shape = v->type.shape,
                                      .kind = v->type.kind,
                                      .count = v->literal ? v->literal->count : -1};
        } else {
            continue;
        }
        list[i] = &storage[i];
    }
    const void *params = t->params >= 0 ? s->plan->params[t->params].bytes : NULL;
    return k->extent(params, list, list + t->in_count, s->plan->width, &bound->extent, s->err);
}

static bool bind_all_sized(const bind_state *s, const xi_step *t)
{
    for (int32_t i = 0; i < t->in_count + t->out_count; i++) {
        int32_t slot = s->plan->operands[t->operands + i];
        if (slot >= 0 && !s->b->slots[slot].sized) return false;
    }
    return true;
}

/* Do the dtypes for which the kernel was chosen still hold? */
static bool bind_same_dtypes(const bind_state *s, const xi_step *t, const xi_node *n)
{
    for (int32_t i = 0; i < t->in_count; i++) {
        int32_t slot = s->plan->operands[t->operands + i];
        if (slot >= 0 && n->inputs[i]->type.dtype != s->b->slots[slot].type.dtype) return false;
    }
    return true;
}

static xinf_status bind_node(bind_state *s, const xi_step *t, xi_bound_step *bound)
{
    const xi_node *n = s->plan->nodes[t->node];
    xinf_status status = XINF_OK;
    if (n->op->flags & (XI_OP_CONTROL | XI_OP_HANDLE)) return XINF_OK; /* sized when it runs */
    if (bind_all_known(s, t, n)) {
        XI_TRY(bind_known(s, t, n, bound));
        if (bound->mode == XI_MODE_KNOWN) goto cleanup;
    }
    for (int32_t i = 0; i < t->in_count; i++) {
        int32_t slot = s->plan->operands[t->operands + i];
        if (slot >= 0 && !s->b->slots[slot].sized) return XINF_OK;
    }
    if (n->op->flags & XI_OP_DATA_SHAPE) return XINF_OK;
    XI_TRY(bind_infer(s, t, n));
    if (t->kernel < 0 || !bind_all_sized(s, t) || !bind_same_dtypes(s, t, n)) {
        for (int32_t i = 0; i < t->out_count; i++) {
            int32_t slot = s->plan->operands[t->operands + t->in_count + i];
            if (slot >= 0) s->b->slots[slot].sized = false;
        }
        goto cleanup;
    }
    bound->mode = XI_MODE_STATIC;
    XI_TRY(bind_extent(s, t, bound));
cleanup:
    return status;
}

static xinf_status bind_reorder(bind_state *s, const xi_step *t, xi_bound_step *bound)
{
    int32_t in = s->plan->operands[t->operands], out = s->plan->operands[t->operands + 1];
    xinf_status status;
    if (!s->b->slots[in].sized) return XINF_OK;
    s->b->slots[out].type = s->b->slots[in].type;
    XI_TRY(bind_size(s, out));
    bound->mode = XI_MODE_STATIC;
    XI_TRY(bind_extent(s, t, bound));
cleanup:
    return status;
}

/* The slot at whose memory a chain of roots ends. */
static int32_t bind_root(bind_state *s, int32_t slot)
{
    xi_bound_slot *slots = s->b->slots;
    while (slots[slot].root != slot) {
        xi_bound_slot *v = &slots[slot], *up = &slots[v->root];
        if (up->root != v->root) { /* every chain that is walked gets shorter */
            v->inside += up->inside;
            v->root = up->root;
        }
        slot = v->root;
    }
    return slot;
}

/* Puts inputs that nothing else has a claim on where they belong in the joined output, so that they
 * need not be copied there. */
static void bind_join(bind_state *s, const xi_step *t)
{
    const xi_plan *p = s->plan;
    int32_t out = p->operands[t->operands + t->in_count];
    size_t at = 0;
    if (out < 0 || p->slots[out].last == INT32_MAX || s->b->slots[out].root != out) return;
    for (int32_t i = 0; i < t->in_count; i++) {
        int32_t in = p->operands[t->operands + i];
        if (in < 0) return;
        int32_t root = bind_root(s, in);
        xi_bound_slot *v = &s->b->slots[root];
        size_t size = s->b->slots[in].size;
        if (p->slots[root].kind == XI_SLOT_LOCAL && !v->known && p->slots[root].output < 0 &&
            v->last != INT32_MAX && v->size == size && root != out &&
            p->slots[root].layout == p->slots[out].layout && at % XI_ALIGN == 0 &&
            s->b->steps[p->slots[root].first].mode == XI_MODE_STATIC) {
            v->root = out;
            v->inside = at;
            if (v->last > s->b->slots[out].last) s->b->slots[out].last = v->last;
        }
        at += size;
    }
}

static void bind_aliases(bind_state *s, const xi_step *t, xi_bound_step *bound, int32_t index)
{
    if (bound->mode != XI_MODE_STATIC || t->out_count < 1) return;
    int32_t out = s->plan->operands[t->operands + t->in_count];
    if (out < 0) return;
    if (t->view) {
        s->b->slots[out].root = s->plan->operands[t->operands];
        bind_root(s, out);
        return;
    }
    if (bound->extent.joined) {
        bind_join(s, t);
        return;
    }
    for (int32_t i = 0; i < t->in_count && i < 32; i++) {
        int32_t in = s->plan->operands[t->operands + i];
        if (!(t->in_place >> i & 1) || in < 0) continue;
        int32_t root = bind_root(s, in);
        /* The input's memory is free for the taking when it is an intermediate value that nobody
         * reads later, under any name. */
        if (s->plan->slots[root].kind != XI_SLOT_LOCAL || s->b->slots[root].last != index ||
            s->plan->slots[out].last == INT32_MAX || s->b->slots[root].known ||
            s->b->slots[in].size != s->b->slots[out].size ||
            s->b->slots[root].size != s->b->slots[out].size)
            continue;
        bool twice = false; /* the same memory read through another operand */
        for (int32_t k = 0; k < t->in_count; k++) {
            int32_t other = s->plan->operands[t->operands + k];
            twice = twice || (k != i && other >= 0 && bind_root(s, other) == root);
        }
        if (twice) continue;
        s->b->slots[out].root = root;
        s->b->slots[root].last = s->plan->slots[out].last;
        bound->in_place = true;
        return;
    }
}

static void bind_start_slot(bind_state *s, size_t k)
{
    const xi_plan *p = s->plan;
    xi_bound_slot *v = &s->b->slots[k];
    *v = (xi_bound_slot){
        .type = XI_TYPE_UNKNOWN, .offset = -1, .root = (int32_t)k, .last = p->slots[k].last};
    if (p->slots[k].kind != XI_SLOT_CONST) return;
    const xi_literal *l = p->literals[k];
    v->type = (xi_type){.kind = XINF_KIND_TENSOR, .dtype = l->dtype, .shape = l->shape};
    v->known = l;
    v->size = l->size;
    v->sized = l->dtype != XINF_STRING;
}

/* Inputs, captures and states have the types of this signature. Strings and handles are sized when
 * they come. */
static xinf_status bind_outer(bind_state *s, const xi_type *types)
{
    const xi_plan *p = s->plan;
    xinf_status status = XINF_OK;
    for (int32_t i = 0; i < p->graph->input_count; i++) {
        s->b->slots[p->inputs[i]].type = types[i];
        XI_TRY(bind_size(s, p->inputs[i]));
    }
    for (size_t i = 0; i < p->capture_count; i++) {
        s->b->slots[p->captures[i]].type = types[(size_t)p->graph->input_count + i];
        XI_TRY(bind_size(s, p->captures[i]));
    }
    for (int32_t i = 0; i < p->graph->state_count; i++) {
        const xi_literal *l = p->graph->states[i].initial;
        const xi_type *declared = &p->graph->states[i].read->type;
        /* What may have another size in the next run is sized when it runs. */
        if (!xi_shape_known(&declared->shape)) {
            s->b->slots[p->state_read[i]].type = *declared;
            continue;
        }
        s->b->slots[p->state_read[i]].type = (xi_type){
            .kind = XINF_KIND_TENSOR, .dtype = l->dtype, .shape = l->shape};
        XI_TRY(bind_size(s, p->state_read[i]));
    }
cleanup:
    return status;
}

static xinf_status bind_steps(bind_state *s)
{
    const xi_plan *p = s->plan;
    xinf_status status = XINF_OK;
    for (size_t i = 0; i < p->step_count; i++) {
        const xi_step *t = &p->steps[i];
        xi_bound_step *bound = &s->b->steps[i];
        xi_arena_reset(&s->scratch);
        XI_TRY(t->node < 0 ? bind_reorder(s, t, bound) : bind_node(s, t, bound));
        bind_aliases(s, t, bound, (int32_t)i);
        if (bound->mode != XI_MODE_STATIC) continue;
        if (bound->extent.scratch > s->b->scratch) s->b->scratch = bound->extent.scratch;
        if (bound->extent.shared > s->b->shared) s->b->shared = bound->extent.shared;
    }
    for (size_t k = p->slot_count; k-- > 0;)
        while (s->b->slots[k].root != bind_root(s, (int32_t)k)) continue;
    status = xi_plan_place(p, s->b, s->err);
cleanup:
    return status;
}

xinf_status xi_plan_bind(xi_binding **out, const xi_plan *p, const xi_type *types,
                         const xinf_allocator *alloc, xinf_error *err)
{
    *out = NULL;
    xinf_status status;
    size_t signature = (size_t)p->graph->input_count + p->capture_count;
    xi_binding *b = xi_calloc(alloc, 1, sizeof *b);
    if (!b) return xi_fail_memory(err, sizeof *b);
    bind_state s = {.plan = p, .b = b, .err = err};
    xi_arena_init(&b->arena, alloc, 0);
    xi_arena_init(&s.scratch, alloc, 0);
    b->signature = xi_arena_array(&b->arena, signature + 1, sizeof *b->signature);
    b->slots = xi_arena_array(&b->arena, p->slot_count + 1, sizeof *b->slots);
    b->steps = xi_arena_array(&b->arena, p->step_count + 1, sizeof *b->steps);
    if (!b->signature || !b->slots || !b->steps) {
        status = xi_fail_memory(err, p->slot_count * sizeof *b->slots);
        goto cleanup;
    }
    if (signature) memcpy(b->signature, types, signature * sizeof *types);
    b->signature_count = (int32_t)signature;
    for (size_t k = 0; k < p->slot_count; k++) bind_start_slot(&s, k);
    XI_TRY(bind_outer(&s, types));
    XI_TRY(bind_steps(&s));
    *out = b;
cleanup:
    xi_arena_reset(&s.scratch);
    if (!*out) xi_binding_destroy(b);
    return status;
}

void xi_binding_destroy(xi_binding *b)
{
    if (!b) return;
    xinf_allocator alloc = b->arena.alloc;
    xi_arena_reset(&b->arena);
    xi_free(&alloc, b, sizeof *b);
}
