#include "backend/cpu/ref/twister.h"

#include <math.h>

enum { TWISTER_APART = 397 };

void xk_twister_seed(xk_twister *t, uint32_t seed)
{
    for (int32_t i = 0; i < XK_TWISTER_WORDS; i++) {
        t->word[i] = seed;
        seed = UINT32_C(1812433253) * (seed ^ seed >> 30) + (uint32_t)i + 1;
    }
    t->next = XK_TWISTER_WORDS;
    t->kept = false;
    t->other = 0;
}

/* All words anew. */
static void twister_turn(xk_twister *t)
{
    for (int32_t i = 0; i < XK_TWISTER_WORDS; i++) {
        uint32_t y = (t->word[i] & UINT32_C(0x80000000)) |
                     (t->word[(i + 1) % XK_TWISTER_WORDS] & UINT32_C(0x7fffffff));
        uint32_t odd = y & 1 ? UINT32_C(0x9908b0df) : 0;
        t->word[i] = t->word[(i + TWISTER_APART) % XK_TWISTER_WORDS] ^ y >> 1 ^ odd;
    }
    t->next = 0;
}

static uint32_t twister_bits(xk_twister *t)
{
    if (t->next == XK_TWISTER_WORDS) twister_turn(t);
    uint32_t y = t->word[t->next++];
    y ^= y >> 11;
    y ^= y << 7 & UINT32_C(0x9d2c5680);
    y ^= y << 15 & UINT32_C(0xefc60000);
    return y ^ y >> 18;
}

double xk_twister_unit(xk_twister *t)
{
    double high = twister_bits(t) >> 5, low = twister_bits(t) >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

/* A point within the unit circle gives two numbers (Marsaglia's polar method). */
double xk_twister_normal(xk_twister *t)
{
    double x, y, square;
    if (t->kept) {
        t->kept = false;
        return t->other;
    }
    do {
        x = 2 * xk_twister_unit(t) - 1;
        y = 2 * xk_twister_unit(t) - 1;
        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    double factor = sqrt(-2 * log(square) / square);
    t->other = factor * x;
    t->kept = true;
    return factor * y;
}
