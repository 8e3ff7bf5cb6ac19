/* op_norm.c — normalisations. */
#include "import/torch/op.h"

/* Weight or bias left out: ones or zeros of the channels. */
static xi_value *op_norm_vector(xi_aten *x, const xi_aten_value *given, xi_value *like, double fill)
{
    xi_value *v = xi_aten_arg(x, given);
    if (v || x->status != XINF_OK) return v;
    return xi_aten_expand(x, xi_aten_number_like(x, like, fill), xi_aten_shape(x, like));
}

/* batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps,
 * cudnn_enabled) */
static xi_aten_value op_norm_batch(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *mean = xi_aten_arg(x, &a[3]),
             *var = xi_aten_arg(x, &a[4]);
    if (xi_aten_arg_bool(x, &a[5], "batch_norm's training") || !mean || !var) {
        if (x->status != XINF_OK) return xi_aten_none();
        /* In training the batch's own moments are taken. */
        int64_t axes[XI_MAX_RANK], dims[XI_MAX_RANK];
        int32_t rank = xi_aten_need_rank(x, v, "batch_norm in training"), n = 0;
        for (int32_t i = 0; i < rank; i++) {
            dims[i] = i == 1 ? -1 : 1;
            if (i != 1) axes[n++] = i;
        }
        xi_value *centre = xi_aten_emit2(x, "Sub", v,
                                         xi_aten_reduce(x, "ReduceMean", v, axes, n, true));
        xi_value *square = xi_aten_reduce(x, "ReduceMean", xi_aten_emit2(x, "Mul", centre, centre),
                                          axes, n, true);
        xi_value *y = xi_aten_emit2(
            x, "Div", centre,
            xi_aten_emit1(
                x, "Sqrt",
                xi_aten_emit2(x, "Add", square,
                              xi_aten_number_like(x, v, xi_aten_arg_double(x, &a[7], "eps")))));
        xi_value *w = xi_aten_arg(x, &a[1]), *b = xi_aten_arg(x, &a[2]);
        if (w) y = xi_aten_emit2(x, "Mul", y, xi_aten_reshape(x, w, dims, rank));
        if (b) y = xi_aten_emit2(x, "Add", y, xi_aten_reshape(x, b, dims, rank));
        return xi_aten_result(x, y);
    }
    xi_value *in[5] = {v, op_norm_vector(x, &a[1], mean, 1), op_norm_vector(x, &a[2], mean, 0),
                       mean, var};
    return xi_aten_result(x, xi_aten_emit(x, "BatchNormalization", 5, in, 1,
                                          (xi_attr[]){XI_ATEN_ATTR_FLOAT(
                                              "epsilon", xi_aten_arg_double(x, &a[7], "eps"))}));
}

/* instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps,
 * cudnn_enabled) */
static xi_aten_value op_norm_instance(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *weight = xi_aten_arg(x, &a[1]), *in[3];
    double eps = xi_aten_arg_double(x, &a[7], "eps");
    if (!xi_aten_arg_bool(x, &a[5], "use_input_stats")) {
        xi_aten_value b[9] = {a[0], a[1], a[2], a[3], a[4], xi_aten_bool(false), a[6], a[7], a[8]};
        return op_norm_batch(x, b, op);
    }
    int64_t channels = v && xi_aten_rank(v) > 1 ? v->type.shape.dim[1] : -1;
    xi_value *like = weight ? weight : xi_aten_arg(x, &a[3]);
    if (!like && channels > 0)
        like = xi_aten_expand(x, xi_aten_number_like(x, v, 1), xi_aten_int1(x, channels));
    if (!like)
        like = xi_aten_expand(x, xi_aten_number_like(x, v, 1),
                              xi_aten_slice(x, xi_aten_shape(x, v), 0, 1, 2, 1));
    in[0] = v;
    in[1] = op_norm_vector(x, &a[1], like, 1);
    in[2] = op_norm_vector(x, &a[2], like, 0);
    return xi_aten_result(x, xi_aten_emit(x, "InstanceNormalization", 3, in, 1,
                                          (xi_attr[]){XI_ATEN_ATTR_FLOAT("epsilon", eps)}));
}

static xi_value *op_norm_layer_of(xi_aten *x, xi_value *v, const xi_aten_value *shape,
                                  const xi_aten_value *weight, const xi_aten_value *bias,
                                  double eps)
{
    int64_t dims[XI_MAX_RANK];
    int32_t count = xi_aten_arg_ints(x, shape, dims, XI_MAX_RANK, 1, "layer_norm");
    if (count < 0) return NULL;
    xi_value *w = xi_aten_arg(x, weight), *b = xi_aten_arg(x, bias);
    if (!w) w = xi_aten_expand(x, xi_aten_number_like(x, v, 1), xi_aten_ints(x, dims, count));
    xi_attr attrs[2] = {XI_ATEN_ATTR_INT("axis", -count), XI_ATEN_ATTR_FLOAT("epsilon", eps)};
    return xi_aten_emit(x, "LayerNormalization", b ? 3 : 2, (xi_value *[]){v, w, b}, 2, attrs);
}

