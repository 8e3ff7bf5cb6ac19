/* model.h — an ONNX file as its own tree, with the files its weights lie in. No meaning yet: import
 * gives that. */
#ifndef XI_LOAD_ONNX_MODEL_H
#define XI_LOAD_ONNX_MODEL_H

#include "base/arena.h"
#include "base/file.h"
#include "base/string.h"

struct Onnx__Model;
typedef struct xi_onnx_file xi_onnx_file;

/* Lives as long as anything that reads the model's weights or names: it owns external files and
 * decoded contents. */
typedef struct xi_onnx_model {
    xinf_allocator alloc;
    const struct Onnx__Model *proto; /* in `tree`; NULL after xi_onnx_model_drop_tree */
    xi_arena tree;
    xi_arena contents;     /* tensors that the file stores in another form than memory does */
    size_t contents_limit; /* of tensors that are larger in memory than in the file */
    const xi_file *file;   /* the model's own bytes */
    char *folder;          /* of external data; NULL: none allowed */
    bool map;
    size_t payload_size; /* bytes of weights inside `file` */
    xi_onnx_file *files;
} xi_onnx_model;

struct xi_onnx_file {
    xi_str name;
    xi_file file;
    xi_onnx_file *next;
};

/* Reads the tree. `file` is borrowed and must outlive *out. folder: where external data lies, NULL
 * when the bytes have no folder; copied. max_bytes: of memory for the tree; 0: 64 MiB + 16 × the
 * bytes that are not weights. */
xinf_status xi_onnx_model_open(xi_onnx_model **out, const xinf_allocator *alloc,
                               const xi_file *file, const char *folder, bool map,
                               uint64_t max_bytes, xinf_error *err);
void xi_onnx_model_close(xi_onnx_model *m);
/* Frees the tree once it is imported; names and weights stay. */
void xi_onnx_model_drop_tree(xi_onnx_model *m);
/* What the description may take in memory, tree and graph each: 64 MiB + 16 × the bytes that are
 * not weights. */
size_t xi_onnx_model_limit(const xi_onnx_model *m);
/* Bytes of the model's files that are mapped. */
uint64_t xi_onnx_model_mapped(const xi_onnx_model *m);
/* The external file `name` below the model's folder, opened once. */
xinf_status xi_onnx_model_file(const xi_file **out, xi_onnx_model *m, xi_str name, xinf_error *err);

#endif
