/* op_special.c — losses, special functions, and operators that are put together from others. */
#include "import/torch/op.h"

#include <math.h>

#include "tensor/dtype.h"

/* ---- losses ---- */

/* reduction: 0 none, 1 mean, 2 sum */
static xi_aten_value op_special_reduced(xi_aten *x, xi_value *v, const xi_aten_value *reduction)
{
    int64_t how = xi_aten_arg_int(x, reduction, "a reduction");
    return xi_aten_result(
        x,
        how == 0 ? v : xi_aten_reduce(x, how == 1 ? "ReduceMean" : "ReduceSum", v, NULL, 0, false));
}

/* mse_loss, l1_loss (self, target, reduction) */
static xi_aten_value op_special_distance(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *d = xi_aten_emit2(x, "Sub", xi_aten_arg(x, &a[0]), xi_aten_arg(x, &a[1]));
    return op_special_reduced(
        x, op->number ? xi_aten_emit1(x, "Abs", d) : xi_aten_emit2(x, "Mul", d, d), &a[2]);
}

/* smooth_l1_loss(self, target, reduction, beta), huber_loss(…, delta): squared near zero, straight
 * beyond */
static xi_aten_value op_special_huber(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *d = xi_aten_emit1(
        x, "Abs", xi_aten_emit2(x, "Sub", xi_aten_arg(x, &a[0]), xi_aten_arg(x, &a[1])));
    double edge = xi_aten_arg_double(x, &a[3], op->name), near = op->number ? 0.5 : 0.5 / edge,
           slope = op->number ? edge : 1;
    if (edge == 0) return op_special_reduced(x, d, &a[2]);
    xi_value *square = xi_aten_emit2(x, "Mul", xi_aten_emit2(x, "Mul", d, d),
                                     xi_aten_number_like(x, d, near));
    xi_value *line = xi_aten_emit2(x, "Mul",
                                   xi_aten_emit2(x, "Sub", d, xi_aten_number_like(x, d, edge / 2)),
                                   xi_aten_number_like(x, d, slope));
    xi_value *inside = xi_aten_emit2(x, "Less", d, xi_aten_number_like(x, d, edge));
    return op_special_reduced(x, xi_aten_emit3(x, "Where", inside, square, line), &a[2]);
}

static xi_value *op_special_nll_of(xi_aten *x, xi_value *scores, const xi_aten_value *a)
{
    static const char *const reductions[] = {"none", "mean", "sum"};
    int64_t how = xi_aten_arg_int(x, &a[3], "a reduction"),
            ignored = xi_aten_arg_int(x, &a[4], "ignore_index");
    xi_value *in[3] = {scores, xi_aten_arg(x, &a[1]), xi_aten_arg(x, &a[2])};
    if (how < 0 || how > 2)
        return xi_aten_fail(x, XINF_MALFORMED, "a reduction that is none"), NULL;
    xi_attr attrs[2] = {XI_ATEN_ATTR_TEXT("reduction", reductions[how]),
                        XI_ATEN_ATTR_INT("ignore_index", ignored)};
    return xi_aten_emit(x, "NegativeLogLikelihoodLoss", in[2] ? 3 : 2, in, 2, attrs);
}

/* nll_loss(self, target, weight, reduction, ignore_index) */
static xi_aten_value op_special_nll(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, op_special_nll_of(x, xi_aten_arg(x, &a[0]), a));
}

/* cross_entropy_loss(self, target, weight, reduction, ignore_index, label_smoothing) */
static xi_aten_value op_special_cross_entropy(xi_aten *x, const xi_aten_value *a,
                                              const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *target = xi_aten_arg(x, &a[1]);
    double smoothing = xi_aten_arg_double(x, &a[5], "label_smoothing");
    int64_t axis = xi_aten_rank(v) == 1 ? 0 : 1;
    xi_value *scores = xi_aten_emit(x, "LogSoftmax", 1, &v, 1,
                                    (xi_attr[]){XI_ATEN_ATTR_INT("axis", axis)});
    if (smoothing == 0 && xi_dtype_is_int(xi_aten_dtype(target)))
        return xi_aten_result(x, op_special_nll_of(x, scores, a));
    if (xi_dtype_is_int(xi_aten_dtype(target)) || a[2].kind != XI_ATEN_NONE || smoothing != 0)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "cross_entropy_loss with smoothed labels"),
               xi_aten_none();
    xi_value *sum = xi_aten_emit1(
        x, "Neg",
        xi_aten_reduce(x, "ReduceSum", xi_aten_emit2(x, "Mul", scores, target), &axis, 1, false));
    return op_special_reduced(x, sum, &a[3]);
}

