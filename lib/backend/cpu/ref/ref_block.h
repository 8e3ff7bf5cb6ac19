/* ref_block.h — runs of elements in the type that a kernel computes in, whatever type the tensor
 * has. */
#ifndef XK_REF_BLOCK_H
#define XK_REF_BLOCK_H

#include "plan/kernel.h"

/* What kernels compute in: float32 for every float up to 32 bits, int32 for integers up to 16 bits
 * and bool. */
typedef enum xk_kind { XK_NONE, XK_F32, XK_F64, XK_I32, XK_I64, XK_U64 } xk_kind;

enum { XK_BLOCK = 512 }; /* elements converted at once by callers that keep a buffer on the stack */

/* XK_NONE for strings and complex numbers. uint32 computes in int64. */
xk_kind xk_kind_of(xinf_dtype d);
size_t xk_kind_size(xk_kind k);
/* The dtype's elements are the kind's elements. */
bool xk_kind_native(xk_kind k, xinf_dtype d);

/* Elements first, first + stride, … (count of them) of data into dst; stride 0 repeats one. */
void xk_block_load(void *dst, xk_kind k, const void *data, xinf_dtype d, int64_t first,
                   int64_t stride, int64_t count);
/* The way back, rounded once; integers keep their low bits; float8 saturates. */
void xk_block_store(void *data, xinf_dtype d, int64_t first, int64_t stride, const void *src,
                    xk_kind k, int64_t count);
/* Elements first … as they lie when the type is the kind's own, else converted into buffer. */
const void *xk_block_read(void *buffer, xk_kind k, const void *data, xinf_dtype d, int64_t first,
                          int64_t count);

/* How work of `count` equal pieces is cut for the workers: at least `grain` pieces a chunk, at most
 * 4 chunks a worker. */
int32_t xk_split_chunks(int64_t count, int64_t grain, int32_t width);
void xk_split_range(int64_t count, int64_t grain, int32_t width, int32_t chunk, int64_t *first,
                    int64_t *last);

#endif
