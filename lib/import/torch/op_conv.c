/* op_conv.c — convolutions and their transposes. */
#include "import/torch/op.h"

typedef struct op_conv_config {
    int64_t strides[3], pads[6], dilations[3], output_padding[3];
    int32_t dims;
    int64_t groups;
    bool same; /* padding "same" */
} op_conv_config;

/* The spatial dimensions: given by the operator, or by the weight. */
static int32_t op_conv_dims(xi_aten *x, xi_value *weight, const xi_aten_op *op)
{
    int32_t dims = op->number ? (int32_t)op->number : xi_aten_need_rank(x, weight, op->name) - 2;
    if (x->status == XINF_OK && (dims < 1 || dims > 3))
        xi_aten_fail(x, XINF_UNSUPPORTED, "%s over %d dimensions", op->name, dims);
    return x->status == XINF_OK ? dims : 0;
}

static bool op_conv_read(xi_aten *x, op_conv_config *c, const xi_aten_value *stride,
                         const xi_aten_value *padding, const xi_aten_value *dilation,
                         const xi_aten_value *groups, const char *who)
{
    int32_t n = c->dims;
    if (n == 0) return false;
    if (xi_aten_arg_ints(x, stride, c->strides, 3, n, who) == 0)
        for (int32_t i = 0; i < n; i++) c->strides[i] = 1;
    if (padding->kind == XI_ATEN_STRING)
        c->same = xi_str_is(padding->s, "same");
    else if (xi_aten_arg_ints(x, padding, c->pads, 3, n, who) < 0)
        return false;
    if (xi_aten_arg_ints(x, dilation, c->dilations, 3, n, who) < 0) return false;
    for (int32_t i = 0; i < n; i++) c->pads[n + i] = c->pads[i];
    c->groups = xi_aten_arg_int(x, groups, who);
    return x->status == XINF_OK;
}

/* The input with a batch of one when it has none. */
static xi_value *op_conv_batched(xi_aten *x, xi_value *v, int32_t dims, bool *added)
{
    *added = xi_aten_rank(v) == dims + 1;
    return *added ? xi_aten_unsqueeze(x, v, 0) : v;
}

static xi_value *op_conv_emit(xi_aten *x, const char *name, xi_value *v, xi_value *w, xi_value *b,
                              op_conv_config *c)
{
    int64_t kernel[3], total;
    xi_value *in[3] = {v, w, b};
    xi_attr attrs[6];
    int32_t n = 0;
    bool open = false;
    if (x->status != XINF_OK) return NULL;
    for (int32_t i = 0; i < c->dims; i++)
        kernel[i] = xi_aten_rank(w) == c->dims + 2 ? w->type.shape.dim[i + 2] : -1;
    for (int32_t i = 0; c->same && i < c->dims; i++) {
        if (kernel[i] < 0) {
            open = true;
            break;
        }
        total = c->dilations[i] * (kernel[i] - 1);
        c->pads[i] = total / 2;
        c->pads[c->dims + i] = total - total / 2;
    }
    attrs[n++] = XI_ATEN_ATTR_INTS("strides", c->strides, c->dims);
    if (open)
        attrs[n++] = XI_ATEN_ATTR_TEXT(
            "auto_pad", "SAME_UPPER"); /* the same at stride 1, which "same" demands */
    else
        attrs[n++] = XI_ATEN_ATTR_INTS("pads", c->pads, 2 * c->dims);
    attrs[n++] = XI_ATEN_ATTR_INTS("dilations", c->dilations, c->dims);
    attrs[n++] = XI_ATEN_ATTR_INT("group", c->groups);
    if (kernel[0] > 0) attrs[n++] = XI_ATEN_ATTR_INTS("kernel_shape", kernel, c->dims);
    if (xi_str_is(xi_str_of(name), "ConvTranspose"))
        attrs[n++] = XI_ATEN_ATTR_INTS("output_padding", c->output_padding, c->dims);
    return xi_aten_emit(x, name, b ? 3 : 2, in, n, attrs);
}

