/* normalization.c — normalisation over batches, planes, groups, rows, lanes and channels. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_normalization[];

/* Input i is one number for each channel. */
static xinf_status norm_per_channel(xi_infer *c, int32_t i, int64_t channels)
{
    const xi_type *t = xi_infer_in(c, i);
    if (!t || t->shape.rank < 0) return XINF_OK;
    if (t->shape.rank != 1 ||
        (channels >= 0 && t->shape.dim[0] >= 0 && t->shape.dim[0] != channels))
        return xi_infer_fail(c, "input %d has not one number for each of %lld channels", (int)i,
                             (long long)channels);
    return XINF_OK;
}

/* X [N, C, …] of at least `low` dimensions; *channels is -1 when unknown. */
static xinf_status norm_channels(xi_infer *c, int32_t low, int64_t *channels)
{
    const xi_shape *x = &c->in[0]->shape;
    *channels = x->rank > 1 ? x->dim[1] : x->rank == 1 ? 1 : -1;
    if (x->rank >= 0 && x->rank < low)
        return xi_infer_fail(c, "the input needs at least %d dimensions", (int)low);
    return XINF_OK;
}

static xinf_status norm_batch_infer(xi_infer *c)
{
    xinf_status status;
    int64_t channels;
    bool training = xi_node_int(c->node, "training_mode", 0) != 0;
    for (int32_t i = 0; i < 5; i++) XI_TRY(xi_infer_among(c, i, XI_DTYPES_FLOAT));
    XI_TRY(norm_channels(c, 1, &channels));
    for (int32_t i = 1; i < 5; i++) XI_TRY(norm_per_channel(c, i, channels));
    XI_TRY(xi_infer_same_dtype(c, 3, 4));
    if (!training && (c->output_count > 1 &&
                      (c->node->outputs[1] || (c->output_count > 2 && c->node->outputs[2]))))
        return xi_infer_fail(c, "running statistics come out in training_mode only");
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &c->in[0]->shape);
    for (int32_t i = 1; i < 3; i++)
        xi_infer_set(c, i, xi_infer_dtype(c, 2 + i), &c->in[2 + i]->shape);
cleanup:
    return status;
}

static xinf_status norm_instance_infer(xi_infer *c)
{
    xinf_status status;
    int64_t channels;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    XI_TRY(norm_channels(c, 2, &channels));
    for (int32_t i = 1; i < 3; i++) {
        XI_TRY(xi_infer_same_dtype(c, 0, i));
        XI_TRY(norm_per_channel(c, i, channels));
    }
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &c->in[0]->shape);
cleanup:
    return status;
}

static xinf_status norm_group_infer(xi_infer *c)
{
    xinf_status status;
    int64_t channels, groups = xi_node_int(c->node, "num_groups", 0);
    XI_TRY(norm_channels(c, 2, &channels));
    if (groups < 1 || (channels >= 0 && channels % groups != 0))
        return xi_infer_fail(c, "%lld groups do not divide %lld channels", (long long)groups,
                             (long long)channels);
    XI_TRY(norm_instance_infer(c));
cleanup:
    return status;
}

/* Input i broadcasts to the data, from the back. */
static xinf_status norm_broadcasts(xi_infer *c, int32_t i)
{
    const xi_type *t = xi_infer_in(c, i);
    const xi_shape *x = &c->in[0]->shape;
    xi_shape both;
    if (!t) return XINF_OK;
    if (xi_infer_among(c, i, XI_DTYPES_FLOAT) != XINF_OK) return XINF_MALFORMED;
    if (x->rank < 0 || t->shape.rank < 0) return XINF_OK;
    if (t->shape.rank > x->rank || !xi_shape_broadcast(x, &t->shape, &both) ||
        (xi_shape_known(x) && xi_shape_known(&both) && !xi_shape_eq(x, &both)))
        return xi_infer_fail(c, "input %d does not broadcast to the data", (int)i);
    return XINF_OK;
}

static xinf_status norm_row_infer(xi_infer *c, bool rms)
{
    xinf_status status;
    xi_shape stat = c->in[0]->shape;
    int32_t axis;
    int64_t stash = xi_node_int(c->node, "stash_type", 1);
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    if (stash != XINF_FLOAT32 && stash != XINF_FLOAT16 && stash != XINF_BFLOAT16 &&
        stash != XINF_FLOAT64)
        return xi_infer_fail(c, "stash_type is %lld", (long long)stash);
    if (stat.rank >= 0) {
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", -1), stat.rank, &axis));
        for (int32_t i = axis; i < stat.rank; i++) stat.dim[i] = 1;
    }
    XI_TRY(norm_broadcasts(c, 1));
    XI_TRY(norm_broadcasts(c, 2));
    xi_infer_set(c, 0, xi_infer_dtype(c, rms ? 1 : 0), &c->in[0]->shape);
    for (int32_t i = 1; i < 3; i++) xi_infer_set(c, i, (xinf_dtype)stash, &stat);
cleanup:
    return status;
}

