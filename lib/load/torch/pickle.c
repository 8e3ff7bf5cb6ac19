/* pickle.c — the stack machine: one row of the table per instruction. */
#include "load/torch/pickle.h"

#include <stdio.h>

#include "base/allocator.h"
#include "base/checked.h"
#include "load/torch/pickle_machine.h"

enum { PICKLE_NAME_MAX = 2048, PICKLE_STACK_MAX = 1 << 24 };

xinf_status xi_pickle_fail(const xi_pickle *p, xinf_status status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    xi_fail_v(p->err, status, fmt, args);
    va_end(args);
    xi_error_prefix(p->err, "%s, byte %zu: ", p->options->record, (size_t)(p->at - p->start));
    return status;
}

xinf_status xi_pickle_memory(const xi_pickle *p)
{
    /* Blocks are small against any limit: an arena that is not even half full has run out of the
     * machine's memory. */
    if (p->arena->limit && p->arena->used > p->arena->limit / 2)
        return xi_pickle_fail(p, XINF_LIMIT, "the values need more memory than is allowed");
    return xi_pickle_fail(p, XINF_OUT_OF_MEMORY, "out of memory");
}

xi_torch_value *xi_pickle_new(xi_pickle *p, int kind)
{
    xi_pickle_item *item = xi_arena_alloc(p->arena, kind == XI_PICKLE_STORAGE ? sizeof *item
                                                                              : sizeof item->value);
    if (!item) return NULL;
    item->value.kind = (xi_torch_kind)kind;
    item->value.id = p->next_id++;
    return &item->value;
}

/* ---- containers: room is the next power of two of the count, so it needs no field ---- */

static size_t pickle_room(size_t count)
{
    size_t room = 1;
    while (room < count) room *= 2;
    return count ? room : 0;
}

static bool pickle_grow(xi_pickle *p, xi_torch_value *const **items, size_t count, size_t add)
{
    size_t have = pickle_room(count), want = pickle_room(count + add);
    if (want == have) return true;
    xi_torch_value **copy = xi_arena_array(p->arena, want, sizeof *copy);
    if (!copy) return false;
    if (count) memcpy(copy, *items, count * sizeof *copy);
    *items = copy;
    return true;
}

static xinf_status pickle_extend_dict(xi_pickle *p, xi_torch_value *d, xi_torch_value *const *items,
                                      size_t pairs)
{
    size_t count = (size_t)d->dict.count;
    if (!pickle_grow(p, &d->dict.keys, count, pairs) ||
        !pickle_grow(p, &d->dict.values, count, pairs))
        return xi_pickle_memory(p);
    for (size_t i = 0; i < pairs; i++) {
        ((xi_torch_value **)d->dict.keys)[count + i] = items[2 * i];
        ((xi_torch_value **)d->dict.values)[count + i] = items[2 * i + 1];
    }
    d->dict.count += (int32_t)pairs;
    return XINF_OK;
}

xinf_status xi_pickle_extend(xi_pickle *p, xi_torch_value *container, xi_torch_value *const *items,
                             size_t count)
{
    if (count == 0) return XINF_OK;
    if (count > INT32_MAX / 4) return xi_pickle_memory(p);
    if (container->kind == XI_TORCH_DICT) return pickle_extend_dict(p, container, items, count / 2);
    size_t have = (size_t)container->seq.count;
    if (have > INT32_MAX / 2 || !pickle_grow(p, &container->seq.items, have, count))
        return xi_pickle_memory(p);
    memcpy((xi_torch_value **)container->seq.items + have, items, count * sizeof *items);
    container->seq.count += (int32_t)count;
    return XINF_OK;
}

xi_torch_value *xi_pickle_sequence(xi_pickle *p, int kind, xi_torch_value *const *items,
                                   size_t count)
{
    xi_torch_value *v = xi_pickle_new(p, kind);
    return v && xi_pickle_extend(p, v, items, count) == XINF_OK ? v : NULL;
}

/* ---- bytes ---- */

