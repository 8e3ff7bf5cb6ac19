/* activation.h — activations that exporters write as several nodes become one: x·sigmoid(x) and the GELU of erf. */
#ifndef XI_PASSES_ACTIVATION_H
#define XI_PASSES_ACTIVATION_H

#include "passes/pipeline.h"

xinf_status xi_pass_activation(xi_pass_context *c);

#endif
