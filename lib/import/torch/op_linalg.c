/* op_linalg.c — matrices whose size is known: elimination and factorisation, step by step. */
#include "import/torch/op.h"

#include "tensor/dtype.h"

enum { LINALG_MAX = 64 };

/* The size of a square matrix; a failure when it is not known or large. */
static int64_t op_linalg_size(xi_aten *x, const xi_value *v, const char *who)
{
    int32_t rank = xi_aten_need_rank(x, v, who);
    int64_t n = rank >= 2 ? v->type.shape.dim[rank - 1] : -1;
    if (x->status == XINF_OK && (n < 1 || n > LINALG_MAX || v->type.shape.dim[rank - 2] != n)) {
        x->wants_types = n < 0;
        xi_aten_fail(x, XINF_UNSUPPORTED,
                     "%s of a matrix whose size is not known, not square or above %d", who,
                     LINALG_MAX);
    }
    return x->status == XINF_OK ? n : 0;
}

/* i == k as a column of n. */
static xi_value *op_linalg_is(xi_aten *x, xi_value *rows, xi_value *k)
{
    return xi_aten_unsqueeze(x, xi_aten_emit2(x, "Equal", rows, k), 1);
}

/* The solution of a · y = b for one matrix: Gauss and Jordan's elimination on [a | b], the largest
 * pivot of each column first. */
static xi_value *op_linalg_eliminate(xi_aten *x, xi_value *a, xi_value *b, int64_t n)
{
    xi_value *m = xi_aten_concat(x, 2, (xi_value *[]){a, b}, 1);
    int64_t indices[LINALG_MAX];
    for (int64_t i = 0; i < n; i++) indices[i] = i;
    xi_value *rows = xi_aten_ints(x, indices, (int32_t)n);
    for (int64_t k = 0; k < n && x->status == XINF_OK; k++) {
        xi_value *here = xi_aten_whole(x, XINF_INT64, k),
                 *column = xi_aten_emit1(
                     x, "Abs", xi_aten_slice(x, xi_aten_slice(x, m, 1, k, k + 1, 1), 0, k, n, 1));
        xi_attr attrs[2] = {XI_ATEN_ATTR_INT("axis", 0), XI_ATEN_ATTR_INT("keepdims", 0)};
        xi_value *best = xi_aten_emit2(
            x, "Add", xi_aten_squeeze(x, xi_aten_emit(x, "ArgMax", 1, &column, 2, attrs), 0), here);
        /* Rows k and best change places. */
        xi_value *order = xi_aten_emit3(x, "Where", xi_aten_emit2(x, "Equal", rows, best), here,
                                        rows);
        order = xi_aten_emit3(x, "Where", xi_aten_emit2(x, "Equal", rows, here), best, order);
        m = xi_aten_gather(x, m, order, 0);
        xi_value *row = xi_aten_slice(x, m, 0, k, k + 1, 1),
                 *side = xi_aten_slice(x, m, 1, k, k + 1, 1);
        row = xi_aten_emit2(x, "Div", row, xi_aten_slice(x, row, 1, k, k + 1, 1));
        m = xi_aten_emit3(x, "Where", op_linalg_is(x, rows, here), row,
                          xi_aten_emit2(x, "Sub", m, xi_aten_emit2(x, "Mul", side, row)));
    }
    return xi_aten_slice(x, m, 1, n, INT64_MAX, 1);
}

/* inverse: the solution for the unit matrix */
static xi_aten_value op_linalg_inverse(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t n = op_linalg_size(x, v, op->name);
    if (x->status == XINF_OK && xi_aten_rank(v) != 2)
        xi_aten_fail(x, XINF_UNSUPPORTED, "%s of several matrices", op->name);
    xi_value *square = xi_aten_expand(x, xi_aten_number_like(x, v, 0),
                                      xi_aten_ints(x, (int64_t[]){n, n}, 2));
    return xi_aten_result(x, op_linalg_eliminate(x, v, xi_aten_emit1(x, "EyeLike", square), n));
}

/* linalg_solve(A, B, left) */
static xi_aten_value op_linalg_solve(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *b = xi_aten_arg(x, &a[1]);
    int64_t n = op_linalg_size(x, v, op->name);
    bool vector = xi_aten_need_rank(x, b, op->name) == 1;
    if (x->status == XINF_OK && (xi_aten_rank(v) != 2 || !xi_aten_arg_bool(x, &a[2], op->name)))
        xi_aten_fail(x, XINF_UNSUPPORTED, "%s of several matrices, or from the right", op->name);
    xi_value *y = op_linalg_eliminate(x, v, vector ? xi_aten_unsqueeze(x, b, 1) : b, n);
    return xi_aten_result(x, vector ? xi_aten_squeeze(x, y, 1) : y);
}

/* Column by column: what is left of A's column, over the root of its first element. Batches go
 * along. */
static xi_aten_value op_linalg_cholesky(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *columns[LINALG_MAX], *row = NULL;
    int64_t n = op_linalg_size(x, v, op->name);
    for (int64_t j = 0; j < n && x->status == XINF_OK; j++) {
        xi_value *c = xi_aten_slice(x, xi_aten_slice(x, v, -1, j, j + 1, 1), -2, j, n, 1);
        for (int64_t k = 0; k < j; k++) {
            xi_value *below = xi_aten_slice(x, columns[k], -2, j, n, 1);
            row = xi_aten_slice(x, columns[k], -2, j, j + 1, 1);
            c = xi_aten_emit2(x, "Sub", c, xi_aten_emit2(x, "Mul", below, row));
        }
        c = xi_aten_emit2(x, "Div", c, xi_aten_emit1(x, "Sqrt", xi_aten_slice(x, c, -2, 0, 1, 1)));
        int64_t pads[2 * XI_MAX_RANK] = {0};
        int32_t rank = xi_aten_rank(c);
        if (x->status != XINF_OK || rank < 2) break;
        pads[rank - 2] = j;
        columns[j] = j ? xi_aten_emit2(x, "Pad", c, xi_aten_ints(x, pads, 2 * rank)) : c;
    }
    xi_value *y = x->status == XINF_OK ? xi_aten_concat(x, (int32_t)n, columns, -1) : NULL;
    return xi_aten_result(x, a[1].kind != XI_ATEN_NONE && xi_aten_arg_bool(x, &a[1], op->name)
                                 ? xi_aten_swap(x, y, -1, -2)
                                 : y);
}

const xi_aten_op xi_aten_ops_linalg[] = {
    {"linalg_inv", "T:self", op_linalg_inverse, NULL, 0},
    {"inverse", "T:self", op_linalg_inverse, NULL, 0},
    {"linalg_solve", "T:A T:B *b:left=True", op_linalg_solve, NULL, 0},
    {"linalg_cholesky", "T:self *b:upper=False", op_linalg_cholesky, NULL, 0},
    {"cholesky", "T:self b:upper=False", op_linalg_cholesky, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};
