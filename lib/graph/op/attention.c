/* attention.c — Attention and RotaryEmbedding. */
#include "graph/op/attention.h"

#include "base/checked.h"
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_attention[];

static xinf_status attention_fail(const xi_node *n, xinf_error *err, const char *what)
{
    return xi_fail(err, XINF_MALFORMED, "node %.*s (%.*s): %s", XI_STR_ARG(xi_node_label(n)),
                   XI_STR_ARG(n->op_name), what);
}

/* *into learns dim; false when both are known and differ. */
static bool attention_meet(int64_t *into, int64_t dim)
{
    if (*into >= 0 && dim >= 0) return *into == dim;
    if (dim >= 0 || *into == XI_DIM_UNKNOWN) *into = dim;
    return true;
}

/* One of Q, K, V: [batch, heads, length, depth], or [batch, length, heads · depth] with the heads
 * from an attribute. */
static bool attention_operand(xi_attention *a, const xi_shape *s, int64_t *heads, int64_t *length,
                              int64_t *depth)
{
    if (s->rank < 0) return true;
    if (!attention_meet(&a->batch, s->dim[0])) return false;
    if (!a->flat)
        return attention_meet(heads, s->dim[1]) && attention_meet(length, s->dim[2]) &&
               attention_meet(depth, s->dim[3]);
    if (!attention_meet(length, s->dim[1])) return false;
    if (s->dim[2] < 0) return true;
    return s->dim[2] % *heads == 0 && attention_meet(depth, s->dim[2] / *heads);
}

static bool attention_past(xi_attention *a, const xi_shape *s, int64_t *depth)
{
    if (!s || s->rank < 0) return true;
    return s->rank == 4 && attention_meet(&a->batch, s->dim[0]) &&
           attention_meet(&a->kv_heads, s->dim[1]) && attention_meet(&a->past, s->dim[2]) &&
           attention_meet(depth, s->dim[3]);
}

/* The mask goes over the last axes of [batch, heads, length, total]; only its last axis may be
 * shorter. */
static bool attention_mask(const xi_attention *a, const xi_shape *s)
{
    const int64_t want[4] = {a->batch, a->heads, a->length, a->total};
    if (!s || s->rank < 0) return true;
    if (s->rank < 1 || s->rank > 4) return false;
    for (int32_t i = 0; i < s->rank; i++) {
        int64_t dim = s->dim[i], limit = want[4 - s->rank + i];
        bool last = i == s->rank - 1;
        if (dim >= 0 && limit >= 0 && (last ? dim > limit : dim != limit && dim != 1)) return false;
    }
    return true;
}

xinf_status xi_attention_read(xi_attention *out, const xi_node *n, const xi_shape *const *shapes,
                              xinf_error *err)
{
    xi_attention *a = out;
    *a = (xi_attention){-1, -1, -1, -1, -1, -1, -1, -1, -1, false};
    int32_t rank = -1;
    for (int32_t i = XI_ATTENTION_Q; i <= XI_ATTENTION_V; i++) {
        if (shapes[i]->rank < 0) continue;
        if ((shapes[i]->rank != 3 && shapes[i]->rank != 4) ||
            (rank >= 0 && shapes[i]->rank != rank))
            return attention_fail(n, err, "Q, K and V have not all rank 3, or all rank 4");
        rank = shapes[i]->rank;
    }
    a->flat = rank == 3;
    if (a->flat) {
        a->heads = xi_node_int(n, "q_num_heads", 0);
        a->kv_heads = xi_node_int(n, "kv_num_heads", 0);
        if (a->heads < 1 || a->kv_heads < 1)
            return attention_fail(n, err, "inputs of rank 3 need q_num_heads and kv_num_heads");
    }
    bool fits = attention_operand(a, shapes[XI_ATTENTION_Q], &a->heads, &a->length, &a->depth) &&
                attention_operand(a, shapes[XI_ATTENTION_K], &a->kv_heads, &a->keys, &a->depth) &&
                attention_operand(a, shapes[XI_ATTENTION_V], &a->kv_heads, &a->keys, &a->v_depth);
    const xi_shape *pk = shapes[XI_ATTENTION_PAST_K], *pv = shapes[XI_ATTENTION_PAST_V];
    if (!pk != !pv) return attention_fail(n, err, "past_key and past_value stand only together");
    if (pk && shapes[XI_ATTENTION_LENGTHS])
        return attention_fail(n, err, "past_key and nonpad_kv_seqlen exclude each other");
    if (!pk) a->past = 0;
    fits = fits && attention_past(a, pk, &a->depth) && attention_past(a, pv, &a->v_depth);
    if (fits && a->past >= 0 && a->keys >= 0 && !xi_add_i64(a->past, a->keys, &a->total))
        fits = false;
    if (fits && a->heads >= 0 && a->kv_heads >= 0 &&
        (a->kv_heads == 0 ? a->heads != 0 : a->heads % a->kv_heads != 0))
        return attention_fail(n, err, "the heads of K do not divide those of Q");
    if (!fits)
        return attention_fail(n, err, "the shapes of Q, K, V and the past do not fit one another");
    if (!attention_mask(a, shapes[XI_ATTENTION_MASK]))
        return attention_fail(n, err, "the mask does not fit");
    const xi_shape *lengths = shapes[XI_ATTENTION_LENGTHS];
    if (lengths && lengths->rank >= 0 &&
        (lengths->rank != 1 ||
         (lengths->dim[0] >= 0 && a->batch >= 0 && lengths->dim[0] != a->batch)))
        return attention_fail(n, err,
                              "nonpad_kv_seqlen has not one number for each item of the batch");
    return XINF_OK;
}

