/* ref_matmul.c — portable MatMul, MatMulInteger and Gemm. Phase 0 converts what is not of the
 * computing type; phase 1 computes blocks of the output, each by itself. */
#include "backend/cpu/ref/ref_gemm.h"
#include "backend/cpu/ref/ref_map.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_matmul[];

typedef struct ref_matmul_params {
    int32_t kind;
    bool gemm, integer, trans_a, trans_b;
    float alpha, beta;
} ref_matmul_params;

typedef struct ref_matmul_plan {
    int64_t batch, m, k, n;
    int64_t a_rows, a_length, b_rows, b_length; /* as they lie in memory */
    int64_t a_size, b_size;                     /* elements to convert; 0: read in place */
    int64_t row_blocks, column_blocks;
    xk_spread
        lead; /* which matrix of A and B belongs to one of the output; strides count matrices */
} ref_matmul_plan;

static xk_kind ref_matmul_kind(xinf_dtype d, bool integer)
{
    if (integer || d == XINF_INT32 || d == XINF_UINT32) return XK_I32;
    xk_kind k = xk_kind_of(d);
    return k == XK_U64 ? XK_I64 : k;
}

/* The same bits serve: signed and unsigned integers multiply alike. */
static bool ref_matmul_direct(xk_kind kind, xinf_dtype d)
{
    return xk_kind_native(kind, d) || (kind == XK_I32 && d == XINF_UINT32) ||
           (kind == XK_I64 && d == XINF_UINT64);
}

static xi_operand ref_matmul_matrix(const xi_operand *o, bool column)
{
    xi_operand r = *o;
    if (r.shape.rank == 1)
        r.shape = (xi_shape){.rank = 2,
                             .dim = {column ? o->shape.dim[0] : 1, column ? 1 : o->shape.dim[0]}};
    return r;
}

static void ref_matmul_resolve(ref_matmul_plan *w, const ref_matmul_params *p,
                               xi_operand *const *in, const xi_operand *out)
{
    xi_operand a = ref_matmul_matrix(in[0], false), b = ref_matmul_matrix(in[1], true),
               *pair[2] = {&a, &b};
    *w = (ref_matmul_plan){.batch = 1};
    int32_t ra = a.shape.rank, rb = b.shape.rank;
    w->m = a.shape.dim[ra - 2 + p->trans_a];
    w->k = a.shape.dim[ra - 1 - p->trans_a];
    w->n = b.shape.dim[rb - 1 - p->trans_b];
    w->a_length = a.shape.dim[ra - 1];
    w->b_length = b.shape.dim[rb - 1];
    if (rb == 2 && ra > 2 && out->count) { /* one B for all: the leading dimensions are more rows */
        w->m *= xi_shape_span(&a.shape, 0, ra - 2);
        a.shape.rank = 2;
        ra = 2;
    }
    xi_shape lead = {.rank = ra > rb ? ra - 2 : rb - 2};
    a.shape.rank = ra - 2;
    b.shape.rank = rb - 2;
    xi_shape_broadcast(&a.shape, &b.shape, &lead);
    w->batch = xi_shape_span(&lead, 0, lead.rank);
    xk_spread_init(&w->lead, 2, pair, &lead);
    w->a_rows = w->a_length ? in[0]->count / w->a_length : 0;
    w->b_rows = w->b_length ? in[1]->count / w->b_length : 0;
    xk_kind kind = (xk_kind)p->kind;
    if (p->integer || !ref_matmul_direct(kind, in[0]->dtype)) w->a_size = in[0]->count;
    if (p->integer || !ref_matmul_direct(kind, in[1]->dtype)) w->b_size = in[1]->count;
    w->row_blocks = (w->m + REF_GEMM_ROWS - 1) / REF_GEMM_ROWS;
    w->column_blocks = (w->n + REF_GEMM_COLUMNS - 1) / REF_GEMM_COLUMNS;
}

static xinf_status ref_matmul_prepare(xi_prepare *p, xinf_error *err)
{
    ref_matmul_params *m = p->params;
    m->integer = xi_node_is(p->node, "MatMulInteger");
    m->gemm = xi_node_is(p->node, "Gemm");
    m->kind = ref_matmul_kind(p->in[0]->dtype, m->integer);
    if (m->kind == XK_NONE || p->in[0]->dtype == XINF_BOOL)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    m->alpha = m->gemm ? xi_node_float(p->node, "alpha", 1) : 1;
    m->beta = m->gemm ? xi_node_float(p->node, "beta", 1) : 1;
    if (m->kind >= XK_I32 && (m->alpha != 1 || m->beta != 1))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "alpha or beta on dtype %s",
                              xinf_dtype_name(p->in[0]->dtype));
    m->trans_a = m->gemm && xi_node_int(p->node, "transA", 0);
    m->trans_b = m->gemm && xi_node_int(p->node, "transB", 0);
    return XINF_OK;
}

