/* infer.c — types of values: runs the operators' shape rules over graphs and follows small integer
 * contents, symbols included, so that Shape → Gather → Concat → Reshape keeps the name of a batch
 * dimension. */
#include "base/allocator.h"
#include "base/checked.h"
#include "graph/op.h"

enum { INFER_INTS = 32 };

/* ---- for shape rules ---- */

static xinf_status infer_fail_v(xi_infer *c, xinf_status status, const char *fmt, va_list args)
{
    xi_fail_v(c->err, status, fmt, args);
    xi_error_prefix(c->err, "node %.*s (%.*s): ", XI_STR_ARG(xi_node_label(c->node)),
                    XI_STR_ARG(c->node->op_name));
    return status;
}

xinf_status xi_infer_fail(xi_infer *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    xinf_status status = infer_fail_v(c, XINF_MALFORMED, fmt, args);
    va_end(args);
    return status;
}

xinf_status xi_infer_unsupported(xi_infer *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    xinf_status status = infer_fail_v(c, XINF_UNSUPPORTED, fmt, args);
    va_end(args);
    return status;
}

static int64_t infer_read(const xi_literal *l, int64_t i)
{
    int64_t v = 0; /* literals may be unaligned */
    size_t size = xinf_dtype_size(l->dtype);
    memcpy(&v, (const char *)l->data + (size_t)i * size, size);
    return xi_dtype_load_i64(&v, l->dtype, 0);
}

int32_t xi_infer_ints(const xi_infer *c, int32_t i, int64_t *out, int32_t max)
{
    const xi_literal *l = i < c->input_count ? c->known[i] : NULL;
    if (!l || l->count > max || (!xi_dtype_is_int(l->dtype) && l->dtype != XINF_BOOL)) return -1;
    for (int64_t k = 0; k < l->count; k++) out[k] = infer_read(l, k);
    return (int32_t)l->count;
}

void xi_infer_set(xi_infer *c, int32_t output, xinf_dtype dtype, const xi_shape *shape)
{
    if (output >= c->output_count) return;
    c->out[output].kind = XINF_KIND_TENSOR;
    c->out[output].dtype = dtype;
    c->out[output].shape = *shape;
}

xinf_status xi_infer_broadcast(xi_infer *c, int32_t first, int32_t last, xi_shape *out)
{
    xi_shape s = c->in[first]->shape;
    for (int32_t i = first + 1; i < last; i++) {
        xi_shape before = s;
        if (!c->in[i] || !xi_shape_broadcast(&before, &c->in[i]->shape, &s)) {
            char a[160], b[160];
            return xi_infer_fail(c, "shapes %s and %s do not broadcast",
                                 xi_shape_text(&before, a, sizeof a),
                                 c->in[i] ? xi_shape_text(&c->in[i]->shape, b, sizeof b) : "none");
        }
    }
    *out = s;
    return XINF_OK;
}

xinf_status xi_infer_axis(xi_infer *c, int64_t axis, int32_t rank, int32_t *out)
{
    if (xi_shape_axis(axis, rank, out)) return XINF_OK;
    return xi_infer_fail(c, "axis %lld is outside rank %d", (long long)axis, (int)rank);
}

xinf_status xi_infer_want(xi_infer *c, int32_t i, const xinf_dtype *allowed)
{
    xinf_dtype d = xi_infer_dtype(c, i);
    if (d == XINF_UNDEFINED) return XINF_OK;
    for (; *allowed; allowed++)
        if (*allowed == d) return XINF_OK;
    return xi_infer_fail(c, "input %d is %s, which the operator does not take", (int)i,
                         xinf_dtype_name(d));
}

xinf_status xi_infer_same_dtype(xi_infer *c, int32_t i, int32_t j)
{
    xinf_dtype a = xi_infer_dtype(c, i), b = xi_infer_dtype(c, j);
    if (a == b || a == XINF_UNDEFINED || b == XINF_UNDEFINED) return XINF_OK;
    return xi_infer_fail(c, "inputs %d and %d differ: %s and %s", (int)i, (int)j,
                         xinf_dtype_name(a), xinf_dtype_name(b));
}

