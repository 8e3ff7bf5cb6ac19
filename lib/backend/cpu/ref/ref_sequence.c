/* ref_sequence.c — sequences and optionals. Items are shared by reference: a changed sequence is a
 * new list of the same items. */
#include "backend/cpu/ref/walk.h"
#include "base/allocator.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_sequence[];

/* Pieces past which SplitToSequence is refused. */
enum { REF_SEQUENCE_PIECES = 1 << 24 };

static xinf_status ref_sequence_check(const xi_call *call, xinf_error *err)
{
    if (call->in[0] && call->in[0]->kind == XINF_KIND_SEQUENCE && call->in[0]->tensor)
        return XINF_OK;
    return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "its input is no sequence");
}

/* A position in [-length, limit), wrapped. */
static xinf_status ref_sequence_position(const xi_call *call, int32_t input, int64_t fallback,
                                         int64_t limit, int64_t *out, xinf_error *err)
{
    const xi_operand *o = input < call->in_count ? call->in[input] : NULL;
    int64_t length = call->in[0]->tensor->count,
            v = o && o->count ? xi_dtype_load_i64(o->data, o->dtype, 0) : fallback;
    *out = v < 0 ? v + length : v;
    if (*out >= 0 && *out < limit && v >= -length) return XINF_OK;
    return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "position %lld in a sequence of %lld",
                          (long long)v, (long long)length);
}

/* Gives a sequence of these items as output 0. Their holds move in, also on failure. */
static xinf_status ref_sequence_give(const xi_call *call, xinf_tensor **items, int64_t count,
                                     xinf_error *err)
{
    xinf_tensor *t;
    xinf_status status = xi_tensor_create_items(&t, call->alloc, XINF_KIND_SEQUENCE, NULL, items,
                                                count, err);
    if (status == XINF_OK) call->give(call, 0, t);
    for (int64_t i = 0; status != XINF_OK && i < count; i++) xinf_tensor_destroy(items[i]);
    return status;
}

static xinf_tensor **ref_sequence_list(const xi_call *call, int64_t count, xinf_error *err)
{
    xinf_tensor **list = xi_calloc(call->alloc, (size_t)count + 1, sizeof *list);
    if (!list) xi_fail_memory(err, (size_t)count * sizeof *list);
    return list;
}

static xinf_status ref_sequence_construct(const xi_call *call, int32_t phase, int32_t chunk,
                                          void *scratch, xinf_error *err)
{
    xinf_status status = XINF_OK;
    int64_t n = call->in_count, made = 0;
    xinf_tensor **items = ref_sequence_list(call, n, err);
    if (!items) return XINF_OUT_OF_MEMORY;
    while (made < n && status == XINF_OK) {
        if (!call->in[made] || call->in[made]->kind != XINF_KIND_TENSOR ||
            call->in[made]->dtype != call->in[0]->dtype)
            status = xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                    "its inputs are not tensors of one dtype");
        else
            status = call->take(call, (int32_t)made, &items[made], err);
        made += status == XINF_OK;
    }
    if (status == XINF_OK)
        status = ref_sequence_give(call, items, n, err);
    else
        for (int64_t i = 0; i < made; i++) xinf_tensor_destroy(items[i]);
    xi_free(call->alloc, items, ((size_t)n + 1) * sizeof *items);
    return status;
}

static xinf_status ref_sequence_empty(const xi_call *call, int32_t phase, int32_t chunk,
                                      void *scratch, xinf_error *err)
{
    return ref_sequence_give(call, NULL, 0, err);
}

static xinf_status ref_sequence_at(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                   xinf_error *err)
{
    int64_t at;
    xinf_status status;
    XI_TRY(ref_sequence_check(call, err));
    XI_TRY(ref_sequence_position(call, 1, 0, call->in[0]->tensor->count, &at, err));
    call->give(call, 0, xinf_tensor_retain(call->in[0]->tensor->items[at]));
cleanup:
    return status;
}

