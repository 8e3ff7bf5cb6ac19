/* names.h — a table from names to values, with room for "declared, not made yet". */
#ifndef XI_IMPORT_ONNX_NAMES_H
#define XI_IMPORT_ONNX_NAMES_H

#include "base/allocator.h"
#include "base/string.h"

struct xi_value;

typedef enum xi_onnx_name_state {
    XI_NAME_PENDING, /* an output of node `index` that is not imported yet */
    XI_NAME_MADE,    /* stands for `value` */
    XI_NAME_ABSENT   /* an optional input of a function that the call left out */
} xi_onnx_name_state;

typedef struct xi_onnx_name {
    xi_str name;
    struct xi_value *value;
    uint32_t input; /* its place among the graph's inputs; UINT32_MAX: none */
    uint32_t index; /* of the producing node in its list; UINT32_MAX: none */
    xi_onnx_name_state state;
    bool used; /* the slot is taken */
} xi_onnx_name;

typedef struct xi_onnx_names {
    xinf_allocator alloc;
    xi_onnx_name *slots;
    size_t count, capacity;
} xi_onnx_names;

void xi_onnx_names_init(xi_onnx_names *t, const xinf_allocator *alloc);
void xi_onnx_names_free(xi_onnx_names *t);
/* NULL when there is none. The pointer is good until the next add. */
xi_onnx_name *xi_onnx_names_find(const xi_onnx_names *t, xi_str name);
/* A new entry for a name that is not there; NULL when memory ends. */
xi_onnx_name *xi_onnx_names_add(xi_onnx_names *t, xi_str name);

#endif
