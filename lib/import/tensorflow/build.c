/* build.c — how translations make nodes. */
#include <stdio.h>

#include "base/allocator.h"
#include "graph/op.h"
#include "import/tensorflow/importer.h"

enum { BUILD_OPERANDS = 64 };

xinf_status xi_tf_no_memory(xi_tf_importer *im)
{
    const xi_arena *a = &im->family->arena;
    if (a->limit && a->used > a->limit / 2)
        return xi_fail(im->err, XINF_LIMIT,
                       "the model's graph takes more than the %zu bytes of memory allowed for it",
                       a->limit);
    return xi_fail_memory(im->err, a->used);
}

xinf_status xi_tf_fail(xi_tf_call *c, const char *fmt, ...)
{
    va_list args;
    if (c->status) return c->status;
    va_start(args, fmt);
    c->status = xi_fail_v(c->im->err, XINF_MALFORMED, fmt, args);
    va_end(args);
    xi_error_prefix(c->im->err, "node %.*s (%.*s): ", XI_STR_ARG(xi_tf_str(c->node->name)),
                    XI_STR_ARG(xi_tf_str(c->node->op)));
    return c->status;
}

void xi_tf_refuse(xi_tf_call *c, const char *why)
{
    xi_str name = xi_tf_str(c->node->name), op = xi_tf_str(c->node->op);
    if (c->status || c->refused) return;
    c->refused = true;
    size_t size = 64 + strlen(why) + name.len + op.len;
    char *sentence = xi_arena_alloc(&c->im->family->arena, size);
    int32_t count = 0;
    xi_node *n = sentence ? xi_graph_add_node(c->scope->graph, NULL, XI_STR("tensorflow"), op, name,
                                              c->in_count, c->out->count + 1, 0)
                          : NULL;
    if (!n) {
        c->status = xi_tf_no_memory(c->im);
        return;
    }
    snprintf(sentence, size, "node %.*s (%.*s): %s", (int)name.len, name.ptr ? name.ptr : "",
             (int)op.len, op.ptr ? op.ptr : "", why);
    n->refused = sentence;
    for (int32_t i = 0; i < c->in_count; i++) {
        xi_value *v = c->in[i] ? xi_tf_tensor(c, c->in[i]) : NULL;
        if (v) n->inputs[count++] = v;
    }
    n->input_count = count;
    xi_value *v = xi_node_new_output(n, 0);
    if (!v) c->status = xi_tf_no_memory(c->im);
    c->out->refused = true;
    xi_tf_give(c, 0, v);
}

/* ---- inputs and outputs ---- */

static void build_perm(int64_t *perm, int32_t rank, bool back)
{
    perm[0] = 0;
    for (int32_t i = 1; i < rank; i++)
        perm[i] = back ? (i == rank - 1 ? 1 : i + 1) : i == 1 ? rank - 1 : i - 1;
}

xi_value *xi_tf_turn(xi_tf_call *c, xi_value *v, bool back)
{
    int64_t perm[XI_MAX_RANK];
    int32_t rank = xi_tf_rank(v);
    if (!v || rank < 3) return NULL;
    build_perm(perm, rank, back);
    return xi_tf_transpose(c, v, perm, rank);
}

xi_value *xi_tf_tensor(xi_tf_call *c, xi_tf_value *v)
{
    if (v && v->resource) return xi_tf_variable_read(c, v->resource);
    if (!v || v->v || !v->turned) return v ? v->v : NULL;
    xi_value *made = xi_tf_turn(c, v->turned, true);
    /* Inside a branch or loop the result is known there only. */
    if (made && v->turned->graph == c->scope->graph) v->v = made;
    return made;
}

xi_value *xi_tf_in(xi_tf_call *c, int32_t i)
{
    return i < c->in_count && i >= 0 && !c->status ? xi_tf_tensor(c, c->in[i]) : NULL;
}

xi_value *xi_tf_turned(xi_tf_call *c, int32_t i, int32_t rank)
{
    if (i >= c->in_count || c->status) return NULL;
    xi_tf_value *v = c->in[i];
    if (v->turned) return v->turned;
    xi_value *x = v->v;
    if (!x) return NULL;
    if (xi_tf_rank(x) < 0) { /* its operator says what the rank must be */
        x->type.shape = (xi_shape){.rank = rank};
        for (int32_t k = 0; k < rank; k++) x->type.shape.dim[k] = XI_DIM_UNKNOWN;
    }
    if (xi_tf_rank(x) != rank) {
        xi_tf_fail(c, "input %d has rank %d, %d is wanted", (int)i, (int)xi_tf_rank(x), (int)rank);
        return NULL;
    }
    xi_value *made = xi_tf_turn(c, x, false);
    if (made && x->graph == c->scope->graph) v->turned = made;
    return made;
}

