/* math.c — element by element. Images that stand turned (channels second) stay turned. */
#include "import/tensorflow/importer.h"

/* Was the turned form computed, and not made from the other by a Transpose? */
static bool math_lives_turned(const xi_tf_value *v)
{
    return v && v->turned &&
           (!v->v || !v->turned->producer || !xi_node_is(v->turned->producer, "Transpose"));
}

/* Input i so that it broadcasts with turned images of `rank`; NULL: it does not. */
static xi_value *math_operand_turned(xi_tf_call *c, int32_t i, int32_t rank)
{
    xi_tf_value *v = c->in[i];
    int64_t count, dims[XI_MAX_RANK];
    if (v->turned) return xi_tf_rank(v->turned) == rank ? v->turned : NULL;
    xi_value *x = xi_tf_in(c, i);
    int32_t have = xi_tf_rank(x);
    if (!x || have < 0) return NULL;
    if (have == 0 || (have == 1 && xi_shape_count(&x->type.shape, &count) && count == 1)) return x;
    if (have == rank) return xi_tf_turned(c, i, rank);
    if (have != 1) return NULL;
    for (int32_t k = 0; k < rank - 1; k++) dims[k] = k ? 1 : -1;
    return xi_tf_reshape(c, x, dims, rank - 1);
}

typedef xi_value *(*math_unary_fn)(xi_tf_call *c, xi_value *x);
typedef xi_value *(*math_binary_fn)(xi_tf_call *c, xi_value *a, xi_value *b);

static void math_unary(xi_tf_call *c, math_unary_fn fn)
{
    bool turned = c->in_count && math_lives_turned(c->in[0]);
    xi_value *x = turned ? c->in[0]->turned : xi_tf_in(c, 0);
    xi_value *y = x ? (fn ? fn(c, x) : xi_tf_op1(c, c->row->to, x)) : NULL;
    if (turned)
        xi_tf_give_turned(c, 0, y);
    else
        xi_tf_give(c, 0, y);
}

static xi_value *math_apply(xi_tf_call *c, math_binary_fn fn, xi_value *a, xi_value *b)
{
    return fn ? fn(c, a, b) : xi_tf_op2(c, c->row->to, a, b);
}

static void math_binary(xi_tf_call *c, math_binary_fn fn)
{
    if (c->in_count < 2) {
        xi_tf_fail(c, "it has %d inputs, 2 are wanted", (int)c->in_count);
        return;
    }
    int32_t image = math_lives_turned(c->in[0]) ? 0 : math_lives_turned(c->in[1]) ? 1 : -1;
    int32_t rank = image < 0 ? 0 : xi_tf_rank(c->in[image]->turned);
    if (rank >= 3) {
        xi_value *a = math_operand_turned(c, 0, rank),
                 *b = a ? math_operand_turned(c, 1, rank) : NULL;
        if (a && b) {
            xi_tf_give_turned(c, 0, math_apply(c, fn, a, b));
            return;
        }
    }
    xi_value *a = xi_tf_in(c, 0), *b = xi_tf_in(c, 1);
    xi_tf_give(c, 0, a && b ? math_apply(c, fn, a, b) : NULL);
}

static void math_op_unary(xi_tf_call *c)
{
    math_unary(c, NULL);
}

static void math_op_binary(xi_tf_call *c)
{
    math_binary(c, NULL);
}

static xi_value *math_square(xi_tf_call *c, xi_value *x)
{
    return xi_tf_op2(c, "Mul", x, x);
}

static xi_value *math_rsqrt(xi_tf_call *c, xi_value *x)
{
    return xi_tf_op1(c, "Reciprocal", xi_tf_op1(c, "Sqrt", x));
}

static xi_value *math_relu6(xi_tf_call *c, xi_value *x)
{
    return xi_tf_op3(c, "Clip", x, xi_tf_like(c, x, 0), xi_tf_like(c, x, 6));
}

static xi_value *math_leaky(xi_tf_call *c, xi_value *x)
{
    xi_node *n = xi_tf_node(c, "LeakyRelu", 1, 1, &x, 1);
    if (n) xi_node_set_float(n, "alpha", xi_tf_float(c, "alpha", 0.2f));
    return xi_tf_result(c, n, 0);
}

