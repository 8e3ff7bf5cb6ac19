/* op_pool.c — pooling over windows, given or adaptive. */
#include "import/torch/op.h"

typedef struct op_pool_config {
    int64_t kernel[3], strides[3], pads[6], dilations[3];
    int32_t dims;
    bool ceil;
} op_pool_config;

static bool op_pool_read(xi_aten *x, op_pool_config *c, const xi_aten_value *kernel,
                         const xi_aten_value *stride, const xi_aten_value *padding,
                         const xi_aten_value *dilation, const xi_aten_value *ceil, const char *who)
{
    int32_t n = c->dims, given;
    for (int32_t i = 0; i < 3; i++) c->dilations[i] = 1;
    if (xi_aten_arg_ints(x, kernel, c->kernel, 3, n, who) != n)
        return xi_aten_fail(x, XINF_MALFORMED, "%s: a kernel of another rank", who), false;
    given = xi_aten_arg_ints(x, stride, c->strides, 3, n, who);
    if (given < 0 || xi_aten_arg_ints(x, padding, c->pads, 3, n, who) < 0) return false;
    if (given == 0) memcpy(c->strides, c->kernel, sizeof c->strides);
    if (dilation && xi_aten_arg_ints(x, dilation, c->dilations, 3, n, who) < 0) return false;
    for (int32_t i = 0; i < n; i++) c->pads[n + i] = c->pads[i];
    c->ceil = xi_aten_arg_bool(x, ceil, who);
    return x->status == XINF_OK;
}

static int32_t op_pool_attrs(xi_attr *attrs, const op_pool_config *c)
{
    int32_t n = 0;
    attrs[n++] = XI_ATEN_ATTR_INTS("kernel_shape", c->kernel, c->dims);
    attrs[n++] = XI_ATEN_ATTR_INTS("strides", c->strides, c->dims);
    attrs[n++] = XI_ATEN_ATTR_INTS("pads", c->pads, 2 * c->dims);
    attrs[n++] = XI_ATEN_ATTR_INTS("dilations", c->dilations, c->dims);
    attrs[n++] = XI_ATEN_ATTR_INT("ceil_mode", c->ceil);
    return n;
}

static xi_value *op_pool_batched(xi_aten *x, xi_value *v, int32_t dims, bool *added)
{
    *added = xi_aten_rank(v) == dims + 1;
    return *added ? xi_aten_unsqueeze(x, v, 0) : v;
}

/* ONNX counts the index over the whole tensor; ATen over one channel's plane. */
static xi_value *op_pool_plane_index(xi_aten *x, xi_value *index, xi_value *v, int32_t dims)
{
    xi_value *plane = xi_aten_reduce(x, "ReduceProd",
                                     xi_aten_slice(x, xi_aten_shape(x, v), 0, -dims, INT64_MAX, 1),
                                     NULL, 0, false);
    return xi_aten_emit2(x, "Mod", index, plane);
}

/* number: dimensions; text: not NULL gives the indices too */
static xi_aten_value op_pool_max(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_pool_config c = {.dims = (int32_t)op->number};
    xi_attr attrs[5];
    bool added;
    if (!op_pool_read(x, &c, &a[1], &a[2], &a[3], &a[4], &a[5], op->name)) return xi_aten_none();
    xi_value *v = op_pool_batched(x, xi_aten_arg(x, &a[0]), c.dims, &added);
    xi_node *n = xi_aten_node(x, "MaxPool", 1, &v, op_pool_attrs(attrs, &c), attrs,
                              op->text ? 2 : 1);
    if (!n) return xi_aten_none();
    xi_value *y[2] = {n->outputs[0], NULL};
    if (added) y[0] = xi_aten_squeeze(x, y[0], 0);
    if (!op->text) return xi_aten_result(x, y[0]);
    y[1] = op_pool_plane_index(x, n->outputs[1], v, c.dims);
    if (added) y[1] = xi_aten_squeeze(x, y[1], 0);
    return xi_aten_results(x, y, 2);
}

