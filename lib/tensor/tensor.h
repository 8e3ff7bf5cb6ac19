/* tensor.h — the reference-counted value behind xinf_tensor: tensor, sequence, map or nothing. */
#ifndef XI_TENSOR_TENSOR_H
#define XI_TENSOR_TENSOR_H

#include <stdatomic.h>

#include "base/allocator.h"
#include "base/string.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

struct xinf_tensor {
    xinf_allocator alloc;
    atomic_int refs;
    xinf_kind kind;
    xinf_dtype dtype; /* of a tensor */
    xi_shape shape;   /* of a tensor; always known */
    int64_t count;    /* elements or items */
    void *data;       /* elements; a string tensor: xi_str[count], each ptr owned */
    size_t size;      /* bytes of data that hold elements, strings included */
    size_t capacity;  /* bytes of data to free; 0 when borrowed */
    xinf_tensor **items;
    xinf_tensor *keys;
    void (*release)(void *self);
    void *release_self;
};

/* Zeroed elements when `zero`. Ownership as in the public calls. */
xinf_status xi_tensor_create(xinf_tensor **out, const xinf_allocator *alloc, xinf_dtype dtype,
                             const xi_shape *shape, bool zero, xinf_error *err);
xinf_status xi_tensor_create_items(xinf_tensor **out, const xinf_allocator *alloc, xinf_kind kind,
                                   xinf_tensor *keys, xinf_tensor *const *items, int64_t count,
                                   xinf_error *err);
xinf_status xi_tensor_wrap(xinf_tensor **out, const xinf_allocator *alloc, xinf_dtype dtype,
                           const xi_shape *shape, void *data, size_t size, void (*release)(void *),
                           void *self, xinf_error *err);
struct DLManagedTensorVersioned;
/* dlpack.c; ownership as in xinf_tensor_from_dlpack. */
xinf_status xi_tensor_from_dlpack(xinf_tensor **out, const xinf_allocator *alloc,
                                  struct DLManagedTensorVersioned *m, xinf_error *err);
/* A deep copy of a tensor's elements (strings too) into `alloc`; sequences and maps share their
 * items. */
xinf_status xi_tensor_copy(xinf_tensor **out, const xinf_allocator *alloc, const xinf_tensor *src,
                           xinf_error *err);
xinf_status xi_tensor_set_string(xinf_tensor *t, int64_t index, const char *bytes, size_t size,
                                 xinf_error *err);

/* Bytes of `shape` elements of dtype (strings: of xi_str), checked. */
xinf_status xi_tensor_bytes(xinf_dtype dtype, const xi_shape *shape, size_t *out, xinf_error *err);

#endif
