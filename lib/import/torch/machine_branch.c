/* machine_branch.c — a branch that a run decides: both ways are run into subgraphs, and what they
 * changed is joined by an If. */
#include "import/torch/machine.h"

#include "import/torch/op.h"

/* ---- what was changed, and what it is set to ---- */

xi_aten_value xi_machine_target_get(const xi_machine_change *c)
{
    xi_aten_value nothing = {XI_MACHINE_NOTHING, NULL, {.i = 0}};
    xi_aten_value *at;
    xi_machine_variable *v;
    switch (c->kind) {
    case XI_MACHINE_VARIABLE:
        v = xi_machine_variable_of(c->frame, c->name);
        return v && v->set ? v->value : nothing;
    case XI_MACHINE_MEMORY: return (xi_aten_value){XI_ATEN_TENSOR, NULL, {.tensor = c->tensor}};
    case XI_MACHINE_ATTRIBUTE:
        at = xi_machine_attribute(c->object, c->name);
        return at ? *at : nothing;
    case XI_MACHINE_LIST: return (xi_aten_value){XI_ATEN_LIST, NULL, {.list = c->list}};
    default: return (xi_aten_value){XI_ATEN_DICT, NULL, {.dict = c->dict}};
    }
}

void xi_machine_target_set(xi_machine *m, const xi_machine_change *c, const xi_aten_value *v)
{
    xi_aten_value *at;
    xi_machine_change *noted;
    if (!xi_machine_good(m)) return;
    switch (c->kind) {
    case XI_MACHINE_VARIABLE: xi_machine_set(m, c->name, *v); return;
    case XI_MACHINE_MEMORY: {
        xi_value *before = c->tensor->value;
        xi_value *contents = xi_aten_arg(&m->x, v);
        if (!contents || contents == before) return;
        c->tensor->value = contents;
        c->tensor->version++;
        xi_machine_wrote(m, c->tensor, before);
        return;
    }
    case XI_MACHINE_ATTRIBUTE:
        /* Not by the program's own way: nothing is written here that was not written in a branch.
         */
        at = xi_machine_attribute(c->object, c->name);
        noted = xi_machine_note(m, XI_MACHINE_ATTRIBUTE, c->object, c->name);
        if (noted) {
            noted->object = c->object;
            noted->was_set = at != NULL;
            noted->before = at ? *at : xi_aten_none();
            noted->was_written = at &&
                                 (c->object->marks[at - c->object->values] & XI_MACHINE_WRITTEN);
        }
        if (at) *at = *v;
        return;
    case XI_MACHINE_LIST:
        if (v->list == c->list) return;
        xi_machine_touch_list(m, c->list);
        *c->list = *v->list;
        return;
    default:
        if (v->dict == c->dict) return;
        xi_machine_touch_dict(m, c->dict);
        *c->dict = *v->dict;
    }
}

/* ---- joining ---- */

xi_type xi_machine_meet(const xi_type *a, const xi_type *b)
{
    xi_type t = *a;
    if (a->kind != b->kind) return XI_TYPE_UNKNOWN;
    if (a->dtype != b->dtype) t.dtype = XINF_UNDEFINED;
    if (a->shape.rank != b->shape.rank) t.shape = XI_SHAPE_UNKNOWN;
    for (int32_t i = 0; i < t.shape.rank; i++)
        if (a->shape.dim[i] != b->shape.dim[i]) t.shape.dim[i] = XI_DIM_UNKNOWN;
    return t;
}

typedef struct branch_join {
    xi_machine *m;
    xi_graph *graphs[2], *around;
    xi_value **given[2], **outputs; /* per output: from each graph, and what the If gives */
    int32_t count, capacity;
} branch_join;

/* In a subgraph: a value of it that can be its output. */
xi_value *xi_machine_own(xi_machine *m, xi_graph *g, xi_value *v)
{
    xi_graph *before = m->x.graph;
    if (v && v->graph == g && v->producer) return v;
    m->x.graph = g;
    xi_value *own = xi_aten_emit1(&m->x, "Identity", v);
    m->x.graph = before;
    return own;
}

