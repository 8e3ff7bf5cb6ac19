/* graph.c — making, editing and copying graphs. */
#include "graph/graph.h"

#include "base/allocator.h"
#include "base/checked.h"
#include "graph/custom.h"

xinf_status xi_family_create(xi_family **out, const xinf_allocator *alloc, size_t limit,
                             xinf_error *err)
{
    *out = xi_calloc(alloc, 1, sizeof **out);
    if (!*out) return xi_fail_memory(err, sizeof **out);
    xi_arena_init(&(*out)->arena, alloc, limit);
    return XINF_OK;
}

void xi_family_destroy(xi_family *f)
{
    if (!f) return;
    xinf_allocator alloc = f->arena.alloc;
    xi_free(&alloc, f->symbols, f->symbol_capacity * sizeof *f->symbols);
    xi_arena_reset(&f->arena);
    xi_free(&alloc, f, sizeof *f);
}

int64_t xi_family_symbol(xi_family *f, xi_str name)
{
    for (size_t i = 0; i < f->symbol_count; i++)
        if (xi_str_eq(f->symbols[i], name)) return -2 - (int64_t)i;
    if (!xi_grow(&f->arena.alloc, (void **)&f->symbols, &f->symbol_capacity, f->symbol_count + 1,
                 sizeof *f->symbols))
        return 0;
    f->symbols[f->symbol_count] = name;
    return -2 - (int64_t)f->symbol_count++;
}

const xi_str *xi_family_symbol_name(const xi_family *f, int64_t dim)
{
    return dim <= -2 && (uint64_t)(-2 - dim) < f->symbol_count ? &f->symbols[-2 - dim] : NULL;
}

xi_graph *xi_graph_create(xi_family *f, xi_graph *parent, xi_str name)
{
    xi_graph *g = xi_arena_alloc(&f->arena, sizeof *g);
    if (!g) return NULL;
    g->arena = &f->arena;
    g->family = f;
    g->parent = parent;
    g->name = name;
    return g;
}

/* Room for one more pointer in an arena list; the old block is left to the arena. */
static bool graph_list_grow(xi_arena *arena, void ***items, size_t count, size_t *capacity)
{
    if (count < *capacity) return true;
    size_t want = *capacity ? *capacity * 2 : 16;
    void **grown = xi_arena_array(arena, want, sizeof *grown);
    if (!grown) return false;
    if (count) memcpy(grown, *items, count * sizeof *grown);
    *items = grown;
    *capacity = want;
    return true;
}

xi_value *xi_graph_add_value(xi_graph *g, xi_str name, const xi_type *type)
{
    xi_value *v = xi_arena_alloc(g->arena, sizeof *v);
    if (!v || !graph_list_grow(g->arena, (void ***)&g->values, g->value_count, &g->value_capacity))
        return NULL;
    v->name = name;
    v->id = g->family->next_value++;
    v->graph = g;
    v->type = type ? *type : XI_TYPE_UNKNOWN;
    g->values[g->value_count++] = v;
    return v;
}

xi_value *xi_graph_add_constant(xi_graph *g, xi_str name, const xi_literal *literal)
{
    xi_type type = {.kind = XINF_KIND_TENSOR, .dtype = literal->dtype, .shape = literal->shape};
    xi_value *v = xi_graph_add_value(g, name, &type);
    if (v) v->literal = literal;
    return v;
}

xi_literal *xi_graph_literal(xi_graph *g, xinf_dtype dtype, const xi_shape *shape, const void *data)
{
    size_t size;
    xi_literal *l = xi_arena_alloc(g->arena, sizeof *l);
    if (!l || xi_tensor_bytes(dtype, shape, &size, NULL) != XINF_OK) return NULL;
    char *copy = xi_arena_alloc(g->arena, size);
    if (!copy) return NULL;
    if (size) memcpy(copy, data, size);
    l->dtype = dtype;
    l->shape = *shape;
    xi_shape_count(shape, &l->count);
    l->data = copy;
    l->size = size;
    if (dtype != XINF_STRING) return l;
    xi_str *strings = (xi_str *)(void *)copy;
    for (int64_t i = 0; i < l->count; i++) {
        char *bytes = xi_arena_strndup(g->arena, strings[i].ptr, strings[i].len);
        if (!bytes) return NULL;
        strings[i].ptr = bytes;
    }
    return l;
}

