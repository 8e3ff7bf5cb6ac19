#include "base/allocator.h"
#include "export/exporter.h"

#include <stdio.h>

/* The names given so far. */
typedef struct export_taken {
    xinf_allocator alloc;
    xi_str *slots;
    size_t capacity, count;
} export_taken;

static xi_str *export_slot(const export_taken *t, xi_str name)
{
    size_t at = (size_t)xi_str_hash(name) & (t->capacity - 1);
    while (t->slots[at].ptr && !xi_str_eq(t->slots[at], name)) at = (at + 1) & (t->capacity - 1);
    return &t->slots[at];
}

static bool export_taken_init(export_taken *t, const xinf_allocator *alloc, size_t values)
{
    *t = (export_taken){.alloc = *alloc, .capacity = 64};
    while (t->capacity < 2 * values + 2 && t->capacity < SIZE_MAX / 64) t->capacity *= 2;
    t->slots = xi_calloc(alloc, t->capacity, sizeof *t->slots);
    return t->slots != NULL;
}

/* "name", or "name_ID" when that is taken: an id stands for one value, so the loop ends. */
static xinf_status export_give(xi_exporter *x, export_taken *t, const xi_value *v)
{
    xi_str name = v->name;
    if (x->names[v->id].len) return XINF_OK;
    for (unsigned round = 0; name.len == 0 || export_slot(t, name)->ptr; round++) {
        char suffix[48];
        int n = round ? snprintf(suffix, sizeof suffix, "_%u_%u", (unsigned)v->id, round)
                      : snprintf(suffix, sizeof suffix, "%s%u", v->name.len ? "_" : "v", (unsigned)v->id);
        char *joined = xi_arena_alloc(&x->arena, v->name.len + (size_t)n + 1);
        if (!joined) return xi_export_no_memory(x);
        if (v->name.len) memcpy(joined, v->name.ptr, v->name.len);
        memcpy(joined + v->name.len, suffix, (size_t)n);
        name = (xi_str){joined, v->name.len + (size_t)n};
    }
    *export_slot(t, name) = name;
    x->names[v->id] = name;
    return XINF_OK;
}

/* Names of nodes must be unique too; a second bearer goes without. */
static void export_keep_node_name(xi_exporter *x, export_taken *t, const xi_node *n)
{
    if (n->name.len == 0) return;
    xi_str *slot = export_slot(t, n->name);
    if (slot->ptr) return;
    *slot = n->name;
    x->keeps_name[n->id] = true;
}

static xinf_status export_give_list(xi_exporter *x, export_taken *t, xi_value *const *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        xinf_status status = values[i] ? export_give(x, t, values[i]) : XINF_OK;
        if (status) return status;
    }
    return XINF_OK;
}

/* Nesting is bounded by the importer's limit. */
static xinf_status export_name_graph(xi_exporter *x, export_taken *t, export_taken *nodes, const xi_graph *g)
{
    xinf_status status;
    XI_TRY(export_give_list(x, t, g->inputs, g->input_count));
    XI_TRY(export_give_list(x, t, g->outputs, g->output_count));
    for (int32_t i = 0; i < g->state_count; i++) {
        XI_TRY(export_give(x, t, g->states[i].read));
        XI_TRY(export_give(x, t, g->states[i].written));
    }
    for (const xi_node *n = g->first; n; n = n->next) {
        export_keep_node_name(x, nodes, n);
        XI_TRY(export_give_list(x, t, n->inputs, n->input_count));
        XI_TRY(export_give_list(x, t, n->outputs, n->output_count));
        for (int32_t a = 0; a < n->attr_count; a++) {
            if (n->attrs[a].type == XI_ATTR_GRAPH) XI_TRY(export_name_graph(x, t, nodes, n->attrs[a].graph));
            for (int32_t k = 0; n->attrs[a].type == XI_ATTR_GRAPHS && k < n->attrs[a].count; k++)
                XI_TRY(export_name_graph(x, t, nodes, n->attrs[a].graphs[k]));
        }
    }
    status = XINF_OK;
cleanup:
    return status;
}

xinf_status xi_export_names(xi_exporter *x, const xi_graph *g)
{
    export_taken taken = {0}, nodes = {0};
    x->name_count = (size_t)g->family->next_value + 1;
    x->names = xi_arena_array(&x->arena, x->name_count, sizeof *x->names);
    x->keeps_name = xi_arena_array(&x->arena, (size_t)g->family->next_node + 1, sizeof *x->keeps_name);
    bool ready = x->names && x->keeps_name && export_taken_init(&taken, &x->arena.alloc, x->name_count) &&
                 export_taken_init(&nodes, &x->arena.alloc, (size_t)g->family->next_node);
    xinf_status status = ready ? export_name_graph(x, &taken, &nodes, g) : xi_export_no_memory(x);
    xi_free(&x->arena.alloc, taken.slots, taken.slots ? taken.capacity * sizeof *taken.slots : 0);
    xi_free(&x->arena.alloc, nodes.slots, nodes.slots ? nodes.capacity * sizeof *nodes.slots : 0);
    return status;
}
