/* compare.h — runs a model by the kernels of this machine and by the portable ones, and compares.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include "model_bytes.h"
#include "xinf.h"

/* An input of the model, filled with random numbers in −1 … 1. */
typedef struct compare_input {
    int rank;
    int64_t shape[5];
} compare_input;

extern int compare_passed, compare_failed;

float compare_random(void);
/* `count` random numbers in −scale … scale; free() them. */
float *compare_numbers(size_t count, float scale);
void compare_check(int ok, const char *test, const char *what);

/* The float outputs differ by at most `tolerance` of the largest, and 1, 2 and 8 threads give the
 * same bits. On machines with AVX2 some step's kernel must have `kernel` in its name ("" any).
 * Takes over `model`. */
void compare_model(const char *test, model_bytes *model, const compare_input *inputs,
                   int input_count, double tolerance, const char *kernel);

/* Prints the counts; the exit status. */
int compare_end(void);

#endif
