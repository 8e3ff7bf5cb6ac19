/* session.h — a graph made ready to run: plan, frame, threads, states, outputs of its own. */
#ifndef XI_RUN_SESSION_H
#define XI_RUN_SESSION_H

#include <stdatomic.h>

#include "device/device.h"

typedef struct xi_session xi_session;

typedef struct xi_session_config {
    xinf_allocator alloc;
    const xi_graph *graph;             /* after passes; outlives the session */
    const xi_literal *const *defaults; /* per input: what stands in for an absent one, or NULL */
    xi_weights *weights;
    const xi_device *device;
    uint32_t isa;
    const xinf_session_options *options; /* never NULL */
    const xinf_executor *executor;       /* NULL: own threads */
} xi_session_config;

xinf_status xi_session_create(xi_session **out, const xi_session_config *config, xinf_error *err);
void xi_session_destroy(xi_session *s);
/* cancel: the token's flag, or NULL. */
xinf_status xi_session_run(xi_session *s, xinf_tensor *const *inputs, xinf_tensor **outputs,
                           const xinf_run_options *options, atomic_int *cancel, xinf_error *err);
xinf_status xi_session_reset(xi_session *s, xinf_error *err);
/* Bytes of intermediate results and of everything else it holds. */
void xi_session_memory(const xi_session *s, uint64_t *out_arena, uint64_t *out_other);
const xi_plan *xi_session_plan(const xi_session *s);
/* Sizes everything for the declared shapes, when they are all known; used to tell memory
 * beforehand. */
xinf_status xi_session_warm(xi_session *s, xinf_error *err);

#endif
