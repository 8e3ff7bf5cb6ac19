/* frame.c — old-style control flow. A loop is the nodes between Enter and Exit of one frame: each
 * carried value is a Merge of an Enter and a NextIteration, and a Switch on the loop's condition
 * sends it to the body or to an Exit. A branch is a Merge of values that come from different sides
 * of Switches on one condition. */
#include "base/allocator.h"
#include "import/tensorflow/importer.h"

enum { FRAME_HOPS = 32, FRAME_SIDES = 64 };

typedef struct tf_frame_var {
    uint32_t merge;
    xi_tf_ref next; /* the NextIteration's input */
    uint32_t enter;
    bool invariant;
    uint32_t in_frame; /* index + 1 of the next variable of the frame */
} tf_frame_var;

typedef struct tf_frame_info {
    xi_tf_ref condition; /* what LoopCond reads */
    bool has_condition;
    uint32_t first_var; /* index + 1 */
    int32_t var_count;
    xi_tf_ref *enters;
    size_t enter_count;
} tf_frame_info;

typedef struct xi_tf_frames {
    uint32_t *of;     /* per node: frame + 1 of an Enter, a loop's Merge, or an Exit */
    uint32_t *var_of; /* per node: variable + 1 of a loop's Merge or an Exit */
    tf_frame_info *frames;
    size_t tf_frame_count, tf_frame_capacity;
    tf_frame_var *vars;
    size_t var_count, var_capacity;
    xi_tf_needs *needs; /* per node, of Merges */
} xi_tf_frames;

static bool tf_frame_op(const xi_tf_body *b, uint32_t node, const char *op)
{
    xi_str name = xi_tf_str(b->nodes[node]->op);
    if (name.len > 3 && memcmp(name.ptr, "Ref", 3) == 0)
        name = (xi_str){name.ptr + 3, name.len - 3};
    return xi_str_is(name, op);
}

/* The data input `k` of a node; false when it has none that is a node. */
static bool tf_frame_input(xi_tf_ref *out, xi_tf_importer *im, xi_tf_body *b, uint32_t node,
                           size_t k)
{
    const xi_tf_ref *refs = xi_tf_body_refs(im, b, node);
    if (!refs || k >= b->nodes[node]->n_input || refs[k].control || refs[k].node == UINT32_MAX)
        return false;
    *out = refs[k];
    return true;
}

static xinf_status tf_frame_enters(xi_tf_importer *im, xi_tf_body *b, xi_tf_frames *f)
{
    xinf_status status = XINF_OK;
    xi_onnx_names names;
    xi_onnx_names_init(&names, &im->alloc);
    for (uint32_t i = 0; i < b->count; i++) {
        if (!tf_frame_op(b, i, "Enter")) continue;
        const Tf__Attr *a = xi_tf_node_attr(b->nodes[i], "frame_name");
        xi_str name = a && a->has_s ? xi_tf_str(a->s) : XI_STR("");
        xi_onnx_name *entry = xi_onnx_names_find(&names, name);
        if (!entry) {
            entry = xi_onnx_names_add(&names, name);
            if (!entry || !xi_grow(&im->alloc, (void **)&f->frames, &f->tf_frame_capacity,
                                   f->tf_frame_count + 1, sizeof *f->frames))
                XI_TRY(xi_fail_memory(im->err, sizeof *f->frames));
            entry->index = (uint32_t)f->tf_frame_count;
            f->frames[f->tf_frame_count++] = (tf_frame_info){0};
        }
        f->of[i] = entry->index + 1;
        f->frames[entry->index].enter_count++;
    }
    for (size_t i = 0; i < f->tf_frame_count; i++) {
        f->frames[i].enters = xi_arena_array(&im->family->arena, f->frames[i].enter_count,
                                             sizeof *f->frames[i].enters);
        if (!f->frames[i].enters) XI_TRY(xi_tf_no_memory(im));
        f->frames[i].enter_count = 0;
    }
    for (uint32_t i = 0; i < b->count && f->tf_frame_count; i++) {
        if (!f->of[i]) continue;
        tf_frame_info *frame = &f->frames[f->of[i] - 1];
        frame->enters[frame->enter_count++] = (xi_tf_ref){.node = i};
    }
cleanup:
    xi_onnx_names_free(&names);
    return status;
}

