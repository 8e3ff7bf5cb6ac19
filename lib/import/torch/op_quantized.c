/* op_quantized.c — quantised tensors: integers with a scale and a zero point. What has no integer
 * form of its own is computed between a DequantizeLinear and a QuantizeLinear, which passes of the
 * session join where a kernel knows how. */
#include "import/torch/op.h"

#include "tensor/dtype.h"

/* A quantised tensor's numbers as float32; any other tensor's contents as they are. */
xi_value *xi_aten_dequantized(xi_aten *x, const xi_aten_value *a)
{
    xi_value *v = xi_aten_arg(x, a);
    if (a->kind != XI_ATEN_TENSOR || !a->tensor->scale) return v;
    const xi_aten_tensor *t = a->tensor;
    return xi_aten_emit(x, "DequantizeLinear", 3, (xi_value *[]){v, t->scale, t->zero_point},
                        t->axis >= 0, (xi_attr[]){XI_ATEN_ATTR_INT("axis", t->axis)});
}

xi_aten_value xi_aten_quantized(xi_aten *x, xi_value *v, xi_value *scale, xi_value *zero_point,
                                int64_t axis, xi_torch_dtype dtype)
{
    xi_attr attr = XI_ATEN_ATTR_INT("axis", axis);
    xi_aten_value out = xi_aten_tensor_of(x, xi_aten_emit(x, "QuantizeLinear", 3,
                                                          (xi_value *[]){v, scale, zero_point},
                                                          axis >= 0, &attr));
    if (out.kind != XI_ATEN_TENSOR) return out;
    out.tensor->dtype = dtype;
    out.tensor->scale = scale;
    out.tensor->zero_point = zero_point;
    out.tensor->axis = axis;
    return out;
}

static xi_torch_dtype op_quantized_dtype(xi_aten *x, const xi_aten_value *a)
{
    int64_t d = xi_aten_arg_int(x, a, "a quantised dtype");
    if (d != XI_TORCH_QINT8 && d != XI_TORCH_QUINT8 && d != XI_TORCH_QINT32)
        xi_aten_fail(x, XINF_UNSUPPORTED, "a quantised tensor of dtype %s",
                     xi_torch_dtype_name((xi_torch_dtype)(d & 255)));
    return (xi_torch_dtype)d;
}

/* To a scale and a zero point that are numbers of the program. */
static xi_aten_value op_quantized_to(xi_aten *x, xi_value *v, const xi_aten_value *scale,
                                     const xi_aten_value *zero, xi_torch_dtype dtype)
{
    xi_value *s = xi_aten_reshape(x, xi_aten_scalar(x, scale, XINF_FLOAT32), NULL, 0),
             *z = xi_aten_reshape(x, xi_aten_scalar(x, zero, xi_torch_dtype_element(dtype)), NULL,
                                  0);
    if (scale->kind != XI_ATEN_TENSOR && !scale->scalar) s = xi_aten_scalar(x, scale, XINF_FLOAT32);
    if (zero->kind != XI_ATEN_TENSOR && !zero->scalar)
        z = xi_aten_scalar(x, zero, xi_torch_dtype_element(dtype));
    return xi_aten_quantized(x, v, s, z, -1, dtype);
}

/* quantize_per_tensor(self, scale, zero_point, dtype) */
static xi_aten_value op_quantized_per_tensor(xi_aten *x, const xi_aten_value *a,
                                             const xi_aten_op *op)
{
    xi_torch_dtype dtype = op_quantized_dtype(x, &a[3]);
    return x->status == XINF_OK ? op_quantized_to(x, xi_aten_arg(x, &a[0]), &a[1], &a[2], dtype)
                                : xi_aten_none();
}

/* quantize_per_channel(self, scales, zero_points, axis, dtype) */
static xi_aten_value op_quantized_per_channel(xi_aten *x, const xi_aten_value *a,
                                              const xi_aten_op *op)
{
    xi_torch_dtype dtype = op_quantized_dtype(x, &a[4]);
    if (x->status != XINF_OK) return xi_aten_none();
    xi_value *scales = xi_aten_cast(x, xi_aten_arg(x, &a[1]), XINF_FLOAT32),
             *zeros = xi_aten_cast(x, xi_aten_arg(x, &a[2]), xi_torch_dtype_element(dtype));
    return xi_aten_quantized(x, xi_aten_arg(x, &a[0]), scales, zeros,
                             xi_aten_arg_int(x, &a[3], op->name), dtype);
}

