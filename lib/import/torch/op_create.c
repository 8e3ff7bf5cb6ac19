/* op_create.c — new tensors, other dtypes, copies. */
#include "import/torch/op.h"

#include <math.h>

#include "tensor/dtype.h"

static xi_value *op_create_filled(xi_aten *x, xi_value *shape, xi_value *fill)
{
    int64_t dims[XI_MAX_RANK];
    if (xi_aten_known_ints(shape, dims, XI_MAX_RANK) == 0) return fill;
    return xi_aten_expand(x, fill, shape);
}

/* zeros, ones, empty (size, dtype, …): `number` is the element */
static xi_aten_value op_create_const(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xinf_dtype dtype = xi_aten_arg_dtype(x, &a[1], XINF_FLOAT32);
    return xi_aten_result(
        x, op_create_filled(x, xi_aten_int_list(x, &a[0]), xi_aten_whole(x, dtype, op->number)));
}

/* zeros_like, …(self, dtype, …) */
static xi_aten_value op_create_const_like(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *fill;
    xinf_dtype dtype = xi_aten_arg_dtype(x, &a[1], xi_aten_dtype(v));
    fill = dtype ? xi_aten_whole(x, dtype, op->number)
                 : xi_aten_number_like(x, v, (double)op->number);
    return xi_aten_result(x, op_create_filled(x, xi_aten_shape(x, v), fill));
}

/* new_zeros, …(self, size, dtype, …) */
static xi_aten_value op_create_const_new(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *fill;
    xinf_dtype dtype = xi_aten_arg_dtype(x, &a[2], xi_aten_dtype(v));
    fill = dtype ? xi_aten_whole(x, dtype, op->number)
                 : xi_aten_number_like(x, v, (double)op->number);
    return xi_aten_result(x, op_create_filled(x, xi_aten_int_list(x, &a[1]), fill));
}

static xinf_dtype op_create_natural(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_INT ? XINF_INT64 : v->kind == XI_ATEN_BOOL ? XINF_BOOL : XINF_FLOAT32;
}

/* full(size, value, dtype): before format version 5 whole numbers gave float32 too */
static xi_aten_value op_create_full(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xinf_dtype natural = x->version && x->version < 5 ? XINF_FLOAT32 : op_create_natural(&a[1]);
    return xi_aten_result(
        x, op_create_filled(x, xi_aten_int_list(x, &a[0]),
                            xi_aten_scalar(x, &a[1], xi_aten_arg_dtype(x, &a[2], natural))));
}

static xi_aten_value op_create_full_like(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *fill;
    xinf_dtype dtype = xi_aten_arg_dtype(x, &a[2], xi_aten_dtype(v));
    fill = dtype ? xi_aten_scalar(x, &a[1], dtype)
                 : xi_aten_cast_like(x, xi_aten_scalar(x, &a[1], op_create_natural(&a[1])), v);
    return xi_aten_result(x, op_create_filled(x, xi_aten_shape(x, v), fill));
}

static xi_aten_value op_create_full_new(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *fill;
    xinf_dtype dtype = xi_aten_arg_dtype(x, &a[3], xi_aten_dtype(v));
    fill = dtype ? xi_aten_scalar(x, &a[2], dtype)
                 : xi_aten_cast_like(x, xi_aten_scalar(x, &a[2], op_create_natural(&a[2])), v);
    return xi_aten_result(x, op_create_filled(x, xi_aten_int_list(x, &a[1]), fill));
}

/* fill_, zero_ keep shape and dtype: in place */
static xi_aten_value op_create_fill(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *fill;
    if (op->number)
        fill = xi_aten_number_like(x, v, 0);
    else
        fill = xi_aten_dtype(v)
                   ? xi_aten_scalar(x, &a[1], xi_aten_dtype(v))
                   : xi_aten_cast_like(x, xi_aten_scalar(x, &a[1], op_create_natural(&a[1])), v);
    return xi_aten_result(x, op_create_filled(x, xi_aten_shape(x, v), fill));
}

static bool op_create_is_real(const xi_aten_value *v)
{
    return v->kind == XI_ATEN_DOUBLE ||
           (v->kind == XI_ATEN_TENSOR && xi_aten_is_float(v->tensor->value));
}

