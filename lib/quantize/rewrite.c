/* rewrite.c — integer weights behind DequantizeLinear, activations through DynamicQuantizeLinear.
 */
#include <math.h>
#include <stdio.h>

#include "base/allocator.h"
#include "base/checked.h"
#include "quantize/quantize.h"
#include "quantize/scale.h"

/* What a value became: looked up when another node reads it too. */
typedef struct rewrite_known {
    xi_value *weight, *activation;
    int32_t axis;
} rewrite_known;

typedef struct rewrite_state {
    xi_graph *graph;
    const xinf_quantize_options *options;
    xi_quantize_report *report;
    rewrite_known *known; /* per value id that stood in the graph at first */
    uint32_t known_count;
    xinf_error *err;
} rewrite_state;

/* A node's weights: which input, and along which axis outputs lie (channels) and are summed
 * (groups). */
typedef struct rewrite_site {
    int32_t input, channel_axis, sum_axis;
} rewrite_site;

static bool rewrite_site_of(const xi_node *n, rewrite_site *site)
{
    if (xi_node_is(n, "Conv"))
        *site = (rewrite_site){1, 0, 1};
    else if (xi_node_is(n, "Gemm"))
        *site = xi_node_int(n, "transB", 0) ? (rewrite_site){1, 0, 1} : (rewrite_site){1, 1, 0};
    else if (xi_node_is(n, "MatMul"))
        *site = (rewrite_site){1, -1, -2};
    else
        return false;
    const xi_value *w = xi_node_input(n, site->input);
    if (!w || !w->literal || w->literal->shape.rank < 2 || w->literal->count < 1) return false;
    if (site->channel_axis < 0) {
        site->channel_axis += w->literal->shape.rank;
        site->sum_axis += w->literal->shape.rank;
    }
    return true;
}

/* Operators that only a quantised model has. */
static bool rewrite_is_quantized(const xi_node *n)
{
    static const char *const names[] = {
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv",
        "QLinearMatMul",  "ConvInteger",      "MatMulInteger"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (xi_node_is(n, names[i])) return true;
    return false;
}

static bool rewrite_report(rewrite_state *s, const xi_node *n, const xi_literal *w, int32_t bits,
                           uint64_t after, double sqnr)
{
    xi_quantize_report *r = s->report;
    xi_str label = xi_node_label(n);
    xi_quantize_layer layer = {
        .name = xi_arena_strndup(s->graph->arena, label.ptr, label.len),
        .op = xi_arena_strndup(s->graph->arena, n->op_name.ptr, n->op_name.len),
        .bits = bits,
        .bytes_before = w->size,
        .bytes_after = after,
        .sqnr_db = sqnr};
    if (!layer.name || !layer.op ||
        !xi_grow(&r->alloc, (void **)&r->layers, &r->capacity, r->count + 1, sizeof *r->layers))
        return false;
    r->layers[r->count++] = layer;
    return true;
}

/* ---- weights ---- */

/* The tensor as [outer][size][inner] around one axis, its scales as [outer'][groups][inner'] with
 * outer' and inner' 1 when shared. */
typedef struct rewrite_grid {
    int64_t outer, size, inner, block, groups;
    bool along; /* groups along the axis, one scale for each position beside it; else one scale for
                   each index of the axis */
    int32_t axis;
    xi_shape scales;
} rewrite_grid;

static rewrite_grid rewrite_grid_of(const rewrite_state *s, const xi_node *n,
                                    const rewrite_site *site, const xi_shape *shape)
{
    xinf_quantize_method method = s->options->method;
    /* Groups along a convolution's kernel would cut through positions: channels are the finest
     * there. */
    bool groups = method == XINF_QUANTIZE_PER_GROUP && !xi_node_is(n, "Conv");
    rewrite_grid g = {.outer = 1,
                      .inner = 1,
                      .axis = groups ? site->sum_axis : site->channel_axis,
                      .along = groups};
    for (int32_t i = 0; i < shape->rank; i++) {
        if (i < g.axis) g.outer *= shape->dim[i];
        if (i > g.axis) g.inner *= shape->dim[i];
    }
    g.size = shape->dim[g.axis];
    if (method == XINF_QUANTIZE_PER_TENSOR) {
        g = (rewrite_grid){.outer = 1,
                           .size = 1,
                           .inner = g.outer * g.size * g.inner,
                           .block = 1,
                           .groups = 1,
                           .axis = -1};
        g.scales = xi_shape_of(0, NULL);
        return g;
    }
    g.block = groups ? s->options->group_size : 1;
    g.groups = (g.size + g.block - 1) / g.block;
    if (groups) {
        g.scales = *shape;
        g.scales.dim[g.axis] = g.groups;
    } else {
        g.scales = xi_shape_of(1, &g.size);
    }
    return g;
}

static int64_t rewrite_scale_count(const rewrite_grid *g)
{
    return g->along ? g->outer * g->groups * g->inner : g->groups;
}

/* The weights of scale number `index`. */
static xi_scale_set rewrite_set(const rewrite_grid *g, const xi_literal *w, int64_t index)
{
    const char *data = w->data;
    if (!g->along) /* every outer part has a run of `inner` elements of this channel */
        return (xi_scale_set){data + index * g->inner * 4, g->outer, g->inner,
                              g->size * g->inner * 4};
    int64_t inner = index % g->inner, group = index / g->inner % g->groups,
            outer = index / g->inner / g->groups;
    int64_t first = group * g->block,
            rows = g->size - first < g->block ? g->size - first : g->block;
    return (xi_scale_set){data + ((outer * g->size + first) * g->inner + inner) * 4, rows, 1,
                          g->inner * 4};
}

typedef struct rewrite_numbers {
    int8_t *q;
    float *scales;
    double error, power;
} rewrite_numbers;

static xinf_status rewrite_choose(rewrite_state *s, const xi_node *n, const xi_literal *w,
                                  const rewrite_grid *g, rewrite_numbers *out)
{
    int32_t bits = s->options->weight_bits;
    for (int64_t i = 0; i < rewrite_scale_count(g); i++) {
        double error, power;
        xi_scale_set set = rewrite_set(g, w, i);
        if (!xi_scale_search(&set, bits, &out->scales[i], &error, &power))
            return xi_fail(s->err, XINF_MALFORMED,
                           "node %.*s (%.*s): a weight is not a finite number",
                           XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name));
        out->error += error;
        out->power += power;
        for (int64_t run = 0; run < set.count; run++)
            for (int64_t k = 0; k < set.run; k++) {
                float v;
                const char *at = set.data + run * set.stride + k * 4;
                memcpy(&v, at, sizeof v);
                out->q[(at - (const char *)w->data) / 4] = (int8_t)xi_scale_round(v, out->scales[i],
                                                                                  bits);
            }
    }
    return XINF_OK;
}

