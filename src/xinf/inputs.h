/* inputs.h — values for the inputs of a model: from files, or random. */
#ifndef XINF_CLI_INPUTS_H
#define XINF_CLI_INPUTS_H

#include "workspace.h"

typedef struct inputs {
    xinf_tensor **values; /* in the model's order; NULL where the model has a default */
    int32_t count;
} inputs;

/* Fills every input: --input first, then (when `random`) random values of the declared shape, where
 * --shape and the batch size close open dimensions, then the model's defaults. Returns an exit
 * code. inputs_free after any result. */
int inputs_make(inputs *out, workspace *w, bool random);
void inputs_free(inputs *in);
/* "[N,3,224,224]" of a declared value; "[?]" when its rank is not declared. */
void inputs_shape_text(char *text, size_t size, const xinf_value_info *info);

#endif
