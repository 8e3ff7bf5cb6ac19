/* array.c — shapes, joining, indexing and filling. */
#include "import/tensorflow/importer.h"

enum { ARRAY_MAX = 4096 };

/* Real parts and imaginary parts by themselves. */
static void array_complex(xi_tf_call *c, const xi_tf_constant *k)
{
    xi_shape shape = xi_shape_of(k->rank, k->dims);
    xi_value *parts[2] = {NULL, NULL};
    for (int part = 0; part < 2; part++) {
        float *data = xi_arena_array(&c->im->family->arena, (size_t)k->count + 1, sizeof *data);
        for (int64_t i = 0; data && i < k->count; i++)
            memcpy(&data[i], (const char *)k->data + 8 * i + 4 * part, 4);
        xi_literal *l = data ? xi_graph_literal(c->scope->graph, XINF_FLOAT32, &shape, data) : NULL;
        parts[part] = l ? xi_graph_add_constant(c->scope->graph, XI_STR(""), l) : NULL;
        if (!parts[part]) c->status = xi_tf_no_memory(c->im);
    }
    if (!c->status) xi_tf_give_value(c, 0, &(xi_tf_value){.v = parts[0], .imaginary = parts[1]});
}

static void array_op_const(xi_tf_call *c)
{
    xi_tf_constant k;
    const Tf__Attr *a = xi_tf_attr(c, "value");
    if (!a || !a->tensor) {
        xi_tf_fail(c, "it has no contents");
        return;
    }
    c->status = xi_tf_constant_read(&k, c->im->tree, a->tensor, xi_tf_str(c->node->name),
                                    c->im->err);
    if (c->status == XINF_UNSUPPORTED) {
        c->status = XINF_OK;
        xi_tf_refuse(c, "its element type is not supported");
        return;
    }
    if (c->status) return;
    if (k.dtype == XINF_COMPLEX64) {
        array_complex(c, &k);
        return;
    }
    xi_str name = c->scope->body->function ? (xi_str){NULL, 0} : xi_tf_str(c->node->name);
    xi_value *v = xi_tf_constant_value(c->im, c->scope->graph, &k, name);
    if (!v) c->status = xi_tf_no_memory(c->im);
    xi_tf_give(c, 0, v);
}

static void array_op_identity(xi_tf_call *c)
{
    for (int32_t i = 0; i < c->in_count; i++) {
        xi_value *read = c->in[i]->resource ? xi_tf_variable_read(c, c->in[i]->resource) : NULL;
        if (read)
            xi_tf_give(c, i, read);
        else
            xi_tf_give_value(c, i, c->in[i]);
    }
}

static void array_op_placeholder(xi_tf_call *c)
{
    xi_tf_refuse(c, "it is an input that the model's inputs do not name");
}

static xinf_dtype array_out_type(xi_tf_call *c)
{
    return xi_tf_dtype(xi_tf_type(c, "out_type", 3));
}

static void array_op_shape(xi_tf_call *c)
{
    for (int32_t i = 0; i < c->in_count; i++) {
        xi_value *x = xi_tf_in(c, i);
        xi_tf_give(c, i, xi_tf_cast(c, x ? xi_tf_op1(c, c->row->to, x) : NULL, array_out_type(c)));
    }
}

static void array_op_rank(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0);
    int32_t rank = xi_tf_rank(x);
    xi_value *r = rank >= 0 ? xi_tf_const_int(c, rank)
                  : x       ? xi_tf_op1(c, "Size", xi_tf_shape_of(c, x))
                            : NULL;
    xi_tf_give(c, 0, xi_tf_cast(c, r, XINF_INT32));
}

static void array_op_reshape(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0), *dims = xi_tf_vector(c, xi_tf_in(c, 1));
    xi_tf_give(c, 0, x && dims ? xi_tf_reshape_to(c, x, dims) : NULL);
}

