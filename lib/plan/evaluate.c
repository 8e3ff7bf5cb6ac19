/* evaluate.c — one node on known contents: for constant folding and for shapes computed by the
 * graph itself. */
#include "base/allocator.h"
#include "plan/plan.h"

enum { EVALUATE_OPERANDS = 64 };

typedef struct evaluate_state {
    xi_operand in_storage[EVALUATE_OPERANDS], out_storage[EVALUATE_OPERANDS];
    xi_operand *in[EVALUATE_OPERANDS], *out[EVALUATE_OPERANDS];
    int32_t in_layout[EVALUATE_OPERANDS], out_layout[EVALUATE_OPERANDS];
    const xi_type *in_type[EVALUATE_OPERANDS];
    xi_type in_types[EVALUATE_OPERANDS], out_types[EVALUATE_OPERANDS];
    xi_params params;
    xi_arena scratch;
} evaluate_state;

/* Literals may be unaligned; kernels may not be given that. */
static xinf_status evaluate_bind_inputs(evaluate_state *s, const xi_node *n,
                                        const xi_literal *const *in, xinf_error *err)
{
    for (int32_t i = 0; i < n->input_count; i++) {
        if (!in[i]) continue;
        s->in_types[i] = (xi_type){
            .kind = XINF_KIND_TENSOR, .dtype = in[i]->dtype, .shape = in[i]->shape};
        s->in_type[i] = &s->in_types[i];
        void *data = (void *)(uintptr_t)in[i]->data;
        if ((uintptr_t)data % 16 && in[i]->size) {
            data = xi_arena_alloc(&s->scratch, in[i]->size);
            if (!data) return xi_fail_memory(err, in[i]->size);
            memcpy(data, in[i]->data, in[i]->size);
        }
        s->in_storage[i] = (xi_operand){.data = data,
                                        .dtype = in[i]->dtype,
                                        .shape = in[i]->shape,
                                        .count = in[i]->count,
                                        .kind = XINF_KIND_TENSOR};
        s->in[i] = &s->in_storage[i];
    }
    return XINF_OK;
}

static xinf_status evaluate_bind_outputs(evaluate_state *s, const xi_node *n, xi_arena *arena,
                                         size_t max_bytes, xinf_error *err)
{
    for (int32_t i = 0; i < n->output_count; i++) {
        size_t size;
        const xi_type *t = &s->out_types[i];
        if (!n->outputs[i]) continue;
        if (t->kind != XINF_KIND_TENSOR || t->dtype == XINF_UNDEFINED || t->dtype == XINF_STRING ||
            !xi_shape_known(&t->shape) ||
            xi_tensor_bytes(t->dtype, &t->shape, &size, NULL) != XINF_OK || size > max_bytes)
            return xi_kernel_fail(n, err, XINF_UNSUPPORTED, "its output cannot be folded");
        void *data = xi_arena_alloc(arena, size + XI_ALIGN);
        if (!data) return xi_fail_memory(err, size);
        data = (void *)(((uintptr_t)data + XI_ALIGN - 1) & ~(uintptr_t)(XI_ALIGN - 1));
        s->out_storage[i] = (xi_operand){
            .data = data, .dtype = t->dtype, .shape = t->shape, .kind = XINF_KIND_TENSOR};
        xi_shape_count(&t->shape, &s->out_storage[i].count);
        s->out[i] = &s->out_storage[i];
    }
    return XINF_OK;
}

