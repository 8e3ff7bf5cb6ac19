/* machine_list.c — lists, tuples, dicts, and sequences of the graph. */
#include "import/torch/machine.h"

#include "import/torch/op.h"

int xi_machine_equal(const xi_aten_value *a, const xi_aten_value *b)
{
    if (a->scalar || b->scalar) return -1;
    if (a->kind == XI_ATEN_STRING || a->kind == XI_ATEN_DEVICE)
        return a->kind == b->kind && xi_str_eq(a->s, b->s);
    if (a->kind == XI_ATEN_NONE || b->kind == XI_ATEN_NONE) return a->kind == b->kind;
    if (a->kind == XI_ATEN_TENSOR || b->kind == XI_ATEN_TENSOR)
        return a->kind == b->kind && a->tensor == b->tensor ? 1 : -1;
    if (a->kind == XI_ATEN_LIST || a->kind == XI_ATEN_TUPLE) {
        if (a->kind != b->kind) return 0;
        if (a->list == b->list) return 1;
        if (a->list->count != b->list->count) return 0;
        for (int32_t i = 0; i < a->list->count; i++) {
            const xi_aten_value *p = &a->list->items[i], *q = &b->list->items[i];
            /* One level is what programs compare. */
            if (p->kind == XI_ATEN_LIST || p->kind == XI_ATEN_TUPLE) return -1;
            int same = xi_machine_equal(p, q);
            if (same != 1) return same;
        }
        return 1;
    }
    if (a->kind == XI_ATEN_DOUBLE || b->kind == XI_ATEN_DOUBLE) {
        double x = a->kind == XI_ATEN_DOUBLE ? a->d : a->kind == XI_ATEN_BOOL ? a->b : (double)a->i;
        double y = b->kind == XI_ATEN_DOUBLE ? b->d : b->kind == XI_ATEN_BOOL ? b->b : (double)b->i;
        return x == y;
    }
    if (a->kind == XI_ATEN_OBJECT || b->kind == XI_ATEN_OBJECT)
        return a->kind == b->kind && a->pointer == b->pointer;
    int64_t x = a->kind == XI_ATEN_BOOL ? a->b : a->i, y = b->kind == XI_ATEN_BOOL ? b->b : b->i;
    return x == y;
}

/* ---- items ---- */

static bool list_place(xi_machine *m, const xi_aten_value *index, int32_t count, int64_t *out,
                       const char *who)
{
    int64_t at = xi_aten_arg_int(&m->x, index, who);
    if (!xi_machine_good(m)) return false;
    if (at < 0) at += count;
    if (at < 0 || at >= count) {
        xi_machine_fail(m, XINF_MALFORMED, "%s %lld of %d items", who, (long long)at, (int)count);
        return false;
    }
    *out = at;
    return true;
}

static int32_t list_find_key(xi_machine *m, const xi_aten_dict *d, const xi_aten_value *key)
{
    if (key->scalar || key->kind == XI_ATEN_TENSOR)
        return xi_machine_fail(m, XINF_UNSUPPORTED, "a key that only a run knows"), -1;
    for (int32_t i = 0; i < d->count; i++)
        if (xi_machine_equal(&d->keys[i], key) == 1) return i;
    return -1;
}

/* An item of a list of numbers, by an index of the graph. */
static xi_aten_value list_gather(xi_machine *m, const xi_aten_list *list,
                                 const xi_aten_value *index)
{
    bool ints = list->count > 0, tensors = list->count > 0;
    for (int32_t i = 0; i < list->count; i++) {
        ints = ints && list->items[i].kind == XI_ATEN_INT;
        tensors = tensors && list->items[i].kind == XI_ATEN_TENSOR;
    }
    xi_aten_value all = {XI_ATEN_LIST, NULL, {.list = (xi_aten_list *)list}};
    if (ints)
        return xi_aten_dynamic(XI_ATEN_INT, xi_aten_gather(&m->x, xi_aten_int_list(&m->x, &all),
                                                           xi_machine_scalar(m, index), 0));
    if (!tensors)
        return xi_machine_fail(m, XINF_UNSUPPORTED, "an index that only a run knows, into a list");
    xi_value **items = xi_arena_array(m->x.arena, (size_t)list->count, sizeof *items);
    if (!items) return xi_aten_memory(&m->x), xi_aten_none();
    for (int32_t i = 0; i < list->count; i++) items[i] = xi_aten_arg(&m->x, &list->items[i]);
    xi_value *sequence = xi_aten_emit(&m->x, "SequenceConstruct", list->count, items, 0, NULL);
    return xi_aten_tensor_of(
        &m->x, xi_aten_emit2(&m->x, "SequenceAt", sequence, xi_machine_scalar(m, index)));
}

