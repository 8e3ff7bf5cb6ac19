/* fused.c — the operators of domain "xinf" that passes make (docs/operators.md): shape rules, and
 * the way back to ONNX. */
#include "graph/op/activation.h"
#include "graph/op/dtypes.h"
#include "graph/op/window.h"

extern const xi_op xi_ops_fused[];

#define FUSED_FLOATS (XI_DTYPES_FLOAT & ~XI_DTYPE_BIT(XINF_FLOAT64))

/* All inputs have one float type of at most 32 bits; *out is it. */
static xinf_status fused_dtype(xi_infer *c, xinf_dtype *out)
{
    xinf_status status = XINF_OK;
    *out = XINF_UNDEFINED;
    for (int32_t i = 0; i < c->input_count; i++) {
        xinf_dtype d = xi_infer_dtype(c, i);
        if (d == XINF_UNDEFINED) continue;
        XI_TRY(xi_infer_among(c, i, FUSED_FLOATS));
        if (*out != XINF_UNDEFINED && *out != d)
            return xi_infer_fail(c, "input %d is %s, another one %s", (int)i, xinf_dtype_name(d),
                                 xinf_dtype_name(*out));
        *out = d;
    }
cleanup:
    return status;
}

/* Known dimensions must agree; *into takes what is known. */
static xinf_status fused_meet(xi_infer *c, int64_t *into, int64_t dim, const char *what)
{
    if (*into >= 0 && dim >= 0 && *into != dim)
        return xi_infer_fail(c, "%s: %lld and %lld", what, (long long)*into, (long long)dim);
    if (*into == XI_DIM_UNKNOWN || dim >= 0) *into = dim;
    return XINF_OK;
}

/* Input i, when there, may be broadcast to `shape` but may not make it larger. */
static xinf_status fused_fits(xi_infer *c, int32_t i, const xi_shape *shape)
{
    const xi_type *t = xi_infer_in(c, i);
    char a[160], b[160];
    if (!t || t->shape.rank < 0 || shape->rank < 0) return XINF_OK;
    bool fits = t->shape.rank <= shape->rank;
    for (int32_t k = 0; fits && k < t->shape.rank; k++) {
        int64_t have = t->shape.dim[t->shape.rank - 1 - k], want = shape->dim[shape->rank - 1 - k];
        fits = have < 0 || have == 1 || want < 0 || have == want;
    }
    if (fits) return XINF_OK;
    return xi_infer_fail(c, "input %d of shape %s does not fit %s", (int)i,
                         xi_shape_text(&t->shape, a, sizeof a), xi_shape_text(shape, b, sizeof b));
}

/* ---- FusedConv ---- */

static xinf_status fused_conv_channels(xi_infer *c, const xi_shape *x, const xi_shape *w)
{
    int64_t group = xi_node_int(c->node, "group", 1), features = w->dim[0];
    if (group < 1) return xi_infer_fail(c, "group is %lld", (long long)group);
    if (w->dim[0] >= 0 && w->dim[0] % group != 0)
        return xi_infer_fail(c, "group %lld does not divide %lld features", (long long)group,
                             (long long)w->dim[0]);
    if (x->dim[1] >= 0 &&
        (x->dim[1] % group != 0 || (w->dim[1] >= 0 && x->dim[1] / group != w->dim[1])))
        return xi_infer_fail(c, "%lld channels in %lld groups do not fit a weight of %lld channels",
                             (long long)x->dim[1], (long long)group, (long long)w->dim[1]);
    const xi_type *b = xi_infer_in(c, 2);
    if (!b || b->shape.rank < 0) return XINF_OK;
    if (b->shape.rank != 1) return xi_infer_fail(c, "the bias has rank %d", (int)b->shape.rank);
    return fused_meet(c, &features, b->shape.dim[0], "features of weight and bias differ");
}

static xinf_status fused_conv_infer(xi_infer *c)
{
    xinf_status status;
    xinf_dtype dtype;
    xi_activation act;
    xi_window window;
    const xi_shape *x = &c->in[0]->shape, *w = &c->in[1]->shape;
    xi_shape out = XI_SHAPE_UNKNOWN;
    XI_TRY(fused_dtype(c, &dtype));
    XI_TRY(xi_activation_read(&act, c->node, c->err));
    if (x->rank >= 0 && w->rank >= 0) {
        if (x->rank < 3 || x->rank != w->rank)
            return xi_infer_fail(c, "the input has rank %d, the weight %d", (int)x->rank,
                                 (int)w->rank);
        XI_TRY(xi_window_resolve(&window, c->node, x, w->dim + 2, c->err));
        XI_TRY(fused_conv_channels(c, x, w));
        out.rank = x->rank;
        out.dim[0] = x->dim[0];
        out.dim[1] = w->dim[0];
        for (int32_t i = 0; i < window.rank; i++) out.dim[i + 2] = window.out[i];
    }
    const xi_type *r = xi_infer_in(c, 3);
    if (r && r->shape.rank >= 0 && out.rank >= 0) {
        if (r->shape.rank != out.rank)
            return xi_infer_fail(c, "the residual has rank %d", (int)r->shape.rank);
        for (int32_t i = 0; i < out.rank; i++)
            XI_TRY(
                fused_meet(c, &out.dim[i], r->shape.dim[i], "sizes of output and residual differ"));
    }
    xi_infer_set(c, 0, dtype, &out);
cleanup:
    return status;
}

