/* clip.c — values kept between two scalars. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_clip[];

/* Exporters also write the limits as one-element vectors. */
static xinf_status clip_limit(xi_infer *c, int32_t i)
{
    int64_t count;
    const xi_type *t = xi_infer_in(c, i);
    if (!t) return XINF_OK;
    if (xi_shape_count(&t->shape, &count) && count != 1)
        return xi_infer_fail(c, "input %d is not a scalar", (int)i);
    return xi_infer_same_dtype(c, 0, i);
}

static xinf_status clip_infer(xi_infer *c)
{
    xinf_status status;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_NUMBER));
    XI_TRY(clip_limit(c, 1));
    XI_TRY(clip_limit(c, 2));
    xi_infer_set(c, 0, c->in[0]->dtype, &c->in[0]->shape);
cleanup:
    return status;
}

const xi_op xi_ops_clip[] = {
    {.name = "Clip",
     .min_inputs = 1,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = clip_infer},
    {0},
};