xi_aten_value xi_machine_index(xi_machine *m, const xi_aten_value *v, const xi_aten_value *index)
{
    int64_t at;
    if (!xi_machine_good(m) || xi_machine_dead(m)) return xi_aten_none();
    if (v->kind == XI_ATEN_SEQUENCE)
        return xi_aten_tensor_of(
            &m->x, xi_aten_emit2(&m->x, "SequenceAt", v->scalar, xi_machine_scalar(m, index)));
    const xi_aten_list *list = xi_machine_items(v);
    if (list) {
        if (index->kind == XI_ATEN_INT && index->scalar) return list_gather(m, list, index);
        return list_place(m, index, list->count, &at, "index") ? list->items[at] : xi_aten_none();
    }
    if (v->kind == XI_ATEN_DICT) {
        int32_t found = list_find_key(m, v->dict, index);
        if (found >= 0) return v->dict->values[found];
        return xi_machine_fail(m, XINF_MALFORMED, "a dict has no key \"%.*s\"",
                               XI_STR_ARG(index->kind == XI_ATEN_STRING ? index->s : XI_STR("?")));
    }
    if (v->kind == XI_ATEN_OBJECT) {
        const xi_machine_object *o = v->pointer;
        if (o->symbol && xi_str_is(o->symbol->type->base, "NamedTuple"))
            return list_place(m, index, o->count, &at, "index") ? o->values[at] : xi_aten_none();
    }
    if (v->kind == XI_ATEN_STRING)
        return list_place(m, index, (int32_t)v->s.len, &at, "index")
                   ? xi_aten_string((xi_str){v->s.ptr + at, 1})
                   : xi_aten_none();
    if (v->kind == XI_ATEN_TENSOR) {
        xi_aten_value args[3] = {*v, xi_aten_int(0), *index};
        return xi_machine_operator(m, XI_STR("select"), args, 3, NULL, 0);
    }
    return xi_machine_fail(m, XINF_MALFORMED, "a %s has no items", xi_aten_kind_name(v));
}

/* ---- lists ---- */

static void list_insert(xi_machine *m, xi_aten_list *list, int64_t at, xi_aten_value v)
{
    if (!xi_aten_append(&m->x, list, v)) return;
    for (int32_t i = list->count - 1; i > at; i--) list->items[i] = list->items[i - 1];
    list->items[at] = v;
}

static void list_remove(xi_aten_list *list, int64_t at)
{
    for (int32_t i = (int32_t)at; i + 1 < list->count; i++) list->items[i] = list->items[i + 1];
    list->count--;
}

static xi_aten_value list_copy(xi_machine *m, xi_aten_kind kind, const xi_aten_list *from)
{
    xi_aten_value out = xi_aten_new_list(&m->x, kind, from->count);
    for (int32_t i = 0; i < from->count && xi_machine_good(m); i++)
        xi_aten_append(&m->x, out.list, from->items[i]);
    return out;
}

