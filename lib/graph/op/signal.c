/* signal.c — DFT, STFT, MelWeightMatrix and the window functions. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_signal[];

enum { SIGNAL_LIMIT = 1 << 30 };

/* The one number in input i; *known tells whether it is there and known. */
static xinf_status signal_scalar(xi_infer *c, int32_t i, int64_t *value, bool *known)
{
    int64_t count;
    const xi_type *t = xi_infer_in(c, i);
    *known = false;
    if (!t) return XINF_OK;
    if (xi_shape_count(&t->shape, &count) && count != 1)
        return xi_infer_fail(c, "input %d has %lld elements, not one", (int)i, (long long)count);
    *known = xi_infer_ints(c, i, value, 1) == 1;
    return XINF_OK;
}

static xinf_status signal_real(xi_infer *c, const xi_shape *s, bool rank_two)
{
    int64_t parts = s->rank > 0 ? s->dim[s->rank - 1] : -1;
    if (s->rank >= 0 && s->rank < 2) return xi_infer_fail(c, "the input has rank %d", (int)s->rank);
    if (parts >= 0 && parts != 1 && parts != 2 && !rank_two)
        return xi_infer_fail(c, "the last axis has size %lld, not 1 or 2", (long long)parts);
    return XINF_OK;
}

/* Length of the transform from what is known; -1: not known. */
static xinf_status signal_length(xi_infer *c, int64_t along, bool back_to_real, int64_t *length)
{
    bool known;
    xinf_status status = signal_scalar(c, 1, length, &known);
    if (status) return status;
    if (!known)
        *length = xi_infer_in(c, 1) || along < 0 ? -1
                  : back_to_real                 ? (along > SIGNAL_LIMIT ? along : 2 * (along - 1))
                                                 : along;
    if (known || *length >= 0 || (!xi_infer_in(c, 1) && along >= 0))
        if (*length < 1 || *length > SIGNAL_LIMIT)
            return xi_infer_fail(c, "the transform has length %lld", (long long)*length);
    return XINF_OK;
}

static xinf_status signal_dft(xi_infer *c)
{
    xinf_status status;
    const xi_shape *x = &c->in[0]->shape;
    xi_shape out = *x;
    int64_t axis = -2, length;
    int32_t at;
    bool known, inverse = xi_node_int(c->node, "inverse", 0) != 0,
                onesided = xi_node_int(c->node, "onesided", 0) != 0;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    XI_TRY(xi_infer_among(c, 1, XI_DTYPES_INDEX));
    XI_TRY(xi_infer_among(c, 2, XI_DTYPE_BIT(XINF_INT64)));
    XI_TRY(signal_real(c, x, false));
    XI_TRY(signal_scalar(c, 2, &axis, &known));
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
    if (x->rank < 0) return XINF_OK;
    out.dim[out.rank - 1] = inverse && onesided ? 1 : 2;
    if (xi_infer_in(c, 2) && !known) {
        for (int32_t i = 0; i < out.rank - 1; i++) out.dim[i] = XI_DIM_UNKNOWN;
    } else {
        XI_TRY(xi_infer_axis(c, axis, x->rank, &at));
        if (at == x->rank - 1)
            return xi_infer_fail(c, "axis %lld is that of real and imaginary parts",
                                 (long long)axis);
        XI_TRY(signal_length(c, x->dim[at], inverse && onesided, &length));
        out.dim[at] = length < 0 ? -1 : onesided && !inverse ? length / 2 + 1 : length;
    }
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

static xinf_status signal_stft(xi_infer *c)
{
    xinf_status status;
    const xi_shape *x = &c->in[0]->shape;
    int64_t step = 0, frame = -1, window = -1, signal = x->rank > 1 ? x->dim[1] : -1;
    bool step_known, frame_known, onesided = xi_node_int(c->node, "onesided", 1) != 0;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    XI_TRY(xi_infer_same_dtype(c, 0, 2));
    XI_TRY(xi_infer_among(c, 1, XI_DTYPES_INDEX));
    XI_TRY(xi_infer_among(c, 3, XI_DTYPES_INDEX));
    if (x->rank >= 0 && x->rank != 2 && x->rank != 3)
        return xi_infer_fail(c, "the signal has rank %d", (int)x->rank);
    XI_TRY(signal_real(c, x, x->rank == 2));
    XI_TRY(signal_scalar(c, 1, &step, &step_known));
    XI_TRY(signal_scalar(c, 3, &frame, &frame_known));
    if (step_known && step < 1) return xi_infer_fail(c, "frame_step is %lld", (long long)step);
    if (xi_infer_in(c, 2) && c->in[2]->shape.rank >= 0) {
        if (c->in[2]->shape.rank != 1)
            return xi_infer_fail(c, "the window has rank %d", (int)c->in[2]->shape.rank);
        window = c->in[2]->shape.dim[0];
    }
    if (frame_known && window >= 0 && window != frame)
        return xi_infer_fail(c, "a window of %lld does not fit frames of %lld", (long long)window,
                             (long long)frame);
    if (!frame_known)
        frame = window >= 0 ? window : !xi_infer_in(c, 2) && !xi_infer_in(c, 3) ? signal : -1;
    if (frame_known || frame >= 0)
        if (frame < 1 || frame > SIGNAL_LIMIT)
            return xi_infer_fail(c, "frames have length %lld", (long long)frame);
    if (frame >= 0 && signal >= 0 && signal < frame)
        return xi_infer_fail(c, "a signal of %lld is shorter than a frame of %lld",
                             (long long)signal, (long long)frame);
    xi_shape out = {.rank = 4, .dim = {x->rank >= 0 ? x->dim[0] : -1, -1, -1, 2}};
    if (frame >= 0 && signal >= 0 && step_known) out.dim[1] = (signal - frame) / step + 1;
    if (frame >= 0) out.dim[2] = onesided ? frame / 2 + 1 : frame;
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

/* The attribute output_datatype. */
static xinf_status signal_output(xi_infer *c, xinf_dtype *out)
{
    int64_t wanted = xi_node_int(c->node, "output_datatype", XINF_FLOAT32);
    *out = (xinf_dtype)wanted;
    if (wanted < 1 || wanted >= XI_DTYPE_COUNT || !(XI_DTYPES_NUMBER & XI_DTYPE_BIT(wanted)))
        return xi_infer_fail(c, "output_datatype is %lld", (long long)wanted);
    return XINF_OK;
}

static xinf_status signal_window(xi_infer *c)
{
    xinf_status status;
    xinf_dtype dtype;
    int64_t size = -1;
    bool known;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_INDEX));
    XI_TRY(signal_output(c, &dtype));
    XI_TRY(signal_scalar(c, 0, &size, &known));
    if (known && size < 0) return xi_infer_fail(c, "size is %lld", (long long)size);
    xi_shape out = {.rank = 1, .dim = {known ? size : -1}};
    xi_infer_set(c, 0, dtype, &out);
cleanup:
    return status;
}

