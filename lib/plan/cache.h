/* cache.h — packed weights kept in a file from one process to the next.
 *
 * One file per model file, written when a session has packed something new and mapped read-only
 * afterwards, so that processes share its pages. It is bound to the model file's identity (device,
 * inode, size, times) and to the sources of this library; anything that does not fit or whose
 * checksum differs is packed again. The folder belongs to the user alone. docs/weight-cache.md has
 * the format. */
#ifndef XI_PLAN_CACHE_H
#define XI_PLAN_CACHE_H

#include "base/file.h"

typedef struct xi_cache_key {
    uint64_t a, b;
} xi_cache_key;

typedef struct xi_cache_entry {
    xi_cache_key key;
    uint64_t offset, size, checksum;
} xi_cache_entry;

typedef struct xi_cache {
    xinf_allocator alloc;
    char *path;
    size_t path_size;
    uint64_t identity;
    xi_file file; /* size 0: there is none yet, or it was of no use */
    const xi_cache_entry *entries;
    size_t count;
} xi_cache;

/* What is to be kept. */
typedef struct xi_cache_item {
    xi_cache_key key;
    const void *data;
    size_t size;
} xi_cache_item;

/* Makes the folder if need be. XINF_IO when it is another user's, open to others, or no folder. A
 * missing or damaged file is an empty cache. `identity` is the model file's. */
xinf_status xi_cache_open(xi_cache *c, const xinf_allocator *alloc, const char *folder,
                          uint64_t identity, xinf_error *err);
void xi_cache_close(xi_cache *c);
/* NULL when it is not there. The bytes are not looked at. */
const xi_cache_entry *xi_cache_find(const xi_cache *c, xi_cache_key key, size_t size);
const void *xi_cache_data(const xi_cache *c, const xi_cache_entry *e);
/* Do the bytes have their checksum? */
bool xi_cache_check(const xi_cache *c, const xi_cache_entry *e);
/* Replaces the file: the items, and what it held besides. Whoever replaces it at the same time, a
 * whole file stays. */
xinf_status xi_cache_save(const xi_cache *c, const xi_cache_item *items, size_t count,
                          xinf_error *err);

#endif
