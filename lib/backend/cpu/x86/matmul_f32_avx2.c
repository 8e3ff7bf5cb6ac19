/* matmul_f32_avx2.c — MatMul, Gemm and xinf.FusedMatMul: C = act(alpha · A B + bias + residual),
 * row-major.
 *
 * B is packed in panels [n/16][k][16]: constants once per model, other operands in phase 0 of each
 * run. A larger A is packed in phase 0 too, each tile of up to 6 rows as [k/8][row][8]; else it is
 * read where it lies. Phase 1 is cut into blocks of rows times groups of panels. A chunk goes
 * through k in blocks such that A's part stays in L2 for all panels of the group and a panel's part
 * in L1 for all tiles; every sum still runs through k from first to last. While a panel is used the
 * next one is fetched into L2. */
#include "base/checked.h"
#include "base/cpu.h"
#include "plan/kernel.h"

#include "backend/cpu/x86/tile_avx2.h"

enum { MM_BIAS_NONE, MM_BIAS_ROW, MM_BIAS_FULL };

typedef struct mm_params {
    int32_t trans_a, trans_b, b_packed, bias, bias_input, residual_input; /* inputs: -1 none */
    float alpha, beta;
    xi_activation act;
} mm_params;

/* One product; batches lie behind one another. */
typedef struct mm_shape {
    int64_t batch, m, n, k, b_batch; /* b_batch 1: the same B for all */
    int64_t panels, rows, row_blocks, group, groups;
    int64_t depth, depths; /* of k in a block, blocks */
    int64_t tiles;         /* of up to 6 rows in a block of rows */
    bool a_packed;
} mm_shape;

static xinf_status mm_refuse(xi_prepare *p, xinf_error *err)
{
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                          "not a float32 product of a usual pattern");
}

/* Bias of the result's last axis, or as large as the result. */
static bool mm_bias_pattern(const xi_operand *bias, const xi_operand *y, int32_t *pattern)
{
    const xi_shape *b = &bias->shape, *s = &y->shape;
    if (b->rank < 1 || s->rank < b->rank || bias->dtype != XINF_FLOAT32) return false;
    bool row = b->dim[b->rank - 1] == s->dim[s->rank - 1] && b->dim[b->rank - 1] > 0,
         full = b->rank == s->rank;
    for (int32_t i = 0; i < b->rank; i++) {
        if (i < b->rank - 1) row = row && b->dim[i] == 1;
        full = full && b->dim[i] == s->dim[i] && b->dim[i] != XI_DIM_UNKNOWN;
    }
    *pattern = row ? MM_BIAS_ROW : MM_BIAS_FULL;
    return row || full;
}

static bool mm_batches_fit(const xi_shape *a, const xi_shape *b)
{
    if (b->rank == 2) return true;
    if (a->rank != b->rank) return false;
    for (int32_t i = 0; i < a->rank - 2; i++)
        if (a->dim[i] != b->dim[i] || a->dim[i] == XI_DIM_UNKNOWN) return false;
    return true;
}

static bool mm_read_node(mm_params *c, const xi_prepare *p)
{
    const xi_node *n = p->node;
    bool gemm = xi_node_is(n, "Gemm"), fused = n->domain.len != 0;
    const xi_operand *bias = p->in_count > 2 ? p->in[2] : NULL,
                     *residual = fused && p->in_count > 3 ? p->in[3] : NULL;
    c->trans_a = gemm || fused ? xi_node_int(n, "transA", 0) != 0 : 0;
    c->trans_b = gemm || fused ? xi_node_int(n, "transB", 0) != 0 : 0;
    c->alpha = gemm || fused ? xi_node_float(n, "alpha", 1) : 1;
    c->beta = gemm ? xi_node_float(n, "beta", 1) : 1;
    c->bias_input = c->residual_input = -1;
    if (fused && (xi_activation_read(&c->act, n, NULL) != XINF_OK || !xk_act8_takes(c->act.kind)))
        return false;
    if (bias) {
        c->bias_input = 2;
        if (!mm_bias_pattern(bias, p->out[0], &c->bias)) return false;
    }
    if (residual) {
        int32_t pattern;
        c->residual_input = 3;
        if (!mm_bias_pattern(residual, p->out[0], &pattern) || pattern != MM_BIAS_FULL)
            return false;
    }
    return true;
}

