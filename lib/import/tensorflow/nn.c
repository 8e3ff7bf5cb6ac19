/* nn.c — convolutions, pools, normalisation and products. Images are turned to channels first; what
 * follows stays so. */
#include <math.h>

#include "import/tensorflow/importer.h"

enum { NN_MAX_SPATIAL = 3 };

/* What convolutions and pools say about their windows, spatial axes only. */
typedef struct nn_window {
    int32_t spatial;
    bool channels_first, same, given;
    int64_t strides[NN_MAX_SPATIAL], dilations[NN_MAX_SPATIAL], kernel[NN_MAX_SPATIAL],
        pads[2 * NN_MAX_SPATIAL];
} nn_window;

static void nn_spatial_ints(xi_tf_call *c, const nn_window *w, const char *name, int64_t *out)
{
    int64_t list[16];
    int32_t count = xi_tf_ints(c, name, list, 16), first = w->channels_first ? 2 : 1;
    for (int32_t i = 0; i < w->spatial; i++) out[i] = 1;
    if (count == w->spatial + 2)
        for (int32_t i = 0; i < w->spatial; i++) out[i] = list[first + i];
    else if (count > 0)
        xi_tf_fail(c, "attribute \"%s\" has %d entries", name, (int)count);
    for (int32_t i = 0; i < w->spatial; i++)
        if (out[i] < 1 || out[i] > INT32_MAX)
            xi_tf_fail(c, "attribute \"%s\" holds %lld", name, (long long)out[i]);
}

static void nn_window_read(xi_tf_call *c, nn_window *w, int32_t spatial)
{
    *w = (nn_window){.spatial = spatial};
    xi_str format = xi_tf_string(c, "data_format", spatial == 3 ? "NDHWC" : "NHWC"),
           padding = xi_tf_string(c, "padding", "VALID");
    w->channels_first = format.len > 1 && format.ptr[1] == 'C';
    nn_spatial_ints(c, w, "strides", w->strides);
    nn_spatial_ints(c, w, "dilations", w->dilations);
    nn_spatial_ints(c, w, "ksize", w->kernel);
    w->same = xi_str_is(padding, "SAME");
    w->given = xi_str_is(padding, "EXPLICIT");
    int64_t list[16];
    int32_t count = w->given ? xi_tf_ints(c, "explicit_paddings", list, 16) : 0,
            first = w->channels_first ? 2 : 1;
    if (w->given && count != 2 * (spatial + 2))
        xi_tf_fail(c, "it gives %d explicit paddings", (int)count);
    for (int32_t i = 0; w->given && i < spatial && !c->status; i++) {
        w->pads[i] = list[2 * (first + i)];
        w->pads[spatial + i] = list[2 * (first + i) + 1];
    }
}

static xi_value *nn_image(xi_tf_call *c, const nn_window *w, int32_t i)
{
    if (!w->channels_first) return xi_tf_turned(c, i, w->spatial + 2);
    xi_value *x = xi_tf_in(c, i);
    if (x && xi_tf_rank(x) < 0) {
        x->type.shape = (xi_shape){.rank = w->spatial + 2};
        for (int32_t k = 0; k < w->spatial + 2; k++) x->type.shape.dim[k] = XI_DIM_UNKNOWN;
    }
    return x;
}

static void nn_give_image(xi_tf_call *c, const nn_window *w, xi_value *v)
{
    if (w->channels_first)
        xi_tf_give(c, 0, v);
    else
        xi_tf_give_turned(c, 0, v);
}

static void nn_set_window(xi_tf_call *c, xi_node *n, const nn_window *w)
{
    if (!n) return;
    bool done = xi_node_set_ints(n, "strides", w->strides, w->spatial);
    if (w->same)
        xi_node_set_string(n, "auto_pad", XI_STR("SAME_UPPER"));
    else
        done = done && xi_node_set_ints(n, "pads", w->pads, 2 * w->spatial);
    if (!done) c->status = xi_tf_no_memory(c->im);
}

