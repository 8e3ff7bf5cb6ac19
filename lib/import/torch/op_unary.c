/* op_unary.c — functions of one tensor, element by element. */
#include "import/torch/op.h"

#include <math.h>

#include "tensor/dtype.h"

/* The ONNX operator of the same meaning for every dtype it is given. */
static xi_aten_value op_unary_same(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, xi_aten_emit1(x, op->text, xi_aten_arg(x, &a[0])));
}

/* Integers become reals first. */
static xi_aten_value op_unary_real(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x,
                          xi_aten_emit1(x, op->text, xi_aten_to_float(x, xi_aten_arg(x, &a[0]))));
}

/* Integers are unchanged by it. */
static xi_aten_value op_unary_round(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    return xi_aten_result(x, xi_dtype_is_int(xi_aten_dtype(v)) ? v : xi_aten_emit1(x, op->text, v));
}

static xi_value *op_unary_scaled(xi_aten *x, const char *op, xi_value *v, double factor)
{
    v = xi_aten_emit1(x, op, xi_aten_to_float(x, v));
    return xi_aten_emit2(x, "Mul", v, xi_aten_number_like(x, v, factor));
}

/* log2, log10: the natural one times a number. */
static xi_aten_value op_unary_log_base(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(
        x, op_unary_scaled(x, "Log", xi_aten_arg(x, &a[0]), 1.0 / log((double)op->number)));
}

static xi_aten_value op_unary_exp2(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_to_float(x, xi_aten_arg(x, &a[0]));
    return xi_aten_result(x, xi_aten_emit2(x, "Pow", xi_aten_number_like(x, v, 2), v));
}

static xi_aten_value op_unary_rsqrt(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(
        x, xi_aten_emit1(x, "Reciprocal",
                         xi_aten_emit1(x, "Sqrt", xi_aten_to_float(x, xi_aten_arg(x, &a[0])))));
}

static xi_aten_value op_unary_square(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    return xi_aten_result(x, xi_aten_emit2(x, "Mul", v, v));
}

/* exp(x) − 1 without cancellation near 0: 2·tanh(x/2)/(1 − tanh(x/2)); beyond ±1 the plain form is
 * exact enough. */
static xi_aten_value op_unary_expm1(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_to_float(x, xi_aten_arg(x, &a[0])), *one = xi_aten_number_like(x, v, 1);
    xi_value *t = xi_aten_emit1(x, "Tanh",
                                xi_aten_emit2(x, "Mul", v, xi_aten_number_like(x, v, 0.5)));
    xi_value *near = xi_aten_emit2(x, "Div", xi_aten_emit2(x, "Add", t, t),
                                   xi_aten_emit2(x, "Sub", one, t));
    xi_value *far = xi_aten_emit2(x, "Sub", xi_aten_emit1(x, "Exp", v), one);
    xi_value *small = xi_aten_emit2(x, "Less", xi_aten_emit1(x, "Abs", v), one);
    return xi_aten_result(x, xi_aten_emit3(x, "Where", small, near, far));
}

/* log(1 + x) without cancellation near 0: 2·atanh(x/(2 + x)). */
static xi_aten_value op_unary_log1p(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_to_float(x, xi_aten_arg(x, &a[0])), *two = xi_aten_number_like(x, v, 2);
    xi_value *half = xi_aten_emit1(x, "Atanh",
                                   xi_aten_emit2(x, "Div", v, xi_aten_emit2(x, "Add", v, two)));
    xi_value *near = xi_aten_emit2(x, "Add", half, half);
    xi_value *far = xi_aten_emit1(x, "Log",
                                  xi_aten_emit2(x, "Add", v, xi_aten_number_like(x, v, 1)));
    xi_value *small = xi_aten_emit2(x, "Less", xi_aten_emit1(x, "Abs", v),
                                    xi_aten_number_like(x, v, 0.5));
    return xi_aten_result(x, xi_aten_emit3(x, "Where", small, near, far));
}