static void array_op_transpose(xi_tf_call *c)
{
    int64_t perm[XI_MAX_RANK];
    xi_value *x = xi_tf_in(c, 0);
    int32_t count = xi_tf_known(xi_tf_in(c, 1), perm, XI_MAX_RANK), rank = xi_tf_rank(x);
    if (!x || count < 0) {
        xi_tf_refuse(c, "its permutation is not known");
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        if (perm[i] < 0) perm[i] += count;
        if (perm[i] < 0 || perm[i] >= count)
            xi_tf_fail(c, "its permutation names axis %lld", (long long)perm[i]);
    }
    if (rank >= 0 && rank != count)
        xi_tf_fail(c, "a permutation of %d axes for rank %d", (int)count, (int)rank);
    xi_tf_give(c, 0, xi_tf_transpose(c, x, perm, count));
}

static void array_op_expand_dims(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0), *axes = xi_tf_vector(c, xi_tf_in(c, 1));
    xi_tf_give(c, 0, x && axes ? xi_tf_op2(c, "Unsqueeze", x, axes) : NULL);
}

static void array_op_squeeze(xi_tf_call *c)
{
    int64_t axes[XI_MAX_RANK];
    xi_value *x = xi_tf_in(c, 0);
    int32_t count = xi_tf_ints(c, xi_tf_attr(c, "squeeze_dims") ? "squeeze_dims" : "axis", axes,
                               XI_MAX_RANK);
    xi_tf_give(c, 0,
               x ? (count > 0 ? xi_tf_op2(c, "Squeeze", x,
                                          xi_tf_const_ints(
                                              c, axes, count > XI_MAX_RANK ? XI_MAX_RANK : count))
                              : xi_tf_op1(c, "Squeeze", x))
                 : NULL);
}

/* Images that stand turned are joined that way. */
static bool array_concat_turned(xi_tf_call *c, int32_t first, int32_t last, int64_t axis)
{
    xi_value *parts[64];
    int32_t rank = 0, count = last - first;
    for (int32_t i = first; i < last && !rank; i++)
        if (c->in[i]->turned) rank = xi_tf_rank(c->in[i]->turned);
    if (rank < 3 || count > 64 || count < 1) return false;
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank) return false;
    for (int32_t i = 0; i < count; i++) {
        if (!c->in[first + i]->turned && xi_tf_rank(c->in[first + i]->v) != rank) return false;
        parts[i] = xi_tf_turned(c, first + i, rank);
    }
    xi_tf_give_turned(c, 0,
                      xi_tf_concat(c, parts, count,
                                   axis == 0          ? 0
                                   : axis == rank - 1 ? 1
                                                      : axis + 1));
    return true;
}

static void array_op_concat(xi_tf_call *c)
{
    int32_t first = c->row->how ? 0 : 1, last = first + c->in_count - 1,
            at = c->row->how ? c->in_count - 1 : 0;
    int64_t axis;
    if (c->in_count < 2 || xi_tf_known(xi_tf_in(c, at), &axis, 1) != 1) {
        xi_tf_refuse(c, "its axis is not known");
        return;
    }
    if (array_concat_turned(c, first, last, axis)) return;
    xi_value **parts = xi_arena_array(&c->im->family->arena, (size_t)c->in_count, sizeof *parts);
    if (!parts) c->status = xi_tf_no_memory(c->im);
    for (int32_t i = first; parts && i < last; i++) parts[i - first] = xi_tf_in(c, i);
    xi_tf_give(c, 0, parts ? xi_tf_concat(c, parts, last - first, axis) : NULL);
}

static void array_op_pack(xi_tf_call *c)
{
    int64_t axis = xi_tf_int(c, "axis", 0);
    xi_value **parts = xi_arena_array(&c->im->family->arena, (size_t)c->in_count + 1,
                                      sizeof *parts);
    if (!parts) c->status = xi_tf_no_memory(c->im);
    for (int32_t i = 0; parts && i < c->in_count; i++) {
        xi_value *x = xi_tf_in(c, i);
        parts[i] = x ? xi_tf_unsqueeze(c, x, axis) : NULL;
    }
    xi_tf_give(c, 0, parts && c->in_count ? xi_tf_concat(c, parts, c->in_count, axis) : NULL);
}

