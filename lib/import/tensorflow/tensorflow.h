/* tensorflow.h — a GraphDef or SavedModel becomes a graph of the newest operators. */
#ifndef XI_IMPORT_TENSORFLOW_TENSORFLOW_H
#define XI_IMPORT_TENSORFLOW_TENSORFLOW_H

#include "import/import.h"

/* Inputs are the placeholders ("name:0"), outputs what nothing reads, or source->outputs. Functions
 * are inlined, control flow becomes If and Loop, images are turned to channels first and back only
 * where something needs it. */
xinf_status xi_import_graphdef(xi_import *out, const xi_import_source *source, xinf_error *err);
/* Inputs and outputs are those of one signature, by its names. Variables are constants unless the
 * signature writes them. */
xinf_status xi_import_savedmodel(xi_import *out, const xi_import_source *source, xinf_error *err);

#endif
