/* op_reduce.c — many elements become one: sums, moments, extremes, order. */
#include "import/torch/op.h"

#include <math.h>

#include "tensor/dtype.h"

typedef struct op_reduce_axes {
    int64_t axis[XI_MAX_RANK];
    int32_t count; /* 0: all */
} op_reduce_axes;

static bool op_reduce_read(xi_aten *x, op_reduce_axes *r, xi_value *v, const xi_aten_value *dims,
                           const char *who)
{
    r->count = xi_aten_arg_ints(x, dims, r->axis, XI_MAX_RANK, 1, who);
    if (r->count < 0) return false;
    for (int32_t i = 0; i < r->count; i++) r->axis[i] = xi_aten_axis(x, v, r->axis[i], who);
    /* A single number is its own sum along any axis. */
    if (xi_aten_rank(v) == 0) r->count = 0;
    return x->status == XINF_OK;
}

static xi_value *op_reduce_emit(xi_aten *x, const char *op, xi_value *v, const op_reduce_axes *r,
                                bool keep)
{
    return xi_aten_reduce(x, op, v, r->axis, r->count, keep);
}

/* Integers and bools are summed as int64. */
static xi_value *op_reduce_widened(xi_aten *x, xi_value *v, const xi_aten_value *dtype)
{
    xinf_dtype own = xi_aten_dtype(v),
               wide = own == XINF_BOOL || xi_dtype_is_int(own) ? XINF_INT64 : own;
    return xi_aten_cast(x, v, xi_aten_arg_dtype(x, dtype, wide));
}

/* sum(self, dim, keepdim, dtype), prod */
static xi_aten_value op_reduce_sum(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_reduce_axes r;
    xi_value *v = op_reduce_widened(x, xi_aten_arg(x, &a[0]), &a[3]);
    if (!op_reduce_read(x, &r, v, &a[1], op->name)) return xi_aten_none();
    return xi_aten_result(
        x, op_reduce_emit(x, op->text, v, &r, xi_aten_arg_bool(x, &a[2], "keepdim")));
}

/* The same without dimensions: (self, dtype) */
static xi_aten_value op_reduce_sum_all(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, xi_aten_reduce(x, op->text,
                                            op_reduce_widened(x, xi_aten_arg(x, &a[0]), &a[1]),
                                            NULL, 0, false));
}

/* mean(self, dim, keepdim, dtype) */
static xi_aten_value op_reduce_mean(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_reduce_axes r;
    xi_value *v = xi_aten_cast(x, xi_aten_arg(x, &a[0]),
                               xi_aten_arg_dtype(x, &a[3], XINF_UNDEFINED));
    if (!op_reduce_read(x, &r, v, &a[1], op->name)) return xi_aten_none();
    return xi_aten_result(
        x, op_reduce_emit(x, "ReduceMean", v, &r, xi_aten_arg_bool(x, &a[2], "keepdim")));
}

static xi_aten_value op_reduce_mean_all(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_cast(x, xi_aten_arg(x, &a[0]),
                               xi_aten_arg_dtype(x, &a[1], XINF_UNDEFINED));
    return xi_aten_result(x, xi_aten_reduce(x, "ReduceMean", v, NULL, 0, false));
}

/* amax, amin, logsumexp (self, dim, keepdim) */
static xi_aten_value op_reduce_plain(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_reduce_axes r;
    xi_value *v = xi_aten_arg(x, &a[0]);
    bool bools = xi_aten_dtype(v) == XINF_BOOL;
    if (bools) v = xi_aten_cast(x, v, XINF_INT32);
    if (op->number) v = xi_aten_to_float(x, v);
    if (!op_reduce_read(x, &r, v, &a[1], op->name)) return xi_aten_none();
    v = op_reduce_emit(x, op->text, v, &r, xi_aten_arg_bool(x, &a[2], "keepdim"));
    return xi_aten_result(x, bools ? xi_aten_cast(x, v, XINF_BOOL) : v);
}

/* any, all (self[, dim, keepdim]): the largest or smallest of truth values */
static xi_aten_value op_reduce_truth(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_reduce_axes r = {.count = 0};
    xi_value *v = xi_aten_cast(x, xi_aten_cast(x, xi_aten_arg(x, &a[0]), XINF_BOOL), XINF_INT32);
    if (op->number && !op_reduce_read(x, &r, v, &a[1], op->name)) return xi_aten_none();
    return xi_aten_result(
        x, xi_aten_cast(x,
                        op_reduce_emit(x, op->text, v, &r,
                                       op->number && xi_aten_arg_bool(x, &a[2], "keepdim")),
                        XINF_BOOL));
}

