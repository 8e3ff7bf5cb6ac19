/* scope.c — computes the values that are asked for: what a node reads comes first, in any order of
 * the file, without recursion. */
#include "base/allocator.h"
#include "import/tensorflow/importer.h"
#include "import/tensorflow/table.h"

enum { SCOPE_MAX_INPUTS = 100000 };

void xi_tf_body_init(xi_tf_body *b, const xinf_allocator *alloc, Tf__Node *const *nodes,
                     size_t count, const Tf__FunctionDef *f)
{
    *b = (xi_tf_body){.nodes = nodes, .count = count, .function = f};
    xi_onnx_names_init(&b->names, alloc);
}

static xinf_status scope_index(xi_tf_importer *im, xi_tf_body *b)
{
    for (size_t i = 0; i < b->count; i++) {
        xi_str name = xi_tf_str(b->nodes[i]->name);
        if (!name.len)
            return xi_fail(im->err, XINF_MALFORMED, "TensorFlow graph: node %zu has no name", i);
        if (!b->nodes[i]->op.len)
            return xi_fail(im->err, XINF_MALFORMED, "node %.*s has no operator", XI_STR_ARG(name));
        if (xi_onnx_names_find(&b->names, name))
            return xi_fail(im->err, XINF_MALFORMED, "two nodes have the name \"%.*s\"",
                           XI_STR_ARG(name));
        xi_onnx_name *entry = xi_onnx_names_add(&b->names, name);
        if (!entry) return xi_fail_memory(im->err, sizeof *entry);
        entry->index = (uint32_t)i;
    }
    return XINF_OK;
}

xinf_status xi_tf_body_prepare(xi_tf_importer *im, xi_tf_body *b)
{
    if (b->ready) return XINF_OK;
    if (b->count >= UINT32_MAX)
        return xi_fail(im->err, XINF_LIMIT, "TensorFlow graph: it has too many nodes");
    if (!b->refs) b->refs = xi_calloc(&im->alloc, b->count + 1, sizeof *b->refs);
    if (!b->refs) return xi_fail_memory(im->err, b->count * sizeof *b->refs);
    xinf_status status = scope_index(im, b);
    if (status) xi_onnx_names_free(&b->names);
    b->ready = status == XINF_OK;
    return status;
}

void xi_tf_body_free(xi_tf_importer *im, xi_tf_body *b)
{
    xi_tf_frames_free(im, b);
    xi_onnx_names_free(&b->names);
    xi_free(&im->alloc, b->refs, (b->count + 1) * sizeof *b->refs);
    b->refs = NULL;
}

/* ---- references ---- */

/* Where a named output of an operator begins among its outputs; operators with one named output
 * begin at 0. */
