/* ref_arg.c — portable ArgMax and ArgMin, a few lanes side by side. */
#include "backend/cpu/ref/ref_block.h"

extern const xi_kernel xk_ref_arg[];

enum { ARG_LANES = 64 };

typedef struct arg_params {
    int32_t kind;
    bool min, last;
    int64_t axis;
} arg_params;

#define ARG_LANES_OF(T, name)                                                                      \
    static void arg_step_##name(const arg_params *p, const void *from, void *best, int64_t *place, \
                                int64_t at, int64_t n)                                             \
    {                                                                                              \
        const T *x = from;                                                                         \
        T *top = best;                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            bool better = p->min ? x[i] < top[i] : x[i] > top[i];                                  \
            if (at > 0 && !better && !(p->last && x[i] == top[i])) continue;                       \
            top[i] = x[i];                                                                         \
            place[i] = at;                                                                         \
        }                                                                                          \
    }

ARG_LANES_OF(float, f32)
ARG_LANES_OF(double, f64)
ARG_LANES_OF(int64_t, i64)
ARG_LANES_OF(uint64_t, u64)

static xinf_status arg_prepare(xi_prepare *p, xinf_error *err)
{
    arg_params *a = p->params;
    xk_kind kind = xk_kind_of(p->in[0]->dtype);
    a->kind = kind == XK_I32 ? XK_I64 : kind;
    a->min = xi_node_is(p->node, "ArgMin");
    a->last = xi_node_int(p->node, "select_last_index", 0) != 0;
    a->axis = xi_node_int(p->node, "axis", 0);
    if (kind == XK_NONE)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return XINF_OK;
}

static xinf_status arg_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                           xinf_error *err)
{
    const arg_params *p = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0];
    double block[ARG_LANES], best[ARG_LANES];
    int64_t place[ARG_LANES], length = 1, inner = 1;
    int32_t axis = 0;
    if (out->count == 0) return XINF_OK;
    if (in->shape.rank > 0 && xi_shape_axis(p->axis, in->shape.rank, &axis)) {
        length = in->shape.dim[axis];
        inner = xi_shape_span(&in->shape, axis + 1, in->shape.rank);
    }
    xk_kind kind = (xk_kind)p->kind;
    for (int64_t done = 0, n; done < out->count; done += n) {
        int64_t column = done % inner, base = done / inner * length * inner + column;
        n = inner - column < ARG_LANES ? inner - column : ARG_LANES;
        memset(place, 0, sizeof place);
        for (int64_t at = 0; at < length; at++) {
            const void *x = xk_block_read(block, kind, in->data, in->dtype, base + at * inner, n);
            if (kind == XK_F32)
                arg_step_f32(p, x, best, place, at, n);
            else if (kind == XK_F64)
                arg_step_f64(p, x, best, place, at, n);
            else if (kind == XK_I64)
                arg_step_i64(p, x, best, place, at, n);
            else
                arg_step_u64(p, x, best, place, at, n);
        }
        memcpy((int64_t *)out->data + done, place, (size_t)n * sizeof *place);
    }
    return XINF_OK;
}

const xi_kernel xk_ref_arg[] = {
    {.op = "ArgMax",
     .domain = "",
     .name = "xk_arg_max_any_ref__portable",
     .prepare = arg_prepare,
     .run = arg_run},
    {.op = "ArgMin",
     .domain = "",
     .name = "xk_arg_min_any_ref__portable",
     .prepare = arg_prepare,
     .run = arg_run},
    {0},
};

#undef ARG_LANES_OF
