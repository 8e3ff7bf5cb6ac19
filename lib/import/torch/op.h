/* op.h — what the files of ATen operators share: rows of their tables, and the building of nodes.
 *
 * A row: name, arguments, function. Arguments are a list "letter:name[=default]"; a call takes the
 * first row of its name whose letters fit. Letters: T tensor, C complex tensor, t tensor or None, s
 * number (or bool), i int, f number, b bool, S string, I ints (an int stands for any number of it),
 * F floats, B bools, L tensors, l tensors or None each, d dtype or None, o anything. A letter
 * followed by
 * "?" takes None too; one after "*" is given by name only. The function gets exactly these
 * arguments, in this order, defaults filled in. */
#ifndef XI_IMPORT_TORCH_OP_H
#define XI_IMPORT_TORCH_OP_H

#include "import/torch/aten.h"

enum { XI_ATEN_MAX_ARGS = 24 };

typedef struct xi_aten_op xi_aten_op;
struct xi_aten_op {
    const char *name, *args; /* name NULL ends a table */
    xi_aten_value (*fn)(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op);
    const char *text; /* whatever the function wants: the ONNX operator's name, say */
    int64_t number;
};

/* The tables; call.c lists them. */
extern const xi_aten_op xi_aten_ops_unary[];
extern const xi_aten_op xi_aten_ops_binary[];
extern const xi_aten_op xi_aten_ops_reduce[];
extern const xi_aten_op xi_aten_ops_conv[];
extern const xi_aten_op xi_aten_ops_pool[];
extern const xi_aten_op xi_aten_ops_norm[];
extern const xi_aten_op xi_aten_ops_shape[];
extern const xi_aten_op xi_aten_ops_index[];
extern const xi_aten_op xi_aten_ops_create[];
extern const xi_aten_op xi_aten_ops_matmul[];
extern const xi_aten_op xi_aten_ops_resize[];
extern const xi_aten_op xi_aten_ops_rnn[];
extern const xi_aten_op xi_aten_ops_special[];
extern const xi_aten_op xi_aten_ops_quantized[];
extern const xi_aten_op xi_aten_ops_transformer[];
extern const xi_aten_op xi_aten_ops_vision[];
extern const xi_aten_op xi_aten_ops_complex[];
extern const xi_aten_op xi_aten_ops_linalg[];
extern const xi_aten_op xi_aten_ops_scalar[];

/* ---- nodes ---- */

#define XI_ATEN_ATTR_INT(n, v) \
    ((xi_attr){.name = {(n), sizeof(n) - 1}, .type = XI_ATTR_INT, .i = (v)})
#define XI_ATEN_ATTR_FLOAT(n, v) \
    ((xi_attr){.name = {(n), sizeof(n) - 1}, .type = XI_ATTR_FLOAT, .f = (float)(v)})
#define XI_ATEN_ATTR_TEXT(n, v) \
    ((xi_attr){.name = {(n), sizeof(n) - 1}, .type = XI_ATTR_STRING, .s = xi_str_of(v)})
/* The list is copied. */
#define XI_ATEN_ATTR_INTS(n, v, c) \
    ((xi_attr){.name = {(n), sizeof(n) - 1}, .type = XI_ATTR_INTS, .count = (c), .ints = (v)})

/* A node with its types inferred; inputs NULL are left out. NULL after a failure. */
xi_node *xi_aten_node(xi_aten *x, const char *op, int32_t input_count, xi_value *const *inputs,
                      int32_t attr_count, const xi_attr *attrs, int32_t output_count);
/* Its first output. */
xi_value *xi_aten_emit(xi_aten *x, const char *op, int32_t input_count, xi_value *const *inputs,
                       int32_t attr_count, const xi_attr *attrs);
xi_value *xi_aten_emit1(xi_aten *x, const char *op, xi_value *a);
xi_value *xi_aten_emit2(xi_aten *x, const char *op, xi_value *a, xi_value *b);
xi_value *xi_aten_emit3(xi_aten *x, const char *op, xi_value *a, xi_value *b, xi_value *c);

/* ---- constants ---- */

xi_value *xi_aten_ints(xi_aten *x, const int64_t *values, int32_t count); /* 1-D */
xi_value *xi_aten_int1(xi_aten *x, int64_t value);                        /* 1-D of one element */
xi_value *xi_aten_number(xi_aten *x, xinf_dtype dtype, double value);     /* rank 0 */
xi_value *xi_aten_whole(xi_aten *x, xinf_dtype dtype,
                        int64_t value); /* rank 0, exact for 64 bits */
/* Rank 0, of the dtype that `like` has. */
xi_value *xi_aten_number_like(xi_aten *x, xi_value *like, double value);
/* Contents of a constant of integers; −1 when it is none or has more than max. */
int32_t xi_aten_known_ints(const xi_value *v, int64_t *out, int32_t max);

/* ---- what is known ---- */

/* −1: unknown. */
int32_t xi_aten_rank(const xi_value *v);
/* The rank; a failure that asks for types when it is unknown. 0 then. */
int32_t xi_aten_need_rank(xi_aten *x, const xi_value *v, const char *who);
/* An axis in [0, rank); a failure when outside. A rank-0 tensor takes 0 and −1. When the rank is
 * unknown the axis as it stands. */
