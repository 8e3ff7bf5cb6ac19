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

/* Sums live in variables of their own and rows in pointers that the compiler cannot fold into one another: as arrays and sums of addresses
 * gcc 12 keeps both on the stack, which costs a fifth of the speed. */
#define XK_TILE_IN(m) __m256 a##m = rows > m ? acc[m][0] : zero, b##m = rows > m ? acc[m][1] : zero
#define XK_TILE_OUT(m)                                                                             \
    do {                                                                                           \
        if (rows > m) acc[m][0] = a##m, acc[m][1] = b##m;                                          \
    } while (0)
#define XK_TILE_POINTER(m)                                                                         \
    const float *x##m = xt + m * stride;                                                           \
    if (rows > m) __asm__("" : "+r"(x##m))
#define XK_TILE_ROW(m, i)                                                                          \
    do {                                                                                           \
        if (rows > m) {                                                                            \
            __m256 v = _mm256_broadcast_ss(x##m + (i));                                            \
            a##m = _mm256_fmadd_ps(v, w0, a##m);                                                   \
            b##m = _mm256_fmadd_ps(v, w1, b##m);                                                   \
        }                                                                                          \
    } while (0)
#define XK_TILE_STEP(i)                                                                            \
    do {                                                                                           \
        __m256 w0 = _mm256_load_ps(w + 16 * (i)), w1 = _mm256_load_ps(w + 16 * (i) + 8);           \
        XK_TILE_ROW(0, i);                                                                         \
        XK_TILE_ROW(1, i);                                                                         \
        XK_TILE_ROW(2, i);                                                                         \
        XK_TILE_ROW(3, i);                                                                         \
        XK_TILE_ROW(4, i);                                                                         \
        XK_TILE_ROW(5, i);                                                                         \
    } while (0)

/* group is 1 or 8; rows is a constant after inlining. */
XK_INLINE void xk_tile_sum(int rows, int group, const float *x, const int32_t *offset, int64_t taps, int64_t stride, const float *w,
                           __m256 acc[XK_TILE_ROWS][2])
{
    __m256 zero = _mm256_setzero_ps();
    XK_TILE_IN(0);
    XK_TILE_IN(1);
    XK_TILE_IN(2);
    XK_TILE_IN(3);
    XK_TILE_IN(4);
    XK_TILE_IN(5);
    for (int64_t t = 0; t < taps; t++) {
        const float *xt = x + offset[t];
        XK_TILE_POINTER(0);
        XK_TILE_POINTER(1);
        XK_TILE_POINTER(2);
        XK_TILE_POINTER(3);
        XK_TILE_POINTER(4);
        XK_TILE_POINTER(5);
        XK_TILE_STEP(0);
        if (group == 8) {
            XK_TILE_STEP(1);
            XK_TILE_STEP(2);
            XK_TILE_STEP(3);
            XK_TILE_STEP(4);
            XK_TILE_STEP(5);
            XK_TILE_STEP(6);
            XK_TILE_STEP(7);
        }
        w += group * 16;
    }
    XK_TILE_OUT(0);
    XK_TILE_OUT(1);
    XK_TILE_OUT(2);
    XK_TILE_OUT(3);
    XK_TILE_OUT(4);
    XK_TILE_OUT(5);
}

#undef XK_TILE_IN
#undef XK_TILE_OUT
#undef XK_TILE_POINTER
#undef XK_TILE_ROW
#undef XK_TILE_STEP

XK_TARGET_END(avx2)

#endif
