/* op_rnn.c — recurrent layers and cells. Gate order here: LSTM i f g o, GRU r z n; ONNX: i o f c, z
 * r h. */
#include "import/torch/op.h"

typedef struct op_rnn_kind {
    const char *op; /* ONNX's */
    int32_t gates;
    const int32_t order[4]; /* ONNX's gate k is our gate order[k] */
    const char *activation; /* of a plain RNN */
} op_rnn_kind;

static const op_rnn_kind op_rnn_kinds[] = {{"LSTM", 4, {0, 3, 1, 2}, NULL},
                                           {"GRU", 3, {1, 0, 2, 0}, NULL},
                                           {"RNN", 1, {0, 0, 0, 0}, "Tanh"},
                                           {"RNN", 1, {0, 0, 0, 0}, "Relu"}};

typedef struct op_rnn_layer {
    const op_rnn_kind *kind;
    bool biases, bidirectional, projected;
    int64_t hidden;
} op_rnn_layer;

/* The gates' blocks of rows, in ONNX's order. */
static xi_value *op_rnn_reorder(xi_aten *x, const op_rnn_layer *l, xi_value *v)
{
    xi_value *parts[4];
    if (l->kind->gates == 1) return v;
    for (int32_t i = 0; i < l->kind->gates; i++) {
        int64_t at = l->kind->order[i] * l->hidden;
        parts[i] = xi_aten_slice(x, v, 0, at, at + l->hidden, 1);
    }
    return xi_aten_concat(x, l->kind->gates, parts, 0);
}

/* Weights of both directions: a leading axis of directions. */
static xi_value *op_rnn_weights(xi_aten *x, const op_rnn_layer *l, const xi_aten_value *w,
                                int32_t which, int32_t stride)
{
    xi_value *parts[2];
    int32_t directions = l->bidirectional ? 2 : 1;
    for (int32_t d = 0; d < directions; d++)
        parts[d] = xi_aten_unsqueeze(
            x, op_rnn_reorder(x, l, xi_aten_arg(x, &w[which + d * stride])), 0);
    return xi_aten_concat(x, directions, parts, 0);
}

static xi_value *op_rnn_biases(xi_aten *x, const op_rnn_layer *l, const xi_aten_value *w,
                               int32_t stride)
{
    xi_value *parts[2];
    int32_t directions = l->bidirectional ? 2 : 1;
    for (int32_t d = 0; d < directions; d++) {
        xi_value *both[2] = {op_rnn_reorder(x, l, xi_aten_arg(x, &w[2 + d * stride])),
                             op_rnn_reorder(x, l, xi_aten_arg(x, &w[3 + d * stride]))};
        parts[d] = xi_aten_unsqueeze(x, xi_aten_concat(x, 2, both, 0), 0);
    }
    return xi_aten_concat(x, directions, parts, 0);
}

/* One layer over [time, batch, features]: y there, and the last states into last[0..1]. */
static xi_value *op_rnn_run(xi_aten *x, const op_rnn_layer *l, xi_value *v, const xi_aten_value *w,
                            xi_value *h, xi_value *c, xi_value **last)
{
    bool lstm = l->kind->gates == 4;
    int32_t stride = 2 + (l->biases ? 2 : 0) + (l->projected ? 1 : 0), n = 0;
    xi_value *in[7] = {v,
                       op_rnn_weights(x, l, w, 0, stride),
                       op_rnn_weights(x, l, w, 1, stride),
                       l->biases ? op_rnn_biases(x, l, w, stride) : NULL,
                       NULL,
                       h,
                       c};
    xi_attr attrs[4];
    xi_str activations[2];
    attrs[n++] = XI_ATEN_ATTR_INT("hidden_size", l->hidden);
    if (l->bidirectional) attrs[n++] = XI_ATEN_ATTR_TEXT("direction", "bidirectional");
    if (l->kind->gates == 3) attrs[n++] = XI_ATEN_ATTR_INT("linear_before_reset", 1);
    if (l->kind->activation) {
        xi_str *names = xi_arena_array(x->arena, 2, sizeof *names);
        if (!names) return xi_aten_memory(x), NULL;
        activations[0] = activations[1] = xi_str_of(l->kind->activation);
        memcpy(names, activations, sizeof activations);
        attrs[n++] = (xi_attr){.name = {"activations", 11},
                               .type = XI_ATTR_STRINGS,
                               .count = l->bidirectional ? 2 : 1,
                               .strings = names};
    }
    xi_node *node = xi_aten_node(x, l->kind->op, lstm ? 7 : 6, in, n, attrs, lstm ? 3 : 2);
    if (!node) return NULL;
    last[0] = node->outputs[1];
    last[1] = lstm ? node->outputs[2] : NULL;
    /* [time, directions, batch, hidden] → [time, batch, directions · hidden] */
    if (!l->bidirectional) return xi_aten_squeeze(x, node->outputs[0], 1);
    xi_value *y = xi_aten_transpose(x, node->outputs[0], (int64_t[]){0, 2, 1, 3}, 4);
    return xi_aten_reshape(x, y, (int64_t[]){0, 0, -1}, 3);
}

