/* nms.c — boxes that do not overlap a better one: NonMaxSuppression. */
#include "graph/op.h"

extern const xi_op xi_ops_nms[];

static xinf_status nms_infer(xi_infer *c)
{
    static const xinf_dtype floats[] = {XINF_FLOAT32, 0}, integers[] = {XINF_INT64, 0};
    const xi_shape *boxes = &c->in[0]->shape, *scores = &c->in[1]->shape;
    xi_shape r = {.rank = 2, .dim = {XI_DIM_UNKNOWN, 3}};
    int64_t count;
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 0, floats));
    XI_TRY(xi_infer_want(c, 1, floats));
    XI_TRY(xi_infer_want(c, 2, integers));
    XI_TRY(xi_infer_want(c, 3, floats));
    XI_TRY(xi_infer_want(c, 4, floats));
    for (int32_t i = 2; i < 5; i++)
        if (xi_infer_in(c, i) && xi_shape_count(&c->in[i]->shape, &count) && count != 1)
            return xi_infer_fail(c, "input %d is no single number", (int)i);
    if ((boxes->rank >= 0 && boxes->rank != 3) || (scores->rank >= 0 && scores->rank != 3))
        return xi_infer_fail(c, "boxes and scores must have rank 3");
    if (boxes->rank == 3 && boxes->dim[2] >= 0 && boxes->dim[2] != 4)
        return xi_infer_fail(c, "boxes have %lld numbers, not 4", (long long)boxes->dim[2]);
    if (boxes->rank == 3 && scores->rank == 3 &&
        ((boxes->dim[0] >= 0 && scores->dim[0] >= 0 && boxes->dim[0] != scores->dim[0]) ||
         (boxes->dim[1] >= 0 && scores->dim[2] >= 0 && boxes->dim[1] != scores->dim[2])))
        return xi_infer_fail(c, "boxes and scores differ in number");
    xi_infer_set(c, 0, XINF_INT64, &r);
cleanup:
    return status;
}

static const xi_attr_rule nms_attrs[] = {{"center_point_box", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_nms[] = {
    {.name = "NonMaxSuppression",
     .min_inputs = 2,
     .max_inputs = 5,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = nms_attrs,
     .infer = nms_infer,
     .flags = XI_OP_DATA_SHAPE},
    {0},
};
