/* weights.h — packed and aligned forms of constants, made once per model and shared by its
 * sessions.
 *
 * A weight is claimed while a plan is built, gets memory with all others of that plan, and is
 * filled once, by whoever comes first. Any thread may call any of these. */
#ifndef XI_PLAN_WEIGHTS_H
#define XI_PLAN_WEIGHTS_H

#include "base/thread.h"
#include "plan/kernel.h"

/* Memory of weights that were placed together; lives as long as one of them. */
typedef struct xi_weight_block {
    void *data;
    size_t size;
    size_t live;
} xi_weight_block;

typedef struct xi_weight {
    void *data; /* 64-byte aligned; NULL until it is placed */
    size_t size;
    uint64_t key;
    const xi_kernel *kernel;    /* NULL: an aligned copy */
    const void *const *sources; /* addresses of the literals it was made from */
    int32_t source_count;
    int32_t users;
    xi_weight_block *block;
    xi_mutex lock; /* held while it is filled */
    bool ready;    /* filled; under `lock` */
    uint8_t params[XI_PARAMS_SIZE];
} xi_weight;

typedef struct xi_weights {
    xinf_allocator alloc;
    xi_mutex lock;
    xi_weight **items;
    size_t count, capacity;
    uint64_t bytes;
    uint64_t packs; /* how many were ever filled: tests count it */
} xi_weights;

/* How one weight is made: by its kernel from a node's constants, or (kernel NULL) as a copy of
 * literals[0]. */
typedef struct xi_pack {
    xi_weight *weight;
    const xi_kernel *kernel;
    const xi_node *node;
    const void *params; /* XI_PARAMS_SIZE bytes; NULL for a copy */
    const xi_operand *const *in;
    const xi_literal *const *literals;
    int32_t in_count;
    uint32_t inputs; /* bit i: input i is read by pack only, its mapped pages are given back */
    size_t size;
} xi_pack;

xinf_status xi_weights_init(xi_weights *w, const xinf_allocator *alloc, xinf_error *err);
void xi_weights_end(xi_weights *w);
/* Finds or makes the weight that `pack` describes and sets pack->weight; one more user. */
xinf_status xi_weights_claim(xi_weights *w, xi_pack *pack, xinf_error *err);
/* Gives memory to those weights of the list that have none yet, in one block. */
xinf_status xi_weights_place(xi_weights *w, const xi_pack *packs, size_t count, xinf_error *err);
/* Fills a placed weight unless that is done. */
xinf_status xi_weights_fill(xi_weights *w, const xi_pack *pack, xinf_error *err);
void xi_weights_release(xi_weights *w, const xi_weight *weight);

#endif
