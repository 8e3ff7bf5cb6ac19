/* slice.c — parts, padding and rearrangement of axes. */
#include "import/tensorflow/importer.h"

enum { SLICE_MAX = XI_MAX_RANK + 8 };

/* Element i of a vector as a vector of one; known ones as constants. */
static xi_value *slice_element(xi_tf_call *c, xi_value *v, const int64_t *known, int32_t i)
{
    if (known) return xi_tf_const_ints(c, &known[i], 1);
    return xi_tf_slice(c, v, 0, i, i + 1);
}

typedef struct slice_spec {
    int32_t count;
    int64_t begin[SLICE_MAX], end[SLICE_MAX], step[SLICE_MAX];
    const int64_t *begins, *ends; /* the arrays above, or NULL when only known when it runs */
    xi_value *begin_value, *end_value;
    int64_t begin_mask, end_mask, ellipsis, fresh, shrink;
} slice_spec;

static bool slice_spec_read(xi_tf_call *c, slice_spec *s)
{
    xi_value *b = xi_tf_vector(c, xi_tf_in(c, 1)), *e = xi_tf_vector(c, xi_tf_in(c, 2)),
             *t = xi_tf_in(c, 3);
    s->count = xi_tf_known(t, s->step, SLICE_MAX);
    if (!b || !e || s->count < 0) return false;
    if (xi_tf_known(b, s->begin, SLICE_MAX) == s->count) s->begins = s->begin;
    if (xi_tf_known(e, s->end, SLICE_MAX) == s->count) s->ends = s->end;
    s->begin_value = b;
    s->end_value = e;
    s->begin_mask = xi_tf_int(c, "begin_mask", 0);
    s->end_mask = xi_tf_int(c, "end_mask", 0);
    s->ellipsis = xi_tf_int(c, "ellipsis_mask", 0);
    s->fresh = xi_tf_int(c, "new_axis_mask", 0);
    s->shrink = xi_tf_int(c, "shrink_axis_mask", 0);
    for (int32_t i = 0; i < s->count; i++)
        if (s->step[i] == 0) return false;
    return true;
}

typedef struct slice_plan {
    xi_value *starts[SLICE_MAX], *ends[SLICE_MAX];
    int64_t axes[SLICE_MAX], steps[SLICE_MAX];
    int32_t count;
    int64_t gather_axis[SLICE_MAX];
    int32_t gather_from[SLICE_MAX], gather_count;
    int64_t fresh[SLICE_MAX];
    int32_t fresh_count;
} slice_plan;

static bool slice_plan_make(xi_tf_call *c, const slice_spec *s, int32_t rank, slice_plan *p)
{
    int64_t axis = 0, out = 0;
    bool seen = false;
    for (int32_t i = 0; i < s->count; i++) {
        int64_t bit = (int64_t)1 << i;
        if (s->ellipsis & bit && !seen) {
            int32_t rest = 0, after = 0;
            for (int32_t k = 0; k < s->count; k++) {
                bool uses = !(s->ellipsis >> k & 1) && !(s->fresh >> k & 1);
                rest += uses;
                after += k > i;
            }
            if (rank < 0 && after) return false;
            seen = true;
            if (rank >= 0 && rank < rest) return false;
            if (rank >= 0) axis += rank - rest, out += rank - rest;
        } else if (s->fresh & bit) {
            p->fresh[p->fresh_count++] = out++;
        } else if (s->shrink & bit) {
            p->gather_axis[p->gather_count] = axis++;
            p->gather_from[p->gather_count++] = i;
        } else {
            bool whole_begin = s->begin_mask & bit, whole_end = s->end_mask & bit;
            int64_t low = s->step[i] > 0 ? 0 : INT64_MAX,
                    high = s->step[i] > 0 ? INT64_MAX : INT64_MIN;
            if (!whole_begin || !whole_end || s->step[i] != 1) {
                p->starts[p->count] = whole_begin ? xi_tf_const_ints(c, &low, 1)
                                                  : slice_element(c, s->begin_value, s->begins, i);
                p->ends[p->count] = whole_end ? xi_tf_const_ints(c, &high, 1)
                                              : slice_element(c, s->end_value, s->ends, i);
                p->axes[p->count] = axis;
                p->steps[p->count++] = s->step[i];
            }
            axis++, out++;
        }
    }
    return rank < 0 || axis <= rank;
}

