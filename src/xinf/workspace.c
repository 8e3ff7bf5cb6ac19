/* workspace.c — opening, closing, and sentences. */
#include "workspace.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifndef _WIN32
#include <sys/resource.h>
#endif

double workspace_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

double workspace_peak_mib(void)
{
#ifdef _WIN32
    return 0;
#else
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#ifdef __APPLE__
    return (double)usage.ru_maxrss / 1048576;
#else
    return (double)usage.ru_maxrss / 1024;
#endif
#endif
}

void workspace_progress(const char *format, ...)
{
    if (!isatty(STDERR_FILENO)) return;
    fputs("\r\033[K", stderr);
    if (format) {
        va_list args;
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
    }
    fflush(stderr);
}

/* Many sentences of the library begin with the file already. */
static void workspace_say(const workspace *w, const char *sentence)
{
    const char *file = w->options->model;
    workspace_progress(NULL);
    if (!file || strncmp(sentence, file, strlen(file)) == 0)
        fprintf(stderr, "xinf: %s\n", sentence);
    else
        fprintf(stderr, "xinf: %s: %s\n", file, sentence);
}

int workspace_failed(const workspace *w)
{
    workspace_say(w, w->err.message[0] ? w->err.message : xinf_status_name(w->err.status));
    return EXIT_WORK;
}

int workspace_refuse(const workspace *w, const char *format, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    workspace_say(w, sentence);
    return EXIT_WORK;
}

int workspace_open(workspace *w, const options *o)
{
    *w = (workspace){.options = o, .err = XINF_ERROR_INIT};
    xinf_env_options env = XINF_ENV_OPTIONS_INIT;
    env.weight_cache = o->weight_cache;
    xinf_status status = xinf_env_create(&w->env, &env, &w->err);
    if (status == XINF_OK) status = xinf_loader_create(&w->loader, w->env, NULL, &w->err);
    return status == XINF_OK ? EXIT_DONE : workspace_failed(w);
}

int workspace_load(workspace *w)
{
    double start = workspace_now();
    workspace_progress("loading %s", w->options->model);
    xinf_status status = xinf_loader_load(&w->model, w->loader, w->options->model, NULL, &w->err);
    w->load_ms += workspace_now() - start;
    workspace_progress(NULL);
    return status == XINF_OK ? EXIT_DONE : workspace_failed(w);
}

int workspace_start(workspace *w)
{
    double start = workspace_now();
    workspace_progress("preparing %s", w->options->model);
    xinf_status status = xinf_session_create(&w->session, w->model, &w->options->session, &w->err);
    w->load_ms += workspace_now() - start;
    workspace_progress(NULL);
    return status == XINF_OK ? EXIT_DONE : workspace_failed(w);
}

void workspace_close(workspace *w)
{
    xinf_session_destroy(w->session);
    xinf_model_destroy(w->model);
    xinf_loader_destroy(w->loader);
    xinf_env_destroy(w->env);
    *w = (workspace){0};
}

int32_t workspace_threads(const workspace *w)
{
    xinf_device_info cpu = XINF_DEVICE_INFO_INIT;
    if (w->options->session.threads) return w->options->session.threads;
    return xinf_env_device(w->env, 0, &cpu, NULL) == XINF_OK ? cpu.units : 1;
}
