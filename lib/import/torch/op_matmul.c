/* op_matmul.c — products of matrices. */
#include "import/torch/op.h"

#include <math.h>

static xi_aten_value op_matmul_plain(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x,
                          xi_aten_emit2(x, "MatMul", xi_aten_arg(x, &a[0]), xi_aten_arg(x, &a[1])));
}

/* input · weightᵀ + bias */
static xi_value *op_matmul_linear_of(xi_aten *x, xi_value *v, xi_value *w, xi_value *b)
{
    int32_t rank = xi_aten_rank(v), weight_rank = xi_aten_need_rank(x, w, "linear");
    if (x->status != XINF_OK) return NULL;
    if (weight_rank == 1) {
        v = xi_aten_emit2(x, "MatMul", v, w);
        return b ? xi_aten_emit2(x, "Add", v, b) : v;
    }
    if (rank == 2 && b && xi_aten_rank(b) == 1)
        return xi_aten_emit(x, "Gemm", 3, (xi_value *[]){v, w, b}, 1,
                            (xi_attr[]){XI_ATEN_ATTR_INT("transB", 1)});
    v = xi_aten_emit2(x, "MatMul", v, xi_aten_transpose(x, w, (int64_t[]){1, 0}, 2));
    return b ? xi_aten_emit2(x, "Add", v, b) : v;
}

static xi_aten_value op_matmul_linear(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, op_matmul_linear_of(x, xi_aten_arg(x, &a[0]), xi_aten_arg(x, &a[1]),
                                                 xi_aten_arg(x, &a[2])));
}

static xi_value *op_matmul_scaled(xi_aten *x, xi_value *v, const xi_aten_value *factor)
{
    double f = xi_aten_arg_double(x, factor, "a factor");
    return f == 1 ? v : xi_aten_emit2(x, "Mul", v, xi_aten_number_like(x, v, f));
}

/* beta · self + alpha · (mat1 · mat2) */
static xi_aten_value op_matmul_addmm(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *y = op_matmul_scaled(
        x, xi_aten_emit2(x, "MatMul", xi_aten_arg(x, &a[1]), xi_aten_arg(x, &a[2])), &a[4]);
    if (op->number)
        y = xi_aten_reduce(x, "ReduceSum", y, (int64_t[]){0}, 1,
                           false); /* addbmm sums over the batch */
    return xi_aten_result(
        x, xi_aten_emit2(x, "Add", op_matmul_scaled(x, xi_aten_arg(x, &a[0]), &a[3]), y));
}

static xi_aten_value op_matmul_outer(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, xi_aten_emit2(x, "Mul", xi_aten_unsqueeze(x, xi_aten_arg(x, &a[0]), 1),
                                           xi_aten_unsqueeze(x, xi_aten_arg(x, &a[1]), 0)));
}

static xi_aten_value op_matmul_inner(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p = xi_aten_arg(x, &a[0]), *q = xi_aten_arg(x, &a[1]);
    if (xi_aten_rank(q) > 1) q = xi_aten_swap(x, q, -1, -2);
    return xi_aten_result(x, xi_aten_emit2(x, "MatMul", p, q));
}

/* An equation in letters; ONNX's Einsum takes the same, spaces included. */
static xi_aten_value op_matmul_einsum(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int32_t count = a[1].list->count;
    xi_value *in[26];
    if (count < 1 || count > 26)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "einsum of %d tensors", count), xi_aten_none();
    for (int32_t i = 0; i < count; i++) in[i] = xi_aten_arg(x, &a[1].list->items[i]);
    xi_attr attr = {.name = {"equation", 8}, .type = XI_ATTR_STRING, .s = a[0].s};
    return xi_aten_result(x, xi_aten_emit(x, "Einsum", count, in, 1, &attr));
}

/* The axes that are summed go last in one and first in the other; then one product of two matrices.
 */
