/* importer.h — what the files of this folder share while one model is imported. */
#ifndef XI_IMPORT_TENSORFLOW_IMPORTER_H
#define XI_IMPORT_TENSORFLOW_IMPORTER_H

#include "import/import.h"
#include "import/onnx/names.h"
#include "load/protobuf.h"
#include "load/tensorflow/bundle.h"
#include "load/tensorflow/tensorflow.pb-c.h"

enum { XI_TF_MAX_OUTPUTS = 65536 };

/* What one output of a TensorFlow node is. */
typedef struct xi_tf_value {
    xi_value *v; /* a tensor, or a sequence (TensorList, TensorArray); NULL while only the turned
                    one exists */
    xi_value *turned;    /* the same image with channels second; NULL: none */
    xi_value *imaginary; /* of a complex number, whose real part is v */
    int32_t resource;    /* index + 1 of a variable or table */
    bool given;
} xi_tf_value;

/* The outputs of one node in one scope. */
typedef struct xi_tf_outputs {
    int32_t count;
    xi_tf_value *items;
    bool open; /* being computed: what it reads comes first */
    bool done;
    bool refused; /* every output is output 0 */
} xi_tf_outputs;

/* What a node's input names: an output of a node, or an argument of the function around. */
typedef struct xi_tf_ref {
    uint32_t node; /* UINT32_MAX: an argument */
    int32_t output;
    bool control;
} xi_tf_ref;

/* A list of nodes with an index by name: the graph's, or a function's. Made once. */
typedef struct xi_tf_body {
    Tf__Node *const *nodes;
    size_t count;
    const Tf__FunctionDef *function; /* NULL: the graph */
    xi_onnx_names names;             /* name → index */
    xi_tf_ref **refs;                /* per node: its inputs; NULL until asked */
    struct xi_tf_frames *frames;     /* of old-style control flow; NULL until asked */
    bool ready;
} xi_tf_body;

typedef struct xi_tf_variable {
    xi_str name;
    const xi_literal *initial;
    xi_value *now;  /* its contents at this point of the import; NULL: not read yet */
    xi_value *read; /* the state's first contents, once it is one */
    const Tf__Node *node;
    xi_tf_value table_keys, table_values; /* of a hash table */
    bool written;
} xi_tf_variable;

typedef struct xi_tf_scope xi_tf_scope;
struct xi_tf_scope {
    xi_tf_scope *outer;  /* the same body around a loop or branch of old-style control flow; its
                            values are seen here */
    xi_tf_scope *caller; /* of a function's body */
    xi_tf_body *body;
    xi_graph *graph; /* where nodes go */
    const Tf__Node *call;
    const xi_tf_value *args;
    int32_t arg_count;
    xi_tf_outputs **values; /* per node */
    uint32_t depth;
};

typedef struct xi_tf_importer {
    xinf_allocator alloc;
    xi_tf_tree *tree;
    xi_family *family;
    xi_graph *graph;
    xi_import_limits limits;
    uint64_t steps;
    xi_tf_body main;
    xi_tf_body *functions;
    size_t function_count;
    xi_onnx_names function_names;
    xi_onnx_names resource_names; /* shared name → index of the variable */
    xi_tf_variable *variables;
    size_t variable_count, variable_capacity;
    xinf_status refs_status; /* of the last failure to read a node's inputs */
    bool effects;            /* something writes a variable: the order of control edges matters */
    xinf_error *err;
} xi_tf_importer;

/* One node that is being translated. A failure sticks, so that a translation is written as one
 * expression. */
typedef struct xi_tf_call {
    xi_tf_importer *im;
    xi_tf_scope *scope;
    const Tf__Node *node;
    uint32_t index; /* of the node in scope->body */
    const struct xi_tf_row *row;
    xi_tf_value **in; /* data inputs; each lives in its producer's outputs */
    int32_t in_count;
    xi_tf_outputs *out;
    xinf_status status;
    bool refused;
} xi_tf_call;

/* A row of an operator table. */
typedef struct xi_tf_row {
    const char *op; /* NULL ends a table */
    void (*fn)(xi_tf_call *c);
    const char *to; /* what fn makes of it, where that is one operator */
    int32_t how;
} xi_tf_row;

extern const xi_tf_row xi_tf_math[];
extern const xi_tf_row xi_tf_array[];
extern const xi_tf_row xi_tf_slice_rows[];
extern const xi_tf_row xi_tf_nn[];
extern const xi_tf_row xi_tf_image[];
extern const xi_tf_row xi_tf_reduce_rows[];
extern const xi_tf_row xi_tf_list[];
extern const xi_tf_row xi_tf_control[];
extern const xi_tf_row xi_tf_frame[];
extern const xi_tf_row xi_tf_state[];
extern const xi_tf_row xi_tf_signal[];

static inline xi_str xi_tf_str(ProtobufCBinaryData b)
{
    return xi_str_of_bytes(b);
}

