/* ref_image.c — ImageDecoder: what is no image becomes an empty one, what this build cannot read is
 * refused by name. */
#include "backend/cpu/ref/image.h"
#include "plan/kernel.h"

extern const xi_kernel xk_ref_image[];

static xinf_status ref_image_prepare(xi_prepare *p, xinf_error *err)
{
    return XINF_OK;
}

static void ref_image_write(const xk_image *image, uint8_t *to, bool gray, bool blue_first)
{
    const uint8_t *from = image->pixels;
    for (int64_t i = 0; i < image->width * image->height; i++, from += 3) {
        if (gray) /* the weights of ITU-R 601 over 65536 */
            to[i] = (uint8_t)((from[0] * 19595u + from[1] * 38470u + from[2] * 7471u + 32768u) >>
                              16);
        for (int32_t k = 0; !gray && k < 3; k++) to[3 * i + k] = from[blue_first ? 2 - k : k];
    }
}

static xinf_status ref_image_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    const xi_operand *src = call->in[0];
    xi_str format = xi_node_string(call->node, "pixel_format", "RGB");
    xk_image image = {.alloc = call->alloc};
    bool gray = xi_str_is(format, "Grayscale");
    xk_image_end end = xk_image_read(&image, src->data, (size_t)src->count);
    xi_shape shape = {.rank = 3, .dim = {0, 0, gray ? 1 : 3}};
    xinf_status status = XINF_OK;
    if (end == XK_IMAGE_LACKING)
        status = xi_kernel_fail(call->node, err, XINF_UNSUPPORTED,
                                "images in the format %s are not supported", image.what);
    else if (end == XK_IMAGE_LARGE)
        status = xi_kernel_fail(call->node, err, XINF_LIMIT, "the image has more than %d pixels",
                                (int)XK_IMAGE_MOST);
    else if (end == XK_IMAGE_MEMORY)
        status = xi_fail_memory(err, (size_t)src->count);
    else if (end == XK_IMAGE_DONE) {
        shape.dim[0] = image.height;
        shape.dim[1] = image.width;
    }
    if (status == XINF_OK) status = call->resize(call, 0, XINF_UINT8, &shape, err);
    if (status == XINF_OK && end == XK_IMAGE_DONE)
        ref_image_write(&image, call->out[0]->data, gray, xi_str_is(format, "BGR"));
    xk_image_free(&image);
    return status;
}

const xi_kernel xk_ref_image[] = {
    {.op = "ImageDecoder",
     .domain = "",
     .name = "xk_image_decoder_u8_ref__portable",
     .prepare = ref_image_prepare,
     .run = ref_image_run},
    {0},
};
