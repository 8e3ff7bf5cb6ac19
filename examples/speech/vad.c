/* vad.c — finds where somebody speaks: a voice-activity detector over a WAV file.
 *
 *     vad MODEL FILE.wav [OUT.svg] [PROBABILITIES.txt]
 *
 * MODEL is silero-vad in either of its forms. The TorchScript file takes windows of 512 samples and
 * remembers what it heard by itself: a state of the session. The ONNX file is given the last 64
 * samples of the window before, and its state comes out of one run and goes into the next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wav.h"
#include "xinf.h"

enum { WINDOW = 512, CONTEXT = 64, PIXELS_A_SECOND = 60, HEIGHT = 120 };

typedef struct detector {
    xinf_env *env;
    xinf_loader *loader;
    xinf_model *model;
    xinf_session *session;
    xinf_tensor *in[3], *out[2];       /* in the model's order */
    int inputs, outputs, sound, state; /* places; state -1: the session has it */
    xinf_error err;
} detector;

typedef struct segment {
    double start, end; /* seconds */
} segment;

/* ---- the model ---- */

static xinf_status make_input(detector *d, int i)
{
    xinf_value_info info = XINF_VALUE_INFO_INIT;
    const int64_t state[3] = {2, 1, 128};
    int64_t sound[2] = {1, WINDOW};
    xinf_status status = xinf_model_input(d->model, i, &info, &d->err);
    if (status) return status;
    if (strcmp(info.name, "sr") == 0) {
        status = xinf_tensor_create(&d->in[i], d->env, XINF_INT64, NULL, 0, &d->err);
        if (!status) *(int64_t *)xinf_tensor_data(d->in[i]) = WAV_RATE;
        return status;
    }
    if (strcmp(info.name, "state") == 0) {
        d->state = i;
        return xinf_tensor_create(&d->in[i], d->env, XINF_FLOAT32, state, 3, &d->err);
    }
    d->sound = i;
    if (d->inputs == 3) sound[1] += CONTEXT;
    return xinf_tensor_create(&d->in[i], d->env, XINF_FLOAT32, sound, 2, &d->err);
}

static xinf_status open_detector(detector *d, const char *path)
{
    xinf_session_options options = XINF_SESSION_OPTIONS_INIT;
    options.threads = 1;
    xinf_status status = xinf_env_create(&d->env, NULL, &d->err);
    if (!status) status = xinf_loader_create(&d->loader, d->env, NULL, &d->err);
    if (!status) status = xinf_loader_load(&d->model, d->loader, path, NULL, &d->err);
    if (!status) status = xinf_session_create(&d->session, d->model, &options, &d->err);
    if (status) return status;
    d->state = -1;
    d->inputs = xinf_model_input_count(d->model);
    d->outputs = xinf_model_output_count(d->model);
    if (d->inputs < 2 || d->inputs > 3 || d->outputs != d->inputs - 1) {
        snprintf(d->err.message, sizeof d->err.message, "%s: not the model that is expected", path);
        return XINF_INVALID_ARGUMENT;
    }
    for (int i = 0; i < d->inputs && !status; i++) status = make_input(d, i);
    return status;
}

static void close_detector(detector *d)
{
    for (int i = 0; i < 3; i++) xinf_tensor_destroy(d->in[i]);
    for (int i = 0; i < 2; i++) xinf_tensor_destroy(d->out[i]);
    xinf_session_destroy(d->session);
    xinf_model_destroy(d->model);
    xinf_loader_destroy(d->loader);
    xinf_env_destroy(d->env);
}

/* The probability that somebody speaks in the next window. */
static xinf_status hear(detector *d, const float *window, float *probability)
{
    float *sound = xinf_tensor_data(d->in[d->sound]);
    float *place = sound + (d->state >= 0 ? CONTEXT : 0);
    if (d->state >= 0) memmove(sound, sound + WINDOW, CONTEXT * sizeof *sound);
    memcpy(place, window, WINDOW * sizeof *sound);
    xinf_status status = xinf_session_run(d->session, d->in, d->inputs, d->out, d->outputs, NULL,
                                          &d->err);
    if (status) return status;
    *probability = *(const float *)xinf_tensor_data(d->out[0]);
    if (d->state < 0) return status;
    memcpy(xinf_tensor_data(d->in[d->state]), xinf_tensor_data(d->out[1]), 2 * 128 * sizeof(float));
    return status;
}

