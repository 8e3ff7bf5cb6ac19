/* shape.h — dimensions of a value. */
#ifndef XI_TENSOR_SHAPE_H
#define XI_TENSOR_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "xinf.h"

enum { XI_MAX_RANK = 12 };

/* rank -1: not known at all. dim >= 0: known; -1: unknown; below -1: symbol (see graph.h), equal
 * symbols are equal sizes. */
typedef struct xi_shape {
    int32_t rank;
    int64_t dim[XI_MAX_RANK];
} xi_shape;

#define XI_DIM_UNKNOWN ((int64_t)-1)
#define XI_SHAPE_UNKNOWN ((xi_shape){.rank = -1})
#define XI_SHAPE_SCALAR ((xi_shape){.rank = 0})

xi_shape xi_shape_of(int32_t rank, const int64_t *dims);
/* Every dimension known. */
bool xi_shape_known(const xi_shape *s);
/* Product of all dimensions; false when unknown or not representable. A rank-0 shape counts 1. */
bool xi_shape_count(const xi_shape *s, int64_t *out);
/* Product of dimensions first … last-1 of a shape that passed xi_shape_count. */
int64_t xi_shape_span(const xi_shape *s, int32_t first, int32_t last);
/* Row-major strides in elements. */
void xi_shape_strides(const xi_shape *s, int64_t *out);
bool xi_shape_eq(const xi_shape *a, const xi_shape *b);
/* numpy's broadcast of two shapes, known or not; false when they do not fit. */
bool xi_shape_broadcast(const xi_shape *a, const xi_shape *b, xi_shape *out);
/* Turns axis in [-rank, rank) into [0, rank); false when outside. */
bool xi_shape_axis(int64_t axis, int32_t rank, int32_t *out);
/* "[2,3,?]" into buf; returns buf. */
const char *xi_shape_text(const xi_shape *s, char *buf, size_t size);

#endif
