/* op_transformer.c — whole layers of transformers, which PyTorch calls by one name where it has a
 * fast path for them. */
#include "import/torch/op.h"

/* The part `at` of three along the last axis. */
static xi_aten_value op_transformer_third(xi_aten *x, const xi_aten_value *v, int64_t dim,
                                          int64_t at)
{
    xi_aten_value args[4] = {*v, xi_aten_int(-1), xi_aten_int(at * dim), xi_aten_int(dim)};
    return xi_aten_recall(x, "narrow", args, 4);
}

/* [batch, length, heads × size] as [batch, heads, length, size] */
static xi_aten_value op_transformer_heads(xi_aten *x, xi_aten_value v, int64_t heads)
{
    xi_aten_value sizes = xi_aten_new_list(x, XI_ATEN_LIST, 2);
    if (x->status != XINF_OK) return xi_aten_none();
    xi_aten_append(x, sizes.list, xi_aten_int(heads));
    xi_aten_append(x, sizes.list, xi_aten_int(-1));
    v = xi_aten_recall(x, "unflatten", (xi_aten_value[]){v, xi_aten_int(-1), sizes}, 3);
    return xi_aten_recall(x, "transpose", (xi_aten_value[]){v, xi_aten_int(1), xi_aten_int(2)}, 3);
}

static xi_aten_value op_transformer_linear(xi_aten *x, const xi_aten_value *v,
                                           const xi_aten_value *weight, const xi_aten_value *bias)
{
    return xi_aten_recall(x, "linear", (xi_aten_value[]){*v, *weight, *bias}, 3);
}

/* A mask tells what is not to be seen; kind 1: keys of each sequence of the batch. */
static xi_aten_value op_transformer_mask(xi_aten *x, const xi_aten_value *mask,
                                         const xi_aten_value *kind)
{
    if (mask->kind == XI_ATEN_NONE) return *mask;
    xi_aten_value m = *mask;
    if (xi_aten_dtype(xi_aten_arg(x, mask)) == XINF_BOOL)
        m = xi_aten_recall(x, "logical_not", mask, 1);
    if (kind->kind != XI_ATEN_INT || kind->i != 1) return m;
    m = xi_aten_recall(x, "unsqueeze", (xi_aten_value[]){m, xi_aten_int(1)}, 2);
    return xi_aten_recall(x, "unsqueeze", (xi_aten_value[]){m, xi_aten_int(1)}, 2);
}

/* in: query, key, value, embed_dim, num_head, qkv_weight, qkv_bias, proj_weight, proj_bias */
static xi_aten_value op_transformer_attend(xi_aten *x, const xi_aten_value *a, xi_aten_value mask)
{
    int64_t dim = xi_aten_arg_int(x, &a[3], "attention's size"),
            heads = xi_aten_arg_int(x, &a[4], "attention's heads");
    xi_aten_value part[3];
    if (x->status != XINF_OK) return xi_aten_none();
    if (heads < 1 || dim % heads)
        return xi_aten_fail(x, XINF_MALFORMED, "%lld heads do not divide %lld", (long long)heads,
                            (long long)dim),
               xi_aten_none();
    bool own = a[0].tensor == a[1].tensor && a[1].tensor == a[2].tensor;
    xi_aten_value all = op_transformer_linear(x, &a[0], &a[5], &a[6]);
    for (int i = 0; i < 3; i++) {
        xi_aten_value one = own || i == 0 ? all : op_transformer_linear(x, &a[i], &a[5], &a[6]);
        part[i] = op_transformer_heads(x, op_transformer_third(x, &one, dim, i), heads);
    }
    xi_aten_value y = xi_aten_recall(x, "scaled_dot_product_attention",
                                     (xi_aten_value[]){part[0], part[1], part[2], mask}, 4);
    y = xi_aten_recall(x, "transpose", (xi_aten_value[]){y, xi_aten_int(1), xi_aten_int(2)}, 3);
    y = xi_aten_recall(x, "flatten", (xi_aten_value[]){y, xi_aten_int(2), xi_aten_int(3)}, 3);
    return op_transformer_linear(x, &y, &a[7], &a[8]);
}

