/* upgrade_contrib_gqa.c — com.microsoft.GroupQueryAttention: each sequence of the batch has its own
 * past in one cache, so the new keys and values are written there (TensorScatter) and a mask says
 * what each token may see. */
#include <math.h>

#include "import/onnx/formula.h"

enum {
    GQA_Q,
    GQA_K,
    GQA_V,
    GQA_PAST_K,
    GQA_PAST_V,
    GQA_LENGTHS,
    GQA_TOTAL,
    GQA_COS,
    GQA_SIN,
    GQA_POSITIONS,
    GQA_BIAS,
    GQA_SINK,
    GQA_K_SCALE,
    GQA_V_SCALE,
    GQA_Q_NORM,
    GQA_K_NORM,
    GQA_QUERY_LENGTHS
};

typedef struct contrib_gqa {
    int64_t heads, kv;
    xi_value *q, *k, *v;      /* [batch, heads, length, depth] */
    xi_value *length, *total; /* [1] each: new tokens, and the longest sequence with them */
    xi_value *older;          /* [batch]: tokens that each sequence has in the cache */
    xi_value *room;           /* [1]: positions of the cache afterwards */
    xi_value *places;         /* [batch, length]: where each new token stands */
} contrib_gqa;

static const char *contrib_gqa_refusal(const xi_formula *f, const contrib_gqa *g)
{
    const xi_node *n = f->n;
    if (g->heads < 1 || g->kv < 1 || g->heads % g->kv || g->heads > INT32_MAX)
        return "num_heads or kv_num_heads is out of range";
    if (!xi_str_is(xi_node_string(n, "k_quant_type", "NONE"), "NONE") ||
        !xi_str_is(xi_node_string(n, "v_quant_type", "NONE"), "NONE") ||
        xi_formula_in(f, GQA_K_SCALE) || xi_formula_in(f, GQA_V_SCALE) ||
        xi_node_int(n, "kv_cache_bit_width", 0))
        return "a quantised cache is not supported";
    if (xi_node_int(n, "sliding_window_cache", 0)) return "sliding_window_cache is not supported";
    if (xi_formula_in(f, GQA_QUERY_LENGTHS)) return "query_seqlens is not supported";
    if (xi_node_int(n, "do_rotary", 0) &&
        (!xi_formula_in(f, GQA_COS) || !xi_formula_in(f, GQA_SIN)))
        return "do_rotary without its tables";
    if (!xi_formula_in(f, GQA_K) != !xi_formula_in(f, GQA_V))
        return "key and value stand only together";
    if (!xi_formula_in(f, GQA_PAST_K) != !xi_formula_in(f, GQA_PAST_V))
        return "past_key and past_value stand only together";
    if (!xi_formula_in(f, GQA_Q) || !xi_formula_in(f, GQA_LENGTHS) || !xi_formula_in(f, GQA_TOTAL))
        return "an input is missing";
    return NULL;
}

/* [batch, length, heads · depth] → [batch, heads, length, depth]; part of a packed one from `first`
 * on. */
static xi_value *contrib_gqa_heads(xi_formula *f, xi_value *x, int64_t packed, int64_t first,
                                   int64_t heads)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    x = XI_PUT(f, "Reshape", x, XI_LIST(f, 0, 0, packed, -1));
    if (packed != heads) x = xi_formula_slice(f, x, first, first + heads, 2);
    return xi_formula_transpose(f, x, perm, 4);
}

static void contrib_gqa_operands(xi_formula *f, contrib_gqa *g)
{
    xi_value *q = xi_formula_in(f, GQA_Q), *k = xi_formula_in(f, GQA_K),
             *v = xi_formula_in(f, GQA_V);
    int64_t all = g->heads + 2 * g->kv;
    g->q = contrib_gqa_heads(f, q, k ? g->heads : all, 0, g->heads);
    g->k = contrib_gqa_heads(f, k ? k : q, k ? g->kv : all, g->heads, g->kv);
    g->v = contrib_gqa_heads(f, v ? v : q, v ? g->kv : all, g->heads + g->kv, g->kv);
}

