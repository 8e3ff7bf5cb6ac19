/* image_jpeg.c — JPEG through libjpeg-turbo's own interface (the classic one leaves by longjmp),
 * when the build has it. */
#include "backend/cpu/ref/image.h"

#ifdef XK_HAVE_JPEG

#include <limits.h>

#include <turbojpeg.h>

xk_image_end xk_image_jpeg(xk_image *image, const uint8_t *bytes, size_t size)
{
    /* Damage that the library would repair by guessing counts as damage; a file of endless scans
     * ends. */
    const int flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
    int width, height, sampling, space;
    xk_image_end end = XK_IMAGE_BROKEN;
    if (size > ULONG_MAX) return XK_IMAGE_LARGE;
    tjhandle tj = tjInitDecompress();
    if (!tj) return XK_IMAGE_MEMORY;
    if (tjDecompressHeader3(tj, bytes, (unsigned long)size, &width, &height, &sampling, &space) ==
        0) {
        image->what = "JPEG in CMYK";
        end = space == TJCS_CMYK || space == TJCS_YCCK ? XK_IMAGE_LACKING
                                                       : xk_image_room(image, width, height);
    }
    if (end == XK_IMAGE_DONE && tjDecompress2(tj, bytes, (unsigned long)size, image->pixels, width,
                                              0, height, TJPF_RGB, flags))
        end = XK_IMAGE_BROKEN;
    tjDestroy(tj);
    return end;
}

#else

xk_image_end xk_image_jpeg(xk_image *image, const uint8_t *bytes, size_t size)
{
    image->what = "JPEG (this build is without libjpeg-turbo)";
    return XK_IMAGE_LACKING;
}

#endif
