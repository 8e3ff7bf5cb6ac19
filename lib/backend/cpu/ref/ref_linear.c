/* ref_linear.c — linear models and support vector machines of ai.onnx.ml, row by row, in double. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "backend/cpu/ref/scores.h"
#include "base/allocator.h"
#include "base/checked.h"
#include "graph/op/linear.h"

extern const xi_kernel xk_ref_linear[];

static xinf_status ref_linear_prepare(xi_prepare *p, xinf_error *err)
{
    if (p->in[0]->dtype != XINF_UNDEFINED && xk_kind_of(p->in[0]->dtype) != XK_NONE) return XINF_OK;
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                          xinf_dtype_name(p->in[0]->dtype));
}

/* `count` doubles for one row of work. */
static xinf_status ref_linear_work(const xi_call *call, int64_t count, double **out, size_t *size,
                                   xinf_error *err)
{
    *out = NULL;
    *size = 0;
    if (!xi_mul_size((size_t)count, sizeof **out, size) || !(*out = xi_alloc(call->alloc, *size)))
        return xi_fail_memory(err, *size);
    return XINF_OK;
}

static int64_t ref_linear_rows(const xi_operand *x, int64_t *features)
{
    *features = x->shape.dim[x->shape.rank - 1];
    return x->shape.rank == 2 ? x->shape.dim[0] : 1;
}

static double ref_linear_dot(const double *x, const float *w, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += x[i] * w[i];
    return sum;
}

static void ref_linear_store(const xi_operand *out, int64_t row, const double *scores,
                             int64_t count)
{
    for (int64_t i = 0; out && i < count; i++)
        ((float *)out->data)[row * count + i] = (float)scores[i];
}

static const xi_operand *ref_linear_out(const xi_call *call, int32_t i)
{
    return i < call->out_count ? call->out[i] : NULL;
}

/* ---- LinearClassifier, LinearRegressor ---- */

/* With one column and no second class: is the score above what the transform makes of zero? */
static xinf_status ref_linear_single(const xi_operand *out, int64_t row, const xi_labels *labels,
                                     double score, xi_transform t, xinf_error *err)
{
    static const int64_t none = 0;
    static const xi_labels zero = {.count = 1, .ints = &none};
    static const xi_str empty = {0};
    static const xi_labels blank = {.count = 1, .strings = &empty};
    bool yes = score >= (t == XI_TRANSFORM_NONE ? 0 : 0.5);
    if (labels->count == 0) return xk_scores_label(out, row, labels, yes, err);
    return xk_scores_label(out, row, yes ? labels : labels->strings ? &blank : &zero, 0, err);
}

static xinf_status ref_linear_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const xi_node *n = call->node;
    bool regressor = xi_str_is(n->op_name, "LinearRegressor");
    const float *coefficients, *intercepts;
    xi_labels labels = xi_labels_of(n, "classlabels_ints");
    xi_transform transform = XI_TRANSFORM_NONE;
    const xi_operand *x = call->in[0];
    double *work;
    size_t size;
    int64_t features, rows = ref_linear_rows(x, &features),
                      targets = xi_linear_targets(n, features);
    xi_transform_of(n, &transform);
    xi_node_floats(n, "coefficients", &coefficients);
    int32_t biases = xi_node_floats(n, "intercepts", &intercepts);
    if (targets == 0)
        return xi_kernel_fail(n, err, XINF_RUN_ERROR, "coefficients do not fit %lld features",
                              (long long)features);
    bool second = !regressor && targets == 1 && labels.count == 2;
    xinf_status status = ref_linear_work(call, features + targets + 1, &work, &size, err);
    if (status) return status;
    double *scores = work + features;
    for (int64_t r = 0; r < rows && status == XINF_OK; r++) {
        xk_block_load(work, XK_F64, x->data, x->dtype, r * features, 1, features);
        for (int64_t t = 0; t < targets; t++)
            scores[t] = ref_linear_dot(work, coefficients + t * features, features) +
                        (biases ? intercepts[t] : 0);
        if (second) {
            scores[1] = scores[0];
            scores[0] = -scores[0];
        }
        int64_t count = targets + second, best = xk_scores_best(scores, count);
        xk_scores_transform(transform, scores, count);
        ref_linear_store(ref_linear_out(call, regressor ? 0 : 1), r, scores, count);
        if (regressor) continue;
        status = count > 1 ? xk_scores_label(call->out[0], r, &labels, best, err)
                           : ref_linear_single(call->out[0], r, &labels, scores[0], transform, err);
    }
    xi_free(call->alloc, work, size);
    return status;
}

/* ---- support vector machines ---- */

