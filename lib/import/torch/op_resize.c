/* op_resize.c — images of another size: interpolation, padding, pixel order, sampling, windows. */
#include "import/torch/op.h"

#include <math.h>

typedef struct op_resize_config {
    const char *mode; /* "nearest", "linear", "cubic" */
    bool align, antialias, exact;
    int32_t dims;
} op_resize_config;

/* Sizes of the output, or scales: what is given. */
static xi_value *op_resize_emit(xi_aten *x, xi_value *v, const xi_aten_value *sizes,
                                const xi_aten_value *scales, const op_resize_config *c)
{
    xi_attr attrs[6];
    int32_t n = 0, rank = c->dims + 2;
    xi_value *in[4] = {v, NULL, NULL, NULL};
    attrs[n++] = XI_ATEN_ATTR_TEXT("mode", c->mode);
    attrs[n++] = XI_ATEN_ATTR_TEXT("coordinate_transformation_mode",
                                   c->align                         ? "align_corners"
                                   : c->mode[0] == 'n' && !c->exact ? "asymmetric"
                                                                    : "pytorch_half_pixel");
    if (c->mode[0] == 'n')
        attrs[n++] = XI_ATEN_ATTR_TEXT("nearest_mode", c->exact ? "round_prefer_ceil" : "floor");
    if (c->mode[0] == 'c') attrs[n++] = XI_ATEN_ATTR_FLOAT("cubic_coeff_a", -0.75);
    if (c->antialias) {
        attrs[n++] = XI_ATEN_ATTR_INT("antialias", 1);
        attrs[n++] = XI_ATEN_ATTR_INT("exclude_outside", 1);
    }
    if (c->exact) attrs[1] = XI_ATEN_ATTR_TEXT("coordinate_transformation_mode", "half_pixel");
    if (sizes->kind != XI_ATEN_NONE) {
        xi_value *head = xi_aten_slice(x, xi_aten_shape(x, v), 0, 0, 2, 1);
        if (v && xi_aten_rank(v) == rank && v->type.shape.dim[0] >= 0 && v->type.shape.dim[1] >= 0)
            head = xi_aten_ints(x, v->type.shape.dim, 2);
        in[3] = xi_aten_concat(x, 2, (xi_value *[]){head, xi_aten_int_list(x, sizes)}, 0);
        return xi_aten_emit(x, "Resize", 4, in, n, attrs);
    }
    float factors[5] = {1, 1, 1, 1, 1};
    if (scales->kind != XI_ATEN_LIST && scales->kind != XI_ATEN_TUPLE)
        return xi_aten_fail(x, XINF_MALFORMED, "an interpolation with neither sizes nor scales"),
               NULL;
    for (int32_t i = 0; i < c->dims && i < scales->list->count; i++)
        factors[i + 2] = (float)xi_aten_arg_double(x, &scales->list->items[i], "a scale");
    if (x->status != XINF_OK) return NULL;
    xi_literal *l = xi_graph_literal(x->graph, XINF_FLOAT32, &(xi_shape){.rank = 1, .dim = {rank}},
                                     factors);
    in[2] = l ? xi_graph_add_constant(x->graph, (xi_str){NULL, 0}, l) : NULL;
    if (!in[2]) return xi_aten_memory(x), NULL;
    return xi_aten_emit(x, "Resize", 3, in, n, attrs);
}

/* "l3": linear over three dimensions; a: antialiased, x: exact nearest */
static op_resize_config op_resize_of(const xi_aten_op *op)
{
    const char *t = op->text;
    return (op_resize_config){.mode = t[0] == 'l'   ? "linear"
                                      : t[0] == 'c' ? "cubic"
                                                    : "nearest",
                              .dims = t[1] - '0',
                              .antialias = t[2] == 'a',
                              .exact = t[2] == 'x'};
}

/* upsample_…(self, output_size, align_corners, scales…): sizes are given; number 1: nearest,
 * without align_corners */
