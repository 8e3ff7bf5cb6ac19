/* noop.h — removes nodes whose result is their input: Cast to the same type, full Slice, Expand to
 * the same shape, x · 1 … */
#ifndef XI_PASSES_NOOP_H
#define XI_PASSES_NOOP_H

#include "passes/pipeline.h"

xinf_status xi_pass_noop(xi_pass_context *c);

#endif
