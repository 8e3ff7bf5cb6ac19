/* op_binary.c — functions of two tensors, or of a tensor and a number. */
#include "import/torch/op.h"

#include "tensor/dtype.h"

/* Both operands, of one dtype. */
static bool op_binary_pair(xi_aten *x, const xi_aten_value *a, const xi_aten_value *b, xi_value **p,
                           xi_value **q)
{
    bool a_number = a->kind != XI_ATEN_TENSOR, b_number = b->kind != XI_ATEN_TENSOR;
    xinf_dtype natural[2] = {XINF_FLOAT32, XINF_FLOAT32};
    const xi_aten_value *v[2] = {a, b};
    for (int i = 0; i < 2; i++)
        if (v[i]->kind != XI_ATEN_TENSOR)
            natural[i] = v[i]->kind == XI_ATEN_INT    ? XINF_INT64
                         : v[i]->kind == XI_ATEN_BOOL ? XINF_BOOL
                                                      : XINF_FLOAT32;
    /* A number is made in the tensor's dtype at once when that can hold it: no rounding on the way.
     */
    *p = a_number ? NULL : xi_aten_arg(x, a);
    *q = b_number ? NULL : xi_aten_arg(x, b);
    for (int i = 0; i < 2; i++) {
        xi_value **mine = i ? q : p, *other = i ? *p : *q;
        if (*mine) continue;
        xinf_dtype to = xi_aten_dtype(other);
        bool fits = other &&
                    (xi_dtype_is_float(to) || (xi_dtype_is_int(to) && natural[i] != XINF_FLOAT32));
        *mine = xi_aten_scalar(x, v[i], fits ? to : natural[i]);
    }
    xi_aten_promote(x, p, a_number, q, b_number);
    return x->status == XINF_OK;
}

/* self ± alpha · other; of bools it is or. */
static xi_aten_value op_binary_add(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    if (a[2].scalar || xi_aten_arg_double(x, &a[2], "alpha") != 1)
        q = xi_aten_emit2(
            x, "Mul", q,
            xi_aten_scalar(x, &a[2], xi_aten_dtype(q) ? xi_aten_dtype(q) : XINF_FLOAT32));
    if (xi_aten_dtype(p) == XINF_BOOL && xi_str_is(xi_str_of(op->text), "Add"))
        return xi_aten_result(x, xi_aten_emit2(x, "Or", p, q));
    return xi_aten_result(x, xi_aten_emit2(x, op->text, p, q));
}

static xi_aten_value op_binary_rsub(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    if (xi_aten_arg_double(x, &a[2], "alpha") != 1)
        p = xi_aten_emit2(x, "Mul", p, xi_aten_scalar(x, &a[2], xi_aten_dtype(p)));
    return xi_aten_result(x, xi_aten_emit2(x, "Sub", q, p));
}

static xi_aten_value op_binary_mul(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    return xi_aten_result(x, xi_aten_emit2(x, xi_aten_dtype(p) == XINF_BOOL ? "And" : "Mul", p, q));
}

static xi_value *op_binary_trunc(xi_aten *x, xi_value *v)
{
    return xi_aten_emit2(x, "Mul", xi_aten_emit1(x, "Sign", v),
                         xi_aten_emit1(x, "Floor", xi_aten_emit1(x, "Abs", v)));
}

/* Quotient of integers rounded down: the truncated one, less one where signs differ and something
 * is left. */
static xi_value *op_binary_floor_int(xi_aten *x, xi_value *p, xi_value *q)
{
    xi_value *quotient = xi_aten_emit2(x, "Div", p, q), *zero = xi_aten_number_like(x, p, 0);
    if (xi_dtype_is_unsigned(xi_aten_dtype(p))) return quotient;
    xi_value *rest = xi_aten_emit2(x, "Sub", p, xi_aten_emit2(x, "Mul", quotient, q));
    xi_value *signs = xi_aten_emit2(x, "Xor", xi_aten_emit2(x, "Less", rest, zero),
                                    xi_aten_emit2(x, "Less", q, zero));
    xi_value *left = xi_aten_emit1(x, "Not", xi_aten_emit2(x, "Equal", rest, zero));
    return xi_aten_emit2(x, "Sub", quotient,
                         xi_aten_cast_like(x, xi_aten_emit2(x, "And", signs, left), p));
}