static xi_aten_value op_unary_erfc(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_emit1(x, "Erf", xi_aten_to_float(x, xi_aten_arg(x, &a[0])));
    return xi_aten_result(x, xi_aten_emit2(x, "Sub", xi_aten_number_like(x, v, 1), v));
}

/* ONNX rounds towards zero by the sign times the floor of the absolute value. */
static xi_value *op_unary_trunc_of(xi_aten *x, xi_value *v)
{
    return xi_aten_emit2(x, "Mul", xi_aten_emit1(x, "Sign", v),
                         xi_aten_emit1(x, "Floor", xi_aten_emit1(x, "Abs", v)));
}

static xi_aten_value op_unary_trunc(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    return xi_aten_result(x, xi_dtype_is_int(xi_aten_dtype(v)) ? v : op_unary_trunc_of(x, v));
}

static xi_aten_value op_unary_frac(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    return xi_aten_result(x, xi_aten_emit2(x, "Sub", v, op_unary_trunc_of(x, v)));
}

static xi_aten_value op_unary_round_decimals(xi_aten *x, const xi_aten_value *a,
                                             const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    xi_value *scale = xi_aten_number_like(
        x, v, pow(10.0, xi_aten_arg_double(x, &a[1], "round's decimals")));
    return xi_aten_result(
        x, xi_aten_emit2(x, "Div", xi_aten_emit1(x, "Round", xi_aten_emit2(x, "Mul", v, scale)),
                         scale));
}

static xi_aten_value op_unary_logical_not(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(
        x, xi_aten_emit1(x, "Not", xi_aten_cast(x, xi_aten_arg(x, &a[0]), XINF_BOOL)));
}

static xi_aten_value op_unary_bitwise_not(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    return xi_aten_result(
        x, xi_aten_emit1(x, xi_aten_dtype(v) == XINF_BOOL ? "Not" : "BitwiseNot", v));
}

static xi_aten_value op_unary_isfinite(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_to_float(x, xi_aten_arg(x, &a[0]));
    xi_value *bad = xi_aten_emit2(x, "Or", xi_aten_emit1(x, "IsInf", v),
                                  xi_aten_emit1(x, "IsNaN", v));
    return xi_aten_result(x, xi_aten_emit1(x, "Not", bad));
}

static xi_aten_value op_unary_angle_scale(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_to_float(x, xi_aten_arg(x, &a[0]));
    return xi_aten_result(
        x, xi_aten_emit2(x, "Mul", v,
                         xi_aten_number_like(x, v,
                                             op->number ? 180.0 / 3.14159265358979323846
                                                        : 3.14159265358979323846 / 180.0)));
}

static xi_aten_value op_unary_signbit(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    return xi_aten_result(x, xi_aten_emit2(x, "Less", v, xi_aten_number_like(x, v, 0)));
}

static xi_aten_value op_unary_sinc(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_to_float(x, xi_aten_arg(x, &a[0]));
    xi_value *w = xi_aten_emit2(x, "Mul", v, xi_aten_number_like(x, v, 3.14159265358979323846));
    xi_value *zero = xi_aten_emit2(x, "Equal", v, xi_aten_number_like(x, v, 0)),
             *one = xi_aten_number_like(x, v, 1);
    return xi_aten_result(x, xi_aten_emit3(x, "Where", zero, one,
                                           xi_aten_emit2(x, "Div", xi_aten_emit1(x, "Sin", w), w)));
}

/* ---- activations ---- */

static xi_value *op_unary_with_alpha(xi_aten *x, const char *op, xi_value *v, double alpha)
{
    return xi_aten_emit(x, op, 1, &v, 1, (xi_attr[]){XI_ATEN_ATTR_FLOAT("alpha", alpha)});
}

/* leaky_relu, celu: ONNX's operator with alpha */
static xi_aten_value op_unary_alpha(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, op_unary_with_alpha(x, op->text, xi_aten_arg(x, &a[0]),
                                                 xi_aten_arg_double(x, &a[1], op->name)));
}

