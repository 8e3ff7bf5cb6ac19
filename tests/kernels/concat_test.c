/* concat_test.c — concatenations whose inputs may be computed where they belong in the output: each
 * graph in a way that breaks when a value is overwritten too early or two values want the same
 * place. */
#include <stdlib.h>

#include "compare.h"

enum { CONCAT_CHANNELS = 16, CONCAT_SIDE = 9 };

static void concat_conv(model_bytes *g, const char *in, const char *out, const char *weight,
                        int64_t channels)
{
    const char *const names[2] = {in, weight};
    int64_t shape[4] = {CONCAT_CHANNELS, channels, 1, 1};
    float *w = compare_numbers((size_t)(CONCAT_CHANNELS * channels), 0.3f);
    model_floats(g, weight, 4, shape, w);
    model_node(g, "", "Conv", names, 2, out, NULL);
    free(w);
}

static void concat_of(model_bytes *g, const char *const *in, int count, const char *out)
{
    model_bytes a = {0};
    model_attribute_int(&a, "axis", 1);
    model_node(g, "", "Concat", in, count, out, &a);
    model_release(&a);
}

static void concat_try(const char *name, model_bytes *g, const char *out, int64_t batch,
                       int64_t channels)
{
    compare_input x = {4, {batch, CONCAT_CHANNELS, CONCAT_SIDE, CONCAT_SIDE}};
    int64_t y[4] = {batch, channels, CONCAT_SIDE, CONCAT_SIDE};
    model_input(g, "x", 4, x.shape);
    model_output(g, out, 4, y);
    model_bytes model = model_finish(g);
    compare_model(name, &model, &x, 1, 5e-6, "concat_f32_c8");
}

static void concat_plain(const char *name, int64_t batch)
{
    model_bytes g = {0};
    concat_conv(&g, "x", "a", "wa", 16);
    concat_conv(&g, "x", "b", "wb", 16);
    concat_of(&g, (const char *const[]){"a", "b"}, 2, "k");
    concat_conv(&g, "k", "y", "wy", 32);
    concat_try(name, &g, "y", batch, 16);
}

/* A piece is read after the concatenation, by an operator that would like to work in place. */
static void concat_read_later(void)
{
    model_bytes g = {0};
    concat_conv(&g, "x", "a", "wa", 16);
    concat_conv(&g, "a", "b", "wb", 16);
    concat_of(&g, (const char *const[]){"b", "a"}, 2, "k");
    model_node(&g, "", "Sigmoid", (const char *const[]){"a"}, 1, "s", NULL);
    concat_conv(&g, "k", "c", "wc", 32);
    model_node(&g, "", "Tanh", (const char *const[]){"a"}, 1, "t", NULL);
    model_node(&g, "", "Mul", (const char *const[]){"s", "t"}, 2, "m", NULL);
    model_node(&g, "", "Sub", (const char *const[]){"c", "m"}, 2, "y", NULL);
    concat_try("concat_test.c: a piece is read later", &g, "y", 1, 16);
}

static void concat_same_twice(void)
{
    model_bytes g = {0};
    concat_conv(&g, "x", "a", "wa", 16);
    model_node(&g, "", "Sigmoid", (const char *const[]){"a"}, 1, "s", NULL);
    concat_of(&g, (const char *const[]){"s", "s", "a"}, 3, "k");
    concat_conv(&g, "k", "y", "wy", 48);
    concat_try("concat_test.c: one value twice", &g, "y", 1, 16);
}

/* Concatenations of concatenations, and a piece that two of them want. */
static void concat_nested(void)
{
    model_bytes g = {0};
    concat_conv(&g, "x", "a", "wa", 16);
    concat_conv(&g, "a", "b", "wb", 16);
    concat_of(&g, (const char *const[]){"a", "b"}, 2, "k1");
    concat_conv(&g, "k1", "c", "wc", 32);
    concat_of(&g, (const char *const[]){"k1", "c"}, 2, "k2");
    concat_conv(&g, "k2", "d", "wd", 48);
    concat_of(&g, (const char *const[]){"d", "k2", "b"}, 3, "k3");
    concat_conv(&g, "k3", "e", "we", 80);
    concat_of(&g, (const char *const[]){"c", "e"}, 2, "k4");
    concat_conv(&g, "k4", "y", "wy", 32);
    concat_try("concat_test.c: nested", &g, "y", 1, 16);
}

/* The output is in place of the concatenation's memory, while a piece is still wanted. */
static void concat_overwritten(void)
{
    model_bytes g = {0};
    concat_conv(&g, "x", "a", "wa", 16);
    concat_conv(&g, "a", "b", "wb", 16);
    concat_of(&g, (const char *const[]){"a", "b"}, 2, "k");
    model_node(&g, "", "Sigmoid", (const char *const[]){"k"}, 1, "s", NULL);
    concat_conv(&g, "s", "c", "wc", 32);
    model_node(&g, "", "Add", (const char *const[]){"b", "c"}, 2, "y", NULL);
    concat_try("concat_test.c: overwritten", &g, "y", 1, 16);
}

int main(void)
{
    concat_plain("concat_test.c: two pieces", 1);
    concat_plain("concat_test.c: a batch", 3);
    concat_read_later();
    concat_same_twice();
    concat_nested();
    concat_overwritten();
    return compare_end();
}