static xi_aten_value op_quantized_dequantize(xi_aten *x, const xi_aten_value *a,
                                             const xi_aten_op *op)
{
    return xi_aten_result(x, xi_aten_dequantized(x, &a[0]));
}

static xi_aten_value op_quantized_dequantize_list(xi_aten *x, const xi_aten_value *a,
                                                  const xi_aten_op *op)
{
    xi_aten_value list = xi_aten_new_list(x, XI_ATEN_LIST, a[0].list->count);
    for (int32_t i = 0; i < a[0].list->count && x->status == XINF_OK; i++)
        xi_aten_append(x, list.list,
                       xi_aten_result(x, xi_aten_dequantized(x, &a[0].list->items[i])));
    return list;
}

/* int_repr, q_scale, q_zero_point: number says which */
static xi_aten_value op_quantized_part(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    const xi_aten_tensor *t = a[0].tensor;
    int64_t zero;
    if (op->number == 0) return xi_aten_result(x, xi_aten_arg(x, &a[0]));
    if (!t->scale || t->axis >= 0)
        return xi_aten_fail(x, XINF_MALFORMED, "%s of a tensor that is not quantised as a whole",
                            op->name),
               xi_aten_none();
    if (op->number == 1)
        return t->scale->literal
                   ? xi_aten_double(xi_dtype_load_f64(t->scale->literal->data, XINF_FLOAT32, 0))
                   : xi_aten_dynamic(XI_ATEN_DOUBLE, t->scale);
    if (xi_aten_known_ints(t->zero_point, &zero, 1) == 1) return xi_aten_int(zero);
    return xi_aten_dynamic(XI_ATEN_INT, xi_aten_cast(x, t->zero_point, XINF_INT64));
}

/* fake_quantize_per_tensor_affine(self, scale, zero_point, quant_min, quant_max) */
static xi_aten_value op_quantized_fake(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]),
             *s = xi_aten_cast_like(x, xi_aten_scalar(x, &a[1], XINF_FLOAT32), v),
             *z = xi_aten_cast_like(x, xi_aten_scalar(x, &a[2], XINF_FLOAT32), v);
    double low = xi_aten_arg_double(x, &a[3], op->name),
           high = xi_aten_arg_double(x, &a[4], op->name);
    xi_value *q = xi_aten_emit2(x, "Add", xi_aten_emit1(x, "Round", xi_aten_emit2(x, "Div", v, s)),
                                z);
    q = xi_aten_emit3(x, "Clip", q, xi_aten_number_like(x, v, low),
                      xi_aten_number_like(x, v, high));
    return xi_aten_result(x, xi_aten_emit2(x, "Mul", xi_aten_emit2(x, "Sub", q, z), s));
}

/* ---- packed parameters ---- */

typedef struct op_quantized_packed {
    xi_aten_value weight, bias;
    int64_t stride[3], padding[3], dilation[3], output_padding[3], groups;
    int32_t dims; /* 0: of a linear layer */
    bool transposed;
} op_quantized_packed;

static bool op_quantized_config(op_quantized_packed *p, const int64_t *v, int32_t count)
{
    int32_t at = 1, n = count > 0 && v[0] >= 1 && v[0] <= 3 ? (int32_t)v[0] : 0;
    int64_t *const parts[4] = {p->stride, p->padding, p->dilation, p->output_padding};
    if (n == 0 || count < 4 * n + 3) return false;
    for (int k = 0; k < 4; k++)
        for (int32_t i = 0; i < n; i++) parts[k][i] = v[at++];
    p->groups = v[at++];
    p->transposed = v[at] & 1;
    p->dims = n;
    return true;
}

/* A number that the first serialisation kept as a tensor of one element. */
static int64_t op_quantized_old_number(const xi_torch_value *v)
{
    int64_t n = 0;
    if (v->kind == XI_TORCH_TENSOR && v->tensor->dtype == XI_TORCH_INT64 && v->tensor->count == 1)
        memcpy(&n, v->tensor->data, 8);
    return n;
}

