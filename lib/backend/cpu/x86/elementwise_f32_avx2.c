/* elementwise_f32_avx2.c — activations and arithmetic in whatever layout the operands have. */
#include "base/cpu.h"
#include "plan/kernel.h"

#include "backend/cpu/x86/vec_avx2.h"

enum { EW_CHUNK = 32768 };

/* How the second operand lies over the first. */
enum { EW_SAME, EW_SCALAR, EW_LAST, EW_CHANNEL };

typedef struct ew_params {
    int32_t op, pattern, swapped; /* op: of binary; swapped: the larger operand is input 1 */
    xi_activation act;
} ew_params;

enum { EW_ADD, EW_SUB, EW_MUL, EW_DIV };

static xinf_status ew_refuse(xi_prepare *p, xinf_error *err)
{
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                          "not a float32 operation of a usual pattern");
}

/* ---- one input ---- */

/* Activations keep zero padding zero, or the channels fill their groups. */
static bool ew_keeps_layout(const xi_operand *x, bool zero_stays)
{
    return x->layout == XI_LAYOUT_ROW ||
           (x->layout == XI_LAYOUT_C8 && x->shape.rank >= 2 &&
            (zero_stays || x->shape.dim[1] % 8 == 0) && x->shape.dim[1] > 0);
}

static bool ew_activation(xi_activation *a, const xi_prepare *p)
{
    const xi_node *n = p->node;
    if (xi_node_is(n, "Clip")) {
        const xi_operand *lo = p->in_count > 1 ? p->in[1] : NULL,
                         *hi = p->in_count > 2 ? p->in[2] : NULL;
        if ((lo && (!lo->data || lo->dtype != XINF_FLOAT32)) ||
            (hi && (!hi->data || hi->dtype != XINF_FLOAT32)))
            return false;
        *a = (xi_activation){XI_ACTIVATION_CLIP, -3.40282347e38f, 3.40282347e38f};
        if (lo) memcpy(&a->alpha, lo->data, 4);
        if (hi) memcpy(&a->beta, hi->data, 4);
        return true;
    }
    if (!xi_activation_find(a, n->op_name, NULL) || !xk_act8_takes(a->kind)) return false;
    a->alpha = xi_node_float(n, "alpha", a->alpha);
    a->beta = xi_node_float(n, "beta", a->beta);
    if (xi_node_is(n, "Gelu") && xi_str_is(xi_node_string(n, "approximate", "none"), "tanh"))
        a->kind = XI_ACTIVATION_GELU_TANH;
    return true;
}

static xinf_status ew_unary_prepare(xi_prepare *p, xinf_error *err)
{
    ew_params *c = p->params;
    const xi_operand *x = p->in[0];
    if (x->dtype != XINF_FLOAT32 || !ew_activation(&c->act, p)) return ew_refuse(p, err);
    int32_t k = c->act.kind;
    bool zero_stays = k == XI_ACTIVATION_RELU || k == XI_ACTIVATION_LEAKY_RELU ||
                      k == XI_ACTIVATION_HARD_SWISH || k == XI_ACTIVATION_TANH ||
                      k == XI_ACTIVATION_GELU || k == XI_ACTIVATION_GELU_TANH ||
                      k == XI_ACTIVATION_SWISH ||
                      (k == XI_ACTIVATION_CLIP && c->act.alpha <= 0 && c->act.beta >= 0);
    if (ew_keeps_layout(x, zero_stays)) p->in_layout[0] = p->out_layout[0] = x->layout;
    p->in_place = 1;
    return XINF_OK;
}

static int64_t ew_count(const xi_operand *o)
{
    int64_t n = 0;
    return xi_layout_count(o->layout, &o->shape, &n) ? n : 0;
}

static xinf_status ew_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                             int32_t width, xi_extent *e, xinf_error *err)
{
    e->chunks[0] = (int32_t)((ew_count(out[0]) + EW_CHUNK - 1) / EW_CHUNK);
    return XINF_OK;
}

/* ---- two inputs ---- */

