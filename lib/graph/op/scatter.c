/* scatter.c — a copy of a tensor with some elements replaced: ScatterElements, ScatterND,
 * TensorScatter. */
#include "graph/op.h"

extern const xi_op xi_ops_scatter[];

static const xinf_dtype scatter_index_types[] = {XINF_INT32, XINF_INT64, 0};

static xinf_status scatter_common(xi_infer *c)
{
    xi_str how = xi_node_string(c->node, "reduction", "none");
    xinf_status status = XINF_OK;
    if (!xi_str_is(how, "none") && !xi_str_is(how, "add") && !xi_str_is(how, "mul") &&
        !xi_str_is(how, "max") && !xi_str_is(how, "min"))
        return xi_infer_fail(c, "reduction \"%.*s\" is not known", XI_STR_ARG(how));
    XI_TRY(xi_infer_want(c, 1, scatter_index_types));
    XI_TRY(xi_infer_same_dtype(c, 0, 2));
    xi_infer_set(c, 0, c->in[0]->dtype, &c->in[0]->shape);
cleanup:
    return status;
}

static bool scatter_differ(int64_t a, int64_t b)
{
    return a >= 0 && b >= 0 && a != b;
}

static xinf_status scatter_elements(xi_infer *c)
{
    const xi_shape *data = &c->in[0]->shape, *index = &c->in[1]->shape, *updates = &c->in[2]->shape;
    int32_t axis = 0;
    xinf_status status = XINF_OK;
    XI_TRY(scatter_common(c));
    if (data->rank >= 0)
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", 0), data->rank, &axis));
    if (index->rank < 0 || updates->rank < 0 || data->rank < 0) return XINF_OK;
    if (index->rank != data->rank || updates->rank != data->rank)
        return xi_infer_fail(c, "its inputs differ in rank");
    for (int32_t i = 0; i < data->rank; i++) {
        if (scatter_differ(index->dim[i], updates->dim[i]))
            return xi_infer_fail(c, "indices and updates differ in dimension %d", (int)i);
        if (i != axis && data->dim[i] >= 0 && index->dim[i] > data->dim[i])
            return xi_infer_fail(c, "dimension %d of indices is %lld, of data %lld", (int)i,
                                 (long long)index->dim[i], (long long)data->dim[i]);
    }
cleanup:
    return status;
}

static xinf_status scatter_nd(xi_infer *c)
{
    const xi_shape *data = &c->in[0]->shape, *index = &c->in[1]->shape, *updates = &c->in[2]->shape;
    xinf_status status = XINF_OK;
    XI_TRY(scatter_common(c));
    if (data->rank == 0 || index->rank == 0)
        return xi_infer_fail(c, "data and indices must have rank 1 or more");
    int64_t depth = index->rank > 0 ? index->dim[index->rank - 1] : XI_DIM_UNKNOWN;
    if (depth < 0 || data->rank < 0) return XINF_OK;
    if (depth == 0 || depth > data->rank)
        return xi_infer_fail(c, "indices have %lld parts for data of rank %d", (long long)depth,
                             (int)data->rank);
    if (updates->rank < 0) return XINF_OK;
    if (updates->rank != index->rank - 1 + data->rank - depth)
        return xi_infer_fail(c, "updates have rank %d", (int)updates->rank);
    for (int32_t i = 0; i < updates->rank; i++)
        if (scatter_differ(updates->dim[i], i < index->rank - 1
                                                ? index->dim[i]
                                                : data->dim[depth + i - (index->rank - 1)]))
            return xi_infer_fail(c, "dimension %d of updates is %lld", (int)i,
                                 (long long)updates->dim[i]);
cleanup:
    return status;
}

static xinf_status scatter_tensor(xi_infer *c)
{
    const xi_shape *data = &c->in[0]->shape, *updates = &c->in[1]->shape;
    xi_str mode = xi_node_string(c->node, "mode", "linear");
    int32_t axis = 0;
    int64_t count;
    xinf_status status = XINF_OK;
    if (!xi_str_is(mode, "linear") && !xi_str_is(mode, "circular"))
        return xi_infer_fail(c, "mode \"%.*s\" is not known", XI_STR_ARG(mode));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    if (xi_infer_in(c, 2)) XI_TRY(xi_infer_want(c, 2, scatter_index_types));
    if (data->rank >= 0) {
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", -2), data->rank, &axis));
        if (axis == 0) return xi_infer_fail(c, "axis 0 is the batch");
        if (updates->rank >= 0 && updates->rank != data->rank)
            return xi_infer_fail(c, "its inputs differ in rank");
        for (int32_t i = 0; i < updates->rank; i++) {
            if (i != axis && scatter_differ(updates->dim[i], data->dim[i]))
                return xi_infer_fail(c, "its inputs differ in dimension %d", (int)i);
            if (i == axis && data->dim[i] >= 0 && updates->dim[i] > data->dim[i])
                return xi_infer_fail(c, "the update is longer than the cache");
        }
        if (xi_infer_in(c, 2) && xi_shape_count(&c->in[2]->shape, &count) && data->dim[0] >= 0 &&
            count != data->dim[0])
            return xi_infer_fail(c, "write_indices has %lld numbers for a batch of %lld",
                                 (long long)count, (long long)data->dim[0]);
    }
    xi_infer_set(c, 0, c->in[0]->dtype, data);
cleanup:
    return status;
}

static const xi_attr_rule scatter_attrs[] = {
    {"axis", XI_ATTR_INT, false}, {"reduction", XI_ATTR_STRING, false}, {NULL}};
static const xi_attr_rule scatter_nd_attrs[] = {{"reduction", XI_ATTR_STRING, false}, {NULL}};
static const xi_attr_rule scatter_tensor_attrs[] = {
    {"axis", XI_ATTR_INT, false}, {"mode", XI_ATTR_STRING, false}, {NULL}};

const xi_op xi_ops_scatter[] = {
    {.name = "ScatterElements",
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = scatter_attrs,
     .infer = scatter_elements},
    {.name = "ScatterND",
     .min_inputs = 3,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = scatter_nd_attrs,
     .infer = scatter_nd},
    {.name = "TensorScatter",
     .min_inputs = 2,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = scatter_tensor_attrs,
     .infer = scatter_tensor},
    {0},
};
