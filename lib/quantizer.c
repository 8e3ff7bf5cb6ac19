/* quantizer.c — the public side of quantize/: arguments checked, a copy of the graph rewritten. */
#include "base/allocator.h"
#include "model.h"
#include "quantize/quantize.h"

struct xinf_dynamic_quantizer {
    xinf_env *env;
    xinf_quantize_options options;
    xi_quantize_report report;
    xinf_model *model; /* of the last fit: the report's names lie in its graph */
};

static xinf_status quantizer_check(const xinf_quantize_options *o, xinf_error *err)
{
    if (o->weight_bits < 2 || o->weight_bits > 8)
        return xi_fail(err, XINF_INVALID_ARGUMENT, "weight_bits is %d, not 2 to 8",
                       (int)o->weight_bits);
    if (o->activation_bits != 8 && o->activation_bits != 32)
        return xi_fail(err, XINF_INVALID_ARGUMENT, "activation_bits is %d, not 8 or 32",
                       (int)o->activation_bits);
    if (o->method < XINF_QUANTIZE_PER_CHANNEL || o->method > XINF_QUANTIZE_PER_GROUP)
        return xi_fail(err, XINF_INVALID_ARGUMENT, "there is no quantisation method %d",
                       (int)o->method);
    if (o->method == XINF_QUANTIZE_PER_GROUP && (o->group_size < 16 || o->group_size > 256))
        return xi_fail(err, XINF_INVALID_ARGUMENT, "group_size is %d, not 16 to 256",
                       (int)o->group_size);
    return XINF_OK;
}

xinf_status xinf_dynamic_quantizer_create(xinf_dynamic_quantizer **out, xinf_env *env,
                                          const xinf_quantize_options *options, xinf_error *err)
{
    xinf_quantize_options o = XINF_QUANTIZE_OPTIONS_INIT;
    if (!out || !env)
        return xi_fail(err, XINF_INVALID_ARGUMENT,
                       "xinf_dynamic_quantizer_create: an argument is NULL");
    *out = NULL;
    if (options && options->struct_size)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    xinf_status status = quantizer_check(&o, err);
    if (status != XINF_OK) return status;
    xinf_dynamic_quantizer *q = xi_calloc(&env->alloc, 1, sizeof *q);
    if (!q) return xi_fail_memory(err, sizeof *q);
    q->env = xi_env_retain(env);
    q->options = o;
    q->report.alloc = env->alloc;
    *out = q;
    return XINF_OK;
}

void xinf_dynamic_quantizer_destroy(xinf_dynamic_quantizer *q)
{
    if (!q) return;
    xinf_env *env = q->env;
    xi_quantize_report_free(&q->report);
    xinf_model_destroy(q->model);
    xi_free(&env->alloc, q, sizeof *q);
    xinf_env_destroy(env);
}

xinf_status xinf_dynamic_quantizer_fit(xinf_model **out, xinf_dynamic_quantizer *q,
                                       xinf_model *model, xinf_error *err)
{
    xinf_status status;
    xi_family *family = NULL;
    xi_graph *graph;
    if (!out || !q || !model)
        return xi_fail(err, XINF_INVALID_ARGUMENT,
                       "xinf_dynamic_quantizer_fit: an argument is NULL");
    *out = NULL;
    xi_quantize_report_free(&q->report);
    xinf_model_destroy(q->model);
    q->model = NULL;
    XI_TRY(xi_family_create(&family, &q->env->alloc, 0, err));
    XI_TRY(xi_graph_clone(&graph, family, model->import.graph, err));
    XI_TRY(xi_quantize_graph(graph, &q->options, &q->report, err));
    xi_family *given = family;
    family = NULL;
    XI_TRY(xi_model_derive(out, model, given, graph, err));
    q->model = xi_model_retain(*out);
cleanup:
    xi_family_destroy(family);
    if (status != XINF_OK) xi_quantize_report_free(&q->report);
    return status;
}

int32_t xinf_dynamic_quantizer_layer_count(const xinf_dynamic_quantizer *q)
{
    return q ? (int32_t)q->report.count : 0;
}

xinf_status xinf_dynamic_quantizer_layer(const xinf_dynamic_quantizer *q, int32_t index,
                                         xinf_quantize_layer *out, xinf_error *err)
{
    if (!q || !out)
        return xi_fail(err, XINF_INVALID_ARGUMENT,
                       "xinf_dynamic_quantizer_layer: an argument is NULL");
    if (index < 0 || (size_t)index >= q->report.count)
        return xi_fail(err, XINF_INVALID_ARGUMENT, "there is no layer %d of %d", (int)index,
                       (int)q->report.count);
    const xi_quantize_layer *l = &q->report.layers[index];
    xinf_quantize_layer layer = {.struct_size = out->struct_size,
                                 .bits = l->bits,
                                 .name = l->name,
                                 .op = l->op,
                                 .bytes_before = l->bytes_before,
                                 .bytes_after = l->bytes_after,
                                 .sqnr_db = l->sqnr_db};
    memcpy(out, &layer, out->struct_size < sizeof layer ? out->struct_size : sizeof layer);
    return XINF_OK;
}
