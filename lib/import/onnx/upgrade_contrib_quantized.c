/* upgrade_contrib_quantized.c — com.microsoft: operators over integers with scales. Those named
 * QLinear… are the float operator between DequantizeLinear and QuantizeLinear; products stay
 * products of integers. */
#include "import/onnx/formula.h"

/* x, scale and zero point of inputs first …, as floats. */
static xi_value *contrib_dequantized(xi_formula *f, int32_t first)
{
    return xi_formula_dequantize(f, xi_formula_in(f, first), xi_formula_in(f, first + 1),
                                 xi_formula_in(f, first + 2));
}

/* The scale of output 0 is input `scale`, its zero point the next; its type is the first input's
 * where there is no zero point. */
static xinf_status contrib_requantized(xi_formula *f, xi_value *y, int32_t scale, int32_t like)
{
    xi_value *same = xi_formula_in(f, like), *zero = xi_formula_in(f, scale + 1);
    if (!zero && (!same || same->type.dtype == XINF_UNDEFINED))
        return xi_formula_refuse(f->n, "no zero point says its output's type");
    xi_formula_give(f, 0, xi_formula_quantize(f, y, xi_formula_in(f, scale), zero, same));
    return xi_formula_end(f);
}

static xinf_status contrib_q_binary(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_value *a = contrib_dequantized(&f, 0), *b = contrib_dequantized(&f, 3);
    return contrib_requantized(
        &f, XI_PUT(&f, xi_str_is(n->op_name, "QLinearAdd") ? "Add" : "Mul", a, b), 6, 0);
}

static xinf_status contrib_q_unary(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    bool leaky = xi_str_is(n->op_name, "QLinearLeakyRelu");
    xi_value *x = contrib_dequantized(&f, 0);
    if (leaky) xi_formula_float(&f, "alpha", xi_node_float(n, "alpha", 0.01f));
    return contrib_requantized(&f, XI_PUT(&f, leaky ? "LeakyRelu" : "Sigmoid", x), 3, 0);
}

static xinf_status contrib_q_where(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_value *x = contrib_dequantized(&f, 1), *y = contrib_dequantized(&f, 4);
    return contrib_requantized(&f, XI_PUT(&f, "Where", xi_formula_in(&f, 0), x, y), 7, 1);
}

static xinf_status contrib_q_concat(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    enum { MAX = 256 };
    xi_value *parts[MAX];
    xi_formula f = xi_formula_of(im, n);
    int32_t count = (n->input_count - 2) / 3;
    if (count < 1 || n->input_count % 3 != 2) return XINF_OK;
    if (count > MAX) return xi_formula_refuse(n, "more than 256 inputs are not supported");
    for (int32_t i = 0; i < count; i++) parts[i] = contrib_dequantized(&f, 2 + 3 * i);
    xi_formula_int(&f, "axis", xi_node_int(n, "axis", 0));
    xi_value *y = xi_formula_value(&f, "Concat", parts, count);
    return contrib_requantized(&f, y, 0, 2);
}

/* Softmax of an operator set before 13 sees a matrix: axes before `axis` times the rest. */
static xinf_status contrib_q_softmax(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    int64_t axis = xi_node_int(n, "axis", -1);
    bool flat = xi_node_int(n, "opset", 13) < 13;
    xi_value *x = contrib_dequantized(&f, 0), *seen = x;
    if (flat) {
        xi_formula_int(&f, "axis", axis);
        seen = XI_PUT(&f, "Flatten", x);
    }
    xi_formula_int(&f, "axis", flat ? 1 : axis);
    seen = XI_PUT(&f, "Softmax", seen);
    if (flat) seen = XI_PUT(&f, "Reshape", seen, XI_PUT(&f, "Shape", x));
    return contrib_requantized(&f, seen, 3, 0);
}

/* ---- layouts: channels_last puts a transposition before and behind ---- */

