/* table.h — the CPU room's kernel table. */
#ifndef XI_BACKEND_CPU_TABLE_H
#define XI_BACKEND_CPU_TABLE_H

#include "plan/kernel.h"

extern const xi_kernel_list xi_cpu_kernels;

#endif
