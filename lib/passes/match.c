/* match.c — asking about nodes and values; rewriting. */
#include "passes/match.h"

#include <math.h>

enum { MATCH_DEPTH = 16 };

static xinf_status match_graph(xi_pass_context *c, xi_graph *g,
                               xinf_status (*fn)(xi_pass_context *c, xi_node *n))
{
    xinf_status status = XINF_OK;
    for (xi_node *n = g->first, *next; n && status == XINF_OK; n = next) {
        next = n->next;
        for (int32_t a = 0; a < n->attr_count && status == XINF_OK; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) status = match_graph(c, n->attrs[a].graph, fn);
        if (status == XINF_OK && n->op && !n->refused) status = fn(c, n);
    }
    return status;
}

xinf_status xi_match_each(xi_pass_context *c, xinf_status (*fn)(xi_pass_context *c, xi_node *n))
{
    return match_graph(c, c->graph, fn);
}

bool xi_match_is(const xi_node *n, const char *op_name)
{
    return n && n->op && !n->refused && xi_node_is(n, op_name);
}

bool xi_match_is_own(const xi_node *n, const char *op_name)
{
    return n && n->op && !n->refused && xi_str_is(n->op_name, op_name) &&
           xi_str_is(n->domain, "xinf");
}

static xi_node *match_producer(const xi_value *v, const xi_graph *g)
{
    return v && v->producer && v->producer->graph == g && v->producer_output == 0 ? v->producer
                                                                                  : NULL;
}

xi_node *xi_match_from(const xi_value *v, const xi_graph *g, const char *op_name)
{
    xi_node *n = match_producer(v, g);
    return xi_match_is(n, op_name) ? n : NULL;
}

xi_node *xi_match_from_own(const xi_value *v, const xi_graph *g, const char *op_name)
{
    xi_node *n = match_producer(v, g);
    return xi_match_is_own(n, op_name) ? n : NULL;
}

bool xi_match_fusable(const xi_value *v)
{
    return v && v->type.kind == XINF_KIND_TENSOR && v->type.dtype == XINF_FLOAT32;
}

/* ---- shapes ---- */

bool xi_match_same_dim(int64_t a, int64_t b)
{
    return a == b && a != XI_DIM_UNKNOWN;
}

bool xi_match_same_shape(const xi_value *a, const xi_value *b)
{
    const xi_shape *s = &a->type.shape, *t = &b->type.shape;
    if (a->type.kind != XINF_KIND_TENSOR || b->type.kind != XINF_KIND_TENSOR || s->rank < 0 ||
        s->rank != t->rank)
        return false;
    for (int32_t i = 0; i < s->rank; i++)
        if (!xi_match_same_dim(s->dim[i], t->dim[i])) return false;
    return true;
}

bool xi_match_fits(const xi_shape *a, const xi_shape *b)
{
    if (a->rank < 0 || b->rank < 0 || b->rank > a->rank) return false;
    for (int32_t i = 1; i <= b->rank; i++)
        if (b->dim[b->rank - i] != 1 &&
            !xi_match_same_dim(b->dim[b->rank - i], a->dim[a->rank - i]))
            return false;
    return true;
}

/* ---- constants ---- */

double xi_match_load(const xi_literal *l, int64_t i)
{
    uint64_t bits[2] = {0};
    size_t size = xinf_dtype_size(l->dtype);
    memcpy(bits, (const char *)l->data + (size_t)i * size, size);
    return xi_dtype_load_f64(bits, l->dtype, 0);
}

int64_t xi_match_load_int(const xi_literal *l, int64_t i)
{
    uint64_t bits[2] = {0};
    size_t size = xinf_dtype_size(l->dtype);
    memcpy(bits, (const char *)l->data + (size_t)i * size, size);
    return xi_dtype_load_i64(bits, l->dtype, 0);
}

static bool match_float(xinf_dtype d)
{
    return d == XINF_FLOAT32 || d == XINF_FLOAT16 || d == XINF_BFLOAT16 || d == XINF_FLOAT64;
}

bool xi_match_scalar(const xi_value *v, const xi_value *beside, double *out)
{
    if (!v || !v->literal || v->literal->count != 1 || !match_float(v->literal->dtype))
        return false;
    int32_t rank = v->literal->shape.rank;
    if (rank > 0 && beside && beside->type.shape.rank < rank) return false;
    *out = xi_match_load(v->literal, 0);
    return true;
}

bool xi_match_near(const xi_value *v, double have, double want)
{
    xinf_dtype d = v->type.dtype;
    double tolerance = d == XINF_BFLOAT16 ? 4e-3 : d == XINF_FLOAT16 ? 6e-4 : 1e-6;
    return fabs(have - want) <= tolerance * fabs(want);
}

int32_t xi_match_ints(const xi_value *v, int64_t *out, int32_t max)
{
    if (!v) return 0;
    const xi_literal *l = v->literal;
    if (!l || l->count > max || l->shape.rank > 1 ||
        (l->dtype != XINF_INT64 && l->dtype != XINF_INT32))
        return -1;
    for (int64_t i = 0; i < l->count; i++) out[i] = xi_match_load_int(l, i);
    return (int32_t)l->count;
}

