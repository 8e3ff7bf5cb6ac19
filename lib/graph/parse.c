/* parse.c — text → graph. One token is looked at; the lexer knows the line. */
#include "graph/parse.h"

#include "base/allocator.h"
#include "graph/content.h"

enum { PARSE_DEPTH = 32, PARSE_LIST = 1 << 20 };

typedef struct parse_state {
    xi_lexer lex;
    xi_family *family;
    xi_arena *arena;
    xi_value **table; /* by name, open addressing */
    size_t table_size, table_count;
    int32_t depth;
} parse_state;

/* A list that grows in the arena. */
typedef struct parse_list {
    void *items;
    size_t count, capacity;
} parse_list;

static xinf_status parse_graph(parse_state *s, xi_graph **out, xi_graph *parent);

static xinf_status parse_push(parse_state *s, parse_list *l, const void *item, size_t size)
{
    if (l->count == PARSE_LIST) return xi_lexer_fail(&s->lex, "a list is too long");
    if (l->count == l->capacity) {
        size_t want = l->capacity ? 2 * l->capacity : 4;
        void *grown = xi_arena_array(s->arena, want, size);
        if (!grown) return xi_fail_memory(s->lex.err, want * size);
        if (l->count) memcpy(grown, l->items, l->count * size);
        l->items = grown;
        l->capacity = want;
    }
    memcpy((char *)l->items + l->count++ * size, item, size);
    return XINF_OK;
}

static xinf_status parse_memory(const parse_state *s)
{
    return xi_fail_memory(s->lex.err, sizeof(xi_node));
}

/* ---- names ---- */

static xi_value **parse_slot(parse_state *s, xi_str name)
{
    size_t mask = s->table_size - 1, i = (size_t)xi_str_hash(name) & mask;
    while (s->table[i] && !xi_str_eq(s->table[i]->name, name)) i = (i + 1) & mask;
    return &s->table[i];
}

static xinf_status parse_grow(parse_state *s)
{
    xi_value **old = s->table;
    size_t old_size = s->table_size;
    if (2 * (s->table_count + 1) <= old_size) return XINF_OK;
    size_t want = old_size ? 2 * old_size : 64;
    xi_value **grown = xi_calloc(&s->arena->alloc, want, sizeof *grown);
    if (!grown) return xi_fail_memory(s->lex.err, want * sizeof *grown);
    s->table = grown;
    s->table_size = want;
    for (size_t i = 0; i < old_size; i++)
        if (old[i]) *parse_slot(s, old[i]->name) = old[i];
    xi_free(&s->arena->alloc, old, old_size * sizeof *old);
    return XINF_OK;
}

static xinf_status parse_define(parse_state *s, xi_value **out, xi_graph *g, xi_str name)
{
    xinf_status status = parse_grow(s);
    if (status) return status;
    xi_value **slot = parse_slot(s, name);
    if (*slot) return xi_lexer_fail(&s->lex, "value \"%.*s\" is defined twice", XI_STR_ARG(name));
    *slot = *out = xi_graph_add_value(g, name, NULL);
    s->table_count++;
    return *out ? XINF_OK : parse_memory(s);
}

/* %name of a value that is defined. */
static xinf_status parse_use(parse_state *s, xi_value **out)
{
    if (s->lex.token != XI_TOKEN_VALUE) return xi_lexer_fail(&s->lex, "a value is missing");
    *out = s->table_size ? *parse_slot(s, s->lex.text) : NULL;
    if (!*out)
        return xi_lexer_fail(&s->lex, "value \"%.*s\" is not defined", XI_STR_ARG(s->lex.text));
    return xi_lexer_next(&s->lex);
}

/* ---- types ---- */

static xinf_status parse_dim(parse_state *s, int64_t *out)
{
    xi_lexer *l = &s->lex;
    if (xi_lexer_is(l, '?')) {
        *out = XI_DIM_UNKNOWN;
    } else if (l->token == XI_TOKEN_INT) {
        if (l->number < 0) return xi_lexer_fail(l, "a dimension is negative");
        *out = l->number;
    } else if (l->token == XI_TOKEN_WORD || l->token == XI_TOKEN_STRING) {
        *out = xi_family_symbol(s->family, l->text);
        if (*out == 0) return parse_memory(s);
    } else {
        return xi_lexer_fail(l, "a dimension is missing");
    }
    return xi_lexer_next(l);
}