/* ---- FusedMatMul ---- */

/* One operand as [batch…, rows, columns] after its transposition; false when the rank is not known.
 */
static bool fused_matrix(const xi_type *t, bool trans, xi_shape *out)
{
    if (t->shape.rank < 0) return false;
    *out = t->shape;
    if (!trans || out->rank < 2) return true;
    out->dim[out->rank - 2] = t->shape.dim[out->rank - 1];
    out->dim[out->rank - 1] = t->shape.dim[out->rank - 2];
    return true;
}

static xinf_status fused_matmul_shape(xi_infer *c, xi_shape *out)
{
    xi_shape a, b, batch_a, batch_b;
    if (!fused_matrix(c->in[0], xi_node_int(c->node, "transA", 0) != 0, &a) ||
        !fused_matrix(c->in[1], xi_node_int(c->node, "transB", 0) != 0, &b))
        return XINF_OK;
    if (a.rank < 2 || b.rank < 2)
        return xi_infer_fail(c, "ranks %d and %d; 2 at least", (int)a.rank, (int)b.rank);
    int64_t depth = a.dim[a.rank - 1];
    xinf_status status = fused_meet(c, &depth, b.dim[b.rank - 2],
                                    "columns of A and rows of B differ");
    if (status) return status;
    batch_a = xi_shape_of(a.rank - 2, a.dim);
    batch_b = xi_shape_of(b.rank - 2, b.dim);
    if (!xi_shape_broadcast(&batch_a, &batch_b, out))
        return xi_infer_fail(c, "the batches of A and B do not broadcast");
    out->dim[out->rank++] = a.dim[a.rank - 2];
    out->dim[out->rank++] = b.dim[b.rank - 1];
    return XINF_OK;
}

static xinf_status fused_matmul_infer(xi_infer *c)
{
    xinf_status status;
    xinf_dtype dtype;
    xi_activation act;
    xi_shape out = XI_SHAPE_UNKNOWN;
    XI_TRY(fused_dtype(c, &dtype));
    XI_TRY(xi_activation_read(&act, c->node, c->err));
    XI_TRY(fused_matmul_shape(c, &out));
    XI_TRY(fused_fits(c, 2, &out));
    XI_TRY(fused_fits(c, 3, &out));
    xi_infer_set(c, 0, dtype, &out);
cleanup:
    return status;
}

/* ---- Attention ---- */

static xinf_status fused_attention_infer(xi_infer *c)
{
    xinf_status status;
    xinf_dtype dtype;
    const xi_shape *q = &c->in[0]->shape, *k = &c->in[1]->shape, *v = &c->in[2]->shape;
    xi_shape out = XI_SHAPE_UNKNOWN;
    int32_t across = xi_node_int(c->node, "k_transposed", 0)
                         ? 3
                         : 2; /* the axis of K that runs over positions */
    XI_TRY(fused_dtype(c, &dtype));
    for (int32_t i = 0; i < 3; i++)
        if (xi_infer_rank(c, i) >= 0 && xi_infer_rank(c, i) != 4)
            return xi_infer_fail(c, "input %d has rank %d, not 4", (int)i,
                                 (int)xi_infer_rank(c, i));
    int64_t batch = -1, heads = -1, keys = -1, depth = -1;
    const xi_shape *all[3] = {q, k, v};
    for (int32_t i = 0; i < 3; i++) {
        if (all[i]->rank < 0) continue;
        XI_TRY(fused_meet(c, &batch, all[i]->dim[0], "batches differ"));
        XI_TRY(fused_meet(c, &heads, all[i]->dim[1], "heads differ"));
    }
    if (q->rank >= 0) depth = q->dim[3];
    if (k->rank >= 0) {
        XI_TRY(fused_meet(c, &depth, k->dim[5 - across], "widths of Q and K differ"));
        keys = k->dim[across];
    }
    if (v->rank >= 0) XI_TRY(fused_meet(c, &keys, v->dim[2], "lengths of K and V differ"));
    out.rank = 4;
    out.dim[0] = batch;
    out.dim[1] = heads;
    out.dim[2] = q->rank >= 0 ? q->dim[2] : -1;
    out.dim[3] = keys;
    XI_TRY(fused_fits(c, 3, &out));
    out.dim[3] = v->rank >= 0 ? v->dim[3] : -1;
    xi_infer_set(c, 0, dtype, &out);
cleanup:
    return status;
}

