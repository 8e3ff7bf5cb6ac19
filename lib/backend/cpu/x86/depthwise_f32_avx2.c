/* depthwise_f32_avx2.c — convolution with one input channel for each output channel, in nChw8c. A chunk is a group of 8 channels: its rows are
 * copied once with zeros around, so the inner loop has no borders. Weights are packed [group][tap][8] after 8 biases. */
#include "base/cpu.h"
#include "backend/cpu/x86/conv_f32_avx2.h"

#include "backend/cpu/x86/vec_avx2.h"

typedef struct depth8_params {
    xk_conv_window window;
    int32_t channels, has_bias, has_residual;
    xi_activation act;
} depth8_params;

static xinf_status depth8_prepare(xi_prepare *p, xinf_error *err)
{
    depth8_params *c = p->params;
    const xi_operand *x = p->in[0], *w = p->in[1], *b = p->in_count > 2 ? p->in[2] : NULL, *r = p->in_count > 3 ? p->in[3] : NULL;
    if (x->dtype != XINF_FLOAT32 || !w->data || x->shape.rank != 4 || w->shape.rank != 4 || (b && !b->data) || w->shape.dim[1] != 1 ||
        w->shape.dim[0] < 8 || xi_node_int(p->node, "group", 1) != w->shape.dim[0] || !xk_conv_window_read(&c->window, p->node, w))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "not a depthwise convolution of float32 with constant weights");
    if (xi_activation_read(&c->act, p->node, NULL) != XINF_OK || !xk_act8_takes(c->act.kind))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "its activation");
    c->channels = (int32_t)w->shape.dim[0];
    c->has_bias = b != NULL;
    c->has_residual = r != NULL;
    p->in_layout[0] = p->out_layout[0] = XI_LAYOUT_C8;
    if (r) p->in_layout[3] = XI_LAYOUT_C8;
    p->packed_size = (size_t)(c->channels + 7) / 8 * 32 * (size_t)(1 + c->window.kh * c->window.kw);
    p->packed_inputs = b ? 6 : 2;
    return XINF_OK;
}

static xinf_status depth8_pack(const void *params, const xi_node *n, const xi_operand *const *in, void *dst, xinf_error *err)
{
    const depth8_params *c = params;
    const char *w = in[1]->data, *b = c->has_bias ? in[2]->data : NULL;
    int64_t taps = (int64_t)c->window.kh * c->window.kw;
    for (int64_t i = 0; i < c->channels; i++) {
        float *group = (float *)dst + i / 8 * 8 * (1 + taps);
        if (b) memcpy(&group[i % 8], b + 4 * i, 4);
        for (int64_t t = 0; t < taps; t++) memcpy(&group[8 + t * 8 + i % 8], w + 4 * (i * taps + t), 4);
    }
    return XINF_OK;
}

