/* upgrade_contrib_beam.c — com.microsoft.BeamSearch over an encoder and a decoder: the encoder
 * once, then a Loop whose body runs the decoder. A graph is called as a Loop of one turn that uses
 * its arguments from around it. Hypotheses that ended are kept sorted by score, as many as there
 * are beams. */
#include <math.h>

#include "import/onnx/formula.h"

enum { BEAM_MAX_LAYERS = 64 };

typedef struct contrib_beam {
    xi_value *max_length, *min_length, *beams, *best,
        *penalty;        /* of the node's inputs: [1] int64 each, penalty a scalar */
    xi_value *eos, *pad; /* scalars */
    bool early;
    int32_t layers;
    xi_value *batch; /* [1] */
} contrib_beam;

/* What goes from turn to turn. */
typedef struct contrib_beam_state {
    xi_value *tokens;               /* [batch · beams, length] */
    xi_value *scores;               /* [batch, beams] */
    xi_value *ended_scores, *ended; /* [batch, beams], [batch, beams, max_length] */
    xi_value *done;                 /* [batch] */
    xi_value *from;                 /* [batch · beams]: which beam each one goes on from */
} contrib_beam_state;

static xi_value *contrib_beam_scalar(xi_formula *f, xinf_dtype dtype, double number)
{
    uint8_t bits[16] = {0};
    xi_shape scalar = XI_SHAPE_SCALAR;
    xi_dtype_store_f64(bits, dtype, 0, number);
    xi_literal *l = xi_graph_literal(f->n->graph, dtype, &scalar, bits);
    xi_value *v = l ? xi_graph_add_constant(f->n->graph, XI_STR(""), l) : NULL;
    xi_formula_need(f, v);
    return v;
}

static xi_value *contrib_beam_gather(xi_formula *f, xi_value *x, xi_value *at, int64_t axis)
{
    xi_formula_int(f, "axis", axis);
    return XI_PUT(f, "Gather", x, at);
}

static xi_value *contrib_beam_concat(xi_formula *f, int64_t axis, xi_value *a, xi_value *b)
{
    xi_formula_int(f, "axis", axis);
    return XI_PUT(f, "Concat", a, b);
}

/* Rows of x [batch, any, …] by at [batch, count]. */
static xi_value *contrib_beam_rows(xi_formula *f, xi_value *x, xi_value *at)
{
    xi_value *index = xi_formula_unsqueeze(f, at, 2);
    xi_formula_int(f, "batch_dims", 1);
    return XI_PUT(f, "GatherND", x, index);
}

/* Each row of x `beams` times: [batch, …] → [batch · beams, …]. */
static xi_value *contrib_beam_repeat(xi_formula *f, const contrib_beam *b, xi_value *x)
{
    xi_value *count = XI_PUT(f, "Mul", b->batch, b->beams);
    return contrib_beam_gather(f, x, XI_PUT(f, "Div", xi_formula_range(f, count), b->beams), 0);
}

/* g becomes a body that takes `args` from around it; outputs[i] are its results. */
static void contrib_beam_call(xi_formula *f, xi_graph *g, xi_value *const *args, xi_value **outputs)
{
    xi_type count = {.kind = XINF_KIND_TENSOR, .dtype = XINF_INT64},
            flag = {.kind = XINF_KIND_TENSOR, .dtype = XINF_BOOL};
    int32_t made = g->output_count;
    if (f->failed) return;
    for (int32_t i = 0; i < g->input_count; i++) xi_graph_replace_uses(g, g->inputs[i], args[i]);
    xi_value **in = xi_arena_array(g->arena, 2, sizeof *in),
             **out = xi_arena_array(g->arena, (size_t)made + 1, sizeof *out);
    xi_node *on = xi_graph_add_node(g, NULL, XI_STR(""), XI_STR("Identity"), XI_STR(""), 1, 1, 0);
    if (!in || !out || !on || !(in[0] = xi_graph_add_value(g, XI_STR(""), &count)) ||
        !(in[1] = xi_graph_add_value(g, XI_STR(""), &flag)) ||
        !(out[0] = xi_node_new_output(on, 0))) {
        xi_formula_need(f, NULL);
        return;
    }
    on->inputs[0] = in[1];
    out[0]->type = flag;
    for (int32_t i = 0; i < made; i++) out[i + 1] = g->outputs[i];
    g->inputs = in;
    g->outputs = out;
    g->input_count = 2;
    g->output_count = made + 1;
    g->parent = f->n->graph;
    xi_value *once = contrib_beam_scalar(f, XINF_INT64, 1),
             *start = contrib_beam_scalar(f, XINF_BOOL, 1);
    if (f->failed) return;
    f->attrs[f->attr_count++] = (xi_attr){
        .name = XI_STR("body"), .type = XI_ATTR_GRAPH, .count = 1, .graph = g};
    xi_node *loop = XI_PUT_NODE(f, "Loop", made, once, start);
    for (int32_t i = 0; i < made; i++)
        outputs[i] = XI_PUT(f, "Squeeze", xi_formula_output(f, loop, i), XI_LIST(f, 0));
}

