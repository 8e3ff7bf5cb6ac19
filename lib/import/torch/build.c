/* build.c — nodes, constants and small steps that operators are written with. */
#include "import/torch/op.h"

#include "base/checked.h"
#include "graph/op.h"
#include "tensor/dtype.h"

enum { BUILD_MAX_OUTPUTS = 64 };

xinf_status xi_aten_fail(xi_aten *x, xinf_status status, const char *fmt, ...)
{
    if (x->status != XINF_OK) return x->status;
    va_list args;
    va_start(args, fmt);
    xi_fail_v(x->err, status, fmt, args);
    va_end(args);
    if (x->location.len) xi_error_prefix(x->err, "%.*s: ", XI_STR_ARG(x->location));
    x->status = status;
    return status;
}

xinf_status xi_aten_memory(xi_aten *x)
{
    if (x->status != XINF_OK) return x->status;
    if (x->arena->limit && x->arena->used > x->arena->limit / 2)
        return xi_aten_fail(x, XINF_LIMIT, "the graph needs more memory than is allowed");
    return xi_aten_fail(x, XINF_OUT_OF_MEMORY, "out of memory");
}

/* ---- nodes ---- */

/* Types of the outputs, now: operators ask for ranks and dtypes of what they were given. */
static void build_infer(xi_aten *x, xi_node *n)
{
    const xi_type *types[BUILD_MAX_OUTPUTS];
    const xi_literal *known[BUILD_MAX_OUTPUTS];
    xi_type out[BUILD_MAX_OUTPUTS];
    if (n->input_count > BUILD_MAX_OUTPUTS || n->output_count > BUILD_MAX_OUTPUTS || !n->op) return;
    for (int32_t i = 0; i < n->input_count; i++) {
        types[i] = n->inputs[i] ? &n->inputs[i]->type : NULL;
        known[i] = n->inputs[i] ? n->inputs[i]->literal : NULL;
    }
    for (int32_t i = 0; i < n->output_count; i++) out[i] = XI_TYPE_UNKNOWN;
    xinf_status status = xi_node_infer(n, types, known, out, x->arena, x->err);
    if (status != XINF_OK) {
        x->status = status;
        x->wants_types = true; /* what was guessed about an input may be at fault */
        if (x->location.len) xi_error_prefix(x->err, "%.*s: ", XI_STR_ARG(x->location));
        return;
    }
    for (int32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i]) n->outputs[i]->type = out[i];
}

static bool build_copy_attr(xi_aten *x, xi_node *n, const xi_attr *a)
{
    xi_attr *to = &n->attrs[n->attr_count++];
    *to = *a;
    if (a->type != XI_ATTR_INTS) return true;
    int64_t *copy = xi_arena_array(x->arena, (size_t)a->count, sizeof *copy);
    if (copy && a->count) memcpy(copy, a->ints, (size_t)a->count * sizeof *copy);
    to->ints = copy;
    return copy != NULL;
}

xi_node *xi_aten_node(xi_aten *x, const char *op, int32_t input_count, xi_value *const *inputs,
                      int32_t attr_count, const xi_attr *attrs, int32_t output_count)
{
    if (x->status != XINF_OK) return NULL;
    if (x->nodes++ >= x->max_nodes) {
        xi_aten_fail(x, XINF_LIMIT, "the program unrolls to more than %llu nodes",
                     (unsigned long long)x->max_nodes);
        return NULL;
    }
    xi_node *n = xi_graph_add_node(x->graph, NULL, (xi_str){"", 0}, xi_str_of(op), x->location,
                                   input_count, output_count, attr_count);
    bool done = n != NULL;
    for (int32_t i = 0; done && i < input_count; i++) n->inputs[i] = inputs[i];
    for (int32_t i = 0; done && i < attr_count; i++) done = build_copy_attr(x, n, &attrs[i]);
    for (int32_t i = 0; done && i < output_count; i++) done = xi_node_new_output(n, i) != NULL;
    if (!done) {
        xi_aten_memory(x);
        return NULL;
    }
    build_infer(x, n);
    return x->status == XINF_OK ? n : NULL;
}

xi_value *xi_aten_emit(xi_aten *x, const char *op, int32_t input_count, xi_value *const *inputs,
                       int32_t attr_count, const xi_attr *attrs)
{
    xi_node *n = xi_aten_node(x, op, input_count, inputs, attr_count, attrs, 1);
    return n ? n->outputs[0] : NULL;
}

xi_value *xi_aten_emit1(xi_aten *x, const char *op, xi_value *a)
{
    return xi_aten_emit(x, op, 1, &a, 0, NULL);
}

xi_value *xi_aten_emit2(xi_aten *x, const char *op, xi_value *a, xi_value *b)
{
    return xi_aten_emit(x, op, 2, (xi_value *[]){a, b}, 0, NULL);
}

