/* scores.c — transforms of scores, and labels. */
#include "backend/cpu/ref/scores.h"

#include <math.h>

#include "tensor/tensor.h"

static double scores_logistic(double v)
{
    return v >= 0 ? 1 / (1 + exp(-v)) : exp(v) / (1 + exp(v));
}

/* The approximation of the inverse error function that the operators are defined with. */
static double scores_probit(double p)
{
    double x = 2 * p - 1, sign = x < 0 ? -1 : 1, rest = (1 - x) * (1 + x);
    if (rest == 0) return 0;
    double l = log(rest), v = 2 / (3.14159265358979323846 * 0.147) + 0.5 * l;
    return 1.41421356 * sign * sqrt(-v + sqrt(v * v - l / 0.147));
}

void xk_scores_transform(xi_transform t, double *row, int64_t count)
{
    double most = -INFINITY, sum = 0;
    if (t == XI_TRANSFORM_NONE) return;
    if (t == XI_TRANSFORM_LOGISTIC || t == XI_TRANSFORM_PROBIT) {
        for (int64_t i = 0; i < count; i++)
            row[i] = t == XI_TRANSFORM_LOGISTIC ? scores_logistic(row[i]) : scores_probit(row[i]);
        return;
    }
    for (int64_t i = 0; i < count; i++) most = row[i] > most ? row[i] : most;
    for (int64_t i = 0; i < count; i++) {
        bool zero = t == XI_TRANSFORM_SOFTMAX_ZERO && fabs(row[i]) <= 0.0000001;
        row[i] = zero ? row[i] * exp(-most) : exp(row[i] - most);
        sum += row[i];
    }
    for (int64_t i = 0; i < count; i++) row[i] = sum == 0 ? 0.5 : row[i] / sum;
}

int64_t xk_scores_best(const double *row, int64_t count)
{
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        if (row[i] > row[best]) best = i;
    return best;
}

xinf_status xk_scores_label(const xi_operand *out, int64_t row, const xi_labels *labels,
                            int64_t which, xinf_error *err)
{
    if (!out) return XINF_OK;
    if (labels->strings) {
        xi_str s = which < labels->count ? labels->strings[which] : (xi_str){0};
        return xi_tensor_set_string(out->tensor, row, s.ptr, s.len, err);
    }
    ((int64_t *)out->data)[row] = which < labels->count ? labels->ints[which] : which;
    return XINF_OK;
}