static xi_aten_value op_conv_result(xi_aten *x, const char *name, const xi_aten_value *a,
                                    op_conv_config *c)
{
    bool added;
    xi_value *v = op_conv_batched(x, xi_aten_arg(x, &a[0]), c->dims, &added),
             *y = op_conv_emit(x, name, v, xi_aten_arg(x, &a[1]), xi_aten_arg(x, &a[2]), c);
    return xi_aten_result(x, added ? xi_aten_squeeze(x, y, 0) : y);
}

static xi_aten_value op_conv_plain(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_conv_config c = {.dims = op_conv_dims(x, xi_aten_arg(x, &a[1]), op)};
    if (!op_conv_read(x, &c, &a[3], &a[4], &a[5], &a[6], op->name)) return xi_aten_none();
    return op_conv_result(x, "Conv", a, &c);
}

/* conv_transposeNd(input, weight, bias, stride, padding, output_padding, groups, dilation) */
static xi_aten_value op_conv_transposed(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_conv_config c = {.dims = op_conv_dims(x, xi_aten_arg(x, &a[1]), op)};
    if (!op_conv_read(x, &c, &a[3], &a[4], &a[7], &a[6], op->name)) return xi_aten_none();
    if (xi_aten_arg_ints(x, &a[5], c.output_padding, 3, c.dims, op->name) < 0)
        return xi_aten_none();
    return op_conv_result(x, "ConvTranspose", a, &c);
}

/* _convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups,
 * …) */
static xi_aten_value op_conv_general(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_conv_config c = {.dims = op_conv_dims(x, xi_aten_arg(x, &a[1]), op)};
    if (!op_conv_read(x, &c, &a[3], &a[4], &a[5], &a[8], op->name)) return xi_aten_none();
    if (xi_aten_arg_ints(x, &a[7], c.output_padding, 3, c.dims, op->name) < 0)
        return xi_aten_none();
    return op_conv_result(x, xi_aten_arg_bool(x, &a[6], op->name) ? "ConvTranspose" : "Conv", a,
                          &c);
}

#define CONV_ARGS "T:input T:weight t:bias=None I:stride=1 I:padding=0 I:dilation=1 i:groups=1"
#define CONV_ARGS_TEXT \
    "T:input T:weight t:bias=None I:stride=1 S:padding='valid' I:dilation=1 i:groups=1"
#define CONV_ARGS_BACK                                                                   \
    "T:input T:weight t:bias=None I:stride=1 I:padding=0 I:output_padding=0 i:groups=1 " \
    "I:dilation=1"

const xi_aten_op xi_aten_ops_conv[] = {
    {"conv1d", CONV_ARGS, op_conv_plain, NULL, 1},
    {"conv2d", CONV_ARGS, op_conv_plain, NULL, 2},
    {"conv3d", CONV_ARGS, op_conv_plain, NULL, 3},
    {"conv1d", CONV_ARGS_TEXT, op_conv_plain, NULL, 1},
    {"conv2d", CONV_ARGS_TEXT, op_conv_plain, NULL, 2},
    {"conv3d", CONV_ARGS_TEXT, op_conv_plain, NULL, 3},
    {"_convolution_mode", "T:input T:weight t:bias I:stride S:padding I:dilation i:groups",
     op_conv_plain, NULL, 0},
    {"conv_transpose1d", CONV_ARGS_BACK, op_conv_transposed, NULL, 1},
    {"conv_transpose2d", CONV_ARGS_BACK, op_conv_transposed, NULL, 2},
    {"conv_transpose3d", CONV_ARGS_BACK, op_conv_transposed, NULL, 3},
    {"convolution",
     "T:input T:weight t:bias I:stride I:padding I:dilation b:transposed I:output_padding i:groups",
     op_conv_general, NULL, 0},
    {"_convolution",
     "T:input T:weight t:bias I:stride I:padding I:dilation b:transposed I:output_padding i:groups "
     "b:benchmark b:deterministic b:cudnn_enabled "
     "b:allow_tf32=True",
     op_conv_general, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};

#undef CONV_ARGS
#undef CONV_ARGS_TEXT
#undef CONV_ARGS_BACK
