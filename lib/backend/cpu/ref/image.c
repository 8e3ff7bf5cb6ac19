#include "backend/cpu/ref/image.h"

#include <string.h>

static size_t image_size(int64_t width, int64_t height)
{
    return (size_t)width * (size_t)height * 3;
}

xk_image_end xk_image_room(xk_image *image, int64_t width, int64_t height)
{
    if (width < 1 || height < 1) return XK_IMAGE_BROKEN;
    if (width > XK_IMAGE_MOST || height > XK_IMAGE_MOST / width) return XK_IMAGE_LARGE;
    image->pixels = xi_calloc(image->alloc, image_size(width, height), 1);
    if (!image->pixels) return XK_IMAGE_MEMORY;
    image->width = width;
    image->height = height;
    return XK_IMAGE_DONE;
}

void xk_image_free(xk_image *image)
{
    if (image->pixels)
        xi_free(image->alloc, image->pixels, image_size(image->width, image->height));
    image->pixels = NULL;
}

static bool image_begins(const uint8_t *bytes, size_t size, size_t at, const char *magic,
                         size_t length)
{
    return size >= at + length && memcmp(bytes + at, magic, length) == 0;
}

xk_image_end xk_image_read(xk_image *image, const uint8_t *bytes, size_t size)
{
    if (image_begins(bytes, size, 0, "\xff\xd8\xff", 3)) return xk_image_jpeg(image, bytes, size);
    if (image_begins(bytes, size, 0, "\x89PNG\r\n\x1a\n", 8))
        return xk_image_png(image, bytes, size);
    if (image_begins(bytes, size, 0, "BM", 2)) return xk_image_bmp(image, bytes, size);
    if (image_begins(bytes, size, 0, "II*\0", 4) || image_begins(bytes, size, 0, "MM\0*", 4))
        return xk_image_tiff(image, bytes, size);
    if (size > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6')
        return xk_image_pnm(image, bytes, size);
    if (image_begins(bytes, size, 8, "WEBP", 4)) return xk_image_webp(image, bytes, size);
    if (image_begins(bytes, size, 0, "\0\0\0\fjP  ", 8) ||
        image_begins(bytes, size, 0, "\xff\x4f\xff\x51", 4))
        return xk_image_jpeg2000(image, bytes, size);
    if (image_begins(bytes, size, 0, "GIF8", 4)) {
        image->what = "GIF";
        return XK_IMAGE_LACKING;
    }
    return XK_IMAGE_BROKEN;
}
