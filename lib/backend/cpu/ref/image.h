/* image.h — readers of image files: hostile bytes become rows of red, green, blue. */
#ifndef XK_REF_IMAGE_H
#define XK_REF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/allocator.h"

typedef enum xk_image_end {
    XK_IMAGE_DONE,
    XK_IMAGE_BROKEN,  /* these bytes are no such image */
    XK_IMAGE_LACKING, /* an image that this build does not decode; xk_image.what says which */
    XK_IMAGE_LARGE,   /* more pixels than are allowed */
    XK_IMAGE_MEMORY
} xk_image_end;

enum { XK_IMAGE_MOST = 1 << 28 }; /* pixels: a small file may claim any number */

typedef struct xk_image {
    const xinf_allocator *alloc;
    uint8_t *pixels; /* width · height · 3 bytes, from alloc */
    int64_t width, height;
    const char *what;
} xk_image;

/* Room for the pixels; zeroed. */
xk_image_end xk_image_room(xk_image *image, int64_t width, int64_t height);
void xk_image_free(xk_image *image);

/* Told by their first bytes; what is none of the formats is BROKEN. */
xk_image_end xk_image_read(xk_image *image, const uint8_t *bytes, size_t size);

xk_image_end xk_image_bmp(xk_image *image, const uint8_t *bytes, size_t size);
xk_image_end xk_image_pnm(xk_image *image, const uint8_t *bytes, size_t size);
xk_image_end xk_image_tiff(xk_image *image, const uint8_t *bytes, size_t size);
/* LACKING in a build without their libraries. */
xk_image_end xk_image_jpeg(xk_image *image, const uint8_t *bytes, size_t size);
xk_image_end xk_image_png(xk_image *image, const uint8_t *bytes, size_t size);
xk_image_end xk_image_webp(xk_image *image, const uint8_t *bytes, size_t size);
xk_image_end xk_image_jpeg2000(xk_image *image, const uint8_t *bytes, size_t size);

#endif
