/* op_shape.c — the same elements in another shape or order: most of these are views. */
#include "import/torch/op.h"

enum { SHAPE_MAX_PARTS = 4096 };

static xi_aten_value op_shape_view(xi_aten *x, const xi_aten_value *a, xi_value *shape)
{
    xi_aten_view w = {.kind = XI_ATEN_RESHAPE, .shape = shape};
    return x->status == XINF_OK ? xi_aten_view_of(x, a->tensor, &w) : xi_aten_none();
}

static xi_aten_value op_shape_alias(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_aten_view w = {.kind = XI_ATEN_ALIAS};
    return xi_aten_view_of(x, a[0].tensor, &w);
}

static xi_aten_value op_shape_reshape(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return op_shape_view(x, &a[0], xi_aten_int_list(x, &a[1]));
}

static xi_aten_value op_shape_view_as(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return op_shape_view(x, &a[0], xi_aten_shape(x, xi_aten_arg(x, &a[1])));
}

static xi_aten_value op_shape_copy(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_aten_value out = xi_aten_result(x, xi_aten_arg(x, &a[0]));
    if (out.kind != XI_ATEN_TENSOR) return out;
    out.tensor->dtype = a[0].tensor->dtype;
    out.tensor->scale = a[0].tensor->scale;
    out.tensor->zero_point = a[0].tensor->zero_point;
    out.tensor->axis = a[0].tensor->axis;
    return out;
}

/* The shape's dimensions first … last−1, as a 1-D value. */
static xi_value *op_shape_part(xi_aten *x, xi_value *v, int64_t first, int64_t last)
{
    xi_value *shape = xi_aten_shape(x, v);
    int64_t dims[XI_MAX_RANK];
    int32_t count = xi_aten_known_ints(shape, dims, XI_MAX_RANK);
    if (count >= 0 && first >= 0 && last <= count && first <= last)
        return xi_aten_ints(x, dims + first, (int32_t)(last - first));
    return xi_aten_slice(x, shape, 0, first, last, 1);
}

/* Dimensions start … end become one: sizes before and after are kept, known or not. */
static xi_aten_value op_shape_flatten(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *parts[3];
    int64_t start = xi_aten_arg_int(x, &a[1], "flatten"),
            end = xi_aten_arg_int(x, &a[2], "flatten");
    int32_t rank = xi_aten_rank(v), count = 0;
    if (rank == 0) return op_shape_view(x, &a[0], xi_aten_int1(x, 1));
    start = xi_aten_axis(x, v, start, "flatten");
    end = xi_aten_axis(x, v, end, "flatten");
    if (x->status != XINF_OK) return xi_aten_none();
    if (rank > 0 && start == end) return op_shape_alias(x, a, op);
    if (rank < 0 && (start < 0 || end != -1)) rank = xi_aten_need_rank(x, v, "flatten");
    /* Leading dimensions that are kept as they are: 0 in ONNX's Reshape; one unknown can be found
     * from the rest. */
    if (start > 0) parts[count++] = op_shape_part(x, v, 0, start);
    parts[count++] = xi_aten_int1(x, -1);
    if (rank >= 0 && end + 1 < rank) parts[count++] = op_shape_part(x, v, end + 1, rank);
    return op_shape_view(x, &a[0], xi_aten_concat(x, count, parts, 0));
}

static xi_aten_value op_shape_unflatten(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *parts[3];
    int32_t rank = xi_aten_need_rank(x, v, "unflatten"), count = 0;
    int64_t axis = xi_aten_axis(x, v, xi_aten_arg_int(x, &a[1], "unflatten"), "unflatten");
    if (x->status != XINF_OK) return xi_aten_none();
    if (axis > 0) parts[count++] = op_shape_part(x, v, 0, axis);
    parts[count++] = xi_aten_int_list(x, &a[2]);
    if (axis + 1 < rank) parts[count++] = op_shape_part(x, v, axis + 1, rank);
    return op_shape_view(x, &a[0], xi_aten_concat(x, count, parts, 0));
}

static xi_aten_value op_shape_ravel(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return op_shape_view(x, &a[0], xi_aten_int1(x, -1));
}

/* ---- axes of one ---- */

static xi_aten_value op_shape_unsqueeze(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *parts[3];
    int64_t axis = xi_aten_arg_int(x, &a[1], "unsqueeze");
    int32_t rank = xi_aten_rank(v), count = 0;
    if (rank < 0) return xi_aten_result(x, xi_aten_unsqueeze(x, v, axis));
    if (axis < -rank - 1 || axis > rank)
        return xi_aten_fail(x, XINF_MALFORMED, "unsqueeze: dimension %lld of a tensor with %d",
                            (long long)axis, rank),
               xi_aten_none();
    if (axis < 0) axis += rank + 1;
    if (axis > 0) parts[count++] = op_shape_part(x, v, 0, axis);
    parts[count++] = xi_aten_int1(x, 1);
    if (axis < rank) parts[count++] = op_shape_part(x, v, axis, rank);
    if (!a[0].tensor->base && !xi_shape_known(&v->type.shape))
        return xi_aten_result(x, xi_aten_unsqueeze(x, v, axis));
    return op_shape_view(x, &a[0], xi_aten_concat(x, count, parts, 0));
}

