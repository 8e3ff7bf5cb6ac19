/* ref_einsum.c — portable Einsum: every output is one sum over the labels that do not come out. */
#include "backend/cpu/ref/ref_block.h"
#include "base/checked.h"
#include "graph/op/einsum.h"

extern const xi_kernel xk_ref_einsum[];

typedef struct ref_einsum_params {
    int32_t kind, inputs;
} ref_einsum_params;

/* Dimensions in the order of the loops: those of the output, then those summed over; strides of
 * each input. */
typedef struct ref_einsum_plan {
    xk_kind kind;
    int32_t terms, out_rank, rank;
    int64_t dim[XI_EINSUM_LABELS], stride[XI_EINSUM_TERMS][XI_EINSUM_LABELS];
    int64_t summed; /* products in one sum */
    const void *data[XI_EINSUM_TERMS];
} ref_einsum_plan;

static xinf_status ref_einsum_prepare(xi_prepare *p, xinf_error *err)
{
    ref_einsum_params *e = p->params;
    xk_kind kind = xk_kind_of(p->in[0]->dtype);
    if (kind == XK_NONE || p->in_count > XI_EINSUM_TERMS)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    /* Integers wrap alike, signed or not. */
    e->inputs = p->in_count;
    e->kind = kind == XK_I32 || kind == XK_U64 ? XK_I64 : kind;
    return XINF_OK;
}

static bool ref_einsum_direct(xk_kind kind, xinf_dtype d)
{
    return xk_kind_native(kind, d) || (kind == XK_I64 && d == XINF_UINT64);
}

/* Where converted input `i` begins in the shared memory; i of all inputs: its whole size. */
static bool ref_einsum_place(xk_kind kind, xi_operand *const *in, int32_t i, size_t *out)
{
    size_t at = 0, size;
    for (int32_t k = 0; k < i; k++) {
        if (ref_einsum_direct(kind, in[k]->dtype)) continue;
        if (!xi_mul_size((size_t)in[k]->count, xk_kind_size(kind), &size) ||
            !xi_align_size(size, XI_ALIGN, &size) || !xi_add_size(at, size, &at))
            return false;
    }
    *out = at;
    return true;
}

static xinf_status ref_einsum_extent(const void *params, xi_operand *const *in,
                                     xi_operand *const *out, int32_t width, xi_extent *e,
                                     xinf_error *err)
{
    const ref_einsum_params *p = params;
    if (!ref_einsum_place((xk_kind)p->kind, in, p->inputs, &e->shared))
        return xi_fail_memory(err, SIZE_MAX);
    e->phases = 2;
    e->chunks[0] = e->shared > 0;
    e->chunks[1] = xk_split_chunks(out[0]->count, 256, width);
    return XINF_OK;
}

static bool ref_einsum_resolve(ref_einsum_plan *p, const xi_call *call)
{
    xi_einsum e;
    const xi_shape *shapes[XI_EINSUM_TERMS];
    bool used[XI_EINSUM_LABELS] = {false};
    int8_t order[XI_EINSUM_LABELS];
    for (int32_t i = 0; i < call->in_count; i++) shapes[i] = &call->in[i]->shape;
    *p = (ref_einsum_plan){.kind = (xk_kind)((const ref_einsum_params *)call->params)->kind,
                           .terms = call->in_count,
                           .summed = 1};
    if (xi_einsum_parse(&e, xi_node_string(call->node, "equation", ""), call->in_count, shapes))
        return false;
    for (int32_t i = 0; i < e.out_rank; i++) {
        order[p->rank++] = e.out[i];
        used[e.out[i]] = true;
    }
    p->out_rank = e.out_rank;
    for (int32_t l = 0; l < XI_EINSUM_LABELS; l++) {
        if (e.dim[l] < 0 || used[l]) continue;
        order[p->rank++] = (int8_t)l;
        if (!xi_mul_i64(p->summed, e.dim[l], &p->summed)) return false;
    }
    for (int32_t d = 0; d < p->rank; d++) p->dim[d] = e.dim[order[d]];
    for (int32_t t = 0; t < p->terms; t++) {
        int64_t strides[XI_MAX_RANK];
        size_t at = 0;
        xi_shape_strides(shapes[t], strides);
        for (int32_t d = 0; d < p->rank; d++)
            for (int32_t i = 0; i < e.rank[t]; i++)
                if (e.label[t][i] == order[d] && shapes[t]->dim[i] != 1)
                    p->stride[t][d] += strides[i];
        ref_einsum_place(p->kind, call->in, t, &at);
        p->data[t] = ref_einsum_direct(p->kind, call->in[t]->dtype)
                         ? call->in[t]->data
                         : (const char *)call->shared + at;
    }
    return true;
}

