/* reduce_tmpl.h — folding of runs for one type: included with T, A (accumulator), FN(name), ABS(x),
 * EXP(x), ADD(a, b), MUL(a, b) and NOT_NUMBER(x) defined. */

/* One step of a fold: what becomes of accumulator a with element x; e is LogSumExp's largest
 * element. */
#define REDUCE_CASES(LOOP)                                        \
    switch (what) {                                               \
    case REDUCE_SUM_SQUARE:                                       \
    case REDUCE_L2: LOOP(ADD(a, MUL(x, x))); break;               \
    case REDUCE_L1: LOOP(ADD(a, ABS(x))); break;                  \
    case REDUCE_PROD: LOOP(MUL(a, x)); break;                     \
    case REDUCE_MAX: LOOP(x > a || NOT_NUMBER(x) ? x : a); break; \
    case REDUCE_MIN: LOOP(x < a || NOT_NUMBER(x) ? x : a); break; \
    case REDUCE_LOG_SUM_EXP: LOOP(ADD(a, EXP(x - e))); break;     \
    default: LOOP(ADD(a, x)); break;                              \
    }

/* A run of n elements into one accumulator, in eight lanes. */
#define REDUCE_RUN(expression)                                              \
    {                                                                       \
        A lane[8];                                                          \
        int64_t i = 0;                                                      \
        for (int32_t l = 0; l < 8; l++) lane[l] = start;                    \
        for (; i + 8 <= n; i += 8)                                          \
            for (int32_t l = 0; l < 8; l++) {                               \
                A x = (A)src[i + l], a = lane[l];                           \
                lane[l] = expression;                                       \
            }                                                               \
        for (; i < n; i++) {                                                \
            A x = (A)src[i], a = lane[0];                                   \
            lane[0] = expression;                                           \
        }                                                                   \
        for (int32_t l = 0; l < 8; l++) acc = FN(join)(what, acc, lane[l]); \
    }

static A FN(join)(reduce_what what, A a, A x)
{
    switch (what) {
    case REDUCE_PROD: return MUL(a, x);
    case REDUCE_MAX: return x > a || NOT_NUMBER(x) ? x : a;
    case REDUCE_MIN: return x < a || NOT_NUMBER(x) ? x : a;
    default: return ADD(a, x);
    }
}

static A FN(run)(reduce_what what, A acc, A start, A e, const void *from, int64_t n)
{
    const T *src = from;
    (void)e;
    REDUCE_CASES(REDUCE_RUN)
    return acc;
}

/* n elements into n accumulators. */
#define REDUCE_ROW(expression)                         \
    for (int64_t i = 0; i < n; i++) {                  \
        const A x = (A)src[i], a = acc[i], e = top[i]; \
        (void)e;                                       \
        acc[i] = expression;                           \
    }

static void FN(row)(reduce_what what, A *acc, const A *top, const void *from, int64_t n)
{
    const T *src = from;
    REDUCE_CASES(REDUCE_ROW)
}

#undef REDUCE_CASES
#undef REDUCE_RUN
#undef REDUCE_ROW

/* Where the accumulator begins. */
static A FN(start)(reduce_what what)
{
    return what == REDUCE_PROD ? 1 : what == REDUCE_MAX ? LOWEST : what == REDUCE_MIN ? HIGHEST : 0;
}

/* Columns column … column+n-1 of one row of the output (n is 1 when the innermost dimension is
 * reduced), into acc. */
static void FN(fold)(const reduce_plan *p, reduce_what what, const xi_operand *in, int64_t base,
                     int64_t n, A *acc, A *top)
{
    double block[XK_BLOCK];
    int32_t passes = what == REDUCE_LOG_SUM_EXP ? 2 : 1;
    for (int64_t i = 0; i < n; i++) top[i] = 0;
    for (int32_t pass = 0; pass < passes; pass++) {
        reduce_what now = passes == 2 && pass == 0 ? REDUCE_MAX : what;
        int64_t index[XI_MAX_RANK] = {0}, at = base;
        for (int64_t i = 0; i < n; i++) acc[i] = FN(start)(now);
        for (int64_t r = 0; r < p->reduced_outer; r++) {
            if (p->inner_reduced)
                for (int64_t done = 0, m; done < p->length; done += m) {
                    m = p->length - done < XK_BLOCK ? p->length - done : XK_BLOCK;
                    const void *src = xk_block_read(block, p->kind, in->data, in->dtype, at + done,
                                                    m);
                    acc[0] = FN(run)(now, acc[0], FN(start)(now), top[0], src, m);
                }
            else
                FN(row)
                (now, acc, top, xk_block_read(block, p->kind, in->data, in->dtype, at, n), n);
            for (int32_t d = p->reduced_rank - 1; d >= 0; d--) {
                at += p->reduced_stride[d];
                if (++index[d] < p->reduced_dim[d]) break;
                at -= index[d] * p->reduced_stride[d];
                index[d] = 0;
            }
        }
        if (passes == 2 && pass == 0)
            for (int64_t i = 0; i < n; i++) top[i] = FINITE(acc[i]) ? acc[i] : 0;
    }
}

/* Units first … last-1: pieces of rows of the output. */
static void FN(all)(const reduce_plan *p, reduce_what what, const xi_operand *in,
                    const xi_operand *out, int64_t first, int64_t last)
{
    A acc[REDUCE_COLUMNS], top[REDUCE_COLUMNS];
    T result[REDUCE_COLUMNS];
    for (int64_t unit = first; unit < last; unit++) {
        int64_t column = unit % p->pieces * REDUCE_COLUMNS, row = unit / p->pieces, rest = row,
                base = column, n;
        n = p->inner_reduced                      ? 1
            : p->length - column < REDUCE_COLUMNS ? p->length - column
                                                  : REDUCE_COLUMNS;
        for (int32_t d = p->kept_rank - 1; d >= 0; d--) {
            base += rest % p->kept_dim[d] * p->kept_stride[d];
            rest /= p->kept_dim[d];
        }
        FN(fold)(p, what, in, base, n, acc, top);
        for (int64_t i = 0; i < n; i++)
            result[i] = (T)FN(finish)(what, acc[i], top[i], p->reduced_count);
        xk_block_store(out->data, out->dtype, row * (p->inner_reduced ? 1 : p->length) + column, 1,
                       result, p->kind, n);
    }
}

#undef T
#undef A
#undef FN
#undef ABS
#undef EXP
#undef LOWEST
#undef HIGHEST
#undef ADD
#undef MUL
#undef NOT_NUMBER
#undef FINITE
