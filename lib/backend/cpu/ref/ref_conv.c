/* ref_conv.c — portable Conv, ConvInteger and ConvTranspose. Phase 0 converts what is not of the
 * computing type; phase 1 computes a few output planes at a time, each by itself and in a fixed
 * order. */
#include "backend/cpu/ref/ref_block.h"
#include "backend/cpu/ref/ref_window.h"
#include "base/checked.h"
#include "graph/op/window.h"

extern const xi_kernel xk_ref_conv[];

enum { REF_CONV_FILTERS = 4 };

typedef struct ref_conv_params {
    int32_t kind;
    bool integer, transposed;
    int64_t group;
} ref_conv_params;

typedef struct ref_conv_plan {
    xi_window window;
    int64_t batch, groups, in_channels, out_channels; /* channels of one group */
    int64_t in_plane, out_plane, kernel_plane;
    int64_t wide, columns;  /* of accumulators, and of the kernel */
    int64_t blocks;         /* of REF_CONV_FILTERS filters in a group */
    int64_t x_size, w_size; /* elements to convert; 0: read in place */
} ref_conv_plan;

/* The input row (over all but the last axis) that output row `row` meets with kernel row `ko`; -1
 * where that is padding. */
static int64_t ref_conv_input_row(const xi_window *w, int64_t row, int64_t ko)
{
    int64_t at = 0, scale = 1;
    for (int32_t i = w->rank - 2; i >= 0; i--) {
        int64_t y = row % w->out[i] * w->stride[i] + ko % w->kernel[i] * w->dilation[i] -
                    w->begin[i];
        if (y < 0 || y >= w->in[i]) return -1;
        at += y * scale;
        scale *= w->in[i];
        row /= w->out[i];
        ko /= w->kernel[i];
    }
    return at;
}

/* The same for a transposed convolution: from the input's row to the output's. */
static int64_t ref_conv_output_row(const xi_window *w, int64_t row, int64_t ko)
{
    int64_t at = 0, scale = 1;
    for (int32_t i = w->rank - 2; i >= 0; i--) {
        int64_t y = row % w->in[i] * w->stride[i] + ko % w->kernel[i] * w->dilation[i] -
                    w->begin[i];
        if (y < 0 || y >= w->out[i]) return -1;
        at += y * scale;
        scale *= w->out[i];
        row /= w->in[i];
        ko /= w->kernel[i];
    }
    return at;
}

#define T float
#define FN(name) ref_conv_##name##_f32
#include "backend/cpu/ref/conv_tmpl.h"
#define T double
#define FN(name) ref_conv_##name##_f64
#include "backend/cpu/ref/conv_tmpl.h"
#define T uint32_t /* products of integers wrap */
#define FN(name) ref_conv_##name##_u32
#include "backend/cpu/ref/conv_tmpl.h"

/* What shapes alone say; extent has no more. */
static void ref_conv_sizes(ref_conv_plan *p, const ref_conv_params *c, xi_operand *const *in,
                           const xi_operand *out)
{
    const xi_shape *x = &in[0]->shape, *w = &in[1]->shape;
    *p = (ref_conv_plan){
        .batch = x->dim[0], .groups = c->group, .in_channels = x->dim[1] / c->group};
    p->out_channels = c->transposed ? w->dim[1] : w->dim[0] / c->group;
    p->in_plane = xi_shape_span(x, 2, x->rank);
    p->out_plane = xi_shape_span(&out->shape, 2, x->rank);
    p->kernel_plane = xi_shape_span(w, 2, w->rank);
    p->columns = w->dim[w->rank - 1];
    p->wide = c->transposed || p->kernel_plane == 1 ? p->out_plane : out->shape.dim[x->rank - 1];
    p->blocks = c->transposed ? p->out_channels
                              : (p->out_channels + REF_CONV_FILTERS - 1) / REF_CONV_FILTERS;
    if (c->integer || !xk_kind_native((xk_kind)c->kind, in[0]->dtype)) p->x_size = in[0]->count;
    if (c->integer || !xk_kind_native((xk_kind)c->kind, in[1]->dtype)) p->w_size = in[1]->count;
}

