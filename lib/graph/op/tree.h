/* tree.h — tree ensembles in one form, whichever operator they come from: a view of the attributes,
 * checked for length. */
#ifndef XI_GRAPH_OP_TREE_H
#define XI_GRAPH_OP_TREE_H

#include "graph/op/labels.h"

typedef enum xi_tree_mode {
    XI_TREE_LEQ,
    XI_TREE_LT,
    XI_TREE_GTE,
    XI_TREE_GT,
    XI_TREE_EQ,
    XI_TREE_NEQ,
    XI_TREE_MEMBER,
    XI_TREE_LEAF
} xi_tree_mode;
typedef enum xi_tree_sum { XI_TREE_AVERAGE, XI_TREE_SUM, XI_TREE_MIN, XI_TREE_MAX } xi_tree_sum;

typedef struct xi_tree {
    bool classic; /* TreeEnsembleRegressor and -Classifier: nodes named by tree and number, leaves
                     among them */
    bool classifier;
    int32_t nodes, votes, roots, members, targets, base_count;
    int32_t aggregate, transform;
    const int64_t *tree_ids, *node_ids, *yes, *no, *features, *missing; /* missing may be NULL */
    const int64_t *vote_trees, *vote_nodes,
        *vote_targets; /* classic; else only vote_targets, of the leaves */
    const int64_t *yes_leaf, *no_leaf, *root_ids;
    const xi_str *mode_names; /* classic */
} xi_tree;

xinf_status xi_tree_read(xi_tree *out, const xi_node *n, xinf_error *err);
/* Element i of a list: attribute `name`, or `name`_as_tensor, or a tensor called `name`. i is below
 * the count that xi_tree_read saw. */
double xi_tree_number(const xi_node *n, const char *name, int32_t i);
xi_tree_mode xi_tree_mode_of(const xi_node *n, const xi_tree *t, int32_t i);

#endif