static xinf_status signal_mel(xi_infer *c)
{
    xinf_status status;
    xinf_dtype dtype;
    int64_t value[3] = {-1, -1, -1};
    bool known[3];
    for (int32_t i = 0; i < 5; i++)
        XI_TRY(xi_infer_among(c, i, i < 3 ? XI_DTYPES_INDEX : XI_DTYPES_FLOAT));
    XI_TRY(signal_output(c, &dtype));
    for (int32_t i = 0; i < 3; i++) {
        XI_TRY(signal_scalar(c, i, &value[i], &known[i]));
        if (known[i] && (value[i] < 1 || value[i] > SIGNAL_LIMIT))
            return xi_infer_fail(c, "input %d is %lld", (int)i, (long long)value[i]);
    }
    xi_shape out = {.rank = 2, .dim = {known[1] ? value[1] / 2 + 1 : -1, known[0] ? value[0] : -1}};
    xi_infer_set(c, 0, dtype, &out);
cleanup:
    return status;
}

static const xi_attr_rule signal_dft_attrs[] = {
    {"inverse", XI_ATTR_INT, false}, {"onesided", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule signal_stft_attrs[] = {{"onesided", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule signal_window_attrs[] = {
    {"output_datatype", XI_ATTR_INT, false}, {"periodic", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule signal_mel_attrs[] = {{"output_datatype", XI_ATTR_INT, false}, {NULL}};

#define SIGNAL(op, least, most, rules, rule, tol)                                                \
    {                                                                                            \
        .name = op, .min_inputs = least, .max_inputs = most, .min_outputs = 1, .max_outputs = 1, \
        .attrs = rules, .infer = rule, .tolerance = tol                                          \
    }

const xi_op xi_ops_signal[] = {
    SIGNAL("DFT", 1, 3, signal_dft_attrs, signal_dft, 1e-5f),
    SIGNAL("STFT", 2, 4, signal_stft_attrs, signal_stft, 1e-5f),
    SIGNAL("MelWeightMatrix", 5, 5, signal_mel_attrs, signal_mel, 1e-6f),
    SIGNAL("HannWindow", 1, 1, signal_window_attrs, signal_window, 1e-6f),
    SIGNAL("HammingWindow", 1, 1, signal_window_attrs, signal_window, 1e-6f),
    SIGNAL("BlackmanWindow", 1, 1, signal_window_attrs, signal_window, 1e-6f),
    {0},
};

#undef SIGNAL
