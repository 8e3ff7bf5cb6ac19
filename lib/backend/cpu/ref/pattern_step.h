/* pattern_step.h — what a pattern is made of; for pattern.c and pattern_parse.c. */
#ifndef XK_REF_PATTERN_STEP_H
#define XK_REF_PATTERN_STEP_H

#include "backend/cpu/ref/pattern.h"

enum { PATTERN_LAST = 0x10ffff, PATTERN_MAX_STEPS = 20000 };

typedef enum pattern_kind {
    PATTERN_TAKE,   /* a character of the class of b ranges from a on */
    PATTERN_FORK,   /* on at this step + a, and at this step + b */
    PATTERN_JUMP,   /* on at this step + a */
    PATTERN_ASSERT, /* a says what must hold here */
    PATTERN_FOUND
} pattern_kind;

enum {
    PATTERN_TEXT_BEGIN,
    PATTERN_TEXT_END,
    PATTERN_LINE_BEGIN,
    PATTERN_LINE_END,
    PATTERN_EDGE,
    PATTERN_NO_EDGE
};

struct xk_pattern_step {
    pattern_kind kind;
    int32_t a, b;
};

int32_t xk_pattern_decode(xi_str s, size_t at, size_t *length);

#endif
