#include "typed.h"

#include "base/allocator.h"
#include "passes/pipeline.h"

static bool typed_tensor_fits(const xi_type *t, const xinf_tensor *v)
{
    if (t->dtype == XINF_UNDEFINED || t->shape.rank < 0) return false;
    if (t->dtype != v->dtype || t->shape.rank != v->shape.rank) return false;
    for (int32_t i = 0; i < v->shape.rank; i++)
        if (t->shape.dim[i] >= 0 && t->shape.dim[i] != v->shape.dim[i]) return false;
    return true;
}

static bool typed_fits(const xi_type *t, const xinf_tensor *v)
{
    if (t->kind != (v ? v->kind : XINF_KIND_NONE)) return false;
    if (t->kind == XINF_KIND_TENSOR) return typed_tensor_fits(t, v);
    if (t->kind != XINF_KIND_SEQUENCE || !t->element) return true;
    for (int64_t i = 0; i < v->count; i++)
        if (v->items[i]->kind != t->element->kind || !typed_tensor_fits(t->element, v->items[i]))
            return false;
    return true;
}

/* The type that takes both: sizes that differ are open. False when dtype, rank or kind differ. */
static bool typed_widen(xi_type *t, const xi_type *seen)
{
    if (t->kind != seen->kind || t->dtype != seen->dtype || t->shape.rank != seen->shape.rank)
        return false;
    for (int32_t i = 0; i < t->shape.rank; i++)
        if (t->shape.dim[i] != seen->shape.dim[i] || seen->shape.dim[i] < 0)
            t->shape.dim[i] = XI_DIM_UNKNOWN;
    if (!t->element || !seen->element) return t->element == seen->element;
    return typed_widen((xi_type *)t->element, seen->element);
}

/* The type of a value; `element` is room for that of a sequence's items, which has one when they
 * are tensors of one dtype and rank. */
static xi_type typed_of(xi_type *element, const xinf_tensor *v)
{
    xi_type t = XI_TYPE_UNKNOWN;
    t.kind = v ? v->kind : XINF_KIND_NONE;
    if (v && v->kind == XINF_KIND_TENSOR) {
        t.dtype = v->dtype;
        t.shape = v->shape;
    }
    if (!v || v->kind != XINF_KIND_SEQUENCE || !v->count) return t;
    for (int64_t i = 0; i < v->count; i++) {
        const xinf_tensor *item = v->items[i];
        xi_type one = XI_TYPE_UNKNOWN;
        one.dtype = item->dtype;
        one.shape = item->shape;
        if (item->kind != XINF_KIND_TENSOR) return t;
        if (i == 0) *element = one;
        if (!typed_widen(element, &one)) return t;
    }
    t.element = element;
    return t;
}

static xinf_status typed_import(xi_import *out, const xinf_model *m, const xi_type *types,
                                int32_t count, xinf_error *err)
{
    xinf_status status;
    XI_TRY(m->import.retype(out, m->import.owner, types, count, err));
    XI_TRY(xi_graph_verify(out->graph, err));
    XI_TRY(xi_graph_infer(out->graph, err));
    XI_TRY(xi_passes_run(out->graph, XI_STAGE_LOAD, NULL, NULL, err));
cleanup:
    if (status != XINF_OK) {
        xi_family_destroy(out->family);
        *out = (xi_import){0};
    }
    return status;
}

/* Takes over an import and the types that it was made for. */
static void typed_take(xi_typed *t, const xinf_model *m, const xi_import *made, xi_type *types,
                       int32_t count)
{
    /* Sizes that the program leaves open need no new import. */
    for (int32_t i = 0; i < count && i < made->graph->input_count; i++)
        if (made->graph->inputs[i]->type.kind == XINF_KIND_TENSOR)
            types[i] = made->graph->inputs[i]->type;
    xi_free(&m->alloc, t->types, t->types ? (2 * (size_t)t->count + 1) * sizeof *t->types : 0);
    *t = (xi_typed){.import = *made, .types = types, .count = count};
}

/* Types of all inputs, then room for the items of each. */
static xi_type *typed_list(const xinf_model *m, int32_t count, xinf_error *err)
{
    xi_type *types = xi_calloc(&m->alloc, 2 * (size_t)count + 1, sizeof *types);
    if (!types) xi_fail_memory(err, (2 * (size_t)count + 1) * sizeof *types);
    return types;
}

xinf_status xi_typed_expect(xi_typed *t, const xinf_model *m, const xi_type *inputs, int32_t count,
                            xinf_error *err)
{
    xi_import made = {0};
    xi_type *types = typed_list(m, count, err);
    if (!types) return XINF_OUT_OF_MEMORY;
    if (count) memcpy(types, inputs, (size_t)count * sizeof *types);
    xinf_status status = typed_import(&made, m, types, count, err);
    if (status == XINF_OK)
        typed_take(t, m, &made, types, count);
    else
        xi_free(&m->alloc, types, (2 * (size_t)count + 1) * sizeof *types);
    return status;
}

xinf_status xi_typed_fit(xi_typed *t, xi_import *old, bool *changed, const xinf_model *m,
                         xinf_tensor *const *inputs, int32_t count, xinf_error *err)
{
    xi_type *types;
    xi_import made = {0};
    xinf_status status = XINF_UNSUPPORTED;
    bool fits = t->import.family != NULL, wide = fits;
    *old = (xi_import){0};
    *changed = false;
    for (int32_t i = 0; i < count && fits; i++) fits = typed_fits(&t->types[i], inputs[i]);
    if (fits) return XINF_OK;
    if (t->import.family && t->import.graph->state_count)
        return xi_fail(err, XINF_MISMATCH,
                       "a model with memory takes inputs of the first run's types and sizes only");
    types = typed_list(m, count, err);
    if (!types) return XINF_OUT_OF_MEMORY;
    for (int32_t i = 0; i < count; i++) {
        types[i] = typed_of(&types[count + i], inputs[i]);
        wide = wide && typed_widen(&types[i], &t->types[i]);
    }
    if (wide) status = typed_import(&made, m, types, count, NULL);
    if (status != XINF_OK) {
        for (int32_t i = 0; i < count; i++) types[i] = typed_of(&types[count + i], inputs[i]);
        status = typed_import(&made, m, types, count, err);
    }
    if (status != XINF_OK) {
        xi_free(&m->alloc, types, (2 * (size_t)count + 1) * sizeof *types);
        return status;
    }
    *old = t->import;
    typed_take(t, m, &made, types, count);
    *changed = true;
    return XINF_OK;
}

void xi_typed_end(xi_typed *t, const xinf_model *m)
{
    xi_family_destroy(t->import.family);
    xi_free(&m->alloc, t->types, t->types ? (2 * (size_t)t->count + 1) * sizeof *t->types : 0);
    *t = (xi_typed){0};
}
