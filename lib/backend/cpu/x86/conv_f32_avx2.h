/* conv_f32_avx2.h — sizes that the convolutions of this folder share. */
#ifndef XK_CONV_F32_AVX2_H
#define XK_CONV_F32_AVX2_H

#include "plan/kernel.h"

/* Kernel, stride, dilation, padding; a convolution over one axis has height 1. auto_pad: 0 none, 1
 * SAME_UPPER, 2 SAME_LOWER, 3 VALID. */
typedef struct xk_conv_window {
    int32_t kh, kw, sh, sw, dh, dw, top, left, bottom, right, auto_pad;
} xk_conv_window;

typedef struct xk_conv_shape {
    xk_conv_window window;                     /* padding resolved */
    int64_t batch, ic, oc, ih, iw, oh, ow, pw; /* pw: input width with padding */
    bool padded;
} xk_conv_shape;

/* False for what these kernels do not take: more than two spatial axes, unknown or unusual sizes.
 */
bool xk_conv_window_read(xk_conv_window *w, const xi_node *n, const xi_operand *weight);
void xk_conv_size(xk_conv_shape *s, const xk_conv_window *w, const xi_operand *x,
                  const xi_operand *y);

#endif