/* Spatial axes first, then channels in, channels out → out, in, spatial. */
static xi_value *nn_weights(xi_tf_call *c, xi_value *w, int32_t spatial)
{
    int64_t perm[NN_MAX_SPATIAL + 2] = {spatial + 1, spatial};
    for (int32_t i = 0; i < spatial; i++) perm[2 + i] = i;
    if (w && xi_tf_rank(w) != spatial + 2)
        xi_tf_fail(c, "its filter has rank %d", (int)xi_tf_rank(w));
    return w ? xi_tf_transpose(c, w, perm, spatial + 2) : NULL;
}

static xi_value *nn_conv(xi_tf_call *c, const nn_window *w, xi_value *x, xi_value *k, int64_t group)
{
    xi_node *n = x && k ? xi_tf_node(c, "Conv", 1, 4, (xi_value *[]){x, k}, 2) : NULL;
    nn_set_window(c, n, w);
    if (n && !xi_node_set_ints(n, "dilations", w->dilations, w->spatial))
        c->status = xi_tf_no_memory(c->im);
    if (n) xi_node_set_int(n, "group", group);
    return xi_tf_result(c, n, 0);
}

static void nn_op_conv(xi_tf_call *c)
{
    nn_window w;
    nn_window_read(c, &w, c->row->how);
    xi_value *x = nn_image(c, &w, 0), *k = xi_tf_in(c, 1);
    if (c->status || !x || !k) return;
    int64_t have = xi_tf_rank(x) > 1 ? x->type.shape.dim[1] : -1,
            takes = xi_tf_rank(k) == w.spatial + 2 ? k->type.shape.dim[w.spatial] : -1;
    int64_t group = have > 0 && takes > 0 && have % takes == 0 ? have / takes : 1;
    nn_give_image(c, &w, nn_conv(c, &w, x, nn_weights(c, k, w.spatial), group));
}

static void nn_op_depthwise(xi_tf_call *c)
{
    nn_window w;
    nn_window_read(c, &w, 2);
    xi_value *x = nn_image(c, &w, 0), *k = xi_tf_in(c, 1);
    if (c->status || !x || !k) return;
    if (xi_tf_rank(k) != 4 || k->type.shape.dim[2] < 1 || k->type.shape.dim[3] < 1) {
        xi_tf_refuse(c, "its filter's shape is not known");
        return;
    }
    const int64_t *d = k->type.shape.dim;
    if (d[2] > INT32_MAX || d[3] > INT32_MAX) xi_tf_fail(c, "its filter is too large");
    k = xi_tf_reshape(c, k, (int64_t[]){d[0], d[1], 1, d[2] * d[3]}, 4);
    nn_give_image(c, &w, nn_conv(c, &w, x, nn_weights(c, k, 2), d[2]));
}

/* The gradient of a convolution is a transposed one; what SAME cuts off follows from the size that
 * is asked for. */
