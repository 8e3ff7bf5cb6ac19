/* ref_unary.c — portable element-by-element kernels of one input. */
#include <math.h>

#include "plan/kernel.h"

extern const xi_kernel xk_ref_unary[];

typedef struct unary_params {
    int32_t function;
    float alpha;
} unary_params;

enum { UNARY_ABS, UNARY_RELU, UNARY_LEAKY_RELU };

static xinf_status unary_prepare(xi_prepare *p, xinf_error *err)
{
    unary_params *u = p->params;
    if (p->in[0]->dtype != XINF_FLOAT32)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(p->in[0]->dtype));
    u->function = xi_node_is(p->node, "Abs") ? UNARY_ABS : xi_node_is(p->node, "Relu") ? UNARY_RELU : UNARY_LEAKY_RELU;
    u->alpha = xi_node_float(p->node, "alpha", 0.01f);
    p->in_place = 1;
    return XINF_OK;
}

static xinf_status unary_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch, xinf_error *err)
{
    const unary_params *u = call->params;
    const float *src = call->in[0]->data;
    float *dst = call->out[0]->data;
    for (int64_t i = 0; i < call->out[0]->count; i++) {
        float x = src[i];
        dst[i] = u->function == UNARY_ABS ? fabsf(x) : x > 0 ? x : u->function == UNARY_RELU ? 0 : u->alpha * x;
    }
    return XINF_OK;
}

const xi_kernel xk_ref_unary[] = {
    {.op = "Abs", .domain = "", .name = "xk_abs_f32_ref__portable", .prepare = unary_prepare, .run = unary_run},
    {.op = "Relu", .domain = "", .name = "xk_relu_f32_ref__portable", .prepare = unary_prepare, .run = unary_run},
    {.op = "LeakyRelu", .domain = "", .name = "xk_leaky_relu_f32_ref__portable", .prepare = unary_prepare, .run = unary_run},
    {0},
};
