/* sequence.c — sequences and optionals: making them, reading them, joining and splitting. */
#include "graph/op.h"

extern const xi_op xi_ops_sequence[];

static const xinf_dtype sequence_integers[] = {XINF_INT32, XINF_INT64, 0};

static xinf_status sequence_want(xi_infer *c, int32_t i)
{
    const xi_type *t = xi_infer_in(c, i);
    if (!t || t->kind == XINF_KIND_SEQUENCE ||
        (t->kind == XINF_KIND_TENSOR && t->dtype == XINF_UNDEFINED))
        return XINF_OK;
    return xi_infer_fail(c, "input %d is no sequence", (int)i);
}

static xinf_status sequence_want_tensor(xi_infer *c, int32_t i)
{
    if (!c->in[i] || c->in[i]->kind != XINF_KIND_TENSOR)
        return xi_infer_fail(c, "input %d is no tensor", (int)i);
    return XINF_OK;
}

/* Output 0 becomes a sequence of items of a dtype; their shapes may differ. */
static xinf_status sequence_of(xi_infer *c, xinf_dtype dtype, const xi_shape *shape)
{
    xi_type *item = xi_arena_alloc(c->arena, sizeof *item);
    if (!item) return xi_fail_memory(c->err, sizeof *item);
    *item = (xi_type){
        .kind = XINF_KIND_TENSOR, .dtype = dtype, .shape = shape ? *shape : XI_SHAPE_UNKNOWN};
    c->out[0] = (xi_type){.kind = XINF_KIND_SEQUENCE, .element = item};
    return XINF_OK;
}

static xinf_status sequence_construct(xi_infer *c)
{
    xinf_dtype dtype = XINF_UNDEFINED;
    for (int32_t i = 0; i < c->input_count; i++) {
        xinf_status status = sequence_want_tensor(c, i);
        if (status != XINF_OK) return status;
        if (dtype == XINF_UNDEFINED) dtype = c->in[i]->dtype;
        if (c->in[i]->dtype != XINF_UNDEFINED && c->in[i]->dtype != dtype)
            return xi_infer_fail(c, "its inputs differ in dtype");
    }
    return sequence_of(c, dtype, c->input_count == 1 ? &c->in[0]->shape : NULL);
}

static xinf_status sequence_empty(xi_infer *c)
{
    int64_t dtype = xi_node_int(c->node, "dtype", XINF_FLOAT32);
    if (dtype <= 0 || dtype >= XI_DTYPE_COUNT)
        return xi_infer_fail(c, "dtype %lld", (long long)dtype);
    return sequence_of(c, (xinf_dtype)dtype, NULL);
}

static xinf_status sequence_position(xi_infer *c, int32_t i)
{
    int64_t count;
    if (!xi_infer_in(c, i)) return XINF_OK;
    if (xi_shape_count(&c->in[i]->shape, &count) && count != 1)
        return xi_infer_fail(c, "position is no single number");
    return xi_infer_want(c, i, sequence_integers);
}

static xinf_status sequence_at(xi_infer *c)
{
    xinf_status status = sequence_want(c, 0);
    if (status == XINF_OK) status = sequence_position(c, 1);
    if (c->in[0]->element) c->out[0] = *c->in[0]->element;
    return status;
}

static xinf_status sequence_insert(xi_infer *c)
{
    xinf_status status = sequence_want(c, 0);
    if (status == XINF_OK) status = sequence_position(c, 2);
    if (status == XINF_OK) status = sequence_want_tensor(c, 1);
    if (status != XINF_OK) return status;
    const xi_type *item = c->in[0]->element;
    if (item && item->dtype != XINF_UNDEFINED && c->in[1]->dtype != XINF_UNDEFINED &&
        item->dtype != c->in[1]->dtype)
        return xi_infer_fail(c, "a %s does not go into a sequence of %s",
                             xinf_dtype_name(c->in[1]->dtype), xinf_dtype_name(item->dtype));
    return sequence_of(c,
                       c->in[1]->dtype != XINF_UNDEFINED ? c->in[1]->dtype
                       : item                            ? item->dtype
                                                         : XINF_UNDEFINED,
                       NULL);
}

static xinf_status sequence_erase(xi_infer *c)
{
    xinf_status status = sequence_want(c, 0);
    if (status == XINF_OK) status = sequence_position(c, 1);
    c->out[0] = (xi_type){.kind = XINF_KIND_SEQUENCE, .element = c->in[0]->element};
    return status;
}

static xinf_status sequence_length(xi_infer *c)
{
    xi_shape scalar = XI_SHAPE_SCALAR;
    xi_infer_set(c, 0, XINF_INT64, &scalar);
    return sequence_want(c, 0);
}

