/* op_index.c — elements by their indices: taken, put, found. */
#include "import/torch/op.h"

#include "tensor/dtype.h"

/* Whatever counts becomes int64; bool masks stay. */
static xi_value *op_index_whole(xi_aten *x, xi_value *v)
{
    return xi_dtype_is_int(xi_aten_dtype(v)) && xi_aten_dtype(v) != XINF_INT32
               ? xi_aten_cast(x, v, XINF_INT64)
               : v;
}

static xi_aten_value op_index_embedding(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(
        x, xi_aten_gather(x, xi_aten_arg(x, &a[0]), op_index_whole(x, xi_aten_arg(x, &a[1])), 0));
}

static xi_aten_value op_index_select(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *index = op_index_whole(x, xi_aten_arg(x, &a[2]));
    if (xi_aten_rank(index) == 0) index = xi_aten_unsqueeze(x, index, 0);
    return xi_aten_result(x, xi_aten_gather(x, v, index, xi_aten_arg_int(x, &a[1], op->name)));
}

/* gather(self, dim, index) */
static xi_aten_value op_index_gather(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *in[2] = {xi_aten_arg(x, &a[0]), xi_aten_cast(x, xi_aten_arg(x, &a[2]), XINF_INT64)};
    return xi_aten_result(
        x,
        xi_aten_emit(x, "GatherElements", 2, in, 1,
                     (xi_attr[]){XI_ATEN_ATTR_INT("axis", xi_aten_arg_int(x, &a[1], op->name))}));
}

static xi_aten_value op_index_take_along(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    if (a[2].kind == XI_ATEN_NONE) {
        xi_value *flat = xi_aten_reshape(x, xi_aten_arg(x, &a[0]), (int64_t[]){-1}, 1);
        return xi_aten_result(
            x, xi_aten_gather(x, flat,
                              xi_aten_reshape(x, xi_aten_arg(x, &a[1]), (int64_t[]){-1}, 1), 0));
    }
    return op_index_gather(x, (xi_aten_value[]){a[0], a[2], a[1]}, op);
}

static xi_aten_value op_index_take(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(
        x, xi_aten_gather(x, xi_aten_reshape(x, xi_aten_arg(x, &a[0]), (int64_t[]){-1}, 1),
                          op_index_whole(x, xi_aten_arg(x, &a[1])), 0));
}

/* scatter(self, dim, index, src or value[, reduce]): text is the reduction */
static xi_aten_value op_index_scatter(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]),
             *index = xi_aten_cast(x, xi_aten_arg(x, &a[2]), XINF_INT64), *src;
    xi_attr attrs[2] = {XI_ATEN_ATTR_INT("axis", xi_aten_arg_int(x, &a[1], op->name)),
                        XI_ATEN_ATTR_TEXT("reduction", op->text ? op->text : "none")};
    int32_t count = op->text ? 2 : 1;
    if (op->number) {
        xi_str how = a[4].kind == XI_ATEN_STRING ? a[4].s : (xi_str){NULL, 0};
        const char *to = xi_str_is(how, "add") || xi_str_is(how, "sum")         ? "add"
                         : xi_str_is(how, "multiply") || xi_str_is(how, "prod") ? "mul"
                         : xi_str_is(how, "amax")                               ? "max"
                         : xi_str_is(how, "amin")                               ? "min"
                                                                                : NULL;
        if (!to)
            return xi_aten_fail(x, XINF_UNSUPPORTED, "%s with reduction \"%.*s\"", op->name,
                                XI_STR_ARG(how)),
                   xi_aten_none();
        if (op->number == 2 && !xi_aten_arg_bool(x, &a[5], op->name))
            return xi_aten_fail(x, XINF_UNSUPPORTED, "%s without the tensor itself", op->name),
                   xi_aten_none();
        attrs[1] = XI_ATEN_ATTR_TEXT("reduction", to);
        count = 2;
    }
    if (a[3].kind == XI_ATEN_TENSOR) {
        src = xi_aten_cast_like(x, xi_aten_arg(x, &a[3]), v);
        /* The source may be larger than the index: its first part counts. */
        if (src && index && xi_shape_known(&src->type.shape) &&
            xi_shape_known(&index->type.shape) &&
            !xi_shape_eq(&src->type.shape, &index->type.shape) &&
            src->type.shape.rank == index->type.shape.rank)
            for (int32_t i = 0; i < index->type.shape.rank; i++)
                if (src->type.shape.dim[i] != index->type.shape.dim[i])
                    src = xi_aten_slice(x, src, i, 0, index->type.shape.dim[i], 1);
    } else {
        src = xi_aten_expand(
            x,
            xi_aten_dtype(v) ? xi_aten_scalar(x, &a[3], xi_aten_dtype(v))
                             : xi_aten_number_like(x, v, xi_aten_arg_double(x, &a[3], op->name)),
            xi_aten_shape(x, index));
    }
    return xi_aten_result(
        x, xi_aten_emit(x, "ScatterElements", 3, (xi_value *[]){v, index, src}, count, attrs));
}