static float *hear_all(detector *d, const float *samples, long count, long *windows)
{
    *windows = (count + WINDOW - 1) / WINDOW;
    float *out = calloc((size_t)*windows + 1, sizeof *out);
    for (long i = 0; out && i < *windows; i++) {
        float window[WINDOW] = {0};
        long left = count - i * WINDOW;
        memcpy(window, samples + i * WINDOW,
               (size_t)(left < WINDOW ? left : WINDOW) * sizeof *window);
        if (hear(d, window, &out[i])) {
            free(out);
            return NULL;
        }
    }
    return out;
}

/* ---- what was heard ---- */

/* Speech begins above 0.5 and ends when it has been below 0.35 for a tenth of a second; what is
 * shorter than a quarter of a second is none. */
static int find_segments(const float *p, long windows, segment *out)
{
    const double width = (double)WINDOW / WAV_RATE;
    long start = -1, quiet = -1;
    int count = 0;
    for (long i = 0; i <= windows; i++) {
        float now = i < windows ? p[i] : 0;
        if (start < 0 && i < windows && now >= 0.5f) start = i;
        if (start < 0) continue;
        if (now >= 0.35f) quiet = -1;
        if (now < 0.35f && quiet < 0) quiet = i;
        if (i < windows && (quiet < 0 || (double)(i - quiet) * width < 0.1)) continue;
        long end = quiet >= 0 ? quiet : windows;
        if ((double)(end - start) * width >= 0.25)
            out[count++] = (segment){(double)start * width, (double)end * width};
        start = quiet = -1;
    }
    return count;
}

static int draw(const char *path, const float *p, long windows, const segment *s, int segments)
{
    const double width = (double)WINDOW / WAV_RATE;
    double whole = (double)windows * width * PIXELS_A_SECOND;
    FILE *f = fopen(path, "w");
    if (!f) return 0;
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%d\" "
            "font-family=\"sans-serif\" font-size=\"11\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            whole, HEIGHT + 20);
    for (int i = 0; i < segments; i++)
        fprintf(f, "<rect x=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"#d9ead3\"/>\n",
                s[i].start * PIXELS_A_SECOND, (s[i].end - s[i].start) * PIXELS_A_SECOND, HEIGHT);
    fprintf(f, "<polyline fill=\"none\" stroke=\"#1f4e79\" points=\"");
    for (long i = 0; i < windows; i++)
        fprintf(f, "%.1f,%.1f ", ((double)i + 0.5) * width * PIXELS_A_SECOND,
                (1 - (double)p[i]) * (HEIGHT - 10) + 5);
    fprintf(f, "\"/>\n");
    for (int second = 0; second * PIXELS_A_SECOND < whole; second++)
        fprintf(f, "<text x=\"%d\" y=\"%d\">%d s</text>\n", second * PIXELS_A_SECOND, HEIGHT + 14,
                second);
    fprintf(f, "</svg>\n");
    return fclose(f) == 0;
}

static int list(const char *path, const float *p, long windows)
{
    FILE *f = fopen(path, "w");
    for (long i = 0; f && i < windows; i++) fprintf(f, "%.7f\n", (double)p[i]);
    return f && fclose(f) == 0;
}

int main(int argc, char **argv)
{
    detector d = {.err = XINF_ERROR_INIT};
    long count = 0, windows = 0;
    float *samples = NULL, *p = NULL;
    segment *found = NULL;
    int failed = 1, segments;
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: vad MODEL FILE.wav [OUT.svg] [PROBABILITIES.txt]\n");
        return 2;
    }
    samples = wav_read(argv[2], &count);
    if (!samples) goto cleanup;
    if (!open_detector(&d, argv[1])) p = hear_all(&d, samples, count, &windows);
    found = p ? malloc(((size_t)windows + 1) * sizeof *found) : NULL;
    if (!found) {
        fprintf(stderr, "vad: %s\n", d.err.message[0] ? d.err.message : "out of memory");
        goto cleanup;
    }
    segments = find_segments(p, windows, found);
    for (int i = 0; i < segments; i++)
        printf("speech %6.2f s to %6.2f s\n", found[i].start, found[i].end);
    printf("%d segments in %.2f s\n", segments, (double)count / WAV_RATE);
    failed = (argc > 3 && !draw(argv[3], p, windows, found, segments)) ||
             (argc > 4 && !list(argv[4], p, windows));
    if (failed) fprintf(stderr, "vad: an output cannot be written\n");
cleanup:
    free(found);
    free(p);
    free(samples);
    close_detector(&d);
    return failed;
}