static xi_value *math_log1p(xi_tf_call *c, xi_value *x)
{
    return xi_tf_op1(c, "Log", xi_tf_op2(c, "Add", x, xi_tf_like(c, x, 1)));
}

static xi_value *math_expm1(xi_tf_call *c, xi_value *x)
{
    return xi_tf_op2(c, "Sub", xi_tf_op1(c, "Exp", x), xi_tf_like(c, x, 1));
}

static xi_value *math_erfc(xi_tf_call *c, xi_value *x)
{
    return xi_tf_op2(c, "Sub", xi_tf_like(c, x, 1), xi_tf_op1(c, "Erf", x));
}

static xi_value *math_is_finite(xi_tf_call *c, xi_value *x)
{
    return xi_tf_op1(c, "Not",
                     xi_tf_op2(c, "Or", xi_tf_op1(c, "IsInf", x), xi_tf_op1(c, "IsNaN", x)));
}

static void math_op_square(xi_tf_call *c)
{
    math_unary(c, math_square);
}
static void math_op_rsqrt(xi_tf_call *c)
{
    math_unary(c, math_rsqrt);
}
static void math_op_relu6(xi_tf_call *c)
{
    math_unary(c, math_relu6);
}
static void math_op_leaky(xi_tf_call *c)
{
    math_unary(c, math_leaky);
}
static void math_op_log1p(xi_tf_call *c)
{
    math_unary(c, math_log1p);
}
static void math_op_expm1(xi_tf_call *c)
{
    math_unary(c, math_expm1);
}
static void math_op_erfc(xi_tf_call *c)
{
    math_unary(c, math_erfc);
}
static void math_op_is_finite(xi_tf_call *c)
{
    math_unary(c, math_is_finite);
}

static xi_value *math_not_equal(xi_tf_call *c, xi_value *a, xi_value *b)
{
    return xi_tf_op1(c, "Not", xi_tf_op2(c, "Equal", a, b));
}

static xi_value *math_floor_div(xi_tf_call *c, xi_value *a, xi_value *b)
{
    xi_value *q = xi_tf_op2(c, "Div", a, b);
    if (!xi_dtype_is_int(xi_tf_dtype_of(a))) return xi_tf_op1(c, "Floor", q);
    if (xi_dtype_is_unsigned(xi_tf_dtype_of(a))) return q;
    /* Division cuts towards zero: one less where a remainder's sign differs from the divisor's. */
    xi_value *zero = xi_tf_like(c, a, 0), *r = xi_tf_op2(c, "Sub", a, xi_tf_op2(c, "Mul", q, b));
    xi_value *odd = math_not_equal(c, r, zero);
    xi_value *signs = xi_tf_op2(c, "Xor", xi_tf_op2(c, "Less", r, zero),
                                xi_tf_op2(c, "Less", b, zero));
    return xi_tf_op2(c, "Sub", q,
                     xi_tf_cast(c, xi_tf_op2(c, "And", odd, signs), xi_tf_dtype_of(a)));
}

static xi_value *math_mod(xi_tf_call *c, xi_value *a, xi_value *b)
{
    xi_node *n = xi_tf_node(c, "Mod", 1, 1, (xi_value *[]){a, b}, 2);
    if (n) xi_node_set_int(n, "fmod", c->row->how);
    return xi_tf_result(c, n, 0);
}

static xi_value *math_floor_mod(xi_tf_call *c, xi_value *a, xi_value *b)
{
    if (xi_dtype_is_int(xi_tf_dtype_of(a))) return math_mod(c, a, b);
    return xi_tf_op2(c, "Sub", a,
                     xi_tf_op2(c, "Mul", xi_tf_op1(c, "Floor", xi_tf_op2(c, "Div", a, b)), b));
}

static xi_value *math_squared_difference(xi_tf_call *c, xi_value *a, xi_value *b)
{
    xi_value *d = xi_tf_op2(c, "Sub", a, b);
    return xi_tf_op2(c, "Mul", d, d);
}

static xi_value *math_is_zero(xi_tf_call *c, xi_value *x)
{
    return xi_tf_op2(c, "Equal", x, xi_tf_like(c, x, 0));
}

static xi_value *math_div_no_nan(xi_tf_call *c, xi_value *a, xi_value *b)
{
    return xi_tf_where(c, math_is_zero(c, b), xi_tf_like(c, a, 0), xi_tf_op2(c, "Div", a, b));
}

