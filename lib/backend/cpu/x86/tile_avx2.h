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

/* Two things that gcc 12 does to the plain form cost a fifth of the speed, so both are kept from it: it chooses among the forms of the
 * instruction and moves accumulators between registers, and it keeps an address for each row and position, most of them in memory. */
#define XK_TILE_FMA(c, a, b) __asm__("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b))

#define XK_TILE_ROW(m, src)                                                                        \
    if (rows > m) {                                                                                \
        __m256 a = _mm256_broadcast_ss((const float *)(src));                                      \
        XK_TILE_FMA(low##m, a, w0);                                                                \
        XK_TILE_FMA(high##m, a, w1);                                                               \
    }

#define XK_TILE_STEP(i)                                                                            \
    do {                                                                                           \
        __m256 w0 = _mm256_load_ps(w + 16 * (i)), w1 = _mm256_load_ps(w + 16 * (i) + 8);           \
        XK_TILE_ROW(0, p + 4 * (i))                                                                \
        XK_TILE_ROW(1, p + step + 4 * (i))                                                         \
        XK_TILE_ROW(2, p + 2 * step + 4 * (i))                                                     \
        XK_TILE_ROW(3, q + 4 * (i))                                                                \
        XK_TILE_ROW(4, q + step + 4 * (i))                                                         \
        XK_TILE_ROW(5, q + 2 * step + 4 * (i))                                                     \
    } while (0)

#define XK_TILE_TAKE(m) __m256 low##m = acc[m][0], high##m = acc[m][1]
#define XK_TILE_GIVE(m)                                                                            \
    if (rows > m) acc[m][0] = low##m, acc[m][1] = high##m

/* group is 1 or 8; rows is a constant after inlining. */
XK_INLINE void xk_tile_sum(int rows, int group, const float *x, const int32_t *offset, int64_t taps, int64_t stride, const float *w,
                           __m256 acc[XK_TILE_ROWS][2])
{
    int64_t step = stride * 4;
    XK_TILE_TAKE(0);
    XK_TILE_TAKE(1);
    XK_TILE_TAKE(2);
    XK_TILE_TAKE(3);
    XK_TILE_TAKE(4);
    XK_TILE_TAKE(5);
    for (int64_t t = 0; t < taps; t++) {
        const char *p = (const char *)(x + offset[t]), *q = p + 3 * step;
        __asm__("" : "+r"(p), "+r"(q), "+r"(step)); /* what follows from them is not computed ahead of the loop */
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
        w += 16 * group;
    }
    XK_TILE_GIVE(0);
    XK_TILE_GIVE(1);
    XK_TILE_GIVE(2);
    XK_TILE_GIVE(3);
    XK_TILE_GIVE(4);
    XK_TILE_GIVE(5);
}

#undef XK_TILE_FMA
#undef XK_TILE_ROW
#undef XK_TILE_STEP
#undef XK_TILE_TAKE
#undef XK_TILE_GIVE

XK_TARGET_END(avx2)

#endif
