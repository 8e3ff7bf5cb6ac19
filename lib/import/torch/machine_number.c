/* machine_number.c — arithmetic on numbers: worked out when they are known, else nodes on scalars
 * of the graph. */
#include "import/torch/machine.h"

#include <math.h>

#include "import/torch/op.h"

static bool number_is(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_INT || v->kind == XI_ATEN_DOUBLE || v->kind == XI_ATEN_BOOL;
}

static double number_double(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_DOUBLE ? v->d : v->kind == XI_ATEN_BOOL ? v->b : (double)v->i;
}

static int64_t number_int(const xi_aten_value *v)
{
    if (v->kind == XI_ATEN_DOUBLE) return v->d > -9e18 && v->d < 9e18 ? (int64_t)v->d : 0;
    return v->kind == XI_ATEN_BOOL ? v->b : v->i;
}

xi_value *xi_machine_scalar(xi_machine *m, const xi_aten_value *v)
{
    if (!xi_machine_good(m)) return NULL;
    if (v->kind == XI_ATEN_TENSOR) {
        xi_value *t = xi_aten_arg(&m->x, v);
        return xi_aten_rank(t) == 0 ? t : xi_aten_reshape(&m->x, t, NULL, 0);
    }
    if (v->scalar) return v->scalar;
    if (v->kind == XI_ATEN_INT) return xi_aten_whole(&m->x, XINF_INT64, v->i);
    if (v->kind == XI_ATEN_BOOL) return xi_aten_whole(&m->x, XINF_BOOL, v->b);
    if (v->kind == XI_ATEN_DOUBLE) return xi_aten_number(&m->x, XINF_FLOAT64, v->d);
    xi_machine_fail(m, XINF_MALFORMED, "a %s stands where a number is wanted",
                    xi_aten_kind_name(v));
    return NULL;
}

xi_value *xi_machine_truth(xi_machine *m, const xi_aten_value *v, bool *out)
{
    xi_aten_value b = *v;
    if (!xi_machine_good(m) || xi_machine_dead(m)) return NULL;
    if (v->kind == XI_ATEN_TENSOR) b = xi_machine_operator(m, XI_STR("Bool"), v, 1, NULL, 0);
    if (!xi_machine_good(m)) return NULL;
    if (b.scalar && b.kind != XI_ATEN_SEQUENCE) return xi_aten_cast(&m->x, b.scalar, XINF_BOOL);
    if (number_is(&b))
        *out = b.kind == XI_ATEN_DOUBLE ? b.d != 0 : number_int(&b) != 0;
    else if (b.kind == XI_ATEN_NONE)
        *out = false;
    else
        xi_machine_fail(m, XINF_MALFORMED, "a %s stands where a condition is wanted",
                        xi_aten_kind_name(&b));
    return NULL;
}

/* ---- known numbers ---- */

static int64_t number_floor_div(int64_t a, int64_t b)
{
    if (b == -1) return (int64_t)(0 - (uint64_t)a);
    int64_t q = a / b;
    return (a % b != 0) && ((a < 0) != (b < 0)) ? q - 1 : q;
}

static int64_t number_power(int64_t a, int64_t n)
{
    uint64_t r = 1, base = (uint64_t)a;
    for (; n > 0; n >>= 1, base *= base)
        if (n & 1) r *= base;
    return (int64_t)r;
}

