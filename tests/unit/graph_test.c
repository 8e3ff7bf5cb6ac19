/* graph_test.c — the text form there and back, what it refuses, and domain "xinf" against its
 * expansion. */
#include <math.h>
#include <stdio.h>

#include "backend/cpu/table.h"
#include "base/allocator.h"
#include "graph/op.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "plan/plan.h"

static int graph_passed, graph_failed;

#define CHECK(condition) graph_check((condition) != 0, #condition, __LINE__)

static void graph_check(int ok, const char *what, int line)
{
    if (ok) {
        graph_passed++;
        return;
    }
    graph_failed++;
    printf("graph_test.c:%d: %s\n", line, what);
}

static const char graph_sample[] =
    "graph \"main\" {\n"
    "  input %x : f32[N,3,\"a b\",?]\n"
    "  input %list : sequence(optional(f32[*]))\n"
    "  input %pairs : map(string, i64[])\n"
    "  state %h : f32[1,2] from f32[1,2] = [0.0, 1.5] \"hidden\"\n"
    "  const %w : f32[8,3,3,3] = random(7)\n"
    "  const %\"odd name\" : string[2] = [\"a\\\"b\", \"\\x00\\n\"]\n"
    "  const %half : f16[3] = [0.5, nan, -inf]\n"
    "  const %c : bool[] = [1]\n"
    "  %y : f32[N,8,?,?] = Conv(%x, %w) {kernel_shape = [3, 3], group = 1} \"Conv_0\"\n"
    "  %z : f32[*], _ = \"my domain\" \"Op.x\"(%y, _, %\"odd name\", %half) {alpha = 1.0, list = "
    "ints[], f = [0.1, 2.0], t = tensor i8[2] = "
    "[-1, 2], e = type f32[?], s = [\"x\"]}\n"
    "  %r : f32[1,2] = If(%c) {then_branch = graph \"a\" {\n"
    "    %a : f32[1,2] = Neg(%h)\n"
    "    output %a\n"
    "  }, else_branch = graph \"b\" {\n"
    "    %b.1 : f32[1,2] = Abs(%h)\n"
    "    output %b.1\n"
    "  }}\n"
    "  write %h <- %r\n"
    "  output %y\n"
    "  output %z\n"
    "}\n";

static xi_graph *graph_parse(xi_family **family, const char *text, xinf_error *err)
{
    xinf_allocator alloc = xi_allocator_default();
    xi_graph *g = NULL;
    *family = NULL;
    CHECK(xi_family_create(family, &alloc, 0, err) == XINF_OK);
    if (*family) xi_graph_parse(&g, *family, xi_str_of(text), err);
    return g;
}

static void graph_text(xi_text *out, const xi_graph *g)
{
    xi_text_init(out, NULL);
    xi_graph_print(g, out);
    CHECK(!out->failed);
}

/* The one constant that is too large to be written out comes back as a hash, which stands for its
 * rule here. */
static void test_round_trip(void)
{
    xi_family *family;
    xinf_error err = XINF_ERROR_INIT;
    xi_text text;
    const char *rule = strstr(graph_sample, "random(7)");
    xi_graph *g = graph_parse(&family, graph_sample, &err);
    CHECK(g != NULL);
    if (!g) printf("  %s\n", err.message);
    if (g) {
        graph_text(&text, g);
        size_t before = (size_t)(rule - graph_sample), hash = strlen("hash(\"0123456789abcdef\")");
        CHECK(text.len > before + hash && memcmp(text.ptr, graph_sample, before) == 0);
        CHECK(strcmp(text.ptr + before + hash, rule + strlen("random(7)")) == 0);
        if (strcmp(text.ptr + before + hash, rule + strlen("random(7)"))) printf("%s", text.ptr);
        CHECK(g->state_count == 1 && g->states[0].written != NULL && g->input_count == 3);
        xi_text_free(&text);
    }
    xi_family_destroy(family);
}

static void test_names_are_unique(void)
{
    xi_family *family;
    xi_text once, twice;
    xinf_error err = XINF_ERROR_INIT;
    xi_graph *g = graph_parse(
        &family, "graph \"\" { input %x : f32[2] %_0 : f32[2] = Neg(%x) output %_0 }", &err);
    CHECK(g != NULL);
    for (int i = 0; g && i < 3; i++) { /* two without a name, one whose name is taken */
        xi_node *n = xi_graph_add_node(g, NULL, XI_STR(""), XI_STR("Abs"), XI_STR(""), 1, 1, 0);
        n->inputs[0] = g->last->prev->outputs[0];
        xi_node_set_output(n, 0, xi_graph_add_value(g, i == 2 ? XI_STR("x") : XI_STR(""), NULL));
    }
    if (g) {
        graph_text(&once, g);
        xi_family *other;
        xi_graph *again = graph_parse(&other, once.ptr, &err);
        CHECK(again != NULL);
        if (again) {
            graph_text(&twice, again);
            CHECK(strcmp(once.ptr, twice.ptr) == 0);
            xi_text_free(&twice);
        }
        xi_family_destroy(other);
        xi_text_free(&once);
    }
    xi_family_destroy(family);
}