/* Without its axes of one; of those asked for, only the ones that are one. */
static xi_aten_value op_shape_squeeze(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t axes[XI_MAX_RANK], dims[XI_MAX_RANK];
    bool drop[XI_MAX_RANK] = {false};
    int32_t rank = xi_aten_rank(v),
            count = op->number ? xi_aten_arg_ints(x, &a[1], axes, XI_MAX_RANK, 1, "squeeze") : 0,
            kept = 0;
    if (x->status != XINF_OK) return xi_aten_none();
    if (rank < 0 && op->number)
        return xi_aten_result(x, xi_aten_emit2(x, "Squeeze", v, xi_aten_ints(x, axes, count)));
    if (rank < 0) return xi_aten_result(x, xi_aten_emit1(x, "Squeeze", v));
    for (int32_t i = 0; i < count; i++) {
        int64_t axis = xi_aten_axis(x, v, axes[i], "squeeze");
        if (x->status == XINF_OK && rank) drop[axis] = true;
    }
    bool known = true;
    for (int32_t i = 0; i < rank; i++) {
        int64_t size = v->type.shape.dim[i];
        if (size < 0 && !op->number)
            return xi_aten_fail(
                       x, XINF_UNSUPPORTED,
                       "squeeze of every axis of one, where sizes are not known before it runs"),
                   xi_aten_none();
        /* An axis that is asked for by its number is one of one: a run of another size ends there,
         * rather than going on wrongly. */
        drop[i] = (drop[i] && size < 0) || ((drop[i] || !op->number) && size == 1);
        if (!drop[i]) dims[kept++] = v->type.shape.dim[i];
        known = known && v->type.shape.dim[i] >= 0;
    }
    if (kept == rank) return op_shape_alias(x, a, op);
    if (known) return op_shape_view(x, &a[0], xi_aten_ints(x, dims, kept));
    for (int32_t i = count = 0; i < rank; i++)
        if (drop[i]) axes[count++] = i;
    return xi_aten_result(x, xi_aten_emit2(x, "Squeeze", v, xi_aten_ints(x, axes, count)));
}

static xi_aten_value op_shape_atleast(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int32_t rank = xi_aten_need_rank(x, v, op->name);
    if (rank >= op->number) return op_shape_alias(x, a, op);
    while (rank < op->number && x->status == XINF_OK) {
        /* A row has its new axis in front, a plane behind. */
        v = xi_aten_unsqueeze(x, v, rank < 2 ? 0 : rank);
        rank++;
    }
    return xi_aten_result(x, v);
}

/* ---- order of axes ---- */

static xi_aten_value op_shape_permuted(xi_aten *x, const xi_aten_value *a, const int64_t *perm,
                                       int32_t rank)
{
    xi_aten_view w = {.kind = XI_ATEN_PERMUTE, .rank = rank};
    if (x->status != XINF_OK) return xi_aten_none();
    memcpy(w.perm, perm, (size_t)rank * sizeof *perm);
    return xi_aten_view_of(x, a->tensor, &w);
}

static xi_aten_value op_shape_swapped(xi_aten *x, const xi_aten_value *a, int64_t p, int64_t q)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t perm[XI_MAX_RANK];
    int32_t rank = xi_aten_need_rank(x, v, "transpose");
    p = xi_aten_axis(x, v, p, "transpose");
    q = xi_aten_axis(x, v, q, "transpose");
    if (x->status != XINF_OK) return xi_aten_none();
    if (rank == 0) return a[0];
    for (int32_t i = 0; i < rank; i++) perm[i] = i;
    perm[p] = q;
    perm[q] = p;
    return op_shape_permuted(x, a, perm, rank);
}

static xi_aten_value op_shape_transpose(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return op_shape_swapped(x, a, xi_aten_arg_int(x, &a[1], "transpose"),
                            xi_aten_arg_int(x, &a[2], "transpose"));
}

/* t, .T, mT, adjoint: number 0 takes ranks up to 2 only */
static xi_aten_value op_shape_t(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int32_t rank = xi_aten_need_rank(x, xi_aten_arg(x, &a[0]), op->name);
    int64_t perm[XI_MAX_RANK];
    if (x->status != XINF_OK) return xi_aten_none();
    if (op->number == 1) {
        for (int32_t i = 0; i < rank; i++) perm[i] = rank - 1 - i;
        return op_shape_permuted(x, a, perm, rank);
    }
    if (rank < 2) return op_shape_alias(x, a, op);
    return op_shape_swapped(x, a, -2, -1);
}

static xi_aten_value op_shape_permute(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t perm[XI_MAX_RANK];
    int32_t count = xi_aten_arg_ints(x, &a[1], perm, XI_MAX_RANK, 1, "permute");
    if (x->status != XINF_OK) return xi_aten_none();
    if (xi_aten_rank(v) >= 0 && xi_aten_rank(v) != count)
        return xi_aten_fail(x, XINF_MALFORMED, "permute: %d dimensions of a tensor with %d", count,
                            xi_aten_rank(v)),
               xi_aten_none();
    for (int32_t i = 0; i < count; i++) {
        if (perm[i] < 0) perm[i] += count;
        if (perm[i] < 0 || perm[i] >= count)
            return xi_aten_fail(x, XINF_MALFORMED, "permute: a dimension that is none"),
                   xi_aten_none();
    }
    return op_shape_permuted(x, a, perm, count);
}