static bool branch_grow(branch_join *j)
{
    if (j->count < j->capacity) return true;
    int32_t room = j->capacity ? j->capacity * 2 : 16;
    for (int k = 0; k < 3; k++) {
        xi_value ***list = k < 2 ? &j->given[k] : &j->outputs;
        xi_value **items = xi_arena_array(j->m->x.arena, (size_t)room, sizeof *items);
        if (!items) return xi_aten_memory(&j->m->x), false;
        if (j->count) memcpy(items, *list, (size_t)j->count * sizeof *items);
        *list = items;
    }
    j->capacity = room;
    return true;
}

static xi_value *branch_output(branch_join *j, xi_value *a, xi_value *b)
{
    xi_machine *m = j->m;
    if (!xi_machine_good(m) || !branch_grow(j)) return NULL;
    xinf_dtype da = xi_aten_dtype(a), db = xi_aten_dtype(b);
    if (da != db && da != XINF_UNDEFINED && db != XINF_UNDEFINED) {
        /* A number that is whole in one branch only. */
        m->x.graph = j->graphs[1];
        b = xi_aten_cast(&m->x, b, da);
        m->x.graph = j->around;
    }
    a = xi_machine_own(m, j->graphs[0], a);
    b = xi_machine_own(m, j->graphs[1], b);
    if (!xi_machine_good(m)) return NULL;
    xi_type type = xi_machine_meet(&a->type, &b->type);
    xi_value *v = xi_graph_add_value(j->around, (xi_str){NULL, 0}, &type);
    if (!v) return xi_aten_memory(&m->x), NULL;
    j->given[0][j->count] = a;
    j->given[1][j->count] = b;
    j->outputs[j->count++] = v;
    return v;
}

static xi_value *branch_read(branch_join *j, int side, const xi_aten_value *v)
{
    xi_machine *m = j->m;
    m->x.graph = j->graphs[side];
    xi_value *r = v->kind == XI_ATEN_SEQUENCE ? v->scalar
                  : v->kind == XI_ATEN_TENSOR ? xi_aten_arg(&m->x, v)
                                              : xi_machine_scalar(m, v);
    m->x.graph = j->around;
    return r;
}

static bool branch_is_number(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_INT || v->kind == XI_ATEN_BOOL || v->kind == XI_ATEN_DOUBLE;
}

static bool branch_is_list(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_LIST || v->kind == XI_ATEN_TUPLE;
}

/* A list of tensors as a sequence, in a branch. */
static xi_value *branch_sequence(branch_join *j, int side, const xi_aten_value *v)
{
    xi_machine *m = j->m;
    if (v->kind == XI_ATEN_SEQUENCE) return v->scalar;
    m->x.graph = j->graphs[side];
    xi_value *r = xi_machine_sequence(m, v, XINF_FLOAT32);
    m->x.graph = j->around;
    return r;
}

static xi_aten_value branch_merge(branch_join *j, const xi_aten_value *a, const xi_aten_value *b,
                                  int depth);

/* One branch leaves it open: something of the same type stands there in its stead. */
static xi_aten_value branch_merge_open(branch_join *j, const xi_aten_value *v, int side)
{
    xi_machine *m = j->m;
    xi_aten_value other = *v;
    if (v->kind == XI_ATEN_TENSOR) {
        xi_value *r = branch_read(j, side, v);
        xinf_dtype d = xi_aten_dtype(r);
        int64_t none[XI_MAX_RANK] = {0};
        if (!r || d == XINF_UNDEFINED) return (xi_aten_value){XI_MACHINE_NOTHING, NULL, {.i = 0}};
        if (!r->producer || r->graph != j->graphs[side]) return *v; /* of around: there for both */
        m->x.graph = j->graphs[!side];
        int32_t rank = xi_aten_rank(r) < 0 ? 0 : xi_aten_rank(r);
        xi_value *dummy = xi_aten_whole(&m->x, d, 0);
        if (rank > 0) dummy = xi_aten_expand(&m->x, dummy, xi_aten_ints(&m->x, none, rank));
        other = xi_aten_tensor_of(&m->x, dummy);
        m->x.graph = j->around;
    } else if (branch_is_number(v)) {
        if (!v->scalar) return *v;
        other = v->kind == XI_ATEN_INT    ? xi_aten_int(0)
                : v->kind == XI_ATEN_BOOL ? xi_aten_bool(false)
                                          : xi_aten_double(0);
    } else if (branch_is_list(v)) {
        xi_aten_value out = xi_aten_new_list(&m->x, v->kind, v->list->count);
        for (int32_t i = 0; i < v->list->count && xi_machine_good(m); i++)
            xi_aten_append(&m->x, out.list, branch_merge_open(j, &v->list->items[i], side));
        return out;
    } else {
        return *v;
    }
    return side ? branch_merge(j, &other, v, 0) : branch_merge(j, v, &other, 0);
}

