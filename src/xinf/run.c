/* run.c — one run. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "inputs.h"
#include "profile.h"
#include "results.h"

static int run_tell(workspace *w, xinf_tensor **outputs, int32_t count, double run_ms)
{
    const options *o = w->options;
    int code = o->output_dir ? results_write(w, outputs, count) : EXIT_DONE;
    if (code != EXIT_DONE) return code;
    if (!o->json) {
        results_print(w, outputs, count);
        return EXIT_DONE;
    }
    json j = {.to = stdout};
    json_open(&j, NULL, '{');
    json_number(&j, "load_ms", w->load_ms);
    json_number(&j, "run_ms", run_ms);
    results_json(&j, w, outputs, count);
    json_close(&j, '}');
    return EXIT_DONE;
}

static int run_once(workspace *w, const inputs *in)
{
    int32_t count = xinf_model_output_count(w->model);
    xinf_run_options how = XINF_RUN_OPTIONS_INIT;
    profile steps = {0};
    xinf_tensor **outputs = calloc((size_t)count + 1, sizeof(xinf_tensor *));
    if (!outputs) return workspace_refuse(w, "out of memory");
    how.deadline_us = w->options->deadline_us;
    if (w->options->profile) {
        how.profile = profile_add;
        how.profile_self = &steps;
    }
    workspace_progress("running %s", w->options->model);
    double start = workspace_now();
    xinf_status status = xinf_session_run(w->session, in->values, in->count, outputs, count, &how,
                                          &w->err);
    double run_ms = workspace_now() - start;
    workspace_progress(NULL);
    int code = status == XINF_OK ? run_tell(w, outputs, count, run_ms) : workspace_failed(w);
    if (code == EXIT_DONE && w->options->profile && profile_write(&steps, w->options->profile) != 0)
        code = workspace_refuse(w, "%s: cannot be written", w->options->profile);
    if (code == EXIT_DONE && steps.full)
        code = workspace_refuse(w, "%s: memory ran out, later steps are missing",
                                w->options->profile);
    for (int32_t i = 0; i < count; i++) xinf_tensor_destroy(outputs[i]);
    free(outputs);
    profile_free(&steps);
    return code;
}

int command_run(const options *o)
{
    workspace w;
    inputs in = {0};
    int code = workspace_open(&w, o);
    if (code == EXIT_DONE) code = workspace_load(&w);
    if (code == EXIT_DONE) code = inputs_make(&in, &w, o->random);
    if (code == EXIT_DONE) code = workspace_start(&w);
    if (code == EXIT_DONE) code = run_once(&w, &in);
    inputs_free(&in);
    workspace_close(&w);
    return code;
}
