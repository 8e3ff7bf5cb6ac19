/* ref_slice.c — Slice of any element. */
#include "backend/cpu/ref/walk.h"
#include "graph/op/slice.h"

extern const xi_kernel xk_ref_slice[];

static int64_t ref_slice_number(const xi_call *call, int32_t input, int32_t i, int64_t fallback)
{
    const xi_operand *o = input < call->in_count ? call->in[input] : NULL;
    return o ? xi_dtype_load_i64(o->data, o->dtype, i) : fallback;
}

static xinf_status ref_slice_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    int64_t from[XI_MAX_RANK], to[XI_MAX_RANK];
    int32_t axis;
    xk_walk w = {0};
    if (dst->count == 0) return XINF_OK;
    xi_shape_strides(&src->shape, from);
    xi_shape_strides(&dst->shape, to);
    for (int32_t i = 0; i < call->in[1]->count; i++) {
        if (!xi_shape_axis(ref_slice_number(call, 3, i, i), src->shape.rank, &axis))
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                  "an axis is outside the input's rank");
        int64_t step = ref_slice_number(call, 4, i, 1), first, n = 0;
        if (step)
            n = xi_slice_count(src->shape.dim[axis], ref_slice_number(call, 1, i, 0),
                               ref_slice_number(call, 2, i, 0), &step, &first);
        if (n != dst->shape.dim[axis])
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "axis %d gives %lld elements",
                                  (int)axis, (long long)n);
        w.src_at += first * from[axis];
        from[axis] = n > 1 ? from[axis] * step : from[axis];
    }
    for (int32_t i = 0; i < dst->shape.rank; i++)
        xk_walk_add(&w, dst->shape.dim[i], from[i], to[i]);
    return xk_walk_copy(&w, src, dst, chunk, xk_walk_chunks(dst, call->width), err);
}

const xi_kernel xk_ref_slice[] = {
    {.op = "Slice",
     .domain = "",
     .name = "xk_slice_any_ref__portable",
     .extent = xk_walk_extent,
     .run = ref_slice_run},
    {0},
};
