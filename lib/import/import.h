/* import.h — what every format's importer gives: a graph of the newest operators, and what keeps
 * its bytes. */
#ifndef XI_IMPORT_IMPORT_H
#define XI_IMPORT_IMPORT_H

#include "graph/graph.h"

/* Bounds that a loader option can change. 0: the default. */
typedef struct xi_import_limits {
    uint64_t
        max_bytes; /* of memory for tree and graph together; 0: 64 MiB + 16 × non-weight bytes */
    uint64_t max_steps; /* of nodes after inlining of functions; 0: 4,000,000 */
    uint32_t max_depth; /* of nested graphs and function calls; 0: 32 */
} xi_import_limits;

typedef struct xi_import_note {
    const char *key, *value; /* NUL-terminated, in the family's arena */
} xi_import_note;

/* What an importer is given. `file` outlives the model. folder: where files beside it lie, or NULL.
 */
typedef struct xi_import_source {
    const xinf_allocator *alloc;
    const xi_file *file;
    const char *folder;
    bool map;
    xi_import_limits limits;
    const struct xi_customs *customs; /* operators of the application; may be NULL */
    const char *method;               /* of a program with several; NULL: its usual one */
    const xinf_value_info *hints; /* what inputs will be, for files that do not say: by name, or in
                                     order when they have none */
    int32_t hint_count;
    const char *signature; /* of a SavedModel; NULL: its usual one */
    const char *const
        *outputs; /* names of tensors that become the outputs, where the file does not say */
    int32_t output_count;
} xi_import_source;

typedef struct xi_import {
    xi_family *family; /* the caller's, by xi_family_destroy */
    xi_graph *graph;
    const xi_literal **defaults; /* per graph input: what stands in for an absent one, or NULL; in
                                    the family's arena; may be NULL */
    xi_import_note *notes;       /* metadata, then what the file says about itself */
    int32_t note_count;
    uint64_t mapped_bytes; /* of all files of the model */
    /* Set when the file does not say what its inputs are (TorchScript): the graph is then made for
     * guessed types, or has no nodes at all, and every session calls this at its first run, with
     * the types of the inputs that came, in the graph's order (dimensions that are not known stay
     * open). The result shares this import's owner, which outlives it, and has none itself. May be
     * called from several threads at once. */
    xinf_status (*retype)(struct xi_import *out, void *owner, const struct xi_type *inputs,
                          int32_t input_count, xinf_error *err);
    bool incomplete; /* with retype: the graph has its inputs and as many outputs as are declared,
                        and nothing between them */
    void
        *owner; /* of bytes that names and literals point to; ended by end_owner after the family */
    void (*end_owner)(void *owner);
} xi_import;

/* One row of the table of formats. On failure *out holds nothing. */
typedef xinf_status (*xi_import_fn)(xi_import *out, const xi_import_source *source,
                                    xinf_error *err);

#endif