static xi_value *op_special_weighted(xi_aten *x, xi_value *v, const xi_aten_value *weight)
{
    xi_value *w = xi_aten_arg(x, weight);
    return w ? xi_aten_emit2(x, "Mul", v, w) : v;
}

/* binary_cross_entropy(self, target, weight, reduction): logarithms not below −100 */
static xi_aten_value op_special_bce(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p = xi_aten_arg(x, &a[0]), *t = xi_aten_arg(x, &a[1]),
             *one = xi_aten_number_like(x, p, 1), *least = xi_aten_number_like(x, p, -100);
    xi_value *yes = xi_aten_emit2(x, "Max", xi_aten_emit1(x, "Log", p), least);
    xi_value *no = xi_aten_emit2(x, "Max", xi_aten_emit1(x, "Log", xi_aten_emit2(x, "Sub", one, p)),
                                 least);
    xi_value *sum = xi_aten_emit2(x, "Add", xi_aten_emit2(x, "Mul", t, yes),
                                  xi_aten_emit2(x, "Mul", xi_aten_emit2(x, "Sub", one, t), no));
    return op_special_reduced(x, op_special_weighted(x, xi_aten_emit1(x, "Neg", sum), &a[2]),
                              &a[3]);
}

/* binary_cross_entropy_with_logits(self, target, weight, pos_weight, reduction) */
static xi_aten_value op_special_bce_logits(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *t = xi_aten_arg(x, &a[1]),
             *one = xi_aten_number_like(x, v, 1), *w = xi_aten_arg(x, &a[3]);
    xi_value *soft = xi_aten_emit1(x, "Softplus", xi_aten_emit1(x, "Neg", v));
    if (w)
        soft = xi_aten_emit2(
            x, "Mul", soft,
            xi_aten_emit2(x, "Add", one,
                          xi_aten_emit2(x, "Mul", xi_aten_emit2(x, "Sub", w, one), t)));
    xi_value *y = xi_aten_emit2(x, "Add",
                                xi_aten_emit2(x, "Mul", xi_aten_emit2(x, "Sub", one, t), v), soft);
    return op_special_reduced(x, op_special_weighted(x, y, &a[2]), &a[4]);
}

/* kl_div(self, target, reduction, log_target) */
static xi_aten_value op_special_kl(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *t = xi_aten_arg(x, &a[1]), *y;
    if (xi_aten_arg_bool(x, &a[3], "log_target")) {
        y = xi_aten_emit2(x, "Mul", xi_aten_emit1(x, "Exp", t), xi_aten_emit2(x, "Sub", t, v));
    } else {
        xi_value *zero = xi_aten_number_like(x, t, 0),
                 *term = xi_aten_emit2(x, "Mul", t, xi_aten_emit1(x, "Log", t));
        term = xi_aten_emit3(x, "Where", xi_aten_emit2(x, "Equal", t, zero), zero, term);
        y = xi_aten_emit2(x, "Sub", term, xi_aten_emit2(x, "Mul", t, v));
    }
    return op_special_reduced(x, y, &a[2]);
}

/* ---- special functions ---- */

/* Horner's scheme, the highest coefficient first. */
static xi_value *op_special_polynomial(xi_aten *x, xi_value *v, const double *c, int count)
{
    xi_value *y = xi_aten_number_like(x, v, c[0]);
    for (int i = 1; i < count; i++)
        y = xi_aten_emit2(x, "Add", xi_aten_emit2(x, "Mul", y, v), xi_aten_number_like(x, v, c[i]));
    return y;
}

