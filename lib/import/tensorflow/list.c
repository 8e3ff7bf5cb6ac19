/* list.c — TensorLists and TensorArrays as sequences. A reserved list holds placeholders of one
 * element until it is filled. */
#include "import/tensorflow/importer.h"

static void list_sequence_type(xi_tf_call *c, xi_value *v, xinf_dtype dtype, const xi_shape *shape)
{
    xi_type *element = xi_arena_alloc(&c->im->family->arena, sizeof *element);
    if (!v || !element) return;
    *element = XI_TYPE_UNKNOWN;
    element->dtype = dtype;
    if (shape) element->shape = *shape;
    v->type = (xi_type){.kind = XINF_KIND_SEQUENCE, .element = element, .shape = {.rank = -1}};
}

/* The element type is what the file says; a list that is carried through a loop keeps it. */
static xi_value *list_typed(xi_tf_call *c, xi_value *v, const xi_value *like)
{
    if (v && like && like->type.kind == XINF_KIND_SEQUENCE) {
        v->type = like->type;
    }
    return v;
}

static xi_value *list_reserved(xi_tf_call *c, xi_value *count, xinf_dtype dtype)
{
    xi_value *flat = count ? xi_tf_fill(c, count, dtype, 0) : NULL;
    int64_t one = 1;
    if (dtype == XINF_UNDEFINED || dtype == XINF_STRING || !flat) {
        xi_tf_refuse(c, "a list of elements of this type");
        return NULL;
    }
    xi_node *n = xi_tf_node(c, "SplitToSequence", 1, 2,
                            (xi_value *[]){flat, xi_tf_const_int(c, one)}, 2);
    if (n) xi_node_set_int(n, "axis", 0);
    xi_value *v = xi_tf_result(c, n, 0);
    list_sequence_type(c, v, dtype, NULL);
    return v;
}

static xi_value *list_empty(xi_tf_call *c, xinf_dtype dtype)
{
    xi_node *n = xi_tf_node(c, "SequenceEmpty", 1, 1, NULL, 0);
    if (n) xi_node_set_int(n, "dtype", dtype);
    xi_value *v = xi_tf_result(c, n, 0);
    list_sequence_type(c, v, dtype, NULL);
    return v;
}

static xi_value *list_split(xi_tf_call *c, xi_value *x)
{
    xi_node *n = x ? xi_tf_node(c, "SplitToSequence", 1, 2, &x, 1) : NULL;
    if (n) xi_node_set_int(n, "axis", 0);
    if (n) xi_node_set_int(n, "keepdims", 0);
    xi_value *v = xi_tf_result(c, n, 0);
    xi_shape element = XI_SHAPE_UNKNOWN;
    if (xi_tf_rank(x) > 0) element = xi_shape_of(xi_tf_rank(x) - 1, x->type.shape.dim + 1);
    list_sequence_type(c, v, xi_tf_dtype_of(x), &element);
    return v;
}

static xi_value *list_at(xi_tf_call *c, xi_value *list, xi_value *index, xinf_dtype dtype,
                         const xi_shape *shape)
{
    xi_value *v = list && index
                      ? xi_tf_result(
                            c, xi_tf_node(c, "SequenceAt", 1, 0, (xi_value *[]){list, index}, 2), 0)
                      : NULL;
    if (!v) return NULL;
    if (v->type.dtype == XINF_UNDEFINED) v->type.dtype = dtype;
    v->type.kind = XINF_KIND_TENSOR;
    if (shape && shape->rank >= 0 && v->type.shape.rank < 0) v->type.shape = *shape;
    return v;
}

static xi_value *list_set(xi_tf_call *c, xi_value *list, xi_value *index, xi_value *x)
{
    if (!list || !index || !x) return NULL;
    xi_value *less = list_typed(
        c, xi_tf_result(c, xi_tf_node(c, "SequenceErase", 1, 0, (xi_value *[]){list, index}, 2), 0),
        list);
    return less ? list_typed(c,
                             xi_tf_result(c,
                                          xi_tf_node(c, "SequenceInsert", 1, 0,
                                                     (xi_value *[]){less, x, index}, 3),
                                          0),
                             list)
                : NULL;
}

