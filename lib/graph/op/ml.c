/* ml.c — features of ai.onnx.ml: LabelEncoder, CategoryMapper, OneHotEncoder,
 * ArrayFeatureExtractor, FeatureVectorizer, Imputer, Normalizer, Scaler, Binarizer, ZipMap,
 * DictVectorizer. */
#include "base/checked.h"
#include "graph/op.h"

extern const xi_op xi_ops_ml[];

static int32_t ml_count(const xi_node *n, const char *name)
{
    const xi_attr *a = xi_node_attr(n, name);
    return !a ? 0
           : a->type == XI_ATTR_TENSOR
               ? (a->tensor->count > INT32_MAX ? INT32_MAX : (int32_t)a->tensor->count)
               : a->count;
}

/* The dtype and length of LabelEncoder's list `prefix`_strings, _int64s, _floats or _tensor. */
static xinf_dtype ml_list(const xi_node *n, const char *const names[4], int32_t *count)
{
    static const xinf_dtype dtypes[] = {XINF_STRING, XINF_INT64, XINF_FLOAT32};
    for (int32_t i = 0; i < 3; i++) {
        *count = ml_count(n, names[i]);
        if (xi_node_has(n, names[i])) return dtypes[i];
    }
    const xi_attr *a = xi_node_attr(n, names[3]);
    *count = ml_count(n, names[3]);
    return a && a->type == XI_ATTR_TENSOR ? a->tensor->dtype : XINF_UNDEFINED;
}

static xinf_status ml_label(xi_infer *c)
{
    static const char *const keys[] = {"keys_strings", "keys_int64s", "keys_floats", "keys_tensor"};
    static const char *const values[] = {"values_strings", "values_int64s", "values_floats",
                                         "values_tensor"};
    int32_t key_count, value_count;
    xinf_dtype key = ml_list(c->node, keys, &key_count),
               value = ml_list(c->node, values, &value_count);
    if (key == XINF_UNDEFINED || value == XINF_UNDEFINED || key_count != value_count)
        return xi_infer_fail(c, "it has %d keys and %d values", (int)key_count, (int)value_count);
    if (xi_infer_dtype(c, 0) != XINF_UNDEFINED && xi_infer_dtype(c, 0) != key)
        return xi_infer_fail(c, "its input is %s, its keys are %s",
                             xinf_dtype_name(c->in[0]->dtype), xinf_dtype_name(key));
    xi_infer_set(c, 0, value, &c->in[0]->shape);
    return XINF_OK;
}

static xinf_status ml_category(xi_infer *c)
{
    xinf_dtype d = xi_infer_dtype(c, 0);
    if (ml_count(c->node, "cats_strings") != ml_count(c->node, "cats_int64s"))
        return xi_infer_fail(c, "cats_strings and cats_int64s differ in length");
    if (d != XINF_UNDEFINED && d != XINF_STRING && d != XINF_INT64)
        return xi_infer_fail(c, "its input is %s", xinf_dtype_name(d));
    xi_infer_set(c, 0,
                 d == XINF_STRING  ? XINF_INT64
                 : d == XINF_INT64 ? XINF_STRING
                                   : XINF_UNDEFINED,
                 &c->in[0]->shape);
    return XINF_OK;
}

static xinf_status ml_one_hot(xi_infer *c)
{
    xi_shape r = c->in[0]->shape;
    int32_t n = ml_count(c->node, "cats_int64s"), m = ml_count(c->node, "cats_strings");
    if ((n > 0) == (m > 0)) return xi_infer_fail(c, "it needs either cats_int64s or cats_strings");
    if (xi_infer_dtype(c, 0) != XINF_UNDEFINED && (xi_infer_dtype(c, 0) == XINF_STRING) != (m > 0))
        return xi_infer_fail(c, "its categories are of another type");
    if (r.rank >= XI_MAX_RANK) return xi_infer_fail(c, "its input has rank %d", (int)r.rank);
    if (r.rank >= 0) r.dim[r.rank++] = n + m;
    xi_infer_set(c, 0, XINF_FLOAT32, &r);
    return XINF_OK;
}

