/* main.c — the subcommand is chosen here. */
#include <string.h>

#include "command.h"

typedef struct command_entry {
    const char *name;
    command_id id;
    int (*run)(const options *o);
} command_entry;

static const command_entry command_table[] = {
    {"info", COMMAND_INFO, command_info},
    {"run", COMMAND_RUN, command_run},
    {"bench", COMMAND_BENCH, command_bench},
    {"convert", COMMAND_CONVERT, command_convert},
    {"quantize", COMMAND_QUANTIZE, command_quantize},
    {"devices", COMMAND_DEVICES, command_devices},
};
enum { COMMAND_COUNT = sizeof command_table / sizeof command_table[0] };

int main(int argc, char **argv)
{
    if (argc < 2) {
        options_overview(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        options_overview(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("xinf %s\n", xinf_version());
        return EXIT_DONE;
    }
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], command_table[i].name) != 0) continue;
        options o;
        options_result result = options_parse(&o, command_table[i].id, argc - 2, argv + 2);
        int code = result == OPTIONS_GO       ? command_table[i].run(&o)
                   : result == OPTIONS_HELPED ? EXIT_DONE
                                              : EXIT_USAGE;
        options_free(&o);
        if (fflush(stdout) == 0 && !ferror(stdout)) return code;
        fprintf(stderr, "xinf: the output cannot be written\n");
        return code == EXIT_DONE ? EXIT_WORK : code;
    }
    fprintf(stderr, "xinf: there is no command '%s'\n\n", argv[1]);
    options_overview(stderr);
    return EXIT_USAGE;
}
