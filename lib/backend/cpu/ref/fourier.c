/* fourier.c — radix 2 for powers of two; other lengths as a convolution with a chirp (Bluestein).
 */
#include "backend/cpu/ref/fourier.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

static const double fourier_pi = 3.14159265358979323846;

static xk_complex fourier_mul(xk_complex a, xk_complex b)
{
    return (xk_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* x[0 … m-1] in place; roots go around backwards when `conjugate`. */
static void fourier_radix(const xk_fourier *f, xk_complex *x, bool conjugate)
{
    int64_t m = f->m;
    for (int64_t i = 1, j = 0; i < m; i++) {
        int64_t bit = m >> 1;
        for (; j & bit; bit >>= 1) j ^= bit;
        j ^= bit;
        if (i >= j) continue;
        xk_complex t = x[i];
        x[i] = x[j];
        x[j] = t;
    }
    for (int64_t half = 1; half < m; half *= 2)
        for (int64_t i = 0; i < m; i += 2 * half)
            for (int64_t k = 0; k < half; k++) {
                xk_complex root = f->roots[k * (m / (2 * half))];
                if (conjugate) root.im = -root.im;
                xk_complex a = x[i + k], b = fourier_mul(x[i + k + half], root);
                x[i + k] = (xk_complex){a.re + b.re, a.im + b.im};
                x[i + k + half] = (xk_complex){a.re - b.re, a.im - b.im};
            }
}

xinf_status xk_fourier_create(xk_fourier *f, const xinf_allocator *alloc, int64_t n, bool inverse,
                              xinf_error *err)
{
    double sign = inverse ? 1 : -1;
    bool two = (n & (n - 1)) == 0;
    size_t count;
    *f = (xk_fourier){.alloc = alloc, .n = n, .m = 1, .inverse = inverse};
    while (f->m < (two ? n : 2 * n)) f->m *= 2;
    count = (size_t)f->m / 2 + 1 + (two ? 0 : (size_t)n + 2 * (size_t)f->m);
    if (!xi_mul_size(count, sizeof *f->roots, &f->size) || !(f->roots = xi_alloc(alloc, f->size)))
        return xi_fail_memory(err, f->size);
    for (int64_t k = 0; k < f->m / 2; k++) {
        double angle = sign * 2 * fourier_pi * (double)k / (double)f->m;
        f->roots[k] = (xk_complex){cos(angle), sin(angle)};
    }
    if (two) return XINF_OK;
    f->chirp = f->roots + f->m / 2 + 1;
    f->filter = f->chirp + n;
    f->work = f->filter + f->m;
    memset(f->filter, 0, (size_t)f->m * sizeof *f->filter);
    for (int64_t k = 0; k < n; k++) {
        uint64_t square = (uint64_t)k * (uint64_t)k % (2 * (uint64_t)n);
        double angle = sign * fourier_pi * (double)square / (double)n;
        f->chirp[k] = (xk_complex){cos(angle), sin(angle)};
        xk_complex back = {f->chirp[k].re, -f->chirp[k].im};
        f->filter[k] = back;
        if (k) f->filter[f->m - k] = back;
    }
    fourier_radix(f, f->filter, false);
    return XINF_OK;
}

void xk_fourier_end(xk_fourier *f)
{
    if (f->alloc) xi_free(f->alloc, f->roots, f->size);
    *f = (xk_fourier){0};
}

void xk_fourier_run(const xk_fourier *f, xk_complex *x)
{
    if (!f->chirp) {
        fourier_radix(f, x, false);
        return;
    }
    for (int64_t k = 0; k < f->m; k++)
        f->work[k] = k < f->n ? fourier_mul(x[k], f->chirp[k]) : (xk_complex){0, 0};
    fourier_radix(f, f->work, false);
    for (int64_t k = 0; k < f->m; k++) f->work[k] = fourier_mul(f->work[k], f->filter[k]);
    fourier_radix(f, f->work, true);
    for (int64_t k = 0; k < f->n; k++) {
        xk_complex v = fourier_mul(f->work[k], f->chirp[k]);
        x[k] = (xk_complex){v.re / (double)f->m, v.im / (double)f->m};
    }
}