static xi_aten_value branch_merge(branch_join *j, const xi_aten_value *a, const xi_aten_value *b,
                                  int depth)
{
    xi_aten_value nothing = {XI_MACHINE_NOTHING, NULL, {.i = 0}}, out;
    xi_machine *m = j->m;
    if (!xi_machine_good(m) || depth > 8) return nothing;
    if (a->kind == XI_MACHINE_NOTHING && b->kind == XI_MACHINE_NOTHING) return nothing;
    /* What one branch leaves open may be anything: it is what the other one says. */
    if (a->kind == XI_MACHINE_NOTHING || b->kind == XI_MACHINE_NOTHING) {
        const xi_aten_value *v = a->kind == XI_MACHINE_NOTHING ? b : a;
        return branch_merge_open(j, v, v == b);
    }
    if (a->kind == XI_ATEN_TENSOR && b->kind == XI_ATEN_TENSOR) {
        if (a->tensor == b->tensor) return *a;
        xi_value *v = branch_output(j, branch_read(j, 0, a), branch_read(j, 1, b));
        return v ? xi_aten_tensor_of(&m->x, v) : nothing;
    }
    if (branch_is_number(a) && branch_is_number(b)) {
        if (a->kind == b->kind && !a->scalar && !b->scalar && xi_machine_equal(a, b) == 1)
            return *a;
        if (a->scalar && a->scalar == b->scalar) return *a;
        xi_value *v = branch_output(j, branch_read(j, 0, a), branch_read(j, 1, b));
        return v ? xi_aten_dynamic(a->kind, v) : nothing;
    }
    if (branch_is_list(a) && a->kind == b->kind) {
        if (a->list == b->list) return *a;
        if (a->list->count == b->list->count) {
            out = xi_aten_new_list(&m->x, a->kind, a->list->count);
            for (int32_t i = 0; i < a->list->count && xi_machine_good(m); i++)
                xi_aten_append(&m->x, out.list,
                               branch_merge(j, &a->list->items[i], &b->list->items[i], depth + 1));
            return out;
        }
    }
    if ((a->kind == XI_ATEN_LIST || a->kind == XI_ATEN_SEQUENCE) &&
        (b->kind == XI_ATEN_LIST || b->kind == XI_ATEN_SEQUENCE)) {
        xi_value *v = branch_output(j, branch_sequence(j, 0, a), branch_sequence(j, 1, b));
        return v ? xi_aten_dynamic(XI_ATEN_SEQUENCE, v) : nothing;
    }
    if (a->kind != b->kind) return nothing;
    if (a->kind == XI_ATEN_OBJECT && a->pointer != b->pointer) {
        const xi_machine_object *p = a->pointer, *q = b->pointer;
        if (p->symbol != q->symbol || p->count != q->count || p->source || q->source)
            return nothing;
        out = xi_machine_new_object(m, p->symbol);
        for (int32_t i = 0; i < p->count && xi_machine_good(m); i++)
            xi_machine_set_attribute(m, out.pointer, p->names[i],
                                     branch_merge(j, &p->values[i], &q->values[i], depth + 1));
        return out;
    }
    return xi_machine_equal(a, b) == 1 ? *a : nothing;
}

/* ---- the If ---- */

static void branch_outputs(xi_machine *m, xi_graph *g, xi_value **given, int32_t count)
{
    g->outputs = xi_arena_array(m->x.arena, (size_t)count, sizeof *g->outputs);
    if (!g->outputs) {
        xi_aten_memory(&m->x);
        return;
    }
    if (count) memcpy(g->outputs, given, (size_t)count * sizeof *given);
    g->output_count = count;
}

