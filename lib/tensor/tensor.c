/* tensor.c — making, sharing and ending values. */
#include "tensor/tensor.h"

#include "base/checked.h"

xinf_status xi_tensor_bytes(xinf_dtype dtype, const xi_shape *shape, size_t *out, xinf_error *err)
{
    char text[160];
    int64_t count;
    size_t item = dtype == XINF_STRING ? sizeof(xi_str) : xinf_dtype_size(dtype);
    if (item == 0) return xi_fail(err, XINF_INVALID_ARGUMENT, "dtype %d is not known", (int)dtype);
    if (!xi_shape_count(shape, &count) || (uint64_t)count > SIZE_MAX / item - XI_ALIGN)
        return xi_fail(err, XINF_LIMIT, "a tensor %s%s is too large", xinf_dtype_name(dtype),
                       xi_shape_text(shape, text, sizeof text));
    *out = (size_t)count * item;
    return XINF_OK;
}

xinf_status xi_tensor_create(xinf_tensor **out, const xinf_allocator *alloc, xinf_dtype dtype,
                             const xi_shape *shape, bool zero, xinf_error *err)
{
    *out = NULL;
    size_t size = 0;
    xinf_status status = xi_tensor_bytes(dtype, shape, &size, err);
    if (status != XINF_OK) return status;
    xinf_tensor *t = xi_calloc(alloc, 1, sizeof *t);
    if (!t) return xi_fail_memory(err, sizeof *t);
    t->alloc = *alloc;
    atomic_init(&t->refs, 1);
    t->kind = XINF_KIND_TENSOR;
    t->dtype = dtype;
    t->shape = *shape;
    xi_shape_count(shape, &t->count);
    t->size = size;
    if (size) {
        t->data = zero || dtype == XINF_STRING ? xi_calloc(alloc, 1, size) : xi_alloc(alloc, size);
        if (!t->data) {
            xi_free(alloc, t, sizeof *t);
            return xi_fail_memory(err, size);
        }
        t->capacity = size;
    }
    *out = t;
    return XINF_OK;
}

xinf_status xi_tensor_create_items(xinf_tensor **out, const xinf_allocator *alloc, xinf_kind kind,
                                   xinf_tensor *keys, xinf_tensor *const *items, int64_t count,
                                   xinf_error *err)
{
    *out = NULL;
    size_t size;
    if (count < 0 || !xi_mul_size((size_t)count, sizeof *items, &size))
        return xi_fail(err, XINF_INVALID_ARGUMENT, "%lld items", (long long)count);
    xinf_tensor *t = xi_calloc(alloc, 1, sizeof *t);
    if (!t) return xi_fail_memory(err, sizeof *t);
    t->alloc = *alloc;
    atomic_init(&t->refs, 1);
    t->kind = kind;
    t->count = count;
    if (count > 0) {
        t->items = xi_alloc(alloc, size);
        if (!t->items) {
            xi_free(alloc, t, sizeof *t);
            return xi_fail_memory(err, size);
        }
        memcpy(t->items, items, size);
    }
    t->keys = keys;
    *out = t;
    return XINF_OK;
}

xinf_status xi_tensor_wrap(xinf_tensor **out, const xinf_allocator *alloc, xinf_dtype dtype,
                           const xi_shape *shape, void *data, size_t size, void (*release)(void *),
                           void *self, xinf_error *err)
{
    *out = NULL;
    size_t want;
    char text[160];
    if (dtype == XINF_STRING)
        return xi_fail(err, XINF_INVALID_ARGUMENT, "strings cannot be wrapped");
    xinf_status status = xi_tensor_bytes(dtype, shape, &want, err);
    if (status != XINF_OK) return status;
    if (size != want || (size && !data))
        return xi_fail(err, XINF_INVALID_ARGUMENT, "%s%s takes %zu bytes, %zu came",
                       xinf_dtype_name(dtype), xi_shape_text(shape, text, sizeof text), want,
                       data ? size : 0);
    xinf_tensor *t = xi_calloc(alloc, 1, sizeof *t);
    if (!t) return xi_fail_memory(err, sizeof *t);
    t->alloc = *alloc;
    atomic_init(&t->refs, 1);
    t->kind = XINF_KIND_TENSOR;
    t->dtype = dtype;
    t->shape = *shape;
    xi_shape_count(shape, &t->count);
    t->data = size ? data : NULL;
    t->size = size;
    t->release = release;
    t->release_self = self;
    *out = t;
    return XINF_OK;
}

