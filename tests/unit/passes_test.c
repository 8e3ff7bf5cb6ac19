/* passes_test.c — each pass as a text before and after, and the numbers of both and of the expanded
 * form. */
#include <math.h>
#include <stdio.h>

#include "backend/cpu/table.h"
#include "base/allocator.h"
#include "graph/op.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "passes/pipeline.h"
#include "plan/plan.h"

static int passes_passed, passes_failed;

#define CHECK(condition) passes_check((condition) != 0, #condition, __LINE__)

static void passes_check(int ok, const char *what, int line)
{
    if (ok) {
        passes_passed++;
        return;
    }
    passes_failed++;
    printf("passes_test.c:%d: %s\n", line, what);
}

/* `nodes`: the lines that are expected after the passes, in order, without constants; NULL ends
 * them. */
typedef struct passes_case {
    const char *name, *before, *nodes[10];
} passes_case;

static const passes_case passes_cases[] = {
    {"conv: bias, residual, activation",
     "input %x : f32[N,4,6,6] const %w : f32[4,4,3,3] = random(1) const %b : f32[1,4,1,1] = [0.5, "
     "1.0, -1.0, 0.25]"
     " %c : f32[*] = Conv(%x, %w) {pads = [1, 1, 1, 1]} \"first\" %d : f32[*] = Add(%c, %b) %e : "
     "f32[*] = Add(%x, %d)"
     " %y : f32[*] = LeakyRelu(%e) {alpha = 0.5} output %y",
     {"%y : f32[N,4,6,6] = xinf.FusedConv(%x, %w, %b, %x) {pads = [1, 1, 1, 1], activation = "
      "\"LeakyRelu\", activation_params = [0.5]} \"first\""}},
    {"conv: a result that others read stays",
     "input %x : f32[1,4,6,6] const %w : f32[4,4,1,1] = random(1) %c : f32[*] = Conv(%x, %w) %y : "
     "f32[*] = Relu(%c) output %y output %c",
     {"%c : f32[1,4,6,6] = Conv(%x, %w)", "%y : f32[1,4,6,6] = Relu(%c)"}},
    {"conv: the residual must surely be as large",
     "input %x : f32[N,4,6,6] input %r : f32[M,4,6,6] const %w : f32[4,4,1,1] = random(1) %c : "
     "f32[*] = Conv(%x, %w)"
     " %y : f32[*] = Add(%c, %r) output %y",
     {"%c : f32[N,4,6,6] = Conv(%x, %w)", "%y : f32[?,4,6,6] = Add(%c, %r)"}},
    {"conv: not into a branch",
     "input %x : f32[1,4,6,6] input %q : bool[] const %w : f32[4,4,1,1] = random(1) %c : f32[*] = "
     "Conv(%x, %w)"
     " %y : f32[*] = If(%q) {then_branch = graph \"a\" { %a : f32[*] = Relu(%c) output %a }, "
     "else_branch = graph \"b\" { %s : f32[*] = Neg(%x)"
     " output %s }} output %y",
     {"%c : f32[1,4,6,6] = Conv(%x, %w)", "%y : f32[1,4,6,6] = If(%q) {then_branch = graph \"a\" {",
      "%a : f32[1,4,6,6] = Relu(%c)", "output %a", "}, else_branch = graph \"b\" {",
      "%s : f32[1,4,6,6] = Neg(%x)", "output %s", "}}"}},
    {"matmul: bias, residual, activation",
     "input %x : f32[2,N,8] const %w : f32[8,8] = random(1) const %b : f32[8] = random(2) %c : "
     "f32[*] = MatMul(%x, %w) %d : f32[*] = Add(%b, %c)"
     " %e : f32[*] = Add(%d, %x) %y : f32[*] = Tanh(%e) output %y",
     {"%y : f32[2,N,8] = xinf.FusedMatMul(%x, %w, %b, %x) {activation = \"Tanh\"}"}},
    {"matmul: Gemm",
     "input %x : f32[5,8] const %w : f32[3,8] = random(1) const %b : f32[3] = random(2) %c : "
     "f32[*] = Gemm(%x, %w, %b) {alpha = 0.5, transB = 1}"
     " %y : f32[*] = Relu(%c) output %y",
     {"%y : f32[5,3] = xinf.FusedMatMul(%x, %w, %b) {alpha = 0.5, transB = 1, activation = "
      "\"Relu\"}"}},
    {"layernorm",
     "input %x : f32[3,8] const %a : i64[1] = [-1] const %two : f32[] = [2.0] const %eps : f32[] = "
     "[0.5] const %g : f32[8] = random(1)"
     " const %s : f32[8] = random(2) %m : f32[*] = ReduceMean(%x, %a) %d : f32[*] = Sub(%x, %m) %p "
     ": f32[*] = Pow(%d, %two)"
     " %v : f32[*] = ReduceMean(%p, %a) %e : f32[*] = Add(%v, %eps) %r : f32[*] = Sqrt(%e) %q : "
     "f32[*] = Div(%d, %r) %t : f32[*] = Mul(%q, %g)"
     " %y : f32[*] = Add(%t, %s) output %y",
     {"%y : f32[3,8] = LayerNormalization(%x, %g, %s) {axis = -1, epsilon = 0.5}"}},
    {"gelu",
     "input %x : f32[3,8] const %r : f32[] = [1.4142135] const %one : f32[] = [1.0] const %half : "
     "f32[] = [0.5] %d : f32[*] = Div(%x, %r)"
     " %e : f32[*] = Erf(%d) %p : f32[*] = Add(%one, %e) %m : f32[*] = Mul(%x, %p) %y : f32[*] = "
     "Mul(%half, %m) output %y",
     {"%y : f32[3,8] = Gelu(%x) {approximate = \"none\"}"}},
    {"gelu: another constant is another function",
     "input %x : f32[3,8] const %r : f32[] = [1.4142135] const %one : f32[] = [1.5] const %half : "
     "f32[] = [0.5] %d : f32[*] = Div(%x, %r)"
     " %e : f32[*] = Erf(%d) %p : f32[*] = Add(%one, %e) %m : f32[*] = Mul(%x, %p) %y : f32[*] = "
     "Mul(%half, %m) output %y",
     {"%d : f32[3,8] = Div(%x, %r)", "%e : f32[3,8] = Erf(%d)", "%p : f32[3,8] = Add(%one, %e)",
      "%m : f32[3,8] = Mul(%x, %p)", "%y : f32[3,8] = Mul(%half, %m)"}},
    {"hardswish",
     "input %x : f32[3,8] const %t : f32[] = [3.0] const %o : f32[] = [0.0] const %s : f32[] = "
     "[6.0] %a : f32[*] = Add(%x, %t)"
     " %c : f32[*] = Clip(%a, %o, %s) %m : f32[*] = Mul(%x, %c) %y : f32[*] = Div(%m, %s) output "
     "%y",
     {"%y : f32[3,8] = HardSwish(%x)"}},
    {"swish",
     "input %x : f32[3,8] %s : f32[*] = Sigmoid(%x) %y : f32[*] = Mul(%x, %s) output %y",
     {"%y : f32[3,8] = Swish(%x)"}},
    {"attention",
     "input %q : f32[2,3,4,8] input %k : f32[2,3,5,8] input %v : f32[2,3,5,6] input %m : "
     "f32[2,1,1,5] const %s : f32[] = [2.0]"
     " %t : f32[*] = Transpose(%k) {perm = [0, 1, 3, 2]} %a : f32[*] = MatMul(%q, %t) %b : f32[*] "
     "= Div(%a, %s) %c : f32[*] = Add(%b, %m)"
     " %p : f32[*] = Softmax(%c) {axis = -1} %y : f32[*] = MatMul(%p, %v) output %y",
     {"%y : f32[2,3,4,6] = xinf.Attention(%q, %k, %v, %m) {scale = 0.5}"}},
    {"skipnorm",
     "input %x : f32[3,8] input %z : f32[3,8] const %g : f32[8] = random(1) %s : f32[*] = Add(%x, "
     "%z)"
     " %y : f32[*] = LayerNormalization(%s, %g) {epsilon = 0.5} output %y output %s",
     {"%y : f32[3,8], %s : f32[3,8] = xinf.SkipLayerNormalization(%x, %z, %g) {epsilon = 0.5}"}},
    {"batchnorm",
     "input %x : f32[1,2,4,4] const %w : f32[3,2,1,1] = random(1) const %g : f32[3] = [1.0, 2.0, "
     "0.5] const %b : f32[3] = random(3)"
     " const %m : f32[3] = random(4) const %v : f32[3] = [0.5, 1.5, 3.0] %c : f32[*] = Conv(%x, "
     "%w) \"c\""
     " %y : f32[*] = BatchNormalization(%c, %g, %b, %m, %v) output %y",
     {"%y : f32[1,3,4,4] = Conv(%x, %w, %_0) \"c\""}},
    {"scale",
     "input %x : f32[1,4,4,2] const %w : f32[2,3] = random(1) const %g : f32[3,1,1] = [1.0, 2.0, "
     "0.5] %c : f32[*] = MatMul(%x, %w)"
     " %t : f32[*] = Transpose(%c) {perm = [0, 3, 1, 2]} %y : f32[*] = Mul(%g, %t) output %y",
     {"%c : f32[1,4,4,3] = MatMul(%x, %w)",
      "%y : f32[1,3,4,4] = Transpose(%c) {perm = [0, 3, 1, 2]}"}},
    {"pad",
     "input %x : f32[1,2,4,4] const %w : f32[3,2,3,3] = random(1) const %p : i64[8] = [0, 0, 1, 0, "
     "0, 0, 2, 1] %a : f32[*] = Pad(%x, %p)"
     " %y : f32[*] = Conv(%a, %w) {auto_pad = \"NOTSET\", pads = [1, 1, 1, 1], strides = [2, 1]} "
     "output %y",
     {"%y : f32[1,3,4,5] = Conv(%x, %w) {strides = [2, 1], pads = [2, 1, 3, 2]}"}},
    {"quantized: product and bias",
     "input %x : f32[3,8] const %w : i4[8,4] = random(1) const %s : f32[4] = [0.5, 0.25, 0.125, "
     "1.0] const %b : f32[4] = random(2)"
     " %q : u8[*], %d : f32[*], %z : u8[*] = DynamicQuantizeLinear(%x) %f : f32[*] = "
     "DequantizeLinear(%q, %d, %z)"
     " %v : f32[*] = DequantizeLinear(%w, %s) {axis = 1} %p : f32[*] = MatMul(%f, %v) %y : f32[*] "
     "= Add(%p, %b) output %y",
     {"%y : f32[3,4] = xinf.QuantizedMatMul(%x, %w, %s, %b)"}},
    {"quantized: Gemm",
     "input %x : f32[3,8] const %w : i8[4,8] = random(1) const %s : f32[] = [0.5] const %b : "
     "f32[4] = random(2)"
     " %q : u8[*], %d : f32[*], %z : u8[*] = DynamicQuantizeLinear(%x) %f : f32[*] = "
     "DequantizeLinear(%q, %d, %z)"
     " %v : f32[*] = DequantizeLinear(%w, %s) %y : f32[*] = Gemm(%f, %v, %b) {transB = 1} output "
     "%y",
     {"%y : f32[3,4] = xinf.QuantizedMatMul(%x, %w, %s, %b) {transB = 1}"}},
    {"quantized: not with scales along the sum",
     "input %x : f32[3,4] const %w : i8[4,4] = random(1) const %s : f32[4] = [0.5, 0.25, 0.125, "
     "1.0]"
     " %q : u8[*], %d : f32[*], %z : u8[*] = DynamicQuantizeLinear(%x) %f : f32[*] = "
     "DequantizeLinear(%q, %d, %z)"
     " %v : f32[*] = DequantizeLinear(%w, %s) {axis = 0} %y : f32[*] = MatMul(%f, %v) output %y",
     {"%q : u8[3,4], %d : f32[], %z : u8[] = DynamicQuantizeLinear(%x)",
      "%f : f32[3,4] = DequantizeLinear(%q, %d, %z)",
      "%v : f32[4,4] = DequantizeLinear(%w, %s) {axis = 0}", "%y : f32[3,4] = MatMul(%f, %v)"}},
    {"chain, shape",
     "input %x : f32[2,3,4] %a : f32[*] = Transpose(%x) {perm = [1, 2, 0]} %b : f32[*] = "
     "Transpose(%a) {perm = [2, 0, 1]} %s : i64[*] = Shape(%b)"
     " %c : f32[*] = Reshape(%b, %s) %y : f32[*] = Neg(%c) output %y",
     {"%y : f32[2,3,4] = Neg(%x)"}},
};