static void slice_op_strided(xi_tf_call *c)
{
    slice_spec s = {0};
    slice_plan p = {0};
    xi_value *x = xi_tf_in(c, 0);
    if (!x || !slice_spec_read(c, &s) || !slice_plan_make(c, &s, xi_tf_rank(x), &p)) {
        xi_tf_refuse(c, "its strides or the rank it works on are not known");
        return;
    }
    if (p.count) {
        xi_value *in[] = {x, xi_tf_concat(c, p.starts, p.count, 0),
                          xi_tf_concat(c, p.ends, p.count, 0), xi_tf_const_ints(c, p.axes, p.count),
                          xi_tf_const_ints(c, p.steps, p.count)};
        x = in[1] && in[2] ? xi_tf_result(c, xi_tf_node(c, "Slice", 1, 0, in, 5), 0) : NULL;
    }
    for (int32_t k = p.gather_count - 1; k >= 0 && x; k--) {
        int32_t i = p.gather_from[k];
        xi_value *at = s.begins
                           ? xi_tf_const_int(c, s.begin[i])
                           : xi_tf_reshape(c, slice_element(c, s.begin_value, NULL, i), NULL, 0);
        x = xi_tf_gather(c, x, at, p.gather_axis[k]);
    }
    if (p.fresh_count && x)
        x = xi_tf_op2(c, "Unsqueeze", x, xi_tf_const_ints(c, p.fresh, p.fresh_count));
    xi_tf_give(c, 0,
               x && p.count == 0 && p.gather_count == 0 && p.fresh_count == 0
                   ? xi_tf_op1(c, "Identity", x)
                   : x);
}

static void slice_op_slice(xi_tf_call *c)
{
    int64_t sizes[XI_MAX_RANK], axes[XI_MAX_RANK], ends[XI_MAX_RANK], begins[XI_MAX_RANK];
    xi_value *x = xi_tf_in(c, 0), *b = xi_tf_vector(c, xi_tf_in(c, 1)),
             *n = xi_tf_vector(c, xi_tf_in(c, 2)), *e;
    int32_t count = xi_tf_known(n, sizes, XI_MAX_RANK), rank = count >= 0 ? count : xi_tf_rank(x);
    if (!x || !b || !n || rank < 0) {
        xi_tf_refuse(c, "the rank it works on is not known");
        return;
    }
    for (int32_t i = 0; i < rank; i++) axes[i] = i;
    if (count >= 0 && xi_tf_known(b, begins, XI_MAX_RANK) == count) {
        for (int32_t i = 0; i < count; i++)
            ends[i] = sizes[i] < 0 ? INT64_MAX : begins[i] + sizes[i];
        e = xi_tf_const_ints(c, ends, count);
    } else {
        xi_value *all = xi_tf_op2(c, "Less", n, xi_tf_const_int(c, 0));
        e = xi_tf_where(c, all, xi_tf_const_int(c, INT64_MAX), xi_tf_op2(c, "Add", b, n));
    }
    xi_value *in[] = {x, b, e, xi_tf_const_ints(c, axes, rank)};
    xi_tf_give(c, 0, e ? xi_tf_result(c, xi_tf_node(c, "Slice", 1, 0, in, 4), 0) : NULL);
}

/* ---- padding ---- */

static xi_value *slice_pad(xi_tf_call *c, xi_value *x, xi_value *pads, xi_value *fill,
                           const char *mode)
{
    xi_node *n = x && pads ? xi_tf_node(c, "Pad", 1, 1, (xi_value *[]){x, pads, fill}, 3) : NULL;
    if (n && mode) xi_node_set_string(n, "mode", xi_str_of(mode));
    return xi_tf_result(c, n, 0);
}

