/* dynamic_test.c — sizes that change from run to run: nothing is packed again and nothing loaded
 * again; empty values, rank 0, and outputs whose size follows from data. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "model_bytes.h"

static int dynamic_passed, dynamic_failed;

#define CHECK(condition) dynamic_check((condition) != 0, #condition, __LINE__)

static void dynamic_check(int ok, const char *what, int line)
{
    dynamic_passed += ok;
    dynamic_failed += !ok;
    if (!ok) printf("dynamic_test.c:%d: %s\n", line, what);
}

/* Requests for memory of weights' size are counted: packing again could not be hidden. */
enum { DYNAMIC_LARGE = 16 * 8 * 3 * 3 * 4 };
static long dynamic_large;

static void *dynamic_move(void *self, void *ptr, size_t old_size, size_t new_size, size_t alignment)
{
    void *block = NULL;
    (void)self;
    if (new_size) {
        if (new_size >= DYNAMIC_LARGE) dynamic_large++;
        block = aligned_alloc(64, (new_size + 63) / 64 * 64);
        if (!block) return NULL;
        if (ptr) memcpy(block, ptr, old_size < new_size ? old_size : new_size);
    }
    free(ptr);
    return block;
}

/* y = Reshape(Relu(Conv(x)), [0, -1]) · w, open in batch, height and width; z = MatMul(v, w). */
static model_bytes dynamic_model(void)
{
    enum { CHANNELS = 8, FILTERS = 16, WIDE = 64 };
    model_bytes g = {0}, attributes = {0};
    float *data = malloc(FILTERS * CHANNELS * 9 * WIDE * sizeof *data);
    if (!data) exit(99);
    for (int i = 0; i < FILTERS * CHANNELS * 9 * WIDE; i++)
        data[i] = (float)(i * 37 % 19) / 16 - 0.5f;
    model_floats(&g, "filter", 4, (const int64_t[]){FILTERS, CHANNELS, 3, 3}, data);
    model_floats(&g, "w", 2, (const int64_t[]){FILTERS, WIDE}, data);
    model_attribute_ints(&attributes, "pads", (const int64_t[]){1, 1, 1, 1}, 4);
    model_node(&g, "", "Conv", (const char *[]){"x", "filter"}, 2, "a", &attributes);
    model_release(&attributes);
    model_node(&g, "", "Relu", (const char *[]){"a"}, 1, "b", NULL);
    model_attribute_ints(&attributes, "perm", (const int64_t[]){0, 2, 3, 1}, 4);
    model_node(&g, "", "Transpose", (const char *[]){"b"}, 1, "c", &attributes);
    model_release(&attributes);
    model_node(&g, "", "MatMul", (const char *[]){"c", "w"}, 2, "y", NULL);
    model_input(&g, "x", 4, (const int64_t[]){-1, CHANNELS, -1, -1});
    model_output(&g, "y", 4, (const int64_t[]){-1, -1, -1, WIDE});
    free(data);
    return model_finish(&g);
}

static xinf_tensor *dynamic_input(xinf_env *env, int32_t rank, const int64_t *shape)
{
    xinf_tensor *x = NULL;
    CHECK(xinf_tensor_create(&x, env, XINF_FLOAT32, shape, rank, NULL) == XINF_OK);
    for (int64_t i = 0; x && i < xinf_tensor_count(x); i++)
        ((float *)xinf_tensor_data(x))[i] = (float)(i * 29 % 23) / 16 - 0.7f;
    return x;
}

static xinf_tensor *dynamic_run(xinf_session *s, xinf_tensor *x)
{
    xinf_tensor *y = NULL;
    xinf_error err = XINF_ERROR_INIT;
    CHECK(xinf_session_run(s, &x, 1, &y, 1, NULL, &err) == XINF_OK);
    if (!y) printf("  %s\n", err.message);
    return y;
}

