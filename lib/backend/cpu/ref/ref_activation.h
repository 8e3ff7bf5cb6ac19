/* ref_activation.h — activations on a run of float32, as fused and recurrent kernels end with. */
#ifndef XK_REF_ACTIVATION_H
#define XK_REF_ACTIVATION_H

#include "graph/op/activation.h"

/* In place. */
void xk_activation_run(const xi_activation *a, float *x, int64_t count);
void xk_activation_run_f64(const xi_activation *a, double *x, int64_t count);

#endif
