/* ref_nonzero.c — NonZero, Compress, Unique: they count first, then size their outputs. */
#include "backend/cpu/ref/order.h"
#include "backend/cpu/ref/walk.h"
#include "base/allocator.h"

extern const xi_kernel xk_ref_nonzero[];

static bool ref_nonzero_is(const xi_operand *o, int64_t i)
{
    switch (o->dtype) {
    case XINF_BOOL: return ((const uint8_t *)o->data)[i] != 0;
    case XINF_FLOAT32: return ((const float *)o->data)[i] != 0;
    case XINF_STRING: return ((const xi_str *)o->data)[i].len != 0;
    case XINF_COMPLEX64:
        return ((const float *)o->data)[2 * i] != 0 || ((const float *)o->data)[2 * i + 1] != 0;
    case XINF_COMPLEX128:
        return ((const double *)o->data)[2 * i] != 0 || ((const double *)o->data)[2 * i + 1] != 0;
    default:
        return xi_dtype_is_float(o->dtype) ? xi_dtype_load_f64(o->data, o->dtype, i) != 0
                                           : xi_dtype_load_i64(o->data, o->dtype, i) != 0;
    }
}

static xinf_status ref_nonzero_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                   xinf_error *err)
{
    const xi_operand *src = call->in[0];
    int64_t count = 0, found = 0, at[XI_MAX_RANK] = {0};
    int32_t rank = src->shape.rank;
    for (int64_t i = 0; i < src->count; i++) count += ref_nonzero_is(src, i);
    xi_shape s = {.rank = 2, .dim = {rank, count}};
    xinf_status status = call->resize(call, 0, XINF_INT64, &s, err);
    if (status != XINF_OK) return status;
    int64_t *dst = call->out[0]->data;
    for (int64_t i = 0; i < src->count && count; i++) {
        if (ref_nonzero_is(src, i)) {
            for (int32_t d = 0; d < rank; d++) dst[d * count + found] = at[d];
            found++;
        }
        for (int32_t d = rank - 1; d >= 0; d--) {
            if (++at[d] < src->shape.dim[d]) break;
            at[d] = 0;
        }
    }
    return XINF_OK;
}

/* Slices of src along an axis, given by number, one after another into output 0. */
static xinf_status ref_nonzero_take(const xi_call *call, int32_t axis, const int64_t *which,
                                    int64_t count, xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    int64_t outer = xi_shape_span(&src->shape, 0, axis), length = src->shape.dim[axis],
            inner = xi_shape_span(&src->shape, axis + 1, src->shape.rank);
    for (int64_t k = 0; k < count; k++) {
        xk_walk w = {.src_at = which[k] * inner, .dst_at = k * inner};
        xk_walk_add(&w, outer, length * inner, count * inner);
        xk_walk_add(&w, inner, 1, 1);
        xinf_status status = xk_walk_copy(&w, src, dst, 0, 1, err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

/* The input as one dimension when there is no axis; restored by the caller, who holds its own copy.
 */
static bool ref_nonzero_axis(const xi_call *call, xi_operand *flat, int32_t *axis)
{
    *axis = 0;
    if (xi_node_has(call->node, "axis"))
        return xi_shape_axis(xi_node_int(call->node, "axis", 0), call->in[0]->shape.rank, axis);
    flat->shape = (xi_shape){.rank = 1, .dim = {flat->count}};
    return true;
}

static xinf_status ref_nonzero_compress(const xi_call *call, int32_t phase, int32_t chunk,
                                        void *scratch, xinf_error *err)
{
    const xi_operand *condition = call->in[1];
    const uint8_t *keep = condition->data;
    xi_operand flat = *call->in[0];
    xi_operand *in[2] = {&flat, call->in[1]};
    xi_call inner = *call;
    int32_t axis;
    int64_t *which = NULL, count = 0;
    inner.in = in;
    if (!ref_nonzero_axis(call, &flat, &axis))
        return xi_kernel_fail(call->node, err, XINF_MALFORMED, "axis is outside");
    int64_t length = flat.shape.dim[axis], most = condition->count;
    for (int64_t i = length; i < most; i++)
        if (keep[i])
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                  "condition chooses element %lld of %lld", (long long)i,
                                  (long long)length);
    size_t size = (size_t)(most + 1) * sizeof *which;
    which = xi_alloc(call->alloc, size);
    if (!which) return xi_fail_memory(err, size);
    for (int64_t i = 0; i < most; i++)
        if (keep[i]) which[count++] = i;
    xi_shape s = flat.shape;
    s.dim[axis] = count;
    xinf_status status = call->resize(call, 0, flat.dtype, &s, err);
    if (status == XINF_OK) status = ref_nonzero_take(&inner, axis, which, count, err);
    xi_free(call->alloc, which, size);
    return status;
}

/* ---- Unique ---- */

typedef struct ref_nonzero_slices {
    const xi_operand *src;
    int64_t outer, length, inner;
} ref_nonzero_slices;

static int ref_nonzero_compare(const ref_nonzero_slices *s, int64_t a, int64_t b)
{
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t i = 0; i < s->inner; i++) {
            int r = xk_order_compare(s->src, (o * s->length + a) * s->inner + i,
                                     (o * s->length + b) * s->inner + i);
            if (r) return r;
        }
    return 0;
}

/* Bottom-up merge sort of slice numbers: stable, no recursion. The result lies in `list`. */
static void ref_nonzero_sort(const ref_nonzero_slices *s, int64_t *list, int64_t *spare, int64_t n)
{
    for (int64_t run = 1; run < n; run *= 2) {
        for (int64_t at = 0; at < n; at += 2 * run) {
            int64_t a = at, middle = at + run < n ? at + run : n, b = middle,
                    end = middle + run < n ? middle + run : n;
            for (int64_t k = at; k < end; k++)
                spare[k] = a < middle && (b >= end || ref_nonzero_compare(s, list[a], list[b]) <= 0)
                               ? list[a++]
                               : list[b++];
        }
        memcpy(list, spare, (size_t)n * sizeof *list);
    }
}

/* lists: sorted slices, spare, group of each slice, first of each group, size of each group, new
 * number of each group. */
static int64_t ref_nonzero_group(const ref_nonzero_slices *s, int64_t *lists, bool sorted)
{
    int64_t n = s->length, groups = 0;
    int64_t *list = lists, *spare = lists + n, *group = lists + 2 * n, *first = lists + 3 * n,
            *size = lists + 4 * n, *number = lists + 5 * n;
    for (int64_t i = 0; i < n; i++) list[i] = i;
    ref_nonzero_sort(s, list, spare, n);
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || ref_nonzero_compare(s, list[i - 1], list[i])) {
            first[groups] = list[i];
            size[groups++] = 0;
        }
        size[groups - 1]++;
        group[list[i]] = groups - 1;
    }
    if (sorted) return groups;
    int64_t next = 0; /* groups numbered again as they first appear */
    for (int64_t g = 0; g < groups; g++) number[g] = -1;
    memcpy(spare, size, (size_t)groups * sizeof *size);
    for (int64_t i = 0; i < n; i++) {
        int64_t g = group[i];
        if (number[g] < 0) {
            number[g] = next;
            first[next] = i;
            size[next++] = spare[g];
        }
        group[i] = number[g];
    }
    return groups;
}