/* Does the next round get the value that this one had? */
static bool tf_frame_invariant(xi_tf_importer *im, xi_tf_body *b, xi_tf_ref next, uint32_t merge)
{
    xi_tf_ref ref = next;
    for (int i = 0; i < FRAME_HOPS; i++) {
        if (tf_frame_op(b, ref.node, "Switch") && ref.output == 1)
            return tf_frame_input(&ref, im, b, ref.node, 0) && ref.node == merge;
        if (!tf_frame_op(b, ref.node, "Identity") || !tf_frame_input(&ref, im, b, ref.node, 0))
            return false;
    }
    return false;
}

static xinf_status tf_frame_merge(xi_tf_importer *im, xi_tf_body *b, xi_tf_frames *f, uint32_t node)
{
    xi_tf_ref a, c, next;
    if (!tf_frame_input(&a, im, b, node, 0) || !tf_frame_input(&c, im, b, node, 1)) return XINF_OK;
    if (tf_frame_op(b, c.node, "Enter")) {
        xi_tf_ref t = a;
        a = c, c = t;
    }
    if (!tf_frame_op(b, a.node, "Enter") || !f->of[a.node]) return XINF_OK;
    if (!tf_frame_op(b, c.node, "NextIteration") || !tf_frame_input(&next, im, b, c.node, 0))
        return xi_fail(
            im->err, XINF_UNSUPPORTED,
            "node %.*s (Merge): the loop around it has no structure that can be followed",
            XI_STR_ARG(xi_tf_str(b->nodes[node]->name)));
    if (!xi_grow(&im->alloc, (void **)&f->vars, &f->var_capacity, f->var_count + 1,
                 sizeof *f->vars))
        return xi_fail_memory(im->err, sizeof *f->vars);
    tf_frame_info *frame = &f->frames[f->of[a.node] - 1];
    f->vars[f->var_count] = (tf_frame_var){.merge = node,
                                           .next = next,
                                           .enter = a.node,
                                           .in_frame = frame->first_var,
                                           .invariant = tf_frame_invariant(im, b, next, node)};
    frame->first_var = f->var_of[node] = (uint32_t)++f->var_count;
    frame->var_count++;
    f->of[node] = f->of[a.node];
    return XINF_OK;
}

static void tf_frame_switch(xi_tf_importer *im, xi_tf_body *b, xi_tf_frames *f, uint32_t node)
{
    xi_tf_ref data, cond, inner;
    if (!tf_frame_input(&data, im, b, node, 0) || !tf_frame_input(&cond, im, b, node, 1) ||
        !f->var_of[data.node])
        return;
    if (!tf_frame_op(b, cond.node, "LoopCond") || !tf_frame_input(&inner, im, b, cond.node, 0))
        return;
    tf_frame_info *frame = &f->frames[f->of[data.node] - 1];
    frame->condition = inner;
    frame->has_condition = true;
}

static void tf_frame_exit(xi_tf_importer *im, xi_tf_body *b, xi_tf_frames *f, uint32_t node)
{
    xi_tf_ref s, m;
    if (!tf_frame_input(&s, im, b, node, 0) || !tf_frame_op(b, s.node, "Switch") ||
        !tf_frame_input(&m, im, b, s.node, 0))
        return;
    f->of[node] = f->of[m.node];
    f->var_of[node] = f->var_of[m.node];
}

