/* machine_program.c — what a program is made of: its classes and functions, found by name, and the
 * objects of the file. */
#include "import/torch/machine.h"

#include <stdio.h>

#include "base/allocator.h"

xi_aten_value xi_machine_fail(xi_machine *m, xinf_status status, const char *fmt, ...)
{
    if (m->x.status != XINF_OK || xi_machine_dead(m)) return xi_aten_none();
    va_list args;
    va_start(args, fmt);
    xi_fail_v(m->x.err, status, fmt, args);
    va_end(args);
    if (m->file.len) xi_error_prefix(m->x.err, "%.*s:%d: ", XI_STR_ARG(m->file), (int)m->line);
    m->x.status = status;
    return xi_aten_none();
}

xi_str xi_machine_join(xi_machine *m, xi_str a, xi_str b)
{
    if (!a.len) return b;
    char *s = xi_arena_array(m->x.arena, 1, a.len + b.len + 2);
    if (!s) return xi_aten_memory(&m->x), (xi_str){NULL, 0};
    memcpy(s, a.ptr, a.len);
    s[a.len] = '.';
    memcpy(s + a.len + 1, b.ptr, b.len);
    return (xi_str){s, a.len + b.len + 1};
}

/* ---- names ---- */

static bool program_split(xi_str qualified, xi_str *module, xi_str *name)
{
    size_t at = qualified.len;
    while (at > 0 && qualified.ptr[at - 1] != '.') at--;
    *module = (xi_str){qualified.ptr, at ? at - 1 : 0};
    *name = (xi_str){qualified.ptr + at, qualified.len - at};
    return at > 1 && name->len > 0;
}

static const xi_script_file *program_file(xi_machine *m, xi_str module)
{
    const xi_torch_source *s = xi_torch_archive_source(m->archive, module);
    if (!s) return NULL;
    size_t at = (size_t)(s - m->archive->sources);
    if (!m->files[at]) {
        xi_script_file *file;
        xinf_status status = xi_script_parse(&file, m->x.arena, s->name, s->text, m->x.err);
        if (status != XINF_OK && m->x.status == XINF_OK) m->x.status = status;
        m->files[at] = file;
    }
    return m->files[at];
}

static size_t program_slot(xi_machine_symbol *const *table, size_t capacity, xi_str module,
                           xi_str name)
{
    size_t at = (size_t)(xi_str_hash(name) * 31 + xi_str_hash(module)) & (capacity - 1);
    for (; table[at]; at = (at + 1) & (capacity - 1)) {
        xi_str other = table[at]->type ? table[at]->type->name : table[at]->function->name;
        if (xi_str_eq(other, name) && xi_str_eq(table[at]->module, module)) break;
    }
    return at;
}

static bool program_grow(xi_machine *m)
{
    size_t capacity = m->symbol_capacity ? m->symbol_capacity * 2 : 256;
    xi_machine_symbol **table = xi_arena_array(m->x.arena, capacity, sizeof *table);
    if (!table) return false;
    for (size_t i = 0; i < m->symbol_capacity; i++) {
        xi_machine_symbol *s = m->symbols[i];
        if (s)
            table[program_slot(table, capacity, s->module,
                               s->type ? s->type->name : s->function->name)] = s;
    }
    m->symbols = table;
    m->symbol_capacity = capacity;
    return true;
}

const xi_machine_symbol *xi_machine_find(xi_machine *m, xi_str qualified)
{
    xi_str module, name;
    if (!xi_machine_good(m) || !program_split(qualified, &module, &name)) return NULL;
    if (m->symbol_count * 2 >= m->symbol_capacity && !program_grow(m))
        return xi_aten_memory(&m->x), NULL;
    size_t at = program_slot(m->symbols, m->symbol_capacity, module, name);
    if (m->symbols[at]) return m->symbols[at];
    const xi_script_file *file = program_file(m, module);
    if (!file) return NULL;
    xi_machine_symbol found = {.module = module, .file = file};
    for (int32_t i = 0; i < file->class_count; i++)
        if (xi_str_eq(file->classes[i]->name, name)) found.type = file->classes[i];
    for (int32_t i = 0; i < file->function_count && !found.type; i++)
        if (xi_str_eq(file->functions[i]->name, name)) found.function = file->functions[i];
    if (!found.type && !found.function) return NULL;
    xi_machine_symbol *s = xi_arena_alloc(m->x.arena, sizeof *s);
    if (!s) return xi_aten_memory(&m->x), NULL;
    *s = found;
    m->symbols[at] = s;
    m->symbol_count++;
    return s;
}

