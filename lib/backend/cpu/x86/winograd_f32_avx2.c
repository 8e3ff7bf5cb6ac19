/* winograd_f32_avx2.c — 3 × 3 convolution of stride 1 by Winograd's F(4×4, 3×3) in nChw8c: Conv and
 * xinf.FusedConv with constant weights.
 *
 *     Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A      36 products for 16 outputs of 9 taps each
 *
 * The points are 0, ±√½, ±√2 and ∞: of the usual choices they have the least error, about 2e-6 of
 * the largest output, and their pairs let rows share even and odd halves. Tiles of 4 × 4 outputs
 * are taken in strips. A strip's input is transformed into V[36][ic/8][tile][8]; then for each
 * panel of 16 output channels 36 matrix products with the transformed weights [36][ic][16] give
 * M[36][tile][16], and the way back ends with bias, residual and activation.
 *
 * Images of many tiles: a chunk does all of a strip. Images of few: V is made once in phase 0, and
 * the panels are the chunks of phase 1.
 *
 * Weights are transformed when packed. Where there are many of them for few tiles, four times the
 * bytes would have to come from memory: there they are packed as they are, [oc/16][ic][9][16], and
 * transformed by the chunk that needs them, a block of input channels at a time. */
#include "backend/cpu/x86/conv_f32_avx2.h"
#include "base/checked.h"
#include "base/cpu.h"

#include "backend/cpu/x86/tile_avx2.h"

enum {
    WINO_POINTS = 36,
    WINO_RUN = 8,
    WINO_LEAST_TILES = 4,
    WINO_LEAST_STRIP = 12,
    WINO_MOST_STRIP = 52,
    WINO_LATE_TILES = 36,
    WINO_LATE_BYTES = 4 << 20
};

/* Points p: √½ and √2. */
#define WINO_A 0.70710678118654752440
#define WINO_B 1.41421356237309504880

typedef struct wino_params {
    xk_conv_window window;
    int32_t ic, oc, has_bias, has_residual, late; /* late: weights are transformed while running */
    xi_activation act;
} wino_params;

typedef struct wino_shape {
    xk_conv_shape conv;
    int64_t groups, panels;  /* of 8 input channels, of 16 output channels */
    int64_t across, tiles;   /* tiles in a row of tiles, in an image */
    int64_t strip, strips;   /* tiles in a strip, strips in an image */
    int64_t plane, products; /* floats from point to point in V and in M */
    int64_t block;   /* groups whose weights are transformed at once; all when they are packed so */
    int64_t weights; /* packed floats of a panel after its biases */
    bool shared;     /* V is made in phase 0 */
} wino_shape;

/* ---- before running ---- */

/* Fewer than four tiles have too little to share one load of the weights; ragged edges waste what
 * the transform saves. */
static bool wino_pays(const xi_operand *x, const xi_operand *y, wino_params *c)
{
    int64_t h = y->shape.dim[2], w = y->shape.dim[3];
    if (h < 1 || w < 1 || x->shape.dim[2] < 1 || x->shape.dim[3] < 1 || c->ic < 16 || c->oc < 16)
        return false;
    int64_t tiles = ((h + 3) / 4) * ((w + 3) / 4);
    c->late = tiles <= WINO_LATE_TILES &&
              (int64_t)c->ic * c->oc * WINO_POINTS * 4 > WINO_LATE_BYTES;
    return tiles >= WINO_LEAST_TILES && h * w * 10 >= tiles * 16 * 6;
}

