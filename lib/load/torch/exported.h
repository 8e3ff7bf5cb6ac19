/* exported.h — the program of a torch.export archive (.pt2): its JSON, and its weights as tensors.
 *
 * The graph stays JSON, as schema version 8 of torch.export has it: graph.nodes of {target, inputs,
 * outputs}, a signature that says which inputs are parameters, buffers, constants or the caller's.
 */
#ifndef XI_LOAD_TORCH_EXPORTED_H
#define XI_LOAD_TORCH_EXPORTED_H

#include "load/json.h"
#include "load/torch/archive.h"

typedef struct xi_torch_exported {
    const xi_json *program;               /* all of models/<name>.json */
    const xi_json *graph;                 /* its graph_module.graph */
    const xi_json *signature;             /* its graph_module.signature */
    xi_str name;                          /* of the model: "model" */
    int64_t opset;                        /* of "aten" */
    const xi_torch_named_tensor *weights; /* parameters, buffers and constants, sorted by name */
    int32_t weight_count;
} xi_torch_exported;

/* Reads the one program of `a`, whose content is XI_TORCH_EXPORTED. Everything lives in the
 * archive. */
xinf_status xi_torch_exported_read(xi_torch_exported *out, xi_torch_archive *a, xinf_error *err);
/* NULL when there is none. */
const xi_torch_tensor *xi_torch_exported_weight(const xi_torch_exported *e, xi_str name);
/* The dtype that a number of the schema's ScalarType stands for. */
xi_torch_dtype xi_torch_exported_dtype(int64_t number);

#endif
