/* tree.h — a TensorFlow file as its own tree. No meaning yet: import gives that. */
#ifndef XI_LOAD_TENSORFLOW_TREE_H
#define XI_LOAD_TENSORFLOW_TREE_H

#include "base/arena.h"
#include "base/file.h"
#include "base/string.h"

struct Tf__Graph;
struct Tf__MetaGraph;
struct Tf__Tensor;
struct xi_tf_bundle;

/* Lives as long as anything that reads the model's weights or names. */
typedef struct xi_tf_tree {
    xinf_allocator alloc;
    xi_arena arena;    /* the messages */
    xi_arena contents; /* constants that the file stores in another form than memory does */
    size_t contents_limit;
    const xi_file *file;
    size_t payload_size;              /* bytes of weights inside `file` */
    const struct Tf__Graph *graph;    /* never NULL after opening */
    const struct Tf__MetaGraph *meta; /* of a SavedModel, else NULL */
    struct xi_tf_bundle *bundle;      /* the variables of a SavedModel; NULL: it has none */
} xi_tf_tree;

/* Reads a GraphDef, or (saved) a SavedModel's first graph with tag "serve", else its first. The
 * file is borrowed and must outlive *out. folder: of a SavedModel's variables; NULL: none.
 * max_bytes: of memory for the tree; 0: the usual budget. */
xinf_status xi_tf_tree_open(xi_tf_tree **out, const xinf_allocator *alloc, const xi_file *file,
                            bool saved, const char *folder, bool map, uint64_t max_bytes,
                            xinf_error *err);
void xi_tf_tree_close(xi_tf_tree *t);
/* What the description may take in memory. */
size_t xi_tf_tree_limit(const xi_tf_tree *t);

/* The contents of one constant. Strings: xi_str[count]. */
typedef struct xi_tf_constant {
    xinf_dtype dtype;
    int32_t rank;
    int64_t dims[12];
    int64_t count;
    const void *data; /* dense; at any alignment when it is a view */
    size_t size;
    const xi_file *file; /* the file it is a view of; NULL when decoded */
} xi_tf_constant;

/* The library's element type for one of TensorFlow's; UNDEFINED for handles, variants and unknown
 * numbers. */
xinf_dtype xi_tf_dtype(int32_t type);
/* Checks shape, type and amount of data against one another. Decoded contents live in t->contents.
 */
xinf_status xi_tf_constant_read(xi_tf_constant *out, xi_tf_tree *t, const struct Tf__Tensor *tensor,
                                xi_str name, xinf_error *err);

#endif
