/* dtypes.h — sets of element types, as ONNX's type constraints name them. */
#ifndef XI_GRAPH_OP_DTYPES_H
#define XI_GRAPH_OP_DTYPES_H

#include "graph/op.h"

#define XI_DTYPE_BIT(d) (UINT32_C(1) << (d))
#define XI_DTYPES_FLOAT                                                                      \
    (XI_DTYPE_BIT(XINF_FLOAT16) | XI_DTYPE_BIT(XINF_BFLOAT16) | XI_DTYPE_BIT(XINF_FLOAT32) | \
     XI_DTYPE_BIT(XINF_FLOAT64))
#define XI_DTYPES_FLOAT8                                                   \
    (XI_DTYPE_BIT(XINF_FLOAT8E4M3FN) | XI_DTYPE_BIT(XINF_FLOAT8E4M3FNUZ) | \
     XI_DTYPE_BIT(XINF_FLOAT8E5M2) | XI_DTYPE_BIT(XINF_FLOAT8E5M2FNUZ))
#define XI_DTYPES_SIGNED                                                             \
    (XI_DTYPE_BIT(XINF_INT8) | XI_DTYPE_BIT(XINF_INT16) | XI_DTYPE_BIT(XINF_INT32) | \
     XI_DTYPE_BIT(XINF_INT64))
#define XI_DTYPES_UNSIGNED                                                              \
    (XI_DTYPE_BIT(XINF_UINT8) | XI_DTYPE_BIT(XINF_UINT16) | XI_DTYPE_BIT(XINF_UINT32) | \
     XI_DTYPE_BIT(XINF_UINT64))
#define XI_DTYPES_INT (XI_DTYPES_SIGNED | XI_DTYPES_UNSIGNED)
#define XI_DTYPES_WIDE_INT                                                             \
    (XI_DTYPE_BIT(XINF_INT32) | XI_DTYPE_BIT(XINF_INT64) | XI_DTYPE_BIT(XINF_UINT32) | \
     XI_DTYPE_BIT(XINF_UINT64))
#define XI_DTYPES_BYTE (XI_DTYPE_BIT(XINF_INT8) | XI_DTYPE_BIT(XINF_UINT8))
#define XI_DTYPES_INDEX (XI_DTYPE_BIT(XINF_INT32) | XI_DTYPE_BIT(XINF_INT64))
#define XI_DTYPES_NUMBER (XI_DTYPES_INT | XI_DTYPES_FLOAT)
#define XI_DTYPES_BOOL XI_DTYPE_BIT(XINF_BOOL)
#define XI_DTYPES_ANY UINT32_C(0xffffffff)

/* Refuses unless input i is absent, of unknown dtype, or of one in `set`. */
static inline xinf_status xi_infer_among(xi_infer *c, int32_t i, uint32_t set)
{
    xinf_dtype d = xi_infer_dtype(c, i);
    if (d == XINF_UNDEFINED || set & XI_DTYPE_BIT(d)) return XINF_OK;
    return xi_infer_fail(c, "input %d is %s, which the operator does not take", (int)i,
                         xinf_dtype_name(d));
}

#endif