static void nn_op_conv_transpose(xi_tf_call *c)
{
    nn_window w;
    int64_t sizes[NN_MAX_SPATIAL + 2], extra[NN_MAX_SPATIAL] = {0};
    nn_window_read(c, &w, c->row->how);
    xi_value *k = xi_tf_in(c, 1), *x = nn_image(c, &w, 2);
    if (c->status || !x || !k) return;
    int32_t count = xi_tf_known(xi_tf_in(c, 0), sizes, NN_MAX_SPATIAL + 2),
            first = count == w.spatial ? 0
                    : w.channels_first ? 2
                                       : 1;
    if (xi_tf_rank(k) != w.spatial + 2) xi_tf_fail(c, "its filter has rank %d", (int)xi_tf_rank(k));
    for (int32_t i = 0; i < w.spatial && !c->status; i++) {
        int64_t size = k->type.shape.dim[i], in = x->type.shape.dim[2 + i], s = w.strides[i],
                d = w.dilations[i];
        if (size < 1 || size > INT32_MAX) {
            xi_tf_refuse(c, "its filter's shape is not known");
            return;
        }
        size = (size - 1) * d + 1;
        bool known = count >= w.spatial && sizes[first + i] > 0 && sizes[first + i] < INT32_MAX;
        /* What the forward convolution gives for that size is what comes in. */
        if (known && in < 0)
            in = w.same                     ? (sizes[first + i] - 1) / s + 1
                 : sizes[first + i] >= size ? (sizes[first + i] - size) / s + 1
                                            : -1;
        known = known && in > 0 && in < INT32_MAX;
        int64_t full = known ? (in - 1) * s + size : size, want = known      ? sizes[first + i]
                                                                  : w.same   ? s
                                                                  : size > s ? size
                                                                             : s;
        int64_t total = w.same ? (full > want ? full - want : 0) : 0,
                begin = w.given ? w.pads[i] : total / 2, end = full - begin - want;
        extra[i] = end < 0 ? -end : 0;
        w.pads[i] = begin;
        w.pads[w.spatial + i] = end < 0 ? 0 : end;
    }
    w.same = false;
    int64_t have = x->type.shape.dim[1], takes = k->type.shape.dim[w.spatial + 1],
            group = have > 0 && takes > 0 && have % takes == 0 ? have / takes : 1;
    xi_node *n = xi_tf_node(c, "ConvTranspose", 1, 5,
                            (xi_value *[]){x, nn_weights(c, k, w.spatial)}, 2);
    nn_set_window(c, n, &w);
    if (n && (!xi_node_set_ints(n, "dilations", w.dilations, w.spatial) ||
              !xi_node_set_ints(n, "output_padding", extra, w.spatial)))
        c->status = xi_tf_no_memory(c->im);
    if (n) xi_node_set_int(n, "group", group);
    nn_give_image(c, &w, xi_tf_result(c, n, 0));
}

static void nn_op_pool(xi_tf_call *c)
{
    nn_window w;
    nn_window_read(c, &w, c->row->how);
    xi_value *x = nn_image(c, &w, 0);
    if (c->in_count > 1) { /* the second form gives its window as inputs */
        int64_t list[5];
        for (int32_t k = 0; k < 2; k++) {
            if (xi_tf_known(xi_tf_in(c, 1 + k), list, 5) != w.spatial + 2) {
                xi_tf_refuse(c, "its window is not known");
                return;
            }
            for (int32_t i = 0; i < w.spatial; i++)
                (k ? w.strides : w.kernel)[i] = list[(w.channels_first ? 2 : 1) + i];
        }
    }
    xi_node *n = x ? xi_tf_node(c, c->row->to, 1, 4, &x, 1) : NULL;
    nn_set_window(c, n, &w);
    if (n && !xi_node_set_ints(n, "kernel_shape", w.kernel, w.spatial))
        c->status = xi_tf_no_memory(c->im);
    nn_give_image(c, &w, xi_tf_result(c, n, 0));
}

/* ---- normalisation ---- */

/* A vector of channels as [C, 1, 1 …], which broadcasts with turned images. */
static xi_value *nn_channels(xi_tf_call *c, xi_value *v, int32_t rank)
{
    int64_t dims[XI_MAX_RANK];
    for (int32_t i = 0; i < rank - 1; i++) dims[i] = i ? 1 : -1;
    return v ? xi_tf_reshape(c, v, dims, rank - 1) : NULL;
}

