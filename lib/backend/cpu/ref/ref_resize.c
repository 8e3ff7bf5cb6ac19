/* ref_resize.c — Resize: nearest by index, linear and cubic axis by axis over planes.
 *
 * Phase 0 fills one table per axis; phase 1 makes the planes that the leading axes left alone cut
 * the tensors into. */
#include <math.h>

#include "backend/cpu/ref/sampling.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_resize[];

typedef struct ref_resize_params {
    xk_sampling sampling;
} ref_resize_params;

static xinf_status ref_resize_prepare(xi_prepare *p, xinf_error *err)
{
    ref_resize_params *r = p->params;
    xinf_dtype d = p->in[0]->dtype;
    xinf_status status = xk_sampling_read(&r->sampling, p->node, err);
    if (status != XINF_OK) return status;
    if (r->sampling.mode != XK_SAMPLING_NEAREST &&
        (d == XINF_STRING || d == XINF_COMPLEX64 || d == XINF_COMPLEX128))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    return XINF_OK;
}

/* Where the tables lie in shared memory: headers, then per axis `at` and `weight`. False when that
 * is too large. */
static bool ref_resize_tables(const xk_sampling *s, const xi_shape *in, const xi_shape *out,
                              int64_t *room, size_t *total)
{
    *total = sizeof(xk_sampling_axis) * XI_MAX_RANK;
    for (int32_t i = 0; i < in->rank; i++) {
        size_t size;
        room[i] = xk_sampling_room(s, in->dim[i], out->dim[i]);
        if (!xi_mul_size((size_t)room[i], sizeof(int64_t) + sizeof(double), &size) ||
            !xi_add_size(*total, size, total))
            return false;
    }
    return true;
}

/* Axes before `first` are taken to be copied whole; they cut both tensors into planes. Scales are
 * not known here: where one resamples such an axis without changing its length, the run goes
 * element by element. */
static int32_t ref_resize_first(const xk_sampling *s, const xi_shape *in, const xi_shape *out)
{
    int32_t first = 0, axis;
    for (; first < in->rank; first++) {
        bool named = s->axis_count < 0 && in->dim[first] != 1;
        for (int32_t i = 0; i < s->axis_count; i++)
            if (xi_shape_axis(s->axes[i], in->rank, &axis) && axis == first) named = true;
        if (in->dim[first] != out->dim[first] || (named && first >= 2)) break;
    }
    return first;
}

/* Dtypes whose values float32 does not hold. */
static bool ref_resize_wide(xinf_dtype d)
{
    return d == XINF_FLOAT64 || d == XINF_INT64 || d == XINF_UINT64 || d == XINF_INT32 ||
           d == XINF_UINT32;
}

/* Elements of the largest intermediate plane. */
static bool ref_resize_plane(const xi_shape *in, const xi_shape *out, int32_t first, int64_t *count)
{
    xi_shape s = *in;
    *count = 0;
    for (int32_t i = first; i <= in->rank; i++) {
        int64_t n = 1;
        for (int32_t k = first; k < in->rank; k++)
            if (!xi_mul_i64(n, s.dim[k], &n)) return false;
        if (n > *count) *count = n;
        if (i < in->rank) s.dim[i] = out->dim[i];
    }
    return true;
}

static xinf_status ref_resize_extent(const void *params, xi_operand *const *in,
                                     xi_operand *const *out, int32_t width, xi_extent *e,
                                     xinf_error *err)
{
    const xk_sampling *s = &((const ref_resize_params *)params)->sampling;
    int64_t room[XI_MAX_RANK], plane;
    int32_t first = ref_resize_first(s, &in[0]->shape, &out[0]->shape);
    size_t size;
    if (!ref_resize_tables(s, &in[0]->shape, &out[0]->shape, room, &e->shared) ||
        !ref_resize_plane(&in[0]->shape, &out[0]->shape, first, &plane) ||
        !xi_mul_size((size_t)plane,
                     2 * (ref_resize_wide(out[0]->dtype) ? sizeof(double) : sizeof(float)), &size))
        return xi_fail(err, XINF_LIMIT, "Resize needs too much memory");
    e->scratch = s->mode == XK_SAMPLING_NEAREST ? 0 : size;
    e->phases = 2;
    int64_t planes = xi_shape_span(&out[0]->shape, 0, first);
    bool split = width > 1 && out[0]->count > 1 << 14 && out[0]->dtype != XINF_STRING;
    e->chunks[1] = !split ? 1 : (int32_t)(planes < 4 * width ? planes : 4 * width);
    if (e->chunks[1] < 1) e->chunks[1] = 1;
    e->flops = (uint64_t)out[0]->count * 4;
    return XINF_OK;
}

