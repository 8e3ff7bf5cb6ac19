/* concat.c — tensors laid one after another along an axis. */
#include "base/checked.h"
#include "graph/op.h"

extern const xi_op xi_ops_concat[];

/* Takes the dimensions of input i into r. */
static xinf_status concat_add(xi_infer *c, int32_t i, int32_t axis, xi_shape *r)
{
    const xi_shape *s = &c->in[i]->shape;
    for (int32_t k = 0; k < r->rank; k++) {
        if (k == axis) {
            if (s->dim[k] < 0 || r->dim[k] < 0)
                r->dim[k] = XI_DIM_UNKNOWN;
            else if (!xi_add_i64(r->dim[k], s->dim[k], &r->dim[k]))
                return xi_infer_fail(c, "the result is too large");
        } else if (r->dim[k] < 0) {
            r->dim[k] = s->dim[k] >= 0 || r->dim[k] == XI_DIM_UNKNOWN ? s->dim[k] : r->dim[k];
        } else if (s->dim[k] >= 0 && s->dim[k] != r->dim[k]) {
            return xi_infer_fail(c, "dimension %d of input %d is %lld where others have %lld",
                                 (int)k, (int)i, (long long)s->dim[k], (long long)r->dim[k]);
        }
    }
    return XINF_OK;
}

static xinf_status concat_infer(xi_infer *c)
{
    xinf_status status = XINF_OK;
    xinf_dtype dtype = XINF_UNDEFINED;
    xi_shape r = XI_SHAPE_UNKNOWN;
    int32_t axis = -1;
    bool blurred = false;
    for (int32_t i = 0; i < c->input_count; i++) {
        if (!c->in[i]) return xi_infer_fail(c, "input %d is missing", (int)i);
        const xi_shape *s = &c->in[i]->shape;
        if (dtype == XINF_UNDEFINED) dtype = c->in[i]->dtype;
        if (c->in[i]->dtype != XINF_UNDEFINED && c->in[i]->dtype != dtype)
            return xi_infer_fail(c, "input %d is %s, others are %s", (int)i,
                                 xinf_dtype_name(c->in[i]->dtype), xinf_dtype_name(dtype));
        blurred = blurred || s->rank < 0;
        if (s->rank < 0) continue;
        if (r.rank < 0) {
            XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", 0), s->rank, &axis));
            r = *s;
            continue;
        }
        if (s->rank != r.rank)
            return xi_infer_fail(c, "input %d has rank %d, others %d", (int)i, (int)s->rank,
                                 (int)r.rank);
        XI_TRY(concat_add(c, i, axis, &r));
    }
    if (blurred && axis >= 0) r.dim[axis] = XI_DIM_UNKNOWN;
    xi_infer_set(c, 0, dtype, &r);
cleanup:
    return status;
}

static const xi_attr_rule concat_attrs[] = {{"axis", XI_ATTR_INT, true}, {NULL}};

const xi_op xi_ops_concat[] = {
    {.name = "Concat",
     .min_inputs = 1,
     .max_inputs = -1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = concat_attrs,
     .infer = concat_infer},
    {0},
};
