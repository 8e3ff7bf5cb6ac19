/* window.h — sliding windows of convolutions and pools: from attributes and sizes to pads and
 * output sizes. */
#ifndef XI_GRAPH_OP_WINDOW_H
#define XI_GRAPH_OP_WINDOW_H

#include "graph/op.h"

enum { XI_WINDOW_RANK = XI_MAX_RANK - 2 };

/* One entry for each spatial axis. out: -1 where the input's size is unknown. */
typedef struct xi_window {
    int32_t rank;
    int64_t in[XI_WINDOW_RANK], kernel[XI_WINDOW_RANK], stride[XI_WINDOW_RANK],
        dilation[XI_WINDOW_RANK];
    int64_t begin[XI_WINDOW_RANK], end[XI_WINDOW_RANK], out[XI_WINDOW_RANK];
} xi_window;

/* Fills *w for a node with attributes kernel_shape, strides, dilations, pads, auto_pad and
 * ceil_mode. `x` is the input's shape (rank known, at least 3); `kernel` has the kernel's sizes
 * when they come from a weight (entries may be negative: unknown), or is NULL: then kernel_shape
 * says them. Unknown input sizes give unknown outputs. Every size that is known afterwards is
 * checked: kernels, strides and dilations are in 1 … 2^31, pads in 0 … 2^31. err may be NULL. */
xinf_status xi_window_resolve(xi_window *w, const xi_node *n, const xi_shape *x,
                              const int64_t *kernel, xinf_error *err);
/* The same for ConvTranspose (output_padding and output_shape too): `out` are the sizes of the
 * larger side. */
xinf_status xi_window_resolve_transposed(xi_window *w, const xi_node *n, const xi_shape *x,
                                         const int64_t *kernel, xinf_error *err);

#endif