static int64_t ref_matmul_grain(const ref_matmul_plan *w)
{
    int64_t block = w->k * REF_GEMM_ROWS * (w->n < REF_GEMM_COLUMNS ? w->n : REF_GEMM_COLUMNS);
    return block <= 0 ? 1 << 20 : (32768 + block - 1) / block;
}

static xinf_status ref_matmul_extent(const void *params, xi_operand *const *in,
                                     xi_operand *const *out, int32_t width, xi_extent *e,
                                     xinf_error *err)
{
    const ref_matmul_params *p = params;
    ref_matmul_plan w;
    size_t size = xk_kind_size((xk_kind)p->kind), a, b;
    ref_matmul_resolve(&w, p, in, out[0]);
    if (!xi_mul_size((size_t)w.a_size, size, &a) || !xi_mul_size((size_t)w.b_size, size, &b) ||
        !xi_align_size(a, XI_ALIGN, &a) || !xi_add_size(a, b, &e->shared))
        return xi_fail_memory(err, SIZE_MAX);
    e->phases = 2;
    e->chunks[0] = e->shared ? xk_split_chunks(
                                   (w.a_size ? w.a_rows : 0) + (w.b_size ? w.b_rows : 0), 8, width)
                             : 0;
    e->chunks[1] = xk_split_chunks(w.batch * w.row_blocks * w.column_blocks, ref_matmul_grain(&w),
                                   width);
    e->flops = (uint64_t)out[0]->count * (uint64_t)w.k * 2;
    return XINF_OK;
}

static void *ref_matmul_place(const xi_call *call, const ref_matmul_plan *w, bool second)
{
    size_t at = 0, size = xk_kind_size((xk_kind)((const ref_matmul_params *)call->params)->kind);
    if (second) xi_align_size((size_t)w->a_size * size, XI_ALIGN, &at);
    return (char *)call->shared + at;
}

/* Row `row` of a matrix in the computing type, less its zero points: of a row for A, of each column
 * for B. */
static void ref_matmul_convert(const xi_call *call, const ref_matmul_plan *w, bool second,
                               int64_t row)
{
    const ref_matmul_params *p = call->params;
    const xi_operand *in = call->in[second];
    const xi_operand *z = p->integer && call->in_count > 2 + second ? call->in[2 + second] : NULL;
    int64_t length = second ? w->b_length : w->a_length;
    xk_kind kind = (xk_kind)p->kind;
    void *dst = (char *)ref_matmul_place(call, w, second) +
                (size_t)(row * length) * xk_kind_size(kind);
    xk_block_load(dst, kind, in->data, in->dtype, row * length, 1, length);
    if (!z || z->count == 0) return;
    int32_t *to = dst;
    if (z->count == 1 || !second) {
        int32_t zero = (int32_t)xi_dtype_load_i64(z->data, z->dtype, row % z->count);
        for (int64_t i = 0; i < length; i++) to[i] -= zero;
        return;
    }
    int64_t rows = in->shape.rank >= 2 ? in->shape.dim[in->shape.rank - 2] : 1;
    int64_t base = z->count == length ? 0 : row / rows * length % z->count;
    for (int64_t i = 0; i < length; i++)
        to[i] -= (int32_t)xi_dtype_load_i64(z->data, z->dtype, base + i);
}

/* alpha · acc + beta · C, in the type of the product. */
static void ref_matmul_finish(const xi_call *call, void *acc, int64_t row, int64_t column,
                              int64_t columns)
{
    const ref_matmul_params *p = call->params;
    const xi_operand *c = p->gemm && call->in_count > 2 ? call->in[2] : NULL;
    xk_kind kind = (xk_kind)p->kind;
    double bias[REF_GEMM_COLUMNS];
    if (kind == XK_F32 && p->alpha != 1)
        for (int64_t j = 0; j < columns; j++) ((float *)acc)[j] *= p->alpha;
    else if (kind == XK_F64 && p->alpha != 1)
        for (int64_t j = 0; j < columns; j++) ((double *)acc)[j] *= (double)p->alpha;
    if (!c || c->count == 0 || p->beta == 0) return;
    int32_t rank = c->shape.rank;
    int64_t wide = rank > 0 ? c->shape.dim[rank - 1] : 1,
            high = rank > 1 ? c->shape.dim[rank - 2] : 1;
    int64_t first = (high > 1 ? row * wide : 0) + (wide > 1 ? column : 0);
    xk_block_load(bias, kind, c->data, c->dtype, first, wide > 1, columns);
    for (int64_t j = 0; j < columns; j++)
        if (kind == XK_F32)
            ((float *)acc)[j] += p->beta == 1 ? ((float *)bias)[j] : p->beta * ((float *)bias)[j];
        else if (kind == XK_F64)
            ((double *)acc)[j] += (double)p->beta * bias[j];
        else if (kind == XK_I32)
            ((uint32_t *)acc)[j] += ((uint32_t *)bias)[j];
        else
            ((uint64_t *)acc)[j] += ((uint64_t *)bias)[j];
}

