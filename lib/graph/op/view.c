/* view.c — the same elements under another shape: Reshape, Squeeze, Unsqueeze, Flatten, Identity.
 */
#include "base/checked.h"
#include "graph/op.h"

extern const xi_op xi_ops_view[];

/* How many numbers input i lists, by its contents or else by its shape; -1 when not known. */
static int64_t view_list_length(const xi_infer *c, int32_t i)
{
    const xi_type *t = xi_infer_in(c, i);
    if (!t || t->shape.rank < 0) return -1;
    if (t->shape.rank == 0) return 1;
    return t->shape.dim[0] >= 0 ? t->shape.dim[0] : -1;
}

static xinf_status view_check_list(xi_infer *c, int32_t i, int64_t max)
{
    if (xi_infer_rank(c, i) > 1) return xi_infer_fail(c, "input %d must have rank 1", (int)i);
    if (view_list_length(c, i) > max)
        return xi_infer_fail(c, "input %d lists more than %d numbers", (int)i, (int)max);
    xinf_dtype d = xi_infer_dtype(c, i);
    if (d != XINF_UNDEFINED && d != XINF_INT64 && d != XINF_INT32)
        return xi_infer_fail(c, "input %d is %s where integers are wanted", (int)i,
                             xinf_dtype_name(d));
    return XINF_OK;
}

/* What the one free dimension of Reshape must be, where it can be told: known sizes divide, equal
 * unknown ones cancel. */
static xinf_status view_solve(xi_infer *c, const xi_shape *in, const bool *copied, xi_shape *r,
                              int32_t free_at)
{
    int64_t have = 1, want = 1, left = XI_DIM_UNKNOWN;
    int32_t unknown = 0;
    bool zero = false;
    if (in->rank < 0) return XINF_OK;
    for (int32_t i = 0; i < in->rank; i++) {
        if (copied[i]) continue;
        if (in->dim[i] < 0) {
            unknown++;
            left = in->dim[i];
        } else if (!xi_mul_i64(have, in->dim[i], &have)) {
            return xi_infer_fail(c, "its input is too large");
        }
    }
    for (int32_t i = 0; i < r->rank; i++) {
        if (i == free_at) continue;
        zero = zero || r->dim[i] == 0;
        if (i < in->rank && copied[i]) continue;
        if (r->dim[i] < 0) return XINF_OK;
        if (!xi_mul_i64(want, r->dim[i], &want))
            return xi_infer_fail(c, "the shape asked for is too large");
    }
    if (zero)
        return free_at < 0 ? XINF_OK
                           : xi_infer_fail(
                                 c, "the dimension for -1 cannot be told beside a dimension of 0");
    if (free_at < 0) {
        if (unknown == 0 && have != want)
            return xi_infer_fail(c, "%lld elements do not fill a shape of %lld", (long long)have,
                                 (long long)want);
        return XINF_OK;
    }
    if (unknown == 0) {
        if (want == 0 || have % want)
            return xi_infer_fail(c, "%lld elements do not divide by %lld", (long long)have,
                                 (long long)want);
        r->dim[free_at] = have / want;
    } else if (unknown == 1 && have == want) {
        r->dim[free_at] = left;
    }
    return XINF_OK;
}

static xinf_status view_reshape(xi_infer *c)
{
    int64_t v[XI_MAX_RANK];
    const xi_shape *in = &c->in[0]->shape;
    bool copied[XI_MAX_RANK] = {false}, keep_zero = xi_node_int(c->node, "allowzero", 0) != 0,
         some_zero = false;
    int32_t free_at = -1;
    xinf_status status = view_check_list(c, 1, XI_MAX_RANK);
    if (status != XINF_OK) return status;
    int32_t n = xi_infer_ints(c, 1, v, XI_MAX_RANK);
    xi_shape r = {.rank = n >= 0 ? n : (int32_t)view_list_length(c, 1)};
    for (int32_t i = 0; i < r.rank; i++) r.dim[i] = XI_DIM_UNKNOWN;
    for (int32_t i = 0; i < n; i++) {
        if (v[i] < -1)
            return xi_infer_fail(c, "dimension %d of the shape is %lld", (int)i, (long long)v[i]);
        if (v[i] == -1) {
            if (free_at >= 0) return xi_infer_fail(c, "two dimensions of the shape are -1");
            free_at = i;
        } else if (v[i] == 0 && !keep_zero) {
            if (in->rank >= 0 && i >= in->rank)
                return xi_infer_fail(c, "dimension %d is to be copied from an input of rank %d",
                                     (int)i, (int)in->rank);
            copied[i] = true;
            r.dim[i] = in->rank >= 0 ? in->dim[i] : XI_DIM_UNKNOWN;
        } else {
            some_zero = some_zero || v[i] == 0;
            r.dim[i] = v[i];
        }
    }
    if (some_zero && free_at >= 0) return xi_infer_fail(c, "the shape has both 0 and -1");
    if (n >= 0) status = view_solve(c, in, copied, &r, free_at);
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    return status;
}

