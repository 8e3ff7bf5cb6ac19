/* results.h — outputs of a run, written to a folder or told to a person. */
#ifndef XINF_CLI_RESULTS_H
#define XINF_CLI_RESULTS_H

#include "json.h"
#include "workspace.h"

enum { RESULTS_NAME = 512 };

/* The file name (without folder and ending) of an output: every byte outside [A-Za-z0-9._-] and a
 * leading dot as %XX; a name too long for a file system is cut, and ends in %_ and the output's
 * number. */
void results_name(char name[RESULTS_NAME], const char *output, int32_t index);
/* Writes DIR/<name>.npy for every output, and DIR/outputs.json, which maps names to files: a
 * sequence to a list, a map to
 * {"keys", "values"}, nothing to null. Text goes to <name>.strings.json as {"shape", "strings"}.
 * Makes DIR. Returns an exit code. */
int results_write(workspace *w, xinf_tensor **outputs, int32_t count);
/* A line for each output: type, shape, and for numbers the least, the mean and the greatest. */
void results_print(const workspace *w, xinf_tensor **outputs, int32_t count);
/* A list "outputs" of {name, kind, dtype, shape}. */
void results_json(json *j, const workspace *w, xinf_tensor **outputs, int32_t count);

#endif
