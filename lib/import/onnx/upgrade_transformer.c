/* upgrade_transformer.c — the transformer operators of domain com.microsoft as Attention, normalisations and what goes around them. */
#include "import/onnx/contrib.h"

#define TRANSFORMER_BEGIN(im, n) xi_contrib c = {.im = im, .node = n}

/* ---- normalisation ---- */

static xi_value *transformer_norm(xi_contrib *c, xi_value *x, xi_value *gamma, xi_value *beta, bool simplified)
{
    xi_node *m = xi_contrib_node(c, simplified ? "RMSNormalization" : "LayerNormalization", 1, 2, (xi_value *[]){x, gamma, beta}, 3);
    if (m) {
        xi_node_set_int(m, "axis", -1);
        xi_node_set_float(m, "epsilon", xi_node_float(c->node, "epsilon", 1e-12f));
    }
    return xi_contrib_value(c, m, 0);
}

/* input + skip (+ bias), normalised; output 3 is the sum. The simplified form has no beta. */
static xinf_status transformer_skip_norm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    TRANSFORMER_BEGIN(im, n);
    bool simplified = xi_str_is(n->op_name, "SkipSimplifiedLayerNormalization");
    xi_value *gamma = xi_contrib_in(&c, 2), *beta = simplified ? NULL : xi_contrib_in(&c, 3), *bias = xi_contrib_in(&c, simplified ? 3 : 4);
    if (!xi_contrib_in(&c, 0) || !xi_contrib_in(&c, 1) || !gamma) return XINF_OK;
    xi_value *sum = xi_contrib_sum(&c, xi_contrib_op(&c, "Add", xi_contrib_in(&c, 0), xi_contrib_in(&c, 1)), bias);
    xi_contrib_give(&c, 0, transformer_norm(&c, sum, gamma, beta, simplified));
    xi_contrib_give(&c, 3, sum);
    return xi_contrib_end(&c);
}

static xi_value *transformer_gather(xi_contrib *c, xi_value *table, xi_value *ids)
{
    return xi_contrib_op(c, "Gather", table, ids);
}

/* One dimension as a tensor of one element. */
static xi_value *transformer_dim(xi_contrib *c, xi_value *x, int64_t axis)
{
    xi_node *s = xi_contrib_node(c, "Shape", 1, 2, &x, 1);
    if (s) {
        xi_node_set_int(s, "start", axis);
        xi_node_set_int(s, "end", axis + 1);
    }
    return xi_contrib_value(c, s, 0);
}

static xi_value *transformer_scalar_of(xi_contrib *c, xi_value *one)
{
    return xi_contrib_reshape(c, one, NULL, 0);
}

/* 0, 1, … count − 1, for a count that is an int64 of rank 0. */
static xi_value *transformer_range(xi_contrib *c, xi_value *count)
{
    xi_value *inputs[] = {xi_contrib_scalar(c, count, 0), count, xi_contrib_scalar(c, count, 1)};
    return xi_contrib_value(c, xi_contrib_node(c, "Range", 1, 0, inputs, 3), 0);
}

/* ids, segments, word table, position table, segment table, gamma, beta, mask, position ids → normalised sum, tokens a row, the sum. */
static xinf_status transformer_embed_norm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    TRANSFORMER_BEGIN(im, n);
    static const int64_t last[] = {-1};
    xi_value *ids = xi_contrib_in(&c, 0), *segments = xi_contrib_in(&c, 1), *mask = xi_contrib_in(&c, 7), *positions = xi_contrib_in(&c, 8);
    if (!ids || !xi_contrib_in(&c, 2) || !xi_contrib_in(&c, 3) || !xi_contrib_in(&c, 5) || !xi_contrib_in(&c, 6)) return XINF_OK;
    if (!positions) positions = transformer_range(&c, transformer_scalar_of(&c, transformer_dim(&c, ids, 1)));
    xi_value *sum = xi_contrib_op(&c, "Add", transformer_gather(&c, xi_contrib_in(&c, 2), ids), transformer_gather(&c, xi_contrib_in(&c, 3), positions));
    if (segments && xi_contrib_in(&c, 4)) sum = xi_contrib_op(&c, "Add", sum, transformer_gather(&c, xi_contrib_in(&c, 4), segments));
    xi_contrib_give(&c, 0, transformer_norm(&c, sum, xi_contrib_in(&c, 5), xi_contrib_in(&c, 6), false));
    if (n->output_count > 1 && n->outputs[1]) {
        xi_value *zeros = mask ? mask : xi_contrib_op(&c, "Mul", ids, xi_contrib_scalar(&c, ids, 0));
        xi_node *s = xi_contrib_node(&c, "ReduceSum", 1, 1, (xi_value *[]){zeros, xi_contrib_ints(&c, last, 1)}, 2);
        if (s) xi_node_set_int(s, "keepdims", 0);
        xi_contrib_give(&c, 1, xi_contrib_cast(&c, xi_contrib_value(&c, s, 0), XINF_INT32));
    }
    xi_contrib_give(&c, 2, sum);
    return xi_contrib_end(&c);
}