/* ---- scope.c ---- */
void xi_tf_body_init(xi_tf_body *b, const xinf_allocator *alloc, Tf__Node *const *nodes,
                     size_t count, const Tf__FunctionDef *f);
xinf_status xi_tf_body_prepare(xi_tf_importer *im, xi_tf_body *b);
void xi_tf_body_free(xi_tf_importer *im, xi_tf_body *b);
/* The inputs of a node, node->n_input of them. NULL with im->err and im->refs_status set when one
 * names nothing. */
const xi_tf_ref *xi_tf_body_refs(xi_tf_importer *im, xi_tf_body *b, uint32_t index);
/* "name", "name:1", "^name" or (in functions) "name:output:0". */
xinf_status xi_tf_ref_parse(xi_tf_ref *out, xi_tf_importer *im, const xi_tf_body *b, xi_str text,
                            xi_str user);
xinf_status xi_tf_scope_init(xi_tf_scope *s, xi_tf_importer *im, xi_tf_body *body, xi_graph *graph);
void xi_tf_scope_free(xi_tf_scope *s, xi_tf_importer *im);
/* The value, computed with all it needs. */
xinf_status xi_tf_eval(xi_tf_value **out, xi_tf_importer *im, xi_tf_scope *s, xi_tf_ref ref);
/* The value if it is there already, here or in scopes around; NULL: not yet. */
xi_tf_outputs *xi_tf_scope_find(const xi_tf_scope *s, uint32_t node);
/* Sets what a node gives in this scope without computing it. */
xinf_status xi_tf_scope_preset(xi_tf_importer *im, xi_tf_scope *s, uint32_t node, int32_t output,
                               xi_tf_value v);
xinf_status xi_tf_no_memory(xi_tf_importer *im);

/* ---- function.c ---- */
/* Inlines a function. args: one per input. *out: one per result, in the arena. */
xinf_status xi_tf_inline(xi_tf_value **out, int32_t *out_count, xi_tf_importer *im,
                         xi_tf_scope *caller, const Tf__Node *call, const Tf__Function *f,
                         xi_graph *graph, const xi_tf_value *args, int32_t arg_count);
xi_tf_body *xi_tf_function_find(xi_tf_importer *im, xi_str name);
/* Does result `index` of the function hand argument `index` through? A failure to find out is in
 * im->refs_status. */
bool xi_tf_function_passes(xi_tf_importer *im, xi_tf_body *b, int32_t index);

/* ---- frame.c: loops and branches of Switch, Merge, Enter, Exit and NextIteration ---- */
/* What a node needs before it is computed: its inputs, or for Exit and Merge what goes into the
 * loop or branches. */
typedef struct xi_tf_needs {
    const xi_tf_ref *refs;
    size_t count;
} xi_tf_needs;
xinf_status xi_tf_frame_needs(xi_tf_needs *out, xi_tf_importer *im, xi_tf_body *b, uint32_t index);
void xi_tf_frames_free(xi_tf_importer *im, xi_tf_body *b);

/* ---- control.c: shared with frame.c ---- */
/* A graph input standing for a carried value of this type, whose dimensions may change from round
 * to round. */
xi_value *xi_tf_carried(xi_tf_importer *im, xi_graph *g, const xi_value *initial);
/* Sets the outputs of a subgraph; values from outside go through Identity. */
xinf_status xi_tf_graph_outputs(xi_tf_importer *im, xi_graph *g, xi_value *const *values,
                                int32_t count);
/* An If over two finished graphs with the same number of outputs. */
xi_node *xi_tf_if(xi_tf_call *c, xi_value *condition, xi_graph *yes, xi_graph *no);
xi_value *xi_tf_truth(xi_tf_call *c, xi_value *v);

/* signal.c: translates a node with complex inputs; false: it has none. */
bool xi_tf_complex(xi_tf_call *c);

/* ---- state.c ---- */
/* The variable of a handle node, made when it is new. 0 when memory ends, else index + 1. */
int32_t xi_tf_resource(xi_tf_importer *im, xi_str name, const Tf__Node *node);
/* The contents of an old-style variable where it is read; NULL for a handle. */
xi_value *xi_tf_variable_read(xi_tf_call *c, int32_t resource);
xinf_status xi_tf_variables_restore(xi_tf_importer *im);

/* ---- attribute.c: absent ones give the fallback ---- */
const Tf__Attr *xi_tf_attr(const xi_tf_call *c, const char *name);
const Tf__Attr *xi_tf_node_attr(const Tf__Node *n, const char *name);
int64_t xi_tf_int(const xi_tf_call *c, const char *name, int64_t fallback);
float xi_tf_float(const xi_tf_call *c, const char *name, float fallback);
bool xi_tf_bool(const xi_tf_call *c, const char *name, bool fallback);
xi_str xi_tf_string(const xi_tf_call *c, const char *name, const char *fallback);
int32_t xi_tf_type(const xi_tf_call *c, const char *name, int32_t fallback);
/* Count of a list of ints (at most max are written); -1 when absent. */
int32_t xi_tf_ints(const xi_tf_call *c, const char *name, int64_t *out, int32_t max);
bool xi_tf_shape(xi_shape *out, const Tf__Shape *s);

