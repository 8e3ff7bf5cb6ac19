/* ref_grid.c — GridSample over any number of dimensions, AffineGrid. */
#include <math.h>

#include "plan/kernel.h"

extern const xi_kernel xk_ref_grid[];

enum {
    REF_GRID_NEAREST = 1,
    REF_GRID_LINEAR = 2,
    REF_GRID_CUBIC = 4
}; /* taps along one dimension */
enum { REF_GRID_ZEROS, REF_GRID_BORDER, REF_GRID_REFLECT };
enum { REF_GRID_TAPS = 64, REF_GRID_DIMS = 6 };

typedef struct ref_grid_params {
    int32_t taps, padding;
    bool align;
} ref_grid_params;

static xinf_status ref_grid_prepare(xi_prepare *p, xinf_error *err)
{
    ref_grid_params *g = p->params;
    xi_str mode = xi_node_string(p->node, "mode", "linear"),
           padding = xi_node_string(p->node, "padding_mode", "zeros");
    xinf_dtype d = p->in[0]->dtype;
    g->taps = xi_str_is(mode, "nearest")                                 ? REF_GRID_NEAREST
              : xi_str_is(mode, "linear") || xi_str_is(mode, "bilinear") ? REF_GRID_LINEAR
              : xi_str_is(mode, "cubic") || xi_str_is(mode, "bicubic")   ? REF_GRID_CUBIC
                                                                         : 0;
    g->padding = xi_str_is(padding, "zeros")    ? REF_GRID_ZEROS
                 : xi_str_is(padding, "border") ? REF_GRID_BORDER
                                                : REF_GRID_REFLECT;
    g->align = xi_node_int(p->node, "align_corners", 0) != 0;
    if (!g->taps)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "mode \"%.*s\"", XI_STR_ARG(mode));
    if (g->padding == REF_GRID_REFLECT && !xi_str_is(padding, "reflection"))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "padding_mode \"%.*s\"",
                              XI_STR_ARG(padding));
    if (d == XINF_STRING || d == XINF_COMPLEX64 || d == XINF_COMPLEX128)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    return XINF_OK;
}

/* Places (the last dimension of the grid apart) of all batches. */
static int64_t ref_grid_places(const xi_operand *grid)
{
    return xi_shape_span(&grid->shape, 0, grid->shape.rank - 1);
}

static int32_t ref_grid_chunks(int64_t places, int64_t count, int32_t width)
{
    if (width <= 1 || count < 1 << 12) return 1;
    return (int32_t)(places < 4 * width ? places : 4 * width);
}

static xinf_status ref_grid_extent(const void *params, xi_operand *const *in,
                                   xi_operand *const *out, int32_t width, xi_extent *e,
                                   xinf_error *err)
{
    e->chunks[0] = ref_grid_chunks(ref_grid_places(in[1]), out[0]->count, width);
    if (e->chunks[0] < 1) e->chunks[0] = 1;
    return XINF_OK;
}

static double ref_grid_reflect(double x, double low, double high)
{
    double range = high - low;
    if (!(range > 0)) return low > 0 ? low : 0;
    if (x < low || x > high) {
        double d = x < low ? low - x : x - high, n = floor(d / range), r = d - n * range;
        bool even = fmod(n, 2) == 0;
        return (x < low) == even ? low + r : high - r;
    }
    return x;
}

