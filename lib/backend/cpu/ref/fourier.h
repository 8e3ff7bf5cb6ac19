/* fourier.h — discrete Fourier transforms of any length, in double. */
#ifndef XK_REF_FOURIER_H
#define XK_REF_FOURIER_H

#include <stdbool.h>

#include "base/allocator.h"
#include "base/error.h"

typedef struct xk_complex {
    double re, im;
} xk_complex;

/* A transform of length n, with its tables. */
typedef struct xk_fourier {
    const xinf_allocator *alloc;
    int64_t n, m; /* m: the power of two that the work is done in; n itself when n is one */
    bool inverse;
    xk_complex *roots;  /* m / 2: exp(∓2πi k / m) */
    xk_complex *chirp;  /* n: exp(∓πi k² / n); NULL when n is a power of two */
    xk_complex *filter; /* m: the transform of the chirp that is folded with */
    xk_complex *work;   /* m */
    size_t size;        /* bytes of all of them */
} xk_fourier;

/* n is 1 … 2^30. */
xinf_status xk_fourier_create(xk_fourier *f, const xinf_allocator *alloc, int64_t n, bool inverse,
                              xinf_error *err);
void xk_fourier_end(xk_fourier *f);
/* x[0 … n-1] in place, without any factor. */
void xk_fourier_run(const xk_fourier *f, xk_complex *x);

#endif
