/* ref_regex.c — RegexFullMatch. */
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

static xinf_status ref_regex_prepare(xi_prepare *p, xinf_error *err)
{
    return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED,
                          "regular expressions are not supported: this build is without RE2");
}

static xinf_status ref_regex_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                                 xinf_error *err)
{
    return xi_kernel_fail(call->node, err, XINF_UNSUPPORTED,
                          "regular expressions are not supported");
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
