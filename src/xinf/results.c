/* results.c — see results.h. Names come from the model, which may be hostile: they never leave the
 * folder. */
#include "results.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "npy.h"

enum { RESULTS_PATH = 4096, RESULTS_DEPTH = 8, RESULTS_CUT = 200 };

void results_name(char name[RESULTS_NAME], const char *output, int32_t index)
{
    size_t at = 0;
    for (const unsigned char *s = (const unsigned char *)output; *s; s++) {
        bool plain = (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') ||
                     (*s >= '0' && *s <= '9') || *s == '_' || *s == '-' || (*s == '.' && at > 0);
        if (at >= RESULTS_CUT) {
            at += (size_t)snprintf(name + at, RESULTS_NAME - at, "%%_%d", (int)index);
            break;
        }
        if (plain)
            name[at++] = (char)*s;
        else
            at += (size_t)snprintf(name + at, RESULTS_NAME - at, "%%%02X", *s);
    }
    name[at] = 0;
}

static const char *results_label(const workspace *w, int32_t index)
{
    xinf_value_info info = XINF_VALUE_INFO_INIT;
    return xinf_model_output(w->model, index, &info, NULL) == XINF_OK ? info.name : "";
}

static const char *results_kind(xinf_kind kind)
{
    static const char *const names[] = {"none", "tensor", "sequence", "map"};
    return kind >= 0 && kind <= XINF_KIND_MAP ? names[kind] : "unknown";
}

/* ---- files ---- */

static int results_strings(workspace *w, const char *path, const xinf_tensor *t)
{
    json j = {.to = fopen(path, "w")};
    if (!j.to) return workspace_refuse(w, "%s: cannot be written: %s", path, strerror(errno));
    json_open(&j, NULL, '{');
    json_open(&j, "shape", '[');
    for (int32_t i = 0; i < xinf_tensor_rank(t); i++)
        json_integer(&j, NULL, xinf_tensor_shape(t)[i]);
    json_close(&j, ']');
    json_open(&j, "strings", '[');
    for (int64_t i = 0; i < xinf_tensor_count(t); i++) {
        size_t size = 0;
        const char *bytes = xinf_tensor_string(t, i, &size);
        json_bytes(&j, NULL, bytes ? bytes : "", size);
    }
    json_close(&j, ']');
    json_close(&j, '}');
    bool bad = ferror(j.to) != 0;
    return fclose(j.to) == 0 && !bad ? EXIT_DONE
                                     : workspace_refuse(w, "%s: cannot be written", path);
}

/* Writes t as stem.npy, or its items as stem%_0.npy, …; says in j what went where. */
static int results_value(workspace *w, json *j, const char *key, const char *stem, xinf_tensor *t,
                         int depth)
{
    char path[RESULTS_PATH], file[RESULTS_NAME];
    xinf_kind kind = xinf_tensor_kind(t);
    if (kind == XINF_KIND_NONE) {
        json_null(j, key);
        return EXIT_DONE;
    }
    if (kind == XINF_KIND_TENSOR) {
        bool text = xinf_tensor_dtype(t) == XINF_STRING;
        snprintf(file, sizeof file, "%.480s%s", stem, text ? ".strings.json" : ".npy");
        snprintf(path, sizeof path, "%.3500s/%s", w->options->output_dir, file);
        json_text(j, key, file);
        if (text) return results_strings(w, path, t);
        return npy_write(path, t, &w->err) == 0 ? EXIT_DONE : workspace_failed(w);
    }
    if (depth == RESULTS_DEPTH)
        return workspace_refuse(w, "%s: values are nested more than %d deep", stem, RESULTS_DEPTH);
    int code = EXIT_DONE;
    if (kind == XINF_KIND_MAP) {
        json_open(j, key, '{');
        snprintf(file, sizeof file, "%.460s%%_keys", stem);
        code = results_value(w, j, "keys", file, xinf_tensor_keys(t), depth + 1);
    }
    json_open(j, kind == XINF_KIND_MAP ? "values" : key, '[');
    for (int64_t i = 0; i < xinf_tensor_count(t) && code == EXIT_DONE; i++) {
        snprintf(file, sizeof file, "%.460s%%_%" PRId64, stem, i);
        code = results_value(w, j, NULL, file, xinf_tensor_item(t, i), depth + 1);
    }
    json_close(j, ']');
    if (kind == XINF_KIND_MAP) json_close(j, '}');
    return code;
}

static bool results_folder(const char *path)
{
#ifdef _WIN32
    return mkdir(path) == 0 || errno == EEXIST;
#else
    return mkdir(path, 0777) == 0 || errno == EEXIST;
#endif
}

int results_write(workspace *w, xinf_tensor **outputs, int32_t count)
{
    char path[RESULTS_PATH], name[RESULTS_NAME];
    const char *folder = w->options->output_dir;
    int code = EXIT_DONE;
    if (strlen(folder) > 3500)
        return workspace_refuse(w, "the path of the output folder is too long");
    if (!results_folder(folder))
        return workspace_refuse(w, "%s: the folder cannot be made: %s", folder, strerror(errno));
    snprintf(path, sizeof path, "%s/outputs.json", folder);
    json j = {.to = fopen(path, "w")};
    if (!j.to) return workspace_refuse(w, "%s: cannot be written: %s", path, strerror(errno));
    json_open(&j, NULL, '{');
    for (int32_t i = 0; i < count && code == EXIT_DONE; i++) {
        const char *label = results_label(w, i);
        results_name(name, label, i);
        code = results_value(w, &j, label, name, outputs[i], 0);
    }
    json_close(&j, '}');
    bool bad = ferror(j.to) != 0;
    if (fclose(j.to) == 0 && !bad) return code;
    return code == EXIT_DONE ? workspace_refuse(w, "%s: cannot be written", path) : code;
}

/* ---- for a person ---- */

/* Element i as a number; false for types that have none. */
static bool results_number(double *out, const void *data, xinf_dtype dtype, int64_t i)
{
    switch (dtype) {
    case XINF_FLOAT32: *out = ((const float *)data)[i]; return true;
    case XINF_FLOAT64: *out = ((const double *)data)[i]; return true;
    case XINF_INT8: *out = ((const int8_t *)data)[i]; return true;
    case XINF_BOOL:
    case XINF_UINT8: *out = ((const uint8_t *)data)[i]; return true;
    case XINF_INT16: *out = ((const int16_t *)data)[i]; return true;
    case XINF_UINT16: *out = ((const uint16_t *)data)[i]; return true;
    case XINF_INT32: *out = ((const int32_t *)data)[i]; return true;
    case XINF_UINT32: *out = ((const uint32_t *)data)[i]; return true;
    case XINF_INT64: *out = (double)((const int64_t *)data)[i]; return true;
    case XINF_UINT64: *out = (double)((const uint64_t *)data)[i]; return true;
    default: return false;
    }
}

static void results_range(xinf_tensor *t)
{
    double least = INFINITY, most = -INFINITY, sum = 0, v;
    int64_t count = xinf_tensor_count(t), odd = 0, told = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!results_number(&v, xinf_tensor_data(t), xinf_tensor_dtype(t), i)) return;
        if (!isfinite(v)) {
            odd++;
            continue;
        }
        told++;
        sum += v;
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    if (told) printf("  min %.6g  mean %.6g  max %.6g", least, sum / (double)told, most);
    if (odd) printf("  not finite %" PRId64, odd);
}