static xinf_status pickle_bytes(const uint8_t **out, xi_pickle *p, uint64_t size)
{
    *out = NULL;
    if (size > (uint64_t)(p->end - p->at))
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle ends early");
    *out = p->at;
    p->at += size;
    return XINF_OK;
}

/* A little-endian number of `size` bytes. */
static xinf_status pickle_number(uint64_t *out, xi_pickle *p, uint32_t size)
{
    const uint8_t *b = NULL;
    xinf_status status = pickle_bytes(&b, p, size);
    *out = 0;
    for (uint32_t i = 0; status == XINF_OK && i < size; i++) *out |= (uint64_t)b[i] << 8 * i;
    return status;
}

static xinf_status pickle_line(xi_str *out, xi_pickle *p)
{
    *out = (xi_str){NULL, 0};
    const uint8_t *stop = p->at < p->end ? memchr(p->at, '\n', (size_t)(p->end - p->at)) : NULL;
    if (!stop) return xi_pickle_fail(p, XINF_MALFORMED, "the pickle ends early");
    *out = (xi_str){(const char *)p->at, (size_t)(stop - p->at)};
    p->at = stop + 1;
    return XINF_OK;
}

/* ---- the stack ---- */

static xinf_status pickle_push(xi_pickle *p, xi_torch_value *v)
{
    if (!v) return xi_pickle_memory(p);
    if (p->depth == p->stack_capacity) {
        if (p->depth >= PICKLE_STACK_MAX ||
            !xi_grow(&p->alloc, (void **)&p->stack, &p->stack_capacity, p->depth + 1,
                     sizeof *p->stack))
            return xi_pickle_memory(p);
    }
    p->stack[p->depth++] = v;
    return XINF_OK;
}

static xinf_status pickle_pop(xi_torch_value **out, xi_pickle *p)
{
    *out = NULL;
    if (p->depth == 0 || p->stack[p->depth - 1] == p->mark)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle takes from an empty stack");
    *out = p->stack[--p->depth];
    return XINF_OK;
}

/* Takes everything above the last mark: *out points into the stack, which stays as it is until the
 * next push. */
static xinf_status pickle_pop_mark(xi_torch_value ***out, size_t *count, xi_pickle *p)
{
    size_t at = p->depth;
    *out = NULL;
    *count = 0;
    while (at && p->stack[at - 1] != p->mark) at--;
    if (at == 0) return xi_pickle_fail(p, XINF_MALFORMED, "the pickle closes what it never opened");
    *out = p->stack + at;
    *count = p->depth - at;
    p->depth = at - 1;
    return XINF_OK;
}

static xinf_status pickle_top(xi_torch_value **out, xi_pickle *p, xi_torch_kind kind,
                              xi_torch_kind other)
{
    *out = NULL;
    if (p->depth == 0 ||
        (p->stack[p->depth - 1]->kind != kind && p->stack[p->depth - 1]->kind != other))
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle adds to what is no %s",
                              xi_torch_kind_name(kind));
    *out = p->stack[p->depth - 1];
    return XINF_OK;
}

static xinf_status pickle_put(xi_pickle *p, uint64_t index)
{
    if (p->depth == 0 || p->stack[p->depth - 1] == p->mark)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle names nothing");
    if (index >= (uint64_t)(p->end - p->start))
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle has a name beyond its own length");
    if (index >= p->memo_capacity) {
        size_t had = p->memo_capacity;
        if (!xi_grow(&p->alloc, (void **)&p->memo, &p->memo_capacity, (size_t)index + 1,
                     sizeof *p->memo))
            return xi_pickle_memory(p);
        memset(p->memo + had, 0, (p->memo_capacity - had) * sizeof *p->memo);
    }
    p->memo[index] = p->stack[p->depth - 1];
    if (index >= p->memo_next) p->memo_next = (size_t)index + 1;
    return XINF_OK;
}

static xinf_status pickle_get(xi_pickle *p, uint64_t index)
{
    if (index >= p->memo_capacity || !p->memo[index])
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle asks for what it never named");
    return pickle_push(p, p->memo[index]);
}

/* ---- scalars ---- */