/* ---- heads ---- */

/* [B, S, heads · H] → [B, heads, S, H] */
static xi_value *transformer_split(xi_contrib *c, xi_value *x, int64_t heads)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    return xi_contrib_transpose(c, xi_contrib_reshape(c, x, (int64_t[]){0, 0, heads, -1}, 4), perm, 4);
}

static xi_value *transformer_join(xi_contrib *c, xi_value *x)
{
    static const int64_t perm[] = {0, 2, 1, 3}, dims[] = {0, 0, -1};
    return xi_contrib_reshape(c, xi_contrib_transpose(c, x, perm, 4), dims, 3);
}

static xi_value *transformer_squeeze(xi_contrib *c, xi_value *x, int64_t axis, int64_t index)
{
    return xi_contrib_op(c, "Squeeze", xi_contrib_slice(c, x, axis, index, index + 1), xi_contrib_ints(c, &axis, 1));
}

static xi_value *transformer_unsqueeze(xi_contrib *c, xi_value *x, const int64_t *axes, int32_t count)
{
    return xi_contrib_op(c, "Unsqueeze", x, xi_contrib_ints(c, axes, count));
}

static xi_value *transformer_concat(xi_contrib *c, xi_value *a, xi_value *b, int64_t axis)
{
    xi_node *m = xi_contrib_node(c, "Concat", 1, 1, (xi_value *[]){a, b}, 2);
    if (m) xi_node_set_int(m, "axis", axis);
    return xi_contrib_value(c, m, 0);
}

/* A padding mask as a number to add to the scores: 0 where a key counts, mask_filter_value where not. Ranks: 1 lengths of the rows, 2 a flag
 * for each key, 3 a flag for each query and key, 4 the same with heads. keys: the number of keys, past ones included, as rank 0. NULL and
 * *unknown for others. */
static xi_value *transformer_mask(xi_contrib *c, xi_value *mask, xi_value *like, xi_value *keys, bool *unknown)
{
    static const int64_t middle[] = {1, 2}, heads[] = {1}, column[] = {1};
    int32_t rank = mask->type.shape.rank;
    xi_value *flags = mask;
    if (rank == 1) {
        xi_value *places = transformer_unsqueeze(c, transformer_range(c, keys), (int64_t[]){0}, 1);
        xi_value *lengths = transformer_unsqueeze(c, xi_contrib_cast(c, mask, XINF_INT64), column, 1);
        flags = xi_contrib_op(c, "Less", places, lengths);
    } else if (rank < 2 || rank > 4) {
        *unknown = true;
        return NULL;
    } else {
        flags = xi_contrib_cast(c, mask, XINF_BOOL);
    }
    if (rank <= 2) flags = transformer_unsqueeze(c, flags, middle, 2);
    if (rank == 3) flags = transformer_unsqueeze(c, flags, heads, 1);
    double filter = (double)xi_node_float(c->node, "mask_filter_value", -10000.0f);
    xi_value *inputs[] = {flags, xi_contrib_scalar(c, like, 0), xi_contrib_scalar(c, like, filter)};
    return xi_contrib_value(c, xi_contrib_node(c, "Where", 1, 0, inputs, 3), 0);
}

