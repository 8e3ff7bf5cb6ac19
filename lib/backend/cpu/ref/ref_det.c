/* ref_det.c — portable Det: elimination with partial pivots, in double. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_det[];

static xinf_status ref_det_prepare(xi_prepare *p, xinf_error *err)
{
    if (!xi_dtype_is_float(p->in[0]->dtype))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return XINF_OK;
}

static xinf_status ref_det_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                  int32_t width, xi_extent *e, xinf_error *err)
{
    size_t n = (size_t)in[0]->shape.dim[in[0]->shape.rank - 1];
    if (!xi_mul_size(n, n, &n) || !xi_mul_size(n, sizeof(double), &e->scratch))
        return xi_fail_memory(err, SIZE_MAX);
    e->chunks[0] = xk_split_chunks(out[0]->count, 16, width);
    return XINF_OK;
}

static double ref_det_eliminate(double *a, int64_t n)
{
    double det = 1;
    for (int64_t k = 0; k < n; k++) {
        int64_t pivot = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs(a[i * n + k]) > fabs(a[pivot * n + k])) pivot = i;
        if (pivot != k) {
            for (int64_t j = k; j < n; j++) {
                double v = a[k * n + j];
                a[k * n + j] = a[pivot * n + j];
                a[pivot * n + j] = v;
            }
            det = -det;
        }
        double top = a[k * n + k];
        det *= top;
        if (top == 0) return det;
        for (int64_t i = k + 1; i < n; i++) {
            double by = a[i * n + k] / top;
            for (int64_t j = k + 1; j < n; j++) a[i * n + j] -= by * a[k * n + j];
        }
    }
    return det;
}

static xinf_status ref_det_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const xi_operand *in = call->in[0], *out = call->out[0];
    int64_t n = in->shape.dim[in->shape.rank - 1], first, last;
    xk_split_range(out->count, 16, call->width, chunk, &first, &last);
    for (; first < last; first++) {
        double det = 1;
        if (n > 0) {
            xk_block_load(scratch, XK_F64, in->data, in->dtype, first * n * n, 1, n * n);
            det = ref_det_eliminate(scratch, n);
        }
        xk_block_store(out->data, out->dtype, first, 1, &det, XK_F64, 1);
    }
    return XINF_OK;
}

const xi_kernel xk_ref_det[] = {
    {.op = "Det",
     .domain = "",
     .name = "xk_det_any_ref__portable",
     .prepare = ref_det_prepare,
     .extent = ref_det_extent,
     .run = ref_det_run},
    {0},
};