static bool ew_pattern(const xi_operand *big, const xi_operand *small, int32_t *pattern)
{
    const xi_shape *a = &big->shape, *b = &small->shape;
    if (a->rank < 0 || b->rank < 0 || b->rank > a->rank) return false;
    bool same = a->rank == b->rank, one = true;
    for (int32_t i = 0; i < b->rank; i++) {
        /* Symbols are equal sizes; unknown dimensions tell nothing. */
        same = same && a->dim[i] == b->dim[i] && a->dim[i] != XI_DIM_UNKNOWN;
        one = one && b->dim[i] == 1;
    }
    if (same || one) {
        *pattern = same ? EW_SAME : EW_SCALAR;
        return true;
    }
    int32_t skip = a->rank - b->rank;
    bool last = b->rank >= 1 && b->dim[b->rank - 1] == a->dim[a->rank - 1] &&
                b->dim[b->rank - 1] > 1,
         channel = a->rank == 4 && b->rank >= 3;
    for (int32_t i = 0; i < b->rank; i++) {
        if (i < b->rank - 1) last = last && b->dim[i] == 1;
        int64_t want = i + skip == 1 ? a->dim[1] : i + skip == 0 ? a->dim[0] : 1;
        channel = channel && want != XI_DIM_UNKNOWN && b->dim[i] == want;
    }
    if (a->rank != b->rank && a->dim[0] != 1) channel = false;
    *pattern = last ? EW_LAST : EW_CHANNEL;
    return last || channel;
}

static xinf_status ew_binary_prepare(xi_prepare *p, xinf_error *err)
{
    ew_params *c = p->params;
    const xi_operand *a = p->in[0], *b = p->in[1];
    if (a->dtype != XINF_FLOAT32 || b->dtype != XINF_FLOAT32) return ew_refuse(p, err);
    c->op = xi_node_is(p->node, "Add")   ? EW_ADD
            : xi_node_is(p->node, "Sub") ? EW_SUB
            : xi_node_is(p->node, "Mul") ? EW_MUL
                                         : EW_DIV;
    if (!ew_pattern(a, b, &c->pattern)) {
        if (!ew_pattern(b, a, &c->pattern)) return ew_refuse(p, err);
        c->swapped = 1;
    }
    int32_t big = c->swapped, small = !big, layout = p->in[big]->layout;
    bool blocked = layout == XI_LAYOUT_C8 ||
                   (c->pattern == EW_SAME && p->in[small]->layout == XI_LAYOUT_C8);
    blocked = blocked && p->in[big]->shape.rank == 4 && p->in[big]->shape.dim[1] > 0 &&
              c->op != EW_DIV;
    /* Padding stays zero under Add, Sub and Mul of padding; a scalar would fill it. */
    if (c->pattern == EW_SCALAR && c->op != EW_MUL)
        blocked = blocked && p->in[big]->shape.dim[1] % 8 == 0;
    if (c->pattern == EW_LAST) blocked = false;
    if (c->pattern == EW_CHANNEL && !blocked) return ew_refuse(p, err);
    if (blocked) {
        p->in_layout[big] = p->out_layout[0] = XI_LAYOUT_C8;
        if (c->pattern == EW_SAME || c->pattern == EW_CHANNEL) p->in_layout[small] = XI_LAYOUT_C8;
        if (c->pattern == EW_CHANNEL && p->in[small]->shape.rank != 4) return ew_refuse(p, err);
    }
    p->in_place = 1u << big;
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

static void ew_unary_span(const float *src, float *dst, int64_t count, xi_activation a)
{
    int64_t whole = count / 8 * 8;
    xk_act8_span(src, dst, whole / 8, a, xk_mask8(8));
    if (whole == count) return;
    _Alignas(32) float rest[8];
    __m256i mask = xk_mask8(count - whole);
    _mm256_store_ps(rest, _mm256_maskload_ps(src + whole, mask));
    xk_act8_span(rest, rest, 1, a, mask);
    _mm256_maskstore_ps(dst + whole, mask, _mm256_load_ps(rest));
}

static xinf_status ew_unary_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const ew_params *p = call->params;
    int64_t count = ew_count(call->out[0]), first = (int64_t)chunk * EW_CHUNK,
            n = count - first < EW_CHUNK ? count - first : EW_CHUNK;
    ew_unary_span((const float *)call->in[0]->data + first, (float *)call->out[0]->data + first, n,
                  p->act);
    return XINF_OK;
}

XK_INLINE __m256 ew_apply(int32_t op, __m256 a, __m256 b)
{
    return op == EW_ADD   ? _mm256_add_ps(a, b)
           : op == EW_SUB ? _mm256_sub_ps(a, b)
           : op == EW_MUL ? _mm256_mul_ps(a, b)
                          : _mm256_div_ps(a, b);
}

