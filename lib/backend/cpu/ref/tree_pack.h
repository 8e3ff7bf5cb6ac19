/* tree_pack.h — a tree ensemble prepared for walking: children are indices, every one in range, and
 * no path comes back to a node. */
#ifndef XK_REF_TREE_PACK_H
#define XK_REF_TREE_PACK_H

#include "graph/op/tree.h"

/* Children: a node's index, or -1 - leaf. */
typedef struct xk_tree_node {
    double split;
    int32_t feature, yes, no;
    uint8_t mode, missing;
} xk_tree_node;

/* Votes of a leaf: first … first + count - 1. */
typedef struct xk_tree_leaf {
    int32_t first, count;
} xk_tree_leaf;

typedef struct xk_tree_vote {
    double weight;
    int32_t target;
} xk_tree_vote;

/* Where the parts of the packed form lie, in bytes; the same in every process. */
typedef struct xk_tree_layout {
    size_t nodes, leaves, votes, roots, members, work, total;
    int32_t node_count, leaf_count, vote_count, root_count, member_count;
} xk_tree_layout;

/* The first bytes of the packed form. */
typedef struct xk_tree_head {
    int32_t roots;       /* entries used of the list */
    int32_t max_feature; /* the input must have more columns */
    int32_t one_target;  /* all votes are for one target */
    int32_t all_positive;
} xk_tree_head;

bool xk_tree_layout_of(xk_tree_layout *out, const xi_tree *t);
/* dst: layout.total bytes, zeroed. */
xinf_status xk_tree_pack(const xi_tree *t, const xk_tree_layout *l, const xi_node *n, void *dst,
                         xinf_error *err);

#endif
