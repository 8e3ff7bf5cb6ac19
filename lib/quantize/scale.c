/* scale.c — see scale.h. */
#include "quantize/scale.h"

#include <math.h>
#include <string.h>

/* Cutting off a few large weights costs less than coarse steps for all others. The search goes down
 * from the largest weight in coarse steps, then looks between the neighbours of the best one. */
enum { SCALE_COARSE = 48, SCALE_FINE = 12, SCALE_BLOCK = 256 };
static const float scale_lowest = 0.35f;

static float scale_load(const xi_scale_set *set, int64_t run, int64_t i)
{
    float w;
    memcpy(&w, set->data + run * set->stride + i * (int64_t)sizeof w, sizeof w);
    return w;
}

/* To the nearest integer, halves to even, of a number below 2^22: what the addition cannot hold is
 * rounded away. */
static inline float scale_nearest(float x)
{
    const float large = 12582912.0f; /* 1.5 · 2^23 */
    return (x + large) - large;
}

static inline float scale_integer(float w, float scale, float low, float high)
{
    float q = w / scale;
    q = q < low ? low : q > high ? high : q;
    return scale_nearest(q);
}

int32_t xi_scale_round(float w, float scale, int32_t bits)
{
    return (int32_t)scale_integer(w, scale, (float)xi_scale_low(bits), (float)xi_scale_high(bits));
}

/* Up to SCALE_BLOCK weights of the set from number `first` on; how many. */
static int64_t scale_gather(const xi_scale_set *set, int64_t first, float *block)
{
    int64_t count = set->count * set->run - first;
    count = count < SCALE_BLOCK ? count : SCALE_BLOCK;
    for (int64_t i = 0; i < count; i++)
        block[i] = scale_load(set, (first + i) / set->run, (first + i) % set->run);
    return count;
}

/* Σ (w − scale q)² for each scale of the list. */
static void scale_errors(const xi_scale_set *set, int32_t bits, const float *scales, int32_t count,
                         double *errors)
{
    float block[SCALE_BLOCK], low = (float)xi_scale_low(bits), high = (float)xi_scale_high(bits);
    for (int32_t k = 0; k < count; k++) errors[k] = 0;
    for (int64_t first = 0, n; (n = scale_gather(set, first, block)) > 0; first += n)
        for (int32_t k = 0; k < count; k++) {
            double sum = 0;
            for (int64_t i = 0; i < n; i++) {
                double d = (double)block[i] - (double)scales[k] * (double)scale_integer(block[i],
                                                                                        scales[k],
                                                                                        low, high);
                sum += d * d;
            }
            errors[k] += sum;
        }
}

static void scale_best(const xi_scale_set *set, int32_t bits, float from, float step, int32_t count,
                       float *best, double *error)
{
    float scales[SCALE_COARSE];
    double errors[SCALE_COARSE];
    for (int32_t k = 0; k < count; k++) scales[k] = from + step * (float)k;
    scale_errors(set, bits, scales, count, errors);
    for (int32_t k = 0; k < count; k++)
        if (errors[k] < *error) {
            *error = errors[k];
            *best = scales[k];
        }
}

int xi_scale_search(const xi_scale_set *set, int32_t bits, float *out_scale, double *out_error,
                    double *out_power)
{
    float most = 0;
    *out_scale = 1;
    *out_error = *out_power = 0;
    for (int64_t run = 0; run < set->count; run++)
        for (int64_t i = 0; i < set->run; i++) {
            float w = scale_load(set, run, i);
            if (!isfinite(w)) return 0;
            most = fabsf(w) > most ? fabsf(w) : most;
            *out_power += (double)w * (double)w;
        }
    float whole = most / (float)xi_scale_high(bits),
          step = whole * (1 - scale_lowest) / SCALE_COARSE;
    if (!(whole >= 1e-30f))
        return 1; /* all zero, or so small that steps between scales could not be told apart */
    *out_scale = whole;
    *out_error = INFINITY;
    scale_best(set, bits, whole, -step, SCALE_COARSE, out_scale, out_error);
    scale_best(set, bits, *out_scale - step, 2 * step / (SCALE_FINE + 1), SCALE_FINE + 1, out_scale,
               out_error);
    return 1;
}
