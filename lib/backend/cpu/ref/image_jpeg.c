/* image_jpeg.c — JPEG through libjpeg-turbo, when the build has it. */
#include "backend/cpu/ref/image.h"

#ifdef XK_HAVE_JPEG

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

typedef struct jpeg_stop {
    struct jpeg_error_mgr base;
    jmp_buf back;
} jpeg_stop;

static void jpeg_leave(j_common_ptr c)
{
    longjmp(((jpeg_stop *)c->err)->back, 1);
}

static void jpeg_silent(j_common_ptr c)
{
}

/* Damage that the library repairs by guessing counts as damage. */
static void jpeg_message(j_common_ptr c, int level)
{
    if (level < 0) c->err->num_warnings++;
}

static xk_image_end jpeg_rows(xk_image *image, struct jpeg_decompress_struct *d)
{
    image->what = "JPEG in CMYK";
    if (d->num_components == 4) return XK_IMAGE_LACKING;
    xk_image_end end = xk_image_room(image, d->image_width, d->image_height);
    if (end != XK_IMAGE_DONE) return end;
    d->out_color_space = JCS_RGB;
    jpeg_start_decompress(d);
    while (d->output_scanline < d->output_height) {
        JSAMPROW row = image->pixels + (size_t)d->output_scanline * d->output_width * 3;
        jpeg_read_scanlines(d, &row, 1);
        if (d->err->num_warnings) return XK_IMAGE_BROKEN;
    }
    return XK_IMAGE_DONE;
}

xk_image_end xk_image_jpeg(xk_image *image, const uint8_t *bytes, size_t size)
{
    struct jpeg_decompress_struct d;
    jpeg_stop stop;
    d.err = jpeg_std_error(&stop.base);
    stop.base.error_exit = jpeg_leave;
    stop.base.output_message = jpeg_silent;
    stop.base.emit_message = jpeg_message;
    if (setjmp(stop.back)) {
        jpeg_destroy_decompress(&d);
        return XK_IMAGE_BROKEN;
    }
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, bytes, (unsigned long)size);
    jpeg_read_header(&d, TRUE);
    d.mem->max_memory_to_use = 1 << 30;
    xk_image_end end = jpeg_rows(image, &d);
    jpeg_destroy_decompress(&d);
    return end;
}

#else

xk_image_end xk_image_jpeg(xk_image *image, const uint8_t *bytes, size_t size)
{
    image->what = "JPEG (this build is without libjpeg)";
    return XK_IMAGE_LACKING;
}

#endif
