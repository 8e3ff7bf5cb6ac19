/* alloc_test.c — a session's second run with the same shapes allocates nothing, neither through the
 * library's allocator nor behind it. This program defines malloc and its kin itself, so that every
 * call of the process is counted, whoever makes it.
 *
 *     test-alloc MODEL… */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "xinf.h"

enum { ALLOC_MAX_VALUES = 8, ALLOC_WARM = 1, ALLOC_RUNS = 3 };

static atomic_long alloc_calls, alloc_frees, alloc_maps, alloc_threads;
static int alloc_passed, alloc_failed;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *ptr);

void *malloc(size_t size)
{
    atomic_fetch_add(&alloc_calls, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    atomic_fetch_add(&alloc_calls, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
    atomic_fetch_add(&alloc_calls, 1);
    return __libc_realloc(ptr, size);
}

void free(void *ptr)
{
    if (ptr) atomic_fetch_add(&alloc_frees, 1);
    __libc_free(ptr);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&alloc_calls, 1);
    return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
    atomic_fetch_add(&alloc_calls, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    atomic_fetch_add(&alloc_calls, 1);
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}

void *mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
    atomic_fetch_add(&alloc_maps, 1);
    return (void *)syscall(SYS_mmap, addr, size, prot, flags, fd, offset);
}

int munmap(void *addr, size_t size)
{
    atomic_fetch_add(&alloc_maps, 1);
    return (int)syscall(SYS_munmap, addr, size);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "pthread_create");
    memcpy(&real, &symbol, sizeof real);
    atomic_fetch_add(&alloc_threads, 1);
    return real(thread, attr, start, arg);
}

/* An input of the declared type; 2 stands for every open dimension, ones and short texts for the
 * contents. */
static xinf_tensor *alloc_input(xinf_env *env, const xinf_model *model, int32_t index)
{
    xinf_value_info info = XINF_VALUE_INFO_INIT;
    xinf_tensor *tensor = NULL;
    int64_t shape[12] = {0};
    if (xinf_model_input(model, index, &info, NULL) != XINF_OK || info.rank < 0 || info.rank > 12)
        return NULL;
    for (int32_t i = 0; i < info.rank; i++) shape[i] = info.shape[i] < 0 ? 2 : info.shape[i];
    if (xinf_tensor_create(&tensor, env, info.dtype, shape, info.rank, NULL) != XINF_OK)
        return NULL;
    for (int64_t i = 0; i < xinf_tensor_count(tensor); i++) {
        if (info.dtype == XINF_STRING)
            xinf_tensor_set_string(tensor, i, "a text that is too long for any small buffer", 44,
                                   NULL);
        else if (info.dtype == XINF_FLOAT32)
            ((float *)xinf_tensor_data(tensor))[i] = 1.0f + (float)(i % 7);
        else if (info.dtype == XINF_INT64)
            ((int64_t *)xinf_tensor_data(tensor))[i] = 3;
        else if (info.dtype == XINF_BOOL)
            ((uint8_t *)xinf_tensor_data(tensor))[i] = 1;
    }
    return tensor;
}

static void alloc_say(int ok, const char *path, int32_t threads, const char *what)
{
    alloc_passed += ok;
    alloc_failed += !ok;
    if (!ok) printf("test-alloc: %s, %d threads: %s\n", path, (int)threads, what);
}

static void alloc_model(const char *path, int32_t threads)
{
    xinf_env *env = NULL;
    xinf_loader *loader = NULL;
    xinf_model *model = NULL;
    xinf_session *session = NULL;
    xinf_tensor *inputs[ALLOC_MAX_VALUES] = {0}, *outputs[ALLOC_MAX_VALUES] = {0};
    xinf_session_options options = XINF_SESSION_OPTIONS_INIT;
    xinf_error err = XINF_ERROR_INIT;
    char text[256];
    int32_t in = 0, out = 0;
    long before = atomic_load(&alloc_calls), created;
    options.threads = threads;
    int ok = xinf_env_create(&env, NULL, &err) == XINF_OK &&
             xinf_loader_create(&loader, env, NULL, &err) == XINF_OK &&
             xinf_loader_load(&model, loader, path, NULL, &err) == XINF_OK &&
             xinf_session_create(&session, model, &options, &err) == XINF_OK;
    created = atomic_load(&alloc_calls) - before;
    /* Without this a broken count would pass everything below. */
    alloc_say(created > 0, path, threads, "no allocation was counted while the session was made");
    if (ok) {
        in = xinf_model_input_count(model);
        out = xinf_model_output_count(model);
        ok = in <= ALLOC_MAX_VALUES && out <= ALLOC_MAX_VALUES;
    }
    for (int32_t i = 0; ok && i < in; i++) ok = (inputs[i] = alloc_input(env, model, i)) != NULL;
    for (int run = 0; ok && run < ALLOC_WARM + ALLOC_RUNS; run++) {
        long calls = atomic_load(&alloc_calls), frees = atomic_load(&alloc_frees),
             maps = atomic_load(&alloc_maps), starts = atomic_load(&alloc_threads);
        ok = xinf_session_run(session, inputs, in, outputs, out, NULL, &err) == XINF_OK;
        for (int32_t i = 0; i < out; i++) {
            xinf_tensor_destroy(outputs[i]);
            outputs[i] = NULL;
        }
        calls = atomic_load(&alloc_calls) - calls;
        frees = atomic_load(&alloc_frees) - frees;
        maps = atomic_load(&alloc_maps) - maps;
        starts = atomic_load(&alloc_threads) - starts;
        if (run < ALLOC_WARM) continue;
        snprintf(text, sizeof text,
                 "run %d: %ld allocations, %ld frees, %ld maps, %ld thread starts", run + 1, calls,
                 frees, maps, starts);
        alloc_say(calls == 0 && frees == 0 && maps == 0 && starts == 0, path, threads, text);
    }
    alloc_say(ok, path, threads, err.message[0] ? err.message : "inputs could not be made");
    for (int32_t i = 0; i < in && i < ALLOC_MAX_VALUES; i++) xinf_tensor_destroy(inputs[i]);
    xinf_session_destroy(session);
    xinf_model_destroy(model);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    for (int i = 1; i < argc; i++)
        for (int32_t threads = 1; threads <= 2; threads++) alloc_model(argv[i], threads);
    printf("%d passed, %d failed\n", alloc_passed, alloc_failed);
    return alloc_failed != 0;
}