static xinf_status ml_extract(xi_infer *c)
{
    static const xinf_dtype integers[] = {XINF_INT64, 0};
    xi_shape r = c->in[0]->shape;
    int64_t count = XI_DIM_UNKNOWN;
    if (r.rank == 0) return xi_infer_fail(c, "its input has rank 0");
    if (!xi_shape_count(&c->in[1]->shape, &count)) count = XI_DIM_UNKNOWN;
    if (r.rank == 1) r = (xi_shape){.rank = 2, .dim = {1}};
    if (r.rank > 0) r.dim[r.rank - 1] = count;
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
    return xi_infer_want(c, 1, integers);
}

static const xinf_dtype ml_numbers[] = {XINF_FLOAT32, XINF_FLOAT64, XINF_INT64, XINF_INT32, 0};

static xinf_status ml_vectorize(xi_infer *c)
{
    const int64_t *dims;
    int32_t n = xi_node_ints(c->node, "inputdimensions", &dims);
    int64_t wide = 0, rows = XI_DIM_UNKNOWN;
    if (n != c->input_count)
        return xi_infer_fail(c, "inputdimensions lists %d numbers for %d inputs", (int)n,
                             (int)c->input_count);
    for (int32_t i = 0; i < n; i++) {
        if (!c->in[i]) return xi_infer_fail(c, "input %d is missing", (int)i);
        const xi_shape *s = &c->in[i]->shape;
        xinf_status status = xi_infer_want(c, i, ml_numbers);
        if (status != XINF_OK) return status;
        if (dims[i] < 0 || !xi_add_i64(wide, dims[i], &wide))
            return xi_infer_fail(c, "inputdimensions has %lld", (long long)dims[i]);
        if (s->rank >= 0 && s->rank != 1 && s->rank != 2)
            return xi_infer_fail(c, "input %d has rank %d", (int)i, (int)s->rank);
        int64_t own = s->rank > 0 ? s->dim[0] : XI_DIM_UNKNOWN;
        if (own >= 0 && rows >= 0 && own != rows)
            return xi_infer_fail(c, "its inputs differ in rows");
        rows = own >= 0 ? own : rows;
    }
    xi_shape r = {.rank = 2, .dim = {rows, wide}};
    xi_infer_set(c, 0, XINF_FLOAT32, &r);
    return XINF_OK;
}

/* Lists of one number for all columns or one for each. */
static xinf_status ml_columns(xi_infer *c, const char *name)
{
    int32_t n = ml_count(c->node, name), rank = c->in[0]->shape.rank;
    int64_t columns = rank > 0 ? c->in[0]->shape.dim[rank - 1] : rank == 0 ? 1 : -1;
    if (n > 1 && columns >= 0 && n != columns)
        return xi_infer_fail(c, "%s has %d numbers for %lld columns", name, (int)n,
                             (long long)columns);
    return XINF_OK;
}

static xinf_status ml_impute(xi_infer *c)
{
    xinf_status status;
    xinf_dtype d = xi_infer_dtype(c, 0);
    bool whole = d == XINF_INT64 || d == XINF_INT32;
    XI_TRY(xi_infer_want(c, 0, ml_numbers));
    XI_TRY(ml_columns(c, "imputed_value_floats"));
    XI_TRY(ml_columns(c, "imputed_value_int64s"));
    if (d != XINF_UNDEFINED &&
        ml_count(c->node, whole ? "imputed_value_int64s" : "imputed_value_floats") < 1)
        return xi_infer_fail(c, "it has no imputed values");
    xi_infer_set(c, 0, d, &c->in[0]->shape);
cleanup:
    return status;
}