/* max(self), min(self) */
static xi_aten_value op_reduce_extreme_all(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, xi_aten_reduce(x, op->text, xi_aten_arg(x, &a[0]), NULL, 0, false));
}

static xi_value *op_reduce_arg(xi_aten *x, const char *op, xi_value *v, int64_t axis, bool keep)
{
    if (xi_aten_dtype(v) == XINF_BOOL) v = xi_aten_cast(x, v, XINF_INT32);
    return xi_aten_emit(
        x, op, 1, &v, 2,
        (xi_attr[]){XI_ATEN_ATTR_INT("axis", axis), XI_ATEN_ATTR_INT("keepdims", keep)});
}

/* max(self, dim, keepdim): values and where they are */
static xi_aten_value op_reduce_extreme(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t axis = xi_aten_axis(x, v, xi_aten_arg_int(x, &a[1], op->name), op->name);
    bool keep = xi_aten_arg_bool(x, &a[2], "keepdim");
    if (xi_aten_rank(v) == 0)
        return xi_aten_results(x, (xi_value *[]){v, xi_aten_whole(x, XINF_INT64, 0)}, 2);
    xi_value *y[2] = {xi_aten_reduce(x, op->text, v, &axis, 1, keep),
                      op_reduce_arg(x, op->number ? "ArgMax" : "ArgMin", v, axis, keep)};
    return xi_aten_results(x, y, 2);
}

/* argmax(self, dim, keepdim) */
static xi_aten_value op_reduce_argument(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    bool keep = xi_aten_arg_bool(x, &a[2], "keepdim");
    if (a[1].kind == XI_ATEN_NONE) {
        v = xi_aten_reshape(x, v, (int64_t[]){-1}, 1);
        return xi_aten_result(x, op_reduce_arg(x, op->text, v, 0, false));
    }
    return xi_aten_result(x,
                          op_reduce_arg(x, op->text, v, xi_aten_arg_int(x, &a[1], op->name), keep));
}

/* ---- moments ---- */

/* The number of elements that are reduced, as a number like v. */
static xi_value *op_reduce_count(xi_aten *x, xi_value *v, const op_reduce_axes *r)
{
    int64_t count = 1;
    int32_t rank = xi_aten_rank(v);
    bool known = rank >= 0;
    for (int32_t i = 0; known && i < (r->count ? r->count : rank); i++) {
        int64_t dim = v->type.shape.dim[r->count ? r->axis[i] : i];
        known = dim >= 0;
        count *= known ? dim : 1;
    }
    if (known) return xi_aten_number_like(x, v, (double)count);
    xi_value *shape = xi_aten_shape(x, v);
    if (r->count) shape = xi_aten_gather(x, shape, xi_aten_ints(x, r->axis, r->count), 0);
    return xi_aten_cast_like(x, xi_aten_reduce(x, "ReduceProd", shape, NULL, 0, false), v);
}

static xi_value *op_reduce_variance(xi_aten *x, xi_value *v, const op_reduce_axes *r,
                                    double correction, bool keep)
{
    xi_value *centre = xi_aten_emit2(x, "Sub", v, op_reduce_emit(x, "ReduceMean", v, r, true));
    xi_value *square = xi_aten_emit2(x, "Mul", centre, centre);
    if (correction == 0) return op_reduce_emit(x, "ReduceMean", square, r, keep);
    xi_value *left = xi_aten_emit2(x, "Sub", op_reduce_count(x, v, r),
                                   xi_aten_number_like(x, v, correction));
    return xi_aten_emit2(x, "Div", op_reduce_emit(x, "ReduceSum", square, r, keep), left);
}

/* text: "v" variance, "s" its root; number: 2 with the mean. a: dim, correction, keepdim */
static xi_aten_value op_reduce_moment(xi_aten *x, const xi_aten_value *self,
                                      const xi_aten_value *dims, double correction, bool keep,
                                      const xi_aten_op *op)
{
    op_reduce_axes r;
    xi_value *v = xi_aten_arg(x, self);
    if (!op_reduce_read(x, &r, v, dims, op->name)) return xi_aten_none();
    xi_value *y[2] = {op_reduce_variance(x, v, &r, correction, keep), NULL};
    if (op->text[0] == 's') y[0] = xi_aten_emit1(x, "Sqrt", y[0]);
    if (op->number != 2) return xi_aten_result(x, y[0]);
    y[1] = op_reduce_emit(x, "ReduceMean", v, &r, keep);
    return xi_aten_results(x, y, 2);
}