static xi_aten_value op_pool_average(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_pool_config c = {.dims = (int32_t)op->number};
    xi_attr attrs[7];
    bool added;
    if (!op_pool_read(x, &c, &a[1], &a[2], &a[3], NULL, &a[4], op->name)) return xi_aten_none();
    double divisor = c.dims > 1 && a[6].kind != XI_ATEN_NONE
                         ? xi_aten_arg_double(x, &a[6], op->name)
                         : 0,
           places = 1;
    xi_value *v = op_pool_batched(x, xi_aten_arg(x, &a[0]), c.dims, &added);
    int32_t n = op_pool_attrs(attrs, &c);
    attrs[n++] = XI_ATEN_ATTR_INT("count_include_pad",
                                  divisor != 0 || xi_aten_arg_bool(x, &a[5], op->name));
    xi_value *y = xi_aten_emit(x, "AveragePool", 1, &v, n, attrs);
    for (int32_t i = 0; i < c.dims; i++) places *= (double)c.kernel[i];
    if (divisor != 0) y = xi_aten_emit2(x, "Mul", y, xi_aten_number_like(x, y, places / divisor));
    return xi_aten_result(x, added ? xi_aten_squeeze(x, y, 0) : y);
}

/* The mean (or maximum) of a range of one axis, kept as an axis of one. */
static xi_value *op_pool_range(xi_aten *x, xi_value *v, int64_t axis, int64_t from, int64_t to,
                               bool maximum)
{
    v = xi_aten_slice(x, v, axis, from, to, 1);
    return xi_aten_reduce(x, maximum ? "ReduceMax" : "ReduceMean", v, &axis, 1, true);
}

/* Windows of different sizes: one axis after the other, since both mean and maximum separate. */
static xi_value *op_pool_uneven(xi_aten *x, xi_value *v, int64_t axis, int64_t size, int64_t wanted,
                                bool maximum)
{
    xi_value *parts[64];
    if (wanted > 64)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "adaptive pooling to %lld uneven windows",
                            (long long)wanted),
               NULL;
    for (int64_t i = 0; i < wanted; i++)
        parts[i] = op_pool_range(x, v, axis, i * size / wanted,
                                 ((i + 1) * size + wanted - 1) / wanted, maximum);
    return xi_aten_concat(x, (int32_t)wanted, parts, axis);
}

/* The same when the size is not known: from ⌊i·size/n⌋ to ⌈(i+1)·size/n⌉. */
static xi_value *op_pool_open(xi_aten *x, xi_value *v, int64_t axis, int64_t wanted, bool maximum)
{
    xi_value *parts[64], *n = xi_aten_whole(x, XINF_INT64, wanted),
                         *size = xi_aten_size(x, v, axis).scalar;
    if (wanted < 1 || wanted > 64)
        return xi_aten_fail(x, XINF_UNSUPPORTED,
                            "adaptive pooling to %lld windows of a size that is not known",
                            (long long)wanted),
               NULL;
    for (int64_t i = 0; i < wanted; i++) {
        xi_value *from = xi_aten_whole_op(
            x, "Div", xi_aten_whole_op(x, "Mul", size, xi_aten_whole(x, XINF_INT64, i)), n);
        xi_value *up = xi_aten_whole_op(
            x, "Add", xi_aten_whole_op(x, "Mul", size, xi_aten_whole(x, XINF_INT64, i + 1)),
            xi_aten_whole(x, XINF_INT64, wanted - 1));
        xi_value *part = xi_aten_slice_between(x, v, axis, from, xi_aten_whole_op(x, "Div", up, n));
        parts[i] = xi_aten_reduce(x, maximum ? "ReduceMax" : "ReduceMean", part, &axis, 1, true);
    }
    return xi_aten_concat(x, (int32_t)wanted, parts, axis);
}

