/* contrib.h — building standard nodes in place of one of domain com.microsoft.
 *
 * Every node is put before the one that is translated; a failure sticks, so that a translation is written as one expression. The
 * meaning of the operators follows onnxruntime's ContribOperators.md. */
#ifndef XI_IMPORT_ONNX_CONTRIB_H
#define XI_IMPORT_ONNX_CONTRIB_H

#include "import/onnx/upgrade.h"

typedef struct xi_contrib {
    xi_onnx_importer *im;
    xi_node *node; /* the one that is translated */
    bool failed;   /* memory ended */
} xi_contrib;

/* A node of `outputs` outputs with the inputs given; NULL inputs are left out. NULL when it failed. */
xi_node *xi_contrib_node(xi_contrib *c, const char *op, int32_t outputs, int32_t attrs, xi_value *const *inputs, int32_t count);
/* Its output, once attributes are set. */
xi_value *xi_contrib_value(xi_contrib *c, xi_node *made, int32_t output);
/* An operator without attributes. b may be NULL. */
xi_value *xi_contrib_op(xi_contrib *c, const char *op, xi_value *a, xi_value *b);
/* a + b, or the one that is there. */
xi_value *xi_contrib_sum(xi_contrib *c, xi_value *a, xi_value *b);
xi_value *xi_contrib_transpose(xi_contrib *c, xi_value *x, const int64_t *perm, int32_t rank);
xi_value *xi_contrib_ints(xi_contrib *c, const int64_t *values, int32_t count);
/* Rank 0, of the dtype of `like`. */
xi_value *xi_contrib_scalar(xi_contrib *c, const xi_value *like, double number);
xi_value *xi_contrib_reshape(xi_contrib *c, xi_value *x, const int64_t *dims, int32_t rank);
xi_value *xi_contrib_cast(xi_contrib *c, xi_value *x, xinf_dtype dtype);
/* x[start … end) along one axis. */
xi_value *xi_contrib_slice(xi_contrib *c, xi_value *x, int64_t axis, int64_t start, int64_t end);

/* The value becomes output `index` of the translated node. */
void xi_contrib_give(xi_contrib *c, int32_t index, xi_value *v);
/* The translated node is done: its outputs have been given, it goes away. */
xinf_status xi_contrib_end(xi_contrib *c);
/* Marks the node as one that this build does not run. */
xinf_status xi_contrib_refuse(xi_contrib *c, const char *why);

static inline xi_value *xi_contrib_in(const xi_contrib *c, int32_t i)
{
    return xi_node_input(c->node, i);
}

#endif
