/* ref_tap.c — one tap of a convolution's kernel at a time. */
#include "backend/cpu/ref/ref_tap.h"

#include "backend/cpu/ref/ref_window.h"

bool xk_tap_set(xk_tap *t, int64_t flat)
{
    for (int32_t i = t->w.rank - 1; i >= 0; i--) {
        int64_t lo, hi, shift = flat % t->w.kernel[i] * t->w.dilation[i] - t->w.begin[i];
        flat /= t->w.kernel[i];
        xk_window_span(t->w.in[i], t->w.out[i], t->w.stride[i], shift, &lo, &hi);
        if (lo >= hi) return false;
        t->first[i] = lo;
        t->count[i] = hi - lo;
        t->from[i] = lo * t->w.stride[i] + shift;
        t->index[i] = 0;
    }
    return true;
}

bool xk_tap_row(xk_tap *t, int64_t *to, int64_t *from)
{
    int32_t inner = t->w.rank - 1;
    if (t->index[0] == t->count[0] || (inner == 0 && t->index[0] > 0)) return false;
    *to = *from = 0;
    for (int32_t i = 0; i <= inner; i++) {
        int64_t at = i < inner ? t->index[i] : 0;
        *to = *to * t->w.out[i] + t->first[i] + at;
        *from = *from * t->w.in[i] + t->from[i] + at * t->w.stride[i];
    }
    int32_t axis = inner > 0 ? inner - 1 : 0;
    for (t->index[axis]++; axis > 0 && t->index[axis] == t->count[axis]; t->index[axis]++)
        t->index[axis--] = 0;
    return true;
}
