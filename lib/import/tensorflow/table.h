/* table.h — finds a TensorFlow operator's translation among the families' tables. */
#ifndef XI_IMPORT_TENSORFLOW_TABLE_H
#define XI_IMPORT_TENSORFLOW_TABLE_H

#include "import/tensorflow/importer.h"

const xi_tf_row *xi_tf_row_find(xi_str op);

#endif
