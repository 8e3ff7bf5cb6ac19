/* info.c — what a model holds, and what would not run and why. */
#include <string.h>

#include "command.h"
#include "inputs.h"
#include "json.h"

typedef xinf_status (*info_ask)(const xinf_model *, int32_t, xinf_value_info *, xinf_error *);

static const char *info_kind(xinf_kind kind)
{
    return kind == XINF_KIND_SEQUENCE ? "sequence"
           : kind == XINF_KIND_MAP    ? "map"
           : kind == XINF_KIND_NONE   ? "none"
                                      : "tensor";
}

/* ---- text ---- */

static void info_values(const char *title, const xinf_model *m, int32_t count, info_ask ask)
{
    char shape[512];
    if (count) printf("%s\n", title);
    for (int32_t i = 0; i < count; i++) {
        xinf_value_info v = XINF_VALUE_INFO_INIT;
        if (ask(m, i, &v, NULL) != XINF_OK) continue;
        inputs_shape_text(shape, sizeof shape, &v);
        if (v.kind == XINF_KIND_TENSOR)
            printf("  %s  %s %s", v.name, xinf_dtype_name(v.dtype), shape);
        else
            printf("  %s  %s", v.name, info_kind(v.kind));
        printf("%s\n", v.optional ? "  (may be left out)" : "");
    }
}

static void info_operators(const xinf_report *r)
{
    int column = 0;
    printf("operators (%lld nodes)\n", (long long)xinf_report_node_count(r));
    for (int32_t i = 0; i < xinf_report_operator_count(r); i++) {
        char text[200];
        int64_t nodes = 0;
        const char *name = xinf_report_operator(r, i, &nodes);
        int n = snprintf(text, sizeof text, "%s %lld", name, (long long)nodes);
        if (column && column + n + 2 > 100) column = 0, printf("\n");
        column += printf("  %s", text);
        if (column > 0 && i + 1 == xinf_report_operator_count(r)) printf("\n");
    }
}

static void info_text(const xinf_report *r)
{
    const xinf_model *m = xinf_report_model(r);
    const char *value, *key;
    int32_t missing = xinf_report_unsupported_count(r);
    printf("format %s\n", xinf_report_format(r));
    for (int32_t i = 0; (key = xinf_model_metadata(m, i, &value)); i++)
        printf("%s %s\n", key, value ? value : "");
    info_values("inputs", m, xinf_model_input_count(m), xinf_model_input);
    info_values("outputs", m, xinf_model_output_count(m), xinf_model_output);
    info_values("states", m, xinf_model_state_count(m), xinf_model_state);
    info_operators(r);
    printf("weights %.1f MiB\n", (double)xinf_report_weight_bytes(r) / 1048576);
    printf(missing ? "cannot run here:\n" : "runs here\n");
    for (int32_t i = 0; i < missing; i++) printf("  %s\n", xinf_report_unsupported(r, i));
}

static void info_memory_text(const xinf_memory_info *m)
{
    printf("mapped %llu\ngraph %llu\nweights in memory %llu\nintermediate results %llu\nother "
           "%llu\npeak memory = %llu\n",
           (unsigned long long)m->mapped_bytes, (unsigned long long)m->graph_bytes,
           (unsigned long long)m->weight_bytes, (unsigned long long)m->arena_bytes,
           (unsigned long long)m->other_bytes, (unsigned long long)m->peak_bytes);
}

/* ---- JSON ---- */