/* Log-probabilities of the last position, [batch · beams, words]; no end before the least length.
 */
static xi_value *contrib_beam_words(xi_formula *f, const contrib_beam *b, xi_value *logits,
                                    xi_value *length)
{
    xi_value *last = contrib_beam_gather(f, logits, contrib_beam_scalar(f, XINF_INT64, -1), 1);
    xi_formula_int(f, "axis", -1);
    xi_value *words = XI_PUT(f, "LogSoftmax", xi_formula_cast(f, last, XINF_FLOAT32));
    if (!b->min_length) return words;
    xi_value *is_end = XI_PUT(f, "Equal", xi_formula_range(f, xi_formula_size(f, words, 1)),
                              b->eos);
    xi_value *early = XI_PUT(f, "And", is_end, XI_PUT(f, "Less", length, b->min_length));
    return XI_PUT(f, "Where", early, contrib_beam_scalar(f, XINF_FLOAT32, -3.4028234663852886e38),
                  words);
}

/* a sum of logarithms as the score of so many tokens */
static xi_value *contrib_beam_score(xi_formula *f, const contrib_beam *b, xi_value *sum,
                                    xi_value *length)
{
    return XI_PUT(f, "Div", sum,
                  XI_PUT(f, "Pow", xi_formula_cast(f, length, XINF_FLOAT32), b->penalty));
}

/* Sequences of the beams, [batch, beams, max_length], filled up. */
static xi_value *contrib_beam_filled(xi_formula *f, const contrib_beam *b, xi_value *tokens,
                                     xi_value *length)
{
    xi_value *grown = contrib_beam_concat(f, 0, XI_LIST(f, 0),
                                          XI_PUT(f, "Sub", b->max_length, length));
    xi_value *filled = XI_PUT(f, "Pad", tokens, grown, b->pad, XI_LIST(f, 1));
    xi_value *shape = contrib_beam_concat(f, 0, contrib_beam_concat(f, 0, b->batch, b->beams),
                                          b->max_length);
    return XI_PUT(f, "Reshape", filled, shape);
}

static xi_node *contrib_beam_top(xi_formula *f, xi_value *x, xi_value *count)
{
    return XI_PUT_NODE(f, "TopK", 2, x, count);
}

/* The best of those that ended already and of candidates with their sequences. */
static void contrib_beam_keep(xi_formula *f, contrib_beam_state *s, xi_value *count,
                              xi_value *scores, xi_value *sequences)
{
    xi_node *top = contrib_beam_top(f, contrib_beam_concat(f, 1, s->ended_scores, scores), count);
    s->ended = contrib_beam_rows(f, contrib_beam_concat(f, 1, s->ended, sequences),
                                 xi_formula_output(f, top, 1));
    s->ended_scores = xi_formula_output(f, top, 0);
}

