/* ref_gemm.c — blocks of matrix products. */
#include "backend/cpu/ref/ref_gemm.h"

#define T float
#define FN(name) ref_gemm_##name##_f32
#include "backend/cpu/ref/gemm_tmpl.h"
#define T double
#define FN(name) ref_gemm_##name##_f64
#include "backend/cpu/ref/gemm_tmpl.h"
#define T uint32_t
#define FN(name) ref_gemm_##name##_u32
#include "backend/cpu/ref/gemm_tmpl.h"
#define T uint64_t
#define FN(name) ref_gemm_##name##_u64
#include "backend/cpu/ref/gemm_tmpl.h"

void xk_gemm_block(const ref_gemm_view *g, int64_t row, int64_t rows, int64_t column,
                   int64_t columns, void *acc)
{
    bool dots = g->b_column != 1;
    switch (g->kind) {
    case XK_F32:
        (dots ? ref_gemm_dots_f32 : ref_gemm_block_f32)(g, row, rows, column, columns, acc);
        break;
    case XK_F64:
        (dots ? ref_gemm_dots_f64 : ref_gemm_block_f64)(g, row, rows, column, columns, acc);
        break;
    case XK_I32:
        (dots ? ref_gemm_dots_u32 : ref_gemm_block_u32)(g, row, rows, column, columns, acc);
        break;
    default:
        (dots ? ref_gemm_dots_u64 : ref_gemm_block_u64)(g, row, rows, column, columns, acc);
        break;
    }
}
