/* fold.c — arithmetic on small constants, so that axes, permutations and sizes that a file computes
 * are known while it is imported. */
#include "base/checked.h"
#include "import/tensorflow/importer.h"

enum { FOLD_MAX = 256 };

/* Numbers with a shape of rank 0 or 1, or more for what only changes shapes. */
typedef struct fold_array {
    xinf_dtype dtype;
    xi_shape shape;
    int32_t count;
    double f[FOLD_MAX];  /* of floats */
    int64_t i[FOLD_MAX]; /* of integers and bools */
} fold_array;

static bool fold_is_float(xinf_dtype d)
{
    return d == XINF_FLOAT32 || d == XINF_FLOAT64;
}

static bool fold_load(fold_array *out, const xi_value *v)
{
    const xi_literal *l = v ? v->literal : NULL;
    if (!l || l->count > FOLD_MAX) return false;
    if (!fold_is_float(l->dtype) && !xi_dtype_is_int(l->dtype) && l->dtype != XINF_BOOL)
        return false;
    out->dtype = l->dtype;
    out->shape = l->shape;
    out->count = (int32_t)l->count;
    size_t size = xinf_dtype_size(l->dtype);
    for (int32_t k = 0; k < out->count; k++) {
        uint64_t bits = 0;
        memcpy(&bits, (const char *)l->data + (size_t)k * size, size);
        if (fold_is_float(l->dtype))
            out->f[k] = xi_dtype_load_f64(&bits, l->dtype, 0);
        else
            out->i[k] = xi_dtype_load_i64(&bits, l->dtype, 0);
    }
    return true;
}

static const xi_literal *fold_store(const xi_node *n, const fold_array *a)
{
    uint64_t bits[FOLD_MAX];
    memset(bits, 0, sizeof bits);
    for (int32_t k = 0; k < a->count; k++) {
        if (fold_is_float(a->dtype))
            xi_dtype_store_f64(bits, a->dtype, k, a->f[k]);
        else if (a->dtype == XINF_BOOL)
            ((uint8_t *)bits)[k] = a->i[k] != 0;
        else
            xi_dtype_store_i64(bits, a->dtype, k, a->i[k]);
    }
    return xi_graph_literal(n->graph, a->dtype, &a->shape, bits);
}

static bool fold_int_op(const char *op, int64_t x, int64_t y, int64_t *out)
{
    switch (op[0]) {
    case 'A': return op[1] == 'd' ? xi_add_i64(x, y, out) : (*out = x && y, true);
    case 'S': return !__builtin_sub_overflow(x, y, out);
    case 'M':
        if (op[1] == 'u') return xi_mul_i64(x, y, out);
        *out = (op[2] == 'x') == (x > y) ? x : y;
        return true;
    case 'D':
        if (y == 0 || (y == -1 && x == INT64_MIN)) return false;
        *out = x / y;
        return true;
    default: return false;
    }
}

static bool fold_compare(const char *op, double x, double y, int64_t *out)
{
    if (strcmp(op, "Less") == 0) return *out = x < y, true;
    if (strcmp(op, "LessOrEqual") == 0) return *out = x <= y, true;
    if (strcmp(op, "Greater") == 0) return *out = x > y, true;
    if (strcmp(op, "GreaterOrEqual") == 0) return *out = x >= y, true;
    if (strcmp(op, "Equal") == 0) return *out = x == y, true;
    return false;
}