static xi_aten_value op_unary_elu(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    double alpha = xi_aten_arg_double(x, &a[1], "elu's alpha"),
           scale = xi_aten_arg_double(x, &a[2], "elu's scale");
    double input = xi_aten_arg_double(x, &a[3], "elu's input scale");
    if (input != 1)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "elu with an input scale"), xi_aten_none();
    v = op_unary_with_alpha(x, "Elu", v, alpha);
    return xi_aten_result(
        x, scale == 1 ? v : xi_aten_emit2(x, "Mul", v, xi_aten_number_like(x, v, scale)));
}

static xi_aten_value op_unary_gelu(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    bool tanh = xi_str_is(a[1].s, "tanh");
    return xi_aten_result(x, xi_aten_emit(x, "Gelu", 1, &v, tanh,
                                          (xi_attr[]){XI_ATEN_ATTR_TEXT("approximate", "tanh")}));
}

static xi_aten_value op_unary_silu(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    return xi_aten_result(x, xi_aten_emit2(x, "Mul", v, xi_aten_emit1(x, "Sigmoid", v)));
}

static xi_aten_value op_unary_hardsigmoid(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    return xi_aten_result(x, xi_aten_emit(x, "HardSigmoid", 1, &v, 2,
                                          (xi_attr[]){XI_ATEN_ATTR_FLOAT("alpha", 1.0 / 6),
                                                      XI_ATEN_ATTR_FLOAT("beta", 0.5)}));
}

static xi_value *op_unary_clip(xi_aten *x, xi_value *v, double low, double high)
{
    return xi_aten_emit3(x, "Clip", v, xi_aten_number_like(x, v, low),
                         xi_aten_number_like(x, v, high));
}

static xi_aten_value op_unary_hardtanh(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, op_unary_clip(x, xi_aten_arg(x, &a[0]),
                                           xi_aten_arg_double(x, &a[1], "hardtanh"),
                                           xi_aten_arg_double(x, &a[2], "hardtanh")));
}

static xi_aten_value op_unary_relu6(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, op_unary_clip(x, xi_aten_arg(x, &a[0]), 0, 6));
}

/* ONNX's Softplus is beta 1 and without the straight part; above the threshold the difference is
 * below float's precision. */
static xi_aten_value op_unary_softplus(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *t = v;
    double beta = xi_aten_arg_double(x, &a[1], "softplus"),
           threshold = xi_aten_arg_double(x, &a[2], "softplus");
    if (beta != 1) t = xi_aten_emit2(x, "Mul", v, xi_aten_number_like(x, v, beta));
    xi_value *y = xi_aten_emit1(x, "Softplus", t);
    if (beta != 1) y = xi_aten_emit2(x, "Div", y, xi_aten_number_like(x, v, beta));
    if (threshold < 20)
        y = xi_aten_emit3(
            x, "Where", xi_aten_emit2(x, "Greater", t, xi_aten_number_like(x, v, threshold)), v, y);
    return xi_aten_result(x, y);
}

static xi_aten_value op_unary_log_sigmoid(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(
        x, xi_aten_emit1(
               x, "Neg",
               xi_aten_emit1(x, "Softplus", xi_aten_emit1(x, "Neg", xi_aten_arg(x, &a[0])))));
}

static xi_aten_value op_unary_threshold(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    double edge = xi_aten_arg_double(x, &a[1], "threshold"),
           value = xi_aten_arg_double(x, &a[2], "threshold");
    return xi_aten_result(
        x,
        xi_aten_emit3(x, "Where", xi_aten_emit2(x, "Greater", v, xi_aten_number_like(x, v, edge)),
                      v, xi_aten_number_like(x, v, value)));
}

static xi_aten_value op_unary_shrink(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    double lambda = xi_aten_arg_double(x, &a[1], op->name);
    xi_attr attrs[2] = {XI_ATEN_ATTR_FLOAT("lambd", lambda),
                        XI_ATEN_ATTR_FLOAT("bias", op->number ? lambda : 0)};
    return xi_aten_result(x, xi_aten_emit(x, "Shrink", 1, &v, 2, attrs));
}

