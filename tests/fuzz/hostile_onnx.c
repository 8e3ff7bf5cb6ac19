/* hostile_onnx.c — ONNX bytes that lie, nest, repeat or end early, made here, and what load must
 * answer; then a good model with every single allocation failing once. */
#include <stdio.h>

#include "base/allocator.h"
#include "graph/graph.h"
#include "import/onnx/onnx.h"
#include "load/detect.h"
#include "onnx_bytes.h"

static int hostile_passed, hostile_failed;

static void hostile_check(bool ok, const char *what, const char *detail)
{
    if (ok) {
        hostile_passed++;
        return;
    }
    hostile_failed++;
    printf("FAILED %s: %s\n", what, detail);
}

/* x → Relu → Relu → y over an initialiser that nothing reads. */
static bytes bytes_good(void)
{
    bytes weight = bytes_text(bytes_int(bytes_int(bytes_none(), 1, 2), 2, 1), 8, "w");
    weight = bytes_add(bytes_varint(bytes_varint(weight, 9 << 3 | 2), 8), "\0\0\200\77\0\0\0\100",
                       8);
    bytes graph = bytes_part(bytes_none(), 1, bytes_node("Relu", "x", "t"));
    graph = bytes_part(graph, 1, bytes_node("Relu", "t", "y"));
    graph = bytes_part(bytes_text(graph, 2, "g"), 5, weight);
    return bytes_model(bytes_part(bytes_part(graph, 11, bytes_value("x")), 12, bytes_value("y")),
                       17);
}

/* ---- an allocator that counts, and fails when told ---- */

typedef struct counting {
    size_t live, peak;
    long calls, fail_at; /* -1: never */
} counting;

static void *counting_fn(void *self, void *ptr, size_t old_size, size_t new_size, size_t alignment)
{
    counting *c = self;
    xinf_allocator base = xi_allocator_default();
    if (new_size && c->calls++ == c->fail_at) return NULL;
    void *out = base.fn(base.self, ptr, old_size, new_size, alignment);
    if (new_size && !out) return NULL;
    c->live += new_size;
    c->live -= ptr ? old_size : 0;
    if (c->live > c->peak) c->peak = c->live;
    return out;
}

static xinf_status hostile_load(bytes b, counting *c, xinf_error *err)
{
    xinf_allocator alloc = {c, counting_fn};
    xi_file file;
    xi_onnx_model *model = NULL;
    xi_import import = {0};
    xi_file_borrow(&file, b.data, b.size);
    xinf_status status = xi_onnx_model_open(&model, &alloc, &file, NULL, false, 0, err);
    if (!status) status = xi_import_onnx_tree(&import, &alloc, model, NULL, NULL, err);
    if (!status) xi_onnx_model_drop_tree(model);
    if (!status) status = xi_graph_verify(import.graph, err);
    xi_family_destroy(import.family);
    xi_onnx_model_close(model);
    xi_file_close(&file);
    return status;
}

/* Takes `b` over. Whatever the answer, memory stays inside the promise and nothing is lost. */
static void hostile_expect(const char *what, bytes b, xinf_status want)
{
    counting c = {.fail_at = -1};
    xinf_error err = XINF_ERROR_INIT;
    char detail[600];
    xinf_status got = hostile_load(b, &c, &err);
    size_t limit = ((size_t)64 << 20) + 16 * b.size + (1 << 16);
    snprintf(detail, sizeof detail, "status %d, expected %d; peak %zu of %zu; left %zu; %s",
             (int)got, (int)want, c.peak, limit, c.live, err.message);
    hostile_check(got == want && c.live == 0 && c.peak <= limit &&
                      (got == XINF_OK) == (err.message[0] == 0),
                  what, detail);
    free(b.data);
}

static bytes bytes_repeat(unsigned field, size_t count)
{
    bytes graph = bytes_none();
    for (size_t i = 0; i < count; i++) graph = bytes_part(graph, field, bytes_none());
    return bytes_model(graph, 17);
}

