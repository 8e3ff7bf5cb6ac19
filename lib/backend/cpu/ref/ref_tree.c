/* ref_tree.c — tree ensembles of ai.onnx.ml: every row goes down every tree; sums are taken in
 * double, tree by tree. */
#include <math.h>

#include "backend/cpu/ref/identity.h"
#include "backend/cpu/ref/ref_block.h"
#include "backend/cpu/ref/scores.h"
#include "backend/cpu/ref/tree_pack.h"

extern const xi_kernel xk_ref_tree[];

typedef struct tree_params {
    uint64_t hash; /* makes the packed form of each ensemble its own */
    xk_tree_layout layout;
    int32_t targets, aggregate, transform, base_count, classifier;
} tree_params;

typedef struct tree_view {
    const xk_tree_head *head;
    const xk_tree_node *nodes;
    const xk_tree_leaf *leaves;
    const xk_tree_vote *votes;
    const int32_t *roots;
    const double *members;
} tree_view;

static xinf_status ref_tree_prepare(xi_prepare *p, xinf_error *err)
{
    tree_params *u = p->params;
    xi_tree t;
    xinf_status status = xi_tree_read(&t, p->node, err);
    if (status) return status;
    if (p->in[0]->dtype == XINF_UNDEFINED)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "the input's element type is not known");
    if (!xk_tree_layout_of(&u->layout, &t)) return xi_fail_memory(err, SIZE_MAX);
    u->hash = xk_identity_of(p->node);
    u->targets = t.targets;
    u->aggregate = t.aggregate;
    u->transform = t.transform;
    u->base_count = t.base_count;
    u->classifier = t.classifier;
    p->packed_size = u->layout.total;
    return XINF_OK;
}

static xinf_status ref_tree_pack(const void *params, const xi_node *node,
                                 const xi_operand *const *in, void *dst, xinf_error *err)
{
    const tree_params *u = params;
    xi_tree t;
    xinf_status status = xi_tree_read(&t, node, err);
    return status ? status : xk_tree_pack(&t, &u->layout, node, dst, err);
}

static int64_t ref_tree_rows(const xi_operand *x, int64_t *features)
{
    *features = x->shape.dim[x->shape.rank - 1];
    return x->shape.rank == 2 ? x->shape.dim[0] : 1;
}

static xinf_status ref_tree_extent(const void *params, xi_operand *const *in,
                                   xi_operand *const *out, int32_t width, xi_extent *e,
                                   xinf_error *err)
{
    const tree_params *u = params;
    int64_t features, rows = ref_tree_rows(in[0], &features);
    /* Strings are stored by one thread. */
    e->chunks[0] = out[0] && out[0]->dtype == XINF_STRING ? 1 : xk_split_chunks(rows, 16, width);
    e->scratch = ((size_t)features + 2 * (size_t)u->targets + 2) * sizeof(double);
    e->flops = (uint64_t)rows * (uint64_t)u->layout.root_count * 16;
    return XINF_OK;
}

static bool ref_tree_member(const tree_view *v, const xk_tree_node *n, double x)
{
    for (const double *m = v->members + (int64_t)n->split; !isnan(*m); m++)
        if (*m == x) return true;
    return false;
}

static bool ref_tree_goes(const tree_view *v, const xk_tree_node *n, double x)
{
    if (isnan(x)) return n->missing;
    switch (n->mode) {
    case XI_TREE_LEQ: return x <= n->split;
    case XI_TREE_LT: return x < n->split;
    case XI_TREE_GTE: return x >= n->split;
    case XI_TREE_GT: return x > n->split;
    case XI_TREE_EQ: return x == n->split;
    case XI_TREE_NEQ: return x != n->split;
    default: return ref_tree_member(v, n, x);
    }
}

static const xk_tree_leaf *ref_tree_leaf(const tree_view *v, int32_t at, const double *x)
{
    while (at >= 0) {
        const xk_tree_node *n = &v->nodes[at];
        at = ref_tree_goes(v, n, x[n->feature]) ? n->yes : n->no;
    }
    return &v->leaves[-1 - at];
}

/* scores[targets], and seen[targets]: 1 where a vote fell. */
static void ref_tree_scores(const tree_params *u, const tree_view *v, const double *x,
                            double *scores, double *seen)
{
    for (int32_t k = 0; k < u->targets; k++) scores[k] = seen[k] = 0;
    for (int32_t i = 0; i < v->head->roots; i++) {
        const xk_tree_leaf *leaf = ref_tree_leaf(v, v->roots[i], x);
        for (int32_t k = leaf->first; k < leaf->first + leaf->count; k++) {
            int32_t to = v->votes[k].target;
            double w = v->votes[k].weight;
            if (u->aggregate == XI_TREE_MIN)
                scores[to] = seen[to] != 0 && scores[to] < w ? scores[to] : w;
            else if (u->aggregate == XI_TREE_MAX)
                scores[to] = seen[to] != 0 && scores[to] > w ? scores[to] : w;
            else
                scores[to] += w;
            seen[to] = 1;
        }
    }
    for (int32_t k = 0; u->aggregate == XI_TREE_AVERAGE && k < u->targets; k++)
        scores[k] /= v->head->roots ? v->head->roots : 1;
}

