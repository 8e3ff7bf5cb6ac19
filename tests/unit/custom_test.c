/* custom_test.c — operators of the application: where they are looked up, what callbacks see, what
 * becomes of their errors. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_bytes.h"
#include "xinf.h"

static int custom_passed, custom_failed;

#define CHECK(condition) custom_check((condition) != 0, #condition, __LINE__)

static void custom_check(int ok, const char *what, int line)
{
    custom_passed += ok;
    custom_failed += !ok;
    if (!ok) printf("custom_test.c:%d: %s\n", line, what);
}

/* What the callbacks of one operator were called with. */
typedef struct custom_log {
    int shapes, computes, releases;
    int unknown; /* shape calls that saw an unknown dimension */
    xinf_status answer;
    const char *sentence;
} custom_log;

/* out = (a + b) repeated `times` along a new first dimension; b may be left out. */
static xinf_status repeat_shape(void *self, const xinf_node *node, const xinf_operand *in,
                                int32_t in_count, xinf_operand *out, int32_t out_count,
                                xinf_error *err)
{
    custom_log *log = self;
    log->shapes++;
    out[0].dtype = in[0].dtype;
    if (in_count > 1 && in[1].present && in[1].dtype && in[1].dtype != in[0].dtype) {
        snprintf(err->message, sizeof err->message, "types differ");
        return XINF_MALFORMED;
    }
    if (in[0].rank < 0) return XINF_OK;
    out[0].rank = in[0].rank + 1;
    out[0].shape[0] = xinf_node_int(node, "times", 1);
    for (int32_t i = 0; i < in[0].rank; i++) {
        out[0].shape[i + 1] = in[0].shape[i];
        log->unknown += in[0].shape[i] < 0;
    }
    return XINF_OK;
}

static xinf_status repeat_compute(void *self, const xinf_node *node, const xinf_operand *in,
                                  int32_t in_count, const xinf_operand *out, int32_t out_count,
                                  xinf_error *err)
{
    custom_log *log = self;
    log->computes++;
    if (log->answer) {
        if (log->sentence) snprintf(err->message, sizeof err->message, "%s", log->sentence);
        return log->answer;
    }
    const float *a = in[0].data, *b = in_count > 1 && in[1].present ? in[1].data : NULL;
    float *y = out[0].data;
    for (int64_t i = 0; i < out[0].count; i++)
        y[i] = a[i % in[0].count] + (b ? b[i % in[0].count] : 0);
    return XINF_OK;
}

static void repeat_release(void *self)
{
    ((custom_log *)self)->releases++;
}

static xinf_operator repeat_operator(custom_log *log)
{
    xinf_operator op = XINF_OPERATOR_INIT;
    op.domain = "test.own";
    op.name = "Repeat";
    op.min_inputs = op.min_outputs = op.max_outputs = 1;
    op.max_inputs = 2;
    op.self = log;
    op.shape = repeat_shape;
    op.compute = repeat_compute;
    op.release = repeat_release;
    return op;
}

/* Relu(Repeat(Neg(x), x, times = 3)), or without the second input. */
static model_bytes repeat_model(int inputs)
{
    model_bytes g = {0}, attributes = {0};
    model_attribute_int(&attributes, "times", 3);
    model_attribute_text(&attributes, "note", "an attribute that nobody declared");
    model_node(&g, "", "Neg", (const char *[]){"x"}, 1, "a", NULL);
    model_node(&g, "test.own", "Repeat", (const char *[]){"a", inputs > 1 ? "x" : ""}, 2, "b",
               &attributes);
    model_node(&g, "", "Relu", (const char *[]){"b"}, 1, "y", NULL);
    model_input(&g, "x", 2, (const int64_t[]){-1, 4});
    model_output(&g, "y", 3, (const int64_t[]){3, -1, 4});
    model_release(&attributes);
    return model_finish(&g);
}

