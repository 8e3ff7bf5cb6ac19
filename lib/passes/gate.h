/* gate.h — x · g(x) becomes HardSwish, Swish or Mish. */
#ifndef XI_PASSES_GATE_H
#define XI_PASSES_GATE_H

#include "passes/pipeline.h"

xinf_status xi_pass_hardswish(xi_pass_context *c);
xinf_status xi_pass_swish(xi_pass_context *c);

#endif
