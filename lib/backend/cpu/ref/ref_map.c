/* ref_map.c — walks tensors that broadcast together, run by run, and converts what is not of the
 * computing type. */
#include "backend/cpu/ref/ref_map.h"

enum { MAP_PIECE = 4096, MAP_GRAIN = 8192 };

/* Stride of input `o` along axis `axis` of an output of rank `rank`; 0 where it is broadcast. */
static int64_t map_stride(const xi_operand *o, int32_t axis, int32_t rank)
{
    int32_t own = axis - (rank - o->shape.rank);
    if (own < 0 || o->shape.dim[own] == 1) return 0;
    return xi_shape_span(&o->shape, own + 1, o->shape.rank);
}

void xk_spread_init(xk_spread *w, int32_t inputs, xi_operand *const *in, const xi_shape *out)
{
    *w = (xk_spread){.inputs = inputs, .count = xi_shape_span(out, 0, out->rank)};
    for (int32_t axis = 0; axis < out->rank; axis++) {
        if (out->dim[axis] == 1) continue;
        int64_t stride[XK_MAP_INPUTS] = {0};
        bool join = w->rank > 0;
        for (int32_t k = 0; k < inputs; k++) {
            stride[k] = map_stride(in[k], axis, out->rank);
            join = join && w->stride[k][w->rank - 1] == stride[k] * out->dim[axis];
        }
        int32_t at = join ? w->rank - 1 : w->rank++;
        w->dim[at] = join ? w->dim[at] * out->dim[axis] : out->dim[axis];
        for (int32_t k = 0; k < inputs; k++) w->stride[k][at] = stride[k];
    }
    if (w->rank > 0) return;
    w->rank = 1;
    w->dim[0] = 1;
    for (int32_t k = 0; k < inputs; k++) w->stride[k][0] = 1;
}

typedef struct map_buffers {
    double in[XK_MAP_INPUTS][XK_BLOCK], out[XK_BLOCK];
} map_buffers;

/* One run of the innermost dimension: inputs at element at[k], output at element `to`. */
static void map_row(const xk_map *m, const xk_spread *w, xi_operand *const *in,
                    const xi_operand *out, const int64_t *at, int64_t to, int64_t count,
                    map_buffers *b, bool converts)
{
    const void *src[XK_MAP_INPUTS] = {0};
    int64_t step[XK_MAP_INPUTS], most = converts ? XK_BLOCK : MAP_PIECE;
    bool native = xk_kind_native(m->out_kind, out->dtype);
    for (int64_t done = 0, n; done < count; done += n) {
        n = count - done < most ? count - done : most;
        for (int32_t k = 0; k < m->inputs; k++) {
            int64_t stride = w->stride[k][w->rank - 1], first = at[k] + done * stride;
            if (xk_kind_native(m->in_kind[k], in[k]->dtype)) {
                src[k] = (const char *)in[k]->data + (size_t)first * xk_kind_size(m->in_kind[k]);
                step[k] = stride;
            } else {
                xk_block_load(b->in[k], m->in_kind[k], in[k]->data, in[k]->dtype, first, stride,
                              stride ? n : 1);
                src[k] = b->in[k];
                step[k] = stride != 0;
            }
        }
        void *dst = native ? (char *)out->data + (size_t)(to + done) * xk_kind_size(m->out_kind)
                           : (void *)b->out;
        m->fn(dst, src, step, n, m->arg);
        if (!native) xk_block_store(out->data, out->dtype, to + done, 1, b->out, m->out_kind, n);
    }
}

void xk_map_run(const xk_map *m, xi_operand *const *in, const xi_operand *out, int64_t first,
                int64_t last)
{
    xk_spread w;
    map_buffers b;
    int64_t index[XI_MAX_RANK] = {0}, at[XK_MAP_INPUTS] = {0};
    if (first >= last) return;
    xk_spread_init(&w, m->inputs, in, &out->shape);
    bool converts = !xk_kind_native(m->out_kind, out->dtype);
    for (int32_t k = 0; k < m->inputs; k++)
        converts = converts || !xk_kind_native(m->in_kind[k], in[k]->dtype);
    int64_t rest = first;
    for (int32_t i = w.rank - 1; i >= 0; i--) {
        index[i] = rest % w.dim[i];
        rest /= w.dim[i];
        for (int32_t k = 0; k < m->inputs; k++) at[k] += index[i] * w.stride[k][i];
    }
    int32_t inner = w.rank - 1;
    while (first < last) {
        int64_t n = w.dim[inner] - index[inner];
        if (n > last - first) n = last - first;
        map_row(m, &w, in, out, at, first - m->origin, n, &b, converts);
        first += n;
        for (int32_t k = 0; k < m->inputs; k++) at[k] -= index[inner] * w.stride[k][inner];
        index[inner] = 0;
        for (int32_t i = inner - 1; i >= 0; i--) {
            for (int32_t k = 0; k < m->inputs; k++) at[k] += w.stride[k][i];
            if (++index[i] < w.dim[i]) break;
            for (int32_t k = 0; k < m->inputs; k++) at[k] -= w.dim[i] * w.stride[k][i];
            index[i] = 0;
        }
    }
}

void xk_map_chunk(const xk_map *m, const xi_call *call, int32_t chunk)
{
    int64_t first, last;
    xk_split_range(call->out[0]->count, MAP_GRAIN, call->width, chunk, &first, &last);
    xk_map_run(m, call->in, call->out[0], first, last);
}

xinf_status xk_map_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                          int32_t width, xi_extent *e, xinf_error *err)
{
    e->chunks[0] = xk_split_chunks(out[0]->count, MAP_GRAIN, width);
    e->flops = (uint64_t)out[0]->count;
    return XINF_OK;
}
