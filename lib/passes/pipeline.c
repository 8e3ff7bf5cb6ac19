/* pipeline.c — the ordered list. */
#include "passes/pipeline.h"

#include "passes/attention.h"
#include "passes/chain.h"
#include "passes/conv.h"
#include "passes/dead.h"
#include "passes/fold.h"
#include "passes/gate.h"
#include "passes/gelu.h"
#include "passes/identity.h"
#include "passes/layernorm.h"
#include "passes/matmul.h"
#include "passes/noop.h"
#include "passes/pad.h"
#include "passes/quantized.h"
#include "passes/rescale.h"
#include "passes/shape.h"
#include "passes/skipnorm.h"

static bool pipeline_is_off(const char *off, const char *name)
{
    xi_str rest = xi_str_of(off);
    while (rest.len) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        xi_str word = {rest.ptr, comma ? (size_t)(comma - rest.ptr) : rest.len};
        if (xi_str_is(word, name) || xi_str_is(word, "all")) return true;
        rest = comma ? (xi_str){comma + 1, rest.len - word.len - 1} : (xi_str){NULL, 0};
    }
    return false;
}

xinf_status xi_passes_run(xi_graph *g, xi_stage stage, const char *off,
                          const xi_evaluator *evaluator, xinf_error *err)
{
    xinf_status status = XINF_OK;
    for (const xi_pass *p = xi_passes; p->name; p++) {
        xi_pass_context c = {.graph = g, .evaluator = evaluator, .err = err};
        if (p->stage != stage || pipeline_is_off(off, p->name)) continue;
        xi_graph_count_uses(g);
        XI_TRY(p->run(&c));
        if (c.changes) XI_TRY(xi_graph_infer(g, err));
    }
    xi_graph_count_uses(g);
    status = xi_graph_verify(g, err);
cleanup:
    return status;
}

const xi_pass xi_passes[] = {
    {"identity", XI_STAGE_LOAD, xi_pass_identity},
    {"dead", XI_STAGE_LOAD, xi_pass_dead},
    {"quantized", XI_STAGE_SESSION, xi_pass_quantized},
    {"shape", XI_STAGE_SESSION, xi_pass_shape},
    {"fold", XI_STAGE_SESSION, xi_pass_fold},
    {"shape", XI_STAGE_SESSION, xi_pass_shape}, /* sizes that folding has told */
    {"fold", XI_STAGE_SESSION, xi_pass_fold},
    {"noop", XI_STAGE_SESSION, xi_pass_noop},
    {"chain", XI_STAGE_SESSION, xi_pass_chain},
    {"noop", XI_STAGE_SESSION, xi_pass_noop},
    {"batchnorm", XI_STAGE_SESSION, xi_pass_batchnorm},
    {"pad", XI_STAGE_SESSION, xi_pass_pad},
    {"layernorm", XI_STAGE_SESSION, xi_pass_layernorm},
    {"gelu", XI_STAGE_SESSION, xi_pass_gelu},
    {"hardswish", XI_STAGE_SESSION, xi_pass_hardswish},
    {"swish", XI_STAGE_SESSION, xi_pass_swish},
    {"attention", XI_STAGE_SESSION, xi_pass_attention},
    {"conv", XI_STAGE_SESSION, xi_pass_conv},
    {"matmul", XI_STAGE_SESSION, xi_pass_matmul},
    {"scale", XI_STAGE_SESSION, xi_pass_scale},
    {"skipnorm", XI_STAGE_SESSION, xi_pass_skipnorm},
    {"dead-again", XI_STAGE_SESSION, xi_pass_dead},
    {0},
};
