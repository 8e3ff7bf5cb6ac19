/* shape.c — arithmetic on dimensions. */
#include "tensor/shape.h"

#include <stdio.h>

#include "base/checked.h"
#include "tensor/layout.h"

xi_shape xi_shape_of(int32_t rank, const int64_t *dims)
{
    xi_shape s = {.rank = rank};
    for (int32_t i = 0; i < rank; i++) s.dim[i] = dims[i];
    return s;
}

bool xi_shape_known(const xi_shape *s)
{
    if (s->rank < 0) return false;
    for (int32_t i = 0; i < s->rank; i++)
        if (s->dim[i] < 0) return false;
    return true;
}

bool xi_shape_count(const xi_shape *s, int64_t *out)
{
    if (!xi_shape_known(s)) return false;
    int64_t n = 1;
    bool empty = false;
    for (int32_t i = 0; i < s->rank; i++) {
        if (s->dim[i] == 0)
            empty = true;
        else if (!xi_mul_i64(n, s->dim[i], &n))
            return false;
    }
    *out = empty ? 0 : n;
    return true;
}

int64_t xi_shape_span(const xi_shape *s, int32_t first, int32_t last)
{
    int64_t n = 1;
    for (int32_t i = first; i < last; i++) n *= s->dim[i];
    return n;
}

void xi_shape_strides(const xi_shape *s, int64_t *out)
{
    int64_t n = 1;
    for (int32_t i = s->rank - 1; i >= 0; i--) {
        out[i] = n;
        n *= s->dim[i];
    }
}

bool xi_shape_eq(const xi_shape *a, const xi_shape *b)
{
    if (a->rank != b->rank) return false;
    for (int32_t i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

/* One dimension of a broadcast: known ones must agree or be 1; an unknown one beside a known n > 1
 * must be n. */
static bool shape_broadcast_dim(int64_t a, int64_t b, int64_t *out)
{
    if (a == b || b == 1)
        *out = a;
    else if (a == 1)
        *out = b;
    else if (a >= 0 && b >= 0)
        return false;
    else
        *out = a > 1 || (a == 0) ? a : b >= 0 ? b : XI_DIM_UNKNOWN;
    return true;
}

bool xi_shape_broadcast(const xi_shape *a, const xi_shape *b, xi_shape *out)
{
    xi_shape r = {.rank = a->rank > b->rank ? a->rank : b->rank};
    if (a->rank < 0 || b->rank < 0) {
        *out = XI_SHAPE_UNKNOWN;
        return true;
    }
    for (int32_t i = 1; i <= r.rank; i++) {
        int64_t da = i <= a->rank ? a->dim[a->rank - i] : 1,
                db = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (!shape_broadcast_dim(da, db, &r.dim[r.rank - i])) return false;
    }
    *out = r;
    return true;
}

bool xi_shape_axis(int64_t axis, int32_t rank, int32_t *out)
{
    if (axis < -(int64_t)rank || axis >= rank) return false;
    *out = (int32_t)(axis < 0 ? axis + rank : axis);
    return true;
}

const char *xi_shape_text(const xi_shape *s, char *buf, size_t size)
{
    if (s->rank < 0) {
        snprintf(buf, size, "[?]");
        return buf;
    }
    size_t at = (size_t)snprintf(buf, size, "[");
    for (int32_t i = 0; i < s->rank && at < size; i++) {
        const char *comma = i ? "," : "";
        at += (size_t)(s->dim[i] < 0
                           ? snprintf(buf + at, size - at, "%s?", comma)
                           : snprintf(buf + at, size - at, "%s%lld", comma, (long long)s->dim[i]));
    }
    if (at < size) snprintf(buf + at, size - at, "]");
    return buf;
}

bool xi_layout_count(int32_t layout, const xi_shape *s, int64_t *out)
{
    int64_t block = xi_layout_block(layout), channels;
    if (block == 1 || s->rank < 2) return xi_shape_count(s, out);
    xi_shape padded = *s;
    if (s->dim[1] < 0 || !xi_add_i64(s->dim[1], block - 1, &channels)) return false;
    padded.dim[1] = channels / block * block;
    return xi_shape_count(&padded, out);
}
