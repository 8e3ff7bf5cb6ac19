/* random.c — random tensors: the same numbers in every run (docs/operators.md says how they are
 * made). */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_random[];

/* The attribute dtype, or the type of input 0, or `fallback`; one of `set`. */
static xinf_status random_dtype(xi_infer *c, xinf_dtype fallback, uint32_t set, xinf_dtype *out)
{
    int64_t wanted = xi_node_int(c->node, "dtype", fallback);
    *out = (xinf_dtype)wanted;
    if (wanted == XINF_UNDEFINED && !xi_node_has(c->node, "dtype")) return XINF_OK;
    if (wanted < 0 || wanted >= XI_DTYPE_COUNT || !(set & XI_DTYPE_BIT(wanted)))
        return xi_infer_fail(c, "dtype %lld is not possible", (long long)wanted);
    return XINF_OK;
}

static xinf_status random_shape(xi_infer *c)
{
    const int64_t *dims;
    xinf_dtype dtype;
    int32_t rank = xi_node_ints(c->node, "shape", &dims);
    xinf_status status = random_dtype(c, XINF_FLOAT32, XI_DTYPES_FLOAT, &dtype);
    if (status) return status;
    if (rank > XI_MAX_RANK) return xi_infer_unsupported(c, "shape has %d dimensions", (int)rank);
    for (int32_t i = 0; i < rank; i++)
        if (dims[i] < 0) return xi_infer_fail(c, "shape has the size %lld", (long long)dims[i]);
    xi_shape shape = xi_shape_of(rank, dims);
    xi_infer_set(c, 0, dtype, &shape);
    return XINF_OK;
}

static xinf_status random_like(xi_infer *c)
{
    xinf_dtype dtype;
    xinf_status status = random_dtype(c, xi_infer_dtype(c, 0), XI_DTYPES_FLOAT, &dtype);
    if (status == XINF_OK) xi_infer_set(c, 0, dtype, &c->in[0]->shape);
    return status;
}

static xinf_status random_bernoulli(xi_infer *c)
{
    xinf_status status;
    xinf_dtype dtype;
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    XI_TRY(random_dtype(c, xi_infer_dtype(c, 0), XI_DTYPES_NUMBER | XI_DTYPES_BOOL, &dtype));
    xi_infer_set(c, 0, dtype, &c->in[0]->shape);
cleanup:
    return status;
}

static xinf_status random_multinomial(xi_infer *c)
{
    xinf_status status;
    xinf_dtype dtype;
    const xi_shape *in = &c->in[0]->shape;
    int64_t samples = xi_node_int(c->node, "sample_size", 1);
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_FLOAT));
    XI_TRY(random_dtype(c, XINF_INT32, XI_DTYPES_INDEX, &dtype));
    if (in->rank >= 0 && in->rank != 2)
        return xi_infer_fail(c, "the input has rank %d", (int)in->rank);
    if (samples < 1) return xi_infer_fail(c, "sample_size is %lld", (long long)samples);
    if (in->rank == 2 && in->dim[1] == 0 && in->dim[0] != 0)
        return xi_infer_fail(c, "there are no classes");
    xi_shape shape = {.rank = 2, .dim = {in->rank == 2 ? in->dim[0] : -1, samples}};
    xi_infer_set(c, 0, dtype, &shape);
cleanup:
    return status;
}

static const xi_attr_rule random_normal_attrs[] = {
    {"dtype", XI_ATTR_INT, false},  {"mean", XI_ATTR_FLOAT, false}, {"scale", XI_ATTR_FLOAT, false},
    {"seed", XI_ATTR_FLOAT, false}, {"shape", XI_ATTR_INTS, true},  {NULL}};
static const xi_attr_rule random_normal_like_attrs[] = {{"dtype", XI_ATTR_INT, false},
                                                        {"mean", XI_ATTR_FLOAT, false},
                                                        {"scale", XI_ATTR_FLOAT, false},
                                                        {"seed", XI_ATTR_FLOAT, false},
                                                        {NULL}};
static const xi_attr_rule random_uniform_attrs[] = {
    {"dtype", XI_ATTR_INT, false},  {"high", XI_ATTR_FLOAT, false}, {"low", XI_ATTR_FLOAT, false},
    {"seed", XI_ATTR_FLOAT, false}, {"shape", XI_ATTR_INTS, true},  {NULL}};
static const xi_attr_rule random_uniform_like_attrs[] = {{"dtype", XI_ATTR_INT, false},
                                                         {"high", XI_ATTR_FLOAT, false},
                                                         {"low", XI_ATTR_FLOAT, false},
                                                         {"seed", XI_ATTR_FLOAT, false},
                                                         {NULL}};
static const xi_attr_rule random_bernoulli_attrs[] = {
    {"dtype", XI_ATTR_INT, false}, {"seed", XI_ATTR_FLOAT, false}, {NULL}};
static const xi_attr_rule random_multinomial_attrs[] = {{"dtype", XI_ATTR_INT, false},
                                                        {"sample_size", XI_ATTR_INT, false},
                                                        {"seed", XI_ATTR_FLOAT, false},
                                                        {NULL}};

#define RANDOM(op, inputs, rules, rule)                                           \
    {                                                                             \
        .name = op, .min_inputs = inputs, .max_inputs = inputs, .min_outputs = 1, \
        .max_outputs = 1, .attrs = rules, .infer = rule, .flags = XI_OP_RANDOM    \
    }

const xi_op xi_ops_random[] = {
    RANDOM("RandomNormal", 0, random_normal_attrs, random_shape),
    RANDOM("RandomNormalLike", 1, random_normal_like_attrs, random_like),
    RANDOM("RandomUniform", 0, random_uniform_attrs, random_shape),
    RANDOM("RandomUniformLike", 1, random_uniform_like_attrs, random_like),
    RANDOM("Bernoulli", 1, random_bernoulli_attrs, random_bernoulli),
    RANDOM("Multinomial", 1, random_multinomial_attrs, random_multinomial),
    {0},
};

#undef RANDOM