/* ---- build.c ---- */
xinf_status xi_tf_fail(xi_tf_call *c, const char *fmt, ...) XI_PRINTF(2, 3);
/* The node stays in the graph as one that does not run; the session that would run it says why. */
void xi_tf_refuse(xi_tf_call *c, const char *why);
/* Input i with TensorFlow's own axes; NULL when absent or failed. */
xi_value *xi_tf_in(xi_tf_call *c, int32_t i);
xi_value *xi_tf_tensor(xi_tf_call *c, xi_tf_value *v);
/* The input with channels second (perm of NHWC → NCHW for its rank); makes the Transpose when
 * needed. */
xi_value *xi_tf_turned(xi_tf_call *c, int32_t i, int32_t rank);
xi_value *xi_tf_turn(xi_tf_call *c, xi_value *v, bool back);
void xi_tf_give(xi_tf_call *c, int32_t i, xi_value *v);
void xi_tf_give_turned(xi_tf_call *c, int32_t i, xi_value *v);
void xi_tf_give_value(xi_tf_call *c, int32_t i, const xi_tf_value *v);

xi_node *xi_tf_node(xi_tf_call *c, const char *op, int32_t outputs, int32_t attrs,
                    xi_value *const *inputs, int32_t count);
/* The node's output, once attributes are set. Small contents that are known become a constant. */
xi_value *xi_tf_result(xi_tf_call *c, xi_node *n, int32_t output);
xi_value *xi_tf_op1(xi_tf_call *c, const char *op, xi_value *a);
xi_value *xi_tf_op2(xi_tf_call *c, const char *op, xi_value *a, xi_value *b);
xi_value *xi_tf_op3(xi_tf_call *c, const char *op, xi_value *a, xi_value *b, xi_value *d);
xi_value *xi_tf_const_ints(xi_tf_call *c, const int64_t *v, int32_t count);
xi_value *xi_tf_const_int(xi_tf_call *c, int64_t v);
/* Rank 0 of a dtype. */
xi_value *xi_tf_scalar(xi_tf_call *c, xinf_dtype dtype, double v);
xi_value *xi_tf_like(xi_tf_call *c, const xi_value *like, double v);
xi_value *xi_tf_cast(xi_tf_call *c, xi_value *x, xinf_dtype to);
xi_value *xi_tf_i64(xi_tf_call *c, xi_value *x);
/* int64 of rank 1: what shapes, axes and starts want. */
xi_value *xi_tf_vector(xi_tf_call *c, xi_value *x);
xi_value *xi_tf_transpose(xi_tf_call *c, xi_value *x, const int64_t *perm, int32_t rank);
xi_value *xi_tf_reshape(xi_tf_call *c, xi_value *x, const int64_t *dims, int32_t rank);
xi_value *xi_tf_reshape_to(xi_tf_call *c, xi_value *x, xi_value *dims);
xi_value *xi_tf_unsqueeze(xi_tf_call *c, xi_value *x, int64_t axis);
xi_value *xi_tf_squeeze(xi_tf_call *c, xi_value *x, int64_t axis);
xi_value *xi_tf_slice(xi_tf_call *c, xi_value *x, int64_t axis, int64_t start, int64_t end);
xi_value *xi_tf_concat(xi_tf_call *c, xi_value *const *parts, int32_t count, int64_t axis);
xi_value *xi_tf_reduce(xi_tf_call *c, const char *op, xi_value *x, xi_value *axes, bool keep);
xi_value *xi_tf_gather(xi_tf_call *c, xi_value *x, xi_value *index, int64_t axis);
xi_value *xi_tf_shape_of(xi_tf_call *c, xi_value *x);
xi_value *xi_tf_expand(xi_tf_call *c, xi_value *x, xi_value *dims);
xi_value *xi_tf_where(xi_tf_call *c, xi_value *cond, xi_value *a, xi_value *b);
xi_value *xi_tf_fill(xi_tf_call *c, xi_value *dims, xinf_dtype dtype, double v);
/* The contents when they are a known constant of at most max ints; else -1. */
int32_t xi_tf_known(const xi_value *v, int64_t *out, int32_t max);
bool xi_tf_known_float(const xi_value *v, double *out);
static inline int32_t xi_tf_rank(const xi_value *v)
{
    return v && v->type.kind == XINF_KIND_TENSOR ? v->type.shape.rank : -1;
}
static inline xinf_dtype xi_tf_dtype_of(const xi_value *v)
{
    return v ? v->type.dtype : XINF_UNDEFINED;
}
void xi_tf_infer(xi_tf_importer *im, xi_node *n);
/* fold.c: a constant for the node's only output when its inputs are small constants. */
const xi_literal *xi_tf_fold(xi_tf_importer *im, const xi_node *n);
xi_value *xi_tf_constant_value(xi_tf_importer *im, xi_graph *g, const xi_tf_constant *k,
                               xi_str name);

#endif
