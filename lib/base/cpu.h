/* cpu.h — what this processor can do, asked once. One of the few files with OS calls. */
#ifndef XI_BASE_CPU_H
#define XI_BASE_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/string.h"

/* Bits of xi_cpu.isa. AVX2 means AVX2 and FMA and F16C; AVX512 means F, BW, CD, DQ and VL
 * (Skylake-SP and later). */
enum {
    XI_ISA_AVX2 = 1 << 0,
    XI_ISA_AVX512 = 1 << 1,
    XI_ISA_AVX512_VNNI = 1 << 2,
    XI_ISA_AVX512_BF16 = 1 << 3,
    XI_ISA_AVX_VNNI = 1 << 4,
    XI_ISA_AMX = 1 << 5,
    XI_ISA_NEON = 1 << 8,
    XI_ISA_NEON_DOTPROD = 1 << 9,
};

typedef struct xi_cpu {
    uint32_t isa;       /* what the processor and the operating system both support */
    int32_t cpus;       /* CPUs this process may use now: affinity, and cgroup quota rounded up */
    size_t l1d, l2, l3; /* bytes, 0 = unknown; l1d and l2 per core */
    uint64_t memory;    /* bytes of the machine, 0 = unknown */
    char model[64];
} xi_cpu;

void xi_cpu_query(xi_cpu *out);
/* "portable", "avx2", "avx512", … → the mask that remains of `have`; false for an unknown name. */
bool xi_cpu_isa_parse(xi_str name, uint32_t have, uint32_t *out);

/* Kernels for one instruction set stand between these, so that the library builds without per-file
 * flags and also as one translation unit. Functions and intrinsics between them may use that
 * instruction set. */
#define XK_PRAGMA(x) _Pragma(#x)
#if defined(__clang__)
#define XK_TARGET_PUSH(features) \
    XK_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define XK_TARGET_POP() XK_PRAGMA(clang attribute pop)
#else
#define XK_TARGET_PUSH(features) XK_PRAGMA(GCC push_options) XK_PRAGMA(GCC target(features))
#define XK_TARGET_POP() XK_PRAGMA(GCC pop_options)
#endif
#define XK_FEATURES_avx2 "avx2,fma,f16c"
#define XK_FEATURES_avx512 "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c"
#define XK_FEATURES_avx512vnni \
    "avx512vnni,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c"
#define XK_TARGET_BEGIN(isa) XK_TARGET_BEGIN_(XK_FEATURES_##isa)
#define XK_TARGET_BEGIN_(features) XK_TARGET_PUSH(features)
#define XK_TARGET_END(isa) XK_TARGET_POP()

#endif
