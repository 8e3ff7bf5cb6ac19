/* recurrence.c — what carries a state from token to token and gives it as an output:
 * LinearAttention, CausalConvWithState. And SwiGLU. */
#include "graph/op/recurrence.h"

#include "base/checked.h"
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_recurrence[];

#define RECURRENCE_FLOATS (XI_DTYPES_FLOAT & ~XI_DTYPE_BIT(XINF_FLOAT64))

/* *into learns dim; refuses when both are known and differ. */
static xinf_status recurrence_meet(xi_infer *c, int64_t *into, int64_t dim, const char *what)
{
    if (*into >= 0 && dim >= 0 && *into != dim)
        return xi_infer_fail(c, "%s: %lld and %lld", what, (long long)*into, (long long)dim);
    if (dim >= 0 || *into == XI_DIM_UNKNOWN) *into = dim;
    return XINF_OK;
}

static xinf_status recurrence_rank(xi_infer *c, int32_t i, int32_t want)
{
    int32_t rank = xi_infer_rank(c, i);
    return rank < 0 || rank == want
               ? XINF_OK
               : xi_infer_fail(c, "input %d has rank %d, not %d", (int)i, (int)rank, (int)want);
}

/* ---- LinearAttention ---- */

bool xi_linear_rule_of(const xi_node *n, xi_linear_rule *out)
{
    static const char *const names[] = {"linear", "gated", "delta", "gated_delta"};
    xi_str name = xi_node_string(n, "update_rule", "gated_delta");
    for (int32_t i = 0; i < 4; i++) {
        if (!xi_str_is(name, names[i])) continue;
        *out = (xi_linear_rule){.decays = i == 1 || i == 3, .corrects = i >= 2};
        return true;
    }
    return false;
}

/* A packed input [batch, length, heads · depth]; *depth learns what is left for a head. */
static xinf_status recurrence_packed(xi_infer *c, int32_t i, int64_t heads, int64_t *batch,
                                     int64_t *length, int64_t *depth)
{
    const xi_type *t = xi_infer_in(c, i);
    xinf_status status = XINF_OK;
    if (!t || t->shape.rank < 0) return XINF_OK;
    XI_TRY(recurrence_rank(c, i, 3));
    XI_TRY(recurrence_meet(c, batch, t->shape.dim[0], "batches differ"));
    XI_TRY(recurrence_meet(c, length, t->shape.dim[1], "lengths differ"));
    if (t->shape.dim[2] < 0) return XINF_OK;
    if (t->shape.dim[2] % heads)
        return xi_infer_fail(c, "input %d: %lld heads do not divide %lld", (int)i, (long long)heads,
                             (long long)t->shape.dim[2]);
    XI_TRY(recurrence_meet(c, depth, t->shape.dim[2] / heads, "widths of heads differ"));
cleanup:
    return status;
}

/* decay or beta: one number for each head, or as many as `wide` says. */
static xinf_status recurrence_gate(xi_infer *c, int32_t i, int64_t heads, int64_t wide,
                                   int64_t *batch, int64_t *length)
{
    const xi_type *t = xi_infer_in(c, i);
    xinf_status status = XINF_OK;
    if (!t || t->shape.rank < 0) return XINF_OK;
    XI_TRY(recurrence_rank(c, i, 3));
    XI_TRY(recurrence_meet(c, batch, t->shape.dim[0], "batches differ"));
    XI_TRY(recurrence_meet(c, length, t->shape.dim[1], "lengths differ"));
    int64_t have = t->shape.dim[2];
    if (have >= 0 && have != heads && wide >= 0 && have != wide)
        return xi_infer_fail(c, "input %d has %lld numbers for each token", (int)i,
                             (long long)have);
cleanup:
    return status;
}

