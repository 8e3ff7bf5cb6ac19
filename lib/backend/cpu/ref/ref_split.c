/* ref_split.c — Split: each output takes its columns of the input seen as rows along the axis. */
#include "backend/cpu/ref/walk.h"

extern const xi_kernel xk_ref_split[];

static xinf_status ref_split_extent(const void *params, xi_operand *const *in,
                                    xi_operand *const *out, int32_t width, xi_extent *e,
                                    xinf_error *err)
{
    e->chunks[0] = xk_walk_chunks(in[0], width);
    return XINF_OK;
}

static xinf_status ref_split_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const xi_operand *src = call->in[0];
    const xi_shape *s = &src->shape;
    int32_t axis;
    int64_t at = 0, size;
    if (src->count == 0) return XINF_OK;
    if (!xi_shape_axis(xi_node_int(call->node, "axis", 0), s->rank, &axis))
        return xi_kernel_fail(call->node, err, XINF_MALFORMED, "axis is outside");
    int64_t rows = xi_shape_span(s, 0, axis), inner = xi_shape_span(s, axis + 1, s->rank),
            wide = s->dim[axis] * inner;
    int64_t each = s->dim[axis] / call->out_count + (s->dim[axis] % call->out_count != 0);
    const xi_operand *sizes = call->in_count > 1 ? call->in[1] : NULL;
    for (int32_t i = 0; i < call->out_count; i++) {
        size = sizes                     ? xi_dtype_load_i64(sizes->data, sizes->dtype, i)
               : i + 1 < call->out_count ? each
                                         : s->dim[axis] - each * i;
        if (size < 0 || size > s->dim[axis] || at + size * inner > wide)
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "size %d is %lld", (int)i,
                                  (long long)size);
        xk_walk w = {.src_at = at};
        at += size * inner;
        if (!call->out[i]) continue;
        if (call->out[i]->count != rows * size * inner)
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "size %d is %lld", (int)i,
                                  (long long)size);
        xk_walk_add(&w, rows, wide, size * inner);
        xk_walk_add(&w, size * inner, 1, 1);
        xinf_status status = xk_walk_copy(&w, src, call->out[i], chunk,
                                          xk_walk_chunks(src, call->width), err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

const xi_kernel xk_ref_split[] = {
    {.op = "Split",
     .domain = "",
     .name = "xk_split_any_ref__portable",
     .extent = ref_split_extent,
     .run = ref_split_run},
    {0},
};
