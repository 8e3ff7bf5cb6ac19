/* linear.h — the sizes of linear models and support vector machines, from their attributes. */
#ifndef XI_GRAPH_OP_LINEAR_H
#define XI_GRAPH_OP_LINEAR_H

#include "graph/op/labels.h"

typedef enum xi_svm_kernel { XI_SVM_LINEAR, XI_SVM_POLY, XI_SVM_RBF, XI_SVM_SIGMOID } xi_svm_kernel;

/* Checked: every list is as long as what reads it needs. */
typedef struct xi_svm {
    xi_svm_kernel kernel;
    float gamma, coef0, degree;
    int32_t classes, vectors, features,
        pairs; /* vectors 0: a linear model; features -1: not known (no vectors) */
    bool probabilities;
    int32_t columns; /* of the scores */
    const int64_t *per_class;
    const float *support, *coefficients, *rho, *prob_a, *prob_b;
} xi_svm;

xinf_status xi_svm_read(xi_svm *out, const xi_node *n, xinf_error *err);

/* Targets of LinearClassifier and LinearRegressor: rows of coefficients, given the features of the
 * input. 0: they do not fit. */
int64_t xi_linear_targets(const xi_node *n, int64_t features);

#endif
