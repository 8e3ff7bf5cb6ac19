/* pad.c — margins around a tensor; negative ones cut it. */
#include "graph/op/pad.h"

#include "base/checked.h"
#include "graph/op.h"

extern const xi_op xi_ops_pad[];

const char *xi_pad_resolve(int32_t rank, const int64_t *pads, int32_t pad_count,
                           const int64_t *axes, int32_t axis_count, int64_t *before, int64_t *after)
{
    int32_t n = axes ? axis_count : rank, seen = 0, axis;
    if (pad_count != 2 * n || n > rank) return "pads are not two numbers for each axis";
    for (int32_t i = 0; i < rank; i++) before[i] = after[i] = 0;
    for (int32_t i = 0; i < n; i++) {
        if (!xi_shape_axis(axes ? axes[i] : i, rank, &axis))
            return "an axis is outside the input's rank";
        if (seen >> axis & 1) return "an axis is named twice";
        seen |= 1 << axis;
        before[axis] = pads[i];
        after[axis] = pads[n + i];
    }
    return NULL;
}

/* One dimension; -1 unknown. */
static xinf_status pad_dim(xi_infer *c, int32_t axis, int64_t dim, int64_t before, int64_t after,
                           bool constant, int64_t *out)
{
    int64_t r;
    if (before == 0 && after == 0) {
        *out = dim;
        return XINF_OK;
    }
    *out = XI_DIM_UNKNOWN;
    if (dim < 0) return XINF_OK;
    if (!xi_add_i64(dim, before, &r) || !xi_add_i64(r, after, &r) || r < 0)
        return xi_infer_fail(c, "dimension %d of %lld cannot be padded by %lld and %lld", (int)axis,
                             (long long)dim, (long long)before, (long long)after);
    if (dim == 0 && r > 0 && !constant)
        return xi_infer_fail(c, "dimension %d has no elements to pad with", (int)axis);
    *out = r;
    return XINF_OK;
}

static xinf_status pad_infer(xi_infer *c)
{
    int64_t pads[2 * XI_MAX_RANK], axes[XI_MAX_RANK], before[XI_MAX_RANK], after[XI_MAX_RANK];
    xi_shape r = c->in[0]->shape;
    xi_str mode = xi_node_string(c->node, "mode", "constant");
    xinf_status status = XINF_OK;
    bool constant = xi_str_is(mode, "constant");
    if (!constant && !xi_str_is(mode, "reflect") && !xi_str_is(mode, "edge") &&
        !xi_str_is(mode, "wrap"))
        return xi_infer_fail(c, "mode \"%.*s\" is not known", XI_STR_ARG(mode));
    if (xi_infer_rank(c, 1) > 1 || xi_infer_rank(c, 3) > 1)
        return xi_infer_fail(c, "pads and axes must have rank 1");
    if (xi_infer_dtype(c, 1) != XINF_UNDEFINED && xi_infer_dtype(c, 1) != XINF_INT64 &&
        xi_infer_dtype(c, 1) != XINF_INT32)
        return xi_infer_fail(c, "pads are %s", xinf_dtype_name(xi_infer_dtype(c, 1)));
    if (xi_infer_in(c, 2)) {
        const xi_shape *v = &c->in[2]->shape;
        int64_t count;
        XI_TRY(xi_infer_same_dtype(c, 0, 2));
        if (xi_shape_count(v, &count) && count > 1)
            return xi_infer_fail(c, "constant_value has %lld elements", (long long)count);
    }
    int32_t n = xi_infer_ints(c, 1, pads, 2 * XI_MAX_RANK),
            m = xi_infer_in(c, 3) ? xi_infer_ints(c, 3, axes, XI_MAX_RANK) : 0;
    if (r.rank >= 0 && (n < 0 || m < 0)) {
        for (int32_t i = 0; i < r.rank; i++) r.dim[i] = XI_DIM_UNKNOWN;
    } else if (r.rank >= 0) {
        const char *wrong = xi_pad_resolve(r.rank, pads, n, xi_infer_in(c, 3) ? axes : NULL, m,
                                           before, after);
        if (wrong) return xi_infer_fail(c, "%s", wrong);
        for (int32_t i = 0; i < r.rank; i++)
            XI_TRY(pad_dim(c, i, r.dim[i], before[i], after[i], constant, &r.dim[i]));
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static const xi_attr_rule pad_attrs[] = {{"mode", XI_ATTR_STRING, false}, {NULL}};

const xi_op xi_ops_pad[] = {
    {.name = "Pad",
     .min_inputs = 2,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = pad_attrs,
     .infer = pad_infer},
    {0},
};
