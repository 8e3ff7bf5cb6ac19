#include "import/onnx/importer.h"

/* Walks the names that a node reads: its inputs, and those that the graphs in its attributes take
 * from outside. */
typedef struct import_order_hidden {
    xi_onnx_names names;
    const struct import_order_hidden *outer;
} import_order_hidden;

typedef struct import_order_reads {
    const xi_onnx_names *names;
    const import_order_hidden *hidden; /* what the inner graph at hand defines itself */
    xinf_allocator alloc;
    uint32_t *items; /* producing nodes in the same list */
    size_t count, capacity;
    bool failed;
} import_order_reads;

static void import_order_add(import_order_reads *r, xi_str name)
{
    const xi_onnx_name *found = name.len ? xi_onnx_names_find(r->names, name) : NULL;
    if (!found || found->state != XI_NAME_PENDING) return;
    for (const import_order_hidden *h = r->hidden; h; h = h->outer)
        if (xi_onnx_names_find(&h->names, name)) return;
    if (!xi_grow(&r->alloc, (void **)&r->items, &r->capacity, r->count + 1, sizeof *r->items)) {
        r->failed = true;
        return;
    }
    r->items[r->count++] = found->index;
}

static void import_order_node(import_order_reads *r, const Onnx__Node *n);

static void import_order_hide(import_order_reads *r, import_order_hidden *h, xi_str name)
{
    /* Only names that this list makes too are of interest. */
    if (!name.len || !xi_onnx_names_find(r->names, name) || xi_onnx_names_find(&h->names, name))
        return;
    if (!xi_onnx_names_add(&h->names, name)) r->failed = true;
}

/* Nesting is bounded: the wire reader refuses more than 100 levels of messages, three per graph. */
static void import_order_graph(import_order_reads *r, const Onnx__Graph *g)
{
    import_order_hidden own = {.outer = r->hidden};
    xi_onnx_names_init(&own.names, &r->alloc);
    for (size_t i = 0; i < g->n_input; i++)
        import_order_hide(r, &own, xi_onnx_str(g->input[i]->name));
    for (size_t i = 0; i < g->n_initializer; i++)
        import_order_hide(r, &own, xi_onnx_str(g->initializer[i]->name));
    for (size_t i = 0; i < g->n_node; i++)
        for (size_t k = 0; k < g->node[i]->n_output; k++)
            import_order_hide(r, &own, xi_onnx_str(g->node[i]->output[k]));
    r->hidden = &own;
    for (size_t i = 0; i < g->n_node; i++) import_order_node(r, g->node[i]);
    for (size_t i = 0; i < g->n_output; i++) import_order_add(r, xi_onnx_str(g->output[i]->name));
    r->hidden = own.outer;
    xi_onnx_names_free(&own.names);
}

static void import_order_node(import_order_reads *r, const Onnx__Node *n)
{
    for (size_t i = 0; i < n->n_input; i++) import_order_add(r, xi_onnx_str(n->input[i]));
    for (size_t i = 0; i < n->n_attribute; i++) {
        const Onnx__Attribute *a = n->attribute[i];
        if (a->g) import_order_graph(r, a->g);
        for (size_t k = 0; k < a->n_graphs; k++) import_order_graph(r, a->graphs[k]);
    }
}

/* Depth-first: a node is placed after all that it reads. `state`: 0 new, 1 open, 2 placed. */
static xinf_status import_order_sort(uint32_t *out, xi_onnx_importer *im, Onnx__Node *const *nodes,
                                     size_t count, const size_t *start, const uint32_t *reads,
                                     uint8_t *state, size_t *next, uint32_t *stack)
{
    size_t placed = 0;
    for (size_t i = 0; i < count; i++) next[i] = start[i];
    for (uint32_t root = 0; root < count; root++) {
        size_t depth = 0;
        if (state[root]) continue;
        state[root] = 1;
        stack[depth++] = root;
        while (depth) {
            uint32_t at = stack[depth - 1];
            if (next[at] == start[at + 1]) {
                state[at] = 2;
                out[placed++] = at;
                depth--;
                continue;
            }
            uint32_t to = reads[next[at]++];
            if (state[to] == 1)
                return xi_fail(im->err, XINF_MALFORMED,
                               "node %.*s (%.*s) needs its own result: the graph has a cycle",
                               XI_STR_ARG(xi_onnx_label(nodes[to])),
                               XI_STR_ARG(xi_onnx_str(nodes[to]->op_type)));
            if (state[to] == 2) continue;
            state[to] = 1;
            stack[depth++] = to;
        }
    }
    return XINF_OK;
}

xinf_status xi_onnx_order(uint32_t **out, xi_onnx_importer *im, const xi_onnx_scope *scope,
                          Onnx__Node *const *nodes, size_t count)
{
    xinf_status status = XINF_OK;
    import_order_reads r = {.names = &scope->names, .alloc = im->alloc};
    size_t *start = xi_calloc(&im->alloc, count + 1, sizeof *start), *next = NULL;
    uint32_t *order = NULL, *stack = NULL;
    uint8_t *state = NULL;
    bool forward = false;
    *out = NULL;
    if (!start) return xi_fail_memory(im->err, (count + 1) * sizeof *start);
    for (size_t i = 0; i < count; i++) {
        start[i] = r.count;
        import_order_node(&r, nodes[i]);
        for (size_t k = start[i]; k < r.count; k++) forward |= r.items[k] >= i;
        if (!forward) r.count = start[i] = 0; /* nothing to sort so far: keep no lists */
        if (r.failed) XI_TRY(xi_fail_memory(im->err, r.capacity * 2 * sizeof *r.items));
    }
    start[count] = r.count;
    if (!forward) goto cleanup;
    order = xi_alloc(&im->alloc, count * sizeof *order);
    stack = xi_alloc(&im->alloc, count * sizeof *stack);
    next = xi_alloc(&im->alloc, count * sizeof *next);
    state = xi_calloc(&im->alloc, count, 1);
    if (!order || !stack || !next || !state) XI_TRY(xi_fail_memory(im->err, count * 17));
    XI_TRY(import_order_sort(order, im, nodes, count, start, r.items, state, next, stack));
    *out = order;
    order = NULL;
cleanup:
    xi_free(&im->alloc, r.items, r.capacity * sizeof *r.items);
    xi_free(&im->alloc, start, (count + 1) * sizeof *start);
    xi_free(&im->alloc, next, count * sizeof *next);
    xi_free(&im->alloc, stack, count * sizeof *stack);
    xi_free(&im->alloc, state, count);
    xi_free(&im->alloc, order, count * sizeof *order);
    return status;
}