static xi_aten_value op_resize_sized(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_resize_config c = op_resize_of(op);
    xi_aten_value none = xi_aten_none();
    if (!op->number) c.align = xi_aten_arg_bool(x, &a[2], op->name);
    return xi_aten_result(x, op_resize_emit(x, xi_aten_arg(x, &a[0]), &a[1], &none, &c));
}

/* .vec: (self, output_size?, align_corners, scale_factors?) */
static xi_aten_value op_resize_either(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_resize_config c = op_resize_of(op);
    if (!op->number) c.align = xi_aten_arg_bool(x, &a[2], op->name);
    return xi_aten_result(
        x, op_resize_emit(x, xi_aten_arg(x, &a[0]), &a[1], &a[op->number ? 2 : 3], &c));
}

/* ---- padding ---- */

/* Pads of ATen count from the last dimension: pairs (before, after). */
static xi_value *op_resize_pads(xi_aten *x, xi_value *v, const xi_aten_value *pads)
{
    int64_t given[2 * XI_MAX_RANK], out[2 * XI_MAX_RANK] = {0};
    int32_t rank = xi_aten_need_rank(x, v, "a padding"), count;
    xi_value *parts[2 * XI_MAX_RANK];
    bool known = true;
    if (x->status != XINF_OK) return NULL;
    if (pads->kind != XI_ATEN_LIST && pads->kind != XI_ATEN_TUPLE)
        return xi_aten_fail(x, XINF_MALFORMED, "a padding that is no list"), NULL;
    count = pads->list->count;
    if (count % 2 || count > 2 * rank)
        return xi_aten_fail(x, XINF_MALFORMED, "a padding of %d numbers for %d dimensions", count,
                            rank),
               NULL;
    for (int32_t i = 0; i < count; i++)
        known = known && !pads->list->items[i].scalar && pads->list->items[i].kind == XI_ATEN_INT;
    for (int32_t i = 0; i < 2 * rank; i++) parts[i] = NULL;
    for (int32_t i = 0; i < count; i++) {
        int32_t at = rank - 1 - i / 2 + (i % 2 ? rank : 0);
        if (known)
            out[at] = given[i] = pads->list->items[i].i;
        else
            parts[at] = xi_aten_int_vector(x, &pads->list->items[i]);
    }
    if (known) return xi_aten_ints(x, out, 2 * rank);
    for (int32_t i = 0; i < 2 * rank; i++)
        if (!parts[i]) parts[i] = xi_aten_int1(x, 0);
    return xi_aten_concat(x, 2 * rank, parts, 0);
}

static xi_value *op_resize_padded(xi_aten *x, xi_value *v, const xi_aten_value *pads,
                                  const char *mode, const xi_aten_value *fill)
{
    xi_value *in[3] = {v, op_resize_pads(x, v, pads), NULL};
    bool constant = mode[0] == 'c';
    if (constant && fill->kind != XI_ATEN_NONE)
        in[2] = xi_aten_dtype(v)
                    ? xi_aten_scalar(x, fill, xi_aten_dtype(v))
                    : xi_aten_number_like(x, v, xi_aten_arg_double(x, fill, "a padding"));
    return xi_aten_emit(x, "Pad", in[2] ? 3 : 2, in, 1,
                        (xi_attr[]){XI_ATEN_ATTR_TEXT("mode", mode)});
}

/* pad(self, pad, mode, value) */
static xi_aten_value op_resize_pad(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    const char *mode = xi_str_is(a[2].s, "reflect")     ? "reflect"
                       : xi_str_is(a[2].s, "replicate") ? "edge"
                       : xi_str_is(a[2].s, "circular")  ? "wrap"
                                                        : "constant";
    return xi_aten_result(x, op_resize_padded(x, xi_aten_arg(x, &a[0]), &a[1], mode, &a[3]));
}

static xi_aten_value op_resize_pad_mode(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_aten_value none = xi_aten_none();
    return xi_aten_result(
        x, op_resize_padded(x, xi_aten_arg(x, &a[0]), &a[1], op->text, op->number ? &a[2] : &none));
}

/* ---- order of pixels ---- */

