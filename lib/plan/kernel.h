/* kernel.h — the internal kernel table: how a plan chooses a kernel for a node, and how a run calls
 * it.
 *
 * A kernel goes through four calls. prepare (once per session and node): does it take this node
 * with these dtypes, shapes and layouts; if so it fills its parameters, the layouts it wants, and
 * how many bytes of packed weights. pack (once per model): writes the packed weights. extent (once
 * per shape signature): phases, chunks, scratch. run (every time, on any thread). */
#ifndef XI_PLAN_KERNEL_H
#define XI_PLAN_KERNEL_H

#include "graph/op.h"
#include "tensor/layout.h"

enum { XI_PARAMS_SIZE = 512, XI_MAX_PHASES = 4 };

/* A value as kernels see it. */
typedef struct xi_operand {
    void *data; /* elements in `layout`, 64-byte aligned except for caller's tensors
                   (element-aligned); strings: xi_str[] */
    xinf_dtype dtype;
    int32_t layout;
    xi_shape shape;      /* logical; unknown dimensions only in prepare */
    int64_t count;       /* logical elements */
    xinf_tensor *tensor; /* set for strings, sequences, maps, optionals and outputs sized at run
                            time; else NULL */
    xinf_kind kind;
} xi_operand;

/* What prepare sees and answers. in[i] and out[i] are NULL where the node has none. in[i]->data is
 * set for constants only (then aligned). layouts of inputs are those their producers gave; of
 * outputs ROW. */
typedef struct xi_prepare {
    const xi_node *node;
    int32_t in_count, out_count;
    const xi_operand *const *in;
    const xi_operand *const *out;
    uint32_t isa;  /* what may be used */
    int32_t width; /* workers of the session; must not change pack formats */
    /* answers */
    void *params;           /* XI_PARAMS_SIZE bytes, zeroed; plain data, no pointers */
    int32_t *in_layout;     /* per input, ROW at first: the layout wanted */
    int32_t *out_layout;    /* per output, ROW at first */
    size_t packed_size;     /* bytes of packed weights; 0: none */
    uint32_t packed_inputs; /* bit i: constant input i is read only by pack, never by run */
    uint32_t in_place; /* bit i: output 0 may use the memory of input i (same size of element and
                          layout) */
    bool view;         /* output 0 is input 0's memory under another shape; run is not called */
} xi_prepare;

/* What extent answers; chunks[p] tasks in phase p, phases run one after another. Zeroed at first,
 * then 1 phase of 1 chunk. */
typedef struct xi_extent {
    int32_t phases;
    int32_t chunks[XI_MAX_PHASES];
    size_t scratch; /* bytes for each worker, 64-byte aligned */
    size_t shared;  /* bytes for the whole step, kept between phases */
    uint64_t flops;
    bool joined; /* output 0 is its inputs one after another: those that already lie there are not
                    to be copied */
} xi_extent;

typedef struct xi_call xi_call;
struct xi_call {
    const void *params;
    const xi_node *node; /* for long attributes */
    int32_t in_count, out_count;
    xi_operand *const *in;
    xi_operand *const *out;
    const void *packed;
    void *shared;
    int32_t width; /* workers */
    const xinf_allocator
        *alloc; /* for outputs sized at run time and their parts: blocks are reused by later runs */
    /* Sizes output `index` (XI_OP_DATA_SHAPE and handle operators only): gives it a fresh tensor,
     * elements not zeroed (strings empty). */
    xinf_status (*resize)(const xi_call *call, int32_t index, xinf_dtype dtype,
                          const xi_shape *shape, xinf_error *err);
    /* Makes `value` output `index` (the hold moves in; also on failure of the kernel later). */
    void (*give)(const xi_call *call, int32_t index, xinf_tensor *value);
    /* The input as a value of its own with one more hold: for items of sequences. */
    xinf_status (*take)(const xi_call *call, int32_t input, xinf_tensor **out, xinf_error *err);
    void *run; /* the engine's */
};

typedef struct xi_kernel {
    const char *op;     /* "Conv" */
    const char *domain; /* "" */
    const char *name;   /* "xk_conv_f32_direct__avx2" */
    uint32_t isa;       /* all bits must be present */
    /* XINF_OK: taken. XINF_UNSUPPORTED: the next kernel of the table is asked; the last refusal's
     * sentence is what the user reads. */
    xinf_status (*prepare)(xi_prepare *p, xinf_error *err);
    /* May be NULL when packed_size is 0. dst is 64-byte aligned, zeroed. in[i] has data for every
     * constant (perhaps unaligned: read by memcpy). */
    xinf_status (*pack)(const void *params, const xi_node *node, const xi_operand *const *in,
                        void *dst, xinf_error *err);
    /* NULL: one phase, one chunk, no scratch. Shapes and layouts are final; data of constants is
     * set, of others not. */
    xinf_status (*extent)(const void *params, xi_operand *const *in, xi_operand *const *out,
                          int32_t width, xi_extent *e, xinf_error *err);
    xinf_status (*run)(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                       xinf_error *err);
} xi_kernel;

/* A table ends with a row whose op is NULL. A room's tables are ordered in groups: the first kernel
 * that takes a node wins, `ref` comes last. Op "Reorder" of domain "xinf" turns one layout into
 * another; it has no node and its prepare is not called. */
typedef struct xi_kernel_list {
    const xi_kernel *const *const
        *groups; /* lists of tables, each ended by NULL, the whole ended by NULL */
} xi_kernel_list;

/* The first kernel of the list for the operator of p->node that takes it; answers are left in p.
 * XINF_UNSUPPORTED with the last refusal's sentence when none does. */
xinf_status xi_kernel_choose(const xi_kernel **out, const xi_kernel_list *list, xi_prepare *p,
                             xinf_error *err);
/* What computes every operator of flag XI_OP_CUSTOM. */
extern const xi_kernel xi_kernel_custom;
/* By name of operator, for Reorder. NULL when there is none for these ISA bits. */
const xi_kernel *xi_kernel_find(const xi_kernel_list *list, const char *domain, const char *op,
                                uint32_t isa);

/* "node Conv_12 (Conv): " + the sentence. */
xinf_status xi_kernel_fail(const xi_node *n, xinf_error *err, xinf_status status, const char *fmt,
                           ...) XI_PRINTF(4, 5);

#endif
