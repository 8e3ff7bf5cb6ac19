/* tree_pack.c — checks a tree ensemble and puts it into the form that kernels walk. */
#include "backend/cpu/ref/tree_pack.h"

#include <math.h>

#include "base/allocator.h"
#include "base/checked.h"

typedef struct tree_pack {
    const xi_tree *t;
    const xi_node *n;
    xinf_error *err;
    xk_tree_head *head;
    xk_tree_node *nodes;
    xk_tree_leaf *leaves;
    xk_tree_vote *votes;
    int32_t *roots;
    double *members;
    int32_t *order, *parents,
        *queue; /* work space: nodes sorted by name, parents not yet passed, nodes to visit */
} tree_pack;

static bool tree_pack_add(size_t *total, size_t count, size_t size, size_t *at)
{
    size_t bytes;
    return xi_align_size(*total, 16, at) && xi_mul_size(count, size, &bytes) &&
           xi_add_size(*at, bytes, total);
}

bool xk_tree_layout_of(xk_tree_layout *l, const xi_tree *t)
{
    size_t nodes = (size_t)t->nodes, members = (size_t)t->members;
    *l = (xk_tree_layout){.total = sizeof(xk_tree_head),
                          .node_count = t->nodes,
                          .vote_count = t->votes,
                          .member_count = t->members};
    l->leaf_count = t->classic ? t->nodes : t->votes;
    l->root_count = t->classic ? t->nodes : t->roots;
    return tree_pack_add(&l->total, nodes, sizeof(xk_tree_node), &l->nodes) &&
           tree_pack_add(&l->total, (size_t)l->leaf_count, sizeof(xk_tree_leaf), &l->leaves) &&
           tree_pack_add(&l->total, (size_t)t->votes, sizeof(xk_tree_vote), &l->votes) &&
           tree_pack_add(&l->total, (size_t)l->root_count, sizeof(int32_t), &l->roots) &&
           tree_pack_add(&l->total, members, sizeof(double), &l->members) &&
           tree_pack_add(&l->total, nodes * 3, sizeof(int32_t), &l->work);
}

static xinf_status tree_pack_fail(const tree_pack *p, const char *what, int64_t which)
{
    return xi_fail(p->err, XINF_MALFORMED, "node %.*s (%.*s): tree node %lld %s",
                   XI_STR_ARG(xi_node_label(p->n)), XI_STR_ARG(p->n->op_name), (long long)which,
                   what);
}

/* ---- names of classic nodes ---- */

/* By tree, then by number, then by place in the list. */
static bool tree_pack_before(const xi_tree *t, int32_t a, int32_t b)
{
    if (t->tree_ids[a] != t->tree_ids[b]) return t->tree_ids[a] < t->tree_ids[b];
    return t->node_ids[a] != t->node_ids[b] ? t->node_ids[a] < t->node_ids[b] : a < b;
}

static void tree_pack_sink(const tree_pack *p, int32_t at, int32_t count)
{
    for (int32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && tree_pack_before(p->t, p->order[child], p->order[child + 1]))
            child++;
        if (!tree_pack_before(p->t, p->order[at], p->order[child])) return;
        int32_t swap = p->order[at];
        p->order[at] = p->order[child];
        p->order[child] = swap;
    }
}

static void tree_pack_sort(const tree_pack *p)
{
    int32_t count = p->t->nodes;
    for (int32_t i = 0; i < count; i++) p->order[i] = i;
    for (int32_t i = count / 2; i-- > 0;) tree_pack_sink(p, i, count);
    for (int32_t i = count - 1; i > 0; i--) {
        int32_t swap = p->order[0];
        p->order[0] = p->order[i];
        p->order[i] = swap;
        tree_pack_sink(p, 0, i);
    }
}

/* -1: there is no such node. */
static int32_t tree_pack_find(const tree_pack *p, int64_t tree, int64_t node)
{
    const xi_tree *t = p->t;
    int32_t low = 0, high = t->nodes;
    while (low < high) {
        int32_t middle = low + (high - low) / 2, i = p->order[middle];
        if (t->tree_ids[i] < tree || (t->tree_ids[i] == tree && t->node_ids[i] < node))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == t->nodes) return -1;
    int32_t i = p->order[low];
    return t->tree_ids[i] == tree && t->node_ids[i] == node ? i : -1;
}

