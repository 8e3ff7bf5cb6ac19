/* ref_trilu.c — Trilu: rows with their part outside the triangle zeroed. */
#include "plan/kernel.h"

extern const xi_kernel xk_ref_trilu[];

static xinf_status ref_trilu_prepare(xi_prepare *p, xinf_error *err)
{
    if (p->in[0]->dtype == XINF_STRING)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype string");
    p->in_place = 1;
    return XINF_OK;
}

static xinf_status ref_trilu_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    size_t item = xinf_dtype_size(dst->dtype);
    bool upper = xi_node_int(call->node, "upper", 1) != 0;
    int64_t k = call->in_count > 1 && call->in[1]
                    ? xi_dtype_load_i64(call->in[1]->data, call->in[1]->dtype, 0)
                    : 0;
    if (dst->count == 0) return XINF_OK;
    int64_t rows = dst->shape.dim[dst->shape.rank - 2],
            columns = dst->shape.dim[dst->shape.rank - 1];
    k = k < -rows ? -rows : k > columns ? columns : k;
    for (int64_t r = 0; r < dst->count / columns; r++) {
        int64_t edge = r % rows + k + !upper; /* columns below it are outside an upper triangle, the
                                                 others outside a lower one */
        edge = edge < 0 ? 0 : edge > columns ? columns : edge;
        int64_t first = upper ? edge : 0, last = upper ? columns : edge;
        char *to = (char *)dst->data + (size_t)(r * columns) * item;
        const char *from = (const char *)src->data + (size_t)(r * columns) * item;
        if (to != from && last > first)
            memcpy(to + (size_t)first * item, from + (size_t)first * item,
                   (size_t)(last - first) * item);
        memset(to, 0, (size_t)first * item);
        memset(to + (size_t)last * item, 0, (size_t)(columns - last) * item);
    }
    return XINF_OK;
}

const xi_kernel xk_ref_trilu[] = {
    {.op = "Trilu",
     .domain = "",
     .name = "xk_trilu_any_ref__portable",
     .prepare = ref_trilu_prepare,
     .run = ref_trilu_run},
    {0},
};
