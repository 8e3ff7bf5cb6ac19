/* sampling.c — coordinates and weights of Resize, in double. */
#include "backend/cpu/ref/sampling.h"

#include <math.h>

enum {
    SAMPLING_HALF_PIXEL,
    SAMPLING_HALF_PIXEL_SYMMETRIC,
    SAMPLING_PYTORCH,
    SAMPLING_ALIGN,
    SAMPLING_ASYMMETRIC,
    SAMPLING_TF_HALF,
    SAMPLING_CROP
};
enum { SAMPLING_PREFER_FLOOR, SAMPLING_PREFER_CEIL, SAMPLING_FLOOR, SAMPLING_CEIL };
enum { SAMPLING_STRETCH, SAMPLING_NOT_LARGER, SAMPLING_NOT_SMALLER };

static const char *const sampling_modes[] = {"nearest", "linear", "cubic", NULL};
static const char *const sampling_coordinates[] = {
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
    "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize", NULL};
static const char *const sampling_nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                               "ceil", NULL};
static const char *const sampling_policies[] = {"stretch", "not_larger", "not_smaller", NULL};

static xinf_status sampling_choice(int32_t *out, const xi_node *n, const char *attr,
                                   const char *const *names, xinf_error *err)
{
    xi_str s = xi_node_string(n, attr, names[0]);
    for (int32_t i = 0; names[i]; i++) {
        if (!xi_str_is(s, names[i])) continue;
        *out = i;
        return XINF_OK;
    }
    return xi_kernel_fail(n, err, XINF_UNSUPPORTED, "%s \"%.*s\"", attr, XI_STR_ARG(s));
}

xinf_status xk_sampling_read(xk_sampling *s, const xi_node *n, xinf_error *err)
{
    xinf_status status;
    const int64_t *axes;
    XI_TRY(sampling_choice(&s->mode, n, "mode", sampling_modes, err));
    XI_TRY(sampling_choice(&s->coordinates, n, "coordinate_transformation_mode",
                           sampling_coordinates, err));
    XI_TRY(sampling_choice(&s->nearest, n, "nearest_mode", sampling_nearest, err));
    XI_TRY(sampling_choice(&s->policy, n, "keep_aspect_ratio_policy", sampling_policies, err));
    s->antialias = xi_node_int(n, "antialias", 0) != 0;
    s->exclude_outside = xi_node_int(n, "exclude_outside", 0) != 0;
    s->extrapolation = xi_node_float(n, "extrapolation_value", 0);
    s->cubic_a = xi_node_float(n, "cubic_coeff_a", -0.75f);
    s->axis_count = xi_node_has(n, "axes") ? xi_node_ints(n, "axes", &axes) : -1;
    if (s->axis_count > XI_MAX_RANK)
        return xi_kernel_fail(n, err, XINF_MALFORMED, "it names %d axes", (int)s->axis_count);
    for (int32_t i = 0; i < s->axis_count; i++)
        s->axes[i] = (int32_t)(axes[i] < -64 || axes[i] > 64 ? 64 : axes[i]);
    if (s->antialias && s->mode == XK_SAMPLING_NEAREST)
        return xi_kernel_fail(n, err, XINF_UNSUPPORTED, "antialias with mode nearest");
cleanup:
    return status;
}

/* Taps of one side for a scale below 1 with antialias: the kernel's radius stretched. */
static double sampling_start(const xk_sampling *s, double scale)
{
    double radius = s->mode == XK_SAMPLING_CUBIC ? 2 : 1;
    return s->antialias && scale < 1      ? floor(-radius / scale) + 1
           : s->mode == XK_SAMPLING_CUBIC ? -1
                                          : 0;
}

int64_t xk_sampling_room(const xk_sampling *s, int64_t length, int64_t wide)
{
    double scale = length > 0 ? ((double)wide - 0.5) / (double)length : 1;
    if (wide <= 0) return 0;
    double taps = s->mode == XK_SAMPLING_NEAREST ? 1 : 2 - 2 * (sampling_start(s, scale) - 1),
           room = taps * (double)wide;
    return room < 1e15 ? (int64_t)room : (int64_t)1e15;
}

static int64_t sampling_count(xi_operand *const *in, int32_t in_count, int32_t i)
{
    return i < in_count && in[i] ? in[i]->count : 0;
}

