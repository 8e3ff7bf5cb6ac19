/* sampling.h — where Resize reads: for each coordinate of an axis of the output, source coordinates
 * and their weights. */
#ifndef XK_REF_SAMPLING_H
#define XK_REF_SAMPLING_H

#include "plan/kernel.h"

typedef enum xk_sampling_mode {
    XK_SAMPLING_NEAREST,
    XK_SAMPLING_LINEAR,
    XK_SAMPLING_CUBIC
} xk_sampling_mode;

/* Resize's attributes, numbered. */
typedef struct xk_sampling {
    int32_t mode, coordinates, nearest, policy;
    bool antialias, exclude_outside;
    int32_t axis_count; /* -1: all */
    int32_t axes[XI_MAX_RANK];
    float extrapolation, cubic_a;
} xk_sampling;

/* One axis: `taps` entries for each of `wide` coordinates; at -1: outside, the extrapolation value
 * is meant. */
typedef struct xk_sampling_axis {
    int64_t length, wide, taps, room; /* room: entries that at and weight have */
    bool identity;
    double scale, roi_start, roi_end;
    int64_t *at;
    double *weight;
} xk_sampling_axis;

/* Refuses attribute values that are not known. */
xinf_status xk_sampling_read(xk_sampling *s, const xi_node *n, xinf_error *err);
/* Most entries an axis can need, from its two lengths. */
int64_t xk_sampling_room(const xk_sampling *s, int64_t length, int64_t wide);
/* Reads scales, sizes and roi: lengths, scales and identity of every axis of in[0]. */
xinf_status xk_sampling_axes(const xk_sampling *s, const xi_node *n, xi_operand *const *in,
                             int32_t in_count, const xi_operand *out, xk_sampling_axis *axes,
                             xinf_error *err);
/* Fills at and weight; axes that are identities stay empty. */
xinf_status xk_sampling_fill(const xk_sampling *s, const xi_node *n, xk_sampling_axis *a,
                             xinf_error *err);

#endif