/* movedim: sources go to destinations, the others keep their order */
static xi_aten_value op_shape_movedim(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t from[XI_MAX_RANK], to[XI_MAX_RANK], perm[XI_MAX_RANK];
    bool used[XI_MAX_RANK] = {false};
    int32_t rank = xi_aten_need_rank(x, v, op->name), at = 0;
    int32_t count = xi_aten_arg_ints(x, &a[1], from, XI_MAX_RANK, 1, op->name),
            other = xi_aten_arg_ints(x, &a[2], to, XI_MAX_RANK, 1, op->name);
    if (x->status != XINF_OK || count != other)
        return xi_aten_fail(x, XINF_MALFORMED, "%s: two lists of different lengths", op->name),
               xi_aten_none();
    for (int32_t i = 0; i < rank; i++) perm[i] = -1;
    for (int32_t i = 0; i < count; i++) {
        from[i] = xi_aten_axis(x, v, from[i], op->name);
        to[i] = xi_aten_axis(x, v, to[i], op->name);
        if (x->status != XINF_OK) return xi_aten_none();
        perm[to[i]] = from[i];
        used[from[i]] = true;
    }
    for (int32_t i = 0; i < rank; i++) {
        if (perm[i] >= 0) continue;
        while (at < rank && used[at]) at++;
        perm[i] = at++;
    }
    return op_shape_permuted(x, a, perm, rank);
}

/* ---- parts ---- */

static xi_aten_value op_shape_sliced(xi_aten *x, const xi_aten_value *a, int64_t axis,
                                     xi_value *start, xi_value *end, xi_value *step)
{
    xi_value *v = xi_aten_arg(x, a);
    axis = xi_aten_axis(x, v, axis, "slice");
    if (axis < 0) axis += xi_aten_need_rank(x, v, "a slice counted from the last dimension");
    if (x->status != XINF_OK) return xi_aten_none();
    xi_aten_view w = {
        .kind = XI_ATEN_SLICE, .axis = (int32_t)axis, .start = start, .end = end, .step = step};
    return xi_aten_view_of(x, a->tensor, &w);
}

static xi_aten_value op_shape_slice_view(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t axis = xi_aten_arg_int(x, &a[1], "slice's dimension"), known = 1;
    xi_value *step = xi_aten_int_vector(x, &a[4]);
    xi_value *start = a[2].kind == XI_ATEN_NONE ? xi_aten_int1(x, 0) : xi_aten_int_vector(x, &a[2]);
    xi_value *end = a[3].kind == XI_ATEN_NONE ? xi_aten_int1(x, INT64_MAX)
                                              : xi_aten_int_vector(x, &a[3]);
    if (xi_aten_known_ints(step, &known, 1) == 1 && known < 1)
        return xi_aten_fail(x, XINF_MALFORMED, "slice: step %lld", (long long)known),
               xi_aten_none();
    return op_shape_sliced(x, &a[0], axis, start, end, step);
}

static xi_aten_value op_shape_narrow(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *start = xi_aten_int_vector(x, &a[2]);
    int64_t first, length;
    xi_value *end;
    if (xi_aten_known_ints(start, &first, 1) == 1 && xi_aten_is_known(&a[3])) {
        length = xi_aten_arg_int(x, &a[3], "narrow");
        end = xi_aten_int1(x, first < 0 && first + length >= 0 ? INT64_MAX : first + length);
    } else {
        end = xi_aten_emit2(x, "Add", start, xi_aten_int_vector(x, &a[3]));
    }
    return op_shape_sliced(x, &a[0], xi_aten_arg_int(x, &a[1], "narrow's dimension"), start, end,
                           xi_aten_int1(x, 1));
}

static xi_aten_value op_shape_select(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t axis = xi_aten_axis(x, v, xi_aten_arg_int(x, &a[1], "select's dimension"), "select"),
            index;
    xi_value *start = xi_aten_int_vector(x, &a[2]);
    if (axis < 0) axis += xi_aten_need_rank(x, v, "a selection counted from the last dimension");
    if (x->status != XINF_OK) return xi_aten_none();
    int64_t size = axis < xi_aten_rank(v) ? v->type.shape.dim[axis] : -1;
    if (size >= 0 && xi_aten_known_ints(start, &index, 1) == 1 && (index < -size || index >= size))
        return xi_aten_fail(x, XINF_MALFORMED, "select: index %lld of a dimension of %lld",
                            (long long)index, (long long)size),
               xi_aten_none();
    xi_aten_view w = {.kind = XI_ATEN_SELECT, .axis = (int32_t)axis, .start = start};
    return xi_aten_view_of(x, a[0].tensor, &w);
}