static xinf_status parse_dtype(parse_state *s, xinf_dtype *out)
{
    xi_lexer *l = &s->lex;
    *out = XINF_UNDEFINED;
    if (!xi_lexer_is(l, '?') && (l->token != XI_TOKEN_WORD || !xi_dtype_from_short(l->text, out)))
        return xi_lexer_fail(l, "an element type is missing");
    return xi_lexer_next(l);
}

/* f32[N,3,?] */
static xinf_status parse_shape(parse_state *s, xinf_dtype *dtype, xi_shape *shape)
{
    xinf_status status;
    xi_lexer *l = &s->lex;
    bool more;
    *shape = XI_SHAPE_SCALAR;
    XI_TRY(parse_dtype(s, dtype));
    XI_TRY(xi_lexer_take(l, '['));
    XI_TRY(xi_lexer_accept(l, '*', &more));
    if (more) shape->rank = -1;
    more = !more && !xi_lexer_is(l, ']');
    while (more) {
        if (shape->rank == XI_MAX_RANK)
            return xi_lexer_fail(l, "there are more than %d dimensions", (int)XI_MAX_RANK);
        XI_TRY(parse_dim(s, &shape->dim[shape->rank++]));
        XI_TRY(xi_lexer_accept(l, ',', &more));
    }
    XI_TRY(xi_lexer_take(l, ']'));
cleanup:
    return status;
}

/* optional(…), sequence(…), map(dtype, …) around a tensor's type; from the outside in, then the
 * closing brackets. */
static xinf_status parse_type(parse_state *s, xi_type *out)
{
    xinf_status status;
    xi_lexer *l = &s->lex;
    int32_t open = 0;
    *out = XI_TYPE_UNKNOWN;
    for (;;) {
        bool sequence = xi_lexer_is_word(l, "sequence"), map = xi_lexer_is_word(l, "map"),
             optional = xi_lexer_is_word(l, "optional");
        if (!sequence && !map && !optional) break;
        if (++open > PARSE_DEPTH) return xi_lexer_fail(l, "types are nested too deep");
        XI_TRY(xi_lexer_next(l));
        XI_TRY(xi_lexer_take(l, '('));
        if (optional) {
            out->optional = true;
            continue;
        }
        xi_type *inner = xi_arena_alloc(s->arena, sizeof *inner);
        if (!inner) return parse_memory(s);
        *inner = XI_TYPE_UNKNOWN;
        out->kind = sequence ? XINF_KIND_SEQUENCE : XINF_KIND_MAP;
        out->element = inner;
        if (map) {
            XI_TRY(parse_dtype(s, &out->dtype));
            XI_TRY(xi_lexer_take(l, ','));
        }
        out = inner;
    }
    if (xi_lexer_is_word(l, "none")) {
        out->kind = XINF_KIND_NONE;
        XI_TRY(xi_lexer_next(l));
    } else {
        XI_TRY(parse_shape(s, &out->dtype, &out->shape));
    }
    while (open-- > 0) XI_TRY(xi_lexer_take(l, ')'));
    status = XINF_OK;
cleanup:
    return status;
}

/* ": type" behind a value. */
static xinf_status parse_typed(parse_state *s, xi_value *v)
{
    xinf_status status = xi_lexer_take(&s->lex, ':');
    return status ? status : parse_type(s, &v->type);
}

/* f32[2] = [1.0, 2.0] */
static xinf_status parse_literal(parse_state *s, xi_graph *g, xi_literal **out)
{
    xinf_status status;
    xinf_dtype dtype;
    xi_shape shape;
    XI_TRY(parse_shape(s, &dtype, &shape));
    XI_TRY(xi_lexer_take(&s->lex, '='));
    XI_TRY(xi_content_parse(out, &s->lex, g, dtype, &shape));
cleanup:
    return status;
}

/* ---- attributes ---- */