static void slice_op_pad(xi_tf_call *c)
{
    int64_t list[2 * XI_MAX_RANK], pads[2 * XI_MAX_RANK];
    xi_value *p = xi_tf_in(c, 1), *fill = c->row->how == 1 ? xi_tf_in(c, 2) : NULL;
    const char *mode = c->row->how != 2                                             ? NULL
                       : xi_str_is(xi_tf_string(c, "mode", "REFLECT"), "SYMMETRIC") ? "symmetric"
                                                                                    : "reflect";
    int32_t count = xi_tf_known(p, list, 2 * XI_MAX_RANK), rank = count / 2;
    bool turned = count >= 6 && c->in[0]->turned &&
                  (!c->in[0]->v ||
                   !xi_node_is(c->in[0]->turned->producer ? c->in[0]->turned->producer
                                                          : c->im->graph->first,
                               "Transpose"));
    if (mode && mode[0] == 's') {
        if (count < 0) xi_tf_refuse(c, "its paddings are not known");
        xi_value *y = xi_tf_in(c, 0);
        for (int32_t i = 0; i < rank && y;
             i++) { /* the edge itself is repeated: join mirrored parts */
            xi_value *parts[3];
            int32_t have = 0;
            for (int side = 0; side < 3; side++) {
                int64_t w = side == 1 ? 1 : list[2 * i + side / 2], axis = i, step = -1;
                if (side == 1) parts[have++] = y;
                if (side == 1 || w == 0) continue;
                int64_t from = side ? -1 : w - 1, to = side ? -w - 1 : INT64_MIN;
                xi_value *in[] = {y, xi_tf_const_ints(c, &from, 1), xi_tf_const_ints(c, &to, 1),
                                  xi_tf_const_ints(c, &axis, 1), xi_tf_const_ints(c, &step, 1)};
                parts[have++] = xi_tf_result(c, xi_tf_node(c, "Slice", 1, 0, in, 5), 0);
            }
            y = xi_tf_concat(c, parts, have, i);
        }
        xi_tf_give(c, 0, y);
        return;
    }
    if (count < 0) {
        xi_value *x = xi_tf_in(c, 0),
                 *flat = p ? xi_tf_reshape(
                                 c, xi_tf_transpose(c, xi_tf_i64(c, p), (int64_t[]){1, 0}, 2),
                                 (int64_t[]){-1}, 1)
                           : NULL;
        xi_tf_give(c, 0, slice_pad(c, x, flat, fill, mode));
        return;
    }
    for (int32_t i = 0; i < rank; i++) {
        int32_t at = !turned || i == 0 ? i : i == rank - 1 ? 1 : i + 1;
        pads[at] = list[2 * i];
        pads[rank + at] = list[2 * i + 1];
    }
    xi_value *y = slice_pad(c, turned ? c->in[0]->turned : xi_tf_in(c, 0),
                            xi_tf_const_ints(c, pads, 2 * rank), fill, mode);
    if (turned)
        xi_tf_give_turned(c, 0, y);
    else
        xi_tf_give(c, 0, y);
}

/* ---- order ---- */

static xi_value *slice_reverse(xi_tf_call *c, xi_value *x, int64_t axis)
{
    int64_t start = -1, end = INT64_MIN, step = -1;
    xi_value *in[] = {x, xi_tf_const_ints(c, &start, 1), xi_tf_const_ints(c, &end, 1),
                      xi_tf_const_ints(c, &axis, 1), xi_tf_const_ints(c, &step, 1)};
    return x ? xi_tf_result(c, xi_tf_node(c, "Slice", 1, 0, in, 5), 0) : NULL;
}

static void slice_op_reverse(xi_tf_call *c)
{
    int64_t axes[XI_MAX_RANK];
    xi_value *x = xi_tf_in(c, 0);
    int32_t count = xi_tf_known(xi_tf_in(c, 1), axes, XI_MAX_RANK);
    if (count < 0) {
        xi_tf_refuse(c, "its axes are not known");
        return;
    }
    bool flags = c->row->how != 0;
    for (int32_t i = 0; i < count && x; i++)
        if (!flags || axes[i]) x = slice_reverse(c, x, flags ? i : axes[i]);
    xi_tf_give(c, 0, x == xi_tf_in(c, 0) ? xi_tf_op1(c, "Identity", x) : x);
}

static void slice_op_reverse_sequence(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 0), *lengths = xi_tf_vector(c, xi_tf_in(c, 1));
    int64_t time = xi_tf_int(c, "seq_dim", 1), batch = xi_tf_int(c, "batch_dim", 0),
            perm[XI_MAX_RANK], back[XI_MAX_RANK];
    int32_t rank = xi_tf_rank(x);
    if (rank < 2 || time < 0 || time >= rank || batch < 0 || batch >= rank || time == batch ||
        !lengths) {
        xi_tf_refuse(c, "its axes do not fit its rank");
        return;
    }
    bool plain = time < 2 && batch < 2;
    int32_t at = 2;
    perm[0] = batch, perm[1] = time;
    for (int32_t i = 0; i < rank; i++)
        if (i != batch && i != time) perm[at++] = i;
    for (int32_t i = 0; i < rank; i++) back[perm[i]] = i;
    if (!plain) x = xi_tf_transpose(c, x, perm, rank);
    xi_node *n = xi_tf_node(c, "ReverseSequence", 1, 2, (xi_value *[]){x, lengths}, 2);
    if (n) xi_node_set_int(n, "batch_axis", plain ? batch : 0);
    if (n) xi_node_set_int(n, "time_axis", plain ? time : 1);
    xi_value *y = xi_tf_result(c, n, 0);
    xi_tf_give(c, 0, plain ? y : xi_tf_transpose(c, y, back, rank));
}