/* The size of an axis that must be known: parts cannot be counted otherwise. */
static int64_t op_shape_known_size(xi_aten *x, const xi_aten_value *a, int64_t axis,
                                   const char *who)
{
    xi_value *v = xi_aten_arg(x, a);
    axis = xi_aten_axis(x, v, axis, who);
    if (x->status != XINF_OK) return -1;
    if (axis < 0) axis += xi_aten_need_rank(x, v, who);
    if (x->status == XINF_OK && axis < xi_aten_rank(v) && v->type.shape.dim[axis] >= 0)
        return v->type.shape.dim[axis];
    x->wants_types = true;
    xi_aten_fail(x, XINF_UNSUPPORTED, "%s along a dimension whose size is not known before it runs",
                 who);
    return -1;
}

/* Slices of these sizes, as a list. */
static xi_aten_value op_shape_pieces(xi_aten *x, const xi_aten_value *a, int64_t axis,
                                     const int64_t *sizes, int32_t count)
{
    xi_aten_value list = xi_aten_new_list(x, XI_ATEN_LIST, count);
    int64_t at = 0;
    for (int32_t i = 0; i < count && x->status == XINF_OK; i++) {
        xi_aten_append(x, list.list,
                       op_shape_sliced(x, a, axis, xi_aten_int1(x, at),
                                       xi_aten_int1(x, at + sizes[i]), xi_aten_int1(x, 1)));
        at += sizes[i];
    }
    return x->status == XINF_OK ? list : xi_aten_none();
}

static xi_aten_value op_shape_equal_pieces(xi_aten *x, const xi_aten_value *a, int64_t axis,
                                           int64_t total, int64_t each)
{
    int64_t sizes[SHAPE_MAX_PARTS];
    int32_t count = 0;
    if (x->status != XINF_OK) return xi_aten_none();
    if (each < 1 || (total + each - 1) / each > SHAPE_MAX_PARTS)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "a split into pieces of %lld", (long long)each),
               xi_aten_none();
    for (int64_t at = 0; at < total || count == 0; at += each)
        sizes[count++] = total - at < each ? total - at : each;
    return op_shape_pieces(x, a, axis, sizes, count);
}

static xi_aten_value op_shape_split(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t axis = xi_aten_arg_int(x, &a[2], "split's dimension");
    if (a[1].kind == XI_ATEN_INT) {
        int64_t total = op_shape_known_size(x, &a[0], axis, "split");
        return op_shape_equal_pieces(x, a, axis, total, xi_aten_arg_int(x, &a[1], "split's size"));
    }
    int64_t sizes[SHAPE_MAX_PARTS];
    int32_t count = xi_aten_arg_ints(x, &a[1], sizes, SHAPE_MAX_PARTS, 1, "split's sizes");
    return count < 0 ? xi_aten_none() : op_shape_pieces(x, a, axis, sizes, count);
}

/* The size of an axis as a rank-0 value; NULL when it is known (then *known holds it) or after a
 * failure. */
static xi_value *op_shape_open_size(xi_aten *x, const xi_aten_value *a, int64_t *axis,
                                    int64_t *known, const char *who)
{
    xi_value *v = xi_aten_arg(x, a);
    *axis = xi_aten_axis(x, v, *axis, who);
    if (*axis < 0) *axis += xi_aten_need_rank(x, v, who);
    xi_aten_value size = xi_aten_size(x, v, *axis);
    *known = size.scalar ? -1 : size.i;
    return x->status == XINF_OK ? size.scalar : NULL;
}

/* A slice of an axis between two rank-0 values, as a view. */
static xi_aten_value op_shape_between(xi_aten *x, const xi_aten_value *a, int64_t axis,
                                      xi_value *start, xi_value *end)
{
    return op_shape_sliced(x, a, axis, xi_aten_reshape(x, start, (int64_t[]){1}, 1),
                           xi_aten_reshape(x, end, (int64_t[]){1}, 1), xi_aten_int1(x, 1));
}

static xi_aten_value op_shape_chunk(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t chunks = xi_aten_arg_int(x, &a[1], "chunk"),
            axis = xi_aten_arg_int(x, &a[2], "chunk's dimension"), total;
    xi_value *open = op_shape_open_size(x, &a[0], &axis, &total, "chunk");
    if ((chunks < 1 || chunks > SHAPE_MAX_PARTS) && x->status == XINF_OK)
        return xi_aten_fail(x, XINF_MALFORMED, "chunk into %lld", (long long)chunks),
               xi_aten_none();
    if (x->status != XINF_OK) return xi_aten_none();
    if (!open) {
        int64_t each = (total + chunks - 1) / chunks;
        return op_shape_equal_pieces(x, a, axis, total, each ? each : 1);
    }
    /* As many as asked for, whatever the size: a program that takes them apart counts on it. */
    xi_value *n = xi_aten_whole(x, XINF_INT64, chunks),
             *up = xi_aten_whole_op(x, "Add", open, xi_aten_whole(x, XINF_INT64, chunks - 1));
    xi_value *each = xi_aten_whole_op(x, "Div", up, n);
    xi_aten_value list = xi_aten_new_list(x, XI_ATEN_LIST, (int32_t)chunks);
    for (int64_t i = 0; i < chunks && x->status == XINF_OK; i++) {
        xi_value *start = xi_aten_whole_op(x, "Mul", each, xi_aten_whole(x, XINF_INT64, i));
        xi_aten_append(
            x, list.list,
            op_shape_between(x, &a[0], axis, start, xi_aten_whole_op(x, "Add", start, each)));
    }
    return x->status == XINF_OK ? list : xi_aten_none();
}

