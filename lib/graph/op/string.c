/* string.c — operators on texts: StringConcat, StringSplit, StringNormalizer, RegexFullMatch. */
#include "graph/op.h"

extern const xi_op xi_ops_string[];

static const xinf_dtype string_only[] = {XINF_STRING, 0};

static xinf_status string_concat(xi_infer *c)
{
    xi_shape r;
    xinf_status status = XINF_OK;
    XI_TRY(xi_infer_want(c, 0, string_only));
    XI_TRY(xi_infer_want(c, 1, string_only));
    XI_TRY(xi_infer_broadcast(c, 0, 2, &r));
    xi_infer_set(c, 0, XINF_STRING, &r);
cleanup:
    return status;
}

static xinf_status string_split(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    xi_shape r = *in;
    if (in->rank >= XI_MAX_RANK) return xi_infer_fail(c, "its input has rank %d", (int)in->rank);
    if (r.rank >= 0) r.dim[r.rank++] = XI_DIM_UNKNOWN;
    xi_infer_set(c, 0, XINF_STRING, &r);
    xi_infer_set(c, 1, XINF_INT64, in);
    return xi_infer_want(c, 0, string_only);
}

static xinf_status string_normalizer(xi_infer *c)
{
    const xi_shape *in = &c->in[0]->shape;
    xi_shape r = *in;
    xi_str change = xi_node_string(c->node, "case_change_action", "NONE");
    if (!xi_str_is(change, "NONE") && !xi_str_is(change, "LOWER") && !xi_str_is(change, "UPPER"))
        return xi_infer_fail(c, "case_change_action \"%.*s\" is not known", XI_STR_ARG(change));
    if (in->rank >= 0 && in->rank != 1 && (in->rank != 2 || in->dim[0] > 1))
        return xi_infer_fail(c, "its input must be [C] or [1,C]");
    if (r.rank > 0) r.dim[r.rank - 1] = XI_DIM_UNKNOWN;
    xi_infer_set(c, 0, XINF_STRING, &r);
    return xi_infer_want(c, 0, string_only);
}

static xinf_status string_regex(xi_infer *c)
{
    xi_infer_set(c, 0, XINF_BOOL, &c->in[0]->shape);
    return xi_infer_want(c, 0, string_only);
}

static const xi_attr_rule string_split_attrs[] = {
    {"delimiter", XI_ATTR_STRING, false}, {"maxsplit", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule string_normalizer_attrs[] = {
    {"case_change_action", XI_ATTR_STRING, false},
    {"is_case_sensitive", XI_ATTR_INT, false},
    {"locale", XI_ATTR_STRING, false},
    {"stopwords", XI_ATTR_STRINGS, false},
    {NULL}};
static const xi_attr_rule string_regex_attrs[] = {{"pattern", XI_ATTR_STRING, false}, {NULL}};

const xi_op xi_ops_string[] = {
    {.name = "StringConcat",
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .infer = string_concat},
    {.name = "StringSplit",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 2,
     .attrs = string_split_attrs,
     .infer = string_split,
     .flags = XI_OP_DATA_SHAPE},
    {.name = "StringNormalizer",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = string_normalizer_attrs,
     .infer = string_normalizer,
     .flags = XI_OP_DATA_SHAPE},
    {.name = "RegexFullMatch",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = string_regex_attrs,
     .infer = string_regex},
    {0},
};
