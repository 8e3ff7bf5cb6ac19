/* ref_fill.c — ConstantOfShape, Range, EyeLike. */
#include "plan/kernel.h"

extern const xi_kernel xk_ref_fill[];

static xinf_status ref_fill_constant(const xi_call *call, int32_t phase, int32_t chunk,
                                     void *scratch, xinf_error *err)
{
    const xi_attr *value = xi_node_attr(call->node, "value");
    xi_operand *dst = call->out[0];
    size_t item = xinf_dtype_size(dst->dtype);
    if (dst->dtype == XINF_STRING) {
        const xi_str *s = value->tensor->data;
        for (int64_t i = 0; i < dst->count; i++) {
            xinf_status status = xi_tensor_set_string(dst->tensor, i, s->ptr, s->len, err);
            if (status != XINF_OK) return status;
        }
        return XINF_OK;
    }
    if (dst->count == 0) return XINF_OK;
    if (!value) {
        memset(dst->data, 0, (size_t)dst->count * item);
        return XINF_OK;
    }
    /* Doubles the filled part. */
    size_t total = (size_t)dst->count * item, done = total < item ? total : item;
    if (done) memcpy(dst->data, value->tensor->data, done);
    while (done < total) {
        size_t more = done < total - done ? done : total - done;
        memcpy((char *)dst->data + done, dst->data, more);
        done += more;
    }
    return XINF_OK;
}

static xinf_status ref_fill_range(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    xi_operand *dst = call->out[0];
    const void *start = call->in[0]->data, *delta = call->in[2]->data;
    if (xi_dtype_is_int(dst->dtype)) {
        uint64_t a = (uint64_t)xi_dtype_load_i64(start, dst->dtype, 0),
                 step = (uint64_t)xi_dtype_load_i64(delta, dst->dtype, 0);
        for (int64_t i = 0; i < dst->count; i++)
            xi_dtype_store_i64(dst->data, dst->dtype, i, (int64_t)(a + (uint64_t)i * step));
        return XINF_OK;
    }
    double a = xi_dtype_load_f64(start, dst->dtype, 0),
           step = xi_dtype_load_f64(delta, dst->dtype, 0);
    if (dst->dtype == XINF_FLOAT64) {
        for (int64_t i = 0; i < dst->count; i++) ((double *)dst->data)[i] = a + (double)i * step;
        return XINF_OK;
    }
    for (int64_t i = 0; i < dst->count; i++)
        xi_dtype_store_f64(dst->data, dst->dtype, i, (double)((float)a + (float)i * (float)step));
    return XINF_OK;
}

static xinf_status ref_fill_eye(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    xi_operand *dst = call->out[0];
    int64_t rows = dst->shape.dim[0], columns = dst->shape.dim[1],
            k = xi_node_int(call->node, "k", 0);
    memset(dst->data, 0, (size_t)dst->count * xinf_dtype_size(dst->dtype));
    if (k <= -rows || k >= columns) return XINF_OK;
    for (int64_t r = k < 0 ? -k : 0; r < rows && r + k < columns; r++)
        xi_dtype_store_f64(dst->data, dst->dtype, r * columns + r + k, 1);
    return XINF_OK;
}

static xinf_status ref_fill_eye_prepare(xi_prepare *p, xinf_error *err)
{
    xinf_dtype d = p->out[0]->dtype;
    if (d == XINF_STRING || d == XINF_COMPLEX64 || d == XINF_COMPLEX128)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    return XINF_OK;
}

const xi_kernel xk_ref_fill[] = {
    {.op = "ConstantOfShape",
     .domain = "",
     .name = "xk_constant_of_shape_any_ref__portable",
     .run = ref_fill_constant},
    {.op = "Range", .domain = "", .name = "xk_range_any_ref__portable", .run = ref_fill_range},
    {.op = "EyeLike",
     .domain = "",
     .name = "xk_eye_like_any_ref__portable",
     .prepare = ref_fill_eye_prepare,
     .run = ref_fill_eye},
    {0},
};
