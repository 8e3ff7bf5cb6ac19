/* matmul.h — MatMul or Gemm + bias + residual + activation becomes xinf.FusedMatMul. */
#ifndef XI_PASSES_MATMUL_H
#define XI_PASSES_MATMUL_H

#include "passes/pipeline.h"

xinf_status xi_pass_matmul(xi_pass_context *c);

#endif