static xi_value *op_binary_floor_div(xi_aten *x, xi_value *p, xi_value *q)
{
    if (xi_dtype_is_int(xi_aten_dtype(p))) return op_binary_floor_int(x, p, q);
    return xi_aten_emit1(x, "Floor", xi_aten_emit2(x, "Div", p, q));
}

/* Before format version 4 a quotient of integers was truncated. */
static xi_aten_value op_binary_div(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    if (op->number && a[2].kind == XI_ATEN_STRING) {
        if (xi_str_is(a[2].s, "floor")) return xi_aten_result(x, op_binary_floor_div(x, p, q));
        if (xi_dtype_is_int(xi_aten_dtype(p)))
            return xi_aten_result(x, xi_aten_emit2(x, "Div", p, q));
        return xi_aten_result(x, op_binary_trunc(x, xi_aten_emit2(x, "Div", p, q)));
    }
    if (!op->number && x->version && x->version < 4 && xi_dtype_is_int(xi_aten_dtype(p)))
        return xi_aten_result(x, xi_aten_emit2(x, "Div", p, q));
    return xi_aten_result(x,
                          xi_aten_emit2(x, "Div", xi_aten_to_float(x, p), xi_aten_to_float(x, q)));
}

static xi_aten_value op_binary_floor_divide(xi_aten *x, const xi_aten_value *a,
                                            const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    /* It truncated until format version 13 of its operator set; files say so by the format's
     * version 0–5 only in old releases. */
    return xi_aten_result(x, op_binary_floor_div(x, p, q));
}

/* The rest has the divisor's sign; fmod: the dividend's. */
static xi_aten_value op_binary_remainder(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    xi_value *in[2] = {p, q};
    if (op->number)
        return xi_aten_result(
            x, xi_aten_emit(x, "Mod", 2, in, 1, (xi_attr[]){XI_ATEN_ATTR_INT("fmod", 1)}));
    if (xi_dtype_is_int(xi_aten_dtype(p))) return xi_aten_result(x, xi_aten_emit2(x, "Mod", p, q));
    return xi_aten_result(
        x,
        xi_aten_emit2(
            x, "Sub", p,
            xi_aten_emit2(x, "Mul", xi_aten_emit1(x, "Floor", xi_aten_emit2(x, "Div", p, q)), q)));
}

static xi_aten_value op_binary_pow(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (a[1].kind == XI_ATEN_INT && !a[1].scalar && a[0].kind == XI_ATEN_TENSOR && a[1].i == 2) {
        p = xi_aten_arg(x, &a[0]);
        return xi_aten_result(x, xi_aten_emit2(x, "Mul", p, p));
    }
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    return xi_aten_result(x, xi_aten_emit2(x, "Pow", p, q));
}

static xi_aten_value op_binary_compare(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    if (xi_aten_dtype(p) == XINF_BOOL && !xi_str_is(xi_str_of(op->text), "Equal")) {
        p = xi_aten_cast(x, p, XINF_INT32);
        q = xi_aten_cast(x, q, XINF_INT32);
    }
    xi_value *y = xi_aten_emit2(x, op->text, p, q);
    return xi_aten_result(x, op->number ? xi_aten_emit1(x, "Not", y) : y);
}

static xi_aten_value op_binary_logical(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p = xi_aten_cast(x, xi_aten_arg(x, &a[0]), XINF_BOOL),
             *q = xi_aten_cast(x, xi_aten_arg(x, &a[1]), XINF_BOOL);
    return xi_aten_result(x, xi_aten_emit2(x, op->text, p, q));
}

/* text: "And", "Or", "Xor" */
static xi_aten_value op_binary_bitwise(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    static const char *const bitwise[] = {"BitwiseAnd", "BitwiseOr", "BitwiseXor"};
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    return xi_aten_result(
        x, xi_aten_emit2(x, xi_aten_dtype(p) == XINF_BOOL ? op->text : bitwise[op->number], p, q));
}

/* ONNX shifts unsigned integers only; of signed ones: times or by a power of two. */
static xi_aten_value op_binary_shift(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    xi_value *power = xi_aten_emit2(x, "Pow", xi_aten_number_like(x, q, 2), q);
    return xi_aten_result(x, op->number ? op_binary_floor_div(x, p, power)
                                        : xi_aten_emit2(x, "Mul", p, power));
}

