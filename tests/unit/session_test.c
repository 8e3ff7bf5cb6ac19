/* session_test.c — what sessions promise, on the tiny models of tests/models/small (first argument:
 * that folder). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "xinf.h"

static int session_passed, session_failed;
static const char *session_folder;
static xinf_env *session_env;
static xinf_loader *session_loader;

#define CHECK(condition) session_check((condition) != 0, #condition, __LINE__)

static void session_check(int ok, const char *what, int line)
{
    if (ok) {
        session_passed++;
        return;
    }
    session_failed++;
    printf("session_test.c:%d: %s\n", line, what);
}

static xinf_model *session_load(const char *name)
{
    char path[512];
    xinf_model *model = NULL;
    xinf_error err = XINF_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s.onnx", session_folder, name);
    CHECK(xinf_loader_load(&model, session_loader, path, NULL, &err) == XINF_OK);
    if (!model) printf("  %s\n", err.message);
    return model;
}

static xinf_session *session_open(const char *name, const xinf_session_options *options)
{
    xinf_model *model = session_load(name);
    xinf_session *session = NULL;
    xinf_error err = XINF_ERROR_INIT;
    CHECK(xinf_session_create(&session, model, options, &err) == XINF_OK);
    if (!session) printf("  %s: %s\n", name, err.message);
    xinf_model_destroy(model); /* the session keeps it alive */
    return session;
}

static xinf_tensor *session_floats(int32_t rank, const int64_t *shape, float first)
{
    xinf_tensor *t = NULL;
    CHECK(xinf_tensor_create(&t, session_env, XINF_FLOAT32, shape, rank, NULL) == XINF_OK);
    for (int64_t i = 0; i < xinf_tensor_count(t); i++)
        ((float *)xinf_tensor_data(t))[i] = first + (float)i;
    return t;
}

static void test_shapes_change(void)
{
    xinf_session *s = session_open("add", NULL);
    for (int64_t n = 0; n < 6; n++) {
        xinf_tensor *in[2] = {session_floats(2, (int64_t[]){n, 3}, -4),
                              session_floats(2, (int64_t[]){n, 3}, 0)},
                    *out = NULL;
        xinf_error err = XINF_ERROR_INIT;
        CHECK(xinf_session_run(s, in, 2, &out, 1, NULL, &err) == XINF_OK);
        CHECK(xinf_tensor_shape(out)[0] == n && xinf_tensor_count(out) == 3 * n);
        for (int64_t i = 0; i < 3 * n; i++) {
            float want = -4 + 2 * (float)i;
            CHECK(((float *)xinf_tensor_data(out))[i] == (want > 0 ? want : 0));
        }
        xinf_tensor_destroy(in[0]);
        xinf_tensor_destroy(in[1]);
        xinf_tensor_destroy(out);
    }
    xinf_session_destroy(s);
}

static void test_wrong_inputs(void)
{
    xinf_session *s = session_open("add", NULL);
    xinf_error err = XINF_ERROR_INIT;
    xinf_tensor *a = session_floats(2, (int64_t[]){2, 3}, 0),
                *b = session_floats(2, (int64_t[]){2, 4}, 0),
                *c = session_floats(2, (int64_t[]){5, 3}, 0);
    xinf_tensor *d = NULL, *out = NULL;
    CHECK(xinf_tensor_create(&d, session_env, XINF_INT64, (int64_t[]){2, 3}, 2, &err) == XINF_OK);
    CHECK(xinf_session_run(s, (xinf_tensor *[]){a, b}, 2, &out, 1, NULL, &err) == XINF_MISMATCH);
    CHECK(strstr(err.message, "\"y\"") && strstr(err.message, "[2,4]") &&
          strstr(err.message, "float32"));
    CHECK(xinf_session_run(s, (xinf_tensor *[]){a, d}, 2, &out, 1, NULL, &err) == XINF_MISMATCH);
    CHECK(strstr(err.message, "int64"));
    CHECK(xinf_session_run(s, (xinf_tensor *[]){a, c}, 2, &out, 1, NULL, &err) == XINF_MISMATCH);
    CHECK(strstr(err.message, "\"n\""));
    CHECK(xinf_session_run(s, (xinf_tensor *[]){a, NULL}, 2, &out, 1, NULL, &err) == XINF_MISMATCH);
    CHECK(strstr(err.message, "missing"));
    CHECK(xinf_session_run(s, &a, 1, &out, 1, NULL, &err) == XINF_INVALID_ARGUMENT);
    CHECK(out == NULL);
    xinf_tensor *bad = session_floats(1, (int64_t[]){6}, 0);
    CHECK(xinf_session_run(s, (xinf_tensor *[]){a, a}, 2, &bad, 1, NULL, &err) == XINF_MISMATCH);
    xinf_tensor_destroy(bad);
    xinf_tensor_destroy(a);
    xinf_tensor_destroy(b);
    xinf_tensor_destroy(c);
    xinf_tensor_destroy(d);
    xinf_session_destroy(s);
}