static xi_aten_value list_slice(xi_machine *m, const xi_aten_value *v, const xi_aten_value *args,
                                int32_t count)
{
    const xi_aten_list *list = xi_machine_items(v);
    int64_t step = count > 3 && args[3].kind != XI_ATEN_NONE
                       ? xi_aten_arg_int(&m->x, &args[3], "step")
                       : 1;
    int64_t n = list->count, start = step < 0 ? n - 1 : 0, end = step < 0 ? -1 : n;
    if (step == 0) return xi_machine_fail(m, XINF_MALFORMED, "a step of 0");
    for (int k = 1; k <= 2 && k < count; k++) {
        if (args[k].kind == XI_ATEN_NONE) continue;
        int64_t at = xi_aten_arg_int(&m->x, &args[k], "slice");
        if (at < 0) at += n;
        if (at < (step < 0 ? -1 : 0)) at = step < 0 ? -1 : 0;
        if (at > (step < 0 ? n - 1 : n)) at = step < 0 ? n - 1 : n;
        *(k == 1 ? &start : &end) = at;
    }
    if (!xi_machine_good(m)) return xi_aten_none();
    xi_aten_value out = xi_aten_new_list(&m->x, v->kind, 0);
    for (int64_t i = start; (step > 0 ? i < end : i > end) && xi_machine_good(m); i += step)
        xi_aten_append(&m->x, out.list, list->items[i]);
    return out;
}

static int list_order(const xi_aten_value *a, const xi_aten_value *b)
{
    if (a->kind == XI_ATEN_STRING && b->kind == XI_ATEN_STRING) {
        size_t n = a->s.len < b->s.len ? a->s.len : b->s.len;
        int c = n ? memcmp(a->s.ptr, b->s.ptr, n) : 0;
        return c ? c : (a->s.len > b->s.len) - (a->s.len < b->s.len);
    }
    double x = a->kind == XI_ATEN_DOUBLE ? a->d : (double)a->i,
           y = b->kind == XI_ATEN_DOUBLE ? b->d : (double)b->i;
    return (x > y) - (x < y);
}

static void list_sort(xi_machine *m, xi_aten_list *list, bool down)
{
    for (int32_t i = 0; i < list->count; i++)
        if (list->items[i].scalar ||
            (list->items[i].kind != XI_ATEN_INT && list->items[i].kind != XI_ATEN_DOUBLE &&
             list->items[i].kind != XI_ATEN_STRING)) {
            xi_machine_fail(m, XINF_UNSUPPORTED, "sorting a list of what only a run knows");
            return;
        }
    for (int32_t i = 1; i < list->count; i++) {
        xi_aten_value v = list->items[i];
        int32_t k = i;
        for (; k > 0 && (down ? -1 : 1) * list_order(&list->items[k - 1], &v) > 0; k--)
            list->items[k] = list->items[k - 1];
        list->items[k] = v;
    }
}

/* Whether v is among the items: all must be known. */
static int32_t list_find(xi_machine *m, const xi_aten_list *list, const xi_aten_value *v)
{
    for (int32_t i = 0; i < list->count; i++) {
        int same = xi_machine_equal(&list->items[i], v);
        if (same < 0) {
            m->x.wants_types = true;
            xi_machine_fail(m, XINF_UNSUPPORTED, "a search among what only a run knows");
            return -1;
        }
        if (same) return i;
    }
    return -1;
}

/* Also a number that only a run knows, among numbers. */
static xi_aten_value list_contains(xi_machine *m, const xi_aten_list *list, const xi_aten_value *v)
{
    bool graph = v->scalar != NULL, numbers = v->kind == XI_ATEN_INT || v->kind == XI_ATEN_DOUBLE;
    for (int32_t i = 0; i < list->count; i++) {
        graph = graph || list->items[i].scalar;
        numbers = numbers &&
                  (list->items[i].kind == XI_ATEN_INT || list->items[i].kind == XI_ATEN_DOUBLE);
    }
    if (!graph || !numbers || !list->count) return xi_aten_bool(list_find(m, list, v) >= 0);
    xi_aten_value found = xi_aten_bool(false);
    for (int32_t i = 0; i < list->count && xi_machine_good(m); i++) {
        xi_aten_value pair[2] = {list->items[i], *v}, two[2] = {found};
        two[1] = xi_machine_operator(m, XI_STR("eq"), pair, 2, NULL, 0);
        found = i ? xi_machine_operator(m, XI_STR("__or__"), two, 2, NULL, 0) : two[1];
    }
    return found;
}