/* minimum, maximum: NaN wins in both */
static xi_aten_value op_binary_extreme(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    if (xi_aten_dtype(p) == XINF_BOOL)
        return xi_aten_result(x, xi_aten_emit2(x, op->number ? "Or" : "And", p, q));
    return xi_aten_result(x, xi_aten_emit2(x, op->text, p, q));
}

static xi_value *op_binary_bound(xi_aten *x, const xi_aten_value *a, xi_value *v)
{
    if (a->kind == XI_ATEN_NONE) return NULL;
    if (a->kind == XI_ATEN_TENSOR) return xi_aten_arg(x, a);
    return xi_aten_dtype(v) ? xi_aten_scalar(x, a, xi_aten_dtype(v))
                            : xi_aten_cast_like(x, xi_aten_scalar(x, a, XINF_FLOAT32), v);
}

static xi_aten_value op_binary_clamp(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    bool real = (a[1].kind == XI_ATEN_DOUBLE || a[2].kind == XI_ATEN_DOUBLE) &&
                xi_dtype_is_int(xi_aten_dtype(v));
    if (real) v = xi_aten_cast(x, v, XINF_FLOAT32);
    xi_value *low = op_binary_bound(x, &a[1], v), *high = op_binary_bound(x, &a[2], v);
    if (xi_aten_rank(low) > 0 || xi_aten_rank(high) > 0 || (low && xi_aten_rank(low) < 0) ||
        (high && xi_aten_rank(high) < 0)) {
        if (low) {
            xi_aten_promote(x, &v, false, &low, false);
            v = xi_aten_emit2(x, "Max", v, low);
        }
        if (high) {
            xi_aten_promote(x, &v, false, &high, false);
            v = xi_aten_emit2(x, "Min", v, high);
        }
        return xi_aten_result(x, v);
    }
    xi_value *in[3] = {v, xi_aten_cast_like(x, low, v), xi_aten_cast_like(x, high, v)};
    return xi_aten_result(x, xi_aten_emit(x, "Clip", high ? 3 : 2, in, 0, NULL));
}

static xi_aten_value op_binary_clamp_one(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_aten_value three[3] = {a[0], op->number ? xi_aten_none() : a[1],
                              op->number ? a[1] : xi_aten_none()};
    return op_binary_clamp(x, three, op);
}

/* atan2 by the quadrant */
static xi_aten_value op_binary_atan2(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    const double pi = 3.14159265358979323846;
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    p = xi_aten_to_float(x, p);
    q = xi_aten_to_float(x, q);
    xi_value *zero = xi_aten_number_like(x, p, 0), *down = xi_aten_emit2(x, "Less", p, zero),
             *left = xi_aten_emit2(x, "Less", q, zero);
    xi_value *turn = xi_aten_emit3(x, "Where", down, xi_aten_number_like(x, p, -pi),
                                   xi_aten_number_like(x, p, pi));
    xi_value *base = xi_aten_emit1(x, "Atan", xi_aten_emit2(x, "Div", p, q));
    xi_value *y = xi_aten_emit2(x, "Add", base, xi_aten_emit3(x, "Where", left, turn, zero));
    /* On the vertical axis the quotient is infinite, which atan takes; at the origin it is no
     * number. */
    xi_value *origin = xi_aten_emit2(x, "And", xi_aten_emit2(x, "Equal", p, zero),
                                     xi_aten_emit2(x, "Equal", q, zero));
    return xi_aten_result(x, xi_aten_emit3(x, "Where", origin, zero, y));
}

static xi_aten_value op_binary_copysign(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    xi_value *size = xi_aten_emit1(x, "Abs", xi_aten_to_float(x, p));
    q = xi_aten_to_float(x, q);
    xi_value *zero = xi_aten_number_like(x, q, 0);
    /* A negative zero has the sign that its reciprocal shows. */
    xi_value *minus = xi_aten_emit2(
        x, "Or", xi_aten_emit2(x, "Less", q, zero),
        xi_aten_emit2(x, "Less", xi_aten_emit1(x, "Reciprocal", q), zero));
    return xi_aten_result(x, xi_aten_emit3(x, "Where", minus, xi_aten_emit1(x, "Neg", size), size));
}

