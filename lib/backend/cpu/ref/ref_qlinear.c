/* ref_qlinear.c — QLinearMatMul and QLinearConv: 8-bit integers, sums in 32 bits that wrap, one
 * rounding at the end. Phase 0 takes the zero points off, phase 1 computes. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "backend/cpu/ref/ref_tap.h"
#include "base/checked.h"
#include "graph/op/quantize.h"

extern const xi_kernel xk_ref_qlinear[];

enum { QLINEAR_A = 0, QLINEAR_B = 3, QLINEAR_Y_SCALE = 6, QLINEAR_Y_ZERO = 7, QLINEAR_BIAS = 8 };

typedef struct qlinear_params {
    int64_t group;
    bool conv;
} qlinear_params;

static xinf_status ref_qlinear_prepare(xi_prepare *p, xinf_error *err)
{
    qlinear_params *q = p->params;
    q->conv = xi_node_is(p->node, "QLinearConv");
    q->group = xi_node_int(p->node, "group", 1);
    for (int32_t i = QLINEAR_A; i <= QLINEAR_Y_ZERO;
         i += i == QLINEAR_B ? QLINEAR_Y_ZERO - QLINEAR_B : QLINEAR_B)
        if (p->in[i]->dtype != XINF_INT8 && p->in[i]->dtype != XINF_UINT8)
            return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                                  xinf_dtype_name(p->in[i]->dtype));
    return XINF_OK;
}

/* A scale or zero point of which there is one, one for each of `each` rows (or columns), or one for
 * each of each matrix. */
static int64_t ref_qlinear_pick(const xi_operand *o, int64_t each, int64_t at, int64_t matrix)
{
    return o->count == 1 ? 0 : o->count == each ? at : matrix * each + at;
}

static double ref_qlinear_scale(const xi_operand *o, int64_t at)
{
    return xi_dtype_load_f64(o->data, o->dtype, at);
}

static xinf_status ref_qlinear_shared(xi_operand *const *in, xi_extent *e, xinf_error *err)
{
    size_t count;
    if (!xi_add_size((size_t)in[QLINEAR_A]->count, (size_t)in[QLINEAR_B]->count, &count) ||
        !xi_mul_size(count, sizeof(int32_t), &e->shared))
        return xi_fail_memory(err, SIZE_MAX);
    e->phases = 2;
    e->chunks[0] = 1;
    return XINF_OK;
}

/* An operand without its zero points: `run` elements beside each other share one, after `each` of
 * them they repeat, and every `matrix` elements may have a set of their own. */
static void ref_qlinear_take_off(const xi_operand *o, const xi_operand *zero, int64_t each,
                                 int64_t run, int64_t matrix, int32_t *to)
{
    xk_block_load(to, XK_I32, o->data, o->dtype, 0, 1, o->count);
    for (int64_t i = 0; i < o->count; i++)
        to[i] -= (int32_t)xi_dtype_load_i64(
            zero->data, zero->dtype, ref_qlinear_pick(zero, each, i / run % each, i / matrix));
}

static void ref_qlinear_write(const xi_call *call, const int32_t *acc, const double *scale,
                              int64_t step, int64_t first, int64_t count)
{
    const xi_operand *y = call->out[0], *z = call->in[QLINEAR_Y_ZERO];
    int64_t low, high, zero = xi_dtype_load_i64(z->data, z->dtype, 0);
    xi_quantized_range(y->dtype, &low, &high);
    for (int64_t i = 0; i < count; i++) {
        double v = nearbyint(acc[i] * scale[i * step]) + (double)zero;
        int64_t clipped = v > (double)low ? (v < (double)high ? (int64_t)v : high) : low;
        ((uint8_t *)y->data)[first + i] = (uint8_t)clipped;
    }
}

/* ---- QLinearMatMul ---- */

typedef struct qlinear_matmul {
    int64_t rows, columns, depth, matrices;
    xi_shape batch;
} qlinear_matmul;

static qlinear_matmul ref_qlinear_matmul_sizes(xi_operand *const *in, const xi_operand *out)
{
    const xi_shape *a = &in[QLINEAR_A]->shape, *b = &in[QLINEAR_B]->shape;
    int32_t own = (a->rank > 1) + (b->rank > 1);
    qlinear_matmul m = {a->rank > 1 ? a->dim[a->rank - 2] : 1,
                        b->rank > 1 ? b->dim[b->rank - 1] : 1,
                        a->dim[a->rank - 1],
                        1,
                        {0}};
    m.batch = xi_shape_of(out->shape.rank - own, out->shape.dim);
    m.matrices = xi_shape_span(&m.batch, 0, m.batch.rank);
    return m;
}

