/* pickle_tensor.c — tensors from a storage, an offset, a shape and strides; every element they
 * reach must exist. */
#include "load/torch/pickle_machine.h"
#include "load/torch/view.h"

/* Ints of a tuple or list, copied; -1: it is none or too long. */
static int32_t tensor_ints(int64_t **out, xi_pickle *p, const xi_torch_value *v)
{
    if ((v->kind != XI_TORCH_TUPLE && v->kind != XI_TORCH_LIST) || v->seq.count > XI_TORCH_MAX_RANK)
        return -1;
    if (!(*out = xi_arena_array(p->arena, (size_t)v->seq.count, sizeof **out))) return -1;
    for (int32_t i = 0; i < v->seq.count; i++) {
        if (v->seq.items[i]->kind != XI_TORCH_INT) return -1;
        (*out)[i] = v->seq.items[i]->i;
    }
    return v->seq.count;
}

static xinf_status tensor_place(xi_torch_tensor *t, xi_pickle *p, const xi_torch_value *const *a,
                                const char *name)
{
    int64_t *shape, *strides, last, room;
    if ((int)a[0]->kind != XI_PICKLE_STORAGE || a[1]->kind != XI_TORCH_INT)
        return xi_pickle_fail(p, XINF_MALFORMED, "%s is called with arguments it does not take",
                              name);
    t->storage = ((const xi_pickle_item *)a[0])->storage;
    t->offset = a[1]->i;
    t->rank = tensor_ints(&shape, p, a[2]);
    if (t->rank < 0 || tensor_ints(&strides, p, a[3]) != t->rank)
        return xi_pickle_fail(
            p, XINF_MALFORMED,
            "%s: a tensor whose shape and strides are no lists of as many integers", name);
    t->shape = shape;
    t->strides = strides;
    switch (xi_torch_view_set(t, &last, &room)) {
    case XI_TORCH_VIEW_GOOD: return XINF_OK;
    case XI_TORCH_VIEW_DTYPE:
        return xi_pickle_fail(p, XINF_UNSUPPORTED, "%s: a tensor of dtype %s", name,
                              xi_torch_dtype_name(t->dtype));
    case XI_TORCH_VIEW_OUTSIDE:
        return xi_pickle_fail(
            p, XINF_MALFORMED,
            "%s: a tensor that reaches element %lld of storage \"%.*s\", which has %lld", name,
            (long long)last, XI_STR_ARG(t->storage->key), (long long)room);
    default:
        return xi_pickle_fail(p, XINF_MALFORMED,
                              "%s: a tensor of impossible shape, strides or offset", name);
    }
}

/* The bits that metadata may carry: views that are conjugated or negated when read. */
static void tensor_metadata(xi_torch_tensor *t, const xi_torch_value *metadata)
{
    const xi_torch_value *conj = xi_torch_value_get(metadata, "conj"),
                         *neg = xi_torch_value_get(metadata, "neg");
    t->conj = conj && conj->kind == XI_TORCH_BOOL && conj->b;
    t->neg = neg && neg->kind == XI_TORCH_BOOL && neg->b;
}

/* (storage, offset, shape, strides[, requires_grad, hooks[, metadata]]); _v3 has the dtype before
 * the metadata. */
xinf_status xi_pickle_tensor(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                             const char *name)
{
    const xi_torch_value *const *a = (const xi_torch_value *const *)args->seq.items;
    bool v3 = strcmp(name, "torch._utils._rebuild_tensor_v3") == 0;
    int32_t count = args->seq.count;
    xi_torch_tensor *t = xi_arena_alloc(p->arena, sizeof *t);
    if (!t) return xi_pickle_memory(p);
    if (count < 4 || (v3 && (count < 7 || a[6]->kind != XI_TORCH_DTYPE)) ||
        (int)a[0]->kind != XI_PICKLE_STORAGE)
        return xi_pickle_fail(p, XINF_MALFORMED, "%s is called with arguments it does not take",
                              name);
    t->dtype = v3 ? xi_torch_dtype_parse(a[6]->s) : ((const xi_pickle_item *)a[0])->storage->dtype;
    t->requires_grad = count > 4 && a[4]->kind == XI_TORCH_BOOL && a[4]->b;
    tensor_metadata(t, count > 6 + v3 ? a[6 + v3] : NULL);
    xinf_status status = tensor_place(t, p, a, name);
    if (status != XINF_OK) return status;
    if (!(*out = xi_pickle_new(p, XI_TORCH_TENSOR))) return xi_pickle_memory(p);
    (*out)->tensor = t;
    return XINF_OK;
}

