/* ref_shape.c — Shape and Size; they read no element, so any layout will do. */
#include "plan/kernel.h"

extern const xi_kernel xk_ref_shape[];

static xinf_status ref_shape_prepare(xi_prepare *p, xinf_error *err)
{
    p->in_layout[0] = p->in[0]->layout;
    return XINF_OK;
}

static xinf_status ref_shape_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const xi_shape *s = &call->in[0]->shape;
    int64_t *dst = call->out[0]->data, first = xi_node_int(call->node, "start", 0);
    first = first < 0 ? first + s->rank : first;
    first = first < 0 ? 0 : first;
    for (int64_t i = 0; i < call->out[0]->count && first + i < s->rank; i++)
        dst[i] = s->dim[first + i];
    return XINF_OK;
}

static xinf_status ref_shape_size(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    *(int64_t *)call->out[0]->data = call->in[0]->count;
    return XINF_OK;
}

const xi_kernel xk_ref_shape[] = {
    {.op = "Shape",
     .domain = "",
     .name = "xk_shape_any_ref__portable",
     .prepare = ref_shape_prepare,
     .run = ref_shape_run},
    {.op = "Size",
     .domain = "",
     .name = "xk_size_any_ref__portable",
     .prepare = ref_shape_prepare,
     .run = ref_shape_size},
    {0},
};