static bool list_change(xi_aten_value *out, xi_machine *m, xi_str name, xi_aten_list *list,
                        const xi_aten_value *args, int32_t count)
{
    int64_t at;
    *out = args[0];
    if (xi_str_is(name, "append") && count == 2) {
        xi_machine_touch_list(m, list);
        xi_aten_append(&m->x, list, args[1]);
    } else if (xi_str_is(name, "extend") && count == 2 && xi_machine_items(&args[1])) {
        const xi_aten_list *more = xi_machine_items(&args[1]);
        xi_machine_touch_list(m, list);
        for (int32_t i = 0, n = more->count; i < n && xi_machine_good(m); i++)
            xi_aten_append(&m->x, list, more->items[i]);
    } else if (xi_str_is(name, "insert") && count == 3) {
        at = xi_aten_arg_int(&m->x, &args[1], "insert");
        if (at < 0) at = at + list->count < 0 ? 0 : at + list->count;
        xi_machine_touch_list(m, list);
        list_insert(m, list, at > list->count ? list->count : at, args[2]);
    } else if (xi_str_is(name, "pop")) {
        xi_aten_value last = xi_aten_int(-1);
        if (list_place(m, count == 2 ? &args[1] : &last, list->count, &at, "pop")) {
            *out = list->items[at];
            xi_machine_touch_list(m, list);
            list_remove(list, at);
        }
    } else if (xi_str_is(name, "Delete") && count == 2) {
        if (list_place(m, &args[1], list->count, &at, "del")) {
            xi_machine_touch_list(m, list);
            list_remove(list, at);
        }
    } else if (xi_str_is(name, "remove") && count == 2) {
        at = list_find(m, list, &args[1]);
        if (at < 0)
            xi_machine_fail(m, XINF_MALFORMED, "a list has no such item to remove");
        else
            xi_machine_touch_list(m, list), list_remove(list, at);
    } else if (xi_str_is(name, "clear")) {
        xi_machine_touch_list(m, list);
        list->count = 0;
    } else if (xi_str_is(name, "reverse")) {
        xi_machine_touch_list(m, list);
        for (int32_t i = 0, k = list->count - 1; i < k; i++, k--) {
            xi_aten_value v = list->items[i];
            list->items[i] = list->items[k];
            list->items[k] = v;
        }
    } else if (xi_str_is(name, "sort")) {
        xi_machine_touch_list(m, list);
        list_sort(m, list, count == 2 && args[1].kind == XI_ATEN_BOOL && args[1].b);
    } else if (xi_str_is(name, "_set_item") && count == 3) {
        if (list_place(m, &args[1], list->count, &at, "index")) {
            xi_machine_touch_list(m, list);
            list->items[at] = args[2];
        }
    } else {
        return false;
    }
    return true;
}

static bool list_has_tensor(const xi_aten_list *list)
{
    for (int32_t i = 0; i < list->count; i++)
        if (list->items[i].kind == XI_ATEN_TENSOR) return true;
    return false;
}

/* min, max, sum of a list of numbers: one after the other. */
static xi_aten_value list_fold(xi_machine *m, const xi_aten_list *list, const char *op)
{
    xi_aten_value v = list->count ? list->items[0] : xi_aten_int(0);
    for (int32_t i = 1; i < list->count && xi_machine_good(m); i++) {
        xi_aten_value two[2] = {v, list->items[i]};
        v = xi_machine_operator(m, xi_str_of(op), two, 2, NULL, 0);
    }
    return v;
}

