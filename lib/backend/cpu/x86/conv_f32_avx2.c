/* conv_f32_avx2.c — direct convolution in nChw8c: Conv and xinf.FusedConv with constant weights, in
 * one group or in groups of whole blocks.
 *
 * A chunk is a block of output rows of one image, times a group of panels of 16 output channels.
 * Where there is padding it first copies the input rows that it needs, zeros around them, into the
 * worker's scratch; so the inner loop has no borders. Inputs of fewer than 8 channels are read from
 * NCHW. Weights are packed [oc/16][ic group][tap][8][16], padded with zeros.
 *
 * Small images with many input channels are done otherwise: all pixels in one chunk, tiles cut from
 * the sequence of pixels whatever row they are in, and input channels in blocks, so that a block of
 * weights stays in L1 for all tiles while the next one is fetched. There the zeros are put around
 * the image once, in phase 0. */
#include "backend/cpu/x86/conv_f32_avx2.h"

#include "base/checked.h"
#include "base/cpu.h"

#include "backend/cpu/x86/tile_avx2.h"

typedef struct conv8_params {
    xk_conv_window window;
    int32_t ic, oc, first; /* ic, oc: of one group; first: the input is read from NCHW */
    int32_t parts;         /* groups */
    int32_t has_bias, has_residual;
    xi_activation act;
} conv8_params;

/* ---- shared with the other convolutions of this folder ---- */

bool xk_conv_window_read(xk_conv_window *w, const xi_node *n, const xi_operand *weight)
{
    const int64_t *strides, *dilations, *pads;
    int32_t spatial = weight->shape.rank - 2;
    xi_str auto_pad = xi_node_string(n, "auto_pad", "NOTSET");
    if ((spatial != 1 && spatial != 2) || !xi_shape_known(&weight->shape)) return false;
    int32_t has_strides = xi_node_ints(n, "strides", &strides),
            has_dilations = xi_node_ints(n, "dilations", &dilations),
            has_pads = xi_node_ints(n, "pads", &pads);
    int64_t k[2] = {1, 1}, s[2] = {1, 1}, d[2] = {1, 1}, p[4] = {0, 0, 0, 0};
    for (int32_t i = 0; i < spatial; i++) {
        int32_t at = i + 2 - spatial; /* one axis: the second */
        k[at] = weight->shape.dim[2 + i];
        s[at] = has_strides == spatial ? strides[i] : 1;
        d[at] = has_dilations == spatial ? dilations[i] : 1;
        p[at] = has_pads == 2 * spatial ? pads[i] : 0;
        p[2 + at] = has_pads == 2 * spatial ? pads[spatial + i] : 0;
    }
    for (int i = 0; i < 2; i++)
        if (k[i] < 1 || k[i] > 64 || s[i] < 1 || s[i] > 64 || d[i] < 1 || d[i] > 256 || p[i] < 0 ||
            p[i] > 4096 || p[2 + i] < 0 || p[2 + i] > 4096)
            return false;
    w->auto_pad = xi_str_is(auto_pad, "SAME_UPPER")   ? 1
                  : xi_str_is(auto_pad, "SAME_LOWER") ? 2
                  : xi_str_is(auto_pad, "VALID")      ? 3
                                                      : 0;
    if (w->auto_pad == 3) memset(p, 0, sizeof p);
    w->kh = (int32_t)k[0], w->kw = (int32_t)k[1];
    w->sh = (int32_t)s[0], w->sw = (int32_t)s[1];
    w->dh = (int32_t)d[0], w->dw = (int32_t)d[1];
    w->top = (int32_t)p[0], w->left = (int32_t)p[1], w->bottom = (int32_t)p[2],
    w->right = (int32_t)p[3];
    return true;
}

static void conv_auto_pad(int64_t in, int32_t kernel, int32_t dilation, int32_t stride, bool lower,
                          int32_t *before, int32_t *after)
{
    int64_t out = (in + stride - 1) / stride,
            need = (out - 1) * stride + (int64_t)(kernel - 1) * dilation + 1 - in;
    need = need < 0 ? 0 : need;
    *before = (int32_t)(lower ? need - need / 2 : need / 2);
    *after = (int32_t)(need - *before);
}