static bool number_known_ints(xi_aten_value *out, xi_machine *m, xi_str name, int64_t a, int64_t b)
{
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    bool divides = xi_str_is(name, "floordiv") || xi_str_is(name, "remainder") ||
                   xi_str_is(name, "mod") || xi_str_is(name, "floor_divide");
    if (divides && b == 0) {
        xi_machine_fail(m, XINF_MALFORMED, "a division by zero");
        return true;
    }
    if (xi_str_is(name, "add"))
        *out = xi_aten_int((int64_t)(ua + ub));
    else if (xi_str_is(name, "sub"))
        *out = xi_aten_int((int64_t)(ua - ub));
    else if (xi_str_is(name, "rsub"))
        *out = xi_aten_int((int64_t)(ub - ua));
    else if (xi_str_is(name, "mul"))
        *out = xi_aten_int((int64_t)(ua * ub));
    else if (xi_str_is(name, "floordiv") || xi_str_is(name, "floor_divide"))
        *out = xi_aten_int(number_floor_div(a, b));
    else if (divides)
        *out = xi_aten_int((int64_t)(ua - (uint64_t)number_floor_div(a, b) * ub));
    else if (xi_str_is(name, "pow"))
        *out = b >= 0 ? xi_aten_int(number_power(a, b)) : xi_aten_double(pow((double)a, (double)b));
    else if (xi_str_is(name, "__lshift__") && b >= 0 && b < 63)
        *out = xi_aten_int((int64_t)(ua << b));
    else if (xi_str_is(name, "__rshift__") && b >= 0 && b < 64)
        *out = xi_aten_int(a < 0 ? ~(int64_t)(~ua >> b) : (int64_t)(ua >> b));
    else if (xi_str_is(name, "__and__"))
        *out = xi_aten_int(a & b);
    else if (xi_str_is(name, "__or__"))
        *out = xi_aten_int(a | b);
    else if (xi_str_is(name, "__xor__"))
        *out = xi_aten_int(a ^ b);
    else if (xi_str_is(name, "prim::min"))
        *out = xi_aten_int(a < b ? a : b);
    else if (xi_str_is(name, "prim::max"))
        *out = xi_aten_int(a > b ? a : b);
    else
        return false;
    return true;
}

static bool number_known_doubles(xi_aten_value *out, xi_str name, double a, double b)
{
    if (xi_str_is(name, "add"))
        *out = xi_aten_double(a + b);
    else if (xi_str_is(name, "sub"))
        *out = xi_aten_double(a - b);
    else if (xi_str_is(name, "rsub"))
        *out = xi_aten_double(b - a);
    else if (xi_str_is(name, "mul"))
        *out = xi_aten_double(a * b);
    else if (xi_str_is(name, "floordiv") || xi_str_is(name, "floor_divide"))
        *out = xi_aten_double(floor(a / b));
    else if (xi_str_is(name, "remainder"))
        *out = xi_aten_double(a - floor(a / b) * b);
    else if (xi_str_is(name, "fmod"))
        *out = xi_aten_double(fmod(a, b));
    else if (xi_str_is(name, "pow"))
        *out = xi_aten_double(pow(a, b));
    else if (xi_str_is(name, "atan2"))
        *out = xi_aten_double(atan2(a, b));
    else if (xi_str_is(name, "log"))
        *out = xi_aten_double(log(a) / log(b));
    else if (xi_str_is(name, "prim::min"))
        *out = xi_aten_double(a < b ? a : b);
    else if (xi_str_is(name, "prim::max"))
        *out = xi_aten_double(a > b ? a : b);
    else
        return false;
    return true;
}

static int number_compare_op(xi_str name)
{
    static const char *const names[] = {"eq", "ne", "lt", "le", "gt", "ge"};
    for (int i = 0; i < 6; i++)
        if (xi_str_is(name, names[i])) return i;
    return -1;
}

static bool number_known_compare(int op, const xi_aten_value *a, const xi_aten_value *b)
{
    if (a->kind == XI_ATEN_DOUBLE || b->kind == XI_ATEN_DOUBLE) {
        double x = number_double(a), y = number_double(b);
        return op == 0   ? x == y
               : op == 1 ? x != y
               : op == 2 ? x < y
               : op == 3 ? x <= y
               : op == 4 ? x > y
                         : x >= y;
    }
    int64_t x = number_int(a), y = number_int(b);
    return op == 0   ? x == y
           : op == 1 ? x != y
           : op == 2 ? x < y
           : op == 3 ? x <= y
           : op == 4 ? x > y
                     : x >= y;
}

static bool number_known_two(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *a,
                             const xi_aten_value *b)
{
    int compare = number_compare_op(name);
    if (compare >= 0) {
        *out = xi_aten_bool(number_known_compare(compare, a, b));
        return true;
    }
    if (xi_str_is(name, "div")) {
        *out = xi_aten_double(number_double(a) / number_double(b));
        return true;
    }
    if (a->kind == XI_ATEN_BOOL && b->kind == XI_ATEN_BOOL) {
        bool x = a->b, y = b->b;
        if (xi_str_is(name, "__and__")) return *out = xi_aten_bool(x && y), true;
        if (xi_str_is(name, "__or__")) return *out = xi_aten_bool(x || y), true;
        if (xi_str_is(name, "__xor__")) return *out = xi_aten_bool(x != y), true;
    }
    if (a->kind != XI_ATEN_DOUBLE && b->kind != XI_ATEN_DOUBLE &&
        number_known_ints(out, m, name, number_int(a), number_int(b)))
        return true;
    return number_known_doubles(out, name, number_double(a), number_double(b));
}