static xi_value *list_stack(xi_tf_call *c, xi_value *list, xinf_dtype dtype,
                            const xi_shape *element)
{
    xi_node *n = list ? xi_tf_node(c, "ConcatFromSequence", 1, 2, &list, 1) : NULL;
    if (n) xi_node_set_int(n, "axis", 0);
    if (n) xi_node_set_int(n, "new_axis", 1);
    xi_value *v = xi_tf_result(c, n, 0);
    if (!v) return NULL;
    if (v->type.dtype == XINF_UNDEFINED) v->type.dtype = dtype;
    if (v->type.shape.rank < 0 && element && element->rank >= 0 && element->rank < XI_MAX_RANK) {
        v->type.shape.rank = element->rank + 1;
        v->type.shape.dim[0] = XI_DIM_UNKNOWN;
        for (int32_t i = 0; i < element->rank; i++) v->type.shape.dim[i + 1] = element->dim[i];
    }
    return v;
}

/* The shape of elements that an input states, when it is known. */
static xi_shape list_element_shape(const xi_value *v)
{
    int64_t dims[XI_MAX_RANK];
    int32_t count = xi_tf_known(v, dims, XI_MAX_RANK);
    if (count < 0 || xi_tf_rank(v) != 1) return XI_SHAPE_UNKNOWN;
    xi_shape s = {.rank = count};
    for (int32_t i = 0; i < count; i++) s.dim[i] = dims[i] < 0 ? XI_DIM_UNKNOWN : dims[i];
    return s;
}

static xi_value *list_index(xi_tf_call *c, int32_t i)
{
    xi_value *v = xi_tf_i64(c, xi_tf_in(c, i));
    return v && xi_tf_rank(v) > 0 ? xi_tf_reshape(c, v, NULL, 0) : v;
}

static xinf_dtype list_dtype(xi_tf_call *c)
{
    return xi_tf_dtype(
        xi_tf_type(c, xi_tf_attr(c, "element_dtype") ? "element_dtype" : "dtype", 0));
}

static void list_op_reserve(xi_tf_call *c)
{
    xi_tf_give(c, 0, list_reserved(c, xi_tf_vector(c, xi_tf_in(c, 1)), list_dtype(c)));
}

static void list_op_empty(xi_tf_call *c)
{
    xi_tf_give(c, 0, list_empty(c, list_dtype(c)));
}

static void list_op_from(xi_tf_call *c)
{
    xi_tf_give(c, 0, list_split(c, xi_tf_in(c, 0)));
}

static void list_op_get(xi_tf_call *c)
{
    xi_shape s = list_element_shape(xi_tf_in(c, 2));
    xi_tf_give(c, 0, list_at(c, xi_tf_in(c, 0), list_index(c, 1), list_dtype(c), &s));
}

static void list_op_set(xi_tf_call *c)
{
    xi_tf_give(c, 0, list_set(c, xi_tf_in(c, 0), list_index(c, 1), xi_tf_in(c, 2)));
}

static void list_op_stack(xi_tf_call *c)
{
    xi_shape s = list_element_shape(xi_tf_in(c, 1));
    xi_tf_give(c, 0, list_stack(c, xi_tf_in(c, 0), list_dtype(c), &s));
}

static void list_op_push(xi_tf_call *c)
{
    xi_value *list = xi_tf_in(c, 0), *x = xi_tf_in(c, 1);
    xi_tf_give(c, 0,
               list && x ? list_typed(c,
                                      xi_tf_result(c,
                                                   xi_tf_node(c, "SequenceInsert", 1, 0,
                                                              (xi_value *[]){list, x}, 2),
                                                   0),
                                      list)
                         : NULL);
}

static void list_op_pop(xi_tf_call *c)
{
    xi_value *list = xi_tf_in(c, 0), *last = xi_tf_const_int(c, -1);
    xi_shape s = list_element_shape(xi_tf_in(c, 1));
    xi_tf_give(c, 0,
               list && last ? list_typed(c,
                                         xi_tf_result(c,
                                                      xi_tf_node(c, "SequenceErase", 1, 0,
                                                                 (xi_value *[]){list, last}, 2),
                                                      0),
                                         list)
                            : NULL);
    xi_tf_give(c, 1, list_at(c, list, last, list_dtype(c), &s));
}

static void list_op_length(xi_tf_call *c)
{
    xi_value *list = xi_tf_in(c, c->row->how);
    xi_tf_give(c, 0, xi_tf_cast(c, list ? xi_tf_op1(c, "SequenceLength", list) : NULL, XINF_INT32));
}