void xk_conv_size(xk_conv_shape *s, const xk_conv_window *given, const xi_operand *x,
                  const xi_operand *y)
{
    xk_conv_window *w = &s->window;
    bool flat = x->shape.rank == 3;
    *w = *given;
    s->batch = x->shape.dim[0];
    s->ic = x->shape.dim[1];
    s->oc = y->shape.dim[1];
    s->ih = flat ? 1 : x->shape.dim[2];
    s->iw = x->shape.dim[flat ? 2 : 3];
    s->oh = flat ? 1 : y->shape.dim[2];
    s->ow = y->shape.dim[flat ? 2 : 3];
    if (w->auto_pad == 1 || w->auto_pad == 2) {
        conv_auto_pad(s->ih, w->kh, w->dh, w->sh, w->auto_pad == 2, &w->top, &w->bottom);
        conv_auto_pad(s->iw, w->kw, w->dw, w->sw, w->auto_pad == 2, &w->left, &w->right);
    }
    s->padded = w->top || w->left || w->bottom || w->right;
    s->pw = s->iw + w->left + w->right;
}

/* ---- this kernel ---- */

static bool conv8_is_plain(const xk_conv_shape *s, const conv8_params *p)
{
    const xk_conv_window *w = &s->window;
    return !p->first && !s->padded && w->kh == 1 && w->kw == 1 && w->sh == 1 && w->sw == 1;
}

/* How the work is cut; nothing here depends on the number of threads. */
typedef struct conv8_split {
    int64_t rows, row_blocks, panels, panel_blocks, panel_total;
    bool deep;
    int64_t groups, depth,
        tiles; /* deep: groups of input channels, those of a block, tiles of the image */
} conv8_split;

/* Rows of output whose input is about 96 KiB, and all panels of 16 channels. Where that gives too
 * few chunks, large weights are shared out by panels, each read once, and small ones by more rows.
 * A chunk is to take some microseconds. */
static void conv8_split_rows(conv8_split *t, const xk_conv_shape *s, int64_t channels,
                             int64_t parts)
{
    int64_t row = channels * s->pw * 4 * s->window.sh, taps = (int64_t)s->window.kh * s->window.kw,
            depth = channels / parts, panel_bytes = depth * taps * 64;
    int64_t work = (s->batch * s->oc * s->oh * s->ow / 64 + 1) * depth * taps / 4096,
            want = work < 1   ? 1
                   : work > 8 ? 8
                              : work;
    t->rows = row ? 98304 / row : s->oh;
    t->rows = t->rows < 1 ? 1 : t->rows > s->oh ? s->oh : t->rows;
    t->row_blocks = t->rows ? (s->oh + t->rows - 1) / t->rows : 0;
    t->panels = t->panel_total;
    if (t->row_blocks * s->batch < want) {
        int64_t more = (want + s->batch - 1) / (s->batch > 0 ? s->batch : 1),
                pieces = t->row_blocks ? (want + t->row_blocks - 1) / t->row_blocks : 1;
        if (panel_bytes * t->panel_total > 131072 || s->oh < 2 * more)
            t->panels = (t->panel_total + pieces - 1) / pieces;
        else
            t->row_blocks = more;
    }
    t->rows = t->row_blocks ? (s->oh + t->row_blocks - 1) / t->row_blocks : 0;
    t->row_blocks = t->rows ? (s->oh + t->rows - 1) / t->rows : 0;
}

/* Panels of one group. */
static int64_t conv8_panels(const conv8_params *p)
{
    return ((int64_t)p->oc + 15) / 16;
}

static conv8_split conv8_split_of(const xk_conv_shape *s, const conv8_params *p)
{
    int64_t taps = (int64_t)s->window.kh * s->window.kw;
    conv8_split t = {.panel_total = conv8_panels(p) * p->parts, .groups = (s->ic + 7) / 8};
    t.deep = !p->first && p->parts == 1 && s->oh * s->ow <= 256 && t.groups * taps > 48;
    if (t.deep) {
        int64_t most = 40 / taps < 1 ? 1 : 40 / taps, blocks = (t.groups + most - 1) / most;
        t.depth = (t.groups + blocks - 1) / blocks;
        t.tiles = (s->oh * s->ow + XK_TILE_ROWS - 1) / XK_TILE_ROWS;
        t.rows = s->oh;
        t.row_blocks = 1;
        t.panels = t.panel_total * s->batch / 12;
        t.panels = t.panels < 1 ? 1 : t.panels > 8 ? 8 : t.panels;
    } else {
        conv8_split_rows(&t, s, p->first ? s->ic : t.groups * 8, p->parts);
    }
    t.panel_blocks = (t.panel_total + t.panels - 1) / t.panels;
    return t;
}

