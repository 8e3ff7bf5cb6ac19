/* attention_f32_avx2.c — xinf.Attention: softmax(scale · Q Kᵀ + mask) V. A chunk is one head of one
 * batch: it packs K and V into panels of 16 columns, then takes six queries at a time; their scores
 * never leave the first cache level. */
#include "base/checked.h"
#include "base/cpu.h"
#include "plan/kernel.h"

#include "backend/cpu/x86/row_avx2.h"
#include "backend/cpu/x86/tile_avx2.h"

typedef struct head_params {
    float scale;
    int32_t k_transposed, has_mask;
} head_params;

typedef struct head_shape {
    int64_t batch, heads, queries, keys, depth, width; /* depth of Q and K, width of V */
    int64_t key_panels, value_panels, row;             /* row: floats kept for one row of scores */
} head_shape;

static xinf_status head_prepare(xi_prepare *p, xinf_error *err)
{
    head_params *c = p->params;
    bool takes = p->in_count >= 3;
    for (int32_t i = 0; i < p->in_count && takes; i++)
        takes = !p->in[i] ||
                (p->in[i]->dtype == XINF_FLOAT32 && (i > 2 || p->in[i]->shape.rank == 4));
    if (!takes) return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "not float32");
    c->scale = xi_node_float(p->node, "scale", 1);
    c->k_transposed = xi_node_int(p->node, "k_transposed", 0) != 0;
    c->has_mask = p->in_count > 3 && p->in[3];
    return XINF_OK;
}

static head_shape head_of(const head_params *p, xi_operand *const *in)
{
    const xi_shape *q = &in[0]->shape, *k = &in[1]->shape, *v = &in[2]->shape;
    head_shape s = {.batch = q->dim[0],
                    .heads = q->dim[1],
                    .queries = q->dim[2],
                    .depth = q->dim[3],
                    .keys = k->dim[p->k_transposed ? 3 : 2],
                    .width = v->dim[3]};
    s.key_panels = (s.keys + 15) / 16;
    s.value_panels = (s.width + 15) / 16;
    s.row = s.key_panels * 16;
    return s;
}