/* arange(start, end, step, dtype): the dtype is that of the numbers */
static xi_aten_value op_create_range(xi_aten *x, const xi_aten_value *start,
                                     const xi_aten_value *end, const xi_aten_value *step,
                                     const xi_aten_value *dtype)
{
    bool real = op_create_is_real(start) || op_create_is_real(end) || op_create_is_real(step);
    xinf_dtype to = xi_aten_arg_dtype(x, dtype, real ? XINF_FLOAT32 : XINF_INT64),
               with = real ? XINF_FLOAT64 : XINF_INT64;
    xi_value *v = xi_aten_emit3(x, "Range", xi_aten_scalar(x, start, with),
                                xi_aten_scalar(x, end, with), xi_aten_scalar(x, step, with));
    return xi_aten_result(x, xi_aten_cast(x, v, to));
}

static xi_aten_value op_create_arange(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_aten_value zero = xi_aten_int(0), one = xi_aten_int(1);
    if (op->number == 1) return op_create_range(x, &zero, &a[0], &one, &a[1]);
    if (op->number == 2) return op_create_range(x, &a[0], &a[1], &one, &a[2]);
    return op_create_range(x, &a[0], &a[1], &a[2], &a[3]);
}

/* The same with numbers that only a run knows: start + i · (end − start) / (steps − 1). */
static xi_aten_value op_create_open_linspace(xi_aten *x, const xi_aten_value *a)
{
    const xi_aten_value hundred = xi_aten_int(100),
                        *count = a[2].kind == XI_ATEN_NONE ? &hundred : &a[2];
    xi_value *start = xi_aten_scalar(x, &a[0], XINF_FLOAT32),
             *end = xi_aten_scalar(x, &a[1], XINF_FLOAT32), *steps = xi_aten_int_value(x, count);
    xi_value *one = xi_aten_whole(x, XINF_INT64, 1),
             *i = xi_aten_emit3(x, "Range", xi_aten_whole(x, XINF_INT64, 0), steps, one);
    xi_value *gaps = xi_aten_whole_op(x, "Max", xi_aten_whole_op(x, "Sub", steps, one), one);
    xi_value *gap = xi_aten_emit2(x, "Div", xi_aten_emit2(x, "Sub", end, start),
                                  xi_aten_cast(x, gaps, XINF_FLOAT32));
    xi_value *y = xi_aten_emit2(x, "Add", start,
                                xi_aten_emit2(x, "Mul", xi_aten_cast(x, i, XINF_FLOAT32), gap));
    return xi_aten_result(x, xi_aten_cast(x, y, xi_aten_arg_dtype(x, &a[3], XINF_FLOAT32)));
}

/* linspace(start, end, steps, dtype): from both ends, so that the last one is exact; logspace:
 * powers of base */
static xi_aten_value op_create_linspace(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    if (!op->number && (a[0].kind == XI_ATEN_TENSOR || a[1].kind == XI_ATEN_TENSOR || a[0].scalar ||
                        a[1].scalar || a[2].scalar))
        return op_create_open_linspace(x, a);
    double start = xi_aten_arg_double(x, &a[0], op->name),
           end = xi_aten_arg_double(x, &a[1], op->name), base = 10;
    int64_t steps = a[2].kind == XI_ATEN_NONE ? 100 : xi_aten_arg_int(x, &a[2], op->name);
    xinf_dtype dtype = xi_aten_arg_dtype(x, &a[op->number ? 4 : 3], XINF_FLOAT32);
    if (x->status != XINF_OK) return xi_aten_none();
    if (op->number) base = xi_aten_arg_double(x, &a[3], op->name);
    if (steps < 0 || steps > 1 << 24)
        return xi_aten_fail(x, XINF_LIMIT, "%s of %lld steps", op->name, (long long)steps),
               xi_aten_none();
    double *data = xi_arena_array(x->arena, (size_t)steps, sizeof *data),
           gap = steps > 1 ? (end - start) / (double)(steps - 1) : 0;
    if (!data) return xi_aten_memory(x), xi_aten_none();
    for (int64_t i = 0; i < steps; i++) {
        data[i] = i < steps / 2 ? start + gap * (double)i : end - gap * (double)(steps - 1 - i);
        if (steps == 1) data[i] = start;
        if (op->number) data[i] = pow(base, data[i]);
    }
    xi_literal *l = xi_graph_literal(x->graph, XINF_FLOAT64, &(xi_shape){.rank = 1, .dim = {steps}},
                                     data);
    xi_value *v = l ? xi_graph_add_constant(x->graph, (xi_str){NULL, 0}, l) : NULL;
    if (!v) return xi_aten_memory(x), xi_aten_none();
    return xi_aten_result(x, xi_aten_cast(x, v, dtype));
}