static void branch_node(branch_join *j, xi_value *condition)
{
    xi_machine *m = j->m;
    if (!j->count || !xi_machine_good(m)) return;
    for (int k = 0; k < 2; k++) branch_outputs(m, j->graphs[k], j->given[k], j->count);
    xi_node *n = xi_graph_add_node(j->around, NULL, (xi_str){"", 0}, XI_STR("If"), m->x.location, 1,
                                   j->count, 2);
    if (!n) {
        xi_aten_memory(&m->x);
        return;
    }
    n->inputs[0] = condition;
    n->attrs[n->attr_count++] = (xi_attr){
        .name = XI_STR("then_branch"), .type = XI_ATTR_GRAPH, .graph = j->graphs[0]};
    n->attrs[n->attr_count++] = (xi_attr){
        .name = XI_STR("else_branch"), .type = XI_ATTR_GRAPH, .graph = j->graphs[1]};
    for (int32_t i = 0; i < j->count; i++) xi_node_set_output(n, i, j->outputs[i]);
    m->x.nodes++;
}

/* One side, in a graph of its own; everything is taken back. `checks`: those that it made. */
typedef struct branch_side {
    xi_machine_journal journal;
    xi_aten_checks checks;
    xi_aten_value value; /* of an expression */
} branch_side;

static void branch_run(xi_machine *m, branch_side *side, xi_graph *g, const xi_script_block *b,
                       const xi_script_expr *e)
{
    xi_graph *around = m->x.graph;
    int32_t base = m->x.checks.count;
    if (!xi_machine_good(m)) return;
    m->x.graph = g;
    xi_machine_begin(m, &side->journal);
    if (b)
        xi_machine_run(m, b);
    else
        side->value = xi_machine_eval(m, e);
    xi_machine_end(m, &side->journal);
    m->x.graph = around;
    side->checks = xi_aten_take_checks(&m->x, base);
}

static const xi_machine_change *branch_find(const xi_machine_journal *j, const xi_machine_change *c)
{
    for (int32_t i = 0; i < j->count; i++) {
        const xi_machine_change *d = &j->items[i];
        if (d->kind == c->kind && d->frame == c->frame && d->object == c->object &&
            d->tensor == c->tensor && d->list == c->list && d->dict == c->dict &&
            xi_str_eq(d->name, c->name))
            return d;
    }
    return NULL;
}

/* What a side left behind; `c` NULL: it did not touch it. */
static xi_aten_value branch_after(xi_machine *m, const xi_machine_change *c,
                                  const xi_machine_change *any)
{
    if (!c) return xi_machine_target_get(any);
    switch (c->kind) {
    case XI_MACHINE_VARIABLE:
        return c->is_set ? c->after : (xi_aten_value){XI_MACHINE_NOTHING, NULL, {.i = 0}};
    case XI_MACHINE_MEMORY: return xi_aten_tensor_of(&m->x, c->contents);
    case XI_MACHINE_ATTRIBUTE: return c->after;
    case XI_MACHINE_LIST:
        return (xi_aten_value){XI_ATEN_LIST, NULL, {.list = (xi_aten_list *)&c->list_before}};
    default: return (xi_aten_value){XI_ATEN_DICT, NULL, {.dict = (xi_aten_dict *)&c->dict_before}};
    }
}

/* It is written in one branch at least; the other may leave what was there before, which so is
 * read. */
static void branch_mark(const xi_machine_change *c, bool kept)
{
    xi_aten_value *at = xi_machine_attribute(c->object, c->name);
    if (!at) return;
    uint8_t *mark = &c->object->marks[at - c->object->values];
    if (kept && c->was_set && !(*mark & XI_MACHINE_WRITTEN)) *mark |= XI_MACHINE_READ;
    *mark |= XI_MACHINE_WRITTEN;
}