static xinf_session *dynamic_open(xinf_env *env, const model_bytes *bytes, const char *isa,
                                  xinf_model **out_model)
{
    xinf_loader *loader = NULL;
    xinf_session *s = NULL;
    xinf_error err = XINF_ERROR_INIT;
    xinf_session_options options = XINF_SESSION_OPTIONS_INIT;
    options.threads = 1;
    options.isa = isa;
    *out_model = NULL;
    CHECK(xinf_loader_create(&loader, env, NULL, &err) == XINF_OK);
    CHECK(xinf_loader_load_memory(out_model, loader, bytes->data, bytes->size, NULL, &err) ==
          XINF_OK);
    if (*out_model) CHECK(xinf_session_create(&s, *out_model, &options, &err) == XINF_OK);
    if (!s) printf("  %s\n", err.message);
    xinf_loader_destroy(loader);
    return s;
}

/* Each size against a session that never saw another one. */
static void test_nothing_is_packed_again(const char *isa, bool must_pack)
{
    static const int64_t sizes[][4] = {{1, 8, 5, 7}, {4, 8, 5, 7}, {2, 8, 9, 3}, {1, 8, 1, 1},
                                       {0, 8, 5, 7}, {3, 8, 0, 4}, {7, 8, 2, 2}, {1, 8, 5, 7},
                                       {5, 8, 6, 6}, {1, 8, 33, 2}};
    xinf_env *env = NULL;
    xinf_model *model, *fresh;
    xinf_env_options options = XINF_ENV_OPTIONS_INIT;
    options.allocator.fn = dynamic_move;
    CHECK(xinf_env_create(&env, &options, NULL) == XINF_OK);
    model_bytes bytes = dynamic_model();
    xinf_session *s = dynamic_open(env, &bytes, isa, &model);
    if (!s) return;
    uint64_t packs = model->weights.packs, held = model->weights.bytes;
    CHECK(!must_pack || packs >= 2);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        xinf_tensor *x = dynamic_input(env, 4, sizes[i]), *y = dynamic_run(s, x);
        CHECK(model->weights.packs == packs && model->weights.bytes == held);
        CHECK(y && xinf_tensor_rank(y) == 4 && xinf_tensor_shape(y)[0] == sizes[i][0] &&
              xinf_tensor_shape(y)[1] == sizes[i][2] && xinf_tensor_shape(y)[3] == 64);
        xinf_session *alone = dynamic_open(env, &bytes, isa, &fresh);
        xinf_tensor *z = dynamic_run(alone, x);
        CHECK(y && z && xinf_tensor_size(y) == xinf_tensor_size(z) &&
              (xinf_tensor_size(y) == 0 ||
               memcmp(xinf_tensor_data(y), xinf_tensor_data(z), xinf_tensor_size(y)) == 0));
        xinf_tensor_destroy(z);
        xinf_session_destroy(alone);
        xinf_model_destroy(fresh);
        xinf_tensor_destroy(y);
        xinf_tensor_destroy(x);
    }
    /* A second session of the model shares what is packed. */
    xinf_session *t = NULL;
    xinf_session_options same = XINF_SESSION_OPTIONS_INIT;
    same.isa = isa;
    same.threads = 3;
    CHECK(xinf_session_create(&t, model, &same, NULL) == XINF_OK && model->weights.packs == packs);
    xinf_session_destroy(t);
    /* A known signature again takes no memory of a weight's size at all. */
    xinf_tensor *x = dynamic_input(env, 4, sizes[3]);
    xinf_tensor_destroy(dynamic_run(s, x));
    long before = dynamic_large;
    CHECK(before > 0);
    xinf_tensor_destroy(dynamic_run(s, x));
    CHECK(dynamic_large == before);
    xinf_tensor_destroy(x);
    xinf_session_destroy(s);
    xinf_model_destroy(model);
    model_release(&bytes);
    xinf_env_destroy(env);
}

