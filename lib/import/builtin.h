/* builtin.h — the formats that this build imports. */
#ifndef XI_IMPORT_BUILTIN_H
#define XI_IMPORT_BUILTIN_H

#include "import/import.h"
#include "load/detect.h"

typedef struct xi_importer {
    xi_format format;
    const char *name; /* for xinf_load_options.format and reports */
    xi_import_fn import;
} xi_importer;

/* By the wanted name, or by content when it is NULL. Refuses what no importer takes, with what the
 * bytes seem to be. */
xinf_status xi_importer_choose(const xi_importer **out, const xi_file *file, const char *wanted,
                               xinf_error *err);

#endif
