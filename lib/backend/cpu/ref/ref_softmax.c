/* ref_softmax.c — portable Softmax, LogSoftmax and Hardmax: one lane along the axis at a time. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_softmax[];

typedef enum softmax_what { SOFTMAX_PLAIN, SOFTMAX_LOG, SOFTMAX_HARD } softmax_what;

typedef struct softmax_params {
    int32_t what;
    int64_t axis;
} softmax_params;

typedef struct softmax_shape {
    int64_t outer, length, inner;
} softmax_shape;

static softmax_shape softmax_of(const softmax_params *p, const xi_shape *s)
{
    softmax_shape r = {1, 1, 1};
    int32_t axis = 0;
    if (s->rank == 0 || !xi_shape_axis(p->axis, s->rank, &axis)) return r;
    r.outer = xi_shape_span(s, 0, axis);
    r.length = s->dim[axis];
    r.inner = xi_shape_span(s, axis + 1, s->rank);
    return r;
}

#define SOFTMAX_LANE(T, suffix, M)                                                   \
    static void softmax_lane_##suffix(T *dst, const T *src, int64_t n, int32_t what) \
    {                                                                                \
        int64_t at = 0;                                                              \
        T top, sum = 0;                                                              \
        for (int64_t i = 1; i < n; i++)                                              \
            if (src[i] > src[at]) at = i;                                            \
        top = src[at];                                                               \
        if (what == SOFTMAX_HARD) {                                                  \
            for (int64_t i = 0; i < n; i++) dst[i] = i == at;                        \
            return;                                                                  \
        }                                                                            \
        if (what == SOFTMAX_LOG) {                                                   \
            for (int64_t i = 0; i < n; i++) sum += M(exp)(src[i] - top);             \
            sum = M(log)(sum);                                                       \
            for (int64_t i = 0; i < n; i++) dst[i] = src[i] - top - sum;             \
            return;                                                                  \
        }                                                                            \
        for (int64_t i = 0; i < n; i++) sum += dst[i] = M(exp)(src[i] - top);        \
        for (int64_t i = 0; i < n; i++) dst[i] /= sum;                               \
    }
#define SOFTMAX_F32(function) function##f
#define SOFTMAX_F64(function) function

SOFTMAX_LANE(float, f32, SOFTMAX_F32)
SOFTMAX_LANE(double, f64, SOFTMAX_F64)

static xinf_status softmax_prepare(xi_prepare *p, xinf_error *err)
{
    softmax_params *s = p->params;
    xinf_dtype d = p->in[0]->dtype;
    if (!xi_dtype_is_float(d))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    s->what = xi_node_is(p->node, "Hardmax")      ? SOFTMAX_HARD
              : xi_node_is(p->node, "LogSoftmax") ? SOFTMAX_LOG
                                                  : SOFTMAX_PLAIN;
    s->axis = xi_node_int(p->node, "axis", -1);
    p->in_place = 1;
    return XINF_OK;
}

static xinf_status softmax_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                  int32_t width, xi_extent *e, xinf_error *err)
{
    softmax_shape s = softmax_of(params, &in[0]->shape);
    int64_t lanes = s.outer * s.inner;
    e->chunks[0] = xk_split_chunks(lanes, s.length ? 4096 / s.length : 4096, width);
    if (!xi_mul_size((size_t)s.length, 2 * xk_kind_size(xk_kind_of(in[0]->dtype)), &e->scratch))
        return xi_fail_memory(err, SIZE_MAX);
    e->flops = (uint64_t)(lanes * s.length) * 4;
    return XINF_OK;
}

static xinf_status softmax_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const softmax_params *p = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0];
    softmax_shape s = softmax_of(p, &in->shape);
    xk_kind kind = xk_kind_of(in->dtype);
    void *dst = (char *)scratch + (size_t)s.length * xk_kind_size(kind);
    int64_t first, last;
    if (out->count == 0) return XINF_OK;
    xk_split_range(s.outer * s.inner, s.length ? 4096 / s.length : 4096, call->width, chunk, &first,
                   &last);
    for (int64_t lane = first; lane < last; lane++) {
        int64_t at = lane / s.inner * s.length * s.inner + lane % s.inner;
        if (kind == XK_F32 && s.inner == 1 && in->dtype == XINF_FLOAT32) {
            softmax_lane_f32((float *)out->data + at, (const float *)in->data + at, s.length,
                             p->what);
            continue;
        }
        xk_block_load(scratch, kind, in->data, in->dtype, at, s.inner, s.length);
        if (kind == XK_F32)
            softmax_lane_f32(dst, scratch, s.length, p->what);
        else
            softmax_lane_f64(dst, scratch, s.length, p->what);
        xk_block_store(out->data, out->dtype, at, s.inner, dst, kind, s.length);
    }
    return XINF_OK;
}

const xi_kernel xk_ref_softmax[] = {
    {.op = "Softmax",
     .domain = "",
     .name = "xk_softmax_any_ref__portable",
     .prepare = softmax_prepare,
     .extent = softmax_extent,
     .run = softmax_run},
    {.op = "LogSoftmax",
     .domain = "",
     .name = "xk_log_softmax_any_ref__portable",
     .prepare = softmax_prepare,
     .extent = softmax_extent,
     .run = softmax_run},
    {.op = "Hardmax",
     .domain = "",
     .name = "xk_hardmax_any_ref__portable",
     .prepare = softmax_prepare,
     .extent = softmax_extent,
     .run = softmax_run},
    {0},
};

#undef SOFTMAX_LANE
#undef SOFTMAX_F32
#undef SOFTMAX_F64