/* Outputs that data sizes, shapes that the graph computes, empty values and rank 0. */
static void test_ranks(void)
{
    xinf_env *env = NULL;
    xinf_model *model;
    model_bytes g = {0}, attributes = {0};
    CHECK(xinf_env_create(&env, NULL, NULL) == XINF_OK);
    model_node(&g, "", "Exp", (const char *[]){"x"}, 1, "a", NULL);
    model_node(&g, "", "Mul", (const char *[]){"a", "x"}, 2, "b", NULL);
    model_node(&g, "", "NonZero", (const char *[]){"b"}, 1, "y", NULL);
    model_input(&g, "x", 2, (const int64_t[]){-1, -1});
    model_output(&g, "y", 2, (const int64_t[]){2, -1});
    model_bytes bytes = model_finish(&g);
    xinf_session *s = dynamic_open(env, &bytes, NULL, &model);
    /* The count of columns follows from data: one run after another may have more, fewer or none.
     */
    for (int64_t n = 0; s && n < 6; n++) {
        xinf_tensor *x = dynamic_input(env, 2, (const int64_t[]){2, 3}), *y;
        float *data = xinf_tensor_data(x);
        for (int64_t i = 0; i < 6; i++) data[i] = i < (n * 5) % 7 ? 1 : 0;
        y = dynamic_run(s, x);
        CHECK(y && xinf_tensor_dtype(y) == XINF_INT64 && xinf_tensor_shape(y)[0] == 2 &&
              xinf_tensor_shape(y)[1] == ((n * 5) % 7));
        const int64_t *at = y ? xinf_tensor_data(y) : NULL;
        for (int64_t i = 0, c = (n * 5) % 7; at && i < c; i++)
            CHECK(at[i] == i / 3 && at[c + i] == i % 3);
        xinf_tensor_destroy(y);
        xinf_tensor_destroy(x);
    }
    xinf_session_destroy(s);
    xinf_model_destroy(model);
    model_release(&bytes);

    model_node(&g, "", "Shape", (const char *[]){"x"}, 1, "s", NULL);
    model_node(&g, "", "ReduceProd", (const char *[]){"s"}, 1, "n", NULL);
    model_attribute_int(&attributes, "allowzero", 1);
    model_node(&g, "", "Reshape", (const char *[]){"x", "n"}, 2, "f", &attributes);
    model_release(&attributes);
    model_node(&g, "", "Add", (const char *[]){"f", "x0"}, 2, "y", NULL);
    model_floats(&g, "x0", 0, NULL, (const float[]){2.5f});
    model_input(&g, "x", 3, (const int64_t[]){-1, -1, -1});
    model_output(&g, "y", 1, (const int64_t[]){-1});
    bytes = model_finish(&g);
    s = dynamic_open(env, &bytes, NULL, &model);
    static const int64_t shapes[][3] = {{2, 3, 4}, {1, 1, 1}, {5, 0, 2}, {3, 1, 7}};
    for (int i = 0; s && i < 4; i++) {
        xinf_tensor *x = dynamic_input(env, 3, shapes[i]), *y = dynamic_run(s, x);
        CHECK(y && xinf_tensor_rank(y) == 1 && xinf_tensor_count(y) == xinf_tensor_count(x));
        for (int64_t k = 0; y && k < xinf_tensor_count(y); k++)
            CHECK(((float *)xinf_tensor_data(y))[k] == ((float *)xinf_tensor_data(x))[k] + 2.5f);
        xinf_tensor_destroy(y);
        xinf_tensor_destroy(x);
    }
    xinf_session_destroy(s);
    xinf_model_destroy(model);
    model_release(&bytes);

    model_node(&g, "", "Relu", (const char *[]){"x"}, 1, "y", NULL);
    model_input(&g, "x", 0, NULL);
    model_output(&g, "y", 0, NULL);
    bytes = model_finish(&g);
    s = dynamic_open(env, &bytes, NULL, &model);
    xinf_tensor *x = dynamic_input(env, 0, NULL), *y = s ? dynamic_run(s, x) : NULL;
    CHECK(y && xinf_tensor_rank(y) == 0 && xinf_tensor_count(y) == 1);
    xinf_tensor_destroy(y);
    xinf_tensor_destroy(x);
    xinf_session_destroy(s);
    xinf_model_destroy(model);
    model_release(&bytes);
    xinf_env_destroy(env);
}

int main(void)
{
    test_nothing_is_packed_again(NULL, false);
    test_nothing_is_packed_again("portable", false);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) test_nothing_is_packed_again("avx2", true);
#endif
    test_ranks();
    printf("%d passed, %d failed\n", dynamic_passed, dynamic_failed);
    return dynamic_failed ? 1 : 0;
}