/* ---- self[i, :, j, …] ---- */

enum { INDEX_MAX = XI_MAX_RANK };

typedef struct op_index_plan {
    xi_value *index[INDEX_MAX]; /* int64, not negative where known; NULL: all of that dimension */
    int32_t count;              /* dimensions that the list covers */
    int32_t used, first;        /* how many are indices, and the first one's place */
    bool together;              /* no whole dimension stands between two indices */
} op_index_plan;

/* A mask stands for the indices where it is true, one per dimension of it. */
static bool op_index_add_mask(xi_aten *x, op_index_plan *p, xi_value *mask)
{
    int32_t rank = xi_aten_need_rank(x, mask, "an index by a mask");
    xi_value *where = xi_aten_emit1(x, "NonZero", mask);
    for (int32_t i = 0; i < rank; i++) {
        if (p->count == INDEX_MAX)
            return xi_aten_fail(x, XINF_MALFORMED, "an index of more than %d dimensions",
                                INDEX_MAX),
                   false;
        p->index[p->count++] = xi_aten_gather(x, where, xi_aten_whole(x, XINF_INT64, i), 0);
    }
    return x->status == XINF_OK;
}

static bool op_index_read(xi_aten *x, op_index_plan *p, const xi_aten_value *list)
{
    memset(p, 0, sizeof *p);
    for (int32_t i = 0; i < list->list->count && x->status == XINF_OK; i++) {
        xi_value *v = xi_aten_arg(x, &list->list->items[i]);
        xinf_dtype dtype = xi_aten_dtype(v);
        if (v && (dtype == XINF_BOOL || (dtype == XINF_UINT8 && xi_aten_rank(v) != 0))) {
            if (!op_index_add_mask(x, p, xi_aten_cast(x, v, XINF_BOOL))) return false;
            continue;
        }
        if (p->count == INDEX_MAX)
            return xi_aten_fail(x, XINF_MALFORMED, "an index of more than %d dimensions",
                                INDEX_MAX),
                   false;
        p->index[p->count++] = v ? xi_aten_cast(x, v, XINF_INT64) : NULL;
    }
    p->first = -1;
    int32_t last = -1;
    for (int32_t i = 0; i < p->count; i++) {
        if (!p->index[i]) continue;
        if (p->first < 0) p->first = i;
        last = i;
        p->used++;
    }
    p->together = last - p->first + 1 == p->used;
    return x->status == XINF_OK;
}