/* (self, unbiased) */
static xi_aten_value op_reduce_moment_all(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_aten_value none = xi_aten_none();
    return op_reduce_moment(x, &a[0], &none, xi_aten_arg_bool(x, &a[1], "unbiased"), false, op);
}

/* (self, dim, unbiased, keepdim) */
static xi_aten_value op_reduce_moment_dims(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return op_reduce_moment(x, &a[0], &a[1], xi_aten_arg_bool(x, &a[2], "unbiased"),
                            xi_aten_arg_bool(x, &a[3], "keepdim"), op);
}

/* (self, dim, correction=, keepdim=) */
static xi_aten_value op_reduce_moment_correction(xi_aten *x, const xi_aten_value *a,
                                                 const xi_aten_op *op)
{
    double correction = a[2].kind == XI_ATEN_NONE ? 1 : xi_aten_arg_double(x, &a[2], "correction");
    return op_reduce_moment(x, &a[0], &a[1], correction, xi_aten_arg_bool(x, &a[3], "keepdim"), op);
}

/* ---- norms ---- */

static xi_value *op_reduce_norm_of(xi_aten *x, xi_value *v, double p, const op_reduce_axes *r,
                                   bool keep)
{
    if (p == 2) return op_reduce_emit(x, "ReduceL2", v, r, keep);
    if (p == 1) return op_reduce_emit(x, "ReduceL1", v, r, keep);
    v = xi_aten_emit1(x, "Abs", v);
    if (isinf(p)) return op_reduce_emit(x, p > 0 ? "ReduceMax" : "ReduceMin", v, r, keep);
    if (p == 0) return op_reduce_emit(x, "ReduceSum", xi_aten_emit1(x, "Sign", v), r, keep);
    v = op_reduce_emit(x, "ReduceSum", xi_aten_emit2(x, "Pow", v, xi_aten_number_like(x, v, p)), r,
                       keep);
    return xi_aten_emit2(x, "Pow", v, xi_aten_number_like(x, v, 1 / p));
}

/* (self, p, dim, keepdim, dtype); p may be None or "fro" */
static xi_aten_value op_reduce_norm(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_reduce_axes r;
    xi_value *v = xi_aten_to_float(
        x, xi_aten_cast(x, xi_aten_arg(x, &a[0]), xi_aten_arg_dtype(x, &a[4], XINF_UNDEFINED)));
    double p = a[1].kind == XI_ATEN_NONE || a[1].kind == XI_ATEN_STRING
                   ? 2
                   : xi_aten_arg_double(x, &a[1], op->name);
    if (a[1].kind == XI_ATEN_STRING && !xi_str_is(a[1].s, "fro"))
        return xi_aten_fail(x, XINF_UNSUPPORTED, "%s of kind %.*s", op->name, XI_STR_ARG(a[1].s)),
               xi_aten_none();
    if (!op_reduce_read(x, &r, v, &a[2], op->name)) return xi_aten_none();
    return xi_aten_result(x, op_reduce_norm_of(x, v, p, &r, xi_aten_arg_bool(x, &a[3], "keepdim")));
}

/* ---- running and ordered ---- */

/* cumsum, cumprod (self, dim, dtype) */
static xi_aten_value op_reduce_running(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = op_reduce_widened(x, xi_aten_arg(x, &a[0]), &a[2]);
    int64_t axis = xi_aten_arg_int(x, &a[1], op->name);
    if (xi_aten_rank(v) == 0) return xi_aten_result(x, v);
    return xi_aten_result(
        x, xi_aten_emit2(x, op->text, v,
                         xi_aten_whole(x, XINF_INT64, xi_aten_axis(x, v, axis, op->name))));
}

/* topk(self, k, dim, largest, sorted) */
static xi_aten_value op_reduce_topk(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *k = xi_aten_int_vector(x, &a[1]);
    xi_attr attrs[3] = {XI_ATEN_ATTR_INT("axis", xi_aten_arg_int(x, &a[2], "topk")),
                        XI_ATEN_ATTR_INT("largest", xi_aten_arg_bool(x, &a[3], "topk")),
                        XI_ATEN_ATTR_INT("sorted", 1)};
    xi_node *n = xi_aten_node(x, "TopK", 2, (xi_value *[]){v, k}, 3, attrs, 2);
    return n ? xi_aten_results(x, n->outputs, 2) : xi_aten_none();
}

