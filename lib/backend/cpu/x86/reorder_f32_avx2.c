/* reorder_f32_avx2.c — between row-major and nChw8c for four-byte elements, by 8 × 8 transposes. A
 * chunk is one group of 8 channels. */
#include "base/cpu.h"
#include "plan/kernel.h"

#include "backend/cpu/x86/vec_avx2.h"

typedef struct reorder8_shape {
    int64_t batch, channels, groups, pixels;
} reorder8_shape;

static reorder8_shape reorder8_of(const xi_operand *o)
{
    reorder8_shape s = {.batch = o->shape.rank > 0 ? o->shape.dim[0] : 1,
                        .channels = o->shape.rank > 1 ? o->shape.dim[1] : 1,
                        .pixels = 1};
    for (int32_t i = 2; i < o->shape.rank; i++) s.pixels *= o->shape.dim[i];
    s.groups = (s.channels + 7) / 8;
    return s;
}

static xinf_status reorder8_extent(const void *params, xi_operand *const *in,
                                   xi_operand *const *out, int32_t width, xi_extent *e,
                                   xinf_error *err)
{
    reorder8_shape s = reorder8_of(in[0]);
    if (xinf_dtype_size(in[0]->dtype) != 4 || in[0]->layout == XI_LAYOUT_C16 ||
        out[0]->layout == XI_LAYOUT_C16)
        return xi_fail(err, XINF_INTERNAL, "a reorder that this kernel does not do");
    e->chunks[0] = s.pixels ? (int32_t)(s.batch * s.groups) : 0;
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

static void reorder8_block(const float *src, float *dst, int64_t channels, int64_t pixels)
{
    int64_t p = 0;
    for (; channels == 8 && p + 8 <= pixels; p += 8) {
        __m256 r[8];
        for (int c = 0; c < 8; c++) r[c] = _mm256_loadu_ps(src + c * pixels + p);
        xk_transpose8(r);
        for (int i = 0; i < 8; i++) _mm256_storeu_ps(dst + (p + i) * 8, r[i]);
    }
    for (; p < pixels; p++)
        for (int64_t c = 0; c < 8; c++) dst[p * 8 + c] = c < channels ? src[c * pixels + p] : 0;
}

static void reorder8_unblock(const float *src, float *dst, int64_t channels, int64_t pixels)
{
    int64_t p = 0;
    for (; p + 8 <= pixels; p += 8) {
        __m256 r[8];
        for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(src + (p + i) * 8);
        xk_transpose8(r);
        for (int c = 0; c < 8; c++)
            if (c < channels) _mm256_storeu_ps(dst + c * pixels + p, r[c]);
    }
    for (; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++) dst[c * pixels + p] = src[p * 8 + c];
}

static xinf_status reorder8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                xinf_error *err)
{
    reorder8_shape s = reorder8_of(call->in[0]);
    int64_t n = chunk / s.groups, g = chunk % s.groups,
            channels = s.channels - 8 * g < 8 ? s.channels - 8 * g : 8;
    int64_t row = (n * s.channels + 8 * g) * s.pixels, blocked = (n * s.groups + g) * s.pixels * 8;
    if (call->out[0]->layout == XI_LAYOUT_C8)
        reorder8_block((const float *)call->in[0]->data + row,
                       (float *)call->out[0]->data + blocked, channels, s.pixels);
    else
        reorder8_unblock((const float *)call->in[0]->data + blocked,
                         (float *)call->out[0]->data + row, channels, s.pixels);
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_reorder[];

const xi_kernel xk_avx2_reorder[] = {
    {.op = "Reorder",
     .domain = "xinf",
     .name = "xk_reorder_f32_c8__avx2",
     .isa = XI_ISA_AVX2,
     .extent = reorder8_extent,
     .run = reorder8_run},
    {0},
};