/* Sizes are a constant input of Split, or equal parts. */
static void array_split(xi_tf_call *c, xi_value *x, xi_value *sizes, int64_t count, int64_t axis,
                        bool squeeze)
{
    if (!x || count < 1 || count > ARRAY_MAX) {
        xi_tf_refuse(c, "the number of its parts is not known or too large");
        return;
    }
    xi_node *n = xi_tf_node(c, "Split", (int32_t)count, 2, (xi_value *[]){x, sizes}, 2);
    if (!n) return;
    xi_node_set_int(n, "axis", axis);
    if (!sizes) xi_node_set_int(n, "num_outputs", count);
    for (int32_t i = 0; i < count; i++)
        if (!xi_node_new_output(n, i)) c->status = xi_tf_no_memory(c->im);
    if (c->status) return;
    xi_tf_infer(c->im, n);
    for (int32_t i = 0; i < count; i++) {
        if (n->outputs[i]->type.dtype == XINF_UNDEFINED) {
            n->outputs[i]->type = XI_TYPE_UNKNOWN;
            n->outputs[i]->type.dtype = xi_tf_dtype_of(x);
            n->outputs[i]->type.shape.rank = xi_tf_rank(x);
            for (int32_t k = 0; k < xi_tf_rank(x); k++)
                n->outputs[i]->type.shape.dim[k] = XI_DIM_UNKNOWN;
        }
        xi_tf_give(c, i, squeeze ? xi_tf_squeeze(c, n->outputs[i], axis) : n->outputs[i]);
    }
}

static void array_op_split(xi_tf_call *c)
{
    int64_t axis, count = xi_tf_int(c, "num_split", 0);
    int32_t at = c->row->how ? 2 : 0;
    if (xi_tf_known(xi_tf_in(c, at), &axis, 1) != 1) {
        xi_tf_refuse(c, "its axis is not known");
        return;
    }
    xi_value *x = xi_tf_in(c, c->row->how ? 0 : 1),
             *sizes = c->row->how ? xi_tf_vector(c, xi_tf_in(c, 1)) : NULL;
    int64_t known[ARRAY_MAX];
    int32_t have = sizes ? xi_tf_known(sizes, known, ARRAY_MAX) : -1, rank = xi_tf_rank(x);
    if (axis < 0 && rank >= 0) axis += rank;
    for (int32_t i = 0, rest = -1; i < have; i++) { /* one size may be left out */
        if (known[i] != -1) continue;
        int64_t total = axis >= 0 && axis < rank ? x->type.shape.dim[axis] : -1;
        for (int32_t k = 0; k < have; k++) total -= k == i ? 0 : known[k];
        rest = i;
        known[rest] = total;
        if (total < 0) xi_tf_refuse(c, "one of its sizes is not known");
        sizes = xi_tf_const_ints(c, known, have);
    }
    array_split(c, x, sizes, count, axis, false);
}

static void array_op_unpack(xi_tf_call *c)
{
    array_split(c, xi_tf_in(c, 0), NULL, xi_tf_int(c, "num", 0), xi_tf_int(c, "axis", 0), true);
}

static void array_op_gather(xi_tf_call *c)
{
    int64_t axis = 0, batch = xi_tf_int(c, "batch_dims", 0);
    xi_value *x = xi_tf_in(c, 0), *index = xi_tf_in(c, 1);
    if (c->in_count > 2 && xi_tf_known(xi_tf_in(c, 2), &axis, 1) != 1) {
        xi_tf_refuse(c, "its axis is not known");
        return;
    }
    if (!x || !index) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    int32_t rank = xi_tf_rank(x), index_rank = xi_tf_rank(index);
    if (axis < 0 && rank >= 0) axis += rank;
    if (batch < 0 && index_rank >= 0) batch += index_rank;
    if (batch == 0) {
        xi_tf_give(c, 0, xi_tf_gather(c, x, index, axis));
        return;
    }
    if (axis != batch || rank < 0) {
        xi_tf_refuse(c, "batch_dims before an axis that does not follow them");
        return;
    }
    index = xi_tf_i64(c, xi_tf_unsqueeze(c, index, -1));
    xi_node *n = xi_tf_node(c, "GatherND", 1, 1, (xi_value *[]){x, index}, 2);
    if (n) xi_node_set_int(n, "batch_dims", batch);
    xi_tf_give(c, 0, xi_tf_result(c, n, 0));
}

