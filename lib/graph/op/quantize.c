/* quantize.c — QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, QLinearMatMul and
 * QLinearConv. */
#include "graph/op/quantize.h"

#include "graph/op/dtypes.h"
#include "graph/op/window.h"

extern const xi_op xi_ops_quantize[];

#define QUANTIZE_NARROW                                                                         \
    (XI_DTYPES_BYTE | XI_DTYPE_BIT(XINF_INT16) | XI_DTYPE_BIT(XINF_UINT16) | XI_DTYPES_FLOAT8 | \
     XI_DTYPE_BIT(XINF_INT4) | XI_DTYPE_BIT(XINF_UINT4) | XI_DTYPE_BIT(XINF_INT2) |             \
     XI_DTYPE_BIT(XINF_UINT2) | XI_DTYPE_BIT(XINF_FLOAT4E2M1))
#define QUANTIZE_FLOATS (XI_DTYPES_FLOAT & ~XI_DTYPE_BIT(XINF_FLOAT64))

bool xi_quantized_range(xinf_dtype d, int64_t *low, int64_t *high)
{
    int32_t bits = xi_dtype_bits(d);
    if (!xi_dtype_is_int(d) || bits > 32) return false;
    *low = xi_dtype_is_unsigned(d) ? 0 : -(INT64_C(1) << (bits - 1));
    *high = (INT64_C(1) << (xi_dtype_is_unsigned(d) ? bits : bits - 1)) - 1;
    return true;
}

bool xi_granularity_of(xi_granularity *out, const xi_shape *x, const xi_shape *scale, int64_t axis,
                       int64_t block_size)
{
    int64_t scales, total;
    int32_t at = 0;
    if (!xi_shape_count(scale, &scales) || !xi_shape_count(x, &total)) return false;
    *out = (xi_granularity){.outer = 1, .size = 1, .inner = total, .groups = 1, .block = 1};
    bool blocked = block_size > 0 && scale->rank > 0;
    if (!blocked && (scale->rank == 0 || (scale->rank == 1 && scales == 1))) return true;
    if (x->rank == 1 && !blocked) axis = 0;
    if (!xi_shape_axis(axis, x->rank, &at)) return false;
    out->size = x->dim[at];
    out->outer = total ? xi_shape_span(x, 0, at) : 0;
    out->inner = total ? xi_shape_span(x, at + 1, x->rank) : 0;
    out->groups = blocked && scale->rank == x->rank ? scale->dim[at] : scales;
    if (!blocked) return scale->rank == 1 && scales == out->size;
    if (scale->rank != x->rank) return false;
    for (int32_t i = 0; i < x->rank; i++)
        if (i != at && scale->dim[i] != x->dim[i]) return false;
    out->block = block_size;
    out->blocked = true;
    return out->groups == out->size / block_size + (out->size % block_size != 0);
}

/* Scale and zero point of inputs `s` and `z` against input 0, as far as shapes are known. */
static xinf_status quantize_granularity(xi_infer *c, int32_t s, int32_t z)
{
    xi_granularity g;
    const xi_type *x = xi_infer_in(c, 0), *scale = xi_infer_in(c, s), *zero = xi_infer_in(c, z);
    int64_t block = xi_node_int(c->node, "block_size", 0), a, b;
    if (block < 0) return xi_infer_fail(c, "block_size is %lld", (long long)block);
    if (zero && xi_shape_count(&scale->shape, &a) && xi_shape_count(&zero->shape, &b) && a != b)
        return xi_infer_fail(c, "%lld scales have %lld zero points", (long long)a, (long long)b);
    if (!xi_shape_known(&x->shape) || !xi_shape_known(&scale->shape)) return XINF_OK;
    if (!xi_granularity_of(&g, &x->shape, &scale->shape, xi_node_int(c->node, "axis", 1), block)) {
        char left[160], right[160];
        return xi_infer_fail(c, "scales of shape %s do not fit the tensor of shape %s",
                             xi_shape_text(&scale->shape, left, sizeof left),
                             xi_shape_text(&x->shape, right, sizeof right));
    }
    return XINF_OK;
}

