/* cache_test.c — packed weights from one start to the next: the second start packs nothing and
 * gives the same bits; a damaged, foreign or stale cache costs time and nothing else.
 *
 *     test-cache MODEL FOLDER */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "model.h"

static int cache_passed, cache_failed;

#define CHECK(condition) cache_check((condition) != 0, #condition, __LINE__)

static void cache_check(int ok, const char *what, int line)
{
    cache_passed += ok;
    cache_failed += !ok;
    if (!ok) printf("cache_test.c:%d: %s\n", line, what);
}

enum { CACHE_PATH = 4096, CACHE_MOST_RESULTS = 4096 };
static char model_path[CACHE_PATH], folder[CACHE_PATH], cache_file[CACHE_PATH];

/* What one start did. */
typedef struct start {
    xinf_status status;
    uint64_t packs;
    size_t size;
    unsigned char result[CACHE_MOST_RESULTS];
    char message[sizeof(xinf_error)];
} start;

/* An allocator that fails at call number `fail_at`, and counts what is held. */
typedef struct cache_memory {
    long calls, fail_at, held;
} cache_memory;

static void *cache_move(void *self, void *ptr, size_t old_size, size_t new_size, size_t alignment)
{
    cache_memory *m = self;
    void *block = NULL;
    (void)alignment;
    if (new_size) {
        if (m->calls++ == m->fail_at) return NULL;
        block = aligned_alloc(64, (new_size + 63) / 64 * 64);
        if (!block) return NULL;
        if (ptr) memcpy(block, ptr, old_size < new_size ? old_size : new_size);
        m->held++;
    }
    if (ptr) m->held--;
    free(ptr);
    return block;
}

static xinf_status cache_run(start *s, xinf_env *env, xinf_session *session, xinf_model *model,
                             xinf_error *err)
{
    xinf_tensor *x = NULL, *y = NULL;
    int64_t shape[XI_MAX_RANK] = {0};
    xinf_value_info info = XINF_VALUE_INFO_INIT;
    xinf_status status = xinf_model_input(model, 0, &info, err);
    for (int32_t k = 0; k < info.rank; k++) shape[k] = info.shape[k] < 0 ? 2 : info.shape[k];
    if (status == XINF_OK) status = xinf_tensor_create(&x, env, info.dtype, shape, info.rank, err);
    for (int64_t i = 0; x && i < xinf_tensor_count(x); i++)
        ((float *)xinf_tensor_data(x))[i] = (float)(i * 29 % 23) / 16;
    if (status == XINF_OK) status = xinf_session_run(session, &x, 1, &y, 1, NULL, err);
    if (y) {
        s->size = xinf_tensor_size(y);
        CHECK(s->size <= sizeof s->result);
        if (s->size <= sizeof s->result) memcpy(s->result, xinf_tensor_data(y), s->size);
    }
    xinf_tensor_destroy(y);
    xinf_tensor_destroy(x);
    return status;
}

/* Environment to result, with a cache in `where` (NULL: none). */
static start cache_start_with(const char *where, const char *isa, cache_memory *memory)
{
    start s = {0};
    xinf_env *env = NULL;
    xinf_loader *loader = NULL;
    xinf_model *model = NULL;
    xinf_session *session = NULL;
    xinf_error err = XINF_ERROR_INIT;
    xinf_env_options options = XINF_ENV_OPTIONS_INIT;
    xinf_session_options so = XINF_SESSION_OPTIONS_INIT;
    options.weight_cache = where;
    if (memory) options.allocator = (xinf_allocator){memory, cache_move};
    so.isa = isa;
    so.threads = 2;
    s.status = xinf_env_create(&env, &options, &err);
    if (s.status == XINF_OK) s.status = xinf_loader_create(&loader, env, NULL, &err);
    if (s.status == XINF_OK) s.status = xinf_loader_load(&model, loader, model_path, NULL, &err);
    if (s.status == XINF_OK) s.status = xinf_session_create(&session, model, &so, &err);
    if (s.status == XINF_OK) s.status = cache_run(&s, env, session, model, &err);
    if (model) s.packs = model->weights.packs;
    snprintf(s.message, sizeof s.message, "%s", err.message);
    xinf_session_destroy(session);
    xinf_model_destroy(model);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
    return s;
}