static void test_refusals(void)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "line 1: a graph is missing"},
        {"graph \"g\" {", "line 1: a graph has no end"},
        {"graph \"g\" {\n output %y }", "line 2: value \"y\" is not defined"},
        {"graph \"g\" { input %x : f32[2] input %x : f32[2] }", "defined twice"},
        {"graph \"g\" { const %x : f32[100] = hash(\"00\") }", "not in the text"},
        {"graph \"g\" { const %x : f32[2] = [1.0] }", "\",\" is missing"},
        {"graph \"g\" { const %x : f32[2] = [1.0, 2.0, 3.0] }", "\"]\" is missing"},
        {"graph \"g\" { const %x : i32[1] = [1.5] }", "a number of type i32 is missing"},
        {"graph \"g\" { const %x : f32[N] = fill(1.0) }", "sizes are known"},
        {"graph \"g\" { const %x : f32[1000000,1000000,1000000,1000000] = fill(1.0) }",
         "too large"},
        {"graph \"g\" { %y : f32[2] = Neg(%y) output %y }", "used before"},
        {"graph \"g\" { input %x : f32[2] %y : f32[2] = Neg(%x, %x) output %y }", "2 inputs"},
        {"graph \"g\" { input %x : f32[1,1,1,1,1,1,1,1,1,1,1,1,1] }", "more than 12"},
        {"graph \"g\" { input %x : f32[99999999999999999999] }", "64 bits"},
        {"graph \"g\" { input %x : f32[2] } }", "behind the graph"},
        {"graph \"g\" { input %\"x", "no end"},
        {"graph \"g\" { state %x : f32[2] }", "never written"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        xi_family *family;
        xinf_error err = XINF_ERROR_INIT;
        xi_graph *g = graph_parse(&family, bad[i].text, &err);
        CHECK(g == NULL && strstr(err.message, bad[i].says) != NULL);
        if (g || !strstr(err.message, bad[i].says))
            printf("  %s\n  %s\n", bad[i].text, err.message);
        xi_family_destroy(family);
    }
}

/* ---- domain "xinf" ---- */

/* Runs a graph whose leaves are constants; every computed value becomes one. */
static bool graph_evaluate(xi_graph *g)
{
    xinf_error err = XINF_ERROR_INIT;
    bool ok = xi_graph_infer(g, &err) == XINF_OK;
    for (xi_node *n = g->first; ok && n; n = n->next) {
        const xi_literal *in[8] = {0}, *out[4] = {0};
        for (int32_t i = 0; i < n->input_count; i++)
            in[i] = n->inputs[i] ? n->inputs[i]->literal : NULL;
        ok = xi_plan_evaluate(&xi_cpu_kernels, 0, n, in, out, g->arena, (size_t)1 << 24, &err) ==
             XINF_OK;
        for (int32_t i = 0; i < n->output_count; i++)
            if (n->outputs[i]) n->outputs[i]->literal = out[i];
    }
    if (!ok) printf("  %s\n", err.message);
    return ok;
}

static void graph_compare(const xi_literal *a, const xi_literal *b, double tolerance)
{
    double most = 0, size = 0;
    CHECK(a && b && a->count == b->count && a->dtype == b->dtype &&
          xi_shape_eq(&a->shape, &b->shape));
    if (!a || !b || a->count != b->count) return;
    for (int64_t i = 0; i < a->count; i++) {
        double x = xi_dtype_load_f64(a->data, a->dtype, i),
               y = xi_dtype_load_f64(b->data, b->dtype, i);
        most = fabs(x - y) > most ? fabs(x - y) : most;
        size = fabs(y) > size ? fabs(y) : size;
    }
    CHECK(size > 0 && most <= tolerance * size);
    if (!(most <= tolerance * size)) printf("  %g of %g\n", most, size);
}

static void test_expand(const char *text, double tolerance)
{
    xi_family *family, *other;
    xinf_error err = XINF_ERROR_INIT;
    xi_graph *fused = graph_parse(&family, text, &err), *plain = graph_parse(&other, text, &err);
    CHECK(fused && plain);
    if (fused && plain) {
        CHECK(plain->last->op && plain->last->op->expand &&
              plain->last->op->expand(plain->last, &err) == XINF_OK);
        CHECK(xi_graph_verify(plain, &err) == XINF_OK);
        bool ran = graph_evaluate(fused), both = graph_evaluate(plain) && ran;
        CHECK(both);
        if (!both) printf("  %s\n", text);
        for (int32_t i = 0; both && i < fused->output_count; i++)
            graph_compare(fused->outputs[i]->literal, plain->outputs[i]->literal, tolerance);
    } else {
        printf("  %s\n  %s\n", text, err.message);
    }
    xi_family_destroy(family);
    xi_family_destroy(other);
}

