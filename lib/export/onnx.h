/* onnx.h — a graph becomes an ONNX file. */
#ifndef XI_EXPORT_ONNX_H
#define XI_EXPORT_ONNX_H

#include "graph/graph.h"

typedef struct xi_export_options {
    const xi_literal *const
        *defaults; /* per graph input, or NULL: what stands in for an absent one */
    const char *const *keys, *const *values; /* metadata_props */
    int32_t note_count;
    uint64_t external_above; /* bytes of weights above which they go to PATH.data; 0: as much as one
                                file can hold */
} xi_export_options;

/* Writes `path`, and beside it `path`.data when the weights do not fit into one file (2 GiB).
 * Operators of domain "xinf" are expanded in a copy; a state becomes an input (its first contents
 * as default) and an output. options may be NULL. The operator set is the lowest that holds all
 * that the graph uses, from 18 on. */
xinf_status xi_export_onnx(const xi_graph *g, const char *path, const xi_export_options *options,
                           xinf_error *err);

#endif
