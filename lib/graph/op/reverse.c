/* reverse.c — sequences of a batch turned round, each up to its own length. */
#include "graph/op.h"

extern const xi_op xi_ops_reverse[];

static xinf_status reverse_infer(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape, *lengths = &c->in[1]->shape;
    int64_t batch = xi_node_int(c->node, "batch_axis", 1),
            time = xi_node_int(c->node, "time_axis", 0), count;
    static const xinf_dtype numbers[] = {XINF_INT64, 0};
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 1, numbers));
    if (batch < 0 || batch > 1 || time < 0 || time > 1 || batch == time)
        return xi_infer_fail(c, "batch_axis and time_axis must be 0 and 1");
    if (in->rank >= 0 && in->rank < 2)
        return xi_infer_fail(c, "its input has rank %d", (int)in->rank);
    if (in->rank >= 2 && in->dim[batch] >= 0 && xi_shape_count(lengths, &count) &&
        count != in->dim[batch])
        return xi_infer_fail(c, "%lld lengths for a batch of %lld", (long long)count,
                             (long long)in->dim[batch]);
    xi_infer_set(c, 0, c->in[0]->dtype, in);
cleanup:
    return status;
}

static const xi_attr_rule reverse_attrs[] = {
    {"batch_axis", XI_ATTR_INT, false}, {"time_axis", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_reverse[] = {
    {.name = "ReverseSequence",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = reverse_attrs,
     .infer = reverse_infer},
    {0},
};
