/* upgrade_contrib_attention.c — com.microsoft: Attention, QAttention, MultiHeadAttention and
 * RotaryEmbedding, as the standard ones. */
#include "import/onnx/formula.h"

/* ---- masks: numbers that are added to the scores ---- */

static xi_value *contrib_filtered(xi_formula *f, xi_value *keep, xi_value *like)
{
    float filter = xi_node_float(f->n, "mask_filter_value", -10000.0f);
    return XI_PUT(f, "Where", keep, xi_formula_scalar(f, like, 0),
                  xi_formula_scalar(f, like, (double)filter));
}

/* [batch] lengths, or [2 · batch] ends and then starts: which of `total` keys count, [batch, 1, 1,
 * total]. */
static xi_value *contrib_mask_of_lengths(xi_formula *f, xi_value *mask, int64_t batch,
                                         xi_value *total)
{
    static const int64_t axes[] = {1, 2, 3};
    int64_t count = mask->type.shape.dim[0];
    bool both = batch > 0 && count % 2 == 0 && count / 2 == batch;
    xi_value *keys = xi_formula_cast(f, xi_formula_range(f, total), XINF_INT32),
             *wide = xi_formula_cast(f, mask, XINF_INT32);
    xi_value *end = both ? xi_formula_slice(f, wide, 0, batch, 0) : wide;
    xi_value *keep = XI_PUT(f, "Less", keys,
                            XI_PUT(f, "Unsqueeze", end, xi_formula_ints(f, axes, 3)));
    if (!both) return keep;
    xi_value *start = XI_PUT(f, "Unsqueeze", xi_formula_slice(f, wide, batch, 2 * batch, 0),
                             xi_formula_ints(f, axes, 3));
    return XI_PUT(f, "And", keep, XI_PUT(f, "GreaterOrEqual", keys, start));
}

/* The additive mask of a mask in one of its many forms; *why set when it is none of them. past:
 * [1], how many keys are older. */
static xi_value *contrib_mask(xi_formula *f, xi_value *mask, xi_value *like, xi_value *past,
                              xi_value *length, const char **why)
{
    static const int64_t axes[] = {1, 2};
    int32_t rank = mask ? mask->type.shape.rank : 0;
    int64_t batch = like && like->type.shape.rank > 0 ? like->type.shape.dim[0] : -1;
    if (!mask) return NULL;
    xi_value *total = past ? XI_PUT(f, "Add", past, length) : length;
    if (rank == 1) {
        if (batch > 0 && batch < INT32_MAX && mask->type.shape.dim[0] == 3 * batch + 2)
            *why = "a mask of cumulated lengths is not supported";
        return contrib_filtered(f, contrib_mask_of_lengths(f, mask, batch, total), like);
    }
    if (rank < 2 || rank > 4) {
        *why = "a mask of unknown rank is not supported";
        return NULL;
    }
    xi_value *keep = XI_PUT(f, "Greater", mask, xi_formula_scalar(f, mask, 0));
    if (rank == 2) keep = XI_PUT(f, "Unsqueeze", keep, xi_formula_ints(f, axes, 2));
    if (rank == 3) keep = xi_formula_unsqueeze(f, keep, 1);
    if (rank ==
        4) { /* of the longest sequence: the rows of these queries and the columns of these keys */
        keep = XI_PUT(f, "Slice", keep, past ? past : XI_LIST(f, 0), total, XI_LIST(f, 2));
        keep = XI_PUT(f, "Slice", keep, XI_LIST(f, 0), total, XI_LIST(f, 3));
    }
    return contrib_filtered(f, keep, like);
}

/* ---- the standard operator ---- */

/* Attention of `outputs` outputs over Q, K, V of rank 3, or of rank 4. */
static xi_node *contrib_attend(xi_formula *f, int32_t outputs, xi_value *const *qkv, bool by_heads,
                               xi_value *mask, xi_value *past_k, xi_value *past_v)
{
    int64_t heads = xi_node_int(f->n, "num_heads", 0);
    if (!by_heads) xi_formula_int(f, "q_num_heads", heads);
    if (!by_heads) xi_formula_int(f, "kv_num_heads", heads);
    if (xi_node_int(f->n, "unidirectional", 0)) xi_formula_int(f, "is_causal", 1);
    if (outputs > 3)
        xi_formula_int(f, "qk_matmul_output_mode", 2); /* the scores with what is added to them */
    if (xi_node_float(f->n, "scale", 0) != 0) xi_formula_pass(f, "scale");
    return XI_PUT_NODE(f, "Attention", outputs, qkv[0], qkv[1], qkv[2], mask, past_k, past_v);
}

