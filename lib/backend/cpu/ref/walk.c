/* walk.c — strided copies. */
#include "backend/cpu/ref/walk.h"

/* Bytes below which a split does not pay. */
enum { WALK_SPLIT = 1 << 18 };

void xk_walk_add(xk_walk *w, int64_t dim, int64_t src, int64_t dst)
{
    int32_t k = w->rank++;
    w->dim[k] = dim;
    w->src[k] = src;
    w->dst[k] = dst;
}

int32_t xk_walk_chunks(const xi_operand *out, int32_t width)
{
    size_t item = xinf_dtype_size(out->dtype);
    if (width <= 1 || item == 0 || out->count < 2 || (uint64_t)out->count * item < WALK_SPLIT)
        return 1;
    return width > 64 ? 128 : 2 * width;
}

xinf_status xk_walk_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                           int32_t width, xi_extent *e, xinf_error *err)
{
    if (out[0]) e->chunks[0] = xk_walk_chunks(out[0], width);
    return XINF_OK;
}

/* Keeps only part `chunk` of the longest of the outer dimensions. */
static bool walk_restrict(xk_walk *w, int32_t chunk, int32_t chunks)
{
    int32_t at = 0;
    if (chunks <= 1) return true;
    if (w->rank == 0) return chunk == 0;
    while (at + 1 < w->rank && w->dim[at] < chunks) at++;
    int64_t each = w->dim[at] / chunks, rest = w->dim[at] % chunks;
    int64_t first = each * chunk + (chunk < rest ? chunk : rest);
    w->dim[at] = each + (chunk < rest);
    w->src_at += first * w->src[at];
    w->dst_at += first * w->dst[at];
    return w->dim[at] > 0;
}

/* Drops dimensions of 1 and joins neighbours that lie as one on both sides; false when there is
 * nothing to copy. */
static bool walk_simplify(xk_walk *w)
{
    int32_t n = 0;
    for (int32_t i = 0; i < w->rank; i++) {
        if (w->dim[i] == 0) return false;
        if (w->dim[i] == 1) continue;
        if (n && w->src[n - 1] == w->src[i] * w->dim[i] && w->dst[n - 1] == w->dst[i] * w->dim[i]) {
            w->dim[n - 1] *= w->dim[i];
        } else {
            w->dim[n] = w->dim[i];
            n++;
        }
        w->src[n - 1] = w->src[i];
        w->dst[n - 1] = w->dst[i];
    }
    w->rank = n;
    return true;
}

typedef uint8_t walk_u8 __attribute__((may_alias));
typedef uint16_t walk_u16 __attribute__((may_alias));
typedef uint32_t walk_u32 __attribute__((may_alias));
typedef uint64_t walk_u64 __attribute__((may_alias));
typedef struct walk_pair {
    uint64_t a, b;
} __attribute__((may_alias)) walk_u128;

/* One line, and a plane whose lines are contiguous on opposite sides: block by block, so that both
 * sides stay in the cache. */
#define WALK_TYPE(T)                                                                        \
    static void walk_line_##T(const T *src, int64_t s, T *dst, int64_t d, int64_t n)        \
    {                                                                                       \
        if (s == 1 && d == 1) {                                                             \
            memcpy(dst, src, (size_t)n * sizeof(T));                                        \
        } else if (s == 0 && d == 1) {                                                      \
            T v = src[0];                                                                   \
            for (int64_t i = 0; i < n; i++) dst[i] = v;                                     \
        } else if (d == 1) {                                                                \
            for (int64_t i = 0; i < n; i++) dst[i] = src[i * s];                            \
        } else {                                                                            \
            for (int64_t i = 0; i < n; i++) dst[i * d] = src[i * s];                        \
        }                                                                                   \
    }                                                                                       \
    static void walk_plane_##T(const T *src, int64_t sb, T *dst, int64_t da, int64_t na,    \
                               int64_t nb)                                                  \
    {                                                                                       \
        for (int64_t a0 = 0; a0 < na; a0 += 16)                                             \
            for (int64_t b0 = 0; b0 < nb; b0 += 16) {                                       \
                int64_t a1 = a0 + 16 < na ? a0 + 16 : na, b1 = b0 + 16 < nb ? b0 + 16 : nb; \
                for (int64_t a = a0; a < a1; a++)                                           \
                    for (int64_t b = b0; b < b1; b++) dst[a * da + b] = src[a + b * sb];    \
            }                                                                               \
    }
