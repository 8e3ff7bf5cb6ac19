/* tree.c — TreeEnsemble, TreeEnsembleRegressor and TreeEnsembleClassifier of ai.onnx.ml. */
#include "graph/op/tree.h"

#include <stdio.h>

#include "graph/op/dtypes.h"

extern const xi_op xi_ops_tree[];

enum { TREE_LIMIT = 1 << 28 };

static xinf_status tree_fail(const xi_node *n, xinf_error *err, const char *what, const char *which)
{
    return xi_fail(err, XINF_MALFORMED, "node %.*s (%.*s): %s%s", XI_STR_ARG(xi_node_label(n)),
                   XI_STR_ARG(n->op_name), which, what);
}

/* A tensor attribute `name` or `name`_as_tensor; NULL: neither. */
static const xi_literal *tree_tensor(const xi_node *n, const char *name)
{
    char longer[64];
    const xi_attr *a = xi_node_attr(n, name);
    if (a && a->type == XI_ATTR_TENSOR) return a->tensor;
    snprintf(longer, sizeof longer, "%s_as_tensor", name);
    a = xi_node_attr(n, longer);
    return a && a->type == XI_ATTR_TENSOR ? a->tensor : NULL;
}

double xi_tree_number(const xi_node *n, const char *name, int32_t i)
{
    const float *list;
    uint64_t item = 0; /* literals may be unaligned */
    if (i < xi_node_floats(n, name, &list)) return list[i];
    const xi_literal *l = tree_tensor(n, name);
    if (!l || i >= l->count) return 0;
    size_t size = xinf_dtype_size(l->dtype);
    memcpy(&item, (const char *)l->data + (size_t)i * size, size);
    return xi_dtype_load_f64(&item, l->dtype, 0);
}

/* How many numbers there are in such a list. */
static xinf_status tree_numbers(const xi_node *n, const char *name, int32_t *count, xinf_error *err)
{
    const float *list;
    const xi_literal *l = tree_tensor(n, name);
    *count = xi_node_floats(n, name, &list);
    if (*count || !l) return XINF_OK;
    if (l->count > TREE_LIMIT || (!xi_dtype_is_float(l->dtype) && !xi_dtype_is_int(l->dtype)))
        return tree_fail(n, err, " cannot be read", name);
    *count = (int32_t)l->count;
    return XINF_OK;
}

/* A list of ints with exactly `count` entries. */
static xinf_status tree_ints(const xi_node *n, const char *name, int32_t count, const int64_t **out,
                             xinf_error *err)
{
    return xi_node_ints(n, name, out) == count
               ? XINF_OK
               : tree_fail(n, err, " has a wrong number of entries", name);
}

static xinf_status tree_named(const xi_node *n, const char *attribute, const char *const *names,
                              int32_t count, int32_t *out, xinf_error *err)
{
    xi_str s = xi_node_string(n, attribute, names[*out]);
    for (int32_t i = 0; i < count; i++) {
        if (!xi_str_is(s, names[i])) continue;
        *out = i;
        return XINF_OK;
    }
    return tree_fail(n, err, " is not known", attribute);
}

static const char *const tree_modes[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",    "BRANCH_GT",
                                         "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};
static const char *const tree_sums[] = {"AVERAGE", "SUM", "MIN", "MAX"};
static const char *const tree_transforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO",
                                              "PROBIT"};

/* Nodes, and votes whose attributes begin with `prefix`. */
static xinf_status tree_read_classic(xi_tree *t, const xi_node *n, xinf_error *err)
{
    xinf_status status;
    char name[32];
    int32_t values, weights;
    const char *prefix = t->classifier ? "class" : "target";
    const xi_attr *modes = xi_node_attr(n, "nodes_modes");
    t->nodes = xi_node_ints(n, "nodes_nodeids", &t->node_ids);
    if (t->nodes < 1 || t->nodes > TREE_LIMIT) return tree_fail(n, err, "there are no nodes", "");
    XI_TRY(tree_ints(n, "nodes_treeids", t->nodes, &t->tree_ids, err));
    XI_TRY(tree_ints(n, "nodes_featureids", t->nodes, &t->features, err));
    XI_TRY(tree_ints(n, "nodes_truenodeids", t->nodes, &t->yes, err));
    XI_TRY(tree_ints(n, "nodes_falsenodeids", t->nodes, &t->no, err));
    XI_TRY(tree_numbers(n, "nodes_values", &values, err));
    if (values != t->nodes)
        return tree_fail(n, err, "nodes_values has a wrong number of entries", "");
    if (!modes || modes->type != XI_ATTR_STRINGS || modes->count != t->nodes)
        return tree_fail(n, err, "nodes_modes has a wrong number of entries", "");
    t->mode_names = modes->strings;
    snprintf(name, sizeof name, "%s_nodeids", prefix);
    t->votes = xi_node_ints(n, name, &t->vote_nodes);
    if (t->votes > TREE_LIMIT) return tree_fail(n, err, " has too many entries", name);
    snprintf(name, sizeof name, "%s_treeids", prefix);
    XI_TRY(tree_ints(n, name, t->votes, &t->vote_trees, err));
    snprintf(name, sizeof name, "%s_ids", prefix);
    XI_TRY(tree_ints(n, name, t->votes, &t->vote_targets, err));
    snprintf(name, sizeof name, "%s_weights", prefix);
    XI_TRY(tree_numbers(n, name, &weights, err));
    if (weights != t->votes) return tree_fail(n, err, " has a wrong number of entries", name);
    XI_TRY(tree_numbers(n, "base_values", &t->base_count, err));
    XI_TRY(tree_named(n, "post_transform", tree_transforms, 5, &t->transform, err));
    if (!t->classifier)
        XI_TRY(tree_named(n, "aggregate_function", tree_sums, 4, &t->aggregate, err));
cleanup:
    return status;
}

