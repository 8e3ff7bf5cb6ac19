/* fold.h — computes nodes whose inputs are all constants. */
#ifndef XI_PASSES_FOLD_H
#define XI_PASSES_FOLD_H

#include "passes/pipeline.h"

xinf_status xi_pass_fold(xi_pass_context *c);

#endif