static xi_aten_value op_resize_shuffle(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    xi_attr attrs[2] = {XI_ATEN_ATTR_INT("blocksize", xi_aten_arg_int(x, &a[1], op->name)),
                        XI_ATEN_ATTR_TEXT("mode", "CRD")};
    if (!op->number) return xi_aten_result(x, xi_aten_emit(x, "DepthToSpace", 1, &v, 2, attrs));
    /* The other way, channels lie outside of the block's places: ONNX puts them inside. */
    int64_t r = xi_aten_arg_int(x, &a[1], op->name),
            c = xi_aten_need_rank(x, v, op->name) == 4 ? v->type.shape.dim[1] : -1;
    if (x->status == XINF_OK && c < 0)
        xi_aten_fail(x, XINF_UNSUPPORTED, "%s of an unknown number of channels", op->name);
    v = xi_aten_emit(x, "SpaceToDepth", 1, &v, 1, attrs);
    xi_value *tail = xi_aten_slice(x, xi_aten_shape(x, v), 0, 2, 4, 1),
             *shape = xi_aten_concat(
                 x, 2, (xi_value *[]){xi_aten_ints(x, (int64_t[]){-1, r * r, c}, 3), tail}, 0);
    xi_value *y = xi_aten_transpose(x, xi_aten_reshape_to(x, v, shape), (int64_t[]){0, 2, 1, 3, 4},
                                    5);
    return xi_aten_result(
        x, xi_aten_reshape_to(
               x, y,
               xi_aten_concat(
                   x, 2, (xi_value *[]){xi_aten_ints(x, (int64_t[]){-1, c * r * r}, 2), tail}, 0)));
}

static xi_aten_value op_resize_channel_shuffle(xi_aten *x, const xi_aten_value *a,
                                               const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t groups = xi_aten_arg_int(x, &a[1], op->name);
    xi_aten_value channels = xi_aten_size(x, v, 1);
    if (x->status == XINF_OK && groups < 1)
        xi_aten_fail(x, XINF_MALFORMED, "%s into %lld groups", op->name, (long long)groups);
    if (x->status != XINF_OK) return xi_aten_none();
    xi_value *each = xi_aten_whole_op(x, "Div", xi_aten_int_value(x, &channels),
                                      xi_aten_whole(x, XINF_INT64, groups));
    xi_value *shape = xi_aten_concat(x, 3,
                                     (xi_value *[]){xi_aten_ints(x, (int64_t[]){0, groups}, 2),
                                                    xi_aten_reshape(x, each, (int64_t[]){1}, 1),
                                                    xi_aten_int1(x, -1)},
                                     0);
    xi_value *y = xi_aten_transpose(x, xi_aten_emit2(x, "Reshape", v, shape),
                                    (int64_t[]){0, 2, 1, 3}, 4);
    return xi_aten_result(x, xi_aten_reshape_to(x, y, xi_aten_shape(x, v)));
}

/* ---- sampling and windows ---- */

/* grid_sampler(input, grid, mode, padding, align_corners) */
static xi_aten_value op_resize_grid(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    static const char *const modes[] = {"linear", "nearest", "cubic"}, *const paddings[] = {
                                                                           "zeros", "border",
                                                                           "reflection"};
    int64_t mode = xi_aten_arg_int(x, &a[2], op->name),
            padding = xi_aten_arg_int(x, &a[3], op->name);
    if (mode < 0 || mode > 2 || padding < 0 || padding > 2)
        return xi_aten_fail(x, XINF_MALFORMED, "%s of an unknown mode", op->name), xi_aten_none();
    xi_attr attrs[3] = {XI_ATEN_ATTR_TEXT("mode", modes[mode]),
                        XI_ATEN_ATTR_TEXT("padding_mode", paddings[padding]),
                        XI_ATEN_ATTR_INT("align_corners", xi_aten_arg_bool(x, &a[4], op->name))};
    return xi_aten_result(
        x, xi_aten_emit(x, "GridSample", 2,
                        (xi_value *[]){xi_aten_arg(x, &a[0]), xi_aten_arg(x, &a[1])}, 3, attrs));
}