static xi_aten_value op_matmul_tensordot(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p = xi_aten_arg(x, &a[0]), *q = xi_aten_arg(x, &a[1]);
    int64_t ax[XI_MAX_RANK], bx[XI_MAX_RANK];
    int32_t n = xi_aten_arg_ints(x, &a[2], ax, XI_MAX_RANK, 1, "tensordot"),
            m = xi_aten_arg_ints(x, &a[3], bx, XI_MAX_RANK, 1, "tensordot");
    int32_t pr = xi_aten_need_rank(x, p, "tensordot"), qr = xi_aten_need_rank(x, q, "tensordot"),
            at = 0;
    char letters[2 * XI_MAX_RANK + 1] = {0}, equation[4 * XI_MAX_RANK + 8];
    size_t len = 0;
    if (x->status != XINF_OK || n != m)
        return xi_aten_fail(x, XINF_MALFORMED, "tensordot: two lists of axes of different lengths"),
               xi_aten_none();
    for (int32_t i = 0; i < pr + qr; i++) letters[i] = (char)('a' + i);
    for (int32_t i = 0; i < n; i++) {
        ax[i] = xi_aten_axis(x, p, ax[i], "tensordot");
        bx[i] = xi_aten_axis(x, q, bx[i], "tensordot");
        if (x->status != XINF_OK) return xi_aten_none();
        letters[pr + bx[i]] = letters[ax[i]];
    }
    for (at = 0; at < pr; at++) equation[len++] = letters[at];
    equation[len++] = ',';
    for (at = pr; at < pr + qr; at++) equation[len++] = letters[at];
    equation[len++] = '-';
    equation[len++] = '>';
    for (at = 0; at < pr + qr; at++) {
        bool summed = false;
        for (int32_t i = 0; i < n; i++) summed = summed || at == ax[i] || at == pr + bx[i];
        if (!summed) equation[len++] = letters[at];
    }
    char *kept = xi_arena_strndup(x->arena, equation, len);
    if (!kept) return xi_aten_memory(x), xi_aten_none();
    xi_attr attr = {.name = {"equation", 8}, .type = XI_ATTR_STRING, .s = {kept, len}};
    return xi_aten_result(x, xi_aten_emit(x, "Einsum", 2, (xi_value *[]){p, q}, 1, &attr));
}

/* bilinear(x1, x2, weight, bias): y[…o] = x1[…i] w[oij] x2[…j] */
static xi_aten_value op_matmul_bilinear(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *in[3] = {xi_aten_arg(x, &a[0]), xi_aten_arg(x, &a[2]), xi_aten_arg(x, &a[1])},
             *b = xi_aten_arg(x, &a[3]);
    xi_value *y = xi_aten_emit(x, "Einsum", 3, in, 1,
                               (xi_attr[]){XI_ATEN_ATTR_TEXT("equation", "...i,oij,...j->...o")});
    return xi_aten_result(x, b ? xi_aten_emit2(x, "Add", y, b) : y);
}

static xi_aten_value op_matmul_chain(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *y = NULL;
    for (int32_t i = 0; i < a[0].list->count; i++) {
        xi_value *v = xi_aten_arg(x, &a[0].list->items[i]);
        y = y ? xi_aten_emit2(x, "MatMul", y, v) : v;
    }
    return xi_aten_result(x, y);
}

/* kron of two matrices: each element times the other matrix */
static xi_aten_value op_matmul_kron(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p = xi_aten_arg(x, &a[0]), *q = xi_aten_arg(x, &a[1]), *shape;
    int32_t rank = xi_aten_need_rank(x, p, "kron");
    if (xi_aten_need_rank(x, q, "kron") != rank)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "kron of tensors of different ranks"),
               xi_aten_none();
    shape = xi_aten_emit2(x, "Mul", xi_aten_shape(x, p), xi_aten_shape(x, q));
    for (int32_t i = 0; i < rank; i++) {
        p = xi_aten_unsqueeze(x, p, 2 * i + 1);
        q = xi_aten_unsqueeze(x, q, 2 * i);
    }
    return xi_aten_result(x, xi_aten_reshape_to(x, xi_aten_emit2(x, "Mul", p, q), shape));
}

