/* identity.h — a number for what a node's attributes say: packed forms that are made from
 * attributes alone are told apart by it. */
#ifndef XK_REF_IDENTITY_H
#define XK_REF_IDENTITY_H

#include "graph/graph.h"

uint64_t xk_identity_of(const xi_node *n);

#endif