xi_value *xi_graph_constant_ints(xi_graph *g, const int64_t *values, int32_t count)
{
    xi_shape shape = {.rank = 1, .dim = {count}};
    xi_literal *l = xi_graph_literal(g, XINF_INT64, &shape, values);
    return l ? xi_graph_add_constant(g, XI_STR(""), l) : NULL;
}

xi_value *xi_graph_constant_float(xi_graph *g, float value)
{
    xi_shape shape = XI_SHAPE_SCALAR;
    xi_literal *l = xi_graph_literal(g, XINF_FLOAT32, &shape, &value);
    return l ? xi_graph_add_constant(g, XI_STR(""), l) : NULL;
}

static void graph_link(xi_graph *g, xi_node *n, xi_node *before)
{
    n->next = before;
    n->prev = before ? before->prev : g->last;
    if (n->prev)
        n->prev->next = n;
    else
        g->first = n;
    if (before)
        before->prev = n;
    else
        g->last = n;
    g->node_count++;
}

xi_node *xi_graph_add_node(xi_graph *g, xi_node *before, xi_str domain, xi_str op_name, xi_str name,
                           int32_t input_count, int32_t output_count, int32_t attr_capacity)
{
    xi_node *n = xi_arena_alloc(g->arena, sizeof *n);
    if (!n) return NULL;
    n->inputs = xi_arena_array(g->arena, (size_t)input_count, sizeof *n->inputs);
    n->outputs = xi_arena_array(g->arena, (size_t)output_count, sizeof *n->outputs);
    n->attrs = xi_arena_array(g->arena, (size_t)attr_capacity, sizeof *n->attrs);
    if (!n->inputs || !n->outputs || !n->attrs) return NULL;
    if (xi_str_is(domain, "ai.onnx")) domain = XI_STR("");
    n->op = xi_op_find(domain, op_name);
    if (!n->op) n->op = xi_customs_find(g->family->customs, domain, op_name);
    n->name = name;
    n->op_name = op_name;
    n->domain = domain;
    n->id = g->family->next_node++;
    n->input_count = input_count;
    n->output_count = output_count;
    n->attr_capacity = attr_capacity;
    n->graph = g;
    graph_link(g, n, before);
    return n;
}

void xi_node_set_output(xi_node *n, int32_t index, xi_value *v)
{
    n->outputs[index] = v;
    if (!v) return;
    v->producer = n;
    v->producer_output = index;
}

xi_value *xi_node_new_output(xi_node *n, int32_t index)
{
    xi_value *v = xi_graph_add_value(n->graph, XI_STR(""), NULL);
    if (v) xi_node_set_output(n, index, v);
    return v;
}

static xi_attr *graph_next_attr(xi_node *n, const char *name, xi_attr_type type)
{
    if (n->attr_count >= n->attr_capacity) return NULL;
    xi_attr *a = &n->attrs[n->attr_count++];
    a->name = xi_str_of(name);
    a->type = type;
    return a;
}

void xi_node_set_int(xi_node *n, const char *name, int64_t v)
{
    xi_attr *a = graph_next_attr(n, name, XI_ATTR_INT);
    if (a) a->i = v;
}

void xi_node_set_float(xi_node *n, const char *name, float v)
{
    xi_attr *a = graph_next_attr(n, name, XI_ATTR_FLOAT);
    if (a) a->f = v;
}

void xi_node_set_string(xi_node *n, const char *name, xi_str v)
{
    xi_attr *a = graph_next_attr(n, name, XI_ATTR_STRING);
    if (a) a->s = v;
}