typedef struct transformer_parts {
    xi_value *q, *k, *v, *mask, *past_k, *past_v; /* four axes each */
    bool causal;
    float softcap;
} transformer_parts;

/* The Attention node; its outputs 1 and 2 are the keys and values with the past. */
static xi_node *transformer_core(xi_contrib *c, const transformer_parts *p)
{
    xi_value *inputs[] = {p->q, p->k, p->v, p->mask, p->past_k, p->past_v};
    float scale = xi_node_float(c->node, "scale", 0);
    xi_node *m = xi_contrib_node(c, "Attention", 3, 3, inputs, 6);
    if (!m) return NULL;
    if (p->causal) xi_node_set_int(m, "is_causal", 1);
    if (scale != 0) xi_node_set_float(m, "scale", scale);
    if (p->softcap != 0) xi_node_set_float(m, "softcap", p->softcap);
    return m;
}

/* Keys with the past, as rank 0. */
static xi_value *transformer_key_count(xi_contrib *c, xi_value *k, xi_value *past)
{
    xi_value *n = transformer_dim(c, k, 2);
    return transformer_scalar_of(c, past ? xi_contrib_op(c, "Add", n, transformer_dim(c, past, 2)) : n);
}

/* Padding mask and bias of the scores together. */
static bool transformer_add_mask(xi_contrib *c, transformer_parts *p, xi_value *mask, xi_value *bias)
{
    bool unknown = false;
    p->mask = bias;
    if (!mask) return true;
    p->mask = xi_contrib_sum(c, transformer_mask(c, mask, p->q, transformer_key_count(c, p->k, p->past_k), &unknown), bias);
    return !unknown;
}

/* ---- MultiHeadAttention ---- */

/* Part `index` of `of` of the bias [Dq + Dk + Dv]: sizes from the last axis of each tensor. */
static xi_value *transformer_bias_part(xi_contrib *c, xi_value *bias, xi_value *const *parts, int32_t index)
{
    int64_t start = 0;
    for (int32_t i = 0; i <= index; i++) {
        int64_t size = parts[i]->type.shape.rank == 3 ? parts[i]->type.shape.dim[2] : -1;
        if (size < 0) return NULL;
        if (i == index) return xi_contrib_slice(c, bias, 0, start, start + size);
        start += size;
    }
    return NULL;
}

/* Query, key and value of three axes, from whatever packing the operator has; false for one that is not understood. */
static bool transformer_multi_inputs(xi_contrib *c, xi_value *out[3])
{
    static const int64_t flat[] = {0, 0, -1};
    xi_value *q = xi_contrib_in(c, 0), *k = xi_contrib_in(c, 1), *v = xi_contrib_in(c, 2);
    if (!q) return false;
    if (!k) { /* [B, S, N, 3, H] */
        if (q->type.shape.rank != 5) return false;
        for (int32_t i = 0; i < 3; i++) out[i] = xi_contrib_reshape(c, transformer_squeeze(c, q, 3, i), flat, 3);
        return true;
    }
    out[0] = q;
    out[1] = k;
    out[2] = v;
    if (!v) { /* [B, L, N, 2, H] */
        if (k->type.shape.rank != 5) return false;
        for (int32_t i = 0; i < 2; i++) out[1 + i] = xi_contrib_reshape(c, transformer_squeeze(c, k, 3, i), flat, 3);
    }
    return q->type.shape.rank == 3;
}