static xi_aten_value op_unary_tanhshrink(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    return xi_aten_result(x, xi_aten_emit2(x, "Sub", v, xi_aten_emit1(x, "Tanh", v)));
}

static xi_aten_value op_unary_prelu(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *w = xi_aten_arg(x, &a[1]);
    int64_t dims[XI_MAX_RANK], channels = w && w->type.shape.rank == 1 ? w->type.shape.dim[0] : -1;
    int32_t rank = channels == 1 ? 1 : xi_aten_need_rank(x, v, "prelu");
    for (int32_t i = 0; i < rank; i++) dims[i] = i == 1 ? -1 : 1;
    if (rank > 1) w = xi_aten_reshape(x, w, dims + 1, rank - 1);
    return xi_aten_result(x, xi_aten_emit2(x, "PRelu", v, w));
}

static xi_aten_value op_unary_logit(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_to_float(x, xi_aten_arg(x, &a[0]));
    if (a[1].kind != XI_ATEN_NONE) {
        double eps = xi_aten_arg_double(x, &a[1], "logit's eps");
        v = op_unary_clip(x, v, eps, 1 - eps);
    }
    return xi_aten_result(
        x, xi_aten_emit1(x, "Log",
                         xi_aten_emit2(x, "Div", v,
                                       xi_aten_emit2(x, "Sub", xi_aten_number_like(x, v, 1), v))));
}

static xi_aten_value op_unary_glu(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t axis = xi_aten_arg_int(x, &a[1], "glu's dimension");
    xi_node *n = xi_aten_node(
        x, "Split", 1, &v, 2,
        (xi_attr[]){XI_ATEN_ATTR_INT("axis", axis), XI_ATEN_ATTR_INT("num_outputs", 2)}, 2);
    return n ? xi_aten_result(x, xi_aten_emit2(x, "Mul", n->outputs[0],
                                               xi_aten_emit1(x, "Sigmoid", n->outputs[1])))
             : xi_aten_none();
}

static xi_aten_value op_unary_softmax(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_cast(x, xi_aten_arg(x, &a[0]),
                               xi_aten_arg_dtype(x, &a[2], XINF_UNDEFINED));
    int64_t axis = xi_aten_arg_int(x, &a[1], "softmax's dimension");
    v = xi_aten_to_float(x, v);
    if (op->number) v = xi_aten_emit1(x, "Neg", v);
    if (xi_aten_rank(v) == 0)
        return xi_aten_result(
            x, xi_aten_reshape(x, xi_aten_emit1(x, op->text, xi_aten_unsqueeze(x, v, 0)), NULL, 0));
    return xi_aten_result(
        x, xi_aten_emit(x, op->text, 1, &v, 1, (xi_attr[]){XI_ATEN_ATTR_INT("axis", axis)}));
}

static xi_aten_value op_unary_identity(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return a[0];
}

/* dropout: nothing outside training */
static xi_aten_value op_unary_dropout(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    double p = xi_aten_arg_double(x, &a[1], "dropout's probability");
    if (a[2].kind != XI_ATEN_NONE && xi_aten_arg_bool(x, &a[2], "dropout's train") && p > 0)
        return xi_aten_fail(x, XINF_UNSUPPORTED,
                            "%s in training mode: call model.eval() before saving", op->name),
               xi_aten_none();
    return xi_aten_result(x, xi_aten_arg(x, &a[0]));
}