static xinf_status tf_frame_build(xi_tf_importer *im, xi_tf_body *b)
{
    xinf_status status;
    xi_tf_frames *f = xi_calloc(&im->alloc, 1, sizeof *f);
    if (!f) return xi_fail_memory(im->err, sizeof *f);
    b->frames = f;
    f->of = xi_calloc(&im->alloc, b->count + 1, sizeof *f->of);
    f->var_of = xi_calloc(&im->alloc, b->count + 1, sizeof *f->var_of);
    f->needs = xi_calloc(&im->alloc, b->count + 1, sizeof *f->needs);
    if (!f->of || !f->var_of || !f->needs) return xi_fail_memory(im->err, b->count * 8);
    XI_TRY(tf_frame_enters(im, b, f));
    for (uint32_t i = 0; i < b->count && f->tf_frame_count; i++)
        if (tf_frame_op(b, i, "Merge")) XI_TRY(tf_frame_merge(im, b, f, i));
    for (uint32_t i = 0; i < b->count && f->tf_frame_count; i++) {
        if (tf_frame_op(b, i, "Switch")) tf_frame_switch(im, b, f, i);
        if (tf_frame_op(b, i, "Exit")) tf_frame_exit(im, b, f, i);
    }
    status = im->refs_status;
cleanup:
    return status;
}

void xi_tf_frames_free(xi_tf_importer *im, xi_tf_body *b)
{
    xi_tf_frames *f = b->frames;
    if (!f) return;
    xi_free(&im->alloc, f->of, (b->count + 1) * sizeof *f->of);
    xi_free(&im->alloc, f->var_of, (b->count + 1) * sizeof *f->var_of);
    xi_free(&im->alloc, f->needs, (b->count + 1) * sizeof *f->needs);
    xi_free(&im->alloc, f->frames, f->tf_frame_capacity * sizeof *f->frames);
    xi_free(&im->alloc, f->vars, f->var_capacity * sizeof *f->vars);
    xi_free(&im->alloc, f, sizeof *f);
    b->frames = NULL;
}

/* ---- branches ---- */

/* A walk backwards from one input of a Merge. seen: per node, which input's walk was there last. */
typedef struct tf_frame_walk {
    uint32_t *seen, *stack;
    size_t depth;
} tf_frame_walk;

typedef struct tf_frame_side {
    xi_tf_ref pred;
    uint32_t ports; /* bit set of outputs that lead here */
} tf_frame_side;

static bool tf_frame_is_switch(const xi_tf_body *b, uint32_t node)
{
    return tf_frame_op(b, node, "Switch") || xi_str_is(xi_tf_str(b->nodes[node]->op), "_SwitchN");
}

static bool tf_frame_same(xi_tf_ref a, xi_tf_ref b)
{
    return a.node == b.node && a.output == b.output;
}

static void tf_frame_side_add(tf_frame_side *sides, int32_t *count, xi_tf_ref pred, int32_t port)
{
    int32_t i = 0;
    while (i < *count && !tf_frame_same(sides[i].pred, pred)) i++;
    if (i == FRAME_SIDES || port > 31) return;
    if (i == *count) sides[(*count)++] = (tf_frame_side){pred, 0};
    sides[i].ports |= 1u << port;
}

/* All Switches that lead to `from`, with the outputs that do; or, with `only`, what the Switches on
 * that condition read. */
static xinf_status tf_frame_back(xi_tf_importer *im, xi_tf_body *b, tf_frame_walk *w, uint32_t mark,
                                 xi_tf_ref from, tf_frame_side *sides, int32_t *side_count,
                                 const xi_tf_ref *only, xi_tf_ref *data, size_t *data_count)
{
    xi_tf_ref start = from;
    w->depth = 0;
    uint32_t node = start.node;
    int32_t port = start.output;
    if (node == UINT32_MAX) return XINF_OK;
    for (;;) {
        const xi_tf_ref *refs = xi_tf_body_refs(im, b, node);
        if (!refs) return im->refs_status;
        for (size_t i = 0; i <= b->nodes[node]->n_input; i++) {
            xi_tf_ref r = i ? refs[i - 1] : (xi_tf_ref){.node = node, .output = port};
            xi_tf_ref pred;
            if (i == 0 && node != start.node) continue;
            if (r.node == UINT32_MAX) continue;
            if (tf_frame_is_switch(b, r.node) && tf_frame_input(&pred, im, b, r.node, 1) &&
                !tf_frame_op(b, pred.node, "LoopCond")) {
                if (sides && !r.control) tf_frame_side_add(sides, side_count, pred, r.output);
                if (only && tf_frame_same(pred, *only)) {
                    xi_tf_ref d;
                    if (w->seen[r.node] != mark && tf_frame_input(&d, im, b, r.node, 0))
                        data[(*data_count)++] = d;
                    w->seen[r.node] = mark;
                    continue;
                }
            }
            if (i == 0 || w->seen[r.node] == mark || tf_frame_op(b, r.node, "NextIteration"))
                continue;
            w->seen[r.node] = mark;
            w->stack[w->depth++] = r.node;
            im->steps++;
        }
        if (im->refs_status) return im->refs_status;
        if (im->steps > im->limits.max_steps)
            return xi_fail(im->err, XINF_LIMIT, "the model's branches are nested too often");
        if (!w->depth) return XINF_OK;
        node = w->stack[--w->depth];
        port = 0;
    }
}

