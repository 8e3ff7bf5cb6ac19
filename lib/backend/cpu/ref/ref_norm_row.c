/* ref_norm_row.c — portable LayerNormalization and RMSNormalization: a row (all dimensions from the
 * axis on) at a time. */
#include <math.h>

#include "backend/cpu/ref/ref_moments.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_norm_row[];

typedef struct ref_row_params {
    int32_t kind;
    bool rms;
    int64_t axis;
    float epsilon;
} ref_row_params;

static int64_t ref_row_length(const ref_row_params *p, const xi_shape *x)
{
    int32_t axis = 0;
    if (!xi_shape_axis(p->axis, x->rank, &axis)) return 1;
    return xi_shape_span(x, axis, x->rank);
}

static xinf_status ref_row_prepare(xi_prepare *p, xinf_error *err)
{
    ref_row_params *r = p->params;
    xinf_dtype d = p->in[0]->dtype;
    r->kind = xk_kind_of(d);
    r->rms = xi_node_is(p->node, "RMSNormalization");
    r->axis = xi_node_int(p->node, "axis", -1);
    r->epsilon = xi_node_float(p->node, "epsilon", 1e-5f);
    if (!xi_dtype_is_float(d))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    p->in_place = p->out[0] && p->out[0]->dtype == d;
    return XINF_OK;
}

/* Scratch: the row, the scale and the shift in the computing type. */
static xinf_status ref_row_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                  int32_t width, xi_extent *e, xinf_error *err)
{
    const ref_row_params *p = params;
    int64_t length = ref_row_length(p, &in[0]->shape);
    if (!xi_mul_size((size_t)length, 3 * xk_kind_size((xk_kind)p->kind), &e->scratch))
        return xi_fail_memory(err, SIZE_MAX);
    if (length)
        e->chunks[0] = xk_split_chunks(in[0]->count / length, length > 4096 ? 1 : 4096 / length,
                                       width);
    e->flops = (uint64_t)in[0]->count * 4;
    return XINF_OK;
}

/* The part of scale or shift that belongs to a row. It repeats with every row unless it has
 * dimensions before the axis. */
static const void *ref_row_factor(const xi_operand *o, const xi_shape *x, xk_kind kind, int64_t row,
                                  int64_t length, void *buffer, bool *fixed)
{
    int64_t plain = 1;
    int32_t same = 0;
    while (same < o->shape.rank &&
           o->shape.dim[o->shape.rank - 1 - same] == x->dim[x->rank - 1 - same])
        plain *= o->shape.dim[o->shape.rank - 1 - same++];
    if (o->count == length && plain >= length) {
        *fixed = true;
        return xk_block_read(buffer, kind, o->data, o->dtype, 0, length);
    }
    *fixed = false;
    for (int64_t i = 0; i < length; i++) {
        int64_t rest = row * length + i, at = 0, stride = 1;
        for (int32_t d = 1; d <= o->shape.rank; d++) {
            int64_t n = x->dim[x->rank - d], own = o->shape.dim[o->shape.rank - d];
            at += own == 1 ? 0 : rest % n * stride;
            stride *= own;
            rest /= n;
        }
        xk_block_load((char *)buffer + (size_t)i * xk_kind_size(kind), kind, o->data, o->dtype, at,
                      0, 1);
    }
    return buffer;
}

#define ROW_SCALE(T, name)                                                                        \
    static void ref_row_scale_##name(T *dst, const T *x, int64_t n, T mean, T by, const T *scale, \
                                     const T *shift)                                              \
    {                                                                                             \
        if (shift)                                                                                \
            for (int64_t i = 0; i < n; i++) dst[i] = (x[i] - mean) * by * scale[i] + shift[i];    \
        else                                                                                      \
            for (int64_t i = 0; i < n; i++) dst[i] = (x[i] - mean) * by * scale[i];               \
    }

ROW_SCALE(float, f32)
ROW_SCALE(double, f64)

static xinf_status ref_row_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const ref_row_params *p = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0],
                     *bias = call->in_count > 2 ? call->in[2] : NULL;
    int64_t length = ref_row_length(p, &in->shape), first, last;
    xk_kind kind = (xk_kind)p->kind;
    size_t size = (size_t)length * xk_kind_size(kind);
    const void *scale = NULL, *shift = NULL;
    bool scale_fixed = false, shift_fixed = false;
    if (in->count == 0) return XINF_OK;
    xk_split_range(in->count / length, length > 4096 ? 1 : 4096 / length, call->width, chunk,
                   &first, &last);
    for (int64_t row = first; row < last; row++) {
        const void *x = xk_block_read(scratch, kind, in->data, in->dtype, row * length, length);
        double mean = p->rms ? 0 : xk_moments_sum(x, kind, length) / (double)length;
        double by = 1 / sqrt(xk_moments_square(x, kind, length, mean) / (double)length +
                             (double)p->epsilon);
        if (call->out_count > 1 && call->out[1])
            xi_dtype_store_f64(call->out[1]->data, call->out[1]->dtype, row, mean);
        if (call->out_count > 2 && call->out[2])
            xi_dtype_store_f64(call->out[2]->data, call->out[2]->dtype, row, by);
        if (!out) continue;
        if (!scale_fixed)
            scale = ref_row_factor(call->in[1], &in->shape, kind, row, length,
                                   (char *)scratch + size, &scale_fixed);
        if (bias && !shift_fixed)
            shift = ref_row_factor(bias, &in->shape, kind, row, length, (char *)scratch + 2 * size,
                                   &shift_fixed);
        bool native = xk_kind_native(kind, out->dtype);
        void *dst = native ? (char *)out->data + (size_t)row * size : scratch;
        if (kind == XK_F32)
            ref_row_scale_f32(dst, x, length, (float)mean, (float)by, scale, shift);
        else
            ref_row_scale_f64(dst, x, length, mean, by, scale, shift);
        if (!native) xk_block_store(out->data, out->dtype, row * length, 1, dst, kind, length);
    }
    return XINF_OK;
}

const xi_kernel xk_ref_norm_row[] = {
    {.op = "LayerNormalization",
     .domain = "",
     .name = "xk_layer_norm_any_ref__portable",
     .prepare = ref_row_prepare,
     .extent = ref_row_extent,
     .run = ref_row_run},
    {.op = "RMSNormalization",
     .domain = "",
     .name = "xk_rms_norm_any_ref__portable",
     .prepare = ref_row_prepare,
     .extent = ref_row_extent,
     .run = ref_row_run},
    {0},
};

#undef ROW_SCALE
