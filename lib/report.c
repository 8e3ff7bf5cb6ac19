/* report.c — what a model holds and what would not run, without a session. */
#include <stdio.h>
#include <stdlib.h>

#include "base/allocator.h"
#include "base/cpu.h"
#include "device/builtin.h"
#include "graph/op.h"
#include "model.h"
#include "report.h"

typedef struct report_operator {
    char *name;
    int64_t nodes;
} report_operator;

struct xinf_report {
    xinf_allocator alloc;
    xinf_model *model;
    xi_arena arena;
    report_operator *operators;
    size_t operator_count, operator_capacity;
    char **unsupported;
    size_t unsupported_count, unsupported_capacity;
    int64_t nodes;
};

static bool report_count_operator(xinf_report *r, const char *name)
{
    for (size_t i = 0; i < r->operator_count; i++)
        if (strcmp(r->operators[i].name, name) == 0) {
            r->operators[i].nodes++;
            return true;
        }
    if (!xi_grow(&r->alloc, (void **)&r->operators, &r->operator_capacity, r->operator_count + 1,
                 sizeof *r->operators))
        return false;
    char *copy = xi_arena_strndup(&r->arena, name, strlen(name));
    if (!copy) return false;
    r->operators[r->operator_count++] = (report_operator){copy, 1};
    return true;
}

static bool report_refuse(xinf_report *r, const char *sentence)
{
    if (!xi_grow(&r->alloc, (void **)&r->unsupported, &r->unsupported_capacity,
                 r->unsupported_count + 1, sizeof *r->unsupported))
        return false;
    char *copy = xi_arena_strndup(&r->arena, sentence, strlen(sentence));
    if (!copy) return false;
    r->unsupported[r->unsupported_count++] = copy;
    return true;
}

/* A refusal found by the device. */
static bool report_take_refusal(void *self, const xi_node *n, const char *sentence)
{
    return report_refuse(self, sentence);
}

static bool report_count_graph(xinf_report *r, const xi_graph *g)
{
    char name[160];
    bool done = true;
    for (const xi_node *n = g->first; n && done; n = n->next) {
        snprintf(name, sizeof name, "%.*s%s%.*s", XI_STR_ARG(n->domain), n->domain.len ? "." : "",
                 XI_STR_ARG(n->op_name));
        r->nodes++;
        done = report_count_operator(r, name);
        for (int32_t a = 0; a < n->attr_count && done; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) done = report_count_graph(r, n->attrs[a].graph);
    }
    return done;
}

static int report_by_name(const void *a, const void *b)
{
    return strcmp(((const report_operator *)a)->name, ((const report_operator *)b)->name);
}

xinf_status xi_report_create(xinf_report **out, xinf_model *model, xinf_error *err)
{
    *out = NULL;
    xinf_report *r = xi_calloc(&model->alloc, 1, sizeof *r);
    if (!r) return xi_fail_memory(err, sizeof *r);
    r->alloc = model->alloc;
    r->model = xi_model_retain(model);
    xi_arena_init(&r->arena, &r->alloc, 0);
    xi_refusal_sink sink = {r, report_take_refusal};
    xinf_status status = report_count_graph(r, model->import.graph)
                             ? XINF_OK
                             : xi_fail_memory(err, sizeof *r);
    if (status == XINF_OK)
        status = xi_device_find(NULL)->query(model->import.graph, model->env->cpu.isa, &sink, err);
    if (status != XINF_OK) {
        xinf_report_destroy(r);
        return status;
    }
    if (r->operator_count)
        qsort(r->operators, r->operator_count, sizeof *r->operators, report_by_name);
    *out = r;
    return XINF_OK;
}

void xinf_report_destroy(xinf_report *r)
{
    if (!r) return;
    xinf_allocator alloc = r->alloc;
    xi_free(&alloc, r->operators, r->operator_capacity * sizeof *r->operators);
    xi_free(&alloc, r->unsupported, r->unsupported_capacity * sizeof *r->unsupported);
    xi_arena_reset(&r->arena);
    xinf_model *model = r->model;
    xi_free(&alloc, r, sizeof *r);
    xinf_model_destroy(model);
}

const char *xinf_report_format(const xinf_report *r)
{
    return r ? r->model->format : "";
}

int64_t xinf_report_node_count(const xinf_report *r)
{
    return r ? r->nodes : 0;
}

int32_t xinf_report_operator_count(const xinf_report *r)
{
    return r ? (int32_t)r->operator_count : 0;
}

const char *xinf_report_operator(const xinf_report *r, int32_t index, int64_t *out_nodes)
{
    if (out_nodes) *out_nodes = 0;
    if (!r || index < 0 || (size_t)index >= r->operator_count) return NULL;
    if (out_nodes) *out_nodes = r->operators[index].nodes;
    return r->operators[index].name;
}

int32_t xinf_report_unsupported_count(const xinf_report *r)
{
    return r ? (int32_t)r->unsupported_count : 0;
}

const char *xinf_report_unsupported(const xinf_report *r, int32_t index)
{
    return r && index >= 0 && (size_t)index < r->unsupported_count ? r->unsupported[index] : NULL;
}

uint64_t xinf_report_weight_bytes(const xinf_report *r)
{
    return r ? r->model->weight_bytes : 0;
}

const xinf_model *xinf_report_model(const xinf_report *r)
{
    return r ? r->model : NULL;
}
