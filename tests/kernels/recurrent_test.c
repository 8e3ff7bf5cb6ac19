/* recurrent_test.c — LSTM and GRU against the portable truth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compare.h"

typedef struct recurrent_case {
    const char *op, *kernel_name;
    int64_t steps, batch, input, hidden, directions, reset_after;
    int bias, start;
} recurrent_case;

static const recurrent_case recurrent_cases[] = {
    {"GRU", "gru_f32_packed", 20, 1, 48, 64, 1, 0, 1, 0},
    {"GRU", "gru_f32_packed", 11, 3, 7, 40, 2, 1, 1, 1},
    {"GRU", "gru_f32_packed", 9, 2, 33, 8, 2, 0, 0, 0},
    {"GRU", "gru_f32_packed", 5, 1, 1, 24, 1, 1, 0, 1},
    {"LSTM", "lstm_f32_packed", 20, 1, 48, 64, 1, 0, 1, 0},
    {"LSTM", "lstm_f32_packed", 7, 3, 10, 48, 2, 0, 1, 1},
};

static void recurrent_weight(model_bytes *g, const char *name, int64_t a, int64_t b, int64_t c)
{
    float *w = compare_numbers((size_t)(a * b * c), 1.5f / sqrtf((float)c));
    model_floats(g, name, 3, (int64_t[]){a, b, c}, w);
    free(w);
}

static model_bytes recurrent_model(const recurrent_case *c, compare_input *in)
{
    int64_t gates = c->op[0] == 'G' ? 3 : 4, rows = gates * c->hidden,
            y[4] = {c->steps, c->directions, c->batch, c->hidden};
    const char *const names[7] = {"x", "w", "r", c->bias ? "b" : "", "", c->start ? "h" : "", ""};
    model_bytes g = {0}, a = {0};
    in[0] = (compare_input){3, {c->steps, c->batch, c->input}};
    in[1] = (compare_input){3, {c->directions, c->batch, c->hidden}};
    model_input(&g, "x", 3, in[0].shape);
    if (c->start) model_input(&g, "h", 3, in[1].shape);
    recurrent_weight(&g, "w", c->directions, rows, c->input);
    recurrent_weight(&g, "r", c->directions, rows, c->hidden);
    if (c->bias) {
        float *b = compare_numbers((size_t)(2 * c->directions * rows), 0.5f);
        model_floats(&g, "b", 2, (int64_t[]){c->directions, 2 * rows}, b);
        free(b);
    }
    model_attribute_int(&a, "hidden_size", c->hidden);
    if (c->directions == 2) model_attribute_text(&a, "direction", "bidirectional");
    if (gates == 3) model_attribute_int(&a, "linear_before_reset", c->reset_after);
    model_node(&g, "", c->op, names, c->start ? 6 : c->bias ? 4 : 3, "y", &a);
    model_output(&g, "y", 4, y);
    model_release(&a);
    return model_finish(&g);
}

int main(void)
{
    for (size_t i = 0; i < sizeof recurrent_cases / sizeof recurrent_cases[0]; i++) {
        const recurrent_case *c = &recurrent_cases[i];
        compare_input in[2];
        char name[64];
        snprintf(name, sizeof name, "recurrent_test.c: case %d", (int)i);
        model_bytes model = recurrent_model(c, in);
        compare_model(name, &model, in, 1 + c->start, 5e-6, c->kernel_name);
    }
    return compare_end();
}
