/* onnx.h — the tree of an ONNX file becomes a graph of the newest operators. */
#ifndef XI_IMPORT_ONNX_ONNX_H
#define XI_IMPORT_ONNX_ONNX_H

#include "graph/graph.h"
#include "load/onnx/model.h"

/* The newest operator sets that the graph's operators stand for; newer files are refused. */
enum { XI_ONNX_OPSET = 28, XI_ONNX_ML_OPSET = 5 };

typedef struct xi_onnx_limits {
    uint64_t max_bytes; /* of memory for tree and graph together; 0: 64 MiB + 16 × non-weight bytes */
    uint64_t max_steps; /* of nodes after inlining of functions; 0: 4,000,000 */
    uint32_t max_depth; /* of nested graphs and function calls; 0: 32 */
} xi_onnx_limits;

typedef struct xi_onnx_note {
    const char *key, *value; /* NUL-terminated, in the family's arena */
} xi_onnx_note;

typedef struct xi_onnx_import {
    xi_family *family; /* the caller's, by xi_family_destroy */
    xi_graph *graph;
    const xi_literal **defaults; /* per graph input: what stands in for an absent one, or NULL; in the family's arena */
    xi_onnx_note *notes;         /* metadata_props, then what the file says about itself */
    int32_t note_count;
} xi_onnx_import;

/* Builds the graph. Names and weights stay views of the model's files, so `model` must outlive the family; its tree may be
 * dropped afterwards. Old operator versions are translated, functions are inlined, constants become literals. Nodes of unknown
 * operators are kept (op NULL). Everything that breaks the format's rules is refused with the node's and value's name. */
xinf_status xi_import_onnx(xi_onnx_import *out, const xinf_allocator *alloc, xi_onnx_model *model, const xi_onnx_limits *limits,
                           xinf_error *err);

#endif
