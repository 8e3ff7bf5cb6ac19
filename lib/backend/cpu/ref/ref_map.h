/* ref_map.h — element-by-element work over tensors that broadcast together. */
#ifndef XK_REF_MAP_H
#define XK_REF_MAP_H

#include "backend/cpu/ref/ref_block.h"

enum { XK_MAP_INPUTS = 3 };

/* dst[i] from src[k][i * step[k]], i < count. dst may be the memory of an input. */
typedef void (*xk_map_fn)(void *dst, const void *const *src, const int64_t *step, int64_t count,
                          const void *arg);

typedef struct xk_map {
    int32_t inputs;
    xk_kind in_kind[XK_MAP_INPUTS], out_kind;
    xk_map_fn fn;
    const void *arg;
    int64_t origin; /* the output element that out->data points to; 0 when it is a whole tensor */
} xk_map;

/* The dimensions of an output and the strides of its inputs (0 where broadcast), joined where they
 * can be. */
typedef struct xk_spread {
    int32_t rank, inputs;
    int64_t dim[XI_MAX_RANK], stride[XK_MAP_INPUTS][XI_MAX_RANK];
    int64_t count;
} xk_spread;

void xk_spread_init(xk_spread *w, int32_t inputs, xi_operand *const *in, const xi_shape *out);
/* Elements first … last-1 of the output, in row-major order. */
void xk_map_run(const xk_map *m, xi_operand *const *in, const xi_operand *out, int64_t first,
                int64_t last);
/* A whole call: the part that belongs to `chunk`, with xk_map_extent's split. */
void xk_map_chunk(const xk_map *m, const xi_call *call, int32_t chunk);
xinf_status xk_map_extent(const void *params, xi_operand *const *in, xi_operand *const *out,
                          int32_t width, xi_extent *e, xinf_error *err);

#endif
