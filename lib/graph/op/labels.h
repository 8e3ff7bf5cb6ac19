/* labels.h — class labels and transforms of scores in the operators of ai.onnx.ml. */
#ifndef XI_GRAPH_OP_LABELS_H
#define XI_GRAPH_OP_LABELS_H

#include "graph/op.h"

/* Order of TreeEnsemble's attribute. */
typedef enum xi_transform {
    XI_TRANSFORM_NONE,
    XI_TRANSFORM_SOFTMAX,
    XI_TRANSFORM_LOGISTIC,
    XI_TRANSFORM_SOFTMAX_ZERO,
    XI_TRANSFORM_PROBIT
} xi_transform;

/* One of the lists is there; the other is empty. */
typedef struct xi_labels {
    int32_t count;
    const int64_t *ints;
    const xi_str *strings; /* NULL: integers */
} xi_labels;

/* From the attribute `ints` and classlabels_strings. */
xi_labels xi_labels_of(const xi_node *n, const char *ints);
static inline xinf_dtype xi_labels_dtype(const xi_labels *l)
{
    return l->strings ? XINF_STRING : XINF_INT64;
}
/* The attribute post_transform; false when it is not known. */
bool xi_transform_of(const xi_node *n, xi_transform *out);
/* Rows of a matrix [N, F] or of one vector [F] (then *rows is 1): -1 where not known. Refuses other
 * ranks. */
xinf_status xi_infer_rows(xi_infer *c, int64_t *rows, int64_t *columns);

#endif
