/* weights.h — packed and aligned forms of constants, made once per model and shared by its
 * sessions.
 *
 * Any thread may call; packing of one entry holds the lock of the whole store. */
#ifndef XI_PLAN_WEIGHTS_H
#define XI_PLAN_WEIGHTS_H

#include "base/thread.h"
#include "plan/kernel.h"

typedef struct xi_weight {
    void *data; /* 64-byte aligned */
    size_t size;
    uint64_t key;
    const xi_kernel *kernel;    /* NULL: an aligned copy */
    const void *const *sources; /* addresses of the literals it was made from */
    int32_t source_count;
    int32_t users;
    uint8_t params[XI_PARAMS_SIZE];
} xi_weight;

typedef struct xi_weights {
    xinf_allocator alloc;
    xi_mutex lock;
    xi_weight **items;
    size_t count, capacity;
    uint64_t bytes;
    uint64_t packs; /* how many were ever made: tests count it */
} xi_weights;

xinf_status xi_weights_init(xi_weights *w, const xinf_allocator *alloc, xinf_error *err);
void xi_weights_end(xi_weights *w);
/* Finds or makes the packed form; one more user. Mapped pages of inputs in `dropped` are given back
 * after packing. */
xinf_status xi_weights_pack(xi_weights *w, const xi_weight **out, const xi_kernel *kernel,
                            const void *params, const xi_node *node, const xi_operand *const *in,
                            int32_t in_count, const xi_literal *const *literals, size_t size,
                            uint32_t packed_inputs, xinf_error *err);
/* An aligned copy of a literal; the literal's own bytes when they are aligned to 64 already are
 * used without a copy by the caller. */
xinf_status xi_weights_align(xi_weights *w, const xi_weight **out, const xi_literal *literal,
                             xinf_error *err);
void xi_weights_release(xi_weights *w, const xi_weight *weight);

#endif
