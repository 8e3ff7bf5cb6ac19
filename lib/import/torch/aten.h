/* aten.h — PyTorch's values while a program is imported, and its operators (ATen) as functions that
 * emit graph nodes.
 *
 * Two readers share this: the TorchScript interpreter and the torch.export importer. Both evaluate
 * a program over xi_aten_value: what is known is computed there and then; tensors and what depends
 * on them are values of the graph, made by xi_aten_call.
 *
 * Failures stick: after the first one every function here does nothing and gives NULL (x->status
 * tells), so operators are written without a check after each step. All memory comes from the
 * family's arena. */
#ifndef XI_IMPORT_TORCH_ATEN_H
#define XI_IMPORT_TORCH_ATEN_H

#include "graph/graph.h"
#include "load/torch/value.h"

typedef struct xi_aten xi_aten;
typedef struct xi_aten_tensor xi_aten_tensor;
typedef struct xi_aten_list xi_aten_list;
typedef struct xi_aten_dict xi_aten_dict;
typedef struct xi_aten_value xi_aten_value;

typedef enum xi_aten_kind {
    XI_ATEN_NONE = 0,
    XI_ATEN_BOOL,
    XI_ATEN_INT, /* dtypes, layouts and memory formats are ints too, as in TorchScript */
    XI_ATEN_DOUBLE,
    XI_ATEN_STRING,
    XI_ATEN_DEVICE, /* s */
    XI_ATEN_TENSOR,
    XI_ATEN_LIST,
    XI_ATEN_TUPLE,
    XI_ATEN_DICT,
    XI_ATEN_OBJECT,   /* of the interpreter: `pointer` is its own */
    XI_ATEN_FUNCTION, /* likewise */
    XI_ATEN_SEQUENCE /* a list whose length only a run knows: `scalar` is a sequence of the graph */
} xi_aten_kind;

struct xi_aten_value {
    xi_aten_kind kind;
    xi_value *scalar; /* a BOOL, INT or DOUBLE that only a run knows: a rank-0 value of the graph;
                         else NULL */
    union {
        bool b;
        int64_t i;
        double d;
        xi_str s;
        xi_aten_tensor *tensor;
        xi_aten_list *list; /* LIST, TUPLE; shared by all who hold it */
        xi_aten_dict *dict;
        void *pointer;
    };
};

struct xi_aten_list {
    xi_aten_value *items;
    int32_t count, capacity;
};

struct xi_aten_dict {
    xi_aten_value *keys, *values;
    int32_t count, capacity;
};

/* How a view comes from its base: docs/torch.md. */
typedef enum xi_aten_view_kind {
    XI_ATEN_OWN = 0, /* no view: the tensor has its own memory */
    XI_ATEN_ALIAS,
    XI_ATEN_RESHAPE, /* to `shape` */
    XI_ATEN_PERMUTE, /* by perm */
    XI_ATEN_SLICE,   /* of axis: start, end, step */
    XI_ATEN_SELECT,  /* of axis: start */
    XI_ATEN_EXPAND,  /* to `shape`; not to be written */
    XI_ATEN_READ     /* any other view: its value is taken once; not to be written while its base is
                        another */
} xi_aten_view_kind;

typedef struct xi_aten_view {
    xi_aten_view_kind kind;
    int32_t axis, rank;
    int64_t perm[XI_MAX_RANK];
    xi_value *shape;              /* 1-D int64 */
    xi_value *start, *end, *step; /* 1-D int64 of one element */
} xi_aten_view;

/* A tensor of the program: memory that may be written, of its own or a view of another's. Its
 * present contents are an SSA value; writing through a view makes a new value for the base, and the
 * other views read that. */
struct xi_aten_tensor {
    xi_aten_tensor *base; /* NULL: own memory */
    xi_aten_view view;
    xi_value *value; /* contents: of `version` of the base */
    uint32_t version;
    /* A quantised tensor: `value` holds its integers. scale NULL: not quantised. */
    xi_torch_dtype dtype; /* QINT8, QUINT8, QINT32 */
    xi_value *scale, *zero_point;
    int64_t axis; /* −1: per tensor */
    bool parameter;
    bool complex; /* `value` has one axis more, of two: real and imaginary part */
};

/* Something that must not be true when the model runs: a rank-0 bool of some graph. */
typedef struct xi_aten_check {
    xi_value *failed;
    xi_str message;
} xi_aten_check;

typedef struct xi_aten_checks {
    xi_aten_check *items;
    int32_t count, capacity;
} xi_aten_checks;

