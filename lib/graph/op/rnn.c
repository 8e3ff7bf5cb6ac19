/* rnn.c — LSTM, GRU and RNN. */
#include "graph/op/rnn.h"

#include "base/checked.h"
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_rnn[];

static xinf_status rnn_fail(const xi_node *n, xinf_error *err, const char *what)
{
    return xi_fail(err, XINF_MALFORMED, "node %.*s (%.*s): %s", XI_STR_ARG(xi_node_label(n)),
                   XI_STR_ARG(n->op_name), what);
}

/* The lists of parameters are used up in order by the functions that have such a parameter. */
static xinf_status rnn_activations(xi_rnn *r, const xi_node *n, xinf_error *err)
{
    static const char *const defaults[3] = {"Sigmoid", "Tanh", "Tanh"};
    const xi_attr *names = xi_node_attr(n, "activations");
    const float *alpha, *beta;
    int32_t alphas = xi_node_floats(n, "activation_alpha", &alpha),
            betas = xi_node_floats(n, "activation_beta", &beta);
    int32_t each = r->gates == XI_RNN_LSTM ? 3 : r->gates == XI_RNN_GRU ? 2 : 1, a = 0, b = 0;
    bool named = names && names->type == XI_ATTR_STRINGS && names->count > 0;
    if (named && names->count < each * r->directions)
        return rnn_fail(n, err, "activations has too few entries");
    for (int32_t i = 0; i < each * r->directions; i++) {
        int32_t params;
        xi_activation *act = &r->activation[i / each][i % each];
        xi_str name = named ? names->strings[i]
                            : xi_str_of(each == 1 ? "Tanh" : defaults[i % each]);
        if (name.len == 0 || !xi_activation_find(act, name, &params))
            return xi_fail(err, XINF_UNSUPPORTED,
                           "node %.*s (%.*s): activation \"%.*s\" is not known",
                           XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name), XI_STR_ARG(name));
        if (params > 0 && a < alphas) act->alpha = alpha[a++];
        if (params > 1 && b < betas) act->beta = beta[b++];
    }
    return XINF_OK;
}

xinf_status xi_rnn_read(xi_rnn *out, const xi_node *n, xinf_error *err)
{
    xi_str direction = xi_node_string(n, "direction", "forward");
    int64_t layout = xi_node_int(n, "layout", 0);
    *out = (xi_rnn){.gates = xi_node_is(n, "LSTM")  ? XI_RNN_LSTM
                             : xi_node_is(n, "GRU") ? XI_RNN_GRU
                                                    : XI_RNN_PLAIN,
                    .directions = 1};
    if (xi_str_is(direction, "bidirectional"))
        out->directions = 2;
    else if (xi_str_is(direction, "reverse"))
        out->reverse = 1;
    else if (!xi_str_is(direction, "forward"))
        return rnn_fail(n, err, "direction is not known");
    if (layout != 0 && layout != 1) return rnn_fail(n, err, "layout is neither 0 nor 1");
    out->batch_first = layout == 1;
    out->clip = xi_node_float(n, "clip", 0);
    if (!(out->clip >= 0)) return rnn_fail(n, err, "clip is negative");
    out->input_forget = xi_node_int(n, "input_forget", 0) != 0;
    out->linear_before_reset = xi_node_int(n, "linear_before_reset", 0) != 0;
    return rnn_activations(out, n, err);
}

/* What the inputs say about the sizes; -1: not known. */
typedef struct rnn_sizes {
    int64_t steps, batch, input, hidden;
} rnn_sizes;

/* Input i has rank `rank` and, where known, the sizes want[]; a want that is not known (NULL: any)
 * is learnt. */
static xinf_status rnn_match(xi_infer *c, int32_t i, int32_t rank, int64_t *const *want,
                             const int64_t *times)
{
    const xi_type *t = xi_infer_in(c, i);
    if (!t || t->shape.rank < 0) return XINF_OK;
    if (t->shape.rank != rank)
        return xi_infer_fail(c, "input %d has rank %d, not %d", (int)i, (int)t->shape.rank,
                             (int)rank);
    for (int32_t k = 0; k < rank; k++) {
        int64_t dim = t->shape.dim[k], expected;
        if (dim < 0) {
            if (want[k] && *want[k] == XI_DIM_UNKNOWN && times[k] == 1) *want[k] = dim;
            continue;
        }
        if (want[k] && *want[k] < 0 && dim % times[k] == 0) *want[k] = dim / times[k];
        if (!xi_mul_i64(want[k] ? *want[k] : 1, times[k], &expected) || dim != expected)
            return xi_infer_fail(c,
                                 "input %d: axis %d has size %lld, which does not fit the others",
                                 (int)i, (int)k, (long long)dim);
    }
    return XINF_OK;
}

