/* ref_cast.c — portable Cast, CastLike and BitCast between numbers; strings are in ref_cast_text.c.
 */
#include <math.h>

#include "backend/cpu/ref/ref_block.h"
#include "backend/cpu/ref/ref_cast_text.h"

extern const xi_kernel xk_ref_cast[];

typedef struct ref_cast_params {
    int32_t to;
    bool saturate;
    char mode; /* of rounding to float8e8m0: u, d, n */
} ref_cast_params;

/* The float32 nearest to v, its last bit made odd when v lies between two: a second rounding is
 * then right. */
static float ref_cast_odd(double v)
{
    float f = (float)v;
    uint32_t bits;
    if ((double)f == v || f != f) return f;
    memcpy(&bits, &f, 4);
    if (isinf(f)) {
        bits -= 1; /* the largest finite one, odd */
    } else if (!(bits & 1)) {
        bool larger = fabs((double)f) > fabs(v);
        bits = larger ? bits - 1 : bits + 1;
    }
    memcpy(&f, &bits, 4);
    return f;
}

/* The power of two nearest to |v|, above or below it as `mode` says. */
static uint8_t ref_cast_e8m0(float v, bool saturate, char mode)
{
    uint32_t bits;
    memcpy(&bits, &v, 4);
    uint32_t exponent = bits >> 23 & 0xff, fraction = bits & 0x7fffff;
    if (exponent == 0xff) return 0xff;
    bool up = mode == 'u'
                  ? fraction != 0
                  : mode == 'n' && fraction >= 0x400000 && (fraction > 0x400000 || exponent > 0);
    if (up && !(saturate && exponent == 0xfe)) exponent++;
    return (uint8_t)exponent;
}

static void ref_cast_store_small(void *dst, const ref_cast_params *c, int64_t first,
                                 const float *src, int64_t count)
{
    uint8_t *to = (uint8_t *)dst + first;
    for (int64_t i = 0; i < count; i++)
        to[i] = c->to == XINF_FLOAT4E2M1 && src[i] != src[i]
                    ? 0 /* it has no code for not-a-number */
                : c->to == XINF_FLOAT8E8M0 ? ref_cast_e8m0(src[i], c->saturate, c->mode)
                                           : xi_f32_to_f8(src[i], (xinf_dtype)c->to, c->saturate);
}

/* Whole numbers from floats: towards zero, not-a-number gives 0, too large ones the limit of 64
 * bits. */
static void ref_cast_whole(int64_t *dst, const double *src, int64_t count, bool is_unsigned)
{
    for (int64_t i = 0; i < count; i++) {
        double v = src[i];
        if (is_unsigned && v >= 9223372036854775808.0) {
            uint64_t u = v >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)v;
            dst[i] = (int64_t)u;
        } else {
            dst[i] = v != v                       ? 0
                     : v >= 9223372036854775808.0 ? INT64_MAX
                     : v > -9223372036854775808.0 ? (int64_t)v
                                                  : INT64_MIN;
        }
    }
}

static void ref_cast_block(const ref_cast_params *c, const xi_operand *in, const xi_operand *out,
                           int64_t first, int64_t count)
{
    double wide[XK_BLOCK];
    float narrow[XK_BLOCK];
    int64_t whole[XK_BLOCK];
    xinf_dtype from = in->dtype, to = out->dtype;
    bool from_float = xi_dtype_is_float(from);
    if (to == XINF_FLOAT32) {
        xk_block_load((float *)out->data + first, XK_F32, in->data, from, first, 1, count);
    } else if (to == XINF_FLOAT64) {
        xk_block_load((double *)out->data + first, XK_F64, in->data, from, first, 1, count);
    } else if (xi_dtype_is_float(to)) {
        xk_kind kind = xk_kind_of(from);
        if (kind == XK_F32 || (kind == XK_I32 && from != XINF_INT32)) {
            xk_block_load(narrow, XK_F32, in->data, from, first, 1, count);
        } else {
            xk_block_load(wide, XK_F64, in->data, from, first, 1, count);
            for (int64_t i = 0; i < count; i++) narrow[i] = ref_cast_odd(wide[i]);
        }
        if (to == XINF_FLOAT16 || to == XINF_BFLOAT16)
            xk_block_store(out->data, to, first, 1, narrow, XK_F32, count);
        else
            ref_cast_store_small(out->data, c, first, narrow, count);
    } else if (to == XINF_BOOL && from_float) {
        xk_block_load(wide, XK_F64, in->data, from, first, 1, count);
        for (int64_t i = 0; i < count; i++) ((uint8_t *)out->data)[first + i] = wide[i] != 0;
    } else {
        if (from_float) {
            xk_block_load(wide, XK_F64, in->data, from, first, 1, count);
            ref_cast_whole(whole, wide, count, to == XINF_UINT64);
        } else {
            xk_block_load(whole, from == XINF_UINT64 ? XK_U64 : XK_I64, in->data, from, first, 1,
                          count);
        }
        xk_block_store(out->data, to, first, 1, whole, XK_I64, count);
    }
}

