#include "base/allocator.h"
#include "export/exporter.h"

#include <stdio.h>

/* The names of one graph; those of the graphs around it are taken too, those of its siblings are
 * not. */
typedef struct export_taken {
    xinf_allocator alloc;
    xi_str *slots;
    size_t capacity;
    const struct export_taken *outer;
} export_taken;

static xi_str *export_slot(const export_taken *t, xi_str name)
{
    size_t at = (size_t)xi_str_hash(name) & (t->capacity - 1);
    while (t->slots[at].ptr && !xi_str_eq(t->slots[at], name)) at = (at + 1) & (t->capacity - 1);
    return &t->slots[at];
}

static bool export_is_taken(const export_taken *t, xi_str name)
{
    for (; t; t = t->outer)
        if (export_slot(t, name)->ptr) return true;
    return false;
}

static bool export_taken_init(export_taken *t, const xinf_allocator *alloc,
                              const export_taken *outer, size_t names)
{
    *t = (export_taken){.alloc = *alloc, .capacity = 16, .outer = outer};
    while (t->capacity < 2 * names + 2 && t->capacity < SIZE_MAX / 64) t->capacity *= 2;
    t->slots = xi_calloc(alloc, t->capacity, sizeof *t->slots);
    return t->slots != NULL;
}

static void export_taken_free(export_taken *t)
{
    xi_free(&t->alloc, t->slots, t->slots ? t->capacity * sizeof *t->slots : 0);
}

/* "name", or "name_ID" when that is taken. */
static xinf_status export_give(xi_exporter *x, export_taken *t, const xi_value *v)
{
    xi_str name = v->name;
    if (x->names[v->id].len) return XINF_OK;
    for (unsigned round = 0; name.len == 0 || export_is_taken(t, name); round++) {
        char suffix[48];
        int n = round ? snprintf(suffix, sizeof suffix, "_%u_%u", (unsigned)v->id, round)
                      : snprintf(suffix, sizeof suffix, "%s%u", v->name.len ? "_" : "v",
                                 (unsigned)v->id);
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

static xinf_status export_give_list(xi_exporter *x, export_taken *t, xi_value *const *values,
                                    int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        xinf_status status = export_give(x, t, values[i]);
        if (status) return status;
    }
    return XINF_OK;
}

/* Names of nodes must be unique too; a second bearer goes without. */
static void export_keep_node_name(xi_exporter *x, export_taken *nodes, const xi_node *n)
{
    if (n->name.len == 0) return;
    xi_str *slot = export_slot(nodes, n->name);
    if (slot->ptr) return;
    *slot = n->name;
    x->keeps_name[n->id] = true;
}

static void export_mark_list(xi_exporter *x, xi_value *const *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (values[i]) x->used[values[i]->id] = true;
}

/* Finds the values in use, here and below. Nesting is bounded by the importer's limit. */
static void export_mark(xi_exporter *x, export_taken *nodes, const xi_graph *g)
{
    export_mark_list(x, g->inputs, g->input_count);
    export_mark_list(x, g->outputs, g->output_count);
    for (int32_t i = 0; i < g->state_count; i++)
        x->used[g->states[i].read->id] = x->used[g->states[i].written->id] = true;
    for (const xi_node *n = g->first; n; n = n->next) {
        export_keep_node_name(x, nodes, n);
        export_mark_list(x, n->inputs, n->input_count);
        export_mark_list(x, n->outputs, n->output_count);
        for (int32_t a = 0; a < n->attr_count; a++) {
            if (n->attrs[a].type == XI_ATTR_GRAPH) export_mark(x, nodes, n->attrs[a].graph);
            for (int32_t k = 0; n->attrs[a].type == XI_ATTR_GRAPHS && k < n->attrs[a].count; k++)
                export_mark(x, nodes, n->attrs[a].graphs[k]);
        }
    }
}

/* A graph's own names are complete before the graphs inside it get theirs. */
static xinf_status export_name_graph(xi_exporter *x, const export_taken *outer, const xi_graph *g)
{
    xinf_status status;
    export_taken own;
    if (!export_taken_init(&own, &x->arena.alloc, outer, g->value_count))
        return xi_export_no_memory(x);
    XI_TRY(export_give_list(x, &own, g->inputs, g->input_count));
    for (int32_t i = 0; i < g->output_count; i++)
        if (g->outputs[i]->graph == g) XI_TRY(export_give(x, &own, g->outputs[i]));
    for (size_t i = 0; i < g->value_count; i++)
        if (x->used[g->values[i]->id]) XI_TRY(export_give(x, &own, g->values[i]));
    for (const xi_node *n = g->first; n; n = n->next)
        for (int32_t a = 0; a < n->attr_count; a++) {
            if (n->attrs[a].type == XI_ATTR_GRAPH)
                XI_TRY(export_name_graph(x, &own, n->attrs[a].graph));
            for (int32_t k = 0; n->attrs[a].type == XI_ATTR_GRAPHS && k < n->attrs[a].count; k++)
                XI_TRY(export_name_graph(x, &own, n->attrs[a].graphs[k]));
        }
    status = XINF_OK;
cleanup:
    export_taken_free(&own);
    return status;
}

xinf_status xi_export_names(xi_exporter *x, const xi_graph *g)
{
    export_taken nodes = {0};
    size_t values = (size_t)g->family->next_value + 1,
           node_count = (size_t)g->family->next_node + 1;
    x->names = xi_arena_array(&x->arena, values, sizeof *x->names);
    x->used = xi_arena_array(&x->arena, values, sizeof *x->used);
    x->keeps_name = xi_arena_array(&x->arena, node_count, sizeof *x->keeps_name);
    bool ready = x->names && x->used && x->keeps_name &&
                 export_taken_init(&nodes, &x->arena.alloc, NULL, node_count);
    if (ready) export_mark(x, &nodes, g);
    xinf_status status = ready ? export_name_graph(x, NULL, g) : xi_export_no_memory(x);
    export_taken_free(&nodes);
    return status;
}
