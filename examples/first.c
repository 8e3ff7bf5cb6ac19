/* first.c — the program of the tour in xinf.h: opens a model and prints the first number of its
 * first output. */
#include <stdio.h>
#include <xinf.h>

int main(int argc, char **argv)
{
    xinf_env *env = NULL;
    xinf_loader *loader = NULL;
    xinf_model *model = NULL;
    xinf_session *session = NULL;
    xinf_tensor *input = NULL, *output = NULL;
    xinf_error err = XINF_ERROR_INIT;
    const int64_t shape[4] = {1, 1, 8, 8};
    int failed = argc != 2 || xinf_env_create(&env, NULL, &err) ||
                 xinf_loader_create(&loader, env, NULL, &err) ||
                 xinf_loader_load(&model, loader, argv[1], NULL, &err) ||
                 xinf_session_create(&session, model, NULL, &err) ||
                 xinf_tensor_create(&input, env, XINF_FLOAT32, shape, 4, &err) ||
                 xinf_session_run(session, &input, 1, &output, 1, NULL, &err);
    if (failed)
        fprintf(stderr, "%s\n", err.message);
    else
        printf("%f\n", ((const float *)xinf_tensor_data(output))[0]);
    xinf_tensor_destroy(output);
    xinf_tensor_destroy(input);
    xinf_session_destroy(session);
    xinf_model_destroy(model);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
    return failed;
}
