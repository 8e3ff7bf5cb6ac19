/* space.c — blocks of pixels moved between channels and area: DepthToSpace, SpaceToDepth. */
#include "base/checked.h"
#include "graph/op.h"

extern const xi_op xi_ops_space[];

static xinf_status space_infer(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    int64_t block = xi_node_int(c->node, "blocksize", 0);
    bool spread = xi_node_is(c->node, "DepthToSpace");
    xi_str mode = xi_node_string(c->node, "mode", "DCR");
    xi_shape r = {.rank = 4,
                  .dim = {XI_DIM_UNKNOWN, XI_DIM_UNKNOWN, XI_DIM_UNKNOWN, XI_DIM_UNKNOWN}};
    if (block < 1 || block > 1 << 15)
        return xi_infer_fail(c, "blocksize is %lld", (long long)block);
    if (!xi_str_is(mode, "DCR") && !xi_str_is(mode, "CRD"))
        return xi_infer_fail(c, "mode \"%.*s\" is not known", XI_STR_ARG(mode));
    if (in->rank >= 0 && in->rank != 4)
        return xi_infer_fail(c, "its input has rank %d, not 4", (int)in->rank);
    if (in->rank == 4) r.dim[0] = in->dim[0];
    for (int32_t i = 1; i < 4 && in->rank == 4; i++) {
        int64_t by = i == 1 ? block * block : block, dim = in->dim[i];
        if (dim < 0) continue;
        if ((i == 1) == spread) {
            if (dim % by)
                return xi_infer_fail(c, "dimension %d of %lld does not divide by %lld", (int)i,
                                     (long long)dim, (long long)by);
            r.dim[i] = dim / by;
        } else if (!xi_mul_i64(dim, by, &r.dim[i])) {
            return xi_infer_fail(c, "the result is too large");
        }
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    return XINF_OK;
}

static const xi_attr_rule space_attrs[] = {
    {"blocksize", XI_ATTR_INT, true}, {"mode", XI_ATTR_STRING, false}, {NULL}};

const xi_op xi_ops_space[] = {
    {.name = "DepthToSpace",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = space_attrs,
     .infer = space_infer},
    {.name = "SpaceToDepth",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = space_attrs,
     .infer = space_infer},
    {0},
};