static double ref_linear_kernel(const xi_svm *s, const double *x, const float *v)
{
    if (s->kernel == XI_SVM_RBF) {
        double sum = 0;
        for (int32_t i = 0; i < s->features; i++) sum += (x[i] - v[i]) * (x[i] - v[i]);
        return exp(-s->gamma * sum);
    }
    double dot = ref_linear_dot(x, v, s->features);
    if (s->kernel == XI_SVM_LINEAR) return dot;
    dot = dot * s->gamma + s->coef0;
    return s->kernel == XI_SVM_POLY ? pow(dot, s->degree) : tanh(dot);
}

static xinf_status ref_linear_svm_regressor_run(const xi_call *call, int32_t phase, int32_t chunk,
                                                void *scratch, xinf_error *err)
{
    const xi_operand *x = call->in[0];
    xi_svm s;
    xi_transform transform = XI_TRANSFORM_NONE;
    double *work;
    size_t size;
    int64_t features, rows = ref_linear_rows(x, &features);
    xinf_status status = xi_svm_read(&s, call->node, err);
    if (status) return status;
    if (features != s.features)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "%lld features",
                              (long long)features);
    xi_transform_of(call->node, &transform);
    status = ref_linear_work(call, features, &work, &size, err);
    for (int64_t r = 0; status == XINF_OK && r < rows; r++) {
        xk_block_load(work, XK_F64, x->data, x->dtype, r * features, 1, features);
        double sum = s.rho[0];
        if (s.vectors == 0) sum += ref_linear_dot(work, s.coefficients, features);
        for (int32_t i = 0; i < s.vectors; i++)
            sum += s.coefficients[i] *
                   ref_linear_kernel(&s, work, s.support + (int64_t)i * features);
        if (xi_node_int(call->node, "one_class", 0)) sum = sum > 0 ? 1 : -1;
        xk_scores_transform(transform, &sum, 1);
        ref_linear_store(call->out[0], r, &sum, 1);
    }
    xi_free(call->alloc, work, size);
    return status;
}

/* One score for each pair of classes, and votes for the winners. kernels: of all vectors. */
static void ref_linear_svm_pairs(const xi_svm *s, const double *kernels, double *scores,
                                 double *votes)
{
    int64_t at = 0, begin_i = 0;
    for (int32_t i = 0; i < s->classes; i++) votes[i] = 0;
    for (int32_t i = 0; i < s->classes; begin_i += s->per_class[i++]) {
        int64_t begin_j = begin_i + s->per_class[i];
        for (int32_t j = i + 1; j < s->classes; begin_j += s->per_class[j++]) {
            double sum = s->rho[at];
            for (int64_t k = begin_i; k < begin_i + s->per_class[i]; k++)
                sum += s->coefficients[(int64_t)(j - 1) * s->vectors + k] * kernels[k];
            for (int64_t k = begin_j; k < begin_j + s->per_class[j]; k++)
                sum += s->coefficients[(int64_t)i * s->vectors + k] * kernels[k];
            scores[at++] = sum;
            votes[sum > 0 ? i : j] += 1;
        }
    }
}

/* Probabilities of the classes from those of the pairs (Wu, Lin and Weng's second method). work:
 * classes · (classes + 1). */
static void ref_linear_svm_couple(const xi_svm *s, const double *scores, double *p, double *work)
{
    int32_t n = s->classes, at = 0;
    double *q = work, *qp = work + (int64_t)n * n;
    for (int32_t i = 0; i < n * n; i++) q[i] = 0;
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = i + 1; j < n; j++, at++) {
            double r = 1 - 1 / (1 + exp(-(scores[at] * s->prob_a[at] + s->prob_b[at])));
            r = fmin(fmax(r, 1e-7), 1 - 1e-7); /* of i against j */
            q[i * n + i] += (1 - r) * (1 - r);
            q[j * n + j] += r * r;
            q[i * n + j] = q[j * n + i] = -r * (1 - r);
        }
    for (int32_t i = 0; i < n; i++) p[i] = 1.0 / n;
    for (int32_t round = 0; round < (n > 100 ? n : 100); round++) {
        double pqp = 0, most = 0;
        for (int32_t i = 0; i < n; i++) {
            qp[i] = 0;
            for (int32_t j = 0; j < n; j++) qp[i] += q[i * n + j] * p[j];
            pqp += p[i] * qp[i];
        }
        for (int32_t i = 0; i < n; i++) most = fmax(most, fabs(qp[i] - pqp));
        if (most < 0.005 / n) break;
        for (int32_t i = 0; i < n; i++) {
            double d = (pqp - qp[i]) / q[i * n + i];
            p[i] += d;
            pqp = (pqp + d * (d * q[i * n + i] + 2 * qp[i])) / (1 + d) / (1 + d);
            for (int32_t j = 0; j < n; j++) {
                qp[j] = (qp[j] + d * q[i * n + j]) / (1 + d);
                p[j] /= 1 + d;
            }
        }
    }
}