static xinf_status evaluate_run(evaluate_state *s, const xi_kernel *k, const xi_prepare *p,
                                const xi_node *n, const xinf_allocator *alloc, xinf_error *err)
{
    xinf_status status = XINF_OK;
    xi_extent e = {.phases = 1, .chunks = {1, 1, 1, 1}};
    if (p->view) {
        memcpy(s->out[0]->data, s->in[0]->data,
               (size_t)s->out[0]->count * xinf_dtype_size(s->out[0]->dtype));
        return XINF_OK;
    }
    for (int32_t i = 0; i < n->input_count; i++)
        if (p->in_layout[i])
            return xi_kernel_fail(n, err, XINF_UNSUPPORTED, "it wants a blocked layout");
    if (k->extent) XI_TRY(k->extent(s->params.bytes, s->in, s->out, 1, &e, err));
    void *packed = xi_arena_alloc(&s->scratch, p->packed_size + XI_ALIGN);
    void *scratch = xi_arena_alloc(&s->scratch, e.scratch + XI_ALIGN),
         *shared = xi_arena_alloc(&s->scratch, e.shared + XI_ALIGN);
    if (!packed || !scratch || !shared) return xi_fail_memory(err, e.scratch);
#define EVALUATE_ALIGNED(ptr) \
    ((void *)(((uintptr_t)(ptr) + XI_ALIGN - 1) & ~(uintptr_t)(XI_ALIGN - 1)))
    if (p->packed_size)
        XI_TRY(k->pack(s->params.bytes, n, (const xi_operand *const *)s->in,
                       EVALUATE_ALIGNED(packed), err));
    xi_call call = {.params = s->params.bytes,
                    .node = n,
                    .in_count = n->input_count,
                    .out_count = n->output_count,
                    .in = s->in,
                    .out = s->out,
                    .packed = EVALUATE_ALIGNED(packed),
                    .shared = EVALUATE_ALIGNED(shared),
                    .width = 1,
                    .alloc = alloc};
    for (int32_t phase = 0; phase < e.phases; phase++)
        for (int32_t chunk = 0; chunk < e.chunks[phase]; chunk++)
            XI_TRY(k->run(&call, phase, chunk, EVALUATE_ALIGNED(scratch), err));
#undef EVALUATE_ALIGNED
cleanup:
    return status;
}

xinf_status xi_plan_evaluate(const xi_kernel_list *list, uint32_t isa, const xi_node *n,
                             const xi_literal *const *in, const xi_literal **out, xi_arena *arena,
                             size_t max_bytes, xinf_error *err)
{
    xinf_status status;
    const xi_kernel *kernel;
    const xinf_allocator *alloc = &arena->alloc;
    if (!n->op || n->op->flags || n->input_count > EVALUATE_OPERANDS ||
        n->output_count > EVALUATE_OPERANDS)
        return xi_kernel_fail(n, err, XINF_UNSUPPORTED, "it cannot be folded");
    evaluate_state *s = xi_calloc(alloc, 1, sizeof *s);
    if (!s) return xi_fail_memory(err, sizeof *s);
    xi_arena_init(&s->scratch, alloc, 0);
    XI_TRY(evaluate_bind_inputs(s, n, in, err));
    XI_TRY(xi_node_infer(n, s->in_type, in, s->out_types, arena, err));
    XI_TRY(evaluate_bind_outputs(s, n, arena, max_bytes, err));
    xi_prepare p = {.node = n,
                    .in_count = n->input_count,
                    .out_count = n->output_count,
                    .in = (const xi_operand *const *)s->in,
                    .out = (const xi_operand *const *)s->out,
                    .isa = isa,
                    .width = 1,
                    .params = s->params.bytes,
                    .in_layout = s->in_layout,
                    .out_layout = s->out_layout};
    XI_TRY(xi_kernel_choose(&kernel, list, &p, err));
    XI_TRY(evaluate_run(s, kernel, &p, n, alloc, err));
    for (int32_t i = 0; i < n->output_count; i++) {
        out[i] = NULL;
        if (!s->out[i]) continue;
        xi_literal *l = xi_arena_alloc(arena, sizeof *l);
        if (!l) {
            status = xi_fail_memory(err, sizeof *l);
            goto cleanup;
        }
        *l = (xi_literal){.dtype = s->out[i]->dtype,
                          .shape = s->out[i]->shape,
                          .count = s->out[i]->count,
                          .data = s->out[i]->data,
                          .size = (size_t)s->out[i]->count * xinf_dtype_size(s->out[i]->dtype)};
        out[i] = l;
    }
cleanup:
    xi_arena_reset(&s->scratch);
    xi_free(alloc, s, sizeof *s);
    return status;
}