static start cache_start(const char *where, const char *isa)
{
    return cache_start_with(where, isa, NULL);
}

static bool cache_same(const start *a, const start *b)
{
    return a->status == XINF_OK && b->status == XINF_OK && a->size == b->size && a->size > 0 &&
           memcmp(a->result, b->result, a->size) == 0;
}

/* Finds the one file of the folder; 0 when there is none, -1 when there are more. */
static int cache_find_file(void)
{
    char command[2 * CACHE_PATH];
    int count = 0;
    snprintf(command, sizeof command, "ls '%s'", folder);
    FILE *list = popen(command, "r");
    char name[256];
    while (list && fgets(name, sizeof name, list)) {
        name[strcspn(name, "\n")] = 0;
        snprintf(cache_file, sizeof cache_file, "%.3800s/%.255s", folder, name);
        count++;
    }
    if (list) pclose(list);
    return count > 1 ? -1 : count;
}

static size_t cache_read(unsigned char *out, size_t most)
{
    FILE *f = fopen(cache_file, "rb");
    size_t n = f ? fread(out, 1, most, f) : 0;
    if (f) fclose(f);
    return n;
}

static void cache_write(const unsigned char *data, size_t size)
{
    FILE *f = fopen(cache_file, "wb");
    CHECK(f && fwrite(data, 1, size, f) == size);
    if (f) fclose(f);
}

static void test_hash(void)
{
    unsigned char bytes[100];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 7);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint64_t h = xi_hash64(5, bytes, size);
        CHECK(h == xi_hash64(5, bytes, size) && h != xi_hash64(6, bytes, size));
        if (size) CHECK(h != xi_hash64(5, bytes, size - 1));
        for (size_t i = 0; i < size; i++) {
            bytes[i] ^= 16;
            CHECK(h != xi_hash64(5, bytes, size));
            bytes[i] ^= 16;
        }
    }
}

static void test_second_start(const start *plain)
{
    struct stat st;
    start first = cache_start(folder, NULL), second = cache_start(folder, NULL);
    CHECK(cache_same(plain, &first) && cache_same(plain, &second));
    CHECK(first.packs == plain->packs && second.packs == 0);
    CHECK(cache_find_file() == 1);
    CHECK(stat(folder, &st) == 0 && (st.st_mode & 0777) == 0700);
    CHECK(stat(cache_file, &st) == 0 && (st.st_mode & 0777) == 0600);
    /* Other kernels pack their own forms, and the file holds both then. */
    start portable = cache_start(folder, "portable");
    CHECK(portable.status == XINF_OK);
    portable = cache_start(folder, "portable");
    second = cache_start(folder, NULL);
    CHECK(portable.packs == 0 && second.packs == 0 && cache_same(plain, &second));
    CHECK(cache_find_file() == 1);
}

/* One byte wrong anywhere, or an end that is missing. */
static void test_damage(const start *plain)
{
    static unsigned char whole[1 << 20], broken[1 << 20];
    size_t size = cache_read(whole, sizeof whole);
    uint64_t packed_again = 0;
    CHECK(size > 200 && size < sizeof whole);
    for (size_t at = 0; at < size; at += at < 600 ? 1 : size / 60) {
        memcpy(broken, whole, size);
        broken[at] ^= 0x40;
        cache_write(broken, size);
        start s = cache_start(folder, NULL);
        CHECK(cache_same(plain, &s));
        packed_again += s.packs > 0;
    }
    CHECK(packed_again > 0);
    for (size_t keep = 0; keep < size; keep += size / 40 + 1) {
        cache_write(whole, keep);
        start s = cache_start(folder, NULL);
        CHECK(cache_same(plain, &s) && s.packs == plain->packs);
    }
    start s = cache_start(folder, NULL);
    CHECK(cache_same(plain, &s) && s.packs == 0);
}