static xinf_status quantize_output(xi_infer *c, xinf_dtype dtype, uint32_t set)
{
    if (dtype != XINF_UNDEFINED && (!xi_dtype_known(dtype) || !(set & XI_DTYPE_BIT(dtype))))
        return xi_infer_fail(c, "output type %s (%d) is not possible", xinf_dtype_name(dtype),
                             (int)dtype);
    xi_infer_set(c, 0, dtype, &c->in[0]->shape);
    return XINF_OK;
}

static xinf_status quantize_linear(xi_infer *c)
{
    xinf_status status;
    int64_t wanted = xi_node_int(c->node, "output_dtype", 0),
            precision = xi_node_int(c->node, "precision", 0);
    xinf_dtype zero = xi_infer_dtype(c, 2);
    XI_TRY(xi_infer_among(c, 0, QUANTIZE_FLOATS | XI_DTYPE_BIT(XINF_INT32)));
    XI_TRY(xi_infer_among(
        c, 1, QUANTIZE_FLOATS | XI_DTYPE_BIT(XINF_INT32) | XI_DTYPE_BIT(XINF_FLOAT8E8M0)));
    XI_TRY(xi_infer_among(c, 2, QUANTIZE_NARROW));
    if (precision != 0 && precision != XINF_FLOAT32 && precision != XINF_FLOAT16 &&
        precision != XINF_BFLOAT16)
        return xi_infer_fail(c, "precision %lld is not possible", (long long)precision);
    if (wanted < 0 || wanted >= XI_DTYPE_COUNT)
        return xi_infer_fail(c, "output_dtype is %lld", (long long)wanted);
    if (wanted && zero != XINF_UNDEFINED && wanted != zero)
        return xi_infer_fail(c, "output_dtype is %s, the zero point %s",
                             xinf_dtype_name((xinf_dtype)wanted), xinf_dtype_name(zero));
    XI_TRY(quantize_granularity(c, 1, 2));
    xinf_dtype out = wanted ? (xinf_dtype)wanted : xi_infer_in(c, 2) ? zero : XINF_UINT8;
    XI_TRY(quantize_output(c, out, QUANTIZE_NARROW));
cleanup:
    return status;
}

static xinf_status quantize_dequantize(xi_infer *c)
{
    xinf_status status;
    int64_t wanted = xi_node_int(c->node, "output_dtype", 0);
    XI_TRY(xi_infer_among(c, 0, QUANTIZE_NARROW | XI_DTYPE_BIT(XINF_INT32)));
    XI_TRY(xi_infer_among(c, 1, QUANTIZE_FLOATS | XI_DTYPE_BIT(XINF_FLOAT8E8M0)));
    XI_TRY(xi_infer_same_dtype(c, 0, 2));
    if (wanted < 0 || wanted >= XI_DTYPE_COUNT)
        return xi_infer_fail(c, "output_dtype is %lld", (long long)wanted);
    XI_TRY(quantize_granularity(c, 1, 2));
    XI_TRY(quantize_output(c, wanted ? (xinf_dtype)wanted : xi_infer_dtype(c, 1), QUANTIZE_FLOATS));
cleanup:
    return status;
}

static xinf_status quantize_dynamic(xi_infer *c)
{
    static const xi_shape scalar = {.rank = 0};
    xinf_status status = xi_infer_among(c, 0, XI_DTYPE_BIT(XINF_FLOAT32));
    xi_infer_set(c, 0, XINF_UINT8, &c->in[0]->shape);
    xi_infer_set(c, 1, XINF_FLOAT32, &scalar);
    xi_infer_set(c, 2, XINF_UINT8, &scalar);
    return status;
}

/* Input i holds one number, or `many` of them (-1: not known). */
static xinf_status quantize_count(xi_infer *c, int32_t i, int64_t many)
{
    int64_t count;
    const xi_type *t = xi_infer_in(c, i);
    if (!t || !xi_shape_count(&t->shape, &count) || count == 1 || many < 0 || count == many)
        return XINF_OK;
    return xi_infer_fail(c, "input %d has %lld elements", (int)i, (long long)count);
}

