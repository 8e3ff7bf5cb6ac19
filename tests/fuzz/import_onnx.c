/* import_onnx.c — small ONNX files of old and odd forms, and the graphs they must become. */
#include <stdio.h>

#include "base/allocator.h"
#include "graph/graph.h"
#include "import/onnx/onnx.h"
#include "onnx_bytes.h"

static int import_passed, import_failed;

typedef struct imported {
    xi_file file;
    xi_onnx_model *model;
    xi_import result;
    bytes b;
} imported;

/* Takes `b` over. */
static bool import_open(imported *m, bytes b, const char *what)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    memset(m, 0, sizeof *m);
    m->b = b;
    xi_file_borrow(&m->file, b.data, b.size);
    xinf_status status = xi_onnx_model_open(&m->model, &alloc, &m->file, NULL, false, 0, &err);
    if (!status) status = xi_import_onnx_tree(&m->result, &alloc, m->model, NULL, NULL, &err);
    if (!status) xi_onnx_model_drop_tree(m->model);
    if (!status) status = xi_graph_verify(m->result.graph, &err);
    if (status) {
        import_failed++;
        printf("FAILED %s: %s\n", what, err.message);
    }
    return status == XINF_OK;
}

static void import_close(imported *m)
{
    xi_family_destroy(m->result.family);
    xi_onnx_model_close(m->model);
    xi_file_close(&m->file);
    free(m->b.data);
}

/* "Flatten Softmax …", the operators in order. */
static void import_ops(const xi_graph *g, char *out, size_t size)
{
    size_t at = 0;
    out[0] = 0;
    for (const xi_node *n = g->first; n && at < size; n = n->next)
        at += (size_t)snprintf(out + at, size - at, "%s%.*s", at ? " " : "",
                               XI_STR_ARG(n->op_name));
}

static void import_same(const char *what, const char *got, const char *want)
{
    if (strcmp(got, want) == 0) {
        import_passed++;
        return;
    }
    import_failed++;
    printf("FAILED %s: \"%s\", expected \"%s\"\n", what, got, want);
}

static void import_true(const char *what, bool ok)
{
    import_same(what, ok ? "true" : "false", "true");
}

