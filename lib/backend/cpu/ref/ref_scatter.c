/* ref_scatter.c — ScatterElements, ScatterND, TensorScatter: a copy of the data, then the updates
 * in order. */
#include "backend/cpu/ref/walk.h"

extern const xi_kernel xk_ref_scatter[];

enum { REF_SCATTER_NONE, REF_SCATTER_ADD, REF_SCATTER_MUL, REF_SCATTER_MAX, REF_SCATTER_MIN };

typedef struct ref_scatter_params {
    int32_t how;
} ref_scatter_params;

static xinf_status ref_scatter_prepare(xi_prepare *p, xinf_error *err)
{
    ref_scatter_params *s = p->params;
    xi_str how = xi_node_string(p->node, "reduction", "none");
    xinf_dtype d = p->in[0]->dtype;
    s->how = xi_str_is(how, "add")   ? REF_SCATTER_ADD
             : xi_str_is(how, "mul") ? REF_SCATTER_MUL
             : xi_str_is(how, "max") ? REF_SCATTER_MAX
             : xi_str_is(how, "min") ? REF_SCATTER_MIN
                                     : REF_SCATTER_NONE;
    if (s->how != REF_SCATTER_NONE &&
        (d == XINF_STRING || d == XINF_COMPLEX64 || d == XINF_COMPLEX128))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "reduction of %s",
                              xinf_dtype_name(d));
    p->in_place = d == XINF_STRING ? 0 : 1;
    return XINF_OK;
}

static xinf_status ref_scatter_start(const xi_call *call, xinf_error *err)
{
    xi_operand *dst = call->out[0];
    xk_walk w = {0};
    if (dst->count == 0 || dst->data == call->in[0]->data) return XINF_OK;
    xk_walk_add(&w, dst->count, 1, 1);
    return xk_walk_copy(&w, call->in[0], dst, 0, 1, err);
}

static double ref_scatter_f64(int32_t how, double a, double b)
{
    switch (how) {
    case REF_SCATTER_ADD: return a + b;
    case REF_SCATTER_MUL: return a * b;
    case REF_SCATTER_MAX: return a != a ? a : b > a || b != b ? b : a;
    default: return a != a ? a : b < a || b != b ? b : a;
    }
}

static int64_t ref_scatter_i64(int32_t how, int64_t a, int64_t b, bool wide)
{
    bool less = wide ? (uint64_t)a < (uint64_t)b : a < b;
    switch (how) {
    case REF_SCATTER_ADD: return (int64_t)((uint64_t)a + (uint64_t)b);
    case REF_SCATTER_MUL: return (int64_t)((uint64_t)a * (uint64_t)b);
    case REF_SCATTER_MAX: return less ? b : a;
    default: return less ? a : b;
    }
}

/* `count` neighbouring updates. */
static xinf_status ref_scatter_put(const xi_call *call, int32_t how, const xi_operand *src,
                                   int64_t from, int64_t to, int64_t count, xinf_error *err)
{
    xi_operand *dst = call->out[0];
    size_t item = xinf_dtype_size(dst->dtype);
    if (how == REF_SCATTER_NONE && dst->dtype != XINF_STRING) {
        memcpy((char *)dst->data + (size_t)to * item, (const char *)src->data + (size_t)from * item,
               (size_t)count * item);
        return XINF_OK;
    }
    for (int64_t i = 0; i < count; i++) {
        if (dst->dtype == XINF_STRING) {
            xi_str s = ((const xi_str *)src->data)[from + i];
            xinf_status status = xi_tensor_set_string(dst->tensor, to + i, s.ptr, s.len, err);
            if (status != XINF_OK) return status;
        } else if (xi_dtype_is_float(dst->dtype)) {
            double a = xi_dtype_load_f64(dst->data, dst->dtype, to + i),
                   b = xi_dtype_load_f64(src->data, src->dtype, from + i);
            xi_dtype_store_f64(dst->data, dst->dtype, to + i, ref_scatter_f64(how, a, b));
        } else {
            int64_t a = xi_dtype_load_i64(dst->data, dst->dtype, to + i),
                    b = xi_dtype_load_i64(src->data, src->dtype, from + i);
            int64_t r = ref_scatter_i64(how, a, b, dst->dtype == XINF_UINT64);
            xi_dtype_store_i64(dst->data, dst->dtype, to + i, dst->dtype == XINF_BOOL ? r != 0 : r);
        }
    }
    return XINF_OK;
}

/* Index k of a list, wrapped; fails outside [-length, length). */
static xinf_status ref_scatter_index(const xi_call *call, int64_t k, int64_t length, int64_t *out,
                                     xinf_error *err)
{
    int64_t v = xi_dtype_load_i64(call->in[1]->data, call->in[1]->dtype, k);
    *out = v < 0 ? v + length : v;
    if (*out >= 0 && *out < length) return XINF_OK;
    return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                          "index %lld is outside a dimension of %lld", (long long)v,
                          (long long)length);
}

