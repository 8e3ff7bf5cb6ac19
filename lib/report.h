/* report.h — the answer of xinf_loader_inspect. */
#ifndef XI_REPORT_H
#define XI_REPORT_H

#include "model.h"

/* Holds the model. */
xinf_status xi_report_create(xinf_report **out, xinf_model *model, xinf_error *err);

#endif
