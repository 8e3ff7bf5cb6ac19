/* ref_clip.c — portable Clip. */
#include <math.h>

#include "backend/cpu/ref/ref_map.h"

extern const xi_kernel xk_ref_clip[];

typedef union ref_clip_limit {
    float f32;
    double f64;
    int32_t i32;
    int64_t i64;
    uint64_t u64;
} ref_clip_limit;

typedef struct ref_clip_limits {
    ref_clip_limit low, high;
} ref_clip_limits;

#define CLIP_LOOP(T, name)                                                              \
    static void ref_clip_##name(void *dst, const void *const *src, const int64_t *step, \
                                int64_t count, const void *arg)                         \
    {                                                                                   \
        const ref_clip_limits *l = arg;                                                 \
        const T *from = src[0], low = l->low.name, high = l->high.name;                 \
        T *to = dst;                                                                    \
        for (int64_t i = 0; i < count; i++) {                                           \
            T x = from[i] < low ? low : from[i];                                        \
            to[i] = x > high ? high : x;                                                \
        }                                                                               \
    }

CLIP_LOOP(float, f32)
CLIP_LOOP(double, f64)
CLIP_LOOP(int32_t, i32)
CLIP_LOOP(int64_t, i64)
CLIP_LOOP(uint64_t, u64)

static const xk_map_fn ref_clip_functions[] = {NULL,         ref_clip_f32, ref_clip_f64,
                                               ref_clip_i32, ref_clip_i64, ref_clip_u64};
static const ref_clip_limits ref_clip_open[] = {[XK_F32] = {{.f32 = -INFINITY}, {.f32 = INFINITY}},
                                                [XK_F64] = {{.f64 = -INFINITY}, {.f64 = INFINITY}},
                                                [XK_I32] = {{.i32 = INT32_MIN}, {.i32 = INT32_MAX}},
                                                [XK_I64] = {{.i64 = INT64_MIN}, {.i64 = INT64_MAX}},
                                                [XK_U64] = {{.u64 = 0}, {.u64 = UINT64_MAX}}};

static xinf_status ref_clip_prepare(xi_prepare *p, xinf_error *err)
{
    if (xk_kind_of(p->in[0]->dtype) == XK_NONE)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    p->in_place = 1;
    return XINF_OK;
}

static xinf_status ref_clip_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    xk_kind kind = xk_kind_of(call->in[0]->dtype);
    ref_clip_limits l = ref_clip_open[kind];
    for (int32_t i = 1; i < call->in_count; i++)
        if (call->in[i] && call->in[i]->count > 0)
            xk_block_load(i == 1 ? (void *)&l.low : (void *)&l.high, kind, call->in[i]->data,
                          call->in[i]->dtype, 0, 0, 1);
    xk_map m = {.inputs = 1,
                .in_kind = {kind},
                .out_kind = kind,
                .fn = ref_clip_functions[kind],
                .arg = &l};
    xk_map_chunk(&m, call, chunk);
    return XINF_OK;
}

const xi_kernel xk_ref_clip[] = {
    {.op = "Clip",
     .domain = "",
     .name = "xk_clip_any_ref__portable",
     .prepare = ref_clip_prepare,
     .extent = xk_map_extent,
     .run = ref_clip_run},
    {0},
};

#undef CLIP_LOOP