/* (weight, bias, [stride…], [padding…], [dilation…], groups) */
static bool op_quantized_read_first(op_quantized_packed *p, xi_torch_value *const *items)
{
    int64_t *const parts[3] = {p->stride, p->padding, p->dilation};
    for (int k = 0; k < 3; k++) {
        const xi_torch_value *list = items[2 + k];
        if (list->kind != XI_TORCH_LIST || list->seq.count < 1 || list->seq.count > 3) return false;
        p->dims = list->seq.count;
        for (int32_t i = 0; i < list->seq.count; i++)
            parts[k][i] = op_quantized_old_number(list->seq.items[i]);
    }
    p->groups = op_quantized_old_number(items[5]);
    return true;
}

/* Tensors and configuration wherever the serialisation has put them: the quantised one is the
 * weight. */
static void op_quantized_collect(xi_aten *x, op_quantized_packed *p, const xi_torch_value *v,
                                 int depth)
{
    const xi_torch_tensor *t = v->kind == XI_TORCH_TENSOR ? v->tensor : NULL;
    int64_t config[32];
    if ((v->kind == XI_TORCH_LIST || v->kind == XI_TORCH_TUPLE) && depth < 4) {
        int32_t count = v->seq.count <= 32 ? v->seq.count : 0, ints = 0;
        while (ints < count && v->seq.items[ints]->kind == XI_TORCH_INT) {
            config[ints] = v->seq.items[ints]->i;
            ints++;
        }
        if (ints == count && count > 4) op_quantized_config(p, config, count);
        for (int32_t i = 0; i < v->seq.count; i++)
            op_quantized_collect(x, p, v->seq.items[i], depth + 1);
    } else if (t && t->dtype == XI_TORCH_INT16 && t->rank == 1 && t->count <= 32 && t->contiguous) {
        int16_t shorts[32];
        memcpy(shorts, t->data, (size_t)t->count * 2);
        for (int64_t i = 0; i < t->count; i++) config[i] = shorts[i];
        op_quantized_config(p, config, (int32_t)t->count);
    } else if (t && t->dtype != XI_TORCH_INT64) {
        bool weight = t->scheme != XI_TORCH_NOT_QUANTIZED || t->rank > 1;
        *(weight ? &p->weight : &p->bias) = xi_aten_constant(x, t, (xi_str){NULL, 0});
    }
}

/* Packed parameters of the file (an object), or made by a prepack operator (a tuple of weight, bias
 * and configuration). */
static bool op_quantized_unpack(xi_aten *x, op_quantized_packed *p, const xi_aten_value *a,
                                const char *who)
{
    *p = (op_quantized_packed){.groups = 1};
    if (a->kind == XI_ATEN_OBJECT && x->source_of) {
        const xi_torch_value *source = x->source_of(a),
                             *state = source && source->kind == XI_TORCH_OBJECT
                                          ? source->object.state
                                          : NULL;
        if (state) op_quantized_collect(x, p, state, 0);
        if (state && state->kind == XI_TORCH_TUPLE && state->seq.count == 6 &&
            !op_quantized_read_first(p, state->seq.items))
            p->dims = 0;
    } else if (a->kind == XI_ATEN_TUPLE && a->list->count >= 2) {
        int64_t config[32];
        p->weight = a->list->items[0];
        p->bias = a->list->items[1];
        if (a->list->count > 2)
            op_quantized_config(p, config,
                                xi_aten_arg_ints(x, &a->list->items[2], config, 32, 1, who));
    }
    if (p->weight.kind != XI_ATEN_TENSOR)
        xi_aten_fail(x, XINF_UNSUPPORTED, "%s: packed parameters of an unknown kind", who);
    return x->status == XINF_OK;
}

/* linear_prepack(weight, bias) */
static xi_aten_value op_quantized_pack(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_aten_value out = xi_aten_new_list(x, XI_ATEN_TUPLE, 2);
    if (out.kind == XI_ATEN_TUPLE) {
        xi_aten_append(x, out.list, a[0]);
        xi_aten_append(x, out.list, a[1]);
    }
    return out;
}

/* convNd_prepack(weight, bias, stride, padding, dilation, groups); of a transposed one
 * output_padding comes before dilation */
