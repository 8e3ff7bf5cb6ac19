/* clock.h — monotonic time. One of the few files with OS calls. */
#ifndef XI_BASE_CLOCK_H
#define XI_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since some fixed moment; never goes back. */
uint64_t xi_clock_ns(void);

#endif