static xinf_status ref_scatter_elements(const xi_call *call, int32_t phase, int32_t chunk,
                                        void *scratch, xinf_error *err)
{
    const ref_scatter_params *p = call->params;
    const xi_operand *index = call->in[1];
    const xi_shape *s = &call->out[0]->shape;
    int64_t stride[XI_MAX_RANK], at[XI_MAX_RANK] = {0}, to = 0, k;
    int32_t axis;
    xinf_status status = ref_scatter_start(call, err);
    if (status != XINF_OK || index->count == 0) return status;
    if (!xi_shape_axis(xi_node_int(call->node, "axis", 0), s->rank, &axis))
        return xi_kernel_fail(call->node, err, XINF_MALFORMED, "axis is outside");
    xi_shape_strides(s, stride);
    int64_t along = stride[axis];
    stride[axis] = 0;
    for (int64_t i = 0; i < index->count; i++) {
        status = ref_scatter_index(call, i, s->dim[axis], &k, err);
        if (status == XINF_OK)
            status = ref_scatter_put(call, p->how, call->in[2], i, to + k * along, 1, err);
        if (status != XINF_OK) return status;
        for (int32_t d = s->rank - 1; d >= 0; d--) {
            to += stride[d];
            if (++at[d] < index->shape.dim[d]) break;
            to -= stride[d] * index->shape.dim[d];
            at[d] = 0;
        }
    }
    return XINF_OK;
}

static xinf_status ref_scatter_nd(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const ref_scatter_params *p = call->params;
    const xi_operand *index = call->in[1];
    const xi_shape *s = &call->out[0]->shape;
    int64_t stride[XI_MAX_RANK], depth = index->shape.dim[index->shape.rank - 1], k;
    xinf_status status = ref_scatter_start(call, err);
    if (status != XINF_OK || call->in[2]->count == 0) return status;
    xi_shape_strides(s, stride);
    int64_t inner = xi_shape_span(s, (int32_t)depth, s->rank), tuples = index->count / depth;
    for (int64_t i = 0; i < tuples; i++) {
        int64_t to = 0;
        for (int32_t d = 0; d < depth; d++) {
            status = ref_scatter_index(call, i * depth + d, s->dim[d], &k, err);
            if (status != XINF_OK) return status;
            to += k * stride[d];
        }
        status = ref_scatter_put(call, p->how, call->in[2], i * inner, to, inner, err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

static xinf_status ref_scatter_tensor(const xi_call *call, int32_t phase, int32_t chunk,
                                      void *scratch, xinf_error *err)
{
    const xi_operand *update = call->in[1], *start = call->in_count > 2 ? call->in[2] : NULL;
    const xi_shape *s = &call->out[0]->shape;
    bool circular = xi_str_is(xi_node_string(call->node, "mode", "linear"), "circular");
    int32_t axis;
    xinf_status status = ref_scatter_start(call, err);
    if (status != XINF_OK || update->count == 0) return status;
    if (!xi_shape_axis(xi_node_int(call->node, "axis", -2), s->rank, &axis))
        return xi_kernel_fail(call->node, err, XINF_MALFORMED, "axis is outside");
    int64_t length = s->dim[axis], steps = update->shape.dim[axis],
            inner = xi_shape_span(s, axis + 1, s->rank);
    int64_t rows = xi_shape_span(s, 0, axis), each = rows / s->dim[0];
    for (int64_t r = 0; r < rows; r++) {
        int64_t first = start ? xi_dtype_load_i64(start->data, start->dtype, r / each) : 0;
        if (first < 0 || (!circular && first > length - steps))
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                  "write index %lld does not fit %lld places", (long long)first,
                                  (long long)length);
        for (int64_t i = 0; i < steps; i++) {
            int64_t to = r * length + (first % length + i) % length;
            if (!circular) to = r * length + first + i;
            status = ref_scatter_put(call, REF_SCATTER_NONE, update, (r * steps + i) * inner,
                                     to * inner, inner, err);
            if (status != XINF_OK) return status;
        }
    }
    return XINF_OK;
}

#define REF_SCATTER(name_, kernel, fn)                                        \
    {                                                                         \
        .op = name_, .domain = "", .name = "xk_" kernel "_any_ref__portable", \
        .prepare = ref_scatter_prepare, .run = fn                             \
    }

const xi_kernel xk_ref_scatter[] = {
    REF_SCATTER("ScatterElements", "scatter_elements", ref_scatter_elements),
    REF_SCATTER("ScatterND", "scatter_nd", ref_scatter_nd),
    REF_SCATTER("TensorScatter", "tensor_scatter", ref_scatter_tensor),
    {0},
};

#undef REF_SCATTER
