/* rows_f32_avx2.c — Softmax, LogSoftmax, LayerNormalization and xinf.SkipLayerNormalization over
 * the last axis. A chunk is a block of rows. */
#include <math.h>

#include "base/cpu.h"
#include "plan/kernel.h"

#include "backend/cpu/x86/row_avx2.h"

enum { ROWS_CHUNK = 16384 }; /* elements */

typedef struct rows_params {
    float epsilon;
    int32_t log, has_skip, has_bias;
} rows_params;

static int64_t rows_width(const xi_operand *x)
{
    return x->shape.rank ? x->shape.dim[x->shape.rank - 1] : 1;
}

static xinf_status rows_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                               int32_t width, xi_extent *e, xinf_error *err)
{
    int64_t n = rows_width(out[0]), rows = n ? out[0]->count / n : 0,
            each = n < ROWS_CHUNK ? ROWS_CHUNK / (n ? n : 1) : 1;
    e->chunks[0] = (int32_t)((rows + each - 1) / each);
    return XINF_OK;
}

static void rows_range(const xi_operand *y, int32_t chunk, int64_t *n, int64_t *first,
                       int64_t *last)
{
    *n = rows_width(y);
    int64_t rows = y->count / *n, each = *n < ROWS_CHUNK ? ROWS_CHUNK / *n : 1;
    *first = chunk * each;
    *last = *first + each < rows ? *first + each : rows;
}

static xinf_status rows_softmax_prepare(xi_prepare *p, xinf_error *err)
{
    rows_params *c = p->params;
    int32_t axis, rank = p->in[0]->shape.rank;
    if (p->in[0]->dtype != XINF_FLOAT32 || rank < 1 ||
        !xi_shape_axis(xi_node_int(p->node, "axis", -1), rank, &axis) || axis != rank - 1)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "not float32 over the last axis");
    c->log = xi_node_is(p->node, "LogSoftmax");
    p->in_place = 1;
    return XINF_OK;
}

static xinf_status rows_norm_prepare(xi_prepare *p, xinf_error *err)
{
    rows_params *c = p->params;
    bool skip = p->node->domain.len != 0;
    int32_t axis, rank = p->in[0]->shape.rank, extra = skip ? 2 : 1;
    bool takes = rank >= 1 &&
                 xi_shape_axis(skip ? -1 : xi_node_int(p->node, "axis", -1), rank, &axis) &&
                 axis == rank - 1;
    for (int32_t i = 0; i < p->in_count && takes; i++) {
        if (!p->in[i]) continue;
        const xi_shape *s = &p->in[i]->shape;
        takes = p->in[i]->dtype == XINF_FLOAT32 && (i < extra ? s->rank == rank : s->rank == 1);
        /* One number for all of a row is ref's: a scale whose size is a symbol could be that. */
        if (i >= extra && takes)
            takes = s->dim[0] != XI_DIM_UNKNOWN &&
                    (s->dim[0] != 1 || p->in[0]->shape.dim[rank - 1] == 1);
        for (int32_t k = 0; k < rank && takes && skip && i == 1; k++)
            takes = s->dim[k] == p->in[0]->shape.dim[k] && s->dim[k] != XI_DIM_UNKNOWN;
    }
    for (int32_t i = 1; i < p->out_count; i++) takes = takes && (!p->out[i] || (skip && i == 1));
    if (!takes || (skip && p->in_count > 4 && p->in[4]) ||
        xi_node_int(p->node, "stash_type", 1) != 1)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "not float32 over the last axis");
    c->epsilon = xi_node_float(p->node, "epsilon", 1e-5f);
    c->has_skip = skip;
    c->has_bias = p->in_count > extra + 1 && p->in[extra + 1];
    p->in_place = p->out_count > 1 && p->out[1] ? 0 : 1;
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

static xinf_status rows_softmax_run(const xi_call *call, int32_t phase, int32_t chunk,
                                    void *scratch, xinf_error *err)
{
    const rows_params *p = call->params;
    int64_t n, first, last;
    rows_range(call->out[0], chunk, &n, &first, &last);
    for (int64_t r = first; r < last; r++) {
        const float *src = (const float *)call->in[0]->data + r * n;
        float *dst = (float *)call->out[0]->data + r * n;
        if (!p->log) {
            xk_row_softmax(src, dst, n);
            continue;
        }
        float largest = xk_row_largest(src, n);
        if (largest == -INFINITY) largest = 0;
        xk_row_scale(src, dst, n, 1, -largest - logf(xk_row_exp_sum(src, dst, n, largest, false)));
    }
    return XINF_OK;
}

