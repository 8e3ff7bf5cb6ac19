/* vec_avx2.h — eight floats at a time: the few vector functions that kernels share. Stands between
 * XK_TARGET_BEGIN(avx2) and END. */
#ifndef XK_VEC_AVX2_H
#define XK_VEC_AVX2_H

#include <immintrin.h>

#include "graph/op/activation.h"

#define XK_INLINE static inline __attribute__((always_inline))

/* The activations that vector kernels can end with. */
static inline bool xk_act8_takes(int32_t kind)
{
    return kind <= XI_ACTIVATION_SWISH;
}

XK_TARGET_BEGIN(avx2)

/* First n (0 … 8) lanes. */
XK_INLINE __m256i xk_mask8(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* Eight rows of eight become eight columns. */
XK_INLINE void xk_transpose8(__m256 r[8])
{
    __m256 a[8], b[8];
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        b[4 * i] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0x44);
        b[4 * i + 1] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0xee);
        b[4 * i + 2] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0x44);
        b[4 * i + 3] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

/* e^x, within 2 ulp, for −87.3 … 88.7, or 87 where `below` says so: 2^n · p(r), p the polynomial of
 * degree 5 with the least relative error. The sum with 1.5 · 2^23 rounds to n and leaves n + 127 in
 * the lowest bits. NaN stays. */
XK_INLINE __m256 xk_exp8_within(__m256 x, bool below)
{
    const __m256 magic = _mm256_set1_ps(12583039.0f); /* 1.5 · 2^23 + 127 */
    __m256 t = _mm256_fmadd_ps(x, _mm256_set1_ps(1.44269504f), magic);
    if (!below) t = _mm256_min_ps(_mm256_set1_ps(12583166.0f), t); /* n ≤ 127 */
    __m256 n = _mm256_sub_ps(t, magic);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(8.3125075e-3f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1890152e-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6667114e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.9999231e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(t), 23)));
}

/* lo … hi; NaN stays, since the second operand wins then. */
XK_INLINE __m256 xk_clamp8(__m256 x, float lo, float hi)
{
    return _mm256_min_ps(_mm256_set1_ps(hi), _mm256_max_ps(_mm256_set1_ps(lo), x));
}

/* e^x, 0 below −87.3, the largest finite number above 88.7. */
XK_INLINE __m256 xk_exp8(__m256 x)
{
    __m256 under = _mm256_cmp_ps(x, _mm256_set1_ps(-87.336544f), _CMP_LT_OQ);
    return _mm256_andnot_ps(under, xk_exp8_within(xk_clamp8(x, -87.336544f, 88.72283f), false));
}

/* 1 / (1 + e^−x) within 4 ulp; below −87 it stays at 1.6e-38. One step of Newton's method doubles
 * the digits of the quick reciprocal. */
XK_INLINE __m256 xk_sigmoid8(__m256 x)
{
    __m256 one = _mm256_set1_ps(1.0f),
           e = xk_exp8_within(xk_clamp8(_mm256_sub_ps(_mm256_setzero_ps(), x), -87.0f, 87.0f),
                              true);
    __m256 d = _mm256_add_ps(one, e), r = _mm256_rcp_ps(d);
    return _mm256_fmadd_ps(r, _mm256_fnmadd_ps(d, r, one), r);
}

/* (1 − e^−2|x|) / (1 + e^−2|x|) with x's sign; near zero an odd polynomial. Error below 4 ulp. */
XK_INLINE __m256 xk_tanh8(__m256 x)
{
    __m256 sign = _mm256_and_ps(x, _mm256_set1_ps(-0.0f)),
           a = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
    __m256 e = xk_exp8(_mm256_mul_ps(a, _mm256_set1_ps(-2.0f)));
    __m256 one = _mm256_set1_ps(1.0f);
    __m256 big = _mm256_div_ps(_mm256_sub_ps(one, e), _mm256_add_ps(one, e));
    __m256 z = _mm256_mul_ps(a, a);
    __m256 p = _mm256_set1_ps(-5.70498872745e-3f);
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(2.06390887954e-2f));
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(-5.37397155531e-2f));
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(1.33314422036e-1f));
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(-3.33332819422e-1f));
    __m256 small = _mm256_fmadd_ps(_mm256_mul_ps(p, z), a, a);
    __m256 near = _mm256_cmp_ps(a, _mm256_set1_ps(0.625f), _CMP_LT_OQ);
    return _mm256_or_ps(_mm256_blendv_ps(big, small, near), sign);
}

/* erf by x · P(x²) / Q(x²) with the least relative error of its degrees on 0 … 3.93, where erf is 1
 * but for 3e-8; absolute error below 4e-7. The quotient at 3.93 is not less than 1, so all beyond
 * gives 1 exactly. */