/* A model file that was written again is another model. */
static void test_changed_model(const start *plain)
{
    char command[5 * CACHE_PATH];
    snprintf(command, sizeof command, "cp '%s' '%s.new' && mv '%s.new' '%s'", model_path,
             model_path, model_path, model_path);
    CHECK(system(command) == 0);
    start s = cache_start(folder, NULL);
    CHECK(cache_same(plain, &s) && s.packs == plain->packs);
    CHECK(cache_find_file() == -1); /* the old file is nobody's any more */
}

/* Many processes that find no file, or the file of another. */
static void test_many_writers(const start *plain)
{
    enum { WRITERS = 6, STARTS = 8 };
    for (int i = 0; i < WRITERS; i++) {
        pid_t child = fork();
        if (child != 0) {
            CHECK(child > 0);
            continue;
        }
        int bad = 0;
        for (int k = 0; k < STARTS; k++) {
            start s = cache_start(folder, NULL);
            bad += !cache_same(plain, &s);
            if (k % 3 == i % 3) unlink(cache_file);
        }
        _exit(bad);
    }
    for (int i = 0; i < WRITERS; i++) {
        int how = -1;
        CHECK(wait(&how) > 0 && how == 0);
    }
    cache_start(folder, NULL);
    start s = cache_start(folder, NULL);
    CHECK(cache_same(plain, &s) && s.packs == 0);
}

static void test_folders(void)
{
    char other[CACHE_PATH + 16];
    CHECK(chmod(folder, 0755) == 0);
    start s = cache_start(folder, NULL);
    CHECK(s.status == XINF_IO && strstr(s.message, "others may enter it"));
    CHECK(chmod(folder, 0700) == 0);
    snprintf(other, sizeof other, "%s-link", folder);
    unlink(other);
    CHECK(symlink(folder, other) == 0);
    s = cache_start(other, NULL);
    CHECK(s.status == XINF_IO && strstr(s.message, "it is no folder"));
    unlink(other);
    snprintf(other, sizeof other, "%s/not/there", folder);
    s = cache_start(other, NULL);
    CHECK(s.status == XINF_IO && strstr(s.message, "no such file"));
    s = cache_start(model_path, NULL);
    CHECK(s.status == XINF_IO);
}

/* Each allocation fails once, with and without a cache file; a start that goes through gives the
 * right result (writing the cache may fail without harm). */
static void test_memory(const start *plain)
{
    for (int warm = 0; warm < 2; warm++) {
        long at = 0;
        for (bool reached = true; reached; at++) {
            if (!warm) unlink(cache_file);
            cache_memory memory = {.fail_at = at};
            start s = cache_start_with(folder, NULL, &memory);
            reached = memory.calls > at;
            CHECK(memory.held == 0);
            CHECK(s.status == XINF_OUT_OF_MEMORY || cache_same(plain, &s));
        }
        CHECK(at > 100);
        cache_start(folder, NULL);
    }
}

int main(int argc, char **argv)
{
    char command[5 * CACHE_PATH];
    if (argc < 3) return 1;
    snprintf(folder, sizeof folder, "%s/weight-cache", argv[2]);
    snprintf(model_path, sizeof model_path, "%s/weight-cache.onnx", argv[2]);
    snprintf(command, sizeof command, "rm -rf '%s' && cp '%s' '%s'", folder, argv[1], model_path);
    if (system(command) != 0) return 1;
    start plain = cache_start(NULL, NULL);
    CHECK(plain.status == XINF_OK && plain.packs > 0);
    test_hash();
    test_second_start(&plain);
    test_damage(&plain);
    test_changed_model(&plain);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK(system(command) == 0);
    cache_start(folder, NULL);
    CHECK(cache_find_file() == 1);
    test_many_writers(&plain);
    test_folders();
    test_memory(&plain);
    CHECK(system(command) == 0);
    printf("%d passed, %d failed\n", cache_passed, cache_failed);
    return cache_failed > 0;
}
