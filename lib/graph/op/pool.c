/* pool.c — the largest, mean or norm of windows. */
#include "base/checked.h"
#include "graph/op/dtypes.h"
#include "graph/op/window.h"

extern const xi_op xi_ops_pool[];

static xinf_status pool_infer_window(xi_infer *c, uint32_t set)
{
    xinf_status status;
    xi_window w;
    const xi_shape *x = &c->in[0]->shape;
    xi_shape out = XI_SHAPE_UNKNOWN;
    int64_t storage = xi_node_int(c->node, "storage_order", 0);
    XI_TRY(xi_infer_among(c, 0, set));
    if (storage != 0 && storage != 1)
        return xi_infer_fail(c, "storage_order is %lld", (long long)storage);
    if (x->rank >= 0) {
        XI_TRY(xi_window_resolve(&w, c->node, x, NULL, c->err));
        out = *x;
        for (int32_t i = 0; i < w.rank; i++) out.dim[i + 2] = w.out[i];
    }
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
    if (c->output_count > 1) xi_infer_set(c, 1, XINF_INT64, &out);
cleanup:
    return status;
}

static xinf_status pool_max_infer(xi_infer *c)
{
    return pool_infer_window(c, XI_DTYPES_FLOAT | XI_DTYPES_BYTE);
}

static xinf_status pool_float_infer(xi_infer *c)
{
    return pool_infer_window(c, XI_DTYPES_FLOAT);
}

static xinf_status pool_lp_infer(xi_infer *c)
{
    if (xi_node_int(c->node, "p", 2) < 1)
        return xi_infer_fail(c, "p is %lld", (long long)xi_node_int(c->node, "p", 2));
    return pool_infer_window(c, XI_DTYPES_FLOAT);
}

static xinf_status pool_global_infer(xi_infer *c)
{
    xinf_status status;
    xi_shape out = c->in[0]->shape;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    if (out.rank >= 0 && out.rank < 2)
        return xi_infer_fail(c, "the input needs a batch and a channel axis");
    if (xi_node_int(c->node, "p", 2) < 1)
        return xi_infer_fail(c, "p is %lld", (long long)xi_node_int(c->node, "p", 2));
    for (int32_t i = 2; i < out.rank; i++) out.dim[i] = 1;
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

/* The size that the pool had: (in - 1)·stride + kernel - pads, or what the third input says. */
static xinf_status pool_unpool_infer(xi_infer *c)
{
    xinf_status status;
    const xi_shape *x = &c->in[0]->shape;
    xi_shape out = XI_SHAPE_UNKNOWN;
    xi_window w;
    int64_t given[XI_MAX_RANK];
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    XI_TRY(xi_infer_among(c, 1, XI_DTYPE_BIT(XINF_INT64)));
    XI_TRY(xi_infer_among(c, 2, XI_DTYPE_BIT(XINF_INT64)));
    if (x->rank >= 0) {
        XI_TRY(xi_window_resolve_transposed(&w, c->node, x, NULL, c->err));
        const xi_shape *index = &c->in[1]->shape;
        if (xi_shape_known(x) && xi_shape_known(index) && !xi_shape_eq(x, index))
            return xi_infer_fail(c, "data and indices differ in shape");
        out = *x;
        int32_t count = xi_infer_ints(c, 2, given, XI_MAX_RANK);
        bool said = xi_infer_in(c, 2) != NULL;
        if (count >= 0 && count != x->rank)
            return xi_infer_fail(c, "output_shape has %d entries, not %d", (int)count,
                                 (int)x->rank);
        for (int32_t i = 0; i < w.rank; i++) out.dim[i + 2] = said ? XI_DIM_UNKNOWN : w.out[i];
        for (int32_t i = 0; i < count; i++) {
            if (given[i] < 0 || (i < 2 && x->dim[i] >= 0 && given[i] != x->dim[i]))
                return xi_infer_fail(c, "output_shape does not fit the data");
            out.dim[i] = given[i];
        }
    }
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

static xinf_status pool_roi_infer(xi_infer *c)
{
    xinf_status status;
    const xi_shape *x = &c->in[0]->shape, *rois = &c->in[1]->shape;
    const int64_t *size;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    if (xi_node_ints(c->node, "pooled_shape", &size) != 2 || size[0] < 1 || size[1] < 1)
        return xi_infer_fail(c, "pooled_shape is not two sizes");
    if (x->rank >= 0 && x->rank != 4) return xi_infer_fail(c, "the input must have rank 4");
    if (rois->rank >= 0 && (rois->rank != 2 || (rois->dim[1] >= 0 && rois->dim[1] != 5)))
        return xi_infer_fail(c, "the regions must be rows of five numbers");
    xi_shape out = {.rank = 4,
                    .dim = {rois->rank == 2 ? rois->dim[0] : -1, x->rank == 4 ? x->dim[1] : -1,
                            size[0], size[1]}};
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

#define POOL_ATTRS                                                                \
    {"auto_pad", XI_ATTR_STRING, false}, {"ceil_mode", XI_ATTR_INT, false},       \
        {"dilations", XI_ATTR_INTS, false}, {"kernel_shape", XI_ATTR_INTS, true}, \
        {"pads", XI_ATTR_INTS, false},                                            \
    {                                                                             \
        "strides", XI_ATTR_INTS, false                                            \
    }

static const xi_attr_rule pool_max_attrs[] = {
    POOL_ATTRS, {"storage_order", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule pool_average_attrs[] = {
    POOL_ATTRS, {"count_include_pad", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule pool_lp_attrs[] = {POOL_ATTRS, {"p", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule pool_global_lp_attrs[] = {{"p", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule pool_unpool_attrs[] = {{"kernel_shape", XI_ATTR_INTS, true},
                                                 {"pads", XI_ATTR_INTS, false},
                                                 {"strides", XI_ATTR_INTS, false},
                                                 {NULL}};
static const xi_attr_rule pool_roi_attrs[] = {
    {"pooled_shape", XI_ATTR_INTS, true}, {"spatial_scale", XI_ATTR_FLOAT, false}, {NULL}};

const xi_op xi_ops_pool[] = {
    {.name = "MaxPool",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 2,
     .attrs = pool_max_attrs,
     .infer = pool_max_infer},
    {.name = "AveragePool",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = pool_average_attrs,
     .infer = pool_float_infer,
     .tolerance = 1e-6f},
    {.name = "LpPool",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = pool_lp_attrs,
     .infer = pool_lp_infer,
     .tolerance = 1e-6f},
    {.name = "GlobalMaxPool",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = pool_global_infer},
    {.name = "GlobalAveragePool",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = pool_global_infer,
     .tolerance = 1e-6f},
    {.name = "GlobalLpPool",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = pool_global_lp_attrs,
     .infer = pool_global_infer,
     .tolerance = 1e-6f},
    {.name = "MaxUnpool",
     .min_inputs = 2,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = pool_unpool_attrs,
     .infer = pool_unpool_infer},
    {.name = "MaxRoiPool",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = pool_roi_attrs,
     .infer = pool_roi_infer},
    {0},
};

#undef POOL_ATTRS
