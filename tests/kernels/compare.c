/* compare.c — the portable kernels are the truth. */
#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int compare_passed, compare_failed;
static uint64_t compare_seed = 88172645463325252u;
static xinf_env *compare_env;
static xinf_loader *compare_loader;

enum { COMPARE_INPUTS = 6 };

/* Whether any step ran by a kernel with the wanted name, and by one of AVX2. */
typedef struct compare_steps {
    const char *want;
    int found, avx2;
} compare_steps;

void compare_check(int ok, const char *test, const char *what)
{
    if (ok) {
        compare_passed++;
        return;
    }
    compare_failed++;
    printf("%s: %s\n", test, what);
}

float compare_random(void)
{
    compare_seed ^= compare_seed << 13;
    compare_seed ^= compare_seed >> 7;
    compare_seed ^= compare_seed << 17;
    return (float)((double)(compare_seed >> 11) / 4503599627370496.0 - 1.0);
}

float *compare_numbers(size_t count, float scale)
{
    float *f = malloc((count + 1) * sizeof *f);
    if (!f) exit(99);
    for (size_t i = 0; i < count; i++) f[i] = scale * compare_random();
    return f;
}

static void compare_profile(void *self, const xinf_step_profile *step)
{
    compare_steps *s = self;
    if (strstr(step->kernel, s->want)) s->found = 1;
    if (strstr(step->kernel, "avx2")) s->avx2 = 1;
}

/* The first output's elements; NULL when the run fails. */
static float *compare_run(xinf_model *model, const char *isa, int threads, xinf_tensor *const *in,
                          int in_count, size_t *count, compare_steps *steps)
{
    xinf_session_options options = XINF_SESSION_OPTIONS_INIT;
    xinf_run_options run = XINF_RUN_OPTIONS_INIT;
    xinf_session *session = NULL;
    xinf_tensor *result = NULL;
    xinf_error err = XINF_ERROR_INIT;
    float *out = NULL;
    options.isa = isa;
    options.threads = threads;
    run.profile = compare_profile;
    run.profile_self = steps;
    if (xinf_session_create(&session, model, &options, &err) == XINF_OK &&
        xinf_session_run(session, in, in_count, &result, 1, &run, &err) == XINF_OK &&
        xinf_tensor_dtype(result) == XINF_FLOAT32) {
        *count = (size_t)xinf_tensor_count(result);
        out = malloc(*count * 4 + 4);
        if (!out) exit(99);
        memcpy(out, xinf_tensor_data(result), *count * 4);
    } else {
        printf("  %s\n", err.message);
    }
    xinf_tensor_destroy(result);
    xinf_session_destroy(session);
    return out;
}

static double compare_error(const float *got, const float *want, size_t count)
{
    double worst = 0, largest = 1e-30;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)got[i] - (double)want[i]);
        if (!(d <= worst)) worst = d;
        if (fabs((double)want[i]) > largest) largest = fabs((double)want[i]);
    }
    return worst / largest;
}

static void compare_runs(const char *test, xinf_model *model, xinf_tensor *const *in, int in_count,
                         double tolerance, const char *kernel)
{
    compare_steps truth = {.want = kernel}, fast = {.want = kernel};
    size_t count = 0, same = 0;
    float *want = compare_run(model, "portable", 2, in, in_count, &count, &truth),
          *one = compare_run(model, NULL, 1, in, in_count, &same, &fast);
    compare_check(want && one && count == same, test, "it does not run");
    if (want && one && count == same) {
        double e = compare_error(one, want, count);
        compare_check(e <= tolerance, test, "it differs from the portable kernel");
        if (!(e <= tolerance)) printf("  by %.2e\n", e);
        if (fast.avx2) compare_check(fast.found, test, kernel);
    }
    for (int threads = 2; threads <= 8 && one; threads *= 4) {
        float *many = compare_run(model, NULL, threads, in, in_count, &count, &fast);
        compare_check(many && count == same && memcmp(one, many, count * 4) == 0, test,
                      "the number of threads changes the result");
        free(many);
    }
    free(want);
    free(one);
}

void compare_model(const char *test, model_bytes *model, const compare_input *inputs,
                   int input_count, double tolerance, const char *kernel)
{
    xinf_model *loaded = NULL;
    xinf_tensor *in[COMPARE_INPUTS] = {NULL};
    xinf_error err = XINF_ERROR_INIT;
    if (!compare_env && (xinf_env_create(&compare_env, NULL, NULL) != XINF_OK ||
                         xinf_loader_create(&compare_loader, compare_env, NULL, NULL) != XINF_OK))
        exit(99);
    compare_check(xinf_loader_load_memory(&loaded, compare_loader, model->data, model->size, NULL,
                                          &err) == XINF_OK,
                  test, "it does not load");
    if (!loaded) printf("  %s\n", err.message);
    for (int i = 0; i < input_count && i < COMPARE_INPUTS; i++) {
        if (xinf_tensor_create(&in[i], compare_env, XINF_FLOAT32, inputs[i].shape, inputs[i].rank,
                               &err) != XINF_OK)
            exit(99);
        for (int64_t k = 0; k < xinf_tensor_count(in[i]); k++)
            ((float *)xinf_tensor_data(in[i]))[k] = compare_random();
    }
    if (loaded) compare_runs(test, loaded, in, input_count, tolerance, kernel);
    for (int i = 0; i < COMPARE_INPUTS; i++) xinf_tensor_destroy(in[i]);
    xinf_model_destroy(loaded);
    model_release(model);
}

int compare_end(void)
{
    xinf_loader_destroy(compare_loader);
    xinf_env_destroy(compare_env);
    printf("%d passed, %d failed, 0 skipped\n", compare_passed, compare_failed);
    return compare_failed ? 1 : 0;
}
