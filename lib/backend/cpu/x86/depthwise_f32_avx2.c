/* depthwise_f32_avx2.c — convolution with one input channel for each output channel, in nChw8c. A
 * chunk is a group of 8 channels: its rows are copied once with zeros around, so the inner loop has
 * no borders. Weights are packed [group][tap][8] after 8 biases. */
#include "backend/cpu/x86/conv_f32_avx2.h"
#include "base/cpu.h"

#include "backend/cpu/x86/vec_avx2.h"

typedef struct depth8_params {
    xk_conv_window window;
    int32_t channels, has_bias, has_residual;
    xi_activation act;
} depth8_params;

static xinf_status depth8_prepare(xi_prepare *p, xinf_error *err)
{
    depth8_params *c = p->params;
    const xi_operand *x = p->in[0], *w = p->in[1], *b = p->in_count > 2 ? p->in[2] : NULL,
                     *r = p->in_count > 3 ? p->in[3] : NULL;
    if (x->dtype != XINF_FLOAT32 || !w->data || x->shape.rank != 4 || w->shape.rank != 4 ||
        (b && !b->data) || w->shape.dim[1] != 1 || w->shape.dim[0] < 8 ||
        xi_node_int(p->node, "group", 1) != w->shape.dim[0] ||
        !xk_conv_window_read(&c->window, p->node, w))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "not a depthwise convolution of float32 with constant weights");
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

static xinf_status depth8_pack(const void *params, const xi_node *n, const xi_operand *const *in,
                               void *dst, xinf_error *err)
{
    const depth8_params *c = params;
    const char *w = in[1]->data, *b = c->has_bias ? in[2]->data : NULL;
    int64_t taps = (int64_t)c->window.kh * c->window.kw;
    for (int64_t i = 0; i < c->channels; i++) {
        float *group = (float *)dst + i / 8 * 8 * (1 + taps);
        if (b) memcpy(&group[i % 8], b + 4 * i, 4);
        for (int64_t t = 0; t < taps; t++)
            memcpy(&group[8 + t * 8 + i % 8], w + 4 * (i * taps + t), 4);
    }
    return XINF_OK;
}

/* Rows of output whose input, with zeros around, fills about 24 KiB. */
static int64_t depth8_band(const xk_conv_shape *s)
{
    const xk_conv_window *w = &s->window;
    int64_t fit = s->pw ? 24576 / (s->pw * 32) : s->oh,
            rows = (fit - (int64_t)(w->kh - 1) * w->dh - 1) / w->sh + 1;
    return rows < 1 ? 1 : rows > s->oh ? s->oh : rows;
}

static int64_t depth8_rows_in(const xk_conv_shape *s, int64_t rows)
{
    return (rows - 1) * s->window.sh + (int64_t)(s->window.kh - 1) * s->window.dh + 1;
}

