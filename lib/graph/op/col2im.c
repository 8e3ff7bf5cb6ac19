/* col2im.c — columns folded back into an image, and centred cuts of one: Col2Im, CenterCropPad. */
#include "base/checked.h"
#include "graph/op.h"

extern const xi_op xi_ops_col2im[];

/* An attribute list of `count` numbers not below `least`; absent is fine. */
static xinf_status col2im_list(xi_infer *c, const char *name, int32_t count, int64_t least)
{
    const int64_t *v;
    int32_t n = xi_node_ints(c->node, name, &v);
    if (n == 0) return XINF_OK;
    if (n != count)
        return xi_infer_fail(c, "%s lists %d numbers, not %d", name, (int)n, (int)count);
    for (int32_t i = 0; i < n; i++)
        if (v[i] < least || v[i] > 1 << 30)
            return xi_infer_fail(c, "%s has %lld", name, (long long)v[i]);
    return XINF_OK;
}

static int64_t col2im_number(const xi_node *n, const char *name, int32_t i, int64_t fallback)
{
    const int64_t *v;
    return i < xi_node_ints(n, name, &v) ? v[i] : fallback;
}

/* Blocks along each axis and in all must be what the input holds. */
static xinf_status col2im_check(xi_infer *c, int32_t n, const int64_t *image, const int64_t *block)
{
    const xi_shape *in = &c->in[0]->shape;
    int64_t columns = 1;
    for (int32_t i = 0; i < n; i++) {
        int64_t pad = col2im_number(c->node, "pads", i, 0) +
                      col2im_number(c->node, "pads", n + i, 0);
        int64_t span = (block[i] - 1) * col2im_number(c->node, "dilations", i, 1) + 1,
                room = image[i] + pad - span;
        int64_t steps = room < 0 ? 0 : room / col2im_number(c->node, "strides", i, 1) + 1;
        if (!xi_mul_i64(columns, steps, &columns))
            return xi_infer_fail(c, "the image is too large");
    }
    if (in->rank == 3 && in->dim[2] >= 0 && in->dim[2] != columns)
        return xi_infer_fail(c, "the input has %lld columns, the image %lld blocks",
                             (long long)in->dim[2], (long long)columns);
    return XINF_OK;
}

static xinf_status col2im_infer(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    int64_t image[XI_MAX_RANK], block[XI_MAX_RANK], area = 1;
    int32_t n = xi_infer_ints(c, 1, image, XI_MAX_RANK - 2),
            m = xi_infer_ints(c, 2, block, XI_MAX_RANK - 2);
    xi_shape r = XI_SHAPE_UNKNOWN;
    xinf_status status = XINF_OK;
    if (in->rank >= 0 && in->rank != 3)
        return xi_infer_fail(c, "its input has rank %d, not 3", (int)in->rank);
    if (xi_infer_dtype(c, 0) == XINF_STRING) return xi_infer_fail(c, "strings do not add up");
    if (n >= 0 && m >= 0) {
        if (n != m || n < 1)
            return xi_infer_fail(c, "image_shape lists %d numbers, block_shape %d", (int)n, (int)m);
        for (int32_t i = 0; i < n; i++) {
            if (image[i] < 1 || image[i] > 1 << 30 || block[i] < 1 || block[i] > 1 << 30)
                return xi_infer_fail(c, "image %lld or block %lld along axis %d",
                                     (long long)image[i], (long long)block[i], (int)i);
            if (!xi_mul_i64(area, block[i], &area))
                return xi_infer_fail(c, "the blocks are too large");
        }
        XI_TRY(col2im_list(c, "strides", n, 1));
        XI_TRY(col2im_list(c, "dilations", n, 1));
        XI_TRY(col2im_list(c, "pads", 2 * n, 0));
        XI_TRY(col2im_check(c, n, image, block));
        r.rank = n + 2;
        r.dim[0] = in->rank == 3 ? in->dim[0] : XI_DIM_UNKNOWN;
        r.dim[1] = in->rank == 3 && in->dim[1] >= 0 ? in->dim[1] / area : XI_DIM_UNKNOWN;
        if (in->rank == 3 && in->dim[1] > 0 && in->dim[1] % area)
            return xi_infer_fail(c, "%lld rows do not divide by a block of %lld",
                                 (long long)in->dim[1], (long long)area);
        for (int32_t i = 0; i < n; i++) r.dim[2 + i] = image[i];
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static xinf_status col2im_center(xi_infer *c)
{
    static const xinf_dtype integers[] = {XINF_INT32, XINF_INT64, 0};
    const int64_t *axes;
    bool named = xi_node_has(c->node, "axes");
    int64_t v[XI_MAX_RANK];
    int32_t n = xi_infer_ints(c, 1, v, XI_MAX_RANK), count = xi_node_ints(c->node, "axes", &axes),
            at, seen = 0;
    xi_shape r = c->in[0]->shape;
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 1, integers));
    if (!named) count = r.rank;
    if (n >= 0 && r.rank >= 0 && n != count)
        return xi_infer_fail(c, "shape lists %d numbers for %d axes", (int)n, (int)count);
    for (int32_t i = 0; r.rank >= 0 && i < count; i++) {
        XI_TRY(xi_infer_axis(c, named ? axes[i] : i, r.rank, &at));
        if (seen >> at & 1) return xi_infer_fail(c, "axis %d is named twice", (int)at);
        seen |= 1 << at;
        if (n >= 0 && v[i] < 0)
            return xi_infer_fail(c, "dimension %d is to be %lld", (int)at, (long long)v[i]);
        r.dim[at] = n >= 0 ? v[i] : XI_DIM_UNKNOWN;
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static const xi_attr_rule col2im_attrs[] = {{"dilations", XI_ATTR_INTS, false},
                                            {"pads", XI_ATTR_INTS, false},
                                            {"strides", XI_ATTR_INTS, false},
                                            {NULL}};
static const xi_attr_rule col2im_axes[] = {{"axes", XI_ATTR_INTS, false}, {NULL}};

const xi_op xi_ops_col2im[] = {
    {.name = "Col2Im",
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = col2im_attrs,
     .infer = col2im_infer,
     .tolerance = 1e-6f},
    {.name = "CenterCropPad",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = col2im_axes,
     .infer = col2im_center},
    {0},
};
