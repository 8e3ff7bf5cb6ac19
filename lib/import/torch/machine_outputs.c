/* machine_outputs.c — what a method gives becomes outputs of the graph. */
#include "import/torch/machine_signature.h"

#include <stdio.h>

#include "import/torch/op.h"

/* An output has a name of its own and is made by a node. */
static void outputs_output(xi_machine *m, xi_machine_outputs *o, xi_str name, xi_value *v)
{
    bool taken = v && (!v->producer || v->graph != m->x.graph);
    for (size_t i = 0; i < o->count && !taken; i++) taken = o->values[i] == v;
    if (taken) v = xi_aten_emit1(&m->x, "Identity", v);
    if (!xi_machine_good(m)) return;
    if (o->count == o->capacity) {
        size_t room = o->capacity ? o->capacity * 2 : 8;
        xi_value **values = xi_arena_array(m->x.arena, room, sizeof *values);
        if (!values) {
            xi_aten_memory(&m->x);
            return;
        }
        if (o->count) memcpy(values, o->values, o->count * sizeof *values);
        o->values = values;
        o->capacity = room;
    }
    v->name = name;
    o->values[o->count++] = v;
}

static xi_str outputs_numbered(xi_machine *m, xi_str name, int32_t i)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%d", (int)i);
    char *copy = xi_arena_strndup(m->x.arena, text, (size_t)len);
    return copy ? xi_machine_join(m, name, (xi_str){copy, (size_t)len}) : name;
}

/* Keys of what the method gives are names of their own; keys of its parts stand behind the part's.
 */
static xi_str outputs_named(xi_machine *m, xi_str name, xi_str key, int depth)
{
    return depth ? xi_machine_join(m, name, key) : key;
}

/* Text that is known by now: a tensor of strings. */
static xi_value *outputs_text(xi_machine *m, const xi_aten_value *items, int32_t count,
                              int32_t rank)
{
    xi_str *texts = xi_arena_array(m->x.arena, (size_t)count + 1, sizeof *texts);
    xi_shape shape = xi_shape_of(rank, (int64_t[]){count});
    if (!texts) return xi_aten_memory(&m->x), NULL;
    for (int32_t i = 0; i < count; i++) texts[i] = items[i].s;
    xi_literal *l = xi_graph_literal(m->x.graph, XINF_STRING, &shape, texts);
    xi_value *v = l ? xi_graph_add_constant(m->x.graph, (xi_str){NULL, 0}, l) : NULL;
    if (!v) xi_aten_memory(&m->x);
    return v;
}

void xi_machine_result(xi_machine *m, xi_machine_outputs *o, xi_str name, const xi_aten_value *v,
                       int depth)
{
    if (!xi_machine_good(m)) return;
    if (depth > 8) {
        xi_machine_fail(m, XINF_LIMIT, "results nest too deeply");
        return;
    }
    switch (v->kind) {
    case XI_ATEN_NONE: return;
    case XI_ATEN_TENSOR: {
        xi_value *contents = xi_aten_arg(&m->x, v);
        if (v->tensor->scale && xi_machine_good(m)) {
            xi_aten_value plain = xi_machine_operator(m, XI_STR("dequantize"), v, 1, NULL, 0);
            contents = xi_aten_arg(&m->x, &plain);
        }
        outputs_output(m, o, name, contents);
        return;
    }
    case XI_ATEN_INT:
    case XI_ATEN_BOOL:
    case XI_ATEN_DOUBLE: outputs_output(m, o, name, xi_machine_scalar(m, v)); return;
    case XI_ATEN_STRING: outputs_output(m, o, name, outputs_text(m, v, 1, 0)); return;
    case XI_ATEN_SEQUENCE: outputs_output(m, o, name, v->scalar); return;
    case XI_ATEN_LIST: {
        xi_value **items = xi_arena_array(m->x.arena, (size_t)v->list->count, sizeof *items);
        bool tensors = items && v->list->count > 0;
        for (int32_t i = 0; tensors && i < v->list->count; i++) {
            tensors = v->list->items[i].kind == XI_ATEN_TENSOR && !v->list->items[i].tensor->scale;
            if (tensors) items[i] = xi_aten_arg(&m->x, &v->list->items[i]);
        }
        if (tensors) {
            outputs_output(
                m, o, name,
                xi_aten_emit(&m->x, "SequenceConstruct", v->list->count, items, 0, NULL));
            return;
        }
        bool texts = v->list->count > 0;
        for (int32_t i = 0; i < v->list->count; i++)
            texts = texts && v->list->items[i].kind == XI_ATEN_STRING;
        if (texts) {
            outputs_output(m, o, name, outputs_text(m, v->list->items, v->list->count, 1));
            return;
        }
        for (int32_t i = 0; i < v->list->count; i++)
            xi_machine_result(m, o, outputs_numbered(m, name, i), &v->list->items[i], depth + 1);
        return;
    }
    case XI_ATEN_TUPLE:
        for (int32_t i = 0; i < v->list->count; i++)
            xi_machine_result(m, o, outputs_numbered(m, name, i), &v->list->items[i], depth + 1);
        return;
    case XI_ATEN_DICT:
        for (int32_t i = 0; i < v->dict->count; i++) {
            bool named = v->dict->keys[i].kind == XI_ATEN_STRING;
            xi_machine_result(m, o,
                              named ? outputs_named(m, name, v->dict->keys[i].s, depth)
                                    : outputs_numbered(m, name, i),
                              &v->dict->values[i], depth + 1);
        }
        return;
    case XI_ATEN_OBJECT: {
        const xi_machine_object *object = v->pointer;
        for (int32_t i = 0; i < object->count; i++)
            xi_machine_result(m, o, outputs_named(m, name, object->names[i], depth),
                              &object->values[i], depth + 1);
        return;
    }
    default: xi_machine_fail(m, XINF_UNSUPPORTED, "a result that is a %s", xi_aten_kind_name(v));
    }
}

/* As many outputs as the method's type says, without contents. */
void xi_machine_declared(xi_machine *m, xi_machine_outputs *o, const xi_script_expr *type,
                         xi_str name, int depth)
{
    xi_str word = xi_machine_type_name(type);
    bool parts = type && type->kind == XI_SCRIPT_SUBSCRIPT && depth < 8;
    if (!xi_machine_good(m)) return;
    if (parts && xi_str_is(word, "Optional") && type->count == 2) {
        xi_machine_declared(m, o, type->items[1], name, depth + 1);
    } else if (parts && xi_str_is(word, "Tuple")) {
        for (int32_t i = 1; i < type->count; i++)
            xi_machine_declared(m, o, type->items[i], outputs_numbered(m, name, i - 1), depth + 1);
    } else if (xi_str_is(word, "Tensor") || xi_str_is(word, "int") || xi_str_is(word, "float") ||
               xi_str_is(word, "bool")) {
        outputs_output(m, o, name, xi_aten_number(&m->x, XINF_FLOAT32, 0));
        if (xi_machine_good(m)) o->values[o->count - 1]->type = XI_TYPE_UNKNOWN;
    } else {
        xi_machine_fail(m, XINF_UNSUPPORTED, "the method gives a %.*s", XI_STR_ARG(word));
    }
}
