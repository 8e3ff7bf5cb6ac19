/* op_scalar.c — numbers of a program: sizes and what is computed from them, known or not. */
#include "import/torch/op.h"

#include <math.h>

#include "base/checked.h"

static xi_aten_value op_scalar_size(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_size(x, xi_aten_arg(x, &a[0]), xi_aten_arg_int(x, &a[1], op->name));
}

static xi_aten_value op_scalar_numel(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t count;
    if (v && v->type.kind == XINF_KIND_TENSOR && xi_shape_count(&v->type.shape, &count))
        return xi_aten_int(count);
    return xi_aten_dynamic(XI_ATEN_INT, xi_aten_emit1(x, "Size", v));
}

static double op_scalar_double(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_DOUBLE ? v->d : v->kind == XI_ATEN_INT ? (double)v->i : v->b;
}

static int64_t op_scalar_int(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_INT ? v->i : v->b;
}

static int64_t op_scalar_floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - ((a % b != 0) & ((a < 0) != (b < 0)));
}

/* Of two ints that are known. letter: the operation */
static xi_aten_value op_scalar_ints(xi_aten *x, char letter, int64_t a, int64_t b)
{
    int64_t r = 0;
    bool fits = true;
    switch (letter) {
    case '+': fits = xi_add_i64(a, b, &r); break;
    case '-': fits = !__builtin_sub_overflow(a, b, &r); break;
    case '*': fits = xi_mul_i64(a, b, &r); break;
    case '/':
    case '%':
        if (b == 0 || (a == INT64_MIN && b == -1))
            return xi_aten_fail(x, XINF_MALFORMED, "a division by zero"), xi_aten_none();
        r = letter == '/' ? op_scalar_floor_div(a, b) : a - b * op_scalar_floor_div(a, b);
        break;
    case 'm': r = a < b ? a : b; break;
    case 'M': r = a > b ? a : b; break;
    case '=': return xi_aten_bool(a == b);
    case '!': return xi_aten_bool(a != b);
    case '<': return xi_aten_bool(a < b);
    case '>': return xi_aten_bool(a > b);
    case 'l': return xi_aten_bool(a <= b);
    default: return xi_aten_bool(a >= b);
    }
    if (!fits) return xi_aten_fail(x, XINF_MALFORMED, "an integer beyond 64 bits"), xi_aten_none();
    return xi_aten_int(r);
}

static xi_aten_value op_scalar_doubles(char letter, double a, double b)
{
    switch (letter) {
    case '+': return xi_aten_double(a + b);
    case '-': return xi_aten_double(a - b);
    case '*': return xi_aten_double(a * b);
    case '/': return xi_aten_double(floor(a / b));
    case '%': return xi_aten_double(a - b * floor(a / b));
    case 'm': return xi_aten_double(a < b ? a : b);
    case 'M': return xi_aten_double(a > b ? a : b);
    case '=': return xi_aten_bool(a == b);
    case '!': return xi_aten_bool(a != b);
    case '<': return xi_aten_bool(a < b);
    case '>': return xi_aten_bool(a > b);
    case 'l': return xi_aten_bool(a <= b);
    default: return xi_aten_bool(a >= b);
    }
}

static const char *op_scalar_onnx(char letter)
{
    switch (letter) {
    case '+': return "Add";
    case '-': return "Sub";
    case '*': return "Mul";
    case '/': return "Div";
    case '%': return "Mod";
    case 'm': return "Min";
    case 'M': return "Max";
    case '=':
    case '!': return "Equal";
    case '<': return "Less";
    case '>': return "Greater";
    case 'l': return "LessOrEqual";
    default: return "GreaterOrEqual";
    }
}

/* text: one letter. Sizes are never negative, so the quotient of two that only a run knows is the
 * truncated one. */