/* The condition that tells a Merge's inputs apart: on every input exactly one side of it, not the
 * same on all. */
static bool tf_frame_choose_side(xi_tf_ref *out, uint32_t *ports,
                                 tf_frame_side (*sides)[FRAME_SIDES], const int32_t *counts,
                                 int32_t inputs)
{
    for (int32_t k = 0; k < counts[0]; k++) {
        uint32_t all = 0;
        bool fits = true;
        for (int32_t i = 0; i < inputs && fits; i++) {
            int32_t j = 0;
            while (j < counts[i] && !tf_frame_same(sides[i][j].pred, sides[0][k].pred)) j++;
            uint32_t p = j < counts[i] ? sides[i][j].ports : 0;
            fits = p && !(p & (p - 1)) && !(all & p);
            all |= p;
            ports[i] = p;
        }
        *out = sides[0][k].pred;
        if (fits) return true;
    }
    return false;
}

typedef struct tf_frame_scratch {
    tf_frame_side sides[32][FRAME_SIDES];
    int32_t counts[32];
    uint32_t ports[32];
} tf_frame_scratch;

/* refs: what the Switches read, then the condition; output numbers of the sides follow as control
 * references. */
static xinf_status tf_frame_branch(xi_tf_needs *out, xi_tf_importer *im, xi_tf_body *b,
                                   uint32_t index, tf_frame_walk *w, tf_frame_scratch *s)
{
    const Tf__Node *n = b->nodes[index];
    const xi_tf_ref *refs = xi_tf_body_refs(im, b, index);
    int32_t inputs = 0;
    xi_tf_ref pred;
    if (!refs) return im->refs_status;
    while ((size_t)inputs < n->n_input && inputs < 32 && !refs[inputs].control) inputs++;
    for (int32_t i = 0; i < inputs; i++) {
        s->counts[i] = 0;
        xinf_status status = tf_frame_back(im, b, w, (uint32_t)i + 1, refs[i], s->sides[i],
                                           &s->counts[i], NULL, NULL, NULL);
        if (status) return status;
    }
    if (inputs < 2 || !tf_frame_choose_side(&pred, s->ports, s->sides, s->counts, inputs))
        return xi_fail(
            im->err, XINF_UNSUPPORTED,
            "node %.*s (Merge): the branches before it have no structure that can be followed",
            XI_STR_ARG(xi_tf_str(n->name)));
    size_t room = b->count + (size_t)inputs + 1, count = 0;
    xi_tf_ref *data = xi_alloc(&im->alloc, room * sizeof *data);
    if (!data) return xi_fail_memory(im->err, room * sizeof *data);
    xinf_status status = XINF_OK;
    for (int32_t i = 0; i < inputs && !status; i++)
        status = tf_frame_back(im, b, w, 64 + 1, refs[i], NULL, NULL, &pred, data, &count);
    xi_tf_ref *kept = status ? NULL
                             : xi_arena_array(&im->family->arena, count + 1 + (size_t)inputs,
                                              sizeof *kept);
    if (kept) {
        if (count) memcpy(kept, data, count * sizeof *kept);
        kept[count++] = pred;
        for (int32_t i = 0; i < inputs; i++) {
            int32_t port = 0;
            while (!(s->ports[i] >> port & 1)) port++;
            kept[count + (size_t)i] = (xi_tf_ref){
                .node = UINT32_MAX, .output = port, .control = true};
        }
        *out = (xi_tf_needs){kept, count};
    } else if (!status) {
        status = xi_tf_no_memory(im);
    }
    xi_free(&im->alloc, data, room * sizeof *data);
    return status;
}