struct xi_aten {
    xi_graph *graph; /* where nodes go; the interpreter sets it to a subgraph for a while */
    xi_family *family;
    xi_arena *arena;     /* of the family */
    const xi_file *file; /* the archive's */
    xinf_status status;
    xinf_error *err;
    xi_str location; /* "code/__torch__.py:12", for messages and node names; may be empty */
    int64_t version; /* of the archive's format: operators changed their meaning at some */
    uint64_t nodes, max_nodes;
    bool wants_types; /* set with a failure: more about the inputs' ranks and dtypes would have
                         helped */
    /* Every write to memory, in order: for If and Loop. NULL: nobody listens. */
    void (*wrote)(void *self, xi_aten_tensor *memory, xi_value *before);
    void *wrote_self;
    xi_aten_checks checks; /* of the graph that nodes go to */
    /* The file's value behind an OBJECT of the interpreter (packed parameters of quantised layers
     * are read from it), or NULL. The field itself NULL: there are no objects. */
    const xi_torch_value *(*source_of)(const xi_aten_value *object);
};

/* ---- failing ---- */

/* Sets x->status and the sentence, "code/__torch__.py:12: …", unless there was a failure before.
 * Returns x->status. */
xinf_status xi_aten_fail(xi_aten *x, xinf_status status, const char *fmt, ...) XI_PRINTF(3, 4);
xinf_status xi_aten_memory(xi_aten *x);

/* ---- what a run must find to be so: check.c ---- */

/* The run ends with this sentence when `failed` is true. What is known to be false is nothing. */
void xi_aten_check_run(xi_aten *x, xi_value *failed, xi_str message);
/* All checks from `base` on, taken off the list; memory of the arena. */
xi_aten_checks xi_aten_take_checks(xi_aten *x, int32_t base);
/* Lets a graph's outputs pass only when no check failed; the outputs keep their names. */
void xi_aten_end_checks(xi_aten *x, xi_value **outputs, int32_t count);

/* ---- values ---- */

static inline xi_aten_value xi_aten_none(void)
{
    return (xi_aten_value){XI_ATEN_NONE, NULL, {.i = 0}};
}
static inline xi_aten_value xi_aten_int(int64_t i)
{
    return (xi_aten_value){XI_ATEN_INT, NULL, {.i = i}};
}
static inline xi_aten_value xi_aten_bool(bool b)
{
    return (xi_aten_value){XI_ATEN_BOOL, NULL, {.b = b}};
}
static inline xi_aten_value xi_aten_double(double d)
{
    return (xi_aten_value){XI_ATEN_DOUBLE, NULL, {.d = d}};
}
static inline xi_aten_value xi_aten_string(xi_str s)
{
    return (xi_aten_value){XI_ATEN_STRING, NULL, {.s = s}};
}
/* One that only a run knows. */
static inline xi_aten_value xi_aten_dynamic(xi_aten_kind kind, xi_value *scalar)
{
    return (xi_aten_value){kind, scalar, {.i = 0}};
}
/* Known to be nothing but a number or bool, here and now. */
static inline bool xi_aten_is_known(const xi_aten_value *v)
{
    return !v->scalar;
}
/* A LIST or TUPLE with room for `count`; count 0. */
xi_aten_value xi_aten_new_list(xi_aten *x, xi_aten_kind kind, int32_t capacity);
bool xi_aten_append(xi_aten *x, xi_aten_list *list, xi_aten_value item);
const char *xi_aten_kind_name(const xi_aten_value *v);

/* ---- tensors ---- */

/* Memory of its own with these contents. NULL value: NONE and a failure. */
xi_aten_value xi_aten_tensor_of(xi_aten *x, xi_value *contents);
/* The present contents. Inside a subgraph it may emit the view again. */
xi_value *xi_aten_read(xi_aten *x, xi_aten_tensor *t);
/* New contents of the same shape and dtype; through a view into its base. */
xinf_status xi_aten_write(xi_aten *x, xi_aten_tensor *t, xi_value *contents);
/* A view of `base`. */
xi_aten_value xi_aten_view_of(xi_aten *x, xi_aten_tensor *base, const xi_aten_view *view);
/* The memory a tensor belongs to. */
xi_aten_tensor *xi_aten_root(xi_aten_tensor *t);
/* A tensor of the file as a constant of the graph; contiguous ones are not copied. name: its dotted
 * path. */
xi_aten_value xi_aten_constant(xi_aten *x, const xi_torch_tensor *t, xi_str name);

/* ---- calling ---- */

/* An argument given by name. */
typedef struct xi_aten_named {
    xi_str name;
    xi_aten_value value;
} xi_aten_named;

/* Calls operator `name` ("conv2d", "add_", "quantized::conv2d_relu"; without "aten::") of any
 * overload that takes these arguments. An operator with several results gives a TUPLE. Refuses by
 * name what is not known: XINF_UNSUPPORTED. */
xinf_status xi_aten_call(xi_aten_value *out, xi_aten *x, xi_str name, const xi_aten_value *args,
                         int32_t count, const xi_aten_named *named, int32_t named_count);
/* Whether some overload of the operator is known. */
bool xi_aten_knows(xi_str name);

#endif
