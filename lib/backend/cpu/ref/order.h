/* order.h — one order over the elements of every dtype that has one: NaN above all numbers, both
 * zeros equal. */
#ifndef XK_REF_ORDER_H
#define XK_REF_ORDER_H

#include "plan/kernel.h"

/* A number whose unsigned order is that of the elements; not for strings and complex. */
uint64_t xk_order_key(const xi_operand *o, int64_t i);
/* Below 0, 0, above 0: elements i and j of the same tensor, strings by bytes. */
int xk_order_compare(const xi_operand *o, int64_t i, int64_t j);

typedef struct xk_order_item {
    uint64_t key;
    int64_t at;
} xk_order_item;

/* Sorts by key, then by place. */
void xk_order_sort(xk_order_item *items, int64_t count);
/* Turns items[0 … count) into a heap with the last in order on top; sift mends it after items[0]
 * changed. */
void xk_order_heap(xk_order_item *items, int64_t count);
void xk_order_sift(xk_order_item *items, int64_t count, int64_t from);
static inline bool xk_order_less(const xk_order_item *a, const xk_order_item *b)
{
    return a->key < b->key || (a->key == b->key && a->at < b->at);
}

#endif