/* All indices in their common shape, with a last axis for the dimension they belong to. */
static xi_value *op_index_stack(xi_aten *x, const op_index_plan *p)
{
    xi_value *items[INDEX_MAX], *shape = NULL, *sum = NULL;
    int32_t n = 0;
    for (int32_t i = 0; i < p->count; i++) {
        if (!p->index[i]) continue;
        xi_value *zero = xi_aten_emit2(x, "Mul", p->index[i], xi_aten_whole(x, XINF_INT64, 0));
        sum = sum ? xi_aten_emit2(x, "Add", sum, zero) : zero;
    }
    shape = xi_aten_shape(x, sum);
    for (int32_t i = 0; i < p->count; i++)
        if (p->index[i])
            items[n++] = xi_aten_unsqueeze(x, xi_aten_expand(x, p->index[i], shape), -1);
    return xi_aten_concat(x, n, items, -1);
}

/* The order of dimensions with the indexed ones in front. */
static int32_t op_index_front(const op_index_plan *p, int32_t rank, int64_t *perm)
{
    int32_t at = 0;
    for (int32_t i = 0; i < p->count; i++)
        if (p->index[i]) perm[at++] = i;
    for (int32_t i = 0; i < rank; i++)
        if (i >= p->count || !p->index[i]) perm[at++] = i;
    return at;
}

/* index(self, indices) */
static xi_aten_value op_index_get(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_index_plan p;
    int64_t perm[XI_MAX_RANK], back[XI_MAX_RANK];
    xi_value *v = xi_aten_arg(x, &a[0]);
    if (!op_index_read(x, &p, &a[1])) return xi_aten_none();
    if (p.used == 0) return a[0];
    if (p.used == 1) return xi_aten_result(x, xi_aten_gather(x, v, p.index[p.first], p.first));
    int32_t rank = p.count;
    bool leading = p.first == 0 && p.together;
    if (!leading) {
        rank = xi_aten_need_rank(x, v, "an index of inner dimensions");
        if (x->status != XINF_OK) return xi_aten_none();
        v = xi_aten_transpose(x, v, perm, op_index_front(&p, rank, perm));
    }
    xi_value *stack = op_index_stack(x, &p), *y = xi_aten_emit2(x, "GatherND", v, stack);
    if (leading || !p.together) return xi_aten_result(x, y);
    /* Indices that stand together leave their result where they stood. */
    int32_t wide = xi_aten_need_rank(x, stack, "an index") - 1, total = wide + rank - p.used;
    if (x->status != XINF_OK || total > XI_MAX_RANK) return xi_aten_none();
    for (int32_t i = 0; i < p.first; i++) back[i] = wide + i;
    for (int32_t i = 0; i < wide; i++) back[p.first + i] = i;
    for (int32_t i = p.first + wide; i < total; i++) back[i] = i;
    return xi_aten_result(x, xi_aten_transpose(x, y, back, total));
}

/* index_put(self, indices, values, accumulate) */
static xi_aten_value op_index_put(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_index_plan p;
    int64_t perm[XI_MAX_RANK], back[XI_MAX_RANK];
    xi_value *v = xi_aten_arg(x, &a[0]), *src = xi_aten_cast_like(x, xi_aten_arg(x, &a[2]), v), *y;
    bool add = xi_aten_arg_bool(x, &a[3], "accumulate");
    int32_t rank = xi_aten_need_rank(x, v, "a write by indices");
    /* One mask of the tensor's shape and one number: a choice, element by element. */
    if (a[1].list->count == 1 && a[1].list->items[0].kind == XI_ATEN_TENSOR && !add &&
        xi_aten_rank(src) == 0) {
        xi_value *mask = xi_aten_arg(x, &a[1].list->items[0]);
        if (xi_aten_dtype(mask) == XINF_BOOL && xi_aten_rank(mask) == rank)
            return xi_aten_result(x, xi_aten_emit3(x, "Where", mask, src, v));
    }
    if (!op_index_read(x, &p, &a[1])) return xi_aten_none();
    if (p.used == 0) return xi_aten_result(x, xi_aten_expand(x, src, xi_aten_shape(x, v)));
    bool moved = !(p.first == 0 && p.together);
    xi_value *data = moved ? xi_aten_transpose(x, v, perm, op_index_front(&p, rank, perm)) : v,
             *stack = op_index_stack(x, &p);
    /* The updates' shape: the indices' common one, then the dimensions that are taken whole. */
    xi_value *shape = xi_aten_slice(x, xi_aten_shape(x, stack), 0, 0, -1, 1);
    if (p.used < rank)
        shape = xi_aten_concat(x, 2,
                               (xi_value *[]){shape, xi_aten_slice(x, xi_aten_shape(x, data), 0,
                                                                   p.used, INT64_MAX, 1)},
                               0);
    if (moved && p.together && xi_aten_rank(src) > 1)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "a write by indices of inner dimensions"),
               xi_aten_none();
    src = xi_aten_expand(x, src, shape);
    y = xi_aten_emit(x, "ScatterND", 3, (xi_value *[]){data, stack, src}, add,
                     (xi_attr[]){XI_ATEN_ATTR_TEXT("reduction", "add")});
    for (int32_t i = 0; i < rank && moved; i++) back[perm[i]] = i;
    return xi_aten_result(x, moved ? xi_aten_transpose(x, y, back, rank) : y);
}

