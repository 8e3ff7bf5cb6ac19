/* image_bmp.c — Windows bitmaps: 1, 4, 8 bits with a palette, 16, 24 and 32 bits with or without
 * masks; not compressed. */
#include "backend/cpu/ref/image.h"

typedef struct bmp_head {
    uint32_t offset, header, compression, colors;
    int64_t width, height;
    int32_t bits;
    bool down;        /* the first row is the top one */
    uint32_t mask[3]; /* of red, green and blue in a pixel of 16 or 32 bits */
    size_t palette;   /* where it begins */
    int32_t entry;    /* bytes of one of its colours */
} bmp_head;

static uint32_t bmp_u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t bmp_u16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static xk_image_end bmp_lacking(xk_image *image, const char *what)
{
    image->what = what;
    return XK_IMAGE_LACKING;
}

/* Masks stand in the header, or right behind the shortest one. */
static bool bmp_masks(bmp_head *h, const uint8_t *bytes, size_t size)
{
    if (h->compression != 3) {
        h->mask[0] = h->bits == 16 ? 0x7c00 : 0xff0000;
        h->mask[1] = h->bits == 16 ? 0x3e0 : 0xff00;
        h->mask[2] = h->bits == 16 ? 0x1f : 0xff;
        return true;
    }
    if (size < 14 + 40 + 12) return false;
    for (int32_t i = 0; i < 3; i++) h->mask[i] = bmp_u32(bytes + 54 + 4 * i);
    if (h->header == 40) h->palette += 12;
    return true;
}

static xk_image_end bmp_read_head(bmp_head *h, xk_image *image, const uint8_t *bytes, size_t size)
{
    if (size < 14 + 12) return XK_IMAGE_BROKEN;
    h->offset = bmp_u32(bytes + 10);
    h->header = bmp_u32(bytes + 14);
    bool old = h->header == 12;
    if ((!old && h->header < 40) || h->header > size - 14) return XK_IMAGE_BROKEN;
    h->width = old ? (int64_t)bmp_u16(bytes + 18) : (int32_t)bmp_u32(bytes + 18);
    h->height = old ? (int64_t)bmp_u16(bytes + 20) : (int32_t)bmp_u32(bytes + 22);
    h->bits = (int32_t)bmp_u16(bytes + (old ? 24 : 28));
    h->compression = old ? 0 : bmp_u32(bytes + 30);
    h->colors = old ? 0 : bmp_u32(bytes + 46);
    h->entry = old ? 3 : 4;
    h->palette = 14 + (size_t)h->header;
    h->down = h->height < 0;
    if (h->down) h->height = -h->height;
    if (h->compression == 1 || h->compression == 2)
        return bmp_lacking(image, "BMP with run lengths");
    if (h->compression == 4 || h->compression == 5)
        return bmp_lacking(image, "BMP that holds JPEG or PNG");
    if (h->compression != 0 && !(h->compression == 3 && (h->bits == 16 || h->bits == 32)))
        return XK_IMAGE_BROKEN;
    if (h->bits != 1 && h->bits != 4 && h->bits != 8 && h->bits != 16 && h->bits != 24 &&
        h->bits != 32)
        return XK_IMAGE_BROKEN;
    if (h->width < 1 || h->height < 1) return XK_IMAGE_BROKEN;
    if (h->bits <= 8 && (h->colors == 0 || h->colors > (1u << h->bits))) h->colors = 1u << h->bits;
    return bmp_masks(h, bytes, size) ? XK_IMAGE_DONE : XK_IMAGE_BROKEN;
}

/* A field of a pixel, stretched to 8 bits. */
static uint8_t bmp_field(uint32_t pixel, uint32_t mask)
{
    uint32_t value = pixel & mask;
    if (mask == 0) return 0;
    while (!(mask & 1)) {
        mask >>= 1;
        value >>= 1;
    }
    return (uint8_t)(((uint64_t)value * 255 + mask / 2) / mask);
}

static void bmp_pixel(const bmp_head *h, const uint8_t *bytes, const uint8_t *row, int64_t x,
                      uint8_t *to)
{
    if (h->bits <= 8) {
        int64_t each = 8 / h->bits;
        uint32_t index = row[x / each] >> ((each - 1 - x % each) * h->bits) & ((1u << h->bits) - 1);
        if (index >= h->colors) index = 0;
        const uint8_t *color = bytes + h->palette + (size_t)index * (size_t)h->entry;
        for (int32_t i = 0; i < 3; i++) to[i] = color[2 - i];
    } else if (h->bits == 24) {
        for (int32_t i = 0; i < 3; i++) to[i] = row[3 * x + 2 - i];
    } else {
        uint32_t pixel = h->bits == 16 ? bmp_u16(row + 2 * x) : bmp_u32(row + 4 * x);
        for (int32_t i = 0; i < 3; i++) to[i] = bmp_field(pixel, h->mask[i]);
    }
}

xk_image_end xk_image_bmp(xk_image *image, const uint8_t *bytes, size_t size)
{
    bmp_head h = {0};
    xk_image_end end = bmp_read_head(&h, image, bytes, size);
    if (end != XK_IMAGE_DONE) return end;
    if (h.width > XK_IMAGE_MOST || h.height > XK_IMAGE_MOST) return XK_IMAGE_LARGE;
    uint64_t stride = ((uint64_t)h.width * (uint64_t)h.bits + 31) / 32 * 4;
    if (h.bits <= 8 &&
        (h.palette > size || (uint64_t)h.colors * (uint64_t)h.entry > size - h.palette))
        return XK_IMAGE_BROKEN;
    if (h.offset > size || stride * (uint64_t)h.height > size - h.offset) return XK_IMAGE_BROKEN;
    end = xk_image_room(image, h.width, h.height);
    for (int64_t y = 0; end == XK_IMAGE_DONE && y < h.height; y++) {
        const uint8_t *row = bytes + h.offset + stride * (uint64_t)(h.down ? y : h.height - 1 - y);
        for (int64_t x = 0; x < h.width; x++)
            bmp_pixel(&h, bytes, row, x, image->pixels + (y * h.width + x) * 3);
    }
    return end;
}