static xinf_status mm_prepare(xi_prepare *p, xinf_error *err)
{
    mm_params *c = p->params;
    const xi_operand *a = p->in[0], *b = p->in[1];
    if (a->dtype != XINF_FLOAT32 || b->dtype != XINF_FLOAT32 || a->shape.rank < 2 ||
        b->shape.rank < 2 || !mm_batches_fit(&a->shape, &b->shape) || !mm_read_node(c, p) ||
        (c->trans_a && a->shape.rank != 2))
        return mm_refuse(p, err);
    if (c->residual_input == 3) p->in_place = 8;
    if (!b->data || b->shape.rank != 2 || !xi_shape_known(&b->shape)) return XINF_OK;
    int64_t k = b->shape.dim[c->trans_b ? 1 : 0], n = b->shape.dim[c->trans_b ? 0 : 1];
    size_t size;
    if (!xi_mul_size((size_t)k, (size_t)((n + 15) / 16 * 64), &size))
        return xi_fail(err, XINF_LIMIT, "weights are too large");
    c->b_packed = size != 0;
    p->packed_size = size;
    p->packed_inputs = size ? 2 : 0;
    return XINF_OK;
}

static int64_t mm_share(int64_t count, int64_t most)
{
    return most > 0 ? (count + most - 1) / most : 1;
}

/* How the work is cut; nothing here depends on the number of threads. With A packed: up to 256 rows
 * in a block, 300 KiB of A in a block of k, up to 8 panels in a group and 12 chunks or more. Else
 * 256 KiB of A in a block of rows and 128 KiB of B in a group. */
static void mm_cut(mm_shape *s)
{
    int64_t row = s->k * 4, panel = s->k * 64, most;
    s->a_packed = s->m >= 12 && s->n >= 64 && s->k >= 256 && s->k % 8 == 0;
    if (s->a_packed) {
        s->row_blocks = mm_share(s->m, 256);
    } else {
        most = s->m * row <= 524288 || row == 0 ? s->m : 262144 / row / XK_TILE_ROWS * XK_TILE_ROWS;
        s->row_blocks = mm_share(s->m, most < 48 ? 48 : most);
    }
    s->rows = s->row_blocks ? mm_share(s->m, s->row_blocks) : 0;
    s->row_blocks = s->rows ? mm_share(s->m, s->rows) : 0;
    s->tiles = mm_share(s->rows, XK_TILE_ROWS);
    int64_t blocks = s->batch * s->row_blocks;
    if (blocks < 1) blocks = 1;
    if (s->a_packed) {
        int64_t parts = mm_share(s->rows * row, 307200),
                deep = s->k > 768 ? mm_share(s->k, 384) : 1;
        s->depth = (mm_share(s->k, parts > deep ? parts : deep) + 7) / 8 * 8;
        s->group = s->panels * blocks / 12;
        most = 8;
    } else {
        s->depth = s->k;
        s->group = panel ? 131072 / panel : s->panels;
        most = mm_share(s->panels, blocks < 8 ? 8 / blocks : 1);
    }
    s->depths = s->depth ? mm_share(s->k, s->depth) : 1;
    if (s->group > most) s->group = most;
    if (s->group < 1) s->group = 1;
    s->groups = mm_share(s->panels, s->group);
}