/* eye(n, m, dtype) */
static xi_aten_value op_create_eye(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    const xi_aten_value *columns = op->number ? &a[1] : &a[0];
    xi_value *shape = xi_aten_concat(
        x, 2, (xi_value *[]){xi_aten_int_vector(x, &a[0]), xi_aten_int_vector(x, columns)}, 0);
    xi_value *like = op_create_filled(x, shape, xi_aten_number(x, XINF_FLOAT32, 0));
    xinf_dtype dtype = xi_aten_arg_dtype(x, &a[op->number ? 2 : 1], XINF_FLOAT32);
    return xi_aten_result(
        x, xi_aten_emit(x, "EyeLike", 1, &like, 1, (xi_attr[]){XI_ATEN_ATTR_INT("dtype", dtype)}));
}

/* tensor(data, dtype): a number, or lists of lists of numbers */
static bool op_create_flatten(xi_aten *x, const xi_aten_value *v, xi_aten_list *out,
                              xi_shape *shape, int32_t depth)
{
    if (v->kind != XI_ATEN_LIST && v->kind != XI_ATEN_TUPLE) return xi_aten_append(x, out, *v);
    if (depth >= XI_MAX_RANK)
        return xi_aten_fail(x, XINF_LIMIT, "lists nested more than %d deep", XI_MAX_RANK), false;
    if (depth == shape->rank) shape->dim[shape->rank++] = v->list->count;
    if (shape->dim[depth] != v->list->count)
        return xi_aten_fail(x, XINF_MALFORMED, "a tensor of lists of different lengths"), false;
    for (int32_t i = 0; i < v->list->count; i++)
        if (!op_create_flatten(x, &v->list->items[i], out, shape, depth + 1)) return false;
    return true;
}

static xi_aten_value op_create_tensor(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_aten_value flat = xi_aten_new_list(x, XI_ATEN_LIST, 16);
    xi_shape shape = {.rank = 0};
    xinf_dtype natural = XINF_BOOL;
    if (x->status != XINF_OK) return xi_aten_none();
    if (a[0].kind == XI_ATEN_TENSOR)
        return xi_aten_result(
            x, xi_aten_cast(x, xi_aten_arg(x, &a[0]), xi_aten_arg_dtype(x, &a[1], XINF_UNDEFINED)));
    if (!op_create_flatten(x, &a[0], flat.list, &shape, 0)) return xi_aten_none();
    for (int32_t i = 0; i < flat.list->count; i++) {
        xinf_dtype d = flat.list->items[i].kind == XI_ATEN_TENSOR
                           ? xi_aten_dtype(flat.list->items[i].tensor->value)
                           : op_create_natural(&flat.list->items[i]);
        if (natural == XINF_BOOL || (natural == XINF_INT64 && d != XINF_BOOL)) natural = d;
    }
    if (flat.list->count == 0) natural = XINF_FLOAT32;
    xinf_dtype dtype = xi_aten_arg_dtype(x, &a[1], natural);
    if (shape.rank == 0) return xi_aten_result(x, xi_aten_scalar(x, &flat.list->items[0], dtype));
    xi_value **items = xi_arena_array(x->arena, (size_t)flat.list->count + 1, sizeof *items);
    if (!items) return xi_aten_memory(x), xi_aten_none();
    if (flat.list->count == 0)
        return xi_aten_result(x, op_create_filled(x, xi_aten_ints(x, shape.dim, shape.rank),
                                                  xi_aten_whole(x, dtype, 0)));
    bool known = true;
    for (int32_t i = 0; i < flat.list->count; i++)
        known = known && flat.list->items[i].kind != XI_ATEN_TENSOR && !flat.list->items[i].scalar;
    if (known && xi_dtype_bits(dtype) >= 8 && xi_dtype_bits(dtype) <= 64) {
        size_t size = (size_t)xi_dtype_bits(dtype) / 8;
        uint8_t *data = xi_arena_array(x->arena, (size_t)flat.list->count, size);
        if (!data) return xi_aten_memory(x), xi_aten_none();
        for (int32_t i = 0; i < flat.list->count; i++) {
            xi_value *one = xi_aten_scalar(x, &flat.list->items[i], dtype);
            if (!one) return xi_aten_none();
            memcpy(data + (size_t)i * size, one->literal->data, size);
        }
        xi_literal *l = xi_graph_literal(x->graph, dtype, &shape, data);
        return xi_aten_result(x, l ? xi_graph_add_constant(x->graph, (xi_str){NULL, 0}, l) : NULL);
    }
    for (int32_t i = 0; i < flat.list->count; i++)
        items[i] = xi_aten_reshape(x, xi_aten_scalar(x, &flat.list->items[i], dtype),
                                   (int64_t[]){1}, 1);
    return xi_aten_result(x, xi_aten_reshape(x, xi_aten_concat(x, flat.list->count, items, 0),
                                             shape.dim, shape.rank));
}

