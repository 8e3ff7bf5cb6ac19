/* scale.h — choosing the step between neighbouring integers for a set of weights. */
#ifndef XI_QUANTIZE_SCALE_H
#define XI_QUANTIZE_SCALE_H

#include <stdint.h>

/* Weights that share one scale: `count` runs of `run` floats (at any alignment), `stride` bytes
 * from run to run. */
typedef struct xi_scale_set {
    const char *data;
    int64_t count, run, stride;
} xi_scale_set;

/* The smallest and largest integer of `bits` bits, two's complement. */
static inline int32_t xi_scale_low(int32_t bits)
{
    return -(1 << (bits - 1));
}
static inline int32_t xi_scale_high(int32_t bits)
{
    return (1 << (bits - 1)) - 1;
}

/* The scale in steps of the largest magnitude that makes Σ (w − scale · round(w / scale))²
 * smallest, integers cut to the range of `bits`. 1 for weights that are all zero. *out_error: that
 * sum; *out_power: Σ w². False when a weight is not finite. */
int xi_scale_search(const xi_scale_set *set, int32_t bits, float *out_scale, double *out_error,
                    double *out_power);
/* round(w / scale), halves to even, cut to the range of `bits`. */
int32_t xi_scale_round(float w, float scale, int32_t bits);

#endif
