/* ref_compare.c — portable comparisons and logic with broadcasting. */
#include "backend/cpu/ref/ref_binary.h"

extern const xi_kernel xk_ref_compare[];

typedef struct ref_compare_params {
    int32_t what, kind;
} ref_compare_params;

static xinf_status ref_compare_prepare(xi_prepare *p, xinf_error *err)
{
    static const struct {
        const char *op;
        xk_binary what;
    } rows[] = {{"Equal", XK_EQUAL},
                {"Less", XK_LESS},
                {"Greater", XK_GREATER},
                {"LessOrEqual", XK_LESS_OR_EQUAL},
                {"GreaterOrEqual", XK_GREATER_OR_EQUAL},
                {"And", XK_BIT_AND},
                {"Or", XK_BIT_OR},
                {"Xor", XK_BIT_XOR}};
    ref_compare_params *c = p->params;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (xi_node_is(p->node, rows[i].op)) c->what = rows[i].what;
    c->kind = xk_kind_of(p->in[0]->dtype);
    bool strings = p->in[0]->dtype == XINF_STRING && c->what == XK_EQUAL;
    if (!strings && !xk_binary_function((xk_binary)c->what, (xk_kind)c->kind))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    p->in_place = p->in[0]->dtype == XINF_BOOL ? 3 : 0;
    return XINF_OK;
}

/* The index of the element of input k that belongs to element i of the output. */
static int64_t ref_compare_at(const xk_spread *w, int32_t k, int64_t i)
{
    int64_t at = 0;
    for (int32_t d = w->rank - 1; d >= 0; d--) {
        at += i % w->dim[d] * w->stride[k][d];
        i /= w->dim[d];
    }
    return at;
}

static void ref_compare_strings(const xi_call *call)
{
    xk_spread w;
    const xi_str *a = call->in[0]->data, *b = call->in[1]->data;
    uint8_t *dst = call->out[0]->data;
    xk_spread_init(&w, 2, call->in, &call->out[0]->shape);
    for (int64_t i = 0; i < call->out[0]->count; i++)
        dst[i] = xi_str_eq(a[ref_compare_at(&w, 0, i)], b[ref_compare_at(&w, 1, i)]);
}

static xinf_status ref_compare_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                   xinf_error *err)
{
    const ref_compare_params *c = call->params;
    xk_kind kind = (xk_kind)c->kind;
    if (kind == XK_NONE) {
        if (chunk == 0) ref_compare_strings(call);
        return XINF_OK;
    }
    xk_map m = {.inputs = 2,
                .in_kind = {kind, kind},
                .out_kind = XK_I32,
                .fn = xk_binary_function((xk_binary)c->what, kind)};
    xk_map_chunk(&m, call, chunk);
    return XINF_OK;
}

#define COMPARE_KERNEL(op_name, id)                                                     \
    {                                                                                   \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",             \
        .prepare = ref_compare_prepare, .extent = xk_map_extent, .run = ref_compare_run \
    }

const xi_kernel xk_ref_compare[] = {
    COMPARE_KERNEL("Equal", "equal"),
    COMPARE_KERNEL("Less", "less"),
    COMPARE_KERNEL("Greater", "greater"),
    COMPARE_KERNEL("LessOrEqual", "less_or_equal"),
    COMPARE_KERNEL("GreaterOrEqual", "greater_or_equal"),
    COMPARE_KERNEL("And", "and"),
    COMPARE_KERNEL("Or", "or"),
    COMPARE_KERNEL("Xor", "xor"),
    {0},
};

#undef COMPARE_KERNEL