static xinf_status ml_float(xi_infer *c)
{
    xinf_status status;
    XI_TRY(xi_infer_want(c, 0, ml_numbers));
    XI_TRY(ml_columns(c, "offset"));
    XI_TRY(ml_columns(c, "scale"));
    xi_infer_set(c, 0, XINF_FLOAT32, &c->in[0]->shape);
cleanup:
    return status;
}

static xinf_status ml_same(xi_infer *c)
{
    xi_infer_set(c, 0, c->in[0]->dtype, &c->in[0]->shape);
    return xi_infer_want(c, 0, ml_numbers);
}

static xinf_status ml_zip(xi_infer *c)
{
    xi_type *map = xi_arena_alloc(c->arena, sizeof *map),
            *value = xi_arena_alloc(c->arena, sizeof *value);
    int32_t n = ml_count(c->node, "classlabels_int64s"),
            m = ml_count(c->node, "classlabels_strings"), rank = xi_infer_rank(c, 0);
    if (!map || !value) return xi_fail_memory(c->err, sizeof *map);
    if (c->in[0]->kind != XINF_KIND_TENSOR) return xi_infer_fail(c, "its input is no tensor");
    if (c->in[0]->dtype != XINF_FLOAT32 && c->in[0]->dtype != XINF_UNDEFINED)
        return xi_infer_fail(c, "its input is %s", xinf_dtype_name(c->in[0]->dtype));
    if ((n > 0) == (m > 0))
        return xi_infer_fail(c, "it needs either classlabels_int64s or classlabels_strings");
    if (rank == 0 || rank > 2) return xi_infer_fail(c, "its input has rank %d", (int)rank);
    if (rank > 0 && c->in[0]->shape.dim[rank - 1] >= 0 && c->in[0]->shape.dim[rank - 1] != n + m)
        return xi_infer_fail(c, "it has %d labels for %lld columns", (int)(n + m),
                             (long long)c->in[0]->shape.dim[rank - 1]);
    *value = (xi_type){.kind = XINF_KIND_TENSOR, .dtype = XINF_FLOAT32, .shape = XI_SHAPE_SCALAR};
    *map = (xi_type){
        .kind = XINF_KIND_MAP, .dtype = n ? XINF_INT64 : XINF_STRING, .element = value};
    c->out[0] = (xi_type){.kind = XINF_KIND_SEQUENCE, .element = map};
    return XINF_OK;
}

static xinf_status ml_dict(xi_infer *c)
{
    int32_t n = ml_count(c->node, "int64_vocabulary"), m = ml_count(c->node, "string_vocabulary");
    const xi_type *t = c->in[0];
    xi_shape r = {.rank = 2, .dim = {1, n + m}};
    if ((n > 0) == (m > 0))
        return xi_infer_fail(c, "it needs either int64_vocabulary or string_vocabulary");
    if (t->kind != XINF_KIND_MAP && !(t->kind == XINF_KIND_TENSOR && t->dtype == XINF_UNDEFINED))
        return xi_infer_fail(c, "its input is no map");
    xi_infer_set(c, 0, t->element ? t->element->dtype : XINF_UNDEFINED, &r);
    return XINF_OK;
}

#define ML_INTS(n)             \
    {                          \
        n, XI_ATTR_INTS, false \
    }
#define ML_FLOATS(n)             \
    {                            \
        n, XI_ATTR_FLOATS, false \
    }
#define ML_STRINGS(n)             \
    {                             \
        n, XI_ATTR_STRINGS, false \
    }
#define ML_TENSOR(n)             \
    {                            \
        n, XI_ATTR_TENSOR, false \
    }
#define ML_INT(n)             \
    {                         \
        n, XI_ATTR_INT, false \
    }
#define ML_FLOAT(n)             \
    {                           \
        n, XI_ATTR_FLOAT, false \
    }
#define ML_STRING(n)             \
    {                            \
        n, XI_ATTR_STRING, false \
    }

