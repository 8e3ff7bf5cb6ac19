/* convert.c — saves the imported graph as standard ONNX. */
#include "command.h"
#include "workspace.h"

int command_convert(const options *o)
{
    workspace w;
    int code = workspace_open(&w, o);
    if (code == EXIT_DONE) code = workspace_load(&w);
    if (code == EXIT_DONE) {
        workspace_progress("writing %s", o->output);
        if (xinf_model_save(w.model, o->output, &w.err) != XINF_OK) code = workspace_failed(&w);
        workspace_progress(NULL);
    }
    workspace_close(&w);
    return code;
}
