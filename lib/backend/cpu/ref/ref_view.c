/* ref_view.c — operators that only rename the shape: the output is the input's memory. */
#include "plan/kernel.h"

extern const xi_kernel xk_ref_view[];

static xinf_status ref_view_prepare(xi_prepare *p, xinf_error *err)
{
    p->view = true;
    return XINF_OK;
}

#define REF_VIEW(name_, kernel)                                               \
    {                                                                         \
        .op = name_, .domain = "", .name = "xk_" kernel "_any_ref__portable", \
        .prepare = ref_view_prepare                                           \
    }

const xi_kernel xk_ref_view[] = {
    REF_VIEW("Reshape", "reshape"),     REF_VIEW("Squeeze", "squeeze"),
    REF_VIEW("Unsqueeze", "unsqueeze"), REF_VIEW("Flatten", "flatten"),
    REF_VIEW("Identity", "identity"),   {0},
};

#undef REF_VIEW