XK_INLINE __m256 xk_erf8(__m256 x)
{
    __m256 a = xk_clamp8(x, -3.93f, 3.93f), z = _mm256_mul_ps(a, a);
    __m256 p = _mm256_set1_ps(2.0419384e-6f), q = _mm256_set1_ps(3.8003647e-5f);
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(2.8480685e-4f));
    q = _mm256_fmadd_ps(q, z, _mm256_set1_ps(1.1652125e-3f));
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(3.7796237e-3f));
    q = _mm256_fmadd_ps(q, z, _mm256_set1_ps(1.4997466e-2f));
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(5.2790321e-2f));
    q = _mm256_fmadd_ps(q, z, _mm256_set1_ps(1.1425774e-1f));
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(1.9078445e-1f));
    q = _mm256_fmadd_ps(q, z, _mm256_set1_ps(5.0241107e-1f));
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(1.1283791f));
    q = _mm256_fmadd_ps(q, z, _mm256_set1_ps(1.0f));
    return xk_clamp8(_mm256_div_ps(_mm256_mul_ps(p, a), q), -1.0f, 1.0f);
}

/* kind is a constant after inlining. */
XK_INLINE __m256 xk_act8_of(__m256 x, int32_t kind, float alpha, float beta)
{
    __m256 a = _mm256_set1_ps(alpha), b = _mm256_set1_ps(beta);
    switch (kind) {
    case XI_ACTIVATION_RELU: return _mm256_max_ps(_mm256_setzero_ps(), x);
    case XI_ACTIVATION_LEAKY_RELU: return _mm256_blendv_ps(x, _mm256_mul_ps(x, a), x);
    case XI_ACTIVATION_CLIP: return xk_clamp8(x, alpha, beta);
    case XI_ACTIVATION_SIGMOID: return xk_sigmoid8(x);
    case XI_ACTIVATION_HARD_SIGMOID: return xk_clamp8(_mm256_fmadd_ps(x, a, b), 0.0f, 1.0f);
    case XI_ACTIVATION_HARD_SWISH:
        a = _mm256_fmadd_ps(x, _mm256_set1_ps(1.0f / 6.0f), _mm256_set1_ps(0.5f));
        return _mm256_mul_ps(x, xk_clamp8(a, 0.0f, 1.0f));
    case XI_ACTIVATION_TANH: return xk_tanh8(x);
    case XI_ACTIVATION_GELU:
        a = _mm256_mul_ps(x, _mm256_set1_ps(0.5f));
        return _mm256_fmadd_ps(a, xk_erf8(_mm256_mul_ps(x, _mm256_set1_ps(0.70710678f))), a);
    case XI_ACTIVATION_GELU_TANH:
        a = _mm256_mul_ps(x, _mm256_set1_ps(0.5f));
        b = _mm256_fmadd_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(0.044715f), _mm256_set1_ps(1.0f));
        return _mm256_fmadd_ps(
            a, xk_tanh8(_mm256_mul_ps(_mm256_mul_ps(x, b), _mm256_set1_ps(0.7978845608f))), a);
    case XI_ACTIVATION_SWISH: return _mm256_mul_ps(x, xk_sigmoid8(_mm256_mul_ps(x, a)));
    default: return x;
    }
}

/* An activation made ready for inner loops: those that only cut are done where the value is at hand
 * (lo … hi, all of the numbers when there is none); the others by xk_act8_span over what was
 * stored, so that no loop decides for each vector. */
typedef struct xk_act8 {
    float lo, hi;
    bool later;
} xk_act8;

XK_INLINE xk_act8 xk_act8_ready(xi_activation act)
{
    xk_act8 a = {-__builtin_inff(), __builtin_inff(), false};
    if (act.kind == XI_ACTIVATION_RELU)
        a.lo = 0.0f;
    else if (act.kind == XI_ACTIVATION_CLIP)
        a.lo = act.alpha, a.hi = act.beta;
    else
        a.later = act.kind != XI_ACTIVATION_NONE;
    return a;
}

#define XK_ACT8_SPAN(kind)                                                                  \
    case kind:                                                                              \
        for (int64_t i = 0; i < count; i++) {                                               \
            __m256 v = xk_act8_of(_mm256_loadu_ps(src + 8 * i), kind, act.alpha, act.beta); \
            _mm256_storeu_ps(dst + 8 * i, _mm256_and_ps(v, _mm256_castsi256_ps(keep)));     \
        }                                                                                   \
        break

/* `count` vectors of eight; src may be dst; lanes outside `keep` become 0. */
static __attribute__((noinline, unused)) void
xk_act8_span(const float *src, float *dst, int64_t count, xi_activation act, __m256i keep)
{
    switch (act.kind) {
        XK_ACT8_SPAN(XI_ACTIVATION_RELU);
        XK_ACT8_SPAN(XI_ACTIVATION_LEAKY_RELU);
        XK_ACT8_SPAN(XI_ACTIVATION_CLIP);
        XK_ACT8_SPAN(XI_ACTIVATION_SIGMOID);
        XK_ACT8_SPAN(XI_ACTIVATION_HARD_SIGMOID);
        XK_ACT8_SPAN(XI_ACTIVATION_HARD_SWISH);
        XK_ACT8_SPAN(XI_ACTIVATION_TANH);
        XK_ACT8_SPAN(XI_ACTIVATION_GELU);
        XK_ACT8_SPAN(XI_ACTIVATION_GELU_TANH);
        XK_ACT8_SPAN(XI_ACTIVATION_SWISH);
    default: break;
    }
}

#undef XK_ACT8_SPAN

XK_TARGET_END(avx2)

#endif
