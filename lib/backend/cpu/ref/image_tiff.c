/* image_tiff.c — TIFF: the first picture of a file, in strips, plain or packed by PackBits or LZW;
 * bits, grays, a palette or colours. Other kinds are refused by name. */
#include <string.h>

#include "backend/cpu/ref/image.h"

enum { TIFF_CODES = 4096, TIFF_CLEAR = 256, TIFF_STOP = 257 };

typedef struct tiff_field {
    uint64_t count, at; /* how many numbers, where they lie */
    int32_t width;      /* bytes of one */
} tiff_field;

typedef struct tiff_file {
    const uint8_t *bytes;
    size_t size;
    bool big; /* the most significant byte first */
    uint64_t width, height, packing, colours, samples, rows, planes, predictor, depth;
    bool lacks_depth; /* samples of different depth */
    tiff_field offsets, sizes, palette;
} tiff_file;

/* A number of 1, 2 or 4 bytes; 0 beyond the file's end. */
static uint64_t tiff_number(const tiff_file *f, uint64_t at, int32_t width)
{
    uint64_t v = 0;
    if (at > f->size || f->size - at < (uint64_t)width) return 0;
    for (int32_t i = 0; i < width; i++)
        v |= (uint64_t)f->bytes[at + (uint64_t)i] << 8 * (f->big ? width - 1 - i : i);
    return v;
}

static uint64_t tiff_item(const tiff_file *f, const tiff_field *field, uint64_t i)
{
    return i < field->count ? tiff_number(f, field->at + i * (uint64_t)field->width, field->width)
                            : 0;
}

static bool tiff_entry(tiff_file *f, uint64_t at)
{
    static const uint8_t widths[] = {0, 1, 1, 2, 4};
    uint64_t tag = tiff_number(f, at, 2), type = tiff_number(f, at + 2, 2);
    tiff_field field = {.count = tiff_number(f, at + 4, 4)};
    if (type == 0 || type >= sizeof widths) return true; /* of no interest */
    field.width = widths[type];
    uint64_t bytes = field.count * (uint64_t)field.width;
    field.at = bytes <= 4 ? at + 8 : tiff_number(f, at + 8, 4);
    if (field.at > f->size || f->size - field.at < bytes) return false;
    uint64_t first = tiff_item(f, &field, 0);
    switch (tag) {
    case 256: f->width = first; break;
    case 257: f->height = first; break;
    case 258:
        f->depth = first;
        for (uint64_t i = 1; i < field.count && i < 8; i++)
            f->lacks_depth = f->lacks_depth || tiff_item(f, &field, i) != first;
        break;
    case 259: f->packing = first; break;
    case 262: f->colours = first; break;
    case 273: f->offsets = field; break;
    case 277: f->samples = first; break;
    case 278: f->rows = first; break;
    case 279: f->sizes = field; break;
    case 284: f->planes = first; break;
    case 317: f->predictor = first; break;
    case 320: f->palette = field; break;
    default: break;
    }
    return true;
}

/* Fills to; false when the packed bytes end early or are damaged. */
static bool tiff_packbits(uint8_t *to, uint64_t room, const uint8_t *from, uint64_t size)
{
    uint64_t at = 0, done = 0;
    while (done < room) {
        if (at + 2 > size) return false;
        uint32_t head = from[at++], run = head < 128 ? head + 1 : 257 - head;
        if (head == 128) continue;
        if (run > room - done || (head < 128 && run > size - at)) return false;
        if (head < 128)
            memcpy(to + done, from + at, run);
        else
            memset(to + done, from[at], run);
        at += head < 128 ? run : 1;
        done += run;
    }
    return true;
}

/* Code k ≥ 258 stands for `length` bytes of what is unpacked already, from `start` on. */
typedef struct tiff_codes {
    uint64_t start[TIFF_CODES];
    uint32_t length[TIFF_CODES];
} tiff_codes;

