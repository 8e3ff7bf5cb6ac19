/* quantized_f32_avx2.c — xinf.QuantizedMatMul: the range of x, x as signed bytes, products of
 * integers, floats again.
 *
 * With s = q − 128 for the unsigned q of x and z its zero point: Σ (q − z) w = Σ s w + (128 − z) Σ
 * w. Panels are 16 columns wide. Weights of 4 bits are packed as w + 8, two to a byte: [k/4][8
 * columns][4] in the low halves, the next 8 columns in the high ones. They are multiplied unsigned
 * × signed into 16 bits, where eight products of pairs fit (8 · 2 · 15 · 128 < 2^15) before they
 * are widened; Σ s (w + 8) = Σ s w + 8 Σ s. Weights of 8 bits are packed [k/2][16 columns][2] and
 * widened first: 16-bit pairs into 32 bits. All sums are exact, so results are those of the
 * portable kernel bit for bit. */
#include "base/checked.h"
#include "base/cpu.h"
#include "plan/kernel.h"
#include "tensor/dtype.h"

#include "backend/cpu/x86/vec_avx2.h"

extern const xi_kernel xk_avx2_quantized[];

enum {
    QUANT8_COLUMNS = 16,
    QUANT8_ROWS = 4,
    QUANT8_MOST = 65536,
    QUANT8_STEP = 32,
    QUANT8_SPAN = 16384
};

typedef struct quant8_params {
    int64_t k, n;
    int32_t four, has_bias, turned;
} quant8_params;

typedef struct quant8_shape {
    int64_t rows, count, padded, panels, panel_bytes; /* padded: k in multiples of QUANT8_STEP */
    int64_t spans, row_chunks, rows_each, groups, panels_each;
    size_t ranges, sums, bytes; /* places in the shared memory */
} quant8_shape;

static int64_t quant8_padded(int64_t k)
{
    return (k + QUANT8_STEP - 1) / QUANT8_STEP * QUANT8_STEP;
}

/* A panel: 16 scales, 16 biases, 16 sums of columns, then the weights. */
static int64_t quant8_panel_bytes(const quant8_params *p)
{
    return 3 * QUANT8_COLUMNS * 4 +
           quant8_padded(p->k) * (p->four ? QUANT8_COLUMNS / 2 : QUANT8_COLUMNS);
}

static xinf_status quant8_prepare(xi_prepare *p, xinf_error *err)
{
    quant8_params *q = p->params;
    const xi_operand *w = p->in[1], *s = p->in[2], *b = p->in_count > 3 ? p->in[3] : NULL;
    q->turned = xi_node_int(p->node, "transB", 0) != 0;
    if (!w->data || !s->data || (b && !b->data) || w->shape.rank != 2 || !xi_shape_known(&w->shape))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "its weights are not constants");
    q->k = w->shape.dim[q->turned ? 1 : 0];
    q->n = w->shape.dim[q->turned ? 0 : 1];
    q->four = w->dtype == XINF_INT4;
    q->has_bias = b != NULL;
    if (q->k < 1 || q->n < 1 || q->k > QUANT8_MOST || q->n > QUANT8_MOST * 16)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "weights of this shape");
    size_t size;
    if (!xi_mul_size((size_t)quant8_panel_bytes(q),
                     (size_t)(q->n + QUANT8_COLUMNS - 1) / QUANT8_COLUMNS, &size))
        return xi_fail(err, XINF_LIMIT, "weights are too large");
    p->packed_size = size;
    p->packed_inputs = b ? 14 : 6;
    return XINF_OK;
}

static int32_t quant8_weight(const quant8_params *p, const xi_operand *w, int64_t k, int64_t column)
{
    int64_t at = p->turned ? column * p->k + k : k * p->n + column;
    uint8_t byte = ((const uint8_t *)w->data)[at];
    return p->four ? (int8_t)(uint8_t)(byte << 4) >> 4 : (int8_t)byte;
}

