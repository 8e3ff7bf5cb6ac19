/* frame.c — operands, memory, and the walk over a plan's steps. */
#include "run/frame.h"

#include "base/allocator.h"
#include "base/checked.h"
#include "base/clock.h"

/* ---- operands ---- */

xi_operand xi_operand_of(xinf_tensor *t)
{
    return (xi_operand){.data = t->data,
                        .dtype = t->dtype,
                        .shape = t->shape,
                        .count = t->count,
                        .tensor = t,
                        .kind = t->kind};
}

/* A sequence's element type is that of its first item: enough for the rules of handle operators. */
xi_type xi_operand_type(const xi_operand *o)
{
    return (xi_type){.kind = o->kind, .dtype = o->dtype, .shape = o->shape};
}

xinf_status xi_operand_take(const xi_operand *o, const xinf_allocator *alloc, xinf_tensor **out,
                            xinf_error *err)
{
    *out = NULL;
    if (o->tensor && (o->kind != XINF_KIND_TENSOR ||
                      (xi_shape_eq(&o->tensor->shape, &o->shape) && o->tensor->capacity))) {
        *out = xinf_tensor_retain(o->tensor);
        return XINF_OK;
    }
    if (o->kind != XINF_KIND_TENSOR)
        return xi_tensor_create_items(out, alloc, XINF_KIND_NONE, NULL, NULL, 0, err);
    xinf_status status = xi_tensor_create(out, alloc, o->dtype, &o->shape, false, err);
    if (status != XINF_OK) return status;
    if (o->dtype != XINF_STRING) {
        if ((*out)->size) memcpy((*out)->data, o->data, (*out)->size);
        return XINF_OK;
    }
    for (int64_t i = 0; i < o->count && status == XINF_OK; i++) {
        const xi_str *s = (const xi_str *)o->data + i;
        status = xi_tensor_set_string(*out, i, s->ptr, s->len, err);
    }
    if (status != XINF_OK) {
        xinf_tensor_destroy(*out);
        *out = NULL;
    }
    return status;
}

/* ---- life of a frame ---- */

xinf_status xi_frame_create(xi_frame **out, const xi_plan *plan, xi_run *run, xinf_error *err)
{
    *out = NULL;
    const xinf_allocator *a = &run->alloc;
    xi_frame *f = xi_calloc(a, 1, sizeof *f);
    if (!f) return xi_fail_memory(err, sizeof *f);
    f->plan = plan;
    f->run = run;
    xi_arena_init(&f->types_arena, &run->recycle, 0);
    for (size_t i = 0; i < plan->step_count; i++) {
        int32_t n = plan->steps[i].in_count + plan->steps[i].out_count;
        if (n > f->widest) f->widest = n;
    }
    size_t wide = (size_t)f->widest + 1,
           signature = (size_t)plan->graph->input_count + plan->capture_count + 1;
    f->operands = xi_calloc(a, plan->slot_count + 1, sizeof *f->operands);
    f->held = xi_calloc(a, plan->slot_count + 1, sizeof *f->held);
    f->lists = xi_calloc(a, wide, sizeof *f->lists);
    f->types = xi_calloc(a, wide, sizeof *f->types);
    f->known = xi_calloc(a, wide, sizeof *f->known);
    f->in_types = xi_calloc(a, wide, sizeof *f->in_types);
    f->out_types = xi_calloc(a, wide, sizeof *f->out_types);
    f->known_storage = xi_calloc(a, wide, sizeof *f->known_storage);
    f->layouts = xi_calloc(a, wide, sizeof *f->layouts);
    f->signature = xi_calloc(a, signature, sizeof *f->signature);
    f->chosen = xi_calloc(a, 1, sizeof *f->chosen);
    f->subs = xi_calloc(a, plan->sub_count + 1, sizeof *f->subs);
    if (f->operands && f->held && f->lists && f->types && f->known && f->in_types && f->out_types &&
        f->known_storage && f->layouts && f->signature && f->chosen && f->subs) {
        *out = f;
        return XINF_OK;
    }
    xi_frame_destroy(f);
    return xi_fail_memory(err, plan->slot_count * sizeof *f->operands);
}