static xinf_status pickle_push_int(xi_pickle *p, int64_t i)
{
    xi_torch_value **shared = i >= 0 && i < 256 ? &p->small[i] : NULL, *v = shared ? *shared : NULL;
    if (!v && (v = xi_pickle_new(p, XI_TORCH_INT))) v->i = i;
    if (shared) *shared = v;
    return pickle_push(p, v);
}

static xinf_status pickle_push_bool(xi_pickle *p, bool b)
{
    xi_torch_value *v = p->truth[b];
    if (!v && (v = xi_pickle_new(p, XI_TORCH_BOOL))) v->b = b;
    p->truth[b] = v;
    return pickle_push(p, v);
}

static xinf_status pickle_push_text(xi_pickle *p, int kind, uint64_t size)
{
    const uint8_t *bytes;
    xinf_status status = pickle_bytes(&bytes, p, size);
    if (status != XINF_OK) return status;
    xi_torch_value *v = xi_pickle_new(p, kind);
    if (v) v->s = (xi_str){(const char *)bytes, (size_t)size};
    return pickle_push(p, v);
}

static xinf_status pickle_op_int(xi_pickle *p, uint32_t size)
{
    uint64_t u;
    xinf_status status = pickle_number(&u, p, size);
    if (status != XINF_OK) return status;
    return pickle_push_int(p, size == 4 ? (int64_t)(int32_t)(uint32_t)u : (int64_t)u);
}

/* Two's complement of any length; what does not fit 64 bits is refused. */
static xinf_status pickle_op_long(xi_pickle *p, uint32_t size)
{
    const uint8_t *b = NULL;
    uint64_t length, u = 0;
    xinf_status status = pickle_number(&length, p, size);
    if (status == XINF_OK && length > 8)
        return xi_pickle_fail(p, XINF_UNSUPPORTED,
                              "the pickle holds an integer of more than 64 bits");
    if (status == XINF_OK) status = pickle_bytes(&b, p, length);
    if (status != XINF_OK) return status;
    if (length && b[length - 1] & 0x80) u = ~(uint64_t)0;
    for (uint32_t i = 0; i < length; i++)
        u = (u & ~((uint64_t)0xff << 8 * i)) | (uint64_t)b[i] << 8 * i;
    return pickle_push_int(p, (int64_t)u);
}

/* Decimal text of protocol 0; 00 and 01 of INT are the booleans. */
static xinf_status pickle_op_decimal(xi_pickle *p, uint32_t is_long)
{
    xi_str line;
    int64_t v = 0;
    size_t at = 0;
    xinf_status status = pickle_line(&line, p);
    if (status != XINF_OK) return status;
    if (!is_long && (xi_str_is(line, "00") || xi_str_is(line, "01")))
        return pickle_push_bool(p, line.ptr[1] == '1');
    if (is_long && line.len && line.ptr[line.len - 1] == 'L') line.len--;
    bool negative = line.len && line.ptr[0] == '-', good = line.len > negative;
    for (at = negative; at < line.len && good; at++) {
        int digit = line.ptr[at] - '0';
        good = digit >= 0 && digit <= 9 && xi_mul_i64(v, 10, &v) &&
               xi_add_i64(v, negative ? -digit : digit, &v);
    }
    if (!good)
        return xi_pickle_fail(p, XINF_MALFORMED,
                              "the pickle holds a number that is none or has more than 64 bits");
    return pickle_push_int(p, v);
}

static xinf_status pickle_op_double(xi_pickle *p, uint32_t unused)
{
    const uint8_t *b = NULL;
    uint64_t u = 0;
    xinf_status status = pickle_bytes(&b, p, 8);
    (void)unused;
    if (status != XINF_OK) return status;
    for (int i = 0; i < 8; i++) u = u << 8 | b[i];
    xi_torch_value *v = xi_pickle_new(p, XI_TORCH_DOUBLE);
    if (v) memcpy(&v->d, &u, 8);
    return pickle_push(p, v);
}

