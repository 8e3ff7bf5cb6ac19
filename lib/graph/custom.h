/* custom.h — operators that the application brings: rows like those of graph/op/, with its
 * callbacks behind them. */
#ifndef XI_GRAPH_CUSTOM_H
#define XI_GRAPH_CUSTOM_H

#include <stdatomic.h>

#include "graph/op.h"

typedef struct xi_custom {
    xi_op op; /* first: a node's op of flag XI_OP_CUSTOM is one of these */
    xinf_operator given;
    struct xi_custom *next;
    size_t size;
} xi_custom;

/* Grows at its head and never shrinks while somebody may look: readers need no lock. */
typedef struct xi_customs {
    _Atomic(xi_custom *) first;
} xi_customs;

xinf_status xi_customs_add(xi_customs *list, const xinf_allocator *alloc,
                           const xinf_operator *given, xinf_error *err);
void xi_customs_end(xi_customs *list, const xinf_allocator *alloc);
/* list may be NULL. */
const xi_op *xi_customs_find(const xi_customs *list, xi_str domain, xi_str name);

static inline const xi_custom *xi_custom_of(const xi_node *n)
{
    return (const xi_custom *)n->op;
}

/* What a callback answered, told with the node's name. */
xinf_status xi_custom_answer(const xi_node *n, xinf_status status, xinf_error *said,
                             xinf_error *err);

#endif
