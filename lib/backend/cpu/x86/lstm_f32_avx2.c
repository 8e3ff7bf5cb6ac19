/* lstm_f32_avx2.c — LSTM with constant weights and the usual activations, all directions.
 *
 * Phase 0 computes the input's part of all gates for all steps as one product (chunks: direction ×
 * 6-row tiles of steps); phase 1 walks the steps, one chunk a direction and sequence of the batch.
 * Gates lie as ONNX has them: input, output, forget, cell. Packed weights of a direction: panels
 * [4H/64][k][64] of W, then of R, then 4H biases (Wb + Rb). */
#include "base/checked.h"
#include "base/cpu.h"
#include "plan/kernel.h"

#include "backend/cpu/x86/gates_avx2.h"

typedef struct lstm8_params {
    int32_t directions, reverse_first, hidden, input, has_bias;
} lstm8_params;

static xinf_status lstm8_refuse(xi_prepare *p, xinf_error *err)
{
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                          "not a plain float32 LSTM with constant weights");
}

static bool lstm8_is_plain(const xi_node *n)
{
    const xi_attr *a = xi_node_attr(n, "activations");
    static const char *const usual[3] = {"Sigmoid", "Tanh", "Tanh"};
    for (int32_t i = 0; a && i < a->count; i++)
        if (a->type != XI_ATTR_STRINGS || !xi_str_is(a->strings[i], usual[i % 3])) return false;
    return !xi_node_has(n, "clip") && !xi_node_int(n, "input_forget", 0) &&
           !xi_node_int(n, "layout", 0) && !xi_node_has(n, "activation_alpha") &&
           !xi_node_has(n, "activation_beta");
}

static xinf_status lstm8_prepare(xi_prepare *p, xinf_error *err)
{
    lstm8_params *c = p->params;
    const xi_operand *w = p->in[1], *r = p->in[2], *b = p->in_count > 3 ? p->in[3] : NULL;
    xi_str direction = xi_node_string(p->node, "direction", "forward");
    if (p->in[0]->dtype != XINF_FLOAT32 || !w->data || !r->data || (b && !b->data) ||
        w->shape.rank != 3 || r->shape.rank != 3 || !lstm8_is_plain(p->node))
        return lstm8_refuse(p, err);
    for (int32_t i = 4; i < p->in_count; i++)
        if (p->in[i] && (i == 4 || i == 7)) return lstm8_refuse(p, err);
    c->directions = (int32_t)w->shape.dim[0];
    c->reverse_first = xi_str_is(direction, "reverse");
    c->hidden = (int32_t)r->shape.dim[2];
    c->input = (int32_t)w->shape.dim[2];
    c->has_bias = b != NULL;
    if (c->hidden % 16 || c->hidden < 16 || c->hidden > 16384 || c->input < 1 || c->input > 65536 ||
        w->shape.dim[1] != 4 * (int64_t)c->hidden)
        return lstm8_refuse(p, err);
    size_t gates = 4 * (size_t)c->hidden, size;
    if (!xi_mul_size(gates * 4, (size_t)c->input + (size_t)c->hidden + 1, &size) ||
        !xi_mul_size(size, (size_t)c->directions, &size))
        return xi_fail(err, XINF_LIMIT, "weights are too large");
    p->packed_size = size;
    p->packed_inputs = b ? 14 : 6;
    return XINF_OK;
}

static xinf_status lstm8_pack(const void *params, const xi_node *n, const xi_operand *const *in,
                              void *dst, xinf_error *err)
{
    const lstm8_params *c = params;
    int64_t gates = 4 * (int64_t)c->hidden;
    float *at = dst;
    for (int64_t d = 0; d < c->directions; d++) {
        at = xk_gates_pack((const char *)in[1]->data + 4 * d * gates * c->input, gates, c->input,
                           at);
        at = xk_gates_pack((const char *)in[2]->data + 4 * d * gates * c->hidden, gates, c->hidden,
                           at);
        for (int64_t g = 0; g < gates; g++, at++) {
            float one, two;
            if (!c->has_bias) continue;
            memcpy(&one, (const char *)in[3]->data + 4 * (2 * d * gates + g), 4);
            memcpy(&two, (const char *)in[3]->data + 4 * (2 * d * gates + gates + g), 4);
            *at = one + two;
        }
    }
    return XINF_OK;
}

typedef struct lstm8_shape {
    int64_t steps, batch, rows, gates, direction_floats;
} lstm8_shape;

