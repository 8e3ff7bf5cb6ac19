/* labels.c — open addressing over places in a list. */
#include "backend/cpu/ref/labels.h"

#include "base/allocator.h"
#include "base/checked.h"

xk_label_list xk_label_list_of(const xi_node *n, const char *name)
{
    const xi_attr *a = xi_node_attr(n, name);
    if (!a) return (xk_label_list){0};
    switch (a->type) {
    case XI_ATTR_STRINGS: return (xk_label_list){XINF_STRING, a->count, a->strings};
    case XI_ATTR_INTS: return (xk_label_list){XINF_INT64, a->count, a->ints};
    case XI_ATTR_FLOATS: return (xk_label_list){XINF_FLOAT32, a->count, a->floats};
    case XI_ATTR_TENSOR:
        return (xk_label_list){a->tensor->dtype, a->tensor->count, a->tensor->data};
    default: return (xk_label_list){0};
    }
}

xi_str xk_label_text(const xk_label_list *l, int64_t i)
{
    return ((const xi_str *)l->data)[i];
}

static uint64_t labels_element(const xk_label_list *l, int64_t i)
{
    uint64_t bits = 0;
    size_t size = xinf_dtype_size(l->dtype);
    memcpy(&bits, (const char *)l->data + (size_t)i * size,
           size <= sizeof bits ? size : sizeof bits);
    return bits;
}

double xk_label_number(const xk_label_list *l, int64_t i)
{
    uint64_t bits = labels_element(l, i);
    return xi_dtype_load_f64(&bits, l->dtype, 0);
}

uint64_t xk_label_bits(const xk_label_list *l, int64_t i)
{
    uint64_t bits = labels_element(l, i);
    if (!xi_dtype_is_float(l->dtype)) return (uint64_t)xi_dtype_load_i64(&bits, l->dtype, 0);
    double v = xi_dtype_load_f64(&bits, l->dtype, 0);
    if (v != v) return UINT64_MAX;
    v = v == 0 ? 0 : v;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static uint64_t labels_hash(const xk_label_list *l, int64_t i)
{
    if (l->dtype == XINF_STRING) return xi_str_hash(xk_label_text(l, i));
    uint64_t h = xk_label_bits(l, i) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

static bool labels_equal(const xk_label_list *a, int64_t i, const xk_label_list *b, int64_t j)
{
    if (a->dtype == XINF_STRING) return xi_str_eq(xk_label_text(a, i), xk_label_text(b, j));
    return xk_label_bits(a, i) == xk_label_bits(b, j);
}

xinf_status xk_labels_create(xk_labels *t, const xinf_allocator *alloc, const xk_label_list *list,
                             xinf_error *err)
{
    *t = (xk_labels){.list = *list, .size = 16, .alloc = alloc};
    while (t->size < (size_t)list->count * 2) t->size *= 2;
    t->slots = xi_calloc(alloc, t->size, sizeof *t->slots);
    if (!t->slots) return xi_fail_memory(err, t->size * sizeof *t->slots);
    for (int64_t i = 0; i < list->count; i++) {
        size_t at = (size_t)labels_hash(list, i) & (t->size - 1);
        while (t->slots[at] && !labels_equal(list, t->slots[at] - 1, list, i))
            at = (at + 1) & (t->size - 1);
        t->slots[at] = i + 1;
    }
    return XINF_OK;
}

void xk_labels_destroy(xk_labels *t)
{
    xi_free(t->alloc, t->slots, t->size * sizeof *t->slots);
}

int64_t xk_labels_find(const xk_labels *t, const xk_label_list *of, int64_t i)
{
    size_t at = (size_t)labels_hash(of, i) & (t->size - 1);
    while (t->slots[at] && !labels_equal(&t->list, t->slots[at] - 1, of, i))
        at = (at + 1) & (t->size - 1);
    return t->slots[at] - 1;
}
