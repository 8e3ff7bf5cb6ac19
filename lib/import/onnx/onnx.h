/* onnx.h — the tree of an ONNX file becomes a graph of the newest operators. */
#ifndef XI_IMPORT_ONNX_ONNX_H
#define XI_IMPORT_ONNX_ONNX_H

#include "graph/graph.h"
#include "import/import.h"
#include "load/onnx/model.h"

/* The newest operator sets that the graph's operators stand for; newer files are refused. */
enum { XI_ONNX_OPSET = 28, XI_ONNX_ML_OPSET = 5 };

/* Builds the graph of an ONNX file. Names and weights stay views of the model's files. Old operator
 * versions are translated, functions are inlined, constants become literals. Nodes of unknown
 * operators are kept (op NULL). Everything that breaks the format's rules is refused with the
 * node's and value's name. */
xinf_status xi_import_onnx(xi_import *out, const xi_import_source *source, xinf_error *err);
/* The same from a tree that is open already and stays the caller's. */
xinf_status xi_import_onnx_tree(xi_import *out, const xinf_allocator *alloc, xi_onnx_model *model,
                                const xi_import_limits *limits, const struct xi_customs *customs,
                                xinf_error *err);

#endif