/* The inverse of erf: Giles' two polynomials in w = −log(1 − x²). */
static xi_aten_value op_special_erfinv(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    static const double near[] = {2.81022636e-08,  3.43273939e-07, -3.5233877e-06,
                                  -4.39150654e-06, 0.00021858087,  -0.00125372503,
                                  -0.00417768164,  0.246640727,    1.50140941};
    static const double far[] = {-0.000200214257, 0.000100950558, 0.00134934322,
                                 -0.00367342844,  0.00573950773,  -0.0076224613,
                                 0.00943887047,   1.00167406,     2.83297682};
    xi_value *v = xi_aten_to_float(x, xi_aten_arg(x, &a[0])), *one = xi_aten_number_like(x, v, 1);
    xi_value *w = xi_aten_emit1(
        x, "Neg",
        xi_aten_emit1(x, "Log",
                      xi_aten_emit2(x, "Mul", xi_aten_emit2(x, "Sub", one, v),
                                    xi_aten_emit2(x, "Add", one, v))));
    xi_value *p = op_special_polynomial(
        x, xi_aten_emit2(x, "Sub", w, xi_aten_number_like(x, v, 2.5)), near, 9);
    xi_value *root = xi_aten_emit1(x, "Sqrt",
                                   xi_aten_emit2(x, "Max", w, xi_aten_number_like(x, v, 0)));
    xi_value *q = op_special_polynomial(
        x, xi_aten_emit2(x, "Sub", root, xi_aten_number_like(x, v, 3)), far, 9);
    xi_value *y = xi_aten_emit2(
        x, "Mul",
        xi_aten_emit3(x, "Where", xi_aten_emit2(x, "Less", w, xi_aten_number_like(x, v, 5)), p, q),
        v);
    /* At ±1 itself w is infinite. */
    xi_value *edge = xi_aten_emit2(x, "Equal", xi_aten_emit1(x, "Abs", v), one);
    return xi_aten_result(
        x, xi_aten_emit3(x, "Where", edge,
                         xi_aten_emit2(x, "Mul", v, xi_aten_number_like(x, v, INFINITY)), y));
}

/* x below 8 is moved up by 8 steps: Γ(x + 8) = Γ(x) · x (x+1) … (x+7). Gives x + 8 where it is
 * small, and whether it is. */
static xi_value *op_special_lifted(xi_aten *x, xi_value *v, xi_value **small)
{
    xi_value *eight = xi_aten_number_like(x, v, 8);
    *small = xi_aten_emit2(x, "Less", v, eight);
    return xi_aten_emit3(x, "Where", *small, xi_aten_emit2(x, "Add", v, eight), v);
}

/* log Γ by Stirling's series for arguments from 8 on; x ≤ 0 by the reflection π / (sin πx · Γ(1 −
 * x)). */
static xi_value *op_special_lgamma_positive(xi_aten *x, xi_value *v)
{
    static const double series[] = {1.0 / 1188, -1.0 / 1680, 1.0 / 1260, -1.0 / 360, 1.0 / 12};
    xi_value *small, *z = op_special_lifted(x, v, &small), *one = xi_aten_number_like(x, v, 1),
                     *product = v;
    for (int i = 1; i < 8; i++)
        product = xi_aten_emit2(x, "Mul", product,
                                xi_aten_emit2(x, "Add", v, xi_aten_number_like(x, v, i)));
    xi_value *inverse = xi_aten_emit1(x, "Reciprocal", z),
             *sum = op_special_polynomial(x, xi_aten_emit2(x, "Mul", inverse, inverse), series, 5);
    xi_value *main = xi_aten_emit2(x, "Mul",
                                   xi_aten_emit2(x, "Sub", z, xi_aten_number_like(x, v, 0.5)),
                                   xi_aten_emit1(x, "Log", z));
    xi_value *y = xi_aten_emit2(x, "Add", xi_aten_emit2(x, "Sub", main, z),
                                xi_aten_number_like(x, v, 0.91893853320467274178));
    y = xi_aten_emit2(x, "Add", y, xi_aten_emit2(x, "Mul", sum, inverse));
    xi_value *back = xi_aten_emit1(x, "Log", xi_aten_emit3(x, "Where", small, product, one));
    return xi_aten_emit2(x, "Sub", y, back);
}

