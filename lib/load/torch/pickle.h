/* pickle.h — a machine for the pickles in PyTorch files that builds values and can do nothing else.
 *
 * Protocols 0 to 5. Names of classes and functions are data: of all functions, those that rebuild
 * tensors and containers are known here and written in C (docs/torch.md lists them); a class of the
 * archive's own code becomes an object; any other name is refused in a program. In a file of
 * weights (no code) any other class becomes an object whose class is named, nothing more. Memory is
 * linear in the pickle's size; nesting is bounded; a value that contains itself is refused. */
#ifndef XI_LOAD_TORCH_PICKLE_H
#define XI_LOAD_TORCH_PICKLE_H

#include "base/arena.h"
#include "load/torch/value.h"

#define XI_PICKLE_DEPTH 200

typedef struct xi_pickle xi_pickle;

/* Finds the storage `key`; *out lives as long as the values. */
typedef xinf_status (*xi_pickle_storage_fn)(const xi_torch_storage **out, void *self, xi_str key,
                                            xi_torch_dtype dtype, int64_t count, xinf_error *err);

typedef struct xi_pickle_options {
    const char *record; /* names the pickle in messages */
    bool foreign;       /* any class may be named */
    xi_pickle_storage_fn storage;
    void *self; /* of storage */
} xi_pickle_options;

/* Reads data[0..size) into values in `arena`; their strings are views of data. *next_id is the
 * first free value id and moves on. *out_foreign (may be NULL) becomes the first foreign class's
 * name when there was one. */
xinf_status xi_pickle_read(const xi_torch_value **out, xi_str *out_foreign, uint32_t *next_id,
                           xi_arena *arena, const uint8_t *data, size_t size,
                           const xi_pickle_options *options, xinf_error *err);

#endif
