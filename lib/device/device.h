/* device.h — the segment contract: all that passes, sessions and reports see of a device.
 *
 * A segment is a graph (or a part of one) that runs on one device. query tells which of its nodes
 * the device takes, compile turns it into an executable, evaluate computes one node ahead of time.
 * A host device's executable is a plan: the session walks its steps itself, so that between two
 * nodes nothing stands but a function call; the contract is asked once a segment, never once a
 * node. */
#ifndef XI_DEVICE_DEVICE_H
#define XI_DEVICE_DEVICE_H

#include "plan/plan.h"

typedef struct xi_segment {
    const xi_graph *graph; /* outlives the executable */
    xi_weights *weights;   /* where packed weights are kept and shared */
    uint32_t isa;          /* what kernels may use; 0: portable ones only */
    int32_t width;         /* workers */
    xi_pool *pool;         /* packs weights; NULL: the calling thread does */
} xi_segment;

/* Takes the sentence that says why a node does not run; false ends the query (out of memory). */
typedef struct xi_refusal_sink {
    void *self;
    bool (*refuse)(void *self, const xi_node *n, const char *sentence);
} xi_refusal_sink;

typedef struct xi_device {
    const char *name;
    /* Goes through the graph and its subgraphs in order. Weights are not read. XINF_OUT_OF_MEMORY
     * when it could not finish. */
    xinf_status (*query)(const xi_graph *graph, uint32_t isa, const xi_refusal_sink *sink,
                         xinf_error *err);
    /* XINF_UNSUPPORTED names every node that does not run. The caller ends the plan with
     * xi_plan_destroy. */
    xinf_status (*compile)(xi_plan **out, const xi_segment *segment, xinf_error *err);
    /* As xi_plan_evaluate. */
    xinf_status (*evaluate)(uint32_t isa, const xi_node *n, const xi_literal *const *in,
                            const xi_literal **out, xi_arena *arena, size_t max_bytes,
                            xinf_error *err);
} xi_device;

#endif