/* ---- one node ---- */

/* Operators that take sequences, maps or optionals say so; every other one sees tensors only. */
static xinf_status infer_check_kinds(xi_infer *c)
{
    if (c->node->op->flags & (XI_OP_HANDLE | XI_OP_CONTROL)) return XINF_OK;
    for (int32_t i = 0; i < c->input_count; i++)
        if (c->in[i] && c->in[i]->kind != XINF_KIND_TENSOR)
            return xi_infer_fail(c, "input %d is not a tensor", (int)i);
    return XINF_OK;
}

xinf_status xi_node_infer(const xi_node *n, const xi_type *const *in,
                          const xi_literal *const *known, xi_type *out, xi_arena *arena,
                          xinf_error *err)
{
    xinf_status status;
    for (int32_t i = 0; i < n->output_count; i++) out[i] = XI_TYPE_UNKNOWN;
    if (!n->op || !n->op->infer) return XINF_OK;
    xi_infer c = {.node = n,
                  .input_count = n->input_count,
                  .output_count = n->output_count,
                  .in = in,
                  .known = known,
                  .out = out,
                  .arena = arena,
                  .err = err};
    XI_TRY(infer_check_kinds(&c));
    XI_TRY(n->op->infer(&c));
    for (int32_t i = 0; i < n->output_count; i++) {
        size_t size;
        if (out[i].kind != XINF_KIND_TENSOR || out[i].dtype == XINF_UNDEFINED ||
            !xi_shape_known(&out[i].shape))
            continue;
        if (xi_tensor_bytes(out[i].dtype, &out[i].shape, &size, err) == XINF_OK) continue;
        xi_error_prefix(err, "node %.*s (%.*s): output %d: ", XI_STR_ARG(xi_node_label(n)),
                        XI_STR_ARG(n->op_name), (int)i);
        return XINF_LIMIT;
    }
cleanup:
    return status;
}

/* ---- contents of small integer values ---- */

/* v[i] is a number, or a dimension code (unknown or symbol) where bit i of `symbolic` is set. */
typedef struct infer_ints {
    int32_t rank, count;
    uint32_t symbolic;
    int64_t v[INFER_INTS];
} infer_ints;

typedef struct infer_state {
    infer_ints **ints; /* per value id */
    size_t size;
    xi_arena scratch;
    xinf_error *err;
} infer_state;

static const infer_ints *infer_of(infer_state *s, const xi_value *v)
{
    if (!v) return NULL;
    if (s->ints[v->id] || !v->literal) return s->ints[v->id];
    const xi_literal *l = v->literal;
    if (l->count > INFER_INTS || l->shape.rank > 1 || !xi_dtype_is_int(l->dtype)) return NULL;
    infer_ints *k = xi_arena_alloc(&s->scratch, sizeof *k);
    if (!k) return NULL;
    k->rank = l->shape.rank;
    k->count = (int32_t)l->count;
    for (int32_t i = 0; i < k->count; i++) k->v[i] = infer_read(l, i);
    return s->ints[v->id] = k;
}

static bool infer_number(const infer_ints *k, int32_t i, int64_t *out)
{
    if (!k || i >= k->count || k->symbolic >> i & 1) return false;
    *out = k->v[i];
    return true;
}

static void infer_copy_item(infer_ints *dst, int32_t at, const infer_ints *src, int32_t i)
{
    dst->v[at] = src->v[i];
    dst->symbolic = (dst->symbolic & ~(1u << at)) | (src->symbolic >> i & 1u) << at;
}