/* ---- attention ---- */

/* The mask of a causal attention: −∞ above the diagonal, for lengths known or not. */
static xi_value *op_attention_causal(xi_aten *x, xi_value *q, xi_value *k)
{
    xi_value *lq = xi_aten_slice(x, xi_aten_shape(x, q), 0, -2, -1, 1),
             *lk = xi_aten_slice(x, xi_aten_shape(x, k), 0, -2, -1, 1);
    xi_value *shape = xi_aten_concat(x, 2, (xi_value *[]){lq, lk}, 0),
             *one = xi_aten_number(x, XINF_FLOAT32, 1);
    xi_value *lower = xi_aten_emit(x, "Trilu", 1, (xi_value *[]){xi_aten_expand(x, one, shape)}, 1,
                                   (xi_attr[]){XI_ATEN_ATTR_INT("upper", 0)});
    return xi_aten_cast(x, lower, XINF_BOOL);
}

/* scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale,
 * enable_gqa) */
static xi_aten_value op_matmul_attention(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *q = xi_aten_arg(x, &a[0]), *k = xi_aten_arg(x, &a[1]), *v = xi_aten_arg(x, &a[2]),
             *mask = xi_aten_arg(x, &a[3]), *scale;
    int32_t rank = xi_aten_need_rank(x, q, op->name);
    if (x->status != XINF_OK || rank < 2) return xi_aten_none();
    if (xi_aten_arg_double(x, &a[4], "dropout_p") > 0)
        return xi_aten_fail(x, XINF_UNSUPPORTED,
                            "attention with dropout: call model.eval() before saving"),
               xi_aten_none();
    if (xi_aten_arg_bool(x, &a[7], "enable_gqa")) {
        int64_t hq = q->type.shape.dim[rank - 3],
                hk = xi_aten_rank(k) == rank ? k->type.shape.dim[rank - 3] : -1;
        if (rank < 3 || hq < 0 || hk < 1 || hq % hk)
            return xi_aten_fail(x, XINF_UNSUPPORTED,
                                "grouped attention whose numbers of heads are not known"),
                   xi_aten_none();
        if (hq != hk) {
            xi_aten_value times[4] = {a[1], xi_aten_int(hq / hk), xi_aten_int(rank - 3),
                                      xi_aten_none()},
                          r = xi_aten_recall(x, "repeat_interleave", times, 4);
            k = xi_aten_arg(x, &r);
            times[0] = a[2];
            r = xi_aten_recall(x, "repeat_interleave", times, 4);
            v = xi_aten_arg(x, &r);
        }
    }
    int64_t depth = q->type.shape.dim[rank - 1];
    if (a[6].kind != XI_ATEN_NONE)
        scale = xi_aten_number_like(x, q, xi_aten_arg_double(x, &a[6], "scale"));
    else if (depth > 0)
        scale = xi_aten_number_like(x, q, 1 / sqrt((double)depth));
    else
        scale = xi_aten_emit1(
            x, "Reciprocal",
            xi_aten_emit1(x, "Sqrt",
                          xi_aten_cast_like(
                              x, xi_aten_slice(x, xi_aten_shape(x, q), 0, -1, INT64_MAX, 1), q)));
    if (xi_aten_arg_bool(x, &a[5], "is_causal")) mask = op_attention_causal(x, q, k);
    xi_value *s = xi_aten_emit2(x, "Mul", xi_aten_emit2(x, "MatMul", q, xi_aten_swap(x, k, -1, -2)),
                                scale);
    if (mask && xi_aten_dtype(mask) == XINF_BOOL)
        s = xi_aten_emit3(x, "Where", mask, s, xi_aten_number_like(x, s, -INFINITY));
    else if (mask)
        s = xi_aten_emit2(x, "Add", s, mask);
    s = xi_aten_emit(x, "Softmax", 1, &s, 1, (xi_attr[]){XI_ATEN_ATTR_INT("axis", -1)});
    return xi_aten_result(x, xi_aten_emit2(x, "MatMul", s, v));
}

