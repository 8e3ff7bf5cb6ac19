/* tfidf.h — the n-grams of TfIdfVectorizer, checked. */
#ifndef XI_GRAPH_OP_TFIDF_H
#define XI_GRAPH_OP_TFIDF_H

#include "graph/op.h"

typedef enum xi_tfidf_mode { XI_TFIDF_TF, XI_TFIDF_IDF, XI_TFIDF_BOTH } xi_tfidf_mode;

/* Grams of n items begin at item starts[n-1] of the pool; gram number g goes to column indexes[g].
 */
typedef struct xi_tfidf {
    xi_tfidf_mode mode;
    int64_t least, most,
        skips; /* items of a gram that counts; items between two that may be left out */
    int64_t columns;
    int32_t items, grams, sizes, weight_count;
    const int64_t *starts, *indexes, *ints;
    const xi_str *strings; /* NULL: integers */
    const float *weights;
} xi_tfidf;

xinf_status xi_tfidf_read(xi_tfidf *out, const xi_node *n, xinf_error *err);
/* The end of the grams of n items in the pool. */
static inline int64_t xi_tfidf_end(const xi_tfidf *t, int64_t n)
{
    return n < t->sizes ? t->starts[n] : t->items;
}

#endif