static void quant8_pack_panel(const quant8_params *p, const xi_operand *const *in, int64_t panel,
                              uint8_t *dst)
{
    float *scales = (float *)dst, *bias = scales + QUANT8_COLUMNS;
    int32_t *sums = (int32_t *)(bias + QUANT8_COLUMNS);
    uint8_t *weights = (uint8_t *)(sums + QUANT8_COLUMNS);
    const char *given = in[2]->data, *given_bias = p->has_bias ? in[3]->data : NULL;
    if (p->four) memset(weights, 0x88, (size_t)quant8_padded(p->k) * QUANT8_COLUMNS / 2);
    for (int64_t j = 0; j < QUANT8_COLUMNS && panel * QUANT8_COLUMNS + j < p->n; j++) {
        int64_t column = panel * QUANT8_COLUMNS + j;
        memcpy(&scales[j], given + (in[2]->shape.rank ? column * 4 : 0), 4);
        if (given_bias) memcpy(&bias[j], given_bias + column * 4, 4);
        for (int64_t k = 0; k < p->k; k++) {
            int32_t w = quant8_weight(p, in[1], k, column);
            sums[j] += w;
            if (p->four) {
                uint8_t *at = &weights[k / 4 * 32 + j % 8 * 4 + k % 4];
                *at = (uint8_t)(j < 8 ? (*at & 0xf0) | (w + 8) : (*at & 0x0f) | (w + 8) << 4);
            } else {
                weights[k / 2 * 32 + j * 2 + k % 2] = (uint8_t)(int8_t)w;
            }
        }
    }
}

static xinf_status quant8_pack(const void *params, const xi_node *n, const xi_operand *const *in,
                               void *dst, xinf_error *err)
{
    const quant8_params *p = params;
    for (int64_t panel = 0; panel < (p->n + QUANT8_COLUMNS - 1) / QUANT8_COLUMNS; panel++)
        quant8_pack_panel(p, in, panel, (uint8_t *)dst + panel * quant8_panel_bytes(p));
    return XINF_OK;
}

static quant8_shape quant8_of(const quant8_params *p, const xi_operand *x)
{
    quant8_shape s = {.count = x->count,
                      .rows = x->count / p->k,
                      .padded = quant8_padded(p->k),
                      .panel_bytes = quant8_panel_bytes(p)};
    s.panels = (p->n + QUANT8_COLUMNS - 1) / QUANT8_COLUMNS;
    s.spans = (s.count + QUANT8_SPAN - 1) / QUANT8_SPAN;
    s.rows_each = s.rows < 64 ? s.rows : 64;
    s.row_chunks = s.rows_each ? (s.rows + s.rows_each - 1) / s.rows_each : 0;
    s.panels_each = 65536 / s.panel_bytes < 1 ? 1 : 65536 / s.panel_bytes;
    if (s.row_chunks < 8 && s.panels_each > (s.panels + 7) / 8) s.panels_each = (s.panels + 7) / 8;
    s.groups = (s.panels + s.panels_each - 1) / s.panels_each;
    s.ranges = 0;
    s.sums = ((size_t)s.spans * 8 + 63) / 64 * 64;
    s.bytes = s.sums + ((size_t)s.rows * 4 + 63) / 64 * 64;
    return s;
}

static xinf_status quant8_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                 int32_t width, xi_extent *e, xinf_error *err)
{
    const quant8_params *p = params;
    quant8_shape s = quant8_of(p, in[0]);
    int64_t most = 0;
    if (!xi_mul_i64(s.row_chunks, s.groups, &most) || most > INT32_MAX || s.spans > INT32_MAX)
        return xi_fail(err, XINF_LIMIT, "a product of more than 2^31 parts");
    e->phases = 3;
    e->chunks[0] = (int32_t)s.spans;
    e->chunks[1] = (int32_t)s.row_chunks;
    e->chunks[2] = (int32_t)most;
    /* 4 bits: signed bytes; 8 bits: 16-bit numbers. Rows of the last tile may be read past the end
     * of their kind, never past these. */
    e->shared = s.bytes + (size_t)((s.rows + QUANT8_ROWS) * s.padded) * (p->four ? 1 : 2);
    e->flops = (uint64_t)(2 * s.rows * p->n * p->k);
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

/* Smallest and largest number of one span, with 0; NaN does not count. */
static void quant8_range(const float *x, int64_t count, float *out)
{
    __m256 low = _mm256_setzero_ps(), high = low;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 v = _mm256_loadu_ps(x + i);
        low = _mm256_min_ps(v, low);
        high = _mm256_max_ps(v, high);
    }
    if (i < count) {
        __m256 v = _mm256_maskload_ps(x + i, xk_mask8(count - i));
        low = _mm256_min_ps(v, low);
        high = _mm256_max_ps(v, high);
    }
    _Alignas(32) float a[8], b[8];
    _mm256_store_ps(a, low);
    _mm256_store_ps(b, high);
    out[0] = out[1] = 0;
    for (int j = 0; j < 8; j++) {
        out[0] = a[j] < out[0] ? a[j] : out[0];
        out[1] = b[j] > out[1] ? b[j] : out[1];
    }
}

