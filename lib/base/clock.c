/* clock.c — the system's monotonic clock. */
#include "base/clock.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

uint64_t xi_clock_ns(void)
{
    LARGE_INTEGER now, rate;
    uint64_t ticks, per_second;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&rate);
    ticks = (uint64_t)now.QuadPart;
    per_second = (uint64_t)rate.QuadPart;
    /* Seconds and rest apart, so that the product does not overflow. */
    return ticks / per_second * UINT64_C(1000000000) +
           ticks % per_second * UINT64_C(1000000000) / per_second;
}
#else
#include <time.h>

uint64_t xi_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}
#endif
