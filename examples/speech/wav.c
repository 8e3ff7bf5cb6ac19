#include "wav.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 30, LOBES = 16 };

typedef struct wav_format {
    int kind, channels, bits; /* kind: 1 PCM, 3 float */
    long rate;
} wav_format;

static uint32_t little(const unsigned char *p, int bytes)
{
    uint32_t v = 0;
    for (int i = bytes; i-- > 0;) v = v << 8 | p[i];
    return v;
}

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    unsigned char *bytes = NULL;
    long length = -1;
    if (f && fseek(f, 0, SEEK_END) == 0) length = ftell(f);
    if (length >= 0 && length < MAX_BYTES && fseek(f, 0, SEEK_SET) == 0 &&
        (bytes = malloc((size_t)length + 1)) != NULL)
        *size = fread(bytes, 1, (size_t)length, f);
    if (f) fclose(f);
    return bytes;
}

/* Finds the description and the samples; 0 when one is missing. Writers that do not know the length
 * beforehand leave it at zero or at the largest number: then the samples go to the end. */
static int find_chunks(const unsigned char *file, size_t size, wav_format *f,
                       const unsigned char **data, size_t *bytes)
{
    if (size < 12 || memcmp(file, "RIFF", 4) != 0 || memcmp(file + 8, "WAVE", 4) != 0) return 0;
    for (size_t at = 12; at + 8 <= size;) {
        size_t length = little(file + at + 4, 4), left = size - at - 8;
        const unsigned char *body = file + at + 8;
        int is_data = memcmp(file + at, "data", 4) == 0;
        if (length > left || (is_data && length == 0)) length = left;
        if (memcmp(file + at, "fmt ", 4) == 0 && length >= 16) {
            *f = (wav_format){.kind = (int)little(body, 2),
                              .channels = (int)little(body + 2, 2),
                              .bits = (int)little(body + 14, 2),
                              .rate = (long)little(body + 4, 4)};
            if (f->kind == 0xfffe && length >= 26) f->kind = (int)little(body + 24, 2);
        }
        if (is_data) {
            *data = body;
            *bytes = length;
            return f->channels > 0 && f->rate >= 1000 && f->rate <= 1000000;
        }
        at += 8 + length + (length & 1);
    }
    return 0;
}

/* One channel: the mean of all. */
static float *mix(const wav_format *f, const unsigned char *data, size_t bytes, long *count)
{
    size_t frame = (size_t)f->channels * (size_t)f->bits / 8, frames = bytes / frame;
    float *out = malloc((frames + 1) * sizeof *out);
    for (size_t i = 0; out && i < frames; i++) {
        float sum = 0;
        for (int c = 0; c < f->channels; c++) {
            const unsigned char *p = data + i * frame + (size_t)c * (size_t)f->bits / 8;
            uint32_t raw = little(p, f->bits / 8);
            float sample = (float)(int16_t)raw / 32768;
            if (f->kind == 3) memcpy(&sample, &raw, sizeof sample);
            sum += sample;
        }
        out[i] = sum / (float)f->channels;
    }
    *count = (long)frames;
    return out;
}

/* A windowed sinc, as wide as the lower of the two rates asks for. */
static float *resample(const float *in, long count, long rate, long *out_count)
{
    const double pi = 3.14159265358979323846;
    double step = (double)rate / WAV_RATE, cut = step > 1 ? 1 / step : 1, reach = LOBES / cut;
    *out_count = (long)((double)count / step);
    float *out = malloc(((size_t)*out_count + 1) * sizeof *out);
    for (long i = 0; out && i < *out_count; i++) {
        double at = (double)i * step, sum = 0;
        long first = (long)ceil(at - reach), last = (long)floor(at + reach);
        for (long k = first < 0 ? 0 : first; k <= last && k < count; k++) {
            double x = (double)k - at, y = pi * x * cut;
            double sinc = y > -1e-9 && y < 1e-9 ? 1 : sin(y) / y;
            sum += in[k] * sinc * cut * (0.5 + 0.5 * cos(pi * x / reach));
        }
        out[i] = (float)sum;
    }
    return out;
}

float *wav_read(const char *path, long *count)
{
    wav_format f = {0};
    size_t size = 0, bytes = 0;
    const unsigned char *data = NULL;
    unsigned char *file = read_file(path, &size);
    float *samples = NULL, *out;
    *count = 0;
    if (!file)
        fprintf(stderr, "%s: cannot be read\n", path);
    else if (!find_chunks(file, size, &f, &data, &bytes) ||
             !((f.kind == 1 && f.bits == 16) || (f.kind == 3 && f.bits == 32)))
        fprintf(stderr, "%s: no WAV file of 16-bit integers or 32-bit floats\n", path);
    else
        samples = mix(&f, data, bytes, count);
    free(file);
    if (!samples || f.rate == WAV_RATE) return samples;
    out = resample(samples, *count, f.rate, count);
    free(samples);
    return out;
}
