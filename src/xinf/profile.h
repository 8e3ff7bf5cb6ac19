/* profile.h — the steps of runs, kept and written in the trace format of Chrome (chrome://tracing,
 * Perfetto). */
#ifndef XINF_CLI_PROFILE_H
#define XINF_CLI_PROFILE_H

#include <stdbool.h>

#include "xinf.h"

typedef struct profile_step {
    char *text; /* node, operator and kernel, each ended by a NUL */
    uint64_t start_ns, end_ns, bytes, flops;
} profile_step;

typedef struct profile {
    profile_step *steps;
    size_t count, room;
    bool full; /* memory ran out: later steps are missing */
} profile;

/* For xinf_run_options.profile; self is a profile. */
void profile_add(void *self, const xinf_step_profile *step);
/* Returns 0, or -1 when the file cannot be written. */
int profile_write(const profile *p, const char *path);
void profile_free(profile *p);

#endif
