/* workspace.h — what a subcommand opens: environment, loader, model, session; and how it speaks to
 * a person. */
#ifndef XINF_CLI_WORKSPACE_H
#define XINF_CLI_WORKSPACE_H

#include "options.h"

typedef struct workspace {
    const options *options;
    xinf_env *env;
    xinf_loader *loader;
    xinf_model *model;
    xinf_session *session;
    xinf_error err;
    double load_ms; /* file to session */
} workspace;

/* All three return an exit code and have said what failed. The session is opened after the model.
 */
int workspace_open(workspace *w, const options *o);
int workspace_load(workspace *w);
int workspace_start(workspace *w);
void workspace_close(workspace *w);

/* Says `xinf: FILE: sentence` and returns EXIT_WORK: the sentence of w->err, or another one. */
int workspace_failed(const workspace *w);
int workspace_refuse(const workspace *w, const char *format, ...);

/* One line on a terminal that the next one covers; quiet in a pipe. NULL clears it. */
void workspace_progress(const char *format, ...);

/* Milliseconds of a clock that only goes forward. */
double workspace_now(void);
/* The most memory that this process held resident, in MiB; 0 where the system does not say. */
double workspace_peak_mib(void);
/* Threads that a run uses. */
int32_t workspace_threads(const workspace *w);

#endif