static xi_aten_value op_quantized_pack_conv(xi_aten *x, const xi_aten_value *a,
                                            const xi_aten_op *op)
{
    int64_t v[3];
    int32_t n = (int32_t)op->number;
    bool transposed = op->text != NULL;
    const xi_aten_value zero = xi_aten_int(0), *const parts[4] = {&a[2], &a[3],
                                                                  transposed ? &a[5] : &a[4],
                                                                  transposed ? &a[4] : &zero};
    xi_aten_value out = op_quantized_pack(x, a, op),
                  config = xi_aten_new_list(x, XI_ATEN_LIST, 4 * n + 3);
    if (x->status != XINF_OK) return xi_aten_none();
    xi_aten_append(x, config.list, xi_aten_int(n));
    for (int k = 0; k < 4; k++) {
        if (xi_aten_arg_ints(x, parts[k], v, 3, n, op->name) < 0) return xi_aten_none();
        for (int32_t i = 0; i < n; i++) xi_aten_append(x, config.list, xi_aten_int(v[i]));
    }
    xi_aten_append(x, config.list, a[transposed ? 6 : 5]);
    xi_aten_append(x, config.list, xi_aten_int(transposed));
    xi_aten_append(x, out.list, config);
    return out;
}

static xi_aten_value op_quantized_unpacked(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_quantized_packed p;
    if (!op_quantized_unpack(x, &p, &a[0], op->name)) return xi_aten_none();
    return op_quantized_pack(x, (xi_aten_value[]){p.weight, p.bias}, op);
}

/* ---- layers ---- */

static xi_aten_value op_quantized_finish(xi_aten *x, xi_value *y, bool relu,
                                         const xi_aten_value *scale, const xi_aten_value *zero,
                                         xi_torch_dtype dtype)
{
    return op_quantized_to(x, relu ? xi_aten_emit1(x, "Relu", y) : y, scale, zero, dtype);
}

static xi_torch_dtype op_quantized_type_of(const xi_aten_value *a)
{
    return a->kind == XI_ATEN_TENSOR && a->tensor->scale ? a->tensor->dtype : XI_TORCH_QUINT8;
}

/* convNd(qx, packed, scale, zero_point); number 1: with relu */
static xi_aten_value op_quantized_conv(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_quantized_packed p;
    int64_t pads[6];
    if (!op_quantized_unpack(x, &p, &a[1], op->name)) return xi_aten_none();
    if (p.dims == 0)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "%s: packed parameters without a configuration",
                            op->name),
               xi_aten_none();
    for (int32_t i = 0; i < p.dims; i++) pads[i] = pads[p.dims + i] = p.padding[i];
    xi_value *in[3] = {xi_aten_dequantized(x, &a[0]), xi_aten_dequantized(x, &p.weight),
                       xi_aten_arg(x, &p.bias)};
    /* A one-dimensional layer keeps its weights as an image of height one. */
    bool wide = xi_aten_rank(in[1]) == p.dims + 3 || (p.dims == 2 && xi_aten_rank(in[0]) == 3);
    if (wide) in[0] = xi_aten_unsqueeze(x, in[0], 2);
    xi_attr attrs[5] = {
        XI_ATEN_ATTR_INTS("strides", p.stride, p.dims), XI_ATEN_ATTR_INTS("pads", pads, 2 * p.dims),
        XI_ATEN_ATTR_INTS("dilations", p.dilation, p.dims), XI_ATEN_ATTR_INT("group", p.groups),
        XI_ATEN_ATTR_INTS("output_padding", p.output_padding, p.dims)};
    xi_value *y = xi_aten_emit(x, p.transposed ? "ConvTranspose" : "Conv", in[2] ? 3 : 2, in,
                               p.transposed ? 5 : 4, attrs);
    if (wide) y = xi_aten_squeeze(x, y, 2);
    return op_quantized_finish(x, y, op->number, &a[2], &a[3], op_quantized_type_of(&a[0]));
}

static xi_value *op_quantized_product(xi_aten *x, xi_value *v, const op_quantized_packed *p)
{
    xi_value *y = xi_aten_emit2(
                 x, "MatMul", v,
                 xi_aten_transpose(x, xi_aten_dequantized(x, &p->weight), (int64_t[]){1, 0}, 2)),
             *b = xi_aten_arg(x, &p->bias);
    return b ? xi_aten_emit2(x, "Add", y, b) : y;
}

