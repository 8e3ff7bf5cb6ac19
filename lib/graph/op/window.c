/* window.c — sliding windows of convolutions and pools. */
#include "graph/op/window.h"

static const int64_t window_limit = INT64_C(1) << 31;

static xinf_status window_fail(const xi_node *n, xinf_error *err, const char *what)
{
    return xi_fail(err, XINF_MALFORMED, "node %.*s (%.*s): %s", XI_STR_ARG(xi_node_label(n)),
                   XI_STR_ARG(n->op_name), what);
}

/* A list attribute of `count` entries, each in low … 2^31, into dst; left alone when absent. */
static xinf_status window_list(const xi_node *n, const char *name, int32_t count, int64_t low,
                               int64_t *dst, xinf_error *err)
{
    const int64_t *list;
    int32_t have = xi_node_ints(n, name, &list);
    if (have == 0) return XINF_OK;
    if (have != count)
        return xi_fail(err, XINF_MALFORMED, "node %.*s (%.*s): %s has %d entries, not %d",
                       XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name), name, (int)have,
                       (int)count);
    for (int32_t i = 0; i < count; i++) {
        if (list[i] < low || list[i] > window_limit)
            return xi_fail(err, XINF_MALFORMED, "node %.*s (%.*s): %s has the entry %lld",
                           XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name), name,
                           (long long)list[i]);
        dst[i] = list[i];
    }
    return XINF_OK;
}

static xinf_status window_read(xi_window *w, const xi_node *n, const xi_shape *x,
                               const int64_t *kernel, xinf_error *err)
{
    xinf_status status;
    const int64_t *list;
    int64_t pads[2 * XI_WINDOW_RANK] = {0};
    w->rank = x->rank - 2;
    if (w->rank < 1 || w->rank > XI_WINDOW_RANK)
        return window_fail(n, err, "the input needs a batch, a channel and a spatial axis");
    for (int32_t i = 0; i < w->rank; i++) {
        w->in[i] = x->dim[i + 2];
        w->kernel[i] = kernel ? kernel[i] : -1;
        w->stride[i] = w->dilation[i] = 1;
        w->out[i] = -1;
    }
    int64_t shape[XI_WINDOW_RANK];
    memcpy(shape, w->kernel, sizeof shape);
    if (!kernel && xi_node_ints(n, "kernel_shape", &list) == 0)
        return window_fail(n, err, "kernel_shape is missing");
    XI_TRY(window_list(n, "kernel_shape", w->rank, 1, shape, err));
    for (int32_t i = 0; i < w->rank; i++) {
        if (w->kernel[i] >= 0 && shape[i] != w->kernel[i])
            return window_fail(n, err, "kernel_shape is not that of the weight");
        w->kernel[i] = shape[i];
        if (w->kernel[i] == 0 || w->kernel[i] > window_limit)
            return window_fail(n, err, "a kernel size is out of range");
    }
    int64_t plane = 1;
    for (int32_t i = 0; i < w->rank; i++)
        if (w->kernel[i] > 0 && (plane *= w->kernel[i]) > window_limit)
            return window_fail(n, err, "the kernel is too large");
    XI_TRY(window_list(n, "strides", w->rank, 1, w->stride, err));
    XI_TRY(window_list(n, "dilations", w->rank, 1, w->dilation, err));
    XI_TRY(window_list(n, "pads", 2 * w->rank, 0, pads, err));
    for (int32_t i = 0; i < w->rank; i++) {
        w->begin[i] = pads[i];
        w->end[i] = pads[w->rank + i];
        if (w->kernel[i] > 0 && w->in[i] > INT64_MAX / 4)
            return window_fail(n, err, "a size is out of range");
    }
cleanup:
    return status;
}

/* 0: pads as given, 1: none, 2: the odd one at the end, 3: the odd one at the beginning. */
static xinf_status window_auto(const xi_node *n, int32_t *mode, xinf_error *err)
{
    xi_str s = xi_node_string(n, "auto_pad", "NOTSET");
    *mode = xi_str_is(s, "NOTSET") || s.len == 0 ? 0
            : xi_str_is(s, "VALID")              ? 1
            : xi_str_is(s, "SAME_UPPER")         ? 2
                                                 : 3;
    if (*mode == 3 && !xi_str_is(s, "SAME_LOWER"))
        return window_fail(n, err, "auto_pad is not known");
    return XINF_OK;
}

