/* labels.c — class labels and transforms of scores. */
#include "graph/op/labels.h"

xi_labels xi_labels_of(const xi_node *n, const char *ints)
{
    xi_labels l = {0};
    const xi_attr *strings = xi_node_attr(n, "classlabels_strings");
    if (strings && strings->type == XI_ATTR_STRINGS && strings->count > 0)
        return (xi_labels){.count = strings->count, .strings = strings->strings};
    l.count = xi_node_ints(n, ints, &l.ints);
    return l;
}

bool xi_transform_of(const xi_node *n, xi_transform *out)
{
    static const char *const names[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    xi_str name = xi_node_string(n, "post_transform", "NONE");
    for (int32_t i = 0; i < (int32_t)(sizeof names / sizeof *names); i++) {
        if (!xi_str_is(name, names[i])) continue;
        *out = (xi_transform)i;
        return true;
    }
    return false;
}

xinf_status xi_infer_rows(xi_infer *c, int64_t *rows, int64_t *columns)
{
    const xi_shape *x = &c->in[0]->shape;
    *rows = *columns = XI_DIM_UNKNOWN;
    if (x->rank < 0) return XINF_OK;
    if (x->rank != 1 && x->rank != 2)
        return xi_infer_fail(c, "the input has rank %d, not 1 or 2", (int)x->rank);
    *rows = x->rank == 2 ? x->dim[0] : 1;
    *columns = x->dim[x->rank - 1];
    return XINF_OK;
}
