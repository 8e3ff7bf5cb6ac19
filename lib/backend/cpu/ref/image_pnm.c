/* image_pnm.c — PBM, PGM and PPM, as text (P1 to P3) or as bytes (P4 to P6). */
#include "backend/cpu/ref/image.h"

typedef struct pnm_text {
    const uint8_t *at, *end;
} pnm_text;

static bool pnm_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void pnm_skip(pnm_text *t)
{
    while (t->at < t->end && (pnm_space(*t->at) || *t->at == '#')) {
        if (*t->at == '#')
            while (t->at < t->end && *t->at != '\n') t->at++;
        else
            t->at++;
    }
}

/* -1: no number, or one above `most`. */
static int64_t pnm_number(pnm_text *t, int64_t most)
{
    int64_t value = -1;
    pnm_skip(t);
    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++) {
        value = (value < 0 ? 0 : value) * 10 + (*t->at - '0');
        if (value > most) return -1;
    }
    return value;
}

/* One digit of P1, which may stand without spaces. */
static int64_t pnm_bit(pnm_text *t)
{
    pnm_skip(t);
    if (t->at == t->end || (*t->at != '0' && *t->at != '1')) return -1;
    return *t->at++ - '0';
}

static bool pnm_from_text(pnm_text *t, uint8_t *to, int64_t pixels, int32_t kind, int64_t most)
{
    for (int64_t i = 0; i < pixels; i++)
        for (int32_t k = 0; k < 3; k++) {
            bool first = k == 0 || kind == 3;
            int64_t v = !first ? 0 : kind == 1 ? pnm_bit(t) : pnm_number(t, most);
            if (v < 0) return false;
            to[3 * i + k] = !first      ? to[3 * i]
                            : kind == 1 ? (v ? 0 : 255)
                                        : (uint8_t)((v * 255 + most / 2) / most);
        }
    return true;
}

static uint8_t pnm_sample(const uint8_t *from, int64_t i, int64_t most)
{
    int64_t v = most > 255 ? from[2 * i] << 8 | from[2 * i + 1] : from[i];
    return (uint8_t)(((v > most ? most : v) * 255 + most / 2) / most);
}

static void pnm_from_bytes(const uint8_t *from, xk_image *image, int32_t kind, int64_t most)
{
    for (int64_t y = 0; y < image->height; y++)
        for (int64_t x = 0; x < image->width; x++) {
            int64_t i = y * image->width + x;
            for (int32_t k = 0; k < 3; k++) {
                uint8_t *to = image->pixels + 3 * i + k;
                if (kind == 1)
                    *to = from[y * ((image->width + 7) / 8) + x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
                else
                    *to = pnm_sample(from, kind == 3 ? 3 * i + k : i, most);
            }
        }
}

xk_image_end xk_image_pnm(xk_image *image, const uint8_t *bytes, size_t size)
{
    pnm_text t = {bytes + 2, bytes + size};
    bool text = bytes[1] <= '3';
    int32_t kind = (bytes[1] - '1') % 3 + 1; /* 1 bits, 2 gray, 3 colours */
    int64_t width = pnm_number(&t, XK_IMAGE_MOST), height = pnm_number(&t, XK_IMAGE_MOST),
            most = kind == 1 ? 1 : pnm_number(&t, 65535);
    if (width < 1 || height < 1 || most < 1 || t.at == t.end) return XK_IMAGE_BROKEN;
    if (height > XK_IMAGE_MOST / width) return XK_IMAGE_LARGE;
    t.at++;
    uint64_t left = (uint64_t)(t.end - t.at),
             samples = (uint64_t)(width * height) * (kind == 3 ? 3 : 1);
    uint64_t need = kind == 1 && !text ? (uint64_t)((width + 7) / 8 * height)
                    : text             ? samples
                                       : samples * (most > 255 ? 2 : 1);
    if (need > left + text)
        return XK_IMAGE_BROKEN; /* text: one digit a sample at least, the first may follow at once
                                 */
    xk_image_end end = xk_image_room(image, width, height);
    if (end != XK_IMAGE_DONE) return end;
    if (text) {
        t.at--;
        return pnm_from_text(&t, image->pixels, width * height, kind, most) ? XK_IMAGE_DONE
                                                                            : XK_IMAGE_BROKEN;
    }
    pnm_from_bytes(t.at, image, kind, most);
    return XK_IMAGE_DONE;
}