static bool infer_shape_op(const xi_node *n, infer_ints *r)
{
    const xi_shape *s = &n->inputs[0]->type.shape;
    int32_t first, last;
    if (s->rank < 0 || n->inputs[0]->type.kind != XINF_KIND_TENSOR) return false;
    int64_t start = xi_node_int(n, "start", 0), end = xi_node_int(n, "end", s->rank);
    start = start < 0 ? start + s->rank : start;
    end = end < 0 ? end + s->rank : end;
    first = (int32_t)(start < 0 ? 0 : start > s->rank ? s->rank : start);
    last = (int32_t)(end < 0 ? 0 : end > s->rank ? s->rank : end);
    r->rank = 1;
    for (int32_t i = first; i < last; i++) {
        if (s->dim[i] < 0) r->symbolic |= 1u << r->count;
        r->v[r->count++] = s->dim[i];
    }
    return true;
}

static bool infer_gather_op(const infer_ints *data, const infer_ints *index, infer_ints *r)
{
    if (!data || !index || data->rank != 1) return false;
    r->rank = index->rank;
    r->count = index->count;
    for (int32_t i = 0; i < index->count; i++) {
        int64_t at;
        if (!infer_number(index, i, &at)) return false;
        at += at < 0 ? data->count : 0;
        if (at < 0 || at >= data->count) return false;
        infer_copy_item(r, i, data, (int32_t)at);
    }
    return true;
}

static bool infer_concat_op(infer_state *s, const xi_node *n, infer_ints *r)
{
    r->rank = 1;
    for (int32_t k = 0; k < n->input_count; k++) {
        const infer_ints *in = infer_of(s, n->inputs[k]);
        if (!in || in->rank != 1 || r->count + in->count > INFER_INTS) return false;
        for (int32_t i = 0; i < in->count; i++) infer_copy_item(r, r->count++, in, i);
    }
    return true;
}

static bool infer_slice_op(infer_state *s, const xi_node *n, const infer_ints *data, infer_ints *r)
{
    int64_t start, end, step = 1;
    if (!data || data->rank != 1 || !infer_number(infer_of(s, n->inputs[1]), 0, &start) ||
        !infer_number(infer_of(s, n->inputs[2]), 0, &end))
        return false;
    if (xi_node_input(n, 4) && !infer_number(infer_of(s, n->inputs[4]), 0, &step)) return false;
    if (step != 1) return false;
    start = start < 0 ? start + data->count : start;
    end = end < 0 ? end + data->count : end;
    start = start < 0 ? 0 : start;
    end = end > data->count ? data->count : end;
    r->rank = 1;
    for (int64_t i = start; i < end; i++) infer_copy_item(r, r->count++, data, (int32_t)i);
    return true;
}

/* Add, Sub, Mul, Div of numbers; a symbol survives +0, -0, ·1 and /1, else it becomes unknown. */
static bool infer_arithmetic_op(const xi_node *n, const infer_ints *a, const infer_ints *b,
                                infer_ints *r)
{
    if (!a || !b || (a->count != b->count && a->count != 1 && b->count != 1)) return false;
    r->rank = a->rank > b->rank ? a->rank : b->rank;
    r->count = a->count > b->count ? a->count : b->count;
    bool add = xi_node_is(n, "Add"), sub = xi_node_is(n, "Sub"), mul = xi_node_is(n, "Mul");
    for (int32_t i = 0; i < r->count; i++) {
        int64_t x, y;
        int32_t ia = a->count == 1 ? 0 : i, ib = b->count == 1 ? 0 : i;
        bool hx = infer_number(a, ia, &x), hy = infer_number(b, ib, &y);
        if (hx && hy) {
            bool fits = add   ? xi_add_i64(x, y, &r->v[i])
                        : sub ? !__builtin_sub_overflow(x, y, &r->v[i])
                        : mul ? xi_mul_i64(x, y, &r->v[i])
                              : y != 0 && !(y == -1 && x == INT64_MIN);
            if (!fits) return false;
            if (!add && !sub && !mul) r->v[i] = x / y;
        } else if (hy && y == (add || sub ? 0 : 1)) {
            infer_copy_item(r, i, a, ia);
        } else if (hx && (add || mul) && x == (add ? 0 : 1)) {
            infer_copy_item(r, i, b, ib);
        } else {
            r->v[i] = XI_DIM_UNKNOWN;
            r->symbolic |= 1u << i;
        }
    }
    return true;
}

