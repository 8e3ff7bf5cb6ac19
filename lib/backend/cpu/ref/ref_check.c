/* ref_check.c — xinf.Check: its input goes through, unless a condition ends the run. */
#include <string.h>

#include "plan/kernel.h"

extern const xi_kernel xk_ref_check[];

static xinf_status ref_check_prepare(xi_prepare *p, xinf_error *err)
{
    p->in_place = 1;
    return XINF_OK;
}

static bool ref_check_any(const xi_operand *o)
{
    const uint8_t *flags = o->data;
    for (int64_t i = 0; i < o->count; i++)
        if (flags[i]) return true;
    return false;
}

static xinf_status ref_check_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const xi_attr *messages = xi_node_attr(call->node, "messages");
    const xi_operand *x = call->in[0], *y = call->out[0];
    for (int32_t i = 1; i < call->in_count; i++)
        if (ref_check_any(call->in[i]))
            return xi_fail(err, XINF_RUN_ERROR, "the model's program ends with an error: %.*s",
                           XI_STR_ARG(messages->strings[i - 1]));
    if (x->count && x->data != y->data)
        memcpy(y->data, x->data, (size_t)x->count * xinf_dtype_size(x->dtype));
    return XINF_OK;
}

const xi_kernel xk_ref_check[] = {
    {.op = "Check",
     .domain = "xinf",
     .name = "xk_check_any_ref__portable",
     .prepare = ref_check_prepare,
     .run = ref_check_run},
    {0},
};