static const xi_attr_rule ml_label_attrs[] = {ML_TENSOR("default_tensor"),
                                              ML_INT("default_int64"),
                                              ML_FLOAT("default_float"),
                                              ML_STRING("default_string"),
                                              ML_INTS("keys_int64s"),
                                              ML_FLOATS("keys_floats"),
                                              ML_STRINGS("keys_strings"),
                                              ML_TENSOR("keys_tensor"),
                                              ML_INTS("values_int64s"),
                                              ML_FLOATS("values_floats"),
                                              ML_STRINGS("values_strings"),
                                              ML_TENSOR("values_tensor"),
                                              {NULL}};
static const xi_attr_rule ml_category_attrs[] = {ML_INTS("cats_int64s"),
                                                 ML_STRINGS("cats_strings"),
                                                 ML_INT("default_int64"),
                                                 ML_STRING("default_string"),
                                                 {NULL}};
static const xi_attr_rule ml_one_hot_attrs[] = {
    ML_INTS("cats_int64s"), ML_STRINGS("cats_strings"), ML_INT("zeros"), {NULL}};
static const xi_attr_rule ml_vector_attrs[] = {ML_INTS("inputdimensions"), {NULL}};
static const xi_attr_rule ml_impute_attrs[] = {ML_FLOATS("imputed_value_floats"),
                                               ML_INTS("imputed_value_int64s"),
                                               ML_FLOAT("replaced_value_float"),
                                               ML_INT("replaced_value_int64"),
                                               {NULL}};
static const xi_attr_rule ml_norm_attrs[] = {ML_STRING("norm"), {NULL}};
static const xi_attr_rule ml_scale_attrs[] = {ML_FLOATS("offset"), ML_FLOATS("scale"), {NULL}};
static const xi_attr_rule ml_threshold_attrs[] = {ML_FLOAT("threshold"), {NULL}};
static const xi_attr_rule ml_zip_attrs[] = {
    ML_INTS("classlabels_int64s"), ML_STRINGS("classlabels_strings"), {NULL}};
static const xi_attr_rule ml_dict_attrs[] = {
    ML_INTS("int64_vocabulary"), ML_STRINGS("string_vocabulary"), {NULL}};

#define ML_ROW(op, least, most, rules, rule, flag)                                        \
    {                                                                                     \
        .domain = "ai.onnx.ml", .name = op, .min_inputs = least, .max_inputs = most,      \
        .min_outputs = 1, .max_outputs = 1, .attrs = rules, .infer = rule, .flags = flag, \
        .tolerance = 1e-6f                                                                \
    }

const xi_op xi_ops_ml[] = {
    ML_ROW("LabelEncoder", 1, 1, ml_label_attrs, ml_label, 0),
    ML_ROW("CategoryMapper", 1, 1, ml_category_attrs, ml_category, 0),
    ML_ROW("OneHotEncoder", 1, 1, ml_one_hot_attrs, ml_one_hot, 0),
    ML_ROW("ArrayFeatureExtractor", 2, 2, NULL, ml_extract, 0),
    ML_ROW("FeatureVectorizer", 1, -1, ml_vector_attrs, ml_vectorize, 0),
    ML_ROW("Imputer", 1, 1, ml_impute_attrs, ml_impute, 0),
    ML_ROW("Normalizer", 1, 1, ml_norm_attrs, ml_float, 0),
    ML_ROW("Scaler", 1, 1, ml_scale_attrs, ml_float, 0),
    ML_ROW("Binarizer", 1, 1, ml_threshold_attrs, ml_same, 0),
    ML_ROW("ZipMap", 1, 1, ml_zip_attrs, ml_zip, XI_OP_HANDLE),
    ML_ROW("DictVectorizer", 1, 1, ml_dict_attrs, ml_dict, XI_OP_HANDLE),
    {0},
};

#undef ML_INTS
#undef ML_FLOATS
#undef ML_STRINGS
#undef ML_TENSOR
#undef ML_INT
#undef ML_FLOAT
#undef ML_STRING
#undef ML_ROW