/* The axes of input 1 as a bit set over `rank`; -1 when their contents are not known. */
static xinf_status view_axes(xi_infer *c, int32_t rank, int64_t *out)
{
    int64_t v[XI_MAX_RANK], set = 0;
    int32_t n = xi_infer_ints(c, 1, v, XI_MAX_RANK), axis;
    *out = -1;
    if (n < 0) return XINF_OK;
    for (int32_t i = 0; i < n; i++) {
        xinf_status status = xi_infer_axis(c, v[i], rank, &axis);
        if (status != XINF_OK) return status;
        if (set >> axis & 1) return xi_infer_fail(c, "axis %d is named twice", (int)axis);
        set |= (int64_t)1 << axis;
    }
    *out = set;
    return XINF_OK;
}

static xi_shape view_blank(int64_t rank)
{
    xi_shape s = {.rank = (int32_t)rank};
    for (int32_t i = 0; i < s.rank; i++) s.dim[i] = XI_DIM_UNKNOWN;
    return s;
}

static xinf_status view_squeeze_all(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    xi_shape r = {.rank = 0};
    for (int32_t i = 0; i < in->rank; i++) {
        if (in->dim[i] < 0) r = XI_SHAPE_UNKNOWN;
        if (r.rank < 0) break;
        if (in->dim[i] != 1) r.dim[r.rank++] = in->dim[i];
    }
    if (in->rank < 0) r = XI_SHAPE_UNKNOWN;
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    return XINF_OK;
}

static xinf_status view_squeeze(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    int64_t axes;
    xi_shape r = XI_SHAPE_UNKNOWN;
    if (!xi_infer_in(c, 1)) return view_squeeze_all(c);
    xinf_status status = view_check_list(c, 1, XI_MAX_RANK);
    if (status == XINF_OK && in->rank >= 0) status = view_axes(c, in->rank, &axes);
    if (status != XINF_OK) return status;
    if (in->rank >= 0 && axes >= 0) {
        r.rank = 0;
        for (int32_t i = 0; i < in->rank; i++) {
            if (!(axes >> i & 1))
                r.dim[r.rank++] = in->dim[i];
            else if (in->dim[i] >= 0 && in->dim[i] != 1)
                return xi_infer_fail(c, "dimension %d is %lld, not 1", (int)i,
                                     (long long)in->dim[i]);
        }
    } else if (in->rank >= 0 && view_list_length(c, 1) >= 0) {
        if (view_list_length(c, 1) > in->rank)
            return xi_infer_fail(c, "it squeezes more axes than there are");
        r = view_blank(in->rank - view_list_length(c, 1));
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    return XINF_OK;
}

static xinf_status view_unsqueeze(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    int64_t axes = -1, n = view_list_length(c, 1);
    xi_shape r = XI_SHAPE_UNKNOWN;
    xinf_status status = view_check_list(c, 1, XI_MAX_RANK);
    if (status != XINF_OK) return status;
    if (in->rank >= 0 && n >= 0) {
        if (in->rank + n > XI_MAX_RANK)
            return xi_infer_fail(c, "the result would have rank %lld", (long long)(in->rank + n));
        r = view_blank(in->rank + n);
        status = view_axes(c, r.rank, &axes);
        if (status != XINF_OK) return status;
    }
    for (int32_t i = 0, from = 0; axes >= 0 && i < r.rank; i++)
        r.dim[i] = axes >> i & 1 ? 1 : in->dim[from++];
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    return XINF_OK;
}

/* Product of dimensions first … last-1: one unknown among ones stays itself, else unknown. */
static int64_t view_product(const xi_shape *s, int32_t first, int32_t last)
{
    int64_t n = 1;
    for (int32_t i = first; i < last; i++) {
        if (s->dim[i] == 0) return 0;
        if (s->dim[i] == 1) continue;
        if (n == 1)
            n = s->dim[i];
        else if (n < 0 || s->dim[i] < 0 || !xi_mul_i64(n, s->dim[i], &n))
            n = XI_DIM_UNKNOWN;
    }
    return n;
}

static xinf_status view_flatten(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    int64_t axis = xi_node_int(c->node, "axis", 1);
    xi_shape r = {.rank = 2, .dim = {XI_DIM_UNKNOWN, XI_DIM_UNKNOWN}};
    if (in->rank >= 0) {
        if (axis < -in->rank || axis > in->rank)
            return xi_infer_fail(c, "axis %lld is outside rank %d", (long long)axis, (int)in->rank);
        int32_t at = (int32_t)(axis < 0 ? axis + in->rank : axis);
        r.dim[0] = view_product(in, 0, at);
        r.dim[1] = view_product(in, at, in->rank);
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    return XINF_OK;
}

static xinf_status view_identity(xi_infer *c)
{
    c->out[0] = *c->in[0];
    return XINF_OK;
}

static const xi_attr_rule view_allowzero[] = {{"allowzero", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule view_axis[] = {{"axis", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_view[] = {
    {.name = "Reshape",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = view_allowzero,
     .infer = view_reshape},
    {.name = "Squeeze",
     .min_inputs = 1,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = view_squeeze},
    {.name = "Unsqueeze",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = view_unsqueeze},
    {.name = "Flatten",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = view_axis,
     .infer = view_flatten},
    {.name = "Identity",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = view_identity,
     .flags = XI_OP_HANDLE},
    {0},
};
