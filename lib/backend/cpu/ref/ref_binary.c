/* ref_binary.c — portable kernels of arithmetic with broadcasting. */
#include <math.h>

#include "backend/cpu/ref/ref_binary.h"

extern const xi_kernel xk_ref_binary[];

typedef struct ref_binary_params {
    int32_t what, kind; /* of xk_binary and xk_kind */
    int32_t bits;       /* BitShift: of the type; negative: to the right */
} ref_binary_params;

static xinf_status ref_binary_find(const xi_prepare *p, xk_binary *out)
{
    static const struct {
        const char *op;
        xk_binary what;
    } rows[] = {{"Add", XK_ADD},          {"Sub", XK_SUB},
                {"Mul", XK_MUL},          {"Div", XK_DIV},
                {"Mod", XK_MOD},          {"Pow", XK_POW},
                {"PRelu", XK_PRELU},      {"BitwiseAnd", XK_BIT_AND},
                {"BitwiseOr", XK_BIT_OR}, {"BitwiseXor", XK_BIT_XOR}};
    *out = XK_ADD;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (xi_node_is(p->node, rows[i].op)) *out = rows[i].what;
    if (*out == XK_MOD && xi_node_int(p->node, "fmod", 0)) *out = XK_FMOD;
    return XINF_OK;
}

static xinf_status ref_binary_prepare(xi_prepare *p, xinf_error *err)
{
    ref_binary_params *b = p->params;
    xk_binary what;
    xinf_dtype d = p->in[0]->dtype;
    ref_binary_find(p, &what);
    b->what = what;
    b->kind = xk_kind_of(d);
    if (what == XK_POW) {
        /* Bases and exponents of different types meet in double unless both are whole. */
        xk_kind other = xk_kind_of(p->in[1]->dtype);
        bool whole = b->kind >= XK_I32 && other >= XK_I32;
        if (other == XK_NONE) b->kind = XK_NONE;
        if (whole && (other != (xk_kind)b->kind || b->kind == XK_I32)) b->kind = XK_I64;
        if (!whole && other != (xk_kind)b->kind) b->kind = XK_F64;
    }
    if (!xk_binary_function(what, (xk_kind)b->kind))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtypes %s and %s",
                              xinf_dtype_name(d), xinf_dtype_name(p->in[1]->dtype));
    p->in_place = 1 | (p->in[1]->dtype == d ? 2u : 0u);
    return XINF_OK;
}

static xinf_status ref_binary_check_divisor(const xi_call *call)
{
    const xi_operand *b = call->in[1];
    size_t size = xinf_dtype_size(b->dtype);
    const char *at = b->data;
    static const char zero[8];
    for (int64_t i = 0; i < b->count; i++, at += size)
        if (memcmp(at, zero, size) == 0) return XINF_RUN_ERROR;
    return XINF_OK;
}

static xinf_status ref_binary_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const ref_binary_params *b = call->params;
    xk_kind kind = (xk_kind)b->kind;
    xk_map m = {.inputs = 2,
                .in_kind = {kind, kind},
                .out_kind = kind,
                .fn = xk_binary_function((xk_binary)b->what, kind)};
    bool divides = b->what == XK_DIV || b->what == XK_MOD || b->what == XK_FMOD;
    if (divides && kind >= XK_I32 && call->out[0]->count &&
        ref_binary_check_divisor(call) != XINF_OK)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "division of integers by zero");
    xk_map_chunk(&m, call, chunk);
    return XINF_OK;
}

/* Shifts by the type's width or more leave only the sign. */
static void ref_shift(void *dst, const void *const *src, const int64_t *step, int64_t count,
                      const void *arg)
{
    const ref_binary_params *b = arg;
    const int64_t *x = src[0], *y = src[1];
    int64_t *to = dst, bits = b->bits < 0 ? -b->bits : b->bits;
    for (int64_t i = 0; i < count; i++) {
        int64_t v = x[i * step[0]], by = y[i * step[1]];
        bool over = by < 0 || by >= bits;
        if (b->bits > 0)
            to[i] = over ? 0 : (int64_t)((uint64_t)v << by);
        else if (b->kind == XK_U64)
            to[i] = over ? 0 : (int64_t)((uint64_t)v >> by);
        else
            to[i] = over ? -(v < 0) : v >> by;
    }
}

static xinf_status ref_shift_prepare(xi_prepare *p, xinf_error *err)
{
    ref_binary_params *b = p->params;
    xinf_dtype d = p->in[0]->dtype;
    if (!xi_dtype_is_int(d))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    b->kind = d == XINF_UINT64 ? XK_U64 : XK_I64;
    b->bits = xi_dtype_bits(d);
    if (xi_str_is(xi_node_string(p->node, "direction", ""), "RIGHT")) b->bits = -b->bits;
    p->in_place = 3;
    return XINF_OK;
}

static xinf_status ref_shift_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const ref_binary_params *b = call->params;
    xk_kind kind = (xk_kind)b->kind;
    xk_map m = {.inputs = 2, .in_kind = {kind, kind}, .out_kind = kind, .fn = ref_shift, .arg = b};
    xk_map_chunk(&m, call, chunk);
    return XINF_OK;
}

#define BINARY_KERNEL(op_name, id)                                                    \
    {                                                                                 \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",           \
        .prepare = ref_binary_prepare, .extent = xk_map_extent, .run = ref_binary_run \
    }

const xi_kernel xk_ref_binary[] = {
    BINARY_KERNEL("Add", "add"),
    BINARY_KERNEL("Sub", "sub"),
    BINARY_KERNEL("Mul", "mul"),
    BINARY_KERNEL("Div", "div"),
    BINARY_KERNEL("Mod", "mod"),
    BINARY_KERNEL("Pow", "pow"),
    BINARY_KERNEL("PRelu", "prelu"),
    BINARY_KERNEL("BitwiseAnd", "bitwise_and"),
    BINARY_KERNEL("BitwiseOr", "bitwise_or"),
    BINARY_KERNEL("BitwiseXor", "bitwise_xor"),
    {.op = "BitShift",
     .domain = "",
     .name = "xk_bit_shift_any_ref__portable",
     .prepare = ref_shift_prepare,
     .extent = xk_map_extent,
     .run = ref_shift_run},
    {0},
};

#undef BINARY_KERNEL