static xinf_status norm_layer_infer(xi_infer *c)
{
    return norm_row_infer(c, false);
}

static xinf_status norm_rms_infer(xi_infer *c)
{
    return norm_row_infer(c, true);
}

static xinf_status norm_lp_infer(xi_infer *c)
{
    xinf_status status;
    int32_t axis, rank = xi_infer_rank(c, 0);
    int64_t p = xi_node_int(c->node, "p", 2);
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    if (p != 1 && p != 2) return xi_infer_fail(c, "p is %lld", (long long)p);
    if (rank >= 0) XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", -1), rank, &axis));
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &c->in[0]->shape);
cleanup:
    return status;
}

static xinf_status norm_lrn_infer(xi_infer *c)
{
    xinf_status status;
    int64_t size = xi_node_int(c->node, "size", 0), channels;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    XI_TRY(norm_channels(c, 2, &channels));
    if (size < 1 || size > INT32_MAX) return xi_infer_fail(c, "size is %lld", (long long)size);
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &c->in[0]->shape);
cleanup:
    return status;
}

static xinf_status norm_mean_variance_infer(xi_infer *c)
{
    xinf_status status;
    static const int64_t usual[] = {0, 2, 3};
    const int64_t *axes;
    int32_t count = xi_node_ints(c->node, "axes", &axes), rank = xi_infer_rank(c, 0), axis;
    bool seen[XI_MAX_RANK] = {false};
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    if (count == 0) {
        count = 3;
        axes = usual;
    }
    for (int32_t i = 0; i < count && rank >= 0; i++) {
        XI_TRY(xi_infer_axis(c, axes[i], rank, &axis));
        if (seen[axis]) return xi_infer_fail(c, "axis %d is given twice", (int)axis);
        seen[axis] = true;
    }
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &c->in[0]->shape);
cleanup:
    return status;
}

static const xi_attr_rule norm_batch_attrs[] = {{"epsilon", XI_ATTR_FLOAT, false},
                                                {"momentum", XI_ATTR_FLOAT, false},
                                                {"training_mode", XI_ATTR_INT, false},
                                                {NULL}};
static const xi_attr_rule norm_instance_attrs[] = {{"epsilon", XI_ATTR_FLOAT, false}, {NULL}};
static const xi_attr_rule norm_group_attrs[] = {{"epsilon", XI_ATTR_FLOAT, false},
                                                {"num_groups", XI_ATTR_INT, true},
                                                {"stash_type", XI_ATTR_INT, false},
                                                {NULL}};
static const xi_attr_rule norm_row_attrs[] = {{"axis", XI_ATTR_INT, false},
                                              {"epsilon", XI_ATTR_FLOAT, false},
                                              {"stash_type", XI_ATTR_INT, false},
                                              {NULL}};
static const xi_attr_rule norm_lp_attrs[] = {
    {"axis", XI_ATTR_INT, false}, {"p", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule norm_lrn_attrs[] = {{"alpha", XI_ATTR_FLOAT, false},
                                              {"beta", XI_ATTR_FLOAT, false},
                                              {"bias", XI_ATTR_FLOAT, false},
                                              {"size", XI_ATTR_INT, true},
                                              {NULL}};
static const xi_attr_rule norm_mean_variance_attrs[] = {{"axes", XI_ATTR_INTS, false}, {NULL}};

#define NORM(op, least, most, outs, rules, rule)                               \
    {                                                                          \
        .name = op, .min_inputs = least, .max_inputs = most, .min_outputs = 1, \
        .max_outputs = outs, .attrs = rules, .infer = rule, .tolerance = 1e-5f \
    }

const xi_op xi_ops_normalization[] = {
    NORM("BatchNormalization", 5, 5, 3, norm_batch_attrs, norm_batch_infer),
    NORM("InstanceNormalization", 3, 3, 1, norm_instance_attrs, norm_instance_infer),
    NORM("GroupNormalization", 3, 3, 1, norm_group_attrs, norm_group_infer),
    NORM("LayerNormalization", 2, 3, 3, norm_row_attrs, norm_layer_infer),
    NORM("RMSNormalization", 2, 2, 1, norm_row_attrs, norm_rms_infer),
    NORM("LpNormalization", 1, 1, 1, norm_lp_attrs, norm_lp_infer),
    NORM("LRN", 1, 1, 1, norm_lrn_attrs, norm_lrn_infer),
    NORM("MeanVarianceNormalization", 1, 1, 1, norm_mean_variance_attrs, norm_mean_variance_infer),
    {0},
};

#undef NORM