xi_value *xi_aten_emit3(xi_aten *x, const char *op, xi_value *a, xi_value *b, xi_value *c)
{
    return xi_aten_emit(x, op, 3, (xi_value *[]){a, b, c}, 0, NULL);
}

/* ---- constants ---- */

static xi_value *build_literal(xi_aten *x, xinf_dtype dtype, const xi_shape *shape,
                               const void *data)
{
    if (x->status != XINF_OK) return NULL;
    xi_literal *l = xi_graph_literal(x->graph, dtype, shape, data);
    xi_value *v = l ? xi_graph_add_constant(x->graph, (xi_str){NULL, 0}, l) : NULL;
    if (!v) xi_aten_memory(x);
    return v;
}

xi_value *xi_aten_ints(xi_aten *x, const int64_t *values, int32_t count)
{
    xi_shape shape = {.rank = 1, .dim = {count}};
    return build_literal(x, XINF_INT64, &shape, values);
}

xi_value *xi_aten_int1(xi_aten *x, int64_t value)
{
    return xi_aten_ints(x, &value, 1);
}

xi_value *xi_aten_number(xi_aten *x, xinf_dtype dtype, double value)
{
    uint8_t bytes[16] = {0};
    if (dtype == XINF_COMPLEX64) {
        float f = (float)value;
        memcpy(bytes, &f, 4);
    } else if (dtype == XINF_COMPLEX128) {
        memcpy(bytes, &value, 8);
    } else if (xi_dtype_is_float(dtype)) {
        xi_dtype_store_f64(bytes, dtype, 0, value);
    } else {
        /* What lies outside the type wraps around there as here. */
        xi_dtype_store_i64(bytes, dtype, 0,
                           value >= 9223372036854775807.0                      ? INT64_MAX
                           : value <= -9223372036854775808.0 || value != value ? INT64_MIN
                                                                               : (int64_t)value);
    }
    return build_literal(x, dtype, &XI_SHAPE_SCALAR, bytes);
}

xi_value *xi_aten_whole(xi_aten *x, xinf_dtype dtype, int64_t value)
{
    uint8_t bytes[16] = {0};
    if (xi_dtype_is_float(dtype) || dtype == XINF_COMPLEX64 || dtype == XINF_COMPLEX128)
        return xi_aten_number(x, dtype, (double)value);
    xi_dtype_store_i64(bytes, dtype, 0, dtype == XINF_BOOL ? value != 0 : value);
    return build_literal(x, dtype, &XI_SHAPE_SCALAR, bytes);
}

xi_value *xi_aten_number_like(xi_aten *x, xi_value *like, double value)
{
    xinf_dtype dtype = xi_aten_dtype(like);
    if (dtype != XINF_UNDEFINED) return xi_aten_number(x, dtype, value);
    return xi_aten_emit2(x, "CastLike", xi_aten_number(x, XINF_FLOAT32, value), like);
}

int32_t xi_aten_known_ints(const xi_value *v, int64_t *out, int32_t max)
{
    const xi_literal *l = v ? v->literal : NULL;
    if (!l || !xi_dtype_is_int(l->dtype) || l->count > max) return -1;
    for (int64_t i = 0; i < l->count; i++) out[i] = xi_dtype_load_i64(l->data, l->dtype, i);
    return (int32_t)l->count;
}

/* ---- what is known ---- */

int32_t xi_aten_rank(const xi_value *v)
{
    return v && v->type.kind == XINF_KIND_TENSOR ? v->type.shape.rank : -1;
}

int32_t xi_aten_need_rank(xi_aten *x, const xi_value *v, const char *who)
{
    int32_t rank = xi_aten_rank(v);
    if (rank >= 0 || x->status != XINF_OK) return rank < 0 ? 0 : rank;
    x->wants_types = true;
    xi_aten_fail(x, XINF_UNSUPPORTED, "%s of a tensor whose rank is not known before it runs", who);
    return 0;
}

int64_t xi_aten_axis(xi_aten *x, const xi_value *v, int64_t axis, const char *who)
{
    int32_t rank = xi_aten_rank(v), real = rank == 0 ? 1 : rank;
    if (rank < 0) return axis;
    if (axis < -real || axis >= real)
        xi_aten_fail(x, XINF_MALFORMED, "%s: dimension %lld of a tensor with %d", who,
                     (long long)axis, rank);
    return axis < 0 ? axis + real : axis;
}

xinf_dtype xi_aten_dtype(const xi_value *v)
{
    return v && v->type.kind == XINF_KIND_TENSOR ? v->type.dtype : XINF_UNDEFINED;
}

