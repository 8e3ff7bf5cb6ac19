/* aten_test.c — operators of ATen called one by one: what a write through a view does to the base
 * and to other views, what dtypes meet in, how arguments choose a row, and what is refused. */
#include <stdio.h>

#include "base/allocator.h"
#include "import/torch/op.h"

static int aten_passed, aten_failed;

static void aten_check(bool ok, const char *what, const char *detail)
{
    aten_passed += ok;
    aten_failed += !ok;
    if (!ok) printf("FAILED %s: %s\n", what, detail);
}

typedef struct aten_program {
    xi_aten x;
    xi_family *family;
    xinf_error err;
} aten_program;

static void aten_begin(aten_program *p)
{
    xinf_allocator alloc = xi_allocator_default();
    memset(p, 0, sizeof *p);
    p->err = (xinf_error)XINF_ERROR_INIT;
    xi_family_create(&p->family, &alloc, 1 << 22, &p->err);
    p->x = (xi_aten){.graph = xi_graph_create(p->family, NULL, XI_STR("g")),
                     .family = p->family,
                     .arena = &p->family->arena,
                     .err = &p->err,
                     .max_nodes = 1000};
}

static xi_aten_value aten_input(aten_program *p, const char *name, xinf_dtype dtype, int64_t rows,
                                int64_t columns)
{
    xi_type type = {
        .kind = XINF_KIND_TENSOR, .dtype = dtype, .shape = {.rank = 2, .dim = {rows, columns}}};
    return xi_aten_tensor_of(&p->x, xi_graph_add_value(p->x.graph, xi_str_of(name), &type));
}

static xi_aten_value aten_call(aten_program *p, const char *name, int32_t count,
                               const xi_aten_value *args)
{
    xi_aten_value out;
    xi_aten_call(&out, &p->x, xi_str_of(name), args, count, NULL, 0);
    return out;
}

static const char *aten_producer(const xi_value *v, char *text, size_t size)
{
    xi_str op = v && v->producer ? v->producer->op_name : XI_STR("nothing");
    snprintf(text, size, "%.*s", XI_STR_ARG(op));
    return text;
}

static void aten_same(const xi_value *v, const char *op, const char *what)
{
    char text[64];
    aten_check(strcmp(aten_producer(v, text, sizeof text), op) == 0, what, text);
}

static void test_views(void)
{
    aten_program p;
    aten_begin(&p);
    xi_aten_value x = aten_input(&p, "x", XINF_FLOAT32, 2, 3);
    xi_value *before = x.tensor->value;
    xi_aten_value t = aten_call(&p, "t", 1, &x),
                  row = aten_call(&p, "select", 3,
                                  (xi_aten_value[]){x, xi_aten_int(0), xi_aten_int(1)});
    xi_value *turned = xi_aten_read(&p.x, t.tensor);
    aten_call(&p, "add_", 2, (xi_aten_value[]){row, xi_aten_double(1)});
    aten_check(x.tensor->value != before, "a write through a view", "the base is as it was");
    aten_same(x.tensor->value, "ScatterElements", "the base after a write to a row");
    aten_check(xi_aten_read(&p.x, t.tensor) != turned, "another view", "it shows the old contents");
    aten_same(xi_aten_read(&p.x, t.tensor), "Transpose", "another view");
    aten_same(xi_aten_read(&p.x, row.tensor), "Add", "the view that was written");
    /* Through two views, one of the other. */
    xi_aten_value flat = aten_call(&p, "view", 2, (xi_aten_value[]){x, xi_aten_int(6)});
    xi_aten_value part = aten_call(
        &p, "slice", 4, (xi_aten_value[]){flat, xi_aten_int(0), xi_aten_int(2), xi_aten_int(4)});
    aten_call(&p, "zero_", 1, &part);
    aten_same(x.tensor->value, "Reshape", "the base after a write to a slice of a view");
    xi_aten_value wide = aten_call(&p, "expand", 2, (xi_aten_value[]){row, xi_aten_int(3)});
    aten_check(p.x.status == XINF_OK, "views", p.err.message);
    aten_call(&p, "mul_", 2, (xi_aten_value[]){wide, xi_aten_int(2)});
    aten_check(p.x.status == XINF_UNSUPPORTED, "a write to an expanded view", "accepted");
    xi_family_destroy(p.family);
}

static void test_dtypes(void)
{
    aten_program p;
    aten_begin(&p);
    xi_aten_value f = aten_input(&p, "f", XINF_FLOAT16, 2, 3),
                  i = aten_input(&p, "i", XINF_INT32, 2, 3),
                  b = aten_input(&p, "b", XINF_BOOL, 2, 3);
    const struct {
        const char *op;
        xi_aten_value a, b;
        xinf_dtype want;
    } rows[] = {{"add", f, i, XINF_FLOAT16},
                {"add", f, xi_aten_double(1.5), XINF_FLOAT16},
                {"add", i, xi_aten_double(1.5), XINF_FLOAT32},
                {"mul", i, xi_aten_int(2), XINF_INT32},
                {"mul", b, xi_aten_int(2), XINF_INT64},
                {"add", b, b, XINF_BOOL},
                {"div", i, i, XINF_FLOAT32},
                {"floor_divide", i, xi_aten_int(2), XINF_INT32},
                {"gt", i, f, XINF_BOOL}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        xi_aten_value y = aten_call(&p, rows[k].op, 2, (xi_aten_value[]){rows[k].a, rows[k].b});
        aten_check(y.kind == XI_ATEN_TENSOR && xi_aten_dtype(y.tensor->value) == rows[k].want,
                   rows[k].op, p.err.message);
    }
    /* In place the dtype stays. */
    aten_call(&p, "add_", 2, (xi_aten_value[]){f, i});
    aten_check(xi_aten_dtype(f.tensor->value) == XINF_FLOAT16, "add_", "another dtype");
    xi_family_destroy(p.family);
}

static void test_refusals(void)
{
    const struct {
        const char *op, *says;
    } rows[] = {{"no_such_operator", "aten::no_such_operator is not supported"},
                {"conv2d", "does not take"}};
    for (size_t k = 0; k < 2; k++) {
        aten_program p;
        aten_begin(&p);
        xi_aten_value x = aten_input(&p, "x", XINF_FLOAT32, 2, 3);
        p.x.location = XI_STR("code/m.py:7");
        aten_call(&p, rows[k].op, 1, &x);
        aten_check(p.x.status == XINF_UNSUPPORTED && strstr(p.err.message, rows[k].says) &&
                       strstr(p.err.message, "code/m.py:7"),
                   rows[k].op, p.err.message);
        xi_family_destroy(p.family);
    }
    aten_program p;
    aten_begin(&p);
    xi_aten_value x = aten_input(&p, "x", XINF_FLOAT32, 2, 3);
    aten_call(&p, "select", 3, (xi_aten_value[]){x, xi_aten_int(0), xi_aten_int(9)});
    aten_check(p.x.status == XINF_MALFORMED, "an index outside", "accepted");
    aten_check(xi_aten_knows(XI_STR("relu_")) && xi_aten_knows(XI_STR("quantized::conv2d")) &&
                   !xi_aten_knows(XI_STR("relu__")),
               "what is known", "other");
    xi_family_destroy(p.family);
}

int main(void)
{
    test_views();
    test_dtypes();
    test_refusals();
    printf("%d passed, %d failed, 0 skipped\n", aten_passed, aten_failed);
    return aten_failed != 0;
}
