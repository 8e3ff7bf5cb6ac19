/* ref_rnn.c — LSTM, GRU and RNN: one sequence of one direction after the other; sequences are
 * shared out to the workers. */
#include "backend/cpu/ref/ref_activation.h"
#include "backend/cpu/ref/ref_block.h"
#include "graph/op/rnn.h"

extern const xi_kernel xk_ref_rnn[];

typedef struct rnn_params {
    xi_rnn r;
    int32_t kind;
} rnn_params;

typedef struct rnn_call {
    int64_t steps, batch, input, hidden;
} rnn_call;

enum { RNN_W = 1, RNN_R = 2, RNN_B = 3, RNN_LENGTHS = 4, RNN_H = 5, RNN_C = 6, RNN_P = 7 };

static rnn_call ref_rnn_sizes(const xi_rnn *r, const xi_operand *x, const xi_operand *recurrent)
{
    return (rnn_call){x->shape.dim[r->batch_first ? 1 : 0], x->shape.dim[r->batch_first ? 0 : 1],
                      x->shape.dim[2], recurrent->shape.dim[2]};
}

static const xi_operand *ref_rnn_in(const xi_call *call, int32_t i)
{
    return i < call->in_count ? call->in[i] : NULL;
}

/* The weights in the computing type: as they are, or where phase 0 converted them to. */
static const void *ref_rnn_weight(const rnn_params *u, const xi_call *call, int32_t which)
{
    static const int32_t order[] = {RNN_W, RNN_R, RNN_B, RNN_P};
    const xi_operand *o = ref_rnn_in(call, which);
    size_t at = 0;
    if (!o || xk_kind_native((xk_kind)u->kind, o->dtype)) return o ? o->data : NULL;
    for (int32_t i = 0; order[i] != which; i++)
        if (ref_rnn_in(call, order[i])) at += (size_t)ref_rnn_in(call, order[i])->count;
    return (char *)call->shared + at * xk_kind_size((xk_kind)u->kind);
}

static void ref_rnn_convert(const rnn_params *u, const xi_call *call)
{
    static const int32_t order[] = {RNN_W, RNN_R, RNN_B, RNN_P};
    char *to = call->shared;
    for (int32_t i = 0; i < 4; i++) {
        const xi_operand *o = ref_rnn_in(call, order[i]);
        if (!o) continue;
        xk_block_load(to, (xk_kind)u->kind, o->data, o->dtype, 0, 1, o->count);
        to += (size_t)o->count * xk_kind_size((xk_kind)u->kind);
    }
}

static void ref_rnn_store(const xi_call *call, int32_t output, int64_t at, const void *src,
                          xk_kind kind, int64_t count)
{
    const xi_operand *o = output < call->out_count ? call->out[output] : NULL;
    if (o) xk_block_store(o->data, o->dtype, at, 1, src, kind, count);
}

static xinf_status ref_rnn_length(int64_t *length, const xi_call *call, int64_t item,
                                  xinf_error *err)
{
    const xi_operand *o = ref_rnn_in(call, RNN_LENGTHS);
    if (!o) return XINF_OK;
    int64_t steps = *length;
    *length = ((const int32_t *)o->data)[item];
    if (*length >= 0 && *length <= steps) return XINF_OK;
    return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                          "sequence_lens[%lld] is %lld, there are %lld steps", (long long)item,
                          (long long)*length, (long long)steps);
}

#define REAL float
#define FN(name) ref_rnn_##name##_f32
#define ACTIVATE xk_activation_run
#include "backend/cpu/ref/rnn_tmpl.h"

#define REAL double
#define FN(name) ref_rnn_##name##_f64
#define ACTIVATE xk_activation_run_f64
#include "backend/cpu/ref/rnn_tmpl.h"

static xinf_status ref_rnn_prepare(xi_prepare *p, xinf_error *err)
{
    rnn_params *u = p->params;
    u->kind = (int32_t)xk_kind_of(p->in[0]->dtype);
    if (u->kind != XK_F32 && u->kind != XK_F64)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    return xi_rnn_read(&u->r, p->node, err);
}

static xinf_status ref_rnn_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                  int32_t width, xi_extent *e, xinf_error *err)
{
    const rnn_params *u = params;
    rnn_call s = ref_rnn_sizes(&u->r, in[0], in[RNN_R]);
    if (s.batch == 0 || s.hidden == 0 || s.batch > INT32_MAX) return XINF_OK;
    size_t size = xk_kind_size((xk_kind)u->kind), rows = (size_t)u->r.gates * (size_t)s.hidden;
    bool native = xk_kind_native((xk_kind)u->kind, in[0]->dtype);
    e->phases = native ? 1 : 2;
    /* Whether there are a bias and peepholes is not known here: room for both. */
    if (!native)
        e->shared = ((size_t)in[RNN_W]->count + (size_t)in[RNN_R]->count + 10 * rows) * size;
    e->chunks[0] = 1;
    e->chunks[e->phases - 1] = xk_split_chunks(s.batch * u->r.directions, 1, width);
    e->scratch = (rows + 3 * (size_t)s.hidden + (size_t)s.input) * size;
    e->flops = 2 * (uint64_t)s.steps * (uint64_t)s.batch *
               ((uint64_t)in[RNN_W]->count + (uint64_t)in[RNN_R]->count);
    return XINF_OK;
}

static xinf_status ref_rnn_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const rnn_params *u = call->params;
    rnn_call s = ref_rnn_sizes(&u->r, call->in[0], call->in[RNN_R]);
    int64_t first, last;
    bool native = xk_kind_native((xk_kind)u->kind, call->in[0]->dtype), wanted = false;
    for (int32_t i = 0; i < call->out_count; i++)
        wanted = wanted || (call->out[i] && call->out[i]->count > 0);
    if (!wanted) return XINF_OK;
    if (!native && phase == 0) {
        ref_rnn_convert(u, call);
        return XINF_OK;
    }
    xk_split_range(s.batch * u->r.directions, 1, call->width, chunk, &first, &last);
    for (int64_t i = first; i < last; i++) {
        int64_t d = i / s.batch, b = i % s.batch;
        xinf_status status = u->kind == XK_F32
                                 ? ref_rnn_sequence_f32(u, &s, call, d, b, scratch, err)
                                 : ref_rnn_sequence_f64(u, &s, call, d, b, scratch, err);
        if (status) return status;
    }
    return XINF_OK;
}

#define RNN_KERNEL(op_name, id)                                                  \
    {                                                                            \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",      \
        .prepare = ref_rnn_prepare, .extent = ref_rnn_extent, .run = ref_rnn_run \
    }

const xi_kernel xk_ref_rnn[] = {
    RNN_KERNEL("LSTM", "lstm"),
    RNN_KERNEL("GRU", "gru"),
    RNN_KERNEL("RNN", "rnn"),
    {0},
};

#undef RNN_KERNEL
