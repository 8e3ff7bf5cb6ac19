/* ref_loss.c — portable losses, in double, one sample after another. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"

extern const xi_kernel xk_ref_loss[];

typedef enum ref_loss_reduction { REF_LOSS_NONE, REF_LOSS_SUM, REF_LOSS_MEAN } ref_loss_reduction;

typedef struct ref_loss_params {
    bool softmax, ignores;
    int64_t ignored;
    int32_t reduction;
} ref_loss_params;

static xinf_status ref_loss_prepare(xi_prepare *p, xinf_error *err)
{
    ref_loss_params *l = p->params;
    xi_str how = xi_node_string(p->node, "reduction", "mean");
    l->softmax = xi_node_is(p->node, "SoftmaxCrossEntropyLoss");
    l->ignores = xi_node_has(p->node, "ignore_index");
    l->ignored = xi_node_int(p->node, "ignore_index", 0);
    l->reduction = xi_str_is(how, "none")  ? REF_LOSS_NONE
                   : xi_str_is(how, "sum") ? REF_LOSS_SUM
                                           : REF_LOSS_MEAN;
    if (!xi_dtype_is_float(p->in[0]->dtype))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return XINF_OK;
}

/* log Σ exp over the classes of the sample whose first score is element `base`. */
static double ref_loss_normaliser(const xi_operand *x, int64_t base, int64_t classes, int64_t inner)
{
    double top = -(double)INFINITY, sum = 0;
    for (int64_t c = 0; c < classes; c++)
        top = fmax(top, xi_dtype_load_f64(x->data, x->dtype, base + c * inner));
    if (!isfinite(top)) top = 0;
    for (int64_t c = 0; c < classes; c++)
        sum += exp(xi_dtype_load_f64(x->data, x->dtype, base + c * inner) - top);
    return log(sum) + top;
}

static xinf_status ref_loss_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const ref_loss_params *p = call->params;
    const xi_operand *x = call->in[0], *labels = call->in[1],
                     *weights = call->in_count > 2 ? call->in[2] : NULL;
    const xi_operand *out = call->out[0],
                     *log_prob = p->softmax && call->out_count > 1 ? call->out[1] : NULL;
    int64_t classes = x->shape.dim[1], inner = xi_shape_span(&x->shape, 2, x->shape.rank);
    double sum = 0, total = 0;
    for (int64_t i = 0; i < labels->count; i++) {
        int64_t base = i / inner * classes * inner + i % inner,
                label = xi_dtype_load_i64(labels->data, labels->dtype, i);
        double norm = p->softmax ? ref_loss_normaliser(x, base, classes, inner) : 0, loss = 0;
        for (int64_t c = 0; log_prob && c < classes; c++)
            xi_dtype_store_f64(log_prob->data, log_prob->dtype, base + c * inner,
                               xi_dtype_load_f64(x->data, x->dtype, base + c * inner) - norm);
        if (!(p->ignores && label == p->ignored)) {
            if (label < 0 || label >= classes)
                return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                      "label %lld is outside %lld classes", (long long)label,
                                      (long long)classes);
            double weight = weights ? xi_dtype_load_f64(weights->data, weights->dtype, label) : 1;
            loss = (norm - xi_dtype_load_f64(x->data, x->dtype, base + label * inner)) * weight;
            total += weight;
        }
        sum += loss;
        if (out && p->reduction == REF_LOSS_NONE)
            xi_dtype_store_f64(out->data, out->dtype, i, loss);
    }
    if (out && p->reduction != REF_LOSS_NONE)
        xi_dtype_store_f64(out->data, out->dtype, 0,
                           p->reduction == REF_LOSS_MEAN ? sum / total : sum);
    return XINF_OK;
}

const xi_kernel xk_ref_loss[] = {
    {.op = "NegativeLogLikelihoodLoss",
     .domain = "",
     .name = "xk_nll_loss_any_ref__portable",
     .prepare = ref_loss_prepare,
     .run = ref_loss_run},
    {.op = "SoftmaxCrossEntropyLoss",
     .domain = "",
     .name = "xk_softmax_cross_entropy_any_ref__portable",
     .prepare = ref_loss_prepare,
     .run = ref_loss_run},
    {0},
};
