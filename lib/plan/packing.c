/* packing.c — a plan's weights, made together. */
#include "plan/packing.h"

#include "base/allocator.h"

/* Below this, starting threads takes longer than packing. */
#define PACKING_PARALLEL_BYTES ((size_t)4 << 20)

void xi_packing_init(xi_packing *p, xi_weights *store)
{
    *p = (xi_packing){.store = store};
    xi_arena_init(&p->arena, &store->alloc, 0);
}

void xi_packing_end(xi_packing *p)
{
    xi_free(&p->store->alloc, p->packs, p->capacity * sizeof *p->packs);
    xi_arena_reset(&p->arena);
}

/* The node's operands and parameters end with the call that chose its kernel: they are kept here.
 */
static bool packing_keep(xi_packing *p, xi_pack *pack)
{
    size_t count = (size_t)pack->in_count;
    xi_operand *storage = xi_arena_array(&p->arena, count + 1, sizeof *storage);
    const xi_operand **in = xi_arena_array(&p->arena, count + 1, sizeof *in);
    const xi_literal **literals = xi_arena_array(&p->arena, count + 1, sizeof *literals);
    void *params = xi_arena_array(&p->arena, 1, XI_PARAMS_SIZE);
    if (!storage || !in || !literals || !params) return false;
    for (size_t i = 0; i < count; i++) {
        literals[i] = pack->literals[i];
        if (!pack->in || !pack->in[i]) continue;
        storage[i] = *pack->in[i];
        in[i] = &storage[i];
    }
    pack->in = in;
    pack->literals = literals;
    pack->params = pack->params ? memcpy(params, pack->params, XI_PARAMS_SIZE) : NULL;
    return true;
}

xinf_status xi_packing_add(xi_packing *p, const xi_weight **out, const xi_pack *pack,
                           xinf_error *err)
{
    xi_pack kept = *pack;
    *out = NULL;
    if (!packing_keep(p, &kept) || !xi_grow(&p->store->alloc, (void **)&p->packs, &p->capacity,
                                            p->count + 1, sizeof *p->packs))
        return xi_fail_memory(err, sizeof kept);
    xinf_status status = xi_weights_claim(p->store, &kept, err);
    if (status != XINF_OK) return status;
    p->packs[p->count++] = kept;
    p->bytes += kept.size;
    *out = kept.weight;
    return XINF_OK;
}

xinf_status xi_packing_align(xi_packing *p, const xi_weight **out, const xi_literal *literal,
                             xinf_error *err)
{
    xi_pack copy = {.literals = &literal, .in_count = 1, .inputs = 1, .size = literal->size};
    return xi_packing_add(p, out, &copy, err);
}

static void packing_task(void *arg, int32_t task, int32_t worker)
{
    xi_packing *p = arg;
    (void)worker;
    /* A failure shows in the round that follows, which has somebody to tell it to. */
    xi_weights_fill(p->store, &p->packs[task], NULL);
}

xinf_status xi_packing_run(xi_packing *p, xi_pool *pool, xinf_error *err)
{
    xinf_status status;
    XI_TRY(xi_weights_place(p->store, p->packs, p->count, err));
    if (pool && p->bytes >= PACKING_PARALLEL_BYTES && p->count <= INT32_MAX) {
        xi_pool_parallel(pool, (int32_t)p->count, packing_task, p);
        xi_pool_rest(pool);
    }
    for (size_t i = 0; i < p->count; i++) XI_TRY(xi_weights_fill(p->store, &p->packs[i], err));
cleanup:
    return status;
}

#undef PACKING_PARALLEL_BYTES