/* linear(qx, packed, scale, zero_point) */
static xi_aten_value op_quantized_linear(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_quantized_packed p;
    if (!op_quantized_unpack(x, &p, &a[1], op->name)) return xi_aten_none();
    return op_quantized_finish(x, op_quantized_product(x, xi_aten_dequantized(x, &a[0]), &p),
                               op->number, &a[2], &a[3], op_quantized_type_of(&a[0]));
}

/* The numbers that remain of v when it is quantised over its own range: to 7 bits where sums of
 * products must fit 16. */
static xi_value *op_quantized_through(xi_aten *x, xi_value *v, bool reduced)
{
    double top = reduced ? 127 : 255;
    xi_value *zero = xi_aten_number_like(x, v, 0), *most = xi_aten_number_like(x, v, top);
    xi_value *low = xi_aten_emit2(x, "Min", xi_aten_reduce(x, "ReduceMin", v, NULL, 0, false),
                                  zero);
    xi_value *high = xi_aten_emit2(x, "Max", xi_aten_reduce(x, "ReduceMax", v, NULL, 0, false),
                                   zero);
    xi_value *scale = xi_aten_emit2(x, "Div", xi_aten_emit2(x, "Sub", high, low), most);
    scale = xi_aten_emit3(x, "Where", xi_aten_emit2(x, "Equal", scale, zero),
                          xi_aten_number_like(x, v, 0.1), scale);
    xi_value *point = xi_aten_emit3(
        x, "Clip",
        xi_aten_emit1(x, "Round", xi_aten_emit1(x, "Neg", xi_aten_emit2(x, "Div", low, scale))),
        zero, most);
    xi_value *q = xi_aten_emit2(
        x, "Add", xi_aten_emit1(x, "Round", xi_aten_emit2(x, "Div", v, scale)), point);
    return xi_aten_emit2(
        x, "Mul", xi_aten_emit2(x, "Sub", xi_aten_emit3(x, "Clip", q, zero, most), point), scale);
}

/* linear_dynamic(x, packed, reduce_range) */
static xi_aten_value op_quantized_dynamic(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_quantized_packed p;
    if (!op_quantized_unpack(x, &p, &a[1], op->name)) return xi_aten_none();
    xi_value *y = op_quantized_product(
        x, op_quantized_through(x, xi_aten_arg(x, &a[0]), xi_aten_arg_bool(x, &a[2], op->name)),
        &p);
    return xi_aten_result(x, op->number ? xi_aten_emit1(x, "Relu", y) : y);
}

/* linear_dynamic_fp16(x, packed): weights rounded to half precision */
static xi_aten_value op_quantized_half(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_quantized_packed p;
    if (!op_quantized_unpack(x, &p, &a[1], op->name)) return xi_aten_none();
    xi_value *w = xi_aten_cast(x, xi_aten_cast(x, xi_aten_dequantized(x, &p.weight), XINF_FLOAT16),
                               XINF_FLOAT32),
             *b = xi_aten_arg(x, &p.bias);
    xi_value *y = xi_aten_emit2(x, "MatMul", xi_aten_arg(x, &a[0]),
                                xi_aten_transpose(x, w, (int64_t[]){1, 0}, 2));
    if (b) y = xi_aten_emit2(x, "Add", y, b);
    return xi_aten_result(x, op->number ? xi_aten_emit1(x, "Relu", y) : y);
}

/* ---- recurrent ---- */

/* ("quantized_dynamic", biases, …, …, [packed of the input, packed of the state]) */
static bool op_quantized_cell(xi_aten *x, op_quantized_packed p[2], const xi_aten_value *a)
{
    const xi_torch_value *source = a->kind == XI_ATEN_OBJECT && x->source_of ? x->source_of(a)
                                                                             : NULL,
                         *state = source && source->kind == XI_TORCH_OBJECT ? source->object.state
                                                                            : NULL;
    /* A module around the parameters has them as its only object. */
    if (state && state->kind == XI_TORCH_DICT)
        state = xi_torch_value_get(source, "param")
                    ? xi_torch_value_get(source, "param")->object.state
                    : NULL;
    const xi_torch_value *list = state && state->kind == XI_TORCH_TUPLE && state->seq.count >= 5
                                     ? state->seq.items[4]
                                     : NULL;
    for (int i = 0; i < 2; i++) {
        p[i] = (op_quantized_packed){.groups = 1};
        if (list && list->kind == XI_TORCH_LIST && i < list->seq.count &&
            list->seq.items[i]->kind == XI_TORCH_OBJECT && list->seq.items[i]->object.state)
            op_quantized_collect(x, &p[i], list->seq.items[i]->object.state, 0);
        if (p[i].weight.kind != XI_ATEN_TENSOR)
            xi_aten_fail(x, XINF_UNSUPPORTED, "quantized_lstm: parameters of an unknown kind");
    }
    return x->status == XINF_OK;
}