/* One more token for each beam. */
static void contrib_beam_step(xi_formula *f, const contrib_beam *b, contrib_beam_state *s,
                              xi_value *logits)
{
    xi_value *length = xi_formula_size(f, s->tokens, 1),
             *words = contrib_beam_words(f, b, logits, length),
             *vocabulary = xi_formula_size(f, words, 1);
    xi_value *none = contrib_beam_scalar(f, XINF_FLOAT32, -(double)INFINITY),
             *done = xi_formula_unsqueeze(f, s->done, 1);
    xi_value *split = contrib_beam_concat(f, 0, contrib_beam_concat(f, 0, b->batch, b->beams),
                                          vocabulary);
    xi_value *sums = XI_PUT(f, "Add", XI_PUT(f, "Reshape", words, split),
                            xi_formula_unsqueeze(f, s->scores, 2));
    xi_formula_int(f, "axis", 1);
    xi_value *flat = XI_PUT(f, "Flatten", sums), *twice = XI_PUT(f, "Mul", b->beams, XI_LIST(f, 2));
    xi_node *top = contrib_beam_top(f, flat, twice);
    xi_value *values = xi_formula_output(f, top, 0), *places = xi_formula_output(f, top, 1);
    xi_value *beam = XI_PUT(f, "Div", places, vocabulary),
             *word = XI_PUT(f, "Mod", places, vocabulary);
    xi_value *is_end = XI_PUT(f, "Equal", word, b->eos);

    /* Those that end among the first become hypotheses, unless their item has enough. */
    xi_value *first = XI_PUT(f, "Less", xi_formula_range(f, twice), b->beams);
    xi_value *ends = XI_PUT(f, "And", XI_PUT(f, "And", is_end, first), XI_PUT(f, "Not", done));
    xi_value *ended = XI_PUT(f, "Where", ends, contrib_beam_score(f, b, values, length), none);
    contrib_beam_keep(f, s, b->beams, ended,
                      contrib_beam_rows(f, contrib_beam_filled(f, b, s->tokens, length), beam));

    /* The others go on. */
    xi_node *on = contrib_beam_top(f, XI_PUT(f, "Where", is_end, none, values), b->beams);
    xi_value *which = xi_formula_output(f, on, 1);
    xi_formula_int(f, "axis", 1);
    word = XI_PUT(f, "GatherElements", word, which);
    xi_formula_int(f, "axis", 1);
    beam = XI_PUT(f, "GatherElements", beam, which);
    word = XI_PUT(f, "Where", done, b->pad, word);
    beam = XI_PUT(f, "Where", done, contrib_beam_scalar(f, XINF_INT64, 0), beam);
    s->scores = XI_PUT(f, "Where", done, contrib_beam_scalar(f, XINF_FLOAT32, 0),
                       xi_formula_output(f, on, 0));

    /* An item is done when its worst hypothesis cannot be beaten. */
    xi_value *worst = XI_PUT(f, "Squeeze", xi_formula_slice(f, s->ended_scores, -1, INT64_MAX, 1),
                             XI_LIST(f, 1));
    xi_value *most = XI_PUT(f, "Squeeze", xi_formula_slice(f, values, 0, 1, 1), XI_LIST(f, 1));
    xi_value *bound = b->early ? contrib_beam_scalar(f, XINF_FLOAT32, -3.4028234663852886e38)
                               : contrib_beam_score(f, b, most, length);
    s->done = XI_PUT(f, "Or", s->done, XI_PUT(f, "GreaterOrEqual", worst, bound));

    xi_value *rows = xi_formula_unsqueeze(
        f, XI_PUT(f, "Mul", xi_formula_range(f, b->batch), b->beams), 1);
    s->from = XI_PUT(f, "Reshape", XI_PUT(f, "Add", beam, rows), XI_LIST(f, -1));
    xi_value *before = contrib_beam_gather(f, s->tokens, s->from, 0);
    s->tokens = contrib_beam_concat(f, 1, before, XI_PUT(f, "Reshape", word, XI_LIST(f, -1, 1)));
}

/* ---- the node ---- */

typedef struct contrib_beam_graphs {
    xi_graph *encoder, *decoder;
    bool ids, hidden, whole; /* the decoder takes the encoder's ids, its hidden states; all tokens
                                so far instead of the last */
} contrib_beam_graphs;