static bool tiff_lzw(tiff_codes *c, uint8_t *to, uint64_t room, const uint8_t *from, uint64_t size)
{
    uint64_t bit = 0, done = 0, last_at = 0;
    uint32_t next = TIFF_STOP + 1, wide = 9, last_length = 0;
    while (done < room) {
        uint32_t code = 0;
        if (bit + wide > size * 8) return false;
        for (uint32_t i = 0; i < wide; i++, bit++)
            code = code << 1 | (from[bit / 8] >> (7 - bit % 8) & 1u);
        if (code == TIFF_STOP) return false;
        if (code == TIFF_CLEAR) {
            next = TIFF_STOP + 1;
            wide = 9;
            last_length = 0;
            continue;
        }
        /* What the last code stood for and the first byte of this one is the next entry. */
        if (last_length && next < TIFF_CODES) {
            c->start[next] = last_at;
            c->length[next++] = last_length + 1;
        }
        if (code > TIFF_STOP && code >= next) return false;
        uint64_t start = done, length = code < TIFF_CLEAR ? 1 : c->length[code];
        if (length > room - done) return false;
        if (code < TIFF_CLEAR)
            to[done++] = (uint8_t)code;
        else /* byte by byte: an entry may reach into what it writes */
            for (uint64_t i = 0; i < length; i++, done++) to[done] = to[c->start[code] + i];
        last_at = start;
        last_length = (uint32_t)length;
        if (next >= (1u << wide) - 1 && wide < 12) wide++;
    }
    return true;
}

/* Sample k of pixel x of a row, as 8 bits; indices of a palette stay what they are. */
static uint8_t tiff_sample(const tiff_file *f, const uint8_t *row, uint64_t x, uint64_t k)
{
    uint64_t i = x * f->samples + k;
    if (f->depth == 16) return row[2 * i + !f->big];
    if (f->depth == 8) return row[i];
    uint32_t most = (1u << f->depth) - 1,
             v = row[i * f->depth / 8] >> (8 - f->depth - i * f->depth % 8) & most;
    return (uint8_t)(f->colours == 3 ? v : v * 255 / most);
}

/* Samples were written as differences to the left neighbour. */
static void tiff_add_up(const tiff_file *f, uint8_t *row)
{
    uint64_t n = f->width * f->samples;
    for (uint64_t i = f->samples; i < n; i++) {
        if (f->depth == 8) {
            row[i] = (uint8_t)(row[i] + row[i - f->samples]);
            continue;
        }
        uint8_t *high = row + 2 * i + !f->big, *low = row + 2 * i + f->big;
        const uint8_t *left = row + 2 * (i - f->samples);
        uint32_t sum = ((uint32_t)*high << 8 | *low) +
                       ((uint32_t)left[!f->big] << 8 | left[f->big]);
        *high = (uint8_t)(sum >> 8);
        *low = (uint8_t)sum;
    }
}

static void tiff_row(const tiff_file *f, const uint8_t *row, uint8_t *to)
{
    for (uint64_t x = 0; x < f->width; x++)
        for (uint64_t k = 0; k < 3; k++) {
            uint8_t v = tiff_sample(f, row, x, f->colours == 2 ? k : 0);
            if (f->colours == 3) v = (uint8_t)(tiff_item(f, &f->palette, (k << f->depth) + v) >> 8);
            to[3 * x + k] = f->colours == 0 ? (uint8_t)~v : v;
        }
}

/* NULL when this reader takes it. */
static const char *tiff_lacking(const tiff_file *f)
{
    if (f->packing != 1 && f->packing != 5 && f->packing != 32773)
        return "TIFF in a packing other than LZW and PackBits";
    if (f->planes != 1 || !f->offsets.count) return "TIFF in planes or tiles";
    if (f->colours > 3) return "TIFF in other colours than RGB";
    bool deep = f->depth == 8 || (f->depth == 16 && f->colours != 3);
    if (f->lacks_depth || (!deep && f->depth != 1 && f->depth != 2 && f->depth != 4))
        return "TIFF of unusual depth";
    if (!deep && (f->colours == 2 || f->samples != 1)) return "TIFF of unusual depth";
    if (f->predictor != 1 && (f->predictor != 2 || !deep)) return "TIFF with an unusual predictor";
    return NULL;
}

