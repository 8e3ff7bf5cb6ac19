/* ref_variadic.c — portable Sum, Mean, Max and Min of any number of inputs, in pieces of the
 * output. */
#include "backend/cpu/ref/ref_binary.h"

extern const xi_kernel xk_ref_variadic[];

typedef struct ref_variadic_params {
    int32_t what, kind;
    bool mean;
} ref_variadic_params;

static xinf_status ref_variadic_prepare(xi_prepare *p, xinf_error *err)
{
    ref_variadic_params *v = p->params;
    v->mean = xi_node_is(p->node, "Mean");
    v->what = xi_node_is(p->node, "Max") ? XK_MAX : xi_node_is(p->node, "Min") ? XK_MIN : XK_ADD;
    v->kind = xk_kind_of(p->in[0]->dtype);
    if (!xk_binary_function((xk_binary)v->what, (xk_kind)v->kind))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return XINF_OK;
}

static void ref_variadic_copy(void *dst, const void *const *src, const int64_t *step, int64_t count,
                              const void *arg)
{
    const ref_variadic_params *v = arg;
    const uint32_t *narrow = src[0];
    const uint64_t *wide = src[0];
    for (int64_t i = 0; i < count; i++)
        if (xk_kind_size((xk_kind)v->kind) == 4)
            ((uint32_t *)dst)[i] = narrow[i * step[0]];
        else
            ((uint64_t *)dst)[i] = wide[i * step[0]];
}

static void ref_variadic_scale(void *dst, xk_kind kind, int64_t count, int32_t inputs)
{
    if (kind == XK_F32)
        for (int64_t i = 0; i < count; i++) ((float *)dst)[i] /= (float)inputs;
    else
        for (int64_t i = 0; i < count; i++) ((double *)dst)[i] /= (double)inputs;
}

enum { REF_VARIADIC_PIECE = 256 };

/* A piece of the output in computing type, so that narrow floats are rounded once. `part` is that
 * piece as an operand. */
static xinf_status ref_variadic_piece(const xi_call *call, int64_t first, int64_t count,
                                      double *sum, double *term)
{
    const ref_variadic_params *v = call->params;
    xk_kind kind = (xk_kind)v->kind;
    const xi_operand *out = call->out[0];
    xinf_dtype native = kind == XK_F32   ? XINF_FLOAT32
                        : kind == XK_F64 ? XINF_FLOAT64
                        : kind == XK_I32 ? XINF_INT32
                        : kind == XK_I64 ? XINF_INT64
                                         : XINF_UINT64;
    int64_t step[2] = {1, 1};
    const void *pair[2] = {sum, term};
    xk_map m = {.inputs = 1,
                .in_kind = {kind},
                .out_kind = kind,
                .fn = ref_variadic_copy,
                .arg = v,
                .origin = first};
    for (int32_t k = 0; k < call->in_count; k++) {
        xi_operand part = *out;
        part.dtype = native;
        part.data = k ? term : sum;
        xk_map_run(&m, call->in + k, &part, first, first + count);
        if (k) xk_binary_function((xk_binary)v->what, kind)(sum, pair, step, count, NULL);
    }
    if (v->mean) ref_variadic_scale(sum, kind, count, call->in_count);
    xk_block_store(out->data, out->dtype, first, 1, sum, kind, count);
    return XINF_OK;
}

static xinf_status ref_variadic_run(const xi_call *call, int32_t phase, int32_t chunk,
                                    void *scratch, xinf_error *err)
{
    const ref_variadic_params *v = call->params;
    xi_operand *const pair[2] = {call->in[0], call->in_count > 1 ? call->in[1] : NULL};
    double sum[REF_VARIADIC_PIECE], term[REF_VARIADIC_PIECE];
    if (call->in_count == 2 && !v->mean) {
        xk_kind kind = (xk_kind)v->kind;
        xk_map m = {.inputs = 2,
                    .in_kind = {kind, kind},
                    .out_kind = kind,
                    .fn = xk_binary_function((xk_binary)v->what, kind)};
        if (pair[1]) xk_map_chunk(&m, call, chunk);
        return XINF_OK;
    }
    int64_t first, last;
    xk_split_range(call->out[0]->count, 8192, call->width, chunk, &first, &last);
    for (int64_t n; first < last; first += n) {
        n = last - first < REF_VARIADIC_PIECE ? last - first : REF_VARIADIC_PIECE;
        ref_variadic_piece(call, first, n, sum, term);
    }
    return XINF_OK;
}

#define VARIADIC_KERNEL(op_name, id)                                                      \
    {                                                                                     \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",               \
        .prepare = ref_variadic_prepare, .extent = xk_map_extent, .run = ref_variadic_run \
    }

const xi_kernel xk_ref_variadic[] = {
    VARIADIC_KERNEL("Sum", "sum"),
    VARIADIC_KERNEL("Mean", "mean"),
    VARIADIC_KERNEL("Max", "max"),
    VARIADIC_KERNEL("Min", "min"),
    {0},
};

#undef VARIADIC_KERNEL
