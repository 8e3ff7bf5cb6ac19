/* inflate.h — unpacks a deflate stream (RFC 1951) whose unpacked size is known, for bytes that may
 * be hostile. */
#ifndef XI_LOAD_INFLATE_H
#define XI_LOAD_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills dst with exactly dst_size bytes; the stream must end there. False when it is damaged,
 * longer or shorter; *why then says how. Reads and writes nothing outside, needs no memory but the
 * stack. */
bool xi_inflate(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size,
                const char **why);

#endif