/* to(self, dtype, …), float(), type_as: the tensor itself when it has the dtype */
static xi_aten_value op_create_cast(xi_aten *x, const xi_aten_value *self, xinf_dtype dtype,
                                    bool copy)
{
    xi_value *v = xi_aten_arg(x, self);
    if (!copy && (dtype == XINF_UNDEFINED || xi_aten_dtype(v) == dtype)) return *self;
    return xi_aten_result(x, xi_aten_cast(x, v, dtype));
}

static xi_aten_value op_create_to(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xinf_dtype dtype = XINF_UNDEFINED;
    if (op->number == 1) dtype = xi_aten_arg_dtype(x, &a[1], XINF_UNDEFINED);
    if (op->number == 2) dtype = xi_aten_arg_dtype(x, &a[2], XINF_UNDEFINED);
    if (op->number == 3)
        return xi_aten_result(x,
                              xi_aten_cast_like(x, xi_aten_arg(x, &a[0]), xi_aten_arg(x, &a[1])));
    return op_create_cast(x, &a[0], dtype, false);
}

/* float(), long(), …: `number` is the dtype */
static xi_aten_value op_create_typed(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return op_create_cast(x, &a[0], (xinf_dtype)op->number, false);
}

/* copy_(self, src): in place; the plain form gives what self becomes */
static xi_aten_value op_create_copy(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *src = xi_aten_cast_like(x, xi_aten_arg(x, &a[1]), v);
    if (v && src && xi_shape_known(&v->type.shape) && xi_shape_eq(&v->type.shape, &src->type.shape))
        return xi_aten_result(x, src);
    return xi_aten_result(x, xi_aten_expand(x, src, xi_aten_shape(x, v)));
}

/* rand, randn, … are what a session draws: not the same numbers as torch's. */
static xi_aten_value op_create_random(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = op->number ? xi_aten_arg(x, &a[0])
                             : op_create_filled(x, xi_aten_int_list(x, &a[0]),
                                                xi_aten_number(x, XINF_FLOAT32, 0));
    xinf_dtype dtype = xi_aten_arg_dtype(x, &a[1], XINF_UNDEFINED);
    v = xi_aten_emit(x, op->text, 1, &v, 0, NULL);
    return xi_aten_result(x, xi_aten_cast(x, v, dtype));
}

/* hann_window(length, periodic, dtype) and the like, when the length is known */
static xi_aten_value op_create_window(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    bool periodic = op->number ? xi_aten_arg_bool(x, &a[1], op->name) : true;
    xinf_dtype dtype = xi_aten_arg_dtype(x, &a[op->number ? 2 : 1], XINF_FLOAT32);
    xi_value *length = xi_aten_int_value(x, &a[0]);
    xi_attr attrs[1] = {XI_ATEN_ATTR_INT("periodic", periodic)};
    return xi_aten_result(x,
                          xi_aten_cast(x, xi_aten_emit(x, op->text, 1, &length, 1, attrs), dtype));
}

#define CREATE_REST " *o:layout=None *o:device=None *o:pin_memory=None *o:memory_format=None"

