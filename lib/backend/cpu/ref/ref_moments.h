/* ref_moments.h — sums of runs in double, in eight lanes whose order depends on the length alone.
 */
#ifndef XK_REF_MOMENTS_H
#define XK_REF_MOMENTS_H

#include "backend/cpu/ref/ref_block.h"

/* Of a run in kind F32 or F64. */
double xk_moments_sum(const void *x, xk_kind kind, int64_t count);
/* Σ (x - mean)². */
double xk_moments_square(const void *x, xk_kind kind, int64_t count, double mean);
/* dst = (x - mean)·scale + shift; dst may be x. */
void xk_moments_affine(void *dst, const void *x, xk_kind kind, int64_t count, double mean,
                       double scale, double shift);

#endif
