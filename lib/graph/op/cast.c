/* cast.c — the same elements in another type. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_cast[];

static xinf_status cast_target(xi_infer *c, xinf_dtype *out)
{
    int64_t to = xi_node_int(c->node, "to", 0);
    if (to <= 0 || to >= XI_DTYPE_COUNT)
        return xi_infer_unsupported(c, "cast to element type %lld", (long long)to);
    *out = (xinf_dtype)to;
    return XINF_OK;
}

static xinf_status cast_mode(xi_infer *c)
{
    xi_str mode = xi_node_string(c->node, "round_mode", "up");
    if (xi_str_is(mode, "up") || xi_str_is(mode, "down") || xi_str_is(mode, "nearest"))
        return XINF_OK;
    return xi_infer_fail(c, "round_mode is %.*s", XI_STR_ARG(mode));
}

static xinf_status cast_infer(xi_infer *c)
{
    xinf_status status;
    xinf_dtype to = XINF_UNDEFINED;
    XI_TRY(cast_target(c, &to));
    XI_TRY(cast_mode(c));
    xi_infer_set(c, 0, to, &c->in[0]->shape);
cleanup:
    return status;
}

static xinf_status cast_like_infer(xi_infer *c)
{
    xinf_status status;
    XI_TRY(cast_mode(c));
    xi_infer_set(c, 0, c->in[1]->dtype, &c->in[0]->shape);
cleanup:
    return status;
}

static xinf_status cast_bits_infer(xi_infer *c)
{
    xinf_status status;
    xinf_dtype to = XINF_UNDEFINED, from = c->in[0]->dtype;
    XI_TRY(cast_target(c, &to));
    if (to == XINF_STRING || from == XINF_STRING)
        return xi_infer_fail(c, "strings have no bits to reinterpret");
    if (from != XINF_UNDEFINED && xi_dtype_bits(from) != xi_dtype_bits(to))
        return xi_infer_fail(c, "%s and %s differ in size", xinf_dtype_name(from),
                             xinf_dtype_name(to));
    xi_infer_set(c, 0, to, &c->in[0]->shape);
cleanup:
    return status;
}

static const xi_attr_rule cast_attrs[] = {{"to", XI_ATTR_INT, true},
                                          {"saturate", XI_ATTR_INT, false},
                                          {"round_mode", XI_ATTR_STRING, false},
                                          {NULL}};
static const xi_attr_rule cast_bits_attrs[] = {{"to", XI_ATTR_INT, true}, {NULL}};

const xi_op xi_ops_cast[] = {
    {.name = "Cast",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = cast_attrs,
     .infer = cast_infer},
    {.name = "CastLike",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = cast_attrs + 1,
     .infer = cast_like_infer},
    {.name = "BitCast",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = cast_bits_attrs,
     .infer = cast_bits_infer},
    {0},
};
