/* allocator.h — every byte the library takes passes here, to the function the user gave.
 *
 * The caller always knows the size of a block it frees, so no header is kept in front of it.
 * Blocks of xi_alloc are aligned to 64 bytes (a cache line, the widest vector). */
#ifndef XI_BASE_ALLOCATOR_H
#define XI_BASE_ALLOCATOR_H

#include "xinf.h"

#define XI_ALIGN 64

/* The allocator of the C library (aligned_alloc / free). */
xinf_allocator xi_allocator_default(void);

/* NULL on failure or when size is 0. Contents undefined. */
void *xi_alloc(const xinf_allocator *a, size_t size);
/* Zeroed; NULL too when count * size overflows. */
void *xi_calloc(const xinf_allocator *a, size_t count, size_t size);
/* Moves to a block of new_size (contents kept up to the smaller size). On failure the old block
 * stays valid. */
void *xi_realloc(const xinf_allocator *a, void *ptr, size_t old_size, size_t new_size);
void xi_free(const xinf_allocator *a, void *ptr, size_t size);

/* Grows `*items` so that `want` elements of `item_size` fit; doubles. False when memory ends or the
 * size overflows. */
bool xi_grow(const xinf_allocator *a, void **items, size_t *capacity, size_t want,
             size_t item_size);

#endif
