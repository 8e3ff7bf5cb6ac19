#include "import/tensorflow/importer.h"

const Tf__Attr *xi_tf_node_attr(const Tf__Node *n, const char *name)
{
    for (size_t i = 0; n && i < n->n_attr; i++)
        if (xi_str_is(xi_tf_str(n->attr[i]->key), name)) return n->attr[i]->value;
    return NULL;
}

/* A placeholder stands for an attribute of the function's call. */
const Tf__Attr *xi_tf_attr(const xi_tf_call *c, const char *name)
{
    const Tf__Attr *a = xi_tf_node_attr(c->node, name);
    const xi_tf_scope *s = c->scope;
    for (int32_t i = 0; a && a->has_placeholder && s && i < 64; i++, s = s->caller) {
        const Tf__Node *call = s->call;
        const Tf__Attr *found = NULL;
        for (size_t k = 0; call && k < call->n_attr; k++)
            if (xi_str_eq(xi_tf_str(call->attr[k]->key), xi_tf_str(a->placeholder)))
                found = call->attr[k]->value;
        a = found;
    }
    return a && !a->has_placeholder ? a : NULL;
}

int64_t xi_tf_int(const xi_tf_call *c, const char *name, int64_t fallback)
{
    const Tf__Attr *a = xi_tf_attr(c, name);
    return a && a->has_i ? a->i : fallback;
}

float xi_tf_float(const xi_tf_call *c, const char *name, float fallback)
{
    const Tf__Attr *a = xi_tf_attr(c, name);
    return a && a->has_f ? a->f : fallback;
}

bool xi_tf_bool(const xi_tf_call *c, const char *name, bool fallback)
{
    const Tf__Attr *a = xi_tf_attr(c, name);
    return a && a->has_b ? a->b : fallback;
}

xi_str xi_tf_string(const xi_tf_call *c, const char *name, const char *fallback)
{
    const Tf__Attr *a = xi_tf_attr(c, name);
    return a && a->has_s ? xi_tf_str(a->s) : xi_str_of(fallback);
}

int32_t xi_tf_type(const xi_tf_call *c, const char *name, int32_t fallback)
{
    const Tf__Attr *a = xi_tf_attr(c, name);
    return a && a->has_type ? a->type : fallback;
}

int32_t xi_tf_ints(const xi_tf_call *c, const char *name, int64_t *out, int32_t max)
{
    const Tf__Attr *a = xi_tf_attr(c, name);
    if (!a || !a->list) return -1;
    if (a->list->n_i > 4096) return -1;
    for (size_t i = 0; i < a->list->n_i && i < (size_t)max; i++) out[i] = a->list->i[i];
    return (int32_t)a->list->n_i;
}

bool xi_tf_shape(xi_shape *out, const Tf__Shape *s)
{
    *out = XI_SHAPE_UNKNOWN;
    if (!s || s->unknown_rank) return true;
    if (s->n_dim > XI_MAX_RANK) return false;
    out->rank = (int32_t)s->n_dim;
    for (int32_t i = 0; i < out->rank; i++)
        out->dim[i] = s->dim[i]->size < 0 ? XI_DIM_UNKNOWN : s->dim[i]->size;
    return true;
}