static xi_value *math_mul_no_nan(xi_tf_call *c, xi_value *a, xi_value *b)
{
    return xi_tf_where(c, math_is_zero(c, b), xi_tf_like(c, a, 0), xi_tf_op2(c, "Mul", a, b));
}

static xi_value *math_xdivy(xi_tf_call *c, xi_value *a, xi_value *b)
{
    return xi_tf_where(c, math_is_zero(c, a), xi_tf_like(c, a, 0), xi_tf_op2(c, "Div", a, b));
}

static xi_value *math_xlogy(xi_tf_call *c, xi_value *a, xi_value *b)
{
    xi_value *l = c->row->how ? math_log1p(c, b) : xi_tf_op1(c, "Log", b);
    return xi_tf_where(c, math_is_zero(c, a), xi_tf_like(c, a, 0), xi_tf_op2(c, "Mul", a, l));
}

static xi_value *math_atan2(xi_tf_call *c, xi_value *y, xi_value *x)
{
    const double pi = 3.14159265358979323846;
    xi_value *zero = xi_tf_like(c, x, 0), *angle = xi_tf_op1(c, "Atan", xi_tf_op2(c, "Div", y, x));
    xi_value *turn = xi_tf_where(c, xi_tf_op2(c, "Less", y, zero), xi_tf_like(c, x, -pi),
                                 xi_tf_like(c, x, pi));
    angle = xi_tf_where(c, xi_tf_op2(c, "Less", x, zero), xi_tf_op2(c, "Add", angle, turn), angle);
    return xi_tf_where(c, xi_tf_op2(c, "And", math_is_zero(c, x), math_is_zero(c, y)), zero, angle);
}

static xi_value *math_shift(xi_tf_call *c, xi_value *a, xi_value *b)
{
    /* Shifts are of unsigned numbers: signed ones go through their bits on the left, and through
     * division on the right. */
    xinf_dtype d = xi_tf_dtype_of(a);
    bool left = c->row->how == 0;
    static const xinf_dtype as[][2] = {{XINF_INT8, XINF_UINT8},
                                       {XINF_INT16, XINF_UINT16},
                                       {XINF_INT32, XINF_UINT32},
                                       {XINF_INT64, XINF_UINT64}};
    xinf_dtype u = d;
    for (size_t i = 0; i < 4; i++) u = d == as[i][0] ? as[i][1] : u;
    if (u != d && !left) {
        xi_value *p = xi_tf_op2(c, "Pow", xi_tf_like(c, a, 2), b);
        return p ? math_floor_div(c, a, p) : NULL;
    }
    if (u != d) a = xi_tf_cast(c, a, u), b = xi_tf_cast(c, b, u);
    xi_node *n = a && b ? xi_tf_node(c, "BitShift", 1, 1, (xi_value *[]){a, b}, 2) : NULL;
    if (n) xi_node_set_string(n, "direction", left ? XI_STR("LEFT") : XI_STR("RIGHT"));
    return xi_tf_cast(c, xi_tf_result(c, n, 0), d);
}

static void math_op_not_equal(xi_tf_call *c)
{
    math_binary(c, math_not_equal);
}
static void math_op_floor_div(xi_tf_call *c)
{
    math_binary(c, math_floor_div);
}
static void math_op_floor_mod(xi_tf_call *c)
{
    math_binary(c, math_floor_mod);
}
static void math_op_mod(xi_tf_call *c)
{
    math_binary(c, math_mod);
}
static void math_op_squared_difference(xi_tf_call *c)
{
    math_binary(c, math_squared_difference);
}
static void math_op_div_no_nan(xi_tf_call *c)
{
    math_binary(c, math_div_no_nan);
}
static void math_op_mul_no_nan(xi_tf_call *c)
{
    math_binary(c, math_mul_no_nan);
}
static void math_op_xdivy(xi_tf_call *c)
{
    math_binary(c, math_xdivy);
}
static void math_op_xlogy(xi_tf_call *c)
{
    math_binary(c, math_xlogy);
}
static void math_op_atan2(xi_tf_call *c)
{
    math_binary(c, math_atan2);
}
static void math_op_shift(xi_tf_call *c)
{
    math_binary(c, math_shift);
}