static mm_shape mm_shape_of(const mm_params *p, const xi_operand *a, const xi_operand *b)
{
    mm_shape s = {.batch = 1, .b_batch = 1};
    const xi_shape *x = &a->shape, *w = &b->shape;
    s.k = p->trans_a ? x->dim[0] : x->dim[x->rank - 1];
    s.m = p->trans_a ? x->dim[1] : x->dim[x->rank - 2];
    s.n = p->trans_b ? w->dim[w->rank - 2] : w->dim[w->rank - 1];
    for (int32_t i = 0; i < x->rank - 2; i++) s.batch *= x->dim[i];
    if (w->rank > 2) {
        s.b_batch = s.batch;
    } else {
        s.m *= s.batch; /* rows of all batches lie one after another */
        s.batch = 1;
    }
    s.panels = (s.n + 15) / 16;
    mm_cut(&s);
    if (p->trans_a) s.a_packed = false;
    if (!s.a_packed) s.depth = s.k, s.depths = 1;
    return s;
}

/* Chunks of phase 0 that prepare A: one for each block of rows, or one that transposes. */
static int64_t mm_a_chunks(const mm_params *p, const mm_shape *s)
{
    return p->trans_a ? 1 : s->a_packed ? s->batch * s->row_blocks * s->tiles : 0;
}

