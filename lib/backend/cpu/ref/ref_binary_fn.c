/* ref_binary_fn.c — the inner functions of two inputs. */
#include <math.h>

#include "backend/cpu/ref/ref_binary.h"

#define T float
#define FN(name) ref_binary_##name##_f32
#define M(function) function##f
#include "backend/cpu/ref/binary_tmpl.h"

#define T double
#define FN(name) ref_binary_##name##_f64
#define M(function) function
#include "backend/cpu/ref/binary_tmpl.h"

#define T int32_t
#define FN(name) ref_binary_##name##_i32
#define WRAP uint32_t
#define NEGATIVE(x) ((x) < 0)
#include "backend/cpu/ref/binary_tmpl.h"

#define T int64_t
#define FN(name) ref_binary_##name##_i64
#define WRAP uint64_t
#define NEGATIVE(x) ((x) < 0)
#include "backend/cpu/ref/binary_tmpl.h"

#define T uint64_t
#define FN(name) ref_binary_##name##_u64
#define WRAP uint64_t
#define NEGATIVE(x) false
#include "backend/cpu/ref/binary_tmpl.h"

#define BINARY_ALL(name)                                                           \
    {                                                                              \
        ref_binary_##name##_f32, ref_binary_##name##_f64, ref_binary_##name##_i32, \
            ref_binary_##name##_i64, ref_binary_##name##_u64                       \
    }
#define BINARY_WHOLE(name)                                                                    \
    {                                                                                         \
        NULL, NULL, ref_binary_##name##_i32, ref_binary_##name##_i64, ref_binary_##name##_u64 \
    }

static const xk_map_fn ref_binary_functions[XK_BINARY_COUNT][5] = {
    [XK_ADD] = BINARY_ALL(add),
    [XK_SUB] = BINARY_ALL(sub),
    [XK_MUL] = BINARY_ALL(mul),
    [XK_DIV] = BINARY_ALL(div),
    [XK_MOD] = BINARY_ALL(mod),
    [XK_FMOD] = BINARY_ALL(fmod),
    [XK_POW] = BINARY_ALL(pow),
    [XK_PRELU] = BINARY_ALL(prelu),
    [XK_BIT_AND] = BINARY_WHOLE(bit_and),
    [XK_BIT_OR] = BINARY_WHOLE(bit_or),
    [XK_BIT_XOR] = BINARY_WHOLE(bit_xor),
    [XK_MAX] = BINARY_ALL(max),
    [XK_MIN] = BINARY_ALL(min),
    [XK_EQUAL] = BINARY_ALL(equal),
    [XK_LESS] = BINARY_ALL(less),
    [XK_GREATER] = BINARY_ALL(greater),
    [XK_LESS_OR_EQUAL] = BINARY_ALL(less_or_equal),
    [XK_GREATER_OR_EQUAL] = BINARY_ALL(greater_or_equal),
};

xk_map_fn xk_binary_function(xk_binary what, xk_kind kind)
{
    return kind == XK_NONE ? NULL : ref_binary_functions[what][kind - XK_F32];
}

#undef BINARY_ALL
#undef BINARY_WHOLE