/* ---- SkipLayerNormalization ---- */

static xinf_status fused_skip_norm_infer(xi_infer *c)
{
    xinf_status status;
    xinf_dtype dtype;
    xi_shape shape = c->in[0]->shape;
    XI_TRY(fused_dtype(c, &dtype));
    const xi_shape *skip = &c->in[1]->shape;
    if (shape.rank < 0) shape = *skip;
    if (shape.rank == 0) return xi_infer_fail(c, "the input has rank 0");
    if (skip->rank >= 0) {
        if (skip->rank != shape.rank)
            return xi_infer_fail(c, "ranks %d and %d differ", (int)shape.rank, (int)skip->rank);
        for (int32_t i = 0; i < shape.rank; i++)
            XI_TRY(fused_meet(c, &shape.dim[i], skip->dim[i], "sizes of input and skip differ"));
    }
    for (int32_t i = 2; i < c->input_count; i++) {
        const xi_type *t = xi_infer_in(c, i);
        if (!t || t->shape.rank < 0) continue;
        if (t->shape.rank != 1)
            return xi_infer_fail(c, "input %d has rank %d, not 1", (int)i, (int)t->shape.rank);
        if (shape.rank > 0)
            XI_TRY(fused_meet(c, &shape.dim[shape.rank - 1], t->shape.dim[0],
                              "widths of input and scale or bias differ"));
    }
    xi_infer_set(c, 0, dtype, &shape);
    xi_infer_set(c, 1, dtype, &shape);
cleanup:
    return status;
}

/* ---- back to ONNX ---- */

/* A standard node before n, of up to two inputs, with a fresh output of n's element type. NULL when
 * memory ends. */
static xi_node *fused_standard(xi_node *n, const char *op, xi_value *a, xi_value *b, int32_t attrs)
{
    xi_node *m = a ? xi_graph_add_node(n->graph, n, XI_STR(""), xi_str_of(op), XI_STR(""),
                                       b ? 2 : 1, 1, attrs)
                   : NULL;
    if (!m) return NULL;
    m->inputs[0] = a;
    if (b) m->inputs[1] = b;
    xi_value *v = xi_node_new_output(m, 0);
    if (!v) return NULL;
    if (n->outputs[0]) v->type.dtype = n->outputs[0]->type.dtype;
    return m;
}

static xi_value *fused_value(xi_node *m)
{
    return m ? m->outputs[0] : NULL;
}

/* A scalar constant of the element type of `like`. */
static xi_value *fused_scalar(xi_node *n, const xi_value *like, float value)
{
    uint64_t bits = 0;
    xi_shape shape = XI_SHAPE_SCALAR;
    xinf_dtype dtype = like->type.dtype == XINF_UNDEFINED ? XINF_FLOAT32 : like->type.dtype;
    xi_dtype_store_f64(&bits, dtype, 0, value);
    xi_literal *l = xi_graph_literal(n->graph, dtype, &shape, &bits);
    return l ? xi_graph_add_constant(n->graph, XI_STR(""), l) : NULL;
}

/* x + b when b is there. */
static xi_value *fused_plus(xi_node *n, xi_value *x, xi_value *b)
{
    return b && x ? fused_value(fused_standard(n, "Add", x, b, 0)) : x;
}

static xi_value *fused_clip(xi_node *n, xi_value *x, const xi_activation *a)
{
    xi_value *low = fused_scalar(n, n->inputs[0], a->alpha),
             *high = fused_scalar(n, n->inputs[0], a->beta);
    xi_node *m = low && high ? xi_graph_add_node(n->graph, n, XI_STR(""), XI_STR("Clip"),
                                                 XI_STR(""), 3, 1, 0)
                             : NULL;
    if (!m) return NULL;
    m->inputs[0] = x;
    m->inputs[1] = low;
    m->inputs[2] = high;
    return xi_node_new_output(m, 0);
}

