/* conv_test.c — convolutions with all that may follow them, against the portable truth: within 5e-6 of the largest output, bit for bit the
 * same for 1, 2 and 8 threads, and by the kernel that the shape asks for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_bytes.h"
#include "xinf.h"

typedef struct conv_case {
    int64_t batch, ic, oc, h, w, kernel, stride, pad[4], group; /* pad: top, left, bottom, right */
    int residual;                                              /* adds the input's twin of the output's shape */
    const char *act;                                           /* "" or an operator of one input */
    const char *kernel_name;                                   /* part of the kernel's name on AVX2; "" any */
} conv_case;

static const conv_case conv_cases[] = {
    /* Winograd: one phase and two, ragged edges, channels that do not fill their groups, one-sided padding, batches. */
    {1, 32, 32, 128, 128, 3, 1, {1, 1, 1, 1}, 1, 0, "Relu", "winograd"},
    {1, 64, 64, 56, 56, 3, 1, {1, 1, 1, 1}, 1, 0, "Relu", "winograd"},
    {1, 128, 128, 28, 28, 3, 1, {1, 1, 1, 1}, 1, 1, "Relu", "winograd"},
    {1, 256, 256, 14, 14, 3, 1, {1, 1, 1, 1}, 1, 0, "", "winograd"},
    {1, 16, 64, 55, 55, 3, 1, {1, 1, 1, 1}, 1, 0, "Relu", "winograd"},
    {1, 48, 192, 13, 13, 3, 1, {1, 1, 1, 1}, 1, 0, "Sigmoid", "winograd"},
    {2, 19, 21, 35, 41, 3, 1, {1, 1, 1, 1}, 1, 1, "", "winograd"},
    {3, 16, 24, 18, 18, 3, 1, {0, 0, 0, 0}, 1, 0, "HardSwish", "winograd"},
    {1, 17, 40, 30, 29, 3, 1, {1, 0, 2, 1}, 1, 1, "Tanh", "winograd"},
    {1, 20, 16, 16, 200, 3, 1, {2, 2, 0, 0}, 1, 0, "LeakyRelu", "winograd"},
    {9, 16, 16, 16, 16, 3, 1, {1, 1, 1, 1}, 1, 1, "Relu", "winograd"},
    /* Direct. */
    {1, 512, 64, 7, 7, 3, 1, {1, 1, 1, 1}, 1, 1, "Relu", "direct"},
    {1, 24, 40, 29, 31, 3, 2, {1, 1, 1, 1}, 1, 0, "Relu", "direct"},
    {2, 3, 32, 33, 33, 3, 2, {1, 1, 1, 1}, 1, 0, "HardSwish", "direct"},
    {1, 64, 144, 28, 28, 1, 1, {0, 0, 0, 0}, 1, 1, "Relu", "direct"},
    {1, 40, 24, 17, 13, 5, 1, {2, 2, 2, 2}, 1, 0, "Sigmoid", "direct"},
    {1, 24, 24, 28, 30, 3, 1, {1, 1, 1, 1}, 24, 0, "HardSwish", "depthwise"},
    {1, 35, 35, 15, 17, 5, 2, {2, 2, 2, 2}, 35, 0, "Relu", "depthwise"},
};

static int conv_passed, conv_failed;
static uint64_t conv_seed = 88172645463325252u;

static void conv_check(int ok, const conv_case *c, const char *what)
{
    if (ok) {
        conv_passed++;
        return;
    }
    conv_failed++;
    printf("conv_test.c: case %d (%lld -> %lld at %lldx%lld): %s\n", (int)(c - conv_cases), (long long)c->ic, (long long)c->oc, (long long)c->h,
           (long long)c->w, what);
}

static float conv_random(void)
{
    conv_seed ^= conv_seed << 13;
    conv_seed ^= conv_seed >> 7;
    conv_seed ^= conv_seed << 17;
    return (float)((double)(conv_seed >> 11) / 4503599627370496.0 - 1.0);
}

static float *conv_numbers(size_t count, float scale)
{
    float *f = malloc(count * sizeof *f);
    if (!f) exit(99);
    for (size_t i = 0; i < count; i++) f[i] = scale * conv_random();
    return f;
}

static model_bytes conv_model(const conv_case *c, const int64_t y[4])
{
    const char *const conv_in[3] = {"x", "w", "b"}, *const add_in[2] = {"c", "r"}, *last = "c", *act_in[1];
    int64_t per = c->ic / c->group, weight[4] = {c->oc, per, c->kernel, c->kernel}, x[4] = {c->batch, c->ic, c->h, c->w};
    size_t taps = (size_t)(per * c->kernel * c->kernel);
    float *w = conv_numbers((size_t)c->oc * taps, 1.7f / sqrtf((float)taps)), *b = conv_numbers((size_t)c->oc, 0.5f);
    model_bytes g = {0}, attributes = {0};
    model_attribute_ints(&attributes, "pads", c->pad, 4);
    model_attribute_ints(&attributes, "strides", (int64_t[]){c->stride, c->stride}, 2);
    model_attribute_int(&attributes, "group", c->group);
    model_node(&g, "", "Conv", conv_in, 3, "c", &attributes);
    if (c->residual) {
        model_node(&g, "", "Add", add_in, 2, "s", NULL);
        last = "s";
    }
    act_in[0] = last;
    if (c->act[0]) {
        model_node(&g, "", c->act, act_in, 1, "a", NULL);
        last = "a";
    }
    model_floats(&g, "w", 4, weight, w);
    model_floats(&g, "b", 1, &c->oc, b);
    model_input(&g, "x", 4, x);
    if (c->residual) model_input(&g, "r", 4, y);
    model_output(&g, last, 4, y);
    model_release(&attributes);
    free(w);
    free(b);
    return model_finish(&g);
}

