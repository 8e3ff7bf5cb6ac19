/* frame.h — a plan in the act of running: operands, memory for intermediate results, the walk over
 * the steps.
 *
 * A frame belongs to one session and is used by one thread at a time; subgraphs have frames of
 * their own below it. */
#ifndef XI_RUN_FRAME_H
#define XI_RUN_FRAME_H

#include <stdatomic.h>

#include "base/pool.h"
#include "plan/plan.h"
#include "run/recycler.h"

/* What all frames of a session share during a run. */
typedef struct xi_run {
    xinf_allocator alloc;   /* of the session: bindings, arenas */
    xinf_allocator recycle; /* run-time tensors */
    xi_pool *pool;
    const xinf_run_options *options;  /* may be NULL */
    atomic_int *cancel;               /* may be NULL */
    uint64_t deadline_ns;             /* 0: none */
    uint64_t steps_limit, steps_left; /* 0 and UINT64_MAX: no limit */
    size_t memory_limit;              /* 0: none */
    size_t memory_used;               /* arenas of all frames */
    int32_t step_index;               /* for profiles */
} xi_run;

typedef struct xi_frame xi_frame;
enum { XI_FRAME_BINDINGS = 4 };

struct xi_frame {
    const xi_plan *plan;
    xi_run *run;
    xi_binding *bindings[XI_FRAME_BINDINGS]; /* most recent first */
    xi_binding *bound;                       /* the one that operands show */
    xi_operand *operands;                    /* per slot */
    xinf_tensor **held;    /* per slot: a hold of ours on a value sized at run time */
    xi_operand **lists;    /* scratch: operand pointers of one step */
    const xi_type **types; /* scratch for shape rules */
    const xi_literal **known;
    xi_type *in_types, *out_types;
    xi_literal *known_storage;
    int32_t widest; /* most operands of a step */
    xi_type *signature;
    char *memory;
    size_t memory_size;
    char *scratch; /* width × scratch, then shared */
    size_t scratch_size;
    xi_params *chosen; /* one step chosen at run time */
    int32_t *layouts;
    xi_arena types_arena; /* element types of run-time inference */
    xi_frame **subs;      /* per plan.subs, made when first needed */
};

xinf_status xi_frame_create(xi_frame **out, const xi_plan *plan, xi_run *run, xinf_error *err);
void xi_frame_destroy(xi_frame *f);

/* Binds the frame to the shapes of its inputs and captures: in holds plan inputs, then captures
 * (operands; data may be NULL when only sizing). Afterwards out_type of an output can be read from
 * bound->slots. */
xinf_status xi_frame_bind(xi_frame *f, const xi_operand *in, xinf_error *err);
/* Can output k be written straight to a buffer of the caller; its type is then final. */
bool xi_frame_output_direct(const xi_frame *f, int32_t k);
/* Runs all steps. direct[k]: buffer for output k, or NULL. Inputs were given to xi_frame_bind. */
xinf_status xi_frame_run(xi_frame *f, void *const *direct, xinf_error *err);
/* Output k after a run, borrowed until the next one. */
const xi_operand *xi_frame_output(const xi_frame *f, int32_t k);
/* Output k as a tensor of its own: the held one, or a copy made by `alloc`. */
xinf_status xi_frame_take_output(xi_frame *f, int32_t k, const xinf_allocator *alloc,
                                 xinf_tensor **out, xinf_error *err);
/* Gives up all values sized at run time. */
void xi_frame_release(xi_frame *f);

/* An operand as a tensor: one more hold when it is one already, else a copy. */
xinf_status xi_operand_take(const xi_operand *o, const xinf_allocator *alloc, xinf_tensor **out,
                            xinf_error *err);
/* An operand that shows a tensor, borrowed. */
xi_operand xi_operand_of(xinf_tensor *t);
xi_type xi_operand_type(const xi_operand *o);

/* If, Loop, Scan, SequenceMap (control.c). in: the node's inputs; hidden: captures of all its
 * subgraphs; gives outputs by `give`. */
xinf_status xi_control_run(xi_frame *f, int32_t step, xi_operand *const *in, xinf_error *err);
/* The frame of subgraph k of a step, made on first use. */
xinf_status xi_frame_sub(xi_frame *f, int32_t sub, xi_frame **out, xinf_error *err);
/* Makes `value` (the hold moves in, also on failure) what slot holds. */
void xi_frame_hold(xi_frame *f, int32_t slot, xinf_tensor *value);

#endif