static xinf_status ref_conv_resolve(ref_conv_plan *p, const xi_call *call, xinf_error *err)
{
    const ref_conv_params *c = call->params;
    const xi_shape *x = &call->in[0]->shape, *w = &call->in[1]->shape;
    xi_window *v = &p->window;
    xinf_status status;
    ref_conv_sizes(p, c, call->in, call->out[0]);
    XI_TRY(c->transposed ? xi_window_resolve_transposed(v, call->node, x, w->dim + 2, err)
                         : xi_window_resolve(v, call->node, x, w->dim + 2, err));
    bool point = !c->transposed;
    for (int32_t i = 0; i < v->rank; i++)
        point = point && v->kernel[i] == 1 && v->stride[i] == 1 && v->begin[i] == 0 &&
                v->in[i] == v->out[i];
    if (point) { /* a 1×1 convolution sees one long row */
        v->rank = 1;
        v->in[0] = v->out[0] = p->in_plane;
        v->kernel[0] = v->stride[0] = v->dilation[0] = 1;
        v->begin[0] = 0;
    }
cleanup:
    return status;
}

static xinf_status ref_conv_prepare(xi_prepare *p, xinf_error *err)
{
    ref_conv_params *c = p->params;
    xinf_dtype d = p->in[0]->dtype;
    c->integer = xi_node_is(p->node, "ConvInteger");
    c->transposed = xi_node_is(p->node, "ConvTranspose");
    c->group = xi_node_int(p->node, "group", 1);
    c->kind = c->integer ? XK_I32 : xk_kind_of(d);
    if (!c->integer && !xi_dtype_is_float(d))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    return XINF_OK;
}

/* Bytes of scratch: the accumulators, then the spans as pairs of int64. */
static bool ref_conv_scratch(const ref_conv_plan *p, const ref_conv_params *c, size_t *accumulators,
                             size_t *total)
{
    size_t spans, count;
    return xi_mul_size((size_t)p->wide, c->transposed ? 1 : REF_CONV_FILTERS, &count) &&
           xi_mul_size(count, xk_kind_size((xk_kind)c->kind), &count) &&
           xi_align_size(count, XI_ALIGN, accumulators) &&
           xi_mul_size((size_t)p->columns, 2 * sizeof(int64_t), &spans) &&
           xi_add_size(*accumulators, spans, total);
}

static int64_t ref_conv_grain(const ref_conv_plan *p)
{
    double work = (double)p->out_plane * (double)p->in_channels * (double)p->kernel_plane *
                  REF_CONV_FILTERS;
    return work >= 65536 ? 1 : work < 1 ? 65536 : (int64_t)(65536 / work);
}

static xinf_status ref_conv_extent(const void *params, xi_operand *const *in,
                                   xi_operand *const *out, int32_t width, xi_extent *e,
                                   xinf_error *err)
{
    const ref_conv_params *c = params;
    ref_conv_plan p;
    size_t size = xk_kind_size((xk_kind)c->kind), x, w, accumulators;
    ref_conv_sizes(&p, c, in, out[0]);
    if (!xi_mul_size((size_t)p.x_size, size, &x) || !xi_mul_size((size_t)p.w_size, size, &w) ||
        !xi_align_size(x, XI_ALIGN, &x) || !xi_add_size(x, w, &e->shared) ||
        !ref_conv_scratch(&p, c, &accumulators, &e->scratch))
        return xi_fail_memory(err, SIZE_MAX);
    e->phases = 2;
    e->chunks[0] = e->shared ? xk_split_chunks(p.x_size + p.w_size, 8192, width) : 0;
    e->chunks[1] = xk_split_chunks(p.batch * p.groups * p.blocks, ref_conv_grain(&p), width);
    e->flops = 2 * (uint64_t)(c->transposed ? in[0]->count : out[0]->count) *
               (uint64_t)(c->transposed ? p.out_channels : p.in_channels) *
               (uint64_t)p.kernel_plane;
    return XINF_OK;
}