static xi_aten_value op_binary_heaviside(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *middle = xi_aten_arg(x, &a[1]),
             *zero = xi_aten_number_like(x, v, 0);
    xi_value *step = xi_aten_cast_like(x, xi_aten_emit2(x, "Greater", v, zero), v);
    return xi_aten_result(
        x, xi_aten_emit3(x, "Where", xi_aten_emit2(x, "Equal", v, zero), middle, step));
}

static xi_aten_value op_binary_hypot(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    return xi_aten_result(x, xi_aten_emit1(x, "Sqrt",
                                           xi_aten_emit2(x, "Add", xi_aten_emit2(x, "Mul", p, p),
                                                         xi_aten_emit2(x, "Mul", q, q))));
}

/* log(e^a + e^b), taken from the larger one */
static xi_aten_value op_binary_logaddexp(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    xi_value *apart = xi_aten_emit1(x, "Abs", xi_aten_emit2(x, "Sub", p, q));
    if (op->number) {
        xi_value *ln2 = xi_aten_number_like(x, p, 0.69314718055994530942);
        xi_value *add = xi_aten_emit1(x, "Softplus",
                                      xi_aten_emit1(x, "Neg", xi_aten_emit2(x, "Mul", apart, ln2)));
        return xi_aten_result(x, xi_aten_emit2(x, "Add", xi_aten_emit2(x, "Max", p, q),
                                               xi_aten_emit2(x, "Div", add, ln2)));
    }
    xi_value *add = xi_aten_emit1(x, "Softplus", xi_aten_emit1(x, "Neg", apart));
    return xi_aten_result(x, xi_aten_emit2(x, "Add", xi_aten_emit2(x, "Max", p, q), add));
}

static xi_aten_value op_binary_xlogy(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q;
    if (!op_binary_pair(x, &a[0], &a[1], &p, &q)) return xi_aten_none();
    p = xi_aten_to_float(x, p);
    xi_value *y = xi_aten_emit2(x, "Mul", p, xi_aten_emit1(x, "Log", xi_aten_to_float(x, q))),
             *zero = xi_aten_number_like(x, p, 0);
    return xi_aten_result(x,
                          xi_aten_emit3(x, "Where", xi_aten_emit2(x, "Equal", p, zero), zero, y));
}

static xi_aten_value op_binary_lerp(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p = xi_aten_arg(x, &a[0]), *q = xi_aten_arg(x, &a[1]);
    xi_value *w = a[2].kind == XI_ATEN_TENSOR
                      ? xi_aten_arg(x, &a[2])
                      : xi_aten_number_like(x, p, xi_aten_arg_double(x, &a[2], "lerp's weight"));
    return xi_aten_result(
        x, xi_aten_emit2(x, "Add", p, xi_aten_emit2(x, "Mul", w, xi_aten_emit2(x, "Sub", q, p))));
}

/* self + value · t1 (· or /) t2 */
static xi_aten_value op_binary_addc(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]),
             *t = xi_aten_emit2(x, op->text, xi_aten_arg(x, &a[1]), xi_aten_arg(x, &a[2]));
    double value = xi_aten_arg_double(x, &a[3], "value");
    if (value != 1) t = xi_aten_emit2(x, "Mul", t, xi_aten_number_like(x, t, value));
    return xi_aten_result(x, xi_aten_emit2(x, "Add", v, t));
}

static xi_aten_value op_binary_isclose(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p = xi_aten_to_float(x, xi_aten_arg(x, &a[0])),
             *q = xi_aten_to_float(x, xi_aten_arg(x, &a[1]));
    xi_value *rtol = xi_aten_number_like(x, p, xi_aten_arg_double(x, &a[2], "rtol")),
             *atol = xi_aten_number_like(x, p, xi_aten_arg_double(x, &a[3], "atol"));
    xi_value *room = xi_aten_emit2(x, "Add", atol,
                                   xi_aten_emit2(x, "Mul", rtol, xi_aten_emit1(x, "Abs", q)));
    xi_value *apart = xi_aten_emit1(x, "Abs", xi_aten_emit2(x, "Sub", p, q));
    xi_value *finite = xi_aten_emit1(x, "Not", xi_aten_emit1(x, "IsInf", room));
    xi_value *near = xi_aten_emit2(x, "And", finite, xi_aten_emit2(x, "LessOrEqual", apart, room));
    xi_value *y = xi_aten_emit2(x, "Or", xi_aten_emit2(x, "Equal", p, q), near);
    if (xi_aten_arg_bool(x, &a[4], "equal_nan"))
        y = xi_aten_emit2(
            x, "Or", y,
            xi_aten_emit2(x, "And", xi_aten_emit1(x, "IsNaN", p), xi_aten_emit1(x, "IsNaN", q)));
    return xi_aten_result(x, y);
}

