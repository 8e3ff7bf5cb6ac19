/* run_case.c — runs one request of the model suites over the public API.
 *
 *     run-case REQUEST.json        exit 0 ran, 2 not supported, 3 model or input refused, 1
 * anything else run-case --batch             one request path a line in, one line "CODE message"
 * out
 *
 * A request is {model, format, outdir, steps: [{inputs: [value], outputs: [name]}]}. A value is
 * {name, kind}: tensor (path of a .npy; strings in "strings"), sequence (items), map (keys,
 * values), none. Output k of step s goes to outdir/s<s>_<k>.npy, items of a sequence to
 * s<s>_<k>_<j>, strings to .json. */
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npy.h"

enum {
    CASE_RAN = 0,
    CASE_BROKEN = 1,
    CASE_UNSUPPORTED = 2,
    CASE_REFUSED = 3,
    CASE_VALUES = 256,
    CASE_DEPTH = 8
};

/* Budgets that end what is endless by design within the suites' time. */
#define CASE_MEMORY ((uint64_t)2 << 30)
#define CASE_STEPS ((uint64_t)500000)
#define CASE_DEADLINE_MS 60000 /* XINF_CASE_DEADLINE_MS sets another one */

typedef struct run_case {
    xinf_env *env;
    xinf_loader *loader;
    xinf_model *model;
    xinf_session *session;
    const char *outdir;
    bool by_place;
    xinf_error err;
} run_case;

static int case_code(xinf_status status)
{
    return status == XINF_OK            ? CASE_RAN
           : status == XINF_UNSUPPORTED ? CASE_UNSUPPORTED
           : status == XINF_INTERNAL    ? CASE_BROKEN
                                        : CASE_REFUSED;
}

static int case_refuse(run_case *c, int code, const char *what, const char *which)
{
    snprintf(c->err.message, sizeof c->err.message, "%.200s%.300s", what, which ? which : "");
    return code;
}

static char *case_read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    long size;
    char *text = NULL;
    if (!f) return NULL;
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0 &&
        (text = malloc((size_t)size + 1))) {
        text[fread(text, 1, (size_t)size, f)] = 0;
    }
    fclose(f);
    return text;
}

static xinf_dtype case_dtype(const char *name)
{
    for (xinf_dtype d = 1; d < 27; d++)
        if (name && strcmp(xinf_dtype_name(d), name) == 0) return d;
    if (name && strcmp(name, "float8_e4m3fn") == 0) return XINF_FLOAT8E4M3FN;
    if (name && strcmp(name, "float8_e4m3fnuz") == 0) return XINF_FLOAT8E4M3FNUZ;
    if (name && strcmp(name, "float8_e5m2") == 0) return XINF_FLOAT8E5M2;
    if (name && strcmp(name, "float8_e5m2fnuz") == 0) return XINF_FLOAT8E5M2FNUZ;
    if (name && strcmp(name, "float8_e8m0fnu") == 0) return XINF_FLOAT8E8M0;
    if (name && strcmp(name, "float4_e2m1fn") == 0) return XINF_FLOAT4E2M1;
    return XINF_UNDEFINED;
}

static const char *case_text(const cJSON *o, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static int case_strings(run_case *c, xinf_tensor **out, const cJSON *v)
{
    int64_t shape[12];
    int32_t rank = 0;
    const cJSON *item, *list = cJSON_GetObjectItemCaseSensitive(v, "strings");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(v, "shape"))
    {
        if (rank == 12)
            return case_refuse(c, CASE_BROKEN, "a string tensor has too many axes", NULL);
        shape[rank++] = (int64_t)item->valuedouble;
    }
    if (xinf_tensor_create(out, c->env, XINF_STRING, shape, rank, &c->err) != XINF_OK)
        return CASE_BROKEN;
    int64_t i = 0;
    cJSON_ArrayForEach(item, list)
    {
        const char *s = item->valuestring ? item->valuestring : "";
        if (xinf_tensor_set_string(*out, i++, s, strlen(s), &c->err) != XINF_OK) return CASE_BROKEN;
    }
    return CASE_RAN;
}

