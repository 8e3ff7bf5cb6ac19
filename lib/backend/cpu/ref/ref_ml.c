/* ref_ml.c — features of ai.onnx.ml. */
#include <math.h>

#include "backend/cpu/ref/labels.h"
#include "base/allocator.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_ml[];

static xk_label_list ref_ml_input(const xi_operand *o)
{
    return (xk_label_list){o->dtype, o->count, o->data};
}

/* The first list of the four that the node has. */
static xk_label_list ref_ml_any(const xi_node *n, const char *strings, const char *ints,
                                const char *floats, const char *tensor)
{
    const char *const names[] = {strings, ints, floats, tensor};
    for (int32_t i = 0; i < 4; i++)
        if (names[i] && xi_node_has(n, names[i])) return xk_label_list_of(n, names[i]);
    return (xk_label_list){0};
}

/* Output element i from a list's element k, or the default when k is -1. */
static xinf_status ref_ml_put(const xi_call *call, int64_t i, const xk_label_list *values,
                              int64_t k, xinf_error *err)
{
    xi_operand *dst = call->out[0];
    xk_label_list fallback = xk_label_list_of(call->node, "default_tensor");
    const xk_label_list *from = k < 0 ? &fallback : values;
    size_t item = xinf_dtype_size(dst->dtype);
    bool listed = from->count > 0 && from->dtype == dst->dtype;
    if (k < 0) k = 0;
    if (dst->dtype == XINF_STRING) {
        xi_str s = listed ? xk_label_text(from, k)
                          : xi_node_string(call->node, "default_string", "_Unused");
        return xi_tensor_set_string(dst->tensor, i, s.ptr, s.len, err);
    }
    if (listed)
        memcpy((char *)dst->data + (size_t)i * item, (const char *)from->data + (size_t)k * item,
               item);
    else if (xi_dtype_is_float(dst->dtype))
        xi_dtype_store_f64(dst->data, dst->dtype, i,
                           (double)xi_node_float(call->node, "default_float", -0.0f));
    else
        xi_dtype_store_i64(dst->data, dst->dtype, i, xi_node_int(call->node, "default_int64", -1));
    return XINF_OK;
}

static xinf_status ref_ml_map(const xi_call *call, const xk_label_list *keys,
                              const xk_label_list *values, xinf_error *err)
{
    xk_label_list input = ref_ml_input(call->in[0]);
    xk_labels table;
    if (keys->dtype != input.dtype || values->dtype != call->out[0]->dtype ||
        keys->count > values->count)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                              "its keys are not of the input's type");
    xinf_status status = xk_labels_create(&table, call->alloc, keys, err);
    for (int64_t i = 0; i < input.count && status == XINF_OK; i++)
        status = ref_ml_put(call, i, values, xk_labels_find(&table, &input, i), err);
    xk_labels_destroy(&table);
    return status;
}

static xinf_status ref_ml_label(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    xk_label_list keys = ref_ml_any(call->node, "keys_strings", "keys_int64s", "keys_floats",
                                    "keys_tensor");
    xk_label_list values = ref_ml_any(call->node, "values_strings", "values_int64s",
                                      "values_floats", "values_tensor");
    return ref_ml_map(call, &keys, &values, err);
}

static xinf_status ref_ml_category(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                   xinf_error *err)
{
    xk_label_list strings = xk_label_list_of(call->node, "cats_strings"),
                  ints = xk_label_list_of(call->node, "cats_int64s");
    bool texts = call->in[0]->dtype == XINF_STRING;
    return ref_ml_map(call, texts ? &strings : &ints, texts ? &ints : &strings, err);
}

/* Floats are looked up by their whole part, as the categories are integers. */
static xinf_status ref_ml_one_hot(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    xk_label_list cats = ref_ml_any(call->node, "cats_strings", "cats_int64s", NULL, NULL),
                  input = ref_ml_input(call->in[0]), one;
    bool zeros = xi_node_int(call->node, "zeros", 1) != 0;
    float *dst = call->out[0]->data;
    xk_labels table;
    if (call->out[0]->count == 0) return XINF_OK;
    memset(dst, 0, (size_t)call->out[0]->count * sizeof *dst);
    xinf_status status = xk_labels_create(&table, call->alloc, &cats, err);
    for (int64_t i = 0; i < input.count && status == XINF_OK; i++) {
        double v = input.dtype == XINF_STRING ? 0 : xk_label_number(&input, i);
        int64_t whole = v > -9e18 && v < 9e18 ? (int64_t)v : INT64_MIN, k;
        one = input.dtype == XINF_STRING ? input : (xk_label_list){XINF_INT64, 1, &whole};
        if (input.dtype == XINF_INT64) whole = ((const int64_t *)input.data)[i];
        k = xk_labels_find(&table, &one, input.dtype == XINF_STRING ? i : 0);
        if (k >= 0)
            dst[i * cats.count + k] = 1;
        else if (!zeros)
            status = xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                    "element %lld is of no category", (long long)i);
    }
    xk_labels_destroy(&table);
    return status;
}

