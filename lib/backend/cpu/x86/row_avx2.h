/* row_avx2.h — sums, largest elements and exponentials of one row of floats. */
#ifndef XK_ROW_AVX2_H
#define XK_ROW_AVX2_H

#include <math.h>

#include "backend/cpu/x86/vec_avx2.h"

XK_TARGET_BEGIN(avx2)

XK_INLINE float xk_row_sum8(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

XK_INLINE float xk_row_max8(__m256 v)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

/* The largest element; a NaN anywhere gives NaN by the sums that follow. */
static inline float xk_row_largest(const float *src, int64_t n)
{
    __m256 best = _mm256_set1_ps(-INFINITY);
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) best = _mm256_max_ps(best, _mm256_loadu_ps(src + i));
    if (i < n) {
        __m256i mask = xk_mask8(n - i);
        __m256 v = _mm256_blendv_ps(_mm256_set1_ps(-INFINITY), _mm256_maskload_ps(src + i, mask),
                                    _mm256_castsi256_ps(mask));
        best = _mm256_max_ps(best, v);
    }
    return xk_row_max8(best);
}

/* dst = e^(src − largest) when wanted; returns the sum. */
XK_INLINE float xk_row_exp_sum(const float *src, float *dst, int64_t n, float largest, bool store)
{
    __m256 sum = _mm256_setzero_ps(), top = _mm256_set1_ps(largest);
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 e = xk_exp8(_mm256_sub_ps(_mm256_loadu_ps(src + i), top));
        if (store) _mm256_storeu_ps(dst + i, e);
        sum = _mm256_add_ps(sum, e);
    }
    if (i < n) {
        __m256i mask = xk_mask8(n - i);
        __m256 e = xk_exp8(_mm256_sub_ps(_mm256_maskload_ps(src + i, mask), top));
        if (store) _mm256_maskstore_ps(dst + i, mask, e);
        sum = _mm256_add_ps(sum, _mm256_and_ps(e, _mm256_castsi256_ps(mask)));
    }
    return xk_row_sum8(sum);
}

/* dst = src · factor + shift */
XK_INLINE void xk_row_scale(const float *src, float *dst, int64_t n, float factor, float shift)
{
    __m256 f = _mm256_set1_ps(factor), s = _mm256_set1_ps(shift);
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i, _mm256_fmadd_ps(_mm256_loadu_ps(src + i), f, s));
    if (i == n) return;
    __m256i mask = xk_mask8(n - i);
    _mm256_maskstore_ps(dst + i, mask, _mm256_fmadd_ps(_mm256_maskload_ps(src + i, mask), f, s));
}

/* dst = softmax(src); dst may be src. */
XK_INLINE void xk_row_softmax(const float *src, float *dst, int64_t n)
{
    float largest = xk_row_largest(src, n);
    if (largest == -INFINITY) largest = 0; /* nothing but −inf: 0/0, as the definition has it */
    xk_row_scale(dst, dst, n, 1 / xk_row_exp_sum(src, dst, n, largest, true), 0);
}

XK_TARGET_END(avx2)

#endif
