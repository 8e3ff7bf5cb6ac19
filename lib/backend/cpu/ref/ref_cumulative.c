/* ref_cumulative.c — portable CumSum and CumProd, a few lanes side by side; narrow floats run in
 * double. */
#include "backend/cpu/ref/ref_block.h"

extern const xi_kernel xk_ref_cumulative[];

enum { CUMULATIVE_LANES = 64 };

typedef struct cumulative_params {
    bool product, exclusive, reverse;
} cumulative_params;

static xinf_status cumulative_prepare(xi_prepare *p, xinf_error *err)
{
    cumulative_params *c = p->params;
    c->product = xi_node_is(p->node, "CumProd");
    c->exclusive = xi_node_int(p->node, "exclusive", 0) != 0;
    c->reverse = xi_node_int(p->node, "reverse", 0) != 0;
    if (xk_kind_of(p->in[0]->dtype) == XK_NONE)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return XINF_OK;
}

static void cumulative_real(const cumulative_params *p, double *sum, double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double before = sum[i];
        sum[i] = p->product ? before * x[i] : before + x[i];
        x[i] = p->exclusive ? before : sum[i];
    }
}

/* Integers wrap. */
static void cumulative_whole(const cumulative_params *p, uint64_t *sum, uint64_t *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t before = sum[i];
        sum[i] = p->product ? before * x[i] : before + x[i];
        x[i] = p->exclusive ? before : sum[i];
    }
}

static xinf_status cumulative_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const cumulative_params *p = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0], *which = call->in[1];
    bool real = xi_dtype_is_float(in->dtype);
    xk_kind kind = real ? XK_F64 : XK_I64;
    double x[CUMULATIVE_LANES], sum[CUMULATIVE_LANES];
    uint64_t whole[CUMULATIVE_LANES], total[CUMULATIVE_LANES];
    int32_t axis;
    if (in->count == 0) return XINF_OK;
    if (which->count != 1 ||
        !xi_shape_axis(xi_dtype_load_i64(which->data, which->dtype, 0), in->shape.rank, &axis))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "the axis is outside rank %d",
                              (int)in->shape.rank);
    int64_t length = in->shape.dim[axis],
            inner = xi_shape_span(&in->shape, axis + 1, in->shape.rank), lanes = in->count / length;
    for (int64_t done = 0, n; done < lanes; done += n) {
        int64_t column = done % inner, base = done / inner * length * inner + column;
        n = inner - column < CUMULATIVE_LANES ? inner - column : CUMULATIVE_LANES;
        for (int64_t i = 0; i < n; i++) {
            sum[i] = p->product;
            total[i] = p->product;
        }
        for (int64_t k = 0; k < length; k++) {
            int64_t at = base + (p->reverse ? length - 1 - k : k) * inner;
            xk_block_load(real ? (void *)x : (void *)whole, kind, in->data, in->dtype, at, 1, n);
            if (real)
                cumulative_real(p, sum, x, n);
            else
                cumulative_whole(p, total, whole, n);
            xk_block_store(out->data, out->dtype, at, 1, real ? (void *)x : (void *)whole, kind, n);
        }
    }
    return XINF_OK;
}

const xi_kernel xk_ref_cumulative[] = {
    {.op = "CumSum",
     .domain = "",
     .name = "xk_cum_sum_any_ref__portable",
     .prepare = cumulative_prepare,
     .run = cumulative_run},
    {.op = "CumProd",
     .domain = "",
     .name = "xk_cum_prod_any_ref__portable",
     .prepare = cumulative_prepare,
     .run = cumulative_run},
    {0},
};
