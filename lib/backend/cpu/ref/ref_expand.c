/* ref_expand.c — Expand and Tile of any element. */
#include "backend/cpu/ref/walk.h"

extern const xi_kernel xk_ref_expand[];

static xinf_status ref_expand_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    int64_t from[XI_MAX_RANK], to[XI_MAX_RANK];
    int32_t lead = dst->shape.rank - src->shape.rank;
    xk_walk w = {0};
    xi_shape_strides(&src->shape, from);
    xi_shape_strides(&dst->shape, to);
    for (int32_t i = 0; i < dst->shape.rank; i++) {
        bool repeated = i < lead || src->shape.dim[i - lead] != dst->shape.dim[i];
        xk_walk_add(&w, dst->shape.dim[i], repeated ? 0 : from[i - lead], to[i]);
    }
    return xk_walk_copy(&w, src, dst, chunk, xk_walk_chunks(dst, call->width), err);
}

static xinf_status ref_expand_tile(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                   xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    int64_t from[XI_MAX_RANK], to[XI_MAX_RANK];
    xk_walk w = {0};
    if (dst->count == 0) return XINF_OK;
    xi_shape_strides(&src->shape, from);
    xi_shape_strides(&dst->shape, to);
    for (int32_t i = 0; i < dst->shape.rank; i++) {
        xk_walk_add(&w, dst->shape.dim[i] / src->shape.dim[i], 0, to[i] * src->shape.dim[i]);
        xk_walk_add(&w, src->shape.dim[i], from[i], to[i]);
    }
    return xk_walk_copy(&w, src, dst, chunk, xk_walk_chunks(dst, call->width), err);
}

const xi_kernel xk_ref_expand[] = {
    {.op = "Expand",
     .domain = "",
     .name = "xk_expand_any_ref__portable",
     .extent = xk_walk_extent,
     .run = ref_expand_run},
    {.op = "Tile",
     .domain = "",
     .name = "xk_tile_any_ref__portable",
     .extent = xk_walk_extent,
     .run = ref_expand_tile},
    {0},
};
