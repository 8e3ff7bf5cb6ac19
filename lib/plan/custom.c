/* custom.c — the one kernel of all operators that the application brings: it hands the operands to
 * the compute callback. */
#include "graph/custom.h"

#include "plan/kernel.h"

static xinf_operand custom_operand(const xi_operand *o)
{
    if (!o) return (xinf_operand){.rank = -1, .count = -1};
    return (xinf_operand){.data = o->data,
                          .shape = (int64_t *)(uintptr_t)o->shape.dim,
                          .count = o->count,
                          .dtype = o->dtype,
                          .rank = o->shape.rank,
                          .present = 1};
}

static xinf_status custom_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                              xinf_error *err)
{
    const xinf_operator *given = &xi_custom_of(call->node)->given;
    xinf_operand in[XINF_MAX_OPERANDS], out[XINF_MAX_OPERANDS];
    xinf_error said = XINF_ERROR_INIT;
    for (int32_t i = 0; i < call->in_count; i++) in[i] = custom_operand(call->in[i]);
    for (int32_t i = 0; i < call->out_count; i++) out[i] = custom_operand(call->out[i]);
    xinf_status status = given->compute(given->self, (const xinf_node *)call->node, in,
                                        call->in_count, out, call->out_count, &said);
    return xi_custom_answer(call->node, status, &said, err);
}

const xi_kernel xi_kernel_custom = {
    .op = "", .domain = "", .name = "xk_custom_any_callback__portable", .run = custom_run};
