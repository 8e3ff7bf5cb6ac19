/* model.h — a loaded model: graph, weights, files and what they say about themselves. Immutable
 * once it is made. */
#ifndef XI_MODEL_H
#define XI_MODEL_H

#include "env.h"
#include "graph/graph.h"
#include "import/import.h"
#include "plan/weights.h"

struct xinf_model {
    atomic_int refs;
    xinf_env *env;
    xinf_allocator alloc;
    const char *format; /* "onnx", … */
    xi_file file;
    xinf_source source; /* release: called when the model ends */
    xi_import import;
    xinf_value_info *inputs, *outputs, *states;
    uint64_t weight_bytes; /* as stored */
    xi_weights weights;
    bool weights_ready;
};

/* Takes the file over, on failure too. folder: of external data, or NULL. */
xinf_status xi_model_open(xinf_model **out, xinf_env *env, xi_file *file, const char *folder,
                          const xinf_load_options *options, const xinf_source *source,
                          xinf_error *err);
/* A model of a graph that was cloned from source's and changed. Keeps `source` alive, whose names
 * and literals it shares. Takes the family over, on failure too. */
xinf_status xi_model_derive(xinf_model **out, xinf_model *source, xi_family *family,
                            xi_graph *graph, xinf_error *err);
xinf_model *xi_model_retain(xinf_model *m);

#endif