static xinf_status attention_attrs(xi_infer *c)
{
    int64_t mode = xi_node_int(c->node, "qk_matmul_output_mode", 0),
            precision = xi_node_int(c->node, "softmax_precision", XINF_FLOAT32);
    int64_t left = xi_node_int(c->node, "left_window_size", -1),
            right = xi_node_int(c->node, "right_window_size", -1);
    if (mode < 0 || mode > 3)
        return xi_infer_fail(c, "qk_matmul_output_mode is %lld", (long long)mode);
    if (precision != XINF_FLOAT32 && precision != XINF_FLOAT16 && precision != XINF_BFLOAT16 &&
        precision != XINF_FLOAT64)
        return xi_infer_fail(c, "softmax_precision is %lld", (long long)precision);
    if (left < -1 || right < -1) return xi_infer_fail(c, "a window size is below -1");
    return XINF_OK;
}

static xinf_status attention_infer(xi_infer *c)
{
    xinf_status status;
    xi_attention a;
    const xi_shape *shapes[XI_ATTENTION_INPUTS] = {0};
    for (int32_t i = 0; i < XI_ATTENTION_INPUTS; i++)
        if (xi_infer_in(c, i)) shapes[i] = &c->in[i]->shape;
    for (int32_t i = 0; i < 3; i++) XI_TRY(xi_infer_among(c, i, XI_DTYPES_FLOAT));
    XI_TRY(xi_infer_same_dtype(c, 0, XI_ATTENTION_K));
    XI_TRY(xi_infer_same_dtype(c, 0, XI_ATTENTION_PAST_K));
    XI_TRY(xi_infer_same_dtype(c, XI_ATTENTION_V, XI_ATTENTION_PAST_V));
    XI_TRY(xi_infer_among(c, XI_ATTENTION_MASK, XI_DTYPES_NUMBER | XI_DTYPES_BOOL));
    XI_TRY(xi_infer_among(c, XI_ATTENTION_LENGTHS, XI_DTYPE_BIT(XINF_INT64)));
    XI_TRY(attention_attrs(c));
    XI_TRY(xi_attention_read(&a, c->node, shapes, c->err));
    xi_shape y = {.rank = 4, .dim = {a.batch, a.heads, a.length, a.v_depth}};
    xi_shape k = {.rank = 4, .dim = {a.batch, a.kv_heads, a.total, a.depth}},
             v = {.rank = 4, .dim = {a.batch, a.kv_heads, a.total, a.v_depth}};
    xi_shape scores = {.rank = 4, .dim = {a.batch, a.heads, a.length, a.total}};
    int64_t wide = XI_DIM_UNKNOWN;
    if (a.flat) {
        if (a.v_depth >= 0 && !xi_mul_i64(a.heads, a.v_depth, &wide))
            return xi_infer_fail(c, "the output is too wide");
        y = (xi_shape){.rank = 3, .dim = {a.batch, a.length, wide}};
    } else if (!shapes[0] || (shapes[0]->rank < 0 && shapes[1]->rank < 0 && shapes[2]->rank < 0)) {
        y.rank = -1;
    }
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &y);
    xi_infer_set(c, 1, xi_infer_dtype(c, 0), &k);
    xi_infer_set(c, 2, xi_infer_dtype(c, 2), &v);
    xi_infer_set(c, 3, xi_infer_dtype(c, 0), &scores);
cleanup:
    return status;
}

/* ---- RotaryEmbedding ---- */