const xi_script_function *xi_machine_method(const xi_machine_symbol *symbol, xi_str name)
{
    if (!symbol || !symbol->type) return NULL;
    for (int32_t i = 0; i < symbol->type->method_count; i++)
        if (xi_str_eq(symbol->type->methods[i]->name, name)) return symbol->type->methods[i];
    return NULL;
}

/* ---- objects ---- */

static bool program_add(xi_machine *m, xi_machine_object *o, xi_str name, xi_aten_value v)
{
    if (o->count == o->capacity) {
        int32_t room = o->capacity ? o->capacity * 2 : 8;
        xi_str *names = xi_arena_array(m->x.arena, (size_t)room, sizeof *names);
        xi_aten_value *values = xi_arena_array(m->x.arena, (size_t)room, sizeof *values);
        if (!names || !values) return xi_aten_memory(&m->x), false;
        if (o->count) memcpy(names, o->names, (size_t)o->count * sizeof *names);
        if (o->count) memcpy(values, o->values, (size_t)o->count * sizeof *values);
        uint8_t *marks = xi_arena_array(m->x.arena, (size_t)room, 1);
        if (!marks) return xi_aten_memory(&m->x), false;
        if (o->count) memcpy(marks, o->marks, (size_t)o->count);
        o->marks = marks;
        o->names = names;
        o->values = values;
        o->capacity = room;
    }
    o->names[o->count] = name;
    o->values[o->count++] = v;
    return true;
}

xi_aten_value *xi_machine_attribute(xi_machine_object *o, xi_str name)
{
    for (int32_t i = 0; i < o->count; i++)
        if (xi_str_eq(o->names[i], name)) return &o->values[i];
    return NULL;
}

xi_aten_value xi_machine_new_object(xi_machine *m, const xi_machine_symbol *symbol)
{
    xi_machine_object *o = xi_machine_good(m) ? xi_arena_alloc(m->x.arena, sizeof *o) : NULL;
    if (!o) return xi_aten_memory(&m->x), xi_aten_none();
    o->symbol = symbol;
    return (xi_aten_value){XI_ATEN_OBJECT, NULL, {.pointer = o}};
}

/* ---- state ---- */

static xi_machine_state *program_state(xi_machine *m, const xi_torch_value *owner, xi_str attribute,
                                       const xi_torch_value *tensor)
{
    for (size_t i = 0; i < m->states->count; i++) {
        xi_machine_state *s = &m->states->items[i];
        if (s->owner == owner && s->tensor == tensor && xi_str_eq(s->attribute, attribute))
            return s;
    }
    return NULL;
}

static void program_add_state(xi_machine *m, const xi_torch_value *owner, xi_str attribute,
                              const xi_torch_value *tensor)
{
    struct xi_machine_states *all = m->states;
    if (program_state(m, owner, attribute, tensor)) return;
    if (!xi_grow(&m->x.arena->alloc, (void **)&all->items, &all->capacity, all->count + 1,
                 sizeof *all->items)) {
        xi_aten_memory(&m->x);
        return;
    }
    all->items[all->count++] = (xi_machine_state){
        .owner = owner, .attribute = attribute, .tensor = tensor, .type = XI_TYPE_UNKNOWN};
    all->changed = true;
}

void xi_machine_add_state(xi_machine *m, const xi_torch_value *owner, xi_str attribute)
{
    program_add_state(m, owner, attribute, NULL);
}

const xi_torch_value *xi_machine_source(const xi_torch_value *owner, xi_str attribute)
{
    const xi_torch_value *state = owner->object.state;
    if (!state || state->kind != XI_TORCH_DICT) return NULL;
    for (int32_t i = 0; i < state->dict.count; i++)
        if (state->dict.keys[i]->kind == XI_TORCH_STRING &&
            xi_str_eq(state->dict.keys[i]->s, attribute))
            return state->dict.values[i];
    return NULL;
}

void xi_machine_note_memory(xi_machine *m, const xi_aten_tensor *memory, const xi_value *before)
{
    if (!before || !before->literal) return;
    for (uint32_t i = 0; i < m->archive->value_count; i++)
        if (m->tensors[i].kind == XI_ATEN_TENSOR && m->tensors[i].tensor == memory && m->sources[i])
            program_add_state(m, NULL, (xi_str){NULL, 0}, m->sources[i]);
}

