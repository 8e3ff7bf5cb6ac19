/* torch.h — PyTorch files as graphs: TorchScript archives and torch.export archives. */
#ifndef XI_IMPORT_TORCH_TORCH_H
#define XI_IMPORT_TORCH_TORCH_H

#include "import/import.h"
#include "load/torch/archive.h"

/* Any PyTorch file: a program is imported, weights without one are refused with advice. */
xinf_status xi_import_torch(xi_import *out, const xi_import_source *source, xinf_error *err);

/* The program of a torch.export archive: fills family, graph and notes. The archive must live as
 * long as the graph. */
xinf_status xi_import_torch_exported(xi_import *out, xi_torch_archive *archive,
                                     const xi_import_source *source, xinf_error *err);

#endif
