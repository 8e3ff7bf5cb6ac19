/* scores.h — what the classifiers of ai.onnx.ml do with a row of scores. */
#ifndef XK_REF_SCORES_H
#define XK_REF_SCORES_H

#include "graph/op/labels.h"
#include "plan/kernel.h"

void xk_scores_transform(xi_transform t, double *row, int64_t count);
int64_t xk_scores_best(const double *row, int64_t count);
/* Label number `which` (the number itself where there are no labels) as element `row` of an output
 * of labels, which may be NULL. */
xinf_status xk_scores_label(const xi_operand *out, int64_t row, const xi_labels *labels,
                            int64_t which, xinf_error *err);

#endif
