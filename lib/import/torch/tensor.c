/* tensor.c — memory and views: what a write through one of them does to the others. */
#include "import/torch/op.h"

#include "base/checked.h"
#include "tensor/dtype.h"

/* ---- lists ---- */

xi_aten_value xi_aten_new_list(xi_aten *x, xi_aten_kind kind, int32_t capacity)
{
    xi_aten_value v = {kind, NULL, {.i = 0}};
    if (x->status != XINF_OK) return xi_aten_none();
    v.list = xi_arena_alloc(x->arena, sizeof *v.list);
    if (v.list && capacity > 0)
        v.list->items = xi_arena_array(x->arena, (size_t)capacity, sizeof *v.list->items);
    if (!v.list || (capacity > 0 && !v.list->items)) {
        xi_aten_memory(x);
        return xi_aten_none();
    }
    v.list->capacity = capacity > 0 ? capacity : 0;
    return v;
}

bool xi_aten_append(xi_aten *x, xi_aten_list *list, xi_aten_value item)
{
    if (x->status != XINF_OK) return false;
    if (list->count == list->capacity) {
        int32_t room = list->capacity < 4 ? 8 : list->capacity * 2;
        xi_aten_value *items = list->capacity < INT32_MAX / 4
                                   ? xi_arena_array(x->arena, (size_t)room, sizeof *items)
                                   : NULL;
        if (!items) return xi_aten_memory(x), false;
        if (list->count) memcpy(items, list->items, (size_t)list->count * sizeof *items);
        list->items = items;
        list->capacity = room;
    }
    list->items[list->count++] = item;
    return true;
}

const char *xi_aten_kind_name(const xi_aten_value *v)
{
    static const char *const names[] = {
        [XI_ATEN_NONE] = "None",     [XI_ATEN_BOOL] = "bool",     [XI_ATEN_INT] = "int",
        [XI_ATEN_DOUBLE] = "float",  [XI_ATEN_STRING] = "str",    [XI_ATEN_DEVICE] = "Device",
        [XI_ATEN_TENSOR] = "Tensor", [XI_ATEN_LIST] = "list",     [XI_ATEN_TUPLE] = "tuple",
        [XI_ATEN_DICT] = "dict",     [XI_ATEN_OBJECT] = "object", [XI_ATEN_FUNCTION] = "function",
        [XI_ATEN_SEQUENCE] = "list"};
    return (unsigned)v->kind < sizeof names / sizeof *names ? names[v->kind] : "value";
}

/* ---- tensors ---- */

static xi_aten_tensor *tensor_new(xi_aten *x)
{
    xi_aten_tensor *t = x->status == XINF_OK ? xi_arena_alloc(x->arena, sizeof *t) : NULL;
    if (!t)
        xi_aten_memory(x);
    else
        t->axis = -1;
    return t;
}

xi_aten_value xi_aten_tensor_of(xi_aten *x, xi_value *contents)
{
    if (!contents && x->status == XINF_OK)
        xi_aten_fail(x, XINF_INTERNAL, "an operator gave nothing");
    xi_aten_tensor *t = tensor_new(x);
    if (!t) return xi_aten_none();
    t->value = contents;
    return (xi_aten_value){XI_ATEN_TENSOR, NULL, {.tensor = t}};
}

xi_aten_tensor *xi_aten_root(xi_aten_tensor *t)
{
    while (t->base) t = t->base;
    return t;
}

/* Whether a value made in `made` can be used where nodes go now. */
static bool tensor_visible(const xi_aten *x, const xi_value *v)
{
    for (const xi_graph *g = x->graph; g; g = g->parent)
        if (g == v->graph) return true;
    return false;
}

static xi_value *view_forward(xi_aten *x, const xi_aten_view *w, xi_value *base)
{
    switch (w->kind) {
    case XI_ATEN_RESHAPE: return xi_aten_reshape_to(x, base, w->shape);
    case XI_ATEN_PERMUTE: return xi_aten_transpose(x, base, w->perm, w->rank);
    case XI_ATEN_EXPAND: return xi_aten_expand(x, base, w->shape);
    case XI_ATEN_SLICE: {
        xi_value *in[5] = {base, w->start, w->end, xi_aten_int1(x, w->axis), w->step};
        return xi_aten_emit(x, "Slice", 5, in, 0, NULL);
    }
    case XI_ATEN_SELECT: {
        int64_t index;
        xi_value *at = xi_aten_known_ints(w->start, &index, 1) == 1
                           ? xi_aten_whole(x, XINF_INT64, index)
                           : xi_aten_squeeze(x, w->start, 0);
        return xi_aten_gather(x, base, at, w->axis);
    }
    default: return base;
    }
}