static void info_values_json(json *j, const char *key, const xinf_model *m, int32_t count,
                             info_ask ask)
{
    json_open(j, key, '[');
    for (int32_t i = 0; i < count; i++) {
        xinf_value_info v = XINF_VALUE_INFO_INIT;
        if (ask(m, i, &v, NULL) != XINF_OK) continue;
        json_open(j, NULL, '{');
        json_text(j, "name", v.name);
        json_text(j, "kind", info_kind(v.kind));
        json_text(j, "dtype", xinf_dtype_name(v.dtype));
        if (v.rank < 0) json_null(j, "shape");
        if (v.rank >= 0) json_open(j, "shape", '[');
        for (int32_t k = 0; k < v.rank; k++) {
            if (v.shape[k] >= 0)
                json_integer(j, NULL, v.shape[k]);
            else
                json_text(j, NULL, v.symbols ? v.symbols[k] : NULL);
        }
        if (v.rank >= 0) json_close(j, ']');
        json_bool(j, "optional", v.optional != 0);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void info_json(json *j, const xinf_report *r)
{
    const xinf_model *m = xinf_report_model(r);
    const char *value, *key;
    json_text(j, "format", xinf_report_format(r));
    json_open(j, "metadata", '{');
    for (int32_t i = 0; (key = xinf_model_metadata(m, i, &value)); i++) json_text(j, key, value);
    json_close(j, '}');
    info_values_json(j, "inputs", m, xinf_model_input_count(m), xinf_model_input);
    info_values_json(j, "outputs", m, xinf_model_output_count(m), xinf_model_output);
    info_values_json(j, "states", m, xinf_model_state_count(m), xinf_model_state);
    json_integer(j, "nodes", xinf_report_node_count(r));
    json_open(j, "operators", '{');
    for (int32_t i = 0; i < xinf_report_operator_count(r); i++) {
        int64_t nodes = 0;
        const char *name = xinf_report_operator(r, i, &nodes);
        json_integer(j, name, nodes);
    }
    json_close(j, '}');
    json_integer(j, "weight_bytes", (int64_t)xinf_report_weight_bytes(r));
    json_open(j, "unsupported", '[');
    for (int32_t i = 0; i < xinf_report_unsupported_count(r); i++)
        json_text(j, NULL, xinf_report_unsupported(r, i));
    json_close(j, ']');
}

static void info_memory_json(json *j, const xinf_memory_info *m)
{
    json_open(j, "memory", '{');
    json_integer(j, "mapped_bytes", (int64_t)m->mapped_bytes);
    json_integer(j, "graph_bytes", (int64_t)m->graph_bytes);
    json_integer(j, "weight_bytes", (int64_t)m->weight_bytes);
    json_integer(j, "arena_bytes", (int64_t)m->arena_bytes);
    json_integer(j, "other_bytes", (int64_t)m->other_bytes);
    json_integer(j, "peak_bytes", (int64_t)m->peak_bytes);
    json_close(j, '}');
}

/* ---- dumps ---- */

static int32_t info_write(void *self, const char *text, size_t size)
{
    return fwrite(text, 1, size, self) == size ? 0 : -1;
}

static int info_dump(workspace *w, xinf_dump what, const char *title)
{
    printf("# %s\n", title);
    return xinf_session_print(w->session, what, info_write, stdout, &w->err) == XINF_OK
               ? EXIT_DONE
               : workspace_failed(w);
}

/* The graph can be shown although it cannot run: the session is asked for last. */
static int info_dumps(workspace *w)
{
    const options *o = w->options;
    int code = EXIT_DONE;
    if (o->dump_graph && !w->session) {
        printf("# before the passes\n");
        if (xinf_model_print(w->model, info_write, stdout, &w->err) != XINF_OK)
            return workspace_failed(w);
    }
    if (o->dump_graph && w->session)
        code = info_dump(w, XINF_DUMP_GRAPH_BEFORE, "before the passes");
    if (o->dump_graph && w->session && code == EXIT_DONE)
        code = info_dump(w, XINF_DUMP_GRAPH, "after the passes");
    if (o->dump_plan && w->session && code == EXIT_DONE)
        code = info_dump(w, XINF_DUMP_PLAN, "plan");
    return code;
}

static int info_session(workspace *w, json *j)
{
    const options *o = w->options;
    xinf_memory_info memory = XINF_MEMORY_INFO_INIT;
    int code = workspace_load(w);
    if (code != EXIT_DONE) return code;
    code = workspace_start(w);
    if (o->dump_graph || o->dump_plan) {
        int dumped = info_dumps(w);
        if (code == EXIT_DONE) code = dumped;
    }
    if (code != EXIT_DONE || !o->memory) return code;
    if (xinf_session_memory(w->session, &memory, &w->err) != XINF_OK) return workspace_failed(w);
    if (o->json)
        info_memory_json(j, &memory);
    else
        info_memory_text(&memory);
    return EXIT_DONE;
}

int command_info(const options *o)
{
    workspace w;
    json j = {.to = stdout};
    xinf_report *report = NULL;
    int code = workspace_open(&w, o);
    if (code == EXIT_DONE &&
        xinf_loader_inspect(&report, w.loader, o->model, NULL, &w.err) != XINF_OK)
        code = workspace_failed(&w);
    if (code == EXIT_DONE && o->json) {
        json_open(&j, NULL, '{');
        info_json(&j, report);
    } else if (code == EXIT_DONE && !o->dump_graph && !o->dump_plan) {
        info_text(report);
    }
    if (code == EXIT_DONE && (o->memory || o->dump_graph || o->dump_plan))
        code = info_session(&w, &j);
    if (o->json && j.depth) json_close(&j, '}');
    xinf_report_destroy(report);
    workspace_close(&w);
    return code;
}