static xinf_status contrib_q_pool(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const char *const kept[] = {"auto_pad",     "ceil_mode", "count_include_pad",
                                       "kernel_shape", "pads",      "strides"};
    xi_formula f = xi_formula_of(im, n);
    bool last = xi_node_int(n, "channels_last", 0) != 0,
         global = xi_str_is(n->op_name, "QLinearGlobalAveragePool");
    int32_t rank = xi_onnx_up_rank(n, 0);
    if (last && rank < 3) return xi_formula_refuse(n, "channels_last needs an input of known rank");
    xi_value *x = contrib_dequantized(&f, 0);
    if (last) x = xi_formula_layout(&f, x, rank, true);
    for (int32_t i = 0; i < 6 && !global; i++) xi_formula_pass(&f, kept[i]);
    x = XI_PUT(&f, global ? "GlobalAveragePool" : "AveragePool", x);
    if (last) x = xi_formula_layout(&f, x, rank, false);
    return contrib_requantized(&f, x, 3, 0);
}

static xinf_status contrib_q_conv(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    static const char *const kept[] = {"auto_pad",     "dilations", "group",
                                       "kernel_shape", "pads",      "strides"};
    xi_formula f = xi_formula_of(im, n);
    xi_value *in[9];
    bool last = xi_node_int(n, "channels_last", 0) != 0;
    int32_t rank = xi_onnx_up_rank(n, 0);
    if (last && rank < 3) return xi_formula_refuse(n, "channels_last needs an input of known rank");
    for (int32_t i = 0; i < 9; i++) in[i] = xi_formula_in(&f, i);
    if (last) in[0] = xi_formula_layout(&f, in[0], rank, true);
    for (int32_t i = 0; i < 6; i++) xi_formula_pass(&f, kept[i]);
    xi_value *y = xi_formula_value(&f, "QLinearConv", in, 9);
    if (last) y = xi_formula_layout(&f, y, rank, false);
    xi_formula_give(&f, 0, y);
    return xi_formula_end(&f);
}

/* ---- products ---- */

static xi_value *contrib_q_matrix(xi_formula *f, xi_value *x, bool trans)
{
    static const int64_t swap[] = {1, 0};
    return trans ? xi_formula_transpose(f, x, swap, 2) : x;
}

/* Inputs: A, scale, zero, B, scale, zero, [C int32], [y scale], [y zero]. */
static xinf_status contrib_q_gemm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    float alpha = xi_node_float(n, "alpha", 1);
    xi_value *a = contrib_q_matrix(&f, xi_formula_in(&f, 0), xi_node_int(n, "transA", 0) != 0);
    xi_value *b = contrib_q_matrix(&f, xi_formula_in(&f, 3), xi_node_int(n, "transB", 0) != 0);
    xi_value *sum = XI_PUT(&f, "MatMulInteger", a, b, xi_formula_in(&f, 2), xi_formula_in(&f, 5));
    sum = xi_formula_plus(&f, sum, xi_formula_in(&f, 6));
    xi_value *scale = XI_PUT(&f, "Mul", xi_formula_in(&f, 1), xi_formula_in(&f, 4));
    if (alpha != 1) scale = XI_PUT(&f, "Mul", scale, xi_formula_scalar(&f, scale, (double)alpha));
    xi_value *y = XI_PUT(&f, "Mul", xi_formula_cast(&f, sum, XINF_FLOAT32), scale);
    if (xi_formula_in(&f, 7)) return contrib_requantized(&f, y, 7, 0);
    xi_formula_give(&f, 0, y);
    return xi_formula_end(&f);
}

/* The integers' product as floats of the scales' type, with a bias. */
static xi_value *contrib_scaled(xi_formula *f, xi_value *sum, xi_value *scale, xi_value *bias)
{
    xi_value *wide = xi_formula_cast(f, sum, XINF_FLOAT32),
             *exact = xi_formula_cast(f, scale, XINF_FLOAT32);
    xi_value *y = XI_PUT(f, "Mul", wide, exact);
    if (scale && scale->type.dtype != XINF_FLOAT32) y = XI_PUT(f, "CastLike", y, scale);
    return xi_formula_plus(f, y, bias);
}