static xi_aten_value op_special_lgamma(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_to_float(x, xi_aten_arg(x, &a[0])),
             *half = xi_aten_number_like(x, v, 0.5), *one = xi_aten_number_like(x, v, 1);
    xi_value *low = xi_aten_emit2(x, "Less", v, half),
             *up = xi_aten_emit3(x, "Where", low, xi_aten_emit2(x, "Sub", one, v), v);
    xi_value *g = op_special_lgamma_positive(x, up),
             *pi = xi_aten_number_like(x, v, 3.14159265358979323846);
    xi_value *sine = xi_aten_emit1(x, "Abs",
                                   xi_aten_emit1(x, "Sin", xi_aten_emit2(x, "Mul", pi, v)));
    xi_value *reflected = xi_aten_emit2(
        x, "Sub", xi_aten_emit1(x, "Log", xi_aten_emit2(x, "Div", pi, sine)), g);
    return xi_aten_result(x, xi_aten_emit3(x, "Where", low, reflected, g));
}

/* ψ: the asymptotic series from 8 on, Σ 1/(x+k) taken off below; x < 1/2 by the reflection with π /
 * tan πx. */
static xi_aten_value op_special_digamma(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    static const double series[] = {-1.0 / 132, 1.0 / 240, -1.0 / 252, 1.0 / 120, -1.0 / 12};
    xi_value *v = xi_aten_to_float(x, xi_aten_arg(x, &a[0])),
             *half = xi_aten_number_like(x, v, 0.5), *one = xi_aten_number_like(x, v, 1);
    xi_value *low = xi_aten_emit2(x, "Less", v, half),
             *w = xi_aten_emit3(x, "Where", low, xi_aten_emit2(x, "Sub", one, v), v), *small;
    xi_value *z = op_special_lifted(x, w, &small), *taken = xi_aten_emit1(x, "Reciprocal", w);
    for (int i = 1; i < 8; i++)
        taken = xi_aten_emit2(
            x, "Add", taken,
            xi_aten_emit1(x, "Reciprocal",
                          xi_aten_emit2(x, "Add", w, xi_aten_number_like(x, v, i))));
    xi_value *inverse = xi_aten_emit1(x, "Reciprocal", z),
             *square = xi_aten_emit2(x, "Mul", inverse, inverse);
    xi_value *y = xi_aten_emit2(x, "Sub", xi_aten_emit1(x, "Log", z),
                                xi_aten_emit2(x, "Mul", half, inverse));
    y = xi_aten_emit2(x, "Add", y,
                      xi_aten_emit2(x, "Mul", op_special_polynomial(x, square, series, 5), square));
    y = xi_aten_emit2(x, "Sub", y,
                      xi_aten_emit3(x, "Where", small, taken, xi_aten_number_like(x, v, 0)));
    xi_value *pi = xi_aten_number_like(x, v, 3.14159265358979323846),
             *turn = xi_aten_emit2(x, "Div", pi,
                                   xi_aten_emit1(x, "Tan", xi_aten_emit2(x, "Mul", pi, v)));
    return xi_aten_result(x, xi_aten_emit3(x, "Where", low, xi_aten_emit2(x, "Sub", y, turn), y));
}

/* ---- put together ---- */

/* cummax, cummin(self, dim): for each place the best of those before it; of equal ones the last.
 * All pairs are compared. */