/* Inputs a, scale, zero, b, scale, zero, scale, zero: element types only. */
static xinf_status quantize_pair(xi_infer *c, uint32_t scales)
{
    xinf_status status;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_BYTE | XI_DTYPES_FLOAT8));
    XI_TRY(xi_infer_among(c, 3, XI_DTYPES_BYTE | XI_DTYPES_FLOAT8));
    XI_TRY(xi_infer_among(c, 7, XI_DTYPES_BYTE | XI_DTYPES_FLOAT8));
    XI_TRY(xi_infer_same_dtype(c, 0, 2));
    XI_TRY(xi_infer_same_dtype(c, 3, 5));
    for (int32_t i = 1; i < 7; i += i == 1 ? 3 : 2) XI_TRY(xi_infer_among(c, i, scales));
    XI_TRY(quantize_count(c, 6, 1));
    XI_TRY(quantize_count(c, 7, 1));
cleanup:
    return status;
}

/* Scales of a matrix: one, one for each row (or column), or one for each row of each matrix of the
 * batch. */
static xinf_status quantize_matrix(xi_infer *c, int32_t first, bool rows)
{
    const xi_shape *m = &c->in[first]->shape;
    xinf_status status = XINF_OK;
    if (!xi_shape_known(m)) return XINF_OK;
    int64_t each = m->rank < 2 ? 1 : m->dim[m->rank - (rows ? 2 : 1)];
    for (int32_t i = first + 1; i <= first + 2; i++) {
        const xi_type *t = xi_infer_in(c, i);
        int64_t count, batch = 1;
        if (!t || !xi_shape_count(&t->shape, &count) || count == 1 || count == each) continue;
        for (int32_t k = 0; k < m->rank - 2; k++)
            batch = batch > INT32_MAX ? batch
                                      : batch * (m->dim[k] > INT32_MAX ? INT32_MAX : m->dim[k]);
        bool fits = t->shape.rank == m->rank && m->rank >= 2 && batch <= INT32_MAX &&
                    each <= INT32_MAX && count == batch * each;
        if (!fits) return xi_infer_fail(c, "input %d has %lld elements", (int)i, (long long)count);
    }
    return status;
}

static xinf_status quantize_matmul(xi_infer *c)
{
    xinf_status status;
    xi_shape out = XI_SHAPE_UNKNOWN, batch_a, batch_b;
    const xi_shape *a = &c->in[0]->shape, *b = &c->in[3]->shape;
    XI_TRY(quantize_pair(c, QUANTIZE_FLOATS));
    XI_TRY(quantize_matrix(c, 0, true));
    XI_TRY(quantize_matrix(c, 3, false));
    if (a->rank == 0 || b->rank == 0) return xi_infer_fail(c, "an input has rank 0");
    if (a->rank > 0 && b->rank > 0) {
        int64_t depth = a->dim[a->rank - 1], other = b->dim[b->rank == 1 ? 0 : b->rank - 2];
        if (depth >= 0 && other >= 0 && depth != other)
            return xi_infer_fail(c, "%lld columns meet %lld rows", (long long)depth,
                                 (long long)other);
        batch_a = xi_shape_of(a->rank < 2 ? 0 : a->rank - 2, a->dim);
        batch_b = xi_shape_of(b->rank < 2 ? 0 : b->rank - 2, b->dim);
        if (!xi_shape_broadcast(&batch_a, &batch_b, &out))
            return xi_infer_fail(c, "the batches do not broadcast");
        if (a->rank > 1) out.dim[out.rank++] = a->dim[a->rank - 2];
        if (b->rank > 1) out.dim[out.rank++] = b->dim[b->rank - 1];
    }
    xi_infer_set(c, 0, xi_infer_dtype(c, 7), &out);
cleanup:
    return status;
}