/* tensor_split of a size that is not known: the first n mod parts are one longer; or between
 * indices that count from the front. */
static xi_aten_value op_shape_open_split(xi_aten *x, const xi_aten_value *a, int64_t axis,
                                         xi_value *total)
{
    int64_t ends[SHAPE_MAX_PARTS];
    bool equal = a[1].kind == XI_ATEN_INT;
    int32_t count = equal ? 0
                          : xi_aten_arg_ints(x, &a[1], ends, SHAPE_MAX_PARTS, 1, "tensor_split");
    int64_t parts = equal ? xi_aten_arg_int(x, &a[1], "tensor_split") : count + 1;
    if (x->status != XINF_OK || parts < 1 || parts > SHAPE_MAX_PARTS)
        return xi_aten_fail(x, XINF_MALFORMED, "tensor_split into %lld", (long long)parts),
               xi_aten_none();
    xi_value *zero = xi_aten_whole(x, XINF_INT64, 0), *start = zero,
             *n = xi_aten_whole(x, XINF_INT64, parts), *each = xi_aten_whole_op(x, "Div", total, n);
    xi_value *rest = xi_aten_whole_op(x, "Sub", total, xi_aten_whole_op(x, "Mul", each, n));
    xi_aten_value list = xi_aten_new_list(x, XI_ATEN_LIST, (int32_t)parts);
    for (int64_t i = 0; i < parts && x->status == XINF_OK; i++) {
        xi_value *next = xi_aten_whole(x, XINF_INT64, i + 1),
                 *end = xi_aten_whole_op(x, "Add", xi_aten_whole_op(x, "Mul", each, next),
                                         xi_aten_whole_op(x, "Min", rest, next));
        if (!equal) end = i < count ? xi_aten_whole(x, XINF_INT64, ends[i]) : total;
        xi_aten_append(x, list.list, op_shape_between(x, &a[0], axis, start, end));
        start = end;
    }
    return x->status == XINF_OK ? list : xi_aten_none();
}

/* tensor_split: the first pieces are one longer; or pieces that end at indices */
static xi_aten_value op_shape_tensor_split(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t axis = xi_aten_arg_int(x, &a[2], "tensor_split"), sizes[SHAPE_MAX_PARTS], total;
    xi_value *open = op_shape_open_size(x, &a[0], &axis, &total, "tensor_split");
    int32_t count;
    if (x->status != XINF_OK) return xi_aten_none();
    if (open) return op_shape_open_split(x, a, axis, open);
    if (a[1].kind == XI_ATEN_INT) {
        int64_t parts = xi_aten_arg_int(x, &a[1], "tensor_split");
        if (parts < 1 || parts > SHAPE_MAX_PARTS)
            return xi_aten_fail(x, XINF_MALFORMED, "tensor_split into %lld", (long long)parts),
                   xi_aten_none();
        for (count = 0; count < parts; count++)
            sizes[count] = total / parts + (count < total % parts);
    } else {
        int64_t before = 0;
        count = xi_aten_arg_ints(x, &a[1], sizes, SHAPE_MAX_PARTS - 1, 1, "tensor_split");
        if (count < 0) return xi_aten_none();
        sizes[count++] = total;
        for (int32_t i = 0; i < count; i++) {
            int64_t end = sizes[i] < 0 ? sizes[i] + total : sizes[i] > total ? total : sizes[i];
            sizes[i] = end > before ? end - before : 0;
            before = end;
        }
    }
    return op_shape_pieces(x, a, axis, sizes, count);
}

static xi_aten_value op_shape_unbind(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t axis = xi_aten_arg_int(x, &a[1], "unbind's dimension"),
            total = op_shape_known_size(x, &a[0], axis, "unbind");
    xi_aten_value list = xi_aten_new_list(x, XI_ATEN_LIST, total < 64 ? (int32_t)total : 64);
    for (int64_t i = 0; i < total && x->status == XINF_OK; i++)
        xi_aten_append(
            x, list.list,
            op_shape_select(x, (xi_aten_value[]){a[0], xi_aten_int(axis), xi_aten_int(i)}, op));
    return x->status == XINF_OK ? list : xi_aten_none();
}

/* ---- larger shapes ---- */

static xi_aten_value op_shape_expanded(xi_aten *x, const xi_aten_value *a, xi_value *shape)
{
    xi_aten_view w = {.kind = XI_ATEN_EXPAND, .shape = shape};
    return x->status == XINF_OK ? xi_aten_view_of(x, a->tensor, &w) : xi_aten_none();
}

/* −1 keeps a dimension; ONNX's Expand keeps it for 1. */
static xi_aten_value op_shape_expand(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t dims[XI_MAX_RANK];
    xi_value *shape = xi_aten_int_list(x, &a[1]);
    int32_t count = xi_aten_known_ints(shape, dims, XI_MAX_RANK);
    for (int32_t i = 0; i < count; i++) dims[i] = dims[i] == -1 ? 1 : dims[i];
    if (count >= 0) return op_shape_expanded(x, a, xi_aten_ints(x, dims, count));
    xi_value *one = xi_aten_whole(x, XINF_INT64, 1);
    return op_shape_expanded(
        x, a,
        xi_aten_emit3(x, "Where",
                      xi_aten_emit2(x, "Equal", shape, xi_aten_whole(x, XINF_INT64, -1)), one,
                      shape));
}