void xi_frame_release(xi_frame *f)
{
    for (size_t k = 0; k < f->plan->slot_count; k++) {
        xinf_tensor_destroy(f->held[k]);
        f->held[k] = NULL;
    }
    xi_arena_reset(&f->types_arena);
}

void xi_frame_destroy(xi_frame *f)
{
    if (!f) return;
    const xinf_allocator *a = &f->run->alloc;
    size_t wide = (size_t)f->widest + 1,
           signature = (size_t)f->plan->graph->input_count + f->plan->capture_count + 1;
    size_t slots = f->plan->slot_count + 1;
    if (f->held) xi_frame_release(f);
    for (size_t i = 0; f->subs && i < f->plan->sub_count; i++) xi_frame_destroy(f->subs[i]);
    for (int i = 0; i < XI_FRAME_BINDINGS; i++) xi_binding_destroy(f->bindings[i]);
    xi_free(a, f->operands, slots * sizeof *f->operands);
    xi_free(a, f->held, slots * sizeof *f->held);
    xi_free(a, f->lists, wide * sizeof *f->lists);
    xi_free(a, (void *)(uintptr_t)f->types, wide * sizeof *f->types);
    xi_free(a, (void *)(uintptr_t)f->known, wide * sizeof *f->known);
    xi_free(a, f->in_types, wide * sizeof *f->in_types);
    xi_free(a, f->out_types, wide * sizeof *f->out_types);
    xi_free(a, f->known_storage, wide * sizeof *f->known_storage);
    xi_free(a, f->layouts, wide * sizeof *f->layouts);
    xi_free(a, f->signature, signature * sizeof *f->signature);
    xi_free(a, f->chosen, sizeof *f->chosen);
    xi_free(a, f->subs, (f->plan->sub_count + 1) * sizeof *f->subs);
    xi_free(a, f->memory, f->memory_size);
    xi_free(a, f->scratch, f->scratch_size);
    xi_free(a, f, sizeof *f);
}

xinf_status xi_frame_sub(xi_frame *f, int32_t sub, xi_frame **out, xinf_error *err)
{
    xinf_status status = XINF_OK;
    if (!f->subs[sub]) status = xi_frame_create(&f->subs[sub], f->plan->subs[sub], f->run, err);
    *out = f->subs[sub];
    return status;
}

void xi_frame_hold(xi_frame *f, int32_t slot, xinf_tensor *value)
{
    if (slot < 0) {
        xinf_tensor_destroy(value);
        return;
    }
    xinf_tensor_destroy(f->held[slot]);
    f->held[slot] = value;
    f->operands[slot] = xi_operand_of(value);
}

/* ---- binding ---- */

static bool frame_same_type(const xi_type *a, const xi_type *b)
{
    return a->kind == b->kind && a->dtype == b->dtype &&
           (a->kind != XINF_KIND_TENSOR || xi_shape_eq(&a->shape, &b->shape));
}

static xi_binding *frame_find_binding(xi_frame *f, int32_t count)
{
    for (int i = 0; i < XI_FRAME_BINDINGS && f->bindings[i]; i++) {
        bool same = true;
        for (int32_t k = 0; k < count && same; k++)
            same = frame_same_type(&f->signature[k], &f->bindings[i]->signature[k]);
        if (!same) continue;
        xi_binding *b = f->bindings[i];
        for (; i > 0; i--) f->bindings[i] = f->bindings[i - 1];
        return f->bindings[0] = b;
    }
    return NULL;
}