static xinf_status ref_ml_extract(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const xi_operand *src = call->in[0], *index = call->in[1];
    xi_operand *dst = call->out[0];
    int64_t columns = src->shape.dim[src->shape.rank - 1];
    size_t item = xinf_dtype_size(dst->dtype);
    for (int64_t i = 0; i < dst->count; i++) {
        int64_t k = ((const int64_t *)index->data)[i % index->count],
                from = i / index->count * columns + k;
        if (k < 0 || k >= columns)
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "column %lld of %lld",
                                  (long long)k, (long long)columns);
        if (dst->dtype == XINF_STRING) {
            xi_str s = ((const xi_str *)src->data)[from];
            xinf_status status = xi_tensor_set_string(dst->tensor, i, s.ptr, s.len, err);
            if (status != XINF_OK) return status;
        } else {
            memcpy((char *)dst->data + (size_t)i * item,
                   (const char *)src->data + (size_t)from * item, item);
        }
    }
    return XINF_OK;
}

static xinf_status ref_ml_vectorize(const xi_call *call, int32_t phase, int32_t chunk,
                                    void *scratch, xinf_error *err)
{
    const int64_t *dims;
    xi_operand *dst = call->out[0];
    int64_t rows = dst->shape.dim[0], wide = dst->shape.dim[1], at = 0;
    if (dst->count == 0) return XINF_OK;
    xi_node_ints(call->node, "inputdimensions", &dims);
    memset(dst->data, 0, (size_t)dst->count * sizeof(float));
    for (int32_t k = 0; k < call->in_count; at += dims[k++]) {
        const xi_operand *o = call->in[k];
        int64_t own = o->shape.rank == 1 ? 1 : o->shape.dim[1], n = own < dims[k] ? own : dims[k];
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = 0; i < n; i++)
                ((float *)dst->data)[r * wide + at + i] = (float)xi_dtype_load_f64(
                    o->data, o->dtype, r * own + i);
    }
    return XINF_OK;
}

static xinf_status ref_ml_impute(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    bool whole = xi_dtype_is_int(src->dtype);
    xk_label_list values = xk_label_list_of(call->node, whole ? "imputed_value_int64s"
                                                              : "imputed_value_floats");
    float gone = xi_node_float(call->node, "replaced_value_float", 0);
    int64_t gone_whole = xi_node_int(call->node, "replaced_value_int64", 0);
    if (values.count < 1)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "it has no imputed values");
    for (int64_t i = 0; i < src->count; i++) {
        int64_t k = i % values.count;
        if (whole) {
            int64_t v = xi_dtype_load_i64(src->data, src->dtype, i);
            xi_dtype_store_i64(dst->data, dst->dtype, i,
                               v == gone_whole ? ((const int64_t *)values.data)[k] : v);
        } else {
            double v = xi_dtype_load_f64(src->data, src->dtype, i);
            bool same = v == (double)gone || (v != v && gone != gone);
            xi_dtype_store_f64(dst->data, dst->dtype, i,
                               same ? (double)((const float *)values.data)[k] : v);
        }
    }
    return XINF_OK;
}