/* One direction of one layer over `steps` of [time, batch, features]. The input is quantised as a
 * whole, the state at each step. */
static xi_value *op_quantized_lstm_side(xi_aten *x, xi_value *v, const xi_aten_value *cell,
                                        int64_t steps, bool back, xi_value **h, xi_value **c)
{
    op_quantized_packed p[2];
    xi_value **parts = xi_arena_array(x->arena, (size_t)steps, sizeof *parts);
    if (!parts) return xi_aten_memory(x), NULL;
    if (!op_quantized_cell(x, p, cell)) return NULL;
    xi_value *all = op_quantized_product(x, op_quantized_through(x, v, false), &p[0]);
    for (int64_t t = 0; t < steps && x->status == XINF_OK; t++) {
        int64_t at = back ? steps - 1 - t : t;
        xi_value *sum = xi_aten_emit2(
            x, "Add", xi_aten_gather(x, all, xi_aten_whole(x, XINF_INT64, at), 0),
            op_quantized_product(x, op_quantized_through(x, *h, false), &p[1]));
        xi_node *g = xi_aten_node(
            x, "Split", 1, &sum, 2,
            (xi_attr[]){XI_ATEN_ATTR_INT("axis", -1), XI_ATEN_ATTR_INT("num_outputs", 4)}, 4);
        if (!g) return NULL;
        xi_value *in = xi_aten_emit1(x, "Sigmoid", g->outputs[0]),
                 *forget = xi_aten_emit1(x, "Sigmoid", g->outputs[1]);
        *c = xi_aten_emit2(x, "Add", xi_aten_emit2(x, "Mul", forget, *c),
                           xi_aten_emit2(x, "Mul", in, xi_aten_emit1(x, "Tanh", g->outputs[2])));
        *h = xi_aten_emit2(x, "Mul", xi_aten_emit1(x, "Sigmoid", g->outputs[3]),
                           xi_aten_emit1(x, "Tanh", *c));
        parts[at] = xi_aten_unsqueeze(x, *h, 0);
    }
    return xi_aten_concat(x, (int32_t)steps, parts, 0);
}

/* quantized_lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional,
 * batch_first) */
static xi_aten_value op_quantized_lstm(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *hs[32], *cs[32];
    int64_t layers = xi_aten_arg_int(x, &a[4], op->name),
            directions = xi_aten_arg_bool(x, &a[7], op->name) ? 2 : 1;
    bool batch_first = xi_aten_arg_bool(x, &a[8], op->name),
         listed = a[2].kind == XI_ATEN_LIST || a[2].kind == XI_ATEN_TUPLE;
    if (!listed || a[1].list->count != 2 || layers < 1 || layers * directions > 32 ||
        a[2].list->count < layers * directions)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "quantized_lstm with %lld layers",
                            (long long)layers),
               xi_aten_none();
    if (xi_aten_need_rank(x, v, op->name) != 3)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "quantized_lstm without a batch"), xi_aten_none();
    if (batch_first) v = xi_aten_transpose(x, v, (int64_t[]){1, 0, 2}, 3);
    int64_t steps = v ? v->type.shape.dim[0] : 0;
    if (x->status == XINF_OK && (steps < 1 || steps > 4096)) {
        x->wants_types = true;
        xi_aten_fail(x, XINF_UNSUPPORTED,
                     "quantized_lstm over a number of steps that is not known before it runs");
    }
    xi_value *h = xi_aten_arg(x, &a[1].list->items[0]), *c = xi_aten_arg(x, &a[1].list->items[1]);
    for (int64_t l = 0; l < layers && x->status == XINF_OK; l++) {
        xi_value *sides[2];
        for (int64_t d = 0; d < directions; d++) {
            int64_t at = l * directions + d;
            hs[at] = xi_aten_gather(x, h, xi_aten_whole(x, XINF_INT64, at), 0);
            cs[at] = xi_aten_gather(x, c, xi_aten_whole(x, XINF_INT64, at), 0);
            sides[d] = op_quantized_lstm_side(x, v, &a[2].list->items[at], steps, d == 1, &hs[at],
                                              &cs[at]);
            hs[at] = xi_aten_unsqueeze(x, hs[at], 0);
            cs[at] = xi_aten_unsqueeze(x, cs[at], 0);
        }
        v = xi_aten_concat(x, (int32_t)directions, sides, 2);
    }
    if (x->status != XINF_OK) return xi_aten_none();
    xi_value *y[3] = {batch_first ? xi_aten_transpose(x, v, (int64_t[]){1, 0, 2}, 3) : v,
                      xi_aten_concat(x, (int32_t)(layers * directions), hs, 0),
                      xi_aten_concat(x, (int32_t)(layers * directions), cs, 0)};
    return xi_aten_results(x, y, 3);
}

