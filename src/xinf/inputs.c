/* inputs.c — see inputs.h. */
#include "inputs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "npy.h"

enum { INPUTS_RANK = 12 };

void inputs_shape_text(char *text, size_t size, const xinf_value_info *info)
{
    size_t at = (size_t)snprintf(text, size, "[");
    for (int32_t i = 0; i < info->rank && at < size; i++) {
        const char *comma = i ? "," : "";
        if (info->shape[i] >= 0)
            at += (size_t)snprintf(text + at, size - at, "%s%" PRId64, comma, info->shape[i]);
        else
            at += (size_t)snprintf(text + at, size - at, "%s%s", comma,
                                   info->symbols && info->symbols[i] ? info->symbols[i] : "?");
    }
    if (at < size) snprintf(text + at, size - at, info->rank < 0 ? "?]" : "]");
}

/* ---- random values ---- */

static uint64_t inputs_next(uint64_t *state)
{
    uint64_t x = *state; /* xorshift64* */
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 2685821657736338717u;
}

/* A half-precision or bfloat16 number of the same sign and size as v, rounded towards zero. |v|
 * < 1. */
static uint16_t inputs_half(float v, bool brain)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    if (brain) return (uint16_t)(bits >> 16);
    int32_t exponent = (int32_t)(bits >> 23 & 255) - 127 + 15;
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    return exponent <= 0 ? sign : (uint16_t)(sign | exponent << 10 | (bits >> 13 & 0x3ff));
}

/* Floats lie in -1 … 1, bytes in 0 … 255; other integers are 0 or 1, which every table of tokens
 * can look up. */
static bool inputs_fill(xinf_tensor *t, uint64_t *state)
{
    char *data = xinf_tensor_data(t);
    int64_t count = xinf_tensor_count(t);
    xinf_dtype dtype = xinf_tensor_dtype(t);
    size_t size = xinf_dtype_size(dtype);
    for (int64_t i = 0; i < count && size; i++) {
        uint64_t bits = inputs_next(state);
        float real = (float)(int32_t)(bits >> 40) / 8388608.0f - 1.0f;
        double wide = real;
        uint64_t whole = dtype == XINF_UINT8 ? bits >> 56 : bits >> 63;
        uint16_t half = inputs_half(real, dtype == XINF_BFLOAT16);
        char *at = data + (size_t)i * size;
        switch (dtype) {
        case XINF_FLOAT32: memcpy(at, &real, size); break;
        case XINF_FLOAT64: memcpy(at, &wide, size); break;
        case XINF_FLOAT16:
        case XINF_BFLOAT16: memcpy(at, &half, size); break;
        case XINF_INT8:
        case XINF_UINT8:
        case XINF_INT16:
        case XINF_UINT16:
        case XINF_INT32:
        case XINF_UINT32:
        case XINF_INT64:
        case XINF_UINT64:
        case XINF_BOOL: memcpy(at, &whole, size); break;
        default: return false;
        }
    }
    return size != 0;
}

/* ---- shapes ---- */

/* The size that --shape gives to the symbol in another input, or -1. */
static int64_t inputs_symbol(const workspace *w, const char *symbol)
{
    int32_t count = xinf_model_input_count(w->model);
    for (int32_t i = 0; i < count && symbol; i++) {
        xinf_value_info info = XINF_VALUE_INFO_INIT;
        if (xinf_model_input(w->model, i, &info, NULL) != XINF_OK) continue;
        const xinf_shape_hint *hint = options_shape(w->options, info.name);
        for (int32_t k = 0; hint && k < info.rank && k < hint->rank; k++)
            if (info.symbols[k] && strcmp(info.symbols[k], symbol) == 0) return hint->shape[k];
    }
    return -1;
}

