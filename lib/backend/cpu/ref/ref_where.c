/* ref_where.c — portable Where, by the size of the elements. */
#include "backend/cpu/ref/ref_map.h"

extern const xi_kernel xk_ref_where[];

typedef struct where_pair {
    uint64_t v[2];
} where_pair;

#define WHERE_RUN(T, pick)                                                     \
    {                                                                          \
        const T *x = a, *y = b;                                                \
        T *to = dst;                                                           \
        if (step[0] == 1 && step[1] == 1 && step[2] == 1)                      \
            for (int64_t i = 0; i < count; i++) to[i] = pick[i] ? x[i] : y[i]; \
        else                                                                   \
            for (int64_t i = 0; i < count; i++)                                \
                to[i] = pick[i * step[0]] ? x[i * step[1]] : y[i * step[2]];   \
        break;                                                                 \
    }

static void where_row(void *dst, const uint8_t *pick, const void *a, const void *b,
                      const int64_t *step, int64_t count, size_t size)
{
    switch (size) {
    case 1: WHERE_RUN(uint8_t, pick)
    case 2: WHERE_RUN(uint16_t, pick)
    case 4: WHERE_RUN(uint32_t, pick)
    case 8: WHERE_RUN(uint64_t, pick)
    default: WHERE_RUN(where_pair, pick)
    }
}

static xinf_status where_strings(const xi_call *call, const xk_spread *w, xinf_error *err)
{
    xinf_status status = XINF_OK;
    const uint8_t *pick = call->in[0]->data;
    for (int64_t i = 0; i < call->out[0]->count; i++) {
        int64_t at[3] = {0}, rest = i;
        for (int32_t d = w->rank - 1; d >= 0; d--) {
            for (int32_t k = 0; k < 3; k++) at[k] += rest % w->dim[d] * w->stride[k][d];
            rest /= w->dim[d];
        }
        const xi_str *s = pick[at[0]] ? (const xi_str *)call->in[1]->data + at[1]
                                      : (const xi_str *)call->in[2]->data + at[2];
        XI_TRY(xi_tensor_set_string(call->out[0]->tensor, i, s->ptr, s->len, err));
    }
cleanup:
    return status;
}

static xinf_status where_prepare(xi_prepare *p, xinf_error *err)
{
    return XINF_OK;
}

static xinf_status where_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                             xinf_error *err)
{
    xk_spread w;
    const xi_operand *out = call->out[0];
    int64_t index[XI_MAX_RANK] = {0}, at[3] = {0}, step[3];
    if (out->count == 0) return XINF_OK;
    xk_spread_init(&w, 3, call->in, &out->shape);
    if (out->dtype == XINF_STRING) return where_strings(call, &w, err);
    size_t size = xinf_dtype_size(out->dtype);
    int32_t inner = w.rank - 1;
    for (int32_t k = 0; k < 3; k++) step[k] = w.stride[k][inner];
    for (int64_t done = 0; done < out->count; done += w.dim[inner]) {
        where_row((char *)out->data + (size_t)done * size,
                  (const uint8_t *)call->in[0]->data + at[0],
                  (const char *)call->in[1]->data + (size_t)at[1] * size,
                  (const char *)call->in[2]->data + (size_t)at[2] * size, step, w.dim[inner], size);
        for (int32_t i = inner - 1; i >= 0; i--) {
            for (int32_t k = 0; k < 3; k++) at[k] += w.stride[k][i];
            if (++index[i] < w.dim[i]) break;
            for (int32_t k = 0; k < 3; k++) at[k] -= w.dim[i] * w.stride[k][i];
            index[i] = 0;
        }
    }
    return XINF_OK;
}

const xi_kernel xk_ref_where[] = {
    {.op = "Where",
     .domain = "",
     .name = "xk_where_any_ref__portable",
     .prepare = where_prepare,
     .run = where_run},
    {0},
};

#undef WHERE_RUN