static xinf_status pickle_op_none(xi_pickle *p, uint32_t unused)
{
    (void)unused;
    if (!p->none) p->none = xi_pickle_new(p, XI_TORCH_NONE);
    return pickle_push(p, p->none);
}

static xinf_status pickle_op_bool(xi_pickle *p, uint32_t value)
{
    return pickle_push_bool(p, value != 0);
}

static xinf_status pickle_op_string(xi_pickle *p, uint32_t length_size)
{
    uint64_t size;
    xinf_status status = pickle_number(&size, p, length_size);
    return status == XINF_OK ? pickle_push_text(p, XI_TORCH_STRING, size) : status;
}

static xinf_status pickle_op_bytes(xi_pickle *p, uint32_t length_size)
{
    uint64_t size;
    xinf_status status = pickle_number(&size, p, length_size);
    return status == XINF_OK ? pickle_push_text(p, XI_TORCH_BYTES, size) : status;
}

/* Text to the line's end: kept as it stands, without its escapes being undone, so any escape is
 * refused. */
static xinf_status pickle_op_line(xi_pickle *p, uint32_t unused)
{
    xi_str line;
    xinf_status status = pickle_line(&line, p);
    (void)unused;
    if (status != XINF_OK) return status;
    if (line.len && memchr(line.ptr, '\\', line.len))
        return xi_pickle_fail(p, XINF_UNSUPPORTED, "the pickle holds escaped text of protocol 0");
    xi_torch_value *v = xi_pickle_new(p, XI_TORCH_STRING);
    if (v) v->s = line;
    return pickle_push(p, v);
}

/* ---- containers' instructions ---- */

static xinf_status pickle_op_mark(xi_pickle *p, uint32_t unused)
{
    (void)unused;
    return pickle_push(p, p->mark);
}

static xinf_status pickle_op_empty(xi_pickle *p, uint32_t kind)
{
    return pickle_push(p, xi_pickle_new(p, (int)kind));
}

static xinf_status pickle_op_tuple(xi_pickle *p, uint32_t count)
{
    xi_torch_value *items[3], *v;
    xinf_status status = XINF_OK;
    for (uint32_t i = count; i-- > 0 && status == XINF_OK;) status = pickle_pop(&items[i], p);
    if (status != XINF_OK) return status;
    v = xi_pickle_sequence(p, XI_TORCH_TUPLE, items, count);
    return pickle_push(p, v);
}

static xinf_status pickle_op_collect(xi_pickle *p, uint32_t kind)
{
    xi_torch_value **items, *v;
    size_t count;
    xinf_status status = pickle_pop_mark(&items, &count, p);
    if (status != XINF_OK) return status;
    if (kind == XI_TORCH_DICT && count % 2)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle has a key without its value");
    v = xi_pickle_sequence(p, (int)kind, items, count);
    return pickle_push(p, v);
}

static xinf_status pickle_op_append(xi_pickle *p, uint32_t unused)
{
    xi_torch_value *item, *list = NULL;
    xinf_status status = pickle_pop(&item, p);
    (void)unused;
    if (status == XINF_OK) status = pickle_top(&list, p, XI_TORCH_LIST, XI_TORCH_LIST);
    return status == XINF_OK ? xi_pickle_extend(p, list, &item, 1) : status;
}

static xinf_status pickle_op_appends(xi_pickle *p, uint32_t kind)
{
    xi_torch_value **items, *list = NULL;
    size_t count;
    xinf_status status = pickle_pop_mark(&items, &count, p);
    if (status == XINF_OK) status = pickle_top(&list, p, (xi_torch_kind)kind, (xi_torch_kind)kind);
    return status == XINF_OK ? xi_pickle_extend(p, list, items, count) : status;
}

/* An object may be filled like a dict before BUILD (a class derived from dict does): its state
 * becomes one. */
