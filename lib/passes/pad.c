/* pad.c — the pads of both nodes are added up. */
#include "passes/pad.h"

#include <math.h>

#include "passes/match.h"

/* Pads of a Pad node over all axes: begins, then ends. False when they are not known, not constant
 * ones, or negative. */
static bool pad_read(int64_t *pads, int32_t *rank, const xi_node *n)
{
    int64_t given[2 * XI_MAX_RANK], axes[XI_MAX_RANK];
    *rank = n->inputs[0]->type.shape.rank;
    if (*rank < 3 || !xi_str_is(xi_node_string(n, "mode", "constant"), "constant")) return false;
    const xi_value *named = xi_node_input(n, 3);
    int32_t count = xi_match_ints(n->inputs[1], given, 2 * XI_MAX_RANK), axis_count = *rank;
    for (int32_t i = 0; i < *rank; i++) axes[i] = i;
    if (named) axis_count = xi_match_ints(named, axes, XI_MAX_RANK);
    if (axis_count < 0 || count != 2 * axis_count) return false;
    for (int32_t i = 0; i < 2 * *rank; i++) pads[i] = 0;
    for (int32_t i = 0; i < axis_count; i++) {
        int32_t axis;
        if (!xi_shape_axis(axes[i], *rank, &axis) || given[i] < 0 || given[axis_count + i] < 0)
            return false;
        if (given[i] > INT32_MAX || given[axis_count + i] > INT32_MAX) return false;
        pads[axis] = given[i];
        pads[*rank + axis] = given[axis_count + i];
    }
    return pads[0] == 0 && pads[1] == 0 && pads[*rank] == 0 && pads[*rank + 1] == 0;
}

/* The number that fills; absent: 0. */
static bool pad_fill(double *out, const xi_node *n)
{
    const xi_value *v = xi_node_input(n, 2);
    *out = 0;
    return !v || xi_match_scalar(v, NULL, out);
}

/* May n take pads of this fill over? `sizes` are its own pads (zero at first). */
static bool pad_takes(const xi_node *n, double fill, const int64_t *pads, int32_t spatial,
                      int64_t *sizes)
{
    const int64_t *own, *kernel;
    int32_t count = xi_node_ints(n, "pads", &own),
            kernel_count = xi_node_ints(n, "kernel_shape", &kernel);
    xi_str automatic = xi_node_string(n, "auto_pad", "NOTSET");
    bool conv = xi_node_is(n, "Conv"), average = xi_node_is(n, "AveragePool"), none = true;
    if (!xi_str_is(automatic, "NOTSET") && !xi_str_is(automatic, "VALID") && automatic.len)
        return false;
    if (count && count != 2 * spatial) return false;
    if (xi_str_is(automatic, "VALID")) count = 0;
    for (int32_t i = 0; i < 2 * spatial; i++) {
        sizes[i] = count ? own[i] : 0;
        none = none && sizes[i] == 0;
        if (sizes[i] < 0 || sizes[i] > INT32_MAX || sizes[i] + pads[i] > INT32_MAX) return false;
        sizes[i] += pads[i];
        if (!conv && (kernel_count != spatial || sizes[i] >= kernel[i % spatial]))
            return false; /* a pool's window sees an element */
    }
    if (conv) return fill == 0;
    if (xi_node_int(n, "ceil_mode", 0)) return false;
    if (average) return fill == 0 && (none || xi_node_int(n, "count_include_pad", 0));
    return isinf(fill) && fill < 0 && (n->output_count < 2 || !n->outputs[1]);
}

/* The attributes of n with other pads and none chosen by itself. */
static bool pad_pass_attrs(xi_node *m, const xi_node *n, const int64_t *pads, int32_t count)
{
    for (int32_t i = 0; i < n->attr_count; i++) {
        const xi_attr *a = &n->attrs[i];
        if (!xi_str_is(a->name, "pads") && !xi_str_is(a->name, "auto_pad") &&
            !xi_str_is(a->name, "count_include_pad"))
            m->attrs[m->attr_count++] = *a;
    }
    if (xi_node_is(n, "AveragePool")) xi_node_set_int(m, "count_include_pad", 1);
    return xi_node_set_ints(m, "pads", pads, count);
}

static xinf_status pad_node(xi_pass_context *c, xi_node *n)
{
    int64_t pads[2 * XI_MAX_RANK], spatial[2 * XI_MAX_RANK], sizes[2 * XI_MAX_RANK];
    int32_t rank;
    double fill;
    if (!xi_match_is(n, "Conv") && !xi_match_is(n, "AveragePool") && !xi_match_is(n, "MaxPool"))
        return XINF_OK;
    xi_node *pad = xi_match_from(n->inputs[0], n->graph, "Pad");
    if (!n->outputs[0] || !pad || !pad_read(pads, &rank, pad) || !pad_fill(&fill, pad))
        return XINF_OK;
    for (int32_t i = 0; i < rank - 2; i++) {
        spatial[i] = pads[i + 2];
        spatial[rank - 2 + i] = pads[rank + 2 + i];
    }
    if (!pad_takes(n, fill, spatial, rank - 2, sizes)) return XINF_OK;
    xi_value *inputs[3] = {pad->inputs[0], xi_node_input(n, 1), xi_node_input(n, 2)};
    xi_node *m = xi_match_node(n, XI_STR(""), n->op->name, n->name, inputs, 3, 1,
                               n->attr_count + 2);
    if (!m || !pad_pass_attrs(m, n, sizes, 2 * (rank - 2)))
        return xi_fail_memory(c->err, sizeof *m);
    xi_match_take(m, 0, n->outputs[0]);
    xi_match_remove(n);
    c->changes++;
    return XINF_OK;
}

xinf_status xi_pass_pad(xi_pass_context *c)
{
    return xi_match_each(c, pad_node);
}
