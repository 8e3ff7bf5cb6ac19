/* exporter.h — what the files of this folder share while one graph is written. */
#ifndef XI_EXPORT_EXPORTER_H
#define XI_EXPORT_EXPORTER_H

#include "export/onnx.h"
#include "export/writer.h"

typedef struct xi_exporter {
    xi_writer file;   /* the model */
    xi_arena arena;   /* names and converted contents */
    xi_str *names;    /* per value id; empty: not used */
    bool *used;       /* per value id: something reads it, or it is an input or an output */
    bool *keeps_name; /* per node id: its name stands in the file */
    bool external;
    uint64_t data_size;    /* of the file beside it, laid out from its start */
    xi_file_piece *pieces; /* of it, in its order */
    size_t piece_count, piece_capacity;
    xi_str data_name; /* as the model names it */
    int64_t opset, ml_opset;
    xinf_error *err;
} xi_exporter;

/* names.c: a name for every value in use, unique in the whole family; graph inputs and outputs keep
 * theirs. */
xinf_status xi_export_names(xi_exporter *x, const xi_graph *g);
/* tensor.c: field `field` holds the literal. name may be empty. may_leave: its bytes may go to the
 * file beside. */
xinf_status xi_export_tensor(xi_exporter *x, uint32_t field, const xi_literal *l, xi_str name,
                             bool may_leave);
/* version.c: raises x->opset to what the node needs. */
void xi_export_version(xi_exporter *x, const xi_node *n);
void xi_export_version_dtype(xi_exporter *x, xinf_dtype d);
int64_t xi_export_ir_version(int64_t opset);
xinf_status xi_export_no_memory(xi_exporter *x);

#endif