static int case_value(run_case *c, xinf_tensor **out, const cJSON *v, int depth);

static int case_items(run_case *c, xinf_tensor **out, const cJSON *list, int depth)
{
    int count = cJSON_GetArraySize(list), made = 0, code = CASE_RAN;
    xinf_tensor **items = calloc((size_t)count + 1, sizeof *items);
    const cJSON *v;
    if (!items) return CASE_BROKEN;
    cJSON_ArrayForEach(v, list)
    {
        code = case_value(c, &items[made], v, depth + 1);
        if (code != CASE_RAN) break;
        made++;
    }
    if (code == CASE_RAN &&
        xinf_tensor_create_sequence(out, c->env, items, count, &c->err) != XINF_OK)
        code = CASE_BROKEN;
    for (int i = 0; i < made && code != CASE_RAN; i++) xinf_tensor_destroy(items[i]);
    free(items);
    return code;
}

/* Keys are all text or all whole numbers. */
static int case_keys(run_case *c, xinf_tensor **out, const cJSON *list)
{
    const cJSON *key;
    int64_t count = cJSON_GetArraySize(list), i = 0;
    xinf_dtype dtype = cJSON_IsString(cJSON_GetArrayItem(list, 0)) ? XINF_STRING : XINF_INT64;
    if (xinf_tensor_create(out, c->env, dtype, &count, 1, &c->err) != XINF_OK) return CASE_BROKEN;
    cJSON_ArrayForEach(key, list)
    {
        if (cJSON_IsString(key) != (dtype == XINF_STRING))
            return case_refuse(c, CASE_BROKEN, "a map with keys of two types", NULL);
        if (dtype == XINF_INT64)
            ((int64_t *)xinf_tensor_data(*out))[i++] = (int64_t)key->valuedouble;
        else if (xinf_tensor_set_string(*out, i++, key->valuestring, strlen(key->valuestring),
                                        &c->err) != XINF_OK)
            return CASE_BROKEN;
    }
    return CASE_RAN;
}

static int case_map(run_case *c, xinf_tensor **out, const cJSON *v, int depth)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(v, "values"), *item;
    int count = cJSON_GetArraySize(list), made = 0;
    xinf_tensor *keys = NULL, **values = calloc((size_t)count + 1, sizeof(xinf_tensor *));
    int code = values ? case_keys(c, &keys, cJSON_GetObjectItemCaseSensitive(v, "keys"))
                      : CASE_BROKEN;
    cJSON_ArrayForEach(item, list)
    {
        if (code == CASE_RAN) code = case_value(c, &values[made], item, depth + 1);
        if (code != CASE_RAN) break;
        made++;
    }
    if (code == CASE_RAN &&
        xinf_tensor_create_map(out, c->env, keys, values, count, &c->err) != XINF_OK)
        code = CASE_BROKEN;
    for (int i = 0; i < made && code != CASE_RAN; i++) xinf_tensor_destroy(values[i]);
    if (code != CASE_RAN) xinf_tensor_destroy(keys);
    free(values);
    return code;
}

/* A number of the program's own: a tensor without axes. */
static int case_scalar(run_case *c, xinf_tensor **out, const cJSON *v)
{
    const char *type = case_text(v, "type");
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(v, "value");
    bool real = type && strcmp(type, "float") == 0, truth = type && strcmp(type, "bool") == 0;
    double number = cJSON_IsBool(value)     ? cJSON_IsTrue(value)
                    : cJSON_IsNumber(value) ? value->valuedouble
                                            : 0;
    if (xinf_tensor_create(out, c->env,
                           real    ? XINF_FLOAT64
                           : truth ? XINF_BOOL
                                   : XINF_INT64,
                           NULL, 0, &c->err) != XINF_OK)
        return CASE_BROKEN;
    if (real)
        *(double *)xinf_tensor_data(*out) = number;
    else if (truth)
        *(uint8_t *)xinf_tensor_data(*out) = number != 0;
    else
        *(int64_t *)xinf_tensor_data(*out) = (int64_t)number;
    return CASE_RAN;
}