static void array_op_gather_nd(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0), *index = xi_tf_i64(c, xi_tf_in(c, 1));
    xi_node *n = x && index ? xi_tf_node(c, "GatherND", 1, 1, (xi_value *[]){x, index}, 2) : NULL;
    if (n) xi_node_set_int(n, "batch_dims", xi_tf_int(c, "batch_dims", 0));
    xi_tf_give(c, 0, xi_tf_result(c, n, 0));
}

static xi_value *array_scatter(xi_tf_call *c, xi_value *x, xi_value *index, xi_value *updates,
                               const char *how)
{
    xi_node *n = x && index && updates
                     ? xi_tf_node(c, "ScatterND", 1, 1, (xi_value *[]){x, index, updates}, 3)
                     : NULL;
    if (n && how) xi_node_set_string(n, "reduction", xi_str_of(how));
    return xi_tf_result(c, n, 0);
}

static void array_op_scatter_nd(xi_tf_call *c)
{
    xi_value *index = xi_tf_i64(c, xi_tf_in(c, 0)), *updates = xi_tf_in(c, 1),
             *dims = xi_tf_vector(c, xi_tf_in(c, 2));
    if (!index || !updates || !dims) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    xi_tf_give(
        c, 0,
        array_scatter(c, xi_tf_fill(c, dims, xi_tf_dtype_of(updates), 0), index, updates, "add"));
}

static void array_op_tensor_scatter(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0), *index = xi_tf_i64(c, xi_tf_in(c, 1)), *updates = xi_tf_in(c, 2);
    if (c->row->how) {
        updates = updates ? xi_tf_op1(c, "Neg", updates) : NULL;
    }
    xi_tf_give(c, 0, array_scatter(c, x, index, updates, c->row->to));
}

static void array_op_fill(xi_tf_call *c)
{
    xi_value *dims = xi_tf_vector(c, xi_tf_in(c, 0)), *v = xi_tf_in(c, 1);
    xi_tf_give(c, 0, dims && v ? xi_tf_expand(c, v, dims) : NULL);
}

static void array_op_like(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0);
    xi_tf_give(c, 0,
               x ? xi_tf_fill(c, xi_tf_shape_of(c, x), xi_tf_dtype_of(x), c->row->how) : NULL);
}

static void array_op_range(xi_tf_call *c)
{
    xi_tf_give(c, 0, xi_tf_op3(c, "Range", xi_tf_in(c, 0), xi_tf_in(c, 1), xi_tf_in(c, 2)));
}

static void array_op_linspace(xi_tf_call *c)
{
    xi_value *a = xi_tf_in(c, 0), *b = xi_tf_in(c, 1), *n = xi_tf_i64(c, xi_tf_in(c, 2));
    if (!a || !b || !n) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    n = xi_tf_rank(n) == 0 ? n : xi_tf_reshape(c, n, NULL, 0);
    xi_value *one = xi_tf_const_int(c, 1),
             *steps = xi_tf_cast(c, xi_tf_op2(c, "Max", xi_tf_op2(c, "Sub", n, one), one),
                                 xi_tf_dtype_of(a));
    xi_value *at = xi_tf_cast(c, xi_tf_op3(c, "Range", xi_tf_const_int(c, 0), n, one),
                              xi_tf_dtype_of(a));
    xi_value *step = xi_tf_op2(c, "Div", xi_tf_op2(c, "Sub", b, a), steps);
    xi_tf_give(c, 0, xi_tf_op2(c, "Add", a, xi_tf_op2(c, "Mul", at, step)));
}

