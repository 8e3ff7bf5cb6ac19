/* pattern.h — questions that fusing passes ask: who uses a value, is it a certain constant, are two shapes the same. */
#ifndef XI_PASSES_PATTERN_H
#define XI_PASSES_PATTERN_H

#include "passes/pipeline.h"

/* The one node of a graph that uses a value once; made before a pass walks, and kept right by it for what it changes. */
typedef struct xi_consumers {
    xinf_allocator alloc;
    xi_node **of; /* per value id; NULL: none, several, or a graph output */
    size_t size;
} xi_consumers;

xinf_status xi_consumers_find(xi_consumers *c, xi_graph *g, xinf_error *err);
void xi_consumers_end(xi_consumers *c);
/* The node that is the only user of v, when it is one of this graph; else NULL. */
xi_node *xi_consumers_only(const xi_consumers *c, const xi_value *v);

/* A float32 constant of one element (any rank) that is `want`, within a relative 1e-4: exporters write 1.4142135. */
bool xi_pattern_scalar(const xi_value *v, double want);
/* Same rank and dimensions, symbols included; false when something is unknown. */
bool xi_pattern_same_shape(const xi_value *a, const xi_value *b);
bool xi_pattern_float32(const xi_value *v);

/* A new node before `at` that gives `at`'s first output; `at` is removed. Inputs are still to be set. NULL when memory ends. */
xi_node *xi_pattern_replace(xi_node *at, xi_str domain, xi_str op_name, int32_t inputs, int32_t attrs);
void xi_pattern_copy_attrs(xi_node *to, const xi_node *from);

#endif
