/* ref_binary.h — the inner functions of two inputs, by name and computing type. */
#ifndef XK_REF_BINARY_H
#define XK_REF_BINARY_H

#include "backend/cpu/ref/ref_map.h"

typedef enum xk_binary {
    XK_ADD,
    XK_SUB,
    XK_MUL,
    XK_DIV,
    XK_MOD,
    XK_FMOD,
    XK_POW,
    XK_PRELU,
    XK_BIT_AND,
    XK_BIT_OR,
    XK_BIT_XOR,
    XK_MAX,
    XK_MIN,
    XK_EQUAL,
    XK_LESS,
    XK_GREATER,
    XK_LESS_OR_EQUAL,
    XK_GREATER_OR_EQUAL, /* these give int32 */
    XK_BINARY_COUNT
} xk_binary;

/* NULL where the function has no meaning for the type. */
xk_map_fn xk_binary_function(xk_binary what, xk_kind kind);

#endif