static bool fold_binary(fold_array *r, const xi_node *n, const char *op, bool compare)
{
    fold_array a, b;
    if (n->input_count != 2 || !fold_load(&a, n->inputs[0]) || !fold_load(&b, n->inputs[1]) ||
        a.dtype != b.dtype)
        return false;
    if (!xi_shape_broadcast(&a.shape, &b.shape, &r->shape)) return false;
    if (a.count != b.count && a.count != 1 && b.count != 1) return false;
    if (a.count == b.count && a.count > 1 && !xi_shape_eq(&a.shape, &b.shape)) return false;
    bool real = fold_is_float(a.dtype);
    if (real && !compare && strlen(op) != 3) return false;
    r->dtype = compare ? XINF_BOOL : a.dtype;
    r->count = a.count > b.count ? a.count : b.count;
    if (!a.count || !b.count) r->count = 0;
    for (int32_t k = 0; k < r->count; k++) {
        int32_t x = a.count == 1 ? 0 : k, y = b.count == 1 ? 0 : k;
        if (compare) {
            if (!fold_compare(op, real ? a.f[x] : (double)a.i[x], real ? b.f[y] : (double)b.i[y],
                              &r->i[k]))
                return false;
        } else if (real) {
            double v = op[0] == 'A'   ? a.f[x] + b.f[y]
                       : op[0] == 'S' ? a.f[x] - b.f[y]
                       : op[0] == 'M' ? a.f[x] * b.f[y]
                                      : a.f[x] / b.f[y];
            if (strcmp(op, "Add") != 0 && strcmp(op, "Sub") != 0 && strcmp(op, "Mul") != 0 &&
                strcmp(op, "Div") != 0)
                return false;
            r->f[k] = a.dtype == XINF_FLOAT32 ? (float)v : v;
        } else if (!fold_int_op(op, a.i[x], b.i[y], &r->i[k])) {
            return false;
        }
    }
    return true;
}

static bool fold_cast(fold_array *r, const xi_node *n)
{
    xinf_dtype to = (xinf_dtype)xi_node_int(n, "to", 0);
    if (!fold_load(r, n->inputs[0]) ||
        (!fold_is_float(to) && !xi_dtype_is_int(to) && to != XINF_BOOL))
        return false;
    bool from_real = fold_is_float(r->dtype), to_real = fold_is_float(to);
    for (int32_t k = 0; k < r->count; k++) {
        if (from_real && !to_real && !(r->f[k] > -9e18 && r->f[k] < 9e18)) return false;
        if (to == XINF_BOOL)
            r->i[k] = from_real ? r->f[k] != 0 : r->i[k] != 0;
        else if (from_real && !to_real)
            r->i[k] = (int64_t)r->f[k];
        else if (!from_real && to_real)
            r->f[k] = (double)r->i[k];
    }
    r->dtype = to;
    return true;
}

static bool fold_range(fold_array *r, const xi_node *n)
{
    fold_array a, b, d;
    if (n->input_count != 3 || !fold_load(&a, n->inputs[0]) || !fold_load(&b, n->inputs[1]) ||
        !fold_load(&d, n->inputs[2]))
        return false;
    if (fold_is_float(a.dtype) || a.count != 1 || b.count != 1 || d.count != 1 || d.i[0] == 0)
        return false;
    r->dtype = a.dtype;
    for (int64_t v = a.i[0]; d.i[0] > 0 ? v < b.i[0] : v > b.i[0];) {
        if (r->count == FOLD_MAX) return false;
        r->i[r->count++] = v;
        if (!xi_add_i64(v, d.i[0], &v)) return false;
    }
    r->shape = (xi_shape){.rank = 1, .dim = {r->count}};
    return true;
}

static bool fold_concat(fold_array *r, const xi_node *n)
{
    for (int32_t k = 0; k < n->input_count; k++) {
        fold_array a;
        if (!fold_load(&a, n->inputs[k]) || a.shape.rank != 1 || r->count + a.count > FOLD_MAX)
            return false;
        r->dtype = a.dtype;
        for (int32_t j = 0; j < a.count; j++, r->count++) {
            r->i[r->count] = a.i[j];
            r->f[r->count] = a.f[j];
        }
    }
    r->shape = (xi_shape){.rank = 1, .dim = {r->count}};
    return true;
}

static bool fold_gather(fold_array *r, const xi_node *n)
{
    fold_array a, b;
    if (!fold_load(&a, n->inputs[0]) || !fold_load(&b, n->inputs[1]) || a.shape.rank != 1 ||
        fold_is_float(b.dtype))
        return false;
    r->dtype = a.dtype;
    r->shape = b.shape;
    r->count = b.count;
    for (int32_t k = 0; k < b.count; k++) {
        int64_t at = b.i[k] < 0 ? b.i[k] + a.count : b.i[k];
        if (at < 0 || at >= a.count) return false;
        r->i[k] = a.i[at];
        r->f[k] = a.f[at];
    }
    return true;
}

