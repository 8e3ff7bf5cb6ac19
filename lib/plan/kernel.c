/* kernel.c — choosing from the kernel table. */
#include "plan/kernel.h"

xinf_status xi_kernel_fail(const xi_node *n, xinf_error *err, xinf_status status, const char *fmt,
                           ...)
{
    va_list args;
    va_start(args, fmt);
    xi_fail_v(err, status, fmt, args);
    va_end(args);
    if (n)
        xi_error_prefix(err, "node %.*s (%.*s): ", XI_STR_ARG(xi_node_label(n)),
                        XI_STR_ARG(n->op_name));
    return status;
}

/* Answers of an earlier kernel that refused must not leak into the next one. */
static void kernel_clear_answers(xi_prepare *p)
{
    memset(p->params, 0, XI_PARAMS_SIZE);
    for (int32_t i = 0; i < p->in_count; i++) p->in_layout[i] = XI_LAYOUT_ROW;
    for (int32_t i = 0; i < p->out_count; i++) p->out_layout[i] = XI_LAYOUT_ROW;
    p->packed_size = 0;
    p->packed_inputs = p->in_place = 0;
    p->view = false;
}

static bool kernel_is_for(const xi_kernel *k, xi_str domain, xi_str op, uint32_t isa)
{
    return (k->isa & isa) == k->isa && xi_str_is(op, k->op) &&
           xi_str_is(domain, k->domain ? k->domain : "");
}

xinf_status xi_kernel_choose(const xi_kernel **out, const xi_kernel_list *list, xi_prepare *p,
                             xinf_error *err)
{
    *out = NULL;
    if (p->node->op && p->node->op->flags & XI_OP_CUSTOM) {
        kernel_clear_answers(p);
        *out = &xi_kernel_custom;
        return XINF_OK;
    }
    xinf_status status = XINF_UNSUPPORTED;
    xi_kernel_fail(p->node, err, status, "there is no kernel for it");
    for (const xi_kernel *const *const *group = list->groups; *group; group++)
        for (const xi_kernel *const *table = *group; *table; table++)
            for (const xi_kernel *k = *table; k->op; k++) {
                if (!kernel_is_for(k, p->node->domain, p->node->op_name, p->isa)) continue;
                kernel_clear_answers(p);
                status = k->prepare ? k->prepare(p, err) : XINF_OK;
                if (status == XINF_OK) *out = k;
                if (status != XINF_UNSUPPORTED) return status;
            }
    return status;
}

const xi_kernel *xi_kernel_find(const xi_kernel_list *list, const char *domain, const char *op,
                                uint32_t isa)
{
    for (const xi_kernel *const *const *group = list->groups; *group; group++)
        for (const xi_kernel *const *table = *group; *table; table++)
            for (const xi_kernel *k = *table; k->op; k++)
                if (kernel_is_for(k, xi_str_of(domain), xi_str_of(op), isa)) return k;
    return NULL;
}
