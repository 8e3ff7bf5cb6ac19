/* gelu.h — x/2 · (1 + erf(x/√2)) and its tanh form become Gelu. */
#ifndef XI_PASSES_GELU_H
#define XI_PASSES_GELU_H

#include "passes/pipeline.h"

xinf_status xi_pass_gelu(xi_pass_context *c);

#endif
