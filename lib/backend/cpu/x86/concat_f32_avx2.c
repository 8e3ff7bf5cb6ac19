/* concat_f32_avx2.c — Concat over channels in nChw8c: whole groups are copied, but for inputs whose
 * memory is in the output already. */
#include "base/cpu.h"
#include "plan/kernel.h"

static xinf_status concat8_prepare(xi_prepare *p, xinf_error *err)
{
    bool takes = xi_node_int(p->node, "axis", 0) == 1, blocked = false;
    for (int32_t i = 0; i < p->in_count && takes; i++) {
        const xi_operand *x = p->in[i];
        blocked = blocked || (x && x->layout == XI_LAYOUT_C8);
        takes = x && x->dtype == XINF_FLOAT32 && x->shape.rank == 4 && x->shape.dim[1] > 0 &&
                (x->shape.dim[1] % 8 == 0 || i + 1 == p->in_count);
    }
    if (!takes || !blocked)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                              "not a concatenation of blocked float32 images");
    for (int32_t i = 0; i < p->in_count; i++) p->in_layout[i] = XI_LAYOUT_C8;
    p->out_layout[0] = XI_LAYOUT_C8;
    return XINF_OK;
}

static xinf_status concat8_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                                  int32_t width, xi_extent *e, xinf_error *err)
{
    e->chunks[0] = (int32_t)(out[0]->shape.dim[0] * ((out[0]->shape.dim[1] + 7) / 8));
    e->joined = out[0]->shape.dim[0] == 1;
    return XINF_OK;
}

static xinf_status concat8_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const xi_shape *s = &call->out[0]->shape;
    int64_t groups = (s->dim[1] + 7) / 8, image = chunk / groups, g = chunk % groups;
    size_t plane = (size_t)(s->dim[2] * s->dim[3]) * 32;
    for (int32_t i = 0; i < call->in_count; i++) {
        int64_t mine = (call->in[i]->shape.dim[1] + 7) / 8;
        if (g < mine) {
            char *to = (char *)call->out[0]->data + (size_t)chunk * plane;
            const char *from = (const char *)call->in[i]->data + (size_t)(image * mine + g) * plane;
            if (from != to) memcpy(to, from, plane);
            break;
        }
        g -= mine;
    }
    return XINF_OK;
}

extern const xi_kernel xk_avx2_concat[];

const xi_kernel xk_avx2_concat[] = {
    {.op = "Concat",
     .name = "xk_concat_f32_c8__avx2",
     .isa = XI_ISA_AVX2,
     .prepare = concat8_prepare,
     .extent = concat8_extent,
     .run = concat8_run},
    {0},
};
