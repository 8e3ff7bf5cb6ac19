/* machine_text.c — strings: all of them are known. */
#include "import/torch/machine.h"

#include <stdio.h>

static xi_aten_value text_keep(xi_machine *m, const char *s, size_t len)
{
    char *copy = xi_arena_strndup(m->x.arena, s ? s : "", len);
    if (!copy) return xi_aten_memory(&m->x), xi_aten_none();
    return xi_aten_string((xi_str){copy, len});
}

static xi_aten_value text_end(xi_machine *m, xi_text *t)
{
    xi_aten_value v = text_keep(m, t->ptr, t->len);
    if (t->failed) xi_aten_memory(&m->x);
    xi_text_free(t);
    return v;
}

/* As str() writes it; what only a run knows becomes a word for it. */
static void text_write(xi_text *t, const xi_aten_value *v, int depth)
{
    char number[40];
    if (v->scalar) {
        xi_text_addf(t, "<%s>", xi_aten_kind_name(v));
        return;
    }
    switch (v->kind) {
    case XI_ATEN_STRING:
    case XI_ATEN_DEVICE: xi_text_add(t, v->s.ptr, v->s.len); return;
    case XI_ATEN_INT: xi_text_addf(t, "%lld", (long long)v->i); return;
    case XI_ATEN_BOOL: xi_text_addf(t, "%s", v->b ? "True" : "False"); return;
    case XI_ATEN_NONE: xi_text_addf(t, "None"); return;
    case XI_ATEN_DOUBLE:
        snprintf(number, sizeof number, "%g", v->d);
        xi_text_addf(t, "%s%s", number, strpbrk(number, ".ein") ? "" : ".0");
        return;
    case XI_ATEN_LIST:
    case XI_ATEN_TUPLE:
        xi_text_addf(t, "%s", v->kind == XI_ATEN_LIST ? "[" : "(");
        for (int32_t i = 0; i < v->list->count && depth < 8; i++) {
            if (i) xi_text_addf(t, ", ");
            text_write(t, &v->list->items[i], depth + 1);
        }
        xi_text_addf(t, "%s", v->kind == XI_ATEN_LIST ? "]" : ")");
        return;
    default: xi_text_addf(t, "<%s>", xi_aten_kind_name(v));
    }
}

/* "{}" takes the next argument, "{1}" the one of that number. */
static xi_aten_value text_format(xi_machine *m, xi_str f, const xi_aten_value *args, int32_t count)
{
    xi_text t;
    int32_t next = 0;
    xi_text_init(&t, &m->x.arena->alloc);
    for (size_t i = 0; i < f.len; i++) {
        size_t end = i + 1;
        int32_t at = -1;
        if (f.ptr[i] == '{') {
            while (end < f.len && f.ptr[end] >= '0' && f.ptr[end] <= '9' && end < i + 6) {
                at = (at < 0 ? 0 : at * 10) + (f.ptr[end] - '0');
                end++;
            }
            if (end < f.len && f.ptr[end] == '}') {
                if (at < 0) at = next++;
                if (at < count) text_write(&t, &args[at], 0);
                i = end;
                continue;
            }
        }
        xi_text_add(&t, f.ptr + i, 1);
    }
    return text_end(m, &t);
}