typedef struct op_rnn_call {
    const op_rnn_kind *kind;
    const xi_aten_value *input, *states, *weights;
    bool biases, train, bidirectional, batch_first;
    int64_t layers;
    double dropout;
} op_rnn_call;

/* A projected LSTM: ONNX has none. Step by step, for a known number of steps. */
static xi_value *op_rnn_projected(xi_aten *x, const op_rnn_layer *l, xi_value *v,
                                  const xi_aten_value *w, xi_value *h, xi_value *c, xi_value **last)
{
    int64_t steps = xi_aten_need_rank(x, v, "lstm") == 3 ? v->type.shape.dim[0] : -1;
    int32_t stride = 3 + (l->biases ? 2 : 0), directions = l->bidirectional ? 2 : 1,
            per = stride - 1;
    xi_value *sides[2], *hs[2], *cs[2];
    if (x->status == XINF_OK && (steps < 1 || steps > 4096)) {
        x->wants_types = true;
        xi_aten_fail(
            x, XINF_UNSUPPORTED,
            "lstm with a projection over a number of steps that is not known before it runs");
    }
    xi_value **parts = x->status == XINF_OK ? xi_arena_array(x->arena, (size_t)steps, sizeof *parts)
                                            : NULL;
    if (!parts) return xi_aten_memory(x), NULL;
    for (int32_t d = 0; d < directions; d++) {
        const xi_aten_value *m = w + d * stride;
        xi_value *wi = xi_aten_transpose(x, xi_aten_arg(x, &m[0]), (int64_t[]){1, 0}, 2),
                 *wh = xi_aten_transpose(x, xi_aten_arg(x, &m[1]), (int64_t[]){1, 0}, 2);
        xi_value *wp = xi_aten_transpose(x, xi_aten_arg(x, &m[per]), (int64_t[]){1, 0}, 2),
                 *b = NULL;
        if (l->biases) b = xi_aten_emit2(x, "Add", xi_aten_arg(x, &m[2]), xi_aten_arg(x, &m[3]));
        xi_value *hd = xi_aten_gather(x, h, xi_aten_whole(x, XINF_INT64, d), 0),
                 *cd = xi_aten_gather(x, c, xi_aten_whole(x, XINF_INT64, d), 0);
        xi_value *all = xi_aten_emit2(x, "MatMul", v, wi);
        if (b) all = xi_aten_emit2(x, "Add", all, b);
        for (int64_t t = 0; t < steps && x->status == XINF_OK; t++) {
            int64_t at = d ? steps - 1 - t : t;
            xi_value *sum = xi_aten_emit2(
                x, "Add", xi_aten_gather(x, all, xi_aten_whole(x, XINF_INT64, at), 0),
                xi_aten_emit2(x, "MatMul", hd, wh));
            xi_node *g = xi_aten_node(
                x, "Split", 1, &sum, 2,
                (xi_attr[]){XI_ATEN_ATTR_INT("axis", -1), XI_ATEN_ATTR_INT("num_outputs", 4)}, 4);
            if (!g) return NULL;
            xi_value *in = xi_aten_emit1(x, "Sigmoid", g->outputs[0]),
                     *forget = xi_aten_emit1(x, "Sigmoid", g->outputs[1]);
            cd = xi_aten_emit2(
                x, "Add", xi_aten_emit2(x, "Mul", forget, cd),
                xi_aten_emit2(x, "Mul", in, xi_aten_emit1(x, "Tanh", g->outputs[2])));
            hd = xi_aten_emit2(x, "MatMul",
                               xi_aten_emit2(x, "Mul", xi_aten_emit1(x, "Sigmoid", g->outputs[3]),
                                             xi_aten_emit1(x, "Tanh", cd)),
                               wp);
            parts[at] = xi_aten_unsqueeze(x, hd, 0);
        }
        sides[d] = xi_aten_concat(x, (int32_t)steps, parts, 0);
        hs[d] = xi_aten_unsqueeze(x, hd, 0);
        cs[d] = xi_aten_unsqueeze(x, cd, 0);
    }
    last[0] = xi_aten_concat(x, directions, hs, 0);
    last[1] = xi_aten_concat(x, directions, cs, 0);
    return xi_aten_concat(x, directions, sides, 2);
}

/* The initial states of one layer out of those of all. */
static xi_value *op_rnn_state(xi_aten *x, xi_value *all, int64_t layer, int32_t directions,
                              int64_t layers)
{
    return layers == 1 || !all
               ? all
               : xi_aten_slice(x, all, 0, layer * directions, (layer + 1) * directions, 1);
}

