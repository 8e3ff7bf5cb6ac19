/* hash.c — four lanes of xor, rotate and multiply, so that a core's multipliers stay busy; each
 * step is a bijection of the lane, and the end is the finaliser of SplitMix64 (Steele, Lea and
 * Flood, 2014). */
#include "base/hash.h"

#include <string.h>

enum { HASH_LANES = 4, HASH_BLOCK = 32 };

static uint64_t hash_step(uint64_t lane, uint64_t word)
{
    lane = (lane ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return lane << 29 | lane >> 35;
}

static uint64_t hash_finish(uint64_t h)
{
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

uint64_t xi_hash64(uint64_t seed, const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t lane[HASH_LANES], word[HASH_LANES], h;
    size_t left = size;
    for (int i = 0; i < HASH_LANES; i++) lane[i] = hash_finish(seed + (uint64_t)i);
    for (; left >= HASH_BLOCK; left -= HASH_BLOCK, p += HASH_BLOCK) {
        memcpy(word, p, HASH_BLOCK);
        for (int i = 0; i < HASH_LANES; i++) lane[i] = hash_step(lane[i], word[i]);
    }
    memset(word, 0, sizeof word);
    if (left) memcpy(word, p, left);
    h = hash_finish(size);
    for (int i = 0; i < HASH_LANES; i++) h = hash_step(h, hash_step(lane[i], word[i]));
    return hash_finish(h);
}