static void contrib_gqa_places(xi_formula *f, contrib_gqa *g)
{
    xi_value *lengths = XI_PUT(f, "Reshape",
                               xi_formula_cast(f, xi_formula_in(f, GQA_LENGTHS), XINF_INT64),
                               XI_LIST(f, -1));
    xi_value *past = xi_formula_in(f, GQA_PAST_K);
    g->length = xi_formula_size(f, g->q, 2);
    g->total = XI_PUT(f, "Reshape", xi_formula_cast(f, xi_formula_in(f, GQA_TOTAL), XINF_INT64),
                      XI_LIST(f, 1));
    lengths = XI_PUT(f, "Add", lengths, XI_LIST(f, 1)); /* the file counts without the last one */
    g->older = XI_PUT(f, "Where", XI_PUT(f, "Equal", g->length, g->total), XI_LIST(f, 0),
                      XI_PUT(f, "Sub", lengths, g->length));
    g->room = past ? XI_PUT(f, "Max", g->total, xi_formula_size(f, past, 2)) : g->total;
    g->places = XI_PUT(f, "Add", xi_formula_unsqueeze(f, g->older, 1),
                       xi_formula_range(f, g->length));
}

static xi_value *contrib_gqa_norm(xi_formula *f, xi_value *x, int32_t weight, const char *epsilon)
{
    if (!xi_formula_in(f, weight)) return x;
    xi_formula_int(f, "axis", -1);
    xi_formula_float(f, "epsilon",
                     xi_node_float(f->n, epsilon, xi_node_float(f->n, "qk_norm_epsilon", 1e-6f)));
    return XI_PUT(f, "RMSNormalization", x, xi_formula_in(f, weight));
}

static xi_value *contrib_gqa_rotated(xi_formula *f, const contrib_gqa *g, xi_value *x)
{
    xi_value *cosine = xi_formula_in(f, GQA_COS), *ids = xi_formula_in(f, GQA_POSITIONS);
    if (!xi_node_int(f->n, "do_rotary", 0)) return x;
    if (cosine->type.shape.rank == 2 && cosine->type.shape.dim[1] > 0 &&
        cosine->type.shape.dim[1] < INT32_MAX)
        xi_formula_int(f, "rotary_embedding_dim", 2 * cosine->type.shape.dim[1]);
    if (xi_node_int(f->n, "rotary_interleaved", 0)) xi_formula_int(f, "interleaved", 1);
    return XI_PUT(f, "RotaryEmbedding", x, cosine, xi_formula_in(f, GQA_SIN),
                  ids ? ids : g->places);
}

/* The cache after the new tokens: `past` (zeros without one) with x written behind what each
 * sequence has. */
static xi_value *contrib_gqa_cache(xi_formula *f, const contrib_gqa *g, xi_value *past, xi_value *x)
{
    xi_value *cache;
    if (past) {
        xi_value *grown = XI_PUT(f, "Sub", g->room, xi_formula_size(f, past, 2)),
                 *none = XI_LIST(f, 0);
        xi_formula_int(f, "axis", 0);
        cache = XI_PUT(f, "Pad", past, XI_PUT(f, "Concat", none, grown), NULL, XI_LIST(f, 2));
    } else {
        xi_value *batch = xi_formula_size(f, x, 0), *depth = xi_formula_size(f, x, 3);
        xi_formula_int(f, "axis", 0);
        xi_value *shape = XI_PUT(f, "Concat", batch, XI_LIST(f, g->kv), g->room, depth);
        cache = XI_PUT(f, "Expand", xi_formula_scalar(f, x, 0), shape);
    }
    return XI_PUT(f, "TensorScatter", cache, x, g->older);
}

/* [batch, 1, length, room]: which positions each new token may see. */
static xi_value *contrib_gqa_keep(xi_formula *f, const contrib_gqa *g)
{
    static const int64_t axes[] = {1, 2, 3}, outer[] = {1, 3};
    int64_t window = xi_node_int(f->n, "local_window_size", -1);
    xi_value *keys = xi_formula_range(f, g->room),
             *own = XI_PUT(f, "Unsqueeze", g->places, xi_formula_ints(f, outer, 2));
    if (!xi_node_int(f->n, "causal", 1)) {
        xi_value *filled = XI_PUT(f, "Unsqueeze", XI_PUT(f, "Add", g->older, g->length),
                                  xi_formula_ints(f, axes, 3));
        return XI_PUT(f, "Less", keys, filled);
    }
    xi_value *keep = XI_PUT(f, "LessOrEqual", keys, own);
    if (window < 1) return keep;
    return XI_PUT(f, "And", keep,
                  XI_PUT(f, "Greater", keys, XI_PUT(f, "Sub", own, XI_LIST(f, window))));
}