static xi_aten_value op_special_running_best(xi_aten *x, const xi_aten_value *a,
                                             const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int32_t rank = xi_aten_need_rank(x, v, op->name);
    int64_t axis = xi_aten_axis(x, v, xi_aten_arg_int(x, &a[1], op->name), op->name);
    if (x->status != XINF_OK || rank == 0 || !xi_dtype_is_float(xi_aten_dtype(v)))
        return xi_aten_fail(x, XINF_UNSUPPORTED, "%s of this tensor", op->name), xi_aten_none();
    xi_value *last = xi_aten_swap(x, v, axis, rank - 1), *rows = xi_aten_unsqueeze(x, last, -2);
    xi_value *n = xi_aten_slice(x, xi_aten_shape(x, last), 0, -1, INT64_MAX, 1);
    xi_value *square = xi_aten_expand(x, xi_aten_number(x, XINF_FLOAT32, 1),
                                      xi_aten_concat(x, 2, (xi_value *[]){n, n}, 0));
    xi_value *before = xi_aten_cast(
        x, xi_aten_emit(x, "Trilu", 1, &square, 1, (xi_attr[]){XI_ATEN_ATTR_INT("upper", 0)}),
        XINF_BOOL);
    xi_value *seen = xi_aten_emit3(x, "Where", before, rows,
                                   xi_aten_number_like(x, v, op->number ? -INFINITY : INFINITY));
    xi_attr attrs[3] = {XI_ATEN_ATTR_INT("axis", -1), XI_ATEN_ATTR_INT("keepdims", 0),
                        XI_ATEN_ATTR_INT("select_last_index", 1)};
    xi_value *best = xi_aten_reduce(x, op->text, seen, (int64_t[]){-1}, 1, false),
             *at = xi_aten_emit(x, op->number ? "ArgMax" : "ArgMin", 1, &seen, 3, attrs);
    return xi_aten_results(
        x,
        (xi_value *[]){xi_aten_swap(x, best, axis, rank - 1), xi_aten_swap(x, at, axis, rank - 1)},
        2);
}

/* histc(self, bins, min, max): bin ⌊(v − min) · bins / (max − min)⌋, the upper edge belongs to the
 * last */
static xi_aten_value op_special_histc(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_reshape(x, xi_aten_arg(x, &a[0]), (int64_t[]){-1}, 1);
    int64_t bins = xi_aten_arg_int(x, &a[1], "histc");
    double low = xi_aten_arg_double(x, &a[2], "histc"),
           high = xi_aten_arg_double(x, &a[3], "histc");
    xi_value *from = xi_aten_number_like(x, v, low), *to = xi_aten_number_like(x, v, high);
    if (bins < 1)
        return xi_aten_fail(x, XINF_MALFORMED, "histc of %lld bins", (long long)bins),
               xi_aten_none();
    if (low == 0 && high == 0) {
        from = xi_aten_reduce(x, "ReduceMin", v, NULL, 0, false);
        to = xi_aten_reduce(x, "ReduceMax", v, NULL, 0, false);
    }
    xi_value *inside = xi_aten_emit2(x, "And", xi_aten_emit2(x, "GreaterOrEqual", v, from),
                                     xi_aten_emit2(x, "LessOrEqual", v, to));
    v = xi_aten_emit2(x, "Compress", v, inside);
    xi_value *t = xi_aten_emit2(x, "Div",
                                xi_aten_emit2(x, "Mul", xi_aten_emit2(x, "Sub", v, from),
                                              xi_aten_number_like(x, v, (double)bins)),
                                xi_aten_emit2(x, "Sub", to, from));
    xi_value *index = xi_aten_emit2(x, "Min",
                                    xi_aten_cast(x, xi_aten_emit1(x, "Floor", t), XINF_INT64),
                                    xi_aten_whole(x, XINF_INT64, bins - 1));
    xi_value *zeros = xi_aten_expand(x, xi_aten_number_like(x, v, 0), xi_aten_int1(x, bins)),
             *ones = xi_aten_expand(x, xi_aten_number_like(x, v, 1), xi_aten_shape(x, index));
    return xi_aten_result(x,
                          xi_aten_emit(x, "ScatterElements", 3, (xi_value *[]){zeros, index, ones},
                                       1, (xi_attr[]){XI_ATEN_ATTR_TEXT("reduction", "add")}));
}

/* embedding_bag(weight, indices, offsets, scale_grad, mode, sparse, per_sample_weights,
 * include_last_offset, padding_idx): the bag of an index is how many offsets lie at or before its
 * place, less one; sums, means and maxima are scattered into the bags. */
