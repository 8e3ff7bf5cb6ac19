/* device_test.c — the segment contract: asked once for a segment, never between the steps of a run;
 * and what a query tells. */
#include <stdio.h>
#include <string.h>

#include "base/allocator.h"
#include "device/builtin.h"
#include "graph/parse.h"
#include "run/session.h"

static int device_passed, device_failed;

#define CHECK(condition) device_check((condition) != 0, #condition, __LINE__)

static void device_check(int ok, const char *what, int line)
{
    device_passed += ok;
    device_failed += !ok;
    if (!ok) printf("device_test.c:%d: %s\n", line, what);
}

/* The host's device with every call counted. */
static int device_queries, device_compiles, device_evaluations;

static xinf_status counting_query(const xi_graph *graph, uint32_t isa, const xi_refusal_sink *sink,
                                  xinf_error *err)
{
    device_queries++;
    return xi_device_find("cpu")->query(graph, isa, sink, err);
}

static xinf_status counting_compile(xi_plan **out, const xi_segment *segment, xinf_error *err)
{
    device_compiles++;
    return xi_device_find("cpu")->compile(out, segment, err);
}

static xinf_status counting_evaluate(uint32_t isa, const xi_node *n, const xi_literal *const *in,
                                     const xi_literal **out, xi_arena *arena, size_t max_bytes,
                                     xinf_error *err)
{
    device_evaluations++;
    return xi_device_find("cpu")->evaluate(isa, n, in, out, arena, max_bytes, err);
}

static const xi_device device_counting = {
    .name = "counting",
    .query = counting_query,
    .compile = counting_compile,
    .evaluate = counting_evaluate,
};

static xi_graph *device_parse(xi_family **family, const char *text)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    xi_graph *g = NULL;
    *family = NULL;
    if (xi_family_create(family, &alloc, 0, &err) == XINF_OK)
        xi_graph_parse(&g, *family, xi_str_of(text), &err);
    if (g && xi_graph_infer(g, &err) != XINF_OK) g = NULL;
    if (!g) printf("  %s\n", err.message);
    return g;
}

static void device_run(xi_session *s, int64_t rows, xinf_error *err)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_tensor *input = NULL, *output = NULL;
    xi_shape shape = xi_shape_of(2, (int64_t[]){rows, 8});
    CHECK(xi_tensor_create(&input, &alloc, XINF_FLOAT32, &shape, true, err) == XINF_OK);
    xinf_run_options options = XINF_RUN_OPTIONS_INIT;
    CHECK(xi_session_run(s, &input, &output, &options, NULL, err) == XINF_OK);
    CHECK(output && output->shape.dim[0] == rows);
    xinf_tensor_destroy(output);
    xinf_tensor_destroy(input);
}

/* A graph of several nodes and a branch is one segment: one compile, and nothing while it runs,
 * also for new shapes. */
static void test_one_call(void)
{
    static const char *const text = "graph \"g\" { input %x : f32[N,8] const %w : f32[8,8] = "
                                    "random(1) const %q : bool[] = [1] %a : f32[*] = MatMul(%x, %w)"
                                    " %b : f32[*] = Relu(%a) %c : f32[*] = If(%q) {then_branch = "
                                    "graph \"t\" { %t : f32[*] = Neg(%b) output %t },"
                                    " else_branch = graph \"e\" { %e : f32[*] = Abs(%b) output %e "
                                    "}} %y : f32[*] = Softmax(%c) output %y }";
    xi_family *family;
    xi_weights weights;
    xi_session *s = NULL;
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    xinf_session_options options = XINF_SESSION_OPTIONS_INIT;
    xi_graph *g = device_parse(&family, text);
    CHECK(g && xi_weights_init(&weights, &alloc, &err) == XINF_OK);
    if (g) {
        xi_session_config config = {.alloc = alloc,
                                    .graph = g,
                                    .weights = &weights,
                                    .device = &device_counting,
                                    .options = &options};
        device_queries = device_compiles = device_evaluations = 0;
        CHECK(xi_session_create(&s, &config, &err) == XINF_OK);
        if (s) {
            for (int64_t rows = 1; rows <= 3; rows++) device_run(s, rows, &err);
            device_run(s, 1, &err);
        }
        CHECK(device_compiles == 1 && device_queries == 0 && device_evaluations == 0);
        xi_session_destroy(s);
        xi_weights_end(&weights);
    }
    if (err.message[0]) printf("  %s\n", err.message);
    xi_family_destroy(family);
}

typedef struct device_list {
    int count, limit;
    char names[8][64];
} device_list;

static bool device_take(void *self, const xi_node *n, const char *sentence)
{
    device_list *list = self;
    if (list->count == list->limit) return false;
    snprintf(list->names[list->count++], sizeof list->names[0], "%.*s", XI_STR_ARG(n->op_name));
    CHECK(strstr(sentence, "node ") == sentence);
    return true;
}

/* Every node that does not run is told, also within subgraphs, and a sink that gives up ends the
 * query. */
static void test_query(void)
{
    static const char *const text =
        "graph \"g\" { input %x : f32[2] const %q : bool[] = [1] %a : f32[*] = no.Such(%x) \"one\" "
        "%y : f32[*] = If(%q)"
        " {then_branch = graph \"t\" { %t : f32[*] = no.Other(%a) \"two\" output %t }, else_branch "
        "= graph \"e\" { %e : f32[*] = Abs(%a)"
        " output %e }} output %y }";
    xi_family *family;
    xinf_error err = XINF_ERROR_INIT;
    xi_graph *g = device_parse(&family, text);
    device_list list = {.limit = 8}, small = {.limit = 1};
    xi_refusal_sink sink = {&list, device_take}, tired = {&small, device_take};
    CHECK(g != NULL);
    if (g) {
        CHECK(xi_device_find("cpu")->query(g, 0, &sink, &err) == XINF_OK);
        CHECK(list.count == 2 && strcmp(list.names[0], "Such") == 0 &&
              strcmp(list.names[1], "Other") == 0);
        CHECK(xi_device_find("cpu")->query(g, 0, &tired, &err) == XINF_OUT_OF_MEMORY);
    }
    xi_family_destroy(family);
}

int main(void)
{
    CHECK(xi_device_find(NULL) == xi_devices[0] && xi_device_find("cpu") == xi_devices[0] &&
          xi_device_find("cpus") == NULL);
    test_one_call();
    test_query();
    printf("%d passed, %d failed, 0 skipped\n", device_passed, device_failed);
    return device_failed != 0;
}