static xinf_status tf_frame_merge_needs(xi_tf_needs *out, xi_tf_importer *im, xi_tf_body *b,
                                        uint32_t index)
{
    tf_frame_walk w = {.seen = xi_calloc(&im->alloc, b->count + 1, sizeof *w.seen),
                       .stack = xi_alloc(&im->alloc, (b->count + 1) * sizeof *w.stack)};
    tf_frame_scratch *s = xi_calloc(&im->alloc, 1, sizeof *s);
    xinf_status status = w.seen && w.stack && s ? tf_frame_branch(out, im, b, index, &w, s)
                                                : xi_fail_memory(im->err, b->count * 8);
    xi_free(&im->alloc, w.seen, (b->count + 1) * sizeof *w.seen);
    xi_free(&im->alloc, w.stack, (b->count + 1) * sizeof *w.stack);
    xi_free(&im->alloc, s, sizeof *s);
    return status;
}

xinf_status xi_tf_frame_needs(xi_tf_needs *out, xi_tf_importer *im, xi_tf_body *b, uint32_t index)
{
    bool merge = tf_frame_op(b, index, "Merge"), exits = tf_frame_op(b, index, "Exit");
    *out = (xi_tf_needs){xi_tf_body_refs(im, b, index), b->nodes[index]->n_input};
    if (!out->refs) return im->refs_status;
    if (!merge && !exits) return XINF_OK;
    xinf_status status = b->frames ? XINF_OK : tf_frame_build(im, b);
    if (status) return status;
    xi_tf_frames *f = b->frames;
    if (exits && f->of[index])
        *out = (xi_tf_needs){f->frames[f->of[index] - 1].enters,
                             f->frames[f->of[index] - 1].enter_count};
    if (exits && f->of[index]) return XINF_OK;
    if (exits || f->of[index])
        return xi_fail(im->err, XINF_UNSUPPORTED,
                       "node %.*s (%.*s): the loop around it has no structure that can be followed",
                       XI_STR_ARG(xi_tf_str(b->nodes[index]->name)),
                       XI_STR_ARG(xi_tf_str(b->nodes[index]->op)));
    if (!f->needs[index].refs) status = tf_frame_merge_needs(&f->needs[index], im, b, index);
    *out = f->needs[index];
    return status;
}

/* ---- building ---- */

static xinf_status tf_frame_scope(xi_tf_scope *s, xi_tf_call *c, xi_graph *graph)
{
    xinf_status status = xi_tf_scope_init(s, c->im, c->scope->body, graph);
    s->outer = c->scope;
    s->caller = c->scope->caller;
    s->call = c->scope->call;
    s->args = c->scope->args;
    s->arg_count = c->scope->arg_count;
    s->depth = c->scope->depth + 1;
    if (!status && s->depth > c->im->limits.max_depth)
        status = xi_fail(c->im->err, XINF_LIMIT,
                         "node %.*s: loops and branches are nested more than %u deep",
                         XI_STR_ARG(xi_tf_str(c->node->name)), c->im->limits.max_depth);
    return status;
}

/* Computes one input of a Merge in a graph of its own. */
static xi_graph *tf_frame_side_build(xi_tf_call *c, xi_tf_ref ref)
{
    xi_tf_scope inner;
    xi_tf_value *v;
    xi_graph *g = xi_graph_create(c->im->family, c->scope->graph, XI_STR("branch"));
    xinf_status status = g ? tf_frame_scope(&inner, c, g) : xi_tf_no_memory(c->im);
    if (!g) {
        c->status = status;
        return NULL;
    }
    if (!status) status = xi_tf_eval(&v, c->im, &inner, ref);
    if (!status) {
        xi_tf_call in = *c;
        in.scope = &inner;
        xi_value *x = xi_tf_tensor(&in, v);
        status = in.status ? in.status
                 : x       ? xi_tf_graph_outputs(c->im, g, &x, 1)
                     : xi_fail(c->im->err, XINF_UNSUPPORTED, "node %.*s: a branch gives no tensor",
                               XI_STR_ARG(xi_tf_str(c->node->name)));
    }
    xi_tf_scope_free(&inner, c->im);
    if (status) c->status = status;
    return status ? NULL : g;
}

