/* weights.c — the store of packed and aligned constants. */
#include "plan/weights.h"

#include "base/allocator.h"

xinf_status xi_weights_init(xi_weights *w, const xinf_allocator *alloc, xinf_error *err)
{
    *w = (xi_weights){.alloc = *alloc};
    return xi_mutex_init(&w->lock) ? XINF_OK : xi_fail_memory(err, sizeof w->lock);
}

static void weights_free(xi_weights *w, xi_weight *item)
{
    w->bytes -= item->size;
    xi_free(&w->alloc, item->data, item->size);
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

/* Looks `probe` up; when it is new makes an entry of it with zeroed data. *fresh tells which.
 * Called with the lock held. */
static xinf_status weights_intern(xi_weights *w, const xi_weight *probe, xi_weight **out,
                                  bool *fresh, xinf_error *err)
{
    *out = NULL;
    *fresh = false;
    for (size_t i = 0; i < w->count; i++)
        if (weights_same(w->items[i], probe)) {
            w->items[i]->users++;
            *out = w->items[i];
            return XINF_OK;
        }
    size_t list = (size_t)probe->source_count * sizeof *probe->sources;
    xi_weight *item = xi_calloc(&w->alloc, 1, sizeof *item);
    if (!item) return xi_fail_memory(err, sizeof *item);
    *item = *probe;
    item->sources = xi_alloc(&w->alloc, list);
    item->data = xi_calloc(&w->alloc, 1, probe->size);
    if (!item->sources || !item->data ||
        !xi_grow(&w->alloc, (void **)&w->items, &w->capacity, w->count + 1, sizeof *w->items)) {
        xi_free(&w->alloc, item->data, probe->size);
        xi_free(&w->alloc, (void *)(uintptr_t)item->sources, list);
        xi_free(&w->alloc, item, sizeof *item);
        return xi_fail_memory(err, probe->size);
    }
    memcpy((void *)(uintptr_t)item->sources, probe->sources, list);
    item->users = 1;
    w->items[w->count++] = item;
    w->bytes += item->size;
    w->packs++;
    *out = item;
    *fresh = true;
    return XINF_OK;
}

static void weights_remove(xi_weights *w, xi_weight *item)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->items[i] == item) {
            w->items[i] = w->items[--w->count];
            weights_free(w, item);
            return;
        }
}

static void weights_drop_pages(const xi_literal *l)
{
    if (l && l->file && l->size >= 65536)
        xi_file_drop(l->file, (size_t)((const uint8_t *)l->data - l->file->data), l->size);
}

xinf_status xi_weights_pack(xi_weights *w, const xi_weight **out, const xi_kernel *kernel,
                            const void *params, const xi_node *node, const xi_operand *const *in,
                            int32_t in_count, const xi_literal *const *literals, size_t size,
                            uint32_t packed_inputs, xinf_error *err)
{
    *out = NULL;
    const void *sources[32];
    xi_weight probe = {.size = size, .kernel = kernel, .sources = sources};
    if (in_count > 32)
        return xi_kernel_fail(node, err, XINF_INTERNAL, "more than 32 inputs to pack");
    for (int32_t i = 0; i < in_count; i++)
        if (packed_inputs >> i & 1 && literals[i])
            sources[probe.source_count++] = literals[i]->data;
    if (probe.source_count == 0)
        sources[probe.source_count++] = node; /* made from attributes alone */
    memcpy(probe.params, params, XI_PARAMS_SIZE);
    probe.key = weights_hash(
        weights_hash(14695981039346656037u, sources, (size_t)probe.source_count * sizeof *sources),
        params, XI_PARAMS_SIZE);
    xi_weight *item;
    bool fresh;
    xi_mutex_lock(&w->lock);
    xinf_status status = weights_intern(w, &probe, &item, &fresh, err);
    if (status == XINF_OK && fresh) {
        status = kernel->pack(params, node, in, item->data, err);
        if (status != XINF_OK) weights_remove(w, item);
        for (int32_t i = 0; i < in_count && status == XINF_OK; i++)
            if (packed_inputs >> i & 1) weights_drop_pages(literals[i]);
    }
    if (status == XINF_OK) *out = item;
    xi_mutex_unlock(&w->lock);
    return status;
}

xinf_status xi_weights_align(xi_weights *w, const xi_weight **out, const xi_literal *l,
                             xinf_error *err)
{
    *out = NULL;
    const void *sources[1] = {l->data};
    xi_weight probe = {.size = l->size,
                       .sources = sources,
                       .source_count = 1,
                       .key = (uint64_t)(uintptr_t)l->data};
    xi_weight *item;
    bool fresh;
    xi_mutex_lock(&w->lock);
    xinf_status status = weights_intern(w, &probe, &item, &fresh, err);
    if (status == XINF_OK && fresh) {
        memcpy(item->data, l->data, l->size);
        weights_drop_pages(l);
    }
    if (status == XINF_OK) *out = item;
    xi_mutex_unlock(&w->lock);
    return status;
}

void xi_weights_release(xi_weights *w, const xi_weight *weight)
{
    if (!weight) return;
    xi_mutex_lock(&w->lock);
    xi_weight *item = (xi_weight *)(uintptr_t)weight;
    if (--item->users == 0) weights_remove(w, item);
    xi_mutex_unlock(&w->lock);
}