static void array_op_tile(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0), *n = xi_tf_vector(c, xi_tf_in(c, 1));
    xi_tf_give(c, 0, x && n ? xi_tf_op2(c, "Tile", x, n) : NULL);
}

static void array_op_broadcast_to(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0), *dims = xi_tf_vector(c, xi_tf_in(c, 1));
    xi_tf_give(c, 0, x && dims ? xi_tf_expand(c, x, dims) : NULL);
}

/* The shape of the broadcast: a tensor of it is made from two empty-handed ones. */
static void array_op_broadcast_args(xi_tf_call *c)
{
    xi_value *a = xi_tf_vector(c, xi_tf_in(c, 0)), *b = xi_tf_vector(c, xi_tf_in(c, 1)),
             *zero = xi_tf_scalar(c, XINF_BOOL, 0);
    xinf_dtype to = xi_tf_dtype_of(xi_tf_in(c, 0));
    if (!a || !b) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    xi_value *both = xi_tf_op2(c, "Or", xi_tf_expand(c, zero, a), xi_tf_expand(c, zero, b));
    xi_tf_give(c, 0, xi_tf_cast(c, both ? xi_tf_shape_of(c, both) : NULL, to));
}

static void array_op_one_hot(xi_tf_call *c)
{
    xi_value *index = xi_tf_in(c, 0), *depth = xi_tf_in(c, 1), *on = xi_tf_in(c, 2),
             *off = xi_tf_in(c, 3);
    if (!index || !depth || !on || !off) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    /* Here a negative index is nowhere, there it counts from the end. */
    xi_value *far = xi_tf_cast(c, depth, xi_tf_dtype_of(index));
    xi_value *at = xi_tf_where(c, xi_tf_op2(c, "Less", index, xi_tf_like(c, index, 0)), far, index);
    xi_value *values = xi_tf_concat(
        c, (xi_value *[]){xi_tf_unsqueeze(c, off, 0), xi_tf_unsqueeze(c, on, 0)}, 2, 0);
    xi_node *n = at && values ? xi_tf_node(c, "OneHot", 1, 1, (xi_value *[]){at, depth, values}, 3)
                              : NULL;
    if (n) xi_node_set_int(n, "axis", xi_tf_int(c, "axis", -1));
    xi_tf_give(c, 0, xi_tf_result(c, n, 0));
}

static void array_op_where(xi_tf_call *c)
{
    xi_value *x = xi_tf_cast(c, xi_tf_in(c, 0), XINF_BOOL);
    xi_value *at = x ? xi_tf_op1(c, "NonZero", x) : NULL;
    xi_tf_give(c, 0, at ? xi_tf_transpose(c, at, (int64_t[]){1, 0}, 2) : NULL);
}

static void array_op_invert_permutation(xi_tf_call *c)
{
    xi_value *p = xi_tf_in(c, 0), *index = xi_tf_i64(c, p);
    if (!index) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    xi_value *n = xi_tf_op1(c, "Size", index);
    xi_value *at = xi_tf_cast(
        c, xi_tf_op3(c, "Range", xi_tf_const_int(c, 0), n, xi_tf_const_int(c, 1)),
        xi_tf_dtype_of(p));
    xi_tf_give(c, 0, array_scatter(c, p, xi_tf_unsqueeze(c, index, -1), at, NULL));
}

static void array_op_unique(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0);
    xi_node *n = x ? xi_tf_node(c, "Unique", 4, 2, &x, 1) : NULL;
    if (!n) return;
    xi_node_set_int(n, "sorted", 0);
    for (int32_t i = 0; i < 4; i++)
        if (!xi_node_new_output(n, i)) c->status = xi_tf_no_memory(c->im);
    if (c->status) return;
    xi_tf_infer(c->im, n);
    xinf_dtype index = xi_tf_dtype(xi_tf_type(c, "out_idx", 3));
    xi_tf_give(c, 0, n->outputs[0]);
    xi_tf_give(c, 1, xi_tf_cast(c, n->outputs[2], index));
    if (c->row->how) xi_tf_give(c, 2, xi_tf_cast(c, n->outputs[3], index));
}

