/* labels.h — a table from keys (texts or numbers) to their places in a list, for the encoders of
 * ai.onnx.ml. */
#ifndef XK_REF_LABELS_H
#define XK_REF_LABELS_H

#include "plan/kernel.h"

/* A list of texts, integers or floats: an attribute's, or a tensor's. */
typedef struct xk_label_list {
    xinf_dtype dtype;
    int64_t count;
    const void *data; /* xi_str, int64_t, float or the tensor's elements, aligned or not */
} xk_label_list;

typedef struct xk_labels {
    xk_label_list list;
    int64_t *slots; /* place + 1; 0: free */
    size_t size;    /* a power of two */
    const xinf_allocator *alloc;
} xk_labels;

/* The attribute as a list; count 0 when the node has none. */
xk_label_list xk_label_list_of(const xi_node *n, const char *name);
xi_str xk_label_text(const xk_label_list *l, int64_t i);
/* Integers exactly, floats by value with one zero and one NaN. Gives the bits by which numbers are
 * compared. */
uint64_t xk_label_bits(const xk_label_list *l, int64_t i);
double xk_label_number(const xk_label_list *l, int64_t i);

/* Of equal keys the last counts. */
xinf_status xk_labels_create(xk_labels *t, const xinf_allocator *alloc, const xk_label_list *list,
                             xinf_error *err);
void xk_labels_destroy(xk_labels *t);
/* The place of element i of a list of the same dtype; -1 when it is no key. */
int64_t xk_labels_find(const xk_labels *t, const xk_label_list *of, int64_t i);

#endif