static xi_aten_value op_binary_where(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p, *q, *c = xi_aten_cast(x, xi_aten_arg(x, &a[0]), XINF_BOOL);
    if (!op_binary_pair(x, &a[1], &a[2], &p, &q)) return xi_aten_none();
    return xi_aten_result(x, xi_aten_emit3(x, "Where", c, p, q));
}

static xi_aten_value op_binary_masked_fill(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *mask = xi_aten_cast(x, xi_aten_arg(x, &a[1]), XINF_BOOL);
    xi_value *fill = a[2].kind == XI_ATEN_TENSOR || a[2].scalar
                         ? xi_aten_cast_like(x, xi_aten_scalar(x, &a[2], XINF_UNDEFINED), v)
                         : NULL;
    if (!fill)
        fill = xi_aten_dtype(v)
                   ? xi_aten_scalar(x, &a[2], xi_aten_dtype(v))
                   : xi_aten_number_like(x, v, xi_aten_arg_double(x, &a[2], "masked_fill"));
    return xi_aten_result(x, xi_aten_emit3(x, "Where", mask, fill, v));
}

#define BINARY_ROWS(name, fn, text, number)      \
    {name, "T:self T:other", fn, text, number},  \
    {                                            \
        name, "T:self s:other", fn, text, number \
    }
#define BINARY_ALPHA(name, fn, text, number)               \
    {name, "T:self T:other s:alpha=1", fn, text, number},  \
    {                                                      \
        name, "T:self s:other s:alpha=1", fn, text, number \
    }