/* b: a vector of its own for each element, or always the same eight numbers (b_step 0). */
XK_INLINE void ew_span_op(int32_t op, const float *a, int64_t a_step, const float *b,
                          int64_t b_step, float *dst, int64_t count)
{
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(dst + i, ew_apply(op, _mm256_loadu_ps(a + i * a_step),
                                           _mm256_loadu_ps(b + i * b_step)));
    if (i == count) return;
    __m256i mask = xk_mask8(count - i);
    _mm256_maskstore_ps(dst + i, mask,
                        ew_apply(op, _mm256_maskload_ps(a + i * a_step, mask),
                                 _mm256_maskload_ps(b + i * b_step, mask)));
}

static void ew_span(int32_t op, const float *a, int64_t a_step, const float *b, int64_t b_step,
                    float *dst, int64_t count)
{
    switch (op) {
    case EW_ADD: ew_span_op(EW_ADD, a, a_step, b, b_step, dst, count); break;
    case EW_SUB: ew_span_op(EW_SUB, a, a_step, b, b_step, dst, count); break;
    case EW_MUL: ew_span_op(EW_MUL, a, a_step, b, b_step, dst, count); break;
    default: ew_span_op(EW_DIV, a, a_step, b, b_step, dst, count); break;
    }
}

/* Part of the large operand with `small` (its step 0 or 1) as the other side. */
static void ew_oriented(const ew_params *p, const float *big, const float *small,
                        int64_t small_step, float *dst, int64_t count)
{
    if (p->swapped)
        ew_span(p->op, small, small_step, big, 1, dst, count);
    else
        ew_span(p->op, big, 1, small, small_step, dst, count);
}

static xinf_status ew_binary_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const ew_params *p = call->params;
    const xi_operand *x = call->in[p->swapped], *y = call->in[!p->swapped];
    int64_t count = ew_count(call->out[0]), first = (int64_t)chunk * EW_CHUNK,
            last = first + EW_CHUNK < count ? first + EW_CHUNK : count;
    const float *big = x->data, *small = y->data;
    float *dst = call->out[0]->data, eight[8];
    if (p->pattern == EW_SAME) {
        ew_oriented(p, big + first, small + first, 1, dst + first, last - first);
    } else if (p->pattern == EW_SCALAR) {
        for (int i = 0; i < 8; i++) eight[i] = small[0];
        ew_oriented(p, big + first, eight, 0, dst + first, last - first);
    } else if (p->pattern == EW_LAST) {
        int64_t width = x->shape.dim[x->shape.rank - 1];
        for (int64_t i = first; i < last;) {
            int64_t column = i % width, n = width - column < last - i ? width - column : last - i;
            ew_oriented(p, big + i, small + column, 1, dst + i, n);
            i += n;
        }
    } else {
        int64_t plane = x->shape.dim[2] * x->shape.dim[3] * 8;
        for (int64_t i = first; i < last;) {
            int64_t group = i / plane, end = (group + 1) * plane, n = (end < last ? end : last) - i;
            ew_oriented(p, big + i, small + group * 8, 0, dst + i, n);
            i += n;
        }
    }
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_elementwise[];

#define EW_UNARY(operator, kernel)                                             \
    {                                                                          \
        .op = operator, .name = "xk_" kernel "_f32__avx2", .isa = XI_ISA_AVX2, \
        .prepare = ew_unary_prepare, .extent = ew_extent, .run = ew_unary_run  \
    }
#define EW_BINARY(operator, kernel)                                             \
    {                                                                           \
        .op = operator, .name = "xk_" kernel "_f32__avx2", .isa = XI_ISA_AVX2,  \
        .prepare = ew_binary_prepare, .extent = ew_extent, .run = ew_binary_run \
    }

const xi_kernel xk_avx2_elementwise[] = {
    EW_UNARY("Relu", "relu"),
    EW_UNARY("LeakyRelu", "leaky_relu"),
    EW_UNARY("Clip", "clip"),
    EW_UNARY("Sigmoid", "sigmoid"),
    EW_UNARY("HardSigmoid", "hard_sigmoid"),
    EW_UNARY("HardSwish", "hard_swish"),
    EW_UNARY("Tanh", "tanh"),
    EW_UNARY("Gelu", "gelu"),
    EW_UNARY("Swish", "swish"),
    EW_BINARY("Add", "add"),
    EW_BINARY("Sub", "sub"),
    EW_BINARY("Mul", "mul"),
    EW_BINARY("Div", "div"),
    {0},
};

#undef EW_UNARY
#undef EW_BINARY
