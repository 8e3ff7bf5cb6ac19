/* rescale.c — new weights and biases are computed in float64 and rounded once. */
#include "passes/rescale.h"

#include <math.h>

#include "base/allocator.h"
#include "passes/match.h"

/* Where the channels of a weight lie: outer × channels × inner elements, in `group` such blocks
 * along the outermost axis. */
typedef struct rescale_weight {
    xi_value *weight, *bias; /* bias: NULL when there is none */
    int64_t groups, outer, channels, inner;
} rescale_weight;

/* y · scale + shift for every channel; the arrays have `count` entries. */
typedef struct rescale_affine {
    double *scale, *shift;
    int64_t count;
} rescale_affine;

static bool rescale_dtype(const xi_value *v, xinf_dtype d)
{
    return v && v->literal && v->literal->dtype == d &&
           (d == XINF_FLOAT32 || d == XINF_FLOAT16 || d == XINF_BFLOAT16 || d == XINF_FLOAT64);
}

static bool rescale_conv(rescale_weight *w, const xi_node *n, const xi_shape *s)
{
    int64_t group = xi_node_int(n, "group", 1), count;
    if (s->rank < 3 || group < 1 || !xi_shape_count(s, &count) || count == 0) return false;
    if (xi_node_is(n, "Conv")) {
        *w = (rescale_weight){
            .groups = 1, .outer = 1, .channels = s->dim[0], .inner = count / s->dim[0]};
        return true;
    }
    if (s->dim[0] % group) return false;
    *w = (rescale_weight){.groups = group,
                          .outer = s->dim[0] / group,
                          .channels = s->dim[1],
                          .inner = xi_shape_span(s, 2, s->rank)};
    return true;
}

static bool rescale_product(rescale_weight *w, const xi_node *n, const xi_shape *s)
{
    int64_t count;
    if (s->rank != 2 || !xi_shape_count(s, &count) || count == 0) return false;
    if (xi_node_int(n, "transB", 0))
        *w = (rescale_weight){.groups = 1, .outer = 1, .channels = s->dim[0], .inner = s->dim[1]};
    else
        *w = (rescale_weight){.groups = 1, .outer = s->dim[0], .channels = s->dim[1], .inner = 1};
    return true;
}

/* The weights of n, when all are constants of its dtype; channels of the result: groups · channels.
 */
static bool rescale_read(rescale_weight *w, const xi_node *n)
{
    xinf_dtype d = n->outputs[0]->type.dtype;
    if (!rescale_dtype(n->inputs[1], d) || n->inputs[1]->uses != 1)
        return false; /* shared weights would be multiplied */
    const xi_shape *s = &n->inputs[1]->literal->shape;
    bool gemm = xi_node_is(n, "Gemm");
    bool fits = xi_node_is(n, "Conv") || xi_node_is(n, "ConvTranspose") ? rescale_conv(w, n, s)
                                                                        : rescale_product(w, n, s);
    if (!fits || (gemm && xi_node_float(n, "beta", 1) != 1)) return false;
    w->weight = n->inputs[1];
    w->bias = xi_node_input(n, 2);
    if (!w->bias) return true;
    const xi_literal *l = w->bias->literal;
    return rescale_dtype(w->bias, d) && l->shape.rank > 0 && l->count == w->groups * w->channels &&
           l->shape.dim[l->shape.rank - 1] == l->count;
}

/* An uninitialised literal of the shape of `like` (bias: of rank 1); its bytes are *data until it
 * is a constant. */
static xi_value *rescale_fresh(xi_graph *g, xinf_dtype dtype, const xi_shape *shape, xi_str name,
                               char **data)
{
    size_t size;
    if (xi_tensor_bytes(dtype, shape, &size, NULL) != XINF_OK) return NULL;
    xi_literal *l = xi_arena_alloc(g->arena, sizeof *l);
    *data = l ? xi_arena_alloc(g->arena, size) : NULL;
    if (!*data) return NULL;
    *l = (xi_literal){.dtype = dtype, .shape = *shape, .data = *data, .size = size};
    xi_shape_count(shape, &l->count);
    return xi_graph_add_constant(g, name, l);
}

static void rescale_span(char *dst, const xi_literal *src, int64_t at, int64_t count, double scale)
{
    if (src->dtype != XINF_FLOAT32) {
        for (int64_t i = at; i < at + count; i++)
            xi_dtype_store_f64(dst, src->dtype, i, xi_match_load(src, i) * scale);
        return;
    }
    const char *bytes = src->data;
    float *out = (float *)(void *)dst;
    for (int64_t i = at; i < at + count; i++) {
        float v;
        memcpy(&v, bytes + i * 4, 4);
        out[i] = (float)(v * scale);
    }
}

