/* ref_tap.h — one tap of a convolution's kernel at a time: which outputs of a plane it meets, row
 * by row. */
#ifndef XK_REF_TAP_H
#define XK_REF_TAP_H

#include "graph/op/window.h"

typedef struct xk_tap {
    xi_window w;
    int64_t first[XI_WINDOW_RANK],
        count[XI_WINDOW_RANK];     /* outputs that meet the input, for each axis */
    int64_t from[XI_WINDOW_RANK];  /* the input index that the first of them meets */
    int64_t index[XI_WINDOW_RANK]; /* the row, for xk_tap_row */
} xk_tap;

/* Chooses tap number `flat` of the kernel (w is set); false when it meets no input at all. */
bool xk_tap_set(xk_tap *t, int64_t flat);
/* The next row: count[last] outputs from element *to of the output plane, meeting the input plane
 * from element *from in steps of stride[last]. false after the last row. */
bool xk_tap_row(xk_tap *t, int64_t *to, int64_t *from);

#endif