static bool list_read(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_list *list,
                      const xi_aten_value *args, int32_t count)
{
    const xi_aten_list *other = count == 2 ? xi_machine_items(&args[1]) : NULL;
    xi_aten_kind kind = args[0].kind;
    if (xi_str_is(name, "len") && count == 1)
        *out = xi_aten_int(list->count);
    else if (xi_str_is(name, "__getitem__") && count == 2)
        *out = xi_machine_index(m, &args[0], &args[1]);
    else if (xi_str_is(name, "slice"))
        *out = list_slice(m, &args[0], args, count);
    else if ((xi_str_is(name, "list") || xi_str_is(name, "copy") || xi_str_is(name, "Size")) &&
             count == 1)
        *out = list_copy(m, XI_ATEN_LIST, list);
    else if (xi_str_is(name, "add") && other) {
        *out = list_copy(m, kind, list);
        for (int32_t i = 0; i < other->count && xi_machine_good(m); i++)
            xi_aten_append(&m->x, out->list, other->items[i]);
    } else if (xi_str_is(name, "mul") && count == 2 && args[1].kind == XI_ATEN_INT &&
               !args[1].scalar) {
        *out = xi_aten_new_list(&m->x, kind, 0);
        for (int64_t k = 0; k < args[1].i && xi_machine_good(m) && k < 100000; k++)
            for (int32_t i = 0; i < list->count && xi_machine_good(m); i++)
                xi_aten_append(&m->x, out->list, list->items[i]);
    } else if (xi_str_is(name, "__contains__") && count == 2)
        *out = list_contains(m, list, &args[1]);
    else if (xi_str_is(name, "index") && count == 2 && !list_has_tensor(list)) {
        int32_t at = list_find(m, list, &args[1]);
        *out = at >= 0 ? xi_aten_int(at)
                       : xi_machine_fail(m, XINF_MALFORMED, "a list has no such item");
    } else if (xi_str_is(name, "count") && count == 2) {
        int64_t n = 0;
        for (int32_t i = 0; i < list->count; i++)
            n += xi_machine_equal(&list->items[i], &args[1]) == 1;
        *out = xi_aten_int(n);
    } else if ((xi_str_is(name, "eq") || xi_str_is(name, "ne")) && other) {
        int same = xi_machine_equal(&args[0], &args[1]);
        if (same < 0) {
            m->x.wants_types = true;
            xi_machine_fail(m, XINF_UNSUPPORTED, "a comparison of lists that only a run knows");
        }
        *out = xi_aten_bool((same == 1) == (name.ptr[0] == 'e'));
    } else if (xi_str_is(name, "sorted")) {
        *out = list_copy(m, XI_ATEN_LIST, list);
        if (xi_machine_good(m))
            list_sort(m, out->list, count == 2 && args[1].kind == XI_ATEN_BOOL && args[1].b);
    } else if ((xi_str_is(name, "prim::min") || xi_str_is(name, "prim::max")) && count == 1)
        *out = list_fold(m, list, name.ptr[7] == 'i' ? "prim::min" : "prim::max");
    else if (xi_str_is(name, "sum") && count == 1 && !list_has_tensor(list))
        *out = list_fold(m, list, "add");
    else if ((xi_str_is(name, "all") || xi_str_is(name, "any")) && count == 1 &&
             !list_has_tensor(list)) {
        xi_aten_value v = xi_aten_bool(name.ptr[1] == 'l');
        for (int32_t i = 0; i < list->count && xi_machine_good(m); i++) {
            xi_aten_value two[2] = {
                v, xi_machine_operator(m, XI_STR("Bool"), &list->items[i], 1, NULL, 0)};
            v = xi_machine_operator(m, name.ptr[1] == 'l' ? XI_STR("__and__") : XI_STR("__or__"),
                                    two, 2, NULL, 0);
        }
        *out = v;
    } else if (xi_str_is(name, "prim::TupleUnpack") || xi_str_is(name, "prim::ListUnpack"))
        *out = args[0];
    else
        return false;
    return true;
}

/* ---- dicts ---- */

static bool dict_grow(xi_machine *m, xi_aten_dict *d)
{
    if (d->count < d->capacity) return true;
    size_t room = d->capacity ? (size_t)d->capacity * 2 : 8;
    xi_aten_value *keys = xi_arena_array(m->x.arena, room, sizeof *keys),
                  *values = xi_arena_array(m->x.arena, room, sizeof *values);
    if (!keys || !values) return xi_aten_memory(&m->x), false;
    if (d->count) memcpy(keys, d->keys, (size_t)d->count * sizeof *keys);
    if (d->count) memcpy(values, d->values, (size_t)d->count * sizeof *values);
    d->keys = keys;
    d->values = values;
    d->capacity = (int32_t)room;
    return true;
}