/* One axis to `wanted` windows; −1 keeps it. */
static xi_value *op_pool_adapt(xi_aten *x, xi_value *v, int64_t axis, int64_t wanted, bool maximum)
{
    int64_t size = v && axis < xi_aten_rank(v) ? v->type.shape.dim[axis] : -1, dims[XI_MAX_RANK];
    if (x->status != XINF_OK || wanted < 0 || wanted == size) return v;
    if (wanted == 1)
        return xi_aten_reduce(x, maximum ? "ReduceMax" : "ReduceMean", v, &axis, 1, true);
    if (size < 0) return op_pool_open(x, v, axis, wanted, maximum);
    if (wanted == 0 || size % wanted) return op_pool_uneven(x, v, axis, size, wanted, maximum);
    int32_t rank = xi_aten_rank(v), at = 0;
    if (rank >= XI_MAX_RANK)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "adaptive pooling of %d dimensions", rank), NULL;
    for (int32_t i = 0; i < rank; i++) {
        dims[at++] = i == axis                            ? wanted
                     : i == 0 && v->type.shape.dim[0] < 0 ? -1
                                                          : v->type.shape.dim[i];
        if (i == axis) dims[at++] = size / wanted;
    }
    axis++;
    return xi_aten_reduce(x, maximum ? "ReduceMax" : "ReduceMean", xi_aten_reshape(x, v, dims, at),
                          &axis, 1, false);
}

/* All windows of one size: a plain pool, which fast kernels know. */
static xi_value *op_pool_even(xi_aten *x, xi_value *v, const int64_t *wanted, int32_t dims,
                              bool maximum)
{
    op_pool_config c = {.dims = dims};
    xi_attr attrs[5];
    int32_t rank = xi_aten_rank(v);
    for (int32_t i = 0; i < dims; i++) {
        int64_t size = rank == dims + 2 ? v->type.shape.dim[i + 2] : -1,
                want = wanted[i] < 0 ? size : wanted[i];
        if (size <= 0 || want <= 0 || size % want) return NULL;
        c.kernel[i] = c.strides[i] = size / want;
        c.dilations[i] = 1;
    }
    return xi_aten_emit(x, maximum ? "MaxPool" : "AveragePool", 1, &v, op_pool_attrs(attrs, &c),
                        attrs);
}

/* text: "max" or "mean" */
static xi_aten_value op_pool_adaptive(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *y;
    bool maximum = op->text[1] == 'a', one = true;
    int64_t wanted[3] = {0};
    int32_t dims = (int32_t)op->number;
    if (a[1].kind == XI_ATEN_LIST || a[1].kind == XI_ATEN_TUPLE)
        for (int32_t i = 0; i < a[1].list->count && i < dims; i++)
            wanted[i] = a[1].list->items[i].kind == XI_ATEN_NONE
                            ? -1
                            : xi_aten_arg_int(x, &a[1].list->items[i], op->name);
    else
        xi_aten_arg_ints(x, &a[1], wanted, 3, dims, op->name);
    for (int32_t i = 0; i < dims; i++) one = one && wanted[i] == 1;
    if (x->status != XINF_OK) return xi_aten_none();
    if (one && xi_aten_rank(v) != dims + 1) {
        y = xi_aten_emit1(x, maximum ? "GlobalMaxPool" : "GlobalAveragePool", v);
    } else {
        int32_t rank = xi_aten_need_rank(x, v, op->name);
        y = op_pool_even(x, v, wanted, dims, maximum);
        for (int32_t i = 0; !y && i < dims && x->status == XINF_OK; i++)
            v = op_pool_adapt(x, v, rank - dims + i, wanted[i], maximum);
        if (!y) y = v;
    }
    return xi_aten_result(x, y);
}

