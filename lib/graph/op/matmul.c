/* matmul.c — matrix products. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_matmul[];

/* Equal when both are known, or the same symbol. */
static bool matmul_agree(int64_t a, int64_t b)
{
    return a < 0 || b < 0 || a == b;
}

/* numpy's matmul: a vector on the left is a row, on the right a column, and its axis goes again. */
static xinf_status matmul_shape(xi_infer *c, xi_shape *out)
{
    xi_shape a = c->in[0]->shape, b = c->in[1]->shape, lead;
    *out = XI_SHAPE_UNKNOWN;
    if (a.rank < 0 || b.rank < 0) return XINF_OK;
    if (a.rank == 0 || b.rank == 0) return xi_infer_fail(c, "a scalar has no matrix product");
    bool row = a.rank == 1, column = b.rank == 1;
    if (row) a = (xi_shape){.rank = 2, .dim = {1, a.dim[0]}};
    if (column) b = (xi_shape){.rank = 2, .dim = {b.dim[0], 1}};
    int64_t m = a.dim[a.rank - 2], k = a.dim[a.rank - 1], n = b.dim[b.rank - 1];
    if (!matmul_agree(k, b.dim[b.rank - 2]))
        return xi_infer_fail(c, "%lld columns meet %lld rows", (long long)k,
                             (long long)b.dim[b.rank - 2]);
    a.rank -= 2;
    b.rank -= 2;
    if (!xi_shape_broadcast(&a, &b, &lead))
        return xi_infer_fail(c, "the leading dimensions do not broadcast");
    *out = lead;
    if (!row) out->dim[out->rank++] = m;
    if (!column) out->dim[out->rank++] = n;
    return XINF_OK;
}

static xinf_status matmul_infer(xi_infer *c)
{
    xinf_status status;
    xi_shape shape;
    xinf_dtype d = xi_infer_dtype(c, 0);
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT | XI_DTYPES_WIDE_INT));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    XI_TRY(matmul_shape(c, &shape));
    xi_infer_set(c, 0, d == XINF_UNDEFINED ? xi_infer_dtype(c, 1) : d, &shape);
cleanup:
    return status;
}

/* A zero point is one number, or one for each row of A or column of B (perhaps with A's or B's
 * leading dimensions). */
static xinf_status matmul_zero_point(xi_infer *c, int32_t i, int32_t of, int64_t lanes)
{
    const xi_type *z = xi_infer_in(c, i);
    int64_t count;
    if (!z) return XINF_OK;
    if (xi_infer_same_dtype(c, of, i) != XINF_OK) return XINF_MALFORMED;
    if (!xi_shape_count(&z->shape, &count) || count == 1 || lanes < 0) return XINF_OK;
    if (z->shape.rank == 1 && count == lanes) return XINF_OK;
    const xi_shape *s = &c->in[of]->shape;
    bool fits = z->shape.rank == s->rank && s->rank >= 2;
    for (int32_t d = 0; fits && d < s->rank; d++) {
        bool summed = d == (of == 0 ? s->rank - 1 : s->rank - 2);
        fits = z->shape.dim[d] == (summed ? 1 : s->dim[d]) || s->dim[d] < 0;
    }
    return fits ? XINF_OK : xi_infer_fail(c, "the zero points of input %d do not fit it", (int)of);
}

static xinf_status matmul_integer_infer(xi_infer *c)
{
    xinf_status status;
    xi_shape shape;
    const xi_shape *a = &c->in[0]->shape, *b = &c->in[1]->shape;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_BYTE));
    XI_TRY(xi_infer_among(c, 1, XI_DTYPES_BYTE));
    XI_TRY(matmul_shape(c, &shape));
    XI_TRY(matmul_zero_point(c, 2, 0, a->rank >= 2 ? a->dim[a->rank - 2] : a->rank == 1 ? 1 : -1));
    XI_TRY(matmul_zero_point(c, 3, 1, b->rank >= 2 ? b->dim[b->rank - 1] : b->rank == 1 ? 1 : -1));
    xi_infer_set(c, 0, XINF_INT32, &shape);
cleanup:
    return status;
}

static xinf_status matmul_gemm_infer(xi_infer *c)
{
    xinf_status status;
    xi_shape out = {.rank = 2, .dim = {-1, -1}}, sum;
    const xi_shape *a = &c->in[0]->shape, *b = &c->in[1]->shape;
    bool ta = xi_node_int(c->node, "transA", 0) != 0, tb = xi_node_int(c->node, "transB", 0) != 0;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT | XI_DTYPES_WIDE_INT));
    XI_TRY(xi_infer_same_dtype(c, 0, 1));
    XI_TRY(xi_infer_same_dtype(c, 0, 2));
    if ((a->rank >= 0 && a->rank != 2) || (b->rank >= 0 && b->rank != 2))
        return xi_infer_fail(c, "A and B must be matrices");
    if (a->rank == 2) out.dim[0] = a->dim[ta];
    if (b->rank == 2) out.dim[1] = b->dim[!tb];
    if (a->rank == 2 && b->rank == 2 && !matmul_agree(a->dim[!ta], b->dim[tb]))
        return xi_infer_fail(c, "%lld columns meet %lld rows", (long long)a->dim[!ta],
                             (long long)b->dim[tb]);
    const xi_type *bias = xi_infer_in(c, 2);
    if (bias && bias->shape.rank >= 0) {
        if (bias->shape.rank > 2 || !xi_shape_broadcast(&out, &bias->shape, &sum))
            return xi_infer_fail(c, "C does not broadcast to the product");
        if (xi_shape_known(&out) && xi_shape_known(&sum) && !xi_shape_eq(&sum, &out))
            return xi_infer_fail(c, "C is larger than the product");
    }
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

static const xi_attr_rule matmul_gemm_attrs[] = {{"alpha", XI_ATTR_FLOAT, false},
                                                 {"beta", XI_ATTR_FLOAT, false},
                                                 {"transA", XI_ATTR_INT, false},
                                                 {"transB", XI_ATTR_INT, false},
                                                 {NULL}};

const xi_op xi_ops_matmul[] = {
    {.name = "MatMul",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = matmul_infer,
     .tolerance = 1e-5f},
    {.name = "MatMulInteger",
     .min_inputs = 2,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = matmul_integer_infer},
    {.name = "Gemm",
     .min_inputs = 2,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = matmul_gemm_attrs,
     .infer = matmul_gemm_infer,
     .tolerance = 1e-5f},
    {0},
};
