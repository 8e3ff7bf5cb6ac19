/* image.c — resizing, cutting out, boxes. */
#include <math.h>

#include "import/tensorflow/importer.h"

typedef struct image_resize {
    const char *mode, *coordinates, *nearest;
    float cubic;
    bool outside;
} image_resize;

static xi_value *image_resize_to(xi_tf_call *c, xi_value *x, xi_value *sizes, const image_resize *r)
{
    xi_node *n = x && sizes ? xi_tf_node(c, "Resize", 1, 6, (xi_value *[]){x, NULL, NULL, sizes}, 4)
                            : NULL;
    if (!n) return NULL;
    xi_node_set_string(n, "mode", xi_str_of(r->mode));
    xi_node_set_string(n, "coordinate_transformation_mode", xi_str_of(r->coordinates));
    if (r->nearest) xi_node_set_string(n, "nearest_mode", xi_str_of(r->nearest));
    if (r->cubic != 0) xi_node_set_float(n, "cubic_coeff_a", r->cubic);
    if (r->outside) xi_node_set_int(n, "exclude_outside", 1);
    if (!xi_node_set_ints(n, "axes", (int64_t[]){2, 3}, 2)) c->status = xi_tf_no_memory(c->im);
    return xi_tf_result(c, n, 0);
}

/* TensorFlow's cubic filter works with 1024 steps between two pixels; a matrix of its shares on
 * either side of the image. */
static xi_value *image_cubic(xi_tf_call *c, int64_t in, int64_t out, bool across, bool corners,
                             bool half)
{
    if (in < 1 || out < 1 || in > 16384 || out > 16384 || in * out > 1 << 22) return NULL;
    float *m = xi_arena_array(&c->im->family->arena, (size_t)(in * out), sizeof *m);
    float scale = corners && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
    double a = half ? -0.5 : -0.75;
    if (!m) return NULL;
    for (int64_t o = 0; o < out; o++) {
        float at = half ? ((float)o + 0.5f) * scale - 0.5f : (float)o * scale, low = floorf(at);
        double step = (double)lrintf((at - low) * 1024) / 1024, sum = 0, share[4];
        for (int k = 0; k < 4; k++) {
            double d = k == 0 ? 1 + step : k == 1 ? step : k == 2 ? 1 - step : 2 - step;
            int64_t i = (int64_t)low - 1 + k;
            share[k] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1
                              : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
            if (half && (i < 0 || i >= in)) share[k] = 0;
            sum += share[k];
        }
        for (int k = 0; k < 4; k++) {
            int64_t i = (int64_t)low - 1 + k;
            i = i < 0 ? 0 : i >= in ? in - 1 : i;
            m[across ? i * out + o : o * in + i] += (float)(half && sum != 0 ? share[k] / sum
                                                                             : share[k]);
        }
    }
    xi_shape shape = {.rank = 2, .dim = {across ? in : out, across ? out : in}};
    xi_literal *l = xi_graph_literal(c->scope->graph, XINF_FLOAT32, &shape, m);
    return l ? xi_graph_add_constant(c->scope->graph, XI_STR(""), l) : NULL;
}

static void image_op_resize(xi_tf_call *c)
{
    bool corners = xi_tf_bool(c, "align_corners", false),
         half = xi_tf_bool(c, "half_pixel_centers", false);
    image_resize r = {.mode = c->row->to,
                      .coordinates = corners ? "align_corners"
                                     : half  ? "half_pixel"
                                             : "asymmetric"};
    xi_value *x = xi_tf_turned(c, 0, 4), *sizes = xi_tf_vector(c, xi_tf_in(c, 1));
    if (c->row->how == 0) r.nearest = corners || half ? "round_prefer_ceil" : "floor";
    if (c->row->how == 2) {
        r.cubic = half ? -0.5f : -0.75f;
        r.outside = half;
    }
    if (c->row->how) x = xi_tf_cast(c, x, XINF_FLOAT32);
    int64_t size[2];
    if (x && c->row->how == 2 && xi_tf_known(sizes, size, 2) == 2) {
        xi_value *down = image_cubic(c, x->type.shape.dim[2], size[0], false, corners, half);
        xi_value *across = down ? image_cubic(c, x->type.shape.dim[3], size[1], true, corners, half)
                                : NULL;
        if (across) {
            xi_tf_give_turned(c, 0,
                              xi_tf_op2(c, "MatMul", xi_tf_op2(c, "MatMul", down, x), across));
            return;
        }
    }
    xi_tf_give_turned(c, 0, image_resize_to(c, x, sizes, &r));
}

