/* pipeline.h — graph → graph: the ordered list of passes.
 *
 * Load-time passes only canonicalise and do not depend on shapes, devices or precision. Session
 * passes fold and fuse on the session's own copy. A pass takes what it finds and leaves the rest;
 * the graph holds together after each. */
#ifndef XI_PASSES_PIPELINE_H
#define XI_PASSES_PIPELINE_H

#include "graph/op.h"

/* Computes a node whose inputs are all constants; XINF_UNSUPPORTED when it cannot or may not. */
typedef struct xi_evaluator {
    void *self;
    xinf_status (*fn)(void *self, const xi_node *n, const xi_literal *const *in,
                      const xi_literal **out, xi_arena *arena, size_t max_bytes, xinf_error *err);
} xi_evaluator;

typedef enum xi_stage { XI_STAGE_LOAD, XI_STAGE_SESSION } xi_stage;

typedef struct xi_pass_context {
    xi_graph *graph;
    const xi_evaluator *evaluator;
    int32_t changes; /* counted by the passes, for tests and logs */
    xinf_error *err;
} xi_pass_context;

typedef struct xi_pass {
    const char *name;
    xi_stage stage;
    xinf_status (*run)(xi_pass_context *c);
} xi_pass;

/* All passes in order, ended by a row without name. */
extern const xi_pass xi_passes[];

/* Runs the passes of a stage, except those named in `off` (separated by commas; "all"; may be
 * NULL). Types are inferred again before each pass that asks and at the end. */
xinf_status xi_passes_run(xi_graph *g, xi_stage stage, const char *off,
                          const xi_evaluator *evaluator, xinf_error *err);

#endif