#define RNN_MATCH(i, rank, ...) \
    XI_TRY(rnn_match(c, i, rank, (int64_t *const[]){__VA_ARGS__}, times))

static xinf_status rnn_sizes_of(xi_infer *c, const xi_rnn *r, rnn_sizes *s)
{
    xinf_status status;
    int64_t gates = r->gates, directions = r->directions,
            hidden = xi_node_int(c->node, "hidden_size", -1);
    *s = (rnn_sizes){-1, -1, -1, hidden > 0 ? hidden : -1};
    if (xi_node_has(c->node, "hidden_size") && hidden <= 0)
        return xi_infer_fail(c, "hidden_size is %lld", (long long)hidden);
    {
        const int64_t times[3] = {1, 1, 1};
        RNN_MATCH(0, 3, r->batch_first ? &s->batch : &s->steps,
                  r->batch_first ? &s->steps : &s->batch, &s->input);
    }
    {
        const int64_t times[3] = {directions, gates, 1};
        RNN_MATCH(1, 3, NULL, &s->hidden, &s->input);
        RNN_MATCH(2, 3, NULL, &s->hidden, &s->hidden);
    }
    {
        const int64_t times[2] = {directions, 2 * gates};
        RNN_MATCH(3, 2, NULL, &s->hidden);
    }
    {
        const int64_t times[1] = {1};
        RNN_MATCH(4, 1, &s->batch);
    }
    for (int32_t i = 5; i <= 6; i++) {
        const int64_t times[3] = {r->batch_first ? 1 : directions, r->batch_first ? directions : 1,
                                  1};
        RNN_MATCH(i, 3, r->batch_first ? &s->batch : NULL, r->batch_first ? NULL : &s->batch,
                  &s->hidden);
    }
    {
        const int64_t times[2] = {directions, 3};
        RNN_MATCH(7, 2, NULL, &s->hidden);
    }
cleanup:
    return status;
}

static xinf_status rnn_infer(xi_infer *c)
{
    xinf_status status;
    xi_rnn r;
    rnn_sizes s;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    for (int32_t i = 1; i < 8; i++)
        if (i != 4) XI_TRY(xi_infer_same_dtype(c, 0, i));
    XI_TRY(xi_infer_among(c, 4, XI_DTYPE_BIT(XINF_INT32)));
    XI_TRY(xi_rnn_read(&r, c->node, c->err));
    XI_TRY(rnn_sizes_of(c, &r, &s));
    xi_shape y = {.rank = 4, .dim = {s.steps, r.directions, s.batch, s.hidden}},
             last = {.rank = 3, .dim = {r.directions, s.batch, s.hidden}};
    if (r.batch_first) {
        y = (xi_shape){.rank = 4, .dim = {s.batch, s.steps, r.directions, s.hidden}};
        last = (xi_shape){.rank = 3, .dim = {s.batch, r.directions, s.hidden}};
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &y);
    xi_infer_set(c, 1, c->in[0]->dtype, &last);
    xi_infer_set(c, 2, c->in[0]->dtype, &last);
cleanup:
    return status;
}

#define RNN_ATTRS                                                                            \
    {"activation_alpha", XI_ATTR_FLOATS, false}, {"activation_beta", XI_ATTR_FLOATS, false}, \
        {"activations", XI_ATTR_STRINGS, false}, {"clip", XI_ATTR_FLOAT, false},             \
        {"direction", XI_ATTR_STRING, false}, {"hidden_size", XI_ATTR_INT, false},           \
    {                                                                                        \
        "layout", XI_ATTR_INT, false                                                         \
    }

static const xi_attr_rule rnn_plain_attrs[] = {RNN_ATTRS, {NULL}};
static const xi_attr_rule rnn_gru_attrs[] = {
    RNN_ATTRS, {"linear_before_reset", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule rnn_lstm_attrs[] = {
    RNN_ATTRS, {"input_forget", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_rnn[] = {
    {.name = "RNN",
     .min_inputs = 3,
     .max_inputs = 6,
     .min_outputs = 0,
     .max_outputs = 2,
     .attrs = rnn_plain_attrs,
     .infer = rnn_infer,
     .tolerance = 1e-5f},
    {.name = "GRU",
     .min_inputs = 3,
     .max_inputs = 6,
     .min_outputs = 0,
     .max_outputs = 2,
     .attrs = rnn_gru_attrs,
     .infer = rnn_infer,
     .tolerance = 1e-5f},
    {.name = "LSTM",
     .min_inputs = 3,
     .max_inputs = 8,
     .min_outputs = 0,
     .max_outputs = 3,
     .attrs = rnn_lstm_attrs,
     .infer = rnn_infer,
     .tolerance = 1e-5f},
    {0},
};

#undef RNN_MATCH
#undef RNN_ATTRS
