/* table.c — the CPU's kernels in order of preference: own vector kernels, then the portable truth.
 */
#include "backend/cpu/table.h"

extern const xi_kernel *const xk_ref_builtin[];
#if defined(__x86_64__)
extern const xi_kernel *const xk_x86_builtin[];
#endif

static const xi_kernel *const *const table_groups[] = {
#if defined(__x86_64__)
    xk_x86_builtin,
#endif
    xk_ref_builtin,
    NULL,
};

const xi_kernel_list xi_cpu_kernels = {table_groups};