static bool text_starts(xi_str s, xi_str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static int64_t text_find(xi_str s, xi_str what, size_t from)
{
    for (size_t i = from; i + what.len <= s.len; i++)
        if (text_starts((xi_str){s.ptr + i, s.len - i}, what)) return (int64_t)i;
    return -1;
}

static xi_aten_value text_case(xi_machine *m, xi_str s, bool upper)
{
    xi_aten_value v = text_keep(m, s.ptr, s.len);
    char *p = (char *)v.s.ptr;
    for (size_t i = 0; xi_machine_good(m) && i < s.len; i++)
        if (upper ? p[i] >= 'a' && p[i] <= 'z' : p[i] >= 'A' && p[i] <= 'Z') p[i] ^= 32;
    return v;
}

static xi_aten_value text_strip(xi_str s, int sides)
{
    static const char blanks[] = " \t\n\r\f\v";
    while ((sides & 1) && s.len && strchr(blanks, s.ptr[0])) s.ptr++, s.len--;
    while ((sides & 2) && s.len && strchr(blanks, s.ptr[s.len - 1])) s.len--;
    return xi_aten_string(s);
}

static xi_aten_value text_split(xi_machine *m, xi_str s, xi_str by)
{
    xi_aten_value out = xi_aten_new_list(&m->x, XI_ATEN_LIST, 0);
    size_t from = 0;
    while (xi_machine_good(m) && from <= s.len) {
        int64_t at = by.len ? text_find(s, by, from) : -1;
        size_t end = at < 0 ? s.len : (size_t)at;
        xi_aten_append(&m->x, out.list, xi_aten_string((xi_str){s.ptr + from, end - from}));
        if (at < 0) break;
        from = end + by.len;
    }
    return out;
}

static xi_aten_value text_join(xi_machine *m, xi_str by, const xi_aten_list *list)
{
    xi_text t;
    xi_text_init(&t, &m->x.arena->alloc);
    for (int32_t i = 0; i < list->count; i++) {
        if (i) xi_text_add(&t, by.ptr, by.len);
        text_write(&t, &list->items[i], 0);
    }
    return text_end(m, &t);
}

static xi_aten_value text_replace(xi_machine *m, xi_str s, xi_str from, xi_str to)
{
    xi_text t;
    size_t at = 0;
    xi_text_init(&t, &m->x.arena->alloc);
    for (int64_t next; from.len && (next = text_find(s, from, at)) >= 0;
         at = (size_t)next + from.len) {
        xi_text_add(&t, s.ptr + at, (size_t)next - at);
        xi_text_add(&t, to.ptr, to.len);
    }
    xi_text_add(&t, s.ptr + at, s.len - at);
    return text_end(m, &t);
}

static int text_compare(xi_str a, xi_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static bool text_two(xi_aten_value *out, xi_machine *m, xi_str name, xi_str a, xi_str b)
{
    int c = text_compare(a, b);
    if (xi_str_is(name, "eq"))
        *out = xi_aten_bool(c == 0);
    else if (xi_str_is(name, "ne"))
        *out = xi_aten_bool(c != 0);
    else if (xi_str_is(name, "lt"))
        *out = xi_aten_bool(c < 0);
    else if (xi_str_is(name, "gt"))
        *out = xi_aten_bool(c > 0);
    else if (xi_str_is(name, "le"))
        *out = xi_aten_bool(c <= 0);
    else if (xi_str_is(name, "ge"))
        *out = xi_aten_bool(c >= 0);
    else if (xi_str_is(name, "add")) {
        xi_text t;
        xi_text_init(&t, &m->x.arena->alloc);
        xi_text_add(&t, a.ptr, a.len);
        xi_text_add(&t, b.ptr, b.len);
        *out = text_end(m, &t);
    } else if (xi_str_is(name, "startswith"))
        *out = xi_aten_bool(text_starts(a, b));
    else if (xi_str_is(name, "endswith"))
        *out = xi_aten_bool(a.len >= b.len &&
                            text_starts((xi_str){a.ptr + a.len - b.len, b.len}, b));
    else if (xi_str_is(name, "__contains__"))
        *out = xi_aten_bool(text_find(a, b, 0) >= 0);
    else if (xi_str_is(name, "find"))
        *out = xi_aten_int(text_find(a, b, 0));
    else if (xi_str_is(name, "split"))
        *out = text_split(m, a, b);
    else
        return false;
    return true;
}

bool xi_machine_text_op(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *args,
                        int32_t count)
{
    if (count == 1 && xi_str_is(name, "str")) {
        xi_text t;
        xi_text_init(&t, &m->x.arena->alloc);
        text_write(&t, &args[0], 0);
        *out = text_end(m, &t);
        return true;
    }
    if (count < 1 || (args[0].kind != XI_ATEN_STRING && args[0].kind != XI_ATEN_DEVICE))
        return false;
    xi_str s = args[0].s;
    if (args[0].kind == XI_ATEN_DEVICE && count == 1 && xi_str_is(name, "prim::type")) {
        const char *colon = s.len ? memchr(s.ptr, ':', s.len) : NULL;
        return *out = xi_aten_string((xi_str){s.ptr, colon ? (size_t)(colon - s.ptr) : s.len}),
               true;
    }
    if (xi_str_is(name, "format")) return *out = text_format(m, s, args + 1, count - 1), true;
    if (count == 2 && (args[1].kind == XI_ATEN_STRING || args[1].kind == XI_ATEN_DEVICE))
        return text_two(out, m, name, s, args[1].s);
    if (count == 1) {
        if (xi_str_is(name, "len"))
            *out = xi_aten_int((int64_t)s.len);
        else if (xi_str_is(name, "lower") || xi_str_is(name, "upper"))
            *out = text_case(m, s, name.ptr[0] == 'u');
        else if (xi_str_is(name, "strip") || xi_str_is(name, "lstrip") || xi_str_is(name, "rstrip"))
            *out = text_strip(s, name.ptr[0] == 's' ? 3 : name.ptr[0] == 'l' ? 1 : 2);
        else if (xi_str_is(name, "ord") && s.len == 1)
            *out = xi_aten_int((unsigned char)s.ptr[0]);
        else
            return false;
        return true;
    }
    if (count == 2 && xi_str_is(name, "__getitem__"))
        return *out = xi_machine_index(m, &args[0], &args[1]), true;
    if (count == 2 && xi_str_is(name, "join") && xi_machine_items(&args[1]))
        return *out = text_join(m, s, xi_machine_items(&args[1])), true;
    if (count == 3 && xi_str_is(name, "replace") && args[1].kind == XI_ATEN_STRING &&
        args[2].kind == XI_ATEN_STRING)
        return *out = text_replace(m, s, args[1].s, args[2].s), true;
    return false;
}
