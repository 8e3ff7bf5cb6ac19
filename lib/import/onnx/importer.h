/* importer.h — what the files of this folder share while one model is imported. */
#ifndef XI_IMPORT_ONNX_IMPORTER_H
#define XI_IMPORT_ONNX_IMPORTER_H

#include "import/onnx/names.h"
#include "import/onnx/onnx.h"
#include "load/onnx/onnx.pb-c.h"
#include "load/onnx/payload.h"
#include "load/protobuf.h"

typedef struct xi_onnx_scope xi_onnx_scope;

/* A call of a model-local function that is being inlined. */
typedef struct xi_onnx_call {
    const Onnx__Function *function;
    const Onnx__Node *node;
    const xi_onnx_scope *caller; /* where the call's attributes have their meaning */
    xi_str prefix;               /* of names made inside */
} xi_onnx_call;

/* The names that a list of nodes can see. */
struct xi_onnx_scope {
    const xi_onnx_scope
        *parent; /* of the graph around; NULL for the model's graph and for function bodies */
    const xi_onnx_call *call; /* innermost, NULL outside functions */
    xi_onnx_names names;
    Onnx__OperatorSet *const *opsets;
    size_t opset_count;
    xi_graph *graph; /* where nodes go */
    uint32_t depth;
};

typedef struct xi_onnx_importer {
    xinf_allocator alloc;
    xi_onnx_model *model;
    const Onnx__Model *proto;
    xi_family *family;
    xi_import_limits limits;
    uint64_t steps;
    xi_onnx_names functions; /* name → index + 1 of the first function of that name */
    uint32_t *function_next; /* index + 1 of the next of the same name */
    const xi_literal **defaults;
    bool infer_early; /* some operator's translation wants to know ranks */
    bool exhausted;   /* memory ended inside a translation */
    xinf_error *err;
} xi_onnx_importer;

/* names of the tree */
static inline xi_str xi_onnx_str(ProtobufCBinaryData b)
{
    return xi_str_of_bytes(b);
}
/* The node's name, else its first output's, else its operator's: for messages. */
xi_str xi_onnx_label(const Onnx__Node *n);
/* One sentence for an exhausted arena: its limit or the machine's memory. */
xinf_status xi_onnx_no_memory(xi_onnx_importer *im);

/* graph.c: fills a graph from its message. parent NULL: the model's graph. */
xinf_status xi_onnx_graph_import(xi_graph **out, xi_onnx_importer *im, const Onnx__Graph *proto,
                                 const xi_onnx_scope *parent);
/* node.c: imports a list of nodes into scope->graph, in an order that works. All their outputs are
 * registered first. */
xinf_status xi_onnx_nodes_import(xi_onnx_importer *im, xi_onnx_scope *scope,
                                 Onnx__Node *const *nodes, size_t count);
/* The value a name stands for, here or in a graph around; refuses an unknown name. *out NULL: an
 * absent optional input. */
xinf_status xi_onnx_resolve(xi_value **out, xi_onnx_importer *im, const xi_onnx_scope *scope,
                            xi_str name, xi_str user);
/* The version of a domain's operators here; 0: not imported. */
int64_t xi_onnx_version(const xi_onnx_scope *scope, xi_str domain);
/* A name as it is here: inside a function it carries the call's name. */
xi_str xi_onnx_scoped_name(xi_onnx_importer *im, const xi_onnx_scope *scope, xi_str name);

/* order.c: *out[i] is the node to import as i-th; NULL when the file's order works. Freed with
 * xi_free, count × 4 bytes. */
xinf_status xi_onnx_order(uint32_t **out, xi_onnx_importer *im, const xi_onnx_scope *scope,
                          Onnx__Node *const *nodes, size_t count);

/* attribute.c */
/* Follows a reference to an attribute of the function call around. *out NULL: not given.
 * *out_scope: where it has its meaning. */
xinf_status xi_onnx_attribute_resolve(const Onnx__Attribute **out, const xi_onnx_scope **out_scope,
                                      xi_onnx_importer *im, const Onnx__Attribute *a,
                                      const xi_onnx_scope *scope);
xinf_status xi_onnx_attribute_import(xi_attr *out, xi_onnx_importer *im, const Onnx__Attribute *a,
                                     const xi_onnx_scope *scope, xi_str label);
xinf_status xi_onnx_literal(const xi_literal **out, xi_onnx_importer *im, const Onnx__Tensor *t);
xinf_status xi_onnx_sparse(const xi_literal **out, xi_onnx_importer *im,
                           const Onnx__SparseTensor *s, xi_str name);
/* Room for a tensor that the file does not store as such, inside the model's limit for those. */
xinf_status xi_onnx_room(void **out, xi_onnx_importer *im, size_t size, xi_str name);
/* The literal of a Constant node. */
xinf_status xi_onnx_constant(const xi_literal **out, xi_onnx_importer *im, const Onnx__Node *n,
                             const xi_onnx_scope *scope);

/* type.c; t NULL gives an unknown type. */
xinf_status xi_onnx_type(xi_type *out, xi_onnx_importer *im, const Onnx__Type *t, xi_str name);

/* function.c */
xinf_status xi_onnx_functions_index(xi_onnx_importer *im);
const Onnx__Function *xi_onnx_function_find(const xi_onnx_importer *im, const Onnx__Node *n);
xinf_status xi_onnx_function_inline(xi_onnx_importer *im, xi_onnx_scope *scope, const Onnx__Node *n,
                                    const Onnx__Function *f);

/* upgrade.c: turns a node of `version` of its operator's domain into newest operators. New nodes go
 * to the end of the graph. */
xinf_status xi_onnx_upgrade(xi_onnx_importer *im, xi_node *n, int64_t version);
/* infer.c: runs the operator's shape rule with what is known now; errors are left to the check of
 * the whole graph. */
void xi_onnx_infer(xi_onnx_importer *im, xi_node *n);

#endif