/* The caller's output is written in place, also when it is the input's own tensor. */
static void test_caller_outputs(void)
{
    xinf_session *s = session_open("add", NULL);
    xinf_tensor *a = session_floats(2, (int64_t[]){2, 3}, 1),
                *b = session_floats(2, (int64_t[]){2, 3}, 1),
                *mine = session_floats(2, (int64_t[]){2, 3}, 9);
    xinf_tensor *out = mine;
    CHECK(xinf_session_run(s, (xinf_tensor *[]){a, b}, 2, &out, 1, NULL, NULL) == XINF_OK);
    CHECK(out == mine && ((float *)xinf_tensor_data(mine))[5] == 12);
    out = a;
    CHECK(xinf_session_run(s, (xinf_tensor *[]){a, b}, 2, &out, 1, NULL, NULL) == XINF_OK);
    CHECK(((float *)xinf_tensor_data(a))[5] == 12);
    xinf_tensor_destroy(a);
    xinf_tensor_destroy(b);
    xinf_tensor_destroy(mine);
    xinf_session_destroy(s);
}

/* A hold on an output keeps its contents through later runs and past the session. */
static void test_outputs_live_on(void)
{
    xinf_session *s = session_open("sequence", NULL);
    xinf_tensor *in = session_floats(2, (int64_t[]){2, 3}, 1), *first[2] = {0}, *second[2] = {0};
    CHECK(xinf_session_run(s, &in, 1, first, 2, NULL, NULL) == XINF_OK);
    CHECK(xinf_session_run(s, &in, 1, second, 2, NULL, NULL) == XINF_OK);
    xinf_session_destroy(s);
    CHECK(xinf_tensor_kind(first[0]) == XINF_KIND_SEQUENCE && xinf_tensor_count(first[0]) == 2);
    CHECK(((float *)xinf_tensor_data(xinf_tensor_item(first[0], 1)))[2] == 6);
    CHECK(*(int64_t *)xinf_tensor_data(second[1]) == 2);
    for (int i = 0; i < 2; i++) {
        xinf_tensor_destroy(first[i]);
        xinf_tensor_destroy(second[i]);
    }
    xinf_tensor_destroy(in);
}

static void test_branch(void)
{
    xinf_session *s = session_open("branch", NULL);
    xinf_tensor *x = session_floats(2, (int64_t[]){1, 3}, -2), *c = NULL;
    CHECK(xinf_tensor_create(&c, session_env, XINF_BOOL, NULL, 0, NULL) == XINF_OK);
    for (int turn = 0; turn < 4; turn++) {
        xinf_tensor *out = NULL;
        *(uint8_t *)xinf_tensor_data(c) = turn & 1;
        CHECK(xinf_session_run(s, (xinf_tensor *[]){x, c}, 2, &out, 1, NULL, NULL) == XINF_OK);
        CHECK(((float *)xinf_tensor_data(out))[0] == 4 && ((float *)xinf_tensor_data(out))[1] == 2);
        xinf_tensor_destroy(out);
    }
    xinf_tensor_destroy(x);
    xinf_tensor_destroy(c);
    xinf_session_destroy(s);
}

static void test_loop(void)
{
    xinf_session *s = session_open("loop", NULL);
    xinf_tensor *start = session_floats(1, (int64_t[]){1}, 1), *turns = NULL;
    CHECK(xinf_tensor_create(&turns, session_env, XINF_INT64, NULL, 0, NULL) == XINF_OK);
    for (int64_t n = 1; n < 5; n++) {
        xinf_tensor *out[2] = {0};
        *(int64_t *)xinf_tensor_data(turns) = n;
        CHECK(xinf_session_run(s, (xinf_tensor *[]){turns, start}, 2, out, 2, NULL, NULL) ==
              XINF_OK);
        CHECK(((float *)xinf_tensor_data(out[0]))[0] == 1 + 0.5f * (float)n);
        CHECK(xinf_tensor_shape(out[1])[0] == n && ((float *)xinf_tensor_data(out[1]))[0] == 1.5f);
        xinf_tensor_destroy(out[0]);
        xinf_tensor_destroy(out[1]);
    }
    xinf_tensor_destroy(start);
    xinf_tensor_destroy(turns);
    xinf_session_destroy(s);
}