void results_print(const workspace *w, xinf_tensor **outputs, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        xinf_tensor *t = outputs[i];
        xinf_kind kind = xinf_tensor_kind(t);
        printf("%s  ", results_label(w, i));
        if (kind == XINF_KIND_TENSOR) {
            printf("%s [", xinf_dtype_name(xinf_tensor_dtype(t)));
            for (int32_t k = 0; k < xinf_tensor_rank(t); k++)
                printf("%s%" PRId64, k ? "," : "", xinf_tensor_shape(t)[k]);
            printf("]");
            results_range(t);
        } else {
            printf("%s", results_kind(kind));
            if (kind != XINF_KIND_NONE) printf(" of %" PRId64, xinf_tensor_count(t));
        }
        printf("\n");
    }
}

void results_json(json *j, const workspace *w, xinf_tensor **outputs, int32_t count)
{
    json_open(j, "outputs", '[');
    for (int32_t i = 0; i < count; i++) {
        xinf_tensor *t = outputs[i];
        json_open(j, NULL, '{');
        json_text(j, "name", results_label(w, i));
        json_text(j, "kind", results_kind(xinf_tensor_kind(t)));
        if (xinf_tensor_kind(t) == XINF_KIND_TENSOR) {
            json_text(j, "dtype", xinf_dtype_name(xinf_tensor_dtype(t)));
            json_open(j, "shape", '[');
            for (int32_t k = 0; k < xinf_tensor_rank(t); k++)
                json_integer(j, NULL, xinf_tensor_shape(t)[k]);
            json_close(j, ']');
        } else {
            json_integer(j, "count", xinf_tensor_count(t));
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}
