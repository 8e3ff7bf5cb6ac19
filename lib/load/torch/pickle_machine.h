/* pickle_machine.h — what the files of the pickle machine share: its state and the steps of its
 * stack. */
#ifndef XI_LOAD_TORCH_PICKLE_MACHINE_H
#define XI_LOAD_TORCH_PICKLE_MACHINE_H

#include "load/torch/pickle.h"

/* On the stack only, never in a finished tree. */
enum {
    XI_PICKLE_MARK = 100,
    XI_PICKLE_GLOBAL = 101, /* a class's or function's qualified name, in `s` */
    XI_PICKLE_STORAGE = 102 /* in `storage` of xi_pickle_item */
};

/* A value and what only its building needs. */
typedef struct xi_pickle_item {
    xi_torch_value value;
    const xi_torch_storage *storage;
} xi_pickle_item;

struct xi_pickle {
    const xi_pickle_options *options;
    xi_arena *arena;
    const uint8_t *start, *at, *end;
    xi_torch_value **stack;
    size_t depth, stack_capacity;
    xi_torch_value **memo;
    size_t memo_capacity, memo_next;
    xi_torch_value *none, *truth[2], *small[256], *mark; /* made once each */
    uint32_t next_id;
    xi_str foreign;
    xinf_allocator alloc;
    xinf_error *err;
};

/* Says where: "data.pkl, byte 12: …". */
xinf_status xi_pickle_fail(const xi_pickle *p, xinf_status status, const char *fmt, ...)
    XI_PRINTF(3, 4);
xinf_status xi_pickle_memory(const xi_pickle *p);
/* A fresh value of the arena, NULL when memory ends. */
xi_torch_value *xi_pickle_new(xi_pickle *p, int kind);
/* A LIST, TUPLE or SET of copies of these pointers. */
xi_torch_value *xi_pickle_sequence(xi_pickle *p, int kind, xi_torch_value *const *items,
                                   size_t count);
/* Appends pairs to a dict, single items to a list or set. */
xinf_status xi_pickle_extend(xi_pickle *p, xi_torch_value *container, xi_torch_value *const *items,
                             size_t count);

/* What calling `function` (a GLOBAL) with `args` (a TUPLE) gives: pickle_call.c. */
xinf_status xi_pickle_call(xi_torch_value **out, xi_pickle *p, const xi_torch_value *function,
                           xi_torch_value *args);
/* What NEWOBJ gives for a class, and what stands for a persistent id's tuple. */
xinf_status xi_pickle_instance(xi_torch_value **out, xi_pickle *p, const xi_torch_value *name);
xinf_status xi_pickle_persistent(xi_torch_value **out, xi_pickle *p, const xi_torch_value *id);
/* Whether a name may be spoken at all: a name that no known class or function has is refused here
 * already. */
xinf_status xi_pickle_name(xi_torch_value **out, xi_pickle *p, xi_str module, xi_str name);

/* Tensors of the rebuild functions: pickle_tensor.c. `name` is the function's, for messages. */
xinf_status xi_pickle_tensor(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                             const char *name);
xinf_status xi_pickle_qtensor(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                              const char *name);

#endif