static xi_value *contrib_gqa_mask(xi_formula *f, const contrib_gqa *g)
{
    xi_value *bias = xi_formula_in(f, GQA_BIAS), *keep = contrib_gqa_keep(f, g);
    if (!bias)
        bias = xi_formula_scalar(f, g->q, 0);
    else if (xi_formula_in(f, GQA_PAST_K)) {
        xi_value *grown = XI_PUT(f, "Sub", g->room, xi_formula_size(f, bias, 3));
        xi_formula_int(f, "axis", 0);
        xi_value *wider = XI_PUT(f, "Concat", XI_LIST(f, 0), grown);
        bias = XI_PUT(f, "Pad", bias, wider, NULL, XI_LIST(f, 3));
    }
    return XI_PUT(f, "Where", keep, bias, xi_formula_scalar(f, g->q, -(double)INFINITY));
}

/* One more position that takes its share of each row and gives nothing: its score is a number for
 * each head, or 0. */
static void contrib_gqa_sink(xi_formula *f, const contrib_gqa *g, xi_value **k, xi_value **v,
                             xi_value **mask)
{
    xi_value *sink = xi_formula_in(f, GQA_SINK), *wide = XI_LIST(f, 1, g->heads, 1, 1),
             *one = XI_LIST(f, 0, 1), *axis = XI_LIST(f, 2);
    if (!sink && xi_node_int(f->n, "smooth_softmax", -1) != 1) return;
    sink = sink ? XI_PUT(f, "Reshape", sink, wide)
                : XI_PUT(f, "Expand", xi_formula_scalar(f, g->q, 0), wide);
    xi_value *batch = xi_formula_size(f, g->q, 0);
    xi_formula_int(f, "axis", 0);
    xi_value *rows = XI_PUT(f, "Concat", batch, XI_LIST(f, 1), g->length, XI_LIST(f, 1));
    sink = XI_PUT(f, "Expand", sink, rows);
    xi_value *all = XI_PUT(f, "Expand", *mask, wide);
    xi_formula_int(f, "axis", 3);
    *mask = XI_PUT(f, "Concat", all, sink);
    *k = XI_PUT(f, "Pad", *k, one, NULL, axis);
    *v = XI_PUT(f, "Pad", *v, one, NULL, axis);
}

static xinf_status contrib_gqa_node(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    xi_formula f = xi_formula_of(im, n);
    contrib_gqa g = {.heads = xi_node_int(n, "num_heads", 0),
                     .kv = xi_node_int(n, "kv_num_heads", 0)};
    const char *why = contrib_gqa_refusal(&f, &g);
    if (why) return xi_formula_refuse(n, why);
    contrib_gqa_operands(&f, &g);
    contrib_gqa_places(&f, &g);
    g.q = contrib_gqa_rotated(&f, &g, contrib_gqa_norm(&f, g.q, GQA_Q_NORM, "q_norm_epsilon"));
    g.k = contrib_gqa_rotated(&f, &g, contrib_gqa_norm(&f, g.k, GQA_K_NORM, "k_norm_epsilon"));
    xi_value *k = contrib_gqa_cache(&f, &g, xi_formula_in(&f, GQA_PAST_K), g.k),
             *v = contrib_gqa_cache(&f, &g, xi_formula_in(&f, GQA_PAST_V), g.v);
    xi_value *all_k = k, *all_v = v, *mask = contrib_gqa_mask(&f, &g);
    contrib_gqa_sink(&f, &g, &all_k, &all_v, &mask);
    if (xi_node_float(n, "scale", 0) != 0) xi_formula_pass(&f, "scale");
    if (xi_node_float(n, "softcap", 0) > 0) xi_formula_pass(&f, "softcap");
    xi_value *y = xi_formula_transpose(&f, XI_PUT(&f, "Attention", g.q, all_k, all_v, mask), perm,
                                       4);
    xi_formula_give(&f, 0, XI_PUT(&f, "Reshape", y, XI_LIST(&f, 0, 0, -1)));
    xi_formula_give(&f, 1, k);
    xi_formula_give(&f, 2, v);
    return xi_formula_end(&f);
}

const xi_onnx_upgrade_row xi_onnx_upgrade_contrib_gqa[] = {
    {"GroupQueryAttention", 1, 1, contrib_gqa_node},
    {NULL, 0, 0, NULL},
};