/* ---- nodes ---- */

/* A child as it is kept: leaves of classic trees have their node's number. */
static xinf_status tree_pack_child(const tree_pack *p, int32_t i, bool yes, int32_t *out)
{
    const xi_tree *t = p->t;
    int64_t id = (yes ? t->yes : t->no)[i];
    if (t->classic) {
        int32_t child = tree_pack_find(p, t->tree_ids[i], id);
        if (child < 0) return tree_pack_fail(p, "has a child that does not exist", i);
        *out = xi_tree_mode_of(p->n, t, child) == XI_TREE_LEAF ? -1 - child : child;
        return XINF_OK;
    }
    bool leaf = (yes ? t->yes_leaf : t->no_leaf)[i] != 0;
    if (id < 0 || id >= (leaf ? t->votes : t->nodes))
        return tree_pack_fail(p, "has a child that does not exist", i);
    *out = leaf ? -1 - (int32_t)id : (int32_t)id;
    return XINF_OK;
}

/* `next`: in the list of members, whose sets end with NaN; they stand in the order of their nodes.
 */
static xinf_status tree_pack_node(const tree_pack *p, int32_t i, int32_t *next)
{
    const xi_tree *t = p->t;
    xk_tree_node *to = &p->nodes[i];
    xi_tree_mode mode = xi_tree_mode_of(p->n, t, i);
    xinf_status status;
    if ((int32_t)mode < 0) return tree_pack_fail(p, "has a mode that is not known", i);
    to->mode = (uint8_t)mode;
    if (mode == XI_TREE_LEAF) return XINF_OK;
    if (t->features[i] < 0 || t->features[i] >= INT32_MAX)
        return tree_pack_fail(p, "has a feature that is out of range", i);
    to->feature = (int32_t)t->features[i];
    if (to->feature > p->head->max_feature) p->head->max_feature = to->feature;
    to->missing = t->missing && t->missing[i] != 0;
    to->split = xi_tree_number(p->n, t->classic ? "nodes_values" : "nodes_splits", i);
    if (mode == XI_TREE_MEMBER) {
        to->split = *next;
        while (*next < t->members && !isnan(p->members[*next])) ++*next;
        if (*next == t->members) return tree_pack_fail(p, "has no set of members", i);
        ++*next;
    }
    XI_TRY(tree_pack_child(p, i, true, &to->yes));
    XI_TRY(tree_pack_child(p, i, false, &to->no));
cleanup:
    return status;
}

/* A node that can be reached from itself is never without parents that are still to be passed. */
static xinf_status tree_pack_acyclic(const tree_pack *p)
{
    int32_t count = p->t->nodes, first = 0, last = 0;
    for (int32_t i = 0; i < count; i++) {
        if (p->nodes[i].mode == XI_TREE_LEAF) continue;
        if (p->nodes[i].yes >= 0) p->parents[p->nodes[i].yes]++;
        if (p->nodes[i].no >= 0) p->parents[p->nodes[i].no]++;
    }
    for (int32_t i = 0; i < count; i++)
        if (p->parents[i] == 0) p->queue[last++] = i;
    for (; first < last; first++) {
        const xk_tree_node *n = &p->nodes[p->queue[first]];
        if (n->mode == XI_TREE_LEAF) continue;
        if (n->yes >= 0 && --p->parents[n->yes] == 0) p->queue[last++] = n->yes;
        if (n->no >= 0 && --p->parents[n->no] == 0) p->queue[last++] = n->no;
    }
    for (int32_t i = 0; last < count && i < count; i++)
        if (p->parents[i] > 0) return tree_pack_fail(p, "can be reached from itself", i);
    return XINF_OK;
}

/* ---- leaves and roots ---- */

static xinf_status tree_pack_vote(const tree_pack *p, int32_t to, int32_t i, const char *weights)
{
    const xi_tree *t = p->t;
    double weight = xi_tree_number(p->n, weights, i);
    if (t->vote_targets[i] < 0 || t->vote_targets[i] >= t->targets)
        return tree_pack_fail(p, "votes for a target that does not exist", i);
    p->votes[to] = (xk_tree_vote){weight, (int32_t)t->vote_targets[i]};
    if (t->vote_targets[i] != t->vote_targets[0]) p->head->one_target = 0;
    if (!(weight >= 0)) p->head->all_positive = 0;
    return XINF_OK;
}