static xinf_status recurrence_linear(xi_infer *c)
{
    xinf_status status;
    int64_t heads = xi_node_int(c->node, "q_num_heads", 0),
            kv = xi_node_int(c->node, "kv_num_heads", 0);
    int64_t batch = -1, length = -1, depth = -1, v_depth = -1, packed = -1, wide = XI_DIM_UNKNOWN;
    xi_linear_rule rule;
    if (!xi_linear_rule_of(c->node, &rule)) return xi_infer_fail(c, "update_rule is not known");
    if (heads < 1 || kv < 1 || heads % kv)
        return xi_infer_fail(c, "%lld heads of K and V for %lld of Q", (long long)kv,
                             (long long)heads);
    if (xi_node_int(c->node, "chunk_size", 64) < 1)
        return xi_infer_fail(c, "chunk_size is below 1");
    if (rule.decays && !xi_infer_in(c, XI_LINEAR_DECAY))
        return xi_infer_fail(c, "its update rule needs decay");
    if (rule.corrects && !xi_infer_in(c, XI_LINEAR_BETA))
        return xi_infer_fail(c, "its update rule needs beta");
    for (int32_t i = 0; i < XI_LINEAR_INPUTS; i++) {
        XI_TRY(xi_infer_among(c, i, RECURRENCE_FLOATS));
        if (i && i != XI_LINEAR_PAST) XI_TRY(xi_infer_same_dtype(c, 0, i));
    }
    XI_TRY(recurrence_packed(c, XI_LINEAR_Q, heads, &batch, &length, &depth));
    XI_TRY(recurrence_packed(c, XI_LINEAR_K, kv, &batch, &length, &depth));
    XI_TRY(recurrence_packed(c, XI_LINEAR_V, kv, &batch, &length, &v_depth));
    const xi_type *past = xi_infer_in(c, XI_LINEAR_PAST);
    if (past && past->shape.rank >= 0) {
        int64_t same = kv;
        XI_TRY(recurrence_rank(c, XI_LINEAR_PAST, 4));
        XI_TRY(recurrence_meet(c, &batch, past->shape.dim[0], "batches differ"));
        XI_TRY(
            recurrence_meet(c, &same, past->shape.dim[1], "heads of past_state and of K differ"));
        XI_TRY(
            recurrence_meet(c, &depth, past->shape.dim[2], "widths of past_state and of K differ"));
        XI_TRY(recurrence_meet(c, &v_depth, past->shape.dim[3],
                               "widths of past_state and of V differ"));
    }
    if (depth >= 0 && !xi_mul_i64(kv, depth, &packed)) return xi_infer_fail(c, "it is too wide");
    XI_TRY(recurrence_gate(c, XI_LINEAR_DECAY, kv, packed, &batch, &length));
    XI_TRY(recurrence_gate(c, XI_LINEAR_BETA, kv, 1, &batch, &length));
    if (v_depth >= 0 && !xi_mul_i64(heads, v_depth, &wide))
        return xi_infer_fail(c, "the output is too wide");
    xi_shape out = {.rank = 3, .dim = {batch, length, wide}},
             state = {.rank = 4, .dim = {batch, kv, depth, v_depth}};
    xinf_dtype dtype = xi_infer_dtype(c, 0), kept = past ? past->dtype : dtype;
    xi_infer_set(c, 0, dtype, &out);
    xi_infer_set(c, 1, kept, &state);
cleanup:
    return status;
}

/* ---- CausalConvWithState ---- */