/* NAME + suffix in the arena; empty when memory ends, which the values that need it will say. */
static xi_str rewrite_name(rewrite_state *s, xi_str name, const char *suffix)
{
    size_t tail = strlen(suffix);
    char *text = xi_arena_alloc(s->graph->arena, name.len + tail + 1);
    if (!text) return (xi_str){0};
    if (name.len) memcpy(text, name.ptr, name.len);
    memcpy(text + name.len, suffix, tail + 1);
    return (xi_str){text, name.len + tail};
}

/* A DequantizeLinear of the integers in place of the weight. */
static xi_value *rewrite_weight_node(rewrite_state *s, xi_node *before, const xi_value *w,
                                     const rewrite_grid *g, const rewrite_numbers *numbers)
{
    xi_graph *graph = s->graph;
    xinf_dtype dtype = s->options->weight_bits <= 4 ? XINF_INT4 : XINF_INT8;
    const xi_literal *q = xi_graph_literal(graph, dtype, &w->literal->shape, numbers->q);
    const xi_literal *scales = xi_graph_literal(graph, XINF_FLOAT32, &g->scales, numbers->scales);
    xi_value *qv = q ? xi_graph_add_constant(graph, rewrite_name(s, w->name, "_quantized"), q)
                     : NULL;
    xi_value *sv = scales ? xi_graph_add_constant(graph, rewrite_name(s, w->name, "_scale"), scales)
                          : NULL;
    xi_node *n = qv && sv ? xi_graph_add_node(graph, before, xi_str_of(""),
                                              xi_str_of("DequantizeLinear"),
                                              rewrite_name(s, w->name, "_dequantize"), 2, 1, 2)
                          : NULL;
    if (!n) return NULL;
    n->inputs[0] = qv;
    n->inputs[1] = sv;
    if (g->axis >= 0) xi_node_set_int(n, "axis", g->axis);
    if (g->along) xi_node_set_int(n, "block_size", g->block);
    return xi_node_new_output(n, 0);
}

static xinf_status rewrite_weight(rewrite_state *s, xi_node *n, const rewrite_site *site)
{
    xinf_status status;
    const xi_value *w = n->inputs[site->input];
    const xi_literal *l = w->literal;
    rewrite_grid g = rewrite_grid_of(s, n, site, &l->shape);
    rewrite_known *known = w->id < s->known_count ? &s->known[w->id] : NULL;
    uint64_t after = ((uint64_t)l->count * (s->options->weight_bits <= 4 ? 4 : 8) + 7) / 8 +
                     (uint64_t)rewrite_scale_count(&g) * 4;
    const xinf_allocator *a = &s->report->alloc;
    size_t scale_bytes = (size_t)rewrite_scale_count(&g) * sizeof(float);
    rewrite_numbers numbers = {.q = xi_alloc(a, (size_t)l->count),
                               .scales = xi_alloc(a, scale_bytes)};
    if (known && known->weight && known->axis == g.axis) {
        n->inputs[site->input] = known->weight;
        status = XINF_OK;
        goto cleanup;
    }
    if (!numbers.q || !numbers.scales) XI_TRY(xi_fail_memory(s->err, (size_t)l->count));
    XI_TRY(rewrite_choose(s, n, l, &g, &numbers));
    xi_value *v = rewrite_weight_node(s, n, w, &g, &numbers);
    double sqnr = numbers.error > 0 ? 10 * log10(numbers.power / numbers.error) : INFINITY;
    if (!v || !rewrite_report(s, n, l, s->options->weight_bits, after, sqnr))
        XI_TRY(xi_fail_memory(s->err, (size_t)l->count));
    n->inputs[site->input] = v;
    if (known) *known = (rewrite_known){v, known->activation, g.axis};
cleanup:
    xi_free(a, numbers.q, (size_t)l->count);
    xi_free(a, numbers.scales, scale_bytes);
    return status;
}

