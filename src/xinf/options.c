/* options.c — the table of options, and the words made into an options struct. */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_RANK = 12 };
enum {
    SESSION = COMMAND_INFO | COMMAND_RUN | COMMAND_BENCH,
    WITH_DATA = COMMAND_RUN | COMMAND_BENCH
};

typedef enum option_id {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_MEMORY,
    OPTION_DUMP_GRAPH,
    OPTION_DUMP_PLAN,
    OPTION_INPUT,
    OPTION_RANDOM,
    OPTION_SEED,
    OPTION_OUTPUT_DIR,
    OPTION_PROFILE,
    OPTION_DEADLINE,
    OPTION_BATCH,
    OPTION_SECONDS,
    OPTION_ROOFLINE,
    OPTION_OUTPUT,
    OPTION_WEIGHT_BITS,
    OPTION_ACTIVATION_BITS,
    OPTION_METHOD,
    OPTION_GROUP,
    OPTION_REPORT,
    OPTION_DEVICE,
    OPTION_THREADS,
    OPTION_SHAPE,
    OPTION_PRECISION,
    OPTION_TUNE,
    OPTION_ISA,
    OPTION_PASSES_OFF,
    OPTION_SPIN,
    OPTION_MEMORY_LIMIT,
    OPTION_MAX_STEPS,
    OPTION_WEIGHT_CACHE
} option_id;

typedef struct option_row {
    option_id id;
    const char *name;
    const char *value; /* NULL: takes none */
    int commands;
    const char *help;
} option_row;

static const option_row option_rows[] = {
    {OPTION_JSON, "--json", NULL,
     COMMAND_INFO | COMMAND_RUN | COMMAND_BENCH | COMMAND_DEVICES | COMMAND_QUANTIZE,
     "print one JSON object"},
    {OPTION_MEMORY, "--memory", NULL, COMMAND_INFO,
     "bytes by what they are for, and the peak of one run"},
    {OPTION_DUMP_GRAPH, "--dump-graph", NULL, COMMAND_INFO,
     "the graph before and after the passes, as text"},
    {OPTION_DUMP_PLAN, "--dump-plan", NULL, COMMAND_INFO, "the steps of a run, as text"},
    {OPTION_INPUT, "--input", "NAME=FILE.npy", WITH_DATA,
     "the value of an input; may be given for each"},
    {OPTION_RANDOM, "--random", NULL, COMMAND_RUN, "random values for inputs that have none"},
    {OPTION_SEED, "--seed", "N", WITH_DATA, "of the random values (1)"},
    {OPTION_OUTPUT_DIR, "--output-dir", "DIR", COMMAND_RUN,
     "write results there as .npy, and outputs.json"},
    {OPTION_PROFILE, "--profile", "FILE.json", COMMAND_RUN,
     "write the time of each step as a Chrome trace"},
    {OPTION_DEADLINE, "--deadline", "MS", COMMAND_RUN,
     "give up a run after that many milliseconds"},
    {OPTION_BATCH, "--batch", "N", COMMAND_BENCH,
     "size of the first axis of inputs that leave it open (1)"},
    {OPTION_SECONDS, "--seconds", "S", COMMAND_BENCH, "how long to measure (3)"},
    {OPTION_ROOFLINE, "--roofline", NULL, COMMAND_BENCH,
     "the speed of each step against the peak of this machine, measured at start"},
    {OPTION_OUTPUT, "-o", "OUT.onnx", COMMAND_CONVERT | COMMAND_QUANTIZE, "the file to write"},
    {OPTION_WEIGHT_BITS, "--weight-bits", "N", COMMAND_QUANTIZE, "of weights, 2 to 8 (4)"},
    {OPTION_ACTIVATION_BITS, "--activation-bits", "N", COMMAND_QUANTIZE,
     "of activations, 8 or 32 (8)"},
    {OPTION_METHOD, "--method", "M", COMMAND_QUANTIZE,
     "which weights share a scale: per-channel, per-tensor, per-group (per-channel)"},
    {OPTION_GROUP, "--group", "N", COMMAND_QUANTIZE,
     "weights in a group of per-group, 16 to 256 (64)"},
    {OPTION_REPORT, "--report", "FILE.json", COMMAND_QUANTIZE, "write what each layer became"},
    {OPTION_DEVICE, "--device", "D", SESSION, "where it runs (cpu)"},
    {OPTION_THREADS, "--threads", "N", SESSION, "threads of a run (the CPUs this process may use)"},
    {OPTION_SHAPE, "--shape", "NAME=1x3x224x224", SESSION,
     "the shape of an input; may be given for each"},
    {OPTION_PRECISION, "--precision", "P", SESSION, "fp32 (fp32)"},
    {OPTION_TUNE, "--tune", "T", SESSION, "off (off)"},
    {OPTION_ISA, "--isa", "I", SESSION,
     "the most the CPU may use: portable, avx2, avx512, neon (all it has)"},
    {OPTION_PASSES_OFF, "--passes-off", "A,B", SESSION,
     "passes that are not run; all for every one"},
    {OPTION_SPIN, "--spin-us", "N", SESSION,
     "microseconds that threads spin between steps (50); -1 for none"},
    {OPTION_MEMORY_LIMIT, "--memory-limit", "MIB", SESSION,
     "of intermediate results and packed weights (none)"},
    {OPTION_MAX_STEPS, "--max-steps", "N", SESSION,
     "operators in one run, loop bodies counted each time (none)"},
    {OPTION_WEIGHT_CACHE, "--weight-cache", "DIR", SESSION,
     "keep packed weights there, so that the next start is quicker"},
    {OPTION_HELP, "--help", NULL, COMMAND_ALL, "print this"},
};
enum { OPTION_ROWS = sizeof option_rows / sizeof option_rows[0] };

