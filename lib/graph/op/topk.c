/* topk.c — the largest or smallest elements along an axis. */
#include "graph/op.h"

extern const xi_op xi_ops_topk[];

static xinf_status topk_infer(xi_infer *c)
{
    xi_shape r = c->in[0]->shape;
    int32_t axis;
    int64_t k, count;
    xinf_status status = XINF_OK;
    if (xi_shape_count(&c->in[1]->shape, &count) && count != 1)
        return xi_infer_fail(c, "K is no single number");
    if (xi_infer_dtype(c, 0) == XINF_STRING || xi_infer_dtype(c, 0) == XINF_COMPLEX64 ||
        xi_infer_dtype(c, 0) == XINF_COMPLEX128)
        return xi_infer_fail(c, "%s has no order", xinf_dtype_name(c->in[0]->dtype));
    bool known = xi_infer_ints(c, 1, &k, 1) == 1;
    if (known && k < 0) return xi_infer_fail(c, "K is %lld", (long long)k);
    if (r.rank >= 0) {
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", -1), r.rank, &axis));
        if (known && r.dim[axis] >= 0 && k > r.dim[axis])
            return xi_infer_fail(c, "K is %lld of %lld elements", (long long)k,
                                 (long long)r.dim[axis]);
        r.dim[axis] = known ? k : XI_DIM_UNKNOWN;
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    xi_infer_set(c, 1, XINF_INT64, &r);
cleanup:
    return status;
}

static const xi_attr_rule topk_attrs[] = {{"axis", XI_ATTR_INT, false},
                                          {"largest", XI_ATTR_INT, false},
                                          {"sorted", XI_ATTR_INT, false},
                                          {NULL}};

const xi_op xi_ops_topk[] = {
    {.name = "TopK",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 2,
     .attrs = topk_attrs,
     .infer = topk_infer},
    {0},
};