static double number_round_even(double v)
{
    double f = floor(v), part = v - f;
    if (part > 0.5 || (part == 0.5 && fmod(f, 2) != 0)) f += 1;
    return f;
}

static bool number_known_one(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *a)
{
    static const struct number_function {
        const char *name;
        double (*fn)(double);
    } functions[] = {{"sqrt", sqrt},   {"exp", exp},     {"log", log},   {"log2", log2},
                     {"log10", log10}, {"log1p", log1p}, {"sin", sin},   {"cos", cos},
                     {"tan", tan},     {"tanh", tanh},   {"atan", atan}, {"asin", asin},
                     {"acos", acos},   {"expm1", expm1}};
    double d = number_double(a);
    bool whole = a->kind != XI_ATEN_DOUBLE;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (xi_str_is(name, functions[i].name))
            return *out = xi_aten_double(functions[i].fn(d)), true;
    if (xi_str_is(name, "neg"))
        *out = whole ? xi_aten_int((int64_t)(0 - (uint64_t)number_int(a))) : xi_aten_double(-d);
    else if (xi_str_is(name, "__not__"))
        *out = xi_aten_bool(!(whole ? number_int(a) != 0 : d != 0));
    else if (xi_str_is(name, "bitwise_not") && whole)
        *out = xi_aten_int(~number_int(a));
    else if (xi_str_is(name, "prim::abs") || xi_str_is(name, "abs"))
        *out = whole ? xi_aten_int(number_int(a) < 0 ? (int64_t)(0 - (uint64_t)number_int(a))
                                                     : number_int(a))
                     : xi_aten_double(fabs(d));
    else if (xi_str_is(name, "floor") || xi_str_is(name, "ceil") || xi_str_is(name, "trunc")) {
        double r = name.ptr[0] == 'f' ? floor(d) : name.ptr[0] == 'c' ? ceil(d) : trunc(d);
        if (!(r > -9e18 && r < 9e18)) {
            xi_machine_fail(m, XINF_MALFORMED, "a number that fits no int");
            return true;
        }
        *out = whole ? xi_aten_int(number_int(a)) : xi_aten_int((int64_t)r);
    } else if (xi_str_is(name, "round"))
        *out = xi_aten_double(number_round_even(d));
    else if (xi_str_is(name, "Int") || xi_str_is(name, "IntImplicit"))
        *out = xi_aten_int(number_int(a));
    else if (xi_str_is(name, "Float") || xi_str_is(name, "FloatImplicit"))
        *out = xi_aten_double(d);
    else if (xi_str_is(name, "Bool"))
        *out = xi_aten_bool(whole ? number_int(a) != 0 : d != 0);
    else if (xi_str_is(name, "Scalar") || xi_str_is(name, "ScalarImplicit") ||
             xi_str_is(name, "item"))
        *out = *a;
    else if (xi_str_is(name, "isnan"))
        *out = xi_aten_bool(isnan(d));
    else if (xi_str_is(name, "isinf"))
        *out = xi_aten_bool(isinf(d));
    else if (xi_str_is(name, "isfinite"))
        *out = xi_aten_bool(isfinite(d));
    else
        return false;
    return true;
}

/* ---- numbers of the graph ---- */

static xi_aten_value number_dynamic(xi_machine *m, xi_aten_kind kind, xi_value *v)
{
    return xi_machine_good(m) ? xi_aten_dynamic(kind, v) : xi_aten_none();
}