typedef struct command_row {
    command_id id;
    const char *name, *words, *help;
} command_row;

static const command_row command_rows[] = {
    {COMMAND_INFO, "info", "MODEL", "what a model holds, and what would not run and why"},
    {COMMAND_RUN, "run", "MODEL", "run a model once"},
    {COMMAND_BENCH, "bench", "MODEL", "measure the time of a run, with random values"},
    {COMMAND_CONVERT, "convert", "MODEL -o OUT.onnx", "save a model as standard ONNX"},
    {COMMAND_QUANTIZE, "quantize", "MODEL -o OUT.onnx", "save a model with weights of few bits"},
    {COMMAND_DEVICES, "devices", "", "what models can run on here"},
};
enum { COMMAND_ROWS = sizeof command_rows / sizeof command_rows[0] };

void options_overview(FILE *to)
{
    fprintf(to, "usage: xinf COMMAND …\n\n");
    for (int i = 0; i < COMMAND_ROWS; i++)
        fprintf(to, "  %-8s  %s\n", command_rows[i].name, command_rows[i].help);
    fprintf(
        to,
        "\n`xinf COMMAND --help` lists the options of one; `xinf --version` prints the version.\n"
        "Exit codes: 0 done, 1 the work failed, 2 wrong usage.\n");
}

static const command_row *command_of(command_id id)
{
    for (int i = 0; i < COMMAND_ROWS; i++)
        if (command_rows[i].id == id) return &command_rows[i];
    return NULL;
}

static void options_help(command_id command)
{
    const command_row *row = command_of(command);
    printf("usage: xinf %s%s%s [option]…\n%s\n\n", row->name, row->words[0] ? " " : "", row->words,
           row->help);
    for (int i = 0; i < OPTION_ROWS; i++) {
        char head[64];
        const option_row *o = &option_rows[i];
        if (!(o->commands & (int)command)) continue;
        snprintf(head, sizeof head, "%s%s%s", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        printf("  %-26s  %s\n", head, o->help);
    }
}

static options_result options_wrong(command_id command, const char *what, const char *which)
{
    fprintf(stderr, "xinf %s: %s%s (--help lists what there is)\n", command_of(command)->name, what,
            which);
    return OPTIONS_WRONG;
}

/* ---- values ---- */

static bool option_integer(int64_t *out, const char *text, int64_t low, int64_t high)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    *out = n;
    return end != text && !*end && errno == 0 && n >= low && n <= high;
}

static bool option_seconds(double *out, const char *text)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && *out > 0 && *out <= 86400;
}

static char *option_copy(const char *text, size_t size)
{
    char *copy = malloc(size + 1);
    if (!copy) return NULL;
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

static bool option_input(options *o, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) return false;
    named_file *input = &o->inputs[o->input_count];
    *input = (named_file){option_copy(text, (size_t)(equals - text)), equals + 1};
    if (!input->name) return false;
    o->input_count++;
    return true;
}

