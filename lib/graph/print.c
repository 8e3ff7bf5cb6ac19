/* print.c — a graph as text. */
#include "graph/print.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/allocator.h"
#include "graph/content.h"

enum { PRINT_SUFFIX = 16 }; /* room behind a name that must be made unique */

typedef struct print_state {
    xi_text *text;
    const xi_family *family;
    xi_arena arena;
    xi_str *names;        /* per value id: as printed; ptr NULL: not printed yet */
    uint8_t *used;        /* per value id: a constant that something reads */
    const xi_str **taken; /* open addressing over `names` */
    size_t value_count, taken_size;
    uint32_t next;
    int32_t depth;
} print_state;

static void print_graph(print_state *s, const xi_graph *g);

/* ---- names ---- */

static bool print_take(print_state *s, const xi_str *name)
{
    size_t mask = s->taken_size - 1;
    for (size_t i = (size_t)xi_str_hash(*name) & mask;; i = (i + 1) & mask) {
        if (!s->taken[i]) {
            s->taken[i] = name;
            return true;
        }
        if (s->taken[i] == name || xi_str_eq(*s->taken[i], *name)) return false;
    }
}

/* Gives a value the name that it is printed with: its own, or its own with a number that makes it
 * unique. */
static void print_name(print_state *s, const xi_value *v)
{
    xi_str *name = &s->names[v->id];
    if (name->ptr) return;
    *name = v->name.len ? v->name : XI_STR("_");
    if (v->name.len && print_take(s, name)) return;
    char *buf = xi_arena_alloc(&s->arena, name->len + PRINT_SUFFIX);
    if (!buf) {
        s->text->failed = true;
        return;
    }
    size_t base = v->name.len;
    if (base) memcpy(buf, v->name.ptr, base);
    name->ptr = buf;
    do {
        name->len = base + (size_t)snprintf(buf + base, PRINT_SUFFIX, "_%" PRIu32, s->next++);
    } while (!print_take(s, name));
}

static void print_value(print_state *s, const xi_value *v)
{
    if (!v) {
        xi_text_addf(s->text, "_");
        return;
    }
    print_name(s, v);
    if (s->text->failed) return;
    xi_text_addf(s->text, "%%");
    if (xi_lexer_plain(s->names[v->id]))
        xi_text_add(s->text, s->names[v->id].ptr, s->names[v->id].len);
    else
        xi_text_add_quoted(s->text, s->names[v->id]);
}

static void print_word(print_state *s, xi_str word)
{
    if (xi_lexer_plain_word(word))
        xi_text_add(s->text, word.ptr, word.len);
    else
        xi_text_add_quoted(s->text, word);
}

static void print_indent(print_state *s)
{
    xi_text_addf(s->text, "%*s", (int)(2 * s->depth), "");
}

/* ---- types ---- */

static void print_shape(print_state *s, xinf_dtype dtype, const xi_shape *shape)
{
    xi_text_addf(s->text, "%s[", xi_dtype_short(dtype));
    if (shape->rank < 0) xi_text_addf(s->text, "*");
    for (int32_t i = 0; i < shape->rank; i++) {
        const xi_str *symbol = xi_family_symbol_name(s->family, shape->dim[i]);
        if (i) xi_text_addf(s->text, ",");
        if (shape->dim[i] >= 0)
            xi_text_addf(s->text, "%" PRId64, shape->dim[i]);
        else if (symbol)
            print_word(s, *symbol);
        else
            xi_text_addf(s->text, "?");
    }
    xi_text_addf(s->text, "]");
}

/* Types are nested as deep as the importer allows; the closing brackets are counted. */
static void print_type(print_state *s, const xi_type *t)
{
    int32_t open = 0;
    for (; t; t = t->element) {
        if (t->optional) {
            xi_text_addf(s->text, "optional(");
            open++;
        }
        if (t->kind == XINF_KIND_TENSOR) {
            print_shape(s, t->dtype, &t->shape);
            break;
        }
        if (t->kind == XINF_KIND_NONE) {
            xi_text_addf(s->text, "none");
            break;
        }
        if (t->kind == XINF_KIND_MAP)
            xi_text_addf(s->text, "map(%s, ", xi_dtype_short(t->dtype));
        else
            xi_text_addf(s->text, "sequence(");
        open++;
        if (!t->element) xi_text_addf(s->text, "?[*]");
    }
    while (open-- > 0) xi_text_addf(s->text, ")");
}

/* ---- attributes ---- */