bool xi_match_along(const xi_value *v, int32_t rank, int32_t axis, int64_t size)
{
    const xi_literal *l = v ? v->literal : NULL;
    if (!l || !match_float(l->dtype) || l->count != size || size < 1 || l->shape.rank > rank)
        return false;
    int32_t from_end = rank - axis;
    for (int32_t i = 1; i <= l->shape.rank; i++)
        if (l->shape.dim[l->shape.rank - i] != (i == from_end ? size : 1)) return false;
    return l->shape.rank >= from_end;
}

xi_value *xi_match_flat(xi_graph *g, xi_value *v)
{
    if (v->literal->shape.rank == 1) return v;
    xi_literal *l = xi_arena_alloc(g->arena, sizeof *l);
    if (!l) return NULL;
    *l = *v->literal;
    l->shape = (xi_shape){.rank = 1, .dim = {l->count}};
    return xi_graph_add_constant(g, v->name, l);
}

/* ---- rewriting ---- */

xi_node *xi_match_node(xi_node *before, xi_str domain, const char *op_name, xi_str name,
                       xi_value *const *inputs, int32_t input_count, int32_t outputs, int32_t attrs)
{
    while (input_count > 0 && !inputs[input_count - 1]) input_count--;
    xi_node *m = xi_graph_add_node(before->graph, before, domain, xi_str_of(op_name), name,
                                   input_count, outputs, attrs);
    if (!m) return NULL;
    for (int32_t i = 0; i < input_count; i++) {
        m->inputs[i] = inputs[i];
        if (inputs[i]) inputs[i]->uses++;
    }
    return m;
}

bool xi_match_set_floats(xi_node *n, const char *name, const float *v, int32_t count)
{
    float *copy = xi_arena_array(n->graph->arena, (size_t)count, sizeof *copy);
    if (!copy || n->attr_count >= n->attr_capacity) return false;
    memcpy(copy, v, (size_t)count * sizeof *copy);
    n->attrs[n->attr_count++] = (xi_attr){
        .name = xi_str_of(name), .type = XI_ATTR_FLOATS, .count = count, .floats = copy};
    return true;
}

void xi_match_take(xi_node *m, int32_t index, xi_value *v)
{
    if (v->producer) v->producer->outputs[v->producer_output] = NULL;
    if (m->outputs[index]) m->outputs[index]->producer = NULL;
    xi_node_set_output(m, index, v);
}

static bool match_useless(const xi_node *n)
{
    if (n->op->flags & (XI_OP_CONTROL | XI_OP_RANDOM)) return false;
    for (int32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i] && n->outputs[i]->uses) return false;
    return true;
}

static void match_remove(xi_node *n, int32_t depth)
{
    const xi_graph *g = n->graph;
    xi_node_remove(n);
    for (int32_t i = 0; i < n->input_count; i++) {
        xi_value *v = n->inputs[i];
        if (!v) continue;
        xi_node *p = v->producer;
        if (--v->uses == 0 && p && p->graph == g && p->op && depth < MATCH_DEPTH &&
            match_useless(p))
            match_remove(p, depth + 1);
    }
}

void xi_match_remove(xi_node *n)
{
    match_remove(n, 0);
}

/* ---- products and sums ---- */

static bool match_multiply(xi_match_product *p, const xi_graph *g, xi_value *v, bool root,
                           int32_t depth)
{
    double constant;
    xi_node *n = root || xi_match_single(v) ? match_producer(v, g) : NULL;
    if (depth < MATCH_DEPTH && xi_match_is(n, "Mul")) {
        for (int32_t i = 0; i < 2; i++)
            if (xi_match_scalar(n->inputs[i], n->inputs[1 - i], &constant)) {
                p->constant *= constant;
                return match_multiply(p, g, n->inputs[1 - i], false, depth + 1);
            }
        return match_multiply(p, g, n->inputs[0], false, depth + 1) &&
               match_multiply(p, g, n->inputs[1], false, depth + 1);
    }
    if (depth < MATCH_DEPTH && xi_match_is(n, "Div") &&
        xi_match_scalar(n->inputs[1], n->inputs[0], &constant) && constant != 0) {
        p->constant /= constant;
        return match_multiply(p, g, n->inputs[0], false, depth + 1);
    }
    int32_t times = 1;
    if (xi_match_is(n, "Pow") && xi_match_scalar(n->inputs[1], n->inputs[0], &constant) &&
        (constant == 2 || constant == 3)) {
        times = (int32_t)constant;
        v = n->inputs[0];
    }
    for (int32_t i = 0; i < times; i++) {
        if (p->count == XI_MATCH_FACTORS) return false;
        p->factor[p->count++] = v;
    }
    return true;
}

bool xi_match_factors(xi_match_product *p, const xi_graph *g, xi_value *v)
{
    *p = (xi_match_product){.constant = 1};
    return match_multiply(p, g, v, true, 0);
}

xi_value *xi_match_plus(const xi_graph *g, const xi_value *v, double *constant)
{
    xi_node *n = xi_match_from(v, g, "Add");
    for (int32_t i = 0; n && i < 2; i++)
        if (xi_match_scalar(n->inputs[i], n->inputs[1 - i], constant)) return n->inputs[1 - i];
    return NULL;
}
