/* ref_moments.c — sums of runs. */
#include "backend/cpu/ref/ref_moments.h"

#define MOMENTS(T, name)                                                                       \
    static double moments_sum_##name(const T *x, int64_t n)                                    \
    {                                                                                          \
        double lane[8] = {0}, sum = 0;                                                         \
        int64_t i = 0;                                                                         \
        for (; i + 8 <= n; i += 8)                                                             \
            for (int32_t l = 0; l < 8; l++) lane[l] += (double)x[i + l];                       \
        for (; i < n; i++) sum += (double)x[i];                                                \
        for (int32_t l = 0; l < 8; l++) sum += lane[l];                                        \
        return sum;                                                                            \
    }                                                                                          \
    static double moments_square_##name(const T *x, int64_t n, double mean)                    \
    {                                                                                          \
        double lane[8] = {0}, sum = 0;                                                         \
        int64_t i = 0;                                                                         \
        for (; i + 8 <= n; i += 8)                                                             \
            for (int32_t l = 0; l < 8; l++) {                                                  \
                double d = (double)x[i + l] - mean;                                            \
                lane[l] += d * d;                                                              \
            }                                                                                  \
        for (; i < n; i++) sum += ((double)x[i] - mean) * ((double)x[i] - mean);               \
        for (int32_t l = 0; l < 8; l++) sum += lane[l];                                        \
        return sum;                                                                            \
    }                                                                                          \
    static void moments_affine_##name(T *dst, const T *x, int64_t n, T mean, T scale, T shift) \
    {                                                                                          \
        for (int64_t i = 0; i < n; i++) dst[i] = (x[i] - mean) * scale + shift;                \
    }

MOMENTS(float, f32)
MOMENTS(double, f64)

double xk_moments_sum(const void *x, xk_kind kind, int64_t count)
{
    return kind == XK_F32 ? moments_sum_f32(x, count) : moments_sum_f64(x, count);
}

double xk_moments_square(const void *x, xk_kind kind, int64_t count, double mean)
{
    return kind == XK_F32 ? moments_square_f32(x, count, mean) : moments_square_f64(x, count, mean);
}

void xk_moments_affine(void *dst, const void *x, xk_kind kind, int64_t count, double mean,
                       double scale, double shift)
{
    if (kind == XK_F32)
        moments_affine_f32(dst, x, count, (float)mean, (float)scale, (float)shift);
    else
        moments_affine_f64(dst, x, count, mean, scale, shift);
}

#undef MOMENTS
