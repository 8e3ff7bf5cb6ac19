/* classify.c — reads scans of digits (PNG, 8 × 8), asks a model what they show, prints what it said
 * and draws it.
 *
 *     classify MODEL FOLDER OUT.svg
 *
 * FOLDER holds LABEL_NUMBER.png files. The model takes float32 [n,1,8,8] in [0,1] and gives
 * probabilities [n,10]. */
#include <dirent.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "xinf.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 10, COLUMNS = 24, CELL = 44 };

typedef struct scan {
    char name[64];
    unsigned char pixels[PIXELS];
    int label, said;
    float probability;
} scan;

typedef struct scans {
    scan *items;
    int count, capacity;
} scans;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const scan *)a)->name, ((const scan *)b)->name);
}

static int read_png(const char *path, unsigned char *pixels)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    int ok = png_image_begin_read_from_file(&image, path) && image.width == SIDE &&
             image.height == SIDE;
    if (ok) {
        image.format = PNG_FORMAT_GRAY;
        ok = png_image_finish_read(&image, NULL, pixels, 0, NULL);
    }
    if (!ok)
        fprintf(stderr, "classify: %s: %s\n", path,
                image.message[0] ? image.message : "not 8 x 8 pixels");
    png_image_free(&image);
    return ok;
}

static int add_scan(scans *all, const char *folder, const char *name)
{
    char path[512];
    if (all->count == all->capacity) {
        int capacity = all->capacity ? 2 * all->capacity : 256;
        scan *items = realloc(all->items, (size_t)capacity * sizeof *items);
        if (!items) return 0;
        all->items = items;
        all->capacity = capacity;
    }
    scan *s = &all->items[all->count];
    snprintf(s->name, sizeof s->name, "%s", name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    s->label = name[0] - '0';
    if (s->label < 0 || s->label >= CLASSES || !read_png(path, s->pixels)) return 0;
    all->count++;
    return 1;
}

static int read_folder(scans *all, const char *folder)
{
    DIR *d = opendir(folder);
    int ok = d != NULL;
    if (!d) fprintf(stderr, "classify: %s: cannot be read\n", folder);
    for (struct dirent *e; ok && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n > 4 && n < 60 && strcmp(e->d_name + n - 4, ".png") == 0)
            ok = add_scan(all, folder, e->d_name);
    }
    if (d) closedir(d);
    if (ok && all->count == 0) {
        fprintf(stderr, "classify: %s: there is no PNG\n", folder);
        ok = 0;
    }
    if (ok) qsort(all->items, (size_t)all->count, sizeof *all->items, by_name);
    return ok;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* One image at a time, as a camera would bring them. Returns milliseconds for all, or -1. */
static double ask(const char *path, scans *all, xinf_error *err)
{
    xinf_env *env = NULL;
    xinf_loader *loader = NULL;
    xinf_model *model = NULL;
    xinf_session *session = NULL;
    xinf_tensor *input = NULL, *output = NULL;
    int64_t shape[4] = {1, 1, SIDE, SIDE};
    xinf_value_info wanted = XINF_VALUE_INFO_INIT;
    double start = 0, total = -1;
    int failed = xinf_env_create(&env, NULL, err) || xinf_loader_create(&loader, env, NULL, err) ||
                 xinf_loader_load(&model, loader, path, NULL, err) ||
                 xinf_session_create(&session, model, NULL, err) ||
                 xinf_model_input(model, 0, &wanted, err);
    /* TensorFlow keeps the channels last; with one channel the pixels lie the same way. */
    if (!failed && wanted.rank == 4 && wanted.shape[3] == 1) shape[1] = SIDE, shape[3] = 1;
    failed = failed || xinf_tensor_create(&input, env, XINF_FLOAT32, shape, 4, err);
    if (!failed) start = now_ms();
    for (int i = 0; i < all->count && !failed; i++) {
        scan *s = &all->items[i];
        float *pixel = xinf_tensor_data(input);
        for (int k = 0; k < PIXELS; k++) pixel[k] = (float)s->pixels[k] / 240.0f;
        xinf_tensor_destroy(output);
        output = NULL;
        failed = xinf_session_run(session, &input, 1, &output, 1, NULL, err) ||
                 xinf_tensor_count(output) != CLASSES;
        if (failed) break;
        const float *p = xinf_tensor_data(output);
        s->said = 0;
        for (int k = 1; k < CLASSES; k++)
            if (p[k] > p[s->said]) s->said = k;
        s->probability = p[s->said];
    }
    if (!failed) total = now_ms() - start;
    xinf_tensor_destroy(output);
    xinf_tensor_destroy(input);
    xinf_session_destroy(session);
    xinf_model_destroy(model);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
    return total;
}

/* Rows: what the scan shows. Columns: what the model said. */
static double print_table(const scans *all)
{
    int said[CLASSES][CLASSES] = {{0}}, right = 0;
    for (int i = 0; i < all->count; i++) {
        const scan *s = &all->items[i];
        said[s->label][s->said]++;
        right += s->label == s->said;
    }
    printf("digit |  said 0    1    2    3    4    5    6    7    8    9 | right\n");
    for (int r = 0; r < CLASSES; r++) {
        int row = 0;
        printf("%5d |     ", r);
        for (int k = 0; k < CLASSES; k++) {
            row += said[r][k];
            if (said[r][k])
                printf(" %4d", said[r][k]);
            else
                printf("    .");
        }
        printf(" | %3d of %d\n", said[r][r], row);
    }
    for (int i = 0; i < all->count; i++)
        if (all->items[i].label != all->items[i].said)
            printf("wrong: %s shows %d, the model says %d (%.0f %%)\n", all->items[i].name,
                   all->items[i].label, all->items[i].said,
                   100 * (double)all->items[i].probability);
    return 100.0 * right / all->count;
}

static int draw(const char *path, const scans *all, double accuracy)
{
    FILE *f = fopen(path, "w");
    if (!f) return 0;
    int rows = (all->count + COLUMNS - 1) / COLUMNS, width = COLUMNS * CELL + 20,
        height = rows * (CELL + 14) + 50;
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "font-family=\"sans-serif\">\n",
            width, height);
    fprintf(f, "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n");
    fprintf(f,
            "<text x=\"10\" y=\"26\" font-size=\"18\">%d held-out scans, accuracy %.1f %% (wrong "
            "answers in red: said, then shown)</text>\n",
            all->count, accuracy);
    for (int i = 0; i < all->count; i++) {
        const scan *s = &all->items[i];
        int x = 10 + i % COLUMNS * CELL, y = 40 + i / COLUMNS * (CELL + 14),
            wrong = s->label != s->said;
        if (wrong)
            fprintf(f,
                    "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" "
                    "stroke=\"red\" stroke-width=\"3\"/>\n",
                    x - 1, y - 1, 42, 56);
        for (int k = 0; k < PIXELS; k++) {
            int v = 255 - s->pixels[k] * 255 / 240;
            if (v < 250)
                fprintf(
                    f,
                    "<rect x=\"%d\" y=\"%d\" width=\"5\" height=\"5\" fill=\"rgb(%d,%d,%d)\"/>\n",
                    x + k % SIDE * 5, y + k / SIDE * 5, v, v, v);
        }
        if (wrong)
            fprintf(f, "<text x=\"%d\" y=\"%d\" font-size=\"12\" fill=\"red\">%d (%d)</text>\n",
                    x + 6, y + 53, s->said, s->label);
        else
            fprintf(f, "<text x=\"%d\" y=\"%d\" font-size=\"12\" fill=\"#333\">%d</text>\n", x + 16,
                    y + 53, s->said);
    }
    fprintf(f, "</svg>\n");
    return fclose(f) == 0;
}

int main(int argc, char **argv)
{
    xinf_error err = XINF_ERROR_INIT;
    struct rusage usage;
    scans all = {0};
    int failed = 1;
    if (argc != 4) {
        fprintf(stderr, "usage: classify MODEL FOLDER OUT.svg\n");
        return 2;
    }
    if (!read_folder(&all, argv[2])) goto cleanup;
    double ms = ask(argv[1], &all, &err);
    if (ms < 0) {
        fprintf(stderr, "classify: %s\n", err.message);
        goto cleanup;
    }
    double accuracy = print_table(&all);
    getrusage(RUSAGE_SELF, &usage);
    printf("accuracy %.1f %%\n", accuracy);
    printf("%d images, %.3f ms per image, peak memory %.1f MiB\n", all.count, ms / all.count,
           (double)usage.ru_maxrss / 1024);
    if (!draw(argv[3], &all, accuracy)) {
        fprintf(stderr, "classify: %s: cannot be written\n", argv[3]);
        goto cleanup;
    }
    printf("picture: %s\n", argv[3]);
    failed = 0;
cleanup:
    free(all.items);
    return failed;
}