static xi_value *math_add(xi_tf_call *c, xi_value *a, xi_value *b)
{
    return xi_tf_op2(c, xi_tf_dtype_of(a) == XINF_STRING ? "StringConcat" : "Add", a, b);
}

static void math_op_add(xi_tf_call *c)
{
    math_binary(c, math_add);
}

static void math_op_add_n(xi_tf_call *c)
{
    xi_tf_call pair = *c;
    for (int32_t i = 1; i < c->in_count && !c->status; i++) {
        xi_tf_outputs out = {0};
        xi_tf_value first = i == 1 ? *c->in[0] : c->out->items[0];
        xi_tf_value *in[2] = {&first, c->in[i]};
        pair = *c;
        pair.in = in;
        pair.in_count = 2;
        pair.out = &out;
        math_binary(&pair, math_add);
        c->status = pair.status;
        c->refused = pair.refused;
        if (!c->status && out.count) xi_tf_give_value(c, 0, &out.items[0]);
    }
    if (c->in_count == 1) xi_tf_give_value(c, 0, c->in[0]);
}

static void math_op_select(xi_tf_call *c)
{
    xi_value *k = xi_tf_in(c, 0), *a = xi_tf_in(c, 1), *b = xi_tf_in(c, 2);
    int32_t rank = xi_tf_rank(a);
    if (c->row->how && k && xi_tf_rank(k) == 1 && rank > 1) {
        int64_t dims[XI_MAX_RANK];
        for (int32_t i = 0; i < rank; i++) dims[i] = i ? 1 : -1;
        k = xi_tf_reshape(c, k, dims, rank);
    }
    xi_tf_give(c, 0, k && a && b ? xi_tf_where(c, k, a, b) : NULL);
}

static void math_op_cast(xi_tf_call *c)
{
    xinf_dtype to = xi_tf_dtype(xi_tf_type(c, "DstT", 0));
    bool turned = c->in_count && math_lives_turned(c->in[0]);
    xi_value *x = turned ? c->in[0]->turned : xi_tf_in(c, 0);
    if (to == XINF_UNDEFINED || to == XINF_COMPLEX64 || to == XINF_COMPLEX128) {
        xi_tf_refuse(c, "it casts to a type that is not supported");
        return;
    }
    if (turned)
        xi_tf_give_turned(c, 0, xi_tf_cast(c, x, to));
    else
        xi_tf_give(c, 0, xi_tf_cast(c, x, to));
}

static void math_op_clip(xi_tf_call *c)
{
    bool turned = c->in_count && math_lives_turned(c->in[0]);
    xi_value *x = turned ? c->in[0]->turned : xi_tf_in(c, 0), *low = xi_tf_in(c, 1),
             *high = xi_tf_in(c, 2);
    bool scalar = xi_tf_rank(low) == 0 && xi_tf_rank(high) == 0;
    if (turned && !scalar) x = xi_tf_in(c, 0), turned = false;
    xi_value *y = scalar ? xi_tf_op3(c, "Clip", x, low, high)
                         : xi_tf_op2(c, "Min", xi_tf_op2(c, "Max", x, low), high);
    if (turned)
        xi_tf_give_turned(c, 0, y);
    else
        xi_tf_give(c, 0, y);
}

