/* ref_reorder.c — from one layout to another, for four-byte elements and any other size. */
#include "plan/kernel.h"

extern const xi_kernel xk_ref_reorder[];

typedef struct reorder_shape {
    int64_t batch, channels, pixels;
} reorder_shape;

static reorder_shape reorder_of(const xi_operand *o)
{
    reorder_shape s = {1, 1, 1};
    if (o->shape.rank > 0) s.batch = o->shape.dim[0];
    if (o->shape.rank > 1) s.channels = o->shape.dim[1];
    for (int32_t i = 2; i < o->shape.rank; i++) s.pixels *= o->shape.dim[i];
    return s;
}

/* Where element (n, c, p) lies. */
static int64_t reorder_at(const reorder_shape *s, int64_t block, int64_t n, int64_t c, int64_t p)
{
    int64_t blocks = (s->channels + block - 1) / block;
    return ((n * blocks + c / block) * s->pixels + p) * block + c % block;
}

static xinf_status reorder_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    reorder_shape s = reorder_of(src);
    int64_t from = xi_layout_block(src->layout), to = xi_layout_block(dst->layout),
            padded = (s.channels + to - 1) / to * to;
    size_t item = xinf_dtype_size(src->dtype);
    for (int64_t n = 0; n < s.batch; n++)
        for (int64_t c = 0; c < padded; c++)
            for (int64_t p = 0; p < s.pixels; p++) {
                char *at = (char *)dst->data + (size_t)reorder_at(&s, to, n, c, p) * item;
                if (c < s.channels)
                    memcpy(at,
                           (const char *)src->data + (size_t)reorder_at(&s, from, n, c, p) * item,
                           item);
                else
                    memset(at, 0, item);
            }
    return XINF_OK;
}

const xi_kernel xk_ref_reorder[] = {
    {.op = "Reorder", .domain = "xinf", .name = "xk_reorder_any_ref__portable", .run = reorder_run},
    {0},
};
