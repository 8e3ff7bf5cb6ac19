/* ref_reduce.c — portable reductions. Adjacent axes of one fate are joined; float32 sums are held
 * in double, in an order that depends on shapes alone. */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"

extern const xi_kernel xk_ref_reduce[];

typedef enum reduce_what {
    REDUCE_SUM,
    REDUCE_MEAN,
    REDUCE_SUM_SQUARE,
    REDUCE_L1,
    REDUCE_L2,
    REDUCE_LOG_SUM,
    REDUCE_LOG_SUM_EXP,
    REDUCE_PROD,
    REDUCE_MAX,
    REDUCE_MIN
} reduce_what;

enum { REDUCE_COLUMNS = 256 };

typedef struct reduce_params {
    int32_t what, kind;
    bool noop;
} reduce_params;

typedef struct reduce_plan {
    xk_kind kind;
    bool inner_reduced;
    int64_t length;                  /* of the innermost joined dimension */
    int32_t kept_rank, reduced_rank; /* without the innermost one */
    int64_t kept_dim[XI_MAX_RANK], kept_stride[XI_MAX_RANK], reduced_dim[XI_MAX_RANK],
        reduced_stride[XI_MAX_RANK];
    int64_t kept_outer, reduced_outer, reduced_count;
    int64_t pieces; /* of a row of the output */
} reduce_plan;

static double ref_reduce_finish_f32(reduce_what what, double acc, double top, int64_t count)
{
    switch (what) {
    case REDUCE_MEAN: return acc / (double)count;
    case REDUCE_L2: return sqrt(acc);
    case REDUCE_LOG_SUM: return log(acc);
    case REDUCE_LOG_SUM_EXP: return log(acc) + top;
    default: return acc;
    }
}

static double ref_reduce_finish_f64(reduce_what what, double acc, double top, int64_t count)
{
    return ref_reduce_finish_f32(what, acc, top, count);
}

static uint64_t ref_reduce_finish_i64(reduce_what what, int64_t acc, int64_t top, int64_t count)
{
    return (uint64_t)(what == REDUCE_MEAN && count ? acc / count : acc);
}

static uint64_t ref_reduce_finish_u64(reduce_what what, uint64_t acc, uint64_t top, int64_t count)
{
    return what == REDUCE_MEAN && count ? acc / (uint64_t)count : acc;
}

#define T float
#define A double
#define FN(name) ref_reduce_##name##_f32
#define ABS(x) fabs(x)
#define EXP(x) exp(x)
#define ADD(a, b) ((a) + (b))
#define MUL(a, b) ((a) * (b))
#define NOT_NUMBER(x) ((x) != (x))
#define FINITE(x) isfinite(x)
#define LOWEST -(double)INFINITY
#define HIGHEST (double)INFINITY
#include "backend/cpu/ref/reduce_tmpl.h"

#define T double
#define A double
#define FN(name) ref_reduce_##name##_f64
#define ABS(x) fabs(x)
#define EXP(x) exp(x)
#define ADD(a, b) ((a) + (b))
#define MUL(a, b) ((a) * (b))
#define NOT_NUMBER(x) ((x) != (x))
#define FINITE(x) isfinite(x)
#define LOWEST -(double)INFINITY
#define HIGHEST (double)INFINITY
#include "backend/cpu/ref/reduce_tmpl.h"

/* Integers wrap. */
#define T uint64_t
#define A uint64_t
#define FN(name) ref_reduce_##name##_u64
#define ABS(x) (x)
#define EXP(x) (x)
#define ADD(a, b) ((a) + (b))
#define MUL(a, b) ((a) * (b))
#define NOT_NUMBER(x) false
#define FINITE(x) true
#define LOWEST 0
#define HIGHEST UINT64_MAX
#include "backend/cpu/ref/reduce_tmpl.h"

#define T int64_t
#define A int64_t
#define FN(name) ref_reduce_##name##_i64
#define ABS(x) ((x) < 0 ? (int64_t)(0 - (uint64_t)(x)) : (x))
#define EXP(x) (x)
#define ADD(a, b) ((int64_t)((uint64_t)(a) + (uint64_t)(b)))
#define MUL(a, b) ((int64_t)((uint64_t)(a) * (uint64_t)(b)))
#define NOT_NUMBER(x) false
#define FINITE(x) true
#define LOWEST INT64_MIN
#define HIGHEST INT64_MAX
#include "backend/cpu/ref/reduce_tmpl.h"