/* ---- distances ---- */

static xi_aten_value op_matmul_cosine(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p = xi_aten_arg(x, &a[0]), *q = xi_aten_arg(x, &a[1]);
    int64_t axis = xi_aten_arg_int(x, &a[2], op->name);
    xi_value *eps = xi_aten_number_like(x, p, xi_aten_arg_double(x, &a[3], "eps"));
    xi_value *pn = xi_aten_emit2(x, "Max", xi_aten_reduce(x, "ReduceL2", p, &axis, 1, true), eps);
    xi_value *qn = xi_aten_emit2(x, "Max", xi_aten_reduce(x, "ReduceL2", q, &axis, 1, true), eps);
    xi_value *y = xi_aten_emit2(x, "Mul", xi_aten_emit2(x, "Div", p, pn),
                                xi_aten_emit2(x, "Div", q, qn));
    return xi_aten_result(x, xi_aten_reduce(x, "ReduceSum", y, &axis, 1, false));
}

/* cdist(x1, x2, p): all pairs of rows */
static xi_aten_value op_matmul_cdist(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *d = xi_aten_emit2(x, "Sub", xi_aten_unsqueeze(x, xi_aten_arg(x, &a[0]), -2),
                                xi_aten_unsqueeze(x, xi_aten_arg(x, &a[1]), -3));
    double p = xi_aten_arg_double(x, &a[2], "cdist's p");
    int64_t axis = -1;
    if (p == 2) return xi_aten_result(x, xi_aten_reduce(x, "ReduceL2", d, &axis, 1, false));
    if (p == 1) return xi_aten_result(x, xi_aten_reduce(x, "ReduceL1", d, &axis, 1, false));
    d = xi_aten_emit1(x, "Abs", d);
    if (p > 1e300) return xi_aten_result(x, xi_aten_reduce(x, "ReduceMax", d, &axis, 1, false));
    if (p == 0)
        return xi_aten_result(
            x, xi_aten_reduce(x, "ReduceSum", xi_aten_emit1(x, "Sign", d), &axis, 1, false));
    d = xi_aten_reduce(x, "ReduceSum", xi_aten_emit2(x, "Pow", d, xi_aten_number_like(x, d, p)),
                       &axis, 1, false);
    return xi_aten_result(x, xi_aten_emit2(x, "Pow", d, xi_aten_number_like(x, d, 1 / p)));
}

static xi_aten_value op_matmul_pairwise(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *d = xi_aten_emit2(x, "Sub", xi_aten_arg(x, &a[0]), xi_aten_arg(x, &a[1]));
    double p = xi_aten_arg_double(x, &a[2], "p");
    int64_t axis = -1;
    bool keep = xi_aten_arg_bool(x, &a[4], "keepdim");
    d = xi_aten_emit2(x, "Add", d, xi_aten_number_like(x, d, xi_aten_arg_double(x, &a[3], "eps")));
    if (p == 2 || p == 1)
        return xi_aten_result(
            x, xi_aten_reduce(x, p == 2 ? "ReduceL2" : "ReduceL1", d, &axis, 1, keep));
    d = xi_aten_reduce(
        x, "ReduceSum",
        xi_aten_emit2(x, "Pow", xi_aten_emit1(x, "Abs", d), xi_aten_number_like(x, d, p)), &axis, 1,
        keep);
    return xi_aten_result(x, xi_aten_emit2(x, "Pow", d, xi_aten_number_like(x, d, 1 / p)));
}

