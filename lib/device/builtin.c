/* builtin.c — the one place outside the rooms that names them. */
#include "device/builtin.h"

extern const xi_kernel_list xi_cpu_kernels;

const xi_kernel_list *xi_device_cpu_kernels(void)
{
    return &xi_cpu_kernels;
}