static xinf_status ref_reduce_prepare(xi_prepare *p, xinf_error *err)
{
    static const struct {
        const char *op;
        reduce_what what;
    } rows[] = {{"ReduceSum", REDUCE_SUM},
                {"ReduceMean", REDUCE_MEAN},
                {"ReduceSumSquare", REDUCE_SUM_SQUARE},
                {"ReduceL1", REDUCE_L1},
                {"ReduceL2", REDUCE_L2},
                {"ReduceLogSum", REDUCE_LOG_SUM},
                {"ReduceLogSumExp", REDUCE_LOG_SUM_EXP},
                {"ReduceProd", REDUCE_PROD},
                {"ReduceMax", REDUCE_MAX},
                {"ReduceMin", REDUCE_MIN}};
    reduce_params *r = p->params;
    xinf_dtype d = p->in[0]->dtype;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (xi_node_is(p->node, rows[i].op)) r->what = rows[i].what;
    r->noop = xi_node_int(p->node, "noop_with_empty_axes", 0) != 0;
    r->kind = xk_kind_of(d) == XK_I32 ? XK_I64 : xk_kind_of(d);
    bool real = r->what == REDUCE_L2 || r->what == REDUCE_LOG_SUM || r->what == REDUCE_LOG_SUM_EXP;
    if (real && r->kind >= XK_I32) r->kind = XK_F64;
    if (r->kind == XK_NONE)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    return XINF_OK;
}

/* Which axes go. False: the axes are none of the input's (where the output's shape followed from
 * their count alone, the shape rule never saw them). */
static bool ref_reduce_axes(const reduce_params *r, const xi_operand *in, const xi_operand *axes,
                            bool *gone)
{
    int64_t count = axes ? axes->count : 0;
    for (int32_t i = 0; i < in->shape.rank; i++) gone[i] = count == 0 && !r->noop;
    for (int64_t i = 0; i < count; i++) {
        int32_t axis;
        int64_t given = xi_dtype_load_i64(axes->data, axes->dtype, i);
        if (in->shape.rank == 0 && (given == 0 || given == -1)) continue;
        if (!xi_shape_axis(given, in->shape.rank, &axis) || gone[axis]) return false;
        gone[axis] = true;
    }
    return true;
}

static bool ref_reduce_resolve(reduce_plan *p, const reduce_params *r, const xi_operand *in,
                               const xi_operand *axes)
{
    bool gone[XI_MAX_RANK], fate[XI_MAX_RANK];
    int64_t dim[XI_MAX_RANK], stride[XI_MAX_RANK], step = 1;
    int32_t rank = 0;
    *p = (reduce_plan){.kind = (xk_kind)r->kind,
                       .length = 1,
                       .kept_outer = 1,
                       .reduced_outer = 1,
                       .reduced_count = 1,
                       .inner_reduced = true};
    if (!ref_reduce_axes(r, in, axes, gone)) return false;
    for (int32_t i = in->shape.rank - 1; i >= 0; i--) { /* innermost first */
        int64_t n = in->shape.dim[i];
        if (gone[i]) p->reduced_count *= n;
        if (n == 1) continue;
        if (rank && fate[rank - 1] == gone[i]) {
            dim[rank - 1] *= n;
        } else {
            fate[rank] = gone[i];
            dim[rank] = n;
            stride[rank++] = step;
        }
        step *= n;
    }
    if (rank) {
        p->inner_reduced = fate[0];
        p->length = dim[0];
    }
    for (int32_t i = rank - 1; i > 0; i--) {
        if (fate[i]) {
            p->reduced_dim[p->reduced_rank] = dim[i];
            p->reduced_stride[p->reduced_rank++] = stride[i];
            p->reduced_outer *= dim[i];
        } else {
            p->kept_dim[p->kept_rank] = dim[i];
            p->kept_stride[p->kept_rank++] = stride[i];
            p->kept_outer *= dim[i];
        }
    }
    p->pieces = p->inner_reduced ? 1 : (p->length + REDUCE_COLUMNS - 1) / REDUCE_COLUMNS;
    return true;
}

