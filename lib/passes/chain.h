/* chain.h — chains of Reshape, Squeeze, Unsqueeze, Flatten and of Transpose become one node, or
 * none. */
#ifndef XI_PASSES_CHAIN_H
#define XI_PASSES_CHAIN_H

#include "passes/pipeline.h"

xinf_status xi_pass_chain(xi_pass_context *c);

#endif
