/* attention_test.c — softmax(scale · Q Kᵀ + mask) V as models write it, by the attention kernel,
 * against the portable truth. */
#include <stdio.h>

#include "compare.h"

typedef struct attention_case {
    int64_t batch, heads, queries, keys, depth, width;
    int mask;
} attention_case;

static const attention_case attention_cases[] = {
    {1, 3, 197, 197, 64, 64, 0}, {2, 2, 128, 128, 64, 64, 1}, {1, 2, 50, 33, 20, 24, 1},
    {1, 1, 7, 100, 13, 5, 0},    {2, 1, 1, 16, 8, 16, 1},
};

static model_bytes attention_model(const attention_case *c, compare_input *in)
{
    int64_t scores[4] = {c->batch, c->heads, c->queries, c->keys},
            y[4] = {c->batch, c->heads, c->queries, c->width}, one = 1;
    float scale = 0.125f;
    const char *last = "s";
    model_bytes g = {0}, a = {0};
    in[0] = (compare_input){4, {c->batch, c->heads, c->queries, c->depth}};
    in[1] = (compare_input){4, {c->batch, c->heads, c->keys, c->depth}};
    in[2] = (compare_input){4, {c->batch, c->heads, c->keys, c->width}};
    in[3] = (compare_input){4, {c->batch, 1, scores[2], scores[3]}};
    model_input(&g, "q", 4, in[0].shape);
    model_input(&g, "k", 4, in[1].shape);
    model_input(&g, "v", 4, in[2].shape);
    if (c->mask) model_input(&g, "m", 4, in[3].shape);
    model_floats(&g, "scale", 1, &one, &scale);
    model_attribute_ints(&a, "perm", (int64_t[]){0, 1, 3, 2}, 4);
    model_node(&g, "", "Transpose", (const char *const[]){"k"}, 1, "t", &a);
    model_node(&g, "", "MatMul", (const char *const[]){"q", "t"}, 2, "p", NULL);
    model_node(&g, "", "Mul", (const char *const[]){"p", "scale"}, 2, "s", NULL);
    if (c->mask)
        model_node(&g, "", "Add", (const char *const[]){"s", "m"}, 2, "n", NULL), last = "n";
    model_release(&a);
    model_attribute_int(&a, "axis", -1);
    model_node(&g, "", "Softmax", (const char *const[]){last}, 1, "w", &a);
    model_node(&g, "", "MatMul", (const char *const[]){"w", "v"}, 2, "y", NULL);
    model_output(&g, "y", 4, y);
    model_release(&a);
    return model_finish(&g);
}

int main(void)
{
    for (size_t i = 0; i < sizeof attention_cases / sizeof attention_cases[0]; i++) {
        const attention_case *c = &attention_cases[i];
        compare_input in[4];
        char name[64];
        snprintf(name, sizeof name, "attention_test.c: case %d", (int)i);
        model_bytes model = attention_model(c, in);
        compare_model(name, &model, in, 3 + c->mask, 5e-6, "attention_f32_head");
    }
    return compare_end();
}
