/* npy.h — tensors from and to NumPy's .npy files (format 1.0 to 3.0, C order). For programs, not
 * for the library. */
#ifndef NPY_H
#define NPY_H

#include <stdio.h>

#include "xinf.h"

/* Reads `path` as a tensor. want: the dtype the model wants where .npy has no type of its own
 * (bfloat16, 8-bit floats and 4-bit numbers are stored as unsigned integers of the same size), else
 * XINF_UNDEFINED. Returns 0, or -1 with a sentence in err. */
int npy_read(xinf_tensor **out, xinf_env *env, const char *path, xinf_dtype want, xinf_error *err);
/* Writes a tensor of numbers or bools. Types that NumPy lacks are written as unsigned integers of
 * the same size. Returns 0 or -1. */
int npy_write(const char *path, xinf_tensor *tensor, xinf_error *err);

#endif