static xi_aten_value op_rnn_layers(xi_aten *x, const op_rnn_call *call)
{
    bool lstm = call->kind->gates == 4;
    const xi_aten_value *w = call->weights->list->items;
    int32_t directions = call->bidirectional ? 2 : 1, count = call->weights->list->count;
    int64_t per = call->layers > 0 ? count / (call->layers * directions) : 0;
    xi_value *v = xi_aten_arg(x, call->input), *h, *c = NULL, *hs[64], *cs[64],
             *last[2] = {NULL, NULL};
    op_rnn_layer l = {
        .kind = call->kind, .biases = call->biases, .bidirectional = call->bidirectional};
    l.projected = lstm && per == 3 + (call->biases ? 2 : 0);
    if (call->layers < 1 || call->layers > 64 || per < 2 + (call->biases ? 2 : 0))
        return xi_aten_fail(x, XINF_MALFORMED, "a recurrent layer with %d weights", count),
               xi_aten_none();
    if (call->train && call->dropout > 0 && call->layers > 1)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "a recurrent layer with dropout in training mode"),
               xi_aten_none();
    h = xi_aten_arg(x, lstm ? &call->states->list->items[0] : call->states);
    if (lstm && call->states->list->count > 1) c = xi_aten_arg(x, &call->states->list->items[1]);
    bool unbatched = xi_aten_rank(v) == 2;
    if (unbatched) {
        v = xi_aten_unsqueeze(x, v, 1);
        h = xi_aten_unsqueeze(x, h, 1);
        c = c ? xi_aten_unsqueeze(x, c, 1) : NULL;
    }
    if (call->batch_first && !unbatched) v = xi_aten_transpose(x, v, (int64_t[]){1, 0, 2}, 3);
    xi_value *first = xi_aten_arg(x, &w[0]);
    if (x->status == XINF_OK && (xi_aten_rank(first) != 2 || first->type.shape.dim[0] < 0))
        xi_aten_fail(x, XINF_UNSUPPORTED, "a recurrent layer whose weights are not known");
    if (x->status != XINF_OK) return xi_aten_none();
    l.hidden = first->type.shape.dim[0] / call->kind->gates;
    for (int64_t i = 0; i < call->layers && x->status == XINF_OK; i++) {
        xi_value *hi = op_rnn_state(x, h, i, directions, call->layers),
                 *ci = op_rnn_state(x, c, i, directions, call->layers);
        v = l.projected ? op_rnn_projected(x, &l, v, w + i * directions * per, hi, ci, last)
                        : op_rnn_run(x, &l, v, w + i * directions * per, hi, ci, last);
        hs[i] = last[0];
        cs[i] = last[1];
    }
    if (x->status != XINF_OK) return xi_aten_none();
    xi_value *y[3] = {v, xi_aten_concat(x, (int32_t)call->layers, hs, 0),
                      lstm ? xi_aten_concat(x, (int32_t)call->layers, cs, 0) : NULL};
    if (call->batch_first && !unbatched) y[0] = xi_aten_transpose(x, y[0], (int64_t[]){1, 0, 2}, 3);
    for (int32_t i = 0; unbatched && i < (lstm ? 3 : 2); i++) y[i] = xi_aten_squeeze(x, y[i], 1);
    return xi_aten_results(x, y, lstm ? 3 : 2);
}

/* lstm.input(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
 */
static xi_aten_value op_rnn_input(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_rnn_call call = {.kind = &op_rnn_kinds[op->number],
                        .input = &a[0],
                        .states = &a[1],
                        .weights = &a[2],
                        .biases = xi_aten_arg_bool(x, &a[3], op->name),
                        .layers = xi_aten_arg_int(x, &a[4], op->name),
                        .dropout = xi_aten_arg_double(x, &a[5], op->name),
                        .train = xi_aten_arg_bool(x, &a[6], op->name),
                        .bidirectional = xi_aten_arg_bool(x, &a[7], op->name),
                        .batch_first = xi_aten_arg_bool(x, &a[8], op->name)};
    return x->status == XINF_OK ? op_rnn_layers(x, &call) : xi_aten_none();
}

/* ---- cells: one step of plain operators ---- */

static xi_value *op_rnn_linear(xi_aten *x, xi_value *v, const xi_aten_value *w,
                               const xi_aten_value *b)
{
    xi_value *y = xi_aten_emit2(x, "MatMul", v,
                                xi_aten_transpose(x, xi_aten_arg(x, w), (int64_t[]){1, 0}, 2)),
             *bias = xi_aten_arg(x, b);
    return bias ? xi_aten_emit2(x, "Add", y, bias) : y;
}

