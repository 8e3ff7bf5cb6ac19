/* weights.c — the store of packed and aligned constants. */
#include "plan/weights.h"

#include "base/allocator.h"
#include "base/checked.h"

enum { WEIGHTS_MOST_SOURCES = 32 };

xinf_status xi_weights_init(xi_weights *w, const xinf_allocator *alloc, xinf_error *err)
{
    *w = (xi_weights){.alloc = *alloc};
    return xi_mutex_init(&w->lock) ? XINF_OK : xi_fail_memory(err, sizeof w->lock);
}

static void weights_free(xi_weights *w, xi_weight *item)
{
    xi_weight_block *block = item->block;
    w->bytes -= item->size;
    if (block && --block->live == 0) {
        xi_free(&w->alloc, block->data, block->size);
        xi_free(&w->alloc, block, sizeof *block);
    }
    xi_mutex_destroy(&item->lock);
    xi_free(&w->alloc, (void *)(uintptr_t)item->sources,
            (size_t)item->source_count * sizeof *item->sources);
    xi_free(&w->alloc, item, sizeof *item);
}

void xi_weights_end(xi_weights *w)
{
    for (size_t i = 0; i < w->count; i++) weights_free(w, w->items[i]);
    xi_free(&w->alloc, w->items, w->capacity * sizeof *w->items);
    xi_mutex_destroy(&w->lock);
}

/* ---- claiming ---- */

static uint64_t weights_hash(uint64_t h, const void *data, size_t size)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * 1099511628211u;
    return h;
}

static bool weights_same(const xi_weight *a, const xi_weight *b)
{
    return a->key == b->key && a->kernel == b->kernel && a->size == b->size &&
           a->source_count == b->source_count &&
           memcmp(a->params, b->params, sizeof a->params) == 0 &&
           memcmp(a->sources, b->sources, (size_t)a->source_count * sizeof *a->sources) == 0;
}

/* What `pack` asks for, as a weight that is not in the store; `sources` are the caller's. */
static xi_weight weights_probe(const xi_pack *pack, const void **sources)
{
    xi_weight probe = {.size = pack->size, .kernel = pack->kernel, .sources = sources};
    for (int32_t i = 0; i < pack->in_count; i++)
        if (pack->inputs >> i & 1 && pack->literals[i])
            sources[probe.source_count++] = pack->literals[i]->data;
    if (probe.source_count == 0)
        sources[probe.source_count++] = pack->node; /* made from attributes alone */
    if (pack->params) memcpy(probe.params, pack->params, XI_PARAMS_SIZE);
    probe.key = weights_hash(
        weights_hash(14695981039346656037u, sources, (size_t)probe.source_count * sizeof *sources),
        probe.params, XI_PARAMS_SIZE);
    return probe;
}

/* A new item like `probe`, in the store. Called with the lock held. */
static xi_weight *weights_add(xi_weights *w, const xi_weight *probe)
{
    size_t list = (size_t)probe->source_count * sizeof *probe->sources;
    xi_weight *item = xi_alloc(&w->alloc, sizeof *item);
    void *sources = xi_alloc(&w->alloc, list);
    if (!item || !sources ||
        !xi_grow(&w->alloc, (void **)&w->items, &w->capacity, w->count + 1, sizeof *w->items))
        goto cleanup;
    *item = *probe;
    if (!xi_mutex_init(&item->lock)) goto cleanup;
    item->sources = memcpy(sources, probe->sources, list);
    w->items[w->count++] = item;
    w->bytes += item->size;
    return item;
cleanup:
    xi_free(&w->alloc, sources, list);
    xi_free(&w->alloc, item, sizeof *item);
    return NULL;
}

