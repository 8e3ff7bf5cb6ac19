/* plan.c — checking and printing plans. */
#include "plan/plan.h"

#include <inttypes.h>

static bool plan_slot_ok(const xi_plan *p, int32_t slot)
{
    return slot >= -1 && slot < (int32_t)p->slot_count;
}

static xinf_status plan_verify_step(const xi_plan *p, int32_t index, xinf_error *err)
{
    const xi_step *t = &p->steps[index];
    size_t last = (size_t)t->operands + (size_t)t->in_count + (size_t)t->out_count;
    bool ok = t->node >= -1 && t->node < (int32_t)p->node_count && t->kernel >= -1 &&
              t->kernel < (int32_t)p->kernel_count && t->params < (int32_t)p->params_count &&
              t->packed < (int32_t)p->weight_count && t->in_count >= 0 && t->out_count >= 0 &&
              last <= p->operand_count &&
              (size_t)t->hidden + (size_t)t->hidden_count <= p->operand_count &&
              (size_t)t->dead + (size_t)t->dead_count <= p->operand_count &&
              (size_t)t->subs + (size_t)t->sub_count <= p->sub_count;
    for (int32_t i = 0; ok && i < t->in_count + t->out_count; i++)
        ok = plan_slot_ok(p, p->operands[t->operands + i]);
    for (int32_t i = 0; ok && i < t->in_count; i++) {
        int32_t s = p->operands[t->operands + i];
        if (s >= 0) ok = p->slots[s].first < index && p->slots[s].last >= index;
    }
    for (int32_t i = 0; ok && i < t->hidden_count; i++) {
        int32_t s = p->operands[t->hidden + i];
        ok = s >= 0 && plan_slot_ok(p, s) && p->slots[s].first < index && p->slots[s].last >= index;
    }
    for (int32_t i = 0; ok && i < t->out_count; i++) {
        int32_t s = p->operands[t->operands + t->in_count + i];
        if (s >= 0) ok = p->slots[s].kind == XI_SLOT_LOCAL && p->slots[s].first == index;
    }
    return ok ? XINF_OK
              : xi_fail(err, XINF_INTERNAL, "step %d of the plan breaks the plan's rules",
                        (int)index);
}

xinf_status xi_plan_verify(const xi_plan *p, xinf_error *err)
{
    xinf_status status = XINF_OK;
    for (size_t i = 0; i < p->step_count && status == XINF_OK; i++)
        status = plan_verify_step(p, (int32_t)i, err);
    for (int32_t i = 0; i < p->graph->output_count && status == XINF_OK; i++)
        if (p->outputs[i] < 0 || !plan_slot_ok(p, p->outputs[i]))
            status = xi_fail(err, XINF_INTERNAL, "output %d has no slot", (int)i);
    for (size_t i = 0; i < p->sub_count && status == XINF_OK; i++)
        status = xi_plan_verify(p->subs[i], err);
    return status;
}

static void plan_print_operands(const xi_plan *p, xi_text *text, const int32_t *slots,
                                int32_t count)
{
    static const char *const kinds[] = {"%", "in", "w", "outer", "state"};
    static const char *const layouts[] = {"", ":c8", ":c16"};
    for (int32_t i = 0; i < count; i++) {
        if (i) xi_text_add(text, ", ", 2);
        if (slots[i] < 0)
            xi_text_add(text, "_", 1);
        else
            xi_text_addf(text, "%s%d%s", kinds[p->slots[slots[i]].kind], (int)slots[i],
                         layouts[p->slots[slots[i]].layout]);
    }
}

static void plan_print_at(const xi_plan *p, xi_text *text, int32_t depth)
{
    for (size_t i = 0; i < p->step_count; i++) {
        const xi_step *t = &p->steps[i];
        const xi_node *n = t->node >= 0 ? p->nodes[t->node] : NULL;
        xi_text_addf(text, "%*s%4zu ", (int)depth * 4, "", i);
        plan_print_operands(p, text, p->operands + t->operands + t->in_count, t->out_count);
        xi_text_addf(text, " = %s",
                     t->view          ? "view"
                     : t->kernel >= 0 ? p->kernels[t->kernel]->name
                                      : "chosen-when-run");
        xi_text_add(text, "(", 1);
        plan_print_operands(p, text, p->operands + t->operands, t->in_count);
        xi_text_add(text, ")", 1);
        if (t->packed >= 0) xi_text_addf(text, " packed=%zu", p->weights[t->packed]->size);
        if (t->in_place) xi_text_addf(text, " in-place=%x", (unsigned)t->in_place);
        if (n)
            xi_text_addf(text, "  # %.*s %.*s", XI_STR_ARG(n->op_name),
                         XI_STR_ARG(xi_node_label(n)));
        xi_text_add(text, "\n", 1);
        for (int32_t k = 0; k < t->sub_count; k++)
            plan_print_at(p->subs[t->subs + k], text, depth + 1);
    }
    xi_text_addf(text, "%*s     return ", (int)depth * 4, "");
    plan_print_operands(p, text, p->outputs, p->graph->output_count);
    xi_text_add(text, "\n", 1);
}

void xi_plan_print(const xi_plan *p, xi_text *text)
{
    plan_print_at(p, text, 0);
}
