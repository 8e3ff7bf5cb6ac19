/* machine_loop.c — a loop whose rounds a run counts. Its body is tried until it is known what it
 * carries from round to round; then it is run once more into the body of a Loop. */
#include "import/torch/machine.h"

#include "import/torch/op.h"

enum { LOOP_TRIALS = 12 };

xi_value *xi_machine_sequence(xi_machine *m, const xi_aten_value *v, xinf_dtype dtype)
{
    const xi_aten_list *list = xi_machine_items(v);
    if (v->kind == XI_ATEN_SEQUENCE) return v->scalar;
    if (!list || !xi_machine_good(m))
        return xi_machine_fail(m, XINF_UNSUPPORTED, "a %s whose length only a run knows",
                               xi_aten_kind_name(v)),
               NULL;
    if (!list->count)
        return xi_aten_emit(&m->x, "SequenceEmpty", 0, NULL, 1,
                            (xi_attr[]){XI_ATEN_ATTR_INT("dtype", dtype)});
    xi_value **items = xi_arena_array(m->x.arena, (size_t)list->count, sizeof *items);
    if (!items) return xi_aten_memory(&m->x), NULL;
    for (int32_t i = 0; i < list->count; i++) {
        if (list->items[i].kind != XI_ATEN_TENSOR)
            return xi_machine_fail(m, XINF_UNSUPPORTED,
                                   "a list of %s whose length only a run knows",
                                   xi_aten_kind_name(&list->items[i])),
                   NULL;
        items[i] = xi_aten_arg(&m->x, &list->items[i]);
    }
    return xi_aten_emit(&m->x, "SequenceConstruct", list->count, items, 0, NULL);
}

void xi_machine_list_to_sequence(xi_machine *m, xi_aten_list *list, const xi_aten_value *sequence)
{
    for (uint32_t i = 0; i < m->frame->capacity && xi_machine_good(m); i++) {
        xi_machine_variable *v = &m->frame->variables[i];
        if (v->set && v->value.kind == XI_ATEN_LIST && v->value.list == list)
            xi_machine_set(m, v->name, *sequence);
    }
}

/* ---- what is carried ---- */

typedef struct loop_item {
    xi_machine_change target;
    xi_aten_value before, entered, after;
} loop_item;

typedef struct loop_slot {
    xi_value *initial, *input, *given, *output;
    xi_type type;
} loop_slot;

typedef struct loop_state {
    xi_machine *m;
    const xi_script_stmt *stmt;
    loop_item *items;
    int32_t item_count, item_capacity;
    loop_slot *slots; /* in the order in which values are walked */
    int32_t slot_count, slot_capacity;
    xi_graph *body;
    xi_value *round, *condition_in, *condition_out;
    bool counted;
    bool grew, raises;
    xi_str message;        /* of what it raises */
    xi_aten_checks checks; /* that a round makes */
    int32_t check_base;
} loop_state;

static bool loop_same_target(const xi_machine_change *a, const xi_machine_change *b)
{
    return a->kind == b->kind && a->frame == b->frame && a->object == b->object &&
           a->tensor == b->tensor && a->list == b->list && a->dict == b->dict &&
           xi_str_eq(a->name, b->name);
}

static loop_item *loop_add_item(loop_state *l, const xi_machine_change *c)
{
    for (int32_t i = 0; i < l->item_count; i++)
        if (loop_same_target(&l->items[i].target, c)) return &l->items[i];
    if (l->item_count == l->item_capacity) {
        int32_t room = l->item_capacity ? l->item_capacity * 2 : 16;
        loop_item *items = xi_arena_array(l->m->x.arena, (size_t)room, sizeof *items);
        if (!items) return xi_aten_memory(&l->m->x), NULL;
        if (l->item_count) memcpy(items, l->items, (size_t)l->item_count * sizeof *items);
        l->items = items;
        l->item_capacity = room;
    }
    loop_item *item = &l->items[l->item_count++];
    *item = (loop_item){.target = *c, .before = xi_machine_target_get(c)};
    item->after = item->before;
    l->grew = true;
    return item;
}