static xi_aten_value op_shape_expand_as(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return op_shape_expanded(x, a, xi_aten_shape(x, xi_aten_arg(x, &a[1])));
}

static xi_aten_value op_shape_broadcast_tensors(xi_aten *x, const xi_aten_value *a,
                                                const xi_aten_op *op)
{
    int32_t count = a[0].list->count;
    xi_aten_value list = xi_aten_new_list(x, XI_ATEN_LIST, count);
    xi_value *sum = NULL;
    /* A sum of zeros has the common shape. */
    for (int32_t i = 0; i < count; i++) {
        xi_value *shape = xi_aten_shape(x, xi_aten_arg(x, &a[0].list->items[i]));
        xi_value *wide = xi_aten_emit(x, "ConstantOfShape", 1, &shape, 0, NULL);
        sum = sum ? xi_aten_emit2(x, "Add", sum, wide) : wide;
    }
    for (int32_t i = 0; i < count && x->status == XINF_OK; i++)
        xi_aten_append(x, list.list,
                       op_shape_expanded(x, &a[0].list->items[i], xi_aten_shape(x, sum)));
    return x->status == XINF_OK ? list : xi_aten_none();
}

/* repeat: the shape may have more dimensions than the tensor; tile: fewer. */
static xi_aten_value op_shape_repeat(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *times = xi_aten_int_list(x, &a[1]);
    int32_t rank = xi_aten_need_rank(x, v, op->name),
            count = a[1].kind == XI_ATEN_LIST || a[1].kind == XI_ATEN_TUPLE ? a[1].list->count : 1;
    int64_t ones[XI_MAX_RANK];
    if (x->status != XINF_OK) return xi_aten_none();
    for (int32_t i = 0; i < XI_MAX_RANK; i++) ones[i] = 1;
    for (; rank < count && x->status == XINF_OK; rank++) v = xi_aten_unsqueeze(x, v, 0);
    if (count < rank)
        times = xi_aten_concat(x, 2, (xi_value *[]){xi_aten_ints(x, ones, rank - count), times}, 0);
    return xi_aten_result(x, xi_aten_emit2(x, "Tile", v, times));
}

static xi_aten_value op_shape_repeat_interleave(xi_aten *x, const xi_aten_value *a,
                                                const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *wide;
    if (a[2].kind == XI_ATEN_NONE) v = xi_aten_reshape(x, v, (int64_t[]){-1}, 1);
    int64_t axis = a[2].kind == XI_ATEN_NONE
                       ? 0
                       : xi_aten_axis(x, v, xi_aten_arg_int(x, &a[2], op->name), op->name);
    int32_t rank = xi_aten_need_rank(x, v, op->name);
    xi_value *parts[3];
    int32_t count = 0;
    int64_t ones[XI_MAX_RANK + 1];
    if (x->status != XINF_OK || rank >= XI_MAX_RANK) return xi_aten_none();
    for (int32_t i = 0; i <= rank; i++) ones[i] = 1;
    wide = xi_aten_unsqueeze(x, v, axis + 1);
    xi_value *times = xi_aten_concat(
        x, 3,
        (xi_value *[]){xi_aten_ints(x, ones, (int32_t)axis + 1), xi_aten_int_vector(x, &a[1]),
                       xi_aten_ints(x, ones, rank - (int32_t)axis - 1)},
        0);
    wide = xi_aten_emit2(x, "Tile", wide, times);
    if (axis > 0) parts[count++] = op_shape_part(x, v, 0, axis);
    parts[count++] = xi_aten_int1(x, -1);
    if (axis + 1 < rank) parts[count++] = op_shape_part(x, v, axis + 1, rank);
    return xi_aten_result(x, xi_aten_reshape_to(x, wide, xi_aten_concat(x, count, parts, 0)));
}

/* ---- joining ---- */

static xi_aten_value op_shape_joined(xi_aten *x, const xi_aten_value *list, int64_t axis,
                                     bool stack)
{
    int32_t count = list->list->count, kept = 0;
    xi_value **items = xi_arena_array(x->arena, (size_t)count + 1, sizeof *items);
    if (!items) return xi_aten_memory(x), xi_aten_none();
    for (int32_t i = 0; i < count; i++) {
        xi_value *v = xi_aten_arg(x, &list->list->items[i]);
        if (x->status != XINF_OK) return xi_aten_none();
        /* An empty vector among others is nothing, as in ATen. */
        if (!stack && count > 1 && xi_aten_rank(v) == 1 && v->type.shape.dim[0] == 0) continue;
        items[kept++] = stack ? xi_aten_unsqueeze(x, v, axis) : v;
    }
    if (kept == 0)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "a concatenation of nothing"), xi_aten_none();
    for (int32_t i = 1; i < kept; i++) {
        xi_aten_promote(x, &items[0], false, &items[i], false);
    }
    for (int32_t i = 1; i < kept; i++)
        items[i] = xi_aten_dtype(items[0]) ? xi_aten_cast(x, items[i], xi_aten_dtype(items[0]))
                                           : items[i];
    return xi_aten_result(x, xi_aten_concat(x, kept, items, axis));
}