static xi_graph *passes_parse(xi_family **family, const char *body)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    static char text[4096];
    xi_graph *g = NULL;
    *family = NULL;
    snprintf(text, sizeof text, "graph \"g\" { %s }", body);
    if (xi_family_create(family, &alloc, 0, &err) == XINF_OK)
        xi_graph_parse(&g, *family, xi_str_of(text), &err);
    if (g && xi_graph_infer(g, &err) != XINF_OK) g = NULL;
    if (!g) printf("  %s\n  %s\n", body, err.message);
    return g;
}

/* Compares the lines of the printed graph that are no constants, inputs or outputs of the whole
 * with those expected. */
static bool passes_text_is(const xi_graph *g, const char *const *nodes)
{
    xi_text text;
    bool same = true;
    xi_text_init(&text, NULL);
    xi_graph_print(g, &text);
    const char *line = text.ptr ? strchr(text.ptr, '\n') : NULL;
    int32_t at = 0;
    while (line && line[1] && line[1] != '}' && same) {
        const char *from = line + 1 + strspn(line + 1, " "), *end = strchr(from, '\n');
        bool skipped = !strncmp(from, "const ", 6) || !strncmp(from, "input ", 6) ||
                       (!strncmp(from, "output ", 7) && from - line == 3);
        if (!skipped)
            same = nodes[at] && strlen(nodes[at]) == (size_t)(end - from) &&
                   !strncmp(nodes[at], from, (size_t)(end - from));
        at += !skipped && same;
        line = end;
    }
    same = same && !nodes[at];
    if (!same) printf("%s", text.ptr ? text.ptr : "");
    xi_text_free(&text);
    return same;
}

