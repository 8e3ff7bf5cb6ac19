/* order.c — keys and sorting for TopK, Unique and NonMaxSuppression. */
#include "backend/cpu/ref/order.h"

static uint64_t order_of_double(double v)
{
    uint64_t bits;
    if (v != v) return UINT64_MAX;
    v = v == 0 ? 0 : v;
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

uint64_t xk_order_key(const xi_operand *o, int64_t i)
{
    if (o->dtype == XINF_FLOAT32) return order_of_double((double)((const float *)o->data)[i]);
    if (o->dtype == XINF_UINT64) return ((const uint64_t *)o->data)[i];
    if (xi_dtype_is_float(o->dtype))
        return order_of_double(xi_dtype_load_f64(o->data, o->dtype, i));
    return (uint64_t)xi_dtype_load_i64(o->data, o->dtype, i) ^ (uint64_t)1 << 63;
}

int xk_order_compare(const xi_operand *o, int64_t i, int64_t j)
{
    if (o->dtype == XINF_STRING) {
        const xi_str *a = (const xi_str *)o->data + i, *b = (const xi_str *)o->data + j;
        size_t n = a->len < b->len ? a->len : b->len;
        int r = n ? memcmp(a->ptr, b->ptr, n) : 0;
        return r ? r : a->len < b->len ? -1 : a->len > b->len;
    }
    uint64_t a = xk_order_key(o, i), b = xk_order_key(o, j);
    return a < b ? -1 : a > b;
}

void xk_order_sift(xk_order_item *items, int64_t count, int64_t from)
{
    for (;;) {
        int64_t child = 2 * from + 1;
        if (child >= count) return;
        if (child + 1 < count && xk_order_less(&items[child], &items[child + 1])) child++;
        if (!xk_order_less(&items[from], &items[child])) return;
        xk_order_item t = items[from];
        items[from] = items[child];
        items[child] = t;
        from = child;
    }
}

void xk_order_heap(xk_order_item *items, int64_t count)
{
    for (int64_t i = count / 2 - 1; i >= 0; i--) xk_order_sift(items, count, i);
}

void xk_order_sort(xk_order_item *items, int64_t count)
{
    xk_order_heap(items, count);
    for (int64_t n = count - 1; n > 0; n--) {
        xk_order_item t = items[0];
        items[0] = items[n];
        items[n] = t;
        xk_order_sift(items, n, 0);
    }
}