static void test_endless(void)
{
    xinf_session_options o = XINF_SESSION_OPTIONS_INIT;
    xinf_run_options r = XINF_RUN_OPTIONS_INIT;
    xinf_error err = XINF_ERROR_INIT;
    xinf_tensor *start = session_floats(1, (int64_t[]){1}, 1), *out = NULL;
    o.max_steps = 1000;
    xinf_session *s = session_open("endless", &o);
    CHECK(xinf_session_run(s, &start, 1, &out, 1, NULL, &err) == XINF_LIMIT);
    xinf_session_destroy(s);
    s = session_open("endless", NULL);
    r.deadline_us = 20000;
    CHECK(xinf_session_run(s, &start, 1, &out, 1, &r, &err) == XINF_DEADLINE);
    CHECK(xinf_cancel_create(&r.cancel, session_env, &err) == XINF_OK);
    r.deadline_us = 0;
    xinf_cancel_trigger(r.cancel);
    CHECK(xinf_session_run(s, &start, 1, &out, 1, &r, &err) == XINF_CANCELLED);
    CHECK(out == NULL);
    xinf_cancel_destroy(r.cancel);
    xinf_tensor_destroy(start);
    xinf_session_destroy(s);
}

static void test_data_shapes(void)
{
    xinf_session *s = session_open("nonzero", NULL);
    xinf_tensor *x = session_floats(2, (int64_t[]){2, 3}, -1), *out[2] = {0};
    CHECK(xinf_session_run(s, &x, 1, out, 2, NULL, NULL) == XINF_OK);
    CHECK(xinf_tensor_shape(out[0])[1] == 5 && ((int64_t *)xinf_tensor_data(out[1]))[1] == 5);
    for (int i = 0; i < 2; i++) xinf_tensor_destroy(out[i]);
    xinf_tensor_destroy(x);
    xinf_session_destroy(s);
}

static void test_text(void)
{
    xinf_session *s = session_open("text", NULL);
    xinf_tensor *in[2] = {0}, *out = NULL;
    size_t size;
    for (int i = 0; i < 2; i++) {
        CHECK(xinf_tensor_create(&in[i], session_env, XINF_STRING, (int64_t[]){2}, 1, NULL) ==
              XINF_OK);
        CHECK(xinf_tensor_set_string(in[i], 0, i ? "def" : "abc", 3, NULL) == XINF_OK);
    }
    CHECK(xinf_session_run(s, in, 2, &out, 1, NULL, NULL) == XINF_OK);
    const char *text = xinf_tensor_string(out, 0, &size);
    CHECK(size == 6 && memcmp(text, "abcdef", 6) == 0);
    xinf_tensor_string(out, 1, &size);
    CHECK(size == 0);
    for (int i = 0; i < 2; i++) xinf_tensor_destroy(in[i]);
    xinf_tensor_destroy(out);
    xinf_session_destroy(s);
}

/* Results do not depend on the number of threads, nor on which shapes came first. */
static void test_threads(void)
{
    xinf_tensor *x = session_floats(4, (int64_t[]){3, 3, 8, 8}, -300), *outs[4] = {0};
    for (int32_t i = 0; i < 4; i++) {
        xinf_session_options o = XINF_SESSION_OPTIONS_INIT;
        o.threads = 1 << i;
        xinf_session *s = session_open("conv", &o);
        if (i == 2) {
            xinf_tensor *one = session_floats(4, (int64_t[]){1, 3, 8, 8}, 5), *small = NULL;
            CHECK(xinf_session_run(s, &one, 1, &small, 1, NULL, NULL) == XINF_OK);
            xinf_tensor_destroy(one);
            xinf_tensor_destroy(small);
        }
        CHECK(xinf_session_run(s, &x, 1, &outs[i], 1, NULL, NULL) == XINF_OK);
        CHECK(xinf_tensor_size(outs[i]) == 48 &&
              memcmp(xinf_tensor_data(outs[i]), xinf_tensor_data(outs[0]), 48) == 0);
        xinf_session_destroy(s);
    }
    for (int i = 0; i < 4; i++) xinf_tensor_destroy(outs[i]);
    xinf_tensor_destroy(x);
}

static void test_unknown_operator(void)
{
    xinf_model *model = session_load("unknown");
    xinf_session *s = NULL;
    xinf_error err = XINF_ERROR_INIT;
    CHECK(xinf_session_create(&s, model, NULL, &err) == XINF_UNSUPPORTED);
    CHECK(strstr(err.message, "NoSuchOperator") && strstr(err.message, "odd") && s == NULL);
    xinf_model_destroy(model);
}

int main(int argc, char **argv)
{
    xinf_error err = XINF_ERROR_INIT;
    if (argc != 2) return 2;
    session_folder = argv[1];
    CHECK(xinf_env_create(&session_env, NULL, &err) == XINF_OK);
    CHECK(xinf_loader_create(&session_loader, session_env, NULL, &err) == XINF_OK);
    test_shapes_change();
    test_wrong_inputs();
    test_caller_outputs();
    test_outputs_live_on();
    test_branch();
    test_loop();
    test_endless();
    test_data_shapes();
    test_text();
    test_threads();
    test_unknown_operator();
    xinf_loader_destroy(session_loader);
    xinf_env_destroy(session_env);
    printf("%d passed, %d failed\n", session_passed, session_failed);
    return session_failed != 0;
}