static xi_aten_value op_norm_layer(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, op_norm_layer_of(x, xi_aten_arg(x, &a[0]), &a[1], &a[2], &a[3],
                                              xi_aten_arg_double(x, &a[4], "eps")));
}

static xi_aten_value op_norm_rms(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    int64_t dims[XI_MAX_RANK];
    xi_value *v = xi_aten_arg(x, &a[0]), *w = xi_aten_arg(x, &a[2]);
    int32_t count = xi_aten_arg_ints(x, &a[1], dims, XI_MAX_RANK, 1, "rms_norm");
    double eps = a[3].kind == XI_ATEN_NONE ? 1.1920928955078125e-7
                                           : xi_aten_arg_double(x, &a[3], "eps");
    if (x->status != XINF_OK) return xi_aten_none();
    if (!w) w = xi_aten_expand(x, xi_aten_number_like(x, v, 1), xi_aten_ints(x, dims, count));
    xi_attr attrs[2] = {XI_ATEN_ATTR_INT("axis", -count), XI_ATEN_ATTR_FLOAT("epsilon", eps)};
    return xi_aten_result(x,
                          xi_aten_emit(x, "RMSNormalization", 2, (xi_value *[]){v, w}, 2, attrs));
}

static xi_aten_value op_norm_group(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]), *w = xi_aten_arg(x, &a[2]), *b = xi_aten_arg(x, &a[3]);
    int64_t groups = xi_aten_arg_int(x, &a[1], "group_norm");
    xi_value *channels = xi_aten_slice(x, xi_aten_shape(x, v), 0, 1, 2, 1);
    if (v && xi_aten_rank(v) > 1 && v->type.shape.dim[1] >= 0)
        channels = xi_aten_int1(x, v->type.shape.dim[1]);
    if (!w) w = xi_aten_expand(x, xi_aten_number_like(x, v, 1), channels);
    if (!b) b = xi_aten_expand(x, xi_aten_number_like(x, v, 0), channels);
    xi_attr attrs[2] = {XI_ATEN_ATTR_INT("num_groups", groups),
                        XI_ATEN_ATTR_FLOAT("epsilon", xi_aten_arg_double(x, &a[4], "eps"))};
    return xi_aten_result(
        x, xi_aten_emit(x, "GroupNormalization", 3, (xi_value *[]){v, w, b}, 2, attrs));
}

static xi_aten_value op_norm_local(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    xi_attr attrs[4] = {XI_ATEN_ATTR_INT("size", xi_aten_arg_int(x, &a[1], op->name)),
                        XI_ATEN_ATTR_FLOAT("alpha", xi_aten_arg_double(x, &a[2], op->name)),
                        XI_ATEN_ATTR_FLOAT("beta", xi_aten_arg_double(x, &a[3], op->name)),
                        XI_ATEN_ATTR_FLOAT("bias", xi_aten_arg_double(x, &a[4], op->name))};
    return xi_aten_result(x, xi_aten_emit(x, "LRN", 1, &v, 4, attrs));
}

const xi_aten_op xi_aten_ops_norm[] = {
    {"batch_norm",
     "T:input t:weight t:bias t:running_mean t:running_var b:training f:momentum f:eps "
     "b:cudnn_enabled=False",
     op_norm_batch, NULL, 0},
    {"instance_norm",
     "T:input t:weight t:bias t:running_mean t:running_var b:use_input_stats f:momentum f:eps "
     "b:cudnn_enabled=False",
     op_norm_instance, NULL, 0},
    {"layer_norm",
     "T:input I:normalized_shape t:weight=None t:bias=None f:eps=1e-5 b:cudnn_enable=True",
     op_norm_layer, NULL, 0},
    {"rms_norm", "T:input I:normalized_shape t:weight=None f?:eps=None", op_norm_rms, NULL, 0},
    {"group_norm", "T:input i:num_groups t:weight=None t:bias=None f:eps=1e-5 b:cudnn_enabled=True",
     op_norm_group, NULL, 0},
    {"local_response_norm", "T:input i:size f:alpha=1e-4 f:beta=75e-2 f:k=1", op_norm_local, NULL,
     0},
    {NULL, NULL, NULL, NULL, 0},
};
