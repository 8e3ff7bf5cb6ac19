#include "load/torch/value.h"

const xi_torch_value *xi_torch_value_get(const xi_torch_value *v, const char *name)
{
    const xi_str wanted = xi_str_of(name);
    if (v && v->kind == XI_TORCH_OBJECT) v = v->object.state;
    if (!v || v->kind != XI_TORCH_DICT) return NULL;
    /* From the end: what a pickle sets twice has its last value. */
    for (int32_t i = v->dict.count - 1; i >= 0; i--)
        if (v->dict.keys[i]->kind == XI_TORCH_STRING && xi_str_eq(v->dict.keys[i]->s, wanted))
            return v->dict.values[i];
    return NULL;
}

static const char *const value_kind_names[] = {
    [XI_TORCH_NONE] = "None",     [XI_TORCH_BOOL] = "bool",       [XI_TORCH_INT] = "int",
    [XI_TORCH_DOUBLE] = "float",  [XI_TORCH_COMPLEX] = "complex", [XI_TORCH_STRING] = "string",
    [XI_TORCH_BYTES] = "bytes",   [XI_TORCH_DEVICE] = "device",   [XI_TORCH_DTYPE] = "dtype",
    [XI_TORCH_TENSOR] = "tensor", [XI_TORCH_LIST] = "list",       [XI_TORCH_TUPLE] = "tuple",
    [XI_TORCH_DICT] = "dict",     [XI_TORCH_SET] = "set",         [XI_TORCH_OBJECT] = "object",
    [XI_TORCH_ENUM] = "enum",
};

const char *xi_torch_kind_name(xi_torch_kind kind)
{
    return (unsigned)kind < sizeof value_kind_names / sizeof *value_kind_names
               ? value_kind_names[kind]
               : "value";
}

typedef struct value_dtype {
    xi_torch_dtype dtype;
    int32_t size;
    xinf_dtype element;
    const char *name, *alias;
} value_dtype;

static const value_dtype value_dtypes[] = {
    {XI_TORCH_UINT8, 1, XINF_UINT8, "uint8", "byte"},
    {XI_TORCH_INT8, 1, XINF_INT8, "int8", "char"},
    {XI_TORCH_INT16, 2, XINF_INT16, "int16", "short"},
    {XI_TORCH_INT32, 4, XINF_INT32, "int32", "int"},
    {XI_TORCH_INT64, 8, XINF_INT64, "int64", "long"},
    {XI_TORCH_FLOAT16, 2, XINF_FLOAT16, "float16", "half"},
    {XI_TORCH_FLOAT32, 4, XINF_FLOAT32, "float32", "float"},
    {XI_TORCH_FLOAT64, 8, XINF_FLOAT64, "float64", "double"},
    {XI_TORCH_COMPLEX32, 4, XINF_UNDEFINED, "complex32", "chalf"},
    {XI_TORCH_COMPLEX64, 8, XINF_COMPLEX64, "complex64", "cfloat"},
    {XI_TORCH_COMPLEX128, 16, XINF_COMPLEX128, "complex128", "cdouble"},
    {XI_TORCH_BOOL8, 1, XINF_BOOL, "bool", NULL},
    {XI_TORCH_QINT8, 1, XINF_INT8, "qint8", NULL},
    {XI_TORCH_QUINT8, 1, XINF_UINT8, "quint8", NULL},
    {XI_TORCH_QINT32, 4, XINF_INT32, "qint32", NULL},
    {XI_TORCH_BFLOAT16, 2, XINF_BFLOAT16, "bfloat16", NULL},
    {XI_TORCH_QUINT4X2, 0, XINF_UNDEFINED, "quint4x2", NULL},
    {XI_TORCH_QUINT2X4, 0, XINF_UNDEFINED, "quint2x4", NULL},
    {XI_TORCH_BITS1X8, 0, XINF_UNDEFINED, "bits1x8", NULL},
    {XI_TORCH_BITS2X4, 0, XINF_UNDEFINED, "bits2x4", NULL},
    {XI_TORCH_BITS4X2, 0, XINF_UNDEFINED, "bits4x2", NULL},
    {XI_TORCH_BITS8, 1, XINF_UNDEFINED, "bits8", NULL},
    {XI_TORCH_BITS16, 2, XINF_UNDEFINED, "bits16", NULL},
    {XI_TORCH_FLOAT8_E5M2, 1, XINF_FLOAT8E5M2, "float8_e5m2", NULL},
    {XI_TORCH_FLOAT8_E4M3FN, 1, XINF_FLOAT8E4M3FN, "float8_e4m3fn", NULL},
    {XI_TORCH_FLOAT8_E5M2FNUZ, 1, XINF_FLOAT8E5M2FNUZ, "float8_e5m2fnuz", NULL},
    {XI_TORCH_FLOAT8_E4M3FNUZ, 1, XINF_FLOAT8E4M3FNUZ, "float8_e4m3fnuz", NULL},
    {XI_TORCH_UINT16, 2, XINF_UINT16, "uint16", NULL},
    {XI_TORCH_UINT32, 4, XINF_UINT32, "uint32", NULL},
    {XI_TORCH_UINT64, 8, XINF_UINT64, "uint64", NULL},
    {XI_TORCH_FLOAT8_E8M0FNU, 1, XINF_FLOAT8E8M0, "float8_e8m0fnu", NULL},
};
enum { VALUE_DTYPE_COUNT = sizeof value_dtypes / sizeof *value_dtypes };

static const value_dtype *value_dtype_row(xi_torch_dtype d)
{
    for (int i = 0; i < VALUE_DTYPE_COUNT; i++)
        if (value_dtypes[i].dtype == d) return &value_dtypes[i];
    return NULL;
}

int32_t xi_torch_dtype_size(xi_torch_dtype d)
{
    const value_dtype *row = value_dtype_row(d);
    return row ? row->size : 0;
}

const char *xi_torch_dtype_name(xi_torch_dtype d)
{
    const value_dtype *row = value_dtype_row(d);
    return row ? row->name : "unknown dtype";
}

xi_torch_dtype xi_torch_dtype_parse(xi_str name)
{
    for (int i = 0; i < VALUE_DTYPE_COUNT; i++)
        if (xi_str_is(name, value_dtypes[i].name) ||
            (value_dtypes[i].alias && xi_str_is(name, value_dtypes[i].alias)))
            return value_dtypes[i].dtype;
    return XI_TORCH_DTYPE_UNKNOWN;
}

xinf_dtype xi_torch_dtype_element(xi_torch_dtype d)
{
    const value_dtype *row = value_dtype_row(d);
    return row ? row->element : XINF_UNDEFINED;
}

xi_torch_dtype xi_torch_dtype_of(xinf_dtype d)
{
    for (int i = 0; i < VALUE_DTYPE_COUNT && d != XINF_UNDEFINED; i++)
        if (value_dtypes[i].element == d && strncmp(value_dtypes[i].name, "q", 1) != 0)
            return value_dtypes[i].dtype;
    return XI_TORCH_DTYPE_UNKNOWN;
}