static void test_fused(void)
{
    static const char *const activations[] = {"\"\"",
                                              "\"Relu\"",
                                              "\"LeakyRelu\", activation_params = [0.2]",
                                              "\"Clip\", activation_params = [-0.1, 0.3]",
                                              "\"Sigmoid\"",
                                              "\"HardSigmoid\"",
                                              "\"HardSigmoid\", activation_params = [0.3, 0.4]",
                                              "\"HardSwish\"",
                                              "\"Tanh\"",
                                              "\"Gelu\"",
                                              "\"GeluTanh\"",
                                              "\"Swish\"",
                                              "\"Mish\"",
                                              "\"Elu\", activation_params = [0.7]",
                                              "\"Softplus\"",
                                              "\"Softsign\"",
                                              "\"ThresholdedRelu\", activation_params = [0.1]"};
    static const char *const plain[] = {
        "graph \"conv\" { const %x : f32[2,4,7,9] = random(1) const %w : f32[6,2,3,2] = random(2) "
        "const %b : f32[6] = random(3)"
        " const %r : f32[2,6,4,5] = random(4) %y : f32[*] = xinf.FusedConv(%x, %w, %b, %r) {group "
        "= 2, strides = [2, 2], pads = [1, 1, 1, 0],"
        " activation = \"Relu\"} output %y }",
        "graph \"conv\" { const %x : f32[1,3,11] = random(1) const %w : f32[5,3,3] = random(2)"
        " %y : f32[*] = xinf.FusedConv(%x, %w) {dilations = [3], auto_pad = \"SAME_LOWER\"} output "
        "%y }",
        "graph \"conv\" { const %x : f32[1,2,4,5,6] = random(1) const %w : f32[3,2,2,3,1] = "
        "random(2) const %r : f32[1,3,3,5,6] = random(5)"
        " %y : f32[*] = xinf.FusedConv(%x, %w, _, %r) {pads = [0, 1, 0, 0, 1, 0]} output %y }",
        "graph \"matmul\" { const %a : f32[2,1,5,4] = random(1) const %b : f32[3,4,6] = random(2) "
        "const %c : f32[6] = random(3)"
        " const %r : f32[3,5,6] = random(4) %y : f32[*] = xinf.FusedMatMul(%a, %b, %c, %r) "
        "{activation = \"Gelu\"} output %y }",
        "graph \"matmul\" { const %a : f32[2,4,5] = random(1) const %b : f32[6,4] = random(2)"
        " %y : f32[*] = xinf.FusedMatMul(%a, %b) {transA = 1, transB = 1, alpha = 0.125} output %y "
        "}",
        "graph \"matmul\" { const %a : f32[5,4] = random(1) const %b : f32[4,6] = random(2) const "
        "%c : f32[5,1] = random(3)"
        " %y : f32[*] = xinf.FusedMatMul(%a, %b, %c) output %y }",
        "graph \"attention\" { const %q : f32[2,3,5,4] = random(1) const %k : f32[2,3,7,4] = "
        "random(2) const %v : f32[2,3,7,6] = random(3)"
        " const %m : f32[2,1,1,7] = random(4) %y : f32[*] = xinf.Attention(%q, %k, %v, %m) {scale "
        "= 3.5} output %y }",
        "graph \"attention\" { const %q : f32[1,2,3,4] = random(1) const %k : f32[1,2,4,5] = "
        "random(2) const %v : f32[1,2,5,4] = random(3)"
        " %y : f32[*] = xinf.Attention(%q, %k, %v) {scale = 0.5, k_transposed = 1} output %y }",
        "graph \"norm\" { const %x : f32[3,4,6] = random(1) const %s : f32[3,4,6] = random(2) "
        "const %g : f32[6] = random(3)"
        " const %b : f32[6] = random(4) const %i : f32[6] = random(5)"
        " %y : f32[*], %sum : f32[*] = xinf.SkipLayerNormalization(%x, %s, %g, %b, %i) {epsilon = "
        "0.001} output %y output %sum }",
        "graph \"norm\" { const %x : f32[5,8] = random(1) const %s : f32[5,8] = random(2) const %g "
        ": f32[8] = random(3)"
        " %y : f32[*] = xinf.SkipLayerNormalization(%x, %s, %g) output %y }",
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) test_expand(plain[i], 2e-6);
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "graph \"a\" { const %%a : f32[5,9] = random(1) const %%b : f32[9,7] = random(2)"
                 " %%y : f32[*] = xinf.FusedMatMul(%%a, %%b) {activation = %s} output %%y }",
                 activations[i]);
        test_expand(text, 2e-6);
    }
    test_expand("graph \"half\" { const %x : f16[1,2,5,5] = random(1) const %w : f16[3,2,3,3] = "
                "random(2) const %b : f16[3] = random(3)"
                " %y : f16[*] = xinf.FusedConv(%x, %w, %b) {activation = \"Clip\", "
                "activation_params = [-0.5, 0.5]} output %y }",
                2e-3);
}

int main(void)
{
    test_round_trip();
    test_names_are_unique();
    test_refusals();
    test_fused();
    printf("%d passed, %d failed, 0 skipped\n", graph_passed, graph_failed);
    return graph_failed != 0;
}
