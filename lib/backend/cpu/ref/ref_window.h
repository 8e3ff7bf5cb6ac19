/* ref_window.h — which outputs of a sliding window meet the input. */
#ifndef XK_REF_WINDOW_H
#define XK_REF_WINDOW_H

#include <stdint.h>

/* The o in 0 … out-1 for which o·stride + offset lies in 0 … in-1: lo … hi-1. */
static inline void xk_window_span(int64_t in, int64_t out, int64_t stride, int64_t offset,
                                  int64_t *lo, int64_t *hi)
{
    int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    int64_t last = in - offset <= 0 ? 0 : (in - offset - 1) / stride + 1;
    if (last > out) last = out;
    *lo = first < last ? first : last;
    *hi = last;
}

#endif