static void test_refusals(void)
{
    custom_log log = {0};
    xinf_env *env = NULL;
    xinf_error err = XINF_ERROR_INIT;
    CHECK(xinf_env_create(&env, NULL, &err) == XINF_OK);
    xinf_operator good = repeat_operator(&log), op;
    static const char *const taken[] = {"", "ai.onnx", "ai.onnx.ml", "xinf"};
    for (int i = 0; i < 4; i++) {
        op = good;
        op.domain = taken[i];
        CHECK(xinf_env_add_operator(env, &op, &err) == XINF_INVALID_ARGUMENT &&
              strstr(err.message, "is the library's"));
    }
#define REFUSED(field, value)                                                  \
    do {                                                                       \
        op = good;                                                             \
        op.field = (value);                                                    \
        CHECK(xinf_env_add_operator(env, &op, NULL) == XINF_INVALID_ARGUMENT); \
    } while (0)
    REFUSED(struct_size, 8);
    REFUSED(domain, NULL);
    REFUSED(name, NULL);
    REFUSED(name, "");
    REFUSED(shape, NULL);
    REFUSED(compute, NULL);
    REFUSED(min_inputs, -1);
    REFUSED(min_inputs, 3);
    REFUSED(max_inputs, XINF_MAX_OPERANDS + 1);
    REFUSED(min_outputs, 0);
    REFUSED(max_outputs, 0);
#undef REFUSED
    CHECK(xinf_env_add_operator(NULL, &good, NULL) == XINF_INVALID_ARGUMENT &&
          xinf_env_add_operator(env, NULL, NULL) == XINF_INVALID_ARGUMENT);
    CHECK(xinf_env_add_operator(env, &good, &err) == XINF_OK);
    CHECK(xinf_env_add_operator(env, &good, &err) == XINF_INVALID_ARGUMENT &&
          strstr(err.message, "already"));
    CHECK(log.releases == 0);
    xinf_env_destroy(env);
    CHECK(log.releases == 1);
}

static xinf_session *open_session(xinf_env *env, const model_bytes *bytes, xinf_error *err)
{
    xinf_loader *loader = NULL;
    xinf_model *model = NULL;
    xinf_session *session = NULL;
    if (xinf_loader_create(&loader, env, NULL, err) == XINF_OK &&
        xinf_loader_load_memory(&model, loader, bytes->data, bytes->size, NULL, err) == XINF_OK)
        xinf_session_create(&session, model, NULL, err);
    xinf_model_destroy(model);
    xinf_loader_destroy(loader);
    return session;
}

static void run_once(xinf_env *env, xinf_session *s, int64_t rows, float factor)
{
    xinf_tensor *x = NULL, *y = NULL;
    xinf_error err = XINF_ERROR_INIT;
    CHECK(xinf_tensor_create(&x, env, XINF_FLOAT32, (const int64_t[]){rows, 4}, 2, &err) ==
          XINF_OK);
    for (int64_t i = 0; i < rows * 4; i++) ((float *)xinf_tensor_data(x))[i] = (float)(i % 7) - 3;
    CHECK(xinf_session_run(s, &x, 1, &y, 1, NULL, &err) == XINF_OK);
    CHECK(y && xinf_tensor_rank(y) == 3 && xinf_tensor_shape(y)[0] == 3 &&
          xinf_tensor_shape(y)[1] == rows);
    for (int64_t i = 0; y && i < xinf_tensor_count(y); i++) {
        float want = factor * ((float)(i % (rows * 4) % 7) - 3);
        CHECK(((float *)xinf_tensor_data(y))[i] == (want > 0 ? want : 0));
    }
    xinf_tensor_destroy(y);
    xinf_tensor_destroy(x);
}

