/* idle_test.c — a session that is not running takes no CPU: its workers sleep. Counted in CPU time
 * of the process, which a machine under load does not stretch. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "xinf.h"

enum { IDLE_RUNS = 20, IDLE_MS = 500, IDLE_MOST_US = 100000 };

static int64_t idle_cpu_us(void)
{
    struct rusage r;
    if (getrusage(RUSAGE_SELF, &r) != 0) return -1;
    return ((int64_t)r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 + r.ru_utime.tv_usec +
           r.ru_stime.tv_usec;
}

/* argv[1]: a model of one input; open dimensions are taken as 64, so that there is work to share.
 */
int main(int argc, char **argv)
{
    xinf_env *env = NULL;
    xinf_loader *loader = NULL;
    xinf_model *model = NULL;
    xinf_session *session = NULL;
    xinf_tensor *in = NULL, *out = NULL;
    xinf_error err = XINF_ERROR_INIT;
    xinf_session_options options = XINF_SESSION_OPTIONS_INIT;
    xinf_value_info info = XINF_VALUE_INFO_INIT;
    struct timespec pause = {.tv_nsec = IDLE_MS * 1000000L};
    int64_t shape[8] = {0};
    int failed = 1;
    options.threads = 4;
    if (argc < 2 || xinf_env_create(&env, NULL, &err) != XINF_OK ||
        xinf_loader_create(&loader, env, NULL, &err) != XINF_OK ||
        xinf_loader_load(&model, loader, argv[1], NULL, &err) != XINF_OK ||
        xinf_model_input(model, 0, &info, &err) != XINF_OK ||
        xinf_session_create(&session, model, &options, &err) != XINF_OK || info.rank < 0 ||
        info.rank > 8)
        goto cleanup;
    for (int32_t i = 0; i < info.rank; i++) shape[i] = info.shape[i] < 0 ? 64 : info.shape[i];
    if (xinf_tensor_create(&in, env, info.dtype, shape, info.rank, &err) != XINF_OK) goto cleanup;
    for (int i = 0; i < IDLE_RUNS; i++) {
        out = NULL;
        if (xinf_session_run(session, &in, 1, &out, 1, NULL, &err) != XINF_OK) goto cleanup;
        xinf_tensor_destroy(out);
    }
    int64_t before = idle_cpu_us();
    nanosleep(&pause, NULL);
    int64_t spent = idle_cpu_us() - before;
    failed = before < 0 || spent > IDLE_MOST_US;
    printf("%s after the runs: %lld us of CPU in %d ms\n", failed ? "busy" : "idle",
           (long long)spent, IDLE_MS);
cleanup:
    if (failed) printf("%s\n", err.message);
    xinf_tensor_destroy(in);
    xinf_session_destroy(session);
    xinf_model_destroy(model);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
    printf("%d passed, %d failed, 0 skipped\n", !failed, failed);
    return failed;
}