/* index_add(self, dim, index, source, alpha), index_copy, index_fill: along one axis */
static xi_aten_value op_index_along(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]),
             *index = xi_aten_cast(x, xi_aten_arg(x, &a[2]), XINF_INT64), *src;
    int32_t rank = xi_aten_need_rank(x, v, op->name);
    int64_t axis = xi_aten_axis(x, v, xi_aten_arg_int(x, &a[1], op->name), op->name),
            dims[XI_MAX_RANK];
    if (x->status != XINF_OK) return xi_aten_none();
    for (int32_t i = 0; i < rank; i++) dims[i] = i == axis ? -1 : 1;
    xi_value *wide = xi_aten_reshape(x, index, dims, rank), *shape;
    if (a[3].kind == XI_ATEN_TENSOR && xi_aten_rank(xi_aten_arg(x, &a[3])) > 0) {
        src = xi_aten_cast_like(x, xi_aten_arg(x, &a[3]), v);
        shape = xi_aten_shape(x, src);
    } else {
        xi_value *count = xi_aten_shape(x, index), *ones = xi_aten_emit1(x, "Shape", v);
        xi_value *at = xi_aten_ints(x, &axis, 1);
        shape = xi_aten_emit3(x, "ScatterElements", ones, at, count);
        src = xi_aten_expand(
            x,
            xi_aten_dtype(v) ? xi_aten_scalar(x, &a[3], xi_aten_dtype(v))
                             : xi_aten_number_like(x, v, xi_aten_arg_double(x, &a[3], op->name)),
            shape);
    }
    if (op->number == 1 && xi_aten_arg_double(x, &a[4], "alpha") != 1)
        src = xi_aten_emit2(x, "Mul", src,
                            xi_aten_number_like(x, src, xi_aten_arg_double(x, &a[4], "alpha")));
    xi_attr attrs[2] = {XI_ATEN_ATTR_INT("axis", axis), XI_ATEN_ATTR_TEXT("reduction", "add")};
    return xi_aten_result(x, xi_aten_emit(x, "ScatterElements", 3,
                                          (xi_value *[]){v, xi_aten_expand(x, wide, shape), src},
                                          op->number ? 2 : 1, attrs));
}

/* ---- masks ---- */

static xi_aten_value op_index_nonzero(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_emit1(x, "NonZero", xi_aten_arg(x, &a[0]));
    return xi_aten_result(x, xi_aten_transpose(x, v, (int64_t[]){1, 0}, 2));
}

/* nonzero_numpy(self), where(self): one vector per dimension */
static xi_aten_value op_index_nonzero_list(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *where = xi_aten_emit1(x, "NonZero", v);
    int32_t rank = xi_aten_need_rank(x, v, op->name);
    xi_aten_value list = xi_aten_new_list(x, XI_ATEN_LIST, rank);
    for (int32_t i = 0; i < rank && x->status == XINF_OK; i++)
        xi_aten_append(
            x, list.list,
            xi_aten_result(x, xi_aten_gather(x, where, xi_aten_whole(x, XINF_INT64, i), 0)));
    return list;
}

