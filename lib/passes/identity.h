/* identity.h — removes nodes that give what they are given: Identity of a tensor, Dropout outside
 * training. */
#ifndef XI_PASSES_IDENTITY_H
#define XI_PASSES_IDENTITY_H

#include "passes/pipeline.h"

xinf_status xi_pass_identity(xi_pass_context *c);

#endif
