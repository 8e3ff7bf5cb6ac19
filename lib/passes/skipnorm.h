/* skipnorm.h — Add + LayerNormalization become xinf.SkipLayerNormalization. */
#ifndef XI_PASSES_SKIPNORM_H
#define XI_PASSES_SKIPNORM_H

#include "passes/pipeline.h"

xinf_status xi_pass_skipnorm(xi_pass_context *c);

#endif