/* NAME=2x3; a scalar is NAME= */
static bool option_shape(options *o, const char *text)
{
    const char *equals = strrchr(text, '=');
    if (!equals || equals == text) return false;
    xinf_shape_hint *hints = (xinf_shape_hint *)o->session.hints;
    int64_t *dims = calloc(OPTIONS_RANK, sizeof *dims);
    char *name = option_copy(text, (size_t)(equals - text));
    xinf_shape_hint *hint = &hints[o->session.hint_count];
    *hint = (xinf_shape_hint){.name = name, .shape = dims};
    o->session.hint_count++; /* options_free takes it from here */
    if (!dims || !name) return false;
    for (const char *at = equals + 1; *at;) {
        char *end;
        errno = 0;
        long long n = strtoll(at, &end, 10);
        if (end == at || errno || n < 0 || hint->rank == OPTIONS_RANK) return false;
        dims[hint->rank++] = n;
        if (*end && *end != 'x') return false;
        at = *end ? end + 1 : end;
        if (*end && !*at) return false;
    }
    return true;
}

static bool option_word(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0) return true;
    return false;
}

static bool option_method(options *o, const char *text)
{
    static const char *const names[] = {"per-channel", "per-tensor", "per-group", NULL};
    if (!option_word(text, names)) return false;
    for (int32_t i = 0; names[i]; i++)
        if (strcmp(names[i], text) == 0) o->quantize.method = i;
    return true;
}

static bool option_take(options *o, option_id id, const char *text)
{
    static const char *const isas[] = {"portable", "avx2", "avx512", "neon", NULL},
                             *const precisions[] = {"fp32", NULL}, *const tunes[] = {"off", NULL};
    int64_t n = 0;
    bool good = true;
    switch (id) {
    case OPTION_HELP: break;
    case OPTION_JSON: o->json = true; break;
    case OPTION_MEMORY: o->memory = true; break;
    case OPTION_ROOFLINE: o->roofline = true; break;
    case OPTION_DUMP_GRAPH: o->dump_graph = true; break;
    case OPTION_DUMP_PLAN: o->dump_plan = true; break;
    case OPTION_INPUT: good = option_input(o, text); break;
    case OPTION_RANDOM: o->random = true; break;
    case OPTION_SEED:
        good = option_integer(&n, text, 0, INT64_MAX);
        o->seed = (uint64_t)n;
        break;
    case OPTION_OUTPUT_DIR: o->output_dir = text; break;
    case OPTION_PROFILE: o->profile = text; break;
    case OPTION_DEADLINE:
        good = option_integer(&n, text, 1, 1000000000);
        o->deadline_us = (uint64_t)n * 1000;
        break;
    case OPTION_BATCH: good = option_integer(&o->batch, text, 1, 1 << 30); break;
    case OPTION_SECONDS: good = option_seconds(&o->seconds, text); break;
    case OPTION_OUTPUT: o->output = text; break;
    case OPTION_WEIGHT_BITS:
        good = option_integer(&n, text, 2, 8);
        o->quantize.weight_bits = (int32_t)n;
        break;
    case OPTION_ACTIVATION_BITS:
        good = option_integer(&n, text, 8, 32) && (n == 8 || n == 32);
        o->quantize.activation_bits = (int32_t)n;
        break;
    case OPTION_METHOD: good = option_method(o, text); break;
    case OPTION_GROUP:
        good = option_integer(&n, text, 16, 256);
        o->quantize.group_size = (int32_t)n;
        break;
    case OPTION_REPORT: o->report = text; break;
    case OPTION_DEVICE: o->session.device = text; break;
    case OPTION_THREADS:
        good = option_integer(&n, text, 1, 1024);
        o->session.threads = (int32_t)n;
        break;
    case OPTION_SHAPE: good = option_shape(o, text); break;
    case OPTION_PRECISION: good = option_word(text, precisions); break;
    case OPTION_TUNE: good = option_word(text, tunes); break;
    case OPTION_ISA:
        good = option_word(text, isas);
        o->session.isa = text;
        break;
    case OPTION_PASSES_OFF: o->session.passes_off = text; break;
    case OPTION_SPIN:
        good = option_integer(&n, text, -1, 1000000);
        o->session.spin_us = n ? (int32_t)n : -1;
        break;
    case OPTION_MEMORY_LIMIT:
        good = option_integer(&n, text, 1, (int64_t)1 << 40);
        o->session.memory_limit = (uint64_t)n << 20;
        break;
    case OPTION_MAX_STEPS:
        good = option_integer(&n, text, 1, INT64_MAX);
        o->session.max_steps = (uint64_t)n;
        break;
    case OPTION_WEIGHT_CACHE: o->weight_cache = text; break;
    }
    return good;
}