static void program_touch(xi_machine *m, xi_machine_object *o)
{
    for (size_t i = 0; i < m->touched_count; i++)
        if (m->touched[i] == o) return;
    if (m->touched_count == m->touched_capacity) {
        size_t room = m->touched_capacity ? m->touched_capacity * 2 : 16;
        xi_machine_object **items = xi_arena_array(m->x.arena, room, sizeof *items);
        if (!items) {
            xi_aten_memory(&m->x);
            return;
        }
        if (m->touched_count) memcpy(items, m->touched, m->touched_count * sizeof *items);
        m->touched = items;
        m->touched_capacity = room;
    }
    m->touched[m->touched_count++] = o;
}

void xi_machine_set_attribute(xi_machine *m, xi_machine_object *o, xi_str name, xi_aten_value v)
{
    xi_aten_value *at = xi_machine_attribute(o, name);
    xi_machine_change *c = xi_machine_note(m, XI_MACHINE_ATTRIBUTE, o, name);
    if (c) {
        c->object = o;
        c->was_set = at != NULL;
        c->before = at ? *at : xi_aten_none();
        c->was_written = at && (o->marks[at - o->values] & XI_MACHINE_WRITTEN);
    }
    if (at)
        *at = v;
    else if (!program_add(m, o, name, v))
        return;
    at = xi_machine_attribute(o, name);
    if (!o->source || m->loading) return;
    o->marks[at - o->values] |= XI_MACHINE_WRITTEN;
    program_touch(m, o);
}

/* A value that a run carries: what stands in the file is what a new session begins with. */
static xi_value *program_read_state(xi_machine *m, xi_machine_state *s, const xi_literal *initial,
                                    xi_str name)
{
    if (s->read) return s->read;
    if (s->type.shape.rank == -1 && s->type.dtype == XINF_UNDEFINED) {
        s->type = (xi_type){
            .kind = XINF_KIND_TENSOR, .dtype = initial->dtype, .shape = initial->shape};
    }
    xi_graph *g = m->x.graph;
    while (g->parent) g = g->parent;
    s->read = xi_graph_add_value(g, name, &s->type);
    s->initial = initial;
    s->name = name;
    if (!s->read) xi_aten_memory(&m->x);
    return s->read;
}

/* The attribute's value: of the file, or the state that stands for it. */
static xi_aten_value program_attribute_value(xi_machine *m, const xi_torch_value *owner,
                                             xi_str name, xi_aten_value v, xi_str path)
{
    xi_machine_state *s = program_state(m, owner, name, NULL);
    const xi_literal *initial = NULL;
    if (!s || !xi_machine_good(m)) return v;
    if (v.kind == XI_ATEN_TENSOR && v.tensor->value) initial = v.tensor->value->literal;
    if (v.kind == XI_ATEN_INT || v.kind == XI_ATEN_BOOL || v.kind == XI_ATEN_DOUBLE) {
        const xi_value *number = xi_machine_scalar(m, &v);
        initial = number ? number->literal : NULL;
    }
    if (!xi_machine_good(m)) return v;
    if (!initial)
        return xi_machine_fail(m, XINF_UNSUPPORTED,
                               "attribute \"%.*s\" is carried from run to run and begins as a %s",
                               XI_STR_ARG(path), xi_aten_kind_name(&v));
    xi_value *read = program_read_state(m, s, initial, path);
    return v.kind == XI_ATEN_TENSOR ? xi_aten_tensor_of(&m->x, read)
                                    : xi_aten_dynamic(v.kind, read);
}

/* ---- values of the file ---- */

static xi_aten_value program_items(xi_machine *m, const xi_torch_value *v, xi_aten_kind kind,
                                   xi_str path)
{
    xi_aten_value list = xi_aten_new_list(&m->x, kind, v->seq.count);
    for (int32_t i = 0; i < v->seq.count && xi_machine_good(m); i++) {
        char number[16];
        int len = snprintf(number, sizeof number, "%d", (int)i);
        xi_str name = {xi_arena_strndup(m->x.arena, number, (size_t)len), (size_t)len};
        xi_aten_append(&m->x, list.list,
                       xi_machine_value(m, v->seq.items[i], xi_machine_join(m, path, name)));
    }
    return list;
}

static xi_aten_value program_dict(xi_machine *m, const xi_torch_value *v, xi_str path)
{
    xi_aten_value out = {XI_ATEN_DICT, NULL, {.i = 0}};
    size_t count = (size_t)v->dict.count;
    out.dict = xi_arena_alloc(m->x.arena, sizeof *out.dict);
    if (!out.dict || !(out.dict->keys = xi_arena_array(m->x.arena, count, sizeof(xi_aten_value))) ||
        !(out.dict->values = xi_arena_array(m->x.arena, count, sizeof(xi_aten_value))))
        return xi_aten_memory(&m->x), xi_aten_none();
    out.dict->count = out.dict->capacity = v->dict.count;
    for (int32_t i = 0; i < v->dict.count; i++) {
        xi_str name = v->dict.keys[i]->kind == XI_TORCH_STRING ? v->dict.keys[i]->s
                                                               : XI_STR("item");
        out.dict->keys[i] = xi_machine_value(m, v->dict.keys[i], path);
        out.dict->values[i] = xi_machine_value(m, v->dict.values[i],
                                               xi_machine_join(m, path, name));
    }
    return out;
}

