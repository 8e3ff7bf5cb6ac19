/* ref_norm.c — portable BatchNormalization, InstanceNormalization and GroupNormalization: a run of
 * channels at a time. */
#include <math.h>

#include "backend/cpu/ref/ref_moments.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_norm[];

typedef struct ref_norm_params {
    int32_t kind;
    bool batch, training;
    int64_t groups; /* 0: as many as channels */
    float epsilon, momentum;
} ref_norm_params;

typedef struct ref_norm_shape {
    int64_t batch, channels, plane, each; /* each: channels of a unit */
} ref_norm_shape;

static ref_norm_shape ref_norm_of(const ref_norm_params *p, const xi_shape *x)
{
    ref_norm_shape s = {x->rank ? x->dim[0] : 1, x->rank > 1 ? x->dim[1] : 1,
                        x->rank > 2 ? xi_shape_span(x, 2, x->rank) : 1, 1};
    if (p->groups) s.each = s.channels / p->groups;
    return s;
}

static xinf_status ref_norm_prepare(xi_prepare *p, xinf_error *err)
{
    ref_norm_params *n = p->params;
    xinf_dtype d = p->in[0]->dtype;
    n->kind = xk_kind_of(d);
    n->batch = xi_node_is(p->node, "BatchNormalization");
    n->training = n->batch && xi_node_int(p->node, "training_mode", 0);
    n->groups = xi_node_int(p->node, "num_groups", 0);
    n->epsilon = xi_node_float(p->node, "epsilon", 1e-5f);
    n->momentum = xi_node_float(p->node, "momentum", 0.9f);
    if (!xi_dtype_is_float(d))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    if (!n->training) p->in_place = 1;
    return XINF_OK;
}

static int64_t ref_norm_units(const ref_norm_params *p, const ref_norm_shape *s)
{
    if (p->training) return s->channels;
    return s->each ? s->batch * (s->channels / s->each) : 0;
}

static int64_t ref_norm_grain(const ref_norm_shape *s)
{
    int64_t run = s->each * s->plane;
    return run < 1 || run > 4096 ? 1 : 4096 / run;
}

static xinf_status ref_norm_extent(const void *params, xi_operand *const *in,
                                   xi_operand *const *out, int32_t width, xi_extent *e,
                                   xinf_error *err)
{
    const ref_norm_params *p = params;
    ref_norm_shape s = ref_norm_of(p, &in[0]->shape);
    size_t run = (size_t)s.each;
    e->chunks[0] = xk_split_chunks(ref_norm_units(p, &s), ref_norm_grain(&s), width);
    e->flops = (uint64_t)in[0]->count * 2;
    if (!xi_mul_size(run, (size_t)s.plane, &run) ||
        !xi_mul_size(run, xk_kind_size((xk_kind)p->kind), &e->scratch))
        return xi_fail_memory(err, SIZE_MAX);
    return XINF_OK;
}

static double ref_norm_number(const xi_operand *o, int64_t channel)
{
    return xi_dtype_load_f64(o->data, o->dtype, channel);
}

/* One plane of channel `c` out of x (already in the computing type). */
static void ref_norm_plane(const xi_call *call, const ref_norm_shape *s, const void *x,
                           int64_t plane, void *scratch, double mean, double var)
{
    const ref_norm_params *p = call->params;
    xi_operand *out = call->out[0];
    xk_kind kind = (xk_kind)p->kind;
    int64_t c = plane % s->channels, at = plane * s->plane;
    double scale = ref_norm_number(call->in[1], c) / sqrt(var + (double)p->epsilon),
           shift = ref_norm_number(call->in[2], c);
    bool native = xk_kind_native(kind, out->dtype);
    void *dst = native ? (char *)out->data + (size_t)at * xk_kind_size(kind) : scratch;
    xk_moments_affine(dst, x, kind, s->plane, mean, scale, shift);
    if (!native) xk_block_store(out->data, out->dtype, at, 1, dst, kind, s->plane);
}

/* All planes of one channel: statistics over the batch, and the running ones. */
static void ref_norm_train(const xi_call *call, const ref_norm_shape *s, int64_t c, void *scratch)
{
    const ref_norm_params *p = call->params;
    const xi_operand *in = call->in[0];
    xk_kind kind = (xk_kind)p->kind;
    double sum = 0, square = 0, count = (double)s->batch * (double)s->plane, mean;
    for (int64_t n = 0; n < s->batch; n++)
        sum += xk_moments_sum(xk_block_read(scratch, kind, in->data, in->dtype,
                                            (n * s->channels + c) * s->plane, s->plane),
                              kind, s->plane);
    mean = sum / count;
    for (int64_t n = 0; n < s->batch; n++)
        square += xk_moments_square(xk_block_read(scratch, kind, in->data, in->dtype,
                                                  (n * s->channels + c) * s->plane, s->plane),
                                    kind, s->plane, mean);
    for (int64_t n = 0; n < s->batch && call->out[0]; n++) {
        int64_t plane = n * s->channels + c;
        const void *x = xk_block_read(scratch, kind, in->data, in->dtype, plane * s->plane,
                                      s->plane);
        ref_norm_plane(call, s, x, plane, scratch, mean, square / count);
    }
    double keep = (double)p->momentum, now[2] = {mean, square / count};
    for (int32_t i = 1; i < 3 && i < call->out_count; i++)
        if (call->out[i])
            xi_dtype_store_f64(call->out[i]->data, call->out[i]->dtype, c,
                               ref_norm_number(call->in[2 + i], c) * keep +
                                   now[i - 1] * (1 - keep));
}

static xinf_status ref_norm_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const ref_norm_params *p = call->params;
    const xi_operand *in = call->in[0];
    ref_norm_shape s = ref_norm_of(p, &in->shape);
    xk_kind kind = (xk_kind)p->kind;
    int64_t first, last, run = s.each * s.plane;
    size_t size = xk_kind_size(kind);
    if (in->count == 0) return XINF_OK;
    xk_split_range(ref_norm_units(p, &s), ref_norm_grain(&s), call->width, chunk, &first, &last);
    for (int64_t unit = first; unit < last; unit++) {
        if (p->training) {
            ref_norm_train(call, &s, unit, scratch);
            continue;
        }
        const char *x = xk_block_read(scratch, kind, in->data, in->dtype, unit * run, run);
        double mean = 0, var = 0;
        if (!p->batch) {
            mean = xk_moments_sum(x, kind, run) / (double)run;
            var = xk_moments_square(x, kind, run, mean) / (double)run;
        }
        for (int64_t k = 0; k < s.each; k++) {
            int64_t plane = unit * s.each + k;
            if (p->batch) {
                mean = ref_norm_number(call->in[3], plane % s.channels);
                var = ref_norm_number(call->in[4], plane % s.channels);
            }
            ref_norm_plane(call, &s, x + (size_t)(k * s.plane) * size, plane,
                           (char *)scratch + (size_t)(k * s.plane) * size, mean, var);
        }
    }
    return XINF_OK;
}

#define NORM_KERNEL(op_name, id)                                                    \
    {                                                                               \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",         \
        .prepare = ref_norm_prepare, .extent = ref_norm_extent, .run = ref_norm_run \
    }

const xi_kernel xk_ref_norm[] = {
    NORM_KERNEL("BatchNormalization", "batch_norm"),
    NORM_KERNEL("InstanceNormalization", "instance_norm"),
    NORM_KERNEL("GroupNormalization", "group_norm"),
    {0},
};

#undef NORM_KERNEL
