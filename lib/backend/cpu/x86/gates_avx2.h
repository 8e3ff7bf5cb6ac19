/* gates_avx2.h — products with the weights of recurrent networks, in panels [gates/64][k][64]. */
#ifndef XK_GATES_AVX2_H
#define XK_GATES_AVX2_H

#include <string.h>

#include "plan/kernel.h"

#include "backend/cpu/x86/vec_avx2.h"

/* [gates][k] → [gates/64][k][64]; dst is zeroed, and gates need not fill the last panel. Returns
 * what lies behind. */
static inline float *xk_gates_pack(const char *src, int64_t gates, int64_t k, float *dst)
{
    for (int64_t panel = 0; panel < gates; panel += 64)
        for (int64_t i = 0; i < k; i++, dst += 64)
            for (int64_t j = 0; j < 64 && panel + j < gates; j++)
                memcpy(&dst[j], src + 4 * ((panel + j) * k + i), 4);
    return dst;
}

XK_TARGET_BEGIN(avx2)

/* y[0..63] = start + Σ x[i] · w[i][0..63] */
XK_INLINE void xk_gates_column(const float *x, int64_t k, const float *w, const float *start,
                               float *y)
{
    __m256 acc[8];
    for (int j = 0; j < 8; j++) acc[j] = _mm256_loadu_ps(start + 8 * j);
    for (int64_t i = 0; i < k; i++, w += 64) {
        __m256 a = _mm256_broadcast_ss(x + i);
        for (int j = 0; j < 8; j++) acc[j] = _mm256_fmadd_ps(a, _mm256_loadu_ps(w + 8 * j), acc[j]);
    }
    for (int j = 0; j < 8; j++) _mm256_storeu_ps(y + 8 * j, acc[j]);
}

/* The same for three rows and half of the columns: enough sums in flight for a product with many
 * rows. */
XK_INLINE void xk_gates_rows(const float *x, int64_t ldx, int64_t k, const float *w,
                             const float *start, float *y, int64_t ldy)
{
    __m256 acc[3][4];
    for (int m = 0; m < 3; m++)
        for (int j = 0; j < 4; j++) acc[m][j] = _mm256_loadu_ps(start + 8 * j);
    for (int64_t i = 0; i < k; i++, w += 64) {
        __m256 b[4];
        for (int j = 0; j < 4; j++) b[j] = _mm256_loadu_ps(w + 8 * j);
        for (int m = 0; m < 3; m++) {
            __m256 a = _mm256_broadcast_ss(x + m * ldx + i);
            for (int j = 0; j < 4; j++) acc[m][j] = _mm256_fmadd_ps(a, b[j], acc[m][j]);
        }
    }
    for (int m = 0; m < 3; m++)
        for (int j = 0; j < 4; j++) _mm256_storeu_ps(y + m * ldy + 8 * j, acc[m][j]);
}

/* One panel of 64 gates for `rows` rows of k numbers. */
static inline void xk_gates_panel(const float *x, int64_t rows, int64_t k, const float *w,
                                  const float *bias, float *y, int64_t ldy)
{
    int64_t r = 0;
    for (; r + 3 <= rows; r += 3)
        for (int half = 0; half < 64; half += 32)
            xk_gates_rows(x + r * k, k, k, w + half, bias + half, y + r * ldy + half, ldy);
    for (; r < rows; r++) xk_gates_column(x + r * k, k, w, bias, y + r * ldy);
}

static inline void xk_gates_start(const xi_call *call, int32_t input, int64_t at, float *dst,
                                  int64_t n)
{
    const xi_operand *o = input < call->in_count ? call->in[input] : NULL;
    if (o)
        memcpy(dst, (const float *)o->data + at, (size_t)n * 4);
    else
        memset(dst, 0, (size_t)n * 4);
}

static inline void xk_gates_finish(const xi_call *call, int32_t output, int64_t at,
                                   const float *src, int64_t n)
{
    xi_operand *o = output < call->out_count ? call->out[output] : NULL;
    if (o) memcpy((float *)o->data + at, src, (size_t)n * 4);
}

XK_TARGET_END(avx2)

#endif