static xi_aten_value op_index_masked_select(xi_aten *x, const xi_aten_value *a,
                                            const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *mask = xi_aten_arg(x, &a[1]);
    xi_value *both = xi_aten_expand(x, mask, xi_aten_shape(x, v)),
             *flat = xi_aten_expand(x, v, xi_aten_shape(x, mask));
    return xi_aten_result(
        x, xi_aten_emit2(x, "Compress", flat, xi_aten_reshape(x, both, (int64_t[]){-1}, 1)));
}

/* Where the mask is true, the source's elements one after another. */
static xi_aten_value op_index_masked_scatter(xi_aten *x, const xi_aten_value *a,
                                             const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *shape = xi_aten_shape(x, v),
             *mask = xi_aten_expand(x, xi_aten_arg(x, &a[1]), shape);
    xi_value *src = xi_aten_reshape(x, xi_aten_cast_like(x, xi_aten_arg(x, &a[2]), v),
                                    (int64_t[]){-1}, 1);
    xi_value *flat = xi_aten_reshape(x, mask, (int64_t[]){-1}, 1);
    xi_value *place = xi_aten_emit2(x, "CumSum", xi_aten_cast(x, flat, XINF_INT64),
                                    xi_aten_whole(x, XINF_INT64, 0));
    place = xi_aten_emit2(x, "Max", xi_aten_emit2(x, "Sub", place, xi_aten_whole(x, XINF_INT64, 1)),
                          xi_aten_whole(x, XINF_INT64, 0));
    xi_value *count = xi_aten_emit2(x, "Sub", xi_aten_squeeze(x, xi_aten_shape(x, src), 0),
                                    xi_aten_whole(x, XINF_INT64, 1));
    xi_value *taken = xi_aten_reshape_to(
        x, xi_aten_gather(x, src, xi_aten_emit2(x, "Min", place, count), 0), shape);
    return xi_aten_result(x, xi_aten_emit3(x, "Where", mask, taken, v));
}

/* tril, triu */
static xi_aten_value op_index_triangle(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *in[2] = {xi_aten_arg(x, &a[0]), xi_aten_int_value(x, &a[1])};
    return xi_aten_result(
        x, xi_aten_emit(x, "Trilu", 2, in, 1, (xi_attr[]){XI_ATEN_ATTR_INT("upper", op->number)}));
}

/* diagonal(self, offset, dim1, dim2), as elements by index along one axis after the two were put
 * last */
static xi_aten_value op_index_diagonal(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t offset = xi_aten_arg_int(x, &a[1], op->name),
            one = xi_aten_axis(x, v, xi_aten_arg_int(x, &a[2], op->name), op->name);
    int64_t two = xi_aten_axis(x, v, xi_aten_arg_int(x, &a[3], op->name), op->name),
            perm[XI_MAX_RANK];
    int32_t rank = xi_aten_need_rank(x, v, op->name), at = 0;
    if (x->status != XINF_OK || rank < 2) return xi_aten_none();
    int64_t h = v->type.shape.dim[one], w = v->type.shape.dim[two];
    for (int32_t i = 0; i < rank; i++)
        if (i != one && i != two) perm[at++] = i;
    perm[at++] = one;
    perm[at] = two;
    v = xi_aten_transpose(x, v, perm, rank);
    if (h < 0 || w < 0) {
        x->wants_types = true;
        return xi_aten_fail(x, XINF_UNSUPPORTED,
                            "%s of dimensions whose sizes are not known before it runs", op->name),
               xi_aten_none();
    }
    int64_t from = offset < 0 ? -offset * w : offset,
            length = offset < 0 ? (h + offset < w ? h + offset : w)
                                : (w - offset < h ? w - offset : h);
    if (length < 0) length = 0;
    int64_t *index = xi_arena_array(x->arena, (size_t)length + 1, sizeof *index), dims[XI_MAX_RANK];
    if (!index) return xi_aten_memory(x), xi_aten_none();
    for (int64_t i = 0; i < length; i++) index[i] = from + i * (w + 1);
    for (int32_t i = 0; i < rank - 2; i++) dims[i] = 0;
    dims[rank - 2] = -1;
    if (h * w == 0) dims[rank - 2] = 0;
    return xi_aten_result(x, xi_aten_gather(x, xi_aten_reshape(x, v, dims, rank - 1),
                                            xi_aten_ints(x, index, (int32_t)length), rank - 2));
}