void xi_tf_give_value(xi_tf_call *c, int32_t i, const xi_tf_value *v)
{
    xi_tf_outputs *o = c->out;
    if (c->status) return;
    if (i >= o->count) {
        int32_t count = i + 1 > o->count ? (i + 1 > 2 * o->count ? i + 1 : 2 * o->count) : o->count;
        xi_tf_value *items = i < XI_TF_MAX_OUTPUTS ? xi_arena_array(&c->im->family->arena,
                                                                    (size_t)count, sizeof *items)
                                                   : NULL;
        if (!items) {
            c->status = xi_tf_no_memory(c->im);
            return;
        }
        if (o->count) memcpy(items, o->items, (size_t)o->count * sizeof *items);
        o->items = items;
        o->count = count;
    }
    o->items[i] = *v;
    o->items[i].given = true;
}

static void build_name(xi_tf_call *c, int32_t i, xi_value *v)
{
    char text[16];
    xi_str name = xi_tf_str(c->node->name);
    if (!v || v->name.len || v->literal || c->scope->body->function) return;
    int len = snprintf(text, sizeof text, ":%d", (int)i);
    char *joined = xi_arena_alloc(&c->im->family->arena, name.len + (size_t)len + 1);
    if (!joined) c->status = xi_tf_no_memory(c->im);
    if (!joined) return;
    if (name.len) memcpy(joined, name.ptr, name.len);
    memcpy(joined + name.len, text, (size_t)len);
    v->name = (xi_str){joined, name.len + (size_t)len};
}

void xi_tf_give(xi_tf_call *c, int32_t i, xi_value *v)
{
    if (!v && !c->status && !c->refused)
        xi_tf_refuse(c, "its types or shapes are not known well enough");
    if (!v || c->status) return;
    build_name(c, i, v);
    xi_tf_give_value(c, i, &(xi_tf_value){.v = v});
}

void xi_tf_give_turned(xi_tf_call *c, int32_t i, xi_value *v)
{
    if (!v && !c->status && !c->refused)
        xi_tf_refuse(c, "its types or shapes are not known well enough");
    if (v && !c->status) xi_tf_give_value(c, i, &(xi_tf_value){.turned = v});
}

/* ---- nodes ---- */

void xi_tf_infer(xi_tf_importer *im, xi_node *n)
{
    const xi_type *in[BUILD_OPERANDS];
    const xi_literal *known[BUILD_OPERANDS];
    xi_type out[BUILD_OPERANDS];
    xinf_error ignored = XINF_ERROR_INIT;
    if (!n->op || n->input_count > BUILD_OPERANDS || n->output_count > BUILD_OPERANDS) return;
    for (int32_t i = 0; i < n->input_count; i++) {
        in[i] = n->inputs[i] ? &n->inputs[i]->type : NULL;
        known[i] = n->inputs[i] ? n->inputs[i]->literal : NULL;
    }
    if (n->input_count < n->op->min_inputs ||
        (n->op->max_inputs >= 0 && n->input_count > n->op->max_inputs))
        return;
    for (int32_t i = 0; i < n->op->min_inputs; i++)
        if (!in[i]) return;
    if (xi_node_infer(n, in, known, out, &im->family->arena, &ignored)) return;
    for (int32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i]) n->outputs[i]->type = out[i];
}

xi_node *xi_tf_node(xi_tf_call *c, const char *op, int32_t outputs, int32_t attrs,
                    xi_value *const *inputs, int32_t count)
{
    while (count > 0 && !inputs[count - 1]) count--;
    if (c->status || c->refused) return NULL;
    xi_node *n = xi_graph_add_node(c->scope->graph, NULL, XI_STR(""), xi_str_of(op),
                                   xi_tf_str(c->node->name), count, outputs, attrs);
    if (!n) {
        c->status = xi_tf_no_memory(c->im);
        return NULL;
    }
    for (int32_t i = 0; i < count; i++) n->inputs[i] = inputs[i];
    return n;
}

xi_value *xi_tf_result(xi_tf_call *c, xi_node *n, int32_t output)
{
    if (!n || c->status) return NULL;
    if (n->outputs[output]) return n->outputs[output];
    const xi_literal *folded = n->output_count == 1 ? xi_tf_fold(c->im, n) : NULL;
    if (folded) {
        xi_value *k = xi_graph_add_constant(n->graph, XI_STR(""), folded);
        xi_node_remove(n);
        if (!k) c->status = xi_tf_no_memory(c->im);
        return k;
    }
    xi_value *v = xi_node_new_output(n, output);
    if (!v) {
        c->status = xi_tf_no_memory(c->im);
        return NULL;
    }
    xi_tf_infer(c->im, n);
    return v;
}

