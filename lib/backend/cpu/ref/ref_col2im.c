/* ref_col2im.c — Col2Im adds columns up into an image; CenterCropPad copies the shared middle. */
#include "backend/cpu/ref/walk.h"

extern const xi_kernel xk_ref_col2im[];

typedef struct ref_col2im_shape {
    int32_t dims;
    int64_t block[XI_MAX_RANK], steps[XI_MAX_RANK], stride[XI_MAX_RANK], pad[XI_MAX_RANK],
        dilation[XI_MAX_RANK];
} ref_col2im_shape;

static int64_t ref_col2im_number(const xi_node *n, const char *name, int32_t i, int64_t fallback)
{
    const int64_t *v;
    return i < xi_node_ints(n, name, &v) ? v[i] : fallback;
}

static xinf_status ref_col2im_prepare(xi_prepare *p, xinf_error *err)
{
    xinf_dtype d = p->in[0]->dtype;
    if (d == XINF_STRING || d == XINF_COMPLEX64 || d == XINF_COMPLEX128)
        return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s", xinf_dtype_name(d));
    return XINF_OK;
}

static xinf_status ref_col2im_extent(const void *params, xi_operand *const *in,
                                     xi_operand *const *out, int32_t width, xi_extent *e,
                                     xinf_error *err)
{
    int64_t planes = out[0]->shape.dim[0] * out[0]->shape.dim[1];
    e->chunks[0] = width > 1 && planes > 1 && out[0]->count > 1 << 12
                       ? (int32_t)(planes < 4 * width ? planes : 4 * width)
                       : 1;
    return XINF_OK;
}

static void ref_col2im_add(xi_operand *dst, int64_t to, const xi_operand *src, int64_t from)
{
    if (dst->dtype == XINF_FLOAT32)
        ((float *)dst->data)[to] += ((const float *)src->data)[from];
    else if (xi_dtype_is_float(dst->dtype))
        xi_dtype_store_f64(dst->data, dst->dtype, to,
                           xi_dtype_load_f64(dst->data, dst->dtype, to) +
                               xi_dtype_load_f64(src->data, src->dtype, from));
    else
        xi_dtype_store_i64(dst->data, dst->dtype, to,
                           (int64_t)((uint64_t)xi_dtype_load_i64(dst->data, dst->dtype, to) +
                                     (uint64_t)xi_dtype_load_i64(src->data, src->dtype, from)));
}

/* One channel of one image. */
static void ref_col2im_plane(const ref_col2im_shape *c, const xi_operand *src, xi_operand *dst,
                             int64_t plane, int64_t blocks, int64_t columns)
{
    const xi_shape *s = &dst->shape;
    int64_t area = xi_shape_span(s, 2, s->rank);
    memset((char *)dst->data + (size_t)(plane * area) * xinf_dtype_size(dst->dtype), 0,
           (size_t)area * xinf_dtype_size(dst->dtype));
    for (int64_t b = 0; b < blocks; b++)
        for (int64_t l = 0; l < columns; l++) {
            int64_t in_block = b, step = l, to = 0, scale = 1;
            bool inside = true;
            for (int32_t d = c->dims - 1; d >= 0; d--) {
                int64_t at = step % c->steps[d] * c->stride[d] - c->pad[d] +
                             in_block % c->block[d] * c->dilation[d];
                inside = inside && at >= 0 && at < s->dim[2 + d];
                to += at * scale;
                scale *= s->dim[2 + d];
                step /= c->steps[d];
                in_block /= c->block[d];
            }
            if (inside)
                ref_col2im_add(dst, plane * area + to, src, (plane * blocks + b) * columns + l);
        }
}

static xinf_status ref_col2im_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                  xinf_error *err)
{
    const xi_operand *src = call->in[0], *block = call->in[2];
    xi_operand *dst = call->out[0];
    ref_col2im_shape c = {.dims = dst->shape.rank - 2};
    int64_t blocks = 1, columns = 1;
    xi_extent e = {.chunks = {1}};
    if (dst->count == 0) return XINF_OK;
    if (block->count != c.dims)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "block_shape lists %lld numbers",
                              (long long)block->count);
    for (int32_t d = 0; d < c.dims; d++) {
        c.block[d] = xi_dtype_load_i64(block->data, block->dtype, d);
        c.stride[d] = ref_col2im_number(call->node, "strides", d, 1);
        c.dilation[d] = ref_col2im_number(call->node, "dilations", d, 1);
        c.pad[d] = ref_col2im_number(call->node, "pads", d, 0);
        int64_t room = dst->shape.dim[2 + d] + c.pad[d] +
                       ref_col2im_number(call->node, "pads", c.dims + d, 0) -
                       (c.block[d] - 1) * c.dilation[d] - 1;
        c.steps[d] = room < 0 ? 0 : room / c.stride[d] + 1;
        blocks *= c.block[d];
        columns *= c.steps[d];
    }
    if (columns != src->shape.dim[2] || dst->shape.dim[1] * blocks != src->shape.dim[1])
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "its input does not fit the image");
    int64_t planes = dst->shape.dim[0] * dst->shape.dim[1];
    ref_col2im_extent(NULL, call->in, call->out, call->width, &e, NULL);
    for (int64_t p = planes * chunk / e.chunks[0]; p < planes * (chunk + 1) / e.chunks[0]; p++)
        ref_col2im_plane(&c, src, dst, p, blocks, columns);
    return XINF_OK;
}

static xinf_status ref_col2im_center(const xi_call *call, int32_t phase, int32_t chunk,
                                     void *scratch, xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_operand *dst = call->out[0];
    int64_t from[XI_MAX_RANK], to[XI_MAX_RANK];
    xk_walk w = {0};
    xi_shape_strides(&src->shape, from);
    xi_shape_strides(&dst->shape, to);
    if (dst->dtype != XINF_STRING && dst->count)
        memset(dst->data, 0, (size_t)dst->count * xinf_dtype_size(dst->dtype));
    for (int32_t i = 0; i < dst->shape.rank; i++) {
        int64_t a = src->shape.dim[i], b = dst->shape.dim[i];
        if (a > b) w.src_at += (a - b) / 2 * from[i];
        if (b > a) w.dst_at += (b - a) / 2 * to[i];
        xk_walk_add(&w, a < b ? a : b, from[i], to[i]);
    }
    return xk_walk_copy(&w, src, dst, 0, 1, err);
}

const xi_kernel xk_ref_col2im[] = {
    {.op = "Col2Im",
     .domain = "",
     .name = "xk_col2im_any_ref__portable",
     .prepare = ref_col2im_prepare,
     .extent = ref_col2im_extent,
     .run = ref_col2im_run},
    {.op = "CenterCropPad",
     .domain = "",
     .name = "xk_center_crop_pad_any_ref__portable",
     .run = ref_col2im_center},
    {0},
};