/* Votes of classic trees name their leaf; they are laid leaf by leaf, in the order of the list. */
static xinf_status tree_pack_classic_votes(const tree_pack *p)
{
    const xi_tree *t = p->t;
    xinf_status status = XINF_OK;
    const char *weights = t->classifier ? "class_weights" : "target_weights";
    int32_t total = 0;
    for (int32_t i = 0; i < t->votes; i++) {
        int32_t leaf = tree_pack_find(p, t->vote_trees[i], t->vote_nodes[i]);
        if (leaf < 0) return tree_pack_fail(p, "has votes and does not exist", t->vote_nodes[i]);
        p->leaves[leaf].count++;
    }
    for (int32_t i = 0; i < t->nodes; i++) {
        p->leaves[i].first = total;
        total += p->leaves[i].count;
        p->leaves[i].count = 0;
    }
    for (int32_t i = 0; i < t->votes; i++) {
        xk_tree_leaf *leaf = &p->leaves[tree_pack_find(p, t->vote_trees[i], t->vote_nodes[i])];
        XI_TRY(tree_pack_vote(p, leaf->first + leaf->count++, i, weights));
    }
cleanup:
    return status;
}

/* The root of a classic tree is the first of its nodes in the list. Trees go in the order of their
 * numbers. */
static void tree_pack_classic_roots(const tree_pack *p)
{
    const xi_tree *t = p->t;
    for (int32_t i = 0; i < t->nodes;) {
        int32_t root = p->order[i];
        int64_t tree = t->tree_ids[root];
        for (; i < t->nodes && t->tree_ids[p->order[i]] == tree; i++)
            if (p->order[i] < root) root = p->order[i];
        p->roots[p->head->roots++] = p->nodes[root].mode == XI_TREE_LEAF ? -1 - root : root;
    }
}

static xinf_status tree_pack_modern(const tree_pack *p)
{
    const xi_tree *t = p->t;
    xinf_status status = XINF_OK;
    for (int32_t i = 0; i < t->votes; i++) {
        p->leaves[i] = (xk_tree_leaf){i, 1};
        XI_TRY(tree_pack_vote(p, i, i, "leaf_weights"));
    }
    for (int32_t i = 0; i < t->roots; i++) {
        if (t->root_ids[i] < 0 || t->root_ids[i] >= t->nodes)
            return tree_pack_fail(p, "is a root and does not exist", t->root_ids[i]);
        p->roots[p->head->roots++] = (int32_t)t->root_ids[i];
    }
cleanup:
    return status;
}

xinf_status xk_tree_pack(const xi_tree *t, const xk_tree_layout *l, const xi_node *n, void *dst,
                         xinf_error *err)
{
    char *base = dst;
    tree_pack p = {.t = t,
                   .n = n,
                   .err = err,
                   .head = dst,
                   .nodes = (xk_tree_node *)(base + l->nodes),
                   .leaves = (xk_tree_leaf *)(base + l->leaves),
                   .votes = (xk_tree_vote *)(base + l->votes),
                   .roots = (int32_t *)(base + l->roots),
                   .members = (double *)(base + l->members),
                   .order = (int32_t *)(base + l->work)};
    xinf_status status = XINF_OK;
    int32_t next = 0;
    p.parents = p.order + t->nodes;
    p.queue = p.parents + t->nodes;
    *p.head = (xk_tree_head){.max_feature = -1, .one_target = 1, .all_positive = 1};
    for (int32_t i = 0; i < t->members; i++)
        p.members[i] = xi_tree_number(n, "membership_values", i);
    if (t->classic) tree_pack_sort(&p);
    for (int32_t i = 0; t->classic && i + 1 < t->nodes; i++) {
        int32_t a = p.order[i], b = p.order[i + 1];
        if (t->tree_ids[a] == t->tree_ids[b] && t->node_ids[a] == t->node_ids[b])
            return tree_pack_fail(&p, "stands twice", t->node_ids[a]);
    }
    for (int32_t i = 0; i < t->nodes; i++) XI_TRY(tree_pack_node(&p, i, &next));
    XI_TRY(tree_pack_acyclic(&p));
    XI_TRY(t->classic ? tree_pack_classic_votes(&p) : tree_pack_modern(&p));
    if (t->classic) tree_pack_classic_roots(&p);
cleanup:
    return status;
}