static xinf_status mm_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                             int32_t width, xi_extent *e, xinf_error *err)
{
    const mm_params *p = params;
    mm_shape s = mm_shape_of(p, in[0], in[1]);
    size_t b = p->b_packed ? 0 : (size_t)(s.b_batch * s.panels * s.k) * 64,
           a = mm_a_chunks(p, &s) ? (size_t)(s.batch * s.m * s.k) * 4 : 0;
    e->phases = 2;
    e->chunks[0] = (p->b_packed ? 0 : (int32_t)(s.b_batch * s.panels)) +
                   (int32_t)mm_a_chunks(p, &s);
    e->chunks[1] = (int32_t)(s.batch * s.row_blocks * s.groups);
    e->shared = b + a + 64;
    e->scratch = (size_t)(s.k / 4 + 32) * 4 +
                 (size_t)((s.depths > 1 ? s.group : 1) * s.tiles) * XK_TILE_ROWS * 64;
    e->flops = (uint64_t)(2 * s.batch * s.m * s.n * s.k);
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

/* B lies as [k][n]: eight panels at a time, so that a row's page is used for all of them. */
static void mm_pack_rows(const char *src, int64_t k, int64_t n, float *dst)
{
    for (int64_t begin = 0; begin < n; begin += 128) {
        int64_t end = begin + 128 < n ? begin + 128 : n;
        for (int64_t i = 0; i < k; i++)
            for (int64_t first = begin; first < end; first += 16)
                memcpy(dst + (first / 16 * k + i) * 16, src + 4 * (i * n + first),
                       (size_t)(n - first < 16 ? n - first : 16) * 4);
    }
}

/* B lies as [n][k]: by squares of eight. */
static void mm_pack_columns(const char *src, int64_t k, int64_t n, float *dst)
{
    for (int64_t first = 0; first < n; first += 16, dst += k * 16) {
        int64_t columns = n - first < 16 ? n - first : 16, i = 0;
        for (; columns == 16 && i + 8 <= k; i += 8)
            for (int64_t half = 0; half < 16; half += 8) {
                __m256 r[8];
                for (int j = 0; j < 8; j++)
                    memcpy(&r[j], src + 4 * ((first + half + j) * k + i), 32);
                xk_transpose8(r);
                for (int j = 0; j < 8; j++) _mm256_store_ps(dst + (i + j) * 16 + half, r[j]);
            }
        for (; i < k; i++)
            for (int64_t j = 0; j < columns; j++)
                memcpy(&dst[i * 16 + j], src + 4 * ((first + j) * k + i), 4);
    }
}

static xinf_status mm_pack(const void *params, const xi_node *node, const xi_operand *const *in,
                           void *dst, xinf_error *err)
{
    const mm_params *c = params;
    const xi_shape *s = &in[1]->shape;
    if (c->trans_b)
        mm_pack_columns(in[1]->data, s->dim[1], s->dim[0], dst);
    else
        mm_pack_rows(in[1]->data, s->dim[0], s->dim[1], dst);
    return XINF_OK;
}

/* Panel `index` of a B that is not constant. */
static void mm_pack_panel(const mm_params *p, const mm_shape *s, const float *src, int64_t index,
                          float *dst)
{
    int64_t batch = index / s->panels, first = index % s->panels * 16,
            columns = s->n - first < 16 ? s->n - first : 16;
    const float *b = src + batch * s->k * s->n;
    __m256i low = xk_mask8(columns), high = xk_mask8(columns - 8);
    for (int64_t i = 0; i < s->k; i++, dst += 16) {
        if (!p->trans_b) {
            const float *row = b + i * s->n + first;
            _mm256_store_ps(dst, _mm256_maskload_ps(row, low));
            _mm256_store_ps(dst + 8, _mm256_maskload_ps(row + 8, high));
            continue;
        }
        for (int64_t j = 0; j < 16; j++) dst[j] = j < columns ? b[(first + j) * s->k + i] : 0;
    }
}

typedef struct mm_tile {
    const float *a, *w, *bias, *residual;
    float *c, *tile; /* tile: its sums */
    const int32_t *offset;
    int64_t eights, rest, lda, ldc, bias_step;
    bool goes_on; /* the sums begin with what stands in tile */
    int64_t columns;
    float alpha, beta;
    xi_activation act;
    xk_act8 act8;
} mm_tile;

/* From the sums in t->tile to the result. */
XK_INLINE void mm_finish_rows(const mm_tile *t, int64_t rows, bool whole)
{
    __m256i low = xk_mask8(t->columns), high = xk_mask8(t->columns - 8);
    __m256 alpha = _mm256_set1_ps(t->alpha), beta = _mm256_set1_ps(t->beta);
    for (int64_t m = 0; m < rows; m++) {
        __m256 a = _mm256_mul_ps(alpha, _mm256_load_ps(t->tile + 16 * m)),
               b = _mm256_mul_ps(alpha, _mm256_load_ps(t->tile + 16 * m + 8));
        float *c = t->c + m * t->ldc;
        if (t->bias) {
            const float *bias = t->bias + m * t->bias_step;
            a = _mm256_fmadd_ps(whole ? _mm256_loadu_ps(bias) : _mm256_maskload_ps(bias, low), beta,
                                a);
            b = _mm256_fmadd_ps(
                whole ? _mm256_loadu_ps(bias + 8) : _mm256_maskload_ps(bias + 8, high), beta, b);
        }
        if (t->residual) {
            const float *r = t->residual + m * t->ldc;
            a = _mm256_add_ps(a, whole ? _mm256_loadu_ps(r) : _mm256_maskload_ps(r, low));
            b = _mm256_add_ps(b, whole ? _mm256_loadu_ps(r + 8) : _mm256_maskload_ps(r + 8, high));
        }
        a = xk_clamp8(a, t->act8.lo, t->act8.hi);
        b = xk_clamp8(b, t->act8.lo, t->act8.hi);
        if (whole && !t->act8.later) { /* masked stores take ten times as long on some processors */
            _mm256_storeu_ps(c, a);
            _mm256_storeu_ps(c + 8, b);
        } else if (!t->act8.later) {
            _mm256_maskstore_ps(c, low, a);
            _mm256_maskstore_ps(c + 8, high, b);
        } else {
            _mm256_store_ps(t->tile + 16 * m, a);
            _mm256_store_ps(t->tile + 16 * m + 8, b);
        }
    }
}

/* The activations that do more than cut run over the whole tile. */
static __attribute__((noinline)) void mm_finish(const mm_tile *t, int64_t rows)
{
    if (t->columns >= 16)
        mm_finish_rows(t, rows, true);
    else
        mm_finish_rows(t, rows, false);
    if (!t->act8.later) return;
    __m256i low = xk_mask8(t->columns), high = xk_mask8(t->columns - 8);
    xk_act8_span(t->tile, t->tile, 2 * rows, t->act, xk_mask8(8));
    for (int64_t m = 0; m < rows; m++) {
        __m256 a = _mm256_load_ps(t->tile + 16 * m), b = _mm256_load_ps(t->tile + 16 * m + 8);
        float *c = t->c + m * t->ldc;
        if (t->columns >= 16) {
            _mm256_storeu_ps(c, a);
            _mm256_storeu_ps(c + 8, b);
        } else {
            _mm256_maskstore_ps(c, low, a);
            _mm256_maskstore_ps(c + 8, high, b);
        }
    }
}

#define MM_KEEP(m, a, b)                          \
    do {                                          \
        _mm256_store_ps(t->tile + 16 * m, a);     \
        _mm256_store_ps(t->tile + 16 * m + 8, b); \
    } while (0)
#define MM_TAKE(m, a, b) \
    a = _mm256_load_ps(t->tile + 16 * m), b = _mm256_load_ps(t->tile + 16 * m + 8)
#define MM_TILE(name, rows, step)                                                    \
    static __attribute__((noinline)) void name(const mm_tile *t)                     \
    {                                                                                \
        xk_tile_sums sums = xk_tile_start(_mm256_setzero_ps(), _mm256_setzero_ps()); \
        if (t->goes_on) XK_TILE_EACH(rows, sums, MM_TAKE);                           \
        sums = xk_tile_sum(rows, 8, t->a, t->offset, t->eights, step, t->w, sums);   \
        XK_TILE_EACH(rows, sums, MM_KEEP);                                           \
    }
MM_TILE(mm_tile_1, 1, t->lda)
MM_TILE(mm_tile_2, 2, t->lda)
MM_TILE(mm_tile_3, 3, t->lda)
MM_TILE(mm_tile_4, 4, t->lda)
MM_TILE(mm_tile_5, 5, t->lda)
MM_TILE(mm_tile_6, 6, t->lda)
MM_TILE(mm_near_1, 1, 8)
MM_TILE(mm_near_2, 2, 8)
MM_TILE(mm_near_3, 3, 8)
MM_TILE(mm_near_4, 4, 8)
MM_TILE(mm_near_5, 5, 8)
MM_TILE(mm_near_6, 6, 8)
#undef MM_TILE
#undef MM_KEEP
#undef MM_TAKE

typedef void (*mm_tile_fn)(const mm_tile *t);
/* A where it lies, A packed. */
static const mm_tile_fn mm_tiles[2][XK_TILE_ROWS + 1] = {
    {NULL, mm_tile_1, mm_tile_2, mm_tile_3, mm_tile_4, mm_tile_5, mm_tile_6},
    {NULL, mm_near_1, mm_near_2, mm_near_3, mm_near_4, mm_near_5, mm_near_6},
};

/* The last k % 8 terms. */
static __attribute__((noinline)) void mm_rest(const mm_tile *t, int64_t rows)
{
    const float *w = t->w + t->eights * 128, *a = t->a + t->eights * 8;
    for (int64_t m = 0; m < rows; m++, a += t->lda) {
        __m256 low = _mm256_load_ps(t->tile + 16 * m), high = _mm256_load_ps(t->tile + 16 * m + 8);
        for (int64_t k = 0; k < t->rest; k++) {
            __m256 v = _mm256_broadcast_ss(a + k);
            low = _mm256_fmadd_ps(v, _mm256_load_ps(w + 16 * k), low);
            high = _mm256_fmadd_ps(v, _mm256_load_ps(w + 16 * k + 8), high);
        }
        _mm256_store_ps(t->tile + 16 * m, low);
        _mm256_store_ps(t->tile + 16 * m + 8, high);
    }
}

/* Where a chunk is: rows of a block, and of k the part from `from` on. */
typedef struct mm_place {
    const float *a;            /* the block's first row */
    const int32_t *offsets[2]; /* of runs of 8 in k: for the smaller tiles and for the larger */
    int64_t rows, k, from, depth;
    bool a_packed, last;
} mm_place;

static void mm_panel(const mm_place *at, mm_tile t, const float *next)
{
    xk_tile_cut cut = xk_tile_cut_of(at->rows, XK_TILE_ROWS);
    int64_t lines = next ? (at->depth + cut.tiles - 1) / (cut.tiles ? cut.tiles : 1)
                         : 0; /* of the next panel that a tile fetches */
    for (int64_t i = 0, row = 0; i < cut.tiles; i++, t.tile += XK_TILE_ROWS * 16) {
        int64_t n = cut.rows + (i >= cut.more);
        for (int64_t k = 0; k < lines; k++, next += 16)
            _mm_prefetch((const char *)next, _MM_HINT_T1);
        t.offset = at->offsets[n > cut.rows];
        t.a = at->a + row * at->k + (at->a_packed ? at->from * n : 0);
        mm_tiles[at->a_packed][n](&t);
        row += n;
        if (!at->last) continue;
        if (t.rest) mm_rest(&t, n);
        mm_finish(&t, n);
        t.c += n * t.ldc;
        if (t.residual) t.residual += n * t.ldc;
        if (t.bias) t.bias += n * t.bias_step;
    }
}

/* One tile of A as [k/8][row][8]. */
static void mm_pack_tile(const mm_shape *s, const float *src, int64_t index, float *dst)
{
    int64_t tile = index % s->tiles, block = index / s->tiles % s->row_blocks,
            batch = index / s->tiles / s->row_blocks;
    int64_t first = block * s->rows, rows = s->m - first < s->rows ? s->m - first : s->rows,
            tiles = mm_share(rows, XK_TILE_ROWS);
    if (tile >= tiles) return;
    int64_t n = rows / tiles, larger = rows % tiles,
            row = 0; /* as mm_panel cuts: the smaller ones first */
    row = tile <= tiles - larger ? tile * n
                                 : (tiles - larger) * n + (tile - tiles + larger) * (n + 1);
    if (tile >= tiles - larger) n++;
    const float *from = src + (batch * s->m + first + row) * s->k;
    float *to = dst + (batch * s->m + first + row) * s->k;
    for (int64_t k = 0; k < s->k; k += 8)
        for (int64_t m = 0; m < n; m++, to += 8)
            _mm256_storeu_ps(to, _mm256_loadu_ps(from + m * s->k + k));
}

static void mm_transpose_a(const mm_shape *s, const float *src, float *dst)
{
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t k = 0; k < s->k; k++) dst[i * s->k + k] = src[k * s->m + i];
}

