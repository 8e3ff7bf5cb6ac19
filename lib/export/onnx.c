#include "export/onnx.h"

#include <stdio.h>

#include "base/allocator.h"
#include "export/exporter.h"
#include "graph/op.h"

/* As the format numbers kinds of attributes, by xi_attr_type. */
static const int32_t export_attr_kinds[] = {
    [XI_ATTR_INT] = 2,     [XI_ATTR_FLOAT] = 1,   [XI_ATTR_STRING] = 3, [XI_ATTR_TENSOR] = 4,
    [XI_ATTR_GRAPH] = 5,   [XI_ATTR_INTS] = 7,    [XI_ATTR_FLOATS] = 6, [XI_ATTR_STRINGS] = 8,
    [XI_ATTR_TENSORS] = 9, [XI_ATTR_GRAPHS] = 10, [XI_ATTR_TYPE] = 13,
};

static xinf_status export_graph(xi_exporter *x, uint32_t field, const xi_graph *g,
                                const xi_export_options *o);

xinf_status xi_export_no_memory(xi_exporter *x)
{
    return xi_fail_memory(x->err, x->arena.used);
}

/* ---- types ---- */

static void export_shape(xi_exporter *x, const xi_family *family, const xi_shape *s)
{
    uint64_t mark = x->file.total;
    if (s->rank < 0) return;
    for (int32_t i = s->rank - 1; i >= 0; i--) {
        const xi_str *symbol = xi_family_symbol_name(family, s->dim[i]);
        uint64_t dim = x->file.total;
        if (s->dim[i] >= 0)
            xi_writer_int(&x->file, 1, s->dim[i]);
        else if (symbol)
            xi_writer_bytes(&x->file, 2, *symbol);
        xi_writer_close(&x->file, 1, dim);
    }
    xi_writer_close(&x->file, 2, mark);
}

/* The inner types come first, because writing goes backwards: levels are bounded by the reader's
 * depth. */
static void export_type(xi_exporter *x, const xi_family *family, uint32_t field, const xi_type *t)
{
    uint64_t outer = x->file.total, optional = outer, inside = outer, mark;
    if (t->optional) {
        xi_type plain = *t;
        plain.optional = false;
        export_type(x, family, 1, &plain);
        xi_writer_close(&x->file, 9, optional);
        xi_writer_close(&x->file, field, outer);
        return;
    }
    mark = inside;
    if (t->kind == XINF_KIND_TENSOR) {
        export_shape(x, family, &t->shape);
        xi_writer_int(&x->file, 1, t->dtype);
        xi_writer_close(&x->file, 1, mark);
    } else {
        if (t->element) export_type(x, family, t->kind == XINF_KIND_MAP ? 2 : 1, t->element);
        if (t->kind == XINF_KIND_MAP) xi_writer_int(&x->file, 1, t->dtype);
        xi_writer_close(&x->file, t->kind == XINF_KIND_MAP ? 5 : 4, mark);
    }
    xi_writer_close(&x->file, field, outer);
}

static void export_value_info(xi_exporter *x, uint32_t field, const xi_value *v, xi_str name)
{
    uint64_t mark = x->file.total;
    bool typed = v->type.kind != XINF_KIND_TENSOR || v->type.dtype != XINF_UNDEFINED;
    if (typed) export_type(x, v->graph->family, 2, &v->type);
    xi_writer_bytes(&x->file, 1, name);
    xi_writer_close(&x->file, field, mark);
}

/* ---- nodes ---- */