static void *ref_conv_place(const xi_call *call, const ref_conv_plan *p, bool weight)
{
    const ref_conv_params *c = call->params;
    size_t at = 0;
    if (weight) xi_align_size((size_t)p->x_size * xk_kind_size((xk_kind)c->kind), XI_ALIGN, &at);
    return (char *)call->shared + at;
}

/* Elements first … last-1 of input or weight into the computing type, zero points taken off. */
static void ref_conv_convert(const xi_call *call, const ref_conv_plan *p, bool weight,
                             int64_t first, int64_t last)
{
    const ref_conv_params *c = call->params;
    const xi_operand *in = call->in[weight],
                     *z = c->integer && call->in_count > 2 + weight ? call->in[2 + weight] : NULL;
    xk_kind kind = (xk_kind)c->kind;
    char *to = ref_conv_place(call, p, weight);
    if (first >= last) return;
    xk_block_load(to + (size_t)first * xk_kind_size(kind), kind, in->data, in->dtype, first, 1,
                  last - first);
    if (!z || z->count == 0) return;
    int64_t filter = p->in_channels * p->kernel_plane;
    for (int64_t i = first; i < last; i++)
        ((int32_t *)to)[i] -= (int32_t)xi_dtype_load_i64(z->data, z->dtype,
                                                         z->count == 1 ? 0 : i / filter);
}

static void ref_conv_spans(const ref_conv_plan *p, bool transposed, int64_t *spans)
{
    const xi_window *w = &p->window;
    int32_t last = w->rank - 1;
    for (int64_t kw = 0; kw < w->kernel[last]; kw++) {
        int64_t offset = kw * w->dilation[last] - w->begin[last];
        xk_window_span(transposed ? w->out[last] : w->in[last],
                       transposed ? w->in[last] : w->out[last], w->stride[last], offset,
                       &spans[2 * kw], &spans[2 * kw + 1]);
    }
}

/* The bias of channel `m`, count times. */
static void ref_conv_fill(const xi_call *call, xk_kind kind, int64_t m, void *acc, int64_t count)
{
    const ref_conv_params *c = call->params;
    const xi_operand *bias = !c->integer && call->in_count > 2 ? call->in[2] : NULL;
    if (bias)
        xk_block_load(acc, kind, bias->data, bias->dtype, m, 0, count);
    else
        memset(acc, 0, (size_t)count * xk_kind_size(kind));
}

static void ref_conv_unit(const xi_call *call, const ref_conv_plan *p, int64_t unit, char *acc,
                          const int64_t *spans)
{
    const ref_conv_params *c = call->params;
    const xi_window *v = &p->window;
    const xi_operand *out = call->out[0];
    xk_kind kind = (xk_kind)c->kind;
    size_t size = xk_kind_size(kind);
    int64_t block = unit % p->blocks, g = unit / p->blocks % p->groups,
            n = unit / p->blocks / p->groups;
    int64_t first = block * REF_CONV_FILTERS, filters = p->out_channels - first,
            width = v->out[v->rank - 1];
    int64_t m = g * p->out_channels + first, plane = n * p->groups * p->out_channels + m;
    if (filters > REF_CONV_FILTERS) filters = REF_CONV_FILTERS;
    const char *x = p->x_size ? ref_conv_place(call, p, false) : call->in[0]->data;
    const char *w = p->w_size ? ref_conv_place(call, p, true) : call->in[1]->data;
    x += (size_t)((n * p->groups + g) * p->in_channels * p->in_plane) * size;
    w += (size_t)(m * p->in_channels * p->kernel_plane) * size;
    for (int64_t row = 0; row < p->out_plane / width; row++) {
        for (int64_t f = 0; f < filters; f++)
            ref_conv_fill(call, kind, m + f, acc + (size_t)(f * width) * size, width);
        if (kind == XK_F32)
            ref_conv_row_f32(p, (const float *)x, (const float *)w, filters, spans, row,
                             (float *)acc);
        else if (kind == XK_F64)
            ref_conv_row_f64(p, (const double *)x, (const double *)w, filters, spans, row,
                             (double *)acc);
        else
            ref_conv_row_u32(p, (const uint32_t *)x, (const uint32_t *)w, filters, spans, row,
                             (uint32_t *)acc);
        for (int64_t f = 0; f < filters; f++)
            xk_block_store(out->data, out->dtype, (plane + f) * p->out_plane + row * width, 1,
                           acc + (size_t)(f * width) * size, kind, width);
    }
}