static xinf_status pickle_set_items(xi_pickle *p, xi_torch_value *const *items, size_t count)
{
    xi_torch_value *dict = NULL;
    xinf_status status = pickle_top(&dict, p, XI_TORCH_DICT, XI_TORCH_OBJECT);
    if (status != XINF_OK) return status;
    if (count % 2)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle has a key without its value");
    if (dict->kind == XI_TORCH_OBJECT) {
        if (!p->options->foreign ||
            (dict->object.state && dict->object.state->kind != XI_TORCH_DICT))
            return xi_pickle_fail(p, XINF_MALFORMED, "the pickle adds to what is no dict");
        if (!dict->object.state) dict->object.state = xi_pickle_new(p, XI_TORCH_DICT);
        if (!dict->object.state) return xi_pickle_memory(p);
        dict = (xi_torch_value *)dict->object.state;
    }
    return xi_pickle_extend(p, dict, items, count);
}

static xinf_status pickle_op_setitem(xi_pickle *p, uint32_t unused)
{
    xi_torch_value *pair[2];
    xinf_status status = pickle_pop(&pair[1], p);
    (void)unused;
    if (status == XINF_OK) status = pickle_pop(&pair[0], p);
    return status == XINF_OK ? pickle_set_items(p, pair, 2) : status;
}

static xinf_status pickle_op_setitems(xi_pickle *p, uint32_t unused)
{
    xi_torch_value **items;
    size_t count;
    xinf_status status = pickle_pop_mark(&items, &count, p);
    (void)unused;
    return status == XINF_OK ? pickle_set_items(p, items, count) : status;
}

static xinf_status pickle_op_pop(xi_pickle *p, uint32_t unused)
{
    (void)unused;
    if (p->depth == 0)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle takes from an empty stack");
    p->depth--;
    return XINF_OK;
}

static xinf_status pickle_op_pop_mark(xi_pickle *p, uint32_t unused)
{
    xi_torch_value **items;
    size_t count;
    (void)unused;
    return pickle_pop_mark(&items, &count, p);
}

static xinf_status pickle_op_dup(xi_pickle *p, uint32_t unused)
{
    (void)unused;
    if (p->depth == 0)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle takes from an empty stack");
    return pickle_push(p, p->stack[p->depth - 1]);
}

static xinf_status pickle_op_put(xi_pickle *p, uint32_t size)
{
    uint64_t index = p->memo_next;
    xinf_status status = size ? pickle_number(&index, p, size) : XINF_OK;
    return status == XINF_OK ? pickle_put(p, index) : status;
}

static xinf_status pickle_op_get(xi_pickle *p, uint32_t size)
{
    uint64_t index;
    xinf_status status = pickle_number(&index, p, size);
    return status == XINF_OK ? pickle_get(p, index) : status;
}

/* PUT and GET of protocol 0: the index as text. */
static xinf_status pickle_op_text_memo(xi_pickle *p, uint32_t put)
{
    xi_torch_value *index;
    xinf_status status = pickle_op_decimal(p, 1);
    if (status == XINF_OK) status = pickle_pop(&index, p);
    if (status != XINF_OK) return status;
    if (index->i < 0) return xi_pickle_fail(p, XINF_MALFORMED, "the pickle has a negative name");
    return put ? pickle_put(p, (uint64_t)index->i) : pickle_get(p, (uint64_t)index->i);
}

/* ---- names, objects, calls ---- */

static xinf_status pickle_push_name(xi_pickle *p, xi_str module, xi_str name)
{
    xi_torch_value *v = NULL;
    if (module.len > PICKLE_NAME_MAX || name.len > PICKLE_NAME_MAX)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle has a name of excessive length");
    xinf_status status = xi_pickle_name(&v, p, module, name);
    return status == XINF_OK ? pickle_push(p, v) : status;
}

static xinf_status pickle_op_global(xi_pickle *p, uint32_t unused)
{
    xi_str module, name;
    xinf_status status = pickle_line(&module, p);
    (void)unused;
    if (status == XINF_OK) status = pickle_line(&name, p);
    return status == XINF_OK ? pickle_push_name(p, module, name) : status;
}