static xi_attr_type parse_list_word(const xi_lexer *l)
{
    return xi_lexer_is_word(l, "ints")      ? XI_ATTR_INTS
           : xi_lexer_is_word(l, "floats")  ? XI_ATTR_FLOATS
           : xi_lexer_is_word(l, "strings") ? XI_ATTR_STRINGS
           : xi_lexer_is_word(l, "tensors") ? XI_ATTR_TENSORS
           : xi_lexer_is_word(l, "graphs")  ? XI_ATTR_GRAPHS
                                            : XI_ATTR_NONE;
}

static xinf_status parse_list_item(parse_state *s, xi_graph *g, xi_attr_type type, parse_list *list)
{
    xi_lexer *l = &s->lex;
    xinf_status status;
    if (type == XI_ATTR_TENSORS) {
        xi_literal *item;
        status = parse_literal(s, g, &item);
        return status ? status : parse_push(s, list, &item, sizeof item);
    }
    if (type == XI_ATTR_GRAPHS) {
        xi_graph *item;
        status = parse_graph(s, &item, g);
        return status ? status : parse_push(s, list, &item, sizeof item);
    }
    float real = (float)l->real;
    if (type == XI_ATTR_INTS && l->token == XI_TOKEN_INT)
        status = parse_push(s, list, &l->number, sizeof l->number);
    else if (type == XI_ATTR_FLOATS && l->token == XI_TOKEN_FLOAT)
        status = parse_push(s, list, &real, sizeof real);
    else if (type == XI_ATTR_STRINGS && l->token == XI_TOKEN_STRING)
        status = parse_push(s, list, &l->text, sizeof l->text);
    else
        return xi_lexer_fail(l, "the items of a list differ in type");
    return status ? status : xi_lexer_next(l);
}

/* Behind the opening bracket. A list without a word takes the type of its first item. */
static xinf_status parse_attr_list(parse_state *s, xi_graph *g, xi_attr *a)
{
    xinf_status status = XINF_OK;
    xi_lexer *l = &s->lex;
    parse_list list = {0};
    bool more = !xi_lexer_is(l, ']');
    if (a->type == XI_ATTR_NONE)
        a->type = l->token == XI_TOKEN_FLOAT    ? XI_ATTR_FLOATS
                  : l->token == XI_TOKEN_STRING ? XI_ATTR_STRINGS
                                                : XI_ATTR_INTS;
    while (more) {
        XI_TRY(parse_list_item(s, g, a->type, &list));
        XI_TRY(xi_lexer_accept(l, ',', &more));
    }
    XI_TRY(xi_lexer_take(l, ']'));
    a->count = (int32_t)list.count;
    if (!list.items) list.items = xi_arena_alloc(s->arena, 1);
    if (!list.items) return parse_memory(s);
    a->ints = list.items; /* the members of the union are all pointers to the first item */
cleanup:
    return status;
}

static xinf_status parse_attr_word(parse_state *s, xi_graph *g, xi_attr *a)
{
    xinf_status status;
    xi_lexer *l = &s->lex;
    if (xi_lexer_is_word(l, "graph")) {
        a->type = XI_ATTR_GRAPH;
        return parse_graph(s, &a->graph, g);
    }
    a->type = xi_lexer_is_word(l, "tensor") ? XI_ATTR_TENSOR
              : xi_lexer_is_word(l, "type") ? XI_ATTR_TYPE
                                            : parse_list_word(l);
    if (a->type == XI_ATTR_NONE && !xi_lexer_is_word(l, "none"))
        return xi_lexer_fail(l, "\"%.*s\" is no attribute's value", XI_STR_ARG(l->text));
    XI_TRY(xi_lexer_next(l));
    if (a->type == XI_ATTR_TENSOR) {
        xi_literal *literal;
        XI_TRY(parse_literal(s, g, &literal));
        a->tensor = literal;
    } else if (a->type == XI_ATTR_TYPE) {
        xi_type *type = xi_arena_alloc(s->arena, sizeof *type);
        if (!type) return parse_memory(s);
        a->value_type = type;
        XI_TRY(parse_type(s, type));
    } else if (a->type != XI_ATTR_NONE) {
        XI_TRY(xi_lexer_take(l, '['));
        XI_TRY(parse_attr_list(s, g, a));
    }
cleanup:
    return status;
}