static const char *contrib_beam_read(contrib_beam_graphs *g, contrib_beam *b, const xi_node *n)
{
    g->encoder = xi_node_graph(n, "encoder");
    g->decoder = xi_node_graph(n, "decoder");
    if (xi_node_int(n, "model_type", 0) != 1 || !g->encoder || !g->decoder)
        return "only models of an encoder and a decoder are supported";
    for (int32_t i = 6; i < n->input_count; i++)
        if (n->inputs[i]) return "penalties, masks and starts given as inputs are not supported";
    if (xi_node_int(n, "no_repeat_ngram_size", 0) > 0)
        return "no_repeat_ngram_size is not supported";
    for (int32_t i = 0; i < 5; i++)
        if (i != 2 && !xi_node_input(n, i)) return "an input is missing";
    int32_t made = g->encoder->output_count - 2, takes = g->decoder->input_count;
    b->layers = made / 4;
    if (made < 4 || made % 4 || b->layers > BEAM_MAX_LAYERS || g->encoder->input_count != 3 ||
        g->decoder->output_count != 1 + 2 * b->layers)
        return "its graphs have other inputs or outputs than are known";
    if (takes < 2) return "its decoder has too few inputs";
    g->ids = xi_str_is(g->decoder->inputs[1]->name, "encoder_input_ids");
    int32_t at = g->ids ? 3 : 2;
    g->hidden = takes > at && xi_str_is(g->decoder->inputs[at]->name, "encoder_hidden_states");
    if (takes != at + g->hidden + 4 * b->layers)
        return "its decoder has other inputs than are known";
    const xi_shape *shape = &g->decoder->inputs[0]->type.shape;
    g->whole = shape->rank != 2 || shape->dim[1] != 1;
    return NULL;
}

static xi_value *contrib_beam_number(xi_formula *f, int32_t i)
{
    xi_value *v = xi_formula_in(f, i);
    return v ? XI_PUT(f, "Reshape", xi_formula_cast(f, v, XINF_INT64), XI_LIST(f, 1)) : NULL;
}

static void contrib_beam_begin(xi_formula *f, contrib_beam *b, contrib_beam_state *s,
                               xi_value *start)
{
    xi_value *both = contrib_beam_concat(f, 0, b->batch, b->beams),
             *none = contrib_beam_scalar(f, XINF_FLOAT32, -(double)INFINITY);
    xi_value *first = XI_PUT(f, "Equal", xi_formula_range(f, b->beams),
                             contrib_beam_scalar(f, XINF_INT64, 0));
    xi_value *scores = XI_PUT(f, "Where", first, contrib_beam_scalar(f, XINF_FLOAT32, 0),
                              contrib_beam_scalar(f, XINF_FLOAT32, -1e9));
    s->scores = XI_PUT(f, "Expand", scores, both);
    s->ended_scores = XI_PUT(f, "Expand", none, both);
    s->ended = XI_PUT(f, "Expand", b->pad, contrib_beam_concat(f, 0, both, b->max_length));
    s->done = XI_PUT(f, "Expand", contrib_beam_scalar(f, XINF_BOOL, 0), b->batch);
    xi_value *rows = contrib_beam_concat(f, 0, XI_PUT(f, "Mul", b->batch, b->beams), XI_LIST(f, 1));
    s->tokens = XI_PUT(f, "Expand", start, rows);
}

/* What the decoder takes each turn: tokens, what the encoder said, its own past, the encoder's keys
 * and values. */
static void contrib_beam_arguments(xi_formula *f, const contrib_beam *b,
                                   const contrib_beam_graphs *g, const contrib_beam_state *s,
                                   xi_value *const *fixed, xi_value *const *past,
                                   xi_value *const *cross, xi_value **args)
{
    int32_t at = 1;
    args[0] = g->whole ? s->tokens : xi_formula_slice(f, s->tokens, -1, INT64_MAX, 1);
    args[0] = xi_formula_cast(
        f, args[0], g->decoder->inputs[0]->type.dtype == XINF_INT64 ? XINF_INT64 : XINF_INT32);
    if (g->ids) args[at++] = fixed[0];
    args[at++] = fixed[1];
    if (g->hidden) args[at++] = fixed[2];
    for (int32_t i = 0; i < 2 * b->layers; i++) args[at++] = past[i];
    for (int32_t i = 0; i < 2 * b->layers; i++) args[at++] = cross[i];
}