/* Two classes whose votes are all for one of them: the other's score follows. Probabilities when no
 * weight is negative. */
static int64_t ref_tree_binary(const tree_params *u, const tree_view *v, const xi_node *n,
                               double *scores)
{
    double s = 0;
    for (int32_t k = 0; k < 2; k++) s += scores[k]; /* one of them is zero */
    if (u->base_count) s += xi_tree_number(n, "base_values", u->base_count - 1);
    bool share = v->head->all_positive != 0;
    scores[0] = share ? 1 - s : -s;
    scores[1] = s;
    if (!share) xk_scores_transform((xi_transform)u->transform, scores, 2);
    return s > (share ? 0.5 : 0);
}

static int64_t ref_tree_class(const tree_params *u, const tree_view *v, const xi_node *n,
                              double *scores)
{
    if (u->targets == 2 && v->head->one_target) return ref_tree_binary(u, v, n, scores);
    for (int32_t k = 0; k < u->base_count && k < u->targets; k++)
        scores[k] += xi_tree_number(n, "base_values", k);
    int64_t best = u->targets == 1 ? scores[0] <= 0 : xk_scores_best(scores, u->targets);
    xk_scores_transform((xi_transform)u->transform, scores, u->targets);
    return best;
}

static xinf_status ref_tree_finish(const xi_call *call, const tree_view *v, int64_t row,
                                   double *scores, xinf_error *err)
{
    const tree_params *u = call->params;
    const xi_operand *z = u->classifier ? (call->out_count > 1 ? call->out[1] : NULL)
                                        : call->out[0];
    xi_labels labels = xi_labels_of(call->node, "classlabels_int64s");
    int64_t best = 0;
    if (u->classifier) {
        best = ref_tree_class(u, v, call->node, scores);
    } else {
        for (int32_t k = 0; k < u->base_count; k++)
            scores[k] += xi_tree_number(call->node, "base_values", k);
        xk_scores_transform((xi_transform)u->transform, scores, u->targets);
    }
    if (z) xk_block_store(z->data, z->dtype, row * u->targets, 1, scores, XK_F64, u->targets);
    if (!u->classifier) return XINF_OK;
    if (labels.count == 1 && best > 0) { /* not the only class there is */
        static const int64_t none = 0;
        static const xi_str empty = {0};
        labels = labels.strings ? (xi_labels){.count = 1, .strings = &empty}
                                : (xi_labels){.count = 1, .ints = &none};
        best = 0;
    }
    return xk_scores_label(call->out[0], row, &labels, best, err);
}

static xinf_status ref_tree_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const tree_params *u = call->params;
    const xk_tree_layout *l = &u->layout;
    const xi_operand *x = call->in[0];
    const char *base = call->packed;
    tree_view v = {(const xk_tree_head *)base,
                   (const xk_tree_node *)(base + l->nodes),
                   (const xk_tree_leaf *)(base + l->leaves),
                   (const xk_tree_vote *)(base + l->votes),
                   (const int32_t *)(base + l->roots),
                   (const double *)(base + l->members)};
    int64_t features, rows = ref_tree_rows(x, &features), first = 0, last = rows;
    double *row = scratch, *scores = row + features, *seen = scores + u->targets + 1;
    bool whole = !xi_dtype_is_float(x->dtype);
    if (v.head->max_feature >= features)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                              "a tree looks at feature %d, there are %lld",
                              (int)v.head->max_feature, (long long)features);
    if (!call->out[0] || call->out[0]->dtype != XINF_STRING)
        xk_split_range(rows, 16, call->width, chunk, &first, &last);
    xinf_status status = XINF_OK;
    for (int64_t r = first; r < last && status == XINF_OK; r++) {
        xk_block_load(row, XK_F64, x->data, x->dtype, r * features, 1, features);
        for (int64_t i = 0; whole && i < features; i++)
            row[i] = (double)(float)row[i]; /* thresholds are float32 */
        ref_tree_scores(u, &v, row, scores, seen);
        status = ref_tree_finish(call, &v, r, scores, err);
    }
    return status;
}

#define TREE_KERNEL(op_name, id)                                                       \
    {                                                                                  \
        .op = op_name, .domain = "ai.onnx.ml", .name = "xk_" id "_any_ref__portable",  \
        .prepare = ref_tree_prepare, .pack = ref_tree_pack, .extent = ref_tree_extent, \
        .run = ref_tree_run                                                            \
    }

const xi_kernel xk_ref_tree[] = {
    TREE_KERNEL("TreeEnsemble", "tree_ensemble"),
    TREE_KERNEL("TreeEnsembleRegressor", "tree_regressor"),
    TREE_KERNEL("TreeEnsembleClassifier", "tree_classifier"),
    {0},
};

#undef TREE_KERNEL