/* A vector on the diagonal: diag_embed(self, offset, dim1, dim2) with the two last */
static xi_value *op_index_embedded(xi_aten *x, xi_value *v, int64_t offset)
{
    int64_t n = xi_aten_need_rank(x, v, "diag_embed") > 0
                    ? v->type.shape.dim[v->type.shape.rank - 1]
                    : -1,
            far = offset < 0 ? -offset : offset;
    if (x->status == XINF_OK && n < 0) {
        x->wants_types = true;
        xi_aten_fail(x, XINF_UNSUPPORTED, "diag_embed of a size that is not known before it runs");
    }
    if (x->status != XINF_OK) return NULL;
    xi_value *square = xi_aten_expand(x, xi_aten_number(x, XINF_FLOAT32, 0),
                                      xi_aten_ints(x, (int64_t[]){n + far, n + far}, 2));
    xi_attr attrs[2] = {XI_ATEN_ATTR_INT("k", offset), XI_ATEN_ATTR_INT("dtype", XINF_BOOL)};
    xi_value *eye = xi_aten_emit(x, "EyeLike", 1, &square, 2, attrs);
    int64_t pads[2 * XI_MAX_RANK] = {0};
    int32_t rank = xi_aten_rank(v);
    if (far) {
        pads[offset > 0 ? rank - 1 : 2 * rank - 1] = far;
        v = xi_aten_emit2(x, "Pad", v, xi_aten_ints(x, pads, 2 * rank));
    }
    /* Row i, column j takes element j (offset above: of the shifted vector). */
    return xi_aten_emit3(x, "Where", eye, xi_aten_unsqueeze(x, v, -2),
                         xi_aten_number_like(x, v, 0));
}

static xi_aten_value op_index_diag_embed(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *y = op_index_embedded(x, xi_aten_arg(x, &a[0]), xi_aten_arg_int(x, &a[1], op->name));
    int64_t one = xi_aten_axis(x, y, xi_aten_arg_int(x, &a[2], op->name), op->name),
            two = xi_aten_axis(x, y, xi_aten_arg_int(x, &a[3], op->name), op->name);
    int32_t rank = xi_aten_rank(y), at = 0;
    int64_t perm[XI_MAX_RANK];
    if (x->status != XINF_OK) return xi_aten_none();
    for (int32_t i = 0; i < rank; i++) perm[i] = i == one ? rank - 2 : i == two ? rank - 1 : at++;
    return xi_aten_result(x, xi_aten_transpose(x, y, perm, rank));
}

static xi_aten_value op_index_diag(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    if (xi_aten_need_rank(x, v, op->name) == 1)
        return xi_aten_result(x, op_index_embedded(x, v, xi_aten_arg_int(x, &a[1], op->name)));
    return op_index_diagonal(x, (xi_aten_value[]){a[0], a[1], xi_aten_int(0), xi_aten_int(1)}, op);
}

static xi_aten_value op_index_one_hot(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *depth, *values = xi_aten_ints(x, (int64_t[]){0, 1}, 2);
    int64_t classes = xi_aten_arg_int(x, &a[1], op->name);
    if (classes >= 0)
        depth = xi_aten_whole(x, XINF_INT64, classes);
    else
        depth = xi_aten_emit2(x, "Add", xi_aten_reduce(x, "ReduceMax", v, NULL, 0, false),
                              xi_aten_whole(x, XINF_INT64, 1));
    return xi_aten_result(x, xi_aten_emit3(x, "OneHot", v, depth, values));
}

