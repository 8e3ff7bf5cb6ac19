/* arena.h — bump allocation of many small things that die together, with a limit.
 * Not thread safe. A zeroed arena after xi_arena_init is empty and owns nothing. */
#ifndef XI_BASE_ARENA_H
#define XI_BASE_ARENA_H

#include "xinf.h"

typedef struct xi_arena_block xi_arena_block;

typedef struct xi_arena {
    xinf_allocator alloc;
    xi_arena_block *head;
    size_t used;  /* bytes handed out, rounding included */
    size_t limit; /* 0 = none */
} xi_arena;

void xi_arena_init(xi_arena *a, const xinf_allocator *alloc, size_t limit);
/* Frees everything; the arena can be used again. */
void xi_arena_reset(xi_arena *a);
/* 16-byte aligned, zeroed; NULL when memory or the limit ends (a->limit tells which). size 0 gives
 * a valid pointer. */
void *xi_arena_alloc(xi_arena *a, size_t size);
/* count * size, checked. */
void *xi_arena_array(xi_arena *a, size_t count, size_t size);
/* A NUL-terminated copy of len bytes. */
char *xi_arena_strndup(xi_arena *a, const char *s, size_t len);

#endif
