/* conv.c — convolutions: X [N, C, spatial…], W [M, C/group, kernel…] (transposed: [C, M/group,
 * kernel…]). */
#include "graph/op/dtypes.h"
#include "graph/op/window.h"

extern const xi_op xi_ops_conv[];

static xinf_status conv_bias(xi_infer *c, int32_t i, int64_t channels)
{
    xinf_status status = XINF_OK;
    const xi_type *b = xi_infer_in(c, i);
    if (!b || b->shape.rank < 0) return XINF_OK;
    if (b->shape.rank != 1 ||
        (b->shape.dim[0] >= 0 && channels >= 0 && b->shape.dim[0] != channels))
        status = xi_infer_fail(c, "the bias has not one number for each of %lld channels",
                               (long long)channels);
    return status;
}

/* Ranks, groups and channels; *channels is the output's count, -1 unknown. */
static xinf_status conv_channels(xi_infer *c, bool transposed, int64_t *channels)
{
    const xi_shape *x = &c->in[0]->shape, *w = &c->in[1]->shape;
    int64_t group = xi_node_int(c->node, "group", 1);
    *channels = -1;
    if (group < 1 || group > INT32_MAX) return xi_infer_fail(c, "group is %lld", (long long)group);
    if (x->rank >= 0 && w->rank >= 0 && x->rank != w->rank)
        return xi_infer_fail(c, "input and weight differ in rank");
    if ((x->rank >= 0 && x->rank < 3) || (w->rank >= 0 && w->rank < 3))
        return xi_infer_fail(c, "the input needs a spatial axis");
    int64_t given = x->rank >= 0 ? x->dim[1] : -1, first = w->rank >= 0 ? w->dim[0] : -1,
            second = w->rank >= 0 ? w->dim[1] : -1;
    if (given >= 0 && given % group != 0)
        return xi_infer_fail(c, "group %lld does not divide %lld channels", (long long)group,
                             (long long)given);
    if (first >= 0 && first % group != 0)
        return xi_infer_fail(c, "group %lld does not divide %lld filters", (long long)group,
                             (long long)first);
    if (transposed) {
        if (given >= 0 && first >= 0 && given != first)
            return xi_infer_fail(c, "%lld channels meet a weight for %lld", (long long)given,
                                 (long long)first);
        if (second >= 0 && second > INT64_MAX / group) return xi_infer_fail(c, "too many channels");
        *channels = second >= 0 ? second * group : -1;
    } else {
        if (given >= 0 && second >= 0 && given / group != second)
            return xi_infer_fail(c, "%lld channels in %lld groups meet a weight for %lld",
                                 (long long)given, (long long)group, (long long)second);
        *channels = first;
    }
    return XINF_OK;
}

static xinf_status conv_window(xi_infer *c, bool transposed, xi_shape *out)
{
    const xi_shape *x = &c->in[0]->shape, *w = &c->in[1]->shape;
    xi_window v;
    xinf_status status;
    int64_t kernel[XI_WINDOW_RANK], channels;
    *out = XI_SHAPE_UNKNOWN;
    XI_TRY(conv_channels(c, transposed, &channels));
    if (x->rank < 0) return XINF_OK;
    for (int32_t i = 0; i < x->rank - 2; i++) kernel[i] = w->rank >= 0 ? w->dim[i + 2] : -1;
    for (int32_t i = 0; i < x->rank - 2 && w->rank >= 0; i++)
        if (kernel[i] == 0) return xi_infer_fail(c, "the kernel is empty");
    XI_TRY(transposed ? xi_window_resolve_transposed(&v, c->node, x, kernel, c->err)
                      : xi_window_resolve(&v, c->node, x, kernel, c->err));
    *out = (xi_shape){.rank = x->rank, .dim = {x->dim[0], channels}};
    for (int32_t i = 0; i < v.rank; i++) out->dim[i + 2] = v.out[i];
cleanup:
    return status;
}

static xinf_status conv_float_infer(xi_infer *c, bool transposed)
{
    xinf_status status;
    xi_shape out;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    XI_TRY(xi_infer_same_dtype(c, 0, 2));
    XI_TRY(conv_window(c, transposed, &out));
    XI_TRY(conv_bias(c, 2, out.rank >= 0 ? out.dim[1] : -1));
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

static xinf_status conv_infer(xi_infer *c)
{
    return conv_float_infer(c, false);
}

static xinf_status conv_transpose_infer(xi_infer *c)
{
    return conv_float_infer(c, true);
}

static xinf_status conv_integer_infer(xi_infer *c)
{
    xinf_status status;
    xi_shape out;
    int64_t count;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_BYTE));
    XI_TRY(xi_infer_among(c, 1, XI_DTYPES_BYTE));
    XI_TRY(xi_infer_same_dtype(c, 0, 2));
    XI_TRY(xi_infer_same_dtype(c, 1, 3));
    XI_TRY(conv_window(c, false, &out));
    if (xi_infer_in(c, 2) && xi_shape_count(&c->in[2]->shape, &count) && count != 1)
        return xi_infer_fail(c, "the input's zero point is not a scalar");
    if (xi_infer_in(c, 3) && xi_shape_count(&c->in[3]->shape, &count) && count != 1)
        XI_TRY(conv_bias(c, 3, out.rank >= 0 ? out.dim[1] : -1));
    xi_infer_set(c, 0, XINF_INT32, &out);
