/* machine_journal.c — what a branch changes is written down, taken back, and joined with what the
 * other one changed. */
#include "import/torch/machine.h"

#include "base/allocator.h"

void xi_machine_begin(xi_machine *m, xi_machine_journal *j)
{
    *j = (xi_machine_journal){.outer = m->journal, .frame = m->frame};
    m->journal = j;
}

static bool journal_same(const xi_machine_change *c, xi_machine_change_kind kind, const void *key,
                         xi_str name)
{
    if (c->kind != kind) return false;
    switch (kind) {
    case XI_MACHINE_VARIABLE: return c->frame == key && xi_str_eq(c->name, name);
    case XI_MACHINE_MEMORY: return c->tensor == key;
    case XI_MACHINE_ATTRIBUTE: return c->object == key && xi_str_eq(c->name, name);
    case XI_MACHINE_LIST: return c->list == key;
    default: return c->dict == key;
    }
}

/* NULL: nobody listens, or the change is not the first of its kind. */
xi_machine_change *xi_machine_note(xi_machine *m, xi_machine_change_kind kind, const void *key,
                                   xi_str name)
{
    xi_machine_journal *j = m->journal;
    if (!j || (kind == XI_MACHINE_VARIABLE && key != j->frame)) return NULL;
    for (int32_t i = 0; i < j->count; i++)
        if (journal_same(&j->items[i], kind, key, name)) return NULL;
    if (j->count == j->capacity) {
        int32_t room = j->capacity ? j->capacity * 2 : 16;
        xi_machine_change *items = xi_arena_array(m->x.arena, (size_t)room, sizeof *items);
        if (!items) return xi_aten_memory(&m->x), NULL;
        if (j->count) memcpy(items, j->items, (size_t)j->count * sizeof *items);
        j->items = items;
        j->capacity = room;
    }
    xi_machine_change *c = &j->items[j->count++];
    *c = (xi_machine_change){.kind = kind, .name = name};
    return c;
}

void xi_machine_wrote(void *self, xi_aten_tensor *memory, xi_value *before)
{
    xi_machine *m = self;
    xi_machine_note_memory(m, memory, before);
    xi_machine_change *c = xi_machine_note(m, XI_MACHINE_MEMORY, memory, (xi_str){NULL, 0});
    if (!c) return;
    c->tensor = memory;
    c->contents = before;
}

void xi_machine_touch_list(xi_machine *m, xi_aten_list *list)
{
    xi_machine_change *c = xi_machine_note(m, XI_MACHINE_LIST, list, (xi_str){NULL, 0});
    if (!c) return;
    c->list = list;
    c->list_before = *list;
    xi_aten_value *copy = xi_arena_array(m->x.arena, (size_t)list->count, sizeof *copy);
    if (!copy) {
        xi_aten_memory(&m->x);
        return;
    }
    if (list->count) memcpy(copy, list->items, (size_t)list->count * sizeof *copy);
    c->list_before.items = copy;
    c->list_before.capacity = list->count;
}

void xi_machine_touch_dict(xi_machine *m, xi_aten_dict *dict)
{
    xi_machine_change *c = xi_machine_note(m, XI_MACHINE_DICT, dict, (xi_str){NULL, 0});
    if (!c) return;
    size_t count = (size_t)dict->count;
    xi_aten_value *keys = xi_arena_array(m->x.arena, count, sizeof *keys),
                  *values = xi_arena_array(m->x.arena, count, sizeof *values);
    c->dict = dict;
    c->dict_before = *dict;
    if (!keys || !values) {
        xi_aten_memory(&m->x);
        return;
    }
    if (count) memcpy(keys, dict->keys, count * sizeof *keys);
    if (count) memcpy(values, dict->values, count * sizeof *values);
    c->dict_before.keys = keys;
    c->dict_before.values = values;
    c->dict_before.capacity = dict->count;
}

static void journal_undo(xi_machine_change *c)
{
    xi_machine_variable *v;
    xi_aten_value *at;
    switch (c->kind) {
    case XI_MACHINE_VARIABLE:
        v = xi_machine_variable_of(c->frame, c->name);
        c->after = v->value;
        c->is_set = v->set;
        v->value = c->before;
        v->set = c->was_set;
        break;
    case XI_MACHINE_MEMORY: {
        xi_value *after = c->tensor->value;
        c->tensor->value = c->contents;
        c->tensor->version++;
        c->contents = after;
        break;
    }
    case XI_MACHINE_ATTRIBUTE:
        at = xi_machine_attribute(c->object, c->name);
        c->is_set = true;
        c->after = at ? *at : xi_aten_none();
        if (at) *at = c->was_set ? c->before : (xi_aten_value){XI_MACHINE_NOTHING, NULL, {.i = 0}};
        if (at && !c->was_written) c->object->marks[at - c->object->values] &= XI_MACHINE_READ;
        break;
    case XI_MACHINE_LIST: {
        xi_aten_list after = *c->list;
        *c->list = c->list_before;
        c->list_before = after;
        break;
    }
    default: {
        xi_aten_dict after = *c->dict;
        *c->dict = c->dict_before;
        c->dict_before = after;
    }
    }
}

void xi_machine_end(xi_machine *m, xi_machine_journal *j)
{
    for (int32_t i = j->count - 1; i >= 0; i--) journal_undo(&j->items[i]);
    m->journal = j->outer;
}