/* x cut into Q, K and V along its last axis: `first` and `second` wide and the rest, or three equal
 * parts (first below 1). */
static void contrib_cut(xi_formula *f, xi_value *x, int64_t axis, int64_t first, int64_t second,
                        int64_t all, xi_value **qkv)
{
    xi_formula_int(f, "axis", axis);
    if (first < 1) xi_formula_int(f, "num_outputs", 3);
    xi_value *sizes = first < 1 ? NULL : XI_LIST(f, first, second, all - first - second);
    xi_node *cut = XI_PUT_NODE(f, "Split", 3, x, sizes);
    for (int32_t i = 0; i < 3; i++) qkv[i] = xi_formula_output(f, cut, i);
}

/* Part i of axis 0, which goes. */
static xi_value *contrib_part(xi_formula *f, xi_value *x, int64_t i, int64_t axis)
{
    return XI_PUT(f, "Squeeze", xi_formula_slice(f, x, i, i + 1, axis), XI_LIST(f, axis));
}

static const char *contrib_attention_refusal(const xi_formula *f, int32_t shared_input)
{
    const xi_node *n = f->n;
    if (xi_node_int(n, "num_heads", 0) < 1) return "num_heads is missing";
    if (xi_node_int(n, "do_rotary", 0)) return "do_rotary is not supported";
    if (xi_node_int(n, "past_present_share_buffer", 0) || xi_formula_in(f, shared_input))
        return "a past that shares memory with its output is not supported";
    return NULL;
}

/* What Attention and QAttention share: from the product of input and weights on. */
static xinf_status contrib_attention_rest(xi_formula *f, xi_value *packed, xi_value *like,
                                          xi_value *mask_index, xi_value *past, xi_value *bias)
{
    const int64_t *sizes;
    const char *why = NULL;
    xi_value *qkv[3], *x = xi_formula_in(f, 0), *past_k = NULL, *past_v = NULL, *older = NULL;
    bool sized = xi_node_ints(f->n, "qkv_hidden_sizes", &sizes) == 3;
    if (past) {
        past_k = contrib_part(f, past, 0, 0);
        past_v = contrib_part(f, past, 1, 0);
        older = xi_formula_size(f, past, 3);
    }
    contrib_cut(f, packed, -1, sized ? sizes[0] : 0, sized ? sizes[1] : 0,
                sized ? sizes[0] + sizes[1] + sizes[2] : 0, qkv);
    xi_value *mask = contrib_mask(f, mask_index, like, older, xi_formula_size(f, x, 1), &why);
    if (why) return xi_formula_refuse(f->n, why);
    if (bias) mask = mask ? XI_PUT(f, "Add", mask, bias) : bias;
    bool present = xi_formula_wants(f, 1);
    xi_node *y = contrib_attend(f, present ? 3 : 1, qkv, false, mask, past_k, past_v);
    xi_formula_give(f, 0, xi_formula_output(f, y, 0));
    if (present) {
        xi_value *k = xi_formula_unsqueeze(f, xi_formula_output(f, y, 1), 0),
                 *v = xi_formula_unsqueeze(f, xi_formula_output(f, y, 2), 0);
        xi_formula_int(f, "axis", 0);
        xi_formula_give(f, 1, XI_PUT(f, "Concat", k, v));
    }
    return xi_formula_end(f);
}

/* Inputs: X, weights, [bias], [mask], [past], [added to the scores], [length of a shared past]. */
static xinf_status contrib_attention(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    const int64_t *sizes;
    int32_t listed = xi_node_ints(n, "qkv_hidden_sizes", &sizes);
    const char *why = contrib_attention_refusal(&f, 6);
    for (int32_t i = 0; i < listed; i++)
        if (listed != 3 || sizes[i] < 1 || sizes[i] > INT32_MAX)
            why = "qkv_hidden_sizes are not three sizes";
    if (why) return xi_formula_refuse(n, why);
    xi_value *packed = XI_PUT(&f, "MatMul", xi_formula_in(&f, 0), xi_formula_in(&f, 1));
    packed = xi_formula_plus(&f, packed, xi_formula_in(&f, 2));
    return contrib_attention_rest(&f, packed, xi_formula_in(&f, 0), xi_formula_in(&f, 3),
                                  xi_formula_in(&f, 4), xi_formula_in(&f, 5));
}