/* The contents of a constant as text, "[2]:1,2". */
static void import_literal(const xi_literal *l, char *out, size_t size)
{
    size_t at = (size_t)snprintf(out, size, "[");
    for (int32_t i = 0; i < l->shape.rank; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%d", i ? "," : "", (int)l->shape.dim[i]);
    at += (size_t)snprintf(out + at, size - at, "]:");
    for (int64_t i = 0; i < l->count && at < size; i++) {
        uint8_t bits[16] = {0};
        size_t element = xinf_dtype_size(l->dtype);
        memcpy(bits, (const char *)l->data + (size_t)i * element, element);
        at += (size_t)snprintf(out + at, size - at, "%s%g", i ? "," : "",
                               xi_dtype_load_f64(bits, l->dtype, 0));
    }
}

/* ---- files ---- */

static bytes attr_int(const char *name, uint64_t value)
{
    return bytes_int(bytes_int(bytes_text(bytes_none(), 1, name), 3, value), 20, 2);
}

static bytes attr_float(const char *name, float value)
{
    bytes b = bytes_varint(bytes_text(bytes_none(), 1, name), 2 << 3 | 5);
    return bytes_int(bytes_add(b, &value, sizeof value), 20, 1);
}

static bytes attr_text(const char *name, const char *value)
{
    return bytes_int(bytes_text(bytes_text(bytes_none(), 1, name), 4, value), 20, 3);
}

static bytes attr_ints(const char *name, const int64_t *values, int count)
{
    bytes b = bytes_text(bytes_none(), 1, name);
    for (int i = 0; i < count; i++) b = bytes_int(b, 8, (uint64_t)values[i]);
    return bytes_int(b, 20, 7);
}

static bytes shaped(const char *name, int rank)
{
    bytes shape = bytes_none();
    for (int i = 0; i < rank; i++)
        shape = bytes_part(shape, 1, bytes_int(bytes_none(), 1, (uint64_t)i + 2));
    bytes tensor = bytes_part(bytes_int(bytes_none(), 1, 1), 2, shape);
    return bytes_part(bytes_text(bytes_none(), 1, name), 2, bytes_part(bytes_none(), 1, tensor));
}

static bytes untyped(const char *name)
{
    return bytes_text(bytes_none(), 1, name);
}

/* x of rank 4 (and s of rank `second`, when not negative) through one node to y. */
static bytes one_node(bytes node, int second, uint64_t opset)
{
    bytes graph = bytes_part(bytes_part(bytes_none(), 1, node), 11, shaped("x", 4));
    if (second >= 0) graph = bytes_part(graph, 11, shaped("s", second));
    return bytes_model(bytes_part(graph, 12, untyped("y")), opset);
}

/* ---- tests ---- */

static void import_upgrade(const char *what, bytes model, const char *want_ops, const char *last_op,
                           int input, const char *want_literal)
{
    imported m;
    char text[400] = "";
    if (import_open(&m, model, what)) {
        import_ops(m.result.graph, text, sizeof text);
        import_same(what, text, want_ops);
        for (const xi_node *n = m.result.graph->first; n && last_op; n = n->next) {
            const xi_value *v = xi_node_input(n, input);
            if (!xi_str_is(n->op_name, last_op)) continue;
            snprintf(text, sizeof text, "none");
            if (v && v->literal) import_literal(v->literal, text, sizeof text);
            import_same(what, text, want_literal);
        }
    }
    import_close(&m);
}

static void import_upgrades(void)
{
    static const int64_t one[] = {1}, pads[] = {0, 0, 1, 2, 0, 0, 3, 4}, two[] = {0, 2},
                         ends[] = {1, 3};
    bytes relu = bytes_node("Relu", "x", "y");
    import_upgrade("nothing to do", one_node(relu, -1, 17), "Relu", NULL, 0, NULL);
    import_upgrade(
        "Softmax 11 over the last axis",
        one_node(bytes_part(bytes_node("Softmax", "x", "y"), 5, attr_int("axis", 3)), -1, 11),
        "Softmax", NULL, 0, NULL);
    import_upgrade("Softmax 11 over a matrix", one_node(bytes_node("Softmax", "x", "y"), -1, 11),
                   "Flatten Shape Softmax Reshape", NULL, 0, NULL);
    import_upgrade(
        "Squeeze 11",
        one_node(bytes_part(bytes_node("Squeeze", "x", "y"), 5, attr_ints("axes", one, 1)), -1, 11),
        "Squeeze", "Squeeze", 1, "[1]:1");
    import_upgrade(
        "ReduceMean 17",
        one_node(bytes_part(bytes_node("ReduceMean", "x", "y"), 5, attr_ints("axes", two, 2)), -1,
                 17),
        "ReduceMean", "ReduceMean", 1, "[2]:0,2");
    import_upgrade("ReduceMean 17 of all", one_node(bytes_node("ReduceMean", "x", "y"), -1, 17),
                   "ReduceMean", "ReduceMean", 1, "none");
    import_upgrade(
        "Clip 6",
        one_node(bytes_part(bytes_node("Clip", "x", "y"), 5, attr_float("max", 6)), -1, 6), "Clip",
        "Clip", 2, "[]:6");
    import_upgrade(
        "Pad 10",
        one_node(bytes_part(bytes_node("Pad", "x", "y"), 5, attr_ints("pads", pads, 8)), -1, 10),
        "Pad", "Pad", 1, "[8]:0,0,1,2,0,0,3,4");
    bytes slice = bytes_part(bytes_node("Slice", "x", "y"), 5, attr_ints("starts", two, 2));
    import_upgrade("Slice 9", one_node(bytes_part(slice, 5, attr_ints("ends", ends, 2)), -1, 9),
                   "Slice", "Slice", 2, "[2]:1,3");
    bytes add = bytes_part(bytes_text(bytes_node("Add", "x", "y"), 1, "s"), 5,
                           attr_int("broadcast", 1));
    import_upgrade("Add 6 from axis 1", one_node(bytes_part(add, 5, attr_int("axis", 1)), 1, 6),
                   "Unsqueeze Add", "Unsqueeze", 1, "[2]:1,2");
    import_upgrade(
        "Cast 5",
        one_node(bytes_part(bytes_node("Cast", "x", "y"), 5, attr_text("to", "INT64")), -1, 5),
        "Cast", NULL, 0, NULL);
    import_upgrade("Upsample 9",
                   one_node(bytes_text(bytes_node("Upsample", "x", "y"), 1, "s"), 1, 9), "Resize",
                   "Resize", 1, "none");
    import_upgrade("an operator nobody knows",
                   one_node(bytes_node("NoSuchThing", "x", "y"), -1, 17), "NoSuchThing", NULL, 0,
                   NULL);
}

static void import_order(void)
{
    bytes graph = bytes_part(bytes_none(), 1, bytes_node("Neg", "c", "y"));
    graph = bytes_part(bytes_part(graph, 1, bytes_node("Abs", "b", "c")), 1,
                       bytes_node("Relu", "x", "b"));
    graph = bytes_part(bytes_part(graph, 11, shaped("x", 2)), 12, untyped("y"));
    import_upgrade("nodes out of order", bytes_model(graph, 17), "Relu Abs Neg", NULL, 0, NULL);
}

/* y, z = f.F(x) with F = LeakyRelu(alpha = @a), where both outputs are the same value. */
static void import_functions(void)
{
    imported m;
    bytes reference = bytes_int(bytes_text(bytes_text(bytes_none(), 1, "alpha"), 21, "a"), 20, 1);
    bytes body = bytes_part(bytes_node("LeakyRelu", "in", "out"), 5, reference);
    bytes set = bytes_int(bytes_text(bytes_none(), 1, ""), 2, 17);
    bytes function = bytes_text(
        bytes_text(bytes_text(bytes_text(bytes_none(), 1, "F"), 4, "in"), 5, "out"), 5, "out");
    function = bytes_text(bytes_part(bytes_part(bytes_text(function, 6, "a"), 7, body), 9, set), 10,
                          "f");
    bytes call = bytes_text(bytes_text(bytes_node("F", "x", "y"), 2, "z"), 7, "f");
    call = bytes_part(call, 5, attr_float("a", 0.5f));
    bytes graph = bytes_part(bytes_part(bytes_none(), 1, call), 11, shaped("x", 2));
    graph = bytes_part(bytes_part(graph, 12, untyped("y")), 12, untyped("z"));
    char text[200] = "";
    if (import_open(&m, bytes_part(bytes_model(graph, 17), 25, function), "a function")) {
        const xi_graph *g = m.result.graph;
        import_ops(g, text, sizeof text);
        import_same("a function is inlined", text, "LeakyRelu Identity");
        import_true("its attribute arrives", xi_node_float(g->first, "alpha", 0) == 0.5f);
        import_true("outputs keep their names",
                    xi_str_is(g->outputs[0]->name, "y") && xi_str_is(g->outputs[1]->name, "z"));
    }
    import_close(&m);
}

/* An initialiser that is an input too: a constant before IR 4, a default since. */
static void import_defaults(void)
{
    for (uint64_t ir = 3; ir <= 4; ir++) {
        imported m;
        bytes weight = bytes_text(bytes_int(bytes_int(bytes_none(), 1, 2), 2, 1), 8, "s");
        weight = bytes_add(bytes_varint(bytes_varint(weight, 9 << 3 | 2), 8),
                           "\0\0\200\77\0\0\0\100", 8);
        bytes graph = bytes_part(bytes_none(), 1, bytes_text(bytes_node("Mul", "x", "y"), 1, "s"));
        graph = bytes_part(bytes_part(graph, 5, weight), 11, shaped("x", 1));
        graph = bytes_part(bytes_part(graph, 11, shaped("s", 1)), 12, untyped("y"));
        bytes set = bytes_int(bytes_text(bytes_none(), 1, ""), 2, 7);
        bytes model = bytes_part(bytes_part(bytes_int(bytes_none(), 1, ir), 7, graph), 8, set);
        if (import_open(&m, model, "initialiser and input")) {
            const xi_graph *g = m.result.graph;
            import_true("inputs of an old file", g->input_count == (ir < 4 ? 1 : 2));
            import_true("a constant or a default", ir < 4 ? g->first->inputs[1]->literal != NULL
                                                          : m.result.defaults[1] != NULL);
        }
        import_close(&m);
    }
}

/* A tensor as the only initialiser, which y is. */
static void import_tensor(const char *what, bytes tensor, const char *want)
{
    imported m;
    char text[200] = "none";
    bytes graph = bytes_part(bytes_part(bytes_none(), 5, bytes_text(tensor, 8, "y")), 12,
                             untyped("y"));
    if (import_open(&m, bytes_model(graph, 25), what)) {
        if (m.result.graph->outputs[0]->literal)
            import_literal(m.result.graph->outputs[0]->literal, text, sizeof text);
        import_same(what, text, want);
    }
    import_close(&m);
}

static bytes tensor_of(uint64_t dim, uint64_t dtype)
{
    return bytes_int(bytes_int(bytes_none(), 1, dim), 2, dtype);
}

static bytes packed(unsigned field, bytes tensor, const char *data, size_t size)
{
    return bytes_add(bytes_varint(bytes_varint(tensor, field << 3 | 2), size), data, size);
}

static void import_tensors(void)
{
    static const float numbers[] = {1, 2, 3};
    bytes t = packed(4, tensor_of(3, XINF_FLOAT32), (const char *)numbers, 8);
    t = bytes_add(bytes_varint(t, 4 << 3 | 5), numbers + 2, 4);
    import_tensor("floats in two pieces", t, "[3]:1,2,3");
    import_tensor(
        "int64 packed",
        packed(7, tensor_of(2, XINF_INT64), "\x96\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12),
        "[2]:150,-1");
    import_tensor("int64 one by one", bytes_int(bytes_int(tensor_of(2, XINF_INT64), 7, 5), 7, 6),
                  "[2]:5,6");
    import_tensor("bool", packed(5, tensor_of(3, XINF_BOOL), "\0\1\7", 3), "[3]:0,1,1");
    import_tensor("raw bool", packed(9, tensor_of(3, XINF_BOOL), "\0\1\7", 3), "[3]:0,1,1");
    import_tensor("int4", packed(9, tensor_of(3, XINF_INT4), "\xf1\x08", 2), "[3]:1,-1,-8");
    import_tensor("uint4 in int32", packed(5, tensor_of(3, XINF_UINT4), "\xf1\x01\x08", 3),
                  "[3]:1,15,8");
    import_tensor("int2", packed(9, tensor_of(5, XINF_INT2), "\xe4\x02", 2), "[5]:0,1,-2,-1,-2");
    import_tensor("half in int32", packed(5, tensor_of(2, XINF_FLOAT16), "\x80\x78\x80\x80\x01", 5),
                  "[2]:1,2");
    import_tensor("nothing", tensor_of(0, XINF_FLOAT32), "[0]:");
}

int main(void)
{
    import_upgrades();
    import_order();
    import_functions();
    import_defaults();
    import_tensors();
    printf("%d passed, %d failed, 0 skipped\n", import_passed, import_failed);
    return import_failed != 0;
}
