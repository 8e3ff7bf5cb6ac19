/* slice.h — which elements of one axis Slice takes: its rule and its kernel must agree. */
#ifndef XI_GRAPH_OP_SLICE_H
#define XI_GRAPH_OP_SLICE_H

#include <stdint.h>

/* A dimension of `length` cut by start, end and step (not 0) as ONNX says: out-of-range ends are
 * clamped. Gives how many elements are taken and the first of them; every one lies in [0, length).
 * *step may come back smaller where that changes nothing. */
int64_t xi_slice_count(int64_t length, int64_t start, int64_t end, int64_t *step, int64_t *first);

#endif
