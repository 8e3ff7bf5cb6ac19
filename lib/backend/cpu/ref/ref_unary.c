/* ref_unary.c — portable element-by-element kernels of one input. */
#include <math.h>

#include "backend/cpu/ref/ref_map.h"

extern const xi_kernel xk_ref_unary[];

typedef struct unary_params {
    int32_t row, kind, out_kind;
    float alpha, beta;
} unary_params;

#define REAL float
#define FN(name) ref_unary_##name##_f32
#define M(function) function##f
#include "backend/cpu/ref/unary_tmpl.h"

#define REAL double
#define FN(name) ref_unary_##name##_f64
#define M(function) function
#include "backend/cpu/ref/unary_tmpl.h"

/* Integers, in int64: unsigned ones are told from negative ones by the sign of the type, not of the
 * value. */
#define UNARY_INT(name, expression)                                                            \
    static void ref_unary_##name##_int(void *dst, const void *const *src, const int64_t *step, \
                                       int64_t count, const void *arg)                         \
    {                                                                                          \
        const unary_params *p = arg;                                                           \
        const int64_t *from = src[0];                                                          \
        int64_t *to = dst;                                                                     \
        bool u = p->kind == XK_U64;                                                            \
        (void)u;                                                                               \
        for (int64_t i = 0; i < count; i++) {                                                  \
            int64_t x = from[i];                                                               \
            to[i] = expression;                                                                \
        }                                                                                      \
    }

UNARY_INT(abs, x < 0 && !u ? (int64_t)(0 - (uint64_t)x) : x)
UNARY_INT(neg, (int64_t)(0 - (uint64_t)x))
UNARY_INT(sign, x == 0 ? 0 : x < 0 && !u ? -1 : 1)
UNARY_INT(relu, x < 0 && !u ? 0 : x)
UNARY_INT(bitwise_not, ~x)
UNARY_INT(not, x == 0)

/* Through double, as the definition with a float threshold asks. */
static void ref_unary_shrink_int(void *dst, const void *const *src, const int64_t *step,
                                 int64_t count, const void *arg)
{
    const unary_params *p = arg;
    const int64_t *from = src[0];
    int64_t *to = dst;
    for (int64_t i = 0; i < count; i++) {
        double x = p->kind == XK_U64 ? (double)(uint64_t)from[i] : (double)from[i],
               limit = p->alpha, bias = p->beta;
        double y = x < -limit ? x + bias : x > limit ? x - bias : 0;
        to[i] = xi_dtype_load_i64(&y, XINF_FLOAT64, 0);
    }
}

typedef struct unary_row {
    const char *op;
    xk_map_fn f32, f64, whole;
    const char *alpha_name;
    float alpha;
    const char *beta_name;
    float beta;
    bool to_bool;
} unary_row;

#define UNARY_REAL(op, name)                                     \
    {                                                            \
        op, ref_unary_##name##_f32, ref_unary_##name##_f64, NULL \
    }
#define UNARY_BOTH(op, name)                                                       \
    {                                                                              \
        op, ref_unary_##name##_f32, ref_unary_##name##_f64, ref_unary_##name##_int \
    }
#define UNARY_PARAMS(op, name, ...)                                           \
    {                                                                         \
        op, ref_unary_##name##_f32, ref_unary_##name##_f64, NULL, __VA_ARGS__ \
    }

static const unary_row unary_rows[] = {
    UNARY_BOTH("Abs", abs),
    UNARY_BOTH("Neg", neg),
    UNARY_BOTH("Sign", sign),
    UNARY_REAL("Ceil", ceil),
    UNARY_REAL("Floor", floor),
    UNARY_REAL("Round", round),
    UNARY_REAL("Sqrt", sqrt),
    UNARY_REAL("Reciprocal", reciprocal),
    UNARY_REAL("Exp", exp),
    UNARY_REAL("Log", log),
    UNARY_REAL("Sin", sin),
    UNARY_REAL("Cos", cos),
    UNARY_REAL("Tan", tan),
    UNARY_REAL("Asin", asin),
    UNARY_REAL("Acos", acos),
    UNARY_REAL("Atan", atan),
    UNARY_REAL("Sinh", sinh),
    UNARY_REAL("Cosh", cosh),
    UNARY_REAL("Tanh", tanh),
    UNARY_REAL("Asinh", asinh),
    UNARY_REAL("Acosh", acosh),
    UNARY_REAL("Atanh", atanh),
    UNARY_REAL("Erf", erf),
    UNARY_BOTH("Relu", relu),
    UNARY_PARAMS("LeakyRelu", leaky_relu, "alpha", 0.01f, NULL),
    UNARY_PARAMS("Elu", elu, "alpha", 1, NULL),
    UNARY_PARAMS("Selu", selu, "alpha", 1.67326319217681884765625f, "gamma",
                 1.05070102214813232421875f),
    UNARY_PARAMS("Celu", celu, "alpha", 1, NULL),
    UNARY_REAL("Gelu", gelu),
    UNARY_REAL("Sigmoid", sigmoid),
    UNARY_PARAMS("HardSigmoid", hard_sigmoid, "alpha", 0.2f, "beta", 0.5f),
    UNARY_REAL("HardSwish", hard_swish),
    UNARY_REAL("Softplus", softplus),
    UNARY_REAL("Softsign", softsign),
    UNARY_PARAMS("Swish", swish, "alpha", 1, NULL),
    UNARY_REAL("Mish", mish),
    UNARY_PARAMS("ThresholdedRelu", thresholded_relu, "alpha", 1, NULL),
    {"Shrink", ref_unary_shrink_f32, ref_unary_shrink_f64, ref_unary_shrink_int, "lambd", 0.5f,
     "bias", 0},
    {"Not", NULL, NULL, ref_unary_not_int, NULL, 0, NULL, 0, true},
    {"BitwiseNot", NULL, NULL, ref_unary_bitwise_not_int},
    {"IsNaN", ref_unary_is_nan_f32, ref_unary_is_nan_f64, NULL, NULL, 0, NULL, 0, true},
    {"IsInf", ref_unary_is_inf_f32, ref_unary_is_inf_f64, NULL, NULL, 0, NULL, 0, true},
    {"Gelu/tanh", ref_unary_gelu_tanh_f32, ref_unary_gelu_tanh_f64, NULL},
};