static xinf_status pickle_op_stack_global(xi_pickle *p, uint32_t unused)
{
    xi_torch_value *module, *name;
    xinf_status status = pickle_pop(&name, p);
    (void)unused;
    if (status == XINF_OK) status = pickle_pop(&module, p);
    if (status != XINF_OK) return status;
    if (module->kind != XI_TORCH_STRING || name->kind != XI_TORCH_STRING)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle has a name that is no text");
    return pickle_push_name(p, module->s, name->s);
}

static xinf_status pickle_op_reduce(xi_pickle *p, uint32_t unused)
{
    xi_torch_value *args, *function, *v = NULL;
    xinf_status status = pickle_pop(&args, p);
    (void)unused;
    if (status == XINF_OK) status = pickle_pop(&function, p);
    if (status != XINF_OK) return status;
    if ((int)function->kind != XI_PICKLE_GLOBAL || args->kind != XI_TORCH_TUPLE)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle calls what is no function");
    status = xi_pickle_call(&v, p, function, args);
    return status == XINF_OK ? pickle_push(p, v) : status;
}

/* with_keywords: NEWOBJ_EX. Arguments of a class's construction are dropped: nothing is
 * constructed. */
static xinf_status pickle_op_newobj(xi_pickle *p, uint32_t with_keywords)
{
    xi_torch_value *drop, *name, *v = NULL;
    xinf_status status = pickle_pop(&drop, p);
    if (status == XINF_OK && with_keywords) status = pickle_pop(&drop, p);
    if (status == XINF_OK) status = pickle_pop(&name, p);
    if (status != XINF_OK) return status;
    if ((int)name->kind != XI_PICKLE_GLOBAL)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle makes an object of what is no class");
    status = xi_pickle_instance(&v, p, name);
    return status == XINF_OK ? pickle_push(p, v) : status;
}

/* State of anything but an object (an OrderedDict's attributes, say) changes nothing here. */
static xinf_status pickle_op_build(xi_pickle *p, uint32_t unused)
{
    xi_torch_value *state;
    xinf_status status = pickle_pop(&state, p);
    (void)unused;
    if (status != XINF_OK) return status;
    if (p->depth == 0)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle takes from an empty stack");
    xi_torch_value *object = p->stack[p->depth - 1];
    if ((int)state->kind >= XI_PICKLE_MARK)
        return xi_pickle_fail(p, XINF_MALFORMED,
                              "the pickle gives an object a state that is no value");
    if (object->kind == XI_TORCH_OBJECT)
        object->object.state = state;
    else if (object->kind != XI_TORCH_DICT && object->kind != XI_TORCH_TENSOR)
        return xi_pickle_fail(p, XINF_MALFORMED, "the pickle gives a state to what is no object");
    return XINF_OK;
}

static xinf_status pickle_op_persistent(xi_pickle *p, uint32_t unused)
{
    xi_torch_value *id, *v = NULL;
    xinf_status status = pickle_pop(&id, p);
    (void)unused;
    if (status == XINF_OK) status = xi_pickle_persistent(&v, p, id);
    return status == XINF_OK ? pickle_push(p, v) : status;
}

static xinf_status pickle_op_proto(xi_pickle *p, uint32_t unused)
{
    uint64_t version;
    xinf_status status = pickle_number(&version, p, 1);
    (void)unused;
    if (status == XINF_OK && version > 5)
        return xi_pickle_fail(p, XINF_UNSUPPORTED, "pickle protocol %u; 0 to 5 are read",
                              (unsigned)version);
    return status;
}

/* Frames are a hint about reading ahead. */
static xinf_status pickle_op_frame(xi_pickle *p, uint32_t unused)
{
    uint64_t size;
    (void)unused;
    return pickle_number(&size, p, 8);
}

typedef struct pickle_op {
    xinf_status (*run)(xi_pickle *p, uint32_t arg);
    uint32_t arg;
} pickle_op;