static void nn_op_bias(xi_tf_call *c)
{
    xi_str format = xi_tf_string(c, "data_format", "NHWC");
    bool first = format.len > 1 && format.ptr[1] == 'C';
    xi_tf_value *in = c->in_count > 1 ? c->in[0] : NULL;
    bool turned = in && in->turned && !first &&
                  (!in->v || !in->turned->producer ||
                   !xi_node_is(in->turned->producer, "Transpose"));
    xi_value *x = turned ? in->turned : xi_tf_in(c, 0), *b = xi_tf_in(c, 1);
    int32_t rank = xi_tf_rank(x);
    if (x && b && (turned || (first && rank > 2))) b = nn_channels(c, b, rank);
    xi_value *y = x && b ? xi_tf_op2(c, "Add", x, b) : NULL;
    if (turned)
        xi_tf_give_turned(c, 0, y);
    else
        xi_tf_give(c, 0, y);
}

typedef struct nn_batch {
    xi_value *x, *scale, *offset, *mean, *variance;
    float epsilon;
} nn_batch;

/* Of a net that is still learning: mean and variance of this batch. */
static xi_value *nn_batch_moments(xi_tf_call *c, nn_batch *b)
{
    int64_t axes[XI_MAX_RANK];
    int32_t rank = xi_tf_rank(b->x), count = 0;
    for (int32_t i = 0; i < rank; i++)
        if (i != 1) axes[count++] = i;
    xi_value *list = xi_tf_const_ints(c, axes, count),
             *mean = xi_tf_reduce(c, "ReduceMean", b->x, list, true);
    xi_value *d = xi_tf_op2(c, "Sub", b->x, mean),
             *var = xi_tf_reduce(c, "ReduceMean", xi_tf_op2(c, "Mul", d, d), list, true);
    xi_value *norm = xi_tf_op2(
        c, "Div", d,
        xi_tf_op1(c, "Sqrt", xi_tf_op2(c, "Add", var, xi_tf_like(c, b->x, b->epsilon))));
    b->mean = mean ? xi_tf_reshape(c, mean, (int64_t[]){-1}, 1) : NULL;
    b->variance = var ? xi_tf_reshape(c, var, (int64_t[]){-1}, 1) : NULL;
    return xi_tf_op2(c, "Add", xi_tf_op2(c, "Mul", norm, nn_channels(c, b->scale, rank)),
                     nn_channels(c, b->offset, rank));
}

static xi_value *nn_batch_given(xi_tf_call *c, const nn_batch *b)
{
    xi_value *in[] = {b->x, b->scale, b->offset, b->mean, b->variance};
    for (int i = 0; i < 5; i++)
        if (!in[i]) return NULL;
    xi_node *n = xi_tf_node(c, "BatchNormalization", 1, 1, in, 5);
    if (n) xi_node_set_float(n, "epsilon", b->epsilon);
    return xi_tf_result(c, n, 0);
}

static void nn_op_batch_norm(xi_tf_call *c)
{
    xi_str format = xi_tf_string(c, "data_format", "NHWC");
    nn_window w = {.spatial = format.len == 5 ? 3 : 2,
                   .channels_first = format.len > 1 && format.ptr[1] == 'C'};
    bool old = c->row->how, learning = !old && xi_tf_bool(c, "is_training", true);
    nn_batch b = {.x = nn_image(c, &w, 0),
                  .epsilon = xi_tf_float(c, old ? "variance_epsilon" : "epsilon", 1e-4f)};
    b.scale = xi_tf_in(c, old ? 4 : 1);
    b.offset = xi_tf_in(c, old ? 3 : 2);
    b.mean = xi_tf_in(c, old ? 1 : 3);
    b.variance = xi_tf_in(c, old ? 2 : 4);
    if (old && !xi_tf_bool(c, "scale_after_normalization", true) && b.scale)
        b.scale = xi_tf_fill(c, xi_tf_shape_of(c, b.scale), XINF_FLOAT32, 1);
    xi_value *y = !b.x ? NULL : learning ? nn_batch_moments(c, &b) : nn_batch_given(c, &b);
    nn_give_image(c, &w, y);
    for (int32_t i = 1; i < 6 && !old && y; i++) xi_tf_give(c, i, i & 1 ? b.mean : b.variance);
}