/* add, mul (qa, qb, scale, zero_point) */
static xi_aten_value op_quantized_binary(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *y = xi_aten_emit2(x, op->text, xi_aten_dequantized(x, &a[0]),
                                xi_aten_dequantized(x, &a[1]));
    return op_quantized_finish(x, y, op->number, &a[2], &a[3], op_quantized_type_of(&a[0]));
}

/* cat(list, dim, scale, zero_point) */
static xi_aten_value op_quantized_cat(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *items[256], *y;
    int32_t count = a[0].list->count;
    if (count < 1 || count > 256)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "a concatenation of %d tensors", count),
               xi_aten_none();
    for (int32_t i = 0; i < count; i++) items[i] = xi_aten_dequantized(x, &a[0].list->items[i]);
    y = xi_aten_concat(x, count, items, xi_aten_arg_int(x, &a[1], op->name));
    if (a[2].kind == XI_ATEN_NONE) {
        const xi_aten_tensor *t = a[0].list->items[0].tensor;
        return xi_aten_quantized(x, op->number ? xi_aten_emit1(x, "Relu", y) : y, t->scale,
                                 t->zero_point, -1, t->dtype);
    }
    return op_quantized_finish(x, y, op->number, &a[2], &a[3],
                               op_quantized_type_of(&a[0].list->items[0]));
}

/* batch_norm(qx, weight, bias, mean, var, eps, scale, zero_point) */
static xi_aten_value op_quantized_batch_norm(xi_aten *x, const xi_aten_value *a,
                                             const xi_aten_op *op)
{
    xi_aten_value args[9] = {xi_aten_result(x, xi_aten_dequantized(x, &a[0])),
                             a[1],
                             a[2],
                             a[3],
                             a[4],
                             xi_aten_bool(false),
                             xi_aten_double(0),
                             a[5],
                             xi_aten_bool(false)};
    xi_aten_value y = xi_aten_recall(x, "batch_norm", args, 9);
    return op_quantized_finish(x, xi_aten_arg(x, &y), op->number, &a[6], &a[7],
                               op_quantized_type_of(&a[0]));
}

/* sigmoid, tanh, hardswish, … (qx, …, scale, zero_point): `text` is the plain operator */
static xi_aten_value op_quantized_unary(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_aten_value v = xi_aten_result(x, xi_aten_dequantized(x, &a[0])),
                  y = xi_aten_recall(x, op->text, &v, 1);
    return op_quantized_finish(x, xi_aten_arg(x, &y), false, &a[1], &a[2],
                               op_quantized_type_of(&a[0]));
}