bool xi_node_set_ints(xi_node *n, const char *name, const int64_t *v, int32_t count)
{
    int64_t *copy = xi_arena_array(n->graph->arena, (size_t)count, sizeof *copy);
    xi_attr *a = copy ? graph_next_attr(n, name, XI_ATTR_INTS) : NULL;
    if (!a) return false;
    if (count) memcpy(copy, v, (size_t)count * sizeof *copy);
    a->ints = copy;
    a->count = count;
    return true;
}

void xi_node_remove(xi_node *n)
{
    xi_graph *g = n->graph;
    if (n->prev)
        n->prev->next = n->next;
    else
        g->first = n->next;
    if (n->next)
        n->next->prev = n->prev;
    else
        g->last = n->prev;
    n->prev = n->next = NULL;
    g->node_count--;
    for (int32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i] && n->outputs[i]->producer == n) n->outputs[i]->producer = NULL;
}

/* Calls fn on the graph and on every graph below it. Depth is bounded by the importer's limit on
 * nesting. */
static void graph_walk(xi_graph *g, void (*fn)(xi_graph *g, void *self), void *self)
{
    fn(g, self);
    for (xi_node *n = g->first; n; n = n->next)
        for (int32_t a = 0; a < n->attr_count; a++) {
            if (n->attrs[a].type == XI_ATTR_GRAPH) graph_walk(n->attrs[a].graph, fn, self);
            for (int32_t k = 0; n->attrs[a].type == XI_ATTR_GRAPHS && k < n->attrs[a].count; k++)
                graph_walk(n->attrs[a].graphs[k], fn, self);
        }
}

typedef struct graph_pair {
    xi_value *from, *to;
} graph_pair;

static void graph_replace_in(xi_graph *g, void *self)
{
    const graph_pair *p = self;
    for (xi_node *n = g->first; n; n = n->next)
        for (int32_t i = 0; i < n->input_count; i++)
            if (n->inputs[i] == p->from) n->inputs[i] = p->to;
    for (int32_t i = 0; i < g->output_count; i++)
        if (g->outputs[i] == p->from) g->outputs[i] = p->to;
    for (int32_t i = 0; i < g->state_count; i++)
        if (g->states[i].written == p->from) g->states[i].written = p->to;
}

void xi_graph_replace_uses(xi_graph *g, xi_value *from, xi_value *to)
{
    graph_pair pair = {from, to};
    graph_walk(g, graph_replace_in, &pair);
    to->uses += from->uses;
    from->uses = 0;
}

static void graph_zero_uses(xi_graph *g, void *self)
{
    for (size_t i = 0; i < g->value_count; i++) g->values[i]->uses = 0;
}

static void graph_add_uses(xi_graph *g, void *self)
{
    for (xi_node *n = g->first; n; n = n->next)
        for (int32_t i = 0; i < n->input_count; i++)
            if (n->inputs[i]) n->inputs[i]->uses++;
    for (int32_t i = 0; i < g->output_count; i++) g->outputs[i]->uses++;
    for (int32_t i = 0; i < g->state_count; i++)
        if (g->states[i].written) g->states[i].written->uses++;
}

void xi_graph_count_uses(xi_graph *g)
{
    graph_walk(g, graph_zero_uses, NULL);
    graph_walk(g, graph_add_uses, NULL);
}

/* ---- copying ---- */

typedef struct graph_copy {
    xi_family *into;
    xi_value **map; /* old id → new value */
    size_t map_size;
} graph_copy;

static xi_value *graph_mapped(const graph_copy *c, const xi_value *v)
{
    return v ? c->map[v->id] : NULL;
}

static xi_graph *graph_clone_one(graph_copy *c, const xi_graph *src, xi_graph *parent);