static loop_slot *loop_slot_at(loop_state *l, int32_t at)
{
    if (at < l->slot_count) return &l->slots[at];
    if (l->slot_count == l->slot_capacity) {
        int32_t room = l->slot_capacity ? l->slot_capacity * 2 : 16;
        loop_slot *slots = xi_arena_array(l->m->x.arena, (size_t)room, sizeof *slots);
        if (!slots) return xi_aten_memory(&l->m->x), NULL;
        if (l->slot_count) memcpy(slots, l->slots, (size_t)l->slot_count * sizeof *slots);
        l->slots = slots;
        l->slot_capacity = room;
    }
    l->slots[l->slot_count] = (loop_slot){.type = XI_TYPE_UNKNOWN};
    return &l->slots[l->slot_count++];
}

static xi_value *loop_graph_value(xi_machine *m, const xi_aten_value *v)
{
    return v->kind == XI_ATEN_TENSOR     ? xi_aten_arg(&m->x, v)
           : v->kind == XI_ATEN_SEQUENCE ? v->scalar
                                         : xi_machine_scalar(m, v);
}

static bool loop_is_number(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_INT || v->kind == XI_ATEN_BOOL || v->kind == XI_ATEN_DOUBLE;
}

/* The same before and after a round, and so in every round. */
static bool loop_is_same(const xi_aten_value *a, const xi_aten_value *b)
{
    if (a->kind != b->kind) return false;
    if (a->scalar || b->scalar) return a->scalar == b->scalar;
    if (a->kind == XI_MACHINE_NOTHING || a->kind == XI_ATEN_FUNCTION) return true;
    if (a->kind == XI_ATEN_TENSOR) return a->tensor == b->tensor;
    return xi_machine_equal(a, b) == 1;
}

/* What a value is at the beginning of a round: a slot for all that may differ. */
static xi_aten_value loop_enter(loop_state *l, const xi_aten_value *before,
                                const xi_aten_value *after, int32_t *at, int depth)
{
    xi_machine *m = l->m;
    xi_aten_value out = *before;
    if (!xi_machine_good(m)) return out;
    bool lists = (before->kind == XI_ATEN_LIST || before->kind == XI_ATEN_TUPLE) &&
                 before->kind == after->kind && before->list->count == after->list->count;
    if (lists && depth < 8) {
        out = xi_aten_new_list(&m->x, before->kind, before->list->count);
        for (int32_t i = 0; i < before->list->count && xi_machine_good(m); i++)
            xi_aten_append(
                &m->x, out.list,
                loop_enter(l, &before->list->items[i], &after->list->items[i], at, depth + 1));
        return out;
    }
    bool plain = before->kind == XI_ATEN_TENSOR || before->kind == XI_ATEN_SEQUENCE ||
                 loop_is_number(before);
    if (!plain) {
        if (before->kind == XI_MACHINE_NOTHING || loop_is_same(before, after)) return out;
        return (xi_aten_value){XI_MACHINE_NOTHING, NULL, {.i = 0}};
    }
    loop_slot *s = loop_slot_at(l, (*at)++);
    if (!s) return out;
    if (!s->initial) {
        xi_value *v = loop_graph_value(m, before);
        bool wider = after->kind == XI_ATEN_DOUBLE && loop_is_number(before) &&
                     before->kind != XI_ATEN_DOUBLE;
        if (wider) v = xi_aten_cast(&m->x, v, XINF_FLOAT64);
        s->initial = v;
        if (!v) return out;
        s->type = v->type;
        for (int32_t i = 0; i < s->type.shape.rank; i++)
            if (s->type.shape.dim[i] < XI_DIM_UNKNOWN) s->type.shape.dim[i] = XI_DIM_UNKNOWN;
    }
    s->input = xi_graph_add_value(l->body, (xi_str){NULL, 0}, &s->type);
    if (!s->input) return xi_aten_memory(&m->x), out;
    if (before->kind == XI_ATEN_TENSOR) return xi_aten_tensor_of(&m->x, s->input);
    return xi_aten_dynamic(loop_is_number(before) && xi_aten_dtype(s->input) == XINF_FLOAT64
                               ? XI_ATEN_DOUBLE
                               : before->kind,
                           s->input);
}