static void ref_grid_cubic(float t, float *w)
{
    const float a = -0.75f;
    w[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
    w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
    w[2] = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1;
    w[3] = ((a * (2 - t) - 5 * a) * (2 - t) + 8 * a) * (2 - t) - 4 * a;
}

/* One dimension: the source coordinates (-1: a zero) and their weights for normalised coordinate n.
 */
static void ref_grid_side(const ref_grid_params *p, float n, int64_t length, int64_t *at,
                          float *weight)
{
    float wide = (float)length, x = p->align ? (n + 1) / 2 * (wide - 1) : ((n + 1) * wide - 1) / 2;
    double low = p->align ? 0 : -0.5, high = p->align ? wide - 1 : wide - 0.5;
    if (!(x >= -1e9f)) x = -1e9f;
    if (x > 1e9f) x = 1e9f;
    if (p->taps == REF_GRID_NEAREST) x = rintf(x);
    if ((double)x < low || (double)x > high) {
        if (p->padding == REF_GRID_BORDER && p->taps != REF_GRID_CUBIC)
            x = x < 0 ? 0 : x > wide - 1 ? wide - 1 : x;
        if (p->padding == REF_GRID_REFLECT) x = (float)ref_grid_reflect((double)x, low, high);
    }
    float base = p->taps == REF_GRID_NEAREST ? x : floorf(x), t = x - base;
    weight[0] = 1;
    if (p->taps == REF_GRID_LINEAR) {
        weight[0] = 1 - t;
        weight[1] = t;
    } else if (p->taps == REF_GRID_CUBIC) {
        ref_grid_cubic(t, weight);
    }
    for (int32_t k = 0; k < p->taps; k++) {
        int64_t i = (int64_t)base + k - (p->taps == REF_GRID_CUBIC);
        if (p->padding == REF_GRID_ZEROS) {
            at[k] = i < 0 || i >= length ? -1 : i;
            continue;
        }
        if (p->padding == REF_GRID_REFLECT) i = (int64_t)ref_grid_reflect((double)i, low, high);
        at[k] = i < 0 ? 0 : i >= length ? length - 1 : i;
    }
}

/* All taps of one place: offsets in a channel and weights; zeros are left out. Gives their number.
 */
static int32_t ref_grid_taps(const ref_grid_params *p, const xi_operand *grid, int64_t place,
                             const xi_shape *s, int64_t *offset, float *weight)
{
    int32_t dims = s->rank - 2, count = 1;
    int64_t at[REF_GRID_CUBIC], stride = 1;
    float side[REF_GRID_CUBIC];
    offset[0] = 0;
    weight[0] = 1;
    for (int32_t d = dims - 1; d >= 0; d--) {
        float n = grid->dtype == XINF_FLOAT32
                      ? ((const float *)grid->data)[place * dims + dims - 1 - d]
                      : (float)xi_dtype_load_f64(grid->data, grid->dtype,
                                                 place * dims + dims - 1 - d);
        int32_t made = 0;
        int64_t old_offset[REF_GRID_TAPS];
        float old_weight[REF_GRID_TAPS];
        memcpy(old_offset, offset, (size_t)count * sizeof *offset);
        memcpy(old_weight, weight, (size_t)count * sizeof *weight);
        ref_grid_side(p, n, s->dim[2 + d], at, side);
        for (int32_t k = 0; k < p->taps; k++)
            for (int32_t i = 0; i < count && at[k] >= 0; i++) {
                offset[made] = old_offset[i] + at[k] * stride;
                weight[made++] = old_weight[i] * side[k];
            }
        count = made;
        stride *= s->dim[2 + d];
    }
    return count;
}

static void ref_grid_place(const xi_call *call, const ref_grid_params *p, int64_t place,
                           int64_t area, int64_t places)
{
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    const xi_shape *s = &src->shape;
    int64_t offset[REF_GRID_TAPS], inside = xi_shape_span(s, 2, s->rank), batch = place / places,
                                   channels = s->dim[1];
    float weight[REF_GRID_TAPS];
    int32_t count = ref_grid_taps(p, call->in[1], place, s, offset, weight);
    for (int64_t c = 0; c < channels; c++) {
        int64_t from = (batch * channels + c) * inside,
                to = (batch * channels + c) * area + place % places;
        if (dst->dtype == XINF_FLOAT32) {
            const float *v = (const float *)src->data + from;
            float sum = 0;
            for (int32_t k = 0; k < count; k++) sum += weight[k] * v[offset[k]];
            ((float *)dst->data)[to] = sum;
        } else if (p->taps == REF_GRID_NEAREST && count == 1) {
            size_t item = xinf_dtype_size(dst->dtype);
            memcpy((char *)dst->data + (size_t)to * item,
                   (const char *)src->data + (size_t)(from + offset[0]) * item, item);
        } else {
            double sum = 0;
            for (int32_t k = 0; k < count; k++)
                sum += (double)weight[k] *
                       xi_dtype_load_f64(src->data, src->dtype, from + offset[k]);
            xi_dtype_store_f64(dst->data, dst->dtype, to, sum);
        }
    }
}

static xinf_status ref_grid_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const ref_grid_params *p = call->params;
    const xi_shape *s = &call->in[0]->shape;
    int64_t all = ref_grid_places(call->in[1]), taps = 1;
    int32_t chunks = ref_grid_chunks(all, call->out[0]->count, call->width);
    if (call->out[0]->count == 0) return XINF_OK;
    if (call->in[0]->count == 0)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "its input is empty");
    for (int32_t d = 2; d < s->rank && taps <= REF_GRID_TAPS; d++) taps *= p->taps;
    if (taps > REF_GRID_TAPS || s->rank - 2 > REF_GRID_DIMS)
        return xi_kernel_fail(call->node, err, XINF_UNSUPPORTED, "this mode over %d dimensions",
                              (int)(s->rank - 2));
    int64_t places = all / s->dim[0];
    for (int64_t i = all * chunk / chunks; i < all * (chunk + 1) / chunks; i++)
        ref_grid_place(call, p, i, places, places);
    return XINF_OK;
}

/* ---- AffineGrid ---- */

static double ref_grid_base(bool align, int64_t i, int64_t n)
{
    if (align) return n > 1 ? -1 + (double)i * 2 / (double)(n - 1) : -1;
    return -1 + (double)(2 * i + 1) / (double)n;
}

static xinf_status ref_grid_affine(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                   xinf_error *err)
{
    const xi_operand *theta = call->in[0];
    xi_operand *dst = call->out[0];
    const xi_shape *s = &dst->shape;
    int32_t dims = s->rank - 2;
    bool align = xi_node_int(call->node, "align_corners", 0) != 0;
    if (dst->count == 0) return XINF_OK;
    int64_t places = xi_shape_span(s, 1, s->rank - 1);
    for (int64_t i = 0; i < dst->count / dims; i++) {
        double base[4] = {0};
        int64_t rest = i % places, batch = i / places;
        for (int32_t d = dims - 1; d >= 0; d--) { /* x first */
            base[dims - 1 - d] = ref_grid_base(align, rest % s->dim[1 + d], s->dim[1 + d]);
            rest /= s->dim[1 + d];
        }
        base[dims] = 1;
        for (int32_t r = 0; r < dims; r++) {
            double sum = 0;
            for (int32_t k = 0; k <= dims; k++)
                sum += base[k] * xi_dtype_load_f64(theta->data, theta->dtype,
                                                   (batch * dims + r) * (dims + 1) + k);
            xi_dtype_store_f64(dst->data, dst->dtype, i * dims + r, sum);
        }
    }
    return XINF_OK;
}

const xi_kernel xk_ref_grid[] = {
    {.op = "GridSample",
     .domain = "",
     .name = "xk_grid_sample_any_ref__portable",
     .prepare = ref_grid_prepare,
     .extent = ref_grid_extent,
     .run = ref_grid_run},
    {.op = "AffineGrid",
     .domain = "",
     .name = "xk_affine_grid_float_ref__portable",
     .run = ref_grid_affine},
    {0},
};