static xi_value *fused_activate(xi_node *n, xi_value *x, const xi_activation *a)
{
    if (!x || a->kind == XI_ACTIVATION_NONE) return x;
    if (a->kind == XI_ACTIVATION_CLIP) return fused_clip(n, x, a);
    bool tanh = a->kind == XI_ACTIVATION_GELU_TANH;
    xi_node *m = fused_standard(n, tanh ? "Gelu" : xi_activation_name((xi_activation_kind)a->kind),
                                x, NULL, 2);
    int32_t params = 0;
    xi_activation defaults;
    if (!m) return NULL;
    if (tanh) xi_node_set_string(m, "approximate", XI_STR("tanh"));
    xi_activation_find(&defaults, xi_str_of(xi_activation_name((xi_activation_kind)a->kind)),
                       &params);
    if (params > 0) xi_node_set_float(m, "alpha", a->alpha);
    if (params > 1) xi_node_set_float(m, "beta", a->beta);
    return m->outputs[0];
}

/* The node that computes `last` takes over output `index` of n. */
static bool fused_take_over(xi_node *n, int32_t index, xi_value *last)
{
    if (!last || !last->producer) return false;
    if (index < n->output_count && n->outputs[index]) {
        xi_value *own = n->outputs[index];
        xi_node *m = last->producer;
        for (xi_node *k = m->next; k && k != n; k = k->next) /* those that already read it */
            for (int32_t i = 0; i < k->input_count; i++)
                if (k->inputs[i] == last) k->inputs[i] = own;
        xi_node_set_output(m, last->producer_output, own);
    }
    return true;
}

static xinf_status fused_finish(xi_node *n, bool done, xinf_error *err)
{
    if (!done) return xi_fail_memory(err, sizeof(xi_node));
    xi_node_remove(n);
    return XINF_OK;
}

static xinf_status fused_conv_expand(xi_node *n, xinf_error *err)
{
    xi_activation act;
    xinf_status status = xi_activation_read(&act, n, err);
    if (status) return status;
    xi_value *bias = xi_node_input(n, 2);
    xi_node *conv = xi_graph_add_node(n->graph, n, XI_STR(""), XI_STR("Conv"), n->name,
                                      bias ? 3 : 2, 1, n->attr_count);
    if (!conv) return xi_fail_memory(err, sizeof(xi_node));
    for (int32_t i = 0; i < conv->input_count; i++) conv->inputs[i] = n->inputs[i];
    for (int32_t i = 0; i < n->attr_count; i++)
        if (!xi_str_is(n->attrs[i].name, "activation") &&
            !xi_str_is(n->attrs[i].name, "activation_params"))
            conv->attrs[conv->attr_count++] = n->attrs[i];
    xi_value *v = xi_node_new_output(conv, 0);
    v = fused_activate(n, fused_plus(n, v, xi_node_input(n, 3)), &act);
    return fused_finish(n, fused_take_over(n, 0, v), err);
}

/* x with its last two axes exchanged. */
static xinf_status fused_swap(xi_value **out, xi_node *n, xi_value *x, xinf_error *err)
{
    int64_t perm[XI_MAX_RANK];
    int32_t rank = x->type.shape.rank;
    if (rank < 2)
        return xi_fail(err, XINF_UNSUPPORTED,
                       "node %.*s: the rank of an input to transpose is not known",
                       XI_STR_ARG(xi_node_label(n)));
    for (int32_t i = 0; i < rank; i++) perm[i] = i;
    perm[rank - 1] = rank - 2;
    perm[rank - 2] = rank - 1;
    xi_node *m = fused_standard(n, "Transpose", x, NULL, 1);
    if (!m || !xi_node_set_ints(m, "perm", perm, rank)) return xi_fail_memory(err, sizeof perm);
    *out = m->outputs[0];
    return XINF_OK;
}

static xinf_status fused_matmul_expand(xi_node *n, xinf_error *err)
{
    xinf_status status;
    xi_activation act;
    xi_value *a = n->inputs[0], *b = n->inputs[1];
    float alpha = xi_node_float(n, "alpha", 1);
    XI_TRY(xi_activation_read(&act, n, err));
    if (xi_node_int(n, "transA", 0)) XI_TRY(fused_swap(&a, n, a, err));
    if (xi_node_int(n, "transB", 0)) XI_TRY(fused_swap(&b, n, b, err));
    xi_value *v = fused_value(fused_standard(n, "MatMul", a, b, 0));
    if (alpha != 1)
        v = fused_value(fused_standard(n, "Mul", v, fused_scalar(n, n->inputs[0], alpha), 0));
    v = fused_plus(n, fused_plus(n, v, xi_node_input(n, 2)), xi_node_input(n, 3));
    return fused_finish(n, fused_take_over(n, 0, fused_activate(n, v, &act)), err);
cleanup:
    return status;
}