/* What a round gives back, in the same order. False: its type is wider than what it began with;
 * another trial is needed. */
static void loop_leave(loop_state *l, const xi_aten_value *entered, const xi_aten_value *after,
                       int32_t *at, int depth)
{
    xi_machine *m = l->m;
    if (!xi_machine_good(m)) return;
    if ((entered->kind == XI_ATEN_LIST || entered->kind == XI_ATEN_TUPLE) && depth < 8) {
        bool fits = after->kind == entered->kind && after->list->count == entered->list->count;
        if (!fits) {
            xi_machine_fail(m, XINF_UNSUPPORTED,
                            "a list whose length changes in a loop that a run ends");
            return;
        }
        for (int32_t i = 0; i < entered->list->count; i++)
            loop_leave(l, &entered->list->items[i], &after->list->items[i], at, depth + 1);
        return;
    }
    if (entered->kind != XI_ATEN_TENSOR && entered->kind != XI_ATEN_SEQUENCE &&
        !loop_is_number(entered))
        return;
    loop_slot *s = &l->slots[(*at)++];
    if (after->kind != XI_ATEN_TENSOR && after->kind != XI_ATEN_SEQUENCE &&
        !loop_is_number(after)) {
        xi_machine_fail(m, XINF_UNSUPPORTED, "a %s becomes a %s in a loop that a run ends",
                        xi_aten_kind_name(entered), xi_aten_kind_name(after));
        return;
    }
    xi_value *v = loop_graph_value(m, after);
    if (!v) return;
    if (loop_is_number(entered))
        v = xi_aten_cast(&m->x, v, s->type.dtype);
    else if (s->type.kind == XINF_KIND_SEQUENCE && v->type.kind == XINF_KIND_SEQUENCE) {
        if (!s->type.element ||
            (v->type.element && v->type.element->dtype != s->type.element->dtype)) {
            /* An empty list takes the type of what is put into it. */
            xi_value *empty = s->initial;
            const xi_type *e = v->type.element;
            if (e && e->dtype && empty->producer && xi_node_is(empty->producer, "SequenceEmpty")) {
                m->x.graph = l->body->parent;
                s->initial = xi_aten_emit(&m->x, "SequenceEmpty", 0, NULL, 1,
                                          (xi_attr[]){XI_ATEN_ATTR_INT("dtype", e->dtype)});
                m->x.graph = l->body;
                l->grew = true;
            }
        }
        xi_type *any = xi_arena_alloc(m->x.arena, sizeof *any);
        if (!any) {
            xi_aten_memory(&m->x);
            return;
        }
        *any = v->type.element ? *v->type.element : XI_TYPE_UNKNOWN;
        if (s->type.element && s->type.element->shape.rank != any->shape.rank)
            any->shape = XI_SHAPE_UNKNOWN;
        for (int32_t i = 0; i < any->shape.rank; i++) any->shape.dim[i] = XI_DIM_UNKNOWN;
        s->type.element = any;
    } else {
        xi_type t = xi_machine_meet(&s->type, &v->type);
        if (t.dtype != s->type.dtype || !xi_shape_eq(&t.shape, &s->type.shape)) {
            s->type = t;
            l->grew = true;
        }
    }
    s->given = v;
}

/* ---- one round ---- */

static bool loop_begin_body(loop_state *l)
{
    xi_machine *m = l->m;
    xi_type whole = {.kind = XINF_KIND_TENSOR, .dtype = XINF_INT64, .shape = XI_SHAPE_SCALAR},
            truth = whole;
    truth.dtype = XINF_BOOL;
    l->body = xi_graph_create(m->x.family, m->x.graph, XI_STR("body"));
    if (l->body) {
        l->round = xi_graph_add_value(l->body, (xi_str){NULL, 0}, &whole);
        l->condition_in = xi_graph_add_value(l->body, (xi_str){NULL, 0}, &truth);
    }
    if (l->body && l->round && l->condition_in) return true;
    xi_aten_memory(&m->x);
    return false;
}

