/* ref_space.c — DepthToSpace and SpaceToDepth as one copy over six dimensions. */
#include "backend/cpu/ref/walk.h"

extern const xi_kernel xk_ref_space[];

static xinf_status ref_space_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    bool spread = xi_node_is(call->node, "DepthToSpace"),
         crd = xi_str_is(xi_node_string(call->node, "mode", "DCR"), "CRD");
    const xi_shape *deep = spread ? &call->in[0]->shape : &call->out[0]->shape,
                   *flat = spread ? &call->out[0]->shape : &call->in[0]->shape;
    int64_t b = xi_node_int(call->node, "blocksize", 1), channels = flat->dim[1],
            height = deep->dim[2], width = deep->dim[3], area = height * width;
    /* Dimensions in the order of the flat side: n, c, h, block row, w, block column. */
    const int64_t dim[6] = {flat->dim[0], channels, height, b, width, b};
    const int64_t flat_stride[6] = {
        channels * area * b * b, area * b * b, b * width * b, width * b, b, 1};
    const int64_t deep_stride[6] = {channels * area * b * b,
                                    crd ? b * b * area : area,
                                    width,
                                    crd ? b * area : b * channels * area,
                                    1,
                                    crd ? area : channels * area};
    static const int32_t flat_order[6] = {0, 1, 2, 3, 4, 5}, deep_dcr[6] = {0, 3, 5, 1, 2, 4},
                         deep_crd[6] = {0, 1, 3, 5, 2, 4};
    const int32_t *order = spread ? flat_order : crd ? deep_crd : deep_dcr;
    xk_walk w = {0};
    for (int32_t i = 0; i < 6; i++) {
        int32_t k = order[i];
        xk_walk_add(&w, dim[k], spread ? deep_stride[k] : flat_stride[k],
                    spread ? flat_stride[k] : deep_stride[k]);
    }
    return xk_walk_copy(&w, call->in[0], call->out[0], chunk,
                        xk_walk_chunks(call->out[0], call->width), err);
}

const xi_kernel xk_ref_space[] = {
    {.op = "DepthToSpace",
     .domain = "",
     .name = "xk_depth_to_space_any_ref__portable",
     .extent = xk_walk_extent,
     .run = ref_space_run},
    {.op = "SpaceToDepth",
     .domain = "",
     .name = "xk_space_to_depth_any_ref__portable",
     .extent = xk_walk_extent,
     .run = ref_space_run},
    {0},
};