static xinf_status ref_resize_fill(const xi_call *call, const xk_sampling *s, xinf_error *err)
{
    xk_sampling_axis *axes = call->shared;
    const xi_shape *in = &call->in[0]->shape, *out = &call->out[0]->shape;
    int64_t room[XI_MAX_RANK];
    size_t total;
    char *at = (char *)(axes + XI_MAX_RANK);
    xinf_status status = xk_sampling_axes(s, call->node, call->in, call->in_count, call->out[0],
                                          axes, err);
    if (!ref_resize_tables(s, in, out, room, &total))
        return xi_kernel_fail(call->node, err, XINF_LIMIT, "it needs too much memory");
    for (int32_t i = 0; i < in->rank && status == XINF_OK; i++) {
        axes[i].room = room[i];
        axes[i].at = (int64_t *)(void *)at;
        at += (size_t)room[i] * sizeof(int64_t);
        axes[i].weight = (double *)(void *)at;
        at += (size_t)room[i] * sizeof(double);
        status = xk_sampling_fill(s, call->node, &axes[i], err);
    }
    return status;
}

/* ---- nearest ---- */

static inline int64_t ref_resize_map(const xk_sampling_axis *a, int64_t i)
{
    return a->identity ? i : a->at[i];
}

/* One element or, with from -1, the extrapolation value. */
static xinf_status ref_resize_put(const xi_call *call, const xk_sampling *s, int64_t to,
                                  int64_t from, xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    size_t item = xinf_dtype_size(dst->dtype);
    if (dst->dtype == XINF_STRING) {
        xi_str v = from < 0 ? (xi_str){NULL, 0} : ((const xi_str *)src->data)[from];
        return xi_tensor_set_string(dst->tensor, to, v.ptr, v.len, err);
    }
    if (from >= 0)
        memcpy((char *)dst->data + (size_t)to * item, (const char *)src->data + (size_t)from * item,
               item);
    else if (dst->dtype == XINF_COMPLEX64 || dst->dtype == XINF_COMPLEX128)
        memset((char *)dst->data + (size_t)to * item, 0, item);
    else
        xi_dtype_store_f64(dst->data, dst->dtype, to, (double)s->extrapolation);
    return XINF_OK;
}