WALK_TYPE(walk_u8)
WALK_TYPE(walk_u16)
WALK_TYPE(walk_u32)
WALK_TYPE(walk_u64)
WALK_TYPE(walk_u128)
#undef WALK_TYPE

/* The inner one or two dimensions, at element offsets. */
typedef struct walk_inner {
    bool plane;
    int64_t n, s, d;        /* the line */
    int64_t planes, stride; /* of the dimension that is contiguous in src */
    size_t item;
} walk_inner;

static void walk_inside(const walk_inner *in, const void *src, void *dst)
{
#define WALK_CASE(T)                                                    \
    if (in->plane)                                                      \
        walk_plane_##T(src, in->s, dst, in->stride, in->planes, in->n); \
    else                                                                \
        walk_line_##T(src, in->s, dst, in->d, in->n)
    switch (in->item) {
    case 1: WALK_CASE(walk_u8); break;
    case 2: WALK_CASE(walk_u16); break;
    case 4: WALK_CASE(walk_u32); break;
    case 8: WALK_CASE(walk_u64); break;
    default: WALK_CASE(walk_u128); break;
    }
#undef WALK_CASE
}

static void walk_numbers(const xk_walk *w, size_t item, const char *src, char *dst)
{
    int64_t at[XK_WALK_RANK] = {0};
    int32_t outer[XK_WALK_RANK], count = 0, last = w->rank - 1, other = -1;
    walk_inner in = {.n = 1, .s = 1, .d = 1, .item = item};
    if (last >= 0)
        in = (walk_inner){.n = w->dim[last], .s = w->src[last], .d = w->dst[last], .item = item};
    for (int32_t i = 0; i < last && in.s != 1 && in.s != 0 && in.d == 1; i++)
        if (w->src[i] == 1 && w->dim[i] >= 4) other = i;
    if (other >= 0) {
        in.plane = true;
        in.planes = w->dim[other];
        in.stride = w->dst[other];
    }
    for (int32_t i = 0; i < last; i++)
        if (i != other) outer[count++] = i;
    int64_t s = w->src_at, d = w->dst_at;
    for (;;) {
        walk_inside(&in, src + s * (int64_t)item, dst + d * (int64_t)item);
        int32_t k = count - 1;
        for (; k >= 0; k--) {
            int32_t i = outer[k];
            s += w->src[i];
            d += w->dst[i];
            if (++at[k] < w->dim[i]) break;
            s -= w->src[i] * w->dim[i];
            d -= w->dst[i] * w->dim[i];
            at[k] = 0;
        }
        if (k < 0) return;
    }
}

static xinf_status walk_strings(const xk_walk *w, const xi_str *src, xinf_tensor *dst,
                                xinf_error *err)
{
    int64_t at[XK_WALK_RANK] = {0}, s = w->src_at, d = w->dst_at;
    for (;;) {
        xinf_status status = xi_tensor_set_string(dst, d, src[s].ptr, src[s].len, err);
        if (status != XINF_OK) return status;
        int32_t i = w->rank - 1;
        for (; i >= 0; i--) {
            s += w->src[i];
            d += w->dst[i];
            if (++at[i] < w->dim[i]) break;
            s -= w->src[i] * w->dim[i];
            d -= w->dst[i] * w->dim[i];
            at[i] = 0;
        }
        if (i < 0) return XINF_OK;
    }
}

xinf_status xk_walk_copy(xk_walk *w, const xi_operand *src, xi_operand *dst, int32_t chunk,
                         int32_t chunks, xinf_error *err)
{
    if (!walk_simplify(w) || !walk_restrict(w, chunk, chunks)) return XINF_OK;
    if (dst->dtype == XINF_STRING) return walk_strings(w, src->data, dst->tensor, err);
    walk_numbers(w, xinf_dtype_size(dst->dtype), src->data, dst->data);
    return XINF_OK;
}