xi_aten_value xi_aten_size(xi_aten *x, xi_value *v, int64_t axis)
{
    axis = xi_aten_axis(x, v, axis, "size");
    if (x->status != XINF_OK) return xi_aten_none();
    if (axis >= 0 && axis < xi_aten_rank(v) && v->type.shape.dim[axis] >= 0)
        return xi_aten_int(v->type.shape.dim[axis]);
    xi_value *shape = xi_aten_emit1(x, "Shape", v);
    xi_value *item = xi_aten_emit(x, "Gather", 2,
                                  (xi_value *[]){shape, xi_aten_whole(x, XINF_INT64, axis)}, 1,
                                  (xi_attr[]){XI_ATEN_ATTR_INT("axis", 0)});
    return xi_aten_dynamic(XI_ATEN_INT, item);
}

xi_value *xi_aten_shape(xi_aten *x, xi_value *v)
{
    if (v && v->type.kind == XINF_KIND_TENSOR && xi_shape_known(&v->type.shape))
        return xi_aten_ints(x, v->type.shape.dim, v->type.shape.rank);
    return xi_aten_emit1(x, "Shape", v);
}

/* ---- common steps ---- */

xi_value *xi_aten_cast(xi_aten *x, xi_value *v, xinf_dtype dtype)
{
    if (!v || xi_aten_dtype(v) == dtype || dtype == XINF_UNDEFINED) return v;
    return xi_aten_emit(x, "Cast", 1, &v, 1, (xi_attr[]){XI_ATEN_ATTR_INT("to", dtype)});
}

xi_value *xi_aten_cast_like(xi_aten *x, xi_value *v, xi_value *like)
{
    xinf_dtype dtype = xi_aten_dtype(like);
    if (!v || !like) return v;
    return dtype != XINF_UNDEFINED ? xi_aten_cast(x, v, dtype)
                                   : xi_aten_emit2(x, "CastLike", v, like);
}

xi_value *xi_aten_to_float(xi_aten *x, xi_value *v)
{
    xinf_dtype dtype = xi_aten_dtype(v);
    return xi_dtype_is_int(dtype) || dtype == XINF_BOOL ? xi_aten_cast(x, v, XINF_FLOAT32) : v;
}

xi_value *xi_aten_reshape(xi_aten *x, xi_value *v, const int64_t *dims, int32_t count)
{
    return xi_aten_emit2(x, "Reshape", v, xi_aten_ints(x, dims, count));
}

/* A zero in the shape is a dimension of no elements, as in ATen. */
xi_value *xi_aten_reshape_to(xi_aten *x, xi_value *v, xi_value *shape)
{
    int64_t dims[XI_MAX_RANK];
    int32_t count = xi_aten_known_ints(shape, dims, XI_MAX_RANK);
    bool zero = false;
    for (int32_t i = 0; i < count; i++) zero = zero || dims[i] == 0;
    return xi_aten_emit(x, "Reshape", 2, (xi_value *[]){v, shape}, zero,
                        (xi_attr[]){XI_ATEN_ATTR_INT("allowzero", 1)});
}

xi_value *xi_aten_unsqueeze(xi_aten *x, xi_value *v, int64_t axis)
{
    return xi_aten_emit2(x, "Unsqueeze", v, xi_aten_int1(x, axis));
}

xi_value *xi_aten_squeeze(xi_aten *x, xi_value *v, int64_t axis)
{
    return xi_aten_emit2(x, "Squeeze", v, xi_aten_int1(x, axis));
}

xi_value *xi_aten_transpose(xi_aten *x, xi_value *v, const int64_t *perm, int32_t count)
{
    bool same = true;
    for (int32_t i = 0; i < count; i++) same = same && perm[i] == i;
    if (same) return v;
    return xi_aten_emit(x, "Transpose", 1, &v, 1,
                        (xi_attr[]){XI_ATEN_ATTR_INTS("perm", perm, count)});
}

xi_value *xi_aten_swap(xi_aten *x, xi_value *v, int64_t a, int64_t b)
{
    int64_t perm[XI_MAX_RANK];
    int32_t rank = xi_aten_need_rank(x, v, "a transposition");
    if (rank == 0 || x->status != XINF_OK) return x->status == XINF_OK ? v : NULL;
    a = xi_aten_axis(x, v, a, "transpose");
    b = xi_aten_axis(x, v, b, "transpose");
    if (x->status != XINF_OK) return NULL;
    for (int32_t i = 0; i < rank; i++) perm[i] = i;
    perm[a] = b;
    perm[b] = a;
    return xi_aten_transpose(x, v, perm, rank);
}

xi_value *xi_aten_slice(xi_aten *x, xi_value *v, int64_t axis, int64_t start, int64_t end,
                        int64_t step)
{
    xi_value *in[5] = {v, xi_aten_int1(x, start), xi_aten_int1(x, end), xi_aten_int1(x, axis),
                       xi_aten_int1(x, step)};
    return xi_aten_emit(x, "Slice", 5, in, 0, NULL);
}