/* The values of a body's carried inputs, and of its outputs after the condition, in one order. */
static int32_t contrib_beam_carried(contrib_beam_state *s, xi_value **past, int32_t layers,
                                    xi_value ***list)
{
    xi_value **own[] = {&s->tokens, &s->scores, &s->ended_scores, &s->ended, &s->done, &s->from};
    int32_t count = 0;
    for (; count < 6; count++) list[count] = own[count];
    for (int32_t i = 0; i < 2 * layers; i++) list[count++] = &past[i];
    return count;
}

static xi_value *contrib_beam_open(xi_formula *f, const contrib_beam_state *s)
{
    xi_value *done = xi_formula_cast(f, s->done, XINF_INT32);
    xi_formula_int(f, "keepdims", 0);
    xi_value *least = XI_PUT(f, "ReduceMin", done);
    return XI_PUT(f, "Equal", least, contrib_beam_scalar(f, XINF_INT32, 0));
}

/* The body of the loop over tokens; its carried values start as those of s and past, which become
 * the loop's results. */
static void contrib_beam_loop(xi_formula *f, const contrib_beam *b, const contrib_beam_graphs *g,
                              contrib_beam_state *s, xi_value *const *fixed, xi_value **past,
                              xi_value *const *cross)
{
    enum { MOST = 8 + 2 * BEAM_MAX_LAYERS };
    xi_value **outer[MOST], **inner[MOST], *in[MOST], *own[2 * BEAM_MAX_LAYERS];
    xi_value *args[4 + 4 * BEAM_MAX_LAYERS], *made[1 + 2 * BEAM_MAX_LAYERS] = {NULL};
    contrib_beam_state t;
    int32_t count = contrib_beam_carried(s, past, b->layers, outer);
    contrib_beam_carried(&t, own, b->layers, inner);
    xi_value *turns = XI_PUT(f, "Squeeze", XI_PUT(f, "Sub", b->max_length, XI_LIST(f, 2)),
                             XI_LIST(f, 0)),
             *open = contrib_beam_open(f, s);
    xi_graph *body = f->failed ? NULL
                               : xi_graph_create(f->im->family, f->n->graph, XI_STR("tokens"));
    xi_node *end = body ? xi_graph_add_node(body, NULL, XI_STR(""), XI_STR("Identity"), f->n->name,
                                            0, 0, 0)
                        : NULL;
    xi_value **inputs = end ? xi_arena_array(body->arena, (size_t)count + 2, sizeof *inputs) : NULL;
    xi_value **outputs = inputs ? xi_arena_array(body->arena, (size_t)count + 1, sizeof *outputs)
                                : NULL;
    xi_formula_need(f, outputs);
    for (int32_t i = 0; i < count + 2 && !f->failed; i++) {
        xi_type type = {.kind = XINF_KIND_TENSOR, .dtype = i ? XINF_BOOL : XINF_INT64};
        if (i >= 2) type.dtype = (*outer[i - 2])->type.dtype;
        if (i >= 2) type.shape.rank = -1;
        inputs[i] = xi_graph_add_value(body, XI_STR(""), &type);
        xi_formula_need(f, inputs[i]);
        if (i >= 2) *inner[i - 2] = inputs[i];
    }
    if (f->failed) return;
    xi_formula inside = xi_formula_of(f->im, end);
    contrib_beam_arguments(&inside, b, g, &t, fixed, own, cross, args);
    contrib_beam_call(&inside, g->decoder, args, made);
    contrib_beam_step(&inside, b, &t, made[0]);
    for (int32_t i = 0; i < 2 * b->layers; i++)
        own[i] = contrib_beam_gather(&inside, made[1 + i], t.from, 0);
    outputs[0] = contrib_beam_open(&inside, &t);
    for (int32_t i = 0; i < count; i++) outputs[1 + i] = *inner[i];
    f->failed = inside.failed;
    if (f->failed) return;
    xi_node_remove(end);
    body->inputs = inputs;
    body->input_count = count + 2;
    body->outputs = outputs;
    body->output_count = count + 1;
    in[0] = turns;
    in[1] = open;
    for (int32_t i = 0; i < count; i++) in[2 + i] = *outer[i];
    f->attrs[f->attr_count++] = (xi_attr){
        .name = XI_STR("body"), .type = XI_ATTR_GRAPH, .count = 1, .graph = body};
    xi_node *loop = xi_formula_node(f, "Loop", count, in, count + 2);
    for (int32_t i = 0; i < count; i++) *outer[i] = xi_formula_output(f, loop, i);
}

