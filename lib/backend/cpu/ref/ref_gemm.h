/* ref_gemm.h — blocks of matrix products in any computing type. */
#ifndef XK_REF_GEMM_H
#define XK_REF_GEMM_H

#include "backend/cpu/ref/ref_block.h"

enum { REF_GEMM_ROWS = 4, REF_GEMM_COLUMNS = 256 };

/* One product: elements of `kind`, strides in elements. Either b_column or b_row is 1. Integers
 * wrap. */
typedef struct ref_gemm_view {
    xk_kind kind;
    const void *a, *b;
    int64_t k, a_row, a_column, b_row, b_column;
} ref_gemm_view;

/* acc[rows][REF_GEMM_COLUMNS] of g->kind; rows <= REF_GEMM_ROWS, columns <= REF_GEMM_COLUMNS. */
void xk_gemm_block(const ref_gemm_view *g, int64_t row, int64_t rows, int64_t column,
                   int64_t columns, void *acc);

#endif