/* Each output pixel is the mean of the input area it covers: a product with a matrix of shares on
 * either side. */
static xi_value *image_shares(xi_tf_call *c, int64_t in, int64_t out, bool across)
{
    if (in < 1 || out < 1 || in > 16384 || out > 16384 || in * out > 1 << 22) return NULL;
    float *m = xi_arena_array(&c->im->family->arena, (size_t)(in * out), sizeof *m);
    if (!m) return NULL;
    double scale = (double)in / (double)out;
    for (int64_t o = 0; o < out; o++) {
        double from = (double)o * scale, to = (double)(o + 1) * scale;
        for (int64_t i = 0; i < in; i++) {
            double low = from > (double)i ? from : (double)i,
                   high = to < (double)(i + 1) ? to : (double)(i + 1);
            float share = high > low ? (float)((high - low) / scale) : 0;
            m[across ? i * out + o : o * in + i] = share;
        }
    }
    xi_shape shape = {.rank = 2, .dim = {across ? in : out, across ? out : in}};
    xi_literal *l = xi_graph_literal(c->scope->graph, XINF_FLOAT32, &shape, m);
    return l ? xi_graph_add_constant(c->scope->graph, XI_STR(""), l) : NULL;
}

/* Resized, padded and convolved in one. */
static void image_op_resize_conv(xi_tf_call *c)
{
    int64_t list[8], pads[8] = {0}, strides[4] = {1, 1, 1, 1};
    bool corners = xi_tf_bool(c, "resize_align_corners", false), padded = false,
         resized = c->row->how;
    image_resize r = {.mode = "linear", .coordinates = corners ? "align_corners" : "asymmetric"};
    xi_value *x = xi_tf_turned(c, 0, 4), *k = xi_tf_in(c, resized ? 3 : 2);
    if (!x || !k || xi_tf_rank(k) != 4 || xi_tf_known(xi_tf_in(c, resized ? 2 : 1), list, 8) != 8 ||
        xi_tf_ints(c, "strides", strides, 4) != 4) {
        xi_tf_refuse(c, "its paddings or filter are not known");
        return;
    }
    if (resized) x = image_resize_to(c, x, xi_tf_vector(c, xi_tf_in(c, 1)), &r);
    for (int32_t i = 0; i < 4; i++) {
        int32_t at = i == 0 ? 0 : i == 3 ? 1 : i + 1;
        pads[at] = list[2 * i];
        pads[4 + at] = list[2 * i + 1];
        padded = padded || list[2 * i] || list[2 * i + 1];
    }
    bool symmetric = xi_str_is(xi_tf_string(c, "mode", "REFLECT"), "SYMMETRIC");
    if (padded && symmetric) {
        xi_tf_refuse(c, "symmetric padding before a convolution");
        return;
    }
    if (padded) {
        xi_node *p = xi_tf_node(c, "Pad", 1, 1, (xi_value *[]){x, xi_tf_const_ints(c, pads, 8)}, 2);
        if (p) xi_node_set_string(p, "mode", XI_STR("reflect"));
        x = xi_tf_result(c, p, 0);
    }
    k = xi_tf_transpose(c, k, (int64_t[]){3, 2, 0, 1}, 4);
    xi_node *n = x && k ? xi_tf_node(c, "Conv", 1, 2, (xi_value *[]){x, k}, 2) : NULL;
    if (n && xi_str_is(xi_tf_string(c, "padding", "VALID"), "SAME"))
        xi_node_set_string(n, "auto_pad", XI_STR("SAME_UPPER"));
    if (n && !xi_node_set_ints(n, "strides", strides + 1, 2)) c->status = xi_tf_no_memory(c->im);
    xi_tf_give_turned(c, 0, xi_tf_result(c, n, 0));
}

static void image_op_area(xi_tf_call *c)
{
    int64_t size[2];
    xi_value *x = xi_tf_cast(c, xi_tf_turned(c, 0, 4), XINF_FLOAT32);
    if (!x || xi_tf_known(xi_tf_in(c, 1), size, 2) != 2 || x->type.shape.dim[2] < 1 ||
        x->type.shape.dim[3] < 1) {
        xi_tf_refuse(c, "its sizes are not known");
        return;
    }
    xi_value *down = image_shares(c, x->type.shape.dim[2], size[0], false),
             *across = image_shares(c, x->type.shape.dim[3], size[1], true);
    xi_tf_give_turned(
        c, 0,
        down && across ? xi_tf_op2(c, "MatMul", xi_tf_op2(c, "MatMul", down, x), across) : NULL);
}