static xinf_status sequence_concat(xi_infer *c)
{
    const xi_type *item = c->in[0]->element;
    xi_shape r = XI_SHAPE_UNKNOWN;
    int64_t stack = xi_node_int(c->node, "new_axis", 0);
    if (stack != 0 && stack != 1) return xi_infer_fail(c, "new_axis is %lld", (long long)stack);
    xi_infer_set(c, 0, item ? item->dtype : XINF_UNDEFINED, &r);
    return sequence_want(c, 0);
}

static xinf_status sequence_split(xi_infer *c)
{
    xi_shape item = c->in[0]->shape;
    int32_t axis;
    xinf_status status = XINF_OK;
    XI_TRY(sequence_want_tensor(c, 0));
    if (xi_infer_in(c, 1)) {
        XI_TRY(xi_infer_want(c, 1, sequence_integers));
        if (c->in[1]->shape.rank > 1)
            return xi_infer_fail(c, "split has rank %d", (int)c->in[1]->shape.rank);
    }
    if (item.rank >= 0) {
        XI_TRY(xi_infer_axis(c, xi_node_int(c->node, "axis", 0), item.rank, &axis));
        item.dim[axis] = XI_DIM_UNKNOWN;
        if (!xi_infer_in(c, 1)) {
            item.dim[axis] = 1;
            for (int32_t i = axis; !xi_node_int(c->node, "keepdims", 1) && i + 1 < item.rank; i++)
                item.dim[i] = item.dim[i + 1];
            item.rank -= xi_node_int(c->node, "keepdims", 1) == 0;
        }
    }
    status = sequence_of(c, c->in[0]->dtype, &item);
cleanup:
    return status;
}

static xinf_status sequence_optional(xi_infer *c)
{
    const xi_attr *a = xi_node_attr(c->node, "type");
    if (xi_infer_in(c, 0)) {
        c->out[0] = *c->in[0];
    } else if (a && a->type == XI_ATTR_TYPE && a->value_type) {
        c->out[0] = *a->value_type;
    } else {
        return xi_infer_fail(c, "it has neither an input nor a type");
    }
    c->out[0].optional = true;
    return XINF_OK;
}

static xinf_status sequence_has(xi_infer *c)
{
    xi_shape scalar = XI_SHAPE_SCALAR;
    xi_infer_set(c, 0, XINF_BOOL, &scalar);
    return XINF_OK;
}

static xinf_status sequence_get(xi_infer *c)
{
    c->out[0] = *c->in[0];
    c->out[0].optional = false;
    if (c->out[0].kind == XINF_KIND_NONE)
        c->out[0] = XI_TYPE_UNKNOWN; /* an optional of an unknown kind */
    return XINF_OK;
}

static const xi_attr_rule sequence_dtype[] = {{"dtype", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule sequence_concat_attrs[] = {
    {"axis", XI_ATTR_INT, true}, {"new_axis", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule sequence_split_attrs[] = {
    {"axis", XI_ATTR_INT, false}, {"keepdims", XI_ATTR_INT, false}, {NULL}};
static const xi_attr_rule sequence_type[] = {{"type", XI_ATTR_TYPE, false}, {NULL}};

#define SEQUENCE_ROW(op, least, most, rules, rule)                                               \
    {                                                                                            \
        .name = op, .min_inputs = least, .max_inputs = most, .min_outputs = 1, .max_outputs = 1, \
        .attrs = rules, .infer = rule, .flags = XI_OP_HANDLE                                     \
    }

const xi_op xi_ops_sequence[] = {
    SEQUENCE_ROW("SequenceConstruct", 1, -1, NULL, sequence_construct),
    SEQUENCE_ROW("SequenceEmpty", 0, 0, sequence_dtype, sequence_empty),
    SEQUENCE_ROW("SequenceAt", 2, 2, NULL, sequence_at),
    SEQUENCE_ROW("SequenceInsert", 2, 3, NULL, sequence_insert),
    SEQUENCE_ROW("SequenceErase", 1, 2, NULL, sequence_erase),
    SEQUENCE_ROW("SequenceLength", 1, 1, NULL, sequence_length),
    SEQUENCE_ROW("ConcatFromSequence", 1, 1, sequence_concat_attrs, sequence_concat),
    SEQUENCE_ROW("SplitToSequence", 1, 2, sequence_split_attrs, sequence_split),
    SEQUENCE_ROW("Optional", 0, 1, sequence_type, sequence_optional),
    SEQUENCE_ROW("OptionalHasElement", 0, 1, NULL, sequence_has),
    SEQUENCE_ROW("OptionalGetElement", 1, 1, NULL, sequence_get),
    {0},
};

#undef SEQUENCE_ROW