/* A copy of the list with `remove` items at `at` left out and `extra` (may be NULL; its hold moves
 * in) put there. */
static xinf_status ref_sequence_edit(const xi_call *call, int64_t at, int64_t remove,
                                     xinf_tensor *extra, xinf_error *err)
{
    const xinf_tensor *old = call->in[0]->tensor;
    int64_t n = 0;
    xinf_tensor **items = ref_sequence_list(call, old->count + 1, err);
    if (!items) {
        xinf_tensor_destroy(extra);
        return XINF_OUT_OF_MEMORY;
    }
    for (int64_t i = 0; i <= old->count; i++) {
        if (i == at && extra) items[n++] = extra;
        if (i < old->count && !(i >= at && i < at + remove))
            items[n++] = xinf_tensor_retain(old->items[i]);
    }
    xinf_status status = ref_sequence_give(call, items, n, err);
    xi_free(call->alloc, items, ((size_t)old->count + 2) * sizeof *items);
    return status;
}

static xinf_status ref_sequence_insert(const xi_call *call, int32_t phase, int32_t chunk,
                                       void *scratch, xinf_error *err)
{
    int64_t at;
    xinf_tensor *item;
    xinf_status status;
    XI_TRY(ref_sequence_check(call, err));
    const xinf_tensor *old = call->in[0]->tensor;
    XI_TRY(ref_sequence_position(call, 2, old->count, old->count + 1, &at, err));
    if (!call->in[1] || call->in[1]->kind != XINF_KIND_TENSOR ||
        (old->count && old->items[0]->dtype != call->in[1]->dtype))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                              "the new item differs in dtype from the others");
    XI_TRY(call->take(call, 1, &item, err));
    status = ref_sequence_edit(call, at, 0, item, err);
cleanup:
    return status;
}

static xinf_status ref_sequence_erase(const xi_call *call, int32_t phase, int32_t chunk,
                                      void *scratch, xinf_error *err)
{
    int64_t at;
    xinf_status status;
    XI_TRY(ref_sequence_check(call, err));
    XI_TRY(ref_sequence_position(call, 1, -1, call->in[0]->tensor->count, &at, err));
    status = ref_sequence_edit(call, at, 1, NULL, err);
cleanup:
    return status;
}

static xinf_status ref_sequence_scalar(const xi_call *call, xinf_dtype dtype, int64_t v,
                                       xinf_error *err)
{
    xi_shape s = XI_SHAPE_SCALAR;
    xinf_status status = call->resize(call, 0, dtype, &s, err);
    if (status == XINF_OK) xi_dtype_store_i64(call->out[0]->data, dtype, 0, v);
    return status;
}

static xinf_status ref_sequence_length(const xi_call *call, int32_t phase, int32_t chunk,
                                       void *scratch, xinf_error *err)
{
    xinf_status status = ref_sequence_check(call, err);
    return status == XINF_OK
               ? ref_sequence_scalar(call, XINF_INT64, call->in[0]->tensor->count, err)
               : status;
}

/* ---- ConcatFromSequence ---- */

static xinf_status ref_sequence_joined(const xi_call *call, bool stack, int32_t *axis,
                                       xi_shape *out, xinf_error *err)
{
    const xinf_tensor *list = call->in[0]->tensor;
    if (list->count == 0)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "its sequence is empty");
    const xinf_tensor *first = list->items[0];
    xi_shape s = first->shape;
    if (s.rank + stack > XI_MAX_RANK ||
        !xi_shape_axis(xi_node_int(call->node, "axis", 0), s.rank + stack, axis))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "its axis is outside rank %d",
                              (int)s.rank);
    int64_t length = 0;
    for (int64_t i = 0; i < list->count; i++) {
        const xinf_tensor *t = list->items[i];
        bool same = t->kind == XINF_KIND_TENSOR && t->dtype == first->dtype &&
                    t->shape.rank == s.rank;
        for (int32_t d = 0; same && d < s.rank; d++)
            same = t->shape.dim[d] == s.dim[d] || (!stack && d == *axis);
        if (!same || !xi_add_i64(length, stack ? 1 : t->shape.dim[*axis], &length))
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                  "item %lld does not fit the others", (long long)i);
    }
    for (int32_t d = s.rank; stack && d > *axis; d--) s.dim[d] = s.dim[d - 1];
    s.rank += stack;
    s.dim[*axis] = length;
    *out = s;
    return XINF_OK;
}

