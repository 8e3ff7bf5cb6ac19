/* builtin.c — the one place outside the rooms that names them. */
#include "device/builtin.h"

#include <string.h>

extern const xi_device xi_device_cpu;

const xi_device *const xi_devices[] = {&xi_device_cpu, NULL};

const xi_device *xi_device_find(const char *name)
{
    const xi_device *const *d = xi_devices;
    while (*d && name && strcmp((*d)->name, name) != 0) d++;
    return *d;
}