static int32_t scope_named_output(xi_str op, xi_str name)
{
    static const struct {
        const char *op, *names[6];
    } rows[] = {
        {"TopKV2", {"values", "indices"}},
        {"TopK", {"values", "indices"}},
        {"Unique", {"y", "idx"}},
        {"UniqueV2", {"y", "idx"}},
        {"UniqueWithCounts", {"y", "idx", "count"}},
        {"FusedBatchNorm",
         {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"}},
        {"FusedBatchNormV2",
         {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"}},
        {"FusedBatchNormV3",
         {"y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2",
          "reserve_space_3"}},
        {"NonMaxSuppressionV4", {"selected_indices", "valid_outputs"}},
        {"NonMaxSuppressionV5", {"selected_indices", "selected_scores", "valid_outputs"}},
        {"CombinedNonMaxSuppression",
         {"nmsed_boxes", "nmsed_scores", "nmsed_classes", "valid_detections"}},
        {"TensorListPopBack", {"output_handle", "tensor"}},
        {"Switch", {"output_false", "output_true"}},
        {"RefSwitch", {"output_false", "output_true"}},
        {"Merge", {"output", "value_index"}},
        {"BroadcastGradientArgs", {"r0", "r1"}},
        {"MaxPoolWithArgmax", {"output", "argmax"}},
        {"TensorArrayV3", {"handle", "flow"}},
        {"SoftmaxCrossEntropyWithLogits", {"loss", "backprop"}},
        {"SparseSoftmaxCrossEntropyWithLogits", {"loss", "backprop"}},
        {"Qr", {"q", "r"}},
        {"Svd", {"s", "u", "v"}},
        {"CTCGreedyDecoder",
         {"decoded_indices", "decoded_values", "decoded_shape", "log_probability"}},
        {"BlockLSTM", {"i", "cs", "f", "o", "ci", "co"}},
        {"Moments", {"mean", "variance"}},
        {"StringSplit", {"indices", "values", "shape"}},
        {"StringSplitV2", {"indices", "values", "shape"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int32_t k = 0; xi_str_is(op, rows[i].op) && k < 6 && rows[i].names[k]; k++)
            if (xi_str_is(name, rows[i].names[k])) return k;
    if (xi_str_is(op, "BlockLSTM") && xi_str_is(name, "h")) return 6;
    return 0;
}

static bool scope_number(xi_str text, int32_t *out)
{
    int64_t v = 0;
    if (!text.len || text.len > 6) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        v = v * 10 + (text.ptr[i] - '0');
    }
    *out = (int32_t)v;
    return v < XI_TF_MAX_OUTPUTS;
}

static int32_t scope_argument(const Tf__FunctionDef *f, xi_str name)
{
    for (size_t i = 0; f && f->signature && i < f->signature->n_input_arg; i++)
        if (xi_str_eq(xi_tf_str(f->signature->input_arg[i]->name), name)) return (int32_t)i;
    return -1;
}

xinf_status xi_tf_ref_parse(xi_tf_ref *out, xi_tf_importer *im, const xi_tf_body *b, xi_str text,
                            xi_str user)
{
    xi_str rest = {NULL, 0}, name = text;
    *out = (xi_tf_ref){.node = UINT32_MAX};
    if (name.len && name.ptr[0] == '^') {
        out->control = true;
        name = (xi_str){name.ptr + 1, name.len - 1};
    }
    const char *colon = name.len ? memchr(name.ptr, ':', name.len) : NULL;
    if (colon) {
        rest = (xi_str){colon + 1, name.len - (size_t)(colon + 1 - name.ptr)};
        name.len = (size_t)(colon - name.ptr);
    }
    int32_t argument = scope_argument(b->function, name);
    if (argument >= 0) {
        out->output = argument;
        return XINF_OK;
    }
    const xi_onnx_name *found = xi_onnx_names_find(&b->names, name);
    if (!found)
        return xi_fail(im->err, XINF_MALFORMED, "node %.*s reads \"%.*s\", which nothing makes",
                       XI_STR_ARG(user), XI_STR_ARG(text));
    out->node = found->index;
    const char *second = rest.len ? memchr(rest.ptr, ':', rest.len) : NULL;
    if (!rest.len || scope_number(rest, &out->output)) return XINF_OK;
    if (!b->function)
        return xi_fail(im->err, XINF_MALFORMED, "node %.*s reads \"%.*s\", which is no output",
                       XI_STR_ARG(user), XI_STR_ARG(text));
    xi_str arg = {rest.ptr, second ? (size_t)(second - rest.ptr) : rest.len};
    if (second && !scope_number((xi_str){second + 1, rest.len - arg.len - 1}, &out->output))
        return xi_fail(im->err, XINF_MALFORMED, "node %.*s reads \"%.*s\", which is no output",
                       XI_STR_ARG(user), XI_STR_ARG(text));
    out->output += scope_named_output(xi_tf_str(b->nodes[out->node]->op), arg);
    return XINF_OK;
}

static xinf_status scope_refs(xi_tf_ref **out, xi_tf_importer *im, xi_tf_body *b, const Tf__Node *n)
{
    xinf_status status = XINF_OK;
    if (n->n_input > SCOPE_MAX_INPUTS)
        return xi_fail(im->err, XINF_LIMIT, "node %.*s has %zu inputs",
                       XI_STR_ARG(xi_tf_str(n->name)), n->n_input);
    xi_tf_ref *refs = xi_arena_array(&im->family->arena, n->n_input + 1, sizeof *refs);
    if (!refs) return xi_tf_no_memory(im);
    for (size_t i = 0; i < n->n_input && !status; i++)
        status = xi_tf_ref_parse(&refs[i], im, b, xi_tf_str(n->input[i]), xi_tf_str(n->name));
    *out = refs;
    return status;
}

const xi_tf_ref *xi_tf_body_refs(xi_tf_importer *im, xi_tf_body *b, uint32_t index)
{
    xi_tf_ref *refs = NULL;
    if (b->refs[index]) return b->refs[index];
    xinf_status status = scope_refs(&refs, im, b, b->nodes[index]);
    if (status) {
        im->refs_status = status;
        return NULL;
    }
    return b->refs[index] = refs;
}

/* ---- values ---- */

xinf_status xi_tf_scope_init(xi_tf_scope *s, xi_tf_importer *im, xi_tf_body *body, xi_graph *graph)
{
    *s = (xi_tf_scope){.body = body, .graph = graph};
    s->values = xi_calloc(&im->alloc, body->count + 1, sizeof *s->values);
    im->steps += body->count / 64;
    return s->values ? XINF_OK : xi_fail_memory(im->err, body->count * sizeof *s->values);
}

void xi_tf_scope_free(xi_tf_scope *s, xi_tf_importer *im)
{
    if (s->values) xi_free(&im->alloc, s->values, (s->body->count + 1) * sizeof *s->values);
    s->values = NULL;
}

xi_tf_outputs *xi_tf_scope_find(const xi_tf_scope *s, uint32_t node)
{
    for (; s; s = s->outer)
        if (s->values[node] && s->values[node]->done) return s->values[node];
    return NULL;
}

static xi_tf_outputs *scope_make(xi_tf_importer *im, xi_tf_scope *s, uint32_t node)
{
    if (!s->values[node])
        s->values[node] = xi_arena_alloc(&im->family->arena, sizeof *s->values[node]);
    return s->values[node];
}

xinf_status xi_tf_scope_preset(xi_tf_importer *im, xi_tf_scope *s, uint32_t node, int32_t output,
                               xi_tf_value v)
{
    xi_tf_outputs *o = scope_make(im, s, node);
    xi_tf_call c = {.im = im, .scope = s, .out = o};
    if (!o) return xi_tf_no_memory(im);
    xi_tf_give_value(&c, output, &v);
    o->done = true;
    return c.status;
}

/* The slot a reference stands for, once it is computed. */
static xi_tf_value *scope_value(xi_tf_importer *im, const xi_tf_scope *s, xi_tf_ref ref)
{
    xi_tf_outputs *o = ref.node == UINT32_MAX ? NULL : xi_tf_scope_find(s, ref.node);
    if (ref.node == UINT32_MAX)
        return ref.output < s->arg_count ? (xi_tf_value *)(uintptr_t)&s->args[ref.output] : NULL;
    if (!o) return NULL;
    if (o->refused || (o->count == 1 && o->items[0].v && o->items[0].v->producer &&
                       o->items[0].v->producer->refused))
        return &o->items[0];
    if (ref.output < o->count && o->items[ref.output].given) return &o->items[ref.output];
    (void)im;
    return NULL;
}

static xinf_status scope_missing(xi_tf_importer *im, const xi_tf_scope *s, xi_tf_ref ref,
                                 const Tf__Node *user)
{
    xi_str who = user ? xi_tf_str(user->name) : XI_STR("the model");
    xi_str what = ref.node == UINT32_MAX ? XI_STR("an argument")
                                         : xi_tf_str(s->body->nodes[ref.node]->name);
    return xi_fail(im->err, XINF_MALFORMED,
                   "node %.*s reads output %d of %.*s, which gives no such output", XI_STR_ARG(who),
                   (int)ref.output, XI_STR_ARG(what));
}

static xinf_status scope_compute(xi_tf_importer *im, xi_tf_scope *s, uint32_t index,
                                 xi_tf_needs needs)
{
    const Tf__Node *n = s->body->nodes[index];
    xi_tf_call c = {.im = im,
                    .scope = s,
                    .node = n,
                    .index = index,
                    .out = s->values[index],
                    .row = xi_tf_row_find(xi_tf_str(n->op))};
    xi_tf_value *few[8];
    size_t size = needs.count * sizeof *c.in;
    bool frame = xi_str_is(xi_tf_str(n->op), "Merge") || xi_str_is(xi_tf_str(n->op), "Exit") ||
                 xi_str_is(xi_tf_str(n->op), "RefMerge") || xi_str_is(xi_tf_str(n->op), "RefExit");
    c.in = needs.count <= 8 ? few : xi_alloc(&im->alloc, size);
    if (!c.in) return xi_fail_memory(im->err, size);
    for (size_t i = 0; i < needs.count && !c.status; i++) {
        if (needs.refs[i].control) continue;
        xi_tf_value *v = scope_value(im, s, needs.refs[i]);
        if (!v && !frame) c.status = scope_missing(im, s, needs.refs[i], n);
        c.in[c.in_count++] = v;
    }
    if (++im->steps > im->limits.max_steps)
        c.status = xi_fail(im->err, XINF_LIMIT, "the model has more than the %llu nodes allowed",
                           (unsigned long long)im->limits.max_steps);
    bool complex = !c.status && xi_tf_complex(&c);
    if (!c.status && c.row && !complex) c.row->fn(&c);
    if (!c.status && !c.row && !complex)
        xi_tf_refuse(&c, "this build has no translation for the operator");
    if (needs.count > 8) xi_free(&im->alloc, c.in, size);
    c.out->done = true;
    c.out->open = false;
    return c.status;
}

typedef struct scope_entry {
    uint32_t node;
    size_t next;
    xi_tf_needs needs;
} scope_entry;

typedef struct scope_stack {
    scope_entry *items;
    size_t count, capacity;
} scope_stack;

static xinf_status scope_push(scope_stack *st, xi_tf_importer *im, xi_tf_scope *s, uint32_t node)
{
    xi_tf_outputs *o = scope_make(im, s, node);
    if (!o) return xi_tf_no_memory(im);
    if (o->open)
        return xi_fail(im->err, XINF_MALFORMED,
                       "node %.*s (%.*s) needs its own result: the graph has a cycle",
                       XI_STR_ARG(xi_tf_str(s->body->nodes[node]->name)),
                       XI_STR_ARG(xi_tf_str(s->body->nodes[node]->op)));
    o->open = true;
    if (!xi_grow(&im->alloc, (void **)&st->items, &st->capacity, st->count + 1, sizeof *st->items))
        return xi_fail_memory(im->err, st->capacity * sizeof *st->items);
    scope_entry *e = &st->items[st->count++];
    *e = (scope_entry){.node = node};
    return xi_tf_frame_needs(&e->needs, im, s->body, node);
}

static xinf_status scope_run(scope_stack *st, xi_tf_importer *im, xi_tf_scope *s)
{
    while (st->count) {
        scope_entry *e = &st->items[st->count - 1];
        uint32_t node = e->node;
        xinf_status status = XINF_OK;
        bool pushed = false;
        /* A push may move the stack: e is not looked at after it. */
        while (!pushed && !status && e->next < e->needs.count) {
            xi_tf_ref ref = e->needs.refs[e->next++];
            if (ref.node == UINT32_MAX || (ref.control && !im->effects) ||
                xi_tf_scope_find(s, ref.node))
                continue;
            status = scope_push(st, im, s, ref.node);
            pushed = true;
        }
        if (status) return status;
        if (pushed) continue;
        status = scope_compute(im, s, node, e->needs);
        if (status) return status;
        st->count--;
    }
    return XINF_OK;
}

xinf_status xi_tf_eval(xi_tf_value **out, xi_tf_importer *im, xi_tf_scope *s, xi_tf_ref ref)
{
    xinf_status status = XINF_OK;
    scope_stack st = {0};
    *out = NULL;
    if (ref.node != UINT32_MAX && !xi_tf_scope_find(s, ref.node)) {
        XI_TRY(scope_push(&st, im, s, ref.node));
        XI_TRY(scope_run(&st, im, s));
    }
    *out = scope_value(im, s, ref);
    if (!*out && !ref.control) status = scope_missing(im, s, ref, NULL);
cleanup:
    xi_free(&im->alloc, st.items, st.capacity * sizeof *st.items);
    return status;
}