static xi_aten_value op_scalar_binary(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    bool real = a[0].kind == XI_ATEN_DOUBLE || a[1].kind == XI_ATEN_DOUBLE;
    char letter = op->text[0];
    if (!a[0].scalar && !a[1].scalar)
        return real ? op_scalar_doubles(letter, op_scalar_double(&a[0]), op_scalar_double(&a[1]))
                    : op_scalar_ints(x, letter, op_scalar_int(&a[0]), op_scalar_int(&a[1]));
    xinf_dtype dtype = real ? XINF_FLOAT32 : XINF_INT64;
    xi_value *v = xi_aten_emit2(x, op_scalar_onnx(letter), xi_aten_scalar(x, &a[0], dtype),
                                xi_aten_scalar(x, &a[1], dtype));
    if (real && letter == '/') v = xi_aten_emit1(x, "Floor", v);
    if (letter == '!') v = xi_aten_emit1(x, "Not", v);
    return xi_aten_dynamic(op->number ? XI_ATEN_BOOL : real ? XI_ATEN_DOUBLE : XI_ATEN_INT, v);
}

static xi_aten_value op_scalar_true_div(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    if (!a[0].scalar && !a[1].scalar)
        return xi_aten_double(op_scalar_double(&a[0]) / op_scalar_double(&a[1]));
    return xi_aten_dynamic(XI_ATEN_DOUBLE,
                           xi_aten_emit2(x, "Div", xi_aten_scalar(x, &a[0], XINF_FLOAT32),
                                         xi_aten_scalar(x, &a[1], XINF_FLOAT32)));
}

static xi_aten_value op_scalar_neg(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    if (!a[0].scalar)
        return a[0].kind == XI_ATEN_DOUBLE ? xi_aten_double(-a[0].d)
                                           : op_scalar_ints(x, '-', 0, op_scalar_int(&a[0]));
    return xi_aten_dynamic(a[0].kind, xi_aten_emit1(x, "Neg", a[0].scalar));
}

static xi_aten_value op_scalar_to_float(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    if (!a[0].scalar) return xi_aten_double(op_scalar_double(&a[0]));
    return xi_aten_dynamic(XI_ATEN_DOUBLE, xi_aten_cast(x, a[0].scalar, XINF_FLOAT32));
}

/* item(self), _local_scalar_dense: a tensor's only element as a number */
static xi_aten_value op_scalar_item(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    xinf_dtype dtype = xi_aten_dtype(v);
    if (xi_aten_rank(v) != 0) v = xi_aten_reshape(x, v, NULL, 0);
    if (dtype == XINF_BOOL) return xi_aten_dynamic(XI_ATEN_BOOL, v);
    if (dtype == XINF_UNDEFINED || xi_dtype_is_float(dtype))
        return xi_aten_dynamic(XI_ATEN_DOUBLE, v);
    return xi_aten_dynamic(XI_ATEN_INT, xi_aten_cast(x, v, XINF_INT64));
}

#define SCALAR_ROW(name, letter, truth)                                \
    {                                                                  \
        "_operator::" name, "s:a s:b", op_scalar_binary, letter, truth \
    }

const xi_aten_op xi_aten_ops_scalar[] = {
    {"sym_size", "T:self i:dim", op_scalar_size, NULL, 0},
    {"sym_numel", "T:self", op_scalar_numel, NULL, 0},
    {"item", "T:self", op_scalar_item, NULL, 0},
    {"_local_scalar_dense", "T:self", op_scalar_item, NULL, 0},
    SCALAR_ROW("add", "+", 0),
    SCALAR_ROW("sub", "-", 0),
    SCALAR_ROW("mul", "*", 0),
    SCALAR_ROW("floordiv", "/", 0),
    SCALAR_ROW("mod", "%", 0),
    SCALAR_ROW("eq", "=", 1),
    SCALAR_ROW("ne", "!", 1),
    SCALAR_ROW("lt", "<", 1),
    SCALAR_ROW("gt", ">", 1),
    SCALAR_ROW("le", "l", 1),
    SCALAR_ROW("ge", "g", 1),
    {"_operator::truediv", "s:a s:b", op_scalar_true_div, NULL, 0},
    {"_operator::neg", "s:a", op_scalar_neg, NULL, 0},
    {"sym_min", "s:a s:b", op_scalar_binary, "m", 0},
    {"sym_max", "s:a s:b", op_scalar_binary, "M", 0},
    {"torch::sym_min", "s:a s:b", op_scalar_binary, "m", 0},
    {"torch::sym_max", "s:a s:b", op_scalar_binary, "M", 0},
    {"torch::sym_float", "s:a", op_scalar_to_float, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};

#undef SCALAR_ROW
