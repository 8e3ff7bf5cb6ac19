/* conv_transpose_f32_avx2.c — ConvTranspose whose kernel is as large as its stride (the up-sampling
 * of U-Nets), in nChw8c.
 *
 * Then no two input pixels reach one output pixel: it is a 1 × 1 convolution for each kernel
 * position, written at that position's stride. Weights are packed [oc/16][16 biases][position][ic
 * group][8][16]. A chunk is one input row of one image times one panel of 16 channels. */
#include "backend/cpu/x86/conv_f32_avx2.h"
#include "base/checked.h"
#include "base/cpu.h"

#include "backend/cpu/x86/tile_avx2.h"

typedef struct upconv_params {
    xk_conv_window window;
    int32_t ic, oc, has_bias;
} upconv_params;

static bool upconv_is_plain(const xi_node *n, const xk_conv_window *w)
{
    const int64_t *extra;
    int32_t count = xi_node_ints(n, "output_padding", &extra);
    for (int32_t i = 0; i < count; i++)
        if (extra[i]) return false;
    return !xi_node_has(n, "output_shape") && w->kh == w->sh && w->kw == w->sw && w->dh == 1 &&
           w->dw == 1 && !w->top && !w->left && !w->bottom && !w->right &&
           (w->auto_pad == 0 || w->auto_pad == 3) && xi_node_int(n, "group", 1) == 1;
}

static xinf_status upconv_prepare(xi_prepare *p, xinf_error *err)
{
    upconv_params *c = p->params;
    const xi_operand *x = p->in[0], *w = p->in[1], *b = p->in_count > 2 ? p->in[2] : NULL;
    if (x->dtype != XINF_FLOAT32 || x->shape.rank != 4 || w->shape.rank != 4 || !w->data ||
        (b && !b->data) || !xk_conv_window_read(&c->window, p->node, w) ||
        !upconv_is_plain(p->node, &c->window) || w->shape.dim[0] < 8 || w->shape.dim[1] < 8)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "not an up-sampling by kernel and stride of one size");
    c->ic = (int32_t)w->shape.dim[0];
    c->oc = (int32_t)w->shape.dim[1];
    c->has_bias = b != NULL;
    size_t panel = 64 * (1 + (size_t)(c->ic + 7) / 8 * 8 * (size_t)(c->window.kh * c->window.kw)),
           size;
    if (!xi_mul_size(panel, (size_t)(c->oc + 15) / 16, &size))
        return xi_fail(err, XINF_LIMIT, "weights are too large");
    p->in_layout[0] = p->out_layout[0] = XI_LAYOUT_C8;
    p->packed_size = size;
    p->packed_inputs = b ? 6 : 2;
    return XINF_OK;
}

static xinf_status upconv_pack(const void *params, const xi_node *n, const xi_operand *const *in,
                               void *dst, xinf_error *err)
{
    const upconv_params *c = params;
    int64_t taps = (int64_t)c->window.kh * c->window.kw, padded = (c->ic + 7) / 8 * 8;
    const char *w = in[1]->data;
    float *at = dst;
    for (int64_t panel = 0; panel < (c->oc + 15) / 16; panel++, at += 16 * (1 + taps * padded))
        for (int64_t o = 0; o < 16 && panel * 16 + o < c->oc; o++) {
            int64_t oc = panel * 16 + o;
            if (c->has_bias) memcpy(&at[o], (const char *)in[2]->data + 4 * oc, 4);
            for (int64_t t = 0; t < taps; t++)
                for (int64_t i = 0; i < c->ic; i++)
                    memcpy(&at[16 + (t * padded + i) * 16 + o],
                           w + 4 * ((i * c->oc + oc) * taps + t), 4);
        }
    return XINF_OK;
}

