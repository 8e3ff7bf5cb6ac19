/* builtin.h — the devices that are linked in. */
#ifndef XI_DEVICE_BUILTIN_H
#define XI_DEVICE_BUILTIN_H

#include "device/device.h"

/* The host processor first; ended by NULL. */
extern const xi_device *const xi_devices[];

/* By name; NULL means the first. NULL when there is none of that name. */
const xi_device *xi_device_find(const char *name);

#endif