static xinf_status ref_cast_prepare(xi_prepare *p, xinf_error *err)
{
    ref_cast_params *c = p->params;
    xinf_dtype from = p->in[0]->dtype, to = p->out[0]->dtype;
    bool text = from == XINF_STRING || to == XINF_STRING;
    if (!xi_dtype_known(from) || !xi_dtype_known(to) ||
        (from != to && !text && (xk_kind_of(from) == XK_NONE || xk_kind_of(to) == XK_NONE)))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "%s to %s", xinf_dtype_name(from),
                              xinf_dtype_name(to));
    if (text && (from == XINF_COMPLEX64 || from == XINF_COMPLEX128 || to == XINF_COMPLEX64 ||
                 to == XINF_COMPLEX128))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "%s to %s", xinf_dtype_name(from),
                              xinf_dtype_name(to));
    xi_str mode = xi_node_string(p->node, "round_mode", "up");
    c->to = to;
    c->saturate = xi_node_int(p->node, "saturate", 1) != 0;
    c->mode = mode.len ? mode.ptr[0] : 'u';
    p->view = from == to && !text;
    return XINF_OK;
}

enum { REF_CAST_GRAIN = 8192 };

static xinf_status ref_cast_extent(const void *params, xi_operand *const *in,
                                   xi_operand *const *out, int32_t width, xi_extent *e,
                                   xinf_error *err)
{
    bool text = in[0]->dtype == XINF_STRING || out[0]->dtype == XINF_STRING;
    e->chunks[0] = text ? 1 : xk_split_chunks(out[0]->count, REF_CAST_GRAIN, width);
    return XINF_OK;
}

static xinf_status ref_cast_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    const xi_operand *in = call->in[0], *out = call->out[0];
    int64_t first, last;
    if (in->dtype == XINF_STRING || out->dtype == XINF_STRING) return xk_cast_text(call, err);
    xk_split_range(out->count, REF_CAST_GRAIN, call->width, chunk, &first, &last);
    for (int64_t n; first < last; first += n) {
        n = last - first < XK_BLOCK ? last - first : XK_BLOCK;
        ref_cast_block(call->params, in, out, first, n);
    }
    return XINF_OK;
}

static xinf_status ref_cast_bits_prepare(xi_prepare *p, xinf_error *err)
{
    if (xinf_dtype_size(p->in[0]->dtype) != xinf_dtype_size(p->out[0]->dtype))
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "%s to %s",
                              xinf_dtype_name(p->in[0]->dtype), xinf_dtype_name(p->out[0]->dtype));
    p->in_place = 1;
    return XINF_OK;
}

static xinf_status ref_cast_bits_run(const xi_call *call, int32_t phase, int32_t chunk,
                                     void *scratch, xinf_error *err)
{
    const xi_operand *in = call->in[0], *out = call->out[0];
    uint8_t *dst = out->data;
    size_t size = (size_t)out->count * xinf_dtype_size(out->dtype);
    if (size && in->data != out->data) memcpy(dst, in->data, size);
    if (out->dtype == XINF_BOOL)
        for (size_t i = 0; i < size; i++) dst[i] = dst[i] != 0;
    return XINF_OK;
}

const xi_kernel xk_ref_cast[] = {
    {.op = "Cast",
     .domain = "",
     .name = "xk_cast_any_ref__portable",
     .prepare = ref_cast_prepare,
     .extent = ref_cast_extent,
     .run = ref_cast_run},
    {.op = "CastLike",
     .domain = "",
     .name = "xk_cast_like_any_ref__portable",
     .prepare = ref_cast_prepare,
     .extent = ref_cast_extent,
     .run = ref_cast_run},
    {.op = "BitCast",
     .domain = "",
     .name = "xk_bit_cast_any_ref__portable",
     .prepare = ref_cast_bits_prepare,
     .run = ref_cast_bits_run},
    {0},
};
