/* formula.h — writes what an operator of another domain computes as nodes of standard operators.
 *
 * A formula stands for one node of the file. Each put adds a node before it and gives its first
 * output; a value that could not be made is NULL, and everything made from then on is, so that only
 * xi_formula_end needs a check. An input that is left out is NULL too: what failed is remembered
 * apart. Attributes are named right before the put that takes them: what stands in the arguments of
 * that put must not put nodes of its own. */
#ifndef XI_IMPORT_ONNX_FORMULA_H
#define XI_IMPORT_ONNX_FORMULA_H

#include "import/onnx/upgrade.h"

enum { XI_FORMULA_ATTRS = 8 };

typedef struct xi_formula {
    xi_onnx_importer *im;
    xi_node *n;
    xi_node *first;                  /* the first node made */
    xi_attr attrs[XI_FORMULA_ATTRS]; /* of the next node */
    int32_t attr_count;
    bool failed;
} xi_formula;

static inline xi_formula xi_formula_of(xi_onnx_importer *im, xi_node *n)
{
    return (xi_formula){.im = im, .n = n};
}

/* Memory ended where p is NULL. */
static inline void xi_formula_need(xi_formula *f, const void *p)
{
    if (p) return;
    f->failed = true;
    f->im->exhausted = true;
}

/* Attributes of the next node. */
void xi_formula_int(xi_formula *f, const char *name, int64_t value);
void xi_formula_float(xi_formula *f, const char *name, float value);
void xi_formula_string(xi_formula *f, const char *name, const char *value);
void xi_formula_int_list(xi_formula *f, const char *name, const int64_t *values, int32_t count);
/* One that n has, under its own name; nothing when n has it not. */
void xi_formula_pass(xi_formula *f, const char *name);

xi_node *xi_formula_node(xi_formula *f, const char *op, int32_t outputs, xi_value *const *inputs,
                         int32_t count);
xi_value *xi_formula_value(xi_formula *f, const char *op, xi_value *const *inputs, int32_t count);
/* Output `index` of a node of several. */
xi_value *xi_formula_output(const xi_formula *f, xi_node *made, int32_t index);
#define XI_PUT(f, op, ...)                                    \
    xi_formula_value(f, op, (xi_value *const[]){__VA_ARGS__}, \
                     (int32_t)(sizeof((xi_value *const[]){__VA_ARGS__}) / sizeof(xi_value *)))
#define XI_PUT_NODE(f, op, outputs, ...)                              \
    xi_formula_node(f, op, outputs, (xi_value *const[]){__VA_ARGS__}, \
                    (int32_t)(sizeof((xi_value *const[]){__VA_ARGS__}) / sizeof(xi_value *)))

/* Constants. A scalar has the element type of `like`, converted while running when that is not
 * known here. */
xi_value *xi_formula_scalar(xi_formula *f, xi_value *like, double number);
xi_value *xi_formula_ints(xi_formula *f, const int64_t *values, int32_t count);
#define XI_LIST(f, ...)                                \
    xi_formula_ints(f, (const int64_t[]){__VA_ARGS__}, \
                    (int32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

/* Common forms. b NULL gives a. */
xi_value *xi_formula_plus(xi_formula *f, xi_value *a, xi_value *b);
xi_value *xi_formula_transpose(xi_formula *f, xi_value *x, const int64_t *perm, int32_t rank);
/* Channels from the last axis to the second, or back. */
xi_value *xi_formula_layout(xi_formula *f, xi_value *x, int32_t rank, bool to_first);
xi_value *xi_formula_cast(xi_formula *f, xi_value *x, xinf_dtype to);
xi_value *xi_formula_unsqueeze(xi_formula *f, xi_value *x, int64_t axis);
xi_value *xi_formula_slice(xi_formula *f, xi_value *x, int64_t from, int64_t to, int64_t axis);
/* Axis `axis` of x's shape, a list of one int64. */
xi_value *xi_formula_size(xi_formula *f, xi_value *x, int64_t axis);
/* 0, 1, … below the one number of `count` (int64). */
xi_value *xi_formula_range(xi_formula *f, xi_value *count);
xi_value *xi_formula_dequantize(xi_formula *f, xi_value *x, xi_value *scale, xi_value *zero);
/* In the type of `zero`, else of `like`. */
xi_value *xi_formula_quantize(xi_formula *f, xi_value *x, xi_value *scale, xi_value *zero,
                              const xi_value *like);

static inline xi_value *xi_formula_in(const xi_formula *f, int32_t i)
{
    return xi_node_input(f->n, i);
}
/* The node has output `index` and somebody wants it. */
static inline bool xi_formula_wants(const xi_formula *f, int32_t index)
{
    return index < f->n->output_count && f->n->outputs[index];
}

/* The value becomes output `index` of n; nothing when nobody wants it. */
void xi_formula_give(xi_formula *f, int32_t index, xi_value *v);
/* n goes; all outputs that are wanted must have been given. */
xinf_status xi_formula_end(xi_formula *f);
/* n stays, with a reason why it cannot run. */
xinf_status xi_formula_refuse(xi_node *n, const char *why);

#endif
