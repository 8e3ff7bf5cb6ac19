/* det.c — determinants of square matrices. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_det[];

static xinf_status det_infer(xi_infer *c)
{
    xinf_status status;
    xi_shape s = c->in[0]->shape;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    if (s.rank >= 0) {
        if (s.rank < 2) return xi_infer_fail(c, "the input is not a matrix");
        int64_t rows = s.dim[s.rank - 2], columns = s.dim[s.rank - 1];
        if (rows >= 0 && columns >= 0 && rows != columns)
            return xi_infer_fail(c, "the matrix is not square");
        s.rank -= 2;
    }
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &s);
cleanup:
    return status;
}

const xi_op xi_ops_det[] = {
    {.name = "Det",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = det_infer,
     .tolerance = 1e-5f},
    {0},
};