/* Places along one side of each box, as shares of the image: [boxes, points]. */
static xi_value *image_places(xi_tf_call *c, xi_value *boxes, int a, int64_t points)
{
    float ramp[4096];
    for (int64_t i = 0; i < points; i++)
        ramp[i] = points > 1 ? (float)i / (float)(points - 1) : 0.5f;
    xi_shape shape = {.rank = 2, .dim = {1, points}};
    xi_literal *l = xi_graph_literal(c->scope->graph, XINF_FLOAT32, &shape, ramp);
    xi_value *r = l ? xi_graph_add_constant(c->scope->graph, XI_STR(""), l) : NULL;
    xi_value *low = xi_tf_slice(c, boxes, 1, a, a + 1),
             *high = xi_tf_slice(c, boxes, 1, 2 + a, 3 + a);
    if (!r) c->status = xi_tf_no_memory(c->im);
    return xi_tf_op2(c, "Add", low, xi_tf_op2(c, "Mul", xi_tf_op2(c, "Sub", high, low), r));
}

static xi_value *image_inside(xi_tf_call *c, xi_value *at)
{
    xi_value *below = xi_tf_op2(c, "Less", at, xi_tf_scalar(c, XINF_FLOAT32, 0)),
             *above = xi_tf_op2(c, "Greater", at, xi_tf_scalar(c, XINF_FLOAT32, 1));
    return xi_tf_op1(c, "Not", xi_tf_op2(c, "Or", below, above));
}

/* Samples on a grid of points over each box, from its first to its last; outside the image stands a
 * fixed value. */
static void image_op_crop(xi_tf_call *c)
{
    int64_t size[2];
    xi_value *x = xi_tf_turned(c, 0, 4), *boxes = xi_tf_in(c, 1),
             *batch = xi_tf_i64(c, xi_tf_in(c, 2)), *grid[2];
    bool nearest = xi_str_is(xi_tf_string(c, "method", "bilinear"), "nearest");
    if (!x || !boxes || !batch || xi_tf_known(xi_tf_in(c, 3), size, 2) != 2 || size[0] < 1 ||
        size[1] < 1 || size[0] > 4096 || size[1] > 4096) {
        xi_tf_refuse(c, "its crop size is not known or too large");
        return;
    }
    x = xi_tf_gather(c, xi_tf_cast(c, x, XINF_FLOAT32), batch, 0);
    xi_value *y = xi_tf_unsqueeze(c, image_places(c, boxes, 0, size[0]), 2),
             *z = xi_tf_unsqueeze(c, image_places(c, boxes, 1, size[1]), 1);
    xi_value *both = xi_tf_op2(c, "And", image_inside(c, y), image_inside(c, z));
    xi_value *count = xi_tf_slice(c, xi_tf_shape_of(c, boxes), 0, 0, 1);
    xi_value *dims = xi_tf_concat(c, (xi_value *[]){count, xi_tf_const_ints(c, size, 2)}, 2, 0),
             *two = xi_tf_scalar(c, XINF_FLOAT32, 2), *one = xi_tf_scalar(c, XINF_FLOAT32, 1);
    grid[0] = xi_tf_unsqueeze(
        c, xi_tf_expand(c, xi_tf_op2(c, "Sub", xi_tf_op2(c, "Mul", z, two), one), dims), 3);
    grid[1] = xi_tf_unsqueeze(
        c, xi_tf_expand(c, xi_tf_op2(c, "Sub", xi_tf_op2(c, "Mul", y, two), one), dims), 3);
    xi_value *places = xi_tf_concat(c, grid, 2, 3);
    xi_node *n = places && x ? xi_tf_node(c, "GridSample", 1, 3, (xi_value *[]){x, places}, 2)
                             : NULL;
    if (n) {
        xi_node_set_int(n, "align_corners", 1);
        xi_node_set_string(n, "mode", nearest ? XI_STR("nearest") : XI_STR("linear"));
        xi_node_set_string(n, "padding_mode", XI_STR("border"));
    }
    xi_value *out = xi_tf_scalar(c, XINF_FLOAT32, xi_tf_float(c, "extrapolation_value", 0));
    xi_tf_give_turned(c, 0,
                      xi_tf_where(c, xi_tf_unsqueeze(c, both, 1), xi_tf_result(c, n, 0), out));
}