static int32_t ref_unary_find(const xi_node *n)
{
    int32_t last = (int32_t)(sizeof unary_rows / sizeof *unary_rows) - 1;
    if (xi_node_is(n, "Gelu") && xi_str_is(xi_node_string(n, "approximate", "none"), "tanh"))
        return last;
    for (int32_t i = 0; i < last; i++)
        if (xi_node_is(n, unary_rows[i].op)) return i;
    return last;
}

static xk_map_fn ref_unary_function(const unary_params *u)
{
    const unary_row *row = &unary_rows[u->row];
    return u->kind == XK_F32 ? row->f32 : u->kind == XK_F64 ? row->f64 : row->whole;
}

static xinf_status ref_unary_prepare(xi_prepare *p, xinf_error *err)
{
    unary_params *u = p->params;
    xinf_dtype d = p->in[0]->dtype;
    xk_kind kind = xk_kind_of(d);
    u->row = ref_unary_find(p->node);
    const unary_row *row = &unary_rows[u->row];
    u->kind = kind == XK_I32 ? XK_I64 : kind;
    u->out_kind = row->to_bool && row->f32 ? XK_I32 : u->kind;
    if (row->alpha_name) u->alpha = xi_node_float(p->node, row->alpha_name, row->alpha);
    if (row->beta_name) u->beta = xi_node_float(p->node, row->beta_name, row->beta);
    if (xi_node_is(p->node, "IsInf")) {
        u->alpha = xi_node_int(p->node, "detect_negative", 1) != 0;
        u->beta = xi_node_int(p->node, "detect_positive", 1) != 0;
    }
    if (kind == XK_NONE || !ref_unary_function(u))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    p->in_place = p->out[0] && p->out[0]->dtype == d;
    return XINF_OK;
}

static xinf_status ref_unary_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const unary_params *u = call->params;
    xk_map m = {.inputs = 1,
                .in_kind = {(xk_kind)u->kind},
                .out_kind = (xk_kind)u->out_kind,
                .fn = ref_unary_function(u),
                .arg = u};
    xk_map_chunk(&m, call, chunk);
    return XINF_OK;
}

#define UNARY_KERNEL(op_name, id)                                                   \
    {                                                                               \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",         \
        .prepare = ref_unary_prepare, .extent = xk_map_extent, .run = ref_unary_run \
    }

const xi_kernel xk_ref_unary[] = {
    UNARY_KERNEL("Abs", "abs"),
    UNARY_KERNEL("Neg", "neg"),
    UNARY_KERNEL("Sign", "sign"),
    UNARY_KERNEL("Ceil", "ceil"),
    UNARY_KERNEL("Floor", "floor"),
    UNARY_KERNEL("Round", "round"),
    UNARY_KERNEL("Sqrt", "sqrt"),
    UNARY_KERNEL("Reciprocal", "reciprocal"),
    UNARY_KERNEL("Exp", "exp"),
    UNARY_KERNEL("Log", "log"),
    UNARY_KERNEL("Sin", "sin"),
    UNARY_KERNEL("Cos", "cos"),
    UNARY_KERNEL("Tan", "tan"),
    UNARY_KERNEL("Asin", "asin"),
    UNARY_KERNEL("Acos", "acos"),
    UNARY_KERNEL("Atan", "atan"),
    UNARY_KERNEL("Sinh", "sinh"),
    UNARY_KERNEL("Cosh", "cosh"),
    UNARY_KERNEL("Tanh", "tanh"),
    UNARY_KERNEL("Asinh", "asinh"),
    UNARY_KERNEL("Acosh", "acosh"),
    UNARY_KERNEL("Atanh", "atanh"),
    UNARY_KERNEL("Erf", "erf"),
    UNARY_KERNEL("Relu", "relu"),
    UNARY_KERNEL("LeakyRelu", "leaky_relu"),
    UNARY_KERNEL("Elu", "elu"),
    UNARY_KERNEL("Selu", "selu"),
    UNARY_KERNEL("Celu", "celu"),
    UNARY_KERNEL("Gelu", "gelu"),
    UNARY_KERNEL("Sigmoid", "sigmoid"),
    UNARY_KERNEL("HardSigmoid", "hard_sigmoid"),
    UNARY_KERNEL("HardSwish", "hard_swish"),
    UNARY_KERNEL("Softplus", "softplus"),
    UNARY_KERNEL("Softsign", "softsign"),
    UNARY_KERNEL("Swish", "swish"),
    UNARY_KERNEL("Mish", "mish"),
    UNARY_KERNEL("ThresholdedRelu", "thresholded_relu"),
    UNARY_KERNEL("Shrink", "shrink"),
    UNARY_KERNEL("Not", "not"),
    UNARY_KERNEL("BitwiseNot", "bitwise_not"),
    UNARY_KERNEL("IsNaN", "is_nan"),
    UNARY_KERNEL("IsInf", "is_inf"),
    {0},
};

#undef UNARY_INT
#undef UNARY_REAL
#undef UNARY_BOTH
#undef UNARY_PARAMS
#undef UNARY_KERNEL
