/* ref_norm_lane.c — portable LpNormalization, LRN and MeanVarianceNormalization. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"

extern const xi_kernel xk_ref_norm_lane[];

enum { NORM_LANES = 128 };

typedef struct ref_lane_params {
    int64_t axis, p, size;
    float alpha, beta, bias;
    uint32_t front, back; /* MeanVarianceNormalization: the axes, counted from the first and from
                             the last; ranks come with shapes */
} ref_lane_params;

static xinf_status ref_lane_dtype(xi_prepare *p, xinf_error *err)
{
    xinf_dtype d = p->in[0]->dtype;
    if (!xi_dtype_is_float(d))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    return XINF_OK;
}

static xinf_status ref_lp_prepare(xi_prepare *p, xinf_error *err)
{
    ref_lane_params *l = p->params;
    l->axis = xi_node_int(p->node, "axis", -1);
    l->p = xi_node_int(p->node, "p", 2);
    return ref_lane_dtype(p, err);
}

/* A few lanes side by side; a lane of zeros stays zero. */
static xinf_status ref_lp_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                              xinf_error *err)
{
    const ref_lane_params *p = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0];
    double x[NORM_LANES], norm[NORM_LANES];
    int32_t axis = 0;
    if (in->count == 0 || !xi_shape_axis(p->axis, in->shape.rank, &axis)) return XINF_OK;
    int64_t length = in->shape.dim[axis],
            inner = xi_shape_span(&in->shape, axis + 1, in->shape.rank), lanes = in->count / length;
    for (int64_t done = 0, n; done < lanes; done += n) {
        int64_t column = done % inner, base = done / inner * length * inner + column;
        n = inner - column < NORM_LANES ? inner - column : NORM_LANES;
        for (int64_t i = 0; i < n; i++) norm[i] = 0;
        for (int64_t k = 0; k < length; k++) {
            xk_block_load(x, XK_F64, in->data, in->dtype, base + k * inner, 1, n);
            for (int64_t i = 0; i < n; i++) norm[i] += p->p == 1 ? fabs(x[i]) : x[i] * x[i];
        }
        for (int64_t i = 0; i < n && p->p == 2; i++) norm[i] = sqrt(norm[i]);
        for (int64_t k = 0; k < length; k++) {
            xk_block_load(x, XK_F64, in->data, in->dtype, base + k * inner, 1, n);
            for (int64_t i = 0; i < n; i++) x[i] = norm[i] == 0 ? 0 : x[i] / norm[i];
            xk_block_store(out->data, out->dtype, base + k * inner, 1, x, XK_F64, n);
        }
    }
    return XINF_OK;
}

static xinf_status ref_lrn_prepare(xi_prepare *p, xinf_error *err)
{
    ref_lane_params *l = p->params;
    l->size = xi_node_int(p->node, "size", 1);
    l->alpha = xi_node_float(p->node, "alpha", 1e-4f);
    l->beta = xi_node_float(p->node, "beta", 0.75f);
    l->bias = xi_node_float(p->node, "bias", 1);
    return ref_lane_dtype(p, err);
}

static xinf_status ref_lrn_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                  int32_t width, xi_extent *e, xinf_error *err)
{
    int64_t plane = xi_shape_span(&in[0]->shape, 2, in[0]->shape.rank);
    e->chunks[0] = xk_split_chunks(in[0]->shape.dim[0] * in[0]->shape.dim[1],
                                   plane > 1024 ? 1 : 1024 / (plane + 1) + 1, width);
    return XINF_OK;
}

/* The usual exponent, 3/4, comes from square roots. */
static double ref_lrn_power(double v, double beta)
{
    return beta == 0.75 ? sqrt(v) * sqrt(sqrt(v)) : pow(v, beta);
}

