/* graph.h — the IR: a graph of nodes over SSA values, with ONNX's meaning (newest operator set)
 * plus domain "xinf".
 *
 * All objects of a model's graphs live in one arena and die with it. Nodes stand in a list in
 * topological order. A subgraph (attribute of If, Loop, Scan…) uses values of the graphs around it
 * directly. */
#ifndef XI_GRAPH_GRAPH_H
#define XI_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/file.h"
#include "base/string.h"
#include "tensor/tensor.h"

typedef struct xi_graph xi_graph;
typedef struct xi_node xi_node;
typedef struct xi_value xi_value;
typedef struct xi_op xi_op;

/* What a value may hold. SEQUENCE: `element` is the item's type; MAP: keys of `dtype`, values of
 * `element`. */
typedef struct xi_type {
    xinf_kind kind;
    xinf_dtype dtype; /* of a tensor; UNDEFINED: not known */
    xi_shape shape;   /* of a tensor */
    const struct xi_type *element;
    bool optional; /* may hold nothing */
} xi_type;

#define XI_TYPE_UNKNOWN ((xi_type){.kind = XINF_KIND_TENSOR, .shape = {.rank = -1}})

/* A constant tensor. data may point into a mapped file at any alignment: read it by memcpy, or take
 * the aligned copy that the plan makes. Strings: xi_str[count]. Immutable and shared by all copies
 * of a graph. */
typedef struct xi_literal {
    xinf_dtype dtype;
    xi_shape shape;
    int64_t count;
    const void *data;
    size_t size;         /* bytes */
    const xi_file *file; /* the file it lies in, else NULL */
} xi_literal;

struct xi_value {
    xi_str name;   /* unique in its graph; printed names are made unique */
    uint32_t id;   /* unique in the family of graphs: index for side tables */
    uint32_t uses; /* by nodes, graph outputs and states; xi_graph_count_uses */
    xi_graph *graph;
    xi_type type;
    const xi_literal *literal; /* set: a constant (then producer is NULL) */
    xi_node *producer;         /* NULL: graph input, constant or state */
    int32_t producer_output;
};

typedef enum xi_attr_type {
    XI_ATTR_NONE = 0,
    XI_ATTR_INT,
    XI_ATTR_FLOAT,
    XI_ATTR_STRING,
    XI_ATTR_TENSOR,
    XI_ATTR_GRAPH,
    XI_ATTR_INTS,
    XI_ATTR_FLOATS,
    XI_ATTR_STRINGS,
    XI_ATTR_TENSORS,
    XI_ATTR_GRAPHS,
    XI_ATTR_TYPE /* a value's type, for Optional and SequenceEmpty-like operators */
} xi_attr_type;

typedef struct xi_attr {
    xi_str name;
    xi_attr_type type;
    int32_t count; /* of the list forms */
    union {
        int64_t i;
        float f;
        xi_str s;
        const xi_literal *tensor;
        xi_graph *graph;
        const int64_t *ints;
        const float *floats;
        const xi_str *strings;
        const xi_literal *const *tensors;
        xi_graph *const *graphs;
        const xi_type *value_type;
    };
} xi_attr;

struct xi_node {
    const xi_op *op; /* NULL: this build does not know it; refused when a session is made */
    xi_str name, op_name, domain;
    uint32_t id; /* unique in the family */
    int32_t input_count, output_count, attr_count;
    xi_value **inputs;  /* NULL: optional input left out */
    xi_value **outputs; /* NULL: optional output not wanted */
    xi_attr *attrs;
    xi_graph *graph;
    xi_node *prev, *next;
    const char *refused; /* set: why this node cannot run though its operator is known */
    int32_t attr_capacity;
};

/* A value carried from run to run: `read` has no producer, `written` is computed, `initial` is what
 * a new session starts with. */
typedef struct xi_state {
    xi_str name;
    xi_value *read, *written;
    const xi_literal *initial;
} xi_state;

struct xi_graph {
    xi_arena *arena; /* of the family */
    struct xi_family *family;
    xi_graph *parent; /* the graph around a subgraph */
    xi_str name;
    xi_node *first, *last;
    xi_value **inputs, **outputs;
    int32_t input_count, output_count;
    xi_state *states;
    int32_t state_count;
    int32_t node_count;
    xi_value **values; /* every value made in this graph, in order of making */
    size_t value_count, value_capacity;
};

/* What all graphs of one model share. */
typedef struct xi_family {
    xi_arena arena;
    uint32_t next_value, next_node;
    xi_str *symbols; /* symbol -2-k is symbols[k] */
    size_t symbol_count, symbol_capacity;
    const struct xi_customs
        *customs; /* operators of the application, looked up after the library's; may be NULL */
} xi_family;