static xinf_status depth8_extent(const void *params, xi_operand *const *in, xi_operand *const *out, int32_t width, xi_extent *e, xinf_error *err)
{
    const depth8_params *p = params;
    xk_conv_shape s;
    xk_conv_size(&s, &p->window, in[0], out[0]);
    e->chunks[0] = (int32_t)(s.batch * ((s.ic + 7) / 8));
    if (s.padded) e->scratch = (size_t)(s.pw * (s.ih + s.window.top + s.window.bottom)) * 32;
    e->flops = (uint64_t)(2 * s.batch * s.oc * s.oh * s.ow * s.window.kh * s.window.kw);
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

static void depth8_copy(const xk_conv_shape *s, const float *src, float *dst)
{
    const xk_conv_window *w = &s->window;
    size_t row = (size_t)s->pw * 8;
    memset(dst, 0, row * (size_t)w->top * 4);
    for (int64_t i = 0; i < s->ih; i++) {
        float *to = dst + (size_t)(w->top + i) * row;
        memset(to, 0, (size_t)w->left * 32);
        memcpy(to + w->left * 8, src + i * s->iw * 8, (size_t)s->iw * 32);
        memset(to + (w->left + s->iw) * 8, 0, (size_t)w->right * 32);
    }
    memset(dst + (size_t)(w->top + s->ih) * row, 0, row * (size_t)w->bottom * 4);
}

/* `count` neighbouring pixels of one row. kh, kw are constants where the kernel is a usual one. */
XK_INLINE void depth8_pixels(int count, int64_t kh, int64_t kw, const float *x, int64_t row, int64_t column, int64_t step, const float *w, __m256 acc[6])
{
    for (int64_t i = 0; i < kh; i++)
        for (int64_t j = 0; j < kw; j++) {
            __m256 k = _mm256_loadu_ps(w + (i * kw + j) * 8);
            const float *at = x + i * row + j * column;
            for (int m = 0; m < count; m++) acc[m] = _mm256_fmadd_ps(_mm256_loadu_ps(at + m * step), k, acc[m]);
        }
}

typedef struct depth8_row {
    const float *x, *w, *residual;
    float *y;
    int64_t kh, kw, row, column, step, width;
    xi_activation act;
    __m256i keep;
} depth8_row;

XK_INLINE void depth8_store(const depth8_row *t, int count, int64_t at, __m256 acc[6])
{
    for (int m = 0; m < count; m++) {
        __m256 v = acc[m];
        if (t->residual) v = _mm256_add_ps(v, _mm256_loadu_ps(t->residual + (at + m) * 8));
        v = xk_act8(v, t->act.kind, t->act.alpha, t->act.beta);
        _mm256_storeu_ps(t->y + (at + m) * 8, _mm256_and_ps(v, _mm256_castsi256_ps(t->keep)));
    }
}

XK_INLINE void depth8_run_row(const depth8_row *t, int64_t kh, int64_t kw)
{
    __m256 acc[6], bias = _mm256_loadu_ps(t->w);
    int64_t at = 0;
    for (; at + 6 <= t->width; at += 6) {
        for (int m = 0; m < 6; m++) acc[m] = bias;
        depth8_pixels(6, kh, kw, t->x + at * t->step, t->row, t->column, t->step, t->w + 8, acc);
        depth8_store(t, 6, at, acc);
    }
    for (; at + 2 <= t->width; at += 2) {
        acc[0] = acc[1] = bias;
        depth8_pixels(2, kh, kw, t->x + at * t->step, t->row, t->column, t->step, t->w + 8, acc);
        depth8_store(t, 2, at, acc);
    }
    for (; at < t->width; at++) {
        acc[0] = bias;
        depth8_pixels(1, kh, kw, t->x + at * t->step, t->row, t->column, t->step, t->w + 8, acc);
        depth8_store(t, 1, at, acc);
    }
}

static __attribute__((noinline)) void depth8_row_3(const depth8_row *t)
{
    depth8_run_row(t, 3, 3);
}
static __attribute__((noinline)) void depth8_row_5(const depth8_row *t)
{
    depth8_run_row(t, 5, 5);
}
static __attribute__((noinline)) void depth8_row_7(const depth8_row *t)
{
    depth8_run_row(t, 7, 7);
}
static __attribute__((noinline)) void depth8_row_any(const depth8_row *t)
{
    depth8_run_row(t, t->kh, t->kw);
}

static xinf_status depth8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch, xinf_error *err)
{
    const depth8_params *p = call->params;
    xk_conv_shape s;
    xk_conv_size(&s, &p->window, call->in[0], call->out[0]);
    const xk_conv_window *w = &s.window;
    int64_t groups = (s.ic + 7) / 8, g = chunk % groups, plane = s.oh * s.ow * 8;
    const float *x = (const float *)call->in[0]->data + chunk * s.ih * s.iw * 8;
    if (s.padded) {
        depth8_copy(&s, x, scratch);
        x = scratch;
    }
    depth8_row t = {.w = (const float *)call->packed + g * 8 * (1 + w->kh * w->kw), .kh = w->kh, .kw = w->kw, .row = s.pw * w->dh * 8,
                    .column = w->dw * 8, .step = w->sw * 8, .width = s.ow, .act = p->act, .keep = xk_mask8(s.ic - g * 8)};
    void (*row)(const depth8_row *) = w->kh != w->kw ? depth8_row_any : w->kh == 3 ? depth8_row_3 : w->kh == 5 ? depth8_row_5
                                                                        : w->kh == 7 ? depth8_row_7
                                                                                     : depth8_row_any;
    for (int64_t oh = 0; oh < s.oh; oh++) {
        t.x = x + oh * w->sh * s.pw * 8;
        t.y = (float *)call->out[0]->data + chunk * plane + oh * s.ow * 8;
        t.residual = p->has_residual ? (const float *)call->in[3]->data + chunk * plane + oh * s.ow * 8 : NULL;
        row(&t);
    }
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_depthwise[];

#define DEPTH8_KERNEL(operator, space)                                                             \
    {.op = operator, .domain = space, .name = "xk_conv_f32_depthwise__avx2", .isa = XI_ISA_AVX2, .prepare = depth8_prepare,                \
     .pack = depth8_pack, .extent = depth8_extent, .run = depth8_run}

const xi_kernel xk_avx2_depthwise[] = {
    DEPTH8_KERNEL("Conv", ""),
    DEPTH8_KERNEL("FusedConv", "xinf"),
    {0},
};

#undef DEPTH8_KERNEL
