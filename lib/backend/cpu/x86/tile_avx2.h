/* tile_avx2.h — the one f32 micro-kernel: up to 6 rows (pixels) by 16 columns (channels) over a list of taps.
 *
 *     acc[m][0..15] += Σ over taps t, i < group:  x[offset[t] + m·stride + i] · w[(t·group + i)·16 …]
 *
 * Serves convolution (taps: channel group × kernel position) and matrix product (taps: runs of k). 12 accumulators, 2 weights and a
 * broadcast fill 15 of 16 registers. */
#ifndef XK_TILE_AVX2_H
#define XK_TILE_AVX2_H

#include "backend/cpu/x86/vec_avx2.h"

enum { XK_TILE_ROWS = 6, XK_TILE_COLUMNS = 16 };

XK_TARGET_BEGIN(avx2)

#define XK_TILE_STEP(i)                                                                            \
    do {                                                                                           \
        __m256 w0 = _mm256_load_ps(w), w1 = _mm256_load_ps(w + 8);                                 \
        w += 16;                                                                                   \
        for (int m = 0; m < rows; m++) {                                                           \
            __m256 a = _mm256_broadcast_ss(xt + m * stride + (i));                                 \
            acc[m][0] = _mm256_fmadd_ps(a, w0, acc[m][0]);                                         \
            acc[m][1] = _mm256_fmadd_ps(a, w1, acc[m][1]);                                         \
        }                                                                                          \
    } while (0)

/* group is 1 or 8; rows is a constant after inlining. */
XK_INLINE void xk_tile_sum(int rows, int group, const float *x, const int32_t *offset, int64_t taps, int64_t stride, const float *w,
                           __m256 acc[XK_TILE_ROWS][2])
{
    for (int64_t t = 0; t < taps; t++) {
        const float *xt = x + offset[t];
        if (group == 8) {
            XK_TILE_STEP(0);
            XK_TILE_STEP(1);
            XK_TILE_STEP(2);
            XK_TILE_STEP(3);
            XK_TILE_STEP(4);
            XK_TILE_STEP(5);
            XK_TILE_STEP(6);
            XK_TILE_STEP(7);
        } else {
            XK_TILE_STEP(0);
        }
    }
}

#undef XK_TILE_STEP

XK_TARGET_END(avx2)

#endif