static xinf_status recurrence_conv(xi_infer *c)
{
    xinf_status status;
    const xi_shape *x = &c->in[0]->shape, *w = &c->in[1]->shape;
    int64_t batch = -1, channels = -1, taps = -1, one = 1;
    xi_str activation = xi_node_string(c->node, "activation", "none");
    if (!xi_str_is(activation, "none") && !xi_str_is(activation, "silu") &&
        !xi_str_is(activation, "swish"))
        return xi_infer_fail(c, "activation is not known");
    for (int32_t i = 0; i < XI_CAUSAL_INPUTS; i++) {
        XI_TRY(xi_infer_among(c, i, RECURRENCE_FLOATS));
        XI_TRY(xi_infer_same_dtype(c, 0, i));
        XI_TRY(recurrence_rank(c, i, i == XI_CAUSAL_BIAS ? 1 : 3));
    }
    if (x->rank >= 0) {
        batch = x->dim[0];
        channels = x->dim[1];
    }
    if (w->rank >= 0) {
        XI_TRY(recurrence_meet(c, &channels, w->dim[0], "channels of input and weight differ"));
        XI_TRY(recurrence_meet(c, &one, w->dim[1], "the weight has more than one channel each"));
        taps = w->dim[2];
        if (taps == 0) return xi_infer_fail(c, "the weight is empty");
    }
    const xi_type *bias = xi_infer_in(c, XI_CAUSAL_BIAS), *past = xi_infer_in(c, XI_CAUSAL_PAST);
    if (bias && bias->shape.rank >= 0)
        XI_TRY(
            recurrence_meet(c, &channels, bias->shape.dim[0], "channels of input and bias differ"));
    int64_t kept = taps > 0 ? taps - 1 : XI_DIM_UNKNOWN;
    if (past && past->shape.rank >= 0) {
        XI_TRY(recurrence_meet(c, &batch, past->shape.dim[0], "batches differ"));
        XI_TRY(recurrence_meet(c, &channels, past->shape.dim[1],
                               "channels of input and past_state differ"));
        XI_TRY(
            recurrence_meet(c, &kept, past->shape.dim[2], "taps of weight and past_state differ"));
    }
    xi_shape out = {.rank = 3, .dim = {batch, channels, x->rank >= 0 ? x->dim[2] : -1}},
             state = {.rank = 3, .dim = {batch, channels, kept}};
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
    xi_infer_set(c, 1, xi_infer_dtype(c, 0), &state);
cleanup:
    return status;
}

/* ---- SwiGLU ---- */

static xinf_status recurrence_swiglu(xi_infer *c)
{
    xinf_status status;
    const xi_shape *a = &c->in[0]->shape, *b = &c->in[1]->shape;
    xi_shape out = a->rank >= 0 ? *a : *b;
    for (int32_t i = 0; i < 2; i++) XI_TRY(xi_infer_among(c, i, XI_DTYPES_FLOAT));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    if (a->rank >= 0 && b->rank >= 0 && a->rank != b->rank)
        return xi_infer_fail(c, "ranks %d and %d differ", (int)a->rank, (int)b->rank);
    for (int32_t i = 0; b->rank >= 0 && i < out.rank; i++)
        XI_TRY(recurrence_meet(c, &out.dim[i], b->dim[i], "shapes of gate and value differ"));
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

static const xi_attr_rule recurrence_linear_rules[] = {
    {"chunk_size", XI_ATTR_INT, false},     {"kv_num_heads", XI_ATTR_INT, true},
    {"q_num_heads", XI_ATTR_INT, true},     {"scale", XI_ATTR_FLOAT, false},
    {"update_rule", XI_ATTR_STRING, false}, {NULL}};
static const xi_attr_rule recurrence_conv_rules[] = {{"activation", XI_ATTR_STRING, false}, {NULL}};
static const xi_attr_rule recurrence_swiglu_rules[] = {{"alpha", XI_ATTR_FLOAT, false}, {NULL}};

const xi_op xi_ops_recurrence[] = {
    {.name = "LinearAttention",
     .min_inputs = 3,
     .max_inputs = XI_LINEAR_INPUTS,
     .min_outputs = 1,
     .max_outputs = 2,
     .attrs = recurrence_linear_rules,
     .infer = recurrence_linear,
     .tolerance = 1e-5f},
    {.name = "CausalConvWithState",
     .min_inputs = 2,
     .max_inputs = XI_CAUSAL_INPUTS,
     .min_outputs = 1,
     .max_outputs = 2,
     .attrs = recurrence_conv_rules,
     .infer = recurrence_conv,
     .tolerance = 1e-5f},
    {.name = "SwiGLU",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = recurrence_swiglu_rules,
     .infer = recurrence_swiglu,
     .tolerance = 1e-6f},
    {0},
};

#undef RECURRENCE_FLOATS