static void slice_op_roll(xi_tf_call *c)
{
    int64_t shifts[XI_MAX_RANK], axes[XI_MAX_RANK];
    xi_value *x = xi_tf_in(c, 0);
    int32_t count = xi_tf_known(xi_tf_in(c, 1), shifts, XI_MAX_RANK);
    if (!x || count < 0 || xi_tf_known(xi_tf_in(c, 2), axes, XI_MAX_RANK) != count) {
        xi_tf_refuse(c, "its shifts or axes are not known");
        return;
    }
    for (int32_t i = 0; i < count && x; i++) {
        int32_t rank = xi_tf_rank(x);
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i],
                size = axis >= 0 && axis < rank ? x->type.shape.dim[axis] : -1;
        if (size < 0 && shifts[i] != 0) {
            xi_tf_refuse(c, "the size of a rolled axis is not known");
            return;
        }
        int64_t shift = size > 0 ? ((shifts[i] % size) + size) % size : 0;
        if (!shift) continue;
        x = xi_tf_concat(c,
                         (xi_value *[]){xi_tf_slice(c, x, axis, size - shift, size),
                                        xi_tf_slice(c, x, axis, 0, size - shift)},
                         2, axis);
    }
    xi_tf_give(c, 0, x);
}

/* ---- blocks of space ---- */

/* Dimension i of a shape vector, as a vector of one. */
static xi_value *slice_one_dim(xi_tf_call *c, xi_value *shape, int64_t i)
{
    return xi_tf_slice(c, shape, 0, i, i + 1);
}

typedef struct slice_blocks {
    int32_t rank, count;
    int64_t block[XI_MAX_RANK], pads[2 * XI_MAX_RANK];
} slice_blocks;

static bool slice_blocks_read(xi_tf_call *c, slice_blocks *s, xi_value *x)
{
    s->rank = xi_tf_rank(x);
    if (c->row->how) { /* the old form: one size for two axes */
        s->count = 2;
        s->block[0] = s->block[1] = xi_tf_int(c, "block_size", 1);
        if (xi_tf_known(xi_tf_in(c, 1), s->pads, 4) != 4) return false;
    } else {
        s->count = xi_tf_known(xi_tf_in(c, 1), s->block, XI_MAX_RANK);
        if (s->count < 0 || xi_tf_known(xi_tf_in(c, 2), s->pads, 2 * XI_MAX_RANK) != 2 * s->count)
            return false;
    }
    for (int32_t i = 0; i < s->count; i++)
        if (s->block[i] < 1) return false;
    if (s->rank < 0 &&
        s->count + 2 <= XI_MAX_RANK) { /* images, as convolutions around it want them */
        s->rank = s->count + 2;
        x->type.shape = (xi_shape){.rank = s->rank};
        for (int32_t i = 0; i < s->rank; i++) x->type.shape.dim[i] = XI_DIM_UNKNOWN;
    }
    return s->rank > s->count && s->rank + s->count <= XI_MAX_RANK;
}

