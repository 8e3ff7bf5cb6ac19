/* ref_quantized.c — xinf.QuantizedMatMul, plainly: the range of x, then row by row integers, their
 * products, and floats again. Sums are exact, so every other kernel must give the same bits. */
#include <math.h>

#include "base/checked.h"
#include "plan/kernel.h"
#include "tensor/dtype.h"

extern const xi_kernel xk_ref_quantized[];

typedef struct quantized_params {
    int32_t turned, has_bias;
} quantized_params;

/* Integers of the weights and their columns' sums fit 32 bits up to this many numbers in a sum. */
enum { QUANTIZED_MOST = 65536 };

static xinf_status ref_quantized_prepare(xi_prepare *p, xinf_error *err)
{
    quantized_params *q = p->params;
    const xi_operand *w = p->in[1];
    q->turned = xi_node_int(p->node, "transB", 0) != 0;
    q->has_bias = p->in_count > 3 && p->in[3];
    if (w->shape.rank != 2 || w->shape.dim[0] > QUANTIZED_MOST ||
        w->shape.dim[1] > QUANTIZED_MOST * 16)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "weights of this shape");
    return XINF_OK;
}

static xinf_status ref_quantized_extent(const void *params, xi_operand *const *in,
                                        xi_operand *const *out, int32_t width, xi_extent *e,
                                        xinf_error *err)
{
    const quantized_params *q = params;
    int64_t n = out[0]->shape.dim[out[0]->shape.rank - 1], k = in[1]->shape.dim[q->turned ? 1 : 0],
            rows = n ? out[0]->count / n : 0;
    e->phases = 2;
    e->chunks[1] = (int32_t)(rows < INT32_MAX ? rows : INT32_MAX);
    e->shared = 2 * sizeof(float);
    e->scratch = (size_t)k * sizeof(int32_t);
    e->flops = (uint64_t)(2 * rows * n * k);
    return XINF_OK;
}

/* Scale and zero point of DynamicQuantizeLinear. */
static void ref_quantized_range(const float *x, int64_t count, float *out)
{
    float low = 0, high = 0;
    for (int64_t i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    out[0] = (high == low ? 1.0f : high - low) / 255.0f;
    float zero = nearbyintf(-low / out[0]);
    out[1] = !(zero > 0) ? 0 : zero > 255 ? 255 : zero;
}

static void ref_quantized_row(const xi_call *call, int64_t row, int32_t *x)
{
    const quantized_params *q = call->params;
    const xi_operand *w = call->in[1], *s = call->in[2];
    const float *range = call->shared, *bias = q->has_bias ? call->in[3]->data : NULL,
                *scales = s->data;
    int64_t n = w->shape.dim[q->turned ? 0 : 1], k = w->shape.dim[q->turned ? 1 : 0];
    const float *src = (const float *)call->in[0]->data + row * k;
    float *dst = (float *)call->out[0]->data + row * n;
    for (int64_t i = 0; i < k; i++) {
        float v = nearbyintf(src[i] / range[0]) + range[1];
        x[i] = (int32_t)(!(v > 0) ? 0 : v > 255 ? 255 : v) - (int32_t)range[1];
    }
    for (int64_t j = 0; j < n; j++) {
        int32_t sum = 0;
        for (int64_t i = 0; i < k; i++)
            sum += x[i] *
                   (int32_t)xi_dtype_load_i64(w->data, w->dtype, q->turned ? j * k + i : i * n + j);
        float y = (float)sum * (range[0] * scales[s->shape.rank ? j : 0]);
        dst[j] = bias ? y + bias[j] : y;
    }
}

static xinf_status ref_quantized_run(const xi_call *call, int32_t phase, int32_t chunk,
                                     void *scratch, xinf_error *err)
{
    if (phase == 0)
        ref_quantized_range(call->in[0]->data, call->in[0]->count, call->shared);
    else
        ref_quantized_row(call, chunk, scratch);
    return XINF_OK;
}

const xi_kernel xk_ref_quantized[] = {
    {.op = "QuantizedMatMul",
     .domain = "xinf",
     .name = "xk_quantized_matmul_f32_ref__portable",
     .prepare = ref_quantized_prepare,
     .extent = ref_quantized_extent,
     .run = ref_quantized_run},
    {0},
};
