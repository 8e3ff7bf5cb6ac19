/* pad.h — a Pad of zeros moves into the convolution or average pool after it, a Pad of -inf into
 * the maximum pool. */
#ifndef XI_PASSES_PAD_H
#define XI_PASSES_PAD_H

#include "passes/pipeline.h"

xinf_status xi_pass_pad(xi_pass_context *c);

#endif