static xinf_status conv8_prepare(xi_prepare *p, xinf_error *err)
{
    conv8_params *c = p->params;
    const xi_operand *x = p->in[0], *w = p->in[1], *b = p->in_count > 2 ? p->in[2] : NULL,
                     *r = p->in_count > 3 ? p->in[3] : NULL;
    if (x->dtype != XINF_FLOAT32 || !w->data || x->shape.rank != w->shape.rank || (b && !b->data) ||
        !xk_conv_window_read(&c->window, p->node, w))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "not a convolution of float32 with constant weights");
    if (xi_activation_read(&c->act, p->node, NULL) != XINF_OK || !xk_act8_takes(c->act.kind))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "its activation");
    int64_t parts = xi_node_int(p->node, "group", 1);
    if (parts < 1 || parts > w->shape.dim[0] || w->shape.dim[0] % parts)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "its groups");
    c->parts = (int32_t)parts;
    c->oc = (int32_t)(w->shape.dim[0] / parts);
    c->ic = (int32_t)w->shape.dim[1];
    c->has_bias = b != NULL;
    c->has_residual = r != NULL;
    c->first = c->ic < 8;
    if (c->oc < 1 || c->ic < 1 || (c->first && c->oc < 8) ||
        (parts > 1 && (c->oc % 8 || c->ic % 8)))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "too few channels");
    p->in_layout[0] = c->first ? XI_LAYOUT_ROW : XI_LAYOUT_C8;
    if (r) p->in_layout[3] = XI_LAYOUT_C8;
    p->out_layout[0] = XI_LAYOUT_C8;
    size_t group = c->first ? (size_t)c->ic : (size_t)(c->ic + 7) / 8 * 8,
           panels = (size_t)(conv8_panels(c) * parts), size;
    if (!xi_mul_size(panels * 64, (size_t)c->window.kh * (size_t)c->window.kw * group + 1, &size))
        return xi_fail(err, XINF_LIMIT, "weights are too large");
    p->packed_size = size; /* per panel: 16 biases, then the weights */
    p->packed_inputs = b ? 6 : 2;
    p->in_place = r ? 8 : 0;
    return XINF_OK;
}

static size_t conv8_buffer_floats(const xk_conv_shape *s, const conv8_params *p, int64_t rows)
{
    const xk_conv_window *w = &s->window;
    int64_t in_rows = (rows - 1) * w->sh + (w->kh - 1) * w->dh + 1,
            channels = p->first ? s->ic : (s->ic + 7) / 8 * 8;
    return s->padded ? (size_t)(in_rows * s->pw * channels) : 0;
}

/* Floats of one group of 8 channels with zeros around. */
static size_t conv8_plane(const xk_conv_shape *s)
{
    return (size_t)(s->pw * (s->ih + s->window.top + s->window.bottom)) * 8;
}

static size_t conv8_tap_count(const xk_conv_shape *s, const conv8_params *p)
{
    return (size_t)(p->first ? s->ic : (p->ic + 7) / 8) * (size_t)s->window.kh *
           (size_t)s->window.kw;
}