static xinf_status ref_resize_line(const xi_call *call, const xk_sampling *s,
                                   const xk_sampling_axis *a, int64_t to, int64_t from,
                                   xinf_error *err)
{
    size_t item = xinf_dtype_size(call->out[0]->dtype);
    if (from >= 0 && item == 4 && !a->identity) {
        const float *src = (const float *)call->in[0]->data + from;
        float *dst = (float *)call->out[0]->data + to;
        for (int64_t i = 0; i < a->wide; i++)
            dst[i] = a->at[i] < 0 ? s->extrapolation : src[a->at[i]];
        if (call->out[0]->dtype == XINF_FLOAT32) return XINF_OK;
    }
    if (from >= 0 && item && a->identity) {
        memcpy((char *)call->out[0]->data + (size_t)to * item,
               (const char *)call->in[0]->data + (size_t)from * item, (size_t)a->wide * item);
        return XINF_OK;
    }
    for (int64_t i = 0; i < a->wide; i++) {
        int64_t at = from < 0 ? -1 : ref_resize_map(a, i);
        xinf_status status = ref_resize_put(call, s, to + i, at < 0 ? -1 : from + at, err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

static xinf_status ref_resize_nearest(const xi_call *call, const xk_sampling *s, int64_t first,
                                      int64_t end, xinf_error *err)
{
    const xk_sampling_axis *axes = call->shared;
    const xi_shape *out = &call->out[0]->shape;
    int64_t stride[XI_MAX_RANK];
    int32_t last = out->rank - 1;
    if (last < 0) return ref_resize_put(call, s, 0, 0, err);
    xi_shape_strides(&call->in[0]->shape, stride);
    for (int64_t row = first; row < end; row++) {
        int64_t rest = row, from = 0;
        for (int32_t i = last - 1; i >= 0; i--) {
            int64_t at = ref_resize_map(&axes[i], rest % out->dim[i]);
            rest /= out->dim[i];
            from = at < 0 || from < 0 ? -1 : from + at * stride[i];
        }
        xinf_status status = ref_resize_line(call, s, &axes[last], row * axes[last].wide, from,
                                             err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

/* ---- linear and cubic ---- */

/* Along one axis of a plane seen as outer × length × inner. Coordinates outside give 0 here and the
 * value at the end. */
#define REF_RESIZE_PASS(T)                                                              \
    static void ref_resize_pass_##T(const T *src, T *dst, int64_t outer, int64_t inner, \
                                    const xk_sampling_axis *a)                          \
    {                                                                                   \
        for (int64_t o = 0; o < outer; o++, src += a->length * inner)                   \
            for (int64_t i = 0; i < a->wide; i++, dst += inner) {                       \
                const int64_t *at = a->at + i * a->taps;                                \
                const double *weight = a->weight + i * a->taps;                         \
                if (inner == 1) {                                                       \
                    double sum = 0;                                                     \
                    for (int64_t k = 0; k < a->taps; k++)                               \
                        sum += at[k] < 0 ? 0 : weight[k] * (double)src[at[k]];          \
                    dst[0] = (T)sum;                                                    \
                    continue;                                                           \
                }                                                                       \
                for (int64_t x = 0; x < inner; x++) dst[x] = 0;                         \
                for (int64_t k = 0; k < a->taps; k++) {                                 \
                    T w = (T)weight[k];                                                 \
                    const T *line = src + (at[k] < 0 ? 0 : at[k]) * inner;              \
                    if (w == 0) continue;                                               \
                    for (int64_t x = 0; x < inner; x++) dst[x] += w * line[x];          \
                }                                                                       \
            }                                                                           \
    }
REF_RESIZE_PASS(float)
REF_RESIZE_PASS(double)
#undef REF_RESIZE_PASS

static void ref_resize_load(const xi_operand *src, int64_t at, int64_t count, void *to, bool wide)
{
    if (src->dtype == XINF_FLOAT32 && !wide)
        memcpy(to, (const float *)src->data + at, (size_t)count * sizeof(float));
    else if (wide)
        for (int64_t i = 0; i < count; i++)
            ((double *)to)[i] = xi_dtype_load_f64(src->data, src->dtype, at + i);
    else
        for (int64_t i = 0; i < count; i++)
            ((float *)to)[i] = (float)xi_dtype_load_f64(src->data, src->dtype, at + i);
}

/* Integers are cut to whole numbers, as a cast does it, and clamped; with antialias, whose weights
 * are meant to be exact, rounded. */
static void ref_resize_store(xi_operand *dst, int64_t at, double v, bool nearest)
{
    if (xi_dtype_is_int(dst->dtype)) {
        int32_t bits = xi_dtype_bits(dst->dtype);
        bool positive = xi_dtype_is_unsigned(dst->dtype);
        double low = positive ? 0 : -ldexp(1, bits - 1),
               high = ldexp(1, positive ? bits : bits - 1) - 1;
        v = nearest ? rint(v) : trunc(v);
        v = v < low ? low : v > high ? high : v;
    } else if (dst->dtype == XINF_BOOL) {
        v = v != 0;
    }
    xi_dtype_store_f64(dst->data, dst->dtype, at, v);
}

/* Is output element `at` outside along some axis? */
static bool ref_resize_outside(const xk_sampling_axis *axes, const xi_shape *out, int64_t at)
{
    for (int32_t i = out->rank - 1; i >= 0; i--) {
        int64_t x = at % out->dim[i];
        at /= out->dim[i];
        if (!axes[i].identity && axes[i].at[x * axes[i].taps] < 0) return true;
    }
    return false;
}

static void ref_resize_finish(const xi_call *call, const xk_sampling *s, const void *plane,
                              bool wide, int64_t at, int64_t count)
{
    xi_operand *dst = call->out[0];
    const xk_sampling_axis *axes = call->shared;
    bool outside = false;
    if (dst->dtype == XINF_FLOAT32)
        memcpy((float *)dst->data + at, plane, (size_t)count * sizeof(float));
    else
        for (int64_t i = 0; i < count; i++)
            ref_resize_store(dst, at + i,
                             wide ? ((const double *)plane)[i] : (double)((const float *)plane)[i],
                             s->antialias);
    for (int32_t i = 0; i < dst->shape.rank; i++)
        for (int64_t x = 0; x < axes[i].wide && !axes[i].identity; x++)
            outside = outside || axes[i].at[x * axes[i].taps] < 0;
    for (int64_t i = at; outside && i < at + count; i++)
        if (ref_resize_outside(axes, &dst->shape, i))
            ref_resize_store(dst, i, (double)s->extrapolation, s->antialias);
}

static void ref_resize_planes(const xi_call *call, const xk_sampling *s, int32_t first_axis,
                              int64_t first, int64_t end, void *scratch)
{
    const xk_sampling_axis *axes = call->shared;
    const xi_shape *in = &call->in[0]->shape, *out = &call->out[0]->shape;
    bool wide = ref_resize_wide(call->out[0]->dtype);
    int64_t from_count = xi_shape_span(in, first_axis, in->rank),
            to_count = xi_shape_span(out, first_axis, out->rank), most;
    ref_resize_plane(in, out, first_axis, &most);
    size_t half = (size_t)most * (wide ? sizeof(double) : sizeof(float));
    for (int64_t p = first; p < end; p++) {
        char *a = scratch, *b = a + half, *swap;
        xi_shape now = *in;
        ref_resize_load(call->in[0], p * from_count, from_count, a, wide);
        for (int32_t i = first_axis; i < in->rank; i++) {
            if (axes[i].identity) continue;
            int64_t outer = xi_shape_span(&now, first_axis, i),
                    inner = xi_shape_span(&now, i + 1, now.rank);
            if (wide)
                ref_resize_pass_double((const double *)(void *)a, (double *)(void *)b, outer, inner,
                                       &axes[i]);
            else
                ref_resize_pass_float((const float *)(void *)a, (float *)(void *)b, outer, inner,
                                      &axes[i]);
            now.dim[i] = axes[i].wide;
            swap = a;
            a = b;
            b = swap;
        }
        ref_resize_finish(call, s, a, wide, p * to_count, to_count);
    }
}

/* Every output element from all its taps at once. */
static void ref_resize_direct(const xi_call *call, const xk_sampling *s)
{
    const xk_sampling_axis *axes = call->shared;
    xi_operand *dst = call->out[0];
    int64_t stride[XI_MAX_RANK], place[XI_MAX_RANK], tap[XI_MAX_RANK];
    int32_t rank = dst->shape.rank;
    xi_shape_strides(&call->in[0]->shape, stride);
    for (int64_t o = 0; o < dst->count; o++) {
        double sum = 0;
        int64_t rest = o;
        for (int32_t i = rank - 1; i >= 0; i--) {
            place[i] = rest % dst->shape.dim[i];
            rest /= dst->shape.dim[i];
            tap[i] = 0;
        }
        for (int32_t i = 0; i >= 0;) {
            double weight = 1;
            int64_t from = 0;
            for (int32_t k = 0; k < rank; k++) {
                int64_t t = place[k] * axes[k].taps + tap[k];
                weight *= axes[k].identity ? 1 : axes[k].weight[t];
                from += stride[k] * (axes[k].identity    ? place[k]
                                     : axes[k].at[t] < 0 ? 0
                                                         : axes[k].at[t]);
            }
            if (weight != 0) sum += weight * xi_dtype_load_f64(call->in[0]->data, dst->dtype, from);
            for (i = rank - 1; i >= 0; i--) {
                if (!axes[i].identity && ++tap[i] < axes[i].taps) break;
                tap[i] = 0;
            }
        }
        ref_resize_store(dst, o,
                         ref_resize_outside(axes, &dst->shape, o) ? (double)s->extrapolation : sum,
                         s->antialias);
    }
}

static xinf_status ref_resize_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const xk_sampling *s = &((const ref_resize_params *)call->params)->sampling;
    const xk_sampling_axis *axes = call->shared;
    const xi_shape *in = &call->in[0]->shape, *out = &call->out[0]->shape;
    xi_extent e = {.phases = 1, .chunks = {1, 1, 1, 1}};
    if (phase == 0) return ref_resize_fill(call, s, err);
    if (call->out[0]->count == 0) return XINF_OK;
    xinf_status status = ref_resize_extent(call->params, call->in, call->out, call->width, &e, err);
    if (status != XINF_OK) return status;
    int32_t first = ref_resize_first(s, in, out), chunks = e.chunks[1];
    int64_t planes = xi_shape_span(out, 0, first);
    if (s->mode == XK_SAMPLING_NEAREST) {
        planes = out->rank ? call->out[0]->count / out->dim[out->rank - 1] : 1;
        return ref_resize_nearest(call, s, planes * chunk / chunks, planes * (chunk + 1) / chunks,
                                  err);
    }
    for (int32_t i = 0; i < first; i++)
        if (!axes[i].identity) {
            if (chunk == 0) ref_resize_direct(call, s);
            return XINF_OK;
        }
    ref_resize_planes(call, s, first, planes * chunk / chunks, planes * (chunk + 1) / chunks,
                      scratch);
    return XINF_OK;
}

const xi_kernel xk_ref_resize[] = {
    {.op = "Resize",
     .domain = "",
     .name = "xk_resize_any_ref__portable",
     .prepare = ref_resize_prepare,
     .extent = ref_resize_extent,
     .run = ref_resize_run},
    {0},
};