static xinf_status tree_read_modern(xi_tree *t, const xi_node *n, xinf_error *err)
{
    xinf_status status;
    int32_t count;
    int64_t aggregate = xi_node_int(n, "aggregate_function", XI_TREE_SUM),
            transform = xi_node_int(n, "post_transform", 0);
    t->nodes = xi_node_ints(n, "nodes_featureids", &t->features);
    if (t->nodes < 1 || t->nodes > TREE_LIMIT) return tree_fail(n, err, "there are no nodes", "");
    XI_TRY(tree_ints(n, "nodes_truenodeids", t->nodes, &t->yes, err));
    XI_TRY(tree_ints(n, "nodes_falsenodeids", t->nodes, &t->no, err));
    XI_TRY(tree_ints(n, "nodes_trueleafs", t->nodes, &t->yes_leaf, err));
    XI_TRY(tree_ints(n, "nodes_falseleafs", t->nodes, &t->no_leaf, err));
    XI_TRY(tree_numbers(n, "nodes_modes", &count, err));
    if (count != t->nodes)
        return tree_fail(n, err, "nodes_modes has a wrong number of entries", "");
    XI_TRY(tree_numbers(n, "nodes_splits", &count, err));
    if (count != t->nodes)
        return tree_fail(n, err, "nodes_splits has a wrong number of entries", "");
    t->votes = xi_node_ints(n, "leaf_targetids", &t->vote_targets);
    XI_TRY(tree_numbers(n, "leaf_weights", &count, err));
    if (count != t->votes || count < 1)
        return tree_fail(n, err, "leaf_weights has a wrong number of entries", "");
    XI_TRY(tree_numbers(n, "membership_values", &t->members, err));
    t->roots = xi_node_ints(n, "tree_roots", &t->root_ids);
    if (t->roots > TREE_LIMIT) return tree_fail(n, err, "there are too many trees", "");
    if (aggregate < 0 || aggregate > XI_TREE_MAX || transform < 0 ||
        transform > XI_TRANSFORM_PROBIT)
        return tree_fail(n, err, "aggregate_function or post_transform is not known", "");
    t->aggregate = (int32_t)aggregate;
    t->transform = (int32_t)transform;
cleanup:
    return status;
}

xinf_status xi_tree_read(xi_tree *out, const xi_node *n, xinf_error *err)
{
    xi_labels labels = xi_labels_of(n, "classlabels_int64s");
    *out = (xi_tree){.classic = !xi_str_is(n->op_name, "TreeEnsemble"),
                     .classifier = xi_str_is(n->op_name, "TreeEnsembleClassifier"),
                     .aggregate = XI_TREE_SUM};
    xinf_status status = out->classic ? tree_read_classic(out, n, err)
                                      : tree_read_modern(out, n, err);
    if (status) return status;
    int64_t targets = out->classifier ? labels.count : xi_node_int(n, "n_targets", 1);
    if (targets < 1 || targets > TREE_LIMIT)
        return tree_fail(n, err, "the number of targets or classes is out of range", "");
    out->targets = (int32_t)targets;
    if (out->base_count != 0 && out->base_count != targets &&
        !(out->classifier && out->base_count == 1))
        return tree_fail(n, err, "base_values has a wrong number of entries", "");
    if (xi_node_has(n, "nodes_missing_value_tracks_true") &&
        xi_node_ints(n, "nodes_missing_value_tracks_true", &out->missing) > 0)
        return tree_ints(n, "nodes_missing_value_tracks_true", out->nodes, &out->missing, err);
    return XINF_OK;
}

xi_tree_mode xi_tree_mode_of(const xi_node *n, const xi_tree *t, int32_t i)
{
    if (!t->classic) {
        double v = xi_tree_number(n, "nodes_modes", i);
        return v >= 0 && v <= XI_TREE_MEMBER ? (xi_tree_mode)(int32_t)v : (xi_tree_mode)-1;
    }
    for (int32_t k = 0; k <= XI_TREE_LEAF; k++)
        if (k != XI_TREE_MEMBER && xi_str_is(t->mode_names[i], tree_modes[k]))
            return (xi_tree_mode)k;
    return (xi_tree_mode)-1;
}

