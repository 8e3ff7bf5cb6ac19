/* reduce.c — sums and the like over axes, and what sorts or counts. */
#include "import/tensorflow/importer.h"

/* Axes of the other layout; false when they are not known. */
static bool reduce_turn_axes(xi_tf_call *c, int64_t *axes, int32_t count, int32_t rank,
                             bool *spatial)
{
    uint32_t set = 0;
    for (int32_t i = 0; i < count; i++) {
        int64_t a = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (a < 0 || a >= rank)
            return xi_tf_fail(c, "axis %lld is outside rank %d", (long long)axes[i], (int)rank),
                   false;
        axes[i] = a == 0 ? 0 : a == rank - 1 ? 1 : a + 1;
        set |= 1u << axes[i];
    }
    uint32_t all = ((1u << rank) - 1) & ~3u;
    *spatial = (set & all) == all;
    return true;
}

static void reduce_op(xi_tf_call *c)
{
    int64_t axes[XI_MAX_RANK];
    bool keep = xi_tf_bool(c, xi_tf_attr(c, "keepdims") ? "keepdims" : "keep_dims", false),
         spatial = false;
    xi_value *list = xi_tf_vector(c, xi_tf_in(c, 1));
    int32_t count = xi_tf_known(list, axes, XI_MAX_RANK);
    xi_tf_value *in = c->in_count ? c->in[0] : NULL;
    bool turned = in && in->turned && !in->v && count >= 0 &&
                  reduce_turn_axes(c, axes, count, xi_tf_rank(in->turned), &spatial) &&
                  (keep || spatial);
    xi_value *x = turned ? in->turned : xi_tf_in(c, 0);
    xinf_dtype d = xi_tf_dtype_of(x);
    if (turned) list = xi_tf_const_ints(c, axes, count);
    if (!x || !list) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    if (c->row->how) x = xi_tf_cast(c, x, XINF_INT32);
    xi_value *y = xi_tf_reduce(c, c->row->to, x, list, keep);
    if (c->row->how) y = xi_tf_cast(c, y, d);
    if (turned && keep)
        xi_tf_give_turned(c, 0, y);
    else
        xi_tf_give(c, 0, y);
}

static void reduce_op_arg(xi_tf_call *c)
{
    int64_t axis = 0;
    xi_value *x = xi_tf_in(c, 0);
    if (!x || (c->in_count > 1 && xi_tf_known(xi_tf_in(c, 1), &axis, 1) != 1)) {
        xi_tf_refuse(c, "its axis is not known");
        return;
    }
    xi_node *n = xi_tf_node(c, c->row->to, 1, 2, &x, 1);
    if (n) xi_node_set_int(n, "axis", axis);
    if (n) xi_node_set_int(n, "keepdims", 0);
    xi_tf_give(c, 0,
               xi_tf_cast(c, xi_tf_result(c, n, 0), xi_tf_dtype(xi_tf_type(c, "output_type", 9))));
}

static void reduce_op_cumulative(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0), *axis = xi_tf_in(c, 1);
    xi_node *n = x && axis ? xi_tf_node(c, c->row->to, 1, 2, (xi_value *[]){x, axis}, 2) : NULL;
    if (n) xi_node_set_int(n, "exclusive", xi_tf_bool(c, "exclusive", false));
    if (n) xi_node_set_int(n, "reverse", xi_tf_bool(c, "reverse", false));
    xi_tf_give(c, 0, xi_tf_result(c, n, 0));
}