/* With indices: only one window for all, or even ones. */
static xi_aten_value op_pool_adaptive_max(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t wanted[3] = {0};
    int32_t dims = (int32_t)op->number, rank = xi_aten_need_rank(x, v, op->name);
    op_pool_config c = {.dims = dims};
    xi_attr attrs[5];
    bool added;
    if (xi_aten_arg_ints(x, &a[1], wanted, 3, dims, op->name) < 0) return xi_aten_none();
    for (int32_t i = 0; i < dims; i++) {
        int64_t size = rank >= dims ? v->type.shape.dim[rank - dims + i] : -1;
        if (size <= 0 || wanted[i] <= 0 || size % wanted[i]) {
            xi_value *y = v;
            for (int32_t k = 0; k < dims; k++)
                y = op_pool_adapt(x, y, rank - dims + k, wanted[k], true);
            /* The indices of uneven windows are not made; nobody may ask for them. */
            xi_aten_value list = xi_aten_new_list(x, XI_ATEN_TUPLE, 2);
            if (x->status != XINF_OK) return xi_aten_none();
            xi_aten_append(x, list.list, xi_aten_result(x, y));
            xi_aten_append(x, list.list, xi_aten_none());
            return list;
        }
        c.kernel[i] = c.strides[i] = size / wanted[i];
        c.dilations[i] = 1;
    }
    v = op_pool_batched(x, v, dims, &added);
    xi_node *n = xi_aten_node(x, "MaxPool", 1, &v, op_pool_attrs(attrs, &c), attrs, 2);
    if (!n) return xi_aten_none();
    xi_value *y[2] = {n->outputs[0], op_pool_plane_index(x, n->outputs[1], v, dims)};
    for (int i = 0; added && i < 2; i++) y[i] = xi_aten_squeeze(x, y[i], 0);
    return xi_aten_results(x, y, 2);
}

static xi_aten_value op_pool_lp(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_pool_config c = {.dims = (int32_t)op->number};
    xi_attr attrs[7];
    xi_aten_value zero = xi_aten_int(0);
    if (!op_pool_read(x, &c, &a[2], &a[3], &zero, NULL, &a[4], op->name)) return xi_aten_none();
    xi_value *v = xi_aten_arg(x, &a[0]);
    int32_t n = op_pool_attrs(attrs, &c);
    attrs[n++] = XI_ATEN_ATTR_INT("p", xi_aten_arg_int(x, &a[1], op->name));
    return xi_aten_result(x, xi_aten_emit(x, "LpPool", 1, &v, n, attrs));
}

#define POOL_MAX "T:self I:kernel_size I:stride=[] I:padding=0 I:dilation=1 b:ceil_mode=False"
#define POOL_AVERAGE \
    "T:self I:kernel_size I:stride=[] I:padding=0 b:ceil_mode=False b:count_include_pad=True"

const xi_aten_op xi_aten_ops_pool[] = {
    {"max_pool1d", POOL_MAX, op_pool_max, NULL, 1},
    {"max_pool2d", POOL_MAX, op_pool_max, NULL, 2},
    {"max_pool3d", POOL_MAX, op_pool_max, NULL, 3},
    {"max_pool1d_with_indices", POOL_MAX, op_pool_max, "index", 1},
    {"max_pool2d_with_indices", POOL_MAX, op_pool_max, "index", 2},
    {"max_pool3d_with_indices", POOL_MAX, op_pool_max, "index", 3},
    {"avg_pool1d", POOL_AVERAGE, op_pool_average, NULL, 1},
    {"avg_pool2d", POOL_AVERAGE " i?:divisor_override=None", op_pool_average, NULL, 2},
    {"avg_pool3d", POOL_AVERAGE " i?:divisor_override=None", op_pool_average, NULL, 3},
    {"adaptive_avg_pool1d", "T:self I:output_size", op_pool_adaptive, "mean", 1},
    {"adaptive_avg_pool2d", "T:self o:output_size", op_pool_adaptive, "mean", 2},
    {"adaptive_avg_pool3d", "T:self o:output_size", op_pool_adaptive, "mean", 3},
    {"_adaptive_avg_pool2d", "T:self o:output_size", op_pool_adaptive, "mean", 2},
    {"adaptive_max_pool1d", "T:self I:output_size", op_pool_adaptive_max, NULL, 1},
    {"adaptive_max_pool2d", "T:self I:output_size", op_pool_adaptive_max, NULL, 2},
    {"adaptive_max_pool3d", "T:self I:output_size", op_pool_adaptive_max, NULL, 3},
    {"lp_pool1d", "T:self i:norm_type I:kernel_size I?:stride=None b:ceil_mode=False", op_pool_lp,
     NULL, 1},
    {"lp_pool2d", "T:self i:norm_type I:kernel_size I?:stride=None b:ceil_mode=False", op_pool_lp,
     NULL, 2},
    {NULL, NULL, NULL, NULL, 0},
};

#undef POOL_MAX
#undef POOL_AVERAGE