static int case_value(run_case *c, xinf_tensor **out, const cJSON *v, int depth)
{
    const char *kind = case_text(v, "kind"), *path = case_text(v, "path"),
               *dtype = case_text(v, "dtype");
    if (!kind || depth > CASE_DEPTH)
        return case_refuse(c, CASE_BROKEN, "a value without a kind", NULL);
    if (strcmp(kind, "none") == 0)
        return xinf_tensor_create_none(out, c->env, &c->err) == XINF_OK ? CASE_RAN : CASE_BROKEN;
    if (strcmp(kind, "sequence") == 0)
        return case_items(c, out, cJSON_GetObjectItemCaseSensitive(v, "items"), depth);
    if (strcmp(kind, "map") == 0) return case_map(c, out, v, depth);
    if (strcmp(kind, "scalar") == 0) return case_scalar(c, out, v);
    if (strcmp(kind, "tensor") != 0)
        return case_refuse(c, CASE_UNSUPPORTED, "not supported: inputs of kind ", kind);
    if (dtype && strcmp(dtype, "string") == 0) return case_strings(c, out, v);
    if (!path) return case_refuse(c, CASE_BROKEN, "a tensor without a path", NULL);
    return npy_read(out, c->env, path, case_dtype(dtype), &c->err) == 0 ? CASE_RAN : CASE_BROKEN;
}

/* ---- outputs ---- */

static int case_write_strings(run_case *c, const char *stem, const xinf_tensor *t)
{
    char path[1200];
    cJSON *list = cJSON_CreateArray();
    int ok = list != NULL;
    for (int64_t i = 0; i < xinf_tensor_count(t) && ok; i++) {
        size_t size;
        const char *bytes = xinf_tensor_string(t, i, &size);
        char *z = calloc(size + 1, 1);
        if (z && size) memcpy(z, bytes, size);
        ok = z && cJSON_AddItemToArray(list, cJSON_CreateString(z));
        free(z);
    }
    char *text = ok ? cJSON_PrintUnformatted(list) : NULL;
    snprintf(path, sizeof path, "%s.json", stem);
    FILE *f = text ? fopen(path, "w") : NULL;
    ok = f && fputs(text, f) >= 0;
    if (f) ok = fclose(f) == 0 && ok;
    cJSON_free(text);
    cJSON_Delete(list);
    return ok ? CASE_RAN : case_refuse(c, CASE_BROKEN, "cannot write ", path);
}

static int case_write(run_case *c, const char *stem, xinf_tensor *t, int depth)
{
    char path[1200];
    int code = CASE_RAN;
    if (depth > CASE_DEPTH || xinf_tensor_kind(t) == XINF_KIND_NONE) return CASE_RAN;
    if (xinf_tensor_kind(t) != XINF_KIND_TENSOR) {
        for (int64_t i = 0; i < xinf_tensor_count(t) && code == CASE_RAN; i++) {
            snprintf(path, sizeof path, "%.1000s_%lld", stem, (long long)i);
            code = case_write(c, path, xinf_tensor_item(t, i), depth + 1);
        }
        return code;
    }
    if (xinf_tensor_dtype(t) == XINF_STRING) return case_write_strings(c, stem, t);
    snprintf(path, sizeof path, "%.1000s.npy", stem);
    return npy_write(path, t, &c->err) == 0 ? CASE_RAN : CASE_BROKEN;
}

/* ---- one step ---- */

static int case_find(run_case *c, int count,
                     xinf_status (*ask)(const xinf_model *, int32_t, xinf_value_info *,
                                        xinf_error *),
                     const char *name)
{
    for (int i = 0; i < count; i++) {
        xinf_value_info info = XINF_VALUE_INFO_INIT;
        if (ask(c->model, i, &info, &c->err) == XINF_OK && name && strcmp(info.name, name) == 0)
            return i;
    }
    return -1;
}

