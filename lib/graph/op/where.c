/* where.c — one of two tensors, element by element, as a third says. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_where[];

static xinf_status where_infer(xi_infer *c)
{
    xinf_status status;
    xi_shape shape;
    xinf_dtype d = xi_infer_dtype(c, 1);
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_BOOL));
    XI_TRY(xi_infer_same_dtype(c, 1, 2));
    XI_TRY(xi_infer_broadcast(c, 0, 3, &shape));
    xi_infer_set(c, 0, d == XINF_UNDEFINED ? xi_infer_dtype(c, 2) : d, &shape);
cleanup:
    return status;
}

const xi_op xi_ops_where[] = {
    {.name = "Where",
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = where_infer},
    {0},
};