static void loop_condition(loop_state *l)
{
    xi_machine *m = l->m;
    bool known = true;
    l->condition_out = NULL;
    if (!l->counted) {
        xi_aten_value c = xi_machine_eval(m, l->stmt->value);
        l->condition_out = xi_machine_truth(m, &c, &known);
    }
    if (!xi_machine_good(m)) return;
    if (!l->condition_out) l->condition_out = xi_aten_whole(&m->x, XINF_BOOL, known);
    l->condition_out = xi_machine_own(m, l->body, l->condition_out);
}

/* Runs the body once with what is known to be carried; finds what else it changes. */
static void loop_round(loop_state *l)
{
    xi_machine *m = l->m;
    xi_graph *around = m->x.graph;
    xi_machine_journal journal;
    int32_t at = 0, known = l->item_count;
    l->grew = false;
    if (!loop_begin_body(l)) return;
    /* Slots are opened around the body: what they begin with belongs there. */
    for (int32_t i = 0; i < known; i++)
        l->items[i].entered = loop_enter(l, &l->items[i].before, &l->items[i].after, &at, 0);
    xi_machine_begin(m, &journal);
    m->x.graph = l->body;
    for (int32_t i = 0; i < known; i++)
        xi_machine_target_set(m, &l->items[i].target, &l->items[i].entered);
    if (l->counted) xi_machine_assign(m, l->stmt->targets, xi_aten_dynamic(XI_ATEN_INT, l->round));
    xi_machine_run(m, &l->stmt->body);
    loop_condition(l);
    if (journal.raised) {
        xi_machine_end(m, &journal);
        m->x.graph = around;
        l->raises = true;
        l->message = journal.message;
        return;
    }
    for (int32_t i = 0; i < journal.count && xi_machine_good(m); i++) {
        xi_machine_change c = journal.items[i];
        /* What a round begins anew is not carried. */
        if ((c.kind == XI_MACHINE_VARIABLE || c.kind == XI_MACHINE_ATTRIBUTE) && !c.was_set)
            continue;
        if (l->counted && c.kind == XI_MACHINE_VARIABLE &&
            xi_str_eq(c.name, l->stmt->targets->text))
            continue;
        if (c.kind == XI_MACHINE_DICT) {
            xi_machine_fail(m, XINF_UNSUPPORTED, "a dict that changes in a loop that a run ends");
            break;
        }
        xi_aten_value after = xi_machine_target_get(&c);
        bool is_known = false;
        for (int32_t k = 0; k < l->item_count && !is_known; k++) {
            is_known = loop_same_target(&l->items[k].target, &c);
            if (is_known) l->items[k].after = after;
        }
        if (!is_known) l->grew = true;
    }
    at = 0;
    for (int32_t i = 0; i < known && xi_machine_good(m); i++) {
        xi_aten_value after = xi_machine_target_get(&l->items[i].target);
        loop_leave(l, &l->items[i].entered, &after, &at, 0);
    }
    /* Memory must be read before it is taken back. */
    for (int32_t i = 0; i < l->slot_count && xi_machine_good(m) && !l->grew; i++)
        if (l->slots[i].given) l->slots[i].given = xi_machine_own(m, l->body, l->slots[i].given);
    xi_machine_end(m, &journal);
    l->checks = xi_aten_take_checks(&m->x, l->check_base);
    m->x.graph = around;
    if (!xi_machine_good(m)) return;
    for (int32_t i = 0; i < journal.count; i++) {
        xi_machine_change c = journal.items[i];
        if ((c.kind == XI_MACHINE_VARIABLE || c.kind == XI_MACHINE_ATTRIBUTE) && !c.was_set)
            continue;
        if (l->counted && c.kind == XI_MACHINE_VARIABLE &&
            xi_str_eq(c.name, l->stmt->targets->text))
            continue;
        if (c.kind == XI_MACHINE_LIST && c.list_before.count != c.list->count) {
            /* It grows: a sequence from here on. */
            xinf_dtype d = XINF_FLOAT32;
            if (c.list_before.count && c.list_before.items[0].kind == XI_ATEN_TENSOR)
                d = xi_aten_dtype(c.list_before.items[0].tensor->value);
            xi_aten_value list = {XI_ATEN_LIST, NULL, {.list = c.list}};
            xi_aten_value sequence = xi_aten_dynamic(XI_ATEN_SEQUENCE,
                                                     xi_machine_sequence(m, &list, d));
            xi_machine_list_to_sequence(m, c.list, &sequence);
            l->grew = true;
            l->item_count = 0; /* begin again: variables hold other things now */
            l->slot_count = 0;
            return;
        }
    }
    for (int32_t i = 0; i < journal.count && xi_machine_good(m); i++) {
        xi_machine_change c = journal.items[i];
        if ((c.kind == XI_MACHINE_VARIABLE || c.kind == XI_MACHINE_ATTRIBUTE) && !c.was_set)
            continue;
        if (l->counted && c.kind == XI_MACHINE_VARIABLE &&
            xi_str_eq(c.name, l->stmt->targets->text))
            continue;
        int32_t before = l->item_count;
        loop_item *item = loop_add_item(l, &c);
        if (!item || l->item_count == before) continue;
        if (c.kind == XI_MACHINE_VARIABLE || c.kind == XI_MACHINE_ATTRIBUTE) item->after = c.after;
        if (c.kind == XI_MACHINE_LIST) item->before = xi_machine_target_get(&c);
    }
    /* Slots stand in the order of the items: new items mean new slots. */
    if (l->item_count != known) l->slot_count = 0;
}