static xinf_status depth8_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                 int32_t width, xi_extent *e, xinf_error *err)
{
    const depth8_params *p = params;
    xk_conv_shape s;
    xk_conv_size(&s, &p->window, in[0], out[0]);
    e->chunks[0] = (int32_t)(s.batch * ((s.ic + 7) / 8));
    if (s.padded && s.oh > 0)
        e->scratch = (size_t)(s.pw * depth8_rows_in(&s, depth8_band(&s))) * 32;
    e->flops = (uint64_t)(2 * s.batch * s.oc * s.oh * s.ow * s.window.kh * s.window.kw);
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

/* `rows` rows of the image from `first` on (which may lie outside of it), with zeros around. */
static void depth8_copy(const xk_conv_shape *s, const float *src, int64_t first, int64_t rows,
                        float *dst)
{
    const xk_conv_window *w = &s->window;
    for (int64_t i = first; i < first + rows; i++, dst += s->pw * 8) {
        if (i < 0 || i >= s->ih) {
            memset(dst, 0, (size_t)s->pw * 32);
            continue;
        }
        memset(dst, 0, (size_t)w->left * 32);
        memcpy(dst + w->left * 8, src + i * s->iw * 8, (size_t)s->iw * 32);
        memset(dst + (w->left + s->iw) * 8, 0, (size_t)w->right * 32);
    }
}

typedef struct depth8_row {
    const float *x, *w, *residual;
    float *y;
    int64_t kh, kw, row, column, step, width;
    xi_activation act;
    xk_act8 act8;
    __m256i keep;
} depth8_row;

/* `count` neighbouring pixels of one row. count, kw, column and step are constants after inlining
 * where the kernel is a usual one: then all addresses are one pointer a row and fixed distances. */
XK_INLINE void depth8_pixels(const depth8_row *t, int count, int64_t at, int64_t kw, int64_t column,
                             int64_t step)
{
    __m256 acc[7], bias = _mm256_loadu_ps(t->w);
    const float *row = t->x + at * step, *w = t->w + 8;
    for (int m = 0; m < count; m++) acc[m] = bias;
    for (int64_t i = 0; i < t->kh; i++, row += t->row, w += kw * 8) {
        __asm__("" : "+r"(row)); /* gcc would keep an address for each load */
        for (int64_t j = 0; j < kw; j++) {
            __m256 k = _mm256_loadu_ps(w + j * 8);
            for (int m = 0; m < count; m++)
                acc[m] = _mm256_fmadd_ps(_mm256_loadu_ps(row + j * column + m * step), k, acc[m]);
        }
    }
    for (int m = 0; m < count; m++) {
        __m256 v = acc[m];
        if (t->residual) v = _mm256_add_ps(v, _mm256_loadu_ps(t->residual + (at + m) * 8));
        v = xk_clamp8(v, t->act8.lo, t->act8.hi);
        _mm256_storeu_ps(t->y + (at + m) * 8, _mm256_and_ps(v, _mm256_castsi256_ps(t->keep)));
    }
}

XK_INLINE void depth8_run_row(const depth8_row *t, int64_t kw, int64_t column, int64_t step)
{
    int64_t at = 0;
    for (; at + 7 <= t->width; at += 7) depth8_pixels(t, 7, at, kw, column, step);
    if (t->width - at >= 4) depth8_pixels(t, 4, at, kw, column, step), at += 4;
    for (; at < t->width; at++) depth8_pixels(t, 1, at, kw, column, step);
    if (t->act8.later) xk_act8_span(t->y, t->y, t->width, t->act, t->keep);
}

#define DEPTH8_ROW(kw, stride)                                                            \
    static __attribute__((noinline)) void depth8_row_##kw##_##stride(const depth8_row *t) \
    {                                                                                     \
        depth8_run_row(t, kw, 8, stride * 8);                                             \
    }
DEPTH8_ROW(3, 1)
DEPTH8_ROW(3, 2)
DEPTH8_ROW(5, 1)
DEPTH8_ROW(5, 2)
DEPTH8_ROW(7, 1)
#undef DEPTH8_ROW

static __attribute__((noinline)) void depth8_row_any(const depth8_row *t)
{
    depth8_run_row(t, t->kw, t->column, t->step);
}

typedef void (*depth8_row_fn)(const depth8_row *t);

static depth8_row_fn depth8_row_of(const xk_conv_window *w)
{
    if (w->dw != 1 || w->sw > 2) return depth8_row_any;
    if (w->kw == 3) return w->sw == 1 ? depth8_row_3_1 : depth8_row_3_2;
    if (w->kw == 5) return w->sw == 1 ? depth8_row_5_1 : depth8_row_5_2;
    return w->kw == 7 && w->sw == 1 ? depth8_row_7_1 : depth8_row_any;
}

static xinf_status depth8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                              xinf_error *err)
{
    const depth8_params *p = call->params;
    xk_conv_shape s;
    xk_conv_size(&s, &p->window, call->in[0], call->out[0]);
    const xk_conv_window *w = &s.window;
    int64_t groups = (s.ic + 7) / 8, g = chunk % groups, plane = s.oh * s.ow * 8,
            band = depth8_band(&s);
    const float *x = (const float *)call->in[0]->data + chunk * s.ih * s.iw * 8;
    float *y = (float *)call->out[0]->data + chunk * plane;
    const float *residual = p->has_residual ? (const float *)call->in[3]->data + chunk * plane
                                            : NULL;
    depth8_row t = {.w = (const float *)call->packed + g * 8 * (1 + w->kh * w->kw),
                    .kh = w->kh,
                    .kw = w->kw,
                    .row = s.pw * w->dh * 8,
                    .column = w->dw * 8,
                    .step = w->sw * 8,
                    .width = s.ow,
                    .act = p->act,
                    .act8 = xk_act8_ready(p->act),
                    .keep = xk_mask8(s.ic - g * 8)};
    depth8_row_fn run = depth8_row_of(w);
    for (int64_t first = 0; first < s.oh; first += band) {
        int64_t rows = s.oh - first < band ? s.oh - first : band;
        const float *from = x + first * w->sh * s.iw * 8;
        if (s.padded) {
            depth8_copy(&s, x, first * w->sh - w->top, depth8_rows_in(&s, rows), scratch);
            from = scratch;
        }
        for (int64_t r = 0; r < rows; r++) {
            t.x = from + r * w->sh * s.pw * 8;
            t.y = y + (first + r) * s.ow * 8;
            t.residual = residual ? residual + (first + r) * s.ow * 8 : NULL;
            run(&t);
        }
    }
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_depthwise[];

#define DEPTH8_KERNEL(operator, space)                                          \
    {                                                                           \
        .op = operator, .domain = space, .name = "xk_conv_f32_depthwise__avx2", \
        .isa = XI_ISA_AVX2, .prepare = depth8_prepare, .pack = depth8_pack,     \
        .extent = depth8_extent, .run = depth8_run                              \
    }

const xi_kernel xk_avx2_depthwise[] = {
    DEPTH8_KERNEL("Conv", ""),
    DEPTH8_KERNEL("FusedConv", "xinf"),
    {0},
};

#undef DEPTH8_KERNEL