static xinf_status ref_nonzero_list(const xi_call *call, int32_t output, const int64_t *values,
                                    int64_t count, xinf_error *err)
{
    xi_shape s = {.rank = 1, .dim = {count}};
    if (output >= call->out_count || !call->out[output]) return XINF_OK;
    xinf_status status = call->resize(call, output, XINF_INT64, &s, err);
    if (status == XINF_OK && count)
        memcpy(call->out[output]->data, values, (size_t)count * sizeof *values);
    return status;
}

static xinf_status ref_nonzero_unique(const xi_call *call, int32_t phase, int32_t chunk,
                                      void *scratch, xinf_error *err)
{
    xi_operand flat = *call->in[0];
    xi_operand *in[1] = {&flat};
    xi_call inner = *call;
    int32_t axis;
    xinf_status status;
    inner.in = in;
    if (!ref_nonzero_axis(call, &flat, &axis))
        return xi_kernel_fail(call->node, err, XINF_MALFORMED, "axis is outside");
    ref_nonzero_slices s = {&flat, xi_shape_span(&flat.shape, 0, axis), flat.shape.dim[axis],
                            xi_shape_span(&flat.shape, axis + 1, flat.shape.rank)};
    int64_t n = s.length;
    if ((uint64_t)n > SIZE_MAX / 64)
        return xi_kernel_fail(call->node, err, XINF_LIMIT, "its input is too long");
    size_t size = (size_t)(6 * n + 1) * sizeof(int64_t);
    int64_t *lists = xi_alloc(call->alloc, size);
    if (!lists) return xi_fail_memory(err, size);
    int64_t groups = ref_nonzero_group(&s, lists, xi_node_int(call->node, "sorted", 1) != 0);
    if (call->out[0]) {
        xi_shape shape = flat.shape;
        shape.dim[axis] = groups;
        XI_TRY(call->resize(call, 0, flat.dtype, &shape, err));
        XI_TRY(ref_nonzero_take(&inner, axis, lists + 3 * n, groups, err));
    }
    XI_TRY(ref_nonzero_list(call, 1, lists + 3 * n, groups, err));
    XI_TRY(ref_nonzero_list(call, 2, lists + 2 * n, n, err));
    XI_TRY(ref_nonzero_list(call, 3, lists + 4 * n, groups, err));
cleanup:
    xi_free(call->alloc, lists, size);
    return status;
}

static xinf_status ref_nonzero_unique_prepare(xi_prepare *p, xinf_error *err)
{
    xinf_dtype d = p->in[0]->dtype;
    if (d == XINF_COMPLEX64 || d == XINF_COMPLEX128)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    return XINF_OK;
}

const xi_kernel xk_ref_nonzero[] = {
    {.op = "NonZero", .domain = "", .name = "xk_nonzero_any_ref__portable", .run = ref_nonzero_run},
    {.op = "Compress",
     .domain = "",
     .name = "xk_compress_any_ref__portable",
     .run = ref_nonzero_compress},
    {.op = "Unique",
     .domain = "",
     .name = "xk_unique_any_ref__portable",
     .prepare = ref_nonzero_unique_prepare,
     .run = ref_nonzero_unique},
    {0},
};