/* Merge with inputs i … of sides port[i]: If(pred is that side) … else the rest. */
static xi_value *tf_frame_choice(xi_tf_call *c, xi_value *pred, const xi_tf_ref *refs,
                                 const xi_tf_ref *ports, int32_t i, int32_t count)
{
    xi_value *cond = xi_tf_dtype_of(pred) == XINF_BOOL
                         ? pred
                         : xi_tf_op2(c, "Equal", pred, xi_tf_like(c, pred, ports[i].output));
    xi_graph *here = tf_frame_side_build(c, refs[i]), *rest = NULL;
    if (!here || !cond) return NULL;
    if (i + 2 == count) {
        rest = tf_frame_side_build(c, refs[i + 1]);
    } else {
        rest = xi_graph_create(c->im->family, c->scope->graph, XI_STR("branch"));
        xi_tf_scope inner = *c->scope;
        xi_tf_call in = *c;
        inner.graph = rest;
        in.scope = &inner;
        xi_value *v = rest ? tf_frame_choice(&in, pred, refs, ports, i + 1, count) : NULL;
        if (in.status) c->status = in.status;
        if (!v || (c->status = xi_tf_graph_outputs(c->im, rest, &v, 1))) return NULL;
    }
    if (!rest) return NULL;
    bool first_is_true = xi_tf_dtype_of(pred) != XINF_BOOL || ports[i].output == 1;
    return xi_tf_result(
        c, xi_tf_if(c, cond, first_is_true ? here : rest, first_is_true ? rest : here), 0);
}

static void tf_frame_op_merge(xi_tf_call *c)
{
    xi_tf_importer *im = c->im;
    const xi_tf_needs *needs = &c->scope->body->frames->needs[c->index];
    const xi_tf_ref *refs = xi_tf_body_refs(im, c->scope->body, c->index),
                    *ports = needs->refs + needs->count;
    xi_value *pred = c->in_count && c->in[c->in_count - 1] ? xi_tf_in(c, c->in_count - 1) : NULL;
    int32_t count = 0;
    int64_t known;
    if (!pred) {
        xi_tf_refuse(c, "its condition is not a tensor");
        return;
    }
    while ((size_t)count < c->node->n_input && count < 32 && !refs[count].control) count++;
    if (xi_tf_known(pred, &known, 1) == 1) {
        int32_t k = 0;
        xi_tf_value *v;
        while (k + 1 < count && ports[k].output != known) k++;
        c->status = xi_tf_eval(&v, im, c->scope, refs[k]);
        if (!c->status) xi_tf_give_value(c, 0, v);
        xi_tf_give(c, 1, xi_tf_scalar(c, XINF_INT32, k));
        return;
    }
    xi_tf_give(c, 0, tf_frame_choice(c, pred, refs, ports, 0, count));
    if (count == 2 && xi_tf_dtype_of(pred) == XINF_BOOL && !c->status && !c->refused) {
        xi_value *side = xi_tf_cast(c, ports[0].output == 0 ? pred : xi_tf_op1(c, "Not", pred),
                                    XINF_INT32);
        xi_tf_give(c, 1, side);
    }
}

typedef struct tf_frame_loop {
    const xi_tf_frames *f;
    const tf_frame_info *frame;
    int32_t count; /* carried */
    const tf_frame_var **vars;
    xi_value **initial, **final;
    xi_graph *body;
} tf_frame_loop;

/* Sets the loop's Merges in a scope: carried ones to `values`, the others to what entered. */
static xinf_status tf_frame_set(xi_tf_call *c, xi_tf_scope *s, const tf_frame_loop *l,
                                xi_value *const *values)
{
    xinf_status status = XINF_OK;
    for (uint32_t at = l->frame->first_var; at && !status; at = l->f->vars[at - 1].in_frame) {
        const tf_frame_var *v = &l->f->vars[at - 1];
        if (!v->invariant) continue;
        xi_tf_outputs *o = xi_tf_scope_find(c->scope, v->enter);
        if (o && o->count) status = xi_tf_scope_preset(c->im, s, v->merge, 0, o->items[0]);
    }
    for (int32_t i = 0; i < l->count && !status; i++)
        status = xi_tf_scope_preset(c->im, s, l->vars[i]->merge, 0, (xi_tf_value){.v = values[i]});
    return status;
}