const xi_aten_op xi_aten_ops_create[] = {
    {"zeros", "I:size *d:dtype=None" CREATE_REST, op_create_const, NULL, 0},
    {"ones", "I:size *d:dtype=None" CREATE_REST, op_create_const, NULL, 1},
    {"empty", "I:size *d:dtype=None" CREATE_REST, op_create_const, NULL, 0},
    {"zeros_like", "T:self *d:dtype=None" CREATE_REST, op_create_const_like, NULL, 0},
    {"ones_like", "T:self *d:dtype=None" CREATE_REST, op_create_const_like, NULL, 1},
    {"empty_like", "T:self *d:dtype=None" CREATE_REST, op_create_const_like, NULL, 0},
    {"new_zeros", "T:self I:size *d:dtype=None" CREATE_REST, op_create_const_new, NULL, 0},
    {"new_ones", "T:self I:size *d:dtype=None" CREATE_REST, op_create_const_new, NULL, 1},
    {"new_empty", "T:self I:size *d:dtype=None" CREATE_REST, op_create_const_new, NULL, 0},
    {"full", "I:size s:fill_value *d:dtype=None" CREATE_REST, op_create_full, NULL, 0},
    {"full_like", "T:self s:fill_value *d:dtype=None" CREATE_REST, op_create_full_like, NULL, 0},
    {"new_full", "T:self I:size s:fill_value *d:dtype=None" CREATE_REST, op_create_full_new, NULL,
     0},
    {"fill", "T:self s:value", op_create_fill, NULL, 0},
    {"fill", "T:self T:value", op_create_fill, NULL, 0},
    {"zero", "T:self", op_create_fill, NULL, 1},
    {"arange", "s:end *d:dtype=None" CREATE_REST, op_create_arange, NULL, 1},
    {"arange", "s:start s:end *d:dtype=None" CREATE_REST, op_create_arange, NULL, 2},
    {"arange", "s:start s:end s:step *d:dtype=None" CREATE_REST, op_create_arange, NULL, 3},
    {"linspace", "s:start s:end i?:steps=100 *d:dtype=None" CREATE_REST, op_create_linspace, NULL,
     0},
    {"logspace", "s:start s:end i?:steps=100 f:base=10 *d:dtype=None" CREATE_REST,
     op_create_linspace, NULL, 1},
    {"eye", "i:n *d:dtype=None" CREATE_REST, op_create_eye, NULL, 0},
    {"eye", "i:n i:m *d:dtype=None" CREATE_REST, op_create_eye, NULL, 1},
    {"tensor", "o:data *d:dtype=None *o:device=None *b:requires_grad=False", op_create_tensor, NULL,
     0},
    {"as_tensor", "o:data *d:dtype=None *o:device=None", op_create_tensor, NULL, 0},
    {"scalar_tensor", "o:data *d:dtype=None" CREATE_REST, op_create_tensor, NULL, 0},
    {"to", "T:self d:dtype b:non_blocking=False b:copy=False o:memory_format=None", op_create_to,
     NULL, 1},
    {"to", "T:self T:other b:non_blocking=False b:copy=False o:memory_format=None", op_create_to,
     NULL, 3},
    {"to", "T:self o:device d:dtype b:non_blocking=False b:copy=False o:memory_format=None",
     op_create_to, NULL, 2},
    {"to", "T:self o:device=None b:non_blocking=False b:copy=False", op_create_to, NULL, 0},
    {"to",
     "T:self d:dtype o:layout o:device o:pin_memory=None b:non_blocking=False b:copy=False "
     "o:memory_format=None",
     op_create_to, NULL, 1},
    {"_to_copy", "T:self *d:dtype=None" CREATE_REST " *b:non_blocking=False", op_create_to, NULL,
     1},
    {"type_as", "T:self T:other", op_create_to, NULL, 3},
    {"cpu", "T:self", op_create_to, NULL, 0},
    {"float", "T:self", op_create_typed, NULL, XINF_FLOAT32},
    {"double", "T:self", op_create_typed, NULL, XINF_FLOAT64},
    {"half", "T:self", op_create_typed, NULL, XINF_FLOAT16},
    {"bfloat16", "T:self", op_create_typed, NULL, XINF_BFLOAT16},
    {"long", "T:self", op_create_typed, NULL, XINF_INT64},
    {"int", "T:self", op_create_typed, NULL, XINF_INT32},
    {"short", "T:self", op_create_typed, NULL, XINF_INT16},
    {"char", "T:self", op_create_typed, NULL, XINF_INT8},
    {"byte", "T:self", op_create_typed, NULL, XINF_UINT8},
    {"bool", "T:self", op_create_typed, NULL, XINF_BOOL},
    {"copy", "T:self T:src b:non_blocking=False", op_create_copy, NULL, 0},
    {"rand", "I:size *d:dtype=None" CREATE_REST, op_create_random, "RandomUniformLike", 0},
    {"randn", "I:size *d:dtype=None" CREATE_REST, op_create_random, "RandomNormalLike", 0},
    {"rand_like", "T:self *d:dtype=None" CREATE_REST, op_create_random, "RandomUniformLike", 1},
    {"randn_like", "T:self *d:dtype=None" CREATE_REST, op_create_random, "RandomNormalLike", 1},
    {"hann_window", "i:window_length *d:dtype=None" CREATE_REST, op_create_window, "HannWindow", 0},
    {"hann_window", "i:window_length b:periodic *d:dtype=None" CREATE_REST, op_create_window,
     "HannWindow", 1},
    {"hamming_window", "i:window_length *d:dtype=None" CREATE_REST, op_create_window,
     "HammingWindow", 0},
    {"hamming_window", "i:window_length b:periodic *d:dtype=None" CREATE_REST, op_create_window,
     "HammingWindow", 1},
    {"blackman_window", "i:window_length *d:dtype=None" CREATE_REST, op_create_window,
     "BlackmanWindow", 0},
    {"blackman_window", "i:window_length b:periodic *d:dtype=None" CREATE_REST, op_create_window,
     "BlackmanWindow", 1},
    {NULL, NULL, NULL, NULL, 0},
};

#undef CREATE_REST