#define QUANTIZED_CONV(n)                                                                         \
    {"quantized::conv" #n "d", "T:qx o:packed f:scale i:zero_point", op_quantized_conv, NULL, 0}, \
        {"quantized::conv" #n "d_relu", "T:qx o:packed f:scale i:zero_point", op_quantized_conv,  \
         NULL, 1},                                                                                \
        {"quantized::conv_transpose" #n "d", "T:qx o:packed f:scale i:zero_point",                \
         op_quantized_conv, NULL, 0},                                                             \
        {"quantized::conv" #n "d_prepack",                                                        \
         "T:weight t:bias I:stride I:padding I:dilation i:groups", op_quantized_pack_conv, NULL,  \
         n},                                                                                      \
        {"quantized::conv_transpose" #n "d_prepack",                                              \
         "T:weight t:bias I:stride I:padding I:output_padding I:dilation i:groups",               \
         op_quantized_pack_conv, "transposed", n},                                                \
    {                                                                                             \
        "quantized::conv" #n "d_unpack", "o:packed", op_quantized_unpacked, NULL, 0               \
    }

const xi_aten_op xi_aten_ops_quantized[] = {
    {"quantize_per_tensor", "T:self o:scale o:zero_point i:dtype", op_quantized_per_tensor, NULL,
     0},
    {"quantize_per_channel", "T:self T:scales T:zero_points i:axis i:dtype",
     op_quantized_per_channel, NULL, 0},
    {"dequantize", "T:self", op_quantized_dequantize, NULL, 0},
    {"dequantize", "L:tensors", op_quantized_dequantize_list, NULL, 0},
    {"int_repr", "T:self", op_quantized_part, NULL, 0},
    {"q_scale", "T:self", op_quantized_part, NULL, 1},
    {"q_zero_point", "T:self", op_quantized_part, NULL, 2},
    {"fake_quantize_per_tensor_affine", "T:self o:scale o:zero_point i:quant_min i:quant_max",
     op_quantized_fake, NULL, 0},
    QUANTIZED_CONV(1),
    QUANTIZED_CONV(2),
    QUANTIZED_CONV(3),
    {"quantized::linear", "T:qx o:packed f:scale i:zero_point", op_quantized_linear, NULL, 0},
    {"quantized::linear_relu", "T:qx o:packed f:scale i:zero_point", op_quantized_linear, NULL, 1},
    {"quantized::linear_dynamic", "T:x o:packed b:reduce_range=False", op_quantized_dynamic, NULL,
     0},
    {"quantized::linear_relu_dynamic", "T:x o:packed b:reduce_range=False", op_quantized_dynamic,
     NULL, 1},
    {"quantized::linear_dynamic_fp16", "T:x o:packed", op_quantized_half, NULL, 0},
    {"quantized::linear_relu_dynamic_fp16", "T:x o:packed", op_quantized_half, NULL, 1},
    {"quantized::linear_prepack", "T:weight t:bias=None", op_quantized_pack, NULL, 0},
    {"quantized::linear_prepack_fp16", "T:weight t:bias=None", op_quantized_pack, NULL, 0},
    {"quantized::linear_unpack", "o:packed", op_quantized_unpacked, NULL, 0},
    {"quantized::linear_unpack_fp16", "o:packed", op_quantized_unpacked, NULL, 0},
    {"quantized_lstm",
     "T:input L:hx o:params b:has_biases i:num_layers f:dropout b:train b:bidirectional "
     "b:batch_first *d:dtype=None *b:use_dynamic=False",
     op_quantized_lstm, NULL, 0},
    {"quantized::add", "T:qa T:qb f:scale i:zero_point", op_quantized_binary, "Add", 0},
    {"quantized::add_relu", "T:qa T:qb f:scale i:zero_point", op_quantized_binary, "Add", 1},
    {"quantized::mul", "T:qa T:qb f:scale i:zero_point", op_quantized_binary, "Mul", 0},
    {"quantized::mul_relu", "T:qa T:qb f:scale i:zero_point", op_quantized_binary, "Mul", 1},
    {"quantized::cat", "L:qx i:dim f?:scale=None i?:zero_point=None", op_quantized_cat, NULL, 0},
    {"quantized::cat_relu", "L:qx i:dim f?:scale=None i?:zero_point=None", op_quantized_cat, NULL,
     1},
    {"quantized::batch_norm2d", "T:qx t:weight t:bias T:mean T:var f:eps f:scale i:zero_point",
     op_quantized_batch_norm, NULL, 0},
    {"quantized::batch_norm2d_relu", "T:qx t:weight t:bias T:mean T:var f:eps f:scale i:zero_point",
     op_quantized_batch_norm, NULL, 1},
    {"quantized::sigmoid", "T:qx f:scale i:zero_point", op_quantized_unary, "sigmoid", 0},
    {"quantized::hardswish", "T:qx f:scale i:zero_point", op_quantized_unary, "hardswish", 0},
    {"quantized::relu6", "T:qx f:scale i:zero_point", op_quantized_unary, "relu6", 0},
    {NULL, NULL, NULL, NULL, 0},
};

#undef QUANTIZED_CONV