static xinf_status parse_attr(parse_state *s, xi_graph *g, xi_attr *a)
{
    xinf_status status;
    xi_lexer *l = &s->lex;
    bool list;
    if (l->token != XI_TOKEN_WORD && l->token != XI_TOKEN_STRING)
        return xi_lexer_fail(l, "an attribute's name is missing");
    a->name = l->text;
    XI_TRY(xi_lexer_next(l));
    XI_TRY(xi_lexer_take(l, '='));
    XI_TRY(xi_lexer_accept(l, '[', &list));
    if (list) return parse_attr_list(s, g, a);
    if (l->token == XI_TOKEN_WORD) return parse_attr_word(s, g, a);
    a->type = l->token == XI_TOKEN_INT      ? XI_ATTR_INT
              : l->token == XI_TOKEN_FLOAT  ? XI_ATTR_FLOAT
              : l->token == XI_TOKEN_STRING ? XI_ATTR_STRING
                                            : XI_ATTR_NONE;
    if (a->type == XI_ATTR_NONE) return xi_lexer_fail(l, "an attribute's value is missing");
    if (a->type == XI_ATTR_INT) a->i = l->number;
    if (a->type == XI_ATTR_FLOAT) a->f = (float)l->real;
    if (a->type == XI_ATTR_STRING) a->s = l->text;
    return xi_lexer_next(l);
cleanup:
    return status;
}

/* ---- nodes ---- */

/* The values before "=": names first, defined when the node is there. */
static xinf_status parse_outputs(parse_state *s, xi_graph *g, parse_list *outputs)
{
    xinf_status status;
    xi_lexer *l = &s->lex;
    bool more, none;
    XI_TRY(xi_lexer_accept(l, '(', &none));
    if (none) return xi_lexer_take(l, ')');
    do {
        xi_value *v = NULL;
        if (xi_lexer_is_word(l, "_")) {
            XI_TRY(xi_lexer_next(l));
        } else if (l->token == XI_TOKEN_VALUE) {
            xi_str name = l->text;
            XI_TRY(xi_lexer_next(l));
            XI_TRY(parse_define(s, &v, g, name));
            XI_TRY(parse_typed(s, v));
        } else {
            return xi_lexer_fail(l, "a value is missing");
        }
        XI_TRY(parse_push(s, outputs, &v, sizeof(xi_value *)));
        XI_TRY(xi_lexer_accept(l, ',', &more));
    } while (more);
cleanup:
    return status;
}

/* domain.Op, Op, or "domain" "Op". */
static xinf_status parse_op(parse_state *s, xi_str *domain, xi_str *op)
{
    xi_lexer *l = &s->lex;
    *domain = (xi_str){0};
    *op = l->text;
    if (l->token == XI_TOKEN_STRING) {
        *domain = l->text;
        xinf_status status = xi_lexer_next(l);
        if (status) return status;
        *op = l->text;
        if (l->token != XI_TOKEN_STRING) return xi_lexer_fail(l, "an operator's name is missing");
        return xi_lexer_next(l);
    }
    if (l->token != XI_TOKEN_WORD) return xi_lexer_fail(l, "an operator's name is missing");
    for (size_t i = l->text.len; i > 0; i--) {
        if (l->text.ptr[i - 1] != '.') continue;
        *domain = (xi_str){l->text.ptr, i - 1};
        *op = (xi_str){l->text.ptr + i, l->text.len - i};
        break;
    }
    return xi_lexer_next(l);
}

static xinf_status parse_inputs(parse_state *s, parse_list *inputs)
{
    xinf_status status;
    xi_lexer *l = &s->lex;
    XI_TRY(xi_lexer_take(l, '('));
    bool more = !xi_lexer_is(l, ')');
    while (more) {
        xi_value *v = NULL;
        if (xi_lexer_is_word(l, "_"))
            XI_TRY(xi_lexer_next(l));
        else
            XI_TRY(parse_use(s, &v));
        XI_TRY(parse_push(s, inputs, &v, sizeof(xi_value *)));
        XI_TRY(xi_lexer_accept(l, ',', &more));
    }
    XI_TRY(xi_lexer_take(l, ')'));
cleanup:
    return status;
}

