/* transpose_f32_avx2.c — Transpose of images between channels first in nChw8c and channels last:
 * whole blocks of 8 channels move, and no reorder stands beside it. A chunk is a block of pixels of
 * one image. */
#include "base/cpu.h"
#include "plan/kernel.h"

#include "backend/cpu/x86/vec_avx2.h"

enum { TURN8_CHUNK = 16384 }; /* elements */

typedef struct turn8_params {
    int32_t to_last; /* NCHW → NHWC, else the way back */
} turn8_params;

typedef struct turn8_shape {
    int64_t batch, pixels, groups, each, blocks; /* each: pixels in a chunk */
} turn8_shape;

static xinf_status turn8_prepare(xi_prepare *p, xinf_error *err)
{
    static const int64_t last[4] = {0, 2, 3, 1}, first[4] = {0, 3, 1, 2};
    turn8_params *c = p->params;
    const xi_operand *x = p->in[0];
    const int64_t *perm;
    bool takes = x->dtype == XINF_FLOAT32 && x->shape.rank == 4 &&
                 xi_node_ints(p->node, "perm", &perm) == 4;
    if (takes) c->to_last = memcmp(perm, last, sizeof last) == 0;
    int64_t channels = takes ? x->shape.dim[c->to_last ? 1 : 3] : 0;
    takes = takes && channels > 0 && channels % 8 == 0 &&
            (c->to_last ? x->layout == XI_LAYOUT_C8 : memcmp(perm, first, sizeof first) == 0);
    if (!takes)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "not an image of whole blocks of channels");
    if (c->to_last)
        p->in_layout[0] = XI_LAYOUT_C8;
    else
        p->out_layout[0] = XI_LAYOUT_C8;
    return XINF_OK;
}

static turn8_shape turn8_of(const turn8_params *p, const xi_operand *x)
{
    const int64_t *d = x->shape.dim;
    turn8_shape s = {.batch = d[0],
                     .pixels = p->to_last ? d[2] * d[3] : d[1] * d[2],
                     .groups = d[p->to_last ? 1 : 3] / 8};
    s.each = s.groups ? TURN8_CHUNK / (s.groups * 8) : 1;
    s.each = s.each < 1 ? 1 : s.each;
    s.blocks = (s.pixels + s.each - 1) / s.each;
    return s;
}

static xinf_status turn8_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                int32_t width, xi_extent *e, xinf_error *err)
{
    turn8_shape s = turn8_of(params, in[0]);
    e->chunks[0] = (int32_t)(s.batch * s.blocks);
    return XINF_OK;
}

XK_TARGET_BEGIN(avx2)

static xinf_status turn8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                             xinf_error *err)
{
    const turn8_params *p = call->params;
    turn8_shape s = turn8_of(p, call->in[0]);
    int64_t image = chunk / s.blocks, first = chunk % s.blocks * s.each,
            last = first + s.each < s.pixels ? first + s.each : s.pixels;
    int64_t base = image * s.pixels * s.groups * 8;
    const float *src = (const float *)call->in[0]->data + base;
    float *dst = (float *)call->out[0]->data + base;
    for (int64_t g = 0; g < s.groups; g++)
        for (int64_t i = first; i < last; i++) {
            int64_t blocked = (g * s.pixels + i) * 8, row = (i * s.groups + g) * 8;
            _mm256_storeu_ps(dst + (p->to_last ? row : blocked),
                             _mm256_loadu_ps(src + (p->to_last ? blocked : row)));
        }
    return XINF_OK;
}

XK_TARGET_END(avx2)

extern const xi_kernel xk_avx2_transpose[];

const xi_kernel xk_avx2_transpose[] = {
    {.op = "Transpose",
     .name = "xk_transpose_f32_c8__avx2",
     .isa = XI_ISA_AVX2,
     .prepare = turn8_prepare,
     .extent = turn8_extent,
     .run = turn8_run},
    {0},
};