/* ---- activations ---- */

/* x through 8 bits, scale and zero point found anew in each run; made once for all its readers in
 * this graph. */
static xinf_status rewrite_activation(rewrite_state *s, xi_node *n)
{
    xi_value *x = n->inputs[0];
    rewrite_known *known = x->id < s->known_count ? &s->known[x->id] : NULL;
    if (x->literal || x->type.dtype != XINF_FLOAT32) return XINF_OK;
    if (!known || !known->activation) {
        xi_node *q = xi_graph_add_node(s->graph, n, xi_str_of(""),
                                       xi_str_of("DynamicQuantizeLinear"),
                                       rewrite_name(s, x->name, "_quantize"), 1, 3, 0);
        xi_node *d = q ? xi_graph_add_node(s->graph, n, xi_str_of(""),
                                           xi_str_of("DequantizeLinear"),
                                           rewrite_name(s, x->name, "_dequantize"), 3, 1, 0)
                       : NULL;
        if (!d) return xi_fail_memory(s->err, sizeof *d);
        q->inputs[0] = x;
        for (int32_t i = 0; i < 3; i++)
            if (!(d->inputs[i] = xi_node_new_output(q, i)))
                return xi_fail_memory(s->err, sizeof *x);
        xi_value *y = xi_node_new_output(d, 0);
        if (!y) return xi_fail_memory(s->err, sizeof *y);
        if (!known) {
            n->inputs[0] = y;
            return XINF_OK;
        }
        known->activation = y;
    }
    n->inputs[0] = known->activation;
    return XINF_OK;
}

/* ---- the graph ---- */

static xinf_status rewrite_node(rewrite_state *s, xi_node *n)
{
    rewrite_site site;
    if (rewrite_is_quantized(n))
        return xi_fail(s->err, XINF_INVALID_ARGUMENT,
                       "the model is quantised already: node %.*s (%.*s)",
                       XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name));
    if (!rewrite_site_of(n, &site)) return XINF_OK;
    const xi_literal *w = n->inputs[site.input]->literal;
    if (w->dtype != XINF_FLOAT32 || (uint64_t)w->count < s->options->min_weights)
        return rewrite_report(s, n, w, (int32_t)xinf_dtype_size(w->dtype) * 8, w->size, INFINITY)
                   ? XINF_OK
                   : xi_fail_memory(s->err, 1);
    xinf_status status = rewrite_weight(s, n, &site);
    if (status == XINF_OK && s->options->activation_bits == 8) status = rewrite_activation(s, n);
    return status;
}

static xinf_status rewrite_graph(xi_graph *g, const xinf_quantize_options *options,
                                 xi_quantize_report *report, xinf_error *err)
{
    xinf_status status = XINF_OK;
    uint32_t count = g->family->next_value;
    rewrite_state s = {
        .graph = g, .options = options, .report = report, .known_count = count, .err = err};
    s.known = xi_calloc(&report->alloc, (size_t)count + 1, sizeof *s.known);
    if (!s.known) return xi_fail_memory(err, ((size_t)count + 1) * sizeof *s.known);
    for (xi_node *n = g->first, *next; n; n = next) {
        next = n->next;
        XI_TRY(rewrite_node(&s, n));
        for (int32_t a = 0; a < n->attr_count; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH)
                XI_TRY(rewrite_graph(n->attrs[a].graph, options, report, err));
    }
cleanup:
    xi_free(&report->alloc, s.known, ((size_t)count + 1) * sizeof *s.known);
    return status;
}

xinf_status xi_quantize_graph(xi_graph *g, const xinf_quantize_options *options,
                              xi_quantize_report *report, xinf_error *err)
{
    xinf_status status;
    bool any = false;
    XI_TRY(rewrite_graph(g, options, report, err));
    for (size_t i = 0; i < report->count; i++)
        any = any || report->layers[i].bits == options->weight_bits;
    if (!any)
        XI_TRY(xi_fail(err, XINF_UNSUPPORTED,
                       "there is nothing to quantise: no Conv, Gemm or MatMul with float32 weights "
                       "of %llu elements or more",
                       (unsigned long long)options->min_weights));
    XI_TRY(xi_graph_verify(g, err));
    XI_TRY(xi_graph_infer(g, err));
cleanup:
    return status;
}

void xi_quantize_report_free(xi_quantize_report *r)
{
    xi_free(&r->alloc, r->layers, r->capacity * sizeof *r->layers);
    r->layers = NULL;
    r->count = r->capacity = 0;
}
