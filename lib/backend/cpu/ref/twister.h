/* twister.h — MT19937, the Mersenne Twister, seeded and drawn from as NumPy's RandomState does,
 * which the definition's own evaluator uses: the same seed gives the same numbers. */
#ifndef XK_REF_TWISTER_H
#define XK_REF_TWISTER_H

#include <stdbool.h>
#include <stdint.h>

enum { XK_TWISTER_WORDS = 624 };

typedef struct xk_twister {
    uint32_t word[XK_TWISTER_WORDS];
    int32_t next;
    bool kept; /* the other normal number of the last pair */
    double other;
} xk_twister;

void xk_twister_seed(xk_twister *t, uint32_t seed);
/* In [0, 1), 53 bits. */
double xk_twister_unit(xk_twister *t);
/* Of mean 0 and deviation 1. */
double xk_twister_normal(xk_twister *t);

#endif