static xk_image_end tiff_strips(const tiff_file *f, xk_image *image, uint8_t *strip,
                                uint64_t row_bytes, tiff_codes *codes)
{
    for (uint64_t y = 0, s = 0; y < f->height; y += f->rows, s++) {
        uint64_t rows = f->height - y < f->rows ? f->height - y : f->rows, need = rows * row_bytes;
        uint64_t at = tiff_item(f, &f->offsets, s), size = tiff_item(f, &f->sizes, s);
        if (s >= f->offsets.count || at > f->size) return XK_IMAGE_BROKEN;
        if (!f->sizes.count || size > f->size - at) size = f->size - at;
        const uint8_t *from = f->bytes + at;
        bool whole = f->packing == 1   ? size >= need
                     : f->packing == 5 ? tiff_lzw(codes, strip, need, from, size)
                                       : tiff_packbits(strip, need, from, size);
        if (!whole) return XK_IMAGE_BROKEN;
        if (f->packing == 1) memcpy(strip, from, (size_t)need);
        for (uint64_t r = 0; r < rows; r++) {
            if (f->predictor == 2) tiff_add_up(f, strip + r * row_bytes);
            tiff_row(f, strip + r * row_bytes, image->pixels + (y + r) * f->width * 3);
        }
    }
    return XK_IMAGE_DONE;
}

xk_image_end xk_image_tiff(xk_image *image, const uint8_t *bytes, size_t size)
{
    tiff_file f = {.bytes = bytes,
                   .size = size,
                   .big = bytes[0] == 'M',
                   .packing = 1,
                   .samples = 1,
                   .planes = 1,
                   .predictor = 1,
                   .depth = 1,
                   .colours = 9,
                   .rows = UINT32_MAX};
    uint64_t list = tiff_number(&f, 4, 4), entries = tiff_number(&f, list, 2);
    if (list < 8 || list > size || size - list < 2 + entries * 12) return XK_IMAGE_BROKEN;
    for (uint64_t i = 0; i < entries; i++)
        if (!tiff_entry(&f, list + 2 + i * 12)) return XK_IMAGE_BROKEN;
    if (!f.width || !f.height || !f.samples || !f.rows) return XK_IMAGE_BROKEN;
    if (f.width > XK_IMAGE_MOST || f.height > XK_IMAGE_MOST / f.width || f.samples > 16)
        return XK_IMAGE_LARGE;
    image->what = tiff_lacking(&f);
    if (image->what) return XK_IMAGE_LACKING;
    if ((f.colours == 2 && f.samples < 3) ||
        (f.colours == 3 && f.palette.count < (UINT64_C(3) << f.depth)))
        return XK_IMAGE_BROKEN;
    if (f.rows > f.height) f.rows = f.height;
    uint64_t row_bytes = (f.width * f.samples * f.depth + 7) / 8,
             strips = (f.height + f.rows - 1) / f.rows;
    /* A packed byte stands for 64 bytes at most in PackBits, for some 2,000 in LZW. */
    if (strips > f.offsets.count || row_bytes * f.height / 4096 > size) return XK_IMAGE_BROKEN;
    xk_image_end end = xk_image_room(image, (int64_t)f.width, (int64_t)f.height);
    if (end != XK_IMAGE_DONE) return end;
    size_t room = (size_t)(row_bytes * f.rows), table = f.packing == 5 ? sizeof(tiff_codes) : 0;
    uint8_t *strip = room / f.rows == row_bytes ? xi_alloc(image->alloc, room) : NULL;
    tiff_codes *codes = table ? xi_alloc(image->alloc, table) : NULL;
    end = strip && (codes || !table) ? tiff_strips(&f, image, strip, row_bytes, codes)
                                     : XK_IMAGE_MEMORY;
    if (strip) xi_free(image->alloc, strip, room);
    if (codes) xi_free(image->alloc, codes, table);
    return end;
}
