/* place.c — offsets of intermediate values in one arena: largest first, each at the lowest place
 * that is free during its life. */
#include <stdlib.h>

#include "base/allocator.h"
#include "base/checked.h"
#include "plan/plan.h"

typedef struct place_item {
    int32_t slot, first, last;
    size_t size;
    int64_t offset;
} place_item;

static int place_by_size(const void *a, const void *b)
{
    const place_item *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return x->first != y->first ? (x->first > y->first ? 1 : -1)
                                : (x->slot > y->slot) - (x->slot < y->slot);
}

static int place_by_offset(const void *a, const void *b)
{
    const place_item *const *x = a, *const *y = b;
    return ((*x)->offset > (*y)->offset) - ((*x)->offset < (*y)->offset);
}

/* The lowest gap between placed items that live at the same time. `near` is scratch for n pointers.
 */
static bool place_one(place_item *it, place_item *items, size_t placed, place_item **near,
                      size_t *memory)
{
    size_t n = 0, at = 0;
    for (size_t k = 0; k < placed; k++)
        if (items[k].first <= it->last && it->first <= items[k].last) near[n++] = &items[k];
    if (n > 1) qsort(near, n, sizeof *near, place_by_offset);
    for (size_t k = 0; k < n; k++) {
        if ((size_t)near[k]->offset >= at && (size_t)near[k]->offset - at >= it->size) break;
        size_t end = (size_t)near[k]->offset + near[k]->size;
        if (end > at) at = end;
    }
    size_t end;
    if (!xi_add_size(at, it->size, &end) || end > SIZE_MAX / 2) return false;
    it->offset = (int64_t)at;
    if (end > *memory) *memory = end;
    return true;
}

/* Roots with the lives of all slots that share their memory. Values written outside (graph outputs)
 * or known take no place. */
static size_t place_collect(const xi_plan *p, const xi_binding *b, place_item *items)
{
    size_t n = 0;
    for (size_t k = 0; k < p->slot_count; k++)
        items[k] = (place_item){.slot = -1, .first = INT32_MAX, .last = -1};
    for (size_t k = 0; k < p->slot_count; k++) {
        const xi_bound_slot *v = &b->slots[k];
        if (p->slots[k].kind != XI_SLOT_LOCAL || !v->sized || v->known || v->size == 0) continue;
        if (b->steps[p->slots[k].first].mode != XI_MODE_STATIC) continue;
        size_t root = (size_t)v->root;
        if (p->slots[root].kind != XI_SLOT_LOCAL || b->slots[root].known ||
            p->slots[root].output >= 0)
            continue;
        place_item *it = &items[root];
        it->slot = (int32_t)root;
        if (p->slots[k].first < it->first) it->first = p->slots[k].first;
        if (p->slots[k].last > it->last) it->last = p->slots[k].last;
        if (v->size > it->size) it->size = v->size;
    }
    for (size_t k = 0; k < p->slot_count; k++)
        if (items[k].slot >= 0) items[n++] = items[k];
    return n;
}

xinf_status xi_plan_place(const xi_plan *p, xi_binding *b, xinf_error *err)
{
    const xinf_allocator *alloc = &b->arena.alloc;
    xinf_status status = XINF_OK;
    place_item *items = xi_calloc(alloc, p->slot_count + 1, sizeof *items), **near = NULL;
    near = xi_calloc(alloc, p->slot_count + 1, sizeof *near);
    if (!items || !near) {
        status = xi_fail_memory(err, p->slot_count * sizeof *items);
        goto cleanup;
    }
    size_t n = place_collect(p, b, items);
    for (size_t i = 0; i < n; i++)
        if (!xi_align_size(items[i].size, XI_ALIGN, &items[i].size))
            XI_TRY(xi_fail(err, XINF_LIMIT, "a value is too large"));
    if (n > 1) qsort(items, n, sizeof *items, place_by_size);
    for (size_t i = 0; i < n; i++)
        if (!place_one(&items[i], items, i, near, &b->memory))
            XI_TRY(xi_fail(err, XINF_LIMIT, "the intermediate values are too large"));
    for (size_t i = 0; i < n; i++) b->slots[items[i].slot].offset = items[i].offset;
cleanup:
    xi_free(alloc, items, (p->slot_count + 1) * sizeof *items);
    xi_free(alloc, near, (p->slot_count + 1) * sizeof *near);
    return status;
}
