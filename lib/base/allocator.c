/* allocator.c — the C library's memory behind the user's allocator function, and the four ways to
 * call it. */
#include "base/allocator.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#if defined(_WIN32)
#include <malloc.h>

static void allocator_release(void *ptr)
{
    _aligned_free(ptr);
}

static void *allocator_take(size_t size, size_t alignment)
{
    return _aligned_malloc(size, alignment);
}
#else
static void allocator_release(void *ptr)
{
    free(ptr);
}

static void *allocator_take(size_t size, size_t alignment)
{
    size_t rounded;
    if (alignment < sizeof(void *)) alignment = sizeof(void *);
    /* C17 wants a multiple of the alignment. */
    if (!xi_align_size(size, alignment, &rounded)) return NULL;
    return aligned_alloc(alignment, rounded);
}
#endif

static void *allocator_libc(void *self, void *ptr, size_t old_size, size_t new_size,
                            size_t alignment)
{
    void *moved;
    (void)self;
    if (new_size == 0) {
        allocator_release(ptr);
        return NULL;
    }
    moved = allocator_take(new_size, alignment);
    if (moved && ptr) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        allocator_release(ptr);
    }
    return moved;
}

xinf_allocator xi_allocator_default(void)
{
    return (xinf_allocator){NULL, allocator_libc};
}

/* A NULL function stands for the C library everywhere a user may leave the struct zeroed. */
static void *allocator_call(const xinf_allocator *a, void *ptr, size_t old_size, size_t new_size)
{
    if (!a || !a->fn) return allocator_libc(NULL, ptr, old_size, new_size, XI_ALIGN);
    return a->fn(a->self, ptr, old_size, new_size, XI_ALIGN);
}

void *xi_alloc(const xinf_allocator *a, size_t size)
{
    return size ? allocator_call(a, NULL, 0, size) : NULL;
}

void *xi_calloc(const xinf_allocator *a, size_t count, size_t size)
{
    size_t bytes;
    void *ptr;
    if (!xi_mul_size(count, size, &bytes)) return NULL;
    ptr = xi_alloc(a, bytes);
    if (ptr) memset(ptr, 0, bytes);
    return ptr;
}

void *xi_realloc(const xinf_allocator *a, void *ptr, size_t old_size, size_t new_size)
{
    if (!ptr) return xi_alloc(a, new_size);
    return allocator_call(a, ptr, old_size, new_size);
}

void xi_free(const xinf_allocator *a, void *ptr, size_t size)
{
    if (ptr) allocator_call(a, ptr, size, 0);
}

bool xi_grow(const xinf_allocator *a, void **items, size_t *capacity, size_t want, size_t item_size)
{
    size_t next = *capacity, old_bytes, bytes;
    void *moved;
    if (want <= *capacity) return true;
    if (next < 8) next = 8;
    while (next < want)
        if (!xi_mul_size(next, 2, &next)) next = want;
    if (!xi_mul_size(next, item_size, &bytes)) {
        /* Doubling may overflow where the exact size does not. */
        next = want;
        if (!xi_mul_size(next, item_size, &bytes)) return false;
    }
    old_bytes = *capacity * item_size;
    moved = xi_realloc(a, *items, old_bytes, bytes);
    if (!moved) return false;
    *items = moved;
    *capacity = next;
    return true;
}