static xinf_status tf_frame_condition(xi_value **out, xi_tf_call *c, const tf_frame_loop *l,
                                      xi_graph *g, xi_value *const *values)
{
    xi_tf_scope s;
    xi_tf_value *v = NULL;
    xinf_status status = tf_frame_scope(&s, c, g);
    *out = NULL;
    if (!status) status = tf_frame_set(c, &s, l, values);
    if (!status) status = xi_tf_eval(&v, c->im, &s, l->frame->condition);
    if (!status) {
        xi_tf_call in = *c;
        in.scope = &s;
        *out = xi_tf_truth(&in, xi_tf_tensor(&in, v));
        status = in.status;
    }
    xi_tf_scope_free(&s, c->im);
    return status;
}

static xinf_status tf_frame_body(xi_tf_call *c, tf_frame_loop *l, xi_value **results)
{
    xi_tf_scope s;
    xinf_status status = tf_frame_scope(&s, c, l->body);
    if (!status) status = tf_frame_set(c, &s, l, l->body->inputs + 2);
    xi_tf_call in = *c;
    in.scope = &s;
    for (int32_t i = 0; i < l->count && !status; i++) {
        xi_tf_value *v;
        status = xi_tf_eval(&v, c->im, &s, l->vars[i]->next);
        if (status) break;
        results[1 + i] = xi_tf_tensor(&in, v);
        status = in.status;
        if (!status && !results[1 + i])
            status = xi_fail(c->im->err, XINF_UNSUPPORTED,
                             "node %.*s: the loop carries something that is no tensor",
                             XI_STR_ARG(xi_tf_str(c->node->name)));
    }
    if (!status) status = tf_frame_condition(&results[0], c, l, l->body, results + 1);
    xi_tf_scope_free(&s, c->im);
    return status;
}

static xinf_status tf_frame_prepare(xi_tf_call *c, tf_frame_loop *l)
{
    xi_arena *arena = &c->im->family->arena;
    size_t room = (size_t)l->frame->var_count + 4;
    l->vars = xi_arena_array(arena, room, sizeof *l->vars);
    l->initial = xi_arena_array(arena, room, sizeof *l->initial);
    l->final = xi_arena_array(arena, room, sizeof *l->final);
    l->body = xi_graph_create(c->im->family, c->scope->graph, XI_STR("body"));
    if (!l->vars || !l->initial || !l->final || !l->body) return xi_tf_no_memory(c->im);
    l->body->inputs = xi_arena_array(arena, room, sizeof *l->body->inputs);
    if (!l->body->inputs) return xi_tf_no_memory(c->im);
    l->body->inputs[0] = xi_graph_add_value(
        l->body, XI_STR(""), &(xi_type){.kind = XINF_KIND_TENSOR, .dtype = XINF_INT64});
    l->body->inputs[1] = xi_graph_add_value(
        l->body, XI_STR(""), &(xi_type){.kind = XINF_KIND_TENSOR, .dtype = XINF_BOOL});
    l->body->input_count = 2;
    for (uint32_t at = l->frame->first_var; at; at = l->f->vars[at - 1].in_frame) {
        const tf_frame_var *v = &l->f->vars[at - 1];
        xi_tf_outputs *o = xi_tf_scope_find(c->scope, v->enter);
        if (v->invariant) continue;
        xi_value *x = o && o->count ? xi_tf_tensor(c, &o->items[0]) : NULL;
        if (c->status) return c->status;
        if (!x)
            return xi_fail(c->im->err, XINF_UNSUPPORTED,
                           "node %.*s: the loop carries something that is no tensor",
                           XI_STR_ARG(xi_tf_str(c->node->name)));
        l->vars[l->count] = v;
        l->initial[l->count++] = x;
        l->body->inputs[l->body->input_count] = xi_tf_carried(c->im, l->body, x);
        if (!l->body->inputs[l->body->input_count++]) return xi_tf_no_memory(c->im);
    }
    return XINF_OK;
}

