/* dead.h — removes nodes whose outputs nobody uses. */
#ifndef XI_PASSES_DEAD_H
#define XI_PASSES_DEAD_H

#include "passes/pipeline.h"

xinf_status xi_pass_dead(xi_pass_context *c);

#endif
