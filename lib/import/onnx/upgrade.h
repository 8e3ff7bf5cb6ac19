/* upgrade.h — translation of old operator versions into the newest: tables of rows and what their
 * functions build with.
 *
 * A function gets the node as the file has it, last in its graph, and rewrites it in place. Nodes
 * that must run before it are put before it, those that must run after it at the end. What cannot
 * be translated is marked `refused`. */
#ifndef XI_IMPORT_ONNX_UPGRADE_H
#define XI_IMPORT_ONNX_UPGRADE_H

#include "import/onnx/importer.h"

typedef struct xi_onnx_upgrade_row {
    const char *op;       /* NULL ends a table */
    int32_t since, until; /* versions of the domain's operator set, both included */
    xinf_status (*fn)(xi_onnx_importer *im, xi_node *n, int64_t version);
} xi_onnx_upgrade_row;

extern const xi_onnx_upgrade_row xi_onnx_upgrade_shape[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_math[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_nn[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_resize[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_experimental[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_ml[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_contrib[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_contrib_norm[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_contrib_quantized[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_contrib_attention[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_contrib_gqa[];
extern const xi_onnx_upgrade_row xi_onnx_upgrade_contrib_beam[];

/* Removes an attribute; false when it is not there. */
bool xi_onnx_up_drop(xi_node *n, const char *name);
/* Gives the node at least `count` inputs, the new ones left out. */
xinf_status xi_onnx_up_inputs(xi_onnx_importer *im, xi_node *n, int32_t count);
/* Makes input `index` a constant. */
xinf_status xi_onnx_up_ints(xi_onnx_importer *im, xi_node *n, int32_t index, const int64_t *values,
                            int32_t count);
/* Turns an attribute of ints into a constant input; nothing happens without the attribute. */
xinf_status xi_onnx_up_ints_attr(xi_onnx_importer *im, xi_node *n, const char *name, int32_t index);
/* A rank-0 constant of the dtype that `like` has, float32 when that is not known. NULL when memory
 * ends. */
xi_value *xi_onnx_up_scalar(xi_node *n, const xi_value *like, double number);
/* The node becomes another operator of the default domain. */
void xi_onnx_up_rename(xi_node *n, const char *op);
/* A node of one output before (or, with after, behind) n; NULL when memory ends. b may be NULL. */
xi_node *xi_onnx_up_node(xi_node *n, bool after, const char *op, xi_value *a, xi_value *b,
                         int32_t attr_capacity);
/* Runs the new node's shape rule and gives its first output. */
xi_value *xi_onnx_up_result(xi_onnx_importer *im, xi_node *made);
/* Moves output 0 of n to `last`, and gives n a fresh one. */
xinf_status xi_onnx_up_take_output(xi_onnx_importer *im, xi_node *n, xi_node *last);

static inline int32_t xi_onnx_up_rank(const xi_node *n, int32_t input)
{
    const xi_value *v = xi_node_input(n, input);
    return v ? v->type.shape.rank : -1;
}

#endif