static void hostile_shapes(void)
{
    bytes b = bytes_none();
    for (int i = 0; i < 200; i++) b = bytes_part(bytes_none(), 7, b);
    hostile_expect("unknown nesting stays shallow",
                   bytes_part(bytes_int(bytes_none(), 1, 8), 99, b), XINF_MALFORMED);
    for (int i = 0, field = 0; i < 3; i++) {
        /* graph → node → attribute → graph …, 120 messages deep */
        b = bytes_none();
        for (field = 0; field < 40; field++)
            b = bytes_part(bytes_none(), 1,
                           bytes_part(bytes_none(), 5, bytes_part(bytes_none(), 6, b)));
        hostile_expect("120 levels of messages", bytes_model(b, 17), XINF_LIMIT);
    }
    hostile_expect("a group", bytes_varint(bytes_int(bytes_none(), 1, 8), 3 << 3 | 3),
                   XINF_MALFORMED);
    hostile_expect("field number 0", bytes_add(bytes_int(bytes_none(), 1, 8), "\0\0", 2),
                   XINF_MALFORMED);
    hostile_expect(
        "an endless varint",
        bytes_add(bytes_none(), "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 13),
        XINF_MALFORMED);
    hostile_expect("a million empty nodes", bytes_repeat(1, 1000000), XINF_LIMIT);
    hostile_expect("a million empty initialisers", bytes_repeat(5, 1000000), XINF_LIMIT);
    hostile_expect("opset 1000", bytes_model(bytes_none(), 1000), XINF_UNSUPPORTED);
    hostile_expect("no graph", bytes_int(bytes_none(), 1, 8), XINF_MALFORMED);
    hostile_expect("a good model", bytes_good(), XINF_OK);
}

static void hostile_cuts(void)
{
    bytes good = bytes_good();
    size_t refused = 0;
    for (size_t size = 0; size < good.size; size++) {
        counting c = {.fail_at = -1};
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = hostile_load((bytes){good.data, size, size}, &c, &err);
        refused += status == XINF_MALFORMED && err.message[0] && c.live == 0;
    }
    hostile_check(refused == good.size, "every prefix of a good model is refused",
                  "some prefix was accepted or not explained");
    free(good.data);
}

static void hostile_allocations(void)
{
    bytes good = bytes_good();
    counting all = {.fail_at = -1};
    xinf_error err = XINF_ERROR_INIT;
    bool clean = hostile_load(good, &all, &err) == XINF_OK && all.live == 0 && all.calls > 5;
    for (long i = 0; i < all.calls; i++) {
        counting c = {.fail_at = i};
        xinf_error said = XINF_ERROR_INIT;
        xinf_status status = hostile_load(good, &c, &said);
        clean = clean && status == XINF_OUT_OF_MEMORY && said.message[0] && c.live == 0;
    }
    hostile_check(clean, "each failed allocation ends in a status",
                  "an allocation's failure was lost or leaked");
    free(good.data);
}

static void hostile_formats(void)
{
    static const struct {
        const char *bytes;
        size_t size;
        xi_format format;
    } rows[] = {
        {"PK\3\4\0\0\0\0", 8, XI_FORMAT_TORCH},
        {"\x1c\0\0\0TFL3", 8, XI_FORMAT_TFLITE},
        {"\x07\0\0\0\0\0\0\0{\"a\":1}", 15, XI_FORMAT_SAFETENSORS},
        {"\x0a\x09\x0a\x01x\x12\x04Relu", 11, XI_FORMAT_GRAPHDEF},
        {"\x08\x01\x12\x04\x0a\x02\x22\0", 8, XI_FORMAT_SAVEDMODEL},
        {"\x08\x08\x12\x02hi\x3a\0", 8, XI_FORMAT_ONNX},
        {"hello world", 11, XI_FORMAT_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        hostile_check(xi_format_detect((const uint8_t *)rows[i].bytes, rows[i].size) ==
                          rows[i].format,
                      "format by content", xi_format_name(rows[i].format));
}

int main(void)
{
    hostile_shapes();
    hostile_cuts();
    hostile_allocations();
    hostile_formats();
    printf("%d passed, %d failed, 0 skipped\n", hostile_passed, hostile_failed);
    return hostile_failed != 0;
}