static xinf_status parse_attrs(parse_state *s, xi_graph *g, parse_list *attrs)
{
    xinf_status status;
    xi_lexer *l = &s->lex;
    bool more;
    XI_TRY(xi_lexer_accept(l, '{', &more));
    if (!more) return XINF_OK;
    while (more) {
        xi_attr a = {0};
        XI_TRY(parse_attr(s, g, &a));
        XI_TRY(parse_push(s, attrs, &a, sizeof a));
        XI_TRY(xi_lexer_accept(l, ',', &more));
    }
    XI_TRY(xi_lexer_take(l, '}'));
cleanup:
    return status;
}

static xinf_status parse_node(parse_state *s, xi_graph *g)
{
    xinf_status status;
    xi_str domain, op, name = {0};
    parse_list outputs = {0}, inputs = {0}, attrs = {0};
    XI_TRY(parse_outputs(s, g, &outputs));
    XI_TRY(xi_lexer_take(&s->lex, '='));
    XI_TRY(parse_op(s, &domain, &op));
    XI_TRY(parse_inputs(s, &inputs));
    XI_TRY(parse_attrs(s, g, &attrs));
    if (s->lex.token == XI_TOKEN_STRING) {
        name = s->lex.text;
        XI_TRY(xi_lexer_next(&s->lex));
    }
    xi_node *n = xi_graph_add_node(g, NULL, domain, op, name, (int32_t)inputs.count,
                                   (int32_t)outputs.count, (int32_t)attrs.count);
    if (!n) return parse_memory(s);
    for (size_t i = 0; i < inputs.count; i++) n->inputs[i] = ((xi_value **)inputs.items)[i];
    for (size_t i = 0; i < outputs.count; i++)
        xi_node_set_output(n, (int32_t)i, ((xi_value **)outputs.items)[i]);
    for (size_t i = 0; i < attrs.count; i++) n->attrs[i] = ((xi_attr *)attrs.items)[i];
    n->attr_count = (int32_t)attrs.count;
cleanup:
    return status;
}

/* ---- lines of a graph ---- */

typedef struct parse_parts {
    parse_list inputs, outputs, states;
} parse_parts;

static xinf_status parse_new_value(parse_state *s, xi_graph *g, xi_value **out)
{
    xi_str name = s->lex.text;
    if (s->lex.token != XI_TOKEN_VALUE) return xi_lexer_fail(&s->lex, "a value is missing");
    xinf_status status = xi_lexer_next(&s->lex);
    return status ? status : parse_define(s, out, g, name);
}

static xinf_status parse_input(parse_state *s, xi_graph *g, parse_list *inputs)
{
    xinf_status status;
    xi_value *v;
    XI_TRY(parse_new_value(s, g, &v));
    XI_TRY(parse_typed(s, v));
    XI_TRY(parse_push(s, inputs, &v, sizeof(xi_value *)));
cleanup:
    return status;
}

static xinf_status parse_constant(parse_state *s, xi_graph *g)
{
    xinf_status status;
    xi_value *v;
    xi_literal *literal;
    XI_TRY(parse_new_value(s, g, &v));
    XI_TRY(xi_lexer_take(&s->lex, ':'));
    XI_TRY(parse_literal(s, g, &literal));
    v->literal = literal;
    v->type = (xi_type){.kind = XINF_KIND_TENSOR, .dtype = literal->dtype, .shape = literal->shape};
cleanup:
    return status;
}

static xinf_status parse_a_state(parse_state *s, xi_graph *g, parse_list *states)
{
    xinf_status status;
    xi_state t = {0};
    xi_literal *initial;
    XI_TRY(parse_new_value(s, g, &t.read));
    XI_TRY(parse_typed(s, t.read));
    if (xi_lexer_is_word(&s->lex, "from")) {
        XI_TRY(xi_lexer_next(&s->lex));
        XI_TRY(parse_literal(s, g, &initial));
        t.initial = initial;
    }
    if (s->lex.token == XI_TOKEN_STRING) {
        t.name = s->lex.text;
        XI_TRY(xi_lexer_next(&s->lex));
    }
    XI_TRY(parse_push(s, states, &t, sizeof t));
cleanup:
    return status;
}