/* Objects are made once: who holds one holds the same. The class may fill it by its own
 * __setstate__. */
static xi_aten_value program_object(xi_machine *m, const xi_torch_value *v, xi_str path)
{
    if (m->objects[v->id])
        return (xi_aten_value){XI_ATEN_OBJECT, NULL, {.pointer = m->objects[v->id]}};
    const xi_machine_symbol *symbol = xi_machine_find(m, v->object.class_name);
    if (!xi_machine_good(m)) return xi_aten_none();
    xi_aten_value out = xi_machine_new_object(m, symbol);
    if (out.kind != XI_ATEN_OBJECT) return out;
    xi_machine_object *o = out.pointer;
    o->path = path;
    o->source = v;
    m->objects[v->id] = o;
    const xi_torch_value *state = v->object.state;
    const xi_script_function *set = xi_machine_method(symbol, XI_STR("__setstate__"));
    if (set && state) {
        xi_aten_value args[2] = {out, xi_machine_value(m, state, path)};
        m->loading++; /* what is set now is no write of the program */
        xi_machine_invoke(m, symbol, set, args, 2, NULL, 0);
        m->loading--;
        return out;
    }
    if (state && state->kind == XI_TORCH_DICT) {
        for (int32_t i = 0; i < state->dict.count && xi_machine_good(m); i++) {
            if (state->dict.keys[i]->kind != XI_TORCH_STRING) continue;
            xi_str name = state->dict.keys[i]->s;
            xi_str inner = xi_machine_join(m, path, name);
            xi_aten_value item = xi_machine_value(m, state->dict.values[i], inner);
            program_add(m, o, name, program_attribute_value(m, v, name, item, inner));
        }
    } else if (state) {
        program_add(m, o, XI_STR("__state__"), xi_machine_value(m, state, path));
    }
    return out;
}

static xi_aten_value program_tensor(xi_machine *m, const xi_torch_value *v, xi_str path)
{
    xi_machine_state *s = program_state(m, NULL, (xi_str){NULL, 0}, v);
    xi_aten_value *at = &m->tensors[v->id];
    if (at->kind == XI_ATEN_TENSOR) return *at;
    *at = xi_aten_constant(&m->x, v->tensor, path);
    m->sources[v->id] = v;
    if (s && at->kind == XI_ATEN_TENSOR && at->tensor->value->literal)
        *at = xi_aten_tensor_of(&m->x, program_read_state(m, s, at->tensor->value->literal, path));
    return *at;
}

xi_aten_value xi_machine_value(xi_machine *m, const xi_torch_value *v, xi_str path)
{
    if (!xi_machine_good(m)) return xi_aten_none();
    switch (v->kind) {
    case XI_TORCH_NONE: return xi_aten_none();
    case XI_TORCH_BOOL: return xi_aten_bool(v->b);
    case XI_TORCH_INT: return xi_aten_int(v->i);
    case XI_TORCH_DOUBLE: return xi_aten_double(v->d);
    case XI_TORCH_STRING:
    case XI_TORCH_BYTES: return xi_aten_string(v->s);
    case XI_TORCH_DEVICE: return (xi_aten_value){XI_ATEN_DEVICE, NULL, {.s = v->s}};
    case XI_TORCH_DTYPE: return xi_aten_int(xi_torch_dtype_parse(v->s));
    case XI_TORCH_TENSOR: return program_tensor(m, v, path);
    case XI_TORCH_LIST:
    case XI_TORCH_SET: return program_items(m, v, XI_ATEN_LIST, path);
    case XI_TORCH_TUPLE: return program_items(m, v, XI_ATEN_TUPLE, path);
    case XI_TORCH_DICT: return program_dict(m, v, path);
    case XI_TORCH_OBJECT: return program_object(m, v, path);
    case XI_TORCH_ENUM:
        return v->object.state ? xi_machine_value(m, v->object.state, path) : xi_aten_none();
    default: return (xi_aten_value){XI_MACHINE_NOTHING, NULL, {.i = 0}};
    }
}