static xinf_status ref_lrn_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const ref_lane_params *p = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0];
    double x[NORM_LANES], sum[NORM_LANES];
    int64_t channels = in->shape.dim[1], plane = xi_shape_span(&in->shape, 2, in->shape.rank),
            first, last;
    if (in->count == 0) return XINF_OK;
    xk_split_range(in->shape.dim[0] * channels, plane > 1024 ? 1 : 1024 / (plane + 1) + 1,
                   call->width, chunk, &first, &last);
    for (int64_t unit = first; unit < last; unit++) {
        int64_t c = unit % channels, base = unit - c, lo = c - (p->size - 1) / 2,
                hi = c + p->size / 2 + 1;
        if (lo < 0) lo = 0;
        if (hi > channels) hi = channels;
        for (int64_t at = 0, n; at < plane; at += n) {
            n = plane - at < NORM_LANES ? plane - at : NORM_LANES;
            memset(sum, 0, sizeof sum);
            for (int64_t k = lo; k < hi; k++) {
                xk_block_load(x, XK_F64, in->data, in->dtype, (base + k) * plane + at, 1, n);
                for (int64_t i = 0; i < n; i++) sum[i] += x[i] * x[i];
            }
            xk_block_load(x, XK_F64, in->data, in->dtype, unit * plane + at, 1, n);
            for (int64_t i = 0; i < n; i++)
                x[i] /= ref_lrn_power((double)p->bias + (double)p->alpha / (double)p->size * sum[i],
                                      (double)p->beta);
            xk_block_store(out->data, out->dtype, unit * plane + at, 1, x, XK_F64, n);
        }
    }
    return XINF_OK;
}

static xinf_status ref_mvn_prepare(xi_prepare *p, xinf_error *err)
{
    ref_lane_params *l = p->params;
    static const int64_t usual[] = {0, 2, 3};
    const int64_t *axes;
    int32_t count = xi_node_ints(p->node, "axes", &axes);
    if (count == 0) {
        count = 3;
        axes = usual;
    }
    for (int32_t i = 0; i < count; i++) {
        if (axes[i] >= 0 && axes[i] < XI_MAX_RANK) l->front |= 1u << axes[i];
        if (axes[i] < 0 && axes[i] >= -XI_MAX_RANK) l->back |= 1u << (-1 - axes[i]);
    }
    return ref_lane_dtype(p, err);
}

typedef struct ref_mvn_odometer {
    int32_t rank;
    int64_t dim[XI_MAX_RANK], stride[XI_MAX_RANK], index[XI_MAX_RANK], at;
} ref_mvn_odometer;

/* False when it has come round. */
static bool ref_mvn_next(ref_mvn_odometer *o)
{
    for (int32_t d = o->rank - 1; d >= 0; d--) {
        o->at += o->stride[d];
        if (++o->index[d] < o->dim[d]) return true;
        o->at -= o->index[d] * o->stride[d];
        o->index[d] = 0;
    }
    return false;
}

static xinf_status ref_mvn_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const ref_lane_params *p = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0];
    ref_mvn_odometer kept = {0}, gone = {0};
    int64_t stride[XI_MAX_RANK];
    double count = 1;
    if (in->count == 0) return XINF_OK;
    xi_shape_strides(&in->shape, stride);
    for (int32_t i = 0; i < in->shape.rank; i++) {
        bool named = (p->front >> i & 1) || (p->back >> (in->shape.rank - 1 - i) & 1);
        ref_mvn_odometer *o = named ? &gone : &kept;
        o->dim[o->rank] = in->shape.dim[i];
        o->stride[o->rank++] = stride[i];
        if (named) count *= (double)in->shape.dim[i];
    }
    do {
        double sum = 0, square = 0, mean;
        do sum += xi_dtype_load_f64(in->data, in->dtype, kept.at + gone.at);
        while (ref_mvn_next(&gone));
        mean = sum / count;
        do {
            double d = xi_dtype_load_f64(in->data, in->dtype, kept.at + gone.at) - mean;
            square += d * d;
        } while (ref_mvn_next(&gone));
        double deviation = sqrt(square / count) + 1e-9;
        do {
            double d = xi_dtype_load_f64(in->data, in->dtype, kept.at + gone.at) - mean;
            xi_dtype_store_f64(out->data, out->dtype, kept.at + gone.at, d / deviation);
        } while (ref_mvn_next(&gone));
    } while (ref_mvn_next(&kept));
    return XINF_OK;
}

const xi_kernel xk_ref_norm_lane[] = {
    {.op = "LpNormalization",
     .domain = "",
     .name = "xk_lp_norm_any_ref__portable",
     .prepare = ref_lp_prepare,
     .run = ref_lp_run},
    {.op = "LRN",
     .domain = "",
     .name = "xk_lrn_any_ref__portable",
     .prepare = ref_lrn_prepare,
     .extent = ref_lrn_extent,
     .run = ref_lrn_run},
    {.op = "MeanVarianceNormalization",
     .domain = "",
     .name = "xk_mean_variance_norm_any_ref__portable",
     .prepare = ref_mvn_prepare,
     .run = ref_mvn_run},
    {0},
};
