/* pool_f32_avx2.c — MaxPool, AveragePool over two axes and GlobalAveragePool in nChw8c. A chunk is
 * one group of 8 channels of one image. */
#include <math.h>

#include "backend/cpu/x86/conv_f32_avx2.h"
#include "base/cpu.h"

#include "backend/cpu/x86/vec_avx2.h"

typedef struct pool8_params {
    xk_conv_window window;
    int32_t kind, include_pad;
} pool8_params;

enum { POOL8_MAX, POOL8_AVERAGE, POOL8_GLOBAL };

static xinf_status pool8_refuse(xi_prepare *p, xinf_error *err)
{
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                          "not a pooling over two axes of a blocked float32 image");
}

static xinf_status pool8_prepare(xi_prepare *p, xinf_error *err)
{
    pool8_params *c = p->params;
    const int64_t *kernel;
    const xi_operand *x = p->in[0];
    if (x->dtype != XINF_FLOAT32 || x->layout != XI_LAYOUT_C8 || x->shape.rank != 4)
        return pool8_refuse(p, err);
    p->in_layout[0] = p->out_layout[0] = XI_LAYOUT_C8;
    if (xi_node_is(p->node, "GlobalAveragePool")) {
        c->kind = POOL8_GLOBAL;
        return XINF_OK;
    }
    c->kind = xi_node_is(p->node, "MaxPool") ? POOL8_MAX : POOL8_AVERAGE;
    c->include_pad = (int32_t)xi_node_int(p->node, "count_include_pad", 0);
    if ((xi_node_int(p->node, "ceil_mode", 0) && c->kind != POOL8_MAX) ||
        (p->out_count > 1 && p->out[1]) || xi_node_ints(p->node, "kernel_shape", &kernel) != 2)
        return pool8_refuse(p, err);
    xi_operand shape = {.shape = {.rank = 4, .dim = {1, 1, kernel[0], kernel[1]}}};
    return xk_conv_window_read(&c->window, p->node, &shape) ? XINF_OK : pool8_refuse(p, err);
}

static xinf_status pool8_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                int32_t width, xi_extent *e, xinf_error *err)
{
    e->chunks[0] = (int32_t)(in[0]->shape.dim[0] * ((in[0]->shape.dim[1] + 7) / 8));
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

static void pool8_global(const float *src, float *dst, int64_t pixels)
{
    __m256 sum[4];
    int64_t p = 0;
    for (int i = 0; i < 4; i++) sum[i] = _mm256_setzero_ps();
    for (; p + 4 <= pixels; p += 4)
        for (int i = 0; i < 4; i++)
            sum[i] = _mm256_add_ps(sum[i], _mm256_loadu_ps(src + (p + i) * 8));
    for (; p < pixels; p++) sum[0] = _mm256_add_ps(sum[0], _mm256_loadu_ps(src + p * 8));
    __m256 all = _mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3]));
    _mm256_storeu_ps(dst, _mm256_div_ps(all, _mm256_set1_ps((float)pixels)));
}

/* One pixel whose window leaves the image. */
static __m256 pool8_edge(const pool8_params *p, const xk_conv_shape *s, const float *src,
                         int64_t top, int64_t left)
{
    const xk_conv_window *w = &s->window;
    __m256 v = p->kind == POOL8_MAX ? _mm256_set1_ps(-INFINITY) : _mm256_setzero_ps();
    int64_t seen = 0;
    for (int64_t i = 0; i < w->kh; i++) {
        int64_t ih = top + i * w->dh;
        if (ih < 0 || ih >= s->ih) continue;
        for (int64_t j = 0; j < w->kw; j++) {
            int64_t iw = left + j * w->dw;
            if (iw < 0 || iw >= s->iw) continue;
            __m256 x = _mm256_loadu_ps(src + (ih * s->iw + iw) * 8);
            v = p->kind == POOL8_MAX ? _mm256_max_ps(x, v) : _mm256_add_ps(v, x);
            seen++;
        }
    }
    if (p->kind == POOL8_AVERAGE)
        v = _mm256_div_ps(v, _mm256_set1_ps((float)(p->include_pad ? w->kh * w->kw : seen)));
    return v;
}

/* `count` pixels of a row whose windows are inside; kh and kw are constants after inlining where
 * the window is a usual one. */