static xi_aten_value op_special_embedding_bag(xi_aten *x, const xi_aten_value *a,
                                              const xi_aten_op *op)
{
    xi_value *weight = xi_aten_arg(x, &a[0]), *index = xi_aten_arg(x, &a[1]),
             *offsets = xi_aten_cast(x, xi_aten_arg(x, &a[2]), XINF_INT64);
    xi_value *scale = xi_aten_arg(x, &a[6]),
             *rows = xi_aten_gather(x, weight, xi_aten_cast(x, index, XINF_INT64), 0);
    int64_t mode = xi_aten_arg_int(x, &a[4], "embedding_bag's mode");
    if (xi_aten_need_rank(x, index, op->name) != 1)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "embedding_bag of bags of equal sizes"),
               xi_aten_none();
    if (a[8].kind == XI_ATEN_INT && a[8].i >= 0)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "embedding_bag with padding"), xi_aten_none();
    if (xi_aten_arg_bool(x, &a[7], op->name)) offsets = xi_aten_slice(x, offsets, 0, 0, -1, 1);
    if (scale) rows = xi_aten_emit2(x, "Mul", rows, xi_aten_unsqueeze(x, scale, -1));
    xi_value *count = xi_aten_squeeze(x, xi_aten_shape(x, index), 0),
             *one = xi_aten_whole(x, XINF_INT64, 1);
    xi_value *places = xi_aten_emit3(x, "Range", xi_aten_whole(x, XINF_INT64, 0), count, one);
    xi_value *after = xi_aten_cast(x,
                                   xi_aten_emit2(x, "LessOrEqual", xi_aten_unsqueeze(x, offsets, 0),
                                                 xi_aten_unsqueeze(x, places, 1)),
                                   XINF_INT64);
    xi_value *bag = xi_aten_emit2(x, "Sub",
                                  xi_aten_reduce(x, "ReduceSum", after, (int64_t[]){1}, 1, true),
                                  xi_aten_int1(x, 1));
    xi_value *shape = xi_aten_concat(
        x, 2,
        (xi_value *[]){xi_aten_shape(x, offsets),
                       xi_aten_slice(x, xi_aten_shape(x, weight), 0, 1, 2, 1)},
        0);
    xi_value *empty = xi_aten_expand(x, xi_aten_number_like(x, weight, mode == 2 ? -INFINITY : 0),
                                     shape);
    xi_attr attr = XI_ATEN_ATTR_TEXT("reduction", mode == 2 ? "max" : "add");
    xi_value *y = xi_aten_emit(x, "ScatterND", 3, (xi_value *[]){empty, bag, rows}, 1, &attr);
    xi_value *ones = xi_aten_expand(x, xi_aten_number_like(x, weight, 1), xi_aten_shape(x, index));
    xi_value *sizes = xi_aten_emit(
        x, "ScatterND", 3,
        (xi_value *[]){
            xi_aten_expand(x, xi_aten_number_like(x, weight, 0), xi_aten_shape(x, offsets)), bag,
            ones},
        1, (xi_attr[]){XI_ATEN_ATTR_TEXT("reduction", "add")});
    if (mode == 1)
        y = xi_aten_emit2(
            x, "Div", y,
            xi_aten_unsqueeze(x, xi_aten_emit2(x, "Max", sizes, xi_aten_number_like(x, weight, 1)),
                              1));
    if (mode == 2)
        y = xi_aten_emit3(
            x, "Where",
            xi_aten_unsqueeze(
                x, xi_aten_emit2(x, "Greater", sizes, xi_aten_number_like(x, weight, 0)), 1),
            y, xi_aten_number_like(x, weight, 0));
    return xi_aten_results(x,
                           (xi_value *[]){y, xi_aten_squeeze(x, bag, 1),
                                          xi_aten_cast(x, sizes, XINF_INT64),
                                          xi_aten_cast(x, sizes, XINF_INT64)},
                           4);
}

/* as_strided(self, size, stride, offset): elements of the flat tensor by index. The tensor is taken
 * to lie row-major. */