static xinf_status transformer_multi_head(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    TRANSFORMER_BEGIN(im, n);
    xi_value *part[3], *bias = xi_contrib_in(&c, 3), *heads[3];
    int64_t count = xi_node_int(n, "num_heads", 0);
    if (count < 1 || !transformer_multi_inputs(&c, part)) return c.failed ? xi_onnx_no_memory(im) : xi_contrib_refuse(&c, "its inputs are packed in a way that is not supported");
    if (xi_contrib_in(&c, 8) || xi_contrib_in(&c, 9)) return xi_contrib_refuse(&c, "shared key and value buffers are not supported");
    for (int32_t i = 0; i < 3; i++) {
        xi_value *x = part[i];
        if (x && x->type.shape.rank == 4) { /* keys and values of a cross attention, in heads already; their bias was added before */
            heads[i] = x;
            continue;
        }
        xi_value *b = bias && x ? transformer_bias_part(&c, bias, part, i) : NULL;
        if (bias && !b && !c.failed) return xi_contrib_refuse(&c, "the sizes that its bias is cut by are not known");
        heads[i] = transformer_split(&c, xi_contrib_sum(&c, x, b), count);
    }
    transformer_parts p = {.q = heads[0], .k = heads[1], .v = heads[2], .past_k = xi_contrib_in(&c, 6), .past_v = xi_contrib_in(&c, 7),
                         .causal = xi_node_int(n, "unidirectional", 0) != 0};
    if (c.failed) return xi_onnx_no_memory(im);
    if (!transformer_add_mask(&c, &p, xi_contrib_in(&c, 4), xi_contrib_in(&c, 5)) && !c.failed)
        return xi_contrib_refuse(&c, "the rank of its mask is not supported");
    xi_node *m = transformer_core(&c, &p);
    xi_contrib_give(&c, 0, transformer_join(&c, xi_contrib_value(&c, m, 0)));
    bool wanted = (n->output_count > 1 && n->outputs[1]) || (n->output_count > 2 && n->outputs[2]);
    xi_value *present_k = !wanted ? NULL : p.past_k ? transformer_concat(&c, p.past_k, p.k, 2) : p.k;
    xi_value *present_v = !wanted ? NULL : p.past_v ? transformer_concat(&c, p.past_v, p.v, 2) : p.v;
    xi_contrib_give(&c, 1, present_k);
    xi_contrib_give(&c, 2, present_v);
    return xi_contrib_end(&c);
}

/* ---- Attention ---- */

/* Columns of the projection that belong to query, key and value. */
static bool transformer_hidden(const xi_contrib *c, int64_t out[3])
{
    const int64_t *sizes;
    const xi_value *w = xi_contrib_in(c, 1);
    if (xi_node_ints(c->node, "qkv_hidden_sizes", &sizes) == 3) {
        for (int32_t i = 0; i < 3; i++) out[i] = sizes[i];
        return sizes[0] > 0 && sizes[1] > 0 && sizes[2] > 0;
    }
    if (!w || w->type.shape.rank != 2 || w->type.shape.dim[1] < 3 || w->type.shape.dim[1] % 3) return false;
    for (int32_t i = 0; i < 3; i++) out[i] = w->type.shape.dim[1] / 3;
    return true;
}

/* x, weights [D, Dq + Dk + Dv], bias, mask, past [2, B, N, P, H], bias of the scores → result, present [2, B, N, P + S, H]. */
static xinf_status transformer_projected(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    TRANSFORMER_BEGIN(im, n);
    int64_t sizes[3], start = 0, heads = xi_node_int(n, "num_heads", 0);
    xi_value *x = xi_contrib_in(&c, 0), *w = xi_contrib_in(&c, 1), *past = xi_contrib_in(&c, 4), *part[3];
    if (!x || !w || heads < 1 || !transformer_hidden(&c, sizes)) return xi_contrib_refuse(&c, "its hidden sizes are not known");
    if (xi_contrib_in(&c, 6)) return xi_contrib_refuse(&c, "shared key and value buffers are not supported");
    if (xi_node_int(n, "do_rotary", 0)) return xi_contrib_refuse(&c, "do_rotary is not supported");
    xi_value *all = xi_contrib_sum(&c, xi_contrib_op(&c, "MatMul", x, w), xi_contrib_in(&c, 2));
    for (int32_t i = 0; i < 3; start += sizes[i], i++) part[i] = transformer_split(&c, xi_contrib_slice(&c, all, 2, start, start + sizes[i]), heads);
    transformer_parts p = {.q = part[0], .k = part[1], .v = part[2], .causal = xi_node_int(n, "unidirectional", 0) != 0};
    if (past) {
        p.past_k = transformer_squeeze(&c, past, 0, 0);
        p.past_v = transformer_squeeze(&c, past, 0, 1);
    }
    if (c.failed) return xi_onnx_no_memory(im);
    if (!transformer_add_mask(&c, &p, xi_contrib_in(&c, 3), xi_contrib_in(&c, 5)) && !c.failed)
        return xi_contrib_refuse(&c, "the rank of its mask is not supported");
    xi_node *m = transformer_core(&c, &p);
    xi_contrib_give(&c, 0, transformer_join(&c, xi_contrib_value(&c, m, 0)));
    if (n->output_count > 1 && n->outputs[1]) {
        static const int64_t front[] = {0};
        xi_value *k = past ? transformer_concat(&c, p.past_k, p.k, 2) : p.k, *v = past ? transformer_concat(&c, p.past_v, p.v, 2) : p.v;
        xi_contrib_give(&c, 1, transformer_concat(&c, transformer_unsqueeze(&c, k, front, 1), transformer_unsqueeze(&c, v, front, 1), 0));
    }
    return xi_contrib_end(&c);
}