static xinf_status frame_grow(xi_frame *f, char **block, size_t *have, size_t want, xinf_error *err)
{
    if (want <= *have) return XINF_OK;
    xi_run *r = f->run;
    if (r->memory_limit &&
        (want > r->memory_limit || r->memory_used - *have > r->memory_limit - want))
        return xi_fail(err, XINF_LIMIT,
                       "intermediate results take %zu bytes, which passes the memory limit of %zu",
                       want, r->memory_limit);
    char *fresh = xi_alloc(&r->alloc, want);
    if (!fresh) return xi_fail_memory(err, want);
    xi_pages_huge(fresh, want);
    xi_free(&r->alloc, *block, *have);
    r->memory_used += want - *have;
    *block = fresh;
    *have = want;
    return XINF_OK;
}

static xinf_status frame_reserve(xi_frame *f, const xi_binding *b, xinf_error *err)
{
    size_t scratch, width = (size_t)f->plan->width, each;
    if (!xi_align_size(b->scratch, XI_ALIGN, &each) || !xi_mul_size(each, width, &scratch) ||
        !xi_add_size(scratch, b->shared, &scratch))
        return xi_fail(err, XINF_LIMIT, "scratch memory is too large");
    xinf_status status = frame_grow(f, &f->memory, &f->memory_size, b->memory, err);
    return status == XINF_OK ? frame_grow(f, &f->scratch, &f->scratch_size, scratch, err) : status;
}

/* Operands of slots whose place does not change from run to run. */
static void frame_show(xi_frame *f, const xi_binding *b)
{
    const xi_plan *p = f->plan;
    for (size_t k = 0; k < p->slot_count; k++) {
        const xi_bound_slot *v = &b->slots[k];
        xi_operand *o = &f->operands[k];
        *o = (xi_operand){.dtype = v->type.dtype,
                          .shape = v->type.shape,
                          .kind = v->type.kind,
                          .layout = p->slots[k].layout};
        xi_shape_count(&o->shape, &o->count);
        if (v->known) o->data = (void *)(uintptr_t)v->known->data;
        if (p->slots[k].kind == XI_SLOT_CONST && p->slots[k].index >= 0)
            o->data = p->weights[p->slots[k].index]->data;
        if (v->sized && b->slots[v->root].offset >= 0)
            o->data = f->memory + b->slots[v->root].offset + v->inside;
    }
    f->bound = (xi_binding *)(uintptr_t)b;
}

xinf_status xi_frame_bind(xi_frame *f, const xi_operand *in, xinf_error *err)
{
    const xi_plan *p = f->plan;
    int32_t inputs = p->graph->input_count, count = inputs + (int32_t)p->capture_count;
    char *memory = f->memory;
    for (int32_t i = 0; i < count; i++) f->signature[i] = xi_operand_type(&in[i]);
    xi_binding *b = f->bound && f->bound == f->bindings[0] ? f->bound : NULL;
    b = frame_find_binding(f, count);
    if (!b) {
        xinf_status status = xi_plan_bind(&b, p, f->signature, &f->run->alloc, err);
        if (status != XINF_OK) return status;
        if (f->bound == f->bindings[XI_FRAME_BINDINGS - 1]) f->bound = NULL;
        xi_binding_destroy(f->bindings[XI_FRAME_BINDINGS - 1]);
        for (int i = XI_FRAME_BINDINGS - 1; i > 0; i--) f->bindings[i] = f->bindings[i - 1];
        f->bindings[0] = b;
    }
    xinf_status status = frame_reserve(f, b, err);
    if (status != XINF_OK) return status;
    if (f->bound != b || f->memory != memory) frame_show(f, b);
    for (int32_t i = 0; i < count; i++) {
        int32_t slot = i < inputs ? p->inputs[i] : p->captures[i - inputs];
        int32_t layout = f->operands[slot].layout;
        f->operands[slot] = in[i];
        f->operands[slot].layout = layout;
    }
    return XINF_OK;
}