static void array_op_random(xi_tf_call *c)
{
    xinf_dtype dtype = xi_tf_dtype(xi_tf_type(c, "dtype", 1));
    xi_value *dims = xi_tf_vector(c, xi_tf_in(c, 0)),
             *like = dims ? xi_tf_fill(c, dims, dtype, 0) : NULL;
    xi_node *n = like ? xi_tf_node(c, c->row->to, 1, 2, &like, 1) : NULL;
    int64_t seed = xi_tf_int(c, "seed", 0) ^ xi_tf_int(c, "seed2", 0);
    if (n) xi_node_set_int(n, "dtype", dtype);
    if (n && seed) xi_node_set_float(n, "seed", (float)(seed & 0xffff));
    xi_tf_give(c, 0, xi_tf_result(c, n, 0));
}

/* Rows go where their index says; later lists win. The result has as many rows as the largest index
 * asks for. */
static void array_op_stitch(xi_tf_call *c)
{
    int32_t half = c->in_count / 2;
    xi_value *index[32], *data[32];
    if (half < 1 || half > 32) {
        xi_tf_refuse(c, "it joins more than 32 lists");
        return;
    }
    for (int32_t i = 0; i < half; i++) {
        xi_value *at = xi_tf_i64(c, xi_tf_in(c, i)), *x = xi_tf_in(c, half + i);
        int32_t rank = xi_tf_rank(at), all = xi_tf_rank(x);
        if (!at || !x || rank < 0 || all < rank || all - rank + 1 > XI_MAX_RANK) {
            xi_tf_refuse(c, "the rank of one of its lists is not known");
            return;
        }
        index[i] = rank == 1 ? at : xi_tf_reshape(c, at, (int64_t[]){-1}, 1);
        xi_value *tail = rank == 1 || rank == all
                             ? NULL
                             : xi_tf_slice(c, xi_tf_shape_of(c, x), 0, rank, INT64_MAX);
        int64_t any = -1;
        xi_value *flat = xi_tf_const_ints(c, &any, 1);
        data[i] = rank == 1
                      ? x
                      : xi_tf_reshape_to(
                            c, x, tail ? xi_tf_concat(c, (xi_value *[]){flat, tail}, 2, 0) : flat);
    }
    xi_value *at = xi_tf_concat(c, index, half, 0), *rows = xi_tf_concat(c, data, half, 0);
    if (!at || !rows) return;
    int64_t zero = 0;
    xi_value *most = xi_tf_reduce(c, "ReduceMax", at, xi_tf_const_ints(c, &zero, 1), true),
             *tail = xi_tf_slice(c, xi_tf_shape_of(c, rows), 0, 1, INT64_MAX);
    xi_value *dims = xi_tf_concat(
        c, (xi_value *[]){xi_tf_op2(c, "Add", most, xi_tf_const_int(c, 1)), tail}, 2, 0);
    xi_value *empty = dims ? xi_tf_fill(c, dims, xi_tf_dtype_of(rows), 0) : NULL;
    xi_tf_give(c, 0, array_scatter(c, empty, xi_tf_unsqueeze(c, at, -1), rows, NULL));
}

static void array_op_partition(xi_tf_call *c)
{
    int64_t count = xi_tf_int(c, "num_partitions", 1);
    xi_value *x = xi_tf_in(c, 0), *at = xi_tf_in(c, 1);
    if (!x || !at || xi_tf_rank(at) != 1 || count < 1 || count > 1024) {
        xi_tf_refuse(c, "its partitions are not a vector");
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        xi_value *hit = xi_tf_op2(c, "Equal", at, xi_tf_like(c, at, (double)i));
        xi_node *n = hit ? xi_tf_node(c, "Compress", 1, 1, (xi_value *[]){x, hit}, 2) : NULL;
        if (n) xi_node_set_int(n, "axis", 0);
        xi_tf_give(c, (int32_t)i, xi_tf_result(c, n, 0));
    }
}

