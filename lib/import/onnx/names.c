#include "import/onnx/names.h"

void xi_onnx_names_init(xi_onnx_names *t, const xinf_allocator *alloc)
{
    *t = (xi_onnx_names){.alloc = *alloc};
}

void xi_onnx_names_free(xi_onnx_names *t)
{
    xi_free(&t->alloc, t->slots, t->capacity * sizeof *t->slots);
    t->slots = NULL;
    t->count = t->capacity = 0;
}

/* The slot that holds the name, or the free one where it would stand. */
static xi_onnx_name *import_names_slot(const xi_onnx_names *t, xi_str name)
{
    size_t at = (size_t)xi_str_hash(name) & (t->capacity - 1);
    while (t->slots[at].used && !xi_str_eq(t->slots[at].name, name))
        at = (at + 1) & (t->capacity - 1);
    return &t->slots[at];
}

xi_onnx_name *xi_onnx_names_find(const xi_onnx_names *t, xi_str name)
{
    if (!t->count) return NULL;
    xi_onnx_name *slot = import_names_slot(t, name);
    return slot->used ? slot : NULL;
}

static bool import_names_grow(xi_onnx_names *t)
{
    xi_onnx_names wider = *t;
    wider.capacity = t->capacity ? 2 * t->capacity : 16;
    wider.slots = xi_calloc(&t->alloc, wider.capacity, sizeof *wider.slots);
    if (!wider.slots) return false;
    for (size_t i = 0; i < t->capacity; i++)
        if (t->slots[i].used) *import_names_slot(&wider, t->slots[i].name) = t->slots[i];
    xi_free(&t->alloc, t->slots, t->capacity * sizeof *t->slots);
    *t = wider;
    return true;
}

xi_onnx_name *xi_onnx_names_add(xi_onnx_names *t, xi_str name)
{
    if (2 * (t->count + 1) > t->capacity && !import_names_grow(t)) return NULL;
    xi_onnx_name *slot = import_names_slot(t, name);
    *slot = (xi_onnx_name){.name = name,
                           .input = UINT32_MAX,
                           .index = UINT32_MAX,
                           .state = XI_NAME_MADE,
                           .used = true};
    t->count++;
    return slot;
}
