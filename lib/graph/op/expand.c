/* expand.c — repeated elements: Expand broadcasts to a shape, Tile repeats whole tensors. */
#include "base/checked.h"
#include "graph/op.h"

extern const xi_op xi_ops_expand[];

/* Length of the list in input 1, -1 unknown; refuses what is no list of integers. */
static xinf_status expand_list(xi_infer *c, int64_t *length)
{
    const xi_type *t = c->in[1];
    *length = t->shape.rank == 1 && t->shape.dim[0] >= 0 ? t->shape.dim[0] : -1;
    if (t->shape.rank >= 0 && t->shape.rank != 1)
        return xi_infer_fail(c, "input 1 must have rank 1");
    if (*length > XI_MAX_RANK)
        return xi_infer_fail(c, "input 1 lists %lld numbers", (long long)*length);
    if (t->dtype != XINF_UNDEFINED && t->dtype != XINF_INT64 && t->dtype != XINF_INT32)
        return xi_infer_fail(c, "input 1 is %s", xinf_dtype_name(t->dtype));
    return XINF_OK;
}

static xinf_status expand_infer(xi_infer *c)
{
    int64_t length, v[XI_MAX_RANK];
    xi_shape want = XI_SHAPE_UNKNOWN, r;
    xinf_status status = expand_list(c, &length);
    if (status != XINF_OK) return status;
    int32_t n = xi_infer_ints(c, 1, v, XI_MAX_RANK);
    want.rank = n >= 0 ? n : (int32_t)length;
    for (int32_t i = 0; i < want.rank; i++) {
        /* −1 stands in files that mean torch's expand: as the input has it, which is what 1 says.
         */
        if (n >= 0 && v[i] == -1) v[i] = 1;
        want.dim[i] = n >= 0 ? v[i] : XI_DIM_UNKNOWN;
        if (n >= 0 && v[i] < 0)
            return xi_infer_fail(c, "dimension %d of the shape is %lld", (int)i, (long long)v[i]);
    }
    if (!xi_shape_broadcast(&c->in[0]->shape, &want, &r)) {
        char a[160], b[160];
        return xi_infer_fail(c, "shape %s does not expand to %s",
                             xi_shape_text(&c->in[0]->shape, a, sizeof a),
                             xi_shape_text(&want, b, sizeof b));
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    return XINF_OK;
}

static xinf_status expand_tile(xi_infer *c)
{
    int64_t length, v[XI_MAX_RANK];
    xi_shape r = c->in[0]->shape;
    xinf_status status = expand_list(c, &length);
    if (status != XINF_OK) return status;
    if (r.rank < 0 && length >= 0) r.rank = (int32_t)length;
    if (length >= 0 && c->in[0]->shape.rank >= 0 && length != r.rank)
        return xi_infer_fail(c, "it repeats %lld dimensions of an input of rank %d",
                             (long long)length, (int)r.rank);
    int32_t n = xi_infer_ints(c, 1, v, XI_MAX_RANK);
    for (int32_t i = 0; i < r.rank; i++) {
        int64_t dim = c->in[0]->shape.rank < 0 ? XI_DIM_UNKNOWN : r.dim[i];
        if (n >= 0 && v[i] < 0)
            return xi_infer_fail(c, "it repeats dimension %d %lld times", (int)i, (long long)v[i]);
        r.dim[i] = n >= 0 && v[i] == 1 ? dim : XI_DIM_UNKNOWN;
        if (n >= 0 && dim >= 0 && !xi_mul_i64(dim, v[i], &r.dim[i]))
            return xi_infer_fail(c, "the result is too large");
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    return XINF_OK;
}

const xi_op xi_ops_expand[] = {
    {.name = "Expand",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = expand_infer},
    {.name = "Tile",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = expand_tile},
    {0},
};
