/* device.c — the host processor behind the segment contract: its kernel table, given to plan. */
#include "device/device.h"

#include "backend/cpu/table.h"

static xinf_status cpu_query_node(const xi_node *n, uint32_t isa, const xi_refusal_sink *sink,
                                  const xinf_allocator *alloc, xinf_error *err)
{
    xinf_error why = XINF_ERROR_INIT;
    xinf_status status = xi_plan_takes(&xi_cpu_kernels, isa, n, alloc, &why);
    if (status == XINF_OK) return XINF_OK;
    if (status == XINF_OUT_OF_MEMORY) return xi_fail(err, status, "%s", why.message);
    return sink->refuse(sink->self, n, why.message) ? XINF_OK : xi_fail_memory(err, sizeof why);
}

/* Subgraphs nest no deeper than the importers allow. */
static xinf_status cpu_query(const xi_graph *graph, uint32_t isa, const xi_refusal_sink *sink,
                             xinf_error *err)
{
    xinf_status status = XINF_OK;
    for (const xi_node *n = graph->first; n && status == XINF_OK; n = n->next) {
        status = cpu_query_node(n, isa, sink, &graph->arena->alloc, err);
        for (int32_t a = 0; a < n->attr_count && status == XINF_OK; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH)
                status = cpu_query(n->attrs[a].graph, isa, sink, err);
    }
    return status;
}

static xinf_status cpu_compile(xi_plan **out, const xi_segment *segment, xinf_error *err)
{
    xi_plan_options options = {.list = &xi_cpu_kernels,
                               .isa = segment->isa,
                               .width = segment->width,
                               .pool = segment->pool};
    return xi_plan_build(out, segment->graph, segment->weights, &options, err);
}

static xinf_status cpu_evaluate(uint32_t isa, const xi_node *n, const xi_literal *const *in,
                                const xi_literal **out, xi_arena *arena, size_t max_bytes,
                                xinf_error *err)
{
    return xi_plan_evaluate(&xi_cpu_kernels, isa, n, in, out, arena, max_bytes, err);
}

const xi_device xi_device_cpu = {
    .name = "cpu",
    .query = cpu_query,
    .compile = cpu_compile,
    .evaluate = cpu_evaluate,
};