static void nn_op_lrn(xi_tf_call *c)
{
    nn_window w = {.spatial = 2};
    int64_t size = 2 * xi_tf_int(c, "depth_radius", 5) + 1;
    xi_value *x = nn_image(c, &w, 0);
    xi_node *n = x ? xi_tf_node(c, "LRN", 1, 4, &x, 1) : NULL;
    if (n) {
        xi_node_set_int(n, "size", size);
        xi_node_set_float(n, "bias", xi_tf_float(c, "bias", 1));
        xi_node_set_float(n, "alpha", xi_tf_float(c, "alpha", 1) * (float)size);
        xi_node_set_float(n, "beta", xi_tf_float(c, "beta", 0.5f));
    }
    nn_give_image(c, &w, xi_tf_result(c, n, 0));
}

static void nn_op_softmax(xi_tf_call *c)
{
    xi_tf_value *in = c->in_count ? c->in[0] : NULL;
    bool turned = in && in->turned && !in->v;
    xi_value *x = turned ? in->turned : xi_tf_in(c, 0);
    xi_node *n = x ? xi_tf_node(c, c->row->to, 1, 1, &x, 1) : NULL;
    if (n) xi_node_set_int(n, "axis", turned ? 1 : -1);
    if (turned)
        xi_tf_give_turned(c, 0, xi_tf_result(c, n, 0));
    else
        xi_tf_give(c, 0, xi_tf_result(c, n, 0));
}

/* ---- products ---- */

static xi_value *nn_adjoint(xi_tf_call *c, xi_value *x, bool yes, int32_t fallback)
{
    int64_t perm[XI_MAX_RANK];
    int32_t rank = xi_tf_rank(x) < 0 ? fallback : xi_tf_rank(x);
    if (!x || !yes) return x;
    if (rank < 2) {
        xi_tf_refuse(c, "the rank of a transposed operand is not known");
        return NULL;
    }
    for (int32_t i = 0; i < rank; i++) perm[i] = i;
    perm[rank - 1] = rank - 2;
    perm[rank - 2] = rank - 1;
    return xi_tf_transpose(c, x, perm, rank);
}

static void nn_op_matmul(xi_tf_call *c)
{
    bool batch = c->row->how != 0;
    xi_value *a = nn_adjoint(c, xi_tf_in(c, 0),
                             xi_tf_bool(c, batch ? "adj_x" : "transpose_a", false), batch ? -1 : 2);
    xi_value *b = nn_adjoint(c, xi_tf_in(c, 1),
                             xi_tf_bool(c, batch ? "adj_y" : "transpose_b", false), batch ? -1 : 2);
    xi_tf_give(c, 0, a && b ? xi_tf_op2(c, "MatMul", a, b) : NULL);
}

static void nn_op_einsum(xi_tf_call *c)
{
    xi_value *in[8];
    if (c->in_count > 8 || c->in_count < 1) {
        xi_tf_refuse(c, "it has too many operands");
        return;
    }
    for (int32_t i = 0; i < c->in_count; i++)
        if (!(in[i] = xi_tf_in(c, i))) return;
    xi_node *n = xi_tf_node(c, "Einsum", 1, 1, in, c->in_count);
    if (n) xi_node_set_string(n, "equation", xi_tf_string(c, "equation", ""));
    xi_tf_give(c, 0, xi_tf_result(c, n, 0));
}

/* Each window's pixels side by side: a convolution whose filters pick one pixel of one channel
 * each. */