static bool graph_clone_attrs(graph_copy *c, xi_node *dst, const xi_node *src)
{
    for (int32_t i = 0; i < src->attr_count; i++) {
        xi_attr *a = &dst->attrs[i];
        *a = src->attrs[i];
        if (a->type == XI_ATTR_GRAPH) a->graph = graph_clone_one(c, a->graph, dst->graph);
        if (a->type == XI_ATTR_GRAPH && !a->graph) return false;
        if (a->type != XI_ATTR_GRAPHS) continue;
        xi_graph **list = xi_arena_array(&c->into->arena, (size_t)a->count, sizeof *list);
        if (!list) return false;
        for (int32_t k = 0; k < a->count; k++)
            if (!(list[k] = graph_clone_one(c, src->attrs[i].graphs[k], dst->graph))) return false;
        a->graphs = list;
    }
    dst->attr_count = src->attr_count;
    return true;
}

static bool graph_clone_nodes(graph_copy *c, xi_graph *g, const xi_graph *src)
{
    for (const xi_node *n = src->first; n; n = n->next) {
        xi_node *m = xi_graph_add_node(g, NULL, n->domain, n->op_name, n->name, n->input_count,
                                       n->output_count, n->attr_count);
        if (!m) return false;
        m->refused = n->refused;
        for (int32_t i = 0; i < n->input_count; i++) m->inputs[i] = graph_mapped(c, n->inputs[i]);
        for (int32_t i = 0; i < n->output_count; i++)
            xi_node_set_output(m, i, graph_mapped(c, n->outputs[i]));
        if (!graph_clone_attrs(c, m, n)) return false;
    }
    return true;
}

static bool graph_clone_lists(graph_copy *c, xi_graph *g, const xi_graph *src)
{
    g->inputs = xi_arena_array(g->arena, (size_t)src->input_count, sizeof *g->inputs);
    g->outputs = xi_arena_array(g->arena, (size_t)src->output_count, sizeof *g->outputs);
    g->states = xi_arena_array(g->arena, (size_t)src->state_count, sizeof *g->states);
    if (!g->inputs || !g->outputs || !g->states) return false;
    g->input_count = src->input_count;
    g->output_count = src->output_count;
    g->state_count = src->state_count;
    for (int32_t i = 0; i < src->input_count; i++) g->inputs[i] = graph_mapped(c, src->inputs[i]);
    for (int32_t i = 0; i < src->output_count; i++)
        g->outputs[i] = graph_mapped(c, src->outputs[i]);
    for (int32_t i = 0; i < src->state_count; i++) {
        g->states[i] = src->states[i];
        g->states[i].read = graph_mapped(c, src->states[i].read);
        g->states[i].written = graph_mapped(c, src->states[i].written);
    }
    return true;
}

static xi_graph *graph_clone_one(graph_copy *c, const xi_graph *src, xi_graph *parent)
{
    xi_graph *g = xi_graph_create(c->into, parent, src->name);
    if (!g) return NULL;
    for (size_t i = 0; i < src->value_count; i++) {
        const xi_value *v = src->values[i];
        xi_value *w = xi_graph_add_value(g, v->name, &v->type);
        if (!w) return NULL;
        w->literal = v->literal;
        w->uses = v->uses;
        c->map[v->id] = w;
    }
    return graph_clone_nodes(c, g, src) && graph_clone_lists(c, g, src) ? g : NULL;
}

xinf_status xi_graph_clone(xi_graph **out, xi_family *into, const xi_graph *src, xinf_error *err)
{
    *out = NULL;
    const xi_family *from = src->family;
    into->customs = from->customs;
    for (size_t i = 0; i < from->symbol_count; i++)
        if (!xi_family_symbol(into, from->symbols[i])) return xi_fail_memory(err, sizeof(xi_str));
    graph_copy c = {into, NULL, from->next_value};
    c.map = xi_calloc(&into->arena.alloc, c.map_size + 1, sizeof *c.map);
    if (c.map) *out = graph_clone_one(&c, src, NULL);
    xi_free(&into->arena.alloc, c.map, (c.map_size + 1) * sizeof *c.map);
    return *out ? XINF_OK : xi_fail_memory(err, sizeof(xi_graph));
}