static xi_aten_value op_unary_nan_to_num(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *zero = xi_aten_number_like(x, v, 0);
    if (xi_dtype_is_int(xi_aten_dtype(v))) return xi_aten_result(x, v);
    double largest = xi_aten_dtype(v) == XINF_FLOAT64   ? 1.7976931348623157e308
                     : xi_aten_dtype(v) == XINF_FLOAT16 ? 65504
                                                        : 3.4028234663852886e38;
    double nan = a[1].kind == XI_ATEN_NONE ? 0 : xi_aten_arg_double(x, &a[1], "nan_to_num");
    double up = a[2].kind == XI_ATEN_NONE ? largest : xi_aten_arg_double(x, &a[2], "nan_to_num");
    double down = a[3].kind == XI_ATEN_NONE ? -largest : xi_aten_arg_double(x, &a[3], "nan_to_num");
    xi_value *inf = xi_aten_emit1(x, "IsInf", v), *positive = xi_aten_emit2(x, "Greater", v, zero);
    xi_value *end = xi_aten_emit3(x, "Where", positive, xi_aten_number_like(x, v, up),
                                  xi_aten_number_like(x, v, down));
    xi_value *y = xi_aten_emit3(x, "Where", inf, end, v);
    return xi_aten_result(x, xi_aten_emit3(x, "Where", xi_aten_emit1(x, "IsNaN", v),
                                           xi_aten_number_like(x, v, nan), y));
}

