/* cache.c — the file of packed weights. */
#include "plan/cache.h"

#include <stdio.h>

#include "base/allocator.h"
#include "base/checked.h"
#include "base/hash.h"
#include "base/string.h"
#include "plan/build_id.h"

static const char cache_magic[8] = {'x', 'i', 'n', 'f', 'p', 'a', 'c', 'k'};
enum { CACHE_VERSION = 1, CACHE_ALIGN = 64 };

/* At the start of the file; entries follow, then their bytes, each at a multiple of 64. */
typedef struct cache_head {
    char magic[8];
    uint64_t version, build, identity, size, count;
    uint64_t table; /* checksum of the entries */
    uint64_t head;  /* checksum of this struct before this field */
} cache_head;

static uint64_t cache_head_sum(const cache_head *h)
{
    return xi_hash64(0, h, offsetof(cache_head, head));
}

/* Takes the mapped file when every number in it is in range. */
static bool cache_accept(xi_cache *c)
{
    cache_head h;
    if (c->file.size < sizeof h) return false;
    memcpy(&h, c->file.data, sizeof h);
    if (memcmp(h.magic, cache_magic, sizeof cache_magic) != 0 || h.version != CACHE_VERSION ||
        h.build != XI_BUILD_ID || h.identity != c->identity || h.size != c->file.size ||
        h.head != cache_head_sum(&h) ||
        h.count > (c->file.size - sizeof h) / sizeof(xi_cache_entry))
        return false;
    const xi_cache_entry *e = (const void *)(c->file.data + sizeof h);
    size_t count = (size_t)h.count;
    if (h.table != xi_hash64(0, e, count * sizeof *e)) return false;
    for (size_t i = 0; i < count; i++)
        if (e[i].offset % CACHE_ALIGN || e[i].offset > c->file.size ||
            e[i].size > c->file.size - e[i].offset)
            return false;
    c->entries = e;
    c->count = count;
    return true;
}

xinf_status xi_cache_open(xi_cache *c, const xinf_allocator *alloc, const char *folder,
                          uint64_t identity, xinf_error *err)
{
    *c = (xi_cache){.alloc = *alloc, .identity = identity};
    xinf_status status = xi_folder_private(folder, err);
    if (status != XINF_OK) return status;
    size_t size = strlen(folder) + 32;
    c->path = xi_alloc(alloc, size);
    if (!c->path) return xi_fail_memory(err, size);
    c->path_size = size;
    snprintf(c->path, size, "%s/%016llx.weights", folder,
             (unsigned long long)xi_hash64(XI_BUILD_ID, &identity, sizeof identity));
    if (xi_file_open(&c->file, alloc, c->path, true, NULL) != XINF_OK || !cache_accept(c))
        xi_file_close(&c->file);
    return XINF_OK;
}

void xi_cache_close(xi_cache *c)
{
    xi_file_close(&c->file);
    xi_free(&c->alloc, c->path, c->path_size);
    c->path = NULL;
}

const xi_cache_entry *xi_cache_find(const xi_cache *c, xi_cache_key key, size_t size)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->entries[i].key.a == key.a && c->entries[i].key.b == key.b &&
            c->entries[i].size == size)
            return &c->entries[i];
    return NULL;
}

const void *xi_cache_data(const xi_cache *c, const xi_cache_entry *e)
{
    return c->file.data + e->offset;
}

bool xi_cache_check(const xi_cache *c, const xi_cache_entry *e)
{
    return xi_hash64(e->key.a, xi_cache_data(c, e), (size_t)e->size) == e->checksum;
}

/* ---- writing ---- */

typedef struct cache_writer {
    xi_cache_entry *entries;
    xi_file_piece *pieces;
    size_t count, piece_count, end;
} cache_writer;

static bool cache_put(cache_writer *w, xi_cache_key key, const void *data, size_t size,
                      uint64_t checksum)
{
    static const char zeros[CACHE_ALIGN] = {0};
    size_t start;
    if (!xi_align_size(w->end, CACHE_ALIGN, &start)) return false;
    if (start > w->end) w->pieces[w->piece_count++] = (xi_file_piece){zeros, start - w->end};
    w->pieces[w->piece_count++] = (xi_file_piece){data, size};
    w->entries[w->count++] = (xi_cache_entry){key, start, size, checksum};
    return xi_add_size(start, size, &w->end);
}

static bool cache_replaced(const xi_cache_entry *e, const xi_cache_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (items[i].key.a == e->key.a && items[i].key.b == e->key.b && items[i].size == e->size)
            return true;
    return false;
}

xinf_status xi_cache_save(const xi_cache *c, const xi_cache_item *items, size_t count,
                          xinf_error *err)
{
    xinf_status status;
    cache_head head = {.version = CACHE_VERSION, .build = XI_BUILD_ID, .identity = c->identity};
    size_t most = count + c->count, kept = 0, table, pieces;
    cache_writer w = {0};
    if (!xi_mul_size(most + 1, sizeof *w.entries, &table) ||
        !xi_mul_size(2 * most + 3, sizeof *w.pieces, &pieces))
        return xi_fail(err, XINF_LIMIT, "the cache of packed weights is too large");
    w.entries = xi_calloc(&c->alloc, 1, table);
    w.pieces = xi_calloc(&c->alloc, 1, pieces);
    if (!w.entries || !w.pieces) XI_TRY(xi_fail_memory(err, table));
    for (size_t i = 0; i < c->count; i++) kept += !cache_replaced(&c->entries[i], items, count);
    w.end = sizeof head + (count + kept) * sizeof *w.entries;
    w.pieces[w.piece_count++] = (xi_file_piece){&head, sizeof head};
    w.pieces[w.piece_count++] = (xi_file_piece){w.entries, (count + kept) * sizeof *w.entries};
    bool fits = true;
    for (size_t i = 0; i < count && fits; i++)
        fits = cache_put(&w, items[i].key, items[i].data, items[i].size,
                         xi_hash64(items[i].key.a, items[i].data, items[i].size));
    /* Kept as they are: damaged bytes keep a checksum that tells. */
    for (size_t i = 0; i < c->count && fits; i++)
        if (!cache_replaced(&c->entries[i], items, count))
            fits = cache_put(&w, c->entries[i].key, xi_cache_data(c, &c->entries[i]),
                             (size_t)c->entries[i].size, c->entries[i].checksum);
    if (!fits) XI_TRY(xi_fail(err, XINF_LIMIT, "the cache of packed weights is too large"));
    memcpy(head.magic, cache_magic, sizeof cache_magic);
    head.size = w.end;
    head.count = w.count;
    head.table = xi_hash64(0, w.entries, w.count * sizeof *w.entries);
    head.head = cache_head_sum(&head);
    XI_TRY(xi_file_write_private(c->path, w.pieces, w.piece_count, err));
cleanup:
    xi_free(&c->alloc, w.entries, table);
    xi_free(&c->alloc, w.pieces, pieces);
    return status;
}
