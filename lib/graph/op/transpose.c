/* transpose.c — dimensions in another order. */
#include "graph/op.h"

extern const xi_op xi_ops_transpose[];

static xinf_status transpose_infer(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    const int64_t *perm;
    bool given = xi_node_has(c->node, "perm");
    int32_t n = xi_node_ints(c->node, "perm", &perm), seen = 0;
    xi_shape r = {.rank = given ? n : in->rank};
    if (given && (n > XI_MAX_RANK || (in->rank >= 0 && n != in->rank)))
        return xi_infer_fail(c, "perm has %d numbers for an input of rank %d", (int)n,
                             (int)in->rank);
    for (int32_t i = 0; i < r.rank; i++) {
        int32_t from = r.rank - 1 - i;
        if (given) {
            if (perm[i] < 0 || perm[i] >= n || seen >> perm[i] & 1)
                return xi_infer_fail(c, "perm is no permutation");
            seen |= 1 << perm[i];
            from = (int32_t)perm[i];
        }
        r.dim[i] = in->rank < 0 ? XI_DIM_UNKNOWN : in->dim[from];
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    return XINF_OK;
}

static const xi_attr_rule transpose_attrs[] = {{"perm", XI_ATTR_INTS, false}, {NULL}};

const xi_op xi_ops_transpose[] = {
    {.name = "Transpose",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = transpose_attrs,
     .infer = transpose_infer},
    {0},
};
