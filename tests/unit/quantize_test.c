/* quantize_test.c — scales against a brute-force search, and graphs before and after. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/allocator.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "quantize/quantize.h"
#include "quantize/scale.h"

static int quantize_passed, quantize_failed;

#define CHECK(condition) quantize_check((condition) != 0, #condition, __LINE__)

static void quantize_check(int ok, const char *what, int line)
{
    quantize_passed += ok;
    quantize_failed += !ok;
    if (!ok) printf("quantize_test.c:%d: %s\n", line, what);
}

static double error_of(const float *w, int n, int bits, double scale)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double q = nearbyint(w[i] / scale), low = -(1 << (bits - 1)), high = (1 << (bits - 1)) - 1;
        q = q < low ? low : q > high ? high : q;
        sum += (w[i] - q * scale) * (w[i] - q * scale);
    }
    return sum;
}

/* Not worse than scaling by the largest weight, within 2 % of the best of 4,000 scales; for a scale
 * of one weight in two, too. */
static void test_search(void)
{
    uint32_t state = 7;
    for (int round = 0; round < 40; round++) {
        float w[128], most = 0, scale;
        double error, power, best = INFINITY;
        int bits = 2 + round % 7, n = 5 + (round * 37) % 123;
        for (int i = 0; i < n; i++) {
            double u = 0;
            for (int k = 0; k < 4; k++)
                u += (double)((state = state * 1664525u + 1013904223u) >> 8) / 8388608.0 - 1.0;
            w[i] = (float)(u * (i % 17 == 3 ? 4 : 1));
            most = fabsf(w[i]) > most ? fabsf(w[i]) : most;
        }
        xi_scale_set set = {(const char *)w, n, 1, 4}, pairs = {(const char *)w, (n + 1) / 2, 1, 8};
        double whole = (double)most / ((1 << (bits - 1)) - 1);
        for (int k = 0; k < 4000; k++)
            best = fmin(best, error_of(w, n, bits, whole * (0.35 + 0.65 * (k + 1) / 4000)));
        CHECK(xi_scale_search(&set, bits, &scale, &error, &power));
        CHECK(fabs(error - error_of(w, n, bits, (double)scale)) <= 1e-4 * error + 1e-9);
        CHECK(error <= error_of(w, n, bits, whole) * (1 + 1e-6) + 1e-12 &&
              error <= best * 1.02 + 1e-9);
        CHECK(xi_scale_search(&pairs, bits, &scale, &error, &power) && power > 0);
    }
    float odd[3] = {1.0f, NAN, 2.0f}, none[2] = {0.0f, -0.0f}, scale;
    double error, power;
    CHECK(!xi_scale_search(&(xi_scale_set){(const char *)odd, 3, 1, 4}, 4, &scale, &error, &power));
    odd[1] = INFINITY;
    CHECK(!xi_scale_search(&(xi_scale_set){(const char *)odd, 3, 1, 4}, 4, &scale, &error, &power));
    CHECK(
        xi_scale_search(&(xi_scale_set){(const char *)none, 2, 1, 4}, 4, &scale, &error, &power) &&
        scale == 1 && error == 0);
    CHECK(xi_scale_round(10, 1, 4) == 7 && xi_scale_round(-10, 1, 4) == -8 &&
          xi_scale_round(2.5f, 1, 4) == 2);
}

typedef struct quantize_case {
    const char *name, *before;
    xinf_quantize_options options;
    xinf_status status;
    const char *parts[6]; /* must stand in the result, or in the message */
} quantize_case;

#define OPTIONS(bits, activation, how)                                  \
    {                                                                   \
        sizeof(xinf_quantize_options), bits, activation, how, 16, 0, 16 \
    }

