/* slice.c — every n-th element between two ends, along some axes. */
#include "graph/op/slice.h"

#include "graph/op.h"

extern const xi_op xi_ops_slice[];

int64_t xi_slice_count(int64_t length, int64_t start, int64_t end, int64_t *step, int64_t *first)
{
    int64_t low = *step > 0 ? 0 : -1, high = *step > 0 ? length : length - 1;
    if (*step < -INT64_MAX) *step = -INT64_MAX;
    start += start < 0 ? length : 0;
    end += end < 0 ? length : 0;
    start = start < 0 ? 0 : start;
    start = start > high ? high : start;
    end = end < low ? low : end > high ? high : end;
    *first = start < 0 ? 0 : start;
    if (*step > 0) return end > start ? 1 + (end - start - 1) / *step : 0;
    return start > end ? 1 + (start - end - 1) / -*step : 0;
}

typedef struct slice_lists {
    int64_t start[XI_MAX_RANK], end[XI_MAX_RANK], step[XI_MAX_RANK], axis[XI_MAX_RANK];
    int32_t starts, ends, steps, axes; /* -1: not known */
} slice_lists;

static xinf_status slice_read(xi_infer *c, slice_lists *l)
{
    int64_t length = -1;
    for (int32_t i = 1; i < c->input_count; i++) {
        const xi_type *t = c->in[i];
        if (!t) continue;
        if (t->shape.rank > 1) return xi_infer_fail(c, "input %d must have rank 1", (int)i);
        if (t->dtype != XINF_UNDEFINED && t->dtype != XINF_INT64 && t->dtype != XINF_INT32)
            return xi_infer_fail(c, "input %d is %s where integers are wanted", (int)i,
                                 xinf_dtype_name(t->dtype));
        int64_t n = t->shape.rank < 0 ? -1 : t->shape.rank == 0 ? 1 : t->shape.dim[0];
        if (n < 0) continue;
        if (n > XI_MAX_RANK || (length >= 0 && n != length))
            return xi_infer_fail(c, "input %d lists %lld numbers", (int)i, (long long)n);
        length = n;
    }
    l->starts = xi_infer_ints(c, 1, l->start, XI_MAX_RANK);
    l->ends = xi_infer_ints(c, 2, l->end, XI_MAX_RANK);
    l->axes = xi_infer_in(c, 3) ? xi_infer_ints(c, 3, l->axis, XI_MAX_RANK) : (int32_t)length;
    l->steps = xi_infer_in(c, 4) ? xi_infer_ints(c, 4, l->step, XI_MAX_RANK) : (int32_t)length;
    for (int32_t i = 0; i < XI_MAX_RANK; i++) {
        if (!xi_infer_in(c, 3)) l->axis[i] = i;
        if (!xi_infer_in(c, 4)) l->step[i] = 1;
    }
    for (int32_t i = 0; i < l->steps; i++)
        if (l->step[i] == 0) return xi_infer_fail(c, "a step is 0");
    return XINF_OK;
}

static int64_t slice_dim(int64_t dim, const slice_lists *l, int32_t i)
{
    int64_t first;
    if (l->starts < 0 || l->ends < 0 || l->steps < 0) return XI_DIM_UNKNOWN;
    int64_t step = l->step[i];
    if (dim >= 0) return xi_slice_count(dim, l->start[i], l->end[i], &step, &first);
    return l->start[i] == 0 && l->end[i] >= INT32_MAX && step == 1 ? dim : XI_DIM_UNKNOWN;
}

static xinf_status slice_infer(xi_infer *c)
{
    slice_lists l;
    int32_t axis, seen = 0;
    xi_shape r = c->in[0]->shape;
    xinf_status status = XINF_OK;
    XI_TRY(slice_read(c, &l));
    if (r.rank >= 0 && l.axes < 0)
        for (int32_t i = 0; i < r.rank; i++) r.dim[i] = XI_DIM_UNKNOWN;
    for (int32_t i = 0; r.rank >= 0 && i < l.axes; i++) {
        XI_TRY(xi_infer_axis(c, l.axis[i], r.rank, &axis));
        if (seen >> axis & 1) return xi_infer_fail(c, "axis %d is named twice", (int)axis);
        seen |= 1 << axis;
        r.dim[axis] = slice_dim(r.dim[axis], &l, i);
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

const xi_op xi_ops_slice[] = {
    {.name = "Slice",
     .min_inputs = 3,
     .max_inputs = 5,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = slice_infer},
    {0},
};