cleanup:
    return status;
}

/* One dimension of the offsets or the mask of DeformConv. */
static xinf_status conv_deform_part(xi_infer *c, int32_t i, int64_t planes, const xi_shape *out)
{
    const xi_type *t = xi_infer_in(c, i);
    if (!t || t->shape.rank < 0 || out->rank < 0) return XINF_OK;
    if (t->shape.rank != out->rank)
        return xi_infer_fail(c, "input %d has not the data's rank", (int)i);
    for (int32_t d = 0; d < out->rank; d++) {
        int64_t want = d == 1 ? planes : out->dim[d];
        if (want >= 0 && t->shape.dim[d] >= 0 && t->shape.dim[d] != want)
            return xi_infer_fail(c, "dimension %d of input %d is %lld, not %lld", (int)d, (int)i,
                                 (long long)t->shape.dim[d], (long long)want);
    }
    return XINF_OK;
}

static xinf_status conv_deform_infer(xi_infer *c)
{
    xinf_status status;
    xi_shape out;
    const xi_shape *x = &c->in[0]->shape, *w = &c->in[1]->shape;
    int64_t groups = xi_node_int(c->node, "offset_group", 1), planes = -1;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    for (int32_t i = 1; i < c->input_count; i++) XI_TRY(xi_infer_same_dtype(c, 0, i));
    XI_TRY(conv_window(c, false, &out));
    XI_TRY(conv_bias(c, 3, out.rank >= 0 ? out.dim[1] : -1));
    if (groups < 1 || groups > INT32_MAX ||
        (x->rank >= 0 && x->dim[1] >= 0 && x->dim[1] % groups != 0))
        return xi_infer_fail(c, "offset_group %lld does not divide the channels",
                             (long long)groups);
    if (w->rank == 4 && w->dim[2] >= 0 && w->dim[3] >= 0 && w->dim[2] < INT32_MAX &&
        w->dim[3] < 65536 && groups < 65536)
        planes = groups * w->dim[2] * w->dim[3];
    if (out.rank >= 0 && out.rank != 4)
        return xi_infer_unsupported(c, "deformable convolution of rank %d", (int)out.rank);
    XI_TRY(conv_deform_part(c, 2, planes < 0 ? -1 : 2 * planes, &out));
    XI_TRY(conv_deform_part(c, 4, planes, &out));
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

#define CONV_ATTRS                                                            \
    {"auto_pad", XI_ATTR_STRING, false}, {"dilations", XI_ATTR_INTS, false},  \
        {"group", XI_ATTR_INT, false}, {"kernel_shape", XI_ATTR_INTS, false}, \
        {"pads", XI_ATTR_INTS, false},                                        \
    {                                                                         \
        "strides", XI_ATTR_INTS, false                                        \
    }

static const xi_attr_rule conv_attrs[] = {CONV_ATTRS, {NULL}};
static const xi_attr_rule conv_transpose_attrs[] = {CONV_ATTRS,
                                                    {"output_padding", XI_ATTR_INTS, false},
                                                    {"output_shape", XI_ATTR_INTS, false},
                                                    {NULL}};
static const xi_attr_rule conv_deform_attrs[] = {
    CONV_ATTRS, {"offset_group", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_conv[] = {
    {.name = "Conv",
     .min_inputs = 2,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = conv_attrs,
     .infer = conv_infer,
     .tolerance = 1e-5f},
    {.name = "ConvTranspose",
     .min_inputs = 2,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = conv_transpose_attrs,
     .infer = conv_transpose_infer,
     .tolerance = 1e-5f},
    {.name = "ConvInteger",
     .min_inputs = 2,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = conv_attrs,
     .infer = conv_integer_infer},
    {.name = "DeformConv",
     .min_inputs = 3,
     .max_inputs = 5,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = conv_deform_attrs,
     .infer = conv_deform_infer,
     .tolerance = 1e-5f},
    {0},
};

#undef CONV_ATTRS