static xinf_status export_attr_value(xi_exporter *x, const xi_attr *a, const xi_graph *g)
{
    xinf_status status = XINF_OK;
    switch (a->type) {
    case XI_ATTR_INT: xi_writer_int(&x->file, 3, a->i); break;
    case XI_ATTR_FLOAT: xi_writer_float(&x->file, 2, a->f); break;
    case XI_ATTR_STRING: xi_writer_bytes(&x->file, 4, a->s); break;
    case XI_ATTR_TENSOR: return xi_export_tensor(x, 5, a->tensor, (xi_str){NULL, 0}, false);
    case XI_ATTR_GRAPH: return export_graph(x, 6, a->graph, NULL);
    case XI_ATTR_TYPE: export_type(x, g->family, 14, a->value_type); break;
    case XI_ATTR_INTS:
        for (int32_t i = a->count - 1; i >= 0; i--) xi_writer_int(&x->file, 8, a->ints[i]);
        break;
    case XI_ATTR_FLOATS:
        for (int32_t i = a->count - 1; i >= 0; i--) xi_writer_float(&x->file, 7, a->floats[i]);
        break;
    case XI_ATTR_STRINGS:
        for (int32_t i = a->count - 1; i >= 0; i--) xi_writer_bytes(&x->file, 9, a->strings[i]);
        break;
    case XI_ATTR_TENSORS:
        for (int32_t i = a->count - 1; i >= 0 && !status; i--)
            status = xi_export_tensor(x, 10, a->tensors[i], (xi_str){NULL, 0}, false);
        break;
    case XI_ATTR_GRAPHS:
        for (int32_t i = a->count - 1; i >= 0 && !status; i--)
            status = export_graph(x, 11, a->graphs[i], NULL);
        break;
    default: break;
    }
    return status;
}

static xinf_status export_node(xi_exporter *x, const xi_node *n)
{
    uint64_t mark = x->file.total;
    xi_export_version(x, n);
    if (n->domain.len) xi_writer_bytes(&x->file, 7, n->domain);
    for (int32_t i = n->attr_count - 1; i >= 0; i--) {
        const xi_attr *a = &n->attrs[i];
        uint64_t attr = x->file.total;
        if (a->type == XI_ATTR_NONE) continue;
        xi_writer_int(&x->file, 20, export_attr_kinds[a->type]);
        xinf_status status = export_attr_value(x, a, n->graph);
        if (status) return status;
        xi_writer_bytes(&x->file, 1, a->name);
        xi_writer_close(&x->file, 5, attr);
    }
    xi_writer_bytes(&x->file, 4, n->op_name);
    if (x->keeps_name[n->id]) xi_writer_bytes(&x->file, 3, n->name);
    for (int32_t i = n->output_count - 1; i >= 0; i--)
        xi_writer_bytes(&x->file, 2,
                        n->outputs[i] ? x->names[n->outputs[i]->id] : (xi_str){NULL, 0});
    for (int32_t i = n->input_count - 1; i >= 0; i--)
        xi_writer_bytes(&x->file, 1, n->inputs[i] ? x->names[n->inputs[i]->id] : (xi_str){NULL, 0});
    xi_writer_close(&x->file, 1, mark);
    return XINF_OK;
}

/* ---- graphs ---- */

static xinf_status export_initializers(xi_exporter *x, const xi_graph *g,
                                       const xi_export_options *o)
{
    for (size_t i = g->value_count; i-- > 0;) {
        const xi_value *v = g->values[i];
        if (!v->literal || !x->names[v->id].len) continue;
        xinf_status status = xi_export_tensor(x, 5, v->literal, x->names[v->id], true);
        if (status) return status;
    }
    for (int32_t i = g->state_count - 1; i >= 0; i--) {
        if (!g->states[i].initial) continue;
        xinf_status status = xi_export_tensor(x, 5, g->states[i].initial,
                                              x->names[g->states[i].read->id], true);
        if (status) return status;
    }
    for (int32_t i = g->input_count - 1; i >= 0 && o && o->defaults; i--) {
        if (!o->defaults[i]) continue;
        xinf_status status = xi_export_tensor(x, 5, o->defaults[i], x->names[g->inputs[i]->id],
                                              true);
        if (status) return status;
    }
    return XINF_OK;
}

