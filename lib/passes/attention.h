/* attention.h — MatMul, scale, mask, Softmax, MatMul become xinf.Attention. */
#ifndef XI_PASSES_ATTENTION_H
#define XI_PASSES_ATTENTION_H

#include "passes/pipeline.h"

xinf_status xi_pass_attention(xi_pass_context *c);

#endif