static void ref_matmul_unit(const xi_call *call, const ref_matmul_plan *w, int64_t unit)
{
    const ref_matmul_params *p = call->params;
    xk_kind kind = (xk_kind)p->kind;
    size_t size = xk_kind_size(kind);
    double acc[REF_GEMM_ROWS * REF_GEMM_COLUMNS];
    int64_t column = unit % w->column_blocks * REF_GEMM_COLUMNS, rest = unit / w->column_blocks;
    int64_t row = rest % w->row_blocks * REF_GEMM_ROWS, batch = rest / w->row_blocks, a_at = 0,
            b_at = 0, left = batch;
    int64_t rows = w->m - row < REF_GEMM_ROWS ? w->m - row : REF_GEMM_ROWS;
    int64_t columns = w->n - column < REF_GEMM_COLUMNS ? w->n - column : REF_GEMM_COLUMNS;
    for (int32_t d = w->lead.rank - 1; d >= 0; d--) {
        a_at += left % w->lead.dim[d] * w->lead.stride[0][d];
        b_at += left % w->lead.dim[d] * w->lead.stride[1][d];
        left /= w->lead.dim[d];
    }
    ref_gemm_view g = {.kind = kind,
                       .k = w->k,
                       .a_row = p->trans_a ? 1 : w->a_length,
                       .a_column = p->trans_a ? w->a_length : 1,
                       .b_row = p->trans_b ? 1 : w->b_length,
                       .b_column = p->trans_b ? w->b_length : 1};
    const char *a = w->a_size ? ref_matmul_place(call, w, false) : call->in[0]->data;
    const char *b = w->b_size ? ref_matmul_place(call, w, true) : call->in[1]->data;
    g.a = a + (size_t)(a_at * w->m * w->k) * size;
    g.b = b + (size_t)(b_at * w->k * w->n) * size;
    xk_gemm_block(&g, row, rows, column, columns, acc);
    const xi_operand *out = call->out[0];
    for (int64_t r = 0; r < rows; r++) {
        char *from = (char *)acc + (size_t)(r * REF_GEMM_COLUMNS) * size;
        int64_t to = (batch * w->m + row + r) * w->n + column;
        ref_matmul_finish(call, from, row + r, column, columns);
        if (ref_matmul_direct(kind, out->dtype))
            memcpy((char *)out->data + (size_t)to * size, from, (size_t)columns * size);
        else
            xk_block_store(out->data, out->dtype, to, 1, from, kind, columns);
    }
}

static xinf_status ref_matmul_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    ref_matmul_plan w;
    int64_t first, last;
    ref_matmul_resolve(&w, call->params, call->in, call->out[0]);
    if (call->out[0]->count == 0) return XINF_OK;
    if (phase == 0) {
        int64_t a = w.a_size ? w.a_rows : 0, b = w.b_size ? w.b_rows : 0;
        xk_split_range(a + b, 8, call->width, chunk, &first, &last);
        for (; first < last; first++)
            ref_matmul_convert(call, &w, first >= a, first >= a ? first - a : first);
        return XINF_OK;
    }
    xk_split_range(w.batch * w.row_blocks * w.column_blocks, ref_matmul_grain(&w), call->width,
                   chunk, &first, &last);
    for (; first < last; first++) ref_matmul_unit(call, &w, first);
    return XINF_OK;
}

#define MATMUL_KERNEL(op_name, id)                                                        \
    {                                                                                     \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable",               \
        .prepare = ref_matmul_prepare, .extent = ref_matmul_extent, .run = ref_matmul_run \
    }

const xi_kernel xk_ref_matmul[] = {
    MATMUL_KERNEL("MatMul", "matmul"),
    MATMUL_KERNEL("MatMulInteger", "matmul_integer"),
    MATMUL_KERNEL("Gemm", "gemm"),
    {0},
};

#undef MATMUL_KERNEL