static void dict_set(xi_machine *m, xi_aten_dict *d, const xi_aten_value *key, xi_aten_value v)
{
    int32_t at = list_find_key(m, d, key);
    if (!xi_machine_good(m)) return;
    xi_machine_touch_dict(m, d);
    if (at < 0 && dict_grow(m, d)) {
        at = d->count++;
        d->keys[at] = *key;
    }
    if (at >= 0) d->values[at] = v;
}

static xi_aten_value dict_list(xi_machine *m, const xi_aten_dict *d, int what)
{
    xi_aten_value out = xi_aten_new_list(&m->x, XI_ATEN_LIST, d->count);
    for (int32_t i = 0; i < d->count && xi_machine_good(m); i++) {
        xi_aten_value item = what == 0 ? d->keys[i] : d->values[i];
        if (what == 2) {
            item = xi_aten_new_list(&m->x, XI_ATEN_TUPLE, 2);
            if (!xi_machine_good(m)) break;
            xi_aten_append(&m->x, item.list, d->keys[i]);
            xi_aten_append(&m->x, item.list, d->values[i]);
        }
        xi_aten_append(&m->x, out.list, item);
    }
    return out;
}

static bool dict_op(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *args,
                    int32_t count)
{
    xi_aten_dict *d = args[0].dict;
    int32_t at;
    *out = args[0];
    if (xi_str_is(name, "len") && count == 1)
        *out = xi_aten_int(d->count);
    else if (xi_str_is(name, "keys") && count == 1)
        *out = dict_list(m, d, 0);
    else if (xi_str_is(name, "values") && count == 1)
        *out = dict_list(m, d, 1);
    else if ((xi_str_is(name, "items") || xi_str_is(name, "list")) && count == 1)
        *out = dict_list(m, d, name.ptr[0] == 'i' ? 2 : 0);
    else if (xi_str_is(name, "__getitem__") && count == 2)
        *out = xi_machine_index(m, &args[0], &args[1]);
    else if (xi_str_is(name, "__contains__") && count == 2)
        *out = xi_aten_bool(list_find_key(m, d, &args[1]) >= 0);
    else if (xi_str_is(name, "_set_item") && count == 3)
        dict_set(m, d, &args[1], args[2]);
    else if ((xi_str_is(name, "get") || xi_str_is(name, "setdefault")) && count >= 2) {
        at = list_find_key(m, d, &args[1]);
        *out = at >= 0 ? d->values[at] : count > 2 ? args[2] : xi_aten_none();
        if (at < 0 && name.ptr[0] == 's') dict_set(m, d, &args[1], *out);
    } else if ((xi_str_is(name, "pop") || xi_str_is(name, "Delete")) && count >= 2) {
        at = list_find_key(m, d, &args[1]);
        *out = at >= 0     ? d->values[at]
               : count > 2 ? args[2]
                           : xi_machine_fail(m, XINF_MALFORMED, "a dict has no such key");
        if (at >= 0) {
            xi_machine_touch_dict(m, d);
            d->count--;
            for (int32_t i = at; i < d->count; i++) {
                d->keys[i] = d->keys[i + 1];
                d->values[i] = d->values[i + 1];
            }
        }
    } else if (xi_str_is(name, "update") && count == 2 && args[1].kind == XI_ATEN_DICT) {
        for (int32_t i = 0; i < args[1].dict->count && xi_machine_good(m); i++)
            dict_set(m, d, &args[1].dict->keys[i], args[1].dict->values[i]);
    } else if (xi_str_is(name, "clear") && count == 1) {
        xi_machine_touch_dict(m, d);
        d->count = 0;
    } else if (xi_str_is(name, "copy") && count == 1) {
        out->dict = xi_arena_alloc(m->x.arena, sizeof *d);
        if (!out->dict) return xi_aten_memory(&m->x), true;
        for (int32_t i = 0; i < d->count && xi_machine_good(m); i++)
            dict_set(m, out->dict, &d->keys[i], d->values[i]);
    } else {
        return false;
    }
    return true;
}

/* ---- sequences of the graph ---- */