static bool number_graph_one(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *a)
{
    static const char *const reals[][2] = {{"sqrt", "Sqrt"}, {"exp", "Exp"},  {"log", "Log"},
                                           {"sin", "Sin"},   {"cos", "Cos"},  {"tanh", "Tanh"},
                                           {"tan", "Tan"},   {"atan", "Atan"}};
    xi_aten *x = &m->x;
    xi_value *v = xi_machine_scalar(m, a);
    bool real = a->kind == XI_ATEN_DOUBLE;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        if (xi_str_is(name, reals[i][0]))
            return *out = number_dynamic(
                       m, XI_ATEN_DOUBLE,
                       xi_aten_emit1(x, reals[i][1], xi_aten_cast(x, v, XINF_FLOAT64))),
                   true;
    if (xi_str_is(name, "neg"))
        *out = number_dynamic(m, real ? XI_ATEN_DOUBLE : XI_ATEN_INT,
                              xi_aten_emit1(x, "Neg", real ? v : xi_aten_cast(x, v, XINF_INT64)));
    else if (xi_str_is(name, "__not__"))
        *out = number_dynamic(m, XI_ATEN_BOOL,
                              xi_aten_emit1(x, "Not", xi_aten_cast(x, v, XINF_BOOL)));
    else if (xi_str_is(name, "prim::abs") || xi_str_is(name, "abs"))
        *out = number_dynamic(m, a->kind, xi_aten_emit1(x, "Abs", v));
    else if (xi_str_is(name, "floor") || xi_str_is(name, "ceil"))
        *out = number_dynamic(
            m, XI_ATEN_INT,
            real ? xi_aten_cast(x, xi_aten_emit1(x, name.ptr[0] == 'f' ? "Floor" : "Ceil", v),
                                XINF_INT64)
                 : v);
    else if (xi_str_is(name, "round"))
        *out = number_dynamic(m, XI_ATEN_DOUBLE,
                              xi_aten_emit1(x, "Round", xi_aten_cast(x, v, XINF_FLOAT64)));
    else if (xi_str_is(name, "Int") || xi_str_is(name, "IntImplicit"))
        *out = number_dynamic(m, XI_ATEN_INT, xi_aten_cast(x, v, XINF_INT64));
    else if (xi_str_is(name, "Float") || xi_str_is(name, "FloatImplicit"))
        *out = number_dynamic(m, XI_ATEN_DOUBLE, xi_aten_cast(x, v, XINF_FLOAT64));
    else if (xi_str_is(name, "Bool"))
        *out = number_dynamic(m, XI_ATEN_BOOL, xi_aten_cast(x, v, XINF_BOOL));
    else if (xi_str_is(name, "Scalar") || xi_str_is(name, "ScalarImplicit") ||
             xi_str_is(name, "item"))
        *out = *a;
    else
        return false;
    return true;
}

/* Python's quotient of ints goes down, ONNX's towards zero; sizes are never negative. */
static xi_value *number_graph_floor_div(xi_machine *m, const xi_aten_value *a, xi_value *va,
                                        xi_value *vb)
{
    const xi_node *from = va && va->producer ? va->producer : NULL;
    bool size = from && xi_node_is(from, "Gather") && from->inputs[0] &&
                from->inputs[0]->producer && xi_node_is(from->inputs[0]->producer, "Shape");
    if (!size) va = xi_aten_emit2(&m->x, "Sub", va, xi_aten_emit2(&m->x, "Mod", va, vb));
    (void)a;
    return xi_aten_emit2(&m->x, "Div", va, vb);
}

