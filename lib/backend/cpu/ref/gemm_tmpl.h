/* gemm_tmpl.h — a block of a matrix product for one type: included with T and FN(name) defined. */

/* acc[rows][REF_GEMM_COLUMNS] = rows of A times columns of B, summed over k in rising order. */
static void FN(block)(const ref_gemm_view *g, int64_t row, int64_t rows, int64_t column,
                      int64_t columns, T *acc)
{
    const T *a = (const T *)g->a + row * g->a_row;
    for (int64_t i = 0; i < rows * REF_GEMM_COLUMNS; i++) acc[i] = 0;
    T *acc0 = acc, *acc1 = acc + REF_GEMM_COLUMNS, *acc2 = acc1 + REF_GEMM_COLUMNS,
      *acc3 = acc2 + REF_GEMM_COLUMNS;
    for (int64_t p = 0; p < g->k; p++) {
        const T *b = (const T *)g->b + p * g->b_row + column, *from = a + p * g->a_column;
        if (rows == 4) {
            T v0 = from[0], v1 = from[g->a_row], v2 = from[2 * g->a_row], v3 = from[3 * g->a_row];
            for (int64_t j = 0; j < columns; j++) {
                T v = b[j];
                acc0[j] += v0 * v;
                acc1[j] += v1 * v;
                acc2[j] += v2 * v;
                acc3[j] += v3 * v;
            }
            continue;
        }
        for (int64_t r = 0; r < rows; r++) {
            T v = from[r * g->a_row], *to = acc + r * REF_GEMM_COLUMNS;
            for (int64_t j = 0; j < columns; j++) to[j] += v * b[j];
        }
    }
}

/* The same where B lies by columns: dot products in sixteen lanes. */
static void FN(dots)(const ref_gemm_view *g, int64_t row, int64_t rows, int64_t column,
                     int64_t columns, T *acc)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < columns; j++) {
            const T *a = (const T *)g->a + (row + r) * g->a_row,
                    *b = (const T *)g->b + (column + j) * g->b_column;
            T lane[16] = {0}, sum = 0;
            int64_t p = 0;
            if (g->a_column == 1)
                for (; p + 16 <= g->k; p += 16)
                    for (int32_t l = 0; l < 16; l++) lane[l] += a[p + l] * b[p + l];
            for (; p < g->k; p++) sum += a[p * g->a_column] * b[p];
            for (int32_t l = 0; l < 16; l++) sum += lane[l];
            acc[r * REF_GEMM_COLUMNS + j] = sum;
        }
}

#undef T
#undef FN
