/* grid.c — sampling at given places, and the places of an affine map: GridSample, AffineGrid. */
#include "graph/op.h"

extern const xi_op xi_ops_grid[];

static const xinf_dtype grid_floats[] = {XINF_FLOAT32, XINF_FLOAT64, XINF_FLOAT16, XINF_BFLOAT16,
                                         0};

static xinf_status grid_sample(xi_infer *c)
{
    const xi_shape *x = &c->in[0]->shape, *grid = &c->in[1]->shape;
    xi_shape r = {.rank = x->rank >= 0 ? x->rank : grid->rank};
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 1, grid_floats));
    if (r.rank >= 0 && r.rank < 3) return xi_infer_fail(c, "its input has rank %d", (int)r.rank);
    if (x->rank >= 0 && grid->rank >= 0) {
        if (x->rank != grid->rank) return xi_infer_fail(c, "input and grid differ in rank");
        if (grid->dim[grid->rank - 1] >= 0 && grid->dim[grid->rank - 1] != x->rank - 2)
            return xi_infer_fail(c, "grid has %lld coordinates for %d dimensions",
                                 (long long)grid->dim[grid->rank - 1], (int)(x->rank - 2));
        if (x->dim[0] >= 0 && grid->dim[0] >= 0 && x->dim[0] != grid->dim[0])
            return xi_infer_fail(c, "input and grid differ in batch");
    }
    for (int32_t i = 0; i < r.rank; i++)
        r.dim[i] = i < 2             ? (x->rank >= 0 ? x->dim[i] : XI_DIM_UNKNOWN)
                   : grid->rank >= 0 ? grid->dim[i - 1]
                                     : XI_DIM_UNKNOWN;
    if (r.rank >= 0 && r.dim[0] < 0 && grid->rank >= 0 && grid->dim[0] >= 0)
        r.dim[0] = grid->dim[0];
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static xinf_status grid_affine(xi_infer *c)
{
    const xi_shape *theta = &c->in[0]->shape, *size = &c->in[1]->shape;
    int64_t v[5];
    xi_shape r = XI_SHAPE_UNKNOWN;
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 0, grid_floats));
    if ((theta->rank >= 0 && theta->rank != 3) || size->rank > 1)
        return xi_infer_fail(c, "theta and size must have ranks 3 and 1");
    if (size->rank == 1 && size->dim[0] >= 0 && size->dim[0] != 4 && size->dim[0] != 5)
        return xi_infer_fail(c, "size lists %lld numbers", (long long)size->dim[0]);
    int32_t n = xi_infer_ints(c, 1, v, 5);
    if (n >= 0) {
        r.rank = n;
        if (n != 4 && n != 5) return xi_infer_fail(c, "size lists %d numbers", (int)n);
        for (int32_t i = 0; i < n; i++)
            if (v[i] < 0) return xi_infer_fail(c, "size %d is %lld", (int)i, (long long)v[i]);
        for (int32_t i = 1; i < n - 1; i++) r.dim[i] = v[i + 1];
        r.dim[0] = v[0];
        r.dim[n - 1] = n - 2;
        if (theta->rank == 3 && ((theta->dim[0] >= 0 && theta->dim[0] != v[0]) ||
                                 (theta->dim[1] >= 0 && theta->dim[1] != n - 2) ||
                                 (theta->dim[2] >= 0 && theta->dim[2] != n - 1)))
            return xi_infer_fail(c, "theta does not fit a size of %d numbers", (int)n);
    }
    xi_infer_set(c, 0, c->in[0]->dtype, &r);
cleanup:
    return status;
}

static const xi_attr_rule grid_sample_attrs[] = {{"align_corners", XI_ATTR_INT, false},
                                                 {"mode", XI_ATTR_STRING, false},
                                                 {"padding_mode", XI_ATTR_STRING, false},
                                                 {NULL}};
static const xi_attr_rule grid_affine_attrs[] = {{"align_corners", XI_ATTR_INT, false}, {NULL}};

const xi_op xi_ops_grid[] = {
    {.name = "GridSample",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = grid_sample_attrs,
     .infer = grid_sample,
     .tolerance = 1e-5f},
    {.name = "AffineGrid",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = grid_affine_attrs,
     .infer = grid_affine,
     .tolerance = 1e-5f},
    {0},
};
