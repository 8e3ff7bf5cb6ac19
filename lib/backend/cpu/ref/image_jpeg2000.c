/* image_jpeg2000.c — JPEG 2000 (JP2 files and bare codestreams) through OpenJPEG, when the build
 * has it. */
#include "backend/cpu/ref/image.h"

#ifdef XK_HAVE_JPEG2000

#include <string.h>

#include <openjpeg.h>

typedef struct jpeg2000_bytes {
    const uint8_t *at;
    size_t size, read;
} jpeg2000_bytes;

static OPJ_SIZE_T jpeg2000_read(void *to, OPJ_SIZE_T want, void *self)
{
    jpeg2000_bytes *b = self;
    size_t left = b->size - b->read, count = want < left ? want : left;
    if (count == 0) return (OPJ_SIZE_T)-1;
    memcpy(to, b->at + b->read, count);
    b->read += count;
    return count;
}

static OPJ_OFF_T jpeg2000_skip(OPJ_OFF_T by, void *self)
{
    jpeg2000_bytes *b = self;
    if (by < 0) return -1;
    size_t left = b->size - b->read;
    by = (uint64_t)by < left ? by : (OPJ_OFF_T)left;
    b->read += (size_t)by;
    return by;
}

static OPJ_BOOL jpeg2000_seek(OPJ_OFF_T to, void *self)
{
    jpeg2000_bytes *b = self;
    if (to < 0 || (uint64_t)to > b->size) return OPJ_FALSE;
    b->read = (size_t)to;
    return OPJ_TRUE;
}

/* NULL when the picture is one that is taken: one gray plane or three colours, 8 bits, of one size.
 */
static const char *jpeg2000_lacking(const opj_image_t *p)
{
    if (p->numcomps < 1 || p->numcomps > 4) return "JPEG 2000 of unusual planes";
    for (OPJ_UINT32 k = 0; k < p->numcomps; k++) {
        const opj_image_comp_t *c = &p->comps[k];
        if (c->prec != 8 || c->sgnd) return "JPEG 2000 of other than 8 bits";
        if (c->w != p->comps[0].w || c->h != p->comps[0].h || c->dx != 1 || c->dy != 1)
            return "JPEG 2000 with planes of other sizes";
    }
    if (p->numcomps >= 3 && p->color_space != OPJ_CLRSPC_SRGB &&
        p->color_space != OPJ_CLRSPC_UNSPECIFIED && p->color_space != OPJ_CLRSPC_UNKNOWN)
        return "JPEG 2000 in other colours than RGB";
    return NULL;
}

static xk_image_end jpeg2000_copy(xk_image *image, const opj_image_t *p)
{
    int64_t count = image->width * image->height;
    for (OPJ_UINT32 k = 0; k < 3; k++) {
        const OPJ_INT32 *plane = p->comps[p->numcomps < 3 ? 0 : k].data;
        if (!plane) return XK_IMAGE_BROKEN;
        for (int64_t i = 0; i < count; i++) {
            OPJ_INT32 v = plane[i];
            image->pixels[3 * i + k] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    }
    return XK_IMAGE_DONE;
}

static xk_image_end jpeg2000_decode(xk_image *image, opj_codec_t *codec, opj_stream_t *stream,
                                    size_t size)
{
    opj_dparameters_t parameters;
    opj_image_t *p = NULL;
    opj_set_default_decoder_parameters(&parameters);
    xk_image_end end = XK_IMAGE_BROKEN;
    if (opj_setup_decoder(codec, &parameters) && opj_decoder_set_strict_mode(codec, OPJ_TRUE) &&
        opj_read_header(stream, codec, &p)) {
        int64_t width = (int64_t)p->x1 - p->x0, height = (int64_t)p->y1 - p->y0;
        image->what = jpeg2000_lacking(p);
        if (image->what)
            end = XK_IMAGE_LACKING;
        else if (width > 0 && height > 0 &&
                 (height > XK_IMAGE_MOST / 4 / width || width * height / 20000 > (int64_t)size))
            end = XK_IMAGE_LARGE; /* memory is claimed before anything is read */
        else
            end = xk_image_room(image, width, height);
        if (end == XK_IMAGE_DONE) {
            end = XK_IMAGE_BROKEN;
            if (opj_decode(codec, stream, p) && opj_end_decompress(codec, stream) &&
                !jpeg2000_lacking(p) && p->comps[0].w == width && p->comps[0].h == height)
                end = jpeg2000_copy(image, p);
        }
    }
    if (p) opj_image_destroy(p);
    return end;
}

xk_image_end xk_image_jpeg2000(xk_image *image, const uint8_t *bytes, size_t size)
{
    jpeg2000_bytes b = {bytes, size, 0};
    opj_codec_t *codec = opj_create_decompress(bytes[0] == 0xff ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
    opj_stream_t *stream = opj_stream_create(1 << 16, OPJ_TRUE);
    xk_image_end end = XK_IMAGE_MEMORY;
    if (codec && stream) {
        opj_stream_set_user_data(stream, &b, NULL);
        opj_stream_set_user_data_length(stream, size);
        opj_stream_set_read_function(stream, jpeg2000_read);
        opj_stream_set_skip_function(stream, jpeg2000_skip);
        opj_stream_set_seek_function(stream, jpeg2000_seek);
        end = jpeg2000_decode(image, codec, stream, size);
    }
    if (stream) opj_stream_destroy(stream);
    if (codec) opj_destroy_codec(codec);
    return end;
}

#else

xk_image_end xk_image_jpeg2000(xk_image *image, const uint8_t *bytes, size_t size)
{
    image->what = "JPEG 2000 (this build is without OpenJPEG)";
    return XK_IMAGE_LACKING;
}

#endif