xinf_status xi_tensor_set_string(xinf_tensor *t, int64_t index, const char *bytes, size_t size,
                                 xinf_error *err)
{
    if (t->kind != XINF_KIND_TENSOR || t->dtype != XINF_STRING || index < 0 || index >= t->count)
        return xi_fail(err, XINF_INVALID_ARGUMENT, "there is no string %lld", (long long)index);
    char *copy = NULL;
    if (size) {
        copy = xi_alloc(&t->alloc, size);
        if (!copy) return xi_fail_memory(err, size);
        memcpy(copy, bytes, size);
    }
    xi_str *slot = (xi_str *)t->data + index;
    xi_free(&t->alloc, (void *)(uintptr_t)slot->ptr, slot->len);
    *slot = (xi_str){copy, size};
    return XINF_OK;
}

xinf_status xi_tensor_copy(xinf_tensor **out, const xinf_allocator *alloc, const xinf_tensor *src,
                           xinf_error *err)
{
    xinf_status status;
    if (src->kind != XINF_KIND_TENSOR) {
        XI_TRY(
            xi_tensor_create_items(out, alloc, src->kind, src->keys, src->items, src->count, err));
        for (int64_t i = 0; i < src->count; i++) xinf_tensor_retain(src->items[i]);
        if (src->keys) xinf_tensor_retain(src->keys);
        return XINF_OK;
    }
    XI_TRY(xi_tensor_create(out, alloc, src->dtype, &src->shape, false, err));
    if (src->dtype != XINF_STRING) {
        if (src->size) memcpy((*out)->data, src->data, src->size);
        return XINF_OK;
    }
    for (int64_t i = 0; i < src->count; i++) {
        const xi_str *s = (const xi_str *)src->data + i;
        XI_TRY(xi_tensor_set_string(*out, i, s->ptr, s->len, err));
    }
    return XINF_OK;
cleanup:
    xinf_tensor_destroy(*out);
    *out = NULL;
    return status;
}

xinf_tensor *xinf_tensor_retain(xinf_tensor *t)
{
    if (t) atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

/* Frees what a dead value owns, except items: those are handed to the caller's list. */
static void tensor_free(xinf_tensor *t)
{
    if (t->release) t->release(t->release_self);
    if (t->dtype == XINF_STRING && t->kind == XINF_KIND_TENSOR)
        for (int64_t i = 0; i < t->count; i++) {
            xi_str *s = (xi_str *)t->data + i;
            xi_free(&t->alloc, (void *)(uintptr_t)s->ptr, s->len);
        }
    if (t->capacity) xi_free(&t->alloc, t->data, t->capacity);
    xinf_tensor_destroy(t->keys);
    for (int64_t i = 0; i < t->count && t->items; i++) xinf_tensor_destroy(t->items[i]);
    if (t->items) xi_free(&t->alloc, t->items, (size_t)t->count * sizeof *t->items);
    xinf_allocator alloc = t->alloc;
    xi_free(&alloc, t, sizeof *t);
}

void xinf_tensor_destroy(xinf_tensor *t)
{
    if (t && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1) tensor_free(t);
}

xinf_kind xinf_tensor_kind(const xinf_tensor *t)
{
    return t ? t->kind : XINF_KIND_NONE;
}

xinf_dtype xinf_tensor_dtype(const xinf_tensor *t)
{
    return t ? t->dtype : XINF_UNDEFINED;
}

int32_t xinf_tensor_rank(const xinf_tensor *t)
{
    return t ? t->shape.rank : 0;
}

const int64_t *xinf_tensor_shape(const xinf_tensor *t)
{
    return t ? t->shape.dim : NULL;
}

int64_t xinf_tensor_count(const xinf_tensor *t)
{
    return t ? t->count : 0;
}

size_t xinf_tensor_size(const xinf_tensor *t)
{
    return t && t->dtype != XINF_STRING ? t->size : 0;
}

void *xinf_tensor_data(xinf_tensor *t)
{
    return t && t->dtype != XINF_STRING ? t->data : NULL;
}

const char *xinf_tensor_string(const xinf_tensor *t, int64_t index, size_t *out_size)
{
    if (out_size) *out_size = 0;
    if (!t || t->dtype != XINF_STRING || index < 0 || index >= t->count) return NULL;
    const xi_str *s = (const xi_str *)t->data + index;
    if (out_size) *out_size = s->len;
    return s->ptr ? s->ptr : "";
}

xinf_status xinf_tensor_set_string(xinf_tensor *t, int64_t index, const char *bytes, size_t size,
                                   xinf_error *err)
{
    if (!t || (size && !bytes)) return xi_fail(err, XINF_INVALID_ARGUMENT, "NULL tensor or bytes");
    return xi_tensor_set_string(t, index, bytes, size, err);
}

xinf_tensor *xinf_tensor_item(const xinf_tensor *t, int64_t index)
{
    return t && t->items && index >= 0 && index < t->count ? t->items[index] : NULL;
}

xinf_tensor *xinf_tensor_keys(const xinf_tensor *t)
{
    return t ? t->keys : NULL;
}