static xinf_status wino_prepare(xi_prepare *p, xinf_error *err)
{
    wino_params *c = p->params;
    const xi_operand *x = p->in[0], *w = p->in[1], *b = p->in_count > 2 ? p->in[2] : NULL,
                     *r = p->in_count > 3 ? p->in[3] : NULL;
    if (x->dtype != XINF_FLOAT32 || !w->data || x->shape.rank != 4 || w->shape.rank != 4 ||
        (b && !b->data) || xi_node_int(p->node, "group", 1) != 1 ||
        !xk_conv_window_read(&c->window, p->node, w))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "not a dense convolution of float32 with constant weights");
    const xk_conv_window *k = &c->window;
    c->oc = (int32_t)w->shape.dim[0];
    c->ic = (int32_t)w->shape.dim[1];
    c->has_bias = b != NULL;
    c->has_residual = r != NULL;
    if (k->kh != 3 || k->kw != 3 || k->sh != 1 || k->sw != 1 || k->dh != 1 || k->dw != 1 ||
        !wino_pays(x, p->out[0], c) || xi_activation_read(&c->act, p->node, NULL) != XINF_OK ||
        !xk_act8_takes(c->act.kind))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "not a 3 x 3 convolution for which Winograd's form pays");
    p->in_layout[0] = p->out_layout[0] = XI_LAYOUT_C8;
    if (r) p->in_layout[3] = XI_LAYOUT_C8;
    size_t channels = (size_t)(c->ic + 7) / 8 * 8, panels = (size_t)(c->oc + 15) / 16, size;
    if (!xi_mul_size(panels * 64, (c->late ? 9 : WINO_POINTS) * channels + 1, &size))
        return xi_fail(err, XINF_LIMIT, "weights are too large");
    p->packed_size = size; /* per panel: 16 biases, then the weights */
    p->packed_inputs = b ? 6 : 2;
    p->in_place = r ? 8 : 0;
    return XINF_OK;
}

/* G g Gᵀ of one 3 × 3 kernel. */
static void wino_kernel(const char *src, double out[WINO_POINTS])
{
    static const double g[6][3] = {
        {1, 0, 0},
        {-2.0 / 3, -2.0 / 3 * WINO_A, -1.0 / 3},
        {-2.0 / 3, 2.0 / 3 * WINO_A, -1.0 / 3},
        {1.0 / 6, 1.0 / 6 * WINO_B, 1.0 / 3},
        {1.0 / 6, -1.0 / 6 * WINO_B, 1.0 / 3},
        {0, 0, 1},
    };
    float k[9];
    double half[6][3];
    memcpy(k, src, sizeof k);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 3; j++)
            half[i][j] = g[i][0] * (double)k[j] + g[i][1] * (double)k[3 + j] +
                         g[i][2] * (double)k[6 + j];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            out[i * 6 + j] = half[i][0] * g[j][0] + half[i][1] * g[j][1] + half[i][2] * g[j][2];
}

static xinf_status wino_pack(const void *params, const xi_node *n, const xi_operand *const *in,
                             void *dst, xinf_error *err)
{
    const wino_params *c = params;
    const char *w = in[1]->data, *b = c->has_bias ? in[2]->data : NULL;
    int64_t channels = (int64_t)(c->ic + 7) / 8 * 8;
    int64_t size = 16 + (c->late ? 9 : WINO_POINTS) * channels * 16;
    double u[WINO_POINTS];
    for (int64_t oc = 0; oc < c->oc; oc++) {
        float *panel = (float *)dst + oc / 16 * size, *at = panel + 16 + oc % 16;
        if (b) memcpy(&panel[oc % 16], b + 4 * oc, 4);
        for (int64_t ic = 0; ic < c->ic; ic++) {
            if (c->late) {
                for (int64_t t = 0; t < 9; t++)
                    memcpy(&at[(ic * 9 + t) * 16], w + 4 * ((oc * c->ic + ic) * 9 + t), 4);
                continue;
            }
            wino_kernel(w + (oc * c->ic + ic) * 36, u);
            for (int64_t f = 0; f < WINO_POINTS; f++) at[(f * channels + ic) * 16] = (float)u[f];
        }
    }
    return XINF_OK;
}

/* Strips whose V is about 192 KiB, or where weights are transformed late as long as they may be.
 * Nothing here depends on the number of threads. */