/* lstm_cell(input, [h, c], w_ih, w_hh, b_ih, b_hh) */
static xi_aten_value op_rnn_lstm_cell(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    if (a[1].list->count != 2)
        return xi_aten_fail(x, XINF_MALFORMED, "lstm_cell takes two states"), xi_aten_none();
    xi_value *h = xi_aten_arg(x, &a[1].list->items[0]), *c = xi_aten_arg(x, &a[1].list->items[1]);
    xi_value *sum = xi_aten_emit2(x, "Add", op_rnn_linear(x, xi_aten_arg(x, &a[0]), &a[2], &a[4]),
                                  op_rnn_linear(x, h, &a[3], &a[5]));
    xi_node *g = xi_aten_node(
        x, "Split", 1, &sum, 2,
        (xi_attr[]){XI_ATEN_ATTR_INT("axis", -1), XI_ATEN_ATTR_INT("num_outputs", 4)}, 4);
    if (!g) return xi_aten_none();
    xi_value *in = xi_aten_emit1(x, "Sigmoid", g->outputs[0]),
             *forget = xi_aten_emit1(x, "Sigmoid", g->outputs[1]);
    c = xi_aten_emit2(x, "Add", xi_aten_emit2(x, "Mul", forget, c),
                      xi_aten_emit2(x, "Mul", in, xi_aten_emit1(x, "Tanh", g->outputs[2])));
    h = xi_aten_emit2(x, "Mul", xi_aten_emit1(x, "Sigmoid", g->outputs[3]),
                      xi_aten_emit1(x, "Tanh", c));
    return xi_aten_results(x, (xi_value *[]){h, c}, 2);
}

/* gru_cell(input, h, w_ih, w_hh, b_ih, b_hh) */
static xi_aten_value op_rnn_gru_cell(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *h = xi_aten_arg(x, &a[1]),
             *sums[2] = {op_rnn_linear(x, xi_aten_arg(x, &a[0]), &a[2], &a[4]),
                         op_rnn_linear(x, h, &a[3], &a[5])};
    xi_node *g[2];
    for (int i = 0; i < 2; i++)
        if (!(g[i] = xi_aten_node(
                  x, "Split", 1, &sums[i], 2,
                  (xi_attr[]){XI_ATEN_ATTR_INT("axis", -1), XI_ATEN_ATTR_INT("num_outputs", 3)},
                  3)))
            return xi_aten_none();
    xi_value *r = xi_aten_emit1(x, "Sigmoid",
                                xi_aten_emit2(x, "Add", g[0]->outputs[0], g[1]->outputs[0]));
    xi_value *z = xi_aten_emit1(x, "Sigmoid",
                                xi_aten_emit2(x, "Add", g[0]->outputs[1], g[1]->outputs[1]));
    xi_value *n = xi_aten_emit1(
        x, "Tanh",
        xi_aten_emit2(x, "Add", g[0]->outputs[2], xi_aten_emit2(x, "Mul", r, g[1]->outputs[2])));
    return xi_aten_result(
        x, xi_aten_emit2(x, "Add", n, xi_aten_emit2(x, "Mul", z, xi_aten_emit2(x, "Sub", h, n))));
}

static xi_aten_value op_rnn_plain_cell(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *sum = xi_aten_emit2(x, "Add", op_rnn_linear(x, xi_aten_arg(x, &a[0]), &a[2], &a[4]),
                                  op_rnn_linear(x, xi_aten_arg(x, &a[1]), &a[3], &a[5]));
    return xi_aten_result(x, xi_aten_emit1(x, op->text, sum));
}

#define RNN_REST \
    "L:params b:has_biases i:num_layers f:dropout b:train b:bidirectional b:batch_first"
#define RNN_CELL "T:w_ih T:w_hh t:b_ih=None t:b_hh=None"

const xi_aten_op xi_aten_ops_rnn[] = {
    {"lstm", "T:input L:hx " RNN_REST, op_rnn_input, NULL, 0},
    {"gru", "T:input T:hx " RNN_REST, op_rnn_input, NULL, 1},
    {"rnn_tanh", "T:input T:hx " RNN_REST, op_rnn_input, NULL, 2},
    {"rnn_relu", "T:input T:hx " RNN_REST, op_rnn_input, NULL, 3},
    {"lstm_cell", "T:input L:hx " RNN_CELL, op_rnn_lstm_cell, NULL, 0},
    {"gru_cell", "T:input T:hx " RNN_CELL, op_rnn_gru_cell, NULL, 0},
    {"rnn_tanh_cell", "T:input T:hx " RNN_CELL, op_rnn_plain_cell, "Tanh", 0},
    {"rnn_relu_cell", "T:input T:hx " RNN_CELL, op_rnn_plain_cell, "Relu", 0},
    {NULL, NULL, NULL, NULL, 0},
};

#undef RNN_REST
#undef RNN_CELL
