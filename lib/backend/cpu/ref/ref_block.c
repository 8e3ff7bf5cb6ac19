/* ref_block.c — runs of elements between tensor types and computing types. */
#include "backend/cpu/ref/ref_block.h"

xk_kind xk_kind_of(xinf_dtype d)
{
    switch (d) {
    case XINF_FLOAT64: return XK_F64;
    case XINF_INT64:
    case XINF_UINT32: return XK_I64;
    case XINF_UINT64: return XK_U64;
    case XINF_UNDEFINED:
    case XINF_STRING:
    case XINF_COMPLEX64:
    case XINF_COMPLEX128: return XK_NONE;
    default: return xi_dtype_is_float(d) ? XK_F32 : XK_I32;
    }
}

size_t xk_kind_size(xk_kind k)
{
    return k == XK_F32 || k == XK_I32 ? 4 : 8;
}

bool xk_kind_native(xk_kind k, xinf_dtype d)
{
    switch (d) {
    case XINF_FLOAT32: return k == XK_F32;
    case XINF_FLOAT64: return k == XK_F64;
    case XINF_INT32: return k == XK_I32;
    case XINF_INT64: return k == XK_I64;
    case XINF_UINT64: return k == XK_U64;
    default: return false;
    }
}

#define BLOCK_LOAD(T, from, expression)             \
    {                                               \
        const from *s = (const from *)data + first; \
        T *to = dst;                                \
        for (int64_t i = 0; i < count; i++) {       \
            from v = s[i * stride];                 \
            to[i] = (T)(expression);                \
        }                                           \
        return;                                     \
    }

static void block_load_f32(float *dst, const void *data, xinf_dtype d, int64_t first,
                           int64_t stride, int64_t count)
{
    switch (d) {
    case XINF_FLOAT32: BLOCK_LOAD(float, float, v)
    case XINF_FLOAT16: BLOCK_LOAD(float, uint16_t, xi_f16_to_f32(v))
    case XINF_BFLOAT16: BLOCK_LOAD(float, uint16_t, xi_bf16_to_f32(v))
    case XINF_FLOAT64: BLOCK_LOAD(float, double, v)
    case XINF_INT32: BLOCK_LOAD(float, int32_t, v)
    case XINF_INT64: BLOCK_LOAD(float, int64_t, v)
    case XINF_UINT8: BLOCK_LOAD(float, uint8_t, v)
    case XINF_INT8: BLOCK_LOAD(float, int8_t, v)
    case XINF_BOOL: BLOCK_LOAD(float, uint8_t, v != 0)
    default:
        for (int64_t i = 0; i < count; i++)
            dst[i] = (float)xi_dtype_load_f64(data, d, first + i * stride);
    }
}

static void block_load_i32(int32_t *dst, const void *data, xinf_dtype d, int64_t first,
                           int64_t stride, int64_t count)
{
    switch (d) {
    case XINF_INT32: BLOCK_LOAD(int32_t, int32_t, v)
    case XINF_UINT8: BLOCK_LOAD(int32_t, uint8_t, v)
    case XINF_INT8: BLOCK_LOAD(int32_t, int8_t, v)
    case XINF_UINT16: BLOCK_LOAD(int32_t, uint16_t, v)
    case XINF_INT16: BLOCK_LOAD(int32_t, int16_t, v)
    case XINF_BOOL: BLOCK_LOAD(int32_t, uint8_t, v != 0)
    default:
        for (int64_t i = 0; i < count; i++)
            dst[i] = (int32_t)xi_dtype_load_i64(data, d, first + i * stride);
    }
}

void xk_block_load(void *dst, xk_kind k, const void *data, xinf_dtype d, int64_t first,
                   int64_t stride, int64_t count)
{
    if (count <= 0) return; /* an empty tensor has no address to count from */
    if (k == XK_F32) {
        block_load_f32(dst, data, d, first, stride, count);
    } else if (k == XK_I32) {
        block_load_i32(dst, data, d, first, stride, count);
    } else if (k == XK_F64) {
        if (d == XINF_FLOAT64) BLOCK_LOAD(double, double, v)
        for (int64_t i = 0; i < count; i++)
            ((double *)dst)[i] = xi_dtype_load_f64(data, d, first + i * stride);
    } else {
        if (xk_kind_native(k, d)) BLOCK_LOAD(int64_t, int64_t, v)
        for (int64_t i = 0; i < count; i++)
            ((int64_t *)dst)[i] = xi_dtype_load_i64(data, d, first + i * stride);
    }
}

