/* unary_tmpl.h — the functions of ref_unary.c for one real type: included with REAL, FN(name) and
 * M(function) defined. */

#define UNARY_LOOP(name, expression)                                                            \
    static void FN(name)(void *dst, const void *const *src, const int64_t *step, int64_t count, \
                         const void *arg)                                                       \
    {                                                                                           \
        const unary_params *p = arg;                                                            \
        const REAL alpha = (REAL)p->alpha, beta = (REAL)p->beta;                                \
        const REAL *from = src[0];                                                              \
        REAL *to = dst;                                                                         \
        (void)alpha, (void)beta;                                                                \
        for (int64_t i = 0; i < count; i++) {                                                   \
            REAL x = from[i];                                                                   \
            to[i] = (REAL)(expression);                                                         \
        }                                                                                       \
    }

UNARY_LOOP(abs, M(fabs)(x))
UNARY_LOOP(neg, -x)
UNARY_LOOP(sign, x > 0 ? 1 : x < 0 ? -1 : x)
UNARY_LOOP(ceil, M(ceil)(x))
UNARY_LOOP(floor, M(floor)(x))
UNARY_LOOP(round, M(nearbyint)(x))
UNARY_LOOP(sqrt, M(sqrt)(x))
UNARY_LOOP(reciprocal, 1 / x)
UNARY_LOOP(exp, M(exp)(x))
UNARY_LOOP(log, M(log)(x))
UNARY_LOOP(sin, M(sin)(x))
UNARY_LOOP(cos, M(cos)(x))
UNARY_LOOP(tan, M(tan)(x))
UNARY_LOOP(asin, M(asin)(x))
UNARY_LOOP(acos, M(acos)(x))
UNARY_LOOP(atan, M(atan)(x))
UNARY_LOOP(sinh, M(sinh)(x))
UNARY_LOOP(cosh, M(cosh)(x))
UNARY_LOOP(tanh, M(tanh)(x))
UNARY_LOOP(asinh, M(asinh)(x))
UNARY_LOOP(acosh, M(acosh)(x))
UNARY_LOOP(atanh, M(atanh)(x))
UNARY_LOOP(erf, M(erf)(x))
UNARY_LOOP(relu, x > 0 || x != x ? x : 0)
UNARY_LOOP(leaky_relu, x < 0 ? alpha * x : x)
UNARY_LOOP(elu, x < 0 ? alpha * M(expm1)(x) : x)
UNARY_LOOP(selu, beta *(x <= 0 ? alpha * M(expm1)(x) : x))
UNARY_LOOP(celu, x < 0 ? alpha * M(expm1)(x / alpha) : x)
UNARY_LOOP(gelu, (REAL)0.5 * x * (1 + M(erf)(x * (REAL)0.70710678118654752440)))
UNARY_LOOP(gelu_tanh,
           (REAL)0.5 * x *
               (1 + M(tanh)((REAL)0.79788456080286535588 * (x + (REAL)0.044715 * x * x * x))))
UNARY_LOOP(sigmoid, x >= 0 ? 1 / (1 + M(exp)(-x)) : M(exp)(x) / (1 + M(exp)(x)))
UNARY_LOOP(hard_sigmoid, M(fmin)(1, M(fmax)(0, alpha *x + beta)))
UNARY_LOOP(hard_swish, x *M(fmin)(1, M(fmax)(0, x *(REAL)(1.0 / 6.0) + (REAL)0.5)))
UNARY_LOOP(softplus, x > 0 ? x + M(log1p)(M(exp)(-x)) : M(log1p)(M(exp)(x)))
UNARY_LOOP(softsign, x / (1 + M(fabs)(x)))
UNARY_LOOP(swish, x / (1 + M(exp)(-alpha * x)))
UNARY_LOOP(mish, x *M(tanh)(x > 0 ? x + M(log1p)(M(exp)(-x)) : M(log1p)(M(exp)(x))))
UNARY_LOOP(thresholded_relu, x > alpha ? x : 0)
UNARY_LOOP(shrink, x<-alpha ? x + beta : x> alpha ? x - beta : 0)

#undef UNARY_LOOP

static void FN(is_nan)(void *dst, const void *const *src, const int64_t *step, int64_t count,
                       const void *arg)
{
    const REAL *from = src[0];
    int32_t *to = dst;
    for (int64_t i = 0; i < count; i++) to[i] = from[i] != from[i];
}

static void FN(is_inf)(void *dst, const void *const *src, const int64_t *step, int64_t count,
                       const void *arg)
{
    const unary_params *p = arg;
    const REAL *from = src[0];
    int32_t *to = dst;
    for (int64_t i = 0; i < count; i++)
        to[i] = isinf(from[i]) && (from[i] > 0 ? p->beta != 0 : p->alpha != 0);
}

#undef REAL
#undef FN
#undef M