static uint64_t case_deadline_us(void)
{
    const char *text = getenv("XINF_CASE_DEADLINE_MS");
    long ms = text ? strtol(text, NULL, 10) : 0;
    return (uint64_t)(ms > 0 ? ms : CASE_DEADLINE_MS) * 1000;
}

static bool case_is_none(const cJSON *v)
{
    const char *kind = case_text(v, "kind");
    return kind && strcmp(kind, "none") == 0;
}

static bool case_is_map(const cJSON *v)
{
    const char *kind = case_text(v, "kind");
    return kind && strcmp(kind, "map") == 0;
}

static bool case_is_tuple(run_case *c, const cJSON *v, int place, int inputs)
{
    xinf_value_info info = XINF_VALUE_INFO_INIT;
    const char *kind = case_text(v, "kind");
    if (!kind || strcmp(kind, "sequence") != 0 || place >= inputs) return false;
    return xinf_model_input(c->model, place, &info, &c->err) == XINF_OK &&
           info.kind == XINF_KIND_TENSOR;
}

/* Output `place` of a program may be a tuple, whose parts are outputs "output.<place>.0", …: writes
 * them as items. *count: of them. */
static int case_write_parts(run_case *c, xinf_tensor **out, int outputs, int number, int place,
                            int *count)
{
    char prefix[48], stem[1100];
    int code = CASE_RAN;
    snprintf(prefix, sizeof prefix, "output.%d.", place);
    *count = 0;
    for (int i = 0; i < outputs && code == CASE_RAN; i++) {
        xinf_value_info info = XINF_VALUE_INFO_INIT;
        if (xinf_model_output(c->model, i, &info, &c->err) != XINF_OK ||
            strncmp(info.name, prefix, strlen(prefix)) != 0)
            continue;
        snprintf(stem, sizeof stem, "%.1000s/s%d_%d_%d", c->outdir, number, place, (*count)++);
        code = case_write(c, stem, out[i], 0);
    }
    return code;
}

static int case_step(run_case *c, const cJSON *step, int number)
{
    xinf_tensor *in[CASE_VALUES] = {NULL}, *out[CASE_VALUES] = {NULL};
    int inputs = xinf_model_input_count(c->model), outputs = xinf_model_output_count(c->model),
        code = CASE_RAN, k = 0, place = 0, place_out = 0;
    xinf_run_options options = XINF_RUN_OPTIONS_INIT;
    const cJSON *v;
    if (inputs > CASE_VALUES || outputs > CASE_VALUES)
        return case_refuse(c, CASE_BROKEN, "too many inputs or outputs", NULL);
    cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(step, "inputs"))
    {
        int at = c->by_place ? -1 : case_find(c, inputs, xinf_model_input, case_text(v, "name"));
        if (c->by_place && case_is_none(v))
            continue; /* left out: such a model has no input for it */
        if (c->by_place && case_is_tuple(c, v, place, inputs)) {
            /* A tuple: each of its parts is an input. */
            const cJSON *part;
            cJSON_ArrayForEach(part, cJSON_GetObjectItemCaseSensitive(v, "items"))
            {
                if (code == CASE_RAN && place < inputs) code = case_value(c, &in[place++], part, 0);
            }
            if (code != CASE_RAN) goto cleanup;
            continue;
        }
        if (c->by_place && case_is_map(v)) {
            /* A dict of a program: each key is an input. */
            const cJSON *part;
            cJSON_ArrayForEach(part, cJSON_GetObjectItemCaseSensitive(v, "values"))
            {
                if (code == CASE_RAN && place < inputs) code = case_value(c, &in[place++], part, 0);
            }
            if (code != CASE_RAN) goto cleanup;
            continue;
        }
        if (at < 0 && c->by_place && place < inputs) at = place;
        place++;
        if (at < 0) continue; /* the suites list values that a model does not declare as inputs */
        code = case_value(c, &in[at], v, 0);
        if (code != CASE_RAN) goto cleanup;
    }
    options.deadline_us = case_deadline_us();
    code = case_code(xinf_session_run(c->session, in, inputs, out, outputs, &options, &c->err));
    if (code != CASE_RAN) goto cleanup;
    cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(step, "outputs"))
    {
        char stem[1100];
        int parts = 0;
        if (c->by_place) code = case_write_parts(c, out, outputs, number, k, &parts);
        if (code != CASE_RAN) goto cleanup;
        if (parts) {
            place_out += parts;
            k++;
            continue;
        }
        int at = c->by_place ? -1 : case_find(c, outputs, xinf_model_output, v->valuestring);
        if (at < 0 && c->by_place && place_out < outputs) at = place_out++;
        if (at < 0) {
            code = case_refuse(c, CASE_REFUSED, "there is no output ", v->valuestring);
            goto cleanup;
        }
        snprintf(stem, sizeof stem, "%.1000s/s%d_%d", c->outdir, number, k++);
        code = case_write(c, stem, out[at], 0);
        if (code != CASE_RAN) goto cleanup;
    }