static xinf_status parse_write(parse_state *s, parse_list *states)
{
    xinf_status status;
    xi_value *read, *written;
    XI_TRY(parse_use(s, &read));
    XI_TRY(xi_lexer_take(&s->lex, '<'));
    XI_TRY(parse_use(s, &written));
    for (size_t i = 0; i < states->count; i++) {
        xi_state *t = &((xi_state *)states->items)[i];
        if (t->read != read) continue;
        t->written = written;
        return XINF_OK;
    }
    return xi_lexer_fail(&s->lex, "\"%.*s\" is no state of this graph", XI_STR_ARG(read->name));
cleanup:
    return status;
}

static xinf_status parse_line(parse_state *s, xi_graph *g, parse_parts *parts)
{
    xinf_status status;
    xi_lexer *l = &s->lex;
    bool input = xi_lexer_is_word(l, "input"), constant = xi_lexer_is_word(l, "const"),
         state = xi_lexer_is_word(l, "state"), write = xi_lexer_is_word(l, "write"),
         output = xi_lexer_is_word(l, "output");
    if (input || constant || state || write || output) XI_TRY(xi_lexer_next(l));
    if (input) return parse_input(s, g, &parts->inputs);
    if (constant) return parse_constant(s, g);
    if (state) return parse_a_state(s, g, &parts->states);
    if (write) return parse_write(s, &parts->states);
    if (!output) return parse_node(s, g);
    xi_value *v;
    XI_TRY(parse_use(s, &v));
    XI_TRY(parse_push(s, &parts->outputs, &v, sizeof(xi_value *)));
cleanup:
    return status;
}

/* graph "name" { … } */
static xinf_status parse_graph(parse_state *s, xi_graph **out, xi_graph *parent)
{
    xinf_status status;
    xi_lexer *l = &s->lex;
    parse_parts parts = {0};
    *out = NULL;
    if (!xi_lexer_is_word(l, "graph")) return xi_lexer_fail(l, "a graph is missing");
    if (s->depth == PARSE_DEPTH) return xi_lexer_fail(l, "graphs are nested too deep");
    s->depth++;
    XI_TRY(xi_lexer_next(l));
    if (l->token != XI_TOKEN_STRING) return xi_lexer_fail(l, "a graph's name is missing");
    xi_graph *g = xi_graph_create(s->family, parent, l->text);
    if (!g) return parse_memory(s);
    XI_TRY(xi_lexer_next(l));
    XI_TRY(xi_lexer_take(l, '{'));
    while (!xi_lexer_is(l, '}')) {
        if (l->token == XI_TOKEN_END) return xi_lexer_fail(l, "a graph has no end");
        XI_TRY(parse_line(s, g, &parts));
    }
    XI_TRY(xi_lexer_next(l));
    for (size_t i = 0; i < parts.states.count; i++)
        if (!((xi_state *)parts.states.items)[i].written)
            return xi_lexer_fail(l, "a state is never written");
    g->inputs = parts.inputs.items;
    g->input_count = (int32_t)parts.inputs.count;
    g->outputs = parts.outputs.items;
    g->output_count = (int32_t)parts.outputs.count;
    g->states = parts.states.items;
    g->state_count = (int32_t)parts.states.count;
    s->depth--;
    *out = g;
cleanup:
    return status;
}

xinf_status xi_graph_parse(xi_graph **out, xi_family *into, xi_str text, xinf_error *err)
{
    xinf_status status;
    xi_graph *g = NULL;
    parse_state s = {.family = into, .arena = &into->arena};
    *out = NULL;
    XI_TRY(xi_lexer_init(&s.lex, text, s.arena, err));
    XI_TRY(parse_graph(&s, &g, NULL));
    if (s.lex.token != XI_TOKEN_END) {
        status = xi_lexer_fail(&s.lex, "something stands behind the graph");
        goto cleanup;
    }
    XI_TRY(xi_graph_verify(g, err));
    xi_graph_count_uses(g);
    *out = g;
cleanup:
    xi_free(&into->arena.alloc, s.table, s.table_size * sizeof *s.table);
    return status;
}