static xinf_status conv8_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                int32_t width, xi_extent *e, xinf_error *err)
{
    const conv8_params *p = params;
    xk_conv_shape s;
    xk_conv_size(&s, &p->window, in[0], out[0]);
    int64_t reach = (s.ic + 7) / 8 * 8;
    if (!xi_mul_i64(reach, s.pw, &reach) ||
        !xi_mul_i64(reach, s.ih + s.window.top + s.window.bottom, &reach) || reach > INT32_MAX)
        return xi_fail(err, XINF_LIMIT, "a convolution reads an image of more than 2^31 elements");
    conv8_split t = conv8_split_of(&s, p);
    e->chunks[0] = (int32_t)(s.batch * t.row_blocks * t.panel_blocks);
    e->scratch = conv8_tap_count(&s, p) * 4 + 128;
    if (!t.deep) {
        e->scratch += conv8_buffer_floats(&s, p, t.rows) * 4;
    } else {
        e->scratch += (size_t)(t.tiles * XK_TILE_ROWS * 4 + t.panels * t.tiles * XK_TILE_ROWS * 64);
        if (s.padded) {
            e->phases = 2;
            e->chunks[1] = e->chunks[0];
            e->chunks[0] = (int32_t)(s.batch * t.groups);
            e->shared = (size_t)(s.batch * t.groups) * conv8_plane(&s) * 4;
        }
    }
    e->flops = (uint64_t)(2 * s.batch * s.oc * s.oh * s.ow * p->ic * s.window.kh * s.window.kw);
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

/* Eight output channels of a kernel of one tap, from `oc` on: squares of eight by eight. */
static void conv8_pack_square(const conv8_params *c, const char *w, int64_t oc, float *at)
{
    for (int64_t i = 0; i + 8 <= c->ic; i += 8) {
        __m256 r[8];
        for (int j = 0; j < 8; j++) memcpy(&r[j], w + 4 * ((oc + j) * c->ic + i), 32);
        xk_transpose8(r);
        for (int j = 0; j < 8; j++) _mm256_store_ps(at + (i + j) * 16, r[j]);
    }
}

static xinf_status conv8_pack(const void *params, const xi_node *n, const xi_operand *const *in,
                              void *dst, xinf_error *err)
{
    const conv8_params *c = params;
    const char *w = in[1]->data, *b = c->has_bias ? in[2]->data : NULL;
    int64_t taps = (int64_t)c->window.kh * c->window.kw, group = c->first ? 1 : 8,
            groups = c->first ? c->ic : (c->ic + 7) / 8;
    float *out = dst;
    for (int64_t panel = 0; panel < conv8_panels(c) * c->parts; panel++) {
        float *bias = out, *at = out + 16;
        int64_t squares = 0; /* channels before it need only what squares leave over */
        for (int64_t o = 0; o < 16; o++) {
            int64_t oc = panel % conv8_panels(c) * 16 + o;
            if (oc >= c->oc) continue;
            oc += panel / conv8_panels(c) * c->oc;
            if (b) memcpy(&bias[o], b + 4 * oc, 4);
            bool square = taps == 1 && group == 8 && o % 8 == 0 &&
                          panel % conv8_panels(c) * 16 + o + 8 <= c->oc;
            if (square) conv8_pack_square(c, w, oc, at + o);
            if (taps == 1 && group == 8) squares = square ? o + 8 : squares;
            for (int64_t g = o < squares ? c->ic / 8 : 0; g < groups; g++)
                for (int64_t t = 0; t < taps; t++)
                    for (int64_t i = 0; i < group && g * group + i < c->ic; i++)
                        memcpy(&at[((g * taps + t) * group + i) * 16 + o],
                               w + 4 * ((oc * c->ic + g * group + i) * taps + t), 4);
        }
        out = at + groups * taps * group * 16;
    }
    return XINF_OK;
}

/* Rows in_first … of one image with zeros around, [group][row][column][8] or
 * [channel][row][column]. */
static void conv8_copy_rows(const xk_conv_shape *s, int64_t block, int64_t groups, const float *src,
                            int64_t first, int64_t rows, float *dst)
{
    const xk_conv_window *w = &s->window;
    for (int64_t g = 0; g < groups; g++)
        for (int64_t r = 0; r < rows; r++) {
            int64_t ih = first + r - w->top;
            float *row = dst + (g * rows + r) * s->pw * block;
            if (ih < 0 || ih >= s->ih) {
                memset(row, 0, (size_t)(s->pw * block) * 4);
                continue;
            }
            memset(row, 0, (size_t)(w->left * block) * 4);
            memcpy(row + w->left * block, src + (g * s->ih + ih) * s->iw * block,
                   (size_t)(s->iw * block) * 4);
            memset(row + (w->left + s->iw) * block, 0, (size_t)(w->right * block) * 4);
        }
}

typedef struct conv8_tile {
    const float *x, *w, *bias, *residual;
    float *y;
    const int32_t *offset;
    int64_t taps, stride, plane; /* plane: floats from one block of 8 output channels to the next */
    int64_t channels;            /* of the 16 that are real */
    xi_activation act;
    xk_act8 act8;
} conv8_tile;

/* Eight channels of one pixel. */
XK_INLINE void conv8_store(const conv8_tile *t, int64_t at, __m256 v, __m256 bias, __m256i keep)
{
    v = _mm256_add_ps(v, bias);
    if (t->residual) v = _mm256_add_ps(v, _mm256_loadu_ps(t->residual + at));
    v = xk_clamp8(v, t->act8.lo, t->act8.hi);
    _mm256_storeu_ps(t->y + at, _mm256_and_ps(v, _mm256_castsi256_ps(keep)));
}

XK_INLINE void conv8_finish(const conv8_tile *t, int rows, xk_tile_sums sums)
{
    __m256 bias_a = _mm256_load_ps(t->bias), bias_b = _mm256_load_ps(t->bias + 8);
    __m256i keep_a = xk_mask8(t->channels), keep_b = xk_mask8(t->channels - 8);
#define CONV8_STORE(m, a, b)                                                      \
    do {                                                                          \
        conv8_store(t, 8 * m, a, bias_a, keep_a);                                 \
        if (t->channels > 8) conv8_store(t, t->plane + 8 * m, b, bias_b, keep_b); \
    } while (0)
    XK_TILE_EACH(rows, sums, CONV8_STORE);
#undef CONV8_STORE
}

#define CONV8_TILE(name, rows, group, stride)                                                 \
    static __attribute__((noinline)) void name(const conv8_tile *t)                           \
    {                                                                                         \
        xk_tile_sums sums = xk_tile_start(_mm256_setzero_ps(), _mm256_setzero_ps());          \
        conv8_finish(t, rows,                                                                 \
                     xk_tile_sum(rows, group, t->x, t->offset, t->taps, stride, t->w, sums)); \
    }
CONV8_TILE(conv8_tile_1, 1, 8, t->stride)
CONV8_TILE(conv8_tile_2, 2, 8, t->stride)
CONV8_TILE(conv8_tile_3, 3, 8, t->stride)
CONV8_TILE(conv8_tile_4, 4, 8, t->stride)
CONV8_TILE(conv8_tile_5, 5, 8, t->stride)
CONV8_TILE(conv8_tile_6, 6, 8, t->stride)
CONV8_TILE(conv8_near_1, 1, 8, 8)
CONV8_TILE(conv8_near_2, 2, 8, 8)
CONV8_TILE(conv8_near_3, 3, 8, 8)
CONV8_TILE(conv8_near_4, 4, 8, 8)
CONV8_TILE(conv8_near_5, 5, 8, 8)
CONV8_TILE(conv8_near_6, 6, 8, 8)
CONV8_TILE(conv8_first_1, 1, 1, t->stride)
CONV8_TILE(conv8_first_2, 2, 1, t->stride)
CONV8_TILE(conv8_first_3, 3, 1, t->stride)
CONV8_TILE(conv8_first_4, 4, 1, t->stride)
CONV8_TILE(conv8_first_5, 5, 1, t->stride)
CONV8_TILE(conv8_first_6, 6, 1, t->stride)
#undef CONV8_TILE

typedef void (*conv8_tile_fn)(const conv8_tile *t);
enum { CONV8_FAR, CONV8_NEAR, CONV8_FIRST }; /* near: pixels of the input are neighbours too */
static const conv8_tile_fn conv8_tiles[3][XK_TILE_ROWS + 1] = {
    {NULL, conv8_tile_1, conv8_tile_2, conv8_tile_3, conv8_tile_4, conv8_tile_5, conv8_tile_6},
    {NULL, conv8_near_1, conv8_near_2, conv8_near_3, conv8_near_4, conv8_near_5, conv8_near_6},
    {NULL, conv8_first_1, conv8_first_2, conv8_first_3, conv8_first_4, conv8_first_5,
     conv8_first_6},
};

/* A last panel of 8 channels or fewer: up to 12 neighbouring pixels by 8 channels. */
enum { CONV8_HALF_ROWS = 12 };

#define CONV8_HALF_EACH(use, i)                                                               \
    use(0, i) use(1, i) use(2, i) use(3, i) use(4, i) use(5, i) use(6, i) use(7, i) use(8, i) \
        use(9, i) use(10, i) use(11, i)
#define CONV8_HALF_START(m, i) __m256 s##m = _mm256_setzero_ps();
#define CONV8_HALF_ADD(m, i) \
    if (rows > m) s##m = _mm256_fmadd_ps(_mm256_broadcast_ss(x + 8 * m + i), k##i, s##m);
#define CONV8_HALF_STEP(i)                    \
    __m256 k##i = _mm256_load_ps(w + 16 * i); \
    CONV8_HALF_EACH(CONV8_HALF_ADD, i)
#define CONV8_HALF_STORE(m, i) \
    if (rows > m) conv8_store(t, 8 * m, s##m, bias, keep);
XK_INLINE void conv8_half(const conv8_tile *t, int rows)
{
    const float *w = t->w;
    CONV8_HALF_EACH(CONV8_HALF_START, 0)
    for (int64_t tap = 0; tap < t->taps; tap++, w += 128) {
        const float *x = t->x + t->offset[tap];
        CONV8_HALF_STEP(0)
        CONV8_HALF_STEP(1)
        CONV8_HALF_STEP(2)
        CONV8_HALF_STEP(3)
        CONV8_HALF_STEP(4)
        CONV8_HALF_STEP(5)
        CONV8_HALF_STEP(6)
        CONV8_HALF_STEP(7)
    }
    __m256 bias = _mm256_load_ps(t->bias);
    __m256i keep = xk_mask8(t->channels);
    CONV8_HALF_EACH(CONV8_HALF_STORE, 0)
}

#define CONV8_HALF(name, rows)                                      \
    static __attribute__((noinline)) void name(const conv8_tile *t) \
    {                                                               \
        conv8_half(t, rows);                                        \
    }
CONV8_HALF(conv8_half_1, 1)
CONV8_HALF(conv8_half_2, 2)
CONV8_HALF(conv8_half_3, 3)
CONV8_HALF(conv8_half_4, 4)
CONV8_HALF(conv8_half_5, 5)
CONV8_HALF(conv8_half_6, 6)
CONV8_HALF(conv8_half_7, 7)
CONV8_HALF(conv8_half_8, 8)
CONV8_HALF(conv8_half_9, 9)
CONV8_HALF(conv8_half_10, 10)
CONV8_HALF(conv8_half_11, 11)
CONV8_HALF(conv8_half_12, 12)
#undef CONV8_HALF_EACH
#undef CONV8_HALF_START
#undef CONV8_HALF_ADD
#undef CONV8_HALF_STEP
#undef CONV8_HALF_STORE
#undef CONV8_HALF

static const conv8_tile_fn conv8_halves[CONV8_HALF_ROWS + 1] = {
    NULL,          conv8_half_1,  conv8_half_2,  conv8_half_3, conv8_half_4,
    conv8_half_5,  conv8_half_6,  conv8_half_7,  conv8_half_8, conv8_half_9,
    conv8_half_10, conv8_half_11, conv8_half_12,
};

/* `count` neighbouring pixels of the output. */
static void conv8_run_pixels(const conv8_tile *tile, bool first, int64_t count)
{
    conv8_tile t = *tile;
    bool near = !first && t.stride == 8, half = near && t.channels <= 8;
    const conv8_tile_fn *fns = half ? conv8_halves
                                    : conv8_tiles[first  ? CONV8_FIRST
                                                  : near ? CONV8_NEAR
                                                         : CONV8_FAR];
    xk_tile_cut cut = xk_tile_cut_of(count, half ? CONV8_HALF_ROWS : XK_TILE_ROWS);
    for (int64_t i = 0; i < cut.tiles; i++) {
        int64_t rows = cut.rows + (i >= cut.more);
        fns[rows](&t);
        t.x += rows * t.stride;
        t.y += rows * 8;
        if (t.residual) t.residual += rows * 8;
    }
    if (!t.act8.later) return;
    xk_act8_span(tile->y, tile->y, count, t.act, xk_mask8(t.channels));
    if (t.channels > 8)
        xk_act8_span(tile->y + t.plane, tile->y + t.plane, count, t.act, xk_mask8(t.channels - 8));
}

/* ---- small images of many channels ---- */

typedef void (*conv8_deep_fn)(const float *x, const int32_t *pixel, const int32_t *offset,
                              int64_t taps, const float *w, float *sum, bool goes_on);

#define CONV8_TAKE(i, a, b) a = _mm256_load_ps(sum + 16 * i), b = _mm256_load_ps(sum + 16 * i + 8)
#define CONV8_KEEP(i, a, b)                   \
    do {                                      \
        _mm256_store_ps(sum + 16 * i, a);     \
        _mm256_store_ps(sum + 16 * i + 8, b); \
    } while (0)
#define CONV8_DEEP(name, rows)                                                           \
    static __attribute__((noinline)) void name(const float *x, const int32_t *pixel,     \
                                               const int32_t *offset, int64_t taps,      \
                                               const float *w, float *sum, bool goes_on) \
    {                                                                                    \
        xk_tile_sums sums = xk_tile_start(_mm256_setzero_ps(), _mm256_setzero_ps());     \
        if (goes_on) XK_TILE_EACH(rows, sums, CONV8_TAKE);                               \
        sums = xk_tile_sum_rows(rows, 8, x, pixel, offset, taps, 0, w, sums);            \
        XK_TILE_EACH(rows, sums, CONV8_KEEP);                                            \
    }
CONV8_DEEP(conv8_deep_1, 1)
CONV8_DEEP(conv8_deep_2, 2)
CONV8_DEEP(conv8_deep_3, 3)
CONV8_DEEP(conv8_deep_4, 4)
CONV8_DEEP(conv8_deep_5, 5)
CONV8_DEEP(conv8_deep_6, 6)
#undef CONV8_TAKE
#undef CONV8_KEEP
#undef CONV8_DEEP

static const conv8_deep_fn conv8_deep[XK_TILE_ROWS + 1] = {
    NULL, conv8_deep_1, conv8_deep_2, conv8_deep_3, conv8_deep_4, conv8_deep_5, conv8_deep_6};

/* A block of input channels for all pixels and one panel; `next` is fetched into L2 meanwhile. */
typedef struct conv8_block {
    const float *x, *w, *next;
    const int32_t *pixel, *offset;
    float *sum;
    int64_t pixels, taps;
    bool goes_on;
} conv8_block;

static void conv8_run_block(const conv8_block *b)
{
    xk_tile_cut cut = xk_tile_cut_of(b->pixels, XK_TILE_ROWS);
    int64_t lines = (b->taps * 8 + cut.tiles - 1) / (cut.tiles ? cut.tiles : 1);
    const float *next = b->next;
    for (int64_t i = 0, at = 0; i < cut.tiles; i++) {
        int64_t rows = cut.rows + (i >= cut.more);
        for (int64_t k = 0; k < lines; k++, next += 16)
            _mm_prefetch((const char *)next, _MM_HINT_T1);
        conv8_deep[rows](b->x, b->pixel + at, b->offset, b->taps, b->w, b->sum + at * 16,
                         b->goes_on);
        at += rows;
    }
}

/* From the sums of one panel to the result. */
static void conv8_finish_sums(const conv8_tile *t, int64_t pixels, const float *sum)
{
    for (int h = 0; h < (t->channels > 8 ? 2 : 1); h++) {
        __m256 bias = _mm256_load_ps(t->bias + 8 * h);
        __m256i keep = xk_mask8(t->channels - 8 * h);
        for (int64_t i = 0; i < pixels; i++)
            conv8_store(t, h * t->plane + 8 * i, _mm256_load_ps(sum + 16 * i + 8 * h), bias, keep);
        if (t->act8.later)
            xk_act8_span(t->y + h * t->plane, t->y + h * t->plane, pixels, t->act, keep);
    }
}

static xinf_status conv8_run_deep(const xi_call *call, const xk_conv_shape *s,
                                  const conv8_split *split, int32_t phase, int32_t chunk,
                                  void *scratch)
{
    const conv8_params *p = call->params;
    const xk_conv_window *w = &s->window;
    int64_t plane = s->ih * s->iw * 8, width = s->iw, pixels = s->oh * s->ow,
            taps = (int64_t)w->kh * w->kw, all = split->groups * taps;
    if (s->padded && phase == 0) {
        const float *from = (const float *)call->in[0]->data + chunk * plane;
        conv8_copy_rows(s, 8, 1, from, 0, s->ih + w->top + w->bottom,
                        (float *)call->shared + (size_t)chunk * conv8_plane(s));
        return XINF_OK;
    }
    if (s->padded) {
        plane = (int64_t)conv8_plane(s);
        width = s->pw;
    }
    int64_t image = chunk / split->panel_blocks,
            begin = chunk % split->panel_blocks * split->panels;
    int64_t end = begin + split->panels < split->panel_total ? begin + split->panels
                                                             : split->panel_total,
            panel_floats = 16 + all * 128;
    float *sums = scratch;
    int32_t *pixel = (int32_t *)(void *)(sums + split->panels * split->tiles * XK_TILE_ROWS * 16),
            *offset = pixel + split->tiles * XK_TILE_ROWS;
    for (int64_t g = 0, at = 0; g < split->depth; g++)
        for (int64_t i = 0; i < w->kh; i++)
            for (int64_t j = 0; j < w->kw; j++)
                offset[at++] = (int32_t)(g * plane + (i * w->dh * width + j * w->dw) * 8);
    for (int64_t i = 0; i < pixels; i++)
        pixel[i] = (int32_t)((i / s->ow * w->sh * width + i % s->ow * w->sw) * 8);
    const float *x = (const float *)(s->padded ? call->shared : call->in[0]->data) +
                     image * split->groups * plane;
    for (int64_t g = 0; g < split->groups; g += split->depth) {
        int64_t depth = split->groups - g < split->depth ? split->groups - g : split->depth;
        for (int64_t panel = begin; panel < end; panel++) {
            const float *packed = (const float *)call->packed + panel * panel_floats,
                        *weights = packed + 16 + g * taps * 128;
            float *sum = sums + (panel - begin) * split->tiles * XK_TILE_ROWS * 16;
            conv8_block b = {.x = x + g * plane,
                             .w = weights,
                             .pixel = pixel,
                             .offset = offset,
                             .sum = sum,
                             .pixels = pixels,
                             .taps = depth * taps,
                             .goes_on = g > 0};
            b.next = panel + 1 < end
                         ? weights + panel_floats
                         : weights + depth * taps * 128 - (panel - begin) * panel_floats;
            conv8_run_block(&b);
            if (g + depth < split->groups) continue;
            int64_t at = (image * ((s->oc + 7) / 8) + 2 * panel) * pixels * 8;
            conv8_tile t = {.bias = packed,
                            .y = (float *)call->out[0]->data + at,
                            .plane = pixels * 8,
                            .channels = s->oc - 16 * panel,
                            .act = p->act,
                            .act8 = xk_act8_ready(p->act),
                            .residual = p->has_residual ? (const float *)call->in[3]->data + at
                                                        : NULL};
            conv8_finish_sums(&t, pixels, sum);
        }
    }
    return XINF_OK;
}

static xinf_status conv8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                             xinf_error *err)
{
    const conv8_params *p = call->params;
    xk_conv_shape s;
    xk_conv_size(&s, &p->window, call->in[0], call->out[0]);
    const xk_conv_window *w = &s.window;
    conv8_split split = conv8_split_of(&s, p);
    if (split.deep) return conv8_run_deep(call, &s, &split, phase, chunk, scratch);
    int64_t panel_block = chunk % split.panel_blocks,
            row_block = chunk / split.panel_blocks % split.row_blocks,
            image = chunk / split.panel_blocks / split.row_blocks;
    int64_t first_row = row_block * split.rows,
            rows = s.oh - first_row < split.rows ? s.oh - first_row : split.rows;
    int64_t block = p->first ? 1 : 8, groups = p->first ? s.ic : (s.ic + 7) / 8,
            in_rows = (rows - 1) * w->sh + (w->kh - 1) * w->dh + 1;
    const float *x = (const float *)call->in[0]->data + image * groups * s.ih * s.iw * block;
    int64_t x_rows = s.ih, x_width = s.iw;
    int32_t *offset = scratch;
    float *buffer = (float *)scratch + (conv8_tap_count(&s, p) + 15) / 16 * 16;
    if (rows < 1) return XINF_OK;
    if (s.padded) {
        conv8_copy_rows(&s, block, groups, x, first_row * w->sh, in_rows, buffer);
        x = buffer;
        x_rows = in_rows;
        x_width = s.pw;
    } else {
        x += first_row * w->sh * s.iw * block;
    }
    size_t taps = 0;
    int64_t depth = groups / p->parts; /* blocks of input channels of a group */
    for (int64_t g = 0; g < depth; g++)
        for (int64_t i = 0; i < w->kh; i++)
            for (int64_t j = 0; j < w->kw; j++)
                offset[taps++] = (int32_t)(((g * x_rows + i * w->dh) * x_width + j * w->dw) *
                                           block);
    int64_t pixels = s.oh * s.ow, panel_floats = 16 + (int64_t)taps * block * 16;
    bool plain = conv8_is_plain(&s, p);
    int64_t last_panel = (panel_block + 1) * split.panels < split.panel_total
                             ? (panel_block + 1) * split.panels
                             : split.panel_total;
    for (int64_t panel = panel_block * split.panels; panel < last_panel; panel++) {
        const float *packed = (const float *)call->packed + panel * panel_floats;
        int64_t part = panel / conv8_panels(p), channel = panel % conv8_panels(p) * 16;
        int64_t at = (image * ((s.oc + 7) / 8) + (part * p->oc + channel) / 8) * pixels * 8;
        const float *from = x + part * depth * x_rows * x_width * block;
        conv8_tile t = {.w = packed + 16,
                        .bias = packed,
                        .offset = offset,
                        .taps = (int64_t)taps,
                        .stride = w->sw * block,
                        .plane = pixels * 8,
                        .channels = p->oc - channel,
                        .act = p->act,
                        .act8 = xk_act8_ready(p->act)};
        const float *residual = p->has_residual ? (const float *)call->in[3]->data + at : NULL;
        float *y = (float *)call->out[0]->data + at;
        for (int64_t r = 0; r < (plain ? 1 : rows); r++) {
            t.x = from + r * w->sh * x_width * block;
            t.y = y + (first_row + r) * s.ow * 8;
            t.residual = residual ? residual + (first_row + r) * s.ow * 8 : NULL;
            conv8_run_pixels(&t, p->first, plain ? rows * s.ow : s.ow);
        }
    }
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_conv[];

#define CONV8_KERNEL(operator, space)                                                            \
    {                                                                                            \
        .op = operator, .domain = space, .name = "xk_conv_f32_direct__avx2", .isa = XI_ISA_AVX2, \
        .prepare = conv8_prepare, .pack = conv8_pack, .extent = conv8_extent, .run = conv8_run   \
    }

const xi_kernel xk_avx2_conv[] = {
    CONV8_KERNEL("Conv", ""),
    CONV8_KERNEL("FusedConv", "xinf"),
    {0},
};

#undef CONV8_KERNEL