cleanup:
    for (int i = 0; i < CASE_VALUES; i++) {
        xinf_tensor_destroy(in[i]);
        xinf_tensor_destroy(out[i]);
    }
    return code;
}

/* Keys of a dict, behind the hint for the dict: ".key". Gives the new count. */
static int case_key_hints(xinf_value_info *out, int64_t (*shapes)[12], const cJSON *map, int count)
{
    static char names[CASE_VALUES][64];
    const cJSON *key = cJSON_GetObjectItemCaseSensitive(map, "keys")->child, *v, *d;
    cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(map, "values"))
    {
        if (count == CASE_VALUES || !cJSON_IsString(key)) break;
        xinf_value_info *h = &out[count];
        snprintf(names[count], sizeof names[count], ".%.60s", key->valuestring);
        *h = (xinf_value_info){.struct_size = sizeof *h,
                               .kind = XINF_KIND_TENSOR,
                               .name = names[count],
                               .dtype = case_dtype(case_text(v, "dtype")),
                               .shape = shapes[count]};
        cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(v, "shape"))
        {
            if (h->rank < 12) shapes[count][h->rank++] = (int64_t)d->valuedouble;
        }
        count++;
        key = key->next;
    }
    return count;
}

/* What the inputs will be, in order: TorchScript files do not say. */
static int case_hints(xinf_value_info *out, int64_t (*shapes)[12], const cJSON *inputs)
{
    int count = 0;
    const cJSON *v, *d;
    cJSON_ArrayForEach(v, inputs)
    {
        const char *kind = case_text(v, "kind"), *type = case_text(v, "type");
        const cJSON *t = kind && strcmp(kind, "sequence") == 0
                             ? cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(v, "items"), 0)
                             : v;
        if (count == CASE_VALUES || !kind) break;
        xinf_value_info *h = &out[count];
        *h = (xinf_value_info){
            .struct_size = sizeof *h, .kind = XINF_KIND_TENSOR, .shape = shapes[count]};
        if (strcmp(kind, "none") == 0)
            h->kind = XINF_KIND_NONE;
        else if (strcmp(kind, "sequence") == 0)
            h->kind = XINF_KIND_SEQUENCE;
        else if (strcmp(kind, "map") == 0) {
            h->kind = XINF_KIND_MAP;
            count = case_key_hints(out, shapes, v, count + 1);
            continue;
        }
        h->dtype = type ? (strcmp(type, "float") == 0  ? XINF_FLOAT64
                           : strcmp(type, "bool") == 0 ? XINF_BOOL
                                                       : XINF_INT64)
                        : case_dtype(case_text(t, "dtype"));
        cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(t, "shape"))
        {
            if (h->rank < 12) shapes[count][h->rank++] = (int64_t)d->valuedouble;
        }
        count++;
    }
    return count;
}

