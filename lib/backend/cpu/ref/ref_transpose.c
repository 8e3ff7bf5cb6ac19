/* ref_transpose.c — Transpose of any element. */
#include "backend/cpu/ref/walk.h"

extern const xi_kernel xk_ref_transpose[];

typedef struct ref_transpose_params {
    int32_t count; /* -1: reversed */
    int32_t perm[XI_MAX_RANK];
} ref_transpose_params;

static xinf_status ref_transpose_prepare(xi_prepare *p, xinf_error *err)
{
    ref_transpose_params *t = p->params;
    const int64_t *perm;
    int32_t n = xi_node_ints(p->node, "perm", &perm);
    t->count = xi_node_has(p->node, "perm") ? n : -1;
    if (t->count > XI_MAX_RANK)
        return xi_kernel_fail(p->node, err, XINF_MALFORMED, "perm has %d numbers", (int)n);
    for (int32_t i = 0; i < t->count; i++) t->perm[i] = (int32_t)perm[i];
    return XINF_OK;
}

static xinf_status ref_transpose_run(const xi_call *call, int32_t phase, int32_t chunk,
                                     void *scratch, xinf_error *err)
{
    const ref_transpose_params *t = call->params;
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    int64_t from[XI_MAX_RANK], to[XI_MAX_RANK];
    xk_walk w = {0};
    xi_shape_strides(&src->shape, from);
    xi_shape_strides(&dst->shape, to);
    for (int32_t i = 0; i < dst->shape.rank; i++)
        xk_walk_add(&w, dst->shape.dim[i],
                    from[t->count < 0 ? dst->shape.rank - 1 - i : t->perm[i]], to[i]);
    return xk_walk_copy(&w, src, dst, chunk, xk_walk_chunks(dst, call->width), err);
}

const xi_kernel xk_ref_transpose[] = {
    {.op = "Transpose",
     .domain = "",
     .name = "xk_transpose_any_ref__portable",
     .prepare = ref_transpose_prepare,
     .extent = xk_walk_extent,
     .run = ref_transpose_run},
    {0},
};