static void image_op_depth(xi_tf_call *c)
{
    xi_str format = xi_tf_string(c, "data_format", "NHWC");
    bool first = format.len > 1 && format.ptr[1] == 'C';
    xi_value *x = first ? xi_tf_in(c, 0) : xi_tf_turned(c, 0, 4);
    xi_node *n = x ? xi_tf_node(c, c->row->to, 1, 2, &x, 1) : NULL;
    if (n) xi_node_set_int(n, "blocksize", xi_tf_int(c, "block_size", 2));
    if (n && c->row->how) xi_node_set_string(n, "mode", XI_STR("DCR"));
    if (first)
        xi_tf_give(c, 0, xi_tf_result(c, n, 0));
    else
        xi_tf_give_turned(c, 0, xi_tf_result(c, n, 0));
}

/* ---- boxes ---- */

static void image_op_nms(xi_tf_call *c)
{
    int32_t version = c->row->how;
    xi_value *boxes = xi_tf_in(c, 0), *scores = xi_tf_in(c, 1),
             *most = xi_tf_i64(c, xi_tf_in(c, 2));
    xi_value *overlap = version == 1
                            ? xi_tf_scalar(c, XINF_FLOAT32, xi_tf_float(c, "iou_threshold", 0.5f))
                            : xi_tf_cast(c, xi_tf_in(c, 3), XINF_FLOAT32);
    xi_value *least = version >= 3 ? xi_tf_cast(c, xi_tf_in(c, 4), XINF_FLOAT32) : NULL;
    double soft = 0;
    bool pad = version >= 4 && xi_tf_bool(c, "pad_to_max_output_size", false);
    if (!boxes || !scores || !most || !overlap ||
        (version == 5 && (!xi_tf_known_float(xi_tf_in(c, 5), &soft) || soft != 0))) {
        xi_tf_refuse(c, "boxes of soft suppression");
        return;
    }
    xi_value *b = xi_tf_unsqueeze(c, xi_tf_cast(c, boxes, XINF_FLOAT32), 0);
    xi_value *s = xi_tf_op2(c, "Unsqueeze", xi_tf_cast(c, scores, XINF_FLOAT32),
                            xi_tf_const_ints(c, (int64_t[]){0, 1}, 2));
    xi_value *in[] = {b, s, most, overlap, least};
    xi_value *rows = b && s ? xi_tf_result(c, xi_tf_node(c, "NonMaxSuppression", 1, 0, in, 5), 0)
                            : NULL;
    if (!rows) return;
    xi_value *kept = xi_tf_cast(c, xi_tf_gather(c, rows, xi_tf_const_int(c, 2), 1), XINF_INT32);
    xi_value *count = xi_tf_cast(c, xi_tf_op1(c, "Size", kept), XINF_INT32), *all = kept;
    if (pad) {
        xi_value *missing = xi_tf_vector(c, xi_tf_op2(c, "Sub", most, xi_tf_i64(c, count)));
        all = xi_tf_concat(c, (xi_value *[]){kept, xi_tf_fill(c, missing, XINF_INT32, 0)}, 2, 0);
    }
    xi_tf_give(c, 0, all);
    if (version == 4) xi_tf_give(c, 1, count);
    if (version != 5) return;
    xi_value *values = xi_tf_gather(c, scores, kept, 0);
    if (pad) {
        xi_value *missing = xi_tf_vector(c, xi_tf_op2(c, "Sub", most, xi_tf_i64(c, count)));
        values = xi_tf_concat(
            c, (xi_value *[]){values, xi_tf_fill(c, missing, xi_tf_dtype_of(scores), 0)}, 2, 0);
    }
    xi_tf_give(c, 1, values);
    xi_tf_give(c, 2, count);
}

/* ---- colours ---- */

