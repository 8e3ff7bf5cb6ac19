/* pickle_call.c — the names a pickle may speak, and what calling them gives. Nothing of the file's
 * choosing is ever run. */
#include "load/torch/pickle_machine.h"

typedef xinf_status (*call_fn)(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                               const char *name);

static xinf_status call_wrong(xi_pickle *p, const char *name)
{
    return xi_pickle_fail(p, XINF_MALFORMED, "%s is called with arguments it does not take", name);
}

/* OrderedDict(), or of a list of pairs. */
static xinf_status call_dict(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                             const char *name)
{
    xi_torch_value *d = xi_pickle_new(p, XI_TORCH_DICT);
    if (!d) return xi_pickle_memory(p);
    *out = d;
    if (args->seq.count == 0) return XINF_OK;
    const xi_torch_value *pairs = args->seq.items[0];
    if (args->seq.count != 1 || pairs->kind != XI_TORCH_LIST) return call_wrong(p, name);
    for (int32_t i = 0; i < pairs->seq.count; i++) {
        const xi_torch_value *pair = pairs->seq.items[i];
        if ((pair->kind != XI_TORCH_LIST && pair->kind != XI_TORCH_TUPLE) || pair->seq.count != 2)
            return call_wrong(p, name);
        xinf_status status = xi_pickle_extend(p, d, pair->seq.items, 2);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

static xinf_status call_set(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                            const char *name)
{
    if (args->seq.count > 1) return call_wrong(p, name);
    const xi_torch_value *items = args->seq.count ? args->seq.items[0] : NULL;
    if (items && items->kind != XI_TORCH_LIST && items->kind != XI_TORCH_TUPLE)
        return call_wrong(p, name);
    *out = xi_pickle_sequence(p, XI_TORCH_SET, items ? items->seq.items : NULL,
                              items ? (size_t)items->seq.count : 0);
    return *out ? XINF_OK : xi_pickle_memory(p);
}

static xinf_status call_size(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                             const char *name)
{
    if (args->seq.count != 1 || args->seq.items[0]->kind != XI_TORCH_TUPLE)
        return call_wrong(p, name);
    *out = args->seq.items[0];
    return XINF_OK;
}

static xinf_status call_device(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                               const char *name)
{
    if (args->seq.count < 1 || args->seq.items[0]->kind != XI_TORCH_STRING)
        return call_wrong(p, name);
    if (!(*out = xi_pickle_new(p, XI_TORCH_DEVICE))) return xi_pickle_memory(p);
    (*out)->s = args->seq.items[0]->s;
    return XINF_OK;
}

static xinf_status call_complex(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                                const char *name)
{
    xi_torch_value *const *a = args->seq.items;
    if (args->seq.count != 2 || a[0]->kind != XI_TORCH_DOUBLE || a[1]->kind != XI_TORCH_DOUBLE)
        return call_wrong(p, name);
    if (!(*out = xi_pickle_new(p, XI_TORCH_COMPLEX))) return xi_pickle_memory(p);
    (*out)->complex.re = a[0]->d;
    (*out)->complex.im = a[1]->d;
    return XINF_OK;
}

/* A copy of the list with its type: the list itself may have another name in the memo. */
static xinf_status call_typed(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                              const char *name, const char *type)
{
    if (args->seq.count != 1 || args->seq.items[0]->kind != XI_TORCH_LIST)
        return call_wrong(p, name);
    *out = args->seq.items[0];
    (*out)->type = xi_str_of(type);
    return XINF_OK;
}

static xinf_status call_ints(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                             const char *name)
{
    return call_typed(out, p, args, name, "List[int]");
}

static xinf_status call_doubles(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                                const char *name)
{
    return call_typed(out, p, args, name, "List[float]");
}

static xinf_status call_bools(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                              const char *name)
{
    return call_typed(out, p, args, name, "List[bool]");
}

static xinf_status call_tensors(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                                const char *name)
{
    return call_typed(out, p, args, name, "List[Tensor]");
}

static xinf_status call_tag(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                            const char *name)
{
    if (args->seq.count != 2 || args->seq.items[1]->kind != XI_TORCH_STRING)
        return call_wrong(p, name);
    *out = args->seq.items[0];
    if ((*out)->kind == XI_TORCH_LIST || (*out)->kind == XI_TORCH_DICT ||
        (*out)->kind == XI_TORCH_TUPLE)
        (*out)->type = args->seq.items[1]->s;
    return XINF_OK;
}

/* A parameter is its tensor, marked. */
static xinf_status call_parameter(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                                  const char *name)
{
    if (args->seq.count < 2 || args->seq.items[0]->kind != XI_TORCH_TENSOR ||
        args->seq.items[1]->kind != XI_TORCH_BOOL)
        return call_wrong(p, name);
    xi_torch_tensor *t = xi_arena_alloc(p->arena, sizeof *t);
    if (!(*out = xi_pickle_new(p, XI_TORCH_TENSOR)) || !t) return xi_pickle_memory(p);
    *t = *args->seq.items[0]->tensor;
    t->parameter = true;
    t->requires_grad = args->seq.items[1]->b;
    (*out)->tensor = t;
    return XINF_OK;
}

static xinf_status call_refused(xi_torch_value **out, xi_pickle *p, const xi_torch_value *args,
                                const char *name)
{
    (void)out, (void)args;
    return xi_pickle_fail(p, XINF_UNSUPPORTED,
                          "%s: only dense and quantised tensors of the CPU are read", name);
}

static const struct call_row {
    const char *name;
    call_fn call;
} call_table[] = {
    {"torch._utils._rebuild_tensor", xi_pickle_tensor},
    {"torch._utils._rebuild_tensor_v2", xi_pickle_tensor},
    {"torch._utils._rebuild_tensor_v3", xi_pickle_tensor},
    {"torch._utils._rebuild_qtensor", xi_pickle_qtensor},
    {"torch._utils._rebuild_parameter", call_parameter},
    {"torch._utils._rebuild_parameter_with_state", call_parameter},
    {"torch._utils._rebuild_sparse_tensor", call_refused},
    {"torch._utils._rebuild_sparse_csr_tensor", call_refused},
    {"torch._utils._rebuild_nested_tensor", call_refused},
    {"torch._utils._rebuild_mkldnn_tensor", call_refused},
    {"torch._utils._rebuild_meta_tensor_no_storage", call_refused},
    {"torch._utils._rebuild_device_tensor_from_numpy", call_refused},
    {"torch._utils._rebuild_wrapper_subclass", call_refused},
    {"torch.jit._pickle.build_intlist", call_ints},
    {"torch.jit._pickle.build_doublelist", call_doubles},
    {"torch.jit._pickle.build_boollist", call_bools},
    {"torch.jit._pickle.build_tensorlist", call_tensors},
    {"torch.jit._pickle.restore_type_tag", call_tag},
    {"collections.OrderedDict", call_dict},
    {"builtins.set", call_set},
    {"__builtin__.set", call_set},
    {"builtins.frozenset", call_set},
    {"builtins.complex", call_complex},
    {"__builtin__.complex", call_complex},
    {"torch.Size", call_size},
    {"torch.device", call_device},
};
enum { CALL_COUNT = sizeof call_table / sizeof *call_table };

static const struct call_row *call_find(xi_str name)
{
    for (int i = 0; i < CALL_COUNT; i++)
        if (xi_str_is(name, call_table[i].name)) return &call_table[i];
    return NULL;
}

/* Names of module torch that stand for themselves. */
static const char *const call_words[] = {"per_tensor_affine",
                                         "per_channel_affine",
                                         "per_tensor_symmetric",
                                         "per_channel_symmetric",
                                         "per_channel_affine_float_qparams",
                                         "strided",
                                         "sparse_coo",
                                         "sparse_csr",
                                         "contiguous_format",
                                         "channels_last",
                                         "channels_last_3d",
                                         "preserve_format"};

static bool call_is_word(xi_str name)
{
    for (size_t i = 0; i < sizeof call_words / sizeof *call_words; i++)
        if (xi_str_is(name, call_words[i])) return true;
    return xi_torch_dtype_parse(name) != XI_TORCH_DTYPE_UNKNOWN;
}

static const struct call_storage {
    const char *name;
    xi_torch_dtype dtype;
} call_storages[] = {
    {"torch.FloatStorage", XI_TORCH_FLOAT32},
    {"torch.DoubleStorage", XI_TORCH_FLOAT64},
    {"torch.HalfStorage", XI_TORCH_FLOAT16},
    {"torch.BFloat16Storage", XI_TORCH_BFLOAT16},
    {"torch.LongStorage", XI_TORCH_INT64},
    {"torch.IntStorage", XI_TORCH_INT32},
    {"torch.ShortStorage", XI_TORCH_INT16},
    {"torch.CharStorage", XI_TORCH_INT8},
    {"torch.ByteStorage", XI_TORCH_UINT8},
    {"torch.BoolStorage", XI_TORCH_BOOL8},
    {"torch.ComplexFloatStorage", XI_TORCH_COMPLEX64},
    {"torch.ComplexDoubleStorage", XI_TORCH_COMPLEX128},
    {"torch.QInt8Storage", XI_TORCH_QINT8},
    {"torch.QUInt8Storage", XI_TORCH_QUINT8},
    {"torch.QInt32Storage", XI_TORCH_QINT32},
    {"torch.QUInt4x2Storage", XI_TORCH_QUINT4X2},
    {"torch.QUInt2x4Storage", XI_TORCH_QUINT2X4},
    {"torch.UntypedStorage", XI_TORCH_UINT8},
    {"torch.storage.UntypedStorage", XI_TORCH_UINT8},
    {"torch.Float8_e5m2Storage", XI_TORCH_FLOAT8_E5M2},
    {"torch.Float8_e4m3fnStorage", XI_TORCH_FLOAT8_E4M3FN},
};

static const struct call_storage *call_find_storage(xi_str name)
{
    for (size_t i = 0; i < sizeof call_storages / sizeof *call_storages; i++)
        if (xi_str_is(name, call_storages[i].name)) return &call_storages[i];
    return NULL;
}

static bool call_is_own(xi_str name)
{
    return name.len > 10 && memcmp(name.ptr, "__torch__.", 10) == 0;
}

xinf_status xi_pickle_name(xi_torch_value **out, xi_pickle *p, xi_str module, xi_str name)
{
    *out = NULL;
    if (xi_str_is(module, "torch") && call_is_word(name)) {
        if (!(*out = xi_pickle_new(p, XI_TORCH_DTYPE))) return xi_pickle_memory(p);
        (*out)->s = name;
        return XINF_OK;
    }
    char *full = xi_arena_alloc(p->arena, module.len + 1 + name.len);
    xi_torch_value *v = xi_pickle_new(p, XI_PICKLE_GLOBAL);
    if (!full || !v) return xi_pickle_memory(p);
    if (module.len) memcpy(full, module.ptr, module.len);
    full[module.len] = '.';
    if (name.len) memcpy(full + module.len + 1, name.ptr, name.len);
    v->s = (xi_str){full, module.len + 1 + name.len};
    if (!call_find(v->s) && !call_find_storage(v->s) && !call_is_own(v->s)) {
        if (!p->options->foreign)
            return xi_pickle_fail(p, XINF_UNSUPPORTED,
                                  "the pickle names %.*s; only tensors, containers and the "
                                  "archive's own classes are read",
                                  XI_STR_ARG(v->s));
        if (!p->foreign.len) p->foreign = v->s;
    }
    *out = v;
    return XINF_OK;
}

static xinf_status call_object(xi_torch_value **out, xi_pickle *p, int kind, xi_str class_name,
                               const xi_torch_value *state)
{
    if (!(*out = xi_pickle_new(p, kind))) return xi_pickle_memory(p);
    (*out)->object.class_name = class_name;
    (*out)->object.state = state;
    return XINF_OK;
}

xinf_status xi_pickle_call(xi_torch_value **out, xi_pickle *p, const xi_torch_value *function,
                           xi_torch_value *args)
{
    const struct call_row *row = call_find(function->s);
    if (row) return row->call(out, p, args, row->name);
    if (call_is_own(function->s)) {
        if (args->seq.count != 1)
            return xi_pickle_fail(p, XINF_MALFORMED,
                                  "%.*s is called with arguments it does not take",
                                  XI_STR_ARG(function->s));
        return call_object(out, p, XI_TORCH_ENUM, function->s, args->seq.items[0]);
    }
    if (!p->options->foreign)
        return xi_pickle_fail(p, XINF_UNSUPPORTED, "the pickle calls %.*s, which is refused",
                              XI_STR_ARG(function->s));
    return call_object(out, p, XI_TORCH_OBJECT, function->s, args->seq.count ? args : NULL);
}

xinf_status xi_pickle_instance(xi_torch_value **out, xi_pickle *p, const xi_torch_value *name)
{
    if (!call_is_own(name->s) && !p->options->foreign)
        return xi_pickle_fail(p, XINF_UNSUPPORTED,
                              "the pickle makes an object of %.*s, which is refused",
                              XI_STR_ARG(name->s));
    return call_object(out, p, XI_TORCH_OBJECT, name->s, NULL);
}

/* ("storage", class, key, location, element count[, view]) */
xinf_status xi_pickle_persistent(xi_torch_value **out, xi_pickle *p, const xi_torch_value *id)
{
    xi_torch_value *const *a = id->seq.items;
    bool good = id->kind == XI_TORCH_TUPLE && id->seq.count >= 5 && a[0]->kind == XI_TORCH_STRING &&
                xi_str_is(a[0]->s, "storage") && (int)a[1]->kind == XI_PICKLE_GLOBAL &&
                a[2]->kind == XI_TORCH_STRING && a[4]->kind == XI_TORCH_INT &&
                (id->seq.count == 5 || (id->seq.count == 6 && a[5]->kind == XI_TORCH_NONE));
    const xi_torch_storage *found = NULL;
    if (!good)
        return xi_pickle_fail(p, XINF_MALFORMED,
                              "the pickle refers to something outside it that is no storage");
    const struct call_storage *row = call_find_storage(a[1]->s);
    if (!row)
        return xi_pickle_fail(p, XINF_UNSUPPORTED,
                              "the pickle has a storage of class %.*s, which is not known",
                              XI_STR_ARG(a[1]->s));
    if (xi_torch_dtype_size(row->dtype) == 0)
        return xi_pickle_fail(
            p, XINF_UNSUPPORTED,
            "the pickle has a storage of class %s, whose elements are less than a byte", row->name);
    xinf_status status = p->options->storage(&found, p->options->self, a[2]->s, row->dtype, a[4]->i,
                                             p->err);
    if (status != XINF_OK) return status;
    *out = xi_pickle_new(p, XI_PICKLE_STORAGE);
    if (!*out) return xi_pickle_memory(p);
    ((xi_pickle_item *)*out)->storage = found;
    return XINF_OK;
}