static void reduce_op_top_k(xi_tf_call *c)
{
    int64_t k = xi_tf_int(c, "k", 1);
    xi_value *x = xi_tf_in(c, 0),
             *count = c->row->how ? xi_tf_vector(c, xi_tf_in(c, 1)) : xi_tf_const_ints(c, &k, 1);
    xi_node *n = x && count ? xi_tf_node(c, "TopK", 2, 2, (xi_value *[]){x, count}, 2) : NULL;
    if (!n) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    xi_node_set_int(n, "axis", -1);
    xi_node_set_int(n, "sorted", xi_tf_bool(c, "sorted", true));
    for (int32_t i = 0; i < 2; i++)
        if (!xi_node_new_output(n, i)) c->status = xi_tf_no_memory(c->im);
    if (c->status) return;
    xi_tf_infer(c->im, n);
    xi_tf_give(c, 0, n->outputs[0]);
    xi_tf_give(c, 1, xi_tf_cast(c, n->outputs[1], xi_tf_dtype(xi_tf_type(c, "index_type", 3))));
}

static void reduce_op_in_top_k(xi_tf_call *c)
{
    xi_value *p = xi_tf_in(c, 0), *t = xi_tf_i64(c, xi_tf_in(c, 1));
    xi_value *k = c->row->how ? xi_tf_i64(c, xi_tf_in(c, 2))
                              : xi_tf_const_int(c, xi_tf_int(c, "k", 1));
    if (!p || !t || !k) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    xi_node *g = xi_tf_node(c, "GatherElements", 1, 1, (xi_value *[]){p, xi_tf_unsqueeze(c, t, 1)},
                            2);
    if (g) xi_node_set_int(g, "axis", 1);
    xi_value *better = xi_tf_cast(c, xi_tf_op2(c, "Greater", p, xi_tf_result(c, g, 0)), XINF_INT64);
    int64_t one = 1;
    xi_tf_give(c, 0,
               xi_tf_op2(c, "Less",
                         xi_tf_reduce(c, "ReduceSum", better, xi_tf_const_ints(c, &one, 1), false),
                         k));
}

/* Rows that go to a segment each: zeros, then added there. */
static void reduce_op_segment(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0), *ids = xi_tf_i64(c, xi_tf_in(c, 1)), *count;
    bool unsorted = c->row->how & 1;
    if (!x || !ids || (unsorted && !xi_tf_in(c, 2)) || xi_tf_rank(ids) != 1) {
        xi_tf_refuse(c, "its segments are not a vector");
        return;
    }
    count = unsorted
                ? xi_tf_vector(c, xi_tf_in(c, 2))
                : xi_tf_op2(c, "Add", xi_tf_slice(c, ids, 0, -1, INT64_MAX), xi_tf_const_int(c, 1));
    xi_value *rest = xi_tf_slice(c, xi_tf_shape_of(c, x), 0, 1, INT64_MAX);
    xi_value *dims = rest ? xi_tf_concat(c, (xi_value *[]){count, rest}, 2, 0) : NULL;
    const char *how = c->row->to;
    double neutral = how[0] == 'm' && how[1] == 'u' ? 1 : 0;
    if (!dims || (how[0] == 'm' && how[2] != 'l' && !xi_dtype_is_float(xi_tf_dtype_of(x)))) {
        xi_tf_refuse(c, "segments of this kind over integers are not supported");
        return;
    }
    if (strcmp(how, "max") == 0) neutral = -3.4028234663852886e38;
    if (strcmp(how, "min") == 0) neutral = 3.4028234663852886e38;
    if (!unsorted && how[2] != 'd' && how[2] != 'l') neutral = 0;
    xi_value *empty = xi_tf_fill(c, dims, xi_tf_dtype_of(x), neutral),
             *index = xi_tf_unsqueeze(c, ids, -1);
    xi_node *n = empty ? xi_tf_node(c, "ScatterND", 1, 1, (xi_value *[]){empty, index, x}, 3)
                       : NULL;
    if (n) xi_node_set_string(n, "reduction", xi_str_of(how));
    xi_value *y = xi_tf_result(c, n, 0);
    if (c->row->how & 2) { /* the mean: divided by how many there were */
        xi_value *ones = xi_tf_fill(c, xi_tf_shape_of(c, x), xi_tf_dtype_of(x), 1);
        xi_node *m = ones ? xi_tf_node(c, "ScatterND", 1, 1,
                                       (xi_value *[]){xi_tf_fill(c, dims, xi_tf_dtype_of(x), 0),
                                                      index, ones},
                                       3)
                          : NULL;
        if (m) xi_node_set_string(m, "reduction", XI_STR("add"));
        y = xi_tf_op2(c, "Div", y, xi_tf_op2(c, "Max", xi_tf_result(c, m, 0), xi_tf_like(c, x, 1)));
    }
    xi_tf_give(c, 0, y);
}