int64_t xi_aten_axis(xi_aten *x, const xi_value *v, int64_t axis, const char *who);
xinf_dtype xi_aten_dtype(const xi_value *v);
static inline bool xi_aten_is_float(const xi_value *v)
{
    return xi_dtype_is_float(xi_aten_dtype(v));
}
/* A dimension's size: an INT, known or not. */
xi_aten_value xi_aten_size(xi_aten *x, xi_value *v, int64_t axis);
/* All dimensions, 1-D int64: a constant when known. */
xi_value *xi_aten_shape(xi_aten *x, xi_value *v);

/* ---- arguments ---- */

/* A tensor argument's contents; NULL for None. */
xi_value *xi_aten_arg(xi_aten *x, const xi_aten_value *a);
/* A list of ints that are all known: copies up to max, gives the count. A single int gives `want`
 * of it. Failure: −1. */
int32_t xi_aten_arg_ints(xi_aten *x, const xi_aten_value *a, int64_t *out, int32_t max,
                         int32_t want, const char *who);
/* An int, known or not, as a rank-0 int64 / 1-D value of one element. */
xi_value *xi_aten_int_value(xi_aten *x, const xi_aten_value *a);
xi_value *xi_aten_int_vector(xi_aten *x, const xi_aten_value *a);
/* A list of ints, known or not, as a 1-D value; an int is a list of one. */
xi_value *xi_aten_int_list(xi_aten *x, const xi_aten_value *a);
/* A known int; a failure when only a run knows it. */
int64_t xi_aten_arg_int(xi_aten *x, const xi_aten_value *a, const char *who);
double xi_aten_arg_double(xi_aten *x, const xi_aten_value *a, const char *who);
bool xi_aten_arg_bool(xi_aten *x, const xi_aten_value *a, const char *who);
/* A number of any kind as a rank-0 value of this dtype. */
xi_value *xi_aten_scalar(xi_aten *x, const xi_aten_value *a, xinf_dtype dtype);
/* The dtype argument; `fallback` for None. */
xinf_dtype xi_aten_arg_dtype(xi_aten *x, const xi_aten_value *a, xinf_dtype fallback);

/* ---- common steps ---- */

xi_value *xi_aten_cast(xi_aten *x, xi_value *v, xinf_dtype dtype); /* v itself when it has it */
xi_value *xi_aten_cast_like(xi_aten *x, xi_value *v, xi_value *like);
/* Integers and bools become float32, as ATen's functions of reals do. */
xi_value *xi_aten_to_float(xi_aten *x, xi_value *v);
/* 0: the input's dimension there. */
xi_value *xi_aten_reshape(xi_aten *x, xi_value *v, const int64_t *dims, int32_t count);
/* 0: a dimension of no elements. */
xi_value *xi_aten_reshape_to(xi_aten *x, xi_value *v, xi_value *shape);
xi_value *xi_aten_unsqueeze(xi_aten *x, xi_value *v, int64_t axis);
xi_value *xi_aten_squeeze(xi_aten *x, xi_value *v, int64_t axis);
xi_value *xi_aten_transpose(xi_aten *x, xi_value *v, const int64_t *perm, int32_t count);
/* Swaps two axes; also when the rank is unknown but both count from the same end. */
xi_value *xi_aten_swap(xi_aten *x, xi_value *v, int64_t a, int64_t b);
xi_value *xi_aten_slice(xi_aten *x, xi_value *v, int64_t axis, int64_t start, int64_t end,
                        int64_t step);
xi_value *xi_aten_gather(xi_aten *x, xi_value *v, xi_value *index, int64_t axis);
xi_value *xi_aten_concat(xi_aten *x, int32_t count, xi_value *const *items, int64_t axis);
xi_value *xi_aten_expand(xi_aten *x, xi_value *v, xi_value *shape);
/* Arithmetic on rank-0 int64 values; constants are computed here and now. op: "Add", "Sub", "Mul",
 * "Div", "Min", "Max". */
xi_value *xi_aten_whole_op(xi_aten *x, const char *op, xi_value *a, xi_value *b);
/* A slice between two rank-0 int64 values. */
xi_value *xi_aten_slice_between(xi_aten *x, xi_value *v, int64_t axis, xi_value *start,
                                xi_value *end);
/* "ReduceSum" … over axes (count 0: all). */
xi_value *xi_aten_reduce(xi_aten *x, const char *op, xi_value *v, const int64_t *axes,
                         int32_t count, bool keep);
/* The dtypes of both become one by ATen's rules; *a_number: it was a number of the program, no
 * tensor. */
void xi_aten_promote(xi_aten *x, xi_value **a, bool a_number, xi_value **b, bool b_number);

/* A tensor's or several tensors' result. */
xi_aten_value xi_aten_result(xi_aten *x, xi_value *v);
xi_aten_value xi_aten_results(xi_aten *x, xi_value *const *v, int32_t count);
/* A quantised tensor's numbers; any other tensor's contents. */
xi_value *xi_aten_dequantized(xi_aten *x, const xi_aten_value *a);
/* A quantised tensor of these numbers. axis −1: one scale for all. */
xi_aten_value xi_aten_quantized(xi_aten *x, xi_value *v, xi_value *scale, xi_value *zero_point,
                                int64_t axis, xi_torch_dtype dtype);
/* Calls another operator with these arguments. */
xi_aten_value xi_aten_recall(xi_aten *x, const char *name, const xi_aten_value *args,
                             int32_t count);

#endif
