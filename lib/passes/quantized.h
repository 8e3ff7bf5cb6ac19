/* quantized.h — products of integers that a file writes as QuantizeLinear, DequantizeLinear and a
 * float product. */
#ifndef XI_PASSES_QUANTIZED_H
#define XI_PASSES_QUANTIZED_H

#include "passes/pipeline.h"

/* MatMul and Gemm of DynamicQuantizeLinear'd x and DequantizeLinear'd constant weights →
 * xinf.QuantizedMatMul, with a constant bias. Must run before folding, which would make floats of
 * the weights. */
xinf_status xi_pass_quantized(xi_pass_context *c);

#endif