static xi_aten_value op_transformer_attention(xi_aten *x, const xi_aten_value *a,
                                              const xi_aten_op *op)
{
    if (xi_aten_arg_bool(x, &a[10], op->name))
        return xi_aten_fail(x, XINF_UNSUPPORTED, "%s with its weights as a result", op->name),
               xi_aten_none();
    xi_aten_value out = xi_aten_new_list(x, XI_ATEN_TUPLE, 2);
    xi_aten_value y = op_transformer_attend(x, a, op_transformer_mask(x, &a[9], &a[12]));
    if (x->status != XINF_OK) return xi_aten_none();
    xi_aten_append(x, out.list, y);
    xi_aten_append(x, out.list, xi_aten_none());
    return out;
}

static xi_aten_value op_transformer_norm(xi_aten *x, const xi_aten_value *v,
                                         const xi_aten_value *weight, const xi_aten_value *bias,
                                         const xi_aten_value *eps, int64_t dim)
{
    return xi_aten_recall(x, "layer_norm",
                          (xi_aten_value[]){*v, xi_aten_int(dim), *weight, *bias, *eps}, 5);
}

static xi_aten_value op_transformer_forward(xi_aten *x, const xi_aten_value *v,
                                            const xi_aten_value *a)
{
    xi_aten_value y = op_transformer_linear(x, v, &a[14], &a[15]);
    y = xi_aten_recall(x, xi_aten_arg_bool(x, &a[7], "gelu") ? "gelu" : "relu", &y, 1);
    return op_transformer_linear(x, &y, &a[16], &a[17]);
}

static xi_aten_value op_transformer_layer(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    bool first = xi_aten_arg_bool(x, &a[8], op->name);
    int64_t dim = xi_aten_arg_int(x, &a[1], op->name);
    xi_aten_value src = a[0], y = src, mask = op_transformer_mask(x, &a[18], &a[19]);
    if (first) y = op_transformer_norm(x, &src, &a[10], &a[11], &a[9], dim);
    y = op_transformer_attend(x, (xi_aten_value[]){y, y, y, a[1], a[2], a[3], a[4], a[5], a[6]},
                              mask);
    y = xi_aten_recall(x, "add", (xi_aten_value[]){src, y}, 2);
    if (!first) y = op_transformer_norm(x, &y, &a[10], &a[11], &a[9], dim);
    src = y;
    if (first) y = op_transformer_norm(x, &src, &a[12], &a[13], &a[9], dim);
    y = op_transformer_forward(x, &y, a);
    y = xi_aten_recall(x, "add", (xi_aten_value[]){src, y}, 2);
    return first ? y : op_transformer_norm(x, &y, &a[12], &a[13], &a[9], dim);
}

const xi_aten_op xi_aten_ops_transformer[] = {
    {"_native_multi_head_attention",
     "T:query T:key T:value i:embed_dim i:num_head T:qkv_weight T:qkv_bias T:proj_weight "
     "T:proj_bias t:mask=None b:need_weights=True "
     "b:average_attn_weights=True i?:mask_type=None",
     op_transformer_attention, NULL, 0},
    {"_transformer_encoder_layer_fwd",
     "T:src i:embed_dim i:num_heads T:qkv_weight T:qkv_bias T:proj_weight T:proj_bias b:use_gelu "
     "b:norm_first f:eps T:norm_weight_1 T:norm_bias_1 "
     "T:norm_weight_2 T:norm_bias_2 T:ffn_weight_1 T:ffn_bias_1 T:ffn_weight_2 T:ffn_bias_2 "
     "t:mask=None i?:mask_type=None",
     op_transformer_layer, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};