static xi_value *rescale_weights(xi_graph *g, const rescale_weight *w, const rescale_affine *a)
{
    const xi_literal *l = w->weight->literal;
    char *data;
    xi_value *v = rescale_fresh(g, l->dtype, &l->shape, w->weight->name, &data);
    int64_t at = 0;
    if (!v) return NULL;
    for (int64_t k = 0; k < w->groups; k++)
        for (int64_t o = 0; o < w->outer; o++)
            for (int64_t c = 0; c < w->channels; c++, at += w->inner)
                rescale_span(data, l, at, w->inner, a->scale[k * w->channels + c]);
    return v;
}

static xi_value *rescale_bias(xi_graph *g, const rescale_weight *w, const rescale_affine *a)
{
    const xi_literal *l = w->bias ? w->bias->literal : NULL;
    xinf_dtype dtype = w->weight->literal->dtype;
    xi_shape shape = {.rank = 1, .dim = {a->count}};
    char *data;
    xi_value *v = rescale_fresh(g, dtype, l ? &l->shape : &shape,
                                w->bias ? w->bias->name : XI_STR(""), &data);
    if (!v) return NULL;
    for (int64_t i = 0; i < a->count; i++)
        xi_dtype_store_f64(data, dtype, i,
                           (l ? xi_match_load(l, i) : 0) * a->scale[i] + a->shift[i]);
    return v;
}

static bool rescale_affine_make(rescale_affine *a, const xinf_allocator *alloc, int64_t count)
{
    *a = (rescale_affine){.scale = xi_calloc(alloc, (size_t)count * 2, sizeof(double)),
                          .count = count};
    if (a->scale) a->shift = a->scale + count;
    return a->scale != NULL;
}

static void rescale_affine_free(rescale_affine *a, const xinf_allocator *alloc)
{
    xi_free(alloc, a->scale, (size_t)a->count * 2 * sizeof(double));
}

static bool rescale_affine_finite(const rescale_affine *a)
{
    for (int64_t i = 0; i < a->count; i++)
        if (!isfinite(a->scale[i]) || !isfinite(a->shift[i])) return false;
    return true;
}

/* n again with other weights, giving what `value` is; put before n. with_bias: even where there was
 * none. */
static xinf_status rescale_put(xi_pass_context *c, xi_node *n, const rescale_weight *w,
                               const rescale_affine *a, bool with_bias, xi_value *value)
{
    xi_value *inputs[4] = {n->inputs[0], rescale_weights(n->graph, w, a), NULL,
                           xi_node_input(n, 3)};
    if (inputs[1] && (with_bias || w->bias)) inputs[2] = rescale_bias(n->graph, w, a);
    if (!inputs[1] || ((with_bias || w->bias) && !inputs[2]))
        return xi_fail_memory(c->err, w->weight->literal->size);
    xi_node *m = xi_match_node(n, n->domain, n->op->name, n->name, inputs, 4, 1, n->attr_count);
    if (!m) return xi_fail_memory(c->err, sizeof *m);
    memcpy(m->attrs, n->attrs, (size_t)n->attr_count * sizeof *m->attrs);
    m->attr_count = n->attr_count;
    xi_match_take(m, 0, value);
    c->changes++;
    return XINF_OK;
}

/* ---- batch normalization ---- */

static xi_node *rescale_before(const xi_node *n)
{
    static const char *const ops[] = {"Conv", "ConvTranspose", "Gemm"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        xi_node *m = xi_match_single(n->inputs[0]) ? xi_match_from(n->inputs[0], n->graph, ops[i])
                                                   : NULL;
        if (m) return m;
    }
    return NULL;
}

static bool rescale_normalization(rescale_affine *a, const xi_node *n)
{
    float epsilon = xi_node_float(n, "epsilon", 1e-5f);
    for (int32_t i = 1; i < 5; i++)
        if (!n->inputs[i]->literal || n->inputs[i]->literal->count != a->count ||
            n->inputs[i]->literal->dtype != n->outputs[0]->type.dtype)
            return false;
    for (int64_t i = 0; i < a->count; i++) {
        a->scale[i] = xi_match_load(n->inputs[1]->literal, i) /
                      sqrt(xi_match_load(n->inputs[4]->literal, i) + epsilon);
        a->shift[i] = xi_match_load(n->inputs[2]->literal, i) -
                      xi_match_load(n->inputs[3]->literal, i) * a->scale[i];
    }
    return rescale_affine_finite(a);
}

