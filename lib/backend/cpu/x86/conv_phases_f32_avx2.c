/* conv_phases_f32_avx2.c — ConvTranspose of any kernel and stride, over one or two axes, in nChw8c.
 *
 * Output pixels whose positions leave the same rest when divided by the stride are one phase: they
 * use the same taps, and neighbours among them use neighbouring input pixels. So each phase is a
 * dense convolution of stride 1 with every stride-th tap. Phase 0 of a run puts zeros around the
 * input; in phase 1 a chunk is a block of output rows of one image and one panel of 16 channels.
 * Weights are packed [oc/16][16 biases][row rest][column rest][taps of the phase][ic/8][8][16]. */
#include "backend/cpu/x86/conv_f32_avx2.h"
#include "base/checked.h"
#include "base/cpu.h"

#include "backend/cpu/x86/tile_avx2.h"

enum { PHASE8_ROWS = 8 }; /* output rows in a chunk, times the stride */

typedef struct phase8_params {
    xk_conv_window window;
    int32_t ic, oc, has_bias;
} phase8_params;

typedef struct phase8_shape {
    xk_conv_shape conv;
    int64_t groups, panels, panel_floats;
    int64_t top, left, height, width; /* zeros around the input, and its size with them */
    int64_t rows, blocks;
} phase8_shape;

static xinf_status phase8_prepare(xi_prepare *p, xinf_error *err)
{
    phase8_params *c = p->params;
    const xi_operand *x = p->in[0], *w = p->in[1], *b = p->in_count > 2 ? p->in[2] : NULL;
    const xk_conv_window *k = &c->window;
    if (x->dtype != XINF_FLOAT32 || x->shape.rank != w->shape.rank || !w->data || (b && !b->data) ||
        !xk_conv_window_read(&c->window, p->node, w) || k->dh != 1 || k->dw != 1 ||
        (k->auto_pad != 0 && k->auto_pad != 3) || xi_node_has(p->node, "output_shape") ||
        xi_node_int(p->node, "group", 1) != 1 || w->shape.dim[0] < 8 || w->shape.dim[1] < 1)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "not an up-sampling convolution of float32 in one group");
    c->ic = (int32_t)w->shape.dim[0];
    c->oc = (int32_t)w->shape.dim[1];
    c->has_bias = b != NULL;
    size_t panel = 64 * (1 + (size_t)(c->ic + 7) / 8 * 8 * (size_t)(k->kh * k->kw)), size;
    if (!xi_mul_size(panel, (size_t)(c->oc + 15) / 16, &size))
        return xi_fail(err, XINF_LIMIT, "weights are too large");
    p->in_layout[0] = p->out_layout[0] = XI_LAYOUT_C8;
    p->packed_size = size;
    p->packed_inputs = b ? 6 : 2;
    return XINF_OK;
}

/* Taps of a kernel of k at rest r of a stride. */
static int64_t phase8_taps(int64_t k, int64_t stride, int64_t r)
{
    return r < k ? (k - r + stride - 1) / stride : 0;
}

static xinf_status phase8_pack(const void *params, const xi_node *n, const xi_operand *const *in,
                               void *dst, xinf_error *err)
{
    const phase8_params *c = params;
    const xk_conv_window *k = &c->window;
    int64_t taps = (int64_t)k->kh * k->kw, padded = (c->ic + 7) / 8 * 8;
    const char *w = in[1]->data;
    for (int64_t oc = 0; oc < c->oc; oc++) {
        float *panel = (float *)dst + oc / 16 * 16 * (1 + taps * padded),
              *at = panel + 16 + oc % 16;
        if (c->has_bias) memcpy(&panel[oc % 16], (const char *)in[2]->data + 4 * oc, 4);
        for (int64_t ri = 0; ri < k->sh; ri++)
            for (int64_t rj = 0; rj < k->sw; rj++)
                for (int64_t i = ri; i < k->kh; i += k->sh)
                    for (int64_t j = rj; j < k->kw; j += k->sw, at += padded * 16)
                        for (int64_t ic = 0; ic < c->ic; ic++)
                            memcpy(&at[ic * 16], w + 4 * ((ic * c->oc + oc) * taps + i * k->kw + j),
                                   4);
    }
    return XINF_OK;
}

