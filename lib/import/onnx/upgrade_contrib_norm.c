/* upgrade_contrib_norm.c — com.microsoft: normalisations and the embedding in front of a
 * transformer. */
#include "import/onnx/formula.h"

/* LayerNormalization over the last axis, or RMSNormalization without beta and mean. */
static xi_node *contrib_norm(xi_formula *f, xi_value *x, xi_value *gamma, xi_value *beta,
                             bool simplified, float epsilon)
{
    xi_formula_int(f, "axis", -1);
    xi_formula_float(f, "epsilon", epsilon);
    return simplified ? XI_PUT_NODE(f, "RMSNormalization", 1, x, gamma)
                      : XI_PUT_NODE(f, "LayerNormalization", 3, x, gamma, beta);
}

/* Inputs: X, skip, gamma, [beta, only of the full form], [bias]. */
static xinf_status contrib_skip_norm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    bool simplified = xi_str_is(n->op_name, "SkipSimplifiedLayerNormalization");
    xi_value *beta = simplified ? NULL : xi_formula_in(&f, 3),
             *bias = xi_formula_in(&f, simplified ? 3 : 4);
    xi_value *sum = XI_PUT(&f, "Add", xi_formula_in(&f, 0), xi_formula_in(&f, 1));
    sum = xi_formula_plus(&f, sum, bias);
    xi_node *norm = contrib_norm(&f, sum, xi_formula_in(&f, 2), beta, simplified,
                                 xi_node_float(n, "epsilon", 1e-12f));
    xi_formula_give(&f, 0, xi_formula_output(&f, norm, 0));
    for (int32_t i = 1; i < 3 && !simplified; i++)
        xi_formula_give(&f, i, xi_formula_output(&f, norm, i));
    xi_formula_give(&f, 3, sum);
    return xi_formula_end(&f);
}

static xinf_status contrib_simplified(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_formula_int(&f, "axis", xi_node_int(n, "axis", -1));
    xi_formula_pass(&f, "epsilon");
    xi_formula_pass(&f, "stash_type");
    xi_formula_give(&f, 0,
                    XI_PUT(&f, "RMSNormalization", xi_formula_in(&f, 0), xi_formula_in(&f, 1)));
    return xi_formula_end(&f);
}

/* How many tokens of each sequence the mask keeps. */
static xi_value *contrib_mask_lengths(xi_formula *f, xi_value *ids, xi_value *mask)
{
    if (!mask) {
        xi_value *rows = XI_PUT(f, "ConstantOfShape", xi_formula_size(f, ids, 0));
        return xi_formula_cast(f, rows, XINF_INT32);
    }
    xi_value *kept = xi_formula_cast(f, XI_PUT(f, "Equal", mask, xi_formula_scalar(f, mask, 1)),
                                     XINF_INT32);
    xi_formula_int(f, "keepdims", 0);
    return XI_PUT(f, "ReduceSum", kept, XI_LIST(f, 1));
}

/* Inputs: ids, segments, word, position and segment tables, gamma, beta, mask, position ids. */
static xinf_status contrib_embed_norm(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    xi_formula f = xi_formula_of(im, n);
    xi_value *ids = xi_formula_in(&f, 0), *segments = xi_formula_in(&f, 1),
             *positions = xi_formula_in(&f, 8);
    xi_value *sum = XI_PUT(&f, "Gather", xi_formula_in(&f, 2), ids), *place;
    if (positions)
        place = XI_PUT(&f, "Gather", xi_formula_in(&f, 3), positions);
    else
        place = XI_PUT(&f, "Gather", xi_formula_in(&f, 3),
                       xi_formula_range(&f, xi_formula_size(&f, ids, 1)));
    sum = XI_PUT(&f, "Add", sum, place);
    if (segments)
        sum = XI_PUT(&f, "Add", sum, XI_PUT(&f, "Gather", xi_formula_in(&f, 4), segments));
    xi_node *norm = contrib_norm(&f, sum, xi_formula_in(&f, 5), xi_formula_in(&f, 6), false,
                                 xi_node_float(n, "epsilon", 1e-12f));
    xi_formula_give(&f, 0, xi_formula_output(&f, norm, 0));
    if (xi_formula_wants(&f, 1))
        xi_formula_give(&f, 1, contrib_mask_lengths(&f, ids, xi_formula_in(&f, 7)));
    xi_formula_give(&f, 2, sum);
    return xi_formula_end(&f);
}

const xi_onnx_upgrade_row xi_onnx_upgrade_contrib_norm[] = {
    {"SkipLayerNormalization", 1, 1, contrib_skip_norm},
    {"SkipSimplifiedLayerNormalization", 1, 1, contrib_skip_norm},
    {"SimplifiedLayerNormalization", 1, 1, contrib_simplified},
    {"EmbedLayerNormalization", 1, 1, contrib_embed_norm},
    {NULL, 0, 0, NULL},
};