static xinf_status rescale_batchnorm(xi_pass_context *c, xi_node *n)
{
    rescale_weight w;
    rescale_affine a;
    xinf_status status = XINF_OK;
    if (!xi_match_is(n, "BatchNormalization") || !n->outputs[0] ||
        xi_node_int(n, "training_mode", 0))
        return XINF_OK;
    for (int32_t i = 1; i < n->output_count; i++)
        if (n->outputs[i] && n->outputs[i]->uses) return XINF_OK;
    xi_node *m = rescale_before(n);
    if (!m || !rescale_read(&w, m)) return XINF_OK;
    const xinf_allocator *alloc = &n->graph->arena->alloc;
    if (!rescale_affine_make(&a, alloc, w.groups * w.channels))
        return xi_fail_memory(c->err, (size_t)w.channels);
    if (rescale_normalization(&a, n)) {
        status = rescale_put(c, m, &w, &a, true, n->outputs[0]);
        if (status == XINF_OK) xi_match_remove(n);
    }
    rescale_affine_free(&a, alloc);
    return status;
}

xinf_status xi_pass_batchnorm(xi_pass_context *c)
{
    return xi_match_each(c, rescale_batchnorm);
}

/* ---- a constant scale ---- */

/* The product or convolution before v, perhaps behind one Transpose; *axis: its channel axis as v
 * has it. */
static xi_node *rescale_source(xi_value *v, const xi_graph *g, xi_node **transpose, int32_t *axis)
{
    const int64_t *perm;
    *transpose = NULL;
    if (!xi_match_single(v)) return NULL;
    xi_node *conv = xi_match_from(v, g, "Conv");
    *axis = 1;
    if (conv) return conv;
    *transpose = xi_match_from(v, g, "Transpose");
    int32_t rank = v->type.shape.rank;
    *axis = rank - 1;
    if (*transpose) {
        if (rank < 1 || xi_node_ints(*transpose, "perm", &perm) != rank) return NULL;
        for (int32_t i = 0; i < rank; i++)
            if (perm[i] == rank - 1) *axis = i;
        v = (*transpose)->inputs[0];
        if (!xi_match_single(v)) return NULL;
    }
    xi_node *product = xi_match_from_own(v, g, "FusedMatMul");
    if (!product) product = xi_match_from(v, g, "MatMul");
    return product && !xi_node_input(product, 3) && !xi_node_has(product, "activation") ? product
                                                                                        : NULL;
}

static xinf_status rescale_scale(xi_pass_context *c, xi_node *n)
{
    rescale_weight w;
    rescale_affine a;
    xi_node *transpose;
    int32_t axis;
    if (!xi_match_is(n, "Mul") || !n->outputs[0]) return XINF_OK;
    for (int32_t i = 0; i < 2; i++) {
        xi_value *v = n->inputs[i], *factor = n->inputs[1 - i];
        xi_node *m = factor->literal ? rescale_source(v, n->graph, &transpose, &axis) : NULL;
        if (!m || !rescale_read(&w, m) || !rescale_dtype(factor, n->outputs[0]->type.dtype) ||
            v->type.dtype != n->outputs[0]->type.dtype)
            continue;
        if (!xi_match_along(factor, v->type.shape.rank, axis, w.channels)) continue;
        const xinf_allocator *alloc = &n->graph->arena->alloc;
        if (!rescale_affine_make(&a, alloc, w.channels))
            return xi_fail_memory(c->err, (size_t)w.channels);
        for (int64_t k = 0; k < w.channels; k++) a.scale[k] = xi_match_load(factor->literal, k);
        bool finite = rescale_affine_finite(&a);
        xi_value *last = n->outputs[0], *inner = transpose ? transpose->inputs[0] : last;
        xinf_status status = finite ? rescale_put(c, m, &w, &a, false, inner) : XINF_OK;
        rescale_affine_free(&a, alloc);
        if (!finite || status != XINF_OK) return status;
        if (transpose) xi_match_take(transpose, 0, last); /* it keeps its place before n */
        xi_match_remove(transpose ? m : n);
        if (transpose) xi_match_remove(n);
        return XINF_OK;
    }
    return XINF_OK;
}

xinf_status xi_pass_scale(xi_pass_context *c)
{
    return xi_match_each(c, rescale_scale);
}