static xi_node *op_reduce_sorted(xi_aten *x, xi_value *v, int64_t axis, bool descending)
{
    if (xi_aten_dtype(v) == XINF_BOOL) v = xi_aten_cast(x, v, XINF_UINT8);
    axis = xi_aten_axis(x, v, axis, "sort");
    xi_value *k = xi_aten_slice(x, xi_aten_shape(x, v), 0, axis, axis == -1 ? INT64_MAX : axis + 1,
                                1);
    if (v && axis >= 0 && axis < xi_aten_rank(v) && v->type.shape.dim[axis] >= 0)
        k = xi_aten_int1(x, v->type.shape.dim[axis]);
    xi_attr attrs[3] = {XI_ATEN_ATTR_INT("axis", axis), XI_ATEN_ATTR_INT("largest", descending),
                        XI_ATEN_ATTR_INT("sorted", 1)};
    return xi_aten_node(x, "TopK", 2, (xi_value *[]){v, k}, 3, attrs, 2);
}

/* sort(self, dim, descending); number 1: the order alone; 2: the values alone (msort) */
static xi_aten_value op_reduce_sort(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    if (xi_aten_rank(v) == 0)
        return op->number
                   ? xi_aten_result(x, op->number == 1 ? xi_aten_whole(x, XINF_INT64, 0) : v)
                   : xi_aten_results(x, (xi_value *[]){v, xi_aten_whole(x, XINF_INT64, 0)}, 2);
    xi_node *n = op->number == 2 ? op_reduce_sorted(x, v, 0, false)
                                 : op_reduce_sorted(x, v, xi_aten_arg_int(x, &a[1], "sort"),
                                                    xi_aten_arg_bool(x, &a[2], "sort"));
    if (!n) return xi_aten_none();
    if (op->number == 1) return xi_aten_result(x, n->outputs[1]);
    if (op->number == 2) return xi_aten_result(x, xi_aten_cast_like(x, n->outputs[0], v));
    return xi_aten_results(x, (xi_value *[]){xi_aten_cast_like(x, n->outputs[0], v), n->outputs[1]},
                           2);
}

/* sort.stable(self, stable, dim, descending) */
static xi_aten_value op_reduce_sort_stable(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return op_reduce_sort(x, (xi_aten_value[]){a[0], a[2], a[3]}, op);
}

/* The k-th smallest along an axis, with its place. */
static xi_aten_value op_reduce_kth(xi_aten *x, xi_value *v, int64_t axis, int64_t k, bool keep)
{
    xi_node *n = op_reduce_sorted(x, v, axis, false);
    xi_value *y[2];
    for (int i = 0; i < 2; i++) {
        y[i] = n ? xi_aten_slice(x, n->outputs[i], axis, k, k + 1, 1) : NULL;
        if (!keep) y[i] = n ? xi_aten_squeeze(x, y[i], axis) : NULL;
    }
    return n ? xi_aten_results(x, y, 2) : xi_aten_none();
}

static xi_aten_value op_reduce_kthvalue(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return op_reduce_kth(x, xi_aten_arg(x, &a[0]), xi_aten_arg_int(x, &a[2], op->name),
                         xi_aten_arg_int(x, &a[1], op->name) - 1,
                         xi_aten_arg_bool(x, &a[3], op->name));
}

/* median: of an even number the lower one */
static xi_aten_value op_reduce_median(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    bool all = op->number == 0;
    if (all) v = xi_aten_reshape(x, v, (int64_t[]){-1}, 1);
    int64_t axis = all ? 0 : xi_aten_axis(x, v, xi_aten_arg_int(x, &a[1], op->name), op->name);
    int64_t size = v && axis >= 0 && axis < xi_aten_rank(v) ? v->type.shape.dim[axis] : -1;
    if (size <= 0) {
        x->wants_types = true;
        return xi_aten_fail(x, XINF_UNSUPPORTED,
                            "%s of a number of elements that is not known before it runs",
                            op->name),
               xi_aten_none();
    }
    xi_aten_value both = op_reduce_kth(x, v, axis, (size - 1) / 2,
                                       !all && xi_aten_arg_bool(x, &a[2], op->name));
    return all && both.kind == XI_ATEN_TUPLE ? both.list->items[0] : both;
}

static xi_aten_value op_reduce_count_nonzero(xi_aten *x, const xi_aten_value *a,
                                             const xi_aten_op *op)
{
    op_reduce_axes r;
    xi_value *v = xi_aten_cast(x, xi_aten_cast(x, xi_aten_arg(x, &a[0]), XINF_BOOL), XINF_INT64);
    if (!op_reduce_read(x, &r, v, &a[1], op->name)) return xi_aten_none();
    return xi_aten_result(x, op_reduce_emit(x, "ReduceSum", v, &r, false));
}

