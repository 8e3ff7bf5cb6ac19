/* ref_topk.c — TopK: a heap of the best k of each line, ties to the lower index. */
#include "backend/cpu/ref/order.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_topk[];

static xinf_status ref_topk_prepare(xi_prepare *p, xinf_error *err)
{
    xinf_dtype d = p->in[0]->dtype;
    int32_t *axis = p->params;
    *axis = (int32_t)xi_node_int(p->node, "axis", -1);
    if (d == XINF_STRING || d == XINF_COMPLEX64 || d == XINF_COMPLEX128)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    return XINF_OK;
}

static const xi_operand *ref_topk_output(xi_operand *const *out)
{
    return out[0] ? out[0] : out[1];
}

static int64_t ref_topk_lines(const xi_shape *in, int32_t axis)
{
    return xi_shape_span(in, 0, axis) * xi_shape_span(in, axis + 1, in->rank);
}

static int32_t ref_topk_chunks(int64_t lines, int64_t count, int32_t width)
{
    if (width <= 1 || count < 1 << 14) return 1;
    return (int32_t)(lines < 2 * width ? lines : 2 * width);
}

static xinf_status ref_topk_extent(const void *params, xi_operand *const *in,
                                   xi_operand *const *out, int32_t width, xi_extent *e,
                                   xinf_error *err)
{
    int32_t axis;
    const xi_operand *o = ref_topk_output(out);
    if (!o || !xi_shape_axis(*(const int32_t *)params, in[0]->shape.rank, &axis)) return XINF_OK;
    if (!xi_mul_size((size_t)o->shape.dim[axis], sizeof(xk_order_item), &e->scratch))
        return xi_fail(err, XINF_LIMIT, "K is too large");
    e->chunks[0] = ref_topk_chunks(ref_topk_lines(&in[0]->shape, axis), in[0]->count, width);
    if (e->chunks[0] < 1) e->chunks[0] = 1;
    return XINF_OK;
}

static void ref_topk_line(const xi_operand *src, int64_t from, int64_t stride, int64_t length,
                          uint64_t flip, xk_order_item *best, int64_t k)
{
    for (int64_t i = 0; i < length; i++) {
        xk_order_item item = {xk_order_key(src, from + i * stride) ^ flip, i};
        if (i < k) {
            best[i] = item;
            if (i + 1 == k) xk_order_heap(best, k);
        } else if (xk_order_less(&item, &best[0])) {
            best[0] = item;
            xk_order_sift(best, k, 0);
        }
    }
    xk_order_sort(best, k);
}

static xinf_status ref_topk_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const xi_operand *src = call->in[0], *o = ref_topk_output(call->out);
    xk_order_item *best = scratch;
    int32_t axis;
    if (!o || o->count == 0) return XINF_OK;
    if (!xi_shape_axis(*(const int32_t *)call->params, src->shape.rank, &axis))
        return xi_kernel_fail(call->node, err, XINF_MALFORMED, "axis is outside");
    int64_t k = o->shape.dim[axis], length = src->shape.dim[axis],
            inner = xi_shape_span(&src->shape, axis + 1, src->shape.rank);
    int64_t lines = ref_topk_lines(&src->shape, axis);
    int32_t chunks = ref_topk_chunks(lines, src->count, call->width);
    uint64_t flip = xi_node_int(call->node, "largest", 1) ? UINT64_MAX : 0;
    size_t item = xinf_dtype_size(src->dtype);
    if (k > length)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "K is %lld of %lld elements",
                              (long long)k, (long long)length);
    for (int64_t line = lines * chunk / chunks; line < lines * (chunk + 1) / chunks; line++) {
        int64_t from = line / inner * length * inner + line % inner,
                to = line / inner * k * inner + line % inner;
        ref_topk_line(src, from, inner, length, flip, best, k);
        for (int64_t i = 0; i < k; i++) {
            if (call->out[0])
                memcpy((char *)call->out[0]->data + (size_t)(to + i * inner) * item,
                       (const char *)src->data + (size_t)(from + best[i].at * inner) * item, item);
            if (call->out_count > 1 && call->out[1])
                ((int64_t *)call->out[1]->data)[to + i * inner] = best[i].at;
        }
    }
    return XINF_OK;
}

const xi_kernel xk_ref_topk[] = {
    {.op = "TopK",
     .domain = "",
     .name = "xk_topk_any_ref__portable",
     .prepare = ref_topk_prepare,
     .extent = ref_topk_extent,
     .run = ref_topk_run},
    {0},
};
