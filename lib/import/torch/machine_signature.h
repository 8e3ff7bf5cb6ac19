/* machine_signature.h — what a TorchScript method takes and gives, as inputs and outputs of a
 * graph. */
#ifndef XI_IMPORT_TORCH_MACHINE_SIGNATURE_H
#define XI_IMPORT_TORCH_MACHINE_SIGNATURE_H

#include "import/torch/machine.h"

enum { XI_MACHINE_INPUTS = 64 };

/* What an input tensor is taken to be. */
typedef struct xi_machine_guess {
    xinf_dtype dtype;
    int32_t rank;
} xi_machine_guess;

typedef struct xi_machine_job {
    xi_torch_archive *archive;
    const xi_import_source *source;
    xi_machine_guess guesses[XI_MACHINE_INPUTS];
    bool dims;            /* sizes of hints are taken too */
    int32_t tensors;      /* input tensors without a hint, as the program has them */
    const xi_type *types; /* of the graph's inputs, in order; NULL: they are guessed */
    int32_t type_count;
    bool wants_types;
    bool declared; /* only what the program declares: inputs, and how many outputs */
    uint64_t nodes;
    struct xi_machine_states states;
} xi_machine_job;

typedef struct xi_machine_inputs {
    xi_value *values[XI_MACHINE_INPUTS];
    int32_t count, tensors;
    int32_t order; /* of the parameter, for hints without names */
    const xi_script_function *method;
} xi_machine_inputs;

typedef struct xi_machine_outputs {
    xi_value **values;
    size_t count, capacity;
} xi_machine_outputs;

/* What the caller says of an input: by name, or as number `order` of those that have none. NULL:
 * nothing. */
const xinf_value_info *xi_machine_hint(const xi_machine_job *job, xi_str name, int32_t order);
/* "Tensor", "Optional", "List" …: the outer word of a type; "Tensor" for none. */
xi_str xi_machine_type_name(const xi_script_expr *type);
/* A parameter's value: inputs of the graph. */
xi_aten_value xi_machine_param(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in,
                               const xi_script_function *f, const xi_script_param *p,
                               const xinf_value_info *hint);
/* A result's parts as outputs, named from `name` on. */
void xi_machine_result(xi_machine *m, xi_machine_outputs *o, xi_str name, const xi_aten_value *v,
                       int depth);
/* As many outputs as the method's type says, without contents. */
void xi_machine_declared(xi_machine *m, xi_machine_outputs *o, const xi_script_expr *type,
                         xi_str name, int depth);

#endif