static xi_aten_value op_special_as_strided(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t size[XI_MAX_RANK], stride[XI_MAX_RANK],
        offset = a[3].kind == XI_ATEN_NONE ? 0 : xi_aten_arg_int(x, &a[3], op->name), count = 1,
        last;
    int32_t rank = xi_aten_arg_ints(x, &a[1], size, XI_MAX_RANK, 1, op->name),
            other = xi_aten_arg_ints(x, &a[2], stride, XI_MAX_RANK, 1, op->name);
    xi_value *v = xi_aten_arg(x, &a[0]);
    if (x->status != XINF_OK || rank != other)
        return xi_aten_fail(x, XINF_MALFORMED,
                            "as_strided: sizes and strides of different lengths"),
               xi_aten_none();
    last = offset;
    for (int32_t i = 0; i < rank; i++) {
        if (size[i] < 0 || stride[i] < 0 || size[i] > 1 << 24 || stride[i] > 1 << 30 ||
            count > 1 << 24)
            return xi_aten_fail(x, XINF_MALFORMED, "as_strided: impossible sizes or strides"),
                   xi_aten_none();
        count *= size[i];
        last += size[i] ? (size[i] - 1) * stride[i] : 0;
    }
    int64_t have, index[XI_MAX_RANK] = {0};
    if (count > 1 << 24 || offset < 0)
        return xi_aten_fail(x, XINF_LIMIT, "as_strided to %lld elements", (long long)count),
               xi_aten_none();
    if (v && xi_shape_count(&v->type.shape, &have) && count && last >= have)
        return xi_aten_fail(x, XINF_MALFORMED,
                            "as_strided: it reaches element %lld of a tensor with %lld",
                            (long long)last, (long long)have),
               xi_aten_none();
    int64_t *places = xi_arena_array(x->arena, (size_t)count + 1, sizeof *places);
    if (!places) return xi_aten_memory(x), xi_aten_none();
    for (int64_t i = 0; i < count; i++) {
        places[i] = offset;
        for (int32_t d = 0; d < rank; d++) places[i] += index[d] * stride[d];
        for (int32_t d = rank - 1; d >= 0 && ++index[d] == size[d]; d--) index[d] = 0;
    }
    xi_literal *l = xi_graph_literal(x->graph, XINF_INT64, &(xi_shape){.rank = 1, .dim = {count}},
                                     places);
    xi_value *at = l ? xi_graph_add_constant(x->graph, (xi_str){NULL, 0}, l) : NULL;
    if (!at) return xi_aten_memory(x), xi_aten_none();
    v = xi_aten_gather(x, xi_aten_reshape(x, v, (int64_t[]){-1}, 1), at, 0);
    return xi_aten_result(x, xi_aten_reshape_to(x, v, xi_aten_ints(x, size, rank)));
}

/* unfold(self, dim, size, step): windows of an axis, as a new last axis */
static xi_aten_value op_special_unfold(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t axis = xi_aten_axis(x, v, xi_aten_arg_int(x, &a[1], op->name), op->name),
            size = xi_aten_arg_int(x, &a[2], op->name), step = xi_aten_arg_int(x, &a[3], op->name);
    int32_t rank = xi_aten_need_rank(x, v, op->name);
    if (x->status != XINF_OK || rank == 0 || size < 1 || step < 1 || size > 1 << 20)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "unfold of windows of %lld", (long long)size),
               xi_aten_none();
    xi_aten_value length = xi_aten_size(x, v, axis);
    xi_value *one = xi_aten_whole(x, XINF_INT64, 1), *zero = xi_aten_whole(x, XINF_INT64, 0),
             *s = xi_aten_whole(x, XINF_INT64, step);
    xi_value *end = xi_aten_whole_op(x, "Sub", xi_aten_int_value(x, &length),
                                     xi_aten_whole(x, XINF_INT64, size - 1));
    xi_value *starts = xi_aten_emit3(x, "Range", zero, end, s),
             *inside = xi_aten_emit3(x, "Range", zero, xi_aten_whole(x, XINF_INT64, size), one);
    xi_value *index = xi_aten_emit2(x, "Add", xi_aten_unsqueeze(x, starts, 1), inside),
             *y = xi_aten_gather(x, v, index, axis);
    int64_t perm[XI_MAX_RANK];
    int32_t at = 0;
    if (x->status != XINF_OK || rank + 1 > XI_MAX_RANK) return xi_aten_none();
    for (int32_t i = 0; i <= rank; i++)
        if (i != axis + 1) perm[at++] = i;
    perm[at] = axis + 1;
    return xi_aten_result(x, xi_aten_transpose(x, y, perm, rank + 1));
}

