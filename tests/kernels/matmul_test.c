/* matmul_test.c — matrix products of many shapes, with what may follow them, against the portable
 * truth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compare.h"

typedef struct matmul_case {
    int64_t batch, m, n, k;
    int constant; /* B is a weight */
    int trans_b;  /* by Gemm */
    int bias, residual;
    const char *act; /* "" or an operator of one input */
} matmul_case;

static const matmul_case matmul_cases[] = {
    /* A packed: blocks of k, of rows, ragged tiles and panels. */
    {1, 128, 768, 768, 1, 0, 1, 0, ""},
    {1, 197, 192, 3072, 1, 0, 1, 1, ""},
    {1, 197, 768, 768, 1, 1, 1, 0, "Gelu"},
    {1, 13, 70, 264, 1, 0, 1, 0, "Relu"},
    {1, 521, 88, 512, 1, 0, 0, 0, ""},
    {2, 130, 65, 1000, 1, 0, 1, 1, "Sigmoid"},
    {3, 40, 72, 776, 0, 0, 0, 0, ""},
    {1, 64, 96, 1552, 0, 1, 1, 0, ""},
    /* A where it lies: few rows, a k that is no multiple of 8, narrow results. */
    {1, 1, 1000, 1280, 1, 1, 1, 0, ""},
    {1, 5, 33, 77, 1, 0, 1, 0, "Tanh"},
    {1, 3136, 96, 96, 1, 0, 1, 0, "Gelu"},
    {1, 300, 17, 515, 1, 0, 0, 0, ""},
    {4, 31, 15, 20, 0, 0, 0, 0, ""},
    {1, 7, 1, 300, 1, 0, 0, 0, ""},
    {12, 50, 64, 50, 0, 0, 0, 1, ""},
};

static model_bytes matmul_model(const matmul_case *c, compare_input *in, int *count)
{
    int64_t batch = c->trans_b ? 0 : c->batch, b_shape[3] = {batch, c->k, c->n},
            y[3] = {batch, c->m, c->n};
    const char *const mm_in[3] = {"x", "w", "b"}, *last = "c";
    model_bytes g = {0}, attributes = {0};
    *count = 1;
    in[0] = batch ? (compare_input){3, {batch, c->m, c->k}} : (compare_input){2, {c->m, c->k}};
    model_input(&g, "x", in[0].rank, in[0].shape);
    if (c->trans_b) {
        model_attribute_int(&attributes, "transB", 1);
        b_shape[1] = c->n, b_shape[2] = c->k;
    }
    if (c->constant) {
        float *w = compare_numbers((size_t)(c->k * c->n), 1.7f / sqrtf((float)c->k));
        model_floats(&g, "w", 2, b_shape + 1, w);
        free(w);
    } else {
        in[*count] = batch ? (compare_input){3, {batch, b_shape[1], b_shape[2]}}
                           : (compare_input){2, {b_shape[1], b_shape[2]}};
        model_input(&g, "w", in[*count].rank, in[*count].shape);
        ++*count;
    }
    if (c->bias) {
        float *b = compare_numbers((size_t)c->n, 0.5f);
        model_floats(&g, "b", 1, &c->n, b);
        free(b);
    }
    model_node(&g, "", c->trans_b ? "Gemm" : "MatMul", mm_in, c->trans_b && c->bias ? 3 : 2, "c",
               &attributes);
    if (c->bias && !c->trans_b)
        model_node(&g, "", "Add", (const char *const[]){"c", "b"}, 2, "d", NULL), last = "d";
    if (c->residual) {
        in[*count] = batch ? (compare_input){3, {batch, c->m, c->n}}
                           : (compare_input){2, {c->m, c->n}};
        model_input(&g, "r", in[*count].rank, in[*count].shape);
        ++*count;
        model_node(&g, "", "Add", (const char *const[]){last, "r"}, 2, "s", NULL), last = "s";
    }
    if (c->act[0])
        model_node(&g, "", c->act, (const char *const[]){last}, 1, "a", NULL), last = "a";
    model_output(&g, last, batch ? 3 : 2, batch ? y : y + 1);
    model_release(&attributes);
    return model_finish(&g);
}

int main(void)
{
    for (size_t i = 0; i < sizeof matmul_cases / sizeof matmul_cases[0]; i++) {
        const matmul_case *c = &matmul_cases[i];
        compare_input in[4];
        char name[96];
        int count;
        snprintf(name, sizeof name, "matmul_test.c: case %d (%lldx%lldx%lld)", (int)i,
                 (long long)c->m, (long long)c->n, (long long)c->k);
        model_bytes model = matmul_model(c, in, &count);
        compare_model(name, &model, in, count, 5e-6, "packed");
    }
    return compare_end();
}
