/* arena.c — blocks in a list; the head is the one that is being filled. */
#include "base/arena.h"

#include <string.h>

#include "base/allocator.h"
#include "base/checked.h"

struct xi_arena_block {
    xi_arena_block *next;
    size_t size; /* header included */
    size_t used; /* header included */
};

#define ARENA_ROUND 16
#define ARENA_HEADER ((sizeof(xi_arena_block) + ARENA_ROUND - 1) / ARENA_ROUND * ARENA_ROUND)
#define ARENA_FIRST_BLOCK ((size_t)4096)
#define ARENA_LARGEST_BLOCK ((size_t)256 * 1024)

void xi_arena_init(xi_arena *a, const xinf_allocator *alloc, size_t limit)
{
    memset(a, 0, sizeof *a);
    a->alloc = alloc ? *alloc : xi_allocator_default();
    a->limit = limit;
}

void xi_arena_reset(xi_arena *a)
{
    xi_arena_block *b = a->head;
    while (b) {
        xi_arena_block *next = b->next;
        xi_free(&a->alloc, b, b->size);
        b = next;
    }
    a->head = NULL;
    a->used = 0;
}

/* A block with room for `size` bytes. What is large against the head's size gets a block of its own
 * behind the head, so that the rest of the head is not wasted. */
static xi_arena_block *arena_block_add(xi_arena *a, size_t size)
{
    size_t grown = a->head ? a->head->size * 2 : ARENA_FIRST_BLOCK, bytes;
    xi_arena_block *b;
    bool alone;
    if (grown > ARENA_LARGEST_BLOCK) grown = ARENA_LARGEST_BLOCK;
    if (!xi_add_size(size, ARENA_HEADER, &bytes)) return NULL;
    alone = bytes > grown / 4;
    if (!alone) bytes = grown;
    b = xi_alloc(&a->alloc, bytes);
    if (!b) return NULL;
    b->size = bytes;
    b->used = ARENA_HEADER;
    if (alone && a->head) {
        b->next = a->head->next;
        a->head->next = b;
    } else {
        b->next = a->head;
        a->head = b;
    }
    return b;
}

void *xi_arena_alloc(xi_arena *a, size_t size)
{
    xi_arena_block *b = a->head;
    size_t rounded, total;
    void *ptr;
    if (!xi_align_size(size ? size : 1, ARENA_ROUND, &rounded)) return NULL;
    if (!xi_add_size(a->used, rounded, &total)) return NULL;
    if (a->limit && total > a->limit) return NULL;
    if (!b || b->size - b->used < rounded) b = arena_block_add(a, rounded);
    if (!b) return NULL;
    ptr = (char *)b + b->used;
    b->used += rounded;
    a->used = total;
    memset(ptr, 0, rounded);
    return ptr;
}

void *xi_arena_array(xi_arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (!xi_mul_size(count, size, &bytes)) return NULL;
    return xi_arena_alloc(a, bytes);
}

char *xi_arena_strndup(xi_arena *a, const char *s, size_t len)
{
    size_t bytes;
    char *copy;
    if (!xi_add_size(len, 1, &bytes)) return NULL;
    copy = xi_arena_alloc(a, bytes);
    if (copy && len) memcpy(copy, s, len);
    return copy;
}

#undef ARENA_ROUND
#undef ARENA_HEADER
#undef ARENA_FIRST_BLOCK
#undef ARENA_LARGEST_BLOCK