/* Inputs: A, B, A scale, B scale, [A zero], [B zero], [bias]. */
static xinf_status contrib_integer_to_float(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_value *sum = XI_PUT(&f, "MatMulInteger", xi_formula_in(&f, 0), xi_formula_in(&f, 1),
                           xi_formula_in(&f, 4), xi_formula_in(&f, 5));
    xi_value *scale = XI_PUT(&f, "Mul", xi_formula_in(&f, 2), xi_formula_in(&f, 3));
    xi_formula_give(&f, 0, contrib_scaled(&f, sum, scale, xi_formula_in(&f, 6)));
    return xi_formula_end(&f);
}

/* Inputs: A (float), B, B scale, [B zero], [bias]. */
static xinf_status contrib_dynamic_matmul(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_node *a = XI_PUT_NODE(&f, "DynamicQuantizeLinear", 3, xi_formula_in(&f, 0));
    xi_value *sum = XI_PUT(&f, "MatMulInteger", xi_formula_output(&f, a, 0), xi_formula_in(&f, 1),
                           xi_formula_output(&f, a, 2), xi_formula_in(&f, 3));
    xi_value *scale = XI_PUT(&f, "Mul", xi_formula_output(&f, a, 1), xi_formula_in(&f, 2));
    xi_formula_give(&f, 0, contrib_scaled(&f, sum, scale, xi_formula_in(&f, 4)));
    return xi_formula_end(&f);
}

/* ---- weights of 2, 4 or 8 bits ---- */

/* uint8 [rows, any] → one element for each `bits` of it, low bits first: [rows, all]. */
static xi_value *contrib_unpack(xi_formula *f, xi_value *x, int64_t rows, int64_t bits)
{
    xi_value *part[4];
    int32_t count = (int32_t)(8 / bits);
    xi_value *flat = XI_PUT(f, "Reshape", x, XI_LIST(f, rows, -1));
    if (count == 1) return flat;
    flat = xi_formula_unsqueeze(f, flat, 2);
    for (int32_t i = 0; i < count; i++) {
        xi_value *down = xi_formula_scalar(f, flat, (double)(bits * i));
        part[i] = flat;
        if (i > 0) xi_formula_string(f, "direction", "RIGHT");
        if (i > 0) part[i] = XI_PUT(f, "BitShift", part[i], down);
        if (i + 1 < count)
            part[i] = XI_PUT(f, "BitwiseAnd", part[i],
                             xi_formula_scalar(f, part[i], (double)((1 << bits) - 1)));
    }
    xi_formula_int(f, "axis", 2);
    return XI_PUT(f, "Reshape", xi_formula_value(f, "Concat", part, count), XI_LIST(f, rows, -1));
}

/* One zero point for each scale; uint8, or of A's type. */
static xi_value *contrib_nbits_zero(xi_formula *f, xi_value *zero, xi_value *scales, int64_t rows,
                                    int64_t blocks, int64_t bits)
{
    if (!zero) {
        const uint8_t middle = (uint8_t)(1 << (bits - 1));
        xi_shape scalar = XI_SHAPE_SCALAR;
        xi_literal *l = xi_graph_literal(f->n->graph, XINF_UINT8, &scalar, &middle);
        xi_value *one = l ? xi_graph_add_constant(f->n->graph, XI_STR(""), l) : NULL;
        xi_formula_need(f, one);
        return XI_PUT(f, "Expand", one, XI_PUT(f, "Shape", scales));
    }
    if (zero->type.dtype != XINF_UINT8) return XI_PUT(f, "Reshape", zero, XI_LIST(f, rows, -1));
    return xi_formula_slice(f, contrib_unpack(f, zero, rows, bits), 0, blocks, 1);
}

/* The same of a constant, as a constant of that many bits: the first `columns` of each row, whose
 * `bytes` bytes it has in the file. */