/* meshgrid(tensors, indexing): "xy" swaps the first two axes */
static xi_aten_value op_index_meshgrid(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int32_t count = a[0].list->count;
    bool swapped = a[1].kind == XI_ATEN_STRING && xi_str_is(a[1].s, "xy") && count > 1;
    xi_value *shape[XI_MAX_RANK];
    int64_t dims[XI_MAX_RANK];
    xi_aten_value list = xi_aten_new_list(x, XI_ATEN_LIST, count);
    if (count > XI_MAX_RANK || count < 1)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "meshgrid of %d tensors", count), xi_aten_none();
    for (int32_t i = 0; i < count; i++)
        shape[i] = xi_aten_shape(
            x, xi_aten_reshape(x, xi_aten_arg(x, &a[0].list->items[i]), (int64_t[]){-1}, 1));
    xi_value *full = xi_aten_concat(x, count, shape, 0);
    for (int32_t i = 0; i < count && x->status == XINF_OK; i++) {
        for (int32_t k = 0; k < count; k++) dims[k] = k == i ? -1 : 1;
        xi_value *v = xi_aten_expand(
            x, xi_aten_reshape(x, xi_aten_arg(x, &a[0].list->items[i]), dims, count), full);
        xi_aten_append(x, list.list, xi_aten_result(x, swapped ? xi_aten_swap(x, v, 0, 1) : v));
    }
    return list;
}

/* bucketize(self, boundaries, right): how many boundaries lie below (or at) each element */
static xi_aten_value op_index_bucketize(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[op->number]), *edges = xi_aten_arg(x, &a[!op->number]);
    bool right = xi_aten_arg_bool(x, &a[3], op->name), small = xi_aten_arg_bool(x, &a[2], op->name);
    xi_aten_promote(x, &v, false, &edges, false);
    if (op->number && xi_aten_rank(edges) > 1) edges = xi_aten_unsqueeze(x, edges, -2);
    xi_value *below = xi_aten_emit2(x, right ? "LessOrEqual" : "Less", edges,
                                    xi_aten_unsqueeze(x, v, -1));
    xi_value *y = xi_aten_reduce(x, "ReduceSum", xi_aten_cast(x, below, XINF_INT64),
                                 (int64_t[]){-1}, 1, false);
    return xi_aten_result(x, small ? xi_aten_cast(x, y, XINF_INT32) : y);
}

/* _unique2(self, sorted, return_inverse, return_counts) */
static xi_aten_value op_index_unique(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    xi_node *n = xi_aten_node(x, "Unique", 1, &v, 1, (xi_attr[]){XI_ATEN_ATTR_INT("sorted", 1)}, 4);
    if (!n) return xi_aten_none();
    return xi_aten_results(x,
                           (xi_value *[]){n->outputs[0],
                                          xi_aten_reshape_to(x, n->outputs[2], xi_aten_shape(x, v)),
                                          n->outputs[3]},
                           3);
}

static xi_aten_value op_index_bincount(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_cast(x, xi_aten_arg(x, &a[0]), XINF_INT64),
             *weights = xi_aten_arg(x, &a[1]);
    xi_value *most = xi_aten_emit2(x, "Add", xi_aten_reduce(x, "ReduceMax", v, NULL, 0, true),
                                   xi_aten_int1(x, 1));
    xi_value *size = xi_aten_emit2(x, "Max", most, xi_aten_int_vector(x, &a[2]));
    xi_value *zero = weights ? xi_aten_number_like(x, weights, 0) : xi_aten_whole(x, XINF_INT64, 0);
    xi_value *src = weights
                        ? weights
                        : xi_aten_expand(x, xi_aten_whole(x, XINF_INT64, 1), xi_aten_shape(x, v));
    return xi_aten_result(x, xi_aten_emit(x, "ScatterElements", 3,
                                          (xi_value *[]){xi_aten_expand(x, zero, size), v, src}, 1,
                                          (xi_attr[]){XI_ATEN_ATTR_TEXT("reduction", "add")}));
}