static void branch_settle(branch_join *j, const xi_machine_change *c, const xi_machine_change *a,
                          const xi_machine_change *b)
{
    xi_machine *m = j->m;
    /* Names of one branch only are nobody's afterwards. */
    if (c->kind == XI_MACHINE_VARIABLE && !c->was_set && (!a || !b)) return;
    xi_aten_value va = branch_after(m, a, c), vb = branch_after(m, b, c);
    if (!xi_machine_good(m)) return;
    if (c->kind == XI_MACHINE_DICT) {
        xi_machine_fail(m, XINF_UNSUPPORTED,
                        "a dict that is changed in a branch that a run decides");
        return;
    }
    if (c->kind == XI_MACHINE_ATTRIBUTE) branch_mark(c, !a || !b);
    xi_aten_value merged = branch_merge(j, &va, &vb, 0);
    if (c->kind == XI_MACHINE_LIST && merged.kind != XI_ATEN_LIST) {
        xi_machine_list_to_sequence(m, c->list, &merged);
        return;
    }
    xi_machine_target_set(m, c, &merged);
}

/* The way that does not end in an error is the only one that a run goes beyond. */
static bool branch_raises(xi_machine *m, const branch_side *side, xi_value *condition,
                          const xi_script_block *other, bool then)
{
    if (!side->journal.raised || !xi_machine_good(m)) return false;
    xi_aten_check_run(&m->x, then ? condition : xi_aten_emit1(&m->x, "Not", condition),
                      side->journal.message);
    xi_machine_run(m, other);
    return true;
}

static bool branch_graphs(branch_join *j)
{
    xi_machine *m = j->m;
    j->around = m->x.graph;
    for (int k = 0; k < 2; k++)
        j->graphs[k] = xi_graph_create(m->x.family, m->x.graph,
                                       k ? XI_STR("else") : XI_STR("then"));
    if (!j->graphs[0] || !j->graphs[1]) return xi_aten_memory(&m->x), false;
    return true;
}

static void branch_checks(branch_join *j, const branch_side *sides)
{
    xi_machine *m = j->m;
    for (int k = 0; k < 2; k++)
        for (int32_t i = 0; i < sides[k].checks.count && xi_machine_good(m); i++) {
            const xi_aten_check *c = &sides[k].checks.items[i];
            m->x.graph = j->graphs[!k];
            xi_value *no = xi_aten_whole(&m->x, XINF_BOOL, 0);
            m->x.graph = j->around;
            xi_aten_check_run(&m->x,
                              k ? branch_output(j, no, c->failed) : branch_output(j, c->failed, no),
                              c->message);
        }
}

void xi_machine_if(xi_machine *m, const xi_script_stmt *s, xi_value *condition)
{
    branch_join j = {.m = m};
    branch_side sides[2] = {{.checks = {NULL, 0, 0}}, {.checks = {NULL, 0, 0}}};
    if (!branch_graphs(&j)) return;
    branch_run(m, &sides[0], j.graphs[0], &s->body, NULL);
    if (branch_raises(m, &sides[0], condition, &s->orelse, true)) return;
    branch_run(m, &sides[1], j.graphs[1], &s->orelse, NULL);
    if (branch_raises(m, &sides[1], condition, &s->body, false)) return;
    for (int32_t i = 0; i < sides[0].journal.count && xi_machine_good(m); i++) {
        const xi_machine_change *c = &sides[0].journal.items[i];
        branch_settle(&j, c, c, branch_find(&sides[1].journal, c));
    }
    for (int32_t i = 0; i < sides[1].journal.count && xi_machine_good(m); i++) {
        const xi_machine_change *c = &sides[1].journal.items[i];
        if (!branch_find(&sides[0].journal, c)) branch_settle(&j, c, NULL, c);
    }
    branch_checks(&j, sides);
    branch_node(&j, condition);
}

xi_aten_value xi_machine_choice(xi_machine *m, const xi_script_expr *e, xi_value *condition)
{
    branch_join j = {.m = m};
    branch_side sides[2] = {{.checks = {NULL, 0, 0}}, {.checks = {NULL, 0, 0}}};
    if (!branch_graphs(&j)) return xi_aten_none();
    for (int k = 0; k < 2; k++) branch_run(m, &sides[k], j.graphs[k], NULL, e->items[k + 1]);
    if (sides[0].journal.count || sides[1].journal.count || sides[0].journal.raised ||
        sides[1].journal.raised)
        return xi_machine_fail(m, XINF_UNSUPPORTED,
                               "an expression that changes something, if a run decides so");
    xi_aten_value out = branch_merge(&j, &sides[0].value, &sides[1].value, 0);
    branch_checks(&j, sides);
    branch_node(&j, condition);
    return out;
}
