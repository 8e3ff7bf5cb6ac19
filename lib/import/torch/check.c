/* check.c — errors that a program raises when a run meets them: conditions that must stay false,
 * and an operator that lets an output pass only when they did. */
#include "import/torch/aten.h"
#include "import/torch/op.h"

void xi_aten_check_run(xi_aten *x, xi_value *failed, xi_str message)
{
    xi_aten_checks *all = &x->checks;
    if (x->status != XINF_OK || !failed) return;
    const xi_literal *known = failed->literal;
    if (known && known->dtype == XINF_BOOL && known->count == 1 && !*(const uint8_t *)known->data)
        return;
    if (all->count == all->capacity) {
        int32_t room = all->capacity ? all->capacity * 2 : 8;
        xi_aten_check *items = xi_arena_array(x->arena, (size_t)room, sizeof *items);
        if (!items) {
            xi_aten_memory(x);
            return;
        }
        if (all->count) memcpy(items, all->items, (size_t)all->count * sizeof *items);
        all->items = items;
        all->capacity = room;
    }
    all->items[all->count++] = (xi_aten_check){failed, message};
}

xi_aten_checks xi_aten_take_checks(xi_aten *x, int32_t base)
{
    xi_aten_checks out = {NULL, 0, 0};
    int32_t count = x->checks.count - base;
    if (count <= 0) return out;
    out.items = xi_arena_array(x->arena, (size_t)count, sizeof *out.items);
    if (!out.items) return xi_aten_memory(x), out;
    memcpy(out.items, x->checks.items + base, (size_t)count * sizeof *out.items);
    out.count = out.capacity = count;
    x->checks.count = base;
    return out;
}

static xi_value *check_node(xi_aten *x, xi_value *passes, const xi_aten_checks *all)
{
    size_t count = (size_t)all->count;
    xi_str *messages = xi_arena_array(x->arena, count, sizeof *messages);
    xi_node *n = x->status == XINF_OK && passes && messages
                     ? xi_graph_add_node(x->graph, NULL, XI_STR("xinf"), XI_STR("Check"),
                                         XI_STR("check"), all->count + 1, 1, 1)
                     : NULL;
    xi_value *out = n ? xi_graph_add_value(x->graph, (xi_str){NULL, 0}, &passes->type) : NULL;
    if (!out) return xi_aten_memory(x), NULL;
    n->inputs[0] = passes;
    for (size_t i = 0; i < count; i++) {
        n->inputs[i + 1] = all->items[i].failed;
        messages[i] = all->items[i].message;
    }
    n->attrs[n->attr_count++] = (xi_attr){.name = XI_STR("messages"),
                                          .type = XI_ATTR_STRINGS,
                                          .count = all->count,
                                          .strings = messages};
    xi_node_set_output(n, 0, out);
    x->nodes++;
    return out;
}

/* A sequence passes by having an item put in front and taken away again, at a place that is
 * checked. */
static xi_value *check_sequence(xi_aten *x, xi_value *sequence, const xi_aten_checks *all)
{
    const xi_type *element = sequence->type.element;
    xinf_dtype d = element && element->dtype ? element->dtype : XINF_FLOAT32;
    xi_value *front = xi_aten_whole(x, XINF_INT64, 0);
    xi_value *more = xi_aten_emit3(x, "SequenceInsert", sequence, xi_aten_number(x, d, 0), front);
    return xi_aten_emit2(x, "SequenceErase", more, check_node(x, front, all));
}

void xi_aten_end_checks(xi_aten *x, xi_value **outputs, int32_t count)
{
    xi_aten_checks all = xi_aten_take_checks(x, 0);
    int32_t at = 0;
    if (!all.count || !count || x->status != XINF_OK) return;
    while (at < count && outputs[at]->type.kind != XINF_KIND_TENSOR) at++;
    if (at == count) at = 0;
    xi_value *bare = outputs[at];
    xi_str name = bare->name;
    xi_value *out = bare->type.kind == XINF_KIND_TENSOR ? check_node(x, bare, &all)
                                                        : check_sequence(x, bare, &all);
    if (!out || x->status != XINF_OK) return;
    bare->name = (xi_str){NULL, 0};
    out->name = name;
    outputs[at] = out;
}