static xinf_status export_graph(xi_exporter *x, uint32_t field, const xi_graph *g,
                                const xi_export_options *o)
{
    uint64_t mark = x->file.total;
    for (int32_t i = g->state_count - 1; i >= 0; i--)
        export_value_info(x, 12, g->states[i].written, x->names[g->states[i].written->id]);
    for (int32_t i = g->output_count - 1; i >= 0; i--)
        export_value_info(x, 12, g->outputs[i], x->names[g->outputs[i]->id]);
    for (int32_t i = g->state_count - 1; i >= 0; i--)
        export_value_info(x, 11, g->states[i].read, x->names[g->states[i].read->id]);
    for (int32_t i = g->input_count - 1; i >= 0; i--)
        export_value_info(x, 11, g->inputs[i], x->names[g->inputs[i]->id]);
    xinf_status status = export_initializers(x, g, o);
    if (status) return status;
    xi_writer_bytes(&x->file, 2, g->name.len ? g->name : XI_STR("graph"));
    for (const xi_node *n = g->last; n; n = n->prev) {
        status = export_node(x, n);
        if (status) return status;
    }
    xi_writer_close(&x->file, field, mark);
    return XINF_OK;
}

static void export_opset(xi_exporter *x, xi_str domain, int64_t version)
{
    uint64_t mark = x->file.total;
    xi_writer_int(&x->file, 2, version);
    xi_writer_bytes(&x->file, 1, domain);
    xi_writer_close(&x->file, 8, mark);
}

/* Domains that nodes use, apart from the two of the format. */
static xinf_status export_domains(xi_exporter *x, const xi_graph *g, xi_str *seen, size_t *count,
                                  size_t room)
{
    for (const xi_node *n = g->first; n; n = n->next) {
        bool known = n->domain.len == 0 || xi_str_is(n->domain, "ai.onnx.ml");
        for (size_t i = 0; i < *count && !known; i++) known = xi_str_eq(seen[i], n->domain);
        if (!known && *count == room)
            return xi_fail(x->err, XINF_LIMIT, "the graph uses more than %zu domains", room);
        if (!known) seen[(*count)++] = n->domain;
        for (int32_t a = 0; a < n->attr_count; a++) {
            xinf_status status = n->attrs[a].type == XI_ATTR_GRAPH
                                     ? export_domains(x, n->attrs[a].graph, seen, count, room)
                                     : XINF_OK;
            if (status) return status;
        }
    }
    return XINF_OK;
}

static bool export_own_note(const char *key)
{
    static const char *const own[] = {"producer_name", "producer_version", "domain",
                                      "model_version", "ir_version",       "opset",
                                      "doc_string"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (xi_str_is(xi_str_of(key), own[i])) return true;
    return false;
}

static xinf_status export_model(xi_exporter *x, const xi_graph *g, const xi_export_options *o)
{
    xi_str domains[64];
    size_t domain_count = 0;
    for (int32_t i = o->note_count - 1; i >= 0; i--) {
        uint64_t mark = x->file.total;
        if (export_own_note(o->keys[i])) continue;
        xi_writer_text(&x->file, 2, o->values[i]);
        xi_writer_text(&x->file, 1, o->keys[i]);
        xi_writer_close(&x->file, 14, mark);
    }
    xinf_status status = export_graph(x, 7, g, o);
    if (!status)
        status = export_domains(x, g, domains, &domain_count, sizeof domains / sizeof *domains);
    if (status) return status;
    for (size_t i = domain_count; i-- > 0;) export_opset(x, domains[i], 1);
    if (x->ml_opset) export_opset(x, XI_STR("ai.onnx.ml"), x->ml_opset);
    export_opset(x, XI_STR(""), x->opset);
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", XINF_VERSION_MAJOR, XINF_VERSION_MINOR,
             XINF_VERSION_PATCH);
    xi_writer_text(&x->file, 3, version);
    xi_writer_text(&x->file, 2, "libxinf");
    xi_writer_int(&x->file, 1, xi_export_ir_version(x->opset));
    xi_writer_finish(&x->file);
    return x->file.failed ? xi_export_no_memory(x) : XINF_OK;
}