/* The outputs that the first step asks for: a TensorFlow graph does not say what its outputs are.
 */
static int case_wanted(const char **out, const cJSON *step)
{
    const cJSON *name;
    int count = 0;
    cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(step, "outputs"))
    {
        if (count < CASE_VALUES && cJSON_IsString(name)) out[count++] = name->valuestring;
    }
    return count;
}

static int case_open(run_case *c, const char *model, const cJSON *root)
{
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "steps"), 0);
    const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(first, "inputs");
    const char *wanted[CASE_VALUES];
    static int64_t shapes[CASE_VALUES][12];
    static xinf_value_info hints[CASE_VALUES];
    xinf_load_options load = XINF_LOAD_OPTIONS_INIT;
    load.method = case_text(root, "method");
    load.signature = case_text(root, "signature");
    load.output_count = case_wanted(wanted, first);
    load.outputs = load.output_count ? wanted : NULL;
    if (c->by_place &&
        !getenv("XINF_CASE_NO_HINTS")) { /* without them a session finds out at its first run */
        load.inputs = hints;
        load.input_count = case_hints(hints, shapes, inputs);
    }
    xinf_session_options options = XINF_SESSION_OPTIONS_INIT;
    options.threads = 1;
    options.memory_limit = CASE_MEMORY;
    options.max_steps = CASE_STEPS;
    xinf_status status = xinf_env_create(&c->env, NULL, &c->err);
    if (status == XINF_OK) status = xinf_loader_create(&c->loader, c->env, NULL, &c->err);
    if (status == XINF_OK) status = xinf_loader_load(&c->model, c->loader, model, &load, &c->err);
    if (status == XINF_OK) status = xinf_session_create(&c->session, c->model, &options, &c->err);
    return case_code(status);
}

static int case_format(const char *format)
{
    static const char *const known[] = {"onnx", "torchscript", "torch_export", "tf_graphdef",
                                        "tf_savedmodel"};
    int found = !format;
    for (size_t i = 0; i < sizeof known / sizeof *known && !found; i++)
        found = strcmp(format, known[i]) == 0;
    return found;
}

static int case_run(const char *request, char *message, size_t size)
{
    run_case c = {.err = XINF_ERROR_INIT};
    char *text = case_read_file(request);
    cJSON *root = text ? cJSON_Parse(text) : NULL;
    const char *model = case_text(root, "model"), *format = case_text(root, "format");
    const cJSON *step;
    int code = CASE_BROKEN, number = 0;
    c.outdir = case_text(root, "outdir");
    if (!model || !c.outdir) {
        case_refuse(&c, CASE_BROKEN, "not a request: ", request);
        goto cleanup;
    }
    if (!case_format(format)) {
        code = case_refuse(&c, CASE_UNSUPPORTED, "not supported: models of format ", format);
        goto cleanup;
    }
    c.by_place = format && strncmp(format, "torch", 5) ==
                               0; /* these cases name their values x0, x1, …, out0, … */
    code = case_open(&c, model, root);
    cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(root, "steps"))
    {
        if (code == CASE_RAN) code = case_step(&c, step, number++);
    }
cleanup:
    snprintf(message, size, "%s", code == CASE_RAN ? "" : c.err.message);
    xinf_session_destroy(c.session);
    xinf_model_destroy(c.model);
    xinf_loader_destroy(c.loader);
    xinf_env_destroy(c.env);
    cJSON_Delete(root);
    free(text);
    return code;
}

int main(int argc, char **argv)
{
    char message[600], line[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: run-case REQUEST.json | run-case --batch\n");
        return CASE_BROKEN;
    }
    if (strcmp(argv[1], "--batch") != 0) {
        int code = case_run(argv[1], message, sizeof message);
        if (code != CASE_RAN) fprintf(stderr, "run-case: %s\n", message);
        return code;
    }
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        int code = case_run(line, message, sizeof message);
        printf("%d %s\n", code, message);
        fflush(stdout);
    }
    return 0;
}