/* linalg_cross, cross: of vectors of three along an axis */
static xi_aten_value op_matmul_cross(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p = xi_aten_arg(x, &a[0]), *q = xi_aten_arg(x, &a[1]);
    int64_t axis = a[2].kind == XI_ATEN_NONE ? -1 : xi_aten_arg_int(x, &a[2], op->name);
    for (int32_t i = 0; a[2].kind == XI_ATEN_NONE && i < xi_aten_rank(p); i++)
        if (p->type.shape.dim[i] == 3) {
            axis = i;
            break;
        }
    xi_value *one = xi_aten_ints(x, (int64_t[]){1, 2, 0}, 3),
             *two = xi_aten_ints(x, (int64_t[]){2, 0, 1}, 3);
    xi_value *left = xi_aten_emit2(x, "Mul", xi_aten_gather(x, p, one, axis),
                                   xi_aten_gather(x, q, two, axis));
    xi_value *right = xi_aten_emit2(x, "Mul", xi_aten_gather(x, p, two, axis),
                                    xi_aten_gather(x, q, one, axis));
    return xi_aten_result(x, xi_aten_emit2(x, "Sub", left, right));
}

const xi_aten_op xi_aten_ops_matmul[] = {
    {"matmul", "T:self T:other", op_matmul_plain, NULL, 0},
    {"linalg_matmul", "T:self T:other", op_matmul_plain, NULL, 0},
    {"mm", "T:self T:mat2", op_matmul_plain, NULL, 0},
    {"bmm", "T:self T:mat2", op_matmul_plain, NULL, 0},
    {"mv", "T:self T:vec", op_matmul_plain, NULL, 0},
    {"dot", "T:self T:tensor", op_matmul_plain, NULL, 0},
    {"vdot", "T:self T:tensor", op_matmul_plain, NULL, 0},
    {"inner", "T:self T:other", op_matmul_inner, NULL, 0},
    {"outer", "T:self T:vec2", op_matmul_outer, NULL, 0},
    {"ger", "T:self T:vec2", op_matmul_outer, NULL, 0},
    {"linear", "T:input T:weight t:bias=None", op_matmul_linear, NULL, 0},
    {"addmm", "T:self T:mat1 T:mat2 s:beta=1 s:alpha=1", op_matmul_addmm, NULL, 0},
    {"addmv", "T:self T:mat T:vec s:beta=1 s:alpha=1", op_matmul_addmm, NULL, 0},
    {"baddbmm", "T:self T:batch1 T:batch2 s:beta=1 s:alpha=1", op_matmul_addmm, NULL, 0},
    {"addbmm", "T:self T:batch1 T:batch2 s:beta=1 s:alpha=1", op_matmul_addmm, NULL, 1},
    {"einsum", "S:equation L:tensors o:path=None", op_matmul_einsum, NULL, 0},
    {"tensordot", "T:self T:other I:dims_self I:dims_other", op_matmul_tensordot, NULL, 0},
    {"bilinear", "T:input1 T:input2 T:weight t:bias=None", op_matmul_bilinear, NULL, 0},
    {"chain_matmul", "L:matrices", op_matmul_chain, NULL, 0},
    {"linalg_multi_dot", "L:tensors", op_matmul_chain, NULL, 0},
    {"kron", "T:self T:other", op_matmul_kron, NULL, 0},
    {"scaled_dot_product_attention",
     "T:query T:key T:value t:attn_mask=None f:dropout_p=0 b:is_causal=False f?:scale=None "
     "b:enable_gqa=False",
     op_matmul_attention, NULL, 0},
    {"cosine_similarity", "T:x1 T:x2 i:dim=1 f:eps=1e-8", op_matmul_cosine, NULL, 0},
    {"cdist", "T:x1 T:x2 f:p=2 i?:compute_mode=None", op_matmul_cdist, NULL, 0},
    {"pairwise_distance", "T:x1 T:x2 f:p=2 f:eps=1e-6 b:keepdim=False", op_matmul_pairwise, NULL,
     0},
    {"linalg_cross", "T:self T:other i:dim=-1", op_matmul_cross, NULL, 0},
    {"cross", "T:self T:other i?:dim=None", op_matmul_cross, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};