static xinf_status tree_infer(xi_infer *c)
{
    xinf_status status;
    xi_tree t;
    int64_t rows, features;
    bool modern = xi_str_is(c->node->op_name, "TreeEnsemble");
    XI_TRY(xi_infer_among(c, 0,
                          XI_DTYPE_BIT(XINF_FLOAT32) | XI_DTYPE_BIT(XINF_FLOAT64) |
                              (modern ? XI_DTYPE_BIT(XINF_FLOAT16) : XI_DTYPES_INDEX)));
    XI_TRY(xi_infer_rows(c, &rows, &features));
    XI_TRY(xi_tree_read(&t, c->node, c->err));
    xi_shape one = {.rank = 1, .dim = {rows}}, scores = {.rank = 2, .dim = {rows, t.targets}};
    if (t.classifier) {
        xi_labels labels = xi_labels_of(c->node, "classlabels_int64s");
        xi_infer_set(c, 0, xi_labels_dtype(&labels), &one);
        xi_infer_set(c, 1, XINF_FLOAT32, &scores);
    } else {
        xi_infer_set(c, 0, modern ? xi_infer_dtype(c, 0) : XINF_FLOAT32, &scores);
    }
cleanup:
    return status;
}

#define TREE_CLASSIC                                                                            \
    {"base_values", XI_ATTR_FLOATS, false}, {"base_values_as_tensor", XI_ATTR_TENSOR, false},   \
        {"nodes_falsenodeids", XI_ATTR_INTS, false}, {"nodes_featureids", XI_ATTR_INTS, false}, \
        {"nodes_hitrates", XI_ATTR_FLOATS, false},                                              \
        {"nodes_hitrates_as_tensor", XI_ATTR_TENSOR, false},                                    \
        {"nodes_missing_value_tracks_true", XI_ATTR_INTS, false},                               \
        {"nodes_modes", XI_ATTR_STRINGS, false}, {"nodes_nodeids", XI_ATTR_INTS, false},        \
        {"nodes_treeids", XI_ATTR_INTS, false}, {"nodes_truenodeids", XI_ATTR_INTS, false},     \
        {"nodes_values", XI_ATTR_FLOATS, false},                                                \
        {"nodes_values_as_tensor", XI_ATTR_TENSOR, false},                                      \
    {                                                                                           \
        "post_transform", XI_ATTR_STRING, false                                                 \
    }
static const xi_attr_rule tree_classifier_attrs[] = {
    TREE_CLASSIC,
    {"class_ids", XI_ATTR_INTS, false},
    {"class_nodeids", XI_ATTR_INTS, false},
    {"class_treeids", XI_ATTR_INTS, false},
    {"class_weights", XI_ATTR_FLOATS, false},
    {"class_weights_as_tensor", XI_ATTR_TENSOR, false},
    {"classlabels_int64s", XI_ATTR_INTS, false},
    {"classlabels_strings", XI_ATTR_STRINGS, false},
    {NULL}};
static const xi_attr_rule tree_regressor_attrs[] = {
    TREE_CLASSIC,
    {"aggregate_function", XI_ATTR_STRING, false},
    {"n_targets", XI_ATTR_INT, false},
    {"target_ids", XI_ATTR_INTS, false},
    {"target_nodeids", XI_ATTR_INTS, false},
    {"target_treeids", XI_ATTR_INTS, false},
    {"target_weights", XI_ATTR_FLOATS, false},
    {"target_weights_as_tensor", XI_ATTR_TENSOR, false},
    {NULL}};
static const xi_attr_rule tree_attrs[] = {{"aggregate_function", XI_ATTR_INT, false},
                                          {"leaf_targetids", XI_ATTR_INTS, true},
                                          {"leaf_weights", XI_ATTR_TENSOR, true},
                                          {"membership_values", XI_ATTR_TENSOR, false},
                                          {"n_targets", XI_ATTR_INT, false},
                                          {"nodes_falseleafs", XI_ATTR_INTS, true},
                                          {"nodes_falsenodeids", XI_ATTR_INTS, true},
                                          {"nodes_featureids", XI_ATTR_INTS, true},
                                          {"nodes_hitrates", XI_ATTR_TENSOR, false},
                                          {"nodes_missing_value_tracks_true", XI_ATTR_INTS, false},
                                          {"nodes_modes", XI_ATTR_TENSOR, true},
                                          {"nodes_splits", XI_ATTR_TENSOR, true},
                                          {"nodes_trueleafs", XI_ATTR_INTS, true},
                                          {"nodes_truenodeids", XI_ATTR_INTS, true},
                                          {"post_transform", XI_ATTR_INT, false},
                                          {"tree_roots", XI_ATTR_INTS, true},
                                          {NULL}};

const xi_op xi_ops_tree[] = {
    {.domain = "ai.onnx.ml",
     .name = "TreeEnsembleClassifier",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 2,
     .attrs = tree_classifier_attrs,
     .infer = tree_infer,
     .tolerance = 1e-5f},
    {.domain = "ai.onnx.ml",
     .name = "TreeEnsembleRegressor",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = tree_regressor_attrs,
     .infer = tree_infer,
     .tolerance = 1e-5f},
    {.domain = "ai.onnx.ml",
     .name = "TreeEnsemble",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = tree_attrs,
     .infer = tree_infer,
     .tolerance = 1e-5f},
    {0},
};

#undef TREE_CLASSIC
