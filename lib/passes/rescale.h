/* rescale.h — a scale and shift per channel moves into the weights of the convolution or product
 * before it. */
#ifndef XI_PASSES_RESCALE_H
#define XI_PASSES_RESCALE_H

#include "passes/pipeline.h"

/* BatchNormalization after Conv, ConvTranspose or Gemm. */
xinf_status xi_pass_batchnorm(xi_pass_context *c);
/* Mul by a constant per channel after Conv, or after a product with a Transpose between them. */
xinf_status xi_pass_scale(xi_pass_context *c);

#endif
