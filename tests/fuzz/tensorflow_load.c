/* tensorflow_load.c — libFuzzer target: any bytes → a GraphDef or (first byte odd) the index of a
 * bundle of variables. */
#include <stdint.h>
#include <stdlib.h>

#include "base/allocator.h"
#include "load/tensorflow/bundle.h"
#include "xinf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_bundle(xinf_env *env, const uint8_t *data, size_t size)
{
    xi_tf_bundle *bundle = NULL;
    xi_tf_constant variable;
    xinf_error err = XINF_ERROR_INIT;
    xinf_allocator alloc = xi_allocator_default();
    if (xi_tf_bundle_read(&bundle, &alloc, data, size, &err) != XINF_OK && err.message[0] == 0)
        abort();
    if (bundle) xi_tf_bundle_find(&variable, bundle, XI_STR("v"), &err);
    xi_tf_bundle_close(bundle);
    (void)env;
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
    load.format = "graphdef";
    load.max_bytes = 64 << 20;
    load.max_steps = 20000;
    options.threads = 1;
    options.memory_limit = 64 << 20;
    options.max_steps = 20000;
    if (xinf_env_create(&env, NULL, NULL) != XINF_OK ||
        xinf_loader_create(&loader, env, NULL, NULL) != XINF_OK)
        abort();
    if (size && data[0] & 1) {
        fuzz_bundle(env, data + 1, size - 1);
    } else {
        xinf_status status = xinf_loader_load_memory(&model, loader, data, size, &load, &err);
        if (status != XINF_OK && err.message[0] == 0) abort();
        if (status == XINF_OK) status = xinf_session_create(&session, model, &options, &err);
        if (status == XINF_INTERNAL || (status != XINF_OK && err.message[0] == 0)) abort();
    }
    xinf_session_destroy(session);
    xinf_model_destroy(model);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
    return 0;
}