xinf_status xk_sampling_axes(const xk_sampling *s, const xi_node *n, xi_operand *const *in,
                             int32_t in_count, const xi_operand *out, xk_sampling_axis *axes,
                             xinf_error *err)
{
    const xi_shape *src = &in[0]->shape;
    int32_t count = s->axis_count < 0 ? src->rank : s->axis_count, list[XI_MAX_RANK];
    bool by_sizes = sampling_count(in, in_count, 3) > 0, crop = s->coordinates == SAMPLING_CROP;
    double kept = 0;
    for (int32_t i = 0; i < src->rank; i++)
        axes[i] = (xk_sampling_axis){.length = src->dim[i],
                                     .wide = out->shape.dim[i],
                                     .scale = 1,
                                     .roi_end = 1,
                                     .identity = true};
    if (sampling_count(in, in_count, by_sizes ? 3 : 2) != count ||
        (crop && sampling_count(in, in_count, 1) != 2 * (int64_t)count))
        return xi_kernel_fail(n, err, XINF_RUN_ERROR, "scales, sizes or roi do not list %d axes",
                              (int)count);
    for (int32_t i = 0; i < count; i++) {
        list[i] = i;
        if (s->axis_count >= 0 && !xi_shape_axis(s->axes[i], src->rank, &list[i]))
            return xi_kernel_fail(n, err, XINF_RUN_ERROR, "an axis is outside");
        xk_sampling_axis *a = &axes[list[i]];
        const xi_operand *v = in[by_sizes ? 3 : 2];
        a->scale = xi_dtype_load_f64(v->data, v->dtype, i);
        if (by_sizes) a->scale = a->length > 0 ? a->scale / (double)a->length : 1;
        kept = i == 0 || (s->policy == SAMPLING_NOT_SMALLER ? a->scale > kept : a->scale < kept)
                   ? a->scale
                   : kept;
        if (!crop) continue;
        a->roi_start = xi_dtype_load_f64(in[1]->data, in[1]->dtype, i);
        a->roi_end = xi_dtype_load_f64(in[1]->data, in[1]->dtype, count + i);
    }
    for (int32_t i = 0; i < count; i++) {
        xk_sampling_axis *a = &axes[list[i]];
        if (by_sizes && s->policy != SAMPLING_STRETCH) a->scale = kept;
        if (a->wide > 0 && (!(a->scale > 0) || a->length < 1))
            return xi_kernel_fail(n, err, XINF_RUN_ERROR, "a scale is %g", a->scale);
        a->identity = a->scale == 1 && a->wide == a->length && a->roi_start == 0 && a->roi_end == 1;
    }
    return XINF_OK;
}

static double sampling_coordinate(const xk_sampling *s, const xk_sampling_axis *a, int64_t i)
{
    double x = (double)i, length = (double)a->length, wide = a->scale * length;
    switch (s->coordinates) {
    case SAMPLING_ALIGN: return wide == 1 ? 0 : x * (length - 1) / (wide - 1);
    case SAMPLING_ASYMMETRIC: return x / a->scale;
    case SAMPLING_TF_HALF: return (x + 0.5) / a->scale;
    case SAMPLING_PYTORCH: return a->wide == 1 ? 0 : (x + 0.5) / a->scale - 0.5;
    case SAMPLING_HALF_PIXEL_SYMMETRIC:
        return length / 2 * (1 - (double)a->wide / wide) + (x + 0.5) / a->scale - 0.5;
    case SAMPLING_CROP:
        x = wide == 1 ? (a->roi_end - a->roi_start) * (length - 1) / 2
                      : x * (a->roi_end - a->roi_start) * (length - 1) / (wide - 1);
        return x + a->roi_start * (length - 1);
    default: return (x + 0.5) / a->scale - 0.5;
    }
}

static double sampling_cubic(double x, double a)
{
    x = fabs(x);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static int64_t sampling_clamp(double at, int64_t length)
{
    return at > 0 ? at < (double)length ? (int64_t)at : length - 1 : 0;
}

/* x = base + ratio with ratio in (0, 1]. */
static int64_t sampling_nearest_at(const xk_sampling *s, double base, double ratio, int64_t length)
{
    bool up = ratio == 1 || (s->nearest == SAMPLING_PREFER_FLOOR  ? ratio > 0.5
                             : s->nearest == SAMPLING_PREFER_CEIL ? ratio >= 0.5
                                                                  : s->nearest == SAMPLING_CEIL);
    return sampling_clamp(up ? base + 1 : base, length);
}

static void sampling_taps(const xk_sampling *s, const xk_sampling_axis *a, double base,
                          double ratio, double start, int64_t *at, double *weight)
{
    double sum = 0, stretch = s->antialias && a->scale < 1 ? a->scale : 1;
    for (int64_t k = 0; k < a->taps; k++) {
        double place = base + start + (double)k, arg = (start + (double)k - ratio) * stretch;
        double w = s->mode == XK_SAMPLING_CUBIC ? sampling_cubic(arg, (double)s->cubic_a)
                   : fabs(arg) < 1              ? 1 - fabs(arg)
                                                : 0;
        if (s->exclude_outside && (place < 0 || place >= (double)a->length)) w = 0;
        at[k] = sampling_clamp(place, a->length);
        weight[k] = w;
        sum += w;
    }
    if (!s->antialias && !s->exclude_outside) return;
    for (int64_t k = 0; k < a->taps; k++) weight[k] = sum != 0 ? weight[k] / sum : weight[k];
}

xinf_status xk_sampling_fill(const xk_sampling *s, const xi_node *n, xk_sampling_axis *a,
                             xinf_error *err)
{
    double start = sampling_start(s, a->scale);
    if (a->identity || a->wide == 0) return XINF_OK;
    a->taps = s->mode == XK_SAMPLING_NEAREST ? 1 : (int64_t)(2 - 2 * start);
    if (a->taps < 1 || a->taps > a->room / a->wide)
        return xi_kernel_fail(n, err, XINF_RUN_ERROR, "scale %g does not fit its sizes", a->scale);
    for (int64_t i = 0; i < a->wide; i++) {
        double x = sampling_coordinate(s, a, i), base = ceil(x) - 1, ratio = x - base;
        int64_t *at = a->at + i * a->taps;
        double *weight = a->weight + i * a->taps;
        if (s->coordinates == SAMPLING_CROP && !(x >= 0 && x <= (double)(a->length - 1))) {
            for (int64_t k = 0; k < a->taps; k++) {
                at[k] = -1;
                weight[k] = 0;
            }
        } else if (s->mode == XK_SAMPLING_NEAREST) {
            at[0] = sampling_nearest_at(s, base, ratio, a->length);
            weight[0] = 1;
        } else {
            sampling_taps(s, a, base, ratio, start, at, weight);
        }
    }
    return XINF_OK;
}