static bool number_graph_two(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *a,
                             const xi_aten_value *b)
{
    static const char *const plain[][2] = {
        {"add", "Add"}, {"sub", "Sub"}, {"mul", "Mul"}, {"prim::min", "Min"}, {"prim::max", "Max"}};
    static const char *const compares[] = {"Equal",       "Equal",   "Less",
                                           "LessOrEqual", "Greater", "GreaterOrEqual"};
    xi_aten *x = &m->x;
    bool bools = a->kind == XI_ATEN_BOOL && b->kind == XI_ATEN_BOOL;
    bool real = a->kind == XI_ATEN_DOUBLE || b->kind == XI_ATEN_DOUBLE;
    xinf_dtype dtype = real ? XINF_FLOAT64 : XINF_INT64;
    int compare = number_compare_op(name);
    bool logic = xi_str_is(name, "__and__") || xi_str_is(name, "__or__") ||
                 xi_str_is(name, "__xor__");
    if (bools && (logic || compare == 0 || compare == 1)) {
        const char *op = xi_str_is(name, "__and__")  ? "And"
                         : xi_str_is(name, "__or__") ? "Or"
                         : logic                     ? "Xor"
                                                     : "Equal";
        xi_value *r = xi_aten_emit2(x, op, xi_machine_scalar(m, a), xi_machine_scalar(m, b));
        *out = number_dynamic(m, XI_ATEN_BOOL, compare == 1 ? xi_aten_emit1(x, "Not", r) : r);
        return true;
    }
    xi_value *va = xi_aten_cast(x, xi_machine_scalar(m, a), dtype),
             *vb = xi_aten_cast(x, xi_machine_scalar(m, b), dtype);
    if (compare >= 0) {
        xi_value *r = xi_aten_emit2(x, compares[compare], va, vb);
        *out = number_dynamic(m, XI_ATEN_BOOL, compare == 1 ? xi_aten_emit1(x, "Not", r) : r);
        return true;
    }
    xi_aten_kind kind = real ? XI_ATEN_DOUBLE : XI_ATEN_INT;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (xi_str_is(name, plain[i][0]))
            return *out = number_dynamic(m, kind, xi_aten_emit2(x, plain[i][1], va, vb)), true;
    if (xi_str_is(name, "rsub"))
        *out = number_dynamic(m, kind, xi_aten_emit2(x, "Sub", vb, va));
    else if (xi_str_is(name, "div"))
        *out = number_dynamic(m, XI_ATEN_DOUBLE,
                              xi_aten_emit2(x, "Div", xi_aten_cast(x, va, XINF_FLOAT64),
                                            xi_aten_cast(x, vb, XINF_FLOAT64)));
    else if (xi_str_is(name, "floordiv") || xi_str_is(name, "floor_divide"))
        *out = number_dynamic(m, kind,
                              real ? xi_aten_emit1(x, "Floor", xi_aten_emit2(x, "Div", va, vb))
                                   : number_graph_floor_div(m, a, va, vb));
    else if (xi_str_is(name, "remainder") && !real)
        *out = number_dynamic(m, kind, xi_aten_emit2(x, "Mod", va, vb));
    else if (xi_str_is(name, "pow"))
        *out = number_dynamic(m, kind, xi_aten_emit2(x, "Pow", va, vb));
    else
        return false;
    return true;
}

/* ---- loops' own arithmetic ---- */

/* How many numbers range(start, end, step) has, and the i-th of them. */
static bool number_range(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *a)
{
    if (xi_str_is(name, "__derive_index")) {
        xi_aten_value product[2] = {a[0], a[2]}, sum[2] = {a[1]};
        sum[1] = xi_machine_operator(m, XI_STR("mul"), product, 2, NULL, 0);
        *out = xi_machine_operator(m, XI_STR("add"), sum, 2, NULL, 0);
        return true;
    }
    if (!xi_str_is(name, "__range_length")) return false;
    if (a[2].scalar || !number_int(&a[2])) {
        xi_machine_fail(m, XINF_UNSUPPORTED, "a range whose step is 0 or only known to a run");
        return true;
    }
    /* −((start − end) // step) and never below 0. */
    xi_aten_value two[2] = {a[0], a[1]};
    two[0] = xi_machine_operator(m, XI_STR("sub"), two, 2, NULL, 0);
    two[1] = a[2];
    two[0] = xi_machine_operator(m, XI_STR("floordiv"), two, 2, NULL, 0);
    two[0] = xi_machine_operator(m, XI_STR("neg"), two, 1, NULL, 0);
    two[1] = xi_aten_int(0);
    *out = xi_machine_operator(m, XI_STR("prim::max"), two, 2, NULL, 0);
    return true;
}

bool xi_machine_number_op(xi_aten_value *out, xi_machine *m, xi_str name, const xi_aten_value *args,
                          int32_t count)
{
    bool known = true;
    if (count < 1 || count > 3) return false;
    for (int32_t i = 0; i < count; i++) {
        if (!number_is(&args[i])) return false;
        known = known && !args[i].scalar;
    }
    if (count == 3) return number_range(out, m, name, args);
    if (xi_str_is(name, "mod")) name = XI_STR("remainder");
    if (count == 1)
        return known ? number_known_one(out, m, name, &args[0])
                     : number_graph_one(out, m, name, &args[0]);
    return known ? number_known_two(out, m, name, &args[0], &args[1])
                 : number_graph_two(out, m, name, &args[0], &args[1]);
}