static xinf_status mm_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                          xinf_error *err)
{
    const mm_params *p = call->params;
    const xi_operand *b_operand = call->in[1];
    xi_operand shape_only;
    if (!b_operand) { /* packed: the node's weight tells the shape */
        const xi_value *v = call->node->inputs[1];
        shape_only = (xi_operand){.shape = v->literal->shape};
        b_operand = &shape_only;
    }
    mm_shape s = mm_shape_of(p, call->in[0], b_operand);
    float *b_shared = call->shared,
          *a_shared = b_shared ? b_shared + (p->b_packed ? 0 : s.b_batch * s.panels * s.k * 16)
                               : NULL;
    if (phase == 0) {
        if (!p->b_packed && chunk < s.b_batch * s.panels)
            mm_pack_panel(p, &s, b_operand->data, chunk, b_shared + (int64_t)chunk * s.k * 16);
        else if (s.a_packed)
            mm_pack_tile(&s, call->in[0]->data, chunk - (p->b_packed ? 0 : s.b_batch * s.panels),
                         a_shared);
        else
            mm_transpose_a(&s, call->in[0]->data, a_shared);
        return XINF_OK;
    }
    int64_t group = chunk % s.groups, block = chunk / s.groups % s.row_blocks,
            batch = chunk / s.groups / s.row_blocks;
    int64_t first_row = block * s.rows, rows = s.m - first_row < s.rows ? s.m - first_row : s.rows;
    const float *a = p->trans_a || s.a_packed ? a_shared : (const float *)call->in[0]->data;
    const float *packed = p->b_packed
                              ? call->packed
                              : b_shared + (s.b_batch > 1 ? batch : 0) * s.panels * s.k * 16;
    int64_t row = batch * s.m + first_row, begin = group * s.group,
            end = begin + s.group < s.panels ? begin + s.group : s.panels;
    float *sums = scratch;
    int32_t *offsets = (int32_t *)(void *)(sums + (s.depths > 1 ? s.group : 1) * s.tiles *
                                                      XK_TILE_ROWS * 16);
    mm_place at = {.a = a + row * s.k,
                   .offsets = {offsets, offsets + s.k / 8},
                   .rows = rows,
                   .k = s.k,
                   .a_packed = s.a_packed};
    int64_t least = rows / mm_share(rows, XK_TILE_ROWS);
    for (int64_t i = 0; i < s.k / 8; i++) {
        offsets[i] = (int32_t)(8 * i * (s.a_packed ? least : 1));
        offsets[s.k / 8 + i] = (int32_t)(8 * i * (s.a_packed ? least + 1 : 1));
    }
    for (; at.from < s.k || at.from == 0; at.from += s.depth) {
        at.depth = s.k - at.from < s.depth ? s.k - at.from : s.depth;
        at.last = at.from + at.depth >= s.k;
        for (int64_t panel = begin; panel < end; panel++) {
            int64_t column = panel * 16;
            mm_tile t = {.w = packed + (panel * s.k + at.from) * 16,
                         .c = (float *)call->out[0]->data + row * s.n + column,
                         .tile = sums +
                                 (s.depths > 1 ? panel - begin : 0) * s.tiles * XK_TILE_ROWS * 16,
                         .eights = at.depth / 8,
                         .rest = at.depth % 8,
                         .lda = s.a_packed ? 8 : s.k,
                         .ldc = s.n,
                         .columns = s.n - column,
                         .alpha = p->alpha,
                         .beta = p->beta,
                         .act = p->act,
                         .act8 = xk_act8_ready(p->act),
                         .goes_on = at.from > 0};
            if (p->bias_input >= 0) {
                t.bias_step = p->bias == MM_BIAS_FULL ? s.n : 0;
                t.bias = (const float *)call->in[2]->data + column +
                         (p->bias == MM_BIAS_FULL ? row * s.n : 0);
            }
            if (p->residual_input >= 0)
                t.residual = (const float *)call->in[3]->data + row * s.n + column;
            mm_panel(&at, t, panel + 1 < s.panels ? t.w + s.k * 16 : NULL);
        }
        if (s.depth == 0) break;
    }
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_matmul[];

#define MM_KERNEL(operator, space, kernel)                                         \
    {                                                                              \
        .op = operator, .domain = space, .name = kernel, .isa = XI_ISA_AVX2,       \
        .prepare = mm_prepare, .pack = mm_pack, .extent = mm_extent, .run = mm_run \
    }

const xi_kernel xk_avx2_matmul[] = {
    MM_KERNEL("MatMul", "", "xk_matmul_f32_packed__avx2"),
    MM_KERNEL("Gemm", "", "xk_gemm_f32_packed__avx2"),
    MM_KERNEL("FusedMatMul", "xinf", "xk_fused_matmul_f32_packed__avx2"),
    {0},
};

#undef MM_KERNEL