static xinf_status ref_sequence_concat(const xi_call *call, int32_t phase, int32_t chunk,
                                       void *scratch, xinf_error *err)
{
    bool stack = xi_node_int(call->node, "new_axis", 0) != 0;
    int32_t axis;
    int64_t at = 0;
    xi_shape s;
    xinf_status status;
    XI_TRY(ref_sequence_check(call, err));
    XI_TRY(ref_sequence_joined(call, stack, &axis, &s, err));
    const xinf_tensor *list = call->in[0]->tensor;
    XI_TRY(call->resize(call, 0, list->items[0]->dtype, &s, err));
    int64_t rows = xi_shape_span(&s, 0, axis), wide = xi_shape_span(&s, axis, s.rank);
    for (int64_t i = 0; i < list->count; i++) {
        const xinf_tensor *t = list->items[i];
        int64_t part = xi_shape_span(&t->shape, axis, t->shape.rank);
        xi_operand src = {.data = t->data,
                          .dtype = t->dtype,
                          .shape = t->shape,
                          .count = t->count,
                          .kind = t->kind};
        xk_walk w = {.dst_at = at};
        xk_walk_add(&w, rows, part, wide);
        xk_walk_add(&w, part, 1, 1);
        XI_TRY(xk_walk_copy(&w, &src, call->out[0], 0, 1, err));
        at += part;
    }
cleanup:
    return status;
}

/* ---- SplitToSequence ---- */

static xinf_status ref_sequence_piece(const xi_call *call, int32_t axis, int64_t at, int64_t size,
                                      bool drop, xinf_tensor **out, xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_shape s = src->shape;
    int64_t rows = xi_shape_span(&s, 0, axis), inner = xi_shape_span(&s, axis + 1, s.rank),
            wide = s.dim[axis] * inner;
    s.dim[axis] = size;
    for (int32_t d = axis; drop && d + 1 < s.rank; d++) s.dim[d] = s.dim[d + 1];
    s.rank -= drop;
    xinf_status status = xi_tensor_create(out, call->alloc, src->dtype, &s, false, err);
    if (status != XINF_OK) return status;
    xi_operand dst = {.data = (*out)->data,
                      .dtype = src->dtype,
                      .shape = s,
                      .count = (*out)->count,
                      .tensor = *out};
    xk_walk w = {.src_at = at * inner};
    xk_walk_add(&w, rows, wide, size * inner);
    xk_walk_add(&w, size * inner, 1, 1);
    status = xk_walk_copy(&w, src, &dst, 0, 1, err);
    if (status == XINF_OK) return status;
    xinf_tensor_destroy(*out);
    *out = NULL;
    return status;
}