static bool ref_linear_svm_positive(const xi_node *n)
{
    const float *list;
    int32_t count = xi_node_floats(n, "coefficients", &list);
    for (int32_t i = 0; i < count; i++)
        if (!(list[i] >= 0)) return false;
    return true;
}

/* Writes scores and label of one row. `scores` has room for two. */
static xinf_status ref_linear_svm_finish(const xi_call *call, const xi_svm *s, int64_t row,
                                         double *scores, int64_t count, const double *votes,
                                         int32_t rhos, bool positive, xinf_error *err)
{
    xi_labels labels = xi_labels_of(call->node, "classlabels_ints");
    xi_transform transform = XI_TRANSFORM_NONE;
    const double *deciding = votes ? votes : scores;
    int64_t best = xk_scores_best(deciding, votes ? s->classes : count);
    double most = deciding[best];
    xi_transform_of(call->node, &transform);
    if (rhos == 1 && labels.count == 2 && !s->probabilities && positive && most >= 0.5) best = 1;
    if (rhos == 1 && labels.count < 2) best = most > 0;
    if (count == 1 && s->columns == 2) {
        scores[1] = scores[0];
        scores[0] = -scores[0];
        count = 2;
    }
    xk_scores_transform(transform, scores, count);
    ref_linear_store(ref_linear_out(call, 1), row, scores, count);
    return xk_scores_label(call->out[0], row, &labels, best, err);
}

static xinf_status ref_linear_svm_classifier_run(const xi_call *call, int32_t phase, int32_t chunk,
                                                 void *scratch, xinf_error *err)
{
    const xi_operand *x = call->in[0];
    const float *unused;
    xi_svm s;
    double *work;
    size_t size;
    int64_t features, rows = ref_linear_rows(x, &features);
    xinf_status status = xi_svm_read(&s, call->node, err);
    if (status) return status;
    if (features != s.features)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "%lld features",
                              (long long)features);
    int32_t rhos = xi_node_floats(call->node, "rho", &unused);
    int64_t couple = s.probabilities ? (int64_t)s.classes * (s.classes + 1) : 0;
    status = ref_linear_work(call,
                             features + s.vectors + s.pairs + 3 * (int64_t)s.classes + couple + 2,
                             &work, &size, err);
    if (status) return status;
    double *kernels = work + features, *scores = kernels + s.vectors,
           *votes = scores + s.pairs + s.classes + 2, *p = votes + s.classes;
    bool positive = ref_linear_svm_positive(call->node);
    for (int64_t r = 0; status == XINF_OK && r < rows; r++) {
        xk_block_load(work, XK_F64, x->data, x->dtype, r * features, 1, features);
        if (s.vectors == 0) {
            for (int32_t i = 0; i < s.classes; i++)
                scores[i] = s.rho[0] +
                            ref_linear_dot(work, s.coefficients + i * features, features);
            status = ref_linear_svm_finish(call, &s, r, scores, s.classes, NULL, rhos, positive,
                                           err);
            continue;
        }
        for (int32_t i = 0; i < s.vectors; i++)
            kernels[i] = ref_linear_kernel(&s, work, s.support + (int64_t)i * features);
        ref_linear_svm_pairs(&s, kernels, scores, votes);
        if (s.probabilities) ref_linear_svm_couple(&s, scores, p, p + s.classes);
        status = ref_linear_svm_finish(call, &s, r, s.probabilities ? p : scores,
                                       s.probabilities ? s.classes : s.pairs, votes, rhos, positive,
                                       err);
    }
    xi_free(call->alloc, work, size);
    return status;
}

#define LINEAR_KERNEL(op_name, id, function)                                          \
    {                                                                                 \
        .op = op_name, .domain = "ai.onnx.ml", .name = "xk_" id "_any_ref__portable", \
        .prepare = ref_linear_prepare, .run = function                                \
    }

const xi_kernel xk_ref_linear[] = {
    LINEAR_KERNEL("LinearClassifier", "linear_classifier", ref_linear_run),
    LINEAR_KERNEL("LinearRegressor", "linear_regressor", ref_linear_run),
    LINEAR_KERNEL("SVMClassifier", "svm_classifier", ref_linear_svm_classifier_run),
    LINEAR_KERNEL("SVMRegressor", "svm_regressor", ref_linear_svm_regressor_run),
    {0},
};

#undef LINEAR_KERNEL