static bool fold_slice(fold_array *r, const xi_node *n)
{
    fold_array a;
    int64_t start, end, step = 1, axis = 0;
    if (n->input_count < 3 || !fold_load(&a, n->inputs[0]) || a.shape.rank != 1) return false;
    if (xi_tf_known(n->inputs[1], &start, 1) != 1 || xi_tf_known(n->inputs[2], &end, 1) != 1)
        return false;
    if (n->input_count > 3 && xi_tf_known(n->inputs[3], &axis, 1) != 1) return false;
    if (n->input_count > 4 && xi_tf_known(n->inputs[4], &step, 1) != 1) return false;
    if (step == 0 || step < -FOLD_MAX || step > FOLD_MAX) return false;
    if (start < 0) start += a.count;
    if (end < 0) end = end < -a.count ? (step < 0 ? -1 : 0) : end + a.count;
    start = start < 0 ? 0 : start > a.count - (step < 0) ? a.count - (step < 0) : start;
    end = end > a.count ? a.count : end;
    r->dtype = a.dtype;
    for (int64_t k = start; step > 0 ? k < end : k > end && k >= 0; k += step) {
        r->i[r->count] = a.i[k];
        r->f[r->count++] = a.f[k];
    }
    r->shape = (xi_shape){.rank = 1, .dim = {r->count}};
    return true;
}

/* Reshape, Squeeze and Unsqueeze: the shape rule says the shape. */
static bool fold_view(fold_array *r, xi_tf_importer *im, xi_node *n)
{
    xi_value probe = {.type = XI_TYPE_UNKNOWN}, *outputs[1] = {&probe}, **kept = n->outputs;
    int64_t count;
    if (!fold_load(r, n->inputs[0])) return false;
    n->outputs = outputs;
    xi_tf_infer(im, n);
    n->outputs = kept;
    if (!xi_shape_known(&probe.type.shape) || !xi_shape_count(&probe.type.shape, &count) ||
        count != r->count)
        return false;
    r->shape = probe.type.shape;
    return true;
}

static bool fold_shape(fold_array *r, const xi_node *n, bool size)
{
    const xi_type *t = &n->inputs[0]->type;
    int64_t count;
    if (t->kind != XINF_KIND_TENSOR || !xi_shape_known(&t->shape)) return false;
    r->dtype = XINF_INT64;
    if (size) {
        r->count = 1;
        r->shape = XI_SHAPE_SCALAR;
        return xi_shape_count(&t->shape, &count) && (r->i[0] = count, true);
    }
    r->count = t->shape.rank;
    r->shape = (xi_shape){.rank = 1, .dim = {r->count}};
    for (int32_t k = 0; k < r->count; k++) r->i[k] = t->shape.dim[k];
    return true;
}

static bool fold_reduce(fold_array *r, const xi_node *n, const char *op)
{
    fold_array a;
    if (!fold_load(&a, n->inputs[0]) || a.shape.rank != 1 || fold_is_float(a.dtype) ||
        xi_node_int(n, "keepdims", 1))
        return false;
    int64_t v = strcmp(op, "ReduceProd") == 0, axis;
    if (n->input_count > 1 &&
        (xi_tf_known(n->inputs[1], &axis, 1) != 1 || (axis != 0 && axis != -1)))
        return false;
    if (a.count == 0 && op[6] == 'M') return false;
    if (op[6] == 'M') v = a.i[0];
    for (int32_t k = 0; k < a.count; k++) {
        if (op[6] == 'M')
            v = (op[7] == 'a') == (a.i[k] > v) ? a.i[k] : v;
        else if (op[6] == 'P' ? !xi_mul_i64(v, a.i[k], &v) : !xi_add_i64(v, a.i[k], &v))
            return false;
    }
    r->dtype = a.dtype;
    r->shape = XI_SHAPE_SCALAR;
    r->count = 1;
    r->i[0] = v;
    return true;
}