/* Inputs: X, weights, bias, X scale, weight scale, [mask], [X zero], [weight zero], [past]. */
static xinf_status contrib_q_attention(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    const char *why = contrib_attention_refusal(&f, 9);
    if (why) return xi_formula_refuse(n, why);
    xi_value *sum = XI_PUT(&f, "MatMulInteger", xi_formula_in(&f, 0), xi_formula_in(&f, 1),
                           xi_formula_in(&f, 6), xi_formula_in(&f, 7));
    xi_value *scale = XI_PUT(&f, "Mul", xi_formula_in(&f, 3), xi_formula_in(&f, 4));
    xi_value *packed = XI_PUT(&f, "Mul", xi_formula_cast(&f, sum, XINF_FLOAT32), scale);
    packed = xi_formula_plus(&f, packed, xi_formula_in(&f, 2));
    return contrib_attention_rest(&f, packed, packed, xi_formula_in(&f, 5), xi_formula_in(&f, 8),
                                  NULL);
}

/* ---- MultiHeadAttention ---- */

/* [batch, length, heads, parts, depth], part i as [batch, length, heads · depth]. */
static xi_value *contrib_unpacked(xi_formula *f, xi_value *x, int64_t i)
{
    return XI_PUT(f, "Reshape", contrib_part(f, x, i, 3), XI_LIST(f, 0, 0, -1));
}

static const char *contrib_mha_operands(xi_formula *f, xi_value **qkv)
{
    for (int32_t i = 0; i < 3; i++) qkv[i] = xi_formula_in(f, i);
    if (!qkv[0]) return "its query is missing";
    int32_t rank = qkv[0]->type.shape.rank;
    if (rank < 0 || (qkv[1] && qkv[1]->type.shape.rank < 0))
        return "operands of unknown rank are not supported";
    if (rank == 5) {
        xi_value *packed = qkv[0];
        for (int32_t i = 0; i < 3; i++) qkv[i] = contrib_unpacked(f, packed, i);
    } else if (qkv[1] && qkv[1]->type.shape.rank == 5) {
        xi_value *packed = qkv[1];
        for (int32_t i = 1; i < 3; i++) qkv[i] = contrib_unpacked(f, packed, i - 1);
    }
    return qkv[1] && qkv[2] ? NULL : "its key or value is missing";
}

/* The bias of Q, K and V together; K and V that come as heads have had theirs. */
static const char *contrib_mha_bias(xi_formula *f, xi_value *bias, xi_value **qkv, bool by_heads)
{
    xi_value *parts[3];
    const xi_shape *q = &qkv[0]->type.shape, *b = &bias->type.shape;
    int64_t wide = q->rank == 3 ? q->dim[2] : -1, all = b->rank == 1 ? b->dim[0] : -1;
    bool equal = wide < 1 || all < 1;
    if (!equal && (wide > INT32_MAX || 2 * wide >= all)) return "its bias is too short";
    contrib_cut(f, bias, 0, equal ? 0 : wide, wide, all, parts);
    for (int32_t i = 0; i < (by_heads ? 1 : 3); i++) qkv[i] = XI_PUT(f, "Add", qkv[i], parts[i]);
    return NULL;
}

/* Inputs: Q, [K], [V], [bias], [mask], [added to the scores], [past K], [past V], [length of a
 * shared past], [beams]. */
