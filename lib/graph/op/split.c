/* split.c — a tensor cut into pieces along an axis. */
#include "base/checked.h"
#include "graph/op.h"

extern const xi_op xi_ops_split[];

/* Sizes from input 1; those that are not known are left as they are. */
static xinf_status split_listed(xi_infer *c, int64_t length, int64_t *size)
{
    int64_t sum = 0;
    const xi_type *t = c->in[1];
    if (t->shape.rank > 1 ||
        (t->shape.rank == 1 && t->shape.dim[0] >= 0 && t->shape.dim[0] != c->output_count))
        return xi_infer_fail(c, "it lists other than %d sizes", (int)c->output_count);
    int32_t n = xi_infer_ints(c, 1, size, c->output_count);
    if (n < 0) return XINF_OK;
    if (n != c->output_count)
        return xi_infer_fail(c, "it lists %d sizes for %d outputs", (int)n, (int)c->output_count);
    for (int32_t i = 0; i < n; i++)
        if (size[i] < 0 || !xi_add_i64(sum, size[i], &sum))
            return xi_infer_fail(c, "size %d is %lld", (int)i, (long long)size[i]);
    if (length >= 0 && sum != length)
        return xi_infer_fail(c, "sizes add up to %lld, the dimension is %lld", (long long)sum,
                             (long long)length);
    return XINF_OK;
}

/* Equal pieces, the last one smaller. */
static xinf_status split_even(xi_infer *c, int64_t length, int64_t *size)
{
    int64_t count = xi_node_int(c->node, "num_outputs", c->output_count);
    if (count != c->output_count)
        return xi_infer_fail(c, "num_outputs is %lld, the node has %d outputs", (long long)count,
                             (int)c->output_count);
    if (length < 0) return XINF_OK;
    int64_t each = length / count + (length % count != 0);
    for (int32_t i = 0; i < c->output_count; i++) size[i] = each;
    size[count - 1] = length - each * (count - 1);
    if (size[count - 1] < 0)
        return xi_infer_fail(c, "a dimension of %lld does not split into %lld pieces",
                             (long long)length, (long long)count);
    return XINF_OK;
}

static xinf_status split_infer(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    int32_t axis = 0;
    xinf_status status = XINF_OK;
    int64_t *size = xi_arena_array(c->arena, (size_t)c->output_count + 1, sizeof *size);
    if (!size) return xi_fail_memory(c->err, (size_t)c->output_count * sizeof *size);
    for (int32_t i = 0; i < c->output_count; i++) size[i] = XI_DIM_UNKNOWN;
    if (in->rank >= 0) XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", 0), in->rank, &axis));
    int64_t length = in->rank >= 0 ? in->dim[axis] : XI_DIM_UNKNOWN;
    if (xi_infer_in(c, 1)) {
        if (xi_node_has(c->node, "num_outputs"))
            return xi_infer_fail(c, "it has both sizes and num_outputs");
        XI_TRY(split_listed(c, length, size));
    } else {
        XI_TRY(split_even(c, length, size));
    }
    for (int32_t i = 0; i < c->output_count; i++) {
        xi_shape r = *in;
        if (r.rank >= 0) r.dim[axis] = size[i];
        xi_infer_set(c, i, c->in[0]->dtype, &r);
    }
cleanup:
    return status;
}

static const xi_attr_rule split_attrs[] = {
    {"axis", XI_ATTR_INT, false}, {"num_outputs", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_split[] = {
    {.name = "Split",
     .min_inputs = 1,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = -1,
     .attrs = split_attrs,
     .infer = split_infer},
    {0},
};
