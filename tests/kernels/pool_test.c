/* pool_test.c — pooling of blocked images (behind a convolution, which makes them so) against the
 * portable truth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compare.h"

typedef struct pool_case {
    const char *op, *kernel_name;
    int64_t batch, channels, h, w, kernel[2], stride[2], pad[4], dilation, ceil, include_pad;
} pool_case;

static const pool_case pool_cases[] = {
    {"MaxPool", "max_pool_f32_c8", 1, 16, 113, 57, {3, 3}, {2, 2}, {1, 1, 1, 1}, 1, 0, 0},
    {"MaxPool", "max_pool_f32_c8", 2, 20, 55, 55, {3, 3}, {2, 2}, {0, 0, 0, 0}, 1, 1, 0},
    {"MaxPool", "max_pool_f32_c8", 1, 16, 32, 30, {2, 2}, {2, 2}, {0, 0, 0, 0}, 1, 0, 0},
    {"MaxPool", "max_pool_f32_c8", 1, 11, 9, 9, {5, 3}, {1, 1}, {2, 1, 2, 1}, 1, 0, 0},
    {"MaxPool", "max_pool_f32_c8", 1, 8, 21, 19, {3, 3}, {2, 1}, {2, 2, 1, 0}, 2, 0, 0},
    {"MaxPool", "max_pool_f32_c8", 1, 8, 3, 2, {3, 3}, {3, 3}, {1, 1, 1, 1}, 1, 0, 0},
    {"AveragePool", "average_pool_f32_c8", 1, 16, 28, 29, {3, 3}, {2, 2}, {1, 1, 1, 1}, 1, 0, 0},
    {"AveragePool", "average_pool_f32_c8", 2, 13, 14, 15, {2, 4}, {1, 3}, {1, 2, 0, 1}, 1, 0, 1},
};

static int64_t pool_size(const pool_case *c, int axis, int64_t in)
{
    int64_t span = in + c->pad[axis] + c->pad[2 + axis] - c->dilation * (c->kernel[axis] - 1) - 1;
    int64_t out = (span + (c->ceil ? c->stride[axis] - 1 : 0)) / c->stride[axis] + 1;
    return c->ceil && (out - 1) * c->stride[axis] >= in + c->pad[axis] ? out - 1 : out;
}

static model_bytes pool_model(const pool_case *c, const compare_input *x)
{
    const char *const conv_in[2] = {"x", "w"}, *const pool_in[1] = {"c"};
    int64_t weight[4] = {c->channels, c->channels, 1, 1},
            y[4] = {c->batch, c->channels, pool_size(c, 0, c->h), pool_size(c, 1, c->w)};
    float *w = compare_numbers((size_t)(c->channels * c->channels), 1.0f);
    model_bytes g = {0}, a = {0};
    model_attribute_ints(&a, "kernel_shape", c->kernel, 2);
    model_attribute_ints(&a, "strides", c->stride, 2);
    model_attribute_ints(&a, "pads", c->pad, 4);
    model_attribute_ints(&a, "dilations", (int64_t[]){c->dilation, c->dilation}, 2);
    if (c->ceil) model_attribute_int(&a, "ceil_mode", 1);
    if (c->op[0] == 'A') model_attribute_int(&a, "count_include_pad", c->include_pad);
    model_node(&g, "", "Conv", conv_in, 2, "c", NULL);
    model_node(&g, "", c->op, pool_in, 1, "y", &a);
    model_floats(&g, "w", 4, weight, w);
    model_input(&g, "x", 4, x->shape);
    model_output(&g, "y", 4, y);
    model_release(&a);
    free(w);
    return model_finish(&g);
}

int main(void)
{
    for (size_t i = 0; i < sizeof pool_cases / sizeof pool_cases[0]; i++) {
        const pool_case *c = &pool_cases[i];
        compare_input x = {4, {c->batch, c->channels, c->h, c->w}};
        char name[64];
        snprintf(name, sizeof name, "pool_test.c: case %d", (int)i);
        model_bytes model = pool_model(c, &x);
        compare_model(name, &model, &x, 1, 5e-6, c->kernel_name);
    }
    return compare_end();
}