/* Inputs become constants of fixed numbers, symbols 2. */
static bool passes_feed(xi_graph *g)
{
    float data[2048];
    for (int32_t i = 0; i < g->input_count; i++) {
        xi_value *v = g->inputs[i];
        uint32_t state = 12345u + 77u * (uint32_t)i;
        int64_t count;
        for (int32_t k = 0; k < v->type.shape.rank; k++)
            if (v->type.shape.dim[k] < 0) v->type.shape.dim[k] = 2;
        if (v->type.dtype != XINF_FLOAT32 || !xi_shape_count(&v->type.shape, &count) ||
            count > 2048)
            return false;
        for (int64_t k = 0; k < count; k++)
            data[k] = (float)((state = state * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1.0f;
        v->literal = xi_graph_literal(g, XINF_FLOAT32, &v->type.shape, data);
        if (!v->literal) return false;
    }
    for (size_t i = 0; i < g->value_count; i++)
        if (g->values[i]->producer) g->values[i]->type.shape = XI_SHAPE_UNKNOWN;
    g->input_count = 0;
    return true;
}

/* Every computed value becomes a constant. */
static bool passes_evaluate(xi_graph *g)
{
    xinf_error err = XINF_ERROR_INIT;
    bool ok = passes_feed(g) && xi_graph_infer(g, &err) == XINF_OK;
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

static bool passes_expand(xi_graph *g)
{
    xinf_error err = XINF_ERROR_INIT;
    for (xi_node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (n->op && n->op->expand && n->op->expand(n, &err) != XINF_OK) return false;
    }
    for (const xi_node *n = g->first; n; n = n->next)
        if (n->domain.len) return false;
    return xi_graph_verify(g, &err) == XINF_OK;
}

static void passes_compare(const xi_graph *a, const xi_graph *b)
{
    CHECK(a->output_count == b->output_count);
    for (int32_t i = 0; i < a->output_count; i++) {
        const xi_literal *x = a->outputs[i]->literal, *y = b->outputs[i]->literal;
        double most = 0, size = 0;
        CHECK(xi_str_eq(a->outputs[i]->name, b->outputs[i]->name));
        CHECK(x && y && x->count == y->count && xi_shape_eq(&x->shape, &y->shape));
        for (int64_t k = 0; x && y && k < x->count && k < y->count; k++) {
            double u = xi_dtype_load_f64(x->data, x->dtype, k),
                   v = xi_dtype_load_f64(y->data, y->dtype, k);
            most = fabs(u - v) > most ? fabs(u - v) : most;
            size = fabs(v) > size ? fabs(v) : size;
        }
        CHECK(size > 0 && most <= 4e-6 * size);
        if (!(most <= 4e-6 * size)) printf("  %g of %g\n", most, size);
    }
}

static bool passes_has_branch(const xi_graph *g)
{
    for (const xi_node *n = g->first; n; n = n->next)
        if (n->op->flags & XI_OP_CONTROL) return true;
    return false;
}

static void test_case(const passes_case *c)
{
    xi_family *family[3];
    xi_graph *g[3]; /* as written, with passes, with passes and expanded */
    xinf_error err = XINF_ERROR_INIT;
    int before = passes_failed;
    for (int i = 0; i < 3; i++) g[i] = passes_parse(&family[i], c->before);
    CHECK(g[0] && g[1] && g[2]);
    if (g[0] && g[1] && g[2]) {
        CHECK(xi_passes_run(g[1], XI_STAGE_SESSION, NULL, NULL, &err) == XINF_OK);
        CHECK(xi_passes_run(g[2], XI_STAGE_SESSION, NULL, NULL, &err) == XINF_OK);
        CHECK(passes_text_is(g[1], c->nodes));
        if (!passes_has_branch(g[0])) {
            CHECK(passes_expand(g[2]));
            CHECK(passes_evaluate(g[0]) && passes_evaluate(g[1]) && passes_evaluate(g[2]));
            passes_compare(g[1], g[0]);
            passes_compare(g[2], g[0]);
        }
    }
    if (passes_failed != before) printf("  in %s: %s\n", c->name, err.message);
    for (int i = 0; i < 3; i++) xi_family_destroy(family[i]);
}

/* Every name in the list can be switched off; "all" leaves the graph alone. */
static void test_off(void)
{
    static const char *const text = "input %x : f32[3,8] const %w : f32[8,8] = random(1) %c : "
                                    "f32[*] = MatMul(%x, %w) %y : f32[*] = Relu(%c) output %y";
    static const char *const whole[] = {"%c : f32[3,8] = MatMul(%x, %w)",
                                        "%y : f32[3,8] = Relu(%c)", NULL};
    static const char *const off[] = {"all", "matmul", "gelu,matmul,conv"};
    xinf_error err = XINF_ERROR_INIT;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        xi_family *family;
        xi_graph *g = passes_parse(&family, text);
        CHECK(g && xi_passes_run(g, XI_STAGE_SESSION, off[i], NULL, &err) == XINF_OK &&
              passes_text_is(g, whole));
        xi_family_destroy(family);
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof passes_cases / sizeof *passes_cases; i++)
        test_case(&passes_cases[i]);
    test_off();
    printf("%d passed, %d failed, 0 skipped\n", passes_passed, passes_failed);
    return passes_failed != 0;
}