static const pickle_op pickle_ops[256] = {
    [0x80] = {pickle_op_proto, 0},
    [0x95] = {pickle_op_frame, 0},
    ['('] = {pickle_op_mark, 0},
    ['0'] = {pickle_op_pop, 0},
    ['1'] = {pickle_op_pop_mark, 0},
    ['2'] = {pickle_op_dup, 0},
    ['N'] = {pickle_op_none, 0},
    [0x88] = {pickle_op_bool, 1},
    [0x89] = {pickle_op_bool, 0},
    ['I'] = {pickle_op_decimal, 0},
    ['L'] = {pickle_op_decimal, 1},
    ['J'] = {pickle_op_int, 4},
    ['K'] = {pickle_op_int, 1},
    ['M'] = {pickle_op_int, 2},
    [0x8a] = {pickle_op_long, 1},
    [0x8b] = {pickle_op_long, 4},
    ['G'] = {pickle_op_double, 0},
    ['V'] = {pickle_op_line, 0},
    ['X'] = {pickle_op_string, 4},
    [0x8c] = {pickle_op_string, 1},
    [0x8d] = {pickle_op_string, 8},
    ['T'] = {pickle_op_string, 4},
    ['U'] = {pickle_op_string, 1},
    ['B'] = {pickle_op_bytes, 4},
    ['C'] = {pickle_op_bytes, 1},
    [0x8e] = {pickle_op_bytes, 8},
    [0x96] = {pickle_op_bytes, 8},
    [')'] = {pickle_op_empty, XI_TORCH_TUPLE},
    [']'] = {pickle_op_empty, XI_TORCH_LIST},
    ['}'] = {pickle_op_empty, XI_TORCH_DICT},
    [0x8f] = {pickle_op_empty, XI_TORCH_SET},
    [0x85] = {pickle_op_tuple, 1},
    [0x86] = {pickle_op_tuple, 2},
    [0x87] = {pickle_op_tuple, 3},
    ['t'] = {pickle_op_collect, XI_TORCH_TUPLE},
    ['l'] = {pickle_op_collect, XI_TORCH_LIST},
    ['d'] = {pickle_op_collect, XI_TORCH_DICT},
    [0x91] = {pickle_op_collect, XI_TORCH_SET},
    ['a'] = {pickle_op_append, 0},
    ['e'] = {pickle_op_appends, XI_TORCH_LIST},
    [0x90] = {pickle_op_appends, XI_TORCH_SET},
    ['s'] = {pickle_op_setitem, 0},
    ['u'] = {pickle_op_setitems, 0},
    ['p'] = {pickle_op_text_memo, 1},
    ['g'] = {pickle_op_text_memo, 0},
    ['q'] = {pickle_op_put, 1},
    ['r'] = {pickle_op_put, 4},
    [0x94] = {pickle_op_put, 0},
    ['h'] = {pickle_op_get, 1},
    ['j'] = {pickle_op_get, 4},
    ['c'] = {pickle_op_global, 0},
    [0x93] = {pickle_op_stack_global, 0},
    ['R'] = {pickle_op_reduce, 0},
    [0x81] = {pickle_op_newobj, 0},
    [0x92] = {pickle_op_newobj, 1},
    ['b'] = {pickle_op_build, 0},
    ['Q'] = {pickle_op_persistent, 0},
};

static xinf_status pickle_walk(xi_torch_value **out, xi_pickle *p)
{
    xinf_status status = XINF_OK;
    while (status == XINF_OK) {
        if (p->at == p->end) return xi_pickle_fail(p, XINF_MALFORMED, "the pickle ends early");
        uint8_t code = *p->at++;
        if (code == '.') break;
        if (!pickle_ops[code].run)
            return xi_pickle_fail(p, XINF_UNSUPPORTED, "instruction 0x%02x of pickles is not read",
                                  code);
        status = pickle_ops[code].run(p, pickle_ops[code].arg);
    }
    if (status == XINF_OK) status = pickle_pop(out, p);
    if (status == XINF_OK && p->depth)
        status = xi_pickle_fail(p, XINF_MALFORMED, "the pickle leaves more than one value");
    return status;
}

/* ---- the finished tree: no cycle, bounded depth, nothing of the machine's own in it ---- */

typedef struct pickle_visit {
    const xi_torch_value *value;
    int64_t next; /* child to look at */
} pickle_visit;

