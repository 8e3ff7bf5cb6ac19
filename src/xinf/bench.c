/* bench.c — the time of a run, over and over. */
#include <stdlib.h>

#include "command.h"
#include "inputs.h"
#include "json.h"
#include "roofline.h"

enum { BENCH_LEAST = 5, BENCH_MOST = 1000000, BENCH_PROFILED = 20 };

typedef struct bench {
    double *ms;
    int count;
    double first_ms;
} bench;

static int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int bench_once(workspace *w, const inputs *in, xinf_tensor **outputs, int32_t count,
                      const xinf_run_options *run, double *out_ms)
{
    double start = workspace_now();
    xinf_status status = xinf_session_run(w->session, in->values, in->count, outputs, count, run,
                                          &w->err);
    *out_ms = workspace_now() - start;
    for (int32_t i = 0; i < count; i++) {
        xinf_tensor_destroy(outputs[i]);
        outputs[i] = NULL;
    }
    return status == XINF_OK ? EXIT_DONE : workspace_failed(w);
}

static bool bench_keep(bench *b, int *room, double ms)
{
    if (b->count == *room) {
        int more = *room ? *room * 2 : 1024;
        double *grown = realloc(b->ms, (size_t)more * sizeof *grown);
        if (!grown) return false;
        b->ms = grown;
        *room = more;
    }
    b->ms[b->count++] = ms;
    return true;
}

static int bench_measure(bench *b, workspace *w, const inputs *in)
{
    int32_t count = xinf_model_output_count(w->model);
    int room = 0;
    double ms;
    xinf_tensor **outputs = calloc((size_t)count + 1, sizeof(xinf_tensor *));
    if (!outputs) return workspace_refuse(w, "out of memory");
    int code = bench_once(w, in, outputs, count, NULL, &b->first_ms);
    double start = workspace_now(), end = start + w->options->seconds * 1e3, told = start;
    while (code == EXIT_DONE && b->count < BENCH_MOST &&
           (b->count < BENCH_LEAST || workspace_now() < end)) {
        code = bench_once(w, in, outputs, count, NULL, &ms);
        if (code == EXIT_DONE && !bench_keep(b, &room, ms))
            code = workspace_refuse(w, "out of memory");
        if (workspace_now() - told > 250) {
            told = workspace_now();
            workspace_progress("%d runs, %.0f of %.0f s", b->count, (told - start) / 1e3,
                               w->options->seconds);
        }
    }
    workspace_progress(NULL);
    free(outputs);
    if (code == EXIT_DONE) qsort(b->ms, (size_t)b->count, sizeof *b->ms, bench_compare);
    return code;
}

/* Runs again with a profile: asking for it costs time, so those runs are not counted. */
static int bench_roofline(roofline *r, workspace *w, const inputs *in)
{
    int32_t count = xinf_model_output_count(w->model);
    xinf_run_options run = XINF_RUN_OPTIONS_INIT;
    double ms;
    xinf_tensor **outputs = calloc((size_t)count + 1, sizeof(xinf_tensor *));
    if (!outputs) return workspace_refuse(w, "out of memory");
    run.profile = roofline_add;
    run.profile_self = r;
    roofline_start(r, workspace_threads(w));
    int code = EXIT_DONE;
    double end = workspace_now() + w->options->seconds * 1e3;
    for (int i = 0; i < BENCH_PROFILED && code == EXIT_DONE && (i == 0 || workspace_now() < end);
         i++)
        code = bench_once(w, in, outputs, count, &run, &ms);
    free(outputs);
    return code;
}

/* The smallest time that `share` of the runs do not exceed. */
static double bench_at(const bench *b, double share)
{
    int i = (int)(share * b->count);
    if (i < share * b->count) i++;
    return b->ms[i > 0 ? i - 1 : 0];
}

static double bench_median(const bench *b)
{
    return b->count % 2 ? b->ms[b->count / 2] : (b->ms[b->count / 2 - 1] + b->ms[b->count / 2]) / 2;
}

static void bench_tell(const bench *b, const workspace *w, const roofline *r)
{
    double median = bench_median(b), p99 = bench_at(b, 0.99);
    int32_t threads = workspace_threads(w);
    if (!w->options->json) {
        printf("median %.3f ms  p99 %.3f ms  min %.3f ms  runs %d  threads %d  batch %lld\n",
               median, p99, b->ms[0], b->count, (int)threads, (long long)w->options->batch);
        printf("load %.1f ms  first run %.3f ms  peak resident %.1f MiB\n", w->load_ms, b->first_ms,
               workspace_peak_mib());
        if (r->count) printf("\n"), roofline_print(r, stdout);
        return;
    }
    json j = {.to = stdout};
    json_open(&j, NULL, '{');
    json_number(&j, "median_ms", median);
    json_number(&j, "p99_ms", p99);
    json_number(&j, "min_ms", b->ms[0]);
    json_integer(&j, "runs", b->count);
    json_integer(&j, "threads", threads);
    json_integer(&j, "batch", w->options->batch);
    json_number(&j, "load_ms", w->load_ms);
    json_number(&j, "first_ms", b->first_ms);
    json_number(&j, "peak_rss_mib", workspace_peak_mib());
    if (r->count) roofline_json(r, &j);
    json_close(&j, '}');
}

int command_bench(const options *o)
{
    workspace w;
    inputs in = {0};
    bench b = {0};
    roofline r = {0};
    int code = workspace_open(&w, o);
    if (code == EXIT_DONE) code = workspace_load(&w);
    if (code == EXIT_DONE) code = inputs_make(&in, &w, true);
    if (code == EXIT_DONE) code = workspace_start(&w);
    if (code == EXIT_DONE) code = bench_measure(&b, &w, &in);
    if (code == EXIT_DONE && o->roofline) code = bench_roofline(&r, &w, &in);
    if (code == EXIT_DONE) bench_tell(&b, &w, &r);
    roofline_free(&r);
    free(b.ms);
    inputs_free(&in);
    workspace_close(&w);
    return code;
}