static phase8_shape phase8_of(const phase8_params *p, const xi_operand *x, const xi_operand *y)
{
    phase8_shape s;
    xk_conv_size(&s.conv, &p->window, x, y);
    const xk_conv_window *w = &s.conv.window;
    int64_t last_row = (s.conv.oh - 1 + w->top) / w->sh,
            last_column = (s.conv.ow - 1 + w->left) / w->sw;
    s.groups = (s.conv.ic + 7) / 8;
    s.panels = (s.conv.oc + 15) / 16;
    s.panel_floats = 16 * (1 + (int64_t)w->kh * w->kw * s.groups * 8);
    s.top = phase8_taps(w->kh, w->sh, 0) - 1;
    s.left = phase8_taps(w->kw, w->sw, 0) - 1;
    s.height = s.top + (last_row >= s.conv.ih ? last_row + 1 : s.conv.ih);
    s.width = s.left + (last_column >= s.conv.iw ? last_column + 1 : s.conv.iw);
    s.rows = (int64_t)PHASE8_ROWS * w->sh;
    s.blocks = (s.conv.oh + s.rows - 1) / s.rows;
    return s;
}

static xinf_status phase8_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                 int32_t width, xi_extent *e, xinf_error *err)
{
    const phase8_params *p = params;
    phase8_shape s = phase8_of(p, in[0], out[0]);
    int64_t reach = s.groups * 8;
    if (!xi_mul_i64(reach, s.height, &reach) || !xi_mul_i64(reach, s.width, &reach) ||
        reach > INT32_MAX)
        return xi_fail(err, XINF_LIMIT, "a convolution reads an image of more than 2^31 elements");
    if (!xi_mul_size((size_t)reach * 4, (size_t)s.conv.batch, &e->shared))
        return xi_fail(err, XINF_LIMIT, "a convolution is too large");
    e->phases = 2;
    e->chunks[0] = (int32_t)(s.conv.batch * s.groups);
    e->chunks[1] = (int32_t)(s.conv.batch * s.panels * s.blocks);
    e->scratch = (size_t)(s.groups * p->window.kh * p->window.kw + 16) * 4;
    e->flops = (uint64_t)(2 * s.conv.batch * s.conv.ih * s.conv.iw * p->ic * p->oc * p->window.kh *
                          p->window.kw);
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

/* One group of 8 channels with zeros around. */
static void phase8_frame(const phase8_shape *s, const float *src, float *dst)
{
    size_t row = (size_t)s->width * 32;
    for (int64_t i = 0; i < s->height; i++, dst += s->width * 8) {
        int64_t from = i - s->top;
        memset(dst, 0, row);
        if (from >= 0 && from < s->conv.ih)
            memcpy(dst + s->left * 8, src + from * s->conv.iw * 8, (size_t)s->conv.iw * 32);
    }
}

typedef struct phase8_tile {
    const float *x, *w, *bias;
    float *y;
    const int32_t *offset;
    int64_t taps, step, plane,
        channels; /* step: floats between neighbours of the phase in the output */
} phase8_tile;

#define PHASE8_STORE(m, a, b)                                                    \
    do {                                                                         \
        _mm256_storeu_ps(t->y + m * t->step, a);                                 \
        if (t->channels > 8) _mm256_storeu_ps(t->y + t->plane + m * t->step, b); \
    } while (0)
#define PHASE8_TILE(name, rows)                                                                  \
    static __attribute__((noinline)) void name(const phase8_tile *t)                             \
    {                                                                                            \
        xk_tile_sums sums = xk_tile_start(_mm256_load_ps(t->bias), _mm256_load_ps(t->bias + 8)); \
        sums = xk_tile_sum(rows, 8, t->x, t->offset, t->taps, 8, t->w, sums);                    \
        XK_TILE_EACH(rows, sums, PHASE8_STORE);                                                  \
    }
PHASE8_TILE(phase8_tile_1, 1)
PHASE8_TILE(phase8_tile_2, 2)
PHASE8_TILE(phase8_tile_3, 3)
PHASE8_TILE(phase8_tile_4, 4)
PHASE8_TILE(phase8_tile_5, 5)
PHASE8_TILE(phase8_tile_6, 6)
#undef PHASE8_STORE
#undef PHASE8_TILE

typedef void (*phase8_tile_fn)(const phase8_tile *t);
static const phase8_tile_fn phase8_tiles[XK_TILE_ROWS + 1] = {
    NULL, phase8_tile_1, phase8_tile_2, phase8_tile_3, phase8_tile_4, phase8_tile_5, phase8_tile_6};

/* One output row of one phase: every sw-th pixel from `first` on. x: the input row of its first
 * tap. */
static void phase8_row(phase8_tile t, const phase8_shape *s, const float *x, float *y,
                       int64_t first, int64_t column)
{
    int64_t count = (s->conv.ow - first + s->conv.window.sw - 1) / s->conv.window.sw;
    xk_tile_cut cut = xk_tile_cut_of(count, XK_TILE_ROWS);
    t.x = x + (column + s->left) * 8;
    t.y = y + first * 8;
    for (int64_t i = 0; i < cut.tiles; i++) {
        int64_t rows = cut.rows + (i >= cut.more);
        phase8_tiles[rows](&t);
        t.x += rows * 8;
        t.y += rows * t.step;
    }
}

/* Where the taps of a phase are from the first one, in the order of the weights; returns how many.
 */
static int64_t phase8_offsets(const phase8_shape *s, int64_t ri, int64_t rj, int32_t *offset)
{
    const xk_conv_window *w = &s->conv.window;
    int64_t count = 0;
    for (int64_t a = 0; a < phase8_taps(w->kh, w->sh, ri); a++)
        for (int64_t b = 0; b < phase8_taps(w->kw, w->sw, rj); b++)
            for (int64_t g = 0; g < s->groups; g++)
                offset[count++] = (int32_t)(((g * s->height - a) * s->width - b) * 8);
    return count;
}

static xinf_status phase8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                              xinf_error *err)
{
    const phase8_params *p = call->params;
    phase8_shape s = phase8_of(p, call->in[0], call->out[0]);
    const xk_conv_window *w = &s.conv.window;
    int64_t area = s.height * s.width * 8, plane = s.conv.oh * s.conv.ow * 8;
    if (phase == 0) {
        phase8_frame(&s, (const float *)call->in[0]->data + chunk * s.conv.ih * s.conv.iw * 8,
                     (float *)call->shared + chunk * area);
        return XINF_OK;
    }
    int64_t block = chunk % s.blocks, panel = chunk / s.blocks % s.panels,
            image = chunk / s.blocks / s.panels;
    int64_t begin = block * s.rows, end = begin + s.rows < s.conv.oh ? begin + s.rows : s.conv.oh;
    const float *packed = (const float *)call->packed + panel * s.panel_floats,
                *weights = packed + 16;
    const float *x = (const float *)call->shared + image * s.groups * area;
    float *y = (float *)call->out[0]->data + (image * ((s.conv.oc + 7) / 8) + 2 * panel) * plane;
    phase8_tile t = {.bias = packed,
                     .offset = scratch,
                     .step = w->sw * 8,
                     .plane = plane,
                     .channels = s.conv.oc - 16 * panel};
    for (int64_t ri = 0; ri < w->sh; ri++)
        for (int64_t rj = 0; rj < w->sw; rj++) {
            int64_t first = ((rj - w->left) % w->sw + w->sw) %
                            w->sw; /* the first column of this rest */
            t.taps = phase8_offsets(&s, ri, rj, scratch);
            t.w = weights;
            weights += t.taps * 128;
            for (int64_t oh = begin + ((ri - w->top - begin) % w->sh + w->sh) % w->sh;
                 oh < end && first < s.conv.ow; oh += w->sh)
                phase8_row(t, &s, x + ((oh + w->top) / w->sh + s.top) * s.width * 8,
                           y + oh * s.conv.ow * 8, first, (first + w->left) / w->sw);
        }
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_conv_phases[];

const xi_kernel xk_avx2_conv_phases[] = {
    {.op = "ConvTranspose",
     .name = "xk_conv_transpose_f32_phases__avx2",
     .isa = XI_ISA_AVX2,
     .prepare = phase8_prepare,
     .pack = phase8_pack,
     .extent = phase8_extent,
     .run = phase8_run},
    {0},
};