/* ---- rotary embedding and GroupQueryAttention ---- */

static xi_value *transformer_rotate(xi_contrib *c, xi_value *x, xi_value *cosine, xi_value *sine, xi_value *positions, int64_t heads)
{
    xi_node *m = xi_contrib_node(c, "RotaryEmbedding", 1, 3, (xi_value *[]){x, cosine, sine, positions}, 4);
    if (m) {
        xi_node_set_int(m, "interleaved", xi_node_int(c->node, xi_node_has(c->node, "rotary_interleaved") ? "rotary_interleaved" : "interleaved", 0));
        xi_node_set_int(m, "rotary_embedding_dim", xi_node_int(c->node, "rotary_embedding_dim", 0));
        if (heads) xi_node_set_int(m, "num_heads", heads);
    }
    return xi_contrib_value(c, m, 0);
}

/* first, first + 1, … for every row: [B, S] of int64. first: rank 0. */
static xi_value *transformer_positions(xi_contrib *c, xi_value *first, xi_value *batch, xi_value *length)
{
    xi_value *row = xi_contrib_op(c, "Add", transformer_range(c, transformer_scalar_of(c, length)), first);
    return xi_contrib_op(c, "Expand", row, transformer_concat(c, batch, length, 0));
}

static xinf_status transformer_rotary_contrib(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    TRANSFORMER_BEGIN(im, n);
    xi_value *x = xi_contrib_in(&c, 0), *positions = xi_contrib_in(&c, 1);
    if (!x || !positions || !xi_contrib_in(&c, 2) || !xi_contrib_in(&c, 3)) return XINF_OK;
    if (xi_node_int(n, "is_packed_batching", 0) || xi_node_float(n, "scale", 1) != 1)
        return xi_contrib_refuse(&c, "packed batching and a scale are not supported");
    if (positions->type.shape.rank != 1 && positions->type.shape.rank != 2) return xi_contrib_refuse(&c, "the rank of its positions is not known");
    if (positions->type.shape.rank == 1) {
        int64_t axis = x->type.shape.rank == 4 ? 2 : 1;
        positions = transformer_positions(&c, transformer_scalar_of(&c, positions), transformer_dim(&c, x, 0), transformer_dim(&c, x, axis));
    }
    xi_contrib_give(&c, 0, transformer_rotate(&c, x, xi_contrib_in(&c, 2), xi_contrib_in(&c, 3), positions, xi_node_int(n, "num_heads", 0)));
    return xi_contrib_end(&c);
}

/* Query [B, S, N · H], key and value [B, S, kvN · H] (or all packed in query), past [B, kvN, P, H], lengths − 1 of the rows, the whole length.
 * Causal. Keys past a row's length do not count; that is exact for rows of the same length and for the padded first call. */