static lstm8_shape lstm8_of(const lstm8_params *p, const xi_operand *x)
{
    lstm8_shape s = {
        .steps = x->shape.dim[0], .batch = x->shape.dim[1], .gates = 4 * (int64_t)p->hidden};
    s.rows = s.steps * s.batch;
    s.direction_floats = s.gates * (p->input + p->hidden + 1);
    return s;
}

static xinf_status lstm8_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                int32_t width, xi_extent *e, xinf_error *err)
{
    const lstm8_params *p = params;
    lstm8_shape s = lstm8_of(p, in[0]);
    e->phases = 2;
    e->chunks[0] = (int32_t)(p->directions * (s.gates / 64));
    e->chunks[1] = (int32_t)(p->directions * s.batch);
    if (!xi_mul_size((size_t)(p->directions * s.gates) * 4, (size_t)s.rows, &e->shared))
        return xi_fail(err, XINF_LIMIT, "an LSTM is too large");
    e->scratch = (size_t)(s.gates + 2 * p->hidden) * 4;
    e->flops = (uint64_t)(2 * p->directions * s.rows * s.gates * (p->input + p->hidden));
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

static void lstm8_project(const lstm8_params *p, const lstm8_shape *s, const xi_call *call,
                          int64_t chunk)
{
    int64_t panels = s->gates / 64, d = chunk / panels, panel = chunk % panels;
    const float *packed = (const float *)call->packed + d * s->direction_floats;
    xk_gates_panel(call->in[0]->data, s->rows, p->input, packed + panel * 64 * p->input,
                   packed + s->gates * (p->input + p->hidden) + panel * 64,
                   (float *)call->shared + d * s->rows * s->gates + panel * 64, s->gates);
}

/* c = f·c + i·g, h = o·tanh(c) */
static void lstm8_gates(const float *z, float *h, float *c, int64_t n)
{
    for (int64_t k = 0; k < n; k += 8) {
        __m256 i = xk_sigmoid8(_mm256_loadu_ps(z + k)), o = xk_sigmoid8(_mm256_loadu_ps(z + n + k)),
               f = xk_sigmoid8(_mm256_loadu_ps(z + 2 * n + k));
        __m256 g = xk_tanh8(_mm256_loadu_ps(z + 3 * n + k));
        __m256 v = _mm256_fmadd_ps(f, _mm256_loadu_ps(c + k), _mm256_mul_ps(i, g));
        _mm256_storeu_ps(c + k, v);
        _mm256_storeu_ps(h + k, _mm256_mul_ps(o, xk_tanh8(v)));
    }
}

static void lstm8_walk(const lstm8_params *p, const lstm8_shape *s, const xi_call *call,
                       int64_t chunk, float *scratch)
{
    int64_t d = chunk / s->batch, b = chunk % s->batch, n = p->hidden;
    bool backwards = d == 1 || p->reverse_first;
    const float *r = (const float *)call->packed + d * s->direction_floats + s->gates * p->input;
    const float *z = (const float *)call->shared + d * s->rows * s->gates;
    float *gates = scratch, *h = gates + s->gates, *c = h + n;
    xk_gates_start(call, 5, chunk * n, h, n);
    xk_gates_start(call, 6, chunk * n, c, n);
    for (int64_t i = 0; i < s->steps; i++) {
        int64_t t = backwards ? s->steps - 1 - i : i, row = t * s->batch + b;
        for (int64_t panel = 0; panel < s->gates / 64; panel++)
            xk_gates_column(h, n, r + panel * 64 * n, z + row * s->gates + panel * 64,
                            gates + panel * 64);
        lstm8_gates(gates, h, c, n);
        xk_gates_finish(call, 0, ((t * p->directions + d) * s->batch + b) * n, h, n);
    }
    xk_gates_finish(call, 1, chunk * n, h, n);
    xk_gates_finish(call, 2, chunk * n, c, n);
}

static xinf_status lstm8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                             xinf_error *err)
{
    const lstm8_params *p = call->params;
    lstm8_shape s = lstm8_of(p, call->in[0]);
    if (phase == 0)
        lstm8_project(p, &s, call, chunk);
    else
        lstm8_walk(p, &s, call, chunk, scratch);
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_lstm[];

const xi_kernel xk_avx2_lstm[] = {
    {.op = "LSTM",
     .name = "xk_lstm_f32_packed__avx2",
     .isa = XI_ISA_AVX2,
     .prepare = lstm8_prepare,
     .pack = lstm8_pack,
     .extent = lstm8_extent,
     .run = lstm8_run},
    {0},
};
