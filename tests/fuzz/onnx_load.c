/* onnx_load.c — libFuzzer target: any bytes → load, session, one run on zeros. Every failure must
 * be a status with a sentence. */
#include <stdint.h>
#include <stdlib.h>

#include <xinf.h>

enum { FUZZ_MAX_VALUES = 16, FUZZ_MAX_ELEMENTS = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(xinf_status status, const xinf_error *err)
{
    if (status != XINF_OK && err->message[0] == 0) abort();
    if (status == XINF_INTERNAL) abort();
}

/* A tensor of the declared type with 2 for every open dimension; NULL when it would be large. */
static xinf_tensor *fuzz_input(xinf_env *env, const xinf_model *model, int32_t index)
{
    xinf_value_info info = XINF_VALUE_INFO_INIT;
    xinf_tensor *tensor = NULL;
    int64_t shape[12], count = 1;
    if (xinf_model_input(model, index, &info, NULL) != XINF_OK || info.kind != XINF_KIND_TENSOR ||
        info.rank < 0 || info.rank > 12)
        return NULL;
    for (int32_t i = 0; i < info.rank; i++) {
        shape[i] = info.shape[i] < 0 ? 2 : info.shape[i];
        if (shape[i] > FUZZ_MAX_ELEMENTS || (count *= shape[i]) > FUZZ_MAX_ELEMENTS) return NULL;
    }
    xinf_tensor_create(&tensor, env, info.dtype, shape, info.rank, NULL);
    return tensor;
}

static void fuzz_run(xinf_env *env, xinf_model *model, xinf_session *session)
{
    xinf_tensor *inputs[FUZZ_MAX_VALUES] = {NULL}, *outputs[FUZZ_MAX_VALUES] = {NULL};
    int32_t in = xinf_model_input_count(model), out = xinf_model_output_count(model);
    xinf_error err = XINF_ERROR_INIT;
    xinf_run_options options = XINF_RUN_OPTIONS_INIT;
    options.deadline_us = 200000;
    if (in > FUZZ_MAX_VALUES || out > FUZZ_MAX_VALUES) return;
    for (int32_t i = 0; i < in; i++) inputs[i] = fuzz_input(env, model, i);
    fuzz_check(xinf_session_run(session, inputs, in, outputs, out, &options, &err), &err);
    for (int32_t i = 0; i < in; i++) xinf_tensor_destroy(inputs[i]);
    for (int32_t i = 0; i < out; i++) xinf_tensor_destroy(outputs[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xinf_env *env = NULL;
    xinf_loader *loader = NULL;
    xinf_model *model = NULL;
    xinf_session *session = NULL;
    xinf_error err = XINF_ERROR_INIT;
    xinf_load_options load = XINF_LOAD_OPTIONS_INIT;
    xinf_session_options options = XINF_SESSION_OPTIONS_INIT;
    load.format = "onnx";
    load.max_bytes = 64 << 20;
    load.max_steps = 20000;
    options.threads = 1;
    options.memory_limit = 64 << 20;
    options.max_steps = 20000;
    if (xinf_env_create(&env, NULL, NULL) != XINF_OK ||
        xinf_loader_create(&loader, env, NULL, NULL) != XINF_OK)
        abort();
    xinf_status status = xinf_loader_load_memory(&model, loader, data, size, &load, &err);
    fuzz_check(status, &err);
    if (status == XINF_OK) {
        status = xinf_session_create(&session, model, &options, &err);
        fuzz_check(status, &err);
    }
    if (status == XINF_OK) fuzz_run(env, model, session);
    xinf_session_destroy(session);
    xinf_model_destroy(model);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
    return 0;
}