static xinf_status upconv_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                 int32_t width, xi_extent *e, xinf_error *err)
{
    const upconv_params *p = params;
    const xi_shape *s = &in[0]->shape;
    int64_t reach = (s->dim[1] + 7) / 8 * 8;
    if (!xi_mul_i64(reach, s->dim[2], &reach) || !xi_mul_i64(reach, s->dim[3], &reach) ||
        reach > INT32_MAX)
        return xi_fail(err, XINF_LIMIT, "a convolution reads an image of more than 2^31 elements");
    e->chunks[0] = (int32_t)(s->dim[0] * s->dim[2] * ((p->oc + 15) / 16));
    e->scratch = (size_t)((p->ic + 7) / 8) * 4;
    e->flops = (uint64_t)(2 * s->dim[0] * s->dim[2] * s->dim[3] * p->ic * p->oc * p->window.kh *
                          p->window.kw);
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

typedef struct upconv_tile {
    const float *x, *w, *bias;
    float *y;
    const int32_t *offset;
    int64_t groups, step, plane, channels; /* step: floats between neighbours in the output */
} upconv_tile;

#define UPCONV_STORE(m, a, b)                                                    \
    do {                                                                         \
        _mm256_storeu_ps(t->y + m * t->step, a);                                 \
        if (t->channels > 8) _mm256_storeu_ps(t->y + t->plane + m * t->step, b); \
    } while (0)
#define UPCONV_TILE(name, rows)                                                                    \
    static __attribute__((noinline)) void name(const upconv_tile *t)                               \
    {                                                                                              \
        xk_tile_sums sums = xk_tile_start(_mm256_loadu_ps(t->bias), _mm256_loadu_ps(t->bias + 8)); \
        sums = xk_tile_sum(rows, 8, t->x, t->offset, t->groups, 8, t->w, sums);                    \
        XK_TILE_EACH(rows, sums, UPCONV_STORE);                                                    \
    }
UPCONV_TILE(upconv_tile_1, 1)
UPCONV_TILE(upconv_tile_2, 2)
UPCONV_TILE(upconv_tile_3, 3)
UPCONV_TILE(upconv_tile_4, 4)
UPCONV_TILE(upconv_tile_5, 5)
UPCONV_TILE(upconv_tile_6, 6)
#undef UPCONV_STORE
#undef UPCONV_TILE

typedef void (*upconv_tile_fn)(const upconv_tile *t);
static const upconv_tile_fn upconv_tiles[XK_TILE_ROWS + 1] = {
    NULL, upconv_tile_1, upconv_tile_2, upconv_tile_3, upconv_tile_4, upconv_tile_5, upconv_tile_6};

static xinf_status upconv_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                              xinf_error *err)
{
    const upconv_params *p = call->params;
    const xi_shape *s = &call->in[0]->shape;
    int64_t panels = (p->oc + 15) / 16, groups = (p->ic + 7) / 8, height = s->dim[2],
            width = s->dim[3];
    int64_t panel = chunk / height % panels, row = chunk % height, image = chunk / height / panels;
    int64_t kh = p->window.kh, kw = p->window.kw, out_width = width * kw,
            plane = height * kh * out_width * 8;
    const float *packed = (const float *)call->packed + panel * 16 * (1 + kh * kw * groups * 8);
    const float *x = (const float *)call->in[0]->data + (image * groups * height + row) * width * 8;
    float *y = (float *)call->out[0]->data + (image * ((p->oc + 7) / 8) + 2 * panel) * plane;
    int32_t *offset = scratch;
    for (int64_t g = 0; g < groups; g++) offset[g] = (int32_t)(g * height * width * 8);
    xk_tile_cut cut = xk_tile_cut_of(width, XK_TILE_ROWS);
    for (int64_t i = 0; i < kh; i++)
        for (int64_t j = 0; j < kw; j++) {
            upconv_tile t = {.w = packed + 16 + (i * kw + j) * groups * 128,
                             .bias = packed,
                             .offset = offset,
                             .groups = groups,
                             .step = kw * 8,
                             .plane = plane,
                             .channels = p->oc - 16 * panel};
            for (int64_t k = 0, at = 0; k < cut.tiles; k++) {
                int64_t count = cut.rows + (k >= cut.more);
                t.x = x + at * 8;
                t.y = y + ((row * kh + i) * out_width + at * kw + j) * 8;
                upconv_tiles[count](&t);
                at += count;
            }
        }
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_conv_transpose[];

const xi_kernel xk_avx2_conv_transpose[] = {
    {.op = "ConvTranspose",
     .name = "xk_conv_transpose_f32_upsample__avx2",
     .isa = XI_ISA_AVX2,
     .prepare = upconv_prepare,
     .pack = upconv_pack,
     .extent = upconv_extent,
     .run = upconv_run},
    {0},
};