static xinf_status fused_attention_expand(xi_node *n, xinf_error *err)
{
    xinf_status status;
    xi_value *k = n->inputs[1];
    if (!xi_node_int(n, "k_transposed", 0)) XI_TRY(fused_swap(&k, n, k, err));
    xi_value *scale = fused_scalar(n, n->inputs[0], xi_node_float(n, "scale", 1));
    if (!scale) return xi_fail_memory(err, sizeof *scale);
    xi_value *v = fused_value(fused_standard(n, "MatMul", n->inputs[0], k, 0));
    v = fused_plus(n, fused_value(fused_standard(n, "Mul", v, scale, 0)), xi_node_input(n, 3));
    xi_node *softmax = fused_standard(n, "Softmax", v, NULL, 1);
    if (!softmax) return xi_fail_memory(err, sizeof *softmax);
    xi_node_set_int(softmax, "axis", -1);
    v = fused_value(fused_standard(n, "MatMul", softmax->outputs[0], n->inputs[2], 0));
    return fused_finish(n, fused_take_over(n, 0, v), err);
cleanup:
    return status;
}

static xinf_status fused_skip_norm_expand(xi_node *n, xinf_error *err)
{
    xi_value *bias = xi_node_input(n, 3);
    xi_value *sum = fused_plus(n,
                               fused_value(fused_standard(n, "Add", n->inputs[0], n->inputs[1], 0)),
                               xi_node_input(n, 4));
    xi_node *norm = sum ? xi_graph_add_node(n->graph, n, XI_STR(""), XI_STR("LayerNormalization"),
                                            n->name, bias ? 3 : 2, 1, 2)
                        : NULL;
    if (!norm) return xi_fail_memory(err, sizeof *norm);
    norm->inputs[0] = sum;
    norm->inputs[1] = n->inputs[2];
    if (bias) norm->inputs[2] = bias;
    xi_node_set_int(norm, "axis", -1);
    xi_node_set_float(norm, "epsilon", xi_node_float(n, "epsilon", 1e-5f));
    xi_value *v = xi_node_new_output(norm, 0);
    return fused_finish(n, v && fused_take_over(n, 1, sum) && fused_take_over(n, 0, v), err);
}

static const xi_attr_rule fused_conv_attrs[] = {{"activation", XI_ATTR_STRING, false},
                                                {"activation_params", XI_ATTR_FLOATS, false},
                                                {"auto_pad", XI_ATTR_STRING, false},
                                                {"dilations", XI_ATTR_INTS, false},
                                                {"group", XI_ATTR_INT, false},
                                                {"kernel_shape", XI_ATTR_INTS, false},
                                                {"pads", XI_ATTR_INTS, false},
                                                {"strides", XI_ATTR_INTS, false},
                                                {NULL}};
static const xi_attr_rule fused_matmul_attrs[] = {
    {"activation", XI_ATTR_STRING, false}, {"activation_params", XI_ATTR_FLOATS, false},
    {"alpha", XI_ATTR_FLOAT, false},       {"transA", XI_ATTR_INT, false},
    {"transB", XI_ATTR_INT, false},        {NULL}};
static const xi_attr_rule fused_attention_attrs[] = {
    {"k_transposed", XI_ATTR_INT, false}, {"scale", XI_ATTR_FLOAT, true}, {NULL}};
static const xi_attr_rule fused_skip_norm_attrs[] = {{"epsilon", XI_ATTR_FLOAT, false}, {NULL}};

const xi_op xi_ops_fused[] = {
    {.domain = "xinf",
     .name = "FusedConv",
     .min_inputs = 2,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = fused_conv_attrs,
     .infer = fused_conv_infer,
     .tolerance = 1e-5f,
     .expand = fused_conv_expand},
    {.domain = "xinf",
     .name = "FusedMatMul",
     .min_inputs = 2,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = fused_matmul_attrs,
     .infer = fused_matmul_infer,
     .tolerance = 1e-5f,
     .expand = fused_matmul_expand},
    {.domain = "xinf",
     .name = "Attention",
     .min_inputs = 3,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = fused_attention_attrs,
     .infer = fused_attention_infer,
     .tolerance = 1e-5f,
     .expand = fused_attention_expand},
    {.domain = "xinf",
     .name = "SkipLayerNormalization",
     .min_inputs = 3,
     .max_inputs = 5,
     .min_outputs = 1,
     .max_outputs = 2,
     .attrs = fused_skip_norm_attrs,
     .infer = fused_skip_norm_infer,
     .tolerance = 1e-5f,
     .expand = fused_skip_norm_expand},
    {0},
};

#undef FUSED_FLOATS
