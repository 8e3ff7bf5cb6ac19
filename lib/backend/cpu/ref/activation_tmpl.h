/* activation_tmpl.h — activations on a run of one real type: included with REAL, FN and M(function)
 * defined. */

#define ACTIVATION_LOOP(kind, expression)     \
    case kind:                                \
        for (int64_t i = 0; i < count; i++) { \
            REAL v = x[i];                    \
            x[i] = (REAL)(expression);        \
        }                                     \
        break;

void FN(const xi_activation *a, REAL *x, int64_t count)
{
    const REAL alpha = a->alpha, beta = a->beta;
    switch (a->kind) {
        ACTIVATION_LOOP(XI_ACTIVATION_RELU, v > 0 || v != v ? v : 0)
        ACTIVATION_LOOP(XI_ACTIVATION_LEAKY_RELU, v < 0 ? alpha * v : v)
        ACTIVATION_LOOP(XI_ACTIVATION_CLIP, v < alpha  ? (alpha > beta ? beta : alpha)
                                            : v > beta ? beta
                                                       : v)
        ACTIVATION_LOOP(XI_ACTIVATION_SIGMOID, 1 / (1 + M(exp)(-v)))
        ACTIVATION_LOOP(XI_ACTIVATION_HARD_SIGMOID, M(fmin)(1, M(fmax)(0, alpha * v + beta)))
        ACTIVATION_LOOP(XI_ACTIVATION_HARD_SWISH,
                        v * M(fmin)(1, M(fmax)(0, v * (REAL)(1.0 / 6.0) + (REAL)0.5)))
        ACTIVATION_LOOP(XI_ACTIVATION_TANH, M(tanh)(v))
        ACTIVATION_LOOP(XI_ACTIVATION_GELU,
                        (REAL)0.5 * v * (1 + M(erf)(v * (REAL)0.70710678118654752440)))
        ACTIVATION_LOOP(
            XI_ACTIVATION_GELU_TANH,
            (REAL)0.5 * v *
                (1 + M(tanh)((REAL)0.79788456080286535588 * (v + (REAL)0.044715 * v * v * v))))
        ACTIVATION_LOOP(XI_ACTIVATION_SWISH, v / (1 + M(exp)(-alpha * v)))
        ACTIVATION_LOOP(XI_ACTIVATION_MISH,
                        v * M(tanh)(v > 0 ? v + M(log1p)(M(exp)(-v)) : M(log1p)(M(exp)(v))))
        ACTIVATION_LOOP(XI_ACTIVATION_ELU, v < 0 ? alpha * M(expm1)(v) : v)
        ACTIVATION_LOOP(XI_ACTIVATION_SOFTPLUS,
                        v > 0 ? v + M(log1p)(M(exp)(-v)) : M(log1p)(M(exp)(v)))
        ACTIVATION_LOOP(XI_ACTIVATION_SOFTSIGN, v / (1 + M(fabs)(v)))
        ACTIVATION_LOOP(XI_ACTIVATION_THRESHOLDED_RELU, v > alpha ? v : 0)
        ACTIVATION_LOOP(XI_ACTIVATION_AFFINE, alpha * v + beta)
        ACTIVATION_LOOP(XI_ACTIVATION_SCALED_TANH, alpha * M(tanh)(beta * v))
    default: break;
    }
}

#undef ACTIVATION_LOOP
#undef REAL
#undef FN
#undef M