static xinf_status ref_ml_normalize(const xi_call *call, int32_t phase, int32_t chunk,
                                    void *scratch, xinf_error *err)
{
    const xi_operand *src = call->in[0];
    float *dst = call->out[0]->data;
    xi_str norm = xi_node_string(call->node, "norm", "MAX");
    bool l1 = xi_str_is(norm, "L1"), l2 = xi_str_is(norm, "L2");
    if (!l1 && !l2 && !xi_str_is(norm, "MAX"))
        return xi_kernel_fail(call->node, err, XINF_UNSUPPORTED, "norm \"%.*s\"", XI_STR_ARG(norm));
    int64_t columns = src->shape.rank ? src->shape.dim[src->shape.rank - 1] : 1;
    for (int64_t r = 0; columns && r < src->count / columns; r++) {
        double sum = 0;
        for (int64_t i = r * columns; i < (r + 1) * columns; i++) {
            double v = fabs(xi_dtype_load_f64(src->data, src->dtype, i));
            sum = l1 ? sum + v : l2 ? sum + v * v : v > sum ? v : sum;
        }
        if (l2) sum = sqrt(sum);
        for (int64_t i = r * columns; i < (r + 1) * columns; i++)
            dst[i] = (float)(xi_dtype_load_f64(src->data, src->dtype, i) / (sum > 0 ? sum : 1));
    }
    return XINF_OK;
}

static xinf_status ref_ml_scale(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const xi_operand *src = call->in[0];
    float *dst = call->out[0]->data;
    const float *offset, *scale;
    int32_t offsets = xi_node_floats(call->node, "offset", &offset),
            scales = xi_node_floats(call->node, "scale", &scale);
    for (int64_t i = 0; i < src->count; i++) {
        double v = xi_dtype_load_f64(src->data, src->dtype, i);
        dst[i] = (float)((v - (double)(offsets ? offset[i % offsets] : 0)) *
                         (double)(scales ? scale[i % scales] : 1));
    }
    return XINF_OK;
}

static xinf_status ref_ml_binarize(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                   xinf_error *err)
{
    const xi_operand *src = call->in[0];
    double threshold = (double)xi_node_float(call->node, "threshold", 0);
    for (int64_t i = 0; i < src->count; i++)
        xi_dtype_store_f64(call->out[0]->data, src->dtype, i,
                           xi_dtype_load_f64(src->data, src->dtype, i) > threshold ? 1 : 0);
    return XINF_OK;
}

/* ---- maps ---- */

static xinf_status ref_ml_keys(const xi_call *call, const xk_label_list *labels, xinf_tensor **out,
                               xinf_error *err)
{
    xi_shape s = {.rank = 1, .dim = {labels->count}};
    xinf_status status = xi_tensor_create(out, call->alloc, labels->dtype, &s, false, err);
    if (status == XINF_OK && labels->dtype != XINF_STRING)
        memcpy((*out)->data, labels->data, (*out)->size);
    for (int64_t i = 0; status == XINF_OK && labels->dtype == XINF_STRING && i < labels->count;
         i++) {
        xi_str text = xk_label_text(labels, i);
        status = xi_tensor_set_string(*out, i, text.ptr, text.len, err);
    }
    return status;
}

/* One map of the row's numbers under the keys. `items` is room for its values. */
static xinf_status ref_ml_row(const xi_call *call, xinf_tensor *keys, const float *row,
                              xinf_tensor **items, xinf_tensor **out, xinf_error *err)
{
    xi_shape scalar = XI_SHAPE_SCALAR;
    int64_t made = 0;
    xinf_status status = XINF_OK;
    for (; made < keys->count && status == XINF_OK; made++) {
        status = xi_tensor_create(&items[made], call->alloc, XINF_FLOAT32, &scalar, false, err);
        if (status == XINF_OK) *(float *)items[made]->data = row[made];
    }
    if (status == XINF_OK)
        status = xi_tensor_create_items(out, call->alloc, XINF_KIND_MAP, keys, items, made, err);
    if (status == XINF_OK) {
        xinf_tensor_retain(keys);
        return XINF_OK;
    }
    for (int64_t i = 0; i < made; i++) xinf_tensor_destroy(items[i]);
    return status;
}