#define EINSUM_SUM(T, A, name)                                                                 \
    static T ref_einsum_sum_##name(const ref_einsum_plan *p, int64_t *at)                      \
    {                                                                                          \
        A sum = 0;                                                                             \
        int64_t index[XI_EINSUM_LABELS] = {0};                                                 \
        int32_t inner = p->rank - 1;                                                           \
        int64_t n = p->rank > p->out_rank ? p->dim[inner] : 1;                                 \
        for (int64_t done = 0; done < p->summed; done += n) {                                  \
            const T *a = (const T *)p->data[0] + at[0];                                        \
            const int64_t sa = p->rank > p->out_rank ? p->stride[0][inner] : 0;                \
            if (p->terms == 2) {                                                               \
                const T *b = (const T *)p->data[1] + at[1];                                    \
                const int64_t sb = p->rank > p->out_rank ? p->stride[1][inner] : 0;            \
                for (int64_t i = 0; i < n; i++) sum += (A)a[i * sa] * (A)b[i * sb];            \
            } else {                                                                           \
                for (int64_t i = 0; i < n; i++) {                                              \
                    A v = (A)a[i * sa];                                                        \
                    for (int32_t t = 1; t < p->terms; t++)                                     \
                        v *= (A)((const T *)p->data[t])[at[t] + i * (p->rank > p->out_rank     \
                                                                         ? p->stride[t][inner] \
                                                                         : 0)];                \
                    sum += v;                                                                  \
                }                                                                              \
            }                                                                                  \
            for (int32_t d = inner - 1; d >= p->out_rank; d--) {                               \
                for (int32_t t = 0; t < p->terms; t++) at[t] += p->stride[t][d];               \
                if (++index[d] < p->dim[d]) break;                                             \
                for (int32_t t = 0; t < p->terms; t++) at[t] -= index[d] * p->stride[t][d];    \
                index[d] = 0;                                                                  \
            }                                                                                  \
        }                                                                                      \
        return (T)sum;                                                                         \
    }

EINSUM_SUM(float, double, f32)
EINSUM_SUM(double, double, f64)
EINSUM_SUM(uint64_t, uint64_t, u64)

static xinf_status ref_einsum_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const xi_operand *out = call->out[0];
    ref_einsum_plan p;
    int64_t first, last;
    size_t size;
    if (out->count == 0) return XINF_OK;
    if (!ref_einsum_resolve(&p, call))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                              "the equation does not fit the inputs");
    size = xk_kind_size(p.kind);
    if (phase == 0) {
        for (int32_t t = 0; t < p.terms; t++)
            if (!ref_einsum_direct(p.kind, call->in[t]->dtype))
                xk_block_load(
                    (char *)call->shared + ((const char *)p.data[t] - (const char *)call->shared),
                    p.kind, call->in[t]->data, call->in[t]->dtype, 0, 1, call->in[t]->count);
        return XINF_OK;
    }
    xk_split_range(out->count, 256, call->width, chunk, &first, &last);
    for (; first < last; first++) {
        int64_t at[XI_EINSUM_TERMS] = {0}, rest = first;
        union {
            float f;
            double d;
            uint64_t u;
        } v;
        for (int32_t d = p.out_rank - 1; d >= 0; d--) {
            for (int32_t t = 0; t < p.terms; t++) at[t] += rest % p.dim[d] * p.stride[t][d];
            rest /= p.dim[d];
        }
        if (p.kind == XK_F32)
            v.f = ref_einsum_sum_f32(&p, at);
        else if (p.kind == XK_F64)
            v.d = ref_einsum_sum_f64(&p, at);
        else
            v.u = ref_einsum_sum_u64(&p, at);
        if (ref_einsum_direct(p.kind, out->dtype))
            memcpy((char *)out->data + (size_t)first * size, &v, size);
        else
            xk_block_store(out->data, out->dtype, first, 1, &v, p.kind, 1);
    }
    return XINF_OK;
}

const xi_kernel xk_ref_einsum[] = {
    {.op = "Einsum",
     .domain = "",
     .name = "xk_einsum_any_ref__portable",
     .prepare = ref_einsum_prepare,
     .extent = ref_einsum_extent,
     .run = ref_einsum_run},
    {0},
};

#undef EINSUM_SUM
