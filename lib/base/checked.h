/* checked.h — size arithmetic that says when it does not fit; every size that a file, a user or a
 * plug-in can influence goes through these. Each returns false on overflow and leaves *out alone.
 */
#ifndef XI_BASE_CHECKED_H
#define XI_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool xi_add_size(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_add_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}

static inline bool xi_mul_size(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}

static inline bool xi_add_i64(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    if (__builtin_add_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}

static inline bool xi_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    if (__builtin_mul_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}

/* Rounds up to a power of two `align`. */
static inline bool xi_align_size(size_t size, size_t align, size_t *out)
{
    size_t r;
    if (!xi_add_size(size, align - 1, &r)) return false;
    *out = r & ~(align - 1);
    return true;
}

#endif