static void array_op_ensure_shape(xi_tf_call *c)
{
    const Tf__Attr *a = xi_tf_attr(c, "shape");
    xi_value *x = xi_tf_in(c, 0);
    xi_shape s;
    if (x && a && xi_tf_shape(&s, a->shape) && s.rank >= 0 && x->type.shape.rank < 0 &&
        x->type.kind == XINF_KIND_TENSOR)
        x->type.shape = s;
    if (c->in_count) xi_tf_give_value(c, 0, c->in[0]);
}

const xi_tf_row xi_tf_array[] = {
    {"Const", array_op_const, NULL, 0},
    {"HostConst", array_op_const, NULL, 0},
    {"Identity", array_op_identity, NULL, 0},
    {"IdentityN", array_op_identity, NULL, 0},
    {"StopGradient", array_op_identity, NULL, 0},
    {"PreventGradient", array_op_identity, NULL, 0},
    {"CheckNumerics", array_op_identity, NULL, 0},
    {"Snapshot", array_op_identity, NULL, 0},
    {"DebugIdentity", array_op_identity, NULL, 0},
    {"PlaceholderWithDefault", array_op_identity, NULL, 0},
    {"Placeholder", array_op_placeholder, NULL, 0},
    {"EnsureShape", array_op_ensure_shape, NULL, 0},
    {"Shape", array_op_shape, "Shape", 0},
    {"ShapeN", array_op_shape, "Shape", 0},
    {"Size", array_op_shape, "Size", 0},
    {"Rank", array_op_rank, NULL, 0},
    {"Reshape", array_op_reshape, NULL, 0},
    {"Transpose", array_op_transpose, NULL, 0},
    {"ExpandDims", array_op_expand_dims, NULL, 0},
    {"Squeeze", array_op_squeeze, NULL, 0},
    {"Concat", array_op_concat, NULL, 0},
    {"ConcatV2", array_op_concat, NULL, 1},
    {"Pack", array_op_pack, NULL, 0},
    {"Split", array_op_split, NULL, 0},
    {"SplitV", array_op_split, NULL, 1},
    {"Unpack", array_op_unpack, NULL, 0},
    {"Gather", array_op_gather, NULL, 0},
    {"GatherV2", array_op_gather, NULL, 0},
    {"ResourceGather", array_op_gather, NULL, 0},
    {"GatherNd", array_op_gather_nd, NULL, 0},
    {"ScatterNd", array_op_scatter_nd, NULL, 0},
    {"TensorScatterUpdate", array_op_tensor_scatter, NULL, 0},
    {"TensorScatterAdd", array_op_tensor_scatter, "add", 0},
    {"TensorScatterSub", array_op_tensor_scatter, "add", 1},
    {"TensorScatterMax", array_op_tensor_scatter, "max", 0},
    {"TensorScatterMin", array_op_tensor_scatter, "min", 0},
    {"Fill", array_op_fill, NULL, 0},
    {"ZerosLike", array_op_like, NULL, 0},
    {"OnesLike", array_op_like, NULL, 1},
    {"Range", array_op_range, NULL, 0},
    {"LinSpace", array_op_linspace, NULL, 0},
    {"Tile", array_op_tile, NULL, 0},
    {"BroadcastTo", array_op_broadcast_to, NULL, 0},
    {"BroadcastArgs", array_op_broadcast_args, NULL, 0},
    {"OneHot", array_op_one_hot, NULL, 0},
    {"Where", array_op_where, NULL, 0},
    {"InvertPermutation", array_op_invert_permutation, NULL, 0},
    {"RandomUniform", array_op_random, "RandomUniformLike", 0},
    {"RandomStandardNormal", array_op_random, "RandomNormalLike", 0},
    {"DynamicStitch", array_op_stitch, NULL, 0},
    {"ParallelDynamicStitch", array_op_stitch, NULL, 0},
    {"DynamicPartition", array_op_partition, NULL, 0},
    {"Unique", array_op_unique, NULL, 0},
    {"UniqueV2", array_op_unique, NULL, 0},
    {"UniqueWithCounts", array_op_unique, NULL, 1},
    {NULL, NULL, NULL, 0},
};