const xi_aten_op xi_aten_ops_unary[] = {
    {"abs", "T:self", op_unary_same, "Abs", 0},
    {"absolute", "T:self", op_unary_same, "Abs", 0},
    {"neg", "T:self", op_unary_same, "Neg", 0},
    {"negative", "T:self", op_unary_same, "Neg", 0},
    {"sign", "T:self", op_unary_same, "Sign", 0},
    {"sgn", "T:self", op_unary_same, "Sign", 0},
    {"positive", "T:self", op_unary_identity, NULL, 0},
    {"ceil", "T:self", op_unary_round, "Ceil", 0},
    {"floor", "T:self", op_unary_round, "Floor", 0},
    {"round", "T:self", op_unary_round, "Round", 0},
    {"round", "T:self i:decimals", op_unary_round_decimals, NULL, 0},
    {"trunc", "T:self", op_unary_trunc, NULL, 0},
    {"fix", "T:self", op_unary_trunc, NULL, 0},
    {"frac", "T:self", op_unary_frac, NULL, 0},
    {"exp", "T:self", op_unary_real, "Exp", 0},
    {"log", "T:self", op_unary_real, "Log", 0},
    {"sqrt", "T:self", op_unary_real, "Sqrt", 0},
    {"reciprocal", "T:self", op_unary_real, "Reciprocal", 0},
    {"sin", "T:self", op_unary_real, "Sin", 0},
    {"cos", "T:self", op_unary_real, "Cos", 0},
    {"tan", "T:self", op_unary_real, "Tan", 0},
    {"asin", "T:self", op_unary_real, "Asin", 0},
    {"arcsin", "T:self", op_unary_real, "Asin", 0},
    {"acos", "T:self", op_unary_real, "Acos", 0},
    {"arccos", "T:self", op_unary_real, "Acos", 0},
    {"atan", "T:self", op_unary_real, "Atan", 0},
    {"arctan", "T:self", op_unary_real, "Atan", 0},
    {"sinh", "T:self", op_unary_real, "Sinh", 0},
    {"cosh", "T:self", op_unary_real, "Cosh", 0},
    {"tanh", "T:self", op_unary_real, "Tanh", 0},
    {"asinh", "T:self", op_unary_real, "Asinh", 0},
    {"arcsinh", "T:self", op_unary_real, "Asinh", 0},
    {"acosh", "T:self", op_unary_real, "Acosh", 0},
    {"arccosh", "T:self", op_unary_real, "Acosh", 0},
    {"atanh", "T:self", op_unary_real, "Atanh", 0},
    {"arctanh", "T:self", op_unary_real, "Atanh", 0},
    {"erf", "T:self", op_unary_real, "Erf", 0},
    {"sigmoid", "T:self", op_unary_real, "Sigmoid", 0},
    {"isnan", "T:self", op_unary_real, "IsNaN", 0},
    {"isinf", "T:self", op_unary_real, "IsInf", 0},
    {"isfinite", "T:self", op_unary_isfinite, NULL, 0},
    {"special_erf", "T:self", op_unary_real, "Erf", 0},
    {"special_expit", "T:self", op_unary_real, "Sigmoid", 0},
    {"log2", "T:self", op_unary_log_base, NULL, 2},
    {"log10", "T:self", op_unary_log_base, NULL, 10},
    {"log1p", "T:self", op_unary_log1p, NULL, 0},
    {"exp2", "T:self", op_unary_exp2, NULL, 0},
    {"expm1", "T:self", op_unary_expm1, NULL, 0},
    {"erfc", "T:self", op_unary_erfc, NULL, 0},
    {"rsqrt", "T:self", op_unary_rsqrt, NULL, 0},
    {"square", "T:self", op_unary_square, NULL, 0},
    {"sinc", "T:self", op_unary_sinc, NULL, 0},
    {"rad2deg", "T:self", op_unary_angle_scale, NULL, 1},
    {"deg2rad", "T:self", op_unary_angle_scale, NULL, 0},
    {"signbit", "T:self", op_unary_signbit, NULL, 0},
    {"logical_not", "T:self", op_unary_logical_not, NULL, 0},
    {"bitwise_not", "T:self", op_unary_bitwise_not, NULL, 0},
    {"relu", "T:self", op_unary_same, "Relu", 0},
    {"selu", "T:self", op_unary_same, "Selu", 0},
    {"mish", "T:self", op_unary_same, "Mish", 0},
    {"hardswish", "T:self", op_unary_same, "HardSwish", 0},
    {"relu6", "T:self", op_unary_relu6, NULL, 0},
    {"leaky_relu", "T:self s:negative_slope=1e-2", op_unary_alpha, "LeakyRelu", 0},
    {"celu", "T:self s:alpha=1", op_unary_alpha, "Celu", 0},
    {"elu", "T:self s:alpha=1 s:scale=1 s:input_scale=1", op_unary_elu, NULL, 0},
    {"gelu", "T:self S:approximate='none'", op_unary_gelu, NULL, 0},
    {"silu", "T:self", op_unary_silu, NULL, 0},
    {"hardsigmoid", "T:self", op_unary_hardsigmoid, NULL, 0},
    {"hardtanh", "T:self s:min_val=-1 s:max_val=1", op_unary_hardtanh, NULL, 0},
    {"softplus", "T:self s:beta=1 s:threshold=20", op_unary_softplus, NULL, 0},
    {"log_sigmoid", "T:self", op_unary_log_sigmoid, NULL, 0},
    {"threshold", "T:self s:threshold s:value", op_unary_threshold, NULL, 0},
    {"softshrink", "T:self s:lambd=5e-1", op_unary_shrink, NULL, 1},
    {"hardshrink", "T:self s:lambd=5e-1", op_unary_shrink, NULL, 0},
    {"tanhshrink", "T:self", op_unary_tanhshrink, NULL, 0},
    {"prelu", "T:self T:weight", op_unary_prelu, NULL, 0},
    {"logit", "T:self s?:eps=None", op_unary_logit, NULL, 0},
    {"special_logit", "T:self s?:eps=None", op_unary_logit, NULL, 0},
    {"glu", "T:self i:dim=-1", op_unary_glu, NULL, 0},
    {"softmax", "T:self i:dim d:dtype=None", op_unary_softmax, "Softmax", 0},
    {"softmin", "T:self i:dim d:dtype=None", op_unary_softmax, "Softmax", 1},
    {"log_softmax", "T:self i:dim d:dtype=None", op_unary_softmax, "LogSoftmax", 0},
    {"dropout", "T:input f:p b:train", op_unary_dropout, NULL, 0},
    {"feature_dropout", "T:input f:p b:train", op_unary_dropout, NULL, 0},
    {"alpha_dropout", "T:input f:p b:train", op_unary_dropout, NULL, 0},
    {"feature_alpha_dropout", "T:input f:p b:train", op_unary_dropout, NULL, 0},
    {"nan_to_num", "T:self s?:nan=None s?:posinf=None s?:neginf=None", op_unary_nan_to_num, NULL,
     0},
    {NULL, NULL, NULL, NULL, 0},
};