static xinf_status head_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                               int32_t width, xi_extent *e, xinf_error *err)
{
    head_shape s = head_of(params, in);
    int64_t floats = 0, part;
    bool fits = xi_mul_i64(s.key_panels * 16, s.depth, &floats) &&
                xi_mul_i64(s.value_panels * 16, s.keys, &part) &&
                xi_add_i64(floats, part, &floats) &&
                xi_add_i64(floats, XK_TILE_ROWS * s.row + (s.depth + s.keys) / 8 + 64, &floats) &&
                floats < INT32_MAX;
    if (!fits)
        return xi_fail(err, XINF_LIMIT, "an attention over %lld keys is too large",
                       (long long)s.keys);
    e->chunks[0] = (int32_t)(s.batch * s.heads);
    e->scratch = (size_t)floats * 4;
    e->flops = (uint64_t)(2 * s.batch * s.heads * s.queries * s.keys * (s.depth + s.width));
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

/* Eight rows of eight numbers, `step` apart, into eight columns 16 apart. */
XK_INLINE void head_turn(const float *src, int64_t step, float *dst)
{
    __m256 r[8];
    for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(src + i * step);
    xk_transpose8(r);
    for (int i = 0; i < 8; i++) _mm256_storeu_ps(dst + 16 * i, r[i]);
}

/* B[k][n] → panels [n/16][k][16], zeros past n. transposed: the source is [n][k]. */
static void head_pack(const float *src, int64_t k, int64_t n, bool transposed, float *dst)
{
    for (int64_t first = 0; first < n; first += 16) {
        int64_t columns = n - first < 16 ? n - first : 16, i = 0;
        __m256i low = xk_mask8(columns), high = xk_mask8(columns - 8);
        for (; transposed && columns == 16 && i + 8 <= k; i += 8, dst += 128) {
            head_turn(src + first * k + i, k, dst);
            head_turn(src + (first + 8) * k + i, k, dst + 8);
        }
        for (; i < k; i++, dst += 16) {
            if (!transposed) {
                _mm256_store_ps(dst, _mm256_maskload_ps(src + i * n + first, low));
                _mm256_store_ps(dst + 8, _mm256_maskload_ps(src + i * n + first + 8, high));
                continue;
            }
            for (int64_t j = 0; j < 16; j++) dst[j] = j < columns ? src[(first + j) * k + i] : 0;
        }
    }
}

/* One tile: rows × 16 columns of A·B, row m times factor[m], `columns` of them stored. */
typedef struct head_tile {
    const float *a, *panel, *factor;
    const int32_t *offset;
    float *c;
    int64_t lda, ldc, k, columns;
} head_tile;

XK_INLINE void head_product_tile(int rows, const head_tile *t)
{
    static const int32_t rest[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    xk_tile_sums sums = xk_tile_start(_mm256_setzero_ps(), _mm256_setzero_ps());
    int64_t whole = t->k / 8 * 8;
    float *c = t->c;
    sums = xk_tile_sum(rows, 8, t->a, t->offset, t->k / 8, t->lda, t->panel, sums);
    if (t->k % 8)
        sums = xk_tile_sum(rows, 1, t->a + whole, rest, t->k % 8, t->lda, t->panel + whole * 16,
                           sums);
    if (t->columns >= 16) {
#define HEAD_STORE(m, low, high)                                      \
    do {                                                              \
        __m256 f = _mm256_broadcast_ss(t->factor + m);                \
        _mm256_storeu_ps(c + m * t->ldc, _mm256_mul_ps(low, f));      \
        _mm256_storeu_ps(c + m * t->ldc + 8, _mm256_mul_ps(high, f)); \
    } while (0)
        XK_TILE_EACH(rows, sums, HEAD_STORE);
#undef HEAD_STORE
    } else {
        __m256i keep_low = xk_mask8(t->columns), keep_high = xk_mask8(t->columns - 8);
#define HEAD_STORE(m, low, high)                                                    \
    do {                                                                            \
        __m256 f = _mm256_broadcast_ss(t->factor + m);                              \
        _mm256_maskstore_ps(c + m * t->ldc, keep_low, _mm256_mul_ps(low, f));       \
        _mm256_maskstore_ps(c + m * t->ldc + 8, keep_high, _mm256_mul_ps(high, f)); \
    } while (0)
        XK_TILE_EACH(rows, sums, HEAD_STORE);
#undef HEAD_STORE
    }
}

#define HEAD_TILE(name, rows)                                      \
    static __attribute__((noinline)) void name(const head_tile *t) \
    {                                                              \
        head_product_tile(rows, t);                                \
    }
HEAD_TILE(head_tile_1, 1)
HEAD_TILE(head_tile_2, 2)
HEAD_TILE(head_tile_3, 3)
HEAD_TILE(head_tile_4, 4)
HEAD_TILE(head_tile_5, 5)
HEAD_TILE(head_tile_6, 6)
#undef HEAD_TILE

typedef void (*head_tile_fn)(const head_tile *t);
static const head_tile_fn head_tiles[XK_TILE_ROWS + 1] = {
    NULL, head_tile_1, head_tile_2, head_tile_3, head_tile_4, head_tile_5, head_tile_6};

/* All n columns of a tile of rows. */
static void head_product(int64_t rows, head_tile t, int64_t n)
{
    for (int64_t first = 0; first < n; first += 16, t.panel += t.k * 16, t.c += 16) {
        t.columns = n - first;
        head_tiles[rows](&t);
    }
}

/* The mask's row for a query, and whether it has one number for all keys. */
static const float *head_mask_row(const xi_operand *mask, int64_t n, int64_t h, int64_t t,
                                  bool *one)
{
    const xi_shape *s = &mask->shape;
    int64_t at[4] = {n, h, t, 0}, offset = 0;
    for (int32_t i = 0; i < s->rank; i++) {
        int64_t index = s->dim[i] == 1 ? 0 : at[4 - s->rank + i];
        offset = offset * s->dim[i] + index;
    }
    *one = s->rank == 0 || s->dim[s->rank - 1] == 1;
    return (const float *)mask->data + offset;
}

static void head_add_mask(float *row, const float *mask, bool one, int64_t n)
{
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(row + i,
                         _mm256_add_ps(_mm256_loadu_ps(row + i), one ? _mm256_broadcast_ss(mask)
                                                                     : _mm256_loadu_ps(mask + i)));
    if (i == n) return;
    __m256i keep = xk_mask8(n - i);
    __m256 m = one ? _mm256_broadcast_ss(mask) : _mm256_maskload_ps(mask + i, keep);
    _mm256_maskstore_ps(row + i, keep, _mm256_add_ps(_mm256_maskload_ps(row + i, keep), m));
}

static xinf_status head_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                            xinf_error *err)
{
    const head_params *p = call->params;
    head_shape s = head_of(p, call->in);
    int64_t batch = chunk / s.heads, head = chunk % s.heads,
            longest = s.depth > s.keys ? s.depth : s.keys;
    float *keys = scratch, *values = keys + s.key_panels * 16 * s.depth,
          *scores = values + s.value_panels * 16 * s.keys;
    int32_t *offset = (int32_t *)(void *)(scores + XK_TILE_ROWS * s.row);
    const float *q = (const float *)call->in[0]->data + chunk * s.queries * s.depth;
    float *y = (float *)call->out[0]->data + chunk * s.queries * s.width;
    for (int64_t i = 0; i < longest / 8; i++) offset[i] = (int32_t)(8 * i);
    head_pack((const float *)call->in[1]->data + chunk * s.keys * s.depth, s.depth, s.keys,
              !p->k_transposed, keys);
    head_pack((const float *)call->in[2]->data + chunk * s.keys * s.width, s.keys, s.width, false,
              values);
    xk_tile_cut cut = xk_tile_cut_of(s.queries, XK_TILE_ROWS);
    float scale[XK_TILE_ROWS], share[XK_TILE_ROWS];
    for (int m = 0; m < XK_TILE_ROWS; m++) scale[m] = p->scale;
    for (int64_t i = 0, at = 0; i < cut.tiles; i++) {
        int64_t rows = cut.rows + (i >= cut.more);
        head_product(rows,
                     (head_tile){.a = q + at * s.depth,
                                 .lda = s.depth,
                                 .k = s.depth,
                                 .offset = offset,
                                 .panel = keys,
                                 .factor = scale,
                                 .c = scores,
                                 .ldc = s.row},
                     s.keys);
        for (int64_t m = 0; m < rows; m++) {
            bool one;
            float *row = scores + m * s.row;
            if (p->has_mask) {
                const float *mask = head_mask_row(call->in[3], batch, head, at + m, &one);
                head_add_mask(row, mask, one, s.keys);
            }
            float largest = xk_row_largest(row, s.keys);
            if (largest == -INFINITY)
                largest = 0; /* nothing but −inf: 0/0, as the definition has it */
            share[m] = 1 / xk_row_exp_sum(row, row, s.keys, largest, true);
        }
        head_product(rows,
                     (head_tile){.a = scores,
                                 .lda = s.row,
                                 .k = s.keys,
                                 .offset = offset,
                                 .panel = values,
                                 .factor = share,
                                 .c = y + at * s.width,
                                 .ldc = s.width},
                     s.width);
        at += rows;
    }
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_attention[];

const xi_kernel xk_avx2_attention[] = {
    {.op = "Attention",
     .domain = "xinf",
     .name = "xk_attention_f32_head__avx2",
     .isa = XI_ISA_AVX2,
     .prepare = head_prepare,
     .extent = head_extent,
     .run = head_run},
    {0},
};
