/* ref_pool.c — portable MaxPool, AveragePool, LpPool and their global forms, plane by plane. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "backend/cpu/ref/ref_window.h"
#include "base/checked.h"
#include "graph/op/window.h"

extern const xi_kernel xk_ref_pool[];

typedef enum ref_pool_what { REF_POOL_MAX, REF_POOL_MEAN, REF_POOL_NORM } ref_pool_what;

typedef struct ref_pool_params {
    int32_t what;
    bool include_pad, by_column; /* storage_order 1 */
    int64_t power;
} ref_pool_params;

typedef struct ref_pool_plan {
    xi_window window;
    int64_t planes, in_plane, out_plane, kernel_plane;
    int64_t power; /* 0: mean */
    bool include_pad;
} ref_pool_plan;

/* The input row that output row `row` meets with kernel row `ko`; -1 where that is padding. */
static int64_t ref_pool_input_row(const xi_window *w, int64_t row, int64_t ko)
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

/* Kernel elements of window `o` that count along one axis: inside the input, or inside its padding
 * too. */
static int64_t ref_pool_count_axis(const xi_window *w, int32_t axis, int64_t o, bool include_pad)
{
    int64_t first = o * w->stride[axis] - w->begin[axis], count = 0;
    int64_t low = include_pad ? -w->begin[axis] : 0,
            high = w->in[axis] + (include_pad ? w->end[axis] : 0);
    int64_t lo, hi;
    if (high <= low) return 0;
    xk_window_span(high - low, w->kernel[axis], w->dilation[axis], first - low, &lo, &hi);
    count = hi - lo;
    return count;
}

/* The product over the axes before `last` for the windows of a row. */
static int64_t ref_pool_count(const xi_window *w, int64_t row, int32_t last, bool include_pad)
{
    int64_t count = 1;
    for (int32_t i = last - 1; i >= 0; i--) {
        count *= ref_pool_count_axis(w, i, row % w->out[i], include_pad);
        row /= w->out[i];
    }
    return count;
}

#define T float
#define FN(name) ref_pool_##name##_f32
#define LOWEST -INFINITY
#define M(function) function##f
#include "backend/cpu/ref/pool_tmpl.h"
#define T double
#define FN(name) ref_pool_##name##_f64
#define LOWEST -(double)INFINITY
#define M(function) function
#include "backend/cpu/ref/pool_tmpl.h"
#define T int32_t
#define FN(name) ref_pool_##name##_i32
#define LOWEST INT32_MIN
#include "backend/cpu/ref/pool_tmpl.h"

static xinf_status ref_pool_prepare(xi_prepare *p, xinf_error *err)
{
    ref_pool_params *s = p->params;
    xinf_dtype d = p->in[0]->dtype;
    bool max = xi_node_is(p->node, "MaxPool") || xi_node_is(p->node, "GlobalMaxPool");
    bool norm = xi_node_is(p->node, "LpPool") || xi_node_is(p->node, "GlobalLpPool");
    s->what = max ? REF_POOL_MAX : norm ? REF_POOL_NORM : REF_POOL_MEAN;
    s->power = norm ? xi_node_int(p->node, "p", 2) : 0;
    s->include_pad = xi_node_int(p->node, "count_include_pad", 0) != 0;
    s->by_column = xi_node_int(p->node, "storage_order", 0) != 0;
    if (!xi_dtype_is_float(d) &&
        !(xi_node_is(p->node, "MaxPool") && (d == XINF_INT8 || d == XINF_UINT8)))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    return XINF_OK;
}

/* Scratch: one input plane in the computing type, one output row, one row of places. */
static bool ref_pool_scratch(xi_operand *const *in, const xi_operand *out, size_t *row_at,
                             size_t *places_at, size_t *total)
{
    xk_kind kind = xk_kind_of(in[0]->dtype);
    size_t size = xk_kind_size(kind), plane, row, places;
    int32_t rank = in[0]->shape.rank;
    int64_t width = rank > 2 ? out->shape.dim[rank - 1] : 1;
    size_t count = xk_kind_native(kind, in[0]->dtype)
                       ? 0
                       : (size_t)xi_shape_span(&in[0]->shape, 2, rank);
    return xi_mul_size(count, size, &plane) && xi_align_size(plane, XI_ALIGN, row_at) &&
           xi_mul_size((size_t)width, size, &row) && xi_add_size(*row_at, row, &row) &&
           xi_align_size(row, XI_ALIGN, places_at) &&
           xi_mul_size((size_t)width, sizeof(int64_t), &places) &&
           xi_add_size(*places_at, places, total);
}

static int64_t ref_pool_grain(const xi_operand *in)
{
    int64_t plane = xi_shape_span(&in->shape, 2, in->shape.rank);
    return plane < 1 || plane > 8192 ? 1 : 8192 / plane;
}

static xinf_status ref_pool_extent(const void *params, xi_operand *const *in,
                                   xi_operand *const *out, int32_t width, xi_extent *e,
                                   xinf_error *err)
{
    size_t row_at, places_at;
    const xi_operand *to = out[0] ? out[0] : out[1];
    if (!ref_pool_scratch(in, to, &row_at, &places_at, &e->scratch))
        return xi_fail_memory(err, SIZE_MAX);
    e->chunks[0] = xk_split_chunks(in[0]->shape.dim[0] * in[0]->shape.dim[1], ref_pool_grain(in[0]),
                                   width);
    e->flops = (uint64_t)in[0]->count;
    return XINF_OK;
}

