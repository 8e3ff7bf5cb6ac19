/* custom_operator.c — a model that uses an operator of this program: "example.Swirl" turns pairs of
 * numbers by an angle.
 *
 *     custom_operator            builds the model in memory, runs it, prints what comes out; exits
 * 0 when it is right */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xinf.h>

/* One input, one output of the same type and shape. */
static xinf_status swirl_shape(void *self, const xinf_node *node, const xinf_operand *inputs,
                               int32_t input_count, xinf_operand *outputs, int32_t output_count,
                               xinf_error *err)
{
    (void)self, (void)node, (void)input_count, (void)output_count;
    const xinf_operand *x = &inputs[0];
    if (x->dtype != XINF_UNDEFINED && x->dtype != XINF_FLOAT32) {
        snprintf(err->message, sizeof err->message, "only float32 turns, not %s",
                 xinf_dtype_name(x->dtype));
        return XINF_UNSUPPORTED;
    }
    if (x->rank == 0 || (x->rank > 0 && x->shape[x->rank - 1] >= 0 && x->shape[x->rank - 1] != 2)) {
        snprintf(err->message, sizeof err->message, "the last dimension is not 2");
        return XINF_MALFORMED;
    }
    outputs[0].dtype = XINF_FLOAT32;
    outputs[0].rank = x->rank;
    if (x->rank > 0) memcpy(outputs[0].shape, x->shape, (size_t)x->rank * sizeof *x->shape);
    return XINF_OK;
}

static xinf_status swirl_compute(void *self, const xinf_node *node, const xinf_operand *inputs,
                                 int32_t input_count, const xinf_operand *outputs,
                                 int32_t output_count, xinf_error *err)
{
    (void)self, (void)input_count, (void)output_count, (void)err;
    float angle = xinf_node_float(node, "angle", 0), c = cosf(angle), s = sinf(angle);
    const float *x = inputs[0].data;
    float *y = outputs[0].data;
    for (int64_t i = 0; i < inputs[0].count; i += 2) {
        float a = x[i], b = x[i + 1];
        y[i] = c * a - s * b;
        y[i + 1] = s * a + c * b;
    }
    return XINF_OK;
}

/* The bytes of an ONNX model: y = example.Swirl(x, angle = π/2), x of shape [pairs, 2]. */
static const unsigned char model_bytes[] = {
    8,   9,   58, 96, 10,  39,  10,  1,   120, 18,  1,   121, 34,  5,   83,  119, 105,
    114, 108, 42, 15, 10,  5,   97,  110, 103, 108, 101, 21,  219, 15,  201, 63,  160,
    1,   1,   58, 7,  101, 120, 97,  109, 112, 108, 101, 18,  1,   103, 90,  24,  10,
    1,   120, 18, 19, 10,  17,  8,   1,   18,  13,  10,  7,   18,  5,   112, 97,  105,
    114, 115, 10, 2,  8,   2,   98,  24,  10,  1,   121, 18,  19,  10,  17,  8,   1,
    18,  13,  10, 7,  18,  5,   112, 97,  105, 114, 115, 10,  2,   8,   2,   66,  4,
    10,  0,   16, 20, 66,  11,  10,  7,   101, 120, 97,  109, 112, 108, 101, 16,  1,
};

int main(void)
{
    xinf_env *env = NULL;
    xinf_loader *loader = NULL;
    xinf_model *model = NULL;
    xinf_session *session = NULL;
    xinf_tensor *input = NULL, *output = NULL;
    xinf_error err = XINF_ERROR_INIT;
    float points[3][2] = {{1, 0}, {0, 1}, {3, 4}};
    const float wanted[3][2] = {{0, 1}, {-1, 0}, {-4, 3}};
    const int64_t shape[2] = {3, 2};
    xinf_operator swirl = XINF_OPERATOR_INIT;
    swirl.domain = "example";
    swirl.name = "Swirl";
    swirl.min_inputs = swirl.max_inputs = swirl.min_outputs = swirl.max_outputs = 1;
    swirl.shape = swirl_shape;
    swirl.compute = swirl_compute;
    int failed = xinf_env_create(&env, NULL, &err) || xinf_env_add_operator(env, &swirl, &err) ||
                 xinf_loader_create(&loader, env, NULL, &err) ||
                 xinf_loader_load_memory(&model, loader, model_bytes, sizeof model_bytes, NULL,
                                         &err) ||
                 xinf_session_create(&session, model, NULL, &err) ||
                 xinf_tensor_wrap(&input, env, XINF_FLOAT32, shape, 2, points, sizeof points, NULL,
                                  NULL, &err) ||
                 xinf_session_run(session, &input, 1, &output, 1, NULL, &err);
    if (failed) fprintf(stderr, "%s\n", err.message);
    for (int i = 0; i < 3 && !failed; i++) {
        const float *y = (const float *)xinf_tensor_data(output) + 2 * i;
        printf("(%g, %g) -> (%.3f, %.3f)\n", (double)points[i][0], (double)points[i][1],
               (double)y[0], (double)y[1]);
        failed |= fabsf(y[0] - wanted[i][0]) > 1e-5f || fabsf(y[1] - wanted[i][1]) > 1e-5f;
    }
    xinf_tensor_destroy(output);
    xinf_tensor_destroy(input);
    xinf_session_destroy(session);
    xinf_model_destroy(model);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
    return failed;
}
