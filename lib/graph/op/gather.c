/* gather.c — elements chosen by index: Gather, GatherElements, GatherND. */
#include "graph/op.h"

extern const xi_op xi_ops_gather[];

static const xinf_dtype gather_index_types[] = {XINF_INT32, XINF_INT64, 0};

static xinf_status gather_infer(xi_infer *c)
{
    const xi_shape *data = &c->in[0]->shape, *index = &c->in[1]->shape;
    xi_shape r = XI_SHAPE_UNKNOWN;
    int32_t axis;
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 1, gather_index_types));
    if (data->rank >= 0)
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", 0), data->rank, &axis));
    if (data->rank >= 0 && index->rank >= 0) {
        if (data->rank - 1 + index->rank > XI_MAX_RANK)
            return xi_infer_fail(c, "the result would have rank %d",
                                 (int)(data->rank - 1 + index->rank));
        r.rank = 0;
        for (int32_t i = 0; i < axis; i++) r.dim[r.rank++] = data->dim[i];
        for (int32_t i = 0; i < index->rank; i++) r.dim[r.rank++] = index->dim[i];
        for (int32_t i = axis + 1; i < data->rank; i++) r.dim[r.rank++] = data->dim[i];
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static xinf_status gather_elements(xi_infer *c)
{
    const xi_shape *data = &c->in[0]->shape, *index = &c->in[1]->shape;
    int32_t axis;
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 1, gather_index_types));
    if (data->rank >= 0)
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", 0), data->rank, &axis));
    if (data->rank >= 0 && index->rank >= 0) {
        if (data->rank != index->rank)
            return xi_infer_fail(c, "data has rank %d, indices %d", (int)data->rank,
                                 (int)index->rank);
        for (int32_t i = 0; i < data->rank; i++)
            if (i != axis && data->dim[i] >= 0 && index->dim[i] > data->dim[i])
                return xi_infer_fail(c, "dimension %d of indices is %lld, of data %lld", (int)i,
                                     (long long)index->dim[i], (long long)data->dim[i]);
    }
    xi_infer_set(c, 0, c->in[0]->dtype, index);
cleanup:
    return status;
}

static xinf_status gather_nd(xi_infer *c)
{
    const xi_shape *data = &c->in[0]->shape, *index = &c->in[1]->shape;
    int64_t batch = xi_node_int(c->node, "batch_dims", 0);
    xi_shape r = XI_SHAPE_UNKNOWN;
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 1, gather_index_types));
    if (index->rank == 0 || data->rank == 0)
        return xi_infer_fail(c, "data and indices must have rank 1 or more");
    if (batch < 0 || (data->rank > 0 && batch >= data->rank) ||
        (index->rank > 0 && batch >= index->rank))
        return xi_infer_fail(c, "batch_dims is %lld", (long long)batch);
    if (data->rank > 0 && index->rank > 0) {
        int64_t depth = index->dim[index->rank - 1];
        for (int32_t i = 0; i < batch; i++)
            if (data->dim[i] >= 0 && index->dim[i] >= 0 && data->dim[i] != index->dim[i])
                return xi_infer_fail(c, "batch dimension %d differs between data and indices",
                                     (int)i);
        if (depth == 0 || depth > data->rank - batch)
            return xi_infer_fail(c, "indices have %lld parts for data of rank %d", (long long)depth,
                                 (int)data->rank);
        if (depth > 0) {
            int64_t rank = index->rank - 1 + data->rank - batch - depth;
            if (rank > XI_MAX_RANK)
                return xi_infer_fail(c, "the result would have rank %lld", (long long)rank);
            r.rank = 0;
            for (int32_t i = 0; i < index->rank - 1; i++) r.dim[r.rank++] = index->dim[i];
            for (int64_t i = batch + depth; i < data->rank; i++) r.dim[r.rank++] = data->dim[i];
        }
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static const xi_attr_rule gather_axis[] = {{"axis", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule gather_batch[] = {{"batch_dims", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_gather[] = {
    {.name = "Gather",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = gather_axis,
     .infer = gather_infer},
    {.name = "GatherElements",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = gather_axis,
     .infer = gather_elements},
    {.name = "GatherND",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = gather_batch,
     .infer = gather_nd},
    {0},
};