bool xi_frame_output_direct(const xi_frame *f, int32_t k)
{
    int32_t slot = f->plan->outputs[k];
    const xi_slot *s = &f->plan->slots[slot];
    const xi_bound_slot *v = &f->bound->slots[slot];
    return s->kind == XI_SLOT_LOCAL && s->output == k && v->sized && !v->known && v->root == slot &&
           f->bound->steps[s->first].mode == XI_MODE_STATIC;
}

const xi_operand *xi_frame_output(const xi_frame *f, int32_t k)
{
    return &f->operands[f->plan->outputs[k]];
}

xinf_status xi_frame_take_output(xi_frame *f, int32_t k, const xinf_allocator *alloc,
                                 xinf_tensor **out, xinf_error *err)
{
    return xi_operand_take(xi_frame_output(f, k), alloc, out, err);
}

/* ---- running steps ---- */

typedef struct frame_job {
    xi_call call;
    const xi_kernel *kernel;
    xi_frame *frame;
    int32_t phase;
    size_t each; /* scratch bytes of a worker */
    atomic_int failed;
    xinf_status status;
    xinf_error err;
} frame_job;

static void frame_task(void *arg, int32_t task, int32_t worker)
{
    frame_job *job = arg;
    if (atomic_load_explicit(&job->failed, memory_order_relaxed)) return;
    xinf_error err = XINF_ERROR_INIT;
    char *scratch = job->frame->scratch ? job->frame->scratch + job->each * (size_t)worker : NULL;
    xinf_status status = job->kernel->run(&job->call, job->phase, task, scratch, &err);
    if (status == XINF_OK) return;
    int none = 0;
    if (atomic_compare_exchange_strong(&job->failed, &none, 1)) {
        job->status = status;
        job->err = err;
    }
}

static xinf_status frame_resize(const xi_call *call, int32_t index, xinf_dtype dtype,
                                const xi_shape *shape, xinf_error *err);
static void frame_give(const xi_call *call, int32_t index, xinf_tensor *value);
static xinf_status frame_take(const xi_call *call, int32_t input, xinf_tensor **out,
                              xinf_error *err);

/* What kernels reach back to through xi_call.run. */
typedef struct frame_step {
    xi_frame *frame;
    const xi_step *step;
} frame_step;

static xinf_status frame_launch(xi_frame *f, const xi_step *t, const xi_kernel *k,
                                const void *params, const void *packed, const xi_extent *e,
                                xinf_error *err)
{
    frame_step back = {f, t};
    size_t each = 0;
    xi_align_size(e->scratch, XI_ALIGN, &each);
    size_t widths = (size_t)f->plan->width * each;
    frame_job job = {.kernel = k, .frame = f, .each = each, .err = XINF_ERROR_INIT};
    job.call = (xi_call){.params = params,
                         .node = t->node >= 0 ? f->plan->nodes[t->node] : NULL,
                         .in_count = t->in_count,
                         .out_count = t->out_count,
                         .in = f->lists,
                         .out = f->lists + t->in_count,
                         .packed = packed,
                         .shared = f->scratch ? f->scratch + widths : NULL,
                         .width = f->plan->width,
                         .alloc = &f->run->recycle,
                         .resize = frame_resize,
                         .give = frame_give,
                         .take = frame_take,
                         .run = &back};
    for (job.phase = 0; job.phase < e->phases; job.phase++) {
        int32_t chunks = e->chunks[job.phase];
        if (chunks == 1)
            frame_task(&job, 0, 0);
        else if (chunks > 1)
            xi_pool_parallel(f->run->pool, chunks, frame_task, &job);
        if (!atomic_load(&job.failed)) continue;
        if (err && err->struct_size >= sizeof *err) *err = job.err;
        return job.status;
    }
    return XINF_OK;
}

static xi_operand **frame_gather(xi_frame *f, const xi_step *t)
{
    const int32_t *slots = f->plan->operands + t->operands;
    for (int32_t i = 0; i < t->in_count + t->out_count; i++)
        f->lists[i] = slots[i] >= 0 ? &f->operands[slots[i]] : NULL;
    return f->lists;
}