/* The indices along the view's axis that it covers, as a tensor of the view's shape. */
static xi_value *view_indices(xi_aten *x, const xi_aten_view *w, xi_value *base, xi_value *shape)
{
    xi_value *dim = xi_aten_gather(x, xi_aten_shape(x, base), xi_aten_whole(x, XINF_INT64, w->axis),
                                   0);
    xi_value *all = xi_aten_emit3(x, "Range", xi_aten_whole(x, XINF_INT64, 0), dim,
                                  xi_aten_whole(x, XINF_INT64, 1));
    xi_value *in[5] = {all, w->start, w->end, xi_aten_int1(x, 0), w->step};
    int64_t dims[XI_MAX_RANK];
    int32_t rank = xi_aten_rank(base);
    if (rank < 0) rank = xi_aten_need_rank(x, base, "a write to a slice");
    for (int32_t i = 0; i < rank; i++) dims[i] = i == w->axis ? -1 : 1;
    return xi_aten_expand(
        x, xi_aten_reshape(x, xi_aten_emit(x, "Slice", 5, in, 0, NULL), dims, rank), shape);
}

static xi_value *view_write_slice(xi_aten *x, const xi_aten_view *w, xi_value *base,
                                  xi_value *contents)
{
    xi_value *index = view_indices(x, w, base, xi_aten_shape(x, contents));
    return xi_aten_emit(x, "ScatterElements", 3, (xi_value *[]){base, index, contents}, 1,
                        (xi_attr[]){XI_ATEN_ATTR_INT("axis", w->axis)});
}

/* A selected item is a slice of one; its index may count from the end. */
static xi_value *view_write_select(xi_aten *x, const xi_aten_view *w, xi_value *base,
                                   xi_value *contents)
{
    xi_value *wide = xi_aten_unsqueeze(x, contents, w->axis);
    int32_t rank = xi_aten_need_rank(x, base, "a write to a selected item");
    int64_t dims[XI_MAX_RANK];
    for (int32_t i = 0; i < rank; i++) dims[i] = 1;
    xi_value *index = xi_aten_expand(x, xi_aten_reshape(x, w->start, dims, rank),
                                     xi_aten_shape(x, wide));
    return xi_aten_emit(x, "ScatterElements", 3, (xi_value *[]){base, index, wide}, 1,
                        (xi_attr[]){XI_ATEN_ATTR_INT("axis", w->axis)});
}

static xi_value *view_backward(xi_aten *x, const xi_aten_view *w, xi_value *base,
                               xi_value *contents)
{
    int64_t perm[XI_MAX_RANK];
    switch (w->kind) {
    case XI_ATEN_ALIAS: return contents;
    case XI_ATEN_RESHAPE: return xi_aten_reshape_to(x, contents, xi_aten_shape(x, base));
    case XI_ATEN_PERMUTE:
        for (int32_t i = 0; i < w->rank; i++) perm[w->perm[i]] = i;
        return xi_aten_transpose(x, contents, perm, w->rank);
    case XI_ATEN_SLICE: return view_write_slice(x, w, base, contents);
    case XI_ATEN_SELECT: return view_write_select(x, w, base, contents);
    default:
        xi_aten_fail(x, XINF_UNSUPPORTED, "a write to an expanded or otherwise overlapping view");
        return NULL;
    }
}

xi_value *xi_aten_read(xi_aten *x, xi_aten_tensor *t)
{
    /* The chain from the tensor to its memory; long ones would be a hostile program's. */
    enum { TENSOR_MAX_VIEWS = 256 };
    xi_aten_tensor *chain[TENSOR_MAX_VIEWS];
    int32_t depth = 0;
    if (x->status != XINF_OK) return NULL;
    for (xi_aten_tensor *at = t; at->base; at = at->base) {
        if (depth == TENSOR_MAX_VIEWS)
            return xi_aten_fail(x, XINF_LIMIT, "more than %d views of views", TENSOR_MAX_VIEWS),
                   NULL;
        chain[depth++] = at;
    }
    xi_aten_tensor *root = xi_aten_root(t);
    xi_value *v = root->value;
    while (depth-- > 0) {
        xi_aten_tensor *at = chain[depth];
        if (at->value && at->version == root->version && tensor_visible(x, at->value)) {
            v = at->value;
            continue;
        }
        if (at->view.kind == XI_ATEN_READ)
            return xi_aten_fail(x, XINF_UNSUPPORTED,
                                "a view of this kind is read after its base was written"),
                   NULL;
        v = view_forward(x, &at->view, v);
        at->value = v;
        at->version = root->version;
    }
    return x->status == XINF_OK ? v : NULL;
}

xinf_status xi_aten_write(xi_aten *x, xi_aten_tensor *t, xi_value *contents)
{
    xi_aten_tensor *root = xi_aten_root(t), *written = t;
    xi_value *before = root->value, *v = contents;
    if (x->status != XINF_OK) return x->status;
    /* A tensor keeps its shape and dtype, whatever is written. */
    for (; t->base && x->status == XINF_OK; t = t->base)
        v = view_backward(x, &t->view, xi_aten_read(x, t->base), v);
    if (x->status != XINF_OK) return x->status;
    root->value = v;
    root->version++;
    if (written != root) {
        written->value = contents;
        written->version = root->version;
    }
    if (x->wrote) x->wrote(x->wrote_self, root, before);
    return x->status;
}