static void nn_op_patches(xi_tf_call *c)
{
    nn_window w = {.spatial = 2, .same = xi_str_is(xi_tf_string(c, "padding", "VALID"), "SAME")};
    nn_spatial_ints(c, &w, "ksizes", w.kernel);
    nn_spatial_ints(c, &w, "strides", w.strides);
    nn_spatial_ints(c, &w, "rates", w.dilations);
    xi_value *x = nn_image(c, &w, 0);
    int64_t channels = x ? x->type.shape.dim[1] : -1, area = w.kernel[0] * w.kernel[1];
    if (!x || channels < 1 || channels > 1024 || w.kernel[0] > 1024 || w.kernel[1] > 1024 ||
        area * area * channels > (1 << 22) / channels) {
        xi_tf_refuse(c, "its number of channels is not known, or its windows are too large");
        return;
    }
    int64_t outs = area * channels;
    float *k = xi_arena_array(&c->im->family->arena, (size_t)(outs * outs), sizeof *k);
    for (int64_t o = 0; k && o < outs; o++) k[o * outs + (o % channels) * area + o / channels] = 1;
    xi_shape shape = {.rank = 4, .dim = {outs, channels, w.kernel[0], w.kernel[1]}};
    xi_literal *l = k ? xi_graph_literal(c->scope->graph, XINF_FLOAT32, &shape, k) : NULL;
    xi_value *filter = l ? xi_graph_add_constant(c->scope->graph, XI_STR(""), l) : NULL;
    if (!filter) c->status = xi_tf_no_memory(c->im);
    nn_give_image(c, &w, filter ? nn_conv(c, &w, x, filter, 1) : NULL);
}

/* The largest of pixel plus filter over a window: as many shifted images as the window has places.
 */
static void nn_op_dilation(xi_tf_call *c)
{
    nn_window w = {.spatial = 2, .same = xi_str_is(xi_tf_string(c, "padding", "VALID"), "SAME")};
    int64_t outs[2], pads[8] = {0};
    nn_spatial_ints(c, &w, "strides", w.strides);
    nn_spatial_ints(c, &w, "rates", w.dilations);
    xi_value *x = nn_image(c, &w, 0), *k = xi_tf_in(c, 1), *y = NULL;
    const int64_t *in = x ? x->type.shape.dim + 2 : NULL,
                  *size = xi_tf_rank(k) == 3 ? k->type.shape.dim : NULL;
    if (!in || !size || in[0] < 1 || in[1] < 1 || size[0] < 1 || size[1] < 1 || size[0] > 16 ||
        size[1] > 16) {
        xi_tf_refuse(c, "its sizes are not known, or its filter is too large");
        return;
    }
    for (int i = 0; i < 2; i++) {
        int64_t wide = (size[i] - 1) * w.dilations[i] + 1;
        outs[i] = w.same ? (in[i] - 1) / w.strides[i] + 1 : (in[i] - wide) / w.strides[i] + 1;
        int64_t total = w.same ? (outs[i] - 1) * w.strides[i] + wide - in[i] : 0;
        pads[2 + i] = total > 0 ? total / 2 : 0;
        pads[6 + i] = total > 0 ? total - total / 2 : 0;
    }
    x = xi_tf_op3(c, "Pad", x, xi_tf_const_ints(c, pads, 8),
                  xi_tf_like(c, x, -3.4028234663852886e38));
    for (int64_t i = 0; i < size[0] * size[1] && x; i++) {
        int64_t at[2] = {i / size[1] * w.dilations[0], i % size[1] * w.dilations[1]};
        int64_t end[2] = {at[0] + (outs[0] - 1) * w.strides[0] + 1,
                          at[1] + (outs[1] - 1) * w.strides[1] + 1};
        xi_value *part[] = {x, xi_tf_const_ints(c, at, 2), xi_tf_const_ints(c, end, 2),
                            xi_tf_const_ints(c, (int64_t[]){2, 3}, 2),
                            xi_tf_const_ints(c, w.strides, 2)};
        xi_value *cut = xi_tf_result(c, xi_tf_node(c, "Slice", 1, 0, part, 5), 0);
        xi_value *f = xi_tf_gather(c, xi_tf_gather(c, k, xi_tf_const_int(c, i / size[1]), 0),
                                   xi_tf_const_int(c, i % size[1]), 0);
        xi_value *sum = xi_tf_op2(c, "Add", cut, nn_channels(c, f, 4));
        y = y ? xi_tf_op2(c, "Max", y, sum) : sum;
    }
    nn_give_image(c, &w, y);
}