xi_value *xi_aten_whole_op(xi_aten *x, const char *op, xi_value *a, xi_value *b)
{
    int64_t p, q;
    if (xi_aten_known_ints(a, &p, 1) == 1 && xi_aten_known_ints(b, &q, 1) == 1 &&
        p > -(1ll << 31) && p < 1ll << 31 && q > -(1ll << 31) && q < 1ll << 31) {
        if (op[0] == 'A') return xi_aten_whole(x, XINF_INT64, p + q);
        if (op[0] == 'S') return xi_aten_whole(x, XINF_INT64, p - q);
        if (op[0] == 'M' && op[1] == 'u') return xi_aten_whole(x, XINF_INT64, p * q);
        if (op[0] == 'D' && q > 0 && p >= 0) return xi_aten_whole(x, XINF_INT64, p / q);
        if (op[0] == 'M' && op[1] == 'i') return xi_aten_whole(x, XINF_INT64, p < q ? p : q);
        if (op[0] == 'M' && op[1] == 'a') return xi_aten_whole(x, XINF_INT64, p > q ? p : q);
    }
    return xi_aten_emit2(x, op, a, b);
}

xi_value *xi_aten_slice_between(xi_aten *x, xi_value *v, int64_t axis, xi_value *start,
                                xi_value *end)
{
    int64_t p, q;
    if (xi_aten_known_ints(start, &p, 1) == 1 && xi_aten_known_ints(end, &q, 1) == 1)
        return xi_aten_slice(x, v, axis, p, q, 1);
    xi_value *in[4] = {v, xi_aten_reshape(x, start, (int64_t[]){1}, 1),
                       xi_aten_reshape(x, end, (int64_t[]){1}, 1), xi_aten_int1(x, axis)};
    return xi_aten_emit(x, "Slice", 4, in, 0, NULL);
}

xi_value *xi_aten_gather(xi_aten *x, xi_value *v, xi_value *index, int64_t axis)
{
    return xi_aten_emit(x, "Gather", 2, (xi_value *[]){v, index}, 1,
                        (xi_attr[]){XI_ATEN_ATTR_INT("axis", axis)});
}

xi_value *xi_aten_concat(xi_aten *x, int32_t count, xi_value *const *items, int64_t axis)
{
    if (count == 1) return items[0];
    /* Parts of a shape that are all known are one constant. */
    int64_t all[4 * XI_MAX_RANK];
    int32_t at = 0, more = 0;
    for (int32_t i = 0; axis == 0 && i < count && more >= 0; i++, at += more > 0 ? more : 0) {
        bool vector = items[i] && items[i]->literal && items[i]->literal->dtype == XINF_INT64 &&
                      xi_aten_rank(items[i]) == 1;
        more = vector ? xi_aten_known_ints(items[i], all + at, 4 * XI_MAX_RANK - at) : -1;
    }
    if (axis == 0 && more >= 0) return xi_aten_ints(x, all, at);
    return xi_aten_emit(x, "Concat", count, items, 1, (xi_attr[]){XI_ATEN_ATTR_INT("axis", axis)});
}

xi_value *xi_aten_expand(xi_aten *x, xi_value *v, xi_value *shape)
{
    return xi_aten_emit2(x, "Expand", v, shape);
}

xi_value *xi_aten_reduce(xi_aten *x, const char *op, xi_value *v, const int64_t *axes,
                         int32_t count, bool keep)
{
    xi_value *in[2] = {v, count ? xi_aten_ints(x, axes, count) : NULL};
    return xi_aten_emit(x, op, count ? 2 : 1, in, 1,
                        (xi_attr[]){XI_ATEN_ATTR_INT("keepdims", keep)});
}

xi_aten_value xi_aten_result(xi_aten *x, xi_value *v)
{
    return xi_aten_tensor_of(x, v);
}

xi_aten_value xi_aten_results(xi_aten *x, xi_value *const *v, int32_t count)
{
    xi_aten_value list = xi_aten_new_list(x, XI_ATEN_TUPLE, count);
    for (int32_t i = 0; i < count && x->status == XINF_OK; i++)
        xi_aten_append(x, list.list, xi_aten_tensor_of(x, v[i]));
    return x->status == XINF_OK ? list : xi_aten_none();
}

xi_aten_value xi_aten_recall(xi_aten *x, const char *name, const xi_aten_value *args, int32_t count)
{
    xi_aten_value out = xi_aten_none();
    if (x->status == XINF_OK) xi_aten_call(&out, x, xi_str_of(name), args, count, NULL, 0);
    return out;
}