static xi_value *contrib_unpack_constant(xi_formula *f, const xi_value *x, int64_t rows,
                                         int64_t bytes, int64_t columns, int64_t bits)
{
    const uint8_t *from = x->literal->data;
    int64_t count = 8 / bits;
    void *room = NULL;
    xi_literal *l = xi_arena_alloc(f->n->graph->arena, sizeof *l);
    xi_shape shape = {.rank = 2, .dim = {rows, columns}};
    if (!l || xi_onnx_room(&room, f->im, (size_t)(rows * columns), x->name)) {
        xi_formula_need(f, NULL);
        return NULL;
    }
    uint8_t *to = room;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < columns; i++)
            to[r * columns + i] = (uint8_t)(from[r * bytes + i / count] >> (i % count * bits) &
                                            ((1 << bits) - 1));
    *l = (xi_literal){.dtype = bits == 8   ? XINF_UINT8
                               : bits == 4 ? XINF_UINT4
                                           : XINF_UINT2,
                      .shape = shape,
                      .count = rows * columns,
                      .data = to,
                      .size = (size_t)(rows * columns)};
    xi_value *v = xi_graph_add_constant(f->n->graph, XI_STR(""), l);
    xi_formula_need(f, v);
    return v;
}

static bool contrib_nbits_holds(const xi_value *v, int64_t bytes)
{
    return v && v->literal && v->literal->dtype == XINF_UINT8 && v->literal->count == bytes;
}

/* Weights and zero points as constants; false when the general way must be taken. */
static bool contrib_nbits_constant(xi_formula *f, int64_t rows, int64_t depth, int64_t block,
                                   int64_t bits, xi_value **q, xi_value **zero)
{
    int64_t blocks = depth / block + (depth % block != 0), each = block * bits / 8,
            count = 8 / bits, zeros = blocks / count + (blocks % count != 0);
    const xi_value *b = xi_formula_in(f, 1), *z = xi_formula_in(f, 3);
    bool fits = blocks <= INT32_MAX / each && rows <= PTRDIFF_MAX / depth &&
                rows <= PTRDIFF_MAX / (blocks * each) &&
                contrib_nbits_holds(b, rows * blocks * each);
    if (!fits || xi_formula_in(f, 4) || (z && !contrib_nbits_holds(z, rows * zeros))) return false;
    *q = contrib_unpack_constant(f, b, rows, blocks * each, depth, bits);
    if (z) {
        *zero = contrib_unpack_constant(f, z, rows, zeros, blocks, bits);
        return true;
    }
    void *room = NULL;
    xi_literal *l = xi_arena_alloc(f->n->graph->arena, sizeof *l);
    if (f->failed || !l || xi_onnx_room(&room, f->im, (size_t)(rows * blocks), b->name)) {
        xi_formula_need(f, NULL);
        return true;
    }
    memset(room, 1 << (bits - 1), (size_t)(rows * blocks));
    *l = (xi_literal){.dtype = (*q)->type.dtype,
                      .shape = {.rank = 2, .dim = {rows, blocks}},
                      .count = rows * blocks,
                      .data = room,
                      .size = (size_t)(rows * blocks)};
    *zero = xi_graph_add_constant(f->n->graph, XI_STR(""), l);
    xi_formula_need(f, *zero);
    return true;
}

/* A times the weights [N, K], still integers when there are scales, plus the bias. */
static xinf_status contrib_nbits_product(xi_formula *f, xi_value *q, xi_value *scales,
                                         xi_value *zero, int64_t block)
{
    static const int64_t swap[] = {1, 0};
    if (scales) {
        xi_formula_int(f, "axis", 1);
        xi_formula_int(f, "block_size", block);
        q = xi_formula_dequantize(f, q, scales, zero);
    }
    xi_value *y = XI_PUT(f, "MatMul", xi_formula_in(f, 0), xi_formula_transpose(f, q, swap, 2));
    xi_formula_give(f, 0, xi_formula_plus(f, y, xi_formula_in(f, 5)));
    return xi_formula_end(f);
}

