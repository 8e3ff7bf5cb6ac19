/* onehot.c — indices spread into rows that are on in one place. */
#include "graph/op.h"

extern const xi_op xi_ops_onehot[];

static xinf_status onehot_depth(xi_infer *c, int64_t *depth)
{
    const xi_literal *l = c->known[1];
    int64_t bits = 0, count;
    *depth = XI_DIM_UNKNOWN;
    if (xi_shape_count(&c->in[1]->shape, &count) && count != 1)
        return xi_infer_fail(c, "depth is no single number");
    if (!l || l->count != 1 || l->dtype == XINF_STRING || xinf_dtype_size(l->dtype) > 8)
        return XINF_OK;
    memcpy(&bits, l->data, xinf_dtype_size(l->dtype));
    double v = xi_dtype_load_f64(&bits, l->dtype, 0);
    if (!(v >= 0 && v < 1e15)) return xi_infer_fail(c, "depth is %g", v);
    *depth = (int64_t)v;
    return XINF_OK;
}

static xinf_status onehot_infer(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    xi_shape r = {.rank = in->rank < 0 ? -1 : in->rank + 1};
    int32_t axis;
    int64_t depth, count;
    xinf_status status = XINF_OK;
    XI_TRY(onehot_depth(c, &depth));
    if (xi_shape_count(&c->in[2]->shape, &count) && count != 2)
        return xi_infer_fail(c, "values are not two");
    if (r.rank > XI_MAX_RANK) return xi_infer_fail(c, "the result would have rank %d", (int)r.rank);
    if (r.rank > 0) {
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", -1), r.rank, &axis));
        for (int32_t i = 0, from = 0; i < r.rank; i++)
            r.dim[i] = i == axis ? depth : in->dim[from++];
    }
    xi_infer_set(c, 0, c->in[2]->dtype, &r);
cleanup:
    return status;
}

static const xi_attr_rule onehot_attrs[] = {{"axis", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_onehot[] = {
    {.name = "OneHot",
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = onehot_attrs,
     .infer = onehot_infer},
    {0},
};
