/* quantize.h — graph → graph with integer weights and activations.
 *
 * Weights become round(w / scale) in two's complement of 2 … 8 bits, behind a DequantizeLinear;
 * scales are shared by the tensor, by each output channel, or by groups along the summed axis.
 * Activations of the same nodes pass through DynamicQuantizeLinear. All of that is standard ONNX.
 */
#ifndef XI_QUANTIZE_QUANTIZE_H
#define XI_QUANTIZE_QUANTIZE_H

#include "graph/op.h"

typedef struct xi_quantize_layer {
    const char *name, *op; /* in the graph's arena */
    int32_t bits;          /* of its weights; 32: left in float */
    uint64_t bytes_before, bytes_after;
    double
        sqnr_db; /* 10 log10 (Σ w² / Σ (w − w')²) of its weights; infinite when nothing was lost */
} xi_quantize_layer;

typedef struct xi_quantize_report {
    xinf_allocator alloc;
    xi_quantize_layer *layers;
    size_t count, capacity;
} xi_quantize_report;

void xi_quantize_report_free(xi_quantize_report *r);

/* Rewrites the graph and its subgraphs in place; types are inferred again. options: complete and
 * checked. XINF_MALFORMED for weights that are not finite. */
xinf_status xi_quantize_graph(xi_graph *g, const xinf_quantize_options *options,
                              xi_quantize_report *report, xinf_error *err);

#endif