xi_aten_value xi_aten_view_of(xi_aten *x, xi_aten_tensor *base, const xi_aten_view *view)
{
    xi_aten_tensor *t = tensor_new(x);
    if (!t) return xi_aten_none();
    t->base = base;
    t->view = *view;
    t->dtype = base->dtype;
    t->scale = base->scale;
    t->zero_point = base->zero_point;
    t->axis = base->axis;
    /* Emitted now, so that what cannot be is told here. */
    if (!xi_aten_read(x, t)) return xi_aten_none();
    return (xi_aten_value){XI_ATEN_TENSOR, NULL, {.tensor = t}};
}

/* ---- constants of the file ---- */

/* Copies a strided tensor into row-major order. */
static void constant_gather(uint8_t *dst, const xi_torch_tensor *t, size_t size)
{
    int64_t index[XI_TORCH_MAX_RANK] = {0};
    const uint8_t *src = t->data;
    for (int64_t i = 0; i < t->count; i++, dst += size) {
        memcpy(dst, src, size);
        for (int32_t d = t->rank - 1; d >= 0; d--) {
            src += t->strides[d] * (int64_t)size;
            if (++index[d] < t->shape[d]) break;
            src -= t->strides[d] * (int64_t)size * index[d];
            index[d] = 0;
        }
    }
}

static xi_literal *constant_literal(xi_aten *x, const xi_torch_tensor *t)
{
    size_t size = (size_t)xi_torch_dtype_size(t->dtype), bytes;
    xi_literal *l = xi_arena_alloc(x->arena, sizeof *l);
    if (!l || !xi_mul_size((size_t)t->count, size, &bytes)) return NULL;
    *l = (xi_literal){.dtype = xi_torch_dtype_element(t->dtype),
                      .shape = xi_shape_of(t->rank, t->shape),
                      .count = t->count,
                      .data = t->data,
                      .size = bytes};
    if (t->contiguous) {
        l->file = t->storage->in_file ? x->file : NULL;
        return l;
    }
    uint8_t *copy = xi_arena_alloc(x->arena, bytes);
    if (copy) constant_gather(copy, t, size);
    l->data = copy;
    return copy ? l : NULL;
}

static xi_value *constant_vector(xi_aten *x, const xi_torch_value *v, xinf_dtype dtype)
{
    xi_literal *l = constant_literal(x, v->tensor);
    xi_value *made = l ? xi_graph_add_constant(x->graph, (xi_str){NULL, 0}, l) : NULL;
    if (!made) xi_aten_memory(x);
    return xi_aten_cast(x, made, dtype);
}

static void constant_quantizer(xi_aten *x, xi_aten_tensor *out, const xi_torch_tensor *t)
{
    xinf_dtype element = xi_torch_dtype_element(t->dtype);
    out->dtype = t->dtype;
    if (t->scheme == XI_TORCH_PER_TENSOR) {
        out->scale = xi_aten_number(x, XINF_FLOAT32, t->scale);
        out->zero_point = xi_aten_whole(x, element, t->zero_point);
    } else if (t->scheme == XI_TORCH_PER_CHANNEL) {
        out->scale = constant_vector(x, t->scales, XINF_FLOAT32);
        out->zero_point = constant_vector(x, t->zero_points, element);
        out->axis = t->axis;
    } else {
        xi_aten_fail(x, XINF_UNSUPPORTED, "a tensor quantised with float zero points");
    }
}

xi_aten_value xi_aten_constant(xi_aten *x, const xi_torch_tensor *t, xi_str name)
{
    if (x->status != XINF_OK) return xi_aten_none();
    if (t->rank > XI_MAX_RANK)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "tensor \"%.*s\" has %d dimensions",
                            XI_STR_ARG(name), t->rank),
               xi_aten_none();
    if (xi_torch_dtype_element(t->dtype) == XINF_UNDEFINED || t->conj || t->neg)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "tensor \"%.*s\" has dtype %s%s", XI_STR_ARG(name),
                            xi_torch_dtype_name(t->dtype),
                            t->conj || t->neg ? ", conjugated or negated when read" : ""),
               xi_aten_none();
    xi_literal *l = constant_literal(x, t);
    xi_value *v = l ? xi_graph_add_constant(x->graph, name, l) : NULL;
    if (!v) return xi_aten_memory(x), xi_aten_none();
    xi_aten_value out = xi_aten_tensor_of(x, v);
    if (out.kind == XI_ATEN_TENSOR && t->scheme != XI_TORCH_NOT_QUANTIZED)
        constant_quantizer(x, out.tensor, t);
    if (out.kind == XI_ATEN_TENSOR) out.tensor->parameter = t->parameter;
    return x->status == XINF_OK ? out : xi_aten_none();
}