/* ---- words ---- */

static const option_row *option_find(command_id command, const char *word, size_t size)
{
    if (size == 2 && word[0] == '-' && word[1] == 'h') return &option_rows[OPTION_ROWS - 1];
    for (int i = 0; i < OPTION_ROWS; i++)
        if (option_rows[i].commands & (int)command && strlen(option_rows[i].name) == size &&
            strncmp(option_rows[i].name, word, size) == 0)
            return &option_rows[i];
    return NULL;
}

static options_result options_complete(const options *o, command_id command)
{
    if (command == COMMAND_DEVICES)
        return o->model ? options_wrong(command, "takes no file: ", o->model) : OPTIONS_GO;
    if (!o->model) return options_wrong(command, "which model?", "");
    if (command & (COMMAND_CONVERT | COMMAND_QUANTIZE) && !o->output)
        return options_wrong(command, "-o OUT.onnx is missing", "");
    if (o->json && (o->dump_graph || o->dump_plan))
        return options_wrong(command, "a dump is text: it does not go with --json", "");
    return OPTIONS_GO;
}

static options_result options_word(options *o, command_id command, int argc, char **argv, int *at)
{
    const char *word = argv[*at], *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    const option_row *row = option_find(command, word,
                                        equals ? (size_t)(equals - word) : strlen(word));
    if (!row) return options_wrong(command, "there is no option ", word);
    if (row->id == OPTION_HELP) {
        options_help(command);
        return OPTIONS_HELPED;
    }
    if (!row->value && equals) return options_wrong(command, "takes no value: ", word);
    const char *value = equals ? equals + 1 : NULL;
    if (row->value && !value && ++*at < argc) value = argv[*at];
    if (row->value && !value) return options_wrong(command, "a value is missing after ", word);
    if (option_take(o, row->id, value)) return OPTIONS_GO;
    fprintf(stderr, "xinf %s: %s takes %s, not '%s': %s\n", command_of(command)->name, row->name,
            row->value, value, row->help);
    return OPTIONS_WRONG;
}

options_result options_parse(options *o, command_id command, int argc, char **argv)
{
    *o = (options){.batch = 1,
                   .seconds = 3,
                   .seed = 1,
                   .session = XINF_SESSION_OPTIONS_INIT,
                   .quantize = XINF_QUANTIZE_OPTIONS_INIT};
    o->inputs = calloc((size_t)argc + 1, sizeof *o->inputs);
    xinf_shape_hint *hints = calloc((size_t)argc + 1, sizeof *hints);
    o->session.hints = hints;
    if (!o->inputs || !hints) return options_wrong(command, "out of memory", "");
    bool words_only = false;
    for (int i = 0; i < argc; i++) {
        if (!words_only && strcmp(argv[i], "--") == 0) {
            words_only = true;
        } else if (!words_only && argv[i][0] == '-' && argv[i][1]) {
            options_result result = options_word(o, command, argc, argv, &i);
            if (result != OPTIONS_GO) return result;
        } else if (o->model) {
            return options_wrong(command, "one model at a time: ", argv[i]);
        } else {
            o->model = argv[i];
        }
    }
    return options_complete(o, command);
}

void options_free(options *o)
{
    for (int32_t i = 0; i < o->input_count; i++) free(o->inputs[i].name);
    for (int32_t i = 0; i < o->session.hint_count; i++) {
        free((void *)o->session.hints[i].name);
        free((void *)o->session.hints[i].shape);
    }
    free((void *)o->session.hints);
    free(o->inputs);
    *o = (options){0};
}

const xinf_shape_hint *options_shape(const options *o, const char *name)
{
    for (int32_t i = 0; i < o->session.hint_count; i++)
        if (strcmp(o->session.hints[i].name, name) == 0) return &o->session.hints[i];
    return NULL;
}
