/* einsum.c — sums of products over named dimensions. */
#include "graph/op/einsum.h"

#include "graph/op/dtypes.h"

extern const xi_op xi_ops_einsum[];

static int32_t einsum_label(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

/* One term's letters; `dots` of them are an ellipsis. Its end is a comma, an arrow or the end.
 * Gives the count of labels, -1 for nonsense. */
static int32_t einsum_term(xi_str s, size_t *at, int8_t *label, int32_t dots)
{
    int32_t count = 0;
    bool seen = false;
    for (; *at < s.len && s.ptr[*at] != ',' && s.ptr[*at] != '-'; (*at)++) {
        char c = s.ptr[*at];
        if (c == ' ') continue;
        if (c == '.') {
            if (seen || *at + 2 >= s.len || s.ptr[*at + 1] != '.' || s.ptr[*at + 2] != '.' ||
                dots < 0 || count + dots > XI_MAX_RANK)
                return -1;
            for (int32_t i = 0; i < dots; i++) label[count++] = (int8_t)(52 + dots - 1 - i);
            seen = true;
            *at += 2;
            continue;
        }
        if (einsum_label(c) < 0 || count >= XI_MAX_RANK) return -1;
        label[count++] = (int8_t)einsum_label(c);
    }
    return count;
}

/* Letters of a term without its ellipsis. */
static int32_t einsum_letters(xi_str s, size_t at, bool *ellipsis)
{
    int32_t count = 0;
    *ellipsis = false;
    for (; at < s.len && s.ptr[at] != ',' && s.ptr[at] != '-'; at++) {
        if (s.ptr[at] == '.')
            *ellipsis = true;
        else if (s.ptr[at] != ' ')
            count++;
    }
    return count;
}

static const char *einsum_dimensions(xi_einsum *e, int32_t term, const xi_shape *shape)
{
    for (int32_t i = 0; i < e->rank[term]; i++) {
        int64_t *known = &e->dim[e->label[term][i]], dim = shape->dim[i];
        if (*known == -2 || *known == 1)
            *known = dim < 0 ? -1 : dim;
        else if (dim > 1 || dim == 0) {
            if (*known >= 0 && *known != dim)
                return "one label names dimensions of different sizes";
            *known = dim;
        }
    }
    return NULL;
}

/* What an equation without an arrow means: the ellipsis, then labels that occur once, in order. */
static void einsum_implicit(xi_einsum *e, int32_t dots)
{
    int32_t uses[XI_EINSUM_LABELS] = {0};
    for (int32_t t = 0; t < e->terms; t++)
        for (int32_t i = 0; i < e->rank[t]; i++) uses[e->label[t][i]]++;
    e->out_rank = 0;
    for (int32_t i = dots - 1; i >= 0; i--) e->out[e->out_rank++] = (int8_t)(52 + i);
    for (int32_t l = 0; l < 52; l++)
        if (uses[l] == 1 && e->out_rank < XI_MAX_RANK) e->out[e->out_rank++] = (int8_t)l;
}

const char *xi_einsum_parse(xi_einsum *e, xi_str equation, int32_t terms,
                            const xi_shape *const *shapes)
{
    size_t at = 0;
    int32_t dots = 0;
    *e = (xi_einsum){.terms = terms};
    for (int32_t l = 0; l < XI_EINSUM_LABELS; l++) e->dim[l] = -2;
    if (terms < 1 || terms > XI_EINSUM_TERMS)
        return "the equation has too many terms for this build";
    for (int32_t t = 0; t < terms; t++) {
        bool ellipsis;
        int32_t own = shapes[t]->rank - einsum_letters(equation, at, &ellipsis);
        e->rank[t] = einsum_term(equation, &at, e->label[t], ellipsis ? own : 0);
        if (e->rank[t] < 0) return "the equation is malformed";
        if (e->rank[t] != shapes[t]->rank)
            return "a term's labels are not as many as its dimensions";
        if (ellipsis && own > dots) dots = own;
        const char *why = einsum_dimensions(e, t, shapes[t]);
        if (why) return why;
        bool comma = at < equation.len && equation.ptr[at] == ',';
        if (comma != (t + 1 < terms)) return "the equation's terms are not as many as the inputs";
        at += comma;
    }
    if (at == equation.len) {
        einsum_implicit(e, dots);
        return NULL;
    }
    if (at + 1 >= equation.len || equation.ptr[at] != '-' || equation.ptr[at + 1] != '>')
        return "the equation is malformed";
    at += 2;
    e->out_rank = einsum_term(equation, &at, e->out, dots);
    if (e->out_rank < 0 || at != equation.len) return "the equation is malformed";
    uint64_t seen = 0;
    for (int32_t i = 0; i < e->out_rank; i++) {
        if (e->dim[e->out[i]] == -2) return "the output names a label that no input has";
        if (seen >> e->out[i] & 1) return "the output names a label twice";
        seen |= UINT64_C(1) << e->out[i];
    }
    return NULL;
}

static xinf_status einsum_infer(xi_infer *c)
{
    xinf_status status;
    xi_einsum e;
    xi_shape out = XI_SHAPE_UNKNOWN;
    const xi_shape *shapes[XI_EINSUM_TERMS];
    bool known = true;
    if (c->input_count > XI_EINSUM_TERMS)
        return xi_infer_unsupported(c, "an equation of %d terms", (int)c->input_count);
    for (int32_t i = 0; i < c->input_count; i++) {
        if (!c->in[i]) return xi_infer_fail(c, "input %d is missing", (int)i);
        XI_TRY(xi_infer_among(c, i, XI_DTYPES_NUMBER));
        XI_TRY(xi_infer_same_dtype(c, 0, i));
        shapes[i] = &c->in[i]->shape;
        known = known && shapes[i]->rank >= 0;
    }
    if (known) {
        const char *why = xi_einsum_parse(&e, xi_node_string(c->node, "equation", ""),
                                          c->input_count, shapes);
        if (why) return xi_infer_fail(c, "%s", why);
        out.rank = e.out_rank;
        for (int32_t i = 0; i < e.out_rank; i++) out.dim[i] = e.dim[e.out[i]];
    }
    xi_infer_set(c, 0, xi_infer_dtype(c, 0), &out);
cleanup:
    return status;
}

static const xi_attr_rule einsum_attrs[] = {{"equation", XI_ATTR_STRING, true}, {NULL}};

const xi_op xi_ops_einsum[] = {
    {.name = "Einsum",
     .min_inputs = 1,
     .max_inputs = -1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = einsum_attrs,
     .infer = einsum_infer,
     .tolerance = 1e-5f},
    {0},
};
