/* tile_avx2.h — the one f32 micro-kernel: up to 6 rows (pixels) by 16 columns (channels) over a
 * list of taps.
 *
 *     sums of row m += Σ over taps t, i < group:  x[offset[t] + m·stride + i] · w[(t·group + i)·16
 * …]
 *
 * Serves convolution (taps: channel group × kernel position) and matrix product (taps: runs of k).
 * 12 accumulators, 2 weights and a broadcast fill 15 of 16 registers. */
#ifndef XK_TILE_AVX2_H
#define XK_TILE_AVX2_H

#include "backend/cpu/x86/vec_avx2.h"

enum { XK_TILE_ROWS = 6, XK_TILE_COLUMNS = 16 };

XK_TARGET_BEGIN(avx2)

/* Columns 0 … 7 (a) and 8 … 15 (b) of each row. Sums live in variables of their own and rows in
 * pointers that the compiler cannot fold into one another: as arrays and sums of addresses gcc 12
 * keeps both on the stack, which costs a fifth of the speed. */
typedef struct xk_tile_sums {
    __m256 a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5;
} xk_tile_sums;

/* All rows begin with the same sixteen numbers. */
XK_INLINE xk_tile_sums xk_tile_start(__m256 a, __m256 b)
{
    return (xk_tile_sums){a, b, a, b, a, b, a, b, a, b, a, b};
}

/* use(m, a, b) for each row; rows is a constant after inlining. */
#define XK_TILE_EACH(rows, sums, use)                 \
    do {                                              \
        use(0, (sums).a0, (sums).b0);                 \
        if ((rows) > 1) use(1, (sums).a1, (sums).b1); \
        if ((rows) > 2) use(2, (sums).a2, (sums).b2); \
        if ((rows) > 3) use(3, (sums).a3, (sums).b3); \
        if ((rows) > 4) use(4, (sums).a4, (sums).b4); \
        if ((rows) > 5) use(5, (sums).a5, (sums).b5); \
    } while (0)

#define XK_TILE_POINTER(m)                                \
    const float *x##m = xt + (row ? row[m] : m * stride); \
    if (rows > m && !__builtin_constant_p(stride)) __asm__("" : "+r"(x##m))
#define XK_TILE_ROW(m, i)                               \
    do {                                                \
        if (rows > m) {                                 \
            __m256 v = _mm256_broadcast_ss(x##m + (i)); \
            s.a##m = _mm256_fmadd_ps(v, w0, s.a##m);    \
            s.b##m = _mm256_fmadd_ps(v, w1, s.b##m);    \
        }                                               \
    } while (0)
#define XK_TILE_STEP(i)                                                                  \
    do {                                                                                 \
        __m256 w0 = _mm256_load_ps(w + 16 * (i)), w1 = _mm256_load_ps(w + 16 * (i) + 8); \
        XK_TILE_ROW(0, i);                                                               \
        XK_TILE_ROW(1, i);                                                               \
        XK_TILE_ROW(2, i);                                                               \
        XK_TILE_ROW(3, i);                                                               \
        XK_TILE_ROW(4, i);                                                               \
        XK_TILE_ROW(5, i);                                                               \
    } while (0)

/* group is 1 or 8; rows is a constant after inlining, and so is whether `row` is NULL: else it has
 * the distance of each row from x, and stride is not used. */
XK_INLINE xk_tile_sums xk_tile_sum_rows(int rows, int group, const float *x, const int32_t *row,
                                        const int32_t *offset, int64_t taps, int64_t stride,
                                        const float *w, xk_tile_sums s)
{
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
    return s;
}

/* `count` rows, cut into tiles of nearly equal size: `more` tiles of `rows`, then tiles of one row
 * more. */
typedef struct xk_tile_cut {
    int64_t tiles, rows, more;
} xk_tile_cut;

XK_INLINE xk_tile_cut xk_tile_cut_of(int64_t count, int64_t most)
{
    int64_t tiles = (count + most - 1) / most, rows = tiles ? count / tiles : 0;
    return (xk_tile_cut){tiles, rows, tiles - (count - rows * tiles)};
}

XK_INLINE xk_tile_sums xk_tile_sum(int rows, int group, const float *x, const int32_t *offset,
                                   int64_t taps, int64_t stride, const float *w, xk_tile_sums s)
{
    return xk_tile_sum_rows(rows, group, x, NULL, offset, taps, stride, w, s);
}

#undef XK_TILE_POINTER
#undef XK_TILE_ROW
#undef XK_TILE_STEP

XK_TARGET_END(avx2)

#endif