/* Inputs: A, B [N, blocks, bytes], scales [N · blocks], [zero points], [g_idx], [bias]. */
static xinf_status contrib_matmul_nbits(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    int64_t rows = xi_node_int(n, "N", 0), depth = xi_node_int(n, "K", 0),
            block = xi_node_int(n, "block_size", 0);
    int64_t bits = xi_node_int(n, "bits", 4);
    xi_value *zero = xi_formula_in(&f, 3), *group = xi_formula_in(&f, 4), *b = xi_formula_in(&f, 1);
    if (bits != 2 && bits != 4 && bits != 8)
        return xi_formula_refuse(n, "its weights have neither 2, 4 nor 8 bits");
    if (xi_node_int(n, "weight_prepacked", 0))
        return xi_formula_refuse(n, "weights packed for one kind of device are not supported");
    if (rows < 1 || depth < 1 || block < 16 || rows > INT32_MAX || depth > INT32_MAX ||
        block > INT32_MAX)
        return xi_formula_refuse(n, "N, K or block_size is out of range");
    if ((b && b->type.dtype != XINF_UNDEFINED && b->type.dtype != XINF_UINT8) ||
        (zero && zero->type.dtype == XINF_UNDEFINED))
        return xi_formula_refuse(n, "its weights or zero points are of another type");
    int64_t blocks = depth / block + (depth % block != 0);
    xi_value *q = NULL,
             *scales = XI_PUT(&f, "Reshape", xi_formula_in(&f, 2), XI_LIST(&f, rows, blocks));
    if (contrib_nbits_constant(&f, rows, depth, block, bits, &q, &zero))
        return contrib_nbits_product(&f, q, scales, zero, block);
    q = contrib_unpack(&f, b, rows, bits);
    zero = contrib_nbits_zero(&f, zero, scales, rows, blocks, bits);
    if (depth % block) q = xi_formula_slice(&f, q, 0, depth, 1);
    if (group) {
        xi_formula_int(&f, "axis", 1);
        scales = XI_PUT(&f, "Gather", scales, group);
        xi_formula_int(&f, "axis", 1);
        zero = XI_PUT(&f, "Gather", zero, group);
    }
    if (zero && zero->type.dtype !=
                    XINF_UINT8) { /* zero points with a fraction: the blocks are spelled out */
        xi_value *wide = XI_PUT(&f, "CastLike", q, scales);
        if (!group) {
            xi_value *places = XI_PUT(&f, "Div", xi_formula_range(&f, XI_LIST(&f, depth)),
                                      XI_LIST(&f, block));
            xi_formula_int(&f, "axis", 1);
            scales = XI_PUT(&f, "Gather", scales, places);
            xi_formula_int(&f, "axis", 1);
            zero = XI_PUT(&f, "Gather", zero, places);
        }
        q = XI_PUT(&f, "Mul", XI_PUT(&f, "Sub", wide, zero), scales);
        return contrib_nbits_product(&f, q, NULL, NULL, 0);
    }
    return contrib_nbits_product(&f, q, scales, zero, group ? 1 : block);
}

static xinf_status contrib_q_same(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_onnx_up_rename(n, xi_str_is(n->op_name, "QuantizeLinear") ? "QuantizeLinear"
                                                                 : "DequantizeLinear");
    return XINF_OK;
}

const xi_onnx_upgrade_row xi_onnx_upgrade_contrib_quantized[] = {
    {"QuantizeLinear", 1, 1, contrib_q_same},
    {"DequantizeLinear", 1, 1, contrib_q_same},
    {"QLinearAdd", 1, 1, contrib_q_binary},
    {"QLinearMul", 1, 1, contrib_q_binary},
    {"QLinearSigmoid", 1, 1, contrib_q_unary},
    {"QLinearLeakyRelu", 1, 1, contrib_q_unary},
    {"QLinearWhere", 1, 1, contrib_q_where},
    {"QLinearConcat", 1, 1, contrib_q_concat},
    {"QLinearSoftmax", 1, 1, contrib_q_softmax},
    {"QLinearAveragePool", 1, 1, contrib_q_pool},
    {"QLinearGlobalAveragePool", 1, 1, contrib_q_pool},
    {"QLinearConv", 1, 1, contrib_q_conv},
    {"QGemm", 1, 1, contrib_q_gemm},
    {"MatMulIntegerToFloat", 1, 1, contrib_integer_to_float},
    {"DynamicQuantizeMatMul", 1, 1, contrib_dynamic_matmul},
    {"MatMulNBits", 1, 1, contrib_matmul_nbits},
    {NULL, 0, 0, NULL},
};
