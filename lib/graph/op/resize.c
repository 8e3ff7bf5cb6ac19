/* resize.c — sampling of a tensor on another grid: Resize. */
#include <math.h>

#include "graph/op.h"

extern const xi_op xi_ops_resize[];

/* Element k of a float list whose contents are known. */
static double resize_number(const xi_literal *l, int64_t k)
{
    int64_t bits = 0;
    size_t size = xinf_dtype_size(l->dtype);
    memcpy(&bits, (const char *)l->data + (size_t)k * size, size);
    return xi_dtype_load_f64(&bits, l->dtype, 0);
}

/* An optional list of `want` numbers: -1 absent, 0 there but not known, 1 known. */
static xinf_status resize_list(xi_infer *c, int32_t i, int32_t want, int32_t *state)
{
    const xi_type *t = xi_infer_in(c, i);
    int64_t count = -1;
    *state = -1;
    if (!t) return XINF_OK;
    if (xi_shape_count(&t->shape, &count) && count == 0) return XINF_OK;
    if (t->shape.rank > 1) return xi_infer_fail(c, "input %d must have rank 1", (int)i);
    if (want >= 0 && count >= 0 && count != want)
        return xi_infer_fail(c, "input %d lists %lld numbers, not %d", (int)i, (long long)count,
                             (int)want);
    *state = want >= 0 && c->known[i] && c->known[i]->count == want;
    return XINF_OK;
}

static xinf_status resize_by_scales(xi_infer *c, const int32_t *axes, int32_t n, xi_shape *r)
{
    for (int32_t i = 0; i < n; i++) {
        double s = resize_number(c->known[2], i), size;
        if (!(s > 0) || s > 1e9) return xi_infer_fail(c, "scale %d is %g", (int)i, s);
        if (r->dim[axes[i]] < 0) {
            r->dim[axes[i]] = s == 1 ? r->dim[axes[i]] : XI_DIM_UNKNOWN;
            continue;
        }
        size = floor((double)((float)r->dim[axes[i]] * (float)s));
        if (size > 1e15) return xi_infer_fail(c, "dimension %d would be too large", (int)axes[i]);
        r->dim[axes[i]] = (int64_t)size;
    }
    return XINF_OK;
}

static xinf_status resize_by_sizes(xi_infer *c, const int32_t *axes, int32_t n, xi_shape *r)
{
    xi_str policy = xi_node_string(c->node, "keep_aspect_ratio_policy", "stretch");
    bool larger = xi_str_is(policy, "not_smaller"),
         keep = larger || xi_str_is(policy, "not_larger"), told = true;
    int64_t v[XI_MAX_RANK];
    double scale = 0;
    xi_infer_ints(c, 3, v, XI_MAX_RANK);
    if (!keep && !xi_str_is(policy, "stretch"))
        return xi_infer_fail(c, "keep_aspect_ratio_policy \"%.*s\" is not known",
                             XI_STR_ARG(policy));
    for (int32_t i = 0; i < n; i++) {
        int64_t in = r->dim[axes[i]];
        if (v[i] < 0 || v[i] > (int64_t)1 << 50)
            return xi_infer_fail(c, "size %d is %lld", (int)i, (long long)v[i]);
        if (in == 0 && v[i] > 0)
            return xi_infer_fail(c, "dimension %d has no elements", (int)axes[i]);
        told = told && in > 0;
        double s = told ? (double)v[i] / (double)in : 0;
        scale = i == 0 || (larger ? s > scale : s < scale) ? s : scale;
    }
    for (int32_t i = 0; i < n; i++) {
        int64_t in = r->dim[axes[i]];
        r->dim[axes[i]] = !keep  ? v[i]
                          : told ? (int64_t)(scale * (double)in + 0.5)
                                 : XI_DIM_UNKNOWN;
    }
    return XINF_OK;
}

static xinf_status resize_infer(xi_infer *c)
{
    const int64_t *list;
    int32_t n = xi_node_ints(c->node, "axes", &list), axes[XI_MAX_RANK], scales, sizes, roi,
            seen = 0;
    xi_shape r = c->in[0]->shape;
    xinf_status status = XINF_OK;
    if (r.rank >= 0) {
        if (!xi_node_has(c->node, "axes")) n = r.rank;
        if (n > r.rank) return xi_infer_fail(c, "it names %d axes", (int)n);
        for (int32_t i = 0; i < n; i++) {
            axes[i] = i;
            if (xi_node_has(c->node, "axes")) XI_TRY(xi_infer_axis(c, list[i], r.rank, &axes[i]));
            if (seen >> axes[i] & 1)
                return xi_infer_fail(c, "axis %d is named twice", (int)axes[i]);
            seen |= 1 << axes[i];
        }
    }
    XI_TRY(resize_list(c, 1, r.rank < 0 ? -1 : 2 * n, &roi));
    XI_TRY(resize_list(c, 2, r.rank < 0 ? -1 : n, &scales));
    XI_TRY(resize_list(c, 3, r.rank < 0 ? -1 : n, &sizes));
    if (scales == 1 && sizes == 1) return xi_infer_fail(c, "it has both scales and sizes");
    if (c->input_count > 0 && scales < 0 && sizes < 0)
        return xi_infer_fail(c, "it has neither scales nor sizes");
    if (xi_infer_in(c, 2) && !xi_dtype_is_float(c->in[2]->dtype) &&
        c->in[2]->dtype != XINF_UNDEFINED)
        return xi_infer_fail(c, "scales are %s", xinf_dtype_name(c->in[2]->dtype));
    if (xi_infer_in(c, 3) && !xi_dtype_is_int(c->in[3]->dtype) && c->in[3]->dtype != XINF_UNDEFINED)
        return xi_infer_fail(c, "sizes are %s", xinf_dtype_name(c->in[3]->dtype));
    if (r.rank >= 0 && sizes == 1) {
        XI_TRY(resize_by_sizes(c, axes, n, &r));
    } else if (r.rank >= 0 && scales == 1 && sizes < 0) {
        XI_TRY(resize_by_scales(c, axes, n, &r));
    } else if (r.rank >= 0) {
        for (int32_t i = 0; i < n; i++) r.dim[axes[i]] = XI_DIM_UNKNOWN;
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static const xi_attr_rule resize_attrs[] = {
    {"antialias", XI_ATTR_INT, false},
    {"axes", XI_ATTR_INTS, false},
    {"coordinate_transformation_mode", XI_ATTR_STRING, false},
    {"cubic_coeff_a", XI_ATTR_FLOAT, false},
    {"exclude_outside", XI_ATTR_INT, false},
    {"extrapolation_value", XI_ATTR_FLOAT, false},
    {"keep_aspect_ratio_policy", XI_ATTR_STRING, false},
    {"mode", XI_ATTR_STRING, false},
    {"nearest_mode", XI_ATTR_STRING, false},
    {NULL},
};

const xi_op xi_ops_resize[] = {
    {.name = "Resize",
     .min_inputs = 1,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = resize_attrs,
     .infer = resize_infer,
     .tolerance = 1e-5f},
    {0},
};
