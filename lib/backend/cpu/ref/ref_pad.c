/* ref_pad.c — Pad in all modes: rows along the last dimension, each from the source row that the
 * mode names or of the constant. */
#include "backend/cpu/ref/walk.h"
#include "graph/op/pad.h"

extern const xi_kernel xk_ref_pad[];

enum { REF_PAD_CONSTANT, REF_PAD_REFLECT, REF_PAD_EDGE, REF_PAD_WRAP };

typedef struct ref_pad_params {
    int32_t mode;
} ref_pad_params;

static xinf_status ref_pad_prepare(xi_prepare *p, xinf_error *err)
{
    ref_pad_params *q = p->params;
    xi_str mode = xi_node_string(p->node, "mode", "constant");
    q->mode = xi_str_is(mode, "reflect") ? REF_PAD_REFLECT
              : xi_str_is(mode, "edge")  ? REF_PAD_EDGE
              : xi_str_is(mode, "wrap")  ? REF_PAD_WRAP
                                         : REF_PAD_CONSTANT;
    return XINF_OK;
}

/* The source coordinate behind output coordinate i (margin already taken off), -1 for the constant.
 */
static int64_t ref_pad_from(int32_t mode, int64_t i, int64_t n)
{
    if (i >= 0 && i < n) return i;
    if (mode == REF_PAD_CONSTANT) return -1;
    if (mode == REF_PAD_EDGE) return i < 0 ? 0 : n - 1;
    int64_t period = mode == REF_PAD_WRAP ? n : 2 * (n - 1);
    if (period == 0) return 0;
    int64_t m = i % period;
    m += m < 0 ? period : 0;
    return m < n ? m : period - m;
}

typedef struct ref_pad_job {
    const xi_call *call;
    const xi_operand *src;
    xi_operand *dst;
    int32_t mode;
    size_t item;
    int64_t before, n, wide; /* last dimension: margin, source and output length */
    uint8_t value[16];
    xi_str string;
} ref_pad_job;

static xinf_status ref_pad_put(const ref_pad_job *j, int64_t to, int64_t from, xinf_error *err)
{
    if (j->dst->dtype == XINF_STRING) {
        xi_str s = from < 0 ? j->string : ((const xi_str *)j->src->data)[from];
        return xi_tensor_set_string(j->dst->tensor, to, s.ptr, s.len, err);
    }
    const void *value = from < 0 ? (const void *)j->value
                                 : (const char *)j->src->data + (size_t)from * j->item;
    memcpy((char *)j->dst->data + (size_t)to * j->item, value, j->item);
    return XINF_OK;
}

static void ref_pad_fill(const ref_pad_job *j, int64_t to, int64_t count)
{
    char *dst = (char *)j->dst->data + (size_t)to * j->item;
    if (j->item == 4) {
        float v, *d = (float *)(void *)dst;
        memcpy(&v, j->value, sizeof v);
        for (int64_t i = 0; i < count; i++) d[i] = v;
        return;
    }
    for (int64_t i = 0; i < count; i++) memcpy(dst + (size_t)i * j->item, j->value, j->item);
}

/* One output row; from: where the source row starts, -1: the row is all constant. */
static xinf_status ref_pad_row(const ref_pad_job *j, int64_t to, int64_t from, xinf_error *err)
{
    bool numbers = j->dst->dtype != XINF_STRING;
    int64_t left = j->before < 0 ? 0 : j->before < j->wide ? j->before : j->wide;
    int64_t right = j->before + j->n < j->wide ? j->before + j->n : j->wide;
    right = right < left || from < 0 ? left : right;
    if (numbers && (from < 0 || j->mode == REF_PAD_CONSTANT)) {
        ref_pad_fill(j, to, left);
        ref_pad_fill(j, to + right, j->wide - right);
    } else {
        for (int64_t i = 0; i < j->wide; i++) {
            if (numbers && i >= left && i < right) i = right;
            if (i >= j->wide) break;
            int64_t at = from < 0 ? -1 : ref_pad_from(j->mode, i - j->before, j->n);
            xinf_status status = ref_pad_put(j, to + i, at < 0 ? -1 : from + at, err);
            if (status != XINF_OK) return status;
        }
    }
    if (numbers && right > left)
        memcpy((char *)j->dst->data + (size_t)(to + left) * j->item,
               (const char *)j->src->data + (size_t)(from + left - j->before) * j->item,
               (size_t)(right - left) * j->item);
    return XINF_OK;
}

static xinf_status ref_pad_read(const xi_call *call, int64_t *before, xinf_error *err)
{
    int64_t pads[2 * XI_MAX_RANK], axes[XI_MAX_RANK], after[XI_MAX_RANK];
    const xi_operand *p = call->in[1], *a = call->in_count > 3 ? call->in[3] : NULL;
    if (p->count > 2 * XI_MAX_RANK || (a && a->count > XI_MAX_RANK))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "too many pads");
    for (int64_t i = 0; i < p->count; i++) pads[i] = xi_dtype_load_i64(p->data, p->dtype, i);
    for (int64_t i = 0; a && i < a->count; i++) axes[i] = xi_dtype_load_i64(a->data, a->dtype, i);
    const char *wrong = xi_pad_resolve(call->in[0]->shape.rank, pads, (int32_t)p->count,
                                       a ? axes : NULL, a ? (int32_t)a->count : 0, before, after);
    return wrong ? xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "%s", wrong) : XINF_OK;
}

static void ref_pad_value(ref_pad_job *j)
{
    const xi_operand *v = j->call->in_count > 2 ? j->call->in[2] : NULL;
    if (!v || v->count < 1) return;
    if (v->dtype == XINF_STRING)
        j->string = *(const xi_str *)v->data;
    else
        memcpy(j->value, v->data, j->item);
}

static xinf_status ref_pad_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const ref_pad_params *q = call->params;
    int64_t before[XI_MAX_RANK], stride[XI_MAX_RANK];
    ref_pad_job j = {.call = call,
                     .src = call->in[0],
                     .dst = call->out[0],
                     .mode = q->mode,
                     .item = xinf_dtype_size(call->out[0]->dtype)};
    const xi_shape *s = &j.src->shape, *d = &j.dst->shape;
    int32_t last = d->rank - 1, chunks = xk_walk_chunks(j.dst, call->width);
    xinf_status status = ref_pad_read(call, before, err);
    if (status != XINF_OK || j.dst->count == 0) return status;
    ref_pad_value(&j);
    if (last < 0) return ref_pad_put(&j, 0, 0, err);
    xi_shape_strides(s, stride);
    j.before = before[last];
    j.n = s->dim[last];
    j.wide = d->dim[last];
    int64_t rows = j.dst->count / j.wide, first = rows / chunks * chunk,
            end = chunk + 1 == chunks ? rows : rows / chunks * (chunk + 1);
    for (int64_t r = first; r < end && status == XINF_OK; r++) {
        int64_t rest = r, from = 0;
        for (int32_t i = last - 1; i >= 0; i--) {
            int64_t at = ref_pad_from(j.mode, rest % d->dim[i] - before[i], s->dim[i]);
            rest /= d->dim[i];
            from = at < 0 || from < 0 ? -1 : from + at * stride[i];
        }
        status = ref_pad_row(&j, r * j.wide, j.src->count ? from : -1, err);
    }
    return status;
}

const xi_kernel xk_ref_pad[] = {
    {.op = "Pad",
     .domain = "",
     .name = "xk_pad_any_ref__portable",
     .prepare = ref_pad_prepare,
     .extent = xk_walk_extent,
     .run = ref_pad_run},
    {0},
};