XK_INLINE void pool8_inside(bool max, const xk_conv_shape *s, int64_t kh, int64_t kw,
                            const float *src, float *dst, int64_t count)
{
    int64_t row = s->iw * s->window.dh * 8, column = s->window.dw * 8, step = s->window.sw * 8;
    __m256 area = _mm256_set1_ps((float)(kh * kw));
    for (int64_t x = 0; x < count; x++, src += step, dst += 8) {
        __m256 v = max ? _mm256_set1_ps(-INFINITY) : _mm256_setzero_ps();
        const float *at = src;
        for (int64_t i = 0; i < kh; i++, at += row)
            for (int64_t j = 0; j < kw; j++)
                v = max ? _mm256_max_ps(_mm256_loadu_ps(at + j * column), v)
                        : _mm256_add_ps(v, _mm256_loadu_ps(at + j * column));
        _mm256_storeu_ps(dst, max ? v : _mm256_div_ps(v, area));
    }
}

static void pool8_row(const pool8_params *p, const xk_conv_shape *s, const float *src, float *dst,
                      int64_t count)
{
    const xk_conv_window *w = &s->window;
    if (p->kind == POOL8_AVERAGE)
        pool8_inside(false, s, w->kh, w->kw, src, dst, count);
    else if (w->kh == 3 && w->kw == 3)
        pool8_inside(true, s, 3, 3, src, dst, count);
    else if (w->kh == 2 && w->kw == 2)
        pool8_inside(true, s, 2, 2, src, dst, count);
    else
        pool8_inside(true, s, w->kh, w->kw, src, dst, count);
}

static void pool8_window(const pool8_params *p, const xk_conv_shape *s, const float *src,
                         float *dst)
{
    const xk_conv_window *w = &s->window;
    int64_t reach_h = (w->kh - 1) * w->dh + 1, reach_w = (w->kw - 1) * w->dw + 1;
    /* Pixels first … last − 1 of a row have their windows inside of it. */
    int64_t first = (w->left + w->sw - 1) / w->sw,
            last = s->iw + w->left >= reach_w ? (s->iw + w->left - reach_w) / w->sw + 1 : 0;
    if (last > s->ow) last = s->ow;
    for (int64_t oh = 0; oh < s->oh; oh++, dst += s->ow * 8) {
        int64_t top = oh * w->sh - w->top, from = first, to = last;
        if (top < 0 || top + reach_h > s->ih || from >= to) from = to = s->ow;
        for (int64_t ow = 0; ow < from; ow++)
            _mm256_storeu_ps(dst + ow * 8, pool8_edge(p, s, src, top, ow * w->sw - w->left));
        if (from < to)
            pool8_row(p, s, src + (top * s->iw + from * w->sw - w->left) * 8, dst + from * 8,
                      to - from);
        for (int64_t ow = to; ow < s->ow; ow++)
            _mm256_storeu_ps(dst + ow * 8, pool8_edge(p, s, src, top, ow * w->sw - w->left));
    }
}

static xinf_status pool8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                             xinf_error *err)
{
    const pool8_params *p = call->params;
    xk_conv_shape s;
    if (p->kind == POOL8_GLOBAL) {
        int64_t pixels = call->in[0]->shape.dim[2] * call->in[0]->shape.dim[3];
        pool8_global((const float *)call->in[0]->data + chunk * pixels * 8,
                     (float *)call->out[0]->data + chunk * 8, pixels);
        return XINF_OK;
    }
    xk_conv_size(&s, &p->window, call->in[0], call->out[0]);
    int64_t channels = s.ic - chunk % ((s.ic + 7) / 8) * 8;
    float *dst = (float *)call->out[0]->data + chunk * s.oh * s.ow * 8;
    pool8_window(p, &s, (const float *)call->in[0]->data + chunk * s.ih * s.iw * 8, dst);
    for (int64_t i = 0; channels < 8 && i < s.oh * s.ow; i++) /* the padding stays zero */
        for (int64_t c = channels; c < 8; c++) dst[i * 8 + c] = 0;
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_pool[];

#define POOL8_KERNEL(operator, kernel)                                                \
    {                                                                                 \
        .op = operator, .name = kernel, .isa = XI_ISA_AVX2, .prepare = pool8_prepare, \
        .extent = pool8_extent, .run = pool8_run                                      \
    }

const xi_kernel xk_avx2_pool[] = {
    POOL8_KERNEL("MaxPool", "xk_max_pool_f32_c8__avx2"),
    POOL8_KERNEL("AveragePool", "xk_average_pool_f32_c8__avx2"),
    POOL8_KERNEL("GlobalAveragePool", "xk_global_average_pool_f32_c8__avx2"),
    {0},
};

#undef POOL8_KERNEL