/* Families are allocated by alloc; *out holds nothing yet. limit: of arena bytes, 0 none. */
xinf_status xi_family_create(xi_family **out, const xinf_allocator *alloc, size_t limit,
                             xinf_error *err);
void xi_family_destroy(xi_family *f);
/* The dimension for a symbol's name; the same name gives the same one. 0 when memory ends. */
int64_t xi_family_symbol(xi_family *f, xi_str name);
/* NULL unless dim is a symbol. */
const xi_str *xi_family_symbol_name(const xi_family *f, int64_t dim);

/* All of the following give NULL when memory or the arena's limit ends. Names are not copied: they
 * must live as long as the family. */
xi_graph *xi_graph_create(xi_family *f, xi_graph *parent, xi_str name);
xi_value *xi_graph_add_value(xi_graph *g, xi_str name, const xi_type *type);
xi_value *xi_graph_add_constant(xi_graph *g, xi_str name, const xi_literal *literal);
/* A literal whose aligned elements are copied into the arena (strings too). */
xi_literal *xi_graph_literal(xi_graph *g, xinf_dtype dtype, const xi_shape *shape,
                             const void *data);
/* A rank-1 int64 / rank-0 float constant. */
xi_value *xi_graph_constant_ints(xi_graph *g, const int64_t *values, int32_t count);
xi_value *xi_graph_constant_float(xi_graph *g, float value);
/* A node with room for that many inputs, outputs and attributes, put before `before` (NULL: at the
 * end). op looked up by domain and name ("" is the default domain). inputs and outputs are all NULL
 * at first; set outputs by xi_node_set_output. */
xi_node *xi_graph_add_node(xi_graph *g, xi_node *before, xi_str domain, xi_str op_name, xi_str name,
                           int32_t input_count, int32_t output_count, int32_t attr_capacity);
void xi_node_set_output(xi_node *n, int32_t index, xi_value *v);
/* Makes a fresh value of unknown type as output `index`. */
xi_value *xi_node_new_output(xi_node *n, int32_t index);
/* Fills the next free attribute (capacity was given at creation). The list and string memory is not
 * copied. */
void xi_node_set_int(xi_node *n, const char *name, int64_t v);
void xi_node_set_float(xi_node *n, const char *name, float v);
void xi_node_set_string(xi_node *n, const char *name, xi_str v);
/* Copies the list into the arena; false when memory ends. */
bool xi_node_set_ints(xi_node *n, const char *name, const int64_t *v, int32_t count);
void xi_node_remove(xi_node *n);
/* Replaces every use of `from` (in nodes of this graph and its subgraphs, outputs, states) by `to`.
 */
void xi_graph_replace_uses(xi_graph *g, xi_value *from, xi_value *to);
/* Recounts xi_value.uses for the graph and its subgraphs. */
void xi_graph_count_uses(xi_graph *g);
/* A copy of nodes and values in another family (empty, made for it); literals, names and attribute
 * lists are shared with src, which must outlive it. */
xinf_status xi_graph_clone(xi_graph **out, xi_family *into, const xi_graph *src, xinf_error *err);

/* ---- reading a node ---- */
const xi_attr *xi_node_attr(const xi_node *n, const char *name);
bool xi_node_has(const xi_node *n, const char *name);
int64_t xi_node_int(const xi_node *n, const char *name, int64_t fallback);
float xi_node_float(const xi_node *n, const char *name, float fallback);
xi_str xi_node_string(const xi_node *n, const char *name, const char *fallback);
/* Count of a list of ints and its first element's address; 0 and NULL when absent. */
int32_t xi_node_ints(const xi_node *n, const char *name, const int64_t **out);
int32_t xi_node_floats(const xi_node *n, const char *name, const float **out);
xi_graph *xi_node_graph(const xi_node *n, const char *name);
static inline xi_value *xi_node_input(const xi_node *n, int32_t i)
{
    return i < n->input_count ? n->inputs[i] : NULL;
}
static inline bool xi_node_is(const xi_node *n, const char *op_name)
{
    return xi_str_is(n->op_name, op_name) && n->domain.len == 0;
}
/* "Conv_12" or, when it has no name, the name of its first output: for messages. */
xi_str xi_node_label(const xi_node *n);

/* Does it hold together: order, SSA, arities, attribute types against the operator's table. */
xinf_status xi_graph_verify(const xi_graph *g, xinf_error *err);

#endif
