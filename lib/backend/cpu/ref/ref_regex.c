/* ref_regex.c — RegexFullMatch: by RE2 where the build has it, else by an automaton of our own. */
#include "backend/cpu/ref/pattern.h"
#include "backend/cpu/ref/regex.h"
#include "plan/kernel.h"

extern const xi_kernel xk_ref_regex[];

#ifdef XK_HAVE_RE2

static xinf_status ref_regex_compile(xk_regex **out, const xi_node *n, xinf_error *err)
{
    char why[160];
    xi_str pattern = xi_node_string(n, "pattern", "");
    *out = xk_regex_create(pattern.ptr ? pattern.ptr : "", pattern.len, why, sizeof why);
    return *out ? XINF_OK
                : xi_kernel_fail(n, err, XINF_MALFORMED, "the pattern \"%.*s\": %s",
                                 XI_STR_ARG(pattern), why);
}

static xinf_status ref_regex_prepare(xi_prepare *p, xinf_error *err)
{
    xk_regex *regex;
    xinf_status status = ref_regex_compile(&regex, p->node, err);
    if (status == XINF_OK) xk_regex_destroy(regex);
    return status;
}

static xinf_status ref_regex_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    xk_regex *regex;
    const xi_str *text = call->in[0]->data;
    xinf_status status = ref_regex_compile(&regex, call->node, err);
    for (int64_t i = 0; status == XINF_OK && i < call->out[0]->count; i++)
        ((uint8_t *)call->out[0]->data)[i] = xk_regex_matches(regex, text[i].ptr ? text[i].ptr : "",
                                                              text[i].len);
    if (status == XINF_OK) xk_regex_destroy(regex);
    return status;
}

#else

static xinf_status ref_regex_compile(xk_pattern *out, const xi_node *n, const xinf_allocator *alloc,
                                     xinf_error *err)
{
    xi_str pattern = xi_node_string(n, "pattern", "");
    switch (xk_pattern_create(out, alloc, pattern)) {
    case XK_PATTERN_DONE: return XINF_OK;
    case XK_PATTERN_MEMORY: return xi_fail_memory(err, pattern.len);
    case XK_PATTERN_WRONG:
        return xi_kernel_fail(n, err, XINF_MALFORMED, "the pattern \"%.*s\": %s",
                              XI_STR_ARG(pattern), out->why);
    default:
        return xi_kernel_fail(
            n, err, XINF_UNSUPPORTED,
            "the pattern \"%.*s\" is not supported: %s (this build is without RE2)",
            XI_STR_ARG(pattern), out->why);
    }
}

static xinf_status ref_regex_prepare(xi_prepare *p, xinf_error *err)
{
    xk_pattern pattern;
    xinf_status status = ref_regex_compile(&pattern, p->node, &p->node->graph->arena->alloc, err);
    if (status == XINF_OK) xk_pattern_destroy(&pattern);
    return status;
}

static xinf_status ref_regex_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    xk_pattern pattern;
    const xi_str *text = call->in[0]->data;
    xinf_status status = ref_regex_compile(&pattern, call->node, call->alloc, err);
    if (status != XINF_OK) return status;
    for (int64_t i = 0; i < call->out[0]->count; i++)
        ((uint8_t *)call->out[0]->data)[i] = xk_pattern_matches(&pattern, text[i]);
    xk_pattern_destroy(&pattern);
    return XINF_OK;
}

#endif

const xi_kernel xk_ref_regex[] = {
    {.op = "RegexFullMatch",
     .domain = "",
     .name = "xk_regex_full_match_string_ref__portable",
     .prepare = ref_regex_prepare,
     .run = ref_regex_run},
    {0},
};