static void ref_conv_transposed_unit(const xi_call *call, const ref_conv_plan *p, int64_t unit,
                                     char *acc, const int64_t *spans)
{
    const ref_conv_params *c = call->params;
    const xi_operand *out = call->out[0];
    xk_kind kind = (xk_kind)c->kind;
    size_t size = xk_kind_size(kind);
    int64_t m = unit % p->out_channels, g = unit / p->out_channels % p->groups,
            n = unit / p->out_channels / p->groups;
    const char *x = p->x_size ? ref_conv_place(call, p, false) : call->in[0]->data;
    const char *w = p->w_size ? ref_conv_place(call, p, true) : call->in[1]->data;
    ref_conv_fill(call, kind, g * p->out_channels + m, acc, p->out_plane);
    for (int64_t ic = 0; ic < p->in_channels && p->in_plane; ic++) {
        int64_t channel = g * p->in_channels + ic;
        const char *from = x + (size_t)((n * p->groups * p->in_channels + channel) * p->in_plane) *
                                   size;
        const char *k = w + (size_t)((channel * p->out_channels + m) * p->kernel_plane) * size;
        if (kind == XK_F32)
            ref_conv_spread_f32(p, (const float *)from, (const float *)k, spans, (float *)acc);
        else if (kind == XK_I32)
            ref_conv_spread_u32(p, (const uint32_t *)from, (const uint32_t *)k, spans,
                                (uint32_t *)acc);
        else
            ref_conv_spread_f64(p, (const double *)from, (const double *)k, spans, (double *)acc);
    }
    xk_block_store(out->data, out->dtype, unit * p->out_plane, 1, acc, kind, p->out_plane);
}

static xinf_status ref_conv_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const ref_conv_params *c = call->params;
    ref_conv_plan p;
    xinf_status status;
    int64_t first, last;
    size_t accumulators, total;
    if (call->out[0]->count == 0) return XINF_OK;
    XI_TRY(ref_conv_resolve(&p, call, err));
    if (phase == 0) {
        xk_split_range(p.x_size + p.w_size, 8192, call->width, chunk, &first, &last);
        ref_conv_convert(call, &p, false, first, last < p.x_size ? last : p.x_size);
        ref_conv_convert(call, &p, true, first < p.x_size ? 0 : first - p.x_size, last - p.x_size);
        return XINF_OK;
    }
    if (!ref_conv_scratch(&p, c, &accumulators, &total)) return xi_fail_memory(err, SIZE_MAX);
    int64_t *spans = (int64_t *)((char *)scratch + accumulators);
    ref_conv_spans(&p, c->transposed, spans);
    xk_split_range(p.batch * p.groups * p.blocks, ref_conv_grain(&p), call->width, chunk, &first,
                   &last);
    for (; first < last; first++)
        (c->transposed ? ref_conv_transposed_unit : ref_conv_unit)(call, &p, first, scratch, spans);
cleanup:
    return status;
}

#define CONV_KERNEL(op_name, id)                                                    \
    {                                                                               \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",         \
        .prepare = ref_conv_prepare, .extent = ref_conv_extent, .run = ref_conv_run \
    }

const xi_kernel xk_ref_conv[] = {
    CONV_KERNEL("Conv", "conv"),
    CONV_KERNEL("ConvInteger", "conv_integer"),
    CONV_KERNEL("ConvTranspose", "conv_transpose"),
    {0},
};

#undef CONV_KERNEL