xinf_status xi_weights_claim(xi_weights *w, xi_pack *pack, xinf_error *err)
{
    const void *sources[WEIGHTS_MOST_SOURCES];
    pack->weight = NULL;
    if (pack->in_count > WEIGHTS_MOST_SOURCES)
        return xi_kernel_fail(pack->node, err, XINF_INTERNAL, "more than %d inputs to pack",
                              (int)WEIGHTS_MOST_SOURCES);
    xi_weight probe = weights_probe(pack, sources);
    xi_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->count && !pack->weight; i++)
        if (weights_same(w->items[i], &probe)) pack->weight = w->items[i];
    if (!pack->weight) pack->weight = weights_add(w, &probe);
    if (pack->weight) pack->weight->users++;
    xi_mutex_unlock(&w->lock);
    return pack->weight ? XINF_OK : xi_fail_memory(err, sizeof *pack->weight);
}

void xi_weights_release(xi_weights *w, const xi_weight *weight)
{
    if (!weight) return;
    xi_mutex_lock(&w->lock);
    xi_weight *item = (xi_weight *)(uintptr_t)weight;
    if (--item->users == 0) {
        size_t i = 0;
        while (w->items[i] != item) i++;
        w->items[i] = w->items[--w->count];
        weights_free(w, item);
    }
    xi_mutex_unlock(&w->lock);
}

/* ---- placing and filling ---- */

/* The bytes that a weight takes in a block; false when that overflows. */
static bool weights_span(const xi_weight *item, size_t *out)
{
    return xi_align_size(item->size ? item->size : 1, XI_ALIGN, out);
}

xinf_status xi_weights_place(xi_weights *w, const xi_pack *packs, size_t count, xinf_error *err)
{
    size_t total = 0, span = 0;
    xinf_status status = XINF_OK;
    xi_weight_block *block = NULL;
    xi_mutex_lock(&w->lock);
    for (size_t i = 0; i < count; i++) {
        if (packs[i].weight->block) continue;
        if (!weights_span(packs[i].weight, &span) || !xi_add_size(total, span, &total))
            XI_TRY(xi_fail(err, XINF_LIMIT, "packed weights are too large for this machine"));
    }
    if (total == 0) goto cleanup;
    block = xi_alloc(&w->alloc, sizeof *block);
    if (!block) XI_TRY(xi_fail_memory(err, sizeof *block));
    *block = (xi_weight_block){.data = xi_alloc(&w->alloc, total), .size = total};
    if (!block->data) XI_TRY(xi_fail_memory(err, total));
    total = 0;
    for (size_t i = 0; i < count; i++) {
        xi_weight *item = packs[i].weight;
        if (item->block) continue; /* also a weight that stands twice in the list */
        item->block = block;
        item->data = (char *)block->data + total;
        block->live++;
        weights_span(item, &span);
        total += span;
    }
    block = NULL;
cleanup:
    xi_free(&w->alloc, block, sizeof *block);
    xi_mutex_unlock(&w->lock);
    return status;
}

static void weights_drop_pages(const xi_literal *l)
{
    if (l && l->file && l->size >= 65536)
        xi_file_drop(l->file, (size_t)((const uint8_t *)l->data - l->file->data), l->size);
}

static xinf_status weights_make(const xi_pack *pack, xinf_error *err)
{
    xi_weight *item = pack->weight;
    if (!pack->kernel) {
        memcpy(item->data, pack->literals[0]->data, item->size);
        return XINF_OK;
    }
    memset(item->data, 0, item->size);
    return pack->kernel->pack(pack->params, pack->node, pack->in, item->data, err);
}

xinf_status xi_weights_fill(xi_weights *w, const xi_pack *pack, xinf_error *err)
{
    xi_weight *item = pack->weight;
    xinf_status status = XINF_OK;
    xi_mutex_lock(&item->lock);
    bool fresh = !item->ready;
    if (fresh) status = weights_make(pack, err);
    item->ready = status == XINF_OK;
    xi_mutex_unlock(&item->lock);
    if (!fresh || status != XINF_OK) return status;
    for (int32_t i = 0; i < pack->in_count; i++)
        if (pack->inputs >> i & 1) weights_drop_pages(pack->literals[i]);
    xi_mutex_lock(&w->lock);
    w->packs++;
    xi_mutex_unlock(&w->lock);
    return XINF_OK;
}