/* Rounded to the steps of an integer of few bits, with the range moved so that zero is one of them.
 */
static void nn_op_fake_quant(xi_tf_call *c)
{
    double low = xi_tf_float(c, "min", -6), high = xi_tf_float(c, "max", 6);
    int64_t bits = xi_tf_int(c, "num_bits", 8);
    xi_value *x = xi_tf_in(c, 0);
    if (!x || bits < 2 || bits > 16 ||
        (c->row->how &&
         (!xi_tf_known_float(xi_tf_in(c, 1), &low) || !xi_tf_known_float(xi_tf_in(c, 2), &high))) ||
        !(high > low)) {
        xi_tf_refuse(c, "its range is not known");
        return;
    }
    float first = xi_tf_bool(c, "narrow_range", false) ? 1 : 0, last = (float)((1 << bits) - 1);
    float scale = ((float)high - (float)low) / (last - first), zero = first - (float)low / scale;
    zero = zero < first ? first : zero > last ? last : floorf(zero + 0.5f);
    float from = (first - zero) * scale, to = (last - zero) * scale;
    xi_value *y = xi_tf_op3(c, "Clip", x, xi_tf_like(c, x, from), xi_tf_like(c, x, to));
    y = xi_tf_op2(c, "Mul", xi_tf_op2(c, "Sub", y, xi_tf_like(c, x, from)),
                  xi_tf_like(c, x, 1 / scale));
    y = xi_tf_op1(c, "Floor", xi_tf_op2(c, "Add", y, xi_tf_like(c, x, 0.5)));
    xi_tf_give(c, 0,
               xi_tf_op2(c, "Add", xi_tf_op2(c, "Mul", y, xi_tf_like(c, x, scale)),
                         xi_tf_like(c, x, from)));
}

static void nn_op_l2_loss(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0);
    xi_tf_give(c, 0,
               x ? xi_tf_op2(c, "Mul", xi_tf_reduce(c, "ReduceSumSquare", x, NULL, false),
                             xi_tf_like(c, x, 0.5))
                 : NULL);
}

/* All steps of one layer: x [time, batch, in], gates in the order i, c, f, o with one matrix over
 * input and state side by side. */
static void nn_op_block_lstm(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 1), *cell = xi_tf_in(c, 2), *h = xi_tf_in(c, 3), *w = xi_tf_in(c, 4),
             *b = xi_tf_in(c, 8);
    static const int from[4] = {0, 3, 2, 1}; /* i, o, f, c */
    xi_value *gates_w[4], *gates_r[4], *gates_b[4];
    bool second = c->row->how != 0;
    float forget = second ? 0 : xi_tf_float(c, "forget_bias", 1),
          clip = xi_tf_float(c, "cell_clip", second ? 0.0f : 3.0f);
    int64_t units = xi_tf_rank(w) == 2 && w->type.shape.dim[1] > 0 ? w->type.shape.dim[1] / 4 : 0,
            inputs = units ? w->type.shape.dim[0] - units : 0;
    if (!x || !cell || !h || !b || units < 1 || inputs < 1 || clip > 0 ||
        xi_tf_bool(c, "use_peephole", false)) {
        xi_tf_refuse(c, "peepholes, cell clipping or weights of unknown shape");
        return;
    }
    xi_value *wt = xi_tf_transpose(c, w, (int64_t[]){1, 0}, 2);
    for (int i = 0; i < 4; i++) {
        int64_t at = second && from[i] == 1 ? 2 : second && from[i] == 2 ? 1 : from[i];
        xi_value *rows = xi_tf_slice(c, wt, 0, at * units, (at + 1) * units);
        gates_w[i] = xi_tf_slice(c, rows, 1, 0, inputs);
        gates_r[i] = xi_tf_slice(c, rows, 1, inputs, inputs + units);
        gates_b[i] = xi_tf_slice(c, b, 0, at * units, (at + 1) * units);
        if (from[i] == 2 && forget != 0)
            gates_b[i] = xi_tf_op2(c, "Add", gates_b[i], xi_tf_like(c, b, forget));
    }
    int64_t zeros = 4 * units;
    xi_value *bias = xi_tf_concat(
        c,
        (xi_value *[]){xi_tf_concat(c, gates_b, 4, 0),
                       xi_tf_fill(c, xi_tf_const_ints(c, &zeros, 1), XINF_FLOAT32, 0)},
        2, 0);
    xi_value *in[] = {x,
                      xi_tf_unsqueeze(c, xi_tf_concat(c, gates_w, 4, 0), 0),
                      xi_tf_unsqueeze(c, xi_tf_concat(c, gates_r, 4, 0), 0),
                      xi_tf_unsqueeze(c, bias, 0),
                      NULL,
                      xi_tf_unsqueeze(c, h, 0),
                      xi_tf_unsqueeze(c, cell, 0)};
    xi_node *n = xi_tf_node(c, "LSTM", 1, 1, in, 7);
    if (n) xi_node_set_int(n, "hidden_size", units);
    xi_value *y = xi_tf_result(c, n, 0);
    xi_tf_give(c, 6, y ? xi_tf_squeeze(c, y, 1) : NULL);
}