const xi_aten_op xi_aten_ops_index[] = {
    {"embedding", "T:weight T:indices i:padding_idx=-1 b:scale_grad_by_freq=False b:sparse=False",
     op_index_embedding, NULL, 0},
    {"index_select", "T:self i:dim T:index", op_index_select, NULL, 0},
    {"gather", "T:self i:dim T:index b:sparse_grad=False", op_index_gather, NULL, 0},
    {"take_along_dim", "T:self T:indices i?:dim=None", op_index_take_along, NULL, 0},
    {"take", "T:self T:index", op_index_take, NULL, 0},
    {"scatter", "T:self i:dim T:index T:src", op_index_scatter, NULL, 0},
    {"scatter", "T:self i:dim T:index s:value", op_index_scatter, NULL, 0},
    {"scatter", "T:self i:dim T:index T:src S:reduce", op_index_scatter, NULL, 1},
    {"scatter", "T:self i:dim T:index s:value S:reduce", op_index_scatter, NULL, 1},
    {"scatter_add", "T:self i:dim T:index T:src", op_index_scatter, "add", 0},
    {"scatter_reduce", "T:self i:dim T:index T:src S:reduce b:include_self=True", op_index_scatter,
     NULL, 2},
    {"index", "T:self l:indices", op_index_get, NULL, 0},
    {"index_put", "T:self l:indices T:values b:accumulate=False", op_index_put, NULL, 0},
    {"index_add", "T:self i:dim T:index T:source s:alpha=1", op_index_along, NULL, 1},
    {"index_copy", "T:self i:dim T:index T:source", op_index_along, NULL, 0},
    {"index_fill", "T:self i:dim T:index s:value", op_index_along, NULL, 0},
    {"index_fill", "T:self i:dim T:index T:value", op_index_along, NULL, 0},
    {"nonzero", "T:self", op_index_nonzero, NULL, 0},
    {"argwhere", "T:self", op_index_nonzero, NULL, 0},
    {"nonzero_numpy", "T:self", op_index_nonzero_list, NULL, 0},
    {"where", "T:condition", op_index_nonzero_list, NULL, 0},
    {"masked_select", "T:self T:mask", op_index_masked_select, NULL, 0},
    {"masked_scatter", "T:self T:mask T:source", op_index_masked_scatter, NULL, 0},
    {"tril", "T:self i:diagonal=0", op_index_triangle, NULL, 0},
    {"triu", "T:self i:diagonal=0", op_index_triangle, NULL, 1},
    {"diagonal", "T:self i:offset=0 i:dim1=0 i:dim2=1", op_index_diagonal, NULL, 0},
    {"linalg_diagonal", "T:self i:offset=0 i:dim1=-2 i:dim2=-1", op_index_diagonal, NULL, 0},
    {"diag_embed", "T:self i:offset=0 i:dim1=-2 i:dim2=-1", op_index_diag_embed, NULL, 0},
    {"diag", "T:self i:diagonal=0", op_index_diag, NULL, 0},
    {"one_hot", "T:self i:num_classes=-1", op_index_one_hot, NULL, 0},
    {"meshgrid", "L:tensors S:indexing='ij'", op_index_meshgrid, NULL, 0},
    {"bucketize", "T:self T:boundaries b:out_int32=False b:right=False", op_index_bucketize, NULL,
     0},
    {"searchsorted", "T:sorted T:self b:out_int32=False b:right=False", op_index_bucketize, NULL,
     1},
    {"_unique2", "T:self b:sorted=True b:return_inverse=False b:return_counts=False",
     op_index_unique, NULL, 0},
    {"bincount", "T:self t:weights=None i:minlength=0", op_index_bincount, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};
