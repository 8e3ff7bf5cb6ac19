/* typed.h — programs that do not say what their inputs are: imported again for what a run brings.
 */
#ifndef XI_TYPED_H
#define XI_TYPED_H

#include "model.h"

/* One session's import for the inputs it has seen. A zeroed one is empty. */
typedef struct xi_typed {
    xi_import import; /* of its own; family NULL: none yet */
    xi_type *types;   /* per input, as imported */
    int32_t count;
} xi_typed;

/* Makes the import fit the inputs. *changed: it is a new one, the old is gone from *t and must be
 * ended by the caller after what uses it (it is put into *old). The first import takes the inputs'
 * sizes as they are; at a second set of sizes those that differ become open, when the program can
 * be imported so. */
xinf_status xi_typed_fit(xi_typed *t, xi_import *old, bool *changed, const xinf_model *m,
                         xinf_tensor *const *inputs, int32_t count, xinf_error *err);
/* The first import, for inputs of these types, before any came. */
xinf_status xi_typed_expect(xi_typed *t, const xinf_model *m, const xi_type *inputs, int32_t count,
                            xinf_error *err);
void xi_typed_end(xi_typed *t, const xinf_model *m);

#endif