xi_value *xi_tf_op1(xi_tf_call *c, const char *op, xi_value *a)
{
    return a ? xi_tf_result(c, xi_tf_node(c, op, 1, 0, &a, 1), 0) : NULL;
}

xi_value *xi_tf_op2(xi_tf_call *c, const char *op, xi_value *a, xi_value *b)
{
    return a && b ? xi_tf_result(c, xi_tf_node(c, op, 1, 0, (xi_value *[]){a, b}, 2), 0) : NULL;
}

xi_value *xi_tf_op3(xi_tf_call *c, const char *op, xi_value *a, xi_value *b, xi_value *d)
{
    return a && b && d ? xi_tf_result(c, xi_tf_node(c, op, 1, 0, (xi_value *[]){a, b, d}, 3), 0)
                       : NULL;
}

static xi_value *build_constant(xi_tf_call *c, xinf_dtype dtype, const xi_shape *shape,
                                const void *data)
{
    if (c->status) return NULL;
    xi_literal *l = xi_graph_literal(c->scope->graph, dtype, shape, data);
    xi_value *v = l ? xi_graph_add_constant(c->scope->graph, XI_STR(""), l) : NULL;
    if (!v) c->status = xi_tf_no_memory(c->im);
    return v;
}

xi_value *xi_tf_const_ints(xi_tf_call *c, const int64_t *v, int32_t count)
{
    return build_constant(c, XINF_INT64, &(xi_shape){.rank = 1, .dim = {count}}, v);
}

xi_value *xi_tf_const_int(xi_tf_call *c, int64_t v)
{
    return build_constant(c, XINF_INT64, &XI_SHAPE_SCALAR, &v);
}

xi_value *xi_tf_scalar(xi_tf_call *c, xinf_dtype dtype, double v)
{
    uint8_t bits[16] = {0};
    if (dtype == XINF_UNDEFINED || dtype == XINF_STRING) dtype = XINF_FLOAT32;
    if (dtype == XINF_BOOL)
        bits[0] = v != 0;
    else if (xi_dtype_is_int(dtype))
        xi_dtype_store_i64(bits, dtype, 0, (int64_t)v);
    else
        xi_dtype_store_f64(bits, dtype, 0, v);
    return build_constant(c, dtype, &XI_SHAPE_SCALAR, bits);
}

xi_value *xi_tf_like(xi_tf_call *c, const xi_value *like, double v)
{
    return xi_tf_scalar(c, xi_tf_dtype_of(like), v);
}

xi_value *xi_tf_cast(xi_tf_call *c, xi_value *x, xinf_dtype to)
{
    if (!x || x->type.dtype == to) return x;
    xi_node *n = xi_tf_node(c, "Cast", 1, 1, &x, 1);
    if (n) xi_node_set_int(n, "to", to);
    return xi_tf_result(c, n, 0);
}

xi_value *xi_tf_i64(xi_tf_call *c, xi_value *x)
{
    return xi_tf_cast(c, x, XINF_INT64);
}

xi_value *xi_tf_vector(xi_tf_call *c, xi_value *x)
{
    x = xi_tf_i64(c, x);
    return !x || xi_tf_rank(x) == 1 ? x : xi_tf_reshape(c, x, (int64_t[]){-1}, 1);
}

xi_value *xi_tf_transpose(xi_tf_call *c, xi_value *x, const int64_t *perm, int32_t rank)
{
    xi_node *n = x ? xi_tf_node(c, "Transpose", 1, 1, &x, 1) : NULL;
    if (n && !xi_node_set_ints(n, "perm", perm, rank)) c->status = xi_tf_no_memory(c->im);
    return xi_tf_result(c, n, 0);
}

xi_value *xi_tf_reshape_to(xi_tf_call *c, xi_value *x, xi_value *dims)
{
    xi_node *n = x && dims ? xi_tf_node(c, "Reshape", 1, 1, (xi_value *[]){x, dims}, 2) : NULL;
    if (n) xi_node_set_int(n, "allowzero", 1);
    return xi_tf_result(c, n, 0);
}

xi_value *xi_tf_reshape(xi_tf_call *c, xi_value *x, const int64_t *dims, int32_t rank)
{
    return xi_tf_reshape_to(c, x, xi_tf_const_ints(c, dims, rank));
}