static xinf_status frame_static(xi_frame *f, const xi_step *t, const xi_bound_step *b,
                                xinf_error *err)
{
    const xi_plan *p = f->plan;
    frame_gather(f, t);
    if (t->view) {
        f->lists[t->in_count]->data = f->lists[0]->data;
        return XINF_OK;
    }
    return frame_launch(f, t, p->kernels[t->kernel],
                        t->params >= 0 ? p->params[t->params].bytes : NULL,
                        t->packed >= 0 ? p->weights[t->packed]->data : NULL, &b->extent, err);
}

/* ---- steps that are sized when they run ---- */

static xinf_status frame_resize(const xi_call *call, int32_t index, xinf_dtype dtype,
                                const xi_shape *shape, xinf_error *err)
{
    const frame_step *back = call->run;
    xinf_tensor *t;
    int32_t slot = back->frame->plan->operands[back->step->operands + back->step->in_count + index];
    if (slot < 0) return xi_fail(err, XINF_INTERNAL, "an output that is not wanted was sized");
    xinf_status status = xi_tensor_create(&t, &back->frame->run->recycle, dtype, shape, false, err);
    if (status == XINF_OK) xi_frame_hold(back->frame, slot, t);
    return status;
}

static void frame_give(const xi_call *call, int32_t index, xinf_tensor *value)
{
    const frame_step *back = call->run;
    xi_frame_hold(back->frame,
                  back->frame->plan->operands[back->step->operands + back->step->in_count + index],
                  value);
}

static xinf_status frame_take(const xi_call *call, int32_t input, xinf_tensor **out,
                              xinf_error *err)
{
    return xi_operand_take(call->in[input], call->alloc, out, err);
}

/* Contents of small integer inputs, for the shape rule. */
enum { FRAME_KNOWN_COUNT = 4096 };

static xinf_status frame_infer(xi_frame *f, const xi_step *t, const xi_node *n, xinf_error *err)
{
    for (int32_t i = 0; i < t->in_count; i++) {
        const xi_operand *o = f->lists[i];
        f->types[i] = NULL;
        f->known[i] = NULL;
        if (!o) {
            if (!n->inputs[i]) continue; /* packed: the literal tells */
            f->types[i] = &n->inputs[i]->type;
            f->known[i] = n->inputs[i]->literal;
            continue;
        }
        f->in_types[i] = xi_operand_type(o);
        f->types[i] = &f->in_types[i];
        if (o->kind != XINF_KIND_TENSOR || o->count > FRAME_KNOWN_COUNT || (o->count && !o->data))
            continue;
        f->known_storage[i] = (xi_literal){.dtype = o->dtype,
                                           .shape = o->shape,
                                           .count = o->count,
                                           .data = o->data,
                                           .size = (size_t)o->count * xinf_dtype_size(o->dtype)};
        f->known[i] = &f->known_storage[i];
    }
    return xi_node_infer(n, f->types, f->known, f->out_types, &f->types_arena, err);
}

/* Memory of the slot's layout for a value sized at run time. A blocked value is held as a flat
 * tensor that no kernel may take. */
static xinf_status frame_make(xi_frame *f, int32_t slot, xinf_dtype dtype, const xi_shape *shape,
                              xinf_error *err)
{
    int32_t layout = f->plan->slots[slot].layout;
    xi_shape flat = {.rank = 1};
    xinf_tensor *made;
    if (!xi_layout_count(layout, shape, &flat.dim[0]))
        return xi_fail(err, XINF_LIMIT, "a value is too large");
    xinf_status status = xi_tensor_create(&made, &f->run->recycle, dtype,
                                          layout == XI_LAYOUT_ROW ? shape : &flat, false, err);
    if (status != XINF_OK) return status;
    xi_frame_hold(f, slot, made);
    if (layout == XI_LAYOUT_ROW) return XINF_OK;
    xi_operand *o = &f->operands[slot];
    o->tensor = NULL;
    o->layout = layout;
    o->shape = *shape;
    xi_shape_count(shape, &o->count);
    return XINF_OK;
}

