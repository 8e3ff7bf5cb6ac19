/* packing.h — the weights that a plan wants: noted while it is built, made all at once by all
 * workers. */
#ifndef XI_PLAN_PACKING_H
#define XI_PLAN_PACKING_H

#include "base/arena.h"
#include "base/pool.h"
#include "plan/weights.h"

typedef struct xi_packing {
    xi_weights *store;
    xi_arena arena; /* the packs' operands */
    xi_pack *packs;
    size_t count, capacity;
    size_t bytes;
} xi_packing;

void xi_packing_init(xi_packing *p, xi_weights *store);
void xi_packing_end(xi_packing *p);
/* Claims what `pack` describes (its arrays and params are copied) and notes it for xi_packing_run.
 * The caller gives *out back with xi_weights_release. */
xinf_status xi_packing_add(xi_packing *p, const xi_weight **out, const xi_pack *pack,
                           xinf_error *err);
/* The same for an aligned copy of a literal. */
xinf_status xi_packing_align(xi_packing *p, const xi_weight **out, const xi_literal *literal,
                             xinf_error *err);
/* Makes all that were noted. The result does not depend on the number of workers. pool may be NULL;
 * none of its threads is left afterwards. */
xinf_status xi_packing_run(xi_packing *p, xi_pool *pool, xinf_error *err);

#endif