/* ---- the Loop ---- */

static void loop_node(loop_state *l, xi_value *trips, xi_value *condition)
{
    xi_machine *m = l->m;
    xi_graph *body = l->body;
    int32_t count = l->slot_count;
    body->inputs = xi_arena_array(m->x.arena, (size_t)count + 2, sizeof *body->inputs);
    body->outputs = xi_arena_array(m->x.arena, (size_t)count + 1, sizeof *body->outputs);
    xi_node *n = xi_graph_add_node(m->x.graph, NULL, (xi_str){"", 0}, XI_STR("Loop"), m->x.location,
                                   count + 2, count, 1);
    if (!n || !body->inputs || !body->outputs) {
        xi_aten_memory(&m->x);
        return;
    }
    body->inputs[0] = l->round;
    body->inputs[1] = l->condition_in;
    body->outputs[0] = l->condition_out;
    n->inputs[0] = trips;
    n->inputs[1] = condition;
    for (int32_t i = 0; i < count; i++) {
        loop_slot *s = &l->slots[i];
        body->inputs[i + 2] = s->input;
        body->outputs[i + 1] = s->given;
        n->inputs[i + 2] = s->initial;
        s->output = xi_graph_add_value(m->x.graph, (xi_str){NULL, 0}, &s->type);
        if (!s->output) {
            xi_aten_memory(&m->x);
            return;
        }
        xi_node_set_output(n, i, s->output);
    }
    body->input_count = count + 2;
    body->output_count = count + 1;
    n->attrs[n->attr_count++] = (xi_attr){
        .name = XI_STR("body"), .type = XI_ATTR_GRAPH, .graph = body};
    m->x.nodes++;
}

