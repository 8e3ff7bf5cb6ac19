/* plan.h — a graph turned into steps: which kernel runs when, on which slots; and the binding of a
 * plan to shapes.
 *
 * A plan is made once per session and does not depend on sizes: kernels, layouts, packed weights,
 * order, lifetimes. A binding is made per shape signature: sizes, arena offsets, chunk counts,
 * contents that follow from shapes alone. Steps and slots are plain numbers; the tables beside them
 * hold the pointers. */
#ifndef XI_PLAN_PLAN_H
#define XI_PLAN_PLAN_H

#include "plan/kernel.h"
#include "plan/packing.h"

typedef enum xi_slot_kind {
    XI_SLOT_LOCAL, /* computed by a step */
    XI_SLOT_INPUT, /* graph input number `index` */
    XI_SLOT_CONST, /* literal; `index` is an aligned weight or -1 when the literal's own bytes serve
                    */
    XI_SLOT_CAPTURE, /* capture number `index` of a subgraph */
    XI_SLOT_STATE    /* state number `index` */
} xi_slot_kind;

typedef struct xi_slot {
    int32_t kind, index;
    int32_t layout;
    int32_t first, last; /* step that computes it, last step that reads it; INT32_MAX: a graph
                            output or state */
    int32_t output;      /* graph output that it is, else -1 */
} xi_slot;

typedef struct xi_step {
    int32_t node; /* in plan.nodes; -1: a reorder of layouts */
    int32_t
        kernel; /* in plan.kernels; -1: control flow, or chosen when its inputs' dtypes are known */
    int32_t operands; /* first of in_count + out_count entries of plan.operands; an entry -1 is
                         absent */
    int32_t in_count, out_count;
    int32_t hidden, hidden_count; /* in plan.operands: slots that the step's subgraphs read */
    int32_t dead, dead_count;     /* in plan.operands: slots nobody reads after this step */
    int32_t subs, sub_count;      /* in plan.subs */
    int32_t params;               /* in plan.params */
    int32_t packed;               /* in plan.weights, -1: none */
    uint32_t in_place, packed_inputs;
    int32_t view; /* 1: output 0 is input 0's memory */
} xi_step;

typedef struct xi_params {
    uint8_t bytes[XI_PARAMS_SIZE];
} xi_params;

typedef struct xi_plan xi_plan;
struct xi_plan {
    xi_arena arena;
    const xi_graph *graph;
    const xi_kernel_list *list;
    const xi_kernel *reorder;
    uint32_t isa;
    int32_t width;
    xi_weights *store;
    xi_step *steps;
    xi_slot *slots;
    int32_t *operands;
    const xi_node **nodes;
    const xi_kernel **kernels;
    xi_params *params;
    const xi_weight **weights;
    const xi_value **values;     /* per slot */
    const xi_literal **literals; /* per slot; NULL unless CONST */
    xi_plan **subs;
    int32_t *inputs, *outputs; /* slots in the graph's order */
    int32_t *captures;         /* slots of this plan … */
    const xi_value **captured; /* … and the outer values they are */
    int32_t *state_read, *state_written;
    size_t step_count, step_capacity, slot_count, slot_capacity, values_capacity, literals_capacity,
        operand_count, operand_capacity, node_count, node_capacity, kernel_count, kernel_capacity,
        params_count, params_capacity, weight_count, weight_capacity, sub_count, sub_capacity,
        capture_count, capture_capacity, captured_capacity;
    int32_t node_total; /* of this plan and those below it */
};

typedef struct xi_plan_options {
    const xi_kernel_list *list;
    uint32_t isa;
    int32_t width;
    xi_pool *pool; /* packs weights; NULL: the calling thread does */
} xi_plan_options;

/* Builds plans for the graph and its subgraphs. Refuses a graph with nodes that cannot run and
 * names all of them (as many as the message holds). The graph must outlive the plan. */
xinf_status xi_plan_build(xi_plan **out, const xi_graph *graph, xi_weights *store,
                          const xi_plan_options *options, xinf_error *err);
void xi_plan_destroy(xi_plan *p);
/* Every index in range, every slot computed before it is read, no slot read after it died. */
xinf_status xi_plan_verify(const xi_plan *p, xinf_error *err);
/* One line a step. */
void xi_plan_print(const xi_plan *p, xi_text *text);

/* ---- binding ---- */

typedef enum xi_mode {
    XI_MODE_DYNAMIC, /* sized when it runs */
    XI_MODE_STATIC,  /* sized and placed */
    XI_MODE_KNOWN    /* its outputs follow from shapes: computed at binding, not run */
} xi_mode;

typedef struct xi_bound_slot {
    xi_type type;
    const xi_literal *known; /* contents that are known */
    bool sized;              /* the shape is final and the value lives in the arena or outside */
    int64_t offset;          /* in the arena; -1: not there */
    size_t size;
    int32_t root;  /* the slot whose memory it has (views, in place, pieces of a joined value) */
    size_t inside; /* where in the root's memory it begins */
    int32_t last;  /* of a root: the last step that reads the memory under any name */
} xi_bound_slot;

typedef struct xi_bound_step {
    xi_mode mode;
    xi_extent extent;
    bool in_place;
} xi_bound_step;

typedef struct xi_binding {
    xi_arena arena;
    xi_type *signature; /* types of inputs, then captures */
    int32_t signature_count;
    xi_bound_slot *slots;
    xi_bound_step *steps;
    size_t memory;  /* bytes of the arena for intermediate results */
    size_t scratch; /* bytes for each worker */
    size_t shared;
} xi_binding;

/* types: of the plan's inputs, then captures; shapes known. A slot that is a graph output computed
 * by a static step gets no place: the run writes it straight into the output. */
xinf_status xi_plan_bind(xi_binding **out, const xi_plan *p, const xi_type *types,
                         const xinf_allocator *alloc, xinf_error *err);
void xi_binding_destroy(xi_binding *b);
/* Places slots whose lifetimes are set; offsets multiple of 64. */
xinf_status xi_plan_place(const xi_plan *p, xi_binding *b, xinf_error *err);

/* ---- one node ---- */

/* Is the node one that no table can help: of an unknown operator, or refused by its importer?
 * Writes the sentence. */
bool xi_plan_refuses(const xi_node *n, xinf_error *why);
/* Would some kernel take the node with the types that are known? XINF_UNSUPPORTED with the sentence
 * when none would. Contents of weights are not looked at. Control flow is taken; its subgraphs are
 * asked by themselves. */
xinf_status xi_plan_takes(const xi_kernel_list *list, uint32_t isa, const xi_node *n,
                          const xinf_allocator *alloc, xinf_error *why);

/* Runs one node on known inputs with the given kernels on the calling thread; literals are made in
 * `arena`. XINF_UNSUPPORTED when it has no kernel, its outputs cannot be sized, or would take more
 * than max_bytes. Not for control flow and handles. */
xinf_status xi_plan_evaluate(const xi_kernel_list *list, uint32_t isa, const xi_node *n,
                             const xi_literal *const *in, const xi_literal **out, xi_arena *arena,
                             size_t max_bytes, xinf_error *err);

#endif