const xi_tf_row xi_tf_nn[] = {
    {"Conv2D", nn_op_conv, NULL, 2},
    {"Conv3D", nn_op_conv, NULL, 3},
    {"DepthwiseConv2dNative", nn_op_depthwise, NULL, 0},
    {"Conv2DBackpropInput", nn_op_conv_transpose, NULL, 2},
    {"Conv3DBackpropInputV2", nn_op_conv_transpose, NULL, 3},
    {"Conv3DBackpropInput", nn_op_conv_transpose, NULL, 3},
    {"MaxPool", nn_op_pool, "MaxPool", 2},
    {"MaxPoolV2", nn_op_pool, "MaxPool", 2},
    {"AvgPool", nn_op_pool, "AveragePool", 2},
    {"MaxPool3D", nn_op_pool, "MaxPool", 3},
    {"AvgPool3D", nn_op_pool, "AveragePool", 3},
    {"BiasAdd", nn_op_bias, NULL, 0},
    {"BiasAddV1", nn_op_bias, NULL, 0},
    {"FusedBatchNorm", nn_op_batch_norm, NULL, 0},
    {"FusedBatchNormV2", nn_op_batch_norm, NULL, 0},
    {"FusedBatchNormV3", nn_op_batch_norm, NULL, 0},
    {"BatchNormWithGlobalNormalization", nn_op_batch_norm, NULL, 1},
    {"LRN", nn_op_lrn, NULL, 0},
    {"Softmax", nn_op_softmax, "Softmax", 0},
    {"LogSoftmax", nn_op_softmax, "LogSoftmax", 0},
    {"MatMul", nn_op_matmul, NULL, 0},
    {"BatchMatMul", nn_op_matmul, NULL, 1},
    {"BatchMatMulV2", nn_op_matmul, NULL, 1},
    {"BatchMatMulV3", nn_op_matmul, NULL, 1},
    {"Einsum", nn_op_einsum, NULL, 0},
    {"ExtractImagePatches", nn_op_patches, NULL, 0},
    {"Dilation2D", nn_op_dilation, NULL, 0},
    {"FakeQuantWithMinMaxArgs", nn_op_fake_quant, NULL, 0},
    {"FakeQuantWithMinMaxVars", nn_op_fake_quant, NULL, 1},
    {"L2Loss", nn_op_l2_loss, NULL, 0},
    {"BlockLSTM", nn_op_block_lstm, NULL, 0},
    {"BlockLSTMV2", nn_op_block_lstm, NULL, 1},
    {NULL, NULL, NULL, 0},
};