static void image_op_rgb_to_hsv(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0), *none = NULL;
    int64_t last = -1;
    if (!x) {
        xi_tf_give(c, 0, none);
        return;
    }
    xi_value *axes = xi_tf_const_ints(c, &last, 1), *zero = xi_tf_like(c, x, 0);
    xi_value *r = xi_tf_slice(c, x, -1, 0, 1), *g = xi_tf_slice(c, x, -1, 1, 2),
             *b = xi_tf_slice(c, x, -1, 2, 3);
    xi_value *v = xi_tf_reduce(c, "ReduceMax", x, axes, true),
             *range = xi_tf_op2(c, "Sub", v, xi_tf_reduce(c, "ReduceMin", x, axes, true));
    xi_value *flat = xi_tf_op2(c, "Equal", range, zero), *black = xi_tf_op2(c, "Equal", v, zero),
             *one = xi_tf_like(c, x, 1);
    xi_value *s = xi_tf_where(c, black, zero,
                              xi_tf_op2(c, "Div", range, xi_tf_where(c, black, one, v)));
    xi_value *norm = xi_tf_op2(c, "Div", xi_tf_like(c, x, 1.0 / 6),
                               xi_tf_where(c, flat, one, range));
    xi_value *hr = xi_tf_op2(c, "Mul", norm, xi_tf_op2(c, "Sub", g, b));
    xi_value *hg = xi_tf_op2(c, "Add", xi_tf_op2(c, "Mul", norm, xi_tf_op2(c, "Sub", b, r)),
                             xi_tf_like(c, x, 2.0 / 6));
    xi_value *hb = xi_tf_op2(c, "Add", xi_tf_op2(c, "Mul", norm, xi_tf_op2(c, "Sub", r, g)),
                             xi_tf_like(c, x, 4.0 / 6));
    xi_value *h = xi_tf_where(c, xi_tf_op2(c, "Equal", r, v), hr,
                              xi_tf_where(c, xi_tf_op2(c, "Equal", g, v), hg, hb));
    h = xi_tf_where(c, flat, zero, h);
    h = xi_tf_where(c, xi_tf_op2(c, "Less", h, zero), xi_tf_op2(c, "Add", h, one), h);
    xi_tf_give(c, 0, xi_tf_concat(c, (xi_value *[]){h, s, v}, 3, -1));
}

static void image_op_hsv_to_rgb(xi_tf_call *c)
{
    static const double low[3] = {3, 2, 4}, sign[3] = {1, -1, -1}, add[3] = {-1, 2, 2};
    xi_value *x = xi_tf_in(c, 0), *parts[3];
    if (!x) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    xi_value *zero = xi_tf_like(c, x, 0), *one = xi_tf_like(c, x, 1);
    xi_value *h = xi_tf_op2(c, "Mul", xi_tf_slice(c, x, -1, 0, 1), xi_tf_like(c, x, 6)),
             *s = xi_tf_slice(c, x, -1, 1, 2), *v = xi_tf_slice(c, x, -1, 2, 3);
    for (int i = 0; i < 3; i++) {
        xi_value *d = xi_tf_op1(c, "Abs", xi_tf_op2(c, "Sub", h, xi_tf_like(c, x, low[i])));
        d = xi_tf_op2(c, "Add", xi_tf_op2(c, "Mul", d, xi_tf_like(c, x, sign[i])),
                      xi_tf_like(c, x, add[i]));
        d = xi_tf_op3(c, "Clip", d, zero, one);
        parts[i] = xi_tf_op2(
            c, "Mul", v,
            xi_tf_op2(c, "Add", xi_tf_op2(c, "Sub", one, s), xi_tf_op2(c, "Mul", s, d)));
    }
    xi_tf_give(c, 0, xi_tf_concat(c, parts, 3, -1));
}

const xi_tf_row xi_tf_image[] = {
    {"ResizeNearestNeighbor", image_op_resize, "nearest", 0},
    {"ResizeBilinear", image_op_resize, "linear", 1},
    {"ResizeBicubic", image_op_resize, "cubic", 2},
    {"ResizeArea", image_op_area, NULL, 0},
    {"CropAndResize", image_op_crop, NULL, 0},
    {"FusedResizeAndPadConv2D", image_op_resize_conv, NULL, 1},
    {"FusedPadConv2D", image_op_resize_conv, NULL, 0},
    {"DepthToSpace", image_op_depth, "DepthToSpace", 1},
    {"SpaceToDepth", image_op_depth, "SpaceToDepth", 0},
    {"NonMaxSuppression", image_op_nms, NULL, 1},
    {"NonMaxSuppressionV2", image_op_nms, NULL, 2},
    {"NonMaxSuppressionV3", image_op_nms, NULL, 3},
    {"NonMaxSuppressionV4", image_op_nms, NULL, 4},
    {"NonMaxSuppressionV5", image_op_nms, NULL, 5},
    {"RGBToHSV", image_op_rgb_to_hsv, NULL, 0},
    {"HSVToRGB", image_op_hsv_to_rgb, NULL, 0},
    {NULL, NULL, NULL, 0},
};