/* Contents of output 0 of a node, where they are small integers that can be told. */
static void infer_follow(infer_state *s, const xi_node *n)
{
    infer_ints r = {0};
    const infer_ints *in0 = n->input_count ? infer_of(s, n->inputs[0]) : NULL;
    bool told = false;
    if (!n->output_count || !n->outputs[0] || n->domain.len) return;
    if (xi_node_is(n, "Shape")) {
        told = infer_shape_op(n, &r);
    } else if (xi_node_is(n, "Gather")) {
        told = infer_gather_op(in0, infer_of(s, n->inputs[1]), &r);
    } else if (xi_node_is(n, "Concat")) {
        told = infer_concat_op(s, n, &r);
    } else if (xi_node_is(n, "Slice")) {
        told = infer_slice_op(s, n, in0, &r);
    } else if (xi_node_is(n, "Add") || xi_node_is(n, "Sub") || xi_node_is(n, "Mul") ||
               xi_node_is(n, "Div")) {
        told = infer_arithmetic_op(n, in0, infer_of(s, n->inputs[1]), &r);
    } else if (in0 &&
               (xi_node_is(n, "Unsqueeze") || xi_node_is(n, "Squeeze") ||
                xi_node_is(n, "Reshape") || xi_node_is(n, "Identity") ||
                (xi_node_is(n, "Cast") && xi_dtype_is_int((xinf_dtype)xi_node_int(n, "to", 0))))) {
        r = *in0;
        const xi_shape *shape = &n->outputs[0]->type.shape;
        told = shape->rank == 0 || shape->rank == 1;
        r.rank = shape->rank;
    }
    if (!told) return;
    infer_ints *kept = xi_arena_alloc(&s->scratch, sizeof *kept);
    if (!kept) return;
    *kept = r;
    s->ints[n->outputs[0]->id] = kept;
}

/* A literal for fully known contents, NULL otherwise. */
static const xi_literal *infer_literal(infer_state *s, const xi_value *v)
{
    if (v->literal) return v->literal;
    const infer_ints *k = s->ints[v->id];
    if (!k || k->symbolic) return NULL;
    bool narrow = v->type.dtype == XINF_INT32;
    xi_literal *l = xi_arena_alloc(&s->scratch, sizeof *l);
    int64_t *data = xi_arena_array(&s->scratch, (size_t)k->count + 1, sizeof *data);
    if (!l || !data || (v->type.dtype != XINF_INT64 && !narrow)) return NULL;
    for (int32_t i = 0; i < k->count; i++) xi_dtype_store_i64(data, v->type.dtype, i, k->v[i]);
    *l = (xi_literal){.dtype = v->type.dtype,
                      .shape = {.rank = k->rank, .dim = {k->count}},
                      .count = k->count,
                      .data = data,
                      .size = (size_t)k->count * (narrow ? 4 : 8)};
    return l;
}

/* Shapes that partly symbolic contents give to Reshape, Expand and ConstantOfShape. */
static void infer_symbolic_shape(infer_state *s, const xi_node *n, xi_type *out)
{
    bool reshape = xi_node_is(n, "Reshape"), fill = xi_node_is(n, "ConstantOfShape");
    if ((!reshape && !fill) || xi_shape_known(&out->shape)) return;
    const infer_ints *k = infer_of(s, n->inputs[reshape ? 1 : 0]);
    if (!k || k->rank != 1 || k->count > XI_MAX_RANK || !k->symbolic) return;
    const xi_shape *in = &n->inputs[0]->type.shape;
    xi_shape r = {.rank = k->count};
    for (int32_t i = 0; i < k->count; i++) {
        bool symbolic = k->symbolic >> i & 1;
        if (symbolic || k->v[i] > 0 || (k->v[i] == 0 && fill))
            r.dim[i] = k->v[i];
        else if (k->v[i] == 0 && i < in->rank && !xi_node_int(n, "allowzero", 0))
            r.dim[i] = in->dim[i];
        else
            r.dim[i] = XI_DIM_UNKNOWN;
    }
    out->shape = r;
}