static wino_shape wino_of(const wino_params *p, const xi_operand *x, const xi_operand *y)
{
    wino_shape s;
    xk_conv_size(&s.conv, &p->window, x, y);
    s.groups = (s.conv.ic + 7) / 8;
    s.panels = (s.conv.oc + 15) / 16;
    s.across = (s.conv.ow + 3) / 4;
    s.tiles = s.across * ((s.conv.oh + 3) / 4);
    int64_t most = 196608 / (WINO_POINTS * s.groups * 32);
    most = most < WINO_LEAST_STRIP  ? WINO_LEAST_STRIP
           : most > WINO_MOST_STRIP ? WINO_MOST_STRIP
                                    : most;
    s.shared = p->late || s.conv.batch * s.tiles < 8 * most;
    if (s.shared) most = WINO_MOST_STRIP;
    s.strips = s.tiles ? (s.tiles + most - 1) / most : 0;
    s.strip = s.strips ? (s.tiles + s.strips - 1) / s.strips : 0;
    s.plane = s.groups * s.strip * 8 +
              16; /* one line more: planes at powers of two would share cache sets */
    s.products = s.strip * 16 + 16;
    s.block = !p->late ? s.groups : s.strip > 24 ? 4 : 8;
    if (s.block > s.groups) s.block = s.groups;
    s.weights = (p->late ? 9 : WINO_POINTS) * s.groups * 128;
    return s;
}

