/* binary_tmpl.h — arithmetic and comparison of two inputs for one type: included with T, FN(name)
 * and, for integers, WRAP (the unsigned type in which sums wrap) and NEGATIVE(x) defined; for
 * floats, M(function). */

/* The compiler makes vector loops of the three common cases: both run, one stands still. */
#define BINARY_LOOP(name, R, expression)                                                        \
    static void FN(name)(void *dst, const void *const *src, const int64_t *step, int64_t count, \
                         const void *arg)                                                       \
    {                                                                                           \
        const T *a = src[0], *b = src[1];                                                       \
        const int64_t sa = step[0], sb = step[1];                                               \
        R *to = dst;                                                                            \
        if (sa == 1 && sb == 1) {                                                               \
            for (int64_t i = 0; i < count; i++) {                                               \
                const T x = a[i], y = b[i];                                                     \
                to[i] = (R)(expression);                                                        \
            }                                                                                   \
        } else if (sa == 1 && sb == 0) {                                                        \
            const T y = b[0];                                                                   \
            for (int64_t i = 0; i < count; i++) {                                               \
                const T x = a[i];                                                               \
                to[i] = (R)(expression);                                                        \
            }                                                                                   \
        } else if (sa == 0 && sb == 1) {                                                        \
            const T x = a[0];                                                                   \
            for (int64_t i = 0; i < count; i++) {                                               \
                const T y = b[i];                                                               \
                to[i] = (R)(expression);                                                        \
            }                                                                                   \
        } else {                                                                                \
            for (int64_t i = 0; i < count; i++) {                                               \
                const T x = a[i * sa], y = b[i * sb];                                           \
                to[i] = (R)(expression);                                                        \
            }                                                                                   \
        }                                                                                       \
    }

#ifdef WRAP
BINARY_LOOP(add, T, (WRAP)x + (WRAP)y)
BINARY_LOOP(sub, T, (WRAP)x - (WRAP)y)
BINARY_LOOP(mul, T, (WRAP)x *(WRAP)y)
/* A zero divisor is refused before; -1 is the one other that a quotient can overflow with. */
BINARY_LOOP(div, T, y == 0 ? 0 : NEGATIVE(y) && y == (T)-1 ? (T)(0 - (WRAP)x) : x / y)
BINARY_LOOP(fmod, T, y == 0 || (NEGATIVE(y) && y == (T)-1) ? 0 : x % y)
BINARY_LOOP(mod, T,
            y == 0 || (NEGATIVE(y) && y == (T)-1)          ? 0
            : x % y != 0 && NEGATIVE(x % y) != NEGATIVE(y) ? x % y + y
                                                           : x % y)
BINARY_LOOP(prelu, T, NEGATIVE(x) ? (T)((WRAP)x *(WRAP)y) : x)
BINARY_LOOP(bit_and, T, x &y)
BINARY_LOOP(bit_or, T, x | y)
BINARY_LOOP(bit_xor, T, x ^ y)
BINARY_LOOP(max, T, x > y ? x : y)
BINARY_LOOP(min, T, x < y ? x : y)

/* Base to a whole power; a negative one leaves only ±1 standing. */
static T FN(power)(T base, T exponent)
{
    WRAP r = 1, x = (WRAP)base;
    if (NEGATIVE(exponent)) return base == 1 ? 1 : base == (T)-1 ? (exponent & 1 ? (T)-1 : 1) : 0;
    for (WRAP e = (WRAP)exponent; e; e >>= 1) {
        if (e & 1) r *= x;
        x *= x;
    }
    return (T)r;
}
BINARY_LOOP(pow, T, FN(power)(x, y))
#else
BINARY_LOOP(add, T, x + y)
BINARY_LOOP(sub, T, x - y)
BINARY_LOOP(mul, T, x *y)
BINARY_LOOP(div, T, x / y)
BINARY_LOOP(prelu, T, x < 0 ? x * y : x)
/* As numpy: not-a-number wins. */
BINARY_LOOP(max, T, x != x || x > y ? x : y)
BINARY_LOOP(min, T, x != x || x < y ? x : y)
BINARY_LOOP(fmod, T, M(fmod)(x, y))

/* The remainder with the divisor's sign. */
static T FN(floor_mod)(T x, T y)
{
    T r = M(fmod)(x, y);
    return r == 0 ? M(copysign)(0, y) : (r < 0) != (y < 0) ? r + y : r;
}
BINARY_LOOP(mod, T, FN(floor_mod)(x, y))
BINARY_LOOP(power, T, M(pow)(x, y))

static void FN(pow)(void *dst, const void *const *src, const int64_t *step, int64_t count,
                    const void *arg)
{
    const T *x = src[0], *y = src[1];
    T *to = dst;
    const T fixed = count ? y[0] : 0;
    if (step[1] == 0 && fixed == 2)
        for (int64_t i = 0; i < count; i++) to[i] = x[i * step[0]] * x[i * step[0]];
    else if (step[1] == 0 && fixed == 3)
        for (int64_t i = 0; i < count; i++)
            to[i] = x[i * step[0]] * x[i * step[0]] * x[i * step[0]];
    else
        FN(power)(dst, src, step, count, arg);
}
#endif

BINARY_LOOP(equal, int32_t, x == y)
BINARY_LOOP(less, int32_t, x < y)
BINARY_LOOP(greater, int32_t, x > y)
BINARY_LOOP(less_or_equal, int32_t, x <= y)
BINARY_LOOP(greater_or_equal, int32_t, x >= y)

#undef BINARY_LOOP
#undef T
#undef FN
#undef WRAP
#undef NEGATIVE
#undef M