static xinf_status ref_ml_zip(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                              xinf_error *err)
{
    xk_label_list labels = ref_ml_any(call->node, "classlabels_strings", "classlabels_int64s", NULL,
                                      NULL);
    const xi_operand *src = call->in[0];
    int64_t rows = src->shape.rank == 1   ? 1
                   : src->shape.rank == 2 ? src->shape.dim[0]
                                          : -1,
            made = 0;
    xinf_tensor *keys = NULL, *list = NULL, **maps, **items;
    xinf_status status;
    if (src->kind != XINF_KIND_TENSOR || src->dtype != XINF_FLOAT32 || rows < 0 ||
        src->shape.dim[src->shape.rank - 1] != labels.count)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "its input does not fit %lld labels",
                              (long long)labels.count);
    maps = xi_calloc(call->alloc, (size_t)rows + 1, sizeof *maps);
    items = xi_calloc(call->alloc, (size_t)labels.count + 1, sizeof *items);
    status = maps && items ? ref_ml_keys(call, &labels, &keys, err)
                           : xi_fail_memory(err, (size_t)rows * sizeof *maps);
    for (; status == XINF_OK && made < rows; made += status == XINF_OK)
        status = ref_ml_row(call, keys, (const float *)src->data + made * labels.count, items,
                            &maps[made], err);
    if (status == XINF_OK)
        status = xi_tensor_create_items(&list, call->alloc, XINF_KIND_SEQUENCE, NULL, maps, rows,
                                        err);
    for (int64_t i = 0; status != XINF_OK && i < made; i++) xinf_tensor_destroy(maps[i]);
    if (status == XINF_OK) call->give(call, 0, list);
    xinf_tensor_destroy(keys);
    xi_free(call->alloc, maps, ((size_t)rows + 1) * sizeof *maps);
    xi_free(call->alloc, items, ((size_t)labels.count + 1) * sizeof *items);
    return status;
}

static xinf_status ref_ml_dict(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    xk_label_list words = ref_ml_any(call->node, "string_vocabulary", "int64_vocabulary", NULL,
                                     NULL);
    const xinf_tensor *map = call->in[0] ? call->in[0]->tensor : NULL;
    xk_labels table = {0};
    xinf_status status;
    if (!map || map->kind != XINF_KIND_MAP || !map->keys || map->keys->dtype != words.dtype ||
        map->keys->count != map->count)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                              "its input is no map with keys of the vocabulary's type");
    xinf_dtype dtype = map->count ? map->items[0]->dtype : XINF_FLOAT32;
    xi_shape s = {.rank = 2, .dim = {1, words.count}};
    XI_TRY(call->resize(call, 0, dtype, &s, err));
    xi_operand *dst = call->out[0];
    size_t item = xinf_dtype_size(dtype);
    if (dtype != XINF_STRING) memset(dst->data, 0, (size_t)words.count * item);
    XI_TRY(xk_labels_create(&table, call->alloc, &words, err));
    xk_label_list keys = {map->keys->dtype, map->keys->count, map->keys->data};
    for (int64_t i = 0; i < map->count; i++) {
        const xinf_tensor *v = map->items[i];
        int64_t at = xk_labels_find(&table, &keys, i);
        if (v->kind != XINF_KIND_TENSOR || v->dtype != dtype || v->count != 1) {
            status = xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                    "the map's values are not single numbers of one type");
            goto cleanup;
        }
        if (at < 0) continue;
        if (dtype != XINF_STRING)
            memcpy((char *)dst->data + (size_t)at * item, v->data, item);
        else
            XI_TRY(xi_tensor_set_string(dst->tensor, at, ((const xi_str *)v->data)->ptr,
                                        ((const xi_str *)v->data)->len, err));
    }
cleanup:
    if (table.slots) xk_labels_destroy(&table);
    return status;
}

#define REF_ML(name_, kernel, fn)                                                             \
    {                                                                                         \
        .op = name_, .domain = "ai.onnx.ml", .name = "xk_" kernel "_ref__portable", .run = fn \
    }

const xi_kernel xk_ref_ml[] = {
    REF_ML("LabelEncoder", "label_encoder", ref_ml_label),
    REF_ML("CategoryMapper", "category_mapper", ref_ml_category),
    REF_ML("OneHotEncoder", "one_hot_encoder", ref_ml_one_hot),
    REF_ML("ArrayFeatureExtractor", "array_feature_extractor", ref_ml_extract),
    REF_ML("FeatureVectorizer", "feature_vectorizer", ref_ml_vectorize),
    REF_ML("Imputer", "imputer", ref_ml_impute),
    REF_ML("Normalizer", "normalizer", ref_ml_normalize),
    REF_ML("Scaler", "scaler", ref_ml_scale),
    REF_ML("Binarizer", "binarizer", ref_ml_binarize),
    REF_ML("ZipMap", "zip_map", ref_ml_zip),
    REF_ML("DictVectorizer", "dict_vectorizer", ref_ml_dict),
    {0},
};

#undef REF_ML
