/* ref_activation.c — activations on a run of numbers. */
#include "backend/cpu/ref/ref_activation.h"

#include <math.h>

#define REAL float
#define FN xk_activation_run
#define M(function) function##f
#include "backend/cpu/ref/activation_tmpl.h"

#define REAL double
#define FN xk_activation_run_f64
#define M(function) function
#include "backend/cpu/ref/activation_tmpl.h"