static bool fold_expand(fold_array *r, const xi_node *n)
{
    fold_array a, b;
    int64_t count;
    if (!fold_load(&a, n->inputs[0]) || a.count != 1 || !fold_load(&b, n->inputs[1]) ||
        b.shape.rank != 1 || b.count > XI_MAX_RANK)
        return false;
    xi_shape to = {.rank = b.count};
    for (int32_t k = 0; k < b.count; k++) {
        if (b.i[k] < 0) return false;
        to.dim[k] = b.i[k];
    }
    if (!xi_shape_broadcast(&a.shape, &to, &r->shape) || !xi_shape_count(&r->shape, &count) ||
        count > FOLD_MAX)
        return false;
    r->dtype = a.dtype;
    r->count = (int32_t)count;
    for (int32_t k = 0; k < r->count; k++) {
        r->i[k] = a.i[0];
        r->f[k] = a.f[0];
    }
    return true;
}

static bool fold_where(fold_array *r, const xi_node *n)
{
    fold_array k, a, b;
    if (!fold_load(&k, n->inputs[0]) || !fold_load(&a, n->inputs[1]) ||
        !fold_load(&b, n->inputs[2]))
        return false;
    if (k.count != 1 || a.dtype != b.dtype || !xi_shape_eq(&a.shape, &b.shape)) return false;
    *r = k.i[0] ? a : b;
    return true;
}

static bool fold_not(fold_array *r, const xi_node *n)
{
    if (!fold_load(r, n->inputs[0]) || r->dtype != XINF_BOOL) return false;
    for (int32_t k = 0; k < r->count; k++) r->i[k] = !r->i[k];
    return true;
}

static bool fold_neg(fold_array *r, const xi_node *n)
{
    if (!fold_load(r, n->inputs[0])) return false;
    for (int32_t k = 0; k < r->count; k++) {
        if (r->i[k] == INT64_MIN) return false;
        r->f[k] = -r->f[k];
        r->i[k] = -r->i[k];
    }
    return true;
}

const xi_literal *xi_tf_fold(xi_tf_importer *im, const xi_node *n)
{
    static const char *const binary[] = {"Add", "Sub", "Mul", "Div", "Max", "Min", "And"};
    static const char *const compare[] = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual",
                                          "Equal"};
    fold_array r = {.dtype = XINF_UNDEFINED};
    bool done = false;
    xi_str op = n->op_name;
    bool shape = xi_str_is(op, "Shape") || xi_str_is(op, "Size");
    for (int32_t i = 0; i < n->input_count; i++)
        if (!n->inputs[i] || (!shape && !n->inputs[i]->literal)) return NULL;
    if (!n->input_count) return NULL;
    for (size_t i = 0; i < sizeof binary / sizeof *binary && !done; i++)
        done = xi_str_is(op, binary[i]) && fold_binary(&r, n, binary[i], false);
    for (size_t i = 0; i < sizeof compare / sizeof *compare && !done; i++)
        done = xi_str_is(op, compare[i]) && fold_binary(&r, n, compare[i], true);
    if (shape) done = fold_shape(&r, n, xi_str_is(op, "Size"));
    if (xi_str_is(op, "Cast")) done = fold_cast(&r, n);
    if (xi_str_is(op, "Range")) done = fold_range(&r, n);
    if (xi_str_is(op, "Concat")) done = fold_concat(&r, n);
    if (xi_str_is(op, "Gather")) done = fold_gather(&r, n);
    if (xi_str_is(op, "Slice")) done = fold_slice(&r, n);
    if (xi_str_is(op, "Expand")) done = fold_expand(&r, n);
    if (xi_str_is(op, "Where")) done = fold_where(&r, n);
    if (xi_str_is(op, "Not")) done = fold_not(&r, n);
    if (xi_str_is(op, "Neg")) done = fold_neg(&r, n);
    if (xi_str_is(op, "ReduceProd") || xi_str_is(op, "ReduceSum"))
        done = fold_reduce(&r, n, xi_str_is(op, "ReduceSum") ? "ReduceSum" : "ReduceProd");
    if (xi_str_is(op, "ReduceMax") || xi_str_is(op, "ReduceMin"))
        done = fold_reduce(&r, n, xi_str_is(op, "ReduceMax") ? "ReduceMax" : "ReduceMin");
    if (xi_str_is(op, "Reshape") || xi_str_is(op, "Squeeze") || xi_str_is(op, "Unsqueeze"))
        done = fold_view(&r, im, (xi_node *)(uintptr_t)n);
    return done ? fold_store(n, &r) : NULL;
}