static xinf_status ref_sequence_split(const xi_call *call, int32_t phase, int32_t chunk,
                                      void *scratch, xinf_error *err)
{
    const xi_operand *split = call->in_count > 1 ? call->in[1] : NULL;
    const xi_shape *s = &call->in[0]->shape;
    int32_t axis;
    int64_t each = 1, at = 0, made = 0;
    xinf_status status = XINF_OK;
    if (!xi_shape_axis(xi_node_int(call->node, "axis", 0), s->rank, &axis))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "its axis is outside");
    bool listed = split && split->shape.rank == 1;
    int64_t length = s->dim[axis];
    if (split && !listed) each = xi_dtype_load_i64(split->data, split->dtype, 0);
    if (each < 1)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "pieces of %lld", (long long)each);
    int64_t pieces = listed ? split->count : length / each + (length % each != 0);
    if (pieces > REF_SEQUENCE_PIECES)
        return xi_kernel_fail(call->node, err, XINF_LIMIT, "%lld pieces are too many",
                              (long long)pieces);
    xinf_tensor **items = ref_sequence_list(call, pieces, err);
    if (!items) return XINF_OUT_OF_MEMORY;
    for (; made < pieces && status == XINF_OK; made++) {
        int64_t size = listed               ? xi_dtype_load_i64(split->data, split->dtype, made)
                       : each < length - at ? each
                                            : length - at;
        if (size < 0 || size > length - at) {
            status = xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "piece %lld is %lld",
                                    (long long)made, (long long)size);
            break;
        }
        status = ref_sequence_piece(call, axis, at, size,
                                    !split && !xi_node_int(call->node, "keepdims", 1), &items[made],
                                    err);
        at += size;
    }
    if (status == XINF_OK && at != length)
        status = xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                "the pieces add up to %lld of %lld", (long long)at,
                                (long long)length);
    if (status == XINF_OK)
        status = ref_sequence_give(call, items, pieces, err);
    else
        for (int64_t i = 0; i < made; i++) xinf_tensor_destroy(items[i]);
    xi_free(call->alloc, items, ((size_t)pieces + 1) * sizeof *items);
    return status;
}

/* ---- optionals: a value that is there is itself, one that is not has kind NONE ---- */

static xinf_status ref_sequence_optional(const xi_call *call, int32_t phase, int32_t chunk,
                                         void *scratch, xinf_error *err)
{
    xinf_tensor *t;
    xinf_status status = call->in_count > 0 && call->in[0]
                             ? call->take(call, 0, &t, err)
                             : xi_tensor_create_items(&t, call->alloc, XINF_KIND_NONE, NULL, NULL,
                                                      0, err);
    if (status == XINF_OK) call->give(call, 0, t);
    return status;
}

static xinf_status ref_sequence_has(const xi_call *call, int32_t phase, int32_t chunk,
                                    void *scratch, xinf_error *err)
{
    return ref_sequence_scalar(
        call, XINF_BOOL, call->in_count > 0 && call->in[0] && call->in[0]->kind != XINF_KIND_NONE,
        err);
}

static xinf_status ref_sequence_get(const xi_call *call, int32_t phase, int32_t chunk,
                                    void *scratch, xinf_error *err)
{
    xinf_tensor *t;
    if (!call->in[0] || call->in[0]->kind == XINF_KIND_NONE)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "its optional is empty");
    xinf_status status = call->take(call, 0, &t, err);
    if (status == XINF_OK) call->give(call, 0, t);
    return status;
}

#define REF_SEQUENCE(name_, kernel, fn)                                                 \
    {                                                                                   \
        .op = name_, .domain = "", .name = "xk_" kernel "_any_ref__portable", .run = fn \
    }

const xi_kernel xk_ref_sequence[] = {
    REF_SEQUENCE("SequenceConstruct", "sequence_construct", ref_sequence_construct),
    REF_SEQUENCE("SequenceEmpty", "sequence_empty", ref_sequence_empty),
    REF_SEQUENCE("SequenceAt", "sequence_at", ref_sequence_at),
    REF_SEQUENCE("SequenceInsert", "sequence_insert", ref_sequence_insert),
    REF_SEQUENCE("SequenceErase", "sequence_erase", ref_sequence_erase),
    REF_SEQUENCE("SequenceLength", "sequence_length", ref_sequence_length),
    REF_SEQUENCE("ConcatFromSequence", "concat_from_sequence", ref_sequence_concat),
    REF_SEQUENCE("SplitToSequence", "split_to_sequence", ref_sequence_split),
    REF_SEQUENCE("Optional", "optional", ref_sequence_optional),
    REF_SEQUENCE("OptionalHasElement", "optional_has_element", ref_sequence_has),
    REF_SEQUENCE("OptionalGetElement", "optional_get_element", ref_sequence_get),
    {0},
};

#undef REF_SEQUENCE