static const xi_torch_value *pickle_child(const xi_torch_value *v, int64_t index)
{
    switch (v->kind) {
    case XI_TORCH_LIST:
    case XI_TORCH_TUPLE:
    case XI_TORCH_SET: return index < v->seq.count ? v->seq.items[index] : NULL;
    case XI_TORCH_DICT:
        return index >= 2 * (int64_t)v->dict.count ? NULL
               : index % 2                         ? v->dict.values[index / 2]
                                                   : v->dict.keys[index / 2];
    case XI_TORCH_OBJECT:
    case XI_TORCH_ENUM: return index == 0 ? v->object.state : NULL;
    default: return NULL;
    }
}

/* heights[id]: 0 not seen, 255 being looked at, else 1 + nesting below. */
static xinf_status pickle_check_tree(const xi_pickle *p, const xi_torch_value *root,
                                     uint8_t *heights, uint32_t first_id)
{
    pickle_visit stack[XI_PICKLE_DEPTH];
    size_t depth = 1;
    stack[0] = (pickle_visit){root, 0};
    heights[root->id - first_id] = 255;
    while (depth) {
        pickle_visit *top = &stack[depth - 1];
        const xi_torch_value *child = pickle_child(top->value, top->next++);
        /* A class that stands as a value, in a file of weights: it is an object without state. */
        if ((int)top->value->kind == XI_PICKLE_GLOBAL && p->options->foreign)
            ((xi_torch_value *)top->value)->kind = XI_TORCH_OBJECT;
        if ((int)top->value->kind >= XI_PICKLE_MARK)
            return xi_pickle_fail(p, XINF_MALFORMED,
                                  "the pickle holds a class or a storage in place of a value");
        if (!child) {
            uint8_t height = 1;
            for (int64_t i = 0; (child = pickle_child(top->value, i)); i++)
                if (heights[child->id - first_id] >= height)
                    height = (uint8_t)(heights[child->id - first_id] + 1);
            heights[top->value->id - first_id] = height;
            depth--;
            continue;
        }
        uint8_t height = heights[child->id - first_id];
        if (height == 255)
            return xi_pickle_fail(p, XINF_MALFORMED,
                                  "the pickle holds a value that contains itself");
        if (depth + (height ? height : 1) > XI_PICKLE_DEPTH)
            return xi_pickle_fail(p, XINF_LIMIT, "the pickle nests its values more than %d deep",
                                  XI_PICKLE_DEPTH);
        if (height) continue;
        heights[child->id - first_id] = 255;
        stack[depth++] = (pickle_visit){child, 0};
    }
    return XINF_OK;
}

xinf_status xi_pickle_read(const xi_torch_value **out, xi_str *out_foreign, uint32_t *next_id,
                           xi_arena *arena, const uint8_t *data, size_t size,
                           const xi_pickle_options *options, xinf_error *err)
{
    xi_pickle p = {.options = options,
                   .arena = arena,
                   .start = data,
                   .at = data,
                   .end = data + size,
                   .next_id = *next_id};
    xi_torch_value *root = NULL;
    uint8_t *heights = NULL;
    size_t ids = 0;
    xinf_status status;
    *out = NULL;
    p.alloc = arena->alloc;
    p.err = err;
    p.mark = xi_pickle_new(&p, XI_PICKLE_MARK);
    status = p.mark ? pickle_walk(&root, &p) : xi_pickle_memory(&p);
    if (status == XINF_OK) {
        ids = p.next_id - *next_id;
        heights = xi_calloc(&p.alloc, ids, 1);
        status = heights ? pickle_check_tree(&p, root, heights, *next_id)
                         : xi_fail_memory(err, ids);
    }
    if (status == XINF_OK) {
        *out = root;
        *next_id = p.next_id;
        if (out_foreign && !out_foreign->len) *out_foreign = p.foreign;
    }
    xi_free(&p.alloc, heights, ids);
    xi_free(&p.alloc, p.stack, p.stack_capacity * sizeof *p.stack);
    xi_free(&p.alloc, p.memo, p.memo_capacity * sizeof *p.memo);
    return status;
}