/* Σ x or Σ (x − mean)², four sums side by side. */
XK_INLINE float rows_sum(const float *src, int64_t n, bool squares, float mean)
{
    __m256 sum[4], m = _mm256_set1_ps(mean);
    int64_t i = 0;
    sum[0] = sum[1] = sum[2] = sum[3] = _mm256_setzero_ps();
#define ROWS_ADD(k)                                                                  \
    do {                                                                             \
        __m256 v = _mm256_loadu_ps(src + i + 8 * k), d = _mm256_sub_ps(v, m);        \
        sum[k] = squares ? _mm256_fmadd_ps(d, d, sum[k]) : _mm256_add_ps(sum[k], v); \
    } while (0)
    for (; i + 32 <= n; i += 32) {
        ROWS_ADD(0);
        ROWS_ADD(1);
        ROWS_ADD(2);
        ROWS_ADD(3);
    }
    for (; i + 8 <= n; i += 8) ROWS_ADD(0);
#undef ROWS_ADD
    if (i < n) {
        __m256i mask = xk_mask8(n - i);
        __m256 v = _mm256_maskload_ps(src + i, mask),
               d = _mm256_and_ps(_mm256_sub_ps(v, m), _mm256_castsi256_ps(mask));
        sum[1] = squares ? _mm256_fmadd_ps(d, d, sum[1]) : _mm256_add_ps(sum[1], v);
    }
    return xk_row_sum8(_mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
}

/* Mean, then the mean of squared distances: two passes over a row that is in L1. */
static void rows_moments(const float *src, int64_t n, float *mean, float *variance)
{
    *mean = rows_sum(src, n, false, 0) / (float)n;
    *variance = rows_sum(src, n, true, *mean) / (float)n;
}

XK_INLINE __m256 rows_normal(__m256 v, __m256 mean, __m256 inverse, __m256 scale, __m256 bias)
{
    return _mm256_add_ps(_mm256_mul_ps(_mm256_mul_ps(_mm256_sub_ps(v, mean), inverse), scale),
                         bias);
}

/* Without a bias −0 is added, which changes nothing. */
static void rows_norm_apply(const float *src, const float *scale, const float *bias, float *dst,
                            int64_t n, float mean, float inverse)
{
    __m256 m = _mm256_set1_ps(mean), f = _mm256_set1_ps(inverse), none = _mm256_set1_ps(-0.0f);
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i,
                         rows_normal(_mm256_loadu_ps(src + i), m, f, _mm256_loadu_ps(scale + i),
                                     bias ? _mm256_loadu_ps(bias + i) : none));
    if (i == n) return;
    __m256i mask = xk_mask8(n - i);
    __m256 b = bias ? _mm256_maskload_ps(bias + i, mask) : none;
    _mm256_maskstore_ps(dst + i, mask,
                        rows_normal(_mm256_maskload_ps(src + i, mask), m, f,
                                    _mm256_maskload_ps(scale + i, mask), b));
}

static void rows_add(const float *a, const float *b, float *dst, int64_t n)
{
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i, _mm256_add_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    if (i == n) return;
    __m256i mask = xk_mask8(n - i);
    _mm256_maskstore_ps(
        dst + i, mask,
        _mm256_add_ps(_mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask)));
}

static xinf_status rows_norm_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const rows_params *p = call->params;
    int64_t n, first, last;
    const float *scale = call->in[1 + p->has_skip]->data,
                *bias = p->has_bias ? call->in[2 + p->has_skip]->data : NULL;
    float *sum = call->out_count > 1 && call->out[1] ? call->out[1]->data : NULL;
    rows_range(call->out[0], chunk, &n, &first, &last);
    for (int64_t r = first; r < last; r++) {
        const float *src = (const float *)call->in[0]->data + r * n;
        float *dst = (float *)call->out[0]->data + r * n, mean, variance;
        if (p->has_skip) {
            float *to = sum ? sum + r * n : dst;
            rows_add(src, (const float *)call->in[1]->data + r * n, to, n);
            src = to;
        }
        rows_moments(src, n, &mean, &variance);
        rows_norm_apply(src, scale, bias, dst, n, mean, 1 / sqrtf(variance + p->epsilon));
    }
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_rows[];

#define ROWS_KERNEL(operator, space, kernel, prepared, runner)                                    \
    {                                                                                             \
        .op = operator, .domain = space, .name = kernel, .isa = XI_ISA_AVX2, .prepare = prepared, \
        .extent = rows_extent, .run = runner                                                      \
    }

const xi_kernel xk_avx2_rows[] = {
    ROWS_KERNEL("Softmax", "", "xk_softmax_f32_rows__avx2", rows_softmax_prepare, rows_softmax_run),
    ROWS_KERNEL("LogSoftmax", "", "xk_log_softmax_f32_rows__avx2", rows_softmax_prepare,
                rows_softmax_run),
    ROWS_KERNEL("LayerNormalization", "", "xk_layer_normalization_f32_rows__avx2",
                rows_norm_prepare, rows_norm_run),
    ROWS_KERNEL("SkipLayerNormalization", "xinf", "xk_skip_layer_normalization_f32_rows__avx2",
                rows_norm_prepare, rows_norm_run),
    {0},
};

#undef ROWS_KERNEL