#define REDUCE_MOMENTS(name, text, number)                                                       \
    {name, "T:self b:unbiased=True", op_reduce_moment_all, text, number},                        \
        {name, "T:self I?:dim b:unbiased b:keepdim=False", op_reduce_moment_dims, text, number}, \
    {                                                                                            \
        name, "T:self I?:dim=None s?:correction=None b:keepdim=False",                           \
            op_reduce_moment_correction, text, number                                            \
    }

const xi_aten_op xi_aten_ops_reduce[] = {
    {"sum", "T:self *d:dtype=None", op_reduce_sum_all, "ReduceSum", 0},
    {"sum", "T:self I?:dim b:keepdim=False *d:dtype=None", op_reduce_sum, "ReduceSum", 0},
    {"prod", "T:self *d:dtype=None", op_reduce_sum_all, "ReduceProd", 0},
    {"prod", "T:self i:dim b:keepdim=False *d:dtype=None", op_reduce_sum, "ReduceProd", 0},
    {"mean", "T:self *d:dtype=None", op_reduce_mean_all, NULL, 0},
    {"mean", "T:self I?:dim b:keepdim=False *d:dtype=None", op_reduce_mean, NULL, 0},
    {"amax", "T:self I:dim=[] b:keepdim=False", op_reduce_plain, "ReduceMax", 0},
    {"amin", "T:self I:dim=[] b:keepdim=False", op_reduce_plain, "ReduceMin", 0},
    {"logsumexp", "T:self I:dim b:keepdim=False", op_reduce_plain, "ReduceLogSumExp", 1},
    {"any", "T:self", op_reduce_truth, "ReduceMax", 0},
    {"any", "T:self I:dim b:keepdim=False", op_reduce_truth, "ReduceMax", 1},
    {"all", "T:self", op_reduce_truth, "ReduceMin", 0},
    {"all", "T:self I:dim b:keepdim=False", op_reduce_truth, "ReduceMin", 1},
    {"max", "T:self", op_reduce_extreme_all, "ReduceMax", 1},
    {"min", "T:self", op_reduce_extreme_all, "ReduceMin", 0},
    {"max", "T:self i:dim b:keepdim=False", op_reduce_extreme, "ReduceMax", 1},
    {"min", "T:self i:dim b:keepdim=False", op_reduce_extreme, "ReduceMin", 0},
    {"argmax", "T:self i?:dim=None b:keepdim=False", op_reduce_argument, "ArgMax", 0},
    {"argmin", "T:self i?:dim=None b:keepdim=False", op_reduce_argument, "ArgMin", 0},
    REDUCE_MOMENTS("var", "v", 1),
    REDUCE_MOMENTS("std", "s", 1),
    REDUCE_MOMENTS("var_mean", "v", 2),
    REDUCE_MOMENTS("std_mean", "s", 2),
    {"norm", "T:self s?:p=2 I?:dim=None b:keepdim=False *d:dtype=None", op_reduce_norm, NULL, 0},
    {"norm", "T:self S?:p=None I?:dim=None b:keepdim=False *d:dtype=None", op_reduce_norm, NULL, 0},
    {"linalg_vector_norm", "T:self s:ord=2 I?:dim=None b:keepdim=False *d:dtype=None",
     op_reduce_norm, NULL, 0},
    {"linalg_norm", "T:self s?:ord=None I?:dim=None b:keepdim=False *d:dtype=None", op_reduce_norm,
     NULL, 0},
    {"cumsum", "T:self i:dim *d:dtype=None", op_reduce_running, "CumSum", 0},
    {"cumprod", "T:self i:dim *d:dtype=None", op_reduce_running, "CumProd", 0},
    {"topk", "T:self i:k i:dim=-1 b:largest=True b:sorted=True", op_reduce_topk, NULL, 0},
    {"sort", "T:self i:dim=-1 b:descending=False", op_reduce_sort, NULL, 0},
    {"sort", "T:self b?:stable i:dim=-1 b:descending=False", op_reduce_sort_stable, NULL, 0},
    {"argsort", "T:self i:dim=-1 b:descending=False", op_reduce_sort, NULL, 1},
    {"msort", "T:self", op_reduce_sort, NULL, 2},
    {"kthvalue", "T:self i:k i:dim=-1 b:keepdim=False", op_reduce_kthvalue, NULL, 0},
    {"median", "T:self", op_reduce_median, NULL, 0},
    {"median", "T:self i:dim b:keepdim=False", op_reduce_median, NULL, 1},
    {"count_nonzero", "T:self I?:dim=None", op_reduce_count_nonzero, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};

#undef REDUCE_MOMENTS
