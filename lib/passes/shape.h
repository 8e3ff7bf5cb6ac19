/* shape.h — sizes that are known become constants: Shape and Size, and Gather and Slice of a
 * Shape's known part. */
#ifndef XI_PASSES_SHAPE_H
#define XI_PASSES_SHAPE_H

#include "passes/pipeline.h"

xinf_status xi_pass_shape(xi_pass_context *c);

#endif
