/* ref_tfidf.c — TfIdfVectorizer: a table of the pool's grams is packed; every place of a row looks
 * its grams up. */
#include "backend/cpu/ref/identity.h"
#include "backend/cpu/ref/ref_block.h"
#include "base/checked.h"
#include "graph/op/tfidf.h"

extern const xi_kernel xk_ref_tfidf[];

typedef struct tfidf_params {
    uint64_t identity;
    int64_t slots; /* of the table, a power of two; an entry is the gram's number + 1, 0 is empty */
} tfidf_params;

/* Items of a row of the input, `apart` from one another. */
typedef struct tfidf_gram {
    const xi_operand *x;
    int64_t first, apart;
} tfidf_gram;

static xinf_status ref_tfidf_prepare(xi_prepare *p, xinf_error *err)
{
    tfidf_params *u = p->params;
    xi_tfidf t;
    xinf_status status = xi_tfidf_read(&t, p->node, err);
    if (status) return status;
    if (p->in[0]->dtype == XINF_UNDEFINED)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "the input's element type is not known");
    u->identity = xk_identity_of(p->node);
    u->slots = 16;
    while (u->slots < 2 * (int64_t)t.grams) u->slots *= 2;
    if (!xi_mul_size((size_t)u->slots, sizeof(int32_t), &p->packed_size))
        return xi_fail_memory(err, SIZE_MAX);
    return XINF_OK;
}

static uint64_t ref_tfidf_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static uint64_t ref_tfidf_pool_hash(const xi_tfidf *t, int64_t item, int64_t n)
{
    uint64_t h = (uint64_t)n;
    for (int64_t i = item; i < item + n; i++)
        h = ref_tfidf_mix(h, t->strings ? xi_str_hash(t->strings[i]) : (uint64_t)t->ints[i]);
    return h;
}

static bool ref_tfidf_pool_same(const xi_tfidf *t, int64_t a, int64_t b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (t->strings ? !xi_str_eq(t->strings[a + i], t->strings[b + i])
                       : t->ints[a + i] != t->ints[b + i])
            return false;
    return true;
}

/* The first item of gram g of n items, or -1 when gram g has another length. */
static int64_t ref_tfidf_item(const xi_tfidf *t, int64_t g, int64_t n)
{
    for (int64_t k = 1; k <= n; k++) {
        int64_t first = t->starts[k - 1], grams = (xi_tfidf_end(t, k) - first) / k;
        if (g < grams) return k == n ? first + g * n : -1;
        g -= grams;
    }
    return -1;
}

/* A gram that stands in the pool twice counts as its last. */
static xinf_status ref_tfidf_pack(const void *params, const xi_node *node,
                                  const xi_operand *const *in, void *dst, xinf_error *err)
{
    const tfidf_params *u = params;
    xi_tfidf t;
    int32_t *table = dst, gram = 0;
    xinf_status status = xi_tfidf_read(&t, node, err);
    if (status) return status;
    for (int64_t n = 1; n <= t.sizes; n++)
        for (int64_t item = t.starts[n - 1]; item < xi_tfidf_end(&t, n); item += n, gram++) {
            uint64_t at = ref_tfidf_pool_hash(&t, item, n) & (uint64_t)(u->slots - 1);
            for (;; at = (at + 1) & (uint64_t)(u->slots - 1)) {
                int64_t other = table[at] ? ref_tfidf_item(&t, table[at] - 1, n) : -1;
                if (!table[at] || (other >= 0 && ref_tfidf_pool_same(&t, other, item, n))) break;
            }
            table[at] = gram + 1;
        }
    return XINF_OK;
}

static xi_str ref_tfidf_string(const tfidf_gram *g, int64_t i)
{
    return ((const xi_str *)g->x->data)[g->first + i * g->apart];
}

static int64_t ref_tfidf_int(const tfidf_gram *g, int64_t i)
{
    return xi_dtype_load_i64(g->x->data, g->x->dtype, g->first + i * g->apart);
}

static bool ref_tfidf_same(const xi_tfidf *t, const tfidf_gram *g, int64_t item, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (t->strings ? !xi_str_eq(t->strings[item + i], ref_tfidf_string(g, i))
                       : t->ints[item + i] != ref_tfidf_int(g, i))
            return false;
    return true;
}

/* The gram's number; -1: not in the pool. */
static int32_t ref_tfidf_find(const tfidf_params *u, const int32_t *table, const xi_tfidf *t,
                              const tfidf_gram *g, int64_t n, uint64_t hash)
{
    for (uint64_t at = hash & (uint64_t)(u->slots - 1); table[at];
         at = (at + 1) & (uint64_t)(u->slots - 1)) {
        int64_t item = ref_tfidf_item(t, table[at] - 1, n);
        if (item >= 0 && ref_tfidf_same(t, g, item, n)) return table[at] - 1;
    }
    return -1;
}

static void ref_tfidf_row(const xi_call *call, const xi_tfidf *t, int64_t row, int64_t length,
                          float *counts)
{
    const tfidf_params *u = call->params;
    int64_t least = t->least;
    for (int64_t apart = 1; apart <= length && apart - 1 <= t->skips; apart++) {
        for (int64_t first = 0;
             first < length && (least == 1 || apart <= (length - 1 - first) / (least - 1));
             first++) {
            tfidf_gram g = {call->in[0], row * length + first, apart};
            for (int64_t n = 1; n <= t->most && (n - 1) <= (length - 1 - first) / apart; n++) {
                if (n < least) continue;
                uint64_t hash = (uint64_t)n;
                for (int64_t i = 0; i < n; i++)
                    hash = ref_tfidf_mix(hash, t->strings ? xi_str_hash(ref_tfidf_string(&g, i))
                                                          : (uint64_t)ref_tfidf_int(&g, i));
                int32_t gram = ref_tfidf_find(u, call->packed, t, &g, n, hash);
                if (gram >= 0) counts[t->indexes[gram]] += 1;
            }
        }
        if (least == 1 && ++least > t->most)
            break; /* single items are counted once, however many are skipped */
    }
}

static xinf_status ref_tfidf_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const xi_operand *x = call->in[0];
    xi_tfidf t;
    float *y = call->out[0]->data;
    xinf_status status = xi_tfidf_read(&t, call->node, err);
    if (status) return status;
    int64_t rows = x->shape.rank == 2 ? x->shape.dim[0] : 1,
            length = x->shape.rank == 0 ? 1 : x->shape.dim[x->shape.rank - 1];
    for (int64_t r = 0; r < rows && t.columns > 0; r++) {
        float *counts = y + r * t.columns;
        memset(counts, 0, (size_t)t.columns * sizeof *counts);
        ref_tfidf_row(call, &t, r, length, counts);
        for (int64_t i = 0; t.mode != XI_TFIDF_TF && i < t.columns; i++) {
            float weight = i < t.weight_count ? t.weights[i] : 1;
            counts[i] = t.mode == XI_TFIDF_IDF ? (counts[i] > 0 ? weight : 0) : counts[i] * weight;
        }
    }
    return XINF_OK;
}

const xi_kernel xk_ref_tfidf[] = {
    {.op = "TfIdfVectorizer",
     .domain = "",
     .name = "xk_tfidf_any_ref__portable",
     .prepare = ref_tfidf_prepare,
     .pack = ref_tfidf_pack,
     .run = ref_tfidf_run},
    {0},
};