static xi_aten_value op_resize_affine_grid(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_attr attr = XI_ATEN_ATTR_INT("align_corners", xi_aten_arg_bool(x, &a[2], op->name));
    return xi_aten_result(
        x,
        xi_aten_emit(x, "AffineGrid", 2,
                     (xi_value *[]){xi_aten_arg(x, &a[0]), xi_aten_int_list(x, &a[1])}, 1, &attr));
}

typedef struct op_resize_window {
    int64_t kernel[2], dilation[2], padding[4], stride[2];
} op_resize_window;

static bool op_resize_read_window(xi_aten *x, op_resize_window *w, const xi_aten_value *a,
                                  const char *who)
{
    if (xi_aten_arg_ints(x, &a[0], w->kernel, 2, 2, who) != 2 ||
        xi_aten_arg_ints(x, &a[1], w->dilation, 2, 2, who) != 2)
        return false;
    if (xi_aten_arg_ints(x, &a[2], w->padding, 2, 2, who) != 2 ||
        xi_aten_arg_ints(x, &a[3], w->stride, 2, 2, who) != 2)
        return false;
    w->padding[2] = w->padding[0];
    w->padding[3] = w->padding[1];
    return true;
}

/* im2col: one convolution over all channels as a batch, whose kernels of 0 and 1 pick each place of
 * the window */
static xi_aten_value op_resize_im2col(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_resize_window w;
    xi_value *v = xi_aten_arg(x, &a[0]), *shape = xi_aten_shape(x, v), *one = xi_aten_int1(x, 1);
    if (!op_resize_read_window(x, &w, a + 1, op->name)) return xi_aten_none();
    int64_t places = w.kernel[0] * w.kernel[1];
    if (w.kernel[0] < 1 || w.kernel[1] < 1 || places > 1024)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "%s of a window of %lld places", op->name,
                            (long long)places),
               xi_aten_none();
    float *pick = xi_arena_array(x->arena, (size_t)(places * places), sizeof *pick);
    if (!pick) return xi_aten_memory(x), xi_aten_none();
    for (int64_t i = 0; i < places; i++) pick[i * places + i] = 1;
    xi_literal *l = xi_graph_literal(
        x->graph, XINF_FLOAT32,
        &(xi_shape){.rank = 4, .dim = {places, 1, w.kernel[0], w.kernel[1]}}, pick);
    xi_value *weight = l ? xi_graph_add_constant(x->graph, (xi_str){NULL, 0}, l) : NULL;
    if (!weight) return xi_aten_memory(x), xi_aten_none();
    xi_attr attrs[3] = {XI_ATEN_ATTR_INTS("strides", w.stride, 2),
                        XI_ATEN_ATTR_INTS("pads", w.padding, 4),
                        XI_ATEN_ATTR_INTS("dilations", w.dilation, 2)};
    xi_value *batch = xi_aten_concat(
        x, 3,
        (xi_value *[]){xi_aten_int1(x, -1), one, xi_aten_slice(x, shape, 0, -2, INT64_MAX, 1)}, 0);
    xi_value *y = xi_aten_emit(
        x, "Conv", 2,
        (xi_value *[]){xi_aten_reshape_to(x, v, batch), xi_aten_cast_like(x, weight, v)}, 3, attrs);
    y = xi_aten_reshape(x, y, (int64_t[]){0, places, -1}, 3);
    xi_value *out[3] = {xi_aten_slice(x, shape, 0, 0, 1, 1), xi_aten_int1(x, -1),
                        xi_aten_slice(x, xi_aten_shape(x, y), 0, 2, 3, 1)};
    return xi_aten_result(x, xi_aten_reshape_to(x, y, xi_aten_concat(x, 3, out, 0)));
}

/* col2im(self, output_size, kernel, dilation, padding, stride) */
static xi_aten_value op_resize_col2im(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_resize_window w;
    if (!op_resize_read_window(x, &w, a + 2, op->name)) return xi_aten_none();
    xi_attr attrs[3] = {XI_ATEN_ATTR_INTS("dilations", w.dilation, 2),
                        XI_ATEN_ATTR_INTS("pads", w.padding, 4),
                        XI_ATEN_ATTR_INTS("strides", w.stride, 2)};
    return xi_aten_result(
        x, xi_aten_emit(x, "Col2Im", 3,
                        (xi_value *[]){xi_aten_arg(x, &a[0]), xi_aten_int_list(x, &a[1]),
                                       xi_aten_ints(x, w.kernel, 2)},
                        3, attrs));
}

