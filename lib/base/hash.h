/* hash.h — a 64-bit hash of bytes: for finding things again and for noticing damage, not against an
 * adversary. */
#ifndef XI_BASE_HASH_H
#define XI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Depends on nothing but its arguments. Any change within one 8-byte word changes the result. */
uint64_t xi_hash64(uint64_t seed, const void *data, size_t size);

#endif
