/* image_webp.c — WebP through libwebp, when the build has it. */
#include "backend/cpu/ref/image.h"

#ifdef XK_HAVE_WEBP

#include <webp/decode.h>

xk_image_end xk_image_webp(xk_image *image, const uint8_t *bytes, size_t size)
{
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(bytes, size, &features) != VP8_STATUS_OK) return XK_IMAGE_BROKEN;
    image->what = "WebP with more than one picture";
    if (features.has_animation) return XK_IMAGE_LACKING;
    xk_image_end end = xk_image_room(image, features.width, features.height);
    if (end != XK_IMAGE_DONE) return end;
    size_t row = (size_t)image->width * 3; /* sides of WebP have 14 bits */
    if (!WebPDecodeRGBInto(bytes, size, image->pixels, row * (size_t)image->height, (int)row))
        return XK_IMAGE_BROKEN;
    return XK_IMAGE_DONE;
}

#else

xk_image_end xk_image_webp(xk_image *image, const uint8_t *bytes, size_t size)
{
    image->what = "WebP (this build is without libwebp)";
    return XK_IMAGE_LACKING;
}

#endif
