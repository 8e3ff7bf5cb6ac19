/* fill.c — tensors made from a shape or a few numbers: ConstantOfShape, Range, EyeLike. */
#include <math.h>

#include "graph/op.h"

extern const xi_op xi_ops_fill[];

static int64_t fill_count_f64(double start, double limit, double delta)
{
    double n = ceil((limit - start) / delta);
    if (isnan(n) || n <= 0) return 0;
    return n < 9.0e18 ? (int64_t)n : INT64_MAX;
}

static int64_t fill_count_i64(int64_t start, int64_t limit, int64_t delta)
{
    if (delta == 0) return 0;
    if (delta > 0 ? start >= limit : start <= limit) return 0;
    uint64_t span = delta > 0 ? (uint64_t)limit - (uint64_t)start
                              : (uint64_t)start - (uint64_t)limit;
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    uint64_t n = (span - 1) / step + 1;
    return n > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)n;
}

static xinf_status fill_constant(xi_infer *c)
{
    const xi_attr *value = xi_node_attr(c->node, "value");
    int64_t v[XI_MAX_RANK];
    const xi_shape *s = &c->in[0]->shape;
    xinf_dtype d = xi_infer_dtype(c, 0);
    if (value && (value->type != XI_ATTR_TENSOR || value->tensor->count != 1))
        return xi_infer_fail(c, "value must have one element");
    if (d != XINF_UNDEFINED && d != XINF_INT64)
        return xi_infer_fail(c, "its shape is %s", xinf_dtype_name(d));
    if (s->rank > 1 || (s->rank == 1 && s->dim[0] > XI_MAX_RANK))
        return xi_infer_fail(c, "its shape is no list of at most %d numbers", XI_MAX_RANK);
    int32_t n = xi_infer_ints(c, 0, v, XI_MAX_RANK);
    xi_shape r = {.rank = n >= 0 ? n : s->rank == 1 && s->dim[0] >= 0 ? (int32_t)s->dim[0] : -1};
    for (int32_t i = 0; i < r.rank; i++) {
        r.dim[i] = n >= 0 ? v[i] : XI_DIM_UNKNOWN;
        if (n >= 0 && v[i] < 0)
            return xi_infer_fail(c, "dimension %d of the shape is %lld", (int)i, (long long)v[i]);
    }
    xi_infer_set(c, 0, value ? value->tensor->dtype : XINF_FLOAT32, &r);
    return XINF_OK;
}

/* The one element of a known input, widened. */
static bool fill_number(const xi_infer *c, int32_t i, double *f, int64_t *n)
{
    const xi_literal *l = c->known[i];
    int64_t bits[2] = {0};
    if (!l || l->count != 1 || l->dtype == XINF_STRING || xinf_dtype_size(l->dtype) > 8)
        return false;
    memcpy(bits, l->data, xinf_dtype_size(l->dtype));
    *f = xi_dtype_load_f64(bits, l->dtype, 0);
    *n = xi_dtype_is_int(l->dtype) ? xi_dtype_load_i64(bits, l->dtype, 0) : 0;
    return true;
}

static xinf_status fill_range(xi_infer *c)
{
    static const xinf_dtype allowed[] = {XINF_FLOAT32, XINF_FLOAT64, XINF_INT16,    XINF_INT32,
                                         XINF_INT64,   XINF_FLOAT16, XINF_BFLOAT16, 0};
    double f[3];
    int64_t n[3], count;
    bool known = true;
    xinf_status status = XINF_OK;
    xi_shape r = {.rank = 1, .dim = {XI_DIM_UNKNOWN}};
    for (int32_t i = 0; i < 3; i++) {
        XI_TRY(xi_infer_want(c, i, allowed));
        XI_TRY(xi_infer_same_dtype(c, 0, i));
        if (xi_shape_count(&c->in[i]->shape, &count) && count != 1)
            return xi_infer_fail(c, "input %d is no single number", (int)i);
        known = fill_number(c, i, &f[i], &n[i]) && known;
    }
    if (known) {
        if (f[2] == 0) return xi_infer_fail(c, "delta is 0");
        r.dim[0] = xi_dtype_is_int(c->in[0]->dtype) ? fill_count_i64(n[0], n[1], n[2])
                                                    : fill_count_f64(f[0], f[1], f[2]);
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static xinf_status fill_eye(xi_infer *c)
{
    const xi_shape *s = &c->in[0]->shape;
    int64_t dtype = xi_node_int(c->node, "dtype", c->in[0]->dtype);
    if (s->rank >= 0 && s->rank != 2)
        return xi_infer_fail(c, "its input has rank %d, not 2", (int)s->rank);
    if (dtype != XINF_UNDEFINED && (dtype < 0 || dtype >= XI_DTYPE_COUNT || dtype == XINF_STRING))
        return xi_infer_fail(c, "dtype %lld", (long long)dtype);
    xi_shape r = s->rank == 2 ? *s : (xi_shape){.rank = 2, .dim = {XI_DIM_UNKNOWN, XI_DIM_UNKNOWN}};
    xi_infer_set(c, 0, (xinf_dtype)dtype, &r);
    return XINF_OK;
}

static const xi_attr_rule fill_value[] = {{"value", XI_ATTR_TENSOR, false}, {NULL}};
static const xi_attr_rule fill_stash[] = {{"stash_type", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule fill_eye_attrs[] = {
    {"dtype", XI_ATTR_INT, false}, {"k", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_fill[] = {
    {.name = "ConstantOfShape",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = fill_value,
     .infer = fill_constant},
    {.name = "Range",
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = fill_stash,
     .infer = fill_range},
    {.name = "EyeLike",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = fill_eye_attrs,
     .infer = fill_eye},
    {0},
};
