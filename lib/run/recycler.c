/* recycler.c — free lists by power-of-two size classes. */
#include "run/recycler.h"

#include <string.h>

#include "base/allocator.h"
#include "base/error.h"

enum { RECYCLER_MIN_SHIFT = 6, RECYCLER_CLASSES = 42 };

typedef struct recycler_block {
    struct recycler_block *next;
} recycler_block;

struct xi_recycler {
    xinf_allocator base;
    xi_mutex lock;
    recycler_block *kept[RECYCLER_CLASSES];
    size_t outstanding; /* blocks in use */
    size_t bytes, limit;
    bool closed;
};

/* Size classes are powers of two and the points half-way between: at most a third is wasted. */
static int recycler_class(size_t size, size_t *out_size)
{
    size_t block = (size_t)1 << RECYCLER_MIN_SHIFT;
    for (int k = 0; k < RECYCLER_CLASSES; k += 2, block *= 2) {
        if (size <= block) {
            *out_size = block;
            return k;
        }
        if (size <= block + block / 2) {
            *out_size = block + block / 2;
            return k + 1;
        }
        if (block > SIZE_MAX / 4) break;
    }
    return -1;
}

static void recycler_end(xi_recycler *r)
{
    xinf_allocator base = r->base;
    xi_mutex_destroy(&r->lock);
    xi_free(&base, r, sizeof *r);
}

static void *recycler_take(xi_recycler *r, size_t size)
{
    size_t block_size;
    int class = recycler_class(size, &block_size);
    if (class < 0) return NULL;
    xi_mutex_lock(&r->lock);
    void *block = r->kept[class];
    if (block) {
        r->kept[class] = r->kept[class]->next;
    } else if (!r->limit || (r->bytes <= r->limit && block_size <= r->limit - r->bytes)) {
        block = xi_alloc(&r->base, block_size);
        if (block) r->bytes += block_size;
    }
    if (block) r->outstanding++;
    xi_mutex_unlock(&r->lock);
    return block;
}

static void recycler_give(xi_recycler *r, void *ptr, size_t size)
{
    size_t block_size = 0;
    int class = recycler_class(size, &block_size);
    if (class < 0) return; /* never handed out */
    xi_mutex_lock(&r->lock);
    r->outstanding--;
    bool last = r->closed && r->outstanding == 0;
    if (r->closed) {
        xi_free(&r->base, ptr, block_size);
        r->bytes -= block_size;
    } else {
        recycler_block *b = ptr;
        b->next = r->kept[class];
        r->kept[class] = b;
    }
    xi_mutex_unlock(&r->lock);
    if (last) recycler_end(r);
}

static void *recycler_fn(void *self, void *ptr, size_t old_size, size_t new_size, size_t alignment)
{
    xi_recycler *r = self;
    void *fresh = NULL;
    if (new_size) {
        fresh = recycler_take(r, new_size);
        if (!fresh) return NULL;
        if (ptr) memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    }
    if (ptr) recycler_give(r, ptr, old_size);
    return fresh;
}

xinf_status xi_recycler_create(xi_recycler **out, const xinf_allocator *base, xinf_error *err)
{
    *out = xi_calloc(base, 1, sizeof **out);
    if (!*out) return xi_fail_memory(err, sizeof **out);
    (*out)->base = *base;
    if (xi_mutex_init(&(*out)->lock)) return XINF_OK;
    xi_free(base, *out, sizeof **out);
    *out = NULL;
    return xi_fail_memory(err, sizeof(xi_mutex));
}

void xi_recycler_close(xi_recycler *r)
{
    if (!r) return;
    xi_mutex_lock(&r->lock);
    for (int k = 0; k < RECYCLER_CLASSES; k++)
        for (recycler_block *b = r->kept[k], *next; b; b = next) {
            size_t size = (size_t)1 << (RECYCLER_MIN_SHIFT + k / 2);
            size += k % 2 ? size / 2 : 0;
            next = b->next;
            xi_free(&r->base, b, size);
            r->bytes -= size;
        }
    memset(r->kept, 0, sizeof r->kept);
    r->closed = true;
    bool last = r->outstanding == 0;
    xi_mutex_unlock(&r->lock);
    if (last) recycler_end(r);
}

xinf_allocator xi_recycler_allocator(xi_recycler *r)
{
    return (xinf_allocator){r, recycler_fn};
}

size_t xi_recycler_bytes(xi_recycler *r)
{
    xi_mutex_lock(&r->lock);
    size_t bytes = r->bytes;
    xi_mutex_unlock(&r->lock);
    return bytes;
}

void xi_recycler_set_limit(xi_recycler *r, size_t limit)
{
    r->limit = limit;
}
