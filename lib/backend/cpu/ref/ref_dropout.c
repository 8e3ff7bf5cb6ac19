/* ref_dropout.c — portable Dropout. */
#include "backend/cpu/ref/ref_block.h"
#include "backend/cpu/ref/twister.h"
#include "base/clock.h"

extern const xi_kernel xk_ref_dropout[];

typedef struct dropout_params {
    bool seeded;
    int64_t seed;
} dropout_params;

static xinf_status dropout_prepare(xi_prepare *p, xinf_error *err)
{
    dropout_params *d = p->params;
    const xi_operand *training = p->in_count > 2 ? p->in[2] : NULL;
    bool off = !training ||
               (training->data && training->count == 1 && !*(const uint8_t *)training->data);
    d->seeded = xi_node_has(p->node, "seed");
    d->seed = xi_node_int(p->node, "seed", 0);
    if (xk_kind_of(p->in[0]->dtype) == XK_NONE)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    p->view = off && p->out[0] && (p->out_count < 2 || !p->out[1]);
    return XINF_OK;
}

static void dropout_train(const xi_call *call, double ratio, xk_twister *t)
{
    const xi_operand *in = call->in[0], *out = call->out[0],
                     *mask = call->out_count > 1 ? call->out[1] : NULL;
    double scale = 1 / (1 - ratio);
    for (int64_t i = 0; i < in->count; i++) {
        bool kept = xk_twister_unit(t) >= ratio;
        if (mask) ((uint8_t *)mask->data)[i] = kept;
        if (out)
            xi_dtype_store_f64(out->data, out->dtype, i,
                               kept ? xi_dtype_load_f64(in->data, in->dtype, i) * scale : 0);
    }
}

static xinf_status dropout_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                  int32_t width, xi_extent *e, xinf_error *err)
{
    e->scratch = sizeof(xk_twister);
    return XINF_OK;
}

static xinf_status dropout_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const dropout_params *p = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0];
    const xi_operand *ratio = call->in_count > 1 ? call->in[1] : NULL,
                     *training = call->in_count > 2 ? call->in[2] : NULL;
    double share = ratio && ratio->count ? xi_dtype_load_f64(ratio->data, ratio->dtype, 0) : 0.5;
    if (training && training->count && *(const uint8_t *)training->data && share != 0) {
        if (!(share > 0 && share < 1))
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "the ratio is not in 0 … 1");
        xk_twister_seed(scratch, (uint32_t)(p->seeded ? (uint64_t)p->seed : xi_clock_ns()));
        dropout_train(call, share, scratch);
        return XINF_OK;
    }
    if (out && out->data != in->data && in->count)
        memcpy(out->data, in->data, (size_t)in->count * xinf_dtype_size(in->dtype));
    if (call->out_count > 1 && call->out[1]) memset(call->out[1]->data, 1, (size_t)in->count);
    return XINF_OK;
}

const xi_kernel xk_ref_dropout[] = {
    {.op = "Dropout",
     .domain = "",
     .name = "xk_dropout_any_ref__portable",
     .prepare = dropout_prepare,
     .extent = dropout_extent,
     .run = dropout_run},
    {0},
};
