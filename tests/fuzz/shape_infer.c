/* shape_infer.c — libFuzzer target: bytes choose an operator of the table, its attributes and the
 * types and contents of its inputs; then the graph is checked, inferred and planned, and the plan
 * is bound to shapes. Every failure must be a status with a sentence. */
#include <stdlib.h>

#include "base/allocator.h"
#include "base/cpu.h"
#include "device/builtin.h"
#include "device/device.h"
#include "graph/op.h"

enum { INFER_MAX_INPUTS = 8, INFER_MAX_LIST = 8 };

extern const xi_op *const xi_ops_builtin[];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct infer_bytes {
    const uint8_t *at, *end;
} infer_bytes;

static uint8_t infer_byte(infer_bytes *b)
{
    return b->at < b->end ? *b->at++ : 0;
}

/* Mostly small, sometimes on an edge. */
static int64_t infer_int(infer_bytes *b)
{
    static const int64_t edges[] = {
        INT64_MIN,        INT64_MAX, INT32_MIN, INT32_MAX, -1, 0, 1,  (int64_t)1 << 31,
        (int64_t)1 << 40, -2,        2,         255,       3,  4, 12, 13};
    uint8_t c = infer_byte(b);
    return c < 16 ? edges[c] : (int64_t)c % 12 - 4;
}

static xi_shape infer_any_shape(infer_bytes *b, bool known)
{
    uint8_t c = infer_byte(b);
    xi_shape s = {.rank = c % 8 == 7 && !known ? -1 : c % 8 == 7 ? 12 : c % 8};
    for (int32_t i = 0; i < s.rank; i++) {
        uint8_t d = infer_byte(b);
        s.dim[i] = d < 8 && !known      ? XI_DIM_UNKNOWN
                   : d < 12 && !known   ? -2 - d % 4
                   : d == 255 && !known ? (int64_t)1 << 33
                                        : d % 6;
    }
    return s;
}

static const xi_literal *infer_any_literal(infer_bytes *b, xi_graph *g, xinf_dtype dtype)
{
    xi_shape s = infer_any_shape(b, true);
    int64_t count;
    size_t bytes;
    if (dtype == XINF_STRING || xi_tensor_bytes(dtype, &s, &bytes, NULL) != XINF_OK || bytes > 4096)
        return NULL;
    xi_shape_count(&s, &count);
    uint64_t room[512] = {0};
    for (int64_t i = 0; i < count; i++)
        if (xi_dtype_is_int(dtype) || dtype == XINF_BOOL)
            xi_dtype_store_i64(room, dtype, i,
                               dtype == XINF_BOOL ? infer_byte(b) & 1 : infer_int(b));
        else if (xi_dtype_is_float(dtype))
            xi_dtype_store_f64(room, dtype, i, (double)infer_int(b) / 4);
    return xi_graph_literal(g, dtype, &s, room);
}

static xi_value *infer_any_value(infer_bytes *b, xi_graph *g, char *name)
{
    static const xinf_dtype usual[] = {XINF_FLOAT32, XINF_INT64,   XINF_INT32, XINF_UINT8,
                                       XINF_INT8,    XINF_FLOAT16, XINF_BOOL,  XINF_UNDEFINED};
    uint8_t how = infer_byte(b), c = infer_byte(b);
    xi_type t = {.kind = XINF_KIND_TENSOR,
                 .dtype = c & 128 ? (xinf_dtype)(c % 27) : usual[c % 8],
                 .shape = {.rank = -1}};
    if (how < 16) return NULL;
    if (how < 100 && t.dtype) {
        const xi_literal *l = infer_any_literal(b, g, t.dtype);
        return l ? xi_graph_add_constant(g, xi_str_of(name), l) : NULL;
    }
    if (how > 240)
        t = (xi_type){.kind = how & 1 ? XINF_KIND_SEQUENCE : XINF_KIND_MAP,
                      .dtype = XINF_INT64,
                      .shape = {.rank = -1},
                      .optional = how & 2};
    if (t.kind == XINF_KIND_TENSOR) t.shape = infer_any_shape(b, false);
    return xi_graph_add_value(g, xi_str_of(name), &t);
}

static void infer_any_attribute(infer_bytes *b, xi_node *n, const xi_attr_rule *r)
{
    static const char *const words[] = {"",         "linear",        "nearest",        "cubic",
                                        "constant", "reflect",       "SAME_UPPER",     "VALID",
                                        "NOTSET",   "bidirectional", "reverse",        "add",
                                        "max",      "ij,jk->ik",     "...i,i...->...", "DCR",
                                        "LEFT",     "tanh",          "align_corners",  "sum"};
    xi_attr *a = &n->attrs[n->attr_count];
    xi_arena *arena = n->graph->arena;
    int32_t count = infer_byte(b) % INFER_MAX_LIST;
    *a = (xi_attr){.name = xi_str_of(r->name), .type = r->type, .count = count};
    if (r->type == XI_ATTR_INT) {
        a->i = infer_int(b);
    } else if (r->type == XI_ATTR_FLOAT) {
        a->f = (float)infer_int(b) / 4;
    } else if (r->type == XI_ATTR_STRING) {
        a->s = xi_str_of(words[infer_byte(b) % (sizeof words / sizeof *words)]);
    } else if (r->type == XI_ATTR_TENSOR) {
        a->tensor = infer_any_literal(b, n->graph, count % 2 ? XINF_INT64 : XINF_FLOAT32);
        if (!a->tensor) return;
    } else if (r->type == XI_ATTR_INTS) {
        int64_t *list = xi_arena_array(arena, (size_t)count + 1, sizeof *list);
        for (int32_t i = 0; i < count && list; i++) list[i] = infer_int(b);
        a->ints = list;
    } else if (r->type == XI_ATTR_FLOATS) {
        float *list = xi_arena_array(arena, (size_t)count + 1, sizeof *list);
        for (int32_t i = 0; i < count && list; i++) list[i] = (float)infer_int(b);
        a->floats = list;
    } else if (r->type == XI_ATTR_STRINGS) {
        xi_str *list = xi_arena_array(arena, (size_t)count + 1, sizeof *list);
        for (int32_t i = 0; i < count && list; i++)
            list[i] = xi_str_of(words[infer_byte(b) % (sizeof words / sizeof *words)]);
        a->strings = list;
    } else {
        return;
    }
    n->attr_count++;
}

