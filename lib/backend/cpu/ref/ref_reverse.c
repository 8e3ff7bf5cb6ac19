/* ref_reverse.c — ReverseSequence: slices copied to their mirrored place. */
#include "backend/cpu/ref/walk.h"

extern const xi_kernel xk_ref_reverse[];

static xinf_status ref_reverse_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                   xinf_error *err)
{
    const xi_operand *src = call->in[0], *lengths = call->in[1];
    xi_operand *dst = call->out[0];
    const xi_shape *s = &src->shape;
    int32_t batch = (int32_t)xi_node_int(call->node, "batch_axis", 1),
            time = (int32_t)xi_node_int(call->node, "time_axis", 0);
    if (dst->count == 0) return XINF_OK;
    int64_t inner = xi_shape_span(s, 2, s->rank), by_batch = batch == 0 ? s->dim[1] * inner : inner,
            by_time = time == 0 ? s->dim[1] * inner : inner;
    for (int64_t b = 0; b < s->dim[batch]; b++) {
        int64_t n = xi_dtype_load_i64(lengths->data, lengths->dtype, b), at = b * by_batch;
        if (n < 0 || n > s->dim[time])
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "a length of %lld in %lld steps",
                                  (long long)n, (long long)s->dim[time]);
        xk_walk turned = {.src_at = at + (n - 1) * by_time, .dst_at = at},
                rest = {.src_at = at + n * by_time, .dst_at = at + n * by_time};
        xk_walk_add(&turned, n, -by_time, by_time);
        xk_walk_add(&turned, inner, 1, 1);
        xk_walk_add(&rest, s->dim[time] - n, by_time, by_time);
        xk_walk_add(&rest, inner, 1, 1);
        xinf_status status = xk_walk_copy(&turned, src, dst, 0, 1, err);
        if (status == XINF_OK) status = xk_walk_copy(&rest, src, dst, 0, 1, err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

const xi_kernel xk_ref_reverse[] = {
    {.op = "ReverseSequence",
     .domain = "",
     .name = "xk_reverse_sequence_any_ref__portable",
     .run = ref_reverse_run},
    {0},
};