const xi_aten_op xi_aten_ops_binary[] = {
    BINARY_ALPHA("add", op_binary_add, "Add", 0),
    {"_test_serialization_subcmul", "T:self T:other s:alpha=2", op_binary_add, "Sub",
     0}, /* of torch's own test files */
    BINARY_ALPHA("sub", op_binary_add, "Sub", 0),
    BINARY_ALPHA("subtract", op_binary_add, "Sub", 0),
    BINARY_ALPHA("rsub", op_binary_rsub, NULL, 0),
    BINARY_ROWS("mul", op_binary_mul, NULL, 0),
    {"mul", "s:other T:self", op_binary_mul, NULL, 0},
    {"add", "s:other T:self s:alpha=1", op_binary_add, "Add", 0},
    BINARY_ROWS("multiply", op_binary_mul, NULL, 0),
    BINARY_ROWS("div", op_binary_div, NULL, 0),
    {"div", "T:self T:other S?:rounding_mode", op_binary_div, NULL, 1},
    {"div", "T:self s:other S?:rounding_mode", op_binary_div, NULL, 1},
    BINARY_ROWS("divide", op_binary_div, NULL, 0),
    BINARY_ROWS("true_divide", op_binary_div, NULL, 1),
    BINARY_ROWS("floor_divide", op_binary_floor_divide, NULL, 0),
    BINARY_ROWS("remainder", op_binary_remainder, NULL, 0),
    {"remainder", "s:self T:other", op_binary_remainder, NULL, 0},
    BINARY_ROWS("fmod", op_binary_remainder, NULL, 1),
    BINARY_ROWS("pow", op_binary_pow, NULL, 0),
    {"pow", "s:self T:exponent", op_binary_pow, NULL, 0},
    BINARY_ROWS("float_power", op_binary_pow, NULL, 0),
    BINARY_ROWS("eq", op_binary_compare, "Equal", 0),
    BINARY_ROWS("ne", op_binary_compare, "Equal", 1),
    BINARY_ROWS("lt", op_binary_compare, "Less", 0),
    BINARY_ROWS("le", op_binary_compare, "LessOrEqual", 0),
    BINARY_ROWS("gt", op_binary_compare, "Greater", 0),
    BINARY_ROWS("ge", op_binary_compare, "GreaterOrEqual", 0),
    BINARY_ROWS("not_equal", op_binary_compare, "Equal", 1),
    BINARY_ROWS("less", op_binary_compare, "Less", 0),
    BINARY_ROWS("greater", op_binary_compare, "Greater", 0),
    {"logical_and", "T:self T:other", op_binary_logical, "And", 0},
    {"logical_or", "T:self T:other", op_binary_logical, "Or", 0},
    {"logical_xor", "T:self T:other", op_binary_logical, "Xor", 0},
    BINARY_ROWS("bitwise_and", op_binary_bitwise, "And", 0),
    BINARY_ROWS("bitwise_or", op_binary_bitwise, "Or", 1),
    BINARY_ROWS("bitwise_xor", op_binary_bitwise, "Xor", 2),
    BINARY_ROWS("__and__", op_binary_bitwise, "And", 0),
    BINARY_ROWS("__or__", op_binary_bitwise, "Or", 1),
    BINARY_ROWS("__xor__", op_binary_bitwise, "Xor", 2),
    BINARY_ROWS("bitwise_left_shift", op_binary_shift, NULL, 0),
    BINARY_ROWS("bitwise_right_shift", op_binary_shift, NULL, 1),
    BINARY_ROWS("__lshift__", op_binary_shift, NULL, 0),
    BINARY_ROWS("__rshift__", op_binary_shift, NULL, 1),
    {"maximum", "T:self T:other", op_binary_extreme, "Max", 1},
    {"minimum", "T:self T:other", op_binary_extreme, "Min", 0},
    {"fmax", "T:self T:other", op_binary_extreme, "Max", 1},
    {"fmin", "T:self T:other", op_binary_extreme, "Min", 0},
    {"max", "T:self T:other", op_binary_extreme, "Max", 1},
    {"min", "T:self T:other", op_binary_extreme, "Min", 0},
    {"clamp", "T:self s?:min=None s?:max=None", op_binary_clamp, NULL, 0},
    {"clamp", "T:self t:min=None t:max=None", op_binary_clamp, NULL, 0},
    {"clip", "T:self s?:min=None s?:max=None", op_binary_clamp, NULL, 0},
    {"clip", "T:self t:min=None t:max=None", op_binary_clamp, NULL, 0},
    BINARY_ROWS("clamp_min", op_binary_clamp_one, NULL, 0),
    BINARY_ROWS("clamp_max", op_binary_clamp_one, NULL, 1),
    {"clamp_min", "T:self s:min", op_binary_clamp_one, NULL, 0},
    {"clamp_max", "T:self s:max", op_binary_clamp_one, NULL, 1},
    {"atan2", "T:self T:other", op_binary_atan2, NULL, 0},
    {"arctan2", "T:self T:other", op_binary_atan2, NULL, 0},
    BINARY_ROWS("copysign", op_binary_copysign, NULL, 0),
    {"heaviside", "T:self T:values", op_binary_heaviside, NULL, 0},
    {"hypot", "T:self T:other", op_binary_hypot, NULL, 0},
    {"logaddexp", "T:self T:other", op_binary_logaddexp, NULL, 0},
    {"logaddexp2", "T:self T:other", op_binary_logaddexp, NULL, 1},
    BINARY_ROWS("xlogy", op_binary_xlogy, NULL, 0),
    {"lerp", "T:self T:end s:weight", op_binary_lerp, NULL, 0},
    {"lerp", "T:self T:end T:weight", op_binary_lerp, NULL, 0},
    {"addcmul", "T:self T:tensor1 T:tensor2 s:value=1", op_binary_addc, "Mul", 0},
    {"addcdiv", "T:self T:tensor1 T:tensor2 s:value=1", op_binary_addc, "Div", 0},
    {"isclose", "T:self T:other f:rtol=1e-5 f:atol=1e-8 b:equal_nan=False", op_binary_isclose, NULL,
     0},
    {"where", "T:condition T:self T:other", op_binary_where, NULL, 0},
    {"where", "T:condition s:self T:other", op_binary_where, NULL, 0},
    {"where", "T:condition T:self s:other", op_binary_where, NULL, 0},
    {"where", "T:condition s:self s:other", op_binary_where, NULL, 0},
    {"masked_fill", "T:self T:mask s:value", op_binary_masked_fill, NULL, 0},
    {"masked_fill", "T:self T:mask T:value", op_binary_masked_fill, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};

#undef BINARY_ROWS
#undef BINARY_ALPHA