static void test_run(void)
{
    custom_log log = {0};
    xinf_env *env = NULL;
    xinf_error err = XINF_ERROR_INIT;
    model_bytes one = repeat_model(1), two = repeat_model(2);
    CHECK(xinf_env_create(&env, NULL, &err) == XINF_OK);
    CHECK(!open_session(env, &one, &err) && err.status == XINF_UNSUPPORTED &&
          strstr(err.message, "test.own.Repeat is not supported"));
    xinf_operator op = repeat_operator(&log);
    CHECK(xinf_env_add_operator(env, &op, &err) == XINF_OK);
    xinf_session *s = open_session(env, &one, &err), *t = open_session(env, &two, &err);
    CHECK(s && t);
    CHECK(log.unknown > 0 && log.computes == 0);
    for (int64_t rows = 0; rows < 4; rows++) run_once(env, s, rows, -1);
    CHECK(log.computes >= 3);
    run_once(env, t, 5, 0);

    /* An error of the callback: its status, its sentence, the node's name. */
    xinf_tensor *x = NULL, *y = NULL;
    CHECK(xinf_tensor_create(&x, env, XINF_FLOAT32, (const int64_t[]){2, 4}, 2, &err) == XINF_OK);
    log.answer = XINF_RUN_ERROR;
    log.sentence = "it is Sunday";
    CHECK(xinf_session_run(s, &x, 1, &y, 1, NULL, &err) == XINF_RUN_ERROR &&
          !strcmp(err.message, "node b (Repeat): it is Sunday"));
    log.answer = 4711;
    log.sentence = NULL;
    CHECK(xinf_session_run(s, &x, 1, &y, 1, NULL, &err) == XINF_RUN_ERROR &&
          strstr(err.message, "node b (Repeat): XINF_RUN_ERROR"));
    log.answer = XINF_OK;
    run_once(env, s, 2, -1);

    /* The operator lives as long as a session that uses it. */
    xinf_tensor_destroy(x);
    xinf_session_destroy(t);
    xinf_env *other = NULL;
    CHECK(xinf_env_create(&other, NULL, &err) == XINF_OK);
    xinf_env_destroy(env);
    CHECK(log.releases == 0);
    run_once(other, s, 3, -1);
    xinf_session_destroy(s);
    CHECK(log.releases == 1);
    xinf_env_destroy(other);
    model_release(&one);
    model_release(&two);
}

/* Too many inputs for the declared arity, and a refusal of the shape callback, are told when the
 * model is loaded. */
static void test_shape_errors(void)
{
    custom_log log = {0};
    xinf_env *env = NULL;
    xinf_error err = XINF_ERROR_INIT;
    model_bytes g = {0};
    xinf_operator op = repeat_operator(&log);
    CHECK(xinf_env_create(&env, NULL, &err) == XINF_OK &&
          xinf_env_add_operator(env, &op, &err) == XINF_OK);
    model_node(&g, "test.own", "Repeat", (const char *[]){"x", "x", "x"}, 3, "y", NULL);
    model_input(&g, "x", 1, (const int64_t[]){4});
    model_output(&g, "y", 2, (const int64_t[]){1, 4});
    model_bytes m = model_finish(&g);
    CHECK(!open_session(env, &m, &err) && err.status == XINF_MALFORMED &&
          strstr(err.message, "3 inputs, 1 to 2 are allowed"));
    model_release(&m);
    model_node(&g, "", "Not", (const char *[]){"c"}, 1, "n", NULL);
    model_node(&g, "", "Less", (const char *[]){"x", "x"}, 2, "c", NULL);
    model_node(&g, "test.own", "Repeat", (const char *[]){"x", "n"}, 2, "y", NULL);
    model_input(&g, "x", 1, (const int64_t[]){4});
    model_output(&g, "y", 2, (const int64_t[]){1, 4});
    m = model_finish(&g);
    CHECK(!open_session(env, &m, &err) && err.status == XINF_MALFORMED &&
          strstr(err.message, "node y (Repeat): types differ"));
    model_release(&m);
    xinf_env_destroy(env);
}

int main(void)
{
    test_refusals();
    test_run();
    test_shape_errors();
    printf("%d passed, %d failed\n", custom_passed, custom_failed);
    return custom_failed ? 1 : 0;
}
