/* takes.c — would a kernel take a node, judged by what is known before anything is packed or run?
 */
#include "base/allocator.h"
#include "plan/plan.h"

/* Operands as a plan would show them: types, and the bytes of constants for kernels that look at
 * small ones. */
static bool takes_operands(const xi_node *n, xi_arena *scratch, xi_prepare *p)
{
    size_t in = (size_t)n->input_count, total = in + (size_t)n->output_count;
    xi_operand *storage = xi_arena_array(scratch, total + 1, sizeof *storage);
    const xi_operand **list = xi_arena_array(scratch, total + 1, sizeof *list);
    int32_t *layouts = xi_arena_array(scratch, total + 1, sizeof *layouts);
    if (!storage || !list || !layouts) return false;
    for (size_t i = 0; i < total; i++) {
        const xi_value *v = i < in ? n->inputs[i] : n->outputs[i - in];
        if (!v) continue;
        storage[i] = (xi_operand){
            .dtype = v->type.dtype, .shape = v->type.shape, .kind = v->type.kind, .count = -1};
        if (v->literal) storage[i].data = (void *)(uintptr_t)v->literal->data;
        list[i] = &storage[i];
    }
    p->in = list;
    p->out = list + in;
    p->in_layout = layouts;
    p->out_layout = layouts + in;
    return true;
}

static bool takes_typed(const xi_node *n)
{
    for (int32_t i = 0; i < n->input_count; i++)
        if (n->inputs[i] && n->inputs[i]->type.kind == XINF_KIND_TENSOR &&
            n->inputs[i]->type.dtype == XINF_UNDEFINED)
            return false;
    return true;
}

bool xi_plan_refuses(const xi_node *n, xinf_error *why)
{
    if (n->refused)
        xi_fail(why, XINF_UNSUPPORTED, "%s", n->refused);
    else if (!n->op)
        xi_fail(why, XINF_UNSUPPORTED, "node %.*s: operator %.*s%s%.*s is not supported",
                XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->domain), n->domain.len ? "." : "",
                XI_STR_ARG(n->op_name));
    return n->refused || !n->op;
}

xinf_status xi_plan_takes(const xi_kernel_list *list, uint32_t isa, const xi_node *n,
                          const xinf_allocator *alloc, xinf_error *why)
{
    xi_arena scratch;
    xi_params params = {{0}};
    const xi_kernel *k;
    if (xi_plan_refuses(n, why)) return XINF_UNSUPPORTED;
    if (n->op->flags & XI_OP_CONTROL || !takes_typed(n)) return XINF_OK;
    xi_arena_init(&scratch, alloc, 0);
    xi_prepare p = {.node = n,
                    .in_count = n->input_count,
                    .out_count = n->output_count,
                    .isa = isa,
                    .width = 1,
                    .params = params.bytes};
    xinf_status status = takes_operands(n, &scratch, &p) ? xi_kernel_choose(&k, list, &p, why)
                                                         : xi_fail_memory(why, sizeof p);
    xi_arena_reset(&scratch);
    return status;
}