xi_value *xi_tf_unsqueeze(xi_tf_call *c, xi_value *x, int64_t axis)
{
    return xi_tf_op2(c, "Unsqueeze", x, xi_tf_const_ints(c, &axis, 1));
}

xi_value *xi_tf_squeeze(xi_tf_call *c, xi_value *x, int64_t axis)
{
    return xi_tf_op2(c, "Squeeze", x, xi_tf_const_ints(c, &axis, 1));
}

xi_value *xi_tf_slice(xi_tf_call *c, xi_value *x, int64_t axis, int64_t start, int64_t end)
{
    xi_value *in[] = {x, xi_tf_const_ints(c, &start, 1), xi_tf_const_ints(c, &end, 1),
                      xi_tf_const_ints(c, &axis, 1)};
    return x ? xi_tf_result(c, xi_tf_node(c, "Slice", 1, 0, in, 4), 0) : NULL;
}

xi_value *xi_tf_concat(xi_tf_call *c, xi_value *const *parts, int32_t count, int64_t axis)
{
    for (int32_t i = 0; i < count; i++)
        if (!parts[i]) return NULL;
    if (count == 1) return parts[0];
    xi_node *n = xi_tf_node(c, "Concat", 1, 1, parts, count);
    if (n) xi_node_set_int(n, "axis", axis);
    return xi_tf_result(c, n, 0);
}

xi_value *xi_tf_reduce(xi_tf_call *c, const char *op, xi_value *x, xi_value *axes, bool keep)
{
    xi_node *n = x ? xi_tf_node(c, op, 1, 2, (xi_value *[]){x, axes}, 2) : NULL;
    if (n) xi_node_set_int(n, "keepdims", keep);
    if (n && axes) xi_node_set_int(n, "noop_with_empty_axes", 1);
    return xi_tf_result(c, n, 0);
}

xi_value *xi_tf_gather(xi_tf_call *c, xi_value *x, xi_value *index, int64_t axis)
{
    xi_node *n = x && index ? xi_tf_node(c, "Gather", 1, 1, (xi_value *[]){x, index}, 2) : NULL;
    if (n) xi_node_set_int(n, "axis", axis);
    return xi_tf_result(c, n, 0);
}

xi_value *xi_tf_shape_of(xi_tf_call *c, xi_value *x)
{
    return xi_tf_op1(c, "Shape", x);
}

xi_value *xi_tf_expand(xi_tf_call *c, xi_value *x, xi_value *dims)
{
    return xi_tf_op2(c, "Expand", x, dims);
}

xi_value *xi_tf_where(xi_tf_call *c, xi_value *cond, xi_value *a, xi_value *b)
{
    return xi_tf_op3(c, "Where", cond, a, b);
}

xi_value *xi_tf_fill(xi_tf_call *c, xi_value *dims, xinf_dtype dtype, double v)
{
    return xi_tf_expand(c, xi_tf_scalar(c, dtype, v), dims);
}

int32_t xi_tf_known(const xi_value *v, int64_t *out, int32_t max)
{
    const xi_literal *l = v ? v->literal : NULL;
    if (!l || l->count > max || (!xi_dtype_is_int(l->dtype) && l->dtype != XINF_BOOL)) return -1;
    size_t size = xinf_dtype_size(l->dtype);
    for (int64_t i = 0; i < l->count; i++) {
        int64_t bits = 0;
        memcpy(&bits, (const char *)l->data + (size_t)i * size, size);
        out[i] = xi_dtype_load_i64(&bits, l->dtype, 0);
    }
    return (int32_t)l->count;
}

bool xi_tf_known_float(const xi_value *v, double *out)
{
    const xi_literal *l = v ? v->literal : NULL;
    uint8_t bits[16] = {0};
    if (!l || l->count != 1 || l->size > sizeof bits || l->dtype == XINF_STRING ||
        l->dtype >= XINF_COMPLEX64)
        return false;
    memcpy(bits, l->data, l->size);
    *out = xi_dtype_load_f64(bits, l->dtype, 0);
    return true;
}

xi_value *xi_tf_constant_value(xi_tf_importer *im, xi_graph *g, const xi_tf_constant *k,
                               xi_str name)
{
    xi_literal *l = xi_arena_alloc(&im->family->arena, sizeof *l);
    if (!l) return NULL;
    *l = (xi_literal){.dtype = k->dtype,
                      .shape = xi_shape_of(k->rank, k->dims),
                      .count = k->count,
                      .data = k->data,
                      .size = k->size,
                      .file = k->file};
    return xi_graph_add_constant(g, name, l);
}