static xi_aten_value op_shape_cat(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t axis = xi_aten_arg_int(x, &a[1], op->name);
    if (a[0].kind == XI_ATEN_SEQUENCE)
        return xi_aten_result(x,
                              xi_aten_emit(x, "ConcatFromSequence", 1, &a[0].scalar, 2,
                                           (xi_attr[]){XI_ATEN_ATTR_INT("axis", axis),
                                                       XI_ATEN_ATTR_INT("new_axis", op->number)}));
    return op_shape_joined(x, &a[0], axis, op->number != 0);
}

/* hstack, vstack, dstack, column_stack: after atleast_nd, along an axis */
static xi_aten_value op_shape_nstack(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    static const xi_aten_op ranks[3] = {{"atleast_1d", NULL, NULL, NULL, 1},
                                        {"atleast_2d", NULL, NULL, NULL, 2},
                                        {"atleast_3d", NULL, NULL, NULL, 3}};
    xi_aten_value list = xi_aten_new_list(x, XI_ATEN_LIST, a[0].list->count);
    int64_t axis = op->number == 1 ? 0 : op->number - 1;
    for (int32_t i = 0; i < a[0].list->count && x->status == XINF_OK; i++)
        xi_aten_append(x, list.list,
                       op_shape_atleast(x, &a[0].list->items[i],
                                        &ranks[op->number == 0   ? 0
                                               : op->number == 1 ? 1
                                                                 : 2]));
    if (x->status != XINF_OK || list.list->count == 0) return xi_aten_none();
    if (op->number == 0) axis = xi_aten_rank(list.list->items[0].tensor->value) == 1 ? 0 : 1;
    if (op->number == 2) axis = 2;
    return op_shape_joined(x, &list, axis, false);
}

static xi_aten_value op_shape_flip(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t axes[XI_MAX_RANK];
    int32_t count = op->number >= 0 ? 1 : xi_aten_arg_ints(x, &a[1], axes, XI_MAX_RANK, 1, "flip");
    if (op->number >= 0) axes[0] = op->number;
    for (int32_t i = 0; i < count; i++) v = xi_aten_slice(x, v, axes[i], -1, INT64_MIN + 1, -1);
    return xi_aten_result(x, v);
}

static xi_aten_value op_shape_rot90(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t turns = xi_aten_arg_int(x, &a[1], "rot90"), axes[2];
    if (xi_aten_arg_ints(x, &a[2], axes, 2, 2, "rot90") != 2) return xi_aten_none();
    turns = ((turns % 4) + 4) % 4;
    if (turns == 2)
        v = xi_aten_slice(x, xi_aten_slice(x, v, axes[0], -1, INT64_MIN + 1, -1), axes[1], -1,
                          INT64_MIN + 1, -1);
    if (turns == 1)
        v = xi_aten_swap(x, xi_aten_slice(x, v, axes[1], -1, INT64_MIN + 1, -1), axes[0], axes[1]);
    if (turns == 3)
        v = xi_aten_slice(x, xi_aten_swap(x, v, axes[0], axes[1]), axes[1], -1, INT64_MIN + 1, -1);
    return xi_aten_result(x, v);
}

/* Each axis: its end moved to its front. */
static xi_aten_value op_shape_roll(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *whole = v;
    int64_t shifts[XI_MAX_RANK], axes[XI_MAX_RANK];
    int32_t count = xi_aten_arg_ints(x, &a[1], shifts, XI_MAX_RANK, 1, "roll"),
            dims = xi_aten_arg_ints(x, &a[2], axes, XI_MAX_RANK, 1, "roll");
    if (x->status != XINF_OK) return xi_aten_none();
    if (dims == 0) {
        v = xi_aten_reshape(x, v, (int64_t[]){-1}, 1);
        axes[0] = 0;
    }
    for (int32_t i = 0; i < count; i++) {
        int64_t axis = dims ? xi_aten_axis(x, v, axes[i], "roll") : 0,
                size = axis >= 0 && axis < xi_aten_rank(v) ? v->type.shape.dim[axis] : -1;
        if (size > 0) shifts[i] %= size;
        if (shifts[i] == 0 || size == 0) continue;
        v = xi_aten_concat(x, 2,
                           (xi_value *[]){xi_aten_slice(x, v, axis, -shifts[i], INT64_MAX, 1),
                                          xi_aten_slice(x, v, axis, 0, -shifts[i], 1)},
                           axis);
    }
    if (dims == 0) v = xi_aten_reshape_to(x, v, xi_aten_shape(x, whole));
    return xi_aten_result(x, v);
}

