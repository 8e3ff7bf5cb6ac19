#include "import/onnx/onnx.h"

#include <stdio.h>

#include "import/onnx/importer.h"

enum { ONNX_MAX_OPSETS = 256 };

static xinf_status onnx_check_opset(xi_onnx_importer *im, const Onnx__OperatorSet *s)
{
    xi_str domain = xi_onnx_str(s->domain);
    int64_t newest = INT64_MAX;
    if (domain.len == 0 || xi_str_is(domain, "ai.onnx")) newest = XI_ONNX_OPSET;
    if (xi_str_is(domain, "ai.onnx.ml")) newest = XI_ONNX_ML_OPSET;
    if (s->version < 1)
        return xi_fail(im->err, XINF_MALFORMED,
                       "ONNX model: operator set \"%.*s\" has version %lld", XI_STR_ARG(domain),
                       (long long)s->version);
    if (s->version <= newest) return XINF_OK;
    return xi_fail(
        im->err, XINF_UNSUPPORTED,
        "ONNX model: operator set \"%.*s\" %lld is newer than %lld, the newest that is known",
        XI_STR_ARG(domain.len ? domain : XI_STR("ai.onnx")), (long long)s->version,
        (long long)newest);
}

static xinf_status onnx_check_opsets(xi_onnx_importer *im, Onnx__OperatorSet *const *sets,
                                     size_t count)
{
    if (count > ONNX_MAX_OPSETS)
        return xi_fail(im->err, XINF_LIMIT, "ONNX model: it imports %zu operator sets", count);
    for (size_t i = 0; i < count; i++) {
        xinf_status status = onnx_check_opset(im, sets[i]);
        if (status) return status;
    }
    return XINF_OK;
}

static xinf_status onnx_check(xi_onnx_importer *im)
{
    const Onnx__Model *m = im->proto;
    if (m->ir_version < 1)
        return xi_fail(im->err, XINF_MALFORMED, "ONNX model: IR version %lld",
                       (long long)m->ir_version);
    if (m->ir_version >= 3 && m->n_opset_import == 0)
        return xi_fail(im->err, XINF_MALFORMED,
                       "ONNX model: it does not say which operator set it uses");
    xinf_status status = onnx_check_opsets(im, m->opset_import, m->n_opset_import);
    for (size_t i = 0; i < m->n_functions && !status; i++)
        status = onnx_check_opsets(im, m->functions[i]->opset_import,
                                   m->functions[i]->n_opset_import);
    return status;
}

/* Translations before operator set 13 ask for ranks, so types are followed while the nodes are
 * made. */
static bool onnx_wants_early_types(const Onnx__Model *m)
{
    bool modern = false, contrib = false;
    for (size_t i = 0; i < m->n_opset_import; i++) {
        xi_str domain = xi_onnx_str(m->opset_import[i]->domain);
        if (domain.len == 0 || xi_str_is(domain, "ai.onnx"))
            modern = m->opset_import[i]->version >= 13;
    }
    /* Not every file says that it imports the domain. */
    for (size_t i = 0; m->graph && i < m->graph->n_node && !contrib; i++)
        contrib = xi_str_is(xi_onnx_str(m->graph->node[i]->domain), "com.microsoft");
    return !modern || contrib;
}

static bool onnx_note(xi_import *out, xi_str key, xi_str value)
{
    xi_import_note *note = &out->notes[out->note_count];
    note->key = xi_arena_strndup(&out->family->arena, key.ptr, key.len);
    note->value = xi_arena_strndup(&out->family->arena, value.ptr, value.len);
    out->note_count++;
    return note->key && note->value;
}

static bool onnx_note_bytes(xi_import *out, const char *key, ProtobufCBinaryData value)
{
    return value.len == 0 || onnx_note(out, xi_str_of(key), xi_onnx_str(value));
}

static bool onnx_note_number(xi_import *out, const char *key, int64_t value)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%lld", (long long)value);
    return onnx_note(out, xi_str_of(key), (xi_str){text, (size_t)length});
}

