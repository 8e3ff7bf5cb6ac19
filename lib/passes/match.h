/* match.h — what passes ask about a small structure, and how they put another one in its place.
 *
 * A pattern is matched from its last node back to its inputs; the walk goes forward, so a pass may
 * remove nodes before the one it stands at, and put new ones before it. */
#ifndef XI_PASSES_MATCH_H
#define XI_PASSES_MATCH_H

#include "passes/pipeline.h"

/* Calls fn for every node, those of subgraphs first; fn may remove the node and nodes before it. */
xinf_status xi_match_each(xi_pass_context *c, xinf_status (*fn)(xi_pass_context *c, xi_node *n));

/* A node of the default domain (or of "xinf") that this build can run. */
bool xi_match_is(const xi_node *n, const char *op_name);
bool xi_match_is_own(const xi_node *n, const char *op_name);
/* The node that computes v as its first output, when it stands in graph g and has that operator;
 * else NULL. */
xi_node *xi_match_from(const xi_value *v, const xi_graph *g, const char *op_name);
xi_node *xi_match_from_own(const xi_value *v, const xi_graph *g, const char *op_name);
/* Only one reader: the value may disappear. */
static inline bool xi_match_single(const xi_value *v)
{
    return v && v->uses == 1;
}
/* float32. The operators of domain "xinf" take float16 and bfloat16 too, but what was several nodes
 * rounds several times there. */
bool xi_match_fusable(const xi_value *v);

/* Both ranks known and every dimension surely equal: the same number or the same symbol. */
bool xi_match_same_dim(int64_t a, int64_t b);
bool xi_match_same_shape(const xi_value *a, const xi_value *b);
/* b broadcasts to the shape of a, surely, without enlarging it. */
bool xi_match_fits(const xi_shape *a, const xi_shape *b);

/* Element i of a literal at any alignment. */
double xi_match_load(const xi_literal *l, int64_t i);
int64_t xi_match_load_int(const xi_literal *l, int64_t i);
/* A constant of one float element that leaves the shape of `beside` as it is; beside may be NULL.
 */
bool xi_match_scalar(const xi_value *v, const xi_value *beside, double *out);
/* Are a constant's value and the wanted number the same but for the rounding of its dtype? */
bool xi_match_near(const xi_value *v, double have, double want);
/* All elements of an integer constant of up to max elements; -1 when it is none. A value that is
 * absent gives 0 elements. */
int32_t xi_match_ints(const xi_value *v, int64_t *out, int32_t max);
/* A constant whose elements lie along one axis of a tensor of that rank, which has `size` elements
 * there. */
bool xi_match_along(const xi_value *v, int32_t rank, int32_t axis, int64_t size);

/* A node before `before` with the inputs given (absent ones at the end are left away), of the
 * element type of inputs[0] as output type. */
xi_node *xi_match_node(xi_node *before, xi_str domain, const char *op_name, xi_str name,
                       xi_value *const *inputs, int32_t input_count, int32_t outputs,
                       int32_t attrs);
bool xi_match_set_floats(xi_node *n, const char *name, const float *v, int32_t count);
/* Output `index` of m becomes v, which some other node has computed until now. */
void xi_match_take(xi_node *m, int32_t index, xi_value *v);
/* Removes a node that has nothing left to give, and the nodes before it that only served it. */
void xi_match_remove(xi_node *n);
/* A constant of rank 1 over the same bytes. NULL when memory ends. */
xi_value *xi_match_flat(xi_graph *g, xi_value *v);

/* ---- products: x * y * 0.5 in any order and nesting ---- */

enum { XI_MATCH_FACTORS = 6 };

typedef struct xi_match_product {
    xi_value *factor[XI_MATCH_FACTORS];
    int32_t count;
    double constant;
} xi_match_product;

/* Takes the product apart that v is: Mul, Div by a constant, Pow by 2 or 3; inner results have one
 * reader. v itself may have any number. A value that is no product is its only factor. False when
 * there are too many factors. */
bool xi_match_factors(xi_match_product *p, const xi_graph *g, xi_value *v);
/* v = other + constant; NULL when it is not. */
xi_value *xi_match_plus(const xi_graph *g, const xi_value *v, double *constant);

/* ---- forwarding: uses of one value become uses of another, in one walk ---- */

/* Removes every node for which `source` names a value that is the same as its first output (all
 * others unused). */
xinf_status xi_match_forward(xi_pass_context *c, xi_value *(*source)(const xi_node *n));

#endif