/* Scale and zero point of DynamicQuantizeLinear from the ranges of all spans. */
static void quant8_scale(const quant8_shape *s, const void *shared, float *scale, float *zero)
{
    const float *ranges = (const float *)shared;
    float low = 0, high = 0;
    for (int64_t i = 0; i < s->spans; i++) {
        low = ranges[2 * i] < low ? ranges[2 * i] : low;
        high = ranges[2 * i + 1] > high ? ranges[2 * i + 1] : high;
    }
    *scale = (high == low ? 1.0f : high - low) / 255.0f;
    float z = _mm_cvtss_f32(_mm_round_ss(_mm_setzero_ps(), _mm_set_ss(-low / *scale),
                                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    *zero = !(z > 0) ? 0 : z > 255 ? 255 : z;
}

/* Eight numbers as q − 128; NaN as the smallest. */
XK_INLINE __m256i quant8_eight(__m256 x, __m256 scale, __m256 zero)
{
    __m256 v = _mm256_add_ps(
        _mm256_round_ps(_mm256_div_ps(x, scale), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
        zero);
    v = _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), _mm256_set1_ps(255.0f));
    return _mm256_sub_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(128));
}

/* One row; its sum is returned. */
static int32_t quant8_row(const quant8_params *p, const float *x, float scale, float zero,
                          int64_t padded, void *dst)
{
    __m256 s = _mm256_set1_ps(scale), z = _mm256_set1_ps(zero);
    __m256i sum = _mm256_setzero_si256();
    for (int64_t i = 0; i < padded; i += 8) {
        int64_t left = p->k - i;
        __m256i v = _mm256_setzero_si256();
        if (left >= 8)
            v = quant8_eight(_mm256_loadu_ps(x + i), s, z);
        else if (left > 0)
            v = _mm256_and_si256(quant8_eight(_mm256_maskload_ps(x + i, xk_mask8(left)), s, z),
                                 xk_mask8(left));
        sum = _mm256_add_epi32(sum, v);
        __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
        if (p->four)
            _mm_storel_epi64((__m128i *)((int8_t *)dst + i), _mm_packs_epi16(half, half));
        else
            _mm_storeu_si128((__m128i *)((int16_t *)dst + i), half);
    }
    _Alignas(32) int32_t parts[8];
    _mm256_store_si256((__m256i *)parts, sum);
    return parts[0] + parts[1] + parts[2] + parts[3] + parts[4] + parts[5] + parts[6] + parts[7];
}

/* Sums live in variables of their own and rows in pointers that the compiler cannot fold, as in
 * tile_avx2.h. */
