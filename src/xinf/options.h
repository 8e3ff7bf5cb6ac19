/* options.h — the command line of every subcommand, read from one table. */
#ifndef XINF_CLI_OPTIONS_H
#define XINF_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "xinf.h"

enum { EXIT_DONE = 0, EXIT_WORK = 1, EXIT_USAGE = 2 };

typedef enum command_id {
    COMMAND_INFO = 1,
    COMMAND_RUN = 2,
    COMMAND_BENCH = 4,
    COMMAND_CONVERT = 8,
    COMMAND_DEVICES = 16,
    COMMAND_QUANTIZE = 32,
    COMMAND_ALL = 63
} command_id;

/* NAME=FILE.npy */
typedef struct named_file {
    char *name;
    const char *path;
} named_file;

typedef struct options {
    const char *model;
    const char *output;     /* convert, quantize: the file to write */
    const char *output_dir; /* run: where results go */
    const char *profile;
    const char *report; /* quantize: where the report goes */
    bool json, memory, dump_graph, dump_plan, random, roofline;
    named_file *inputs;
    int32_t input_count;
    int64_t batch;
    double seconds;
    uint64_t seed;
    uint64_t deadline_us;
    const char *weight_cache;
    xinf_quantize_options quantize;
    xinf_session_options session; /* its hints are the --shape options */
} options;

typedef enum options_result { OPTIONS_GO, OPTIONS_HELPED, OPTIONS_WRONG } options_result;

/* Reads the words after the subcommand. Says on stderr what is wrong, prints --help on stdout.
 * options_free after any result. */
options_result options_parse(options *out, command_id command, int argc, char **argv);
void options_free(options *o);
/* The dimensions that --shape gave for this input, or NULL. */
const xinf_shape_hint *options_shape(const options *o, const char *name);
/* What `xinf --help` prints. */
void options_overview(FILE *to);

#endif
