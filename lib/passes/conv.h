/* conv.h — Conv + bias + residual + activation becomes xinf.FusedConv. */
#ifndef XI_PASSES_CONV_H
#define XI_PASSES_CONV_H

#include "passes/pipeline.h"

xinf_status xi_pass_conv(xi_pass_context *c);

#endif