const xi_aten_op xi_aten_ops_shape[] = {
    {"view", "T:self I:size", op_shape_reshape, NULL, 0},
    {"reshape", "T:self I:shape", op_shape_reshape, NULL, 0},
    {"_unsafe_view", "T:self I:size", op_shape_reshape, NULL, 0},
    {"view_as", "T:self T:other", op_shape_view_as, NULL, 0},
    {"reshape_as", "T:self T:other", op_shape_view_as, NULL, 0},
    {"flatten", "T:self i:start_dim=0 i:end_dim=-1", op_shape_flatten, NULL, 0},
    {"unflatten", "T:self i:dim I:sizes", op_shape_unflatten, NULL, 0},
    {"ravel", "T:self", op_shape_ravel, NULL, 0},
    {"detach", "T:self", op_shape_alias, NULL, 0},
    {"alias", "T:self", op_shape_alias, NULL, 0},
    {"lift_fresh", "T:self", op_shape_alias, NULL, 0},
    {"lift_fresh_copy", "T:self", op_shape_copy, NULL, 0},
    {"requires_grad_", "T:self b:requires_grad=True", op_shape_alias, NULL, 0},
    {"contiguous", "T:self i:memory_format=0", op_shape_alias, NULL, 0},
    {"clone", "T:self o:memory_format=None", op_shape_copy, NULL, 0},
    {"unsqueeze", "T:self i:dim", op_shape_unsqueeze, NULL, 0},
    {"squeeze", "T:self", op_shape_squeeze, NULL, 0},
    {"squeeze", "T:self I:dim", op_shape_squeeze, NULL, 1},
    {"atleast_1d", "T:self", op_shape_atleast, NULL, 1},
    {"atleast_2d", "T:self", op_shape_atleast, NULL, 2},
    {"atleast_3d", "T:self", op_shape_atleast, NULL, 3},
    {"transpose", "T:self i:dim0 i:dim1", op_shape_transpose, NULL, 0},
    {"swapaxes", "T:self i:axis0 i:axis1", op_shape_transpose, NULL, 0},
    {"swapdims", "T:self i:dim0 i:dim1", op_shape_transpose, NULL, 0},
    {"t", "T:self", op_shape_t, NULL, 0},
    {"numpy_T", "T:self", op_shape_t, NULL, 1},
    {"mT", "T:self", op_shape_t, NULL, 0},
    {"adjoint", "T:self", op_shape_t, NULL, 0},
    {"permute", "T:self I:dims", op_shape_permute, NULL, 0},
    {"movedim", "T:self I:source I:destination", op_shape_movedim, NULL, 0},
    {"moveaxis", "T:self I:source I:destination", op_shape_movedim, NULL, 0},
    {"slice", "T:self i:dim=0 i?:start=None i?:end=None i:step=1", op_shape_slice_view, NULL, 0},
    {"narrow", "T:self i:dim i:start i:length", op_shape_narrow, NULL, 0},
    {"select", "T:self i:dim i:index", op_shape_select, NULL, 0},
    {"split", "T:self i:split_size i:dim=0", op_shape_split, NULL, 0},
    {"split", "T:self I:split_sizes i:dim=0", op_shape_split, NULL, 0},
    {"split_with_sizes", "T:self I:split_sizes i:dim=0", op_shape_split, NULL, 0},
    {"unsafe_split", "T:self i:split_size i:dim=0", op_shape_split, NULL, 0},
    {"unsafe_split_with_sizes", "T:self I:split_sizes i:dim=0", op_shape_split, NULL, 0},
    {"chunk", "T:self i:chunks i:dim=0", op_shape_chunk, NULL, 0},
    {"unsafe_chunk", "T:self i:chunks i:dim=0", op_shape_chunk, NULL, 0},
    {"tensor_split", "T:self i:sections i:dim=0", op_shape_tensor_split, NULL, 0},
    {"tensor_split", "T:self I:indices i:dim=0", op_shape_tensor_split, NULL, 0},
    {"unbind", "T:self i:dim=0", op_shape_unbind, NULL, 0},
    {"expand", "T:self I:size b:implicit=False", op_shape_expand, NULL, 0},
    {"broadcast_to", "T:self I:size", op_shape_expand, NULL, 0},
    {"expand_as", "T:self T:other", op_shape_expand_as, NULL, 0},
    {"broadcast_tensors", "L:tensors", op_shape_broadcast_tensors, NULL, 0},
    {"repeat", "T:self I:repeats", op_shape_repeat, NULL, 0},
    {"tile", "T:self I:dims", op_shape_repeat, NULL, 0},
    {"repeat_interleave", "T:self i:repeats i?:dim=None i?:output_size=None",
     op_shape_repeat_interleave, NULL, 0},
    {"cat", "L:tensors i:dim=0", op_shape_cat, NULL, 0},
    {"concat", "L:tensors i:dim=0", op_shape_cat, NULL, 0},
    {"concatenate", "L:tensors i:dim=0", op_shape_cat, NULL, 0},
    {"stack", "L:tensors i:dim=0", op_shape_cat, NULL, 1},
    {"hstack", "L:tensors", op_shape_nstack, NULL, 0},
    {"vstack", "L:tensors", op_shape_nstack, NULL, 1},
    {"dstack", "L:tensors", op_shape_nstack, NULL, 2},
    {"flip", "T:self I:dims", op_shape_flip, NULL, -1},
    {"fliplr", "T:self", op_shape_flip, NULL, 1},
    {"flipud", "T:self", op_shape_flip, NULL, 0},
    {"rot90", "T:self i:k=1 I:dims=[0,1]", op_shape_rot90, NULL, 0},
    {"roll", "T:self I:shifts I:dims=[]", op_shape_roll, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};