static const xi_op *infer_any_op(infer_bytes *b)
{
    int32_t total = 0, pick = infer_byte(b) | infer_byte(b) << 8;
    for (const xi_op *const *family = xi_ops_builtin; *family; family++)
        for (const xi_op *op = *family; op->name; op++) total++;
    pick %= total;
    for (const xi_op *const *family = xi_ops_builtin; *family; family++)
        for (const xi_op *op = *family; op->name; op++)
            if (pick-- == 0) return op;
    return NULL;
}

static void infer_check(xinf_status status, const xinf_error *err)
{
    if ((status != XINF_OK && err->message[0] == 0) || status == XINF_INTERNAL) abort();
}

/* The plan, and its binding to the declared shapes with 3 for what they leave open. */
static void infer_plan(const xi_graph *g, const xinf_allocator *alloc)
{
    xi_weights weights;
    xi_plan *plan = NULL;
    xi_binding *binding = NULL;
    xinf_error err = XINF_ERROR_INIT;
    xi_type types[INFER_MAX_INPUTS];
    if (xi_weights_init(&weights, alloc, &err) != XINF_OK) return;
    xi_cpu cpu;
    xi_cpu_query(&cpu);
    xi_segment segment = {.graph = g, .weights = &weights, .isa = cpu.isa, .width = 2};
    xinf_status status = xi_device_find(NULL)->compile(&plan, &segment, &err);
    infer_check(status, &err);
    bool sized = status == XINF_OK;
    for (int32_t i = 0; i < g->input_count && sized; i++) {
        types[i] = g->inputs[i]->type;
        sized = types[i].kind == XINF_KIND_TENSOR && types[i].dtype != XINF_UNDEFINED &&
                types[i].shape.rank >= 0;
        for (int32_t k = 0; k < types[i].shape.rank; k++)
            if (types[i].shape.dim[k] < 0) types[i].shape.dim[k] = 3;
    }
    if (sized) infer_check(xi_plan_bind(&binding, plan, types, alloc, &err), &err);
    xi_binding_destroy(binding);
    xi_plan_destroy(plan);
    xi_weights_end(&weights);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char names[INFER_MAX_INPUTS][3] = {"i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7"};
    infer_bytes b = {data, data + size};
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    xi_family *family = NULL;
    const xi_op *op = infer_any_op(&b);
    if (op->flags & XI_OP_CONTROL ||
        xi_family_create(&family, &alloc, (size_t)64 << 20, &err) != XINF_OK)
        return 0;
    for (int i = 0; i < 4; i++) xi_family_symbol(family, xi_str_of(names[i]));
    xi_graph *g = xi_graph_create(family, NULL, XI_STR("g"));
    int32_t spread = infer_byte(&b), rules = 0;
    int32_t inputs = op->min_inputs + spread % 4, outputs = op->min_outputs + spread / 64 % 3;
    if (op->max_inputs >= 0 && inputs > op->max_inputs) inputs = op->max_inputs;
    if (op->max_outputs >= 0 && outputs > op->max_outputs) outputs = op->max_outputs;
    if (inputs > INFER_MAX_INPUTS) inputs = INFER_MAX_INPUTS;
    for (const xi_attr_rule *r = op->attrs; r && r->name; r++) rules++;
    xi_node *n = xi_graph_add_node(g, NULL, xi_str_of(op->domain ? op->domain : ""),
                                   xi_str_of(op->name), XI_STR("n"), inputs, outputs, rules);
    g->inputs = xi_arena_array(g->arena, INFER_MAX_INPUTS, sizeof *g->inputs);
    g->outputs = xi_arena_array(g->arena, (size_t)outputs + 1, sizeof *g->outputs);
    for (const xi_attr_rule *r = op->attrs; r && r->name; r++)
        if (r->required || infer_byte(&b) & 1) infer_any_attribute(&b, n, r);
    for (int32_t i = 0; i < inputs; i++) {
        n->inputs[i] = infer_any_value(&b, g, names[i]);
        if (n->inputs[i] && !n->inputs[i]->literal) g->inputs[g->input_count++] = n->inputs[i];
    }
    for (int32_t i = 0; i < outputs; i++) g->outputs[g->output_count++] = xi_node_new_output(n, i);
    xi_graph_count_uses(g);
    xinf_status status = xi_graph_verify(g, &err);
    if (status == XINF_OK) status = xi_graph_infer(g, &err);
    infer_check(status, &err);
    if (status == XINF_OK) infer_plan(g, &alloc);
    xi_family_destroy(family);
    return 0;
}