/* Remembers the name of the convolution's kernel. */
static void conv_profile(void *self, const xinf_step_profile *step)
{
    if (strstr(step->op, "Conv")) snprintf(self, 64, "%s", step->kernel);
}

static int conv_run(xinf_model *model, const char *isa, int threads, xinf_tensor *const *in, int in_count, float *out, size_t count, char *kernel)
{
    xinf_session_options options = XINF_SESSION_OPTIONS_INIT;
    xinf_run_options run = XINF_RUN_OPTIONS_INIT;
    xinf_session *session = NULL;
    xinf_tensor *result = NULL;
    xinf_error err = XINF_ERROR_INIT;
    options.isa = isa;
    options.threads = threads;
    run.profile = conv_profile;
    run.profile_self = kernel;
    int ok = xinf_session_create(&session, model, &options, &err) == XINF_OK &&
             xinf_session_run(session, in, in_count, &result, 1, &run, &err) == XINF_OK && xinf_tensor_size(result) == count * 4;
    if (ok) memcpy(out, xinf_tensor_data(result), count * 4);
    if (!ok) printf("conv_test.c: %s\n", err.message);
    xinf_session_destroy(session);
    return ok;
}

static double conv_error(const float *got, const float *want, size_t count)
{
    double worst = 0, largest = 1e-30;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)got[i] - (double)want[i]);
        if (!(d <= worst)) worst = d;
        if (fabs((double)want[i]) > largest) largest = fabs((double)want[i]);
    }
    return worst / largest;
}

static void conv_try(xinf_env *env, xinf_loader *loader, const conv_case *c)
{
    int64_t y[4] = {c->batch, c->oc, (c->h + c->pad[0] + c->pad[2] - c->kernel) / c->stride + 1, (c->w + c->pad[1] + c->pad[3] - c->kernel) / c->stride + 1};
    int64_t x[4] = {c->batch, c->ic, c->h, c->w};
    size_t count = (size_t)(y[0] * y[1] * y[2] * y[3]);
    model_bytes bytes = conv_model(c, y);
    xinf_model *model = NULL;
    xinf_tensor *in[2] = {NULL, NULL};
    xinf_error err = XINF_ERROR_INIT;
    char kernel[64] = "", truth[64] = "";
    float *want = malloc(count * 4), *one = malloc(count * 4), *many = malloc(count * 4);
    if (!want || !one || !many) exit(99);
    conv_check(xinf_loader_load_memory(&model, loader, bytes.data, bytes.size, NULL, &err) == XINF_OK, c, "it does not load");
    for (int i = 0; i < 1 + c->residual && model; i++) {
        if (xinf_tensor_create(&in[i], env, XINF_FLOAT32, i ? y : x, 4, &err) != XINF_OK) exit(99);
        for (int64_t k = 0; k < xinf_tensor_count(in[i]); k++) ((float *)xinf_tensor_data(in[i]))[k] = conv_random();
    }
    if (model && conv_run(model, "portable", 2, in, 1 + c->residual, want, count, truth) && conv_run(model, NULL, 1, in, 1 + c->residual, one, count, kernel)) {
        double e = conv_error(one, want, count);
        conv_check(e <= 5e-6, c, "it differs from the portable kernel");
        if (!(e <= 5e-6)) printf("  by %.2e with %s\n", e, kernel);
        if (strstr(kernel, "avx2")) conv_check(strstr(kernel, c->kernel_name) != NULL, c, kernel);
        for (int threads = 2; threads <= 8; threads *= 4) {
            memset(many, 0, count * 4);
            conv_check(conv_run(model, NULL, threads, in, 1 + c->residual, many, count, kernel) && memcmp(one, many, count * 4) == 0, c,
                       "the number of threads changes the result");
        }
    } else {
        conv_check(0, c, "it does not run");
    }
    free(want);
    free(one);
    free(many);
    xinf_tensor_destroy(in[0]);
    xinf_tensor_destroy(in[1]);
    xinf_model_destroy(model);
    model_release(&bytes);
}

int main(void)
{
    xinf_env *env = NULL;
    xinf_loader *loader = NULL;
    if (xinf_env_create(&env, NULL, NULL) != XINF_OK || xinf_loader_create(&loader, env, NULL, NULL) != XINF_OK) return 99;
    for (size_t i = 0; i < sizeof conv_cases / sizeof conv_cases[0]; i++) conv_try(env, loader, &conv_cases[i]);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
    printf("%d passed, %d failed, 0 skipped\n", conv_passed, conv_failed);
    return conv_failed ? 1 : 0;
}