const xi_tf_row xi_tf_math[] = {
    {"Abs", math_op_unary, "Abs", 0},
    {"Neg", math_op_unary, "Neg", 0},
    {"Exp", math_op_unary, "Exp", 0},
    {"Log", math_op_unary, "Log", 0},
    {"Sqrt", math_op_unary, "Sqrt", 0},
    {"Sin", math_op_unary, "Sin", 0},
    {"Cos", math_op_unary, "Cos", 0},
    {"Tan", math_op_unary, "Tan", 0},
    {"Asin", math_op_unary, "Asin", 0},
    {"Acos", math_op_unary, "Acos", 0},
    {"Atan", math_op_unary, "Atan", 0},
    {"Sinh", math_op_unary, "Sinh", 0},
    {"Cosh", math_op_unary, "Cosh", 0},
    {"Tanh", math_op_unary, "Tanh", 0},
    {"Asinh", math_op_unary, "Asinh", 0},
    {"Acosh", math_op_unary, "Acosh", 0},
    {"Atanh", math_op_unary, "Atanh", 0},
    {"Sigmoid", math_op_unary, "Sigmoid", 0},
    {"Relu", math_op_unary, "Relu", 0},
    {"Elu", math_op_unary, "Elu", 0},
    {"Selu", math_op_unary, "Selu", 0},
    {"Softplus", math_op_unary, "Softplus", 0},
    {"Softsign", math_op_unary, "Softsign", 0},
    {"Floor", math_op_unary, "Floor", 0},
    {"Ceil", math_op_unary, "Ceil", 0},
    {"Sign", math_op_unary, "Sign", 0},
    {"Erf", math_op_unary, "Erf", 0},
    {"Reciprocal", math_op_unary, "Reciprocal", 0},
    {"Inv", math_op_unary, "Reciprocal", 0},
    {"LogicalNot", math_op_unary, "Not", 0},
    {"IsNan", math_op_unary, "IsNaN", 0},
    {"IsInf", math_op_unary, "IsInf", 0},
    {"Round", math_op_unary, "Round", 0},
    {"Rint", math_op_unary, "Round", 0},
    {"Invert", math_op_unary, "BitwiseNot", 0},
    {"Square", math_op_square, NULL, 0},
    {"Rsqrt", math_op_rsqrt, NULL, 0},
    {"Relu6", math_op_relu6, NULL, 0},
    {"LeakyRelu", math_op_leaky, NULL, 0},
    {"Log1p", math_op_log1p, NULL, 0},
    {"Expm1", math_op_expm1, NULL, 0},
    {"Erfc", math_op_erfc, NULL, 0},
    {"IsFinite", math_op_is_finite, NULL, 0},
    {"Add", math_op_add, NULL, 0},
    {"AddV2", math_op_add, NULL, 0},
    {"Sub", math_op_binary, "Sub", 0},
    {"Mul", math_op_binary, "Mul", 0},
    {"RealDiv", math_op_binary, "Div", 0},
    {"Div", math_op_binary, "Div", 0},
    {"TruncateDiv", math_op_binary, "Div", 0},
    {"Maximum", math_op_binary, "Max", 0},
    {"Minimum", math_op_binary, "Min", 0},
    {"Pow", math_op_binary, "Pow", 0},
    {"Greater", math_op_binary, "Greater", 0},
    {"GreaterEqual", math_op_binary, "GreaterOrEqual", 0},
    {"Less", math_op_binary, "Less", 0},
    {"LessEqual", math_op_binary, "LessOrEqual", 0},
    {"Equal", math_op_binary, "Equal", 0},
    {"NotEqual", math_op_not_equal, NULL, 0},
    {"LogicalAnd", math_op_binary, "And", 0},
    {"LogicalOr", math_op_binary, "Or", 0},
    {"BitwiseAnd", math_op_binary, "BitwiseAnd", 0},
    {"BitwiseOr", math_op_binary, "BitwiseOr", 0},
    {"BitwiseXor", math_op_binary, "BitwiseXor", 0},
    {"LeftShift", math_op_shift, NULL, 0},
    {"RightShift", math_op_shift, NULL, 1},
    {"FloorDiv", math_op_floor_div, NULL, 0},
    {"FloorMod", math_op_floor_mod, NULL, 0},
    {"Mod", math_op_mod, NULL, 1},
    {"TruncateMod", math_op_mod, NULL, 1},
    {"SquaredDifference", math_op_squared_difference, NULL, 0},
    {"DivNoNan", math_op_div_no_nan, NULL, 0},
    {"MulNoNan", math_op_mul_no_nan, NULL, 0},
    {"Xdivy", math_op_xdivy, NULL, 0},
    {"Xlogy", math_op_xlogy, NULL, 0},
    {"Xlog1py", math_op_xlogy, NULL, 1},
    {"Atan2", math_op_atan2, NULL, 0},
    {"AddN", math_op_add_n, NULL, 0},
    {"AccumulateNV2", math_op_add_n, NULL, 0},
    {"Select", math_op_select, NULL, 1},
    {"SelectV2", math_op_select, NULL, 0},
    {"Cast", math_op_cast, NULL, 0},
    {"ClipByValue", math_op_clip, NULL, 0},
    {NULL, NULL, NULL, 0},
};