static void print_literal(print_state *s, const xi_literal *l)
{
    print_shape(s, l->dtype, &l->shape);
    xi_text_addf(s->text, " = ");
    xi_content_print(l, s->text);
}

static void print_item(print_state *s, const xi_attr *a, int32_t i)
{
    switch (a->type) {
    case XI_ATTR_INTS: xi_text_addf(s->text, "%" PRId64, a->ints[i]); break;
    case XI_ATTR_FLOATS: xi_text_add_float(s->text, a->floats[i], 9); break;
    case XI_ATTR_STRINGS: xi_text_add_quoted(s->text, a->strings[i]); break;
    case XI_ATTR_TENSORS: print_literal(s, a->tensors[i]); break;
    default: print_graph(s, a->graphs[i]); break;
    }
}

static void print_list(print_state *s, const xi_attr *a)
{
    const char *kind = a->type == XI_ATTR_INTS      ? "ints"
                       : a->type == XI_ATTR_FLOATS  ? "floats"
                       : a->type == XI_ATTR_STRINGS ? "strings"
                       : a->type == XI_ATTR_TENSORS ? "tensors"
                                                    : "graphs";
    bool spelled = a->count == 0 || a->type == XI_ATTR_TENSORS || a->type == XI_ATTR_GRAPHS;
    xi_text_addf(s->text, "%s[", spelled ? kind : "");
    for (int32_t i = 0; i < a->count; i++) {
        if (i) xi_text_addf(s->text, ", ");
        print_item(s, a, i);
    }
    xi_text_addf(s->text, "]");
}

static void print_attr(print_state *s, const xi_attr *a)
{
    print_word(s, a->name);
    xi_text_addf(s->text, " = ");
    switch (a->type) {
    case XI_ATTR_INT: xi_text_addf(s->text, "%" PRId64, a->i); break;
    case XI_ATTR_FLOAT: xi_text_add_float(s->text, a->f, 9); break;
    case XI_ATTR_STRING: xi_text_add_quoted(s->text, a->s); break;
    case XI_ATTR_TENSOR:
        xi_text_addf(s->text, "tensor ");
        print_literal(s, a->tensor);
        break;
    case XI_ATTR_GRAPH: print_graph(s, a->graph); break;
    case XI_ATTR_TYPE:
        xi_text_addf(s->text, "type ");
        print_type(s, a->value_type);
        break;
    case XI_ATTR_NONE: xi_text_addf(s->text, "none"); break;
    default: print_list(s, a); break;
    }
}

/* ---- lines ---- */

static void print_typed(print_state *s, const xi_value *v)
{
    print_value(s, v);
    if (!v) return;
    xi_text_addf(s->text, " : ");
    print_type(s, &v->type);
}

static void print_node(print_state *s, const xi_node *n)
{
    print_indent(s);
    for (int32_t i = 0; i < n->output_count; i++) {
        if (i) xi_text_addf(s->text, ", ");
        print_typed(s, n->outputs[i]);
    }
    xi_text_addf(s->text, "%s = ", n->output_count ? "" : "()");
    bool plain = xi_lexer_plain_word(n->op_name) && !memchr(n->op_name.ptr, '.', n->op_name.len) &&
                 (n->domain.len == 0 || xi_lexer_plain_word(n->domain));
    if (plain && n->domain.len) {
        xi_text_add(s->text, n->domain.ptr, n->domain.len);
        xi_text_addf(s->text, ".");
    } else if (!plain) {
        xi_text_add_quoted(s->text, n->domain);
        xi_text_addf(s->text, " ");
    }
    if (plain)
        xi_text_add(s->text, n->op_name.ptr, n->op_name.len);
    else
        xi_text_add_quoted(s->text, n->op_name);
    xi_text_addf(s->text, "(");
    for (int32_t i = 0; i < n->input_count; i++) {
        if (i) xi_text_addf(s->text, ", ");
        print_value(s, n->inputs[i]);
    }
    xi_text_addf(s->text, ")");
    for (int32_t i = 0; i < n->attr_count; i++) {
        xi_text_addf(s->text, i ? ", " : " {");
        print_attr(s, &n->attrs[i]);
    }
    if (n->attr_count) xi_text_addf(s->text, "}");
    if (n->name.len) {
        xi_text_addf(s->text, " ");
        xi_text_add_quoted(s->text, n->name);
    }
    xi_text_addf(s->text, "\n");
}

