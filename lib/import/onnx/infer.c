#include "graph/op.h"
#include "import/onnx/importer.h"

enum { IMPORT_MAX_OPERANDS = 64 };

void xi_onnx_infer(xi_onnx_importer *im, xi_node *n)
{
    const xi_type *in[IMPORT_MAX_OPERANDS];
    const xi_literal *known[IMPORT_MAX_OPERANDS];
    xi_type out[IMPORT_MAX_OPERANDS];
    xinf_error ignored = XINF_ERROR_INIT;
    if (!n->op || n->input_count > IMPORT_MAX_OPERANDS || n->output_count > IMPORT_MAX_OPERANDS)
        return;
    for (int32_t i = 0; i < n->input_count; i++) {
        in[i] = n->inputs[i] ? &n->inputs[i]->type : NULL;
        known[i] = n->inputs[i] ? n->inputs[i]->literal : NULL;
    }
    /* Rules rely on the arities; a node that breaks them is reported by the check of the whole
     * graph. */
    if (n->input_count < n->op->min_inputs ||
        (n->op->max_inputs >= 0 && n->input_count > n->op->max_inputs))
        return;
    for (int32_t i = 0; i < n->op->min_inputs; i++)
        if (!in[i]) return;
    xinf_status status = xi_node_infer(n, in, known, out, &im->family->arena, &ignored);
    im->exhausted = im->exhausted || status == XINF_OUT_OF_MEMORY;
    if (status) return;
    for (int32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i]) n->outputs[i]->type = out[i];
}
