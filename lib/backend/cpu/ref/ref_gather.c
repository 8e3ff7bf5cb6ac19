/* ref_gather.c — Gather, GatherElements, GatherND of any element. */
#include "backend/cpu/ref/walk.h"

extern const xi_kernel xk_ref_gather[];

/* `count` neighbouring elements. */
static xinf_status ref_gather_block(const xi_operand *src, int64_t from, xi_operand *dst,
                                    int64_t to, int64_t count, xinf_error *err)
{
    size_t item = xinf_dtype_size(dst->dtype);
    if (dst->dtype != XINF_STRING) {
        memcpy((char *)dst->data + (size_t)to * item, (const char *)src->data + (size_t)from * item,
               (size_t)count * item);
        return XINF_OK;
    }
    for (int64_t i = 0; i < count; i++) {
        const xi_str *s = (const xi_str *)src->data + from + i;
        xinf_status status = xi_tensor_set_string(dst->tensor, to + i, s->ptr, s->len, err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

static inline int64_t ref_gather_index(const xi_operand *o, int64_t i)
{
    return o->dtype == XINF_INT64 ? ((const int64_t *)o->data)[i] : ((const int32_t *)o->data)[i];
}

static xinf_status ref_gather_outside(const xi_call *call, int64_t index, int64_t length,
                                      xinf_error *err)
{
    return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                          "index %lld is outside a dimension of %lld", (long long)index,
                          (long long)length);
}

/* Single float32-sized elements: the shape arithmetic and embedding cases that call for no block.
 */
static int64_t ref_gather_words(const xi_operand *src, const xi_operand *index, uint32_t *dst,
                                int64_t row, int64_t length)
{
    const uint32_t *from = (const uint32_t *)src->data + row * length;
    for (int64_t k = 0; k < index->count; k++) {
        int64_t at = ref_gather_index(index, k);
        at += at < 0 ? length : 0;
        if (at < 0 || at >= length) return k;
        memcpy(dst + row * index->count + k, from + at, sizeof *dst);
    }
    return -1;
}

static xinf_status ref_gather_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const xi_operand *src = call->in[0], *index = call->in[1];
    xi_operand *dst = call->out[0];
    const xi_shape *s = &src->shape;
    int32_t axis, chunks = xk_walk_chunks(dst, call->width);
    if (!xi_shape_axis(xi_node_int(call->node, "axis", 0), s->rank, &axis))
        return xi_kernel_fail(call->node, err, XINF_MALFORMED, "axis is outside");
    int64_t rows = xi_shape_span(s, 0, axis), length = s->dim[axis],
            inner = xi_shape_span(s, axis + 1, s->rank);
    if (dst->count == 0 && (rows == 0 || inner == 0)) return XINF_OK;
    int64_t total = rows * index->count, first = total / chunks * chunk,
            last = chunk + 1 == chunks ? total : total / chunks * (chunk + 1);
    if (inner == 1 && xinf_dtype_size(dst->dtype) == 4 && chunks == 1) {
        for (int64_t r = 0; r < rows; r++) {
            int64_t bad = ref_gather_words(src, index, dst->data, r, length);
            if (bad >= 0)
                return ref_gather_outside(call, ref_gather_index(index, bad), length, err);
        }
        return XINF_OK;
    }
    int64_t row = index->count ? first / index->count : 0, k = first - row * index->count;
    for (int64_t i = first; i < last; i++) {
        int64_t at = ref_gather_index(index, k), wrapped = at < 0 ? at + length : at;
        if (wrapped < 0 || wrapped >= length) return ref_gather_outside(call, at, length, err);
        xinf_status status = ref_gather_block(src, (row * length + wrapped) * inner, dst, i * inner,
                                              inner, err);
        if (status != XINF_OK) return status;
        if (++k == index->count) {
            k = 0;
            row++;
        }
    }
    return XINF_OK;
}

static xinf_status ref_gather_elements(const xi_call *call, int32_t phase, int32_t chunk,
                                       void *scratch, xinf_error *err)
{
    const xi_operand *src = call->in[0], *index = call->in[1];
    xi_operand *dst = call->out[0];
    int64_t stride[XI_MAX_RANK], at[XI_MAX_RANK] = {0}, from = 0;
    int32_t axis, rank = src->shape.rank;
    if (dst->count == 0) return XINF_OK;
    if (!xi_shape_axis(xi_node_int(call->node, "axis", 0), rank, &axis))
        return xi_kernel_fail(call->node, err, XINF_MALFORMED, "axis is outside");
    xi_shape_strides(&src->shape, stride);
    int64_t length = src->shape.dim[axis], along = stride[axis];
    stride[axis] = 0;
    for (int64_t i = 0; i < dst->count; i++) {
        int64_t k = ref_gather_index(index, i), wrapped = k < 0 ? k + length : k;
        if (wrapped < 0 || wrapped >= length) return ref_gather_outside(call, k, length, err);
        xinf_status status = ref_gather_block(src, from + wrapped * along, dst, i, 1, err);
        if (status != XINF_OK) return status;
        for (int32_t d = rank - 1; d >= 0; d--) {
            from += stride[d];
            if (++at[d] < index->shape.dim[d]) break;
            from -= stride[d] * index->shape.dim[d];
            at[d] = 0;
        }
    }
    return XINF_OK;
}

static xinf_status ref_gather_nd(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const xi_operand *src = call->in[0], *index = call->in[1];
    xi_operand *dst = call->out[0];
    int32_t batch = (int32_t)xi_node_int(call->node, "batch_dims", 0), ranks = index->shape.rank;
    int64_t stride[XI_MAX_RANK], depth = index->shape.dim[ranks - 1];
    if (dst->count == 0) return XINF_OK;
    xi_shape_strides(&src->shape, stride);
    int64_t batches = xi_shape_span(&src->shape, 0, batch),
            tuples = xi_shape_span(&index->shape, batch, ranks - 1);
    int64_t inner = xi_shape_span(&src->shape, batch + (int32_t)depth, src->shape.rank),
            each = batches ? src->count / batches : 0;
    for (int64_t i = 0; i < batches * tuples; i++) {
        int64_t from = i / tuples * each;
        for (int32_t d = 0; d < depth; d++) {
            int64_t k = ref_gather_index(index, i * depth + d), length = src->shape.dim[batch + d],
                    wrapped = k < 0 ? k + length : k;
            if (wrapped < 0 || wrapped >= length) return ref_gather_outside(call, k, length, err);
            from += wrapped * stride[batch + d];
        }
        xinf_status status = ref_gather_block(src, from, dst, i * inner, inner, err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

const xi_kernel xk_ref_gather[] = {
    {.op = "Gather",
     .domain = "",
     .name = "xk_gather_any_ref__portable",
     .extent = xk_walk_extent,
     .run = ref_gather_run},
    {.op = "GatherElements",
     .domain = "",
     .name = "xk_gather_elements_any_ref__portable",
     .run = ref_gather_elements},
    {.op = "GatherND",
     .domain = "",
     .name = "xk_gather_nd_any_ref__portable",
     .run = ref_gather_nd},
    {0},
};