static void print_constants(print_state *s, const xi_graph *g)
{
    for (size_t i = 0; i < g->value_count && !s->text->failed; i++) {
        const xi_value *v = g->values[i];
        if (!v->literal || !s->used[v->id]) continue;
        print_indent(s);
        xi_text_addf(s->text, "const ");
        print_value(s, v);
        xi_text_addf(s->text, " : ");
        print_literal(s, v->literal);
        xi_text_addf(s->text, "\n");
    }
}

static void print_states(print_state *s, const xi_graph *g)
{
    for (int32_t i = 0; i < g->state_count; i++) {
        const xi_state *t = &g->states[i];
        print_indent(s);
        xi_text_addf(s->text, "state ");
        print_typed(s, t->read);
        if (t->initial) {
            xi_text_addf(s->text, " from ");
            print_literal(s, t->initial);
        }
        if (t->name.len) {
            xi_text_addf(s->text, " ");
            xi_text_add_quoted(s->text, t->name);
        }
        xi_text_addf(s->text, "\n");
    }
}

static void print_ends(print_state *s, const xi_graph *g)
{
    for (int32_t i = 0; i < g->state_count; i++) {
        if (!g->states[i].written) continue;
        print_indent(s);
        xi_text_addf(s->text, "write ");
        print_value(s, g->states[i].read);
        xi_text_addf(s->text, " <- ");
        print_value(s, g->states[i].written);
        xi_text_addf(s->text, "\n");
    }
    for (int32_t i = 0; i < g->output_count; i++) {
        print_indent(s);
        xi_text_addf(s->text, "output ");
        print_value(s, g->outputs[i]);
        xi_text_addf(s->text, "\n");
    }
}

static void print_graph(print_state *s, const xi_graph *g)
{
    xi_text_addf(s->text, "graph ");
    xi_text_add_quoted(s->text, g->name);
    xi_text_addf(s->text, " {\n");
    s->depth++;
    for (int32_t i = 0; i < g->input_count; i++) {
        print_indent(s);
        xi_text_addf(s->text, "input ");
        print_typed(s, g->inputs[i]);
        xi_text_addf(s->text, "\n");
    }
    print_states(s, g);
    print_constants(s, g);
    for (const xi_node *n = g->first; n && !s->text->failed; n = n->next) print_node(s, n);
    print_ends(s, g);
    s->depth--;
    print_indent(s);
    xi_text_addf(s->text, "}");
}

/* Marks the constants that are read. Graphs are nested as deep as the importer allows. */
static void print_mark(print_state *s, const xi_graph *g)
{
    for (const xi_node *n = g->first; n; n = n->next) {
        for (int32_t i = 0; i < n->input_count; i++)
            if (n->inputs[i]) s->used[n->inputs[i]->id] = 1;
        for (int32_t a = 0; a < n->attr_count; a++) {
            if (n->attrs[a].type == XI_ATTR_GRAPH) print_mark(s, n->attrs[a].graph);
            for (int32_t k = 0; n->attrs[a].type == XI_ATTR_GRAPHS && k < n->attrs[a].count; k++)
                print_mark(s, n->attrs[a].graphs[k]);
        }
    }
    for (int32_t i = 0; i < g->output_count; i++) s->used[g->outputs[i]->id] = 1;
    for (int32_t i = 0; i < g->state_count; i++)
        if (g->states[i].written) s->used[g->states[i].written->id] = 1;
}

void xi_graph_print(const xi_graph *g, xi_text *text)
{
    const xinf_allocator *alloc = &text->alloc;
    print_state s = {.text = text,
                     .family = g->family,
                     .value_count = (size_t)g->family->next_value + 1,
                     .taken_size = 16};
    while (s.taken_size < 2 * s.value_count) s.taken_size *= 2;
    xi_arena_init(&s.arena, alloc, 0);
    s.names = xi_calloc(alloc, s.value_count, sizeof *s.names);
    s.used = xi_calloc(alloc, s.value_count, 1);
    s.taken = xi_calloc(alloc, s.taken_size, sizeof *s.taken);
    if (s.names && s.used && s.taken) {
        print_mark(&s, g);
        print_graph(&s, g);
        xi_text_addf(text, "\n");
    } else {
        text->failed = true;
    }
    xi_free(alloc, s.names, s.value_count * sizeof *s.names);
    xi_free(alloc, s.used, s.value_count);
    xi_free(alloc, s.taken, s.taken_size * sizeof *s.taken);
    xi_arena_reset(&s.arena);
}