static void list_op_gather(xi_tf_call *c)
{
    xi_shape s = list_element_shape(xi_tf_in(c, 2));
    xi_value *all = list_stack(c, xi_tf_in(c, 0), list_dtype(c), &s), *at = xi_tf_in(c, 1);
    xi_tf_give(c, 0, all && at ? xi_tf_gather(c, all, at, 0) : NULL);
}

static void list_op_concat(xi_tf_call *c)
{
    xi_value *list = xi_tf_in(c, c->row->how);
    xi_node *n = list ? xi_tf_node(c, "ConcatFromSequence", 1, 1, &list, 1) : NULL;
    if (n) xi_node_set_int(n, "axis", 0);
    xi_tf_give(c, 0, xi_tf_result(c, n, 0));
}

/* ---- TensorArray: the flow is the list ---- */

static void list_op_array_make(xi_tf_call *c)
{
    xinf_dtype dtype = list_dtype(c);
    xi_value *v = list_reserved(c, xi_tf_vector(c, xi_tf_in(c, 0)), dtype);
    xi_tf_give(c, 0, v);
    xi_tf_give(c, 1, v);
}

static void list_op_array_read(xi_tf_call *c)
{
    xi_tf_give(c, 0, list_at(c, xi_tf_in(c, 2), list_index(c, 1), list_dtype(c), NULL));
}

static void list_op_array_write(xi_tf_call *c)
{
    xi_tf_give(c, 0, list_set(c, xi_tf_in(c, 3), list_index(c, 1), xi_tf_in(c, 2)));
}

static void list_op_array_gather(xi_tf_call *c)
{
    const Tf__Attr *a = xi_tf_attr(c, "element_shape");
    xi_shape s = XI_SHAPE_UNKNOWN;
    if (a) xi_tf_shape(&s, a->shape);
    xi_value *all = list_stack(c, xi_tf_in(c, 2), list_dtype(c), &s), *at = xi_tf_in(c, 1);
    xi_tf_give(c, 0, all && at ? xi_tf_gather(c, all, at, 0) : NULL);
}

/* Elements are put at indices; they come in order in every file that a framework writes, and are
 * sorted by them here. */
static void list_op_array_scatter(xi_tf_call *c)
{
    xi_value *x = xi_tf_in(c, 2), *at = xi_tf_i64(c, xi_tf_in(c, 1));
    if (!x || !at) {
        xi_tf_give(c, 0, NULL);
        return;
    }
    xi_value *empty = xi_tf_fill(c, xi_tf_shape_of(c, x), xi_tf_dtype_of(x), 0);
    xi_value *sorted = xi_tf_op3(c, "ScatterND", empty, xi_tf_unsqueeze(c, at, -1), x);
    xi_tf_give(c, 0, list_split(c, sorted));
}

static void list_op_array_close(xi_tf_call *c)
{
    (void)c;
}

const xi_tf_row xi_tf_list[] = {
    {"TensorListReserve", list_op_reserve, NULL, 0},
    {"EmptyTensorList", list_op_empty, NULL, 0},
    {"TensorListFromTensor", list_op_from, NULL, 0},
    {"TensorListGetItem", list_op_get, NULL, 0},
    {"TensorListSetItem", list_op_set, NULL, 0},
    {"TensorListStack", list_op_stack, NULL, 0},
    {"TensorListPushBack", list_op_push, NULL, 0},
    {"TensorListPopBack", list_op_pop, NULL, 0},
    {"TensorListLength", list_op_length, NULL, 0},
    {"TensorListGather", list_op_gather, NULL, 0},
    {"TensorListConcatV2", list_op_concat, NULL, 0},
    {"TensorArrayV3", list_op_array_make, NULL, 0},
    {"TensorArrayReadV3", list_op_array_read, NULL, 0},
    {"TensorArrayWriteV3", list_op_array_write, NULL, 0},
    {"TensorArrayGatherV3", list_op_array_gather, NULL, 0},
    {"TensorArrayScatterV3", list_op_array_scatter, NULL, 0},
    {"TensorArraySizeV3", list_op_length, NULL, 1},
    {"TensorArrayConcatV3", list_op_concat, NULL, 1},
    {"TensorArrayCloseV3", list_op_array_close, NULL, 0},
    {NULL, NULL, NULL, 0},
};