/* Which of an operand's matrices the output's matrix number `flat` is made from. */
static int64_t ref_qlinear_matrix(const xi_operand *o, const xi_shape *batch, int64_t flat)
{
    int64_t at = 0, scale = 1;
    for (int32_t i = batch->rank - 1, own = o->shape.rank - 3; i >= 0 && own >= 0; i--, own--) {
        at += (o->shape.dim[own] == 1 ? 0 : flat % batch->dim[i]) * scale;
        scale *= o->shape.dim[own];
        flat /= batch->dim[i];
    }
    return at;
}

static xinf_status ref_qlinear_matmul_extent(const void *params, xi_operand *const *in,
                                             xi_operand *const *out, int32_t width, xi_extent *e,
                                             xinf_error *err)
{
    if (out[0]->count == 0) return XINF_OK;
    qlinear_matmul m = ref_qlinear_matmul_sizes(in, out[0]);
    e->chunks[1] = xk_split_chunks(m.matrices * m.rows, 1, width);
    e->scratch = (size_t)m.columns * (sizeof(int32_t) + sizeof(double)) + XI_ALIGN;
    e->flops = 2 * (uint64_t)out[0]->count * (uint64_t)m.depth;
    return ref_qlinear_shared(in, e, err);
}

static xinf_status ref_qlinear_matmul_run(const xi_call *call, int32_t phase, int32_t chunk,
                                          void *scratch, xinf_error *err)
{
    const xi_operand *a = call->in[QLINEAR_A], *b = call->in[QLINEAR_B];
    int32_t *left = call->shared, *right = left + a->count;
    int64_t first, last;
    if (call->out[0]->count == 0) return XINF_OK;
    qlinear_matmul m = ref_qlinear_matmul_sizes(call->in, call->out[0]);
    if (phase == 0) {
        if (m.depth == 0) return XINF_OK;
        ref_qlinear_take_off(a, call->in[QLINEAR_A + 2], m.rows, m.depth, m.rows * m.depth, left);
        ref_qlinear_take_off(b, call->in[QLINEAR_B + 2], m.columns, 1, m.depth * m.columns, right);
        return XINF_OK;
    }
    double *scale = scratch;
    int32_t *acc = (int32_t *)(scale + m.columns);
    xk_split_range(m.matrices * m.rows, 1, call->width, chunk, &first, &last);
    for (int64_t r = first; r < last; r++) {
        int64_t row = r % m.rows, ma = ref_qlinear_matrix(a, &m.batch, r / m.rows),
                mb = ref_qlinear_matrix(b, &m.batch, r / m.rows);
        double base = ref_qlinear_scale(call->in[1],
                                        ref_qlinear_pick(call->in[1], m.rows, row, ma)) /
                      ref_qlinear_scale(call->in[QLINEAR_Y_SCALE], 0);
        for (int64_t j = 0; j < m.columns; j++) {
            scale[j] = base * ref_qlinear_scale(call->in[4],
                                                ref_qlinear_pick(call->in[4], m.columns, j, mb));
            acc[j] = 0;
        }
        for (int64_t k = 0; k < m.depth; k++) {
            uint32_t v = (uint32_t)left[(ma * m.rows + row) * m.depth + k];
            const int32_t *src = right + (mb * m.depth + k) * m.columns;
            for (int64_t j = 0; j < m.columns; j++)
                acc[j] = (int32_t)((uint32_t)acc[j] + v * (uint32_t)src[j]);
        }
        ref_qlinear_write(call, acc, scale, 1, r * m.columns, m.columns);
    }
    return XINF_OK;
}

/* ---- QLinearConv ---- */

