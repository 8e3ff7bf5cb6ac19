/* image_png.c — PNG through libpng, when the build has it. */
#include "backend/cpu/ref/image.h"

#ifdef XK_HAVE_PNG

#include <string.h>

#include <png.h>

xk_image_end xk_image_png(xk_image *image, const uint8_t *bytes, size_t size)
{
    png_image p;
    uint8_t *four = NULL;
    memset(&p, 0, sizeof p);
    p.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&p, bytes, size)) return XK_IMAGE_BROKEN;
    xk_image_end end = xk_image_room(image, p.width, p.height);
    size_t pixels = (size_t)p.width * p.height, room = pixels * 4;
    /* Transparency is left off, not laid over a colour. */
    p.format = PNG_FORMAT_RGBA;
    if (end == XK_IMAGE_DONE && !(four = xi_alloc(image->alloc, room))) end = XK_IMAGE_MEMORY;
    if (end == XK_IMAGE_DONE && !png_image_finish_read(&p, NULL, four, 0, NULL))
        end = XK_IMAGE_BROKEN;
    for (size_t i = 0; end == XK_IMAGE_DONE && i < pixels; i++)
        for (size_t k = 0; k < 3; k++) image->pixels[3 * i + k] = four[4 * i + k];
    if (four) xi_free(image->alloc, four, room);
    png_image_free(&p);
    return end;
}

#else

xk_image_end xk_image_png(xk_image *image, const uint8_t *bytes, size_t size)
{
    image->what = "PNG (this build is without libpng)";
    return XK_IMAGE_LACKING;
}

#endif