static bool tensor_is_vector(const xi_torch_value *v, int64_t count)
{
    return v->kind == XI_TORCH_TENSOR && v->tensor->rank == 1 && v->tensor->count == count;
}

/* (per_tensor_affine, scale, zero point) or (per_channel_affine, scales, zero points, axis) */
static bool tensor_quantizer(xi_torch_tensor *t, const xi_torch_value *q)
{
    xi_torch_value *const *a = q->seq.items;
    if (q->kind != XI_TORCH_TUPLE || q->seq.count < 3 || a[0]->kind != XI_TORCH_DTYPE) return false;
    if (xi_str_is(a[0]->s, "per_tensor_affine")) {
        t->scheme = XI_TORCH_PER_TENSOR;
        if (a[1]->kind != XI_TORCH_DOUBLE || a[2]->kind != XI_TORCH_INT) return false;
        t->scale = a[1]->d;
        t->zero_point = a[2]->i;
        return true;
    }
    if (q->seq.count < 4 || a[3]->kind != XI_TORCH_INT || a[3]->i < 0 || a[3]->i >= t->rank)
        return false;
    if (xi_str_is(a[0]->s, "per_channel_affine"))
        t->scheme = XI_TORCH_PER_CHANNEL;
    else if (xi_str_is(a[0]->s, "per_channel_affine_float_qparams"))
        t->scheme = XI_TORCH_PER_CHANNEL_FLOAT;
    else
        return false;
    t->axis = a[3]->i;
    t->scales = a[1];
    t->zero_points = a[2];
    return tensor_is_vector(a[1], t->shape[t->axis]) && tensor_is_vector(a[2], t->shape[t->axis]);
}

/* (storage, offset, shape, strides, quantiser, requires_grad, hooks) */
xinf_status xi_pickle_qtensor(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                              const char *name)
{
    const xi_torch_value *const *a = (const xi_torch_value *const *)args->seq.items;
    xi_torch_tensor *t = xi_arena_alloc(p->arena, sizeof *t);
    if (!t) return xi_pickle_memory(p);
    if (args->seq.count < 6 || (int)a[0]->kind != XI_PICKLE_STORAGE)
        return xi_pickle_fail(p, XINF_MALFORMED, "%s is called with arguments it does not take",
                              name);
    t->dtype = ((const xi_pickle_item *)a[0])->storage->dtype;
    t->requires_grad = a[5]->kind == XI_TORCH_BOOL && a[5]->b;
    if (t->dtype != XI_TORCH_QINT8 && t->dtype != XI_TORCH_QUINT8 && t->dtype != XI_TORCH_QINT32)
        return xi_pickle_fail(p, XINF_UNSUPPORTED, "%s: a quantised tensor of dtype %s", name,
                              xi_torch_dtype_name(t->dtype));
    xinf_status status = tensor_place(t, p, a, name);
    if (status != XINF_OK) return status;
    if (!tensor_quantizer(t, a[4]))
        return xi_pickle_fail(p, XINF_UNSUPPORTED,
                              "%s: a quantised tensor of a scheme that is not known", name);
    if (!(*out = xi_pickle_new(p, XI_TORCH_TENSOR))) return xi_pickle_memory(p);
    (*out)->tensor = t;
    return XINF_OK;
}