#define QUANT8_EACH(do_row) do_row(0) do_row(1) do_row(2) do_row(3)
#define QUANT8_POINTER(m)                                             \
    const char *x##m = (const char *)x + (rows > m ? m : 0) * stride; \
    __asm__("" : "+r"(x##m));
#define QUANT8_BROADCAST(m, bytes) \
    _mm256_castps_si256(_mm256_broadcast_ss((const float *)(const void *)(x##m + (bytes))))

#define QUANT8_ZERO(m) __m256i a##m = _mm256_setzero_si256(), b##m = _mm256_setzero_si256();
#define QUANT8_FOUR(m)                                                                             \
    if (rows > m) {                                                                                \
        __m256i v = QUANT8_BROADCAST(m, 4 * i);                                                    \
        a##m = _mm256_add_epi16(a##m, _mm256_maddubs_epi16(w0, v));                                \
        b##m = _mm256_add_epi16(b##m, _mm256_maddubs_epi16(w1, v));                                \
        __asm__(""                                                                                 \
                : "+x"(a##m), "+x"(b##m)); /* or gcc keeps all products and adds them in a tree */ \
    }
#define QUANT8_WIDEN(m)                                                         \
    if (rows > m) {                                                             \
        acc[m][0] = _mm256_add_epi32(acc[m][0], _mm256_madd_epi16(a##m, ones)); \
        acc[m][1] = _mm256_add_epi32(acc[m][1], _mm256_madd_epi16(b##m, ones)); \
        x##m += QUANT8_STEP;                                                    \
    }

/* acc[row][half]: Σ s (w + 8) over k. stride: bytes from row to row. */
XK_INLINE void quant8_tile_four(int rows, const void *x, int64_t stride, const uint8_t *w,
                                int64_t padded, __m256i acc[QUANT8_ROWS][2])
{
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    QUANT8_EACH(QUANT8_POINTER)
    for (int64_t k = 0; k < padded; k += QUANT8_STEP, w += QUANT8_STEP / 4 * 32) {
        QUANT8_EACH(QUANT8_ZERO)
        for (int i = 0; i < QUANT8_STEP / 4; i++) {
            __m256i both = _mm256_load_si256((const __m256i *)(w + 32 * i)),
                    w0 = _mm256_and_si256(both, low),
                    w1 = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
            QUANT8_EACH(QUANT8_FOUR)
        }
        QUANT8_EACH(QUANT8_WIDEN)
    }
}

#define QUANT8_EIGHT(m)                                          \
    if (rows > m) {                                              \
        __m256i v = QUANT8_BROADCAST(m, 4 * i);                  \
        a##m = _mm256_add_epi32(a##m, _mm256_madd_epi16(w0, v)); \
        b##m = _mm256_add_epi32(b##m, _mm256_madd_epi16(w1, v)); \
        __asm__("" : "+x"(a##m), "+x"(b##m));                    \
    }
#define QUANT8_ADVANCE(m) \
    if (rows > m) x##m += 16;
#define QUANT8_GIVE(m) \
    if (rows > m) acc[m][0] = a##m, acc[m][1] = b##m;

XK_INLINE void quant8_tile_eight(int rows, const void *x, int64_t stride, const uint8_t *w,
                                 int64_t padded, __m256i acc[QUANT8_ROWS][2])
{
    QUANT8_EACH(QUANT8_POINTER)
    QUANT8_EACH(QUANT8_ZERO)
    for (int64_t k = 0; k < padded; k += 8, w += 128) {
        for (int i = 0; i < 4; i++) {
            __m256i w0 = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(w + 32 * i))),
                    w1 = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(w + 32 * i + 16)));
            QUANT8_EACH(QUANT8_EIGHT)
        }
        QUANT8_EACH(QUANT8_ADVANCE)
    }
    QUANT8_EACH(QUANT8_GIVE)
}

#undef QUANT8_EACH
#undef QUANT8_POINTER
#undef QUANT8_BROADCAST
#undef QUANT8_ZERO
#undef QUANT8_FOUR
#undef QUANT8_WIDEN
#undef QUANT8_EIGHT
#undef QUANT8_ADVANCE
#undef QUANT8_GIVE

typedef struct quant8_tile {
    const quant8_params *params;
    const void *x;
    const int32_t *sums;
    const uint8_t *panel;
    float *y;
    int64_t padded, columns;
    float scale, zero;
} quant8_tile;

XK_INLINE void quant8_store(const quant8_tile *t, int rows, __m256i acc[QUANT8_ROWS][2])
{
    const float *scales = (const float *)t->panel, *bias = scales + QUANT8_COLUMNS;
    const __m256i *sums = (const __m256i *)(bias + QUANT8_COLUMNS);
    __m256i shift = _mm256_set1_epi32(128 - (int32_t)t->zero);
    for (int h = 0; h < 2 && t->columns > 8 * h; h++) {
        __m256i mask = xk_mask8(t->columns - 8 * h),
                column = _mm256_mullo_epi32(shift, _mm256_load_si256(sums + h));
        __m256 factor = _mm256_mul_ps(_mm256_set1_ps(t->scale), _mm256_load_ps(scales + 8 * h)),
               add = _mm256_load_ps(bias + 8 * h);
        for (int m = 0; m < rows; m++) {
            __m256i v = _mm256_add_epi32(acc[m][h], column);
            if (t->params->four) v = _mm256_sub_epi32(v, _mm256_set1_epi32(8 * t->sums[m]));
            __m256 y = _mm256_mul_ps(_mm256_cvtepi32_ps(v), factor);
            if (t->params->has_bias) y = _mm256_add_ps(y, add);
            _mm256_maskstore_ps(t->y + m * t->params->n + 8 * h, mask, y);
        }
    }
}

#define QUANT8_TILE(rows)                                                              \
    static __attribute__((noinline)) void quant8_tile_##rows(const quant8_tile *t)     \
    {                                                                                  \
        __m256i acc[QUANT8_ROWS][2];                                                   \
        const uint8_t *w = t->panel + 3 * QUANT8_COLUMNS * 4;                          \
        for (int m = 0; m < rows; m++) acc[m][0] = acc[m][1] = _mm256_setzero_si256(); \
        if (t->params->four)                                                           \
            quant8_tile_four(rows, t->x, t->padded, w, t->padded, acc);                \
        else                                                                           \
            quant8_tile_eight(rows, t->x, 2 * t->padded, w, t->padded, acc);           \
        quant8_store(t, rows, acc);                                                    \
    }
QUANT8_TILE(1)
QUANT8_TILE(2)
QUANT8_TILE(3)
QUANT8_TILE(4)
#undef QUANT8_TILE

static void quant8_product(const xi_call *call, const quant8_shape *s, int64_t chunk)
{
    static void (*const tiles[])(const quant8_tile *) = {NULL, quant8_tile_1, quant8_tile_2,
                                                         quant8_tile_3, quant8_tile_4};
    const quant8_params *p = call->params;
    int64_t group = chunk % s->groups, first = chunk / s->groups * s->rows_each,
            end = first + s->rows_each < s->rows ? first + s->rows_each : s->rows;
    int64_t last = (group + 1) * s->panels_each < s->panels ? (group + 1) * s->panels_each
                                                            : s->panels;
    const uint8_t *shared = call->shared;
    quant8_tile t = {.params = p, .padded = s->padded};
    quant8_scale(s, shared + s->ranges, &t.scale, &t.zero);
    for (int64_t panel = group * s->panels_each; panel < last; panel++) {
        t.panel = (const uint8_t *)call->packed + panel * s->panel_bytes;
        t.columns = p->n - panel * QUANT8_COLUMNS;
        for (int64_t row = first, rows; row < end; row += rows) {
            rows = end - row < QUANT8_ROWS ? end - row : QUANT8_ROWS;
            t.x = shared + s->bytes + row * s->padded * (p->four ? 1 : 2);
            t.sums = (const int32_t *)(shared + s->sums) + row;
            t.y = (float *)call->out[0]->data + row * p->n + panel * QUANT8_COLUMNS;
            tiles[rows](&t);
        }
    }
}

static xinf_status quant8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                              xinf_error *err)
{
    const quant8_params *p = call->params;
    quant8_shape s = quant8_of(p, call->in[0]);
    const float *x = call->in[0]->data;
    uint8_t *shared = call->shared;
    if (phase == 0) {
        int64_t first = (int64_t)chunk * QUANT8_SPAN,
                count = s.count - first < QUANT8_SPAN ? s.count - first : QUANT8_SPAN;
        quant8_range(x + first, count, (float *)(shared + s.ranges) + 2 * chunk);
        return XINF_OK;
    }
    if (phase == 2) {
        quant8_product(call, &s, chunk);
        return XINF_OK;
    }
    float scale, zero;
    int64_t first = chunk * s.rows_each,
            end = first + s.rows_each < s.rows ? first + s.rows_each : s.rows;
    quant8_scale(&s, shared + s.ranges, &scale, &zero);
    for (int64_t row = first; row < end; row++)
        ((int32_t *)(shared + s.sums))[row] = quant8_row(p, x + row * p->k, scale, zero, s.padded,
                                                         shared + s.bytes +
                                                             row * s.padded * (p->four ? 1 : 2));
    return XINF_OK;
}

XK_TARGET_END(avx2)

const xi_kernel xk_avx2_quantized[] = {
    {.op = "QuantizedMatMul",
     .domain = "xinf",
     .name = "xk_quantized_matmul_f32_packed__avx2",
     .isa = XI_ISA_AVX2,
     .prepare = quant8_prepare,
     .pack = quant8_pack,
     .extent = quant8_extent,
     .run = quant8_run},
    {0},
};
