/* conv_test.c — convolutions with all that may follow them, against the portable truth: within 5e-6
 * of the largest output, bit for bit the same for 1, 2 and 8 threads, and by the kernel that the
 * shape asks for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compare.h"

typedef struct conv_case {
    int64_t batch, ic, oc, h, w, kernel, stride, pad[4], group; /* pad: top, left, bottom, right */
    int residual;            /* adds the input's twin of the output's shape */
    const char *act;         /* "" or an operator of one input */
    const char *kernel_name; /* part of the kernel's name on AVX2; "" any */
} conv_case;

static const conv_case conv_cases[] = {
    /* Winograd: one phase and two, ragged edges, channels that do not fill their groups, one-sided
       padding, batches. */
    {1, 32, 32, 128, 128, 3, 1, {1, 1, 1, 1}, 1, 0, "Relu", "winograd"},
    {1, 64, 64, 56, 56, 3, 1, {1, 1, 1, 1}, 1, 0, "Relu", "winograd"},
    {1, 128, 128, 28, 28, 3, 1, {1, 1, 1, 1}, 1, 1, "Relu", "winograd"},
    {1, 256, 256, 14, 14, 3, 1, {1, 1, 1, 1}, 1, 0, "", "winograd"},
    {1, 16, 64, 55, 55, 3, 1, {1, 1, 1, 1}, 1, 0, "Relu", "winograd"},
    {1, 48, 192, 13, 13, 3, 1, {1, 1, 1, 1}, 1, 0, "Sigmoid", "winograd"},
    {2, 19, 21, 35, 41, 3, 1, {1, 1, 1, 1}, 1, 1, "", "winograd"},
    {3, 16, 24, 18, 18, 3, 1, {0, 0, 0, 0}, 1, 0, "HardSwish", "winograd"},
    {1, 17, 40, 30, 29, 3, 1, {1, 0, 2, 1}, 1, 1, "Tanh", "winograd"},
    {1, 20, 16, 16, 200, 3, 1, {2, 2, 0, 0}, 1, 0, "LeakyRelu", "winograd"},
    {9, 16, 16, 16, 16, 3, 1, {1, 1, 1, 1}, 1, 1, "Relu", "winograd"},
    {1, 512, 64, 7, 7, 3, 1, {1, 1, 1, 1}, 1, 1, "Relu", "winograd"},
    {2, 203, 216, 14, 15, 3, 1, {1, 1, 1, 1}, 1, 1, "HardSwish", "winograd"},
    {1, 200, 204, 24, 23, 3, 1, {1, 1, 1, 1}, 1, 0, "", "winograd"},
    /* Direct. */
    {1, 512, 64, 5, 6, 3, 1, {1, 1, 1, 1}, 1, 1, "Relu", "direct"},
    {1, 512, 72, 7, 7, 3, 2, {1, 1, 1, 1}, 1, 1, "Relu", "direct"},
    {1, 1031, 40, 7, 7, 1, 1, {0, 0, 0, 0}, 1, 0, "Relu", "direct"},
    {2, 264, 24, 14, 13, 1, 2, {0, 0, 0, 0}, 1, 0, "", "direct"},
    {1, 24, 40, 29, 31, 3, 2, {1, 1, 1, 1}, 1, 0, "Relu", "direct"},
    {2, 3, 32, 33, 33, 3, 2, {1, 1, 1, 1}, 1, 0, "HardSwish", "direct"},
    {1, 64, 144, 28, 28, 1, 1, {0, 0, 0, 0}, 1, 1, "Relu", "direct"},
    {1, 64, 24, 29, 31, 1, 1, {0, 0, 0, 0}, 1, 1, "HardSwish", "direct"},
    {1, 24, 72, 28, 28, 1, 1, {0, 0, 0, 0}, 1, 0, "Relu", "direct"},
    {2, 10, 37, 23, 19, 3, 1, {1, 1, 1, 1}, 1, 0, "Sigmoid", "direct"},
    {1, 40, 24, 17, 13, 5, 1, {2, 2, 2, 2}, 1, 0, "Sigmoid", "direct"},
    /* In groups. */
    {1, 128, 128, 28, 28, 3, 1, {1, 1, 1, 1}, 8, 0, "Relu", "direct"},
    {2, 64, 64, 15, 17, 3, 2, {1, 1, 1, 1}, 8, 1, "", "direct"},
    {1, 48, 120, 9, 9, 1, 1, {0, 0, 0, 0}, 3, 0, "HardSwish", "direct"},
    {1, 96, 72, 13, 12, 5, 1, {2, 2, 2, 2}, 3, 1, "Sigmoid", "direct"},
    {1, 24, 24, 28, 30, 3, 1, {1, 1, 1, 1}, 24, 0, "HardSwish", "depthwise"},
    {1, 35, 35, 15, 17, 5, 2, {2, 2, 2, 2}, 35, 0, "Relu", "depthwise"},
};

static model_bytes conv_model(const conv_case *c, const int64_t y[4])
{
    const char *const conv_in[3] = {"x", "w", "b"}, *const add_in[2] = {"c", "r"}, *last = "c",
                      *act_in[1];
    int64_t per = c->ic / c->group, weight[4] = {c->oc, per, c->kernel, c->kernel},
            x[4] = {c->batch, c->ic, c->h, c->w};
    size_t taps = (size_t)(per * c->kernel * c->kernel);
    float *w = compare_numbers((size_t)c->oc * taps, 1.7f / sqrtf((float)taps)),
          *b = compare_numbers((size_t)c->oc, 0.5f);
    model_bytes g = {0}, attributes = {0};
    model_attribute_ints(&attributes, "pads", c->pad, 4);
    model_attribute_ints(&attributes, "strides", (int64_t[]){c->stride, c->stride}, 2);
    model_attribute_int(&attributes, "group", c->group);
    model_node(&g, "", "Conv", conv_in, 3, "c", &attributes);
    if (c->residual) {
        model_node(&g, "", "Add", add_in, 2, "s", NULL);
        last = "s";
    }
    act_in[0] = last;
    if (c->act[0]) {
        model_node(&g, "", c->act, act_in, 1, "a", NULL);
        last = "a";
    }
    model_floats(&g, "w", 4, weight, w);
    model_floats(&g, "b", 1, &c->oc, b);
    model_input(&g, "x", 4, x);
    if (c->residual) model_input(&g, "r", 4, y);
    model_output(&g, last, 4, y);
    model_release(&attributes);
    free(w);
    free(b);
    return model_finish(&g);
}

int main(void)
{
    for (size_t i = 0; i < sizeof conv_cases / sizeof conv_cases[0]; i++) {
        const conv_case *c = &conv_cases[i];
        int64_t h = (c->h + c->pad[0] + c->pad[2] - c->kernel) / c->stride + 1,
                w = (c->w + c->pad[1] + c->pad[3] - c->kernel) / c->stride + 1;
        int64_t y[4] = {c->batch, c->oc, h, w};
        compare_input in[2] = {{4, {c->batch, c->ic, c->h, c->w}}, {4, {y[0], y[1], y[2], y[3]}}};
        char name[96];
        snprintf(name, sizeof name, "conv_test.c: case %d (%lld -> %lld at %lldx%lld)", (int)i,
                 (long long)c->ic, (long long)c->oc, (long long)c->h, (long long)c->w);
        model_bytes model = conv_model(c, y);
        compare_model(name, &model, in, 1 + c->residual, 5e-6, c->kernel_name);
    }
    return compare_end();
}