static xi_aten_value op_special_det(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_emit1(x, "Det", xi_aten_arg(x, &a[0]));
    if (!op->number) return xi_aten_result(x, v);
    return xi_aten_results(x,
                           (xi_value *[]){xi_aten_emit1(x, "Sign", v),
                                          xi_aten_emit1(x, "Log", xi_aten_emit1(x, "Abs", v))},
                           2);
}

static xi_aten_value op_special_trace(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, xi_aten_emit(x, "Einsum", 1, (xi_value *[]){xi_aten_arg(x, &a[0])}, 1,
                                          (xi_attr[]){XI_ATEN_ATTR_TEXT("equation", "ii->")}));
}

const xi_aten_op xi_aten_ops_special[] = {
    {"mse_loss", "T:self T:target i:reduction=1", op_special_distance, NULL, 0},
    {"l1_loss", "T:self T:target i:reduction=1", op_special_distance, NULL, 1},
    {"smooth_l1_loss", "T:self T:target i:reduction=1 f:beta=1", op_special_huber, NULL, 0},
    {"huber_loss", "T:self T:target i:reduction=1 f:delta=1", op_special_huber, NULL, 1},
    {"nll_loss", "T:self T:target t:weight=None i:reduction=1 i:ignore_index=-100", op_special_nll,
     NULL, 0},
    {"nll_loss2d", "T:self T:target t:weight=None i:reduction=1 i:ignore_index=-100",
     op_special_nll, NULL, 0},
    {"nll_loss_nd", "T:self T:target t:weight=None i:reduction=1 i:ignore_index=-100",
     op_special_nll, NULL, 0},
    {"cross_entropy_loss",
     "T:self T:target t:weight=None i:reduction=1 i:ignore_index=-100 f:label_smoothing=0",
     op_special_cross_entropy, NULL, 0},
    {"binary_cross_entropy", "T:self T:target t:weight=None i:reduction=1", op_special_bce, NULL,
     0},
    {"binary_cross_entropy_with_logits",
     "T:self T:target t:weight=None t:pos_weight=None i:reduction=1", op_special_bce_logits, NULL,
     0},
    {"kl_div", "T:self T:target i:reduction=1 b:log_target=False", op_special_kl, NULL, 0},
    {"erfinv", "T:self", op_special_erfinv, NULL, 0},
    {"special_erfinv", "T:self", op_special_erfinv, NULL, 0},
    {"lgamma", "T:self", op_special_lgamma, NULL, 0},
    {"special_gammaln", "T:self", op_special_lgamma, NULL, 0},
    {"digamma", "T:self", op_special_digamma, NULL, 0},
    {"special_digamma", "T:self", op_special_digamma, NULL, 0},
    {"cummax", "T:self i:dim", op_special_running_best, "ReduceMax", 1},
    {"cummin", "T:self i:dim", op_special_running_best, "ReduceMin", 0},
    {"histc", "T:self i:bins=100 s:min=0 s:max=0", op_special_histc, NULL, 0},
    {"embedding_bag",
     "T:weight T:indices T:offsets b:scale_grad_by_freq=False i:mode=0 b:sparse=False "
     "t:per_sample_weights=None b:include_last_offset=False i?:padding_idx=None",
     op_special_embedding_bag, NULL, 0},
    {"as_strided", "T:self I:size I:stride i?:storage_offset=None", op_special_as_strided, NULL, 0},
    {"unfold", "T:self i:dimension i:size i:step", op_special_unfold, NULL, 0},
    {"det", "T:self", op_special_det, NULL, 0},
    {"linalg_det", "T:self", op_special_det, NULL, 0},
    {"slogdet", "T:self", op_special_det, NULL, 1},
    {"linalg_slogdet", "T:self", op_special_det, NULL, 1},
    {"trace", "T:self", op_special_trace, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};