static xinf_status quantize_conv_shape(xi_infer *c, const xi_shape *x, const xi_shape *w,
                                       xi_shape *out)
{
    xi_window window;
    int64_t group = xi_node_int(c->node, "group", 1);
    if (x->rank < 3 || x->rank != w->rank)
        return xi_infer_fail(c, "the input has rank %d, the weight %d", (int)x->rank, (int)w->rank);
    if (group < 1 || (w->dim[0] >= 0 && w->dim[0] % group != 0) ||
        (x->dim[1] >= 0 && x->dim[1] % group != 0) ||
        (x->dim[1] >= 0 && w->dim[1] >= 0 && x->dim[1] / group != w->dim[1]))
        return xi_infer_fail(
            c,
            "%lld channels, %lld features and a weight of %lld channels do not go with %lld groups",
            (long long)x->dim[1], (long long)w->dim[0], (long long)w->dim[1], (long long)group);
    xinf_status status = xi_window_resolve(&window, c->node, x, w->dim + 2, c->err);
    if (status) return status;
    *out = (xi_shape){.rank = x->rank, .dim = {x->dim[0], w->dim[0]}};
    for (int32_t i = 0; i < window.rank; i++) out->dim[i + 2] = window.out[i];
    return XINF_OK;
}

static xinf_status quantize_conv(xi_infer *c)
{
    xinf_status status;
    const xi_shape *x = &c->in[0]->shape, *w = &c->in[3]->shape;
    xi_shape out = XI_SHAPE_UNKNOWN;
    int64_t features = w->rank >= 0 ? w->dim[0] : -1, count;
    XI_TRY(quantize_pair(c, XI_DTYPE_BIT(XINF_FLOAT32)));
    XI_TRY(xi_infer_among(c, 8, XI_DTYPE_BIT(XINF_INT32)));
    if (x->rank >= 0 && w->rank >= 0) XI_TRY(quantize_conv_shape(c, x, w, &out));
    for (int32_t i = 1; i <= 5; i++)
        if (i != 3) XI_TRY(quantize_count(c, i, i < 3 ? 1 : features));
    if (xi_infer_in(c, 8) && features >= 0 && xi_shape_count(&c->in[8]->shape, &count) &&
        count != features)
        return xi_infer_fail(c, "%lld features have %lld biases", (long long)features,
                             (long long)count);
    xi_infer_set(c, 0, xi_infer_dtype(c, 7), &out);
cleanup:
    return status;
}

static const xi_attr_rule quantize_linear_attrs[] = {
    {"axis", XI_ATTR_INT, false},         {"block_size", XI_ATTR_INT, false},
    {"output_dtype", XI_ATTR_INT, false}, {"precision", XI_ATTR_INT, false},
    {"saturate", XI_ATTR_INT, false},     {NULL}};
static const xi_attr_rule quantize_dequantize_attrs[] = {{"axis", XI_ATTR_INT, false},
                                                         {"block_size", XI_ATTR_INT, false},
                                                         {"output_dtype", XI_ATTR_INT, false},
                                                         {NULL}};
static const xi_attr_rule quantize_conv_attrs[] = {{"auto_pad", XI_ATTR_STRING, false},
                                                   {"dilations", XI_ATTR_INTS, false},
                                                   {"group", XI_ATTR_INT, false},
                                                   {"kernel_shape", XI_ATTR_INTS, false},
                                                   {"pads", XI_ATTR_INTS, false},
                                                   {"strides", XI_ATTR_INTS, false},
                                                   {NULL}};

const xi_op xi_ops_quantize[] = {
    {.name = "QuantizeLinear",
     .min_inputs = 2,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = quantize_linear_attrs,
     .infer = quantize_linear},
    {.name = "DequantizeLinear",
     .min_inputs = 2,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = quantize_dequantize_attrs,
     .infer = quantize_dequantize},
    {.name = "DynamicQuantizeLinear",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 3,
     .max_outputs = 3,
     .infer = quantize_dynamic},
    {.name = "QLinearMatMul",
     .min_inputs = 8,
     .max_inputs = 8,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = quantize_matmul},
    {.name = "QLinearConv",
     .min_inputs = 8,
     .max_inputs = 9,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = quantize_conv_attrs,
     .infer = quantize_conv},
    {0},
};

#undef QUANTIZE_NARROW
#undef QUANTIZE_FLOATS