/* "17", or "17, ai.onnx.ml 3" with the other domains. */
static bool onnx_note_opsets(xi_import *out, const Onnx__Model *m)
{
    xi_text text;
    xi_text_init(&text, &out->family->arena.alloc);
    for (size_t i = 0; i < m->n_opset_import; i++) {
        xi_str domain = xi_onnx_str(m->opset_import[i]->domain);
        xi_text_addf(&text, "%s%.*s%s%lld", i ? ", " : "", XI_STR_ARG(domain),
                     domain.len ? " " : "", (long long)m->opset_import[i]->version);
    }
    bool done = !text.failed && onnx_note(out, XI_STR("opset"), (xi_str){text.ptr, text.len});
    xi_text_free(&text);
    return done;
}

static xinf_status onnx_notes(xi_import *out, xi_onnx_importer *im)
{
    const Onnx__Model *m = im->proto;
    out->notes = xi_arena_array(&im->family->arena, m->n_metadata_props + 7, sizeof *out->notes);
    bool done = out->notes && m->n_metadata_props < INT32_MAX - 7;
    for (size_t i = 0; i < m->n_metadata_props && done; i++)
        done = onnx_note(out, xi_onnx_str(m->metadata_props[i]->key),
                         xi_onnx_str(m->metadata_props[i]->value));
    done = done && onnx_note_bytes(out, "producer_name", m->producer_name) &&
           onnx_note_bytes(out, "producer_version", m->producer_version) &&
           onnx_note_bytes(out, "domain", m->domain) &&
           (!m->has_model_version || onnx_note_number(out, "model_version", m->model_version)) &&
           onnx_note_number(out, "ir_version", m->ir_version) && onnx_note_opsets(out, m) &&
           onnx_note_bytes(out, "doc_string", m->doc_string);
    return done ? XINF_OK : xi_onnx_no_memory(im);
}

static xi_import_limits onnx_limits(const xi_onnx_model *model, const xi_import_limits *given)
{
    xi_import_limits l = given ? *given : (xi_import_limits){0};
    if (!l.max_bytes) l.max_bytes = xi_onnx_model_limit(model);
    if (!l.max_steps) l.max_steps = 4000000;
    if (!l.max_depth) l.max_depth = 32;
    /* The tree is still there: both together stay within the limit. */
    l.max_bytes -= model->tree.used < l.max_bytes ? model->tree.used : l.max_bytes - 1;
    return l;
}

xinf_status xi_import_onnx_tree(xi_import *out, const xinf_allocator *alloc, xi_onnx_model *model,
                                const xi_import_limits *limits, const struct xi_customs *customs,
                                xinf_error *err)
{
    xinf_status status = XINF_OK;
    xi_onnx_importer im = {.alloc = *alloc,
                           .model = model,
                           .proto = model->proto,
                           .limits = onnx_limits(model, limits),
                           .err = err};
    *out = (xi_import){0};
    xi_onnx_names_init(&im.functions, alloc);
    XI_TRY(onnx_check(&im));
    im.infer_early = onnx_wants_early_types(im.proto);
    XI_TRY(xi_family_create(&im.family, alloc, (size_t)im.limits.max_bytes, err));
    im.family->customs = customs;
    XI_TRY(xi_onnx_functions_index(&im));
    out->family = im.family;
    XI_TRY(xi_onnx_graph_import(&out->graph, &im, im.proto->graph, NULL));
    out->defaults = im.defaults;
    XI_TRY(onnx_notes(out, &im));
    im.family = NULL;
cleanup:
    xi_free(alloc, im.function_next, im.proto->n_functions * sizeof *im.function_next);
    xi_onnx_names_free(&im.functions);
    if (status) {
        xi_family_destroy(im.family);
        *out = (xi_import){0};
    }
    return status;
}

static void onnx_end_owner(void *owner)
{
    xi_onnx_model_close(owner);
}

xinf_status xi_import_onnx(xi_import *out, const xi_import_source *source, xinf_error *err)
{
    xi_onnx_model *model = NULL;
    *out = (xi_import){0};
    xinf_status status = xi_onnx_model_open(&model, source->alloc, source->file, source->folder,
                                            source->map, source->limits.max_bytes, err);
    if (status == XINF_OK)
        status = xi_import_onnx_tree(out, source->alloc, model, &source->limits, source->customs,
                                     err);
    if (status != XINF_OK) {
        xi_onnx_model_close(model);
        return status;
    }
    xi_onnx_model_drop_tree(model);
    out->mapped_bytes = xi_onnx_model_mapped(model);
    out->owner = model;
    out->end_owner = onnx_end_owner;
    return XINF_OK;
}
