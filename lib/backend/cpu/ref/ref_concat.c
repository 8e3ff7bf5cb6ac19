/* ref_concat.c — Concat: each input fills its columns of the output seen as rows along the axis. */
#include "backend/cpu/ref/walk.h"

extern const xi_kernel xk_ref_concat[];

static xinf_status ref_concat_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    xi_operand *dst = call->out[0];
    int32_t axis;
    int64_t at = 0;
    if (dst->count == 0) return XINF_OK;
    if (!xi_shape_axis(xi_node_int(call->node, "axis", 0), dst->shape.rank, &axis))
        return xi_kernel_fail(call->node, err, XINF_MALFORMED, "axis is outside");
    int64_t rows = xi_shape_span(&dst->shape, 0, axis),
            wide = xi_shape_span(&dst->shape, axis, dst->shape.rank);
    for (int32_t i = 0; i < call->in_count; i++) {
        int64_t part = xi_shape_span(&call->in[i]->shape, axis, dst->shape.rank);
        xk_walk w = {.dst_at = at};
        xk_walk_add(&w, rows, part, wide);
        xk_walk_add(&w, part, 1, 1);
        xinf_status status = xk_walk_copy(&w, call->in[i], dst, chunk,
                                          xk_walk_chunks(dst, call->width), err);
        if (status != XINF_OK) return status;
        at += part;
    }
    return XINF_OK;
}

const xi_kernel xk_ref_concat[] = {
    {.op = "Concat",
     .domain = "",
     .name = "xk_concat_any_ref__portable",
     .extent = xk_walk_extent,
     .run = ref_concat_run},
    {0},
};