static xinf_status transformer_group_query(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    TRANSFORMER_BEGIN(im, n);
    int64_t heads = xi_node_int(n, "num_heads", 0), kv_heads = xi_node_int(n, "kv_num_heads", 0);
    xi_value *q = xi_contrib_in(&c, 0), *k = xi_contrib_in(&c, 1), *v = xi_contrib_in(&c, 2), *lengths = xi_contrib_in(&c, 5);
    transformer_parts p = {.past_k = xi_contrib_in(&c, 3), .past_v = xi_contrib_in(&c, 4), .causal = true, .softcap = xi_node_float(n, "softcap", 0)};
    if (heads < 1 || kv_heads < 1 || !q || !lengths || !p.past_k != !p.past_v) return XINF_OK;
    if (xi_node_int(n, "local_window_size", -1) != -1 || xi_node_int(n, "smooth_softmax", 0) || xi_contrib_in(&c, 11) ||
        xi_node_int(n, "k_quant_type", 0) || xi_node_int(n, "v_quant_type", 0))
        return xi_contrib_refuse(&c, "windows, sinks and quantised caches are not supported");
    if (!k) {
        int64_t width = q->type.shape.rank == 3 ? q->type.shape.dim[2] : -1, each = width > 0 ? width / (heads + 2 * kv_heads) : 0;
        if (each < 1) return xi_contrib_refuse(&c, "the width of its packed input is not known");
        xi_value *all = q;
        q = xi_contrib_slice(&c, all, 2, 0, heads * each);
        k = xi_contrib_slice(&c, all, 2, heads * each, (heads + kv_heads) * each);
        v = xi_contrib_slice(&c, all, 2, (heads + kv_heads) * each, width);
    }
    if (xi_node_int(n, "do_rotary", 0)) {
        xi_value *positions = xi_contrib_in(&c, 9), *cosine = xi_contrib_in(&c, 7), *sine = xi_contrib_in(&c, 8);
        if (!cosine || !sine) return xi_contrib_refuse(&c, "do_rotary without tables");
        xi_value *zero = xi_contrib_scalar(&c, xi_contrib_ints(&c, (int64_t[]){0}, 1), 0);
        xi_value *first = p.past_k ? transformer_scalar_of(&c, transformer_dim(&c, p.past_k, 2)) : zero;
        if (!positions) positions = transformer_positions(&c, first, transformer_dim(&c, q, 0), transformer_dim(&c, q, 1));
        q = transformer_rotate(&c, q, cosine, sine, positions, heads);
        k = transformer_rotate(&c, k, cosine, sine, positions, kv_heads);
    }
    p.q = transformer_split(&c, q, heads);
    p.k = transformer_split(&c, k, kv_heads);
    p.v = transformer_split(&c, v, kv_heads);
    xi_value *counts = xi_contrib_op(&c, "Add", xi_contrib_cast(&c, lengths, XINF_INT64), xi_contrib_ints(&c, (int64_t[]){1}, 1));
    xi_value *rows = xi_contrib_reshape(&c, counts, (int64_t[]){-1}, 1);
    if (c.failed) return xi_onnx_no_memory(im);
    if (!transformer_add_mask(&c, &p, rows, xi_contrib_in(&c, 10)) && !c.failed) return xi_contrib_refuse(&c, "the rank of its lengths is not known");
    xi_node *m = transformer_core(&c, &p);
    xi_contrib_give(&c, 0, transformer_join(&c, xi_contrib_value(&c, m, 0)));
    xi_contrib_give(&c, 1, p.past_k ? transformer_concat(&c, p.past_k, p.k, 2) : p.k);
    xi_contrib_give(&c, 2, p.past_v ? transformer_concat(&c, p.past_v, p.v, 2) : p.v);
    return xi_contrib_end(&c);
}

#undef TRANSFORMER_BEGIN

/* Version 0: some files use the domain without importing it. */
const xi_onnx_upgrade_row xi_onnx_upgrade_transformer[] = {
    {"SkipLayerNormalization", 0, INT32_MAX, transformer_skip_norm},
    {"SkipSimplifiedLayerNormalization", 0, INT32_MAX, transformer_skip_norm},
    {"EmbedLayerNormalization", 0, INT32_MAX, transformer_embed_norm},
    {"MultiHeadAttention", 0, INT32_MAX, transformer_multi_head},
    {"Attention", 0, INT32_MAX, transformer_projected},
    {"RotaryEmbedding", 0, INT32_MAX, transformer_rotary_contrib},
    {"GroupQueryAttention", 0, INT32_MAX, transformer_group_query},
    {NULL, 0, 0, NULL},
};
