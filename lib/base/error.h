/* error.h — how a failure is said: a status to the caller, one sentence into a caller-owned
 * xinf_error. */
#ifndef XI_BASE_ERROR_H
#define XI_BASE_ERROR_H

#include <stdarg.h>

#include "xinf.h"

#if defined(__MINGW32__) && !defined(__clang__)
/* MinGW's "printf" means Microsoft's; _GNU_SOURCE chooses the C standard's. */
#define XI_PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#elif defined(__GNUC__)
#define XI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define XI_PRINTF(fmt, args)
#endif

/* Evaluates `e` once; on failure leaves through the function's `cleanup:` label.
 * The function has a local `xinf_status status`. */
#define XI_TRY(e)                            \
    do {                                     \
        status = (e);                        \
        if (status != XINF_OK) goto cleanup; \
    } while (0)

/* Writes the sentence into `err` (may be NULL), cut at its size, and returns `status`.
 * Never allocates. Bytes of foreign names are given with "%.*s"; control characters and bytes
 * that are not UTF-8 become '?'. Writes nothing beyond err->struct_size; 0 there means nothing at
 * all. The arguments may point into err->message. */
xinf_status xi_fail(xinf_error *err, xinf_status status, const char *fmt, ...) XI_PRINTF(3, 4);
xinf_status xi_fail_v(xinf_error *err, xinf_status status, const char *fmt, va_list args);

/* The one sentence for a failed allocation of `size` bytes. */
xinf_status xi_fail_memory(xinf_error *err, size_t size);

/* Puts the formatted text before the sentence that is already there; the text brings its own ": ".
 */
void xi_error_prefix(xinf_error *err, const char *fmt, ...) XI_PRINTF(2, 3);

#endif