/* The declared type of a value and what a rule found: the more exact of each part; a contradiction
 * in known dimensions is left to the run, because exporters write stale value_info. */
static void infer_merge(xi_type *into, const xi_type *found)
{
    if (found->kind != XINF_KIND_TENSOR) {
        /* A loop may be given an optional and declare that it always leaves something. */
        bool filled = into->kind == found->kind && !into->optional;
        *into = *found;
        if (filled) into->optional = false;
        return;
    }
    if (found->dtype != XINF_UNDEFINED) into->dtype = found->dtype;
    into->kind = XINF_KIND_TENSOR;
    if (found->shape.rank >= 0 &&
        (into->shape.rank != found->shape.rank || xi_shape_known(&found->shape))) {
        into->shape = found->shape;
        return;
    }
    for (int32_t i = 0; i < found->shape.rank; i++)
        if (found->shape.dim[i] != XI_DIM_UNKNOWN) into->shape.dim[i] = found->shape.dim[i];
}

static xinf_status infer_graph(infer_state *s, xi_graph *g);

static xinf_status infer_node(infer_state *s, xi_node *n)
{
    xinf_status status = XINF_OK;
    xi_arena *arena = n->graph->arena;
    const xi_type **in = xi_arena_array(&s->scratch, (size_t)n->input_count + 1, sizeof *in);
    const xi_literal **known = xi_arena_array(&s->scratch, (size_t)n->input_count + 1,
                                              sizeof *known);
    xi_type *out = xi_arena_array(&s->scratch, (size_t)n->output_count + 1, sizeof *out);
    if (!in || !known || !out) return xi_fail_memory(s->err, sizeof *out);
    for (int32_t a = 0; a < n->attr_count; a++)
        if (n->attrs[a].type == XI_ATTR_GRAPH) XI_TRY(infer_graph(s, n->attrs[a].graph));
    for (int32_t i = 0; i < n->input_count; i++) {
        in[i] = n->inputs[i] ? &n->inputs[i]->type : NULL;
        known[i] = n->inputs[i] ? infer_literal(s, n->inputs[i]) : NULL;
    }
    status = xi_node_infer(n, in, known, out, arena, s->err);
    if (status ==
        XINF_UNSUPPORTED) { /* remembered: the session that would run it refuses, with all others */
        n->refused = xi_arena_strndup(arena, s->err->message, strlen(s->err->message));
        status = n->refused ? XINF_OK : xi_fail_memory(s->err, 1);
    }
    if (status == XINF_MALFORMED &&
        n->graph->parent) { /* a branch that is never taken may contradict itself: the run tells */
        for (int32_t i = 0; i < n->output_count; i++) out[i] = XI_TYPE_UNKNOWN;
        status = XINF_OK;
    }
    if (status != XINF_OK) goto cleanup;
    if (n->output_count && n->op) infer_symbolic_shape(s, n, &out[0]);
    for (int32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i]) infer_merge(&n->outputs[i]->type, &out[i]);
    if (n->op) infer_follow(s, n);
cleanup:
    return status;
}

static xinf_status infer_graph(infer_state *s, xi_graph *g)
{
    for (xi_node *n = g->first; n; n = n->next) {
        xinf_status status = infer_node(s, n);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

xinf_status xi_graph_infer(xi_graph *g, xinf_error *err)
{
    const xinf_allocator *alloc = &g->arena->alloc;
    xinf_error own = XINF_ERROR_INIT;
    infer_state s = {.size = (size_t)g->family->next_value + 1, .err = err ? err : &own};
    s.ints = xi_calloc(alloc, s.size, sizeof *s.ints);
    if (!s.ints) return xi_fail_memory(err, s.size * sizeof *s.ints);
    xi_arena_init(&s.scratch, alloc, 0);
    xinf_status status = infer_graph(&s, g);
    xi_arena_reset(&s.scratch);
    xi_free(alloc, s.ints, s.size * sizeof *s.ints);
    return status;
}