#define RESIZE_ROWS(name, text)                                                                \
    {name, "T:self I:output_size b:align_corners f?:s0=None f?:s1=None f?:s2=None",            \
     op_resize_sized, text, 0},                                                                \
    {                                                                                          \
        name, "T:self I?:output_size b:align_corners F?:scale_factors=None", op_resize_either, \
            text, 0                                                                            \
    }
#define RESIZE_NEAREST(name, text)                                                              \
    {name, "T:self I?:output_size F?:scale_factors", op_resize_either, text, 1},                \
    {                                                                                           \
        name, "T:self I:output_size f?:s0=None f?:s1=None f?:s2=None", op_resize_sized, text, 1 \
    }

const xi_aten_op xi_aten_ops_resize[] = {
    RESIZE_ROWS("upsample_linear1d", "l1"),
    RESIZE_ROWS("upsample_bilinear2d", "l2"),
    RESIZE_ROWS("upsample_trilinear3d", "l3"),
    RESIZE_ROWS("upsample_bicubic2d", "c2"),
    RESIZE_ROWS("_upsample_bilinear2d_aa", "l2a"),
    RESIZE_ROWS("_upsample_bicubic2d_aa", "c2a"),
    RESIZE_NEAREST("upsample_nearest1d", "n1"),
    RESIZE_NEAREST("upsample_nearest2d", "n2"),
    RESIZE_NEAREST("upsample_nearest3d", "n3"),
    RESIZE_NEAREST("_upsample_nearest_exact1d", "n1x"),
    RESIZE_NEAREST("_upsample_nearest_exact2d", "n2x"),
    RESIZE_NEAREST("_upsample_nearest_exact3d", "n3x"),
    {"pad", "T:self I:pad S:mode='constant' s?:value=None", op_resize_pad, NULL, 0},
    {"constant_pad_nd", "T:self I:pad s:value=0", op_resize_pad_mode, "constant", 1},
    {"reflection_pad1d", "T:self I:padding", op_resize_pad_mode, "reflect", 0},
    {"reflection_pad2d", "T:self I:padding", op_resize_pad_mode, "reflect", 0},
    {"reflection_pad3d", "T:self I:padding", op_resize_pad_mode, "reflect", 0},
    {"replication_pad1d", "T:self I:padding", op_resize_pad_mode, "edge", 0},
    {"replication_pad2d", "T:self I:padding", op_resize_pad_mode, "edge", 0},
    {"replication_pad3d", "T:self I:padding", op_resize_pad_mode, "edge", 0},
    {"pixel_shuffle", "T:self i:upscale_factor", op_resize_shuffle, NULL, 0},
    {"pixel_unshuffle", "T:self i:downscale_factor", op_resize_shuffle, NULL, 1},
    {"channel_shuffle", "T:self i:groups", op_resize_channel_shuffle, NULL, 0},
    {"grid_sampler", "T:input T:grid i:interpolation_mode i:padding_mode b:align_corners",
     op_resize_grid, NULL, 0},
    {"grid_sampler_2d", "T:input T:grid i:interpolation_mode i:padding_mode b:align_corners",
     op_resize_grid, NULL, 0},
    {"grid_sampler_3d", "T:input T:grid i:interpolation_mode i:padding_mode b:align_corners",
     op_resize_grid, NULL, 0},
    {"affine_grid_generator", "T:theta I:size b:align_corners", op_resize_affine_grid, NULL, 0},
    {"im2col", "T:self I:kernel_size I:dilation I:padding I:stride", op_resize_im2col, NULL, 0},
    {"col2im", "T:self I:output_size I:kernel_size I:dilation I:padding I:stride", op_resize_col2im,
     NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};

#undef RESIZE_ROWS
#undef RESIZE_NEAREST
