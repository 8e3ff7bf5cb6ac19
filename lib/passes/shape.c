/* shape.c — fold.c computes what depends on these constants only. */
#include "passes/shape.h"

#include "passes/match.h"

/* The dimensions that a Shape node gives. */
static int32_t shape_read(int64_t *dims, const xi_node *n)
{
    const xi_shape *s = &n->inputs[0]->type.shape;
    if (n->inputs[0]->type.kind != XINF_KIND_TENSOR || s->rank < 0) return -1;
    int64_t start = xi_node_int(n, "start", 0), end = xi_node_int(n, "end", s->rank);
    if (start < 0) start += s->rank;
    if (end < 0) end += s->rank;
    start = start < 0 ? 0 : start > s->rank ? s->rank : start;
    end = end < 0 ? 0 : end > s->rank ? s->rank : end;
    int32_t count = 0;
    for (int64_t i = start; i < end; i++) dims[count++] = s->dim[i];
    return count;
}

static bool shape_all_known(const int64_t *dims, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (dims[i] < 0) return false;
    return count >= 0;
}

/* The output of n is this constant from now on. rank 0 or 1. */
static xinf_status shape_put(xi_pass_context *c, xi_node *n, const int64_t *dims, int32_t count,
                             int32_t rank)
{
    xi_shape shape = {.rank = rank, .dim = {count}};
    xi_value *v = n->outputs[0];
    xi_literal *l = xi_graph_literal(n->graph, XINF_INT64, &shape, dims);
    if (!l) return xi_fail_memory(c->err, sizeof *l);
    v->literal = l;
    v->producer = NULL;
    v->type = (xi_type){.kind = XINF_KIND_TENSOR, .dtype = XINF_INT64, .shape = shape};
    n->outputs[0] = NULL;
    xi_match_remove(n);
    c->changes++;
    return XINF_OK;
}

static xinf_status shape_gather(xi_pass_context *c, xi_node *n, const int64_t *dims, int32_t count)
{
    const xi_literal *l = n->inputs[1]->literal;
    int64_t picked[XI_MAX_RANK];
    int32_t axis;
    if (!l || l->shape.rank > 1 || l->count > XI_MAX_RANK ||
        (l->dtype != XINF_INT64 && l->dtype != XINF_INT32))
        return XINF_OK;
    if (!xi_shape_axis(xi_node_int(n, "axis", 0), 1, &axis)) return XINF_OK;
    for (int64_t i = 0; i < l->count; i++) {
        int32_t at;
        if (!xi_shape_axis(xi_match_load_int(l, i), count, &at)) return XINF_OK;
        picked[i] = dims[at];
    }
    return shape_all_known(picked, (int32_t)l->count)
               ? shape_put(c, n, picked, (int32_t)l->count, l->shape.rank)
               : XINF_OK;
}

/* Steps of 1 only. */
static xinf_status shape_slice(xi_pass_context *c, xi_node *n, const int64_t *dims, int32_t count)
{
    int64_t start, end, axis, step;
    if (xi_match_ints(n->inputs[1], &start, 1) != 1 || xi_match_ints(n->inputs[2], &end, 1) != 1)
        return XINF_OK;
    int32_t axes = xi_match_ints(xi_node_input(n, 3), &axis, 1),
            steps = xi_match_ints(xi_node_input(n, 4), &step, 1);
    if (axes < 0 || (axes == 1 && axis != 0 && axis != -1) || steps < 0 ||
        (steps == 1 && step != 1))
        return XINF_OK;
    if (start < 0) start += count;
    if (end < 0) end += count;
    start = start < 0 ? 0 : start > count ? count : start;
    end = end < start ? start : end > count ? count : end;
    return shape_all_known(dims + start, (int32_t)(end - start))
               ? shape_put(c, n, dims + start, (int32_t)(end - start), 1)
               : XINF_OK;
}

static xinf_status shape_pass_size(xi_pass_context *c, xi_node *n)
{
    int64_t count;
    if (n->inputs[0]->type.kind != XINF_KIND_TENSOR ||
        !xi_shape_count(&n->inputs[0]->type.shape, &count))
        return XINF_OK;
    return shape_put(c, n, &count, 1, 0);
}

static xinf_status shape_node(xi_pass_context *c, xi_node *n)
{
    int64_t dims[XI_MAX_RANK];
    if (!n->output_count || !n->outputs[0]) return XINF_OK;
    if (xi_match_is(n, "Size")) return shape_pass_size(c, n);
    if (xi_match_is(n, "Shape")) {
        int32_t count = shape_read(dims, n);
        return shape_all_known(dims, count) ? shape_put(c, n, dims, count, 1) : XINF_OK;
    }
    bool gather = xi_match_is(n, "Gather"), slice = xi_match_is(n, "Slice");
    xi_node *source = gather || slice ? xi_match_from(n->inputs[0], n->graph, "Shape") : NULL;
    int32_t count = source ? shape_read(dims, source) : -1;
    if (count < 0) return XINF_OK;
    return gather ? shape_gather(c, n, dims, count) : shape_slice(c, n, dims, count);
}

xinf_status xi_pass_shape(xi_pass_context *c)
{
    return xi_match_each(c, shape_node);
}