static void slice_op_space_to_batch(xi_tf_call *c)
{
    slice_blocks s;
    int64_t pads[2 * XI_MAX_RANK] = {0}, perm[XI_MAX_RANK], total = 1;
    xi_value *x = xi_tf_in(c, 0), *split[XI_MAX_RANK], *joined[XI_MAX_RANK];
    if (!x || !slice_blocks_read(c, &s, x)) {
        xi_tf_refuse(c, "its blocks, paddings or rank are not known");
        return;
    }
    for (int32_t i = 0; i < s.count; i++) {
        pads[1 + i] = s.pads[2 * i];
        pads[s.rank + 1 + i] = s.pads[2 * i + 1];
        total *= s.block[i];
    }
    x = slice_pad(c, x, xi_tf_const_ints(c, pads, 2 * s.rank), NULL, NULL);
    xi_value *shape = x ? xi_tf_shape_of(c, x) : NULL;
    if (!shape) return;
    int32_t at = 0, k = 0;
    split[at++] = slice_one_dim(c, shape, 0);
    joined[0] = xi_tf_op2(c, "Mul", split[0], xi_tf_const_ints(c, &total, 1));
    for (int32_t i = 1; i < s.rank; i++) {
        xi_value *d = slice_one_dim(c, shape, i);
        if (i <= s.count) {
            d = xi_tf_op2(c, "Div", d, xi_tf_const_ints(c, &s.block[i - 1], 1));
            split[at++] = d;
            split[at++] = xi_tf_const_ints(c, &s.block[i - 1], 1);
        } else {
            split[at++] = d;
        }
        joined[i] = d;
    }
    for (int32_t i = 0; i < s.count; i++) perm[k++] = 2 * i + 2;
    perm[k++] = 0;
    for (int32_t i = 0; i < s.count; i++) perm[k++] = 2 * i + 1;
    for (int32_t i = 2 * s.count + 1; i < at; i++) perm[k++] = i;
    x = xi_tf_transpose(c, xi_tf_reshape_to(c, x, xi_tf_concat(c, split, at, 0)), perm, k);
    xi_tf_give(c, 0, xi_tf_reshape_to(c, x, xi_tf_concat(c, joined, s.rank, 0)));
}

static void slice_op_batch_to_space(xi_tf_call *c)
{
    slice_blocks s;
    int64_t perm[XI_MAX_RANK], total = 1;
    xi_value *x = xi_tf_in(c, 0), *split[XI_MAX_RANK], *joined[XI_MAX_RANK];
    if (!x || !slice_blocks_read(c, &s, x)) {
        xi_tf_refuse(c, "its blocks, crops or rank are not known");
        return;
    }
    xi_value *shape = xi_tf_shape_of(c, x);
    if (!shape) return;
    int32_t at = 0, k = 0;
    for (int32_t i = 0; i < s.count; i++) {
        total *= s.block[i];
        split[at++] = xi_tf_const_ints(c, &s.block[i], 1);
    }
    split[at++] = joined[0] = xi_tf_op2(c, "Div", slice_one_dim(c, shape, 0),
                                        xi_tf_const_ints(c, &total, 1));
    for (int32_t i = 1; i < s.rank; i++) {
        split[at++] = joined[i] = slice_one_dim(c, shape, i);
        if (i <= s.count)
            joined[i] = xi_tf_op2(c, "Mul", joined[i], xi_tf_const_ints(c, &s.block[i - 1], 1));
    }
    perm[k++] = s.count;
    for (int32_t i = 0; i < s.count; i++) {
        perm[k++] = s.count + 1 + i;
        perm[k++] = i;
    }
    for (int32_t i = 2 * s.count + 1; i < at; i++) perm[k++] = i;
    x = xi_tf_transpose(c, xi_tf_reshape_to(c, x, xi_tf_concat(c, split, at, 0)), perm, k);
    x = xi_tf_reshape_to(c, x, xi_tf_concat(c, joined, s.rank, 0));
    for (int32_t i = 0; i < s.count && x; i++)
        if (s.pads[2 * i] || s.pads[2 * i + 1])
            x = xi_tf_slice(c, x, i + 1, s.pads[2 * i],
                            s.pads[2 * i + 1] ? -s.pads[2 * i + 1] : INT64_MAX);
    xi_tf_give(c, 0, x);
}

const xi_tf_row xi_tf_slice_rows[] = {
    {"StridedSlice", slice_op_strided, NULL, 0},
    {"Slice", slice_op_slice, NULL, 0},
    {"Pad", slice_op_pad, NULL, 0},
    {"PadV2", slice_op_pad, NULL, 1},
    {"MirrorPad", slice_op_pad, NULL, 2},
    {"ReverseV2", slice_op_reverse, NULL, 0},
    {"Reverse", slice_op_reverse, NULL, 1},
    {"ReverseSequence", slice_op_reverse_sequence, NULL, 0},
    {"Roll", slice_op_roll, NULL, 0},
    {"SpaceToBatchND", slice_op_space_to_batch, NULL, 0},
    {"BatchToSpaceND", slice_op_batch_to_space, NULL, 0},
    {"SpaceToBatch", slice_op_space_to_batch, NULL, 1},
    {"BatchToSpace", slice_op_batch_to_space, NULL, 1},
    {NULL, NULL, NULL, 0},
};
