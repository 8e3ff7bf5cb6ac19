/* linear.c — LinearClassifier, LinearRegressor, SVMClassifier and SVMRegressor of ai.onnx.ml. */
#include "graph/op/linear.h"

#include "graph/op/dtypes.h"

extern const xi_op xi_ops_linear[];

#define LINEAR_NUMBERS (XI_DTYPE_BIT(XINF_FLOAT32) | XI_DTYPE_BIT(XINF_FLOAT64) | XI_DTYPES_INDEX)

int64_t xi_linear_targets(const xi_node *n, int64_t features)
{
    const float *list;
    int64_t count = xi_node_floats(n, "coefficients", &list);
    if (features < 1 || count < 1 || count % features != 0) return 0;
    return count / features;
}

static xinf_status linear_common(xi_infer *c, int64_t *rows, int64_t *columns)
{
    xinf_status status;
    xi_transform transform;
    XI_TRY(xi_infer_among(c, 0, LINEAR_NUMBERS));
    XI_TRY(xi_infer_rows(c, rows, columns));
    if (!xi_transform_of(c->node, &transform))
        return xi_infer_fail(c, "post_transform is not known");
cleanup:
    return status;
}

static void linear_outputs(xi_infer *c, const xi_labels *labels, int64_t rows, int64_t columns)
{
    xi_shape one = {.rank = 1, .dim = {rows}}, scores = {.rank = 2, .dim = {rows, columns}};
    xi_infer_set(c, 0, xi_labels_dtype(labels), &one);
    xi_infer_set(c, 1, XINF_FLOAT32, &scores);
}

static xinf_status linear_classifier(xi_infer *c)
{
    xinf_status status;
    int64_t rows, features, targets = -1;
    const float *list;
    xi_labels labels = xi_labels_of(c->node, "classlabels_ints");
    XI_TRY(linear_common(c, &rows, &features));
    if (features >= 0) {
        targets = xi_linear_targets(c->node, features);
        if (targets == 0)
            return xi_infer_fail(c, "coefficients do not fit %lld features", (long long)features);
        int32_t intercepts = xi_node_floats(c->node, "intercepts", &list);
        if (intercepts != 0 && intercepts != targets)
            return xi_infer_fail(c, "%d intercepts for %lld rows of coefficients", (int)intercepts,
                                 (long long)targets);
        if (targets == 1 && labels.count == 2) targets = 2;
        if (labels.count != 0 && targets > 1 && labels.count != targets)
            return xi_infer_fail(c, "%d labels for %lld classes", (int)labels.count,
                                 (long long)targets);
    }
    linear_outputs(c, &labels, rows, targets);
cleanup:
    return status;
}

static xinf_status linear_regressor(xi_infer *c)
{
    xinf_status status;
    int64_t rows, features, targets = xi_node_int(c->node, "targets", 1);
    const float *list;
    XI_TRY(linear_common(c, &rows, &features));
    int32_t intercepts = xi_node_floats(c->node, "intercepts", &list);
    if (targets < 1 || (features >= 0 && xi_linear_targets(c->node, features) != targets))
        return xi_infer_fail(c, "coefficients do not fit %lld features and %lld targets",
                             (long long)features, (long long)targets);
    if (intercepts != 0 && intercepts != targets)
        return xi_infer_fail(c, "%d intercepts for %lld targets", (int)intercepts,
                             (long long)targets);
    xi_shape out = {.rank = 2, .dim = {rows, targets}};
    xi_infer_set(c, 0, XINF_FLOAT32, &out);
cleanup:
    return status;
}

/* ---- support vector machines ---- */

static xinf_status linear_svm_fail(const xi_node *n, xinf_error *err, const char *what)
{
    return xi_fail(err, XINF_MALFORMED, "node %.*s (%.*s): %s", XI_STR_ARG(xi_node_label(n)),
                   XI_STR_ARG(n->op_name), what);
}

