/* trilu.c — the upper or lower triangle of matrices. */
#include "graph/op.h"

extern const xi_op xi_ops_trilu[];

static xinf_status trilu_infer(xi_infer *c)
{
    static const xinf_dtype numbers[] = {XINF_INT64, 0};
    int64_t count;
    xinf_status status = XINF_OK;
    if (c->in[0]->shape.rank >= 0 && c->in[0]->shape.rank < 2)
        return xi_infer_fail(c, "its input has rank %d", (int)c->in[0]->shape.rank);
    if (xi_infer_in(c, 1)) {
        XI_TRY(xi_infer_want(c, 1, numbers));
        if (xi_shape_count(&c->in[1]->shape, &count) && count != 1)
            return xi_infer_fail(c, "k is no single number");
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &c->in[0]->shape);
cleanup:
    return status;
}

static const xi_attr_rule trilu_attrs[] = {{"upper", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_trilu[] = {
    {.name = "Trilu",
     .min_inputs = 1,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = trilu_attrs,
     .infer = trilu_infer},
    {0},
};
