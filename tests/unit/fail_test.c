/* fail_test.c — each allocation of load + session + run fails once: the call says so, nothing
 * leaks, nothing is given back with a wrong size.
 *
 *     test-fail MODEL… */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xinf.h"

enum { FAIL_MAX_VALUES = 8, FAIL_HEAD = 64, FAIL_MAX_ALLOCATIONS = 1000000 };

/* Memory with a head before each block that remembers its size. fail_at counts down; the call that
 * finds 0 fails. */
typedef struct fail_memory {
    atomic_long live_blocks, live_bytes, calls, wrong_sizes;
    atomic_long fail_at; /* -1: never */
} fail_memory;

static int fail_passed, fail_failed;

static void *fail_move(void *self, void *ptr, size_t old_size, size_t new_size, size_t alignment)
{
    fail_memory *m = self;
    unsigned char *old = ptr, *block = NULL;
    if (alignment > FAIL_HEAD || (alignment & (alignment - 1)))
        atomic_fetch_add(&m->wrong_sizes, 1);
    if (old && *(size_t *)(void *)(old - FAIL_HEAD) != old_size)
        atomic_fetch_add(&m->wrong_sizes, 1);
    if (new_size) {
        if (atomic_load(&m->fail_at) >= 0 &&
            atomic_fetch_add(&m->calls, 1) == atomic_load(&m->fail_at))
            return NULL;
        size_t whole = FAIL_HEAD + (new_size + FAIL_HEAD - 1) / FAIL_HEAD * FAIL_HEAD;
        if (whole < new_size || !(block = aligned_alloc(FAIL_HEAD, whole))) return NULL;
        memset(block, 0xa5, whole);
        *(size_t *)(void *)block = new_size;
        block += FAIL_HEAD;
        if (old) memcpy(block, old, old_size < new_size ? old_size : new_size);
        atomic_fetch_add(&m->live_blocks, 1);
        atomic_fetch_add(&m->live_bytes, (long)new_size);
    }
    if (old) {
        atomic_fetch_sub(&m->live_blocks, 1);
        atomic_fetch_sub(&m->live_bytes, (long)old_size);
        memset(old, 0x5a, old_size);
        free(old - FAIL_HEAD);
    }
    return block;
}

static xinf_status fail_inputs(xinf_tensor **inputs, int32_t count, xinf_env *env,
                               const xinf_model *model, xinf_error *err)
{
    xinf_status status = XINF_OK;
    for (int32_t i = 0; i < count && status == XINF_OK; i++) {
        xinf_value_info info = XINF_VALUE_INFO_INIT;
        int64_t shape[12] = {0};
        status = xinf_model_input(model, i, &info, err);
        for (int32_t k = 0; status == XINF_OK && k < info.rank; k++)
            shape[k] = info.shape[k] < 0 ? 2 : info.shape[k];
        if (status == XINF_OK)
            status = xinf_tensor_create(&inputs[i], env, info.dtype, shape, info.rank, err);
        if (status == XINF_OK && info.dtype == XINF_STRING)
            status = xinf_tensor_set_string(inputs[i], 0, "text", 4, err);
        if (status == XINF_OK && info.dtype == XINF_INT64 && info.rank == 0)
            *(int64_t *)xinf_tensor_data(inputs[i]) = 3;
    }
    return status;
}

/* All of it once. Returns the first status that is not XINF_OK. */
static xinf_status fail_everything(fail_memory *memory, const char *path, xinf_error *err)
{
    xinf_env *env = NULL;
    xinf_loader *loader = NULL;
    xinf_model *model = NULL;
    xinf_session *session = NULL;
    xinf_tensor *inputs[FAIL_MAX_VALUES] = {0}, *outputs[FAIL_MAX_VALUES] = {0};
    xinf_env_options options = XINF_ENV_OPTIONS_INIT;
    xinf_session_options session_options = XINF_SESSION_OPTIONS_INIT;
    int32_t in = 0, out = 0;
    options.allocator = (xinf_allocator){memory, fail_move};
    session_options.threads = 2;
    xinf_status status = xinf_env_create(&env, &options, err);
    if (status == XINF_OK) status = xinf_loader_create(&loader, env, NULL, err);
    if (status == XINF_OK) status = xinf_loader_load(&model, loader, path, NULL, err);
    if (status == XINF_OK) status = xinf_session_create(&session, model, &session_options, err);
    if (status == XINF_OK) {
        in = xinf_model_input_count(model);
        out = xinf_model_output_count(model);
        if (in > FAIL_MAX_VALUES || out > FAIL_MAX_VALUES) abort();
        status = fail_inputs(inputs, in, env, model, err);
    }
    for (int run = 0; run < 2 && status == XINF_OK; run++) {
        status = xinf_session_run(session, inputs, in, outputs, out, NULL, err);
        for (int32_t i = 0; i < out; i++) {
            xinf_tensor_destroy(outputs[i]);
            outputs[i] = NULL;
        }
    }
    for (int32_t i = 0; i < FAIL_MAX_VALUES; i++) xinf_tensor_destroy(inputs[i]);
    xinf_session_destroy(session);
    xinf_model_destroy(model);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
    return status;
}

static void fail_say(int ok, const char *path, long at, const char *what, const char *message)
{
    fail_passed += ok;
    fail_failed += !ok;
    if (!ok) printf("test-fail: %s: allocation %ld: %s (%s)\n", path, at, what, message);
}

static void fail_model(const char *path)
{
    for (long at = 0; at < FAIL_MAX_ALLOCATIONS; at++) {
        fail_memory memory = {.fail_at = at};
        xinf_error err = XINF_ERROR_INIT;
        xinf_status status = fail_everything(&memory, path, &err);
        int reached = atomic_load(&memory.calls) > at;
        fail_say(atomic_load(&memory.live_blocks) == 0 && atomic_load(&memory.live_bytes) == 0,
                 path, at, "memory was left", err.message);
        fail_say(atomic_load(&memory.wrong_sizes) == 0, path, at, "a wrong size or alignment",
                 err.message);
        if (!reached) {
            fail_say(status == XINF_OK, path, at, "failed though nothing was refused", err.message);
            fail_say(at > 0, path, at, "the allocator was never called", err.message);
            return;
        }
        fail_say(status == XINF_OUT_OF_MEMORY, path, at, xinf_status_name(status), err.message);
        if (status != XINF_OK)
            fail_say(err.message[0] != 0 && err.status == status, path, at,
                     "an error without a sentence", err.message);
    }
    fail_say(0, path, FAIL_MAX_ALLOCATIONS, "there is no end of allocations", "");
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    for (int i = 1; i < argc; i++) fail_model(argv[i]);
    printf("%d passed, %d failed\n", fail_passed, fail_failed);
    return fail_failed != 0;
}