/* Places count over the whole tensor; storage_order 1 counts columns before rows inside a plane. */
static int64_t ref_pool_place(const xi_window *w, int64_t plane, int64_t in_plane, int64_t at,
                              bool by_column)
{
    if (at < 0) return 0;
    if (!by_column) return plane * in_plane + at;
    int64_t index[XI_WINDOW_RANK], swapped = 0;
    for (int32_t i = w->rank - 1; i >= 0; i--) {
        index[i] = at % w->in[i];
        at /= w->in[i];
    }
    for (int32_t i = w->rank - 1; i >= 0; i--) swapped = swapped * w->in[i] + index[i];
    return plane * in_plane + swapped;
}

static void ref_pool_row(const ref_pool_plan *p, xk_kind kind, ref_pool_what what, const void *x,
                         int64_t row, void *acc, int64_t *places)
{
    if (what == REF_POOL_MAX) {
        if (kind == XK_F32)
            places ? ref_pool_max_places_f32(p, x, row, acc, places)
                   : ref_pool_max_row_f32(p, x, row, acc);
        else if (kind == XK_F64)
            places ? ref_pool_max_places_f64(p, x, row, acc, places)
                   : ref_pool_max_row_f64(p, x, row, acc);
        else
            places ? ref_pool_max_places_i32(p, x, row, acc, places)
                   : ref_pool_max_row_i32(p, x, row, acc);
    } else if (kind == XK_F32) {
        ref_pool_sum_row_f32(p, x, row, acc);
        ref_pool_finish_row_f32(p, row, acc);
    } else {
        ref_pool_sum_row_f64(p, x, row, acc);
        ref_pool_finish_row_f64(p, row, acc);
    }
}

static xinf_status ref_pool_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const ref_pool_params *s = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0],
                     *index = call->out_count > 1 ? call->out[1] : NULL;
    const xi_operand *to = out ? out : index;
    ref_pool_plan p = {.planes = in->shape.dim[0] * in->shape.dim[1],
                       .in_plane = xi_shape_span(&in->shape, 2, in->shape.rank),
                       .power = s->power,
                       .include_pad = s->include_pad,
                       .kernel_plane = 1};
    xk_kind kind = xk_kind_of(in->dtype);
    xinf_status status;
    size_t row_at, places_at, total;
    int64_t first, last;
    if (to->count == 0) return XINF_OK;
    XI_TRY(xi_window_resolve(&p.window, call->node, &in->shape, NULL, err));
    for (int32_t i = 0; i < p.window.rank; i++) p.kernel_plane *= p.window.kernel[i];
    p.out_plane = xi_shape_span(&to->shape, 2, to->shape.rank);
    if (!ref_pool_scratch(call->in, to, &row_at, &places_at, &total))
        return xi_fail_memory(err, SIZE_MAX);
    char *acc = (char *)scratch + row_at;
    int64_t *places = index ? (int64_t *)((char *)scratch + places_at) : NULL,
            width = p.window.out[p.window.rank - 1];
    xk_split_range(p.planes, ref_pool_grain(in), call->width, chunk, &first, &last);
    for (int64_t plane = first; plane < last; plane++) {
        const void *x = xk_block_read(scratch, kind, in->data, in->dtype, plane * p.in_plane,
                                      p.in_plane);
        for (int64_t row = 0; row < p.out_plane / width; row++) {
            int64_t at = plane * p.out_plane + row * width;
            ref_pool_row(&p, kind, (ref_pool_what)s->what, x, row, acc, places);
            if (out) xk_block_store(out->data, out->dtype, at, 1, acc, kind, width);
            for (int64_t o = 0; index && o < width; o++)
                ((int64_t *)index->data)[at + o] = ref_pool_place(&p.window, plane, p.in_plane,
                                                                  places[o], s->by_column);
        }
    }
cleanup:
    return status;
}

static xinf_status ref_pool_global_run(const xi_call *call, int32_t phase, int32_t chunk,
                                       void *scratch, xinf_error *err)
{
    const ref_pool_params *s = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0];
    int64_t plane = xi_shape_span(&in->shape, 2, in->shape.rank), first, last;
    xk_kind kind = xk_kind_of(in->dtype);
    if (out->count == 0) return XINF_OK;
    xk_split_range(in->shape.dim[0] * in->shape.dim[1], ref_pool_grain(in), call->width, chunk,
                   &first, &last);
    for (; first < last; first++) {
        const void *x = xk_block_read(scratch, kind, in->data, in->dtype, first * plane, plane);
        double wide;
        float narrow;
        if (kind == XK_F32) {
            narrow = ref_pool_global_f32(x, plane, (ref_pool_what)s->what, s->power);
            xk_block_store(out->data, out->dtype, first, 1, &narrow, kind, 1);
        } else {
            wide = ref_pool_global_f64(x, plane, (ref_pool_what)s->what, s->power);
            xk_block_store(out->data, out->dtype, first, 1, &wide, kind, 1);
        }
    }
    return XINF_OK;
}

#define POOL_KERNEL(op_name, id, run_function)                                      \
    {                                                                               \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",         \
        .prepare = ref_pool_prepare, .extent = ref_pool_extent, .run = run_function \
    }

const xi_kernel xk_ref_pool[] = {
    POOL_KERNEL("MaxPool", "max_pool", ref_pool_run),
    POOL_KERNEL("AveragePool", "average_pool", ref_pool_run),
    POOL_KERNEL("LpPool", "lp_pool", ref_pool_run),
    POOL_KERNEL("GlobalMaxPool", "global_max_pool", ref_pool_global_run),
    POOL_KERNEL("GlobalAveragePool", "global_average_pool", ref_pool_global_run),
    POOL_KERNEL("GlobalLpPool", "global_lp_pool", ref_pool_global_run),
    {0},
};

#undef POOL_KERNEL