static xinf_status wino_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                               int32_t width, xi_extent *e, xinf_error *err)
{
    const wino_params *p = params;
    wino_shape s = wino_of(params, in[0], out[0]);
    int64_t reach = s.groups * 8, v = WINO_POINTS * s.plane * 4, shared;
    if (!xi_mul_i64(reach, s.conv.ih, &reach) || !xi_mul_i64(reach, s.conv.iw, &reach) ||
        reach > INT32_MAX)
        return xi_fail(err, XINF_LIMIT, "a convolution reads an image of more than 2^31 elements");
    if (!xi_mul_i64(v, s.conv.batch * s.strips, &shared) || shared > INT64_MAX / 2)
        return xi_fail(err, XINF_LIMIT, "a convolution is too large");
    e->scratch = (size_t)(s.groups + 16) / 16 * 64 + WINO_POINTS * (size_t)s.products * 4;
    if (p->late) e->scratch += WINO_POINTS * (size_t)(s.block * 512 + 64);
    if (s.shared) {
        e->phases = 2;
        e->chunks[0] = (int32_t)(s.conv.batch * s.strips * s.groups);
        e->chunks[1] = (int32_t)(s.conv.batch * s.strips * s.panels);
        e->shared = (size_t)shared;
    } else {
        e->chunks[0] = (int32_t)(s.conv.batch * s.strips);
        e->scratch += (size_t)v;
    }
    e->flops = (uint64_t)(2 * s.conv.batch * s.conv.oc * s.conv.oh * s.conv.ow * s.conv.ic * 9);
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

/* ---- the input: Bᵀ d B ---- */

XK_INLINE void wino_forward(__m256 d0, __m256 d1, __m256 d2, __m256 d3, __m256 d4, __m256 d5,
                            __m256 v[6])
{
    const __m256 a = _mm256_set1_ps((float)WINO_A), b = _mm256_set1_ps((float)WINO_B),
                 c = _mm256_set1_ps(2.5f), two = _mm256_set1_ps(2.0f), half = _mm256_set1_ps(0.5f);
    __m256 even_a = _mm256_fnmadd_ps(two, d2, d4), odd_a = _mm256_fnmadd_ps(two, d1, d3);
    __m256 even_b = _mm256_fnmadd_ps(half, d2, d4), odd_b = _mm256_fnmadd_ps(half, d1, d3);
    v[0] = _mm256_fnmadd_ps(c, d2, _mm256_add_ps(d0, d4));
    v[1] = _mm256_fmadd_ps(a, odd_a, even_a);
    v[2] = _mm256_fnmadd_ps(a, odd_a, even_a);
    v[3] = _mm256_fmadd_ps(b, odd_b, even_b);
    v[4] = _mm256_fnmadd_ps(b, odd_b, even_b);
    v[5] = _mm256_fnmadd_ps(c, d3, _mm256_add_ps(d1, d5));
}

/* Columns first … first + count of the image, six rows from `top`, transformed downwards into
 * col[column][6][8]. */
static void wino_columns(const xk_conv_shape *s, const float *src, int64_t top, int64_t first,
                         int64_t count, float *col)
{
    bool inside = top >= 0 && top + 6 <= s->ih;
    int64_t row = s->iw * 8;
    for (int64_t c = 0; c < count; c++, col += 48) {
        int64_t x = first + c;
        __m256 d[6], v[6];
        if (x < 0 || x >= s->iw) {
            for (int i = 0; i < 6; i++) _mm256_store_ps(col + 8 * i, _mm256_setzero_ps());
            continue;
        }
        const float *at = src + top * row + x * 8;
        for (int i = 0; i < 6; i++)
            d[i] = inside || (top + i >= 0 && top + i < s->ih) ? _mm256_loadu_ps(at + i * row)
                                                               : _mm256_setzero_ps();
        wino_forward(d[0], d[1], d[2], d[3], d[4], d[5], v);
        for (int i = 0; i < 6; i++) _mm256_store_ps(col + 8 * i, v[i]);
    }
}

/* `count` neighbouring tiles, across, into V. */
static void wino_rows(const float *col, int64_t count, float *v, int64_t plane)
{
    for (int64_t t = 0; t < count; t++, col += 4 * 48, v += 8) {
        for (int i = 0; i < 6; i++) {
            const float *d = col + 8 * i;
            __m256 r[6];
            wino_forward(_mm256_load_ps(d), _mm256_load_ps(d + 48), _mm256_load_ps(d + 96),
                         _mm256_load_ps(d + 144), _mm256_load_ps(d + 192), _mm256_load_ps(d + 240),
                         r);
            for (int j = 0; j < 6; j++) _mm256_store_ps(v + (i * 6 + j) * plane, r[j]);
        }
    }
}

/* Tiles first … first + count of one group of 8 channels. */
static void wino_input(const wino_shape *s, const float *src, int64_t first, int64_t count,
                       float *v)
{
    _Alignas(32) float col[(4 * WINO_RUN + 2) * 48];
    for (int64_t t = 0; t < count;) {
        int64_t y = (first + t) / s->across, x = (first + t) % s->across, n = s->across - x;
        n = n < count - t ? n : count - t;
        n = n < WINO_RUN ? n : WINO_RUN;
        wino_columns(&s->conv, src, 4 * y - s->conv.window.top, 4 * x - s->conv.window.left,
                     4 * n + 2, col);
        wino_rows(col, n, v + t * 8, s->plane);
        t += n;
    }
}

/* ---- weights transformed late: G g Gᵀ ---- */

XK_INLINE void wino_spread(__m256 g0, __m256 g1, __m256 g2, __m256 u[6])
{
    const __m256 third = _mm256_set1_ps(-1.0f / 3), a = _mm256_set1_ps((float)(-2.0 / 3 * WINO_A)),
                 sixth = _mm256_set1_ps(1.0f / 6), b = _mm256_set1_ps((float)(WINO_B / 6)),
                 two = _mm256_set1_ps(2.0f);
    __m256 even_a = _mm256_mul_ps(third, _mm256_fmadd_ps(two, g0, g2)),
           even_b = _mm256_mul_ps(sixth, _mm256_fmadd_ps(two, g2, g0));
    u[0] = g0;
    u[1] = _mm256_fmadd_ps(a, g1, even_a);
    u[2] = _mm256_fnmadd_ps(a, g1, even_a);
    u[3] = _mm256_fmadd_ps(b, g1, even_b);
    u[4] = _mm256_fnmadd_ps(b, g1, even_b);
    u[5] = g2;
}

/* `count` input channels of a panel: [count][9][16] → [36][count][16] with `step` floats from point
 * to point. */
static void wino_weights(const float *src, int64_t count, int64_t step, float *dst)
{
    for (int64_t i = 0; i < 2 * count; i++) {
        const float *g = src + i / 2 * 144 + i % 2 * 8;
        float *u = dst + i * 8;
        __m256 half[3][6], out[6];
        for (int j = 0; j < 3; j++)
            wino_spread(_mm256_load_ps(g + 16 * j), _mm256_load_ps(g + 16 * (j + 3)),
                        _mm256_load_ps(g + 16 * (j + 6)), half[j]);
        for (int k = 0; k < 6; k++) {
            wino_spread(half[0][k], half[1][k], half[2][k], out);
            for (int j = 0; j < 6; j++) _mm256_store_ps(u + (k * 6 + j) * step, out[j]);
        }
    }
}

/* ---- the products ---- */

typedef void (*wino_tile_fn)(const float *x, const int32_t *offset, int64_t taps, const float *w,
                             float *m, bool goes_on);

#define WINO_TAKE(i, a, b) a = _mm256_load_ps(m + 16 * i), b = _mm256_load_ps(m + 16 * i + 8)
#define WINO_STORE(i, a, b)                 \
    do {                                    \
        _mm256_store_ps(m + 16 * i, a);     \
        _mm256_store_ps(m + 16 * i + 8, b); \
    } while (0)
#define WINO_TILE(name, rows)                                                          \
    static __attribute__((noinline)) void name(const float *x, const int32_t *offset,  \
                                               int64_t taps, const float *w, float *m, \
                                               bool goes_on)                           \
    {                                                                                  \
        xk_tile_sums sums = xk_tile_start(_mm256_setzero_ps(), _mm256_setzero_ps());   \
        if (goes_on) XK_TILE_EACH(rows, sums, WINO_TAKE);                              \
        sums = xk_tile_sum(rows, 8, x, offset, taps, 8, w, sums);                      \
        XK_TILE_EACH(rows, sums, WINO_STORE);                                          \
    }
WINO_TILE(wino_tile_1, 1)
WINO_TILE(wino_tile_2, 2)
WINO_TILE(wino_tile_3, 3)
WINO_TILE(wino_tile_4, 4)
WINO_TILE(wino_tile_5, 5)
WINO_TILE(wino_tile_6, 6)
#undef WINO_TAKE
#undef WINO_STORE
#undef WINO_TILE

static const wino_tile_fn wino_tiles[XK_TILE_ROWS + 1] = {
    NULL, wino_tile_1, wino_tile_2, wino_tile_3, wino_tile_4, wino_tile_5, wino_tile_6};

/* A strip of tiles for one panel. */
typedef struct wino_strip {
    const float *v;
    const int32_t *offset;
    float *m;
    int64_t count;
} wino_strip;

/* Adds `groups` of input channels from `from` on to M; w is [36][groups · 8][16], `step` floats
 * from point to point. next: what is fetched into L2 meanwhile, `lines` of it; NULL: the next
 * point's weights into L1. */
static void wino_products(const wino_shape *s, const wino_strip *t, int64_t from, int64_t groups,
                          const float *w, int64_t step, const float *next, int64_t lines)
{
    xk_tile_cut cut = xk_tile_cut_of(t->count, XK_TILE_ROWS);
    int64_t near = next ? 0 : (groups * 8 + cut.tiles - 1) / cut.tiles,
            far = (lines + WINO_POINTS * cut.tiles - 1) / (WINO_POINTS * cut.tiles);
    const float *v = t->v;
    float *m = t->m;
    for (int64_t f = 0; f < WINO_POINTS; f++, v += s->plane, w += step, m += s->products) {
        const float *after = w + step;
        for (int64_t i = 0, at = 0; i < cut.tiles; i++) {
            int64_t rows = cut.rows + (i >= cut.more);
            for (int64_t k = 0; k < near; k++, after += 16)
                _mm_prefetch((const char *)after, _MM_HINT_T0);
            for (int64_t k = 0; next && k < far; k++, next += 16)
                _mm_prefetch((const char *)next, _MM_HINT_T1);
            wino_tiles[rows](v + at * 8, t->offset + from, groups, w, m + at * 16, from > 0);
            at += rows;
        }
    }
}

/* ---- the output: Aᵀ m A ---- */

XK_INLINE void wino_back(const __m256 m[6], __m256 y[4])
{
    const __m256 a = _mm256_set1_ps((float)WINO_A), b = _mm256_set1_ps((float)WINO_B),
                 two = _mm256_set1_ps(2.0f), half = _mm256_set1_ps(0.5f);
    __m256 sum_a = _mm256_add_ps(m[1], m[2]), sum_b = _mm256_add_ps(m[3], m[4]);
    __m256 odd_a = _mm256_mul_ps(a, _mm256_sub_ps(m[1], m[2])),
           odd_b = _mm256_mul_ps(b, _mm256_sub_ps(m[3], m[4]));
    y[0] = _mm256_add_ps(m[0], _mm256_add_ps(sum_a, sum_b));
    y[1] = _mm256_add_ps(odd_a, odd_b);
    y[2] = _mm256_fmadd_ps(half, sum_a, _mm256_mul_ps(two, sum_b));
    y[3] = _mm256_fmadd_ps(half, odd_a, _mm256_fmadd_ps(two, odd_b, m[5]));
}

typedef struct wino_store {
    float *y;
    const float *residual;
    __m256 bias;
    __m256i keep;
    int64_t row;
    xi_activation act;
    xk_act8 act8;
} wino_store;

/* 4 × 4 pixels of 8 channels, or what of them is inside. */
XK_INLINE void wino_output(const wino_store *o, const float *m, int64_t products, int64_t rows,
                           int64_t columns)
{
    __m256 half[4][6];
    for (int j = 0; j < 6; j++) {
        __m256 d[6], y[4];
        for (int i = 0; i < 6; i++) d[i] = _mm256_load_ps(m + (i * 6 + j) * products);
        wino_back(d, y);
        for (int i = 0; i < 4; i++) half[i][j] = y[i];
    }
    for (int i = 0; i < 4; i++) {
        __m256 y[4];
        if (i >= rows) break;
        wino_back(half[i], y);
        for (int j = 0; j < 4; j++) {
            if (j >= columns) break;
            int64_t at = i * o->row + j * 8;
            __m256 v = _mm256_add_ps(y[j], o->bias);
            if (o->residual) v = _mm256_add_ps(v, _mm256_loadu_ps(o->residual + at));
            v = xk_clamp8(v, o->act8.lo, o->act8.hi);
            _mm256_storeu_ps(o->y + at, _mm256_and_ps(v, _mm256_castsi256_ps(o->keep)));
        }
        if (o->act8.later)
            xk_act8_span(o->y + i * o->row, o->y + i * o->row, columns < 4 ? columns : 4, o->act,
                         o->keep);
    }
}

static void wino_outputs(const wino_shape *s, wino_store o, int64_t first, int64_t count,
                         const float *m)
{
    float *y = o.y;
    const float *residual = o.residual;
    for (int64_t t = 0; t < count; t++) {
        int64_t oh = (first + t) / s->across * 4, ow = (first + t) % s->across * 4,
                at = (oh * s->conv.ow + ow) * 8;
        o.y = y + at;
        o.residual = residual ? residual + at : NULL;
        wino_output(&o, m + t * 16, s->products, s->conv.oh - oh, s->conv.ow - ow);
    }
}

/* One panel of one strip, from V to the result. `spread` has room for a block of transformed
 * weights. */
static void wino_panel(const xi_call *call, const wino_shape *s, int64_t image, int64_t first,
                       const wino_strip *t, int64_t panel, float *spread)
{
    const wino_params *p = call->params;
    const float *packed = (const float *)call->packed + panel * (16 + s->weights), *w = packed + 16;
    int64_t plane = s->conv.oh * s->conv.ow * 8, groups = (s->conv.oc + 7) / 8;
    if (!p->late) wino_products(s, t, 0, s->groups, w, s->groups * 128, NULL, 0);
    for (int64_t g = 0; p->late && g < s->groups; g += s->block) {
        int64_t count = s->groups - g < s->block ? s->groups - g : s->block,
                step = count * 128 + 16; /* padded as V is */
        wino_weights(w + g * 1152, count * 8, step, spread);
        wino_products(s, t, g, count, spread, step, w + (g + count) * 1152, s->block * 72);
    }
    for (int64_t h = 0; h < 2 && 2 * panel + h < groups; h++) {
        int64_t at = (image * groups + 2 * panel + h) * plane;
        wino_store o = {.y = (float *)call->out[0]->data + at,
                        .residual = p->has_residual ? (const float *)call->in[3]->data + at : NULL,
                        .bias = _mm256_load_ps(packed + 8 * h),
                        .keep = xk_mask8(s->conv.oc - 16 * panel - 8 * h),
                        .row = s->conv.ow * 8,
                        .act = p->act,
                        .act8 = xk_act8_ready(p->act)};
        wino_outputs(s, o, first, t->count, t->m + 8 * h);
    }
}

static xinf_status wino_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                            xinf_error *err)
{
    const wino_params *p = call->params;
    wino_shape s = wino_of(p, call->in[0], call->out[0]);
    int64_t split = !s.shared    ? 1
                    : phase == 0 ? s.groups
                                 : s.panels,
            share = chunk % split, strip = chunk / split, image = strip / s.strips;
    int64_t first = strip % s.strips * s.strip,
            count = s.tiles - first < s.strip ? s.tiles - first : s.strip,
            area = s.conv.ih * s.conv.iw * 8;
    int32_t *offset = scratch;
    float *m = (float *)scratch + (s.groups + 16) / 16 * 16, *rest = m + WINO_POINTS * s.products;
    float *v = s.shared ? (float *)call->shared + strip * WINO_POINTS * s.plane : rest;
    const float *x = (const float *)call->in[0]->data + image * s.groups * area;
    wino_strip t = {v, offset, m, count};
    if (count < 1) return XINF_OK;
    if (phase == 0)
        for (int64_t g = s.shared ? share : 0; g < (s.shared ? share + 1 : s.groups); g++)
            wino_input(&s, x + g * area, first, count, v + g * s.strip * 8);
    if (s.shared && phase == 0) return XINF_OK;
    for (int64_t g = 0; g < s.groups; g++) offset[g] = (int32_t)(g * s.strip * 8);
    for (int64_t panel = s.shared ? share : 0; panel < (s.shared ? share + 1 : s.panels); panel++)
        wino_panel(call, &s, image, first, &t, panel, rest);
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_winograd[];

#define WINO_KERNEL(operator, space)                                                               \
    {                                                                                              \
        .op = operator, .domain = space, .name = "xk_conv_f32_winograd__avx2", .isa = XI_ISA_AVX2, \
        .prepare = wino_prepare, .pack = wino_pack, .extent = wino_extent, .run = wino_run         \
    }

const xi_kernel xk_avx2_winograd[] = {
    WINO_KERNEL("Conv", ""),
    WINO_KERNEL("FusedConv", "xinf"),
    {0},
};

#undef WINO_KERNEL
#undef WINO_A
#undef WINO_B
