/* roofline.h — the speed of each step against what one core of this machine can do, times the
 * threads. */
#ifndef XINF_CLI_ROOFLINE_H
#define XINF_CLI_ROOFLINE_H

#include <stdbool.h>

#include "json.h"
#include "xinf.h"

typedef struct roofline_step {
    char *text; /* kernel and node, each ended by a NUL */
    double us;  /* the least of all runs */
    uint64_t bytes, flops;
} roofline_step;

typedef struct roofline {
    roofline_step *steps;
    int32_t count, room;
    bool full; /* memory ran out: later steps are missing */
    int32_t threads;
    double gflops, gbytes; /* the peak of all threads: products and sums in registers; reading and
                              writing memory beyond the caches */
} roofline;

/* Measures the peaks, for about a quarter of a second. */
void roofline_start(roofline *r, int32_t threads);
/* For xinf_run_options.profile; self is a roofline. */
void roofline_add(void *self, const xinf_step_profile *step);
/* A table for people. */
void roofline_print(const roofline *r, FILE *to);
/* Members of an open JSON object: "peak_gflops", "peak_gbytes", "steps". */
void roofline_json(const roofline *r, json *j);
void roofline_free(roofline *r);

#endif