static void reduce_op_bincount(xi_tf_call *c)
{
    xi_value *x = xi_tf_i64(c, xi_tf_in(c, 0)), *size = xi_tf_vector(c, xi_tf_in(c, 1)),
             *w = xi_tf_in(c, 2);
    xinf_dtype to = xi_tf_dtype_of(w);
    int64_t none = -1, last = -1;
    if (!x || !size || !w) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    bool weighted = !(w->type.shape.rank >= 1 && w->type.shape.dim[0] == 0),
         binary = xi_tf_bool(c, "binary_output", false);
    if (weighted && xi_tf_rank(w) < 1) weighted = false;
    if (xi_tf_rank(x) < 1 || (weighted && w->type.shape.dim[0] < 0)) {
        xi_tf_refuse(c, "the rank or the number of weights is not known");
        return;
    }
    /* A row of the table per element, summed over the elements; numbers at or above the size are
     * nowhere. */
    xi_value *scalar = xi_tf_reshape(c, size, NULL, 0);
    xi_value *bins = xi_tf_op3(c, "Range", xi_tf_const_int(c, 0), scalar, xi_tf_const_int(c, 1));
    xi_value *hit = xi_tf_cast(c, xi_tf_op2(c, "Equal", xi_tf_unsqueeze(c, x, none), bins), to);
    if (weighted) hit = xi_tf_op2(c, "Mul", hit, xi_tf_unsqueeze(c, w, last));
    none = -2;
    xi_value *y = xi_tf_reduce(c, binary ? "ReduceMax" : "ReduceSum", hit,
                               xi_tf_const_ints(c, &none, 1), false);
    xi_tf_give(c, 0, y);
}

const xi_tf_row xi_tf_reduce_rows[] = {
    {"Sum", reduce_op, "ReduceSum", 0},
    {"Mean", reduce_op, "ReduceMean", 0},
    {"Max", reduce_op, "ReduceMax", 0},
    {"Min", reduce_op, "ReduceMin", 0},
    {"Prod", reduce_op, "ReduceProd", 0},
    {"EuclideanNorm", reduce_op, "ReduceL2", 0},
    {"All", reduce_op, "ReduceMin", 1},
    {"Any", reduce_op, "ReduceMax", 1},
    {"ArgMax", reduce_op_arg, "ArgMax", 0},
    {"ArgMin", reduce_op_arg, "ArgMin", 0},
    {"Cumsum", reduce_op_cumulative, "CumSum", 0},
    {"Cumprod", reduce_op_cumulative, "CumProd", 0},
    {"TopK", reduce_op_top_k, NULL, 0},
    {"TopKV2", reduce_op_top_k, NULL, 1},
    {"InTopK", reduce_op_in_top_k, NULL, 0},
    {"InTopKV2", reduce_op_in_top_k, NULL, 1},
    {"UnsortedSegmentSum", reduce_op_segment, "add", 1},
    {"UnsortedSegmentProd", reduce_op_segment, "mul", 1},
    {"UnsortedSegmentMax", reduce_op_segment, "max", 1},
    {"UnsortedSegmentMin", reduce_op_segment, "min", 1},
    {"SegmentSum", reduce_op_segment, "add", 0},
    {"SegmentMean", reduce_op_segment, "add", 2},
    {"DenseBincount", reduce_op_bincount, NULL, 0},
    {"Bincount", reduce_op_bincount, NULL, 0},
    {NULL, NULL, NULL, 0},
};