static xinf_status ref_qlinear_conv_extent(const void *params, xi_operand *const *in,
                                           xi_operand *const *out, int32_t width, xi_extent *e,
                                           xinf_error *err)
{
    const xi_shape *y = &out[0]->shape;
    if (out[0]->count == 0) return XINF_OK;
    int64_t planes = y->dim[0] * y->dim[1];
    e->chunks[1] = xk_split_chunks(planes, 1, width);
    e->scratch = (size_t)(out[0]->count / planes) * sizeof(int32_t);
    e->flops = 2 * (uint64_t)out[0]->count *
               (uint64_t)xi_shape_span(&in[QLINEAR_B]->shape, 1, in[QLINEAR_B]->shape.rank);
    return ref_qlinear_shared(in, e, err);
}

static void ref_qlinear_conv_plane(const xi_call *call, xk_tap *t, int64_t plane, int64_t size,
                                   int32_t *acc)
{
    const qlinear_params *q = call->params;
    const xi_operand *x = call->in[QLINEAR_A], *weight = call->in[QLINEAR_B],
                     *bias = call->in_count > QLINEAR_BIAS ? call->in[QLINEAR_BIAS] : NULL;
    const int32_t *left = call->shared, *right = left + x->count;
    int64_t features = weight->shape.dim[0], m = plane % features, channels = weight->shape.dim[1],
            to, from;
    int64_t taps = xi_shape_span(&weight->shape, 2, weight->shape.rank),
            area = xi_shape_span(&x->shape, 2, x->shape.rank);
    int64_t first = plane / features * x->shape.dim[1] + m / (features / q->group) * channels;
    int32_t inner = t->w.rank - 1, start = bias ? ((const int32_t *)bias->data)[m] : 0;
    for (int64_t i = 0; i < size; i++) acc[i] = start;
    for (int64_t tap = 0; tap < taps; tap++)
        for (int64_t c = 0; c < channels && xk_tap_set(t, tap); c++) {
            uint32_t v = (uint32_t)right[(m * channels + c) * taps + tap];
            while (xk_tap_row(t, &to, &from)) {
                const int32_t *src = left + (first + c) * area + from;
                for (int64_t i = 0; i < t->count[inner]; i++)
                    acc[to + i] = (int32_t)((uint32_t)acc[to + i] +
                                            v * (uint32_t)src[i * t->w.stride[inner]]);
            }
        }
    double scale = ref_qlinear_scale(call->in[1], 0) *
                   ref_qlinear_scale(call->in[4], call->in[4]->count == 1 ? 0 : m) /
                   ref_qlinear_scale(call->in[QLINEAR_Y_SCALE], 0);
    ref_qlinear_write(call, acc, &scale, 0, plane * size, size);
}

static xinf_status ref_qlinear_conv_run(const xi_call *call, int32_t phase, int32_t chunk,
                                        void *scratch, xinf_error *err)
{
    const xi_operand *x = call->in[QLINEAR_A], *w = call->in[QLINEAR_B], *y = call->out[0];
    xk_tap tap;
    int64_t first, last, planes = y->shape.dim[0] * y->shape.dim[1];
    if (y->count == 0) return XINF_OK;
    if (phase == 0) {
        int32_t *left = call->shared;
        int64_t filter = xi_shape_span(&w->shape, 1, w->shape.rank);
        if (x->count == 0 || filter == 0) return XINF_OK;
        ref_qlinear_take_off(x, call->in[QLINEAR_A + 2], 1, x->count, x->count, left);
        ref_qlinear_take_off(w, call->in[QLINEAR_B + 2], w->shape.dim[0], filter, w->count,
                             left + x->count);
        return XINF_OK;
    }
    xinf_status status = xi_window_resolve(&tap.w, call->node, &x->shape, w->shape.dim + 2, err);
    if (status) return status;
    xk_split_range(planes, 1, call->width, chunk, &first, &last);
    for (int64_t p = first; p < last; p++)
        ref_qlinear_conv_plane(call, &tap, p, y->count / planes, scratch);
    return XINF_OK;
}

const xi_kernel xk_ref_qlinear[] = {
    {.op = "QLinearMatMul",
     .domain = "",
     .name = "xk_qlinear_matmul_any_ref__portable",
     .prepare = ref_qlinear_prepare,
     .extent = ref_qlinear_matmul_extent,
     .run = ref_qlinear_matmul_run},
    {.op = "QLinearConv",
     .domain = "",
     .name = "xk_qlinear_conv_any_ref__portable",
     .prepare = ref_qlinear_prepare,
     .extent = ref_qlinear_conv_extent,
     .run = ref_qlinear_conv_run},
    {0},
};
