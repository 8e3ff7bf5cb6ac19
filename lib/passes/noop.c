/* noop.c — told from types, shapes and constants; what is not surely without effect stays. */
#include "passes/noop.h"

#include "passes/match.h"

static bool noop_same(const xi_node *n)
{
    const xi_value *x = n->inputs[0], *y = n->outputs[0];
    return x->type.dtype != XINF_UNDEFINED && x->type.dtype == y->type.dtype &&
           xi_match_same_shape(x, y);
}

static bool noop_cast(const xi_node *n)
{
    const xi_value *x = n->inputs[0];
    return x->type.kind == XINF_KIND_TENSOR && x->type.dtype != XINF_UNDEFINED &&
           x->type.dtype != XINF_STRING && xi_node_int(n, "to", 0) == x->type.dtype;
}

static bool noop_transpose(const xi_node *n)
{
    const int64_t *perm;
    int32_t count = xi_node_ints(n, "perm", &perm);
    for (int32_t i = 0; i < count; i++)
        if (perm[i] != i) return false;
    return count > 0 || (n->inputs[0]->type.shape.rank >= 0 && n->inputs[0]->type.shape.rank < 2);
}

/* Steps of 1 that give as much as there was. */
static bool noop_slice(const xi_node *n)
{
    int64_t steps[XI_MAX_RANK];
    int32_t count = xi_match_ints(xi_node_input(n, 4), steps, XI_MAX_RANK);
    if (count < 0 || !noop_same(n)) return false;
    for (int32_t i = 0; i < count; i++)
        if (steps[i] != 1) return false;
    return true;
}

static bool noop_pad(const xi_node *n)
{
    int64_t pads[2 * XI_MAX_RANK];
    int32_t count = xi_match_ints(n->inputs[1], pads, 2 * XI_MAX_RANK);
    for (int32_t i = 0; i < count; i++)
        if (pads[i] != 0) return false;
    return count > 0;
}

/* x · 1 and x / 1. */
static xi_value *noop_times_one(const xi_node *n)
{
    double one;
    for (int32_t i = 1; i >= 0; i--) {
        if (i == 0 && !xi_node_is(n, "Mul")) break;
        xi_value *x = n->inputs[1 - i];
        if (xi_match_scalar(n->inputs[i], x, &one) && one == 1 &&
            x->type.kind == XINF_KIND_TENSOR && x->type.shape.rank >= 0)
            return x;
    }
    return NULL;
}

static bool noop_is_view(const xi_node *n)
{
    return xi_match_is(n, "Reshape") || xi_match_is(n, "Squeeze") || xi_match_is(n, "Unsqueeze") ||
           xi_match_is(n, "Flatten");
}

/* What a chain of views began with, when the last one gives that shape again. */
static xi_value *noop_view_back(const xi_node *n)
{
    const xi_node *at = n;
    for (int32_t depth = 0; depth < 8 && at && at->graph == n->graph && noop_is_view(at); depth++) {
        xi_value *x = at->inputs[0];
        if (x->type.dtype != XINF_UNDEFINED && xi_match_same_shape(x, n->outputs[0])) return x;
        at = x->producer;
    }
    return NULL;
}

/* Operators of a list of values that were given one. */
static bool noop_alone(const xi_node *n)
{
    static const char *const ops[] = {"Concat", "Sum", "Max", "Min", "Mean"};
    for (size_t i = 0; n->input_count == 1 && i < sizeof ops / sizeof *ops; i++)
        if (xi_node_is(n, ops[i])) return true;
    return false;
}

static xi_value *noop_source(const xi_node *n)
{
    if (n->domain.len || n->input_count < 1 || !n->inputs[0] ||
        (n->op->flags && !xi_node_is(n, "Pad")))
        return NULL;
    bool passes = noop_alone(n);
    if (xi_node_is(n, "Cast")) passes = noop_cast(n);
    if (xi_node_is(n, "Transpose")) passes = noop_transpose(n);
    if (xi_node_is(n, "Slice")) passes = noop_slice(n);
    if (xi_node_is(n, "Pad")) passes = noop_pad(n);
    if (xi_node_is(n, "Expand")) passes = noop_same(n);
    if (noop_is_view(n)) return noop_view_back(n);
    if (xi_node_is(n, "Mul") || xi_node_is(n, "Div")) return noop_times_one(n);
    return passes ? n->inputs[0] : NULL;
}

xinf_status xi_pass_noop(xi_pass_context *c)
{
    return xi_match_forward(c, noop_source);
}
