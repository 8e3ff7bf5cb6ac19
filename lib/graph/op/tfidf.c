/* tfidf.c — TfIdfVectorizer. */
#include "graph/op/tfidf.h"

#include "graph/op/dtypes.h"

extern const xi_op xi_ops_tfidf[];

static xinf_status tfidf_fail(const xi_node *n, xinf_error *err, const char *what)
{
    return xi_fail(err, XINF_MALFORMED, "node %.*s (%.*s): %s", XI_STR_ARG(xi_node_label(n)),
                   XI_STR_ARG(n->op_name), what);
}

static xinf_status tfidf_grams(xi_tfidf *t, const xi_node *n, xinf_error *err)
{
    int64_t at = 0, grams = 0;
    for (int32_t k = 0; k < t->sizes; k++) {
        int64_t end = xi_tfidf_end(t, k + 1);
        if (t->starts[k] != at || end < at || end > t->items || (end - at) % (k + 1) != 0)
            return tfidf_fail(n, err, "ngram_counts does not fit the pool");
        grams += (end - at) / (k + 1);
        at = end;
    }
    if (at != t->items || grams != t->grams)
        return tfidf_fail(n, err, "ngram_indexes has not one entry for each gram of the pool");
    for (int32_t g = 0; g < t->grams; g++) {
        if (t->indexes[g] < 0 || t->indexes[g] >= INT32_MAX)
            return tfidf_fail(n, err, "ngram_indexes has an entry out of range");
        if (t->indexes[g] >= t->columns) t->columns = t->indexes[g] + 1;
    }
    return XINF_OK;
}

xinf_status xi_tfidf_read(xi_tfidf *out, const xi_node *n, xinf_error *err)
{
    xi_tfidf *t = out;
    xi_str mode = xi_node_string(n, "mode", "");
    const xi_attr *strings = xi_node_attr(n, "pool_strings");
    *t = (xi_tfidf){.least = xi_node_int(n, "min_gram_length", 1),
                    .most = xi_node_int(n, "max_gram_length", 1),
                    .skips = xi_node_int(n, "max_skip_count", 0)};
    t->mode = xi_str_is(mode, "TF")    ? XI_TFIDF_TF
              : xi_str_is(mode, "IDF") ? XI_TFIDF_IDF
                                       : XI_TFIDF_BOTH;
    if (t->mode == XI_TFIDF_BOTH && !xi_str_is(mode, "TFIDF"))
        return tfidf_fail(n, err, "mode is not known");
    t->sizes = xi_node_ints(n, "ngram_counts", &t->starts);
    t->grams = xi_node_ints(n, "ngram_indexes", &t->indexes);
    t->items = xi_node_ints(n, "pool_int64s", &t->ints);
    t->weight_count = xi_node_floats(n, "weights", &t->weights);
    if (strings && strings->type == XI_ATTR_STRINGS && strings->count > 0) {
        if (t->items > 0) return tfidf_fail(n, err, "there are two pools");
        t->strings = strings->strings;
        t->items = strings->count;
    }
    if (t->least < 1 || t->most < t->least || t->most > t->sizes || t->skips < 0)
        return tfidf_fail(n, err, "lengths or skips of grams are out of range");
    if (t->weight_count != 0 && t->weight_count != t->grams)
        return tfidf_fail(n, err, "weights has not one entry for each gram");
    return tfidf_grams(t, n, err);
}

static xinf_status tfidf_infer(xi_infer *c)
{
    xinf_status status;
    xi_tfidf t;
    const xi_shape *x = &c->in[0]->shape;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_INDEX | XI_DTYPE_BIT(XINF_STRING)));
    XI_TRY(xi_tfidf_read(&t, c->node, c->err));
    xinf_dtype d = xi_infer_dtype(c, 0);
    if (d != XINF_UNDEFINED && (d == XINF_STRING) != (t.strings != NULL))
        return xi_infer_fail(c, "the input is %s, the pool is not", xinf_dtype_name(d));
    if (x->rank > 2) return xi_infer_fail(c, "the input has rank %d", (int)x->rank);
    xi_shape out = XI_SHAPE_UNKNOWN;
    if (x->rank == 0 || x->rank == 1) out = (xi_shape){.rank = 1, .dim = {t.columns}};
    if (x->rank == 2) out = (xi_shape){.rank = 2, .dim = {x->dim[0], t.columns}};
    xi_infer_set(c, 0, XINF_FLOAT32, &out);
cleanup:
    return status;
}

static const xi_attr_rule tfidf_attrs[] = {
    {"max_gram_length", XI_ATTR_INT, true}, {"max_skip_count", XI_ATTR_INT, true},
    {"min_gram_length", XI_ATTR_INT, true}, {"mode", XI_ATTR_STRING, true},
    {"ngram_counts", XI_ATTR_INTS, true},   {"ngram_indexes", XI_ATTR_INTS, true},
    {"pool_int64s", XI_ATTR_INTS, false},   {"pool_strings", XI_ATTR_STRINGS, false},
    {"weights", XI_ATTR_FLOATS, false},     {NULL}};

const xi_op xi_ops_tfidf[] = {
    {.name = "TfIdfVectorizer",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = tfidf_attrs,
     .infer = tfidf_infer},
    {0},
};