static void tf_frame_op_exit(xi_tf_call *c)
{
    xi_tf_body *b = c->scope->body;
    xi_tf_frames *f = b->frames;
    uint32_t tf_frame_index = f->of[c->index];
    tf_frame_loop l = {.f = f, .frame = &f->frames[tf_frame_index - 1]};
    xi_value *condition = NULL;
    if (!l.frame->has_condition) {
        xi_tf_refuse(c, "the loop around it has no condition");
        return;
    }
    c->status = tf_frame_prepare(c, &l);
    if (!c->status) c->status = tf_frame_condition(&condition, c, &l, c->scope->graph, l.initial);
    if (!c->status) c->status = tf_frame_body(c, &l, l.final);
    if (!c->status) c->status = xi_tf_graph_outputs(c->im, l.body, l.final, l.count + 1);
    if (c->status) return;
    xi_node *n = xi_tf_node(c, "Loop", l.count, 1, NULL, 0);
    xi_value **in = xi_arena_array(&c->im->family->arena, (size_t)l.count + 2, sizeof *in);
    if (!n || !in) {
        if (!c->status && !c->refused) c->status = xi_tf_no_memory(c->im);
        return;
    }
    in[1] = condition;
    for (int32_t i = 0; i < l.count; i++) in[2 + i] = l.initial[i];
    n->inputs = in;
    n->input_count = l.count + 2;
    n->attrs[n->attr_count++] = (xi_attr){
        .name = XI_STR("body"), .type = XI_ATTR_GRAPH, .count = 1, .graph = l.body};
    for (int32_t i = 0; i < l.count; i++)
        if (!xi_node_new_output(n, i)) c->status = xi_tf_no_memory(c->im);
    if (c->status) return;
    xi_tf_infer(c->im, n);
    for (uint32_t i = 0; i < b->count; i++) {
        if (f->of[i] != tf_frame_index || !tf_frame_op(b, i, "Exit")) continue;
        const tf_frame_var *v = &f->vars[f->var_of[i] - 1];
        xi_tf_outputs *o = v->invariant ? xi_tf_scope_find(c->scope, v->enter) : NULL;
        xi_tf_value value = o && o->count ? o->items[0] : (xi_tf_value){0};
        for (int32_t k = 0; k < l.count; k++)
            if (l.vars[k] == v) value.v = n->outputs[k];
        c->status = xi_tf_scope_preset(c->im, c->scope, i, 0, value);
        if (c->status) return;
    }
}

static void tf_frame_op_pass(xi_tf_call *c)
{
    for (int32_t i = 0; i < c->row->how; i++)
        if (c->in_count) xi_tf_give_value(c, i, c->in[0]);
}

static void tf_frame_op_switch_n(xi_tf_call *c)
{
    int64_t outputs = xi_tf_int(c, "num_outs", 2);
    for (int32_t i = 0; i < outputs && i < 4096 && c->in_count; i++)
        xi_tf_give_value(c, i, c->in[0]);
}

const xi_tf_row xi_tf_frame[] = {
    {"Enter", tf_frame_op_pass, NULL, 1},
    {"RefEnter", tf_frame_op_pass, NULL, 1},
    {"Switch", tf_frame_op_pass, NULL, 2},
    {"RefSwitch", tf_frame_op_pass, NULL, 2},
    {"_SwitchN", tf_frame_op_switch_n, NULL, 0},
    {"LoopCond", tf_frame_op_pass, NULL, 1},
    {"NextIteration", tf_frame_op_pass, NULL, 1},
    {"RefNextIteration", tf_frame_op_pass, NULL, 1},
    {"Exit", tf_frame_op_exit, NULL, 0},
    {"RefExit", tf_frame_op_exit, NULL, 0},
    {"Merge", tf_frame_op_merge, NULL, 0},
    {"RefMerge", tf_frame_op_merge, NULL, 0},
    {NULL, NULL, NULL, 0},
};