/* Inputs: ids, max_length, [min_length], num_beams, num_return_sequences, [length_penalty]. */
static xinf_status contrib_beam_node(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    contrib_beam b = {.early = xi_node_int(n, "early_stopping", 0) != 0};
    contrib_beam_graphs g;
    contrib_beam_state s;
    xi_value *made[2 + 4 * BEAM_MAX_LAYERS] = {NULL}, *past[2 * BEAM_MAX_LAYERS],
                           *cross[2 * BEAM_MAX_LAYERS], *fixed[3], *ids = xi_formula_in(&f, 0);
    const char *why = contrib_beam_read(&g, &b, n);
    if (why) return xi_formula_refuse(n, why);
    b.max_length = contrib_beam_number(&f, 1);
    b.min_length = contrib_beam_number(&f, 2);
    b.beams = contrib_beam_number(&f, 3);
    b.best = contrib_beam_number(&f, 4);
    b.penalty = xi_formula_in(&f, 5) ? XI_PUT(&f, "Reshape", xi_formula_in(&f, 5), XI_LIST(&f, 1))
                                     : contrib_beam_scalar(&f, XINF_FLOAT32, 1);
    b.eos = contrib_beam_scalar(&f, XINF_INT64, (double)xi_node_int(n, "eos_token_id", 0));
    b.pad = contrib_beam_scalar(&f, XINF_INT64, (double)xi_node_int(n, "pad_token_id", 0));
    b.batch = xi_formula_size(&f, ids, 0);
    xi_value *start = contrib_beam_scalar(&f, XINF_INT64,
                                          (double)xi_node_int(n, "decoder_start_token_id", -1));
    xi_value *padding = XI_PUT(&f, "Equal", ids, XI_PUT(&f, "CastLike", b.pad, ids));
    xi_value *mask = XI_PUT(&f, "CastLike", XI_PUT(&f, "Not", padding), ids);
    xi_value *first = XI_PUT(&f, "Expand", XI_PUT(&f, "CastLike", start, ids),
                             contrib_beam_concat(&f, 0, b.batch, XI_LIST(&f, 1)));
    contrib_beam_begin(&f, &b, &s, start);
    contrib_beam_call(&f, g.encoder, (xi_value *const[]){ids, mask, first}, made);
    if (f.failed) return xi_onnx_no_memory(im);
    for (int32_t i = 0; i < 2 + 4 * b.layers; i++) made[i] = contrib_beam_repeat(&f, &b, made[i]);
    fixed[0] = contrib_beam_repeat(&f, &b, ids);
    fixed[1] = contrib_beam_repeat(&f, &b, mask);
    fixed[2] = made[1];
    contrib_beam_step(&f, &b, &s, made[0]);
    for (int32_t i = 0; i < 2 * b.layers; i++) {
        past[i] = contrib_beam_gather(&f, made[2 + i], s.from, 0);
        cross[i] = made[2 + 2 * b.layers + i];
    }
    contrib_beam_loop(&f, &b, &g, &s, fixed, past, cross);
    xi_value *length = xi_formula_size(&f, s.tokens, 1),
             *none = contrib_beam_scalar(&f, XINF_FLOAT32, -(double)INFINITY);
    xi_value *open = XI_PUT(&f, "Where", xi_formula_unsqueeze(&f, s.done, 1), none,
                            contrib_beam_score(&f, &b, s.scores, length));
    contrib_beam_keep(&f, &s, b.best, open, contrib_beam_filled(&f, &b, s.tokens, length));
    xi_formula_give(&f, 0, xi_formula_cast(&f, s.ended, XINF_INT32));
    xi_formula_give(&f, 1, s.ended_scores);
    return xi_formula_end(&f);
}

const xi_onnx_upgrade_row xi_onnx_upgrade_contrib_beam[] = {
    {"BeamSearch", 1, 1, contrib_beam_node},
    {NULL, 0, 0, NULL},
};