#define BLOCK_STORE(to, T, expression)          \
    {                                           \
        const T *s = src;                       \
        to *out = (to *)data + first;           \
        for (int64_t i = 0; i < count; i++) {   \
            T v = s[i];                         \
            out[i * stride] = (to)(expression); \
        }                                       \
        return;                                 \
    }

static void block_store_f32(void *data, xinf_dtype d, int64_t first, int64_t stride,
                            const float *src, int64_t count)
{
    switch (d) {
    case XINF_FLOAT32: BLOCK_STORE(float, float, v)
    case XINF_FLOAT16: BLOCK_STORE(uint16_t, float, xi_f32_to_f16(v))
    case XINF_BFLOAT16: BLOCK_STORE(uint16_t, float, xi_f32_to_bf16(v))
    case XINF_BOOL: BLOCK_STORE(uint8_t, float, v != 0)
    default:
        for (int64_t i = 0; i < count; i++) xi_dtype_store_f64(data, d, first + i * stride, src[i]);
    }
}

static void block_store_i32(void *data, xinf_dtype d, int64_t first, int64_t stride,
                            const int32_t *src, int64_t count)
{
    switch (d) {
    case XINF_INT32: BLOCK_STORE(int32_t, int32_t, v)
    case XINF_UINT8:
    case XINF_INT8: BLOCK_STORE(uint8_t, int32_t, v)
    case XINF_UINT16:
    case XINF_INT16: BLOCK_STORE(uint16_t, int32_t, v)
    case XINF_BOOL: BLOCK_STORE(uint8_t, int32_t, v != 0)
    default:
        for (int64_t i = 0; i < count; i++) xi_dtype_store_i64(data, d, first + i * stride, src[i]);
    }
}

void xk_block_store(void *data, xinf_dtype d, int64_t first, int64_t stride, const void *src,
                    xk_kind k, int64_t count)
{
    if (count <= 0) return;
    if (k == XK_F32) {
        block_store_f32(data, d, first, stride, src, count);
    } else if (k == XK_I32) {
        block_store_i32(data, d, first, stride, src, count);
    } else if (k == XK_F64) {
        if (d == XINF_FLOAT64) BLOCK_STORE(double, double, v)
        for (int64_t i = 0; i < count; i++)
            xi_dtype_store_f64(data, d, first + i * stride, ((const double *)src)[i]);
    } else {
        if (xk_kind_native(k, d)) BLOCK_STORE(int64_t, int64_t, v)
        for (int64_t i = 0; i < count; i++)
            xi_dtype_store_i64(data, d, first + i * stride, ((const int64_t *)src)[i]);
    }
}

const void *xk_block_read(void *buffer, xk_kind k, const void *data, xinf_dtype d, int64_t first,
                          int64_t count)
{
    if (count > 0 && xk_kind_native(k, d))
        return (const char *)data + (size_t)first * xk_kind_size(k);
    xk_block_load(buffer, k, data, d, first, 1, count);
    return buffer;
}

int32_t xk_split_chunks(int64_t count, int64_t grain, int32_t width)
{
    int64_t most = width > 1 ? (int64_t)width * 4 : 1;
    int64_t chunks = grain < 1 ? count : count / grain;
    if (chunks > count) chunks = count;
    return chunks < 1 ? 1 : chunks > most ? (int32_t)most : (int32_t)chunks;
}

void xk_split_range(int64_t count, int64_t grain, int32_t width, int32_t chunk, int64_t *first,
                    int64_t *last)
{
    int64_t chunks = xk_split_chunks(count, grain, width);
    int64_t each = count / chunks,
            more = count % chunks; /* the first `more` chunks take one piece more */
    *first = chunk * each + (chunk < more ? chunk : more);
    *last = *first + each + (chunk < more);
}

#undef BLOCK_LOAD
#undef BLOCK_STORE