/* ---- the door ---- */

static uint64_t export_weight_bytes(const xi_graph *g)
{
    uint64_t total = 0;
    for (size_t i = 0; i < g->value_count; i++)
        total += g->values[i]->literal ? g->values[i]->literal->size : 0;
    for (const xi_node *n = g->first; n; n = n->next)
        for (int32_t a = 0; a < n->attr_count; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) total += export_weight_bytes(n->attrs[a].graph);
    return total;
}

static xi_node *export_own_node(xi_graph *g)
{
    for (xi_node *n = g->first; n; n = n->next) {
        if (xi_str_is(n->domain, "xinf")) return n;
        for (int32_t a = 0; a < n->attr_count; a++) {
            xi_node *inner = n->attrs[a].type == XI_ATTR_GRAPH ? export_own_node(n->attrs[a].graph)
                                                               : NULL;
            if (inner) return inner;
        }
    }
    return NULL;
}

/* A copy without operators of our own domain; NULL when there are none. */
static xinf_status export_expanded(xi_family **out_family, xi_graph **out, const xi_graph *g,
                                   xinf_error *err)
{
    *out = NULL;
    *out_family = NULL;
    if (!export_own_node((xi_graph *)g)) return XINF_OK;
    xinf_status status = xi_family_create(out_family, &g->arena->alloc, 0, err);
    if (!status) status = xi_graph_clone(out, *out_family, g, err);
    for (xi_node *n; !status && (n = export_own_node(*out));) {
        if (!n->op || !n->op->expand)
            return xi_fail(err, XINF_UNSUPPORTED,
                           "node %.*s: operator xinf.%.*s has no form in standard ONNX",
                           XI_STR_ARG(xi_node_label(n)), XI_STR_ARG(n->op_name));
        status = n->op->expand(n, err);
    }
    return status;
}

static xinf_status export_run(xi_exporter *x, const xi_graph *g, const char *path,
                              const xi_export_options *o)
{
    xi_str whole = xi_str_of(path);
    char *beside = xi_arena_alloc(&x->arena, whole.len + 6);
    if (!beside) return xi_export_no_memory(x);
    memcpy(beside, path, whole.len);
    memcpy(beside + whole.len, ".data", 6);
    const char *slash = strrchr(beside, '/');
    x->data_name = xi_str_of(slash ? slash + 1 : beside);
    x->external = export_weight_bytes(g) >
                  (o->external_above ? o->external_above : (uint64_t)INT32_MAX - (64 << 20));
    xinf_status status = xi_export_names(x, g);
    if (!status) status = export_model(x, g, o);
    if (status) return status;
    if (x->file.total > INT32_MAX)
        return xi_fail(
            x->err, XINF_LIMIT,
            "the model takes %llu bytes without its weights, more than the format allows",
            (unsigned long long)x->file.total);
    if (x->external) status = xi_file_write_pieces(beside, x->pieces, x->piece_count, x->err);
    return status ? status : xi_file_write_pieces(path, x->file.pieces, x->file.count, x->err);
}

xinf_status xi_export_onnx(const xi_graph *g, const char *path, const xi_export_options *options,
                           xinf_error *err)
{
    const xinf_allocator *alloc = &g->arena->alloc;
    xi_export_options o = options ? *options : (xi_export_options){0};
    xi_exporter x = {.opset = 18, .err = err};
    xi_family *family;
    xi_graph *copy;
    xinf_status status = export_expanded(&family, &copy, g, err);
    xi_arena_init(&x.arena, alloc, 0);
    xi_writer_init(&x.file, alloc);
    if (!status) status = export_run(&x, copy ? copy : g, path, &o);
    xi_free(alloc, x.pieces, x.piece_capacity * sizeof *x.pieces);
    xi_writer_free(&x.file);
    xi_arena_reset(&x.arena);
    xi_family_destroy(family);
    return status;
}