/* One of the tables: [positions, half] with position_ids, else [batch, length, half]. */
static xinf_status attention_rotary_table(xi_infer *c, int32_t i, int64_t batch, int64_t length,
                                          int64_t half)
{
    const xi_shape *s = &c->in[i]->shape;
    bool ids = xi_infer_in(c, 3) != NULL;
    if (s->rank < 0) return XINF_OK;
    if (s->rank != (ids ? 2 : 3))
        return xi_infer_fail(c, "input %d has rank %d", (int)i, (int)s->rank);
    const int64_t want[3] = {ids ? -1 : batch, ids ? half : length, half};
    for (int32_t k = 0; k < s->rank; k++)
        if (s->dim[k] >= 0 && want[k] >= 0 && s->dim[k] != want[k])
            return xi_infer_fail(c, "input %d: axis %d has size %lld, not %lld", (int)i, (int)k,
                                 (long long)s->dim[k], (long long)want[k]);
    return XINF_OK;
}

static xinf_status attention_rotary(xi_infer *c)
{
    xinf_status status;
    const xi_shape *x = &c->in[0]->shape;
    int64_t heads = xi_node_int(c->node, "num_heads", 0),
            part = xi_node_int(c->node, "rotary_embedding_dim", 0), width = -1;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT & ~XI_DTYPE_BIT(XINF_FLOAT64)));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    XI_TRY(xi_infer_same_dtype(c, 0, 2));
    XI_TRY(xi_infer_among(c, 3, XI_DTYPE_BIT(XINF_INT64)));
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), x);
    if (x->rank < 0) return XINF_OK;
    if (x->rank != 3 && x->rank != 4)
        return xi_infer_fail(c, "the input has rank %d", (int)x->rank);
    if (x->rank == 3 && heads < 1) return xi_infer_fail(c, "an input of rank 3 needs num_heads");
    if (x->rank == 3 && x->dim[2] >= 0 && x->dim[2] % heads != 0)
        return xi_infer_fail(c, "%lld heads do not divide %lld", (long long)heads,
                             (long long)x->dim[2]);
    if (x->dim[x->rank - 1] >= 0) width = x->rank == 3 ? x->dim[2] / heads : x->dim[3];
    if (part < 0 || (width >= 0 && part > width))
        return xi_infer_fail(c, "rotary_embedding_dim is %lld", (long long)part);
    if (part == 0) part = width;
    if (part >= 0 && part % 2)
        return xi_infer_fail(c, "%lld numbers cannot be rotated in pairs", (long long)part);
    int64_t length = x->rank == 3 ? x->dim[1] : x->dim[2], half = part < 0 ? -1 : part / 2;
    const xi_type *ids = xi_infer_in(c, 3);
    if (ids && ids->shape.rank >= 0) {
        if (ids->shape.rank != 2)
            return xi_infer_fail(c, "position_ids has rank %d", (int)ids->shape.rank);
        if ((ids->shape.dim[0] >= 0 && x->dim[0] >= 0 && ids->shape.dim[0] != x->dim[0]) ||
            (ids->shape.dim[1] >= 0 && length >= 0 && ids->shape.dim[1] != length))
            return xi_infer_fail(c, "position_ids has not one number for each token");
    }
    XI_TRY(attention_rotary_table(c, 1, x->dim[0], length, half));
    XI_TRY(attention_rotary_table(c, 2, x->dim[0], length, half));
cleanup:
    return status;
}

static const xi_attr_rule attention_rules[] = {{"is_causal", XI_ATTR_INT, false},
                                               {"kv_num_heads", XI_ATTR_INT, false},
                                               {"left_window_size", XI_ATTR_INT, false},
                                               {"q_num_heads", XI_ATTR_INT, false},
                                               {"qk_matmul_output_mode", XI_ATTR_INT, false},
                                               {"right_window_size", XI_ATTR_INT, false},
                                               {"scale", XI_ATTR_FLOAT, false},
                                               {"softcap", XI_ATTR_FLOAT, false},
                                               {"softmax_precision", XI_ATTR_INT, false},
                                               {NULL}};
static const xi_attr_rule attention_rotary_rules[] = {{"interleaved", XI_ATTR_INT, false},
                                                      {"num_heads", XI_ATTR_INT, false},
                                                      {"rotary_embedding_dim", XI_ATTR_INT, false},
                                                      {NULL}};

const xi_op xi_ops_attention[] = {
    {.name = "Attention",
     .min_inputs = 3,
     .max_inputs = XI_ATTENTION_INPUTS,
     .min_outputs = 1,
     .max_outputs = 4,
     .attrs = attention_rules,
     .infer = attention_infer,
     .tolerance = 1e-5f},
    {.name = "RotaryEmbedding",
     .min_inputs = 3,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = attention_rotary_rules,
     .infer = attention_rotary,
     .tolerance = 1e-6f},
    {0},
};