static const quantize_case quantize_cases[] = {
    {"weights of a product shared by two nodes are quantised once; so is their input",
     "input %x : f32[N,32] const %w : f32[32,8] = random(1) %a : f32[*] = MatMul(%x, %w) %b : "
     "f32[*] = MatMul(%x, %w) %y : f32[*] = Add(%a, %b)"
     " output %y",
     OPTIONS(4, 8, XINF_QUANTIZE_PER_CHANNEL),
     XINF_OK,
     {"%w_quantized : i4[32,8]", "%w_scale : f32[8]", "= DynamicQuantizeLinear(%x)", "{axis = 1}"}},
    {"groups along the summed axis",
     "input %x : f32[N,40] const %w : f32[8,40] = random(1) %y : f32[*] = Gemm(%x, %w) {transB = "
     "1} output %y",
     OPTIONS(8, 32, XINF_QUANTIZE_PER_GROUP),
     XINF_OK,
     {"%w_quantized : i8[8,40]", "%w_scale : f32[8,3]", "axis = 1", "block_size = 16"}},
    {"one scale for a convolution",
     "input %x : f32[1,4,6,6] const %w : f32[8,4,3,3] = random(1) %y : f32[*] = Conv(%x, %w) "
     "output %y",
     OPTIONS(5, 32, XINF_QUANTIZE_PER_TENSOR),
     XINF_OK,
     {"%w_quantized : i8[8,4,3,3]", "%w_scale : f32[]"}},
    {"within a branch, with the graph around",
     "input %x : f32[N,32] const %q : bool[] = [1] const %w : f32[32,8] = random(1) %y : f32[*] = "
     "If(%q) {then_branch = graph \"t\" {"
     " %t : f32[*] = MatMul(%x, %w) output %t }, else_branch = graph \"e\" { %e : f32[*] = "
     "MatMul(%x, %w) output %e }} output %y",
     OPTIONS(4, 8, XINF_QUANTIZE_PER_CHANNEL),
     XINF_OK,
     {"%w_quantized : i4[32,8]"}},
    {"already",
     "input %x : f32[N,32] %q : u8[*], %s : f32[*], %z : u8[*] = DynamicQuantizeLinear(%x) output "
     "%q",
     OPTIONS(4, 8, 0),
     XINF_INVALID_ARGUMENT,
     {"quantised already", "DynamicQuantizeLinear"}},
    {"nothing",
     "input %x : f32[N,32] %y : f32[*] = Relu(%x) output %y",
     OPTIONS(4, 8, 0),
     XINF_UNSUPPORTED,
     {"nothing to quantise"}},
};

static void test_case(const quantize_case *c)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    xi_family *family = NULL;
    xi_graph *g = NULL;
    xi_text text;
    char source[2048];
    int before = quantize_failed;
    xi_quantize_report report = {.alloc = alloc};
    snprintf(source, sizeof source, "graph \"g\" { %s }", c->before);
    xi_text_init(&text, &alloc);
    CHECK(xi_family_create(&family, &alloc, 0, &err) == XINF_OK &&
          xi_graph_parse(&g, family, xi_str_of(source), &err) == XINF_OK);
    if (g && xi_graph_infer(g, &err) == XINF_OK) {
        CHECK(xi_quantize_graph(g, &c->options, &report, &err) == c->status);
        xi_graph_print(g, &text);
        for (int i = 0; c->parts[i]; i++) {
            const char *in = c->status == XINF_OK ? text.ptr : err.message,
                       *at = in ? strstr(in, c->parts[i]) : NULL;
            CHECK(at != NULL);
            if (!at) printf("  no \"%s\" in:\n%s\n", c->parts[i], in ? in : "");
        }
    }
    if (quantize_failed != before) printf("  in %s: %s\n", c->name, err.message);
    xi_quantize_report_free(&report);
    xi_text_free(&text);
    xi_family_destroy(family);
}

int main(void)
{
    test_search();
    for (size_t i = 0; i < sizeof quantize_cases / sizeof *quantize_cases; i++)
        test_case(&quantize_cases[i]);
    printf("%d passed, %d failed, 0 skipped\n", quantize_passed, quantize_failed);
    return quantize_failed != 0;
}
