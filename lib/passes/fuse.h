/* fuse.h — what follows a convolution or a matrix product moves into it: bias, residual, activation. */
#ifndef XI_PASSES_FUSE_H
#define XI_PASSES_FUSE_H

#include "passes/pipeline.h"

/* Conv → [Add residual] → [activation] becomes xinf.FusedConv. */
xinf_status xi_pass_fuse_conv(xi_pass_context *c);
/* MatMul → [Add bias] → [Add residual] → [activation], and Gemm → [activation], become xinf.FusedMatMul. */
xinf_status xi_pass_fuse_matmul(xi_pass_context *c);

#endif