static int inputs_shape(int64_t *shape, int32_t *rank, const workspace *w,
                        const xinf_value_info *info)
{
    char text[512];
    const xinf_shape_hint *hint = options_shape(w->options, info->name);
    if (hint) {
        *rank = hint->rank;
        memcpy(shape, hint->shape, (size_t)hint->rank * sizeof *shape);
        return EXIT_DONE;
    }
    *rank = info->rank;
    bool open = info->rank < 0;
    for (int32_t i = 0; i < info->rank; i++) {
        shape[i] = info->shape[i];
        if (shape[i] < 0) shape[i] = inputs_symbol(w, info->symbols[i]);
        if (shape[i] < 0 && i == 0) shape[i] = w->options->batch;
        if (shape[i] < 0) open = true;
    }
    if (!open) return EXIT_DONE;
    inputs_shape_text(text, sizeof text, info);
    return workspace_refuse(
        w, "input %s has the open shape %s: give --shape %s=…, sizes separated by x", info->name,
        text, info->name);
}

static int inputs_random(xinf_tensor **out, workspace *w, const xinf_value_info *info,
                         uint64_t *state)
{
    int64_t shape[INPUTS_RANK];
    int32_t rank;
    if (info->kind != XINF_KIND_TENSOR || info->dtype == XINF_STRING)
        return workspace_refuse(
            w, "input %s is no tensor of numbers: there are no random values for it", info->name);
    int code = inputs_shape(shape, &rank, w, info);
    if (code != EXIT_DONE) return code;
    if (xinf_tensor_create(out, w->env, info->dtype, shape, rank, &w->err) != XINF_OK)
        return workspace_failed(w);
    if (!inputs_fill(*out, state))
        return workspace_refuse(w, "input %s: there are no random values of type %s", info->name,
                                xinf_dtype_name(info->dtype));
    return EXIT_DONE;
}

/* ---- all of them ---- */

static int inputs_check_names(const workspace *w)
{
    int32_t count = xinf_model_input_count(w->model);
    char names[600] = "";
    size_t at = 0;
    for (int32_t i = 0; i < count && at < sizeof names; i++) {
        xinf_value_info info = XINF_VALUE_INFO_INIT;
        if (xinf_model_input(w->model, i, &info, NULL) == XINF_OK)
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", info.name);
    }
    for (int32_t k = 0; k < w->options->input_count + w->options->session.hint_count; k++) {
        bool found = false;
        const char *name = k < w->options->input_count
                               ? w->options->inputs[k].name
                               : w->options->session.hints[k - w->options->input_count].name;
        for (int32_t i = 0; i < count && !found; i++) {
            xinf_value_info info = XINF_VALUE_INFO_INIT;
            found = xinf_model_input(w->model, i, &info, NULL) == XINF_OK &&
                    strcmp(info.name, name) == 0;
        }
        if (!found)
            return workspace_refuse(w, "there is no input %s; the model has %s", name,
                                    count ? names : "none");
    }
    return EXIT_DONE;
}

static int inputs_one(xinf_tensor **out, workspace *w, int32_t index, bool random, uint64_t *state)
{
    xinf_value_info info = XINF_VALUE_INFO_INIT;
    if (xinf_model_input(w->model, index, &info, &w->err) != XINF_OK) return workspace_failed(w);
    for (int32_t k = 0; k < w->options->input_count; k++)
        if (strcmp(w->options->inputs[k].name, info.name) == 0)
            return npy_read(out, w->env, w->options->inputs[k].path, info.dtype, &w->err) == 0
                       ? EXIT_DONE
                       : workspace_failed(w);
    if (info.optional) return EXIT_DONE;
    if (random) return inputs_random(out, w, &info, state);
    return workspace_refuse(w, "input %s has no value: give --input %s=FILE.npy or --random",
                            info.name, info.name);
}

int inputs_make(inputs *in, workspace *w, bool random)
{
    uint64_t state = w->options->seed * 2654435769u + 88172645463325252u;
    *in = (inputs){.count = xinf_model_input_count(w->model)};
    int code = inputs_check_names(w);
    if (code != EXIT_DONE) return code;
    in->values = calloc((size_t)in->count + 1, sizeof(xinf_tensor *));
    if (!in->values) return workspace_refuse(w, "out of memory");
    for (int32_t i = 0; i < in->count && code == EXIT_DONE; i++)
        code = inputs_one(&in->values[i], w, i, random, &state);
    return code;
}

void inputs_free(inputs *in)
{
    for (int32_t i = 0; i < in->count && in->values; i++) xinf_tensor_destroy(in->values[i]);
    free(in->values);
    *in = (inputs){0};
}