static void window_split(xi_window *w, int32_t i, int64_t total, bool odd_at_end)
{
    int64_t half = total / 2;
    w->begin[i] = odd_at_end ? half : total - half;
    w->end[i] = total - w->begin[i];
}

xinf_status xi_window_resolve(xi_window *w, const xi_node *n, const xi_shape *x,
                              const int64_t *kernel, xinf_error *err)
{
    xinf_status status;
    int32_t mode;
    bool ceil_mode = xi_node_int(n, "ceil_mode", 0) != 0;
    XI_TRY(window_read(w, n, x, kernel, err));
    XI_TRY(window_auto(n, &mode, err));
    for (int32_t i = 0; i < w->rank; i++) {
        int64_t in = w->in[i], stride = w->stride[i];
        if (in < 0 || w->kernel[i] < 0) continue;
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        if (mode >= 2) {
            w->out[i] = (in + stride - 1) / stride;
            int64_t total = in == 0 ? 0 : (w->out[i] - 1) * stride + reach - in;
            window_split(w, i, total < 0 ? 0 : total, mode == 2);
            continue;
        }
        if (mode == 1) w->begin[i] = w->end[i] = 0;
        int64_t room = in + w->begin[i] + w->end[i] - reach;
        if (room < 0) {
            if (in > 0) return window_fail(n, err, "the window is larger than the padded input");
            w->out[i] = 0;
            continue;
        }
        w->out[i] = room / stride + 1;
        /* A last, partial window counts when it begins inside the input or its left padding. */
        if (ceil_mode && room % stride != 0 && w->out[i] * stride < in + w->begin[i]) w->out[i]++;
    }
cleanup:
    return status;
}

xinf_status xi_window_resolve_transposed(xi_window *w, const xi_node *n, const xi_shape *x,
                                         const int64_t *kernel, xinf_error *err)
{
    xinf_status status;
    int32_t mode, wanted;
    const int64_t *list;
    int64_t extra[XI_WINDOW_RANK] = {0}, sizes[XI_WINDOW_RANK] = {0};
    XI_TRY(window_read(w, n, x, kernel, err));
    XI_TRY(window_auto(n, &mode, err));
    XI_TRY(window_list(n, "output_padding", w->rank, 0, extra, err));
    wanted = xi_node_ints(n, "output_shape", &list);
    if (wanted == w->rank + 2) { /* with batch and channels before it, as some exporters write it */
        for (int32_t i = 0; i < w->rank; i++) sizes[i] = list[i + 2];
    } else {
        XI_TRY(window_list(n, "output_shape", w->rank, 0, sizes, err));
    }
    for (int32_t i = 0; i < w->rank; i++) {
        if (wanted && (sizes[i] < 0 || sizes[i] > window_limit))
            return window_fail(n, err, "output_shape is out of range");
        if (extra[i] >= w->stride[i] && extra[i] >= w->dilation[i])
            return window_fail(n, err, "output_padding is too large");
        if (w->in[i] < 0 || w->kernel[i] < 0) {
            if (wanted) w->out[i] = sizes[i];
            continue;
        }
        if (w->in[i] > window_limit) return window_fail(n, err, "a size is out of range");
        int64_t full = w->in[i] == 0 ? 0
                                     : (w->in[i] - 1) * w->stride[i] +
                                           (w->kernel[i] - 1) * w->dilation[i] + 1 + extra[i];
        if (wanted || mode >= 2) {
            w->out[i] = wanted ? sizes[i] : w->in[i] * w->stride[i];
            int64_t total = full - w->out[i];
            window_split(w, i, total < 0 ? 0 : total, mode == 2);
            continue;
        }
        if (mode == 1) w->begin[i] = w->end[i] = 0;
        w->out[i] = full - w->begin[i] - w->end[i];
        if (w->out[i] < 0) return window_fail(n, err, "the pads are larger than the output");
    }
cleanup:
    return status;
}