/* What a value is after the loop: the same walk over the slots. */
static xi_aten_value loop_result(loop_state *l, const xi_aten_value *entered, int32_t *at,
                                 int depth)
{
    xi_machine *m = l->m;
    if ((entered->kind == XI_ATEN_LIST || entered->kind == XI_ATEN_TUPLE) && depth < 8) {
        xi_aten_value out = xi_aten_new_list(&m->x, entered->kind, entered->list->count);
        for (int32_t i = 0; i < entered->list->count && xi_machine_good(m); i++)
            xi_aten_append(&m->x, out.list,
                           loop_result(l, &entered->list->items[i], at, depth + 1));
        return out;
    }
    if (entered->kind == XI_ATEN_TENSOR) return xi_aten_tensor_of(&m->x, l->slots[(*at)++].output);
    if (entered->kind == XI_ATEN_SEQUENCE || loop_is_number(entered))
        return xi_aten_dynamic(entered->kind, l->slots[(*at)++].output);
    return *entered;
}

/* A round that ends in an error whatever happens: there must be no round. */
static void loop_raise(loop_state *l, xi_value *trips, xi_value *condition)
{
    xi_machine *m = l->m;
    if (!condition && xi_machine_good(m))
        condition = xi_aten_emit2(&m->x, "Greater", trips, xi_aten_whole(&m->x, XINF_INT64, 0));
    xi_aten_check_run(&m->x, condition, l->message);
}

/* What a round checks is carried: it fails when it failed in any, and then that was the last. */
static void loop_carry_checks(loop_state *l)
{
    xi_machine *m = l->m;
    xi_graph *around = m->x.graph;
    xi_type truth = {.kind = XINF_KIND_TENSOR, .dtype = XINF_BOOL, .shape = XI_SHAPE_SCALAR};
    for (int32_t i = 0; i < l->checks.count && xi_machine_good(m); i++) {
        loop_slot *s = loop_slot_at(l, l->slot_count);
        if (!s) return;
        s->type = truth;
        s->initial = xi_aten_whole(&m->x, XINF_BOOL, 0);
        s->input = xi_graph_add_value(l->body, (xi_str){NULL, 0}, &truth);
        if (!s->input) {
            xi_aten_memory(&m->x);
            return;
        }
        m->x.graph = l->body;
        s->given = xi_aten_emit2(&m->x, "Or", s->input, l->checks.items[i].failed);
        l->condition_out = xi_aten_emit2(&m->x, "And", l->condition_out,
                                         xi_aten_emit1(&m->x, "Not", s->given));
        m->x.graph = around;
    }
}

void xi_machine_while(xi_machine *m, const xi_script_stmt *s, xi_value *trips, xi_value *condition)
{
    loop_state l = {.m = m, .stmt = s, .counted = trips != NULL, .check_base = m->x.checks.count};
    int32_t carried;
    int trial = 0;
    do {
        if (trial++ == LOOP_TRIALS) {
            xi_machine_fail(
                m, XINF_UNSUPPORTED,
                "a loop that a run ends changes the types of what it carries without end");
            return;
        }
        loop_round(&l);
        if (l.raises) {
            xi_aten_take_checks(&m->x, l.check_base);
            loop_raise(&l, trips, condition);
            return;
        }
    } while (l.grew && xi_machine_good(m));
    if (!xi_machine_good(m)) return;
    carried = l.slot_count;
    loop_carry_checks(&l);
    loop_node(&l, trips, condition);
    for (int32_t i = 0; i < l.checks.count && xi_machine_good(m); i++)
        xi_aten_check_run(&m->x, l.slots[carried + i].output, l.checks.items[i].message);
    int32_t at = 0;
    for (int32_t i = 0; i < l.item_count && xi_machine_good(m); i++) {
        xi_aten_value v = loop_result(&l, &l.items[i].entered, &at, 0);
        xi_machine_target_set(m, &l.items[i].target, &v);
        if (l.items[i].target.kind != XI_MACHINE_ATTRIBUTE) continue;
        /* Of no round at all what was before is left. */
        xi_machine_object *o = l.items[i].target.object;
        xi_aten_value *bound = xi_machine_attribute(o, l.items[i].target.name);
        if (bound) o->marks[bound - o->values] |= XI_MACHINE_READ | XI_MACHINE_WRITTEN;
    }
}
