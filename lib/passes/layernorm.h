/* layernorm.h — the steps of a normalization over the last axis become LayerNormalization or
 * RMSNormalization. */
#ifndef XI_PASSES_LAYERNORM_H
#define XI_PASSES_LAYERNORM_H

#include "passes/pipeline.h"

xinf_status xi_pass_layernorm(xi_pass_context *c);

#endif