/* Each output whose size the rule told. */
static xinf_status frame_make_outputs(xi_frame *f, const xi_step *t, const xi_node *n,
                                      xinf_error *err)
{
    for (int32_t i = 0; i < t->out_count; i++) {
        int32_t slot = f->plan->operands[t->operands + t->in_count + i];
        if (slot < 0) continue;
        const xi_type *type = &f->out_types[i];
        xinf_tensor_destroy(f->held[slot]);
        f->held[slot] = NULL;
        f->operands[slot] = (xi_operand){
            .dtype = type->dtype, .shape = type->shape, .kind = type->kind};
        if (n->op->flags & (XI_OP_DATA_SHAPE | XI_OP_HANDLE)) continue;
        if (!xi_shape_known(&type->shape) || type->dtype == XINF_UNDEFINED)
            return xi_kernel_fail(n, err, XINF_UNSUPPORTED, "the shape of output %d cannot be told",
                                  (int)i);
        xinf_status status = frame_make(f, slot, type->dtype, &type->shape, err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

/* A view sized at run time shares the held tensor; memory of others lives long enough by the plan's
 * lifetimes. */
static void frame_view(xi_frame *f, const xi_step *t)
{
    int32_t in = f->plan->operands[t->operands], out = f->plan->operands[t->operands + t->in_count];
    const xi_type *type = &f->out_types[0];
    xinf_tensor *held = f->held[in] ? xinf_tensor_retain(f->held[in]) : NULL;
    xinf_tensor_destroy(f->held[out]);
    f->held[out] = held;
    f->operands[out] = (xi_operand){.data = f->operands[in].data,
                                    .dtype = type->dtype,
                                    .shape = type->shape,
                                    .kind = type->kind,
                                    .tensor = f->operands[in].tensor};
    xi_shape_count(&type->shape, &f->operands[out].count);
}

static xinf_status frame_scratch(xi_frame *f, const xi_extent *e, xinf_error *err)
{
    size_t each, total;
    if (!xi_align_size(e->scratch, XI_ALIGN, &each) ||
        !xi_mul_size(each, (size_t)f->plan->width, &total) ||
        !xi_add_size(total, e->shared, &total))
        return xi_fail(err, XINF_LIMIT, "scratch memory is too large");
    return frame_grow(f, &f->scratch, &f->scratch_size, total, err);
}

static bool frame_dtypes_hold(const xi_frame *f, const xi_step *t, const xi_node *n)
{
    for (int32_t i = 0; i < t->in_count; i++)
        if (f->lists[i] && f->lists[i]->layout == XI_LAYOUT_ROW &&
            n->inputs[i]->type.dtype != f->lists[i]->dtype)
            return false;
    return true;
}

static xinf_status frame_choose(xi_frame *f, const xi_step *t, const xi_node *n,
                                const xi_kernel **kernel, xi_prepare *a, xinf_error *err)
{
    *a = (xi_prepare){.node = n,
                      .in_count = t->in_count,
                      .out_count = t->out_count,
                      .in = (const xi_operand *const *)f->lists,
                      .out = (const xi_operand *const *)f->lists + t->in_count,
                      .isa = f->plan->isa,
                      .width = f->plan->width,
                      .params = f->chosen->bytes,
                      .in_layout = f->layouts,
                      .out_layout = f->layouts + t->in_count};
    xinf_status status = xi_kernel_choose(kernel, f->plan->list, a, err);
    if (status != XINF_OK) return status;
    bool plain = a->packed_size == 0;
    for (int32_t i = 0; i < t->in_count + t->out_count; i++)
        plain = plain && f->layouts[i] == XI_LAYOUT_ROW;
    return plain ? XINF_OK
                 : xi_kernel_fail(n, err, XINF_UNSUPPORTED,
                                  "its input types are only known when it runs");
}

/* Packed inputs have no operand; an extent reads their shapes all the same. */
static xinf_status frame_extent(xi_frame *f, const xi_step *t, const xi_kernel *k,
                                const void *params, xi_extent *e, xinf_error *err)
{
    enum { FRAME_MAX_PACKED = 8 };
    xi_operand shapes[FRAME_MAX_PACKED];
    int32_t places[FRAME_MAX_PACKED], count = 0;
    const xi_node *n = t->node >= 0 ? f->plan->nodes[t->node] : NULL;
    for (int32_t i = 0;
         n && t->packed >= 0 && i < t->in_count && i < n->input_count && count < FRAME_MAX_PACKED;
         i++) {
        const xi_value *v = n->inputs[i];
        if (f->lists[i] || !v || !v->literal) continue;
        shapes[count] = (xi_operand){.dtype = v->type.dtype,
                                     .shape = v->literal->shape,
                                     .kind = v->type.kind,
                                     .count = v->literal->count};
        places[count] = i;
        f->lists[i] = &shapes[count++];
    }
    xinf_status status = k->extent(params, f->lists, f->lists + t->in_count, f->plan->width, e,
                                   err);
    while (count > 0) f->lists[places[--count]] = NULL;
    return status;
}

static xinf_status frame_launch_sized(xi_frame *f, const xi_step *t, const xi_kernel *k,
                                      const void *params, xinf_error *err)
{
    xi_extent e = {.phases = 1, .chunks = {1, 1, 1, 1}};
    xinf_status status;
    if (k->extent) XI_TRY(frame_extent(f, t, k, params, &e, err));
    XI_TRY(frame_scratch(f, &e, err));
    XI_TRY(frame_launch(f, t, k, params, t->packed >= 0 ? f->plan->weights[t->packed]->data : NULL,
                        &e, err));
cleanup:
    return status;
}

static xinf_status frame_dynamic_reorder(xi_frame *f, const xi_step *t, xinf_error *err)
{
    int32_t in = f->plan->operands[t->operands], out = f->plan->operands[t->operands + 1];
    xinf_status status = frame_make(f, out, f->operands[in].dtype, &f->operands[in].shape, err);
    return status == XINF_OK ? frame_launch_sized(f, t, f->plan->kernels[t->kernel], NULL, err)
                             : status;
}

static xinf_status frame_dynamic(xi_frame *f, int32_t index, xinf_error *err)
{
    const xi_plan *p = f->plan;
    const xi_step *t = &p->steps[index];
    xinf_status status;
    frame_gather(f, t);
    if (t->node < 0) return frame_dynamic_reorder(f, t, err);
    const xi_node *n = p->nodes[t->node];
    if (n->op->flags & XI_OP_CONTROL) return xi_control_run(f, index, f->lists, err);
    XI_TRY(frame_infer(f, t, n, err));
    xi_prepare a = {0};
    const xi_kernel *k = t->kernel >= 0 ? p->kernels[t->kernel] : NULL;
    const void *params = t->params >= 0 ? p->params[t->params].bytes : NULL;
    bool view = t->view;
    XI_TRY(frame_make_outputs(f, t, n, err));
    if (!k || (t->packed < 0 && !frame_dtypes_hold(f, t, n))) {
        XI_TRY(frame_choose(f, t, n, &k, &a, err));
        params = f->chosen->bytes;
        view = a.view;
    }
    if (view && f->lists[0]->kind == XINF_KIND_TENSOR && f->lists[0]->dtype != XINF_STRING &&
        t->view) {
        frame_view(f, t);
        return XINF_OK;
    }
    if (view) { /* chosen at run time: the plan's lifetimes do not cover sharing, so it is a copy */
        xinf_tensor *copy;
        XI_TRY(xi_operand_take(f->lists[0], &f->run->recycle, &copy, err));
        int32_t out = p->operands[t->operands + t->in_count];
        xi_shape shape = f->out_types[0].shape;
        xi_frame_hold(f, out, copy);
        if (copy->kind == XINF_KIND_TENSOR) f->operands[out].shape = shape;
        return XINF_OK;
    }
    status = frame_launch_sized(f, t, k, params, err);
cleanup:
    return status;
}

/* ---- the walk ---- */

static xinf_status frame_check(xi_run *r, xinf_error *err)
{
    if (r->cancel && atomic_load_explicit(r->cancel, memory_order_relaxed))
        return xi_fail(err, XINF_CANCELLED, "the run was cancelled");
    if (r->deadline_ns && xi_clock_ns() > r->deadline_ns)
        return xi_fail(err, XINF_DEADLINE, "the run passed its deadline");
    if (r->steps_left == 0) return xi_fail(err, XINF_LIMIT, "the run passed its limit of steps");
    if (r->steps_left != UINT64_MAX) r->steps_left--;
    return XINF_OK;
}

static void frame_profile(xi_frame *f, int32_t index, uint64_t start)
{
    const xinf_run_options *o = f->run->options;
    const xi_step *t = &f->plan->steps[index];
    const xi_node *n = t->node >= 0 ? f->plan->nodes[t->node] : NULL;
    char name[128] = "", op[64] = "Reorder";
    uint64_t bytes = 0;
    for (int32_t i = 0; i < t->in_count + t->out_count; i++) {
        int32_t slot = f->plan->operands[t->operands + i];
        if (slot >= 0)
            bytes += (uint64_t)f->operands[slot].count * xinf_dtype_size(f->operands[slot].dtype);
    }
    if (n) {
        xi_str label = xi_node_label(n);
        memcpy(name, label.ptr, label.len < sizeof name ? label.len : sizeof name - 1);
        memcpy(op, n->op_name.ptr, n->op_name.len < sizeof op ? n->op_name.len : sizeof op - 1);
        op[n->op_name.len < sizeof op ? n->op_name.len : sizeof op - 1] = 0;
    }
    xinf_step_profile s = {.struct_size = sizeof s,
                           .index = f->run->step_index,
                           .node = name,
                           .op = op,
                           .kernel = t->view         ? "view"
                                     : t->kernel < 0 ? "chosen-when-run"
                                                     : f->plan->kernels[t->kernel]->name,
                           .start_ns = start,
                           .end_ns = xi_clock_ns(),
                           .bytes = bytes,
                           .flops = f->bound->steps[index].extent.flops};
    o->profile(o->profile_self, &s);
}

static void frame_bury(xi_frame *f, const xi_step *t)
{
    for (int32_t i = 0; i < t->dead_count; i++) {
        int32_t slot = f->plan->operands[t->dead + i];
        if (!f->held[slot]) continue;
        xinf_tensor_destroy(f->held[slot]);
        f->held[slot] = NULL;
    }
}

xinf_status xi_frame_run(xi_frame *f, void *const *direct, xinf_error *err)
{
    const xi_plan *p = f->plan;
    xi_binding *b = f->bound;
    xinf_status status = XINF_OK;
    bool profile = f->run->options && f->run->options->profile;
    for (int32_t k = 0; k < p->graph->output_count; k++)
        if (direct && direct[k]) f->operands[p->outputs[k]].data = direct[k];
    for (size_t i = 0; i < p->step_count; i++) {
        const xi_bound_step *bs = &b->steps[i];
        if (bs->mode == XI_MODE_KNOWN) continue;
        XI_TRY(frame_check(f->run, err));
        uint64_t start = profile ? xi_clock_ns() : 0;
        status = bs->mode == XI_MODE_STATIC ? frame_static(f, &p->steps[i], bs, err)
                                            : frame_dynamic(f, (int32_t)i, err);
        if (status != XINF_OK) goto cleanup;
        if (profile) frame_profile(f, (int32_t)i, start);
        f->run->step_index++;
        if (p->steps[i].dead_count) frame_bury(f, &p->steps[i]);
    }
cleanup:
    return status;
}