static xinf_status contrib_mha(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const int64_t to_heads[] = {0, 2, 1, 3};
    xi_formula f = xi_formula_of(im, n);
    xi_value *qkv[3], *past = xi_formula_in(&f, 6), *extra = xi_formula_in(&f, 5);
    const char *why = contrib_attention_refusal(&f, 8);
    if (!why && xi_formula_in(&f, 9)) why = "cache_indirection is not supported";
    if (!why) why = contrib_mha_operands(&f, qkv);
    if (why) return xi_formula_refuse(n, why);
    bool by_heads = qkv[1] && qkv[1]->type.shape.rank == 4;
    if (xi_formula_in(&f, 3)) why = contrib_mha_bias(&f, xi_formula_in(&f, 3), qkv, by_heads);
    xi_value *like = qkv[0], *keys = xi_formula_size(&f, qkv[1], by_heads ? 2 : 1);
    xi_value *mask = contrib_mask(&f, xi_formula_in(&f, 4), like,
                                  past ? xi_formula_size(&f, past, 2) : NULL, keys, &why);
    if (why) return xi_formula_refuse(n, why);
    if (extra) mask = mask ? XI_PUT(&f, "Add", mask, extra) : extra;
    if (by_heads) {
        qkv[0] = XI_PUT(&f, "Reshape", qkv[0],
                        XI_LIST(&f, 0, 0, xi_node_int(n, "num_heads", 0), -1));
        qkv[0] = xi_formula_transpose(&f, qkv[0], to_heads, 4);
    }
    int32_t outputs = xi_formula_wants(&f, 3)                              ? 4
                      : xi_formula_wants(&f, 1) || xi_formula_wants(&f, 2) ? 3
                                                                           : 1;
    xi_node *made = contrib_attend(&f, outputs, qkv, by_heads, mask, past, xi_formula_in(&f, 7));
    xi_value *y = xi_formula_output(&f, made, 0);
    if (by_heads)
        y = XI_PUT(&f, "Reshape", xi_formula_transpose(&f, y, to_heads, 4), XI_LIST(&f, 0, 0, -1));
    xi_formula_give(&f, 0, y);
    for (int32_t i = 1; i < outputs; i++) xi_formula_give(&f, i, xi_formula_output(&f, made, i));
    return xi_formula_end(&f);
}

/* ---- RotaryEmbedding ---- */

/* Inputs: X, positions [batch, length] or the first one [1], cosines, sines. */
static xinf_status contrib_rotary(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_value *x = xi_formula_in(&f, 0), *ids = xi_formula_in(&f, 1), *cosine = xi_formula_in(&f, 2);
    int32_t rank = xi_onnx_up_rank(n, 0);
    int64_t heads = xi_node_int(n, "num_heads", 0);
    if (rank != 3 && rank != 4)
        return xi_formula_refuse(n, "an input of unknown rank is not supported");
    if (xi_node_int(n, "is_packed_batching", 0))
        return xi_formula_refuse(n, "is_packed_batching is not supported");
    if (xi_node_float(n, "scale", 1) != 1) return xi_formula_refuse(n, "a scale is not supported");
    if (!x || !ids || !cosine || ids->type.shape.rank < 1)
        return xi_formula_refuse(n, "positions of unknown rank are not supported");
    if (rank == 3 && heads == 0) {
        int64_t wide = x->type.shape.dim[2],
                half = cosine->type.shape.rank == 2 ? cosine->type.shape.dim[1] : -1;
        if (wide < 1 || half < 1 || half > INT32_MAX || wide % (2 * half))
            return xi_formula_refuse(n, "num_heads is missing and its widths do not tell it");
        heads = wide / (2 * half);
    }
    if (ids->type.shape.rank == 1) {
        xi_value *length = xi_formula_size(&f, x, rank == 3 ? 1 : 2),
                 *all = XI_PUT(&f, "Add", xi_formula_range(&f, length), ids);
        xi_value *batch = xi_formula_size(&f, x, 0);
        xi_formula_int(&f, "axis", 0);
        ids = XI_PUT(&f, "Expand", all, XI_PUT(&f, "Concat", batch, length));
    }
    if (rank == 3) xi_formula_int(&f, "num_heads", heads);
    xi_formula_pass(&f, "interleaved");
    xi_formula_pass(&f, "rotary_embedding_dim");
    xi_formula_give(&f, 0, XI_PUT(&f, "RotaryEmbedding", x, cosine, xi_formula_in(&f, 3), ids));
    return xi_formula_end(&f);
}

const xi_onnx_upgrade_row xi_onnx_upgrade_contrib_attention[] = {
    {"Attention", 1, 1, contrib_attention},
    {"QAttention", 1, 1, contrib_q_attention},
    {"MultiHeadAttention", 1, 1, contrib_mha},
    {"RotaryEmbedding", 1, 1, contrib_rotary},
    {NULL, 0, 0, NULL},
};
