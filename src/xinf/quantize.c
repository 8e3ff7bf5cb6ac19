/* quantize.c — saves a model with weights of few bits, and says what each layer became. */
#include <math.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "workspace.h"

typedef struct quantize_sums {
    uint64_t before, after;
    int32_t layers;
} quantize_sums;

static quantize_sums quantize_sum(const xinf_dynamic_quantizer *q)
{
    quantize_sums sums = {0};
    for (int32_t i = 0; i < xinf_dynamic_quantizer_layer_count(q); i++) {
        xinf_quantize_layer layer = XINF_QUANTIZE_LAYER_INIT;
        xinf_dynamic_quantizer_layer(q, i, &layer, NULL);
        sums.before += layer.bytes_before;
        sums.after += layer.bytes_after;
        sums.layers += layer.bits < 32;
    }
    return sums;
}

static void quantize_print_table(const xinf_dynamic_quantizer *q)
{
    quantize_sums sums = quantize_sum(q);
    printf("%4s  %9s  %10s  %10s  %-8s  %s\n", "bits", "SQNR dB", "before", "after", "operator",
           "node");
    for (int32_t i = 0; i < xinf_dynamic_quantizer_layer_count(q); i++) {
        xinf_quantize_layer layer = XINF_QUANTIZE_LAYER_INIT;
        xinf_dynamic_quantizer_layer(q, i, &layer, NULL);
        printf("%4d  %9.2f  %10llu  %10llu  %-8s  %s\n", (int)layer.bits, layer.sqnr_db,
               (unsigned long long)layer.bytes_before, (unsigned long long)layer.bytes_after,
               layer.op, layer.name);
    }
    printf("%d layers, weights %.1f to %.1f KiB\n", (int)sums.layers, (double)sums.before / 1024,
           (double)sums.after / 1024);
}

static void quantize_print_json(const xinf_dynamic_quantizer *q, const options *o, FILE *to)
{
    static const char *const methods[] = {"per-channel", "per-tensor", "per-group"};
    quantize_sums sums = quantize_sum(q);
    json j = {.to = to};
    json_open(&j, NULL, '{');
    json_integer(&j, "weight_bits", o->quantize.weight_bits);
    json_integer(&j, "activation_bits", o->quantize.activation_bits);
    json_text(&j, "method", methods[o->quantize.method]);
    json_integer(&j, "quantized_layers", sums.layers);
    json_integer(&j, "bytes_before", (int64_t)sums.before);
    json_integer(&j, "bytes_after", (int64_t)sums.after);
    json_open(&j, "layers", '[');
    for (int32_t i = 0; i < xinf_dynamic_quantizer_layer_count(q); i++) {
        xinf_quantize_layer layer = XINF_QUANTIZE_LAYER_INIT;
        xinf_dynamic_quantizer_layer(q, i, &layer, NULL);
        json_open(&j, NULL, '{');
        json_text(&j, "node", layer.name);
        json_text(&j, "op", layer.op);
        json_integer(&j, "bits", layer.bits);
        if (isfinite(layer.sqnr_db))
            json_number(&j, "sqnr_db", layer.sqnr_db);
        else
            json_null(&j, "sqnr_db");
        json_integer(&j, "bytes_before", (int64_t)layer.bytes_before);
        json_integer(&j, "bytes_after", (int64_t)layer.bytes_after);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

static int quantize_report(const workspace *w, const xinf_dynamic_quantizer *q)
{
    const options *o = w->options;
    if (o->json)
        quantize_print_json(q, o, stdout);
    else
        quantize_print_table(q);
    if (!o->report) return EXIT_DONE;
    FILE *to = fopen(o->report, "w");
    if (!to) return workspace_refuse(w, "%s: cannot be written", o->report);
    quantize_print_json(q, o, to);
    bool written = !ferror(to);
    return fclose(to) == 0 && written ? EXIT_DONE
                                      : workspace_refuse(w, "%s: cannot be written", o->report);
}

int command_quantize(const options *o)
{
    workspace w;
    xinf_dynamic_quantizer *q = NULL;
    xinf_model *quantized = NULL;
    int code = workspace_open(&w, o);
    if (code == EXIT_DONE) code = workspace_load(&w);
    if (code == EXIT_DONE) {
        workspace_progress("quantising %s", o->model);
        if (xinf_dynamic_quantizer_create(&q, w.env, &o->quantize, &w.err) != XINF_OK ||
            xinf_dynamic_quantizer_fit(&quantized, q, w.model, &w.err) != XINF_OK)
            code = workspace_failed(&w);
    }
    if (code == EXIT_DONE) {
        workspace_progress("writing %s", o->output);
        if (xinf_model_save(quantized, o->output, &w.err) != XINF_OK) code = workspace_failed(&w);
        workspace_progress(NULL);
    }
    if (code == EXIT_DONE) code = quantize_report(&w, q);
    xinf_model_destroy(quantized);
    xinf_dynamic_quantizer_destroy(q);
    workspace_close(&w);
    return code;
}