static xinf_status linear_svm_kernel(xi_svm *s, const xi_node *n, xinf_error *err)
{
    static const char *const names[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
    const float *params;
    int32_t count = xi_node_floats(n, "kernel_params", &params), kernel = 0;
    xi_str name = xi_node_string(n, "kernel_type", "LINEAR");
    while (kernel < 4 && !xi_str_is(name, names[kernel])) kernel++;
    if (kernel == 4) return linear_svm_fail(n, err, "kernel_type is not known");
    if (count != 0 && count != 3)
        return linear_svm_fail(n, err, "kernel_params has not three entries");
    s->kernel = (xi_svm_kernel)kernel;
    if (count == 0) return XINF_OK;
    s->gamma = params[0];
    s->coef0 = params[1];
    s->degree = params[2];
    return XINF_OK;
}

/* Vectors of all classes together. */
static xinf_status linear_svm_vectors(xi_svm *s, const xi_node *n, xinf_error *err)
{
    if (xi_str_is(n->op_name, "SVMRegressor")) {
        int64_t supports = xi_node_int(n, "n_supports", 0);
        if (supports < 0 || supports > INT32_MAX)
            return linear_svm_fail(n, err, "n_supports is out of range");
        s->vectors = (int32_t)supports;
        return XINF_OK;
    }
    int32_t count = xi_node_ints(n, "vectors_per_class", &s->per_class);
    int64_t total = 0;
    for (int32_t i = 0; i < count; i++) {
        if (s->per_class[i] < 0 || s->per_class[i] > INT32_MAX - total)
            return linear_svm_fail(n, err, "vectors_per_class is out of range");
        total += s->per_class[i];
    }
    s->vectors = (int32_t)total;
    if (total > 0 && count != s->classes)
        return linear_svm_fail(n, err, "vectors_per_class has not one entry for each class");
    return XINF_OK;
}

static xinf_status linear_svm_lists(xi_svm *s, const xi_node *n, bool regressor, xinf_error *err)
{
    int32_t support = xi_node_floats(n, "support_vectors", &s->support),
            coefficients = xi_node_floats(n, "coefficients", &s->coefficients);
    int32_t rho = xi_node_floats(n, "rho", &s->rho), a = xi_node_floats(n, "prob_a", &s->prob_a),
            b = xi_node_floats(n, "prob_b", &s->prob_b);
    int64_t pairs = (int64_t)s->classes * (s->classes - 1) / 2;
    s->features = -1;
    if (coefficients < 1 || rho < 1)
        return linear_svm_fail(n, err, "coefficients or rho are missing");
    if (s->vectors > 0) {
        if (support == 0 || support % s->vectors != 0)
            return linear_svm_fail(n, err, "support_vectors does not fit the number of vectors");
        s->features = support / s->vectors;
        int64_t want = regressor ? s->vectors : (int64_t)(s->classes - 1) * s->vectors;
        if (coefficients < want) return linear_svm_fail(n, err, "coefficients has too few entries");
    } else {
        int32_t rows = regressor ? 1 : s->classes;
        if (coefficients % rows != 0)
            return linear_svm_fail(n, err, "coefficients does not fit the number of classes");
        s->features = coefficients / rows;
    }
    if (regressor) return XINF_OK;
    if (pairs > INT32_MAX) return linear_svm_fail(n, err, "there are too many classes");
    s->pairs = s->vectors > 0 ? (int32_t)pairs : 0;
    s->probabilities = s->vectors > 0 && a > 0;
    if (s->vectors > 0 && s->classes < 2)
        return linear_svm_fail(n, err, "there are fewer than two classes");
    if (rho < s->pairs || (s->probabilities && (a < s->pairs || b < s->pairs)))
        return linear_svm_fail(n, err, "rho, prob_a or prob_b has too few entries");
    s->columns = s->probabilities || s->vectors == 0 ? s->classes : s->pairs == 1 ? 2 : s->pairs;
    return XINF_OK;
}

xinf_status xi_svm_read(xi_svm *out, const xi_node *n, xinf_error *err)
{
    bool regressor = xi_str_is(n->op_name, "SVMRegressor");
    xi_labels labels = xi_labels_of(n, "classlabels_ints");
    *out = (xi_svm){.classes = labels.count > 0 ? labels.count : 1, .columns = 1};
    xinf_status status = linear_svm_kernel(out, n, err);
    if (status == XINF_OK) status = linear_svm_vectors(out, n, err);
    return status ? status : linear_svm_lists(out, n, regressor, err);
}

static xinf_status linear_svm(xi_infer *c)
{
    xinf_status status;
    int64_t rows, features;
    xi_svm s;
    XI_TRY(linear_common(c, &rows, &features));
    XI_TRY(xi_svm_read(&s, c->node, c->err));
    if (features >= 0 && features != s.features)
        return xi_infer_fail(c, "%lld features, the vectors have %d", (long long)features,
                             (int)s.features);
    if (xi_str_is(c->node->op_name, "SVMRegressor")) {
        xi_shape out = {.rank = 2, .dim = {rows, 1}};
        xi_infer_set(c, 0, XINF_FLOAT32, &out);
        return XINF_OK;
    }
    xi_labels labels = xi_labels_of(c->node, "classlabels_ints");
    linear_outputs(c, &labels, rows, s.columns);
cleanup:
    return status;
}

static const xi_attr_rule linear_classifier_attrs[] = {
    {"classlabels_ints", XI_ATTR_INTS, false},
    {"classlabels_strings", XI_ATTR_STRINGS, false},
    {"coefficients", XI_ATTR_FLOATS, true},
    {"intercepts", XI_ATTR_FLOATS, false},
    {"multi_class", XI_ATTR_INT, false},
    {"post_transform", XI_ATTR_STRING, false},
    {NULL}};
static const xi_attr_rule linear_regressor_attrs[] = {{"coefficients", XI_ATTR_FLOATS, false},
                                                      {"intercepts", XI_ATTR_FLOATS, false},
                                                      {"post_transform", XI_ATTR_STRING, false},
                                                      {"targets", XI_ATTR_INT, false},
                                                      {NULL}};
#define LINEAR_SVM                                                                         \
    {"coefficients", XI_ATTR_FLOATS, false}, {"kernel_params", XI_ATTR_FLOATS, false},     \
        {"kernel_type", XI_ATTR_STRING, false}, {"post_transform", XI_ATTR_STRING, false}, \
        {"rho", XI_ATTR_FLOATS, false},                                                    \
    {                                                                                      \
        "support_vectors", XI_ATTR_FLOATS, false                                           \
    }
static const xi_attr_rule linear_svm_classifier_attrs[] = {
    LINEAR_SVM,
    {"classlabels_ints", XI_ATTR_INTS, false},
    {"classlabels_strings", XI_ATTR_STRINGS, false},
    {"prob_a", XI_ATTR_FLOATS, false},
    {"prob_b", XI_ATTR_FLOATS, false},
    {"vectors_per_class", XI_ATTR_INTS, false},
    {NULL}};
static const xi_attr_rule linear_svm_regressor_attrs[] = {
    LINEAR_SVM, {"n_supports", XI_ATTR_INT, false}, {"one_class", XI_ATTR_INT, false}, {NULL}};

#define LINEAR(op, outputs, rules, rule)                                                        \
    {                                                                                           \
        .domain = "ai.onnx.ml", .name = op, .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, \
        .max_outputs = outputs, .attrs = rules, .infer = rule, .tolerance = 1e-5f               \
    }

const xi_op xi_ops_linear[] = {
    LINEAR("LinearClassifier", 2, linear_classifier_attrs, linear_classifier),
    LINEAR("LinearRegressor", 1, linear_regressor_attrs, linear_regressor),
    LINEAR("SVMClassifier", 2, linear_svm_classifier_attrs, linear_svm),
    LINEAR("SVMRegressor", 1, linear_svm_regressor_attrs, linear_svm),
    {0},
};

#undef LINEAR_NUMBERS
#undef LINEAR_SVM
#undef LINEAR
