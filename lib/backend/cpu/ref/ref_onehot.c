/* ref_onehot.c — OneHot: everything off, then one element of each row on. */
#include "plan/kernel.h"

extern const xi_kernel xk_ref_onehot[];

static xinf_status ref_onehot_put(const xi_call *call, int64_t to, int32_t which, xinf_error *err)
{
    const xi_operand *values = call->in[2];
    xi_operand *dst = call->out[0];
    size_t item = xinf_dtype_size(dst->dtype);
    if (dst->dtype != XINF_STRING) {
        memcpy((char *)dst->data + (size_t)to * item,
               (const char *)values->data + (size_t)which * item, item);
        return XINF_OK;
    }
    xi_str s = ((const xi_str *)values->data)[which];
    return xi_tensor_set_string(dst->tensor, to, s.ptr, s.len, err);
}

static xinf_status ref_onehot_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const xi_operand *index = call->in[0];
    xi_operand *dst = call->out[0];
    int32_t axis;
    xinf_status status = XINF_OK;
    if (call->in[2]->count != 2)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "values are not two");
    if (!xi_shape_axis(xi_node_int(call->node, "axis", -1), dst->shape.rank, &axis))
        return xi_kernel_fail(call->node, err, XINF_MALFORMED, "axis is outside");
    int64_t depth = dst->shape.dim[axis],
            inner = xi_shape_span(&dst->shape, axis + 1, dst->shape.rank);
    for (int64_t i = 0; i < dst->count && status == XINF_OK; i++)
        status = ref_onehot_put(call, i, 0, err);
    for (int64_t i = 0; i < index->count && dst->count && status == XINF_OK; i++) {
        double v = xi_dtype_load_f64(index->data, index->dtype, i);
        if (!(v >= -(double)depth && v < (double)depth)) continue;
        int64_t k = (int64_t)v;
        k += k < 0 || v < 0 ? depth : 0;
        if (k >= 0 && k < depth)
            status = ref_onehot_put(call, (i / inner * depth + k) * inner + i % inner, 1, err);
    }
    return status;
}

const xi_kernel xk_ref_onehot[] = {
    {.op = "OneHot", .domain = "", .name = "xk_one_hot_any_ref__portable", .run = ref_onehot_run},
    {0},
};