static bool sequence_op(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *args,
                        int32_t count)
{
    xi_aten *x = &m->x;
    if (xi_str_is(name, "len") && count == 1)
        *out = xi_aten_dynamic(XI_ATEN_INT, xi_aten_emit1(x, "SequenceLength", args[0].scalar));
    else if (xi_str_is(name, "__getitem__") && count == 2)
        *out = xi_machine_index(m, &args[0], &args[1]);
    else if (xi_str_is(name, "add") && count == 2 && xi_machine_items(&args[1])) {
        const xi_aten_list *more = xi_machine_items(&args[1]);
        xi_value *v = args[0].scalar;
        for (int32_t i = 0; i < more->count && xi_machine_good(m); i++)
            v = xi_aten_emit2(x, "SequenceInsert", v, xi_aten_arg(x, &more->items[i]));
        *out = xi_aten_dynamic(XI_ATEN_SEQUENCE, v);
    } else if (xi_str_is(name, "list") || xi_str_is(name, "copy"))
        *out = args[0];
    else if (xi_str_is(name, "append") && count == 2) {
        /* Whoever holds the sequence holds the longer one from now on. */
        xi_value *v = xi_aten_emit2(x, "SequenceInsert", args[0].scalar, xi_aten_arg(x, &args[1]));
        *out = xi_aten_dynamic(XI_ATEN_SEQUENCE, v);
        for (uint32_t i = 0; i < m->frame->capacity && xi_machine_good(m); i++) {
            xi_machine_variable *held = &m->frame->variables[i];
            if (held->set && held->value.kind == XI_ATEN_SEQUENCE &&
                held->value.scalar == args[0].scalar)
                xi_machine_set(m, held->name, *out);
        }
    } else {
        return false;
    }
    return true;
}

/* range as a list. */
static bool list_range(xi_aten_value *out, xi_machine *m, const xi_aten_value *args, int32_t count)
{
    int64_t bound[3] = {0, 0, 1};
    for (int32_t i = 0; i < count && i < 3; i++)
        bound[count == 1 ? 1 : i] = xi_aten_arg_int(&m->x, &args[i], "range");
    if (!xi_machine_good(m)) return true;
    if (!bound[2]) return xi_machine_fail(m, XINF_MALFORMED, "range with a step of 0"), true;
    *out = xi_aten_new_list(&m->x, XI_ATEN_LIST, 0);
    int32_t trips = 0;
    for (int64_t i = bound[0]; (bound[2] > 0 ? i < bound[1] : i > bound[1]) && xi_machine_good(m);
         i += bound[2]) {
        if (trips++ > XI_MACHINE_TRIPS)
            return xi_machine_fail(m, XINF_LIMIT, "a range of more than %d", XI_MACHINE_TRIPS),
                   true;
        xi_aten_append(&m->x, out->list, xi_aten_int(i));
    }
    return true;
}

bool xi_machine_list_op(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *args,
                        int32_t count, const xi_aten_named *named, int32_t named_count)
{
    (void)named;
    if (count < 1) {
        if (xi_str_is(name, "dict") || xi_str_is(name, "list")) {
            *out = xi_aten_new_list(&m->x, XI_ATEN_LIST, 0);
            if (name.ptr[0] == 'd') {
                *out = (xi_aten_value){
                    XI_ATEN_DICT, NULL, {.dict = xi_arena_alloc(m->x.arena, sizeof(xi_aten_dict))}};
                if (!out->dict) xi_aten_memory(&m->x);
            }
            return true;
        }
        return false;
    }
    if (xi_str_is(name, "range")) return list_range(out, m, args, count);
    if (named_count && !xi_str_is(name, "sort") && !xi_str_is(name, "sorted")) return false;
    if (args[0].kind == XI_ATEN_DICT) return dict_op(out, m, name, args, count);
    if (args[0].kind == XI_ATEN_SEQUENCE) return sequence_op(out, m, name, args, count);
    if (args[0].kind == XI_ATEN_OBJECT && count == 2 && xi_str_is(name, "__getitem__"))
        return *out = xi_machine_index(m, &args[0], &args[1]), true;
    xi_aten_list *list = xi_machine_items(&args[0]);
    if (!list) return false;
    if (args[0].kind == XI_ATEN_LIST && list_change(out, m, name, list, args, count)) return true;
    return list_read(out, m, name, list, args, count);
}
