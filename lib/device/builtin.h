/* builtin.h — the devices that are linked in. */
#ifndef XI_DEVICE_BUILTIN_H
#define XI_DEVICE_BUILTIN_H

#include "plan/kernel.h"

/* The kernel table of the host processor. */
const xi_kernel_list *xi_device_cpu_kernels(void);

#endif