static xinf_status ref_reduce_extent(const void *params, xi_operand *const *in,
                                     xi_operand *const *out, int32_t width, xi_extent *e,
                                     xinf_error *err)
{
    int64_t each = out[0]->count ? in[0]->count / out[0]->count : 1;
    e->chunks[0] = xk_split_chunks(out[0]->count, each > 16384 ? 1 : 16384 / (each + 1) + 1, width);
    e->flops = (uint64_t)in[0]->count;
    return XINF_OK;
}

/* Nothing to reduce: the least or largest number of the type, or what the fold begins with. */
static void ref_reduce_empty(reduce_what what, const xi_operand *out)
{
    double wide = what == REDUCE_PROD ? 1
                  : what == REDUCE_MAX || what == REDUCE_LOG_SUM || what == REDUCE_LOG_SUM_EXP
                      ? -(double)INFINITY
                  : what == REDUCE_MIN  ? (double)INFINITY
                  : what == REDUCE_MEAN ? (double)NAN
                                        : 0;
    int32_t bits = xi_dtype_bits(out->dtype);
    bool max = what == REDUCE_MAX, extreme = max || what == REDUCE_MIN;
    uint64_t all = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1, whole = what == REDUCE_PROD;
    if (extreme && out->dtype == XINF_BOOL)
        whole = !max;
    else if (extreme)
        whole = xi_dtype_is_unsigned(out->dtype) ? (max ? 0 : all) : max ? all / 2 + 1 : all / 2;
    for (int64_t i = 0; i < out->count; i++)
        if (xi_dtype_is_float(out->dtype))
            xi_dtype_store_f64(out->data, out->dtype, i, wide);
        else
            xi_dtype_store_i64(out->data, out->dtype, i, (int64_t)whole);
}

static xinf_status ref_reduce_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const reduce_params *r = call->params;
    const xi_operand *in = call->in[0], *out = call->out[0];
    reduce_what what = (reduce_what)r->what;
    reduce_plan p;
    int64_t first, last;
    xi_extent e = {.chunks = {1}};
    if (out->count == 0) return XINF_OK;
    if (in->count == 0) {
        if (chunk == 0) ref_reduce_empty(what, out);
        return XINF_OK;
    }
    ref_reduce_extent(r, call->in, call->out, call->width, &e, err);
    if (!ref_reduce_resolve(&p, r, in, call->in_count > 1 ? call->in[1] : NULL) ||
        p.kept_outer * (p.inner_reduced ? 1 : p.length) != out->count)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "the axes do not fit the input");
    int64_t units = p.kept_outer * p.pieces;
    first = units * chunk / e.chunks[0];
    last = units * (chunk + 1) / e.chunks[0];
    if (p.kind == XK_F32)
        ref_reduce_all_f32(&p, what, in, out, first, last);
    else if (p.kind == XK_F64)
        ref_reduce_all_f64(&p, what, in, out, first, last);
    else if (p.kind == XK_U64)
        ref_reduce_all_u64(&p, what, in, out, first, last);
    else
        ref_reduce_all_i64(&p, what, in, out, first, last);
    return XINF_OK;
}

#define REDUCE_KERNEL(op_name, id)                                                        \
    {                                                                                     \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",               \
        .prepare = ref_reduce_prepare, .extent = ref_reduce_extent, .run = ref_reduce_run \
    }

const xi_kernel xk_ref_reduce[] = {
    REDUCE_KERNEL("ReduceSum", "reduce_sum"),
    REDUCE_KERNEL("ReduceMean", "reduce_mean"),
    REDUCE_KERNEL("ReduceSumSquare", "reduce_sum_square"),
    REDUCE_KERNEL("ReduceL1", "reduce_l1"),
    REDUCE_KERNEL("ReduceL2", "reduce_l2"),
    REDUCE_KERNEL("ReduceLogSum", "reduce_log_sum"),
    REDUCE_KERNEL("ReduceLogSumExp", "reduce_log_sum_exp"),
    REDUCE_KERNEL("ReduceProd", "reduce_prod"),
    REDUCE_KERNEL("ReduceMax", "reduce_max"),
    REDUCE_KERNEL("ReduceMin", "reduce_min"),
    {0},
};

#undef REDUCE_KERNEL
